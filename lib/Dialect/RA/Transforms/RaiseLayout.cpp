//===- RaiseLayout.cpp - Operands as batch, heads, sequence, dims ---------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "RaiseLayout.h"
#include "RaiseEmit.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;

namespace ra::raise {

static constexpr unsigned kNoGroup = 4;

static unsigned groupOf(const Groups &groups, DimId atom) {
  for (auto [i, group] : llvm::enumerate(groups))
    if (llvm::is_contained(group, atom))
      return i;
  return kNoGroup;
}

/// Adds an extent of 1 for `group` behind the group before it.
static void addUnit(ViewPlan &plan, unsigned group) {
  for (auto &parts : llvm::reverse(plan.parts))
    for (size_t i = parts.size(); i-- > 0 && group > 0;)
      if (parts[i].group == group - 1) {
        parts.insert(parts.begin() + i + 1, {group, 1});
        return;
      }
  plan.parts.front().insert(plan.parts.front().begin(), {group, 1});
}

std::optional<ViewPlan> planView(const DimSpace &dims, Value tensor,
                                 ArrayRef<Index> indices,
                                 const Groups &groups) {
  ViewPlan plan;
  std::array<SmallVector<DimId>, 4> seen;
  ArrayRef<int64_t> shape = cast<RankedTensorType>(tensor.getType()).getShape();
  for (auto [dim, extent, original] : llvm::enumerate(shape, indices)) {
    Index index = dims.resolve(original);
    SmallVector<ViewPlan::Part> parts;
    if (index.isConstant(0) && extent == 1) {
      plan.parts.push_back({{kNoGroup, 1}});
      continue;
    }
    if (index.constant != 0 || !index.symbols.empty() || index.dims.empty())
      return std::nullopt;
    // Innermost first: every coefficient is the product of the sizes inside.
    SmallVector<DimId> atoms = dims.atoms(index);
    if (atoms.size() == 1 && dims.extentClass(atoms[0]) &&
        !dims.spans(atoms[0], tensor, dim))
      return std::nullopt;
    int64_t stride = 1;
    for (auto [i, atom] : llvm::enumerate(llvm::reverse(atoms))) {
      unsigned group = groupOf(groups, atom);
      if (group == kNoGroup || index.coefficient(atom) != stride)
        return std::nullopt;
      int64_t size = dims.size(atom);
      bool outermost = i + 1 == atoms.size();
      if (ShapedType::isDynamic(size) && !outermost)
        return std::nullopt;
      if (!parts.empty() && parts.back().group == group) {
        parts.back().size =
            ShapedType::isDynamic(size) ? size : parts.back().size * size;
      } else {
        parts.push_back({group, size});
      }
      stride = ShapedType::isDynamic(size) ? size : stride * size;
    }
    // The whole dim, not a part of it. What only one of the two types says
    // statically is the tensor's to say.
    if (stride != extent) {
      if (!ShapedType::isDynamic(stride) && !ShapedType::isDynamic(extent))
        return std::nullopt;
      int64_t inner = 1;
      for (const ViewPlan::Part &part : ArrayRef(parts).drop_back())
        inner *= part.size;
      if (!ShapedType::isDynamic(extent) && extent % inner != 0)
        return std::nullopt;
      parts.back().size =
          ShapedType::isDynamic(extent) ? extent : extent / inner;
    }
    std::reverse(parts.begin(), parts.end());
    for (DimId atom : atoms)
      seen[groupOf(groups, atom)].push_back(atom);
    plan.parts.push_back(std::move(parts));
  }
  for (unsigned group = 0; group < 4; ++group)
    if (seen[group] != groups[group])
      return std::nullopt;

  // A group without atoms takes an extent of 1 that is there, or a new one.
  for (unsigned group = 0; group < 4; ++group) {
    if (!groups[group].empty())
      continue;
    bool found = false;
    for (auto &parts : plan.parts)
      for (ViewPlan::Part &part : parts)
        if (!found && part.group == kNoGroup) {
          part.group = group;
          found = true;
        }
    if (!found)
      addUnit(plan, group);
  }
  // Other extents of 1 join a neighbour; then each group must be one run.
  SmallVector<ViewPlan::Part *> flat;
  for (auto &parts : plan.parts)
    for (ViewPlan::Part &part : parts)
      flat.push_back(&part);
  for (size_t i = flat.size(); i-- > 0;)
    if (flat[i]->group == kNoGroup && i + 1 < flat.size())
      flat[i]->group = flat[i + 1]->group;
  for (size_t i = 1; i < flat.size(); ++i)
    if (flat[i]->group == kNoGroup)
      flat[i]->group = flat[i - 1]->group;
  for (ViewPlan::Part *part : flat)
    if (plan.order.empty() || plan.order.back() != part->group) {
      if (llvm::is_contained(plan.order, part->group))
        return std::nullopt;
      plan.order.push_back(part->group);
    }
  // A reshape infers one dynamic extent of each group.
  std::array<unsigned, 4> dynamic{};
  for (ViewPlan::Part *part : flat)
    if (ShapedType::isDynamic(part->size) && ++dynamic[part->group] > 1)
      return std::nullopt;
  return plan;
}

/// Shape and reassociation of the tensor with one dim for each part.
static void partShape(const ViewPlan &plan, SmallVectorImpl<int64_t> &shape,
                      SmallVectorImpl<ReassociationIndices> &byDim,
                      SmallVectorImpl<ReassociationIndices> &byGroup) {
  std::optional<unsigned> last;
  for (const auto &parts : plan.parts) {
    byDim.emplace_back();
    for (const ViewPlan::Part &part : parts) {
      if (last != part.group)
        byGroup.emplace_back();
      last = part.group;
      byDim.back().push_back(shape.size());
      byGroup.back().push_back(shape.size());
      shape.push_back(part.size);
    }
  }
}

Value makeView(OpBuilder &builder, Location loc, Extents &extents, Value tensor,
               const ViewPlan &plan, AffineMap &map) {
  SmallVector<int64_t> shape;
  SmallVector<ReassociationIndices> byDim, byGroup;
  partShape(plan, shape, byDim, byGroup);
  auto type = cast<RankedTensorType>(tensor.getType());
  if (static_cast<int64_t>(shape.size()) != type.getRank()) {
    auto expanded = RankedTensorType::get(shape, type.getElementType());
    // A dynamic dim that only gains extents of 1 keeps its extent.
    SmallVector<OpFoldResult> sizes;
    for (auto [dim, group] : llvm::enumerate(byDim)) {
      bool alone = llvm::count_if(group, [&](int64_t part) {
                     return shape[part] != 1;
                   }) == 1;
      for (int64_t part : group) {
        if (!ShapedType::isDynamic(shape[part]))
          sizes.push_back(builder.getIndexAttr(shape[part]));
        else if (alone)
          sizes.push_back(emitExtent(builder, loc, extents, tensor, dim));
      }
    }
    if (sizes.size() == shape.size())
      tensor = tensor::ExpandShapeOp::create(builder, loc, expanded, tensor,
                                             byDim, sizes);
    else
      tensor =
          tensor::ExpandShapeOp::create(builder, loc, expanded, tensor, byDim);
  }
  if (shape.size() != byGroup.size())
    tensor = tensor::CollapseShapeOp::create(builder, loc, tensor, byGroup);
  SmallVector<unsigned> order(plan.order);
  map = AffineMap::getPermutationMap(order, builder.getContext());
  return tensor;
}

Value makeInverseView(OpBuilder &builder, Location loc, Value tensor,
                      const ViewPlan &plan, RankedTensorType type) {
  SmallVector<int64_t> shape;
  SmallVector<ReassociationIndices> byDim, byGroup;
  partShape(plan, shape, byDim, byGroup);
  if (shape.size() != byGroup.size())
    tensor = tensor::ExpandShapeOp::create(
        builder, loc, RankedTensorType::get(shape, type.getElementType()),
        tensor, byGroup);
  if (static_cast<int64_t>(shape.size()) != type.getRank())
    tensor = tensor::CollapseShapeOp::create(builder, loc, tensor, byDim);
  if (tensor.getType() != type)
    tensor = tensor::CastOp::create(builder, loc, type, tensor);
  return tensor;
}

} // namespace ra::raise
