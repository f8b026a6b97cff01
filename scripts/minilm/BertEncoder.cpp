//===- BertEncoder.cpp - A BERT encoder in f64 ----------------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "BertEncoder.h"

#include "ra/Runtime/Gemm.h"
#include "ra/Runtime/Threads.h"

#include <algorithm>
#include <cmath>
#include <utility>

using namespace ra::benchmarks;
using namespace ra::runtime;

static std::string layerName(int64_t layer, const std::string &part) {
  return "encoder.layer." + std::to_string(layer) + "." + part;
}

Status BertEncoder::load(const Safetensors &file, const std::string &name,
                         const Shape &shape) {
  Expected<Tensor> tensor = file.get(name);
  if (!tensor)
    return tensor.takeFailure();
  if (tensor->shape() != shape || !isFloat(tensor->elementType()))
    return fail(name + " is " +
                shapeString(tensor->shape(), tensor->elementType()) + ", not " +
                shapeString(shape, ElementType::F32));
  tensors.emplace(name, std::move(*tensor));
  return Status::success();
}

Expected<BertEncoder> BertEncoder::open(const std::string &path,
                                        int64_t heads) {
  Expected<Safetensors> file = Safetensors::open(path);
  if (!file)
    return file.takeFailure();
  auto shapeOf = [&](const std::string &name) {
    const TensorEntry *entry = file->find(name);
    return entry && entry->shape.size() == 2 ? entry->shape : Shape{0, 0};
  };
  BertEncoder encoder;
  encoder.numHeads = heads;
  const Shape words = shapeOf("embeddings.word_embeddings.weight"),
              positions = shapeOf("embeddings.position_embeddings.weight"),
              inner = shapeOf(layerName(0, "intermediate.dense.weight"));
  const int64_t c = encoder.numChannels = words[1];
  while (file->contains(
      layerName(encoder.numLayers, "attention.self.query.weight")))
    ++encoder.numLayers;
  if (c == 0 || c % heads != 0 || encoder.numLayers == 0)
    return fail(path + ": no BERT encoder of " + std::to_string(heads) +
                " heads");

  std::vector<std::pair<std::string, Shape>> parts = {
      {"embeddings.word_embeddings.weight", words},
      {"embeddings.position_embeddings.weight", {positions[0], c}},
      {"embeddings.token_type_embeddings.weight", {2, c}},
      {"embeddings.LayerNorm.weight", {c}},
      {"embeddings.LayerNorm.bias", {c}}};
  for (int64_t layer = 0; layer < encoder.numLayers; ++layer)
    for (const auto &[part, outputs, inputs] :
         {std::tuple("attention.self.query", c, c),
          std::tuple("attention.self.key", c, c),
          std::tuple("attention.self.value", c, c),
          std::tuple("attention.output.dense", c, c),
          std::tuple("attention.output.LayerNorm", c, int64_t(0)),
          std::tuple("intermediate.dense", inner[0], c),
          std::tuple("output.dense", c, inner[0]),
          std::tuple("output.LayerNorm", c, int64_t(0))}) {
      const std::string name = layerName(layer, part);
      parts.emplace_back(name + ".weight",
                         inputs == 0 ? Shape{outputs} : Shape{outputs, inputs});
      parts.emplace_back(name + ".bias", Shape{outputs});
    }
  for (const auto &[name, shape] : parts) {
    Status status = encoder.load(*file, name, shape);
    if (!status.ok())
      return fail(path + ": " + status.message());
  }
  return encoder;
}

AttentionSpec BertEncoder::attentionSpec() const {
  AttentionSpec spec;
  spec.numHeads = spec.numKvHeads = numHeads;
  const int64_t headDim = numChannels / numHeads;
  spec.scale = 1.0 / std::sqrt(static_cast<double>(headDim));
  return spec;
}

AttentionWeights BertEncoder::attention(int64_t layer) const {
  auto at = [&](const char *part) {
    return &tensor(layerName(layer, "attention.") + part);
  };
  return {at("self.query.weight"),   at("self.key.weight"),
          at("self.value.weight"),   at("self.query.bias"),
          at("self.key.bias"),       at("self.value.bias"),
          at("output.dense.weight"), at("output.dense.bias")};
}

