// RUN: ra-opt %s --split-input-file --ra-fold-weights | FileCheck %s --enable-var-scope
// RUN: ra-opt %s --split-input-file --ra-fold-weights --remarks-filter-passed=ra-fold-weights 2>&1 >/dev/null | FileCheck %s --check-prefix=REMARK

// Separate projections, one bias: both results have one.
// REMARK: folded | Category:ra-fold-weights | Function=separate | Reason="rank 2, dims {6, 7} folded into the projection weights"
// CHECK-LABEL: func.func @separate(
// CHECK-SAME:    %[[X:[^:]+]]: tensor<1x16x8xf32>, %[[WQ:[^:]+]]: tensor<16x8xf32>, %[[WK:[^:]+]]: tensor<16x8xf32>, %[[BQ:[^:]+]]: tensor<16xf32>
// CHECK-NOT:     ra.reciprocal_attention
// CHECK:         %[[FQ:.+]], %[[FK:.+]], %[[BQF:.+]], %[[BKF:.+]] = ra.fold_weights {num_heads = 2 : i64, rank = array<i64: 2>} ins(%[[WQ]], %[[WK]] : {{.*}}) query_bias(%[[BQ]] : tensor<16xf32>) -> tensor<16x8xf32>, tensor<16x8xf32> bias
// CHECK:         %[[Q:.+]] = ra.linear ins(%[[X]], %[[FQ]] : {{.*}}) bias(%[[BQF]] :
// CHECK:         %[[K:.+]] = ra.linear ins(%[[X]], %[[FK]] : {{.*}}) bias(%[[BKF]] :
// CHECK:         %[[QH:.+]] = tensor.expand_shape %[[Q]]
// CHECK:         %[[KH:.+]] = tensor.expand_shape %[[K]]
// CHECK:         ra.attention {{.*}}scale = 0.353553390593273
// CHECK-SAME:      ins(%[[QH]], %[[KH]],
func.func @separate(%x: tensor<1x16x8xf32>, %wq: tensor<16x8xf32>, %wk: tensor<16x8xf32>, %bq: tensor<16xf32>,
    %v: tensor<1x2x16x8xf32>, %o: tensor<1x2x16x8xf32>) -> tensor<1x2x16x8xf32> {
  %e = tensor.empty() : tensor<1x16x16xf32>
  %q = ra.linear ins(%x, %wq : tensor<1x16x8xf32>, tensor<16x8xf32>) bias(%bq : tensor<16xf32>)
      outs(%e : tensor<1x16x16xf32>) -> tensor<1x16x16xf32>
  %k = ra.linear ins(%x, %wk : tensor<1x16x8xf32>, tensor<16x8xf32>)
      outs(%e : tensor<1x16x16xf32>) -> tensor<1x16x16xf32>
  %qh = tensor.expand_shape %q [[0], [1], [2, 3]] output_shape [1, 16, 2, 8] : tensor<1x16x16xf32> into tensor<1x16x2x8xf32>
  %kh = tensor.expand_shape %k [[0], [1], [2, 3]] output_shape [1, 16, 2, 8] : tensor<1x16x16xf32> into tensor<1x16x2x8xf32>
  %0 = ra.reciprocal_attention {rank = array<i64: 2>, indexing_maps = [
      affine_map<(b, h, t, d) -> (b, t, h, d)>, affine_map<(b, h, t, d) -> (b, t, h, d)>,
      affine_map<(b, h, t, d) -> (b, h, t, d)>, affine_map<(b, h, t, d) -> (b, h, t, d)>]}
      ins(%qh, %kh, %v : tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>, tensor<1x2x16x8xf32>)
      outs(%o : tensor<1x2x16x8xf32>) -> tensor<1x2x16x8xf32>
  return %0 : tensor<1x2x16x8xf32>
}

// -----

