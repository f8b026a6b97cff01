//===- ra-run.cpp - Runs, verifies and measures a module ------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "../Version.h"
#include "ra/Tools/RARun.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/raw_ostream.h"

namespace cl = llvm::cl;

static cl::SubCommand runCommand("run", "compile a module and run an entry");
static cl::SubCommand
    verifyCommand("verify", "run an entry and compare every result with the "
                            "f64 reference interpreter");
static cl::SubCommand
    benchCommand("bench", "verify and measure every stage from the block as "
                          "written to the last form, interleaved");
static cl::SubCommand
    compileCommand("compile", "compile an entry ahead of time to an artifact, "
                              "which ra-exec runs");
static cl::OptionCategory category("ra-run options");
static cl::SubCommandGroup both({&runCommand, &verifyCommand});
static cl::SubCommandGroup staged({&runCommand, &verifyCommand,
                                   &compileCommand});
static cl::SubCommandGroup all({&runCommand, &verifyCommand, &benchCommand,
                                &compileCommand});

static cl::opt<std::string> file(cl::Positional, cl::desc("FILE.mlir"),
                                 cl::sub(all), cl::cat(category));
static cl::opt<std::string>
    weights("weights",
            cl::desc("Instead of FILE: the attention of a layer of a "
                     "checkpoint that ra-weights converted. The direct stage "
                     "takes the folded weights of the file; the others, and "
                     "the reference, the original rows"),
            cl::value_desc("FILE.safetensors"), cl::sub(all),
            cl::cat(category));
static cl::opt<int64_t>
    layer("layer", cl::desc("Which layer (default: the first converted one)"),
          cl::value_desc("N"), cl::sub(all), cl::cat(category));
static cl::opt<std::string>
    entry("entry", cl::desc("Function to run (default: the only public one)"),
          cl::value_desc("NAME"), cl::sub(all), cl::cat(category));
static cl::opt<std::string> device("device", cl::desc("auto or cpu"),
                                   cl::init("auto"), cl::value_desc("DEVICE"),
                                   cl::sub(all), cl::cat(category));
static cl::opt<ra::Stage> stage(
    "stage", cl::desc("How far up the ladder the module is taken"),
    cl::init(ra::Stage::Direct), cl::sub(staged), cl::cat(category),
    cl::values(clEnumValN(ra::Stage::BaselineAsWritten, "baseline-as-written",
                          "ordinary attention, one kernel per op"),
               clEnumValN(ra::Stage::BaselineCompiled, "baseline",
                          "ordinary attention, whole pipeline"),
               clEnumValN(ra::Stage::OpenCoded, "open-coded",
                          "two score products in one kernel"),
               clEnumValN(ra::Stage::Folded, "folded", "+ fold-reciprocal"),
               clEnumValN(ra::Stage::Baked, "baked", "+ fold-weights"),
               clEnumValN(ra::Stage::Direct, "direct",
                          "+ fuse-projections, eliminate-copies (default)")));
static cl::list<std::string> inputs(
    "input",
    cl::desc("Next argument, or N:SPEC for argument N: @file.npy, "
             "@file.safetensors#name, normal(mean,std), uniform(lo,hi), or "
             "2x3xf32=1,2,..."),
    cl::value_desc("SPEC"), cl::sub(all), cl::cat(category));
static cl::list<std::string> dims("dim",
                                  cl::desc("Extent of a dynamic dim: "
                                           "argument.axis=extent, or T=extent "
                                           "and B=extent for the attention's "
                                           "lengths and batch"),
                                  cl::value_desc("ARG.AXIS=N"), cl::sub(all),
                                  cl::cat(category));
static cl::list<std::string> outputs("output",
                                     cl::desc("File for the next result"),
                                     cl::value_desc("FILE.npy"), cl::sub(both),
                                     cl::cat(category));
static cl::opt<uint64_t> seed("seed", cl::desc("Seed of random inputs"),
                              cl::init(0), cl::sub(all), cl::cat(category));
static cl::opt<unsigned>
    threads("threads", cl::desc("Threads of a kernel (default: one per core)"),
            cl::init(0), cl::sub(all), cl::cat(category));
static cl::opt<bool> remarks("remarks",
                             cl::desc("Print what the passes did and refused"),
                             cl::sub(all), cl::cat(category));

static cl::list<std::string>
    stages("stages",
           cl::desc("Stages to measure (default: all): baseline-as-written, "
                    "baseline, open-coded, folded, baked, direct"),
           cl::value_desc("STAGE,..."), cl::CommaSeparated,
           cl::sub(benchCommand), cl::cat(category));
static cl::opt<std::string>
    axis("axis",
         cl::desc("Measure at several extents of a dynamic dim: T=..., B=..., "
                  "ARG.AXIS=..., or equal dims joined by +"),
         cl::value_desc("DIM=N,..."), cl::sub(benchCommand), cl::cat(category));
static cl::opt<std::string>
    minTime("min-time",
            cl::desc("Time that each stage is measured for (default: 0.5s)"),
            cl::value_desc("TIME"), cl::sub(benchCommand), cl::cat(category));
static cl::opt<std::string>
    warmup("warmup",
           cl::desc("Time that each stage runs first (default: 0.1s)"),
           cl::value_desc("TIME"), cl::sub(benchCommand), cl::cat(category));
