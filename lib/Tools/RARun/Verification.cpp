//===- Verification.cpp - Results against the interpreter -----------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Verification.h"

#include "Session.h"
#include "ra/Dialect/RA/IR/RAOps.h"
#include "ra/Dialect/RA/Transforms/Passes.h"
#include "ra/Dialect/RA/Transforms/Pipelines.h"
#include "ra/Reference/Interpreter.h"
#include "ra/Runtime/Timing.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace ra;
using namespace ra::tools;
using runtime::Tensor;

static bool hasReciprocalAttention(ModuleOp module) {
  return module
      .walk([](ReciprocalAttentionOp) { return WalkResult::interrupt(); })
      .wasInterrupted();
}

/// A copy of `module` with ordinary attention for reciprocal attention; null on
/// failure. An open-coded form must be raised for that, and then the reference
/// sees what raising made of it; anything else it sees as it was written.
static OwningOpRef<ModuleOp> makeBaseline(ModuleOp module) {
  OwningOpRef<ModuleOp> copy = module.clone();
  if (!hasReciprocalAttention(module)) {
    if (failed(runPasses(*copy, [](OpPassManager &pm) {
          buildRaisePipeline(pm, /*reciprocalOnly=*/true);
        })))
      return nullptr;
    if (!hasReciprocalAttention(*copy))
      return module.clone();
  }
  if (failed(runPasses(*copy, [](OpPassManager &pm) {
        pm.addNestedPass<func::FuncOp>(createMakeBaselinePass());
      })))
    return nullptr;
  return copy;
}

FailureOr<ReferenceResults> tools::evaluateReference(func::FuncOp entry,
                                                     bool baseline,
                                                     ArrayRef<Tensor> inputs,
                                                     unsigned threads) {
  OwningOpRef<ModuleOp> copy;
  if (baseline) {
    copy = makeBaseline(entry->getParentOfType<ModuleOp>());
    if (!copy)
      return failure();
    entry = copy->lookupSymbol<func::FuncOp>(entry.getName());
  }
  reference::InterpreterOptions exact, storage;
  storage.precision = reference::Precision::Storage;
  exact.numThreads = storage.numThreads = threads;
  ReferenceResults results;
  double start = runtime::steadySeconds();
  auto expected = reference::evaluate(entry, inputs, exact);
  if (failed(expected))
    return failure();
  results.exactSeconds = runtime::steadySeconds() - start;
  auto yardstick = reference::evaluate(entry, inputs, storage);
  if (failed(yardstick))
    return failure();
  results.yardstickSeconds =
      runtime::steadySeconds() - start - results.exactSeconds;
  results.exact = std::move(*expected);
  results.yardstick = std::move(*yardstick);
  return results;
}

runtime::Expected<SmallVector<ResultVerdict>>
tools::judgeResults(ArrayRef<Tensor> results,
                    const ReferenceResults &reference) {
  SmallVector<ResultVerdict> verdicts;
  for (auto [index, result] : llvm::enumerate(results)) {
    auto error = reference::compareTensors(result, reference.exact[index]);
    auto own = reference::compareTensors(reference.yardstick[index],
                                         reference.exact[index]);
    if (!error || !own)
      return runtime::fail(llvm::formatv(
          "result {0}: {1}", index, error ? own.message() : error.message()));
    verdicts.push_back({*error, own->maxError, reference::judge(*error, *own)});
  }
  return verdicts;
}

std::string tools::describeMismatch(unsigned index, const Tensor &result,
                                    const ResultVerdict &verdict) {
  return llvm::formatv(
      "result {0}: {1}; at {2}: got {3}, reference {4}", index,
      verdict.verdict.reason,
      reference::indexString(result.shape(), verdict.error.maxIndex),
      verdict.error.gotAtMax, verdict.error.referenceAtMax);
}
