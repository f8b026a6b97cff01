//===- FoldRules.cpp - When a reciprocal fold is legal --------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ra/Runtime/FoldRules.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <utility>

using namespace ra::runtime;

namespace {

/// The shortest text that reads back as `value`.
std::string numberString(double value) {
  char text[40];
  for (int digits = 1; digits <= 17; ++digits) {
    std::snprintf(text, sizeof(text), "%.*g", digits, value);
    if (std::strtod(text, nullptr) == value)
      break;
  }
  return text;
}

std::string boundsString(const std::optional<FoldFacts::Bounds> &bounds) {
  if (!bounds)
    return "none";
  return "[" + numberString(bounds->lo) + ", " + numberString(bounds->hi) + "]";
}

/// Sorted: every dim is >= `bound`.
bool allAtLeast(const std::vector<int64_t> &dims, int64_t bound) {
  return dims.empty() || dims.front() >= bound;
}

std::vector<int64_t> range(int64_t begin, int64_t end) {
  std::vector<int64_t> dims;
  for (int64_t dim = begin; dim < end; ++dim)
    dims.push_back(dim);
  return dims;
}

/// Walks the rules in order and collects what refuses.
class Checker {
public:
  explicit Checker(const FoldFacts &facts) : facts(facts) {}

  std::vector<Refusal> run() {
    checkShape();
    if (!refusals.empty())
      return std::move(refusals);
    group = facts.numHeads / facts.numKvHeads;
    for (const std::vector<int64_t> &dims : facts.recDims)
      anyRank |= !dims.empty();
    unitGates = gatesAreOne();
    const bool changesNothing = !anyRank && unitGates && !facts.hasBasis;
    if (changesNothing)
      return {};
    checkSameSource();
    checkAffine();
    checkRotary();
    checkNorm();
    checkClamp();
    checkGrouped();
    checkScale();
    checkQuantised();
    checkGate();
    return std::move(refusals);
  }

private:
  void refuse(Rule rule, std::string reason, std::string legal) {
    refusals.push_back({rule, std::move(reason), std::move(legal)});
  }

  void checkShape();
  void checkSameSource();
  void checkAffine();
  void checkRotary();
  void checkNorm();
  void checkClamp();
  void checkGrouped();
  void checkGroupedGates(const char *name,
                         const std::optional<std::vector<double>> &gates,
                         bool shared, bool rankedOnly);
  void checkScale();
  void checkQuantised();
  void checkGate();
  void checkGateValues(const char *name,
                       const std::optional<std::vector<double>> &gates,
                       bool rankedOnly);

  bool hasRank(int64_t head) const {
    return !facts.recDims[static_cast<size_t>(head)].empty();
  }
  const std::vector<int64_t> &dimsOf(int64_t head) const {
    return facts.recDims[static_cast<size_t>(head)];
  }
  static double gateOf(const std::vector<double> &gates, int64_t head) {
    return gates.size() == 1 ? gates[0] : gates[static_cast<size_t>(head)];
  }

  /// Every gate that is used is known to be 1.
  bool gatesAreOne() const {
    for (int64_t head = 0; head < facts.numHeads; ++head) {
      if (!facts.wStd || gateOf(*facts.wStd, head) != 1.0)
        return false;
      if (hasRank(head) && (!facts.wRec || gateOf(*facts.wRec, head) != 1.0))
        return false;
    }
    return true;
  }

