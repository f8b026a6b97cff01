//===- Statistics.h - Medians, spreads, intervals ---------------*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RA_RUNTIME_STATISTICS_H
#define RA_RUNTIME_STATISTICS_H

#include <cstddef>
#include <cstdint>
#include <vector>

namespace ra::runtime {

/// The quantile q in [0, 1] of `values`, in any order: linear between the order
/// statistics (type 7 of Hyndman and Fan, Sample quantiles in statistical
/// packages, 1996; NumPy's default). NaN when there are no values.
double quantile(std::vector<double> values, double q);

/// What a report says about repeated measurements, in their unit.
struct Summary {
  size_t count = 0;
  double median = 0, p5 = 0, p95 = 0;
};

/// The median and the 5th and 95th percentile; NaN when there are no values.
Summary summarise(const std::vector<double> &values);

/// numerator[i] / denominator[i], for measurements of one round each. The
/// vectors have the same length.
std::vector<double> pairedRatios(const std::vector<double> &numerator,
                                 const std::vector<double> &denominator);

/// Ends of a confidence interval.
struct Interval {
  double low = 0, high = 0;
};

/// A percentile bootstrap interval (Efron, 1979) of the median of `values`: the
/// quantiles (1 -+ confidence) / 2 of the medians of `resamples` draws with
/// replacement. The same seed gives the same interval on every machine. NaN
/// when there are no values.
Interval bootstrapMedian(const std::vector<double> &values, uint64_t seed,
                         double confidence = 0.95, unsigned resamples = 2000);

} // namespace ra::runtime

#endif // RA_RUNTIME_STATISTICS_H
