//===- Passes.td - The CPU way down ------------------------*- tablegen -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RA_CONVERSION_RATOVECTOR_PASSES_TD
#define RA_CONVERSION_RATOVECTOR_PASSES_TD

include "mlir/Pass/PassBase.td"

//===----------------------------------------------------------------------===//
// On tensors, before bufferisation
//===----------------------------------------------------------------------===//

def OutlineShapesPass : Pass<"ra-outline-shapes", "::mlir::ModuleOp"> {
  let summary = "a function that computes an entry's result shapes";
  let description = [{
    For every public function `@f` that needs it, adds `@f.shapes`, which takes
    the arguments of `@f` and a buffer of `i64` and stores there

    * the dynamic extents of the results of `@f`, in order, and then
    * one pair of numbers for each condition that the ops of `@f` put on
      dynamic extents: two extents that must be equal.

    The caller learns from the first how large the results are and refuses
    arguments that break the second, instead of reading out of bounds. The
    attribute `ra.shape_checks` holds one sentence per condition. Conditions
    come from the `ra` ops, the structured ops of linalg and casts; those that
    hold whatever the arguments are fold away. `@f` needs the function when a
    result's extent is dynamic or a condition remains.

    The pass emits `tensor.dim` of intermediate values and resolves them to
    dims of the arguments, so that nothing of the computation is left unless a
    shape depends on data.

    ```mlir
    // ra-opt --ra-outline-shapes
    func.func @f(%x: tensor<?x64xf32>, %w: tensor<32x64xf32>) -> tensor<?x32xf32> {
      %c0 = arith.constant 0 : index
      %t = tensor.dim %x, %c0 : tensor<?x64xf32>
      %init = tensor.empty(%t) : tensor<?x32xf32>
      %y = ra.linear ins(%x, %w : tensor<?x64xf32>, tensor<32x64xf32>)
                     outs(%init : tensor<?x32xf32>) -> tensor<?x32xf32>
      return %y : tensor<?x32xf32>
    }
    ```

    gives

    ```mlir
    // becomes
    func.func @f(%x: tensor<?x64xf32>, %w: tensor<32x64xf32>) -> tensor<?x32xf32> {
      %c0 = arith.constant 0 : index
      %t = tensor.dim %x, %c0 : tensor<?x64xf32>
      %init = tensor.empty(%t) : tensor<?x32xf32>
      %y = ra.linear ins(%x, %w : tensor<?x64xf32>, tensor<32x64xf32>)
                     outs(%init : tensor<?x32xf32>) -> tensor<?x32xf32>
      return %y : tensor<?x32xf32>
    }
    func.func @f.shapes(%x: tensor<?x64xf32>, %w: tensor<32x64xf32>, %out: memref<1xi64>)
        attributes {ra.shape_checks = []} {
      %c0 = arith.constant 0 : index
      %t = tensor.dim %x, %c0 : tensor<?x64xf32>
      %i = arith.constant 0 : index
      %0 = arith.index_cast %t : index to i64
      memref.store %0, %out[%i] : memref<1xi64>
      return
    }
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::func::FuncDialect",
                           "::mlir::memref::MemRefDialect", "::mlir::tensor::TensorDialect"];
}

def PackWeightsPass : Pass<"ra-pack-weights", "::mlir::ModuleOp"> {
  let summary = "weights that are parameters are stored in panels by @f.prepare";
  let description = [{
    A weight of `ra.linear` that does not change between calls (an argument
    marked `ra.parameter`, a result of `@f.prepare`, a constant, or a reshape of
    one) is stored in panels of `panel` outputs, `[N / panel][C][panel]`, which
    is the order in which a kernel reads it. The work goes to `@f.prepare`,
    which is added where there is none; `@f` takes the packed weight instead.
    The attributes `ra.arguments` and `ra.argument_types` of
    `ra-outline-prepare` follow. Other weights stay; their kernel packs what a
    tile needs.

    `panel` is a number of vectors of the machine, see `ra::getPanel`; 0 leaves
    everything as it is.

    ```mlir
    // ra-opt --ra-pack-weights=panel=4
    func.func @f(%x: tensor<?x16xf32>, %w: tensor<8x16xf32> {ra.parameter},
                 %y: tensor<?x8xf32>) -> tensor<?x8xf32> {
      %0 = ra.linear ins(%x, %w : tensor<?x16xf32>, tensor<8x16xf32>)
                     outs(%y : tensor<?x8xf32>) -> tensor<?x8xf32>
      return %0 : tensor<?x8xf32>
    }
    ```

    becomes

    ```mlir
    // becomes
    func.func @f.prepare(%w: tensor<8x16xf32> {ra.parameter}) -> tensor<2x16x4xf32>
        attributes {ra.arguments = array<i64: 1>} {
      %s = tensor.expand_shape %w [[0, 1], [2]] output_shape [2, 4, 16]
          : tensor<8x16xf32> into tensor<2x4x16xf32>
      %e = tensor.empty() : tensor<2x16x4xf32>
      %p = linalg.transpose ins(%s : tensor<2x4x16xf32>)
               outs(%e : tensor<2x16x4xf32>) permutation = [0, 2, 1]
      return %p : tensor<2x16x4xf32>
    }
    func.func @f(%x: tensor<?x16xf32>, %y: tensor<?x8xf32>,
                 %p: tensor<2x16x4xf32> {ra.parameter}) -> tensor<?x8xf32>
        attributes {ra.argument_types = [tensor<?x16xf32>, tensor<8x16xf32>, tensor<?x8xf32>],
                    ra.arguments = array<i64: 0, 2, -1>} {
      %0 = ra.linear {panel = 4 : i64}
                     ins(%x, %p : tensor<?x16xf32>, tensor<2x16x4xf32>)
                     outs(%y : tensor<?x8xf32>) -> tensor<?x8xf32>
      return %0 : tensor<?x8xf32>
    }
    ```
  }];
  let options = [
    Option<"panel", "panel", "int64_t", /*default=*/"0",
           "Outputs of a panel; 0 packs nothing">];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect",
                           "::mlir::tensor::TensorDialect"];
}

def ExternalizeConstantsPass : Pass<"ra-externalize-constants", "::mlir::ModuleOp"> {
  let summary = "large constants become arguments that the caller binds in place";
  let description = [{
    A constant tensor larger than `max-bytes` in a public function becomes an
    argument with the attribute `ra.constant`, the constant itself, and
    `bufferization.writable = false`. Whoever calls the function passes the
    bytes of that attribute: a weight held as a resource is then used where it
    is, instead of being copied into the object code. Equal constants of one
    function share an argument. Constants of private functions stay; inline
    those functions first.

    ```mlir
    // ra-opt --ra-externalize-constants
    func.func @f() -> tensor<4096xf32> {
      %0 = arith.constant dense<2.0> : tensor<4096xf32>
      return %0 : tensor<4096xf32>
    }
    ```

    becomes

    ```mlir
    // becomes
    func.func @f(%c: tensor<4096xf32> {bufferization.writable = false,
                                       ra.constant = dense<2.0> : tensor<4096xf32>})
        -> tensor<4096xf32> {
      return %c : tensor<4096xf32>
    }
    ```
  }];
  let options = [
    Option<"maxBytes", "max-bytes", "int64_t", /*default=*/"4096",
           "The largest constant, in bytes, that stays in the code">];
  let dependentDialects = ["::mlir::bufferization::BufferizationDialect",
                           "::mlir::func::FuncDialect"];
}

def ResultsToArgumentsPass : Pass<"ra-results-to-arguments", "::mlir::ModuleOp"> {
  let summary = "results of public functions are written to buffers of the caller";
  let description = [{
    Every tensor result of a public function becomes a trailing memref argument
    with the attribute `ra.result`, into which the value is materialised. Where
    the op that computes it can write there directly, empty-tensor elimination
    makes it do so: no allocation and no copy. A result that is a reshape of a
    value is written through a reshape of the argument, for the same reason.
    Tensor arguments are marked
    `bufferization.writable = false`, for one-shot bufferisation takes them to
    be writable otherwise and would let a product write into a weight.

    ```mlir
    // ra-opt --ra-results-to-arguments
    func.func @f(%x: tensor<8xf32>) -> tensor<8xf32> {
      %e = tensor.empty() : tensor<8xf32>
      %y = linalg.exp ins(%x : tensor<8xf32>) outs(%e : tensor<8xf32>) -> tensor<8xf32>
      return %y : tensor<8xf32>
    }
    ```

    becomes

    ```mlir
    // becomes
    func.func @f(%x: tensor<8xf32> {bufferization.writable = false},
                 %out: memref<8xf32> {ra.result}) {
      %e = tensor.empty() : tensor<8xf32>
      %y = linalg.exp ins(%x : tensor<8xf32>) outs(%e : tensor<8xf32>) -> tensor<8xf32>
      bufferization.materialize_in_destination %y in restrict writable %out
          : (tensor<8xf32>, memref<8xf32>) -> ()
      return
    }
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect",
                           "::mlir::bufferization::BufferizationDialect",
                           "::mlir::func::FuncDialect", "::mlir::memref::MemRefDialect"];
}

def DecomposeAggregatesPass
    : Pass<"ra-decompose-aggregates", "::mlir::func::FuncOp"> {
  let summary = "structured ops without a loop body become ones with";
  let description = [{
    `linalg.softmax` and other ops of `AggregatedOpInterface` have no body that
    loops could be made of; each is replaced by the structured ops that it
    stands for.

    ```mlir
    // ra-opt --ra-decompose-aggregates
    func.func @f(%x: tensor<4x8xf32>, %e: tensor<4x8xf32>) -> tensor<4x8xf32> {
      %y = linalg.softmax dimension(1) ins(%x : tensor<4x8xf32>)
                                       outs(%e : tensor<4x8xf32>) -> tensor<4x8xf32>
      return %y : tensor<4x8xf32>
    }
    // CHECK-NOT: linalg.softmax
    // CHECK:     math.exp
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect",
                           "::mlir::math::MathDialect", "::mlir::tensor::TensorDialect"];
}

//===----------------------------------------------------------------------===//
// On buffers
//===----------------------------------------------------------------------===//

def OutlineKernelsPass : Pass<"ra-outline-kernels", "::mlir::ModuleOp"> {
  let summary = "each compute op of an entry becomes a kernel";
  let description = [{
    Every `ra` op, structured op of linalg and `memref.copy` in a public
    function becomes a call of a private function of its own,
    `@<entry>_kernel_<n>_<op>`, with the attribute `ra.kernel`; copies become
    `linalg.copy` there. Scalar constants that an op uses go with it, other
    values become arguments. Public functions get `llvm.emit_c_interface`.

    A kernel is what a launch would be on a GPU: what the launch counter counts
    and what threads share the work of.

    ```mlir
    // ra-opt --ra-outline-kernels
    func.func @f(%a: memref<8xf32>, %b: memref<8xf32>) {
      linalg.exp ins(%a : memref<8xf32>) outs(%b : memref<8xf32>)
      return
    }
    ```

    becomes

    ```mlir
    // becomes
    func.func @f(%a: memref<8xf32>, %b: memref<8xf32>)
        attributes {llvm.emit_c_interface} {
      call @f_kernel_0_exp(%a, %b) : (memref<8xf32>, memref<8xf32>) -> ()
      return
    }
    func.func private @f_kernel_0_exp(%a: memref<8xf32>, %b: memref<8xf32>)
        attributes {llvm.linkage = #llvm.linkage<internal>, ra.kernel} {
      linalg.exp ins(%a : memref<8xf32>) outs(%b : memref<8xf32>)
      return
    }
    ```
  }];
  let dependentDialects = ["::mlir::func::FuncDialect", "::mlir::linalg::LinalgDialect",
                           "::mlir::LLVM::LLVMDialect"];
}

def CountKernelsPass : Pass<"ra-count-kernels", "::mlir::ModuleOp"> {
  let summary = "instrument: count kernel launches at run time";
  let description = [{
    Calls `ra_rt_count_kernel()`, which whoever loads the code provides, before
    every call of a function that has the attribute `ra.kernel`.

    ```mlir
    // ra-opt --ra-count-kernels
    func.func private @k() attributes {ra.kernel} { return }
    func.func @f() {
      call @k() : () -> ()
      return
    }
    ```

    becomes

    ```mlir
    // becomes
    func.func private @ra_rt_count_kernel()
    func.func private @k() attributes {ra.kernel} { return }
    func.func @f() {
      call @ra_rt_count_kernel() : () -> ()
      call @k() : () -> ()
      return
    }
    ```
  }];
  let dependentDialects = ["::mlir::func::FuncDialect"];
}

def ConvertRAToVectorPass : Pass<"convert-ra-to-vector", "::mlir::ModuleOp"> {
  let summary = "ra ops on buffers -> tiled loops and vector code";
  let description = [{
    Lowers each `ra` op inside a kernel to an `scf.parallel` over tasks; a task
    that needs scratch memory is a private function `@<kernel>_tile` with
    static allocas (an alloca inside a loop would grow the stack on every
    turn), whose attribute `ra.scratch_bytes` says how many bytes that is on
    the stack of each thread. Inputs of any layout and storage type go to `f32`
    scratch once per task; nothing is read out of bounds.

    *Attention*, both ops: online softmax over tiles of 64 queries and 64 keys,
    with *lanes = queries*: `S^T = K Q^T` and `O^T += V^T P^T`, so there is no
    horizontal reduction. Memory is a few tiles, whatever the lengths: a task
    is up to four query tiles of a head, for which each tile of keys and values
    is packed once. A score is a sum of terms, each a product of one side's
    rows (scaled and gated) with the other's: one term for `ra.attention`; for
    `ra.reciprocal_attention` a second one with the roles exchanged. Key tiles
    that the mask hides from every query are skipped. Where it hides some keys
    from some queries, and at ragged ends, each vector of queries runs by
    itself over the keys that it sees. P and basis must have been decomposed
    before.

    *Linear*: a chunk of rows by a few panels of outputs, with sums in registers
    over all channels. Rows of `f32` and a weight in panels (`ra-pack-weights`)
    are read in place; other rows and weights are converted into scratch.

    *Rope*: one loop over pairs per row.

    `lanes`, `rows` and `chunks` are the register tile, see `ra::VectorShape`.

    ```mlir
    // ra-opt --convert-ra-to-vector
    func.func private @k(%x: memref<4x8xf32>, %w: memref<2x8xf32>, %y: memref<4x2xf32>)
        attributes {ra.kernel} {
      ra.linear ins(%x, %w : memref<4x8xf32>, memref<2x8xf32>) outs(%y : memref<4x2xf32>)
      return
    }
    // CHECK:       func.func private @k(
    // CHECK:         scf.parallel
    // CHECK-NEXT:      func.call @k_tile(
    // CHECK:       func.func private @k_tile(
    // CHECK:         memref.alloca
    // CHECK:         vector.fma
    ```
  }];
  let options = [
    Option<"lanes", "lanes", "int64_t", /*default=*/"16",
           "f32 lanes of a vector: 8 or 16">,
    Option<"rows", "rows", "int64_t", /*default=*/"6",
           "Rows of accumulators">,
    Option<"chunks", "chunks", "int64_t", /*default=*/"4",
           "Vectors in a row of accumulators">];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::func::FuncDialect", "::mlir::LLVM::LLVMDialect",
    "::mlir::math::MathDialect", "::mlir::memref::MemRefDialect",
    "::mlir::scf::SCFDialect", "::mlir::vector::VectorDialect"];
}

def ScheduleTilesPass : Pass<"ra-schedule-tiles", "::mlir::ModuleOp"> {
  let summary = "a thread that is free takes the next tile";
  let description = [{
    Tiles cost differently (under a causal mask the last rows see the most
    keys) and cores are not always ours alone. Worksharing loops of OpenMP that
    call a tile's function (`ra.scratch_bytes`) get a dynamic schedule; the
    kernels put long tiles first. Loops over elements keep the static one.

    ```mlir
    // ra-opt --ra-schedule-tiles
    func.func private @k_tile(index) attributes {ra.scratch_bytes = 64 : i64}
    func.func @k(%n: index) {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      omp.parallel {
        // CHECK: omp.wsloop schedule(dynamic) {
        omp.wsloop {
          omp.loop_nest (%i) : index = (%c0) to (%n) step (%c1) {
            func.call @k_tile(%i) : (index) -> ()
            omp.yield
          }
        }
        omp.terminator
      }
      return
    }
    ```
  }];
  let dependentDialects = ["::mlir::omp::OpenMPDialect"];
}

def ApproximateMathPass : Pass<"ra-approximate-math"> {
  let summary = "polynomials for exp and tanh of f32 vectors";
  let description = [{
    Replaces `math.exp` and `math.tanh` on vectors of `f32` by upstream's
    polynomial approximations, accurate to a few units in the last place;
    scalars and other types keep their library calls.

    ```mlir
    // ra-opt --ra-approximate-math
    func.func @f(%x: vector<8xf32>, %y: f32) -> (vector<8xf32>, f32) {
      // CHECK-NOT: math.exp %{{.*}} : vector
      // CHECK:     math.exp %{{.*}} : f32
      %0 = math.exp %x : vector<8xf32>
      %1 = math.exp %y : f32
      return %0, %1 : vector<8xf32>, f32
    }
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect",
                           "::mlir::vector::VectorDialect"];
}

#endif // RA_CONVERSION_RATOVECTOR_PASSES_TD
