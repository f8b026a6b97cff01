//===- FoldAssembly.cpp - Query and key of a fold, as linalg --------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "FoldAssembly.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace ra::detail {

int64_t FoldPlan::foldedHeadDim() const {
  if (!usesSlots())
    return headDim;
  int64_t rank = dims[0].size();
  return headDim - rank + group() * rank;
}

namespace {
/// State of one assembly: the iteration space and the plan.
struct Assembler {
  OpBuilder &builder;
  Location loc;
  const FoldPlan &plan;
  unsigned headPos, dimPos;
  Type elementType;

  AffineExpr dim(unsigned i) { return builder.getAffineDimExpr(i); }
  unsigned rank(const FoldOperand &operand) { return operand.map.getNumDims(); }

  Value toF32(OpBuilder &b, Value value) {
    if (value.getType().isF32())
      return value;
    return arith::ExtFOp::create(b, loc, b.getF32Type(), value);
  }
  Value fromF32(OpBuilder &b, Value value) {
    if (elementType.isF32())
      return value;
    return arith::TruncFOp::create(b, loc, elementType, value);
  }
  Value f32(OpBuilder &b, double value) {
    return arith::ConstantOp::create(b, loc, b.getF32FloatAttr(value));
  }

  /// The operand's map with the head expression `head` in place of the head
  /// dim.
  AffineMap mapWithHead(const FoldOperand &operand, AffineExpr head) {
    SmallVector<AffineExpr> exprs;
    for (AffineExpr expr : operand.map.getResults())
      exprs.push_back(expr == dim(headPos) ? head : expr);
    return AffineMap::get(rank(operand), 0, exprs, builder.getContext());
  }

  /// tensor.empty in iteration order with the given heads and head dim; other
  /// extents are those of `like`.
  Value empty(const FoldOperand &like, int64_t heads, int64_t headDim,
              Type type) {
    SmallVector<OpFoldResult> sizes;
    for (unsigned i = 0; i < rank(like); ++i) {
      if (i == headPos)
        sizes.push_back(builder.getIndexAttr(heads));
      else if (i == dimPos)
        sizes.push_back(builder.getIndexAttr(headDim));
      else
        sizes.push_back(tensor::getMixedSize(builder, loc, like.tensor,
                                             getOperandDim(like.map, i)));
    }
    return tensor::EmptyOp::create(builder, loc, sizes, type);
  }

  AffineMap identity(unsigned rank) {
    return AffineMap::getMultiDimIdentityMap(rank, builder.getContext());
  }

  /// A gate as an input of a generic: its map for head expression `head`.
  void addGate(Value gate, AffineExpr head, unsigned rank,
               SmallVectorImpl<Value> &inputs,
               SmallVectorImpl<AffineMap> &maps) {
    if (!gate)
      return;
    bool shared = cast<ShapedType>(gate.getType()).getDimSize(0) == 1;
    inputs.push_back(gate);
    maps.push_back(AffineMap::get(
        rank, 0, shared ? builder.getAffineConstantExpr(0) : head));
  }

  /// The factor a gate contributes to one side, null for 1.
  Value factor(OpBuilder &b, Value gate, double byDefault, bool querySide) {
    if (plan.split == GateSplit::Query && !querySide)
      return nullptr;
    Value value = gate ? toF32(b, gate) : f32(b, byDefault);
    if (plan.split == GateSplit::Query)
      return value;
    return math::SqrtOp::create(b, loc, value);
  }
  Value scaled(OpBuilder &b, Value value, Value factor) {
    return factor ? arith::MulFOp::create(b, loc, value, factor).getResult()
                  : value;
  }

  /// i1 [heads, D]: which dims are reciprocal, for heads `first + i * step`.
  Value reciprocalTable(int64_t heads, int64_t step) {
    SmallVector<bool> table(heads * plan.headDim, false);
    for (int64_t i = 0; i < heads; ++i)
      for (int64_t d : plan.dims[i * step])
        table[i * plan.headDim + d] = true;
    auto type =
        RankedTensorType::get({heads, plan.headDim}, builder.getI1Type());
    return arith::ConstantOp::create(builder, loc,
                                     DenseElementsAttr::get(type, table));
  }

