//===- Text.h - Text for messages -------------------------------*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RA_RUNTIME_LIB_TEXT_H
#define RA_RUNTIME_LIB_TEXT_H

#include "ra/Runtime/Tensor.h"

#include <string>
#include <string_view>

namespace ra::runtime {

/// `text` in single quotes, fit for a terminal: control characters and broken
/// UTF-8 are escaped, long texts cut short. For names that come from files.
std::string quoted(std::string_view text);

/// Bytes of the well-formed UTF-8 sequence at the start of `text`; 0 when there
/// is none (also for overlong forms, surrogates and code points > 10FFFF).
size_t utf8SequenceLength(std::string_view text);

/// "[2, 3]".
std::string extentsString(const Shape &shape);

/// A tensor on bytes of a mapped file: a view that keeps `owner` alive, or a
/// copy where the data is not aligned for the type.
Expected<Tensor> tensorOnBytes(Shape shape, ElementType type, const char *data,
                               size_t size,
                               const std::shared_ptr<const void> &owner);

} // namespace ra::runtime

#endif // RA_RUNTIME_LIB_TEXT_H
