//===- DecomposeFoldWeights.cpp - ra.fold_weights to linalg ---===//
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
#define GEN_PASS_DEF_DECOMPOSEFOLDWEIGHTSPASS
#include "ra/Dialect/RA/Transforms/Passes.h.inc"
} // namespace ra

using namespace mlir;
using namespace ra;

namespace {
struct DecomposeFoldWeights : OpRewritePattern<FoldWeightsOp> {
  using OpRewritePattern::OpRewritePattern;

  /// [H * D, rest...] as [H, D, rest...].
  static ra::detail::FoldOperand splitHeads(OpBuilder &builder, Location loc,
                                            Value tensor, int64_t heads) {
    auto type = cast<RankedTensorType>(tensor.getType());
    SmallVector<int64_t> shape = {heads, type.getDimSize(0) / heads};
    llvm::append_range(shape, type.getShape().drop_front());
    SmallVector<ReassociationIndices> groups = {{0, 1}};
    SmallVector<OpFoldResult> sizes = {builder.getIndexAttr(shape[0]),
                                       builder.getIndexAttr(shape[1])};
    for (int64_t i = 1; i < type.getRank(); ++i) {
      groups.push_back({i + 1});
      sizes.push_back(tensor::getMixedSize(builder, loc, tensor, i));
    }
    Value split = tensor::ExpandShapeOp::create(
        builder, loc, RankedTensorType::get(shape, type.getElementType()),
        tensor, groups, sizes);
    return {split, AffineMap::getMultiDimIdentityMap(shape.size(),
                                                     builder.getContext())};
  }

  static Value mergeHeads(OpBuilder &builder, Location loc, Value tensor,
                          Type resultType) {
    SmallVector<ReassociationIndices> groups = {{0, 1}};
    int64_t rank = cast<ShapedType>(tensor.getType()).getRank();
    for (int64_t i = 2; i < rank; ++i)
      groups.push_back({i});
    Value merged =
        tensor::CollapseShapeOp::create(builder, loc, tensor, groups);
    if (merged.getType() != resultType)
      merged = tensor::CastOp::create(builder, loc, resultType, merged);
    return merged;
  }

  /// The bias of one side, or zeros.
  static Value biasOrZeros(OpBuilder &builder, Location loc, Value bias,
                           Value weight) {
    if (bias)
      return bias;
    auto type = cast<RankedTensorType>(weight.getType());
    auto biasType =
        RankedTensorType::get({type.getDimSize(0)}, type.getElementType());
    return arith::ConstantOp::create(builder, loc,
                                     builder.getZeroAttr(biasType));
  }

  LogicalResult matchAndRewrite(FoldWeightsOp op,
                                PatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    int64_t heads = op.getNumHeads(), kvHeads = op.getKvHeads();
    ra::detail::FoldPlan plan{heads,
                              kvHeads,
                              op.getHeadDim(),
                              op.getHeadDims(),
                              op.getGateSplit(),
                              op.getGqa(),
                              op.getWStd(),
                              op.getWRec()};
    Type elementType =
        cast<ShapedType>(op.getQueryWeight().getType()).getElementType();

    Value basisQuery = op.getBasisQuery(), basisKey = op.getBasisKey();
    if (op.getProjection()) {
      SmallVector<SmallVector<int64_t>> keyDims;
      for (int64_t head = 0; head < heads; head += heads / kvHeads)
        keyDims.push_back(plan.dims[head]);
      basisQuery = ra::detail::projectionAsBasis(
          rewriter, loc, op.getProjection(), plan.dims, plan.headDim);
      basisKey = ra::detail::projectionAsBasis(
          rewriter, loc, op.getProjection(), keyDims, plan.headDim);
    }

    auto fold = [&](Value query, Value key) {
      ra::detail::FoldOperand q = splitHeads(rewriter, loc, query, heads);
      ra::detail::FoldOperand k = splitHeads(rewriter, loc, key, kvHeads);
      // f32 in between: one rounding, at the end.
      if (basisQuery) {
        q.tensor = ra::detail::applyBasis(rewriter, loc, q, basisQuery, 0, 1,
                                          rewriter.getF32Type());
        k.tensor = ra::detail::applyBasis(rewriter, loc, k, basisKey, 0, 1,
                                          rewriter.getF32Type());
      }
      return ra::detail::assembleFold(rewriter, loc, plan, q, k, /*headPos=*/0,
                                      /*dimPos=*/1, elementType);
    };

    SmallVector<Value> results;
    auto [queryWeight, keyWeight] =
        fold(op.getQueryWeight(), op.getKeyWeight());
    results.push_back(queryWeight);
    results.push_back(keyWeight);
    if (op.getFoldedQueryBias()) {
      auto [queryBias, keyBias] = fold(
          biasOrZeros(rewriter, loc, op.getQueryBias(), op.getQueryWeight()),
          biasOrZeros(rewriter, loc, op.getKeyBias(), op.getKeyWeight()));
      results.push_back(queryBias);
      results.push_back(keyBias);
    }
    for (auto [result, type] : llvm::zip_equal(results, op->getResultTypes()))
      result = mergeHeads(rewriter, loc, result, type);
    rewriter.replaceOp(op, results);
    return success();
  }
};

struct DecomposeFoldWeightsPass
    : ra::impl::DecomposeFoldWeightsPassBase<DecomposeFoldWeightsPass> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    populateDecomposeFoldWeightsPatterns(patterns);
    walkAndApplyPatterns(getOperation(), std::move(patterns));
  }
};
} // namespace

void ra::populateDecomposeFoldWeightsPatterns(RewritePatternSet &patterns) {
  patterns.add<DecomposeFoldWeights>(patterns.getContext());
}
