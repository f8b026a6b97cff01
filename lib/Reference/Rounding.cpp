//===- Rounding.cpp - Rounding doubles to storage types -------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Rounding.h"

#include "llvm/ADT/APFloat.h"

#include <cstring>

using namespace mlir;
using namespace ra::reference;

Rounding Rounding::to(FloatType type) {
  Rounding rounding;
  if (type.isF64())
    rounding.kind = Kind::Exact;
  else if (type.isF32())
    rounding.kind = Kind::F32;
  else if (type.isF16())
    rounding.kind = Kind::F16;
  else if (type.isBF16())
    rounding.kind = Kind::BF16;
  else
    rounding.kind = Kind::Other;
  rounding.semantics = &type.getFloatSemantics();
  return rounding;
}

static uint32_t bitsOf(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  return bits;
}

static float floatOf(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

// Branch-free, so that loops over them vectorise.

/// The nearest binary16 value, as f32.
static float nearestF16(float value) {
  uint32_t bits = bitsOf(value);
  uint32_t sign = bits & 0x80000000u;
  uint32_t magnitude = bits ^ sign;
  // Normal range: round away the 13 extra mantissa bits, ties to even; the
  // carry may reach the exponent, and 2^16 is past the largest value.
  uint32_t normal = (magnitude + 0xfffu + ((magnitude >> 13) & 1u)) & ~0x1fffu;
  normal = normal >= 0x47800000u ? 0x7f800000u : normal;
  // Below 2^-14 the unit is 2^-24, that of f32 in [0.5, 1).
  uint32_t subnormal = bitsOf((floatOf(magnitude) + 0.5f) - 0.5f);
  uint32_t rounded = magnitude < 0x38800000u ? subnormal : normal;
  rounded = magnitude > 0x7f800000u ? magnitude : rounded; // NaN
  return floatOf(rounded | sign);
}

/// The nearest bfloat16 value, as f32.
static float nearestBF16(float value) {
  uint32_t bits = bitsOf(value);
  uint32_t rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) & 0xffff0000u;
  bool isNaN = (bits & 0x7fffffffu) > 0x7f800000u;
  return floatOf(isNaN ? bits : rounded);
}

static double nearestOther(double value, const llvm::fltSemantics &semantics) {
  llvm::APFloat number(value);
  bool losesInfo;
  number.convert(semantics, llvm::APFloat::rmNearestTiesToEven, &losesInfo);
  number.convert(llvm::APFloat::IEEEdouble(),
                 llvm::APFloat::rmNearestTiesToEven, &losesInfo);
  return number.convertToDouble();
}

void Rounding::apply(double *values, int64_t count) const {
  switch (kind) {
  case Kind::Exact:
    return;
  case Kind::F32:
    for (int64_t i = 0; i < count; ++i)
      values[i] = static_cast<float>(values[i]);
    return;
  case Kind::F16:
    for (int64_t i = 0; i < count; ++i)
      values[i] = nearestF16(static_cast<float>(values[i]));
    return;
  case Kind::BF16:
    for (int64_t i = 0; i < count; ++i)
      values[i] = nearestBF16(static_cast<float>(values[i]));
    return;
  case Kind::Other:
    for (int64_t i = 0; i < count; ++i)
      values[i] = nearestOther(values[i], *semantics);
    return;
  }
}

void Rounding::apply(float *values, int64_t count) const {
  switch (kind) {
  case Kind::Exact:
  case Kind::F32:
    return;
  case Kind::F16:
    for (int64_t i = 0; i < count; ++i)
      values[i] = nearestF16(values[i]);
    return;
  case Kind::BF16:
    for (int64_t i = 0; i < count; ++i)
      values[i] = nearestBF16(values[i]);
    return;
  case Kind::Other:
    for (int64_t i = 0; i < count; ++i)
      values[i] = static_cast<float>(nearestOther(values[i], *semantics));
    return;
  }
}
