//===- AttentionToVector.cpp - Both attention ops as one tiled kernel -----===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "AttentionProblem.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/PatternMatch.h"

using namespace mlir;
using namespace ra;
using namespace ra::detail;

namespace {

/// So many tasks keep threads busy to the end; with fewer query tiles a task is
/// made smaller.
constexpr int64_t kEnoughTasks = 32;

/// Replaces the op by a parallel loop over tiles.
template <typename OpTy> struct LowerAttention : OpRewritePattern<OpTy> {
  LowerAttention(MLIRContext *context, VectorShape shape)
      : OpRewritePattern<OpTy>(context), shape(shape) {}

  LogicalResult matchAndRewrite(OpTy op,
                                PatternRewriter &rewriter) const override {
    auto kernel = op->template getParentOfType<func::FuncOp>();
    if (!kernel || !isa<MemRefType>(op.getQuery().getType()))
      return rewriter.notifyMatchFailure(op, "not on memrefs in a function");
    if (std::optional<std::string> reason = whyNotLowered(op, shape))
      return rewriter.notifyMatchFailure(op, *reason);
    AttentionProblem problem = describe(op, IRMapping());
    AttentionTile tile = chooseTile(problem, shape);

    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    SmallVector<Type> types(4, b.getIndexType());
    llvm::append_range(types, op->getOperandTypes());
    func::FuncOp function = createTileFunction(b, kernel, types, tile.bytes);
    IRMapping mapping;
    mapping.map(op->getOperands(), function.getArguments().drop_front(4));
    AttentionProblem inTask = describe(op, mapping);
    emitAttentionTask(b, shape, inTask, tile, function.getName(),
                      function.getArgument(0), function.getArgument(1),
                      function.getArgument(2), function.getArgument(3));

    b.setInsertionPoint(op);
    KernelEmitter outer(b, shape);
    Value zero = outer.index(0), one = outer.index(1);
    Value batches = outer.extent(problem.query, 0);
    Value heads = outer.index(problem.numHeads);
    Value tiles = outer.ceilDiv(outer.extent(problem.query, 2), tile.queries);
    Value group = one;
    if (tile.group > 1) {
      group = outer.mul(outer.mul(batches, heads), tiles);
      group = outer.div(group, outer.index(kEnoughTasks));
      group = outer.max(outer.min(group, outer.index(tile.group)), one);
    }
    Value groups = outer.div(outer.add(tiles, outer.sub(group, one)), group);
    scf::ParallelOp::create(
        b, ValueRange{zero, zero, zero}, ValueRange{batches, heads, groups},
        ValueRange{one, one, one},
        [&](OpBuilder &nested, Location loc, ValueRange ivs) {
          OpBuilder::InsertionGuard guard(b);
          b.setInsertionPointToEnd(nested.getInsertionBlock());
          // The last rows see the most keys under a causal mask; they go first.
          Value fromEnd = outer.sub(outer.sub(groups, ivs[2]), one);
          Value first = outer.mul(fromEnd, group);
          Value count = outer.min(group, outer.sub(tiles, first));
          SmallVector<Value> operands = {ivs[0], ivs[1], first, count};
          llvm::append_range(operands, op->getOperands());
          func::CallOp::create(b, function, operands);
        });
    rewriter.eraseOp(op);
    return success();
  }

  VectorShape shape;
};

template <typename OpTy>
std::optional<std::string> scratchTooLarge(OpTy op, VectorShape shape) {
  int64_t bytes = chooseTile(describe(op, IRMapping()), shape).bytes;
  if (bytes <= kMaxScratchBytes)
    return std::nullopt;
  return "needs " + std::to_string(bytes) +
         " bytes of scratch memory per tile, more than " +
         std::to_string(kMaxScratchBytes) + "; use smaller head dims";
}

} // namespace

std::optional<std::string> ra::detail::whyNotLowered(Operation *op,
                                                     VectorShape shape) {
  if (op->getNumResults() != 0)
    return "has no CPU lowering on tensors; decompose it or bufferise first "
           "(--ra-bufferize)";
  if (auto linear = dyn_cast<LinearOp>(op))
    return whyNotLowered(linear, shape);
  if (auto attention = dyn_cast<AttentionOp>(op))
    return scratchTooLarge(attention, shape);
  if (auto reciprocal = dyn_cast<ReciprocalAttentionOp>(op)) {
    if (reciprocal.getProjection() || reciprocal.getBasisQuery())
      return "with a projection or basis has no CPU lowering; decompose it on "
             "tensors first";
    return scratchTooLarge(reciprocal, shape);
  }
  return std::nullopt;
}

void ra::detail::populateAttentionPatterns(RewritePatternSet &patterns,
                                           VectorShape shape) {
  patterns
      .add<LowerAttention<AttentionOp>, LowerAttention<ReciprocalAttentionOp>>(
          patterns.getContext(), shape);
}
