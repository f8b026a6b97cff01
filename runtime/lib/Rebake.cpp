//===- Rebake.cpp - New gates in converted files --------------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ConvertedFile.h"
#include "NumberText.h"
#include "PlanLayer.h"
#include "RowFactors.h"

#include <algorithm>
#include <cmath>
#include <tuple>

using namespace ra::runtime;

namespace {

/// The largest relative difference that rounding `exact` to `type` made.
struct RoundingCost {
  double largest = 0.0;
  void see(double exact, double stored) {
    if (exact != 0.0)
      largest = std::max(largest, std::abs((stored - exact) / exact));
  }
};

/// Rows multiplied by what `to` has of them over what `from` had.
Expected<Tensor> rescale(const Tensor &tensor,
                         const std::vector<FoldedRow> &from,
                         const std::vector<FoldedRow> &to, RoundingCost &cost) {
  Expected<Tensor> result = tensor.clone();
  if (!result)
    return result;
  const int64_t columns = tensor.rank() == 2 ? tensor.dim(1) : 1;
  std::vector<double> row(static_cast<size_t>(columns));
  for (size_t i = 0; i < from.size(); ++i) {
    if (from[i].factor == to[i].factor || from[i].factor == 0.0)
      continue;
    const auto begin = static_cast<int64_t>(i) * columns;
    tensor.readDoubles(begin, columns, row.data());
    for (double &value : row)
      value = value / from[i].factor * to[i].factor;
    result->writeDoubles(begin, columns, row.data());
    for (int64_t c = 0; c < columns; ++c)
      cost.see(row[static_cast<size_t>(c)], result->at(begin + c));
  }
  return result;
}

Expected<LayerRows> rescaleRows(const ConvertedLayer &layer,
                                const FoldSpec &next, const LayerRows &folded,
                                RoundingCost &cost) {
  const FoldedRows from = foldedRows(layer.spec), to = foldedRows(next);
  LayerRows result = folded;
  for (size_t i = 0; i < 2; ++i) {
    const std::vector<FoldedRow> &before = i == 0 ? from.q : from.k;
    const std::vector<FoldedRow> &after = i == 0 ? to.q : to.k;
    Expected<Tensor> weight = rescale(folded.weights[i], before, after, cost);
    if (!weight)
      return weight.takeFailure();
    result.weights[i] = std::move(*weight);
    if (!folded.biases[i])
      continue;
    Expected<Tensor> bias = rescale(*folded.biases[i], before, after, cost);
    if (!bias)
      return bias.takeFailure();
    result.biases[i] = std::move(*bias);
  }
  return result;
}

/// Rules and states that forbid new gates on a layer.
std::vector<Refusal> refuseRebake(const ConvertedLayer &layer,
                                  const LayerRecipe &next,
                                  const FoldSpec &nextSpec) {
  std::vector<Refusal> refusals = checkFold(foldFactsOf(next));
  if (!refusals.empty() || next.raw != RawRows::None)
    return refusals;
  const std::string legal = "a file that keeps its original rows (repack "
                            "without --no-keep-raw), which may be rebaked any "
                            "number of times";
  if (layer.recipe.rebaked) {
    refusals.push_back({Rule::Gate,
                        "its gates were changed once without original rows, "
                        "and errors would add up",
                        legal});
    return refusals;
  }
  const FoldedRows from = foldedRows(layer.spec), to = foldedRows(nextSpec);
  for (const auto &[before, after] :
       {std::pair(&from.q, &to.q), std::pair(&from.k, &to.k)})
    for (size_t i = 0; i < before->size(); ++i)
      if ((*before)[i].factor == 0.0 && (*after)[i].factor != 0.0) {
        refusals.push_back({Rule::Gate,
                            "a gate of 0 destroyed rows that the new gates "
                            "need, and no original rows are kept",
                            legal + "; or a gate of 0 again"});
        return refusals;
      }
  return refusals;
}

} // namespace

