//===- ra-c/Passes.h - C API of ra's passes and pipelines ---------*- C -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The whole way is raAddCompilePipeline, raAddBufferizePipeline and
// raAddLowerToCpuPipeline, in this order, on a pass manager for a module. What
// comes of it is in the LLVM dialect: mlir-c/Target/LLVMIR.h translates it,
// mlir-c/ExecutionEngine.h runs it.
//
// Each pass by itself, with its default options, is
// mlirCreateRATransforms<Pass>() or mlirCreateRAToVector<Pass>(), which the
// headers included below declare, for mlirOpPassManagerAddOwnedPass.
// docs/reference says what each does. With other options:
// mlirOpPassManagerAddPipeline, once the passes are registered.
//
//===----------------------------------------------------------------------===//

#ifndef RA_C_PASSES_H
#define RA_C_PASSES_H

#include "mlir-c/Pass.h"

#include "ra/Conversion/RAToVector/Passes.capi.h.inc"
#include "ra/Dialect/RA/Transforms/Passes.capi.h.inc"

#ifdef __cplusplus
extern "C" {
#endif

/// Registers ra's passes and pipelines by name, for textual pipelines. Again,
/// it does nothing.
MLIR_CAPI_EXPORTED void raRegisterAllPasses(void);

/// How far up the ladder a module is taken. The first two compute the baseline:
/// the module with ra.reciprocal_attention replaced by ra.attention.
typedef enum RaStage {
  /// Ordinary attention, one kernel per op, transposes materialised.
  RaStageBaselineAsWritten = 0,
  /// Ordinary attention, whole pipeline.
  RaStageBaselineCompiled = 1,
  /// Two score products in one kernel; gates and copies at run time.
  RaStageOpenCoded = 2,
  /// + ra-fold-reciprocal.
  RaStageFolded = 3,
  /// + ra-fold-weights.
  RaStageBaked = 4,
  /// + ra-fuse-projections, ra-eliminate-copies: the product.
  RaStageDirect = 5,
} RaStage;

/// The stage's name in `ra-compile{stage=...}`, such as "direct"; empty if
/// `stage` is none.
MLIR_CAPI_EXPORTED MlirStringRef raStageGetName(RaStage stage);

/// Appends `ra-compile`, from a module as written to attention and projections
/// with maps. Each of the three fails, and appends nothing, if `passManager` is
/// neither on builtin.module nor on any op; this one also if `stage` is none.
MLIR_CAPI_EXPORTED MlirLogicalResult
raAddCompilePipeline(MlirOpPassManager passManager, RaStage stage);

/// Options of `ra-bufferize`.
typedef struct RaBufferizeOptions {
  /// The largest constant, in bytes, that stays in the code; others become
  /// arguments, which the caller binds.
  int64_t maxConstantBytes;
} RaBufferizeOptions;

MLIR_CAPI_EXPORTED RaBufferizeOptions raBufferizeOptionsGetDefault(void);

/// Appends `ra-bufferize`, from functions on tensors to functions on buffers
/// that write their results to buffers of the caller.
MLIR_CAPI_EXPORTED MlirLogicalResult raAddBufferizePipeline(
    MlirOpPassManager passManager, RaBufferizeOptions options);

/// Options of `ra-lower-to-cpu`.
typedef struct RaLowerToCpuOptions {
  /// Threads of a kernel. 1 gives code without a threading runtime; more needs
  /// LLVM's OpenMP runtime where it runs.
  unsigned threads;
  /// Call `void ra_rt_count_kernel(void)` before each kernel.
  bool instrument;
  /// The register tile of the kernels: f32 lanes of a vector (8 or 16), rows of
  /// accumulators of a product, vectors in a row.
  int64_t lanes;
  int64_t rows;
  int64_t chunks;
} RaLowerToCpuOptions;

/// One thread, not instrumented, the tile for AVX-512. (8, 6, 2) fits AVX2; any
/// tile runs on any machine.
MLIR_CAPI_EXPORTED RaLowerToCpuOptions raLowerToCpuOptionsGetDefault(void);

/// Appends `ra-lower-to-cpu`, from there to the LLVM dialect. Public functions
/// get the C interface `_mlir_ciface_<name>`; allocations call
/// `void *_mlir_memref_to_llvm_alloc(size)`,
/// `void *_mlir_memref_to_llvm_aligned_alloc(alignment, size)` and
/// `void _mlir_memref_to_llvm_free(void *)`, which the caller supplies.
MLIR_CAPI_EXPORTED MlirLogicalResult raAddLowerToCpuPipeline(
    MlirOpPassManager passManager, RaLowerToCpuOptions options);

#ifdef __cplusplus
}
#endif

#endif // RA_C_PASSES_H
