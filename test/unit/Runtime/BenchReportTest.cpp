//===- BenchReportTest.cpp - Tables and files of measurements -------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ra/Runtime/BenchReport.h"
#include "TestFiles.h"
#include "ra/Runtime/SvgPlot.h"

#include <clocale>

using namespace ra::runtime;
using ra::runtime::test::says;

static BenchResult makeResult(const std::string &title, const std::string &name,
                              const std::vector<double> &milliseconds) {
  BenchResult result;
  result.title = title;
  result.name = name;
  for (double time : milliseconds)
    result.samples.push_back({time * 1e-3, time * 2e-3, 4});
  result.kernels = 3;
  result.intermediateBytes = 3 << 20;
  result.allocations = 2;
  result.maxError = 1.2e-6;
  result.compileSeconds = 0.5;
  return result;
}

/// Two configurations of five rounds; the second takes 1.5 times as long in
/// every round although rounds differ by a factor of 2.
static BenchReport makeReport() {
  BenchReport report;
  report.name = "block";
  report.baseline = "baseline";
  report.best = "direct";
  report.threads = 2;
  report.machine.cpu = "Some <CPU>";
  report.context = {{"command", "ra-run \"x\"\n"}};
  BenchPoint point;
  // 10 ms: 200 GFLOP/s.
  point.usefulFlops = 2'000'000'000;
  point.results = {
      makeResult("Baseline compiled", "baseline", {10, 20, 10, 12, 8}),
      makeResult("RA direct layout", "direct", {15, 30, 15, 18, 12})};
  report.points = {point};
  return report;
}

static size_t count(const std::string &text, const std::string &part) {
  size_t found = 0;
  for (size_t at = text.find(part); at != std::string::npos;
       at = text.find(part, at + 1))
    ++found;
  return found;
}

TEST(BenchReport, Table) {
  BenchReport report = makeReport();
  EXPECT_EQ(
      formatTable(report, report.points[0]),
      "Configuration     | ms/iter |      p5-p95 | vs Baseline | GFLOP/s | "
      "kernels | copies | MiB intermediates | max err\n"
      "----------------- | ------: | ----------: | ----------: | ------: | "
      "------: | -----: | ----------------: | ------:\n"
      "Baseline compiled |   10.00 | 8.400-18.40 |       1.000 |     200 | "
      "      3 |      0 |              3.00 | 1.2e-06\n"
      "RA direct layout  |   15.00 | 12.60-27.60 |       1.500 |     133 | "
      "      3 |      0 |              3.00 | 1.2e-06\n");
}

TEST(BenchReport, TableWithoutBaselineOrFlops) {
  BenchReport report = makeReport();
  BenchPoint &point = report.points[0];
  point.results.erase(point.results.begin());
  point.usefulFlops = -1;
  EXPECT_TRUE(says(formatTable(report, point), "|           - |       - |"));
  EXPECT_EQ(formatBestAgainstBest(report, point), "");
}

TEST(BenchReport, BestAgainstBest) {
  BenchReport report = makeReport();
  EXPECT_EQ(formatBestAgainstBest(report, report.points[0]),
            "Best against best: RA direct layout / Baseline compiled = 1.500, "
            "95 % CI [1.500, 1.500] (median of 5 paired rounds, bootstrap), "
            "p5-p95 1.500-1.500: 50.0 % slower.\n");
  // Ratios on both sides of 1 are no difference.
  report.points[0].results[1] =
      makeResult("RA direct layout", "direct", {11, 18, 10, 13, 7});
  EXPECT_TRUE(says(formatBestAgainstBest(report, report.points[0]),
                   "no difference beyond noise"));
  // A constant ratio below 1 is.
  report.points[0].results[1] =
      makeResult("RA direct layout", "direct", {5, 10, 5, 6, 4});
  EXPECT_TRUE(says(formatBestAgainstBest(report, report.points[0]),
                   "= 0.500, 95 % CI [0.500, 0.500]"));
  EXPECT_TRUE(
      says(formatBestAgainstBest(report, report.points[0]), "50.0 % faster"));
}

