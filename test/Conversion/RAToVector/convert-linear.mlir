// RUN: ra-opt %s --convert-ra-to-vector | FileCheck %s --enable-var-scope

// Blocks of rows, one loop per outer output dim, blocks of the last one.
// CHECK-LABEL: func.func @heads(
// CHECK-DAG:     %[[C2:.+]] = arith.constant 2 : index
// CHECK-DAG:     %[[C3:.+]] = arith.constant 3 : index
// CHECK-DAG:     %[[C12:.+]] = arith.constant 12 : index
// CHECK-DAG:     %[[C1:.+]] = arith.constant 1 : index
// CHECK:         scf.parallel ({{.+}}) = ({{.+}}) to (%[[C2]], %[[C3]], %[[C12]], %[[C1]])
// CHECK-NEXT:      func.call @heads_tile(
// CHECK-LABEL: func.func private @heads_tile(
// CHECK-DAG:     memref.alloca() {alignment = 64 : i64} : memref<192x128xf32>
// CHECK-DAG:     memref.alloca() {alignment = 64 : i64} : memref<1x128x64xf32>
// CHECK-DAG:     memref.alloca() {alignment = 64 : i64} : memref<192x64xf32>
// CHECK:         arith.extf {{.+}} : vector<16xbf16> to vector<16xf32>
// CHECK:         vector.fma
// CHECK:         arith.truncf {{.+}} : vector<16xf32> to vector<16xbf16>
func.func @heads(%x: memref<2x128x768xbf16>, %w: memref<3x12x64x768xbf16>, %b: memref<3x12x64xbf16>, %y: memref<3x2x12x128x64xbf16>) {
  ra.linear {indexing_maps = [affine_map<(b, t, c) -> (b, t, c)>, affine_map<(b, t, n, h, d) -> (n, b, h, t, d)>]}
      ins(%x, %w : memref<2x128x768xbf16>, memref<3x12x64x768xbf16>) bias(%b : memref<3x12x64xbf16>)
      outs(%y : memref<3x2x12x128x64xbf16>)
  return
}

// CHECK-LABEL: func.func private @dynamic_tile(
// CHECK:         memref.dim
// CHECK:         vector.fma
func.func @dynamic(%x: memref<?x?xf32>, %w: memref<?x?xf32>, %y: memref<?x?xf32>) {
  ra.linear ins(%x, %w : memref<?x?xf32>, memref<?x?xf32>) outs(%y : memref<?x?xf32>)
  return
}
