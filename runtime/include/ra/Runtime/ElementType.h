//===- ElementType.h - Element types and exact conversions ------*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The element types that host tensors and files know, and the conversions
// between the 16-bit floating-point formats and f64. Every conversion rounds
// once, to nearest, ties to even; the widening ones are exact.
//
//===----------------------------------------------------------------------===//

#ifndef RA_RUNTIME_ELEMENTTYPE_H
#define RA_RUNTIME_ELEMENTTYPE_H

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace ra::runtime {

/// The type of one tensor element. I1 is stored as one byte, 0 or 1, as both
/// file formats do; all others have the size that their name says.
enum class ElementType {
  F64,
  F32,
  F16,
  BF16,
  I64,
  I32,
  I16,
  I8,
  U64,
  U32,
  U16,
  U8,
  I1
};

/// Bytes of one element in memory and in files; 1 for I1.
size_t elementSize(ElementType type);

/// The spelling in MLIR: "f32", "bf16", "i64", "ui8" (unsigned), "i1".
std::string_view elementTypeName(ElementType type);

/// The inverse of elementTypeName(); also takes "u8" for "ui8" and so on.
/// Nothing for any other text.
std::optional<ElementType> parseElementType(std::string_view name);

/// True for F64, F32, F16 and BF16.
bool isFloat(ElementType type);

/// IEEE 754 binary16 from f64: one rounding to nearest even; overflow goes to
/// infinity, NaN stays NaN (quiet, sign and leading payload bits kept),
/// subnormals and the sign of zero are kept.
uint16_t f16FromDouble(double value);
/// Exact: every f32 is an f64, so this rounds once as well.
inline uint16_t f16FromFloat(float value) {
  return f16FromDouble(static_cast<double>(value));
}
/// Exact.
double f16ToDouble(uint16_t bits);
/// Exact: every binary16 value is an f32.
inline float f16ToFloat(uint16_t bits) {
  return static_cast<float>(f16ToDouble(bits));
}

/// bfloat16 (8 exponent bits, 7 mantissa bits) from f64, as f16FromDouble().
uint16_t bf16FromDouble(double value);
/// Exact: every f32 is an f64, so this rounds once as well.
inline uint16_t bf16FromFloat(float value) {
  return bf16FromDouble(static_cast<double>(value));
}
/// Exact.
double bf16ToDouble(uint16_t bits);
/// Exact: every bfloat16 value is an f32.
inline float bf16ToFloat(uint16_t bits) {
  return static_cast<float>(bf16ToDouble(bits));
}

/// Reads the element of `type` at `data`, which need not be aligned, as f64.
/// Exact except for I64 and U64 beyond 2^53, which round to nearest even.
double loadAsDouble(ElementType type, const void *data);

/// Writes `value` as an element of `type` to `data`, which need not be
/// aligned. Floating-point types round once to nearest even. Integers round to
/// nearest even and saturate; NaN becomes 0. I1 becomes 1 for every value
/// other than 0.
void storeFromDouble(ElementType type, void *data, double value);

/// The value that `value` has after being stored as `type` and read back.
double roundToType(ElementType type, double value);

} // namespace ra::runtime

#endif // RA_RUNTIME_ELEMENTTYPE_H
