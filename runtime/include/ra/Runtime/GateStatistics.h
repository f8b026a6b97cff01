//===- GateStatistics.h - What gates are, and what they weigh ---*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RA_RUNTIME_GATESTATISTICS_H
#define RA_RUNTIME_GATESTATISTICS_H

#include "ra/Runtime/FoldWeights.h"
#include "ra/Runtime/Status.h"
#include "ra/Runtime/Tensor.h"

#include <cstdint>
#include <vector>

namespace ra::runtime {

/// Numbers and their spread. All fields are 0 for no numbers.
struct Summary {
  int64_t count = 0;
  double mean = 0, min = 0, max = 0;
  /// Standard deviation, sqrt(sum (x - mean)^2 / (count - 1)); 0 for one
  /// number.
  double std = 0;
};

/// The summary of `values`, computed in two passes.
Summary summarize(const std::vector<double> &values);

/// The gates of a layer, one per query head: a number that serves all heads is
/// repeated. w_rec leaves out heads of rank 0, which have none.
struct HeadGates {
  std::vector<double> wStd, wRec;
};
/// Reads them off `spec`, which must be one that checkFoldSpec() accepts. For
/// statistics over all layers, summarize() the layers' numbers joined.
HeadGates headGates(const FoldSpec &spec);

/// What the exchanged dims of one head weigh. Expected squares of scores are
/// over independent tokens x, y of mean 0 and second moment I, biases included:
/// with Q = [Wq | bq], K = [Wk | bk] after the basis, M_X = Q[X]^T K[X] and the
/// Frobenius norm,
///
///   lowShare         ||M_L||^2 / ||M_S + M_L||^2
///   reciprocalShare  ||w_rec M_L^T||^2 / ||w_std M_S + w_rec M_L^T||^2
///
/// The first is what the head loses with gates (1, 0): the mean squared error
/// of its scores over their mean square. It exceeds 1 only where the two parts
/// cancel. The second is what the reciprocal term is of the scores that the
/// converted head has. Under a projection P, K[L] and Q[L] are P^T K and P^T Q
/// in M_L^T of the second; the first stays what is given up, the last R dims.
/// Under grouped heads with `mean`, Q[L] in M_L^T is the mean of the group's.
/// Each is 0 where its denominator is.
struct HeadEnergy {
  double lowShare = 0;
  double reciprocalShare = 0;
};

/// The shares of every query head, for the original weights wq [H*D, C], wk
/// [Hkv*D, C] and biases bq [H*D], bk [Hkv*D] (or null) that `spec` folds.
///
/// Under a rotary embedding (`rope`, `rotaryDim`; exchanged dims are whole
/// pairs, see FoldRules.h) the squares are also averaged over the angle between
/// query and key, each pair's on its own: pair f of dims u, v adds
/// 1/2 ||Q[u,v]||^2 ||K[u,v]||^2, and different pairs do not interfere.
///
/// Fails on what checkFoldSpec() refuses, on shapes that do not fit, and under
/// `rotary` where exchanged dims split pairs or a basis mixes them.
Expected<std::vector<HeadEnergy>>
headEnergies(const FoldSpec &spec, const Tensor &wq, const Tensor &wk,
             const Tensor *bq, const Tensor *bk,
             RopeStyle rope = RopeStyle::None, int64_t rotaryDim = 0);

} // namespace ra::runtime

#endif // RA_RUNTIME_GATESTATISTICS_H
