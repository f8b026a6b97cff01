//===- ra-reduce.cpp - Makes a failing module small -----------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/InitAllPasses.h"
#include "mlir/Tools/mlir-reduce/MlirReduceMain.h"
#include "ra/Dialect/RA/Transforms/ReductionPatternInterface.h"
#include "ra/InitAll.h"

#include "../Version.h"

int main(int argc, char **argv) {
  ra::setVersionPrinter("ra-reduce");
  mlir::registerAllPasses();
  ra::registerAllPasses();
  mlir::DialectRegistry registry;
  mlir::registerAllDialects(registry);
  mlir::registerAllExtensions(registry);
  ra::registerAllDialects(registry);
  ra::registerReductionPatternInterface(registry);
  mlir::MLIRContext context(registry);
  // Candidates that do not verify are no news, unless nothing came of it all.
  std::string diagnostics;
  llvm::raw_string_ostream stream(diagnostics);
  context.getDiagEngine().registerHandler([&](mlir::Diagnostic &diagnostic) {
    stream << diagnostic.getLocation() << ": " << diagnostic << '\n';
  });
  if (mlir::succeeded(mlir::mlirReduceMain(argc, argv, context)))
    return 0;
  llvm::errs() << diagnostics;
  return 1;
}
