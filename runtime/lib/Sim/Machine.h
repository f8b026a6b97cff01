//===- Machine.h - Decoded programs and the state that executes them -*- C++
//-*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RA_RUNTIME_LIB_SIM_MACHINE_H
#define RA_RUNTIME_LIB_SIM_MACHINE_H

#include "Ast.h"
#include "Memory.h"
#include "ra/Runtime/Sim/Simulator.h"

#include <atomic>
#include <cstring>
#include <mutex>

namespace ra::runtime::sim {

struct Warp;
struct Op;

/// What follows an instruction.
enum class Step : uint8_t {
  Next, ///< The next instruction.
  Jump, ///< The executor has set the warp's stack.
  Wait, ///< The warp waits; its program counter is past the instruction.
  Stop  ///< The block ends: a finding that cannot be survived.
};

/// One decoded instruction. Registers are byte offsets into the frame; what the
/// other members mean is up to the executor.
struct Op {
  Step (*exec)(Warp &, const Op &) = nullptr;
  const uint32_t *list = nullptr; ///< Vectors and fragments.
  int64_t imm = 0;
  uint32_t d = 0, a = 0, b = 0, c = 0;
  uint32_t predicate = 0; ///< Offset + 1; 0 for none.
  uint32_t line = 0;
  uint32_t mods = 0; ///< Bits that the family defines.
  uint32_t extra = 0;
  uint32_t tensorFlops = 0; ///< Per execution.
  uint8_t scalarFlops = 0;  ///< Per lane.
  uint8_t count = 0;        ///< Entries of `list` that form a vector.
  bool predicateNegated = false;
  /// Called with an empty mask too.
  bool always = false;
  OpClass opClass = OpClass::Integer;
};

inline constexpr uint32_t kNoRegister = UINT32_MAX;
inline constexpr uint32_t kNoTarget = UINT32_MAX;

/// Values that a frame gets when a function starts, beside its constants.
enum class SpecialValue : uint8_t {
  ThreadX,
  ThreadY,
  ThreadZ,
  BlockX,
  BlockY,
  BlockZ,
  BlockDimX,
  BlockDimY,
  BlockDimZ,
  GridDimX,
  GridDimY,
  GridDimZ,
  LaneId,
  WarpId,
  WarpCount,
  SmId,
  SmCount,
  GridId,
  LaneMaskEq,
  LaneMaskLt,
  LaneMaskLe,
  LaneMaskGt,
  LaneMaskGe,
  DynamicSharedBytes,
  TotalSharedBytes,
  SharedAddress, ///< `argument`: index into the program's shared variables.
  LocalAddress   ///< `argument`: offset in the function's local frame.
};

struct FrameValue {
  SpecialValue value;
  bool wide; ///< 64-bit slot.
  uint32_t offset;
  uint64_t argument; ///< Shared: variable; Local: offset.
  uint64_t addend;
};

/// A decoded function.
struct Code {
  const Function *ast = nullptr;
  uint32_t index = 0;
  std::vector<Op> ops; ///< One per instruction of the AST, and a final `ret`.
  /// Immediate postdominator of each branch, or kNoTarget.
  std::vector<uint32_t> reconverge;
  uint32_t frameBytes = 0;
  uint32_t constantStart = 0;     ///< Registers come before it.
  std::vector<uint8_t> constants; ///< What follows them, up to frameBytes.
  std::vector<FrameValue> values;
  uint32_t localBytes = 0;
  /// Local-frame offsets of parameters and returns of a device function.
  std::vector<uint32_t> parameterOffsets, returnOffsets;
  /// Registers of `.reg` parameters, or kNoRegister.
  std::vector<uint32_t> parameterRegisters, returnRegisters;
  std::vector<uint32_t> callees;    ///< Functions that it names.
  std::vector<uint32_t> sharedUsed; ///< Shared variables that it names.
  /// Arrays that Op::list points into, never resized after decoding.
  std::vector<std::unique_ptr<uint32_t[]>> lists;
};

struct SharedVariable {
  const Variable *variable;
};

struct Program;

} // namespace ra::runtime::sim

/// See Simulator.h.
class ra::runtime::sim::Kernel {
public:
  const Program *program = nullptr;
  const Code *code = nullptr;
  /// Offset of each shared variable of the program in the block's memory;
  /// UINT32_MAX for those that this kernel does not use.
  std::vector<uint32_t> sharedOffsets;
  uint32_t staticSharedBytes = 0;
};

