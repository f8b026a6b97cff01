// RUN: ra-opt %s --convert-ra-to-vector='lanes=8 rows=6 chunks=2' | FileCheck %s --enable-var-scope

// A parallel loop over (batch, head, group of query tiles), the last rows
// first; scratch in the tile's function, none of it T x T. Keys have room for
// rows that products read beyond the end.
// CHECK-LABEL: func.func @causal(
// CHECK-DAG:     %[[B:.+]] = arith.constant 2 : index
// CHECK-DAG:     %[[H:.+]] = arith.constant 4 : index
// CHECK:         scf.parallel (%[[I:.+]], %[[J:.+]], %[[K:.+]]) = ({{.+}}) to (%[[B]], %[[H]], %[[H]])
// CHECK:           arith.subi %{{.+}}, %[[K]]
// CHECK:           %[[BACK:.+]] = arith.subi
// CHECK:           %[[FIRST:.+]] = arith.muli %[[BACK]], %{{.+}}
// CHECK:           func.call @causal_tile(%[[I]], %[[J]], %[[FIRST]],
// CHECK-NOT:     ra.attention
// CHECK-LABEL: func.func private @causal_tile(
// CHECK-SAME:    llvm.linkage = #llvm.linkage<internal>, ra.scratch_bytes = 83712
// CHECK-DAG:     memref.alloca() {alignment = 64 : i64} : memref<4x32x64xf32>
// CHECK-DAG:     memref.alloca() {alignment = 64 : i64} : memref<72x32xf32>
// CHECK-DAG:     memref.alloca() {alignment = 64 : i64} : memref<64x16xf32>
// CHECK-DAG:     memref.alloca() {alignment = 64 : i64} : memref<72x64xf32>
// CHECK-DAG:     memref.alloca() {alignment = 64 : i64} : memref<4x16x64xf32>
// CHECK-NOT:     memref.alloc(
// A full tile that all queries see: static loops, two vectors by six rows, no
// mask.
// CHECK:         scf.if
// CHECK:           scf.if
// CHECK-COUNT-12:    vector.fma
// CHECK-NOT:         arith.cmpi sgt, {{.+}} : vector<8xi32>
// Elsewhere one vector of queries by as many rows as it has lanes; the mask.
// CHECK:           } else {
// CHECK:             scf.if
// CHECK-COUNT-8:       vector.fma
// CHECK:               arith.cmpi sgt, {{.+}} : vector<8xi32>
// CHECK:               arith.shli {{.+}} : vector<8xi32>
// CHECK:               vector.fma
// CHECK-NOT:     math.exp
func.func @causal(%q: memref<2x4x1000x32xf16>, %k: memref<2x2x1000x32xf16>, %v: memref<2x2x1000x16xf16>, %o: memref<2x4x1000x16xf16>) {
  ra.attention {mask = #ra.mask<causal>} ins(%q, %k, %v : memref<2x4x1000x32xf16>, memref<2x2x1000x32xf16>, memref<2x2x1000x16xf16>)
      outs(%o : memref<2x4x1000x16xf16>)
  return
}

// No mask, no condition; few queries, a small tile; no tanh without a softcap.
// CHECK-LABEL: func.func private @short_tile(
// CHECK-NOT:     memref<{{.*}}x64xf32>
// CHECK-NOT:     arith.cmpi sgt, {{.+}} : vector
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
