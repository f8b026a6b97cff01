//===- ArtifactFuzzer.cpp - Hostile artifacts -----------------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ra/Runtime/Artifact.h"

#include <cstdlib>
#include <cstring>

using namespace ra::runtime;

static uint64_t load(const char *data, size_t bytes) {
  uint64_t value = 0;
  for (size_t i = 0; i < bytes; ++i)
    value |= static_cast<uint64_t>(static_cast<unsigned char>(data[i]))
             << (8 * i);
  return value;
}

static void store(char *data, uint32_t value) {
  for (size_t i = 0; i < 4; ++i)
    data[i] = static_cast<char>(value >> (8 * i) & 0xff);
}

/// A fuzzer does not find checksums by itself: makes those right that are in
/// reach.
static void sign(char *data, size_t size) {
  if (size < 32)
    return;
  uint64_t count = load(data + 12, 4);
  if (count > (size - 32) / 32)
    return;
  for (uint64_t i = 0; i < count; ++i) {
    char *entry = data + 32 + 32 * i;
    uint64_t offset = load(entry + 8, 8), bytes = load(entry + 16, 8);
    if (offset <= size && bytes <= size - offset)
      store(entry + 24, crc32(data + offset, bytes));
  }
  store(data + 24, crc32(data + 32, count * 32));
  store(data + 28, crc32(data, 28));
}

/// Every byte sequence is an error or an artifact whose parts can be used.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  std::shared_ptr<char[]> bytes(new char[size]);
  if (size != 0)
    std::memcpy(bytes.get(), data, size);
  sign(bytes.get(), size);
  Expected<Artifact> artifact =
      parseArtifact(bytes.get(), size, bytes, "fuzz.raf");
  if (!artifact) {
    if (artifact.message().empty())
      std::abort();
    return 0;
  }
  if (!validateArtifact(*artifact).ok())
    std::abort();
  size_t total = 0;
  for (const ArtifactImage &image : artifact->images)
    for (size_t i = 0; i < image.size; ++i)
      total += static_cast<unsigned char>(image.data[i]);
  for (const Tensor &constant : artifact->constants)
    total += constant.readAsDoubles().size();
  for (const ArtifactEntry &entry : artifact->entries)
    for (const ArtifactFunction *function : {&entry.main, &entry.prepare}) {
      std::vector<Shape> shapes;
      for (const ArtifactTensor &argument : function->arguments) {
        shapes.push_back(argument.shape);
        for (int64_t &extent : shapes.back())
          if (extent < 0)
            extent = 3;
      }
      Expected<std::vector<Shape>> results = function->inferResults(shapes);
      total += results ? results->size() : results.message().size();
      for (const ArtifactImplementation &item : function->implementations)
        for (const ArtifactBuffer &buffer : item.buffers)
          total += buffer.bytes.toString().size() +
                   (buffer.bytes.evaluate(shapes) ? 1 : 0);
    }
  // All of it was read.
  static volatile size_t sink;
  sink = total;
  return 0;
}
