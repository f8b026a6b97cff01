//===- PlanLayer.h - One layer on its way to folded weights -----*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RA_RUNTIME_LIB_PLANLAYER_H
#define RA_RUNTIME_LIB_PLANLAYER_H

#include "LayerRows.h"
#include "OutputPlan.h"
#include "ra/Runtime/Repack.h"

#include <functional>
#include <vector>

namespace ra::runtime {

/// A layer to fold: where its rows come from, and what becomes of them.
struct PlannedLayer {
  LayerRecipe recipe; ///< Names, shape, source type and hash filled in.
  int64_t channels = 0;
  LayerTypes sourceTypes;
  std::function<Expected<LayerRows>()> raw;

  // By planFold().
  LayerTypes types;
  FoldSpec spec;
};

/// Decides dims, gates, P, basis and types of `layer` by `options`, as layer
/// `index` of `count` for tables with a row per layer, and asks the rules;
/// `facts` brings what stands against the layer beyond that (source, norm,
/// quantisation).
Expected<std::vector<Refusal>> planFold(const FoldOptions &options,
                                        size_t index, size_t count,
                                        const FoldFacts &facts,
                                        PlannedLayer &layer);

/// Rules that refuse a layer by `facts` alone, where its shape does not say
/// anything or its tensors cannot be read.
std::vector<Refusal> refuseUnread(const FoldOptions &options,
                                  const FoldFacts &facts);

/// Adds all tensors of a planned layer to `plan`; afterwards, pages of `file`
/// that they came from are released (null: nothing to release).
void addLayer(OutputPlan &plan, PlannedLayer layer, const Safetensors *file);

/// Adds folded tensors of `recipe`, made by `make`.
void addFolded(OutputPlan &plan, const LayerRecipe &recipe, int64_t channels,
               const LayerTypes &types,
               std::function<Expected<LayerRows>()> make);

/// The remarks that a conversion makes about `recipe`, each once.
void noteInvariants(const LayerRecipe &recipe, std::vector<std::string> &notes);

} // namespace ra::runtime

#endif // RA_RUNTIME_LIB_PLANLAYER_H
