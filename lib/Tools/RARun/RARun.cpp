//===- RARun.cpp - The driver behind ra-run -------------------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ra/Tools/RARun.h"
#include "Inputs.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/Remarks.h"
#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "ra/Dialect/RA/Transforms/Passes.h"
#include "ra/ExecutionEngine/Engine.h"
#include "ra/InitAll.h"
#include "ra/Reference/Compare.h"
#include "ra/Reference/Interpreter.h"
#include "ra/Runtime/Npy.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/raw_ostream.h"

#include <chrono>
#include <cmath>
#include <limits>

using namespace mlir;
using namespace ra;
using namespace ra::tools;
using runtime::Tensor;

static ExitCode fail(ExitCode code, const Twine &message) {
  llvm::errs() << "ra-run: error: " << message << "\n";
  return code;
}

namespace {
/// Seconds since it was made, for the report.
class Clock {
public:
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() -
                                         start)
        .count();
  }

private:
  std::chrono::steady_clock::time_point start =
      std::chrono::steady_clock::now();
};
} // namespace

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

static void printSummary(llvm::raw_ostream &os, unsigned index,
                         const Tensor &tensor) {
  double low = std::numeric_limits<double>::infinity(), high = -low, sum = 0;
  int64_t nans = 0;
  for (double value : tensor.readAsDoubles()) {
    if (std::isnan(value)) {
      ++nans;
      continue;
    }
    low = std::min(low, value);
    high = std::max(high, value);
    sum += value;
  }
  int64_t count = tensor.numElements() - nans;
  os << llvm::formatv(
      "result {0}: {1}", index,
      runtime::shapeString(tensor.shape(), tensor.elementType()));
  if (count > 0)
    os << llvm::formatv("  min {0:f6}  max {1:f6}  mean {2:f6}", low, high,
                        sum / static_cast<double>(count));
  if (nans != 0)
    os << "  NaN " << nans;
  os << "\n";
}

/// Evaluates the reference and judges the results; prints the table.
static ExitCode judgeResults(func::FuncOp reference, ArrayRef<Tensor> inputs,
                             ArrayRef<Tensor> results, unsigned threads) {
  Clock clock;
  reference::InterpreterOptions exact, storage;
  storage.precision = reference::Precision::Storage;
  exact.numThreads = storage.numThreads = threads;
  auto expected = reference::evaluate(reference, inputs, exact);
  if (failed(expected))
    return CompileError;
  double exactSeconds = clock.seconds();
  auto yardstick = reference::evaluate(reference, inputs, storage);
  if (failed(yardstick))
    return CompileError;
  llvm::outs() << llvm::formatv(
      "reference: every element, f64 in {0:f2} s; yardstick in {1:f2} s\n",
      exactSeconds, clock.seconds() - exactSeconds);
  llvm::outs() << "result  max error   mean error  yardstick   tolerance   "
                  "verdict\n";
  bool pass = true;
  for (auto [index, result] : llvm::enumerate(results)) {
    auto error = reference::compareTensors(result, (*expected)[index]);
    auto own =
        reference::compareTensors((*yardstick)[index], (*expected)[index]);
    if (!error || !own)
      return fail(CompileError,
                  llvm::formatv("result {0}: {1}", index,
                                error ? own.message() : error.message()));
    reference::Verdict verdict = reference::judge(*error, *own);
    llvm::outs() << llvm::formatv(
                        "{0,-6}  {1:e3}   {2:e3}   {3:e3}   {4:e3}   ", index,
                        error->maxError, error->meanError, own->maxError,
                        verdict.tolerance)
                 << (verdict.pass ? "ok" : "MISMATCH") << "\n";
    if (!verdict.pass)
      llvm::outs() << llvm::formatv(
          "        {0}; at {1}: got {2}, reference {3}\n", verdict.reason,
          reference::indexString(result.shape(), error->maxIndex),
          error->gotAtMax, error->referenceAtMax);
    pass &= verdict.pass;
  }
  return pass ? Success : Mismatch;
}

static LogicalResult runPasses(ModuleOp module,
                               function_ref<void(OpPassManager &)> build) {
  PassManager pm(module.getContext());
  build(pm);
  return pm.run(module);
}