  const FoldFacts &facts;
  std::vector<Refusal> refusals;
  int64_t group = 1;
  bool anyRank = false;
  bool unitGates = false;
};

void Checker::checkShape() {
  const int64_t heads = facts.numHeads;
  if (heads <= 0 || facts.numKvHeads <= 0 || heads % facts.numKvHeads != 0)
    return refuse(Rule::Grouped,
                  std::to_string(heads) + " query heads and " +
                      std::to_string(facts.numKvHeads) + " key heads",
                  "positive counts, the key heads dividing the query heads");
  if (facts.headDim <= 0)
    return refuse(Rule::Affine,
                  "head dim " + std::to_string(facts.headDim) +
                      " is not positive",
                  "a positive head dim");
  if (facts.recDims.size() != static_cast<size_t>(heads))
    return refuse(Rule::Affine,
                  "rec_dims for " + std::to_string(facts.recDims.size()) +
                      " heads of " + std::to_string(heads),
                  "one set per query head, empty for rank 0");
  for (int64_t head = 0; head < heads; ++head) {
    const std::vector<int64_t> &dims = dimsOf(head);
    const std::string where = "rec_dims of head " + std::to_string(head);
    const bool increasing =
        std::adjacent_find(dims.begin(), dims.end(), [](int64_t a, int64_t b) {
          return a >= b;
        }) == dims.end();
    if (!increasing ||
        (!dims.empty() && (dims.front() < 0 || dims.back() >= facts.headDim)))
      return refuse(Rule::Affine,
                    where + " are not sorted, unique and in [0, " +
                        std::to_string(facts.headDim) + ")",
                    "sorted unique dims of the head");
    if (dims.size() >= static_cast<size_t>(facts.headDim))
      return refuse(Rule::Affine, where + " leave no dim for the standard term",
                    "at most " + std::to_string(facts.headDim - 1) + " dims");
    const auto rank = static_cast<int64_t>(dims.size());
    if (facts.hasProjection && !allAtLeast(dims, facts.headDim - rank))
      return refuse(Rule::Affine,
                    where + " are " + dimsString(dims) +
                        ", but the low part of a projection P replaces the "
                        "last R dims",
                    "rec_dims = " +
                        dimsString(range(facts.headDim - rank, facts.headDim)));
  }
  for (const auto &[name, gates] :
       {std::pair("w_std", &facts.wStd), std::pair("w_rec", &facts.wRec)})
    if (*gates && (*gates)->size() != 1 &&
        (*gates)->size() != static_cast<size_t>(heads))
      return refuse(Rule::Gate,
                    std::string(name) + " has " +
                        std::to_string((*gates)->size()) + " numbers for " +
                        std::to_string(heads) + " heads",
                    "one number, or one per query head");
}

void Checker::checkSameSource() {
  if (!anyRank || facts.sameSource)
    return;
  refuse(Rule::SameSource,
         "rows move between the query and the key projection, but " +
             (facts.sourceNote.empty() ? "the two project different values"
                                       : facts.sourceNote),
         "self-attention in which q and k project the same value, or rank 0");
}

void Checker::checkAffine() {
  if (facts.nonAffine.empty())
    return;
  refuse(Rule::Affine,
         facts.nonAffine +
             " lies between a projection and the scores, and no rule lets the "
             "fold pass it",
         "only biases, reshapes, transposes, a rotary embedding and unit-gate "
         "clamps there; or fold the activations (ra-fold-reciprocal)");
}

void Checker::checkRotary() {
  const bool qRotates = facts.qRope != RopeStyle::None && facts.qRotaryDim != 0;
  const bool kRotates = facts.kRope != RopeStyle::None && facts.kRotaryDim != 0;
  if (!qRotates && !kRotates)
    return;
  if (facts.hasBasis && !facts.basisCommutes)
    return refuse(Rule::Rotary,
                  "the basis would have to commute with the rotary embedding "
                  "that follows it",
                  "a basis that mixes only dims that are not rotated, or none");
  // A gate alone is one factor per head and commutes with any rotation.
  if (!anyRank)
    return;
  if (facts.hasProjection)
    return refuse(Rule::Rotary,
                  "the projection P mixes dims that the rotary embedding turns "
                  "by different angles",
                  "rec_dims that are whole rotation pairs, without P");
  auto side = [](RopeStyle style, int64_t dim) {
    return std::string(ropeStyleName(style)) + " over " + std::to_string(dim) +
           " dims";
  };
  if (facts.qRope != facts.kRope || facts.qRotaryDim != facts.kRotaryDim)
    return refuse(
        Rule::Rotary,
        "q is rotated " +
            (qRotates ? side(facts.qRope, facts.qRotaryDim) : "not at all") +
            ", k " +
            (kRotates ? side(facts.kRope, facts.kRotaryDim) : "not at all"),
        "the same style and rotary dim on both sides");
  if (!facts.ropeTablesShared)
    return refuse(Rule::Rotary,
                  "q and k are rotated by different tables or positions",
                  "one pair of tables, at the same positions, for both");
  const int64_t rotary = facts.qRotaryDim;
  if (rotary < 0 || rotary > facts.headDim || rotary % 2 != 0)
    return refuse(Rule::Rotary,
                  "rotary dim " + std::to_string(rotary) + " of head dim " +
                      std::to_string(facts.headDim),
                  "an even rotary dim, at most the head dim");

  const bool slots = facts.grouped == GroupedMode::Slots && group > 1;
  for (int64_t head = 0; head < facts.numHeads; ++head) {
    const std::vector<int64_t> &dims = dimsOf(head);
    if (dims.empty())
      continue;
    const auto rank = static_cast<int64_t>(dims.size());
    const bool roomUnrotated = facts.headDim - rotary >= rank;
    const std::vector<int64_t> unrotated =
        range(facts.headDim - rank, facts.headDim);
    const std::string where =
        "head " + std::to_string(head) + " exchanges " + dimsString(dims);
    if (slots) {
      if (allAtLeast(dims, rotary))
        continue;
      return refuse(
          Rule::Rotary,
          where + ", of which the dims below " + std::to_string(rotary) +
              " are rotated, and slots lie where nothing rotates",
          roomUnrotated
              ? "rec_dims among the dims that are not rotated, for example " +
                    dimsString(unrotated) + ", or gqa = mean"
              : "gqa = mean with whole rotation pairs");
    }
    if (isWholeRotaryPairs(dims, facts.qRope, rotary))
      continue;
    std::string legal;
    if (auto pairs = legalRotaryDims(facts.qRope, rotary, rank)) {
      legal = "rec_dims = " + dimsString(*pairs);
    } else if (rank % 2 != 0) {
      const int64_t even =
          rank + 1 <= rotary && rank + 1 < facts.headDim ? rank + 1 : rank - 1;
      legal = "R must be even to hold whole pairs";
      if (auto nearest = legalRotaryDims(facts.qRope, rotary, even);
          nearest && even > 0)
        legal += ", for example R = " + std::to_string(even) +
                 " with rec_dims = " + dimsString(*nearest);
    } else {
      legal = "rec_dims that hold whole pairs of the " +
              std::to_string(rotary) + " rotated dims";
    }
    if (roomUnrotated)
      legal += "; or dims that are not rotated: " + dimsString(unrotated);
    return refuse(Rule::Rotary,
                  where + ", which splits rotation pairs (" +
                      std::string(ropeStyleName(facts.qRope)) + ": " +
                      (facts.qRope == RopeStyle::Half
                           ? "f with f + " + std::to_string(rotary / 2)
                           : std::string("2f with 2f + 1")) +
                      ", rotary dim " + std::to_string(rotary) + ")",
                  std::move(legal));
  }
}

void Checker::checkNorm() {
  if (!facts.norm)
    return;
  const std::string what =
      facts.normNote.empty() ? "a normalisation of q or k" : facts.normNote;
  if (anyRank || facts.hasBasis)
    return refuse(Rule::Norm,
                  what + " follows the projection: normalised rows cannot " +
                      (anyRank ? "change sides" : "change their basis"),
                  "rank 0 with the gates in the norm's scale; or fold the "
                  "activations (ra-fold-reciprocal)");
  refuse(Rule::Norm,
         what + " follows the projection and would undo a gate in the weights",
         "the gates in the norm's scale, or gates of 1");
}

void Checker::checkClamp() {
  if (!facts.qClamp && !facts.kClamp)
    return;
  const std::string bounds = "q is clamped to " + boundsString(facts.qClamp) +
                             ", k to " + boundsString(facts.kClamp);
  if (facts.hasBasis || (facts.hasProjection && anyRank))
    return refuse(Rule::Clamp,
                  bounds + ", and a " +
                      (facts.hasBasis ? "basis" : "projection P") +
                      " mixes the dims that the clamp sees one by one",
                  "rec_dims without a basis or P, or no clamp");
  if (anyRank) {
    if (!facts.qClamp || !facts.kClamp ||
        facts.qClamp->lo != facts.kClamp->lo ||
        facts.qClamp->hi != facts.kClamp->hi)
      return refuse(Rule::Clamp, bounds,
                    "equal bounds on both sides, with gates of 1");
    if (group > 1 && facts.grouped == GroupedMode::Mean)
      return refuse(Rule::Clamp,
                    bounds + ", and the mean of clamped query rows is not the "
                             "clamped mean",
                    "gqa = slots with gates of 1, or no clamp");
    if (group > 1 && !(facts.qClamp->lo <= 0.0 && facts.qClamp->hi >= 0.0))
      return refuse(Rule::Clamp,
                    bounds + ", which moves the zeros of empty slots",
                    "bounds that contain 0");
  }
  if (!unitGates)
    refuse(Rule::Clamp,
           bounds + ", and the gates are not known to be 1: a clamp does not "
                    "commute with a factor",
           "w_std = w_rec = 1, or no clamp");
}

void Checker::checkGroupedGates(const char *name,
                                const std::optional<std::vector<double>> &gates,
                                bool shared, bool rankedOnly) {
  if (!gates) {
    if (!shared)
      refuse(Rule::Grouped,
             std::string("the symmetric split puts a root of ") + name +
                 " on key rows that a group of " + std::to_string(group) +
                 " heads shares, and the gates are not known to be equal in it",
             "gate_split = query, or one " + std::string(name) +
                 " for all heads");
    return;
  }
  if (gates->size() == 1)
    return;
  for (int64_t head = 0; head < facts.numHeads; ++head) {
    const int64_t first = head / group * group;
    if (rankedOnly && !hasRank(head))
      continue;
    const double here = gateOf(*gates, head), there = gateOf(*gates, first);
    if (here == there)
      continue;
    return refuse(Rule::Grouped,
                  std::string("the symmetric split puts a root of ") + name +
                      " on key rows that a group shares, and heads " +
                      std::to_string(first) + " and " + std::to_string(head) +
                      " of a group have " + numberString(there) + " and " +
                      numberString(here),
                  "gate_split = query, or equal " + std::string(name) +
                      " in each group");
  }
}

void Checker::checkGrouped() {
  if (group == 1)
    return;
  const bool slots = facts.grouped == GroupedMode::Slots;
  if (anyRank)
    for (int64_t head = 1; head < facts.numHeads; ++head) {
      const int64_t first = slots ? 0 : head / group * group;
      if (dimsOf(head) == dimsOf(first))
        continue;
      refuse(Rule::Grouped,
             "heads " + std::to_string(first) + " and " + std::to_string(head) +
                 " exchange " + dimsString(dimsOf(first)) + " and " +
                 dimsString(dimsOf(head)) +
                 (slots ? ", and slots give every head the same layout"
                        : ", but share the rows of one key head"),
             slots ? "the same rec_dims for every head"
                   : "the same rec_dims for all " + std::to_string(group) +
                         " heads of a group");
      break;
    }
  if (facts.gateSplit != GateSplit::Symmetric)
    return;
  checkGroupedGates("w_std", facts.wStd, facts.wStdShared, false);
  if (anyRank && !slots)
    checkGroupedGates("w_rec", facts.wRec, facts.wRecShared, true);
}

void Checker::checkScale() {
  if (facts.qScale != 1.0 || facts.kScale != 1.0)
    refuse(Rule::Scale,
           "activations are multiplied by a constant between projection and "
           "scores (q by " +
               numberString(facts.qScale) + ", k by " +
               numberString(facts.kScale) + ")",
           "the factor in the scale attribute: multiply scale by " +
               numberString(facts.qScale * facts.kScale));
  if (facts.biasDependsOnScores)
    refuse(Rule::Scale,
           "an additive term of the scores depends on q or k, which the fold "
           "changes",
           "additive terms that depend on neither q nor k");
}

void Checker::checkQuantised() {
  if (!anyRank)
    return;
  auto kind = [](QuantKind quant, double scale) -> std::string {
    switch (quant) {
    case QuantKind::None:
      return "not quantised";
    case QuantKind::PerRow:
      return "quantised per row";
    case QuantKind::PerTensor:
      return "quantised per tensor with scale " + numberString(scale);
    }
    return "";
  };
  const bool differ =
      facts.qQuant != facts.kQuant || (facts.qQuant == QuantKind::PerTensor &&
                                       facts.qQuantScale != facts.kQuantScale);
  if (differ)
    refuse(Rule::Quantised,
           "rows move between a query weight that is " +
               kind(facts.qQuant, facts.qQuantScale) +
               " and a key weight that is " +
               kind(facts.kQuant, facts.kQuantScale),
           "per-row scales on both (they travel with their rows), or one "
           "per-tensor scale for both");
}

void Checker::checkGateValues(const char *name,
                              const std::optional<std::vector<double>> &gates,
                              bool rankedOnly) {
  if (!gates)
    return;
  for (int64_t head = 0; head < facts.numHeads; ++head) {
    if (rankedOnly && !hasRank(head))
      continue;
    const double gate = gateOf(*gates, head);
    const std::string where = std::string(name) + " = " + numberString(gate) +
                              " of head " + std::to_string(head);
    if (!std::isfinite(gate))
      return refuse(Rule::Gate, where + " is not a finite number",
                    "finite gates");
    if (gate < 0.0 && facts.gateSplit == GateSplit::Symmetric)
      return refuse(Rule::Gate,
                    where + " is negative and has no real root for the "
                            "symmetric split",
                    "gate_split = query, which takes any sign; or a gate >= 0");
  }
}

void Checker::checkGate() {
  checkGateValues("w_std", facts.wStd, false);
  checkGateValues("w_rec", facts.wRec, true);
}

} // namespace

