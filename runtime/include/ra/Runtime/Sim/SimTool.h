//===- SimTool.h - The tool ra-sim, as a library ----------------*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RA_RUNTIME_SIM_SIMTOOL_H
#define RA_RUNTIME_SIM_SIMTOOL_H

#include "ra/Runtime/Sim/Simulator.h"
#include "ra/Runtime/Tensor.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ra::runtime::sim {

/// An argument of a kernel, from a spec:
///
///   u32=5  f32=0.5               a scalar, passed by value (InputSpec.h)
///   64x64xf16=0.5                a buffer, from a literal with extents
///   @x.npy  @m.safetensors#name  a buffer, from a file
///   64x64xf16:normal(0,1)        a buffer of random numbers; also uniform(a,b)
///   out:1024xf32                 a buffer to fill: every byte is 0xFF, NaN
struct ArgumentSpec {
  bool isScalar = false;
  Tensor data;
};

/// Parses and makes an argument. Random numbers depend on `seed` and on
/// `index`, the argument's number.
Expected<ArgumentSpec> makeArgument(std::string_view text, uint64_t seed,
                                    uint64_t index);

/// The options of ra-sim.
struct SimToolOptions {
  std::string file, entry;
  bool list = false, help = false, version = false;
  Dim3 grid, block;
  bool hasBlock = false;
  size_t shared = 0;
  std::vector<std::string> arguments;
  std::vector<std::pair<unsigned, std::string>> outputs;
  bool eager = true, lazy = false; ///< Both: the results must agree.
  enum class Print { No, Text, Json } counters = Print::No;
  std::string chip;
  LaunchOptions launch;
};

/// Parses the options; a failure is a usage error.
Expected<SimToolOptions>
parseSimToolOptions(const std::vector<std::string> &arguments);

/// What to print for --help.
std::string simToolHelp();

/// Exit statuses, as docs/exit-codes.md lists them.
enum SimToolStatus {
  kSimDone = 0,
  kSimModule = 1,  ///< The PTX does not load.
  kSimUsage = 2,   ///< Options, arguments or files that do not fit.
  kSimFindings = 3 ///< A check found something, or eager and lazy differ.
};

/// Runs the tool: results on stdout, findings and errors on stderr.
int runSimTool(const SimToolOptions &options);

} // namespace ra::runtime::sim

#endif // RA_RUNTIME_SIM_SIMTOOL_H
