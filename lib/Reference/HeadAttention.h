//===- HeadAttention.h - Attention from its definition ----------*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RA_LIB_REFERENCE_HEADATTENTION_H
#define RA_LIB_REFERENCE_HEADATTENTION_H

#include "Array.h"
#include "Rounding.h"

#include "ra/Dialect/RA/IR/RAAttrs.h"

#include <functional>
#include <optional>
#include <vector>

namespace ra::reference {

/// The operands and results that both attention ops have, with their logical
/// views [B, H, T, D].
struct AttentionArrays {
  Array query, key, value, out, lse;
  std::optional<Array> bias;
  IterationView queryView, keyView, valueView, outView;
  int64_t queryOffset = 0;
};

/// One summand of a head's scores: weight * <left_i, right_j>.
template <typename T> struct ScoreTerm {
  double weight = 1;
  int64_t dims = 0;
  std::vector<T> left;  ///< [Tq, dims]
  std::vector<T> right; ///< [Tk, dims]
};

/// What ra.attention and ra.reciprocal_attention share: everything after the
/// terms of the scores.
template <typename T> struct AttentionProblem {
  int64_t batches = 0, heads = 0, kvHeads = 0;
  int64_t queries = 0, keys = 0, valueDim = 0;
  double scale = 1;
  std::optional<double> softcap;
  MaskAttr mask;
  int64_t queryOffset = 0;
  /// [B or 1, H or 1, Tq, Tk], or null.
  const Array *bias = nullptr;

  /// Fills the terms of batch b, query head h. Runs on several threads.
  std::function<void(int64_t b, int64_t h, std::vector<ScoreTerm<T>> &terms)>
      terms;

  const double *value = nullptr;
  IterationView valueView; ///< [B, Hkv, Tk, Dv]
  double *out = nullptr;
  IterationView outView; ///< [B, H, Tq, Dv]
  double *lse = nullptr; ///< [B, H, Tq] contiguous, or null

  Rounding probabilityRounding, outRounding;
};

template <typename T>
void runAttention(const AttentionProblem<T> &problem, unsigned threads);

} // namespace ra::reference

#endif // RA_LIB_REFERENCE_HEADATTENTION_H
