// The block of reciprocal_block.mlir in linalg alone, as an exporter or a researcher
// writes it: projections are contractions, the heads are cut out of them, and two
// score products, gates, mask, softmax and values are ops of their own. ra-raise
// finds ra ops in it; docs/from-linalg-to-a-folded-block.md follows it down to the
// kernel.
//
//   ra-run verify block_in_linalg.mlir
//   ra-opt --ra-raise block_in_linalg.mlir

#x = affine_map<(b, t, o, c) -> (b, t, c)>
#w = affine_map<(b, t, o, c) -> (o, c)>
#y = affine_map<(b, t, o, c) -> (b, t, o)>
#q = affine_map<(b, h, i, j, d) -> (b, h, i, d)>
#k = affine_map<(b, h, i, j, d) -> (b, h, j, d)>
#s = affine_map<(b, h, i, j, d) -> (b, h, i, j)>
#p = affine_map<(b, h, i, d, j) -> (b, h, i, j)>
#v = affine_map<(b, h, i, d, j) -> (b, h, j, d)>
#o = affine_map<(b, h, i, d, j) -> (b, h, i, d)>
#scores = affine_map<(b, h, i, j) -> (b, h, i, j)>
#gate = affine_map<(b, h, i, j) -> (h)>

func.func @block(%x: tensor<2x128x768xf32>,
    %wq: tensor<768x768xf32> {ra.parameter}, %wk: tensor<768x768xf32> {ra.parameter},
    %wv: tensor<768x768xf32> {ra.parameter}, %w_std: tensor<12xf32> {ra.parameter},
    %w_rec: tensor<12xf32> {ra.parameter}) -> tensor<2x128x768xf32> {
  %zero = arith.constant 0.0 : f32

  // Projections, y[o] = sum_c w[o, c] x[c].
  %e_p = tensor.empty() : tensor<2x128x768xf32>
  %z_p = linalg.fill ins(%zero : f32) outs(%e_p : tensor<2x128x768xf32>) -> tensor<2x128x768xf32>
  %p_q = linalg.contract indexing_maps = [#x, #w, #y]
      ins(%x, %wq : tensor<2x128x768xf32>, tensor<768x768xf32>)
      outs(%z_p : tensor<2x128x768xf32>) -> tensor<2x128x768xf32>
  %p_k = linalg.contract indexing_maps = [#x, #w, #y]
      ins(%x, %wk : tensor<2x128x768xf32>, tensor<768x768xf32>)
      outs(%z_p : tensor<2x128x768xf32>) -> tensor<2x128x768xf32>
  %p_v = linalg.contract indexing_maps = [#x, #w, #y]
      ins(%x, %wv : tensor<2x128x768xf32>, tensor<768x768xf32>)
      outs(%z_p : tensor<2x128x768xf32>) -> tensor<2x128x768xf32>

  // Heads apart, as [B, H, T, D].
  %e_h = tensor.empty() : tensor<2x12x128x64xf32>
  %s_q = tensor.expand_shape %p_q [[0], [1], [2, 3]] output_shape [2, 128, 12, 64]
      : tensor<2x128x768xf32> into tensor<2x128x12x64xf32>
  %q = linalg.transpose ins(%s_q : tensor<2x128x12x64xf32>)
      outs(%e_h : tensor<2x12x128x64xf32>) permutation = [0, 2, 1, 3]
  %s_k = tensor.expand_shape %p_k [[0], [1], [2, 3]] output_shape [2, 128, 12, 64]
      : tensor<2x128x768xf32> into tensor<2x128x12x64xf32>
  %k = linalg.transpose ins(%s_k : tensor<2x128x12x64xf32>)
      outs(%e_h : tensor<2x12x128x64xf32>) permutation = [0, 2, 1, 3]
  %s_v = tensor.expand_shape %p_v [[0], [1], [2, 3]] output_shape [2, 128, 12, 64]
      : tensor<2x128x768xf32> into tensor<2x128x12x64xf32>
  %v = linalg.transpose ins(%s_v : tensor<2x128x12x64xf32>)
      outs(%e_h : tensor<2x12x128x64xf32>) permutation = [0, 2, 1, 3]

  // Query and key, cut into the first 60 dims and the last 4.
  %q_s = tensor.extract_slice %q[0, 0, 0, 0] [2, 12, 128, 60] [1, 1, 1, 1]
      : tensor<2x12x128x64xf32> to tensor<2x12x128x60xf32>
  %q_l = tensor.extract_slice %q[0, 0, 0, 60] [2, 12, 128, 4] [1, 1, 1, 1]
      : tensor<2x12x128x64xf32> to tensor<2x12x128x4xf32>
  %k_s = tensor.extract_slice %k[0, 0, 0, 0] [2, 12, 128, 60] [1, 1, 1, 1]
      : tensor<2x12x128x64xf32> to tensor<2x12x128x60xf32>
  %k_l = tensor.extract_slice %k[0, 0, 0, 60] [2, 12, 128, 4] [1, 1, 1, 1]
      : tensor<2x12x128x64xf32> to tensor<2x12x128x4xf32>

  // What i asks of j, and what j asks of i.
  %e_s = tensor.empty() : tensor<2x12x128x128xf32>
  %z_s = linalg.fill ins(%zero : f32) outs(%e_s : tensor<2x12x128x128xf32>) -> tensor<2x12x128x128xf32>
  %standard = linalg.contract indexing_maps = [#q, #k, #s]
      ins(%q_s, %k_s : tensor<2x12x128x60xf32>, tensor<2x12x128x60xf32>)
      outs(%z_s : tensor<2x12x128x128xf32>) -> tensor<2x12x128x128xf32>
  %reciprocal = linalg.contract indexing_maps = [#q, #k, #s]
      ins(%k_l, %q_l : tensor<2x12x128x4xf32>, tensor<2x12x128x4xf32>)
      outs(%z_s : tensor<2x12x128x128xf32>) -> tensor<2x12x128x128xf32>

  // Gates, scale 1/sqrt(64), and the causal mask.
  %scale = arith.constant 0.125 : f32
  %hidden = arith.constant 0xFF800000 : f32
  %masked = linalg.generic {
      indexing_maps = [#scores, #scores, #gate, #gate, #scores],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%standard, %reciprocal, %w_std, %w_rec
          : tensor<2x12x128x128xf32>, tensor<2x12x128x128xf32>, tensor<12xf32>, tensor<12xf32>)
      outs(%e_s : tensor<2x12x128x128xf32>) {
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
  } -> tensor<2x12x128x128xf32>

  // Softmax over the keys, and the weighted values.
  %p = linalg.softmax dimension(3)
      ins(%masked : tensor<2x12x128x128xf32>) outs(%e_s : tensor<2x12x128x128xf32>) -> tensor<2x12x128x128xf32>
  %z_o = linalg.fill ins(%zero : f32) outs(%e_h : tensor<2x12x128x64xf32>) -> tensor<2x12x128x64xf32>
  %o = linalg.contract indexing_maps = [#p, #v, #o]
      ins(%p, %v : tensor<2x12x128x128xf32>, tensor<2x12x128x64xf32>)
      outs(%z_o : tensor<2x12x128x64xf32>) -> tensor<2x12x128x64xf32>

  // Heads together.
  %e_m = tensor.empty() : tensor<2x128x12x64xf32>
  %o_t = linalg.transpose ins(%o : tensor<2x12x128x64xf32>)
      outs(%e_m : tensor<2x128x12x64xf32>) permutation = [0, 2, 1, 3]
  %merged = tensor.collapse_shape %o_t [[0], [1], [2, 3]]
      : tensor<2x128x12x64xf32> into tensor<2x128x768xf32>
  return %merged : tensor<2x128x768xf32>
}
