//===- WeightsModule.cpp - A converted layer as modules -------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ra/Tools/WeightsModule.h"

#include "ra/Runtime/Repack.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

using namespace ra;
using namespace ra::tools;
using runtime::ElementType;
using runtime::LayerRecipe;
using runtime::Tensor;

namespace {

/// tensor<AxBx..xTYPE>; -1 is dynamic.
std::string tensorType(llvm::ArrayRef<int64_t> shape, llvm::StringRef type) {
  std::string text = "tensor<";
  for (int64_t extent : shape)
    text += (extent < 0 ? std::string("?") : std::to_string(extent)) + "x";
  return text + type.str() + ">";
}

std::string nameOf(ElementType type) {
  return std::string(runtime::elementTypeName(type));
}

/// The dims of `recipe` as attributes of ra.reciprocal_attention; nothing when
/// they are sets that the op cannot say.
std::optional<std::string> dimsAttribute(const LayerRecipe &recipe) {
  const std::vector<int64_t> *common = nullptr;
  bool last = true, equal = true;
  std::string ranks;
  for (const std::vector<int64_t> &dims : recipe.recDims) {
    ranks += (ranks.empty() ? "" : ", ") + std::to_string(dims.size());
    if (dims.empty())
      continue;
    last &= dims.front() ==
            recipe.shape.headDim - static_cast<int64_t>(dims.size());
    equal &= !common || *common == dims;
    common = &dims;
  }
  std::string text = "rank = array<i64: " + ranks + ">";
  if (last)
    return text;
  if (!equal)
    return std::nullopt;
  return text + ", rec_dims = array<i64: " +
         llvm::join(
             llvm::map_range(*common,
                             [](int64_t dim) { return std::to_string(dim); }),
             ", ") +
         ">";
}

/// `basis` ([D, D], [heads, D, D], or the identity) with its columns in another
/// order: the dims that the heads keep, then those they exchange. A head of
/// `basis` serves `group` query heads, which exchange the same dims. With it
/// the sets of `recipe` are the last dims of every head.
runtime::Expected<Tensor> reorderBasis(const std::optional<Tensor> &basis,
                                       const LayerRecipe &recipe,
                                       int64_t group) {
  const int64_t dim = recipe.shape.headDim;
  const int64_t heads = recipe.shape.numHeads / group;
  std::vector<double> from, to(heads * dim * dim);
  if (basis)
    from = basis->readAsDoubles();
  for (int64_t head = 0; head < heads; ++head) {
    const std::vector<int64_t> &given = recipe.recDims[head * group];
    std::vector<int64_t> order;
    for (int64_t d = 0; d < dim; ++d)
      if (!llvm::is_contained(given, d))
        order.push_back(d);
    llvm::append_range(order, given);
    const int64_t base = basis && basis->rank() == 3 ? head * dim * dim : 0;
    for (int64_t row = 0; row < dim; ++row)
      for (int64_t column = 0; column < dim; ++column)
        to[(head * dim + row) * dim + column] =
            basis ? from[base + row * dim + order[column]]
                  : static_cast<double>(row == order[column]);
  }
  return Tensor::fromDoubles({heads, dim, dim}, ElementType::F64, to);
}

/// Writes one of the two functions.
class ModuleWriter {
public:
  ModuleWriter(const LayerRecipe &recipe, ElementType type, int64_t channels)
      : recipe(recipe), type(nameOf(type)), channels(channels), os(text) {}

  /// The arguments, in order; a name stands for its parameter.
  void argument(const std::string &name, const Tensor *value) {
    const bool gate = name == "w_std" || name == "w_rec";
    if (value)
      arguments.push_back(
          {name, tensorType(value->shape(), gate ? "f32" : type)});
  }

  std::string run(bool original, int64_t headDim) {
    os << "#bthd = affine_map<(b, h, t, d) -> (b, t, h, d)>\n"
       << "func.func @layer(%x: " << tensorType({-1, -1, channels}, type);
    for (const Argument &each : arguments)
      os << ", %" << each.name << ": " << each.type << " {ra.parameter}";
    const bool rotary = recipe.rope.style != runtime::RopeStyle::None &&
                        recipe.rope.rotaryDim != 0;
    const std::string table =
        tensorType({-1, recipe.rope.rotaryDim / 2}, "f32");
    if (rotary)
      os << ", %cos: " << table << ", %sin: " << table;
    const runtime::AttentionShape &shape = recipe.shape;
    const int64_t outputs = shape.numHeads * shape.valueDim;
    os << ") -> " << tensorType({-1, -1, outputs}, type) << " {\n"
       << "  %c0 = arith.constant 0 : index\n"
       << "  %c1 = arith.constant 1 : index\n"
       << "  %b = tensor.dim %x, %c0 : " << tensorType({-1, -1, channels}, type)
       << "\n  %t = tensor.dim %x, %c1 : "
       << tensorType({-1, -1, channels}, type) << "\n";
    const std::string suffix = original ? "" : "f";
    const std::string q = project("q", suffix, shape.numHeads, headDim);
    const std::string k = project("k", suffix, shape.numKvHeads, headDim);
    const std::string v = project("v", find("wvf") ? suffix : "",
                                  shape.numKvHeads, shape.valueDim);
    std::string qr = q, kr = k;
    if (rotary) {
      qr = rotate(q, shape.numHeads, headDim, table);
      kr = rotate(k, shape.numKvHeads, headDim, table);
    }
    attend(original, qr, kr, v, headDim);
    return std::move(text);
  }

private:
  struct Argument {
    std::string name, type;
  };

