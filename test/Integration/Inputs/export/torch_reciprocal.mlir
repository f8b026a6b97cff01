// The open-coded reciprocal block, gates per head, causal.
// Made by regenerate.py.
#map = affine_map<(d0, d1, d2, d3) -> (0, d1, 0, 0)>
#map1 = affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>
#map2 = affine_map<(d0) -> (d0)>
#map3 = affine_map<(d0, d1) -> (0, d1)>
#map4 = affine_map<(d0, d1) -> (d0, 0)>
#map5 = affine_map<(d0, d1) -> (d0, d1)>
#map6 = affine_map<(d0, d1, d2, d3) -> (d2, d3)>
#map7 = affine_map<(d0, d1, d2, d3) -> ()>
#map8 = affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>
#map9 = affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, 0)>
module {
  func.func @main(%arg0: tensor<2x16x32xf32>, %arg1: tensor<32x32xf32> {ra.parameter}, %arg2: tensor<32x32xf32> {ra.parameter}, %arg3: tensor<32x32xf32> {ra.parameter}, %arg4: tensor<4xf32> {ra.parameter}, %arg5: tensor<4xf32> {ra.parameter}) -> tensor<2x16x32xf32> {
    %c1_i64 = arith.constant 1 : i64
    %c0_i64 = arith.constant 0 : i64
    %cst = arith.constant 0.000000e+00 : f32
    %cst_0 = arith.constant 0xFF800000 : f32
    %cst_1 = arith.constant dense<0xFF800000> : tensor<f32>
    %cst_2 = arith.constant dense<true> : tensor<16x16xi1>
    %cst_3 = arith.constant 2.8284271247461903 : f64
    %0 = tensor.empty() : tensor<32x32xf32>
    %transposed = linalg.transpose ins(%arg1 : tensor<32x32xf32>) outs(%0 : tensor<32x32xf32>) permutation = [1, 0] 
    %collapsed = tensor.collapse_shape %arg0 [[0, 1], [2]] : tensor<2x16x32xf32> into tensor<32x32xf32>
    %1 = linalg.fill ins(%cst : f32) outs(%0 : tensor<32x32xf32>) -> tensor<32x32xf32>
    %2 = linalg.matmul ins(%collapsed, %transposed : tensor<32x32xf32>, tensor<32x32xf32>) outs(%1 : tensor<32x32xf32>) -> tensor<32x32xf32>
    %expanded = tensor.expand_shape %2 [[0, 1], [2, 3]] output_shape [2, 16, 4, 8] : tensor<32x32xf32> into tensor<2x16x4x8xf32>
    %3 = tensor.empty() : tensor<2x4x16x8xf32>
    %transposed_4 = linalg.transpose ins(%expanded : tensor<2x16x4x8xf32>) outs(%3 : tensor<2x4x16x8xf32>) permutation = [0, 2, 1, 3] 
    %transposed_5 = linalg.transpose ins(%arg2 : tensor<32x32xf32>) outs(%0 : tensor<32x32xf32>) permutation = [1, 0] 
    %4 = linalg.matmul ins(%collapsed, %transposed_5 : tensor<32x32xf32>, tensor<32x32xf32>) outs(%1 : tensor<32x32xf32>) -> tensor<32x32xf32>
    %expanded_6 = tensor.expand_shape %4 [[0, 1], [2, 3]] output_shape [2, 16, 4, 8] : tensor<32x32xf32> into tensor<2x16x4x8xf32>
    %transposed_7 = linalg.transpose ins(%expanded_6 : tensor<2x16x4x8xf32>) outs(%3 : tensor<2x4x16x8xf32>) permutation = [0, 2, 1, 3] 
    %transposed_8 = linalg.transpose ins(%arg3 : tensor<32x32xf32>) outs(%0 : tensor<32x32xf32>) permutation = [1, 0] 
    %5 = linalg.matmul ins(%collapsed, %transposed_8 : tensor<32x32xf32>, tensor<32x32xf32>) outs(%1 : tensor<32x32xf32>) -> tensor<32x32xf32>
    %expanded_9 = tensor.expand_shape %5 [[0, 1], [2, 3]] output_shape [2, 16, 4, 8] : tensor<32x32xf32> into tensor<2x16x4x8xf32>
    %transposed_10 = linalg.transpose ins(%expanded_9 : tensor<2x16x4x8xf32>) outs(%3 : tensor<2x4x16x8xf32>) permutation = [0, 2, 1, 3] 
    %extracted_slice = tensor.extract_slice %transposed_4[0, 0, 0, 0] [2, 4, 16, 6] [1, 1, 1, 1] : tensor<2x4x16x8xf32> to tensor<2x4x16x6xf32>
    %extracted_slice_11 = tensor.extract_slice %transposed_7[0, 0, 0, 0] [2, 4, 16, 6] [1, 1, 1, 1] : tensor<2x4x16x8xf32> to tensor<2x4x16x6xf32>
    %6 = tensor.empty() : tensor<2x4x6x16xf32>
    %transposed_12 = linalg.transpose ins(%extracted_slice_11 : tensor<2x4x16x6xf32>) outs(%6 : tensor<2x4x6x16xf32>) permutation = [0, 1, 3, 2] 
    %collapsed_13 = tensor.collapse_shape %extracted_slice [[0, 1], [2], [3]] : tensor<2x4x16x6xf32> into tensor<8x16x6xf32>
    %collapsed_14 = tensor.collapse_shape %transposed_12 [[0, 1], [2], [3]] : tensor<2x4x6x16xf32> into tensor<8x6x16xf32>
    %7 = tensor.empty() : tensor<8x16x16xf32>
    %8 = linalg.fill ins(%cst : f32) outs(%7 : tensor<8x16x16xf32>) -> tensor<8x16x16xf32>
    %9 = linalg.batch_matmul ins(%collapsed_13, %collapsed_14 : tensor<8x16x6xf32>, tensor<8x6x16xf32>) outs(%8 : tensor<8x16x16xf32>) -> tensor<8x16x16xf32>
    %expanded_15 = tensor.expand_shape %9 [[0, 1], [2], [3]] output_shape [2, 4, 16, 16] : tensor<8x16x16xf32> into tensor<2x4x16x16xf32>
    %extracted_slice_16 = tensor.extract_slice %transposed_7[0, 0, 0, 6] [2, 4, 16, 2] [1, 1, 1, 1] : tensor<2x4x16x8xf32> to tensor<2x4x16x2xf32>
    %extracted_slice_17 = tensor.extract_slice %transposed_4[0, 0, 0, 6] [2, 4, 16, 2] [1, 1, 1, 1] : tensor<2x4x16x8xf32> to tensor<2x4x16x2xf32>
    %10 = tensor.empty() : tensor<2x4x2x16xf32>
    %transposed_18 = linalg.transpose ins(%extracted_slice_17 : tensor<2x4x16x2xf32>) outs(%10 : tensor<2x4x2x16xf32>) permutation = [0, 1, 3, 2] 
    %collapsed_19 = tensor.collapse_shape %extracted_slice_16 [[0, 1], [2], [3]] : tensor<2x4x16x2xf32> into tensor<8x16x2xf32>
    %collapsed_20 = tensor.collapse_shape %transposed_18 [[0, 1], [2], [3]] : tensor<2x4x2x16xf32> into tensor<8x2x16xf32>
    %11 = linalg.batch_matmul ins(%collapsed_19, %collapsed_20 : tensor<8x16x2xf32>, tensor<8x2x16xf32>) outs(%8 : tensor<8x16x16xf32>) -> tensor<8x16x16xf32>
    %expanded_21 = tensor.expand_shape %11 [[0, 1], [2], [3]] output_shape [2, 4, 16, 16] : tensor<8x16x16xf32> into tensor<2x4x16x16xf32>
    %expanded_22 = tensor.expand_shape %arg4 [[0, 1, 2, 3]] output_shape [1, 4, 1, 1] : tensor<4xf32> into tensor<1x4x1x1xf32>
    %12 = tensor.empty() : tensor<2x4x16x16xf32>
    %13 = linalg.generic {indexing_maps = [#map, #map1, #map1], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%expanded_22, %expanded_15 : tensor<1x4x1x1xf32>, tensor<2x4x16x16xf32>) outs(%12 : tensor<2x4x16x16xf32>) {
    ^bb0(%in: f32, %in_32: f32, %out: f32):
      %40 = arith.mulf %in, %in_32 : f32
      linalg.yield %40 : f32
    } -> tensor<2x4x16x16xf32>
    %expanded_23 = tensor.expand_shape %arg5 [[0, 1, 2, 3]] output_shape [1, 4, 1, 1] : tensor<4xf32> into tensor<1x4x1x1xf32>
    %14 = linalg.generic {indexing_maps = [#map, #map1, #map1], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%expanded_23, %expanded_21 : tensor<1x4x1x1xf32>, tensor<2x4x16x16xf32>) outs(%12 : tensor<2x4x16x16xf32>) {
    ^bb0(%in: f32, %in_32: f32, %out: f32):
      %40 = arith.mulf %in, %in_32 : f32
      linalg.yield %40 : f32
    } -> tensor<2x4x16x16xf32>
    %15 = linalg.generic {indexing_maps = [#map1, #map1, #map1], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%13, %14 : tensor<2x4x16x16xf32>, tensor<2x4x16x16xf32>) outs(%12 : tensor<2x4x16x16xf32>) {
    ^bb0(%in: f32, %in_32: f32, %out: f32):
      %40 = arith.addf %in, %in_32 : f32
      linalg.yield %40 : f32
    } -> tensor<2x4x16x16xf32>
    %16 = linalg.generic {indexing_maps = [#map1, #map1], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%15 : tensor<2x4x16x16xf32>) outs(%12 : tensor<2x4x16x16xf32>) {
    ^bb0(%in: f32, %out: f32):
      %40 = arith.truncf %cst_3 : f64 to f32
      %41 = arith.divf %in, %40 : f32
      linalg.yield %41 : f32
    } -> tensor<2x4x16x16xf32>
    %17 = tensor.empty() : tensor<16xi64>
    %18 = linalg.generic {indexing_maps = [#map2], iterator_types = ["parallel"]} outs(%17 : tensor<16xi64>) {
    ^bb0(%out: i64):
      %40 = linalg.index 0 : index
      %41 = arith.index_cast %40 : index to i64
      linalg.yield %41 : i64
    } -> tensor<16xi64>
    %expanded_24 = tensor.expand_shape %18 [[0, 1]] output_shape [1, 16] : tensor<16xi64> into tensor<1x16xi64>
    %expanded_25 = tensor.expand_shape %18 [[0, 1]] output_shape [16, 1] : tensor<16xi64> into tensor<16x1xi64>
    %19 = tensor.empty() : tensor<16x16xi64>
    %20 = linalg.generic {indexing_maps = [#map3, #map4, #map5], iterator_types = ["parallel", "parallel"]} ins(%expanded_24, %expanded_25 : tensor<1x16xi64>, tensor<16x1xi64>) outs(%19 : tensor<16x16xi64>) {
    ^bb0(%in: i64, %in_32: i64, %out: i64):
      %40 = arith.subi %in, %in_32 : i64
      linalg.yield %40 : i64
    } -> tensor<16x16xi64>
    %21 = tensor.empty() : tensor<16x16xi1>
    %22 = linalg.generic {indexing_maps = [#map5, #map5], iterator_types = ["parallel", "parallel"]} ins(%20 : tensor<16x16xi64>) outs(%21 : tensor<16x16xi1>) {
    ^bb0(%in: i64, %out: i1):
      %40 = arith.cmpi sge, %in, %c1_i64 : i64
      linalg.yield %40 : i1
    } -> tensor<16x16xi1>
    %23 = linalg.generic {indexing_maps = [#map5, #map5, #map5], iterator_types = ["parallel", "parallel"]} ins(%22, %cst_2 : tensor<16x16xi1>, tensor<16x16xi1>) outs(%21 : tensor<16x16xi1>) {
    ^bb0(%in: i1, %in_32: i1, %out: i1):
      %40 = arith.andi %in, %in_32 : i1
      linalg.yield %40 : i1
    } -> tensor<16x16xi1>
    %24 = linalg.generic {indexing_maps = [#map6, #map7, #map1, #map1], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%23, %cst_1, %16 : tensor<16x16xi1>, tensor<f32>, tensor<2x4x16x16xf32>) outs(%12 : tensor<2x4x16x16xf32>) {
    ^bb0(%in: i1, %in_32: f32, %in_33: f32, %out: f32):
      %40 = arith.select %in, %in_32, %in_33 : f32
      linalg.yield %40 : f32
    } -> tensor<2x4x16x16xf32>
    %25 = tensor.empty() : tensor<2x4x16xi64>
    %26 = linalg.fill ins(%c0_i64 : i64) outs(%25 : tensor<2x4x16xi64>) -> tensor<2x4x16xi64>
    %27 = tensor.empty() : tensor<2x4x16xf32>
    %28 = linalg.fill ins(%cst_0 : f32) outs(%27 : tensor<2x4x16xf32>) -> tensor<2x4x16xf32>
    %29:2 = linalg.generic {indexing_maps = [#map1, #map8, #map8], iterator_types = ["parallel", "parallel", "parallel", "reduction"]} ins(%24 : tensor<2x4x16x16xf32>) outs(%28, %26 : tensor<2x4x16xf32>, tensor<2x4x16xi64>) {
    ^bb0(%in: f32, %out: f32, %out_32: i64):
      %40 = linalg.index 3 : index
      %41 = arith.index_cast %40 : index to i64
      %42 = arith.maximumf %in, %out : f32
      %43 = arith.cmpf ogt, %in, %out : f32
      %44 = arith.select %43, %41, %out_32 : i64
      linalg.yield %42, %44 : f32, i64
    } -> (tensor<2x4x16xf32>, tensor<2x4x16xi64>)
    %expanded_26 = tensor.expand_shape %29#0 [[0], [1], [2, 3]] output_shape [2, 4, 16, 1] : tensor<2x4x16xf32> into tensor<2x4x16x1xf32>
    %30 = linalg.generic {indexing_maps = [#map1, #map9, #map1], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%24, %expanded_26 : tensor<2x4x16x16xf32>, tensor<2x4x16x1xf32>) outs(%12 : tensor<2x4x16x16xf32>) {
    ^bb0(%in: f32, %in_32: f32, %out: f32):
      %40 = arith.subf %in, %in_32 : f32
      linalg.yield %40 : f32
    } -> tensor<2x4x16x16xf32>
    %31 = linalg.generic {indexing_maps = [#map1, #map1], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%30 : tensor<2x4x16x16xf32>) outs(%12 : tensor<2x4x16x16xf32>) {
    ^bb0(%in: f32, %out: f32):
      %40 = math.exp %in : f32
      linalg.yield %40 : f32
    } -> tensor<2x4x16x16xf32>
    %32 = tensor.empty() : tensor<2x4x16x1xf32>
    %33 = linalg.fill ins(%cst : f32) outs(%32 : tensor<2x4x16x1xf32>) -> tensor<2x4x16x1xf32>
    %34 = linalg.generic {indexing_maps = [#map1, #map9], iterator_types = ["parallel", "parallel", "parallel", "reduction"]} ins(%31 : tensor<2x4x16x16xf32>) outs(%33 : tensor<2x4x16x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %40 = arith.addf %in, %out : f32
      linalg.yield %40 : f32
    } -> tensor<2x4x16x1xf32>
    %35 = linalg.generic {indexing_maps = [#map1, #map9, #map1], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%31, %34 : tensor<2x4x16x16xf32>, tensor<2x4x16x1xf32>) outs(%12 : tensor<2x4x16x16xf32>) {
    ^bb0(%in: f32, %in_32: f32, %out: f32):
      %40 = arith.divf %in, %in_32 : f32
      linalg.yield %40 : f32
    } -> tensor<2x4x16x16xf32>
    %collapsed_27 = tensor.collapse_shape %35 [[0, 1], [2], [3]] : tensor<2x4x16x16xf32> into tensor<8x16x16xf32>
    %collapsed_28 = tensor.collapse_shape %transposed_10 [[0, 1], [2], [3]] : tensor<2x4x16x8xf32> into tensor<8x16x8xf32>
    %36 = tensor.empty() : tensor<8x16x8xf32>
    %37 = linalg.fill ins(%cst : f32) outs(%36 : tensor<8x16x8xf32>) -> tensor<8x16x8xf32>
    %38 = linalg.batch_matmul ins(%collapsed_27, %collapsed_28 : tensor<8x16x16xf32>, tensor<8x16x8xf32>) outs(%37 : tensor<8x16x8xf32>) -> tensor<8x16x8xf32>
    %expanded_29 = tensor.expand_shape %38 [[0, 1], [2], [3]] output_shape [2, 4, 16, 8] : tensor<8x16x8xf32> into tensor<2x4x16x8xf32>
    %39 = tensor.empty() : tensor<2x16x4x8xf32>
    %transposed_30 = linalg.transpose ins(%expanded_29 : tensor<2x4x16x8xf32>) outs(%39 : tensor<2x16x4x8xf32>) permutation = [0, 2, 1, 3] 
    %collapsed_31 = tensor.collapse_shape %transposed_30 [[0], [1], [2, 3]] : tensor<2x16x4x8xf32> into tensor<2x16x32xf32>
    return %collapsed_31 : tensor<2x16x32xf32>
  }
}
