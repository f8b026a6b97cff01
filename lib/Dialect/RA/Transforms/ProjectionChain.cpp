//===- ProjectionChain.cpp - From a score operand to its weights ----------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ProjectionChain.h"

#include "mlir/Analysis/SliceAnalysis.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/TypeSwitch.h"

#include <limits>

using namespace mlir;

namespace ra::detail {

/// A linalg op with one tensor input that it maps element by element.
static linalg::GenericOp asUnaryElementwise(Operation *op) {
  auto generic = dyn_cast<linalg::GenericOp>(op);
  if (!generic || generic.getNumDpsInputs() != 1 ||
      generic.getNumDpsInits() != 1 ||
      generic.getNumParallelLoops() != generic.getNumLoops() ||
      !llvm::all_of(generic.getIndexingMapsArray(),
                    [](AffineMap map) { return map.isIdentity(); }))
    return nullptr;
  return generic;
}

static std::optional<double> constantOf(Value value) {
  FloatAttr attr;
  if (!matchPattern(value, m_Constant(&attr)))
    return std::nullopt;
  return attr.getValueAsDouble();
}

std::optional<runtime::FoldFacts::Bounds> matchClamp(Operation *op) {
  linalg::GenericOp generic = asUnaryElementwise(op);
  if (!generic)
    return std::nullopt;
  constexpr double inf = std::numeric_limits<double>::infinity();
  runtime::FoldFacts::Bounds bounds{-inf, inf};
  Block *body = generic.getBody();
  Value value = body->getTerminator()->getOperand(0);
  bool any = false;
  while (value != body->getArgument(0)) {
    Operation *def = value.getDefiningOp();
    if (!def || def->getNumOperands() != 2)
      return std::nullopt;
    unsigned constantIndex = constantOf(def->getOperand(1)) ? 1 : 0;
    std::optional<double> bound = constantOf(def->getOperand(constantIndex));
    if (!bound)
      return std::nullopt;
    if (isa<arith::MaximumFOp, arith::MaxNumFOp>(def))
      bounds.lo = std::max(bounds.lo, *bound);
    else if (isa<arith::MinimumFOp, arith::MinNumFOp>(def))
      bounds.hi = std::min(bounds.hi, *bound);
    else
      return std::nullopt;
    any = true;
    value = def->getOperand(1 - constantIndex);
  }
  if (!any)
    return std::nullopt;
  return bounds;
}

/// The constant an elementwise op multiplies by.
static std::optional<double> matchConstantFactor(Operation *op) {
  linalg::GenericOp generic = asUnaryElementwise(op);
  if (!generic)
    return std::nullopt;
  Block *body = generic.getBody();
  Operation *def = body->getTerminator()->getOperand(0).getDefiningOp();
  if (!def)
    return std::nullopt;
  for (unsigned i = 0; i < 2 && def->getNumOperands() == 2; ++i) {
    std::optional<double> value = constantOf(def->getOperand(i));
    if (!value || def->getOperand(1 - i) != body->getArgument(0))
      continue;
    if (isa<arith::MulFOp>(def))
      return value;
    if (isa<arith::DivFOp>(def) && i == 1)
      return 1.0 / *value;
  }
  return std::nullopt;
}

/// True when `op` combines activations with a reduction of activations, as
/// every layer, RMS or L2 norm does.
static bool looksLikeNorm(Operation *op) {
  SetVector<Operation *> slice;
  BackwardSliceOptions options;
  options.inclusive = true;
  options.omitBlockArguments = true;
  options.filter = [](Operation *candidate) {
    return !isa<LinearOp>(candidate);
  };
  if (failed(getBackwardSlice(op, &slice, options)))
    return false;
  return llvm::any_of(slice, [](Operation *candidate) {
    auto linalgOp = dyn_cast<linalg::LinalgOp>(candidate);
    return linalgOp && linalgOp.getNumReductionLoops() > 0 &&
           !linalg::isaContractionOpInterface(linalgOp);
  });
}

static std::string describe(Operation *op) {
  std::string text;
  llvm::raw_string_ostream os(text);
  os << "'" << op->getName() << "'";
  return text;
}

/// Collects the ops back to the projection; leaves `linear` null on an
/// obstacle.
static void collectPath(Value operand, ProjectionChain &chain) {
  Value value = operand;
  while (true) {
    Operation *def = value.getDefiningOp();
    if (!def) {
      chain.obstacle = "an argument, where a projection (ra.linear) should be,";
      return;
    }
    if (auto linear = dyn_cast<LinearOp>(def)) {
      if (linear.getPanel()) {
        chain.obstacle = "a projection whose weight is in panels";
        return;
      }
      chain.linear = linear;
      std::reverse(chain.path.begin(), chain.path.end());
      return;
    }
    Value source = llvm::TypeSwitch<Operation *, Value>(def)
                       .Case<tensor::ExpandShapeOp, tensor::CollapseShapeOp>(
                           [](auto op) { return op.getSrc(); })
                       .Case<tensor::ExtractSliceOp, tensor::CastOp>(
                           [](auto op) { return op.getSource(); })
                       .Case<linalg::TransposeOp, RopeOp>(
                           [](auto op) { return op.getInput(); })
                       .Default([](Operation *) { return Value(); });
    if (auto rope = dyn_cast<RopeOp>(def)) {
      if (chain.rope) {
        chain.obstacle = "two rotary embeddings in a row";
        return;
      }
      chain.rope = rope;
    }
    if (!source) {
      if (auto bounds = matchClamp(def)) {
        if (chain.clamp || chain.rope) {
          chain.obstacle =
              chain.rope ? "a clamp before a rotary embedding" : "two clamps";
          return;
        }
        chain.clamp = bounds;
      } else if (auto factor = matchConstantFactor(def)) {
        chain.scale *= *factor;
      } else {
        if (looksLikeNorm(def))
          chain.norm = describe(def);
        chain.obstacle = describe(def);
        return;
      }
      source = def->getOperand(0);
    }
    chain.path.push_back(def);
    value = source;
  }
}

/// Splits an origin into parts of the given sizes, outermost first.
static SmallVector<DimOrigin> split(const DimOrigin &origin,
                                    ArrayRef<int64_t> sizes) {
  SmallVector<DimOrigin> parts;
  int64_t inner = 1;
  for (auto [i, size] : llvm::reverse(llvm::enumerate(sizes))) {
    DimOrigin part = origin;
    part.size = size;
    if (origin.feature) {
      part.stride = origin.stride * inner;
      inner *= size;
    } else if (sizes.size() > 1) {
      part.leading +=
          "." + std::to_string(i) + "/" + std::to_string(sizes.size());
    }
    parts.push_back(part);
  }
  std::reverse(parts.begin(), parts.end());
  return parts;
}

/// Merges origins, the reverse of split; nothing if they are not contiguous.
static std::optional<DimOrigin> merge(ArrayRef<DimOrigin> parts) {
  if (parts.size() == 1)
    return parts.front();
  DimOrigin merged = parts.back();
  if (!merged.feature) {
    merged.leading.clear();
    merged.size = 1;
    for (const DimOrigin &part : parts) {
      if (part.feature && part.size != 1)
        return std::nullopt;
      merged.leading += (merged.leading.empty() ? "(" : "+") + part.leading;
      merged.size =
          ShapedType::isDynamic(part.size) || ShapedType::isDynamic(merged.size)
              ? ShapedType::kDynamic
              : merged.size * part.size;
    }
    merged.leading += ")";
    return merged;
  }
  int64_t expected = merged.stride * merged.size;
  for (const DimOrigin &part : llvm::reverse(parts.drop_back())) {
    if (part.size == 1)
      continue;
    if (!part.feature || part.stride != expected)
      return std::nullopt;
    merged.size *= part.size;
    expected *= part.size;
  }
  return merged;
}

/// Carries origins over one op of the path; false (with an obstacle) if they
/// cannot be told afterwards.
static bool propagate(Operation *op, ProjectionChain &chain) {
  SmallVector<DimOrigin> &origins = chain.origins;
  auto fail = [&](const Twine &reason) {
    chain.obstacle = (describe(op) + " " + reason).str();
    return false;
  };
  if (auto expand = dyn_cast<tensor::ExpandShapeOp>(op)) {
    SmallVector<DimOrigin> result;
    ArrayRef<int64_t> shape = expand.getResultType().getShape();
    for (auto [source, group] :
         llvm::enumerate(expand.getReassociationIndices())) {
      SmallVector<int64_t> sizes;
      for (int64_t dim : group)
        sizes.push_back(shape[dim]);
      if (origins[source].feature && llvm::any_of(sizes, ShapedType::isDynamic))
        return fail("splits features into dynamic parts");
      llvm::append_range(result, split(origins[source], sizes));
    }
    origins = std::move(result);
    return true;
  }
  if (auto collapse = dyn_cast<tensor::CollapseShapeOp>(op)) {
    SmallVector<DimOrigin> result;
    for (const ReassociationIndices &group :
         collapse.getReassociationIndices()) {
      SmallVector<DimOrigin> parts;
      for (int64_t dim : group)
        parts.push_back(origins[dim]);
      std::optional<DimOrigin> merged = merge(parts);
      if (!merged)
        return fail("merges dims that are not neighbours");
      result.push_back(*merged);
    }
    origins = std::move(result);
    return true;
  }
  if (auto slice = dyn_cast<tensor::ExtractSliceOp>(op)) {
    llvm::SmallBitVector dropped = slice.getDroppedDims();
    SmallVector<DimOrigin> result;
    for (size_t dim = 0; dim < origins.size(); ++dim) {
      int64_t offset = slice.getStaticOffsets()[dim];
      int64_t size = slice.getStaticSizes()[dim];
      int64_t step = slice.getStaticStrides()[dim];
      DimOrigin origin = origins[dim];
      bool whole = offset == 0 && step == 1 &&
                   (size == origin.size ||
                    (!origin.feature && ShapedType::isDynamic(size)));
      if (!whole) {
        if (!origin.feature)
          return fail("takes part of a batch or sequence dim");
        if (ShapedType::isDynamic(offset) || ShapedType::isDynamic(size) ||
            ShapedType::isDynamic(step))
          return fail("takes a dynamic part of the features");
        chain.firstRow += offset * origin.stride;
        origin.stride *= step;
        origin.size = size;
      }
      if (!dropped.test(dim))
        result.push_back(origin);
    }
    origins = std::move(result);
    return true;
  }
  if (auto transpose = dyn_cast<linalg::TransposeOp>(op)) {
    SmallVector<DimOrigin> result;
    for (int64_t source : transpose.getPermutation())
      result.push_back(origins[source]);
    origins = std::move(result);
    return true;
  }
  if (auto rope = dyn_cast<RopeOp>(op)) {
    const DimOrigin &dim = origins[getOperandDim(rope.getInputMap(), 3)];
    if (!dim.feature || dim.stride != 1)
      return fail("turns a dim that is not a head's dim");
    SmallVector<DimOrigin> result(4);
    for (unsigned i = 0; i < 4; ++i)
      result[getOperandDim(rope.getOutputMap(), i)] =
          origins[getOperandDim(rope.getInputMap(), i)];
    origins = std::move(result);
    return true;
  }
  // Casts and elementwise ops keep their dims.
  return true;
}

ProjectionChain traceProjection(Value operand) {
  ProjectionChain chain;
  collectPath(operand, chain);
  if (!chain.linear)
    return chain;
  LinearOp linear = chain.linear;
  int64_t leading = linear.getNumLeadingDims();
  auto initType = cast<ShapedType>(linear.getInit().getType());
  auto weightType = cast<ShapedType>(linear.getWeight().getType());
  SmallVector<int64_t> shape = getLogicalShape(initType, linear.getOutputMap());
  SmallVector<DimOrigin> logical(shape.size());
  int64_t stride = 1;
  for (int64_t i = static_cast<int64_t>(shape.size()) - 1; i >= 0; --i) {
    logical[i].size = shape[i];
    if (i < leading) {
      logical[i].leading = std::to_string(i);
      continue;
    }
    int64_t extent = weightType.getDimSize(i - leading);
    if (ShapedType::isDynamic(extent)) {
      chain.obstacle = "a projection with a dynamic number of outputs";
      return chain;
    }
    logical[i].feature = true;
    logical[i].size = extent;
    logical[i].stride = stride;
    stride *= extent;
  }
  chain.origins.resize(shape.size());
  for (size_t i = 0; i < shape.size(); ++i)
    chain.origins[getOperandDim(linear.getOutputMap(), i)] = logical[i];
  for (Operation *op : chain.path)
    if (!propagate(op, chain))
      return chain;
  return chain;
}

} // namespace ra::detail
