//===- AttentionOp.cpp - ra.attention ---===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "OpHelpers.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"

#include <cmath>

using namespace mlir;
using namespace ra;

AffineMap AttentionOp::getQueryMap() {
  return detail::getMapOrIdentity(getIndexingMaps(), 0, 4, getContext());
}
AffineMap AttentionOp::getKeyMap() {
  return detail::getMapOrIdentity(getIndexingMaps(), 1, 4, getContext());
}
AffineMap AttentionOp::getValueMap() {
  return detail::getMapOrIdentity(getIndexingMaps(), 2, 4, getContext());
}
AffineMap AttentionOp::getInitMap() {
  return detail::getMapOrIdentity(getIndexingMaps(), 3, 4, getContext());
}

MutableOperandRange AttentionOp::getDpsInitsMutable() {
  // init and, when present, lse_init are the last operands.
  unsigned count = getLseInit() ? 2 : 1;
  return MutableOperandRange(getOperation(), getNumOperands() - count, count);
}

double AttentionOp::getEffectiveScale() {
  if (getScale())
    return getScale()->convertToDouble();
  auto type = cast<ShapedType>(getQuery().getType());
  return 1.0 / std::sqrt(static_cast<double>(
                   type.getDimSize(getOperandDim(getQueryMap(), 3))));
}

LogicalResult AttentionOp::verify() {
  return detail::verifyAttentionOperands(
      *this, {getQuery(), getKey(), getValue(), getBias(), getInit(),
              getLseInit(), getQueryMap(), getKeyMap(), getValueMap(),
              getInitMap(), getIndexingMapsAttr(), getScale(), getSoftcap()});
}

LogicalResult
AttentionOp::reifyResultShapes(OpBuilder &builder,
                               ReifiedRankedShapedTypeDims &shapes) {
  return detail::reifyFromInits(
      cast<DestinationStyleOpInterface>(getOperation()), builder, shapes);
}

void AttentionOp::getEffects(
    SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>>
        &effects) {
  detail::getDestinationStyleEffects(
      cast<DestinationStyleOpInterface>(getOperation()), effects);
}

Speculation::Speculatability AttentionOp::getSpeculatability() {
  auto op = cast<DestinationStyleOpInterface>(getOperation());
  return op.hasPureTensorSemantics() ? Speculation::Speculatable
                                     : Speculation::NotSpeculatable;
}

LogicalResult AttentionOp::fold(FoldAdaptor, SmallVectorImpl<OpFoldResult> &) {
  return memref::foldMemRefCast(*this);
}

void AttentionOp::getCanonicalizationPatterns(RewritePatternSet &patterns,
                                              MLIRContext *context) {
  patterns.add<detail::DropIdentityMaps<AttentionOp>,
               detail::DropUnusedLogSumExp<AttentionOp>,
               detail::DropZeroOffset<AttentionOp>,
               detail::SimplifyMask<AttentionOp>>(context);
}
