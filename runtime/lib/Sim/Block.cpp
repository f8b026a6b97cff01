//===- Block.cpp - Executes one block, warp by warp ----------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Machine.h"

#include <algorithm>

using namespace ra::runtime;
using namespace ra::runtime::sim;

/// What registers hold before anything is written: a NaN as f32, as both halves
/// of f16x2, and as bf16.
static constexpr uint32_t kPoison = 0xFFBAFFADU;
static constexpr uint8_t kMemoryPoison = 0xA5;

//===----------------------------------------------------------------------===//
// Findings
//===----------------------------------------------------------------------===//

static std::string sourceOf(const Program &program, const Code &code,
                            const Op &op) {
  const auto index = static_cast<uint32_t>(&op - code.ops.data());
  const auto after =
      std::upper_bound(code.ast->locations.begin(), code.ast->locations.end(),
                       index, [](uint32_t i, const SourceLocation &l) {
                         return i < l.firstInstruction;
                       });
  if (after == code.ast->locations.begin())
    return "";
  const SourceLocation &location = after[-1];
  const auto file = program.ast->files.find(location.file);
  return (file == program.ast->files.end() ? std::string("?") : file->second) +
         ":" + std::to_string(location.line);
}

Step Block::report(const Warp &warp, const Op &op, CheckKind kind,
                   uint32_t lanes, const std::string &message) {
  for (auto &[where, finding] : findings)
    if (where == &op && finding.kind == kind) {
      ++finding.count;
      return Step::Stop;
    }
  if (findings.size() >= launch->options.maxFindings) {
    ++findingsDropped;
    return Step::Stop;
  }
  const Program &program = *launch->kernel->program;
  Finding finding;
  finding.kind = kind;
  finding.kernel = std::string(launch->kernel->code->ast->name);
  finding.block = {ctaid[0], ctaid[1], ctaid[2]};
  finding.warp = warp.index;
  finding.lanes = lanes;
  finding.line = op.line;
  finding.text = program.ast->source.quoteLine(op.line);
  if (warp.depth != 0)
    finding.source = sourceOf(program, warp.code(), op);
  finding.message = message;
  findings.emplace_back(&op, std::move(finding));
  return Step::Stop;
}

//===----------------------------------------------------------------------===//
// Frames
//===----------------------------------------------------------------------===//

static uint64_t specialValue(const Warp &warp, const FrameValue &value,
                             unsigned lane) {
  const Block &block = *warp.block;
  const Launch &launch = *block.launch;
  const uint32_t thread = warp.index * 32 + lane;
  switch (value.value) {
  case SpecialValue::ThreadX:
    return thread % launch.block.x;
  case SpecialValue::ThreadY:
    return thread / launch.block.x % launch.block.y;
  case SpecialValue::ThreadZ:
    return thread / launch.block.x / launch.block.y;
  case SpecialValue::BlockX:
    return block.ctaid[0];
  case SpecialValue::BlockY:
    return block.ctaid[1];
  case SpecialValue::BlockZ:
    return block.ctaid[2];
  case SpecialValue::BlockDimX:
    return launch.block.x;
  case SpecialValue::BlockDimY:
    return launch.block.y;
  case SpecialValue::BlockDimZ:
    return launch.block.z;
  case SpecialValue::GridDimX:
    return launch.grid.x;
  case SpecialValue::GridDimY:
    return launch.grid.y;
  case SpecialValue::GridDimZ:
    return launch.grid.z;
  case SpecialValue::LaneId:
    return lane;
  case SpecialValue::WarpId:
    return warp.index;
  case SpecialValue::WarpCount:
    return block.warps.size();
  case SpecialValue::SmId:
    return 0;
  case SpecialValue::SmCount:
    return 1;
  case SpecialValue::GridId:
    return 0;
  case SpecialValue::LaneMaskEq:
    return uint32_t(1) << lane;
  case SpecialValue::LaneMaskLt:
    return (uint32_t(1) << lane) - 1;
  case SpecialValue::LaneMaskLe:
    return (uint64_t(2) << lane) - 1;
  case SpecialValue::LaneMaskGt:
    return static_cast<uint32_t>(~((uint64_t(2) << lane) - 1));
  case SpecialValue::LaneMaskGe:
    return static_cast<uint32_t>(~((uint64_t(1) << lane) - 1));
  case SpecialValue::DynamicSharedBytes:
    return launch.dynamicShared;
  case SpecialValue::TotalSharedBytes:
    return launch.sharedBytes;
  case SpecialValue::SharedAddress:
    return launch.kernel->sharedOffsets[value.argument] + value.addend;
  case SpecialValue::LocalAddress:
    return warp.frames[warp.depth - 1].localBase + value.argument +
           value.addend;
  }
  return 0;
}

