//===- TensorOps.cpp - The tensor dialect ---------------------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Evaluator.h"

#include "llvm/ADT/TypeSwitch.h"

#include <cstring>

using namespace mlir;
using namespace ra::reference;

/// Calls `fn(sourcePointer, targetPointer)` for the element kind of both.
template <typename Fn>
static void withElements(const Array &source, Array &target, Fn fn) {
  if (source.isFloat())
    fn(source.floats(), target.mutableFloats());
  else
    fn(source.ints(), target.mutableInts());
}

FailureOr<Extents> Evaluator::dynamicShape(Operation *op, RankedTensorType type,
                                           ValueRange sizes) {
  Extents shape;
  auto next = sizes.begin();
  for (int64_t extent : type.getShape())
    shape.push_back(ShapedType::isDynamic(extent) ? get(*next++).asInt()
                                                  : extent);
  for (int64_t extent : shape)
    if (extent < 0) {
      op->emitError() << "an extent is negative at run time: "
                      << extentsString(shape);
      return failure();
    }
  return shape;
}

Extents Evaluator::mixedValues(ArrayRef<OpFoldResult> mixed) {
  Extents values;
  for (OpFoldResult entry : mixed) {
    if (auto value = dyn_cast<Value>(entry))
      values.push_back(get(value).asInt());
    else
      values.push_back(cast<IntegerAttr>(cast<Attribute>(entry)).getInt());
  }
  return values;
}

FailureOr<int64_t> Evaluator::elementOffset(Operation *op, const Array &array,
                                            ValueRange indices) {
  Extents strides = rowMajorStrides(array.shape());
  int64_t offset = 0;
  for (auto [dim, value] : llvm::enumerate(indices)) {
    int64_t index = get(value).asInt();
    if (index < 0 || index >= array.dim(dim)) {
      op->emitError() << "index " << index << " of dim " << dim
                      << " is out of bounds at run time: the tensor is "
                      << extentsString(array.shape());
      return failure();
    }
    offset += index * strides[dim];
  }
  return offset;
}

/// The slice lies within `shape`.
static LogicalResult checkSlice(Operation *op, ArrayRef<int64_t> shape,
                                ArrayRef<int64_t> offsets,
                                ArrayRef<int64_t> sizes,
                                ArrayRef<int64_t> strides) {
  for (size_t i = 0; i < shape.size(); ++i) {
    bool bad = offsets[i] < 0 || sizes[i] < 0 || offsets[i] > shape[i];
    if (!bad && sizes[i] > 0) {
      int64_t span, last;
      bad = __builtin_mul_overflow(sizes[i] - 1, strides[i], &span) ||
            __builtin_add_overflow(offsets[i], span, &last) || last < 0 ||
            last >= shape[i] || offsets[i] >= shape[i];
    }
    if (bad)
      return op->emitError()
             << "the slice leaves the tensor at run time: dim " << i
             << " has offset " << offsets[i] << ", size " << sizes[i]
             << ", stride " << strides[i] << " and extent " << shape[i];
  }
  return success();
}

namespace {
/// Where a slice begins in its tensor, and the strides of its elements.
struct SliceView {
  int64_t begin = 0;
  Extents strides;
  SliceView(ArrayRef<int64_t> shape, ArrayRef<int64_t> offsets,
            ArrayRef<int64_t> steps) {
    strides = rowMajorStrides(shape);
    for (size_t i = 0; i < shape.size(); ++i) {
      begin += offsets[i] * strides[i];
      strides[i] *= steps[i];
    }
  }
};
} // namespace

static Extents keepDims(ArrayRef<int64_t> sizes,
                        const llvm::SmallBitVector &dropped) {
  Extents kept;
  for (size_t i = 0; i < sizes.size(); ++i)
    if (!dropped.test(i))
      kept.push_back(sizes[i]);
  return kept;
}

LogicalResult Evaluator::evaluateExtractSlice(tensor::ExtractSliceOp op) {
  Extents offsets = mixedValues(op.getMixedOffsets());
  Extents sizes = mixedValues(op.getMixedSizes());
  Extents steps = mixedValues(op.getMixedStrides());
  Array source = get(op.getSource());
  if (failed(checkSlice(op, source.shape(), offsets, sizes, steps)))
    return failure();
  Extents shape = keepDims(sizes, op.getDroppedDims());
  if (failed(checkResultShape(op, 0, shape)))
    return failure();
  FailureOr<Array> target = allocate(op, shape, op.getType());
  if (failed(target))
    return failure();
  SliceView view(source.shape(), offsets, steps);
  withElements(source, *target, [&](auto *from, auto *to) {
    gatherStrided(from + view.begin, sizes, view.strides, to);
  });
  set(op.getResult(), std::move(*target));
  return success();
}

