// RUN: ra-opt %s --ra-decompose-aggregates | FileCheck %s

// CHECK-LABEL: func.func @softmax(
// CHECK-NOT:     linalg.softmax
// CHECK:         arith.maxnumf
// CHECK:         math.exp
// CHECK:         arith.divf
func.func @softmax(%x: tensor<4x?xf16>, %e: tensor<4x?xf16>) -> tensor<4x?xf16> {
  %y = linalg.softmax dimension(1) ins(%x : tensor<4x?xf16>) outs(%e : tensor<4x?xf16>) -> tensor<4x?xf16>
  return %y : tensor<4x?xf16>
}
