//===- SafetensorsFuzzer.cpp - Hostile .safetensors files -----------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ra/Runtime/Safetensors.h"

#include <cstdlib>
#include <cstring>

using namespace ra::runtime;

/// Every byte sequence is an error or a file whose tensors can all be read and
/// cover its data exactly.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  std::shared_ptr<char[]> bytes(new char[size]);
  if (size != 0)
    std::memcpy(bytes.get(), data, size);
  Expected<Safetensors> file =
      Safetensors::parse(bytes.get(), size, bytes, "fuzz.safetensors");
  if (!file) {
    if (file.message().empty())
      std::abort();
    return 0;
  }
  uint64_t covered = 0;
  for (const TensorEntry &entry : file->entries()) {
    Expected<Tensor> tensor = file->get(entry.name);
    if (!tensor || entry.begin != covered)
      std::abort();
    covered = entry.end;
    if (tensor->readAsDoubles().size() !=
        static_cast<size_t>(tensor->numElements()))
      std::abort();
  }
  if (covered > size || file->get("no such tensor: \xff"))
    std::abort();
  return 0;
}
