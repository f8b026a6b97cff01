// RUN: ra-opt %s --ra-fold-weights --canonicalize --cse --split-input-file | FileCheck %s --enable-var-scope

// Weights with the heads apart, [H, D, C]: folded as rows, and back in their shape.
// CHECK-LABEL: func.func @heads(
// CHECK-SAME:    %[[X:[^:]+]]: tensor<2x16x8xf32>, %[[WQ:[^:]+]]: tensor<2x4x8xf32>, %[[WK:[^:]+]]: tensor<2x4x8xf32>, %[[BK:[^:]+]]: tensor<2x4xf32>)
// CHECK-DAG:     %[[Q:.+]] = tensor.collapse_shape %[[WQ]] {{\[\[}}0, 1], [2]] : tensor<2x4x8xf32> into tensor<8x8xf32>
// CHECK-DAG:     %[[K:.+]] = tensor.collapse_shape %[[WK]] {{\[\[}}0, 1], [2]] : tensor<2x4x8xf32> into tensor<8x8xf32>
// CHECK-DAG:     %[[B:.+]] = tensor.collapse_shape %[[BK]] {{\[\[}}0, 1]] : tensor<2x4xf32> into tensor<8xf32>
// CHECK:         %[[QF:[^,]+]], %[[KF:[^,]+]], %[[QB:[^,]+]], %[[KB:[^ ]+]] = ra.fold_weights {num_heads = 2 : i64, rank = array<i64: 1>} ins(%[[Q]], %[[K]] : {{.+}}) key_bias(%[[B]]
// CHECK-DAG:     %[[QFH:.+]] = tensor.expand_shape %[[QF]] {{\[\[}}0, 1], [2]]
// CHECK-DAG:     %[[QBH:.+]] = tensor.expand_shape %[[QB]] {{\[\[}}0, 1]]
// CHECK-DAG:     %[[KFH:.+]] = tensor.expand_shape %[[KF]] {{\[\[}}0, 1], [2]]
// CHECK-DAG:     %[[KBH:.+]] = tensor.expand_shape %[[KB]] {{\[\[}}0, 1]]
// CHECK-DAG:     %[[QP:.+]] = ra.linear ins(%[[X]], %[[QFH]] : {{.+}}) bias(%[[QBH]] :
// CHECK-DAG:     %[[KP:.+]] = ra.linear ins(%[[X]], %[[KFH]] : {{.+}}) bias(%[[KBH]] :
// CHECK:         ra.attention {{.+}} ins(%[[QP]], %[[KP]], %{{.+}} :
#bthd = affine_map<(b, h, t, d) -> (b, t, h, d)>
func.func @heads(%x: tensor<2x16x8xf32>, %wq: tensor<2x4x8xf32>, %wk: tensor<2x4x8xf32>, %bk: tensor<2x4xf32>) -> tensor<2x16x2x4xf32> {
  %e = tensor.empty() : tensor<2x16x2x4xf32>
  %q = ra.linear ins(%x, %wq : tensor<2x16x8xf32>, tensor<2x4x8xf32>) outs(%e : tensor<2x16x2x4xf32>) -> tensor<2x16x2x4xf32>
  %k = ra.linear ins(%x, %wk : tensor<2x16x8xf32>, tensor<2x4x8xf32>) bias(%bk : tensor<2x4xf32>) outs(%e : tensor<2x16x2x4xf32>) -> tensor<2x16x2x4xf32>
  %o = ra.reciprocal_attention {indexing_maps = [#bthd, #bthd, #bthd, #bthd], rank = array<i64: 1>}
    ins(%q, %k, %k : tensor<2x16x2x4xf32>, tensor<2x16x2x4xf32>, tensor<2x16x2x4xf32>) outs(%e : tensor<2x16x2x4xf32>) -> tensor<2x16x2x4xf32>
  return %o : tensor<2x16x2x4xf32>
}
