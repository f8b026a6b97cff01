//===- ra-exec.cpp - Runs, verifies and measures an artifact --------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ra/Runtime/ExecTool.h"

int main(int argc, char **argv) {
  return ra::runtime::runExecTool({argv + 1, argv + argc}, RA_VERSION);
}
