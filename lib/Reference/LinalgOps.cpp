//===- LinalgOps.cpp - The linalg dialect ---------------------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Evaluator.h"

#include "Products.h"
#include "ra/Runtime/Threads.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

#include <cmath>
#include <limits>

using namespace mlir;
using namespace ra::reference;
using ra::runtime::parallelFor;

/// The extent of every loop, from the dims that operands index by it alone.
static FailureOr<SmallVector<int64_t, 6>> loopBounds(linalg::LinalgOp op,
                                                     ArrayRef<Array> operands) {
  SmallVector<int64_t, 6> bounds(op.getNumLoops(), -1);
  for (auto [map, array, number] :
       llvm::zip(op.getIndexingMapsArray(), operands,
                 llvm::seq<unsigned>(0, operands.size()))) {
    if (static_cast<int64_t>(map.getNumResults()) != array.rank()) {
      op->emitError() << "operand " << number << " has rank " << array.rank()
                      << " but its map has " << map.getNumResults()
                      << " results";
      return failure();
    }
    for (auto [i, expr] : llvm::enumerate(map.getResults())) {
      auto dim = dyn_cast<AffineDimExpr>(expr);
      if (!dim)
        continue;
      int64_t &bound = bounds[dim.getPosition()];
      if (bound >= 0 && bound != array.dim(i)) {
        op->emitError() << "loop " << dim.getPosition() << " runs to "
                        << array.dim(i) << " by dim " << i << " of operand "
                        << number << " but to " << bound
                        << " by another operand, at run time";
        return failure();
      }
      bound = array.dim(i);
    }
  }
  if (llvm::is_contained(bounds, -1)) {
    op->emitError() << "the extent of a loop follows from no operand";
    return failure();
  }
  return bounds;
}

LogicalResult Evaluator::evaluateLinalg(linalg::LinalgOp op) {
  if (!op.hasPureTensorSemantics())
    return op->emitError() << "the reference interpreter evaluates linalg ops "
                              "on tensors only, before bufferisation";
  SmallVector<Array> operands;
  for (Value operand : op->getOperands())
    operands.push_back(get(operand));
  FailureOr<SmallVector<int64_t, 6>> bounds = loopBounds(op, operands);
  if (failed(bounds))
    return failure();
  operands.clear();
  FailureOr<bool> contracted = evaluateContraction(op, *bounds);
  if (failed(contracted))
    return failure();
  if (*contracted)
    return success();

  LoopNest nest;
  nest.op = op;
  nest.body = op.getBlock();
  nest.bounds = *bounds;
  for (utils::IteratorType iterator : op.getIteratorTypesArray())
    nest.parallel.push_back(iterator == utils::IteratorType::parallel);
  SmallVector<AffineMap> maps = op.getIndexingMapsArray();
  // linalg.map's body may leave out the element of the init.
  auto argumentOf = [&](unsigned operand) -> Value {
    return operand < nest.body->getNumArguments()
               ? Value(nest.body->getArgument(operand))
               : Value();
  };
  unsigned numInputs = static_cast<unsigned>(op.getNumDpsInputs());
  for (unsigned i = 0; i < op->getNumOperands(); ++i) {
    LoopNest::Operand operand{i < numInputs ? get(op->getOperand(i))
                                            : take(op, i),
                              maps[i], argumentOf(i)};
    if (i >= numInputs && failed(own(op, operand.array)))
      return failure();
    (i < numInputs ? nest.inputs : nest.outputs).push_back(std::move(operand));
  }
  if (failed(runLoopNest(nest)))
    return failure();
  for (auto [result, output] : llvm::zip(op->getResults(), nest.outputs))
    set(result, std::move(output.array));
  return success();
}

//===----------------------------------------------------------------------===//
// Contractions
//===----------------------------------------------------------------------===//

/// Block argument `index`, perhaps through arith.extf.
static bool isArgument(Value value, unsigned index) {
  if (auto ext = value.getDefiningOp<arith::ExtFOp>())
    value = ext.getIn();
  auto argument = dyn_cast<BlockArgument>(value);
  return argument && argument.getArgNumber() == index;
}

