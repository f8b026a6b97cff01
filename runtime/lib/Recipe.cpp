//===- Recipe.cpp - How a checkpoint was converted ------------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ra/Runtime/Recipe.h"

#include "JsonScanner.h"
#include "NumberText.h"
#include "Text.h"
#include "ra/Runtime/Basis.h"

#include <algorithm>
#include <functional>
#include <map>
#include <set>

using namespace ra::runtime;

namespace {

constexpr int64_t kVersion = 1;
constexpr int64_t kMaxOutputs = int64_t(1) << 22;
/// Dims in all sets of a recipe: one set in the text may stand for all heads.
constexpr size_t kMaxDims = size_t(1) << 24;
constexpr size_t kMaxLayers = 65536;

constexpr LowPart kLowParts[] = {LowPart::Last, LowPart::Random, LowPart::Given,
                                 LowPart::Svd};
constexpr GateSplit kSplits[] = {GateSplit::Symmetric, GateSplit::Query};
constexpr GroupedMode kGrouped[] = {GroupedMode::Mean, GroupedMode::Slots};
constexpr RopeStyle kRopes[] = {RopeStyle::None, RopeStyle::Half,
                                RopeStyle::Interleaved};
constexpr AttentionMask kMasks[] = {AttentionMask::None, AttentionMask::Causal};
constexpr RawRows kRaw[] = {RawRows::None, RawRows::QueryKey, RawRows::All};
constexpr ElementType kFloats[] = {ElementType::F64, ElementType::F32,
                                   ElementType::F16, ElementType::BF16};
constexpr WeightFamily kFamilies[] = {WeightFamily::Gpt2, WeightFamily::Linear,
                                      WeightFamily::Llama, WeightFamily::Bert};

//===----------------------------------------------------------------------===//
// Writing
//===----------------------------------------------------------------------===//

class Writer {
public:
  std::string run(const Recipe &recipe) {
    text = "{\"version\":" + std::to_string(kVersion) + ",\"layers\":[";
    bool first = true;
    for (const LayerRecipe &layer : recipe.layers) {
      text += first ? "{" : ",{";
      first = false;
      write(layer);
      text += '}';
    }
    return text + "]}";
  }

private:
  void key(std::string_view name) {
    if (text.back() != '{')
      text += ',';
    text += '"';
    text += name;
    text += "\":";
  }
  void add(std::string_view name, std::string_view value) {
    key(name);
    appendJsonString(text, value);
  }
  void add(std::string_view name, int64_t value) {
    key(name);
    text += std::to_string(value);
  }
  void add(std::string_view name, double value) {
    key(name);
    text += exact(value);
  }
  void addBool(std::string_view name, bool value) {
    key(name);
    text += value ? "true" : "false";
  }
  template <typename List, typename Element>
  void addList(const List &list, Element element) {
    text += '[';
    bool first = true;
    for (const auto &value : list) {
      if (!first)
        text += ',';
      first = false;
      element(value);
    }
    text += ']';
  }
  void addNames(std::string_view name, const std::vector<std::string> &names) {
    key(name);
    addList(names,
            [&](const std::string &each) { appendJsonString(text, each); });
  }
  void addNumbers(std::string_view name, const std::vector<double> &values) {
    key(name);
    addList(values, [&](double value) { text += exact(value); });
  }

  void write(const LayerRecipe &layer) {
    const AttentionTensors &tensors = layer.tensors;
    const size_t names = isFused(tensors.family) ? 1 : 3;
    add("layer", tensors.layer);
    add("family", weightFamilyName(tensors.family));
    add("prefix", tensors.prefix);
    addNames("weights",
             {tensors.weights.begin(), tensors.weights.begin() + names});
    addNames("biases",
             {tensors.biases.begin(), tensors.biases.begin() + names});
    addNames("output", {tensors.outputWeight, tensors.outputBias});
    add("heads", layer.shape.numHeads);
    add("kv_heads", layer.shape.numKvHeads);
    add("head_dim", layer.shape.headDim);
    add("value_dim", layer.shape.valueDim);
    std::vector<std::vector<int64_t>> sets = layer.recDims;
    if (!sets.empty() && std::all_of(sets.begin(), sets.end(),
                                     [&](const std::vector<int64_t> &dims) {
                                       return dims == sets.front();
                                     }))
      sets.resize(1);
    key("rec_dims");
    addList(sets, [&](const std::vector<int64_t> &dims) {
      addList(dims, [&](int64_t dim) { text += std::to_string(dim); });
    });
    add("gate_split", gateSplitName(layer.gateSplit));
    add("gqa", groupedModeName(layer.grouped));
    addNumbers("w_std", layer.wStd);
    addNumbers("w_rec", layer.wRec);
    add("projection", lowPartName(layer.lowPart));
    add("seed", layer.seed);
    addBool("basis", layer.basis);
    key("rope");
    text += '{';
    add("style", ropeStyleName(layer.rope.style));
    add("rotary_dim", layer.rope.rotaryDim);
    add("base", layer.rope.base);
    text += '}';
    add("mask", attentionMaskName(layer.mask));
    add("scale", layer.scale);
    add("source_type", safetensorsTypeName(layer.sourceType));
    key("source_biases");
    addList(layer.sourceBiases,
            [&](bool value) { text += value ? "true" : "false"; });
    add("source_sha256", layer.sourceSha256);
    add("raw", rawRowsName(layer.raw));
    addBool("rebaked", layer.rebaked);
  }

