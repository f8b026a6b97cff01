//===- Simulator.h - Executes PTX on the host -------------------*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A functional simulator of PTX: modules as LLVM, nvcc and Triton emit them,
// executed warp by warp with checks and counters. docs/simulator.md says what
// is modelled. The interface is that of a device: allocate, copy, load, launch.
//
//===----------------------------------------------------------------------===//

#ifndef RA_RUNTIME_SIM_SIMULATOR_H
#define RA_RUNTIME_SIM_SIMULATOR_H

#include "ra/Runtime/Sim/Report.h"
#include "ra/Runtime/Status.h"

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace ra::runtime::sim {

struct Dim3 {
  uint32_t x = 1, y = 1, z = 1;
};

/// When asynchronous copies act.
enum class AsyncMode : uint8_t {
  Eager, ///< As they are issued.
  Lazy   ///< When they are waited for: as late as the rules allow.
};

/// Which warp of a block runs next.
enum class Schedule : uint8_t {
  Greedy,     ///< A warp runs until it waits.
  RoundRobin, ///< A few instructions each.
  Random      ///< Random warps for random times, from LaunchOptions::seed.
};

/// Bits of LaunchOptions::checks. Bounds, alignment and barriers are always
/// checked: the simulator could not go on without.
enum Checks : uint32_t {
  kCheckUninitialized = 1,
  kCheckRaces = 2,
  kCheckAsync = 4,
  kCheckNone = 0,
  kCheckAll = 7
};

struct LaunchOptions {
  AsyncMode async = AsyncMode::Eager;
  Schedule schedule = Schedule::Greedy;
  uint64_t seed = 0;
  uint32_t checks = kCheckAll;
  /// Bank conflicts, sectors and bytes; instructions are counted always.
  bool counters = false;
  /// Warp instructions that one block may execute.
  uint64_t budget = uint64_t(1) << 32;
  /// Blocks at a time; 0: one per core. Results do not depend on it unless
  /// blocks communicate (also by the order of floating-point atomics).
  unsigned threads = 0;
  /// Findings kept; the rest is only counted.
  size_t maxFindings = 100;
};

struct LaunchResult {
  /// In order of block, then of time within the block.
  std::vector<Finding> findings;
  uint64_t findingsDropped = 0;
  Counters counters;

  bool clean() const { return findings.empty(); }
};

/// A parameter of a kernel, as the module declares it.
struct ParameterInfo {
  std::string name;
  std::string type;         ///< "u64", "f32", "b8"...
  size_t bytes = 0;         ///< Of the whole parameter.
  size_t offset = 0;        ///< In the parameter block.
  bool isAggregate = false; ///< `.b8 x[n]`: passed by value.
};

struct KernelInfo {
  std::string name;
  std::vector<ParameterInfo> parameters;
  Dim3 requiredThreads = {0, 0, 0}; ///< .reqntid; zeros when absent.
  uint32_t maximumThreads = 0;      ///< .maxntid; 0 when absent.
  size_t staticSharedBytes = 0;
};

/// A kernel of a loaded module.
class Kernel;

/// A device. One launch at a time; not for use by two threads at once.
class Simulator {
public:
  Simulator();
  ~Simulator();
  Simulator(Simulator &&) noexcept;
  Simulator &operator=(Simulator &&) noexcept;

  /// Global memory of `bytes`, zero-filled, at an address that is a multiple of
  /// 512. `name` is for findings. Fails when the host has no memory for it.
  Expected<uint64_t> allocate(size_t bytes, std::string name);
  /// Fails when `address` is not what allocate() returned. Later accesses are
  /// out of bounds.
  Status free(uint64_t address);
  /// Fails when the range is not inside one allocation.
  Status copyToDevice(uint64_t address, const void *source, size_t bytes);
  Status copyToHost(void *destination, uint64_t address, size_t bytes);
  Status fill(uint64_t address, uint8_t value, size_t bytes);

  /// Parses and decodes a module and allocates its variables; `name` stands for
  /// the file in messages. The module lives as long as the simulator.
  /// Everything that is not supported is an error here, with the line.
  Expected<unsigned> loadModule(std::string text, std::string name);
  /// Names of the kernels of a module, in order.
  std::vector<std::string> kernelNames(unsigned module) const;
  Expected<const Kernel *> findKernel(unsigned module,
                                      std::string_view name) const;
  static KernelInfo info(const Kernel &kernel);
  /// The address and size of a .global or .const variable.
  struct VariableInfo {
    uint64_t address = 0;
    size_t bytes = 0;
  };
  Expected<VariableInfo> findVariable(unsigned module,
                                      std::string_view name) const;

  /// Runs a kernel to its end. `arguments` are the bytes of each parameter, of
  /// exactly its size. Fails on a launch that no device would take (sizes,
  /// counts); what the kernel does wrong is in the result.
  Expected<LaunchResult>
  launch(const Kernel &kernel, Dim3 grid, Dim3 block, size_t dynamicSharedBytes,
         const std::vector<std::vector<uint8_t>> &arguments,
         const LaunchOptions &options = {});

private:
  struct State;
  std::unique_ptr<State> state;
};

} // namespace ra::runtime::sim

#endif // RA_RUNTIME_SIM_SIMULATOR_H
