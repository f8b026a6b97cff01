//===- RaiseLoad.cpp - Elements of tensors as formulas --------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "RaiseExpr.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/STLExtras.h"

#include <limits>

using namespace mlir;

namespace ra::raise {

/// Formulas larger than this are left as leaves: no attention is so large, and
/// reading on would cost time for nothing.
static constexpr size_t kMaxExpressions = 50000;

std::optional<double> ExprBuilder::splat(Value tensor) {
  DenseElementsAttr attribute;
  if (!matchPattern(tensor, m_Constant(&attribute)) || !attribute.isSplat())
    return std::nullopt;
  if (isa<FloatType>(attribute.getElementType()))
    return attribute.getSplatValue<APFloat>().convertToDouble();
  return std::nullopt;
}

bool ExprBuilder::linalgLoops(linalg::LinalgOp op, unsigned result,
                              ArrayRef<Index> indices,
                              SmallVectorImpl<std::optional<Index>> &loops) {
  loops.assign(op.getNumLoops(), std::nullopt);
  AffineMap map = op.getMatchingIndexingMap(op.getDpsInitOperand(result));
  for (auto [expr, index] : llvm::zip_equal(map.getResults(), indices)) {
    if (isa<AffineConstantExpr>(expr))
      continue;
    auto dim = dyn_cast<AffineDimExpr>(expr);
    if (!dim || loops[dim.getPosition()])
      return false;
    loops[dim.getPosition()] = index;
  }
  return true;
}

std::optional<std::pair<Value, SmallVector<Index, 4>>>
ExprBuilder::throughView(Value tensor, ArrayRef<Index> indices,
                         bool throughSlices) {
  using Result = std::pair<Value, SmallVector<Index, 4>>;
  Operation *def = tensor.getDefiningOp();
  if (!def)
    return std::nullopt;
  SmallVector<Index, 4> source;
  if (auto cast = dyn_cast<tensor::CastOp>(def)) {
    if (!isa<RankedTensorType>(cast.getSource().getType()))
      return std::nullopt;
    return Result(cast.getSource(), SmallVector<Index, 4>(indices));
  }
  if (auto expand = dyn_cast<tensor::ExpandShapeOp>(def)) {
    ArrayRef<int64_t> shape = expand.getResultType().getShape();
    for (const ReassociationIndices &group : expand.getReassociationIndices()) {
      Index index;
      for (auto [i, dim] : llvm::enumerate(group)) {
        if (i > 0) {
          if (ShapedType::isDynamic(shape[dim]))
            return std::nullopt;
          index *= shape[dim];
        }
        index += indices[dim];
      }
      source.push_back(dims.resolve(index));
    }
    return Result(expand.getSrc(), source);
  }
  if (auto collapse = dyn_cast<tensor::CollapseShapeOp>(def)) {
    ArrayRef<int64_t> shape = collapse.getSrcType().getShape();
    for (auto [group, index] :
         llvm::zip_equal(collapse.getReassociationIndices(), indices)) {
      SmallVector<int64_t> sizes;
      for (int64_t dim : group)
        sizes.push_back(shape[dim]);
      SmallVector<Index> parts;
      // An outermost extent of 1 in front of a dynamic one is no obstacle.
      size_t ones = 0;
      while (ones + 1 < sizes.size() && sizes[ones] == 1)
        ++ones;
      if (!dims.delinearize(index, ArrayRef(sizes).drop_front(ones), parts))
        return std::nullopt;
      source.append(ones, Index::of(0));
      llvm::append_range(source, parts);
    }
    for (Index &index : source)
      index = dims.resolve(index);
    return Result(collapse.getSrc(), source);
  }
  if (auto slice = dyn_cast<tensor::ExtractSliceOp>(def)) {
    if (!throughSlices)
      return std::nullopt;
    llvm::SmallBitVector dropped = slice.getDroppedDims();
    unsigned dim = 0;
    for (int64_t i = 0; i < slice.getSourceType().getRank(); ++i) {
      std::optional<int64_t> stride =
          getConstantIntValue(slice.getMixedStrides()[i]);
      std::optional<int64_t> offset =
          getConstantIntValue(slice.getMixedOffsets()[i]);
      if (!stride || !offset)
        return std::nullopt;
      Index index = Index::of(*offset);
      if (!dropped.test(i))
        index += indices[dim++] * *stride;
      source.push_back(dims.resolve(index));
    }
    return Result(slice.getSource(), source);
  }
  auto op = dyn_cast<linalg::LinalgOp>(def);
  if (!op || !op.hasPureTensorSemantics() || op.getNumReductionLoops() != 0)
    return std::nullopt;
  unsigned result = cast<OpResult>(tensor).getResultNumber();
  auto argument = dyn_cast<BlockArgument>(
      op.getBlock()->getTerminator()->getOperand(result));
  if (!argument || argument.getOwner() != op.getBlock() ||
      argument.getArgNumber() >= op.getNumDpsInputs())
    return std::nullopt;
  OpOperand *input = op.getDpsInputOperand(argument.getArgNumber());
  if (!isa<RankedTensorType>(input->get().getType()))
    return std::nullopt;
  SmallVector<std::optional<Index>> partial;
  if (!linalgLoops(op, result, indices, partial) ||
      !llvm::all_of(partial, [](const auto &loop) { return loop.has_value(); }))
    return std::nullopt;
  SmallVector<Index> loops =
      llvm::map_to_vector(partial, [](const auto &loop) { return *loop; });
  for (AffineExpr expr : op.getMatchingIndexingMap(input).getResults()) {
    std::optional<Index> index = dims.apply(expr, loops);
    if (!index)
      return std::nullopt;
    source.push_back(dims.resolve(*index));
  }
  return Result(input->get(), source);
}

/// A slice whose size is static: an index of it is known not to reach the whole
/// source.
static bool isStaticSlice(Operation *op) {
  auto slice = dyn_cast<tensor::ExtractSliceOp>(op);
  return slice && slice.getType().hasStaticShape() &&
         slice.getSourceType().hasStaticShape();
}

const Expr *ExprBuilder::load(Value tensor, ArrayRef<Index> indices) {
  std::vector<int64_t> key;
  for (const Index &index : indices) {
    Index resolved = dims.resolve(index);
    key.push_back(resolved.constant);
    key.push_back(resolved.dims.size());
    for (auto [dim, coefficient] : resolved.dims) {
      key.push_back(dim);
      key.push_back(coefficient);
    }
    for (auto [symbol, coefficient] : resolved.symbols) {
      key.push_back(-1 - static_cast<int64_t>(symbol));
      key.push_back(coefficient);
    }
  }
  std::pair<void *, std::vector<int64_t>> cacheKey(tensor.getAsOpaquePointer(),
                                                   std::move(key));
  if (auto it = loads.find(cacheKey); it != loads.end())
    return it->second;

  const Expr *result = nullptr;
  Operation *def = tensor.getDefiningOp();
  if (def && expressions.size() < kMaxExpressions) {
    Type element = getElementTypeOrSelf(tensor.getType());
    DenseElementsAttr attribute;
    if (matchPattern(tensor, m_Constant(&attribute))) {
      if (attribute.isSplat())
        result = constantOf(attribute.getSplatValue<Attribute>(), element);
    } else if (auto view = throughView(tensor, indices, isStaticSlice(def))) {
      result = load(view->first, view->second);
    } else if (auto splat = dyn_cast<tensor::SplatOp>(def)) {
      Env env;
      result = scalar(splat.getInput(), nullptr, env, {});
    } else if (auto elements = dyn_cast<tensor::FromElementsOp>(def)) {
      if (elements.getElements().size() == 1) {
        Env env;
        result = scalar(elements.getElements()[0], nullptr, env, {});
      }
    } else if (auto generate = dyn_cast<tensor::GenerateOp>(def)) {
      Env env;
      Block *body = &generate.getBody().front();
      for (auto [argument, index] :
           llvm::zip_equal(body->getArguments(), indices))
        env[argument] = position(dims.resolve(index), argument.getType());
      result = scalar(body->getTerminator()->getOperand(0), body, env, {});
    } else if (auto softmax = dyn_cast<linalg::SoftmaxOp>(def)) {
      result = loadSoftmax(softmax, indices);
    } else if (auto op = dyn_cast<linalg::LinalgOp>(def)) {
      if (!isContraction(op))
        result = loadLinalg(op, cast<OpResult>(tensor).getResultNumber(),
                            indices, /*oneStep=*/false);
    }
  }
  if (!result)
    result = leaf(tensor, indices);
  loads[cacheKey] = result;
  return result;
}

const Expr *ExprBuilder::loadOneStep(Value tensor, ArrayRef<Index> indices) {
  auto op = tensor.getDefiningOp<linalg::LinalgOp>();
  if (!op || op.getNumReductionLoops() != 0)
    return nullptr;
  return loadLinalg(op, cast<OpResult>(tensor).getResultNumber(), indices,
                    /*oneStep=*/true);
}

/// What a reduction's body yields, as reducer and the term it takes in; the
/// term is null if the body is no reduction of a known kind.
static std::pair<Kind, const Expr *> matchReducer(const Expr *yielded,
                                                  const Expr *accumulator) {
  switch (yielded->kind) {
  case Kind::Add:
  case Kind::Mul:
  case Kind::Max:
  case Kind::Min:
  case Kind::And:
  case Kind::Or:
    for (unsigned i : {0u, 1u})
      if (yielded->operands[i] == accumulator)
        return {yielded->kind, yielded->operands[1 - i]};
    return {Kind::Add, nullptr};
  case Kind::Select: {
    // x > max ? x : max
    const Expr *condition = yielded->operands[0];
    auto cmp = dyn_cast_or_null<arith::CmpFOp>(condition->op);
    if (!cmp || condition->kind != Kind::Other)
      return {Kind::Add, nullptr};
    using P = arith::CmpFPredicate;
    P predicate = cmp.getPredicate();
    bool greater = predicate == P::OGT || predicate == P::OGE ||
                   predicate == P::UGT || predicate == P::UGE;
    bool less = predicate == P::OLT || predicate == P::OLE ||
                predicate == P::ULT || predicate == P::ULE;
    const Expr *larger = condition->operands[greater ? 0 : 1];
    const Expr *smaller = condition->operands[greater ? 1 : 0];
    if ((!greater && !less) || yielded->operands[1] != larger ||
        yielded->operands[2] != smaller)
      return {Kind::Add, nullptr};
    if (smaller == accumulator)
      return {Kind::Max, larger};
    if (larger == accumulator)
      return {Kind::Max, smaller};
    return {Kind::Add, nullptr};
  }
  default:
    return {Kind::Add, nullptr};
  }
}

const Expr *ExprBuilder::loadLinalg(linalg::LinalgOp op, unsigned result,
                                    ArrayRef<Index> indices, bool oneStep) {
  if (!op.hasPureTensorSemantics())
    return nullptr;
  SmallVector<std::optional<Index>> partial;
  if (!linalgLoops(op, result, indices, partial))
    return nullptr;
  SmallVector<utils::IteratorType> iterators = op.getIteratorTypesArray();
  SmallVector<Index> loops(op.getNumLoops());
  SmallVector<DimId, 1> bound;
  for (unsigned loop = 0; loop < loops.size(); ++loop) {
    if (partial[loop]) {
      loops[loop] = *partial[loop];
      continue;
    }
    if (iterators[loop] != utils::IteratorType::reduction)
      return nullptr;
    std::optional<DimId> dim;
    for (OpOperand &operand : op->getOpOperands()) {
      if (dim || !isa<RankedTensorType>(operand.get().getType()))
        continue;
      AffineMap map = op.getMatchingIndexingMap(&operand);
      if (std::optional<unsigned> position =
              map.getResultPosition(getAffineDimExpr(loop, op->getContext())))
        dim = dims.create(operand.get(), *position);
    }
    if (!dim)
      return nullptr;
    loops[loop] = Index::dim(*dim);
    if (dims.size(*dim) != 1)
      bound.push_back(*dim);
  }
  bool reduces = op.getNumReductionLoops() != 0;
  Block *body = op.getBlock();
  Env env;
  const Expr *accumulator = nullptr;
  for (OpOperand &operand : op->getOpOperands()) {
    unsigned number = operand.getOperandNumber();
    // linalg.map's body may leave out the element of the init.
    if (number >= body->getNumArguments())
      continue;
    BlockArgument argument = body->getArgument(number);
    if (!isa<RankedTensorType>(operand.get().getType())) {
      env[argument] = scalar(operand.get(), nullptr, env, {});
      continue;
    }
    if (reduces && op.isDpsInit(&operand)) {
      bool own = operand.getOperandNumber() ==
                 op.getDpsInitOperand(result)->getOperandNumber();
      const Expr *running =
          create(own ? Kind::Accumulator : Kind::Unknown, argument.getType());
      if (own)
        accumulator = running;
      env[argument] = running;
      continue;
    }
    if (argument.use_empty())
      continue;
    SmallVector<Index> at;
    for (AffineExpr expr : op.getMatchingIndexingMap(&operand).getResults()) {
      std::optional<Index> index = dims.apply(expr, loops);
      if (!index)
        return nullptr;
      at.push_back(*index);
    }
    env[argument] = oneStep ? leaf(operand.get(), at) : load(operand.get(), at);
  }
  size_t before = expressions.size();
  const Expr *yielded =
      scalar(body->getTerminator()->getOperand(result), body, env, loops);
  if (reduces) {
    if (!accumulator)
      return nullptr;
    auto [reducer, term] = matchReducer(yielded, accumulator);
    if (!term || any(term, [](const Expr *part) {
          return part->kind == Kind::Accumulator;
        }))
      return nullptr;
    Expr *reduce = create(Kind::Reduce, yielded->type);
    reduce->reducer = reducer;
    reduce->bound = bound;
    reduce->operands = {term, load(op.getDpsInits()[result], indices)};
    reduce->op = op;
    reduce->source = op->getResult(result);
    reduce->sourceIndices.assign(indices.begin(), indices.end());
    return reduce;
  }
  // The tensor holds what this body made; a value that was only passed on is
  // held by another.
  for (size_t i = before; i < expressions.size() && !oneStep; ++i) {
    if (&expressions[i] != yielded || expressions[i].source)
      continue;
    expressions[i].source = op->getResult(result);
    expressions[i].sourceIndices.assign(indices.begin(), indices.end());
  }
  return yielded;
}

/// linalg.softmax as the formula that its decomposition computes.
const Expr *ExprBuilder::loadSoftmax(linalg::SoftmaxOp op,
                                     ArrayRef<Index> indices) {
  if (!op.hasPureTensorSemantics())
    return nullptr;
  int64_t axis = op.getDimension();
  auto exponential = [&](const Index &at) {
    SmallVector<Index> place(indices);
    place[axis] = at;
    const Expr *score = load(op.getInput(), place);
    DimId dim = dims.create(op.getInput(), axis);
    place[axis] = Index::dim(dim);
    Expr *max = create(Kind::Reduce, score->type);
    max->reducer = Kind::Max;
    max->bound = {dim};
    max->operands = {load(op.getInput(), place),
                     constant(-std::numeric_limits<double>::infinity())};
    max->op = op;
    return make(Kind::Exp, {make(Kind::Sub, {score, max})});
  };
  DimId dim = dims.create(op.getInput(), axis);
  Expr *sum = create(Kind::Reduce);
  sum->reducer = Kind::Add;
  sum->bound = {dim};
  sum->operands = {exponential(Index::dim(dim)), constant(0)};
  sum->op = op;
  return make(Kind::Div, {exponential(indices[axis]), sum});
}

} // namespace ra::raise
