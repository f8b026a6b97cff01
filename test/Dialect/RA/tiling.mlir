// Tiles of the ra ops, made through the transform dialect.

// RUN: ra-opt %s --split-input-file --transform-interpreter --canonicalize --cse | FileCheck %s --enable-var-scope

// ra.linear over (m..., n...): channels are never split, and the bias follows the
// outputs. A tile at the edge of 20 is smaller.
// CHECK-DAG: #[[$X7:.+]] = affine_map<(d0) -> (d0 * 7)>
// CHECK-DAG: #[[$X3:.+]] = affine_map<(d0) -> (d0 * 3)>
// CHECK-DAG: #[[$EDGE:.+]] = affine_map<(d0) -> (d0 * -7 + 20, 7)>
// CHECK-LABEL: func.func @linear(
// CHECK-SAME: %[[X:[^:]+]]: tensor<?x20x8xf32>, %[[W:[^:]+]]: tensor<6x8xf32>, %[[B:[^:]+]]: tensor<6xf32>, %[[Y:[^:]+]]: tensor<?x20x6xf32>)
// CHECK: scf.forall (%[[I:.+]], %[[J:.+]], %[[K:.+]]) in (%{{.+}}, 3, 2) shared_outs(%[[OUT:.+]] = %[[Y]])
// CHECK-DAG: %[[M:.+]] = affine.apply #[[$X7]](%[[J]])
// CHECK-DAG: %[[N:.+]] = affine.apply #[[$X3]](%[[K]])
// CHECK-DAG: %[[SIZE:.+]] = affine.min #[[$EDGE]](%[[J]])
// CHECK: %[[XT:.+]] = tensor.extract_slice %[[X]][%[[I]], %[[M]], 0] [1, %[[SIZE]], 8] [1, 1, 1]
// CHECK: %[[WT:.+]] = tensor.extract_slice %[[W]][%[[N]], 0] [3, 8] [1, 1]
// CHECK: %[[BT:.+]] = tensor.extract_slice %[[B]][%[[N]]] [3] [1]
// CHECK: %[[YT:.+]] = tensor.extract_slice %[[OUT]][%[[I]], %[[M]], %[[N]]] [1, %[[SIZE]], 3] [1, 1, 1]
// CHECK: %[[R:.+]] = ra.linear ins(%[[XT]], %[[WT]] : tensor<1x?x8xf32>, tensor<3x8xf32>) bias(%[[BT]] : tensor<3xf32>) outs(%[[YT]] : tensor<1x?x3xf32>) -> tensor<1x?x3xf32>
// CHECK: tensor.parallel_insert_slice %[[R]] into %[[OUT]][%[[I]], %[[M]], %[[N]]] [1, %[[SIZE]], 3] [1, 1, 1]
func.func @linear(%x: tensor<?x20x8xf32>, %w: tensor<6x8xf32>, %b: tensor<6xf32>, %y: tensor<?x20x6xf32>) -> tensor<?x20x6xf32> {
  %0 = ra.linear ins(%x, %w : tensor<?x20x8xf32>, tensor<6x8xf32>) bias(%b : tensor<6xf32>) outs(%y : tensor<?x20x6xf32>) -> tensor<?x20x6xf32>
  return %0 : tensor<?x20x6xf32>
}
module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%root: !transform.any_op {transform.readonly}) {
    %op = transform.structured.match ops{["ra.linear"]} in %root : (!transform.any_op) -> !transform.any_op
    %tiled, %loop = transform.structured.tile_using_forall %op tile_sizes [1, 7, 3] : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    transform.yield
  }
}

// -----

