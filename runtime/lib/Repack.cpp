//===- Repack.cpp - Folding the attentions of a checkpoint ----------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ra/Runtime/Repack.h"

#include "PlanLayer.h"
#include "Text.h"
#include "ra/Runtime/Sha256.h"
#include "ra/Runtime/UnifiedWeights.h"

#include <algorithm>
#include <memory>
#include <unordered_map>

using namespace ra::runtime;

namespace {

/// How one projection is quantised, by its type and the scales beside it.
struct Quantisation {
  QuantKind kind = QuantKind::None;
  double scale = 1.0;
};

Quantisation quantisationOf(const Safetensors &file,
                            const std::string &weight) {
  const TensorEntry *entry = file.find(weight);
  if (!entry || isFloat(entry->type))
    return {};
  constexpr std::string_view tail = "weight";
  const std::string base = weight.substr(0, weight.size() - tail.size());
  for (const char *name : {"weight_scale", "scale", "SCB", "weight.scale"}) {
    const TensorEntry *scale = file.find(base + name);
    if (!scale || !isFloat(scale->type))
      continue;
    Expected<Tensor> values = file.get(scale->name);
    if (values && values->numElements() == 1)
      return {QuantKind::PerTensor, values->at(0)};
    return {QuantKind::PerRow, 1.0};
  }
  return {QuantKind::PerTensor, 1.0};
}

/// What the file says against folding `found`.
FoldFacts gatherFacts(const Safetensors &file, const FoundAttention &found) {
  FoldFacts facts;
  facts.sameSource = found.traits.sourceNote.empty();
  facts.sourceNote = found.traits.sourceNote;
  facts.norm = !found.traits.normNote.empty();
  facts.normNote = found.traits.normNote;
  facts.nonAffine = found.traits.affineNote;
  const auto &weights = found.tensors.weights;
  const Quantisation q = quantisationOf(file, weights[0]);
  const Quantisation k = quantisationOf(
      file, isFused(found.tensors.family) ? weights[0] : weights[1]);
  facts.qQuant = q.kind;
  facts.kQuant = k.kind;
  facts.qQuantScale = q.scale;
  facts.kQuantScale = k.scale;
  return facts;
}

std::string layerList(const std::vector<FoundAttention> &found) {
  std::string text;
  constexpr size_t shown = 40;
  for (size_t i = 0; i < std::min(found.size(), shown); ++i)
    text += (i == 0 ? "" : ", ") + std::to_string(found[i].tensors.layer);
  return found.size() > shown ? text + ", ..." : text;
}

/// The attentions to convert: those of `layers`, or all self-attentions.
Expected<std::vector<FoundAttention>>
selectLayers(std::vector<FoundAttention> found,
             const std::vector<int64_t> &layers,
             std::vector<std::string> &notes) {
  std::vector<FoundAttention> selected, refused;
  for (FoundAttention &each : found)
    (each.traits.sourceNote.empty() ? selected : refused)
        .push_back(std::move(each));
  if (selected.empty())
    return refused; // nothing but these: the rule says why not
  for (const FoundAttention &each : refused)
    notes.push_back(quoted(each.tensors.prefix) +
                    " passes through: " + each.traits.sourceNote);
  if (layers.empty())
    return selected;
  std::vector<FoundAttention> chosen;
  for (int64_t layer : layers) {
    auto match = std::find_if(selected.begin(), selected.end(),
                              [&](const FoundAttention &each) {
                                return each.tensors.layer == layer;
                              });
    if (match == selected.end())
      return fail("no layer " + std::to_string(layer) + "; there are " +
                  layerList(selected));
    chosen.push_back(*match);
  }
  return chosen;
}

/// Copies all tensors of `file` but those of `layers`, whose new ones come
/// where the first of the old ones was.
void planFile(OutputPlan &plan, const Safetensors &file,
              std::vector<PlannedLayer> layers) {
  std::unordered_map<std::string, size_t> owners;
  for (size_t i = 0; i < layers.size(); ++i) {
    const AttentionTensors tensors = layers[i].recipe.sourceTensors();
    for (const auto *names : {&tensors.weights, &tensors.biases})
      for (const std::string &name : *names)
        if (!name.empty())
          owners.emplace(name, i);
  }
  std::vector<bool> added(layers.size());
  for (const TensorEntry &entry : file.entries()) {
    auto owner = owners.find(entry.name);
    if (owner == owners.end()) {
      plan.copy(file, entry);
      continue;
    }
    if (!added[owner->second])
      addLayer(plan, std::move(layers[owner->second]), &file);
    added[owner->second] = true;
  }
}

void sortLayers(Recipe &recipe) {
  std::sort(recipe.layers.begin(), recipe.layers.end(),
            [](const LayerRecipe &a, const LayerRecipe &b) {
              return a.tensors.layer < b.tensors.layer;
            });
}

/// Names of the tensors of a new layer, as the family's models have them.
AttentionTensors newTensors(WeightFamily family, int64_t layer) {
  const std::string number = std::to_string(layer);
  AttentionTensors tensors;
  tensors.family = family;
  tensors.layer = layer;
  switch (family) {
  case WeightFamily::Gpt2:
    tensors.prefix = "h." + number + ".attn.";
    tensors.weights[0] = tensors.prefix + "c_attn.weight";
    tensors.biases[0] = tensors.prefix + "c_attn.bias";
    return tensors;
  case WeightFamily::Linear:
    tensors.prefix = "h." + number + ".attn.";
    tensors.weights[0] = tensors.prefix + "qkv.weight";
    return tensors;
  case WeightFamily::Llama:
    tensors.prefix = "model.layers." + number + ".self_attn.";
    tensors.weights = {tensors.prefix + "q_proj.weight",
                       tensors.prefix + "k_proj.weight",
                       tensors.prefix + "v_proj.weight"};
    return tensors;
  case WeightFamily::Bert:
    tensors.prefix = "encoder.layer." + number + ".attention.self.";
    tensors.weights = {tensors.prefix + "query.weight",
                       tensors.prefix + "key.weight",
                       tensors.prefix + "value.weight"};
    tensors.biases = {tensors.prefix + "query.bias",
                      tensors.prefix + "key.bias",
                      tensors.prefix + "value.bias"};
    return tensors;
  }
  return tensors;
}

/// New raw rows; see initWeights().
Expected<LayerRows> newRows(const AttentionTensors &tensors,
                            const ProjectionRows &rows, int64_t channels,
                            ElementType type, int64_t seed) {
  LayerRows result;
  const std::array<int64_t, 3> counts = {rows.q, rows.k, rows.v};
  for (size_t i = 0; i < counts.size(); ++i) {
    Expected<Tensor> weight =
        xavierUniform(counts[i], channels, type, static_cast<uint64_t>(seed),
                      counts.size() * static_cast<uint64_t>(tensors.layer) + i);
    if (!weight)
      return weight.takeFailure();
    result.weights[i] = std::move(*weight);
    if (tensors.biases[isFused(tensors.family) ? 0 : i].empty())
      continue;
    Expected<Tensor> bias = Tensor::create({counts[i]}, type);
    if (!bias)
      return bias.takeFailure();
    result.biases[i] = std::move(*bias);
  }
  return result;
}

} // namespace

