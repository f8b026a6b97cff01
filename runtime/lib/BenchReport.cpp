//===- BenchReport.cpp - Tables of measurements ---------------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ra/Runtime/BenchReport.h"
#include "NumberText.h"

#include <algorithm>
#include <cmath>

using namespace ra;
using namespace ra::runtime;

std::vector<double> BenchResult::milliseconds() const {
  std::vector<double> values;
  values.reserve(samples.size());
  for (const TimingSample &sample : samples)
    values.push_back(sample.seconds * 1e3);
  return values;
}

int BenchPoint::find(const std::string &wanted) const {
  for (size_t i = 0; i < results.size(); ++i)
    if (results[i].name == wanted)
      return static_cast<int>(i);
  return -1;
}

RatioSummary runtime::summariseRatio(const BenchResult &numerator,
                                     const BenchResult &denominator,
                                     uint64_t seed) {
  std::vector<double> ratios =
      pairedRatios(numerator.milliseconds(), denominator.milliseconds());
  return {summarise(ratios), bootstrapMedian(ratios, seed)};
}

/// Rows of cells as a Markdown table whose columns line up.
static std::string
formatColumns(const std::vector<std::vector<std::string>> &rows) {
  std::vector<size_t> widths;
  for (const std::vector<std::string> &row : rows) {
    widths.resize(std::max(widths.size(), row.size()), 0);
    for (size_t i = 0; i < row.size(); ++i)
      widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (size_t r = 0; r < rows.size(); ++r) {
    for (size_t i = 0; i < widths.size(); ++i) {
      std::string padding(widths[i] - rows[r][i].size(), ' ');
      text += i == 0 ? rows[r][i] + padding : " | " + padding + rows[r][i];
    }
    text += "\n";
    for (size_t i = 0; r == 0 && i < widths.size(); ++i)
      text += i == 0 ? std::string(widths[i], '-')
                     : " | " + std::string(widths[i] - 1, '-') + ":";
    if (r == 0)
      text += "\n";
  }
  return text;
}

std::string runtime::formatTable(const BenchReport &report,
                                 const BenchPoint &point) {
  std::vector<std::vector<std::string>> rows = {
      {"Configuration", "ms/iter", "p5-p95", "vs Baseline", "GFLOP/s",
       "kernels", "copies", "MiB intermediates", "max err"}};
  int baseline = point.find(report.baseline);
  for (const BenchResult &result : point.results) {
    Summary time = summarise(result.milliseconds());
    std::string ratio = "-";
    if (baseline >= 0)
      ratio = fixed(summariseRatio(result, point.results[baseline], report.seed)
                        .spread.median,
                    3);
    std::string gflops = "-";
    if (point.usefulFlops > 0)
      gflops = significant(
          static_cast<double>(point.usefulFlops) / (time.median * 1e6), 3);
    rows.push_back(
        {result.title, significant(time.median),
         significant(time.p5) + "-" + significant(time.p95), ratio, gflops,
         std::to_string(result.kernels), std::to_string(result.copies),
         mebibytes(result.intermediateBytes), scientific(result.maxError)});
  }
  return formatColumns(rows);
}

std::string runtime::formatBestAgainstBest(const BenchReport &report,
                                           const BenchPoint &point) {
  int best = point.find(report.best), baseline = point.find(report.baseline);
  if (best < 0 || baseline < 0 || best == baseline)
    return "";
  RatioSummary ratio =
      summariseRatio(point.results[best], point.results[baseline], report.seed);
  bool differs = ratio.interval.low > 1 || ratio.interval.high < 1;
  std::string verdict = "no difference beyond noise";
  if (differs)
    verdict = percent(std::abs(ratio.spread.median - 1)) +
              (ratio.spread.median > 1 ? " slower" : " faster");
  return "Best against best: " + point.results[best].title + " / " +
         point.results[baseline].title + " = " + fixed(ratio.spread.median, 3) +
         ", 95 % CI [" + fixed(ratio.interval.low, 3) + ", " +
         fixed(ratio.interval.high, 3) + "] (median of " +
         std::to_string(ratio.spread.count) +
         " paired rounds, bootstrap), p5-p95 " + fixed(ratio.spread.p5, 3) +
         "-" + fixed(ratio.spread.p95, 3) + ": " + verdict + ".\n";
}

std::string runtime::formatResources(const BenchReport &report,
                                     const BenchPoint &point) {
  std::vector<std::vector<std::string>> rows = {
      {"Configuration", "compile s", "prepare ms", "MiB prepared", "buffers",
       "KiB scratch/thread"}};
  for (const BenchResult &result : point.results)
    rows.push_back({result.title, fixed(result.compileSeconds, 2),
                    fixed(result.prepareSeconds * 1e3, 2),
                    mebibytes(result.preparedBytes),
                    std::to_string(result.allocations),
                    std::to_string(result.scratchBytes >> 10)});
  return formatColumns(rows) + "\nMiB: inputs " + mebibytes(point.inputBytes) +
         ", outputs " + mebibytes(point.outputBytes) + ", weights " +
         mebibytes(point.weightBytes) +
         "; peak resident, with compiler and reference, " +
         mebibytes(report.peakResidentBytes) + ".\n";
}
