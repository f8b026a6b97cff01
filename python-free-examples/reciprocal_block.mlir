// An attention block with reciprocal terms: 12 heads of 64, of which the last 4
// dims are reciprocal; any batch, any length. Gates are parameters.
//
// What the passes make of it has the operations, the copies (none) and the buffers
// of baseline_block.mlir: gates and swap disappear into the weights.
//
//   ra-opt --ra-compile reciprocal_block.mlir

func.func @block(%x: tensor<?x?x768xf32>,
    %wq: tensor<768x768xf32> {ra.parameter},
    %bq: tensor<768xf32> {ra.parameter},
    %wk: tensor<768x768xf32> {ra.parameter},
    %bk: tensor<768xf32> {ra.parameter},
    %wv: tensor<768x768xf32> {ra.parameter},
    %bv: tensor<768xf32> {ra.parameter},
    %w_std: tensor<12xf32> {ra.parameter},
    %w_rec: tensor<12xf32> {ra.parameter},
    %wo: tensor<768x768xf32> {ra.parameter},
    %bo: tensor<768xf32> {ra.parameter}) -> tensor<?x?x768xf32> {
  %c0 = arith.constant 0 : index
  %b = tensor.dim %x, %c0 : tensor<?x?x768xf32>
  %c1 = arith.constant 1 : index
  %t = tensor.dim %x, %c1 : tensor<?x?x768xf32>

  // Projections, heads apart as [B, H, T, D].
  %e_q = tensor.empty(%b, %t) : tensor<?x?x768xf32>
  %p_q = ra.linear ins(%x, %wq : tensor<?x?x768xf32>, tensor<768x768xf32>)
      bias(%bq : tensor<768xf32>)
      outs(%e_q : tensor<?x?x768xf32>) -> tensor<?x?x768xf32>
  %s_q = tensor.expand_shape %p_q [[0], [1], [2, 3]]
      output_shape [%b, %t, 12, 64]
      : tensor<?x?x768xf32> into tensor<?x?x12x64xf32>
  %i_q = tensor.empty(%b, %t) : tensor<?x12x?x64xf32>
  %q = linalg.transpose ins(%s_q : tensor<?x?x12x64xf32>)
      outs(%i_q : tensor<?x12x?x64xf32>) permutation = [0, 2, 1, 3]
  %e_k = tensor.empty(%b, %t) : tensor<?x?x768xf32>
  %p_k = ra.linear ins(%x, %wk : tensor<?x?x768xf32>, tensor<768x768xf32>)
      bias(%bk : tensor<768xf32>)
      outs(%e_k : tensor<?x?x768xf32>) -> tensor<?x?x768xf32>
  %s_k = tensor.expand_shape %p_k [[0], [1], [2, 3]]
      output_shape [%b, %t, 12, 64]
      : tensor<?x?x768xf32> into tensor<?x?x12x64xf32>
  %i_k = tensor.empty(%b, %t) : tensor<?x12x?x64xf32>
  %k = linalg.transpose ins(%s_k : tensor<?x?x12x64xf32>)
      outs(%i_k : tensor<?x12x?x64xf32>) permutation = [0, 2, 1, 3]
  %e_v = tensor.empty(%b, %t) : tensor<?x?x768xf32>
  %p_v = ra.linear ins(%x, %wv : tensor<?x?x768xf32>, tensor<768x768xf32>)
      bias(%bv : tensor<768xf32>)
      outs(%e_v : tensor<?x?x768xf32>) -> tensor<?x?x768xf32>
  %s_v = tensor.expand_shape %p_v [[0], [1], [2, 3]]
      output_shape [%b, %t, 12, 64]
      : tensor<?x?x768xf32> into tensor<?x?x12x64xf32>
  %i_v = tensor.empty(%b, %t) : tensor<?x12x?x64xf32>
  %v = linalg.transpose ins(%s_v : tensor<?x?x12x64xf32>)
      outs(%i_v : tensor<?x12x?x64xf32>) permutation = [0, 2, 1, 3]

  // Attention.
  %init = tensor.empty(%b, %t) : tensor<?x12x?x64xf32>
  %o = ra.reciprocal_attention {mask = #ra.mask<causal>, rank = array<i64: 4>}
      ins(%q, %k, %v : tensor<?x12x?x64xf32>, tensor<?x12x?x64xf32>,
          tensor<?x12x?x64xf32>)
      w_std(%w_std : tensor<12xf32>) w_rec(%w_rec : tensor<12xf32>)
      outs(%init : tensor<?x12x?x64xf32>) -> tensor<?x12x?x64xf32>

  // Heads together, and the output projection.
  %i_o = tensor.empty(%b, %t) : tensor<?x?x12x64xf32>
  %o_t = linalg.transpose ins(%o : tensor<?x12x?x64xf32>)
      outs(%i_o : tensor<?x?x12x64xf32>) permutation = [0, 2, 1, 3]
  %merged = tensor.collapse_shape %o_t [[0], [1], [2, 3]]
      : tensor<?x?x12x64xf32> into tensor<?x?x768xf32>
  %e_y = tensor.empty(%b, %t) : tensor<?x?x768xf32>
  %y = ra.linear ins(%merged, %wo : tensor<?x?x768xf32>, tensor<768x768xf32>)
      bias(%bo : tensor<768xf32>)
      outs(%e_y : tensor<?x?x768xf32>) -> tensor<?x?x768xf32>
  return %y : tensor<?x?x768xf32>
}
