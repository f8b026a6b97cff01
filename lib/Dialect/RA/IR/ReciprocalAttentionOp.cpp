//===- ReciprocalAttentionOp.cpp - ra.reciprocal_attention ---===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "OpHelpers.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/Matchers.h"

#include <cmath>

using namespace mlir;
using namespace ra;

void ReciprocalAttentionOp::build(OpBuilder &builder, OperationState &state,
                                  Value query, Value key, Value value,
                                  Value init, int64_t rank, MaskAttr mask) {
  state.addOperands({query, key, value, init});
  Properties &properties = state.getOrAddProperties<Properties>();
  properties.operandSegmentSizes = {1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0};
  properties.rank = builder.getDenseI64ArrayAttr(rank);
  properties.mask = mask;
  if (isa<RankedTensorType>(init.getType()))
    state.addTypes(init.getType());
}

AffineMap ReciprocalAttentionOp::getQueryMap() {
  return detail::getMapOrIdentity(getIndexingMaps(), 0, 4, getContext());
}
AffineMap ReciprocalAttentionOp::getKeyMap() {
  return detail::getMapOrIdentity(getIndexingMaps(), 1, 4, getContext());
}
AffineMap ReciprocalAttentionOp::getValueMap() {
  return detail::getMapOrIdentity(getIndexingMaps(), 2, 4, getContext());
}
AffineMap ReciprocalAttentionOp::getInitMap() {
  return detail::getMapOrIdentity(getIndexingMaps(), 3, 4, getContext());
}

MutableOperandRange ReciprocalAttentionOp::getDpsInitsMutable() {
  // init and, when present, lse_init are the last operands.
  unsigned count = getLseInit() ? 2 : 1;
  return MutableOperandRange(getOperation(), getNumOperands() - count, count);
}

int64_t ReciprocalAttentionOp::getNumHeads() {
  return getLogicalShape(cast<ShapedType>(getQuery().getType()),
                         getQueryMap())[1];
}

int64_t ReciprocalAttentionOp::getNumKvHeads() {
  return getLogicalShape(cast<ShapedType>(getKey().getType()), getKeyMap())[1];
}

int64_t ReciprocalAttentionOp::getHeadDim() {
  return getLogicalShape(cast<ShapedType>(getQuery().getType()),
                         getQueryMap())[3];
}

double ReciprocalAttentionOp::getEffectiveScale() {
  if (getScale())
    return getScale()->convertToDouble();
  return 1.0 / std::sqrt(static_cast<double>(getHeadDim()));
}

SmallVector<SmallVector<int64_t>> ReciprocalAttentionOp::getHeadDims() {
  return getReciprocalDims(getRankAttr(), getRecDimsAttr(), getNumHeads(),
                           getHeadDim());
}

LogicalResult ReciprocalAttentionOp::verify() {
  if (failed(detail::verifyAttentionOperands(
          *this,
          {getQuery(), getKey(), getValue(), getBias(), getInit(), getLseInit(),
           getQueryMap(), getKeyMap(), getValueMap(), getInitMap(),
           getIndexingMapsAttr(), getScale(), getSoftcap()})))
    return failure();
  int64_t queries =
      getLogicalShape(cast<ShapedType>(getQuery().getType()), getQueryMap())[2];
  int64_t keys =
      getLogicalShape(cast<ShapedType>(getKey().getType()), getKeyMap())[2];
  if (!detail::compatible(queries, keys))
    return emitOpError() << "(C9) query and key lengths differ: " << queries
                         << " and " << keys
                         << "; a reciprocal term needs self-attention";
  if (failed(detail::verifyRanks(*this, getRankAttr(), getRecDimsAttr(),
                                 getNumHeads(), getHeadDim())))
    return failure();
  return detail::verifyReciprocalOperands(
      *this, {getWStd(), getWRec(), getProjection(), getBasisQuery(),
              getBasisKey(), getRankAttr(), getRecDimsAttr(),
              cast<ShapedType>(getQuery().getType()).getElementType(),
              getNumHeads(), getNumKvHeads(), getHeadDim()});
}

LogicalResult
ReciprocalAttentionOp::reifyResultShapes(OpBuilder &builder,
                                         ReifiedRankedShapedTypeDims &shapes) {
  return detail::reifyFromInits(
      cast<DestinationStyleOpInterface>(getOperation()), builder, shapes);
}

void ReciprocalAttentionOp::getEffects(
    SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>>
        &effects) {
  detail::getDestinationStyleEffects(
      cast<DestinationStyleOpInterface>(getOperation()), effects);
}

Speculation::Speculatability ReciprocalAttentionOp::getSpeculatability() {
  auto op = cast<DestinationStyleOpInterface>(getOperation());
  return op.hasPureTensorSemantics() ? Speculation::Speculatable
                                     : Speculation::NotSpeculatable;
}

LogicalResult ReciprocalAttentionOp::fold(FoldAdaptor,
                                          SmallVectorImpl<OpFoldResult> &) {
  return memref::foldMemRefCast(*this);
}

namespace {
/// With rank 0 on every head and a constant standard gate of 1, nothing is left
/// of the reciprocal form.
struct DropTrivialReciprocal : OpRewritePattern<ReciprocalAttentionOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ReciprocalAttentionOp op,
                                PatternRewriter &rewriter) const override {
    if (op.getBasisQuery() || !op.getRankAttr() ||
        !llvm::all_of(op.getRankAttr().asArrayRef(),
                      [](int64_t rank) { return rank == 0; }))
      return failure();
    DenseFPElementsAttr gate;
    if (!op.getWStd() || !matchPattern(op.getWStd(), m_Constant(&gate)) ||
        !llvm::all_of(gate, [](const APFloat &value) {
          return value.isExactlyValue(1.0);
        }))
      return failure();
    auto attention = AttentionOp::create(
        rewriter, op.getLoc(), op.getResultTypes(), op.getQuery(), op.getKey(),
        op.getValue(), op.getBias(), op.getQueryOffset(), op.getInit(),
        op.getLseInit(), op.getMask(), op.getScaleAttr(), op.getSoftcapAttr(),
        op.getIndexingMapsAttr());
    rewriter.replaceOp(op, attention);
    return success();
  }
};
} // namespace

void ReciprocalAttentionOp::getCanonicalizationPatterns(
    RewritePatternSet &patterns, MLIRContext *context) {
  patterns.add<detail::DropIdentityMaps<ReciprocalAttentionOp>,
               detail::DropUnusedLogSumExp<ReciprocalAttentionOp>,
               detail::DropZeroOffset<ReciprocalAttentionOp>,
               detail::SimplifyMask<ReciprocalAttentionOp>,
               detail::NormaliseRanks<ReciprocalAttentionOp>,
               DropTrivialReciprocal>(context);
}
