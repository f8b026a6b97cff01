//===- Cost.h - What a function costs ---------------------------*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RA_DIALECT_RA_TRANSFORMS_COST_H
#define RA_DIALECT_RA_TRANSFORMS_COST_H

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace ra {

/// Counts of one call of a function. A number that depends on a dynamic dim is
/// kUnknown.
struct Cost {
  static constexpr int64_t kUnknown = -1;
  /// Multiplications and additions; a causal attention counts half its
  /// products.
  int64_t flops = 0;
  /// Read and written by kernels, each operand of a kernel once.
  int64_t bytes = 0;
  /// Compute and copy ops; each is one launch or outlined parallel function.
  int64_t kernels = 0;
  /// Kernels whose result is a permutation or selection of their input.
  int64_t copies = 0;
  /// memref.alloc ops, and their bytes. Unknown on tensors.
  int64_t allocations = 0;
  int64_t allocationBytes = 0;
};

/// Counts `function`, bufferised or on tensors. Values of parameters-only work
/// in `@f.prepare` are counted there. The source of the definitions is section
/// 5 of the design: see docs/Rationale.md.
Cost computeCost(mlir::func::FuncOp function);

} // namespace ra

#endif // RA_DIALECT_RA_TRANSFORMS_COST_H
