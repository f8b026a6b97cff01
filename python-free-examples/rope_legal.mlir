// Rotary embedding, and reciprocal dims that are whole rotation pairs: in style
// `half`, dim f turns with dim f + 32. So L = {30, 31, 62, 63}, and gates and swap
// pass through the rotation into the weights. (They do so for any tables that both
// sides share; random ones show it as well as cosines and sines.)
//
//   ra-opt --ra-fold-weights rope_legal.mlir

func.func @block(%x: tensor<2x128x768xf32>,
    %wq: tensor<768x768xf32> {ra.parameter},
    %bq: tensor<768xf32> {ra.parameter},
    %wk: tensor<768x768xf32> {ra.parameter},
    %bk: tensor<768xf32> {ra.parameter},
    %wv: tensor<768x768xf32> {ra.parameter},
    %bv: tensor<768xf32> {ra.parameter},
    %w_std: tensor<12xf32> {ra.parameter},
    %w_rec: tensor<12xf32> {ra.parameter},
    %cos: tensor<128x32xf32> {ra.parameter},
    %sin: tensor<128x32xf32> {ra.parameter}) -> tensor<2x128x768xf32> {
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
  %e_k = tensor.empty() : tensor<2x128x768xf32>
  %p_k = ra.linear ins(%x, %wk : tensor<2x128x768xf32>, tensor<768x768xf32>)
      bias(%bk : tensor<768xf32>)
      outs(%e_k : tensor<2x128x768xf32>) -> tensor<2x128x768xf32>
  %s_k = tensor.expand_shape %p_k [[0], [1], [2, 3]]
      output_shape [2, 128, 12, 64]
      : tensor<2x128x768xf32> into tensor<2x128x12x64xf32>
  %i_k = tensor.empty() : tensor<2x12x128x64xf32>
  %k = linalg.transpose ins(%s_k : tensor<2x128x12x64xf32>)
      outs(%i_k : tensor<2x12x128x64xf32>) permutation = [0, 2, 1, 3]
  %e_v = tensor.empty() : tensor<2x128x768xf32>
  %p_v = ra.linear ins(%x, %wv : tensor<2x128x768xf32>, tensor<768x768xf32>)
      bias(%bv : tensor<768xf32>)
      outs(%e_v : tensor<2x128x768xf32>) -> tensor<2x128x768xf32>
  %s_v = tensor.expand_shape %p_v [[0], [1], [2, 3]]
      output_shape [2, 128, 12, 64]
      : tensor<2x128x768xf32> into tensor<2x128x12x64xf32>
  %i_v = tensor.empty() : tensor<2x12x128x64xf32>
  %v = linalg.transpose ins(%s_v : tensor<2x128x12x64xf32>)
      outs(%i_v : tensor<2x12x128x64xf32>) permutation = [0, 2, 1, 3]

  // Rotary embedding of both sides with the same tables.
  %r_q = tensor.empty() : tensor<2x12x128x64xf32>
  %q_r = ra.rope {style = #ra.rope_style<half>}
      ins(%q, %cos, %sin : tensor<2x12x128x64xf32>, tensor<128x32xf32>, tensor<128x32xf32>)
      outs(%r_q : tensor<2x12x128x64xf32>) -> tensor<2x12x128x64xf32>
  %r_k = tensor.empty() : tensor<2x12x128x64xf32>
  %k_r = ra.rope {style = #ra.rope_style<half>}
      ins(%k, %cos, %sin : tensor<2x12x128x64xf32>, tensor<128x32xf32>, tensor<128x32xf32>)
      outs(%r_k : tensor<2x12x128x64xf32>) -> tensor<2x12x128x64xf32>

  // Attention.
  %init = tensor.empty() : tensor<2x12x128x64xf32>
  %o = ra.reciprocal_attention {mask = #ra.mask<causal>, rec_dims = array<i64: 30, 31, 62, 63>}
      ins(%q_r, %k_r, %v : tensor<2x12x128x64xf32>, tensor<2x12x128x64xf32>,
          tensor<2x12x128x64xf32>)
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
