//===- WeightFamily.cpp - Where checkpoints keep attention ----------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ra/Runtime/WeightFamily.h"

#include "Text.h"

#include <algorithm>
#include <map>
#include <set>

using namespace ra::runtime;

namespace {

struct FamilyName {
  std::string_view name;
  WeightFamily family;
};

constexpr FamilyName kFamilies[] = {{"gpt2", WeightFamily::Gpt2},
                                    {"linear", WeightFamily::Linear},
                                    {"llama", WeightFamily::Llama},
                                    {"bert", WeightFamily::Bert}};

constexpr std::string_view kFused[] = {"c_attn.weight",   "qkv.weight",
                                       "qkv_proj.weight", "Wqkv.weight",
                                       "in_proj.weight",  "in_proj_weight"};
constexpr std::string_view kLlama[] = {"q_proj.weight", "k_proj.weight",
                                       "v_proj.weight"};
constexpr std::string_view kBert[] = {"query.weight", "key.weight",
                                      "value.weight"};
constexpr std::string_view kNorms[] = {"q_norm.weight",
                                       "k_norm.weight",
                                       "q_layernorm.weight",
                                       "k_layernorm.weight",
                                       "query_layernorm.weight",
                                       "key_layernorm.weight",
                                       "q_ln.weight",
                                       "k_ln.weight",
                                       "norm_q.weight",
                                       "norm_k.weight",
                                       "query_norm.weight",
                                       "key_norm.weight"};
constexpr std::string_view kCross[] = {"crossattention.", "cross_attn.",
                                       "encoder_attn.", "cross_attention.",
                                       "EncDecAttention."};
constexpr std::string_view kOutputs[] = {"c_proj.weight", "o_proj.weight",
                                         "out_proj.weight", "proj.weight",
                                         "dense.weight"};
constexpr std::string_view kPacked[] = {"q_proj.qweight", "query.qweight",
                                        "qkv_proj.qweight"};

/// `name` without `suffix`, which must begin the name or follow a dot.
std::optional<std::string> prefixBefore(std::string_view name,
                                        std::string_view suffix) {
  if (name.size() < suffix.size() ||
      name.substr(name.size() - suffix.size()) != suffix)
    return std::nullopt;
  const std::string_view prefix = name.substr(0, name.size() - suffix.size());
  if (!prefix.empty() && prefix.back() != '.')
    return std::nullopt;
  return std::string(prefix);
}

/// "x.weight" to "x.bias", "x_weight" to "x_bias".
std::string biasName(const std::string &weight) {
  constexpr std::string_view tail = "weight";
  return weight.substr(0, weight.size() - tail.size()) + "bias";
}

bool isDigit(char byte) { return byte >= '0' && byte <= '9'; }

/// Numbers in names compare by value: h.2 before h.10.
bool naturalLess(std::string_view a, std::string_view b) {
  size_t i = 0, j = 0;
  while (i < a.size() && j < b.size()) {
    if (isDigit(a[i]) && isDigit(b[j])) {
      size_t endA = i, endB = j;
      while (endA < a.size() && isDigit(a[endA]))
        ++endA;
      while (endB < b.size() && isDigit(b[endB]))
        ++endB;
      auto digits = [](std::string_view text) {
        const size_t first = text.find_first_not_of('0');
        return first == std::string_view::npos ? std::string_view()
                                               : text.substr(first);
      };
      const std::string_view x = digits(a.substr(i, endA - i)),
                             y = digits(b.substr(j, endB - j));
      if (x != y)
        return x.size() != y.size() ? x.size() < y.size() : x < y;
      i = endA;
      j = endB;
      continue;
    }
    if (a[i] != b[j])
      return a[i] < b[j];
    ++i;
    ++j;
  }
  return i == a.size() && (j < b.size() || a < b);
}

/// The last component of `prefix` that is a number.
std::optional<int64_t> lastNumber(std::string_view prefix) {
  constexpr size_t longest = 9;
  std::optional<int64_t> found;
  while (!prefix.empty()) {
    const size_t dot = prefix.find('.');
    const std::string_view part = prefix.substr(0, dot);
    if (!part.empty() && part.size() <= longest &&
        std::all_of(part.begin(), part.end(), isDigit)) {
      int64_t value = 0;
      for (char digit : part)
        value = value * 10 + (digit - '0');
      found = value;
    }
    if (dot == std::string_view::npos)
      break;
    prefix.remove_prefix(dot + 1);
  }
  return found;
}

class Finder {
public:
  explicit Finder(const Safetensors &file) : file(file) {
    for (const TensorEntry &entry : file.entries())
      names.push_back(entry.name);
    std::sort(names.begin(), names.end());
  }