  /// The mean of the query over each group, f32, in iteration order with the
  /// key heads.
  FoldOperand groupMean(const FoldOperand &query) {
    unsigned n = rank(query);
    AffineExpr head = dim(headPos) * plan.group() + dim(n);
    SmallVector<AffineExpr> exprs;
    for (AffineExpr expr : query.map.getResults())
      exprs.push_back(expr == dim(headPos) ? head : expr);
    AffineMap inputMap = AffineMap::get(n + 1, 0, exprs, builder.getContext());
    AffineMap outputMap =
        AffineMap::getMultiDimIdentityMap(n + 1, builder.getContext())
            .getMajorSubMap(n);
    // The extent of the group dim is carried by an operand that is never read.
    Value extent = tensor::EmptyOp::create(
        builder, loc, ArrayRef<int64_t>{plan.group()}, builder.getF32Type());
    AffineMap extentMap = AffineMap::get(n + 1, 0, dim(n));
    Value init =
        empty(query, plan.numKvHeads, plan.headDim, builder.getF32Type());
    Value zero =
        linalg::FillOp::create(builder, loc, ValueRange{f32(builder, 0)},
                               ValueRange{init})
            .getResult(0);
    SmallVector<utils::IteratorType> iterators(n,
                                               utils::IteratorType::parallel);
    iterators.push_back(utils::IteratorType::reduction);
    auto mean = linalg::GenericOp::create(
        builder, loc, zero.getType(), ValueRange{query.tensor, extent},
        ValueRange{zero}, ArrayRef<AffineMap>{inputMap, extentMap, outputMap},
        iterators, [&](OpBuilder &b, Location, ValueRange args) {
          Value term = arith::MulFOp::create(b, loc, toF32(b, args[0]),
                                             f32(b, 1.0 / plan.group()));
          linalg::YieldOp::create(
              b, loc, arith::AddFOp::create(b, loc, args[2], term).getResult());
        });
    return {mean.getResult(0), identity(n)};
  }

  /// One side of an in-place fold: rows in S from `primary`, rows in L from
  /// `other` (whose head is `otherHead`).
  Value inPlace(FoldOperand primary, FoldOperand other, AffineExpr otherHead,
                int64_t heads, int64_t step, bool querySide) {
    unsigned n = rank(primary);
    AffineExpr head = dim(headPos);
    SmallVector<Value> inputs = {reciprocalTable(heads, step), primary.tensor,
                                 other.tensor};
    SmallVector<AffineMap> maps = {
        AffineMap::get(n, 0, {head, dim(dimPos)}, builder.getContext()),
        primary.map, mapWithHead(other, otherHead)};
    bool gated = querySide || plan.split == GateSplit::Symmetric;
    if (gated) {
      addGate(plan.standardGate, head * step, n, inputs, maps);
      addGate(plan.reciprocalGate, head * step, n, inputs, maps);
    }
    maps.push_back(identity(n));
    Value init = empty(primary, heads, plan.headDim, elementType);
    SmallVector<utils::IteratorType> iterators(n,
                                               utils::IteratorType::parallel);
    auto generic = linalg::GenericOp::create(
        builder, loc, init.getType(), inputs, ValueRange{init}, maps, iterators,
        [&](OpBuilder &b, Location, ValueRange args) {
          unsigned next = 3;
          Value standardGate =
              gated && plan.standardGate ? args[next++] : Value();
          Value reciprocalGate =
              gated && plan.reciprocalGate ? args[next++] : Value();
          Value standard = scaled(
              b, toF32(b, args[1]),
              factor(b, standardGate,
                     ReciprocalAttentionOp::kDefaultStandardGate, querySide));
          Value reciprocal = scaled(
              b, toF32(b, args[2]),
              factor(b, reciprocalGate,
                     ReciprocalAttentionOp::kDefaultReciprocalGate, querySide));
          Value chosen =
              arith::SelectOp::create(b, loc, args[0], reciprocal, standard);
          linalg::YieldOp::create(b, loc, fromF32(b, chosen));
        });
    return generic.getResult(0);
  }

