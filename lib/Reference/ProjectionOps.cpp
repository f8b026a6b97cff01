//===- ProjectionOps.cpp - ra.linear and ra.rope --------------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Evaluator.h"

#include "Products.h"
#include "ra/Runtime/Threads.h"

using namespace mlir;
using namespace ra;
using namespace ra::reference;
using ra::runtime::parallelFor;

//===----------------------------------------------------------------------===//
// ra.linear: y[m..., n...] = sum_c x[m..., c] * W[n..., c] (+ b[n...])
//===----------------------------------------------------------------------===//

template <typename T>
static bool project(const Array &x, const Array &weight, const Array *bias,
                    Array &y, const IterationView &viewX,
                    const IterationView &viewY, size_t leading,
                    Rounding rounding, unsigned threads) {
  ProductPlan<T> plan;
  plan.k = viewX.extents.back();
  plan.m = 1;
  for (int64_t extent : ArrayRef<int64_t>(viewX.extents).drop_back())
    plan.m *= extent;
  plan.n = 1;
  for (int64_t extent : weight.shape().drop_back())
    plan.n *= extent;
  Packed<T> packedX, packedW;
  if (!packedX.pack(x, viewX.extents, viewX.strides) ||
      !packedW.pack(weight, weight.shape(), rowMajorStrides(weight.shape())))
    return false;
  plan.a = packedX.data();
  plan.b = packedW.data();
  plan.bTransposed = true;
  plan.bias = bias ? bias->floats() : nullptr;
  plan.out = y.mutableFloats();
  ArrayRef<int64_t> extents(viewY.extents), strides(viewY.strides);
  plan.batchOffsets = {0};
  plan.mOffsets =
      offsetsOf(extents.take_front(leading), strides.take_front(leading));
  plan.nOffsets =
      offsetsOf(extents.drop_front(leading), strides.drop_front(leading));
  plan.rounding = rounding;
  return runProduct(plan, threads);
}

/// [n'..., panels, c, panel] -> [n'..., outputs, c]; nothing when memory runs
/// out.
static std::optional<Array> unpackPanels(const Array &packed, int64_t outputs) {
  Extents shape(packed.shape().drop_back(3));
  int64_t outer = 1;
  for (int64_t extent : shape)
    outer *= extent;
  ArrayRef<int64_t> inner = packed.shape().take_back(3);
  int64_t panels = inner[0], channels = inner[1], panel = inner[2];
  shape.append({outputs, channels});
  std::optional<Array> weight = Array::allocate(shape, /*isFloat=*/true);
  if (!weight)
    return std::nullopt;
  double *to = weight->mutableFloats();
  for (int64_t o = 0; o < outer; ++o)
    for (int64_t n = 0; n < outputs; ++n)
      for (int64_t c = 0; c < channels; ++c)
        *to++ =
            packed.floats()[((o * panels + n / panel) * channels + c) * panel +
                            n % panel];
  return weight;
}

LogicalResult Evaluator::evaluateLinear(LinearOp op) {
  if (!op.hasPureTensorSemantics())
    return unsupported(op);
  Array x = get(op.getInput()), weight = get(op.getWeight());
  Array init = get(op.getInit());
  std::optional<Array> bias;
  if (op.getBias())
    bias = get(op.getBias());

  IterationView viewX = viewThrough(x.shape(), op.getInputMap());
  IterationView viewY = viewThrough(init.shape(), op.getOutputMap());
  auto noMemory = [&] {
    return op.emitError() << "no memory for the operands of a product in the "
                             "reference interpreter; evaluate a smaller batch";
  };
  if (op.getPanel()) {
    std::optional<Array> unpacked = unpackPanels(weight, viewY.extents.back());
    if (!unpacked)
      return noMemory();
    weight = *unpacked;
  }
  if (viewX.extents.back() != weight.shape().back())
    return op.emitError() << "x has " << viewX.extents.back()
                          << " channels at run time, the weight "
                          << weight.shape().back();
  Extents expected(ArrayRef<int64_t>(viewX.extents).drop_back());
  size_t leading = expected.size();
  llvm::append_range(expected, weight.shape().drop_back());
  if (failed(checkShape(op, "y (m..., n...)", viewY.extents, expected)))
    return failure();
  if (bias && failed(checkShape(op, "the bias", bias->shape(),
                                weight.shape().drop_back())))
    return failure();

  FailureOr<Array> y = allocate(op, init.shape(), op.getInit().getType());
  if (failed(y))
    return failure();
  init = Array();
  const Array *biasArray = bias ? &*bias : nullptr;
  Rounding rounding = roundingOf(op.getInit().getType());
  bool done = isStorage()
                  ? project<float>(x, weight, biasArray, *y, viewX, viewY,
                                   leading, rounding, numThreads)
                  : project<double>(x, weight, biasArray, *y, viewX, viewY,
                                    leading, rounding, numThreads);
  if (!done)
    return noMemory();
  set(op->getResult(0), std::move(*y));
  return success();
}

