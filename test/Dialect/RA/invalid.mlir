// Each numbered constraint of each op, broken on purpose; a section names the op
// and the constraint. The two attention ops are in invalid-attention.mlir.

// RUN: ra-opt %s --split-input-file --verify-diagnostics

// ra.linear (C1): input of rank 1.
func.func @f(%x: tensor<8xf32>, %w: tensor<6x8xf32>, %y: tensor<3x6xf32>) {
  // expected-error @below {{'ra.linear' op (C1) expects input and weight of rank 2 or more, got 1 and 2}}
  %0 = ra.linear ins(%x, %w : tensor<8xf32>, tensor<6x8xf32>) outs(%y : tensor<3x6xf32>) -> tensor<3x6xf32>
  return
}

// -----

// ra.linear (C1): panels of rank 2.
func.func @f(%x: tensor<3x8xf32>, %w: tensor<6x8xf32>, %y: tensor<3x6xf32>) -> tensor<3x6xf32> {
  // expected-error @below {{'ra.linear' op (C1) expects input and weight of rank 2 or more, a weight in panels of 3 or more, got 2 and 2}}
  %0 = ra.linear {panel = 2 : i64} ins(%x, %w : tensor<3x8xf32>, tensor<6x8xf32>) outs(%y : tensor<3x6xf32>) -> tensor<3x6xf32>
  return %0 : tensor<3x6xf32>
}

// -----

// ra.linear (C2): channels of panels.
func.func @f(%x: tensor<3x8xf32>, %w: tensor<2x7x4xf32>, %y: tensor<3x6xf32>) -> tensor<3x6xf32> {
  // expected-error @below {{'ra.linear' op (C2) input has 8 channels, the weight 7}}
  %0 = ra.linear {panel = 4 : i64} ins(%x, %w : tensor<3x8xf32>, tensor<2x7x4xf32>) outs(%y : tensor<3x6xf32>) -> tensor<3x6xf32>
  return %0 : tensor<3x6xf32>
}

// -----

// ra.linear (C4): a bias for the padding, too.
func.func @f(%x: tensor<3x8xf32>, %w: tensor<2x8x4xf32>, %b: tensor<8xf32>, %y: tensor<3x6xf32>) -> tensor<3x6xf32> {
  // expected-error @below {{'ra.linear' op (C4) bias is 8, expects 6}}
  %0 = ra.linear {panel = 4 : i64} ins(%x, %w : tensor<3x8xf32>, tensor<2x8x4xf32>) bias(%b : tensor<8xf32>) outs(%y : tensor<3x6xf32>) -> tensor<3x6xf32>
  return %0 : tensor<3x6xf32>
}

// -----

// ra.linear (C7): three panels for six outputs.
func.func @f(%x: tensor<3x8xf32>, %w: tensor<3x8x4xf32>, %y: tensor<3x6xf32>) -> tensor<3x6xf32> {
  // expected-error @below {{'ra.linear' op (C7) weight is 3x8x4, expects panels 2x8x4}}
  %0 = ra.linear {panel = 4 : i64} ins(%x, %w : tensor<3x8xf32>, tensor<3x8x4xf32>) outs(%y : tensor<3x6xf32>) -> tensor<3x6xf32>
  return %0 : tensor<3x6xf32>
}

// -----

// ra.linear (C7): panels of nothing.
func.func @f(%x: tensor<3x8xf32>, %w: tensor<2x8x4xf32>, %y: tensor<3x6xf32>) -> tensor<3x6xf32> {
  // expected-error @below {{'ra.linear' op (C7) panel is 0, expects a positive number}}
  %0 = ra.linear {panel = 0 : i64} ins(%x, %w : tensor<3x8xf32>, tensor<2x8x4xf32>) outs(%y : tensor<3x6xf32>) -> tensor<3x6xf32>
  return %0 : tensor<3x6xf32>
}

// -----

// ra.linear (C7): a number of outputs that is not known.
func.func @f(%x: tensor<3x8xf32>, %w: tensor<2x8x4xf32>, %y: tensor<3x?xf32>) -> tensor<3x?xf32> {
  // expected-error @below {{'ra.linear' op (C7) panels need a static number of outputs}}
  %0 = ra.linear {panel = 4 : i64} ins(%x, %w : tensor<3x8xf32>, tensor<2x8x4xf32>) outs(%y : tensor<3x?xf32>) -> tensor<3x?xf32>
  return %0 : tensor<3x?xf32>
}

// -----

// ra.linear (C1): weight of rank 1.
func.func @f(%x: tensor<3x8xf32>, %w: tensor<8xf32>, %y: tensor<3x6xf32>) {
  // expected-error @below {{'ra.linear' op (C1) expects input and weight of rank 2 or more, got 2 and 1}}
  %0 = ra.linear ins(%x, %w : tensor<3x8xf32>, tensor<8xf32>) outs(%y : tensor<3x6xf32>) -> tensor<3x6xf32>
  return
}