Expected<ConversionReport>
ra::runtime::repack(const std::string &input, const std::string &output,
                    std::optional<WeightFamily> family,
                    const std::vector<int64_t> &layers,
                    const FoldOptions &options) {
  Expected<Safetensors> file = Safetensors::open(input);
  if (!file)
    return file.takeFailure();
  auto inFile = [&](Failure failure) {
    return fail(input + ": " + failure.message);
  };
  Expected<Recipe> recipe = readRecipe(*file);
  if (!recipe)
    return inFile(recipe.takeFailure());
  ConversionReport report;
  Expected<std::vector<FoundAttention>> found = findAttentions(*file, family);
  if (found)
    found = selectLayers(std::move(*found), layers, report.notes);
  if (!found)
    return inFile(found.takeFailure());

  std::vector<PlannedLayer> planned;
  for (size_t i = 0; i < found->size(); ++i) {
    const FoundAttention &attention = (*found)[i];
    const AttentionTensors &tensors = attention.tensors;
    const std::string where = input + ": layer " +
                              std::to_string(tensors.layer) + " (" +
                              quoted(tensors.prefix) + "): ";
    if (recipe->find(tensors.layer))
      return fail(where + "is converted already; rebake changes its gates, "
                          "unpack gives the original back");
    const FoldFacts facts = gatherFacts(*file, attention);
    auto refuse = [&](const std::vector<Refusal> &refusals) {
      for (const Refusal &refusal : refusals)
        report.refusals.push_back({tensors.layer, tensors.prefix, refusal});
    };
    if (!facts.sameSource) {
      refuse(refuseUnread(options, facts));
      if (!report.refusals.empty())
        continue;
    }
    Expected<AttentionShape> shape =
        attentionShape(*file, tensors, options.numHeads, options.numKvHeads);
    if (!shape)
      return fail(where + shape.message());
    PlannedLayer layer;
    layer.recipe.tensors = tensors;
    layer.recipe.shape = *shape;
    layer.channels = shape->channels;
    Expected<LayerTypes> types = layerTypes(*file, tensors);
    if (types) {
      layer.sourceTypes = *types;
      layer.recipe.sourceType = types->weight;
    }
    layer.raw = [&file = *file, tensors, rows = shape->rows()] {
      return readLayerRows(file, tensors, rows);
    };
    // Types that cannot be read are no fault while a rule refuses anyway.
    if (!types) {
      refuse(refuseUnread(options, facts));
      if (report.refusals.empty())
        return fail(where + types.message());
      continue;
    }
    Expected<std::vector<Refusal>> refusals =
        planFold(options, i, found->size(), facts, layer);
    if (!refusals)
      return fail(where + refusals.message());
    refuse(*refusals);
    planned.push_back(std::move(layer));
  }
  if (!report.refusals.empty())
    return report;

  Expected<std::string> digest = sha256OfFile(input);
  if (!digest)
    return digest.takeFailure();
  for (PlannedLayer &layer : planned) {
    layer.recipe.sourceSha256 = *digest;
    noteInvariants(layer.recipe, report.notes);
    recipe->layers.push_back(layer.recipe);
  }
  sortLayers(*recipe);
  report.layers = static_cast<int64_t>(planned.size());
  Metadata metadata = file->metadata();
  metadata[std::string(Recipe::kKey)] = recipeText(*recipe);
  OutputPlan plan;
  planFile(plan, *file, std::move(planned));
  Expected<uint64_t> written = plan.write(output, metadata);
  if (!written)
    return written.takeFailure();
  report.bytes = *written;
  return report;
}

