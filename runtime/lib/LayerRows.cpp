//===- LayerRows.cpp - A layer's projections as rows of outputs -----------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "LayerRows.h"

#include "Text.h"

#include <algorithm>
#include <cstring>
#include <memory>

using namespace ra::runtime;

namespace {

std::array<int64_t, 3> counts(const ProjectionRows &rows) {
  return {rows.q, rows.k, rows.v};
}

/// to[j, i] = from[i, j] for i in [0, rows), j in [begin, begin + columns) of a
/// row of `stride` elements of `Word`; in tiles, as one side is far apart.
template <typename Word>
void transposeWords(const Word *from, int64_t rows, int64_t stride,
                    int64_t begin, int64_t columns, Word *to,
                    int64_t toStride) {
  constexpr int64_t tile = 32;
  for (int64_t j0 = 0; j0 < columns; j0 += tile)
    for (int64_t i0 = 0; i0 < rows; i0 += tile)
      for (int64_t j = j0; j < std::min(columns, j0 + tile); ++j)
        for (int64_t i = i0; i < std::min(rows, i0 + tile); ++i)
          to[j * toStride + i] = from[i * stride + begin + j];
}

void transpose(size_t elementBytes, const void *from, int64_t rows,
               int64_t stride, int64_t begin, int64_t columns, void *to,
               int64_t toStride) {
  auto run = [&](auto word) {
    using Word = decltype(word);
    transposeWords(static_cast<const Word *>(from), rows, stride, begin,
                   columns, static_cast<Word *>(to), toStride);
  };
  switch (elementBytes) {
  case 8:
    return run(uint64_t());
  case 4:
    return run(uint32_t());
  case 2:
    return run(uint16_t());
  default:
    return run(uint8_t());
  }
}

/// Rows [begin, begin + count) of `tensor`; a view of it.
Expected<Tensor> rowsOf(const Tensor &tensor, int64_t begin, int64_t count) {
  Shape shape = tensor.shape();
  const size_t rowBytes =
      shape[0] == 0 ? 0 : tensor.byteSize() / static_cast<size_t>(shape[0]);
  shape[0] = count;
  return tensorOnBytes(std::move(shape), tensor.elementType(),
                       static_cast<const char *>(tensor.data()) +
                           static_cast<size_t>(begin) * rowBytes,
                       static_cast<size_t>(count) * rowBytes,
                       std::make_shared<Tensor>(tensor));
}

/// Columns [begin, begin + count) of `tensor` as rows.
Expected<Tensor> columnsOf(const Tensor &tensor, int64_t begin, int64_t count) {
  Expected<Tensor> rows =
      Tensor::create({count, tensor.dim(0)}, tensor.elementType());
  if (!rows || rows->byteSize() == 0)
    return rows;
  transpose(elementSize(tensor.elementType()), tensor.data(), tensor.dim(0),
            tensor.dim(1), begin, count, rows->mutableData(), tensor.dim(0));
  return rows;
}

Expected<Tensor> readChecked(const Safetensors &file, const std::string &name,
                             const Shape &shape, const std::string &why) {
  Expected<Tensor> tensor = file.get(name);
  if (!tensor)
    return tensor;
  if (!isFloat(tensor->elementType()) || tensor->shape() != shape)
    return fail("tensor " + quoted(name) + " is " +
                shapeString(tensor->shape(), tensor->elementType()) + "; " +
                why + " needs floating point of shape " + extentsString(shape));
  return tensor;
}

/// Weights of a fused family from the one tensor that has them.
Status splitFused(const Tensor &weight, bool transposed,
                  const ProjectionRows &rows, LayerRows &result) {
  int64_t begin = 0;
  for (size_t i = 0; i < result.weights.size(); ++i) {
    const int64_t count = counts(rows)[i];
    Expected<Tensor> part = transposed ? columnsOf(weight, begin, count)
                                       : rowsOf(weight, begin, count);
    if (!part)
      return part.takeFailure();
    result.weights[i] = std::move(*part);
    begin += count;
  }
  return Status::success();
}

/// One tensor of all rows of the parts.
Expected<Tensor> concatenate(const std::vector<const Tensor *> &parts) {
  Shape shape = parts.front()->shape();
  shape[0] = 0;
  for (const Tensor *part : parts)
    shape[0] += part->dim(0);
  Expected<Tensor> whole =
      Tensor::create(std::move(shape), parts.front()->elementType());
  if (!whole)
    return whole;
  auto *to = static_cast<char *>(whole->mutableData());
  for (const Tensor *part : parts) {
    if (part->byteSize() != 0)
      std::memcpy(to, part->data(), part->byteSize());
    to += part->byteSize();
  }
  return whole;
}

/// One tensor whose columns are all rows of the parts.
Expected<Tensor> concatenateColumns(const std::array<Tensor, 3> &parts) {
  const int64_t channels = parts[0].dim(1);
  int64_t total = 0;
  for (const Tensor &part : parts)
    total += part.dim(0);
  Expected<Tensor> whole =
      Tensor::create({channels, total}, parts[0].elementType());
  if (!whole)
    return whole;
  const size_t bytes = elementSize(whole->elementType());
  int64_t begin = 0;
  for (const Tensor &part : parts) {
    if (part.byteSize() != 0)
      transpose(bytes, part.data(), part.dim(0), channels, 0, channels,
                static_cast<char *>(whole->mutableData()) +
                    static_cast<size_t>(begin) * bytes,
                total);
    begin += part.dim(0);
  }
  return whole;
}

} // namespace

