//===- Compile.h - From text to results, for tests --------------*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RA_TEST_UNIT_INTEGRATION_COMPILE_H
#define RA_TEST_UNIT_INTEGRATION_COMPILE_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "ra/Dialect/RA/Transforms/Pipelines.h"
#include "ra/ExecutionEngine/Engine.h"
#include "ra/InitAll.h"
#include "gtest/gtest.h"

namespace ra::test {

/// Compiled code with the module that owns its constants.
struct CompiledBlock {
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::unique_ptr<Engine> engine;

  /// Results of @block; empty after a failure.
  llvm::SmallVector<runtime::Tensor>
  run(llvm::ArrayRef<runtime::Tensor> inputs) {
    if (!engine)
      return {};
    auto results = engine->run("block", inputs);
    if (!results) {
      ADD_FAILURE() << results.message();
      return {};
    }
    return *results;
  }
};

/// A context with every dialect, and what tests do with modules.
class Compile {
public:
  Compile() {
    mlir::DialectRegistry registry;
    mlir::registerAllDialects(registry);
    mlir::registerAllExtensions(registry);
    ra::registerAllDialects(registry);
    context.appendDialectRegistry(registry);
  }

  mlir::OwningOpRef<mlir::ModuleOp> parse(const std::string &text) {
    auto module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
    EXPECT_TRUE(module) << text;
    return module;
  }

  /// A copy of `module` compiled at `stage`; runs to nothing after a failure.
  CompiledBlock compile(mlir::ModuleOp module, Stage stage, unsigned threads,
                        unsigned optLevel) {
    CompiledBlock block;
    block.module = mlir::cast<mlir::ModuleOp>(module->clone());
    mlir::PassManager pm(&context);
    CompilePipelineOptions pipeline;
    pipeline.stage = stage;
    buildCompilePipeline(pm, pipeline);
    if (mlir::failed(pm.run(*block.module))) {
      ADD_FAILURE() << "the pipeline failed";
      return block;
    }
    EngineOptions options;
    options.threads = threads;
    options.optLevel = optLevel;
    options.poisonAllocations = true;
    auto engine = Engine::compile(*block.module, options);
    if (mlir::failed(engine))
      ADD_FAILURE() << "compilation failed";
    else
      block.engine = std::move(*engine);
    return block;
  }

private:
  mlir::MLIRContext context;
};

} // namespace ra::test

#endif // RA_TEST_UNIT_INTEGRATION_COMPILE_H
