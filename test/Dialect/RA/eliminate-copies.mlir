// RUN: ra-opt %s --split-input-file --ra-eliminate-copies | FileCheck %s --enable-var-scope
// RUN: ra-opt %s --split-input-file --ra-eliminate-copies --remarks-filter-passed=ra-eliminate-copies \
// RUN:   --remarks-filter-missed=ra-eliminate-copies 2>&1 >/dev/null | FileCheck %s --check-prefix=REMARK

// REMARK: Function=attention | Reason="no copies left"
// CHECK-DAG: #[[$BTHD:.+]] = affine_map<(d0, d1, d2, d3) -> (d0, d2, d1, d3)>
// CHECK-DAG: #[[$ID:.+]] = affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>
// CHECK-LABEL: func.func @attention(
// CHECK-SAME:    %[[Q:[^:]+]]: tensor<2x16x4x8xf32>, %[[K:[^:]+]]: tensor<2x4x16x8xf32>, %[[V:[^:]+]]: tensor<2x4x16x8xf32>
// CHECK:         %[[E:.+]] = tensor.empty() : tensor<2x16x4x8xf32>
// CHECK:         %[[O:.+]] = ra.attention {indexing_maps = [#[[$BTHD]], #[[$ID]], #[[$ID]], #[[$BTHD]]]} ins(%[[Q]], %[[K]], %[[V]] {{.*}} outs(%[[E]]
// CHECK-NEXT:    return %[[O]]
func.func @attention(%q: tensor<2x16x4x8xf32>, %k: tensor<2x4x16x8xf32>, %v: tensor<2x4x16x8xf32>) -> tensor<2x16x4x8xf32> {
  %e = tensor.empty() : tensor<2x4x16x8xf32>
  %qt = linalg.transpose ins(%q : tensor<2x16x4x8xf32>) outs(%e : tensor<2x4x16x8xf32>) permutation = [0, 2, 1, 3]
  %o = ra.attention ins(%qt, %k, %v : tensor<2x4x16x8xf32>, tensor<2x4x16x8xf32>, tensor<2x4x16x8xf32>) outs(%e : tensor<2x4x16x8xf32>) -> tensor<2x4x16x8xf32>
  %f = tensor.empty() : tensor<2x16x4x8xf32>
  %0 = linalg.transpose ins(%o : tensor<2x4x16x8xf32>) outs(%f : tensor<2x16x4x8xf32>) permutation = [0, 2, 1, 3]
  return %0 : tensor<2x16x4x8xf32>
}

// -----

// A permutation of three dims in a cycle: the map is the right one of the two.
// CHECK-DAG: #[[$MAP:.+]] = affine_map<(d0, d1, d2, d3) -> (d2, d0, d1, d3)>
// CHECK-LABEL: func.func @cycle(
// CHECK-SAME:    %[[Q:[^:]+]]: tensor<16x2x4x8xf32>
// CHECK:         ra.attention {indexing_maps = [#[[$MAP]], #{{.+}}, #{{.+}}, #{{.+}}]} ins(%[[Q]],
func.func @cycle(%q: tensor<16x2x4x8xf32>, %k: tensor<2x4x16x8xf32>, %e: tensor<2x4x16x8xf32>) -> tensor<2x4x16x8xf32> {
  %qt = linalg.generic {indexing_maps = [affine_map<(a, b, c, d) -> (c, a, b, d)>, affine_map<(a, b, c, d) -> (a, b, c, d)>],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%q : tensor<16x2x4x8xf32>) outs(%e : tensor<2x4x16x8xf32>) {
  ^bb0(%i: f32, %j: f32):
    linalg.yield %i : f32
  } -> tensor<2x4x16x8xf32>
  %o = ra.attention ins(%qt, %k, %k : tensor<2x4x16x8xf32>, tensor<2x4x16x8xf32>, tensor<2x4x16x8xf32>) outs(%e : tensor<2x4x16x8xf32>) -> tensor<2x4x16x8xf32>
  return %o : tensor<2x4x16x8xf32>
}

// -----

// A slice of a transpose is a view of a slice; a projection writes through its
// map.
// CHECK-LABEL: func.func @slice(
// CHECK-NOT:     linalg.transpose
// CHECK:         tensor.extract_slice %{{.+}}[0, 0, 8, 0] [2, 16, 8, 8] [1, 1, 1, 1] : tensor<2x16x16x8xf32>
// CHECK:         ra.rope {indexing_maps
// CHECK:         ra.linear {indexing_maps
// CHECK-NOT:     linalg.transpose
func.func @slice(%x: tensor<2x16x8xf32>, %w: tensor<16x8x8xf32>, %q: tensor<2x16x16x8xf32>, %c: tensor<16x4xf32>)
    -> (tensor<2x8x16x8xf32>, tensor<16x8x2x16xf32>) {
  %e = tensor.empty() : tensor<2x16x16x8xf32>
  %t = linalg.transpose ins(%q : tensor<2x16x16x8xf32>) outs(%e : tensor<2x16x16x8xf32>) permutation = [0, 2, 1, 3]
  %s = tensor.extract_slice %t[0, 8, 0, 0] [2, 8, 16, 8] [1, 1, 1, 1] : tensor<2x16x16x8xf32> to tensor<2x8x16x8xf32>
  %f = tensor.empty() : tensor<2x8x16x8xf32>
  %r = ra.rope {style = #ra.rope_style<half>} ins(%s, %c, %c : tensor<2x8x16x8xf32>, tensor<16x4xf32>, tensor<16x4xf32>) outs(%f : tensor<2x8x16x8xf32>) -> tensor<2x8x16x8xf32>
  %g = tensor.empty() : tensor<2x16x16x8xf32>
  %p = ra.linear ins(%x, %w : tensor<2x16x8xf32>, tensor<16x8x8xf32>) outs(%g : tensor<2x16x16x8xf32>) -> tensor<2x16x16x8xf32>
  %h = tensor.empty() : tensor<16x8x2x16xf32>
  %pt = linalg.transpose ins(%p : tensor<2x16x16x8xf32>) outs(%h : tensor<16x8x2x16xf32>) permutation = [2, 3, 0, 1]
  return %r, %pt : tensor<2x8x16x8xf32>, tensor<16x8x2x16xf32>
}

// -----

// What stays is said.
// REMARK: [Missed] copy {{.*}} Function=stays | Reason="linalg.transpose stays: neither its producer nor its user 'func.return' takes an indexing map"
// CHECK-LABEL: func.func @stays(
// CHECK:         linalg.transpose
func.func @stays(%x: tensor<4x8xf32>, %e: tensor<8x4xf32>) -> tensor<8x4xf32> {
  %t = linalg.transpose ins(%x : tensor<4x8xf32>) outs(%e : tensor<8x4xf32>) permutation = [1, 0]
  return %t : tensor<8x4xf32>
}
