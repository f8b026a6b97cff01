//===- FloatFormat.cpp - Floating-point formats and exact rounding -------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "FloatFormat.h"

using namespace ra::runtime::sim;

uint64_t ra::runtime::sim::roundToFormat(bool negative, uint64_t magnitude,
                                         int exponent, bool sticky,
                                         FloatFormat format, Rounding mode) {
  const int bias = (1 << (format.exponentBits - 1)) - 1;
  const uint64_t sign = uint64_t(negative)
                        << (format.exponentBits + format.mantissaBits);
  const uint64_t infinity = ((uint64_t(1) << format.exponentBits) - 1)
                            << format.mantissaBits;
  if (magnitude == 0 && !sticky)
    return sign;
  // Normalise: the leading bit becomes bit 63.
  int top = 0;
  if (magnitude != 0) {
    const int shift = __builtin_clzll(magnitude);
    magnitude <<= shift;
    exponent -= shift;
    top = exponent + 63; // value = 1.xxx * 2^top
  } else {
    top = -100000;
  }
  // Bits to drop so that what stays is the significand, or less of it below the
  // smallest normal exponent.
  const int smallest = 1 - bias;
  const int drop =
      63 - format.mantissaBits + (top < smallest ? smallest - top : 0);
  uint64_t kept = 0, half = 0;
  bool rest = sticky;
  if (drop > 64) {
    rest = true;
  } else if (drop == 64) {
    half = magnitude >> 63;
    rest |= (magnitude << 1) != 0;
  } else {
    kept = magnitude >> drop;
    half = magnitude >> (drop - 1) & 1;
    rest |= drop > 1 && (magnitude << (65 - drop)) != 0;
  }
  bool up = false;
  switch (mode) {
  case Rounding::Nearest:
    up = half && (rest || (kept & 1));
    break;
  case Rounding::NearestAway:
    up = half;
    break;
  case Rounding::Zero:
    break;
  case Rounding::Down:
    up = negative && (half || rest);
    break;
  case Rounding::Up:
    up = !negative && (half || rest);
    break;
  }
  kept += up;
  // A carry out of the mantissa raises the exponent by itself.
  uint64_t bits = kept;
  if (top >= smallest) {
    if (top > bias)
      bits = infinity;
    else
      bits = (uint64_t(top + bias) << format.mantissaBits) + kept -
             (uint64_t(1) << format.mantissaBits);
  }
  if (bits >= infinity) {
    const bool toInfinity = mode == Rounding::Nearest ||
                            mode == Rounding::NearestAway ||
                            (mode == Rounding::Down && negative) ||
                            (mode == Rounding::Up && !negative);
    bits = toInfinity ? infinity : infinity - 1;
  }
  return sign | bits;
}

uint64_t ra::runtime::sim::roundToFormat(double value, FloatFormat format,
                                         Rounding mode) {
  const uint64_t bits = bitsFromDouble(value);
  const auto biased = static_cast<int>(bits >> 52 & 0x7FF);
  uint64_t magnitude = bits & ((uint64_t(1) << 52) - 1);
  if (biased != 0)
    magnitude |= uint64_t(1) << 52;
  return roundToFormat(bits >> 63, magnitude, (biased ? biased : 1) - 1075,
                       false, format, mode);
}
