//===- RAOps.h - Operations of the ra dialect -------------------*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RA_DIALECT_RA_IR_RAOPS_H
#define RA_DIALECT_RA_IR_RAOPS_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/AffineMap.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/Interfaces/DestinationStyleOpInterface.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Interfaces/TilingInterface.h"
#include "ra/Dialect/RA/IR/RAAttrs.h"
#include "ra/Dialect/RA/IR/RADialect.h"

namespace ra {

/// The shape of `value` in the order of the iteration dims: entry `i` is the
/// extent of iteration dim `i` under `map`, a permutation from iteration dims
/// to operand dims. Dynamic extents are ShapedType::kDynamic.
llvm::SmallVector<int64_t> getLogicalShape(mlir::ShapedType type,
                                           mlir::AffineMap map);

/// The dim of an operand that iteration dim `dim` indexes under the permutation
/// `map`.
unsigned getOperandDim(mlir::AffineMap map, unsigned dim);

/// The reciprocal dims of each of `numHeads` heads from the attributes `rank`
/// and `rec_dims` (either may be null, not both): ascending, empty for rank 0.
llvm::SmallVector<llvm::SmallVector<int64_t>>
getReciprocalDims(mlir::DenseI64ArrayAttr rank, mlir::DenseI64ArrayAttr recDims,
                  int64_t numHeads, int64_t headDim);

} // namespace ra

#define GET_OP_CLASSES
#include "ra/Dialect/RA/IR/RAOps.h.inc"

#endif // RA_DIALECT_RA_IR_RAOPS_H
