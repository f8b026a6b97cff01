//===- FoldWeightsOp.cpp - ra.fold_weights ---===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "OpHelpers.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace ra;

int64_t FoldWeightsOp::getKvHeads() {
  return getNumKvHeads().value_or(getNumHeads());
}

int64_t FoldWeightsOp::getHeadDim() {
  return cast<ShapedType>(getQueryWeight().getType()).getDimSize(0) /
         static_cast<int64_t>(getNumHeads());
}

int64_t FoldWeightsOp::getFoldedHeadDim() {
  int64_t dim = getHeadDim();
  int64_t group = getNumHeads() / getKvHeads();
  if (getGqa() != GroupedMode::Slots || group == 1)
    return dim;
  int64_t rank = getHeadDims().front().size();
  return dim - rank + group * rank;
}

SmallVector<SmallVector<int64_t>> FoldWeightsOp::getHeadDims() {
  return getReciprocalDims(getRankAttr(), getRecDimsAttr(), getNumHeads(),
                           getHeadDim());
}

LogicalResult FoldWeightsOp::verify() {
  auto query = cast<ShapedType>(getQueryWeight().getType());
  auto key = cast<ShapedType>(getKeyWeight().getType());
  int64_t heads = getNumHeads(), kvHeads = getKvHeads();
  if (query.getRank() != 2 || key.getRank() != 2)
    return emitOpError() << "(C1) expects weights of rank 2 (rows x channels), "
                            "got "
                         << query.getRank() << " and " << key.getRank();
  if (query.getElementType() != key.getElementType() ||
      !detail::compatible(query.getDimSize(1), key.getDimSize(1)))
    return emitOpError() << "(C1) the weights differ in channels or element "
                            "type: "
                         << query << " and " << key;
  if (heads % kvHeads != 0)
    return emitOpError() << "(C2) " << kvHeads
                         << " key heads do not divide the " << heads
                         << " query heads";
  if (query.isDynamicDim(0) || key.isDynamicDim(0) ||
      query.getDimSize(0) % heads != 0 ||
      query.getDimSize(0) / heads * kvHeads != key.getDimSize(0) ||
      query.getDimSize(0) == 0)
    return emitOpError() << "(C1) rows "
                         << detail::shapeString(query.getDimSize(0)) << " and "
                         << detail::shapeString(key.getDimSize(0))
                         << " are not D times " << heads << " and " << kvHeads
                         << " heads";
  for (auto [bias, weight, name] :
       {std::make_tuple(getQueryBias(), query, StringRef("query")),
        std::make_tuple(getKeyBias(), key, StringRef("key"))}) {
    if (!bias)
      continue;
    auto type = cast<ShapedType>(bias.getType());
    if (type.getRank() != 1 || type.getDimSize(0) != weight.getDimSize(0) ||
        type.getElementType() != weight.getElementType())
      return emitOpError() << "(C3) the " << name << " bias is " << type
                           << "; expects " << weight.getDimSize(0) << " of "
                           << weight.getElementType();
  }
  int64_t dim = getHeadDim();
  if (failed(detail::verifyRanks(*this, getRankAttr(), getRecDimsAttr(), heads,
                                 dim)) ||
      failed(detail::verifyReciprocalOperands(
          *this, {getWStd(), getWRec(), getProjection(), getBasisQuery(),
                  getBasisKey(), getRankAttr(), getRecDimsAttr(),
                  query.getElementType(), heads, kvHeads, dim})))
    return failure();

  int64_t group = heads / kvHeads;
  SmallVector<SmallVector<int64_t>> dims = getHeadDims();
  for (int64_t head = 0; group > 1 && head < heads; ++head) {
    int64_t first = getGqa() == GroupedMode::Slots ? 0 : head / group * group;
    if (dims[head] != dims[first])
      return emitOpError()
             << "(C5) heads " << first << " and " << head << " have ranks "
             << dims[first].size() << " and " << dims[head].size() << "; `"
             << stringifyGroupedMode(getGqa()) << "` needs them equal"
             << (getGqa() == GroupedMode::Slots ? "" : " within a group");
  }

  int64_t folded = getFoldedHeadDim();
  for (auto [result, rows, name] :
       {std::make_tuple(getFoldedQuery(), heads * folded, StringRef("query")),
        std::make_tuple(getFoldedKey(), kvHeads * folded, StringRef("key"))}) {
    auto type = cast<ShapedType>(result.getType());
    if (type.getRank() != 2 || type.getDimSize(0) != rows ||
        !detail::compatible(type.getDimSize(1), query.getDimSize(1)) ||
        type.getElementType() != query.getElementType())
      return emitOpError() << "(C6) the folded " << name << " weight is "
                           << type << "; expects "
                           << detail::shapeString({rows, query.getDimSize(1)})
                           << " of " << query.getElementType();
  }
  bool needsBias = getQueryBias() || getKeyBias();
  if (needsBias != static_cast<bool>(getFoldedQueryBias()) ||
      needsBias != static_cast<bool>(getFoldedKeyBias()))
    return emitOpError("(C6) has folded biases exactly when it has an input "
                       "bias");
  if (needsBias)
    for (auto [result, rows] :
         {std::make_pair(getFoldedQueryBias(), heads * folded),
          std::make_pair(getFoldedKeyBias(), kvHeads * folded)}) {
      auto type = cast<ShapedType>(result.getType());
      if (type.getRank() != 1 || type.getDimSize(0) != rows ||
          type.getElementType() != query.getElementType())
        return emitOpError() << "(C6) a folded bias is " << type << "; expects "
                             << rows << " of " << query.getElementType();
    }
  return success();
}

LogicalResult
FoldWeightsOp::reifyResultShapes(OpBuilder &builder,
                                 ReifiedRankedShapedTypeDims &shapes) {
  // Rows are static; only the channels can be dynamic.
  OpFoldResult channels =
      tensor::getMixedSize(builder, getLoc(), getQueryWeight(), 1);
  for (OpResult result : getOperation()->getOpResults()) {
    auto type = cast<ShapedType>(result.getType());
    SmallVector<OpFoldResult> shape = {
        builder.getIndexAttr(type.getDimSize(0))};
    if (type.getRank() == 2)
      shape.push_back(channels);
    shapes.push_back(std::move(shape));
  }
  return success();
}

void FoldWeightsOp::getCanonicalizationPatterns(RewritePatternSet &patterns,
                                                MLIRContext *context) {
  patterns.add<detail::NormaliseRanks<FoldWeightsOp>>(context);
}
