//===- BenchPlot.cpp - Pictures of measurements ---------------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "NumberText.h"
#include "ra/Runtime/BenchReport.h"
#include "ra/Runtime/SvgPlot.h"

using namespace ra;
using namespace ra::runtime;

static std::string describe(const BenchReport &report) {
  std::string text = report.machine.cpu;
  if (!report.machine.isa.empty())
    text += (text.empty() ? "" : ", ") + report.machine.isa;
  return text + (text.empty() ? "" : "; ") + std::to_string(report.threads) +
         (report.threads == 1 ? " thread" : " threads") +
         "; medians, whiskers p5-p95";
}

/// The quantile of rounds is taken of the time; of its inverse it is the other
/// end.
static PlotPoint throughput(const BenchPoint &point,
                            const BenchResult &result) {
  Summary time = summarise(result.milliseconds());
  double scale = static_cast<double>(point.usefulFlops) / 1e6;
  return {point.axisValue, scale / time.median, scale / time.p95,
          scale / time.p5};
}

static std::string plotBars(const BenchReport &report) {
  BarChart chart;
  chart.title = "@" + report.name + ": time of one call";
  chart.subtitle = describe(report);
  const BenchPoint &point = report.points.front();
  int baseline = point.find(report.baseline);
  for (const BenchResult &result : point.results) {
    Summary time = summarise(result.milliseconds());
    Bar bar{result.title, time.median, time.p5, time.p95, ""};
    bar.text = significant(time.median) + " ms";
    if (baseline >= 0) {
      Summary ratio =
          summariseRatio(result, point.results[baseline], report.seed).spread;
      bar = {result.title, ratio.median, ratio.p5, ratio.p95,
             fixed(ratio.median, 3) + " (" + bar.text + ")"};
    }
    chart.bars.push_back(bar);
  }
  chart.xLabel = "Time (ms)";
  if (baseline >= 0) {
    chart.xLabel = "Time / time of " + point.results[baseline].title +
                   " (ratio within each round)";
    chart.reference = 1;
  }
  return toSvg(chart);
}

static std::string plotLines(const BenchReport &report) {
  LinePlot plot;
  plot.title = "@" + report.name + " over " + report.axis;
  plot.subtitle = describe(report);
  plot.xLabel = report.axis == "T"   ? "Sequence length T (tokens)"
                : report.axis == "B" ? "Batch B (sequences)"
                                     : "Extent of dim " + report.axis;
  Panel speed, ratio;
  speed.yLabel = "GFLOP/s of useful FLOPs";
  ratio.fromZero = false;
  ratio.reference = 1;
  // Every point measured the same configurations.
  for (size_t i = 0; i < report.points.front().results.size(); ++i) {
    Series speeds, ratios;
    speeds.label = ratios.label = report.points.front().results[i].title;
    for (const BenchPoint &point : report.points) {
      speeds.points.push_back(throughput(point, point.results[i]));
      int baseline = point.find(report.baseline);
      if (baseline < 0)
        continue;
      ratio.yLabel = "Time / time of " + point.results[baseline].title;
      Summary spread =
          summariseRatio(point.results[i], point.results[baseline], report.seed)
              .spread;
      ratios.points.push_back(
          {point.axisValue, spread.median, spread.p5, spread.p95});
    }
    speed.series.push_back(speeds);
    ratio.series.push_back(ratios);
  }
  plot.panels.push_back(speed);
  if (!ratio.yLabel.empty())
    plot.panels.push_back(ratio);
  return toSvg(plot);
}

std::string runtime::plotSvg(const BenchReport &report) {
  if (report.points.empty())
    return toSvg(BarChart());
  return report.axis.empty() ? plotBars(report) : plotLines(report);
}
