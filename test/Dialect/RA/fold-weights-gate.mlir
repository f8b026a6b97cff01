// RUN: ra-opt %s --split-input-file --verify-diagnostics --ra-fold-weights
// RUN: ra-opt %s --split-input-file --verify-diagnostics --ra-fold-reciprocal

// A negative gate has no root: an error under the symmetric split, wherever the
// fold happens.
func.func @negative(%q: tensor<1x2x16x8xf32>, %o: tensor<1x2x16x8xf32>) -> tensor<1x2x16x8xf32> {
  %w = arith.constant dense<[0.5, -0.25]> : tensor<2xf32>
  // expected-error @below {{gate: w_rec[1] = -2.500000e-01 is negative and the symmetric split needs its root; use gate_split = #ra.gate_split<query>}}
  %0 = ra.reciprocal_attention {rank = array<i64: 2>} ins(%q, %q, %q : tensor<1x2x16x8xf32>, tensor<1x2x16x8xf32>, tensor<1x2x16x8xf32>)
      w_rec(%w : tensor<2xf32>) outs(%o : tensor<1x2x16x8xf32>) -> tensor<1x2x16x8xf32>
  return %0 : tensor<1x2x16x8xf32>
}

// -----

// The query split takes any sign.
func.func @query_split(%q: tensor<1x2x16x8xf32>, %o: tensor<1x2x16x8xf32>) -> tensor<1x2x16x8xf32> {
  %w = arith.constant dense<[0.5, -0.25]> : tensor<2xf32>
  %0 = ra.reciprocal_attention {rank = array<i64: 2>, gate_split = #ra.gate_split<query>}
      ins(%q, %q, %q : tensor<1x2x16x8xf32>, tensor<1x2x16x8xf32>, tensor<1x2x16x8xf32>)
      w_rec(%w : tensor<2xf32>) outs(%o : tensor<1x2x16x8xf32>) -> tensor<1x2x16x8xf32>
  return %0 : tensor<1x2x16x8xf32>
}
