//===- Simulator.cpp - Devices, modules and launches ---------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ra/Runtime/Sim/Simulator.h"

#include "Decode.h"
#include "Machine.h"

#include <algorithm>
#include <thread>

using namespace ra::runtime;
using namespace ra::runtime::sim;

/// What a launch may ask of any chip.
static constexpr uint32_t kMaxThreads = 1024;
static constexpr uint64_t kMaxShared = uint64_t(1) << 20;

struct Simulator::State {
  GlobalMemory memory;
  std::vector<std::unique_ptr<Program>> programs;
};

Simulator::Simulator() : state(std::make_unique<State>()) {}
Simulator::~Simulator() = default;
Simulator::Simulator(Simulator &&) noexcept = default;
Simulator &Simulator::operator=(Simulator &&) noexcept = default;

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

Expected<uint64_t> Simulator::allocate(size_t bytes, std::string name) {
  return state->memory.allocate(bytes, std::move(name), false);
}

Status Simulator::free(uint64_t address) { return state->memory.free(address); }

static Expected<uint8_t *> rangeOf(const GlobalMemory &memory, uint64_t address,
                                   size_t bytes) {
  uint8_t *found = memory.resolve(address, bytes);
  if (!found)
    return fail("a copy of " + std::to_string(bytes) +
                " bytes: " + memory.describe(address, bytes));
  return found;
}

Status Simulator::copyToDevice(uint64_t address, const void *source,
                               size_t bytes) {
  Expected<uint8_t *> to = rangeOf(state->memory, address, bytes);
  if (!to)
    return to.takeFailure();
  if (bytes != 0)
    std::memcpy(*to, source, bytes);
  return Status::success();
}

Status Simulator::copyToHost(void *destination, uint64_t address,
                             size_t bytes) {
  Expected<uint8_t *> from = rangeOf(state->memory, address, bytes);
  if (!from)
    return from.takeFailure();
  if (bytes != 0)
    std::memcpy(destination, *from, bytes);
  return Status::success();
}

Status Simulator::fill(uint64_t address, uint8_t value, size_t bytes) {
  Expected<uint8_t *> to = rangeOf(state->memory, address, bytes);
  if (!to)
    return to.takeFailure();
  std::memset(*to, value, bytes);
  return Status::success();
}

//===----------------------------------------------------------------------===//
// Modules
//===----------------------------------------------------------------------===//

Expected<unsigned> Simulator::loadModule(std::string text, std::string name) {
  Expected<std::unique_ptr<Ast>> ast =
      parseModule(std::move(text), std::move(name));
  if (!ast)
    return ast.takeFailure();
  Expected<std::unique_ptr<Program>> program =
      loadProgram(std::move(*ast), state->memory);
  if (!program)
    return program.takeFailure();
  state->programs.push_back(std::move(*program));
  return static_cast<unsigned>(state->programs.size() - 1);
}

std::vector<std::string> Simulator::kernelNames(unsigned module) const {
  std::vector<std::string> names;
  if (module < state->programs.size())
    for (const auto &kernel : state->programs[module]->kernels)
      names.emplace_back(kernel->code->ast->name);
  return names;
}

Expected<const Kernel *> Simulator::findKernel(unsigned module,
                                               std::string_view name) const {
  std::string known;
  if (module < state->programs.size())
    for (const auto &kernel : state->programs[module]->kernels) {
      if (kernel->code->ast->name == name)
        return static_cast<const Kernel *>(kernel.get());
      known +=
          (known.empty() ? "" : ", ") + std::string(kernel->code->ast->name);
    }
  return fail("no kernel '" + std::string(name) + "' in the module; it has " +
              (known.empty() ? "none" : known));
}

static std::string typeText(const Type &type) {
  const char *kind = type.kind == Type::Kind::Float      ? "f"
                     : type.kind == Type::Kind::Signed   ? "s"
                     : type.kind == Type::Kind::Unsigned ? "u"
                                                         : "b";
  return (type.brain ? "b" : "") + std::string(kind) +
         std::to_string(type.bits) + (type.packed ? "x2" : "");
}

