//===- EliminateCopies.cpp - Data movement to maps and views ---===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "CopyOps.h"
#include "ra/Dialect/RA/IR/RAOps.h"
#include "ra/Dialect/RA/Transforms/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Tensor/Transforms/Transforms.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace ra {
#define GEN_PASS_DEF_ELIMINATECOPIESPASS
#include "ra/Dialect/RA/Transforms/Passes.h.inc"
} // namespace ra

using namespace mlir;
using namespace ra;

static constexpr llvm::StringLiteral kCategory = "ra-eliminate-copies";

/// A map into a transposed operand, read from the operand before transposition:
/// transposed dim `i` is source dim `permutation[i]`.
static AffineMap throughTranspose(AffineMap map,
                                  ArrayRef<int64_t> permutation) {
  SmallVector<AffineExpr> exprs(map.getNumResults());
  for (auto [i, source] : llvm::enumerate(permutation))
    exprs[source] = map.getResult(i);
  return AffineMap::get(map.getNumDims(), 0, exprs, map.getContext());
}

/// A map into a result whose dims are then transposed.
static AffineMap intoTranspose(AffineMap map, ArrayRef<int64_t> permutation) {
  SmallVector<AffineExpr> exprs;
  for (int64_t source : permutation)
    exprs.push_back(map.getResult(source));
  return AffineMap::get(map.getNumDims(), 0, exprs, map.getContext());
}

//===----------------------------------------------------------------------===//
// The maps of each op, in one form
//===----------------------------------------------------------------------===//

/// The mapped inputs of an op with their maps, and the map of its result.
struct Maps {
  SmallVector<unsigned> operands;
  SmallVector<AffineMap> maps;
  AffineMap result;
};

template <typename OpTy> static Maps getAttentionMaps(OpTy op) {
  return {{0, 1, 2},
          {op.getQueryMap(), op.getKeyMap(), op.getValueMap()},
          op.getInitMap()};
}
static Maps getMaps(AttentionOp op) { return getAttentionMaps(op); }
static Maps getMaps(ReciprocalAttentionOp op) { return getAttentionMaps(op); }
static Maps getMaps(LinearOp op) {
  return {{0}, {op.getInputMap()}, op.getOutputMap()};
}
static Maps getMaps(RopeOp op) {
  return {{0}, {op.getInputMap()}, op.getOutputMap()};
}

template <typename OpTy> static void setMaps(OpTy op, const Maps &maps) {
  SmallVector<AffineMap> all(maps.maps);
  all.push_back(maps.result);
  op.setIndexingMapsAttr(Builder(op.getContext()).getAffineMapArrayAttr(all));
}

