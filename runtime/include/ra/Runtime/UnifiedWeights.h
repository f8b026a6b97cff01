//===- UnifiedWeights.h - The folded weights of one attention ---*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The weights of one attention with their ranks and gates, for a program that
// makes or trains them: what may still be chosen, what is folded, and what must
// hold, by name.
//
//===----------------------------------------------------------------------===//

#ifndef RA_RUNTIME_UNIFIEDWEIGHTS_H
#define RA_RUNTIME_UNIFIEDWEIGHTS_H

#include "ra/Runtime/FoldWeights.h"
#include "ra/Runtime/Status.h"
#include "ra/Runtime/Tensor.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace ra::runtime {

/// Something that should hold and does not.
struct InvariantViolation {
  /// "divisibility", "rank", "d-std", "tensor-core-alignment" or "device".
  std::string name;
  std::string text; ///< What is wrong, with its numbers, and what would hold.
};

/// What should hold of `spec`, in this order:
///
///   divisibility           the key heads divide the query heads; `channels`
///                          (0: not known) are a multiple of the query heads
///   rank                   0 <= R < D for every head
///   d-std                  D_std = D - R is the same for all heads of nonzero
///                          rank, so that one layout serves them
///   tensor-core-alignment  the folded head dim is a multiple of 8
///
/// The first two are errors wherever weights are folded; the others cost speed
/// or convenience.
std::vector<InvariantViolation> checkInvariants(const FoldSpec &spec,
                                                int64_t channels = 0);

/// U(-a, a), a = sqrt(6 / (inputs + outputs)) (Glorot and Bengio, 2010), as
/// [outputs, inputs] of `type`; from `stream` of `seed`.
Expected<Tensor> xavierUniform(int64_t outputs, int64_t inputs,
                               ElementType type, uint64_t seed,
                               uint64_t stream);

/// The projections of q and k of one attention: raw rows and what is folded
/// from them. Ranks and dims may be chosen until there are weights; gates at
/// any time.
class UnifiedWeights {
public:
  /// An attention of `channels` inputs, whose data is asked for on `device`
  /// ("cpu"). Ranks start at 0, gates at (0.9, 0.1). Fails when the counts are
  /// not positive or do not divide.
  static Expected<UnifiedWeights> create(int64_t channels, int64_t numHeads,
                                         int64_t numKvHeads, int64_t headDim,
                                         std::string device = "cpu");

  /// R for all heads, the last R dims. Free while there are no weights; then an
  /// error that says how to start again: the rows of L have changed sides, and
  /// what was trained on them means something else elsewhere.
  Status setRank(int64_t rank);

  /// The split and the grouped mode; under the same condition as setRank().
  Status setLayout(GateSplit split, GroupedMode grouped);

  /// New gates, one number or one per query head; folds again, from the raw
  /// rows, when there are weights.
  Status setGates(std::vector<double> wStd, std::vector<double> wRec);

  /// Takes raw rows wq [H*D, C], wk [Hkv*D, C] and biases (or none) and folds
  /// them. Fails when there are weights already, and on what foldWeights()
  /// refuses.
  Status initialise(Tensor wq, Tensor wk, std::optional<Tensor> bq = {},
                    std::optional<Tensor> bk = {});

  /// The same with xavierUniform() rows of `type`, streams 0 and 1 of `seed`.
  Status initialiseXavier(ElementType type, uint64_t seed);

  /// Drops the weights: ranks may be chosen again.
  void reset();

  bool isInitialised() const { return folded.has_value(); }
  const FoldSpec &spec() const { return fold; }
  /// The folded projections; only when initialised.
  const FoldedWeights &weights() const { return *folded; }
  const Tensor &rawQuery() const { return *wq; }
  const Tensor &rawKey() const { return *wk; }

  /// checkInvariants(), and
  ///
  ///   device   data is where it was asked for (host tensors are on "cpu")
  std::vector<InvariantViolation> violations() const;

private:
  UnifiedWeights() = default;
  Status mayChange(const char *what) const;
  Status foldAgain();

  int64_t channels = 0;
  std::string device;
  FoldSpec fold;
  std::optional<Tensor> wq, wk, bq, bk;
  std::optional<FoldedWeights> folded;
};

} // namespace ra::runtime

#endif // RA_RUNTIME_UNIFIEDWEIGHTS_H
