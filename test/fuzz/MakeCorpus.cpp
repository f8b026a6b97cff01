//===- MakeCorpus.cpp - Seeds for the fuzzers -----------------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Writes a folder of small valid and nearly valid inputs per fuzzer. Files that
// a fuzzer found later belong into test/unit/Runtime as tests.
//
//===----------------------------------------------------------------------===//

#include "../unit/Runtime/SampleArtifact.h"
#include "ra/Runtime/Npy.h"
#include "ra/Runtime/Repack.h"
#include "ra/Runtime/Safetensors.h"

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>

using namespace ra::runtime;

namespace {

bool check(const Status &status) {
  if (!status.ok())
    std::fprintf(stderr, "%s\n", status.message().c_str());
  return status.ok();
}

void writeText(const std::string &path, const std::string &text) {
  std::ofstream(path, std::ios::binary) << text;
}

/// A file of the format with any header.
std::string safetensorsBytes(const std::string &header, size_t dataSize) {
  std::string bytes;
  for (size_t i = 0; i < 8; ++i)
    bytes += static_cast<char>((header.size() >> (8 * i)) & 0xff);
  return bytes + header + std::string(dataSize, '\1');
}

std::string readText(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// Small checkpoints of every family, as they are and converted, with what
/// WeightsFuzzer.cpp takes its options from (strings in front, numbers from the
/// end); and their recipes.
bool writeConversions(const std::string &root) {
  const std::string folder = root + "/weights/";
  const std::string front = "0.9\\ .1\\ 0\\ ";
  // No dtype, rows kept, no rope, mean, symmetric, the last dims, rank 1, as
  // many key heads, two heads.
  const std::string back("\0\1\0\0\0\0\2\1\3", 9);
  int count = 0;
  for (WeightFamily family : {WeightFamily::Gpt2, WeightFamily::Linear,
                              WeightFamily::Llama, WeightFamily::Bert})
    for (LowPart part : {LowPart::Last, LowPart::Random, LowPart::Svd}) {
      FoldOptions fold;
      fold.numHeads = 2;
      fold.ranks = {1};
      fold.lowPart = part;
      fold.rope = RotarySpec();
      fold.keepRaw = count % 2 == 0;
      const std::string path = folder + std::to_string(count);
      Expected<ConversionReport> made =
          initWeights(path, family, {1, 4, 0}, count, fold);
      if (!made || !made->refusals.empty()) {
        std::fprintf(stderr, "%s: not made\n", path.c_str());
        return false;
      }
      Expected<Safetensors> file = Safetensors::open(path);
      if (!file)
        return false;
      writeText(root + "/recipe/" + std::to_string(count),
                file->metadata().at("ra.recipe"));
      if (fold.keepRaw && unpack(path, path + "-original"))
        writeText(path + "-original",
                  front + readText(path + "-original") + back);
      writeText(path, front + readText(path) + back);
      ++count;
    }
  return true;
}

} // namespace

int main(int argc, char **argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: ra-fuzz-corpus FOLDER\n");
    return 2;
  }
  const std::string root = argv[1];
  for (const char *name : {"npy", "safetensors", "safetensors-writer", "input",
                           "ptx", "artifact", "recipe", "weights"}) {
    std::error_code error;
    std::filesystem::create_directories(root + "/" + name, error);
    if (error) {
      std::fprintf(stderr, "%s/%s: %s\n", root.c_str(), name,
                   error.message().c_str());
      return 1;
    }
  }

  const std::string npyFolder = root + "/npy/";
  const std::string safetensorsFolder = root + "/safetensors/";
  int count = 0;
  std::vector<NamedTensor> tensors;
  for (ElementType type :
       {ElementType::F64, ElementType::F32, ElementType::F16, ElementType::BF16,
        ElementType::I64, ElementType::U16, ElementType::I8, ElementType::I1})
    for (const Shape &shape : {Shape{}, Shape{3}, Shape{2, 2}, Shape{0, 4}}) {
      Expected<Tensor> tensor = Tensor::create(shape, type);
      if (!tensor)
        return 1;
      for (int64_t i = 0; i < tensor->numElements(); ++i)
        tensor->set(i, static_cast<double>(i));
      const std::string number = std::to_string(count++);
      if (!check(writeNpy(npyFolder + number, *tensor)) ||
          !check(writeSafetensors(safetensorsFolder + number,
                                  {{"t" + number, *tensor}},
                                  {{"format", "pt"}})))
        return 1;
      tensors.push_back({"layer." + number + ".weight", *tensor});
    }
  if (!check(writeSafetensors(safetensorsFolder + "all", tensors)))
    return 1;
  count = 0;
  for (const auto &[header, size] :
       {std::pair("{}", 0), std::pair("{\"__metadata__\":{\"a\":\"b\"}}", 0),
        std::pair("{\"\\u00e9\\ud83d\\ude00\":{\"dtype\":\"U8\",\"shape\":[1,"
                  "1],\"data_offsets\":[0,1]}}   ",
                  1),
        std::pair("{\"a\":{\"data_offsets\":[1,2],\"dtype\":\"BOOL\",\"shape\":"
                  "[]},\"b\":{\"dtype\":\"I8\",\"shape\":[1],\"data_offsets\":"
                  "[0,1]}}",
                  2)})
    writeText(root + "/safetensors/header" + std::to_string(count++),
              safetensorsBytes(header, static_cast<size_t>(size)));
  count = 0;
  for (const char *text :
       {"@file.npy", "@file.npy:cast", "@m.safetensors#h.0.weight:cast",
        "normal(0,1)", "uniform(-1,1.5e-3)", "2x3xf32=1,2,3,4,5,6", "f16=0.1",
        "4x4xbf16=-inf", "3xi8=1,-2,3", "2xui64=1,2", "i1=1", "0x7xf64=nan"})
    writeText(root + "/input/" + std::to_string(count++), text);
  std::error_code error;
  for (const auto &entry :
       std::filesystem::directory_iterator(RA_SIM_INPUTS, error))
    if (entry.path().extension() == ".ptx")
      std::filesystem::copy_file(
          entry.path(), root + "/ptx/" + entry.path().filename().string(),
          std::filesystem::copy_options::overwrite_existing, error);
  if (error) {
    std::fprintf(stderr, "%s: %s\n", RA_SIM_INPUTS, error.message().c_str());
    return 1;
  }
  Artifact artifact = test::makeSampleArtifact();
  if (!check(writeArtifact(root + "/artifact/all", artifact)))
    return 1;
  artifact.entries[0].main.implementations.pop_back();
  artifact.images.pop_back();
  artifact.checks.clear();
  if (!check(writeArtifact(root + "/artifact/cpu", artifact)))
    return 1;
  if (!writeConversions(root))
    return 1;
  writeText(root + "/safetensors-writer/0", "\1\2\3name\\ key\\ value\\ ");
  return 0;
}
