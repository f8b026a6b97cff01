// RUN: ra-opt %s --ra-externalize-constants=max-bytes=16 | FileCheck %s --enable-var-scope

// Above the limit: one argument for equal constants, bytes as they are. At the
// limit, and scalars: they stay.
// CHECK-LABEL: func.func @f(
// CHECK-SAME:    %[[X:.+]]: tensor<5xf32>,
// CHECK-SAME:    %[[C:.+]]: tensor<5xf32> {bufferization.writable = false, ra.constant = dense_resource<weights> : tensor<5xf32>},
// CHECK-SAME:    %[[D:.+]]: tensor<5xf32> {bufferization.writable = false, ra.constant = dense<2.000000e+00> : tensor<5xf32>})
// CHECK-NEXT:    %[[SMALL:.+]] = arith.constant dense<1.000000e+00> : tensor<4xf32>
// CHECK-NEXT:    return %[[C]], %[[D]], %[[C]], %[[SMALL]]
func.func @f(%x: tensor<5xf32>) -> (tensor<5xf32>, tensor<5xf32>, tensor<5xf32>, tensor<4xf32>) {
  %a = arith.constant dense_resource<weights> : tensor<5xf32>
  %b = arith.constant dense<2.0> : tensor<5xf32>
  %c = arith.constant dense_resource<weights> : tensor<5xf32>
  %d = arith.constant dense<1.0> : tensor<4xf32>
  return %a, %b, %c, %d : tensor<5xf32>, tensor<5xf32>, tensor<5xf32>, tensor<4xf32>
}

// CHECK-LABEL: func.func private @g() -> tensor<5xf32>
// CHECK-NEXT:    arith.constant
func.func private @g() -> tensor<5xf32> {
  %b = arith.constant dense<2.0> : tensor<5xf32>
  return %b : tensor<5xf32>
}

{-# dialect_resources: { builtin: { weights: "0x040000000000803F0000803F0000803F0000803F0000803F" } } #-}