// A packed projection [q|k|v], as GPT-2 has it: rows are replaced in the packed
// weight, and the value moves along. Nothing of the original product is left.
// CHECK-LABEL: func.func @packed(
// CHECK-SAME:    %[[X:[^:]+]]: tensor<1x16x16xf32>, %[[W:[^:]+]]: tensor<48x16xf32>
// CHECK-DAG:     %[[WQ:.+]] = tensor.extract_slice %[[W]][0, 0] [16, 16] [1, 1]
// CHECK-DAG:     %[[WK:.+]] = tensor.extract_slice %[[W]][16, 0] [16, 16] [1, 1]
// CHECK:         %[[FQ:.+]], %[[FK:.+]] = ra.fold_weights {{.*}} ins(%[[WQ]], %[[WK]]
// CHECK:         %[[W1:.+]] = tensor.insert_slice %[[FQ]] into %[[W]][0, 0] [16, 16] [1, 1]
// CHECK:         %[[W2:.+]] = tensor.insert_slice %[[FK]] into %[[W1]][16, 0] [16, 16] [1, 1]
// CHECK:         %[[P:.+]] = ra.linear ins(%[[X]], %[[W2]]
// CHECK-NOT:     ra.linear
// CHECK:         tensor.extract_slice %[[P]][0, 0, 0]
// CHECK:         tensor.extract_slice %[[P]][0, 0, 16]
// CHECK:         tensor.extract_slice %[[P]][0, 0, 32]
// CHECK:         ra.attention
func.func @packed(%x: tensor<1x16x16xf32>, %w: tensor<48x16xf32>, %o: tensor<1x2x16x8xf32>) -> tensor<1x2x16x8xf32> {
  %e = tensor.empty() : tensor<1x16x48xf32>
  %p = ra.linear ins(%x, %w : tensor<1x16x16xf32>, tensor<48x16xf32>)
      outs(%e : tensor<1x16x48xf32>) -> tensor<1x16x48xf32>
  %q = tensor.extract_slice %p[0, 0, 0] [1, 16, 16] [1, 1, 1] : tensor<1x16x48xf32> to tensor<1x16x16xf32>
  %k = tensor.extract_slice %p[0, 0, 16] [1, 16, 16] [1, 1, 1] : tensor<1x16x48xf32> to tensor<1x16x16xf32>
  %v = tensor.extract_slice %p[0, 0, 32] [1, 16, 16] [1, 1, 1] : tensor<1x16x48xf32> to tensor<1x16x16xf32>
  %qh = tensor.expand_shape %q [[0], [1], [2, 3]] output_shape [1, 16, 2, 8] : tensor<1x16x16xf32> into tensor<1x16x2x8xf32>
  %kh = tensor.expand_shape %k [[0], [1], [2, 3]] output_shape [1, 16, 2, 8] : tensor<1x16x16xf32> into tensor<1x16x2x8xf32>
  %vh = tensor.expand_shape %v [[0], [1], [2, 3]] output_shape [1, 16, 2, 8] : tensor<1x16x16xf32> into tensor<1x16x2x8xf32>
  %0 = ra.reciprocal_attention {rank = array<i64: 2>, indexing_maps = [
      affine_map<(b, h, t, d) -> (b, t, h, d)>, affine_map<(b, h, t, d) -> (b, t, h, d)>,
      affine_map<(b, h, t, d) -> (b, t, h, d)>, affine_map<(b, h, t, d) -> (b, h, t, d)>]}
      ins(%qh, %kh, %vh : tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>)
      outs(%o : tensor<1x2x16x8xf32>) -> tensor<1x2x16x8xf32>
  return %0 : tensor<1x2x16x8xf32>
}

// -----

