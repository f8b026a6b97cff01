//===- ExecTool.cpp - The driver behind ra-exec ---------------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ra/Runtime/ExecTool.h"
#include "../Text.h"
#include "ExecSession.h"
#include "ra/Runtime/CommandLine.h"
#include "ra/Runtime/DefaultInput.h"
#include "ra/Runtime/Npy.h"

#include <cmath>
#include <cstdio>
#include <limits>

using namespace ra::runtime;

static const char kUsage[] =
    "usage: ra-exec COMMAND ARTIFACT [options]\n"
    "\n"
    "  run      run an entry\n"
    "  verify   run the calls whose results the artifact records, and compare\n"
    "  bench    measure an entry\n"
    "  info     print what is in the artifact\n"
    "\n";

static void printSummary(size_t index, const Tensor &tensor) {
  double low = std::numeric_limits<double>::infinity(), high = -low, sum = 0;
  int64_t nans = 0;
  for (double value : tensor.readAsDoubles()) {
    if (std::isnan(value)) {
      ++nans;
      continue;
    }
    low = std::fmin(low, value);
    high = std::fmax(high, value);
    sum += value;
  }
  int64_t count = tensor.numElements() - nans;
  std::printf("result %zu: %s", index,
              shapeString(tensor.shape(), tensor.elementType()).c_str());
  if (count > 0)
    std::printf("  min %.6f  max %.6f  mean %.6f", low, high,
                sum / static_cast<double>(count));
  if (nans != 0)
    std::printf("  NaN %lld", static_cast<long long>(nans));
  std::printf("\n");
}

ExecError ra::runtime::runEntry(const ExecOptions &options) {
  Artifact artifact;
  size_t index = 0;
  if (ExecError error = readProgramFile(options.file, artifact))
    return error;
  if (ExecError error = findEntry(options, artifact, index))
    return error;
  const ArtifactEntry entry = artifact.entries[index];
  if (options.outputs.size() > entry.main.results.size())
    return {ExecUsageError, std::to_string(options.outputs.size()) +
                                " --output files for the " +
                                std::to_string(entry.main.results.size()) +
                                " results of @" + entry.name};
  Expected<std::vector<Tensor>> inputs = makeInputs(options, entry);
  if (!inputs)
    return {ExecUsageError, inputs.message()};
  std::shared_ptr<const Program> program;
  if (ExecError error = loadProgram(options, std::move(artifact), program))
    return error;
  ExecSession session(program, index);
  if (Status status = session.prepare(*inputs); !status.ok())
    return {ExecUsageError, status.message()};
  if (Status status = session.run(); !status.ok())
    return {ExecUsageError, status.message()};
  Expected<std::vector<Tensor>> results = session.results();
  if (!results)
    return {ExecArtifactError, results.message()};
  std::printf("@%s  device %s  seed %llu  workspace %zu bytes\n",
              entry.name.c_str(), program->device().name().c_str(),
              static_cast<unsigned long long>(options.seed),
              session.workspaceSize());
  for (size_t i = 0; i < results->size(); ++i)
    printSummary(i, (*results)[i]);
  for (size_t i = 0; i < options.outputs.size(); ++i) {
    if (Status status = writeNpy(options.outputs[i], (*results)[i]);
        !status.ok())
      return {ExecUsageError, status.message()};
    std::printf("wrote %s\n", options.outputs[i].c_str());
  }
  return {};
}

/// Prints one line; false when an element is off.
static bool judge(size_t index, const Tensor &result,
                  const ArtifactCheckResult &expected) {
  double most = 0;
  size_t worst = 0;
  bool hasNaN = false;
  for (size_t i = 0; i < expected.positions.size() && !hasNaN; ++i) {
    double got = result.at(expected.positions[i]);
    double error =
        got == expected.values[i] ? 0 : std::fabs(got - expected.values[i]);
    hasNaN = std::isnan(error);
    if (error > most || hasNaN) {
      most = error;
      worst = i;
    }
  }
  bool pass = !hasNaN && most <= expected.tolerance;
  std::printf("%-6zu  %9zu  %.3e   %.3e   %s\n", index,
              expected.positions.size(), most, expected.tolerance,
              pass ? "ok" : "MISMATCH");
  if (!pass)
    std::printf("        element %lld of %s: got %.9g, reference %.9g\n",
                static_cast<long long>(expected.positions[worst]),
                extentsString(expected.shape).c_str(),
                result.at(expected.positions[worst]), expected.values[worst]);
  return pass;
}

