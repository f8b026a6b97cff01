//===- Report.h - What a simulated launch found and counted -----*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RA_RUNTIME_SIM_REPORT_H
#define RA_RUNTIME_SIM_REPORT_H

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ra::runtime::sim {

/// What a check can find. The first group ends the block that it happens in:
/// nothing sensible can follow. The second group is reported and execution goes
/// on.
enum class CheckKind : uint8_t {
  OutOfBounds, ///< an access outside of every allocation, array or frame
  Misaligned,  ///< an address that is not a multiple of the access's size
  Deadlock,    ///< every warp waits
  Budget,      ///< more instructions than the budget: an endless loop?
  Trap,        ///< trap, or a failed assertion
  Invalid,     ///< an operation whose operands the ISA leaves undefined

  Uninitialized, ///< a shared-memory read of bytes that nothing wrote
  Race,          ///< two warps, one of them writing, with nothing in between
  Barrier,       ///< a divergent barrier, or counts that disagree
  AsyncWait      ///< an asynchronous copy touched or left without its wait
};
inline constexpr unsigned kCheckKinds = 10;

/// "out-of-bounds", "misaligned", "deadlock", "budget", "trap", "invalid",
/// "uninitialized", "race", "barrier", "async-wait".
std::string_view checkName(CheckKind kind);

/// One finding: the first of its kind at its instruction, with how often it
/// happened.
struct Finding {
  CheckKind kind = CheckKind::Invalid;
  std::string kernel;
  std::array<uint32_t, 3> block = {0, 0, 0};
  uint32_t warp = 0;  ///< In its block.
  uint32_t lanes = 0; ///< One bit per lane that is concerned.
  uint32_t line = 0;  ///< Of the PTX text, from 1.
  std::string text;   ///< That line.
  std::string source; ///< "file:line" where `.loc` says it, or empty.
  std::string message;
  uint64_t count = 1; ///< Warp instructions with this finding at this line.

  /// Several lines: what, where, which line.
  std::string toString() const;
};

/// Classes of instructions that are counted apart.
enum class OpClass : uint8_t {
  Integer,
  Logic,
  Float32,
  Float64,
  Half,
  Special, ///< ex2, lg2, rcp, sqrt, sin...
  Convert,
  Compare,
  Move,
  GlobalLoad,
  GlobalStore,
  SharedLoad,
  SharedStore,
  LocalMemory,
  ConstantLoad, ///< Parameters too.
  Atomic,
  AsyncCopy,
  MatrixLoad, ///< ldmatrix, wmma.load
  Matrix,     ///< mma, wmma.mma
  Warp,       ///< shfl, vote, match, redux
  Barrier,    ///< barriers, fences, waits
  Branch
};
inline constexpr unsigned kOpClasses = 22;

/// "integer", "logic", "f32"...
std::string_view opClassName(OpClass opClass);

/// Sums over all blocks of a launch. Instructions are counted per warp,
/// whatever the number of active lanes, as the issue slots of a GPU are.
struct Counters {
  uint64_t instructions = 0;
  std::array<uint64_t, kOpClasses> byClass = {};
  /// Multiplications and additions of mma and wmma, two per element product.
  uint64_t tensorFlops = 0;
  /// Floating-point operations of active lanes outside of mma; an fma is two.
  uint64_t scalarFlops = 0;

  /// Warp requests, the 32-byte sectors that they touch, the bytes that the
  /// lanes asked for. Copies by cp.async count as loads.
  uint64_t globalLoads = 0, globalLoadSectors = 0, globalLoadBytes = 0;
  uint64_t globalStores = 0, globalStoreSectors = 0, globalStoreBytes = 0;
  /// Shared memory: requests, and passes over the 32 banks of 4 bytes that they
  /// need. Passes beyond `sharedIdealPasses` are bank conflicts.
  uint64_t sharedRequests = 0, sharedPasses = 0, sharedIdealPasses = 0;
  uint64_t sharedBytes = 0;
  uint64_t barriers = 0; ///< Warps that arrived at one.
  uint64_t divergentBranches = 0;

  uint64_t bankConflicts() const { return sharedPasses - sharedIdealPasses; }
  void add(const Counters &other);
  /// A table, or one JSON object, of all of the above.
  std::string toString() const;
  std::string toJson() const;
};

/// Peak rates of a chip at its boost clock; docs/simulator.md names sources.
struct Chip {
  std::string_view name; ///< "a100", "a10g", "h100-sxm"...
  uint32_t multiprocessors;
  double clockGHz;
  double dramGBps;             ///< Decimal gigabytes per second.
  double tensorFlopsPerClock;  ///< Dense f16 with f32 sums, per multiprocessor.
  double floatLanesPerClock;   ///< f32 instructions' lanes.
  double specialLanesPerClock; ///< ex2 and its like.
  double issuePerClock;        ///< Warp instructions.
};

/// Null when the name is not known.
const Chip *findChip(std::string_view name);
/// The names, for messages.
std::string chipNames();

/// Lower bounds of the time that the counters allow on `chip`, in microseconds,
/// one per resource: the largest is the roofline's answer. Global traffic
/// counts every sector once per request, as if no cache held anything; see
/// docs/simulator.md.
struct Roofline {
  double tensor = 0, special = 0, issue = 0, shared = 0, dram = 0;
  double bound() const;
  std::string toString(const Chip &chip) const;
  std::string toJson(const Chip &chip) const;
};
Roofline roofline(const Counters &counters, const Chip &chip);

} // namespace ra::runtime::sim

#endif // RA_RUNTIME_SIM_REPORT_H
