// RUN: ra-opt %s --ra-pack-weights=panel=4 | FileCheck %s --enable-var-scope
// RUN: ra-opt %s --ra-pack-weights | FileCheck %s --check-prefix=OFF
// RUN: not ra-opt %s --ra-pack-weights=panel=-1 2>&1 | FileCheck %s --check-prefix=NEGATIVE
// RUN: ra-opt %s --ra-bufferize=panel=16 --ra-lower-to-cpu | FileCheck %s --check-prefix=LOWERED --implicit-check-not="ra.linear"

// NEGATIVE: error: ra-pack-weights: panel must not be negative, got -1
// OFF-NOT: panel
// LOWERED: llvm.func @_mlir_ciface_prepared.prepare(

// A prepared value that only the product reads is prepared in panels instead; a
// parameter becomes an argument of @prepared.prepare; what else reads one keeps
// it.
// CHECK-LABEL: func.func @prepared.prepare(
// CHECK-SAME:    %[[A:[^:]+]]: tensor<8x16xf16> {ra.parameter}, %[[B:[^:]+]]: tensor<8x16xf16> {ra.parameter}, %[[C:[^:]+]]: tensor<2x5x16xf16> {ra.parameter})
// CHECK-SAME:    -> (tensor<16x16xf16>, tensor<4x16x4xf16>, tensor<2x2x16x4xf16>) attributes {ra.arguments = array<i64: 1, 2, 3>}
// CHECK:         %[[BOTH:.+]] = tensor.concat dim(0) %[[A]], %[[B]]
// CHECK:         %[[SUM:.+]] = linalg.add
// CHECK:         %[[SPLIT:.+]] = tensor.expand_shape %[[BOTH]] {{\[\[}}0, 1], [2]] output_shape [4, 4, 16]
// CHECK:         %[[PANELS:.+]] = linalg.transpose ins(%[[SPLIT]] : tensor<4x4x16xf16>) {{.+}} permutation = [0, 2, 1]
// Five outputs per head: three of zeros more.
// CHECK:         %[[PADDED:.+]] = tensor.pad %[[C]] low[0, 0, 0] high[0, 3, 0]
// CHECK:         %[[HEADS:.+]] = tensor.expand_shape %[[PADDED]] {{\[\[}}0], [1, 2], [3]] output_shape [2, 2, 4, 16]
// CHECK:         %[[HEADPANELS:.+]] = linalg.transpose ins(%[[HEADS]] : tensor<2x2x4x16xf16>) {{.+}} permutation = [0, 1, 3, 2]
// CHECK:         return %[[SUM]], %[[PANELS]], %[[HEADPANELS]]
// CHECK-LABEL: func.func @prepared(
// CHECK-SAME:    %[[X:[^:]+]]: tensor<3x16xf16>, %[[S:[^:]+]]: tensor<16x16xf16> {ra.parameter}, %[[W:[^:]+]]: tensor<4x16x4xf16> {ra.parameter}, %[[V:[^:]+]]: tensor<2x2x16x4xf16> {ra.parameter})
// CHECK-SAME:    ra.arguments = array<i64: 0, -1, -2, -3>
// CHECK:         ra.linear {panel = 4 : i64} ins(%[[X]], %[[W]] :
// CHECK:         ra.linear {panel = 4 : i64} ins(%[[X]], %[[V]] :
// CHECK:         return %{{.+}}, %{{.+}}, %[[S]]
func.func @prepared.prepare(%a: tensor<8x16xf16> {ra.parameter}, %b: tensor<8x16xf16> {ra.parameter}) -> (tensor<16x16xf16>, tensor<16x16xf16>)
    attributes {ra.arguments = array<i64: 1, 2>} {
  %w = tensor.concat dim(0) %a, %b : (tensor<8x16xf16>, tensor<8x16xf16>) -> tensor<16x16xf16>
  %e = tensor.empty() : tensor<16x16xf16>
  %s = linalg.add ins(%w, %w : tensor<16x16xf16>, tensor<16x16xf16>) outs(%e : tensor<16x16xf16>) -> tensor<16x16xf16>
  return %w, %s : tensor<16x16xf16>, tensor<16x16xf16>
}
func.func @prepared(%x: tensor<3x16xf16>, %w: tensor<16x16xf16> {ra.parameter}, %s: tensor<16x16xf16> {ra.parameter}, %v: tensor<2x5x16xf16> {ra.parameter})
    -> (tensor<3x16xf16>, tensor<3x2x5xf16>, tensor<16x16xf16>)
    attributes {ra.arguments = array<i64: 0, -1, -2, 3>,
                ra.argument_types = [tensor<3x16xf16>, tensor<8x16xf16>, tensor<8x16xf16>, tensor<2x5x16xf16>]} {
  %e = tensor.empty() : tensor<3x16xf16>
  %y = ra.linear ins(%x, %w : tensor<3x16xf16>, tensor<16x16xf16>) outs(%e : tensor<3x16xf16>) -> tensor<3x16xf16>
  %f = tensor.empty() : tensor<3x2x5xf16>
  %z = ra.linear ins(%x, %v : tensor<3x16xf16>, tensor<2x5x16xf16>) outs(%f : tensor<3x2x5xf16>) -> tensor<3x2x5xf16>
  return %y, %z, %s : tensor<3x16xf16>, tensor<3x2x5xf16>, tensor<16x16xf16>
}

