// One packed projection, split; attention; output projection.
// Made by regenerate.py.
#map = affine_map<(d0, d1) -> (d1)>
#map1 = affine_map<(d0, d1) -> (d0, d1)>
#map2 = affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>
#map3 = affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>
#map4 = affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, 0)>
#map5 = affine_map<(d0, d1, d2) -> (d1, d2)>
#map6 = affine_map<(d0, d1, d2) -> (d0, d1, d2)>
module {
  func.func @main(%arg0: tensor<2x16x32xf32>, %arg1: tensor<96x32xf32> {ra.parameter}, %arg2: tensor<96xf32> {ra.parameter}, %arg3: tensor<32x32xf32> {ra.parameter}) -> tensor<2x16x32xf32> {
    %c0_i64 = arith.constant 0 : i64
    %cst = arith.constant 0.000000e+00 : f32
    %cst_0 = arith.constant 0xFF800000 : f32
    %true = arith.constant true
    %cst_1 = arith.constant dense<0.000000e+00> : tensor<2x4x16x16xf32>
    %cst_2 = arith.constant 0xFFF0000000000000 : f64
    %cst_3 = arith.constant 0.59460355750136051 : f64
    %collapsed = tensor.collapse_shape %arg0 [[0, 1], [2]] : tensor<2x16x32xf32> into tensor<32x32xf32>
    %0 = tensor.empty() : tensor<32x96xf32>
    %transposed = linalg.transpose ins(%arg1 : tensor<96x32xf32>) outs(%0 : tensor<32x96xf32>) permutation = [1, 0] 
    %1 = linalg.fill ins(%cst : f32) outs(%0 : tensor<32x96xf32>) -> tensor<32x96xf32>
    %2 = linalg.matmul ins(%collapsed, %transposed : tensor<32x32xf32>, tensor<32x96xf32>) outs(%1 : tensor<32x96xf32>) -> tensor<32x96xf32>
    %3 = linalg.generic {indexing_maps = [#map, #map1], iterator_types = ["parallel", "parallel"]} ins(%arg2 : tensor<96xf32>) outs(%0 : tensor<32x96xf32>) {
    ^bb0(%in: f32, %out: f32):
      linalg.yield %in : f32
    } -> tensor<32x96xf32>
    %4 = linalg.generic {indexing_maps = [#map1, #map1, #map1], iterator_types = ["parallel", "parallel"]} ins(%2, %3 : tensor<32x96xf32>, tensor<32x96xf32>) outs(%0 : tensor<32x96xf32>) {
    ^bb0(%in: f32, %in_22: f32, %out: f32):
      %40 = arith.addf %in, %in_22 : f32
      linalg.yield %40 : f32
    } -> tensor<32x96xf32>
    %expanded = tensor.expand_shape %4 [[0, 1], [2]] output_shape [2, 16, 96] : tensor<32x96xf32> into tensor<2x16x96xf32>
    %extracted_slice = tensor.extract_slice %expanded[0, 0, 0] [2, 16, 32] [1, 1, 1] : tensor<2x16x96xf32> to tensor<2x16x32xf32>
    %extracted_slice_4 = tensor.extract_slice %expanded[0, 0, 32] [2, 16, 32] [1, 1, 1] : tensor<2x16x96xf32> to tensor<2x16x32xf32>
    %extracted_slice_5 = tensor.extract_slice %expanded[0, 0, 64] [2, 16, 32] [1, 1, 1] : tensor<2x16x96xf32> to tensor<2x16x32xf32>
    %expanded_6 = tensor.expand_shape %extracted_slice [[0], [1], [2, 3]] output_shape [2, 16, 4, 8] : tensor<2x16x32xf32> into tensor<2x16x4x8xf32>
    %5 = tensor.empty() : tensor<2x4x16x8xf32>
    %transposed_7 = linalg.transpose ins(%expanded_6 : tensor<2x16x4x8xf32>) outs(%5 : tensor<2x4x16x8xf32>) permutation = [0, 2, 1, 3] 
    %expanded_8 = tensor.expand_shape %extracted_slice_4 [[0], [1], [2, 3]] output_shape [2, 16, 4, 8] : tensor<2x16x32xf32> into tensor<2x16x4x8xf32>
    %expanded_9 = tensor.expand_shape %extracted_slice_5 [[0], [1], [2, 3]] output_shape [2, 16, 4, 8] : tensor<2x16x32xf32> into tensor<2x16x4x8xf32>
    %transposed_10 = linalg.transpose ins(%expanded_9 : tensor<2x16x4x8xf32>) outs(%5 : tensor<2x4x16x8xf32>) permutation = [0, 2, 1, 3] 
    %6 = linalg.generic {indexing_maps = [#map2, #map2], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%transposed_7 : tensor<2x4x16x8xf32>) outs(%5 : tensor<2x4x16x8xf32>) {
    ^bb0(%in: f32, %out: f32):
      %40 = arith.truncf %cst_3 : f64 to f32
      %41 = arith.mulf %in, %40 : f32
      linalg.yield %41 : f32
    } -> tensor<2x4x16x8xf32>
    %7 = tensor.empty() : tensor<2x4x8x16xf32>
    %transposed_11 = linalg.transpose ins(%expanded_8 : tensor<2x16x4x8xf32>) outs(%7 : tensor<2x4x8x16xf32>) permutation = [0, 2, 3, 1] 
    %8 = linalg.generic {indexing_maps = [#map2, #map2], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%transposed_11 : tensor<2x4x8x16xf32>) outs(%7 : tensor<2x4x8x16xf32>) {
    ^bb0(%in: f32, %out: f32):
      %40 = arith.truncf %cst_3 : f64 to f32
      %41 = arith.mulf %in, %40 : f32
      linalg.yield %41 : f32
    } -> tensor<2x4x8x16xf32>
    %collapsed_12 = tensor.collapse_shape %6 [[0, 1], [2], [3]] : tensor<2x4x16x8xf32> into tensor<8x16x8xf32>
    %collapsed_13 = tensor.collapse_shape %8 [[0, 1], [2], [3]] : tensor<2x4x8x16xf32> into tensor<8x8x16xf32>
    %9 = tensor.empty() : tensor<8x16x16xf32>
    %10 = linalg.fill ins(%cst : f32) outs(%9 : tensor<8x16x16xf32>) -> tensor<8x16x16xf32>
    %11 = linalg.batch_matmul ins(%collapsed_12, %collapsed_13 : tensor<8x16x8xf32>, tensor<8x8x16xf32>) outs(%10 : tensor<8x16x16xf32>) -> tensor<8x16x16xf32>
    %expanded_14 = tensor.expand_shape %11 [[0, 1], [2], [3]] output_shape [2, 4, 16, 16] : tensor<8x16x16xf32> into tensor<2x4x16x16xf32>
    %12 = tensor.empty() : tensor<2x4x16xi64>
    %13 = linalg.fill ins(%c0_i64 : i64) outs(%12 : tensor<2x4x16xi64>) -> tensor<2x4x16xi64>
    %14 = tensor.empty() : tensor<2x4x16xf32>
    %15 = linalg.fill ins(%cst_0 : f32) outs(%14 : tensor<2x4x16xf32>) -> tensor<2x4x16xf32>
    %16:2 = linalg.generic {indexing_maps = [#map2, #map3, #map3], iterator_types = ["parallel", "parallel", "parallel", "reduction"]} ins(%expanded_14 : tensor<2x4x16x16xf32>) outs(%15, %13 : tensor<2x4x16xf32>, tensor<2x4x16xi64>) {
    ^bb0(%in: f32, %out: f32, %out_22: i64):
      %40 = linalg.index 3 : index
      %41 = arith.index_cast %40 : index to i64
      %42 = arith.maximumf %in, %out : f32
      %43 = arith.cmpf ogt, %in, %out : f32
      %44 = arith.select %43, %41, %out_22 : i64
      linalg.yield %42, %44 : f32, i64
    } -> (tensor<2x4x16xf32>, tensor<2x4x16xi64>)
    %expanded_15 = tensor.expand_shape %16#0 [[0], [1], [2, 3]] output_shape [2, 4, 16, 1] : tensor<2x4x16xf32> into tensor<2x4x16x1xf32>
    %17 = tensor.empty() : tensor<2x4x16x16xf32>
    %18 = linalg.generic {indexing_maps = [#map2, #map4, #map2], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%expanded_14, %expanded_15 : tensor<2x4x16x16xf32>, tensor<2x4x16x1xf32>) outs(%17 : tensor<2x4x16x16xf32>) {
    ^bb0(%in: f32, %in_22: f32, %out: f32):
      %40 = arith.subf %in, %in_22 : f32
      linalg.yield %40 : f32
    } -> tensor<2x4x16x16xf32>
    %19 = linalg.generic {indexing_maps = [#map2, #map2], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%18 : tensor<2x4x16x16xf32>) outs(%17 : tensor<2x4x16x16xf32>) {
    ^bb0(%in: f32, %out: f32):
      %40 = math.exp %in : f32
      linalg.yield %40 : f32
    } -> tensor<2x4x16x16xf32>
    %20 = tensor.empty() : tensor<2x4x16x1xf32>
    %21 = linalg.fill ins(%cst : f32) outs(%20 : tensor<2x4x16x1xf32>) -> tensor<2x4x16x1xf32>
    %22 = linalg.generic {indexing_maps = [#map2, #map4], iterator_types = ["parallel", "parallel", "parallel", "reduction"]} ins(%19 : tensor<2x4x16x16xf32>) outs(%21 : tensor<2x4x16x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %40 = arith.addf %in, %out : f32
      linalg.yield %40 : f32
    } -> tensor<2x4x16x1xf32>
    %23 = linalg.generic {indexing_maps = [#map2, #map4, #map2], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%19, %22 : tensor<2x4x16x16xf32>, tensor<2x4x16x1xf32>) outs(%17 : tensor<2x4x16x16xf32>) {
    ^bb0(%in: f32, %in_22: f32, %out: f32):
      %40 = arith.divf %in, %in_22 : f32
      linalg.yield %40 : f32
    } -> tensor<2x4x16x16xf32>
    %24 = tensor.empty() : tensor<2x4x16x16xi1>
    %25 = linalg.generic {indexing_maps = [#map2, #map2], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%expanded_14 : tensor<2x4x16x16xf32>) outs(%24 : tensor<2x4x16x16xi1>) {
    ^bb0(%in: f32, %out: i1):
      %40 = arith.extf %in : f32 to f64
      %41 = arith.cmpf oeq, %40, %cst_2 : f64
      linalg.yield %41 : i1
    } -> tensor<2x4x16x16xi1>
    %26 = tensor.empty() : tensor<2x4x16x1xi1>
    %27 = linalg.fill ins(%true : i1) outs(%26 : tensor<2x4x16x1xi1>) -> tensor<2x4x16x1xi1>
    %28 = linalg.generic {indexing_maps = [#map2, #map4], iterator_types = ["parallel", "parallel", "parallel", "reduction"]} ins(%25 : tensor<2x4x16x16xi1>) outs(%27 : tensor<2x4x16x1xi1>) {
    ^bb0(%in: i1, %out: i1):
      %40 = arith.andi %in, %out : i1
      linalg.yield %40 : i1
    } -> tensor<2x4x16x1xi1>
    %29 = linalg.generic {indexing_maps = [#map4, #map2, #map2, #map2], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%28, %cst_1, %23 : tensor<2x4x16x1xi1>, tensor<2x4x16x16xf32>, tensor<2x4x16x16xf32>) outs(%17 : tensor<2x4x16x16xf32>) {
    ^bb0(%in: i1, %in_22: f32, %in_23: f32, %out: f32):
      %40 = arith.select %in, %in_22, %in_23 : f32
      linalg.yield %40 : f32
    } -> tensor<2x4x16x16xf32>
    %collapsed_16 = tensor.collapse_shape %29 [[0, 1], [2], [3]] : tensor<2x4x16x16xf32> into tensor<8x16x16xf32>
    %collapsed_17 = tensor.collapse_shape %transposed_10 [[0, 1], [2], [3]] : tensor<2x4x16x8xf32> into tensor<8x16x8xf32>
    %30 = tensor.empty() : tensor<8x16x8xf32>
    %31 = linalg.fill ins(%cst : f32) outs(%30 : tensor<8x16x8xf32>) -> tensor<8x16x8xf32>
    %32 = linalg.batch_matmul ins(%collapsed_16, %collapsed_17 : tensor<8x16x16xf32>, tensor<8x16x8xf32>) outs(%31 : tensor<8x16x8xf32>) -> tensor<8x16x8xf32>
    %expanded_18 = tensor.expand_shape %32 [[0, 1], [2], [3]] output_shape [2, 4, 16, 8] : tensor<8x16x8xf32> into tensor<2x4x16x8xf32>
    %33 = tensor.empty() : tensor<2x16x4x8xf32>
    %transposed_19 = linalg.transpose ins(%expanded_18 : tensor<2x4x16x8xf32>) outs(%33 : tensor<2x16x4x8xf32>) permutation = [0, 2, 1, 3] 
    %collapsed_20 = tensor.collapse_shape %transposed_19 [[0], [1], [2, 3]] : tensor<2x16x4x8xf32> into tensor<2x16x32xf32>
    %34 = tensor.empty() : tensor<32x32xf32>
    %transposed_21 = linalg.transpose ins(%arg3 : tensor<32x32xf32>) outs(%34 : tensor<32x32xf32>) permutation = [1, 0] 
    %35 = tensor.empty() : tensor<2x32x32xf32>
    %36 = linalg.generic {indexing_maps = [#map5, #map6], iterator_types = ["parallel", "parallel", "parallel"]} ins(%transposed_21 : tensor<32x32xf32>) outs(%35 : tensor<2x32x32xf32>) {
    ^bb0(%in: f32, %out: f32):
      linalg.yield %in : f32
    } -> tensor<2x32x32xf32>
    %37 = tensor.empty() : tensor<2x16x32xf32>
    %38 = linalg.fill ins(%cst : f32) outs(%37 : tensor<2x16x32xf32>) -> tensor<2x16x32xf32>
    %39 = linalg.batch_matmul ins(%collapsed_20, %36 : tensor<2x16x32xf32>, tensor<2x32x32xf32>) outs(%38 : tensor<2x16x32xf32>) -> tensor<2x16x32xf32>
    return %39 : tensor<2x16x32xf32>
  }
}
