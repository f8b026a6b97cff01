//===- Tiling.cpp - TilingInterface of the ra ops -------------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The iteration domain of an op holds its parallel dims only: (m..., n...) for
// ra.linear, (b, h, t) for ra.rope and ra.attention, (b, h) for
// ra.reciprocal_attention, whose rows need every query as a key.
//
//===----------------------------------------------------------------------===//

#include "OpHelpers.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Interfaces/LoopLikeInterface.h"

#include <cstdlib>
#include <numeric>

using namespace mlir;
using namespace ra;

namespace {
using OFRs = SmallVector<OpFoldResult>;

/// Size of dim `dim` of a tensor or memref.
OpFoldResult getSize(OpBuilder &builder, Location loc, Value value,
                     int64_t dim) {
  if (isa<MemRefType>(value.getType()))
    return memref::getMixedSize(builder, loc, value, dim);
  return tensor::getMixedSize(builder, loc, value, dim);
}

/// Unit-stride slice of a tensor or memref.
Operation *getSlice(OpBuilder &builder, Location loc, Value value,
                    ArrayRef<OpFoldResult> offsets,
                    ArrayRef<OpFoldResult> sizes) {
  OFRs strides(offsets.size(), builder.getIndexAttr(1));
  if (isa<MemRefType>(value.getType()))
    return memref::SubViewOp::create(builder, loc, value, offsets, sizes,
                                     strides);
  return tensor::ExtractSliceOp::create(builder, loc, value, offsets, sizes,
                                        strides);
}

/// Logical offsets or sizes in the order of an operand's dims.
OFRs toOperandOrder(AffineMap map, ArrayRef<OpFoldResult> logical) {
  OFRs result(logical.size());
  for (unsigned i = 0, e = logical.size(); i < e; ++i)
    result[getOperandDim(map, i)] = logical[i];
  return result;
}

/// The reverse of toOperandOrder.
OFRs toLogicalOrder(AffineMap map, ArrayRef<OpFoldResult> operandOrder) {
  OFRs result(operandOrder.size());
  for (unsigned i = 0, e = operandOrder.size(); i < e; ++i)
    result[i] = operandOrder[getOperandDim(map, i)];
  return result;
}

/// Builds one tiled op: operands start as those of `op` and are replaced by
/// slices one at a time.
struct TileBuilder {
  TileBuilder(Operation *op, OpBuilder &builder)
      : op(op), builder(builder), operands(op->getOperands()) {}

  OpFoldResult size(Value value, int64_t dim) {
    return getSize(builder, op->getLoc(), value, dim);
  }
  OpFoldResult zero() { return builder.getIndexAttr(0); }

  /// Slices operand `index`; offsets and sizes are in operand order.
  void slice(unsigned index, ArrayRef<OpFoldResult> offsets,
             ArrayRef<OpFoldResult> sizes) {
    slices.push_back(
        getSlice(builder, op->getLoc(), operands[index], offsets, sizes));
    operands[index] = slices.back()->getResult(0);
  }

  /// Slices operand `index` along its leading logical dims; the rest is whole.
  void sliceLeading(unsigned index, AffineMap map,
                    ArrayRef<OpFoldResult> offsets,
                    ArrayRef<OpFoldResult> sizes) {
    OFRs allOffsets(offsets), allSizes(sizes);
    for (unsigned i = offsets.size(), e = map.getNumDims(); i < e; ++i) {
      allOffsets.push_back(zero());
      allSizes.push_back(size(operands[index], getOperandDim(map, i)));
    }
    slice(index, toOperandOrder(map, allOffsets),
          toOperandOrder(map, allSizes));
  }
  AffineMap identity(unsigned rank) {
    return AffineMap::getMultiDimIdentityMap(rank, op->getContext());
  }

  /// Clones the op on the operands gathered so far.
  TilingResult finish(function_ref<void(Operation *)> update = nullptr) {
    SmallVector<Type> types;
    int64_t inits = cast<DestinationStyleOpInterface>(op).getNumDpsInits();
    for (Value init : ArrayRef<Value>(operands).take_back(inits))
      if (isa<RankedTensorType>(init.getType()))
        types.push_back(init.getType());
    Operation *tiled = clone(builder, op, types, operands);
    if (update)
      update(tiled);
    return {{tiled}, SmallVector<Value>(tiled->getResults()), slices};
  }

