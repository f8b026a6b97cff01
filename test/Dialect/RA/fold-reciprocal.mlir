// RUN: ra-opt %s --split-input-file --ra-fold-reciprocal | FileCheck %s --enable-var-scope
// RUN: ra-opt %s --split-input-file --ra-fold-reciprocal --remarks-filter-passed=ra-fold-reciprocal \
// RUN:   --remarks-filter-missed=ra-fold-reciprocal 2>&1 >/dev/null | FileCheck %s --check-prefix=REMARK

// REMARK: [Passed] folded {{.*}} Reason="query and key assembled at run time, rank 2, dims {6, 7}"
// CHECK-LABEL: func.func @plain(
// CHECK-SAME:    %[[Q:[^:]+]]: tensor<1x2x16x8xf32>, %[[K:[^:]+]]: tensor<1x2x16x8xf32>
// CHECK:         %[[QF:.+]] = linalg.generic {{.*}} ins(%{{.+}}, %[[Q]], %[[K]], %{{.+}} : tensor<2x8xi1>
// CHECK:           math.sqrt
// CHECK:           arith.select
// CHECK:         %[[KF:.+]] = linalg.generic {{.*}} ins(%{{.+}}, %[[K]], %[[Q]], %{{.+}} : tensor<2x8xi1>
// CHECK:         ra.attention {{.*}}ins(%[[QF]], %[[KF]],
// CHECK-NOT:     ra.reciprocal_attention
func.func @plain(%q: tensor<1x2x16x8xf32>, %k: tensor<1x2x16x8xf32>, %v: tensor<1x2x16x8xf32>, %g: tensor<2xf32>,
    %o: tensor<1x2x16x8xf32>) -> tensor<1x2x16x8xf32> {
  %0 = ra.reciprocal_attention {rank = array<i64: 2>, mask = #ra.mask<causal>}
      ins(%q, %k, %v : tensor<1x2x16x8xf32>, tensor<1x2x16x8xf32>, tensor<1x2x16x8xf32>)
      w_rec(%g : tensor<2xf32>) outs(%o : tensor<1x2x16x8xf32>) -> tensor<1x2x16x8xf32>
  return %0 : tensor<1x2x16x8xf32>
}

// -----

// Grouped mean: no root on the shared key head, whatever the split.
// CHECK-LABEL: func.func @mean(
// CHECK:         linalg.generic {{.*}}iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction"]
// CHECK-NOT:     math.sqrt
// CHECK:         ra.attention
func.func @mean(%q: tensor<1x4x?x8xf16>, %k: tensor<1x2x?x8xf16>, %o: tensor<1x4x?x8xf16>) -> tensor<1x4x?x8xf16> {
  %0 = ra.reciprocal_attention {rank = array<i64: 2>}
      ins(%q, %k, %k : tensor<1x4x?x8xf16>, tensor<1x2x?x8xf16>, tensor<1x2x?x8xf16>)
      outs(%o : tensor<1x4x?x8xf16>) -> tensor<1x4x?x8xf16>
  return %0 : tensor<1x4x?x8xf16>
}

// -----

// Slots: the head dim grows, and the scale stays that of D = 8.
// REMARK: head dim 8 -> 10
// CHECK-LABEL: func.func @slots(
// CHECK:         tensor<1x4x16x10xf32>
// CHECK:         ra.attention {{{.*}}scale = 0.353553390593273
func.func @slots(%q: tensor<1x4x16x8xf32>, %k: tensor<1x2x16x8xf32>, %o: tensor<1x4x16x8xf32>) -> tensor<1x4x16x8xf32> {
  %0 = ra.reciprocal_attention {rank = array<i64: 2>, gqa = #ra.gqa<slots>}
      ins(%q, %k, %k : tensor<1x4x16x8xf32>, tensor<1x2x16x8xf32>, tensor<1x2x16x8xf32>)
      outs(%o : tensor<1x4x16x8xf32>) -> tensor<1x4x16x8xf32>
  return %0 : tensor<1x4x16x8xf32>
}

// -----

// REMARK: [Missed] grouped {{.*}}heads that share a key head have different reciprocal dims
// CHECK-LABEL: func.func @group_conflict(
// CHECK:         ra.reciprocal_attention
func.func @group_conflict(%q: tensor<1x2x16x8xf32>, %k: tensor<1x1x16x8xf32>, %o: tensor<1x2x16x8xf32>) -> tensor<1x2x16x8xf32> {
  %0 = ra.reciprocal_attention {rank = array<i64: 2, 0>}
      ins(%q, %k, %k : tensor<1x2x16x8xf32>, tensor<1x1x16x8xf32>, tensor<1x1x16x8xf32>)
      outs(%o : tensor<1x2x16x8xf32>) -> tensor<1x2x16x8xf32>
  return %0 : tensor<1x2x16x8xf32>
}
