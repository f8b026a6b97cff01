//===- GateGradients.h - Gradients of folded gates --------------*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Gates that were folded into weights still learn: folded weights are linear in
// them (query split), so their gradient is an inner product of the folded
// weights' gradient with the rows that the gate multiplies. No activation is
// touched: O(C * H * D).
//
//===----------------------------------------------------------------------===//

#ifndef RA_RUNTIME_GATEGRADIENTS_H
#define RA_RUNTIME_GATEGRADIENTS_H

#include "ra/Runtime/FoldWeights.h"
#include "ra/Runtime/Status.h"
#include "ra/Runtime/Tensor.h"

#include <vector>

namespace ra::runtime {

/// Gradients of a loss with respect to the folded projections that
/// foldWeights() gives, of any floating-point type, Df = foldedHeadDim(). The
/// ones on the key side are read for the symmetric split only.
struct FoldedGradients {
  const Tensor *qWeight = nullptr; ///< [H * Df, C]
  const Tensor *kWeight = nullptr; ///< [Hkv * Df, C]
  const Tensor *qBias = nullptr;   ///< [H * Df]; null where there is no bias
  const Tensor *kBias = nullptr;   ///< [Hkv * Df]; likewise
};

/// dL/dw, one number for each of FoldSpec's gates: a gate that serves all heads
/// has the sum of its heads' gradients.
struct GateGradients {
  std::vector<double> wStd; ///< As long as FoldSpec::wStd.
  std::vector<double> wRec; ///< As long as FoldSpec::wRec; 0 for rank 0.
};

/// The gradients of the gates of foldWeights(spec, wq, wk, bq, bk), given the
/// original (raw) weights, which it takes in the same form, and the folded
/// weights' gradients; f64 throughout. With Wq and Wk after basis, P and means
/// of groups as foldWeights() describes, dQf and dqf the gradients of the
/// folded query weight and bias, and < , > the sum of products:
///
///   query split
///     dL/dw_std[h] = <dQf[S], Wq[S]> + <dqf[S], bq[S]>
///     dL/dw_rec[h] = <dQf[L], Wk[L]> + <dqf[L], bk[L]>
///
/// finite for every gate, 0 included. (dKf does not appear: the query split
/// leaves no gate on the key side.)
///
///   symmetric split, by the chain rule through the roots, w > 0
///     dL/dw_std[h] = (<dQf[S], Wq[S]> + <dKf[S], Wk[S]> + biases) / 2 sqrt
///     w_std dL/dw_rec[h] = (<dQf[L], Wk[L]> + <dKf[L], Wq[L]> + biases) / 2
///     sqrt w_rec
///
/// It has no limit at w = 0, where the folded rows are 0 and the loss moves
/// with sqrt(w): refused under `gate`, naming the query split. Under grouped
/// heads (G > 1) the split needs equal gates in a group, so a gate of one head
/// cannot move alone: refused under `grouped` unless one number serves all
/// heads.
///
/// A bias that was folded (bq or bk is given) needs its gradient. Fails
/// also on what foldWeights() refuses and on gradients of another shape.
Expected<GateGradients> gateGradients(const FoldSpec &spec, const Tensor &wq,
                                      const Tensor &wk, const Tensor *bq,
                                      const Tensor *bk,
                                      const FoldedGradients &gradients);

} // namespace ra::runtime

#endif // RA_RUNTIME_GATEGRADIENTS_H