// Maps of ra.linear: offsets are of (b, t, h, d), slices in the operands' order.
// CHECK-LABEL: func.func @linear_maps(
// CHECK-SAME: %[[X:[^:]+]]: tensor<20x2x16xf32>, %[[W:[^:]+]]: tensor<6x8x16xf32>, %[[Y:[^:]+]]: tensor<2x6x20x8xf32>)
// CHECK: scf.for %[[T:[a-z0-9]+]] = %{{.+}} iter_args(%[[O1:[a-z0-9]+]] = %[[Y]])
// CHECK: scf.for %[[H:[a-z0-9]+]] = %{{.+}} iter_args(%[[O2:[a-z0-9]+]] = %[[O1]])
// CHECK: tensor.extract_slice %[[X]][%[[T]], 0, 0] [5, 2, 16] [1, 1, 1]
// CHECK: tensor.extract_slice %[[W]][%[[H]], 0, 0] [2, 8, 16] [1, 1, 1]
// CHECK: tensor.extract_slice %[[O2]][0, %[[H]], %[[T]], 0] [2, 2, 5, 8] [1, 1, 1, 1]
// CHECK: ra.linear {indexing_maps = [#{{.+}}, #{{.+}}]}
// CHECK: tensor.insert_slice %{{.+}} into %[[O2]][0, %[[H]], %[[T]], 0] [2, 2, 5, 8] [1, 1, 1, 1]
func.func @linear_maps(%x: tensor<20x2x16xf32>, %w: tensor<6x8x16xf32>, %y: tensor<2x6x20x8xf32>) -> tensor<2x6x20x8xf32> {
  %0 = ra.linear {indexing_maps = [affine_map<(b, t, c) -> (t, b, c)>, affine_map<(b, t, h, d) -> (b, h, t, d)>]}
    ins(%x, %w : tensor<20x2x16xf32>, tensor<6x8x16xf32>) outs(%y : tensor<2x6x20x8xf32>) -> tensor<2x6x20x8xf32>
  return %0 : tensor<2x6x20x8xf32>
}
module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%root: !transform.any_op {transform.readonly}) {
    %op = transform.structured.match ops{["ra.linear"]} in %root : (!transform.any_op) -> !transform.any_op
    %tiled, %loops:2 = transform.structured.tile_using_for %op tile_sizes [0, 5, 2, 0] : (!transform.any_op) -> (!transform.any_op, !transform.any_op, !transform.any_op)
    transform.yield
  }
}

// -----

// ra.rope over (b, h, t): tables follow the position, and the batch when they have
// one. The input is stored as [B, T, H, D].
// CHECK-LABEL: func.func @rope(
// CHECK-SAME: %[[X:[^:]+]]: tensor<2x20x6x8xf32>, %[[C:[^:]+]]: tensor<2x20x3xf32>, %[[S:[^:]+]]: tensor<2x20x3xf32>, %[[Y:[^:]+]]: tensor<2x6x20x8xf32>)
// CHECK: scf.for %[[B:[a-z0-9]+]] = %{{.+}} iter_args(%{{.+}} = %[[Y]])
// CHECK: scf.for %[[H:[a-z0-9]+]] = %{{.+}} iter_args
// CHECK: scf.for %[[T:[a-z0-9]+]] = %{{.+}} iter_args(%[[OUT:[^ ]+]] =
// CHECK: %[[XT:.+]] = tensor.extract_slice %[[X]][%[[B]], %[[T]], %[[H]], 0] [1, 5, 2, 8] [1, 1, 1, 1]
// CHECK: %[[CT:.+]] = tensor.extract_slice %[[C]][%[[B]], %[[T]], 0] [1, 5, 3] [1, 1, 1]
// CHECK: %[[ST:.+]] = tensor.extract_slice %[[S]][%[[B]], %[[T]], 0] [1, 5, 3] [1, 1, 1]
// CHECK: %[[YT:.+]] = tensor.extract_slice %[[OUT]][%[[B]], %[[H]], %[[T]], 0] [1, 2, 5, 8] [1, 1, 1, 1]
// CHECK: %[[R:.+]] = ra.rope {indexing_maps = [#{{.+}}, #{{.+}}], style = #ra.rope_style<interleaved>} ins(%[[XT]], %[[CT]], %[[ST]] : {{.+}}) outs(%[[YT]] : tensor<1x2x5x8xf32>)
// CHECK: tensor.insert_slice %[[R]] into %[[OUT]][%[[B]], %[[H]], %[[T]], 0] [1, 2, 5, 8] [1, 1, 1, 1]
func.func @rope(%x: tensor<2x20x6x8xf32>, %c: tensor<2x20x3xf32>, %s: tensor<2x20x3xf32>, %y: tensor<2x6x20x8xf32>) -> tensor<2x6x20x8xf32> {
  %0 = ra.rope {style = #ra.rope_style<interleaved>, indexing_maps = [affine_map<(b, h, t, d) -> (b, t, h, d)>, affine_map<(b, h, t, d) -> (b, h, t, d)>]}
    ins(%x, %c, %s : tensor<2x20x6x8xf32>, tensor<2x20x3xf32>, tensor<2x20x3xf32>) outs(%y : tensor<2x6x20x8xf32>) -> tensor<2x6x20x8xf32>
  return %0 : tensor<2x6x20x8xf32>
}
module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%root: !transform.any_op {transform.readonly}) {
    %op = transform.structured.match ops{["ra.rope"]} in %root : (!transform.any_op) -> !transform.any_op
    %tiled, %loops:3 = transform.structured.tile_using_for %op tile_sizes [1, 2, 5] : (!transform.any_op) -> (!transform.any_op, !transform.any_op, !transform.any_op, !transform.any_op)
    transform.yield
  }
}

