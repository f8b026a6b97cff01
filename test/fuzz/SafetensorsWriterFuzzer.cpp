//===- SafetensorsWriterFuzzer.cpp - Hostile names and metadata -----------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ra/Runtime/Safetensors.h"

#include <cstdlib>
#include <filesystem>
#include <fuzzer/FuzzedDataProvider.h>
#include <unistd.h>

using namespace ra::runtime;

/// Whatever the writer takes, the reader gives back.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  FuzzedDataProvider input(data, size);
  std::vector<NamedTensor> tensors;
  Metadata metadata;
  const auto number = input.ConsumeIntegralInRange<size_t>(0, 4);
  for (size_t i = 0; i < number; ++i) {
    Shape shape(input.ConsumeIntegralInRange<size_t>(0, 3));
    for (int64_t &extent : shape)
      extent = input.ConsumeIntegralInRange<int64_t>(0, 4);
    const auto type = static_cast<ElementType>(
        input.ConsumeIntegralInRange(0, static_cast<int>(ElementType::I1)));
    Expected<Tensor> tensor = Tensor::create(shape, type);
    if (!tensor)
      std::abort();
    for (int64_t e = 0; e < tensor->numElements(); ++e)
      tensor->set(e, static_cast<double>(input.ConsumeIntegral<int8_t>()));
    tensors.push_back({input.ConsumeRandomLengthString(40), *tensor});
    metadata[input.ConsumeRandomLengthString(20)] =
        input.ConsumeRandomLengthString(20);
  }
  static const std::string path =
      std::filesystem::temp_directory_path() /
      ("ra-fuzz-" + std::to_string(::getpid()) + ".safetensors");
  if (!writeSafetensors(path, tensors, metadata).ok())
    return 0;
  Expected<Safetensors> file = Safetensors::open(path);
  ::unlink(path.c_str());
  if (!file || file->metadata() != metadata ||
      file->entries().size() != tensors.size())
    std::abort();
  for (const NamedTensor &named : tensors) {
    Expected<Tensor> tensor = file->get(named.name);
    if (!tensor || tensor->shape() != named.tensor.shape() ||
        tensor->elementType() != named.tensor.elementType() ||
        tensor->readAsDoubles() != named.tensor.readAsDoubles())
      std::abort();
  }
  return 0;
}
