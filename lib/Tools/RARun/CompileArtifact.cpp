//===- CompileArtifact.cpp - ra-run compile -------------------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "DimNames.h"
#include "Inputs.h"
#include "Session.h"
#include "Verification.h"
#include "ra/Dialect/RA/IR/RADialect.h"
#include "ra/ExecutionEngine/ArtifactCompiler.h"
#include "ra/Runtime/InputSpec.h"
#include "ra/Runtime/Random.h"
#include "ra/Runtime/Timing.h"
#include "llvm/Support/FormatVariadic.h"

#include <algorithm>

using namespace mlir;
using namespace ra;
using namespace ra::tools;
using runtime::Artifact;
using runtime::ArtifactCheck;
using runtime::ArtifactEntry;
using runtime::Tensor;

/// Elements of all inputs, up to which a check is recorded without being asked
/// for.
static constexpr int64_t kSmallInputs = int64_t(1) << 23;
/// Elements of a result that a check records.
static constexpr int64_t kMostSamples = 4096;

/// The arguments' inputs: what --input says, which an artifact can only repeat
/// if it is random, else the default.
static runtime::Status setInputs(func::FuncOp entry,
                                 const CompileOptions &options,
                                 ArtifactEntry &artifactEntry) {
  for (auto [index, argument] : llvm::enumerate(artifactEntry.arguments)) {
    argument.isParameter =
        entry.getArgAttr(index, RADialect::getParameterAttrName()) != nullptr;
    argument.input = defaultInput(entry, index, argument.type.shape);
  }
  unsigned next = 0;
  for (StringRef input : options.inputs) {
    unsigned index = next;
    auto [number, rest] = input.split(':');
    if (!number.getAsInteger(10, index))
      input = rest;
    runtime::Expected<runtime::InputSpec> spec =
        runtime::parseInputSpec(input.str());
    if (!spec)
      return runtime::fail("--input: " + spec.message());
    if (spec->kind != runtime::InputSpec::Kind::Normal &&
        spec->kind != runtime::InputSpec::Kind::Uniform)
      return runtime::fail("--input=" + input.str() +
                           ": an artifact keeps how to make random inputs, not "
                           "data; give data to ra-exec run");
    if (index >= artifactEntry.arguments.size())
      return runtime::fail("--input=" + input.str() +
                           ": there is no argument " + std::to_string(index));
    artifactEntry.arguments[index].input = input.str();
    next = index + 1;
  }
  return runtime::Status::success();
}

/// Where a check looks: everywhere if that is little, else at the first and the
/// last row and at seeded places in between.
static std::vector<int64_t> choosePositions(const runtime::Shape &shape,
                                            int64_t count, uint64_t seed) {
  std::vector<int64_t> positions;
  if (count <= kMostSamples) {
    for (int64_t i = 0; i < count; ++i)
      positions.push_back(i);
    return positions;
  }
  int64_t row = std::min(shape.back(), kMostSamples / 4);
  for (int64_t i = 0; i < row; ++i) {
    positions.push_back(i);
    positions.push_back(count - 1 - i);
  }
  std::vector<double> places(kMostSamples - 2 * row);
  // A stream that no argument has.
  runtime::RandomStream{seed, ~uint64_t(0)}.uniform(
      0, static_cast<double>(count), 0, places.size(), places.data());
  for (double place : places)
    positions.push_back(std::min(static_cast<int64_t>(place), count - 1));
  llvm::sort(positions);
  positions.erase(std::unique(positions.begin(), positions.end()),
                  positions.end());
  return positions;
}

/// Evaluates the reference on the inputs that the artifact will make again.
static ExitCode addCheck(func::FuncOp entry, const CompileOptions &options,
                         ArrayRef<Tensor> inputs, Artifact &artifact) {
  FailureOr<ReferenceResults> reference = evaluateReference(
      entry, isBaseline(options.stage), inputs, options.threads);
  if (failed(reference))
    return CompileError;
  // How far the yardstick is off says what may be expected of the artifact.
  runtime::Expected<SmallVector<ResultVerdict>> verdicts =
      judgeResults(reference->yardstick, *reference);
  if (!verdicts)
    return fail(CompileError, verdicts.message());
  ArtifactCheck check;
  check.seed = options.seed;
  for (const Tensor &input : inputs)
    check.shapes.push_back(input.shape());
  for (auto [result, verdict] : llvm::zip_equal(reference->exact, *verdicts)) {
    if (!verdict.verdict.pass)
      return fail(CompileError, "the reference's results cannot be recorded: " +
                                    verdict.verdict.reason);
    runtime::ArtifactCheckResult record;
    record.shape = result.shape();
    record.positions =
        choosePositions(result.shape(), result.numElements(), options.seed);
    for (int64_t position : record.positions)
      record.values.push_back(result.at(position));
    record.tolerance = verdict.verdict.tolerance;
    check.results.push_back(std::move(record));
  }
  artifact.checks.push_back(std::move(check));
  return Success;
}

