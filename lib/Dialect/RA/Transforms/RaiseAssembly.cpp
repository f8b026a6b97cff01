//===- RaiseAssembly.cpp - The op in place of one attention ---------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "RaiseEmit.h"
#include "RaiseMatcher.h"
#include "ra/Dialect/RA/IR/RAOps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"

#include <cmath>

using namespace mlir;

namespace ra::raise {

bool isStorageType(Value value) {
  Type type = getElementTypeOrSelf(value.getType());
  return type.isF32() || type.isF16() || type.isBF16();
}

/// The tensor of one factor per head: [1] if it is one number.
Value Matcher::emitGate(OpBuilder &b, Location loc, double number,
                        ArrayRef<const Expr *> factors) {
  if (factors.empty()) {
    auto type = RankedTensorType::get({1}, b.getF32Type());
    return arith::ConstantOp::create(
        b, loc, DenseElementsAttr::get(type, static_cast<float>(number)));
  }
  const SmallVector<DimId> &heads = plan.queryGroups[1];
  // A tensor that is read as it is.
  if (factors.size() == 1 && number == 1.0 && heads.size() == 1 &&
      factors[0]->kind == Kind::Load && factors[0]->indices.size() == 1 &&
      dims.resolve(factors[0]->indices[0]).asDim() == heads[0] &&
      isStorageType(factors[0]->value) &&
      dims.spans(heads[0], factors[0]->value, 0))
    return factors[0]->value;
  const Expr *gate = factors[0];
  for (const Expr *factor : factors.drop_front())
    gate = builder.make(Kind::Mul, {gate, factor});
  gate = builder.make(Kind::Mul, {gate, builder.constant(number)});
  int64_t size = 1;
  for (DimId head : heads)
    size *= dims.size(head);
  return emitTensor(b, loc, dims, gate, {heads}, {b.getIndexAttr(size)});
}

/// The tensor that a bias is read from as it is, as [B or 1, H or 1, Tq, Tk];
/// null if the bias is computed or laid out otherwise.
Value Matcher::biasAsItIs(OpBuilder &b, Location loc, const Expr *bias,
                          ArrayRef<SmallVector<DimId>> loops) {
  if (bias->kind != Kind::Load)
    return {};
  auto type = cast<RankedTensorType>(bias->value.getType());
  if (!isStorageType(bias->value))
    return {};
  // Each dim of the tensor is the next loop that is not of extent 1.
  SmallVector<int64_t> shape;
  SmallVector<ReassociationIndices> reassociation;
  size_t loop = 0;
  auto addUnits = [&] {
    while (loop < loops.size() && loops[loop].empty()) {
      if (reassociation.empty())
        reassociation.emplace_back();
      reassociation.back().push_back(shape.size());
      shape.push_back(1);
      ++loop;
    }
  };
  addUnits();
  bool any = false;
  for (auto [dim, original] : llvm::enumerate(bias->indices)) {
    Index index = dims.resolve(original);
    if (index.isConstant(0) && type.getDimSize(dim) == 1 &&
        type.getRank() == 4 && loop > dim)
      continue;
    if (loop == loops.size() || loops[loop].size() != 1 ||
        index.asDim() != loops[loop][0] ||
        !dims.spans(loops[loop][0], bias->value, dim))
      return {};
    if (any || reassociation.empty())
      reassociation.emplace_back();
    any = true;
    reassociation.back().push_back(shape.size());
    shape.push_back(type.getDimSize(dim));
    ++loop;
    addUnits();
  }
  if (loop != loops.size())
    return {};
  if (type.getRank() == 4)
    return bias->value;
  return tensor::ExpandShapeOp::create(
      b, loc, RankedTensorType::get(shape, type.getElementType()), bias->value,
      reassociation);
}

static std::string describeMask(const MaskPlan &mask) {
  std::string text;
  if (mask.kind == MaskKind::Causal)
    text = ", causal";
  else if (mask.kind == MaskKind::Window)
    text = llvm::formatv(", window({0})", mask.window);
  if (mask.alignment == MaskAlignment::BottomRight)
    text += " bottom_right";
  if (!mask.offset.isConstant(0))
    text += " with an offset";
  if (mask.bias)
    text += ", bias";
  return text;
}

/// The result from the attention's in the default layout, by a transpose of the
/// atoms.
Value Matcher::makeTransposed(OpBuilder &b, Location loc, Value result,
                              RankedTensorType type) {
  Type element = type.getElementType();
  Groups groups = plan.queryGroups;
  groups[3] = valueDims;
  // One dim for each atom, and for each group without.
  SmallVector<int64_t> shape;
  SmallVector<ReassociationIndices> reassociation;
  llvm::DenseMap<DimId, int64_t> place;
  SmallVector<int64_t> permutation;
  for (ArrayRef<DimId> group : groups) {
    reassociation.emplace_back();
    if (group.empty()) {
      reassociation.back().push_back(shape.size());
      permutation.push_back(shape.size());
      shape.push_back(1);
    }
    for (DimId atom : group) {
      place[atom] = shape.size();
      reassociation.back().push_back(shape.size());
      shape.push_back(dims.size(atom));
    }
  }
  if (shape.size() != 4)
    result = tensor::ExpandShapeOp::create(
        b, loc, RankedTensorType::get(shape, element), result, reassociation);
  // Extents of 1 first, then the atoms as the result has them.
  SmallVector<ReassociationIndices> merged;
  SmallVector<int64_t> mergedShape;
  for (const Index &index : plan.resultIndices) {
    SmallVector<DimId> atoms = dims.atoms(index);
    if (atoms.empty())
      continue;
    merged.emplace_back();
    int64_t size = 1;
    for (DimId atom : atoms) {
      merged.back().push_back(permutation.size());
      permutation.push_back(place[atom]);
      bool isDynamic =
          ShapedType::isDynamic(size) || ShapedType::isDynamic(dims.size(atom));
      size = isDynamic ? ShapedType::kDynamic : size * dims.size(atom);
    }
    mergedShape.push_back(size);
  }
  int64_t ones = merged.front().front();
  for (int64_t i = ones; i-- > 0;)
    merged.front().insert(merged.front().begin(), i);
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(b, loc, result);
  SmallVector<OpFoldResult> transposed;
  for (int64_t dim : permutation)
    transposed.push_back(sizes[dim]);
  Value init = tensor::EmptyOp::create(b, loc, transposed, element);
  result = linalg::TransposeOp::create(b, loc, result, init, permutation)
               ->getResult(0);
  if (merged.size() != permutation.size())
    result = tensor::CollapseShapeOp::create(
        b, loc, RankedTensorType::get(mergedShape, element), result, merged);
  // Extents of 1 of the result join a neighbour.
  if (static_cast<int64_t>(merged.size()) != type.getRank()) {
    SmallVector<ReassociationIndices> expanded(1);
    SmallVector<int64_t> full;
    bool any = false;
    for (auto [i, index] : llvm::enumerate(plan.resultIndices)) {
      bool isUnit = dims.atoms(index).empty();
      if (!isUnit && any)
        expanded.emplace_back();
      any |= !isUnit;
      expanded.back().push_back(i);
      full.push_back(isUnit ? 1 : mergedShape[expanded.size() - 1]);
    }
    result = tensor::ExpandShapeOp::create(
        b, loc, RankedTensorType::get(full, element), result, expanded);
  }
  if (result.getType() != type)
    result = tensor::CastOp::create(b, loc, type, result);
  return result;
}

std::string Matcher::rewrite() {
  Location loc = product.getLoc();
  OpBuilder b(product);
  AffineMap queryMap, keyMap, valueMap;
  Value query = makeView(b, loc, dims.extents, plan.query.value,
                         plan.query.plan, queryMap);
  Value keys =
      makeView(b, loc, dims.extents, plan.key.value, plan.key.plan, keyMap);
  Value value = makeView(b, loc, dims.extents, plan.value.value,
                         plan.value.plan, valueMap);
  // The extent of a group: of its atom, or read off the view.
  auto extent = [&](Value tensor, AffineMap map, ArrayRef<DimId> atoms,
                    unsigned group) -> OpFoldResult {
    unsigned dim = getOperandDim(map, group);
    auto type = cast<RankedTensorType>(tensor.getType());
    if (type.isDynamicDim(dim) && atoms.size() == 1)
      if (std::optional<Index> index = dims.extent(atoms[0]))
        return emitIndex(b, loc, dims, *index);
    return tensor::getMixedSize(b, loc, tensor, dim);
  };
  const Groups &groups = plan.queryGroups;
  std::array<OpFoldResult, 4> sizes = {extent(query, queryMap, groups[0], 0),
                                       extent(query, queryMap, groups[1], 1),
                                       extent(query, queryMap, groups[2], 2),
                                       extent(value, valueMap, valueDims, 3)};

  Value bias;
  if (plan.mask.bias) {
    SmallVector<DimId> used = builder.freeAtoms(plan.mask.bias);
    auto loop = [&](unsigned group) {
      bool any = llvm::any_of(groups[group], [&](DimId atom) {
        return llvm::is_contained(used, atom);
      });
      return any ? groups[group] : SmallVector<DimId>();
    };
    SmallVector<SmallVector<DimId>> loops = {
        loop(0), loop(1), groups[2], {key}};
    SmallVector<OpFoldResult> extents = {
        loops[0].empty() ? b.getIndexAttr(1) : sizes[0],
        loops[1].empty() ? b.getIndexAttr(1) : sizes[1], sizes[2],
        extent(keys, keyMap, key, 2)};
    bias = biasAsItIs(b, loc, plan.mask.bias, loops);
    if (!bias)
      bias = emitTensor(b, loc, dims, plan.mask.bias, loops, extents);
  }
  Value offset;
  if (!plan.mask.offset.isConstant(0))
    offset = emitIndex(b, loc, dims, plan.mask.offset);

  // Without a layout that suits the result, the default one.
  std::array<unsigned, 4> order = {0, 1, 2, 3};
  if (plan.result)
    llvm::copy(plan.result->order, order.begin());
  Type element = getElementTypeOrSelf(plan.replaced.getType());
  SmallVector<OpFoldResult> initSizes;
  for (unsigned group : order)
    initSizes.push_back(sizes[group]);
  Value init = tensor::EmptyOp::create(b, loc, initSizes, element);
  AffineMap initMap = AffineMap::getPermutationMap(order, b.getContext());

  MLIRContext *context = b.getContext();
  auto mask = MaskAttr::get(context, plan.mask.kind, plan.mask.window,
                            plan.mask.alignment);
  ArrayAttr maps;
  if (!queryMap.isIdentity() || !keyMap.isIdentity() ||
      !valueMap.isIdentity() || !initMap.isIdentity())
    maps = b.getAffineMapArrayAttr({queryMap, keyMap, valueMap, initMap});
  FloatAttr softcap =
      plan.softcap != 0 ? b.getF64FloatAttr(plan.softcap) : FloatAttr();
  const QueryKey &products = plan.products;
  std::string description;
  Value result;
  if (!isGated()) {
    auto attention = AttentionOp::create(
        b, loc, init.getType(), query, keys, value, bias, offset, init, Value(),
        mask, b.getF64FloatAttr(products.number), softcap, maps);
    result = attention->getResult(0);
    description = llvm::formatv("attention: scale {0:f6}", products.number);
  } else {
    // score = scale * (w_std * standard + w_rec * reciprocal). The scale is the
    // number that stands before a gate that is a value; between numbers it is
    // the default.
    double scale = 1.0 / std::sqrt(static_cast<double>(plan.headDim));
    if (!products.factors.empty())
      scale = products.number;
    else if (!products.recFactors.empty())
      scale = products.recNumber;
    Value standard =
        emitGate(b, loc, products.number / scale, products.factors);
    Value reciprocal;
    if (products.reciprocal)
      reciprocal =
          emitGate(b, loc, products.recNumber / scale, products.recFactors);
    DenseI64ArrayAttr rank, recDims;
    int64_t count = products.recDims.size();
    if (count == 0 || products.recDims.front() == plan.headDim - count)
      rank = b.getDenseI64ArrayAttr({count});
    else
      recDims = b.getDenseI64ArrayAttr(products.recDims);
    // Only numbers are known to have a root.
    bool known = products.factors.empty() && products.recFactors.empty() &&
                 products.number / scale >= 0 &&
                 products.recNumber / scale >= 0;
    auto split = GateSplitAttr::get(context, known ? GateSplit::Symmetric
                                                   : GateSplit::Query);
    auto gqa = GroupedModeAttr::get(context, GroupedMode::Slots);
    if (cast<ShapedType>(keys.getType()).getDimSize(getOperandDim(keyMap, 1)) ==
        cast<ShapedType>(query.getType())
            .getDimSize(getOperandDim(queryMap, 1)))
      gqa = GroupedModeAttr::get(context, GroupedMode::Mean);
    auto attention = ReciprocalAttentionOp::create(
        b, loc, init.getType(), query, keys, value, standard, reciprocal,
        Value(), Value(), Value(), bias, offset, init, Value(), rank, recDims,
        split, gqa, mask, b.getF64FloatAttr(scale), softcap, maps);
    result = attention->getResult(0);
    description = llvm::formatv(
        "reciprocal attention: scale {0:f6}, reciprocal dims {{{1}}", scale,
        llvm::join(llvm::map_range(products.recDims,
                                   [](int64_t d) { return std::to_string(d); }),
                   ", "));
  }
  description += describeMask(plan.mask);
  if (plan.softcap != 0)
    description += llvm::formatv(", softcap {0:f6}", plan.softcap);

  auto type = cast<RankedTensorType>(plan.replaced.getType());
  if (plan.result) {
    result = makeInverseView(b, loc, result, *plan.result, type);
  } else {
    result = makeTransposed(b, loc, result, type);
  }
  plan.replaced.replaceAllUsesWith(result);
  return description;
}

} // namespace ra::raise
