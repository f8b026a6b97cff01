//===- Pipelines.h - Pipelines of the conversions ---------------*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RA_CONVERSION_PIPELINES_H
#define RA_CONVERSION_PIPELINES_H

#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassOptions.h"

namespace ra {

/// Options of `ra-bufferize`.
struct BufferizePipelineOptions
    : mlir::PassPipelineOptions<BufferizePipelineOptions> {
  Option<int64_t> maxConstantBytes{
      *this, "max-constant-bytes",
      llvm::cl::desc("The largest constant, in bytes, that stays in the code"),
      llvm::cl::init(4096)};
  Option<int64_t> panel{
      *this, "panel",
      llvm::cl::desc("Store weights that are parameters in panels of so many "
                     "outputs, in @f.prepare; 0 leaves them"),
      llvm::cl::init(0)};
};

/// From functions on tensors to functions on buffers: results are written to
/// buffers of the caller, large constants are bound by the caller, every other
/// buffer is allocated and freed in the function. Afterwards each `ra` op,
/// structured op and `memref.copy` in a public function is one kernel, each
/// `memref.alloc` one allocation of a call. Functions named `<entry>.shapes`
/// compute shapes only (see `ra-outline-shapes`).
///
/// Private functions are inlined. P, basis and ra.fold_weights must have been
/// decomposed.
void buildBufferizePipeline(mlir::OpPassManager &pm,
                            const BufferizePipelineOptions &options);

/// Options of `ra-lower-to-cpu`.
struct LowerToCpuPipelineOptions
    : mlir::PassPipelineOptions<LowerToCpuPipelineOptions> {
  Option<unsigned> threads{
      *this, "threads",
      llvm::cl::desc("Threads of a kernel; 1 gives code without a threading "
                     "runtime, more use OpenMP"),
      llvm::cl::init(1)};
  Option<bool> instrument{
      *this, "instrument",
      llvm::cl::desc("Call ra_rt_count_kernel before each kernel"),
      llvm::cl::init(false)};
  Option<int64_t> lanes{*this, "lanes",
                        llvm::cl::desc("f32 lanes of a vector: 8 or 16"),
                        llvm::cl::init(16)};
  Option<int64_t> rows{*this, "rows",
                       llvm::cl::desc("Rows of accumulators of a product"),
                       llvm::cl::init(6)};
  Option<int64_t> chunks{
      *this, "chunks",
      llvm::cl::desc("Vectors in a row of accumulators of a product"),
      llvm::cl::init(4)};
};

/// From the output of `ra-bufferize` to the LLVM dialect, for a CPU. Public
/// functions get the C interface `_mlir_ciface_<name>`; allocations call
/// `_mlir_memref_to_llvm_alloc`, `_mlir_memref_to_llvm_aligned_alloc` and
/// `_mlir_memref_to_llvm_free`.
void buildLowerToCpuPipeline(mlir::OpPassManager &pm,
                             const LowerToCpuPipelineOptions &options);

/// Registers the passes of every conversion.
void registerConversionPasses();

/// Registers `ra-bufferize` and `ra-lower-to-cpu`.
void registerConversionPipelines();

} // namespace ra

#endif // RA_CONVERSION_PIPELINES_H
