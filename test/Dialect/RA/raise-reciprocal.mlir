// RUN: ra-opt %s --ra-raise -o %t.mlir --remarks-filter-missed=ra-raise 2>&1 | FileCheck %s --check-prefix=REMARK --allow-empty
// RUN: FileCheck %s --input-file=%t.mlir

// The open-coded reciprocal form: two or more products of the scores over parts of
// the head dim, one of them with query and key exchanged.
// test/Integration/raise.test runs each of these functions.

// REMARK-NOT: Missed
// CHECK-NOT: linalg.contract

#s4 = affine_map<(b, h, i, j) -> (b, h, i, j)>
#row = affine_map<(b, h, i, j) -> (b, h, i)>
#qk_q = affine_map<(b, h, i, j, d) -> (b, h, i, d)>
#qk_k = affine_map<(b, h, i, j, d) -> (b, h, j, d)>
#qk_s = affine_map<(b, h, i, j, d) -> (b, h, i, j)>
#pv_p = affine_map<(b, h, i, d, j) -> (b, h, i, j)>
#pv_v = affine_map<(b, h, i, d, j) -> (b, h, j, d)>
#pv_o = affine_map<(b, h, i, d, j) -> (b, h, i, d)>
#q4 = affine_map<(b, h, t, d) -> (b, h, t, d)>