// Heads interleaved as [H, 3, D]: the rows of a head are found by stride.
// CHECK-LABEL: func.func @interleaved(
// CHECK-SAME:    %[[X:[^:]+]]: tensor<1x16x16xf32>, %[[W:[^:]+]]: tensor<48x16xf32>
// CHECK:         %[[R:.+]] = tensor.expand_shape %[[W]] {{.*}} into tensor<2x24x16xf32>
// CHECK:         tensor.extract_slice %[[R]][0, 0, 0] [2, 8, 16] [1, 1, 1]
// CHECK:         tensor.extract_slice %{{.+}}[0, 8, 0] [2, 8, 16] [1, 1, 1]
// CHECK:         ra.fold_weights
// CHECK:         tensor.insert_slice %{{.+}} into %{{.+}}[0, 0, 0] [2, 8, 16] [1, 1, 1]
// CHECK:         tensor.insert_slice %{{.+}} into %{{.+}}[0, 8, 0] [2, 8, 16] [1, 1, 1]
// CHECK:         ra.attention
func.func @interleaved(%x: tensor<1x16x16xf32>, %w: tensor<48x16xf32>, %o: tensor<1x2x16x8xf32>) -> tensor<1x2x16x8xf32> {
  %e = tensor.empty() : tensor<1x16x48xf32>
  %p = ra.linear ins(%x, %w : tensor<1x16x16xf32>, tensor<48x16xf32>)
      outs(%e : tensor<1x16x48xf32>) -> tensor<1x16x48xf32>
  %h = tensor.expand_shape %p [[0], [1], [2, 3]] output_shape [1, 16, 2, 24] : tensor<1x16x48xf32> into tensor<1x16x2x24xf32>
  %q = tensor.extract_slice %h[0, 0, 0, 0] [1, 16, 2, 8] [1, 1, 1, 1] : tensor<1x16x2x24xf32> to tensor<1x16x2x8xf32>
  %k = tensor.extract_slice %h[0, 0, 0, 8] [1, 16, 2, 8] [1, 1, 1, 1] : tensor<1x16x2x24xf32> to tensor<1x16x2x8xf32>
  %v = tensor.extract_slice %h[0, 0, 0, 16] [1, 16, 2, 8] [1, 1, 1, 1] : tensor<1x16x2x24xf32> to tensor<1x16x2x8xf32>
  %0 = ra.reciprocal_attention {rank = array<i64: 2>, indexing_maps = [
      affine_map<(b, h, t, d) -> (b, t, h, d)>, affine_map<(b, h, t, d) -> (b, t, h, d)>,
      affine_map<(b, h, t, d) -> (b, t, h, d)>, affine_map<(b, h, t, d) -> (b, h, t, d)>]}
      ins(%q, %k, %v : tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>)
      outs(%o : tensor<1x2x16x8xf32>) -> tensor<1x2x16x8xf32>
  return %0 : tensor<1x2x16x8xf32>
}

// -----