ExecError ra::runtime::runVerify(const ExecOptions &options) {
  if (!options.inputs.empty() || !options.dims.empty())
    return {ExecUsageError,
            "verify takes its inputs from the artifact's record; leave out "
            "--input and --dim"};
  Artifact artifact;
  if (ExecError error = readProgramFile(options.file, artifact))
    return error;
  std::vector<ArtifactCheck> checks;
  for (const ArtifactCheck &check : artifact.checks)
    if (options.entry.empty() ||
        artifact.entries[check.entry].name == options.entry)
      checks.push_back(check);
  if (checks.empty())
    return {ExecUsageError, options.file +
                                ": there is no record to check against; "
                                "compile with --with-check and all --dim"};
  std::shared_ptr<const Program> program;
  if (ExecError error = loadProgram(options, std::move(artifact), program))
    return error;
  bool pass = true;
  for (const ArtifactCheck &check : checks) {
    const ArtifactEntry &entry = program->artifact().entries[check.entry];
    std::vector<Tensor> inputs;
    for (size_t i = 0; i < entry.arguments.size(); ++i) {
      Expected<Tensor> input = makeDefaultInput(
          entry.arguments[i].input, entry.arguments[i].type.elementType,
          check.shapes[i], {check.seed, i});
      if (!input)
        return {ExecArtifactError, options.file + ": argument " +
                                       std::to_string(i) + ": " +
                                       input.message()};
      inputs.push_back(std::move(*input));
    }
    ExecSession session(program, check.entry);
    if (Status status = session.prepare(inputs); !status.ok())
      return {ExecArtifactError, status.message()};
    if (Status status = session.run(); !status.ok())
      return {ExecArtifactError, status.message()};
    Expected<std::vector<Tensor>> results = session.results();
    if (!results)
      return {ExecArtifactError, results.message()};
    std::printf("@%s  device %s  seed %llu\n", entry.name.c_str(),
                program->device().name().c_str(),
                static_cast<unsigned long long>(check.seed));
    std::printf("result  elements   max error   tolerance   verdict\n");
    for (size_t i = 0; i < results->size(); ++i) {
      if ((*results)[i].shape() != check.results[i].shape)
        return {ExecArtifactError,
                options.file + ": the record has another shape of result " +
                    std::to_string(i) + " than the entry gives"};
      pass = judge(i, (*results)[i], check.results[i]) && pass;
    }
  }
  return {pass ? ExecSuccess : ExecMismatch, ""};
}

int ra::runtime::runExecTool(const std::vector<std::string> &arguments,
                             const std::string &version) {
  ExecOptions options;
  bool help = false, printVersion = false;
  CommandLine line;
  line.text("entry", "NAME", "Function to run (default: the only one)",
            options.entry);
  line.text("device", "DEVICE", "auto, cpu or cuda[:N]", options.device);
  line.texts("input", "SPEC",
             "Next argument, or N:SPEC for argument N: @file.npy, "
             "@file.safetensors#name, normal(mean,std), uniform(lo,hi), or "
             "2x3xf32=1,2,...",
             options.inputs);
  line.texts("dim", "ARG.AXIS=N", "Extent of a dynamic dim", options.dims);
  line.texts("output", "FILE.npy", "File for the next result", options.outputs);
  line.number("seed", "N", "Seed of random inputs", options.seed);
  line.number("threads", "N",
              "Threads of a kernel on the CPU (default: one per processor)",
              options.threads);
  line.text("min-time", "TIME", "Time to measure for (bench, default: 0.5s)",
            options.minTime);
  line.text("warmup", "TIME", "Time to run before (bench, default: 0.1s)",
            options.warmup);
  line.flag("cold",
            "Overwrite more memory than the caches hold before each call "
            "(bench)",
            options.cold);
  line.flag("help", "Print this", help);
  line.flag("version", "Print the version", printVersion);

  auto report = [](const ExecError &error) {
    if (!error.message.empty())
      std::fprintf(stderr, "ra-exec: error: %s\n", error.message.c_str());
    return error.code;
  };
  std::vector<std::string> positional;
  if (Status status = line.parse(arguments, positional); !status.ok())
    return report({ExecUsageError, status.message()});
  if (help) {
    std::printf("%s%s", kUsage, line.help().c_str());
    return ExecSuccess;
  }
  if (printVersion) {
    std::printf("ra-exec %s\n", version.c_str());
    return ExecSuccess;
  }
  if (options.threads > 1024)
    return report({ExecUsageError, "--threads: at most 1024"});
  if (positional.size() != 2)
    return report({ExecUsageError,
                   "say what to do with which artifact: ra-exec run FILE, "
                   "verify FILE, bench FILE or info FILE (--help lists the "
                   "options)"});
  options.file = positional[1];
  const std::string &command = positional[0];
  if (command == "run")
    return report(runEntry(options));
  if (command == "verify")
    return report(runVerify(options));
  if (command == "bench")
    return report(runBench(options));
  if (command == "info")
    return report(runInfo(options));
  return report({ExecUsageError, "there is no command " + quoted(command) +
                                     "; there are run, verify, bench and "
                                     "info"});
}