// -----

// ra.attention over (b, h, t). Grouped heads: tile h reads key head h / 2. A bias
// broadcast in the batch stays at 0. Bottom-right: row i of a tile is at
// 5 * tile + i + (28 - 20), and the tile says so in its offset.
// CHECK-DAG: #[[$X5:.+]] = affine_map<(d0) -> (d0 * 5)>
// CHECK-DAG: #[[$HALF:.+]] = affine_map<(d0) -> (d0 floordiv 2)>
// CHECK-DAG: #[[$POSITION:.+]] = affine_map<(d0) -> (d0 * 5 + 8)>
// CHECK-LABEL: func.func @attention(
// CHECK-SAME: %[[Q:[^:]+]]: tensor<2x6x20x8xf32>, %[[K:[^:]+]]: tensor<2x3x28x8xf32>, %[[V:[^:]+]]: tensor<2x3x28x4xf32>, %[[BIAS:[^:]+]]: tensor<1x6x20x28xf32>, %[[O:[^:]+]]: tensor<2x6x20x4xf32>, %[[L:[^:]+]]: tensor<2x6x20xf32>)
// CHECK: scf.forall (%[[I:.+]], %[[J:.+]], %[[N:.+]]) in (2, 6, 4) shared_outs(%[[OUT:.+]] = %[[O]], %[[LSE:.+]] = %[[L]])
// CHECK-DAG: %[[T:.+]] = affine.apply #[[$X5]](%[[N]])
// CHECK-DAG: %[[G:.+]] = affine.apply #[[$HALF]](%[[J]])
// CHECK-DAG: %[[P:.+]] = affine.apply #[[$POSITION]](%[[N]])
// CHECK-DAG: %[[QT:.+]] = tensor.extract_slice %[[Q]][%[[I]], %[[J]], %[[T]], 0] [1, 1, 5, 8]
// CHECK-DAG: %[[KT:.+]] = tensor.extract_slice %[[K]][%[[I]], %[[G]], 0, 0] [1, 1, 28, 8]
// CHECK-DAG: %[[VT:.+]] = tensor.extract_slice %[[V]][%[[I]], %[[G]], 0, 0] [1, 1, 28, 4]
// CHECK-DAG: %[[BT:.+]] = tensor.extract_slice %[[BIAS]][0, %[[J]], %[[T]], 0] [1, 1, 5, 28]
// CHECK-DAG: %[[OT:.+]] = tensor.extract_slice %[[OUT]][%[[I]], %[[J]], %[[T]], 0] [1, 1, 5, 4]
// CHECK-DAG: %[[LT:.+]] = tensor.extract_slice %[[LSE]][%[[I]], %[[J]], %[[T]]] [1, 1, 5]
// CHECK: %[[R:.+]]:2 = ra.attention {mask = #ra.mask<causal>, scale = 1.000000e-01 : f64} ins(%[[QT]], %[[KT]], %[[VT]] : {{[^)]+}}) bias(%[[BT]] : {{[^)]+}}) offset(%[[P]]) outs(%[[OT]] : {{[^)]+}}) lse(%[[LT]] : {{[^)]+}})
// CHECK-DAG: tensor.parallel_insert_slice %[[R]]#0 into %[[OUT]][%[[I]], %[[J]], %[[T]], 0] [1, 1, 5, 4]
// CHECK-DAG: tensor.parallel_insert_slice %[[R]]#1 into %[[LSE]][%[[I]], %[[J]], %[[T]]] [1, 1, 5]
func.func @attention(%q: tensor<2x6x20x8xf32>, %k: tensor<2x3x28x8xf32>, %v: tensor<2x3x28x4xf32>, %bias: tensor<1x6x20x28xf32>, %o: tensor<2x6x20x4xf32>, %l: tensor<2x6x20xf32>) -> (tensor<2x6x20x4xf32>, tensor<2x6x20xf32>) {
  %0:2 = ra.attention {mask = #ra.mask<causal, bottom_right>, scale = 0.1 : f64} ins(%q, %k, %v : tensor<2x6x20x8xf32>, tensor<2x3x28x8xf32>, tensor<2x3x28x4xf32>) bias(%bias : tensor<1x6x20x28xf32>)
    outs(%o : tensor<2x6x20x4xf32>) lse(%l : tensor<2x6x20xf32>) -> tensor<2x6x20x4xf32>, tensor<2x6x20xf32>
  return %0#0, %0#1 : tensor<2x6x20x4xf32>, tensor<2x6x20xf32>
}
module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%root: !transform.any_op {transform.readonly}) {
    %op = transform.structured.match ops{["ra.attention"]} in %root : (!transform.any_op) -> !transform.any_op
    %tiled, %loop = transform.structured.tile_using_forall %op tile_sizes [1, 1, 5] : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    transform.yield
  }
}

