//===- Pipelines.cpp - Pipelines of the conversions ------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ra/Conversion/Pipelines.h"

#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/Bufferization/Pipelines/Passes.h"
#include "mlir/Dialect/Bufferization/Transforms/Passes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/Passes.h"
#include "mlir/Dialect/Math/Transforms/Passes.h"
#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "mlir/Transforms/Passes.h"
#include "ra/Conversion/RAToVector/Passes.h"

using namespace mlir;

static void addCleanup(OpPassManager &pm) {
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
}

void ra::buildBufferizePipeline(OpPassManager &pm,
                                const BufferizePipelineOptions &options) {
  pm.addPass(createInlinerPass());
  pm.addPass(createSymbolDCEPass());
  if (options.panel != 0)
    pm.addPass(createPackWeightsPass({options.panel}));
  pm.addNestedPass<func::FuncOp>(createDecomposeAggregatesPass());
  pm.addPass(createOutlineShapesPass());
  pm.addPass(createExternalizeConstantsPass({options.maxConstantBytes}));
  pm.addPass(createResultsToArgumentsPass());
  addCleanup(pm);
  pm.addPass(bufferization::createEmptyTensorEliminationPass());

  bufferization::OneShotBufferizePassOptions bufferize;
  bufferize.bufferizeFunctionBoundaries = true;
  bufferize.functionBoundaryTypeConversion =
      bufferization::LayoutMapOption::IdentityLayoutMap;
  pm.addPass(bufferization::createOneShotBufferizePass(bufferize));
  addCleanup(pm);
  bufferization::buildBufferDeallocationPipeline(
      pm, bufferization::BufferDeallocationPipelineOptions());
  pm.addPass(createConvertBufferizationToMemRefPass());
  addCleanup(pm);
}

void ra::buildLowerToCpuPipeline(OpPassManager &pm,
                                 const LowerToCpuPipelineOptions &options) {
  pm.addPass(createOutlineKernelsPass());
  if (options.instrument)
    pm.addPass(createCountKernelsPass());
  pm.addPass(createConvertRAToVectorPass(
      {options.lanes, options.rows, options.chunks}));
  pm.addNestedPass<func::FuncOp>(createConvertLinalgToParallelLoopsPass());
  pm.addPass(createApproximateMathPass());
  addCleanup(pm);
  pm.addPass(createLoopInvariantCodeMotionPass());
  if (options.threads != 1) {
    pm.addPass(createConvertSCFToOpenMPPass({options.threads}));
    pm.addPass(createScheduleTilesPass());
  }

  pm.addPass(math::createMathExtendToSupportedTypes());
  pm.addPass(memref::createExpandStridedMetadataPass());
  pm.addPass(createLowerAffinePass());
  arith::ArithExpandOpsPassOptions expand;
  expand.includeBf16 = true;
  pm.addPass(arith::createArithExpandOpsPass(expand));
  addCleanup(pm);
  pm.addPass(createSCFToControlFlowPass());
  pm.addPass(createConvertVectorToLLVMPass());
  pm.addPass(createConvertMathToLLVMPass());
  pm.addPass(createConvertMathToLibmPass());
  pm.addPass(createUBToLLVMConversionPass());
  FinalizeMemRefToLLVMConversionPassOptions memref;
  memref.useAlignedAlloc = true;
  memref.useGenericFunctions = true;
  pm.addPass(createFinalizeMemRefToLLVMConversionPass(memref));
  pm.addPass(createArithToLLVMConversionPass());
  pm.addPass(createConvertIndexToLLVMPass());
  pm.addPass(createConvertFuncToLLVMPass());
  pm.addPass(createConvertControlFlowToLLVMPass());
  if (options.threads != 1)
    pm.addPass(createConvertOpenMPToLLVMPass());
  pm.addPass(createReconcileUnrealizedCastsPass());
  addCleanup(pm);
}

void ra::registerConversionPasses() { registerRAToVectorPasses(); }

void ra::registerConversionPipelines() {
  PassPipelineRegistration<BufferizePipelineOptions>(
      "ra-bufferize", "From functions on tensors to functions on buffers",
      buildBufferizePipeline);
  PassPipelineRegistration<LowerToCpuPipelineOptions>(
      "ra-lower-to-cpu", "From the output of ra-bufferize to the LLVM dialect",
      buildLowerToCpuPipeline);
}
