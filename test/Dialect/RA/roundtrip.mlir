// Every op in every shape that it may take: text, generic text and bytecode
// come back as they were.

// RUN: ra-opt %s | FileCheck %s --enable-var-scope
// RUN: ra-opt %s -o %t.once.mlir && ra-opt %t.once.mlir -o %t.twice.mlir
// RUN: diff %t.once.mlir %t.twice.mlir
// RUN: ra-opt %s --mlir-print-op-generic | ra-opt -o %t.generic.mlir
// RUN: diff %t.once.mlir %t.generic.mlir
// RUN: ra-opt %s --emit-bytecode -o %t.mlirbc && ra-opt %t.mlirbc -o %t.bytecode.mlir
// RUN: diff %t.once.mlir %t.bytecode.mlir

#bthd = affine_map<(b, h, t, d) -> (b, t, h, d)>
#bhtd = affine_map<(b, h, t, d) -> (b, h, t, d)>

//===----------------------------------------------------------------------===//
// Attributes
//===----------------------------------------------------------------------===//

// CHECK-LABEL: func.func private @masks()
// CHECK-SAME: a = #ra.mask<none>
// CHECK-SAME: b = #ra.mask<causal>
// CHECK-SAME: c = #ra.mask<causal, bottom_right>
// CHECK-SAME: d = #ra.mask<window(256)>
// CHECK-SAME: e = #ra.mask<window(7), bottom_right>
// CHECK-SAME: f = #ra.mask<causal>
func.func private @masks() attributes {
  a = #ra.mask<none>, b = #ra.mask<causal>, c = #ra.mask<causal, bottom_right>,
  d = #ra.mask<window(256)>, e = #ra.mask<window(7), bottom_right>,
  f = #ra.mask<causal, top_left>}

// CHECK-LABEL: func.func private @enums()
// CHECK-SAME: a = #ra.rope_style<half>
// CHECK-SAME: b = #ra.rope_style<interleaved>
// CHECK-SAME: c = #ra.gate_split<symmetric>
// CHECK-SAME: d = #ra.gate_split<query>
// CHECK-SAME: e = #ra.gqa<mean>
// CHECK-SAME: f = #ra.gqa<slots>
func.func private @enums() attributes {
  a = #ra.rope_style<half>, b = #ra.rope_style<interleaved>,
  c = #ra.gate_split<symmetric>, d = #ra.gate_split<query>,
  e = #ra.gqa<mean>, f = #ra.gqa<slots>}

// CHECK-LABEL: func.func @parameter(
// CHECK-SAME: %{{.+}}: tensor<4x4xf32> {ra.parameter})
func.func @parameter(%w: tensor<4x4xf32> {ra.parameter}) {
  return
}

//===----------------------------------------------------------------------===//
// ra.linear
//===----------------------------------------------------------------------===//

// CHECK-LABEL: func.func @linear(
// CHECK-SAME: %[[X:.+]]: tensor<?x?x8xf16>, %[[W:.+]]: tensor<6x8xf16>, %[[Y:.+]]: tensor<?x?x6xf16>)
// CHECK: %[[R:.+]] = ra.linear ins(%[[X]], %[[W]] : tensor<?x?x8xf16>, tensor<6x8xf16>) outs(%[[Y]] : tensor<?x?x6xf16>) -> tensor<?x?x6xf16>
// CHECK: return %[[R]]
func.func @linear(%x: tensor<?x?x8xf16>, %w: tensor<6x8xf16>, %y: tensor<?x?x6xf16>) -> tensor<?x?x6xf16> {
  %0 = ra.linear ins(%x, %w : tensor<?x?x8xf16>, tensor<6x8xf16>) outs(%y : tensor<?x?x6xf16>) -> tensor<?x?x6xf16>
  return %0 : tensor<?x?x6xf16>
}

// CHECK-LABEL: func.func @linear_bias_f32_result(
// CHECK-SAME: %[[X:.+]]: tensor<3x8xbf16>, %[[W:.+]]: tensor<6x8xbf16>, %[[B:.+]]: tensor<6xbf16>, %[[Y:.+]]: tensor<3x6xf32>)
// CHECK: ra.linear {tag = 1 : i64} ins(%[[X]], %[[W]] : tensor<3x8xbf16>, tensor<6x8xbf16>) bias(%[[B]] : tensor<6xbf16>) outs(%[[Y]] : tensor<3x6xf32>) -> tensor<3x6xf32>
func.func @linear_bias_f32_result(%x: tensor<3x8xbf16>, %w: tensor<6x8xbf16>, %b: tensor<6xbf16>, %y: tensor<3x6xf32>) -> tensor<3x6xf32> {
  %0 = ra.linear {tag = 1} ins(%x, %w : tensor<3x8xbf16>, tensor<6x8xbf16>) bias(%b : tensor<6xbf16>) outs(%y : tensor<3x6xf32>) -> tensor<3x6xf32>
  return %0 : tensor<3x6xf32>
}

// CHECK-LABEL: func.func @linear_maps(
// CHECK: ra.linear {indexing_maps = [#{{.+}}, #{{.+}}]} ins({{.+}} : tensor<8x2x128xf32>, tensor<3x4x2x8xf32>) bias({{.+}} : tensor<3x4x2xf32>) outs({{.+}} : tensor<3x2x4x128x2xf32>) -> tensor<3x2x4x128x2xf32>
func.func @linear_maps(%x: tensor<8x2x128xf32>, %w: tensor<3x4x2x8xf32>, %b: tensor<3x4x2xf32>, %y: tensor<3x2x4x128x2xf32>) -> tensor<3x2x4x128x2xf32> {
  %0 = ra.linear {indexing_maps = [affine_map<(b, t, c) -> (c, b, t)>,
                                   affine_map<(b, t, s, h, d) -> (s, b, h, t, d)>]}
    ins(%x, %w : tensor<8x2x128xf32>, tensor<3x4x2x8xf32>) bias(%b : tensor<3x4x2xf32>)
    outs(%y : tensor<3x2x4x128x2xf32>) -> tensor<3x2x4x128x2xf32>
  return %0 : tensor<3x2x4x128x2xf32>
}

// CHECK-LABEL: func.func @linear_memref(
// CHECK: ra.linear ins({{.+}} : memref<3x8xf32, strided<[?, 1], offset: ?>>, memref<6x8xf32>) outs({{.+}} : memref<3x6xf32>)
func.func @linear_memref(%x: memref<3x8xf32, strided<[?, 1], offset: ?>>, %w: memref<6x8xf32>, %y: memref<3x6xf32>) {
  ra.linear ins(%x, %w : memref<3x8xf32, strided<[?, 1], offset: ?>>, memref<6x8xf32>) outs(%y : memref<3x6xf32>)
  return
}

//===----------------------------------------------------------------------===//
// ra.rope
//===----------------------------------------------------------------------===//

// CHECK-LABEL: func.func @rope(
// CHECK-SAME: %[[X:.+]]: tensor<2x3x5x8xf32>, %[[C:.+]]: tensor<5x4xf32>, %[[S:.+]]: tensor<5x4xf32>, %[[Y:.+]]: tensor<2x3x5x8xf32>)
// CHECK: ra.rope {style = #ra.rope_style<half>} ins(%[[X]], %[[C]], %[[S]] : tensor<2x3x5x8xf32>, tensor<5x4xf32>, tensor<5x4xf32>) outs(%[[Y]] : tensor<2x3x5x8xf32>) -> tensor<2x3x5x8xf32>
func.func @rope(%x: tensor<2x3x5x8xf32>, %c: tensor<5x4xf32>, %s: tensor<5x4xf32>, %y: tensor<2x3x5x8xf32>) -> tensor<2x3x5x8xf32> {
  %0 = ra.rope {style = #ra.rope_style<half>} ins(%x, %c, %s : tensor<2x3x5x8xf32>, tensor<5x4xf32>, tensor<5x4xf32>) outs(%y : tensor<2x3x5x8xf32>) -> tensor<2x3x5x8xf32>
  return %0 : tensor<2x3x5x8xf32>
}

// Interleaved, part of the head dim, tables per batch, heads inside.
// CHECK-LABEL: func.func @rope_interleaved(
// CHECK: ra.rope {indexing_maps = [#{{.+}}, #{{.+}}], style = #ra.rope_style<interleaved>} ins({{.+}} : tensor<?x?x3x8xf16>, tensor<?x?x3xf32>, tensor<?x?x3xf32>) outs({{.+}} : tensor<?x3x?x8xf16>) -> tensor<?x3x?x8xf16>
func.func @rope_interleaved(%x: tensor<?x?x3x8xf16>, %c: tensor<?x?x3xf32>, %s: tensor<?x?x3xf32>, %y: tensor<?x3x?x8xf16>) -> tensor<?x3x?x8xf16> {
  %0 = ra.rope {indexing_maps = [#bthd, #bhtd], style = #ra.rope_style<interleaved>}
    ins(%x, %c, %s : tensor<?x?x3x8xf16>, tensor<?x?x3xf32>, tensor<?x?x3xf32>) outs(%y : tensor<?x3x?x8xf16>) -> tensor<?x3x?x8xf16>
  return %0 : tensor<?x3x?x8xf16>
}

// CHECK-LABEL: func.func @rope_memref(
// CHECK: ra.rope {style = #ra.rope_style<half>} ins({{.+}} : memref<2x3x5x8xf32>, memref<5x4xf32>, memref<5x4xf32>) outs({{.+}} : memref<2x3x5x8xf32>)
func.func @rope_memref(%x: memref<2x3x5x8xf32>, %c: memref<5x4xf32>, %s: memref<5x4xf32>, %y: memref<2x3x5x8xf32>) {
  ra.rope {style = #ra.rope_style<half>} ins(%x, %c, %s : memref<2x3x5x8xf32>, memref<5x4xf32>, memref<5x4xf32>) outs(%y : memref<2x3x5x8xf32>)
  return
}

//===----------------------------------------------------------------------===//
// ra.attention
//===----------------------------------------------------------------------===//

// The mask that hides nothing is not printed.
// CHECK-LABEL: func.func @attention(
// CHECK-SAME: %[[Q:.+]]: tensor<2x6x5x8xf32>, %[[K:.+]]: tensor<2x3x7x8xf32>, %[[V:.+]]: tensor<2x3x7x4xf32>, %[[O:.+]]: tensor<2x6x5x4xf32>)
// CHECK: ra.attention ins(%[[Q]], %[[K]], %[[V]] : tensor<2x6x5x8xf32>, tensor<2x3x7x8xf32>, tensor<2x3x7x4xf32>) outs(%[[O]] : tensor<2x6x5x4xf32>) -> tensor<2x6x5x4xf32>
func.func @attention(%q: tensor<2x6x5x8xf32>, %k: tensor<2x3x7x8xf32>, %v: tensor<2x3x7x4xf32>, %o: tensor<2x6x5x4xf32>) -> tensor<2x6x5x4xf32> {
  %0 = ra.attention {mask = #ra.mask<none>} ins(%q, %k, %v : tensor<2x6x5x8xf32>, tensor<2x3x7x8xf32>, tensor<2x3x7x4xf32>) outs(%o : tensor<2x6x5x4xf32>) -> tensor<2x6x5x4xf32>
  return %0 : tensor<2x6x5x4xf32>
}

// Every optional part at once.
// CHECK-LABEL: func.func @attention_full(
// CHECK-SAME: %[[Q:[^:]+]]: tensor<?x?x6x8xf16>, %[[K:[^:]+]]: tensor<?x3x?x8xf16>, %[[V:[^:]+]]: tensor<?x3x?x8xf16>, %[[B:[^:]+]]: tensor<1x6x?x?xf32>, %[[P:[^:]+]]: index, %[[O:[^:]+]]: tensor<?x?x6x8xf32>, %[[L:[^:]+]]: tensor<?x6x?xf32>)
// CHECK: %[[R:.+]]:2 = ra.attention {indexing_maps = [#{{.+}}, #{{.+}}, #{{.+}}, #{{.+}}], mask = #ra.mask<window(3), bottom_right>, scale = 1.250000e-01 : f64, softcap = 3.000000e+01 : f64}
// CHECK-SAME: ins(%[[Q]], %[[K]], %[[V]] : tensor<?x?x6x8xf16>, tensor<?x3x?x8xf16>, tensor<?x3x?x8xf16>) bias(%[[B]] : tensor<1x6x?x?xf32>) offset(%[[P]])
// CHECK-SAME: outs(%[[O]] : tensor<?x?x6x8xf32>) lse(%[[L]] : tensor<?x6x?xf32>) -> tensor<?x?x6x8xf32>, tensor<?x6x?xf32>
// CHECK: return %[[R]]#0, %[[R]]#1
func.func @attention_full(%q: tensor<?x?x6x8xf16>, %k: tensor<?x3x?x8xf16>, %v: tensor<?x3x?x8xf16>, %b: tensor<1x6x?x?xf32>, %p: index, %o: tensor<?x?x6x8xf32>, %l: tensor<?x6x?xf32>) -> (tensor<?x?x6x8xf32>, tensor<?x6x?xf32>) {
  %0:2 = ra.attention {indexing_maps = [#bthd, #bhtd, #bhtd, #bthd], mask = #ra.mask<window(3), bottom_right>, scale = 0.125 : f64, softcap = 30.0 : f64}
    ins(%q, %k, %v : tensor<?x?x6x8xf16>, tensor<?x3x?x8xf16>, tensor<?x3x?x8xf16>) bias(%b : tensor<1x6x?x?xf32>) offset(%p)
    outs(%o : tensor<?x?x6x8xf32>) lse(%l : tensor<?x6x?xf32>) -> tensor<?x?x6x8xf32>, tensor<?x6x?xf32>
  return %0#0, %0#1 : tensor<?x?x6x8xf32>, tensor<?x6x?xf32>
}

// CHECK-LABEL: func.func @attention_memref(
// CHECK: ra.attention {mask = #ra.mask<causal>} ins({{.+}} : memref<2x3x5x8xf32, strided<[240, 8, 24, 1]>>, memref<2x3x5x8xf32>, memref<2x3x5x8xf32>) outs({{.+}} : memref<2x3x5x8xf32>) lse({{.+}} : memref<2x3x5xf32>){{$}}
func.func @attention_memref(%q: memref<2x3x5x8xf32, strided<[240, 8, 24, 1]>>, %k: memref<2x3x5x8xf32>, %v: memref<2x3x5x8xf32>, %o: memref<2x3x5x8xf32>, %l: memref<2x3x5xf32>) {
  ra.attention {mask = #ra.mask<causal>} ins(%q, %k, %v : memref<2x3x5x8xf32, strided<[240, 8, 24, 1]>>, memref<2x3x5x8xf32>, memref<2x3x5x8xf32>) outs(%o : memref<2x3x5x8xf32>) lse(%l : memref<2x3x5xf32>)
  return
}

//===----------------------------------------------------------------------===//
// ra.reciprocal_attention
//===----------------------------------------------------------------------===//

// CHECK-LABEL: func.func @reciprocal(
// CHECK: ra.reciprocal_attention {rank = array<i64: 2>} ins({{.+}}) outs({{.+}}) -> tensor<2x6x5x8xf32>
func.func @reciprocal(%q: tensor<2x6x5x8xf32>, %o: tensor<2x6x5x8xf32>) -> tensor<2x6x5x8xf32> {
  %0 = ra.reciprocal_attention {rank = array<i64: 2>} ins(%q, %q, %q : tensor<2x6x5x8xf32>, tensor<2x6x5x8xf32>, tensor<2x6x5x8xf32>) outs(%o : tensor<2x6x5x8xf32>) -> tensor<2x6x5x8xf32>
  return %0 : tensor<2x6x5x8xf32>
}

// Explicit dims, ranges of heads without a reciprocal term, grouped heads.
// CHECK-LABEL: func.func @reciprocal_dims(
// CHECK: ra.reciprocal_attention {gate_split = #ra.gate_split<query>, gqa = #ra.gqa<slots>, mask = #ra.mask<causal>, rank = array<i64: 0, 0, 2, 2, 2, 0>, rec_dims = array<i64: 1, 5>}
// CHECK-SAME: ins({{.+}} : tensor<?x6x?x8xbf16>, tensor<?x3x?x8xbf16>, tensor<?x3x?x8xbf16>) w_std({{.+}} : tensor<6xf32>) w_rec({{.+}} : tensor<1xf32>) bias({{.+}} : tensor<?x1x?x?xf32>) offset({{.+}}) outs({{.+}} : tensor<?x6x?x8xbf16>) lse({{.+}} : tensor<?x6x?xf32>) -> tensor<?x6x?x8xbf16>, tensor<?x6x?xf32>
func.func @reciprocal_dims(%q: tensor<?x6x?x8xbf16>, %k: tensor<?x3x?x8xbf16>, %s: tensor<6xf32>, %r: tensor<1xf32>, %b: tensor<?x1x?x?xf32>, %p: index, %o: tensor<?x6x?x8xbf16>, %l: tensor<?x6x?xf32>) -> (tensor<?x6x?x8xbf16>, tensor<?x6x?xf32>) {
  %0:2 = ra.reciprocal_attention {gate_split = #ra.gate_split<query>, gqa = #ra.gqa<slots>, mask = #ra.mask<causal>, rank = array<i64: 0, 0, 2, 2, 2, 0>, rec_dims = array<i64: 1, 5>}
    ins(%q, %k, %k : tensor<?x6x?x8xbf16>, tensor<?x3x?x8xbf16>, tensor<?x3x?x8xbf16>) w_std(%s : tensor<6xf32>) w_rec(%r : tensor<1xf32>) bias(%b : tensor<?x1x?x?xf32>) offset(%p)
    outs(%o : tensor<?x6x?x8xbf16>) lse(%l : tensor<?x6x?xf32>) -> tensor<?x6x?x8xbf16>, tensor<?x6x?xf32>
  return %0#0, %0#1 : tensor<?x6x?x8xbf16>, tensor<?x6x?xf32>
}

// CHECK-LABEL: func.func @reciprocal_projection(
// CHECK: ra.reciprocal_attention {rank = array<i64: 3>, scale = 5.000000e-01 : f64, softcap = 2.000000e+01 : f64} ins({{.+}}) projection({{.+}} : tensor<6x8x3xf32>) outs({{.+}}) -> tensor<2x6x5x8xf32>
func.func @reciprocal_projection(%q: tensor<2x6x5x8xf32>, %p: tensor<6x8x3xf32>, %o: tensor<2x6x5x8xf32>) -> tensor<2x6x5x8xf32> {
  %0 = ra.reciprocal_attention {rank = array<i64: 3>, scale = 0.5 : f64, softcap = 20.0 : f64} ins(%q, %q, %q : tensor<2x6x5x8xf32>, tensor<2x6x5x8xf32>, tensor<2x6x5x8xf32>)
    projection(%p : tensor<6x8x3xf32>) outs(%o : tensor<2x6x5x8xf32>) -> tensor<2x6x5x8xf32>
  return %0 : tensor<2x6x5x8xf32>
}

// The default split and grouping are not printed.
// CHECK-LABEL: func.func @reciprocal_basis(
// CHECK: ra.reciprocal_attention {indexing_maps = [#{{.+}}, #{{.+}}, #{{.+}}, #{{.+}}], rank = array<i64: 3>} ins({{.+}}) basis(%{{.+}}, %{{.+}} : tensor<6x8x8xf32>, tensor<8x8xf32>) outs({{.+}}) -> tensor<2x5x6x8xf32>
func.func @reciprocal_basis(%q: tensor<2x5x6x8xf32>, %k: tensor<2x5x3x8xf32>, %a: tensor<6x8x8xf32>, %b: tensor<8x8xf32>, %o: tensor<2x5x6x8xf32>) -> tensor<2x5x6x8xf32> {
  %0 = ra.reciprocal_attention {gate_split = #ra.gate_split<symmetric>, gqa = #ra.gqa<mean>, indexing_maps = [#bthd, #bthd, #bthd, #bthd], rank = array<i64: 3>}
    ins(%q, %k, %k : tensor<2x5x6x8xf32>, tensor<2x5x3x8xf32>, tensor<2x5x3x8xf32>)
    basis(%a, %b : tensor<6x8x8xf32>, tensor<8x8xf32>) outs(%o : tensor<2x5x6x8xf32>) -> tensor<2x5x6x8xf32>
  return %0 : tensor<2x5x6x8xf32>
}

// CHECK-LABEL: func.func @reciprocal_memref(
// CHECK: ra.reciprocal_attention {rank = array<i64: 2>} ins({{.+}}) w_std({{.+}} : memref<6xf32>) outs({{.+}} : memref<2x6x5x8xf32>){{$}}
func.func @reciprocal_memref(%q: memref<2x6x5x8xf32>, %s: memref<6xf32>, %o: memref<2x6x5x8xf32>) {
  ra.reciprocal_attention {rank = array<i64: 2>} ins(%q, %q, %q : memref<2x6x5x8xf32>, memref<2x6x5x8xf32>, memref<2x6x5x8xf32>) w_std(%s : memref<6xf32>) outs(%o : memref<2x6x5x8xf32>)
  return
}

//===----------------------------------------------------------------------===//
// ra.fold_weights
//===----------------------------------------------------------------------===//

// CHECK-LABEL: func.func @fold(
// CHECK: %{{.+}}, %{{.+}} = ra.fold_weights {num_heads = 4 : i64, rank = array<i64: 2>} ins({{.+}} : tensor<32x16xf32>, tensor<32x16xf32>) -> tensor<32x16xf32>, tensor<32x16xf32>
func.func @fold(%wq: tensor<32x16xf32>, %wk: tensor<32x16xf32>) -> (tensor<32x16xf32>, tensor<32x16xf32>) {
  %0, %1 = ra.fold_weights {num_heads = 4 : i64, rank = array<i64: 2>} ins(%wq, %wk : tensor<32x16xf32>, tensor<32x16xf32>) -> tensor<32x16xf32>, tensor<32x16xf32>
  return %0, %1 : tensor<32x16xf32>, tensor<32x16xf32>
}

// Slots: D' = 8 - 2 + 2 * 2 = 10. One bias given, two results.
// CHECK-LABEL: func.func @fold_slots(
// CHECK: ra.fold_weights {gate_split = #ra.gate_split<query>, gqa = #ra.gqa<slots>, num_heads = 4 : i64, num_kv_heads = 2 : i64, rec_dims = array<i64: 3, 7>} ins({{.+}} : tensor<32x?xf16>, tensor<16x?xf16>) key_bias({{.+}} : tensor<16xf16>) w_std({{.+}} : tensor<4xf32>) w_rec({{.+}} : tensor<1xf32>) -> tensor<40x?xf16>, tensor<20x?xf16> bias tensor<40xf16>, tensor<20xf16>
func.func @fold_slots(%wq: tensor<32x?xf16>, %wk: tensor<16x?xf16>, %bk: tensor<16xf16>, %s: tensor<4xf32>, %r: tensor<1xf32>) -> (tensor<40x?xf16>, tensor<20x?xf16>, tensor<40xf16>, tensor<20xf16>) {
  %0:4 = ra.fold_weights {gate_split = #ra.gate_split<query>, gqa = #ra.gqa<slots>, num_heads = 4 : i64, num_kv_heads = 2 : i64, rec_dims = array<i64: 3, 7>}
    ins(%wq, %wk : tensor<32x?xf16>, tensor<16x?xf16>) key_bias(%bk : tensor<16xf16>) w_std(%s : tensor<4xf32>) w_rec(%r : tensor<1xf32>)
    -> tensor<40x?xf16>, tensor<20x?xf16> bias tensor<40xf16>, tensor<20xf16>
  return %0#0, %0#1, %0#2, %0#3 : tensor<40x?xf16>, tensor<20x?xf16>, tensor<40xf16>, tensor<20xf16>
}

// CHECK-LABEL: func.func @fold_projection(
// CHECK: ra.fold_weights {num_heads = 4 : i64, rank = array<i64: 3>} ins({{.+}}) query_bias({{.+}} : tensor<32xf32>) key_bias({{.+}} : tensor<32xf32>) projection({{.+}} : tensor<8x3xf32>) -> tensor<32x16xf32>, tensor<32x16xf32> bias tensor<32xf32>, tensor<32xf32>
func.func @fold_projection(%w: tensor<32x16xf32>, %b: tensor<32xf32>, %p: tensor<8x3xf32>) {
  %0:4 = ra.fold_weights {num_heads = 4 : i64, rank = array<i64: 3>} ins(%w, %w : tensor<32x16xf32>, tensor<32x16xf32>) query_bias(%b : tensor<32xf32>) key_bias(%b : tensor<32xf32>) projection(%p : tensor<8x3xf32>)
    -> tensor<32x16xf32>, tensor<32x16xf32> bias tensor<32xf32>, tensor<32xf32>
  return
}

// CHECK-LABEL: func.func @fold_basis(
// CHECK: ra.fold_weights {num_heads = 4 : i64, rank = array<i64: 0, 0, 3, 3>} ins({{.+}}) basis(%{{.+}}, %{{.+}} : tensor<8x8xf32>, tensor<4x8x8xf32>) -> tensor<32x16xf32>, tensor<32x16xf32>
func.func @fold_basis(%w: tensor<32x16xf32>, %a: tensor<8x8xf32>, %b: tensor<4x8x8xf32>) {
  %0:2 = ra.fold_weights {num_heads = 4 : i64, rank = array<i64: 0, 0, 3, 3>} ins(%w, %w : tensor<32x16xf32>, tensor<32x16xf32>) basis(%a, %b : tensor<8x8xf32>, tensor<4x8x8xf32>)
    -> tensor<32x16xf32>, tensor<32x16xf32>
  return
}
