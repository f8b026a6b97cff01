//===- OriginalRows.cpp - What a layer was before it was folded -----------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ConvertedFile.h"
#include "RowFactors.h"

#include <algorithm>

using namespace ra::runtime;

namespace {

/// Adds factor * row `from` of `source` to row `to` of `sum`, bias included.
void addRow(std::vector<double> &sum, std::vector<double> &biasSum, int64_t to,
            const Tensor &source, const Tensor *bias, int64_t from,
            double factor, std::vector<double> &scratch) {
  const int64_t channels = source.dim(1);
  scratch.resize(static_cast<size_t>(channels));
  source.readDoubles(from * channels, channels, scratch.data());
  double *row = sum.data() + to * channels;
  for (int64_t c = 0; c < channels; ++c)
    row[c] += factor * scratch[static_cast<size_t>(c)];
  if (bias)
    biasSum[static_cast<size_t>(to)] += factor * bias->at(from);
}

/// rows of each head <- M rows, M [D, D] or [heads, D, D] read as M[d][e] from
/// row e to row d.
void applyMatrix(const Tensor &matrix, bool perGroup, int64_t group,
                 int64_t heads, int64_t dims, int64_t columns,
                 std::vector<double> &rows) {
  const std::vector<double> values = matrix.readAsDoubles();
  std::vector<double> result(static_cast<size_t>(dims * columns));
  for (int64_t head = 0; head < heads; ++head) {
    const int64_t which = perGroup ? head / group : head * group;
    const int64_t base = matrix.rank() == 3 ? which * dims * dims : 0;
    double *here = rows.data() + head * dims * columns;
    std::fill(result.begin(), result.end(), 0.0);
    for (int64_t d = 0; d < dims; ++d)
      for (int64_t e = 0; e < dims; ++e) {
        const double factor = values[static_cast<size_t>(base + d * dims + e)];
        for (int64_t c = 0; c < columns; ++c)
          result[static_cast<size_t>(d * columns + c)] +=
              factor * here[e * columns + c];
      }
    std::copy(result.begin(), result.end(), here);
  }
}

/// The originals from folded rows, by what the recipe says was done.
Expected<LayerRows> unfold(const ConvertedLayer &layer,
                           const LayerRows &folded) {
  const AttentionShape &shape = layer.recipe.shape;
  const int64_t dims = shape.headDim, channels = layer.channels;
  const FoldedRows rows = foldedRows(layer.spec);
  std::vector<double> q(static_cast<size_t>(shape.rows().q * channels)),
      k(static_cast<size_t>(shape.rows().k * channels)),
      bq(static_cast<size_t>(shape.rows().q)),
      bk(static_cast<size_t>(shape.rows().k)), scratch;
  // Rows that several heads of a group hold are taken once.
  std::vector<bool> haveK(bk.size());
  auto takeRow = [&](const FoldedRow &row, bool fromQuery, int64_t index) {
    if (row.head < 0)
      return;
    const bool toQuery = fromQuery != row.low;
    const int64_t to = row.head * dims + row.dim;
    if (!toQuery) {
      if (haveK[static_cast<size_t>(to)])
        return;
      haveK[static_cast<size_t>(to)] = true;
    }
    const size_t side = fromQuery ? 0 : 1;
    addRow(toQuery ? q : k, toQuery ? bq : bk, to, folded.weights[side],
           folded.bias(side), index, 1.0 / row.factor, scratch);
  };
  for (size_t i = 0; i < rows.q.size(); ++i)
    takeRow(rows.q[i], true, static_cast<int64_t>(i));
  for (size_t i = 0; i < rows.k.size(); ++i)
    takeRow(rows.k[i], false, static_cast<int64_t>(i));
  // Wq' = A^T Wq and A B^T = I give Wq = B Wq', and Wk = A Wk'.
  const int64_t group = shape.numHeads / shape.numKvHeads;
  if (layer.spec.basisQ) {
    for (auto [values, columns] :
         {std::pair(&q, channels), std::pair(&bq, int64_t(1))})
      applyMatrix(*layer.spec.basisK, true, group, shape.numHeads, dims,
                  columns, *values);
    for (auto [values, columns] :
         {std::pair(&k, channels), std::pair(&bk, int64_t(1))})
      applyMatrix(*layer.spec.basisQ, false, group, shape.numKvHeads, dims,
                  columns, *values);
  }
  LayerRows result;
  auto set = [&](size_t i, int64_t count, const std::vector<double> &weight,
                 const std::vector<double> &bias) -> Status {
    Expected<Tensor> tensor = Tensor::fromDoubles(
        {count, channels}, layer.sourceTypes.weight, weight);
    if (!tensor)
      return tensor.takeFailure();
    result.weights[i] = std::move(*tensor);
    if (!layer.recipe.sourceBiases[i])
      return Status::success();
    tensor = Tensor::fromDoubles({count}, *layer.sourceTypes.bias, bias);
    if (!tensor)
      return tensor.takeFailure();
    result.biases[i] = std::move(*tensor);
    return Status::success();
  };
  for (Status status :
       {set(0, shape.rows().q, q, bq), set(1, shape.rows().k, k, bk)})
    if (!status.ok())
      return status.takeFailure();
  Expected<LayerRows> value = convertLayerRows(folded, layer.sourceTypes);
  if (!value)
    return value;
  result.weights[2] = std::move(value->weights[2]);
  result.biases[2] = std::move(value->biases[2]);
  return result;
}

} // namespace