namespace ra::runtime::sim {

/// A loaded module.
struct Program {
  std::unique_ptr<Ast> ast;
  std::vector<Code> codes; ///< As Ast::functions; declarations are empty.
  std::vector<SharedVariable> shared;
  std::vector<uint64_t> variableAddresses; ///< As Ast::variables; 0: shared.
  std::vector<std::unique_ptr<Kernel>> kernels;
};

/// Lanes of a warp that go on together.
struct StackEntry {
  uint32_t mask;
  uint32_t pc;
  uint32_t reconverge; ///< Where it ends; kNoTarget: at its return.
  bool isCall;         ///< The first entry of a function's activation.
  bool parked; ///< At a barrier that other lanes have to reach, or exit.
};

/// An activation of a function by a warp.
struct Frame {
  const Code *code = nullptr;
  std::unique_ptr<uint8_t[]> storage;
  uint8_t *registers = nullptr; ///< Aligned to 64 bytes.
  uint32_t capacity = 0;
  uint32_t localBase = 0;   ///< In each lane's local memory.
  const Op *call = nullptr; ///< In the caller.
};

/// One lane's part of a cp.async.
struct AsyncCopy {
  uint64_t source;
  uint32_t destination;
  int32_t group; ///< -1: not committed yet.
  uint32_t line;
  uint8_t lane, bytes, sourceBytes;
};

enum class WarpState : uint8_t { Ready, AtBarrier, Done };

struct Block;

struct Warp {
  uint8_t *registers = nullptr; ///< Of the current frame.
  uint32_t mask = 0;            ///< Lanes that execute the instruction.
  uint32_t live = 0;            ///< Lanes that have not exited.
  uint32_t index = 0;           ///< In the block.
  WarpState state = WarpState::Ready;
  uint8_t barrier = 0;
  const Op *waitingAt = nullptr;
  Block *block = nullptr;
  std::vector<StackEntry> stack;
  std::vector<Frame> frames; ///< Kept for reuse; `depth` of them count.
  uint32_t depth = 0;
  std::vector<uint8_t> local[32];
  std::vector<AsyncCopy> copies;
  int32_t groupCount[32] = {};
  bool carry[32] = {}; ///< CC.CF

  template <class T> T *slot(uint32_t offset) const {
    return reinterpret_cast<T *>(registers + offset);
  }
  uint32_t predicate(uint32_t offset) const { return *slot<uint32_t>(offset); }
  void setPredicate(uint32_t offset, uint32_t bits) {
    uint32_t &word = *slot<uint32_t>(offset);
    word = (word & ~mask) | (bits & mask);
  }
  const Code &code() const { return *frames[depth - 1].code; }
};

struct Barrier {
  uint32_t arrivedWarps = 0; ///< Bits, of waiters and arrivals.
  uint32_t waitingWarps = 0;
  uint32_t arrivedThreads = 0;
  uint32_t expected = 0; ///< Threads; 0: all of the block.
  bool active = false, counted = false;
  uint32_t reduction = 0; ///< popc so far, or bit 0.
};

/// What all blocks of a launch share.
struct Launch {
  const Kernel *kernel = nullptr;
  LaunchOptions options;
  Dim3 grid, block;
  uint32_t threadsPerBlock = 0, dynamicShared = 0, sharedBytes = 0;
  std::vector<uint8_t> parameters;
  GlobalMemory *memory = nullptr;
  std::mutex atomics;
};

/// A block in execution, reused for one after another.
struct Block {
  Launch *launch = nullptr;
  uint32_t ctaid[3] = {0, 0, 0};
  std::unique_ptr<uint8_t[]> sharedStorage;
  uint8_t *shared = nullptr;
  SharedShadow shadow;
  std::vector<Warp> warps;
  Barrier barriers[16];
  std::vector<std::pair<const Op *, Finding>> findings;
  uint64_t findingsDropped = 0;
  Counters counters;
  std::vector<std::vector<uint64_t>> executed; ///< [function][instruction]
  std::vector<std::vector<uint64_t>> activeLanes;
  uint64_t remaining = 0; ///< Of the budget.
  uint64_t clock = 0;     ///< Instructions so far: %clock.

  bool checks(uint32_t bit) const { return launch->options.checks & bit; }

  /// Keeps a finding; `address` is shown unless it is UINT64_MAX. Returns
  /// Step::Stop, for findings that end the block.
  Step report(const Warp &warp, const Op &op, CheckKind kind, uint32_t lanes,
              const std::string &message);
  Step stop(const Warp &warp, const Op &op, CheckKind kind,
            const std::string &message) {
    return report(warp, op, kind, warp.mask, message);
  }

