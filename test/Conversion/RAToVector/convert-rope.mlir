// RUN: ra-opt %s --convert-ra-to-vector | FileCheck %s --enable-var-scope

// CHECK-LABEL: func.func @half(
// CHECK:         %[[HALF:.+]] = arith.constant 8 : index
// CHECK:         scf.parallel
// CHECK:           scf.for %[[F:.+]] =
// CHECK:             %[[V:.+]] = arith.addi %[[F]], %[[HALF]]
// CHECK:             memref.load %{{.+}}[%{{.+}}, %{{.+}}, %{{.+}}, %[[V]]]
func.func @half(%x: memref<2x3x5x16xf32>, %c: memref<5x8xf32>, %s: memref<5x8xf32>, %y: memref<2x3x5x16xf32>) {
  ra.rope {style = #ra.rope_style<half>} ins(%x, %c, %s : memref<2x3x5x16xf32>, memref<5x8xf32>, memref<5x8xf32>)
      outs(%y : memref<2x3x5x16xf32>)
  return
}

// Dims beyond the rotary ones are copied.
// CHECK-LABEL: func.func @partial(
// CHECK:         scf.parallel
// CHECK:           scf.for
// CHECK:             arith.muli
// CHECK:           scf.for
// CHECK-NEXT:        %[[E:.+]] = memref.load
// CHECK-NEXT:        memref.store %[[E]]
func.func @partial(%x: memref<2x3x5x20xf32>, %c: memref<5x8xf32>, %s: memref<5x8xf32>, %y: memref<2x3x5x20xf32>) {
  ra.rope {style = #ra.rope_style<interleaved>} ins(%x, %c, %s : memref<2x3x5x20xf32>, memref<5x8xf32>, memref<5x8xf32>)
      outs(%y : memref<2x3x5x20xf32>)
  return
}