std::string_view ra::runtime::ruleName(Rule rule) {
  switch (rule) {
  case Rule::SameSource:
    return "same-source";
  case Rule::Affine:
    return "affine";
  case Rule::Rotary:
    return "rotary";
  case Rule::Norm:
    return "norm";
  case Rule::Clamp:
    return "clamp";
  case Rule::Grouped:
    return "grouped";
  case Rule::Scale:
    return "scale";
  case Rule::Quantised:
    return "quantised";
  case Rule::Gate:
    return "gate";
  }
  return "";
}

std::string_view ra::runtime::ropeStyleName(RopeStyle style) {
  switch (style) {
  case RopeStyle::None:
    return "none";
  case RopeStyle::Half:
    return "half";
  case RopeStyle::Interleaved:
    return "interleaved";
  }
  return "";
}

std::string_view ra::runtime::gateSplitName(GateSplit split) {
  return split == GateSplit::Symmetric ? "symmetric" : "query";
}

std::string_view ra::runtime::groupedModeName(GroupedMode mode) {
  return mode == GroupedMode::Mean ? "mean" : "slots";
}

std::vector<Refusal> ra::runtime::checkFold(const FoldFacts &facts) {
  return Checker(facts).run();
}

std::string ra::runtime::refusalText(const Refusal &refusal) {
  return std::string(ruleName(refusal.rule)) + ": " + refusal.reason +
         "; legal: " + refusal.legal;
}