  /// Runs the block `ctaid` to its end; false after a finding that ended it.
  bool run();

private:
  void start();
  bool runWarp(Warp &warp, uint64_t quantum);
  bool deadlock();
  friend void pushFrame(Warp &, const Code &, const Op *);
};

/// Starts an activation of `code` and fills its constants.
void pushFrame(Warp &warp, const Code &code, const Op *call);
void popFrame(Warp &warp);
/// Copies the returned values of `lanes` to the caller of the current frame.
void copyReturns(Warp &warp, uint32_t lanes);

/// Warps that exit may complete a barrier; so may arrivals.
void completeBarriers(Block &block);

//===----------------------------------------------------------------------===//
// Lanes
//===----------------------------------------------------------------------===//

#if defined(__clang__)
// Registers either are the same or do not overlap: lanes never depend on lanes.
#define RA_SIM_LANES                                                           \
  _Pragma("clang loop vectorize(assume_safety)") for (unsigned i = 0; i < 32;  \
                                                      ++i)
#elif defined(__GNUC__)
#define RA_SIM_LANES _Pragma("GCC ivdep") for (unsigned i = 0; i < 32; ++i)
#else
#define RA_SIM_LANES for (unsigned i = 0; i < 32; ++i)
#endif

/// The type of a lane in a register that holds a T: registers of up to 32 bits
/// have lanes of 32.
template <class T>
using Lane = std::conditional_t<sizeof(T) == 8, uint64_t, uint32_t>;

template <class T> inline T fromLane(Lane<T> lane) {
  if constexpr (std::is_integral_v<T>) {
    return static_cast<T>(lane);
  } else {
    T value;
    std::memcpy(&value, &lane, sizeof(T));
    return value;
  }
}

template <class T> inline Lane<T> toLane(T value) {
  if constexpr (std::is_integral_v<T>) {
    return static_cast<std::make_unsigned_t<T>>(value);
  } else {
    std::make_unsigned_t<std::conditional_t<sizeof(T) == 8, int64_t, int32_t>>
        lane;
    std::memcpy(&lane, &value, sizeof(T));
    return lane;
  }
}

/// d[i] = f(i) for the lanes of `mask`; f may be called for the others too.
template <class L, class F>
inline void forLanes(uint32_t mask, L *d, const F &f) {
  if (mask == UINT32_MAX) {
    RA_SIM_LANES d[i] = f(i);
  } else {
    RA_SIM_LANES {
      const L value = f(i);
      d[i] = mask >> i & 1 ? value : d[i];
    }
  }
}

/// The bits of the lanes for which f(i).
template <class F> inline uint32_t laneBits(const F &f) {
  uint32_t bits = 0;
  for (unsigned i = 0; i < 32; ++i)
    bits |= f(i) ? uint32_t(1) << i : 0U;
  return bits;
}

// F::apply on lanes, with R, A, B, C the types of the result and the operands.
template <class F, class R, class A> Step exec1(Warp &w, const Op &op) {
  const auto *a = w.slot<Lane<A>>(op.a);
  forLanes(w.mask, w.slot<Lane<R>>(op.d),
           [&](unsigned i) { return toLane<R>(F::apply(fromLane<A>(a[i]))); });
  return Step::Next;
}
template <class F, class R, class A, class B = A>
Step exec2(Warp &w, const Op &op) {
  const auto *a = w.slot<Lane<A>>(op.a);
  const auto *b = w.slot<Lane<B>>(op.b);
  forLanes(w.mask, w.slot<Lane<R>>(op.d), [&](unsigned i) {
    return toLane<R>(F::apply(fromLane<A>(a[i]), fromLane<B>(b[i])));
  });
  return Step::Next;
}
template <class F, class R, class A, class B = A, class C = R>
Step exec3(Warp &w, const Op &op) {
  const auto *a = w.slot<Lane<A>>(op.a);
  const auto *b = w.slot<Lane<B>>(op.b);
  const auto *c = w.slot<Lane<C>>(op.c);
  forLanes(w.mask, w.slot<Lane<R>>(op.d), [&](unsigned i) {
    return toLane<R>(
        F::apply(fromLane<A>(a[i]), fromLane<B>(b[i]), fromLane<C>(c[i])));
  });
  return Step::Next;
}

} // namespace ra::runtime::sim

#endif // RA_RUNTIME_LIB_SIM_MACHINE_H
