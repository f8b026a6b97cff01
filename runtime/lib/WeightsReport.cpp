//===- WeightsReport.cpp - What a conversion is and costs -----------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ra/Runtime/WeightsReport.h"

#include "ConvertedFile.h"
#include "JsonScanner.h"
#include "NumberText.h"
#include "Text.h"

#include <algorithm>
#include <cmath>
#include <cstdarg>
#include <cstdio>
#include <functional>
#include <memory>
#include <set>

using namespace ra::runtime;

namespace {

__attribute__((format(printf, 2, 3))) void append(std::string &text,
                                                  const char *format, ...) {
  char line[256];
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(line, sizeof(line), format, arguments);
  va_end(arguments);
  text += line;
}

/// [a,b,...] of `element(value)`.
template <typename List, typename Element>
std::string jsonList(const List &list, Element element) {
  std::string text = "[";
  for (const auto &value : list) {
    if (text.size() > 1)
      text += ',';
    text += element(value);
  }
  return text + "]";
}

std::string jsonSummary(const std::vector<double> &values) {
  const Summary summary = summarize(values);
  return "{\"mean\":" + exact(summary.mean) + ",\"min\":" + exact(summary.min) +
         ",\"max\":" + exact(summary.max) + ",\"std\":" + exact(summary.std) +
         "}";
}

/// Ranks, one when all heads have the same.
std::vector<int64_t> ranksOf(const LayerRecipe &recipe) {
  std::vector<int64_t> ranks;
  for (const std::vector<int64_t> &dims : recipe.recDims)
    ranks.push_back(static_cast<int64_t>(dims.size()));
  if (std::adjacent_find(ranks.begin(), ranks.end(), std::not_equal_to<>()) ==
      ranks.end())
    ranks.resize(1);
  return ranks;
}

HeadGates joined(const std::vector<LayerStatistics> &statistics) {
  HeadGates all;
  for (const LayerStatistics &layer : statistics) {
    all.wStd.insert(all.wStd.end(), layer.gates.wStd.begin(),
                    layer.gates.wStd.end());
    all.wRec.insert(all.wRec.end(), layer.gates.wRec.begin(),
                    layer.gates.wRec.end());
  }
  return all;
}

/// One side of a comparison: the projections of a layer, and their shapes.
struct Side {
  LayerRows rows;
  std::optional<Tensor> outputWeight, outputBias;

  AttentionWeights weights() const {
    AttentionWeights result;
    result.wq = &rows.weights[0];
    result.wk = &rows.weights[1];
    result.wv = &rows.weights[2];
    result.bq = rows.bias(0);
    result.bk = rows.bias(1);
    result.bv = rows.bias(2);
    result.wo = outputWeight ? &*outputWeight : nullptr;
    result.bo = outputWeight && outputBias ? &*outputBias : nullptr;
    return result;
  }
};

/// The layer that `recipe` describes as `file` has it: folded if its own recipe
/// `own` names it, as it was otherwise.
Expected<Side> readSide(const Safetensors &file, const Recipe &own,
                        const LayerRecipe &recipe) {
  const LayerRecipe *here = own.find(recipe.tensors.layer);
  const AttentionTensors tensors =
      here ? here->tensors : recipe.sourceTensors();
  Side side;
  Expected<LayerRows> rows = readLayerRows(
      file, tensors, here ? here->foldedRows() : recipe.shape.rows());
  if (!rows)
    return rows.takeFailure();
  side.rows = std::move(*rows);
  if (tensors.outputWeight.empty() || !file.contains(tensors.outputWeight))
    return side;
  Expected<Tensor> weight = readOutputWeight(file, tensors);
  if (!weight)
    return weight.takeFailure();
  side.outputWeight = std::move(*weight);
  if (tensors.outputBias.empty() || !file.contains(tensors.outputBias))
    return side;
  Expected<Tensor> bias = file.get(tensors.outputBias);
  if (!bias)
    return bias.takeFailure();
  side.outputBias = std::move(*bias);
  return side;
}

/// Entry `index` of [L, B, T, C], or all of [B, T, C] or [T, C], as [B, T, C].
Expected<Tensor> activationsOf(const Tensor &activations, size_t index) {
  const Shape &shape = activations.shape();
  if (shape.size() == 2)
    return activations.reshape({1, shape[0], shape[1]});
  if (shape.size() == 3)
    return activations;
  const size_t bytes =
      activations.byteSize() / static_cast<size_t>(shape.front());
  return tensorOnBytes(
      {shape[1], shape[2], shape[3]}, activations.elementType(),
      static_cast<const char *>(activations.data()) + index * bytes, bytes,
      std::make_shared<Tensor>(activations));
}

} // namespace

