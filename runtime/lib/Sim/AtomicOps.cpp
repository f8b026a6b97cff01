//===- AtomicOps.cpp - atom and red --------------------------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Access.h"
#include "Decode.h"
#include "FloatFormat.h"

#include <algorithm>

using namespace ra::runtime::sim;

namespace {

enum class AtomicOp : uint8_t {
  And,
  Or,
  Xor,
  Cas,
  Exch,
  Add,
  Inc,
  Dec,
  Min,
  Max
};

// Op::mods: bit 0 a wide address, bit 1 not `red` (there is a result), bits 4-7
// the Space.
enum AtomicMods : uint32_t {
  kWideAddress = 1,
  kResult = 2,
  kOrdered = 4,
  kSpaceShift = 4
};

/// What memory holds afterwards. `flushes`: subnormal f32 sums become 0, as
/// global memory does.
template <class T, AtomicOp what> T combine(T old, T b, T c, bool flushes) {
  if constexpr (what == AtomicOp::And)
    return old & b;
  else if constexpr (what == AtomicOp::Or)
    return old | b;
  else if constexpr (what == AtomicOp::Xor)
    return old ^ b;
  else if constexpr (what == AtomicOp::Cas)
    return old == b ? c : old;
  else if constexpr (what == AtomicOp::Exch)
    return b;
  else if constexpr (what == AtomicOp::Inc)
    return old >= b ? 0 : old + 1;
  else if constexpr (what == AtomicOp::Dec)
    return old == 0 || old > b ? b : old - 1;
  else if constexpr (what == AtomicOp::Min)
    return std::min(old, b);
  else if constexpr (what == AtomicOp::Max)
    return std::max(old, b);
  else if constexpr (std::is_same_v<T, float>)
    return flushes ? flush(canonical(flush(old) + flush(b)))
                   : canonical(old + b);
  else if constexpr (std::is_same_v<T, double>)
    return old + b;
  else
    return static_cast<T>(old + b);
}

template <class T, class Combine>
Step forAtomics(Warp &w, const Op &op, const Combine &combineOne) {
  uint64_t addresses[32];
  uint8_t *pointers[32];
  loadAddresses(w, op.a, op.mods & kWideAddress, op.imm, addresses);
  const auto space = static_cast<Space>(op.mods >> kSpaceShift & 15);
  const Access access = {space, Access::Kind::Atomic,     sizeof(T), true,
                         0,     (op.mods & kOrdered) != 0};
  if (!resolve(w, op, w.mask, access, addresses, pointers))
    return Step::Stop;
  auto *d = w.slot<Lane<T>>(op.d);
  const auto *b = w.slot<Lane<T>>(op.b);
  const auto *c = w.slot<Lane<T>>(op.c);
  // Blocks that run at the same time share all but their shared memory.
  std::unique_lock<std::mutex> lock(w.block->launch->atomics, std::defer_lock);
  if (space != Space::Shared)
    lock.lock();
  for (unsigned i = 0; i < 32; ++i) {
    if (!(w.mask >> i & 1))
      continue;
    T old;
    std::memcpy(&old, pointers[i], sizeof(T));
    const bool global =
        space == Space::Global ||
        (space == Space::Generic && addresses[i] < kSharedWindow);
    const T next =
        combineOne(old, fromLane<T>(b[i]), fromLane<T>(c[i]), global);
    std::memcpy(pointers[i], &next, sizeof(T));
    if (op.mods & kResult)
      d[i] = toLane<T>(old);
  }
  return Step::Next;
}

template <class T, AtomicOp what> Step execAtomic(Warp &w, const Op &op) {
  return forAtomics<T>(w, op, combine<T, what>);
}

template <bool brain> uint16_t addHalves(uint16_t a, uint16_t b) {
  return halfFromDouble<brain>(
      addToOdd(halfToDouble<brain>(a), halfToDouble<brain>(b)));
}
template <bool brain> Step execAddHalf(Warp &w, const Op &op) {
  return forAtomics<uint16_t>(w, op,
                              [](uint16_t old, uint16_t b, uint16_t, bool) {
                                return addHalves<brain>(old, b);
                              });
}
template <bool brain> Step execAddPair(Warp &w, const Op &op) {
  return forAtomics<uint32_t>(
      w, op, [](uint32_t old, uint32_t b, uint32_t, bool) {
        return uint32_t(addHalves<brain>(uint16_t(old), uint16_t(b))) |
               uint32_t(
                   addHalves<brain>(uint16_t(old >> 16), uint16_t(b >> 16)))
                   << 16;
      });
}

using Exec = Step (*)(Warp &, const Op &);

template <AtomicOp what> Exec bitsFor(const Type &type) {
  if (type.kind != Type::Kind::Bits || type.packed)
    return nullptr;
  if constexpr (what == AtomicOp::Cas)
    if (type.bits == 16)
      return execAtomic<uint16_t, what>;
  return type.bits == 32   ? execAtomic<uint32_t, what>
         : type.bits == 64 ? execAtomic<uint64_t, what>
                           : nullptr;
}
template <AtomicOp what> Exec orderFor(const Type &type) {
  if (type.packed || (type.bits != 32 && type.bits != 64))
    return nullptr;
  if (type.kind == Type::Kind::Signed)
    return type.bits == 32 ? execAtomic<int32_t, what>
                           : execAtomic<int64_t, what>;
  if (type.kind == Type::Kind::Unsigned)
    return type.bits == 32 ? execAtomic<uint32_t, what>
                           : execAtomic<uint64_t, what>;
  return nullptr;
}
Exec addFor(const Type &type) {
  if (type.kind != Type::Kind::Float) {
    if (type.kind == Type::Kind::Bits || type.packed)
      return nullptr;
    return type.bits == 32   ? execAtomic<uint32_t, AtomicOp::Add>
           : type.bits == 64 ? execAtomic<uint64_t, AtomicOp::Add>
                             : nullptr;
  }
  if (type.bits == 32)
    return execAtomic<float, AtomicOp::Add>;
  if (type.bits == 64)
    return execAtomic<double, AtomicOp::Add>;
  if (type.packed)
    return type.brain ? execAddPair<true> : execAddPair<false>;
  return type.brain ? execAddHalf<true> : execAddHalf<false>;
}

Exec executor(AtomicOp what, const Type &type) {
  const bool isU32 = type.kind == Type::Kind::Unsigned && type.bits == 32;
  switch (what) {
  case AtomicOp::And:
    return bitsFor<AtomicOp::And>(type);
  case AtomicOp::Or:
    return bitsFor<AtomicOp::Or>(type);
  case AtomicOp::Xor:
    return bitsFor<AtomicOp::Xor>(type);
  case AtomicOp::Cas:
    return bitsFor<AtomicOp::Cas>(type);
  case AtomicOp::Exch:
    return bitsFor<AtomicOp::Exch>(type);
  case AtomicOp::Add:
    return addFor(type);
  case AtomicOp::Inc:
    return isU32 ? execAtomic<uint32_t, AtomicOp::Inc> : nullptr;
  case AtomicOp::Dec:
    return isU32 ? execAtomic<uint32_t, AtomicOp::Dec> : nullptr;
  case AtomicOp::Min:
    return orderFor<AtomicOp::Min>(type);
  case AtomicOp::Max:
    return orderFor<AtomicOp::Max>(type);
  }
  return nullptr;
}

bool decodeAtomic(Decoder &d, Op &op) {
  op.opClass = OpClass::Atomic;
  const bool isRed = d.opcode() == "red";
  const int order = d.takeOneOf({"relaxed", "acquire", "release", "acq_rel"});
  if (order >= 0) {
    if (d.takeOneOf({"cta", "cluster", "gpu", "sys"}) < 0)
      return d.badModifier();
  } else {
    d.takeOneOf({"cta", "cluster", "gpu", "sys"});
  }
  Space space = takeSpace(d);
  if (space != Space::Global && space != Space::Shared &&
      space != Space::Generic)
    return d.badModifier();
  const int name = d.takeOneOf(
      {"and", "or", "xor", "cas", "exch", "add", "inc", "dec", "min", "max"});
  if (name < 0)
    return d.badModifier();
  const auto what = static_cast<AtomicOp>(name);
  const bool noFlush = d.take("noftz");
  const bool hint = takeCacheHints(d);
  const Type type = d.takeType();
  if (!d.endOfModifiers())
    return false;
  const bool isHalf = type.kind == Type::Kind::Float && type.bits == 16;
  op.exec = executor(what, type);
  if (!op.exec || noFlush != isHalf ||
      (isRed && (what == AtomicOp::Cas || what == AtomicOp::Exch)))
    return d.fail("this type of atomic is not supported");
  const size_t sources = what == AtomicOp::Cas ? 2 : 1;
  const size_t first = isRed ? 0 : 1;
  const size_t operands = first + 1 + sources + (hint ? 1 : 0);
  if (!d.operandCount(operands, operands))
    return false;
  if (!d.address(d.operand(first), space, op))
    return false;
  op.mods = (op.extra == 64 ? kWideAddress : 0U) | (isRed ? 0U : kResult) |
            (order > 0 ? kOrdered : 0U) |
            static_cast<uint32_t>(space) << kSpaceShift;
  op.b = d.src(first + 1, type);
  op.c = sources > 1 ? d.src(first + 2, type) : op.b;
  op.d = isRed ? op.b : d.dst(0, type);
  return d.ok();
}

} // namespace

void ra::runtime::sim::addAtomicOps(OpcodeTable &table) {
  table["atom"] = decodeAtomic;
  table["red"] = decodeAtomic;
}
