//===- MoveOps.cpp - mov, addresses and windows --------------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Decode.h"

using namespace ra::runtime::sim;

namespace {

template <class L> Step execMov(Warp &w, const Op &op) {
  const L *a = w.slot<L>(op.a);
  forLanes(w.mask, w.slot<L>(op.d), [&](unsigned i) { return a[i]; });
  return Step::Next;
}
Step execMovPredicate(Warp &w, const Op &op) {
  const uint32_t bits = w.predicate(op.a);
  w.setPredicate(op.d, op.mods & 1 ? ~bits : bits);
  return Step::Next;
}
/// %clock, %clock64, %globaltimer: warp instructions of the block so far.
template <class L> Step execClock(Warp &w, const Op &op) {
  const L now = static_cast<L>(w.block->clock);
  forLanes(w.mask, w.slot<L>(op.d), [&](unsigned) { return now; });
  return Step::Next;
}

/// d = {list[0], list[1]...}; op.extra: bits of an element.
template <class L> Step execPackVector(Warp &w, const Op &op) {
  L result[32] = {};
  const uint64_t ones =
      op.extra == 32 ? UINT32_MAX : (uint64_t(1) << op.extra) - 1;
  for (unsigned k = 0; k < op.count; ++k) {
    const uint32_t *part = w.slot<uint32_t>(op.list[k]);
    RA_SIM_LANES result[i] |=
        static_cast<L>((part[i] & ones) << (k * op.extra));
  }
  forLanes(w.mask, w.slot<L>(op.d), [&](unsigned i) { return result[i]; });
  return Step::Next;
}
template <class L> Step execUnpackVector(Warp &w, const Op &op) {
  L source[32];
  std::memcpy(source, w.slot<L>(op.a), sizeof(source));
  const uint64_t ones =
      op.extra == 32 ? UINT32_MAX : (uint64_t(1) << op.extra) - 1;
  for (unsigned k = 0; k < op.count; ++k)
    forLanes(w.mask, w.slot<uint32_t>(op.list[k]), [&](unsigned i) {
      return static_cast<uint32_t>(source[i] >> (k * op.extra) & ones);
    });
  return Step::Next;
}

bool decodeVectorMove(Decoder &d, Op &op, const Type &type, bool packs) {
  const auto &parts = d.elements(d.operand(packs ? 1 : 0));
  if (!d.ok())
    return false;
  const size_t count = parts.size();
  if (type.kind != Type::Kind::Bits || type.bits < 16 || type.bits > 64 ||
      (count != 2 && count != 4) || type.bits / count < 8 ||
      type.bits / count > 32)
    return d.fail("this vector move is not supported");
  op.extra = static_cast<uint32_t>(type.bits / count);
  op.count = static_cast<uint8_t>(count);
  const Type part = bitsType(op.extra);
  std::vector<uint32_t> slots;
  slots.reserve(count);
  for (const Operand &element : parts)
    slots.push_back(packs ? d.src(element, part) : d.dst(element, part));
  op.list = d.list(slots);
  const bool wide = type.bits == 64;
  if (packs) {
    op.d = d.dst(0, type);
    op.exec = wide ? execPackVector<uint64_t> : execPackVector<uint32_t>;
  } else {
    op.a = d.src(1, type);
    op.exec = wide ? execUnpackVector<uint64_t> : execUnpackVector<uint32_t>;
  }
  return d.ok();
}

bool decodeMov(Decoder &d, Op &op) {
  op.opClass = OpClass::Move;
  const Type type = d.takeType();
  if (!d.endOfModifiers() || !d.operandCount(2, 2))
    return false;
  if (type.kind == Type::Kind::Predicate) {
    bool negated = false;
    op.exec = execMovPredicate;
    op.d = d.predicateDst(d.operand(0));
    op.a = d.predicateSrc(d.operand(1), negated);
    op.mods = negated;
    return d.ok();
  }
  if (type.bits > 64 || type.packed)
    return d.fail("a type of up to 64 bits is expected");
  if (d.operand(0).kind == Operand::Kind::Vector)
    return decodeVectorMove(d, op, type, false);
  if (d.operand(1).kind == Operand::Kind::Vector)
    return decodeVectorMove(d, op, type, true);
  op.d = d.dst(0, type);
  const bool wide = type.bits == 64;
  if (d.operand(1).kind == Operand::Kind::Special) {
    const std::string_view name = d.operand(1).name;
    if (name == (wide ? "%clock64" : "%clock") ||
        name == (wide ? "%globaltimer" : "%globaltimer_lo")) {
      op.exec = wide ? execClock<uint64_t> : execClock<uint32_t>;
      return d.ok();
    }
  }
  op.a = d.src(1, type);
  op.exec = wide ? execMov<uint64_t> : execMov<uint32_t>;
  return d.ok();
}

//===----------------------------------------------------------------------===//
// Generic addresses
//===----------------------------------------------------------------------===//

/// op.imm is added: a window's start, or its negative.
Step execShift(Warp &w, const Op &op) {
  const uint64_t *a = w.slot<uint64_t>(op.a);
  const auto offset = static_cast<uint64_t>(op.imm);
  forLanes(w.mask, w.slot<uint64_t>(op.d),
           [&](unsigned i) { return a[i] + offset; });
  return Step::Next;
}

struct SpaceName {
  std::string_view name;
  Space space;
  uint64_t window;
};
constexpr SpaceName kSpaces[] = {{"global", Space::Global, 0},
                                 {"const", Space::Const, 0},
                                 {"shared", Space::Shared, kSharedWindow},
                                 {"shared::cta", Space::Shared, kSharedWindow},
                                 {"local", Space::Local, kLocalWindow},
                                 {"param", Space::Param, kParamWindow},
                                 {"param::entry", Space::Param, kParamWindow}};

const SpaceName *takeSpace(Decoder &d) {
  for (const SpaceName &space : kSpaces)
    if (d.take(space.name))
      return &space;
  return nullptr;
}

bool decodeCvta(Decoder &d, Op &op) {
  op.opClass = OpClass::Move;
  const bool to = d.take("to");
  const SpaceName *space = takeSpace(d);
  if (!space || !d.take("u64"))
    return d.badModifier();
  if (!d.endOfModifiers() || !d.operandCount(2, 2))
    return false;
  op.exec = execShift;
  op.imm = static_cast<int64_t>(to ? 0 - space->window : space->window);
  // Parameters of device functions lie in the frame.
  if (space->space == Space::Param && !d.code.ast->isEntry)
    op.imm = static_cast<int64_t>(to ? 0 - kLocalWindow : kLocalWindow);
  op.d = d.dst(0, bitsType(64));
  op.a = d.src(1, bitsType(64));
  return d.ok();
}

/// op.mods: a Space.
Step execIsSpace(Warp &w, const Op &op) {
  const uint64_t *a = w.slot<uint64_t>(op.a);
  const GlobalMemory &memory = *w.block->launch->memory;
  const auto inWindow = [](uint64_t address, uint64_t window) {
    return address - window < kWindowSize;
  };
  const auto space = static_cast<Space>(op.mods);
  w.setPredicate(op.d, laneBits([&](unsigned i) {
                   switch (space) {
                   case Space::Shared:
                     return inWindow(a[i], kSharedWindow);
                   case Space::Local:
                     return inWindow(a[i], kLocalWindow);
                   case Space::Param:
                     return inWindow(a[i], kParamWindow);
                   default: {
                     const GlobalMemory::Allocation *found = memory.find(a[i]);
                     const bool constant = found && found->constant;
                     return space == Space::Const
                                ? constant
                                : !constant && a[i] < kSharedWindow;
                   }
                   }
                 }));
  return Step::Next;
}

bool decodeIsSpace(Decoder &d, Op &op) {
  op.opClass = OpClass::Compare;
  const SpaceName *space = takeSpace(d);
  if (!space)
    return d.badModifier();
  if (!d.endOfModifiers() || !d.operandCount(2, 2))
    return false;
  op.exec = execIsSpace;
  op.mods = static_cast<uint32_t>(space->space);
  op.d = d.predicateDst(d.operand(0));
  op.a = d.src(1, bitsType(64));
  return d.ok();
}

} // namespace

void ra::runtime::sim::addMoveOps(OpcodeTable &table) {
  table["mov"] = decodeMov;
  table["cvta"] = decodeCvta;
  table["isspacep"] = decodeIsSpace;
}
