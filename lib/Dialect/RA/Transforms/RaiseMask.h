//===- RaiseMask.h - Which keys a formula hides -----------------*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RA_LIB_DIALECT_RA_TRANSFORMS_RAISEMASK_H
#define RA_LIB_DIALECT_RA_TRANSFORMS_RAISEMASK_H

#include "RaiseScores.h"
#include "ra/Dialect/RA/IR/RAAttrs.h"

namespace ra::raise {

/// What is taken for granted of scores.
struct MaskAssumptions {
  /// No score, additive terms included, is larger in magnitude. Decides which
  /// finite values hide a key.
  double scoreBound = 1e4;
  /// Every query sees a key.
  bool everyRowSeesAKey = false;
};

/// The mask of an attention and what remains for its additive bias.
struct MaskPlan {
  MaskKind kind = MaskKind::None;
  MaskAlignment alignment = MaskAlignment::TopLeft;
  int64_t window = 0;
  /// query_offset; a constant 0 for none.
  Index offset;
  /// The bias as a formula of batch, head, query and key; null for none.
  const Expr *bias = nullptr;
};

/// Turns the hidden keys and addends of `scores` into a mask attribute where
/// they are causal or a window, and into a bias otherwise. `query` is the dim
/// of the query rows (nothing for one row), `key` that of the keys.
bool matchMask(ExprBuilder &builder, const Scores &scores,
               std::optional<DimId> query, DimId key, bool hiddenRowsAreZero,
               const MaskAssumptions &assumptions, MaskPlan &plan, Miss &miss);

} // namespace ra::raise

#endif // RA_LIB_DIALECT_RA_TRANSFORMS_RAISEMASK_H
