// RUN: ra-opt %s --split-input-file --ra-outline-prepare | FileCheck %s --enable-var-scope
// RUN: ra-opt %s --split-input-file --ra-outline-prepare --remarks-filter-passed=ra-outline-prepare 2>&1 >/dev/null | FileCheck %s --check-prefix=REMARK

// The concatenation moves; the output weight is used as it is and stays; so does
// a view of a parameter, which would be a copy as a prepared value.
// REMARK: 1 ops on 2 parameters moved to @f.prepare, 1 prepared values
// CHECK-LABEL: func.func @f.prepare(
// CHECK-SAME:    %[[A:[^:]+]]: tensor<8x8xf32> {ra.parameter}, %[[B:[^:]+]]: tensor<8x8xf32> {ra.parameter}) -> tensor<16x8xf32> attributes {ra.arguments = array<i64: 1, 2>}
// CHECK-NEXT:    %[[W:.+]] = tensor.concat dim(0) %[[A]], %[[B]]
// CHECK-NEXT:    return %[[W]]
// CHECK-LABEL: func.func @f(
// CHECK-SAME:    %[[X:[^:]+]]: tensor<2x16x8xf32>, %[[V:[^:]+]]: tensor<64xf32> {ra.parameter}, %[[P:[^:]+]]: tensor<16x8xf32> {ra.parameter})
// CHECK-SAME:    ra.argument_types = [tensor<2x16x8xf32>, tensor<8x8xf32>, tensor<8x8xf32>, tensor<64xf32>], ra.arguments = array<i64: 0, 3, -1>
// CHECK:         %[[VIEW:.+]] = tensor.expand_shape %[[V]]
// CHECK:         ra.linear ins(%[[X]], %[[P]]
// CHECK:         ra.linear ins(%[[X]], %[[VIEW]]
func.func @f(%x: tensor<2x16x8xf32>, %a: tensor<8x8xf32> {ra.parameter}, %b: tensor<8x8xf32> {ra.parameter}, %v: tensor<64xf32> {ra.parameter})
    -> (tensor<2x16x16xf32>, tensor<2x16x8xf32>) {
  %w = tensor.concat dim(0) %a, %b : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<16x8xf32>
  %view = tensor.expand_shape %v [[0, 1]] output_shape [8, 8] : tensor<64xf32> into tensor<8x8xf32>
  %i = tensor.empty() : tensor<2x16x16xf32>
  %j = tensor.empty() : tensor<2x16x8xf32>
  %0 = ra.linear ins(%x, %w : tensor<2x16x8xf32>, tensor<16x8xf32>) outs(%i : tensor<2x16x16xf32>) -> tensor<2x16x16xf32>
  %1 = ra.linear ins(%x, %view : tensor<2x16x8xf32>, tensor<8x8xf32>) outs(%j : tensor<2x16x8xf32>) -> tensor<2x16x8xf32>
  return %0, %1 : tensor<2x16x16xf32>, tensor<2x16x8xf32>
}

// -----

// Nothing to do without parameters, or on private functions.
// CHECK-LABEL: module
// CHECK-NOT:   .prepare
func.func @plain(%a: tensor<8x8xf32>, %b: tensor<8x8xf32>) -> tensor<16x8xf32> {
  %w = tensor.concat dim(0) %a, %b : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<16x8xf32>
  return %w : tensor<16x8xf32>
}
func.func private @inner(%a: tensor<8x8xf32> {ra.parameter}) -> tensor<16x8xf32> {
  %w = tensor.concat dim(0) %a, %a : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<16x8xf32>
  return %w : tensor<16x8xf32>
}

// -----

// Without prepared values, too: the parameters come last, by first use, and the
// unused one goes.
// CHECK-LABEL: func.func @order(
// CHECK-SAME:    %[[X:[^:]+]]: tensor<2x8xf32>, %[[B:[^:]+]]: tensor<8x8xf32> {ra.parameter}, %[[A:[^:]+]]: tensor<8x8xf32> {ra.parameter})
// CHECK-SAME:    ra.arguments = array<i64: 1, 3, 0>
// CHECK:         ra.linear ins(%[[X]], %[[B]]
// CHECK:         ra.linear ins(%{{.+}}, %[[A]]
func.func @order(%a: tensor<8x8xf32> {ra.parameter}, %x: tensor<2x8xf32>, %unused: tensor<1xf32> {ra.parameter}, %b: tensor<8x8xf32> {ra.parameter}) -> tensor<2x8xf32> {
  %e = tensor.empty() : tensor<2x8xf32>
  %0 = ra.linear ins(%x, %b : tensor<2x8xf32>, tensor<8x8xf32>) outs(%e : tensor<2x8xf32>) -> tensor<2x8xf32>
  %1 = ra.linear ins(%0, %a : tensor<2x8xf32>, tensor<8x8xf32>) outs(%e : tensor<2x8xf32>) -> tensor<2x8xf32>
  return %1 : tensor<2x8xf32>
}