  std::string text;
};

//===----------------------------------------------------------------------===//
// Reading
//===----------------------------------------------------------------------===//

/// Reads members into places. Each has a reader; all must come, once.
class Members {
public:
  template <typename T>
  void add(std::string name, T *place, Status (*read)(JsonScanner &, T &)) {
    readers[std::move(name)] = [place, read](JsonScanner &json) {
      return read(json, *place);
    };
  }
  template <typename Fn> void addReader(std::string name, Fn read) {
    readers[std::move(name)] = std::move(read);
  }

  Status read(JsonScanner &json) {
    std::set<std::string> seen;
    Status status = json.object([&](const std::string &name) -> Status {
      auto reader = readers.find(name);
      if (reader == readers.end())
        return fail("unknown key " + quoted(name));
      if (!seen.insert(name).second)
        return fail(quoted(name) + " is given twice");
      Status inner = reader->second(json);
      if (!inner.ok())
        return fail(quoted(name) + ": " + inner.message());
      return inner;
    });
    if (!status.ok())
      return status;
    for (const auto &entry : readers)
      if (seen.count(entry.first) == 0)
        return fail("lacks '" + entry.first + "'");
    return status;
  }

private:
  std::map<std::string, std::function<Status(JsonScanner &)>> readers;
};

/// Moves the value of an Expected to its place.
template <typename T> Status take(Expected<T> value, T &place) {
  if (!value)
    return value.takeFailure();
  place = std::move(*value);
  return Status::success();
}

Status readInteger(JsonScanner &json, int64_t &place) {
  return take(json.wholeNumber(), place);
}
Status readNumber(JsonScanner &json, double &place) {
  return take(json.number(), place);
}
Status readBool(JsonScanner &json, bool &place) {
  return take(json.boolean(), place);
}
Status readString(JsonScanner &json, std::string &place) {
  return take(json.string(), place);
}
Status readNumbers(JsonScanner &json, std::vector<double> &place) {
  return take(json.numbers(static_cast<size_t>(kMaxOutputs)), place);
}
Status readNames(JsonScanner &json, std::vector<std::string> &place) {
  constexpr size_t most = 3;
  return json.array(most, "names", [&]() -> Status {
    return readString(json, place.emplace_back());
  });
}

/// One of a few values, by name.
template <typename T, size_t N, typename NameOf>
auto enumReader(const T (&values)[N], NameOf nameOf, T &place) {
  return [&values, nameOf, &place](JsonScanner &json) -> Status {
    Expected<std::string> text = json.string();
    if (!text)
      return text.takeFailure();
    std::string known;
    for (T value : values) {
      if (nameOf(value) == *text) {
        place = value;
        return Status::success();
      }
      known += (known.empty() ? "" : ", ") + std::string(nameOf(value));
    }
    return fail("unknown value " + quoted(*text) + "; known are " + known);
  };
}

class Reader {
public:
  explicit Reader(std::string_view text) : json(text, "the recipe") {}