// -----

// Dynamic lengths and an offset of its own: tile start + offset + Tk - Tq. Two heads
// are one group.
// CHECK-DAG: #[[$POSITION:.+]] = affine_map<()[s0, s1, s2, s3] -> (s0 + s1 - s2 + s3)>
// CHECK-LABEL: func.func @attention_dynamic(
// CHECK-SAME: %[[Q:[^:]+]]: tensor<2x6x?x8xf32>, %[[K:[^:]+]]: tensor<2x3x?x8xf32>, %[[P:[^:]+]]: index)
// CHECK-DAG: %[[C2:.+]] = arith.constant 2 : index
// CHECK-DAG: %[[TQ:.+]] = tensor.dim %[[Q]], %[[C2]]
// CHECK: scf.for %[[H:[a-z0-9]+]] = %{{.+}} to %{{.+}} step %[[C2]] {{.*}}
// CHECK: scf.for %[[T:[a-z0-9]+]] = %{{.+}} to %[[TQ]]
// CHECK-DAG: %[[G:.+]] = affine.apply #{{.+}}(%[[H]])
// CHECK-DAG: %[[TK:.+]] = tensor.dim %[[K]], %[[C2]]
// CHECK-DAG: tensor.extract_slice %[[Q]][0, %[[H]], %[[T]], 0] [2, 2, %{{.+}}, 8]
// CHECK-DAG: tensor.extract_slice %[[K]][0, %[[G]], 0, 0] [2, 1, %[[TK]], 8]
// CHECK-DAG: %[[POS:.+]] = affine.apply #[[$POSITION]]()[%[[T]], %[[P]], %[[TQ]], %[[TK]]]
// CHECK: ra.attention {mask = #ra.mask<window(7)>} ins({{.+}}) offset(%[[POS]])
func.func @attention_dynamic(%q: tensor<2x6x?x8xf32>, %k: tensor<2x3x?x8xf32>, %p: index) -> tensor<2x6x?x8xf32> {
  %0 = ra.attention {mask = #ra.mask<window(7), bottom_right>} ins(%q, %k, %k : tensor<2x6x?x8xf32>, tensor<2x3x?x8xf32>, tensor<2x3x?x8xf32>) offset(%p) outs(%q : tensor<2x6x?x8xf32>) -> tensor<2x6x?x8xf32>
  return %0 : tensor<2x6x?x8xf32>
}
module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%root: !transform.any_op {transform.readonly}) {
    %op = transform.structured.match ops{["ra.attention"]} in %root : (!transform.any_op) -> !transform.any_op
    %tiled, %loops:2 = transform.structured.tile_using_for %op tile_sizes [0, 2, 64] : (!transform.any_op) -> (!transform.any_op, !transform.any_op, !transform.any_op)
    transform.yield
  }
}

// -----

