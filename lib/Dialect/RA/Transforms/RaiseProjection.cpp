//===- RaiseProjection.cpp - Products with a weight to ra.linear ----------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "RaiseProjection.h"
#include "RaiseEmit.h"
#include "ra/Dialect/RA/IR/RADialect.h"
#include "ra/Dialect/RA/IR/RAOps.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;

namespace ra::raise {

static constexpr llvm::StringLiteral kParameter = "ra.parameter";

static bool marksParameters(func::FuncOp function) {
  for (unsigned i = 0; i < function.getNumArguments(); ++i)
    if (function.getArgAttr(i, kParameter))
      return true;
  return false;
}

/// A value that stays the same from call to call, as far as one can tell.
static bool isWeight(Value value, func::FuncOp function, bool marked,
                     unsigned depth = 0) {
  if (matchPattern(value, m_Constant()))
    return true;
  if (auto argument = dyn_cast<BlockArgument>(value))
    return argument.getOwner() == &function.getBody().front() &&
           (!marked ||
            function.getArgAttr(argument.getArgNumber(), kParameter));
  // Without marks an argument may be anything: what is computed from it is no
  // weight for certain.
  Operation *def = value.getDefiningOp();
  if (depth > 16 || !isMemoryEffectFree(def))
    return false;
  if (isa<tensor::EmptyOp>(def))
    return true;
  return marked && llvm::all_of(def->getOperands(), [&](Value operand) {
           return isWeight(operand, function, marked, depth + 1);
         });
}

namespace {
struct Projection {
  Value input, weight, bias, replaced;
  /// Dim of the weight that holds the outputs.
  unsigned outputDim = 0;
  AffineMap inputMap, outputMap;
};

class ProjectionMatcher {
public:
  ProjectionMatcher(linalg::LinalgOp product, Extents &extents)
      : product(product), dims(extents), builder(dims) {}

  bool match(unsigned weightSide, Projection &result);

private:
  bool isBias(const Expr *expr, DimId output, Value &bias);

