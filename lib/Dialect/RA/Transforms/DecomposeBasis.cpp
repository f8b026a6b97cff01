//===- DecomposeBasis.cpp - P and basis to products on query and key ---===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "FoldAssembly.h"
#include "ra/Dialect/RA/Transforms/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Transforms/WalkPatternRewriteDriver.h"

namespace ra {
#define GEN_PASS_DEF_DECOMPOSEBASISPASS
#include "ra/Dialect/RA/Transforms/Passes.h.inc"
} // namespace ra

using namespace mlir;
using namespace ra;

namespace {
struct DecomposeBasis : OpRewritePattern<ReciprocalAttentionOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ReciprocalAttentionOp op,
                                PatternRewriter &rewriter) const override {
    if ((!op.getProjection() && !op.getBasisQuery()) ||
        !isa<RankedTensorType>(op.getQuery().getType()))
      return failure();
    Location loc = op.getLoc();
    int64_t group = op.getNumHeads() / op.getNumKvHeads();
    Value basisQuery = op.getBasisQuery(), basisKey = op.getBasisKey();
    if (op.getProjection()) {
      SmallVector<SmallVector<int64_t>> dims = op.getHeadDims(), keyDims;
      for (size_t head = 0; head < dims.size(); head += group)
        keyDims.push_back(dims[head]);
      basisQuery = ra::detail::projectionAsBasis(
          rewriter, loc, op.getProjection(), dims, op.getHeadDim());
      basisKey = ra::detail::projectionAsBasis(
          rewriter, loc, op.getProjection(), keyDims, op.getHeadDim());
    }
    Type elementType =
        cast<ShapedType>(op.getQuery().getType()).getElementType();
    Value query = ra::detail::applyBasis(
        rewriter, loc, {op.getQuery(), op.getQueryMap()}, basisQuery,
        /*headPos=*/1, /*dimPos=*/3, elementType);
    Value key = ra::detail::applyBasis(
        rewriter, loc, {op.getKey(), op.getKeyMap()}, basisKey, /*headPos=*/1,
        /*dimPos=*/3, elementType);
    AffineMap identity =
        AffineMap::getMultiDimIdentityMap(4, rewriter.getContext());
    ArrayAttr maps = rewriter.getAffineMapArrayAttr(
        {identity, identity, op.getValueMap(), op.getInitMap()});
    rewriter.modifyOpInPlace(op, [&] {
      op.getQueryMutable().assign(query);
      op.getKeyMutable().assign(key);
      op.getProjectionMutable().clear();
      op.getBasisQueryMutable().clear();
      op.getBasisKeyMutable().clear();
      op.setIndexingMapsAttr(maps);
    });
    return success();
  }
};

struct DecomposeBasisPass
    : ra::impl::DecomposeBasisPassBase<DecomposeBasisPass> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    populateDecomposeBasisPatterns(patterns);
    walkAndApplyPatterns(getOperation(), std::move(patterns));
  }
};
} // namespace

void ra::populateDecomposeBasisPatterns(RewritePatternSet &patterns) {
  patterns.add<DecomposeBasis>(patterns.getContext());
}
