//===- PtxFuzzer.cpp - Hostile PTX ---------------------------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ra/Runtime/Sim/Simulator.h"

#include <cstdlib>
#include <string>

using namespace ra::runtime;
using namespace ra::runtime::sim;

/// Every text is an error with a message, or a module whose kernels can be
/// looked at and started; what they do ends in findings at worst.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  Simulator sim;
  const std::string text(reinterpret_cast<const char *>(data), size);
  Expected<unsigned> loaded = sim.loadModule(text, "fuzz.ptx");
  if (!loaded) {
    if (loaded.message().substr(0, 8) != "fuzz.ptx")
      std::abort();
    return 0;
  }
  const Expected<uint64_t> buffer = sim.allocate(4096, "buffer");
  for (const std::string &name : sim.kernelNames(*loaded)) {
    const Expected<const Kernel *> kernel = sim.findKernel(*loaded, name);
    const KernelInfo info = Simulator::info(**kernel);
    std::vector<std::vector<uint8_t>> arguments;
    for (const ParameterInfo &parameter : info.parameters) {
      std::vector<uint8_t> bytes(parameter.bytes, 1);
      if (bytes.size() == 8)
        for (size_t i = 0; i < 8; ++i)
          bytes[i] = static_cast<uint8_t>(*buffer >> (8 * i));
      arguments.push_back(std::move(bytes));
    }
    LaunchOptions options;
    options.budget = 2000;
    options.threads = 1;
    options.counters = true;
    options.async = size % 2 ? AsyncMode::Lazy : AsyncMode::Eager;
    const Dim3 block =
        info.requiredThreads.x ? info.requiredThreads : Dim3{64, 1, 1};
    const Expected<LaunchResult> result =
        sim.launch(**kernel, {1, 1, 1}, block, 1024, arguments, options);
    if (result)
      for (const Finding &finding : result->findings)
        if (finding.toString().empty())
          std::abort();
  }
  return 0;
}
