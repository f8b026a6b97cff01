//===- CompareAttention.h - How far two attentions are apart ----*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Ordinary attention from weights, in f64, and the error of one set of weights
// against another on given activations. Folded weights are ordinary attention,
// so this says what a conversion costs before anything is trained.
//
//===----------------------------------------------------------------------===//

#ifndef RA_RUNTIME_COMPAREATTENTION_H
#define RA_RUNTIME_COMPAREATTENTION_H

#include "ra/Runtime/FoldRules.h"
#include "ra/Runtime/Status.h"
#include "ra/Runtime/Tensor.h"

#include <cstdint>
#include <optional>
#include <vector>

namespace ra::runtime {

/// What both sides of a comparison share. H = numHeads, Hkv = numKvHeads.
struct AttentionSpec {
  int64_t numHeads = 0;
  int64_t numKvHeads = 0;
  bool causal = false; ///< Token i sees tokens 0 .. i.
  /// Factor on the scores: 1/sqrt(D) of the original head dim D, also for
  /// weights folded into slots.
  double scale = 1.0;
  /// Rotary embedding of q and k at positions 0 .. T-1, on dims below
  /// rotaryDim: pair f turns by position * ropeBase^(-2 f / rotaryDim).
  RopeStyle rope = RopeStyle::None;
  int64_t rotaryDim = 0;
  double ropeBase = 10000.0;
  /// At most this many threads; 0 means one per processor.
  unsigned threads = 0;
};

/// The weights of one attention, rows are outputs; of any floating-point type,
/// read as f64. The head dims follow from the shapes: Dqk = rows of wq / H,
/// Dv = rows of wv / Hkv. Not owned. Null biases count as 0.
struct AttentionWeights {
  const Tensor *wq = nullptr; ///< [H * Dqk, C]
  const Tensor *wk = nullptr; ///< [Hkv * Dqk, C]
  const Tensor *wv = nullptr; ///< [Hkv * Dv, C]
  const Tensor *bq = nullptr; ///< [H * Dqk]
  const Tensor *bk = nullptr; ///< [Hkv * Dqk]
  const Tensor *bv = nullptr; ///< [Hkv * Dv]
  const Tensor *wo =
      nullptr; ///< [Cout, H * Dv], the output projection; or null
  const Tensor *bo = nullptr; ///< [Cout]; only with wo
};

/// An attention's result, row-major f64.
struct AttentionOutput {
  int64_t tokens = 0;            ///< B * T
  int64_t headDim = 0;           ///< Dv
  int64_t outputs = 0;           ///< Cout; 0 without wo
  std::vector<double> heads;     ///< [B, T, H, Dv], before the projection
  std::vector<double> projected; ///< [B, T, Cout]; empty without wo
};

/// Attention of x [B, T, C] by its definition, in f64:
///
///   q = Wq x + bq, k = Wk x + bk (rotated where the spec says), v = Wv x + bv
///   out_i = sum_j softmax_j(scale <q_i, k_j>) v_j       projected = Wo out +
///   bo
///
/// Fails on shapes that do not fit, and on values of x that are not finite.
Expected<AttentionOutput> computeAttention(const AttentionSpec &spec,
                                           const AttentionWeights &weights,
                                           const Tensor &x);

/// How far `a` is from `b`.
struct OutputError {
  double relative = 0; ///< mean |a - b| / mean |b|; 0 when a = b = 0
                       ///< everywhere, infinite when only b is.
  double maximum = 0;  ///< max |a - b|; NaN when any value is.
};

/// Errors of one layer.
struct AttentionError {
  std::vector<OutputError> heads; ///< Per query head, before the projection.
  OutputError layer;              ///< All heads, before the projection.
  std::optional<OutputError> projected; ///< After it; when both sides have wo.
};

/// The error of `converted` against `original` on x [B, T, C]. Both have the
/// same H, Hkv and Dv and, with wo, the same Cout; their Dqk may differ
/// (slots). The value projection is computed once where both sides have the
/// same bytes. Fails as computeAttention() does; the message names the side.
Expected<AttentionError> compareAttention(const AttentionSpec &spec,
                                          const AttentionWeights &converted,
                                          const AttentionWeights &original,
                                          const Tensor &x);

/// The error of two results of the same shape, as above. Fails when they
/// differ in shape.
Expected<AttentionError> compareOutputs(const AttentionOutput &converted,
                                        const AttentionOutput &original);

} // namespace ra::runtime

#endif // RA_RUNTIME_COMPAREATTENTION_H