// Nothing masked, nothing to say about positions. Memrefs are cut by views.
// CHECK-LABEL: func.func @attention_memref(
// CHECK-SAME: %[[Q:[^:]+]]: memref<2x6x20x8xf32>, %[[O:[^:]+]]: memref<2x6x20x8xf32>, %[[L:[^:]+]]: memref<2x6x20xf32>)
// CHECK: scf.for %[[H:[a-z0-9]+]] = %{{.+}} {
// CHECK: scf.for %[[T:[a-z0-9]+]] = %{{.+}} {
// CHECK: %[[QT:.+]] = memref.subview %[[Q]][0, %[[H]], %[[T]], 0] [2, 1, 5, 8]
// CHECK: %[[KT:.+]] = memref.subview %[[Q]][0, %[[H]], 0, 0] [2, 1, 20, 8]
// CHECK: %[[OT:.+]] = memref.subview %[[O]][0, %[[H]], %[[T]], 0] [2, 1, 5, 8]
// CHECK: %[[LT:.+]] = memref.subview %[[L]][0, %[[H]], %[[T]]] [2, 1, 5]
// CHECK: ra.attention ins(%[[QT]], %[[KT]], %[[KT]] : {{.+}}) outs(%[[OT]] : {{.+}}) lse(%[[LT]] : {{.+}}){{$}}
func.func @attention_memref(%q: memref<2x6x20x8xf32>, %o: memref<2x6x20x8xf32>, %l: memref<2x6x20xf32>) {
  ra.attention ins(%q, %q, %q : memref<2x6x20x8xf32>, memref<2x6x20x8xf32>, memref<2x6x20x8xf32>) outs(%o : memref<2x6x20x8xf32>) lse(%l : memref<2x6x20xf32>)
  return
}
module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%root: !transform.any_op {transform.readonly}) {
    %op = transform.structured.match ops{["ra.attention"]} in %root : (!transform.any_op) -> !transform.any_op
    %tiled, %loops:2 = transform.structured.tile_using_for %op tile_sizes [0, 1, 5] : (!transform.any_op) -> (!transform.any_op, !transform.any_op, !transform.any_op)
    transform.yield
  }
}

// -----

// ra.reciprocal_attention over (b, h): whole sequences, as every query is a key too.
// Gates and bias follow the head; a shared gate and a shared projection stay.
// CHECK-DAG: #[[$X2:.+]] = affine_map<(d0) -> (d0 * 2)>
// CHECK-LABEL: func.func @reciprocal(
// CHECK-SAME: %[[Q:[^:]+]]: tensor<2x6x5x8xf32>, %[[K:[^:]+]]: tensor<2x3x5x8xf32>, %[[S:[^:]+]]: tensor<6xf32>, %[[R:[^:]+]]: tensor<1xf32>, %[[PR:[^:]+]]: tensor<8x2xf32>, %[[B:[^:]+]]: tensor<2x1x5x5xf32>, %[[L:[^:]+]]: tensor<2x6x5xf32>)
// CHECK: scf.forall (%[[I:.+]], %[[J:.+]]) in (2, 3) shared_outs(%[[OUT:.+]] = %[[Q]], %[[LSE:.+]] = %[[L]])
// CHECK-DAG: %[[H:.+]] = affine.apply #[[$X2]](%[[J]])
// CHECK-DAG: %[[QT:.+]] = tensor.extract_slice %[[Q]][%[[I]], %[[H]], 0, 0] [1, 2, 5, 8]
// CHECK-DAG: %[[KT:.+]] = tensor.extract_slice %[[K]][%[[I]], %[[J]], 0, 0] [1, 1, 5, 8]
// CHECK-DAG: %[[ST:.+]] = tensor.extract_slice %[[S]][%[[H]]] [2]
// CHECK-DAG: %[[BT:.+]] = tensor.extract_slice %[[B]][%[[I]], 0, 0, 0] [1, 1, 5, 5]
// CHECK-DAG: %[[OT:.+]] = tensor.extract_slice %[[OUT]][%[[I]], %[[H]], 0, 0] [1, 2, 5, 8]
// CHECK-DAG: %[[LT:.+]] = tensor.extract_slice %[[LSE]][%[[I]], %[[H]], 0] [1, 2, 5]
// CHECK: %[[T:.+]]:2 = ra.reciprocal_attention {mask = #ra.mask<causal>, rank = array<i64: 2>} ins(%[[QT]], %[[KT]], %[[KT]] : {{[^)]+}}) w_std(%[[ST]] : tensor<2xf32>) w_rec(%[[R]] : tensor<1xf32>) projection(%[[PR]] : tensor<8x2xf32>) bias(%[[BT]] : {{[^)]+}}) outs(%[[OT]] : {{[^)]+}}) lse(%[[LT]] : {{[^)]+}})
// CHECK-DAG: tensor.parallel_insert_slice %[[T]]#0 into %[[OUT]][%[[I]], %[[H]], 0, 0] [1, 2, 5, 8]
// CHECK-DAG: tensor.parallel_insert_slice %[[T]]#1 into %[[LSE]][%[[I]], %[[H]], 0] [1, 2, 5]
func.func @reciprocal(%q: tensor<2x6x5x8xf32>, %k: tensor<2x3x5x8xf32>, %s: tensor<6xf32>, %r: tensor<1xf32>, %p: tensor<8x2xf32>, %b: tensor<2x1x5x5xf32>, %l: tensor<2x6x5xf32>) -> (tensor<2x6x5x8xf32>, tensor<2x6x5xf32>) {
  %0:2 = ra.reciprocal_attention {mask = #ra.mask<causal>, rank = array<i64: 2, 2, 2, 2, 2, 2>} ins(%q, %k, %k : tensor<2x6x5x8xf32>, tensor<2x3x5x8xf32>, tensor<2x3x5x8xf32>)
    w_std(%s : tensor<6xf32>) w_rec(%r : tensor<1xf32>) projection(%p : tensor<8x2xf32>) bias(%b : tensor<2x1x5x5xf32>)
    outs(%q : tensor<2x6x5x8xf32>) lse(%l : tensor<2x6x5xf32>) -> tensor<2x6x5x8xf32>, tensor<2x6x5xf32>
  return %0#0, %0#1 : tensor<2x6x5x8xf32>, tensor<2x6x5xf32>
}
module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%root: !transform.any_op {transform.readonly}) {
    %op = transform.structured.match ops{["ra.reciprocal_attention"]} in %root : (!transform.any_op) -> !transform.any_op
    %tiled, %loop = transform.structured.tile_using_forall %op tile_sizes [1, 2] : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    transform.yield
  }
}

