// RUN: ra-opt %s --ra-raise -o %t.mlir --remarks-filter-missed=ra-raise 2>&1 | FileCheck %s --check-prefix=REMARK --allow-empty
// RUN: FileCheck %s --input-file=%t.mlir

// Attention as it can be written in linalg. Whatever the spelling, what is left
// is the op. test/Integration/raise.test runs each of these functions.

// Nothing is declined and no product stays.
// REMARK-NOT: Missed
// CHECK-NOT: linalg.contract
// CHECK-NOT: linalg.batch_matmul

#s4 = affine_map<(b, h, i, j) -> (b, h, i, j)>
#row = affine_map<(b, h, i, j) -> (b, h, i)>
#qk_q = affine_map<(b, h, i, j, d) -> (b, h, i, d)>
#qk_k = affine_map<(b, h, i, j, d) -> (b, h, j, d)>
#qk_s = affine_map<(b, h, i, j, d) -> (b, h, i, j)>
#pv_p = affine_map<(b, h, i, d, j) -> (b, h, i, j)>
#pv_v = affine_map<(b, h, i, d, j) -> (b, h, j, d)>
#pv_o = affine_map<(b, h, i, d, j) -> (b, h, i, d)>
#q4 = affine_map<(b, h, t, d) -> (b, h, t, d)>

// Named ops on three dims; the scale on the scores.
// CHECK-LABEL: @batch_matmul(
// CHECK: ra.attention {{.*}}scale = 5.000000e-01
func.func @batch_matmul(%q: tensor<3x8x4xf32>, %k: tensor<3x4x8xf32>, %v: tensor<3x8x4xf32>) -> tensor<3x8x4xf32> {
  %zero = arith.constant 0.0 : f32
  %scale = arith.constant dense<0.5> : tensor<3x8x8xf32>
  %e_s = tensor.empty() : tensor<3x8x8xf32>
  %z_s = linalg.fill ins(%zero : f32) outs(%e_s : tensor<3x8x8xf32>) -> tensor<3x8x8xf32>
  %s = linalg.batch_matmul ins(%q, %k : tensor<3x8x4xf32>, tensor<3x4x8xf32>)
      outs(%z_s : tensor<3x8x8xf32>) -> tensor<3x8x8xf32>
  %x = linalg.mul ins(%s, %scale : tensor<3x8x8xf32>, tensor<3x8x8xf32>)
      outs(%e_s : tensor<3x8x8xf32>) -> tensor<3x8x8xf32>
  %p = linalg.softmax dimension(2)
      ins(%x : tensor<3x8x8xf32>) outs(%e_s : tensor<3x8x8xf32>) -> tensor<3x8x8xf32>
  %e_o = tensor.empty() : tensor<3x8x4xf32>
  %z_o = linalg.fill ins(%zero : f32) outs(%e_o : tensor<3x8x4xf32>) -> tensor<3x8x4xf32>
  %r = linalg.batch_matmul ins(%p, %v : tensor<3x8x8xf32>, tensor<3x8x4xf32>)
      outs(%z_o : tensor<3x8x4xf32>) -> tensor<3x8x4xf32>
  return %r : tensor<3x8x4xf32>
}

// No scale at all; a key that batch_matmul reads transposed by its map.
// CHECK-LABEL: @transposed_by_map(
// CHECK: ra.attention {{.*}}scale = 1.000000e+00
func.func @transposed_by_map(%q: tensor<3x8x4xf32>, %k: tensor<3x8x4xf32>, %v: tensor<3x8x6xf32>) -> tensor<3x8x6xf32> {
  %zero = arith.constant 0.0 : f32
  %e_s = tensor.empty() : tensor<3x8x8xf32>
  %z_s = linalg.fill ins(%zero : f32) outs(%e_s : tensor<3x8x8xf32>) -> tensor<3x8x8xf32>
  %s = linalg.batch_matmul indexing_maps = [
      affine_map<(b, m, n, k) -> (b, m, k)>, affine_map<(b, m, n, k) -> (b, n, k)>,
      affine_map<(b, m, n, k) -> (b, m, n)>]
      ins(%q, %k : tensor<3x8x4xf32>, tensor<3x8x4xf32>)
      outs(%z_s : tensor<3x8x8xf32>) -> tensor<3x8x8xf32>
  %p = linalg.softmax dimension(2)
      ins(%s : tensor<3x8x8xf32>) outs(%e_s : tensor<3x8x8xf32>) -> tensor<3x8x8xf32>
  %e_o = tensor.empty() : tensor<3x8x6xf32>
  %z_o = linalg.fill ins(%zero : f32) outs(%e_o : tensor<3x8x6xf32>) -> tensor<3x8x6xf32>
  %r = linalg.batch_matmul ins(%p, %v : tensor<3x8x8xf32>, tensor<3x8x6xf32>)
      outs(%z_o : tensor<3x8x6xf32>) -> tensor<3x8x6xf32>
  return %r : tensor<3x8x6xf32>
}

// Two dims: one head, the key transposed by an op.
// CHECK-LABEL: @one_head(
// CHECK: ra.attention
func.func @one_head(%q: tensor<8x4xf32>, %k: tensor<8x4xf32>, %v: tensor<8x4xf32>) -> tensor<8x4xf32> {
  %zero = arith.constant 0.0 : f32
  %e_k = tensor.empty() : tensor<4x8xf32>
  %kt = linalg.transpose ins(%k : tensor<8x4xf32>) outs(%e_k : tensor<4x8xf32>) permutation = [1, 0]
  %e_s = tensor.empty() : tensor<8x8xf32>
  %z_s = linalg.fill ins(%zero : f32) outs(%e_s : tensor<8x8xf32>) -> tensor<8x8xf32>
  %s = linalg.matmul ins(%q, %kt : tensor<8x4xf32>, tensor<4x8xf32>)
      outs(%z_s : tensor<8x8xf32>) -> tensor<8x8xf32>
  %p = linalg.softmax dimension(1)
      ins(%s : tensor<8x8xf32>) outs(%e_s : tensor<8x8xf32>) -> tensor<8x8xf32>
  %e_o = tensor.empty() : tensor<8x4xf32>
  %z_o = linalg.fill ins(%zero : f32) outs(%e_o : tensor<8x4xf32>) -> tensor<8x4xf32>
  %r = linalg.matmul ins(%p, %v : tensor<8x8xf32>, tensor<8x4xf32>)
      outs(%z_o : tensor<8x4xf32>) -> tensor<8x4xf32>
  return %r : tensor<8x4xf32>
}

