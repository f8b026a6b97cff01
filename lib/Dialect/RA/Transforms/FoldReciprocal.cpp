//===- FoldReciprocal.cpp - Reciprocal attention on assembled query and key
//---===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "FoldAssembly.h"
#include "Gates.h"
#include "ra/Dialect/RA/Transforms/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Transforms/WalkPatternRewriteDriver.h"
#include "llvm/ADT/StringExtras.h"

namespace ra {
#define GEN_PASS_DEF_FOLDRECIPROCALPASS
#include "ra/Dialect/RA/Transforms/Passes.h.inc"
} // namespace ra

using namespace mlir;
using namespace ra;

static constexpr llvm::StringLiteral kCategory = "ra-fold-reciprocal";

namespace {
struct FoldReciprocal : OpRewritePattern<ReciprocalAttentionOp> {
  using OpRewritePattern::OpRewritePattern;

  /// Why key rows cannot be assembled for these heads; empty if they can.
  static std::string conflict(ReciprocalAttentionOp op,
                              ArrayRef<SmallVector<int64_t>> dims) {
    int64_t group = op.getNumHeads() / op.getNumKvHeads();
    if (group == 1)
      return "";
    bool slots = op.getGqa() == GroupedMode::Slots;
    for (size_t head = 0; head < dims.size(); ++head)
      if (dims[head] != dims[slots ? 0 : head / group * group])
        return slots ? "slots need equal reciprocal dims on all heads"
                     : "heads that share a key head have different reciprocal "
                       "dims";
    return "";
  }

  LogicalResult matchAndRewrite(ReciprocalAttentionOp op,
                                PatternRewriter &rewriter) const override {
    if (op.getProjection() || op.getBasisQuery() ||
        !isa<RankedTensorType>(op.getQuery().getType()))
      return failure();
    Location loc = op.getLoc();
    SmallVector<SmallVector<int64_t>> dims = op.getHeadDims();
    if (std::string reason = conflict(op, dims); !reason.empty()) {
      remark::missed(
          loc,
          remark::RemarkOpts::name("grouped").category(kCategory).subCategory(
              "grouped"))
          << remark::reason("{0}; the two products stay", reason);
      return failure();
    }
    ra::detail::FoldPlan plan{
        op.getNumHeads(),  op.getNumKvHeads(), op.getHeadDim(), dims,
        op.getGateSplit(), op.getGqa(),        op.getWStd(),    op.getWRec()};
    // A root on a shared key head would need equal gates in the group; the
    // query split has the same scores and needs nothing.
    if (plan.group() > 1)
      plan.split = GateSplit::Query;
    Type elementType =
        cast<ShapedType>(op.getQuery().getType()).getElementType();
    auto [query, key] = ra::detail::assembleFold(
        rewriter, loc, plan, {op.getQuery(), op.getQueryMap()},
        {op.getKey(), op.getKeyMap()}, /*headPos=*/1, /*dimPos=*/3,
        elementType);

    AffineMap identity =
        AffineMap::getMultiDimIdentityMap(4, rewriter.getContext());
    ArrayAttr maps = rewriter.getAffineMapArrayAttr(
        {identity, identity, op.getValueMap(), op.getInitMap()});
    // The folded head dim may differ, so the default scale must be written out.
    FloatAttr scale = op.getScaleAttr();
    if (!scale && plan.usesSlots())
      scale = rewriter.getF64FloatAttr(op.getEffectiveScale());
    remark::passed(loc, remark::RemarkOpts::name("folded").category(kCategory))
        << remark::reason("query and key assembled at run time, {0}{1}",
                          ra::detail::describeRanks(dims),
                          plan.usesSlots()
                              ? llvm::formatv(", head dim {0} -> {1}",
                                              plan.headDim,
                                              plan.foldedHeadDim())
                                    .str()
                              : std::string());
    rewriter.replaceOpWithNewOp<AttentionOp>(
        op, op.getResultTypes(), query, key, op.getValue(), op.getBias(),
        op.getQueryOffset(), op.getInit(), op.getLseInit(), op.getMask(), scale,
        op.getSoftcapAttr(), maps);
    return success();
  }
};

struct FoldReciprocalPass
    : ra::impl::FoldReciprocalPassBase<FoldReciprocalPass> {
  void runOnOperation() override {
    WalkResult walk = getOperation().walk([](ReciprocalAttentionOp op) {
      return WalkResult(ra::detail::checkGateSigns(op));
    });
    if (walk.wasInterrupted())
      return signalPassFailure();
    {
      RewritePatternSet patterns(&getContext());
      populateDecomposeBasisPatterns(patterns);
      walkAndApplyPatterns(getOperation(), std::move(patterns));
    }
    RewritePatternSet patterns(&getContext());
    populateFoldReciprocalPatterns(patterns);
    walkAndApplyPatterns(getOperation(), std::move(patterns));
  }
};
} // namespace

void ra::populateFoldReciprocalPatterns(RewritePatternSet &patterns) {
  patterns.add<FoldReciprocal>(patterns.getContext());
}