LogicalResult Evaluator::evaluateInsertSlice(tensor::InsertSliceOp op) {
  Extents offsets = mixedValues(op.getMixedOffsets());
  Extents sizes = mixedValues(op.getMixedSizes());
  Extents steps = mixedValues(op.getMixedStrides());
  Array source = get(op.getSource());
  Array target = take(op, op.getDestMutable().getOperandNumber());
  if (failed(checkSlice(op, target.shape(), offsets, sizes, steps)) ||
      failed(checkShape(op, "the source", source.shape(),
                        keepDims(sizes, op.getDroppedDims()))) ||
      failed(own(op, target)))
    return failure();
  SliceView view(target.shape(), offsets, steps);
  withElements(source, target, [&](auto *from, auto *to) {
    scatterStrided(from, sizes, view.strides, to + view.begin);
  });
  set(op.getResult(), std::move(target));
  return success();
}

LogicalResult Evaluator::evaluateReshape(Operation *op) {
  Array source = take(op, 0);
  Extents shape;
  if (auto expand = dyn_cast<tensor::ExpandShapeOp>(op)) {
    Extents values = mixedValues(expand.getMixedOutputShape());
    shape = std::move(values);
    for (auto [i, group] : llvm::enumerate(expand.getReassociationIndices())) {
      int64_t product = 1;
      for (int64_t dim : group)
        product *= shape[dim];
      if (product != source.dim(i))
        return op->emitError()
               << "dim " << i << " of extent " << source.dim(i)
               << " expands to " << product << " elements at run time";
    }
  } else if (auto collapse = dyn_cast<tensor::CollapseShapeOp>(op)) {
    for (const auto &group : collapse.getReassociationIndices()) {
      int64_t product = 1;
      for (int64_t dim : group)
        product *= source.dim(dim);
      shape.push_back(product);
    }
  } else {
    Array target = get(op->getOperand(1));
    shape.assign(target.ints(), target.ints() + target.count());
    int64_t product = 1;
    for (int64_t extent : shape)
      if (extent < 0 || __builtin_mul_overflow(product, extent, &product))
        product = -1;
    if (product != source.count())
      return op->emitError() << "a tensor of " << source.count()
                             << " elements cannot be reshaped to "
                             << extentsString(shape) << " at run time";
  }
  if (failed(checkResultShape(op, 0, shape)))
    return failure();
  set(op->getResult(0), source.reshaped(shape));
  return success();
}

LogicalResult Evaluator::evaluateConcat(tensor::ConcatOp op) {
  unsigned dim = op.getDim();
  Extents shape;
  for (Value input : op.getInputs()) {
    Array array = get(input);
    if (shape.empty()) {
      shape.assign(array.shape().begin(), array.shape().end());
      continue;
    }
    Extents expected(shape);
    expected[dim] = array.dim(dim);
    if (failed(checkShape(op, "an input", array.shape(), expected)))
      return failure();
    shape[dim] += array.dim(dim);
  }
  if (failed(checkResultShape(op, 0, shape)))
    return failure();
  FailureOr<Array> target = allocate(op, shape, op.getType());
  if (failed(target))
    return failure();
  Extents strides = rowMajorStrides(shape);
  int64_t begin = 0;
  for (Value input : op.getInputs()) {
    Array array = get(input);
    withElements(array, *target, [&](auto *from, auto *to) {
      scatterStrided(from, array.shape(), strides, to + begin);
    });
    begin += array.dim(dim) * strides[dim];
  }
  set(op.getResult(), std::move(*target));
  return success();
}