// Gates per head, given as values: they may be negative, hence the query split.
// CHECK-LABEL: @gates(
// CHECK: ra.reciprocal_attention {gate_split = #ra.gate_split<query>, rank = array<i64: 1>, scale = 5.000000e-01 : f64} ins(%arg0, %arg1, %arg2
// CHECK-SAME: w_std(%arg3 : tensor<2xf32>) w_rec(%arg4 : tensor<2xf32>)
func.func @gates(%q: tensor<1x2x8x4xf32>, %k: tensor<1x2x8x4xf32>, %v: tensor<1x2x8x4xf32>, %w_std: tensor<2xf32>, %w_rec: tensor<2xf32>) -> tensor<1x2x8x4xf32> {
  %zero = arith.constant 0.0 : f32
  %scale = arith.constant 0.5 : f32
  %inf = arith.constant 0xFF800000 : f32
  %q_s = tensor.extract_slice %q[0, 0, 0, 0] [1, 2, 8, 3] [1, 1, 1, 1]
      : tensor<1x2x8x4xf32> to tensor<1x2x8x3xf32>
  %q_l = tensor.extract_slice %q[0, 0, 0, 3] [1, 2, 8, 1] [1, 1, 1, 1]
      : tensor<1x2x8x4xf32> to tensor<1x2x8x1xf32>
  %k_s = tensor.extract_slice %k[0, 0, 0, 0] [1, 2, 8, 3] [1, 1, 1, 1]
      : tensor<1x2x8x4xf32> to tensor<1x2x8x3xf32>
  %k_l = tensor.extract_slice %k[0, 0, 0, 3] [1, 2, 8, 1] [1, 1, 1, 1]
      : tensor<1x2x8x4xf32> to tensor<1x2x8x1xf32>
  %e_s = tensor.empty() : tensor<1x2x8x8xf32>
  %z_s = linalg.fill ins(%zero : f32) outs(%e_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %standard = linalg.contract indexing_maps = [#qk_q, #qk_k, #qk_s]
      ins(%q_s, %k_s : tensor<1x2x8x3xf32>, tensor<1x2x8x3xf32>) outs(%z_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %reciprocal = linalg.contract indexing_maps = [#qk_q, #qk_k, #qk_s]
      ins(%k_l, %q_l : tensor<1x2x8x1xf32>, tensor<1x2x8x1xf32>) outs(%z_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %x = linalg.generic {indexing_maps = [#s4, #s4, affine_map<(b, h, i, j) -> (h)>, affine_map<(b, h, i, j) -> (h)>, #s4],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%standard, %reciprocal, %w_std, %w_rec : tensor<1x2x8x8xf32>, tensor<1x2x8x8xf32>, tensor<2xf32>, tensor<2xf32>)
      outs(%e_s : tensor<1x2x8x8xf32>) {
  ^bb0(%a0: f32, %a1: f32, %a2: f32, %a3: f32, %o: f32):
    %1 = arith.mulf %a0, %a2 : f32
    %2 = arith.mulf %a1, %a3 : f32
    %3 = arith.addf %1, %2 : f32
    %4 = arith.mulf %3, %scale : f32
    linalg.yield %4 : f32
  } -> tensor<1x2x8x8xf32>
  %p = linalg.softmax dimension(3)
      ins(%x : tensor<1x2x8x8xf32>) outs(%e_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %e_o = tensor.empty() : tensor<1x2x8x4xf32>
  %z_o = linalg.fill ins(%zero : f32) outs(%e_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  %r = linalg.contract indexing_maps = [#pv_p, #pv_v, #pv_o]
      ins(%p, %v : tensor<1x2x8x8xf32>, tensor<1x2x8x4xf32>) outs(%z_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  return %r : tensor<1x2x8x4xf32>
}

// Gates as numbers, one after the scale and one before: 0.9 and 0.1 in all.
// CHECK-LABEL: @numbers(
// CHECK-DAG: %[[STD:.*]] = arith.constant dense<{{0.9|0.89999}}
// CHECK-DAG: %[[REC:.*]] = arith.constant dense<{{0.1|1.0|0.0999}}
// CHECK: ra.reciprocal_attention {rank = array<i64: 1>, scale = 5.000000e-01 : f64}
// CHECK-SAME: w_std(%[[STD]] : tensor<1xf32>) w_rec(%[[REC]] : tensor<1xf32>)
func.func @numbers(%q: tensor<1x2x8x4xf32>, %k: tensor<1x2x8x4xf32>, %v: tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32> {
  %zero = arith.constant 0.0 : f32
  %scale = arith.constant 0.5 : f32
  %inf = arith.constant 0xFF800000 : f32
  %a = arith.constant 0.45 : f32
  %b = arith.constant 0.1 : f32
  %q_s = tensor.extract_slice %q[0, 0, 0, 0] [1, 2, 8, 3] [1, 1, 1, 1]
      : tensor<1x2x8x4xf32> to tensor<1x2x8x3xf32>
  %q_l = tensor.extract_slice %q[0, 0, 0, 3] [1, 2, 8, 1] [1, 1, 1, 1]
      : tensor<1x2x8x4xf32> to tensor<1x2x8x1xf32>
  %k_s = tensor.extract_slice %k[0, 0, 0, 0] [1, 2, 8, 3] [1, 1, 1, 1]
      : tensor<1x2x8x4xf32> to tensor<1x2x8x3xf32>
  %k_l = tensor.extract_slice %k[0, 0, 0, 3] [1, 2, 8, 1] [1, 1, 1, 1]
      : tensor<1x2x8x4xf32> to tensor<1x2x8x1xf32>
  %e_s = tensor.empty() : tensor<1x2x8x8xf32>
  %z_s = linalg.fill ins(%zero : f32) outs(%e_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %standard = linalg.contract indexing_maps = [#qk_q, #qk_k, #qk_s]
      ins(%q_s, %k_s : tensor<1x2x8x3xf32>, tensor<1x2x8x3xf32>) outs(%z_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %reciprocal = linalg.contract indexing_maps = [#qk_q, #qk_k, #qk_s]
      ins(%k_l, %q_l : tensor<1x2x8x1xf32>, tensor<1x2x8x1xf32>) outs(%z_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %x = linalg.generic {indexing_maps = [#s4, #s4, #s4],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%standard, %reciprocal : tensor<1x2x8x8xf32>, tensor<1x2x8x8xf32>)
      outs(%e_s : tensor<1x2x8x8xf32>) {
  ^bb0(%a0: f32, %a1: f32, %o: f32):
    %1 = arith.mulf %a0, %a : f32
    %2 = arith.mulf %a1, %b : f32
    %3 = arith.mulf %2, %scale : f32
    %4 = arith.addf %1, %3 : f32
    linalg.yield %4 : f32
  } -> tensor<1x2x8x8xf32>
  %p = linalg.softmax dimension(3)
      ins(%x : tensor<1x2x8x8xf32>) outs(%e_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %e_o = tensor.empty() : tensor<1x2x8x4xf32>
  %z_o = linalg.fill ins(%zero : f32) outs(%e_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  %r = linalg.contract indexing_maps = [#pv_p, #pv_v, #pv_o]
      ins(%p, %v : tensor<1x2x8x8xf32>, tensor<1x2x8x4xf32>) outs(%z_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  return %r : tensor<1x2x8x4xf32>
}

// No gates: both are 1. Causal, and the reciprocal product as a transpose of a
// product of query and key.
// CHECK-LABEL: @transposed_product(
// CHECK-DAG: arith.constant dense<1.000000e+00> : tensor<1xf32>
// CHECK: ra.reciprocal_attention {mask = #ra.mask<causal>, rank = array<i64: 1>, scale = 5.000000e-01 : f64}
func.func @transposed_product(%q: tensor<1x2x8x4xf32>, %k: tensor<1x2x8x4xf32>, %v: tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32> {
  %zero = arith.constant 0.0 : f32
  %scale = arith.constant 0.5 : f32
  %inf = arith.constant 0xFF800000 : f32
  %q_s = tensor.extract_slice %q[0, 0, 0, 0] [1, 2, 8, 3] [1, 1, 1, 1]
      : tensor<1x2x8x4xf32> to tensor<1x2x8x3xf32>
  %q_l = tensor.extract_slice %q[0, 0, 0, 3] [1, 2, 8, 1] [1, 1, 1, 1]
      : tensor<1x2x8x4xf32> to tensor<1x2x8x1xf32>
  %k_s = tensor.extract_slice %k[0, 0, 0, 0] [1, 2, 8, 3] [1, 1, 1, 1]
      : tensor<1x2x8x4xf32> to tensor<1x2x8x3xf32>
  %k_l = tensor.extract_slice %k[0, 0, 0, 3] [1, 2, 8, 1] [1, 1, 1, 1]
      : tensor<1x2x8x4xf32> to tensor<1x2x8x1xf32>
  %e_s = tensor.empty() : tensor<1x2x8x8xf32>
  %z_s = linalg.fill ins(%zero : f32) outs(%e_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %standard = linalg.contract indexing_maps = [#qk_q, #qk_k, #qk_s]
      ins(%q_s, %k_s : tensor<1x2x8x3xf32>, tensor<1x2x8x3xf32>) outs(%z_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %reciprocal = linalg.contract indexing_maps = [#qk_q, #qk_k, #qk_s]
      ins(%q_l, %k_l : tensor<1x2x8x1xf32>, tensor<1x2x8x1xf32>) outs(%z_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %t = linalg.transpose ins(%reciprocal : tensor<1x2x8x8xf32>) outs(%e_s : tensor<1x2x8x8xf32>) permutation = [0, 1, 3, 2]
  %x = linalg.generic {indexing_maps = [#s4, #s4, #s4],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%standard, %t : tensor<1x2x8x8xf32>, tensor<1x2x8x8xf32>)
      outs(%e_s : tensor<1x2x8x8xf32>) {
  ^bb0(%a0: f32, %a1: f32, %o: f32):
    %i = linalg.index 2 : index
    %j = linalg.index 3 : index
    %see = arith.cmpi ule, %j, %i : index
    %1 = arith.addf %a0, %a1 : f32
    %2 = arith.mulf %1, %scale : f32
    %3 = arith.select %see, %2, %inf : f32
    linalg.yield %3 : f32
  } -> tensor<1x2x8x8xf32>
  %p = linalg.softmax dimension(3)
      ins(%x : tensor<1x2x8x8xf32>) outs(%e_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %e_o = tensor.empty() : tensor<1x2x8x4xf32>
  %z_o = linalg.fill ins(%zero : f32) outs(%e_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  %r = linalg.contract indexing_maps = [#pv_p, #pv_v, #pv_o]
      ins(%p, %v : tensor<1x2x8x8xf32>, tensor<1x2x8x4xf32>) outs(%z_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  return %r : tensor<1x2x8x4xf32>
}

// The first dims are reciprocal: a list of dims.
// CHECK-LABEL: @first_dims(
// CHECK: ra.reciprocal_attention
// CHECK-SAME: rec_dims = array<i64: 0>, scale = 5.000000e-01
func.func @first_dims(%q: tensor<1x2x8x4xf32>, %k: tensor<1x2x8x4xf32>, %v: tensor<1x2x8x4xf32>, %w_std: tensor<2xf32>, %w_rec: tensor<2xf32>) -> tensor<1x2x8x4xf32> {
  %zero = arith.constant 0.0 : f32
  %scale = arith.constant 0.5 : f32
  %inf = arith.constant 0xFF800000 : f32
  %q_s = tensor.extract_slice %q[0, 0, 0, 1] [1, 2, 8, 3] [1, 1, 1, 1]
      : tensor<1x2x8x4xf32> to tensor<1x2x8x3xf32>
  %q_l = tensor.extract_slice %q[0, 0, 0, 0] [1, 2, 8, 1] [1, 1, 1, 1]
      : tensor<1x2x8x4xf32> to tensor<1x2x8x1xf32>
  %k_s = tensor.extract_slice %k[0, 0, 0, 1] [1, 2, 8, 3] [1, 1, 1, 1]
      : tensor<1x2x8x4xf32> to tensor<1x2x8x3xf32>
  %k_l = tensor.extract_slice %k[0, 0, 0, 0] [1, 2, 8, 1] [1, 1, 1, 1]
      : tensor<1x2x8x4xf32> to tensor<1x2x8x1xf32>
  %e_s = tensor.empty() : tensor<1x2x8x8xf32>
  %z_s = linalg.fill ins(%zero : f32) outs(%e_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %standard = linalg.contract indexing_maps = [#qk_q, #qk_k, #qk_s]
      ins(%q_s, %k_s : tensor<1x2x8x3xf32>, tensor<1x2x8x3xf32>) outs(%z_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %reciprocal = linalg.contract indexing_maps = [#qk_q, #qk_k, #qk_s]
      ins(%k_l, %q_l : tensor<1x2x8x1xf32>, tensor<1x2x8x1xf32>) outs(%z_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %x = linalg.generic {indexing_maps = [#s4, #s4, affine_map<(b, h, i, j) -> (h)>, affine_map<(b, h, i, j) -> (h)>, #s4],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%standard, %reciprocal, %w_std, %w_rec : tensor<1x2x8x8xf32>, tensor<1x2x8x8xf32>, tensor<2xf32>, tensor<2xf32>)
      outs(%e_s : tensor<1x2x8x8xf32>) {
  ^bb0(%a0: f32, %a1: f32, %a2: f32, %a3: f32, %o: f32):
    %1 = arith.mulf %a0, %a2 : f32
    %2 = arith.mulf %a1, %a3 : f32
    %3 = arith.addf %1, %2 : f32
    %4 = arith.mulf %3, %scale : f32
    linalg.yield %4 : f32
  } -> tensor<1x2x8x8xf32>
  %p = linalg.softmax dimension(3)
      ins(%x : tensor<1x2x8x8xf32>) outs(%e_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %e_o = tensor.empty() : tensor<1x2x8x4xf32>
  %z_o = linalg.fill ins(%zero : f32) outs(%e_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  %r = linalg.contract indexing_maps = [#pv_p, #pv_v, #pv_o]
      ins(%p, %v : tensor<1x2x8x8xf32>, tensor<1x2x8x4xf32>) outs(%z_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  return %r : tensor<1x2x8x4xf32>
}

// The reciprocal product first: it is the one with fewer dims.
// CHECK-LABEL: @reciprocal_first(
// CHECK: ra.reciprocal_attention
// CHECK-SAME: rank = array<i64: 1>, scale = 5.000000e-01
// CHECK-SAME: ins(%arg0, %arg1, %arg2
// CHECK-SAME: w_std(%arg3 : tensor<2xf32>) w_rec(%arg4 : tensor<2xf32>)
func.func @reciprocal_first(%q: tensor<1x2x8x4xf32>, %k: tensor<1x2x8x4xf32>, %v: tensor<1x2x8x4xf32>, %w_std: tensor<2xf32>, %w_rec: tensor<2xf32>) -> tensor<1x2x8x4xf32> {
  %zero = arith.constant 0.0 : f32
  %scale = arith.constant 0.5 : f32
  %inf = arith.constant 0xFF800000 : f32
  %q_s = tensor.extract_slice %q[0, 0, 0, 0] [1, 2, 8, 3] [1, 1, 1, 1]
      : tensor<1x2x8x4xf32> to tensor<1x2x8x3xf32>
  %q_l = tensor.extract_slice %q[0, 0, 0, 3] [1, 2, 8, 1] [1, 1, 1, 1]
      : tensor<1x2x8x4xf32> to tensor<1x2x8x1xf32>
  %k_s = tensor.extract_slice %k[0, 0, 0, 0] [1, 2, 8, 3] [1, 1, 1, 1]
      : tensor<1x2x8x4xf32> to tensor<1x2x8x3xf32>
  %k_l = tensor.extract_slice %k[0, 0, 0, 3] [1, 2, 8, 1] [1, 1, 1, 1]
      : tensor<1x2x8x4xf32> to tensor<1x2x8x1xf32>
  %e_s = tensor.empty() : tensor<1x2x8x8xf32>
  %z_s = linalg.fill ins(%zero : f32) outs(%e_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %reciprocal = linalg.contract indexing_maps = [#qk_q, #qk_k, #qk_s]
      ins(%k_l, %q_l : tensor<1x2x8x1xf32>, tensor<1x2x8x1xf32>) outs(%z_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %standard = linalg.contract indexing_maps = [#qk_q, #qk_k, #qk_s]
      ins(%q_s, %k_s : tensor<1x2x8x3xf32>, tensor<1x2x8x3xf32>) outs(%z_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %x = linalg.generic {indexing_maps = [#s4, #s4, affine_map<(b, h, i, j) -> (h)>, affine_map<(b, h, i, j) -> (h)>, #s4],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%standard, %reciprocal, %w_std, %w_rec : tensor<1x2x8x8xf32>, tensor<1x2x8x8xf32>, tensor<2xf32>, tensor<2xf32>)
      outs(%e_s : tensor<1x2x8x8xf32>) {
  ^bb0(%a0: f32, %a1: f32, %a2: f32, %a3: f32, %o: f32):
    %1 = arith.mulf %a0, %a2 : f32
    %2 = arith.mulf %a1, %a3 : f32
    %3 = arith.addf %1, %2 : f32
    %4 = arith.mulf %3, %scale : f32
    linalg.yield %4 : f32
  } -> tensor<1x2x8x8xf32>
  %p = linalg.softmax dimension(3)
      ins(%x : tensor<1x2x8x8xf32>) outs(%e_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %e_o = tensor.empty() : tensor<1x2x8x4xf32>
  %z_o = linalg.fill ins(%zero : f32) outs(%e_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  %r = linalg.contract indexing_maps = [#pv_p, #pv_v, #pv_o]
      ins(%p, %v : tensor<1x2x8x8xf32>, tensor<1x2x8x4xf32>) outs(%z_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  return %r : tensor<1x2x8x4xf32>
}

// Two standard products and one strided reciprocal one: dims 1 and 3.
// CHECK-LABEL: @strided(
// CHECK: ra.reciprocal_attention
// CHECK-SAME: rec_dims = array<i64: 1, 3>
func.func @strided(%q: tensor<1x2x8x4xf32>, %k: tensor<1x2x8x4xf32>, %v: tensor<1x2x8x4xf32>, %w_std: tensor<2xf32>, %w_rec: tensor<2xf32>) -> tensor<1x2x8x4xf32> {
  %zero = arith.constant 0.0 : f32
  %scale = arith.constant 0.5 : f32
  %inf = arith.constant 0xFF800000 : f32
  %q_a = tensor.extract_slice %q[0, 0, 0, 0] [1, 2, 8, 1] [1, 1, 1, 1]
      : tensor<1x2x8x4xf32> to tensor<1x2x8x1xf32>
  %q_b = tensor.extract_slice %q[0, 0, 0, 2] [1, 2, 8, 1] [1, 1, 1, 1]
      : tensor<1x2x8x4xf32> to tensor<1x2x8x1xf32>
  %k_a = tensor.extract_slice %k[0, 0, 0, 0] [1, 2, 8, 1] [1, 1, 1, 1]
      : tensor<1x2x8x4xf32> to tensor<1x2x8x1xf32>
  %k_b = tensor.extract_slice %k[0, 0, 0, 2] [1, 2, 8, 1] [1, 1, 1, 1]
      : tensor<1x2x8x4xf32> to tensor<1x2x8x1xf32>
  %q_l = tensor.extract_slice %q[0, 0, 0, 1] [1, 2, 8, 2] [1, 1, 1, 2]
      : tensor<1x2x8x4xf32> to tensor<1x2x8x2xf32>
  %k_l = tensor.extract_slice %k[0, 0, 0, 1] [1, 2, 8, 2] [1, 1, 1, 2]
      : tensor<1x2x8x4xf32> to tensor<1x2x8x2xf32>
  %e_s = tensor.empty() : tensor<1x2x8x8xf32>
  %z_s = linalg.fill ins(%zero : f32) outs(%e_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %standard = linalg.contract indexing_maps = [#qk_q, #qk_k, #qk_s]
      ins(%q_a, %k_a : tensor<1x2x8x1xf32>, tensor<1x2x8x1xf32>) outs(%z_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %reciprocal = linalg.contract indexing_maps = [#qk_q, #qk_k, #qk_s]
      ins(%k_l, %q_l : tensor<1x2x8x2xf32>, tensor<1x2x8x2xf32>) outs(%z_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %second = linalg.contract indexing_maps = [#qk_q, #qk_k, #qk_s]
      ins(%q_b, %k_b : tensor<1x2x8x1xf32>, tensor<1x2x8x1xf32>) outs(%z_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %both = linalg.add ins(%standard, %second : tensor<1x2x8x8xf32>, tensor<1x2x8x8xf32>) outs(%e_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %x = linalg.generic {indexing_maps = [#s4, #s4, affine_map<(b, h, i, j) -> (h)>, affine_map<(b, h, i, j) -> (h)>, #s4],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%both, %reciprocal, %w_std, %w_rec : tensor<1x2x8x8xf32>, tensor<1x2x8x8xf32>, tensor<2xf32>, tensor<2xf32>)
      outs(%e_s : tensor<1x2x8x8xf32>) {
  ^bb0(%a0: f32, %a1: f32, %a2: f32, %a3: f32, %o: f32):
    %1 = arith.mulf %a0, %a2 : f32
    %2 = arith.mulf %a1, %a3 : f32
    %3 = arith.addf %1, %2 : f32
    %4 = arith.mulf %3, %scale : f32
    linalg.yield %4 : f32
  } -> tensor<1x2x8x8xf32>
  %p = linalg.softmax dimension(3)
      ins(%x : tensor<1x2x8x8xf32>) outs(%e_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %e_o = tensor.empty() : tensor<1x2x8x4xf32>
  %z_o = linalg.fill ins(%zero : f32) outs(%e_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  %r = linalg.contract indexing_maps = [#pv_p, #pv_v, #pv_o]
      ins(%p, %v : tensor<1x2x8x8xf32>, tensor<1x2x8x4xf32>) outs(%z_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  return %r : tensor<1x2x8x4xf32>
}

// Gates multiplied into the slices, scale on the query before it is cut.
// CHECK-LABEL: @gated_slices(
// CHECK: ra.reciprocal_attention {gate_split = #ra.gate_split<query>, rank = array<i64: 1>, scale = 5.000000e-01
// CHECK-SAME: ins(%arg0, %arg1, %arg2
// CHECK-SAME: w_std(%arg3 : tensor<2xf32>) w_rec(%arg4 : tensor<2xf32>)
func.func @gated_slices(%q: tensor<1x2x8x4xf32>, %k: tensor<1x2x8x4xf32>, %v: tensor<1x2x8x4xf32>, %w_std: tensor<2xf32>, %w_rec: tensor<2xf32>) -> tensor<1x2x8x4xf32> {
  %zero = arith.constant 0.0 : f32
  %scale = arith.constant 0.5 : f32
  %inf = arith.constant 0xFF800000 : f32
  %e_3 = tensor.empty() : tensor<1x2x8x3xf32>
  %e_1 = tensor.empty() : tensor<1x2x8x1xf32>
  %q_s = tensor.extract_slice %q[0, 0, 0, 0] [1, 2, 8, 3] [1, 1, 1, 1]
      : tensor<1x2x8x4xf32> to tensor<1x2x8x3xf32>
  %q_l = tensor.extract_slice %q[0, 0, 0, 3] [1, 2, 8, 1] [1, 1, 1, 1]
      : tensor<1x2x8x4xf32> to tensor<1x2x8x1xf32>
  %k_s = tensor.extract_slice %k[0, 0, 0, 0] [1, 2, 8, 3] [1, 1, 1, 1]
      : tensor<1x2x8x4xf32> to tensor<1x2x8x3xf32>
  %k_l = tensor.extract_slice %k[0, 0, 0, 3] [1, 2, 8, 1] [1, 1, 1, 1]
      : tensor<1x2x8x4xf32> to tensor<1x2x8x1xf32>
  %q_sg = linalg.generic {indexing_maps = [#q4, affine_map<(b, h, t, d) -> (h)>, #q4],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%q_s, %w_std : tensor<1x2x8x3xf32>, tensor<2xf32>)
      outs(%e_3 : tensor<1x2x8x3xf32>) {
  ^bb0(%a0: f32, %a1: f32, %o: f32):
    %y = arith.mulf %a0, %a1 : f32
    linalg.yield %y : f32
  } -> tensor<1x2x8x3xf32>
  %q_lg = linalg.generic {indexing_maps = [#q4, affine_map<(b, h, t, d) -> (h)>, #q4],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%q_l, %w_rec : tensor<1x2x8x1xf32>, tensor<2xf32>)
      outs(%e_1 : tensor<1x2x8x1xf32>) {
  ^bb0(%a0: f32, %a1: f32, %o: f32):
    %y = arith.mulf %a0, %a1 : f32
    linalg.yield %y : f32
  } -> tensor<1x2x8x1xf32>
  %e_s = tensor.empty() : tensor<1x2x8x8xf32>
  %z_s = linalg.fill ins(%zero : f32) outs(%e_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %standard = linalg.contract indexing_maps = [#qk_q, #qk_k, #qk_s]
      ins(%q_sg, %k_s : tensor<1x2x8x3xf32>, tensor<1x2x8x3xf32>) outs(%z_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %reciprocal = linalg.contract indexing_maps = [#qk_q, #qk_k, #qk_s]
      ins(%k_l, %q_lg : tensor<1x2x8x1xf32>, tensor<1x2x8x1xf32>) outs(%z_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %x = linalg.generic {indexing_maps = [#s4, #s4, #s4],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%standard, %reciprocal : tensor<1x2x8x8xf32>, tensor<1x2x8x8xf32>)
      outs(%e_s : tensor<1x2x8x8xf32>) {
  ^bb0(%a0: f32, %a1: f32, %o: f32):
    %1 = arith.addf %a0, %a1 : f32
    %2 = arith.mulf %1, %scale : f32
    linalg.yield %2 : f32
  } -> tensor<1x2x8x8xf32>
  %p = linalg.softmax dimension(3)
      ins(%x : tensor<1x2x8x8xf32>) outs(%e_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %e_o = tensor.empty() : tensor<1x2x8x4xf32>
  %z_o = linalg.fill ins(%zero : f32) outs(%e_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  %r = linalg.contract indexing_maps = [#pv_p, #pv_v, #pv_o]
      ins(%p, %v : tensor<1x2x8x8xf32>, tensor<1x2x8x4xf32>) outs(%z_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  return %r : tensor<1x2x8x4xf32>
}

// Gates that are computed from parameters become a tensor of one number per head.
// CHECK-LABEL: @computed_gate(
// CHECK: %[[G:.*]] = linalg.generic
// CHECK: math.exp
// CHECK: ra.reciprocal_attention
// CHECK-SAME: w_std(%[[G]] : tensor<2xf32>) w_rec(%arg4
func.func @computed_gate(%q: tensor<1x2x8x4xf32>, %k: tensor<1x2x8x4xf32>, %v: tensor<1x2x8x4xf32>, %w_std: tensor<2xf32>, %w_rec: tensor<2xf32>) -> tensor<1x2x8x4xf32> {
  %zero = arith.constant 0.0 : f32
  %scale = arith.constant 0.5 : f32
  %inf = arith.constant 0xFF800000 : f32
  %one = arith.constant 1.0 : f32
  %q_s = tensor.extract_slice %q[0, 0, 0, 0] [1, 2, 8, 3] [1, 1, 1, 1]
      : tensor<1x2x8x4xf32> to tensor<1x2x8x3xf32>
  %q_l = tensor.extract_slice %q[0, 0, 0, 3] [1, 2, 8, 1] [1, 1, 1, 1]
      : tensor<1x2x8x4xf32> to tensor<1x2x8x1xf32>
  %k_s = tensor.extract_slice %k[0, 0, 0, 0] [1, 2, 8, 3] [1, 1, 1, 1]
      : tensor<1x2x8x4xf32> to tensor<1x2x8x3xf32>
  %k_l = tensor.extract_slice %k[0, 0, 0, 3] [1, 2, 8, 1] [1, 1, 1, 1]
      : tensor<1x2x8x4xf32> to tensor<1x2x8x1xf32>
  %e_s = tensor.empty() : tensor<1x2x8x8xf32>
  %z_s = linalg.fill ins(%zero : f32) outs(%e_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %standard = linalg.contract indexing_maps = [#qk_q, #qk_k, #qk_s]
      ins(%q_s, %k_s : tensor<1x2x8x3xf32>, tensor<1x2x8x3xf32>) outs(%z_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %reciprocal = linalg.contract indexing_maps = [#qk_q, #qk_k, #qk_s]
      ins(%k_l, %q_l : tensor<1x2x8x1xf32>, tensor<1x2x8x1xf32>) outs(%z_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %x = linalg.generic {indexing_maps = [#s4, #s4, affine_map<(b, h, i, j) -> (h)>, affine_map<(b, h, i, j) -> (h)>, #s4],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%standard, %reciprocal, %w_std, %w_rec : tensor<1x2x8x8xf32>, tensor<1x2x8x8xf32>, tensor<2xf32>, tensor<2xf32>)
      outs(%e_s : tensor<1x2x8x8xf32>) {
  ^bb0(%a0: f32, %a1: f32, %a2: f32, %a3: f32, %o: f32):
    %n = arith.negf %a2 : f32
    %e = math.exp %n : f32
    %d = arith.addf %e, %one : f32
    %g = arith.divf %one, %d : f32
    %1 = arith.mulf %a0, %g : f32
    %2 = arith.mulf %a1, %a3 : f32
    %3 = arith.addf %1, %2 : f32
    %4 = arith.mulf %3, %scale : f32
    linalg.yield %4 : f32
  } -> tensor<1x2x8x8xf32>
  %p = linalg.softmax dimension(3)
      ins(%x : tensor<1x2x8x8xf32>) outs(%e_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %e_o = tensor.empty() : tensor<1x2x8x4xf32>
  %z_o = linalg.fill ins(%zero : f32) outs(%e_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  %r = linalg.contract indexing_maps = [#pv_p, #pv_v, #pv_o]
      ins(%p, %v : tensor<1x2x8x8xf32>, tensor<1x2x8x4xf32>) outs(%z_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  return %r : tensor<1x2x8x4xf32>
}

// Grouped heads, the key repeated: each head reads its own query, as slots do.
// CHECK-LABEL: @grouped(
// CHECK: ra.reciprocal_attention
// CHECK-SAME: gqa = #ra.gqa<slots>
// CHECK-SAME: tensor<1x4x8x4xf32>, tensor<1x2x8x4xf32>, tensor<1x2x8x4xf32>)
func.func @grouped(%q: tensor<1x4x8x4xf32>, %k: tensor<1x2x8x4xf32>, %v: tensor<1x2x8x4xf32>, %w_std: tensor<4xf32>, %w_rec: tensor<4xf32>) -> tensor<1x4x8x4xf32> {
  %zero = arith.constant 0.0 : f32
  %scale = arith.constant 0.5 : f32
  %inf = arith.constant 0xFF800000 : f32
  %e_g = tensor.empty() : tensor<1x2x2x8x4xf32>
  %b_k = linalg.broadcast ins(%k : tensor<1x2x8x4xf32>) outs(%e_g : tensor<1x2x2x8x4xf32>) dimensions = [2]
  %kh = tensor.collapse_shape %b_k [[0], [1, 2], [3], [4]]
      : tensor<1x2x2x8x4xf32> into tensor<1x4x8x4xf32>
  %b_v = linalg.broadcast ins(%v : tensor<1x2x8x4xf32>) outs(%e_g : tensor<1x2x2x8x4xf32>) dimensions = [2]
  %vh = tensor.collapse_shape %b_v [[0], [1, 2], [3], [4]]
      : tensor<1x2x2x8x4xf32> into tensor<1x4x8x4xf32>
  %q_s = tensor.extract_slice %q[0, 0, 0, 0] [1, 4, 8, 3] [1, 1, 1, 1]
      : tensor<1x4x8x4xf32> to tensor<1x4x8x3xf32>
  %q_l = tensor.extract_slice %q[0, 0, 0, 3] [1, 4, 8, 1] [1, 1, 1, 1]
      : tensor<1x4x8x4xf32> to tensor<1x4x8x1xf32>
  %k_s = tensor.extract_slice %kh[0, 0, 0, 0] [1, 4, 8, 3] [1, 1, 1, 1]
      : tensor<1x4x8x4xf32> to tensor<1x4x8x3xf32>
  %k_l = tensor.extract_slice %kh[0, 0, 0, 3] [1, 4, 8, 1] [1, 1, 1, 1]
      : tensor<1x4x8x4xf32> to tensor<1x4x8x1xf32>
  %e_s = tensor.empty() : tensor<1x4x8x8xf32>
  %z_s = linalg.fill ins(%zero : f32) outs(%e_s : tensor<1x4x8x8xf32>) -> tensor<1x4x8x8xf32>
  %standard = linalg.contract indexing_maps = [#qk_q, #qk_k, #qk_s]
      ins(%q_s, %k_s : tensor<1x4x8x3xf32>, tensor<1x4x8x3xf32>) outs(%z_s : tensor<1x4x8x8xf32>) -> tensor<1x4x8x8xf32>
  %reciprocal = linalg.contract indexing_maps = [#qk_q, #qk_k, #qk_s]
      ins(%k_l, %q_l : tensor<1x4x8x1xf32>, tensor<1x4x8x1xf32>) outs(%z_s : tensor<1x4x8x8xf32>) -> tensor<1x4x8x8xf32>
  %x = linalg.generic {indexing_maps = [#s4, #s4, affine_map<(b, h, i, j) -> (h)>, affine_map<(b, h, i, j) -> (h)>, #s4],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%standard, %reciprocal, %w_std, %w_rec : tensor<1x4x8x8xf32>, tensor<1x4x8x8xf32>, tensor<4xf32>, tensor<4xf32>)
      outs(%e_s : tensor<1x4x8x8xf32>) {
  ^bb0(%a0: f32, %a1: f32, %a2: f32, %a3: f32, %o: f32):
    %1 = arith.mulf %a0, %a2 : f32
    %2 = arith.mulf %a1, %a3 : f32
    %3 = arith.addf %1, %2 : f32
    %4 = arith.mulf %3, %scale : f32
    linalg.yield %4 : f32
  } -> tensor<1x4x8x8xf32>
  %p = linalg.softmax dimension(3)
      ins(%x : tensor<1x4x8x8xf32>) outs(%e_s : tensor<1x4x8x8xf32>) -> tensor<1x4x8x8xf32>
  %e_o = tensor.empty() : tensor<1x4x8x4xf32>
  %z_o = linalg.fill ins(%zero : f32) outs(%e_o : tensor<1x4x8x4xf32>) -> tensor<1x4x8x4xf32>
  %r = linalg.contract indexing_maps = [#pv_p, #pv_v, #pv_o]
      ins(%p, %vh : tensor<1x4x8x8xf32>, tensor<1x4x8x4xf32>) outs(%z_o : tensor<1x4x8x4xf32>) -> tensor<1x4x8x4xf32>
  return %r : tensor<1x4x8x4xf32>
}