// -----

// ra.linear (C2): channels differ.
func.func @f(%x: tensor<3x7xf32>, %w: tensor<6x8xf32>, %y: tensor<3x6xf32>) {
  // expected-error @below {{'ra.linear' op (C2) input has 7 channels, the weight 8}}
  %0 = ra.linear ins(%x, %w : tensor<3x7xf32>, tensor<6x8xf32>) outs(%y : tensor<3x6xf32>) -> tensor<3x6xf32>
  return
}

// -----

// ra.linear (C3): an output dim differs.
func.func @f(%x: tensor<3x8xf32>, %w: tensor<6x8xf32>, %y: tensor<3x5xf32>) {
  // expected-error @below {{'ra.linear' op (C3) init is 3x5, expects the dims (m..., n...) = 3x6}}
  %0 = ra.linear ins(%x, %w : tensor<3x8xf32>, tensor<6x8xf32>) outs(%y : tensor<3x5xf32>) -> tensor<3x5xf32>
  return
}

// -----

// ra.linear (C3): a leading dim differs.
func.func @f(%x: tensor<?x3x8xf32>, %w: tensor<6x8xf32>, %y: tensor<4x6xf32>) {
  // expected-error @below {{'ra.linear' op (C3) init is 4x6, expects the dims (m..., n...) = ?x3x6}}
  %0 = ra.linear ins(%x, %w : tensor<?x3x8xf32>, tensor<6x8xf32>) outs(%y : tensor<4x6xf32>) -> tensor<4x6xf32>
  return
}

// -----

// ra.linear (C3): through the output map.
func.func @f(%x: tensor<3x8xf32>, %w: tensor<6x8xf32>, %y: tensor<3x6xf32>) {
  // expected-error @below {{'ra.linear' op (C3) init is 3x6, expects the dims (m..., n...) = 3x6}}
  %0 = ra.linear {indexing_maps = [affine_map<(m, c) -> (m, c)>, affine_map<(m, n) -> (n, m)>]} ins(%x, %w : tensor<3x8xf32>, tensor<6x8xf32>) outs(%y : tensor<3x6xf32>) -> tensor<3x6xf32>
  return
}

// -----

// ra.linear (C4): bias of another extent.
func.func @f(%x: tensor<3x8xf32>, %w: tensor<6x8xf32>, %b: tensor<5xf32>, %y: tensor<3x6xf32>) {
  // expected-error @below {{'ra.linear' op (C4) bias is 5, expects 6}}
  %0 = ra.linear ins(%x, %w : tensor<3x8xf32>, tensor<6x8xf32>) bias(%b : tensor<5xf32>) outs(%y : tensor<3x6xf32>) -> tensor<3x6xf32>
  return
}

// -----

// ra.linear (C4): bias of another rank.
func.func @f(%x: tensor<3x8xf32>, %w: tensor<6x8xf32>, %b: tensor<1x6xf32>, %y: tensor<3x6xf32>) {
  // expected-error @below {{'ra.linear' op (C4) bias is 1x6, expects 6}}
  %0 = ra.linear ins(%x, %w : tensor<3x8xf32>, tensor<6x8xf32>) bias(%b : tensor<1x6xf32>) outs(%y : tensor<3x6xf32>) -> tensor<3x6xf32>
  return
}

// -----

// ra.linear (C5): one map.
func.func @f(%x: tensor<3x8xf32>, %w: tensor<6x8xf32>, %y: tensor<3x6xf32>) {
  // expected-error @below {{'ra.linear' op (C5) expects 2 indexing maps (input, init), got 1}}
  %0 = ra.linear {indexing_maps = [affine_map<(m, c) -> (m, c)>]} ins(%x, %w : tensor<3x8xf32>, tensor<6x8xf32>) outs(%y : tensor<3x6xf32>) -> tensor<3x6xf32>
  return
}

// -----

// ra.linear (C5): not a permutation.
func.func @f(%x: tensor<3x8xf32>, %w: tensor<6x8xf32>, %y: tensor<3x6xf32>) {
  // expected-error @below {{'ra.linear' op (C5) expects the indexing map of input to be a permutation of 2 dims, got affine_map<(d0, d1) -> (d0, d0)>}}
  %0 = ra.linear {indexing_maps = [affine_map<(m, c) -> (m, m)>, affine_map<(m, n) -> (m, n)>]} ins(%x, %w : tensor<3x8xf32>, tensor<6x8xf32>) outs(%y : tensor<3x6xf32>) -> tensor<3x6xf32>
  return
}

// -----

