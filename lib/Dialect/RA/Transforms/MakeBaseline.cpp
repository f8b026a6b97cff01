//===- MakeBaseline.cpp - Reciprocal to ordinary attention ---===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ra/Dialect/RA/IR/RAOps.h"
#include "ra/Dialect/RA/Transforms/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Transforms/WalkPatternRewriteDriver.h"

namespace ra {
#define GEN_PASS_DEF_MAKEBASELINEPASS
#include "ra/Dialect/RA/Transforms/Passes.h.inc"
} // namespace ra

using namespace mlir;
using namespace ra;

namespace {
struct MakeBaseline : OpRewritePattern<ReciprocalAttentionOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ReciprocalAttentionOp op,
                                PatternRewriter &rewriter) const override {
    // The scale is written out, as folding does, so that both sides of a
    // comparison have the same form.
    rewriter.replaceOpWithNewOp<AttentionOp>(
        op, op.getResultTypes(), op.getQuery(), op.getKey(), op.getValue(),
        op.getBias(), op.getQueryOffset(), op.getInit(), op.getLseInit(),
        op.getMask(), rewriter.getF64FloatAttr(op.getEffectiveScale()),
        op.getSoftcapAttr(), op.getIndexingMapsAttr());
    return success();
  }
};

struct MakeBaselinePass : ra::impl::MakeBaselinePassBase<MakeBaselinePass> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    populateMakeBaselinePatterns(patterns);
    walkAndApplyPatterns(getOperation(), std::move(patterns));
  }
};
} // namespace

void ra::populateMakeBaselinePatterns(RewritePatternSet &patterns) {
  patterns.add<MakeBaseline>(patterns.getContext());
}
