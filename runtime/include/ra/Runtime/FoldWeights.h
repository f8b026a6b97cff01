//===- FoldWeights.h - Folding reciprocal terms into weights ----*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The fold of gates, exchanged rows, a projection P and a basis into the
// weights and biases of the query and key projections. Arithmetic is f64; each
// result is rounded once, to the storage type of its input.
//
//===----------------------------------------------------------------------===//

#ifndef RA_RUNTIME_FOLDWEIGHTS_H
#define RA_RUNTIME_FOLDWEIGHTS_H

#include "ra/Runtime/FoldRules.h"
#include "ra/Runtime/Status.h"
#include "ra/Runtime/Tensor.h"

#include <cstdint>
#include <optional>
#include <vector>

namespace ra::runtime {

/// What to fold. H = numHeads, G = numHeads / numKvHeads, D = headDim.
struct FoldSpec {
  int64_t numHeads = 0;
  int64_t numKvHeads = 0;
  int64_t headDim = 0;
  /// Per query head the exchanged dims L_h, sorted and unique, in [0, D); empty
  /// means rank 0. H entries, each shorter than D.
  std::vector<std::vector<int64_t>> recDims;
  GateSplit gateSplit = GateSplit::Symmetric;
  GroupedMode grouped = GroupedMode::Mean;
  /// Gates, one number or H of them. A head of rank 0 is scaled by w_std.
  std::vector<double> wStd = {0.9}, wRec = {0.1};
  /// P, [D, R] or [H, D, R], floating point: the low part is qP, kP and takes
  /// the place of the last R dims. recDims must then be the last R dims in each
  /// head of nonzero rank.
  std::optional<Tensor> projection;
  /// q' = q A with A [D, D] or [H, D, D]; k' = k B with B [D, D] or
  /// [Hkv, D, D]; applied before everything else. B = A^{-T} keeps the scores
  /// of the original attention. One may be given without the other.
  std::optional<Tensor> basisQ, basisK;
};

/// The head dim of the folded q and k: D, or D - R + G R when grouped heads
/// (G > 1) of nonzero rank are folded into slots. `spec` must be one that
/// checkFoldSpec() accepts.
int64_t foldedHeadDim(const FoldSpec &spec);

/// Sizes, ranges and shapes of `spec`, then the rules of FoldRules.h that
/// depend on nothing but it (grouped, gate). The message of a refusal starts
/// with the rule's name.
Status checkFoldSpec(const FoldSpec &spec);

/// The folded projections. Df = foldedHeadDim().
struct FoldedWeights {
  Tensor qWeight;              ///< [H * Df, C]
  Tensor kWeight;              ///< [Hkv * Df, C]
  std::optional<Tensor> qBias; ///< [H * Df]; with kBias, or neither
  std::optional<Tensor> kBias; ///< [Hkv * Df]
};

/// Folds `spec` into wq [H*D, C] and wk [Hkv*D, C] (rows are outputs, the same
/// floating-point type) and the biases bq [H*D], bk [Hkv*D], either of which
/// may be null and then counts as 0. With a a' = w_std and b b' = w_rec, after
/// Wq <- A^T Wq and Wk <- B^T Wk per head, in place:
///
///   Qf[d] = a  Wq[d]  (d in S),  b  Wk[d]  (d in L)
///   Kf[d] = a' Wk[d]  (d in S),  b' Wq[d]  (d in L)
///
///   symmetric  a = a' = sqrt(w_std), b = b' = sqrt(w_rec)
///   query      a = w_std, a' = 1, b = w_rec, b' = 1
///
/// With P the L rows are P^T Wk and P^T Wq. Grouped heads: Qf takes the L rows
/// of its key head; `mean` gives Kf the mean of the group's query L rows;
/// `slots` lays out [S dims in order | G slots of R], where slot j belongs to
/// head g*G + j: Qf of that head holds its L rows there and 0 in the others, Kf
/// holds every head's. The result is ordinary attention,
/// score = scale * <Qf, Kf>, with the scale of the original (1/sqrt(D), not
/// 1/sqrt(Df)).
///
/// Weights keep their type, biases the type of the bias that was given (both
/// must agree). Fails on any shape or type mismatch and on what
/// checkFoldSpec() refuses.
Expected<FoldedWeights> foldWeights(const FoldSpec &spec, const Tensor &wq,
                                    const Tensor &wk, const Tensor *bq,
                                    const Tensor *bk);

} // namespace ra::runtime

#endif // RA_RUNTIME_FOLDWEIGHTS_H
