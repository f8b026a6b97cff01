//===- ElementTypeTest.cpp - Exact conversions ----------------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ra/Runtime/ElementType.h"
#include "gtest/gtest.h"

#include <cmath>
#include <cstring>
#include <limits>

using namespace ra::runtime;

namespace {

/// A 16-bit format, described by nothing but its bit widths.
struct Format {
  int exponentBits, mantissaBits;
  double (*decode)(uint16_t);
  uint16_t (*encode)(double);
};

constexpr Format kF16 = {5, 10, f16ToDouble, f16FromDouble};
constexpr Format kBF16 = {8, 7, bf16ToDouble, bf16FromDouble};

/// The value by the definition of the format.
double valueByDefinition(const Format &format, uint16_t bits) {
  const int bias = (1 << (format.exponentBits - 1)) - 1;
  const int exponent =
      (bits >> format.mantissaBits) & ((1 << format.exponentBits) - 1);
  const int mantissa = bits & ((1 << format.mantissaBits) - 1);
  const double sign = (bits & 0x8000) ? -1.0 : 1.0;
  if (exponent == (1 << format.exponentBits) - 1)
    return mantissa == 0 ? sign * std::numeric_limits<double>::infinity()
                         : std::numeric_limits<double>::quiet_NaN();
  if (exponent == 0)
    return sign * std::ldexp(mantissa, 1 - bias - format.mantissaBits);
  return sign * std::ldexp((1 << format.mantissaBits) + mantissa,
                           exponent - bias - format.mantissaBits);
}

class SmallFloats : public ::testing::TestWithParam<Format> {};

TEST_P(SmallFloats, EveryValueDecodesAndComesBack) {
  const Format &format = GetParam();
  for (uint32_t bits = 0; bits <= 0xffff; ++bits) {
    const auto word = static_cast<uint16_t>(bits);
    const double expected = valueByDefinition(format, word);
    const double value = format.decode(word);
    if (std::isnan(expected)) {
      ASSERT_TRUE(std::isnan(value)) << bits;
      const uint16_t quiet =
          static_cast<uint16_t>(1u << (format.mantissaBits - 1));
      ASSERT_EQ(format.encode(value), word | quiet) << bits;
      continue;
    }
    ASSERT_EQ(value, expected) << bits;
    ASSERT_EQ(std::signbit(value), (word & 0x8000) != 0) << bits;
    ASSERT_EQ(format.encode(value), word) << bits;
  }
}

TEST_P(SmallFloats, TiesGoToEvenAndTheirNeighboursDoNot) {
  const Format &format = GetParam();
  const auto infinity = static_cast<uint16_t>(((1 << format.exponentBits) - 1)
                                              << format.mantissaBits);
  // The value that would follow the largest finite one decides overflow.
  const int bias = (1 << (format.exponentBits - 1)) - 1;
  for (uint16_t low = 0; low < infinity; ++low) {
    const auto high = static_cast<uint16_t>(low + 1);
    const double below = format.decode(low);
    const double above =
        high == infinity ? std::ldexp(1.0, bias + 1) : format.decode(high);
    const double middle = (below + above) / 2; // exact in f64
    const uint16_t even = (low & 1) ? high : low;
    for (uint16_t sign : {0x0000, 0x8000}) {
      const double s = sign ? -1.0 : 1.0;
      ASSERT_EQ(format.encode(s * middle), even | sign) << low;
      // One unit of f64 away: an intermediate f32 would lose it.
      ASSERT_EQ(format.encode(s * std::nextafter(middle, 0.0)), low | sign);
      ASSERT_EQ(format.encode(s * std::nextafter(middle, 1e300)), high | sign);
    }
  }
}

TEST_P(SmallFloats, ExtremesOfF64) {
  const Format &format = GetParam();
  const auto infinity = static_cast<uint16_t>(((1 << format.exponentBits) - 1)
                                              << format.mantissaBits);
  EXPECT_EQ(format.encode(std::numeric_limits<double>::max()), infinity);
  EXPECT_EQ(format.encode(std::numeric_limits<double>::infinity()), infinity);
  EXPECT_EQ(format.encode(-std::numeric_limits<double>::infinity()),
            infinity | 0x8000);
  EXPECT_EQ(format.encode(std::numeric_limits<double>::denorm_min()), 0);
  EXPECT_EQ(format.encode(-std::numeric_limits<double>::min()), 0x8000);
  EXPECT_EQ(format.encode(-0.0), 0x8000);
}

INSTANTIATE_TEST_SUITE_P(Formats, SmallFloats, ::testing::Values(kF16, kBF16));

TEST(ElementType, BF16FromFloatIsTheRoundedUpperHalf) {
  // Every 2^11-th f32, which meets all exponents, and the ones beside a tie.
  for (uint64_t base = 0; base <= 0xffffffff; base += 0x800)
    for (uint64_t bits : {base, base ^ 0x7fff, base ^ 0x8001}) {
      const auto word = static_cast<uint32_t>(bits);
      float value;
      std::memcpy(&value, &word, sizeof(value));
      if (std::isnan(value))
        continue;
      const uint32_t rounded = word + 0x7fff + ((word >> 16) & 1);
      ASSERT_EQ(bf16FromFloat(value), rounded >> 16) << word;
    }
}

TEST(ElementType, WideningToFloatIsExact) {
  for (uint32_t bits = 0; bits <= 0xffff; ++bits) {
    const auto word = static_cast<uint16_t>(bits);
    if (!std::isnan(f16ToDouble(word)))
      ASSERT_EQ(static_cast<double>(f16ToFloat(word)), f16ToDouble(word));
    if (!std::isnan(bf16ToDouble(word)))
      ASSERT_EQ(static_cast<double>(bf16ToFloat(word)), bf16ToDouble(word));
  }
}

TEST(ElementType, NamesAndSizes) {
  struct {
    ElementType type;
    const char *name;
    size_t size;
  } const expected[] = {
      {ElementType::F64, "f64", 8},  {ElementType::F32, "f32", 4},
      {ElementType::F16, "f16", 2},  {ElementType::BF16, "bf16", 2},
      {ElementType::I64, "i64", 8},  {ElementType::I32, "i32", 4},
      {ElementType::I16, "i16", 2},  {ElementType::I8, "i8", 1},
      {ElementType::U64, "ui64", 8}, {ElementType::U32, "ui32", 4},
      {ElementType::U16, "ui16", 2}, {ElementType::U8, "ui8", 1},
      {ElementType::I1, "i1", 1},
  };
  for (const auto &row : expected) {
    EXPECT_EQ(elementTypeName(row.type), row.name);
    EXPECT_EQ(elementSize(row.type), row.size);
    EXPECT_EQ(parseElementType(row.name), row.type);
    EXPECT_EQ(isFloat(row.type), std::string_view(row.name)[0] != 'i' &&
                                     std::string_view(row.name)[0] != 'u');
  }
  EXPECT_EQ(parseElementType("u8"), ElementType::U8);
  EXPECT_EQ(parseElementType("u64"), ElementType::U64);
  for (const char *bad : {"", "u", "f", "f8", "i2", "F32", "u9", "f32 "})
    EXPECT_FALSE(parseElementType(bad)) << bad;
}

TEST(ElementType, IntegersRoundToEvenAndSaturate) {
  EXPECT_EQ(roundToType(ElementType::I8, 2.5), 2.0);
  EXPECT_EQ(roundToType(ElementType::I8, 3.5), 4.0);
  EXPECT_EQ(roundToType(ElementType::I8, -1000.0), -128.0);
  EXPECT_EQ(roundToType(ElementType::I8, 1000.0), 127.0);
  EXPECT_EQ(roundToType(ElementType::U8, -1.0), 0.0);
  EXPECT_EQ(roundToType(ElementType::U16, 65535.4), 65535.0);
  EXPECT_EQ(roundToType(ElementType::I32, std::nan("")), 0.0);
  EXPECT_EQ(roundToType(ElementType::I1, -0.5), 1.0);
  EXPECT_EQ(roundToType(ElementType::I1, 0.0), 0.0);
  int64_t wide;
  storeFromDouble(ElementType::I64, &wide, 0x1p63);
  EXPECT_EQ(wide, std::numeric_limits<int64_t>::max());
  storeFromDouble(ElementType::I64, &wide, -0x1p63);
  EXPECT_EQ(wide, std::numeric_limits<int64_t>::min());
  uint64_t natural;
  storeFromDouble(ElementType::U64, &natural, 0x1p64);
  EXPECT_EQ(natural, std::numeric_limits<uint64_t>::max());
  storeFromDouble(ElementType::U64, &natural, 0x1.fffffffffffffp63);
  EXPECT_EQ(natural, 0xfffffffffffff800u);
}

} // namespace
