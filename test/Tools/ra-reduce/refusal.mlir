// Why does a fold not happen? The smallest module that is refused by the same
// rule: rotation of one side is left, gates, mask and biases are not.

// RUN: ra-reduce %s --reduction-tree='traversal-mode=0 test=%S/Inputs/refuses.sh test-arg=rotary' \
// RUN:   -o %t.mlir 2>%t.log
// RUN: FileCheck %s < %t.mlir
// RUN: ra-opt %t.mlir --ra-fold-weights --remarks-filter-missed=ra-fold-weights 2>&1 >%t.out \
// RUN:   | FileCheck %s --check-prefix=REMARK

// REMARK: remark: [Missed] rotary
// CHECK-LABEL: func.func @attend(
// CHECK-NOT: bias(
// CHECK-COUNT-1: = ra.rope
// CHECK-NOT: = ra.rope
// CHECK: ra.reciprocal_attention {rank = array<i64: 4>} ins(
// CHECK-SAME: ) outs(

func.func @attend(%x: tensor<2x1x8x16xf32>, %wq: tensor<16x16xf32>, %wk: tensor<16x16xf32>,
                  %b: tensor<16xf32>, %gate: tensor<1xf32>,
                  %cos: tensor<8x8xf32>, %sin: tensor<8x8xf32>) -> tensor<2x1x8x16xf32> {
  %e = tensor.empty() : tensor<2x1x8x16xf32>
  %q = ra.linear ins(%x, %wq : tensor<2x1x8x16xf32>, tensor<16x16xf32>) bias(%b : tensor<16xf32>)
                 outs(%e : tensor<2x1x8x16xf32>) -> tensor<2x1x8x16xf32>
  %k = ra.linear ins(%x, %wk : tensor<2x1x8x16xf32>, tensor<16x16xf32>)
                 outs(%e : tensor<2x1x8x16xf32>) -> tensor<2x1x8x16xf32>
  %qr = ra.rope {style = #ra.rope_style<half>}
      ins(%q, %cos, %sin : tensor<2x1x8x16xf32>, tensor<8x8xf32>, tensor<8x8xf32>)
      outs(%e : tensor<2x1x8x16xf32>) -> tensor<2x1x8x16xf32>
  %kr = ra.rope {style = #ra.rope_style<half>}
      ins(%k, %cos, %sin : tensor<2x1x8x16xf32>, tensor<8x8xf32>, tensor<8x8xf32>)
      outs(%e : tensor<2x1x8x16xf32>) -> tensor<2x1x8x16xf32>
  %r = ra.reciprocal_attention {mask = #ra.mask<causal>, rank = array<i64: 4>}
      ins(%qr, %kr, %x : tensor<2x1x8x16xf32>, tensor<2x1x8x16xf32>, tensor<2x1x8x16xf32>)
      w_std(%gate : tensor<1xf32>) w_rec(%gate : tensor<1xf32>)
      outs(%e : tensor<2x1x8x16xf32>) -> tensor<2x1x8x16xf32>
  return %r : tensor<2x1x8x16xf32>
}
