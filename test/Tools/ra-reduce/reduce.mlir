// What has nothing to do with the op in question goes: the other function, the
// projections and what lies between, optional operands and attributes of the op.

// RUN: ra-reduce %s --reduction-tree='traversal-mode=0 test=%S/Inputs/has-attention.sh' \
// RUN:   2>%t.log | FileCheck %s
// RUN: ra-reduce %s --reduction-tree='traversal-mode=0 test=%S/Inputs/has-attention.sh' \
// RUN:   2>%t.log | ra-opt -o %t.mlir

// ra's passes reduce too.
// RUN: ra-reduce %s --opt-reduction-pass='opt-pass=func.func(ra-fold-reciprocal) test=%S/Inputs/has-attention.sh' \
// RUN:   2>%t.log | FileCheck %s --check-prefix=KEPT
// RUN: ra-reduce %s --opt-reduction-pass='opt-pass=symbol-dce test=%S/Inputs/has-attention.sh' \
// RUN:   2>%t.log | FileCheck %s --check-prefix=PRIVATE

// CHECK-NOT: func.func
// CHECK: func.func @attend(
// CHECK-COUNT-3: tensor.empty()
// CHECK-NEXT: %[[R:.+]] = ra.reciprocal_attention {rank = array<i64: 4>} ins(%{{.+}}, %{{.+}}, %{{.+}} : {{[^)]+}}) w_std(%{{.+}} : tensor<2xf32>) outs(
// CHECK-NEXT: tensor.collapse_shape %[[R]]
// CHECK-NEXT: return
// CHECK-NOT: func.func

// KEPT: ra.reciprocal_attention
// PRIVATE-NOT: func.func private @other

func.func private @other(%a: tensor<4xf32>) -> tensor<4xf32> {
  return %a : tensor<4xf32>
}
func.func @attend(%x: tensor<2x8x32xf32>, %w: tensor<32x32xf32>, %b: tensor<32xf32>,
                  %gate: tensor<2xf32>) -> tensor<2x8x32xf32> {
  %e = tensor.empty() : tensor<2x8x32xf32>
  %q = ra.linear ins(%x, %w : tensor<2x8x32xf32>, tensor<32x32xf32>) bias(%b : tensor<32xf32>)
                 outs(%e : tensor<2x8x32xf32>) -> tensor<2x8x32xf32>
  %k = ra.linear ins(%x, %w : tensor<2x8x32xf32>, tensor<32x32xf32>)
                 outs(%e : tensor<2x8x32xf32>) -> tensor<2x8x32xf32>
  %qh = tensor.expand_shape %q [[0], [1, 2], [3]] output_shape [2, 2, 4, 32]
      : tensor<2x8x32xf32> into tensor<2x2x4x32xf32>
  %kh = tensor.expand_shape %k [[0], [1, 2], [3]] output_shape [2, 2, 4, 32]
      : tensor<2x8x32xf32> into tensor<2x2x4x32xf32>
  %o = tensor.empty() : tensor<2x2x4x32xf32>
  %r = ra.reciprocal_attention {mask = #ra.mask<window(3)>, rank = array<i64: 4>}
      ins(%qh, %kh, %kh : tensor<2x2x4x32xf32>, tensor<2x2x4x32xf32>, tensor<2x2x4x32xf32>)
      w_std(%gate : tensor<2xf32>) w_rec(%gate : tensor<2xf32>)
      outs(%o : tensor<2x2x4x32xf32>) -> tensor<2x2x4x32xf32>
  %c = tensor.collapse_shape %r [[0], [1, 2], [3]]
      : tensor<2x2x4x32xf32> into tensor<2x8x32xf32>
  %z = ra.linear ins(%c, %w : tensor<2x8x32xf32>, tensor<32x32xf32>)
                 outs(%e : tensor<2x8x32xf32>) -> tensor<2x8x32xf32>
  return %z : tensor<2x8x32xf32>
}