void ra::runtime::sim::pushFrame(Warp &warp, const Code &code, const Op *call) {
  if (warp.frames.size() == warp.depth)
    warp.frames.emplace_back();
  Frame &frame = warp.frames[warp.depth];
  if (frame.capacity < code.frameBytes) {
    frame.storage.reset(new uint8_t[code.frameBytes + 64]);
    frame.capacity = code.frameBytes;
    const auto raw = reinterpret_cast<uintptr_t>(frame.storage.get());
    frame.registers = frame.storage.get() + ((raw + 63) / 64 * 64 - raw);
  }
  const Frame *below = warp.depth == 0 ? nullptr : &warp.frames[warp.depth - 1];
  frame.localBase =
      below == nullptr ? 0 : below->localBase + below->code->localBytes;
  frame.code = &code;
  frame.call = call;
  ++warp.depth;
  warp.registers = frame.registers;

  auto *words = reinterpret_cast<uint32_t *>(frame.registers);
  std::fill(words, words + code.constantStart / 4, kPoison);
  std::memcpy(frame.registers + code.constantStart, code.constants.data(),
              code.constants.size());
  for (const FrameValue &value : code.values)
    for (unsigned lane = 0; lane < 32; ++lane) {
      const uint64_t bits = specialValue(warp, value, lane);
      if (value.wide)
        warp.slot<uint64_t>(value.offset)[lane] = bits;
      else
        warp.slot<uint32_t>(value.offset)[lane] = static_cast<uint32_t>(bits);
    }
  const size_t localEnd = size_t(frame.localBase) + code.localBytes;
  if (code.localBytes != 0)
    for (auto &local : warp.local) {
      local.resize(frame.localBase);
      local.resize(localEnd, kMemoryPoison);
    }
}

void ra::runtime::sim::popFrame(Warp &warp) {
  --warp.depth;
  warp.registers =
      warp.depth == 0 ? nullptr : warp.frames[warp.depth - 1].registers;
}

//===----------------------------------------------------------------------===//
// Execution
//===----------------------------------------------------------------------===//

void Block::start() {
  const Launch &l = *launch;
  const Kernel &kernel = *l.kernel;
  const uint32_t warpCount = (l.threadsPerBlock + 31) / 32;
  if (!shared) {
    sharedStorage.reset(new uint8_t[l.sharedBytes + 64]);
    const auto raw = reinterpret_cast<uintptr_t>(sharedStorage.get());
    shared = sharedStorage.get() + ((raw + 63) / 64 * 64 - raw);
    warps.resize(warpCount);
    executed.resize(kernel.program->codes.size());
    activeLanes.resize(kernel.program->codes.size());
    for (size_t i = 0; i < executed.size(); ++i) {
      executed[i].resize(kernel.program->codes[i].ops.size());
      activeLanes[i].resize(kernel.program->codes[i].ops.size());
    }
  }
  std::memset(shared, kMemoryPoison, l.sharedBytes);
  shadow.reset(l.sharedBytes, warpCount);
  for (Barrier &barrier : barriers)
    barrier = Barrier();
  remaining = l.options.budget;
  for (uint32_t w = 0; w < warpCount; ++w) {
    Warp &warp = warps[w];
    const uint32_t lanes = std::min<uint32_t>(32, l.threadsPerBlock - 32 * w);
    warp.block = this;
    warp.index = w;
    warp.live = static_cast<uint32_t>((uint64_t(1) << lanes) - 1);
    warp.mask = warp.live;
    warp.state = WarpState::Ready;
    warp.waitingAt = nullptr;
    warp.stack.assign(1, {warp.live, 0, kNoTarget, true, false});
    warp.depth = 0;
    warp.copies.clear();
    std::fill(std::begin(warp.groupCount), std::end(warp.groupCount), 0);
    std::fill(std::begin(warp.carry), std::end(warp.carry), false);
    pushFrame(warp, *kernel.code, nullptr);
  }
}