// Two products with one weight: one packed copy. A constant is packed when the
// entry is prepared. A weight that is no parameter stays.
// CHECK-LABEL: func.func @kinds.prepare(
// CHECK-SAME:    %[[W:[^:]+]]: tensor<8x4xf32> {ra.parameter}) -> (tensor<1x4x4xf32>, tensor<2x4x4xf32>) attributes {ra.arguments = array<i64: 2>}
// CHECK:         arith.constant dense<2.000000e+00> : tensor<4x4xf32>
// CHECK-LABEL: func.func @kinds(
// CHECK-SAME:    %[[X:[^:]+]]: tensor<3x4xf32>, %[[A:[^:]+]]: tensor<4x4xf32>, %[[C:[^:]+]]: tensor<1x4x4xf32> {ra.parameter}, %[[P:[^:]+]]: tensor<2x4x4xf32> {ra.parameter})
// CHECK-SAME:    ra.argument_types = [tensor<3x4xf32>, tensor<4x4xf32>, tensor<8x4xf32>]
// CHECK-SAME:    ra.arguments = array<i64: 0, 1, -1, -2>
// CHECK:         ra.linear {panel = 4 : i64} ins(%[[X]], %[[C]] :
// CHECK:         ra.linear {panel = 4 : i64} ins(%{{.+}}, %[[P]] :
// CHECK:         ra.linear ins(%{{.+}}, %[[A]] :
// CHECK:         ra.linear {panel = 4 : i64} ins(%{{.+}}, %[[P]] :
func.func @kinds(%x: tensor<3x4xf32>, %a: tensor<4x4xf32>, %w: tensor<8x4xf32> {ra.parameter}) -> (tensor<3x8xf32>, tensor<3x8xf32>) {
  %c = arith.constant dense<2.0> : tensor<4x4xf32>
  %e = tensor.empty() : tensor<3x4xf32>
  %f = tensor.empty() : tensor<3x8xf32>
  %y = ra.linear ins(%x, %c : tensor<3x4xf32>, tensor<4x4xf32>) outs(%e : tensor<3x4xf32>) -> tensor<3x4xf32>
  %p = ra.linear ins(%y, %w : tensor<3x4xf32>, tensor<8x4xf32>) outs(%f : tensor<3x8xf32>) -> tensor<3x8xf32>
  %z = ra.linear ins(%y, %a : tensor<3x4xf32>, tensor<4x4xf32>) outs(%e : tensor<3x4xf32>) -> tensor<3x4xf32>
  %q = ra.linear ins(%z, %w : tensor<3x4xf32>, tensor<8x4xf32>) outs(%f : tensor<3x8xf32>) -> tensor<3x8xf32>
  return %p, %q : tensor<3x8xf32>, tensor<3x8xf32>
}