/// The body is yield(out + a * b), in any order of the operands.
static bool isMultiplyAdd(Block &body) {
  if (body.getNumArguments() != 3 ||
      body.getTerminator()->getNumOperands() != 1)
    return false;
  auto add = body.getTerminator()->getOperand(0).getDefiningOp<arith::AddFOp>();
  if (!add)
    return false;
  for (auto [sum, term] : {std::pair(add.getLhs(), add.getRhs()),
                           std::pair(add.getRhs(), add.getLhs())}) {
    auto multiply = term.getDefiningOp<arith::MulFOp>();
    auto out = dyn_cast<BlockArgument>(sum);
    if (!multiply || !out || out.getArgNumber() != 2)
      continue;
    if ((isArgument(multiply.getLhs(), 0) &&
         isArgument(multiply.getRhs(), 1)) ||
        (isArgument(multiply.getLhs(), 1) && isArgument(multiply.getRhs(), 0)))
      return true;
  }
  return false;
}

namespace {
/// Where each kind of loop is in the three operands: batch (a, b, out),
/// rows (a, out), columns (b, out) and sum (a, b), in the order of the op.
struct ContractionDims {
  SmallVector<unsigned, 4> batch, rows, columns, sum;
};
} // namespace

static std::optional<ContractionDims> classifyDims(linalg::LinalgOp op,
                                                   ArrayRef<AffineMap> maps) {
  for (AffineMap map : maps)
    if (!map.isProjectedPermutation())
      return std::nullopt;
  ContractionDims dims;
  SmallVector<utils::IteratorType> iterators = op.getIteratorTypesArray();
  for (unsigned dim = 0; dim < op.getNumLoops(); ++dim) {
    bool inA = maps[0].isFunctionOfDim(dim), inB = maps[1].isFunctionOfDim(dim),
         inOut = maps[2].isFunctionOfDim(dim);
    bool parallel = iterators[dim] == utils::IteratorType::parallel;
    if (inOut != parallel || (!inA && !inB))
      return std::nullopt;
    if (inA && inB)
      (inOut ? dims.batch : dims.sum).push_back(dim);
    else if (!inOut)
      return std::nullopt;
    else
      (inA ? dims.rows : dims.columns).push_back(dim);
  }
  if (dims.sum.empty())
    return std::nullopt;
  return dims;
}

/// Extents and strides of the loops `dims` in an operand of `shape`.
static IterationView viewOf(ArrayRef<int64_t> shape, AffineMap map,
                            ArrayRef<int64_t> bounds,
                            ArrayRef<ArrayRef<unsigned>> groups) {
  Extents strides = rowMajorStrides(shape);
  IterationView view;
  for (ArrayRef<unsigned> group : groups)
    for (unsigned dim : group) {
      view.extents.push_back(bounds[dim]);
      std::optional<unsigned> position =
          map.getResultPosition(getAffineDimExpr(dim, map.getContext()));
      view.strides.push_back(position ? strides[*position] : 0);
    }
  return view;
}

template <typename T>
static bool contract(const Array &a, const Array &b, Array &out,
                     ArrayRef<AffineMap> maps, ArrayRef<int64_t> bounds,
                     const ContractionDims &dims, Rounding rounding,
                     unsigned threads) {
  auto countOf = [&](ArrayRef<unsigned> group) {
    int64_t count = 1;
    for (unsigned dim : group)
      count *= bounds[dim];
    return count;
  };
  ProductPlan<T> plan;
  plan.batches = countOf(dims.batch);
  plan.m = countOf(dims.rows);
  plan.n = countOf(dims.columns);
  plan.k = countOf(dims.sum);
  IterationView viewA =
      viewOf(a.shape(), maps[0], bounds, {dims.batch, dims.rows, dims.sum});
  IterationView viewB =
      viewOf(b.shape(), maps[1], bounds, {dims.batch, dims.sum, dims.columns});
  // b as it is stored, if that is one of the two orders.
  plan.bTransposed = !isContiguous(viewB.extents, viewB.strides);
  if (plan.bTransposed)
    viewB = viewOf(b.shape(), maps[1], bounds,
                   {dims.batch, dims.columns, dims.sum});
  Packed<T> packedA, packedB;
  if (!packedA.pack(a, viewA.extents, viewA.strides) ||
      !packedB.pack(b, viewB.extents, viewB.strides))
    return false;
  plan.a = packedA.data();
  plan.b = packedB.data();
  plan.accumulate = true;
  plan.out = out.mutableFloats();
  auto offsets = [&](ArrayRef<unsigned> group) {
    IterationView view = viewOf(out.shape(), maps[2], bounds, {group});
    return offsetsOf(view.extents, view.strides);
  };
  plan.batchOffsets = offsets(dims.batch);
  plan.mOffsets = offsets(dims.rows);
  plan.nOffsets = offsets(dims.columns);
  plan.rounding = rounding;
  return runProduct(plan, threads);
}

