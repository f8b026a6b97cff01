// RUN: ra-opt %s --convert-ra-to-vector | FileCheck %s --enable-var-scope

// Chunks of rows, one loop per outer output dim, the panels of the last one.
// CHECK-LABEL: func.func @heads(
// CHECK-DAG:     %[[C256:.+]] = arith.constant 256 : index
// CHECK-DAG:     %[[C3:.+]] = arith.constant 3 : index
// CHECK-DAG:     %[[C12:.+]] = arith.constant 12 : index
// CHECK-DAG:     %[[C2:.+]] = arith.constant 2 : index
// CHECK-DAG:     %[[CHUNK:.+]] = arith.constant 1027 : index
// CHECK:         scf.parallel ({{.+}}) = ({{.+}}) to (%[[C256]], %[[C3]], %[[C12]], %[[C2]]) step (%[[CHUNK]], {{.+}}, {{.+}}, %[[C2]])
// CHECK-NEXT:      func.call @heads_tile(
// 16 bits: a block of rows and the panels are converted into scratch.
// CHECK-LABEL: func.func private @heads_tile(
// CHECK-DAG:     memref.alloca() {alignment = 64 : i64} : memref<13x768xf32>
// CHECK-DAG:     memref.alloca() {alignment = 64 : i64} : memref<2x768x32xf32>
// CHECK:         arith.extf {{.+}} : vector<16xbf16> to vector<16xf32>
// Blocks of 13 rows, then of 4, then of 1, two vectors each.
// CHECK-COUNT-26: vector.fma
// CHECK:         arith.truncf {{.+}} : vector<16xf32> to vector<16xbf16>
// CHECK-COUNT-8: vector.fma
// CHECK:         arith.truncf
// CHECK-COUNT-2: vector.fma
// CHECK:         arith.truncf
// CHECK-NOT:     vector.fma
func.func @heads(%x: memref<2x128x768xbf16>, %w: memref<3x12x64x768xbf16>, %b: memref<3x12x64xbf16>, %y: memref<3x2x12x128x64xbf16>) {
  ra.linear {indexing_maps = [affine_map<(b, t, c) -> (b, t, c)>, affine_map<(b, t, n, h, d) -> (n, b, h, t, d)>]}
      ins(%x, %w : memref<2x128x768xbf16>, memref<3x12x64x768xbf16>) bias(%b : memref<3x12x64xbf16>)
      outs(%y : memref<3x2x12x128x64xbf16>)
  return
}

// Channels that are not known: in blocks, with sums in scratch.
// CHECK-LABEL: func.func private @dynamic_tile(
// CHECK-DAG:     memref.alloca() {alignment = 64 : i64} : memref<13x512xf32>
// CHECK-DAG:     memref.alloca() {alignment = 64 : i64} : memref<260x128xf32>
// CHECK:         memref.dim
// CHECK:         vector.fma
func.func @dynamic(%x: memref<?x?xf32>, %w: memref<?x?xf32>, %y: memref<?x?xf32>) {
  ra.linear ins(%x, %w : memref<?x?xf32>, memref<?x?xf32>) outs(%y : memref<?x?xf32>)
  return
}

// f32 rows and a weight in panels are read where they are: scratch holds the
// bias and the sums of a last panel that is not full.
// CHECK-LABEL: func.func private @panels_tile(
// CHECK-SAME:    %[[X:[^:]+]]: memref<2x77x768xf32>, %[[W:[^:]+]]: memref<4x768x32xf32>,
// CHECK-DAG:     memref.alloca() {alignment = 64 : i64} : memref<128xf32>
// CHECK-DAG:     memref.alloca() {alignment = 64 : i64} : memref<13x32xf32>
// CHECK-NOT:     memref.alloca
// CHECK:         %[[FLAT:.+]] = memref.collapse_shape %[[X]] {{.+}} into memref<154x768xf32>
// CHECK:         vector.load %[[W]][
// CHECK:         memref.load %[[FLAT]][
// CHECK:         vector.fma
func.func @panels(%x: memref<2x77x768xf32>, %w: memref<4x768x32xf32>, %y: memref<2x77x100xf32>) {
  ra.linear {panel = 32 : i64} ins(%x, %w : memref<2x77x768xf32>, memref<4x768x32xf32>) outs(%y : memref<2x77x100xf32>)
  return
}
