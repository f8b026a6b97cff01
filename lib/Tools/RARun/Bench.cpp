//===- Bench.cpp - Measures the ladder of stages --------------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "DimNames.h"
#include "Inputs.h"
#include "Session.h"
#include "StageCost.h"
#include "Verification.h"

#include "ra/Dialect/RA/IR/RADialect.h"
#include "ra/ExecutionEngine/Engine.h"
#include "ra/Runtime/AtomicFile.h"
#include "ra/Runtime/BenchReport.h"
#include "ra/Tools/RARun.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Config/llvm-config.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/SHA256.h"
#include "llvm/Support/raw_ostream.h"

#include <iostream>
#include <thread>

using namespace mlir;
using namespace ra;
using namespace ra::tools;
using runtime::BenchPoint;
using runtime::BenchReport;
using runtime::BenchResult;
using runtime::Tensor;

//===----------------------------------------------------------------------===//
// Options
//===----------------------------------------------------------------------===//

namespace {
/// The options, parsed.
struct Plan {
  SmallVector<Stage> stages;
  std::optional<runtime::DimAxis> axis;
  runtime::TimingOptions timing;
  std::optional<double> failIfSlower;

  bool has(Stage stage) const { return llvm::is_contained(stages, stage); }
};
} // namespace

static std::string stageTitle(Stage stage) {
  switch (stage) {
  case Stage::BaselineAsWritten:
    return "Baseline as written";
  case Stage::BaselineCompiled:
    return "Baseline compiled";
  case Stage::OpenCoded:
    return "RA open-coded";
  case Stage::Folded:
    return "RA folded";
  case Stage::Baked:
    return "RA baked";
  case Stage::Direct:
    return "RA direct layout";
  }
  llvm_unreachable("all stages are handled");
}

static runtime::Status parseStages(ArrayRef<std::string> names,
                                   SmallVectorImpl<Stage> &stages) {
  for (const std::string &name : names) {
    auto found = llvm::find_if(
        getAllStages(), [&](Stage stage) { return stageName(stage) == name; });
    if (found == getAllStages().end())
      return runtime::fail(
          "--stages: there is no stage '" + name + "'; there are " +
          llvm::join(llvm::map_range(getAllStages(), stageName), ", "));
    if (llvm::is_contained(stages, *found))
      return runtime::fail("--stages: " + name + " stands there twice");
    stages.push_back(*found);
  }
  if (stages.empty())
    llvm::append_range(stages, getAllStages());
  return runtime::Status::success();
}

static runtime::Expected<Plan> makePlan(const BenchOptions &options) {
  Plan plan;
  if (runtime::Status status = parseStages(options.stages, plan.stages);
      !status.ok())
    return status.takeFailure();
  if (!options.axis.empty()) {
    runtime::Expected<runtime::DimAxis> axis =
        runtime::parseDimAxis(options.axis);
    if (!axis)
      return runtime::fail("--axis: " + axis.message());
    plan.axis = *axis;
  }
  auto duration = [](const char *name, const std::string &text, double &value) {
    if (text.empty())
      return runtime::Status::success();
    runtime::Expected<double> parsed = runtime::parseDuration(text);
    if (!parsed)
      return runtime::Status(
          runtime::fail(std::string(name) + ": " + parsed.message()));
    value = *parsed;
    return runtime::Status::success();
  };
  if (runtime::Status status =
          duration("--min-time", options.minTime, plan.timing.minTime);
      !status.ok())
    return status.takeFailure();
  if (runtime::Status status =
          duration("--warmup", options.warmup, plan.timing.warmup);
      !status.ok())
    return status.takeFailure();
  if (!options.failIfSlower.empty()) {
    runtime::Expected<double> percentage =
        runtime::parsePercentage(options.failIfSlower);
    if (!percentage)
      return runtime::fail("--fail-if-slower: " + percentage.message());
    if (!plan.has(Stage::BaselineCompiled) || !plan.has(Stage::Direct))
      return runtime::fail("--fail-if-slower compares the stages direct and "
                           "baseline; name both in --stages");
    plan.failIfSlower = *percentage;
  }
  if (options.paced && plan.axis)
    return runtime::fail("--paced measures one point; give the extents with "
                         "--dim instead of --axis");
  return plan;
}

//===----------------------------------------------------------------------===//
// Output
//===----------------------------------------------------------------------===//

