//===- WeightFamily.h - Where checkpoints keep attention --------*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Finds the query, key and value projections of a checkpoint by the names and
// shapes of its tensors. A family is a way to store them:
//
//   gpt2    one tensor, transposed (Conv1D): ...c_attn.weight [C, q|k|v]
//   linear  one tensor, rows are outputs:    ...{c_attn,qkv,qkv_proj,Wqkv,
//           in_proj}.weight, ...in_proj_weight [q|k|v, C]
//   llama   three tensors: ...{q,k,v}_proj.weight
//   bert    three tensors: ...{query,key,value}.weight
//
// each with or without a bias. q has H * D outputs, k and v have Hkv * D; one
// tensor for all three holds them in this order, each with its heads one after
// another. (A fused tensor whose rows go head by head, as GPT-NeoX's
// query_key_value, is not one of these and is not recognised.)
//
//===----------------------------------------------------------------------===//

#ifndef RA_RUNTIME_WEIGHTFAMILY_H
#define RA_RUNTIME_WEIGHTFAMILY_H

#include "ra/Runtime/FoldRules.h"
#include "ra/Runtime/Safetensors.h"
#include "ra/Runtime/Status.h"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ra::runtime {

/// See the file's description.
enum class WeightFamily { Gpt2, Linear, Llama, Bert };

/// "gpt2", "linear", "llama", "bert".
std::string_view weightFamilyName(WeightFamily family);

/// The inverse; nothing for any other text ("auto" included).
std::optional<WeightFamily> parseWeightFamily(std::string_view name);

/// True for the families that keep q, k and v in one tensor.
bool isFused(WeightFamily family);

/// The tensors of one attention. A name that is empty stands for a tensor that
/// is not there.
struct AttentionTensors {
  WeightFamily family = WeightFamily::Linear;
  /// The number of the layer: the last number in its name when that tells the
  /// layers of the file apart, else its place among them.
  int64_t layer = 0;
  /// What the names have in common: "transformer.h.3.attn.".
  std::string prefix;
  /// Of q, k, v; fused families have only the first.
  std::array<std::string, 3> weights, biases;
  /// The projection of the heads' outputs: [C, H * Dv], gpt2 [H * Dv, C].
  std::string outputWeight, outputBias;
};

/// What the names of a file say of an attention beyond its projections.
struct AttentionTraits {
  /// Not empty when q and k project different values (cross-attention,
  /// latents): which.
  std::string sourceNote;
  /// Not empty when q or k is normalised: by which tensor.
  std::string normNote;
  /// Not empty when a projection is more than a weight and a bias: the tensor
  /// that says so (adapters).
  std::string affineNote;
};

/// One attention of a file.
struct FoundAttention {
  AttentionTensors tensors;
  AttentionTraits traits;
};

/// All attentions of `file`, sorted by name (numbers in it by value), those of
/// `family` only when it is given. Tensors that a repack added are not looked
/// at. Fails when there is none, saying what was looked for, and when families
/// are mixed.
Expected<std::vector<FoundAttention>>
findAttentions(const Safetensors &file,
               std::optional<WeightFamily> family = std::nullopt);

/// Outputs (rows) of the three projections.
struct ProjectionRows {
  int64_t q = 0, k = 0, v = 0;
  int64_t total() const { return q + k + v; }
};

/// H, Hkv, D, Dv and C of an attention.
struct AttentionShape {
  int64_t numHeads = 0, numKvHeads = 0, headDim = 0, valueDim = 0;
  int64_t channels = 0;
  ProjectionRows rows() const {
    return {numHeads * headDim, numKvHeads * headDim, numKvHeads * valueDim};
  }
};

/// The shape of `tensors` in `file` for `numHeads` query heads; `numKvHeads`
/// 0 stands for what the shapes say (separate tensors) or as many (fused).
/// Fails, naming the tensor, when the shapes of weights and biases do not fit.
Expected<AttentionShape> attentionShape(const Safetensors &file,
                                        const AttentionTensors &tensors,
                                        int64_t numHeads, int64_t numKvHeads);

} // namespace ra::runtime

#endif // RA_RUNTIME_WEIGHTFAMILY_H
