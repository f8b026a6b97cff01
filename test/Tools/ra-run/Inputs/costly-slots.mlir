// Eight query heads on one key head, exact: the fold makes heads of 32 + 8 * 32
// dims of heads of 64, so RA takes several times as long as its baseline.
func.func @slots(%x: tensor<1x256x512xf32>,
    %wq: tensor<512x512xf32> {ra.parameter}, %wk: tensor<64x512xf32> {ra.parameter},
    %wv: tensor<64x512xf32> {ra.parameter}, %w_std: tensor<8xf32> {ra.parameter},
    %w_rec: tensor<8xf32> {ra.parameter}) -> tensor<1x256x8x64xf32> {
  %eq = tensor.empty() : tensor<1x256x512xf32>
  %ek = tensor.empty() : tensor<1x256x64xf32>
  %q = ra.linear ins(%x, %wq : tensor<1x256x512xf32>, tensor<512x512xf32>)
      outs(%eq : tensor<1x256x512xf32>) -> tensor<1x256x512xf32>
  %k = ra.linear ins(%x, %wk : tensor<1x256x512xf32>, tensor<64x512xf32>)
      outs(%ek : tensor<1x256x64xf32>) -> tensor<1x256x64xf32>
  %v = ra.linear ins(%x, %wv : tensor<1x256x512xf32>, tensor<64x512xf32>)
      outs(%ek : tensor<1x256x64xf32>) -> tensor<1x256x64xf32>
  %qh = tensor.expand_shape %q [[0], [1], [2, 3]] output_shape [1, 256, 8, 64]
      : tensor<1x256x512xf32> into tensor<1x256x8x64xf32>
  %kh = tensor.expand_shape %k [[0], [1], [2, 3]] output_shape [1, 256, 1, 64]
      : tensor<1x256x64xf32> into tensor<1x256x1x64xf32>
  %vh = tensor.expand_shape %v [[0], [1], [2, 3]] output_shape [1, 256, 1, 64]
      : tensor<1x256x64xf32> into tensor<1x256x1x64xf32>
  %init = tensor.empty() : tensor<1x256x8x64xf32>
  %o = ra.reciprocal_attention {
        indexing_maps = [affine_map<(b, h, t, d) -> (b, t, h, d)>,
                         affine_map<(b, h, t, d) -> (b, t, h, d)>,
                         affine_map<(b, h, t, d) -> (b, t, h, d)>,
                         affine_map<(b, h, t, d) -> (b, t, h, d)>],
        gate_split = #ra.gate_split<query>, gqa = #ra.gqa<slots>,
        rank = array<i64: 32>}
      ins(%qh, %kh, %vh : tensor<1x256x8x64xf32>, tensor<1x256x1x64xf32>,
          tensor<1x256x1x64xf32>)
      w_std(%w_std : tensor<8xf32>) w_rec(%w_rec : tensor<8xf32>)
      outs(%init : tensor<1x256x8x64xf32>) -> tensor<1x256x8x64xf32>
  return %o : tensor<1x256x8x64xf32>
}