  Operation *op;
  OpBuilder &builder;
  SmallVector<Value> operands;
  SmallVector<Operation *> slices;
};

/// A number that divides `value` wherever it is evaluated; 0 for a constant 0,
/// 1 when nothing is known.
int64_t getKnownDivisor(OpFoldResult value);

int64_t getKnownDivisor(AffineExpr expr, unsigned numDims,
                        ValueRange operands) {
  if (auto constant = dyn_cast<AffineConstantExpr>(expr))
    return std::abs(constant.getValue());
  if (auto dim = dyn_cast<AffineDimExpr>(expr))
    return getKnownDivisor(OpFoldResult(operands[dim.getPosition()]));
  if (auto symbol = dyn_cast<AffineSymbolExpr>(expr))
    return getKnownDivisor(
        OpFoldResult(operands[numDims + symbol.getPosition()]));
  auto binary = cast<AffineBinaryOpExpr>(expr);
  if (expr.getKind() != AffineExprKind::Add &&
      expr.getKind() != AffineExprKind::Mul)
    return 1;
  int64_t lhs = getKnownDivisor(binary.getLHS(), numDims, operands);
  int64_t rhs = getKnownDivisor(binary.getRHS(), numDims, operands);
  return expr.getKind() == AffineExprKind::Add ? std::gcd(lhs, rhs) : lhs * rhs;
}

int64_t getKnownDivisor(OpFoldResult value) {
  if (std::optional<int64_t> constant = getConstantIntValue(value))
    return std::abs(*constant);
  auto dynamic = cast<Value>(value);
  if (auto apply = dynamic.getDefiningOp<affine::AffineApplyOp>()) {
    AffineMap map = apply.getAffineMap();
    return getKnownDivisor(map.getResult(0), map.getNumDims(),
                           apply.getMapOperands());
  }
  // A loop counts from its lower bound in its step.
  auto argument = dyn_cast<BlockArgument>(dynamic);
  auto loop = argument ? dyn_cast_or_null<LoopLikeOpInterface>(
                             argument.getOwner()->getParentOp())
                       : LoopLikeOpInterface();
  if (!loop)
    return 1;
  std::optional<SmallVector<Value>> counters = loop.getLoopInductionVars();
  std::optional<SmallVector<OpFoldResult>> bounds = loop.getLoopLowerBounds();
  std::optional<SmallVector<OpFoldResult>> steps = loop.getLoopSteps();
  if (!counters || !bounds || !steps)
    return 1;
  for (auto [counter, bound, step] :
       llvm::zip_equal(*counters, *bounds, *steps))
    if (counter == dynamic)
      return std::gcd(getKnownDivisor(bound), getKnownDivisor(step));
  return 1;
}

/// h / group as a tile of key heads: the tile must hold whole groups or lie
/// within one, which its size and its offset decide together.
LogicalResult getKeyHeads(Operation *op, OpBuilder &builder, int64_t group,
                          bool wholeGroups, OpFoldResult offset,
                          OpFoldResult size, OpFoldResult &keyOffset,
                          OpFoldResult &keySize) {
  keyOffset = offset;
  keySize = size;
  if (group == 1)
    return success();
  std::optional<int64_t> heads = getConstantIntValue(size);
  int64_t divisor = getKnownDivisor(offset);
  bool whole = heads && *heads % group == 0 && divisor % group == 0;
  bool within =
      heads && *heads > 0 && group % *heads == 0 && divisor % *heads == 0;
  if (!whole && (wholeGroups || !within))
    return op->emitOpError()
           << "cannot be tiled over heads here: the size of a tile must be a "
              "multiple of the "
           << group << " heads that share a key head"
           << (wholeGroups ? "" : ", or divide that number")
           << ", and tiles must start at multiples of "
           << (wholeGroups ? "that number" : "it");
  AffineExpr d0 = builder.getAffineDimExpr(0);
  keyOffset = affine::makeComposedFoldedAffineApply(
      builder, op->getLoc(), d0.floorDiv(group), {offset});
  keySize = builder.getIndexAttr(whole ? *heads / group : 1);
  return success();
}

/// True if the tile `[offset, offset + size)` is all of `full`.
bool isFull(OpFoldResult offset, OpFoldResult size, int64_t full) {
  return isConstantIntValue(offset, 0) && isConstantIntValue(size, full);
}

/// Parallel iterators, and ranges [0, size) over the logical dims of `value`.
SmallVector<Range> getLogicalRanges(OpBuilder &builder, Location loc,
                                    Value value, AffineMap map,
                                    unsigned count) {
  SmallVector<Range> ranges;
  for (unsigned i = 0; i < count; ++i)
    ranges.push_back({builder.getIndexAttr(0),
                      getSize(builder, loc, value, getOperandDim(map, i)),
                      builder.getIndexAttr(1)});
  return ranges;
}

/// The iteration tile behind a tile of result 0, whose last logical dim must be
/// whole because it is not iterated; failure otherwise.
FailureOr<std::pair<OFRs, OFRs>>
getIterationTile(AffineMap map, ArrayRef<OpFoldResult> offsets,
                 ArrayRef<OpFoldResult> sizes, unsigned iterated,
                 ArrayRef<int64_t> logicalShape) {
  OFRs logicalOffsets = toLogicalOrder(map, offsets);
  OFRs logicalSizes = toLogicalOrder(map, sizes);
  for (unsigned i = iterated, e = logicalOffsets.size(); i < e; ++i)
    if (!isFull(logicalOffsets[i], logicalSizes[i], logicalShape[i]))
      return failure();
  logicalOffsets.resize(iterated);
  logicalSizes.resize(iterated);
  return std::make_pair(logicalOffsets, logicalSizes);
}

/// The operand index of an optional operand, if it is there.
std::optional<unsigned> optionalIndex(std::pair<unsigned, unsigned> segment) {
  if (segment.second == 0)
    return std::nullopt;
  return segment.first;
}

/// Slices a bias [B or 1, H or 1, Tq, Tk] for a tile of (b, h[, t]).
void sliceBias(TileBuilder &tile, std::optional<unsigned> index,
               ArrayRef<OpFoldResult> offsets, ArrayRef<OpFoldResult> sizes) {
  if (!index)
    return;
  auto type = cast<ShapedType>(tile.operands[*index].getType());
  OFRs biasOffsets(offsets), biasSizes(sizes);
  for (unsigned i = 0; i < 2; ++i)
    if (type.getDimSize(i) == 1) {
      biasOffsets[i] = tile.zero();
      biasSizes[i] = tile.builder.getIndexAttr(1);
    }
  tile.sliceLeading(*index, tile.identity(4), biasOffsets, biasSizes);
}

SmallVector<utils::IteratorType> parallel(unsigned count) {
  return SmallVector<utils::IteratorType>(count, utils::IteratorType::parallel);
}
} // namespace