// -----

// Slots: a head at a time, each with the key head of its group; the bases follow
// query heads and key heads.
// CHECK-LABEL: func.func @reciprocal_slots(
// CHECK-SAME: %[[Q:[^:]+]]: tensor<2x6x5x8xf32>, %[[K:[^:]+]]: tensor<2x3x5x8xf32>, %[[A:[^:]+]]: tensor<6x8x8xf32>, %[[B:[^:]+]]: tensor<3x8x8xf32>)
// CHECK: scf.forall (%[[H:.+]]) in (6) shared_outs(%[[OUT:.+]] = %[[Q]])
// CHECK-DAG: %[[G:.+]] = affine.apply #{{.+}}(%[[H]])
// CHECK-DAG: %[[KT:.+]] = tensor.extract_slice %[[K]][0, %[[G]], 0, 0] [2, 1, 5, 8]
// CHECK-DAG: %[[AT:.+]] = tensor.extract_slice %[[A]][%[[H]], 0, 0] [1, 8, 8]
// CHECK-DAG: %[[BT:.+]] = tensor.extract_slice %[[B]][%[[G]], 0, 0] [1, 8, 8]
// CHECK: ra.reciprocal_attention {gqa = #ra.gqa<slots>, rank = array<i64: 2>} ins(%{{.+}}, %[[KT]], %[[KT]] : {{.+}}) basis(%[[AT]], %[[BT]] : tensor<1x8x8xf32>, tensor<1x8x8xf32>)
func.func @reciprocal_slots(%q: tensor<2x6x5x8xf32>, %k: tensor<2x3x5x8xf32>, %a: tensor<6x8x8xf32>, %b: tensor<3x8x8xf32>) -> tensor<2x6x5x8xf32> {
  %0 = ra.reciprocal_attention {gqa = #ra.gqa<slots>, rank = array<i64: 2>} ins(%q, %k, %k : tensor<2x6x5x8xf32>, tensor<2x3x5x8xf32>, tensor<2x3x5x8xf32>)
    basis(%a, %b : tensor<6x8x8xf32>, tensor<3x8x8xf32>) outs(%q : tensor<2x6x5x8xf32>) -> tensor<2x6x5x8xf32>
  return %0 : tensor<2x6x5x8xf32>
}
module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%root: !transform.any_op {transform.readonly}) {
    %op = transform.structured.match ops{["ra.reciprocal_attention"]} in %root : (!transform.any_op) -> !transform.any_op
    %tiled, %loop = transform.structured.tile_using_forall %op tile_sizes [0, 1] : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    transform.yield
  }
}

