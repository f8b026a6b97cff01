// RUN: ra-opt %s --ra-raise="score-bound=4000 every-row-sees-a-key" | FileCheck %s
// RUN: ra-opt %s --ra-raise 2>/dev/null | FileCheck %s --check-prefix=DEFAULT
// RUN: ra-opt %s --ra-raise="score-bound=4000 every-row-sees-a-key reciprocal-only" | FileCheck %s --check-prefix=DEFAULT

// What the options take for granted. Without them this stays as written: -10000 hides
// nothing from scores of that size, and a row may hide every key.
// DEFAULT-NOT: ra.attention
// DEFAULT: linalg.softmax
// DEFAULT-NOT: ra.attention

// CHECK-LABEL: @padding(
// CHECK: linalg.generic
// CHECK: ra.attention {{.*}} bias(%{{.*}} : tensor<1x1x8x8xf32>)
func.func @padding(%q: tensor<1x2x8x4xf32>, %k: tensor<1x2x8x4xf32>, %v: tensor<1x2x8x4xf32>,
                   %keep: tensor<8x8xf32>) -> tensor<1x2x8x4xf32> {
  %zero = arith.constant 0.0 : f32
  %low = arith.constant -10000.0 : f32
  %e_s = tensor.empty() : tensor<1x2x8x8xf32>
  %z_s = linalg.fill ins(%zero : f32) outs(%e_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %s = linalg.contract indexing_maps = [
      affine_map<(b, h, i, j, d) -> (b, h, i, d)>, affine_map<(b, h, i, j, d) -> (b, h, j, d)>,
      affine_map<(b, h, i, j, d) -> (b, h, i, j)>]
      ins(%q, %k : tensor<1x2x8x4xf32>, tensor<1x2x8x4xf32>)
      outs(%z_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %x = linalg.generic {indexing_maps = [
      affine_map<(b, h, i, j) -> (b, h, i, j)>, affine_map<(b, h, i, j) -> (i, j)>,
      affine_map<(b, h, i, j) -> (b, h, i, j)>],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%s, %keep : tensor<1x2x8x8xf32>, tensor<8x8xf32>) outs(%e_s : tensor<1x2x8x8xf32>) {
  ^bb0(%a: f32, %m: f32, %o: f32):
    %see = arith.cmpf ogt, %m, %zero : f32
    %y = arith.select %see, %a, %low : f32
    linalg.yield %y : f32
  } -> tensor<1x2x8x8xf32>
  %p = linalg.softmax dimension(3)
      ins(%x : tensor<1x2x8x8xf32>) outs(%e_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %e_o = tensor.empty() : tensor<1x2x8x4xf32>
  %z_o = linalg.fill ins(%zero : f32) outs(%e_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  %r = linalg.contract indexing_maps = [
      affine_map<(b, h, i, d, j) -> (b, h, i, j)>, affine_map<(b, h, i, d, j) -> (b, h, j, d)>,
      affine_map<(b, h, i, d, j) -> (b, h, i, d)>]
      ins(%p, %v : tensor<1x2x8x8xf32>, tensor<1x2x8x4xf32>)
      outs(%z_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  return %r : tensor<1x2x8x4xf32>
}
