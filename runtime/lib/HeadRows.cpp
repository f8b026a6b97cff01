//===- HeadRows.cpp - The rows of one head of a projection ----------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "HeadRows.h"

#include <string>

using namespace ra::runtime;
using namespace ra::runtime::detail;

void detail::addScaledRow(double *to, const double *from, double factor,
                          int64_t columns) {
  for (int64_t c = 0; c < columns; ++c)
    to[c] += factor * from[c];
}

HeadRows detail::multiplyTransposed(const std::vector<double> &matrix,
                                    int64_t base, int64_t width,
                                    const HeadRows &in, int64_t depth) {
  HeadRows out(width, in.columns);
  for (int64_t e = 0; e < width; ++e)
    for (int64_t d = 0; d < depth; ++d)
      addScaledRow(out.row(e), in.row(d),
                   matrix[static_cast<size_t>(base + d * width + e)],
                   in.columns);
  return out;
}

HeadSource::HeadSource(const Tensor &weight, const Tensor *bias,
                       const std::optional<Tensor> &basis, int64_t headDim)
    : weight(weight), bias(bias), headDim(headDim), inputs(weight.dim(1)) {
  if (basis) {
    matrix = basis->readAsDoubles();
    matrixPerHead = basis->rank() == 3;
  }
}

HeadRows HeadSource::load(int64_t head) const {
  HeadRows rows(headDim, inputs + 1);
  for (int64_t d = 0; d < headDim; ++d) {
    const int64_t output = head * headDim + d;
    weight.readDoubles(output * inputs, inputs, rows.row(d));
    if (bias)
      rows.row(d)[inputs] = bias->at(output);
  }
  if (matrix.empty())
    return rows;
  const int64_t base = matrixPerHead ? head * headDim * headDim : 0;
  return multiplyTransposed(matrix, base, headDim, rows, headDim);
}

Status detail::checkWeight(const char *name, const Tensor &weight,
                           int64_t heads, int64_t headDim) {
  int64_t outputs = 0;
  if (!isFloat(weight.elementType()) || weight.rank() != 2 ||
      __builtin_mul_overflow(heads, headDim, &outputs) ||
      weight.dim(0) != outputs)
    return fail(std::string(name) + " is " +
                shapeString(weight.shape(), weight.elementType()) +
                "; it must be floating point of shape [" +
                std::to_string(heads) + " heads * " + std::to_string(headDim) +
                ", C]");
  return Status::success();
}

Status detail::checkBias(const char *name, const Tensor *bias,
                         const Tensor &weight) {
  if (!bias)
    return Status::success();
  if (!isFloat(bias->elementType()) || bias->shape() != Shape{weight.dim(0)})
    return fail(std::string(name) + " is " +
                shapeString(bias->shape(), bias->elementType()) +
                "; it must be floating point of shape [" +
                std::to_string(weight.dim(0)) + "]");
  return Status::success();
}

Status detail::checkProjections(const Tensor &wq, const Tensor &wk,
                                const Tensor *bq, const Tensor *bk,
                                int64_t numHeads, int64_t numKvHeads,
                                int64_t headDim) {
  for (Status status :
       {checkWeight("query weight", wq, numHeads, headDim),
        checkWeight("key weight", wk, numKvHeads, headDim),
        checkBias("query bias", bq, wq), checkBias("key bias", bk, wk)})
    if (!status.ok())
      return status;
  return Status::success();
}