Expected<ConversionReport>
ra::runtime::initWeights(const std::string &output, WeightFamily family,
                         const InitShape &shape, int64_t weightSeed,
                         const FoldOptions &options) {
  constexpr int64_t limit = 1 << 20;
  for (int64_t count : {shape.layers, shape.channels, options.numHeads})
    if (count <= 0 || count > limit)
      return fail("layers, channels and heads must be in [1, 2^20]");
  AttentionShape attention;
  attention.numHeads = options.numHeads;
  attention.numKvHeads =
      options.numKvHeads == 0 ? options.numHeads : options.numKvHeads;
  attention.channels = shape.channels;
  if (shape.headDim == 0 && shape.channels % options.numHeads != 0)
    return fail(std::to_string(options.numHeads) + " heads do not divide the " +
                std::to_string(shape.channels) + " channels; say the head dim");
  attention.headDim = attention.valueDim =
      shape.headDim == 0 ? shape.channels / options.numHeads : shape.headDim;
  if (attention.headDim < 0 || attention.headDim > limit ||
      attention.numKvHeads <= 0 || attention.numKvHeads > limit)
    return fail("head dim and key heads must be in [1, 2^20]");

  ConversionReport report;
  Recipe recipe;
  OutputPlan plan;
  for (int64_t number = 0; number < shape.layers; ++number) {
    PlannedLayer layer;
    layer.recipe.tensors = newTensors(family, number);
    layer.recipe.shape = attention;
    layer.channels = attention.channels;
    layer.sourceTypes.weight = options.dtype.value_or(ElementType::F32);
    if (!layer.recipe.tensors.biases[0].empty())
      layer.sourceTypes.bias = layer.sourceTypes.weight;
    layer.recipe.sourceType = layer.sourceTypes.weight;
    layer.raw = [tensors = layer.recipe.tensors, rows = attention.rows(),
                 channels = attention.channels, type = layer.sourceTypes.weight,
                 weightSeed] {
      return newRows(tensors, rows, channels, type, weightSeed);
    };
    Expected<std::vector<Refusal>> refusals =
        planFold(options, static_cast<size_t>(number),
                 static_cast<size_t>(shape.layers), FoldFacts(), layer);
    if (!refusals)
      return refusals.takeFailure();
    for (const Refusal &refusal : *refusals)
      report.refusals.push_back({number, layer.recipe.tensors.prefix, refusal});
    if (!report.refusals.empty())
      return report;
    noteInvariants(layer.recipe, report.notes);
    recipe.layers.push_back(layer.recipe);
    addLayer(plan, std::move(layer), nullptr);
  }
  report.layers = shape.layers;
  Expected<uint64_t> written =
      plan.write(output, {{std::string(Recipe::kKey), recipeText(recipe)}});
  if (!written)
    return written.takeFailure();
  report.bytes = *written;
  return report;
}
