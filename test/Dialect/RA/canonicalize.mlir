// Folders and canonicalisers: what they simplify, and what they must leave.

// RUN: ra-opt %s --canonicalize --split-input-file | FileCheck %s --enable-var-scope

#bhtd = affine_map<(b, h, t, d) -> (b, h, t, d)>
#bthd = affine_map<(b, h, t, d) -> (b, t, h, d)>

//===----------------------------------------------------------------------===//
// indexing_maps
//===----------------------------------------------------------------------===//

// CHECK-LABEL: func.func @identity_maps(
// CHECK: ra.linear ins(
// CHECK: ra.rope {style = #ra.rope_style<half>} ins(
// CHECK: ra.attention ins(
// CHECK: ra.reciprocal_attention {rank = array<i64: 2>} ins(
func.func @identity_maps(%x: tensor<3x8xf32>, %w: tensor<6x8xf32>, %y: tensor<3x6xf32>, %q: tensor<2x3x5x8xf32>, %c: tensor<5x4xf32>, %o: tensor<2x3x5x8xf32>)
    -> (tensor<3x6xf32>, tensor<2x3x5x8xf32>, tensor<2x3x5x8xf32>, tensor<2x3x5x8xf32>) {
  %0 = ra.linear {indexing_maps = [affine_map<(m, c) -> (m, c)>, affine_map<(m, n) -> (m, n)>]}
    ins(%x, %w : tensor<3x8xf32>, tensor<6x8xf32>) outs(%y : tensor<3x6xf32>) -> tensor<3x6xf32>
  %1 = ra.rope {indexing_maps = [#bhtd, #bhtd], style = #ra.rope_style<half>}
    ins(%q, %c, %c : tensor<2x3x5x8xf32>, tensor<5x4xf32>, tensor<5x4xf32>) outs(%o : tensor<2x3x5x8xf32>) -> tensor<2x3x5x8xf32>
  %2 = ra.attention {indexing_maps = [#bhtd, #bhtd, #bhtd, #bhtd]}
    ins(%q, %q, %q : tensor<2x3x5x8xf32>, tensor<2x3x5x8xf32>, tensor<2x3x5x8xf32>) outs(%o : tensor<2x3x5x8xf32>) -> tensor<2x3x5x8xf32>
  %3 = ra.reciprocal_attention {indexing_maps = [#bhtd, #bhtd, #bhtd, #bhtd], rank = array<i64: 2>}
    ins(%q, %q, %q : tensor<2x3x5x8xf32>, tensor<2x3x5x8xf32>, tensor<2x3x5x8xf32>) outs(%o : tensor<2x3x5x8xf32>) -> tensor<2x3x5x8xf32>
  return %0, %1, %2, %3 : tensor<3x6xf32>, tensor<2x3x5x8xf32>, tensor<2x3x5x8xf32>, tensor<2x3x5x8xf32>
}

// One map that is not the identity keeps them all.
// CHECK-LABEL: func.func @one_map(
// CHECK: ra.attention {indexing_maps = [#{{.+}}, #{{.+}}, #{{.+}}, #{{.+}}]}
func.func @one_map(%q: tensor<2x3x5x8xf32>, %o: tensor<2x5x3x8xf32>) -> tensor<2x5x3x8xf32> {
  %0 = ra.attention {indexing_maps = [#bhtd, #bhtd, #bhtd, #bthd]}
    ins(%q, %q, %q : tensor<2x3x5x8xf32>, tensor<2x3x5x8xf32>, tensor<2x3x5x8xf32>) outs(%o : tensor<2x5x3x8xf32>) -> tensor<2x5x3x8xf32>
  return %0 : tensor<2x5x3x8xf32>
}

// -----

//===----------------------------------------------------------------------===//
// ra.linear
//===----------------------------------------------------------------------===//

// CHECK-LABEL: func.func @zero_bias(
// CHECK-NOT: bias
// CHECK: return
func.func @zero_bias(%x: tensor<3x8xf32>, %w: tensor<6x8xf32>, %y: tensor<3x6xf32>) -> tensor<3x6xf32> {
  %b = arith.constant dense<0.0> : tensor<6xf32>
  %0 = ra.linear ins(%x, %w : tensor<3x8xf32>, tensor<6x8xf32>) bias(%b : tensor<6xf32>) outs(%y : tensor<3x6xf32>) -> tensor<3x6xf32>
  return %0 : tensor<3x6xf32>
}

// CHECK-LABEL: func.func @other_bias(
// CHECK: bias
func.func @other_bias(%x: tensor<3x8xf32>, %w: tensor<6x8xf32>, %y: tensor<3x6xf32>) -> tensor<3x6xf32> {
  %b = arith.constant dense<[0.0, 0.0, 0.0, 0.0, 0.0, 1.0]> : tensor<6xf32>
  %0 = ra.linear ins(%x, %w : tensor<3x8xf32>, tensor<6x8xf32>) bias(%b : tensor<6xf32>) outs(%y : tensor<3x6xf32>) -> tensor<3x6xf32>
  return %0 : tensor<3x6xf32>
}

// A cast that forgets nothing the op needs is read through.
// CHECK-LABEL: func.func @memref_cast(
// CHECK-SAME: %[[X:.+]]: memref<3x8xf32>, %[[W:.+]]: memref<6x8xf32>, %[[Y:.+]]: memref<3x6xf32>)
// CHECK-NOT: memref.cast
// CHECK: ra.linear ins(%[[X]], %[[W]] : memref<3x8xf32>, memref<6x8xf32>) outs(%[[Y]] : memref<3x6xf32>)
func.func @memref_cast(%x: memref<3x8xf32>, %w: memref<6x8xf32>, %y: memref<3x6xf32>) {
  %0 = memref.cast %x : memref<3x8xf32> to memref<?x8xf32>
  ra.linear ins(%0, %w : memref<?x8xf32>, memref<6x8xf32>) outs(%y : memref<3x6xf32>)
  return
}

// -----

//===----------------------------------------------------------------------===//
// Effects: none on tensors, so what nobody reads goes; on memrefs it stays.
//===----------------------------------------------------------------------===//

// CHECK-LABEL: func.func @unused(
// CHECK-NEXT: ra.linear ins({{.+}}) outs({{.+}} : memref<3x6xf32>)
// CHECK-NEXT: return
func.func @unused(%x: tensor<3x8xf32>, %w: tensor<6x8xf32>, %y: tensor<3x6xf32>, %q: tensor<2x3x5x8xf32>, %c: tensor<5x4xf32>, %xm: memref<3x8xf32>, %wm: memref<6x8xf32>, %ym: memref<3x6xf32>) {
  %0 = ra.linear ins(%x, %w : tensor<3x8xf32>, tensor<6x8xf32>) outs(%y : tensor<3x6xf32>) -> tensor<3x6xf32>
  %1 = ra.rope {style = #ra.rope_style<half>} ins(%q, %c, %c : tensor<2x3x5x8xf32>, tensor<5x4xf32>, tensor<5x4xf32>) outs(%q : tensor<2x3x5x8xf32>) -> tensor<2x3x5x8xf32>
  %2 = ra.attention ins(%q, %q, %q : tensor<2x3x5x8xf32>, tensor<2x3x5x8xf32>, tensor<2x3x5x8xf32>) outs(%q : tensor<2x3x5x8xf32>) -> tensor<2x3x5x8xf32>
  %3 = ra.reciprocal_attention {rank = array<i64: 2>} ins(%q, %q, %q : tensor<2x3x5x8xf32>, tensor<2x3x5x8xf32>, tensor<2x3x5x8xf32>) outs(%q : tensor<2x3x5x8xf32>) -> tensor<2x3x5x8xf32>
  %4:2 = ra.fold_weights {num_heads = 3, rank = array<i64: 1>} ins(%w, %w : tensor<6x8xf32>, tensor<6x8xf32>) -> tensor<6x8xf32>, tensor<6x8xf32>
  ra.linear ins(%xm, %wm : memref<3x8xf32>, memref<6x8xf32>) outs(%ym : memref<3x6xf32>)
  return
}

// -----

//===----------------------------------------------------------------------===//
// ra.attention
//===----------------------------------------------------------------------===//

// CHECK-LABEL: func.func @unused_lse(
// CHECK: %[[R:.+]] = ra.attention {mask = #ra.mask<causal>, tag = 1 : i64} ins({{.+}}) outs({{.+}} : tensor<2x3x5x8xf32>) -> tensor<2x3x5x8xf32>
// CHECK: return %[[R]]
func.func @unused_lse(%q: tensor<2x3x5x8xf32>, %o: tensor<2x3x5x8xf32>, %l: tensor<2x3x5xf32>) -> tensor<2x3x5x8xf32> {
  %0:2 = ra.attention {mask = #ra.mask<causal>, tag = 1} ins(%q, %q, %q : tensor<2x3x5x8xf32>, tensor<2x3x5x8xf32>, tensor<2x3x5x8xf32>)
    outs(%o : tensor<2x3x5x8xf32>) lse(%l : tensor<2x3x5xf32>) -> tensor<2x3x5x8xf32>, tensor<2x3x5xf32>
  return %0#0 : tensor<2x3x5x8xf32>
}

// CHECK-LABEL: func.func @unused_lse_reciprocal(
// CHECK: %[[R:.+]] = ra.reciprocal_attention {rank = array<i64: 2>} ins({{.+}}) w_rec({{.+}}) outs({{.+}} : tensor<2x3x5x8xf32>) -> tensor<2x3x5x8xf32>
// CHECK: return %[[R]]
func.func @unused_lse_reciprocal(%q: tensor<2x3x5x8xf32>, %g: tensor<3xf32>, %o: tensor<2x3x5x8xf32>, %l: tensor<2x3x5xf32>) -> tensor<2x3x5x8xf32> {
  %0:2 = ra.reciprocal_attention {rank = array<i64: 2>} ins(%q, %q, %q : tensor<2x3x5x8xf32>, tensor<2x3x5x8xf32>, tensor<2x3x5x8xf32>) w_rec(%g : tensor<3xf32>)
    outs(%o : tensor<2x3x5x8xf32>) lse(%l : tensor<2x3x5xf32>) -> tensor<2x3x5x8xf32>, tensor<2x3x5xf32>
  return %0#0 : tensor<2x3x5x8xf32>
}

// CHECK-LABEL: func.func @used_lse(
// CHECK: %[[R:.+]]:2 = ra.attention
// CHECK-SAME: lse(
// CHECK: return %[[R]]#1
func.func @used_lse(%q: tensor<2x3x5x8xf32>, %o: tensor<2x3x5x8xf32>, %l: tensor<2x3x5xf32>) -> tensor<2x3x5xf32> {
  %0:2 = ra.attention ins(%q, %q, %q : tensor<2x3x5x8xf32>, tensor<2x3x5x8xf32>, tensor<2x3x5x8xf32>)
    outs(%o : tensor<2x3x5x8xf32>) lse(%l : tensor<2x3x5xf32>) -> tensor<2x3x5x8xf32>, tensor<2x3x5xf32>
  return %0#1 : tensor<2x3x5xf32>
}

// CHECK-LABEL: func.func @zero_offset(
// CHECK: ra.attention
// CHECK-NOT: offset
// CHECK: return
func.func @zero_offset(%q: tensor<2x3x5x8xf32>, %o: tensor<2x3x5x8xf32>) -> tensor<2x3x5x8xf32> {
  %c0 = arith.constant 0 : index
  %0 = ra.attention {mask = #ra.mask<causal>} ins(%q, %q, %q : tensor<2x3x5x8xf32>, tensor<2x3x5x8xf32>, tensor<2x3x5x8xf32>) offset(%c0) outs(%o : tensor<2x3x5x8xf32>) -> tensor<2x3x5x8xf32>
  return %0 : tensor<2x3x5x8xf32>
}

// An offset moves the diagonal, so nothing about the mask may be assumed.
// CHECK-LABEL: func.func @offset(
// CHECK: ra.attention {mask = #ra.mask<window(5), bottom_right>} ins({{.+}}) offset({{.+}})
func.func @offset(%q: tensor<2x3x5x8xf32>, %o: tensor<2x3x5x8xf32>) -> tensor<2x3x5x8xf32> {
  %c1 = arith.constant 1 : index
  %0 = ra.attention {mask = #ra.mask<window(5), bottom_right>} ins(%q, %q, %q : tensor<2x3x5x8xf32>, tensor<2x3x5x8xf32>, tensor<2x3x5x8xf32>) offset(%c1) outs(%o : tensor<2x3x5x8xf32>) -> tensor<2x3x5x8xf32>
  return %0 : tensor<2x3x5x8xf32>
}

// -----

//===----------------------------------------------------------------------===//
// Masks: equal lengths have one corner; a window of all queries is causal.
//===----------------------------------------------------------------------===//

// CHECK-LABEL: func.func @masks(
// CHECK: ra.attention {case = 0 : i64, mask = #ra.mask<causal>}
// CHECK: ra.attention {case = 1 : i64, mask = #ra.mask<causal>}
// CHECK: ra.attention {case = 2 : i64, mask = #ra.mask<window(4)>}
// CHECK: ra.attention {case = 3 : i64, mask = #ra.mask<causal>}
func.func @masks(%q: tensor<2x3x5x8xf32>, %o: tensor<2x3x5x8xf32>) -> (tensor<2x3x5x8xf32>, tensor<2x3x5x8xf32>, tensor<2x3x5x8xf32>, tensor<2x3x5x8xf32>) {
  %0 = ra.attention {case = 0, mask = #ra.mask<causal, bottom_right>} ins(%q, %q, %q : tensor<2x3x5x8xf32>, tensor<2x3x5x8xf32>, tensor<2x3x5x8xf32>) outs(%o : tensor<2x3x5x8xf32>) -> tensor<2x3x5x8xf32>
  %1 = ra.attention {case = 1, mask = #ra.mask<window(5)>} ins(%q, %q, %q : tensor<2x3x5x8xf32>, tensor<2x3x5x8xf32>, tensor<2x3x5x8xf32>) outs(%o : tensor<2x3x5x8xf32>) -> tensor<2x3x5x8xf32>
  %2 = ra.attention {case = 2, mask = #ra.mask<window(4), bottom_right>} ins(%q, %q, %q : tensor<2x3x5x8xf32>, tensor<2x3x5x8xf32>, tensor<2x3x5x8xf32>) outs(%o : tensor<2x3x5x8xf32>) -> tensor<2x3x5x8xf32>
  %3 = ra.attention {case = 3, mask = #ra.mask<window(9), bottom_right>} ins(%q, %q, %q : tensor<2x3x5x8xf32>, tensor<2x3x5x8xf32>, tensor<2x3x5x8xf32>) outs(%o : tensor<2x3x5x8xf32>) -> tensor<2x3x5x8xf32>
  return %0, %1, %2, %3 : tensor<2x3x5x8xf32>, tensor<2x3x5x8xf32>, tensor<2x3x5x8xf32>, tensor<2x3x5x8xf32>
}

// Lengths that differ, or that nobody knows.
// CHECK-LABEL: func.func @masks_kept(
// CHECK: ra.attention {mask = #ra.mask<causal, bottom_right>}
// CHECK: ra.attention {mask = #ra.mask<window(9), bottom_right>}
func.func @masks_kept(%q: tensor<2x3x5x8xf32>, %k: tensor<2x3x7x8xf32>, %o: tensor<2x3x5x8xf32>, %d: tensor<2x3x?x8xf32>) -> (tensor<2x3x5x8xf32>, tensor<2x3x?x8xf32>) {
  %0 = ra.attention {mask = #ra.mask<causal, bottom_right>} ins(%q, %k, %k : tensor<2x3x5x8xf32>, tensor<2x3x7x8xf32>, tensor<2x3x7x8xf32>) outs(%o : tensor<2x3x5x8xf32>) -> tensor<2x3x5x8xf32>
  %1 = ra.attention {mask = #ra.mask<window(9), bottom_right>} ins(%d, %d, %d : tensor<2x3x?x8xf32>, tensor<2x3x?x8xf32>, tensor<2x3x?x8xf32>) outs(%d : tensor<2x3x?x8xf32>) -> tensor<2x3x?x8xf32>
  return %0, %1 : tensor<2x3x5x8xf32>, tensor<2x3x?x8xf32>
}

// -----

//===----------------------------------------------------------------------===//
// Reciprocal dims: one spelling
//===----------------------------------------------------------------------===//

// CHECK-LABEL: func.func @ranks(
// CHECK: ra.reciprocal_attention {rank = array<i64: 2>, tag = 0 : i64}
// CHECK: ra.reciprocal_attention {rank = array<i64: 2>, tag = 1 : i64}
// CHECK: ra.reciprocal_attention {rank = array<i64: 0, 2, 2>, tag = 2 : i64}
// CHECK: ra.reciprocal_attention {rank = array<i64: 0>, tag = 3 : i64}
// CHECK: ra.reciprocal_attention {rank = array<i64: 2, 0, 2>, rec_dims = array<i64: 3, 7>, tag = 4 : i64}
func.func @ranks(%q: tensor<2x3x5x8xf32>, %o: tensor<2x3x5x8xf32>) -> (tensor<2x3x5x8xf32>, tensor<2x3x5x8xf32>, tensor<2x3x5x8xf32>, tensor<2x3x5x8xf32>, tensor<2x3x5x8xf32>) {
  // Equal ranks.
  %0 = ra.reciprocal_attention {tag = 0, rank = array<i64: 2, 2, 2>} ins(%q, %q, %q : tensor<2x3x5x8xf32>, tensor<2x3x5x8xf32>, tensor<2x3x5x8xf32>) outs(%o : tensor<2x3x5x8xf32>) -> tensor<2x3x5x8xf32>
  // The last dims.
  %1 = ra.reciprocal_attention {tag = 1, rec_dims = array<i64: 6, 7>} ins(%q, %q, %q : tensor<2x3x5x8xf32>, tensor<2x3x5x8xf32>, tensor<2x3x5x8xf32>) outs(%o : tensor<2x3x5x8xf32>) -> tensor<2x3x5x8xf32>
  // The last dims of some heads.
  %2 = ra.reciprocal_attention {tag = 2, rank = array<i64: 0, 2, 2>, rec_dims = array<i64: 6, 7>} ins(%q, %q, %q : tensor<2x3x5x8xf32>, tensor<2x3x5x8xf32>, tensor<2x3x5x8xf32>) outs(%o : tensor<2x3x5x8xf32>) -> tensor<2x3x5x8xf32>
  // Dims that no head uses.
  %3 = ra.reciprocal_attention {tag = 3, rank = array<i64: 0, 0, 0>, rec_dims = array<i64: 1, 2>} ins(%q, %q, %q : tensor<2x3x5x8xf32>, tensor<2x3x5x8xf32>, tensor<2x3x5x8xf32>) outs(%o : tensor<2x3x5x8xf32>) -> tensor<2x3x5x8xf32>
  // Other dims stay.
  %4 = ra.reciprocal_attention {tag = 4, rank = array<i64: 2, 0, 2>, rec_dims = array<i64: 3, 7>} ins(%q, %q, %q : tensor<2x3x5x8xf32>, tensor<2x3x5x8xf32>, tensor<2x3x5x8xf32>) outs(%o : tensor<2x3x5x8xf32>) -> tensor<2x3x5x8xf32>
  return %0, %1, %2, %3, %4 : tensor<2x3x5x8xf32>, tensor<2x3x5x8xf32>, tensor<2x3x5x8xf32>, tensor<2x3x5x8xf32>, tensor<2x3x5x8xf32>
}

// CHECK-LABEL: func.func @ranks_of_weights(
// CHECK: ra.fold_weights {num_heads = 4 : i64, rank = array<i64: 2>} ins(
// CHECK: ra.fold_weights {num_heads = 4 : i64, rank = array<i64: 2>} ins(
// CHECK: ra.fold_weights {num_heads = 4 : i64, rec_dims = array<i64: 0, 1>} ins(
func.func @ranks_of_weights(%w: tensor<32x16xf32>) -> (tensor<32x16xf32>, tensor<32x16xf32>, tensor<32x16xf32>, tensor<32x16xf32>, tensor<32x16xf32>, tensor<32x16xf32>) {
  %0:2 = ra.fold_weights {num_heads = 4, rank = array<i64: 2, 2, 2, 2>} ins(%w, %w : tensor<32x16xf32>, tensor<32x16xf32>) -> tensor<32x16xf32>, tensor<32x16xf32>
  %1:2 = ra.fold_weights {num_heads = 4, rec_dims = array<i64: 6, 7>} ins(%w, %w : tensor<32x16xf32>, tensor<32x16xf32>) -> tensor<32x16xf32>, tensor<32x16xf32>
  %2:2 = ra.fold_weights {num_heads = 4, rec_dims = array<i64: 0, 1>} ins(%w, %w : tensor<32x16xf32>, tensor<32x16xf32>) -> tensor<32x16xf32>, tensor<32x16xf32>
  return %0#0, %0#1, %1#0, %1#1, %2#0, %2#1 : tensor<32x16xf32>, tensor<32x16xf32>, tensor<32x16xf32>, tensor<32x16xf32>, tensor<32x16xf32>, tensor<32x16xf32>
}

// -----

//===----------------------------------------------------------------------===//
// Rank 0 and a standard gate of 1 is ordinary attention.
//===----------------------------------------------------------------------===//

// CHECK-LABEL: func.func @trivial(
// CHECK-SAME: %[[Q:[^:]+]]: tensor<2x6x?x8xf16>, %[[K:[^:]+]]: tensor<2x3x?x8xf16>, %[[B:[^:]+]]: tensor<1x1x?x?xf32>, %[[P:[^:]+]]: index, %[[O:[^:]+]]: tensor<2x6x?x8xf16>, %[[L:[^:]+]]: tensor<2x6x?xf32>)
// CHECK: %[[R:.+]]:2 = ra.attention {mask = #ra.mask<causal>, scale = 2.500000e-01 : f64, softcap = 3.000000e+01 : f64}
// CHECK-SAME: ins(%[[Q]], %[[K]], %[[K]] : {{[^)]+}}) bias(%[[B]] : {{[^)]+}}) offset(%[[P]]) outs(%[[O]] : {{[^)]+}}) lse(%[[L]] : {{[^)]+}})
// CHECK: return %[[R]]#0, %[[R]]#1
func.func @trivial(%q: tensor<2x6x?x8xf16>, %k: tensor<2x3x?x8xf16>, %b: tensor<1x1x?x?xf32>, %p: index, %o: tensor<2x6x?x8xf16>, %l: tensor<2x6x?xf32>) -> (tensor<2x6x?x8xf16>, tensor<2x6x?xf32>) {
  %one = arith.constant dense<1.0> : tensor<6xf32>
  %0:2 = ra.reciprocal_attention {mask = #ra.mask<causal>, rank = array<i64: 0>, scale = 0.25 : f64, softcap = 30.0 : f64}
    ins(%q, %k, %k : tensor<2x6x?x8xf16>, tensor<2x3x?x8xf16>, tensor<2x3x?x8xf16>) w_std(%one : tensor<6xf32>) bias(%b : tensor<1x1x?x?xf32>) offset(%p)
    outs(%o : tensor<2x6x?x8xf16>) lse(%l : tensor<2x6x?xf32>) -> tensor<2x6x?x8xf16>, tensor<2x6x?xf32>
  return %0#0, %0#1 : tensor<2x6x?x8xf16>, tensor<2x6x?xf32>
}

// A missing gate is 0.9, a gate of 0.5 scales, a basis changes the scores.
// CHECK-LABEL: func.func @not_trivial(
// CHECK-COUNT-4: ra.reciprocal_attention
// CHECK-NOT: ra.attention
func.func @not_trivial(%q: tensor<2x3x5x8xf32>, %o: tensor<2x3x5x8xf32>, %a: tensor<8x8xf32>) -> (tensor<2x3x5x8xf32>, tensor<2x3x5x8xf32>, tensor<2x3x5x8xf32>, tensor<2x3x5x8xf32>) {
  %one = arith.constant dense<1.0> : tensor<1xf32>
  %half = arith.constant dense<[1.0, 0.5, 1.0]> : tensor<3xf32>
  %0 = ra.reciprocal_attention {rank = array<i64: 0>} ins(%q, %q, %q : tensor<2x3x5x8xf32>, tensor<2x3x5x8xf32>, tensor<2x3x5x8xf32>) outs(%o : tensor<2x3x5x8xf32>) -> tensor<2x3x5x8xf32>
  %1 = ra.reciprocal_attention {rank = array<i64: 0>} ins(%q, %q, %q : tensor<2x3x5x8xf32>, tensor<2x3x5x8xf32>, tensor<2x3x5x8xf32>) w_std(%half : tensor<3xf32>) outs(%o : tensor<2x3x5x8xf32>) -> tensor<2x3x5x8xf32>
  %2 = ra.reciprocal_attention {rank = array<i64: 0>} ins(%q, %q, %q : tensor<2x3x5x8xf32>, tensor<2x3x5x8xf32>, tensor<2x3x5x8xf32>) w_std(%one : tensor<1xf32>) basis(%a, %a : tensor<8x8xf32>, tensor<8x8xf32>) outs(%o : tensor<2x3x5x8xf32>) -> tensor<2x3x5x8xf32>
  %3 = ra.reciprocal_attention {rank = array<i64: 0, 1, 0>} ins(%q, %q, %q : tensor<2x3x5x8xf32>, tensor<2x3x5x8xf32>, tensor<2x3x5x8xf32>) w_std(%one : tensor<1xf32>) outs(%o : tensor<2x3x5x8xf32>) -> tensor<2x3x5x8xf32>
  return %0, %1, %2, %3 : tensor<2x3x5x8xf32>, tensor<2x3x5x8xf32>, tensor<2x3x5x8xf32>, tensor<2x3x5x8xf32>
}
