//===- RaiseEmit.h - Formulas back to tensors -------------------*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RA_LIB_DIALECT_RA_TRANSFORMS_RAISEEMIT_H
#define RA_LIB_DIALECT_RA_TRANSFORMS_RAISEEMIT_H

#include "RaiseExpr.h"

namespace ra::raise {

/// True if `emitTensor` can make a tensor of the formula.
bool canEmit(const Expr *expr);

/// A tensor of f32 with the value of `expr` at each point: dim `i` has extent
/// `sizes[i]` and stands for the atoms `loops[i]`, outermost first.
mlir::Value emitTensor(mlir::OpBuilder &builder, mlir::Location loc,
                       const DimSpace &dims, const Expr *expr,
                       llvm::ArrayRef<llvm::SmallVector<DimId>> loops,
                       llvm::ArrayRef<mlir::OpFoldResult> sizes);

/// The extent of dim `dim` of `tensor`, from the earliest value that has it:
/// not from a tensor that a later pass may replace.
mlir::OpFoldResult emitExtent(mlir::OpBuilder &builder, mlir::Location loc,
                              Extents &extents, mlir::Value tensor,
                              unsigned dim);

/// The value of an index without dims, as an index value.
mlir::Value emitIndex(mlir::OpBuilder &builder, mlir::Location loc,
                      const DimSpace &dims, const Index &index);

} // namespace ra::raise

#endif // RA_LIB_DIALECT_RA_TRANSFORMS_RAISEEMIT_H
