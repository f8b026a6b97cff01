//===- Passes.td - Passes on the ra dialect ----------------*- tablegen -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RA_DIALECT_RA_TRANSFORMS_PASSES_TD
#define RA_DIALECT_RA_TRANSFORMS_PASSES_TD

include "mlir/Pass/PassBase.td"

class RA_Pass<string mnemonic, string anchor> : Pass<mnemonic, anchor> {
  let dependentDialects = [
    "::ra::RADialect", "::mlir::arith::ArithDialect",
    "::mlir::func::FuncDialect", "::mlir::linalg::LinalgDialect",
    "::mlir::math::MathDialect", "::mlir::tensor::TensorDialect"];
}

def RaisePass : RA_Pass<"ra-raise", "::mlir::func::FuncOp"> {
  let summary = "attention written in linalg to ra ops";
  let description = [{
    Finds attention in tensor programs, by what is computed and not by which ops
    or names spell it, and replaces it by `ra.attention`; the open-coded
    reciprocal form by `ra.reciprocal_attention`; products with a weight by
    `ra.linear`. It reads modules as torch-mlir and the lowering of StableHLO to
    linalg leave them.

    From each product whose first factor could be probabilities, one element is
    read backwards as a scalar formula over loop dims: through named ops,
    `linalg.generic`, `contract`, `map`, `reduce`, `broadcast`, `transpose`,
    `softmax`, fills, casts, reshapes and slices. Then the formula is taken apart:

    * softmax over the keys: `exp(x_j) / sum_j exp(x_j)` with anything subtracted
      from `x` that does not depend on the key, divided before or after the product
      with the values, by division or by a reciprocal; also `exp2`; guards
      against rows that see no key;
    * scores: a product of query and key, times numbers on either factor or on the
      result; a softcap `c * tanh(x / c)`; terms that are added (the bias);
    * masks: by comparison of positions, or constants, selected or added, become
      `#ra.mask` where they are causal or a window (with a bottom-right
      alignment or an offset), and a bias otherwise;
    * layouts: transposes and reshapes around the operands become indexing
      maps and views; grouped heads as a repeated key head or as a dim of their
      own; the batch and head dims together or apart; dynamic batch and lengths;
    * reciprocal form: two or more products over parts of the head dim, of query
      rows with keys and of key rows with queries, each with a gate (a number, a
      tensor by head, or what is computed from one). Gates that are not known to
      be positive get `gate_split = query`.

    **What is preserved.** Wherever the original is not NaN, the raised op has its
    value up to rounding; intermediate rounding to a narrower type may go, none is
    added. A row that sees no key, and for which the original computes 0/0, gives 0
    (see `ra.attention`). Two facts are taken for granted and can be set: finite
    values that hide a key do so because no score is larger in magnitude than
    `score-bound`; and where a finite value might hide every key of a row, the
    original gives the mean of the values, so that such a mask is added as a bias
    and not turned into an attribute, and declined where that is not exact, unless
    `every-row-sees-a-key`.

    What looks like attention and is not raised is a remark at the product with
    the values (`missed`, category `ra-raise`) under one of these names, saying
    what did not match: `softmax`, `axis`, `scores`, `scale`, `mask`, `softcap`,
    `reciprocal`, `layout`, `values`, `uses` (scores or probabilities are used
    elsewhere, and would have to stay), `form` (an op between is not read
    through). What is raised is a remark, too (`passed`).

    Not read: rotary embeddings, which stay the linalg ops they are; P and basis of
    the reciprocal form; concatenations; the dynamic lengths of torch-mlir, which
    index with a run-time choice between 0 and the position.

    ```mlir
    // ra-opt --ra-raise
    func.func @attend(%q: tensor<6x16x8xf32>, %k: tensor<6x16x8xf32>,
                      %v: tensor<6x16x8xf32>) -> tensor<6x16x8xf32> {
      %zero = arith.constant 0.0 : f32
      %scale = arith.constant 0.25 : f32
      %hidden = arith.constant 0xFF800000 : f32
      %es = tensor.empty() : tensor<6x16x16xf32>
      %zs = linalg.fill ins(%zero : f32) outs(%es : tensor<6x16x16xf32>)
          -> tensor<6x16x16xf32>
      %s = linalg.contract indexing_maps = [
          affine_map<(b, i, j, d) -> (b, i, d)>,
          affine_map<(b, i, j, d) -> (b, j, d)>,
          affine_map<(b, i, j, d) -> (b, i, j)>]
          ins(%q, %k : tensor<6x16x8xf32>, tensor<6x16x8xf32>)
          outs(%zs : tensor<6x16x16xf32>) -> tensor<6x16x16xf32>
      %m = linalg.generic {indexing_maps = [
          affine_map<(b, i, j) -> (b, i, j)>, affine_map<(b, i, j) -> (b, i, j)>],
          iterator_types = ["parallel", "parallel", "parallel"]}
          ins(%s : tensor<6x16x16xf32>) outs(%es : tensor<6x16x16xf32>) {
      ^bb0(%score: f32, %unused: f32):
        %i = linalg.index 1 : index
        %j = linalg.index 2 : index
        %sees = arith.cmpi sle, %j, %i : index
        %scaled = arith.mulf %score, %scale : f32
        %masked = arith.select %sees, %scaled, %hidden : f32
        linalg.yield %masked : f32
      } -> tensor<6x16x16xf32>
      %p = linalg.softmax dimension(2) ins(%m : tensor<6x16x16xf32>)
          outs(%es : tensor<6x16x16xf32>) -> tensor<6x16x16xf32>
      %eo = tensor.empty() : tensor<6x16x8xf32>
      %zo = linalg.fill ins(%zero : f32) outs(%eo : tensor<6x16x8xf32>)
          -> tensor<6x16x8xf32>
      %o = linalg.batch_matmul
          ins(%p, %v : tensor<6x16x16xf32>, tensor<6x16x8xf32>)
          outs(%zo : tensor<6x16x8xf32>) -> tensor<6x16x8xf32>
      return %o : tensor<6x16x8xf32>
    }
    ```

    ```mlir
    // becomes
    func.func @attend(%q: tensor<6x16x8xf32>, %k: tensor<6x16x8xf32>,
                      %v: tensor<6x16x8xf32>) -> tensor<6x16x8xf32> {
      %qh = tensor.expand_shape %q [[0, 1], [2], [3]] output_shape [6, 1, 16, 8]
          : tensor<6x16x8xf32> into tensor<6x1x16x8xf32>
      %kh = tensor.expand_shape %k [[0, 1], [2], [3]] output_shape [6, 1, 16, 8]
          : tensor<6x16x8xf32> into tensor<6x1x16x8xf32>
      %vh = tensor.expand_shape %v [[0, 1], [2], [3]] output_shape [6, 1, 16, 8]
          : tensor<6x16x8xf32> into tensor<6x1x16x8xf32>
      %e = tensor.empty() : tensor<6x1x16x8xf32>
      %0 = ra.attention {mask = #ra.mask<causal>, scale = 0.25 : f64}
          ins(%qh, %kh, %vh : tensor<6x1x16x8xf32>, tensor<6x1x16x8xf32>, tensor<6x1x16x8xf32>)
          outs(%e : tensor<6x1x16x8xf32>) -> tensor<6x1x16x8xf32>
      %o = tensor.collapse_shape %0 [[0, 1], [2], [3]]
          : tensor<6x1x16x8xf32> into tensor<6x16x8xf32>
      return %o : tensor<6x16x8xf32>
    }
    ```

    The reciprocal form, with gates as numbers:

    ```mlir
    // ra-opt --ra-raise
    #qk = affine_map<(b, i, j, d) -> (b, i, d)>
    #kq = affine_map<(b, i, j, d) -> (b, j, d)>
    #s = affine_map<(b, i, j, d) -> (b, i, j)>
    func.func @reciprocal(%q: tensor<6x16x4xf32>, %k: tensor<6x16x4xf32>,
                          %v: tensor<6x16x4xf32>) -> tensor<6x16x4xf32> {
      %zero = arith.constant 0.0 : f32
      %half = arith.constant 0.5 : f32
      %qs = tensor.extract_slice %q[0, 0, 0] [6, 16, 3] [1, 1, 1]
          : tensor<6x16x4xf32> to tensor<6x16x3xf32>
      %ks = tensor.extract_slice %k[0, 0, 0] [6, 16, 3] [1, 1, 1]
          : tensor<6x16x4xf32> to tensor<6x16x3xf32>
      %ql = tensor.extract_slice %q[0, 0, 3] [6, 16, 1] [1, 1, 1]
          : tensor<6x16x4xf32> to tensor<6x16x1xf32>
      %kl = tensor.extract_slice %k[0, 0, 3] [6, 16, 1] [1, 1, 1]
          : tensor<6x16x4xf32> to tensor<6x16x1xf32>
      %es = tensor.empty() : tensor<6x16x16xf32>
      %zs = linalg.fill ins(%zero : f32) outs(%es : tensor<6x16x16xf32>)
          -> tensor<6x16x16xf32>
      %standard = linalg.contract indexing_maps = [#qk, #kq, #s]
          ins(%qs, %ks : tensor<6x16x3xf32>, tensor<6x16x3xf32>)
          outs(%zs : tensor<6x16x16xf32>) -> tensor<6x16x16xf32>
      %back = linalg.contract indexing_maps = [#qk, #kq, #s]
          ins(%kl, %ql : tensor<6x16x1xf32>, tensor<6x16x1xf32>)
          outs(%zs : tensor<6x16x16xf32>) -> tensor<6x16x16xf32>
      %x = linalg.generic {indexing_maps = [
          affine_map<(b, i, j) -> (b, i, j)>, affine_map<(b, i, j) -> (b, i, j)>,
          affine_map<(b, i, j) -> (b, i, j)>],
          iterator_types = ["parallel", "parallel", "parallel"]}
          ins(%standard, %back : tensor<6x16x16xf32>, tensor<6x16x16xf32>)
          outs(%es : tensor<6x16x16xf32>) {
      ^bb0(%one: f32, %two: f32, %unused: f32):
        %less = arith.mulf %two, %half : f32
        %sum = arith.addf %one, %less : f32
        %scaled = arith.mulf %sum, %half : f32
        linalg.yield %scaled : f32
      } -> tensor<6x16x16xf32>
      %p = linalg.softmax dimension(2) ins(%x : tensor<6x16x16xf32>)
          outs(%es : tensor<6x16x16xf32>) -> tensor<6x16x16xf32>
      %eo = tensor.empty() : tensor<6x16x4xf32>
      %zo = linalg.fill ins(%zero : f32) outs(%eo : tensor<6x16x4xf32>)
          -> tensor<6x16x4xf32>
      %o = linalg.batch_matmul
          ins(%p, %v : tensor<6x16x16xf32>, tensor<6x16x4xf32>)
          outs(%zo : tensor<6x16x4xf32>) -> tensor<6x16x4xf32>
      return %o : tensor<6x16x4xf32>
    }
    ```

    ```mlir
    // becomes
    func.func @reciprocal(%q: tensor<6x16x4xf32>, %k: tensor<6x16x4xf32>,
                      %v: tensor<6x16x4xf32>) -> tensor<6x16x4xf32> {
      %qh = tensor.expand_shape %q [[0, 1], [2], [3]] output_shape [6, 1, 16, 4]
          : tensor<6x16x4xf32> into tensor<6x1x16x4xf32>
      %kh = tensor.expand_shape %k [[0, 1], [2], [3]] output_shape [6, 1, 16, 4]
          : tensor<6x16x4xf32> into tensor<6x1x16x4xf32>
      %vh = tensor.expand_shape %v [[0, 1], [2], [3]] output_shape [6, 1, 16, 4]
          : tensor<6x16x4xf32> into tensor<6x1x16x4xf32>
      %e = tensor.empty() : tensor<6x1x16x4xf32>
      %w_std = arith.constant dense<1.0> : tensor<1xf32>
      %w_rec = arith.constant dense<0.5> : tensor<1xf32>
      %0 = ra.reciprocal_attention {rank = array<i64: 1>, scale = 0.5 : f64}
          ins(%qh, %kh, %vh : tensor<6x1x16x4xf32>, tensor<6x1x16x4xf32>, tensor<6x1x16x4xf32>)
          w_std(%w_std : tensor<1xf32>) w_rec(%w_rec : tensor<1xf32>)
          outs(%e : tensor<6x1x16x4xf32>) -> tensor<6x1x16x4xf32>
      %o = tensor.collapse_shape %0 [[0, 1], [2], [3]]
          : tensor<6x1x16x4xf32> into tensor<6x16x4xf32>
      return %o : tensor<6x16x4xf32>
    }
    ```
  }];
  let options = [
    Option<"scoreBound", "score-bound", "double", /*default=*/"1.0e4",
           "No score is larger in magnitude; decides which finite values hide "
           "a key">,
    Option<"everyRowSeesAKey", "every-row-sees-a-key", "bool",
           /*default=*/"false", "No mask hides every key from a query">,
    Option<"reciprocalOnly", "reciprocal-only", "bool", /*default=*/"false",
           "Leave attention without reciprocal terms and gates, and "
           "projections, as they are">
  ];
}

