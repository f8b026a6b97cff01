//===- Array.h - Values of the reference interpreter ------------*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Every value is a dense row-major array: of f64 for float types, of int64_t
// for integers, index and quantised types; scalars have rank 0. Integers of w
// bits are kept sign-extended, i1 as 0 or 1, unsigned types zero-extended.
// Copies share their elements; a writer takes a copy unless it is the only
// owner.
//
//===----------------------------------------------------------------------===//

#ifndef RA_LIB_REFERENCE_ARRAY_H
#define RA_LIB_REFERENCE_ARRAY_H

#include "mlir/IR/AffineMap.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/Support/LLVM.h"
#include "ra/Runtime/Tensor.h"

#include <cassert>
#include <cstdint>
#include <memory>
#include <optional>

namespace ra::reference {

using Extents = llvm::SmallVector<int64_t, 6>;

class Array {
public:
  Array() = default;

  /// Elements are not initialised. Nothing when the size overflows or memory
  /// runs out.
  static std::optional<Array> allocate(llvm::ArrayRef<int64_t> shape,
                                       bool isFloat);
  static Array scalar(double value);
  static Array scalar(int64_t value);

  llvm::ArrayRef<int64_t> shape() const { return extents; }
  int64_t rank() const { return static_cast<int64_t>(extents.size()); }
  int64_t dim(unsigned index) const { return extents[index]; }
  int64_t count() const { return number; }
  bool isFloat() const { return floating; }

  const double *floats() const {
    assert(floating && "an array of integers");
    return static_cast<const double *>(storage.get());
  }
  const int64_t *ints() const {
    assert(!floating && "an array of floats");
    return static_cast<const int64_t *>(storage.get());
  }
  /// For writing; the caller must be the only owner.
  double *mutableFloats() {
    assert(floating && isUnique() && "shared or of another kind");
    return static_cast<double *>(storage.get());
  }
  int64_t *mutableInts() {
    assert(!floating && isUnique() && "shared or of another kind");
    return static_cast<int64_t *>(storage.get());
  }
  int64_t asInt() const {
    assert(number == 1 && "not a scalar");
    return ints()[0];
  }

  bool isUnique() const { return storage.use_count() == 1; }
  /// Makes this array the only owner of its elements. False when memory runs
  /// out.
  bool makeUnique();
  /// The same elements under another shape of equal count.
  Array reshaped(llvm::ArrayRef<int64_t> shape) const;

private:
  Extents extents;
  int64_t number = 0;
  bool floating = true;
  std::shared_ptr<void> storage;
};

/// Row-major strides of `shape`, in elements.
Extents rowMajorStrides(llvm::ArrayRef<int64_t> shape);

/// Extents and row-major strides of an operand of `shape` in iteration order
/// under `map`, a permutation from iteration dims to operand dims.
struct IterationView {
  Extents extents, strides;
};
IterationView viewThrough(llvm::ArrayRef<int64_t> shape, mlir::AffineMap map);

/// Copies the elements at `source + sum strides[i] * index[i]`, index over
/// `extents` in row-major order, to `target`, or the other way round. T and U
/// are double, float or int64_t.
template <typename T, typename U>
void gatherStrided(const T *source, llvm::ArrayRef<int64_t> extents,
                   llvm::ArrayRef<int64_t> strides, U *target);
template <typename T, typename U>
void scatterStrided(const T *source, llvm::ArrayRef<int64_t> extents,
                    llvm::ArrayRef<int64_t> strides, U *target);

/// True when `extents` and `strides` describe a contiguous row-major array.
bool isContiguous(llvm::ArrayRef<int64_t> extents,
                  llvm::ArrayRef<int64_t> strides);

//===----------------------------------------------------------------------===//
// Inline
//===----------------------------------------------------------------------===//

namespace detail {
/// Calls `row(sourceOffset, linear, count, stride)` for every innermost row.
template <typename Fn>
void forEachRow(llvm::ArrayRef<int64_t> extents,
                llvm::ArrayRef<int64_t> strides, Fn row) {
  int64_t rank = static_cast<int64_t>(extents.size());
  if (rank == 0)
    return row(int64_t(0), int64_t(0), int64_t(1), int64_t(0));
  for (int64_t extent : extents)
    if (extent == 0)
      return;
  Extents index(rank, 0);
  int64_t offset = 0, linear = 0, inner = extents.back();
  while (true) {
    row(offset, linear, inner, strides.back());
    linear += inner;
    int64_t dim = rank - 2;
    for (; dim >= 0; --dim) {
      offset += strides[dim];
      if (++index[dim] < extents[dim])
        break;
      offset -= strides[dim] * extents[dim];
      index[dim] = 0;
    }
    if (dim < 0)
      return;
  }
}
} // namespace detail

template <typename T, typename U>
void gatherStrided(const T *source, llvm::ArrayRef<int64_t> extents,
                   llvm::ArrayRef<int64_t> strides, U *target) {
  detail::forEachRow(
      extents, strides,
      [&](int64_t offset, int64_t linear, int64_t count, int64_t stride) {
        const T *from = source + offset;
        U *to = target + linear;
        for (int64_t i = 0; i < count; ++i)
          to[i] = static_cast<U>(from[i * stride]);
      });
}

template <typename T, typename U>
void scatterStrided(const T *source, llvm::ArrayRef<int64_t> extents,
                    llvm::ArrayRef<int64_t> strides, U *target) {
  detail::forEachRow(
      extents, strides,
      [&](int64_t offset, int64_t linear, int64_t count, int64_t stride) {
        const T *from = source + linear;
        U *to = target + offset;
        for (int64_t i = 0; i < count; ++i)
          to[i * stride] = static_cast<U>(from[i]);
      });
}

} // namespace ra::reference

#endif // RA_LIB_REFERENCE_ARRAY_H
