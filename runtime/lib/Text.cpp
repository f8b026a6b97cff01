//===- Text.cpp - Text for messages ---------------------------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Text.h"

#include <cstring>

using namespace ra::runtime;

size_t ra::runtime::utf8SequenceLength(std::string_view text) {
  auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  if (text.empty())
    return 0;
  const unsigned char lead = byte(0);
  if (lead < 0x80)
    return 1;
  const size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < length)
    return 0;
  for (size_t i = 1; i < length; ++i)
    if ((byte(i) & 0xc0) != 0x80)
      return 0;
  // Overlong three- and four-byte forms, surrogates, beyond the last plane.
  const unsigned char second = byte(1);
  if ((lead == 0xe0 && second < 0xa0) || (lead == 0xed && second >= 0xa0) ||
      (lead == 0xf0 && second < 0x90) || (lead == 0xf4 && second >= 0x90))
    return 0;
  return length;
}

std::string ra::runtime::quoted(std::string_view text) {
  constexpr size_t limit = 160;
  constexpr char digits[] = "0123456789abcdef";
  std::string result = "'";
  while (!text.empty()) {
    if (result.size() > limit)
      return result + "...'";
    const auto byte = static_cast<unsigned char>(text[0]);
    const size_t length = utf8SequenceLength(text);
    if (length == 0 || byte < 0x20 || byte == 0x7f) {
      result += "\\x";
      result += digits[byte >> 4];
      result += digits[byte & 15];
      text.remove_prefix(1);
      continue;
    }
    result += text.substr(0, length);
    text.remove_prefix(length);
  }
  return result + "'";
}

std::string ra::runtime::extentsString(const Shape &shape) {
  std::string text = "[";
  for (size_t axis = 0; axis < shape.size(); ++axis)
    text += (axis == 0 ? "" : ", ") +
            (shape[axis] < 0 ? std::string("?") : std::to_string(shape[axis]));
  return text + "]";
}

Expected<Tensor>
ra::runtime::tensorOnBytes(Shape shape, ElementType type, const char *data,
                           size_t size,
                           const std::shared_ptr<const void> &owner) {
  if (reinterpret_cast<uintptr_t>(data) % elementSize(type) == 0)
    return Tensor::view(std::move(shape), type, data, size, owner);
  Expected<Tensor> copy = Tensor::create(std::move(shape), type);
  if (!copy)
    return copy;
  if (copy->byteSize() != size)
    return fail("tensor " + shapeString(copy->shape(), type) + " takes " +
                std::to_string(copy->byteSize()) + " bytes, the data has " +
                std::to_string(size));
  if (size != 0)
    std::memcpy(copy->mutableData(), data, size);
  return copy;
}
