//===- SvgPlot.h - Charts as SVG --------------------------------*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RA_RUNTIME_SVGPLOT_H
#define RA_RUNTIME_SVGPLOT_H

#include <string>
#include <vector>

namespace ra::runtime {

/// A bar with the spread of its value as a whisker.
struct Bar {
  std::string label;
  double value = 0, low = 0, high = 0;
  /// What stands behind the bar: "1.003".
  std::string text;
};

/// Horizontal bars from 0, in the order given, and a vertical line that they
/// are compared with.
struct BarChart {
  std::string title, subtitle;
  /// The quantity with its unit, under the bars.
  std::string xLabel;
  double reference = 0; ///< 0: no line.
  std::vector<Bar> bars;
};

struct PlotPoint {
  double x = 0, y = 0, low = 0, high = 0;
};

/// Points joined by lines, the spread of each as a whisker.
struct Series {
  std::string label;
  std::vector<PlotPoint> points;
};

/// One coordinate system. The horizontal axis is logarithmic, with a tick at
/// each value that occurs; the vertical one is linear.
struct Panel {
  std::string yLabel;
  /// Whether the vertical axis starts at 0; otherwise it spans the values.
  bool fromZero = true;
  double reference = 0; ///< A horizontal line; 0: none.
  std::vector<Series> series;
};

/// Panels below one another with one horizontal axis and one legend. A series
/// has the colour and marker of its position, in every panel.
struct LinePlot {
  std::string title, subtitle, xLabel;
  std::vector<Panel> panels;
};

/// A whole file: no fonts, scripts or images from elsewhere, on a white ground.
std::string toSvg(const BarChart &chart);
std::string toSvg(const LinePlot &plot);

} // namespace ra::runtime

#endif // RA_RUNTIME_SVGPLOT_H
