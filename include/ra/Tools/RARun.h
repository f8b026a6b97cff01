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

/// What `ra-run run` and `ra-run verify` were asked to do.
struct RunOptions {
  /// Compare with the reference interpreter instead of just running.
  bool verify = false;
  /// The module; "-" is standard input.
  std::string file;
  /// The function; empty means the only public one with a body.
  std::string entry;
  /// "auto" or "cpu".
  std::string device = "auto";
  Stage stage = Stage::Direct;
  /// `SPEC` for the next argument, or `N:SPEC` for argument N; the grammar of
  /// SPEC is in ra/Runtime/InputSpec.h.
  std::vector<std::string> inputs;
  /// `N.AXIS=EXTENT` for a dynamic dim of argument N.
  std::vector<std::string> dims;
  /// One .npy file per result, in order.
  std::vector<std::string> outputs;
  uint64_t seed = 0;
  /// Threads of a kernel; 0 is one per core.
  unsigned threads = 0;
  /// Print the remarks of the passes.
  bool remarks = false;
};

/// Does it: reports to standard output, diagnostics to standard error. Results
/// are files only on success, whole or not at all.
ExitCode run(const RunOptions &options);

} // namespace ra::tools

#endif // RA_TOOLS_RARUN_H
