// RUN: ra-opt %s --split-input-file --ra-decompose-basis --ra-decompose-fold-weights | FileCheck %s --enable-var-scope

// P becomes the last columns of an identity.
// CHECK-LABEL: func.func @projection(
// CHECK-SAME:    %[[Q:[^:]+]]: tensor<1x16x2x8xf16>, %[[P:[^:]+]]: tensor<8x2xf16>
// CHECK:         %[[A:.+]] = tensor.insert_slice %[[P]] into %{{.+}}[0, 6] [8, 2] [1, 1]
// CHECK:         linalg.generic {{.*}} ins(%[[Q]], %[[A]]
// CHECK:           arith.extf
// CHECK:         arith.truncf
// CHECK:         ra.reciprocal_attention
// CHECK-NOT:       projection
func.func @projection(%q: tensor<1x16x2x8xf16>, %p: tensor<8x2xf16>, %o: tensor<1x2x16x8xf16>) -> tensor<1x2x16x8xf16> {
  %0 = ra.reciprocal_attention {rank = array<i64: 2>, indexing_maps = [
      affine_map<(b, h, t, d) -> (b, t, h, d)>, affine_map<(b, h, t, d) -> (b, t, h, d)>,
      affine_map<(b, h, t, d) -> (b, t, h, d)>, affine_map<(b, h, t, d) -> (b, h, t, d)>]}
      ins(%q, %q, %q : tensor<1x16x2x8xf16>, tensor<1x16x2x8xf16>, tensor<1x16x2x8xf16>)
      projection(%p : tensor<8x2xf16>) outs(%o : tensor<1x2x16x8xf16>) -> tensor<1x2x16x8xf16>
  return %0 : tensor<1x2x16x8xf16>
}

// -----

// CHECK-LABEL: func.func @fold(
// CHECK-NOT:     ra.fold_weights
// CHECK-COUNT-2: linalg.generic
// CHECK:         return %{{.+}}, %{{.+}} : tensor<16x32xbf16>, tensor<8x32xbf16>
func.func @fold(%wq: tensor<16x32xbf16>, %wk: tensor<8x32xbf16>) -> (tensor<16x32xbf16>, tensor<8x32xbf16>) {
  %q, %k = ra.fold_weights {num_heads = 2 : i64, num_kv_heads = 1 : i64, rank = array<i64: 0>, gate_split = #ra.gate_split<query>}
      ins(%wq, %wk : tensor<16x32xbf16>, tensor<8x32xbf16>) -> tensor<16x32xbf16>, tensor<8x32xbf16>
  return %q, %k : tensor<16x32xbf16>, tensor<8x32xbf16>
}