// linalg.contract on four dims.
// CHECK-LABEL: @contract(
// CHECK: ra.attention {scale = 5.000000e-01 : f64} ins(%{{.*}}, %{{.*}}, %{{.*}} :
func.func @contract(%q: tensor<1x2x8x4xf32>, %k: tensor<1x2x8x4xf32>, %v: tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32> {
  %zero = arith.constant 0.0 : f32
  %scale = arith.constant 0.5 : f32
  %e_s = tensor.empty() : tensor<1x2x8x8xf32>
  %z_s = linalg.fill ins(%zero : f32) outs(%e_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %s = linalg.contract indexing_maps = [#qk_q, #qk_k, #qk_s]
      ins(%q, %k : tensor<1x2x8x4xf32>, tensor<1x2x8x4xf32>) outs(%z_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %x = linalg.generic {indexing_maps = [#s4, #s4],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%s : tensor<1x2x8x8xf32>)
      outs(%e_s : tensor<1x2x8x8xf32>) {
  ^bb0(%a0: f32, %o: f32):
    %m = arith.mulf %a0, %scale : f32
    linalg.yield %m : f32
  } -> tensor<1x2x8x8xf32>
  %p = linalg.softmax dimension(3)
      ins(%x : tensor<1x2x8x8xf32>) outs(%e_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %e_o = tensor.empty() : tensor<1x2x8x4xf32>
  %z_o = linalg.fill ins(%zero : f32) outs(%e_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  %r = linalg.contract indexing_maps = [#pv_p, #pv_v, #pv_o]
      ins(%p, %v : tensor<1x2x8x8xf32>, tensor<1x2x8x4xf32>) outs(%z_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  return %r : tensor<1x2x8x4xf32>
}

// Scores divided by sqrt(d), a square root of a constant.
// CHECK-LABEL: @divided(
// CHECK: ra.attention {scale = 5.000000e-01
func.func @divided(%q: tensor<1x2x8x4xf32>, %k: tensor<1x2x8x4xf32>, %v: tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32> {
  %zero = arith.constant 0.0 : f32
  %d = arith.constant 4.0 : f32
  %root = math.sqrt %d : f32
  %e_s = tensor.empty() : tensor<1x2x8x8xf32>
  %z_s = linalg.fill ins(%zero : f32) outs(%e_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %s = linalg.contract indexing_maps = [#qk_q, #qk_k, #qk_s]
      ins(%q, %k : tensor<1x2x8x4xf32>, tensor<1x2x8x4xf32>) outs(%z_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %x = linalg.generic {indexing_maps = [#s4, #s4],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%s : tensor<1x2x8x8xf32>)
      outs(%e_s : tensor<1x2x8x8xf32>) {
  ^bb0(%a0: f32, %o: f32):
    %m = arith.divf %a0, %root : f32
    linalg.yield %m : f32
  } -> tensor<1x2x8x8xf32>
  %p = linalg.softmax dimension(3)
      ins(%x : tensor<1x2x8x8xf32>) outs(%e_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %e_o = tensor.empty() : tensor<1x2x8x4xf32>
  %z_o = linalg.fill ins(%zero : f32) outs(%e_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  %r = linalg.contract indexing_maps = [#pv_p, #pv_v, #pv_o]
      ins(%p, %v : tensor<1x2x8x8xf32>, tensor<1x2x8x4xf32>) outs(%z_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  return %r : tensor<1x2x8x4xf32>
}

// The scale on the query.
// CHECK-LABEL: @scaled_query(
// CHECK: ra.attention {scale = 5.000000e-01 : f64} ins(%arg0, %arg1, %arg2
func.func @scaled_query(%q: tensor<1x2x8x4xf32>, %k: tensor<1x2x8x4xf32>, %v: tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32> {
  %zero = arith.constant 0.0 : f32
  %scale = arith.constant 0.5 : f32
  %e_q = tensor.empty() : tensor<1x2x8x4xf32>
  %qs = linalg.generic {indexing_maps = [#s4, #s4],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%q : tensor<1x2x8x4xf32>)
      outs(%e_q : tensor<1x2x8x4xf32>) {
  ^bb0(%a0: f32, %o: f32):
    %m = arith.mulf %a0, %scale : f32
    linalg.yield %m : f32
  } -> tensor<1x2x8x4xf32>
  %e_s = tensor.empty() : tensor<1x2x8x8xf32>
  %z_s = linalg.fill ins(%zero : f32) outs(%e_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %s = linalg.contract indexing_maps = [#qk_q, #qk_k, #qk_s]
      ins(%qs, %k : tensor<1x2x8x4xf32>, tensor<1x2x8x4xf32>) outs(%z_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %p = linalg.softmax dimension(3)
      ins(%s : tensor<1x2x8x8xf32>) outs(%e_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %e_o = tensor.empty() : tensor<1x2x8x4xf32>
  %z_o = linalg.fill ins(%zero : f32) outs(%e_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  %r = linalg.contract indexing_maps = [#pv_p, #pv_v, #pv_o]
      ins(%p, %v : tensor<1x2x8x8xf32>, tensor<1x2x8x4xf32>) outs(%z_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  return %r : tensor<1x2x8x4xf32>
}

// The scale split over query and key, as its fourth root of d on each.
// CHECK-LABEL: @scale_split(
// CHECK: ra.attention {scale = 5.000000e-01 : f64} ins(%arg0, %arg1, %arg2
func.func @scale_split(%q: tensor<1x2x8x4xf32>, %k: tensor<1x2x8x4xf32>, %v: tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32> {
  %zero = arith.constant 0.0 : f32
  %quarter = arith.constant 0.25 : f32
  %two = arith.constant 2.0 : f32
  %e_q = tensor.empty() : tensor<1x2x8x4xf32>
  %qs = linalg.generic {indexing_maps = [#s4, #s4],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%q : tensor<1x2x8x4xf32>)
      outs(%e_q : tensor<1x2x8x4xf32>) {
  ^bb0(%a0: f32, %o: f32):
    %m = arith.mulf %a0, %quarter : f32
    linalg.yield %m : f32
  } -> tensor<1x2x8x4xf32>
  %ks = linalg.generic {indexing_maps = [#s4, #s4],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%k : tensor<1x2x8x4xf32>)
      outs(%e_q : tensor<1x2x8x4xf32>) {
  ^bb0(%a0: f32, %o: f32):
    %m = arith.mulf %two, %a0 : f32
    linalg.yield %m : f32
  } -> tensor<1x2x8x4xf32>
  %e_s = tensor.empty() : tensor<1x2x8x8xf32>
  %z_s = linalg.fill ins(%zero : f32) outs(%e_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %s = linalg.contract indexing_maps = [#qk_q, #qk_k, #qk_s]
      ins(%qs, %ks : tensor<1x2x8x4xf32>, tensor<1x2x8x4xf32>) outs(%z_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %p = linalg.softmax dimension(3)
      ins(%s : tensor<1x2x8x8xf32>) outs(%e_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %e_o = tensor.empty() : tensor<1x2x8x4xf32>
  %z_o = linalg.fill ins(%zero : f32) outs(%e_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  %r = linalg.contract indexing_maps = [#pv_p, #pv_v, #pv_o]
      ins(%p, %v : tensor<1x2x8x8xf32>, tensor<1x2x8x4xf32>) outs(%z_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  return %r : tensor<1x2x8x4xf32>
}

// max, sub, exp, sum, div as generics; the maximum starts from -inf.
// CHECK-LABEL: @generic_softmax(
// CHECK: ra.attention {scale = 5.000000e-01
func.func @generic_softmax(%q: tensor<1x2x8x4xf32>, %k: tensor<1x2x8x4xf32>, %v: tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32> {
  %zero = arith.constant 0.0 : f32
  %scale = arith.constant 0.5 : f32
  %inf = arith.constant 0xFF800000 : f32
  %e_s = tensor.empty() : tensor<1x2x8x8xf32>
  %z_s = linalg.fill ins(%zero : f32) outs(%e_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %s = linalg.contract indexing_maps = [#qk_q, #qk_k, #qk_s]
      ins(%q, %k : tensor<1x2x8x4xf32>, tensor<1x2x8x4xf32>) outs(%z_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %x = linalg.generic {indexing_maps = [#s4, #s4],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%s : tensor<1x2x8x8xf32>)
      outs(%e_s : tensor<1x2x8x8xf32>) {
  ^bb0(%a0: f32, %o: f32):
    %m = arith.mulf %a0, %scale : f32
    linalg.yield %m : f32
  } -> tensor<1x2x8x8xf32>
  %e_max = tensor.empty() : tensor<1x2x8xf32>
  %i_max = linalg.fill ins(%inf : f32) outs(%e_max : tensor<1x2x8xf32>) -> tensor<1x2x8xf32>
  %max = linalg.generic {indexing_maps = [#s4, #row],
      iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
      ins(%x : tensor<1x2x8x8xf32>) outs(%i_max : tensor<1x2x8xf32>) {
  ^bb0(%a0: f32, %o: f32):
    %y = arith.maximumf %a0, %o : f32
    linalg.yield %y : f32
  } -> tensor<1x2x8xf32>
  %c = linalg.generic {indexing_maps = [#s4, #row, #s4],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%x, %max : tensor<1x2x8x8xf32>, tensor<1x2x8xf32>)
      outs(%e_s : tensor<1x2x8x8xf32>) {
  ^bb0(%a0: f32, %a1: f32, %o: f32):
    %y = arith.subf %a0, %a1 : f32
    linalg.yield %y : f32
  } -> tensor<1x2x8x8xf32>
  %e = linalg.generic {indexing_maps = [#s4, #s4],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%c : tensor<1x2x8x8xf32>)
      outs(%e_s : tensor<1x2x8x8xf32>) {
  ^bb0(%a0: f32, %o: f32):
    %y = math.exp %a0 : f32
    linalg.yield %y : f32
  } -> tensor<1x2x8x8xf32>
  %e_sum = tensor.empty() : tensor<1x2x8xf32>
  %i_sum = linalg.fill ins(%zero : f32) outs(%e_sum : tensor<1x2x8xf32>) -> tensor<1x2x8xf32>
  %sum = linalg.generic {indexing_maps = [#s4, #row],
      iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
      ins(%e : tensor<1x2x8x8xf32>) outs(%i_sum : tensor<1x2x8xf32>) {
  ^bb0(%a0: f32, %o: f32):
    %y = arith.addf %a0, %o : f32
    linalg.yield %y : f32
  } -> tensor<1x2x8xf32>
  %p = linalg.generic {indexing_maps = [#s4, #row, #s4],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%e, %sum : tensor<1x2x8x8xf32>, tensor<1x2x8xf32>)
      outs(%e_s : tensor<1x2x8x8xf32>) {
  ^bb0(%a0: f32, %a1: f32, %o: f32):
    %y = arith.divf %a0, %a1 : f32
    linalg.yield %y : f32
  } -> tensor<1x2x8x8xf32>
  %e_o = tensor.empty() : tensor<1x2x8x4xf32>
  %z_o = linalg.fill ins(%zero : f32) outs(%e_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  %r = linalg.contract indexing_maps = [#pv_p, #pv_v, #pv_o]
      ins(%p, %v : tensor<1x2x8x8xf32>, tensor<1x2x8x4xf32>) outs(%z_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  return %r : tensor<1x2x8x4xf32>
}

// The maximum starts from the lowest finite number.
// CHECK-LABEL: @max_from_lowest(
// CHECK: ra.attention {scale = 5.000000e-01
func.func @max_from_lowest(%q: tensor<1x2x8x4xf32>, %k: tensor<1x2x8x4xf32>, %v: tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32> {
  %zero = arith.constant 0.0 : f32
  %scale = arith.constant 0.5 : f32
  %flt = arith.constant -3.40282347E+38 : f32
  %e_s = tensor.empty() : tensor<1x2x8x8xf32>
  %z_s = linalg.fill ins(%zero : f32) outs(%e_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %s = linalg.contract indexing_maps = [#qk_q, #qk_k, #qk_s]
      ins(%q, %k : tensor<1x2x8x4xf32>, tensor<1x2x8x4xf32>) outs(%z_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %x = linalg.generic {indexing_maps = [#s4, #s4],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%s : tensor<1x2x8x8xf32>)
      outs(%e_s : tensor<1x2x8x8xf32>) {
  ^bb0(%a0: f32, %o: f32):
    %m = arith.mulf %a0, %scale : f32
    linalg.yield %m : f32
  } -> tensor<1x2x8x8xf32>
  %e_max = tensor.empty() : tensor<1x2x8xf32>
  %i_max = linalg.fill ins(%flt : f32) outs(%e_max : tensor<1x2x8xf32>) -> tensor<1x2x8xf32>
  %max = linalg.generic {indexing_maps = [#s4, #row],
      iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
      ins(%x : tensor<1x2x8x8xf32>) outs(%i_max : tensor<1x2x8xf32>) {
  ^bb0(%a0: f32, %o: f32):
    %y = arith.maximumf %a0, %o : f32
    linalg.yield %y : f32
  } -> tensor<1x2x8xf32>
  %c = linalg.generic {indexing_maps = [#s4, #row, #s4],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%x, %max : tensor<1x2x8x8xf32>, tensor<1x2x8xf32>)
      outs(%e_s : tensor<1x2x8x8xf32>) {
  ^bb0(%a0: f32, %a1: f32, %o: f32):
    %y = arith.subf %a0, %a1 : f32
    linalg.yield %y : f32
  } -> tensor<1x2x8x8xf32>
  %e = linalg.generic {indexing_maps = [#s4, #s4],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%c : tensor<1x2x8x8xf32>)
      outs(%e_s : tensor<1x2x8x8xf32>) {
  ^bb0(%a0: f32, %o: f32):
    %y = math.exp %a0 : f32
    linalg.yield %y : f32
  } -> tensor<1x2x8x8xf32>
  %e_sum = tensor.empty() : tensor<1x2x8xf32>
  %i_sum = linalg.fill ins(%zero : f32) outs(%e_sum : tensor<1x2x8xf32>) -> tensor<1x2x8xf32>
  %sum = linalg.generic {indexing_maps = [#s4, #row],
      iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
      ins(%e : tensor<1x2x8x8xf32>) outs(%i_sum : tensor<1x2x8xf32>) {
  ^bb0(%a0: f32, %o: f32):
    %y = arith.addf %a0, %o : f32
    linalg.yield %y : f32
  } -> tensor<1x2x8xf32>
  %p = linalg.generic {indexing_maps = [#s4, #row, #s4],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%e, %sum : tensor<1x2x8x8xf32>, tensor<1x2x8xf32>)
      outs(%e_s : tensor<1x2x8x8xf32>) {
  ^bb0(%a0: f32, %a1: f32, %o: f32):
    %y = arith.divf %a0, %a1 : f32
    linalg.yield %y : f32
  } -> tensor<1x2x8x8xf32>
  %e_o = tensor.empty() : tensor<1x2x8x4xf32>
  %z_o = linalg.fill ins(%zero : f32) outs(%e_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  %r = linalg.contract indexing_maps = [#pv_p, #pv_v, #pv_o]
      ins(%p, %v : tensor<1x2x8x8xf32>, tensor<1x2x8x4xf32>) outs(%z_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  return %r : tensor<1x2x8x4xf32>
}

// The maximum starts from NaN, with maxnumf.
// CHECK-LABEL: @max_from_nan(
// CHECK: ra.attention {scale = 5.000000e-01
func.func @max_from_nan(%q: tensor<1x2x8x4xf32>, %k: tensor<1x2x8x4xf32>, %v: tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32> {
  %zero = arith.constant 0.0 : f32
  %scale = arith.constant 0.5 : f32
  %nan = arith.constant 0x7FC00000 : f32
  %e_s = tensor.empty() : tensor<1x2x8x8xf32>
  %z_s = linalg.fill ins(%zero : f32) outs(%e_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %s = linalg.contract indexing_maps = [#qk_q, #qk_k, #qk_s]
      ins(%q, %k : tensor<1x2x8x4xf32>, tensor<1x2x8x4xf32>) outs(%z_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %x = linalg.generic {indexing_maps = [#s4, #s4],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%s : tensor<1x2x8x8xf32>)
      outs(%e_s : tensor<1x2x8x8xf32>) {
  ^bb0(%a0: f32, %o: f32):
    %m = arith.mulf %a0, %scale : f32
    linalg.yield %m : f32
  } -> tensor<1x2x8x8xf32>
  %e_max = tensor.empty() : tensor<1x2x8xf32>
  %i_max = linalg.fill ins(%nan : f32) outs(%e_max : tensor<1x2x8xf32>) -> tensor<1x2x8xf32>
  %max = linalg.generic {indexing_maps = [#s4, #row],
      iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
      ins(%x : tensor<1x2x8x8xf32>) outs(%i_max : tensor<1x2x8xf32>) {
  ^bb0(%a0: f32, %o: f32):
    %y = arith.maxnumf %a0, %o : f32
    linalg.yield %y : f32
  } -> tensor<1x2x8xf32>
  %c = linalg.generic {indexing_maps = [#s4, #row, #s4],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%x, %max : tensor<1x2x8x8xf32>, tensor<1x2x8xf32>)
      outs(%e_s : tensor<1x2x8x8xf32>) {
  ^bb0(%a0: f32, %a1: f32, %o: f32):
    %y = arith.subf %a0, %a1 : f32
    linalg.yield %y : f32
  } -> tensor<1x2x8x8xf32>
  %e = linalg.generic {indexing_maps = [#s4, #s4],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%c : tensor<1x2x8x8xf32>)
      outs(%e_s : tensor<1x2x8x8xf32>) {
  ^bb0(%a0: f32, %o: f32):
    %y = math.exp %a0 : f32
    linalg.yield %y : f32
  } -> tensor<1x2x8x8xf32>
  %e_sum = tensor.empty() : tensor<1x2x8xf32>
  %i_sum = linalg.fill ins(%zero : f32) outs(%e_sum : tensor<1x2x8xf32>) -> tensor<1x2x8xf32>
  %sum = linalg.generic {indexing_maps = [#s4, #row],
      iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
      ins(%e : tensor<1x2x8x8xf32>) outs(%i_sum : tensor<1x2x8xf32>) {
  ^bb0(%a0: f32, %o: f32):
    %y = arith.addf %a0, %o : f32
    linalg.yield %y : f32
  } -> tensor<1x2x8xf32>
  %p = linalg.generic {indexing_maps = [#s4, #row, #s4],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%e, %sum : tensor<1x2x8x8xf32>, tensor<1x2x8xf32>)
      outs(%e_s : tensor<1x2x8x8xf32>) {
  ^bb0(%a0: f32, %a1: f32, %o: f32):
    %y = arith.divf %a0, %a1 : f32
    linalg.yield %y : f32
  } -> tensor<1x2x8x8xf32>
  %e_o = tensor.empty() : tensor<1x2x8x4xf32>
  %z_o = linalg.fill ins(%zero : f32) outs(%e_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  %r = linalg.contract indexing_maps = [#pv_p, #pv_v, #pv_o]
      ins(%p, %v : tensor<1x2x8x8xf32>, tensor<1x2x8x4xf32>) outs(%z_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  return %r : tensor<1x2x8x4xf32>
}

// linalg.reduce and linalg.broadcast, named elementwise ops.
// CHECK-LABEL: @named_softmax(
// CHECK: ra.attention {scale = 1.000000e+00
func.func @named_softmax(%q: tensor<1x2x8x4xf32>, %k: tensor<1x2x8x4xf32>, %v: tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32> {
  %zero = arith.constant 0.0 : f32
  %inf = arith.constant 0xFF800000 : f32
  %e_s = tensor.empty() : tensor<1x2x8x8xf32>
  %z_s = linalg.fill ins(%zero : f32) outs(%e_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %s = linalg.contract indexing_maps = [#qk_q, #qk_k, #qk_s]
      ins(%q, %k : tensor<1x2x8x4xf32>, tensor<1x2x8x4xf32>) outs(%z_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %e_r = tensor.empty() : tensor<1x2x8xf32>
  %i_m = linalg.fill ins(%inf : f32) outs(%e_r : tensor<1x2x8xf32>) -> tensor<1x2x8xf32>
  %max = linalg.reduce { arith.maximumf } ins(%s : tensor<1x2x8x8xf32>) outs(%i_m : tensor<1x2x8xf32>) dimensions = [3]
  %maxb = linalg.broadcast ins(%max : tensor<1x2x8xf32>) outs(%e_s : tensor<1x2x8x8xf32>) dimensions = [3]
  %c = linalg.sub ins(%s, %maxb : tensor<1x2x8x8xf32>, tensor<1x2x8x8xf32>) outs(%e_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %e = linalg.exp ins(%c : tensor<1x2x8x8xf32>) outs(%e_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %i_n = linalg.fill ins(%zero : f32) outs(%e_r : tensor<1x2x8xf32>) -> tensor<1x2x8xf32>
  %sum = linalg.reduce { arith.addf } ins(%e : tensor<1x2x8x8xf32>) outs(%i_n : tensor<1x2x8xf32>) dimensions = [3]
  %sumb = linalg.broadcast ins(%sum : tensor<1x2x8xf32>) outs(%e_s : tensor<1x2x8x8xf32>) dimensions = [3]
  %p = linalg.div ins(%e, %sumb : tensor<1x2x8x8xf32>, tensor<1x2x8x8xf32>) outs(%e_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %e_o = tensor.empty() : tensor<1x2x8x4xf32>
  %z_o = linalg.fill ins(%zero : f32) outs(%e_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  %r = linalg.contract indexing_maps = [#pv_p, #pv_v, #pv_o]
      ins(%p, %v : tensor<1x2x8x8xf32>, tensor<1x2x8x4xf32>) outs(%z_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  return %r : tensor<1x2x8x4xf32>
}

// Multiplied by the reciprocal of the sum.
// CHECK-LABEL: @reciprocal_of_sum(
// CHECK: ra.attention {scale = 5.000000e-01
func.func @reciprocal_of_sum(%q: tensor<1x2x8x4xf32>, %k: tensor<1x2x8x4xf32>, %v: tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32> {
  %zero = arith.constant 0.0 : f32
  %scale = arith.constant 0.5 : f32
  %inf = arith.constant 0xFF800000 : f32
  %e_s = tensor.empty() : tensor<1x2x8x8xf32>
  %z_s = linalg.fill ins(%zero : f32) outs(%e_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %s = linalg.contract indexing_maps = [#qk_q, #qk_k, #qk_s]
      ins(%q, %k : tensor<1x2x8x4xf32>, tensor<1x2x8x4xf32>) outs(%z_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %x = linalg.generic {indexing_maps = [#s4, #s4],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%s : tensor<1x2x8x8xf32>)
      outs(%e_s : tensor<1x2x8x8xf32>) {
  ^bb0(%a0: f32, %o: f32):
    %m = arith.mulf %a0, %scale : f32
    linalg.yield %m : f32
  } -> tensor<1x2x8x8xf32>
  %e_max = tensor.empty() : tensor<1x2x8xf32>
  %i_max = linalg.fill ins(%inf : f32) outs(%e_max : tensor<1x2x8xf32>) -> tensor<1x2x8xf32>
  %max = linalg.generic {indexing_maps = [#s4, #row],
      iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
      ins(%x : tensor<1x2x8x8xf32>) outs(%i_max : tensor<1x2x8xf32>) {
  ^bb0(%a0: f32, %o: f32):
    %y = arith.maximumf %a0, %o : f32
    linalg.yield %y : f32
  } -> tensor<1x2x8xf32>
  %c = linalg.generic {indexing_maps = [#s4, #row, #s4],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%x, %max : tensor<1x2x8x8xf32>, tensor<1x2x8xf32>)
      outs(%e_s : tensor<1x2x8x8xf32>) {
  ^bb0(%a0: f32, %a1: f32, %o: f32):
    %y = arith.subf %a0, %a1 : f32
    linalg.yield %y : f32
  } -> tensor<1x2x8x8xf32>
  %e = linalg.generic {indexing_maps = [#s4, #s4],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%c : tensor<1x2x8x8xf32>)
      outs(%e_s : tensor<1x2x8x8xf32>) {
  ^bb0(%a0: f32, %o: f32):
    %y = math.exp %a0 : f32
    linalg.yield %y : f32
  } -> tensor<1x2x8x8xf32>
  %e_sum = tensor.empty() : tensor<1x2x8xf32>
  %i_sum = linalg.fill ins(%zero : f32) outs(%e_sum : tensor<1x2x8xf32>) -> tensor<1x2x8xf32>
  %sum = linalg.generic {indexing_maps = [#s4, #row],
      iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
      ins(%e : tensor<1x2x8x8xf32>) outs(%i_sum : tensor<1x2x8xf32>) {
  ^bb0(%a0: f32, %o: f32):
    %y = arith.addf %a0, %o : f32
    linalg.yield %y : f32
  } -> tensor<1x2x8xf32>
  %one = arith.constant 1.0 : f32
  %inverse = linalg.generic {indexing_maps = [affine_map<(b, h, i) -> (b, h, i)>, affine_map<(b, h, i) -> (b, h, i)>],
      iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%sum : tensor<1x2x8xf32>)
      outs(%e_sum : tensor<1x2x8xf32>) {
  ^bb0(%a0: f32, %o: f32):
    %y = arith.divf %one, %a0 : f32
    linalg.yield %y : f32
  } -> tensor<1x2x8xf32>
  %p = linalg.generic {indexing_maps = [#s4, #row, #s4],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%e, %inverse : tensor<1x2x8x8xf32>, tensor<1x2x8xf32>)
      outs(%e_s : tensor<1x2x8x8xf32>) {
  ^bb0(%a0: f32, %a1: f32, %o: f32):
    %y = arith.mulf %a0, %a1 : f32
    linalg.yield %y : f32
  } -> tensor<1x2x8x8xf32>
  %e_o = tensor.empty() : tensor<1x2x8x4xf32>
  %z_o = linalg.fill ins(%zero : f32) outs(%e_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  %r = linalg.contract indexing_maps = [#pv_p, #pv_v, #pv_o]
      ins(%p, %v : tensor<1x2x8x8xf32>, tensor<1x2x8x4xf32>) outs(%z_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  return %r : tensor<1x2x8x4xf32>
}

// The maximum by comparison, with its index beside it.
// CHECK-LABEL: @max_with_index(
// CHECK: ra.attention {scale = 5.000000e-01
func.func @max_with_index(%q: tensor<1x2x8x4xf32>, %k: tensor<1x2x8x4xf32>, %v: tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32> {
  %zero = arith.constant 0.0 : f32
  %scale = arith.constant 0.5 : f32
  %inf = arith.constant 0xFF800000 : f32
  %e_s = tensor.empty() : tensor<1x2x8x8xf32>
  %z_s = linalg.fill ins(%zero : f32) outs(%e_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %s = linalg.contract indexing_maps = [#qk_q, #qk_k, #qk_s]
      ins(%q, %k : tensor<1x2x8x4xf32>, tensor<1x2x8x4xf32>) outs(%z_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %x = linalg.generic {indexing_maps = [#s4, #s4],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%s : tensor<1x2x8x8xf32>)
      outs(%e_s : tensor<1x2x8x8xf32>) {
  ^bb0(%a0: f32, %o: f32):
    %m = arith.mulf %a0, %scale : f32
    linalg.yield %m : f32
  } -> tensor<1x2x8x8xf32>
  %none = arith.constant 0 : i64
  %e_max = tensor.empty() : tensor<1x2x8xf32>
  %i_max = linalg.fill ins(%inf : f32) outs(%e_max : tensor<1x2x8xf32>) -> tensor<1x2x8xf32>
  %e_at = tensor.empty() : tensor<1x2x8xi64>
  %i_at = linalg.fill ins(%none : i64) outs(%e_at : tensor<1x2x8xi64>) -> tensor<1x2x8xi64>
  %max, %at = linalg.generic {indexing_maps = [#s4, #row, #row],
      iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
      ins(%x : tensor<1x2x8x8xf32>) outs(%i_max, %i_at : tensor<1x2x8xf32>, tensor<1x2x8xi64>) {
  ^bb0(%a0: f32, %o: f32, %n: i64):
    %j = linalg.index 3 : index
    %ji = arith.index_cast %j : index to i64
    %more = arith.cmpf ogt, %a0, %o : f32
    %y = arith.select %more, %a0, %o : f32
    %z = arith.select %more, %ji, %n : i64
    linalg.yield %y, %z : f32, i64
  } -> (tensor<1x2x8xf32>, tensor<1x2x8xi64>)
  %c = linalg.generic {indexing_maps = [#s4, #row, #s4],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%x, %max : tensor<1x2x8x8xf32>, tensor<1x2x8xf32>)
      outs(%e_s : tensor<1x2x8x8xf32>) {
  ^bb0(%a0: f32, %a1: f32, %o: f32):
    %y = arith.subf %a0, %a1 : f32
    linalg.yield %y : f32
  } -> tensor<1x2x8x8xf32>
  %e = linalg.generic {indexing_maps = [#s4, #s4],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%c : tensor<1x2x8x8xf32>)
      outs(%e_s : tensor<1x2x8x8xf32>) {
  ^bb0(%a0: f32, %o: f32):
    %y = math.exp %a0 : f32
    linalg.yield %y : f32
  } -> tensor<1x2x8x8xf32>
  %e_sum = tensor.empty() : tensor<1x2x8xf32>
  %i_sum = linalg.fill ins(%zero : f32) outs(%e_sum : tensor<1x2x8xf32>) -> tensor<1x2x8xf32>
  %sum = linalg.generic {indexing_maps = [#s4, #row],
      iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
      ins(%e : tensor<1x2x8x8xf32>) outs(%i_sum : tensor<1x2x8xf32>) {
  ^bb0(%a0: f32, %o: f32):
    %y = arith.addf %a0, %o : f32
    linalg.yield %y : f32
  } -> tensor<1x2x8xf32>
  %p = linalg.generic {indexing_maps = [#s4, #row, #s4],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%e, %sum : tensor<1x2x8x8xf32>, tensor<1x2x8xf32>)
      outs(%e_s : tensor<1x2x8x8xf32>) {
  ^bb0(%a0: f32, %a1: f32, %o: f32):
    %y = arith.divf %a0, %a1 : f32
    linalg.yield %y : f32
  } -> tensor<1x2x8x8xf32>
  %e_o = tensor.empty() : tensor<1x2x8x4xf32>
  %z_o = linalg.fill ins(%zero : f32) outs(%e_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  %r = linalg.contract indexing_maps = [#pv_p, #pv_v, #pv_o]
      ins(%p, %v : tensor<1x2x8x8xf32>, tensor<1x2x8x4xf32>) outs(%z_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  return %r : tensor<1x2x8x4xf32>
}

// No maximum subtracted.
// CHECK-LABEL: @no_maximum(
// CHECK: ra.attention {scale = 5.000000e-01
func.func @no_maximum(%q: tensor<1x2x8x4xf32>, %k: tensor<1x2x8x4xf32>, %v: tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32> {
  %zero = arith.constant 0.0 : f32
  %scale = arith.constant 0.5 : f32
  %e_s = tensor.empty() : tensor<1x2x8x8xf32>
  %z_s = linalg.fill ins(%zero : f32) outs(%e_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %s = linalg.contract indexing_maps = [#qk_q, #qk_k, #qk_s]
      ins(%q, %k : tensor<1x2x8x4xf32>, tensor<1x2x8x4xf32>) outs(%z_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %x = linalg.generic {indexing_maps = [#s4, #s4],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%s : tensor<1x2x8x8xf32>)
      outs(%e_s : tensor<1x2x8x8xf32>) {
  ^bb0(%a0: f32, %o: f32):
    %m = arith.mulf %a0, %scale : f32
    linalg.yield %m : f32
  } -> tensor<1x2x8x8xf32>
  %e = linalg.generic {indexing_maps = [#s4, #s4],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%x : tensor<1x2x8x8xf32>)
      outs(%e_s : tensor<1x2x8x8xf32>) {
  ^bb0(%a0: f32, %o: f32):
    %y = math.exp %a0 : f32
    linalg.yield %y : f32
  } -> tensor<1x2x8x8xf32>
  %e_sum = tensor.empty() : tensor<1x2x8xf32>
  %i_sum = linalg.fill ins(%zero : f32) outs(%e_sum : tensor<1x2x8xf32>) -> tensor<1x2x8xf32>
  %sum = linalg.generic {indexing_maps = [#s4, #row],
      iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
      ins(%e : tensor<1x2x8x8xf32>) outs(%i_sum : tensor<1x2x8xf32>) {
  ^bb0(%a0: f32, %o: f32):
    %y = arith.addf %a0, %o : f32
    linalg.yield %y : f32
  } -> tensor<1x2x8xf32>
  %p = linalg.generic {indexing_maps = [#s4, #row, #s4],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%e, %sum : tensor<1x2x8x8xf32>, tensor<1x2x8xf32>)
      outs(%e_s : tensor<1x2x8x8xf32>) {
  ^bb0(%a0: f32, %a1: f32, %o: f32):
    %y = arith.divf %a0, %a1 : f32
    linalg.yield %y : f32
  } -> tensor<1x2x8x8xf32>
  %e_o = tensor.empty() : tensor<1x2x8x4xf32>
  %z_o = linalg.fill ins(%zero : f32) outs(%e_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  %r = linalg.contract indexing_maps = [#pv_p, #pv_v, #pv_o]
      ins(%p, %v : tensor<1x2x8x8xf32>, tensor<1x2x8x4xf32>) outs(%z_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  return %r : tensor<1x2x8x4xf32>
}

// exp2 with log2(e) in the scale.
// CHECK-LABEL: @exp2(
// CHECK: ra.attention {scale = 0.4999999{{[0-9]*}} : f64}
func.func @exp2(%q: tensor<1x2x8x4xf32>, %k: tensor<1x2x8x4xf32>, %v: tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32> {
  %zero = arith.constant 0.0 : f32
  %inf = arith.constant 0xFF800000 : f32
  %scale = arith.constant 0.72134752 : f32
  %e_s = tensor.empty() : tensor<1x2x8x8xf32>
  %z_s = linalg.fill ins(%zero : f32) outs(%e_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %s = linalg.contract indexing_maps = [#qk_q, #qk_k, #qk_s]
      ins(%q, %k : tensor<1x2x8x4xf32>, tensor<1x2x8x4xf32>) outs(%z_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %x = linalg.generic {indexing_maps = [#s4, #s4],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%s : tensor<1x2x8x8xf32>)
      outs(%e_s : tensor<1x2x8x8xf32>) {
  ^bb0(%a0: f32, %o: f32):
    %m = arith.mulf %a0, %scale : f32
    linalg.yield %m : f32
  } -> tensor<1x2x8x8xf32>
  %e_max = tensor.empty() : tensor<1x2x8xf32>
  %i_max = linalg.fill ins(%inf : f32) outs(%e_max : tensor<1x2x8xf32>) -> tensor<1x2x8xf32>
  %max = linalg.generic {indexing_maps = [#s4, #row],
      iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
      ins(%x : tensor<1x2x8x8xf32>) outs(%i_max : tensor<1x2x8xf32>) {
  ^bb0(%a0: f32, %o: f32):
    %y = arith.maximumf %a0, %o : f32
    linalg.yield %y : f32
  } -> tensor<1x2x8xf32>
  %c = linalg.generic {indexing_maps = [#s4, #row, #s4],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%x, %max : tensor<1x2x8x8xf32>, tensor<1x2x8xf32>)
      outs(%e_s : tensor<1x2x8x8xf32>) {
  ^bb0(%a0: f32, %a1: f32, %o: f32):
    %y = arith.subf %a0, %a1 : f32
    linalg.yield %y : f32
  } -> tensor<1x2x8x8xf32>
  %e = linalg.generic {indexing_maps = [#s4, #s4],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%c : tensor<1x2x8x8xf32>)
      outs(%e_s : tensor<1x2x8x8xf32>) {
  ^bb0(%a0: f32, %o: f32):
    %y = math.exp2 %a0 : f32
    linalg.yield %y : f32
  } -> tensor<1x2x8x8xf32>
  %e_sum = tensor.empty() : tensor<1x2x8xf32>
  %i_sum = linalg.fill ins(%zero : f32) outs(%e_sum : tensor<1x2x8xf32>) -> tensor<1x2x8xf32>
  %sum = linalg.generic {indexing_maps = [#s4, #row],
      iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
      ins(%e : tensor<1x2x8x8xf32>) outs(%i_sum : tensor<1x2x8xf32>) {
  ^bb0(%a0: f32, %o: f32):
    %y = arith.addf %a0, %o : f32
    linalg.yield %y : f32
  } -> tensor<1x2x8xf32>
  %p = linalg.generic {indexing_maps = [#s4, #row, #s4],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%e, %sum : tensor<1x2x8x8xf32>, tensor<1x2x8xf32>)
      outs(%e_s : tensor<1x2x8x8xf32>) {
  ^bb0(%a0: f32, %a1: f32, %o: f32):
    %y = arith.divf %a0, %a1 : f32
    linalg.yield %y : f32
  } -> tensor<1x2x8x8xf32>
  %e_o = tensor.empty() : tensor<1x2x8x4xf32>
  %z_o = linalg.fill ins(%zero : f32) outs(%e_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  %r = linalg.contract indexing_maps = [#pv_p, #pv_v, #pv_o]
      ins(%p, %v : tensor<1x2x8x8xf32>, tensor<1x2x8x4xf32>) outs(%z_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  return %r : tensor<1x2x8x4xf32>
}

// Divided by the sum after the product with the values.
// CHECK-LABEL: @divided_last(
// CHECK: ra.attention {scale = 5.000000e-01
func.func @divided_last(%q: tensor<1x2x8x4xf32>, %k: tensor<1x2x8x4xf32>, %v: tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32> {
  %zero = arith.constant 0.0 : f32
  %scale = arith.constant 0.5 : f32
  %inf = arith.constant 0xFF800000 : f32
  %e_s = tensor.empty() : tensor<1x2x8x8xf32>
  %z_s = linalg.fill ins(%zero : f32) outs(%e_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %s = linalg.contract indexing_maps = [#qk_q, #qk_k, #qk_s]
      ins(%q, %k : tensor<1x2x8x4xf32>, tensor<1x2x8x4xf32>) outs(%z_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %x = linalg.generic {indexing_maps = [#s4, #s4],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%s : tensor<1x2x8x8xf32>)
      outs(%e_s : tensor<1x2x8x8xf32>) {
  ^bb0(%a0: f32, %o: f32):
    %m = arith.mulf %a0, %scale : f32
    linalg.yield %m : f32
  } -> tensor<1x2x8x8xf32>
  %e_max = tensor.empty() : tensor<1x2x8xf32>
  %i_max = linalg.fill ins(%inf : f32) outs(%e_max : tensor<1x2x8xf32>) -> tensor<1x2x8xf32>
  %max = linalg.generic {indexing_maps = [#s4, #row],
      iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
      ins(%x : tensor<1x2x8x8xf32>) outs(%i_max : tensor<1x2x8xf32>) {
  ^bb0(%a0: f32, %o: f32):
    %y = arith.maximumf %a0, %o : f32
    linalg.yield %y : f32
  } -> tensor<1x2x8xf32>
  %c = linalg.generic {indexing_maps = [#s4, #row, #s4],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%x, %max : tensor<1x2x8x8xf32>, tensor<1x2x8xf32>)
      outs(%e_s : tensor<1x2x8x8xf32>) {
  ^bb0(%a0: f32, %a1: f32, %o: f32):
    %y = arith.subf %a0, %a1 : f32
    linalg.yield %y : f32
  } -> tensor<1x2x8x8xf32>
  %e = linalg.generic {indexing_maps = [#s4, #s4],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%c : tensor<1x2x8x8xf32>)
      outs(%e_s : tensor<1x2x8x8xf32>) {
  ^bb0(%a0: f32, %o: f32):
    %y = math.exp %a0 : f32
    linalg.yield %y : f32
  } -> tensor<1x2x8x8xf32>
  %e_sum = tensor.empty() : tensor<1x2x8xf32>
  %i_sum = linalg.fill ins(%zero : f32) outs(%e_sum : tensor<1x2x8xf32>) -> tensor<1x2x8xf32>
  %sum = linalg.generic {indexing_maps = [#s4, #row],
      iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
      ins(%e : tensor<1x2x8x8xf32>) outs(%i_sum : tensor<1x2x8xf32>) {
  ^bb0(%a0: f32, %o: f32):
    %y = arith.addf %a0, %o : f32
    linalg.yield %y : f32
  } -> tensor<1x2x8xf32>
  %e_o = tensor.empty() : tensor<1x2x8x4xf32>
  %z_o = linalg.fill ins(%zero : f32) outs(%e_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  %r = linalg.contract indexing_maps = [#pv_p, #pv_v, #pv_o]
      ins(%e, %v : tensor<1x2x8x8xf32>, tensor<1x2x8x4xf32>) outs(%z_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  %y = linalg.generic {indexing_maps = [#s4, #row, #s4],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%r, %sum : tensor<1x2x8x4xf32>, tensor<1x2x8xf32>)
      outs(%e_o : tensor<1x2x8x4xf32>) {
  ^bb0(%a0: f32, %a1: f32, %o: f32):
    %y = arith.divf %a0, %a1 : f32
    linalg.yield %y : f32
  } -> tensor<1x2x8x4xf32>
  return %y : tensor<1x2x8x4xf32>
}

// Causal: hidden scores become -inf.
// CHECK-LABEL: @causal(
// CHECK: ra.attention {mask = #ra.mask<causal>, scale = 5.000000e-01
func.func @causal(%q: tensor<1x2x8x4xf32>, %k: tensor<1x2x8x4xf32>, %v: tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32> {
  %zero = arith.constant 0.0 : f32
  %scale = arith.constant 0.5 : f32
  %inf = arith.constant 0xFF800000 : f32
  %e_s = tensor.empty() : tensor<1x2x8x8xf32>
  %z_s = linalg.fill ins(%zero : f32) outs(%e_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %s = linalg.contract indexing_maps = [#qk_q, #qk_k, #qk_s]
      ins(%q, %k : tensor<1x2x8x4xf32>, tensor<1x2x8x4xf32>) outs(%z_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %x = linalg.generic {indexing_maps = [#s4, #s4],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%s : tensor<1x2x8x8xf32>)
      outs(%e_s : tensor<1x2x8x8xf32>) {
  ^bb0(%a0: f32, %o: f32):
    %i = linalg.index 2 : index
    %j = linalg.index 3 : index
    %see = arith.cmpi sle, %j, %i : index
    %m = arith.mulf %a0, %scale : f32
    %y = arith.select %see, %m, %inf : f32
    linalg.yield %y : f32
  } -> tensor<1x2x8x8xf32>
  %p = linalg.softmax dimension(3)
      ins(%x : tensor<1x2x8x8xf32>) outs(%e_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %e_o = tensor.empty() : tensor<1x2x8x4xf32>
  %z_o = linalg.fill ins(%zero : f32) outs(%e_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  %r = linalg.contract indexing_maps = [#pv_p, #pv_v, #pv_o]
      ins(%p, %v : tensor<1x2x8x8xf32>, tensor<1x2x8x4xf32>) outs(%z_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  return %r : tensor<1x2x8x4xf32>
}

// Causal: the lowest finite number instead. Every query sees a key, so that the
// others vanish.
// CHECK-LABEL: @causal_lowest(
// CHECK: ra.attention {mask = #ra.mask<causal>, scale = 5.000000e-01
func.func @causal_lowest(%q: tensor<1x2x8x4xf32>, %k: tensor<1x2x8x4xf32>, %v: tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32> {
  %zero = arith.constant 0.0 : f32
  %scale = arith.constant 0.5 : f32
  %flt = arith.constant -3.40282347E+38 : f32
  %e_s = tensor.empty() : tensor<1x2x8x8xf32>
  %z_s = linalg.fill ins(%zero : f32) outs(%e_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %s = linalg.contract indexing_maps = [#qk_q, #qk_k, #qk_s]
      ins(%q, %k : tensor<1x2x8x4xf32>, tensor<1x2x8x4xf32>) outs(%z_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %x = linalg.generic {indexing_maps = [#s4, #s4],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%s : tensor<1x2x8x8xf32>)
      outs(%e_s : tensor<1x2x8x8xf32>) {
  ^bb0(%a0: f32, %o: f32):
    %i = linalg.index 2 : index
    %j = linalg.index 3 : index
    %hide = arith.cmpi ugt, %j, %i : index
    %m = arith.mulf %a0, %scale : f32
    %y = arith.select %hide, %flt, %m : f32
    linalg.yield %y : f32
  } -> tensor<1x2x8x8xf32>
  %p = linalg.softmax dimension(3)
      ins(%x : tensor<1x2x8x8xf32>) outs(%e_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %e_o = tensor.empty() : tensor<1x2x8x4xf32>
  %z_o = linalg.fill ins(%zero : f32) outs(%e_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  %r = linalg.contract indexing_maps = [#pv_p, #pv_v, #pv_o]
      ins(%p, %v : tensor<1x2x8x8xf32>, tensor<1x2x8x4xf32>) outs(%z_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  return %r : tensor<1x2x8x4xf32>
}

// Causal: positions as i32 tensors, compared, and -1e9 added.
// CHECK-LABEL: @causal_added(
// CHECK: ra.attention {mask = #ra.mask<causal>, scale = 5.000000e-01
func.func @causal_added(%q: tensor<1x2x8x4xf32>, %k: tensor<1x2x8x4xf32>, %v: tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32> {
  %zero = arith.constant 0.0 : f32
  %scale = arith.constant 0.5 : f32
  %large = arith.constant -1.0e9 : f32
  %e_t = tensor.empty() : tensor<8xi32>
  %at = linalg.generic {indexing_maps = [affine_map<(t) -> (t)>], iterator_types = ["parallel"]}
      outs(%e_t : tensor<8xi32>) {
  ^bb0(%o: i32):
    %i = linalg.index 0 : index
    %y = arith.index_cast %i : index to i32
    linalg.yield %y : i32
  } -> tensor<8xi32>
  %e_m = tensor.empty() : tensor<8x8xf32>
  %mask = linalg.generic {indexing_maps = [
      affine_map<(i, j) -> (i)>, affine_map<(i, j) -> (j)>, affine_map<(i, j) -> (i, j)>],
      iterator_types = ["parallel", "parallel"]}
      ins(%at, %at : tensor<8xi32>, tensor<8xi32>) outs(%e_m : tensor<8x8xf32>) {
  ^bb0(%a0: i32, %a1: i32, %o: f32):
    %see = arith.cmpi sge, %a0, %a1 : i32
    %y = arith.select %see, %zero, %large : f32
    linalg.yield %y : f32
  } -> tensor<8x8xf32>
  %e_s = tensor.empty() : tensor<1x2x8x8xf32>
  %z_s = linalg.fill ins(%zero : f32) outs(%e_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %s = linalg.contract indexing_maps = [#qk_q, #qk_k, #qk_s]
      ins(%q, %k : tensor<1x2x8x4xf32>, tensor<1x2x8x4xf32>) outs(%z_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %x = linalg.generic {indexing_maps = [#s4, affine_map<(b, h, i, j) -> (i, j)>, #s4],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%s, %mask : tensor<1x2x8x8xf32>, tensor<8x8xf32>)
      outs(%e_s : tensor<1x2x8x8xf32>) {
  ^bb0(%a0: f32, %a1: f32, %o: f32):
    %m = arith.mulf %a0, %scale : f32
    %y = arith.addf %m, %a1 : f32
    linalg.yield %y : f32
  } -> tensor<1x2x8x8xf32>
  %p = linalg.softmax dimension(3)
      ins(%x : tensor<1x2x8x8xf32>) outs(%e_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %e_o = tensor.empty() : tensor<1x2x8x4xf32>
  %z_o = linalg.fill ins(%zero : f32) outs(%e_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  %r = linalg.contract indexing_maps = [#pv_p, #pv_v, #pv_o]
      ins(%p, %v : tensor<1x2x8x8xf32>, tensor<1x2x8x4xf32>) outs(%z_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  return %r : tensor<1x2x8x4xf32>
}

// Causal: a constant triangle.
// CHECK-LABEL: @causal_constant(
// CHECK: ra.attention {mask = #ra.mask<causal>, scale = 5.000000e-01
func.func @causal_constant(%q: tensor<1x2x8x4xf32>, %k: tensor<1x2x8x4xf32>, %v: tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32> {
  %zero = arith.constant 0.0 : f32
  %scale = arith.constant 0.5 : f32
  %inf = arith.constant 0xFF800000 : f32
  %tri = arith.constant dense<[
      [true, false, false, false, false, false, false, false],
      [true, true, false, false, false, false, false, false],
      [true, true, true, false, false, false, false, false],
      [true, true, true, true, false, false, false, false],
      [true, true, true, true, true, false, false, false],
      [true, true, true, true, true, true, false, false],
      [true, true, true, true, true, true, true, false],
      [true, true, true, true, true, true, true, true]]> : tensor<8x8xi1>
  %e_s = tensor.empty() : tensor<1x2x8x8xf32>
  %z_s = linalg.fill ins(%zero : f32) outs(%e_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %s = linalg.contract indexing_maps = [#qk_q, #qk_k, #qk_s]
      ins(%q, %k : tensor<1x2x8x4xf32>, tensor<1x2x8x4xf32>) outs(%z_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %x = linalg.generic {indexing_maps = [#s4, affine_map<(b, h, i, j) -> (i, j)>, #s4],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%s, %tri : tensor<1x2x8x8xf32>, tensor<8x8xi1>)
      outs(%e_s : tensor<1x2x8x8xf32>) {
  ^bb0(%a0: f32, %a1: i1, %o: f32):
    %m = arith.mulf %a0, %scale : f32
    %y = arith.select %a1, %m, %inf : f32
    linalg.yield %y : f32
  } -> tensor<1x2x8x8xf32>
  %p = linalg.softmax dimension(3)
      ins(%x : tensor<1x2x8x8xf32>) outs(%e_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %e_o = tensor.empty() : tensor<1x2x8x4xf32>
  %z_o = linalg.fill ins(%zero : f32) outs(%e_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  %r = linalg.contract indexing_maps = [#pv_p, #pv_v, #pv_o]
      ins(%p, %v : tensor<1x2x8x8xf32>, tensor<1x2x8x4xf32>) outs(%z_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  return %r : tensor<1x2x8x4xf32>
}

// A window: a constant of 0 and -inf, added.
// CHECK-LABEL: @window_constant(
// CHECK: ra.attention {mask = #ra.mask<window(3)>, scale = 5.000000e-01
func.func @window_constant(%q: tensor<1x2x8x4xf32>, %k: tensor<1x2x8x4xf32>, %v: tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32> {
  %zero = arith.constant 0.0 : f32
  %scale = arith.constant 0.5 : f32
  %band = arith.constant dense<[
      [0.0, 0xFF800000, 0xFF800000, 0xFF800000, 0xFF800000, 0xFF800000, 0xFF800000, 0xFF800000],
      [0.0, 0.0, 0xFF800000, 0xFF800000, 0xFF800000, 0xFF800000, 0xFF800000, 0xFF800000],
      [0.0, 0.0, 0.0, 0xFF800000, 0xFF800000, 0xFF800000, 0xFF800000, 0xFF800000],
      [0xFF800000, 0.0, 0.0, 0.0, 0xFF800000, 0xFF800000, 0xFF800000, 0xFF800000],
      [0xFF800000, 0xFF800000, 0.0, 0.0, 0.0, 0xFF800000, 0xFF800000, 0xFF800000],
      [0xFF800000, 0xFF800000, 0xFF800000, 0.0, 0.0, 0.0, 0xFF800000, 0xFF800000],
      [0xFF800000, 0xFF800000, 0xFF800000, 0xFF800000, 0.0, 0.0, 0.0, 0xFF800000],
      [0xFF800000, 0xFF800000, 0xFF800000, 0xFF800000, 0xFF800000, 0.0, 0.0, 0.0]]> : tensor<8x8xf32>
  %e_s = tensor.empty() : tensor<1x2x8x8xf32>
  %z_s = linalg.fill ins(%zero : f32) outs(%e_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %s = linalg.contract indexing_maps = [#qk_q, #qk_k, #qk_s]
      ins(%q, %k : tensor<1x2x8x4xf32>, tensor<1x2x8x4xf32>) outs(%z_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %x = linalg.generic {indexing_maps = [#s4, affine_map<(b, h, i, j) -> (i, j)>, #s4],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%s, %band : tensor<1x2x8x8xf32>, tensor<8x8xf32>)
      outs(%e_s : tensor<1x2x8x8xf32>) {
  ^bb0(%a0: f32, %a1: f32, %o: f32):
    %m = arith.mulf %a0, %scale : f32
    %y = arith.addf %m, %a1 : f32
    linalg.yield %y : f32
  } -> tensor<1x2x8x8xf32>
  %p = linalg.softmax dimension(3)
      ins(%x : tensor<1x2x8x8xf32>) outs(%e_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %e_o = tensor.empty() : tensor<1x2x8x4xf32>
  %z_o = linalg.fill ins(%zero : f32) outs(%e_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  %r = linalg.contract indexing_maps = [#pv_p, #pv_v, #pv_o]
      ins(%p, %v : tensor<1x2x8x8xf32>, tensor<1x2x8x4xf32>) outs(%z_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  return %r : tensor<1x2x8x4xf32>
}

// The corner of a larger mask that is a constant, and of a larger one that is data.
// CHECK-LABEL: @larger_mask(
// CHECK: ra.attention {mask = #ra.mask<causal>, scale = 5.000000e-01
// CHECK-SAME: bias(%{{.*}} : tensor<1x1x8x8xf32>)
func.func @larger_mask(%q: tensor<1x2x8x4xf32>, %k: tensor<1x2x8x4xf32>, %v: tensor<1x2x8x4xf32>, %table: tensor<10x10xf32>) -> tensor<1x2x8x4xf32> {
  %zero = arith.constant 0.0 : f32
  %scale = arith.constant 0.5 : f32
  %inf = arith.constant 0xFF800000 : f32
  %tri = arith.constant dense<[
      [true, false, false, false, false, false, false, false, false, false],
      [true, true, false, false, false, false, false, false, false, false],
      [true, true, true, false, false, false, false, false, false, false],
      [true, true, true, true, false, false, false, false, false, false],
      [true, true, true, true, true, false, false, false, false, false],
      [true, true, true, true, true, true, false, false, false, false],
      [true, true, true, true, true, true, true, false, false, false],
      [true, true, true, true, true, true, true, true, false, false],
      [true, true, true, true, true, true, true, true, true, false],
      [true, true, true, true, true, true, true, true, true, true]]> : tensor<10x10xi1>
  %corner = tensor.extract_slice %tri[0, 0] [8, 8] [1, 1] : tensor<10x10xi1> to tensor<8x8xi1>
  %part = tensor.extract_slice %table[2, 0] [8, 8] [1, 1] : tensor<10x10xf32> to tensor<8x8xf32>
  %e_s = tensor.empty() : tensor<1x2x8x8xf32>
  %z_s = linalg.fill ins(%zero : f32) outs(%e_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %s = linalg.contract indexing_maps = [#qk_q, #qk_k, #qk_s]
      ins(%q, %k : tensor<1x2x8x4xf32>, tensor<1x2x8x4xf32>) outs(%z_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %x = linalg.generic {indexing_maps = [#s4, affine_map<(b, h, i, j) -> (i, j)>, affine_map<(b, h, i, j) -> (i, j)>, #s4],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%s, %corner, %part : tensor<1x2x8x8xf32>, tensor<8x8xi1>, tensor<8x8xf32>)
      outs(%e_s : tensor<1x2x8x8xf32>) {
  ^bb0(%a0: f32, %a1: i1, %a2: f32, %o: f32):
    %m = arith.mulf %a0, %scale : f32
    %b = arith.addf %m, %a2 : f32
    %y = arith.select %a1, %b, %inf : f32
    linalg.yield %y : f32
  } -> tensor<1x2x8x8xf32>
  %p = linalg.softmax dimension(3)
      ins(%x : tensor<1x2x8x8xf32>) outs(%e_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %e_o = tensor.empty() : tensor<1x2x8x4xf32>
  %z_o = linalg.fill ins(%zero : f32) outs(%e_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  %r = linalg.contract indexing_maps = [#pv_p, #pv_v, #pv_o]
      ins(%p, %v : tensor<1x2x8x8xf32>, tensor<1x2x8x4xf32>) outs(%z_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  return %r : tensor<1x2x8x4xf32>
}

// A window by two comparisons.
// CHECK-LABEL: @window(
// CHECK: ra.attention {mask = #ra.mask<window(4)>, scale = 5.000000e-01
func.func @window(%q: tensor<1x2x8x4xf32>, %k: tensor<1x2x8x4xf32>, %v: tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32> {
  %zero = arith.constant 0.0 : f32
  %scale = arith.constant 0.5 : f32
  %inf = arith.constant 0xFF800000 : f32
  %four = arith.constant 4 : index
  %e_s = tensor.empty() : tensor<1x2x8x8xf32>
  %z_s = linalg.fill ins(%zero : f32) outs(%e_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %s = linalg.contract indexing_maps = [#qk_q, #qk_k, #qk_s]
      ins(%q, %k : tensor<1x2x8x4xf32>, tensor<1x2x8x4xf32>) outs(%z_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %x = linalg.generic {indexing_maps = [#s4, #s4],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%s : tensor<1x2x8x8xf32>)
      outs(%e_s : tensor<1x2x8x8xf32>) {
  ^bb0(%a0: f32, %o: f32):
    %i = linalg.index 2 : index
    %j = linalg.index 3 : index
    %see = arith.cmpi sle, %j, %i : index
    %d = arith.subi %i, %j : index
    %near = arith.cmpi slt, %d, %four : index
    %both = arith.andi %see, %near : i1
    %m = arith.mulf %a0, %scale : f32
    %y = arith.select %both, %m, %inf : f32
    linalg.yield %y : f32
  } -> tensor<1x2x8x8xf32>
  %p = linalg.softmax dimension(3)
      ins(%x : tensor<1x2x8x8xf32>) outs(%e_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %e_o = tensor.empty() : tensor<1x2x8x4xf32>
  %z_o = linalg.fill ins(%zero : f32) outs(%e_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  %r = linalg.contract indexing_maps = [#pv_p, #pv_v, #pv_o]
      ins(%p, %v : tensor<1x2x8x8xf32>, tensor<1x2x8x4xf32>) outs(%z_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  return %r : tensor<1x2x8x4xf32>
}

// More keys than queries: the last query sees the last key.
// CHECK-LABEL: @bottom_right(
// CHECK: ra.attention {mask = #ra.mask<causal, bottom_right>, scale = 5.000000e-01
func.func @bottom_right(%q: tensor<1x2x8x4xf32>, %k: tensor<1x2x12x4xf32>, %v: tensor<1x2x12x4xf32>) -> tensor<1x2x8x4xf32> {
  %zero = arith.constant 0.0 : f32
  %scale = arith.constant 0.5 : f32
  %inf = arith.constant 0xFF800000 : f32
  %four = arith.constant 4 : index
  %e_s = tensor.empty() : tensor<1x2x8x12xf32>
  %z_s = linalg.fill ins(%zero : f32) outs(%e_s : tensor<1x2x8x12xf32>) -> tensor<1x2x8x12xf32>
  %s = linalg.contract indexing_maps = [#qk_q, #qk_k, #qk_s]
      ins(%q, %k : tensor<1x2x8x4xf32>, tensor<1x2x12x4xf32>) outs(%z_s : tensor<1x2x8x12xf32>) -> tensor<1x2x8x12xf32>
  %x = linalg.generic {indexing_maps = [#s4, #s4],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%s : tensor<1x2x8x12xf32>)
      outs(%e_s : tensor<1x2x8x12xf32>) {
  ^bb0(%a0: f32, %o: f32):
    %i = linalg.index 2 : index
    %j = linalg.index 3 : index
    %at = arith.addi %i, %four : index
    %see = arith.cmpi ule, %j, %at : index
    %m = arith.mulf %a0, %scale : f32
    %y = arith.select %see, %m, %inf : f32
    linalg.yield %y : f32
  } -> tensor<1x2x8x12xf32>
  %p = linalg.softmax dimension(3)
      ins(%x : tensor<1x2x8x12xf32>) outs(%e_s : tensor<1x2x8x12xf32>) -> tensor<1x2x8x12xf32>
  %e_o = tensor.empty() : tensor<1x2x8x4xf32>
  %z_o = linalg.fill ins(%zero : f32) outs(%e_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  %r = linalg.contract indexing_maps = [#pv_p, #pv_v, #pv_o]
      ins(%p, %v : tensor<1x2x8x12xf32>, tensor<1x2x12x4xf32>) outs(%z_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  return %r : tensor<1x2x8x4xf32>
}

// The same with lengths known at run time only.
// CHECK-LABEL: @bottom_right_dynamic(
// CHECK: ra.attention {mask = #ra.mask<causal, bottom_right>, scale = 5.000000e-01
func.func @bottom_right_dynamic(%q: tensor<?x2x?x4xf32>, %k: tensor<?x2x?x4xf32>, %v: tensor<?x2x?x4xf32>) -> tensor<?x2x?x4xf32> {
  %zero = arith.constant 0.0 : f32
  %scale = arith.constant 0.5 : f32
  %inf = arith.constant 0xFF800000 : f32
  %c0 = arith.constant 0 : index
  %c2 = arith.constant 2 : index
  %b = tensor.dim %q, %c0 : tensor<?x2x?x4xf32>
  %tq = tensor.dim %q, %c2 : tensor<?x2x?x4xf32>
  %tk = tensor.dim %k, %c2 : tensor<?x2x?x4xf32>
  %delta = arith.subi %tk, %tq : index
  %e_s = tensor.empty(%b, %tq, %tk) : tensor<?x2x?x?xf32>
  %z_s = linalg.fill ins(%zero : f32) outs(%e_s : tensor<?x2x?x?xf32>) -> tensor<?x2x?x?xf32>
  %s = linalg.contract indexing_maps = [#qk_q, #qk_k, #qk_s]
      ins(%q, %k : tensor<?x2x?x4xf32>, tensor<?x2x?x4xf32>) outs(%z_s : tensor<?x2x?x?xf32>) -> tensor<?x2x?x?xf32>
  %x = linalg.generic {indexing_maps = [#s4, #s4],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%s : tensor<?x2x?x?xf32>)
      outs(%e_s : tensor<?x2x?x?xf32>) {
  ^bb0(%a0: f32, %o: f32):
    %i = linalg.index 2 : index
    %j = linalg.index 3 : index
    %at = arith.addi %i, %delta : index
    %see = arith.cmpi sle, %j, %at : index
    %m = arith.mulf %a0, %scale : f32
    %y = arith.select %see, %m, %inf : f32
    linalg.yield %y : f32
  } -> tensor<?x2x?x?xf32>
  %p = linalg.softmax dimension(3)
      ins(%x : tensor<?x2x?x?xf32>) outs(%e_s : tensor<?x2x?x?xf32>) -> tensor<?x2x?x?xf32>
  %e_o = tensor.empty(%b, %tq) : tensor<?x2x?x4xf32>
  %z_o = linalg.fill ins(%zero : f32) outs(%e_o : tensor<?x2x?x4xf32>) -> tensor<?x2x?x4xf32>
  %r = linalg.contract indexing_maps = [#pv_p, #pv_v, #pv_o]
      ins(%p, %v : tensor<?x2x?x?xf32>, tensor<?x2x?x4xf32>) outs(%z_o : tensor<?x2x?x4xf32>) -> tensor<?x2x?x4xf32>
  return %r : tensor<?x2x?x4xf32>
}

// Causal with dynamic batch and lengths, softmax spelled out.
// CHECK-LABEL: @causal_dynamic(
// CHECK: ra.attention {mask = #ra.mask<causal>, scale = 5.000000e-01
func.func @causal_dynamic(%q: tensor<?x2x?x4xf32>, %k: tensor<?x2x?x4xf32>, %v: tensor<?x2x?x4xf32>) -> tensor<?x2x?x4xf32> {
  %zero = arith.constant 0.0 : f32
  %scale = arith.constant 0.5 : f32
  %inf = arith.constant 0xFF800000 : f32
  %flt = arith.constant -3.40282347E+38 : f32
  %c0 = arith.constant 0 : index
  %c2 = arith.constant 2 : index
  %b = tensor.dim %q, %c0 : tensor<?x2x?x4xf32>
  %tq = tensor.dim %q, %c2 : tensor<?x2x?x4xf32>
  %tk = tensor.dim %k, %c2 : tensor<?x2x?x4xf32>
  %e_s = tensor.empty(%b, %tq, %tk) : tensor<?x2x?x?xf32>
  %z_s = linalg.fill ins(%zero : f32) outs(%e_s : tensor<?x2x?x?xf32>) -> tensor<?x2x?x?xf32>
  %s = linalg.contract indexing_maps = [#qk_q, #qk_k, #qk_s]
      ins(%q, %k : tensor<?x2x?x4xf32>, tensor<?x2x?x4xf32>) outs(%z_s : tensor<?x2x?x?xf32>) -> tensor<?x2x?x?xf32>
  %x = linalg.generic {indexing_maps = [#s4, #s4],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%s : tensor<?x2x?x?xf32>)
      outs(%e_s : tensor<?x2x?x?xf32>) {
  ^bb0(%a0: f32, %o: f32):
    %i = linalg.index 2 : index
    %j = linalg.index 3 : index
    %see = arith.cmpi sle, %j, %i : index
    %m = arith.mulf %a0, %scale : f32
    %y = arith.select %see, %m, %flt : f32
    linalg.yield %y : f32
  } -> tensor<?x2x?x?xf32>
  %e_max = tensor.empty(%b, %tq) : tensor<?x2x?xf32>
  %i_max = linalg.fill ins(%inf : f32) outs(%e_max : tensor<?x2x?xf32>) -> tensor<?x2x?xf32>
  %max = linalg.generic {indexing_maps = [#s4, #row],
      iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
      ins(%x : tensor<?x2x?x?xf32>) outs(%i_max : tensor<?x2x?xf32>) {
  ^bb0(%a0: f32, %o: f32):
    %y = arith.maximumf %a0, %o : f32
    linalg.yield %y : f32
  } -> tensor<?x2x?xf32>
  %c = linalg.generic {indexing_maps = [#s4, #row, #s4],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%x, %max : tensor<?x2x?x?xf32>, tensor<?x2x?xf32>)
      outs(%e_s : tensor<?x2x?x?xf32>) {
  ^bb0(%a0: f32, %a1: f32, %o: f32):
    %y = arith.subf %a0, %a1 : f32
    linalg.yield %y : f32
  } -> tensor<?x2x?x?xf32>
  %e = linalg.generic {indexing_maps = [#s4, #s4],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%c : tensor<?x2x?x?xf32>)
      outs(%e_s : tensor<?x2x?x?xf32>) {
  ^bb0(%a0: f32, %o: f32):
    %y = math.exp %a0 : f32
    linalg.yield %y : f32
  } -> tensor<?x2x?x?xf32>
  %e_sum = tensor.empty(%b, %tq) : tensor<?x2x?xf32>
  %i_sum = linalg.fill ins(%zero : f32) outs(%e_sum : tensor<?x2x?xf32>) -> tensor<?x2x?xf32>
  %sum = linalg.generic {indexing_maps = [#s4, #row],
      iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
      ins(%e : tensor<?x2x?x?xf32>) outs(%i_sum : tensor<?x2x?xf32>) {
  ^bb0(%a0: f32, %o: f32):
    %y = arith.addf %a0, %o : f32
    linalg.yield %y : f32
  } -> tensor<?x2x?xf32>
  %p = linalg.generic {indexing_maps = [#s4, #row, #s4],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%e, %sum : tensor<?x2x?x?xf32>, tensor<?x2x?xf32>)
      outs(%e_s : tensor<?x2x?x?xf32>) {
  ^bb0(%a0: f32, %a1: f32, %o: f32):
    %y = arith.divf %a0, %a1 : f32
    linalg.yield %y : f32
  } -> tensor<?x2x?x?xf32>
  %e_o = tensor.empty(%b, %tq) : tensor<?x2x?x4xf32>
  %z_o = linalg.fill ins(%zero : f32) outs(%e_o : tensor<?x2x?x4xf32>) -> tensor<?x2x?x4xf32>
  %r = linalg.contract indexing_maps = [#pv_p, #pv_v, #pv_o]
      ins(%p, %v : tensor<?x2x?x?xf32>, tensor<?x2x?x4xf32>) outs(%z_o : tensor<?x2x?x4xf32>) -> tensor<?x2x?x4xf32>
  return %r : tensor<?x2x?x4xf32>
}

// One query at a position known at run time, as in decoding: an offset.
// CHECK-LABEL: @decode(
// CHECK: ra.attention {mask = #ra.mask<causal>, scale = 5.000000e-01
// CHECK-SAME: offset(%
func.func @decode(%q: tensor<1x2x1x4xf32>, %k: tensor<1x2x12x4xf32>, %v: tensor<1x2x12x4xf32>, %cache: tensor<?xf32>) -> tensor<1x2x1x4xf32> {
  %zero = arith.constant 0.0 : f32
  %scale = arith.constant 0.5 : f32
  %inf = arith.constant 0xFF800000 : f32
  %c0 = arith.constant 0 : index
  %at = tensor.dim %cache, %c0 : tensor<?xf32>
  %e_s = tensor.empty() : tensor<1x2x1x12xf32>
  %z_s = linalg.fill ins(%zero : f32) outs(%e_s : tensor<1x2x1x12xf32>) -> tensor<1x2x1x12xf32>
  %s = linalg.contract indexing_maps = [#qk_q, #qk_k, #qk_s]
      ins(%q, %k : tensor<1x2x1x4xf32>, tensor<1x2x12x4xf32>) outs(%z_s : tensor<1x2x1x12xf32>) -> tensor<1x2x1x12xf32>
  %x = linalg.generic {indexing_maps = [#s4, #s4],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%s : tensor<1x2x1x12xf32>)
      outs(%e_s : tensor<1x2x1x12xf32>) {
  ^bb0(%a0: f32, %o: f32):
    %j = linalg.index 3 : index
    %see = arith.cmpi ule, %j, %at : index
    %m = arith.mulf %a0, %scale : f32
    %y = arith.select %see, %m, %inf : f32
    linalg.yield %y : f32
  } -> tensor<1x2x1x12xf32>
  %p = linalg.softmax dimension(3)
      ins(%x : tensor<1x2x1x12xf32>) outs(%e_s : tensor<1x2x1x12xf32>) -> tensor<1x2x1x12xf32>
  %e_o = tensor.empty() : tensor<1x2x1x4xf32>
  %z_o = linalg.fill ins(%zero : f32) outs(%e_o : tensor<1x2x1x4xf32>) -> tensor<1x2x1x4xf32>
  %r = linalg.contract indexing_maps = [#pv_p, #pv_v, #pv_o]
      ins(%p, %v : tensor<1x2x1x12xf32>, tensor<1x2x12x4xf32>) outs(%z_o : tensor<1x2x1x4xf32>) -> tensor<1x2x1x4xf32>
  return %r : tensor<1x2x1x4xf32>
}

// A tensor added to the scores is the bias as it is.
// CHECK-LABEL: @bias(
// CHECK: ra.attention {scale = 5.000000e-01
// CHECK-SAME: bias(%arg3 : tensor<1x2x8x8xf32>)
func.func @bias(%q: tensor<1x2x8x4xf32>, %k: tensor<1x2x8x4xf32>, %v: tensor<1x2x8x4xf32>, %bias: tensor<1x2x8x8xf32>) -> tensor<1x2x8x4xf32> {
  %zero = arith.constant 0.0 : f32
  %scale = arith.constant 0.5 : f32
  %e_s = tensor.empty() : tensor<1x2x8x8xf32>
  %z_s = linalg.fill ins(%zero : f32) outs(%e_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %s = linalg.contract indexing_maps = [#qk_q, #qk_k, #qk_s]
      ins(%q, %k : tensor<1x2x8x4xf32>, tensor<1x2x8x4xf32>) outs(%z_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %x = linalg.generic {indexing_maps = [#s4, #s4, #s4],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%s, %bias : tensor<1x2x8x8xf32>, tensor<1x2x8x8xf32>)
      outs(%e_s : tensor<1x2x8x8xf32>) {
  ^bb0(%a0: f32, %a1: f32, %o: f32):
    %m = arith.mulf %a0, %scale : f32
    %y = arith.addf %m, %a1 : f32
    linalg.yield %y : f32
  } -> tensor<1x2x8x8xf32>
  %p = linalg.softmax dimension(3)
      ins(%x : tensor<1x2x8x8xf32>) outs(%e_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %e_o = tensor.empty() : tensor<1x2x8x4xf32>
  %z_o = linalg.fill ins(%zero : f32) outs(%e_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  %r = linalg.contract indexing_maps = [#pv_p, #pv_v, #pv_o]
      ins(%p, %v : tensor<1x2x8x8xf32>, tensor<1x2x8x4xf32>) outs(%z_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  return %r : tensor<1x2x8x4xf32>
}

// A bias of queries and keys alone gains extents of 1.
// CHECK-LABEL: @bias_of_two_dims(
// CHECK: %[[B:.*]] = tensor.expand_shape %arg3
// CHECK: ra.attention {scale = 1.000000e+00
// CHECK-SAME: bias(%[[B]] : tensor<1x1x8x8xf32>)
func.func @bias_of_two_dims(%q: tensor<1x2x8x4xf32>, %k: tensor<1x2x8x4xf32>, %v: tensor<1x2x8x4xf32>, %bias: tensor<8x8xf32>) -> tensor<1x2x8x4xf32> {
  %zero = arith.constant 0.0 : f32
  %e_s = tensor.empty() : tensor<1x2x8x8xf32>
  %z_s = linalg.fill ins(%zero : f32) outs(%e_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %s = linalg.contract indexing_maps = [#qk_q, #qk_k, #qk_s]
      ins(%q, %k : tensor<1x2x8x4xf32>, tensor<1x2x8x4xf32>) outs(%z_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %x = linalg.generic {indexing_maps = [#s4, affine_map<(b, h, i, j) -> (i, j)>, #s4],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%s, %bias : tensor<1x2x8x8xf32>, tensor<8x8xf32>)
      outs(%e_s : tensor<1x2x8x8xf32>) {
  ^bb0(%a0: f32, %a1: f32, %o: f32):
    %y = arith.addf %a0, %a1 : f32
    linalg.yield %y : f32
  } -> tensor<1x2x8x8xf32>
  %p = linalg.softmax dimension(3)
      ins(%x : tensor<1x2x8x8xf32>) outs(%e_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %e_o = tensor.empty() : tensor<1x2x8x4xf32>
  %z_o = linalg.fill ins(%zero : f32) outs(%e_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  %r = linalg.contract indexing_maps = [#pv_p, #pv_v, #pv_o]
      ins(%p, %v : tensor<1x2x8x8xf32>, tensor<1x2x8x4xf32>) outs(%z_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  return %r : tensor<1x2x8x4xf32>
}

// A product that starts from the bias; the scale after it is the bias's, too.
// CHECK-LABEL: @bias_first(
// CHECK: %[[B:.*]] = linalg.generic
// CHECK: ra.attention {scale = 5.000000e-01
// CHECK-SAME: bias(%[[B]] : tensor<1x1x8x8xf32>)
func.func @bias_first(%q: tensor<1x2x8x4xf32>, %k: tensor<1x2x8x4xf32>, %v: tensor<1x2x8x4xf32>, %bias: tensor<8x8xf32>) -> tensor<1x2x8x4xf32> {
  %zero = arith.constant 0.0 : f32
  %scale = arith.constant 0.5 : f32
  %e_s = tensor.empty() : tensor<1x2x8x8xf32>
  %start = linalg.broadcast ins(%bias : tensor<8x8xf32>) outs(%e_s : tensor<1x2x8x8xf32>) dimensions = [0, 1]
  %s = linalg.contract indexing_maps = [#qk_q, #qk_k, #qk_s]
      ins(%q, %k : tensor<1x2x8x4xf32>, tensor<1x2x8x4xf32>) outs(%start : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %x = linalg.generic {indexing_maps = [#s4, #s4],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%s : tensor<1x2x8x8xf32>)
      outs(%e_s : tensor<1x2x8x8xf32>) {
  ^bb0(%a0: f32, %o: f32):
    %m = arith.mulf %a0, %scale : f32
    linalg.yield %m : f32
  } -> tensor<1x2x8x8xf32>
  %p = linalg.softmax dimension(3)
      ins(%x : tensor<1x2x8x8xf32>) outs(%e_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %e_o = tensor.empty() : tensor<1x2x8x4xf32>
  %z_o = linalg.fill ins(%zero : f32) outs(%e_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  %r = linalg.contract indexing_maps = [#pv_p, #pv_v, #pv_o]
      ins(%p, %v : tensor<1x2x8x8xf32>, tensor<1x2x8x4xf32>) outs(%z_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  return %r : tensor<1x2x8x4xf32>
}

// Keys hidden by a comparison with data, one row for all queries: a bias.
// CHECK-LABEL: @padding(
// CHECK: linalg.generic
// CHECK: ra.attention {scale = 5.000000e-01
// CHECK-SAME: bias(%{{.*}} : tensor<1x1x8x8xf32>)
func.func @padding(%q: tensor<1x2x8x4xf32>, %k: tensor<1x2x8x4xf32>, %v: tensor<1x2x8x4xf32>, %keep: tensor<1x8xf32>) -> tensor<1x2x8x4xf32> {
  %zero = arith.constant 0.0 : f32
  %scale = arith.constant 0.5 : f32
  %inf = arith.constant 0xFF800000 : f32
  %e_s = tensor.empty() : tensor<1x2x8x8xf32>
  %z_s = linalg.fill ins(%zero : f32) outs(%e_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %s = linalg.contract indexing_maps = [#qk_q, #qk_k, #qk_s]
      ins(%q, %k : tensor<1x2x8x4xf32>, tensor<1x2x8x4xf32>) outs(%z_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %x = linalg.generic {indexing_maps = [#s4, affine_map<(b, h, i, j) -> (b, j)>, #s4],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%s, %keep : tensor<1x2x8x8xf32>, tensor<1x8xf32>)
      outs(%e_s : tensor<1x2x8x8xf32>) {
  ^bb0(%a0: f32, %a1: f32, %o: f32):
    %see = arith.cmpf ogt, %a1, %zero : f32
    %m = arith.mulf %a0, %scale : f32
    %y = arith.select %see, %m, %inf : f32
    linalg.yield %y : f32
  } -> tensor<1x2x8x8xf32>
  %p = linalg.softmax dimension(3)
      ins(%x : tensor<1x2x8x8xf32>) outs(%e_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %e_o = tensor.empty() : tensor<1x2x8x4xf32>
  %z_o = linalg.fill ins(%zero : f32) outs(%e_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  %r = linalg.contract indexing_maps = [#pv_p, #pv_v, #pv_o]
      ins(%p, %v : tensor<1x2x8x8xf32>, tensor<1x2x8x4xf32>) outs(%z_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  return %r : tensor<1x2x8x4xf32>
}

// Causal and padding in one condition: the mask and a bias.
// CHECK-LABEL: @causal_and_padding(
// CHECK: ra.attention {mask = #ra.mask<causal>, scale = 5.000000e-01
// CHECK-SAME: bias(%{{.*}} : tensor<1x1x8x8xf32>)
func.func @causal_and_padding(%q: tensor<1x2x8x4xf32>, %k: tensor<1x2x8x4xf32>, %v: tensor<1x2x8x4xf32>, %keep: tensor<1x8xf32>) -> tensor<1x2x8x4xf32> {
  %zero = arith.constant 0.0 : f32
  %scale = arith.constant 0.5 : f32
  %inf = arith.constant 0xFF800000 : f32
  %low = arith.constant -0.5 : f32
  %e_s = tensor.empty() : tensor<1x2x8x8xf32>
  %z_s = linalg.fill ins(%zero : f32) outs(%e_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %s = linalg.contract indexing_maps = [#qk_q, #qk_k, #qk_s]
      ins(%q, %k : tensor<1x2x8x4xf32>, tensor<1x2x8x4xf32>) outs(%z_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %x = linalg.generic {indexing_maps = [#s4, affine_map<(b, h, i, j) -> (b, j)>, #s4],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%s, %keep : tensor<1x2x8x8xf32>, tensor<1x8xf32>)
      outs(%e_s : tensor<1x2x8x8xf32>) {
  ^bb0(%a0: f32, %a1: f32, %o: f32):
    %i = linalg.index 2 : index
    %j = linalg.index 3 : index
    %see = arith.cmpi sle, %j, %i : index
    %kept = arith.cmpf ogt, %a1, %low : f32
    %both = arith.andi %kept, %see : i1
    %m = arith.mulf %a0, %scale : f32
    %y = arith.select %both, %m, %inf : f32
    linalg.yield %y : f32
  } -> tensor<1x2x8x8xf32>
  %p = linalg.softmax dimension(3)
      ins(%x : tensor<1x2x8x8xf32>) outs(%e_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %e_o = tensor.empty() : tensor<1x2x8x4xf32>
  %z_o = linalg.fill ins(%zero : f32) outs(%e_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  %r = linalg.contract indexing_maps = [#pv_p, #pv_v, #pv_o]
      ins(%p, %v : tensor<1x2x8x8xf32>, tensor<1x2x8x4xf32>) outs(%z_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  return %r : tensor<1x2x8x4xf32>
}

// A row that sees nothing, hidden by the lowest number, is the mean of the values;
// as a bias it still is. The first query sees no key.
// CHECK-LABEL: @hidden_rows_mean(
// CHECK: ra.attention {scale = 5.000000e-01
// CHECK-SAME: bias(%{{.*}} : tensor<1x1x8x8xf32>)
func.func @hidden_rows_mean(%q: tensor<1x2x8x4xf32>, %k: tensor<1x2x8x4xf32>, %v: tensor<1x2x8x4xf32>, %keep: tensor<1x8xf32>) -> tensor<1x2x8x4xf32> {
  %zero = arith.constant 0.0 : f32
  %scale = arith.constant 0.5 : f32
  %flt = arith.constant -3.40282347E+38 : f32
  %e_s = tensor.empty() : tensor<1x2x8x8xf32>
  %z_s = linalg.fill ins(%zero : f32) outs(%e_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %s = linalg.contract indexing_maps = [#qk_q, #qk_k, #qk_s]
      ins(%q, %k : tensor<1x2x8x4xf32>, tensor<1x2x8x4xf32>) outs(%z_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %x = linalg.generic {indexing_maps = [#s4, affine_map<(b, h, i, j) -> (b, j)>, #s4],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%s, %keep : tensor<1x2x8x8xf32>, tensor<1x8xf32>)
      outs(%e_s : tensor<1x2x8x8xf32>) {
  ^bb0(%a0: f32, %a1: f32, %o: f32):
    %i = linalg.index 2 : index
    %j = linalg.index 3 : index
    %before = arith.cmpi slt, %j, %i : index
    %kept = arith.cmpf ogt, %a1, %zero : f32
    %both = arith.andi %kept, %before : i1
    %m = arith.mulf %a0, %scale : f32
    %y = arith.select %both, %m, %flt : f32
    linalg.yield %y : f32
  } -> tensor<1x2x8x8xf32>
  %p = linalg.softmax dimension(3)
      ins(%x : tensor<1x2x8x8xf32>) outs(%e_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %e_o = tensor.empty() : tensor<1x2x8x4xf32>
  %z_o = linalg.fill ins(%zero : f32) outs(%e_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  %r = linalg.contract indexing_maps = [#pv_p, #pv_v, #pv_o]
      ins(%p, %v : tensor<1x2x8x8xf32>, tensor<1x2x8x4xf32>) outs(%z_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  return %r : tensor<1x2x8x4xf32>
}

// Padding as (1 - keep) * -1e9, added.
// CHECK-LABEL: @padding_added(
// CHECK: ra.attention {scale = 5.000000e-01
// CHECK-SAME: bias(
func.func @padding_added(%q: tensor<1x2x8x4xf32>, %k: tensor<1x2x8x4xf32>, %v: tensor<1x2x8x4xf32>, %keep: tensor<1x8xf32>) -> tensor<1x2x8x4xf32> {
  %zero = arith.constant 0.0 : f32
  %scale = arith.constant 0.5 : f32
  %one = arith.constant 1.0 : f32
  %large = arith.constant -1.0e9 : f32
  %e_s = tensor.empty() : tensor<1x2x8x8xf32>
  %z_s = linalg.fill ins(%zero : f32) outs(%e_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %s = linalg.contract indexing_maps = [#qk_q, #qk_k, #qk_s]
      ins(%q, %k : tensor<1x2x8x4xf32>, tensor<1x2x8x4xf32>) outs(%z_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %x = linalg.generic {indexing_maps = [#s4, affine_map<(b, h, i, j) -> (b, j)>, #s4],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%s, %keep : tensor<1x2x8x8xf32>, tensor<1x8xf32>)
      outs(%e_s : tensor<1x2x8x8xf32>) {
  ^bb0(%a0: f32, %a1: f32, %o: f32):
    %kept = arith.cmpf ogt, %a1, %zero : f32
    %number = arith.uitofp %kept : i1 to f32
    %rest = arith.subf %one, %number : f32
    %add = arith.mulf %rest, %large : f32
    %m = arith.mulf %a0, %scale : f32
    %y = arith.addf %m, %add : f32
    linalg.yield %y : f32
  } -> tensor<1x2x8x8xf32>
  %p = linalg.softmax dimension(3)
      ins(%x : tensor<1x2x8x8xf32>) outs(%e_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %e_o = tensor.empty() : tensor<1x2x8x4xf32>
  %z_o = linalg.fill ins(%zero : f32) outs(%e_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  %r = linalg.contract indexing_maps = [#pv_p, #pv_v, #pv_o]
      ins(%p, %v : tensor<1x2x8x8xf32>, tensor<1x2x8x4xf32>) outs(%z_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  return %r : tensor<1x2x8x4xf32>
}

// Rows that see nothing give 0, by a guard on maximum and sum. The mask hides all
// keys from the first two queries.
// CHECK-LABEL: @guarded(
// CHECK: ra.attention {mask = #ra.mask<causal>, scale = 5.000000e-01
// CHECK-SAME: offset(%c-2)
func.func @guarded(%q: tensor<1x2x8x4xf32>, %k: tensor<1x2x8x4xf32>, %v: tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32> {
  %zero = arith.constant 0.0 : f32
  %scale = arith.constant 0.5 : f32
  %inf = arith.constant 0xFF800000 : f32
  %one = arith.constant 1.0 : f32
  %c2 = arith.constant 2 : index
  %e_s = tensor.empty() : tensor<1x2x8x8xf32>
  %z_s = linalg.fill ins(%zero : f32) outs(%e_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %s = linalg.contract indexing_maps = [#qk_q, #qk_k, #qk_s]
      ins(%q, %k : tensor<1x2x8x4xf32>, tensor<1x2x8x4xf32>) outs(%z_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %x = linalg.generic {indexing_maps = [#s4, #s4],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%s : tensor<1x2x8x8xf32>)
      outs(%e_s : tensor<1x2x8x8xf32>) {
  ^bb0(%a0: f32, %o: f32):
    %i = linalg.index 2 : index
    %j = linalg.index 3 : index
    %to = arith.addi %j, %c2 : index
    %see = arith.cmpi sle, %to, %i : index
    %m = arith.mulf %a0, %scale : f32
    %y = arith.select %see, %m, %inf : f32
    linalg.yield %y : f32
  } -> tensor<1x2x8x8xf32>
  %e_max = tensor.empty() : tensor<1x2x8xf32>
  %i_max = linalg.fill ins(%inf : f32) outs(%e_max : tensor<1x2x8xf32>) -> tensor<1x2x8xf32>
  %max = linalg.generic {indexing_maps = [#s4, #row],
      iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
      ins(%x : tensor<1x2x8x8xf32>) outs(%i_max : tensor<1x2x8xf32>) {
  ^bb0(%a0: f32, %o: f32):
    %y = arith.maximumf %a0, %o : f32
    linalg.yield %y : f32
  } -> tensor<1x2x8xf32>
  %safe = linalg.generic {indexing_maps = [affine_map<(b, h, i) -> (b, h, i)>, affine_map<(b, h, i) -> (b, h, i)>],
      iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%max : tensor<1x2x8xf32>)
      outs(%e_max : tensor<1x2x8xf32>) {
  ^bb0(%a0: f32, %o: f32):
    %none = arith.cmpf oeq, %a0, %inf : f32
    %y = arith.select %none, %zero, %a0 : f32
    linalg.yield %y : f32
  } -> tensor<1x2x8xf32>
  %c = linalg.generic {indexing_maps = [#s4, #row, #s4],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%x, %safe : tensor<1x2x8x8xf32>, tensor<1x2x8xf32>)
      outs(%e_s : tensor<1x2x8x8xf32>) {
  ^bb0(%a0: f32, %a1: f32, %o: f32):
    %y = arith.subf %a0, %a1 : f32
    linalg.yield %y : f32
  } -> tensor<1x2x8x8xf32>
  %e = linalg.generic {indexing_maps = [#s4, #s4],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%c : tensor<1x2x8x8xf32>)
      outs(%e_s : tensor<1x2x8x8xf32>) {
  ^bb0(%a0: f32, %o: f32):
    %y = math.exp %a0 : f32
    linalg.yield %y : f32
  } -> tensor<1x2x8x8xf32>
  %e_sum = tensor.empty() : tensor<1x2x8xf32>
  %i_sum = linalg.fill ins(%zero : f32) outs(%e_sum : tensor<1x2x8xf32>) -> tensor<1x2x8xf32>
  %sum = linalg.generic {indexing_maps = [#s4, #row],
      iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
      ins(%e : tensor<1x2x8x8xf32>) outs(%i_sum : tensor<1x2x8xf32>) {
  ^bb0(%a0: f32, %o: f32):
    %y = arith.addf %a0, %o : f32
    linalg.yield %y : f32
  } -> tensor<1x2x8xf32>
  %p = linalg.generic {indexing_maps = [#s4, #row, #s4],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%e, %sum : tensor<1x2x8x8xf32>, tensor<1x2x8xf32>)
      outs(%e_s : tensor<1x2x8x8xf32>) {
  ^bb0(%a0: f32, %a1: f32, %o: f32):
    %none = arith.cmpf oeq, %a1, %zero : f32
    %d = arith.select %none, %one, %a1 : f32
    %y = arith.divf %a0, %d : f32
    linalg.yield %y : f32
  } -> tensor<1x2x8x8xf32>
  %e_o = tensor.empty() : tensor<1x2x8x4xf32>
  %z_o = linalg.fill ins(%zero : f32) outs(%e_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  %r = linalg.contract indexing_maps = [#pv_p, #pv_v, #pv_o]
      ins(%p, %v : tensor<1x2x8x8xf32>, tensor<1x2x8x4xf32>) outs(%z_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  return %r : tensor<1x2x8x4xf32>
}

// Rows that see nothing give 0, by a condition on the row: all scores are -inf.
// CHECK-LABEL: @safe_softmax(
// CHECK: ra.attention {mask = #ra.mask<causal>, scale = 5.000000e-01
// CHECK-SAME: offset(%c-2)
func.func @safe_softmax(%q: tensor<1x2x8x4xf32>, %k: tensor<1x2x8x4xf32>, %v: tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32> {
  %zero = arith.constant 0.0 : f32
  %scale = arith.constant 0.5 : f32
  %inf = arith.constant 0xFF800000 : f32
  %c2 = arith.constant 2 : index
  %true = arith.constant true
  %e_s = tensor.empty() : tensor<1x2x8x8xf32>
  %z_s = linalg.fill ins(%zero : f32) outs(%e_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %s = linalg.contract indexing_maps = [#qk_q, #qk_k, #qk_s]
      ins(%q, %k : tensor<1x2x8x4xf32>, tensor<1x2x8x4xf32>) outs(%z_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %x = linalg.generic {indexing_maps = [#s4, #s4],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%s : tensor<1x2x8x8xf32>)
      outs(%e_s : tensor<1x2x8x8xf32>) {
  ^bb0(%a0: f32, %o: f32):
    %i = linalg.index 2 : index
    %j = linalg.index 3 : index
    %to = arith.addi %j, %c2 : index
    %see = arith.cmpi sle, %to, %i : index
    %m = arith.mulf %a0, %scale : f32
    %y = arith.select %see, %m, %inf : f32
    linalg.yield %y : f32
  } -> tensor<1x2x8x8xf32>
  %e_max = tensor.empty() : tensor<1x2x8xf32>
  %i_max = linalg.fill ins(%inf : f32) outs(%e_max : tensor<1x2x8xf32>) -> tensor<1x2x8xf32>
  %max = linalg.generic {indexing_maps = [#s4, #row],
      iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
      ins(%x : tensor<1x2x8x8xf32>) outs(%i_max : tensor<1x2x8xf32>) {
  ^bb0(%a0: f32, %o: f32):
    %y = arith.maximumf %a0, %o : f32
    linalg.yield %y : f32
  } -> tensor<1x2x8xf32>
  %c = linalg.generic {indexing_maps = [#s4, #row, #s4],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%x, %max : tensor<1x2x8x8xf32>, tensor<1x2x8xf32>)
      outs(%e_s : tensor<1x2x8x8xf32>) {
  ^bb0(%a0: f32, %a1: f32, %o: f32):
    %y = arith.subf %a0, %a1 : f32
    linalg.yield %y : f32
  } -> tensor<1x2x8x8xf32>
  %e = linalg.generic {indexing_maps = [#s4, #s4],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%c : tensor<1x2x8x8xf32>)
      outs(%e_s : tensor<1x2x8x8xf32>) {
  ^bb0(%a0: f32, %o: f32):
    %y = math.exp %a0 : f32
    linalg.yield %y : f32
  } -> tensor<1x2x8x8xf32>
  %e_sum = tensor.empty() : tensor<1x2x8xf32>
  %i_sum = linalg.fill ins(%zero : f32) outs(%e_sum : tensor<1x2x8xf32>) -> tensor<1x2x8xf32>
  %sum = linalg.generic {indexing_maps = [#s4, #row],
      iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
      ins(%e : tensor<1x2x8x8xf32>) outs(%i_sum : tensor<1x2x8xf32>) {
  ^bb0(%a0: f32, %o: f32):
    %y = arith.addf %a0, %o : f32
    linalg.yield %y : f32
  } -> tensor<1x2x8xf32>
  %n = linalg.generic {indexing_maps = [#s4, #row, #s4],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%e, %sum : tensor<1x2x8x8xf32>, tensor<1x2x8xf32>)
      outs(%e_s : tensor<1x2x8x8xf32>) {
  ^bb0(%a0: f32, %a1: f32, %o: f32):
    %y = arith.divf %a0, %a1 : f32
    linalg.yield %y : f32
  } -> tensor<1x2x8x8xf32>
  %e_none = tensor.empty() : tensor<1x2x8xi1>
  %i_none = linalg.fill ins(%true : i1) outs(%e_none : tensor<1x2x8xi1>) -> tensor<1x2x8xi1>
  %none = linalg.generic {indexing_maps = [#s4, #row],
      iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
      ins(%x : tensor<1x2x8x8xf32>) outs(%i_none : tensor<1x2x8xi1>) {
  ^bb0(%a0: f32, %o: i1):
    %hidden = arith.cmpf oeq, %a0, %inf : f32
    %y = arith.andi %hidden, %o : i1
    linalg.yield %y : i1
  } -> tensor<1x2x8xi1>
  %p = linalg.generic {indexing_maps = [#row, #s4, #s4],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%none, %n : tensor<1x2x8xi1>, tensor<1x2x8x8xf32>)
      outs(%e_s : tensor<1x2x8x8xf32>) {
  ^bb0(%a0: i1, %a1: f32, %o: f32):
    %y = arith.select %a0, %zero, %a1 : f32
    linalg.yield %y : f32
  } -> tensor<1x2x8x8xf32>
  %e_o = tensor.empty() : tensor<1x2x8x4xf32>
  %z_o = linalg.fill ins(%zero : f32) outs(%e_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  %r = linalg.contract indexing_maps = [#pv_p, #pv_v, #pv_o]
      ins(%p, %v : tensor<1x2x8x8xf32>, tensor<1x2x8x4xf32>) outs(%z_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  return %r : tensor<1x2x8x4xf32>
}

// Hidden terms are taken out of the exponentials instead of the scores.
// CHECK-LABEL: @masked_exponential(
// CHECK: ra.attention {mask = #ra.mask<causal>, scale = 5.000000e-01
func.func @masked_exponential(%q: tensor<1x2x8x4xf32>, %k: tensor<1x2x8x4xf32>, %v: tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32> {
  %zero = arith.constant 0.0 : f32
  %scale = arith.constant 0.5 : f32
  %inf = arith.constant 0xFF800000 : f32
  %e_s = tensor.empty() : tensor<1x2x8x8xf32>
  %z_s = linalg.fill ins(%zero : f32) outs(%e_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %s = linalg.contract indexing_maps = [#qk_q, #qk_k, #qk_s]
      ins(%q, %k : tensor<1x2x8x4xf32>, tensor<1x2x8x4xf32>) outs(%z_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %x = linalg.generic {indexing_maps = [#s4, #s4],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%s : tensor<1x2x8x8xf32>)
      outs(%e_s : tensor<1x2x8x8xf32>) {
  ^bb0(%a0: f32, %o: f32):
    %m = arith.mulf %a0, %scale : f32
    linalg.yield %m : f32
  } -> tensor<1x2x8x8xf32>
  %e_max = tensor.empty() : tensor<1x2x8xf32>
  %i_max = linalg.fill ins(%inf : f32) outs(%e_max : tensor<1x2x8xf32>) -> tensor<1x2x8xf32>
  %max = linalg.generic {indexing_maps = [#s4, #row],
      iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
      ins(%x : tensor<1x2x8x8xf32>) outs(%i_max : tensor<1x2x8xf32>) {
  ^bb0(%a0: f32, %o: f32):
    %y = arith.maximumf %a0, %o : f32
    linalg.yield %y : f32
  } -> tensor<1x2x8xf32>
  %c = linalg.generic {indexing_maps = [#s4, #row, #s4],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%x, %max : tensor<1x2x8x8xf32>, tensor<1x2x8xf32>)
      outs(%e_s : tensor<1x2x8x8xf32>) {
  ^bb0(%a0: f32, %a1: f32, %o: f32):
    %y = arith.subf %a0, %a1 : f32
    linalg.yield %y : f32
  } -> tensor<1x2x8x8xf32>
  %e = linalg.generic {indexing_maps = [#s4, #s4],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%c : tensor<1x2x8x8xf32>)
      outs(%e_s : tensor<1x2x8x8xf32>) {
  ^bb0(%a0: f32, %o: f32):
    %i = linalg.index 2 : index
    %j = linalg.index 3 : index
    %see = arith.cmpi sle, %j, %i : index
    %m = math.exp %a0 : f32
    %y = arith.select %see, %m, %zero : f32
    linalg.yield %y : f32
  } -> tensor<1x2x8x8xf32>
  %e_sum = tensor.empty() : tensor<1x2x8xf32>
  %i_sum = linalg.fill ins(%zero : f32) outs(%e_sum : tensor<1x2x8xf32>) -> tensor<1x2x8xf32>
  %sum = linalg.generic {indexing_maps = [#s4, #row],
      iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
      ins(%e : tensor<1x2x8x8xf32>) outs(%i_sum : tensor<1x2x8xf32>) {
  ^bb0(%a0: f32, %o: f32):
    %y = arith.addf %a0, %o : f32
    linalg.yield %y : f32
  } -> tensor<1x2x8xf32>
  %p = linalg.generic {indexing_maps = [#s4, #row, #s4],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%e, %sum : tensor<1x2x8x8xf32>, tensor<1x2x8xf32>)
      outs(%e_s : tensor<1x2x8x8xf32>) {
  ^bb0(%a0: f32, %a1: f32, %o: f32):
    %y = arith.divf %a0, %a1 : f32
    linalg.yield %y : f32
  } -> tensor<1x2x8x8xf32>
  %e_o = tensor.empty() : tensor<1x2x8x4xf32>
  %z_o = linalg.fill ins(%zero : f32) outs(%e_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  %r = linalg.contract indexing_maps = [#pv_p, #pv_v, #pv_o]
      ins(%p, %v : tensor<1x2x8x8xf32>, tensor<1x2x8x4xf32>) outs(%z_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  return %r : tensor<1x2x8x4xf32>
}

// A softcap: 30 * tanh(scores / 30).
// CHECK-LABEL: @softcap(
// CHECK: ra.attention {scale = 5.000000e-01 : f64, softcap = 3.000000e+01
func.func @softcap(%q: tensor<1x2x8x4xf32>, %k: tensor<1x2x8x4xf32>, %v: tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32> {
  %zero = arith.constant 0.0 : f32
  %scale = arith.constant 0.5 : f32
  %cap = arith.constant 30.0 : f32
  %e_s = tensor.empty() : tensor<1x2x8x8xf32>
  %z_s = linalg.fill ins(%zero : f32) outs(%e_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %s = linalg.contract indexing_maps = [#qk_q, #qk_k, #qk_s]
      ins(%q, %k : tensor<1x2x8x4xf32>, tensor<1x2x8x4xf32>) outs(%z_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %x = linalg.generic {indexing_maps = [#s4, #s4],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%s : tensor<1x2x8x8xf32>)
      outs(%e_s : tensor<1x2x8x8xf32>) {
  ^bb0(%a0: f32, %o: f32):
    %m = arith.mulf %a0, %scale : f32
    linalg.yield %m : f32
  } -> tensor<1x2x8x8xf32>
  %y = linalg.generic {indexing_maps = [#s4, #s4],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%x : tensor<1x2x8x8xf32>)
      outs(%e_s : tensor<1x2x8x8xf32>) {
  ^bb0(%a0: f32, %o: f32):
    %a = arith.divf %a0, %cap : f32
    %t = math.tanh %a : f32
    %y = arith.mulf %t, %cap : f32
    linalg.yield %y : f32
  } -> tensor<1x2x8x8xf32>
  %p = linalg.softmax dimension(3)
      ins(%y : tensor<1x2x8x8xf32>) outs(%e_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %e_o = tensor.empty() : tensor<1x2x8x4xf32>
  %z_o = linalg.fill ins(%zero : f32) outs(%e_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  %r = linalg.contract indexing_maps = [#pv_p, #pv_v, #pv_o]
      ins(%p, %v : tensor<1x2x8x8xf32>, tensor<1x2x8x4xf32>) outs(%z_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  return %r : tensor<1x2x8x4xf32>
}

// f16 operands, scores in f32, probabilities back in f16.
// CHECK-LABEL: @half(
// CHECK: ra.attention {scale = 5.000000e-01 : f64} ins(%arg0, %arg1, %arg2 : tensor<1x2x8x4xf16>
func.func @half(%q: tensor<1x2x8x4xf16>, %k: tensor<1x2x8x4xf16>, %v: tensor<1x2x8x4xf16>) -> tensor<1x2x8x4xf32> {
  %zero = arith.constant 0.0 : f32
  %scale = arith.constant 0.5 : f32
  %e_s = tensor.empty() : tensor<1x2x8x8xf32>
  %z_s = linalg.fill ins(%zero : f32) outs(%e_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %s = linalg.contract indexing_maps = [#qk_q, #qk_k, #qk_s]
      ins(%q, %k : tensor<1x2x8x4xf16>, tensor<1x2x8x4xf16>) outs(%z_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %x = linalg.generic {indexing_maps = [#s4, #s4],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%s : tensor<1x2x8x8xf32>)
      outs(%e_s : tensor<1x2x8x8xf32>) {
  ^bb0(%a0: f32, %o: f32):
    %m = arith.mulf %a0, %scale : f32
    linalg.yield %m : f32
  } -> tensor<1x2x8x8xf32>
  %p = linalg.softmax dimension(3)
      ins(%x : tensor<1x2x8x8xf32>) outs(%e_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %e_h = tensor.empty() : tensor<1x2x8x8xf16>
  %ph = linalg.generic {indexing_maps = [#s4, #s4],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%p : tensor<1x2x8x8xf32>)
      outs(%e_h : tensor<1x2x8x8xf16>) {
  ^bb0(%a0: f32, %o: f16):
    %y = arith.truncf %a0 : f32 to f16
    linalg.yield %y : f16
  } -> tensor<1x2x8x8xf16>
  %e_o = tensor.empty() : tensor<1x2x8x4xf32>
  %z_o = linalg.fill ins(%zero : f32) outs(%e_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  %r = linalg.contract indexing_maps = [#pv_p, #pv_v, #pv_o]
      ins(%ph, %v : tensor<1x2x8x8xf16>, tensor<1x2x8x4xf16>) outs(%z_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  return %r : tensor<1x2x8x4xf32>
}

// f16 operands widened first; the result stays f32.
// CHECK-LABEL: @widened(
// CHECK: ra.attention {scale = 5.000000e-01 : f64} ins(%arg0, %arg1, %arg2 : tensor<1x2x8x4xf16>
func.func @widened(%q: tensor<1x2x8x4xf16>, %k: tensor<1x2x8x4xf16>, %v: tensor<1x2x8x4xf16>) -> tensor<1x2x8x4xf32> {
  %zero = arith.constant 0.0 : f32
  %scale = arith.constant 0.5 : f32
  %e_w = tensor.empty() : tensor<1x2x8x4xf32>
  %qw = linalg.generic {indexing_maps = [#s4, #s4],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%q : tensor<1x2x8x4xf16>)
      outs(%e_w : tensor<1x2x8x4xf32>) {
  ^bb0(%a0: f16, %o: f32):
    %y = arith.extf %a0 : f16 to f32
    linalg.yield %y : f32
  } -> tensor<1x2x8x4xf32>
  %kw = linalg.generic {indexing_maps = [#s4, #s4],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%k : tensor<1x2x8x4xf16>)
      outs(%e_w : tensor<1x2x8x4xf32>) {
  ^bb0(%a0: f16, %o: f32):
    %y = arith.extf %a0 : f16 to f32
    linalg.yield %y : f32
  } -> tensor<1x2x8x4xf32>
  %vw = linalg.generic {indexing_maps = [#s4, #s4],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%v : tensor<1x2x8x4xf16>)
      outs(%e_w : tensor<1x2x8x4xf32>) {
  ^bb0(%a0: f16, %o: f32):
    %y = arith.extf %a0 : f16 to f32
    linalg.yield %y : f32
  } -> tensor<1x2x8x4xf32>
  %e_s = tensor.empty() : tensor<1x2x8x8xf32>
  %z_s = linalg.fill ins(%zero : f32) outs(%e_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %s = linalg.contract indexing_maps = [#qk_q, #qk_k, #qk_s]
      ins(%qw, %kw : tensor<1x2x8x4xf32>, tensor<1x2x8x4xf32>) outs(%z_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %x = linalg.generic {indexing_maps = [#s4, #s4],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%s : tensor<1x2x8x8xf32>)
      outs(%e_s : tensor<1x2x8x8xf32>) {
  ^bb0(%a0: f32, %o: f32):
    %m = arith.mulf %a0, %scale : f32
    linalg.yield %m : f32
  } -> tensor<1x2x8x8xf32>
  %p = linalg.softmax dimension(3)
      ins(%x : tensor<1x2x8x8xf32>) outs(%e_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %e_o = tensor.empty() : tensor<1x2x8x4xf32>
  %z_o = linalg.fill ins(%zero : f32) outs(%e_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  %r = linalg.contract indexing_maps = [#pv_p, #pv_v, #pv_o]
      ins(%p, %vw : tensor<1x2x8x8xf32>, tensor<1x2x8x4xf32>) outs(%z_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  return %r : tensor<1x2x8x4xf32>
}

// Grouped heads: two query heads for a key head, which is repeated for them.
// CHECK-LABEL: @grouped(
// CHECK: ra.attention {scale = 5.000000e-01 : f64} ins(%arg0, %arg1, %arg2 : tensor<1x4x8x4xf32>, tensor<1x2x8x4xf32>, tensor<1x2x8x4xf32>)
func.func @grouped(%q: tensor<1x4x8x4xf32>, %k: tensor<1x2x8x4xf32>, %v: tensor<1x2x8x4xf32>) -> tensor<1x4x8x4xf32> {
  %zero = arith.constant 0.0 : f32
  %scale = arith.constant 0.5 : f32
  %e_g = tensor.empty() : tensor<1x2x2x8x4xf32>
  %b_k = linalg.broadcast ins(%k : tensor<1x2x8x4xf32>) outs(%e_g : tensor<1x2x2x8x4xf32>) dimensions = [2]
  %kh = tensor.collapse_shape %b_k [[0], [1, 2], [3], [4]]
      : tensor<1x2x2x8x4xf32> into tensor<1x4x8x4xf32>
  %b_v = linalg.broadcast ins(%v : tensor<1x2x8x4xf32>) outs(%e_g : tensor<1x2x2x8x4xf32>) dimensions = [2]
  %vh = tensor.collapse_shape %b_v [[0], [1, 2], [3], [4]]
      : tensor<1x2x2x8x4xf32> into tensor<1x4x8x4xf32>
  %e_s = tensor.empty() : tensor<1x4x8x8xf32>
  %z_s = linalg.fill ins(%zero : f32) outs(%e_s : tensor<1x4x8x8xf32>) -> tensor<1x4x8x8xf32>
  %s = linalg.contract indexing_maps = [#qk_q, #qk_k, #qk_s]
      ins(%q, %kh : tensor<1x4x8x4xf32>, tensor<1x4x8x4xf32>) outs(%z_s : tensor<1x4x8x8xf32>) -> tensor<1x4x8x8xf32>
  %x = linalg.generic {indexing_maps = [#s4, #s4],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%s : tensor<1x4x8x8xf32>)
      outs(%e_s : tensor<1x4x8x8xf32>) {
  ^bb0(%a0: f32, %o: f32):
    %m = arith.mulf %a0, %scale : f32
    linalg.yield %m : f32
  } -> tensor<1x4x8x8xf32>
  %p = linalg.softmax dimension(3)
      ins(%x : tensor<1x4x8x8xf32>) outs(%e_s : tensor<1x4x8x8xf32>) -> tensor<1x4x8x8xf32>
  %e_o = tensor.empty() : tensor<1x4x8x4xf32>
  %z_o = linalg.fill ins(%zero : f32) outs(%e_o : tensor<1x4x8x4xf32>) -> tensor<1x4x8x4xf32>
  %r = linalg.contract indexing_maps = [#pv_p, #pv_v, #pv_o]
      ins(%p, %vh : tensor<1x4x8x8xf32>, tensor<1x4x8x4xf32>) outs(%z_o : tensor<1x4x8x4xf32>) -> tensor<1x4x8x4xf32>
  return %r : tensor<1x4x8x4xf32>
}

// Grouped heads as a dim of the products.
// CHECK-LABEL: @grouped_dims(
// CHECK: ra.attention
// CHECK-SAME: scale = 5.000000e-01
// CHECK-SAME: tensor<1x4x8x4xf32>, tensor<1x2x8x4xf32>, tensor<1x2x8x4xf32>)
func.func @grouped_dims(%q: tensor<1x2x2x8x4xf32>, %k: tensor<1x2x8x4xf32>, %v: tensor<1x2x8x4xf32>) -> tensor<1x2x2x8x4xf32> {
  %zero = arith.constant 0.0 : f32
  %scale = arith.constant 0.5 : f32
  %e_s = tensor.empty() : tensor<1x2x2x8x8xf32>
  %z_s = linalg.fill ins(%zero : f32) outs(%e_s : tensor<1x2x2x8x8xf32>) -> tensor<1x2x2x8x8xf32>
  %s = linalg.contract indexing_maps = [
      affine_map<(b, h, g, i, j, d) -> (b, h, g, i, d)>, affine_map<(b, h, g, i, j, d) -> (b, h, j, d)>,
      affine_map<(b, h, g, i, j, d) -> (b, h, g, i, j)>]
      ins(%q, %k : tensor<1x2x2x8x4xf32>, tensor<1x2x8x4xf32>)
      outs(%z_s : tensor<1x2x2x8x8xf32>) -> tensor<1x2x2x8x8xf32>
  %f = tensor.empty() : tensor<1x2x2x8x8xf32>
  %half = linalg.fill ins(%scale : f32) outs(%f : tensor<1x2x2x8x8xf32>) -> tensor<1x2x2x8x8xf32>
  %x = linalg.mul ins(%s, %half : tensor<1x2x2x8x8xf32>, tensor<1x2x2x8x8xf32>)
      outs(%e_s : tensor<1x2x2x8x8xf32>) -> tensor<1x2x2x8x8xf32>
  %p = linalg.softmax dimension(4)
      ins(%x : tensor<1x2x2x8x8xf32>) outs(%e_s : tensor<1x2x2x8x8xf32>) -> tensor<1x2x2x8x8xf32>
  %e_o = tensor.empty() : tensor<1x2x2x8x4xf32>
  %z_o = linalg.fill ins(%zero : f32) outs(%e_o : tensor<1x2x2x8x4xf32>) -> tensor<1x2x2x8x4xf32>
  %r = linalg.contract indexing_maps = [
      affine_map<(b, h, g, i, d, j) -> (b, h, g, i, j)>, affine_map<(b, h, g, i, d, j) -> (b, h, j, d)>,
      affine_map<(b, h, g, i, d, j) -> (b, h, g, i, d)>]
      ins(%p, %v : tensor<1x2x2x8x8xf32>, tensor<1x2x8x4xf32>)
      outs(%z_o : tensor<1x2x2x8x4xf32>) -> tensor<1x2x2x8x4xf32>
  return %r : tensor<1x2x2x8x4xf32>
}

// One key head for all: key and value have no head dim.
// CHECK-LABEL: @one_key_head(
// CHECK: ra.attention
// CHECK-SAME: mask = #ra.mask<causal>
// CHECK-SAME: tensor<3x2x8x4xf32>, tensor<3x1x8x4xf32>
func.func @one_key_head(%q: tensor<3x2x8x4xf32>, %k: tensor<3x8x4xf32>, %v: tensor<3x8x4xf32>) -> tensor<3x2x8x4xf32> {
  %zero = arith.constant 0.0 : f32
  %scale = arith.constant 0.5 : f32
  %inf = arith.constant 0xFF800000 : f32
  %e_s = tensor.empty() : tensor<3x2x8x8xf32>
  %z_s = linalg.fill ins(%zero : f32) outs(%e_s : tensor<3x2x8x8xf32>) -> tensor<3x2x8x8xf32>
  %s = linalg.contract indexing_maps = [#qk_q, affine_map<(b, h, i, j, d) -> (b, j, d)>, #qk_s]
      ins(%q, %k : tensor<3x2x8x4xf32>, tensor<3x8x4xf32>) outs(%z_s : tensor<3x2x8x8xf32>) -> tensor<3x2x8x8xf32>
  %x = linalg.generic {indexing_maps = [#s4, #s4],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%s : tensor<3x2x8x8xf32>)
      outs(%e_s : tensor<3x2x8x8xf32>) {
  ^bb0(%a0: f32, %o: f32):
    %i = linalg.index 2 : index
    %j = linalg.index 3 : index
    %see = arith.cmpi sle, %j, %i : index
    %m = arith.mulf %a0, %scale : f32
    %y = arith.select %see, %m, %inf : f32
    linalg.yield %y : f32
  } -> tensor<3x2x8x8xf32>
  %p = linalg.softmax dimension(3)
      ins(%x : tensor<3x2x8x8xf32>) outs(%e_s : tensor<3x2x8x8xf32>) -> tensor<3x2x8x8xf32>
  %e_o = tensor.empty() : tensor<3x2x8x4xf32>
  %z_o = linalg.fill ins(%zero : f32) outs(%e_o : tensor<3x2x8x4xf32>) -> tensor<3x2x8x4xf32>
  %r = linalg.contract indexing_maps = [#pv_p, affine_map<(b, h, i, d, j) -> (b, j, d)>, #pv_o]
      ins(%p, %v : tensor<3x2x8x8xf32>, tensor<3x8x4xf32>) outs(%z_o : tensor<3x2x8x4xf32>) -> tensor<3x2x8x4xf32>
  return %r : tensor<3x2x8x4xf32>
}

// Operands as [B, T, H, D] and merged heads: maps, and no transpose left.
// CHECK-LABEL: @merged_heads(
// CHECK-NOT: linalg.transpose
// CHECK: ra.attention {indexing_maps = [#[[BTHD:.*]], #[[BTHD]], #[[BTHD]], #[[BTHD]]]
// CHECK-NOT: linalg.transpose
func.func @merged_heads(%q: tensor<3x8x8xf32>, %k: tensor<3x8x8xf32>, %v: tensor<3x8x8xf32>) -> tensor<3x8x8xf32> {
  %zero = arith.constant 0.0 : f32
  %scale = arith.constant 0.5 : f32
  %qe = tensor.expand_shape %q [[0], [1], [2, 3]] output_shape [3, 8, 2, 4]
      : tensor<3x8x8xf32> into tensor<3x8x2x4xf32>
  %ke = tensor.expand_shape %k [[0], [1], [2, 3]] output_shape [3, 8, 2, 4]
      : tensor<3x8x8xf32> into tensor<3x8x2x4xf32>
  %ve = tensor.expand_shape %v [[0], [1], [2, 3]] output_shape [3, 8, 2, 4]
      : tensor<3x8x8xf32> into tensor<3x8x2x4xf32>
  %e_t = tensor.empty() : tensor<3x2x8x4xf32>
  %qt = linalg.transpose ins(%qe : tensor<3x8x2x4xf32>) outs(%e_t : tensor<3x2x8x4xf32>) permutation = [0, 2, 1, 3]
  %kt = linalg.transpose ins(%ke : tensor<3x8x2x4xf32>) outs(%e_t : tensor<3x2x8x4xf32>) permutation = [0, 2, 1, 3]
  %vt = linalg.transpose ins(%ve : tensor<3x8x2x4xf32>) outs(%e_t : tensor<3x2x8x4xf32>) permutation = [0, 2, 1, 3]
  %e_s = tensor.empty() : tensor<3x2x8x8xf32>
  %z_s = linalg.fill ins(%zero : f32) outs(%e_s : tensor<3x2x8x8xf32>) -> tensor<3x2x8x8xf32>
  %s = linalg.contract indexing_maps = [#qk_q, #qk_k, #qk_s]
      ins(%qt, %kt : tensor<3x2x8x4xf32>, tensor<3x2x8x4xf32>) outs(%z_s : tensor<3x2x8x8xf32>) -> tensor<3x2x8x8xf32>
  %x = linalg.generic {indexing_maps = [#s4, #s4],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%s : tensor<3x2x8x8xf32>)
      outs(%e_s : tensor<3x2x8x8xf32>) {
  ^bb0(%a0: f32, %o: f32):
    %m = arith.mulf %a0, %scale : f32
    linalg.yield %m : f32
  } -> tensor<3x2x8x8xf32>
  %p = linalg.softmax dimension(3)
      ins(%x : tensor<3x2x8x8xf32>) outs(%e_s : tensor<3x2x8x8xf32>) -> tensor<3x2x8x8xf32>
  %e_o = tensor.empty() : tensor<3x2x8x4xf32>
  %z_o = linalg.fill ins(%zero : f32) outs(%e_o : tensor<3x2x8x4xf32>) -> tensor<3x2x8x4xf32>
  %r = linalg.contract indexing_maps = [#pv_p, #pv_v, #pv_o]
      ins(%p, %vt : tensor<3x2x8x8xf32>, tensor<3x2x8x4xf32>) outs(%z_o : tensor<3x2x8x4xf32>) -> tensor<3x2x8x4xf32>
  %e_y = tensor.empty() : tensor<3x8x2x4xf32>
  %y = linalg.transpose ins(%r : tensor<3x2x8x4xf32>) outs(%e_y : tensor<3x8x2x4xf32>) permutation = [0, 2, 1, 3]
  %m = tensor.collapse_shape %y [[0], [1], [2, 3]] : tensor<3x8x2x4xf32> into tensor<3x8x8xf32>
  return %m : tensor<3x8x8xf32>
}

// Slices of a packed projection stay views; the value comes first, its product
// transposed.
// CHECK-LABEL: @packed(
// CHECK-COUNT-3: tensor.extract_slice
// CHECK: ra.attention
func.func @packed(%qkv: tensor<3x8x24xf32>) -> tensor<3x2x4x8xf32> {
  %zero = arith.constant 0.0 : f32
  %scale = arith.constant 0.5 : f32
  %q = tensor.extract_slice %qkv[0, 0, 0] [3, 8, 8] [1, 1, 1]
      : tensor<3x8x24xf32> to tensor<3x8x8xf32>
  %qh = tensor.expand_shape %q [[0], [1], [2, 3]] output_shape [3, 8, 2, 4]
      : tensor<3x8x8xf32> into tensor<3x8x2x4xf32>
  %k = tensor.extract_slice %qkv[0, 0, 8] [3, 8, 8] [1, 1, 1]
      : tensor<3x8x24xf32> to tensor<3x8x8xf32>
  %kh = tensor.expand_shape %k [[0], [1], [2, 3]] output_shape [3, 8, 2, 4]
      : tensor<3x8x8xf32> into tensor<3x8x2x4xf32>
  %v = tensor.extract_slice %qkv[0, 0, 16] [3, 8, 8] [1, 1, 1]
      : tensor<3x8x24xf32> to tensor<3x8x8xf32>
  %vh = tensor.expand_shape %v [[0], [1], [2, 3]] output_shape [3, 8, 2, 4]
      : tensor<3x8x8xf32> into tensor<3x8x2x4xf32>
  %e_s = tensor.empty() : tensor<3x2x8x8xf32>
  %z_s = linalg.fill ins(%zero : f32) outs(%e_s : tensor<3x2x8x8xf32>) -> tensor<3x2x8x8xf32>
  %s = linalg.contract indexing_maps = [affine_map<(b, h, i, j, d) -> (b, i, h, d)>, affine_map<(b, h, i, j, d) -> (b, j, h, d)>, #qk_s]
      ins(%qh, %kh : tensor<3x8x2x4xf32>, tensor<3x8x2x4xf32>) outs(%z_s : tensor<3x2x8x8xf32>) -> tensor<3x2x8x8xf32>
  %x = linalg.generic {indexing_maps = [#s4, #s4],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%s : tensor<3x2x8x8xf32>)
      outs(%e_s : tensor<3x2x8x8xf32>) {
  ^bb0(%a0: f32, %o: f32):
    %m = arith.mulf %a0, %scale : f32
    linalg.yield %m : f32
  } -> tensor<3x2x8x8xf32>
  %p = linalg.softmax dimension(3)
      ins(%x : tensor<3x2x8x8xf32>) outs(%e_s : tensor<3x2x8x8xf32>) -> tensor<3x2x8x8xf32>
  %e_o = tensor.empty() : tensor<3x2x4x8xf32>
  %z_o = linalg.fill ins(%zero : f32) outs(%e_o : tensor<3x2x4x8xf32>) -> tensor<3x2x4x8xf32>
  %r = linalg.contract indexing_maps = [
      affine_map<(b, h, d, i, j) -> (b, j, h, d)>, affine_map<(b, h, d, i, j) -> (b, h, i, j)>,
      affine_map<(b, h, d, i, j) -> (b, h, d, i)>]
      ins(%vh, %p : tensor<3x8x2x4xf32>, tensor<3x2x8x8xf32>) outs(%z_o : tensor<3x2x4x8xf32>) -> tensor<3x2x4x8xf32>
  return %r : tensor<3x2x4x8xf32>
}

// A temperature per head: gates without a reciprocal term.
// CHECK-LABEL: @temperature(
// CHECK: ra.reciprocal_attention
// CHECK-SAME: rank = array<i64: 0>, scale = 5.000000e-01
// CHECK-SAME: w_std(%arg3 : tensor<2xf32>)
func.func @temperature(%q: tensor<1x2x8x4xf32>, %k: tensor<1x2x8x4xf32>, %v: tensor<1x2x8x4xf32>, %w: tensor<2xf32>) -> tensor<1x2x8x4xf32> {
  %zero = arith.constant 0.0 : f32
  %scale = arith.constant 0.5 : f32
  %e_s = tensor.empty() : tensor<1x2x8x8xf32>
  %z_s = linalg.fill ins(%zero : f32) outs(%e_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %s = linalg.contract indexing_maps = [#qk_q, #qk_k, #qk_s]
      ins(%q, %k : tensor<1x2x8x4xf32>, tensor<1x2x8x4xf32>) outs(%z_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %x = linalg.generic {indexing_maps = [#s4, affine_map<(b, h, i, j) -> (h)>, #s4],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%s, %w : tensor<1x2x8x8xf32>, tensor<2xf32>)
      outs(%e_s : tensor<1x2x8x8xf32>) {
  ^bb0(%a0: f32, %a1: f32, %o: f32):
    %g = arith.mulf %a1, %scale : f32
    %y = arith.mulf %a0, %g : f32
    linalg.yield %y : f32
  } -> tensor<1x2x8x8xf32>
  %p = linalg.softmax dimension(3)
      ins(%x : tensor<1x2x8x8xf32>) outs(%e_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %e_o = tensor.empty() : tensor<1x2x8x4xf32>
  %z_o = linalg.fill ins(%zero : f32) outs(%e_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  %r = linalg.contract indexing_maps = [#pv_p, #pv_v, #pv_o]
      ins(%p, %v : tensor<1x2x8x8xf32>, tensor<1x2x8x4xf32>) outs(%z_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  return %r : tensor<1x2x8x4xf32>
}

// The softmax in pieces that a compiler left: transposed scores, a copy, a cast to
// f64 and back.
// CHECK-LABEL: @transposed_scores(
// CHECK: ra.attention {scale = 5.000000e-01
func.func @transposed_scores(%q: tensor<1x2x8x4xf32>, %k: tensor<1x2x8x4xf32>, %v: tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32> {
  %zero = arith.constant 0.0 : f32
  %scale = arith.constant 0.5 : f32
  %e_s = tensor.empty() : tensor<1x2x8x8xf32>
  %z_s = linalg.fill ins(%zero : f32) outs(%e_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %st = linalg.contract indexing_maps = [#qk_q, #qk_k, #qk_s]
      ins(%k, %q : tensor<1x2x8x4xf32>, tensor<1x2x8x4xf32>)
      outs(%z_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %s = linalg.transpose ins(%st : tensor<1x2x8x8xf32>) outs(%e_s : tensor<1x2x8x8xf32>) permutation = [0, 1, 3, 2]
  %c = linalg.copy ins(%s : tensor<1x2x8x8xf32>) outs(%e_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %x = linalg.generic {indexing_maps = [#s4, #s4],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%c : tensor<1x2x8x8xf32>)
      outs(%e_s : tensor<1x2x8x8xf32>) {
  ^bb0(%a0: f32, %o: f32):
    %w = arith.extf %a0 : f32 to f64
    %n = arith.truncf %w : f64 to f32
    %m = arith.mulf %n, %scale : f32
    linalg.yield %m : f32
  } -> tensor<1x2x8x8xf32>
  %p = linalg.softmax dimension(3)
      ins(%x : tensor<1x2x8x8xf32>) outs(%e_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %e_o = tensor.empty() : tensor<1x2x8x4xf32>
  %z_o = linalg.fill ins(%zero : f32) outs(%e_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  %r = linalg.contract indexing_maps = [#pv_p, #pv_v, #pv_o]
      ins(%p, %v : tensor<1x2x8x8xf32>, tensor<1x2x8x4xf32>) outs(%z_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  return %r : tensor<1x2x8x4xf32>
}
