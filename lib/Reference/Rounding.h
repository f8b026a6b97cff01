//===- Rounding.h - Rounding doubles to storage types -----------*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RA_LIB_REFERENCE_ROUNDING_H
#define RA_LIB_REFERENCE_ROUNDING_H

#include "mlir/IR/BuiltinTypes.h"

#include <cstdint>

namespace ra::reference {

/// What happens to a float when it is stored: nothing (Precision::F64, or f64),
/// or one rounding to nearest even by way of f32. The way through f32 is
/// what f32 arithmetic followed by a store does; for the result of one
/// addition, product, quotient or root of 16-bit values it changes nothing.
class Rounding {
public:
  /// Keeps every value.
  Rounding() = default;
  /// Rounds to `type`.
  static Rounding to(mlir::FloatType type);

  bool isExact() const { return kind == Kind::Exact; }
  bool isF32() const { return kind == Kind::F32; }

  void apply(double *values, int64_t count) const;
  /// For values that are f32 already.
  void apply(float *values, int64_t count) const;
  double apply(double value) const {
    apply(&value, 1);
    return value;
  }

private:
  enum class Kind : uint8_t { Exact, F32, F16, BF16, Other };
  Kind kind = Kind::Exact;
  const llvm::fltSemantics *semantics = nullptr; // Kind::Other
};

} // namespace ra::reference

#endif // RA_LIB_REFERENCE_ROUNDING_H
