// Tiles that would be wrong are refused, with what would be right.

// RUN: ra-opt %s --split-input-file --transform-interpreter --verify-diagnostics --mlir-print-op-on-diagnostic=false

// Two heads share a key head; three are neither a part nor a multiple.
func.func @attention(%q: tensor<2x6x5x8xf32>, %k: tensor<2x3x5x8xf32>) -> tensor<2x6x5x8xf32> {
  // expected-error @+3 {{'ra.attention' op cannot be tiled over heads here: the size of a tile must be a multiple of the 2 heads that share a key head, or divide that number, and tiles must start at multiples of it}}
  // expected-error @+2 {{faild to tile operation}}
  // expected-error @+1 {{failed to generate tiling loops}}
  %0 = ra.attention ins(%q, %k, %k : tensor<2x6x5x8xf32>, tensor<2x3x5x8xf32>, tensor<2x3x5x8xf32>) outs(%q : tensor<2x6x5x8xf32>) -> tensor<2x6x5x8xf32> // expected-note {{when applied to this op}}
  return %0 : tensor<2x6x5x8xf32>
}
module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%root: !transform.any_op {transform.readonly}) {
    %op = transform.structured.match ops{["ra.attention"]} in %root : (!transform.any_op) -> !transform.any_op
    // expected-error @below {{transform.structured.tile_using_forall failed to apply}}
    %tiled, %loop = transform.structured.tile_using_forall %op tile_sizes [1, 3] : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    transform.yield
  }
}

// -----

// The last tile of six heads by four holds two, which only the machine will know.
func.func @attention(%q: tensor<2x6x5x8xf32>, %k: tensor<2x3x5x8xf32>) -> tensor<2x6x5x8xf32> {
  // expected-error @+3 {{cannot be tiled over heads here}}
  // expected-error @+2 {{faild to tile operation}}
  // expected-error @+1 {{failed to generate tiling loops}}
  %0 = ra.attention ins(%q, %k, %k : tensor<2x6x5x8xf32>, tensor<2x3x5x8xf32>, tensor<2x3x5x8xf32>) outs(%q : tensor<2x6x5x8xf32>) -> tensor<2x6x5x8xf32> // expected-note {{when applied to this op}}
  return %0 : tensor<2x6x5x8xf32>
}
module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%root: !transform.any_op {transform.readonly}) {
    %op = transform.structured.match ops{["ra.attention"]} in %root : (!transform.any_op) -> !transform.any_op
    // expected-error @below {{transform.structured.tile_using_forall failed to apply}}
    %tiled, %loop = transform.structured.tile_using_forall %op tile_sizes [1, 4] : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    transform.yield
  }
}

// -----

// The mean over a group needs the whole group.
func.func @mean(%q: tensor<2x6x5x8xf32>, %k: tensor<2x3x5x8xf32>) -> tensor<2x6x5x8xf32> {
  // expected-error @+3 {{'ra.reciprocal_attention' op cannot be tiled over heads here: the size of a tile must be a multiple of the 2 heads that share a key head, and tiles must start at multiples of that number}}
  // expected-error @+2 {{faild to tile operation}}
  // expected-error @+1 {{failed to generate tiling loops}}
  %0 = ra.reciprocal_attention {rank = array<i64: 2>} ins(%q, %k, %k : tensor<2x6x5x8xf32>, tensor<2x3x5x8xf32>, tensor<2x3x5x8xf32>) outs(%q : tensor<2x6x5x8xf32>) -> tensor<2x6x5x8xf32> // expected-note {{when applied to this op}}
  return %0 : tensor<2x6x5x8xf32>
}
module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%root: !transform.any_op {transform.readonly}) {
    %op = transform.structured.match ops{["ra.reciprocal_attention"]} in %root : (!transform.any_op) -> !transform.any_op
    // expected-error @below {{transform.structured.tile_using_forall failed to apply}}
    %tiled, %loop = transform.structured.tile_using_forall %op tile_sizes [1, 1] : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    transform.yield
  }
}

// -----

// One attribute cannot hold ranks that depend on the tile.
func.func @ranks(%q: tensor<2x6x5x8xf32>) -> tensor<2x6x5x8xf32> {
  // expected-error @+3 {{'ra.reciprocal_attention' op cannot be tiled over heads whose ranks differ; tile over the batch only}}
  // expected-error @+2 {{faild to tile operation}}
  // expected-error @+1 {{failed to generate tiling loops}}
  %0 = ra.reciprocal_attention {rank = array<i64: 0, 2, 2, 2, 2, 2>} ins(%q, %q, %q : tensor<2x6x5x8xf32>, tensor<2x6x5x8xf32>, tensor<2x6x5x8xf32>) outs(%q : tensor<2x6x5x8xf32>) -> tensor<2x6x5x8xf32> // expected-note {{when applied to this op}}
  return %0 : tensor<2x6x5x8xf32>
}
module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%root: !transform.any_op {transform.readonly}) {
    %op = transform.structured.match ops{["ra.reciprocal_attention"]} in %root : (!transform.any_op) -> !transform.any_op
    // expected-error @below {{transform.structured.tile_using_forall failed to apply}}
    %tiled, %loop = transform.structured.tile_using_forall %op tile_sizes [1, 1] : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    transform.yield
  }
}

// -----

// Two heads from any head on: as many as a group has, but of two groups.
func.func @offset(%q: tensor<2x6x5x8xf32>, %k: tensor<2x3x5x8xf32>, %e: tensor<5x2x2x5x8xf32>) -> tensor<5x2x2x5x8xf32> {
  // expected-error @+1 {{'ra.attention' op cannot be tiled over heads here}}
  %0 = ra.attention ins(%q, %k, %k : tensor<2x6x5x8xf32>, tensor<2x3x5x8xf32>, tensor<2x3x5x8xf32>) outs(%q : tensor<2x6x5x8xf32>) -> tensor<2x6x5x8xf32>
  %1 = scf.forall (%i) in (5) shared_outs(%o = %e) -> tensor<5x2x2x5x8xf32> {
    %2 = tensor.extract_slice %0[0, %i, 0, 0] [2, 2, 5, 8] [1, 1, 1, 1] : tensor<2x6x5x8xf32> to tensor<2x2x5x8xf32>
    %3 = math.exp %2 : tensor<2x2x5x8xf32>
    scf.forall.in_parallel {
      tensor.parallel_insert_slice %3 into %o[%i, 0, 0, 0, 0] [1, 2, 2, 5, 8] [1, 1, 1, 1, 1] : tensor<2x2x5x8xf32> into tensor<5x2x2x5x8xf32>
    }
  }
  return %1 : tensor<5x2x2x5x8xf32>
}
module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%root: !transform.any_op {transform.readonly}) {
    %op = transform.structured.match ops{["ra.attention"]} in %root : (!transform.any_op) -> !transform.any_op
    %loop = transform.structured.match ops{["scf.forall"]} in %root : (!transform.any_op) -> !transform.any_op
    %tile, %new = transform.structured.fuse_into_containing_op %op into %loop : (!transform.any_op, !transform.any_op) -> (!transform.any_op, !transform.any_op)
    transform.yield
  }
}