def FoldWeightsPass : RA_Pass<"ra-fold-weights", "::mlir::func::FuncOp"> {
  let summary = "fold gates, swap, P and basis into the projection weights";
  let description = [{
    Replaces `ra.reciprocal_attention` whose query and key are projections of
    one value by `ra.attention` on projections with folded weights
    (`ra.fold_weights`). No activation is touched: rotary embedding, biases,
    slices, reshapes and transposes between projection and score stay as they
    are. What else uses the original projections keeps them.

    The fold is proved legal first. Every rule that is broken is a remark
    (`missed`, category `ra-fold-weights`, sub-category the rule's name) that
    says what would be legal instead; the op then stays for
    `--ra-fold-reciprocal`:

    * `same-source`: query and key project the same value.
    * `affine`: only biases, views, transposes, rotary embeddings and clamps lie
      between projection and score.
    * `rotary`: both sides share tables and style, and the reciprocal dims are
      whole rotation pairs; no projection or basis.
    * `norm`: no normalisation between projection and score.
    * `clamp`: equal bounds on both sides, and gates of constant 1.
    * `grouped`: gates that share a key head are equal, or `gate_split = query`.
    * `scale`: no constant factor on activations; an additive bias does not
      depend on query or key.
    * `quantised`: per-tensor scales of both weights are equal.
    * `gate`: a negative constant gate with the symmetric split is an error, not
      a remark.

    ```mlir
    // ra-opt --ra-fold-weights
    func.func @before(%x: tensor<2x16x8xf32>, %wq: tensor<8x8xf32>,
                      %wk: tensor<8x8xf32>, %wv: tensor<8x8xf32>)
        -> tensor<2x2x16x4xf32> {
      %y = tensor.empty() : tensor<2x16x8xf32>
      %q = ra.linear ins(%x, %wq : tensor<2x16x8xf32>, tensor<8x8xf32>)
                     outs(%y : tensor<2x16x8xf32>) -> tensor<2x16x8xf32>
      %k = ra.linear ins(%x, %wk : tensor<2x16x8xf32>, tensor<8x8xf32>)
                     outs(%y : tensor<2x16x8xf32>) -> tensor<2x16x8xf32>
      %v = ra.linear ins(%x, %wv : tensor<2x16x8xf32>, tensor<8x8xf32>)
                     outs(%y : tensor<2x16x8xf32>) -> tensor<2x16x8xf32>
      %qh = tensor.expand_shape %q [[0], [1], [2, 3]] output_shape [2, 16, 2, 4]
          : tensor<2x16x8xf32> into tensor<2x16x2x4xf32>
      %kh = tensor.expand_shape %k [[0], [1], [2, 3]] output_shape [2, 16, 2, 4]
          : tensor<2x16x8xf32> into tensor<2x16x2x4xf32>
      %vh = tensor.expand_shape %v [[0], [1], [2, 3]] output_shape [2, 16, 2, 4]
          : tensor<2x16x8xf32> into tensor<2x16x2x4xf32>
      %o = tensor.empty() : tensor<2x2x16x4xf32>
      %0 = ra.reciprocal_attention {rank = array<i64: 1>, indexing_maps = [
          affine_map<(b, h, t, d) -> (b, t, h, d)>,
          affine_map<(b, h, t, d) -> (b, t, h, d)>,
          affine_map<(b, h, t, d) -> (b, t, h, d)>,
          affine_map<(b, h, t, d) -> (b, h, t, d)>]}
          ins(%qh, %kh, %vh : tensor<2x16x2x4xf32>, tensor<2x16x2x4xf32>,
              tensor<2x16x2x4xf32>)
          outs(%o : tensor<2x2x16x4xf32>) -> tensor<2x2x16x4xf32>
      return %0 : tensor<2x2x16x4xf32>
    }
    // Becomes, in short:
    //   %wqf, %wkf = ra.fold_weights ins(%wq, %wk)
    //   %q = ra.linear ins(%x, %wqf)   %k = ra.linear ins(%x, %wkf)
    //   %0 = ra.attention {scale = 0.5} ins(%qh, %kh, %vh)
    ```
  }];
}

def FoldReciprocalPass : RA_Pass<"ra-fold-reciprocal", "::mlir::func::FuncOp"> {
  let summary = "reciprocal attention to attention on folded query and key";
  let description = [{
    Replaces `ra.reciprocal_attention` by `ra.attention` whose query and key are
    assembled from the original ones at run time: gates multiplied in, the
    reciprocal dims exchanged, P or basis applied. Always legal, never free: the
    two assembled tensors are copies. It is what remains where
    `--ra-fold-weights` refused. With `gqa = slots` the head dim grows, so the
    scale is made explicit first.

    Each rewrite is a remark (`passed`, category `ra-fold-reciprocal`) with the
    rank and the dims.

    ```mlir
    // ra-opt --ra-fold-reciprocal
    func.func @before(%q: tensor<1x2x16x8xf32>, %k: tensor<1x2x16x8xf32>,
                      %v: tensor<1x2x16x8xf32>, %o: tensor<1x2x16x8xf32>)
        -> tensor<1x2x16x8xf32> {
      %0 = ra.reciprocal_attention {rank = array<i64: 2>}
          ins(%q, %k, %v : tensor<1x2x16x8xf32>, tensor<1x2x16x8xf32>,
              tensor<1x2x16x8xf32>)
          outs(%o : tensor<1x2x16x8xf32>) -> tensor<1x2x16x8xf32>
      return %0 : tensor<1x2x16x8xf32>
    }
    ```
  }];
}

def DecomposeBasisPass : RA_Pass<"ra-decompose-basis", "::mlir::func::FuncOp"> {
  let summary = "apply P or basis of reciprocal attention to query and key";
  let description = [{
    Replaces a `projection` or `basis` of `ra.reciprocal_attention` by explicit
    products on query and key: with `P`, the last `R` dims of a head become
    `q P` and `k P`; with `basis(A, B)`, `q A` and `k B` take the place of `q`
    and `k`. What is left is the plain form, which the CPU lowering executes.

    ```mlir
    // ra-opt --ra-decompose-basis
    func.func @before(%q: tensor<1x2x16x8xf32>, %k: tensor<1x2x16x8xf32>,
                      %v: tensor<1x2x16x8xf32>, %p: tensor<8x2xf32>,
                      %o: tensor<1x2x16x8xf32>) -> tensor<1x2x16x8xf32> {
      %0 = ra.reciprocal_attention {rank = array<i64: 2>}
          ins(%q, %k, %v : tensor<1x2x16x8xf32>, tensor<1x2x16x8xf32>,
              tensor<1x2x16x8xf32>)
          projection(%p : tensor<8x2xf32>)
          outs(%o : tensor<1x2x16x8xf32>) -> tensor<1x2x16x8xf32>
      return %0 : tensor<1x2x16x8xf32>
    }
    ```
  }];
}

def DecomposeFoldWeightsPass
    : RA_Pass<"ra-decompose-fold-weights", "::mlir::func::FuncOp"> {
  let summary = "ra.fold_weights to linalg on tensors";
  let description = [{
    Replaces `ra.fold_weights` by `linalg` operations on the weights: P or basis
    as a product per head, then one selection of rows per side that multiplies
    the gate in. Runs last, on what `--ra-fold-constants` did not evaluate.

    ```mlir
    // ra-opt --ra-decompose-fold-weights
    func.func @before(%wq: tensor<16x32xf32>, %wk: tensor<16x32xf32>)
        -> (tensor<16x32xf32>, tensor<16x32xf32>) {
      %q, %k = ra.fold_weights {num_heads = 2 : i64, rank = array<i64: 2>}
          ins(%wq, %wk : tensor<16x32xf32>, tensor<16x32xf32>)
          -> tensor<16x32xf32>, tensor<16x32xf32>
      return %q, %k : tensor<16x32xf32>, tensor<16x32xf32>
    }
    ```
  }];
}

def FoldConstantsPass : RA_Pass<"ra-fold-constants", "::mlir::ModuleOp"> {
  let summary = "evaluate work on constant weights at compile time";
  let description = [{
    Evaluates `ra.fold_weights`, `tensor.concat`, `tensor.insert_slice`,
    `tensor.extract_slice` and `tensor.expand_shape`/`collapse_shape` whose
    operands are all constants, and stores the results as `dense_resource`
    attributes of their own. Gates that are not given count as constants. A pass
    and not a folder: each evaluation owns a large blob, and a folder that is
    tried again would leave one behind every time.

    A weight that was folded is a remark (`passed`, category
    `ra-fold-constants`).

    ```mlir
    // ra-opt --ra-fold-constants
    func.func @before() -> (tensor<4x2xf32>, tensor<4x2xf32>) {
      %w = arith.constant dense<1.0> : tensor<4x2xf32>
      %q, %k = ra.fold_weights {num_heads = 2 : i64, rank = array<i64: 1>}
          ins(%w, %w : tensor<4x2xf32>, tensor<4x2xf32>)
          -> tensor<4x2xf32>, tensor<4x2xf32>
      return %q, %k : tensor<4x2xf32>, tensor<4x2xf32>
    }
    ```
  }];
}

def FuseProjectionsPass : RA_Pass<"ra-fuse-projections", "::mlir::func::FuncOp"> {
  let summary = "projections of one value to one packed product";
  let description = [{
    Packs the `ra.linear` ops that project the same value into one whose weight
    is the concatenation of theirs, in the order query, key, value of the
    attention they feed: `[Qf|Kf|V]`. A missing bias counts as zeros when
    another is there. Their results become slices of the packed one.

    The number of products removed is a remark (`passed`, category
    `ra-fuse-projections`).

    ```mlir
    // ra-opt --ra-fuse-projections
    func.func @before(%x: tensor<2x16x8xf32>, %a: tensor<8x8xf32>,
                      %b: tensor<4x8xf32>)
        -> (tensor<2x16x8xf32>, tensor<2x16x4xf32>) {
      %i = tensor.empty() : tensor<2x16x8xf32>
      %j = tensor.empty() : tensor<2x16x4xf32>
      %0 = ra.linear ins(%x, %a : tensor<2x16x8xf32>, tensor<8x8xf32>)
                     outs(%i : tensor<2x16x8xf32>) -> tensor<2x16x8xf32>
      %1 = ra.linear ins(%x, %b : tensor<2x16x8xf32>, tensor<4x8xf32>)
                     outs(%j : tensor<2x16x4xf32>) -> tensor<2x16x4xf32>
      return %0, %1 : tensor<2x16x8xf32>, tensor<2x16x4xf32>
    }
    ```
  }];
}

def OutlinePreparePass : RA_Pass<"ra-outline-prepare", "::mlir::ModuleOp"> {
  let summary = "move what depends on parameters only into @f.prepare";
  let description = [{
    For every public function `@f` with arguments marked `ra.parameter`, moves
    the work that depends on such arguments and on constants alone into a new
    function `@f.prepare(params...) -> prepared...`; `@f` takes the prepared
    values instead. A parameter that `@f` uses as it is stays an argument. The
    parameters of `@f` come last, in the order of their first use, and those
    without a use go, so that a module and its baseline have one signature.

    Both functions get `ra.arguments`, which maps their arguments to those of
    the original function: an index `i >= 0` is original argument `i`; on `@f`,
    `-1 - k` is result `k` of `@f.prepare`. The runner calls `prepare` once for
    each binding of the weights.

    What moved is a remark (`passed`, category `ra-outline-prepare`).

    ```mlir
    // ra-opt --ra-outline-prepare
    func.func @f(%x: tensor<2x16x8xf32>, %a: tensor<8x8xf32> {ra.parameter},
                 %b: tensor<8x8xf32> {ra.parameter}) -> tensor<2x16x16xf32> {
      %w = tensor.concat dim(0) %a, %b
          : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<16x8xf32>
      %i = tensor.empty() : tensor<2x16x16xf32>
      %0 = ra.linear ins(%x, %w : tensor<2x16x8xf32>, tensor<16x8xf32>)
                     outs(%i : tensor<2x16x16xf32>) -> tensor<2x16x16xf32>
      return %0 : tensor<2x16x16xf32>
    }
    ```
  }];
}

def EliminateCopiesPass : RA_Pass<"ra-eliminate-copies", "::mlir::func::FuncOp"> {
  let summary = "transposes, concatenations and slices to maps and views";
  let description = [{
    Turns data movement on activations into indexing maps and views:

    * a `linalg.transpose` (or a `linalg.generic` that is one) of an operand of
      an `ra` op goes into the operand's map, one of a result into the result's
      map;
    * a slice of a transpose becomes a transpose of a slice;
    * `tensor.concat` becomes writes into one destination, which bufferisation
      does in place;
    * an init nobody reads becomes a `tensor.empty`.

    Slices and reshapes stay: they bufferise to views. Copies that are left are
    a remark each (`missed`, category `ra-eliminate-copies`) that says where and
    why; none left is a remark, too (`passed`).

    ```mlir
    // ra-opt --ra-eliminate-copies
    func.func @before(%q: tensor<2x16x4x8xf32>, %k: tensor<2x4x16x8xf32>,
                      %v: tensor<2x4x16x8xf32>) -> tensor<2x16x4x8xf32> {
      %e = tensor.empty() : tensor<2x4x16x8xf32>
      %qt = linalg.transpose ins(%q : tensor<2x16x4x8xf32>)
          outs(%e : tensor<2x4x16x8xf32>) permutation = [0, 2, 1, 3]
      %o = ra.attention ins(%qt, %k, %v : tensor<2x4x16x8xf32>,
              tensor<2x4x16x8xf32>, tensor<2x4x16x8xf32>)
          outs(%e : tensor<2x4x16x8xf32>) -> tensor<2x4x16x8xf32>
      %f = tensor.empty() : tensor<2x16x4x8xf32>
      %0 = linalg.transpose ins(%o : tensor<2x4x16x8xf32>)
          outs(%f : tensor<2x16x4x8xf32>) permutation = [0, 2, 1, 3]
      return %0 : tensor<2x16x4x8xf32>
    }
    ```
  }];
}

def CheckAlignmentPass : RA_Pass<"ra-check-alignment", "::mlir::func::FuncOp"> {
  let summary = "say what keeps operands from tensor-core alignment";
  let description = [{
    Tensor cores and bulk copies read rows of 16 bytes. For each attention and
    projection, on tensors or memrefs, checks that the head dim (or the
    channels), every stride and the base offset of each operand are multiples of
    16 bytes, as far as they are static. What is not is a remark (`missed`,
    category `ra-check-alignment`) that says what to change.

    ```mlir
    // ra-opt --ra-check-alignment
    func.func @unaligned(%q: tensor<1x2x16x20xf16>, %o: tensor<1x2x16x20xf16>)
        -> tensor<1x2x16x20xf16> {
      // remark: head dim 20 of f16 is 40 bytes; pad it to 24
      %0 = ra.attention ins(%q, %q, %q : tensor<1x2x16x20xf16>,
              tensor<1x2x16x20xf16>, tensor<1x2x16x20xf16>)
          outs(%o : tensor<1x2x16x20xf16>) -> tensor<1x2x16x20xf16>
      return %0 : tensor<1x2x16x20xf16>
    }
    ```
  }];
}

def CostPass : RA_Pass<"ra-cost", "::mlir::ModuleOp"> {
  let summary = "count FLOPs, bytes, kernels, copies and allocations";
  let description = [{
    Counts, for every function with a body after bufferisation:

    * *kernels*: compute and copy operations (`ra`, `linalg`, `memref.copy`);
      each becomes one outlined parallel function;
    * *copies*: kernels whose result is a permutation or selection of their
      input;
    * *allocations*: `memref.alloc`, with their bytes: the intermediates;
    * *flops*: multiplications and additions of products, half of those of a
      causal attention, one for each scalar operation of another kernel's body
      and element;
    * *bytes*: what the kernels read and write, each operand once.

    The numbers become the attribute `ra.cost` of the function and a remark
    (`analysis`, category `ra-cost`). A number that depends on a dynamic dim is
    -1. On tensors, before bufferisation, `allocations` are -1.

    ```mlir
    // ra-opt --ra-cost
    func.func @f(%x: memref<2x16x8xf32>, %w: memref<8x8xf32>,
                 %y: memref<2x16x8xf32>) {
      ra.linear ins(%x, %w : memref<2x16x8xf32>, memref<8x8xf32>)
                outs(%y : memref<2x16x8xf32>)
      return
    }
    ```
  }];
  let options = [
    Option<"print", "print", "bool", /*default=*/"false",
           "Print the numbers as a table on standard output">
  ];
}

def MakeBaselinePass : RA_Pass<"ra-make-baseline", "::mlir::func::FuncOp"> {
  let summary = "replace reciprocal attention by ordinary attention";
  let description = [{
    The yardstick of everything: the same module without reciprocal terms and
    gates. Replaces `ra.reciprocal_attention` by `ra.attention` on the same
    query, key and value, with the same mask, scale and maps. This changes what
    the module computes.

    ```mlir
    // ra-opt --ra-make-baseline
    func.func @before(%q: tensor<1x2x16x8xf32>, %o: tensor<1x2x16x8xf32>)
        -> tensor<1x2x16x8xf32> {
      %0 = ra.reciprocal_attention {rank = array<i64: 2>}
          ins(%q, %q, %q : tensor<1x2x16x8xf32>, tensor<1x2x16x8xf32>,
              tensor<1x2x16x8xf32>)
          outs(%o : tensor<1x2x16x8xf32>) -> tensor<1x2x16x8xf32>
      return %0 : tensor<1x2x16x8xf32>
    }
    ```
  }];
}

#endif // RA_DIALECT_RA_TRANSFORMS_PASSES_TD