  /// An index table [D'] for slots: the source dim, and the slot or -1.
  std::pair<Value, Value> slotTables() {
    SmallVector<int64_t> source, slot;
    const SmallVector<int64_t> &low = plan.dims[0];
    for (int64_t d = 0; d < plan.headDim; ++d)
      if (!llvm::is_contained(low, d)) {
        source.push_back(d);
        slot.push_back(-1);
      }
    for (int64_t member = 0; member < plan.group(); ++member)
      for (int64_t d : low) {
        source.push_back(d);
        slot.push_back(member);
      }
    auto type = RankedTensorType::get({static_cast<int64_t>(source.size())},
                                      builder.getIndexType());
    auto constant = [&](ArrayRef<int64_t> values) -> Value {
      return arith::ConstantOp::create(builder, loc,
                                       DenseIntElementsAttr::get(type, values));
    };
    return {constant(source), constant(slot)};
  }

  /// operand[.., head, .., d, ..] inside a generic's body.
  Value load(OpBuilder &b, const FoldOperand &operand, Value head, Value d) {
    SmallVector<Value> indices(rank(operand));
    for (unsigned i = 0; i < rank(operand); ++i) {
      Value index = i == headPos ? head
                    : i == dimPos
                        ? d
                        : linalg::IndexOp::create(b, loc, i).getResult();
      indices[getOperandDim(operand.map, i)] = index;
    }
    return toF32(b, tensor::ExtractOp::create(b, loc, operand.tensor, indices));
  }
  Value loadGate(OpBuilder &b, Value gate, Value head) {
    if (!gate)
      return nullptr;
    Value index = head;
    if (cast<ShapedType>(gate.getType()).getDimSize(0) == 1)
      index = arith::ConstantIndexOp::create(b, loc, 0);
    return tensor::ExtractOp::create(b, loc, gate, index);
  }

  /// One side of a fold with slots.
  Value slots(FoldOperand query, FoldOperand key, bool querySide) {
    unsigned n = rank(query);
    auto [source, slot] = slotTables();
    AffineMap tableMap = AffineMap::get(n, 0, dim(dimPos));
    int64_t heads = querySide ? plan.numHeads : plan.numKvHeads;
    Value init = empty(query, heads, plan.foldedHeadDim(), elementType);
    SmallVector<utils::IteratorType> iterators(n,
                                               utils::IteratorType::parallel);
    auto generic = linalg::GenericOp::create(
        builder, loc, init.getType(), ValueRange{source, slot},
        ValueRange{init}, ArrayRef<AffineMap>{tableMap, tableMap, identity(n)},
        iterators, [&](OpBuilder &b, Location, ValueRange args) {
          Value d = args[0], slotIndex = args[1];
          Value head = linalg::IndexOp::create(b, loc, headPos);
          Value group = arith::ConstantIndexOp::create(b, loc, plan.group());
          Value zeroIndex = arith::ConstantIndexOp::create(b, loc, 0);
          Value isStandard = arith::CmpIOp::create(
              b, loc, arith::CmpIPredicate::slt, slotIndex, zeroIndex);
          Value member = arith::MaxSIOp::create(b, loc, slotIndex, zeroIndex);
          double std = ReciprocalAttentionOp::kDefaultStandardGate;
          double rec = ReciprocalAttentionOp::kDefaultReciprocalGate;
          Value standard, reciprocal;
          if (querySide) {
            Value keyHead = arith::DivUIOp::create(b, loc, head, group);
            Value own = arith::CmpIOp::create(
                b, loc, arith::CmpIPredicate::eq,
                arith::RemUIOp::create(b, loc, head, group), member);
            standard = scaled(
                b, load(b, query, head, d),
                factor(b, loadGate(b, plan.standardGate, head), std, true));
            reciprocal = scaled(
                b, load(b, key, keyHead, d),
                factor(b, loadGate(b, plan.reciprocalGate, head), rec, true));
            reciprocal =
                arith::SelectOp::create(b, loc, own, reciprocal, f32(b, 0.0));
          } else {
            Value first = arith::MulIOp::create(b, loc, head, group);
            Value queryHead = arith::AddIOp::create(b, loc, first, member);
            standard = scaled(
                b, load(b, key, head, d),
                factor(b, loadGate(b, plan.standardGate, first), std, false));
            reciprocal =
                scaled(b, load(b, query, queryHead, d),
                       factor(b, loadGate(b, plan.reciprocalGate, queryHead),
                              rec, false));
          }
          Value chosen =
              arith::SelectOp::create(b, loc, isStandard, standard, reciprocal);
          linalg::YieldOp::create(b, loc, fromF32(b, chosen));
        });
    return generic.getResult(0);
  }
};
} // namespace

