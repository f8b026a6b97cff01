// RUN: ra-opt %s --split-input-file --ra-outline-shapes | FileCheck %s --enable-var-scope

// A dynamic result, and conditions that do not follow from the types: extents
// first, then pairs; nothing of the computation is left.
// CHECK-LABEL: func.func @f(
// CHECK-LABEL: func.func @f.shapes(
// CHECK-SAME:    %[[Q:.+]]: tensor<?x2x?x8xf32>, %[[K:.+]]: tensor<?x2x?x8xf32>, %[[V:.+]]: tensor<?x2x?x8xf32>, %[[OUT:.+]]: memref<8xi64>)
// CHECK-SAME:    ra.shape_checks = ["ra.attention: batch of query and key", "ra.attention: batch of query and value", "ra.attention: length of key and value"]
// CHECK-NOT:     ra.attention {{.*}}ins
// CHECK-DAG:     %[[C0:.+]] = arith.constant 0 : index
// CHECK-DAG:     %[[C2:.+]] = arith.constant 2 : index
// CHECK-DAG:     %[[B:.+]] = tensor.dim %[[Q]], %[[C0]]
// CHECK-DAG:     %[[T:.+]] = tensor.dim %[[Q]], %[[C2]]
// CHECK-DAG:     %[[BK:.+]] = tensor.dim %[[K]], %[[C0]]
// CHECK-DAG:     %[[TK:.+]] = tensor.dim %[[K]], %[[C2]]
// CHECK-DAG:     %[[BV:.+]] = tensor.dim %[[V]], %[[C0]]
// CHECK-DAG:     %[[TV:.+]] = tensor.dim %[[V]], %[[C2]]
// CHECK-COUNT-8: memref.store
// CHECK-NOT:     memref.store
func.func @f(%q: tensor<?x2x?x8xf32>, %k: tensor<?x2x?x8xf32>, %v: tensor<?x2x?x8xf32>) -> tensor<?x2x?x8xf32> {
  %c0 = arith.constant 0 : index
  %c2 = arith.constant 2 : index
  %b = tensor.dim %q, %c0 : tensor<?x2x?x8xf32>
  %t = tensor.dim %q, %c2 : tensor<?x2x?x8xf32>
  %e = tensor.empty(%b, %t) : tensor<?x2x?x8xf32>
  %a = ra.attention ins(%q, %k, %v : tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32>)
      outs(%e : tensor<?x2x?x8xf32>) -> tensor<?x2x?x8xf32>
  return %a : tensor<?x2x?x8xf32>
}

// -----

// Static shapes need no function.
// CHECK-LABEL: func.func @static(
// CHECK-NOT:   @static.shapes
func.func @static(%x: tensor<4x8xf32>, %w: tensor<2x8xf32>) -> tensor<4x2xf32> {
  %e = tensor.empty() : tensor<4x2xf32>
  %y = ra.linear ins(%x, %w : tensor<4x8xf32>, tensor<2x8xf32>) outs(%e : tensor<4x2xf32>) -> tensor<4x2xf32>
  return %y : tensor<4x2xf32>
}

// -----

// A static result can still depend on conditions: a cast, an elementwise op.
// CHECK-LABEL: func.func @conditions.shapes(
// CHECK-SAME:    memref<4xi64>
// CHECK-SAME:    ra.shape_checks = ["linalg.add: extent of loop 0", "tensor.cast: dim 0"]
func.func @conditions(%x: tensor<?xf32>, %y: tensor<?xf32>) -> tensor<4xf32> {
  %c0 = arith.constant 0 : index
  %n = tensor.dim %x, %c0 : tensor<?xf32>
  %e = tensor.empty(%n) : tensor<?xf32>
  %s = linalg.add ins(%x, %y : tensor<?xf32>, tensor<?xf32>) outs(%e : tensor<?xf32>) -> tensor<?xf32>
  %z = tensor.cast %s : tensor<?xf32> to tensor<4xf32>
  return %z : tensor<4xf32>
}
