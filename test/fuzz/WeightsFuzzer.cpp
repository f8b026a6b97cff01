//===- WeightsFuzzer.cpp - Hostile checkpoints and options ----------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ra/Runtime/Repack.h"
#include "ra/Runtime/WeightsReport.h"
#include "ra/Runtime/WeightsText.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <fuzzer/FuzzedDataProvider.h>
#include <unistd.h>

using namespace ra::runtime;

namespace {

void check(const Expected<ConversionReport> &result, const std::string &out) {
  const bool there = std::filesystem::exists(out);
  if (!result && result.message().empty())
    std::abort();
  // A file if and only if the conversion was done.
  if (there != (result && result->refusals.empty()))
    std::abort();
  if (there && !Safetensors::open(out))
    std::abort();
  ::unlink(out.c_str());
}

} // namespace

/// Any bytes as a checkpoint, converted or not, and any text as options: an
/// error, a refusal, or a file that can be read.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  FuzzedDataProvider input(data, size);
  FoldOptions options;
  options.numHeads = input.ConsumeIntegralInRange<int64_t>(-1, 8);
  options.numKvHeads = input.ConsumeIntegralInRange<int64_t>(-1, 8);
  options.ranks = {input.ConsumeIntegralInRange<int64_t>(-1, 8)};
  options.lowPart =
      input.PickValueInArray({LowPart::Last, LowPart::Random, LowPart::Svd});
  options.gateSplit =
      input.ConsumeBool() ? GateSplit::Query : GateSplit::Symmetric;
  options.grouped =
      input.ConsumeBool() ? GroupedMode::Slots : GroupedMode::Mean;
  if (input.ConsumeBool())
    options.rope =
        RotarySpec{input.ConsumeBool() ? RopeStyle::Half : RopeStyle::None,
                   input.ConsumeIntegralInRange<int64_t>(-2, 10)};
  options.keepRaw = input.ConsumeBool();
  if (input.ConsumeBool())
    options.dtype = input.ConsumeBool() ? ElementType::F16 : ElementType::F64;
  if (Expected<GateTable> gates =
          parseGateLines(input.ConsumeRandomLengthString(30)))
    options.wStd = *gates;
  if (Expected<GateTable> gates =
          parseGates("0" + input.ConsumeRandomLengthString(30)))
    options.wRec = *gates;
  (void)parseIndices(input.ConsumeRandomLengthString(10));
  const std::string bytes = input.ConsumeRemainingBytesAsString();

  static const std::string folder =
      (std::filesystem::temp_directory_path() /
       ("ra-fuzz-weights-" + std::to_string(::getpid())))
          .string();
  std::filesystem::create_directories(folder);
  const std::string in = folder + "/in", out = folder + "/out";
  std::ofstream(in, std::ios::binary) << bytes;
  check(repack(in, out, std::nullopt, {}, options), out);
  check(unpack(in, out), out);
  check(rebake(in, out, {}, options.wStd, options.wRec), out);
  if (Expected<std::vector<LayerStatistics>> statistics =
          fileStatistics(in, {}))
    (void)statisticsJson(*statistics);
  (void)readStoredLayer(in, std::nullopt);
  return 0;
}
