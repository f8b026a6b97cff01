//===- Products.h - Products of packed operands -----------------*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What ra.linear and the contractions of linalg share: packing strided operands
// and one batched product whose result goes to any place of the output.
//
//===----------------------------------------------------------------------===//

#ifndef RA_LIB_REFERENCE_PRODUCTS_H
#define RA_LIB_REFERENCE_PRODUCTS_H

#include "Array.h"
#include "Rounding.h"

#include <cstdlib>
#include <memory>
#include <type_traits>
#include <vector>

namespace ra::reference {

/// Uninitialised memory for `count` elements; null when there is none.
template <typename T>
std::unique_ptr<T, void (*)(void *)> scratch(int64_t count) {
  return {static_cast<T *>(std::malloc(
              std::max<size_t>(1, static_cast<size_t>(count) * sizeof(T)))),
          std::free};
}

/// Elements of an array in a given order, as T: the array's own memory where
/// that is what it is, else a copy.
template <typename T> class Packed {
public:
  /// False when memory runs out.
  bool pack(const Array &array, llvm::ArrayRef<int64_t> extents,
            llvm::ArrayRef<int64_t> strides) {
    if constexpr (std::is_same_v<T, double>) {
      if (isContiguous(extents, strides)) {
        elements = array.floats();
        return true;
      }
    }
    int64_t count = 1;
    for (int64_t extent : extents)
      count *= extent;
    own = scratch<T>(count);
    if (!own)
      return false;
    gatherStrided(array.floats(), extents, strides, own.get());
    elements = own.get();
    return true;
  }
  const T *data() const { return elements; }

private:
  const T *elements = nullptr;
  std::unique_ptr<T, void (*)(void *)> own{nullptr, std::free};
};

/// The offset of each index of `extents`, in row-major order.
std::vector<int64_t> offsetsOf(llvm::ArrayRef<int64_t> extents,
                               llvm::ArrayRef<int64_t> strides);

/// out[batch, m, n] (+)= sum_k a[batch, m, k] * b[batch, n, k] (+ bias[n]).
template <typename T> struct ProductPlan {
  int64_t batches = 1, m = 0, n = 0, k = 0;
  const T *a = nullptr; ///< [batch, m, k]
  const T *b = nullptr; ///< [batch, n, k], or [batch, k, n]
  bool bTransposed = true;
  const double *bias = nullptr; ///< [n], optional
  bool accumulate = false;      ///< Adds to what `out` holds.
  double *out = nullptr;
  /// The place of an element in `out` is the sum of the three.
  std::vector<int64_t> batchOffsets, mOffsets, nOffsets;
  Rounding rounding; ///< Of the stored elements.
};

/// False when memory runs out.
template <typename T>
bool runProduct(const ProductPlan<T> &plan, unsigned threads);

} // namespace ra::reference

#endif // RA_LIB_REFERENCE_PRODUCTS_H
