//===- ExecTool.h - The driver behind ra-exec -------------------*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RA_RUNTIME_EXECTOOL_H
#define RA_RUNTIME_EXECTOOL_H

#include <string>
#include <vector>

namespace ra::runtime {

/// What `ra-exec`'s process returns; docs/exit-codes.md lists them for users.
enum ExecExit : int {
  ExecSuccess = 0,
  /// The artifact is damaged, or a call fails.
  ExecArtifactError = 1,
  /// Options, inputs or files that do not fit.
  ExecUsageError = 2,
  /// A result differs from the recorded one by more than the tolerance.
  ExecMismatch = 3,
  /// The device asked for is not there, or the artifact has no code for it.
  ExecNoDevice = 4,
};

/// `ra-exec` with these arguments (without the program's name): reports to
/// standard output, one message per failure to standard error.
int runExecTool(const std::vector<std::string> &arguments,
                const std::string &version);

} // namespace ra::runtime

#endif // RA_RUNTIME_EXECTOOL_H