//===----------------------------------------------------------------------===//
// ra.rope
//===----------------------------------------------------------------------===//

template <typename T>
static void rotate(const double *x, const IterationView &from, double *y,
                   const IterationView &to, const Array &cosines,
                   const Array &sines, RopeStyle style, Rounding rounding,
                   unsigned threads) {
  int64_t batches = from.extents[0], heads = from.extents[1],
          rows = from.extents[2], dims = from.extents[3];
  int64_t pairs = cosines.shape().back();
  bool perBatch = cosines.rank() == 3;
  parallelFor(batches * heads, threads, [&](int64_t task) {
    int64_t b = task / heads, h = task % heads;
    std::vector<T> line(dims);
    for (int64_t t = 0; t < rows; ++t) {
      const double *source =
          x + b * from.strides[0] + h * from.strides[1] + t * from.strides[2];
      double *target =
          y + b * to.strides[0] + h * to.strides[1] + t * to.strides[2];
      int64_t table = ((perBatch ? b * rows : 0) + t) * pairs;
      for (int64_t d = 0; d < dims; ++d)
        line[d] = static_cast<T>(source[d * from.strides[3]]);
      for (int64_t f = 0; f < pairs; ++f) {
        int64_t u = style == RopeStyle::Half ? f : 2 * f;
        int64_t v = style == RopeStyle::Half ? f + pairs : 2 * f + 1;
        T c = static_cast<T>(cosines.floats()[table + f]);
        T s = static_cast<T>(sines.floats()[table + f]);
        T xu = line[u], xv = line[v];
        line[u] = xu * c - xv * s;
        line[v] = xv * c + xu * s;
      }
      rounding.apply(line.data(), dims);
      for (int64_t d = 0; d < dims; ++d)
        target[d * to.strides[3]] = static_cast<double>(line[d]);
    }
  });
}

LogicalResult Evaluator::evaluateRope(RopeOp op) {
  if (!op.hasPureTensorSemantics())
    return unsupported(op);
  Array x = get(op.getInput()), init = get(op.getInit());
  Array cosines = get(op.getCos()), sines = get(op.getSin());
  IterationView from = viewThrough(x.shape(), op.getInputMap());
  IterationView to = viewThrough(init.shape(), op.getOutputMap());
  Extents table;
  if (cosines.rank() == 3)
    table.push_back(from.extents[0]);
  table.push_back(from.extents[2]);
  table.push_back(cosines.shape().back());
  if (failed(checkShape(op, "y [B, H, T, D]", to.extents, from.extents)) ||
      failed(checkShape(op, "the table of cosines", cosines.shape(), table)) ||
      failed(checkShape(op, "the table of sines", sines.shape(), table)))
    return failure();
  if (2 * cosines.shape().back() > from.extents[3])
    return op.emitError() << "the tables turn " << 2 * cosines.shape().back()
                          << " dims, but the head dim is " << from.extents[3]
                          << " at run time";
  FailureOr<Array> y = allocate(op, init.shape(), op.getInit().getType());
  if (failed(y))
    return failure();
  Rounding rounding = roundingOf(op.getInit().getType());
  auto run = isStorage() ? rotate<float> : rotate<double>;
  run(x.floats(), from, y->mutableFloats(), to, cosines, sines, op.getStyle(),
      rounding, numThreads);
  set(op->getResult(0), std::move(*y));
  return success();
}