namespace {
/// One line on a terminal, rewritten in place; nothing elsewhere.
class Progress {
public:
  ~Progress() { clear(); }
  void show(const Twine &text) {
    if (!enabled)
      return;
    llvm::errs() << "\r\033[K" << text;
    llvm::errs().flush();
    shown = true;
  }
  void clear() {
    if (shown)
      llvm::errs() << "\r\033[K";
    shown = false;
  }

private:
  bool enabled = llvm::sys::Process::StandardErrIsDisplayed();
  bool shown = false;
};
} // namespace

/// Of tensors whose shapes are static, as those that are made of weights are.
static int64_t countBytes(ArrayRef<TensorSignature> tensors) {
  int64_t bytes = 0;
  for (const TensorSignature &tensor : tensors)
    if (auto size = runtime::checkedByteSize(tensor.shape, tensor.elementType))
      bytes += static_cast<int64_t>(*size);
  return bytes;
}

static std::string hashOf(ModuleOp module) {
  std::string text;
  llvm::raw_string_ostream os(text);
  module.print(os);
  auto digest = llvm::SHA256::hash(llvm::arrayRefFromStringRef(text));
  return "sha256:" + llvm::toHex(digest, /*LowerCase=*/true);
}

//===----------------------------------------------------------------------===//
// Measuring
//===----------------------------------------------------------------------===//

namespace {

/// A stage of the ladder, compiled once for all points.
struct Contestant {
  Stage stage;
  OwningOpRef<ModuleOp> module;
  std::unique_ptr<Engine> engine;
  double compileSeconds = 0;
};

/// What turns a report into a file.
using Format = std::string (*)(const BenchReport &);

/// A file that has been opened and will be written at the end.
struct Output {
  std::string path;
  runtime::AtomicFile file;
  Format format;
};

/// The driver of one run.
class Bench {
public:
  Bench(const BenchOptions &options, Plan plan, Session &session)
      : options(options), plan(std::move(plan)), session(session) {}

  ExitCode run();

private:
  ExitCode compile();
  void describe();
  ExitCode measure(std::optional<int64_t> extent);
  ExitCode verify(ArrayRef<Tensor> inputs, BenchPoint &point);
  ExitCode verifyOne(Contestant &contestant, ArrayRef<Tensor> inputs,
                     const ReferenceResults &reference, BenchPoint &point,
                     BenchResult &result);
  ExitCode count(ArrayRef<Tensor> inputs, BenchPoint &point);
  ExitCode bind(ArrayRef<Tensor> inputs, BenchPoint &point,
                std::vector<runtime::InterleavedTimer::Workload> &workloads);
  void runPaced(runtime::InterleavedTimer &timer, const BenchPoint &point);
  void print(const BenchPoint &point);
  ExitCode openFiles();
  ExitCode writeFiles();
  ExitCode judgeSpeed();

  bool isParameter(unsigned index) {
    return session.entry().getArgAttr(
               index, RADialect::getParameterAttrName()) != nullptr;
  }

  const BenchOptions &options;
  Plan plan;
  Session &session;
  std::vector<Output> outputs;
  std::vector<Contestant> contestants;
  BenchReport report;
  Progress progress;
  /// Sets of inputs and outputs that calls take in turn.
  size_t numSets = 1;
};

} // namespace

ExitCode Bench::compile() {
  for (Stage stage : plan.stages) {
    progress.show("compiling " + stageName(stage));
    Contestant contestant;
    contestant.stage = stage;
    contestant.module = session.module(contestant.stage).clone();
    double start = runtime::steadySeconds();
    if (failed(compileToStage(*contestant.module, stage)))
      return CompileError;
    EngineOptions engineOptions;
    engineOptions.threads = report.threads;
    engineOptions.instrument = true;
    FailureOr<std::unique_ptr<Engine>> engine =
        Engine::compile(*contestant.module, engineOptions);
    if (failed(engine))
      return CompileError;
    contestant.engine = std::move(*engine);
    contestant.compileSeconds = runtime::steadySeconds() - start;
    contestants.push_back(std::move(contestant));
  }
  return Success;
}