  Expected<Recipe> run() {
    Recipe recipe;
    int64_t version = 0;
    Members members;
    members.add("version", &version, readInteger);
    members.addReader("layers", [&](JsonScanner &) {
      return json.array(kMaxLayers, "layers", [&]() -> Status {
        return readLayer(recipe.layers.emplace_back());
      });
    });
    Status status = members.read(json);
    if (!status.ok())
      return status.takeFailure();
    if (version != kVersion)
      return fail("version " + std::to_string(version) +
                  " is not known; this program reads version " +
                  std::to_string(kVersion));
    if (!json.atEnd())
      return json.expected("nothing after the last '}'");
    for (size_t i = 1; i < recipe.layers.size(); ++i)
      if (recipe.layers[i - 1].tensors.layer >= recipe.layers[i].tensors.layer)
        return fail("layers are not in order of their numbers");
    return recipe;
  }

private:
  Status readLayer(LayerRecipe &layer) {
    std::vector<std::string> weights, biases, output;
    std::vector<std::vector<int64_t>> sets;
    Members members;
    AttentionTensors &tensors = layer.tensors;
    members.add("layer", &tensors.layer, readInteger);
    members.addReader("family",
                      enumReader(kFamilies, weightFamilyName, tensors.family));
    members.add("prefix", &tensors.prefix, readString);
    members.add("weights", &weights, readNames);
    members.add("biases", &biases, readNames);
    members.add("output", &output, readNames);
    members.add("heads", &layer.shape.numHeads, readInteger);
    members.add("kv_heads", &layer.shape.numKvHeads, readInteger);
    members.add("head_dim", &layer.shape.headDim, readInteger);
    members.add("value_dim", &layer.shape.valueDim, readInteger);
    members.addReader("rec_dims", [&](JsonScanner &) {
      return json.array(
          static_cast<size_t>(kMaxOutputs), "sets", [&]() -> Status {
            return take(json.wholeNumbers(static_cast<size_t>(kMaxOutputs)),
                        sets.emplace_back());
          });
    });
    members.addReader("gate_split",
                      enumReader(kSplits, gateSplitName, layer.gateSplit));
    members.addReader("gqa",
                      enumReader(kGrouped, groupedModeName, layer.grouped));
    members.add("w_std", &layer.wStd, readNumbers);
    members.add("w_rec", &layer.wRec, readNumbers);
    members.addReader("projection",
                      enumReader(kLowParts, lowPartName, layer.lowPart));
    members.add("seed", &layer.seed, readInteger);
    members.add("basis", &layer.basis, readBool);
    members.addReader("rope", [&](JsonScanner &) { return readRope(layer); });
    members.addReader("mask",
                      enumReader(kMasks, attentionMaskName, layer.mask));
    members.add("scale", &layer.scale, readNumber);
    members.addReader("source_type", enumReader(kFloats, safetensorsTypeName,
                                                layer.sourceType));
    members.addReader("source_biases",
                      [&](JsonScanner &) { return readBiases(layer); });
    members.add("source_sha256", &layer.sourceSha256, readString);
    members.addReader("raw", enumReader(kRaw, rawRowsName, layer.raw));
    members.add("rebaked", &layer.rebaked, readBool);
    Status status = members.read(json);
    if (status.ok())
      status = setNames(tensors, weights, biases, output);
    if (status.ok())
      status = setDims(layer, std::move(sets));
    if (status.ok())
      status = check(layer);
    if (!status.ok())
      return fail("layer " + std::to_string(tensors.layer) + ": " +
                  status.message());
    return status;
  }

  Status readRope(LayerRecipe &layer) {
    Members members;
    members.addReader("style",
                      enumReader(kRopes, ropeStyleName, layer.rope.style));
    members.add("rotary_dim", &layer.rope.rotaryDim, readInteger);
    members.add("base", &layer.rope.base, readNumber);
    return members.read(json);
  }

  Status readBiases(LayerRecipe &layer) {
    size_t count = 0;
    Status status =
        json.array(layer.sourceBiases.size(), "biases", [&]() -> Status {
          return readBool(json, layer.sourceBiases[count++]);
        });
    if (status.ok() && count != layer.sourceBiases.size())
      return fail("must be three values");
    return status;
  }