std::vector<double> BertEncoder::dense(const std::vector<double> &rows,
                                       const std::string &name) const {
  const std::vector<double> w = tensor(name + ".weight").readAsDoubles(),
                            b = tensor(name + ".bias").readAsDoubles();
  const auto outputs = static_cast<int64_t>(b.size()),
             inputs = static_cast<int64_t>(w.size()) / outputs,
             count = static_cast<int64_t>(rows.size()) / inputs;
  constexpr int64_t kRows = 64;
  std::vector<double> y(static_cast<size_t>(count * outputs));
  parallelFor((count + kRows - 1) / kRows, std::thread::hardware_concurrency(),
              [&](int64_t task) {
                const int64_t first = task * kRows,
                              number = std::min(kRows, count - first);
                double *to = y.data() + first * outputs;
                productTransposed(rows.data() + first * inputs, inputs,
                                  w.data(), inputs, to, outputs, number,
                                  outputs, inputs);
                for (int64_t i = 0; i < number * outputs; ++i)
                  to[i] += b[static_cast<size_t>(i % outputs)];
              });
  return y;
}

std::vector<double>
BertEncoder::addAndNormalise(std::vector<double> a,
                             const std::vector<double> &b,
                             const std::string &name) const {
  constexpr double epsilon = 1e-12;
  const std::vector<double> weight = tensor(name + ".weight").readAsDoubles(),
                            bias = tensor(name + ".bias").readAsDoubles();
  const size_t c = weight.size();
  for (size_t row = 0; row < a.size(); row += c) {
    double mean = 0, variance = 0;
    for (size_t i = 0; i < c; ++i) {
      a[row + i] += b[row + i];
      mean += a[row + i] / static_cast<double>(c);
    }
    for (size_t i = 0; i < c; ++i)
      variance +=
          (a[row + i] - mean) * (a[row + i] - mean) / static_cast<double>(c);
    const double scale = 1.0 / std::sqrt(variance + epsilon);
    for (size_t i = 0; i < c; ++i)
      a[row + i] = (a[row + i] - mean) * scale * weight[i] + bias[i];
  }
  return a;
}

Expected<Tensor> BertEncoder::embed(const Tensor &tokens) const {
  const Tensor &words = tensor("embeddings.word_embeddings.weight"),
               &places = tensor("embeddings.position_embeddings.weight"),
               &kinds = tensor("embeddings.token_type_embeddings.weight");
  if (tokens.rank() != 2 || tokens.elementType() != ElementType::I64 ||
      tokens.dim(1) > places.dim(0))
    return fail("tokens are " +
                shapeString(tokens.shape(), tokens.elementType()) +
                "; they must be i64 of shape [B, T], T at most " +
                std::to_string(places.dim(0)));
  const int64_t c = numChannels, length = tokens.dim(1);
  std::vector<double> rows(static_cast<size_t>(tokens.numElements() * c)),
      place(static_cast<size_t>(c)), kind(place), sums(rows.size());
  kinds.readDoubles(0, c, kind.data());
  for (int64_t i = 0; i < tokens.numElements(); ++i) {
    const auto token = static_cast<int64_t>(tokens.at(i));
    if (token < 0 || token >= words.dim(0))
      return fail("there is no token " + std::to_string(token));
    words.readDoubles(token * c, c, rows.data() + i * c);
    places.readDoubles(i % length * c, c, place.data());
    for (int64_t d = 0; d < c; ++d)
      sums[static_cast<size_t>(i * c + d)] =
          place[static_cast<size_t>(d)] + kind[static_cast<size_t>(d)];
  }
  return Tensor::fromDoubles(
      {tokens.dim(0), length, c}, ElementType::F64,
      addAndNormalise(std::move(rows), sums, "embeddings.LayerNorm"));
}

Expected<Tensor> BertEncoder::runLayer(int64_t layer, const Tensor &x,
                                       const AttentionWeights &weights) const {
  Expected<AttentionOutput> attended =
      computeAttention(attentionSpec(), weights, x);
  if (!attended)
    return attended.takeFailure();
  const std::vector<double> h =
      addAndNormalise(std::move(attended->projected), x.readAsDoubles(),
                      layerName(layer, "attention.output.LayerNorm"));
  std::vector<double> inner = dense(h, layerName(layer, "intermediate.dense"));
  for (double &value : inner) // the exact GELU
    value = 0.5 * value * (1.0 + std::erf(value / std::sqrt(2.0)));
  return Tensor::fromDoubles(
      x.shape(), ElementType::F64,
      addAndNormalise(dense(inner, layerName(layer, "output.dense")), h,
                      layerName(layer, "output.LayerNorm")));
}
