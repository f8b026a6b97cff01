//===- RARun.h - The driver behind ra-run -----------------------*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RA_TOOLS_RARUN_H
#define RA_TOOLS_RARUN_H

#include "ra/Dialect/RA/Transforms/Pipelines.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace ra::tools {

/// What a tool's process returns; docs/exit-codes.md lists them for users.
enum ExitCode : int {
  Success = 0,
  /// The module does not parse, verify, compile or evaluate.
  CompileError = 1,
  /// Options, inputs or files that do not fit.
  UsageError = 2,
  /// A result differs from the reference by more than the tolerance.
  Mismatch = 3,
  /// The device asked for is not there.
  NoSuchDevice = 4,
  /// Slower than --fail-if-slower allows.
  TooSlow = 5,
};

/// The module of a run, and what it is run on.
struct ModuleOptions {
  /// The module; "-" is standard input. Empty with `weights`.
  std::string file;
  /// A checkpoint that ra-weights converted, instead of a module: the attention
  /// of its layer `layer` (default: the first that is converted), see
  /// WeightsModule.h. Its original half is the module; the direct stage
  /// compiles the folded half.
  std::string weights;
  std::optional<int64_t> layer;
  /// The function; empty means the only public one with a body.
  std::string entry;
  /// "auto" or "cpu".
  std::string device = "auto";
  /// `SPEC` for the next argument, or `N:SPEC` for argument N; the grammar of
  /// SPEC is in ra/Runtime/InputSpec.h.
  std::vector<std::string> inputs;
  /// `PLACE=EXTENT` for a dynamic dim; the grammar of PLACE is in
  /// ra/Runtime/BenchOptions.h.
  std::vector<std::string> dims;
  uint64_t seed = 0;
  /// Threads of a kernel; 0 is one per core.
  unsigned threads = 0;
  /// Print the remarks of the passes.
  bool remarks = false;
};

/// What `ra-run run` and `ra-run verify` were asked to do.
struct RunOptions : ModuleOptions {
  /// Compare with the reference interpreter instead of just running.
  bool verify = false;
  Stage stage = Stage::Direct;
  /// One .npy file per result, in order.
  std::vector<std::string> outputs;
};

/// Does it: reports to standard output, diagnostics to standard error. Results
/// are files only on success, whole or not at all.
ExitCode run(const RunOptions &options);

/// What `ra-run compile` was asked to do. Inputs and dims are those of the
/// check record; inputs are random specs, which become the entry's defaults.
struct CompileOptions : ModuleOptions {
  Stage stage = Stage::Direct;
  /// The artifact.
  std::string output;
  /// See findArtifactCpu().
  std::string cpu = "native";
  /// Record results of the reference; without a value, if all extents are known
  /// and the inputs are small.
  std::optional<bool> check;
  /// `ra-run`'s version, for the file.
  std::string version;
};

/// Compiles an entry to an artifact; threads = 1 gives code for one thread, any
/// other number leaves how many to the runtime. The file appears whole or not
/// at all.
ExitCode compile(const CompileOptions &options);

/// What `ra-run bench` was asked to do. Texts are as the user wrote them: a bad
/// one is a usage error of bench(). Empty means the default.
struct BenchOptions : ModuleOptions {
  /// Names of stages; all six when empty.
  std::vector<std::string> stages;
  /// `PLACE=EXTENT,EXTENT,...`: one point for each extent.
  std::string axis;
  /// Durations, see TimingOptions.
  std::string minTime, warmup;
  /// Rotate inputs and outputs over more than twice the largest cache.
  bool rotate = false;
  /// One round for each line of standard input, see bench().
  bool paced = false;
  /// Percentage by which the direct stage may be slower than the baseline.
  std::string failIfSlower;
  /// Files to write; each a whole one, and only after success.
  std::string json, csv, plot;
  /// `ra-run`'s version and the command line, for the files.
  std::string version, command;
};

/// Verifies every stage at every point, measures them interleaved, and reports
/// to standard output and to the files.
///
/// With `paced`, another program says when: after verification and warm-up one
/// line of JSON says so,
///
///   {"ready": true, "useful_flops": N, "max_error": {"direct": E, ...}}
///
/// then each line of standard input, which may hold the duration of a sample,
/// is answered by a round, with milliseconds of one call:
///
///   {"ms": {"direct": T, ...}}
///
/// and the end of standard input by the report.
ExitCode bench(const BenchOptions &options);

} // namespace ra::tools

#endif // RA_TOOLS_RARUN_H