/// The arguments without all extents, as options that would give them.
static std::string missingDims(func::FuncOp entry, ArrayRef<DimExtent> dims) {
  std::string text;
  for (unsigned index = 0; index < entry.getNumArguments(); ++index) {
    auto shaped = dyn_cast<ShapedType>(entry.getArgumentTypes()[index]);
    for (int64_t axis = 0; shaped && axis < shaped.getRank(); ++axis) {
      bool isGiven = llvm::any_of(dims, [&](const DimExtent &dim) {
        return dim.argument == index && dim.axis == axis;
      });
      if (shaped.isDynamicDim(axis) && !isGiven)
        text += llvm::formatv(" --dim={0}.{1}=N", index, axis).str();
    }
  }
  return text;
}

ExitCode tools::compile(const CompileOptions &options) {
  runtime::Expected<ArtifactCpu> cpu = findArtifactCpu(options.cpu);
  if (!cpu)
    return fail(UsageError, "--cpu: " + cpu.message());
  ExitCode code = Success;
  std::unique_ptr<Session> session = Session::open(options, code);
  if (!session)
    return code;
  func::FuncOp entry = session->entry();
  runtime::Expected<std::vector<DimExtent>> dims =
      resolveDims(entry, options.dims);
  if (!dims)
    return fail(UsageError, dims.message());

  double start = runtime::steadySeconds();
  OwningOpRef<ModuleOp> compiled = session->module().clone();
  for (auto function : compiled->getOps<func::FuncOp>())
    if (function.getName() != session->name())
      function.setPrivate();
  if (failed(compileToStage(*compiled, options.stage)))
    return CompileError;
  ArtifactOptions artifactOptions;
  artifactOptions.cpu = *cpu;
  artifactOptions.parallel = options.threads != 1;
  FailureOr<Artifact> artifact = compileArtifact(*compiled, artifactOptions);
  if (failed(artifact))
    return CompileError;
  double compileSeconds = runtime::steadySeconds() - start;
  artifact->producer = ("ra-run " + options.version + ", stage " +
                        stageName(options.stage) + ", cpu " + options.cpu)
                           .str();
  ArtifactEntry &artifactEntry = artifact->entries.front();
  if (runtime::Status status = setInputs(entry, options, artifactEntry);
      !status.ok())
    return fail(UsageError, status.message());

  std::string missing = missingDims(entry, *dims);
  if (options.check.value_or(false) && !missing.empty())
    return fail(UsageError, "--with-check needs all extents; add" + missing);
  std::string without = missing.empty() ? "inputs are large; add --with-check"
                                        : "for one add" + missing;
  if (options.check.value_or(true) && missing.empty()) {
    runtime::Expected<std::vector<Tensor>> inputs =
        makeInputs(entry, options, *dims);
    if (!inputs)
      return fail(UsageError, inputs.message());
    int64_t elements = 0;
    for (const Tensor &input : *inputs)
      elements += input.numElements();
    if (options.check || elements <= kSmallInputs)
      if (ExitCode failed = addCheck(entry, options, *inputs, *artifact);
          failed != Success)
        return failed;
  }
  if (runtime::Status written =
          runtime::writeArtifact(options.output, *artifact);
      !written.ok())
    return fail(UsageError, written.message());
  llvm::outs() << llvm::formatv(
      "@{0}  stage {1}  cpu {2}, {3}  compiled in {4:f2} s\n", session->name(),
      stageName(options.stage), options.cpu,
      artifactOptions.parallel ? "threads chosen at run time" : "one thread",
      compileSeconds);
  if (artifact->checks.empty())
    llvm::outs() << "no check record" << (options.check ? "" : ": " + without)
                 << "\n";
  else
    llvm::outs() << "check record: seed " << options.seed << ", "
                 << artifact->checks[0].results.size() << " results\n";
  llvm::outs() << "wrote " << options.output << "\n";
  return Success;
}
