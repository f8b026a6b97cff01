//===- Pipelines.h - The stage ladder ---------------------------*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The tensor-level half of the compiler: from a module as a researcher writes
// it to ra.attention and ra.linear with maps, ready for bufferisation.
//
//===----------------------------------------------------------------------===//

#ifndef RA_DIALECT_RA_TRANSFORMS_PIPELINES_H
#define RA_DIALECT_RA_TRANSFORMS_PIPELINES_H

#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassOptions.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

namespace ra {

/// How far a module is taken before it is lowered. The first two compute the
/// baseline: the module with ra.reciprocal_attention replaced by ra.attention.
enum class Stage {
  /// Ordinary attention; one kernel per op, transposes and concatenations
  /// materialised.
  BaselineAsWritten,
  /// Ordinary attention through the whole pipeline.
  BaselineCompiled,
  /// Two score products inside one tiled kernel; gates and copies at run time.
  OpenCoded,
  /// + ra-fold-reciprocal: one product, query and key assembled at run time.
  Folded,
  /// + ra-fold-weights: gates, swap, P and basis in the weights.
  Baked,
  /// + ra-fuse-projections and ra-eliminate-copies: the product.
  Direct,
};

/// The stages in the order of the ladder.
llvm::ArrayRef<Stage> getAllStages();

/// "baseline-as-written", "baseline", "open-coded", "folded", "baked",
/// "direct".
llvm::StringRef stageName(Stage stage);

/// True for the two stages that compute ordinary attention.
bool isBaseline(Stage stage);

/// Options of the pipeline `ra-compile`.
struct CompilePipelineOptions
    : public mlir::PassPipelineOptions<CompilePipelineOptions> {
  PassOptions::Option<Stage> stage{
      *this, "stage",
      llvm::cl::desc("How far up the ladder the module is taken"),
      llvm::cl::init(Stage::Direct),
      llvm::cl::values(clEnumValN(Stage::BaselineAsWritten,
                                  "baseline-as-written",
                                  "ordinary attention, one kernel per op"),
                       clEnumValN(Stage::BaselineCompiled, "baseline",
                                  "ordinary attention, whole pipeline"),
                       clEnumValN(Stage::OpenCoded, "open-coded",
                                  "two score products in one kernel"),
                       clEnumValN(Stage::Folded, "folded", "+ fold-reciprocal"),
                       clEnumValN(Stage::Baked, "baked", "+ fold-weights"),
                       clEnumValN(Stage::Direct, "direct",
                                  "+ fuse-projections, eliminate-copies"))};
};

/// Appends what raises modules in linalg to `pm`, a pass manager on
/// builtin.module: private functions are inlined first, as exporters leave
/// masks in them. With `reciprocalOnly`, attention without reciprocal terms and
/// gates stays as written, and so do projections.
void buildRaisePipeline(mlir::OpPassManager &pm, bool reciprocalOnly = false);

/// Appends the tensor-level passes of `options.stage` to `pm`, a pass manager
/// on builtin.module.
void buildCompilePipeline(mlir::OpPassManager &pm,
                          const CompilePipelineOptions &options);

/// Registers `ra-compile`.
void registerCompilePipeline();

} // namespace ra

#endif // RA_DIALECT_RA_TRANSFORMS_PIPELINES_H