LogicalResult Evaluator::evaluatePad(tensor::PadOp op) {
  Extents low = mixedValues(op.getMixedLowPad());
  Extents high = mixedValues(op.getMixedHighPad());
  Array source = get(op.getSource());
  Extents shape;
  for (int64_t i = 0; i < source.rank(); ++i) {
    if (low[i] < 0 || high[i] < 0)
      return op.emitError()
             << "dim " << i << " is padded by " << low[i] << " and " << high[i]
             << " at run time; both must be 0 or more";
    shape.push_back(source.dim(i) + low[i] + high[i]);
  }
  if (failed(checkResultShape(op, 0, shape)))
    return failure();
  FailureOr<Array> filled = allocate(op, shape, op.getType());
  if (failed(filled))
    return failure();
  // The region gives the value of every padded element; evaluating it at the
  // others too is harmless, for their elements come from the source.
  LoopNest nest;
  nest.op = op;
  nest.body = &op.getRegion().front();
  nest.bounds.assign(shape.begin(), shape.end());
  nest.parallel.assign(shape.size(), true);
  llvm::append_range(nest.indexArguments, nest.body->getArguments());
  nest.outputs.push_back(
      {std::move(*filled),
       AffineMap::getMultiDimIdentityMap(shape.size(), op.getContext()),
       Value()});
  if (failed(runLoopNest(nest)))
    return failure();
  Array target = std::move(nest.outputs[0].array);
  SliceView view(target.shape(), low, Extents(shape.size(), 1));
  withElements(source, target, [&](auto *from, auto *to) {
    scatterStrided(from, source.shape(), view.strides, to + view.begin);
  });
  set(op.getResult(), std::move(target));
  return success();
}

LogicalResult Evaluator::evaluateGenerate(tensor::GenerateOp op) {
  FailureOr<Extents> shape = dynamicShape(
      op, cast<RankedTensorType>(op.getType()), op.getDynamicExtents());
  if (failed(shape))
    return failure();
  FailureOr<Array> target = allocate(op, *shape, op.getType());
  if (failed(target))
    return failure();
  LoopNest nest;
  nest.op = op;
  nest.body = &op.getBody().front();
  nest.bounds.assign(shape->begin(), shape->end());
  nest.parallel.assign(shape->size(), true);
  llvm::append_range(nest.indexArguments, nest.body->getArguments());
  nest.outputs.push_back(
      {std::move(*target),
       AffineMap::getMultiDimIdentityMap(shape->size(), op.getContext()),
       Value()});
  if (failed(runLoopNest(nest)))
    return failure();
  set(op.getResult(), std::move(nest.outputs[0].array));
  return success();
}

LogicalResult Evaluator::evaluateGather(tensor::GatherOp op) {
  Array source = get(op.getSource()), indices = get(op.getIndices());
  ArrayRef<int64_t> dims = op.getGatherDims();
  if (indices.rank() == 0 ||
      indices.shape().back() != static_cast<int64_t>(dims.size()))
    return op.emitError() << "the indices have "
                          << (indices.rank() ? indices.shape().back() : 1)
                          << " coordinates at run time, but " << dims.size()
                          << " dims are gathered";
  // One slice of the source, all of it in the other dims, for each index.
  Extents sizes(source.shape().begin(), source.shape().end());
  for (int64_t dim : dims)
    sizes[dim] = 1;
  bool reduced = op.getType().getRank() !=
                 indices.rank() - 1 + static_cast<int64_t>(sizes.size());
  Extents shape(indices.shape().drop_back());
  for (auto [dim, size] : llvm::enumerate(sizes))
    if (!reduced || !llvm::is_contained(dims, static_cast<int64_t>(dim)))
      shape.push_back(size);
  if (failed(checkResultShape(op, 0, shape)))
    return failure();
  FailureOr<Array> target = allocate(op, shape, op.getType());
  if (failed(target))
    return failure();
  Extents strides = rowMajorStrides(source.shape());
  int64_t slice = 1;
  for (int64_t size : sizes)
    slice *= size;
  int64_t coordinates = static_cast<int64_t>(dims.size());
  int64_t number = coordinates ? indices.count() / coordinates : 0;
  for (int64_t i = 0; i < number; ++i) {
    int64_t begin = 0;
    for (int64_t k = 0; k < coordinates; ++k) {
      int64_t index = indices.ints()[i * coordinates + k];
      if (index < 0 || index >= source.dim(dims[k]))
        return op.emitError() << "index " << index << " of dim " << dims[k]
                              << " is out of bounds at run time: the source is "
                              << extentsString(source.shape());
      begin += index * strides[dims[k]];
    }
    withElements(source, *target, [&](auto *from, auto *to) {
      gatherStrided(from + begin, sizes, strides, to + i * slice);
    });
  }
  set(op.getResult(), std::move(*target));
  return success();
}

