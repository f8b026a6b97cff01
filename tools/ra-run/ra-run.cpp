//===- ra-run.cpp - Runs and verifies a module ----------------------------===//
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
static cl::OptionCategory category("ra-run options");
static cl::SubCommandGroup both({&runCommand, &verifyCommand});

static cl::opt<std::string> file(cl::Positional, cl::desc("FILE.mlir"),
                                 cl::Required, cl::sub(both),
                                 cl::cat(category));
static cl::opt<std::string>
    entry("entry", cl::desc("Function to run (default: the only public one)"),
          cl::value_desc("NAME"), cl::sub(both), cl::cat(category));
static cl::opt<std::string> device("device", cl::desc("auto or cpu"),
                                   cl::init("auto"), cl::value_desc("DEVICE"),
                                   cl::sub(both), cl::cat(category));
static cl::opt<ra::Stage> stage(
    "stage", cl::desc("How far up the ladder the module is taken"),
    cl::init(ra::Stage::Direct), cl::sub(both), cl::cat(category),
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
    cl::value_desc("SPEC"), cl::sub(both), cl::cat(category));
static cl::list<std::string> dims("dim",
                                  cl::desc("Extent of a dynamic dim: "
                                           "argument.axis=extent"),
                                  cl::value_desc("ARG.AXIS=N"), cl::sub(both),
                                  cl::cat(category));
static cl::list<std::string> outputs("output",
                                     cl::desc("File for the next result"),
                                     cl::value_desc("FILE.npy"), cl::sub(both),
                                     cl::cat(category));
static cl::opt<uint64_t> seed("seed", cl::desc("Seed of random inputs"),
                              cl::init(0), cl::sub(both), cl::cat(category));
static cl::opt<unsigned>
    threads("threads", cl::desc("Threads of a kernel (default: one per core)"),
            cl::init(0), cl::sub(both), cl::cat(category));
static cl::opt<bool> remarks("remarks",
                             cl::desc("Print what the passes did and refused"),
                             cl::sub(both), cl::cat(category));

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  ra::setVersionPrinter("ra-run");
  for (cl::SubCommand *command : {&runCommand, &verifyCommand})
    cl::HideUnrelatedOptions(category, *command);
  cl::HideUnrelatedOptions(category);
  std::string errors;
  llvm::raw_string_ostream errorStream(errors);
  if (!cl::ParseCommandLineOptions(argc, argv,
                                   "ra-run: run and verify attention modules\n",
                                   &errorStream)) {
    llvm::errs() << errors;
    return ra::tools::UsageError;
  }
  if (!runCommand && !verifyCommand) {
    llvm::errs() << "ra-run: error: say what to do: ra-run run FILE.mlir, or "
                    "ra-run verify FILE.mlir (--help lists the options)\n";
    return ra::tools::UsageError;
  }

  ra::tools::RunOptions options;
  options.verify = static_cast<bool>(verifyCommand);
  options.file = file;
  options.entry = entry;
  options.device = device;
  options.stage = stage;
  options.inputs.assign(inputs.begin(), inputs.end());
  options.dims.assign(dims.begin(), dims.end());
  options.outputs.assign(outputs.begin(), outputs.end());
  options.seed = seed;
  options.threads = threads;
  options.remarks = remarks;
  return ra::tools::run(options);
}
