//===- RARun.cpp - The driver behind ra-run -------------------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ra/Tools/RARun.h"
#include "DimNames.h"
#include "Inputs.h"
#include "Session.h"
#include "Verification.h"

#include "ra/ExecutionEngine/Engine.h"
#include "ra/Runtime/Npy.h"
#include "ra/Runtime/Timing.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

#include <cmath>
#include <limits>

using namespace mlir;
using namespace ra;
using namespace ra::tools;
using runtime::Tensor;

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
static ExitCode verifyResults(func::FuncOp entry, bool baseline,
                              ArrayRef<Tensor> inputs, ArrayRef<Tensor> results,
                              unsigned threads) {
  FailureOr<ReferenceResults> reference =
      evaluateReference(entry, baseline, inputs, threads);
  if (failed(reference))
    return CompileError;
  llvm::outs() << llvm::formatv(
      "reference: every element, f64 in {0:f2} s; yardstick in {1:f2} s\n",
      reference->exactSeconds, reference->yardstickSeconds);
  runtime::Expected<SmallVector<ResultVerdict>> verdicts =
      judgeResults(results, *reference);
  if (!verdicts)
    return fail(CompileError, verdicts.message());
  llvm::outs() << "result  max error   mean error  yardstick   tolerance   "
                  "verdict\n";
  bool pass = true;
  for (auto [index, result] : llvm::enumerate(*verdicts)) {
    bool good = result.verdict.pass;
    llvm::outs() << llvm::formatv(
                        "{0,-6}  {1:e3}   {2:e3}   {3:e3}   {4:e3}   ", index,
                        result.error.maxError, result.error.meanError,
                        result.yardstick, result.verdict.tolerance)
                 << (good ? "ok" : "MISMATCH") << "\n";
    if (!good)
      llvm::outs() << "        "
                   << describeMismatch(index, results[index], result) << "\n";
    pass &= good;
  }
  return pass ? Success : Mismatch;
}

ExitCode tools::run(const RunOptions &options) {
  ExitCode code = Success;
  std::unique_ptr<Session> session = Session::open(options, code);
  if (!session)
    return code;
  if (options.verify && !session->hasReference())
    return UsageError;
  func::FuncOp entry = session->entry();
  std::string name = session->name().str();
  if (options.outputs.size() > entry.getNumResults())
    return fail(UsageError,
                llvm::formatv("{0} --output files for the {1} results of @{2}",
                              options.outputs.size(), entry.getNumResults(),
                              name));
  runtime::Expected<std::vector<DimExtent>> dims =
      resolveDims(entry, options.dims);
  if (!dims)
    return fail(UsageError, dims.message());
  runtime::Expected<std::vector<Tensor>> inputs =
      makeInputs(entry, options, *dims, session->weights());
  if (!inputs)
    return fail(UsageError, inputs.message());

  // The compiled side works on a copy: no pass touches what the reference
  // reads.
  double start = runtime::steadySeconds();
  OwningOpRef<ModuleOp> compiled = session->module(options.stage).clone();
  if (failed(compileToStage(*compiled, options.stage)))
    return CompileError;
  EngineOptions engineOptions;
  engineOptions.threads = options.threads;
  engineOptions.instrument = true;
  engineOptions.poisonAllocations = options.verify;
  FailureOr<std::unique_ptr<Engine>> engine =
      Engine::compile(*compiled, engineOptions);
  if (failed(engine))
    return CompileError;
  double compileSeconds = runtime::steadySeconds() - start;

  CallCounters counters;
  start = runtime::steadySeconds();
  runtime::Expected<SmallVector<Tensor>> results =
      (*engine)->run(name, *inputs, &counters);
  if (!results)
    return fail(UsageError, results.message());
  double runSeconds = runtime::steadySeconds() - start;

  llvm::outs() << llvm::formatv("@{0}  stage {1}  device cpu  seed {2}\n", name,
                                stageName(options.stage), options.seed);
  llvm::outs() << llvm::formatv(
      "compiled in {0:f2} s; first call, weights prepared, {1:f3} s: {2} "
      "kernels, {3} intermediate buffers of {4:f2} MiB\n",
      compileSeconds, runSeconds, counters.kernels, counters.allocations,
      static_cast<double>(counters.bytesAllocated) / (1 << 20));

  if (options.verify) {
    code = verifyResults(entry, isBaseline(options.stage),
                         makeExact(*inputs, session->weights()), *results,
                         options.threads);
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