TEST(BenchReport, Json) {
  BenchReport report = makeReport();
  report.axis = "T";
  report.points[0].axisValue = 64;
  std::string json = formatJson(report);
  // A line for each of 2 x 5 rounds, and four aggregates of both.
  EXPECT_EQ(count(json, "\"run_type\": \"iteration\""), 10u);
  EXPECT_EQ(count(json, "\"run_type\": \"aggregate\""), 8u);
  EXPECT_EQ(count(json, "\"name\": \"block/direct/T:64\""), 5u);
  EXPECT_TRUE(says(json, "\"name\": \"block/direct/T:64_median\""));
  EXPECT_TRUE(says(json, "\"command\": \"ra-run \\\"x\\\"\\u000a\""));
  EXPECT_TRUE(says(json, "\"vs_baseline\": 1.5"));
  EXPECT_EQ(count(json, "{"), count(json, "}"));
  EXPECT_EQ(count(json, "["), count(json, "]"));
}

TEST(BenchReport, Csv) {
  BenchReport report = makeReport();
  std::string csv = formatCsv(report);
  EXPECT_EQ(count(csv, "\n"), 3u);
  std::string header = csv.substr(0, csv.find('\n'));
  EXPECT_EQ(count(csv, ","), 3 * count(header, ","));
  EXPECT_TRUE(says(csv, "\nblock,direct,,,2,5,15,12.6,27.6,1.5,1.5,1.5,133.3"));
}

TEST(BenchReport, Resources) {
  BenchReport report = makeReport();
  report.points[0].inputBytes = 1 << 20;
  std::string text = formatResources(report, report.points[0]);
  EXPECT_TRUE(says(text, "RA direct layout  |      0.50 |"));
  EXPECT_TRUE(says(text, "MiB: inputs 1.00, outputs 0.00"));
}

TEST(BenchReport, NumbersDoNotDependOnTheLocale) {
  BenchReport report = makeReport();
  std::string before = formatJson(report).substr(60);
  // Not every machine has one with a decimal comma.
  if (std::setlocale(LC_ALL, "de_DE.UTF-8")) {
    EXPECT_EQ(formatJson(report).substr(60), before);
    std::setlocale(LC_ALL, "C");
  }
}

/// Every element that is opened is closed, and nothing is left of what the
/// names hold that would open one.
static void expectWellFormed(const std::string &svg) {
  EXPECT_EQ(count(svg, "<text "), count(svg, "</text>"));
  EXPECT_EQ(count(svg, "<svg "), 1u);
  EXPECT_EQ(count(svg, "</svg>"), 1u);
  EXPECT_EQ(count(svg, "<"), count(svg, ">"));
  EXPECT_EQ(count(svg, "nan"), 0u);
  EXPECT_EQ(count(svg, "inf"), 0u);
}

TEST(BenchReport, BarsOfOnePoint) {
  BenchReport report = makeReport();
  std::string svg = plotSvg(report);
  expectWellFormed(svg);
  EXPECT_TRUE(says(svg, "Some &lt;CPU&gt;"));
  EXPECT_TRUE(says(svg, "1.500 (15.00 ms)"));
  // The ground and two bars.
  EXPECT_EQ(count(svg, "<rect "), 3u);
  EXPECT_TRUE(says(svg, "Time / time of Baseline compiled"));
}

TEST(BenchReport, LinesOverAnAxis) {
  BenchReport report = makeReport();
  report.axis = "T";
  report.points.push_back(report.points[0]);
  report.points[0].axisValue = 512;
  report.points[1].axisValue = 1024;
  std::string svg = plotSvg(report);
  expectWellFormed(svg);
  // Two panels of two series.
  EXPECT_EQ(count(svg, "<polyline "), 4u);
  EXPECT_TRUE(says(svg, "Sequence length T (tokens)"));
  EXPECT_TRUE(says(svg, ">512</text>"));
  EXPECT_TRUE(says(svg, ">1024</text>"));
}

TEST(BenchReport, PicturesOfLittle) {
  BenchReport report;
  expectWellFormed(plotSvg(report));
  report = makeReport();
  report.points[0].results.erase(report.points[0].results.begin());
  expectWellFormed(plotSvg(report));
  report.axis = "B";
  report.points[0].axisValue = 1;
  expectWellFormed(plotSvg(report));
}

TEST(SvgPlot, BarsReachTheirValues) {
  BarChart chart;
  chart.bars = {{"a", 1, 1, 1, ""}, {"b", 2, 2, 2, ""}};
  std::string svg = toSvg(chart);
  // The plot is 460 wide and ends at 2.
  EXPECT_TRUE(says(svg, "width=\"230.0\""));
  EXPECT_TRUE(says(svg, "width=\"460.0\""));
}
