// RUN: ra-opt %s --convert-ra-to-vector='lanes=8 rows=6 chunks=2' | FileCheck %s --enable-var-scope

// A parallel loop over (batch, head, tile of queries); scratch in the tile's
// function, none of it T x T.
// CHECK-LABEL: func.func @causal(
// CHECK-DAG:     %[[B:.+]] = arith.constant 2 : index
// CHECK-DAG:     %[[H:.+]] = arith.constant 4 : index
// CHECK-DAG:     %[[TILES:.+]] = arith.constant 16 : index
// CHECK:         scf.parallel (%[[I:.+]], %[[J:.+]], %[[K:.+]]) = ({{.+}}) to (%[[B]], %[[H]], %[[TILES]])
// CHECK-NEXT:      func.call @causal_tile(%[[I]], %[[J]], %[[K]],
// CHECK-NOT:     ra.attention
// CHECK-LABEL: func.func private @causal_tile(
// CHECK-SAME:    llvm.linkage = #llvm.linkage<internal>
// CHECK-DAG:     memref.alloca() {alignment = 64 : i64} : memref<32x64xf32>
// CHECK-DAG:     memref.alloca() {alignment = 64 : i64} : memref<64x32xf32>
// CHECK-DAG:     memref.alloca() {alignment = 64 : i64} : memref<64x16xf32>
// CHECK-DAG:     memref.alloca() {alignment = 64 : i64} : memref<64x64xf32>
// CHECK-DAG:     memref.alloca() {alignment = 64 : i64} : memref<16x64xf32>
// CHECK-NOT:     memref.alloc(
// CHECK:         vector.fma
// The edge of the mask is applied in tiles that it runs through.
// CHECK:         scf.if
// CHECK:           arith.cmpi slt, {{.+}} : vector<8xi32>
// CHECK:         math.exp {{.+}} : vector<8xf32>
// CHECK:         vector.fma
func.func @causal(%q: memref<2x4x1000x32xf16>, %k: memref<2x2x1000x32xf16>, %v: memref<2x2x1000x16xf16>, %o: memref<2x4x1000x16xf16>) {
  ra.attention {mask = #ra.mask<causal>} ins(%q, %k, %v : memref<2x4x1000x32xf16>, memref<2x2x1000x32xf16>, memref<2x2x1000x16xf16>)
      outs(%o : memref<2x4x1000x16xf16>)
  return
}

// No mask, no condition; few queries, a small tile; no tanh without a softcap.
// CHECK-LABEL: func.func private @short_tile(
// CHECK-NOT:     memref<{{.*}}x64xf32>
// CHECK-NOT:     scf.if
// CHECK-NOT:     math.tanh
// CHECK:         return
func.func @short(%q: memref<1x1x3x32xf32>, %k: memref<1x1x7x32xf32>, %v: memref<1x1x7x32xf32>, %o: memref<1x1x3x32xf32>) {
  ra.attention ins(%q, %k, %v : memref<1x1x3x32xf32>, memref<1x1x7x32xf32>, memref<1x1x7x32xf32>) outs(%o : memref<1x1x3x32xf32>)
  return
}

// CHECK-LABEL: func.func private @capped_tile(
// CHECK:         math.tanh
// CHECK:         math.log
func.func @capped(%q: memref<?x1x?x8xf32>, %o: memref<?x1x?x8xf32>, %l: memref<?x1x?xf32>) {
  ra.attention {softcap = 30.0 : f64} ins(%q, %q, %q : memref<?x1x?x8xf32>, memref<?x1x?x8xf32>, memref<?x1x?x8xf32>)
      outs(%o : memref<?x1x?x8xf32>) lse(%l : memref<?x1x?xf32>)
  return
}
