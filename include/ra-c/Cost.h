//===- ra-c/Cost.h - C API of the cost model ----------------------*- C -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RA_C_COST_H
#define RA_C_COST_H

#include "mlir-c/IR.h"

#ifdef __cplusplus
extern "C" {
#endif

/// A count that depends on a dynamic dim.
#define RA_COST_UNKNOWN ((int64_t)-1)

/// Counts of one call of a function.
typedef struct RaCost {
  /// Multiplications and additions; a causal attention counts half its
  /// products.
  int64_t flops;
  /// Read and written by kernels, each operand of a kernel once.
  int64_t bytes;
  /// Compute and copy ops; each is one launch or outlined parallel function.
  int64_t kernels;
  /// Kernels whose result is a permutation or selection of their input.
  int64_t copies;
  /// memref.alloc ops, and their bytes. Unknown on tensors.
  int64_t allocations;
  int64_t allocationBytes;
} RaCost;

/// Counts `function`, a func.func, bufferised or on tensors. Fails, and leaves
/// `cost` alone, for any other op.
MLIR_CAPI_EXPORTED MlirLogicalResult raComputeCost(MlirOperation function,
                                                   RaCost *cost);

#ifdef __cplusplus
}
#endif

#endif // RA_C_COST_H
