//===- Checkpoints.h - Small checkpoints of every family --------*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RA_TEST_UNIT_RUNTIME_CHECKPOINTS_H
#define RA_TEST_UNIT_RUNTIME_CHECKPOINTS_H

#include "ra/Runtime/Random.h"
#include "ra/Runtime/Safetensors.h"
#include "ra/Runtime/WeightFamily.h"
#include "gtest/gtest.h"

#include <array>
#include <cmath>

#include <string>
#include <vector>

namespace ra::runtime::test {

/// A checkpoint to write.
struct Checkpoint {
  WeightFamily family = WeightFamily::Linear;
  int64_t layers = 2, channels = 12, heads = 4, kvHeads = 4, headDim = 6;
  ElementType type = ElementType::F32;
  /// Of q, k, v; fused families look at the first.
  std::array<bool, 3> biases = {true, true, true};
  uint64_t seed = 1;
  /// Other tensors, before and after the layers.
  std::vector<NamedTensor> before, after;
};

/// Names of the projections of a layer, as models of the family have them.
inline std::array<std::string, 3> projectionNames(WeightFamily family,
                                                  int64_t layer) {
  const std::string n = std::to_string(layer);
  switch (family) {
  case WeightFamily::Gpt2:
    return {"transformer.h." + n + ".attn.c_attn.", "", ""};
  case WeightFamily::Linear:
    return {"blocks." + n + ".attn.qkv.", "", ""};
  case WeightFamily::Llama: {
    const std::string p = "model.layers." + n + ".self_attn.";
    return {p + "q_proj.", p + "k_proj.", p + "v_proj."};
  }
  case WeightFamily::Bert: {
    const std::string p = "encoder.layer." + n + ".attention.self.";
    return {p + "query.", p + "key.", p + "value."};
  }
  }
  return {};
}

/// The name of the output projection's weight.
inline std::string outputName(WeightFamily family, int64_t layer) {
  const std::string n = std::to_string(layer);
  switch (family) {
  case WeightFamily::Gpt2:
    return "transformer.h." + n + ".attn.c_proj.weight";
  case WeightFamily::Linear:
    return "blocks." + n + ".attn.proj.weight";
  case WeightFamily::Llama:
    return "model.layers." + n + ".self_attn.o_proj.weight";
  case WeightFamily::Bert:
    return "encoder.layer." + n + ".attention.output.dense.weight";
  }
  return {};
}

/// U(-1, 1) / sqrt(last extent of a weight), from a stream of a seed.
inline Tensor randomTensor(const Shape &shape, ElementType type, uint64_t seed,
                           uint64_t stream, double bound) {
  int64_t count = 1;
  for (int64_t extent : shape)
    count *= extent;
  std::vector<double> values(static_cast<size_t>(count));
  RandomStream{seed, stream}.uniform(-bound, bound, 0, values.size(),
                                     values.data());
  return *Tensor::fromDoubles(shape, type, values);
}

/// The tensors of `checkpoint`, in the order of a file that sorts by name
/// within a layer.
inline std::vector<NamedTensor> tensorsOf(const Checkpoint &checkpoint) {
  std::vector<NamedTensor> tensors = checkpoint.before;
  uint64_t stream = 0;
  const int64_t c = checkpoint.channels;
  const double bound = 1.0 / std::sqrt(static_cast<double>(c));
  auto add = [&](const std::string &name, const Shape &shape) {
    tensors.push_back({name, randomTensor(shape, checkpoint.type,
                                          checkpoint.seed, stream++, bound)});
  };
  const int64_t q = checkpoint.heads * checkpoint.headDim;
  const int64_t k = checkpoint.kvHeads * checkpoint.headDim;
  const bool transposed = checkpoint.family == WeightFamily::Gpt2;
  for (int64_t layer = 0; layer < checkpoint.layers; ++layer) {
    const auto names = projectionNames(checkpoint.family, layer);
    if (isFused(checkpoint.family)) {
      const int64_t all = q + 2 * k;
      if (checkpoint.biases[0])
        add(names[0] + "bias", {all});
      add(names[0] + "weight", transposed ? Shape{c, all} : Shape{all, c});
    } else {
      for (size_t i : {size_t(1), size_t(0), size_t(2)}) {
        if (checkpoint.biases[i])
          add(names[i] + "bias", {i == 0 ? q : k});
        add(names[i] + "weight", {i == 0 ? q : k, c});
      }
    }
    add(outputName(checkpoint.family, layer),
        transposed ? Shape{q, c} : Shape{c, q});
    add("mlp." + std::to_string(layer) + ".weight", {3, c});
  }
  tensors.insert(tensors.end(), checkpoint.after.begin(),
                 checkpoint.after.end());
  return tensors;
}

inline void write(const Checkpoint &checkpoint, const std::string &path,
                  const Metadata &metadata = {{"format", "pt"}}) {
  Status status = writeSafetensors(path, tensorsOf(checkpoint), metadata);
  ASSERT_TRUE(status.ok()) << status.message();
}

/// Both files have the same tensors, byte for byte, and the same metadata.
inline ::testing::AssertionResult sameFiles(const std::string &a,
                                            const std::string &b) {
  Expected<Safetensors> x = Safetensors::open(a), y = Safetensors::open(b);
  if (!x || !y)
    return ::testing::AssertionFailure() << (x ? y.message() : x.message());
  if (x->metadata() != y->metadata())
    return ::testing::AssertionFailure() << "the metadata differ";
  if (x->entries().size() != y->entries().size())
    return ::testing::AssertionFailure() << x->entries().size() << " and "
                                         << y->entries().size() << " tensors";
  for (const TensorEntry &entry : x->entries()) {
    const TensorEntry *other = y->find(entry.name);
    if (!other || other->shape != entry.shape || other->type != entry.type ||
        std::string_view(x->bytesOf(entry), entry.end - entry.begin) !=
            std::string_view(y->bytesOf(*other), other->end - other->begin))
      return ::testing::AssertionFailure() << entry.name << " differs";
  }
  return ::testing::AssertionSuccess();
}

} // namespace ra::runtime::test

#endif // RA_TEST_UNIT_RUNTIME_CHECKPOINTS_H