std::pair<Value, Value> assembleFold(OpBuilder &builder, Location loc,
                                     const FoldPlan &plan, FoldOperand query,
                                     FoldOperand key, unsigned headPos,
                                     unsigned dimPos, Type elementType) {
  Assembler assembler{builder, loc, plan, headPos, dimPos, elementType};
  if (plan.usesSlots())
    return {assembler.slots(query, key, /*querySide=*/true),
            assembler.slots(query, key, /*querySide=*/false)};
  int64_t group = plan.group();
  AffineExpr head = builder.getAffineDimExpr(headPos);
  Value foldedQuery =
      assembler.inPlace(query, key, group == 1 ? head : head.floorDiv(group),
                        plan.numHeads, /*step=*/1, /*querySide=*/true);
  FoldOperand queryRows = group == 1 ? query : assembler.groupMean(query);
  Value foldedKey = assembler.inPlace(key, queryRows, head, plan.numKvHeads,
                                      /*step=*/group, /*querySide=*/false);
  return {foldedQuery, foldedKey};
}

Value applyBasis(OpBuilder &builder, Location loc, FoldOperand operand,
                 Value matrix, unsigned headPos, unsigned dimPos,
                 Type elementType) {
  unsigned n = operand.map.getNumDims();
  auto type = cast<ShapedType>(operand.tensor.getType());
  int64_t heads = type.getDimSize(getOperandDim(operand.map, headPos));
  int64_t headDim = type.getDimSize(getOperandDim(operand.map, dimPos));
  FoldPlan plan{
      heads,   heads,  headDim, {}, GateSplit::Query, GroupedMode::Mean,
      Value(), Value()};
  Assembler assembler{builder, loc,    plan,
                      headPos, dimPos, builder.getF32Type()};
  // Iteration: the operand's dims with `d` at dimPos, then the contracted `e`.
  AffineExpr e = builder.getAffineDimExpr(n);
  SmallVector<AffineExpr> exprs;
  for (AffineExpr expr : operand.map.getResults())
    exprs.push_back(expr == builder.getAffineDimExpr(dimPos) ? e : expr);
  AffineMap inputMap = AffineMap::get(n + 1, 0, exprs, builder.getContext());
  SmallVector<AffineExpr> matrixExprs;
  if (cast<ShapedType>(matrix.getType()).getRank() == 3)
    matrixExprs.push_back(builder.getAffineDimExpr(headPos));
  matrixExprs.push_back(e);
  matrixExprs.push_back(builder.getAffineDimExpr(dimPos));
  AffineMap matrixMap =
      AffineMap::get(n + 1, 0, matrixExprs, builder.getContext());
  AffineMap outputMap =
      AffineMap::getMultiDimIdentityMap(n + 1, builder.getContext())
          .getMajorSubMap(n);
  Value init = assembler.empty(operand, heads, headDim, builder.getF32Type());
  Value zero = linalg::FillOp::create(builder, loc,
                                      ValueRange{assembler.f32(builder, 0)},
                                      ValueRange{init})
                   .getResult(0);
  SmallVector<utils::IteratorType> iterators(n, utils::IteratorType::parallel);
  iterators.push_back(utils::IteratorType::reduction);
  Value product =
      linalg::GenericOp::create(
          builder, loc, zero.getType(), ValueRange{operand.tensor, matrix},
          ValueRange{zero}, ArrayRef<AffineMap>{inputMap, matrixMap, outputMap},
          iterators,
          [&](OpBuilder &b, Location, ValueRange args) {
            Value term =
                arith::MulFOp::create(b, loc, assembler.toF32(b, args[0]),
                                      assembler.toF32(b, args[1]));
            linalg::YieldOp::create(
                b, loc,
                arith::AddFOp::create(b, loc, args[2], term).getResult());
          })
          .getResult(0);
  if (elementType.isF32())
    return product;
  // One rounding, after the sum.
  Assembler rounded{builder, loc, plan, headPos, dimPos, elementType};
  Value narrow = rounded.empty({product, rounded.identity(n)}, heads, headDim,
                               elementType);
  SmallVector<AffineMap> maps(2, rounded.identity(n));
  iterators.pop_back();
  return linalg::GenericOp::create(
             builder, loc, narrow.getType(), ValueRange{product},
             ValueRange{narrow}, maps, iterators,
             [&](OpBuilder &b, Location, ValueRange args) {
               linalg::YieldOp::create(b, loc, rounded.fromF32(b, args[0]));
             })
      .getResult(0);
}

