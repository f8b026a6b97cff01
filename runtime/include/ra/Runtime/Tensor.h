//===- Tensor.h - Dense host tensors ----------------------------*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A contiguous row-major tensor in host memory. Copies of a Tensor share its
// bytes; the bytes are either an allocation that the tensor owns (64-byte
// aligned, writable) or a read-only view that keeps its owner, such as a mapped
// file, alive.
//
//===----------------------------------------------------------------------===//

#ifndef RA_RUNTIME_TENSOR_H
#define RA_RUNTIME_TENSOR_H

#include "ra/Runtime/ElementType.h"
#include "ra/Runtime/Status.h"

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace ra::runtime {

/// Extents, outermost first; empty for a scalar.
using Shape = std::vector<int64_t>;

/// "2x3xf32"; "f32" for a scalar; a negative extent prints as "?".
std::string shapeString(const Shape &shape, ElementType type);

/// The number of elements. Fails on a negative extent and when the product of
/// the extents that are not 0 does not fit in int64_t.
Expected<int64_t> checkedNumElements(const Shape &shape);

/// The number of bytes. Fails as checkedNumElements() does, and when the size
/// does not fit in both int64_t and size_t.
Expected<size_t> checkedByteSize(const Shape &shape, ElementType type);

/// A dense host tensor; see the file's description for who owns the bytes.
class Tensor {
public:
  /// Alignment in bytes of the memory that create() allocates.
  static constexpr size_t kAlignment = 64;

  /// An empty tensor of shape [0] and type F32.
  Tensor() = default;

  /// A zero-filled tensor. Fails on a bad shape and when memory runs out.
  static Expected<Tensor> create(Shape shape, ElementType type);

  /// A read-only tensor on `data`, kept alive through `owner`. `data` must be
  /// aligned for the type and have checkedByteSize() bytes; `byteSize` is
  /// compared with that, alignment is checked too.
  static Expected<Tensor> view(Shape shape, ElementType type, const void *data,
                               size_t byteSize,
                               const std::shared_ptr<const void> &owner);

  /// A tensor that holds `values` in row-major order, each rounded once to
  /// `type`. Fails when their number is not that of the shape.
  static Expected<Tensor> fromDoubles(Shape shape, ElementType type,
                                      const std::vector<double> &values);

  const Shape &shape() const { return extents; }
  int64_t rank() const { return static_cast<int64_t>(extents.size()); }
  int64_t dim(size_t index) const { return extents[index]; }
  ElementType elementType() const { return type; }
  int64_t numElements() const { return count; }
  size_t byteSize() const { return bytes; }

  /// The first byte; may be null when byteSize() is 0.
  const void *data() const { return storage.get(); }

  /// False for views.
  bool isWritable() const { return writable; }

  /// The first byte, for writing; null for views. Copies of this tensor see
  /// what is written.
  void *mutableData() {
    // The bytes were allocated without const by create().
    return writable ? const_cast<void *>(storage.get()) : nullptr;
  }

  /// The element at `linearIndex` (row-major) as f64; see loadAsDouble().
  double at(int64_t linearIndex) const {
    assert(linearIndex >= 0 && linearIndex < count && "index out of range");
    return loadAsDouble(type, bytesAt(linearIndex));
  }

  /// Stores `value` at `linearIndex`, rounded once; see storeFromDouble().
  /// Only on writable tensors.
  void set(int64_t linearIndex, double value) {
    assert(writable && "a view is read-only: clone() it first");
    assert(linearIndex >= 0 && linearIndex < count && "index out of range");
    storeFromDouble(type, const_cast<char *>(bytesAt(linearIndex)), value);
  }

  /// Reads `number` elements from `begin` on into `out`, as at() does.
  void readDoubles(int64_t begin, int64_t number, double *out) const;

  /// Stores `number` elements from `begin` on, as set() does.
  void writeDoubles(int64_t begin, int64_t number, const double *values);

  /// All elements as f64, row-major.
  std::vector<double> readAsDoubles() const;

  /// A writable copy that shares nothing. Fails when memory runs out.
  Expected<Tensor> clone() const;

  /// A tensor of the same values as `target`: one rounding for floating-point
  /// targets; integers as storeFromDouble() says, from integers without the
  /// way through f64. The same type gives a tensor that shares its bytes.
  Expected<Tensor> convertTo(ElementType target) const;

  /// The same bytes in another shape. Fails when the element counts differ.
  Expected<Tensor> reshape(Shape shape) const;

private:
  const char *bytesAt(int64_t index) const {
    return static_cast<const char *>(storage.get()) +
           static_cast<size_t>(index) * elementSize(type);
  }

  Shape extents = {0};
  ElementType type = ElementType::F32;
  int64_t count = 0;
  size_t bytes = 0;
  bool writable = true;
  std::shared_ptr<const void> storage;
};

} // namespace ra::runtime

#endif // RA_RUNTIME_TENSOR_H