//===----------------------------------------------------------------------===//
// ra.linear: (m..., n...)
//===----------------------------------------------------------------------===//

SmallVector<utils::IteratorType> LinearOp::getLoopIteratorTypes() {
  return parallel(getNumLeadingDims() + getNumOutputDims());
}

SmallVector<Range> LinearOp::getIterationDomain(OpBuilder &builder) {
  AffineMap map = getOutputMap();
  return getLogicalRanges(builder, getLoc(), getInit(), map, map.getNumDims());
}

FailureOr<TilingResult>
LinearOp::getTiledImplementation(OpBuilder &builder,
                                 ArrayRef<OpFoldResult> offsets,
                                 ArrayRef<OpFoldResult> sizes) {
  // A tile may begin inside of a panel.
  if (getPanel())
    return emitOpError("with a weight in panels cannot be tiled; tile before "
                       "ra-pack-weights");
  TileBuilder tile(*this, builder);
  unsigned leading = getNumLeadingDims(), outputs = getNumOutputDims();
  tile.sliceLeading(0, getInputMap(), offsets.take_front(leading),
                    sizes.take_front(leading));
  tile.sliceLeading(1, tile.identity(outputs + 1), offsets.drop_front(leading),
                    sizes.drop_front(leading));
  if (getBias())
    tile.slice(2, offsets.drop_front(leading), sizes.drop_front(leading));
  tile.sliceLeading(getNumOperands() - 1, getOutputMap(), offsets, sizes);
  return tile.finish();
}

LogicalResult LinearOp::getResultTilePosition(
    OpBuilder &, unsigned, ArrayRef<OpFoldResult> offsets,
    ArrayRef<OpFoldResult> sizes, SmallVector<OpFoldResult> &resultOffsets,
    SmallVector<OpFoldResult> &resultSizes) {
  resultOffsets = toOperandOrder(getOutputMap(), offsets);
  resultSizes = toOperandOrder(getOutputMap(), sizes);
  return success();
}