  Status setNames(AttentionTensors &tensors,
                  const std::vector<std::string> &weights,
                  const std::vector<std::string> &biases,
                  const std::vector<std::string> &output) {
    const size_t count = isFused(tensors.family) ? 1 : 3;
    if (weights.size() != count || biases.size() != count)
      return fail("family " + std::string(weightFamilyName(tensors.family)) +
                  " has " + std::to_string(count) + " weights and biases");
    constexpr size_t weightAndBias = 2;
    if (output.size() != weightAndBias)
      return fail("'output' must be two names");
    std::copy(weights.begin(), weights.end(), tensors.weights.begin());
    std::copy(biases.begin(), biases.end(), tensors.biases.begin());
    tensors.outputWeight = output[0];
    tensors.outputBias = output[1];
    for (const std::string &name : weights)
      if (name.empty())
        return fail("a weight has no name");
    for (const auto *list : {&weights, &biases})
      for (const std::string &name : *list)
        if (!name.empty() && !used.insert(name).second)
          return fail("tensor " + quoted(name) + " is named twice");
    for (const std::string &name :
         {projectionName(tensors), basisName(tensors, true)})
      if (!used.insert(name).second)
        return fail("prefix " + quoted(tensors.prefix) + " is used twice");
    return Status::success();
  }

  Status setDims(LayerRecipe &layer, std::vector<std::vector<int64_t>> sets) {
    const AttentionShape &shape = layer.shape;
    int64_t outputs = 0;
    for (int64_t count :
         {shape.numHeads, shape.numKvHeads, shape.headDim, shape.valueDim})
      if (count <= 0 || count > kMaxOutputs)
        return fail("head counts and dims must be in [1, 2^22]");
    for (int64_t dim : {shape.headDim, shape.valueDim})
      if (__builtin_mul_overflow(shape.numHeads, dim, &outputs) ||
          outputs > kMaxOutputs)
        return fail("more than 2^22 outputs");
    const auto heads = static_cast<size_t>(shape.numHeads);
    if (sets.size() != 1 && sets.size() != heads)
      return fail("'rec_dims' has " + std::to_string(sets.size()) +
                  " sets for " + std::to_string(heads) + " heads");
    for (const std::vector<int64_t> &dims : sets)
      totalDims += dims.size() * (sets.size() == 1 ? heads : 1);
    if (totalDims > kMaxDims)
      return fail("'rec_dims' are too many");
    if (sets.size() == 1)
      sets.assign(heads, std::vector<int64_t>(sets.front()));
    layer.recDims = std::move(sets);
    return Status::success();
  }

  static Status check(const LayerRecipe &layer) {
    for (const auto *gates : {&layer.wStd, &layer.wRec})
      if (gates->empty())
        return fail("a gate has no number");
    if (layer.basis && layer.lowPart != LowPart::Svd)
      return fail("a basis without projection 'svd'");
    const std::vector<Refusal> refusals = checkFold(foldFactsOf(layer));
    if (!refusals.empty())
      return fail(refusalText(refusals.front()));
    // The rules pass a fold that changes nothing.
    if (layer.rope.rotaryDim % 2 != 0 ||
        layer.rope.rotaryDim > layer.shape.headDim)
      return fail("rotary dim " + std::to_string(layer.rope.rotaryDim) +
                  " of head dim " + std::to_string(layer.shape.headDim));
    if (!(layer.rope.base > 0.0))
      return fail("the base of a rotary embedding must be positive");
    return Status::success();
  }

  JsonScanner json;
  std::set<std::string> used;
  size_t totalDims = 0;
};

} // namespace

std::string_view ra::runtime::lowPartName(LowPart part) {
  switch (part) {
  case LowPart::Last:
    return "last";
  case LowPart::Random:
    return "random";
  case LowPart::Given:
    return "given";
  case LowPart::Svd:
    return "svd";
  }
  return "";
}

std::string_view ra::runtime::attentionMaskName(AttentionMask mask) {
  return mask == AttentionMask::None ? "none" : "causal";
}

std::string_view ra::runtime::rawRowsName(RawRows rows) {
  switch (rows) {
  case RawRows::None:
    return "none";
  case RawRows::QueryKey:
    return "qk";
  case RawRows::All:
    return "qkv";
  }
  return "";
}

int64_t LayerRecipe::foldedHeadDim() const {
  FoldSpec spec;
  spec.numHeads = shape.numHeads;
  spec.numKvHeads = shape.numKvHeads;
  spec.headDim = shape.headDim;
  spec.recDims = recDims;
  spec.grouped = grouped;
  return ra::runtime::foldedHeadDim(spec);
}

ProjectionRows LayerRecipe::foldedRows() const {
  const int64_t dim = foldedHeadDim();
  return {shape.numHeads * dim, shape.numKvHeads * dim, shape.rows().v};
}

AttentionTensors LayerRecipe::sourceTensors() const {
  AttentionTensors source = tensors;
  for (size_t i = 0; i < source.biases.size(); ++i)
    if (!sourceBiases[i])
      source.biases[i].clear();
  return source;
}