  void addFused(const TensorEntry &entry, std::optional<WeightFamily> wanted) {
    if (entry.shape.size() != 2)
      return;
    for (std::string_view suffix : kFused) {
      std::optional<std::string> prefix = prefixBefore(entry.name, suffix);
      if (!prefix)
        continue;
      // Only GPT-2's own name can be transposed.
      const bool transposed =
          suffix == kFused[0] &&
          (wanted ? *wanted == WeightFamily::Gpt2 : isTransposed(entry));
      const WeightFamily family =
          transposed ? WeightFamily::Gpt2 : WeightFamily::Linear;
      if (wanted && *wanted != family)
        return;
      FoundAttention &found = add(family, *prefix);
      found.tensors.weights[0] = entry.name;
      return;
    }
  }

  void addSeparate(const TensorEntry &entry, WeightFamily family,
                   const std::string_view (&suffixes)[3]) {
    std::optional<std::string> prefix = prefixBefore(entry.name, suffixes[0]);
    if (!prefix)
      return;
    const std::string k = *prefix + std::string(suffixes[1]);
    const std::string v = *prefix + std::string(suffixes[2]);
    const TensorEntry *key = file.find(k);
    if (!key || !file.contains(v))
      return;
    FoundAttention &found = add(family, *prefix);
    found.tensors.weights = {entry.name, k, v};
    if (entry.shape.size() == 2 && key->shape.size() == 2 &&
        entry.shape[1] != key->shape[1])
      found.traits.sourceNote = quoted(entry.name) + " reads " +
                                std::to_string(entry.shape[1]) +
                                " channels and " + quoted(k) + " reads " +
                                std::to_string(key->shape[1]);
  }

  /// Keys and values that come from a latent.
  void addLatent(const TensorEntry &entry) {
    std::optional<std::string> prefix =
        prefixBefore(entry.name, "kv_b_proj.weight");
    if (!prefix)
      return;
    const bool latentQuery = file.contains(*prefix + "q_b_proj.weight");
    const std::string q =
        *prefix + (latentQuery ? "q_b_proj.weight" : "q_proj.weight");
    FoundAttention &found = add(WeightFamily::Llama, *prefix);
    found.tensors.weights = {q, entry.name, entry.name};
    found.traits.sourceNote =
        quoted(q) + " projects " +
        (latentQuery ? "one latent and " : "the input and ") +
        quoted(entry.name) + " another";
  }

  std::vector<FoundAttention> finish() {
    std::sort(attentions.begin(), attentions.end(),
              [](const FoundAttention &a, const FoundAttention &b) {
                return naturalLess(a.tensors.prefix, b.tensors.prefix);
              });
    std::set<int64_t> numbers;
    bool apart = true;
    for (FoundAttention &found : attentions) {
      complete(found);
      // Cross-attention stands beside the self-attention of the same number.
      if (!found.traits.sourceNote.empty())
        continue;
      const std::optional<int64_t> number = lastNumber(found.tensors.prefix);
      apart = apart && number && numbers.insert(*number).second;
    }
    int64_t place = 0;
    for (FoundAttention &found : attentions) {
      const std::optional<int64_t> number = lastNumber(found.tensors.prefix);
      if (!found.traits.sourceNote.empty())
        found.tensors.layer = number ? *number : 0;
      else
        found.tensors.layer = apart ? *number : place++;
    }
    return std::move(attentions);
  }

private:
  FoundAttention &add(WeightFamily family, const std::string &prefix) {
    FoundAttention found;
    found.tensors.family = family;
    found.tensors.prefix = prefix;
    attentions.push_back(std::move(found));
    return attentions.back();
  }

  /// Whether the second axis of a fused weight is the outputs: its bias says
  /// so, else the longer side.
  bool isTransposed(const TensorEntry &weight) const {
    const TensorEntry *bias = file.find(biasName(weight.name));
    if (bias && bias->shape.size() == 1 && weight.shape[0] != weight.shape[1] &&
        (bias->shape[0] == weight.shape[0] ||
         bias->shape[0] == weight.shape[1]))
      return bias->shape[0] == weight.shape[1];
    return weight.shape[1] > weight.shape[0];
  }

