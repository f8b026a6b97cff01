//===- FoldAssembly.h - Query and key of a fold, as linalg ------*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The same selection of rows builds folded weights [H, D, C], folded biases
// [H, D] and folded activations [B, H, T, D] (design: section 2.2 and rule 5 of
// 2.3). It is written once, over an iteration space with a head dim, a dim of
// the head, and any others.
//
//===----------------------------------------------------------------------===//

#ifndef RA_LIB_DIALECT_RA_TRANSFORMS_FOLDASSEMBLY_H
#define RA_LIB_DIALECT_RA_TRANSFORMS_FOLDASSEMBLY_H

#include "mlir/IR/Builders.h"
#include "ra/Dialect/RA/IR/RAOps.h"

namespace ra::detail {

/// What is folded, apart from the tensors it is folded in.
struct FoldPlan {
  int64_t numHeads, numKvHeads, headDim;
  /// Ascending reciprocal dims of every query head. Equal within a group for
  /// the mean, equal everywhere for slots.
  llvm::SmallVector<llvm::SmallVector<int64_t>> dims;
  GateSplit split;
  GroupedMode grouped;
  /// [1] or [numHeads]; null means the default gate.
  mlir::Value standardGate, reciprocalGate;

  int64_t group() const { return numHeads / numKvHeads; }
  bool usesSlots() const {
    return grouped == GroupedMode::Slots && group() > 1 && !dims[0].empty();
  }
  /// D, or D - R + G * R for slots.
  int64_t foldedHeadDim() const;
};

/// A query-side or key-side tensor and where its dims are: a permutation from
/// (others..., with the head at `headPos` and the dim at `dimPos`) to its dims.
struct FoldOperand {
  mlir::Value tensor;
  mlir::AffineMap map;
};

/// The folded query and key. Both results have their dims in iteration order;
/// element type `elementType`. Arithmetic is f32, rounded once.
std::pair<mlir::Value, mlir::Value>
assembleFold(mlir::OpBuilder &builder, mlir::Location loc, const FoldPlan &plan,
             FoldOperand query, FoldOperand key, unsigned headPos,
             unsigned dimPos, mlir::Type elementType);

/// x A over the dim of the head: result[.., h, .., d, ..] =
/// sum_e x[.., h, .., e, ..] * matrix[h, e, d], for `matrix` [D, D] or
/// [heads, D, D]. Dims of the result are in iteration order.
mlir::Value applyBasis(mlir::OpBuilder &builder, mlir::Location loc,
                       FoldOperand operand, mlir::Value matrix,
                       unsigned headPos, unsigned dimPos,
                       mlir::Type elementType);

/// The matrix that puts P into a basis: columns of the identity, the last R of
/// them replaced by P for heads of rank R. [D, D] when one P serves all heads
/// and all ranks are equal, else [heads, D, D].
mlir::Value projectionAsBasis(mlir::OpBuilder &builder, mlir::Location loc,
                              mlir::Value projection,
                              llvm::ArrayRef<llvm::SmallVector<int64_t>> dims,
                              int64_t headDim);

} // namespace ra::detail

#endif // RA_LIB_DIALECT_RA_TRANSFORMS_FOLDASSEMBLY_H
