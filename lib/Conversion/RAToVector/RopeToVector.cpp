//===- RopeToVector.cpp - ra.rope as loops --------------------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "KernelEmitter.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/PatternMatch.h"
#include "ra/Dialect/RA/IR/RAOps.h"

using namespace mlir;
using namespace ra;
using namespace ra::detail;

namespace {

/// Turns one row: position `t` of head `h` of batch `b`.
void emitRow(KernelEmitter &e, RopeOp op, Value batch, Value head,
             Value position) {
  ImplicitLocOpBuilder &b = e.b;
  OperandView input{op.getInput(), op.getInputMap()};
  OperandView init{op.getInit(), op.getOutputMap()};
  auto tableType = cast<MemRefType>(op.getCos().getType());
  unsigned tableRank = tableType.getRank();
  AffineMap identity = b.getMultiDimIdentityMap(tableRank);
  OperandView cos{op.getCos(), identity}, sin{op.getSin(), identity};
  Value half = e.extent(cos, tableRank - 1);
  bool interleaved = op.getStyle() == RopeStyle::Interleaved;

  e.loop(e.index(0), half, 1, [&](Value f) {
    KernelEmitter::Values at;
    if (tableRank == 3)
      at.push_back(batch);
    at.append({position, f});
    Value c = e.loadScalar(cos, at), s = e.loadScalar(sin, at);
    Value u = interleaved ? e.mul(f, e.index(2)) : f;
    Value v = interleaved ? e.add(u, e.index(1)) : e.add(f, half);
    Value x = e.loadScalar(input, {batch, head, position, u});
    Value y = e.loadScalar(input, {batch, head, position, v});
    Value turnedX = arith::SubFOp::create(b, arith::MulFOp::create(b, x, c),
                                          arith::MulFOp::create(b, y, s));
    Value turnedY = arith::AddFOp::create(b, arith::MulFOp::create(b, y, c),
                                          arith::MulFOp::create(b, x, s));
    e.storeScalar(turnedX, init, {batch, head, position, u});
    e.storeScalar(turnedY, init, {batch, head, position, v});
  });
  e.loop(e.mul(half, e.index(2)), e.extent(input, 3), 1, [&](Value d) {
    e.storeScalar(e.loadScalar(input, {batch, head, position, d}), init,
                  {batch, head, position, d});
  });
}

struct LowerRope : OpRewritePattern<RopeOp> {
  LowerRope(MLIRContext *context, VectorShape shape)
      : OpRewritePattern(context), shape(shape) {}

  LogicalResult matchAndRewrite(RopeOp op,
                                PatternRewriter &rewriter) const override {
    if (!isa<MemRefType>(op.getInput().getType()))
      return rewriter.notifyMatchFailure(op, "not on memrefs");
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    KernelEmitter e(b, shape);
    OperandView input{op.getInput(), op.getInputMap()};
    SmallVector<Value> lower(3, e.index(0)), step(3, e.index(1)), upper;
    for (unsigned dim = 0; dim < 3; ++dim)
      upper.push_back(e.extent(input, dim));
    scf::ParallelOp::create(
        b, lower, upper, step, [&](OpBuilder &, Location, ValueRange ivs) {
          OpBuilder::InsertionGuard guard(b);
          b.setInsertionPointToEnd(ivs.front().getParentBlock());
          emitRow(e, op, ivs[0], ivs[1], ivs[2]);
        });
    rewriter.eraseOp(op);
    return success();
  }

  VectorShape shape;
};

} // namespace

void ra::detail::populateRopePatterns(RewritePatternSet &patterns,
                                      VectorShape shape) {
  patterns.add<LowerRope>(patterns.getContext(), shape);
}
