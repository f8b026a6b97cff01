//===- Repack.h - Converting checkpoints ------------------------*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What ra-weights does to files: folds the attentions of a checkpoint, makes
// new folded weights, gives the originals back, and changes gates. Each reads
// one file through a mapping and writes another, whole or not at all, with
// about one layer in memory. Tensors that belong to no converted attention pass
// through byte for byte.
//
//===----------------------------------------------------------------------===//

#ifndef RA_RUNTIME_REPACK_H
#define RA_RUNTIME_REPACK_H

#include "ra/Runtime/Recipe.h"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace ra::runtime {

/// Gates: one row for all layers, or one per converted layer; a row has one
/// number for all heads, or one per query head.
struct GateTable {
  std::vector<std::vector<double>> rows;
};

/// How layers are to be folded.
struct FoldOptions {
  int64_t numHeads = 0;
  /// 0: what the shapes say, or as many as query heads in a fused tensor.
  int64_t numKvHeads = 0;
  /// R for all heads, or one per query head; empty where `recDims` or a P says
  /// it.
  std::vector<int64_t> ranks;
  /// L of every head whose rank is not 0; else the last R dims.
  std::optional<std::vector<int64_t>> recDims;
  GateTable wStd = {{{0.9}}}, wRec = {{{0.1}}};
  LowPart lowPart = LowPart::Last;
  /// LowPart::Given: P, [D, R] or [H, D, R].
  std::optional<Tensor> projection;
  /// LowPart::Random: P is normal with deviation 0.02 / sqrt(R), [D, R], from
  /// stream `layer` of the seed.
  int64_t seed = 0;
  /// LowPart::Svd: sample inputs of the layers, [..., C]; see chooseBasis().
  std::optional<Tensor> activations;
  GateSplit gateSplit = GateSplit::Symmetric;
  GroupedMode grouped = GroupedMode::Mean;
  /// Not given: half over the whole head for llama, none for the others.
  std::optional<RotarySpec> rope;
  /// Not given: none for bert, causal for the others.
  std::optional<AttentionMask> mask;
  /// Not given: 1 / sqrt(D).
  std::optional<double> scale;
  /// The storage type of the converted projections, v included; not given: that
  /// of the source.
  std::optional<ElementType> dtype;
  /// Keep the original rows of q and k (and of v when its type changes), so
  /// that unpack and rebake are exact.
  bool keepRaw = true;
};

/// A rule that forbids the conversion of a layer.
struct LayerRefusal {
  int64_t layer = 0;
  std::string prefix;
  Refusal refusal;
};

/// What was done, or why nothing was.
struct ConversionReport {
  /// Not empty: refused, and no file was written.
  std::vector<LayerRefusal> refusals;
  /// Remarks for a person: rounding, alignment, layers left alone.
  std::vector<std::string> notes;
  int64_t layers = 0; ///< Converted.
  uint64_t bytes = 0; ///< Of tensors written.
};

/// Folds the attentions of `input` into `output`. `layers` are the numbers of
/// those to convert; empty means all self-attentions. An input that has
/// converted layers already may get more.
Expected<ConversionReport> repack(const std::string &input,
                                  const std::string &output,
                                  std::optional<WeightFamily> family,
                                  const std::vector<int64_t> &layers,
                                  const FoldOptions &options);

/// Sizes of a new set of weights.
struct InitShape {
  int64_t layers = 1;
  int64_t channels = 0;
  int64_t headDim = 0; ///< 0: channels / heads
};

/// Writes `output` with new folded weights of `family`: raw rows from stream
/// 3 * layer + {0, 1, 2} for q, k, v of `weightSeed`, uniform in +-sqrt(6 /
/// (C + outputs)) (Xavier), biases 0 where the family has them (gpt2, bert),
/// then folded as `options` say. `dtype` defaults to F32.
Expected<ConversionReport> initWeights(const std::string &output,
                                       WeightFamily family,
                                       const InitShape &shape,
                                       int64_t weightSeed,
                                       const FoldOptions &options);

/// Gives back the originals of all converted layers: bit for bit where the raw
/// rows were kept. Without them rows are divided by their gates and the basis
/// is undone, which rounds once more (the notes say how much) and is refused
/// where a gate is 0, a group's mean or a P took rows away.
Expected<ConversionReport> unpack(const std::string &input,
                                  const std::string &output);

/// Changes the gates of `layers` (empty: of all converted ones). From raw rows
/// any number of times, the same bytes for the same gates. Without them rows
/// are multiplied by new / old, once (the notes say what rounding it cost);
/// refused where a gate of 0 destroyed rows that the new gates need, and for a
/// second time. A table without rows leaves those gates as they are.
Expected<ConversionReport> rebake(const std::string &input,
                                  const std::string &output,
                                  const std::vector<int64_t> &layers,
                                  const GateTable &wStd, const GateTable &wRec);

/// One converted layer as it is in a file, rows as outputs.
struct StoredLayer {
  LayerRecipe recipe;
  FoldSpec spec;
  /// q, k, v as folded: [H * Df, C], [Hkv * Df, C], [Hkv * Dv, C].
  std::array<Tensor, 3> folded;
  std::array<std::optional<Tensor>, 3> foldedBiases;
  /// The same before; only when the file keeps original rows.
  bool hasOriginal = false;
  std::array<Tensor, 3> original;
  std::array<std::optional<Tensor>, 3> originalBiases;
};

/// Reads layer `layer` (not given: the first converted one) of `path`.
Expected<StoredLayer> readStoredLayer(const std::string &path,
                                      std::optional<int64_t> layer);

} // namespace ra::runtime

#endif // RA_RUNTIME_REPACK_H
