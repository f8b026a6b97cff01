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

// A reshape of a value: the value is materialised in a reshape of the buffer. The
// dynamic dim follows from the buffer's.
// CHECK-LABEL: func.func @reshapes(
// CHECK-SAME:    %[[X:[^:]+]]: tensor<?x6x4xf32> {bufferization.writable = false}, %[[Y:[^:]+]]: tensor<2x12xf32>
// CHECK-SAME:    %[[A:[^:]+]]: memref<?xf32> {ra.result}, %[[B:[^:]+]]: memref<2x3x4xf32> {ra.result}, %[[C:[^:]+]]: memref<24xf32> {ra.result}
// CHECK-DAG:     %[[C0:.+]] = arith.constant 0 : index
// CHECK-DAG:     %[[C24:.+]] = arith.constant 24 : index
// CHECK-DAG:     %[[DIM:.+]] = memref.dim %[[A]], %[[C0]]
// CHECK-DAG:     %[[SIZE:.+]] = arith.divui %[[DIM]], %[[C24]]
// CHECK-DAG:     %[[AX:.+]] = memref.expand_shape %[[A]] {{\[\[}}0, 1, 2]] output_shape [%[[SIZE]], 6, 4]
// CHECK-DAG:     %[[BY:.+]] = memref.collapse_shape %[[B]] {{\[\[}}0], [1, 2]] : memref<2x3x4xf32> into memref<2x12xf32>
// CHECK-DAG:     %[[CX:.+]] = memref.expand_shape %[[C]] {{\[\[}}0, 1, 2]] output_shape [2, 3, 4]
// CHECK-DAG:     %[[CY:.+]] = memref.collapse_shape %[[CX]] {{\[\[}}0], [1, 2]] : memref<2x3x4xf32> into memref<2x12xf32>
// CHECK-DAG:     materialize_in_destination %[[X]] in restrict writable %[[AX]]
// CHECK-DAG:     materialize_in_destination %[[Y]] in restrict writable %[[BY]]
// CHECK-DAG:     materialize_in_destination %[[Y]] in restrict writable %[[CY]]
func.func @reshapes(%x: tensor<?x6x4xf32>, %y: tensor<2x12xf32>)
    -> (tensor<?xf32>, tensor<2x3x4xf32>, tensor<24xf32>) {
  %a = tensor.collapse_shape %x [[0, 1, 2]] : tensor<?x6x4xf32> into tensor<?xf32>
  %b = tensor.expand_shape %y [[0], [1, 2]] output_shape [2, 3, 4]
      : tensor<2x12xf32> into tensor<2x3x4xf32>
  %c = tensor.collapse_shape %b [[0, 1, 2]] : tensor<2x3x4xf32> into tensor<24xf32>
  return %a, %b, %c : tensor<?xf32>, tensor<2x3x4xf32>, tensor<24xf32>
}

// Of two dynamic dims neither follows from their product.
// CHECK-LABEL: func.func @unknown(
// CHECK-SAME:    %[[A:[^:]+]]: memref<?xf32> {ra.result}
// CHECK:         %[[F:.+]] = tensor.collapse_shape
// CHECK:         materialize_in_destination %[[F]] in restrict writable %[[A]]
func.func @unknown(%x: tensor<?x?xf32>) -> tensor<?xf32> {
  %a = tensor.collapse_shape %x [[0, 1]] : tensor<?x?xf32> into tensor<?xf32>
  return %a : tensor<?xf32>
}

// CHECK-LABEL: func.func private @g(%{{.+}}: tensor<4xf32>) -> tensor<4xf32>
func.func private @g(%x: tensor<4xf32>) -> tensor<4xf32> {
  return %x : tensor<4xf32>
}

// SCALAR: scalar-result.mlir:1:1: error: 'func.func' op result 0 has type 'f32'; results of an entry must be ranked tensors
// BLOCKS: two-blocks.mlir:1:1: error: 'func.func' op an entry must have one block; use scf for control flow
