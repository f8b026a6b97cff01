//===- WeightsReport.h - What a conversion is and costs ---------*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Numbers of converted files for people and logs: their gates, what the
// exchanged dims weigh, and how far the converted attention is from another.
//
//===----------------------------------------------------------------------===//

#ifndef RA_RUNTIME_WEIGHTSREPORT_H
#define RA_RUNTIME_WEIGHTSREPORT_H

#include "ra/Runtime/CompareAttention.h"
#include "ra/Runtime/GateStatistics.h"
#include "ra/Runtime/Recipe.h"

#include <cstdint>
#include <string>
#include <vector>

namespace ra::runtime {

/// Gates and energies of one layer.
struct LayerStatistics {
  LayerRecipe recipe;
  HeadGates gates;
  /// Per query head; empty when the original rows cannot be had, and then
  /// `energyNote` says why.
  std::vector<HeadEnergy> energies;
  std::string energyNote;
};

/// Reads them from the converted layers `layers` (empty: all) of `path`.
Expected<std::vector<LayerStatistics>>
fileStatistics(const std::string &path, const std::vector<int64_t> &layers);

/// A table for a person.
std::string statisticsText(const std::vector<LayerStatistics> &statistics);

/// One JSON object:
///
///   {"layers": [{"layer": 0, "prefix": "...", "rank": [4],
///                "w_std": {"mean", "min", "max", "std"}, "w_rec": {...},
///                "low_share": [...], "reciprocal_share": [...]}],
///    "w_std": {...}, "w_rec": {...}}
///
/// with the shares of GateStatistics.h per head; both lists are empty where
/// they cannot be had. The last two summarise all heads of all layers.
std::string statisticsJson(const std::vector<LayerStatistics> &statistics);

/// The error of one layer.
struct LayerComparison {
  int64_t layer = 0;
  std::string prefix;
  AttentionError error;
};

/// The error of the attentions of `converted` against those of `original` on
/// `activations`: [T, C] or [B, T, C] for every layer, or [L, B, T, C]. Either
/// file may be converted or not, but one has to say by its recipe which layers
/// there are (`layers`, empty: all of them), how many heads they have, what
/// mask, scale and rotary embedding.
Expected<std::vector<LayerComparison>>
compareFiles(const std::string &original, const std::string &converted,
             const Tensor &activations, const std::vector<int64_t> &layers,
             unsigned threads = 0);

/// A table for a person; with `heads`, a line for each.
std::string comparisonText(const std::vector<LayerComparison> &comparisons,
                           bool heads);

/// One JSON object: {"layers": [{"layer", "prefix", "error", "max",
/// "error_after", "max_after", "heads": [{"error", "max"}]}]}. "error_after"
/// and "max_after" are there when the output projection is. Numbers that are
/// not finite are null.
std::string comparisonJson(const std::vector<LayerComparison> &comparisons);

} // namespace ra::runtime

#endif // RA_RUNTIME_WEIGHTSREPORT_H