Expected<LayerTypes> ra::runtime::layerTypes(const Safetensors &file,
                                             const AttentionTensors &tensors) {
  LayerTypes types;
  const TensorEntry *first = nullptr;
  for (const std::string &name : tensors.weights) {
    if (name.empty())
      continue;
    const TensorEntry *entry = file.find(name);
    if (!entry)
      return fail("no tensor " + quoted(name));
    if (!isFloat(entry->type))
      return fail("tensor " + quoted(name) + " is " +
                  std::string(elementTypeName(entry->type)) +
                  "; projections of f64, f32, f16 and bf16 can be folded: "
                  "dequantise it first");
    if (first && entry->type != first->type)
      return fail("tensors " + quoted(first->name) + " and " + quoted(name) +
                  " are " + std::string(elementTypeName(first->type)) +
                  " and " + std::string(elementTypeName(entry->type)) +
                  "; rows move between them, so their types must agree");
    first = first ? first : entry;
  }
  types.weight = first->type;
  for (const std::string &name : tensors.biases) {
    if (name.empty())
      continue;
    const TensorEntry *entry = file.find(name);
    if (!entry)
      return fail("no tensor " + quoted(name));
    if (!isFloat(entry->type) || (types.bias && *types.bias != entry->type))
      return fail("tensor " + quoted(name) + " is " +
                  std::string(elementTypeName(entry->type)) +
                  "; biases must be floating point, of one type");
    types.bias = entry->type;
  }
  return types;
}

Expected<LayerRows> ra::runtime::readLayerRows(const Safetensors &file,
                                               const AttentionTensors &tensors,
                                               const ProjectionRows &rows,
                                               std::string_view suffix) {
  LayerRows result;
  const std::string tail(suffix);
  auto channelsOf = [&](const std::string &name, size_t axis) {
    const TensorEntry *entry = file.find(name);
    return entry && entry->shape.size() == 2 ? entry->shape[axis] : int64_t(0);
  };
  if (isFused(tensors.family)) {
    const bool transposed = tensors.family == WeightFamily::Gpt2;
    const std::string name = tensors.weights[0] + tail;
    const int64_t channels = channelsOf(name, transposed ? 0 : 1);
    const Shape shape = transposed ? Shape{channels, rows.total()}
                                   : Shape{rows.total(), channels};
    Expected<Tensor> weight = readChecked(file, name, shape, "the layer");
    if (!weight)
      return weight.takeFailure();
    Status status = splitFused(*weight, transposed, rows, result);
    if (!status.ok())
      return status.takeFailure();
    if (tensors.biases[0].empty())
      return result;
    Expected<Tensor> bias = readChecked(file, tensors.biases[0] + tail,
                                        {rows.total()}, "the layer");
    if (!bias)
      return bias.takeFailure();
    int64_t begin = 0;
    for (size_t i = 0; i < result.biases.size(); ++i) {
      Expected<Tensor> part = rowsOf(*bias, begin, counts(rows)[i]);
      if (!part)
        return part.takeFailure();
      begin += counts(rows)[i];
      result.biases[i] = std::move(*part);
    }
    return result;
  }
  const int64_t channels = channelsOf(tensors.weights[0] + tail, 1);
  for (size_t i = 0; i < result.weights.size(); ++i) {
    const int64_t count = counts(rows)[i];
    if (count == 0) {
      Expected<Tensor> none =
          Tensor::create({0, channels}, result.weights[0].elementType());
      if (!none)
        return none.takeFailure();
      result.weights[i] = std::move(*none);
      continue;
    }
    Expected<Tensor> weight = readChecked(file, tensors.weights[i] + tail,
                                          {count, channels}, "the layer");
    if (!weight)
      return weight.takeFailure();
    result.weights[i] = std::move(*weight);
    if (tensors.biases[i].empty())
      continue;
    Expected<Tensor> bias =
        readChecked(file, tensors.biases[i] + tail, {count}, "the layer");
    if (!bias)
      return bias.takeFailure();
    result.biases[i] = std::move(*bias);
  }
  return result;
}

Expected<Tensor>
ra::runtime::readOutputWeight(const Safetensors &file,
                              const AttentionTensors &tensors) {
  Expected<Tensor> weight = file.get(tensors.outputWeight);
  if (!weight)
    return weight;
  if (!isFloat(weight->elementType()) || weight->rank() != 2)
    return fail("tensor " + quoted(tensors.outputWeight) + " is " +
                shapeString(weight->shape(), weight->elementType()) +
                "; an output projection is floating point of two axes");
  if (tensors.family != WeightFamily::Gpt2)
    return weight;
  return columnsOf(*weight, 0, weight->dim(1));
}

