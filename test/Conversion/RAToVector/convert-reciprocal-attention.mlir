// RUN: ra-opt %s --convert-ra-to-vector | FileCheck %s --enable-var-scope

// The open-coded form: a second product into the same scores, its own packed
// sides; dims of all heads alike need no table.
// CHECK-NOT:   memref.global
// CHECK-LABEL: func.func private @last_tile(
// CHECK-DAG:     memref.alloca() {alignment = 64 : i64} : memref<2x28x64xf32>
// CHECK-DAG:     memref.alloca() {alignment = 64 : i64} : memref<80x28xf32>
// CHECK-DAG:     memref.alloca() {alignment = 64 : i64} : memref<2x4x64xf32>
// CHECK-DAG:     memref.alloca() {alignment = 64 : i64} : memref<80x4xf32>
// The default gates, times the scale.
// CHECK-DAG:     arith.constant dense<4.500000e-01> : vector<16xf32>
// CHECK-DAG:     arith.constant 5.000000e-02 : f32
func.func @last(%q: memref<2x2x100x32xf32>, %o: memref<2x2x100x32xf32>) {
  ra.reciprocal_attention {rank = array<i64: 4>, scale = 0.5 : f64}
      ins(%q, %q, %q : memref<2x2x100x32xf32>, memref<2x2x100x32xf32>, memref<2x2x100x32xf32>) outs(%o : memref<2x2x100x32xf32>)
  return
}

// Heads that differ: counts and starts per head. Dims apart from each other: a
// list.
// CHECK-DAG:   memref.global "private" constant @ranks_tile_counts_0 : memref<2xindex> = dense<[4, 8]>
// CHECK-DAG:   memref.global "private" constant @ranks_tile_counts_1 : memref<2xindex> = dense<[4, 0]>
// CHECK-DAG:   memref.global "private" constant @ranks_tile_starts_1 : memref<2xindex> = dense<[4, 0]>
// CHECK-LABEL: func.func private @ranks_tile(
func.func @ranks(%q: memref<2x2x100x8xf32>, %o: memref<2x2x100x8xf32>) {
  ra.reciprocal_attention {rank = array<i64: 4, 0>}
      ins(%q, %q, %q : memref<2x2x100x8xf32>, memref<2x2x100x8xf32>, memref<2x2x100x8xf32>) outs(%o : memref<2x2x100x8xf32>)
  return
}

// CHECK-DAG:   memref.global "private" constant @listed_tile_dims_0 : memref<1x5xindex> = dense<{{\[\[}}0, 2, 3, 5, 6]]>
// CHECK-DAG:   memref.global "private" constant @listed_tile_dims_1 : memref<1x3xindex> = dense<{{\[\[}}1, 4, 7]]>
// CHECK-LABEL: func.func private @listed_tile(
func.func @listed(%q: memref<2x2x100x8xf32>, %o: memref<2x2x100x8xf32>) {
  ra.reciprocal_attention {rec_dims = array<i64: 1, 4, 7>}
      ins(%q, %q, %q : memref<2x2x100x8xf32>, memref<2x2x100x8xf32>, memref<2x2x100x8xf32>) outs(%o : memref<2x2x100x8xf32>)
  return
}

// Without reciprocal dims there is one product.
// CHECK-LABEL: func.func private @none_tile(
// CHECK-COUNT-8: memref.alloca
// CHECK-NOT:     memref.alloca
// CHECK:         return
func.func @none(%q: memref<2x2x100x8xf32>, %o: memref<2x2x100x8xf32>) {
  ra.reciprocal_attention {rank = array<i64: 0>}
      ins(%q, %q, %q : memref<2x2x100x8xf32>, memref<2x2x100x8xf32>, memref<2x2x100x8xf32>) outs(%o : memref<2x2x100x8xf32>)
  return
}
