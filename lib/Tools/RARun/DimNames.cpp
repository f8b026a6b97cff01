//===- DimNames.cpp - Dims of an entry, by name ---------------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "DimNames.h"

#include "mlir/Interfaces/ValueBoundsOpInterface.h"
#include "ra/Dialect/RA/IR/RAOps.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace ra;
using namespace ra::tools;
using runtime::DimAxis;
using runtime::DimPlace;

/// An argument and one of its axes.
using ArgumentDim = std::pair<unsigned, unsigned>;

std::string tools::describeArgument(func::FuncOp entry, unsigned index) {
  std::string text;
  llvm::raw_string_ostream os(text);
  os << "argument " << index << " (" << entry.getArgumentTypes()[index] << ")";
  return text;
}

/// Adds the argument dim that dim `dim` of `value` equals, if there is one.
static void traceDim(func::FuncOp entry, Value value, int64_t dim,
                     llvm::SetVector<ArgumentDim> &found) {
  auto isArgument = [&](Value candidate) {
    auto argument = dyn_cast<BlockArgument>(candidate);
    return argument && argument.getOwner()->getParentOp() == entry;
  };
  AffineMap map;
  ValueDimList operands;
  if (failed(ValueBoundsConstraintSet::computeBound(
          map, operands, presburger::BoundType::EQ,
          ValueBoundsConstraintSet::Variable(value, dim),
          [&](Value candidate, std::optional<int64_t>,
              ValueBoundsConstraintSet &) { return isArgument(candidate); })))
    return;
  if (map.getNumResults() != 1 || operands.size() != 1 ||
      !isa<AffineDimExpr, AffineSymbolExpr>(map.getResult(0)))
    return;
  auto [source, axis] = operands.front();
  if (axis && isArgument(source))
    found.insert({cast<BlockArgument>(source).getArgNumber(),
                  static_cast<unsigned>(*axis)});
}

namespace {
/// A dim of an operand: what a name stands for.
struct OperandDim {
  Value value;
  int64_t dim;
};
} // namespace

template <typename OpTy>
static void addAttentionDims(OpTy op, bool batch,
                             SmallVectorImpl<OperandDim> &dims) {
  // Iteration dims of the maps are (b, h, t, d).
  unsigned iterationDim = batch ? 0 : 2;
  dims.push_back(
      {op.getQuery(), getOperandDim(op.getQueryMap(), iterationDim)});
  dims.push_back({op.getKey(), getOperandDim(op.getKeyMap(), iterationDim)});
  dims.push_back(
      {op.getValue(), getOperandDim(op.getValueMap(), iterationDim)});
  dims.push_back({op.getInit(), getOperandDim(op.getInitMap(), iterationDim)});
  if (Value bias = op.getBias()) {
    // [B, H, Tq, Tk]
    if (batch)
      dims.push_back({bias, 0});
    else
      dims.append({{bias, 2}, {bias, 3}});
  }
}

static SmallVector<OperandDim> findNamedDims(func::FuncOp entry, bool batch) {
  SmallVector<OperandDim> dims;
  entry.walk([&](Operation *op) {
    if (auto attention = dyn_cast<AttentionOp>(op))
      addAttentionDims(attention, batch, dims);
    else if (auto reciprocal = dyn_cast<ReciprocalAttentionOp>(op))
      addAttentionDims(reciprocal, batch, dims);
    else if (auto rope = dyn_cast<RopeOp>(op)) {
      dims.push_back(
          {rope.getInput(), getOperandDim(rope.getInputMap(), batch ? 0 : 2)});
      int64_t rank = cast<ShapedType>(rope.getCos().getType()).getRank();
      for (Value table : {rope.getCos(), rope.getSin()})
        if (!batch)
          dims.push_back({table, rank - 2});
        else if (rank == 3)
          dims.push_back({table, 0});
    }
  });
  return dims;
}

static bool isDynamic(func::FuncOp entry, ArgumentDim dim) {
  auto type = dyn_cast<RankedTensorType>(entry.getArgumentTypes()[dim.first]);
  return type && type.isDynamicDim(dim.second);
}

static runtime::Expected<SmallVector<ArgumentDim>>
findPlace(func::FuncOp entry, const DimPlace &place) {
  SmallVector<ArgumentDim> result;
  if (!place.name.empty()) {
    llvm::SetVector<ArgumentDim> traced;
    for (OperandDim dim : findNamedDims(entry, place.name == "B"))
      traceDim(entry, dim.value, dim.dim, traced);
    for (ArgumentDim dim : traced)
      if (isDynamic(entry, dim))
        result.push_back(dim);
    if (result.empty())
      return runtime::fail(llvm::formatv(
          "no dynamic dim of @{0} is the {1} of an attention; name it as "
          "ARGUMENT.AXIS, as in 0.1, and make it dynamic (?) in the module if "
          "it is not",
          entry.getName(), place.name == "B" ? "batch" : "length"));
    return result;
  }
  auto type =
      place.argument < entry.getNumArguments()
          ? dyn_cast<RankedTensorType>(entry.getArgumentTypes()[place.argument])
          : RankedTensorType();
  if (!type || static_cast<int64_t>(place.axis) >= type.getRank())
    return runtime::fail("@" + entry.getName().str() +
                         " has no such argument or axis");
  result.push_back({place.argument, place.axis});
  return result;
}

runtime::Expected<std::vector<DimExtent>>
tools::resolveAxis(func::FuncOp entry, const DimAxis &axis, int64_t extent) {
  std::vector<DimExtent> extents;
  for (const DimPlace &place : axis.places) {
    runtime::Expected<SmallVector<ArgumentDim>> dims = findPlace(entry, place);
    if (!dims)
      return dims.takeFailure();
    for (auto [argument, dim] : *dims) {
      auto type = cast<RankedTensorType>(entry.getArgumentTypes()[argument]);
      if (!type.isDynamicDim(dim) && type.getDimSize(dim) != extent)
        return runtime::fail(llvm::formatv(
            "that extent is {0} in {1}; make it dynamic (?) in the module to "
            "choose it",
            type.getDimSize(dim), describeArgument(entry, argument)));
      extents.push_back({argument, dim, extent});
    }
  }
  return extents;
}

runtime::Expected<std::vector<DimExtent>>
tools::resolveDims(func::FuncOp entry, ArrayRef<std::string> dims) {
  std::vector<DimExtent> extents;
  for (const std::string &dim : dims) {
    auto refuse = [&](const Twine &message) {
      return runtime::fail(("--dim=" + dim + ": " + message).str());
    };
    runtime::Expected<DimAxis> axis = runtime::parseDimAxis(dim);
    if (!axis)
      return refuse(axis.message());
    if (axis->extents.size() != 1)
      return refuse("one extent is expected, as in --dim=0.1=128");
    runtime::Expected<std::vector<DimExtent>> resolved =
        resolveAxis(entry, *axis, axis->extents.front());
    if (!resolved)
      return refuse(resolved.message());
    llvm::append_range(extents, *resolved);
  }
  return extents;
}
