//===- OpHelpers.cpp - What several ra ops share ---===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "OpHelpers.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;

namespace ra::detail {

bool compatible(int64_t a, int64_t b) {
  return a == b || ShapedType::isDynamic(a) || ShapedType::isDynamic(b);
}

std::string shapeString(ArrayRef<int64_t> shape) {
  std::string text;
  llvm::raw_string_ostream os(text);
  llvm::interleave(
      shape,
      [&](int64_t extent) {
        if (ShapedType::isDynamic(extent))
          os << '?';
        else
          os << extent;
      },
      [&] { os << 'x'; });
  return text;
}

LogicalResult verifyMaps(Operation *op, ArrayAttr maps,
                         ArrayRef<unsigned> ranks, ArrayRef<StringRef> names,
                         StringRef constraint) {
  if (!maps)
    return success();
  if (maps.size() != ranks.size())
    return op->emitOpError()
           << constraint << " expects " << ranks.size() << " indexing maps ("
           << llvm::join(names, ", ") << "), got " << maps.size();
  for (auto [attr, rank, name] : llvm::zip_equal(maps, ranks, names)) {
    AffineMap map = cast<AffineMapAttr>(attr).getValue();
    if (map.getNumDims() != rank || map.getNumSymbols() != 0 ||
        !map.isPermutation())
      return op->emitOpError()
             << constraint << " expects the indexing map of " << name
             << " to be a permutation of " << rank << " dims, got " << attr;
  }
  return success();
}

LogicalResult verifySemantics(DestinationStyleOpInterface op) {
  bool anyMemRef =
      llvm::any_of(op->getOperandTypes(), llvm::IsaPred<MemRefType>);
  bool anyTensor =
      llvm::any_of(op->getOperandTypes(), llvm::IsaPred<RankedTensorType>);
  if (anyMemRef && anyTensor)
    return op->emitOpError("mixes tensors and memrefs");
  if (anyMemRef) {
    if (op->getNumResults() != 0)
      return op->emitOpError("on memrefs has no results");
    return success();
  }
  if (static_cast<int64_t>(op->getNumResults()) != op.getNumDpsInits())
    return op->emitOpError()
           << "expects one result per init (" << op.getNumDpsInits()
           << "), got " << op->getNumResults();
  for (auto [result, init] :
       llvm::zip_equal(op->getResultTypes(), op.getDpsInits()))
    if (result != init.getType())
      return op->emitOpError() << "result type " << result
                               << " differs from its init " << init.getType();
  return success();
}

LogicalResult verifyRanks(Operation *op, DenseI64ArrayAttr rank,
                          DenseI64ArrayAttr recDims, int64_t numHeads,
                          int64_t headDim) {
  if (!rank && !recDims)
    return op->emitOpError("(C10) needs `rank` or `rec_dims`");
  if (rank) {
    if (rank.size() != 1 && rank.size() != numHeads)
      return op->emitOpError()
             << "(C10) `rank` has " << rank.size()
             << " entries; expects 1 or one per head (" << numHeads << ")";
    for (int64_t value : rank.asArrayRef())
      if (value < 0 || value >= headDim)
        return op->emitOpError() << "(C10) rank " << value
                                 << " is not in [0, D) for D = " << headDim;
  }
  if (recDims) {
    ArrayRef<int64_t> dims = recDims.asArrayRef();
    if (dims.empty() || static_cast<int64_t>(dims.size()) >= headDim)
      return op->emitOpError()
             << "(C11) `rec_dims` lists " << dims.size()
             << " dims; expects at least 1 and fewer than D = " << headDim;
    for (int64_t dim : dims)
      if (dim < 0 || dim >= headDim)
        return op->emitOpError() << "(C11) rec_dims entry " << dim
                                 << " is not in [0, D) for D = " << headDim;
    for (size_t i = 1; i < dims.size(); ++i)
      if (dims[i] <= dims[i - 1])
        return op->emitOpError() << "(C11) `rec_dims` must be unique and "
                                    "ascending; "
                                 << dims[i] << " follows " << dims[i - 1];
    if (rank)
      for (int64_t value : rank.asArrayRef())
        if (value != 0 && value != static_cast<int64_t>(dims.size()))
          return op->emitOpError() << "(C11) with `rec_dims` of " << dims.size()
                                   << " dims every rank is 0 or " << dims.size()
                                   << ", got " << value;
  }
  return success();
}

/// The shape is `tail`, or `tail` behind a leading extent `lead`.
static bool hasShape(Value value, int64_t lead, ArrayRef<int64_t> tail) {
  ArrayRef<int64_t> shape = cast<ShapedType>(value.getType()).getShape();
  if (shape.size() == tail.size() + 1) {
    if (!compatible(shape.front(), lead))
      return false;
    shape = shape.drop_front();
  }
  return shape.size() == tail.size() &&
         llvm::all_of_zip(shape, tail, compatible);
}

LogicalResult verifyReciprocalOperands(Operation *op,
                                       const ReciprocalOperands &operands) {
  for (auto [gate, name] :
       {std::make_pair(operands.standardGate, StringRef("w_std")),
        std::make_pair(operands.reciprocalGate, StringRef("w_rec"))}) {
    if (!gate)
      continue;
    auto type = cast<ShapedType>(gate.getType());
    if (type.getRank() != 1 ||
        (type.getDimSize(0) != 1 && type.getDimSize(0) != operands.numHeads))
      return op->emitOpError() << "(C12) " << name << " has shape "
                               << shapeString(type.getShape())
                               << "; expects 1 or one number per head ("
                               << operands.numHeads << ")";
  }

  if (Value projection = operands.projection) {
    if (operands.recDims)
      return op->emitOpError(
          "(C13) a projection replaces the last R dims; drop `rec_dims`");
    auto type = cast<ShapedType>(projection.getType());
    int64_t lastDim = type.getRank() > 0 ? type.getShape().back() : 0;
    if (!hasShape(projection, operands.numHeads, {operands.headDim, lastDim}))
      return op->emitOpError()
             << "(C13) the projection has shape "
             << shapeString(type.getShape()) << "; expects D x R or Hq x D x R "
             << "with D = " << operands.headDim
             << ", Hq = " << operands.numHeads;
    if (!type.hasStaticShape())
      return op->emitOpError() << "(C13) the projection must be static, got "
                               << shapeString(type.getShape());
    // A key head that a group shares has one k P.
    if (operands.numKvHeads != operands.numHeads &&
        (type.getRank() != 2 || !llvm::all_equal(operands.rank.asArrayRef())))
      return op->emitOpError("(C13) under grouped heads one D x R projection "
                             "serves all heads, and all ranks are equal");
    for (int64_t value : operands.rank.asArrayRef())
      if (value != 0 && !compatible(value, lastDim))
        return op->emitOpError()
               << "(C13) rank " << value
               << " differs from the projection's R = " << lastDim;
    if (type.getElementType() != operands.elementType)
      return op->emitOpError()
             << "(C15) the projection is of " << type.getElementType()
             << "; expects " << operands.elementType;
  }

  if (operands.basisQuery) {
    if (operands.projection)
      return op->emitOpError("(C14) a basis excludes a projection");
    for (auto [basis, heads, name] :
         {std::make_tuple(operands.basisQuery, operands.numHeads,
                          StringRef("query basis")),
          std::make_tuple(operands.basisKey, operands.numKvHeads,
                          StringRef("key basis"))}) {
      auto type = cast<ShapedType>(basis.getType());
      if (!hasShape(basis, heads, {operands.headDim, operands.headDim}))
        return op->emitOpError()
               << "(C14) the " << name << " has shape "
               << shapeString(type.getShape())
               << "; expects D x D or H x D x D "
               << "with D = " << operands.headDim << ", H = " << heads;
      if (type.getElementType() != operands.elementType)
        return op->emitOpError()
               << "(C15) the " << name << " is of " << type.getElementType()
               << "; expects " << operands.elementType;
    }
  }
  return success();
}

LogicalResult verifyAttentionOperands(Operation *op,
                                      const AttentionOperands &operands) {
  SmallVector<std::pair<Value, StringRef>> named = {{operands.query, "query"},
                                                    {operands.key, "key"},
                                                    {operands.value, "value"},
                                                    {operands.init, "init"}};
  for (auto [value, name] : named) {
    auto type = cast<ShapedType>(value.getType());
    if (type.getRank() != 4)
      return op->emitOpError() << "(C1) " << name << " has rank "
                               << type.getRank() << "; expects 4 (B, H, T, D)";
  }
  if (failed(verifyMaps(op, operands.maps, {4, 4, 4, 4},
                        {"query", "key", "value", "init"}, "(C1)")))
    return failure();

  auto shapeOf = [](Value value, AffineMap map) {
    return getLogicalShape(cast<ShapedType>(value.getType()), map);
  };
  auto typeOf = [](Value value) {
    return cast<ShapedType>(value.getType()).getElementType();
  };
  SmallVector<int64_t> query = shapeOf(operands.query, operands.queryMap);
  SmallVector<int64_t> key = shapeOf(operands.key, operands.keyMap);
  SmallVector<int64_t> value = shapeOf(operands.value, operands.valueMap);
  SmallVector<int64_t> init = shapeOf(operands.init, operands.initMap);

  if (!compatible(query[0], key[0]) || !compatible(query[0], value[0]) ||
      !compatible(key[0], value[0]))
    return op->emitOpError()
           << "(C2) batch sizes differ: query " << shapeString(query[0])
           << ", key " << shapeString(key[0]) << ", value "
           << shapeString(value[0]);
  if (!compatible(key[2], value[2]))
    return op->emitOpError() << "(C2) key and value lengths differ: " << key[2]
                             << " and " << value[2];
  if (typeOf(operands.query) != typeOf(operands.key) ||
      typeOf(operands.query) != typeOf(operands.value))
    return op->emitOpError()
           << "(C2) element types differ: query " << typeOf(operands.query)
           << ", key " << typeOf(operands.key) << ", value "
           << typeOf(operands.value);
  for (auto [shape, name] : {std::make_pair(&query, StringRef("query")),
                             std::make_pair(&key, StringRef("key")),
                             std::make_pair(&value, StringRef("value"))})
    if (ShapedType::isDynamic((*shape)[1]) || (*shape)[1] <= 0 ||
        ShapedType::isDynamic((*shape)[3]) || (*shape)[3] <= 0)
      return op->emitOpError()
             << "(C3) heads and head dim of " << name
             << " must be static and positive, got " << shapeString(*shape);
  if (query[3] != key[3])
    return op->emitOpError()
           << "(C3) query and key head dims differ: " << query[3] << " and "
           << key[3];
  if (key[1] != value[1] || query[1] % key[1] != 0)
    return op->emitOpError() << "(C4) heads: query " << query[1] << ", key "
                             << key[1] << ", value " << value[1]
                             << "; key and value must have equal numbers that "
                                "divide the query's";
  SmallVector<int64_t> expected = {query[0], query[1], query[2], value[3]};
  if (!llvm::all_of_zip(init, expected, compatible))
    return op->emitOpError()
           << "(C5) init is " << shapeString(init)
           << ", expects (B, Hq, Tq, Dv) = " << shapeString(expected);
  if (typeOf(operands.init) != typeOf(operands.query) &&
      !typeOf(operands.init).isF32())
    return op->emitOpError()
           << "(C5) init is of " << typeOf(operands.init) << "; expects "
           << typeOf(operands.query) << " or f32";
  if (operands.bias) {
    auto type = cast<ShapedType>(operands.bias.getType());
    SmallVector<int64_t> full = {query[0], query[1], query[2], key[2]};
    bool fits = type.getRank() == 4;
    for (int64_t i = 0; fits && i < 4; ++i)
      fits = compatible(type.getDimSize(i), full[i]) ||
             (i < 2 && type.getDimSize(i) == 1);
    if (!fits)
      return op->emitOpError()
             << "(C6) bias is " << shapeString(type.getShape())
             << ", expects (B or 1, Hq or 1, Tq, Tk) = " << shapeString(full);
  }
  if (operands.scale && !operands.scale->isFinite())
    return op->emitOpError("(C7) scale must be finite");
  if (operands.softcap && (!operands.softcap->isFinite() ||
                           operands.softcap->convertToDouble() <= 0.0))
    return op->emitOpError("(C7) softcap must be finite and positive");
  if (operands.lseInit) {
    auto type = cast<ShapedType>(operands.lseInit.getType());
    SmallVector<int64_t> rows = {query[0], query[1], query[2]};
    if (type.getRank() != 3 || !type.getElementType().isF32() ||
        !llvm::all_of_zip(type.getShape(), rows, compatible))
      return op->emitOpError()
             << "(C8) the log-sum-exp init is " << type
             << ", expects (B, Hq, Tq) = " << shapeString(rows) << " of f32";
  }
  return verifySemantics(cast<DestinationStyleOpInterface>(op));
}

void getDestinationStyleEffects(
    DestinationStyleOpInterface op,
    SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>>
        &effects) {
  for (OpOperand &operand : op->getOpOperands()) {
    if (!isa<MemRefType>(operand.get().getType()))
      continue;
    if (op.isDpsInit(&operand))
      effects.emplace_back(MemoryEffects::Write::get(), &operand,
                           SideEffects::DefaultResource::get());
    else
      effects.emplace_back(MemoryEffects::Read::get(), &operand,
                           SideEffects::DefaultResource::get());
  }
}

LogicalResult reifyFromInits(DestinationStyleOpInterface op, OpBuilder &builder,
                             ReifiedRankedShapedTypeDims &shapes) {
  for (Value init : op.getDpsInits()) {
    if (!isa<RankedTensorType>(init.getType()))
      return failure();
    shapes.push_back(tensor::getMixedSizes(builder, op.getLoc(), init));
  }
  return success();
}

AffineMap getMapOrIdentity(std::optional<ArrayAttr> maps, unsigned index,
                           unsigned rank, MLIRContext *context) {
  if (!maps || index >= maps->size())
    return AffineMap::getMultiDimIdentityMap(rank, context);
  return cast<AffineMapAttr>((*maps)[index]).getValue();
}

} // namespace ra::detail
