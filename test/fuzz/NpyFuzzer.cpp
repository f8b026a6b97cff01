//===- NpyFuzzer.cpp - Hostile .npy files ---------------------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ra/Runtime/Npy.h"

#include <cstdlib>
#include <cstring>

using namespace ra::runtime;

/// Every byte sequence is an error or a tensor whose elements can be read.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  // Any alignment of the data must do.
  for (size_t shift : {size_t(0), size_t(1)}) {
    std::shared_ptr<char[]> bytes(new char[size + shift]);
    if (size != 0)
      std::memcpy(bytes.get() + shift, data, size);
    for (bool voidIsBF16 : {false, true}) {
      Expected<Tensor> tensor =
          parseNpy(bytes.get() + shift, size, bytes, "fuzz.npy", {voidIsBF16});
      if (!tensor) {
        if (tensor.message().empty())
          std::abort();
        continue;
      }
      if (tensor->byteSize() > size)
        std::abort();
      if (tensor->readAsDoubles().size() !=
          static_cast<size_t>(tensor->numElements()))
        std::abort();
    }
  }
  return 0;
}
