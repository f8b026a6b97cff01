//===- ProjectionChain.h - From a score operand to its weights --*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RA_LIB_DIALECT_RA_TRANSFORMS_PROJECTIONCHAIN_H
#define RA_LIB_DIALECT_RA_TRANSFORMS_PROJECTIONCHAIN_H

#include "ra/Dialect/RA/IR/RAOps.h"
#include "ra/Runtime/FoldRules.h"

#include <optional>
#include <string>

namespace ra::detail {

/// Where a dim of a value in the chain comes from.
struct DimOrigin {
  /// True for (part of) the output features of the projection, false for (part
  /// of) a leading dim.
  bool feature = false;
  /// Feature: distance in rows of the weight between neighbours along the dim.
  int64_t stride = 0;
  /// Extent; may be dynamic for a leading dim.
  int64_t size = 0;
  /// Leading: the dim of the projection and the splits that led here.
  std::string leading;

  bool operator==(const DimOrigin &other) const {
    return feature == other.feature && stride == other.stride &&
           size == other.size && leading == other.leading;
  }
};

/// The ops from a projection to one operand of an attention, and what they do.
struct ProjectionChain {
  /// The projection; null when none was found, and then `obstacle` says why.
  LinearOp linear;
  /// From the projection's user to the operand's definition.
  llvm::SmallVector<mlir::Operation *> path;
  /// Of the operand's dims.
  llvm::SmallVector<DimOrigin> origins;
  /// First weight row of the operand's first feature.
  int64_t firstRow = 0;

  RopeOp rope;
  std::optional<runtime::FoldFacts::Bounds> clamp;
  double scale = 1.0;
  /// Set when something normalises the activations.
  std::string norm;
  /// The first thing no rule allows, in words.
  std::string obstacle;

  /// Weight row of (head, dim) for an operand whose head dim has origin
  /// `head`.
  int64_t row(int64_t headStride, int64_t head, int64_t dim) const {
    return firstRow + head * headStride + dim;
  }
};

/// Follows `operand` back to the `ra.linear` that made it, through views,
/// transposes, rotary embeddings, clamps and constant factors.
ProjectionChain traceProjection(mlir::Value operand);

/// The clamp an elementwise op is: bounds of max(lo, min(hi, x)); nothing
/// otherwise.
std::optional<runtime::FoldFacts::Bounds> matchClamp(mlir::Operation *op);

} // namespace ra::detail

#endif // RA_LIB_DIALECT_RA_TRANSFORMS_PROJECTIONCHAIN_H