/// Compares one stage with the reference, and the counts of the run with those
/// of the IR.
ExitCode Bench::verifyOne(Contestant &contestant, ArrayRef<Tensor> inputs,
                          const ReferenceResults &reference, BenchPoint &point,
                          BenchResult &result) {
  StringRef name = session.name();
  Engine &engine = *contestant.engine;
  double start = runtime::steadySeconds();
  if (runtime::Status status = engine.prepare(name, inputs); !status.ok())
    return fail(UsageError, status.message());
  result.prepareSeconds = runtime::steadySeconds() - start;

  CallCounters counters;
  engine.setPoisonAllocations(true);
  runtime::Expected<SmallVector<Tensor>> results =
      engine.run(name, inputs, &counters);
  engine.setPoisonAllocations(false);
  if (!results)
    return fail(UsageError, results.message());
  runtime::Expected<SmallVector<ResultVerdict>> verdicts =
      judgeResults(*results, reference);
  if (!verdicts)
    return fail(CompileError, result.name + ": " + verdicts.message());
  for (auto [index, verdict] : llvm::enumerate(*verdicts)) {
    result.maxError = std::max(result.maxError, verdict.error.maxError);
    result.tolerance = std::max(result.tolerance, verdict.verdict.tolerance);
    if (!verdict.verdict.pass)
      return fail(Mismatch,
                  "stage " + result.name + ": " +
                      describeMismatch(index, (*results)[index], verdict) +
                      "; nothing was measured");
  }
  point.outputBytes = 0;
  for (const Tensor &tensor : *results)
    point.outputBytes += static_cast<int64_t>(tensor.byteSize());
  result.kernels = counters.kernels;
  result.allocations = counters.allocations;
  result.intermediateBytes = counters.bytesAllocated;
  return Success;
}

ExitCode Bench::verify(ArrayRef<Tensor> inputs, BenchPoint &point) {
  for (bool baseline : {true, false}) {
    if (llvm::none_of(plan.stages, [&](Stage stage) {
          return isBaseline(stage) == baseline;
        }))
      continue;
    progress.show(point.label + (point.label.empty() ? "" : ": ") +
                  "evaluating the reference of " +
                  (baseline ? "the baseline" : "RA"));
    // On every processor: nothing is being measured yet.
    FailureOr<ReferenceResults> reference = evaluateReference(
        session.entry(), baseline, makeExact(inputs, session.weights()),
        /*threads=*/0);
    if (failed(reference))
      return CompileError;
    for (auto [contestant, result] :
         llvm::zip_equal(contestants, point.results))
      if (isBaseline(contestant.stage) == baseline)
        if (ExitCode code =
                verifyOne(contestant, inputs, *reference, point, result);
            code != Success)
          return code;
  }
  return Success;
}

/// Counts each stage, and compares with what its call did.
ExitCode Bench::count(ArrayRef<Tensor> inputs, BenchPoint &point) {
  for (auto [contestant, result] :
       llvm::zip_equal(contestants, point.results)) {
    FailureOr<Cost> cost =
        countCost(*contestant.module, session.name(), inputs);
    if (failed(cost))
      return CompileError;
    const std::string &stage = result.name;
    auto disagrees = [&stage](const char *what, int64_t counted, int64_t seen) {
      if (counted == Cost::kUnknown || counted == seen)
        return false;
      fail(CompileError,
           llvm::formatv("stage {0}: the IR has {1} {2}, a call had {3}; this "
                         "is an error in ra, please report it",
                         stage, counted, what, seen));
      return true;
    };
    if (disagrees("kernels", cost->kernels, result.kernels) ||
        disagrees("allocations", cost->allocations, result.allocations) ||
        disagrees("allocated bytes", cost->allocationBytes,
                  result.intermediateBytes))
      return CompileError;
    result.flops = cost->flops;
    result.copies = cost->copies;
  }
  // What the model needs is what ordinary attention of its shape needs.
  OwningOpRef<ModuleOp> baseline = session.module().clone();
  if (failed(compileToStage(*baseline, Stage::BaselineCompiled)))
    return CompileError;
  FailureOr<Cost> useful = countCost(*baseline, session.name(), inputs);
  if (failed(useful))
    return CompileError;
  point.usefulFlops = useful->flops;
  return Success;
}

/// Binds each stage to its inputs; with rotation, to as many sets of inputs and
/// outputs as do not fit in a cache.
ExitCode
Bench::bind(ArrayRef<Tensor> inputs, BenchPoint &point,
            std::vector<runtime::InterleavedTimer::Workload> &workloads) {
  numSets = 1;
  int64_t setBytes = point.inputBytes + point.outputBytes;
  if (options.rotate && setBytes > 0)
    numSets = 1 + 2 * report.machine.lastLevelCacheBytes() / setBytes;
  std::vector<SmallVector<Tensor>> sets(1, llvm::to_vector(inputs));
  while (sets.size() < numSets) {
    SmallVector<Tensor> set = sets.front();
    for (unsigned i = 0; i < set.size(); ++i) {
      if (isParameter(i))
        continue;
      runtime::Expected<Tensor> copy = set[i].clone();
      if (!copy)
        return fail(UsageError, "--rotate: " + copy.message());
      set[i] = *copy;
    }
    sets.push_back(std::move(set));
  }
  for (Contestant &contestant : contestants) {
    auto calls = std::make_shared<std::vector<BoundCall>>();
    for (ArrayRef<Tensor> set : sets) {
      runtime::Expected<BoundCall> call =
          contestant.engine->bind(session.name(), set);
      if (!call)
        return fail(UsageError, call.message());
      calls->push_back(std::move(*call));
    }
    workloads.push_back([calls, next = size_t(0)]() mutable {
      (*calls)[next].invoke();
      next = (next + 1) % calls->size();
    });
  }
  return Success;
}

