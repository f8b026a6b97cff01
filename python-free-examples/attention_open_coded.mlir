// The block of reciprocal_block.mlir as a researcher writes it: two score products,
// gates, mask, softmax and values, each an op of its own, scores in memory. It is
// the definition that everything else is compared with. ra-raise finds
// ra.reciprocal_attention in it, so that it runs as fast as reciprocal_block.mlir.
//
//   ra-run verify attention_open_coded.mlir --dim=0.0=2 --dim=0.1=77

#qk_q = affine_map<(b, h, i, j, d) -> (b, h, i, d)>
#qk_k = affine_map<(b, h, i, j, d) -> (b, h, j, d)>
#qk_s = affine_map<(b, h, i, j, d) -> (b, h, i, j)>
#pv_p = affine_map<(b, h, i, d, j) -> (b, h, i, j)>
#pv_v = affine_map<(b, h, i, d, j) -> (b, h, j, d)>
#pv_o = affine_map<(b, h, i, d, j) -> (b, h, i, d)>
#scores = affine_map<(b, h, i, j) -> (b, h, i, j)>
#gate = affine_map<(b, h, i, j) -> (h)>

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

  // Query and key, cut into the first 60 dims and the last 4.
  %q_s = tensor.extract_slice %q[0, 0, 0, 0] [%b, 12, %t, 60] [1, 1, 1, 1]
      : tensor<?x12x?x64xf32> to tensor<?x12x?x60xf32>
  %q_l = tensor.extract_slice %q[0, 0, 0, 60] [%b, 12, %t, 4] [1, 1, 1, 1]
      : tensor<?x12x?x64xf32> to tensor<?x12x?x4xf32>
  %k_s = tensor.extract_slice %k[0, 0, 0, 0] [%b, 12, %t, 60] [1, 1, 1, 1]
      : tensor<?x12x?x64xf32> to tensor<?x12x?x60xf32>
  %k_l = tensor.extract_slice %k[0, 0, 0, 60] [%b, 12, %t, 4] [1, 1, 1, 1]
      : tensor<?x12x?x64xf32> to tensor<?x12x?x4xf32>

  // What i asks of j, and what j asks of i.
  %zero = arith.constant 0.0 : f32
  %e_s = tensor.empty(%b, %t, %t) : tensor<?x12x?x?xf32>
  %z_s = linalg.fill ins(%zero : f32) outs(%e_s : tensor<?x12x?x?xf32>) -> tensor<?x12x?x?xf32>
  %standard = linalg.contract indexing_maps = [#qk_q, #qk_k, #qk_s]
      ins(%q_s, %k_s : tensor<?x12x?x60xf32>, tensor<?x12x?x60xf32>)
      outs(%z_s : tensor<?x12x?x?xf32>) -> tensor<?x12x?x?xf32>
  %reciprocal = linalg.contract indexing_maps = [#qk_q, #qk_k, #qk_s]
      ins(%k_l, %q_l : tensor<?x12x?x4xf32>, tensor<?x12x?x4xf32>)
      outs(%z_s : tensor<?x12x?x?xf32>) -> tensor<?x12x?x?xf32>

  // Gates, scale 1/sqrt(64), and the causal mask.
  %scale = arith.constant 0.125 : f32
  %hidden = arith.constant 0xFF800000 : f32
  %masked = linalg.generic {
      indexing_maps = [#scores, #scores, #gate, #gate, #scores],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%standard, %reciprocal, %w_std, %w_rec
          : tensor<?x12x?x?xf32>, tensor<?x12x?x?xf32>, tensor<12xf32>, tensor<12xf32>)
      outs(%e_s : tensor<?x12x?x?xf32>) {
  ^bb0(%std: f32, %rec: f32, %g_std: f32, %g_rec: f32, %unused: f32):
    %i = linalg.index 2 : index
    %j = linalg.index 3 : index
    %visible = arith.cmpi ule, %j, %i : index
    %1 = arith.mulf %std, %g_std : f32
    %2 = arith.mulf %rec, %g_rec : f32
    %3 = arith.addf %1, %2 : f32
    %4 = arith.mulf %3, %scale : f32
    %5 = arith.select %visible, %4, %hidden : f32
    linalg.yield %5 : f32
  } -> tensor<?x12x?x?xf32>

  // Softmax over the keys, and the weighted values.
  %p = linalg.softmax dimension(3)
      ins(%masked : tensor<?x12x?x?xf32>) outs(%e_s : tensor<?x12x?x?xf32>) -> tensor<?x12x?x?xf32>
  %e_o = tensor.empty(%b, %t) : tensor<?x12x?x64xf32>
  %z_o = linalg.fill ins(%zero : f32) outs(%e_o : tensor<?x12x?x64xf32>) -> tensor<?x12x?x64xf32>
  %o = linalg.contract indexing_maps = [#pv_p, #pv_v, #pv_o]
      ins(%p, %v : tensor<?x12x?x?xf32>, tensor<?x12x?x64xf32>)
      outs(%z_o : tensor<?x12x?x64xf32>) -> tensor<?x12x?x64xf32>

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