static cl::opt<bool> rotate(
    "rotate",
    cl::desc("Rotate inputs and outputs over more than twice the largest "
             "cache, instead of measuring warm"),
    cl::sub(benchCommand), cl::cat(category));
static cl::opt<bool>
    paced("paced",
          cl::desc("One round for each line of standard input, so that another "
                   "program can interleave rounds with its own"),
          cl::sub(benchCommand), cl::cat(category));
static cl::opt<std::string> json("json",
                                 cl::desc("Write Google Benchmark's JSON"),
                                 cl::value_desc("FILE"), cl::sub(benchCommand),
                                 cl::cat(category));
static cl::opt<std::string> csv("csv", cl::desc("Write a table"),
                                cl::value_desc("FILE"), cl::sub(benchCommand),
                                cl::cat(category));
static cl::opt<std::string> plot("plot", cl::desc("Draw the result"),
                                 cl::value_desc("FILE.svg"),
                                 cl::sub(benchCommand), cl::cat(category));
static cl::opt<std::string>
    failIfSlower("fail-if-slower",
                 cl::desc("Exit with 5 if direct takes longer than baseline by "
                          "more than this"),
                 cl::value_desc("PERCENT%"), cl::sub(benchCommand),
                 cl::cat(category));

static cl::opt<std::string> artifact("o",
                                     cl::desc("Write the artifact to FILE"),
                                     cl::value_desc("FILE"), cl::Required,
                                     cl::sub(compileCommand),
                                     cl::cat(category));
static cl::opt<std::string>
    cpu("cpu",
        cl::desc("What the code may use: native (all that this machine has, "
                 "the default), generic, x86-64-v3 or x86-64-v4"),
        cl::init("native"), cl::value_desc("CPU"), cl::sub(compileCommand),
        cl::cat(category));
static cl::opt<cl::boolOrDefault> withCheck(
    "with-check",
    cl::desc("Record results of the reference for ra-exec verify (default: if "
             "all extents are known and the inputs are small)"),
    cl::sub(compileCommand), cl::cat(category));

/// What every subcommand takes; false after an error.
static bool fill(ra::tools::ModuleOptions &options) {
  if (file.empty() == weights.empty() ||
      (layer.getNumOccurrences() != 0 && weights.empty())) {
    llvm::errs() << "ra-run: error: say what to run: FILE.mlir, or a layer of "
                    "a converted checkpoint, --weights=FILE.safetensors "
                    "[--layer=N]\n";
    return false;
  }
  options.file = file;
  options.weights = weights;
  if (layer.getNumOccurrences() != 0)
    options.layer = layer;
  options.entry = entry;
  options.device = device;
  options.inputs.assign(inputs.begin(), inputs.end());
  options.dims.assign(dims.begin(), dims.end());
  options.seed = seed;
  options.threads = threads;
  options.remarks = remarks;
  return true;
}

static int runBench(int argc, char **argv) {
  ra::tools::BenchOptions options;
  if (!fill(options))
    return ra::tools::UsageError;
  options.stages.assign(stages.begin(), stages.end());
  options.axis = axis;
  options.minTime = minTime;
  options.warmup = warmup;
  options.rotate = rotate;
  options.paced = paced;
  options.failIfSlower = failIfSlower;
  options.json = json;
  options.csv = csv;
  options.plot = plot;
  options.version = RA_VERSION;
  options.command = "ra-run";
  for (int i = 1; i < argc; ++i)
    options.command += std::string(" ") + argv[i];
  return ra::tools::bench(options);
}

static int runCompile() {
  ra::tools::CompileOptions options;
  if (!fill(options))
    return ra::tools::UsageError;
  if (!options.weights.empty()) {
    llvm::errs() << "ra-run: error: compile takes a module, not --weights: an "
                    "artifact leaves the weights to its caller\n";
    return ra::tools::UsageError;
  }
  options.stage = stage;
  options.output = artifact;
  options.cpu = cpu;
  if (withCheck != cl::BOU_UNSET)
    options.check = withCheck == cl::BOU_TRUE;
  options.version = RA_VERSION;
  return ra::tools::compile(options);
}

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  ra::setVersionPrinter("ra-run");
  for (cl::SubCommand *command :
       {&runCommand, &verifyCommand, &benchCommand, &compileCommand})
    cl::HideUnrelatedOptions(category, *command);
  cl::HideUnrelatedOptions(category);
  std::string errors;
  llvm::raw_string_ostream errorStream(errors);
  if (!cl::ParseCommandLineOptions(argc, argv,
                                   "ra-run: run, verify and measure attention "
                                   "modules\n",
                                   &errorStream)) {
    llvm::errs() << errors;
    return ra::tools::UsageError;
  }
  if (benchCommand)
    return runBench(argc, argv);
  if (compileCommand)
    return runCompile();
  if (!runCommand && !verifyCommand) {
    llvm::errs() << "ra-run: error: say what to do: ra-run run FILE.mlir, "
                    "ra-run verify FILE.mlir, ra-run bench FILE.mlir, or "
                    "ra-run compile FILE.mlir -o X (--help lists the "
                    "options)\n";
    return ra::tools::UsageError;
  }

  ra::tools::RunOptions options;
  if (!fill(options))
    return ra::tools::UsageError;
  options.verify = static_cast<bool>(verifyCommand);
  options.stage = stage;
  options.outputs.assign(outputs.begin(), outputs.end());
  return ra::tools::run(options);
}
