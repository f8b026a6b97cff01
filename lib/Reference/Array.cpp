//===- Array.cpp - Values of the reference interpreter --------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Array.h"

#include <cstdlib>
#include <cstring>

using namespace mlir;
using namespace ra::reference;

std::optional<Array> Array::allocate(ArrayRef<int64_t> shape, bool isFloat) {
  ra::runtime::Expected<size_t> bytes = ra::runtime::checkedByteSize(
      ra::runtime::Shape(shape.begin(), shape.end()),
      ra::runtime::ElementType::F64);
  if (!bytes)
    return std::nullopt;
  // malloc and not new: without exceptions a failure must come back as null.
  void *memory = std::malloc(*bytes ? *bytes : 1);
  if (!memory)
    return std::nullopt;
  Array array;
  array.extents.assign(shape.begin(), shape.end());
  array.number = static_cast<int64_t>(*bytes / sizeof(double));
  array.floating = isFloat;
  array.storage = std::shared_ptr<void>(memory, std::free);
  return array;
}

Array Array::scalar(double value) {
  Array array;
  array.number = 1;
  array.storage = std::make_shared<double>(value);
  return array;
}

Array Array::scalar(int64_t value) {
  Array array;
  array.number = 1;
  array.floating = false;
  array.storage = std::make_shared<int64_t>(value);
  return array;
}

bool Array::makeUnique() {
  if (isUnique())
    return true;
  std::optional<Array> copy = allocate(extents, floating);
  if (!copy)
    return false;
  std::memcpy(copy->storage.get(), storage.get(),
              static_cast<size_t>(number) * sizeof(double));
  *this = std::move(*copy);
  return true;
}

Array Array::reshaped(ArrayRef<int64_t> shape) const {
  Array array = *this;
  array.extents.assign(shape.begin(), shape.end());
  return array;
}

Extents ra::reference::rowMajorStrides(ArrayRef<int64_t> shape) {
  Extents strides(shape.size());
  int64_t stride = 1;
  for (size_t i = shape.size(); i-- > 0;) {
    strides[i] = stride;
    stride *= shape[i];
  }
  return strides;
}

IterationView ra::reference::viewThrough(ArrayRef<int64_t> shape,
                                         AffineMap map) {
  Extents strides = rowMajorStrides(shape);
  IterationView view;
  view.extents.resize(map.getNumDims());
  view.strides.resize(map.getNumDims());
  for (unsigned i = 0; i < map.getNumResults(); ++i) {
    unsigned dim = map.getDimPosition(i);
    view.extents[dim] = shape[i];
    view.strides[dim] = strides[i];
  }
  return view;
}

bool ra::reference::isContiguous(ArrayRef<int64_t> extents,
                                 ArrayRef<int64_t> strides) {
  Extents expected = rowMajorStrides(extents);
  for (size_t i = 0; i < extents.size(); ++i)
    if (extents[i] != 1 && strides[i] != expected[i])
      return false;
  return true;
}
