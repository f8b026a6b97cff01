// Modules with weights survive text and bytecode, in place and through pipes:
// the same text, the same blob.

// RUN: ra-opt %s -o %t.text.mlir
// RUN: ra-opt %s --emit-bytecode -o %t.mlirbc
// RUN: ra-opt %t.mlirbc -o %t.back.mlir && diff %t.text.mlir %t.back.mlir
// RUN: cat %t.mlirbc | ra-opt - -o %t.pipe.mlir && diff %t.text.mlir %t.pipe.mlir
// RUN: ra-opt %t.back.mlir --emit-bytecode | ra-opt | FileCheck %s
// RUN: ra-opt %s --verify-roundtrip -o %t.verified.mlir && diff %t.text.mlir %t.verified.mlir

// What is no module is refused with a message.
// RUN: head -c 200 %t.mlirbc > %t.cut.mlirbc
// RUN: not ra-opt %t.cut.mlirbc 2>&1 | FileCheck %s --check-prefix=CUT
// CUT: error: {{.+}}

// CHECK-LABEL: func.func @block(
// CHECK-SAME: %{{.+}}: tensor<32x16xf16> {ra.parameter}
// CHECK: dense_resource<gates> : tensor<4xf32>
// CHECK: ra.fold_weights {gate_split = #ra.gate_split<query>, num_heads = 4 : i64, rec_dims = array<i64: 3, 7>}
// CHECK: ra.attention {mask = #ra.mask<window(3), bottom_right>, scale = 1.250000e-01 : f64}
func.func @block(%q: tensor<1x4x5x8xf16>, %w: tensor<32x16xf16> {ra.parameter}) -> (tensor<1x4x5x8xf16>, tensor<32x16xf16>, tensor<32x16xf16>) {
  %gates = arith.constant dense_resource<gates> : tensor<4xf32>
  %0:2 = ra.fold_weights {gate_split = #ra.gate_split<query>, num_heads = 4, rec_dims = array<i64: 3, 7>} ins(%w, %w : tensor<32x16xf16>, tensor<32x16xf16>) w_std(%gates : tensor<4xf32>) -> tensor<32x16xf16>, tensor<32x16xf16>
  %1 = ra.attention {mask = #ra.mask<window(3), bottom_right>, scale = 0.125 : f64} ins(%q, %q, %q : tensor<1x4x5x8xf16>, tensor<1x4x5x8xf16>, tensor<1x4x5x8xf16>) outs(%q : tensor<1x4x5x8xf16>) -> tensor<1x4x5x8xf16>
  return %1, %0#0, %0#1 : tensor<1x4x5x8xf16>, tensor<32x16xf16>, tensor<32x16xf16>
}

// CHECK: gates: "0x040000000000803F000000400000404000008040"
{-#
  dialect_resources: {
    builtin: {
      gates: "0x040000000000803F000000400000404000008040"
    }
  }
#-}
