// RUN: ra-opt %s --ra-results-to-arguments | FileCheck %s --enable-var-scope
// RUN: not ra-opt %S/Inputs/scalar-result.mlir --ra-results-to-arguments 2>&1 | FileCheck %s --check-prefix=SCALAR
// RUN: not ra-opt %S/Inputs/two-blocks.mlir --ra-results-to-arguments 2>&1 | FileCheck %s --check-prefix=BLOCKS

// CHECK-LABEL: func.func @f(
// CHECK-SAME:    %[[X:.+]]: tensor<?x4xf16> {bufferization.writable = false, ra.parameter},
// CHECK-SAME:    %[[A:.+]]: memref<?x4xf16> {ra.result}, %[[B:.+]]: memref<4xf32> {ra.result}) {
// CHECK-DAG:     bufferization.materialize_in_destination %[[X]] in restrict writable %[[A]]
// CHECK-DAG:     bufferization.materialize_in_destination %{{.+}} in restrict writable %[[B]]
// CHECK:         return{{$}}
func.func @f(%x: tensor<?x4xf16> {ra.parameter}) -> (tensor<?x4xf16>, tensor<4xf32>) {
  %c = arith.constant dense<1.0> : tensor<4xf32>
  return %x, %c : tensor<?x4xf16>, tensor<4xf32>
}

// CHECK-LABEL: func.func private @g(%{{.+}}: tensor<4xf32>) -> tensor<4xf32>
func.func private @g(%x: tensor<4xf32>) -> tensor<4xf32> {
  return %x : tensor<4xf32>
}

// SCALAR: scalar-result.mlir:1:1: error: 'func.func' op result 0 has type 'f32'; results of an entry must be ranked tensors
// BLOCKS: two-blocks.mlir:1:1: error: 'func.func' op an entry must have one block; use scf for control flow