  const Argument *find(const std::string &name) const {
    for (const Argument &each : arguments)
      if (each.name == name)
        return &each;
    return nullptr;
  }

  void empty(const std::string &name, const std::string &tensor) {
    os << "  %" << name << " = tensor.empty(%b, %t) : " << tensor << "\n";
  }

  /// One projection, heads apart: [B, T, heads, dim].
  std::string project(const std::string &name, const std::string &suffix,
                      int64_t heads, int64_t dim) {
    const std::string weight = "w" + name + suffix;
    const std::string flat = tensorType({-1, -1, heads * dim}, type);
    std::string bias;
    if (const Argument *argument = find("b" + name + suffix))
      bias = " bias(%" + argument->name + " : " + argument->type + ")";
    empty(name + "_init", flat);
    os << "  %" << name << "_flat = ra.linear ins(%x, %" << weight << " : "
       << tensorType({-1, -1, channels}, type) << ", " << find(weight)->type
       << ")" << bias << " outs(%" << name << "_init : " << flat << ") -> "
       << flat << "\n  %" << name << " = tensor.expand_shape %" << name
       << "_flat [[0], [1], [2, 3]] output_shape [%b, %t, " << heads << ", "
       << dim << "] : " << flat << " into "
       << tensorType({-1, -1, heads, dim}, type) << "\n";
    return name;
  }

  std::string rotate(const std::string &name, int64_t heads, int64_t dim,
                     const std::string &table) {
    const std::string tensor = tensorType({-1, -1, heads, dim}, type);
    empty(name + "r_init", tensor);
    os << "  %" << name << "r = ra.rope {style = #ra.rope_style<"
       << runtime::ropeStyleName(recipe.rope.style)
       << ">, indexing_maps = [#bthd, #bthd]} ins(%" << name
       << ", %cos, %sin : " << tensor << ", " << table << ", " << table
       << ") outs(%" << name << "r_init : " << tensor << ") -> " << tensor
       << "\n";
    return name + "r";
  }

  void attend(bool original, const std::string &q, const std::string &k,
              const std::string &v, int64_t headDim) {
    const runtime::AttentionShape &shape = recipe.shape;
    const std::string qType =
        tensorType({-1, -1, shape.numHeads, headDim}, type);
    const std::string kType =
        tensorType({-1, -1, shape.numKvHeads, headDim}, type);
    const std::string vType =
        tensorType({-1, -1, shape.numKvHeads, shape.valueDim}, type);
    const std::string oType =
        tensorType({-1, -1, shape.numHeads, shape.valueDim}, type);
    std::string operands;
    if (original) {
      for (const char *gate : {"w_std", "w_rec"})
        operands += llvm::formatv(" {0}(%{0} : {1})", gate, find(gate)->type);
      if (const Argument *p = find("p"))
        operands += " projection(%p : " + p->type + ")";
      if (const Argument *a = find("basis_q"))
        operands += " basis(%basis_q, %basis_k : " + a->type + ", " +
                    find("basis_k")->type + ")";
    }
    empty("init", oType);
    os << "  %o = ra." << (original ? "reciprocal_attention" : "attention")
       << " {mask = #ra.mask<" << runtime::attentionMaskName(recipe.mask)
       << ">, scale = " << llvm::formatv("{0:e17}", recipe.scale)
       << " : f64, indexing_maps = [#bthd, #bthd, #bthd, #bthd]";
    if (original)
      os << ", gate_split = #ra.gate_split<"
         << runtime::gateSplitName(recipe.gateSplit) << ">, gqa = #ra.gqa<"
         << runtime::groupedModeName(recipe.grouped) << ">, "
         << *dimsAttribute(recipe);
    os << "} ins(%" << q << ", %" << k << ", %" << v << " : " << qType << ", "
       << kType << ", " << vType << ")" << operands << " outs(%init : " << oType
       << ") -> " << oType << "\n";
    const std::string merged =
        tensorType({-1, -1, shape.numHeads * shape.valueDim}, type);
    os << "  %merged = tensor.collapse_shape %o [[0], [1], [2, 3]] : " << oType
       << " into " << merged << "\n  return %merged : " << merged << "\n}\n";
  }