Expected<std::vector<LayerStatistics>>
ra::runtime::fileStatistics(const std::string &path,
                            const std::vector<int64_t> &layers) {
  Expected<std::unique_ptr<ConvertedFile>> opened = openConverted(path, layers);
  if (!opened)
    return opened.takeFailure();
  std::vector<LayerStatistics> result;
  for (const ConvertedLayer &layer : (*opened)->layers) {
    LayerStatistics statistics;
    statistics.recipe = layer.recipe;
    statistics.gates = headGates(layer.spec);
    std::vector<Refusal> refusals;
    if (layer.recipe.raw == RawRows::None)
      refusals = refuseOriginalRows(layer);
    if (!refusals.empty()) {
      statistics.energyNote = refusals.front().reason;
      result.push_back(std::move(statistics));
      continue;
    }
    Expected<LayerRows> rows = originalRows((*opened)->file, layer);
    if (!rows)
      return fail(path + ": " + layerName(layer.recipe) + ": " +
                  rows.message());
    Expected<std::vector<HeadEnergy>> energies = headEnergies(
        layer.spec, rows->weights[0], rows->weights[1], rows->bias(0),
        rows->bias(1), layer.recipe.rope.style, layer.recipe.rope.rotaryDim);
    if (!energies)
      return fail(path + ": " + layerName(layer.recipe) + ": " +
                  energies.message());
    statistics.energies = std::move(*energies);
    result.push_back(std::move(statistics));
  }
  return result;
}

std::string
ra::runtime::statisticsText(const std::vector<LayerStatistics> &statistics) {
  std::string text = "layer  gate   heads  mean       min        max        "
                     "std\n";
  auto row = [&](const std::string &layer, const char *gate,
                 const std::vector<double> &values) {
    const Summary summary = summarize(values);
    append(text, "%-6s %-6s %-6lld %-10.6g %-10.6g %-10.6g %-10.6g",
           layer.c_str(), gate, static_cast<long long>(summary.count),
           summary.mean, summary.min, summary.max, summary.std);
    text.erase(text.find_last_not_of(' ') + 1);
    text += '\n';
  };
  for (const LayerStatistics &layer : statistics) {
    const std::string number = std::to_string(layer.recipe.tensors.layer);
    row(number, "w_std", layer.gates.wStd);
    row(number, "w_rec", layer.gates.wRec);
  }
  const HeadGates all = joined(statistics);
  row("all", "w_std", all.wStd);
  row("all", "w_rec", all.wRec);

  text += "\nshare of the scores' energy, per head: of what the exchanged dims "
          "give up, and of the reciprocal term\n";
  for (const LayerStatistics &layer : statistics) {
    append(text, "layer %lld\n",
           static_cast<long long>(layer.recipe.tensors.layer));
    if (!layer.energyNote.empty())
      text += "  not to be had: " + layer.energyNote + "\n";
    for (size_t head = 0; head < layer.energies.size(); ++head)
      append(text, "  head %-4zu given up %-10.4g reciprocal %.4g\n", head,
             layer.energies[head].lowShare,
             layer.energies[head].reciprocalShare);
  }
  return text;
}

std::string
ra::runtime::statisticsJson(const std::vector<LayerStatistics> &statistics) {
  const HeadGates all = joined(statistics);
  return "{\"layers\":" +
         jsonList(statistics,
                  [](const LayerStatistics &layer) {
                    std::string text =
                        "{\"layer\":" +
                        std::to_string(layer.recipe.tensors.layer) +
                        ",\"prefix\":";
                    appendJsonString(text, layer.recipe.tensors.prefix);
                    return text + ",\"rank\":" +
                           jsonList(ranksOf(layer.recipe),
                                    [](int64_t rank) {
                                      return std::to_string(rank);
                                    }) +
                           ",\"w_std\":" + jsonSummary(layer.gates.wStd) +
                           ",\"w_rec\":" + jsonSummary(layer.gates.wRec) +
                           ",\"low_share\":" +
                           jsonList(layer.energies,
                                    [](const HeadEnergy &head) {
                                      return exact(head.lowShare);
                                    }) +
                           ",\"reciprocal_share\":" +
                           jsonList(layer.energies,
                                    [](const HeadEnergy &head) {
                                      return exact(head.reciprocalShare);
                                    }) +
                           "}";
                  }) +
         ",\"w_std\":" + jsonSummary(all.wStd) +
         ",\"w_rec\":" + jsonSummary(all.wRec) + "}";
}

