//===- BenchReport.h - Tables and files of measurements ---------*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RA_RUNTIME_BENCHREPORT_H
#define RA_RUNTIME_BENCHREPORT_H

#include "ra/Runtime/Machine.h"
#include "ra/Runtime/Statistics.h"
#include "ra/Runtime/Timing.h"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace ra::runtime {

/// One configuration at one point: what was measured and what was counted.
struct BenchResult {
  /// For people: "RA direct layout"; for files: "direct".
  std::string title, name;
  /// One per round.
  std::vector<TimingSample> samples;
  /// FLOPs of one call that this configuration makes.
  int64_t flops = 0;
  int64_t kernels = 0, copies = 0;
  /// Buffers that a call allocates, results apart.
  int64_t allocations = 0, intermediateBytes = 0;
  /// Made of weights once, before the first call.
  int64_t preparedBytes = 0;
  /// On the stack of each thread, inside kernels.
  int64_t scratchBytes = 0;
  /// The largest absolute error against the f64 reference, and the largest that
  /// passes.
  double maxError = 0, tolerance = 0;
  double compileSeconds = 0, prepareSeconds = 0;

  /// Milliseconds of one call, one per round.
  std::vector<double> milliseconds() const;
};

/// Measurements that were interleaved with each other.
struct BenchPoint {
  /// The value on the axis, "T=1024" and 1024; empty and 0 without an axis.
  std::string label;
  double axisValue = 0;
  /// FLOPs that the result needs, by which every configuration's GFLOP/s are
  /// counted.
  int64_t usefulFlops = 0;
  int64_t inputBytes = 0, weightBytes = 0, outputBytes = 0;
  std::vector<BenchResult> results;

  /// The position of the result named `name`; -1 when it was not measured.
  int find(const std::string &name) const;
};

/// Everything that one run measured.
struct BenchReport {
  /// The entry: "block".
  std::string name;
  /// Names of the results that ratios refer to, and that stand for the best of
  /// both sides.
  std::string baseline, best;
  /// "T" when the points differ in it; empty for a single point.
  std::string axis;
  uint64_t seed = 0;
  unsigned threads = 1;
  Machine machine;
  /// More facts for the files' context, as text: tool, versions, hash of the
  /// IR, command. Keys are those of the file.
  std::vector<std::pair<std::string, std::string>> context;
  std::vector<BenchPoint> points;
  int64_t peakResidentBytes = 0;
};

/// The ratio of two configurations' times, numerator over denominator, paired
/// by round.
struct RatioSummary {
  Summary spread;
  /// 95 % interval of the median.
  Interval interval;
};
RatioSummary summariseRatio(const BenchResult &numerator,
                            const BenchResult &denominator, uint64_t seed);

/// The table of one point, in GitHub's Markdown, padded for a terminal:
///
///   Configuration | ms/iter | p5-p95 | vs Baseline | GFLOP/s | kernels |
///   copies | MiB intermediates | max err
///
/// `vs Baseline` is the configuration's time over the baseline's: the median of
/// the rounds' ratios; "-" when the baseline was not measured.
std::string formatTable(const BenchReport &report, const BenchPoint &point);

/// One sentence that compares the best with the baseline, as in a paper; empty
/// when one of them was not measured.
std::string formatBestAgainstBest(const BenchReport &report,
                                  const BenchPoint &point);

/// A table of what a call does not take: compilation, preparation of weights,
/// their bytes, buffers; and a line on the memory that all have in common.
std::string formatResources(const BenchReport &report, const BenchPoint &point);

/// Google Benchmark's JSON: `context`, and `benchmarks` with one run per round
/// (its repetitions) and the aggregates mean, median, stddev and cv. Named
/// `name/configuration[/T:1024]`. Times are in milliseconds; counters that it
/// does not know stand beside its own.
std::string formatJson(const BenchReport &report);

/// One line per configuration and point, with a header.
std::string formatCsv(const BenchReport &report);

/// A picture in SVG. One point: bars of time over the baseline's time. With an
/// axis: GFLOP/s, and time over the baseline's, along it.
std::string plotSvg(const BenchReport &report);

} // namespace ra::runtime

#endif // RA_RUNTIME_BENCHREPORT_H
