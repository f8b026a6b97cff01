//===- RopeOp.cpp - ra.rope ---===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "OpHelpers.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace ra;

AffineMap RopeOp::getInputMap() {
  return detail::getMapOrIdentity(getIndexingMaps(), 0, 4, getContext());
}

AffineMap RopeOp::getOutputMap() {
  return detail::getMapOrIdentity(getIndexingMaps(), 1, 4, getContext());
}

int64_t RopeOp::getRotaryDim() {
  return 2 * cast<ShapedType>(getCos().getType()).getShape().back();
}

LogicalResult RopeOp::verify() {
  auto input = cast<ShapedType>(getInput().getType());
  auto init = cast<ShapedType>(getInit().getType());
  auto cos = cast<ShapedType>(getCos().getType());
  auto sin = cast<ShapedType>(getSin().getType());
  if (input.getRank() != 4 || init.getRank() != 4)
    return emitOpError() << "(C1) expects input and init of rank 4 (B, H, T, "
                            "D), got "
                         << input.getRank() << " and " << init.getRank();
  if (failed(detail::verifyMaps(*this, getIndexingMapsAttr(), {4, 4},
                                {"input", "init"}, "(C4)")))
    return failure();
  SmallVector<int64_t> shape = getLogicalShape(input, getInputMap());
  SmallVector<int64_t> result = getLogicalShape(init, getOutputMap());
  if (!llvm::all_of_zip(shape, result, detail::compatible) ||
      input.getElementType() != init.getElementType())
    return emitOpError() << "(C1) input is " << detail::shapeString(shape)
                         << " of " << input.getElementType() << ", init "
                         << detail::shapeString(result) << " of "
                         << init.getElementType();
  if (cos != sin)
    return emitOpError() << "(C2) the tables differ in type: " << cos << " and "
                         << sin;
  bool batched = cos.getRank() == 3;
  if (cos.getRank() != 2 && !batched)
    return emitOpError() << "(C2) the tables have rank " << cos.getRank()
                         << "; expects T x rot/2 or B x T x rot/2";
  if (!detail::compatible(cos.getDimSize(batched ? 1 : 0), shape[2]) ||
      (batched && !detail::compatible(cos.getDimSize(0), shape[0])))
    return emitOpError() << "(C2) the tables are "
                         << detail::shapeString(cos.getShape())
                         << (batched
                                 ? "; expects B x T x rot/2 with B = " +
                                       detail::shapeString(shape[0]) + ", T = "
                                 : "; expects T x rot/2 with T = ")
                         << detail::shapeString(shape[2]);
  int64_t half = cos.getShape().back();
  if (ShapedType::isDynamic(half) || ShapedType::isDynamic(shape[3]))
    return emitOpError("(C3) the rotary dim and the head dim must be static");
  if (half <= 0 || 2 * half > shape[3])
    return emitOpError() << "(C3) rotary dim " << 2 * half
                         << " is not in (0, D] for D = " << shape[3];
  return detail::verifySemantics(
      cast<DestinationStyleOpInterface>(getOperation()));
}

LogicalResult RopeOp::reifyResultShapes(OpBuilder &builder,
                                        ReifiedRankedShapedTypeDims &shapes) {
  return detail::reifyFromInits(
      cast<DestinationStyleOpInterface>(getOperation()), builder, shapes);
}

void RopeOp::getEffects(
    SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>>
        &effects) {
  detail::getDestinationStyleEffects(
      cast<DestinationStyleOpInterface>(getOperation()), effects);
}

Speculation::Speculatability RopeOp::getSpeculatability() {
  auto op = cast<DestinationStyleOpInterface>(getOperation());
  return op.hasPureTensorSemantics() ? Speculation::Speculatable
                                     : Speculation::NotSpeculatable;
}

LogicalResult RopeOp::fold(FoldAdaptor, SmallVectorImpl<OpFoldResult> &) {
  return memref::foldMemRefCast(*this);
}

void RopeOp::getCanonicalizationPatterns(RewritePatternSet &patterns,
                                         MLIRContext *context) {
  patterns.add<detail::DropIdentityMaps<RopeOp>>(context);
}
