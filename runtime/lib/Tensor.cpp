//===- Tensor.cpp - Dense host tensors ------------------------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ra/Runtime/Tensor.h"

#include <cstdlib>
#include <cstring>
#include <limits>
#include <unistd.h>
#include <utility>

using namespace ra::runtime;

namespace {

/// An integer element, wide enough for I64 and U64 alike.
__int128 loadInteger(ElementType type, const void *data) {
  int64_t word = 0;
  switch (type) {
  case ElementType::I64:
    std::memcpy(&word, data, sizeof(word));
    return word;
  case ElementType::U64: {
    uint64_t wide;
    std::memcpy(&wide, data, sizeof(wide));
    return wide;
  }
  default:
    // Everything narrower is exact in f64.
    return static_cast<int64_t>(loadAsDouble(type, data));
  }
}

/// Saturates, as storeFromDouble() does.
void storeInteger(ElementType type, void *data, __int128 value) {
  switch (type) {
  case ElementType::I64: {
    constexpr __int128 low = std::numeric_limits<int64_t>::min();
    constexpr __int128 high = std::numeric_limits<int64_t>::max();
    const auto word = static_cast<int64_t>(value < low    ? low
                                           : value > high ? high
                                                          : value);
    std::memcpy(data, &word, sizeof(word));
    return;
  }
  case ElementType::U64: {
    constexpr __int128 high = std::numeric_limits<uint64_t>::max();
    const auto word = static_cast<uint64_t>(value < 0      ? 0
                                            : value > high ? high
                                                           : value);
    std::memcpy(data, &word, sizeof(word));
    return;
  }
  default:
    // The rounding of a large value to f64 keeps it on its side of the limits.
    storeFromDouble(type, data, static_cast<double>(value));
  }
}

/// Bytes; what the system does not say counts as the half of the address space.
size_t physicalMemory() {
  const long pages = ::sysconf(_SC_PHYS_PAGES);
  const long pageSize = ::sysconf(_SC_PAGESIZE);
  const size_t most = std::numeric_limits<size_t>::max() / 2;
  if (pages <= 0 || pageSize <= 0 ||
      static_cast<size_t>(pages) > most / static_cast<size_t>(pageSize))
    return most;
  return static_cast<size_t>(pages) * static_cast<size_t>(pageSize);
}

} // namespace

std::string ra::runtime::shapeString(const Shape &shape, ElementType type) {
  std::string text;
  for (int64_t extent : shape)
    text += (extent < 0 ? "?" : std::to_string(extent)) + "x";
  text += elementTypeName(type);
  return text;
}

Expected<int64_t> ra::runtime::checkedNumElements(const Shape &shape) {
  int64_t product = 1;
  bool empty = false;
  for (size_t axis = 0; axis < shape.size(); ++axis) {
    const int64_t extent = shape[axis];
    if (extent < 0)
      return fail("extent " + std::to_string(extent) + " of axis " +
                  std::to_string(axis) + " is negative");
    if (extent == 0) {
      empty = true;
      continue;
    }
    if (__builtin_mul_overflow(product, extent, &product))
      return fail("the product of the extents overflows 64 bits");
  }
  return empty ? 0 : product;
}

Expected<size_t> ra::runtime::checkedByteSize(const Shape &shape,
                                              ElementType type) {
  Expected<int64_t> count = checkedNumElements(shape);
  if (!count)
    return count.takeFailure();
  int64_t bytes = 0;
  if (__builtin_mul_overflow(*count, static_cast<int64_t>(elementSize(type)),
                             &bytes) ||
      static_cast<uint64_t>(bytes) > std::numeric_limits<size_t>::max())
    return fail("the size in bytes overflows 64 bits");
  return static_cast<size_t>(bytes);
}

Expected<Tensor> Tensor::create(Shape shape, ElementType type) {
  Expected<size_t> bytes = checkedByteSize(shape, type);
  if (!bytes)
    return fail("tensor " + shapeString(shape, type) + ": " + bytes.message());
  // Systems that overcommit hand out memory that they cannot back and end the
  // process when it is touched.
  if (*bytes > physicalMemory())
    return fail("tensor " + shapeString(shape, type) + " takes " +
                std::to_string(*bytes) +
                " bytes, more than the memory of this machine");

  Tensor tensor;
  if (*bytes != 0) {
    const size_t rounded = (*bytes + kAlignment - 1) / kAlignment * kAlignment;
    void *memory = std::aligned_alloc(kAlignment, rounded);
    if (!memory)
      return fail("tensor " + shapeString(shape, type) + ": out of memory (" +
                  std::to_string(*bytes) + " bytes)");
    std::memset(memory, 0, rounded);
    tensor.storage = std::shared_ptr<const void>(
        memory, [](const void *held) { std::free(const_cast<void *>(held)); });
  }
  tensor.count = static_cast<int64_t>(*bytes / elementSize(type));
  tensor.bytes = *bytes;
  tensor.extents = std::move(shape);
  tensor.type = type;
  return tensor;
}

