//===- Products.cpp - Products of packed operands -------------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Products.h"

#include "ra/Runtime/Gemm.h"
#include "ra/Runtime/Threads.h"

using namespace ra::reference;
using ra::runtime::parallelFor;
using ra::runtime::product;
using ra::runtime::productTransposed;

std::vector<int64_t> ra::reference::offsetsOf(llvm::ArrayRef<int64_t> extents,
                                              llvm::ArrayRef<int64_t> strides) {
  std::vector<int64_t> offsets;
  detail::forEachRow(
      extents, strides,
      [&](int64_t offset, int64_t, int64_t count, int64_t stride) {
        for (int64_t i = 0; i < count; ++i)
          offsets.push_back(offset + i * stride);
      });
  return offsets;
}

template <typename T>
bool ra::reference::runProduct(const ProductPlan<T> &plan, unsigned threads) {
  constexpr int64_t kRows = 128, kColumns = 4096;
  int64_t rowBlocks = (plan.m + kRows - 1) / kRows;
  std::atomic<bool> enough{true};
  parallelFor(plan.batches * rowBlocks, threads, [&](int64_t task) {
    int64_t batch = task / rowBlocks, row = task % rowBlocks * kRows;
    int64_t rows = std::min(kRows, plan.m - row);
    auto tile = scratch<T>(rows * std::min(kColumns, plan.n));
    if (!tile) {
      enough = false;
      return;
    }
    const T *a = plan.a + (batch * plan.m + row) * plan.k;
    for (int64_t column = 0; column < plan.n; column += kColumns) {
      int64_t columns = std::min(kColumns, plan.n - column);
      const T *b = plan.b + batch * plan.n * plan.k;
      if (plan.k == 0)
        std::fill_n(tile.get(), rows * columns, T(0));
      else if (plan.bTransposed)
        productTransposed(a, plan.k, b + column * plan.k, plan.k, tile.get(),
                          columns, rows, columns, plan.k);
      else
        product(a, plan.k, b + column, plan.n, tile.get(), columns, rows,
                columns, plan.k);
      for (int64_t i = 0; i < rows; ++i) {
        T *line = tile.get() + i * columns;
        double *out =
            plan.out + plan.batchOffsets[batch] + plan.mOffsets[row + i];
        const int64_t *places = plan.nOffsets.data() + column;
        if (plan.bias)
          for (int64_t j = 0; j < columns; ++j)
            line[j] += static_cast<T>(plan.bias[column + j]);
        if (plan.accumulate)
          for (int64_t j = 0; j < columns; ++j)
            line[j] += static_cast<T>(out[places[j]]);
        plan.rounding.apply(line, columns);
        for (int64_t j = 0; j < columns; ++j)
          out[places[j]] = static_cast<double>(line[j]);
      }
    }
  });
  return enough;
}

template bool ra::reference::runProduct<double>(const ProductPlan<double> &,
                                                unsigned);
template bool ra::reference::runProduct<float>(const ProductPlan<float> &,
                                               unsigned);
