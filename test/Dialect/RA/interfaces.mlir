// Shapes of results come from inits; pure ops leave loops.

// RUN: ra-opt %s --resolve-ranked-shaped-type-result-dims --loop-invariant-code-motion --canonicalize | FileCheck %s --enable-var-scope

// CHECK-LABEL: func.func @shapes(
// CHECK-SAME: %[[X:[^:]+]]: tensor<?x?x8xf32>, %[[W:[^:]+]]: tensor<6x8xf32>, %[[Y:[^:]+]]: tensor<?x?x6xf32>)
// CHECK: %[[C1:.+]] = arith.constant 1 : index
// CHECK: %[[DIM:.+]] = tensor.dim %[[Y]], %[[C1]]
// CHECK: return %[[DIM]]
func.func @shapes(%x: tensor<?x?x8xf32>, %w: tensor<6x8xf32>, %y: tensor<?x?x6xf32>) -> index {
  %c1 = arith.constant 1 : index
  %0 = ra.linear ins(%x, %w : tensor<?x?x8xf32>, tensor<6x8xf32>) outs(%y : tensor<?x?x6xf32>) -> tensor<?x?x6xf32>
  %1 = tensor.dim %0, %c1 : tensor<?x?x6xf32>
  return %1 : index
}

// The log-sum-exp has a shape of its own.
// CHECK-LABEL: func.func @shapes_lse(
// CHECK-SAME: %[[L:[^:]+]]: tensor<?x6x?xf32>)
// CHECK: %[[C2:.+]] = arith.constant 2 : index
// CHECK: %[[DIM:.+]] = tensor.dim %[[L]], %[[C2]]
// CHECK: return %[[DIM]]
func.func @shapes_lse(%q: tensor<?x6x?x8xf32>, %l: tensor<?x6x?xf32>) -> index {
  %c2 = arith.constant 2 : index
  %0:2 = ra.reciprocal_attention {rank = array<i64: 2>} ins(%q, %q, %q : tensor<?x6x?x8xf32>, tensor<?x6x?x8xf32>, tensor<?x6x?x8xf32>)
    outs(%q : tensor<?x6x?x8xf32>) lse(%l : tensor<?x6x?xf32>) -> tensor<?x6x?x8xf32>, tensor<?x6x?xf32>
  %1 = tensor.dim %0#1, %c2 : tensor<?x6x?xf32>
  return %1 : index
}

// CHECK-LABEL: func.func @shapes_fold(
// CHECK-SAME: %[[WQ:[^:]+]]: tensor<32x?xf32>
// CHECK-DAG: %[[C20:.+]] = arith.constant 20 : index
// CHECK-DAG: %[[C1:.+]] = arith.constant 1 : index
// CHECK: %[[DIM:.+]] = tensor.dim %[[WQ]], %[[C1]]
// CHECK: return %[[DIM]], %[[C20]]
func.func @shapes_fold(%wq: tensor<32x?xf32>, %wk: tensor<16x?xf32>) -> (index, index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %0:2 = ra.fold_weights {num_heads = 4, num_kv_heads = 2, rank = array<i64: 2>, gqa = #ra.gqa<slots>}
    ins(%wq, %wk : tensor<32x?xf32>, tensor<16x?xf32>) -> tensor<40x?xf32>, tensor<20x?xf32>
  %1 = tensor.dim %0#1, %c1 : tensor<20x?xf32>
  %2 = tensor.dim %0#1, %c0 : tensor<20x?xf32>
  return %1, %2 : index, index
}

// CHECK-LABEL: func.func @hoisted(
// CHECK: ra.fold_weights
// CHECK: ra.linear
// CHECK: scf.for
// CHECK-NOT: ra.linear
func.func @hoisted(%n: index, %x: tensor<3x8xf32>, %w: tensor<6x8xf32>, %y: tensor<3x6xf32>, %t: tensor<3x6xf32>) -> tensor<3x6xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %0 = scf.for %i = %c0 to %n step %c1 iter_args(%sum = %t) -> tensor<3x6xf32> {
    %1:2 = ra.fold_weights {num_heads = 3, rank = array<i64: 1>} ins(%w, %w : tensor<6x8xf32>, tensor<6x8xf32>) -> tensor<6x8xf32>, tensor<6x8xf32>
    %2 = ra.linear ins(%x, %1#0 : tensor<3x8xf32>, tensor<6x8xf32>) outs(%y : tensor<3x6xf32>) -> tensor<3x6xf32>
    %3 = arith.addf %sum, %2 : tensor<3x6xf32>
    scf.yield %3 : tensor<3x6xf32>
  }
  return %0 : tensor<3x6xf32>
}

// A write to memory stays where it is.
// CHECK-LABEL: func.func @not_hoisted(
// CHECK: scf.for
// CHECK-NEXT: ra.linear
func.func @not_hoisted(%n: index, %x: memref<3x8xf32>, %w: memref<6x8xf32>, %y: memref<3x6xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  scf.for %i = %c0 to %n step %c1 {
    ra.linear ins(%x, %w : memref<3x8xf32>, memref<6x8xf32>) outs(%y : memref<3x6xf32>)
  }
  return
}