// ra.linear (C5): a map of the wrong rank.
func.func @f(%x: tensor<3x8xf32>, %w: tensor<6x8xf32>, %y: tensor<3x6xf32>) {
  // expected-error @below {{'ra.linear' op (C5) expects the indexing map of init to be a permutation of 2 dims, got affine_map<(d0, d1, d2) -> (d0, d1, d2)>}}
  %0 = ra.linear {indexing_maps = [affine_map<(m, c) -> (m, c)>, affine_map<(m, n, k) -> (m, n, k)>]} ins(%x, %w : tensor<3x8xf32>, tensor<6x8xf32>) outs(%y : tensor<3x6xf32>) -> tensor<3x6xf32>
  return
}

// -----

// ra.linear (C6): weight of another element type.
func.func @f(%x: tensor<3x8xf32>, %w: tensor<6x8xf16>, %y: tensor<3x6xf32>) {
  // expected-error @below {{'ra.linear' op (C6) weight is of 'f16', the input of 'f32'}}
  %0 = ra.linear ins(%x, %w : tensor<3x8xf32>, tensor<6x8xf16>) outs(%y : tensor<3x6xf32>) -> tensor<3x6xf32>
  return
}

// -----

// ra.linear (C6): bias of another element type.
func.func @f(%x: tensor<3x8xf32>, %w: tensor<6x8xf32>, %b: tensor<6xf16>, %y: tensor<3x6xf32>) {
  // expected-error @below {{'ra.linear' op (C6) bias is of 'f16', the input of 'f32'}}
  %0 = ra.linear ins(%x, %w : tensor<3x8xf32>, tensor<6x8xf32>) bias(%b : tensor<6xf16>) outs(%y : tensor<3x6xf32>) -> tensor<3x6xf32>
  return
}

// -----

// ra.linear (C6): init of another 16-bit type.
func.func @f(%x: tensor<3x8xf16>, %w: tensor<6x8xf16>, %y: tensor<3x6xbf16>) {
  // expected-error @below {{'ra.linear' op (C6) init is of 'bf16'; expects 'f16' or f32}}
  %0 = ra.linear ins(%x, %w : tensor<3x8xf16>, tensor<6x8xf16>) outs(%y : tensor<3x6xbf16>) -> tensor<3x6xbf16>
  return
}

// -----

// ra.linear storage: integers.
func.func @f(%x: tensor<3x8xi32>, %w: tensor<6x8xf32>, %y: tensor<3x6xf32>) {
  // expected-error @below {{'ra.linear' op operand #0 must be ranked tensor or memref of f32, f16 or bf16, but got 'tensor<3x8xi32>'}}
  %0 = ra.linear ins(%x, %w : tensor<3x8xi32>, tensor<6x8xf32>) outs(%y : tensor<3x6xf32>) -> tensor<3x6xf32>
  return
}

// -----

// ra.linear storage: unranked.
func.func @f(%x: tensor<*xf32>, %w: tensor<6x8xf32>, %y: tensor<3x6xf32>) {
  // expected-error @below {{'ra.linear' op operand #0 must be ranked tensor or memref of f32, f16 or bf16, but got 'tensor<*xf32>'}}
  %0 = ra.linear ins(%x, %w : tensor<*xf32>, tensor<6x8xf32>) outs(%y : tensor<3x6xf32>) -> tensor<3x6xf32>
  return
}

// -----

// ra.linear destination style: tensors beside memrefs.
func.func @f(%x: tensor<3x8xf32>, %w: memref<6x8xf32>, %y: tensor<3x6xf32>) {
  // expected-error @below {{'ra.linear' op mixes tensors and memrefs}}
  %0 = ra.linear ins(%x, %w : tensor<3x8xf32>, memref<6x8xf32>) outs(%y : tensor<3x6xf32>) -> tensor<3x6xf32>
  return
}

// -----

// ra.linear destination style: a result on memrefs.
func.func @f(%x: memref<3x8xf32>, %w: memref<6x8xf32>, %y: memref<3x6xf32>) {
  // expected-error @below {{'ra.linear' op on memrefs has no results}}
  %0 = ra.linear ins(%x, %w : memref<3x8xf32>, memref<6x8xf32>) outs(%y : memref<3x6xf32>) -> tensor<3x6xf32>
  return
}

// -----

// ra.linear destination style: no result on tensors.
func.func @f(%x: tensor<3x8xf32>, %w: tensor<6x8xf32>, %y: tensor<3x6xf32>) {
  // expected-error @below {{'ra.linear' op expects one result per init (1), got 0}}
  ra.linear ins(%x, %w : tensor<3x8xf32>, tensor<6x8xf32>) outs(%y : tensor<3x6xf32>)
  return
}

// -----

// ra.linear destination style: a result of another type.
func.func @f(%x: tensor<3x8xf32>, %w: tensor<6x8xf32>, %y: tensor<3x6xf32>) {
  // expected-error @below {{'ra.linear' op result type 'tensor<?x6xf32>' differs from its init 'tensor<3x6xf32>'}}
  %0 = ra.linear ins(%x, %w : tensor<3x8xf32>, tensor<6x8xf32>) outs(%y : tensor<3x6xf32>) -> tensor<?x6xf32>
  return
}