// -----

// Ranks that differ between heads travel with the batch.
// CHECK-LABEL: func.func @reciprocal_batch(
// CHECK: scf.forall (%{{.+}}) in (2)
// CHECK: ra.reciprocal_attention {rank = array<i64: 0, 0, 2, 2, 0, 0>} ins({{.+}} : tensor<1x6x5x8xf32>,
func.func @reciprocal_batch(%q: tensor<2x6x5x8xf32>) -> tensor<2x6x5x8xf32> {
  %0 = ra.reciprocal_attention {rank = array<i64: 0, 0, 2, 2, 0, 0>} ins(%q, %q, %q : tensor<2x6x5x8xf32>, tensor<2x6x5x8xf32>, tensor<2x6x5x8xf32>) outs(%q : tensor<2x6x5x8xf32>) -> tensor<2x6x5x8xf32>
  return %0 : tensor<2x6x5x8xf32>
}
module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%root: !transform.any_op {transform.readonly}) {
    %op = transform.structured.match ops{["ra.reciprocal_attention"]} in %root : (!transform.any_op) -> !transform.any_op
    %tiled, %loop = transform.structured.tile_using_forall %op tile_sizes [1] : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    transform.yield
  }
}

// -----

// Producers fuse: of the projection and the rotation only the tile's rows and heads
// are computed.
// CHECK-LABEL: func.func @fused(
// CHECK-SAME: %[[X:[^:]+]]: tensor<2x20x16xf32>, %[[W:[^:]+]]: tensor<6x8x16xf32>, %[[C:[^:]+]]: tensor<20x4xf32>, %[[E:[^:]+]]: tensor<2x6x20x8xf32>, %[[K:[^:]+]]: tensor<2x3x20x8xf32>)
// CHECK-NOT: ra.
// CHECK: scf.forall (%[[I:.+]], %[[J:.+]], %[[N:.+]]) in (2, 3, 4) shared_outs(%[[OUT:.+]] = %[[E]])
// CHECK-DAG: %[[H:.+]] = affine.apply #{{.+}}(%[[J]])
// CHECK-DAG: %[[T:.+]] = affine.apply #{{.+}}(%[[N]])
// CHECK-DAG: %[[XT:.+]] = tensor.extract_slice %[[X]][%[[I]], %[[T]], 0] [1, 5, 16]
// CHECK-DAG: %[[WT:.+]] = tensor.extract_slice %[[W]][%[[H]], 0, 0] [2, 8, 16]
// CHECK: %[[LINEAR:.+]] = ra.linear {{.+}} ins(%[[XT]], %[[WT]] : {{.+}} -> tensor<1x2x5x8xf32>
// CHECK: %[[CT:.+]] = tensor.extract_slice %[[C]][%[[T]], 0] [5, 4]
// CHECK: %[[ROPE:.+]] = ra.rope {style = #ra.rope_style<half>} ins(%[[LINEAR]], %[[CT]], %[[CT]]
// CHECK: %[[KT:.+]] = tensor.extract_slice %[[K]][%[[I]], %[[J]], 0, 0] [1, 1, 20, 8]
// CHECK: ra.attention {mask = #ra.mask<causal>} ins(%[[ROPE]], %[[KT]], %[[KT]] : {{.+}}) offset(%[[T]])
func.func @fused(%x: tensor<2x20x16xf32>, %w: tensor<6x8x16xf32>, %c: tensor<20x4xf32>, %e: tensor<2x6x20x8xf32>, %k: tensor<2x3x20x8xf32>) -> tensor<2x6x20x8xf32> {
  %0 = ra.linear {indexing_maps = [affine_map<(b, t, c) -> (b, t, c)>, affine_map<(b, t, h, d) -> (b, h, t, d)>]} ins(%x, %w : tensor<2x20x16xf32>, tensor<6x8x16xf32>) outs(%e : tensor<2x6x20x8xf32>) -> tensor<2x6x20x8xf32>
  %1 = ra.rope {style = #ra.rope_style<half>} ins(%0, %c, %c : tensor<2x6x20x8xf32>, tensor<20x4xf32>, tensor<20x4xf32>) outs(%e : tensor<2x6x20x8xf32>) -> tensor<2x6x20x8xf32>
  %2 = ra.attention {mask = #ra.mask<causal>} ins(%1, %k, %k : tensor<2x6x20x8xf32>, tensor<2x3x20x8xf32>, tensor<2x3x20x8xf32>) outs(%e : tensor<2x6x20x8xf32>) -> tensor<2x6x20x8xf32>
  return %2 : tensor<2x6x20x8xf32>
}
module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%root: !transform.any_op {transform.readonly}) {
    %op = transform.structured.match ops{["ra.attention"]} in %root : (!transform.any_op) -> !transform.any_op
    %rope = transform.structured.match ops{["ra.rope"]} in %root : (!transform.any_op) -> !transform.any_op
    %linear = transform.structured.match ops{["ra.linear"]} in %root : (!transform.any_op) -> !transform.any_op
    %tiled, %loop = transform.structured.tile_using_forall %op tile_sizes [1, 2, 5] : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    %rope_tile, %loop_1 = transform.structured.fuse_into_containing_op %rope into %loop : (!transform.any_op, !transform.any_op) -> (!transform.any_op, !transform.any_op)
    %linear_tile, %loop_2 = transform.structured.fuse_into_containing_op %linear into %loop_1 : (!transform.any_op, !transform.any_op) -> (!transform.any_op, !transform.any_op)
    transform.yield
  }
}

