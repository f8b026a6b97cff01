//===- FloatFormat.h - Floating-point formats and exact rounding -*- C++
//-*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RA_RUNTIME_LIB_SIM_FLOATFORMAT_H
#define RA_RUNTIME_LIB_SIM_FLOATFORMAT_H

#include "ra/Runtime/ElementType.h"

#include <cmath>
#include <cstdint>
#include <cstring>

namespace ra::runtime::sim {

/// NearestAway is .rna: ties go away from zero.
enum class Rounding : uint8_t { Nearest, Zero, Down, Up, NearestAway };

/// The results of operations on NaN: PTX's canonical ones.
inline constexpr uint32_t kNaN32 = 0x7FFFFFFF;
inline constexpr uint16_t kNaN16 = 0x7FFF; ///< f16 and bf16.

inline float floatFromBits(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}
inline uint32_t bitsFromFloat(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  return bits;
}
inline double doubleFromBits(uint64_t bits) {
  double value;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}
inline uint64_t bitsFromDouble(double value) {
  uint64_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  return bits;
}

inline float canonical(float value) {
  return value != value ? floatFromBits(kNaN32) : value;
}
inline double canonical(double value) { return value; }

/// Subnormal values become zeros of their sign: .ftz.
inline float flush(float value) {
  const uint32_t bits = bitsFromFloat(value);
  return floatFromBits((bits & 0x7F800000) == 0 ? bits & 0x80000000 : bits);
}

/// An IEEE-like format of at most 64 bits, with infinities.
struct FloatFormat {
  int exponentBits, mantissaBits;
};
inline constexpr FloatFormat kF64 = {11, 52}, kF32 = {8, 23}, kTF32 = {8, 10},
                             kF16 = {5, 10}, kBF16 = {8, 7};

/// (-1)^negative * (magnitude + a little more if `sticky`) * 2^exponent,
/// rounded once to `format`; its bits, right-aligned. Overflow gives infinity
/// or the largest value, as IEEE 754 says for the mode.
uint64_t roundToFormat(bool negative, uint64_t magnitude, int exponent,
                       bool sticky, FloatFormat format, Rounding mode);

/// The finite f64 `value` in `format`.
uint64_t roundToFormat(double value, FloatFormat format, Rounding mode);

/// a + b rounded to odd: a later rounding to a format of at most 51 bits is as
/// if from the exact sum (Boldo and Melquiond, 2008).
inline double addToOdd(double a, double b) {
  const double sum = a + b;
  if (!std::isfinite(sum))
    return sum;
  const double part = sum - a;
  const double rest = (a - (sum - part)) + (b - part);
  if (rest == 0 || (bitsFromDouble(sum) & 1))
    return sum;
  // An even sum is not exact: step towards the rest.
  const bool away = (rest > 0) == (sum > 0);
  return doubleFromBits(bitsFromDouble(sum) + (away ? 1 : uint64_t(-1)));
}

/// f16 (brain: bf16) from and to f64; NaN becomes the canonical one.
template <bool brain> inline double halfToDouble(uint16_t bits) {
  return brain ? bf16ToDouble(bits) : f16ToDouble(bits);
}
template <bool brain> inline uint16_t halfFromDouble(double value) {
  if (value != value)
    return kNaN16;
  return brain ? bf16FromDouble(value) : f16FromDouble(value);
}

// IEEE minimum and maximum numbers: -0 is below +0, a NaN loses.
template <class T> inline T minimumNumber(T a, T b) {
  if (a != a)
    return b;
  if (b != b)
    return a;
  if (a == b)
    return std::signbit(a) ? a : b;
  return a < b ? a : b;
}
template <class T> inline T maximumNumber(T a, T b) {
  if (a != a)
    return b;
  if (b != b)
    return a;
  if (a == b)
    return std::signbit(a) ? b : a;
  return a > b ? a : b;
}

} // namespace ra::runtime::sim

#endif // RA_RUNTIME_LIB_SIM_FLOATFORMAT_H