KernelInfo Simulator::info(const Kernel &kernel) {
  const Function &function = *kernel.code->ast;
  KernelInfo info;
  info.name = std::string(function.name);
  for (const Parameter &parameter : function.parameters)
    info.parameters.push_back({std::string(parameter.name),
                               typeText(parameter.type), parameter.bytes,
                               parameter.offset, parameter.isArray});
  info.requiredThreads = {function.requiredThreads[0],
                          function.requiredThreads[1],
                          function.requiredThreads[2]};
  info.maximumThreads = function.maximumThreads;
  info.staticSharedBytes = kernel.staticSharedBytes;
  return info;
}

Expected<Simulator::VariableInfo>
Simulator::findVariable(unsigned module, std::string_view name) const {
  if (module < state->programs.size()) {
    const Program &program = *state->programs[module];
    const auto found = program.ast->variableByName.find(name);
    if (found != program.ast->variableByName.end() &&
        program.variableAddresses[found->second] != 0)
      return VariableInfo{program.variableAddresses[found->second],
                          program.ast->variables[found->second].bytes};
  }
  return fail("no .global or .const variable '" + std::string(name) +
              "' in the module");
}

//===----------------------------------------------------------------------===//
// Launches
//===----------------------------------------------------------------------===//

static std::string dimText(const Dim3 &dim) {
  return std::to_string(dim.x) + " x " + std::to_string(dim.y) + " x " +
         std::to_string(dim.z);
}

static Status checkLaunch(const Kernel &kernel, const Dim3 &grid,
                          const Dim3 &block, size_t dynamicShared,
                          const std::vector<std::vector<uint8_t>> &arguments) {
  const Function &function = *kernel.code->ast;
  const std::string name = "kernel '" + std::string(function.name) + "': ";
  if (grid.x == 0 || grid.y == 0 || grid.z == 0 || grid.x > INT32_MAX ||
      grid.y > 65535 || grid.z > 65535)
    return fail(name + "a grid of " + dimText(grid) +
                " blocks; x is 1 to 2^31 - 1, y and z 1 to 65535");
  const uint64_t threads = uint64_t(block.x) * block.y * block.z;
  if (threads == 0 || block.x > kMaxThreads || block.y > kMaxThreads ||
      block.z > 64 || threads > kMaxThreads)
    return fail(name + "a block of " + dimText(block) +
                " threads; 1 to 1024 in all, z up to 64");
  const uint32_t *required = function.requiredThreads;
  if (required[0] != 0 && (required[0] != block.x || required[1] != block.y ||
                           required[2] != block.z))
    return fail(name + "a block of " + dimText(block) +
                " threads; its .reqntid is " +
                dimText({required[0], required[1], required[2]}));
  if (function.maximumThreads != 0 && threads > function.maximumThreads)
    return fail(name + "a block of " + std::to_string(threads) +
                " threads; its .maxntid allows " +
                std::to_string(function.maximumThreads));
  if (kernel.staticSharedBytes + uint64_t(dynamicShared) > kMaxShared)
    return fail(name + std::to_string(kernel.staticSharedBytes) + " + " +
                std::to_string(dynamicShared) +
                " bytes of shared memory; no chip has more than 1 MiB");
  if (arguments.size() != function.parameters.size())
    return fail(name + std::to_string(arguments.size()) +
                " arguments; it has " +
                std::to_string(function.parameters.size()) + " parameters");
  for (size_t i = 0; i < arguments.size(); ++i)
    if (arguments[i].size() != function.parameters[i].bytes)
      return fail(name + "argument " + std::to_string(i) + " has " +
                  std::to_string(arguments[i].size()) + " bytes; parameter '" +
                  std::string(function.parameters[i].name) + "' has " +
                  std::to_string(function.parameters[i].bytes));
  return Status::success();
}

/// Adds the counts of one worker's instructions.
static void countInstructions(const Block &block, Counters &counters) {
  const Program &program = *block.launch->kernel->program;
  for (size_t f = 0; f < block.executed.size(); ++f)
    for (size_t i = 0; i < block.executed[f].size(); ++i) {
      const Op &op = program.codes[f].ops[i];
      const uint64_t count = block.executed[f][i];
      counters.instructions += count;
      counters.byClass[static_cast<size_t>(op.opClass)] += count;
      counters.tensorFlops += count * op.tensorFlops;
      counters.scalarFlops += block.activeLanes[f][i] * op.scalarFlops;
    }
}

