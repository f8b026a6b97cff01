//===- ConvertedFile.cpp - Files that carry a recipe ----------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ConvertedFile.h"

#include "NumberText.h"
#include "Text.h"

#include <algorithm>

using namespace ra::runtime;

/// Half a unit in the last place of 1, the most that rounding costs.
static double unitRoundoff(ElementType type) {
  switch (type) {
  case ElementType::F64:
    return 0x1p-53;
  case ElementType::F16:
    return 0x1p-11;
  case ElementType::BF16:
    return 0x1p-8;
  default:
    return 0x1p-24;
  }
}

std::string ra::runtime::layerName(const LayerRecipe &recipe) {
  return "layer " + std::to_string(recipe.tensors.layer) + " (" +
         quoted(recipe.tensors.prefix) + ")";
}

static Expected<ConvertedLayer> openLayer(const Safetensors &file,
                                          const LayerRecipe &recipe) {
  ConvertedLayer layer;
  layer.recipe = recipe;
  auto here = [&](const std::string &message) {
    return fail(layerName(recipe) + ": " + message);
  };
  Expected<FoldSpec> spec = foldSpecOf(recipe, file);
  if (!spec)
    return here(spec.message());
  layer.spec = std::move(*spec);
  Expected<LayerTypes> types = layerTypes(file, recipe.tensors);
  if (!types)
    return here(types.message());
  layer.types = layer.sourceTypes = *types;
  layer.sourceTypes.weight = recipe.sourceType;
  // Read once here, so that a file that does not fit its recipe is refused
  // before anything is written.
  Expected<LayerRows> rows =
      readLayerRows(file, recipe.tensors, recipe.foldedRows());
  if (!rows)
    return here(rows.message());
  layer.channels = rows->weights[0].dim(1);
  if (recipe.raw == RawRows::None)
    return layer;
  AttentionTensors source = recipe.sourceTensors(), raw = source;
  for (auto *names : {&raw.weights, &raw.biases})
    for (std::string &name : *names)
      if (!name.empty())
        name += Recipe::kRawSuffix;
  if (recipe.raw == RawRows::QueryKey && !isFused(recipe.tensors.family))
    raw.weights[2] = raw.biases[2] = std::string();
  Expected<LayerTypes> rawTypes = layerTypes(file, raw);
  if (!rawTypes)
    return here(rawTypes.message());
  layer.sourceTypes = *rawTypes;
  if (!layer.sourceTypes.bias)
    layer.sourceTypes.bias = layer.types.bias;
  Expected<LayerRows> kept =
      readLayerRows(file, source, recipe.rawRows(), Recipe::kRawSuffix);
  if (!kept)
    return here(kept.message());
  if (kept->weights[0].dim(1) != layer.channels)
    return here("its original rows have another number of channels");
  return layer;
}

Expected<std::unique_ptr<ConvertedFile>>
ra::runtime::openConverted(const std::string &path,
                           const std::vector<int64_t> &layers) {
  Expected<Safetensors> file = Safetensors::open(path);
  if (!file)
    return file.takeFailure();
  auto result = std::make_unique<ConvertedFile>(ConvertedFile{*file, {}, {}});
  Expected<Recipe> recipe = readRecipe(result->file);
  if (!recipe)
    return fail(path + ": " + recipe.message());
  if (recipe->layers.empty())
    return fail(path + ": no layer of it is converted (it has no recipe); "
                       "ra-weights repack converts one");
  result->recipe = std::move(*recipe);
  for (int64_t layer : layers)
    if (!result->recipe.find(layer))
      return fail(path + ": layer " + std::to_string(layer) +
                  " is not converted");
  for (const LayerRecipe &each : result->recipe.layers) {
    if (!layers.empty() && std::find(layers.begin(), layers.end(),
                                     each.tensors.layer) == layers.end())
      continue;
    Expected<ConvertedLayer> layer = openLayer(result->file, each);
    if (!layer)
      return fail(path + ": " + layer.message());
    result->layers.push_back(std::move(*layer));
  }
  return result;
}

std::string ra::runtime::roundingNote(const ConvertedLayer &layer,
                                      int roundings) {
  const double unit = unitRoundoff(layer.types.weight);
  return std::to_string(roundings) + " roundings to " +
         std::string(elementTypeName(layer.types.weight)) +
         ", a relative error of at most " + scientific(roundings * unit) +
         " each value" +
         (layer.types.weight == ElementType::F16
              ? " (more below 6e-05, the smallest normal number)"
              : "");
}

void ra::runtime::markOwned(const LayerRecipe &recipe, size_t index,
                            bool helpers, Owners &owners) {
  const AttentionTensors &tensors = recipe.tensors;
  for (const auto *names : {&tensors.weights, &tensors.biases})
    for (const std::string &name : *names) {
      if (name.empty())
        continue;
      owners[name] = index;
      if (helpers)
        owners[name + std::string(Recipe::kRawSuffix)] = index;
    }
  if (!helpers)
    return;
  owners[projectionName(tensors)] = index;
  owners[basisName(tensors, true)] = index;
  owners[basisName(tensors, false)] = index;
}
