//===- SvgPlot.cpp - Charts as SVG ----------------------------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ra/Runtime/SvgPlot.h"
#include "NumberText.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <set>

using namespace ra;
using namespace ra::runtime;

/// Okabe and Ito's colours without yellow: they can be told apart by people
/// who see few colours.
static constexpr std::array<const char *, 7> kColours = {
    "#7f7f7f", "#000000", "#d55e00", "#e69f00",
    "#56b4e9", "#0072b2", "#009e73"};
static constexpr const char *kInk = "#222222", *kFaint = "#d9d9d9",
                            *kMuted = "#666666";
static constexpr double kFont = 13, kTitleFont = 16, kSmallFont = 12;

namespace {

/// An SVG document under construction. Lengths are pixels.
class Canvas {
public:
  enum class Anchor { Start, Middle, End };

  void text(double x, double y, const std::string &string,
            Anchor anchor = Anchor::Start, double size = kFont,
            const char *colour = kInk, const char *attributes = "") {
    static constexpr const char *names[] = {"start", "middle", "end"};
    body += "<text x=\"" + fixed(x, 1) + "\" y=\"" + fixed(y, 1) +
            "\" text-anchor=\"" + names[static_cast<int>(anchor)] +
            "\" font-size=\"" + fixed(size, 0) + "\" fill=\"" + colour + "\"" +
            attributes + ">" + escape(string) + "</text>\n";
  }

  void textUpwards(double x, double y, const std::string &string) {
    std::string turn =
        " transform=\"rotate(-90 " + fixed(x, 1) + " " + fixed(y, 1) + ")\"";
    text(x, y, string, Anchor::Middle, kFont, kInk, turn.c_str());
  }

  void line(double x1, double y1, double x2, double y2, const char *colour,
            double width = 1, const char *dashes = nullptr) {
    body +=
        "<line x1=\"" + fixed(x1, 1) + "\" y1=\"" + fixed(y1, 1) + "\" x2=\"" +
        fixed(x2, 1) + "\" y2=\"" + fixed(y2, 1) + "\" stroke=\"" + colour +
        "\" stroke-width=\"" + fixed(width, 1) + "\"" +
        (dashes ? std::string(" stroke-dasharray=\"") + dashes + "\"" : "") +
        "/>\n";
  }

  void rectangle(double x, double y, double width, double height,
                 const char *fill) {
    body += "<rect x=\"" + fixed(x, 1) + "\" y=\"" + fixed(y, 1) +
            "\" width=\"" + fixed(width, 1) + "\" height=\"" +
            fixed(height, 1) + "\" fill=\"" + fill + "\"/>\n";
  }

  void polyline(const std::vector<std::array<double, 2>> &points,
                const char *colour) {
    body += "<polyline fill=\"none\" stroke=\"" + std::string(colour) +
            "\" stroke-width=\"2\" points=\"";
    for (const auto &[x, y] : points)
      body += fixed(x, 1) + "," + fixed(y, 1) + " ";
    body += "\"/>\n";
  }

  /// Series `index`'s marker: shapes differ as well as colours.
  void marker(double x, double y, size_t index) {
    const char *colour = kColours[index % kColours.size()];
    if (index % 3 == 0)
      body += "<circle cx=\"" + fixed(x, 1) + "\" cy=\"" + fixed(y, 1) +
              "\" r=\"4\" fill=\"" + colour + "\"/>\n";
    else if (index % 3 == 1)
      rectangle(x - 3.5, y - 3.5, 7, 7, colour);
    else
      body += "<path d=\"M" + fixed(x, 1) + " " + fixed(y - 5, 1) +
              "l4.8 8.6h-9.6z\" fill=\"" + colour + "\"/>\n";
  }

  std::string finish(double width, double height) const {
    std::string w = fixed(width, 0), h = fixed(height, 0);
    return "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" + w +
           "\" height=\"" + h + "\" viewBox=\"0 0 " + w + " " + h +
           "\" font-family=\"system-ui, 'DejaVu Sans', Arial, sans-serif\">\n"
           "<rect width=\"" +
           w + "\" height=\"" + h + "\" fill=\"#ffffff\"/>\n" + body +
           "</svg>\n";
  }

private:
  static std::string escape(const std::string &string) {
    std::string escaped;
    for (char c : string)
      if (c == '&')
        escaped += "&amp;";
      else if (c == '<')
        escaped += "&lt;";
      else if (c == '>')
        escaped += "&gt;";
      else if (static_cast<unsigned char>(c) >= 0x20)
        escaped += c;
    return escaped;
  }