// -----

// Attention fuses into the product that reads it: the wanted slice is in the order
// [B, T, H, D] of its output map.
// CHECK-LABEL: func.func @consumer(
// CHECK-SAME: %[[Q:[^:]+]]: tensor<2x6x20x8xf32>, %[[O:[^:]+]]: tensor<2x20x6x8xf32>
// CHECK: scf.for %[[B:[a-z0-9]+]] = %{{.+}}
// CHECK: scf.for %[[T:[a-z0-9]+]] = %{{.+}}
// CHECK: scf.for %[[H:[a-z0-9]+]] = %{{.+}}
// CHECK-DAG: %[[QT:.+]] = tensor.extract_slice %[[Q]][%[[B]], %[[H]], %[[T]], 0] [1, 2, 5, 8]
// CHECK-DAG: %[[KT:.+]] = tensor.extract_slice %[[Q]][%[[B]], %[[H]], 0, 0] [1, 2, 20, 8]
// CHECK-DAG: %[[OT:.+]] = tensor.extract_slice %[[O]][%[[B]], %[[T]], %[[H]], 0] [1, 5, 2, 8]
// CHECK: %[[R:.+]] = ra.attention {{.+}} ins(%[[QT]], %[[KT]], %[[KT]] : {{.+}}) offset(%[[T]]) outs(%[[OT]] : {{.+}}) -> tensor<1x5x2x8xf32>
// CHECK: ra.linear ins(%[[R]],
func.func @consumer(%q: tensor<2x6x20x8xf32>, %o: tensor<2x20x6x8xf32>, %w: tensor<16x8xf32>, %y: tensor<2x20x6x16xf32>) -> tensor<2x20x6x16xf32> {
  %1 = ra.attention {mask = #ra.mask<causal>, indexing_maps = [affine_map<(b, h, t, d) -> (b, h, t, d)>, affine_map<(b, h, t, d) -> (b, h, t, d)>, affine_map<(b, h, t, d) -> (b, h, t, d)>, affine_map<(b, h, t, d) -> (b, t, h, d)>]}
    ins(%q, %q, %q : tensor<2x6x20x8xf32>, tensor<2x6x20x8xf32>, tensor<2x6x20x8xf32>) outs(%o : tensor<2x20x6x8xf32>) -> tensor<2x20x6x8xf32>
  %2 = ra.linear ins(%1, %w : tensor<2x20x6x8xf32>, tensor<16x8xf32>) outs(%y : tensor<2x20x6x16xf32>) -> tensor<2x20x6x16xf32>
  return %2 : tensor<2x20x6x16xf32>
}
module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%root: !transform.any_op {transform.readonly}) {
    %op = transform.structured.match ops{["ra.linear"]} in %root : (!transform.any_op) -> !transform.any_op
    %tiled, %loops:3 = transform.structured.fuse %op tile_sizes [1, 5, 2, 0] : (!transform.any_op) -> (!transform.any_op, !transform.any_op, !transform.any_op, !transform.any_op)
    transform.yield
  }
}
