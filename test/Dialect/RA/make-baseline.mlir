// RUN: ra-opt %s --ra-make-baseline | FileCheck %s

// CHECK-LABEL: func.func @block(
// CHECK-SAME:    %[[Q:[^:]+]]: tensor<1x2x16x64xf32>, %[[K:[^:]+]]: tensor<1x2x16x64xf32>
// CHECK:         ra.attention {mask = #ra.mask<causal>, scale = 1.250000e-01 : f64, softcap = 5.000000e+01 : f64} ins(%[[Q]], %[[K]], %[[K]]
// CHECK-NOT:     reciprocal
func.func @block(%q: tensor<1x2x16x64xf32>, %k: tensor<1x2x16x64xf32>, %g: tensor<2xf32>, %o: tensor<1x2x16x64xf32>) -> tensor<1x2x16x64xf32> {
  %0 = ra.reciprocal_attention {rank = array<i64: 4>, mask = #ra.mask<causal>, softcap = 50.0 : f64}
      ins(%q, %k, %k : tensor<1x2x16x64xf32>, tensor<1x2x16x64xf32>, tensor<1x2x16x64xf32>) w_std(%g : tensor<2xf32>)
      outs(%o : tensor<1x2x16x64xf32>) -> tensor<1x2x16x64xf32>
  return %0 : tensor<1x2x16x64xf32>
}
