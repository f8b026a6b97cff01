func.func @f(%x: tensor<2xf32>, %c: i1) -> tensor<2xf32> {
  cf.cond_br %c, ^bb1, ^bb2
^bb1:
  return %x : tensor<2xf32>
^bb2:
  %y = tensor.empty() : tensor<2xf32>
  return %y : tensor<2xf32>
}