FailureOr<TilingResult>
LinearOp::generateResultTileValue(OpBuilder &builder, unsigned,
                                  ArrayRef<OpFoldResult> offsets,
                                  ArrayRef<OpFoldResult> sizes) {
  return getTiledImplementation(builder,
                                toLogicalOrder(getOutputMap(), offsets),
                                toLogicalOrder(getOutputMap(), sizes));
}

//===----------------------------------------------------------------------===//
// ra.rope: (b, h, t)
//===----------------------------------------------------------------------===//

SmallVector<utils::IteratorType> RopeOp::getLoopIteratorTypes() {
  return parallel(3);
}

SmallVector<Range> RopeOp::getIterationDomain(OpBuilder &builder) {
  return getLogicalRanges(builder, getLoc(), getInit(), getOutputMap(), 3);
}

FailureOr<TilingResult>
RopeOp::getTiledImplementation(OpBuilder &builder,
                               ArrayRef<OpFoldResult> offsets,
                               ArrayRef<OpFoldResult> sizes) {
  TileBuilder tile(*this, builder);
  tile.sliceLeading(0, getInputMap(), offsets, sizes);
  bool batched = cast<ShapedType>(getCos().getType()).getRank() == 3;
  OFRs tableOffsets, tableSizes;
  if (batched) {
    tableOffsets.push_back(offsets[0]);
    tableSizes.push_back(sizes[0]);
  }
  tableOffsets.push_back(offsets[2]);
  tableSizes.push_back(sizes[2]);
  for (unsigned index : {1, 2})
    tile.sliceLeading(index, tile.identity(batched ? 3 : 2), tableOffsets,
                      tableSizes);
  tile.sliceLeading(3, getOutputMap(), offsets, sizes);
  return tile.finish();
}

LogicalResult RopeOp::getResultTilePosition(
    OpBuilder &builder, unsigned, ArrayRef<OpFoldResult> offsets,
    ArrayRef<OpFoldResult> sizes, SmallVector<OpFoldResult> &resultOffsets,
    SmallVector<OpFoldResult> &resultSizes) {
  OFRs allOffsets(offsets), allSizes(sizes);
  allOffsets.push_back(builder.getIndexAttr(0));
  allSizes.push_back(
      getSize(builder, getLoc(), getInit(), getOperandDim(getOutputMap(), 3)));
  resultOffsets = toOperandOrder(getOutputMap(), allOffsets);
  resultSizes = toOperandOrder(getOutputMap(), allSizes);
  return success();
}

FailureOr<TilingResult>
RopeOp::generateResultTileValue(OpBuilder &builder, unsigned,
                                ArrayRef<OpFoldResult> offsets,
                                ArrayRef<OpFoldResult> sizes) {
  auto tile = getIterationTile(
      getOutputMap(), offsets, sizes, 3,
      getLogicalShape(cast<ShapedType>(getInit().getType()), getOutputMap()));
  if (failed(tile))
    return failure();
  return getTiledImplementation(builder, tile->first, tile->second);
}

//===----------------------------------------------------------------------===//
// Both attention ops
//===----------------------------------------------------------------------===//

/// Position of a tile of (b, h[, t]) in result `index`: the output [B, H, T, D]
/// through its map, or the log-sum-exp [B, H, T].
template <typename OpTy>
static LogicalResult getAttentionResultPosition(
    OpTy op, OpBuilder &builder, unsigned index, ArrayRef<OpFoldResult> offsets,
    ArrayRef<OpFoldResult> sizes, OFRs &resultOffsets, OFRs &resultSizes) {
  AffineMap map = index == 0
                      ? op.getInitMap()
                      : AffineMap::getMultiDimIdentityMap(3, op.getContext());
  Value init = index == 0 ? op.getInit() : op.getLseInit();
  OFRs allOffsets(offsets), allSizes(sizes);
  for (unsigned i = offsets.size(), e = map.getNumDims(); i < e; ++i) {
    allOffsets.push_back(builder.getIndexAttr(0));
    allSizes.push_back(
        getSize(builder, op.getLoc(), init, getOperandDim(map, i)));
  }
  resultOffsets = toOperandOrder(map, allOffsets);
  resultSizes = toOperandOrder(map, allSizes);
  return success();
}

