//===- BertEncoder.h - A BERT encoder in f64 --------------------*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Runs a checkpoint's encoder layer by layer, so that each attention can be
// given, and replaced, on the activations that it really sees.
//
//===----------------------------------------------------------------------===//

#ifndef RA_BENCHMARKS_BERTENCODER_H
#define RA_BENCHMARKS_BERTENCODER_H

#include "ra/Runtime/CompareAttention.h"
#include "ra/Runtime/Safetensors.h"
#include "ra/Runtime/Status.h"
#include "ra/Runtime/Tensor.h"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace ra::benchmarks {

/// An encoder of the names and shapes of Hugging Face's BertModel, without
/// padding: every token sees every other. Arithmetic is f64.
class BertEncoder {
public:
  /// Opens a .safetensors file of an encoder with `heads` heads. Fails when a
  /// tensor is missing or has another shape.
  static runtime::Expected<BertEncoder> open(const std::string &path,
                                             int64_t heads);

  int64_t layers() const { return numLayers; }
  int64_t channels() const { return numChannels; }

  /// What computeAttention() needs besides weights.
  runtime::AttentionSpec attentionSpec() const;

  /// The weights of layer `layer`, output projection included.
  runtime::AttentionWeights attention(int64_t layer) const;

  /// The first layer's input, [B, T, C], for token numbers [B, T] of i64.
  runtime::Expected<runtime::Tensor> embed(const runtime::Tensor &tokens) const;

  /// What layer `layer` makes of x [B, T, C] with the given attention.
  runtime::Expected<runtime::Tensor>
  runLayer(int64_t layer, const runtime::Tensor &x,
           const runtime::AttentionWeights &weights) const;

private:
  const runtime::Tensor &tensor(const std::string &name) const {
    return tensors.at(name);
  }
  runtime::Status load(const runtime::Safetensors &file,
                       const std::string &name, const runtime::Shape &shape);

  /// rows W^T + b for W [outputs, inputs].
  std::vector<double> dense(const std::vector<double> &rows,
                            const std::string &name) const;
  /// Normalises each row of a + b to mean 0 and variance 1, then scales and
  /// shifts it.
  std::vector<double> addAndNormalise(std::vector<double> a,
                                      const std::vector<double> &b,
                                      const std::string &name) const;

  int64_t numHeads = 0, numLayers = 0, numChannels = 0;
  std::map<std::string, runtime::Tensor> tensors;
};

} // namespace ra::benchmarks

#endif // RA_BENCHMARKS_BERTENCODER_H