// -----

// ra.rope (C1): rank 3.
func.func @f(%x: tensor<3x5x8xf32>, %c: tensor<5x4xf32>, %s: tensor<5x4xf32>, %y: tensor<3x5x8xf32>) {
  // expected-error @below {{'ra.rope' op (C1) expects input and init of rank 4 (B, H, T, D), got 3 and 3}}
  %0 = ra.rope {style = #ra.rope_style<half>} ins(%x, %c, %s : tensor<3x5x8xf32>, tensor<5x4xf32>, tensor<5x4xf32>) outs(%y : tensor<3x5x8xf32>) -> tensor<3x5x8xf32>
  return
}

// -----

// ra.rope (C1): shapes differ.
func.func @f(%x: tensor<2x3x5x8xf32>, %c: tensor<5x4xf32>, %s: tensor<5x4xf32>, %y: tensor<2x3x?x6xf32>) {
  // expected-error @below {{'ra.rope' op (C1) input is 2x3x5x8 of 'f32', init 2x3x?x6 of 'f32'}}
  %0 = ra.rope {style = #ra.rope_style<half>} ins(%x, %c, %s : tensor<2x3x5x8xf32>, tensor<5x4xf32>, tensor<5x4xf32>) outs(%y : tensor<2x3x?x6xf32>) -> tensor<2x3x?x6xf32>
  return
}

// -----

// ra.rope (C1): element types differ.
func.func @f(%x: tensor<2x3x5x8xf32>, %c: tensor<5x4xf32>, %s: tensor<5x4xf32>, %y: tensor<2x3x5x8xf16>) {
  // expected-error @below {{'ra.rope' op (C1) input is 2x3x5x8 of 'f32', init 2x3x5x8 of 'f16'}}
  %0 = ra.rope {style = #ra.rope_style<half>} ins(%x, %c, %s : tensor<2x3x5x8xf32>, tensor<5x4xf32>, tensor<5x4xf32>) outs(%y : tensor<2x3x5x8xf16>) -> tensor<2x3x5x8xf16>
  return
}

// -----

// ra.rope (C2): tables of two types.
func.func @f(%x: tensor<2x3x5x8xf32>, %c: tensor<5x4xf32>, %s: tensor<5x3xf32>, %y: tensor<2x3x5x8xf32>) {
  // expected-error @below {{'ra.rope' op (C2) the tables differ in type: 'tensor<5x4xf32>' and 'tensor<5x3xf32>'}}
  %0 = ra.rope {style = #ra.rope_style<half>} ins(%x, %c, %s : tensor<2x3x5x8xf32>, tensor<5x4xf32>, tensor<5x3xf32>) outs(%y : tensor<2x3x5x8xf32>) -> tensor<2x3x5x8xf32>
  return
}

// -----

// ra.rope (C2): tables of rank 1.
func.func @f(%x: tensor<2x3x5x8xf32>, %c: tensor<4xf32>, %s: tensor<4xf32>, %y: tensor<2x3x5x8xf32>) {
  // expected-error @below {{'ra.rope' op (C2) the tables have rank 1; expects T x rot/2 or B x T x rot/2}}
  %0 = ra.rope {style = #ra.rope_style<half>} ins(%x, %c, %s : tensor<2x3x5x8xf32>, tensor<4xf32>, tensor<4xf32>) outs(%y : tensor<2x3x5x8xf32>) -> tensor<2x3x5x8xf32>
  return
}

// -----

// ra.rope (C2): too few positions.
func.func @f(%x: tensor<2x3x5x8xf32>, %c: tensor<4x4xf32>, %s: tensor<4x4xf32>, %y: tensor<2x3x5x8xf32>) {
  // expected-error @below {{'ra.rope' op (C2) the tables are 4x4; expects T x rot/2 with T = 5}}
  %0 = ra.rope {style = #ra.rope_style<half>} ins(%x, %c, %s : tensor<2x3x5x8xf32>, tensor<4x4xf32>, tensor<4x4xf32>) outs(%y : tensor<2x3x5x8xf32>) -> tensor<2x3x5x8xf32>
  return
}

// -----

// ra.rope (C2): another batch.
func.func @f(%x: tensor<2x3x?x8xf32>, %c: tensor<3x?x4xf32>, %s: tensor<3x?x4xf32>, %y: tensor<2x3x?x8xf32>) {
  // expected-error @below {{'ra.rope' op (C2) the tables are 3x?x4; expects B x T x rot/2 with B = 2, T = ?}}
  %0 = ra.rope {style = #ra.rope_style<half>} ins(%x, %c, %s : tensor<2x3x?x8xf32>, tensor<3x?x4xf32>, tensor<3x?x4xf32>) outs(%y : tensor<2x3x?x8xf32>) -> tensor<2x3x?x8xf32>
  return
}

// -----

// ra.rope (C3): more than the head dim.
func.func @f(%x: tensor<2x3x5x8xf32>, %c: tensor<5x5xf32>, %s: tensor<5x5xf32>, %y: tensor<2x3x5x8xf32>) {
  // expected-error @below {{'ra.rope' op (C3) rotary dim 10 is not in (0, D] for D = 8}}
  %0 = ra.rope {style = #ra.rope_style<half>} ins(%x, %c, %s : tensor<2x3x5x8xf32>, tensor<5x5xf32>, tensor<5x5xf32>) outs(%y : tensor<2x3x5x8xf32>) -> tensor<2x3x5x8xf32>
  return
}

// -----

// ra.rope (C3): nothing to turn.
func.func @f(%x: tensor<2x3x5x8xf32>, %c: tensor<5x0xf32>, %s: tensor<5x0xf32>, %y: tensor<2x3x5x8xf32>) {
  // expected-error @below {{'ra.rope' op (C3) rotary dim 0 is not in (0, D] for D = 8}}
  %0 = ra.rope {style = #ra.rope_style<half>} ins(%x, %c, %s : tensor<2x3x5x8xf32>, tensor<5x0xf32>, tensor<5x0xf32>) outs(%y : tensor<2x3x5x8xf32>) -> tensor<2x3x5x8xf32>
  return
}

// -----

// ra.rope (C3): a dynamic rotary dim.
func.func @f(%x: tensor<2x3x5x8xf32>, %c: tensor<5x?xf32>, %s: tensor<5x?xf32>, %y: tensor<2x3x5x8xf32>) {
  // expected-error @below {{'ra.rope' op (C3) the rotary dim and the head dim must be static}}
  %0 = ra.rope {style = #ra.rope_style<half>} ins(%x, %c, %s : tensor<2x3x5x8xf32>, tensor<5x?xf32>, tensor<5x?xf32>) outs(%y : tensor<2x3x5x8xf32>) -> tensor<2x3x5x8xf32>
  return
}

// -----

// ra.rope (C4): not a permutation.
func.func @f(%x: tensor<2x3x5x8xf32>, %c: tensor<5x4xf32>, %s: tensor<5x4xf32>, %y: tensor<2x3x5x8xf32>) {
  // expected-error @below {{'ra.rope' op (C4) expects the indexing map of init to be a permutation of 4 dims, got affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, 0)>}}
  %0 = ra.rope {indexing_maps = [affine_map<(b, h, t, d) -> (b, h, t, d)>, affine_map<(b, h, t, d) -> (b, h, t, 0)>], style = #ra.rope_style<half>} ins(%x, %c, %s : tensor<2x3x5x8xf32>, tensor<5x4xf32>, tensor<5x4xf32>) outs(%y : tensor<2x3x5x8xf32>) -> tensor<2x3x5x8xf32>
  return
}

// -----

// ra.rope (C4): one map.
func.func @f(%x: tensor<2x3x5x8xf32>, %c: tensor<5x4xf32>, %s: tensor<5x4xf32>, %y: tensor<2x3x5x8xf32>) {
  // expected-error @below {{'ra.rope' op (C4) expects 2 indexing maps (input, init), got 1}}
  %0 = ra.rope {indexing_maps = [affine_map<(b, h, t, d) -> (b, h, t, d)>], style = #ra.rope_style<half>} ins(%x, %c, %s : tensor<2x3x5x8xf32>, tensor<5x4xf32>, tensor<5x4xf32>) outs(%y : tensor<2x3x5x8xf32>) -> tensor<2x3x5x8xf32>
  return
}

// -----

// ra.fold_weights (C1): a weight of rank 3.
func.func @f(%wq: tensor<4x8x16xf32>, %wk: tensor<16x16xf32>) {
  // expected-error @below {{'ra.fold_weights' op (C1) expects weights of rank 2 (rows x channels), got 3 and 2}}
  %0:2 = ra.fold_weights {num_heads = 4, num_kv_heads = 2, rank = array<i64: 2>} ins(%wq, %wk : tensor<4x8x16xf32>, tensor<16x16xf32>) -> tensor<4x8x16xf32>, tensor<16x16xf32>
  return
}

// -----

// ra.fold_weights (C1): channels differ.
func.func @f(%wq: tensor<32x16xf32>, %wk: tensor<16x12xf32>) {
  // expected-error @below {{'ra.fold_weights' op (C1) the weights differ in channels or element type: 'tensor<32x16xf32>' and 'tensor<16x12xf32>'}}
  %0:2 = ra.fold_weights {num_heads = 4, num_kv_heads = 2, rank = array<i64: 2>} ins(%wq, %wk : tensor<32x16xf32>, tensor<16x12xf32>) -> tensor<32x16xf32>, tensor<16x12xf32>
  return
}

// -----

// ra.fold_weights (C1): element types differ.
func.func @f(%wq: tensor<32x16xf32>, %wk: tensor<16x16xf16>) {
  // expected-error @below {{'ra.fold_weights' op (C1) the weights differ in channels or element type: 'tensor<32x16xf32>' and 'tensor<16x16xf16>'}}
  %0:2 = ra.fold_weights {num_heads = 4, num_kv_heads = 2, rank = array<i64: 2>} ins(%wq, %wk : tensor<32x16xf32>, tensor<16x16xf16>) -> tensor<32x16xf32>, tensor<16x16xf16>
  return
}

// -----

// ra.fold_weights (C1): rows that are not heads.
func.func @f(%wq: tensor<30x16xf32>, %wk: tensor<16x16xf32>) {
  // expected-error @below {{'ra.fold_weights' op (C1) rows 30 and 16 are not D times 4 and 2 heads}}
  %0:2 = ra.fold_weights {num_heads = 4, num_kv_heads = 2, rank = array<i64: 2>} ins(%wq, %wk : tensor<30x16xf32>, tensor<16x16xf32>) -> tensor<30x16xf32>, tensor<16x16xf32>
  return
}

// -----

// ra.fold_weights (C1): two head dims.
func.func @f(%wq: tensor<32x16xf32>, %wk: tensor<32x16xf32>) {
  // expected-error @below {{'ra.fold_weights' op (C1) rows 32 and 32 are not D times 4 and 2 heads}}
  %0:2 = ra.fold_weights {num_heads = 4, num_kv_heads = 2, rank = array<i64: 2>} ins(%wq, %wk : tensor<32x16xf32>, tensor<32x16xf32>) -> tensor<32x16xf32>, tensor<32x16xf32>
  return
}

// -----

// ra.fold_weights (C1): dynamic rows.
func.func @f(%wq: tensor<?x16xf32>, %wk: tensor<16x16xf32>) {
  // expected-error @below {{'ra.fold_weights' op (C1) rows ? and 16 are not D times 4 and 2 heads}}
  %0:2 = ra.fold_weights {num_heads = 4, num_kv_heads = 2, rank = array<i64: 2>} ins(%wq, %wk : tensor<?x16xf32>, tensor<16x16xf32>) -> tensor<?x16xf32>, tensor<16x16xf32>
  return
}

// -----

// ra.fold_weights (C2): key heads do not divide.
func.func @f(%wq: tensor<32x16xf32>, %wk: tensor<16x16xf32>) {
  // expected-error @below {{'ra.fold_weights' op (C2) 3 key heads do not divide the 4 query heads}}
  %0:2 = ra.fold_weights {num_heads = 4, num_kv_heads = 3, rank = array<i64: 2>} ins(%wq, %wk : tensor<32x16xf32>, tensor<16x16xf32>) -> tensor<32x16xf32>, tensor<16x16xf32>
  return
}

// -----

// ra.fold_weights (C2): no heads.
func.func @f(%wq: tensor<32x16xf32>, %wk: tensor<16x16xf32>) {
  // expected-error @below {{'ra.fold_weights' op attribute 'num_heads' failed to satisfy constraint: 64-bit signless integer attribute whose value is positive}}
  %0:2 = ra.fold_weights {num_heads = 0, rank = array<i64: 2>} ins(%wq, %wk : tensor<32x16xf32>, tensor<16x16xf32>) -> tensor<32x16xf32>, tensor<16x16xf32>
  return
}

// -----

// ra.fold_weights (C3): a bias of another extent.
func.func @f(%wq: tensor<32x16xf32>, %wk: tensor<16x16xf32>, %bk: tensor<32xf32>) {
  // expected-error @below {{'ra.fold_weights' op (C3) the key bias is 'tensor<32xf32>'; expects 16 of 'f32'}}
  %0:4 = ra.fold_weights {num_heads = 4, num_kv_heads = 2, rank = array<i64: 2>} ins(%wq, %wk : tensor<32x16xf32>, tensor<16x16xf32>) key_bias(%bk : tensor<32xf32>) -> tensor<32x16xf32>, tensor<16x16xf32> bias tensor<32xf32>, tensor<16xf32>
  return
}

// -----

// ra.fold_weights (C3): a bias of another element type.
func.func @f(%wq: tensor<32x16xf32>, %wk: tensor<16x16xf32>, %bq: tensor<32xf16>) {
  // expected-error @below {{'ra.fold_weights' op (C3) the query bias is 'tensor<32xf16>'; expects 32 of 'f32'}}
  %0:4 = ra.fold_weights {num_heads = 4, num_kv_heads = 2, rank = array<i64: 2>} ins(%wq, %wk : tensor<32x16xf32>, tensor<16x16xf32>) query_bias(%bq : tensor<32xf16>) -> tensor<32x16xf32>, tensor<16x16xf32> bias tensor<32xf32>, tensor<16xf32>
  return
}

// -----

// ra.fold_weights (C4): neither rank nor rec_dims.
func.func @f(%wq: tensor<32x16xf32>, %wk: tensor<16x16xf32>) {
  // expected-error @below {{'ra.fold_weights' op (C10) needs `rank` or `rec_dims`}}
  %0:2 = ra.fold_weights {num_heads = 4, num_kv_heads = 2} ins(%wq, %wk : tensor<32x16xf32>, tensor<16x16xf32>) -> tensor<32x16xf32>, tensor<16x16xf32>
  return
}

// -----

// ra.fold_weights (C4): a dim out of range.
func.func @f(%wq: tensor<32x16xf32>, %wk: tensor<16x16xf32>) {
  // expected-error @below {{'ra.fold_weights' op (C11) rec_dims entry 8 is not in [0, D) for D = 8}}
  %0:2 = ra.fold_weights {num_heads = 4, num_kv_heads = 2, rec_dims = array<i64: 8>} ins(%wq, %wk : tensor<32x16xf32>, tensor<16x16xf32>) -> tensor<32x16xf32>, tensor<16x16xf32>
  return
}

// -----

// ra.fold_weights (C4): gates for some heads.
func.func @f(%wq: tensor<32x16xf32>, %wk: tensor<16x16xf32>, %w_std: tensor<2xf32>) {
  // expected-error @below {{'ra.fold_weights' op (C12) w_std has shape 2; expects 1 or one number per head (4)}}
  %0:2 = ra.fold_weights {num_heads = 4, num_kv_heads = 2, rank = array<i64: 2>} ins(%wq, %wk : tensor<32x16xf32>, tensor<16x16xf32>) w_std(%w_std : tensor<2xf32>) -> tensor<32x16xf32>, tensor<16x16xf32>
  return
}

// -----

// ra.fold_weights (C4): a projection of another rank.
func.func @f(%wq: tensor<32x16xf32>, %wk: tensor<16x16xf32>, %projection: tensor<8x3xf32>) {
  // expected-error @below {{'ra.fold_weights' op (C13) rank 2 differs from the projection's R = 3}}
  %0:2 = ra.fold_weights {num_heads = 4, num_kv_heads = 2, rank = array<i64: 2>} ins(%wq, %wk : tensor<32x16xf32>, tensor<16x16xf32>) projection(%projection : tensor<8x3xf32>) -> tensor<32x16xf32>, tensor<16x16xf32>
  return
}

// -----

// ra.fold_weights (C4): a basis that is not square.
func.func @f(%wq: tensor<32x16xf32>, %wk: tensor<16x16xf32>, %ba: tensor<8x8xf32>, %bb: tensor<8x4xf32>) {
  // expected-error @below {{'ra.fold_weights' op (C14) the key basis has shape 8x4; expects D x D or H x D x D with D = 8, H = 2}}
  %0:2 = ra.fold_weights {num_heads = 4, num_kv_heads = 2, rank = array<i64: 2>} ins(%wq, %wk : tensor<32x16xf32>, tensor<16x16xf32>) basis(%ba, %bb : tensor<8x8xf32>, tensor<8x4xf32>) -> tensor<32x16xf32>, tensor<16x16xf32>
  return
}

// -----

// ra.fold_weights (C4): a projection of another element type.
func.func @f(%wq: tensor<32x16xf32>, %wk: tensor<16x16xf32>, %projection: tensor<8x2xbf16>) {
  // expected-error @below {{'ra.fold_weights' op (C15) the projection is of 'bf16'; expects 'f32'}}
  %0:2 = ra.fold_weights {num_heads = 4, num_kv_heads = 2, rank = array<i64: 2>} ins(%wq, %wk : tensor<32x16xf32>, tensor<16x16xf32>) projection(%projection : tensor<8x2xbf16>) -> tensor<32x16xf32>, tensor<16x16xf32>
  return
}

// -----

// ra.fold_weights (C5): mean over heads whose ranks differ.
func.func @f(%wq: tensor<32x16xf32>, %wk: tensor<16x16xf32>) {
  // expected-error @below {{'ra.fold_weights' op (C5) heads 2 and 3 have ranks 2 and 0; `mean` needs them equal within a group}}
  %0:2 = ra.fold_weights {num_heads = 4, num_kv_heads = 2, rank = array<i64: 0, 0, 2, 0>} ins(%wq, %wk : tensor<32x16xf32>, tensor<16x16xf32>) -> tensor<32x16xf32>, tensor<16x16xf32>
  return
}

// -----

// ra.fold_weights (C5): slots of two sizes.
func.func @f(%wq: tensor<32x16xf32>, %wk: tensor<16x16xf32>) {
  // expected-error @below {{'ra.fold_weights' op (C5) heads 0 and 2 have ranks 2 and 0; `slots` needs them equal}}
  %0:2 = ra.fold_weights {gqa = #ra.gqa<slots>, num_heads = 4, num_kv_heads = 2, rank = array<i64: 2, 2, 0, 0>} ins(%wq, %wk : tensor<32x16xf32>, tensor<16x16xf32>) -> tensor<40x16xf32>, tensor<20x16xf32>
  return
}

// -----

// ra.fold_weights (C6): rows of the folded query.
func.func @f(%wq: tensor<32x16xf32>, %wk: tensor<16x16xf32>) {
  // expected-error @below {{'ra.fold_weights' op (C6) the folded query weight is 'tensor<32x16xf32>'; expects 40x16 of 'f32'}}
  %0:2 = ra.fold_weights {gqa = #ra.gqa<slots>, num_heads = 4, num_kv_heads = 2, rank = array<i64: 2>} ins(%wq, %wk : tensor<32x16xf32>, tensor<16x16xf32>) -> tensor<32x16xf32>, tensor<16x16xf32>
  return
}

// -----

// ra.fold_weights (C6): element type of the folded key.
func.func @f(%wq: tensor<32x16xf32>, %wk: tensor<16x16xf32>) {
  // expected-error @below {{'ra.fold_weights' op (C6) the folded key weight is 'tensor<16x16xf16>'; expects 16x16 of 'f32'}}
  %0:2 = ra.fold_weights {num_heads = 4, num_kv_heads = 2, rank = array<i64: 2>} ins(%wq, %wk : tensor<32x16xf32>, tensor<16x16xf32>) -> tensor<32x16xf32>, tensor<16x16xf16>
  return
}

// -----

// ra.fold_weights (C6): a bias that no input has.
func.func @f(%wq: tensor<32x16xf32>, %wk: tensor<16x16xf32>) {
  // expected-error @below {{'ra.fold_weights' op (C6) has folded biases exactly when it has an input bias}}
  %0:4 = ra.fold_weights {num_heads = 4, num_kv_heads = 2, rank = array<i64: 2>} ins(%wq, %wk : tensor<32x16xf32>, tensor<16x16xf32>) -> tensor<32x16xf32>, tensor<16x16xf32> bias tensor<32xf32>, tensor<16xf32>
  return
}

// -----

// ra.fold_weights (C6): one bias in, none out.
func.func @f(%wq: tensor<32x16xf32>, %wk: tensor<16x16xf32>, %bk: tensor<16xf32>) {
  // expected-error @below {{'ra.fold_weights' op (C6) has folded biases exactly when it has an input bias}}
  %0:2 = ra.fold_weights {num_heads = 4, num_kv_heads = 2, rank = array<i64: 2>} ins(%wq, %wk : tensor<32x16xf32>, tensor<16x16xf32>) key_bias(%bk : tensor<16xf32>) -> tensor<32x16xf32>, tensor<16x16xf32>
  return
}

// -----

// ra.fold_weights (C6): a folded bias of another extent.
func.func @f(%wq: tensor<32x16xf32>, %wk: tensor<16x16xf32>, %bk: tensor<16xf32>) {
  // expected-error @below {{'ra.fold_weights' op (C6) a folded bias is 'tensor<32xf32>'; expects 16 of 'f32'}}
  %0:4 = ra.fold_weights {num_heads = 4, num_kv_heads = 2, rank = array<i64: 2>} ins(%wq, %wk : tensor<32x16xf32>, tensor<16x16xf32>) key_bias(%bk : tensor<16xf32>) -> tensor<32x16xf32>, tensor<16x16xf32> bias tensor<32xf32>, tensor<32xf32>
  return
}

// -----

// #ra.mask: a window without a size.
// expected-error @below {{a window mask needs a positive size, as in #ra.mask<window(256)>}}
func.func private @f() attributes {a = #ra.mask<window>}

// -----

// #ra.mask: a window of negative size.
// expected-error @below {{a window mask needs a positive size, as in #ra.mask<window(256)>}}
func.func private @f() attributes {a = #ra.mask<window(-4)>}

// -----

// #ra.mask: a size that has no meaning.
// expected-error @below {{only a window mask has a size}}
func.func private @f() attributes {a = #ra.mask<causal(4)>}

// -----

// #ra.mask: an alignment that has no meaning.
// expected-error @below {{a mask that hides nothing has no alignment}}
func.func private @f() attributes {a = #ra.mask<none, bottom_right>}

// -----

// ra.parameter on an operation.
// expected-error @below {{'func.func' op 'ra.parameter' marks a function argument, not an operation}}
func.func private @f() attributes {ra.parameter}

// -----

// ra.parameter with a value.
// expected-error @below {{'func.func' op argument 1: 'ra.parameter' is a unit attribute and takes no value}}
func.func private @f(tensor<1xf32>, tensor<1xf32> {ra.parameter = true})