template <typename OpTy>
static FailureOr<TilingResult>
generateAttentionTile(OpTy op, OpBuilder &builder, unsigned index,
                      ArrayRef<OpFoldResult> offsets,
                      ArrayRef<OpFoldResult> sizes, unsigned iterated) {
  AffineMap map = index == 0
                      ? op.getInitMap()
                      : AffineMap::getMultiDimIdentityMap(3, op.getContext());
  Value init = index == 0 ? op.getInit() : op.getLseInit();
  auto tile =
      getIterationTile(map, offsets, sizes, iterated,
                       getLogicalShape(cast<ShapedType>(init.getType()), map));
  if (failed(tile))
    return failure();
  FailureOr<TilingResult> result =
      op.getTiledImplementation(builder, tile->first, tile->second);
  if (failed(result))
    return failure();
  return TilingResult{
      result->tiledOps, {result->tiledValues[index]}, result->generatedSlices};
}

//===----------------------------------------------------------------------===//
// ra.attention: (b, h, t)
//===----------------------------------------------------------------------===//

SmallVector<utils::IteratorType> AttentionOp::getLoopIteratorTypes() {
  return parallel(3);
}

SmallVector<Range> AttentionOp::getIterationDomain(OpBuilder &builder) {
  return getLogicalRanges(builder, getLoc(), getInit(), getInitMap(), 3);
}

FailureOr<TilingResult>
AttentionOp::getTiledImplementation(OpBuilder &builder,
                                    ArrayRef<OpFoldResult> offsets,
                                    ArrayRef<OpFoldResult> sizes) {
  Location loc = getLoc();
  auto queryType = cast<ShapedType>(getQuery().getType());
  auto keyType = cast<ShapedType>(getKey().getType());
  int64_t group = getLogicalShape(queryType, getQueryMap())[1] /
                  getLogicalShape(keyType, getKeyMap())[1];
  OpFoldResult keyOffset, keySize;
  if (failed(getKeyHeads(*this, builder, group, /*wholeGroups=*/false,
                         offsets[1], sizes[1], keyOffset, keySize)))
    return failure();

  TileBuilder tile(*this, builder);
  OpFoldResult queries = tile.size(getQuery(), getOperandDim(getQueryMap(), 2));
  OpFoldResult keys = tile.size(getKey(), getOperandDim(getKeyMap(), 2));
  tile.sliceLeading(0, getQueryMap(), offsets, sizes);
  tile.sliceLeading(1, getKeyMap(), {offsets[0], keyOffset},
                    {sizes[0], keySize});
  tile.sliceLeading(2, getValueMap(), {offsets[0], keyOffset},
                    {sizes[0], keySize});
  sliceBias(tile, optionalIndex(getODSOperandIndexAndLength(3)), offsets,
            sizes);
  unsigned inits = getLseInit() ? 2 : 1;
  tile.sliceLeading(getNumOperands() - inits, getInitMap(), offsets, sizes);
  if (getLseInit())
    tile.slice(getNumOperands() - 1, offsets, sizes);

  // The tile's rows keep their positions on the key axis.
  MaskAttr mask = getMask();
  if (mask.isNone())
    return tile.finish();
  AffineExpr s0 = builder.getAffineSymbolExpr(0);
  AffineExpr s1 = builder.getAffineSymbolExpr(1);
  AffineExpr s2 = builder.getAffineSymbolExpr(2);
  AffineExpr s3 = builder.getAffineSymbolExpr(3);
  OpFoldResult previous =
      getQueryOffset() ? OpFoldResult(getQueryOffset()) : tile.zero();
  AffineExpr expression = mask.isBottomRight() ? s0 + s1 + s3 - s2 : s0 + s1;
  OpFoldResult position = affine::makeComposedFoldedAffineApply(
      builder, loc, AffineMap::get(0, 4, expression),
      {offsets[2], previous, queries, keys});
  Value positionValue = getValueOrCreateConstantIndexOp(builder, loc, position);
  return tile.finish([&](Operation *op) {
    auto tiled = cast<AttentionOp>(op);
    tiled.getQueryOffsetMutable().assign(positionValue);
    tiled.setMaskAttr(
        MaskAttr::get(getContext(), mask.getKind(), mask.getWindow()));
  });
}

LogicalResult AttentionOp::getResultTilePosition(
    OpBuilder &builder, unsigned index, ArrayRef<OpFoldResult> offsets,
    ArrayRef<OpFoldResult> sizes, SmallVector<OpFoldResult> &resultOffsets,
    SmallVector<OpFoldResult> &resultSizes) {
  return getAttentionResultPosition(*this, builder, index, offsets, sizes,
                                    resultOffsets, resultSizes);
}

