//===- ConvertedFile.h - Files that carry a recipe --------------*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RA_RUNTIME_LIB_CONVERTEDFILE_H
#define RA_RUNTIME_LIB_CONVERTEDFILE_H

#include "LayerRows.h"
#include "OutputPlan.h"
#include "ra/Runtime/Recipe.h"

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace ra::runtime {

/// A converted layer of an open file.
struct ConvertedLayer {
  LayerRecipe recipe;
  FoldSpec spec;
  int64_t channels = 0;
  LayerTypes types;       ///< Of the folded tensors.
  LayerTypes sourceTypes; ///< Of the originals.
};

/// A file with its recipe, and some of its converted layers.
struct ConvertedFile {
  Safetensors file;
  Recipe recipe;
  std::vector<ConvertedLayer> layers;
};

/// Opens `path` and its converted layers of numbers `layers` (empty: all). What
/// the recipe says is there has been read once. Fails when nothing is
/// converted.
Expected<std::unique_ptr<ConvertedFile>>
openConverted(const std::string &path, const std::vector<int64_t> &layers);

/// Why the original rows cannot be had from the folded ones; asked where none
/// are kept.
std::vector<Refusal> refuseOriginalRows(const ConvertedLayer &layer);

/// The original rows of `layer`: those kept, else by undoing what the recipe
/// says was done, which refuseOriginalRows() must allow.
Expected<LayerRows> originalRows(const Safetensors &file,
                                 const ConvertedLayer &layer);

/// "layer 3 ('h.3.attn.')".
std::string layerName(const LayerRecipe &recipe);

/// What `roundings` to the type of a layer's folded tensors cost, in words.
std::string roundingNote(const ConvertedLayer &layer, int roundings);

/// Names of tensors to the layers that replace them.
using Owners = std::unordered_map<std::string, size_t>;

/// Enters the folded tensors of `recipe` and, with `helpers`, its original
/// rows, P and basis.
void markOwned(const LayerRecipe &recipe, size_t index, bool helpers,
               Owners &owners);

/// Copies what no layer owns; `emit` plans a layer where its first tensor is.
template <typename Emit>
void planOwned(OutputPlan &plan, const Safetensors &file, const Owners &owners,
               size_t layers, Emit emit) {
  std::vector<bool> done(layers);
  for (const TensorEntry &entry : file.entries()) {
    auto owner = owners.find(entry.name);
    if (owner == owners.end()) {
      plan.copy(file, entry);
      continue;
    }
    if (!done[owner->second])
      emit(owner->second);
    done[owner->second] = true;
  }
}

} // namespace ra::runtime

#endif // RA_RUNTIME_LIB_CONVERTEDFILE_H
