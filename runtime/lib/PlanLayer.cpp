//===- PlanLayer.cpp - One layer on its way to folded weights -------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "PlanLayer.h"

#include "Text.h"
#include "ra/Runtime/Basis.h"
#include "ra/Runtime/Random.h"
#include "ra/Runtime/UnifiedWeights.h"

#include <algorithm>
#include <cmath>
#include <memory>

using namespace ra::runtime;

namespace {

/// Streams of P lie beyond those of weights.
constexpr uint64_t kProjectionStream = uint64_t(1) << 32;

std::vector<int64_t> lastDims(int64_t headDim, int64_t rank) {
  std::vector<int64_t> dims;
  for (int64_t dim = headDim - rank; dim < headDim; ++dim)
    dims.push_back(dim);
  return dims;
}

/// The rank of every query head.
Expected<std::vector<int64_t>> ranksOf(const FoldOptions &options,
                                       int64_t numHeads) {
  const auto heads = static_cast<size_t>(numHeads);
  std::vector<int64_t> ranks = options.ranks;
  if (ranks.empty()) {
    if (options.recDims)
      ranks = {static_cast<int64_t>(options.recDims->size())};
    else if (options.projection)
      ranks = {options.projection->rank() == 0
                   ? int64_t(0)
                   : options.projection->shape().back()};
    else
      return fail("no rank is given: say how many dims each head gives to the "
                  "reciprocal term (rank 0: none, the head is only scaled by "
                  "its w_std)");
  }
  if (ranks.size() == 1)
    ranks.assign(heads, int64_t(ranks.front()));
  if (ranks.size() != heads)
    return fail(std::to_string(ranks.size()) + " ranks for " +
                std::to_string(heads) +
                " query heads; give one, or one per "
                "head");
  return ranks;
}

Expected<std::vector<double>> gatesOf(const GateTable &table, const char *name,
                                      size_t index, size_t count) {
  if (table.rows.size() == 1)
    return table.rows.front();
  if (table.rows.size() != count)
    return fail(std::string(name) + " has rows for " +
                std::to_string(table.rows.size()) + " layers, " +
                std::to_string(count) + " are converted");
  return table.rows[index];
}

/// The refusal in a message "rule: reason; legal: ..." of a library function.
std::optional<Refusal> refusalIn(const std::string &message) {
  constexpr std::string_view legal = "; legal: ";
  for (int rule = 0; rule <= static_cast<int>(Rule::Gate); ++rule) {
    const std::string name =
        std::string(ruleName(static_cast<Rule>(rule))) + ": ";
    if (message.compare(0, name.size(), name) != 0)
      continue;
    const size_t split = message.find(legal);
    if (split == std::string::npos)
      return Refusal{static_cast<Rule>(rule), message.substr(name.size()),
                     "another choice of dims"};
    return Refusal{static_cast<Rule>(rule),
                   message.substr(name.size(), split - name.size()),
                   message.substr(split + legal.size())};
  }
  return std::nullopt;
}

/// Refuses ranks that no set of dims has, before sets are made of them.
std::optional<Refusal> refuseRanks(const std::vector<int64_t> &ranks,
                                   int64_t headDim) {
  for (size_t head = 0; head < ranks.size(); ++head)
    if (ranks[head] < 0 || ranks[head] >= headDim)
      return Refusal{Rule::Affine,
                     "rank " + std::to_string(ranks[head]) + " of head " +
                         std::to_string(head) + ", whose head dim is " +
                         std::to_string(headDim),
                     "a rank in [0, " + std::to_string(headDim - 1) + "]"};
  return std::nullopt;
}

Status setDims(const FoldOptions &options, const std::vector<int64_t> &ranks,
               LayerRecipe &recipe) {
  recipe.recDims.clear();
  for (size_t head = 0; head < ranks.size(); ++head) {
    if (!options.recDims) {
      recipe.recDims.push_back(lastDims(recipe.shape.headDim, ranks[head]));
      continue;
    }
    const auto given = static_cast<int64_t>(options.recDims->size());
    if (ranks[head] != 0 && ranks[head] != given)
      return fail("rank " + std::to_string(ranks[head]) + " of head " +
                  std::to_string(head) + " is not the number of rec_dims, " +
                  std::to_string(given) + " (or 0)");
    recipe.recDims.push_back(ranks[head] == 0 ? std::vector<int64_t>()
                                              : *options.recDims);
    std::sort(recipe.recDims.back().begin(), recipe.recDims.back().end());
  }
  return Status::success();
}

/// P of the layer, when it has one.
Status setProjection(const FoldOptions &options,
                     const std::vector<int64_t> &ranks, PlannedLayer &layer) {
  if (options.lowPart == LowPart::Given) {
    if (!options.projection)
      return fail("a given projection needs P");
    layer.spec.projection = options.projection;
    return Status::success();
  }
  const int64_t rank = *std::max_element(ranks.begin(), ranks.end());
  if (options.lowPart != LowPart::Random || rank == 0)
    return Status::success();
  const int64_t headDim = layer.recipe.shape.headDim;
  std::vector<double> values(static_cast<size_t>(headDim * rank));
  constexpr double deviation = 0.02;
  RandomStream stream{static_cast<uint64_t>(options.seed),
                      kProjectionStream +
                          static_cast<uint64_t>(layer.recipe.tensors.layer)};
  stream.normal(0.0, deviation / std::sqrt(static_cast<double>(rank)), 0,
                values.size(), values.data());
  Expected<Tensor> projection =
      Tensor::fromDoubles({headDim, rank}, ElementType::F32, values);
  if (!projection)
    return projection.takeFailure();
  layer.spec.projection = std::move(*projection);
  return Status::success();
}

/// Chooses a basis and its dims; a rule may refuse.
Expected<std::vector<Refusal>> setBasis(const FoldOptions &options,
                                        const std::vector<int64_t> &ranks,
                                        PlannedLayer &layer) {
  LayerRecipe &recipe = layer.recipe;
  BasisSpec spec;
  spec.numHeads = recipe.shape.numHeads;
  spec.numKvHeads = recipe.shape.numKvHeads;
  spec.headDim = recipe.shape.headDim;
  spec.ranks = ranks;
  spec.grouped = recipe.grouped;
  spec.rope = recipe.rope.style;
  spec.rotaryDim = recipe.rope.rotaryDim;
  Expected<LayerRows> raw = layer.raw();
  if (!raw)
    return raw.takeFailure();
  Expected<Basis> basis = chooseBasis(
      spec, raw->weights[0], raw->weights[1], raw->bias(0), raw->bias(1),
      options.activations ? &*options.activations : nullptr);
  if (!basis) {
    if (std::optional<Refusal> refusal = refusalIn(basis.message()))
      return std::vector<Refusal>{*refusal};
    return basis.takeFailure();
  }
  recipe.recDims = std::move(basis->recDims);
  recipe.basis = basis->basisQ.has_value();
  layer.spec.basisQ = std::move(basis->basisQ);
  layer.spec.basisK = std::move(basis->basisK);
  return std::vector<Refusal>();
}

void fillSpec(PlannedLayer &layer) {
  const LayerRecipe &recipe = layer.recipe;
  layer.spec.numHeads = recipe.shape.numHeads;
  layer.spec.numKvHeads = recipe.shape.numKvHeads;
  layer.spec.headDim = recipe.shape.headDim;
  layer.spec.recDims = recipe.recDims;
  layer.spec.gateSplit = recipe.gateSplit;
  layer.spec.grouped = recipe.grouped;
  layer.spec.wStd = recipe.wStd;
  layer.spec.wRec = recipe.wRec;
}

/// The facts of a recipe with what else stands against the layer.
FoldFacts join(const LayerRecipe &recipe, const FoldFacts &extra) {
  FoldFacts facts = foldFactsOf(recipe);
  facts.sameSource = extra.sameSource;
  facts.sourceNote = extra.sourceNote;
  facts.nonAffine = extra.nonAffine;
  facts.norm = extra.norm;
  facts.normNote = extra.normNote;
  facts.qQuant = extra.qQuant;
  facts.kQuant = extra.kQuant;
  facts.qQuantScale = extra.qQuantScale;
  facts.kQuantScale = extra.kQuantScale;
  return facts;
}

} // namespace

