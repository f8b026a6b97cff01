//===- Pipelines.cpp - The stage ladder ---===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ra/Dialect/RA/Transforms/Pipelines.h"
#include "ra/Dialect/RA/Transforms/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"
#include "llvm/Support/ErrorHandling.h"

using namespace mlir;
using namespace ra;

ArrayRef<Stage> ra::getAllStages() {
  static constexpr Stage stages[] = {Stage::BaselineAsWritten,
                                     Stage::BaselineCompiled,
                                     Stage::OpenCoded,
                                     Stage::Folded,
                                     Stage::Baked,
                                     Stage::Direct};
  return stages;
}

StringRef ra::stageName(Stage stage) {
  switch (stage) {
  case Stage::BaselineAsWritten:
    return "baseline-as-written";
  case Stage::BaselineCompiled:
    return "baseline";
  case Stage::OpenCoded:
    return "open-coded";
  case Stage::Folded:
    return "folded";
  case Stage::Baked:
    return "baked";
  case Stage::Direct:
    return "direct";
  }
  llvm_unreachable("all stages are handled");
}

bool ra::isBaseline(Stage stage) {
  return stage == Stage::BaselineAsWritten || stage == Stage::BaselineCompiled;
}

void ra::buildRaisePipeline(OpPassManager &pm, bool reciprocalOnly) {
  pm.addPass(createInlinerPass());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
  RaisePassOptions options;
  options.reciprocalOnly = reciprocalOnly;
  pm.addNestedPass<func::FuncOp>(createRaisePass(options));
}

void ra::buildCompilePipeline(OpPassManager &pm,
                              const CompilePipelineOptions &options) {
  Stage stage = options.stage;
  bool everything = stage == Stage::Direct || stage == Stage::BaselineCompiled;
  auto clean = [&] {
    pm.addPass(createCanonicalizerPass());
    pm.addPass(createCSEPass());
  };
  // The order differs from the ladder: weights are folded from the op that
  // still says what is reciprocal; what is refused is then folded on
  // activations.
  // As written means as written: there, only what has to be found in order to
  // be replaced is raised.
  buildRaisePipeline(pm, stage == Stage::BaselineAsWritten);
  clean();
  if (isBaseline(stage))
    pm.addNestedPass<func::FuncOp>(createMakeBaselinePass());
  if (stage == Stage::Baked || stage == Stage::Direct)
    pm.addNestedPass<func::FuncOp>(createFoldWeightsPass());
  if (stage == Stage::Folded || stage == Stage::Baked || stage == Stage::Direct)
    pm.addNestedPass<func::FuncOp>(createFoldReciprocalPass());
  // What no pass folded is executed as two products; P and basis are explicit.
  pm.addNestedPass<func::FuncOp>(createDecomposeBasisPass());
  if (everything) {
    pm.addNestedPass<func::FuncOp>(createFuseProjectionsPass());
    clean();
  }
  pm.addPass(createFoldConstantsPass());
  pm.addPass(createOutlinePreparePass());
  if (everything)
    pm.addNestedPass<func::FuncOp>(createEliminateCopiesPass());
  pm.addNestedPass<func::FuncOp>(createDecomposeFoldWeightsPass());
  pm.addNestedPass<func::FuncOp>(createCheckAlignmentPass());
  clean();
}

void ra::registerCompilePipeline() {
  PassPipelineRegistration<CompilePipelineOptions>(
      "ra-compile",
      "From a module as written to attention and projections with maps, up to "
      "the given stage of the ladder",
      buildCompilePipeline);
}
