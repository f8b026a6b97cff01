//===- FoldRules.h - When a reciprocal fold is legal ------------*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// One piece of code decides whether the gates, the exchange of rows, a
// projection P and a basis may move from activations into the weights of the
// query and key projections. The compiler's pass and the weights tool both
// gather facts and ask checkFold(); rule names and texts are therefore the same
// in both.
//
// Notation: head h of H query heads reads key head h / G, G = H / Hkv. Head h
// exchanges the dims L_h (`recDims`, R_h = |L_h|) and keeps the others, S_h:
//
//   score_ij = scale * ( w_std <q_i[S], k_j[S]> + w_rec <k_i[L], q_j[L]> )
//
//===----------------------------------------------------------------------===//

#ifndef RA_RUNTIME_FOLDRULES_H
#define RA_RUNTIME_FOLDRULES_H

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ra::runtime {

/// The rules; each refusal names one.
enum class Rule {
  SameSource, ///< q and k project the same value.
  Affine,     ///< Only what the other rules allow lies between projection and
              ///< score.
  Rotary,     ///< Exchanged dims are whole rotation pairs of shared tables.
  Norm,       ///< Nothing passes a normalisation of q or k.
  Clamp,      ///< Equal bounds, unit gates.
  Grouped,    ///< A key head shared by a group gets one set of rows.
  Scale,      ///< The scale is explicit; additive terms ignore q and k.
  Quantised,  ///< Scales travel with their rows.
  Gate        ///< The split has a root for every gate.
};

/// "same-source", "affine", "rotary", "norm", "clamp", "grouped", "scale",
/// "quantised", "gate".
std::string_view ruleName(Rule rule);

/// How a rotary embedding pairs dims: Half pairs f with f + rotaryDim/2,
/// Interleaved pairs 2f with 2f + 1. Dims >= rotaryDim are not rotated.
enum class RopeStyle { None, Half, Interleaved };

/// Where a gate goes: Symmetric puts its root on both sides, Query puts all of
/// it on the query side (any sign, no root).
enum class GateSplit { Symmetric, Query };

/// Grouped heads: Mean lets every head of a group see the mean of the group's
/// query rows in the exchanged dims (another model, no cost); Slots gives each
/// head its own R dims (exact, head dim D - R + G R).
enum class GroupedMode { Mean, Slots };

/// How a projection weight is quantised.
enum class QuantKind { None, PerRow, PerTensor };

/// "none", "half", "interleaved".
std::string_view ropeStyleName(RopeStyle style);
/// "symmetric", "query".
std::string_view gateSplitName(GateSplit split);
/// "mean", "slots".
std::string_view groupedModeName(GroupedMode mode);

/// What is known about one attention at the time the fold is asked for.
struct FoldFacts {
  int64_t numHeads = 0;
  int64_t numKvHeads = 0;
  int64_t headDim = 0;

  /// Per query head the exchanged dims, sorted; empty means rank 0.
  std::vector<std::vector<int64_t>> recDims;

  /// The low part is qP and kP instead of q[L] and k[L]; `recDims` are then
  /// the last R dims of each head of nonzero rank.
  bool hasProjection = false;
  /// q -> qA, k -> kB before anything else.
  bool hasBasis = false;
  /// The basis is known to commute with the rotary embedding that follows it;
  /// see commutesWithRotary() of Basis.h.
  bool basisCommutes = false;

  GateSplit gateSplit = GateSplit::Symmetric;
  GroupedMode grouped = GroupedMode::Mean;

  /// The gates where they are known: one number, or one per head.
  std::optional<std::vector<double>> wStd, wRec;
  /// True when one number serves all heads, known or not.
  bool wStdShared = false, wRecShared = false;

  /// False when q and k project different values; `sourceNote` says which,
  /// for example "q comes from %a, k from %b".
  bool sameSource = true;
  std::string sourceNote;

  /// The first thing between projection and score that no rule allows; empty
  /// when there is none.
  std::string nonAffine;

  RopeStyle qRope = RopeStyle::None, kRope = RopeStyle::None;
  int64_t qRotaryDim = 0, kRotaryDim = 0;
  /// False when tables or positions of q and k differ.
  bool ropeTablesShared = true;

  /// True when q or k is normalised after its projection; `normNote` says
  /// which.
  bool norm = false;
  std::string normNote;

  /// A clamp of activations to [lo, hi].
  struct Bounds {
    double lo, hi;
  };
  std::optional<Bounds> qClamp, kClamp;

  /// Constant factors on activations between projection and score.
  double qScale = 1.0, kScale = 1.0;

  /// True when an additive term of the scores depends on q or k.
  bool biasDependsOnScores = false;

  QuantKind qQuant = QuantKind::None, kQuant = QuantKind::None;
  /// The scale of a PerTensor weight.
  double qQuantScale = 1.0, kQuantScale = 1.0;
};

/// One reason why the fold is not legal.
struct Refusal {
  Rule rule;
  std::string reason; ///< What is in the way, with its numbers.
  std::string legal;  ///< What would be legal instead.
};

/// Every refusal, in the order of the rules; empty when the fold is legal. A
/// fold that changes nothing (rank 0 everywhere, gates known to be 1, no basis)
/// is always legal. Facts that contradict each other are refused alone: head
/// counts under `grouped`, head dim and rec_dims under `affine`, the number of
/// gates under `gate`.
std::vector<Refusal> checkFold(const FoldFacts &facts);

/// "rule: reason; legal: ...", one line.
std::string refusalText(const Refusal &refusal);

/// True when `dims` (sorted, unique) contains both or neither dim of every
/// rotation pair. Dims >= rotaryDim are free.
bool isWholeRotaryPairs(const std::vector<int64_t> &dims, RopeStyle style,
                        int64_t rotaryDim);

/// The usual legal choice of `rank` dims among the rotated ones, sorted; the
/// pairs that turn slowest. Half: {rot/2-R/2 .. rot/2-1} and {rot-R/2 ..
/// rot-1}; Interleaved: {rot-R .. rot-1}. Nothing when `rank` is odd or larger
/// than `rotaryDim`, or for RopeStyle::None.
std::optional<std::vector<int64_t>>
legalRotaryDims(RopeStyle style, int64_t rotaryDim, int64_t rank);

/// "{28..31, 60..63}": sorted dims with runs shortened; "{}" when empty.
std::string dimsString(const std::vector<int64_t> &dims);

} // namespace ra::runtime

#endif // RA_RUNTIME_FOLDRULES_H