std::vector<Refusal> ra::runtime::refuseUnread(const FoldOptions &options,
                                               const FoldFacts &extra) {
  LayerRecipe recipe;
  recipe.shape.numHeads = recipe.shape.numKvHeads = 1;
  const int64_t rank =
      options.ranks.empty()
          ? 1
          : *std::max_element(options.ranks.begin(), options.ranks.end());
  // What matters is whether rows move at all.
  recipe.shape.headDim = 2;
  recipe.recDims = {lastDims(2, rank > 0 ? 1 : 0)};
  return checkFold(join(recipe, extra));
}

Expected<std::vector<Refusal>> ra::runtime::planFold(const FoldOptions &options,
                                                     size_t index, size_t count,
                                                     const FoldFacts &facts,
                                                     PlannedLayer &layer) {
  LayerRecipe &recipe = layer.recipe;
  const AttentionShape &shape = recipe.shape;
  const bool rotary = recipe.tensors.family == WeightFamily::Llama;
  recipe.gateSplit = options.gateSplit;
  recipe.grouped = options.grouped;
  recipe.lowPart = options.lowPart;
  recipe.seed = options.lowPart == LowPart::Random ? options.seed : 0;
  recipe.rope = options.rope ? *options.rope
                : rotary     ? RotarySpec{RopeStyle::Half, shape.headDim}
                             : RotarySpec();
  if (recipe.rope.style != RopeStyle::None && recipe.rope.rotaryDim == 0)
    recipe.rope.rotaryDim = shape.headDim;
  recipe.mask = options.mask ? *options.mask
                : recipe.tensors.family == WeightFamily::Bert
                    ? AttentionMask::None
                    : AttentionMask::Causal;
  recipe.scale = options.scale
                     ? *options.scale
                     : 1.0 / std::sqrt(static_cast<double>(shape.headDim));
  Expected<std::vector<double>> wStd =
      gatesOf(options.wStd, "w_std", index, count);
  if (!wStd)
    return wStd.takeFailure();
  Expected<std::vector<double>> wRec =
      gatesOf(options.wRec, "w_rec", index, count);
  if (!wRec)
    return wRec.takeFailure();
  recipe.wStd = std::move(*wStd);
  recipe.wRec = std::move(*wRec);

  if (shape.numHeads % shape.numKvHeads != 0)
    return checkFold(join(recipe, facts));
  Expected<std::vector<int64_t>> ranks = ranksOf(options, shape.numHeads);
  if (!ranks)
    return ranks.takeFailure();
  if (std::optional<Refusal> refusal = refuseRanks(*ranks, shape.headDim))
    return std::vector<Refusal>{*refusal};
  Status status = setDims(options, *ranks, recipe);
  if (status.ok())
    status = setProjection(options, *ranks, layer);
  if (!status.ok())
    return status.takeFailure();
  if (options.lowPart == LowPart::Svd) {
    if (options.recDims)
      return fail("projection svd chooses the dims itself; leave out rec_dims");
    Expected<std::vector<Refusal>> refusals = setBasis(options, *ranks, layer);
    if (!refusals || !refusals->empty())
      return refusals;
  }
  if (!layer.spec.projection && recipe.hasProjection())
    recipe.lowPart = LowPart::Last; // rank 0: P has no columns
  std::vector<Refusal> refusals = checkFold(join(recipe, facts));
  if (layer.spec.projection && layer.spec.projection->rank() == 3 &&
      shape.numHeads != shape.numKvHeads)
    refusals.push_back({Rule::Grouped,
                        "P differs from head to head, and a group shares the "
                        "rows of one key head",
                        "one P of shape [D, R] for all heads"});
  if (!refusals.empty())
    return refusals;

  fillSpec(layer);
  status = checkFoldSpec(layer.spec);
  if (!status.ok())
    return status.takeFailure();
  const bool anyBias = layer.sourceTypes.bias.has_value();
  layer.types.weight = options.dtype.value_or(layer.sourceTypes.weight);
  if (anyBias)
    layer.types.bias = options.dtype.value_or(*layer.sourceTypes.bias);
  const bool changed = layer.types.weight != layer.sourceTypes.weight ||
                       layer.types.bias != layer.sourceTypes.bias;
  recipe.raw = !options.keepRaw ? RawRows::None
               : changed        ? RawRows::All
                                : RawRows::QueryKey;
  // Rows that cross over bring their bias along.
  AttentionTensors &tensors = recipe.tensors;
  for (size_t i = 0; i < tensors.biases.size(); ++i)
    recipe.sourceBiases[i] =
        !tensors.biases[isFused(tensors.family) ? 0 : i].empty();
  if (!isFused(tensors.family) &&
      recipe.sourceBiases[0] != recipe.sourceBiases[1]) {
    const size_t missing = recipe.sourceBiases[0] ? 1 : 0;
    const std::string &weight = tensors.weights[missing];
    constexpr std::string_view tail = "weight";
    tensors.biases[missing] =
        weight.substr(0, weight.size() - tail.size()) + "bias";
  }
  return refusals;
}

