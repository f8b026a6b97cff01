// Attention on four arguments whose batch and lengths are dynamic, none of which
// another op between would tie together.
func.func @attention(%q: tensor<?x2x?x16xf32>, %k: tensor<?x2x?x16xf32>,
                     %v: tensor<?x2x?x16xf32>, %bias: tensor<?x1x?x?xf32>)
    -> tensor<?x2x?x16xf32> {
  %c0 = arith.constant 0 : index
  %c2 = arith.constant 2 : index
  %b = tensor.dim %q, %c0 : tensor<?x2x?x16xf32>
  %t = tensor.dim %q, %c2 : tensor<?x2x?x16xf32>
  %init = tensor.empty(%b, %t) : tensor<?x2x?x16xf32>
  %o = ra.attention
      ins(%q, %k, %v : tensor<?x2x?x16xf32>, tensor<?x2x?x16xf32>,
          tensor<?x2x?x16xf32>)
      bias(%bias : tensor<?x1x?x?xf32>)
      outs(%init : tensor<?x2x?x16xf32>) -> tensor<?x2x?x16xf32>
  return %o : tensor<?x2x?x16xf32>
}