Expected<ConversionReport>
ra::runtime::rebake(const std::string &input, const std::string &output,
                    const std::vector<int64_t> &layers, const GateTable &wStd,
                    const GateTable &wRec) {
  Expected<std::unique_ptr<ConvertedFile>> opened =
      openConverted(input, layers);
  if (!opened)
    return opened.takeFailure();
  ConvertedFile &open = **opened;
  ConversionReport report;
  Owners owners;
  std::vector<LayerRecipe> next;
  std::vector<FoldSpec> nextSpecs;
  for (size_t i = 0; i < open.layers.size(); ++i) {
    ConvertedLayer &layer = open.layers[i];
    LayerRecipe recipe = layer.recipe;
    for (auto [table, gates, name] :
         {std::tuple(&wStd, &recipe.wStd, "w_std"),
          std::tuple(&wRec, &recipe.wRec, "w_rec")}) {
      if (table->rows.empty())
        continue;
      if (table->rows.size() != 1 && table->rows.size() != open.layers.size())
        return fail(std::string(name) + " has rows for " +
                    std::to_string(table->rows.size()) + " layers, " +
                    std::to_string(open.layers.size()) + " are rebaked");
      *gates = table->rows[table->rows.size() == 1 ? 0 : i];
    }
    FoldSpec spec = layer.spec;
    spec.wStd = recipe.wStd;
    spec.wRec = recipe.wRec;
    std::vector<Refusal> refusals = checkFold(foldFactsOf(recipe));
    if (refusals.empty())
      refusals = refuseRebake(layer, recipe, spec);
    for (const Refusal &refusal : refusals)
      report.refusals.push_back(
          {recipe.tensors.layer, recipe.tensors.prefix, refusal});
    recipe.rebaked = recipe.raw == RawRows::None;
    markOwned(recipe, i, false, owners);
    for (LayerRecipe &each : open.recipe.layers)
      if (each.tensors.layer == recipe.tensors.layer)
        each = recipe;
    next.push_back(std::move(recipe));
    nextSpecs.push_back(std::move(spec));
  }
  if (!report.refusals.empty())
    return report;

  std::vector<RoundingCost> costs(open.layers.size());
  OutputPlan plan;
  planOwned(plan, open.file, owners, open.layers.size(), [&](size_t i) {
    const ConvertedLayer &layer = open.layers[i];
    addFolded(plan, next[i], layer.channels, layer.types,
              [&, i]() -> Expected<LayerRows> {
                const ConvertedLayer &layer = open.layers[i];
                Expected<LayerRows> folded = readLayerRows(
                    open.file, layer.recipe.tensors, layer.recipe.foldedRows());
                if (!folded)
                  return folded;
                if (layer.recipe.raw == RawRows::None)
                  return rescaleRows(layer, nextSpecs[i], *folded, costs[i]);
                Expected<LayerRows> raw =
                    readLayerRows(open.file, layer.recipe.sourceTensors(),
                                  layer.recipe.rawRows(), Recipe::kRawSuffix);
                if (!raw)
                  return raw;
                // v does not depend on gates: as it is in the file.
                raw->weights[2] = folded->weights[2];
                raw->biases[2] = folded->biases[2];
                return foldLayerRows(nextSpecs[i], *raw, layer.types);
              });
  });
  Metadata metadata = open.file.metadata();
  metadata[std::string(Recipe::kKey)] = recipeText(open.recipe);
  Expected<uint64_t> written = plan.write(output, metadata);
  if (!written)
    return written.takeFailure();
  for (size_t i = 0; i < open.layers.size(); ++i)
    if (open.layers[i].recipe.raw == RawRows::None)
      report.notes.push_back(
          layerName(open.layers[i].recipe) +
          ": no original rows are kept: rows were multiplied by new / old "
          "gates; this rounding changed values by at most " +
          scientific(costs[i].largest) + " (relative), " +
          roundingNote(open.layers[i], 2) + "; a second time will be refused");
  report.layers = static_cast<int64_t>(open.layers.size());
  report.bytes = *written;
  return report;
}
