//===- RaiseAttention.h - One product to an attention -----------*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RA_LIB_DIALECT_RA_TRANSFORMS_RAISEATTENTION_H
#define RA_LIB_DIALECT_RA_TRANSFORMS_RAISEATTENTION_H

#include "RaiseMask.h"

namespace ra::raise {

/// What became of a product of probabilities and values.
struct Outcome {
  bool raised = false;
  /// Where it was not raised, but looks like attention: what did not match.
  Miss miss;
  /// Where it was raised: the op and its options, in words.
  std::string description;
};

/// Replaces the attention that ends in `product`, a contraction, by
/// ra.attention or ra.reciprocal_attention; with `reciprocalOnly`, by the
/// latter or not at all. What only it used is left without uses.
Outcome raiseAttention(mlir::linalg::LinalgOp product, Extents &extents,
                       const MaskAssumptions &assumptions, bool reciprocalOnly);

} // namespace ra::raise

#endif // RA_LIB_DIALECT_RA_TRANSFORMS_RAISEATTENTION_H
