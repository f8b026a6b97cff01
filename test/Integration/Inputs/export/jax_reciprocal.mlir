// The open-coded reciprocal block, gates per head, causal.
// Made by regenerate.py.
#map = affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>
#map1 = affine_map<(d0, d1, d2, d3) -> (d3, d2)>
#map2 = affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>
#map3 = affine_map<(d0, d1, d2, d3) -> (d0, d2, d1, d3)>
#map4 = affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>
#map5 = affine_map<(d0, d1, d2, d3, d4) -> (d0, d1, d2, d4)>
#map6 = affine_map<(d0, d1, d2, d3, d4) -> (d0, d1, d3, d4)>
#map7 = affine_map<(d0, d1, d2, d3, d4) -> (d0, d1, d2, d3)>
#map8 = affine_map<(d0, d1, d2, d3) -> (0, d1, 0, 0)>
#map9 = affine_map<() -> ()>
#map10 = affine_map<(d0, d1, d2, d3) -> ()>
#map11 = affine_map<(d0, d1) -> ()>
#map12 = affine_map<(d0, d1) -> (d0, d1)>
#map13 = affine_map<(d0) -> (d0)>
#map14 = affine_map<(d0, d1) -> (d0)>
#map15 = affine_map<(d0, d1) -> (d1)>
#map16 = affine_map<(d0, d1, d2, d3) -> (d2, d3)>
#map17 = affine_map<(d0, d1, d2) -> ()>
#map18 = affine_map<(d0, d1, d2) -> (d0, d1, d2)>
#map19 = affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, 0)>
#map20 = affine_map<(d0, d1, d2, d3, d4) -> (d0, d1, d4, d2)>
#map21 = affine_map<(d0, d1, d2, d3) -> (d0, d2, d3, d1)>
module @jit_reciprocal attributes {mhlo.num_partitions = 1 : i32, mhlo.num_replicas = 1 : i32} {
  func.func public @main(%arg0: tensor<2x16x32xf32>, %arg1: tensor<32x32xf32> {ra.parameter}, %arg2: tensor<32x32xf32> {ra.parameter}, %arg3: tensor<32x32xf32> {ra.parameter}, %arg4: tensor<4xf32> {ra.parameter}, %arg5: tensor<4xf32> {ra.parameter}) -> (tensor<2x16x32xf32> {jax.result_info = "result"}) {
    %cst = arith.constant 2.82842708 : f32
    %cst_0 = arith.constant 0xFF800000 : f32
    %cst_1 = arith.constant 0.000000e+00 : f32
    %cst_2 = arith.constant dense<0> : tensor<i32>
    %cst_3 = arith.constant dense<false> : tensor<i1>
    %cst_4 = arith.constant dense<0xFF800000> : tensor<f32>
    %cst_5 = arith.constant dense<true> : tensor<i1>
    %0 = tensor.empty() : tensor<2x16x32xf32>
    %1 = linalg.fill ins(%cst_1 : f32) outs(%0 : tensor<2x16x32xf32>) -> tensor<2x16x32xf32>
    %2 = linalg.generic {indexing_maps = [#map, #map1, #map2], iterator_types = ["parallel", "parallel", "parallel", "reduction"]} ins(%arg0, %arg1 : tensor<2x16x32xf32>, tensor<32x32xf32>) outs(%1 : tensor<2x16x32xf32>) {
    ^bb0(%in: f32, %in_15: f32, %out: f32):
      %55 = arith.mulf %in, %in_15 : f32
      %56 = arith.addf %out, %55 : f32
      linalg.yield %56 : f32
    } -> tensor<2x16x32xf32>
    %expanded = tensor.expand_shape %2 [[0], [1], [2, 3]] output_shape [2, 16, 4, 8] : tensor<2x16x32xf32> into tensor<2x16x4x8xf32>
    %3 = tensor.empty() : tensor<2x4x16x8xf32>
    %4 = linalg.generic {indexing_maps = [#map3, #map4], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%expanded : tensor<2x16x4x8xf32>) outs(%3 : tensor<2x4x16x8xf32>) {
    ^bb0(%in: f32, %out: f32):
      linalg.yield %in : f32
    } -> tensor<2x4x16x8xf32>
    %5 = linalg.generic {indexing_maps = [#map, #map1, #map2], iterator_types = ["parallel", "parallel", "parallel", "reduction"]} ins(%arg0, %arg2 : tensor<2x16x32xf32>, tensor<32x32xf32>) outs(%1 : tensor<2x16x32xf32>) {
    ^bb0(%in: f32, %in_15: f32, %out: f32):
      %55 = arith.mulf %in, %in_15 : f32
      %56 = arith.addf %out, %55 : f32
      linalg.yield %56 : f32
    } -> tensor<2x16x32xf32>
    %expanded_6 = tensor.expand_shape %5 [[0], [1], [2, 3]] output_shape [2, 16, 4, 8] : tensor<2x16x32xf32> into tensor<2x16x4x8xf32>
    %6 = linalg.generic {indexing_maps = [#map3, #map4], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%expanded_6 : tensor<2x16x4x8xf32>) outs(%3 : tensor<2x4x16x8xf32>) {
    ^bb0(%in: f32, %out: f32):
      linalg.yield %in : f32
    } -> tensor<2x4x16x8xf32>
    %7 = linalg.generic {indexing_maps = [#map, #map1, #map2], iterator_types = ["parallel", "parallel", "parallel", "reduction"]} ins(%arg0, %arg3 : tensor<2x16x32xf32>, tensor<32x32xf32>) outs(%1 : tensor<2x16x32xf32>) {
    ^bb0(%in: f32, %in_15: f32, %out: f32):
      %55 = arith.mulf %in, %in_15 : f32
      %56 = arith.addf %out, %55 : f32
      linalg.yield %56 : f32
    } -> tensor<2x16x32xf32>
    %expanded_7 = tensor.expand_shape %7 [[0], [1], [2, 3]] output_shape [2, 16, 4, 8] : tensor<2x16x32xf32> into tensor<2x16x4x8xf32>
    %8 = linalg.generic {indexing_maps = [#map3, #map4], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%expanded_7 : tensor<2x16x4x8xf32>) outs(%3 : tensor<2x4x16x8xf32>) {
    ^bb0(%in: f32, %out: f32):
      linalg.yield %in : f32
    } -> tensor<2x4x16x8xf32>
    %extracted_slice = tensor.extract_slice %4[0, 0, 0, 0] [2, 4, 16, 6] [1, 1, 1, 1] : tensor<2x4x16x8xf32> to tensor<2x4x16x6xf32>
    %extracted_slice_8 = tensor.extract_slice %6[0, 0, 0, 0] [2, 4, 16, 6] [1, 1, 1, 1] : tensor<2x4x16x8xf32> to tensor<2x4x16x6xf32>
    %9 = tensor.empty() : tensor<2x4x16x16xf32>
    %10 = linalg.fill ins(%cst_1 : f32) outs(%9 : tensor<2x4x16x16xf32>) -> tensor<2x4x16x16xf32>
    %11 = linalg.generic {indexing_maps = [#map5, #map6, #map7], iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction"]} ins(%extracted_slice, %extracted_slice_8 : tensor<2x4x16x6xf32>, tensor<2x4x16x6xf32>) outs(%10 : tensor<2x4x16x16xf32>) {
    ^bb0(%in: f32, %in_15: f32, %out: f32):
      %55 = arith.mulf %in, %in_15 : f32
      %56 = arith.addf %out, %55 : f32
      linalg.yield %56 : f32
    } -> tensor<2x4x16x16xf32>
    %extracted_slice_9 = tensor.extract_slice %4[0, 0, 0, 6] [2, 4, 16, 2] [1, 1, 1, 1] : tensor<2x4x16x8xf32> to tensor<2x4x16x2xf32>
    %extracted_slice_10 = tensor.extract_slice %6[0, 0, 0, 6] [2, 4, 16, 2] [1, 1, 1, 1] : tensor<2x4x16x8xf32> to tensor<2x4x16x2xf32>
    %12 = linalg.generic {indexing_maps = [#map5, #map6, #map7], iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction"]} ins(%extracted_slice_10, %extracted_slice_9 : tensor<2x4x16x2xf32>, tensor<2x4x16x2xf32>) outs(%10 : tensor<2x4x16x16xf32>) {
    ^bb0(%in: f32, %in_15: f32, %out: f32):
      %55 = arith.mulf %in, %in_15 : f32
      %56 = arith.addf %out, %55 : f32
      linalg.yield %56 : f32
    } -> tensor<2x4x16x16xf32>
    %expanded_11 = tensor.expand_shape %arg4 [[0, 1, 2, 3]] output_shape [1, 4, 1, 1] : tensor<4xf32> into tensor<1x4x1x1xf32>
    %13 = linalg.generic {indexing_maps = [#map8, #map4], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%expanded_11 : tensor<1x4x1x1xf32>) outs(%9 : tensor<2x4x16x16xf32>) {
    ^bb0(%in: f32, %out: f32):
      linalg.yield %in : f32
    } -> tensor<2x4x16x16xf32>
    %14 = linalg.generic {indexing_maps = [#map4, #map4, #map4], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%13, %11 : tensor<2x4x16x16xf32>, tensor<2x4x16x16xf32>) outs(%9 : tensor<2x4x16x16xf32>) {
    ^bb0(%in: f32, %in_15: f32, %out: f32):
      %55 = arith.mulf %in, %in_15 : f32
      linalg.yield %55 : f32
    } -> tensor<2x4x16x16xf32>
    %expanded_12 = tensor.expand_shape %arg5 [[0, 1, 2, 3]] output_shape [1, 4, 1, 1] : tensor<4xf32> into tensor<1x4x1x1xf32>
    %15 = linalg.generic {indexing_maps = [#map8, #map4], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%expanded_12 : tensor<1x4x1x1xf32>) outs(%9 : tensor<2x4x16x16xf32>) {
    ^bb0(%in: f32, %out: f32):
      linalg.yield %in : f32
    } -> tensor<2x4x16x16xf32>
    %16 = linalg.generic {indexing_maps = [#map4, #map4, #map4], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%15, %12 : tensor<2x4x16x16xf32>, tensor<2x4x16x16xf32>) outs(%9 : tensor<2x4x16x16xf32>) {
    ^bb0(%in: f32, %in_15: f32, %out: f32):
      %55 = arith.mulf %in, %in_15 : f32
      linalg.yield %55 : f32
    } -> tensor<2x4x16x16xf32>
    %17 = linalg.generic {indexing_maps = [#map4, #map4, #map4], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%14, %16 : tensor<2x4x16x16xf32>, tensor<2x4x16x16xf32>) outs(%9 : tensor<2x4x16x16xf32>) {
    ^bb0(%in: f32, %in_15: f32, %out: f32):
      %55 = arith.addf %in, %in_15 : f32
      linalg.yield %55 : f32
    } -> tensor<2x4x16x16xf32>
    %18 = tensor.empty() : tensor<f32>
    %19 = linalg.generic {indexing_maps = [#map9], iterator_types = []} outs(%18 : tensor<f32>) {
    ^bb0(%out: f32):
      linalg.yield %cst : f32
    } -> tensor<f32>
    %20 = linalg.generic {indexing_maps = [#map10, #map4], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%19 : tensor<f32>) outs(%9 : tensor<2x4x16x16xf32>) {
    ^bb0(%in: f32, %out: f32):
      linalg.yield %in : f32
    } -> tensor<2x4x16x16xf32>
    %21 = linalg.generic {indexing_maps = [#map4, #map4, #map4], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%17, %20 : tensor<2x4x16x16xf32>, tensor<2x4x16x16xf32>) outs(%9 : tensor<2x4x16x16xf32>) {
    ^bb0(%in: f32, %in_15: f32, %out: f32):
      %55 = arith.divf %in, %in_15 : f32
      linalg.yield %55 : f32
    } -> tensor<2x4x16x16xf32>
    %22 = tensor.empty() : tensor<16x16xi1>
    %23 = linalg.generic {indexing_maps = [#map11, #map12], iterator_types = ["parallel", "parallel"]} ins(%cst_5 : tensor<i1>) outs(%22 : tensor<16x16xi1>) {
    ^bb0(%in: i1, %out: i1):
      linalg.yield %in : i1
    } -> tensor<16x16xi1>
    %24 = tensor.empty() : tensor<16xi32>
    %25 = linalg.generic {indexing_maps = [#map13], iterator_types = ["parallel"]} outs(%24 : tensor<16xi32>) {
    ^bb0(%out: i32):
      %55 = linalg.index 0 : index
      %56 = arith.index_cast %55 : index to i32
      linalg.yield %56 : i32
    } -> tensor<16xi32>
    %26 = tensor.empty() : tensor<16x16xi32>
    %27 = linalg.generic {indexing_maps = [#map14, #map12], iterator_types = ["parallel", "parallel"]} ins(%25 : tensor<16xi32>) outs(%26 : tensor<16x16xi32>) {
    ^bb0(%in: i32, %out: i32):
      linalg.yield %in : i32
    } -> tensor<16x16xi32>
    %28 = linalg.generic {indexing_maps = [#map11, #map12], iterator_types = ["parallel", "parallel"]} ins(%cst_2 : tensor<i32>) outs(%26 : tensor<16x16xi32>) {
    ^bb0(%in: i32, %out: i32):
      linalg.yield %in : i32
    } -> tensor<16x16xi32>
    %29 = linalg.generic {indexing_maps = [#map12, #map12, #map12], iterator_types = ["parallel", "parallel"]} ins(%27, %28 : tensor<16x16xi32>, tensor<16x16xi32>) outs(%26 : tensor<16x16xi32>) {
    ^bb0(%in: i32, %in_15: i32, %out: i32):
      %55 = arith.addi %in, %in_15 : i32
      linalg.yield %55 : i32
    } -> tensor<16x16xi32>
    %30 = linalg.generic {indexing_maps = [#map15, #map12], iterator_types = ["parallel", "parallel"]} ins(%25 : tensor<16xi32>) outs(%26 : tensor<16x16xi32>) {
    ^bb0(%in: i32, %out: i32):
      linalg.yield %in : i32
    } -> tensor<16x16xi32>
    %31 = linalg.generic {indexing_maps = [#map12, #map12, #map12], iterator_types = ["parallel", "parallel"]} ins(%29, %30 : tensor<16x16xi32>, tensor<16x16xi32>) outs(%22 : tensor<16x16xi1>) {
    ^bb0(%in: i32, %in_15: i32, %out: i1):
      %55 = arith.cmpi sge, %in, %in_15 : i32
      linalg.yield %55 : i1
    } -> tensor<16x16xi1>
    %32 = linalg.generic {indexing_maps = [#map11, #map12], iterator_types = ["parallel", "parallel"]} ins(%cst_3 : tensor<i1>) outs(%22 : tensor<16x16xi1>) {
    ^bb0(%in: i1, %out: i1):
      linalg.yield %in : i1
    } -> tensor<16x16xi1>
    %33 = linalg.generic {indexing_maps = [#map12, #map12, #map12, #map12], iterator_types = ["parallel", "parallel"]} ins(%31, %23, %32 : tensor<16x16xi1>, tensor<16x16xi1>, tensor<16x16xi1>) outs(%22 : tensor<16x16xi1>) {
    ^bb0(%in: i1, %in_15: i1, %in_16: i1, %out: i1):
      %55 = arith.select %in, %in_15, %in_16 : i1
      linalg.yield %55 : i1
    } -> tensor<16x16xi1>
    %34 = tensor.empty() : tensor<2x4x16x16xi1>
    %35 = linalg.generic {indexing_maps = [#map16, #map4], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%33 : tensor<16x16xi1>) outs(%34 : tensor<2x4x16x16xi1>) {
    ^bb0(%in: i1, %out: i1):
      linalg.yield %in : i1
    } -> tensor<2x4x16x16xi1>
    %36 = linalg.generic {indexing_maps = [#map10, #map4], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%cst_4 : tensor<f32>) outs(%9 : tensor<2x4x16x16xf32>) {
    ^bb0(%in: f32, %out: f32):
      linalg.yield %in : f32
    } -> tensor<2x4x16x16xf32>
    %37 = linalg.generic {indexing_maps = [#map4, #map4, #map4, #map4], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%35, %21, %36 : tensor<2x4x16x16xi1>, tensor<2x4x16x16xf32>, tensor<2x4x16x16xf32>) outs(%9 : tensor<2x4x16x16xf32>) {
    ^bb0(%in: i1, %in_15: f32, %in_16: f32, %out: f32):
      %55 = arith.select %in, %in_15, %in_16 : f32
      linalg.yield %55 : f32
    } -> tensor<2x4x16x16xf32>
    %38 = tensor.empty() : tensor<2x4x16xf32>
    %39 = linalg.fill ins(%cst_0 : f32) outs(%38 : tensor<2x4x16xf32>) -> tensor<2x4x16xf32>
    %40 = linalg.generic {indexing_maps = [#map4, #map2], iterator_types = ["parallel", "parallel", "parallel", "reduction"]} ins(%37 : tensor<2x4x16x16xf32>) outs(%39 : tensor<2x4x16xf32>) {
    ^bb0(%in: f32, %out: f32):
      %55 = arith.maximumf %out, %in : f32
      linalg.yield %55 : f32
    } -> tensor<2x4x16xf32>
    %41 = linalg.generic {indexing_maps = [#map17, #map18], iterator_types = ["parallel", "parallel", "parallel"]} ins(%cst_4 : tensor<f32>) outs(%38 : tensor<2x4x16xf32>) {
    ^bb0(%in: f32, %out: f32):
      linalg.yield %in : f32
    } -> tensor<2x4x16xf32>
    %42 = linalg.generic {indexing_maps = [#map18, #map18, #map18], iterator_types = ["parallel", "parallel", "parallel"]} ins(%41, %40 : tensor<2x4x16xf32>, tensor<2x4x16xf32>) outs(%38 : tensor<2x4x16xf32>) {
    ^bb0(%in: f32, %in_15: f32, %out: f32):
      %55 = arith.maximumf %in, %in_15 : f32
      linalg.yield %55 : f32
    } -> tensor<2x4x16xf32>
    %expanded_13 = tensor.expand_shape %42 [[0], [1], [2, 3]] output_shape [2, 4, 16, 1] : tensor<2x4x16xf32> into tensor<2x4x16x1xf32>
    %43 = linalg.generic {indexing_maps = [#map19, #map4], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%expanded_13 : tensor<2x4x16x1xf32>) outs(%9 : tensor<2x4x16x16xf32>) {
    ^bb0(%in: f32, %out: f32):
      linalg.yield %in : f32
    } -> tensor<2x4x16x16xf32>
    %44 = linalg.generic {indexing_maps = [#map4, #map4, #map4], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%37, %43 : tensor<2x4x16x16xf32>, tensor<2x4x16x16xf32>) outs(%9 : tensor<2x4x16x16xf32>) {
    ^bb0(%in: f32, %in_15: f32, %out: f32):
      %55 = arith.subf %in, %in_15 : f32
      linalg.yield %55 : f32
    } -> tensor<2x4x16x16xf32>
    %45 = linalg.generic {indexing_maps = [#map4, #map4], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%44 : tensor<2x4x16x16xf32>) outs(%9 : tensor<2x4x16x16xf32>) {
    ^bb0(%in: f32, %out: f32):
      %55 = math.exp %in : f32
      linalg.yield %55 : f32
    } -> tensor<2x4x16x16xf32>
    %46 = linalg.fill ins(%cst_1 : f32) outs(%38 : tensor<2x4x16xf32>) -> tensor<2x4x16xf32>
    %47 = linalg.generic {indexing_maps = [#map4, #map2], iterator_types = ["parallel", "parallel", "parallel", "reduction"]} ins(%45 : tensor<2x4x16x16xf32>) outs(%46 : tensor<2x4x16xf32>) {
    ^bb0(%in: f32, %out: f32):
      %55 = arith.addf %out, %in : f32
      linalg.yield %55 : f32
    } -> tensor<2x4x16xf32>
    %expanded_14 = tensor.expand_shape %47 [[0], [1], [2, 3]] output_shape [2, 4, 16, 1] : tensor<2x4x16xf32> into tensor<2x4x16x1xf32>
    %48 = linalg.generic {indexing_maps = [#map19, #map4], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%expanded_14 : tensor<2x4x16x1xf32>) outs(%9 : tensor<2x4x16x16xf32>) {
    ^bb0(%in: f32, %out: f32):
      linalg.yield %in : f32
    } -> tensor<2x4x16x16xf32>
    %49 = linalg.generic {indexing_maps = [#map4, #map4, #map4], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%45, %48 : tensor<2x4x16x16xf32>, tensor<2x4x16x16xf32>) outs(%9 : tensor<2x4x16x16xf32>) {
    ^bb0(%in: f32, %in_15: f32, %out: f32):
      %55 = arith.divf %in, %in_15 : f32
      linalg.yield %55 : f32
    } -> tensor<2x4x16x16xf32>
    %50 = tensor.empty() : tensor<2x4x8x16xf32>
    %51 = linalg.fill ins(%cst_1 : f32) outs(%50 : tensor<2x4x8x16xf32>) -> tensor<2x4x8x16xf32>
    %52 = linalg.generic {indexing_maps = [#map20, #map6, #map7], iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction"]} ins(%8, %49 : tensor<2x4x16x8xf32>, tensor<2x4x16x16xf32>) outs(%51 : tensor<2x4x8x16xf32>) {
    ^bb0(%in: f32, %in_15: f32, %out: f32):
      %55 = arith.mulf %in, %in_15 : f32
      %56 = arith.addf %out, %55 : f32
      linalg.yield %56 : f32
    } -> tensor<2x4x8x16xf32>
    %53 = tensor.empty() : tensor<2x16x4x8xf32>
    %54 = linalg.generic {indexing_maps = [#map21, #map4], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%52 : tensor<2x4x8x16xf32>) outs(%53 : tensor<2x16x4x8xf32>) {
    ^bb0(%in: f32, %out: f32):
      linalg.yield %in : f32
    } -> tensor<2x16x4x8xf32>
    %collapsed = tensor.collapse_shape %54 [[0], [1], [2, 3]] : tensor<2x16x4x8xf32> into tensor<2x16x32xf32>
    return %collapsed : tensor<2x16x32xf32>
  }
}