FailureOr<bool> Evaluator::evaluateContraction(linalg::LinalgOp op,
                                               ArrayRef<int64_t> bounds) {
  if (op.getNumDpsInputs() != 2 || op.getNumDpsInits() != 1 ||
      !isMultiplyAdd(*op.getBlock()))
    return false;
  Type outType = getElementTypeOrSelf(op.getDpsInits()[0].getType());
  // A 16-bit accumulator is rounded at every step: that needs the loops.
  bool wide = outType.isF32() || outType.isF64();
  if (isStorage() && !wide)
    return false;
  SmallVector<AffineMap> maps = op.getIndexingMapsArray();
  std::optional<ContractionDims> dims = classifyDims(op, maps);
  if (!dims)
    return false;
  Array a = get(op->getOperand(0)), b = get(op->getOperand(1));
  Array out = take(op, 2);
  if (failed(own(op, out)))
    return failure();
  bool single = isStorage() && outType.isF32();
  bool done = single ? contract<float>(a, b, out, maps, bounds, *dims,
                                       roundingOf(outType), numThreads)
                     : contract<double>(a, b, out, maps, bounds, *dims,
                                        roundingOf(outType), numThreads);
  if (!done) {
    op->emitError() << "no memory for the operands of a product in the "
                       "reference interpreter; evaluate a smaller batch";
    return failure();
  }
  set(op->getResult(0), std::move(out));
  return true;
}

//===----------------------------------------------------------------------===//
// linalg.softmax
//===----------------------------------------------------------------------===//

LogicalResult Evaluator::evaluateSoftmax(linalg::SoftmaxOp op) {
  if (!op.hasPureTensorSemantics())
    return op->emitError() << "the reference interpreter evaluates linalg ops "
                              "on tensors only, before bufferisation";
  Array input = get(op.getInput());
  Array init = get(op.getOutput());
  if (failed(checkShape(op, "the init", init.shape(), input.shape())))
    return failure();
  FailureOr<Array> output =
      allocate(op, input.shape(), op.getOutput().getType());
  if (failed(output))
    return failure();
  int64_t dim = op.getDimension();
  int64_t extent = input.dim(dim), inner = 1;
  for (int64_t i = dim + 1; i < input.rank(); ++i)
    inner *= input.dim(i);
  int64_t rows = extent ? input.count() / extent : 0;
  // f32 arithmetic under Precision::Storage, rounded when stored.
  Rounding step = isStorage() ? Rounding::to(Float32Type::get(op.getContext()))
                              : Rounding();
  Rounding rounding = roundingOf(op.getOutput().getType());
  const double *from = input.floats();
  double *to = output->mutableFloats();
  constexpr int64_t kRows = 64;
  parallelFor((rows + kRows - 1) / kRows, numThreads, [&](int64_t task) {
    std::vector<double> line(extent);
    for (int64_t row = task * kRows; row < std::min(rows, (task + 1) * kRows);
         ++row) {
      int64_t begin = row / inner * extent * inner + row % inner;
      double highest = -std::numeric_limits<double>::infinity(), sum = 0;
      for (int64_t i = 0; i < extent; ++i)
        highest = std::fmax(highest, from[begin + i * inner]);
      for (int64_t i = 0; i < extent; ++i) {
        line[i] =
            step.apply(std::exp(step.apply(from[begin + i * inner] - highest)));
        sum = step.apply(sum + line[i]);
      }
      for (int64_t i = 0; i < extent; ++i)
        to[begin + i * inner] = rounding.apply(line[i] / sum);
    }
  });
  set(op->getResult(0), std::move(*output));
  return success();
}