/// One round for each line of standard input.
void Bench::runPaced(runtime::InterleavedTimer &timer,
                     const BenchPoint &point) {
  llvm::json::OStream ready(llvm::outs());
  ready.object([&] {
    ready.attribute("ready", true);
    ready.attribute("useful_flops", point.usefulFlops);
    ready.attributeObject("max_error", [&] {
      for (const BenchResult &result : point.results)
        ready.attribute(result.name, result.maxError);
    });
  });
  llvm::outs() << "\n";
  llvm::outs().flush();
  for (std::string line; std::getline(std::cin, line);) {
    runtime::Expected<double> duration = runtime::parseDuration(line);
    timer.runRound(duration ? *duration : 0);
    llvm::json::OStream round(llvm::outs());
    round.object([&] {
      round.attributeObject("ms", [&] {
        for (size_t i = 0; i < point.results.size(); ++i)
          round.attribute(point.results[i].name,
                          timer.samples()[i].back().seconds * 1e3);
      });
    });
    llvm::outs() << "\n";
    llvm::outs().flush();
  }
}

void Bench::describe() {
  const runtime::Machine &machine = report.machine;
  llvm::outs() << llvm::formatv(
      "@{0}  device cpu  {1} {2}  seed {3}\n", session.name(), report.threads,
      report.threads == 1 ? "thread" : "threads", options.seed);
  if (!machine.cpu.empty())
    llvm::outs() << llvm::formatv("{0}; {1}; largest cache {2} MiB\n",
                                  machine.cpu, machine.isa,
                                  machine.lastLevelCacheBytes() >> 20);
}

void Bench::print(const BenchPoint &point) {
  if (options.paced)
    llvm::outs() << "\n";
  if (!point.label.empty())
    llvm::outs() << "\n" << point.label << "\n";
  llvm::outs() << "Inputs random; ";
  if (numSets > 1)
    llvm::outs() << llvm::formatv(
        "rotated over {0} sets of {1:f1} MiB, twice the largest cache.\n",
        numSets,
        static_cast<double>(point.inputBytes + point.outputBytes) / (1 << 20));
  else
    llvm::outs() << "warm: every call reads and writes the same buffers.\n";
  llvm::outs() << "Verified: every configuration, every element, against the "
                  "f64 reference.\n\n"
               << runtime::formatTable(report, point) << "\n"
               << runtime::formatBestAgainstBest(report, point) << "\n"
               << runtime::formatResources(report, point);
  llvm::outs().flush();
}

ExitCode Bench::measure(std::optional<int64_t> extent) {
  func::FuncOp entry = session.entry();
  BenchPoint point;
  runtime::Expected<std::vector<DimExtent>> dims =
      resolveDims(entry, options.dims);
  if (!dims)
    return fail(UsageError, dims.message());
  if (extent) {
    runtime::Expected<std::vector<DimExtent>> more =
        resolveAxis(entry, *plan.axis, *extent);
    if (!more)
      return fail(UsageError, "--axis=" + options.axis + ": " + more.message());
    llvm::append_range(*dims, *more);
    point.label = plan.axis->label + "=" + std::to_string(*extent);
    point.axisValue = static_cast<double>(*extent);
  }
  runtime::Expected<std::vector<Tensor>> inputs =
      makeInputs(entry, options, *dims, session.weights());
  if (!inputs)
    return fail(UsageError, inputs.message());

  for (auto [index, input] : llvm::enumerate(*inputs))
    (isParameter(index) ? point.weightBytes : point.inputBytes) +=
        static_cast<int64_t>(input.byteSize());
  for (Contestant &contestant : contestants) {
    BenchResult result;
    result.name = stageName(contestant.stage).str();
    result.title = stageTitle(contestant.stage);
    result.compileSeconds = contestant.compileSeconds;
    result.preparedBytes =
        countBytes(contestant.engine->lookup(session.name())->prepared);
    result.scratchBytes = contestant.engine->scratchBytes();
    point.results.push_back(std::move(result));
  }
  if (ExitCode code = verify(*inputs, point); code != Success)
    return code;
  if (ExitCode code = count(*inputs, point); code != Success)
    return code;

  std::vector<runtime::InterleavedTimer::Workload> workloads;
  if (ExitCode code = bind(*inputs, point, workloads); code != Success)
    return code;
  runtime::InterleavedTimer timer(std::move(workloads), plan.timing);
  progress.show(point.label + " warming up");
  timer.warmUp();
  if (options.paced)
    runPaced(timer, point);
  while (!options.paced && !timer.isDone()) {
    timer.runRound();
    progress.show(llvm::formatv("{0} round {1}, {2:f0} %", point.label,
                                timer.numRounds(), timer.progress() * 100));
  }
  progress.clear();
  for (auto [result, samples] : llvm::zip_equal(point.results, timer.samples()))
    result.samples = samples;
  report.peakResidentBytes = runtime::peakResidentBytes();
  if (timer.numRounds() != 0) {
    print(point);
    report.points.push_back(std::move(point));
  }
  return Success;
}