Value projectionAsBasis(OpBuilder &builder, Location loc, Value projection,
                        ArrayRef<SmallVector<int64_t>> dims, int64_t headDim) {
  auto type = cast<RankedTensorType>(projection.getType());
  Type elementType = type.getElementType();
  int64_t rank = type.getShape().back();
  int64_t heads = dims.size();
  bool perHead =
      type.getRank() == 3 || llvm::any_of(dims, [&](const auto &low) {
        return low.size() != static_cast<size_t>(rank);
      });
  SmallVector<int64_t> shape = {headDim, headDim};
  if (perHead)
    shape.insert(shape.begin(), heads);
  auto matrixType = RankedTensorType::get(shape, elementType);
  SmallVector<APFloat> values;
  const llvm::fltSemantics &semantics =
      cast<FloatType>(elementType).getFloatSemantics();
  APFloat one(semantics, 1), zero = APFloat::getZero(semantics);
  for (int64_t head = 0; head < (perHead ? heads : 1); ++head)
    for (int64_t row = 0; row < headDim; ++row)
      for (int64_t column = 0; column < headDim; ++column)
        values.push_back(row == column ? one : zero);
  Value matrix = arith::ConstantOp::create(
      builder, loc, DenseElementsAttr::get(matrixType, values));
  auto index = [&](int64_t value) { return builder.getIndexAttr(value); };
  if (!perHead)
    return tensor::InsertSliceOp::create(
        builder, loc, projection, matrix,
        ArrayRef<OpFoldResult>{index(0), index(headDim - rank)},
        ArrayRef<OpFoldResult>{index(headDim), index(rank)},
        ArrayRef<OpFoldResult>{index(1), index(1)});
  for (int64_t head = 0; head < heads; ++head) {
    if (dims[head].empty())
      continue;
    Value own = projection;
    if (type.getRank() == 3)
      own = tensor::ExtractSliceOp::create(
          builder, loc, RankedTensorType::get({headDim, rank}, elementType),
          projection, ArrayRef<OpFoldResult>{index(head), index(0), index(0)},
          ArrayRef<OpFoldResult>{index(1), index(headDim), index(rank)},
          ArrayRef<OpFoldResult>{index(1), index(1), index(1)});
    matrix = tensor::InsertSliceOp::create(
        builder, loc, own, matrix,
        ArrayRef<OpFoldResult>{index(head), index(0), index(headDim - rank)},
        ArrayRef<OpFoldResult>{index(1), index(headDim), index(rank)},
        ArrayRef<OpFoldResult>{index(1), index(1), index(1)});
  }
  return matrix;
}

} // namespace ra::detail
