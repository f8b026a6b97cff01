// Three projections, causal attention, output projection.
// Made by regenerate.py.
#map = affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>
#map1 = affine_map<(d0, d1, d2, d3) -> (d3, d2)>
#map2 = affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>
#map3 = affine_map<(d0, d1, d2) -> (0, 0, d2)>
#map4 = affine_map<(d0, d1, d2) -> (d0, d1, d2)>
#map5 = affine_map<(d0, d1, d2, d3, d4, d5) -> (d0, d2, d1, d3, d5)>
#map6 = affine_map<(d0, d1, d2, d3, d4, d5) -> (d0, d4, d1, d5)>
#map7 = affine_map<(d0, d1, d2, d3, d4, d5) -> (d0, d1, d2, d3, d4)>
#map8 = affine_map<(d0, d1, d2, d3, d4) -> ()>
#map9 = affine_map<(d0, d1, d2, d3, d4) -> (d0, d1, d2, d3, d4)>
#map10 = affine_map<(d0, d1, d2, d3) -> ()>
#map11 = affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>
#map12 = affine_map<(d0, d1) -> ()>
#map13 = affine_map<(d0, d1) -> (d0, d1)>
#map14 = affine_map<(d0) -> (d0)>
#map15 = affine_map<(d0, d1) -> (d0)>
#map16 = affine_map<(d0, d1) -> (d1)>
#map17 = affine_map<(d0, d1, d2, d3) -> (0, 0, d2, d3)>
#map18 = affine_map<(d0, d1, d2, d3, d4) -> (d0, d1, d2, d3)>
#map19 = affine_map<(d0, d1, d2, d3, d4) -> (d0, d1, d2, d3, 0)>
#map20 = affine_map<(d0, d1, d2, d3, d4, d5) -> (d0, d5, d1, d2)>
#map21 = affine_map<(d0, d1, d2, d3, d4, d5) -> (d3, d0, d1, d4, d5)>
#map22 = affine_map<(d0, d1, d2, d3, d4) -> (d0, d2, d4, d3, d1)>
module @jit_block attributes {mhlo.num_partitions = 1 : i32, mhlo.num_replicas = 1 : i32} {
  func.func public @main(%arg0: tensor<2x16x32xf32>, %arg1: tensor<32x32xf32> {ra.parameter}, %arg2: tensor<32xf32> {ra.parameter}, %arg3: tensor<32x32xf32> {ra.parameter}, %arg4: tensor<32xf32> {ra.parameter}, %arg5: tensor<32x32xf32> {ra.parameter}, %arg6: tensor<32xf32> {ra.parameter}, %arg7: tensor<32x32xf32> {ra.parameter}) -> (tensor<2x16x32xf32> {jax.result_info = "result"}) {
    %cst = arith.constant 0xFF800000 : f32
    %cst_0 = arith.constant 0.000000e+00 : f32
    %cst_1 = arith.constant dense<0> : tensor<i32>
    %cst_2 = arith.constant dense<false> : tensor<i1>
    %cst_3 = arith.constant dense<0xFF800000> : tensor<f32>
    %cst_4 = arith.constant dense<-2.38197633E+38> : tensor<f32>
    %cst_5 = arith.constant dense<true> : tensor<i1>
    %cst_6 = arith.constant dense<0.353553385> : tensor<f32>
    %0 = tensor.empty() : tensor<2x16x32xf32>
    %1 = linalg.fill ins(%cst_0 : f32) outs(%0 : tensor<2x16x32xf32>) -> tensor<2x16x32xf32>
    %2 = linalg.generic {indexing_maps = [#map, #map1, #map2], iterator_types = ["parallel", "parallel", "parallel", "reduction"]} ins(%arg0, %arg1 : tensor<2x16x32xf32>, tensor<32x32xf32>) outs(%1 : tensor<2x16x32xf32>) {
    ^bb0(%in: f32, %in_18: f32, %out: f32):
      %53 = arith.mulf %in, %in_18 : f32
      %54 = arith.addf %out, %53 : f32
      linalg.yield %54 : f32
    } -> tensor<2x16x32xf32>
    %expanded = tensor.expand_shape %arg2 [[0, 1, 2]] output_shape [1, 1, 32] : tensor<32xf32> into tensor<1x1x32xf32>
    %3 = linalg.generic {indexing_maps = [#map3, #map4], iterator_types = ["parallel", "parallel", "parallel"]} ins(%expanded : tensor<1x1x32xf32>) outs(%0 : tensor<2x16x32xf32>) {
    ^bb0(%in: f32, %out: f32):
      linalg.yield %in : f32
    } -> tensor<2x16x32xf32>
    %4 = linalg.generic {indexing_maps = [#map4, #map4, #map4], iterator_types = ["parallel", "parallel", "parallel"]} ins(%2, %3 : tensor<2x16x32xf32>, tensor<2x16x32xf32>) outs(%0 : tensor<2x16x32xf32>) {
    ^bb0(%in: f32, %in_18: f32, %out: f32):
      %53 = arith.addf %in, %in_18 : f32
      linalg.yield %53 : f32
    } -> tensor<2x16x32xf32>
    %5 = linalg.generic {indexing_maps = [#map, #map1, #map2], iterator_types = ["parallel", "parallel", "parallel", "reduction"]} ins(%arg0, %arg3 : tensor<2x16x32xf32>, tensor<32x32xf32>) outs(%1 : tensor<2x16x32xf32>) {
    ^bb0(%in: f32, %in_18: f32, %out: f32):
      %53 = arith.mulf %in, %in_18 : f32
      %54 = arith.addf %out, %53 : f32
      linalg.yield %54 : f32
    } -> tensor<2x16x32xf32>
    %expanded_7 = tensor.expand_shape %arg4 [[0, 1, 2]] output_shape [1, 1, 32] : tensor<32xf32> into tensor<1x1x32xf32>
    %6 = linalg.generic {indexing_maps = [#map3, #map4], iterator_types = ["parallel", "parallel", "parallel"]} ins(%expanded_7 : tensor<1x1x32xf32>) outs(%0 : tensor<2x16x32xf32>) {
    ^bb0(%in: f32, %out: f32):
      linalg.yield %in : f32
    } -> tensor<2x16x32xf32>
    %7 = linalg.generic {indexing_maps = [#map4, #map4, #map4], iterator_types = ["parallel", "parallel", "parallel"]} ins(%5, %6 : tensor<2x16x32xf32>, tensor<2x16x32xf32>) outs(%0 : tensor<2x16x32xf32>) {
    ^bb0(%in: f32, %in_18: f32, %out: f32):
      %53 = arith.addf %in, %in_18 : f32
      linalg.yield %53 : f32
    } -> tensor<2x16x32xf32>
    %expanded_8 = tensor.expand_shape %7 [[0], [1], [2, 3]] output_shape [2, 16, 4, 8] : tensor<2x16x32xf32> into tensor<2x16x4x8xf32>
    %8 = linalg.generic {indexing_maps = [#map, #map1, #map2], iterator_types = ["parallel", "parallel", "parallel", "reduction"]} ins(%arg0, %arg5 : tensor<2x16x32xf32>, tensor<32x32xf32>) outs(%1 : tensor<2x16x32xf32>) {
    ^bb0(%in: f32, %in_18: f32, %out: f32):
      %53 = arith.mulf %in, %in_18 : f32
      %54 = arith.addf %out, %53 : f32
      linalg.yield %54 : f32
    } -> tensor<2x16x32xf32>
    %expanded_9 = tensor.expand_shape %arg6 [[0, 1, 2]] output_shape [1, 1, 32] : tensor<32xf32> into tensor<1x1x32xf32>
    %9 = linalg.generic {indexing_maps = [#map3, #map4], iterator_types = ["parallel", "parallel", "parallel"]} ins(%expanded_9 : tensor<1x1x32xf32>) outs(%0 : tensor<2x16x32xf32>) {
    ^bb0(%in: f32, %out: f32):
      linalg.yield %in : f32
    } -> tensor<2x16x32xf32>
    %10 = linalg.generic {indexing_maps = [#map4, #map4, #map4], iterator_types = ["parallel", "parallel", "parallel"]} ins(%8, %9 : tensor<2x16x32xf32>, tensor<2x16x32xf32>) outs(%0 : tensor<2x16x32xf32>) {
    ^bb0(%in: f32, %in_18: f32, %out: f32):
      %53 = arith.addf %in, %in_18 : f32
      linalg.yield %53 : f32
    } -> tensor<2x16x32xf32>
    %expanded_10 = tensor.expand_shape %10 [[0], [1], [2, 3]] output_shape [2, 16, 4, 8] : tensor<2x16x32xf32> into tensor<2x16x4x8xf32>
    %expanded_11 = tensor.expand_shape %4 [[0], [1], [2, 3, 4]] output_shape [2, 16, 4, 1, 8] : tensor<2x16x32xf32> into tensor<2x16x4x1x8xf32>
    %11 = tensor.empty() : tensor<2x4x16x1x16xf32>
    %12 = linalg.fill ins(%cst_0 : f32) outs(%11 : tensor<2x4x16x1x16xf32>) -> tensor<2x4x16x1x16xf32>
    %13 = linalg.generic {indexing_maps = [#map5, #map6, #map7], iterator_types = ["parallel", "parallel", "parallel", "parallel", "parallel", "reduction"]} ins(%expanded_11, %expanded_8 : tensor<2x16x4x1x8xf32>, tensor<2x16x4x8xf32>) outs(%12 : tensor<2x4x16x1x16xf32>) {
    ^bb0(%in: f32, %in_18: f32, %out: f32):
      %53 = arith.mulf %in, %in_18 : f32
      %54 = arith.addf %out, %53 : f32
      linalg.yield %54 : f32
    } -> tensor<2x4x16x1x16xf32>
    %14 = linalg.generic {indexing_maps = [#map8, #map9], iterator_types = ["parallel", "parallel", "parallel", "parallel", "parallel"]} ins(%cst_6 : tensor<f32>) outs(%11 : tensor<2x4x16x1x16xf32>) {
    ^bb0(%in: f32, %out: f32):
      linalg.yield %in : f32
    } -> tensor<2x4x16x1x16xf32>
    %15 = linalg.generic {indexing_maps = [#map9, #map9, #map9], iterator_types = ["parallel", "parallel", "parallel", "parallel", "parallel"]} ins(%13, %14 : tensor<2x4x16x1x16xf32>, tensor<2x4x16x1x16xf32>) outs(%11 : tensor<2x4x16x1x16xf32>) {
    ^bb0(%in: f32, %in_18: f32, %out: f32):
      %53 = arith.mulf %in, %in_18 : f32
      linalg.yield %53 : f32
    } -> tensor<2x4x16x1x16xf32>
    %16 = tensor.empty() : tensor<2x4x16x16xi1>
    %17 = linalg.generic {indexing_maps = [#map10, #map11], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%cst_5 : tensor<i1>) outs(%16 : tensor<2x4x16x16xi1>) {
    ^bb0(%in: i1, %out: i1):
      linalg.yield %in : i1
    } -> tensor<2x4x16x16xi1>
    %18 = tensor.empty() : tensor<16x16xi1>
    %19 = linalg.generic {indexing_maps = [#map12, #map13], iterator_types = ["parallel", "parallel"]} ins(%cst_5 : tensor<i1>) outs(%18 : tensor<16x16xi1>) {
    ^bb0(%in: i1, %out: i1):
      linalg.yield %in : i1
    } -> tensor<16x16xi1>
    %20 = tensor.empty() : tensor<16xi32>
    %21 = linalg.generic {indexing_maps = [#map14], iterator_types = ["parallel"]} outs(%20 : tensor<16xi32>) {
    ^bb0(%out: i32):
      %53 = linalg.index 0 : index
      %54 = arith.index_cast %53 : index to i32
      linalg.yield %54 : i32
    } -> tensor<16xi32>
    %22 = tensor.empty() : tensor<16x16xi32>
    %23 = linalg.generic {indexing_maps = [#map15, #map13], iterator_types = ["parallel", "parallel"]} ins(%21 : tensor<16xi32>) outs(%22 : tensor<16x16xi32>) {
    ^bb0(%in: i32, %out: i32):
      linalg.yield %in : i32
    } -> tensor<16x16xi32>
    %24 = linalg.generic {indexing_maps = [#map12, #map13], iterator_types = ["parallel", "parallel"]} ins(%cst_1 : tensor<i32>) outs(%22 : tensor<16x16xi32>) {
    ^bb0(%in: i32, %out: i32):
      linalg.yield %in : i32
    } -> tensor<16x16xi32>
    %25 = linalg.generic {indexing_maps = [#map13, #map13, #map13], iterator_types = ["parallel", "parallel"]} ins(%23, %24 : tensor<16x16xi32>, tensor<16x16xi32>) outs(%22 : tensor<16x16xi32>) {
    ^bb0(%in: i32, %in_18: i32, %out: i32):
      %53 = arith.addi %in, %in_18 : i32
      linalg.yield %53 : i32
    } -> tensor<16x16xi32>
    %26 = linalg.generic {indexing_maps = [#map16, #map13], iterator_types = ["parallel", "parallel"]} ins(%21 : tensor<16xi32>) outs(%22 : tensor<16x16xi32>) {
    ^bb0(%in: i32, %out: i32):
      linalg.yield %in : i32
    } -> tensor<16x16xi32>
    %27 = linalg.generic {indexing_maps = [#map13, #map13, #map13], iterator_types = ["parallel", "parallel"]} ins(%25, %26 : tensor<16x16xi32>, tensor<16x16xi32>) outs(%18 : tensor<16x16xi1>) {
    ^bb0(%in: i32, %in_18: i32, %out: i1):
      %53 = arith.cmpi sge, %in, %in_18 : i32
      linalg.yield %53 : i1
    } -> tensor<16x16xi1>
    %28 = linalg.generic {indexing_maps = [#map12, #map13], iterator_types = ["parallel", "parallel"]} ins(%cst_2 : tensor<i1>) outs(%18 : tensor<16x16xi1>) {
    ^bb0(%in: i1, %out: i1):
      linalg.yield %in : i1
    } -> tensor<16x16xi1>
    %29 = linalg.generic {indexing_maps = [#map13, #map13, #map13, #map13], iterator_types = ["parallel", "parallel"]} ins(%27, %19, %28 : tensor<16x16xi1>, tensor<16x16xi1>, tensor<16x16xi1>) outs(%18 : tensor<16x16xi1>) {
    ^bb0(%in: i1, %in_18: i1, %in_19: i1, %out: i1):
      %53 = arith.select %in, %in_18, %in_19 : i1
      linalg.yield %53 : i1
    } -> tensor<16x16xi1>
    %expanded_12 = tensor.expand_shape %29 [[0, 1, 2], [3]] output_shape [1, 1, 16, 16] : tensor<16x16xi1> into tensor<1x1x16x16xi1>
    %30 = linalg.generic {indexing_maps = [#map17, #map11], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%expanded_12 : tensor<1x1x16x16xi1>) outs(%16 : tensor<2x4x16x16xi1>) {
    ^bb0(%in: i1, %out: i1):
      linalg.yield %in : i1
    } -> tensor<2x4x16x16xi1>
    %31 = linalg.generic {indexing_maps = [#map11, #map11, #map11], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%17, %30 : tensor<2x4x16x16xi1>, tensor<2x4x16x16xi1>) outs(%16 : tensor<2x4x16x16xi1>) {
    ^bb0(%in: i1, %in_18: i1, %out: i1):
      %53 = arith.andi %in, %in_18 : i1
      linalg.yield %53 : i1
    } -> tensor<2x4x16x16xi1>
    %expanded_13 = tensor.expand_shape %31 [[0, 1], [2], [3], [4]] output_shape [1, 2, 4, 16, 16] : tensor<2x4x16x16xi1> into tensor<1x2x4x16x16xi1>
    %32 = tensor.empty() : tensor<1x2x4x16x16xf32>
    %33 = linalg.generic {indexing_maps = [#map8, #map9], iterator_types = ["parallel", "parallel", "parallel", "parallel", "parallel"]} ins(%cst_4 : tensor<f32>) outs(%32 : tensor<1x2x4x16x16xf32>) {
    ^bb0(%in: f32, %out: f32):
      linalg.yield %in : f32
    } -> tensor<1x2x4x16x16xf32>
    %collapsed = tensor.collapse_shape %15 [[0, 1, 2, 3, 4]] : tensor<2x4x16x1x16xf32> into tensor<2048xf32>
    %expanded_14 = tensor.expand_shape %collapsed [[0, 1, 2, 3, 4]] output_shape [1, 2, 4, 16, 16] : tensor<2048xf32> into tensor<1x2x4x16x16xf32>
    %34 = linalg.generic {indexing_maps = [#map9, #map9, #map9, #map9], iterator_types = ["parallel", "parallel", "parallel", "parallel", "parallel"]} ins(%expanded_13, %expanded_14, %33 : tensor<1x2x4x16x16xi1>, tensor<1x2x4x16x16xf32>, tensor<1x2x4x16x16xf32>) outs(%32 : tensor<1x2x4x16x16xf32>) {
    ^bb0(%in: i1, %in_18: f32, %in_19: f32, %out: f32):
      %53 = arith.select %in, %in_18, %in_19 : f32
      linalg.yield %53 : f32
    } -> tensor<1x2x4x16x16xf32>
    %35 = tensor.empty() : tensor<1x2x4x16xf32>
    %36 = linalg.fill ins(%cst : f32) outs(%35 : tensor<1x2x4x16xf32>) -> tensor<1x2x4x16xf32>
    %37 = linalg.generic {indexing_maps = [#map9, #map18], iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction"]} ins(%34 : tensor<1x2x4x16x16xf32>) outs(%36 : tensor<1x2x4x16xf32>) {
    ^bb0(%in: f32, %out: f32):
      %53 = arith.maximumf %out, %in : f32
      linalg.yield %53 : f32
    } -> tensor<1x2x4x16xf32>
    %38 = linalg.generic {indexing_maps = [#map10, #map11], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%cst_3 : tensor<f32>) outs(%35 : tensor<1x2x4x16xf32>) {
    ^bb0(%in: f32, %out: f32):
      linalg.yield %in : f32
    } -> tensor<1x2x4x16xf32>
    %39 = linalg.generic {indexing_maps = [#map11, #map11, #map11], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%38, %37 : tensor<1x2x4x16xf32>, tensor<1x2x4x16xf32>) outs(%35 : tensor<1x2x4x16xf32>) {
    ^bb0(%in: f32, %in_18: f32, %out: f32):
      %53 = arith.maximumf %in, %in_18 : f32
      linalg.yield %53 : f32
    } -> tensor<1x2x4x16xf32>
    %expanded_15 = tensor.expand_shape %39 [[0], [1], [2], [3, 4]] output_shape [1, 2, 4, 16, 1] : tensor<1x2x4x16xf32> into tensor<1x2x4x16x1xf32>
    %40 = linalg.generic {indexing_maps = [#map19, #map9], iterator_types = ["parallel", "parallel", "parallel", "parallel", "parallel"]} ins(%expanded_15 : tensor<1x2x4x16x1xf32>) outs(%32 : tensor<1x2x4x16x16xf32>) {
    ^bb0(%in: f32, %out: f32):
      linalg.yield %in : f32
    } -> tensor<1x2x4x16x16xf32>
    %41 = linalg.generic {indexing_maps = [#map9, #map9, #map9], iterator_types = ["parallel", "parallel", "parallel", "parallel", "parallel"]} ins(%34, %40 : tensor<1x2x4x16x16xf32>, tensor<1x2x4x16x16xf32>) outs(%32 : tensor<1x2x4x16x16xf32>) {
    ^bb0(%in: f32, %in_18: f32, %out: f32):
      %53 = arith.subf %in, %in_18 : f32
      linalg.yield %53 : f32
    } -> tensor<1x2x4x16x16xf32>
    %42 = linalg.generic {indexing_maps = [#map9, #map9], iterator_types = ["parallel", "parallel", "parallel", "parallel", "parallel"]} ins(%41 : tensor<1x2x4x16x16xf32>) outs(%32 : tensor<1x2x4x16x16xf32>) {
    ^bb0(%in: f32, %out: f32):
      %53 = math.exp %in : f32
      linalg.yield %53 : f32
    } -> tensor<1x2x4x16x16xf32>
    %43 = linalg.fill ins(%cst_0 : f32) outs(%35 : tensor<1x2x4x16xf32>) -> tensor<1x2x4x16xf32>
    %44 = linalg.generic {indexing_maps = [#map9, #map18], iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction"]} ins(%42 : tensor<1x2x4x16x16xf32>) outs(%43 : tensor<1x2x4x16xf32>) {
    ^bb0(%in: f32, %out: f32):
      %53 = arith.addf %out, %in : f32
      linalg.yield %53 : f32
    } -> tensor<1x2x4x16xf32>
    %expanded_16 = tensor.expand_shape %44 [[0], [1], [2], [3, 4]] output_shape [1, 2, 4, 16, 1] : tensor<1x2x4x16xf32> into tensor<1x2x4x16x1xf32>
    %45 = linalg.generic {indexing_maps = [#map19, #map9], iterator_types = ["parallel", "parallel", "parallel", "parallel", "parallel"]} ins(%expanded_16 : tensor<1x2x4x16x1xf32>) outs(%32 : tensor<1x2x4x16x16xf32>) {
    ^bb0(%in: f32, %out: f32):
      linalg.yield %in : f32
    } -> tensor<1x2x4x16x16xf32>
    %46 = linalg.generic {indexing_maps = [#map9, #map9, #map9], iterator_types = ["parallel", "parallel", "parallel", "parallel", "parallel"]} ins(%42, %45 : tensor<1x2x4x16x16xf32>, tensor<1x2x4x16x16xf32>) outs(%32 : tensor<1x2x4x16x16xf32>) {
    ^bb0(%in: f32, %in_18: f32, %out: f32):
      %53 = arith.divf %in, %in_18 : f32
      linalg.yield %53 : f32
    } -> tensor<1x2x4x16x16xf32>
    %47 = tensor.empty() : tensor<2x4x8x1x16xf32>
    %48 = linalg.fill ins(%cst_0 : f32) outs(%47 : tensor<2x4x8x1x16xf32>) -> tensor<2x4x8x1x16xf32>
    %49 = linalg.generic {indexing_maps = [#map20, #map21, #map7], iterator_types = ["parallel", "parallel", "parallel", "parallel", "parallel", "reduction"]} ins(%expanded_10, %46 : tensor<2x16x4x8xf32>, tensor<1x2x4x16x16xf32>) outs(%48 : tensor<2x4x8x1x16xf32>) {
    ^bb0(%in: f32, %in_18: f32, %out: f32):
      %53 = arith.mulf %in, %in_18 : f32
      %54 = arith.addf %out, %53 : f32
      linalg.yield %54 : f32
    } -> tensor<2x4x8x1x16xf32>
    %50 = tensor.empty() : tensor<2x16x4x1x8xf32>
    %51 = linalg.generic {indexing_maps = [#map22, #map9], iterator_types = ["parallel", "parallel", "parallel", "parallel", "parallel"]} ins(%49 : tensor<2x4x8x1x16xf32>) outs(%50 : tensor<2x16x4x1x8xf32>) {
    ^bb0(%in: f32, %out: f32):
      linalg.yield %in : f32
    } -> tensor<2x16x4x1x8xf32>
    %collapsed_17 = tensor.collapse_shape %51 [[0], [1], [2, 3, 4]] : tensor<2x16x4x1x8xf32> into tensor<2x16x32xf32>
    %52 = linalg.generic {indexing_maps = [#map, #map1, #map2], iterator_types = ["parallel", "parallel", "parallel", "reduction"]} ins(%collapsed_17, %arg7 : tensor<2x16x32xf32>, tensor<32x32xf32>) outs(%1 : tensor<2x16x32xf32>) {
    ^bb0(%in: f32, %in_18: f32, %out: f32):
      %53 = arith.mulf %in, %in_18 : f32
      %54 = arith.addf %out, %53 : f32
      linalg.yield %54 : f32
    } -> tensor<2x16x32xf32>
    return %52 : tensor<2x16x32xf32>
  }
}