  std::string body;
};

/// Round numbers from `low` to `high`, both included or surrounded.
struct Ticks {
  std::vector<double> values;
  int decimals = 0;
};

} // namespace

/// The width of text in a sans-serif font, roughly and rather too wide.
static double textWidth(const std::string &text, double size = kFont) {
  return static_cast<double>(text.size()) * size * 0.58;
}

static Ticks makeTicks(double low, double high, int wanted) {
  double span = high - low;
  if (!(span > 0) || !std::isfinite(span))
    span = std::max(std::abs(high), 1.0);
  double rough = span / wanted;
  double power = std::pow(10.0, std::floor(std::log10(rough)));
  double step = power * 10;
  for (double factor : {1.0, 2.0, 5.0})
    if (factor * power >= rough) {
      step = factor * power;
      break;
    }
  Ticks ticks;
  ticks.decimals =
      std::max(0, static_cast<int>(-std::floor(std::log10(step) + 1e-9)));
  auto first = static_cast<int64_t>(std::floor(low / step + 1e-9));
  auto last = static_cast<int64_t>(std::ceil(high / step - 1e-9));
  for (int64_t i = first; i <= std::max(last, first + 1); ++i)
    ticks.values.push_back(static_cast<double>(i) * step);
  return ticks;
}

static double drawHead(Canvas &canvas, double x, const std::string &title,
                       const std::string &subtitle) {
  canvas.text(x, 28, title, Canvas::Anchor::Start, kTitleFont, kInk,
              " font-weight=\"600\"");
  canvas.text(x, 48, subtitle, Canvas::Anchor::Start, kSmallFont, kMuted);
  return 64;
}

/// Wide enough for the head, which may be wider than the plot.
static double widthOfHead(const std::string &title,
                          const std::string &subtitle) {
  return 40 + std::max(textWidth(title, kTitleFont + 1),
                       textWidth(subtitle, kSmallFont));
}

std::string runtime::toSvg(const BarChart &chart) {
  double labels = 0, texts = 0, highest = chart.reference;
  for (const Bar &bar : chart.bars) {
    labels = std::max(labels, textWidth(bar.label));
    texts = std::max(texts, textWidth(bar.text));
    highest = std::max({highest, bar.value, bar.high});
  }
  constexpr double step = 34, thickness = 20, plotWidth = 460;
  double left = 20 + labels + 10;
  Ticks ticks = makeTicks(0, highest, 6);
  double end = ticks.values.back();
  auto toX = [&](double value) { return left + value / end * plotWidth; };

  Canvas canvas;
  double top = drawHead(canvas, 20, chart.title, chart.subtitle);
  double bottom = top + 12 + step * static_cast<double>(chart.bars.size());
  for (double value : ticks.values) {
    canvas.line(toX(value), top, toX(value), bottom, kFaint);
    canvas.text(toX(value), bottom + 18, fixed(value, ticks.decimals),
                Canvas::Anchor::Middle, kSmallFont);
  }
  for (size_t i = 0; i < chart.bars.size(); ++i) {
    const Bar &bar = chart.bars[i];
    double middle = top + 6 + step * (static_cast<double>(i) + 0.5);
    canvas.rectangle(left, middle - thickness / 2, toX(bar.value) - left,
                     thickness, kColours[i % kColours.size()]);
    // A white rim keeps the whisker visible on a dark bar.
    canvas.line(toX(bar.low), middle, toX(bar.high), middle, "#ffffff", 4);
    canvas.line(toX(bar.low), middle, toX(bar.high), middle, kMuted, 2);
    for (double edge : {bar.low, bar.high})
      canvas.line(toX(edge), middle - 4, toX(edge), middle + 4, kMuted, 2);
    canvas.text(left - 10, middle + 4.5, bar.label, Canvas::Anchor::End);
    canvas.text(left + plotWidth + 14, middle + 4.5, bar.text);
  }
  if (chart.reference > 0)
    canvas.line(toX(chart.reference), top, toX(chart.reference), bottom, kInk,
                1.5, "5 4");
  canvas.line(left, top, left, bottom, kInk);
  canvas.text(left + plotWidth / 2, bottom + 42, chart.xLabel,
              Canvas::Anchor::Middle);
  double width = std::max(left + plotWidth + 14 + texts + 20,
                          widthOfHead(chart.title, chart.subtitle));
  return canvas.finish(width, bottom + 58);
}