namespace {
/// A transpose of an operand goes into the operand's map.
template <typename OpTy> struct TransposedOperand : OpRewritePattern<OpTy> {
  using OpRewritePattern<OpTy>::OpRewritePattern;
  LogicalResult matchAndRewrite(OpTy op,
                                PatternRewriter &rewriter) const override {
    Maps maps = getMaps(op);
    bool changed = false;
    SmallVector<Value> sources(op->getOperands());
    for (auto [operand, map] : llvm::zip_equal(maps.operands, maps.maps)) {
      auto transpose =
          sources[operand].template getDefiningOp<linalg::TransposeOp>();
      if (!transpose || !isa<RankedTensorType>(sources[operand].getType()))
        continue;
      map = throughTranspose(map, transpose.getPermutation());
      sources[operand] = transpose.getInput();
      changed = true;
    }
    if (!changed)
      return failure();
    rewriter.modifyOpInPlace(op, [&] {
      op->setOperands(sources);
      setMaps(op, maps);
    });
    return success();
  }
};

/// A transpose of the only use of a result goes into the result's map.
template <typename OpTy> struct TransposedResult : OpRewritePattern<OpTy> {
  using OpRewritePattern<OpTy>::OpRewritePattern;
  LogicalResult matchAndRewrite(OpTy op,
                                PatternRewriter &rewriter) const override {
    if (op->getNumResults() == 0 || !op->getResult(0).hasOneUse())
      return failure();
    auto transpose =
        dyn_cast<linalg::TransposeOp>(*op->getResult(0).user_begin());
    if (!transpose)
      return failure();
    Maps maps = getMaps(op);
    maps.result = intoTranspose(maps.result, transpose.getPermutation());
    rewriter.setInsertionPoint(op);
    Location loc = op.getLoc();
    SmallVector<OpFoldResult> sizes =
        tensor::getMixedSizes(rewriter, loc, op.getInit());
    SmallVector<OpFoldResult> transposed;
    for (int64_t source : transpose.getPermutation())
      transposed.push_back(sizes[source]);
    Type elementType =
        cast<ShapedType>(op.getInit().getType()).getElementType();
    Value init =
        tensor::EmptyOp::create(rewriter, loc, transposed, elementType);
    SmallVector<Type> types(op->getResultTypes());
    types[0] = init.getType();
    SmallVector<Value> operands(op->getOperands());
    operands[op.getDpsInitsMutable()[0].getOperandNumber()] = init;
    auto replacement = cast<OpTy>(clone(rewriter, op, types, operands));
    setMaps(replacement, maps);
    Value result = replacement->getResult(0);
    if (result.getType() != transpose->getResult(0).getType())
      result = tensor::CastOp::create(
          rewriter, loc, transpose->getResult(0).getType(), result);
    rewriter.replaceOp(transpose, result);
    SmallVector<Value> results(replacement->getResults());
    for (unsigned i = 1; i < results.size(); ++i)
      rewriter.replaceAllUsesWith(op->getResult(i), results[i]);
    rewriter.eraseOp(op);
    return success();
  }
};

/// slice(transpose(x)) to transpose(slice(x)): the slice is then a view.
struct SliceOfTranspose : OpRewritePattern<tensor::ExtractSliceOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(tensor::ExtractSliceOp op,
                                PatternRewriter &rewriter) const override {
    auto transpose = op.getSource().getDefiningOp<linalg::TransposeOp>();
    if (!transpose || op.getDroppedDims().any())
      return failure();
    Location loc = op.getLoc();
    ArrayRef<int64_t> permutation = transpose.getPermutation();
    SmallVector<OpFoldResult> offsets(permutation.size()),
        sizes(permutation.size()), strides(permutation.size());
    for (auto [i, source] : llvm::enumerate(permutation)) {
      offsets[source] = op.getMixedOffsets()[i];
      sizes[source] = op.getMixedSizes()[i];
      strides[source] = op.getMixedStrides()[i];
    }
    Value slice = tensor::ExtractSliceOp::create(
        rewriter, loc, transpose.getInput(), offsets, sizes, strides);
    Value init = tensor::EmptyOp::create(
        rewriter, loc, op.getMixedSizes(),
        cast<ShapedType>(op.getType()).getElementType());
    Value result =
        linalg::TransposeOp::create(rewriter, loc, slice, init, permutation)
            ->getResult(0);
    if (result.getType() != op.getType())
      result = tensor::CastOp::create(rewriter, loc, op.getType(), result);
    rewriter.replaceOp(op, result);
    return success();
  }
};

/// A linalg.generic that only permutes is a linalg.transpose, which the
/// patterns above understand.
struct GenericTranspose : OpRewritePattern<linalg::GenericOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(linalg::GenericOp op,
                                PatternRewriter &rewriter) const override {
    if (op.getNumDpsInputs() != 1 || op.getNumDpsInits() != 1 ||
        op.getNumParallelLoops() != op.getNumLoops() ||
        op->getNumResults() != 1 ||
        op.getBody()->getTerminator()->getOperand(0) !=
            op.getBody()->getArgument(0) ||
        !llvm::hasSingleElement(op.getBody()->getOperations()))
      return failure();
    AffineMap input = op.getIndexingMapsArray()[0];
    AffineMap output = op.getIndexingMapsArray()[1];
    if (!input.isPermutation() || !output.isPermutation() ||
        input.getNumDims() == 0)
      return failure();
    // Result dim i is iteration dim output[i], which is input dim
    // inverse(input)[..].
    SmallVector<int64_t> permutation;
    for (AffineExpr expr : output.getResults())
      permutation.push_back(*input.getResultPosition(expr));
    if (llvm::equal(permutation, llvm::seq<int64_t>(0, permutation.size())) &&
        op->getOperand(0).getType() == op->getResult(0).getType()) {
      rewriter.replaceOp(op, op.getDpsInputs()[0]);
      return success();
    }
    rewriter.replaceOpWithNewOp<linalg::TransposeOp>(
        op, op.getDpsInputs()[0], op.getDpsInits()[0], permutation);
    return success();
  }
};