/// Opens every file that will be written: one that cannot be is a matter of now
/// and not of the minutes after.
ExitCode Bench::openFiles() {
  const std::pair<const std::string &, Format> wanted[] = {
      {options.json, runtime::formatJson},
      {options.csv, runtime::formatCsv},
      {options.plot, runtime::plotSvg}};
  for (const auto &[path, format] : wanted) {
    if (path.empty())
      continue;
    runtime::Expected<runtime::AtomicFile> file =
        runtime::AtomicFile::create(path);
    if (!file)
      return fail(UsageError, file.message());
    outputs.push_back({path, std::move(*file), format});
  }
  return Success;
}

ExitCode Bench::writeFiles() {
  for (Output &output : outputs) {
    std::string text = output.format(report);
    runtime::Status status = output.file.write(text.data(), text.size());
    if (status.ok())
      status = output.file.commit();
    if (!status.ok())
      return fail(UsageError, status.message());
    llvm::outs() << "wrote " << output.path << "\n";
  }
  return Success;
}

ExitCode Bench::judgeSpeed() {
  if (!plan.failIfSlower)
    return Success;
  for (const BenchPoint &point : report.points) {
    const BenchResult &best = point.results[point.find(report.best)];
    const BenchResult &baseline = point.results[point.find(report.baseline)];
    runtime::RatioSummary ratio =
        runtime::summariseRatio(best, baseline, report.seed);
    if (ratio.spread.median > 1 + *plan.failIfSlower)
      return fail(
          TooSlow,
          llvm::formatv("{0}{1} takes {2:f3} times as long as {3} (95 % CI "
                        "[{4:f3}, {5:f3}]), --fail-if-slower allows {6:f3}",
                        point.label + (point.label.empty() ? "" : ": "),
                        best.name, ratio.spread.median, baseline.name,
                        ratio.interval.low, ratio.interval.high,
                        1 + *plan.failIfSlower));
  }
  return Success;
}

ExitCode Bench::run() {
  report.name = session.name().str();
  report.baseline = stageName(Stage::BaselineCompiled).str();
  report.best = stageName(Stage::Direct).str();
  report.seed = options.seed;
  report.threads = options.threads != 0
                       ? options.threads
                       : std::max(1u, std::thread::hardware_concurrency());
  report.machine = runtime::describeMachine();
  if (plan.axis)
    report.axis = plan.axis->label;
  report.context = {{"device", "cpu"},
                    {"ra_version", options.version},
                    {"llvm_version", LLVM_VERSION_STRING},
                    {"ir_hash", hashOf(session.module())},
                    {"command", options.command},
                    {"inputs", options.rotate ? "rotated" : "warm"}};

  if (ExitCode code = openFiles(); code != Success)
    return code;
  if (ExitCode code = compile(); code != Success)
    return code;
  progress.clear();
  if (!options.paced)
    describe();
  std::vector<std::optional<int64_t>> extents(1);
  if (plan.axis)
    extents.assign(plan.axis->extents.begin(), plan.axis->extents.end());
  for (std::optional<int64_t> extent : extents)
    if (ExitCode code = measure(extent); code != Success)
      return code;
  // A pacer that wanted no round wants no report of one.
  if (report.points.empty())
    return Success;
  if (ExitCode code = writeFiles(); code != Success)
    return code;
  return judgeSpeed();
}

ExitCode tools::bench(const BenchOptions &options) {
  runtime::Expected<Plan> plan = makePlan(options);
  if (!plan)
    return fail(UsageError, plan.message());
  ExitCode code = Success;
  std::unique_ptr<Session> session = Session::open(options, code);
  if (!session)
    return code;
  if (!session->hasReference())
    return UsageError;
  return Bench(options, std::move(*plan), *session).run();
}
