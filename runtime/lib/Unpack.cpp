//===- Unpack.cpp - Originals from converted files ------------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ConvertedFile.h"
#include "ra/Runtime/Repack.h"

using namespace ra::runtime;

Expected<ConversionReport> ra::runtime::unpack(const std::string &input,
                                               const std::string &output) {
  Expected<std::unique_ptr<ConvertedFile>> opened = openConverted(input, {});
  if (!opened)
    return opened.takeFailure();
  const ConvertedFile &open = **opened;
  ConversionReport report;
  Owners owners;
  for (size_t i = 0; i < open.layers.size(); ++i) {
    const ConvertedLayer &layer = open.layers[i];
    markOwned(layer.recipe, i, true, owners);
    if (layer.recipe.raw != RawRows::None)
      continue;
    for (const Refusal &refusal : refuseOriginalRows(layer))
      report.refusals.push_back(
          {layer.recipe.tensors.layer, layer.recipe.tensors.prefix, refusal});
    const int roundings = layer.recipe.rebaked ? 3 : 2;
    report.notes.push_back(layerName(layer.recipe) +
                           ": not bit for bit, no original rows are kept: q "
                           "and k are divided by their gates, " +
                           roundingNote(layer, roundings));
  }
  if (!report.refusals.empty())
    return report;
  OutputPlan plan;
  planOwned(plan, open.file, owners, open.layers.size(), [&](size_t i) {
    const ConvertedLayer &layer = open.layers[i];
    const AttentionTensors tensors = layer.recipe.sourceTensors();
    plan.add(layerEntries(tensors, layer.recipe.shape.rows(), layer.channels,
                          layer.sourceTypes),
             [&open, &layer, tensors]() -> Expected<std::vector<Tensor>> {
               Expected<LayerRows> rows = originalRows(open.file, layer);
               if (!rows)
                 return rows.takeFailure();
               return packLayerRows(tensors, *rows);
             });
  });
  Metadata metadata = open.file.metadata();
  metadata.erase(std::string(Recipe::kKey));
  Expected<uint64_t> written = plan.write(output, metadata);
  if (!written)
    return written.takeFailure();
  report.layers = static_cast<int64_t>(open.layers.size());
  report.bytes = *written;
  return report;
}

Expected<StoredLayer>
ra::runtime::readStoredLayer(const std::string &path,
                             std::optional<int64_t> layer) {
  std::vector<int64_t> layers;
  if (layer)
    layers.push_back(*layer);
  Expected<std::unique_ptr<ConvertedFile>> opened = openConverted(path, layers);
  if (!opened)
    return opened.takeFailure();
  const ConvertedLayer &converted = (*opened)->layers.front();
  StoredLayer result;
  result.recipe = converted.recipe;
  result.spec = converted.spec;
  Expected<LayerRows> folded = readLayerRows(
      (*opened)->file, converted.recipe.tensors, converted.recipe.foldedRows());
  if (!folded)
    return fail(path + ": " + folded.message());
  result.folded = std::move(folded->weights);
  result.foldedBiases = std::move(folded->biases);
  result.hasOriginal = converted.recipe.raw != RawRows::None;
  if (!result.hasOriginal)
    return result;
  Expected<LayerRows> original = originalRows((*opened)->file, converted);
  if (!original)
    return fail(path + ": " + original.message());
  result.original = std::move(original->weights);
  result.originalBiases = std::move(original->biases);
  return result;
}
