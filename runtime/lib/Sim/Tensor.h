//===- Tensor.h - Matrix products of a warp ---------------------*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RA_RUNTIME_LIB_SIM_TENSOR_H
#define RA_RUNTIME_LIB_SIM_TENSOR_H

#include "Machine.h"

namespace ra::runtime::sim {

/// Element types of matrix operands.
enum class Element : uint8_t {
  F16,
  BF16,
  TF32,
  F32,
  F64,
  S8,
  U8,
  S4,
  U4,
  B1,
  S32
};

/// Bits of an element in its register.
unsigned elementBits(Element type);

/// d[m][n] = a[m][k] * b[k][n] + d[m][n] in f32: k ascends, one rounding per
/// step; row-major. What tensor cores do is close to this, not specified.
void multiplyFloat(float *d, const float *a, const float *b, unsigned m,
                   unsigned n, unsigned k);
/// The same in f64.
void multiplyDouble(double *d, const double *a, const double *b, unsigned m,
                    unsigned n, unsigned k);
/// Integers wrap, or saturate at the end.
void multiplyInteger(int32_t *d, const int32_t *a, const int32_t *b, unsigned m,
                     unsigned n, unsigned k, bool saturate);

/// An element of 16, 19 or 32 bits as f32, exactly. tf32 drops the low 13 bits.
float elementToFloat(Element type, uint32_t bits);
/// A small integer element.
int32_t elementToInteger(Element type, uint32_t bits);

/// wmma and mma need all lanes: false after a finding.
bool wholeWarp(Warp &w, const Op &op);

} // namespace ra::runtime::sim

#endif // RA_RUNTIME_LIB_SIM_TENSOR_H
