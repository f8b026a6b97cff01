//===- AttentionProblem.h - Either attention op, as its kernel sees it ----===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Scores are a list of terms. Term t of head h contributes
//     scale * gate_t[h] * sum_{d in dims_t[h]} left_t[i, d] * right_t[j, d]
// ra.attention has one, q_i k_j over all dims; ra.reciprocal_attention has a
// second, k_i q_j over the reciprocal dims.
//
//===----------------------------------------------------------------------===//

#ifndef RA_LIB_CONVERSION_RATOVECTOR_ATTENTIONPROBLEM_H
#define RA_LIB_CONVERSION_RATOVECTOR_ATTENTIONPROBLEM_H

#include "KernelEmitter.h"

#include "mlir/IR/IRMapping.h"
#include "ra/Dialect/RA/IR/RAOps.h"

namespace ra::detail {

/// Which head of an operand a query head reads.
enum class HeadOf {
  /// The query head itself.
  Query,
  /// The key head that the query head's group shares.
  Group,
  /// The mean over the query heads of the group.
  GroupMean
};

/// One product of the scores; see the file's description.
struct ScoreTerm {
  OperandView left, right;
  HeadOf leftHead, rightHead;
  /// Per query head, the dims that the product runs over, ascending.
  llvm::SmallVector<llvm::SmallVector<int64_t>> dims;
  /// [1] or [Hq], or null for the constant.
  mlir::Value gate;
  double defaultGate = 1.0;

  int64_t maxDims() const;
};

/// Either attention op, on values of the function that code is emitted into.
struct AttentionProblem {
  llvm::SmallVector<ScoreTerm> terms;
  OperandView query, key, value, init;
  mlir::Value bias, queryOffset, lse;
  MaskAttr mask;
  double scale;
  std::optional<double> softcap;
  int64_t numHeads, groupSize, valueDim;
};

/// The problem of `op`, whose operands are looked up in `mapping`.
AttentionProblem describe(AttentionOp op, const mlir::IRMapping &mapping);
AttentionProblem describe(ReciprocalAttentionOp op,
                          const mlir::IRMapping &mapping);

/// Static sizes of a task, which is what one thread does at a time: a number of
/// query tiles of one head. They share the packed keys and values.
struct AttentionTile {
  /// Queries and keys of one tile.
  int64_t queries, keys;
  /// The most query tiles of a task.
  int64_t group;
  /// Rows of keys beyond a tile that products may read.
  int64_t padding;
  /// Bytes of scratch memory of a task.
  int64_t bytes;
};

/// Scratch must fit on a thread's stack beside everything else.
inline constexpr int64_t kMaxScratchBytes = int64_t(2) << 20;

/// The tile sizes for a problem. Where even the smallest tile needs more than
/// kMaxScratchBytes, `bytes` says how much.
AttentionTile chooseTile(const AttentionProblem &problem, VectorShape shape);

/// Emits the work of one task at the insertion point of `builder`: the query
/// tiles from `firstTile` on, at most `numTiles` of them, of head `head` in
/// `batch`. Tables of head dims are globals named after `kernelName`, the
/// function that is emitted into.
void emitAttentionTask(mlir::ImplicitLocOpBuilder &builder, VectorShape shape,
                       const AttentionProblem &problem,
                       const AttentionTile &tile, llvm::StringRef kernelName,
                       mlir::Value batch, mlir::Value head,
                       mlir::Value firstTile, mlir::Value numTiles);

} // namespace ra::detail

#endif // RA_LIB_CONVERSION_RATOVECTOR_ATTENTIONPROBLEM_H