bool Block::runWarp(Warp &warp, uint64_t quantum) {
  const uint64_t limit = std::min(quantum, remaining);
  const bool countLanes = launch->options.counters;
  uint64_t left = limit;
  bool going = true;
  while (going && left != 0) {
    StackEntry *top = &warp.stack.back();
    if (top->mask == 0 || top->pc == top->reconverge) {
      const bool isCall = top->isCall;
      warp.stack.pop_back();
      if (isCall)
        popFrame(warp);
      if (!warp.stack.empty())
        continue;
      warp.state = WarpState::Done;
      warp.live = 0;
      completeBarriers(*this);
      break;
    }
    const Code &code = warp.code();
    const Op *const ops = code.ops.data();
    uint64_t *const counts = executed[code.index].data();
    uint64_t *const lanes = activeLanes[code.index].data();
    const uint32_t mask = top->mask, reconverge = top->reconverge;
    uint32_t pc = top->pc;
    Step step = Step::Next;
    while (pc != reconverge && left != 0) {
      const Op &op = ops[pc];
      --left;
      ++counts[pc];
      uint32_t active = mask;
      if (op.predicate != 0) {
        const uint32_t bits = warp.predicate(op.predicate - 1);
        active &= op.predicateNegated ? ~bits : bits;
        if (active == 0 && !op.always) {
          ++pc;
          continue;
        }
      }
      warp.mask = active;
      if (countLanes)
        lanes[pc] += static_cast<unsigned>(__builtin_popcount(active));
      top->pc = pc;
      step = op.exec(warp, op);
      if (step != Step::Next)
        break;
      ++pc;
    }
    if (step == Step::Next) {
      top->pc = pc;
    } else if (step == Step::Wait) {
      ++warp.stack.back().pc;
      going = warp.state == WarpState::Ready;
    } else if (step == Step::Stop) {
      remaining -= limit - left;
      clock += limit - left;
      return false;
    }
  }
  remaining -= limit - left;
  clock += limit - left;
  if (remaining == 0 && warp.state != WarpState::Done) {
    const StackEntry &top = warp.stack.back();
    report(warp, warp.code().ops[top.pc], CheckKind::Budget, top.mask,
           "the block executed " + std::to_string(launch->options.budget) +
               " warp instructions without an end: an endless loop, or lanes "
               "that wait for lanes of their own warp?");
    return false;
  }
  return true;
}

bool Block::deadlock() {
  std::string who;
  const Warp *first = nullptr;
  for (const Warp &warp : warps) {
    if (warp.state != WarpState::AtBarrier)
      continue;
    if (!first)
      first = &warp;
    const Barrier &barrier = barriers[warp.barrier];
    who += "\n    warp " + std::to_string(warp.index) + " waits at barrier " +
           std::to_string(warp.barrier) + " (line " +
           std::to_string(warp.waitingAt->line) + "), where " +
           std::to_string(barrier.arrivedThreads) + " of " +
           std::to_string(barrier.expected) + " threads arrived";
  }
  uint32_t done = 0;
  for (const Warp &warp : warps)
    done += warp.state == WarpState::Done;
  report(*first, *first->waitingAt, CheckKind::Deadlock, first->mask,
         "no warp can go on; " + std::to_string(done) + " of " +
             std::to_string(warps.size()) + " warps have exited" + who);
  return false;
}

namespace {

/// SplitMix64, for schedules.
struct ScheduleRandom {
  uint64_t state;
  uint64_t next() {
    state += 0x9E3779B97F4A7C15ULL;
    uint64_t z = state;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    return z ^ (z >> 31);
  }
};

} // namespace

bool Block::run() {
  start();
  const Launch &l = *launch;
  ScheduleRandom random{l.options.seed * 0x2545F4914F6CDD1DULL + ctaid[0] +
                        uint64_t(l.grid.x) *
                            (ctaid[1] + uint64_t(l.grid.y) * ctaid[2])};
  // Long enough to be cheap, short enough that warps which wait for others by
  // looking at memory let them on.
  constexpr uint64_t kGreedy = 20000, kRoundRobin = 8;
  constexpr uint64_t kRandom[] = {3, 40, 400, 4000};
  std::vector<uint32_t> ready;
  while (true) {
    ready.clear();
    bool anyWaits = false;
    for (const Warp &warp : warps) {
      if (warp.state == WarpState::Ready)
        ready.push_back(warp.index);
      anyWaits |= warp.state == WarpState::AtBarrier;
    }
    if (ready.empty())
      return !anyWaits || deadlock();
    if (l.options.schedule == Schedule::Random) {
      const uint64_t pick = random.next();
      if (!runWarp(warps[ready[pick % ready.size()]],
                   kRandom[(pick >> 40) % 4]))
        return false;
      continue;
    }
    const uint64_t quantum =
        l.options.schedule == Schedule::Greedy ? kGreedy : kRoundRobin;
    for (const uint32_t w : ready)
      if (!runWarp(warps[w], quantum))
        return false;
  }
}
