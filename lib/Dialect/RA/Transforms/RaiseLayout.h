//===- RaiseLayout.h - Operands as batch, heads, sequence, dims -*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// An operand of ra.attention has four dims in any order. A tensor whose dims
// are indexed by loop dims becomes one by views alone: dims that mix two of the
// four are taken apart, neighbours that belong together are merged.
//
//===----------------------------------------------------------------------===//

#ifndef RA_LIB_DIALECT_RA_TRANSFORMS_RAISELAYOUT_H
#define RA_LIB_DIALECT_RA_TRANSFORMS_RAISELAYOUT_H

#include "RaiseIndex.h"

#include "mlir/IR/AffineMap.h"
#include "mlir/IR/Builders.h"

#include <array>

namespace ra::raise {

/// The atoms, outermost first, of batch, head, sequence and head dim.
using Groups = std::array<llvm::SmallVector<DimId>, 4>;

/// How a tensor is viewed with one dim for each group.
struct ViewPlan {
  /// A run of a dim that belongs to one group; group 4 for an extent of 1 that
  /// belongs to none.
  struct Part {
    unsigned group;
    int64_t size;
  };
  /// For each dim of the tensor its parts, outermost first.
  llvm::SmallVector<llvm::SmallVector<Part>> parts;
  /// The groups in the order they come in.
  llvm::SmallVector<unsigned> order;
};

/// Plans the view of a tensor indexed by `indices`; nothing if a transpose or
/// copy would be needed, or if the tensor is not read whole.
std::optional<ViewPlan> planView(const DimSpace &dims, mlir::Value tensor,
                                 llvm::ArrayRef<Index> indices,
                                 const Groups &groups);

/// Makes the view; `map` takes (b, h, t, d) to its dims.
mlir::Value makeView(mlir::OpBuilder &builder, mlir::Location loc,
                     Extents &extents, mlir::Value tensor, const ViewPlan &plan,
                     mlir::AffineMap &map);

/// The inverse: a tensor with the dims of `plan` from one with a dim for each
/// group, in the plan's order.
mlir::Value makeInverseView(mlir::OpBuilder &builder, mlir::Location loc,
                            mlir::Value tensor, const ViewPlan &plan,
                            mlir::RankedTensorType type);

} // namespace ra::raise

#endif // RA_LIB_DIALECT_RA_TRANSFORMS_RAISELAYOUT_H
