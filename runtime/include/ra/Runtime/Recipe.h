//===- Recipe.h - How a checkpoint was converted ----------------*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A converted checkpoint carries its recipe: JSON under the key `ra.recipe` of
// its safetensors metadata, one entry per converted layer:
//
//   {"version": 1, "layers": [{
//     "layer": 0, "family": "gpt2", "prefix": "h.0.attn.",
//     "weights": ["h.0.attn.c_attn.weight"], "biases": [...],
//     "output": ["h.0.attn.c_proj.weight", "h.0.attn.c_proj.bias"],
//     "heads": 12, "kv_heads": 12, "head_dim": 64, "value_dim": 64,
//     "rec_dims": [[60, 61, 62, 63]], "gate_split": "symmetric",
//     "gqa": "mean", "w_std": [0.9], "w_rec": [0.1],
//     "projection": "last", "seed": 0, "basis": false,
//     "rope": {"style": "none", "rotary_dim": 0, "base": 10000},
//     "mask": "causal", "scale": 0.125,
//     "source_type": "F32", "source_biases": [true, true, true],
//     "source_sha256": "...", "raw": "qk", "rebaked": false}]}
//
// `weights`, `biases` have one name for fused families, else those of q, k, v;
// an empty name is a tensor that is not there. `rec_dims` is one set for all
// heads or one per query head. Every key is needed, none may come twice, and no
// other is taken.
//
// Beside the folded tensors, which keep their names, a layer may have
//
//   NAME.ra_raw            the original rows of tensor NAME: of q and k (raw
//                          "qk"), or of v too, whose type changed ("qkv")
//   PREFIX + ra_projection the P that was folded, [D, R] or [H, D, R]
//   PREFIX + ra_basis_q    A, [H, D, D], f64
//   PREFIX + ra_basis_k    B, [Hkv, D, D], f64
//
//===----------------------------------------------------------------------===//

#ifndef RA_RUNTIME_RECIPE_H
#define RA_RUNTIME_RECIPE_H

#include "ra/Runtime/FoldRules.h"
#include "ra/Runtime/FoldWeights.h"
#include "ra/Runtime/Safetensors.h"
#include "ra/Runtime/Status.h"
#include "ra/Runtime/WeightFamily.h"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ra::runtime {

/// What stands in for q[L] and k[L]: the last dims as they are, a random P, a
/// P that was given, or the last dims of a basis chosen by SVD.
enum class LowPart { Last, Random, Given, Svd };

/// "last", "random", "given", "svd".
std::string_view lowPartName(LowPart part);

/// Which keys a query sees.
enum class AttentionMask { None, Causal };

/// "none", "causal".
std::string_view attentionMaskName(AttentionMask mask);

/// The rotary embedding after the projections; see AttentionSpec.
struct RotarySpec {
  RopeStyle style = RopeStyle::None;
  int64_t rotaryDim = 0;
  double base = 10000.0;
};

/// Which original rows a file keeps.
enum class RawRows { None, QueryKey, All };

/// "none", "qk", "qkv".
std::string_view rawRowsName(RawRows rows);

/// How one layer was converted.
struct LayerRecipe {
  AttentionTensors tensors; ///< As in the converted file.
  AttentionShape shape;     ///< Of the original; `channels` is not recorded.
  std::vector<std::vector<int64_t>> recDims; ///< One set per query head.
  GateSplit gateSplit = GateSplit::Symmetric;
  GroupedMode grouped = GroupedMode::Mean;
  std::vector<double> wStd = {0.9}, wRec = {0.1}; ///< 1 or H numbers.
  LowPart lowPart = LowPart::Last;
  int64_t seed = 0; ///< Of a random P; >= 0.
  /// A basis was folded (SVD finds none where the identity is as good).
  bool basis = false;
  RotarySpec rope;
  AttentionMask mask = AttentionMask::None;
  double scale = 1.0;
  /// Of the original: the type of its weights, and which of q, k, v had a bias
  /// (fused: the first says it for all).
  ElementType sourceType = ElementType::F32;
  std::array<bool, 3> sourceBiases = {};
  /// SHA-256 of the file this layer was read from; empty for new weights.
  std::string sourceSha256;
  RawRows raw = RawRows::QueryKey;
  /// The gates were changed once without original rows.
  bool rebaked = false;

  bool hasProjection() const {
    return lowPart == LowPart::Random || lowPart == LowPart::Given;
  }
  /// D, or D - R + G R for slots.
  int64_t foldedHeadDim() const;
  /// Rows of the folded projections.
  ProjectionRows foldedRows() const;
  /// The original tensors: those here but for biases that folding added.
  AttentionTensors sourceTensors() const;
  /// The rows that `raw` keeps of them.
  ProjectionRows rawRows() const;
};

/// The recipe of a file.
struct Recipe {
  static constexpr std::string_view kKey = "ra.recipe";
  static constexpr std::string_view kRawSuffix = ".ra_raw";

  std::vector<LayerRecipe> layers; ///< Sorted by layer, no number twice.

  const LayerRecipe *find(int64_t layer) const;
};

/// The JSON text of `recipe`.
std::string recipeText(const Recipe &recipe);

/// The inverse, for text from anywhere. Every layer of the result passes
/// checkFold() on foldFactsOf(). H * D and H * Dv are at most 2^22; numbers are
/// finite; no tensor belongs to two layers.
Expected<Recipe> parseRecipe(std::string_view text);

/// The recipe of `file`; without layers when it has none.
Expected<Recipe> readRecipe(const Safetensors &file);

/// What a recipe says for the rules: shape, dims, gates, rotary embedding. A
/// recorded basis counts as one that commutes with it.
FoldFacts foldFactsOf(const LayerRecipe &layer);

/// Names of the tensors beside the folded ones.
std::string projectionName(const AttentionTensors &tensors);
std::string basisName(const AttentionTensors &tensors, bool query);

/// True for a name that a conversion adds.
bool isAddedName(std::string_view name);

/// The fold that `layer` records, with P and basis read from `file`, where they
/// must be. Fails on what checkFoldSpec() refuses, and on a basis that does not
/// commute with the rotary embedding.
Expected<FoldSpec> foldSpecOf(const LayerRecipe &layer,
                              const Safetensors &file);

} // namespace ra::runtime

#endif // RA_RUNTIME_RECIPE_H
