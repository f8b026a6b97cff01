//===- ra-opt.cpp - The optimiser driver ----------------------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/InitAllPasses.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "ra/Dialect/RA/IR/RADialect.h"
#include "ra/Dialect/RA/Transforms/BufferizableOpInterfaceImpl.h"
#include "ra/Dialect/RA/Transforms/Passes.h"
#include "ra/Dialect/RA/Transforms/Pipelines.h"

int main(int argc, char **argv) {
  mlir::registerAllPasses();
  ra::registerRATransformsPasses();
  ra::registerCompilePipeline();
  mlir::DialectRegistry registry;
  mlir::registerAllDialects(registry);
  mlir::registerAllExtensions(registry);
  registry.insert<ra::RADialect>();
  ra::registerBufferizableOpInterfaceExternalModels(registry);
  return mlir::asMainReturnCode(mlir::MlirOptMain(
      argc, argv, "ra: attention with reciprocal terms and gates\n", registry));
}