LogicalResult Evaluator::evaluateTensorOp(Operation *op) {
  return TypeSwitch<Operation *, LogicalResult>(op)
      .Case([&](tensor::EmptyOp op) -> LogicalResult {
        FailureOr<Extents> shape =
            dynamicShape(op, op.getType(), op.getDynamicSizes());
        if (failed(shape))
          return failure();
        FailureOr<Array> array = allocatePoison(op, *shape, op.getType());
        if (failed(array))
          return failure();
        set(op.getResult(), std::move(*array));
        return success();
      })
      .Case([&](tensor::SplatOp op) -> LogicalResult {
        FailureOr<Extents> shape = dynamicShape(
            op, cast<RankedTensorType>(op.getType()), op.getDynamicSizes());
        if (failed(shape))
          return failure();
        FailureOr<Array> array = allocate(op, *shape, op.getType());
        if (failed(array))
          return failure();
        Array value = get(op.getInput());
        if (array->isFloat())
          std::fill_n(array->mutableFloats(), array->count(),
                      value.floats()[0]);
        else
          std::fill_n(array->mutableInts(), array->count(), value.ints()[0]);
        set(op.getResult(), std::move(*array));
        return success();
      })
      .Case([&](tensor::FromElementsOp op) -> LogicalResult {
        auto type = cast<RankedTensorType>(op.getType());
        FailureOr<Array> array = allocate(op, type.getShape(), type);
        if (failed(array))
          return failure();
        for (auto [i, element] : llvm::enumerate(op.getElements())) {
          Array value = get(element);
          if (array->isFloat())
            array->mutableFloats()[i] = value.floats()[0];
          else
            array->mutableInts()[i] = value.ints()[0];
        }
        set(op.getResult(), std::move(*array));
        return success();
      })
      .Case([&](tensor::ExtractOp op) -> LogicalResult {
        Array array = get(op.getTensor());
        FailureOr<int64_t> offset = elementOffset(op, array, op.getIndices());
        if (failed(offset))
          return failure();
        set(op.getResult(), array.isFloat()
                                ? Array::scalar(array.floats()[*offset])
                                : Array::scalar(array.ints()[*offset]));
        return success();
      })
      .Case([&](tensor::InsertOp op) -> LogicalResult {
        Array value = get(op.getScalar());
        Array array = take(op, op.getDestMutable().getOperandNumber());
        FailureOr<int64_t> offset = elementOffset(op, array, op.getIndices());
        if (failed(offset) || failed(own(op, array)))
          return failure();
        if (array.isFloat())
          array.mutableFloats()[*offset] = value.floats()[0];
        else
          array.mutableInts()[*offset] = value.ints()[0];
        set(op.getResult(), std::move(array));
        return success();
      })
      .Case([&](tensor::DimOp op) -> LogicalResult {
        Array array = get(op.getSource());
        int64_t dim = get(op.getIndex()).asInt();
        if (dim < 0 || dim >= array.rank())
          return op.emitError() << "dim " << dim << " of a tensor of rank "
                                << array.rank() << " at run time";
        set(op.getResult(), Array::scalar(array.dim(dim)));
        return success();
      })
      .Case([&](tensor::RankOp op) -> LogicalResult {
        set(op.getResult(), Array::scalar(get(op.getTensor()).rank()));
        return success();
      })
      .Case([&](tensor::CastOp op) -> LogicalResult {
        Array array = take(op, 0);
        if (failed(checkResultShape(op, 0, array.shape())))
          return failure();
        set(op.getResult(), std::move(array));
        return success();
      })
      .Case<tensor::ExpandShapeOp, tensor::CollapseShapeOp, tensor::ReshapeOp>(
          [&](auto op) { return evaluateReshape(op); })
      .Case([&](tensor::ExtractSliceOp op) { return evaluateExtractSlice(op); })
      .Case([&](tensor::InsertSliceOp op) { return evaluateInsertSlice(op); })
      .Case([&](tensor::ConcatOp op) { return evaluateConcat(op); })
      .Case([&](tensor::PadOp op) { return evaluatePad(op); })
      .Case([&](tensor::GenerateOp op) { return evaluateGenerate(op); })
      .Case([&](tensor::GatherOp op) { return evaluateGather(op); })
      .Default([&](Operation *op) { return unsupported(op); });
}
