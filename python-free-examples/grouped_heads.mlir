// Grouped heads: 12 query heads share 4 key and value heads. The key of a group is
// folded once, so a group must agree on what stands in its reciprocal dims. There
// are two choices, and they are explicit.
//
//   ra-opt --ra-compile grouped_heads.mlir

// `mean`: the group's mean query takes the place of each head's own. Another
// model, at no extra cost: the head dim stays 64.
func.func @mean(%x: tensor<2x128x768xf32>,
    %wq: tensor<768x768xf32> {ra.parameter},
    %bq: tensor<768xf32> {ra.parameter},
    %wk: tensor<256x768xf32> {ra.parameter},
    %bk: tensor<256xf32> {ra.parameter},
    %wv: tensor<256x768xf32> {ra.parameter},
    %bv: tensor<256xf32> {ra.parameter},
    %w_std: tensor<12xf32> {ra.parameter},
    %w_rec: tensor<12xf32> {ra.parameter}) -> tensor<2x128x768xf32> {
  // Projections, heads apart as [B, H, T, D].
  %e_q = tensor.empty() : tensor<2x128x768xf32>
  %p_q = ra.linear ins(%x, %wq : tensor<2x128x768xf32>, tensor<768x768xf32>)
      bias(%bq : tensor<768xf32>)
      outs(%e_q : tensor<2x128x768xf32>) -> tensor<2x128x768xf32>
  %s_q = tensor.expand_shape %p_q [[0], [1], [2, 3]]
      output_shape [2, 128, 12, 64]
      : tensor<2x128x768xf32> into tensor<2x128x12x64xf32>
  %i_q = tensor.empty() : tensor<2x12x128x64xf32>
  %q = linalg.transpose ins(%s_q : tensor<2x128x12x64xf32>)
      outs(%i_q : tensor<2x12x128x64xf32>) permutation = [0, 2, 1, 3]
  %e_k = tensor.empty() : tensor<2x128x256xf32>
  %p_k = ra.linear ins(%x, %wk : tensor<2x128x768xf32>, tensor<256x768xf32>)
      bias(%bk : tensor<256xf32>)
      outs(%e_k : tensor<2x128x256xf32>) -> tensor<2x128x256xf32>
  %s_k = tensor.expand_shape %p_k [[0], [1], [2, 3]]
      output_shape [2, 128, 4, 64]
      : tensor<2x128x256xf32> into tensor<2x128x4x64xf32>
  %i_k = tensor.empty() : tensor<2x4x128x64xf32>
  %k = linalg.transpose ins(%s_k : tensor<2x128x4x64xf32>)
      outs(%i_k : tensor<2x4x128x64xf32>) permutation = [0, 2, 1, 3]
  %e_v = tensor.empty() : tensor<2x128x256xf32>
  %p_v = ra.linear ins(%x, %wv : tensor<2x128x768xf32>, tensor<256x768xf32>)
      bias(%bv : tensor<256xf32>)
      outs(%e_v : tensor<2x128x256xf32>) -> tensor<2x128x256xf32>
  %s_v = tensor.expand_shape %p_v [[0], [1], [2, 3]]
      output_shape [2, 128, 4, 64]
      : tensor<2x128x256xf32> into tensor<2x128x4x64xf32>
  %i_v = tensor.empty() : tensor<2x4x128x64xf32>
  %v = linalg.transpose ins(%s_v : tensor<2x128x4x64xf32>)
      outs(%i_v : tensor<2x4x128x64xf32>) permutation = [0, 2, 1, 3]

  // Attention.
  %init = tensor.empty() : tensor<2x12x128x64xf32>
  %o = ra.reciprocal_attention {gate_split = #ra.gate_split<query>, gqa = #ra.gqa<mean>,
      mask = #ra.mask<causal>, rank = array<i64: 4>}
      ins(%q, %k, %v : tensor<2x12x128x64xf32>, tensor<2x4x128x64xf32>,
          tensor<2x4x128x64xf32>)
      w_std(%w_std : tensor<12xf32>) w_rec(%w_rec : tensor<12xf32>)
      outs(%init : tensor<2x12x128x64xf32>) -> tensor<2x12x128x64xf32>

  // Heads together.
  %i_o = tensor.empty() : tensor<2x128x12x64xf32>
  %o_t = linalg.transpose ins(%o : tensor<2x12x128x64xf32>)
      outs(%i_o : tensor<2x128x12x64xf32>) permutation = [0, 2, 1, 3]
  %merged = tensor.collapse_shape %o_t [[0], [1], [2, 3]]
      : tensor<2x128x12x64xf32> into tensor<2x128x768xf32>
  return %merged : tensor<2x128x768xf32>
}

// `slots`: each head keeps its own query, in a slot of its own beside zeros. Exact,
// and the price is stated: the head dim of query and key grows to 64 - 4 + 3 * 4.
func.func @slots(%x: tensor<2x128x768xf32>,
    %wq: tensor<768x768xf32> {ra.parameter},
    %bq: tensor<768xf32> {ra.parameter},
    %wk: tensor<256x768xf32> {ra.parameter},
    %bk: tensor<256xf32> {ra.parameter},
    %wv: tensor<256x768xf32> {ra.parameter},
    %bv: tensor<256xf32> {ra.parameter},
    %w_std: tensor<12xf32> {ra.parameter},
    %w_rec: tensor<12xf32> {ra.parameter}) -> tensor<2x128x768xf32> {
  // Projections, heads apart as [B, H, T, D].
  %e_q = tensor.empty() : tensor<2x128x768xf32>
  %p_q = ra.linear ins(%x, %wq : tensor<2x128x768xf32>, tensor<768x768xf32>)
      bias(%bq : tensor<768xf32>)
      outs(%e_q : tensor<2x128x768xf32>) -> tensor<2x128x768xf32>
  %s_q = tensor.expand_shape %p_q [[0], [1], [2, 3]]
      output_shape [2, 128, 12, 64]
      : tensor<2x128x768xf32> into tensor<2x128x12x64xf32>
  %i_q = tensor.empty() : tensor<2x12x128x64xf32>
  %q = linalg.transpose ins(%s_q : tensor<2x128x12x64xf32>)
      outs(%i_q : tensor<2x12x128x64xf32>) permutation = [0, 2, 1, 3]
  %e_k = tensor.empty() : tensor<2x128x256xf32>
  %p_k = ra.linear ins(%x, %wk : tensor<2x128x768xf32>, tensor<256x768xf32>)
      bias(%bk : tensor<256xf32>)
      outs(%e_k : tensor<2x128x256xf32>) -> tensor<2x128x256xf32>
  %s_k = tensor.expand_shape %p_k [[0], [1], [2, 3]]
      output_shape [2, 128, 4, 64]
      : tensor<2x128x256xf32> into tensor<2x128x4x64xf32>
  %i_k = tensor.empty() : tensor<2x4x128x64xf32>
  %k = linalg.transpose ins(%s_k : tensor<2x128x4x64xf32>)
      outs(%i_k : tensor<2x4x128x64xf32>) permutation = [0, 2, 1, 3]
  %e_v = tensor.empty() : tensor<2x128x256xf32>
  %p_v = ra.linear ins(%x, %wv : tensor<2x128x768xf32>, tensor<256x768xf32>)
      bias(%bv : tensor<256xf32>)
      outs(%e_v : tensor<2x128x256xf32>) -> tensor<2x128x256xf32>
  %s_v = tensor.expand_shape %p_v [[0], [1], [2, 3]]
      output_shape [2, 128, 4, 64]
      : tensor<2x128x256xf32> into tensor<2x128x4x64xf32>
  %i_v = tensor.empty() : tensor<2x4x128x64xf32>
  %v = linalg.transpose ins(%s_v : tensor<2x128x4x64xf32>)
      outs(%i_v : tensor<2x4x128x64xf32>) permutation = [0, 2, 1, 3]

  // Attention.
  %init = tensor.empty() : tensor<2x12x128x64xf32>
  %o = ra.reciprocal_attention {gate_split = #ra.gate_split<query>, gqa = #ra.gqa<slots>,
      mask = #ra.mask<causal>, rank = array<i64: 4>}
      ins(%q, %k, %v : tensor<2x12x128x64xf32>, tensor<2x4x128x64xf32>,
          tensor<2x4x128x64xf32>)
      w_std(%w_std : tensor<12xf32>) w_rec(%w_rec : tensor<12xf32>)
      outs(%init : tensor<2x12x128x64xf32>) -> tensor<2x12x128x64xf32>

  // Heads together.
  %i_o = tensor.empty() : tensor<2x128x12x64xf32>
  %o_t = linalg.transpose ins(%o : tensor<2x12x128x64xf32>)
      outs(%i_o : tensor<2x128x12x64xf32>) permutation = [0, 2, 1, 3]
  %merged = tensor.collapse_shape %o_t [[0], [1], [2, 3]]
      : tensor<2x128x12x64xf32> into tensor<2x128x768xf32>
  return %merged : tensor<2x128x768xf32>
}