FailureOr<TilingResult>
AttentionOp::generateResultTileValue(OpBuilder &builder, unsigned index,
                                     ArrayRef<OpFoldResult> offsets,
                                     ArrayRef<OpFoldResult> sizes) {
  return generateAttentionTile(*this, builder, index, offsets, sizes, 3);
}

//===----------------------------------------------------------------------===//
// ra.reciprocal_attention: (b, h)
//===----------------------------------------------------------------------===//

SmallVector<utils::IteratorType> ReciprocalAttentionOp::getLoopIteratorTypes() {
  return parallel(2);
}

SmallVector<Range>
ReciprocalAttentionOp::getIterationDomain(OpBuilder &builder) {
  return getLogicalRanges(builder, getLoc(), getInit(), getInitMap(), 2);
}

FailureOr<TilingResult>
ReciprocalAttentionOp::getTiledImplementation(OpBuilder &builder,
                                              ArrayRef<OpFoldResult> offsets,
                                              ArrayRef<OpFoldResult> sizes) {
  int64_t heads = getNumHeads(), kvHeads = getNumKvHeads();
  if (getRankAttr() && getRankAttr().size() > 1 &&
      !llvm::all_equal(getRankAttr().asArrayRef()) &&
      !isFull(offsets[1], sizes[1], heads))
    return emitOpError("cannot be tiled over heads whose ranks differ; tile "
                       "over the batch only");
  // A mean over a group needs the whole group.
  OpFoldResult keyOffset, keySize;
  if (failed(getKeyHeads(*this, builder, heads / kvHeads,
                         /*wholeGroups=*/getGqa() == GroupedMode::Mean,
                         offsets[1], sizes[1], keyOffset, keySize)))
    return failure();

  TileBuilder tile(*this, builder);
  OFRs keyOffsets = {offsets[0], keyOffset}, keySizes = {sizes[0], keySize};
  tile.sliceLeading(0, getQueryMap(), offsets, sizes);
  tile.sliceLeading(1, getKeyMap(), keyOffsets, keySizes);
  tile.sliceLeading(2, getValueMap(), keyOffsets, keySizes);
  // Gates, projection and bases that hold one entry per head.
  struct PerHead {
    unsigned segment, rank;
    bool key;
  };
  for (PerHead operand :
       {PerHead{3, 1, false}, PerHead{4, 1, false}, PerHead{5, 3, false},
        PerHead{6, 3, false}, PerHead{7, 3, true}}) {
    auto index = optionalIndex(getODSOperandIndexAndLength(operand.segment));
    if (!index)
      continue;
    auto type = cast<ShapedType>(getOperand(*index).getType());
    if (type.getRank() != operand.rank ||
        (operand.rank == 1 && type.getDimSize(0) == 1))
      continue;
    tile.sliceLeading(*index, tile.identity(operand.rank),
                      {operand.key ? keyOffset : offsets[1]},
                      {operand.key ? keySize : sizes[1]});
  }
  sliceBias(tile, optionalIndex(getODSOperandIndexAndLength(8)), offsets,
            sizes);
  unsigned inits = getLseInit() ? 2 : 1;
  tile.sliceLeading(getNumOperands() - inits, getInitMap(), offsets, sizes);
  if (getLseInit())
    tile.sliceLeading(getNumOperands() - 1, tile.identity(3), offsets, sizes);
  return tile.finish([&](Operation *op) {
    if (getRankAttr() && getRankAttr().size() > 1 &&
        llvm::all_equal(getRankAttr().asArrayRef()))
      cast<ReciprocalAttentionOp>(op).setRank(
          ArrayRef<int64_t>(getRankAttr()[0]));
  });
}

LogicalResult ReciprocalAttentionOp::getResultTilePosition(
    OpBuilder &builder, unsigned index, ArrayRef<OpFoldResult> offsets,
    ArrayRef<OpFoldResult> sizes, SmallVector<OpFoldResult> &resultOffsets,
    SmallVector<OpFoldResult> &resultSizes) {
  return getAttentionResultPosition(*this, builder, index, offsets, sizes,
                                    resultOffsets, resultSizes);
}

FailureOr<TilingResult> ReciprocalAttentionOp::generateResultTileValue(
    OpBuilder &builder, unsigned index, ArrayRef<OpFoldResult> offsets,
    ArrayRef<OpFoldResult> sizes) {
  return generateAttentionTile(*this, builder, index, offsets, sizes, 2);
}
