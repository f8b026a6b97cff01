// RUN: ra-opt %s --split-input-file --ra-fold-constants | FileCheck %s
// RUN: ra-opt %s --split-input-file --ra-fold-constants --remarks-filter-passed=ra-fold-constants 2>&1 >/dev/null | FileCheck %s --check-prefix=REMARK

// sqrt(0.25) = 0.5 and sqrt(4) = 2: Qf = [0.5 q0, 2 k1], Kf = [0.5 k0, 2 q1] per
// head of two dims, worked out by hand. Then [Qf|Kf] in one.
// REMARK: weights of 2 heads folded at compile time
// CHECK-LABEL: func.func @fold(
// CHECK-NEXT:    %[[P:.+]] = arith.constant dense<{{\[\[}}5.000000e-01], [2.000000e+01], [1.500000e+00], [6.000000e+01], [2.500000e+00], [4.000000e+00], [7.500000e+00], [8.000000e+00]]> : tensor<8x1xf32>
// CHECK-NEXT:    return %[[P]]
func.func @fold() -> tensor<8x1xf32> {
  %wq = arith.constant dense<[[1.0], [2.0], [3.0], [4.0]]> : tensor<4x1xf32>
  %wk = arith.constant dense<[[5.0], [10.0], [15.0], [30.0]]> : tensor<4x1xf32>
  %s = arith.constant dense<0.25> : tensor<1xf32>
  %r = arith.constant dense<4.0> : tensor<2xf32>
  %q, %k = ra.fold_weights {num_heads = 2 : i64, rank = array<i64: 1>} ins(%wq, %wk : tensor<4x1xf32>, tensor<4x1xf32>)
      w_std(%s : tensor<1xf32>) w_rec(%r : tensor<2xf32>) -> tensor<4x1xf32>, tensor<4x1xf32>
  %p = tensor.concat dim(0) %q, %k : (tensor<4x1xf32>, tensor<4x1xf32>) -> tensor<8x1xf32>
  return %p : tensor<8x1xf32>
}

// -----

// Slices of constants; a large result is a resource.
// CHECK-LABEL: func.func @slices(
// CHECK-DAG:     arith.constant dense<[4.000000e+00, 2.000000e+00]> : tensor<2xf32>
// CHECK-DAG:     arith.constant dense<[1.000000e+00, 9.000000e+00, 3.000000e+00, 4.000000e+00]> : tensor<4xf32>
// CHECK-DAG:     arith.constant dense_resource<ra_folded{{.*}}> : tensor<200xf16>
func.func @slices() -> (tensor<2xf32>, tensor<4xf32>, tensor<200xf16>) {
  %a = arith.constant dense<[4.0, 1.0, 2.0]> : tensor<3xf32>
  %b = arith.constant dense<[1.0, 2.0, 3.0, 4.0]> : tensor<4xf32>
  %n = arith.constant dense<[9.0]> : tensor<1xf32>
  %l = arith.constant dense<1.0> : tensor<100xf16>
  %0 = tensor.extract_slice %a[0] [2] [2] : tensor<3xf32> to tensor<2xf32>
  %1 = tensor.insert_slice %n into %b[1] [1] [1] : tensor<1xf32> into tensor<4xf32>
  %2 = tensor.concat dim(0) %l, %l : (tensor<100xf16>, tensor<100xf16>) -> tensor<200xf16>
  return %0, %1, %2 : tensor<2xf32>, tensor<4xf32>, tensor<200xf16>
}

// -----

// Not constant: left alone.
// CHECK-LABEL: func.func @open(
// CHECK:         ra.fold_weights
func.func @open(%w: tensor<4x1xf32>) -> tensor<4x1xf32> {
  %q, %k = ra.fold_weights {num_heads = 2 : i64, rank = array<i64: 1>} ins(%w, %w : tensor<4x1xf32>, tensor<4x1xf32>) -> tensor<4x1xf32>, tensor<4x1xf32>
  return %q : tensor<4x1xf32>
}
