//===- DefaultInput.h - Inputs that nobody gave -----------------*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RA_RUNTIME_DEFAULTINPUT_H
#define RA_RUNTIME_DEFAULTINPUT_H

#include "ra/Runtime/Random.h"
#include "ra/Runtime/Status.h"
#include "ra/Runtime/Tensor.h"

#include <string>

namespace ra::runtime {

/// A rotary table [.., T, rot/2]: cos or sin of t * base^(-2f/rot), positions
/// from 0. Fails on less than two dims, and extents that are negative.
Expected<Tensor> makeRotaryTable(bool cosine, double base, ElementType type,
                                 const Shape &shape);

/// A tensor by `text`, which is a random spec (see InputSpec.h), or
///
///   rotary-cos, rotary-sin   tables of base 10000
///
/// Fails on any other text, a rotary table of less than two dims, and extents
/// that are negative.
Expected<Tensor> makeDefaultInput(const std::string &text, ElementType type,
                                  const Shape &shape, RandomStream random);

} // namespace ra::runtime

#endif // RA_RUNTIME_DEFAULTINPUT_H
