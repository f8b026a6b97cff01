// RUN: ra-opt %s --ra-raise -o %t.mlir --remarks-filter-missed=ra-raise 2>&1 | FileCheck %s --check-prefix=REMARK
// RUN: FileCheck %s --input-file=%t.mlir --implicit-check-not="{{ra.(reciprocal_)?attention}}"

// What looks like attention and is something else stays as it is, and a remark at
// the product with the values says what did not match.

#s4 = affine_map<(b, h, i, j) -> (b, h, i, j)>
#row = affine_map<(b, h, i, j) -> (b, h, i)>
#qk_q = affine_map<(b, h, i, j, d) -> (b, h, i, d)>
#qk_k = affine_map<(b, h, i, j, d) -> (b, h, j, d)>
#qk_s = affine_map<(b, h, i, j, d) -> (b, h, i, j)>
#pv_p = affine_map<(b, h, i, d, j) -> (b, h, i, j)>
#pv_v = affine_map<(b, h, i, d, j) -> (b, h, j, d)>
#pv_o = affine_map<(b, h, i, d, j) -> (b, h, i, d)>
#q4 = affine_map<(b, h, t, d) -> (b, h, t, d)>

// The softmax runs over the queries.
// CHECK-LABEL: @over_queries(
func.func @over_queries(%q: tensor<1x2x8x4xf32>, %k: tensor<1x2x8x4xf32>, %v: tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32> {
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
  %p = linalg.softmax dimension(2)
      ins(%x : tensor<1x2x8x8xf32>) outs(%e_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %e_o = tensor.empty() : tensor<1x2x8x4xf32>
  %z_o = linalg.fill ins(%zero : f32) outs(%e_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  // REMARK: [[@LINE+1]]:{{[0-9]+}}: remark: [Missed] axis {{.*}}does not run over the keys
  %r = linalg.contract indexing_maps = [#pv_p, #pv_v, #pv_o]
      ins(%p, %v : tensor<1x2x8x8xf32>, tensor<1x2x8x4xf32>) outs(%z_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  return %r : tensor<1x2x8x4xf32>
}

// The sum runs over the queries.
// CHECK-LABEL: @sum_over_queries(
func.func @sum_over_queries(%q: tensor<1x2x8x4xf32>, %k: tensor<1x2x8x4xf32>, %v: tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32> {
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
  %sum = linalg.generic {indexing_maps = [#s4, affine_map<(b, h, i, j) -> (b, h, j)>],
      iterator_types = ["parallel", "parallel", "reduction", "parallel"]}
      ins(%e : tensor<1x2x8x8xf32>) outs(%i_sum : tensor<1x2x8xf32>) {
  ^bb0(%a0: f32, %o: f32):
    %y = arith.addf %a0, %o : f32
    linalg.yield %y : f32
  } -> tensor<1x2x8xf32>
  %p = linalg.generic {indexing_maps = [#s4, affine_map<(b, h, i, j) -> (b, h, j)>, #s4],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%e, %sum : tensor<1x2x8x8xf32>, tensor<1x2x8xf32>)
      outs(%e_s : tensor<1x2x8x8xf32>) {
  ^bb0(%a0: f32, %a1: f32, %o: f32):
    %y = arith.divf %a0, %a1 : f32
    linalg.yield %y : f32
  } -> tensor<1x2x8x8xf32>
  %e_o = tensor.empty() : tensor<1x2x8x4xf32>
  %z_o = linalg.fill ins(%zero : f32) outs(%e_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  // REMARK: [[@LINE+1]]:{{[0-9]+}}: remark: [Missed] axis {{.*}}does not run over the keys
  %r = linalg.contract indexing_maps = [#pv_p, #pv_v, #pv_o]
      ins(%p, %v : tensor<1x2x8x8xf32>, tensor<1x2x8x4xf32>) outs(%z_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  return %r : tensor<1x2x8x4xf32>
}

// The maximum runs over the queries: what is subtracted does not cancel.
// CHECK-LABEL: @max_over_queries(
func.func @max_over_queries(%q: tensor<1x2x8x4xf32>, %k: tensor<1x2x8x4xf32>, %v: tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32> {
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
  %max = linalg.generic {indexing_maps = [#s4, affine_map<(b, h, i, j) -> (b, h, j)>],
      iterator_types = ["parallel", "parallel", "reduction", "parallel"]}
      ins(%x : tensor<1x2x8x8xf32>) outs(%i_max : tensor<1x2x8xf32>) {
  ^bb0(%a0: f32, %o: f32):
    %y = arith.maximumf %a0, %o : f32
    linalg.yield %y : f32
  } -> tensor<1x2x8xf32>
  %c = linalg.generic {indexing_maps = [#s4, affine_map<(b, h, i, j) -> (b, h, j)>, #s4],
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
  // REMARK: [[@LINE+1]]:{{[0-9]+}}: remark: [Missed] axis {{.*}}depends on the key
  %r = linalg.contract indexing_maps = [#pv_p, #pv_v, #pv_o]
      ins(%p, %v : tensor<1x2x8x8xf32>, tensor<1x2x8x4xf32>) outs(%z_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  return %r : tensor<1x2x8x4xf32>
}

// Two scales: one in the exponentials, one in the sum.
// CHECK-LABEL: @two_scales(
func.func @two_scales(%q: tensor<1x2x8x4xf32>, %k: tensor<1x2x8x4xf32>, %v: tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32> {
  %zero = arith.constant 0.0 : f32
  %scale = arith.constant 0.5 : f32
  %inf = arith.constant 0xFF800000 : f32
  %third = arith.constant 0.3 : f32
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
  %z = linalg.generic {indexing_maps = [#s4, #s4],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%s : tensor<1x2x8x8xf32>)
      outs(%e_s : tensor<1x2x8x8xf32>) {
  ^bb0(%a0: f32, %o: f32):
    %m = arith.mulf %a0, %third : f32
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
  %f = linalg.generic {indexing_maps = [#s4, #s4],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%z : tensor<1x2x8x8xf32>)
      outs(%e_s : tensor<1x2x8x8xf32>) {
  ^bb0(%a0: f32, %o: f32):
    %y = math.exp %a0 : f32
    linalg.yield %y : f32
  } -> tensor<1x2x8x8xf32>
  %e_sum = tensor.empty() : tensor<1x2x8xf32>
  %i_sum = linalg.fill ins(%zero : f32) outs(%e_sum : tensor<1x2x8xf32>) -> tensor<1x2x8xf32>
  %sum = linalg.generic {indexing_maps = [#s4, #row],
      iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
      ins(%f : tensor<1x2x8x8xf32>) outs(%i_sum : tensor<1x2x8xf32>) {
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
  // REMARK: [[@LINE+1]]:{{[0-9]+}}: remark: [Missed] softmax {{.*}}another scale, mask or source
  %r = linalg.contract indexing_maps = [#pv_p, #pv_v, #pv_o]
      ins(%p, %v : tensor<1x2x8x8xf32>, tensor<1x2x8x4xf32>) outs(%z_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  return %r : tensor<1x2x8x4xf32>
}

// The sum leaves a mask out.
// CHECK-LABEL: @mask_in_one(
func.func @mask_in_one(%q: tensor<1x2x8x4xf32>, %k: tensor<1x2x8x4xf32>, %v: tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32> {
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
  %e = linalg.generic {indexing_maps = [#s4, #s4],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%x : tensor<1x2x8x8xf32>)
      outs(%e_s : tensor<1x2x8x8xf32>) {
  ^bb0(%a0: f32, %o: f32):
    %i = linalg.index 2 : index
    %j = linalg.index 3 : index
    %see = arith.cmpi ule, %j, %i : index
    %m = math.exp %a0 : f32
    %y = arith.select %see, %m, %zero : f32
    linalg.yield %y : f32
  } -> tensor<1x2x8x8xf32>
  %f = linalg.generic {indexing_maps = [#s4, #s4],
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
      ins(%f : tensor<1x2x8x8xf32>) outs(%i_sum : tensor<1x2x8xf32>) {
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
  // REMARK: [[@LINE+1]]:{{[0-9]+}}: remark: [Missed] softmax {{.*}}another scale, mask or source
  %r = linalg.contract indexing_maps = [#pv_p, #pv_v, #pv_o]
      ins(%p, %v : tensor<1x2x8x8xf32>, tensor<1x2x8x4xf32>) outs(%z_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  return %r : tensor<1x2x8x4xf32>
}

// The mask comes after the softmax.
// CHECK-LABEL: @mask_after_softmax(
func.func @mask_after_softmax(%q: tensor<1x2x8x4xf32>, %k: tensor<1x2x8x4xf32>, %v: tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32> {
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
  %n = linalg.softmax dimension(3)
      ins(%x : tensor<1x2x8x8xf32>) outs(%e_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %p = linalg.generic {indexing_maps = [#s4, #s4],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%n : tensor<1x2x8x8xf32>)
      outs(%e_s : tensor<1x2x8x8xf32>) {
  ^bb0(%a0: f32, %o: f32):
    %i = linalg.index 2 : index
    %j = linalg.index 3 : index
    %see = arith.cmpi ule, %j, %i : index
    %y = arith.select %see, %a0, %zero : f32
    linalg.yield %y : f32
  } -> tensor<1x2x8x8xf32>
  %e_o = tensor.empty() : tensor<1x2x8x4xf32>
  %z_o = linalg.fill ins(%zero : f32) outs(%e_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  // REMARK: [[@LINE+1]]:{{[0-9]+}}: remark: [Missed] mask {{.*}}a mask is applied after the softmax
  %r = linalg.contract indexing_maps = [#pv_p, #pv_v, #pv_o]
      ins(%p, %v : tensor<1x2x8x8xf32>, tensor<1x2x8x4xf32>) outs(%z_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  return %r : tensor<1x2x8x4xf32>
}

// The probabilities are returned, too.
// CHECK-LABEL: @probabilities_used(
func.func @probabilities_used(%q: tensor<1x2x8x4xf32>, %k: tensor<1x2x8x4xf32>, %v: tensor<1x2x8x4xf32>) -> (tensor<1x2x8x4xf32>, tensor<1x2x8x8xf32>) {
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
  %p = linalg.softmax dimension(3)
      ins(%x : tensor<1x2x8x8xf32>) outs(%e_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %e_o = tensor.empty() : tensor<1x2x8x4xf32>
  %z_o = linalg.fill ins(%zero : f32) outs(%e_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  // REMARK: [[@LINE+1]]:{{[0-9]+}}: remark: [Missed] uses {{.*}}has another use
  %r = linalg.contract indexing_maps = [#pv_p, #pv_v, #pv_o]
      ins(%p, %v : tensor<1x2x8x8xf32>, tensor<1x2x8x4xf32>) outs(%z_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  return %r, %p : tensor<1x2x8x4xf32>, tensor<1x2x8x8xf32>
}

// The scores are returned, too.
// CHECK-LABEL: @scores_used(
func.func @scores_used(%q: tensor<1x2x8x4xf32>, %k: tensor<1x2x8x4xf32>, %v: tensor<1x2x8x4xf32>) -> (tensor<1x2x8x4xf32>, tensor<1x2x8x8xf32>) {
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
  %p = linalg.softmax dimension(3)
      ins(%x : tensor<1x2x8x8xf32>) outs(%e_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %e_o = tensor.empty() : tensor<1x2x8x4xf32>
  %z_o = linalg.fill ins(%zero : f32) outs(%e_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  // REMARK: [[@LINE+1]]:{{[0-9]+}}: remark: [Missed] uses {{.*}}the scores have another use
  %r = linalg.contract indexing_maps = [#pv_p, #pv_v, #pv_o]
      ins(%p, %v : tensor<1x2x8x8xf32>, tensor<1x2x8x4xf32>) outs(%z_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  return %r, %s : tensor<1x2x8x4xf32>, tensor<1x2x8x8xf32>
}

// A small number is added to the sum.
// CHECK-LABEL: @epsilon(
func.func @epsilon(%q: tensor<1x2x8x4xf32>, %k: tensor<1x2x8x4xf32>, %v: tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32> {
  %zero = arith.constant 0.0 : f32
  %scale = arith.constant 0.5 : f32
  %inf = arith.constant 0xFF800000 : f32
  %small = arith.constant 1.0e-6 : f32
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
    %d = arith.addf %a1, %small : f32
    %y = arith.divf %a0, %d : f32
    linalg.yield %y : f32
  } -> tensor<1x2x8x8xf32>
  %e_o = tensor.empty() : tensor<1x2x8x4xf32>
  %z_o = linalg.fill ins(%zero : f32) outs(%e_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  // REMARK: [[@LINE+1]]:{{[0-9]+}}: remark: [Missed] softmax {{.*}}a constant is added to the sum
  %r = linalg.contract indexing_maps = [#pv_p, #pv_v, #pv_o]
      ins(%p, %v : tensor<1x2x8x8xf32>, tensor<1x2x8x4xf32>) outs(%z_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  return %r : tensor<1x2x8x4xf32>
}

// The sum starts from 1: a softmax that can attend to nothing.
// CHECK-LABEL: @off_by_one(
func.func @off_by_one(%q: tensor<1x2x8x4xf32>, %k: tensor<1x2x8x4xf32>, %v: tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32> {
  %zero = arith.constant 0.0 : f32
  %scale = arith.constant 0.5 : f32
  %inf = arith.constant 0xFF800000 : f32
  %one = arith.constant 1.0 : f32
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
  %i_sum = linalg.fill ins(%one : f32) outs(%e_sum : tensor<1x2x8xf32>) -> tensor<1x2x8xf32>
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
  // REMARK: [[@LINE+1]]:{{[0-9]+}}: remark: [Missed] softmax {{.*}}no sum of exponentials from 0
  %r = linalg.contract indexing_maps = [#pv_p, #pv_v, #pv_o]
      ins(%p, %v : tensor<1x2x8x8xf32>, tensor<1x2x8x4xf32>) outs(%z_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  return %r : tensor<1x2x8x4xf32>
}

// No sum at all.
// CHECK-LABEL: @no_sum(
func.func @no_sum(%q: tensor<1x2x8x4xf32>, %k: tensor<1x2x8x4xf32>, %v: tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32> {
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
  %p = linalg.generic {indexing_maps = [#s4, #s4],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%c : tensor<1x2x8x8xf32>)
      outs(%e_s : tensor<1x2x8x8xf32>) {
  ^bb0(%a0: f32, %o: f32):
    %y = math.exp %a0 : f32
    linalg.yield %y : f32
  } -> tensor<1x2x8x8xf32>
  %e_o = tensor.empty() : tensor<1x2x8x4xf32>
  %z_o = linalg.fill ins(%zero : f32) outs(%e_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  // REMARK: [[@LINE+1]]:{{[0-9]+}}: remark: [Missed] softmax {{.*}}not divided by their sum
  %r = linalg.contract indexing_maps = [#pv_p, #pv_v, #pv_o]
      ins(%p, %v : tensor<1x2x8x8xf32>, tensor<1x2x8x4xf32>) outs(%z_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  return %r : tensor<1x2x8x4xf32>
}

// A factor on the probabilities, as dropout in training leaves.
// CHECK-LABEL: @scaled_probabilities(
func.func @scaled_probabilities(%q: tensor<1x2x8x4xf32>, %k: tensor<1x2x8x4xf32>, %v: tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32> {
  %zero = arith.constant 0.0 : f32
  %scale = arith.constant 0.5 : f32
  %inf = arith.constant 0xFF800000 : f32
  %keep = arith.constant 1.25 : f32
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
  %n = linalg.softmax dimension(3)
      ins(%x : tensor<1x2x8x8xf32>) outs(%e_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %p = linalg.generic {indexing_maps = [#s4, #s4],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%n : tensor<1x2x8x8xf32>)
      outs(%e_s : tensor<1x2x8x8xf32>) {
  ^bb0(%a0: f32, %o: f32):
    %y = arith.mulf %a0, %keep : f32
    linalg.yield %y : f32
  } -> tensor<1x2x8x8xf32>
  %e_o = tensor.empty() : tensor<1x2x8x4xf32>
  %z_o = linalg.fill ins(%zero : f32) outs(%e_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  // REMARK: [[@LINE+1]]:{{[0-9]+}}: remark: [Missed] softmax {{.*}}a factor on the probabilities
  %r = linalg.contract indexing_maps = [#pv_p, #pv_v, #pv_o]
      ins(%p, %v : tensor<1x2x8x8xf32>, tensor<1x2x8x4xf32>) outs(%z_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  return %r : tensor<1x2x8x4xf32>
}

// A scale for each key.
// CHECK-LABEL: @scale_by_key(
func.func @scale_by_key(%q: tensor<1x2x8x4xf32>, %k: tensor<1x2x8x4xf32>, %v: tensor<1x2x8x4xf32>, %w: tensor<8xf32>) -> tensor<1x2x8x4xf32> {
  %zero = arith.constant 0.0 : f32
  %scale = arith.constant 0.5 : f32
  %inf = arith.constant 0xFF800000 : f32
  %e_s = tensor.empty() : tensor<1x2x8x8xf32>
  %z_s = linalg.fill ins(%zero : f32) outs(%e_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %s = linalg.contract indexing_maps = [#qk_q, #qk_k, #qk_s]
      ins(%q, %k : tensor<1x2x8x4xf32>, tensor<1x2x8x4xf32>) outs(%z_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %x = linalg.generic {indexing_maps = [#s4, affine_map<(b, h, i, j) -> (j)>, #s4],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%s, %w : tensor<1x2x8x8xf32>, tensor<8xf32>)
      outs(%e_s : tensor<1x2x8x8xf32>) {
  ^bb0(%a0: f32, %a1: f32, %o: f32):
    %y = arith.mulf %a0, %a1 : f32
    linalg.yield %y : f32
  } -> tensor<1x2x8x8xf32>
  %p = linalg.softmax dimension(3)
      ins(%x : tensor<1x2x8x8xf32>) outs(%e_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %e_o = tensor.empty() : tensor<1x2x8x4xf32>
  %z_o = linalg.fill ins(%zero : f32) outs(%e_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  // REMARK: [[@LINE+1]]:{{[0-9]+}}: remark: [Missed] scale {{.*}}depends on the key
  %r = linalg.contract indexing_maps = [#pv_p, #pv_v, #pv_o]
      ins(%p, %v : tensor<1x2x8x8xf32>, tensor<1x2x8x4xf32>) outs(%z_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  return %r : tensor<1x2x8x4xf32>
}

// A scale for each query: neither a scale nor a gate.
// CHECK-LABEL: @scale_by_query(
func.func @scale_by_query(%q: tensor<1x2x8x4xf32>, %k: tensor<1x2x8x4xf32>, %v: tensor<1x2x8x4xf32>, %w: tensor<8xf32>) -> tensor<1x2x8x4xf32> {
  %zero = arith.constant 0.0 : f32
  %scale = arith.constant 0.5 : f32
  %inf = arith.constant 0xFF800000 : f32
  %e_s = tensor.empty() : tensor<1x2x8x8xf32>
  %z_s = linalg.fill ins(%zero : f32) outs(%e_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %s = linalg.contract indexing_maps = [#qk_q, #qk_k, #qk_s]
      ins(%q, %k : tensor<1x2x8x4xf32>, tensor<1x2x8x4xf32>) outs(%z_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %x = linalg.generic {indexing_maps = [#s4, affine_map<(b, h, i, j) -> (i)>, #s4],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%s, %w : tensor<1x2x8x8xf32>, tensor<8xf32>)
      outs(%e_s : tensor<1x2x8x8xf32>) {
  ^bb0(%a0: f32, %a1: f32, %o: f32):
    %y = arith.mulf %a0, %a1 : f32
    linalg.yield %y : f32
  } -> tensor<1x2x8x8xf32>
  %p = linalg.softmax dimension(3)
      ins(%x : tensor<1x2x8x8xf32>) outs(%e_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %e_o = tensor.empty() : tensor<1x2x8x4xf32>
  %z_o = linalg.fill ins(%zero : f32) outs(%e_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  // REMARK: [[@LINE+1]]:{{[0-9]+}}: remark: [Missed] scale {{.*}}depends on more than the head
  %r = linalg.contract indexing_maps = [#pv_p, #pv_v, #pv_o]
      ins(%p, %v : tensor<1x2x8x8xf32>, tensor<1x2x8x4xf32>) outs(%z_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  return %r : tensor<1x2x8x4xf32>
}

// Scores above a threshold only.
// CHECK-LABEL: @threshold(
func.func @threshold(%q: tensor<1x2x8x4xf32>, %k: tensor<1x2x8x4xf32>, %v: tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32> {
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
    %see = arith.cmpf ogt, %a0, %zero : f32
    %y = arith.select %see, %a0, %inf : f32
    linalg.yield %y : f32
  } -> tensor<1x2x8x8xf32>
  %p = linalg.softmax dimension(3)
      ins(%x : tensor<1x2x8x8xf32>) outs(%e_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %e_o = tensor.empty() : tensor<1x2x8x4xf32>
  %z_o = linalg.fill ins(%zero : f32) outs(%e_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  // REMARK: [[@LINE+1]]:{{[0-9]+}}: remark: [Missed] mask {{.*}}depends on the scores
  %r = linalg.contract indexing_maps = [#pv_p, #pv_v, #pv_o]
      ins(%p, %v : tensor<1x2x8x8xf32>, tensor<1x2x8x4xf32>) outs(%z_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  return %r : tensor<1x2x8x4xf32>
}

// Clamped scores.
// CHECK-LABEL: @clamped(
func.func @clamped(%q: tensor<1x2x8x4xf32>, %k: tensor<1x2x8x4xf32>, %v: tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32> {
  %zero = arith.constant 0.0 : f32
  %scale = arith.constant 0.5 : f32
  %inf = arith.constant 0xFF800000 : f32
  %ten = arith.constant 10.0 : f32
  %e_s = tensor.empty() : tensor<1x2x8x8xf32>
  %z_s = linalg.fill ins(%zero : f32) outs(%e_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %s = linalg.contract indexing_maps = [#qk_q, #qk_k, #qk_s]
      ins(%q, %k : tensor<1x2x8x4xf32>, tensor<1x2x8x4xf32>) outs(%z_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %x = linalg.generic {indexing_maps = [#s4, #s4],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%s : tensor<1x2x8x8xf32>)
      outs(%e_s : tensor<1x2x8x8xf32>) {
  ^bb0(%a0: f32, %o: f32):
    %y = arith.minimumf %a0, %ten : f32
    linalg.yield %y : f32
  } -> tensor<1x2x8x8xf32>
  %p = linalg.softmax dimension(3)
      ins(%x : tensor<1x2x8x8xf32>) outs(%e_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %e_o = tensor.empty() : tensor<1x2x8x4xf32>
  %z_o = linalg.fill ins(%zero : f32) outs(%e_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  // REMARK: [[@LINE+1]]:{{[0-9]+}}: remark: [Missed] scores {{.*}}clamped
  %r = linalg.contract indexing_maps = [#pv_p, #pv_v, #pv_o]
      ins(%p, %v : tensor<1x2x8x8xf32>, tensor<1x2x8x4xf32>) outs(%z_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  return %r : tensor<1x2x8x4xf32>
}

// Hidden scores become another tensor's.
// CHECK-LABEL: @fill_by_tensor(
func.func @fill_by_tensor(%q: tensor<1x2x8x4xf32>, %k: tensor<1x2x8x4xf32>, %v: tensor<1x2x8x4xf32>, %w: tensor<1x2x8x8xf32>) -> tensor<1x2x8x4xf32> {
  %zero = arith.constant 0.0 : f32
  %scale = arith.constant 0.5 : f32
  %inf = arith.constant 0xFF800000 : f32
  %e_s = tensor.empty() : tensor<1x2x8x8xf32>
  %z_s = linalg.fill ins(%zero : f32) outs(%e_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %s = linalg.contract indexing_maps = [#qk_q, #qk_k, #qk_s]
      ins(%q, %k : tensor<1x2x8x4xf32>, tensor<1x2x8x4xf32>) outs(%z_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %x = linalg.generic {indexing_maps = [#s4, #s4, #s4],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%s, %w : tensor<1x2x8x8xf32>, tensor<1x2x8x8xf32>)
      outs(%e_s : tensor<1x2x8x8xf32>) {
  ^bb0(%a0: f32, %a1: f32, %o: f32):
    %i = linalg.index 2 : index
    %j = linalg.index 3 : index
    %see = arith.cmpi ule, %j, %i : index
    %y = arith.select %see, %a0, %a1 : f32
    linalg.yield %y : f32
  } -> tensor<1x2x8x8xf32>
  %p = linalg.softmax dimension(3)
      ins(%x : tensor<1x2x8x8xf32>) outs(%e_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %e_o = tensor.empty() : tensor<1x2x8x4xf32>
  %z_o = linalg.fill ins(%zero : f32) outs(%e_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  // REMARK: [[@LINE+1]]:{{[0-9]+}}: remark: [Missed] mask {{.*}}no constant
  %r = linalg.contract indexing_maps = [#pv_p, #pv_v, #pv_o]
      ins(%p, %v : tensor<1x2x8x8xf32>, tensor<1x2x8x4xf32>) outs(%z_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  return %r : tensor<1x2x8x4xf32>
}

// -10000 hides only what is larger than about -5000.
// CHECK-LABEL: @weak_mask(
func.func @weak_mask(%q: tensor<1x2x8x4xf32>, %k: tensor<1x2x8x4xf32>, %v: tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32> {
  %zero = arith.constant 0.0 : f32
  %scale = arith.constant 0.5 : f32
  %inf = arith.constant 0xFF800000 : f32
  %low = arith.constant -10000.0 : f32
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
    %see = arith.cmpi ule, %j, %i : index
    %y = arith.select %see, %a0, %low : f32
    linalg.yield %y : f32
  } -> tensor<1x2x8x8xf32>
  %p = linalg.softmax dimension(3)
      ins(%x : tensor<1x2x8x8xf32>) outs(%e_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %e_o = tensor.empty() : tensor<1x2x8x4xf32>
  %z_o = linalg.fill ins(%zero : f32) outs(%e_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  // REMARK: [[@LINE+1]]:{{[0-9]+}}: remark: [Missed] mask {{.*}}hidden scores become -10000
  %r = linalg.contract indexing_maps = [#pv_p, #pv_v, #pv_o]
      ins(%p, %v : tensor<1x2x8x8xf32>, tensor<1x2x8x4xf32>) outs(%z_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  return %r : tensor<1x2x8x4xf32>
}

// A row may see nothing, and then -1e9 everywhere is the mean of the values.
// CHECK-LABEL: @hidden_rows(
func.func @hidden_rows(%q: tensor<1x2x8x4xf32>, %k: tensor<1x2x8x4xf32>, %v: tensor<1x2x8x4xf32>, %keep: tensor<8x8xf32>) -> tensor<1x2x8x4xf32> {
  %zero = arith.constant 0.0 : f32
  %scale = arith.constant 0.5 : f32
  %inf = arith.constant 0xFF800000 : f32
  %low = arith.constant -1.0e9 : f32
  %e_s = tensor.empty() : tensor<1x2x8x8xf32>
  %z_s = linalg.fill ins(%zero : f32) outs(%e_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %s = linalg.contract indexing_maps = [#qk_q, #qk_k, #qk_s]
      ins(%q, %k : tensor<1x2x8x4xf32>, tensor<1x2x8x4xf32>) outs(%z_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %x = linalg.generic {indexing_maps = [#s4, affine_map<(b, h, i, j) -> (i, j)>, #s4],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%s, %keep : tensor<1x2x8x8xf32>, tensor<8x8xf32>)
      outs(%e_s : tensor<1x2x8x8xf32>) {
  ^bb0(%a0: f32, %a1: f32, %o: f32):
    %see = arith.cmpf ogt, %a1, %zero : f32
    %y = arith.select %see, %a0, %low : f32
    linalg.yield %y : f32
  } -> tensor<1x2x8x8xf32>
  %p = linalg.softmax dimension(3)
      ins(%x : tensor<1x2x8x8xf32>) outs(%e_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %e_o = tensor.empty() : tensor<1x2x8x4xf32>
  %z_o = linalg.fill ins(%zero : f32) outs(%e_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  // REMARK: [[@LINE+1]]:{{[0-9]+}}: remark: [Missed] mask {{.*}}a query may see no key
  %r = linalg.contract indexing_maps = [#pv_p, #pv_v, #pv_o]
      ins(%p, %v : tensor<1x2x8x8xf32>, tensor<1x2x8x4xf32>) outs(%z_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  return %r : tensor<1x2x8x4xf32>
}

// -inf first, then the lowest number: a row that sees nothing is the mean over all
// keys, of which -inf and that number in a sum would leave some.
// CHECK-LABEL: @infinite_inside(
func.func @infinite_inside(%q: tensor<1x2x8x4xf32>, %k: tensor<1x2x8x4xf32>, %v: tensor<1x2x8x4xf32>, %keep: tensor<8x8xf32>) -> tensor<1x2x8x4xf32> {
  %zero = arith.constant 0.0 : f32
  %scale = arith.constant 0.5 : f32
  %inf = arith.constant 0xFF800000 : f32
  %low = arith.constant -3.40282347E+38 : f32
  %e_s = tensor.empty() : tensor<1x2x8x8xf32>
  %z_s = linalg.fill ins(%zero : f32) outs(%e_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %s = linalg.contract indexing_maps = [#qk_q, #qk_k, #qk_s]
      ins(%q, %k : tensor<1x2x8x4xf32>, tensor<1x2x8x4xf32>) outs(%z_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %x = linalg.generic {indexing_maps = [#s4, affine_map<(b, h, i, j) -> (i, j)>, #s4],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%s, %keep : tensor<1x2x8x8xf32>, tensor<8x8xf32>)
      outs(%e_s : tensor<1x2x8x8xf32>) {
  ^bb0(%a0: f32, %a1: f32, %o: f32):
    %see = arith.cmpf ogt, %a1, %zero : f32
    %i = linalg.index 2 : index
    %j = linalg.index 3 : index
    %near = arith.cmpi ule, %j, %i : index
    %x = arith.select %near, %a0, %inf : f32
    %y = arith.select %see, %x, %low : f32
    linalg.yield %y : f32
  } -> tensor<1x2x8x8xf32>
  %p = linalg.softmax dimension(3)
      ins(%x : tensor<1x2x8x8xf32>) outs(%e_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %e_o = tensor.empty() : tensor<1x2x8x4xf32>
  %z_o = linalg.fill ins(%zero : f32) outs(%e_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  // REMARK: [[@LINE+1]]:{{[0-9]+}}: remark: [Missed] mask {{.*}}a query may see no key
  %r = linalg.contract indexing_maps = [#pv_p, #pv_v, #pv_o]
      ins(%p, %v : tensor<1x2x8x8xf32>, tensor<1x2x8x4xf32>) outs(%z_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  return %r : tensor<1x2x8x4xf32>
}

// Two finite fills.
// CHECK-LABEL: @two_fills(
func.func @two_fills(%q: tensor<1x2x8x4xf32>, %k: tensor<1x2x8x4xf32>, %v: tensor<1x2x8x4xf32>, %keep: tensor<8x8xf32>) -> tensor<1x2x8x4xf32> {
  %zero = arith.constant 0.0 : f32
  %scale = arith.constant 0.5 : f32
  %inf = arith.constant 0xFF800000 : f32
  %low = arith.constant -3.40282347E+38 : f32
  %lower = arith.constant -1.0e30 : f32
  %e_s = tensor.empty() : tensor<1x2x8x8xf32>
  %z_s = linalg.fill ins(%zero : f32) outs(%e_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %s = linalg.contract indexing_maps = [#qk_q, #qk_k, #qk_s]
      ins(%q, %k : tensor<1x2x8x4xf32>, tensor<1x2x8x4xf32>) outs(%z_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %x = linalg.generic {indexing_maps = [#s4, affine_map<(b, h, i, j) -> (i, j)>, #s4],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%s, %keep : tensor<1x2x8x8xf32>, tensor<8x8xf32>)
      outs(%e_s : tensor<1x2x8x8xf32>) {
  ^bb0(%a0: f32, %a1: f32, %o: f32):
    %c = arith.cmpf ogt, %a1, %scale : f32
    %see = arith.cmpf ogt, %a1, %zero : f32
    %x = arith.select %c, %a0, %lower : f32
    %y = arith.select %see, %x, %low : f32
    linalg.yield %y : f32
  } -> tensor<1x2x8x8xf32>
  %p = linalg.softmax dimension(3)
      ins(%x : tensor<1x2x8x8xf32>) outs(%e_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %e_o = tensor.empty() : tensor<1x2x8x4xf32>
  %z_o = linalg.fill ins(%zero : f32) outs(%e_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  // REMARK: [[@LINE+1]]:{{[0-9]+}}: remark: [Missed] mask {{.*}}a query may see no key
  %r = linalg.contract indexing_maps = [#pv_p, #pv_v, #pv_o]
      ins(%p, %v : tensor<1x2x8x8xf32>, tensor<1x2x8x4xf32>) outs(%z_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  return %r : tensor<1x2x8x4xf32>
}

// A softcap of masked scores.
// CHECK-LABEL: @cap_after_mask(
func.func @cap_after_mask(%q: tensor<1x2x8x4xf32>, %k: tensor<1x2x8x4xf32>, %v: tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32> {
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
    %see = arith.cmpi ule, %j, %i : index
    %y = arith.select %see, %a0, %inf : f32
    %t = math.tanh %y : f32
    linalg.yield %t : f32
  } -> tensor<1x2x8x8xf32>
  %p = linalg.softmax dimension(3)
      ins(%x : tensor<1x2x8x8xf32>) outs(%e_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %e_o = tensor.empty() : tensor<1x2x8x4xf32>
  %z_o = linalg.fill ins(%zero : f32) outs(%e_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  // REMARK: [[@LINE+1]]:{{[0-9]+}}: remark: [Missed] softcap {{.*}}masked before they are capped
  %r = linalg.contract indexing_maps = [#pv_p, #pv_v, #pv_o]
      ins(%p, %v : tensor<1x2x8x8xf32>, tensor<1x2x8x4xf32>) outs(%z_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  return %r : tensor<1x2x8x4xf32>
}

// A softcap of the sum of scores and bias.
// CHECK-LABEL: @cap_after_bias(
func.func @cap_after_bias(%q: tensor<1x2x8x4xf32>, %k: tensor<1x2x8x4xf32>, %v: tensor<1x2x8x4xf32>, %w: tensor<1x2x8x8xf32>) -> tensor<1x2x8x4xf32> {
  %zero = arith.constant 0.0 : f32
  %scale = arith.constant 0.5 : f32
  %inf = arith.constant 0xFF800000 : f32
  %e_s = tensor.empty() : tensor<1x2x8x8xf32>
  %z_s = linalg.fill ins(%zero : f32) outs(%e_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %s = linalg.contract indexing_maps = [#qk_q, #qk_k, #qk_s]
      ins(%q, %k : tensor<1x2x8x4xf32>, tensor<1x2x8x4xf32>) outs(%z_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %x = linalg.generic {indexing_maps = [#s4, #s4, #s4],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%s, %w : tensor<1x2x8x8xf32>, tensor<1x2x8x8xf32>)
      outs(%e_s : tensor<1x2x8x8xf32>) {
  ^bb0(%a0: f32, %a1: f32, %o: f32):
    %y = arith.addf %a0, %a1 : f32
    %t = math.tanh %y : f32
    linalg.yield %t : f32
  } -> tensor<1x2x8x8xf32>
  %p = linalg.softmax dimension(3)
      ins(%x : tensor<1x2x8x8xf32>) outs(%e_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %e_o = tensor.empty() : tensor<1x2x8x4xf32>
  %z_o = linalg.fill ins(%zero : f32) outs(%e_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  // REMARK: [[@LINE+1]]:{{[0-9]+}}: remark: [Missed] softcap {{.*}}added to the scores before
  %r = linalg.contract indexing_maps = [#pv_p, #pv_v, #pv_o]
      ins(%p, %v : tensor<1x2x8x8xf32>, tensor<1x2x8x4xf32>) outs(%z_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  return %r : tensor<1x2x8x4xf32>
}

// The product with the values starts from another tensor.
// CHECK-LABEL: @accumulated(
func.func @accumulated(%q: tensor<1x2x8x4xf32>, %k: tensor<1x2x8x4xf32>, %v: tensor<1x2x8x4xf32>, %w: tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32> {
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
  %p = linalg.softmax dimension(3)
      ins(%x : tensor<1x2x8x8xf32>) outs(%e_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %e_o = tensor.empty() : tensor<1x2x8x4xf32>
  %z_o = linalg.fill ins(%zero : f32) outs(%e_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  // REMARK: [[@LINE+1]]:{{[0-9]+}}: remark: [Missed] values {{.*}}does not start from 0
  %r = linalg.contract indexing_maps = [#pv_p, #pv_v, #pv_o]
      ins(%p, %v : tensor<1x2x8x8xf32>, tensor<1x2x8x4xf32>) outs(%w : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  return %r : tensor<1x2x8x4xf32>
}

// Rows are set to 0 by a condition of their own.
// CHECK-LABEL: @rows_dropped(
func.func @rows_dropped(%q: tensor<1x2x8x4xf32>, %k: tensor<1x2x8x4xf32>, %v: tensor<1x2x8x4xf32>, %w: tensor<8xf32>) -> tensor<1x2x8x4xf32> {
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
  %n = linalg.softmax dimension(3)
      ins(%x : tensor<1x2x8x8xf32>) outs(%e_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %p = linalg.generic {indexing_maps = [#s4, affine_map<(b, h, i, j) -> (i)>, #s4],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%n, %w : tensor<1x2x8x8xf32>, tensor<8xf32>)
      outs(%e_s : tensor<1x2x8x8xf32>) {
  ^bb0(%a0: f32, %a1: f32, %o: f32):
    %see = arith.cmpf ogt, %a1, %zero : f32
    %y = arith.select %see, %a0, %zero : f32
    linalg.yield %y : f32
  } -> tensor<1x2x8x8xf32>
  %e_o = tensor.empty() : tensor<1x2x8x4xf32>
  %z_o = linalg.fill ins(%zero : f32) outs(%e_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  // REMARK: [[@LINE+1]]:{{[0-9]+}}: remark: [Missed] mask {{.*}}not known to mean
  %r = linalg.contract indexing_maps = [#pv_p, #pv_v, #pv_o]
      ins(%p, %v : tensor<1x2x8x8xf32>, tensor<1x2x8x4xf32>) outs(%z_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  return %r : tensor<1x2x8x4xf32>
}

// The key has heads of its own, the value is shared by them.
// CHECK-LABEL: @shared_value(
func.func @shared_value(%q: tensor<3x2x8x4xf32>, %k: tensor<3x2x8x4xf32>, %v: tensor<3x8x4xf32>) -> tensor<3x2x8x4xf32> {
  %zero = arith.constant 0.0 : f32
  %scale = arith.constant 0.5 : f32
  %inf = arith.constant 0xFF800000 : f32
  %e_s = tensor.empty() : tensor<3x2x8x8xf32>
  %z_s = linalg.fill ins(%zero : f32) outs(%e_s : tensor<3x2x8x8xf32>) -> tensor<3x2x8x8xf32>
  %s = linalg.contract indexing_maps = [#qk_q, #qk_k, #qk_s]
      ins(%q, %k : tensor<3x2x8x4xf32>, tensor<3x2x8x4xf32>) outs(%z_s : tensor<3x2x8x8xf32>) -> tensor<3x2x8x8xf32>
  %p = linalg.softmax dimension(3)
      ins(%s : tensor<3x2x8x8xf32>) outs(%e_s : tensor<3x2x8x8xf32>) -> tensor<3x2x8x8xf32>
  %e_o = tensor.empty() : tensor<3x2x8x4xf32>
  %z_o = linalg.fill ins(%zero : f32) outs(%e_o : tensor<3x2x8x4xf32>) -> tensor<3x2x8x4xf32>
  // REMARK: [[@LINE+1]]:{{[0-9]+}}: remark: [Missed] layout {{.*}}key and value differ
  %r = linalg.contract indexing_maps = [#pv_p, affine_map<(b, h, i, d, j) -> (b, j, d)>, #pv_o]
      ins(%p, %v : tensor<3x2x8x8xf32>, tensor<3x8x4xf32>) outs(%z_o : tensor<3x2x8x4xf32>) -> tensor<3x2x8x4xf32>
  return %r : tensor<3x2x8x4xf32>
}

// A reshape to a shape known at run time only.
// CHECK-LABEL: @reshaped(
func.func @reshaped(%q: tensor<1x2x8x4xf32>, %k: tensor<1x2x8x4xf32>, %v: tensor<1x2x8x4xf32>, %shape: tensor<4xindex>) -> tensor<1x2x8x4xf32> {
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
  %n = linalg.softmax dimension(3)
      ins(%x : tensor<1x2x8x8xf32>) outs(%e_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %p = tensor.reshape %n(%shape) : (tensor<1x2x8x8xf32>, tensor<4xindex>) -> tensor<1x2x8x8xf32>
  %e_o = tensor.empty() : tensor<1x2x8x4xf32>
  %z_o = linalg.fill ins(%zero : f32) outs(%e_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  // REMARK: [[@LINE+1]]:{{[0-9]+}}: remark: [Missed] form {{.*}}tensor.reshape
  %r = linalg.contract indexing_maps = [#pv_p, #pv_v, #pv_o]
      ins(%p, %v : tensor<1x2x8x8xf32>, tensor<1x2x8x4xf32>) outs(%z_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  return %r : tensor<1x2x8x4xf32>
}

// Reciprocal form: the second product reads a third tensor.
// CHECK-LABEL: @other_source(
func.func @other_source(%q: tensor<1x2x8x4xf32>, %k: tensor<1x2x8x4xf32>, %v: tensor<1x2x8x4xf32>, %w_std: tensor<2xf32>, %w_rec: tensor<2xf32>, %u: tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32> {
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
  %u_l = tensor.extract_slice %u[0, 0, 0, 3] [1, 2, 8, 1] [1, 1, 1, 1]
      : tensor<1x2x8x4xf32> to tensor<1x2x8x1xf32>
  %e_s = tensor.empty() : tensor<1x2x8x8xf32>
  %z_s = linalg.fill ins(%zero : f32) outs(%e_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %standard = linalg.contract indexing_maps = [#qk_q, #qk_k, #qk_s]
      ins(%q_s, %k_s : tensor<1x2x8x3xf32>, tensor<1x2x8x3xf32>) outs(%z_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %reciprocal = linalg.contract indexing_maps = [#qk_q, #qk_k, #qk_s]
      ins(%k_l, %u_l : tensor<1x2x8x1xf32>, tensor<1x2x8x1xf32>) outs(%z_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
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
  // REMARK: [[@LINE+1]]:{{[0-9]+}}: remark: [Missed] reciprocal {{.*}}one query and one key
  %r = linalg.contract indexing_maps = [#pv_p, #pv_v, #pv_o]
      ins(%p, %v : tensor<1x2x8x8xf32>, tensor<1x2x8x4xf32>) outs(%z_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  return %r : tensor<1x2x8x4xf32>
}

// Reciprocal form: the second product is query times key again.
// CHECK-LABEL: @not_exchanged(
func.func @not_exchanged(%q: tensor<1x2x8x4xf32>, %k: tensor<1x2x8x4xf32>, %v: tensor<1x2x8x4xf32>, %w_std: tensor<2xf32>, %w_rec: tensor<2xf32>) -> tensor<1x2x8x4xf32> {
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
  // REMARK: [[@LINE+1]]:{{[0-9]+}}: remark: [Missed] reciprocal {{.*}}there is no reciprocal one
  %r = linalg.contract indexing_maps = [#pv_p, #pv_v, #pv_o]
      ins(%p, %v : tensor<1x2x8x8xf32>, tensor<1x2x8x4xf32>) outs(%z_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  return %r : tensor<1x2x8x4xf32>
}

// Reciprocal form: a dim in both products.
// CHECK-LABEL: @overlap(
func.func @overlap(%q: tensor<1x2x8x4xf32>, %k: tensor<1x2x8x4xf32>, %v: tensor<1x2x8x4xf32>, %w_std: tensor<2xf32>, %w_rec: tensor<2xf32>) -> tensor<1x2x8x4xf32> {
  %zero = arith.constant 0.0 : f32
  %scale = arith.constant 0.5 : f32
  %inf = arith.constant 0xFF800000 : f32
  %q_s = tensor.extract_slice %q[0, 0, 0, 0] [1, 2, 8, 4] [1, 1, 1, 1]
      : tensor<1x2x8x4xf32> to tensor<1x2x8x4xf32>
  %q_l = tensor.extract_slice %q[0, 0, 0, 3] [1, 2, 8, 1] [1, 1, 1, 1]
      : tensor<1x2x8x4xf32> to tensor<1x2x8x1xf32>
  %k_l = tensor.extract_slice %k[0, 0, 0, 3] [1, 2, 8, 1] [1, 1, 1, 1]
      : tensor<1x2x8x4xf32> to tensor<1x2x8x1xf32>
  %e_s = tensor.empty() : tensor<1x2x8x8xf32>
  %z_s = linalg.fill ins(%zero : f32) outs(%e_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %standard = linalg.contract indexing_maps = [#qk_q, #qk_k, #qk_s]
      ins(%q, %k : tensor<1x2x8x4xf32>, tensor<1x2x8x4xf32>) outs(%z_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
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
  // REMARK: [[@LINE+1]]:{{[0-9]+}}: remark: [Missed] reciprocal {{.*}}dim 3 is in more than one product
  %r = linalg.contract indexing_maps = [#pv_p, #pv_v, #pv_o]
      ins(%p, %v : tensor<1x2x8x8xf32>, tensor<1x2x8x4xf32>) outs(%z_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  return %r : tensor<1x2x8x4xf32>
}

// Reciprocal form: a dim in neither.
// CHECK-LABEL: @gap(
func.func @gap(%q: tensor<1x2x8x4xf32>, %k: tensor<1x2x8x4xf32>, %v: tensor<1x2x8x4xf32>, %w_std: tensor<2xf32>, %w_rec: tensor<2xf32>) -> tensor<1x2x8x4xf32> {
  %zero = arith.constant 0.0 : f32
  %scale = arith.constant 0.5 : f32
  %inf = arith.constant 0xFF800000 : f32
  %q_s = tensor.extract_slice %q[0, 0, 0, 0] [1, 2, 8, 2] [1, 1, 1, 1]
      : tensor<1x2x8x4xf32> to tensor<1x2x8x2xf32>
  %q_l = tensor.extract_slice %q[0, 0, 0, 3] [1, 2, 8, 1] [1, 1, 1, 1]
      : tensor<1x2x8x4xf32> to tensor<1x2x8x1xf32>
  %k_s = tensor.extract_slice %k[0, 0, 0, 0] [1, 2, 8, 2] [1, 1, 1, 1]
      : tensor<1x2x8x4xf32> to tensor<1x2x8x2xf32>
  %k_l = tensor.extract_slice %k[0, 0, 0, 3] [1, 2, 8, 1] [1, 1, 1, 1]
      : tensor<1x2x8x4xf32> to tensor<1x2x8x1xf32>
  %e_s = tensor.empty() : tensor<1x2x8x8xf32>
  %z_s = linalg.fill ins(%zero : f32) outs(%e_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %standard = linalg.contract indexing_maps = [#qk_q, #qk_k, #qk_s]
      ins(%q_s, %k_s : tensor<1x2x8x2xf32>, tensor<1x2x8x2xf32>) outs(%z_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
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
  // REMARK: [[@LINE+1]]:{{[0-9]+}}: remark: [Missed] reciprocal {{.*}}dim 2 of the head is in no product
  %r = linalg.contract indexing_maps = [#pv_p, #pv_v, #pv_o]
      ins(%p, %v : tensor<1x2x8x8xf32>, tensor<1x2x8x4xf32>) outs(%z_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  return %r : tensor<1x2x8x4xf32>
}

// Reciprocal form: other dims of the key than of the query.
// CHECK-LABEL: @other_dims(
func.func @other_dims(%q: tensor<1x2x8x4xf32>, %k: tensor<1x2x8x4xf32>, %v: tensor<1x2x8x4xf32>, %w_std: tensor<2xf32>, %w_rec: tensor<2xf32>) -> tensor<1x2x8x4xf32> {
  %zero = arith.constant 0.0 : f32
  %scale = arith.constant 0.5 : f32
  %inf = arith.constant 0xFF800000 : f32
  %q_s = tensor.extract_slice %q[0, 0, 0, 0] [1, 2, 8, 3] [1, 1, 1, 1]
      : tensor<1x2x8x4xf32> to tensor<1x2x8x3xf32>
  %q_l = tensor.extract_slice %q[0, 0, 0, 3] [1, 2, 8, 1] [1, 1, 1, 1]
      : tensor<1x2x8x4xf32> to tensor<1x2x8x1xf32>
  %k_s = tensor.extract_slice %k[0, 0, 0, 0] [1, 2, 8, 3] [1, 1, 1, 1]
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
  // REMARK: [[@LINE+1]]:{{[0-9]+}}: remark: [Missed] reciprocal {{.*}}one query and one key
  %r = linalg.contract indexing_maps = [#pv_p, #pv_v, #pv_o]
      ins(%p, %v : tensor<1x2x8x8xf32>, tensor<1x2x8x4xf32>) outs(%z_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  return %r : tensor<1x2x8x4xf32>
}

// Reciprocal form: a gate for each query.
// CHECK-LABEL: @gate_by_query(
func.func @gate_by_query(%q: tensor<1x2x8x4xf32>, %k: tensor<1x2x8x4xf32>, %v: tensor<1x2x8x4xf32>, %w_std: tensor<8xf32>, %w_rec: tensor<8xf32>) -> tensor<1x2x8x4xf32> {
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
  %x = linalg.generic {indexing_maps = [#s4, #s4, affine_map<(b, h, i, j) -> (i)>, affine_map<(b, h, i, j) -> (i)>, #s4],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%standard, %reciprocal, %w_std, %w_rec : tensor<1x2x8x8xf32>, tensor<1x2x8x8xf32>, tensor<8xf32>, tensor<8xf32>)
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
  // REMARK: [[@LINE+1]]:{{[0-9]+}}: remark: [Missed] scale {{.*}}depends on more than the head
  %r = linalg.contract indexing_maps = [#pv_p, #pv_v, #pv_o]
      ins(%p, %v : tensor<1x2x8x8xf32>, tensor<1x2x8x4xf32>) outs(%z_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  return %r : tensor<1x2x8x4xf32>
}

// Reciprocal form: the gate multiplies after the mask.
// CHECK-LABEL: @gate_after_mask(
func.func @gate_after_mask(%q: tensor<1x2x8x4xf32>, %k: tensor<1x2x8x4xf32>, %v: tensor<1x2x8x4xf32>, %w_std: tensor<2xf32>, %w_rec: tensor<2xf32>) -> tensor<1x2x8x4xf32> {
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
    %i = linalg.index 2 : index
    %j = linalg.index 3 : index
    %see = arith.cmpi ule, %j, %i : index
    %1 = arith.select %see, %a0, %inf : f32
    %2 = arith.mulf %1, %a2 : f32
    %3 = arith.mulf %a1, %a3 : f32
    %4 = arith.addf %2, %3 : f32
    linalg.yield %4 : f32
  } -> tensor<1x2x8x8xf32>
  %p = linalg.softmax dimension(3)
      ins(%x : tensor<1x2x8x8xf32>) outs(%e_s : tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %e_o = tensor.empty() : tensor<1x2x8x4xf32>
  %z_o = linalg.fill ins(%zero : f32) outs(%e_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  // REMARK: [[@LINE+1]]:{{[0-9]+}}: remark: [Missed] scores {{.*}}
  %r = linalg.contract indexing_maps = [#pv_p, #pv_v, #pv_o]
      ins(%p, %v : tensor<1x2x8x8xf32>, tensor<1x2x8x4xf32>) outs(%z_o : tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  return %r : tensor<1x2x8x4xf32>
}