std::vector<TensorEntry>
ra::runtime::layerEntries(const AttentionTensors &tensors,
                          const ProjectionRows &rows, int64_t channels,
                          const LayerTypes &types, std::string_view suffix) {
  std::vector<TensorEntry> entries;
  auto add = [&](const std::string &name, ElementType type, Shape shape) {
    TensorEntry entry;
    entry.name = name + std::string(suffix);
    entry.type = type;
    entry.shape = std::move(shape);
    entries.push_back(std::move(entry));
  };
  if (isFused(tensors.family)) {
    const bool transposed = tensors.family == WeightFamily::Gpt2;
    add(tensors.weights[0], types.weight,
        transposed ? Shape{channels, rows.total()}
                   : Shape{rows.total(), channels});
    if (!tensors.biases[0].empty())
      add(tensors.biases[0], *types.bias, {rows.total()});
    return entries;
  }
  for (size_t i = 0; i < tensors.weights.size(); ++i)
    if (counts(rows)[i] != 0)
      add(tensors.weights[i], types.weight, {counts(rows)[i], channels});
  for (size_t i = 0; i < tensors.biases.size(); ++i)
    if (counts(rows)[i] != 0 && !tensors.biases[i].empty())
      add(tensors.biases[i], *types.bias, {counts(rows)[i]});
  return entries;
}

Expected<std::vector<Tensor>>
ra::runtime::packLayerRows(const AttentionTensors &tensors,
                           const LayerRows &rows) {
  std::vector<Tensor> packed;
  if (!isFused(tensors.family)) {
    for (const Tensor &weight : rows.weights)
      if (weight.dim(0) != 0)
        packed.push_back(weight);
    for (size_t i = 0; i < rows.biases.size(); ++i)
      if (rows.weights[i].dim(0) != 0 && !tensors.biases[i].empty())
        packed.push_back(*rows.biases[i]);
    return packed;
  }
  std::vector<const Tensor *> parts;
  for (const Tensor &weight : rows.weights)
    parts.push_back(&weight);
  Expected<Tensor> weight = tensors.family == WeightFamily::Gpt2
                                ? concatenateColumns(rows.weights)
                                : concatenate(parts);
  if (!weight)
    return weight.takeFailure();
  packed.push_back(std::move(*weight));
  if (tensors.biases[0].empty())
    return packed;
  parts.clear();
  for (const std::optional<Tensor> &bias : rows.biases)
    if (bias)
      parts.push_back(&*bias);
  Expected<Tensor> bias = concatenate(parts);
  if (!bias)
    return bias.takeFailure();
  packed.push_back(std::move(*bias));
  return packed;
}

Expected<LayerRows> ra::runtime::convertLayerRows(const LayerRows &rows,
                                                  const LayerTypes &types) {
  LayerRows result;
  for (size_t i = 0; i < rows.weights.size(); ++i) {
    Expected<Tensor> weight = rows.weights[i].convertTo(types.weight);
    if (!weight)
      return weight.takeFailure();
    result.weights[i] = std::move(*weight);
    if (!rows.biases[i])
      continue;
    Expected<Tensor> bias = rows.biases[i]->convertTo(*types.bias);
    if (!bias)
      return bias.takeFailure();
    result.biases[i] = std::move(*bias);
  }
  return result;
}

Expected<LayerRows> ra::runtime::foldLayerRows(const FoldSpec &spec,
                                               const LayerRows &raw,
                                               const LayerTypes &types) {
  // Through f64 when the type changes, so that values round once.
  const bool sameType =
      raw.weights[0].elementType() == types.weight &&
      (!raw.biases[0] || raw.biases[0]->elementType() == *types.bias) &&
      (!raw.biases[1] || raw.biases[1]->elementType() == *types.bias);
  LayerRows wide;
  if (!sameType) {
    LayerRows queryAndKey = raw;
    queryAndKey.weights[2] = Tensor();
    queryAndKey.biases[2].reset();
    Expected<LayerRows> converted = convertLayerRows(
        queryAndKey, LayerTypes{ElementType::F64, ElementType::F64});
    if (!converted)
      return converted.takeFailure();
    wide = std::move(*converted);
  }
  const LayerRows &from = sameType ? raw : wide;
  Expected<FoldedWeights> folded = foldWeights(
      spec, from.weights[0], from.weights[1], from.bias(0), from.bias(1));
  if (!folded)
    return folded.takeFailure();
  LayerRows result;
  result.weights = {std::move(folded->qWeight), std::move(folded->kWeight),
                    raw.weights[2]};
  result.biases = {std::move(folded->qBias), std::move(folded->kBias),
                   raw.biases[2]};
  return convertLayerRows(result, types);
}