Expected<std::vector<LayerComparison>> ra::runtime::compareFiles(
    const std::string &original, const std::string &converted,
    const Tensor &activations, const std::vector<int64_t> &layers,
    unsigned threads) {
  Expected<Safetensors> a = Safetensors::open(original);
  if (!a)
    return a.takeFailure();
  Expected<Safetensors> b = Safetensors::open(converted);
  if (!b)
    return b.takeFailure();
  Expected<Recipe> recipeA = readRecipe(*a);
  if (!recipeA)
    return fail(original + ": " + recipeA.message());
  Expected<Recipe> recipeB = readRecipe(*b);
  if (!recipeB)
    return fail(converted + ": " + recipeB.message());
  std::set<int64_t> numbers(layers.begin(), layers.end());
  if (numbers.empty())
    for (const Recipe *recipe : {&*recipeA, &*recipeB})
      for (const LayerRecipe &layer : recipe->layers)
        numbers.insert(layer.tensors.layer);
  if (numbers.empty())
    return fail(original + " and " + converted +
                ": neither has a converted layer; compare needs one that "
                "ra-weights repack made");
  const Shape &shape = activations.shape();
  constexpr size_t perLayer = 4;
  if (!isFloat(activations.elementType()) || shape.size() < 2 ||
      shape.size() > perLayer || activations.numElements() == 0 ||
      (shape.size() == perLayer &&
       shape.front() != static_cast<int64_t>(numbers.size())))
    return fail(
        "activations are " + shapeString(shape, activations.elementType()) +
        "; they must be floating point, [T, C] or [B, T, C] for every "
        "layer, or [" +
        std::to_string(numbers.size()) + " layers, B, T, C], not empty");

  std::vector<LayerComparison> result;
  for (int64_t number : numbers) {
    const LayerRecipe *recipe = recipeB->find(number);
    if (!recipe)
      recipe = recipeA->find(number);
    if (!recipe)
      return fail("layer " + std::to_string(number) +
                  " is converted in neither file");
    auto here = [&](const std::string &message) {
      return fail(layerName(*recipe) + ": " + message);
    };
    Expected<Side> left = readSide(*a, *recipeA, *recipe);
    if (!left)
      return here(original + ": " + left.message());
    Expected<Side> right = readSide(*b, *recipeB, *recipe);
    if (!right)
      return here(converted + ": " + right.message());
    AttentionSpec spec;
    spec.numHeads = recipe->shape.numHeads;
    spec.numKvHeads = recipe->shape.numKvHeads;
    spec.causal = recipe->mask == AttentionMask::Causal;
    spec.scale = recipe->scale;
    spec.rope = recipe->rope.style;
    spec.rotaryDim = recipe->rope.rotaryDim;
    spec.ropeBase = recipe->rope.base;
    spec.threads = threads;
    Expected<Tensor> x = activationsOf(activations, result.size());
    if (!x)
      return here(x.message());
    Expected<AttentionError> error =
        compareAttention(spec, right->weights(), left->weights(), *x);
    if (!error)
      return here(error.message());
    result.push_back({number, recipe->tensors.prefix, std::move(*error)});
  }
  return result;
}

std::string
ra::runtime::comparisonText(const std::vector<LayerComparison> &comparisons,
                            bool heads) {
  std::string text = "error: mean |B - A| / mean |A|; max: max |B - A|\n"
                     "layer  error      max        after projection  max\n";
  double before = 0.0, after = 0.0;
  size_t projected = 0;
  for (const LayerComparison &layer : comparisons) {
    append(text, "%-6lld %-10.4g %-10.4g", static_cast<long long>(layer.layer),
           layer.error.layer.relative, layer.error.layer.maximum);
    before += layer.error.layer.relative;
    if (layer.error.projected) {
      append(text, " %-17.4g %.4g", layer.error.projected->relative,
             layer.error.projected->maximum);
      after += layer.error.projected->relative;
      ++projected;
    }
    text.erase(text.find_last_not_of(' ') + 1);
    text += '\n';
    for (size_t head = 0; heads && head < layer.error.heads.size(); ++head)
      append(text, "  head %-4zu %-10.4g %.4g\n", head,
             layer.error.heads[head].relative, layer.error.heads[head].maximum);
  }
  const auto count = static_cast<double>(comparisons.size());
  append(text, "mean   %-10.4g", before / count);
  if (projected == comparisons.size())
    append(text, " %-10s %.4g", "", after / count);
  text.erase(text.find_last_not_of(' ') + 1);
  return text + "\n";
}

std::string
ra::runtime::comparisonJson(const std::vector<LayerComparison> &comparisons) {
  return "{\"layers\":" +
         jsonList(
             comparisons,
             [](const LayerComparison &layer) {
               std::string text =
                   "{\"layer\":" + std::to_string(layer.layer) + ",\"prefix\":";
               appendJsonString(text, layer.prefix);
               text += ",\"error\":" + exact(layer.error.layer.relative) +
                       ",\"max\":" + exact(layer.error.layer.maximum);
               if (layer.error.projected)
                 text +=
                     ",\"error_after\":" +
                     exact(layer.error.projected->relative) +
                     ",\"max_after\":" + exact(layer.error.projected->maximum);
               return text + ",\"heads\":" +
                      jsonList(layer.error.heads,
                               [](const OutputError &head) {
                                 return "{\"error\":" + exact(head.relative) +
                                        ",\"max\":" + exact(head.maximum) + "}";
                               }) +
                      "}";
             }) +
         "}";
}
