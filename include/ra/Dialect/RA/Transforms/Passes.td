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
    Raises.
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
