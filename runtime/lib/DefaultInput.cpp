//===- DefaultInput.cpp - Inputs that nobody gave -------------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ra/Runtime/DefaultInput.h"
#include "Text.h"
#include "ra/Runtime/InputSpec.h"

#include <cmath>

using namespace ra::runtime;

Expected<Tensor> ra::runtime::makeRotaryTable(bool cosine, double base,
                                              ElementType type,
                                              const Shape &shape) {
  if (shape.size() < 2)
    return fail("a rotary table has two dims or three, not " +
                extentsString(shape));
  Expected<Tensor> table = Tensor::create(shape, type);
  if (!table)
    return table;
  int64_t half = shape.back(), positions = shape[shape.size() - 2];
  for (int64_t i = 0; i < table->numElements(); ++i) {
    auto position = static_cast<double>(i / half % positions);
    double angle = position * std::pow(base, -static_cast<double>(i % half) /
                                                 static_cast<double>(half));
    table->set(i, cosine ? std::cos(angle) : std::sin(angle));
  }
  return table;
}

Expected<Tensor> ra::runtime::makeDefaultInput(const std::string &text,
                                               ElementType type,
                                               const Shape &shape,
                                               RandomStream random) {
  if (text == "rotary-cos" || text == "rotary-sin")
    return makeRotaryTable(text == "rotary-cos", 10000.0, type, shape);
  Expected<InputSpec> spec = parseInputSpec(text);
  if (!spec)
    return spec.takeFailure();
  if (spec->kind != InputSpec::Kind::Normal &&
      spec->kind != InputSpec::Kind::Uniform)
    return fail(quoted(text) + " is not a default input");
  return materialise(*spec, type, shape, random);
}