  /// Biases, the output projection, and what the other names give away.
  void complete(FoundAttention &found) {
    AttentionTensors &tensors = found.tensors;
    for (size_t i = 0; i < tensors.weights.size(); ++i)
      if (!tensors.weights[i].empty()) {
        const std::string bias = biasName(tensors.weights[i]);
        if (file.contains(bias))
          tensors.biases[i] = bias;
      }
    const std::string &prefix = tensors.prefix;
    constexpr std::string_view self = "self.";
    std::vector<std::string> outputs;
    if (std::optional<std::string> outer = prefixBefore(prefix, self);
        outer && tensors.family == WeightFamily::Bert)
      outputs.push_back(*outer + "output.dense.weight");
    for (std::string_view name : kOutputs)
      outputs.push_back(prefix + std::string(name));
    for (const std::string &name : outputs)
      if (file.contains(name)) {
        tensors.outputWeight = name;
        if (file.contains(biasName(name)))
          tensors.outputBias = biasName(name);
        break;
      }

    AttentionTraits &traits = found.traits;
    for (std::string_view marker : kCross)
      if (traits.sourceNote.empty() && prefix.find(marker) != std::string::npos)
        traits.sourceNote = quoted(prefix) +
                            " names cross-attention, where q projects one "
                            "value and k another";
    for (std::string_view name : kNorms)
      if (const std::string norm = prefix + std::string(name);
          traits.normNote.empty() && file.contains(norm))
        traits.normNote = "the normalisation " + quoted(norm);
    for (auto name = std::lower_bound(names.begin(), names.end(), prefix);
         name != names.end() && name->substr(0, prefix.size()) == prefix;
         ++name)
      if (traits.affineNote.empty() &&
          (name->find("lora_") != std::string_view::npos ||
           name->find("adapter") != std::string_view::npos))
        traits.affineNote = "the adapter " + quoted(*name);
  }

  const Safetensors &file;
  std::vector<std::string_view> names;
  std::vector<FoundAttention> attentions;
};

std::string lookedFor(std::optional<WeightFamily> family) {
  std::string text;
  auto add = [&](WeightFamily which, const std::string &names) {
    if (!family || *family == which)
      text += (text.empty() ? "" : ", ") + names;
  };
  add(WeightFamily::Gpt2, "gpt2: c_attn.weight [C, q|k|v]");
  add(WeightFamily::Linear,
      "linear: {c_attn,qkv,qkv_proj,Wqkv,in_proj}.weight or in_proj_weight "
      "[q|k|v, C]");
  add(WeightFamily::Llama, "llama: {q,k,v}_proj.weight");
  add(WeightFamily::Bert, "bert: {query,key,value}.weight");
  return text;
}

Failure shapeFailure(const TensorEntry &entry, const std::string &wanted) {
  return fail("tensor " + quoted(entry.name) + " is " +
              shapeString(entry.shape, entry.type) + "; " + wanted);
}

} // namespace

std::string_view ra::runtime::weightFamilyName(WeightFamily family) {
  for (const FamilyName &known : kFamilies)
    if (known.family == family)
      return known.name;
  return "";
}

std::optional<WeightFamily>
ra::runtime::parseWeightFamily(std::string_view name) {
  for (const FamilyName &known : kFamilies)
    if (known.name == name)
      return known.family;
  return std::nullopt;
}

bool ra::runtime::isFused(WeightFamily family) {
  return family == WeightFamily::Gpt2 || family == WeightFamily::Linear;
}

Expected<std::vector<FoundAttention>>
ra::runtime::findAttentions(const Safetensors &file,
                            std::optional<WeightFamily> family) {
  Finder finder(file);
  std::set<WeightFamily> families;
  for (const TensorEntry &entry : file.entries()) {
    if (!family || isFused(*family))
      finder.addFused(entry, family);
    if (!family || *family == WeightFamily::Llama) {
      finder.addSeparate(entry, WeightFamily::Llama, kLlama);
      finder.addLatent(entry);
    }
    if (!family || *family == WeightFamily::Bert)
      finder.addSeparate(entry, WeightFamily::Bert, kBert);
    for (std::string_view suffix : kPacked)
      if (prefixBefore(entry.name, suffix))
        return fail("tensor " + quoted(entry.name) +
                    " holds packed quantised weights, whose rows are not "
                    "read; dequantise the checkpoint first");
  }
  std::vector<FoundAttention> found = finder.finish();
  if (found.empty())
    return fail("no attention among its " +
                std::to_string(file.entries().size()) +
                " tensors; looked for " + lookedFor(family));
  for (const FoundAttention &attention : found)
    families.insert(attention.tensors.family);
  if (families.size() > 1) {
    std::string text;
    for (WeightFamily which : families)
      text += (text.empty() ? "" : ", ") + std::string(weightFamilyName(which));
    return fail("attentions of several families (" + text +
                "); choose one with --family");
  }
  return found;
}

