//===- Statistics.cpp - Medians, spreads, intervals -----------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ra/Runtime/Statistics.h"
#include "ra/Runtime/Random.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>

using namespace ra;
using namespace ra::runtime;

static constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

static double quantileOfSorted(const std::vector<double> &sorted, double q) {
  if (sorted.empty())
    return kNaN;
  double position = q * static_cast<double>(sorted.size() - 1);
  auto below = static_cast<size_t>(position);
  size_t above = std::min(below + 1, sorted.size() - 1);
  double weight = position - static_cast<double>(below);
  return sorted[below] + weight * (sorted[above] - sorted[below]);
}

double runtime::quantile(std::vector<double> values, double q) {
  assert(q >= 0 && q <= 1 && "a quantile lies between 0 and 1");
  std::sort(values.begin(), values.end());
  return quantileOfSorted(values, q);
}

Summary runtime::summarise(const std::vector<double> &values) {
  std::vector<double> sorted = values;
  std::sort(sorted.begin(), sorted.end());
  Summary summary;
  summary.count = sorted.size();
  summary.median = quantileOfSorted(sorted, 0.5);
  summary.p5 = quantileOfSorted(sorted, 0.05);
  summary.p95 = quantileOfSorted(sorted, 0.95);
  return summary;
}

std::vector<double>
runtime::pairedRatios(const std::vector<double> &numerator,
                      const std::vector<double> &denominator) {
  assert(numerator.size() == denominator.size() && "ratios of pairs");
  std::vector<double> ratios(numerator.size());
  for (size_t i = 0; i < ratios.size(); ++i)
    ratios[i] = numerator[i] / denominator[i];
  return ratios;
}

Interval runtime::bootstrapMedian(const std::vector<double> &values,
                                  uint64_t seed, double confidence,
                                  unsigned resamples) {
  if (values.empty())
    return {kNaN, kNaN};
  RandomStream stream{seed, /*stream=*/0};
  std::vector<double> draws(values.size()), sample(values.size());
  std::vector<double> medians(resamples);
  auto count = static_cast<double>(values.size());
  for (unsigned i = 0; i < resamples; ++i) {
    stream.uniform(0, count, static_cast<uint64_t>(i) * values.size(),
                   values.size(), draws.data());
    for (size_t j = 0; j < values.size(); ++j)
      // A draw may round up to `count` itself.
      sample[j] =
          values[std::min(static_cast<size_t>(draws[j]), values.size() - 1)];
    medians[i] = quantile(sample, 0.5);
  }
  std::sort(medians.begin(), medians.end());
  return {quantileOfSorted(medians, (1 - confidence) / 2),
          quantileOfSorted(medians, (1 + confidence) / 2)};
}
