// Three projections, causal attention, output projection.
// Made by regenerate.py.
#map = affine_map<(d0, d1) -> (d1)>
#map1 = affine_map<(d0, d1) -> (d0, d1)>
#map2 = affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>
#map3 = affine_map<(d0) -> (d0)>
#map4 = affine_map<(d0, d1) -> (0, d1)>
#map5 = affine_map<(d0, d1) -> (d0, 0)>
#map6 = affine_map<(d0, d1) -> ()>
#map7 = affine_map<(d0, d1, d2, d3) -> (d2, d3)>
#map8 = affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>
#map9 = affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, 0)>
#map10 = affine_map<(d0, d1, d2) -> (d1, d2)>
#map11 = affine_map<(d0, d1, d2) -> (d0, d1, d2)>
#map12 = affine_map<(d0, d1, d2) -> (d2)>
module {
  func.func @main(%arg0: tensor<2x16x32xf32>, %arg1: tensor<32x32xf32> {ra.parameter}, %arg2: tensor<32xf32> {ra.parameter}, %arg3: tensor<32x32xf32> {ra.parameter}, %arg4: tensor<32xf32> {ra.parameter}, %arg5: tensor<32x32xf32> {ra.parameter}, %arg6: tensor<32xf32> {ra.parameter}, %arg7: tensor<32x32xf32> {ra.parameter}, %arg8: tensor<32xf32> {ra.parameter}) -> tensor<2x16x32xf32> {
    %c0_i64 = arith.constant 0 : i64
    %cst = arith.constant 0.000000e+00 : f32
    %cst_0 = arith.constant 0xFF800000 : f32
    %true = arith.constant true
    %cst_1 = arith.constant dense<0.000000e+00> : tensor<2x4x16x16xf32>
    %cst_2 = arith.constant dense<0.000000e+00> : tensor<f32>
    %cst_3 = arith.constant dense<0xFF800000> : tensor<f32>
    %cst_4 = arith.constant dense<true> : tensor<16x16xi1>
    %cst_5 = arith.constant 0xFFF0000000000000 : f64
    %cst_6 = arith.constant 0.59460355750136051 : f64
    %collapsed = tensor.collapse_shape %arg0 [[0, 1], [2]] : tensor<2x16x32xf32> into tensor<32x32xf32>
    %0 = tensor.empty() : tensor<32x32xf32>
    %transposed = linalg.transpose ins(%arg1 : tensor<32x32xf32>) outs(%0 : tensor<32x32xf32>) permutation = [1, 0] 
    %1 = linalg.fill ins(%cst : f32) outs(%0 : tensor<32x32xf32>) -> tensor<32x32xf32>
    %2 = linalg.matmul ins(%collapsed, %transposed : tensor<32x32xf32>, tensor<32x32xf32>) outs(%1 : tensor<32x32xf32>) -> tensor<32x32xf32>
    %3 = linalg.generic {indexing_maps = [#map, #map1], iterator_types = ["parallel", "parallel"]} ins(%arg2 : tensor<32xf32>) outs(%0 : tensor<32x32xf32>) {
    ^bb0(%in: f32, %out: f32):
      linalg.yield %in : f32
    } -> tensor<32x32xf32>
    %4 = linalg.generic {indexing_maps = [#map1, #map1, #map1], iterator_types = ["parallel", "parallel"]} ins(%2, %3 : tensor<32x32xf32>, tensor<32x32xf32>) outs(%0 : tensor<32x32xf32>) {
    ^bb0(%in: f32, %in_26: f32, %out: f32):
      %56 = arith.addf %in, %in_26 : f32
      linalg.yield %56 : f32
    } -> tensor<32x32xf32>
    %expanded = tensor.expand_shape %4 [[0, 1], [2, 3]] output_shape [2, 16, 4, 8] : tensor<32x32xf32> into tensor<2x16x4x8xf32>
    %5 = tensor.empty() : tensor<2x4x16x8xf32>
    %transposed_7 = linalg.transpose ins(%expanded : tensor<2x16x4x8xf32>) outs(%5 : tensor<2x4x16x8xf32>) permutation = [0, 2, 1, 3] 
    %transposed_8 = linalg.transpose ins(%arg3 : tensor<32x32xf32>) outs(%0 : tensor<32x32xf32>) permutation = [1, 0] 
    %6 = linalg.matmul ins(%collapsed, %transposed_8 : tensor<32x32xf32>, tensor<32x32xf32>) outs(%1 : tensor<32x32xf32>) -> tensor<32x32xf32>
    %7 = linalg.generic {indexing_maps = [#map, #map1], iterator_types = ["parallel", "parallel"]} ins(%arg4 : tensor<32xf32>) outs(%0 : tensor<32x32xf32>) {
    ^bb0(%in: f32, %out: f32):
      linalg.yield %in : f32
    } -> tensor<32x32xf32>
    %8 = linalg.generic {indexing_maps = [#map1, #map1, #map1], iterator_types = ["parallel", "parallel"]} ins(%6, %7 : tensor<32x32xf32>, tensor<32x32xf32>) outs(%0 : tensor<32x32xf32>) {
    ^bb0(%in: f32, %in_26: f32, %out: f32):
      %56 = arith.addf %in, %in_26 : f32
      linalg.yield %56 : f32
    } -> tensor<32x32xf32>
    %expanded_9 = tensor.expand_shape %8 [[0, 1], [2, 3]] output_shape [2, 16, 4, 8] : tensor<32x32xf32> into tensor<2x16x4x8xf32>
    %transposed_10 = linalg.transpose ins(%arg5 : tensor<32x32xf32>) outs(%0 : tensor<32x32xf32>) permutation = [1, 0] 
    %9 = linalg.matmul ins(%collapsed, %transposed_10 : tensor<32x32xf32>, tensor<32x32xf32>) outs(%1 : tensor<32x32xf32>) -> tensor<32x32xf32>
    %10 = linalg.generic {indexing_maps = [#map, #map1], iterator_types = ["parallel", "parallel"]} ins(%arg6 : tensor<32xf32>) outs(%0 : tensor<32x32xf32>) {
    ^bb0(%in: f32, %out: f32):
      linalg.yield %in : f32
    } -> tensor<32x32xf32>
    %11 = linalg.generic {indexing_maps = [#map1, #map1, #map1], iterator_types = ["parallel", "parallel"]} ins(%9, %10 : tensor<32x32xf32>, tensor<32x32xf32>) outs(%0 : tensor<32x32xf32>) {
    ^bb0(%in: f32, %in_26: f32, %out: f32):
      %56 = arith.addf %in, %in_26 : f32
      linalg.yield %56 : f32
    } -> tensor<32x32xf32>
    %expanded_11 = tensor.expand_shape %11 [[0, 1], [2, 3]] output_shape [2, 16, 4, 8] : tensor<32x32xf32> into tensor<2x16x4x8xf32>
    %transposed_12 = linalg.transpose ins(%expanded_11 : tensor<2x16x4x8xf32>) outs(%5 : tensor<2x4x16x8xf32>) permutation = [0, 2, 1, 3] 
    %12 = linalg.generic {indexing_maps = [#map2, #map2], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%transposed_7 : tensor<2x4x16x8xf32>) outs(%5 : tensor<2x4x16x8xf32>) {
    ^bb0(%in: f32, %out: f32):
      %56 = arith.truncf %cst_6 : f64 to f32
      %57 = arith.mulf %in, %56 : f32
      linalg.yield %57 : f32
    } -> tensor<2x4x16x8xf32>
    %13 = tensor.empty() : tensor<16xi64>
    %14 = linalg.generic {indexing_maps = [#map3], iterator_types = ["parallel"]} outs(%13 : tensor<16xi64>) {
    ^bb0(%out: i64):
      %56 = linalg.index 0 : index
      %57 = arith.index_cast %56 : index to i64
      linalg.yield %57 : i64
    } -> tensor<16xi64>
    %expanded_13 = tensor.expand_shape %14 [[0, 1]] output_shape [1, 16] : tensor<16xi64> into tensor<1x16xi64>
    %expanded_14 = tensor.expand_shape %14 [[0, 1]] output_shape [16, 1] : tensor<16xi64> into tensor<16x1xi64>
    %15 = tensor.empty() : tensor<16x16xi64>
    %16 = linalg.generic {indexing_maps = [#map4, #map5, #map1], iterator_types = ["parallel", "parallel"]} ins(%expanded_13, %expanded_14 : tensor<1x16xi64>, tensor<16x1xi64>) outs(%15 : tensor<16x16xi64>) {
    ^bb0(%in: i64, %in_26: i64, %out: i64):
      %56 = arith.subi %in, %in_26 : i64
      linalg.yield %56 : i64
    } -> tensor<16x16xi64>
    %17 = tensor.empty() : tensor<16x16xi1>
    %18 = linalg.generic {indexing_maps = [#map1, #map1], iterator_types = ["parallel", "parallel"]} ins(%16 : tensor<16x16xi64>) outs(%17 : tensor<16x16xi1>) {
    ^bb0(%in: i64, %out: i1):
      %56 = arith.cmpi sle, %in, %c0_i64 : i64
      linalg.yield %56 : i1
    } -> tensor<16x16xi1>
    %19 = linalg.generic {indexing_maps = [#map1, #map1, #map1], iterator_types = ["parallel", "parallel"]} ins(%18, %cst_4 : tensor<16x16xi1>, tensor<16x16xi1>) outs(%17 : tensor<16x16xi1>) {
    ^bb0(%in: i1, %in_26: i1, %out: i1):
      %56 = arith.andi %in, %in_26 : i1
      linalg.yield %56 : i1
    } -> tensor<16x16xi1>
    %20 = tensor.empty() : tensor<16x16xf32>
    %21 = linalg.generic {indexing_maps = [#map1, #map6, #map6, #map1], iterator_types = ["parallel", "parallel"]} ins(%19, %cst_2, %cst_3 : tensor<16x16xi1>, tensor<f32>, tensor<f32>) outs(%20 : tensor<16x16xf32>) {
    ^bb0(%in: i1, %in_26: f32, %in_27: f32, %out: f32):
      %56 = arith.select %in, %in_26, %in_27 : f32
      linalg.yield %56 : f32
    } -> tensor<16x16xf32>
    %22 = tensor.empty() : tensor<2x4x8x16xf32>
    %transposed_15 = linalg.transpose ins(%expanded_9 : tensor<2x16x4x8xf32>) outs(%22 : tensor<2x4x8x16xf32>) permutation = [0, 2, 3, 1] 
    %23 = linalg.generic {indexing_maps = [#map2, #map2], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%transposed_15 : tensor<2x4x8x16xf32>) outs(%22 : tensor<2x4x8x16xf32>) {
    ^bb0(%in: f32, %out: f32):
      %56 = arith.truncf %cst_6 : f64 to f32
      %57 = arith.mulf %in, %56 : f32
      linalg.yield %57 : f32
    } -> tensor<2x4x8x16xf32>
    %collapsed_16 = tensor.collapse_shape %12 [[0, 1], [2], [3]] : tensor<2x4x16x8xf32> into tensor<8x16x8xf32>
    %collapsed_17 = tensor.collapse_shape %23 [[0, 1], [2], [3]] : tensor<2x4x8x16xf32> into tensor<8x8x16xf32>
    %24 = tensor.empty() : tensor<8x16x16xf32>
    %25 = linalg.fill ins(%cst : f32) outs(%24 : tensor<8x16x16xf32>) -> tensor<8x16x16xf32>
    %26 = linalg.batch_matmul ins(%collapsed_16, %collapsed_17 : tensor<8x16x8xf32>, tensor<8x8x16xf32>) outs(%25 : tensor<8x16x16xf32>) -> tensor<8x16x16xf32>
    %expanded_18 = tensor.expand_shape %26 [[0, 1], [2], [3]] output_shape [2, 4, 16, 16] : tensor<8x16x16xf32> into tensor<2x4x16x16xf32>
    %27 = tensor.empty() : tensor<2x4x16x16xf32>
    %28 = linalg.generic {indexing_maps = [#map2, #map7, #map2], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%expanded_18, %21 : tensor<2x4x16x16xf32>, tensor<16x16xf32>) outs(%27 : tensor<2x4x16x16xf32>) {
    ^bb0(%in: f32, %in_26: f32, %out: f32):
      %56 = arith.addf %in, %in_26 : f32
      linalg.yield %56 : f32
    } -> tensor<2x4x16x16xf32>
    %29 = tensor.empty() : tensor<2x4x16xi64>
    %30 = linalg.fill ins(%c0_i64 : i64) outs(%29 : tensor<2x4x16xi64>) -> tensor<2x4x16xi64>
    %31 = tensor.empty() : tensor<2x4x16xf32>
    %32 = linalg.fill ins(%cst_0 : f32) outs(%31 : tensor<2x4x16xf32>) -> tensor<2x4x16xf32>
    %33:2 = linalg.generic {indexing_maps = [#map2, #map8, #map8], iterator_types = ["parallel", "parallel", "parallel", "reduction"]} ins(%28 : tensor<2x4x16x16xf32>) outs(%32, %30 : tensor<2x4x16xf32>, tensor<2x4x16xi64>) {
    ^bb0(%in: f32, %out: f32, %out_26: i64):
      %56 = linalg.index 3 : index
      %57 = arith.index_cast %56 : index to i64
      %58 = arith.maximumf %in, %out : f32
      %59 = arith.cmpf ogt, %in, %out : f32
      %60 = arith.select %59, %57, %out_26 : i64
      linalg.yield %58, %60 : f32, i64
    } -> (tensor<2x4x16xf32>, tensor<2x4x16xi64>)
    %expanded_19 = tensor.expand_shape %33#0 [[0], [1], [2, 3]] output_shape [2, 4, 16, 1] : tensor<2x4x16xf32> into tensor<2x4x16x1xf32>
    %34 = linalg.generic {indexing_maps = [#map2, #map9, #map2], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%28, %expanded_19 : tensor<2x4x16x16xf32>, tensor<2x4x16x1xf32>) outs(%27 : tensor<2x4x16x16xf32>) {
    ^bb0(%in: f32, %in_26: f32, %out: f32):
      %56 = arith.subf %in, %in_26 : f32
      linalg.yield %56 : f32
    } -> tensor<2x4x16x16xf32>
    %35 = linalg.generic {indexing_maps = [#map2, #map2], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%34 : tensor<2x4x16x16xf32>) outs(%27 : tensor<2x4x16x16xf32>) {
    ^bb0(%in: f32, %out: f32):
      %56 = math.exp %in : f32
      linalg.yield %56 : f32
    } -> tensor<2x4x16x16xf32>
    %36 = tensor.empty() : tensor<2x4x16x1xf32>
    %37 = linalg.fill ins(%cst : f32) outs(%36 : tensor<2x4x16x1xf32>) -> tensor<2x4x16x1xf32>
    %38 = linalg.generic {indexing_maps = [#map2, #map9], iterator_types = ["parallel", "parallel", "parallel", "reduction"]} ins(%35 : tensor<2x4x16x16xf32>) outs(%37 : tensor<2x4x16x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %56 = arith.addf %in, %out : f32
      linalg.yield %56 : f32
    } -> tensor<2x4x16x1xf32>
    %39 = linalg.generic {indexing_maps = [#map2, #map9, #map2], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%35, %38 : tensor<2x4x16x16xf32>, tensor<2x4x16x1xf32>) outs(%27 : tensor<2x4x16x16xf32>) {
    ^bb0(%in: f32, %in_26: f32, %out: f32):
      %56 = arith.divf %in, %in_26 : f32
      linalg.yield %56 : f32
    } -> tensor<2x4x16x16xf32>
    %40 = tensor.empty() : tensor<2x4x16x16xi1>
    %41 = linalg.generic {indexing_maps = [#map2, #map2], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%28 : tensor<2x4x16x16xf32>) outs(%40 : tensor<2x4x16x16xi1>) {
    ^bb0(%in: f32, %out: i1):
      %56 = arith.extf %in : f32 to f64
      %57 = arith.cmpf oeq, %56, %cst_5 : f64
      linalg.yield %57 : i1
    } -> tensor<2x4x16x16xi1>
    %42 = tensor.empty() : tensor<2x4x16x1xi1>
    %43 = linalg.fill ins(%true : i1) outs(%42 : tensor<2x4x16x1xi1>) -> tensor<2x4x16x1xi1>
    %44 = linalg.generic {indexing_maps = [#map2, #map9], iterator_types = ["parallel", "parallel", "parallel", "reduction"]} ins(%41 : tensor<2x4x16x16xi1>) outs(%43 : tensor<2x4x16x1xi1>) {
    ^bb0(%in: i1, %out: i1):
      %56 = arith.andi %in, %out : i1
      linalg.yield %56 : i1
    } -> tensor<2x4x16x1xi1>
    %45 = linalg.generic {indexing_maps = [#map9, #map2, #map2, #map2], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%44, %cst_1, %39 : tensor<2x4x16x1xi1>, tensor<2x4x16x16xf32>, tensor<2x4x16x16xf32>) outs(%27 : tensor<2x4x16x16xf32>) {
    ^bb0(%in: i1, %in_26: f32, %in_27: f32, %out: f32):
      %56 = arith.select %in, %in_26, %in_27 : f32
      linalg.yield %56 : f32
    } -> tensor<2x4x16x16xf32>
    %collapsed_20 = tensor.collapse_shape %45 [[0, 1], [2], [3]] : tensor<2x4x16x16xf32> into tensor<8x16x16xf32>
    %collapsed_21 = tensor.collapse_shape %transposed_12 [[0, 1], [2], [3]] : tensor<2x4x16x8xf32> into tensor<8x16x8xf32>
    %46 = tensor.empty() : tensor<8x16x8xf32>
    %47 = linalg.fill ins(%cst : f32) outs(%46 : tensor<8x16x8xf32>) -> tensor<8x16x8xf32>
    %48 = linalg.batch_matmul ins(%collapsed_20, %collapsed_21 : tensor<8x16x16xf32>, tensor<8x16x8xf32>) outs(%47 : tensor<8x16x8xf32>) -> tensor<8x16x8xf32>
    %expanded_22 = tensor.expand_shape %48 [[0, 1], [2], [3]] output_shape [2, 4, 16, 8] : tensor<8x16x8xf32> into tensor<2x4x16x8xf32>
    %49 = tensor.empty() : tensor<2x16x4x8xf32>
    %transposed_23 = linalg.transpose ins(%expanded_22 : tensor<2x4x16x8xf32>) outs(%49 : tensor<2x16x4x8xf32>) permutation = [0, 2, 1, 3] 
    %collapsed_24 = tensor.collapse_shape %transposed_23 [[0], [1], [2, 3]] : tensor<2x16x4x8xf32> into tensor<2x16x32xf32>
    %transposed_25 = linalg.transpose ins(%arg7 : tensor<32x32xf32>) outs(%0 : tensor<32x32xf32>) permutation = [1, 0] 
    %50 = tensor.empty() : tensor<2x32x32xf32>
    %51 = linalg.generic {indexing_maps = [#map10, #map11], iterator_types = ["parallel", "parallel", "parallel"]} ins(%transposed_25 : tensor<32x32xf32>) outs(%50 : tensor<2x32x32xf32>) {
    ^bb0(%in: f32, %out: f32):
      linalg.yield %in : f32
    } -> tensor<2x32x32xf32>
    %52 = tensor.empty() : tensor<2x16x32xf32>
    %53 = linalg.fill ins(%cst : f32) outs(%52 : tensor<2x16x32xf32>) -> tensor<2x16x32xf32>
    %54 = linalg.batch_matmul ins(%collapsed_24, %51 : tensor<2x16x32xf32>, tensor<2x32x32xf32>) outs(%53 : tensor<2x16x32xf32>) -> tensor<2x16x32xf32>
    %55 = linalg.generic {indexing_maps = [#map11, #map12, #map11], iterator_types = ["parallel", "parallel", "parallel"]} ins(%54, %arg8 : tensor<2x16x32xf32>, tensor<32xf32>) outs(%52 : tensor<2x16x32xf32>) {
    ^bb0(%in: f32, %in_26: f32, %out: f32):
      %56 = arith.addf %in, %in_26 : f32
      linalg.yield %56 : f32
    } -> tensor<2x16x32xf32>
    return %55 : tensor<2x16x32xf32>
  }
}