Expected<LaunchResult>
Simulator::launch(const Kernel &kernel, Dim3 grid, Dim3 block,
                  size_t dynamicSharedBytes,
                  const std::vector<std::vector<uint8_t>> &arguments,
                  const LaunchOptions &options) {
  Status status =
      checkLaunch(kernel, grid, block, dynamicSharedBytes, arguments);
  if (!status.ok())
    return status.takeFailure();
  Launch launch;
  launch.kernel = &kernel;
  launch.options = options;
  launch.grid = grid;
  launch.block = block;
  launch.threadsPerBlock = block.x * block.y * block.z;
  launch.dynamicShared = static_cast<uint32_t>(dynamicSharedBytes);
  launch.sharedBytes =
      kernel.staticSharedBytes + static_cast<uint32_t>(dynamicSharedBytes);
  launch.memory = &state->memory;
  const Function &function = *kernel.code->ast;
  launch.parameters.resize(function.parameterBytes);
  for (size_t i = 0; i < arguments.size(); ++i)
    std::copy(arguments[i].begin(), arguments[i].end(),
              launch.parameters.begin() +
                  static_cast<ptrdiff_t>(function.parameters[i].offset));

  // Blocks in order, as workers get free. After a finding that ends a block,
  // later blocks do not start: all before it still run, so that which one is
  // reported does not depend on the number of workers.
  const uint64_t blocks = uint64_t(grid.x) * grid.y * grid.z;
  std::atomic<uint64_t> next = 0, stopAfter = UINT64_MAX;
  unsigned workers = options.threads != 0
                         ? options.threads
                         : std::max(1U, std::thread::hardware_concurrency());
  workers = static_cast<unsigned>(
      std::min<uint64_t>(std::min(workers, 256U), blocks));
  struct Found {
    uint64_t block;
    std::vector<Finding> findings;
    uint64_t dropped;
  };
  std::vector<std::vector<Found>> found(workers);
  std::vector<Block> states(workers);
  const auto work = [&](unsigned worker) {
    Block &state = states[worker];
    state.launch = &launch;
    while (true) {
      const uint64_t index = next.fetch_add(1);
      if (index >= blocks || index > stopAfter.load())
        return;
      state.ctaid[0] = static_cast<uint32_t>(index % grid.x);
      state.ctaid[1] = static_cast<uint32_t>(index / grid.x % grid.y);
      state.ctaid[2] = static_cast<uint32_t>(index / grid.x / grid.y);
      const bool finished = state.run();
      if (!state.findings.empty() || state.findingsDropped != 0) {
        Found entry = {index, {}, state.findingsDropped};
        for (auto &[op, finding] : state.findings)
          entry.findings.push_back(std::move(finding));
        found[worker].push_back(std::move(entry));
        state.findings.clear();
        state.findingsDropped = 0;
      }
      uint64_t first = stopAfter.load();
      while (!finished && index < first &&
             !stopAfter.compare_exchange_weak(first, index)) {
      }
    }
  };
  std::vector<std::thread> threads;
  for (unsigned i = 1; i < workers; ++i)
    threads.emplace_back(work, i);
  work(0);
  for (std::thread &thread : threads)
    thread.join();

  LaunchResult result;
  std::vector<Found> all;
  for (std::vector<Found> &part : found)
    std::move(part.begin(), part.end(), std::back_inserter(all));
  std::sort(all.begin(), all.end(),
            [](const Found &a, const Found &b) { return a.block < b.block; });
  for (Found &entry : all) {
    if (entry.block > stopAfter.load())
      continue;
    result.findingsDropped += entry.dropped;
    for (Finding &finding : entry.findings) {
      const auto same = std::find_if(
          result.findings.begin(), result.findings.end(),
          [&](const Finding &known) {
            return known.kind == finding.kind && known.line == finding.line;
          });
      if (same != result.findings.end())
        same->count += finding.count;
      else if (result.findings.size() < options.maxFindings)
        result.findings.push_back(std::move(finding));
      else
        ++result.findingsDropped;
    }
  }
  for (const Block &state : states) {
    result.counters.add(state.counters);
    countInstructions(state, result.counters);
  }
  return result;
}