  linalg::LinalgOp product;
  DimSpace dims;
  ExprBuilder builder;
};
} // namespace

/// An element of a vector by output.
bool ProjectionMatcher::isBias(const Expr *expr, DimId output, Value &bias) {
  if (expr->kind != Kind::Load || expr->indices.size() != 1 ||
      dims.resolve(expr->indices[0]).asDim() != output ||
      getElementTypeOrSelf(expr->value.getType()) !=
          getElementTypeOrSelf(product->getOperand(0).getType()) ||
      cast<RankedTensorType>(expr->value.getType()).getDimSize(0) !=
          dims.size(output))
    return false;
  bias = expr->value;
  return true;
}

bool ProjectionMatcher::match(unsigned weightSide, Projection &result) {
  auto function = product->getParentOfType<func::FuncOp>();
  SmallVector<AffineMap> maps = product.getIndexingMapsArray();
  unsigned inputSide = 1 - weightSide;
  result.input = product->getOperand(inputSide);
  if (product.getNumReductionLoops() != 1 ||
      !maps[inputSide].isProjectedPermutation() ||
      !maps[2].isProjectedPermutation())
    return false;
  SmallVector<Index> loops;
  std::optional<DimId> channel;
  SmallVector<utils::IteratorType> iterators = product.getIteratorTypesArray();
  MLIRContext *context = product->getContext();
  for (unsigned loop = 0; loop < product.getNumLoops(); ++loop) {
    std::optional<DimId> dim;
    for (unsigned operand = 0; operand < 3 && !dim; ++operand)
      if (auto position =
              maps[operand].getResultPosition(getAffineDimExpr(loop, context)))
        dim = dims.create(product->getOperand(operand), *position);
    if (!dim)
      return false;
    loops.push_back(Index::dim(*dim));
    if (iterators[loop] == utils::IteratorType::reduction)
      channel = dim;
  }
  // The weight behind transposes and broadcasts: outputs and channels, no more.
  Value weight = product->getOperand(weightSide);
  SmallVector<Index, 4> indices;
  for (AffineExpr expr : maps[weightSide].getResults()) {
    std::optional<Index> index = dims.apply(expr, loops);
    if (!index)
      return false;
    indices.push_back(*index);
  }
  auto isMatrix = [&] {
    auto type = cast<RankedTensorType>(weight.getType());
    return type.getRank() == 2 && type.hasStaticShape() &&
           type.getDimSize(0) > 1 && type.getDimSize(1) > 1;
  };
  bool marked = marksParameters(function);
  // As far back as it stays a matrix: a transpose of a transpose is none.
  std::optional<std::pair<Value, SmallVector<Index, 4>>> found;
  while (true) {
    if (isMatrix() && isWeight(weight, function, marked))
      found = {weight, indices};
    auto view = builder.throughView(weight, indices, /*throughSlices=*/false);
    if (!view)
      break;
    weight = view->first;
    indices = view->second;
  }
  if (!found)
    return false;
  std::optional<DimId> first = dims.resolve(found->second[0]).asDim();
  std::optional<DimId> second = dims.resolve(found->second[1]).asDim();
  if (!first || !second || *first == *second ||
      (*first != channel && *second != channel))
    return false;
  result.weight = found->first;
  result.outputDim = *first == channel ? 1 : 0;
  DimId output = *first == channel ? *second : *first;

  // Input: leading dims and channels. Result: leading dims and outputs.
  unsigned outputLoop = 0, channelLoop = 0;
  for (auto [loop, index] : llvm::enumerate(loops)) {
    if (index.asDim() == output)
      outputLoop = loop;
    if (index.asDim() == channel)
      channelLoop = loop;
  }
  if (maps[inputSide].isFunctionOfDim(outputLoop) ||
      maps[2].getNumResults() != maps[inputSide].getNumResults() ||
      maps[2].getNumResults() < 2)
    return false;
  SmallVector<unsigned> leading;
  for (AffineExpr expr : maps[inputSide].getResults()) {
    unsigned loop = cast<AffineDimExpr>(expr).getPosition();
    if (loop != channelLoop)
      leading.push_back(loop);
  }
  unsigned count = leading.size();
  auto iteration = [&](AffineMap map, unsigned last) -> AffineMap {
    SmallVector<AffineExpr> exprs;
    for (AffineExpr expr : map.getResults()) {
      unsigned loop = cast<AffineDimExpr>(expr).getPosition();
      auto *it = llvm::find(leading, loop);
      if (it == leading.end() && loop != last)
        return {};
      exprs.push_back(getAffineDimExpr(
          loop == last ? count : static_cast<unsigned>(it - leading.begin()),
          context));
    }
    return AffineMap::get(count + 1, 0, exprs, context);
  };
  result.inputMap = iteration(maps[inputSide], channelLoop);
  result.outputMap = iteration(maps[2], outputLoop);
  if (!result.inputMap || !result.outputMap ||
      !result.outputMap.isPermutation())
    return false;

  // Types the op takes.
  auto elementOf = [](Value value) {
    return getElementTypeOrSelf(value.getType());
  };
  Type type = elementOf(result.input);
  result.replaced = product->getResult(0);
  Type resultType = elementOf(result.replaced);
  if (!(type.isF32() || type.isF16() || type.isBF16()) ||
      elementOf(result.weight) != type ||
      (resultType != type && !resultType.isF32()))
    return false;

  // The bias: what the sum starts from, or what is added to it.
  SmallVector<Index> at;
  for (AffineExpr expr : maps[2].getResults())
    at.push_back(*dims.apply(expr, loops));
  const Expr *start = builder.load(product.getDpsInits()[0], at);
  if (!start->isConstant(0))
    return isBias(start, output, result.bias);
  Value value = result.replaced;
  Operation *user = nullptr;
  for (Operation *each : value.getUsers()) {
    if (isa<tensor::DimOp>(each))
      continue;
    if (user && user != each)
      return true;
    user = each;
  }
  auto add = dyn_cast_or_null<linalg::LinalgOp>(user);
  if (!add || add->getNumResults() != 1 || add.getNumReductionLoops() != 0 ||
      add->getResult(0).getType() != value.getType())
    return true;
  for (OpOperand *operand : add.getDpsInputOperands())
    if (operand->get() == value &&
        !add.getMatchingIndexingMap(operand).isIdentity())
      return true;
  if (!add.getMatchingIndexingMap(add.getDpsInitOperand(0)).isIdentity())
    return true;
  const Expr *sum = builder.load(add->getResult(0), at);
  if (sum->kind != Kind::Add)
    return true;
  for (unsigned i : {0u, 1u}) {
    const Expr *part = sum->operands[i];
    if (part->kind == Kind::Load && part->value == value &&
        isBias(sum->operands[1 - i], output, result.bias)) {
      result.replaced = add->getResult(0);
      return true;
    }
  }
  return true;
}

bool raiseProjection(linalg::LinalgOp product, Extents &extents) {
  Projection projection;
  bool found = false;
  for (unsigned side : {1u, 0u}) {
    projection = Projection();
    found = ProjectionMatcher(product, extents).match(side, projection);
    if (found)
      break;
  }
  if (!found)
    return false;
  // Where the bias is, everything the op reads is defined.
  OpBuilder b(projection.replaced.getDefiningOp());
  Location loc = product.getLoc();
  Value weight = projection.weight;
  if (projection.outputDim == 1) {
    auto type = cast<RankedTensorType>(weight.getType());
    Value init = tensor::EmptyOp::create(
        b, loc, ArrayRef<int64_t>{type.getDimSize(1), type.getDimSize(0)},
        type.getElementType());
    weight = linalg::TransposeOp::create(b, loc, weight, init,
                                         ArrayRef<int64_t>{1, 0})
                 ->getResult(0);
  }
  Value start = product.getDpsInits()[0];
  SmallVector<OpFoldResult> sizes;
  for (int64_t dim = 0; dim < cast<RankedTensorType>(start.getType()).getRank();
       ++dim)
    sizes.push_back(emitExtent(b, loc, extents, start, dim));
  Value init = tensor::EmptyOp::create(b, loc, sizes,
                                       getElementTypeOrSelf(start.getType()));
  auto linear =
      LinearOp::create(b, loc, projection.input, weight, projection.bias, init);
  if (!projection.inputMap.isIdentity() || !projection.outputMap.isIdentity())
    linear.setIndexingMapsAttr(
        b.getAffineMapArrayAttr({projection.inputMap, projection.outputMap}));
  Value result = linear->getResult(0);
  if (result.getType() != projection.replaced.getType())
    result =
        tensor::CastOp::create(b, loc, projection.replaced.getType(), result);
  projection.replaced.replaceAllUsesWith(result);
  return true;
}

} // namespace ra::raise
