//===- ElementType.cpp - Element types and exact conversions --------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ra/Runtime/ElementType.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>

using namespace ra::runtime;

namespace {

struct TypeInfo {
  ElementType type;
  size_t size;
  std::string_view name;
};

constexpr TypeInfo kTypes[] = {
    {ElementType::F64, 8, "f64"},  {ElementType::F32, 4, "f32"},
    {ElementType::F16, 2, "f16"},  {ElementType::BF16, 2, "bf16"},
    {ElementType::I64, 8, "i64"},  {ElementType::I32, 4, "i32"},
    {ElementType::I16, 2, "i16"},  {ElementType::I8, 1, "i8"},
    {ElementType::U64, 8, "ui64"}, {ElementType::U32, 4, "ui32"},
    {ElementType::U16, 2, "ui16"}, {ElementType::U8, 1, "ui8"},
    {ElementType::I1, 1, "i1"},
};

const TypeInfo &infoOf(ElementType type) {
  return kTypes[static_cast<size_t>(type)];
}

/// Rounds an f64 to a binary format of 16 bits or fewer, to nearest even, with
/// integer arithmetic alone, so that no rounding mode and no intermediate
/// format has a say.
template <int ExponentBits, int MantissaBits>
uint16_t encodeSmallFloat(double value) {
  static_assert(1 + ExponentBits + MantissaBits == 16);
  constexpr int bias = (1 << (ExponentBits - 1)) - 1;
  constexpr uint64_t infinity = ((uint64_t(1) << ExponentBits) - 1)
                                << MantissaBits;

  uint64_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  const uint64_t sign = (bits >> 63) << 15;
  const int exponent = static_cast<int>((bits >> 52) & 0x7ff);
  const uint64_t fraction = bits & ((uint64_t(1) << 52) - 1);

  if (exponent == 0x7ff) {
    if (fraction == 0)
      return static_cast<uint16_t>(sign | infinity);
    constexpr uint64_t quiet = uint64_t(1) << (MantissaBits - 1);
    return static_cast<uint16_t>(sign | infinity | quiet |
                                 (fraction >> (52 - MantissaBits)));
  }
  // A subnormal f64 is far below half of the smallest 16-bit subnormal.
  if (exponent == 0)
    return static_cast<uint16_t>(sign);

  const int power = exponent - 1023;
  if (power > bias)
    return static_cast<uint16_t>(sign | infinity);

  // value = significand * 2^(power - 52); drop `shift` bits of it. Below the
  // smallest normal exponent the quantum stays where it is.
  const uint64_t significand = fraction | (uint64_t(1) << 52);
  constexpr int smallest = 1 - bias;
  const bool subnormal = power < smallest;
  const int shift = 52 - MantissaBits + (subnormal ? smallest - power : 0);
  if (shift > 53)
    return static_cast<uint16_t>(sign);
  uint64_t kept = significand >> shift;
  const uint64_t dropped = significand & ((uint64_t(1) << shift) - 1);
  const uint64_t half = uint64_t(1) << (shift - 1);
  if (dropped > half || (dropped == half && (kept & 1)))
    ++kept;
  // A carry out of the mantissa raises the exponent, up to infinity, by itself.
  if (subnormal)
    return static_cast<uint16_t>(sign | kept);
  const uint64_t biased = static_cast<uint64_t>(power + bias) << MantissaBits;
  return static_cast<uint16_t>(sign |
                               (biased + kept - (uint64_t(1) << MantissaBits)));
}

double doubleFromBits(uint64_t bits) {
  double value;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

template <typename T> T loadAs(const void *data) {
  T value;
  std::memcpy(&value, data, sizeof(T));
  return value;
}

/// To nearest even, saturating, NaN to 0.
template <typename T> T integerFromDouble(double value) {
  static_assert(std::is_integral_v<T>);
  if (std::isnan(value))
    return 0;
  // nearbyint rounds to nearest even: nothing here changes the rounding mode.
  const double rounded = std::nearbyint(value);
  if (rounded <= static_cast<double>(std::numeric_limits<T>::min()))
    return std::numeric_limits<T>::min();
  // 2^digits is exact; the largest value of a 64-bit type is not.
  if (rounded >= std::ldexp(1.0, std::numeric_limits<T>::digits))
    return std::numeric_limits<T>::max();
  return static_cast<T>(rounded);
}

template <typename T> void storeAs(void *data, T value) {
  std::memcpy(data, &value, sizeof(T));
}

} // namespace

size_t ra::runtime::elementSize(ElementType type) { return infoOf(type).size; }

std::string_view ra::runtime::elementTypeName(ElementType type) {
  return infoOf(type).name;
}

std::optional<ElementType>
ra::runtime::parseElementType(std::string_view name) {
  for (const TypeInfo &info : kTypes) {
    if (info.name == name)
      return info.type;
    if (info.name.substr(0, 2) == "ui" && !name.empty() && name[0] == 'u' &&
        info.name.substr(2) == name.substr(1))
      return info.type;
  }
  return std::nullopt;
}

bool ra::runtime::isFloat(ElementType type) {
  return type == ElementType::F64 || type == ElementType::F32 ||
         type == ElementType::F16 || type == ElementType::BF16;
}

uint16_t ra::runtime::f16FromDouble(double value) {
  return encodeSmallFloat<5, 10>(value);
}

uint16_t ra::runtime::bf16FromDouble(double value) {
  return encodeSmallFloat<8, 7>(value);
}

double ra::runtime::f16ToDouble(uint16_t bits) {
  const uint64_t sign = uint64_t(bits >> 15) << 63;
  const uint64_t exponent = (bits >> 10) & 0x1f;
  const uint64_t mantissa = bits & 0x3ff;
  if (exponent == 0x1f)
    return doubleFromBits(sign | (uint64_t(0x7ff) << 52) | (mantissa << 42));
  if (exponent == 0) {
    const double magnitude = static_cast<double>(mantissa) * 0x1p-24;
    return sign ? -magnitude : magnitude;
  }
  return doubleFromBits(sign | ((exponent + 1023 - 15) << 52) |
                        (mantissa << 42));
}

double ra::runtime::bf16ToDouble(uint16_t bits) {
  const uint32_t word = uint32_t(bits) << 16;
  return static_cast<double>(loadAs<float>(&word));
}

double ra::runtime::loadAsDouble(ElementType type, const void *data) {
  switch (type) {
  case ElementType::F64:
    return loadAs<double>(data);
  case ElementType::F32:
    return static_cast<double>(loadAs<float>(data));
  case ElementType::F16:
    return f16ToDouble(loadAs<uint16_t>(data));
  case ElementType::BF16:
    return bf16ToDouble(loadAs<uint16_t>(data));
  case ElementType::I64:
    return static_cast<double>(loadAs<int64_t>(data));
  case ElementType::I32:
    return static_cast<double>(loadAs<int32_t>(data));
  case ElementType::I16:
    return static_cast<double>(loadAs<int16_t>(data));
  case ElementType::I8:
    return static_cast<double>(loadAs<int8_t>(data));
  case ElementType::U64:
    return static_cast<double>(loadAs<uint64_t>(data));
  case ElementType::U32:
    return static_cast<double>(loadAs<uint32_t>(data));
  case ElementType::U16:
    return static_cast<double>(loadAs<uint16_t>(data));
  case ElementType::U8:
    return static_cast<double>(loadAs<uint8_t>(data));
  case ElementType::I1:
    return loadAs<uint8_t>(data) != 0 ? 1.0 : 0.0;
  }
  return 0.0;
}

void ra::runtime::storeFromDouble(ElementType type, void *data, double value) {
  switch (type) {
  case ElementType::F64:
    return storeAs(data, value);
  case ElementType::F32:
    return storeAs(data, static_cast<float>(value));
  case ElementType::F16:
    return storeAs(data, f16FromDouble(value));
  case ElementType::BF16:
    return storeAs(data, bf16FromDouble(value));
  case ElementType::I64:
    return storeAs(data, integerFromDouble<int64_t>(value));
  case ElementType::I32:
    return storeAs(data, integerFromDouble<int32_t>(value));
  case ElementType::I16:
    return storeAs(data, integerFromDouble<int16_t>(value));
  case ElementType::I8:
    return storeAs(data, integerFromDouble<int8_t>(value));
  case ElementType::U64:
    return storeAs(data, integerFromDouble<uint64_t>(value));
  case ElementType::U32:
    return storeAs(data, integerFromDouble<uint32_t>(value));
  case ElementType::U16:
    return storeAs(data, integerFromDouble<uint16_t>(value));
  case ElementType::U8:
    return storeAs(data, integerFromDouble<uint8_t>(value));
  case ElementType::I1:
    return storeAs(data, static_cast<uint8_t>(value != 0.0));
  }
}

double ra::runtime::roundToType(ElementType type, double value) {
  char storage[sizeof(double)];
  storeFromDouble(type, storage, value);
  return loadAsDouble(type, storage);
}