// Rotary embedding with whole pairs folds; another user keeps the original
// query projection.
// CHECK-LABEL: func.func @rotary(
// CHECK-SAME:    %[[X:[^:]+]]: tensor<1x16x8xf32>, %[[W:[^:]+]]: tensor<16x8xf32>
// CHECK:         %[[ORIGINAL:.+]] = ra.linear ins(%[[X]], %[[W]]
// CHECK:         ra.fold_weights {{.*}}rec_dims = array<i64: 3, 7>
// CHECK-COUNT-2: ra.rope
// CHECK:         ra.attention
// CHECK:         return %{{.+}}, %[[ORIGINAL]]
func.func @rotary(%x: tensor<1x16x8xf32>, %w: tensor<16x8xf32>, %u: tensor<16x8xf32>, %c: tensor<16x4xf32>, %s: tensor<16x4xf32>,
    %v: tensor<1x2x16x8xf32>, %o: tensor<1x2x16x8xf32>) -> (tensor<1x2x16x8xf32>, tensor<1x16x16xf32>) {
  %e = tensor.empty() : tensor<1x16x16xf32>
  %q = ra.linear ins(%x, %w : tensor<1x16x8xf32>, tensor<16x8xf32>) outs(%e : tensor<1x16x16xf32>) -> tensor<1x16x16xf32>
  %k = ra.linear ins(%x, %u : tensor<1x16x8xf32>, tensor<16x8xf32>) outs(%e : tensor<1x16x16xf32>) -> tensor<1x16x16xf32>
  %qh = tensor.expand_shape %q [[0], [1], [2, 3]] output_shape [1, 16, 2, 8] : tensor<1x16x16xf32> into tensor<1x16x2x8xf32>
  %kh = tensor.expand_shape %k [[0], [1], [2, 3]] output_shape [1, 16, 2, 8] : tensor<1x16x16xf32> into tensor<1x16x2x8xf32>
  %f = tensor.empty() : tensor<1x2x16x8xf32>
  %qt = linalg.transpose ins(%qh : tensor<1x16x2x8xf32>) outs(%f : tensor<1x2x16x8xf32>) permutation = [0, 2, 1, 3]
  %kt = linalg.transpose ins(%kh : tensor<1x16x2x8xf32>) outs(%f : tensor<1x2x16x8xf32>) permutation = [0, 2, 1, 3]
  %qr = ra.rope {style = #ra.rope_style<half>} ins(%qt, %c, %s : tensor<1x2x16x8xf32>, tensor<16x4xf32>, tensor<16x4xf32>)
      outs(%f : tensor<1x2x16x8xf32>) -> tensor<1x2x16x8xf32>
  %kr = ra.rope {style = #ra.rope_style<half>} ins(%kt, %c, %s : tensor<1x2x16x8xf32>, tensor<16x4xf32>, tensor<16x4xf32>)
      outs(%f : tensor<1x2x16x8xf32>) -> tensor<1x2x16x8xf32>
  %0 = ra.reciprocal_attention {rec_dims = array<i64: 3, 7>} ins(%qr, %kr, %v : tensor<1x2x16x8xf32>, tensor<1x2x16x8xf32>, tensor<1x2x16x8xf32>)
      outs(%o : tensor<1x2x16x8xf32>) -> tensor<1x2x16x8xf32>
  return %0, %q : tensor<1x2x16x8xf32>, tensor<1x16x16xf32>
}

// -----

// Exact grouped heads: the head dim grows from 8 to 10, and is reported; the
// scale stays that of 8.
// REMARK: Function=slots | Reason="rank 2, dims {6, 7} folded into the projection weights, head dim 8 -> 10"
// CHECK-LABEL: func.func @slots(
// CHECK:         ra.fold_weights {gate_split = #ra.gate_split<query>, gqa = #ra.gqa<slots>, num_heads = 2 : i64, num_kv_heads = 1 : i64, rank = array<i64: 2>}
// CHECK-SAME:      -> tensor<20x8xf32>, tensor<10x8xf32>
// CHECK:         tensor.expand_shape {{.*}} into tensor<?x16x2x10xf32>
// CHECK:         tensor.expand_shape {{.*}} into tensor<?x16x1x10xf32>
// CHECK:         ra.attention {{.*}}scale = 0.353553390593273
func.func @slots(%x: tensor<?x16x8xf32>, %w: tensor<16x8xf32>, %u: tensor<8x8xf32>, %e: tensor<?x16x16xf32>, %f: tensor<?x16x8xf32>,
    %b: index, %v: tensor<?x1x16x8xf32>, %o: tensor<?x2x16x8xf32>) -> tensor<?x2x16x8xf32> {
  %q = ra.linear ins(%x, %w : tensor<?x16x8xf32>, tensor<16x8xf32>) outs(%e : tensor<?x16x16xf32>) -> tensor<?x16x16xf32>
  %k = ra.linear ins(%x, %u : tensor<?x16x8xf32>, tensor<8x8xf32>) outs(%f : tensor<?x16x8xf32>) -> tensor<?x16x8xf32>
  %qh = tensor.expand_shape %q [[0], [1], [2, 3]] output_shape [%b, 16, 2, 8] : tensor<?x16x16xf32> into tensor<?x16x2x8xf32>
  %kh = tensor.expand_shape %k [[0], [1], [2, 3]] output_shape [%b, 16, 1, 8] : tensor<?x16x8xf32> into tensor<?x16x1x8xf32>
  %0 = ra.reciprocal_attention {rank = array<i64: 2>, gqa = #ra.gqa<slots>, gate_split = #ra.gate_split<query>, indexing_maps = [
      affine_map<(b, h, t, d) -> (b, t, h, d)>, affine_map<(b, h, t, d) -> (b, t, h, d)>,
      affine_map<(b, h, t, d) -> (b, h, t, d)>, affine_map<(b, h, t, d) -> (b, h, t, d)>]}
      ins(%qh, %kh, %v : tensor<?x16x2x8xf32>, tensor<?x16x1x8xf32>, tensor<?x1x16x8xf32>)
      outs(%o : tensor<?x2x16x8xf32>) -> tensor<?x2x16x8xf32>
  return %0 : tensor<?x2x16x8xf32>
}

// -----

// Equal clamps with gates of 1 fold: the swap passes them.
// CHECK-LABEL: func.func @clamp(
// CHECK:         ra.fold_weights
// CHECK-COUNT-2: arith.maximumf
// CHECK:         ra.attention
func.func @clamp(%x: tensor<1x16x8xf32>, %w: tensor<8x8xf32>, %u: tensor<8x8xf32>, %v: tensor<1x1x16x8xf32>, %o: tensor<1x1x16x8xf32>)
    -> tensor<1x1x16x8xf32> {
  %one = arith.constant dense<1.0> : tensor<1xf32>
  %lo = arith.constant -1.0 : f32
  %e = tensor.empty() : tensor<1x16x8xf32>
  %q = ra.linear ins(%x, %w : tensor<1x16x8xf32>, tensor<8x8xf32>) outs(%e : tensor<1x16x8xf32>) -> tensor<1x16x8xf32>
  %k = ra.linear ins(%x, %u : tensor<1x16x8xf32>, tensor<8x8xf32>) outs(%e : tensor<1x16x8xf32>) -> tensor<1x16x8xf32>
  %qc = linalg.generic {indexing_maps = [affine_map<(a, b, c) -> (a, b, c)>, affine_map<(a, b, c) -> (a, b, c)>],
      iterator_types = ["parallel", "parallel", "parallel"]} ins(%q : tensor<1x16x8xf32>) outs(%e : tensor<1x16x8xf32>) {
  ^bb0(%i: f32, %j: f32):
    %m = arith.maximumf %i, %lo : f32
    linalg.yield %m : f32
  } -> tensor<1x16x8xf32>
  %kc = linalg.generic {indexing_maps = [affine_map<(a, b, c) -> (a, b, c)>, affine_map<(a, b, c) -> (a, b, c)>],
      iterator_types = ["parallel", "parallel", "parallel"]} ins(%k : tensor<1x16x8xf32>) outs(%e : tensor<1x16x8xf32>) {
  ^bb0(%i: f32, %j: f32):
    %m = arith.maximumf %i, %lo : f32
    linalg.yield %m : f32
  } -> tensor<1x16x8xf32>
  %qh = tensor.expand_shape %qc [[0, 1], [2], [3]] output_shape [1, 1, 16, 8] : tensor<1x16x8xf32> into tensor<1x1x16x8xf32>
  %kh = tensor.expand_shape %kc [[0, 1], [2], [3]] output_shape [1, 1, 16, 8] : tensor<1x16x8xf32> into tensor<1x1x16x8xf32>
  %0 = ra.reciprocal_attention {rank = array<i64: 2>} ins(%qh, %kh, %v : tensor<1x1x16x8xf32>, tensor<1x1x16x8xf32>, tensor<1x1x16x8xf32>)
      w_std(%one : tensor<1xf32>) w_rec(%one : tensor<1xf32>) outs(%o : tensor<1x1x16x8xf32>) -> tensor<1x1x16x8xf32>
  return %0 : tensor<1x1x16x8xf32>
}
