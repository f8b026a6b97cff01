//===- OpHelpers.h - What several ra ops share --*- C++ -*- ---===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RA_LIB_DIALECT_RA_IR_OPHELPERS_H
#define RA_LIB_DIALECT_RA_IR_OPHELPERS_H

#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/PatternMatch.h"
#include "ra/Dialect/RA/IR/RAOps.h"

namespace ra::detail {

/// True unless both extents are static and different.
bool compatible(int64_t a, int64_t b);

/// Prints a shape as 2x?x64.
std::string shapeString(llvm::ArrayRef<int64_t> shape);

/// Every map of `maps` is a permutation of the number of dims in `ranks`, one
/// for each operand named in `names`; reports `constraint` otherwise.
llvm::LogicalResult verifyMaps(mlir::Operation *op, mlir::ArrayAttr maps,
                               llvm::ArrayRef<unsigned> ranks,
                               llvm::ArrayRef<llvm::StringRef> names,
                               llvm::StringRef constraint);

/// On tensors one result per init, of its type; on memrefs none. Tensors and
/// memrefs do not mix.
llvm::LogicalResult verifySemantics(mlir::DestinationStyleOpInterface op);

/// The attributes `rank` and `rec_dims` against the number of heads and the
/// head dim: (C10) and (C11) of ra.reciprocal_attention.
llvm::LogicalResult verifyRanks(mlir::Operation *op,
                                mlir::DenseI64ArrayAttr rank,
                                mlir::DenseI64ArrayAttr recDims,
                                int64_t numHeads, int64_t headDim);

/// Gates, projection and basis: (C12) to (C15) of ra.reciprocal_attention.
struct ReciprocalOperands {
  mlir::Value standardGate, reciprocalGate, projection, basisQuery, basisKey;
  mlir::DenseI64ArrayAttr rank, recDims;
  mlir::Type elementType;
  int64_t numHeads, numKvHeads, headDim;
};
llvm::LogicalResult
verifyReciprocalOperands(mlir::Operation *op,
                         const ReciprocalOperands &operands);

/// (C1) to (C8) of ra.attention, for both attention ops.
struct AttentionOperands {
  mlir::Value query, key, value, bias, init, lseInit;
  mlir::AffineMap queryMap, keyMap, valueMap, initMap;
  mlir::ArrayAttr maps;
  std::optional<llvm::APFloat> scale, softcap;
};
llvm::LogicalResult verifyAttentionOperands(mlir::Operation *op,
                                            const AttentionOperands &operands);

/// Effects of a destination-style op: none on tensors; on memrefs, inputs are
/// read and inits written.
void getDestinationStyleEffects(
    mlir::DestinationStyleOpInterface op,
    llvm::SmallVectorImpl<
        mlir::SideEffects::EffectInstance<mlir::MemoryEffects::Effect>>
        &effects);

/// Result `i` has the shape of init `i`.
llvm::LogicalResult reifyFromInits(mlir::DestinationStyleOpInterface op,
                                   mlir::OpBuilder &builder,
                                   mlir::ReifiedRankedShapedTypeDims &shapes);

/// Entry `index` of an op's `indexing_maps`, or the identity of `rank` dims.
mlir::AffineMap getMapOrIdentity(std::optional<mlir::ArrayAttr> maps,
                                 unsigned index, unsigned rank,
                                 mlir::MLIRContext *context);

/// Drops `indexing_maps` that are all identities; fails if there are none.
template <typename OpTy>
struct DropIdentityMaps : mlir::OpRewritePattern<OpTy> {
  using mlir::OpRewritePattern<OpTy>::OpRewritePattern;
  llvm::LogicalResult
  matchAndRewrite(OpTy op, mlir::PatternRewriter &rewriter) const override {
    std::optional<mlir::ArrayAttr> maps = op.getIndexingMaps();
    if (!maps ||
        !llvm::all_of(maps->template getAsValueRange<mlir::AffineMapAttr>(),
                      [](mlir::AffineMap map) { return map.isIdentity(); }))
      return mlir::failure();
    rewriter.modifyOpInPlace(op, [&] { op.removeIndexingMapsAttr(); });
    return mlir::success();
  }
};

/// Drops a query offset of constant 0.
template <typename OpTy> struct DropZeroOffset : mlir::OpRewritePattern<OpTy> {
  using mlir::OpRewritePattern<OpTy>::OpRewritePattern;
  llvm::LogicalResult
  matchAndRewrite(OpTy op, mlir::PatternRewriter &rewriter) const override {
    if (!op.getQueryOffset() ||
        !mlir::isConstantIntValue(op.getQueryOffset(), 0))
      return mlir::failure();
    rewriter.modifyOpInPlace(op, [&] { op.getQueryOffsetMutable().clear(); });
    return mlir::success();
  }
};

/// A mask as simple as static lengths allow: bottom-right alignment of equal
/// lengths is top-left; a window no shorter than the queries is causal.
template <typename OpTy> struct SimplifyMask : mlir::OpRewritePattern<OpTy> {
  using mlir::OpRewritePattern<OpTy>::OpRewritePattern;
  llvm::LogicalResult
  matchAndRewrite(OpTy op, mlir::PatternRewriter &rewriter) const override {
    MaskAttr mask = op.getMask();
    int64_t queries =
        getLogicalShape(mlir::cast<mlir::ShapedType>(op.getQuery().getType()),
                        op.getQueryMap())[2];
    int64_t keys = getLogicalShape(
        mlir::cast<mlir::ShapedType>(op.getKey().getType()), op.getKeyMap())[2];
    if (mlir::ShapedType::isDynamic(queries) || queries != keys ||
        op.getQueryOffset())
      return mlir::failure();
    MaskAttr simple = mask;
    if (mask.getKind() == MaskKind::Window && mask.getWindow() >= queries)
      simple = MaskAttr::get(op.getContext(), MaskKind::Causal, 0,
                             mask.getAlignment());
    if (simple.isBottomRight())
      simple =
          MaskAttr::get(op.getContext(), simple.getKind(), simple.getWindow());
    if (simple == mask)
      return mlir::failure();
    rewriter.modifyOpInPlace(op, [&] { op.setMaskAttr(simple); });
    return mlir::success();
  }
};

/// One spelling for the reciprocal dims: equal ranks are one number, and dims
/// that are the last R need no list.
template <typename OpTy> struct NormaliseRanks : mlir::OpRewritePattern<OpTy> {
  using mlir::OpRewritePattern<OpTy>::OpRewritePattern;
  llvm::LogicalResult
  matchAndRewrite(OpTy op, mlir::PatternRewriter &rewriter) const override {
    mlir::DenseI64ArrayAttr rank = op.getRankAttr();
    mlir::DenseI64ArrayAttr recDims = op.getRecDimsAttr();
    mlir::DenseI64ArrayAttr newRank = rank, newDims = recDims;
    if (rank && rank.size() > 1 && llvm::all_equal(rank.asArrayRef()))
      newRank = rewriter.getDenseI64ArrayAttr(rank[0]);
    if (newDims) {
      llvm::ArrayRef<int64_t> dims = newDims.asArrayRef();
      int64_t count = dims.size();
      // Ascending and unique, so the first entry decides.
      bool last = dims.front() == op.getHeadDim() - count;
      bool unused = newRank && newRank.size() == 1 && newRank[0] == 0;
      if (last || unused) {
        if (!newRank)
          newRank = rewriter.getDenseI64ArrayAttr(count);
        newDims = nullptr;
      }
    }
    if (newRank == rank && newDims == recDims)
      return mlir::failure();
    rewriter.modifyOpInPlace(op, [&] {
      op.setRankAttr(newRank);
      if (newDims)
        op.setRecDimsAttr(newDims);
      else
        op.removeRecDimsAttr();
    });
    return mlir::success();
  }
};

/// Drops a log-sum-exp nobody reads.
template <typename OpTy>
struct DropUnusedLogSumExp : mlir::OpRewritePattern<OpTy> {
  using mlir::OpRewritePattern<OpTy>::OpRewritePattern;
  llvm::LogicalResult
  matchAndRewrite(OpTy op, mlir::PatternRewriter &rewriter) const override {
    if (op.getNumResults() != 2 || !op.getResult(1).use_empty())
      return mlir::failure();
    auto attributes = mlir::cast<OpTy>(op->cloneWithoutRegions());
    attributes.getLseInitMutable().clear();
    // A fresh op with one result and the same operands and attributes.
    auto replacement = OpTy::create(
        rewriter, op.getLoc(), mlir::TypeRange{op.getResult(0).getType()},
        attributes->getOperands(), attributes.getProperties(),
        llvm::to_vector(op->getDiscardableAttrs()));
    attributes->erase();
    rewriter.replaceAllUsesWith(op.getResult(0), replacement->getResult(0));
    rewriter.eraseOp(op);
    return mlir::success();
  }
};

} // namespace ra::detail

#endif // RA_LIB_DIALECT_RA_IR_OPHELPERS_H