static void drawPanel(Canvas &canvas, const Panel &panel, double left,
                      double top, double width, double height,
                      const std::vector<double> &xs) {
  double low = panel.fromZero ? 0 : INFINITY, high = -INFINITY;
  auto include = [&](double value) {
    low = std::min(low, value);
    high = std::max(high, value);
  };
  for (const Series &series : panel.series)
    for (const PlotPoint &point : series.points) {
      include(point.low);
      include(point.high);
      include(point.y);
    }
  if (panel.reference != 0)
    include(panel.reference);
  Ticks ticks = makeTicks(low, high, 5);
  low = ticks.values.front();
  high = ticks.values.back();

  // Half a step of room on both sides; a single value stands in the middle.
  double first = std::log(xs.front()), last = std::log(xs.back());
  double margin = xs.size() > 1 ? 28 : width / 2;
  auto toX = [&](double x) {
    double share = xs.size() > 1 ? (std::log(x) - first) / (last - first) : 0;
    return left + margin + share * (width - 2 * margin);
  };
  auto toY = [&](double y) { return top + (high - y) / (high - low) * height; };

  for (double value : ticks.values) {
    canvas.line(left, toY(value), left + width, toY(value), kFaint);
    canvas.text(left - 8, toY(value) + 4, fixed(value, ticks.decimals),
                Canvas::Anchor::End, kSmallFont);
  }
  for (double x : xs)
    canvas.line(toX(x), top + height, toX(x), top + height + 5, kInk);
  canvas.line(left, top, left, top + height, kInk);
  canvas.line(left, top + height, left + width, top + height, kInk);
  if (panel.reference != 0)
    canvas.line(left, toY(panel.reference), left + width, toY(panel.reference),
                kInk, 1.5, "5 4");
  canvas.textUpwards(left - 58, top + height / 2, panel.yLabel);
  for (double x : xs)
    canvas.text(toX(x), top + height + 19, significant(x, 1),
                Canvas::Anchor::Middle, kSmallFont);

  for (size_t i = 0; i < panel.series.size(); ++i) {
    const char *colour = kColours[i % kColours.size()];
    // Series stand a little apart, or only the last whisker would show.
    double shift = 5 * (static_cast<double>(i) -
                        static_cast<double>(panel.series.size() - 1) / 2);
    std::vector<std::array<double, 2>> line;
    for (const PlotPoint &point : panel.series[i].points) {
      double x = toX(point.x) + shift;
      line.push_back({x, toY(point.y)});
      canvas.line(x, toY(point.low), x, toY(point.high), colour, 1.5);
    }
    canvas.polyline(line, colour);
    for (const auto &[x, y] : line)
      canvas.marker(x, y, i);
  }
}

std::string runtime::toSvg(const LinePlot &plot) {
  std::set<double> values;
  double labels = 0;
  const std::vector<Series> noSeries;
  const std::vector<Series> &legend =
      plot.panels.empty() ? noSeries : plot.panels.front().series;
  for (const Series &series : legend) {
    labels = std::max(labels, textWidth(series.label));
    for (const PlotPoint &point : series.points)
      values.insert(point.x);
  }
  std::vector<double> xs(values.begin(), values.end());

  constexpr double left = 92, plotWidth = 520, plotHeight = 230, gap = 52;
  Canvas canvas;
  double top = drawHead(canvas, 20, plot.title, plot.subtitle) + 8;
  double y = top;
  for (const Panel &panel : plot.panels) {
    if (!xs.empty())
      drawPanel(canvas, panel, left, y, plotWidth, plotHeight, xs);
    y += plotHeight + gap;
  }
  canvas.text(left + plotWidth / 2, y - gap + 42, plot.xLabel,
              Canvas::Anchor::Middle);
  // The legend stands beside the plot, where no line can cross it.
  double legendX = left + plotWidth + 24;
  for (size_t i = 0; i < legend.size(); ++i) {
    double middle = top + 12 + 24 * static_cast<double>(i);
    canvas.line(legendX, middle, legendX + 28, middle,
                kColours[i % kColours.size()], 2);
    canvas.marker(legendX + 14, middle, i);
    canvas.text(legendX + 38, middle + 4.5, legend[i].label);
  }
  double width = std::max(legendX + 38 + labels + 16,
                          widthOfHead(plot.title, plot.subtitle));
  return canvas.finish(width, y + 8);
}
