// The attention of one encoder layer of a real pretrained model, all-MiniLM-L6-v2:
// 12 heads of 32 on 384 channels, separate projections with biases, no mask; with
// the last 4 dims of each head made reciprocal.
//
// scripts/fetch-minilm.py writes its weights, and activations of a sentence, to
// build/models/minilm-layer0.safetensors; scripts/demo.sh runs this on them.

func.func @layer(%x: tensor<1x?x384xf32>,
    %wq: tensor<384x384xf32> {ra.parameter},
    %bq: tensor<384xf32> {ra.parameter},
    %wk: tensor<384x384xf32> {ra.parameter},
    %bk: tensor<384xf32> {ra.parameter},
    %wv: tensor<384x384xf32> {ra.parameter},
    %bv: tensor<384xf32> {ra.parameter},
    %w_std: tensor<12xf32> {ra.parameter},
    %w_rec: tensor<12xf32> {ra.parameter}) -> tensor<1x?x384xf32> {
  %c1 = arith.constant 1 : index
  %t = tensor.dim %x, %c1 : tensor<1x?x384xf32>

  // Projections, heads apart as [B, H, T, D].
  %e_q = tensor.empty(%t) : tensor<1x?x384xf32>
  %p_q = ra.linear ins(%x, %wq : tensor<1x?x384xf32>, tensor<384x384xf32>)
      bias(%bq : tensor<384xf32>)
      outs(%e_q : tensor<1x?x384xf32>) -> tensor<1x?x384xf32>
  %s_q = tensor.expand_shape %p_q [[0], [1], [2, 3]]
      output_shape [1, %t, 12, 32]
      : tensor<1x?x384xf32> into tensor<1x?x12x32xf32>
  %i_q = tensor.empty(%t) : tensor<1x12x?x32xf32>
  %q = linalg.transpose ins(%s_q : tensor<1x?x12x32xf32>)
      outs(%i_q : tensor<1x12x?x32xf32>) permutation = [0, 2, 1, 3]
  %e_k = tensor.empty(%t) : tensor<1x?x384xf32>
  %p_k = ra.linear ins(%x, %wk : tensor<1x?x384xf32>, tensor<384x384xf32>)
      bias(%bk : tensor<384xf32>)
      outs(%e_k : tensor<1x?x384xf32>) -> tensor<1x?x384xf32>
  %s_k = tensor.expand_shape %p_k [[0], [1], [2, 3]]
      output_shape [1, %t, 12, 32]
      : tensor<1x?x384xf32> into tensor<1x?x12x32xf32>
  %i_k = tensor.empty(%t) : tensor<1x12x?x32xf32>
  %k = linalg.transpose ins(%s_k : tensor<1x?x12x32xf32>)
      outs(%i_k : tensor<1x12x?x32xf32>) permutation = [0, 2, 1, 3]
  %e_v = tensor.empty(%t) : tensor<1x?x384xf32>
  %p_v = ra.linear ins(%x, %wv : tensor<1x?x384xf32>, tensor<384x384xf32>)
      bias(%bv : tensor<384xf32>)
      outs(%e_v : tensor<1x?x384xf32>) -> tensor<1x?x384xf32>
  %s_v = tensor.expand_shape %p_v [[0], [1], [2, 3]]
      output_shape [1, %t, 12, 32]
      : tensor<1x?x384xf32> into tensor<1x?x12x32xf32>
  %i_v = tensor.empty(%t) : tensor<1x12x?x32xf32>
  %v = linalg.transpose ins(%s_v : tensor<1x?x12x32xf32>)
      outs(%i_v : tensor<1x12x?x32xf32>) permutation = [0, 2, 1, 3]

  // Attention.
  %init = tensor.empty(%t) : tensor<1x12x?x32xf32>
  %o = ra.reciprocal_attention {rank = array<i64: 4>}
      ins(%q, %k, %v : tensor<1x12x?x32xf32>, tensor<1x12x?x32xf32>,
          tensor<1x12x?x32xf32>)
      w_std(%w_std : tensor<12xf32>) w_rec(%w_rec : tensor<12xf32>)
      outs(%init : tensor<1x12x?x32xf32>) -> tensor<1x12x?x32xf32>

  // Heads together.
  %i_o = tensor.empty(%t) : tensor<1x?x12x32xf32>
  %o_t = linalg.transpose ins(%o : tensor<1x12x?x32xf32>)
      outs(%i_o : tensor<1x?x12x32xf32>) permutation = [0, 2, 1, 3]
  %merged = tensor.collapse_shape %o_t [[0], [1], [2, 3]]
      : tensor<1x?x12x32xf32> into tensor<1x?x384xf32>
  return %merged : tensor<1x?x384xf32>
}