/// A concatenation is writes into one destination.
struct ConcatIntoDestination : OpRewritePattern<tensor::ConcatOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(tensor::ConcatOp op,
                                PatternRewriter &rewriter) const override {
    FailureOr<SmallVector<Value>> parts = op.decomposeOperation(rewriter);
    if (failed(parts))
      return failure();
    rewriter.replaceOp(op, *parts);
    return success();
  }
};

/// An init is only written: whatever it was computed from, an empty tensor
/// does.
template <typename OpTy> struct EmptyInit : OpRewritePattern<OpTy> {
  using OpRewritePattern<OpTy>::OpRewritePattern;
  LogicalResult matchAndRewrite(OpTy op,
                                PatternRewriter &rewriter) const override {
    Operation *init = op.getInit().getDefiningOp();
    if (!init || !isa<linalg::FillOp, arith::ConstantOp>(init))
      return failure();
    Value empty = tensor::EmptyOp::create(
        rewriter, op.getLoc(),
        tensor::getMixedSizes(rewriter, op.getLoc(), op.getInit()),
        cast<ShapedType>(op.getInit().getType()).getElementType());
    rewriter.modifyOpInPlace(op, [&] { op.getInitMutable().assign(empty); });
    return success();
  }
};

template <typename... OpTys> void addPatternsFor(RewritePatternSet &patterns) {
  patterns.add<TransposedOperand<OpTys>..., TransposedResult<OpTys>...,
               EmptyInit<OpTys>...>(patterns.getContext());
}

struct EliminateCopiesPass
    : ra::impl::EliminateCopiesPassBase<EliminateCopiesPass> {
  /// Why a copy is still there.
  static std::string reasonFor(Operation *op) {
    if (isa<linalg::TransposeOp>(op)) {
      Operation *user = op->hasOneUse() ? *op->user_begin() : nullptr;
      if (!user)
        return "the transpose has several users";
      return (Twine("neither its producer nor its user '") +
              user->getName().getStringRef() + "' takes an indexing map")
          .str();
    }
    return "it selects data at run time";
  }

  void runOnOperation() override {
    func::FuncOp function = getOperation();
    RewritePatternSet patterns(&getContext());
    populateEliminateCopiesPatterns(patterns);
    if (failed(applyPatternsGreedily(function, std::move(patterns)))) {
      function.emitOpError("copy elimination did not converge");
      return signalPassFailure();
    }
    unsigned left = 0;
    function.walk([&](Operation *op) {
      if (!ra::detail::isCopy(op))
        return;
      ++left;
      remark::missed(
          op->getLoc(),
          remark::RemarkOpts::name("copy").category(kCategory).function(
              function.getName()))
          << remark::reason("{0} stays: {1}", op->getName(), reasonFor(op));
    });
    if (left == 0)
      remark::passed(
          function.getLoc(),
          remark::RemarkOpts::name("copies").category(kCategory).function(
              function.getName()))
          << remark::reason("no copies left");
  }
};
} // namespace

void ra::populateEliminateCopiesPatterns(RewritePatternSet &patterns) {
  addPatternsFor<AttentionOp, ReciprocalAttentionOp, LinearOp, RopeOp>(
      patterns);
  MLIRContext *context = patterns.getContext();
  patterns.add<SliceOfTranspose, GenericTranspose, ConcatIntoDestination>(
      context);
  AttentionOp::getCanonicalizationPatterns(patterns, context);
  ReciprocalAttentionOp::getCanonicalizationPatterns(patterns, context);
  LinearOp::getCanonicalizationPatterns(patterns, context);
  RopeOp::getCanonicalizationPatterns(patterns, context);
}
