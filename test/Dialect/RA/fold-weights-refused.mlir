// RUN: ra-opt %s --split-input-file --ra-fold-weights \
// RUN:   --remarks-filter-missed=ra-fold-weights 2>&1 >/dev/null \
// RUN: | FileCheck %s --check-prefix=REMARK
// RUN: ra-opt %s --split-input-file --ra-fold-weights 2>/dev/null | FileCheck %s

// Each rule of the fold refuses by name and says what would be legal. Whatever
// is refused keeps its op.

// CHECK-COUNT-17: ra.reciprocal_attention
// CHECK-NOT: ra.fold_weights

// same-source: query and key project two latents.
#bthd = affine_map<(b, h, t, d) -> (b, t, h, d)>
#bhtd = affine_map<(b, h, t, d) -> (b, h, t, d)>

func.func @same_source(%x: tensor<1x16x8xf32>, %w: tensor<16x8xf32>, %u: tensor<16x8xf32>, %z: tensor<1x16x8xf32>,
    %o: tensor<1x2x16x8xf32>) -> tensor<1x2x16x8xf32> {
  %eq = tensor.empty() : tensor<1x16x16xf32>
  %qp = ra.linear ins(%x, %w : tensor<1x16x8xf32>, tensor<16x8xf32>)
      outs(%eq : tensor<1x16x16xf32>) -> tensor<1x16x16xf32>
  %ek = tensor.empty() : tensor<1x16x16xf32>
  %kp = ra.linear ins(%z, %u : tensor<1x16x8xf32>, tensor<16x8xf32>)
      outs(%ek : tensor<1x16x16xf32>) -> tensor<1x16x16xf32>
  %q = tensor.expand_shape %qp [[0], [1], [2, 3]] output_shape [1, 16, 2, 8]
      : tensor<1x16x16xf32> into tensor<1x16x2x8xf32>
  %k = tensor.expand_shape %kp [[0], [1], [2, 3]] output_shape [1, 16, 2, 8]
      : tensor<1x16x16xf32> into tensor<1x16x2x8xf32>
  // REMARK: [[@LINE+1]]:8: remark: [Missed] same-source {{.*}}the same value
  %0 = ra.reciprocal_attention {rank = array<i64: 2>, indexing_maps = [#bthd, #bthd, #bthd, #bhtd]}
      ins(%q, %k, %k : tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>)
      outs(%o : tensor<1x2x16x8xf32>) -> tensor<1x2x16x8xf32>
  return %0 : tensor<1x2x16x8xf32>
}

// -----

// affine: no projection at all.
#bthd = affine_map<(b, h, t, d) -> (b, t, h, d)>
#bhtd = affine_map<(b, h, t, d) -> (b, h, t, d)>

func.func @no_projection(%x: tensor<1x16x8xf32>, %w: tensor<16x8xf32>, %u: tensor<16x8xf32>, %q: tensor<1x16x2x8xf32>, %k: tensor<1x16x2x8xf32>,
    %o: tensor<1x2x16x8xf32>) -> tensor<1x2x16x8xf32> {
  // REMARK: [[@LINE+1]]:8: remark: [Missed] affine {{.*}}Reason="query: an argument, where a projection (ra.linear) should be
  %0 = ra.reciprocal_attention {rank = array<i64: 2>, indexing_maps = [#bthd, #bthd, #bthd, #bhtd]}
      ins(%q, %k, %k : tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>)
      outs(%o : tensor<1x2x16x8xf32>) -> tensor<1x2x16x8xf32>
  return %0 : tensor<1x2x16x8xf32>
}

// -----

// affine: a nonlinearity between projection and score.
#bthd = affine_map<(b, h, t, d) -> (b, t, h, d)>
#bhtd = affine_map<(b, h, t, d) -> (b, h, t, d)>

func.func @activation(%x: tensor<1x16x8xf32>, %w: tensor<16x8xf32>, %u: tensor<16x8xf32>,
    %o: tensor<1x2x16x8xf32>) -> tensor<1x2x16x8xf32> {
  %eq = tensor.empty() : tensor<1x16x16xf32>
  %qp = ra.linear ins(%x, %w : tensor<1x16x8xf32>, tensor<16x8xf32>)
      outs(%eq : tensor<1x16x16xf32>) -> tensor<1x16x16xf32>
  %ek = tensor.empty() : tensor<1x16x16xf32>
  %kp = ra.linear ins(%x, %u : tensor<1x16x8xf32>, tensor<16x8xf32>)
      outs(%ek : tensor<1x16x16xf32>) -> tensor<1x16x16xf32>
  %qa = linalg.generic {indexing_maps = [affine_map<(a, b, c) -> (a, b, c)>, affine_map<(a, b, c) -> (a, b, c)>],
      iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%qp : tensor<1x16x16xf32>) outs(%eq : tensor<1x16x16xf32>) {
  ^bb0(%i: f32, %j: f32):
    %t = math.tanh %i : f32
    linalg.yield %t : f32
  } -> tensor<1x16x16xf32>
  %q = tensor.expand_shape %qa [[0], [1], [2, 3]] output_shape [1, 16, 2, 8]
      : tensor<1x16x16xf32> into tensor<1x16x2x8xf32>
  %k = tensor.expand_shape %kp [[0], [1], [2, 3]] output_shape [1, 16, 2, 8]
      : tensor<1x16x16xf32> into tensor<1x16x2x8xf32>
  // REMARK: [[@LINE+1]]:8: remark: [Missed] affine {{.*}}query: 'linalg.generic'
  %0 = ra.reciprocal_attention {rank = array<i64: 2>, indexing_maps = [#bthd, #bthd, #bthd, #bhtd]}
      ins(%q, %k, %k : tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>)
      outs(%o : tensor<1x2x16x8xf32>) -> tensor<1x2x16x8xf32>
  return %0 : tensor<1x2x16x8xf32>
}

// -----

// affine: query and key cover different rows of the source.
#bthd = affine_map<(b, h, t, d) -> (b, t, h, d)>
#bhtd = affine_map<(b, h, t, d) -> (b, h, t, d)>

func.func @part_of_sequence(%x: tensor<1x16x8xf32>, %w: tensor<16x8xf32>, %u: tensor<16x8xf32>,
    %o: tensor<1x2x16x8xf32>) -> tensor<1x2x16x8xf32> {
  %eq = tensor.empty() : tensor<1x16x16xf32>
  %qp = ra.linear ins(%x, %w : tensor<1x16x8xf32>, tensor<16x8xf32>)
      outs(%eq : tensor<1x16x16xf32>) -> tensor<1x16x16xf32>
  %ek = tensor.empty() : tensor<1x16x16xf32>
  %kp = ra.linear ins(%x, %u : tensor<1x16x8xf32>, tensor<16x8xf32>)
      outs(%ek : tensor<1x16x16xf32>) -> tensor<1x16x16xf32>
  %q = tensor.expand_shape %qp [[0], [1], [2, 3]] output_shape [1, 16, 2, 8]
      : tensor<1x16x16xf32> into tensor<1x16x2x8xf32>
  %kt = linalg.transpose ins(%kp : tensor<1x16x16xf32>) outs(%ek : tensor<1x16x16xf32>) permutation = [0, 2, 1]
  %k = tensor.expand_shape %kt [[0], [1], [2, 3]] output_shape [1, 16, 2, 8]
      : tensor<1x16x16xf32> into tensor<1x16x2x8xf32>
  // REMARK: [[@LINE+1]]:8: remark: [Missed] affine {{.*}}key: a layout
  %0 = ra.reciprocal_attention {rank = array<i64: 2>, indexing_maps = [#bthd, #bthd, #bthd, #bhtd]}
      ins(%q, %k, %k : tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>)
      outs(%o : tensor<1x2x16x8xf32>) -> tensor<1x2x16x8xf32>
  return %0 : tensor<1x2x16x8xf32>
}

// -----

// rotary: the last two dims are halves of two pairs; {3, 7} is a whole one.
#bthd = affine_map<(b, h, t, d) -> (b, t, h, d)>
#bhtd = affine_map<(b, h, t, d) -> (b, h, t, d)>

func.func @rope_half_last_dims(%x: tensor<1x16x8xf32>, %w: tensor<16x8xf32>, %u: tensor<16x8xf32>, %c: tensor<16x4xf32>, %s: tensor<16x4xf32>, %c2: tensor<16x4xf32>,
    %o: tensor<1x2x16x8xf32>) -> tensor<1x2x16x8xf32> {
  %eq = tensor.empty() : tensor<1x16x16xf32>
  %qp = ra.linear ins(%x, %w : tensor<1x16x8xf32>, tensor<16x8xf32>)
      outs(%eq : tensor<1x16x16xf32>) -> tensor<1x16x16xf32>
  %ek = tensor.empty() : tensor<1x16x16xf32>
  %kp = ra.linear ins(%x, %u : tensor<1x16x8xf32>, tensor<16x8xf32>)
      outs(%ek : tensor<1x16x16xf32>) -> tensor<1x16x16xf32>
  %q = tensor.expand_shape %qp [[0], [1], [2, 3]] output_shape [1, 16, 2, 8]
      : tensor<1x16x16xf32> into tensor<1x16x2x8xf32>
  %k = tensor.expand_shape %kp [[0], [1], [2, 3]] output_shape [1, 16, 2, 8]
      : tensor<1x16x16xf32> into tensor<1x16x2x8xf32>
  %qr = ra.rope {style = #ra.rope_style<half>, indexing_maps = [#bthd, #bthd]}
      ins(%q, %c, %s : tensor<1x16x2x8xf32>, tensor<16x4xf32>, tensor<16x4xf32>)
      outs(%q : tensor<1x16x2x8xf32>) -> tensor<1x16x2x8xf32>
  %kr = ra.rope {style = #ra.rope_style<half>, indexing_maps = [#bthd, #bthd]}
      ins(%k, %c, %s : tensor<1x16x2x8xf32>, tensor<16x4xf32>, tensor<16x4xf32>)
      outs(%k : tensor<1x16x2x8xf32>) -> tensor<1x16x2x8xf32>
  // REMARK: [[@LINE+1]]:8: remark: [Missed] rotary {{.*}}splits rotation pairs{{.*}}rec_dims = {3, 7}
  %0 = ra.reciprocal_attention {rank = array<i64: 2>, indexing_maps = [#bthd, #bthd, #bthd, #bhtd]}
      ins(%qr, %kr, %kr : tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>)
      outs(%o : tensor<1x2x16x8xf32>) -> tensor<1x2x16x8xf32>
  return %0 : tensor<1x2x16x8xf32>
}

// -----

// rotary: dims 1 and 2 belong to two pairs.
#bthd = affine_map<(b, h, t, d) -> (b, t, h, d)>
#bhtd = affine_map<(b, h, t, d) -> (b, h, t, d)>

func.func @rope_interleaved_odd(%x: tensor<1x16x8xf32>, %w: tensor<16x8xf32>, %u: tensor<16x8xf32>, %c: tensor<16x4xf32>, %s: tensor<16x4xf32>, %c2: tensor<16x4xf32>,
    %o: tensor<1x2x16x8xf32>) -> tensor<1x2x16x8xf32> {
  %eq = tensor.empty() : tensor<1x16x16xf32>
  %qp = ra.linear ins(%x, %w : tensor<1x16x8xf32>, tensor<16x8xf32>)
      outs(%eq : tensor<1x16x16xf32>) -> tensor<1x16x16xf32>
  %ek = tensor.empty() : tensor<1x16x16xf32>
  %kp = ra.linear ins(%x, %u : tensor<1x16x8xf32>, tensor<16x8xf32>)
      outs(%ek : tensor<1x16x16xf32>) -> tensor<1x16x16xf32>
  %q = tensor.expand_shape %qp [[0], [1], [2, 3]] output_shape [1, 16, 2, 8]
      : tensor<1x16x16xf32> into tensor<1x16x2x8xf32>
  %k = tensor.expand_shape %kp [[0], [1], [2, 3]] output_shape [1, 16, 2, 8]
      : tensor<1x16x16xf32> into tensor<1x16x2x8xf32>
  %qr = ra.rope {style = #ra.rope_style<interleaved>, indexing_maps = [#bthd, #bthd]}
      ins(%q, %c, %s : tensor<1x16x2x8xf32>, tensor<16x4xf32>, tensor<16x4xf32>)
      outs(%q : tensor<1x16x2x8xf32>) -> tensor<1x16x2x8xf32>
  %kr = ra.rope {style = #ra.rope_style<interleaved>, indexing_maps = [#bthd, #bthd]}
      ins(%k, %c, %s : tensor<1x16x2x8xf32>, tensor<16x4xf32>, tensor<16x4xf32>)
      outs(%k : tensor<1x16x2x8xf32>) -> tensor<1x16x2x8xf32>
  // REMARK: [[@LINE+1]]:8: remark: [Missed] rotary {{.*}}Suggestion
  %0 = ra.reciprocal_attention {rec_dims = array<i64: 1, 2>, indexing_maps = [#bthd, #bthd, #bthd, #bhtd]}
      ins(%qr, %kr, %kr : tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>)
      outs(%o : tensor<1x2x16x8xf32>) -> tensor<1x2x16x8xf32>
  return %0 : tensor<1x2x16x8xf32>
}

// -----

// rotary: only the query is turned.
#bthd = affine_map<(b, h, t, d) -> (b, t, h, d)>
#bhtd = affine_map<(b, h, t, d) -> (b, h, t, d)>

func.func @rope_one_side(%x: tensor<1x16x8xf32>, %w: tensor<16x8xf32>, %u: tensor<16x8xf32>, %c: tensor<16x4xf32>, %s: tensor<16x4xf32>, %c2: tensor<16x4xf32>,
    %o: tensor<1x2x16x8xf32>) -> tensor<1x2x16x8xf32> {
  %eq = tensor.empty() : tensor<1x16x16xf32>
  %qp = ra.linear ins(%x, %w : tensor<1x16x8xf32>, tensor<16x8xf32>)
      outs(%eq : tensor<1x16x16xf32>) -> tensor<1x16x16xf32>
  %ek = tensor.empty() : tensor<1x16x16xf32>
  %kp = ra.linear ins(%x, %u : tensor<1x16x8xf32>, tensor<16x8xf32>)
      outs(%ek : tensor<1x16x16xf32>) -> tensor<1x16x16xf32>
  %q = tensor.expand_shape %qp [[0], [1], [2, 3]] output_shape [1, 16, 2, 8]
      : tensor<1x16x16xf32> into tensor<1x16x2x8xf32>
  %k = tensor.expand_shape %kp [[0], [1], [2, 3]] output_shape [1, 16, 2, 8]
      : tensor<1x16x16xf32> into tensor<1x16x2x8xf32>
  %qr = ra.rope {style = #ra.rope_style<half>, indexing_maps = [#bthd, #bthd]}
      ins(%q, %c, %s : tensor<1x16x2x8xf32>, tensor<16x4xf32>, tensor<16x4xf32>)
      outs(%q : tensor<1x16x2x8xf32>) -> tensor<1x16x2x8xf32>
  // REMARK: [[@LINE+1]]:8: remark: [Missed] rotary {{.*}}Suggestion
  %0 = ra.reciprocal_attention {rec_dims = array<i64: 3, 7>, indexing_maps = [#bthd, #bthd, #bthd, #bhtd]}
      ins(%qr, %k, %k : tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>)
      outs(%o : tensor<1x2x16x8xf32>) -> tensor<1x2x16x8xf32>
  return %0 : tensor<1x2x16x8xf32>
}

// -----

// rotary: different tables.
#bthd = affine_map<(b, h, t, d) -> (b, t, h, d)>
#bhtd = affine_map<(b, h, t, d) -> (b, h, t, d)>

func.func @rope_other_tables(%x: tensor<1x16x8xf32>, %w: tensor<16x8xf32>, %u: tensor<16x8xf32>, %c: tensor<16x4xf32>, %s: tensor<16x4xf32>, %c2: tensor<16x4xf32>,
    %o: tensor<1x2x16x8xf32>) -> tensor<1x2x16x8xf32> {
  %eq = tensor.empty() : tensor<1x16x16xf32>
  %qp = ra.linear ins(%x, %w : tensor<1x16x8xf32>, tensor<16x8xf32>)
      outs(%eq : tensor<1x16x16xf32>) -> tensor<1x16x16xf32>
  %ek = tensor.empty() : tensor<1x16x16xf32>
  %kp = ra.linear ins(%x, %u : tensor<1x16x8xf32>, tensor<16x8xf32>)
      outs(%ek : tensor<1x16x16xf32>) -> tensor<1x16x16xf32>
  %q = tensor.expand_shape %qp [[0], [1], [2, 3]] output_shape [1, 16, 2, 8]
      : tensor<1x16x16xf32> into tensor<1x16x2x8xf32>
  %k = tensor.expand_shape %kp [[0], [1], [2, 3]] output_shape [1, 16, 2, 8]
      : tensor<1x16x16xf32> into tensor<1x16x2x8xf32>
  %qr = ra.rope {style = #ra.rope_style<half>, indexing_maps = [#bthd, #bthd]}
      ins(%q, %c, %s : tensor<1x16x2x8xf32>, tensor<16x4xf32>, tensor<16x4xf32>)
      outs(%q : tensor<1x16x2x8xf32>) -> tensor<1x16x2x8xf32>
  %kr = ra.rope {style = #ra.rope_style<half>, indexing_maps = [#bthd, #bthd]}
      ins(%k, %c2, %s : tensor<1x16x2x8xf32>, tensor<16x4xf32>, tensor<16x4xf32>)
      outs(%k : tensor<1x16x2x8xf32>) -> tensor<1x16x2x8xf32>
  // REMARK: [[@LINE+1]]:8: remark: [Missed] rotary {{.*}}Suggestion
  %0 = ra.reciprocal_attention {rec_dims = array<i64: 3, 7>, indexing_maps = [#bthd, #bthd, #bthd, #bhtd]}
      ins(%qr, %kr, %kr : tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>)
      outs(%o : tensor<1x2x16x8xf32>) -> tensor<1x2x16x8xf32>
  return %0 : tensor<1x2x16x8xf32>
}

// -----

// rotary: a projection does not commute with rotation.
#bthd = affine_map<(b, h, t, d) -> (b, t, h, d)>
#bhtd = affine_map<(b, h, t, d) -> (b, h, t, d)>

func.func @rope_projection(%x: tensor<1x16x8xf32>, %w: tensor<16x8xf32>, %u: tensor<16x8xf32>, %c: tensor<16x4xf32>, %s: tensor<16x4xf32>, %c2: tensor<16x4xf32>, %p: tensor<8x2xf32>,
    %o: tensor<1x2x16x8xf32>) -> tensor<1x2x16x8xf32> {
  %eq = tensor.empty() : tensor<1x16x16xf32>
  %qp = ra.linear ins(%x, %w : tensor<1x16x8xf32>, tensor<16x8xf32>)
      outs(%eq : tensor<1x16x16xf32>) -> tensor<1x16x16xf32>
  %ek = tensor.empty() : tensor<1x16x16xf32>
  %kp = ra.linear ins(%x, %u : tensor<1x16x8xf32>, tensor<16x8xf32>)
      outs(%ek : tensor<1x16x16xf32>) -> tensor<1x16x16xf32>
  %q = tensor.expand_shape %qp [[0], [1], [2, 3]] output_shape [1, 16, 2, 8]
      : tensor<1x16x16xf32> into tensor<1x16x2x8xf32>
  %k = tensor.expand_shape %kp [[0], [1], [2, 3]] output_shape [1, 16, 2, 8]
      : tensor<1x16x16xf32> into tensor<1x16x2x8xf32>
  %qr = ra.rope {style = #ra.rope_style<half>, indexing_maps = [#bthd, #bthd]}
      ins(%q, %c, %s : tensor<1x16x2x8xf32>, tensor<16x4xf32>, tensor<16x4xf32>)
      outs(%q : tensor<1x16x2x8xf32>) -> tensor<1x16x2x8xf32>
  %kr = ra.rope {style = #ra.rope_style<half>, indexing_maps = [#bthd, #bthd]}
      ins(%k, %c, %s : tensor<1x16x2x8xf32>, tensor<16x4xf32>, tensor<16x4xf32>)
      outs(%k : tensor<1x16x2x8xf32>) -> tensor<1x16x2x8xf32>
  // REMARK: [[@LINE+1]]:8: remark: [Missed] rotary {{.*}}Suggestion
  %0 = ra.reciprocal_attention {rank = array<i64: 2>, indexing_maps = [#bthd, #bthd, #bthd, #bhtd]}
      ins(%qr, %kr, %kr : tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>)
      projection(%p : tensor<8x2xf32>)
      outs(%o : tensor<1x2x16x8xf32>) -> tensor<1x2x16x8xf32>
  return %0 : tensor<1x2x16x8xf32>
}

// -----

// norm: an RMS norm of the query.
#bthd = affine_map<(b, h, t, d) -> (b, t, h, d)>
#bhtd = affine_map<(b, h, t, d) -> (b, h, t, d)>

func.func @qk_norm(%x: tensor<1x16x8xf32>, %w: tensor<16x8xf32>, %u: tensor<16x8xf32>,
    %o: tensor<1x2x16x8xf32>) -> tensor<1x2x16x8xf32> {
  %eq = tensor.empty() : tensor<1x16x16xf32>
  %qp = ra.linear ins(%x, %w : tensor<1x16x8xf32>, tensor<16x8xf32>)
      outs(%eq : tensor<1x16x16xf32>) -> tensor<1x16x16xf32>
  %ek = tensor.empty() : tensor<1x16x16xf32>
  %kp = ra.linear ins(%x, %u : tensor<1x16x8xf32>, tensor<16x8xf32>)
      outs(%ek : tensor<1x16x16xf32>) -> tensor<1x16x16xf32>
  %q = tensor.expand_shape %qp [[0], [1], [2, 3]] output_shape [1, 16, 2, 8]
      : tensor<1x16x16xf32> into tensor<1x16x2x8xf32>
  %k = tensor.expand_shape %kp [[0], [1], [2, 3]] output_shape [1, 16, 2, 8]
      : tensor<1x16x16xf32> into tensor<1x16x2x8xf32>
  %one = arith.constant 1.0 : f32
  %zero = arith.constant 0.0 : f32
  %en = tensor.empty() : tensor<1x16x2xf32>
  %fn = linalg.fill ins(%zero : f32) outs(%en : tensor<1x16x2xf32>) -> tensor<1x16x2xf32>
  %sq = linalg.generic {indexing_maps = [affine_map<(b, t, h, d) -> (b, t, h, d)>, affine_map<(b, t, h, d) -> (b, t, h)>],
      iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
      ins(%q : tensor<1x16x2x8xf32>) outs(%fn : tensor<1x16x2xf32>) {
  ^bb0(%i: f32, %j: f32):
    %m = arith.mulf %i, %i : f32
    %a = arith.addf %m, %j : f32
    linalg.yield %a : f32
  } -> tensor<1x16x2xf32>
  %qn = linalg.generic {indexing_maps = [affine_map<(b, t, h, d) -> (b, t, h, d)>, affine_map<(b, t, h, d) -> (b, t, h)>, affine_map<(b, t, h, d) -> (b, t, h, d)>],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%q, %sq : tensor<1x16x2x8xf32>, tensor<1x16x2xf32>) outs(%q : tensor<1x16x2x8xf32>) {
  ^bb0(%i: f32, %j: f32, %k0: f32):
    %r = math.rsqrt %j : f32
    %m = arith.mulf %i, %r : f32
    linalg.yield %m : f32
  } -> tensor<1x16x2x8xf32>
  // REMARK: [[@LINE+1]]:8: remark: [Missed] norm {{.*}}on the query
  %0 = ra.reciprocal_attention {rank = array<i64: 2>, indexing_maps = [#bthd, #bthd, #bthd, #bhtd]}
      ins(%qn, %k, %k : tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>)
      outs(%o : tensor<1x2x16x8xf32>) -> tensor<1x2x16x8xf32>
  return %0 : tensor<1x2x16x8xf32>
}

// -----

// clamp: different bounds.
#bthd = affine_map<(b, h, t, d) -> (b, t, h, d)>
#bhtd = affine_map<(b, h, t, d) -> (b, h, t, d)>

func.func @clamp_bounds(%x: tensor<1x16x8xf32>, %w: tensor<16x8xf32>, %u: tensor<16x8xf32>,
    %o: tensor<1x2x16x8xf32>) -> tensor<1x2x16x8xf32> {
  %one = arith.constant dense<1.0> : tensor<1xf32>
  %eq = tensor.empty() : tensor<1x16x16xf32>
  %qp = ra.linear ins(%x, %w : tensor<1x16x8xf32>, tensor<16x8xf32>)
      outs(%eq : tensor<1x16x16xf32>) -> tensor<1x16x16xf32>
  %ek = tensor.empty() : tensor<1x16x16xf32>
  %kp = ra.linear ins(%x, %u : tensor<1x16x8xf32>, tensor<16x8xf32>)
      outs(%ek : tensor<1x16x16xf32>) -> tensor<1x16x16xf32>
  %lo0 = arith.constant -1.0 : f32
  %hi0 = arith.constant 1.0 : f32
  %qc = linalg.generic {indexing_maps = [affine_map<(a, b, c) -> (a, b, c)>, affine_map<(a, b, c) -> (a, b, c)>],
      iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%qp : tensor<1x16x16xf32>) outs(%eq : tensor<1x16x16xf32>) {
  ^bb0(%i: f32, %j: f32):
    %l = arith.maximumf %i, %lo0 : f32
    %h = arith.minimumf %l, %hi0 : f32
    linalg.yield %h : f32
  } -> tensor<1x16x16xf32>
  %lo1 = arith.constant -2.0 : f32
  %hi1 = arith.constant 1.0 : f32
  %kc = linalg.generic {indexing_maps = [affine_map<(a, b, c) -> (a, b, c)>, affine_map<(a, b, c) -> (a, b, c)>],
      iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%kp : tensor<1x16x16xf32>) outs(%eq : tensor<1x16x16xf32>) {
  ^bb0(%i: f32, %j: f32):
    %l = arith.maximumf %i, %lo1 : f32
    %h = arith.minimumf %l, %hi1 : f32
    linalg.yield %h : f32
  } -> tensor<1x16x16xf32>
  %q = tensor.expand_shape %qc [[0], [1], [2, 3]] output_shape [1, 16, 2, 8]
      : tensor<1x16x16xf32> into tensor<1x16x2x8xf32>
  %k = tensor.expand_shape %kc [[0], [1], [2, 3]] output_shape [1, 16, 2, 8]
      : tensor<1x16x16xf32> into tensor<1x16x2x8xf32>
  // REMARK: [[@LINE+1]]:8: remark: [Missed] clamp {{.*}}Suggestion="equal bounds
  %0 = ra.reciprocal_attention {rank = array<i64: 2>, indexing_maps = [#bthd, #bthd, #bthd, #bhtd]}
      ins(%q, %k, %k : tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>)
      w_std(%one : tensor<1xf32>) w_rec(%one : tensor<1xf32>)
      outs(%o : tensor<1x2x16x8xf32>) -> tensor<1x2x16x8xf32>
  return %0 : tensor<1x2x16x8xf32>
}

// -----

// clamp: equal bounds, but the default gates are not 1.
#bthd = affine_map<(b, h, t, d) -> (b, t, h, d)>
#bhtd = affine_map<(b, h, t, d) -> (b, h, t, d)>

func.func @clamp_gates(%x: tensor<1x16x8xf32>, %w: tensor<16x8xf32>, %u: tensor<16x8xf32>,
    %o: tensor<1x2x16x8xf32>) -> tensor<1x2x16x8xf32> {
  %eq = tensor.empty() : tensor<1x16x16xf32>
  %qp = ra.linear ins(%x, %w : tensor<1x16x8xf32>, tensor<16x8xf32>)
      outs(%eq : tensor<1x16x16xf32>) -> tensor<1x16x16xf32>
  %ek = tensor.empty() : tensor<1x16x16xf32>
  %kp = ra.linear ins(%x, %u : tensor<1x16x8xf32>, tensor<16x8xf32>)
      outs(%ek : tensor<1x16x16xf32>) -> tensor<1x16x16xf32>
  %lo0 = arith.constant -1.0 : f32
  %hi0 = arith.constant 1.0 : f32
  %qc = linalg.generic {indexing_maps = [affine_map<(a, b, c) -> (a, b, c)>, affine_map<(a, b, c) -> (a, b, c)>],
      iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%qp : tensor<1x16x16xf32>) outs(%eq : tensor<1x16x16xf32>) {
  ^bb0(%i: f32, %j: f32):
    %l = arith.maximumf %i, %lo0 : f32
    %h = arith.minimumf %l, %hi0 : f32
    linalg.yield %h : f32
  } -> tensor<1x16x16xf32>
  %lo1 = arith.constant -1.0 : f32
  %hi1 = arith.constant 1.0 : f32
  %kc = linalg.generic {indexing_maps = [affine_map<(a, b, c) -> (a, b, c)>, affine_map<(a, b, c) -> (a, b, c)>],
      iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%kp : tensor<1x16x16xf32>) outs(%eq : tensor<1x16x16xf32>) {
  ^bb0(%i: f32, %j: f32):
    %l = arith.maximumf %i, %lo1 : f32
    %h = arith.minimumf %l, %hi1 : f32
    linalg.yield %h : f32
  } -> tensor<1x16x16xf32>
  %q = tensor.expand_shape %qc [[0], [1], [2, 3]] output_shape [1, 16, 2, 8]
      : tensor<1x16x16xf32> into tensor<1x16x2x8xf32>
  %k = tensor.expand_shape %kc [[0], [1], [2, 3]] output_shape [1, 16, 2, 8]
      : tensor<1x16x16xf32> into tensor<1x16x2x8xf32>
  // REMARK: [[@LINE+1]]:8: remark: [Missed] clamp {{.*}}gates are not known to be 1
  %0 = ra.reciprocal_attention {rank = array<i64: 2>, indexing_maps = [#bthd, #bthd, #bthd, #bhtd]}
      ins(%q, %k, %k : tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>)
      outs(%o : tensor<1x2x16x8xf32>) -> tensor<1x2x16x8xf32>
  return %0 : tensor<1x2x16x8xf32>
}

// -----

// grouped: gates of one group that are not known to be equal.
#bthd = affine_map<(b, h, t, d) -> (b, t, h, d)>
#bhtd = affine_map<(b, h, t, d) -> (b, h, t, d)>

func.func @grouped_unknown_gates(%x: tensor<1x16x8xf32>, %w: tensor<16x8xf32>, %u: tensor<16x8xf32>, %v: tensor<8x8xf32>, %g: tensor<2xf32>,
    %o: tensor<1x2x16x8xf32>) -> tensor<1x2x16x8xf32> {
  %eq = tensor.empty() : tensor<1x16x16xf32>
  %qp = ra.linear ins(%x, %w : tensor<1x16x8xf32>, tensor<16x8xf32>)
      outs(%eq : tensor<1x16x16xf32>) -> tensor<1x16x16xf32>
  %ek = tensor.empty() : tensor<1x16x8xf32>
  %kp = ra.linear ins(%x, %v : tensor<1x16x8xf32>, tensor<8x8xf32>)
      outs(%ek : tensor<1x16x8xf32>) -> tensor<1x16x8xf32>
  %q = tensor.expand_shape %qp [[0], [1], [2, 3]] output_shape [1, 16, 2, 8]
      : tensor<1x16x16xf32> into tensor<1x16x2x8xf32>
  %k = tensor.expand_shape %kp [[0], [1], [2, 3]] output_shape [1, 16, 1, 8]
      : tensor<1x16x8xf32> into tensor<1x16x1x8xf32>
  // REMARK: [[@LINE+1]]:8: remark: [Missed] grouped {{.*}}gate_split = query
  %0 = ra.reciprocal_attention {rank = array<i64: 2>, indexing_maps = [#bthd, #bthd, #bthd, #bhtd]}
      ins(%q, %k, %k : tensor<1x16x2x8xf32>, tensor<1x16x1x8xf32>, tensor<1x16x1x8xf32>)
      w_std(%g : tensor<2xf32>)
      outs(%o : tensor<1x2x16x8xf32>) -> tensor<1x2x16x8xf32>
  return %0 : tensor<1x2x16x8xf32>
}

// -----

// grouped: heads of one group with different ranks.
#bthd = affine_map<(b, h, t, d) -> (b, t, h, d)>
#bhtd = affine_map<(b, h, t, d) -> (b, h, t, d)>

func.func @grouped_ranks(%x: tensor<1x16x8xf32>, %w: tensor<16x8xf32>, %u: tensor<16x8xf32>, %v: tensor<8x8xf32>,
    %o: tensor<1x2x16x8xf32>) -> tensor<1x2x16x8xf32> {
  %eq = tensor.empty() : tensor<1x16x16xf32>
  %qp = ra.linear ins(%x, %w : tensor<1x16x8xf32>, tensor<16x8xf32>)
      outs(%eq : tensor<1x16x16xf32>) -> tensor<1x16x16xf32>
  %ek = tensor.empty() : tensor<1x16x8xf32>
  %kp = ra.linear ins(%x, %v : tensor<1x16x8xf32>, tensor<8x8xf32>)
      outs(%ek : tensor<1x16x8xf32>) -> tensor<1x16x8xf32>
  %q = tensor.expand_shape %qp [[0], [1], [2, 3]] output_shape [1, 16, 2, 8]
      : tensor<1x16x16xf32> into tensor<1x16x2x8xf32>
  %k = tensor.expand_shape %kp [[0], [1], [2, 3]] output_shape [1, 16, 1, 8]
      : tensor<1x16x8xf32> into tensor<1x16x1x8xf32>
  // REMARK: [[@LINE+1]]:8: remark: [Missed] grouped {{.*}}share the rows of one key head
  %0 = ra.reciprocal_attention {rank = array<i64: 2, 0>, indexing_maps = [#bthd, #bthd, #bthd, #bhtd]}
      ins(%q, %k, %k : tensor<1x16x2x8xf32>, tensor<1x16x1x8xf32>, tensor<1x16x1x8xf32>)
      outs(%o : tensor<1x2x16x8xf32>) -> tensor<1x2x16x8xf32>
  return %0 : tensor<1x2x16x8xf32>
}

// -----

// scale: the query is multiplied by a constant.
#bthd = affine_map<(b, h, t, d) -> (b, t, h, d)>
#bhtd = affine_map<(b, h, t, d) -> (b, h, t, d)>

func.func @constant_factor(%x: tensor<1x16x8xf32>, %w: tensor<16x8xf32>, %u: tensor<16x8xf32>,
    %o: tensor<1x2x16x8xf32>) -> tensor<1x2x16x8xf32> {
  %eq = tensor.empty() : tensor<1x16x16xf32>
  %qp = ra.linear ins(%x, %w : tensor<1x16x8xf32>, tensor<16x8xf32>)
      outs(%eq : tensor<1x16x16xf32>) -> tensor<1x16x16xf32>
  %ek = tensor.empty() : tensor<1x16x16xf32>
  %kp = ra.linear ins(%x, %u : tensor<1x16x8xf32>, tensor<16x8xf32>)
      outs(%ek : tensor<1x16x16xf32>) -> tensor<1x16x16xf32>
  %half = arith.constant 0.5 : f32
  %qs = linalg.generic {indexing_maps = [affine_map<(a, b, c) -> (a, b, c)>, affine_map<(a, b, c) -> (a, b, c)>],
      iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%qp : tensor<1x16x16xf32>) outs(%eq : tensor<1x16x16xf32>) {
  ^bb0(%i: f32, %j: f32):
    %t = arith.mulf %i, %half : f32
    linalg.yield %t : f32
  } -> tensor<1x16x16xf32>
  %q = tensor.expand_shape %qs [[0], [1], [2, 3]] output_shape [1, 16, 2, 8]
      : tensor<1x16x16xf32> into tensor<1x16x2x8xf32>
  %k = tensor.expand_shape %kp [[0], [1], [2, 3]] output_shape [1, 16, 2, 8]
      : tensor<1x16x16xf32> into tensor<1x16x2x8xf32>
  // REMARK: [[@LINE+1]]:8: remark: [Missed] scale {{.*}}Suggestion
  %0 = ra.reciprocal_attention {rank = array<i64: 2>, indexing_maps = [#bthd, #bthd, #bthd, #bhtd]}
      ins(%q, %k, %k : tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>)
      outs(%o : tensor<1x2x16x8xf32>) -> tensor<1x2x16x8xf32>
  return %0 : tensor<1x2x16x8xf32>
}

// -----

// scale: an additive term that depends on the query.
#bthd = affine_map<(b, h, t, d) -> (b, t, h, d)>
#bhtd = affine_map<(b, h, t, d) -> (b, h, t, d)>

func.func @bias_of_query(%x: tensor<1x16x8xf32>, %w: tensor<16x8xf32>, %u: tensor<16x8xf32>,
    %o: tensor<1x2x16x8xf32>) -> tensor<1x2x16x8xf32> {
  %eq = tensor.empty() : tensor<1x16x16xf32>
  %qp = ra.linear ins(%x, %w : tensor<1x16x8xf32>, tensor<16x8xf32>)
      outs(%eq : tensor<1x16x16xf32>) -> tensor<1x16x16xf32>
  %ek = tensor.empty() : tensor<1x16x16xf32>
  %kp = ra.linear ins(%x, %u : tensor<1x16x8xf32>, tensor<16x8xf32>)
      outs(%ek : tensor<1x16x16xf32>) -> tensor<1x16x16xf32>
  %q = tensor.expand_shape %qp [[0], [1], [2, 3]] output_shape [1, 16, 2, 8]
      : tensor<1x16x16xf32> into tensor<1x16x2x8xf32>
  %k = tensor.expand_shape %kp [[0], [1], [2, 3]] output_shape [1, 16, 2, 8]
      : tensor<1x16x16xf32> into tensor<1x16x2x8xf32>
  %b = tensor.expand_shape %qp [[0, 1], [2], [3]] output_shape [1, 1, 16, 16] : tensor<1x16x16xf32> into tensor<1x1x16x16xf32>
  // REMARK: [[@LINE+1]]:8: remark: [Missed] scale {{.*}}Suggestion
  %0 = ra.reciprocal_attention {rank = array<i64: 2>, indexing_maps = [#bthd, #bthd, #bthd, #bhtd]}
      ins(%q, %k, %k : tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>)
      bias(%b : tensor<1x1x16x16xf32>)
      outs(%o : tensor<1x2x16x8xf32>) -> tensor<1x2x16x8xf32>
  return %0 : tensor<1x2x16x8xf32>
}

// -----

// quantised: per-tensor scales that differ.
#bthd = affine_map<(b, h, t, d) -> (b, t, h, d)>
#bhtd = affine_map<(b, h, t, d) -> (b, h, t, d)>

func.func @quantised(%x: tensor<1x16x8xf32>, %wi: tensor<16x8x!quant.uniform<i8:f32, 0.1>>,
    %ui: tensor<16x8x!quant.uniform<i8:f32, 0.2>>, %o: tensor<1x2x16x8xf32>) -> tensor<1x2x16x8xf32> {
  %w = quant.dcast %wi : tensor<16x8x!quant.uniform<i8:f32, 0.1>> to tensor<16x8xf32>
  %u = quant.dcast %ui : tensor<16x8x!quant.uniform<i8:f32, 0.2>> to tensor<16x8xf32>
  %eq = tensor.empty() : tensor<1x16x16xf32>
  %qp = ra.linear ins(%x, %w : tensor<1x16x8xf32>, tensor<16x8xf32>)
      outs(%eq : tensor<1x16x16xf32>) -> tensor<1x16x16xf32>
  %ek = tensor.empty() : tensor<1x16x16xf32>
  %kp = ra.linear ins(%x, %u : tensor<1x16x8xf32>, tensor<16x8xf32>)
      outs(%ek : tensor<1x16x16xf32>) -> tensor<1x16x16xf32>
  %q = tensor.expand_shape %qp [[0], [1], [2, 3]] output_shape [1, 16, 2, 8]
      : tensor<1x16x16xf32> into tensor<1x16x2x8xf32>
  %k = tensor.expand_shape %kp [[0], [1], [2, 3]] output_shape [1, 16, 2, 8]
      : tensor<1x16x16xf32> into tensor<1x16x2x8xf32>
  // REMARK: [[@LINE+1]]:8: remark: [Missed] quantised {{.*}}0.1{{.*}}0.2{{.*}}per-row
  %0 = ra.reciprocal_attention {rank = array<i64: 2>, indexing_maps = [#bthd, #bthd, #bthd, #bhtd]}
      ins(%q, %k, %k : tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>)
      outs(%o : tensor<1x2x16x8xf32>) -> tensor<1x2x16x8xf32>
  return %0 : tensor<1x2x16x8xf32>
}
