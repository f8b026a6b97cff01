//===- ra-sim.cpp - Executes PTX on the host -----------------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ra/Runtime/Sim/SimTool.h"

#include <cstdio>

using namespace ra::runtime;
using namespace ra::runtime::sim;

int main(int argc, char **argv) {
  Expected<SimToolOptions> options =
      parseSimToolOptions({argv + 1, argv + argc});
  if (!options) {
    std::fprintf(stderr, "ra-sim: %s\n", options.message().c_str());
    return kSimUsage;
  }
  if (options->help) {
    std::printf("%s", simToolHelp().c_str());
    return kSimDone;
  }
  if (options->version) {
    std::printf("ra-sim %s\n", RA_VERSION);
    return kSimDone;
  }
  return runSimTool(*options);
}
