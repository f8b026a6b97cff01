//===- NumberText.cpp - Numbers for people and for files ------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "NumberText.h"

#include <algorithm>
#include <charconv>
#include <cmath>

using namespace ra;

static std::string print(double value, std::chars_format format, int digits) {
  // The largest double has 309 digits before the point.
  char text[512];
  auto [end, error] =
      std::to_chars(text, text + sizeof(text), value, format, digits);
  return error == std::errc() ? std::string(text, end) : std::string("?");
}

std::string runtime::fixed(double value, int digits) {
  return print(value, std::chars_format::fixed, digits);
}

std::string runtime::significant(double value, int digits) {
  if (value == 0 || !std::isfinite(value))
    return fixed(value, 0);
  int magnitude = static_cast<int>(std::floor(std::log10(std::abs(value))));
  return fixed(value, std::clamp(digits - 1 - magnitude, 0, 12));
}

std::string runtime::scientific(double value) {
  return print(value, std::chars_format::scientific, 1);
}

std::string runtime::compact(double value) {
  return print(value, std::chars_format::general, 9);
}

std::string runtime::percent(double fraction) {
  return fixed(fraction * 100, 1) + " %";
}

std::string runtime::mebibytes(int64_t bytes) {
  return fixed(static_cast<double>(bytes) / (1 << 20), 2);
}

std::string runtime::exact(double value) {
  if (!std::isfinite(value))
    return "null";
  char text[64];
  auto [end, error] = std::to_chars(text, text + sizeof(text), value);
  return error == std::errc() ? std::string(text, end) : std::string("null");
}