ProjectionRows LayerRecipe::rawRows() const {
  ProjectionRows rows = shape.rows();
  if (raw == RawRows::None)
    return {};
  if (raw == RawRows::QueryKey)
    rows.v = 0;
  return rows;
}

const LayerRecipe *Recipe::find(int64_t layer) const {
  for (const LayerRecipe &each : layers)
    if (each.tensors.layer == layer)
      return &each;
  return nullptr;
}

std::string ra::runtime::recipeText(const Recipe &recipe) {
  return Writer().run(recipe);
}

Expected<Recipe> ra::runtime::parseRecipe(std::string_view text) {
  return Reader(text).run();
}

Expected<Recipe> ra::runtime::readRecipe(const Safetensors &file) {
  auto found = file.metadata().find(std::string(Recipe::kKey));
  if (found == file.metadata().end())
    return Recipe();
  Expected<Recipe> recipe = parseRecipe(found->second);
  if (!recipe)
    return fail("its recipe (metadata '" + std::string(Recipe::kKey) +
                "'): " + recipe.message());
  return recipe;
}

FoldFacts ra::runtime::foldFactsOf(const LayerRecipe &layer) {
  FoldFacts facts;
  facts.numHeads = layer.shape.numHeads;
  facts.numKvHeads = layer.shape.numKvHeads;
  facts.headDim = layer.shape.headDim;
  facts.recDims = layer.recDims;
  facts.hasProjection = layer.hasProjection();
  facts.hasBasis = facts.basisCommutes = layer.basis;
  facts.gateSplit = layer.gateSplit;
  facts.grouped = layer.grouped;
  facts.wStd = layer.wStd;
  facts.wRec = layer.wRec;
  facts.wStdShared = layer.wStd.size() == 1;
  facts.wRecShared = layer.wRec.size() == 1;
  facts.qRope = facts.kRope = layer.rope.style;
  facts.qRotaryDim = facts.kRotaryDim = layer.rope.rotaryDim;
  return facts;
}

std::string ra::runtime::projectionName(const AttentionTensors &tensors) {
  return tensors.prefix + "ra_projection";
}

std::string ra::runtime::basisName(const AttentionTensors &tensors,
                                   bool query) {
  return tensors.prefix + (query ? "ra_basis_q" : "ra_basis_k");
}

bool ra::runtime::isAddedName(std::string_view name) {
  auto endsWith = [&](std::string_view tail) {
    return name.size() >= tail.size() &&
           name.substr(name.size() - tail.size()) == tail;
  };
  return endsWith(Recipe::kRawSuffix) || endsWith("ra_projection") ||
         endsWith("ra_basis_q") || endsWith("ra_basis_k");
}

Expected<FoldSpec> ra::runtime::foldSpecOf(const LayerRecipe &layer,
                                           const Safetensors &file) {
  FoldSpec spec;
  spec.numHeads = layer.shape.numHeads;
  spec.numKvHeads = layer.shape.numKvHeads;
  spec.headDim = layer.shape.headDim;
  spec.recDims = layer.recDims;
  spec.gateSplit = layer.gateSplit;
  spec.grouped = layer.grouped;
  spec.wStd = layer.wStd;
  spec.wRec = layer.wRec;
  auto read = [&](bool wanted, const std::string &name,
                  std::optional<Tensor> &place) -> Status {
    if (!wanted)
      return Status::success();
    Expected<Tensor> tensor = file.get(name);
    if (!tensor)
      return tensor.takeFailure();
    place = std::move(*tensor);
    return Status::success();
  };
  for (Status status :
       {read(layer.hasProjection(), projectionName(layer.tensors),
             spec.projection),
        read(layer.basis, basisName(layer.tensors, true), spec.basisQ),
        read(layer.basis, basisName(layer.tensors, false), spec.basisK)})
    if (!status.ok())
      return status.takeFailure();
  Status status = checkFoldSpec(spec);
  if (!status.ok())
    return status.takeFailure();
  for (const std::optional<Tensor> *basis : {&spec.basisQ, &spec.basisK})
    if (*basis &&
        !commutesWithRotary(**basis, layer.rope.style, layer.rope.rotaryDim))
      return fail(std::string(ruleName(Rule::Rotary)) + ": the basis of " +
                  quoted(layer.tensors.prefix) +
                  " does not commute with the rotary embedding; legal: one "
                  "that does, as --projection=svd chooses");
  return spec;
}