ExitCode tools::run(const RunOptions &options) {
  if (options.device != "auto" && options.device != "cpu")
    return fail(NoSuchDevice, "--device=" + options.device +
                                  ": no such device here; there is cpu");

  DialectRegistry registry;
  mlir::registerAllDialects(registry);
  mlir::registerAllExtensions(registry);
  ra::registerAllDialects(registry);
  MLIRContext context(registry);
  // A message names a place in the user's file; the op there, taken apart by
  // passes and printed whole, would bury it.
  context.printOpOnDiagnostic(false);
  if (options.remarks) {
    // A kind of remark whose own filter is not set is off, whatever `all` says.
    std::string any = ".*";
    remark::RemarkCategories categories = {any, any, any, any, any};
    if (failed(remark::enableOptimizationRemarks(
            context, nullptr,
            std::make_unique<remark::RemarkEmittingPolicyAll>(), categories,
            /*printAsEmitRemarks=*/true)))
      return fail(CompileError, "remarks cannot be enabled");
  }

  llvm::ErrorOr<std::unique_ptr<llvm::MemoryBuffer>> buffer =
      llvm::MemoryBuffer::getFileOrSTDIN(options.file);
  if (!buffer)
    return fail(UsageError, options.file + ": " + buffer.getError().message());
  llvm::SourceMgr sources;
  sources.AddNewSourceBuffer(std::move(*buffer), llvm::SMLoc());
  SourceMgrDiagnosticHandler diagnostics(sources, &context, llvm::errs());
  OwningOpRef<ModuleOp> original =
      parseSourceFile<ModuleOp>(sources, ParserConfig(&context));
  if (!original)
    return CompileError;

  func::FuncOp entry = findEntry(*original, options.entry);
  if (!entry)
    return UsageError;
  std::string name = entry.getName().str();
  if (options.outputs.size() > entry.getNumResults())
    return fail(UsageError,
                llvm::formatv("{0} --output files for the {1} results of @{2}",
                              options.outputs.size(), entry.getNumResults(),
                              name));
  runtime::Expected<std::vector<Tensor>> inputs = makeInputs(entry, options);
  if (!inputs)
    return fail(UsageError, inputs.message());

  // The compiled side works on a copy: no pass touches what the reference
  // reads.
  Clock compileClock;
  OwningOpRef<ModuleOp> compiled = original->clone();
  CompilePipelineOptions pipeline;
  pipeline.stage = options.stage;
  if (failed(runPasses(*compiled, [&](OpPassManager &pm) {
        buildCompilePipeline(pm, pipeline);
      })))
    return CompileError;
  EngineOptions engineOptions;
  engineOptions.threads = options.threads;
  engineOptions.instrument = true;
  engineOptions.poisonAllocations = options.verify;
  FailureOr<std::unique_ptr<Engine>> engine =
      Engine::compile(*compiled, engineOptions);
  if (failed(engine))
    return CompileError;
  double compileSeconds = compileClock.seconds();

  CallCounters counters;
  Clock runClock;
  runtime::Expected<SmallVector<Tensor>> results =
      (*engine)->run(name, *inputs, &counters);
  if (!results)
    return fail(UsageError, results.message());
  double runSeconds = runClock.seconds();

  llvm::outs() << llvm::formatv("@{0}  stage {1}  device cpu  seed {2}\n", name,
                                stageName(options.stage), options.seed);
  llvm::outs() << llvm::formatv(
      "compiled in {0:f2} s; first call, weights prepared, {1:f3} s: {2} "
      "kernels, {3} intermediate buffers of {4:f2} MiB\n",
      compileSeconds, runSeconds, counters.kernels, counters.allocations,
      static_cast<double>(counters.bytesAllocated) / (1 << 20));

  ExitCode code = Success;
  if (options.verify) {
    if (isBaseline(options.stage) &&
        failed(runPasses(*original, [](OpPassManager &pm) {
          pm.addNestedPass<func::FuncOp>(createMakeBaselinePass());
        })))
      return CompileError;
    code = judgeResults(entry, *inputs, *results, options.threads);
  } else {
    for (auto [index, result] : llvm::enumerate(*results))
      printSummary(llvm::outs(), index, result);
  }
  if (code != Success)
    return code;
  for (auto [index, file] : llvm::enumerate(options.outputs)) {
    runtime::Status written = runtime::writeNpy(file, (*results)[index]);
    if (!written.ok())
      return fail(UsageError, written.message());
    llvm::outs() << "wrote " << file << "\n";
  }
  return Success;
}
