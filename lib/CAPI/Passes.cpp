//===- Passes.cpp - C API of ra's passes and pipelines --------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ra-c/Passes.h"

#include "mlir/CAPI/Pass.h"
#include "mlir/CAPI/Support.h"
#include "mlir/Pass/PassManager.h"
#include "ra/Conversion/RAToVector/Passes.h"
#include "ra/InitAll.h"

using namespace mlir;
using namespace ra;

#include "ra/Conversion/RAToVector/Passes.capi.cpp.inc"
#include "ra/Dialect/RA/Transforms/Passes.capi.cpp.inc"

void raRegisterAllPasses() {
  static const bool once = (ra::registerAllPasses(), true);
  (void)once;
}

// The enumerators of C are those of the pipeline.
static_assert(RaStageBaselineAsWritten ==
                  static_cast<int>(Stage::BaselineAsWritten) &&
              RaStageBaselineCompiled ==
                  static_cast<int>(Stage::BaselineCompiled) &&
              RaStageOpenCoded == static_cast<int>(Stage::OpenCoded) &&
              RaStageFolded == static_cast<int>(Stage::Folded) &&
              RaStageBaked == static_cast<int>(Stage::Baked) &&
              RaStageDirect == static_cast<int>(Stage::Direct));

static bool isStage(RaStage stage) {
  return llvm::is_contained(getAllStages(), static_cast<Stage>(stage));
}

MlirStringRef raStageGetName(RaStage stage) {
  return wrap(isStage(stage) ? stageName(static_cast<Stage>(stage))
                             : StringRef());
}

/// A pass on modules, appended to a pass manager on another op, is a fatal
/// error.
static bool takesModulePasses(OpPassManager &pm) {
  return pm.getOpAnchorName() == OpPassManager::getAnyOpAnchorName() ||
         pm.getOpAnchorName() == ModuleOp::getOperationName();
}

MlirLogicalResult raAddCompilePipeline(MlirOpPassManager passManager,
                                       RaStage stage) {
  OpPassManager &pm = *unwrap(passManager);
  if (!takesModulePasses(pm) || !isStage(stage))
    return wrap(failure());
  CompilePipelineOptions options;
  options.stage = static_cast<Stage>(stage);
  buildCompilePipeline(pm, options);
  return wrap(success());
}

RaBufferizeOptions raBufferizeOptionsGetDefault() {
  BufferizePipelineOptions options;
  return {options.maxConstantBytes};
}

MlirLogicalResult raAddBufferizePipeline(MlirOpPassManager passManager,
                                         RaBufferizeOptions options) {
  OpPassManager &pm = *unwrap(passManager);
  if (!takesModulePasses(pm))
    return wrap(failure());
  BufferizePipelineOptions pipelineOptions;
  pipelineOptions.maxConstantBytes = options.maxConstantBytes;
  buildBufferizePipeline(pm, pipelineOptions);
  return wrap(success());
}

RaLowerToCpuOptions raLowerToCpuOptionsGetDefault() {
  LowerToCpuPipelineOptions options;
  return {options.threads, options.instrument, options.lanes, options.rows,
          options.chunks};
}

MlirLogicalResult raAddLowerToCpuPipeline(MlirOpPassManager passManager,
                                          RaLowerToCpuOptions options) {
  OpPassManager &pm = *unwrap(passManager);
  if (!takesModulePasses(pm))
    return wrap(failure());
  LowerToCpuPipelineOptions pipelineOptions;
  pipelineOptions.threads = options.threads;
  pipelineOptions.instrument = options.instrument;
  pipelineOptions.lanes = options.lanes;
  pipelineOptions.rows = options.rows;
  pipelineOptions.chunks = options.chunks;
  buildLowerToCpuPipeline(pm, pipelineOptions);
  return wrap(success());
}