  const LayerRecipe &recipe;
  std::string type;
  int64_t channels;
  std::string text;
  llvm::raw_string_ostream os;
  std::vector<Argument> arguments;
};

/// Gates as the ops take them.
runtime::Expected<Tensor> gateTensor(const std::vector<double> &gates) {
  return Tensor::fromDoubles({static_cast<int64_t>(gates.size())},
                             ElementType::F32, gates);
}

} // namespace

runtime::Expected<WeightsModule>
tools::readWeightsModule(const std::string &path,
                         std::optional<int64_t> layer) {
  runtime::Expected<runtime::StoredLayer> stored =
      runtime::readStoredLayer(path, layer);
  if (!stored)
    return stored.takeFailure();
  const LayerRecipe &recipe = stored->recipe;
  auto here = [&](const std::string &message) {
    return runtime::fail(path + ": layer " +
                         std::to_string(recipe.tensors.layer) + ": " + message);
  };
  const ElementType type = stored->folded[0].elementType();
  if (type == ElementType::F64)
    return here("its folded weights are f64; kernels are of f32, f16 and bf16: "
                "repack with --dtype=f32");
  // Sets that the op cannot say are the last dims of a basis that sorts them.
  std::optional<Tensor> basisQ = stored->spec.basisQ;
  std::optional<Tensor> basisK = stored->spec.basisK;
  LayerRecipe described = recipe;
  if (!dimsAttribute(recipe)) {
    const int64_t group = recipe.shape.numHeads / recipe.shape.numKvHeads;
    runtime::Expected<Tensor> q = reorderBasis(basisQ, recipe, 1);
    runtime::Expected<Tensor> k = reorderBasis(basisK, recipe, group);
    if (!q || !k)
      return here(q ? k.message() : q.message());
    basisQ = *q;
    basisK = *k;
    for (std::vector<int64_t> &dims : described.recDims)
      for (auto [index, dim] : llvm::enumerate(dims))
        dim =
            described.shape.headDim - static_cast<int64_t>(dims.size() - index);
  }
  runtime::Expected<Tensor> wStd = gateTensor(recipe.wStd);
  if (!wStd)
    return wStd.takeFailure();
  runtime::Expected<Tensor> wRec = gateTensor(recipe.wRec);
  if (!wRec)
    return wRec.takeFailure();

  auto pointer = [](const std::optional<Tensor> &tensor) {
    return tensor ? &*tensor : nullptr;
  };
  const bool raw = stored->hasOriginal;
  auto rawTensor = [&](size_t index) {
    return raw ? &stored->original[index] : nullptr;
  };
  auto rawBias = [&](size_t index) {
    return raw ? pointer(stored->originalBiases[index]) : nullptr;
  };
  // v is stored once unless its type changed.
  const bool twice = raw && recipe.raw == runtime::RawRows::All;
  const std::vector<std::pair<std::string, const Tensor *>> parameters = {
      {"wq", rawTensor(0)},
      {"wk", rawTensor(1)},
      {"wv", raw ? rawTensor(2) : &stored->folded[2]},
      {"bq", rawBias(0)},
      {"bk", rawBias(1)},
      {"bv", raw ? rawBias(2) : pointer(stored->foldedBiases[2])},
      {"w_std", raw ? &*wStd : nullptr},
      {"w_rec", raw ? &*wRec : nullptr},
      {"p", raw ? pointer(stored->spec.projection) : nullptr},
      {"basis_q", raw ? pointer(basisQ) : nullptr},
      {"basis_k", raw ? pointer(basisK) : nullptr},
      {"wqf", &stored->folded[0]},
      {"wkf", &stored->folded[1]},
      {"bqf", pointer(stored->foldedBiases[0])},
      {"bkf", pointer(stored->foldedBiases[1])},
      {"wvf", twice ? &stored->folded[2] : nullptr},
      {"bvf", twice ? pointer(stored->foldedBiases[2]) : nullptr}};

  WeightsModule result;
  result.ropeBase = recipe.rope.base;
  result.layer = recipe.tensors.layer;
  const int64_t channels = stored->folded[0].dim(1);
  ModuleWriter original(described, type, channels);
  ModuleWriter folded(recipe, type, channels);
  result.parameters.emplace_back();
  for (const auto &[name, tensor] : parameters) {
    original.argument(name, tensor);
    folded.argument(name, tensor);
    if (tensor)
      result.parameters.emplace_back(*tensor);
  }
  if (recipe.rope.style != runtime::RopeStyle::None &&
      recipe.rope.rotaryDim != 0)
    result.parameters.resize(result.parameters.size() + 2);
  if (raw)
    result.original = original.run(true, recipe.shape.headDim);
  result.folded = folded.run(false, recipe.foldedHeadDim());
  return result;
}