Expected<AttentionShape>
ra::runtime::attentionShape(const Safetensors &file,
                            const AttentionTensors &tensors, int64_t numHeads,
                            int64_t numKvHeads) {
  AttentionShape shape;
  shape.numHeads = numHeads;
  std::array<const TensorEntry *, 3> weights = {};
  for (size_t i = 0; i < weights.size(); ++i) {
    if (tensors.weights[i].empty())
      continue;
    weights[i] = file.find(tensors.weights[i]);
    if (!weights[i])
      return fail("no tensor " + quoted(tensors.weights[i]));
    if (weights[i]->shape.size() != 2 || weights[i]->shape[0] <= 0 ||
        weights[i]->shape[1] <= 0)
      return shapeFailure(*weights[i], "a projection has two axes, not empty");
  }
  constexpr int64_t limit = int64_t(1) << 20;
  if (numHeads <= 0 || numHeads > limit || numKvHeads < 0 || numKvHeads > limit)
    return fail("head counts must be in [1, 2^20]");
  auto divide = [&](const TensorEntry &entry, int64_t outputs,
                    int64_t heads) -> Status {
    if (outputs % heads == 0)
      return Status::success();
    return shapeFailure(entry, std::to_string(heads) + " heads do not divide " +
                                   std::to_string(outputs) + " outputs");
  };
  if (isFused(tensors.family)) {
    const bool transposed = tensors.family == WeightFamily::Gpt2;
    const TensorEntry &weight = *weights[0];
    const int64_t outputs = weight.shape[transposed ? 1 : 0];
    shape.channels = weight.shape[transposed ? 0 : 1];
    shape.numKvHeads = numKvHeads == 0 ? numHeads : numKvHeads;
    const int64_t parts = numHeads + 2 * shape.numKvHeads;
    if (outputs % parts != 0)
      return shapeFailure(weight, std::to_string(numHeads) +
                                      " query heads and 2 * " +
                                      std::to_string(shape.numKvHeads) +
                                      " key and value heads do not divide " +
                                      std::to_string(outputs) + " outputs");
    shape.headDim = shape.valueDim = outputs / parts;
  } else {
    const std::array<int64_t, 3> outputs = {
        weights[0]->shape[0], weights[1]->shape[0], weights[2]->shape[0]};
    shape.channels = weights[0]->shape[1];
    Status status = divide(*weights[0], outputs[0], numHeads);
    if (!status.ok())
      return status.takeFailure();
    shape.headDim = outputs[0] / numHeads;
    if (outputs[1] % shape.headDim != 0)
      return shapeFailure(*weights[1],
                          "heads of " + std::to_string(shape.headDim) +
                              " dims (" + quoted(tensors.weights[0]) +
                              ") do not divide its outputs");
    shape.numKvHeads = outputs[1] / shape.headDim;
    if (numKvHeads != 0 && numKvHeads != shape.numKvHeads)
      return shapeFailure(*weights[1],
                          std::to_string(numKvHeads) + " key heads of " +
                              std::to_string(shape.headDim) + " dims take " +
                              std::to_string(numKvHeads * shape.headDim) +
                              " outputs");
    status = divide(*weights[2], outputs[2], shape.numKvHeads);
    if (!status.ok())
      return status.takeFailure();
    shape.valueDim = outputs[2] / shape.numKvHeads;
    for (const TensorEntry *weight : weights)
      if (weight->shape[1] != shape.channels)
        return shapeFailure(*weight, quoted(tensors.weights[0]) + " reads " +
                                         std::to_string(shape.channels) +
                                         " channels");
  }

  const ProjectionRows rows = shape.rows();
  const std::array<int64_t, 3> separate = {rows.q, rows.k, rows.v};
  for (size_t i = 0; i < tensors.biases.size(); ++i) {
    if (tensors.biases[i].empty())
      continue;
    const TensorEntry *bias = file.find(tensors.biases[i]);
    if (!bias)
      return fail("no tensor " + quoted(tensors.biases[i]));
    const int64_t wanted = isFused(tensors.family) ? rows.total() : separate[i];
    if (bias->shape != Shape{wanted})
      return shapeFailure(*bias, "its weight has " + std::to_string(wanted) +
                                     " outputs");
  }
  return shape;
}
