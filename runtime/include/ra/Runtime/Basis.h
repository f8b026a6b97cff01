//===- Basis.h - A basis in which the exchanged dims carry least -*- C++ -*-==//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Scores do not change when q becomes q A and k becomes k B with A B^T = I. So
// before R dims of a head are given to the reciprocal term, A can be chosen
// such that those R dims carry as little of the scores as any R dims can.
//
// With Q = [Wq | bq] and K = [Wk | bk], D x (C+1), the score of tokens x and y
// is scale * (x,1)^T Q^T K (y,1). Its expected square over independent tokens,
// and that of what a set L of dims carries of it, are
//
//   E = || F^T Q^T K G ||^2        E_L = || F^T Q[L]^T K[L] G ||^2
//
// (Frobenius), where F F^T and G G^T are the second moments of (x,1) and (y,1).
// By Eckart and Young E_L is least when the dims are the singular directions of
// F^T Q^T K G, and L those of the R smallest singular values. QR of the thin
// factors, F^T Q^T = Uq Rq and G^T K^T = Uk Rk, leaves a D x D problem, Rq Rk^T
// = U s V^T, and A = Rk^T V s^-1/2, B = Rq^T U s^-1/2: no C x C matrix is
// formed, and both sides of a dim come out at the same size, sqrt(s).
//
// docs/Rationale.md, "A basis that loses less", derives this, the objective
// under grouped heads and what a rotary embedding leaves of it.
//
//===----------------------------------------------------------------------===//

#ifndef RA_RUNTIME_BASIS_H
#define RA_RUNTIME_BASIS_H

#include "ra/Runtime/FoldRules.h"
#include "ra/Runtime/Status.h"
#include "ra/Runtime/Tensor.h"

#include <cstdint>
#include <optional>
#include <vector>

namespace ra::runtime {

/// What a basis is chosen for. H = numHeads, G = numHeads / numKvHeads,
/// D = headDim.
struct BasisSpec {
  int64_t numHeads = 0;
  int64_t numKvHeads = 0;
  int64_t headDim = 0;
  /// How many dims each head gives up, in [0, D): one number, or one per query
  /// head, equal within each group.
  std::vector<int64_t> ranks;
  GroupedMode grouped = GroupedMode::Mean;

  /// The rotary embedding between the projections and the scores. Dims >=
  /// rotaryDim are not rotated. Under one, every rank must be reachable by
  /// whole rotation pairs and dims that are not rotated (for
  /// GroupedMode::Slots and G > 1, by the latter alone).
  RopeStyle rope = RopeStyle::None;
  int64_t rotaryDim = 0;

  /// True: a part of the score that is the same for all keys of a query counts
  /// nothing, because softmax does not see it (in dims that are not rotated:
  /// keys count by their deviation from their mean; the key bias drops out).
  /// False: the whole score counts.
  bool softmaxInvariant = true;

  /// With activations, in [0, 1]: the second moment of x is (1 - shrinkage)
  /// times that of the activations plus shrinkage times a multiple of the
  /// identity with the same trace. Above 0 it keeps directions in which few
  /// sample tokens happen to lie from counting nothing.
  double shrinkage = 0.0;
};

/// A basis and the dims to give up in it.
struct Basis {
  /// A, [H, D, D], and B = A^-T, [Hkv, D, D], of f64, for FoldSpec's fields of
  /// the same name: q' = q A, k' = k B. The heads of a group have the same A.
  /// Both absent when the identity is as good as any basis: when every head
  /// keeps all, or gives up all, of its dims that are not rotated.
  std::optional<Tensor> basisQ, basisK;
  /// Per query head the dims to exchange, sorted; for FoldSpec::recDims. The
  /// last R dims, unless a rotary embedding leaves a choice of pairs.
  std::vector<std::vector<int64_t>> recDims;
  /// Per key head, E_L / E of its `recDims`, in [0, 1]: the expected square of
  /// what they carry of the scores (summed over the heads of the group), by the
  /// expected square of the scores. 0 when E is 0.
  std::vector<double> givenUp;
};

/// Chooses a basis for wq [H*D, C] and wk [Hkv*D, C] (rows are outputs) with
/// biases bq [H*D], bk [Hkv*D], either of which may be null and then counts as
/// 0; all of floating point.
///
/// `activations` [..., C], when given, are sample inputs x of the projections;
/// F and G are then their moments. Otherwise x counts as white: mean 0, second
/// moment the identity. The sample is used through the queries and keys that it
/// makes, so it may have fewer rows than C, or D.
///
/// Grouped heads: a key head has one B, so the heads that share it have one A,
/// and E_L is the sum over them: the factor on the query side is F^T Q^T of all
/// heads of the group, stacked.
///
/// Rotary embedding: A must commute with every rotation. For pairs that turn
/// at different speeds that leaves, per pair, a rotation and a scaling, which
/// change neither what a pair carries nor the reciprocal term, so the rotated
/// block of A is the identity; the dims that are not rotated have a free
/// block, chosen as above. What pair f carries is taken on average over the
/// angle between query and key,
///
///   E_f = 1/2 || F^T Q[f]^T ||^2 || G^T K[f]^T ||^2,
///
/// where no two pairs interfere; L is the best mix of whole pairs and of dims
/// that are not rotated (their singular values squared). Here a key bias in
/// rotated dims is not the same for all keys and counts.
///
/// A head whose scores use fewer than D directions (singular values below 1e-10
/// of the largest) has a basis too: the directions that carry nothing
/// come last, each with q or k zero in it.
///
/// Fails on shapes and ranges that do not fit, on values that are not finite,
/// and with the name of a rule (`grouped`, `rotary`) where its dims cannot be
/// exchanged.
Expected<Basis> chooseBasis(const BasisSpec &spec, const Tensor &wq,
                            const Tensor &wk, const Tensor *bq,
                            const Tensor *bk,
                            const Tensor *activations = nullptr);

/// True when every D x D matrix of `basis` ([D, D] or [heads, D, D], floating
/// point) commutes with the rotary embedding: nothing off the block of a pair
/// but among dims >= rotaryDim, and each pair's block a multiple of a rotation
/// (exactly; pairs count as turning at different speeds). Such a basis may be
/// folded into the projections in front of the embedding.
bool commutesWithRotary(const Tensor &basis, RopeStyle style,
                        int64_t rotaryDim);

} // namespace ra::runtime

#endif // RA_RUNTIME_BASIS_H
