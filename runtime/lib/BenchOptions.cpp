//===- BenchOptions.cpp - Options that measuring tools share --------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ra/Runtime/BenchOptions.h"
#include "Text.h"

#include <algorithm>
#include <charconv>
#include <optional>

using namespace ra;
using namespace ra::runtime;

/// The number at the start of `text`, which is cut off; not negative.
static std::optional<double> takeNumber(std::string_view &text) {
  double value = 0;
  auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), value);
  // Also false for NaN. Infinity is no duration either.
  if (error != std::errc() || !(value >= 0 && value <= 1e9))
    return std::nullopt;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  return value;
}

template <typename T>
static std::optional<T> parseInteger(std::string_view text) {
  T value = 0;
  auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size())
    return std::nullopt;
  return value;
}

Expected<double> runtime::parseDuration(std::string_view text) {
  std::string_view rest = text;
  std::optional<double> value = takeNumber(rest);
  if (value && (rest.empty() || rest == "s"))
    return *value;
  if (value && rest == "ms")
    return *value * 1e-3;
  if (value && rest == "us")
    return *value * 1e-6;
  return fail(quoted(text) + " is not a time; write seconds, as in 0.5 or "
                             "0.5s, or 500ms");
}

Expected<double> runtime::parsePercentage(std::string_view text) {
  std::string_view rest = text;
  std::optional<double> value = takeNumber(rest);
  if (value && (rest.empty() || rest == "%"))
    return *value / 100;
  return fail(quoted(text) + " is not a percentage; write it as in 5%");
}

static std::optional<DimPlace> parsePlace(std::string_view text) {
  DimPlace place;
  if (text == "T" || text == "B") {
    place.name = text;
    return place;
  }
  size_t dot = text.find('.');
  if (dot == std::string_view::npos)
    return std::nullopt;
  std::optional<unsigned> argument =
      parseInteger<unsigned>(text.substr(0, dot));
  std::optional<unsigned> axis = parseInteger<unsigned>(text.substr(dot + 1));
  if (!argument || !axis)
    return std::nullopt;
  place.argument = *argument;
  place.axis = *axis;
  return place;
}

/// Calls `each` with what lies between separators, until it says false.
template <typename Function>
static bool split(std::string_view text, char separator, Function each) {
  while (true) {
    size_t end = text.find(separator);
    if (!each(text.substr(0, end)))
      return false;
    if (end == std::string_view::npos)
      return true;
    text.remove_prefix(end + 1);
  }
}

Expected<DimAxis> runtime::parseDimAxis(std::string_view text) {
  size_t equals = text.find('=');
  if (equals == std::string_view::npos)
    return fail(quoted(text) + " has no '='; write T=512,1024 or "
                               "ARGUMENT.AXIS=512,1024");
  DimAxis axis;
  axis.label = text.substr(0, equals);
  std::string problem;
  bool good = split(axis.label, '+', [&](std::string_view part) {
    std::optional<DimPlace> place = parsePlace(part);
    if (place)
      axis.places.push_back(*place);
    else
      problem = quoted(part) + " names no dim; write T, B or ARGUMENT.AXIS, as "
                               "in 0.1";
    return place.has_value();
  });
  if (!good)
    return fail(problem);
  split(text.substr(equals + 1), ',', [&](std::string_view part) {
    std::optional<int64_t> extent = parseInteger<int64_t>(part);
    if (!extent || *extent <= 0)
      problem = quoted(part) + " is not an extent; write a positive number";
    else if (std::find(axis.extents.begin(), axis.extents.end(), *extent) !=
             axis.extents.end())
      problem = std::to_string(*extent) + " stands there twice";
    else
      axis.extents.push_back(*extent);
    return problem.empty();
  });
  if (!problem.empty())
    return fail(problem);
  return axis;
}