bool ra::runtime::isWholeRotaryPairs(const std::vector<int64_t> &dims,
                                     RopeStyle style, int64_t rotaryDim) {
  if (style == RopeStyle::None)
    return true;
  const int64_t half = rotaryDim / 2;
  for (int64_t dim : dims) {
    if (dim >= rotaryDim)
      continue;
    const int64_t partner = style == RopeStyle::Interleaved ? (dim ^ 1)
                            : dim < half                    ? dim + half
                                                            : dim - half;
    if (!std::binary_search(dims.begin(), dims.end(), partner))
      return false;
  }
  return true;
}

std::optional<std::vector<int64_t>>
ra::runtime::legalRotaryDims(RopeStyle style, int64_t rotaryDim, int64_t rank) {
  if (style == RopeStyle::None || rank < 0 || rank % 2 != 0 ||
      rotaryDim % 2 != 0 || rank > rotaryDim)
    return std::nullopt;
  if (style == RopeStyle::Interleaved)
    return range(rotaryDim - rank, rotaryDim);
  std::vector<int64_t> dims = range(rotaryDim / 2 - rank / 2, rotaryDim / 2);
  const std::vector<int64_t> upper = range(rotaryDim - rank / 2, rotaryDim);
  dims.insert(dims.end(), upper.begin(), upper.end());
  return dims;
}

std::string ra::runtime::dimsString(const std::vector<int64_t> &dims) {
  std::string text = "{";
  for (size_t begin = 0; begin < dims.size();) {
    size_t end = begin + 1;
    while (end < dims.size() && dims[end] == dims[end - 1] + 1)
      ++end;
    if (begin != 0)
      text += ", ";
    text += std::to_string(dims[begin]);
    if (end - begin == 2)
      text += ", " + std::to_string(dims[end - 1]);
    else if (end - begin > 2)
      text += ".." + std::to_string(dims[end - 1]);
    begin = end;
  }
  return text + "}";
}
