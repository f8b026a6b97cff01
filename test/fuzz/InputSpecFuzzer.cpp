//===- InputSpecFuzzer.cpp - Hostile input specs --------------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ra/Runtime/InputSpec.h"

#include <cstdlib>

using namespace ra::runtime;

/// Every text is an error or a spec; specs that name no file are materialised.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const std::string text(reinterpret_cast<const char *>(data), size);
  Expected<InputSpec> spec = parseInputSpec(text);
  if (!spec) {
    if (spec.message().empty())
      std::abort();
    return 0;
  }
  if (spec->text != text)
    std::abort();
  if (spec->kind == InputSpec::Kind::Npy ||
      spec->kind == InputSpec::Kind::Safetensors)
    return 0;
  Shape dims = {3, 5};
  ElementType type = ElementType::F16;
  if (spec->kind == InputSpec::Kind::Literal) {
    // One value may stand for any number of elements.
    if (*checkedNumElements(spec->shape) > 100000)
      return 0;
    dims.assign(spec->shape.size(), -1);
    type = spec->type;
  }
  Expected<Tensor> tensor = materialise(*spec, type, dims, {1, 2});
  if (!tensor)
    std::abort();
  if (spec->kind == InputSpec::Kind::Literal && tensor->shape() != spec->shape)
    std::abort();
  return 0;
}
