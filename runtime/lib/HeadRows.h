//===- HeadRows.h - The rows of one head of a projection --------*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What folding weights, choosing a basis and weighing heads share: a head's
// rows in f64, and the checks of the tensors that they come from.
//
//===----------------------------------------------------------------------===//

#ifndef RA_RUNTIME_LIB_HEADROWS_H
#define RA_RUNTIME_LIB_HEADROWS_H

#include "ra/Runtime/Status.h"
#include "ra/Runtime/Tensor.h"

#include <cstdint>
#include <optional>
#include <vector>

namespace ra::runtime::detail {

/// The rows of one head in f64, row-major, with its bias as one more column, so
/// that whatever happens to a row happens to its bias.
struct HeadRows {
  int64_t columns = 0; ///< C + 1
  std::vector<double> values;

  HeadRows(int64_t rows, int64_t columns)
      : columns(columns), values(static_cast<size_t>(rows * columns), 0.0) {}
  double *row(int64_t index) { return values.data() + index * columns; }
  const double *row(int64_t index) const {
    return values.data() + index * columns;
  }
};

/// to[c] += factor * from[c].
void addScaledRow(double *to, const double *from, double factor,
                  int64_t columns);

/// out[e] = sum over d of matrix[base + d * width + e] * in[d], e < width.
HeadRows multiplyTransposed(const std::vector<double> &matrix, int64_t base,
                            int64_t width, const HeadRows &in, int64_t depth);

/// One projection as it comes in: weight [heads * D, C], bias [heads * D] or
/// null, and the basis [D, D] or [heads, D, D] that its rows are to be seen in.
/// Refers to all three.
class HeadSource {
public:
  HeadSource(const Tensor &weight, const Tensor *bias,
             const std::optional<Tensor> &basis, int64_t headDim);

  /// The D rows of `head`, after the basis.
  HeadRows load(int64_t head) const;

private:
  const Tensor &weight;
  const Tensor *bias;
  int64_t headDim;
  int64_t inputs;
  std::vector<double> matrix;
  bool matrixPerHead = false;
};

/// `weight` is floating point of shape [heads * headDim, C]; `name` is for the
/// message.
Status checkWeight(const char *name, const Tensor &weight, int64_t heads,
                   int64_t headDim);

/// `bias` is null, or floating point with one number per row of `weight`.
Status checkBias(const char *name, const Tensor *bias, const Tensor &weight);

/// checkWeight() and checkBias() of both projections.
Status checkProjections(const Tensor &wq, const Tensor &wk, const Tensor *bq,
                        const Tensor *bk, int64_t numHeads, int64_t numKvHeads,
                        int64_t headDim);

} // namespace ra::runtime::detail

#endif // RA_RUNTIME_LIB_HEADROWS_H