void ra::runtime::addFolded(OutputPlan &plan, const LayerRecipe &recipe,
                            int64_t channels, const LayerTypes &types,
                            std::function<Expected<LayerRows>()> make) {
  const AttentionTensors tensors = recipe.tensors;
  plan.add(layerEntries(tensors, recipe.foldedRows(), channels, types),
           [tensors, make]() -> Expected<std::vector<Tensor>> {
             Expected<LayerRows> folded = make();
             if (!folded)
               return folded.takeFailure();
             return packLayerRows(tensors, *folded);
           });
}

void ra::runtime::addLayer(OutputPlan &plan, PlannedLayer planned,
                           const Safetensors *file) {
  auto layer = std::make_shared<const PlannedLayer>(std::move(planned));
  const LayerRecipe &recipe = layer->recipe;
  addFolded(plan, recipe, layer->channels, layer->types,
            [layer]() -> Expected<LayerRows> {
              Expected<LayerRows> raw = layer->raw();
              if (!raw)
                return raw;
              return foldLayerRows(layer->spec, *raw, layer->types);
            });
  std::vector<TensorEntry> entries;
  if (recipe.raw != RawRows::None)
    entries =
        layerEntries(recipe.sourceTensors(), recipe.rawRows(), layer->channels,
                     layer->sourceTypes, Recipe::kRawSuffix);
  auto announce = [&](const std::string &name,
                      const std::optional<Tensor> &tensor) {
    if (!tensor)
      return;
    TensorEntry entry;
    entry.name = name;
    entry.type = tensor->elementType();
    entry.shape = tensor->shape();
    entries.push_back(std::move(entry));
  };
  announce(projectionName(recipe.tensors), layer->spec.projection);
  announce(basisName(recipe.tensors, true), layer->spec.basisQ);
  announce(basisName(recipe.tensors, false), layer->spec.basisK);
  plan.add(std::move(entries), [layer]() -> Expected<std::vector<Tensor>> {
    std::vector<Tensor> tensors;
    const LayerRecipe &recipe = layer->recipe;
    if (recipe.raw != RawRows::None) {
      Expected<LayerRows> raw = layer->raw();
      if (!raw)
        return raw.takeFailure();
      if (recipe.raw == RawRows::QueryKey) {
        Expected<Tensor> none =
            Tensor::create({0, layer->channels}, layer->sourceTypes.weight);
        if (!none)
          return none.takeFailure();
        raw->weights.back() = std::move(*none);
        raw->biases.back().reset();
      }
      Expected<std::vector<Tensor>> packed =
          packLayerRows(recipe.sourceTensors(), *raw);
      if (!packed)
        return packed;
      tensors = std::move(*packed);
    }
    for (const std::optional<Tensor> *tensor :
         {&layer->spec.projection, &layer->spec.basisQ, &layer->spec.basisK})
      if (*tensor)
        tensors.push_back(**tensor);
    return tensors;
  });
  if (file)
    plan.add({}, [layer, file]() -> Expected<std::vector<Tensor>> {
      for (const std::string &name : layer->recipe.tensors.weights)
        if (const TensorEntry *entry = file->find(name))
          file->release(file->bytesOf(*entry),
                        static_cast<size_t>(entry->end - entry->begin));
      return std::vector<Tensor>();
    });
}

void ra::runtime::noteInvariants(const LayerRecipe &recipe,
                                 std::vector<std::string> &notes) {
  FoldSpec spec;
  spec.numHeads = recipe.shape.numHeads;
  spec.numKvHeads = recipe.shape.numKvHeads;
  spec.headDim = recipe.shape.headDim;
  spec.recDims = recipe.recDims;
  spec.grouped = recipe.grouped;
  for (const InvariantViolation &violation : checkInvariants(spec)) {
    std::string note = violation.name + ": " + violation.text;
    if (std::find(notes.begin(), notes.end(), note) == notes.end())
      notes.push_back(std::move(note));
  }
}
