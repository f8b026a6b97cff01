//===- Session.h - A module under an entry, and its errors ------*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RA_LIB_TOOLS_RARUN_SESSION_H
#define RA_LIB_TOOLS_RARUN_SESSION_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"
#include "mlir/Pass/PassManager.h"
#include "ra/Tools/RARun.h"
#include "ra/Tools/WeightsModule.h"
#include "llvm/Support/SourceMgr.h"

#include <memory>

namespace ra::tools {

/// Prints the one message of a failure; returns its status.
ExitCode fail(ExitCode code, const llvm::Twine &message);

/// Runs the passes that `build` adds on `module`.
mlir::LogicalResult
runPasses(mlir::ModuleOp module,
          llvm::function_ref<void(mlir::OpPassManager &)> build);

/// Takes `module` to `stage` of the ladder.
mlir::LogicalResult compileToStage(mlir::ModuleOp module, Stage stage);

/// The module of a run as the user wrote it, parsed, and the function chosen.
class Session {
public:
  /// Reads the file and finds the entry. Null after an error, which has been
  /// printed and whose status is in `code`.
  static std::unique_ptr<Session> open(const ModuleOptions &options,
                                       ExitCode &code);

  mlir::ModuleOp module() { return *original; }
  /// What is compiled to `stage`: module(), but for the direct stage of a
  /// converted layer the folded weights of the file.
  mlir::ModuleOp module(Stage stage) {
    return folded && stage == Stage::Direct ? *folded : *original;
  }
  /// The layer of a checkpoint; null for a module from a file.
  const WeightsModule *weights() const { return layer ? &*layer : nullptr; }
  /// Whether there is something to compare results with; else an error was
  /// printed.
  bool hasReference() const;
  mlir::func::FuncOp entry() { return function; }
  llvm::StringRef name() { return function.getName(); }

private:
  Session();
  /// Reads the layer of a checkpoint.
  ExitCode openWeights(const ModuleOptions &options);

  mlir::MLIRContext context;
  llvm::SourceMgr sources;
  std::unique_ptr<mlir::SourceMgrDiagnosticHandler> diagnostics;
  mlir::OwningOpRef<mlir::ModuleOp> original, folded;
  std::optional<WeightsModule> layer;
  mlir::func::FuncOp function;
};

} // namespace ra::tools

#endif // RA_LIB_TOOLS_RARUN_SESSION_H