std::vector<Refusal>
ra::runtime::refuseOriginalRows(const ConvertedLayer &layer) {
  std::vector<Refusal> refusals;
  const std::string legal = "a file that keeps its original rows (repack "
                            "without --no-keep-raw), or the file that was "
                            "repacked";
  const LayerRecipe &recipe = layer.recipe;
  const bool anyRank = std::any_of(
      recipe.recDims.begin(), recipe.recDims.end(),
      [](const std::vector<int64_t> &dims) { return !dims.empty(); });
  const bool groups = recipe.shape.numHeads != recipe.shape.numKvHeads;
  if (anyRank && recipe.hasProjection())
    refusals.push_back({Rule::Affine,
                        "the last rows of q and k were replaced by those of "
                        "the projection P, and no original rows are kept",
                        legal});
  if (anyRank && groups && recipe.grouped == GroupedMode::Mean)
    refusals.push_back({Rule::Grouped,
                        "only the mean of a group's exchanged query rows is "
                        "left, and no original rows are kept",
                        legal});
  const FoldedRows rows = foldedRows(layer.spec);
  auto destroyed = [](const FoldedRow &row) {
    return row.head >= 0 && row.factor == 0.0;
  };
  if (std::any_of(rows.q.begin(), rows.q.end(), destroyed) ||
      std::any_of(rows.k.begin(), rows.k.end(), destroyed))
    refusals.push_back({Rule::Gate,
                        "a gate of 0 destroyed the rows that it multiplied, "
                        "and no original rows are kept",
                        legal});
  return refusals;
}

Expected<LayerRows> ra::runtime::originalRows(const Safetensors &file,
                                              const ConvertedLayer &layer) {
  const LayerRecipe &recipe = layer.recipe;
  if (recipe.raw == RawRows::All)
    return readLayerRows(file, recipe.sourceTensors(), recipe.rawRows(),
                         Recipe::kRawSuffix);
  Expected<LayerRows> folded =
      readLayerRows(file, recipe.tensors, recipe.foldedRows());
  if (!folded)
    return folded;
  if (recipe.raw == RawRows::None)
    return unfold(layer, *folded);
  Expected<LayerRows> kept = readLayerRows(
      file, recipe.sourceTensors(), recipe.rawRows(), Recipe::kRawSuffix);
  if (!kept)
    return kept;
  kept->weights[2] = folded->weights[2];
  kept->biases[2] = folded->biases[2];
  return kept;
}