Expected<Tensor> Tensor::view(Shape shape, ElementType type, const void *data,
                              size_t byteSize,
                              const std::shared_ptr<const void> &owner) {
  Expected<size_t> bytes = checkedByteSize(shape, type);
  if (!bytes)
    return fail("tensor " + shapeString(shape, type) + ": " + bytes.message());
  if (*bytes != byteSize)
    return fail("tensor " + shapeString(shape, type) + " takes " +
                std::to_string(*bytes) + " bytes, the data has " +
                std::to_string(byteSize));
  if (reinterpret_cast<uintptr_t>(data) % elementSize(type) != 0)
    return fail("tensor " + shapeString(shape, type) +
                ": the data is not aligned for its type; copy it");

  Tensor tensor;
  tensor.count = static_cast<int64_t>(*bytes / elementSize(type));
  tensor.bytes = *bytes;
  tensor.extents = std::move(shape);
  tensor.type = type;
  tensor.writable = false;
  tensor.storage = std::shared_ptr<const void>(owner, data);
  return tensor;
}

Expected<Tensor> Tensor::fromDoubles(Shape shape, ElementType type,
                                     const std::vector<double> &values) {
  Expected<Tensor> tensor = create(std::move(shape), type);
  if (!tensor)
    return tensor;
  if (static_cast<uint64_t>(tensor->numElements()) != values.size())
    return fail("tensor " + shapeString(tensor->shape(), type) + " has " +
                std::to_string(tensor->numElements()) + " elements, got " +
                std::to_string(values.size()) + " values");
  tensor->writeDoubles(0, tensor->numElements(), values.data());
  return tensor;
}

void Tensor::readDoubles(int64_t begin, int64_t number, double *out) const {
  assert(begin >= 0 && number >= 0 && number <= count - begin &&
         "range out of the tensor");
  if (number == 0)
    return;
  const char *from = bytesAt(begin);
  const size_t size = elementSize(type);
  // The common types have loops that a compiler vectorises: weights are
  // converted by the hundred million.
  if (type == ElementType::F64) {
    std::memcpy(out, from, static_cast<size_t>(number) * size);
    return;
  }
  if (type == ElementType::F32) {
    const auto *values = reinterpret_cast<const float *>(from);
    for (int64_t i = 0; i < number; ++i)
      out[i] = static_cast<double>(values[i]);
    return;
  }
  for (int64_t i = 0; i < number; ++i, from += size)
    out[i] = loadAsDouble(type, from);
}

void Tensor::writeDoubles(int64_t begin, int64_t number, const double *values) {
  assert(writable && "a view is read-only: clone() it first");
  assert(begin >= 0 && number >= 0 && number <= count - begin &&
         "range out of the tensor");
  if (number == 0)
    return;
  char *to = const_cast<char *>(bytesAt(begin));
  const size_t size = elementSize(type);
  if (type == ElementType::F64) {
    std::memcpy(to, values, static_cast<size_t>(number) * size);
    return;
  }
  if (type == ElementType::F32) {
    auto *floats = reinterpret_cast<float *>(to);
    for (int64_t i = 0; i < number; ++i)
      floats[i] = static_cast<float>(values[i]);
    return;
  }
  for (int64_t i = 0; i < number; ++i, to += size)
    storeFromDouble(type, to, values[i]);
}

std::vector<double> Tensor::readAsDoubles() const {
  std::vector<double> values(static_cast<size_t>(count));
  readDoubles(0, count, values.data());
  return values;
}

Expected<Tensor> Tensor::clone() const {
  Expected<Tensor> copy = create(extents, type);
  if (copy && bytes != 0)
    std::memcpy(copy->mutableData(), data(), bytes);
  return copy;
}

Expected<Tensor> Tensor::convertTo(ElementType target) const {
  if (target == type)
    return *this;
  Expected<Tensor> result = create(extents, target);
  if (!result)
    return result;
  const bool integers = !isFloat(type) && !isFloat(target);
  char *to = static_cast<char *>(result->mutableData());
  for (int64_t i = 0; i < count; ++i, to += elementSize(target)) {
    if (integers)
      storeInteger(target, to, loadInteger(type, bytesAt(i)));
    else
      storeFromDouble(target, to, loadAsDouble(type, bytesAt(i)));
  }
  return result;
}

Expected<Tensor> Tensor::reshape(Shape shape) const {
  Expected<int64_t> number = checkedNumElements(shape);
  if (!number)
    return number.takeFailure();
  if (*number != count)
    return fail("cannot reshape " + shapeString(extents, type) + " to " +
                shapeString(shape, type) + ": the element counts differ");
  Tensor result = *this;
  result.extents = std::move(shape);
  return result;
}
