//===- Session.cpp - A module under an entry, and its errors --------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Session.h"

#include "mlir/IR/Remarks.h"
#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/Parser/Parser.h"
#include "ra/InitAll.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace ra;
using namespace ra::tools;

ExitCode tools::fail(ExitCode code, const Twine &message) {
  llvm::errs() << "ra-run: error: " << message << "\n";
  return code;
}

LogicalResult tools::runPasses(ModuleOp module,
                               function_ref<void(OpPassManager &)> build) {
  PassManager pm(module.getContext());
  build(pm);
  return pm.run(module);
}

LogicalResult tools::compileToStage(ModuleOp module, Stage stage) {
  CompilePipelineOptions pipeline;
  pipeline.stage = stage;
  return runPasses(
      module, [&](OpPassManager &pm) { buildCompilePipeline(pm, pipeline); });
}

static DialectRegistry makeRegistry() {
  DialectRegistry registry;
  mlir::registerAllDialects(registry);
  mlir::registerAllExtensions(registry);
  ra::registerAllDialects(registry);
  return registry;
}

Session::Session() : context(makeRegistry()) {
  // A message names a place in the user's file; the op there, taken apart by
  // passes and printed whole, would bury it.
  context.printOpOnDiagnostic(false);
}

/// The function to run, or null after an error.
static func::FuncOp findEntry(ModuleOp module, StringRef name) {
  SmallVector<func::FuncOp> candidates;
  for (auto function : module.getOps<func::FuncOp>())
    if (function.isPublic() && !function.isExternal())
      candidates.push_back(function);
  auto names = [&] {
    std::string text;
    llvm::raw_string_ostream os(text);
    llvm::interleaveComma(candidates, os, [&](func::FuncOp function) {
      os << "@" << function.getName();
    });
    return text;
  };
  if (!name.empty()) {
    for (func::FuncOp function : candidates)
      if (function.getName() == name)
        return function;
    fail(UsageError, "--entry=" + name +
                         ": no such public function; there is " +
                         (candidates.empty() ? std::string("none") : names()));
    return nullptr;
  }
  if (candidates.size() == 1)
    return candidates.front();
  fail(UsageError, candidates.empty()
                       ? std::string("the module has no public function with a "
                                     "body")
                       : "choose one with --entry=NAME: " + names());
  return nullptr;
}

ExitCode Session::openWeights(const ModuleOptions &options) {
  runtime::Expected<WeightsModule> read =
      readWeightsModule(options.weights, options.layer);
  if (!read)
    return fail(UsageError, read.message());
  layer = std::move(*read);
  std::string name =
      options.weights + ", layer " + std::to_string(layer->layer);
  folded = parseSourceString<ModuleOp>(layer->folded, ParserConfig(&context),
                                       name + ", folded");
  original = layer->original.empty() && folded
                 ? OwningOpRef<ModuleOp>(folded->clone())
                 : parseSourceString<ModuleOp>(layer->original,
                                               ParserConfig(&context), name);
  return folded && original ? Success : CompileError;
}

bool Session::hasReference() const {
  if (!layer || !layer->original.empty())
    return true;
  fail(UsageError, "the file keeps no original rows of layer " +
                       std::to_string(layer->layer) +
                       ", so there is nothing to compare with: repack without "
                       "--no-keep-raw, or use ra-run run");
  return false;
}

std::unique_ptr<Session> Session::open(const ModuleOptions &options,
                                       ExitCode &code) {
  auto refuse = [&](ExitCode status, const Twine &message) {
    code = fail(status, message);
    return nullptr;
  };
  if (options.device != "auto" && options.device != "cpu")
    return refuse(NoSuchDevice, "--device=" + options.device +
                                    ": no such device here; there is cpu");
  std::unique_ptr<Session> session(new Session);
  if (options.remarks) {
    // A kind of remark whose own filter is not set is off, whatever `all` says.
    std::string any = ".*";
    remark::RemarkCategories categories = {any, any, any, any, any};
    if (failed(remark::enableOptimizationRemarks(
            session->context, nullptr,
            std::make_unique<remark::RemarkEmittingPolicyAll>(), categories,
            /*printAsEmitRemarks=*/true)))
      return refuse(CompileError, "remarks cannot be enabled");
  }

  session->diagnostics = std::make_unique<SourceMgrDiagnosticHandler>(
      session->sources, &session->context, llvm::errs());
  if (!options.weights.empty()) {
    code = session->openWeights(options);
  } else {
    llvm::ErrorOr<std::unique_ptr<llvm::MemoryBuffer>> buffer =
        llvm::MemoryBuffer::getFileOrSTDIN(options.file);
    if (!buffer)
      return refuse(UsageError,
                    options.file + ": " + buffer.getError().message());
    session->sources.AddNewSourceBuffer(std::move(*buffer), llvm::SMLoc());
    session->original = parseSourceFile<ModuleOp>(
        session->sources, ParserConfig(&session->context));
    code = session->original ? Success : CompileError;
  }
  if (code != Success)
    return nullptr;
  session->function = findEntry(*session->original, options.entry);
  if (!session->function) {
    code = UsageError;
    return nullptr;
  }
  return session;
}
