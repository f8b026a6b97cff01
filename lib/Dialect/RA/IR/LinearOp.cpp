//===- LinearOp.cpp - ra.linear ---===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "OpHelpers.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace ra;

int64_t LinearOp::getNumLeadingDims() {
  return cast<ShapedType>(getInput().getType()).getRank() - 1;
}

int64_t LinearOp::getNumOutputDims() {
  return cast<ShapedType>(getWeight().getType()).getRank() -
         (getPanel() ? 2 : 1);
}

SmallVector<int64_t> LinearOp::getOutputShape() {
  auto weight = cast<ShapedType>(getWeight().getType());
  SmallVector<int64_t> shape(weight.getShape().take_front(getNumOutputDims()));
  if (getPanel())
    shape.back() =
        getLogicalShape(cast<ShapedType>(getInit().getType()), getOutputMap())
            .back();
  return shape;
}

AffineMap LinearOp::getInputMap() {
  return detail::getMapOrIdentity(getIndexingMaps(), 0, getNumLeadingDims() + 1,
                                  getContext());
}

AffineMap LinearOp::getOutputMap() {
  return detail::getMapOrIdentity(getIndexingMaps(), 1,
                                  getNumLeadingDims() + getNumOutputDims(),
                                  getContext());
}

void LinearOp::build(OpBuilder &builder, OperationState &state, Value input,
                     Value weight, Value bias, Value init) {
  SmallVector<Type> results;
  if (isa<RankedTensorType>(init.getType()))
    results.push_back(init.getType());
  build(builder, state, results, input, weight, bias, init,
        /*indexing_maps=*/ArrayAttr(), /*panel=*/IntegerAttr());
}

LogicalResult LinearOp::verify() {
  auto input = cast<ShapedType>(getInput().getType());
  auto weight = cast<ShapedType>(getWeight().getType());
  auto init = cast<ShapedType>(getInit().getType());
  if (weight.getRank() < (getPanel() ? 3 : 2) || input.getRank() < 2)
    return emitOpError() << "(C1) expects input and weight of rank 2 or more"
                         << (getPanel() ? ", a weight in panels of 3 or more"
                                        : "")
                         << ", got " << input.getRank() << " and "
                         << weight.getRank();
  unsigned leading = getNumLeadingDims(), outputs = getNumOutputDims();
  if (failed(detail::verifyMaps(*this, getIndexingMapsAttr(),
                                {leading + 1, leading + outputs},
                                {"input", "init"}, "(C5)")))
    return failure();
  SmallVector<int64_t> inputShape = getLogicalShape(input, getInputMap());
  int64_t channels = weight.getDimSize(getChannelDim());
  if (!detail::compatible(inputShape.back(), channels))
    return emitOpError() << "(C2) input has " << inputShape.back()
                         << " channels, the weight " << channels;
  bool rankFits = init.getRank() == static_cast<int64_t>(leading + outputs);
  SmallVector<int64_t> expected(inputShape.begin(), inputShape.end() - 1);
  if (rankFits)
    llvm::append_range(expected, getOutputShape());
  else
    llvm::append_range(expected, weight.getShape().take_front(outputs));
  if (!rankFits || !llvm::all_of_zip(getLogicalShape(init, getOutputMap()),
                                     expected, detail::compatible))
    return emitOpError() << "(C3) init is "
                         << detail::shapeString(init.getShape())
                         << ", expects the dims (m..., n...) = "
                         << detail::shapeString(expected);
  SmallVector<int64_t> outputShape = getOutputShape();
  if (std::optional<int64_t> panel = getPanel()) {
    if (*panel < 1)
      return emitOpError() << "(C7) panel is " << *panel
                           << ", expects a positive number";
    SmallVector<int64_t> stored(outputShape);
    if (ShapedType::isDynamic(stored.back()))
      return emitOpError("(C7) panels need a static number of outputs");
    stored.back() = llvm::divideCeil(stored.back(), *panel);
    llvm::append_range(stored, ArrayRef<int64_t>{channels, *panel});
    if (!llvm::all_of_zip(weight.getShape(), stored, detail::compatible))
      return emitOpError() << "(C7) weight is "
                           << detail::shapeString(weight.getShape())
                           << ", expects panels "
                           << detail::shapeString(stored);
  }
  if (getBias()) {
    auto bias = cast<ShapedType>(getBias().getType());
    if (bias.getRank() != static_cast<int64_t>(outputs) ||
        !llvm::all_of_zip(bias.getShape(), outputShape, detail::compatible))
      return emitOpError() << "(C4) bias is "
                           << detail::shapeString(bias.getShape())
                           << ", expects " << detail::shapeString(outputShape);
    if (bias.getElementType() != input.getElementType())
      return emitOpError() << "(C6) bias is of " << bias.getElementType()
                           << ", the input of " << input.getElementType();
  }
  if (weight.getElementType() != input.getElementType())
    return emitOpError() << "(C6) weight is of " << weight.getElementType()
                         << ", the input of " << input.getElementType();
  if (init.getElementType() != input.getElementType() &&
      !init.getElementType().isF32())
    return emitOpError() << "(C6) init is of " << init.getElementType()
                         << "; expects " << input.getElementType() << " or f32";
  return detail::verifySemantics(
      cast<DestinationStyleOpInterface>(getOperation()));
}

LogicalResult LinearOp::reifyResultShapes(OpBuilder &builder,
                                          ReifiedRankedShapedTypeDims &shapes) {
  return detail::reifyFromInits(
      cast<DestinationStyleOpInterface>(getOperation()), builder, shapes);
}

void LinearOp::getEffects(
    SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>>
        &effects) {
  detail::getDestinationStyleEffects(
      cast<DestinationStyleOpInterface>(getOperation()), effects);
}

Speculation::Speculatability LinearOp::getSpeculatability() {
  auto op = cast<DestinationStyleOpInterface>(getOperation());
  return op.hasPureTensorSemantics() ? Speculation::Speculatable
                                     : Speculation::NotSpeculatable;
}

LogicalResult LinearOp::fold(FoldAdaptor, SmallVectorImpl<OpFoldResult> &) {
  return memref::foldMemRefCast(*this);
}

namespace {
/// A bias of constant zeros adds nothing.
struct DropZeroBias : OpRewritePattern<LinearOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(LinearOp op,
                                PatternRewriter &rewriter) const override {
    if (!op.getBias() || !matchPattern(op.getBias(), m_AnyZeroFloat()))
      return failure();
    rewriter.modifyOpInPlace(op, [&] { op.getBiasMutable().clear(); });
    return success();
  }
};
} // namespace

void LinearOp::getCanonicalizationPatterns(RewritePatternSet &patterns,
                                           MLIRContext *context) {
  patterns.add<detail::DropIdentityMaps<LinearOp>, DropZeroBias>(context);
}
