//===- WarpOps.cpp - Shuffles, votes, matches, reductions ----------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Decode.h"

#include <algorithm>

using namespace ra::runtime::sim;

namespace {

/// What is read from a lane that takes no part.
constexpr uint32_t kUndefined = 0xFFBAFFADU;

/// The member mask in op.c must be the same in all lanes, name every lane that
/// executes, and no lane that is elsewhere in the program.
bool membersFit(Warp &w, const Op &op, uint32_t slot) {
  const uint32_t *masks = w.slot<uint32_t>(slot);
  const uint32_t members = masks[__builtin_ctz(w.mask)];
  uint32_t differ = 0;
  for (unsigned i = 0; i < 32; ++i)
    differ |= masks[i] != members ? uint32_t(1) << i : 0U;
  if ((differ & w.mask) != 0) {
    // Groups of lanes with a mask each are executed together: fine, as long as
    // each lane is in its own group.
    for (unsigned i = 0; i < 32; ++i)
      if ((w.mask >> i & 1) &&
          (!(masks[i] >> i & 1) || (masks[i] & w.live & ~w.mask) != 0)) {
        w.block->report(w, op, CheckKind::Invalid, uint32_t(1) << i,
                        "the member mask does not fit the lanes that execute");
        return false;
      }
    return true;
  }
  const uint32_t outside = w.mask & ~members;
  const uint32_t elsewhere = members & w.live & ~w.mask;
  if (outside == 0 && elsewhere == 0)
    return true;
  w.block->report(w, op, CheckKind::Invalid, outside ? outside : elsewhere,
                  outside ? "the lanes shown execute this and are not in the "
                            "member mask"
                          : "the lanes shown are in the member mask and do not "
                            "execute this: the warp has diverged");
  return false;
}

enum ShuffleMode : uint32_t { kUp, kDown, kBfly, kIdx };

/// op.a value, op.b lane operand, op.c clamp and segment mask, op.list[0]
/// member mask, op.extra the predicate or kNoRegister. PTX ISA, shfl.sync.
Step execShuffle(Warp &w, const Op &op) {
  if (!membersFit(w, op, op.list[0]))
    return Step::Stop;
  uint32_t a[32];
  std::memcpy(a, w.slot<uint32_t>(op.a), sizeof(a));
  const uint32_t *b = w.slot<uint32_t>(op.b), *c = w.slot<uint32_t>(op.c);
  uint32_t result[32], inRange = 0;
  for (unsigned i = 0; i < 32; ++i) {
    const auto lane = static_cast<int>(i);
    const auto offset = static_cast<int>(b[i] & 31);
    const auto clamp = static_cast<int>(c[i] & 31);
    const auto segment = static_cast<int>(c[i] >> 8 & 31);
    const int most = (lane & segment) | (clamp & ~segment);
    int from = lane;
    bool in = true;
    switch (op.mods) {
    case kUp:
      from = lane - offset;
      in = from >= most;
      break;
    case kDown:
      from = lane + offset;
      in = from <= most;
      break;
    case kBfly:
      from = lane ^ offset;
      in = from <= most;
      break;
    default:
      from = (lane & segment) | (offset & ~segment);
      in = from <= most;
    }
    if (!in)
      from = lane;
    result[i] = w.mask >> from & 1 ? a[from] : kUndefined;
    inRange |= in ? uint32_t(1) << i : 0U;
  }
  forLanes(w.mask, w.slot<uint32_t>(op.d),
           [&](unsigned i) { return result[i]; });
  if (op.extra != kNoRegister)
    w.setPredicate(op.extra, inRange);
  return Step::Next;
}

bool decodeShuffle(Decoder &d, Op &op) {
  op.opClass = OpClass::Warp;
  op.exec = execShuffle;
  if (!d.take("sync"))
    return d.badModifier();
  const int mode = d.takeOneOf({"up", "down", "bfly", "idx"});
  if (mode < 0 || !d.take("b32"))
    return d.badModifier();
  op.mods = static_cast<uint32_t>(mode);
  if (!d.endOfModifiers() || !d.operandCount(5, 5))
    return false;
  op.d = d.dst(0, bitsType(32));
  op.extra = d.operand(0).second.empty()
                 ? kNoRegister
                 : d.predicateDst(d.operand(0).second[0]);
  op.a = d.src(1, bitsType(32));
  op.b = d.src(2, bitsType(32));
  op.c = d.src(3, bitsType(32));
  op.list = d.list({d.src(4, bitsType(32))});
  return d.ok();
}

// vote; op.a: the predicate; op.mods: bit 0 negated, bits 4... what.
enum VoteKind : uint32_t { kAll, kAny, kUni, kBallot };

Step execVote(Warp &w, const Op &op) {
  if (!membersFit(w, op, op.c))
    return Step::Stop;
  uint32_t votes = w.predicate(op.a);
  votes = (op.mods & 1 ? ~votes : votes) & w.mask;
  const uint32_t *masks = w.slot<uint32_t>(op.c);
  const uint32_t kind = op.mods >> 4;
  uint32_t result = 0;
  for (unsigned i = 0; i < 32; ++i) {
    if (!(w.mask >> i & 1))
      continue;
    const uint32_t members = masks[i] & w.mask, mine = votes & members;
    if (kind == kBallot)
      w.slot<uint32_t>(op.d)[i] = mine;
    const bool yes = kind == kAll   ? mine == members
                     : kind == kAny ? mine != 0
                                    : mine == members || mine == 0;
    result |= yes ? uint32_t(1) << i : 0U;
  }
  if (kind != kBallot)
    w.setPredicate(op.d, result);
  return Step::Next;
}

bool decodeVote(Decoder &d, Op &op) {
  op.opClass = OpClass::Warp;
  op.exec = execVote;
  if (!d.take("sync"))
    return d.badModifier();
  const int kind = d.takeOneOf({"all", "any", "uni", "ballot"});
  if (kind < 0 || !d.take(kind == 3 ? "b32" : "pred"))
    return d.badModifier();
  if (!d.endOfModifiers() || !d.operandCount(3, 3))
    return false;
  bool negated = false;
  op.d = kind == 3 ? d.dst(0, bitsType(32)) : d.predicateDst(d.operand(0));
  op.a = d.predicateSrc(d.operand(1), negated);
  op.c = d.src(2, bitsType(32));
  op.mods = static_cast<uint32_t>(kind) << 4 | (negated ? 1U : 0U);
  return d.ok();
}

/// match.any, match.all; op.extra: the predicate of match.all, or kNoRegister.
template <class L, bool all> Step execMatch(Warp &w, const Op &op) {
  if (!membersFit(w, op, op.c))
    return Step::Stop;
  L a[32];
  std::memcpy(a, w.slot<L>(op.a), sizeof(a));
  const uint32_t *masks = w.slot<uint32_t>(op.c);
  uint32_t agreed = 0, result[32] = {};
  for (unsigned i = 0; i < 32; ++i) {
    if (!(w.mask >> i & 1))
      continue;
    const uint32_t members = masks[i] & w.mask;
    uint32_t same = 0;
    for (unsigned j = 0; j < 32; ++j)
      same |= (members >> j & 1) && a[j] == a[i] ? uint32_t(1) << j : 0U;
    const bool whole = same == members;
    result[i] = all ? (whole ? members : 0) : same;
    agreed |= whole ? uint32_t(1) << i : 0U;
  }
  forLanes(w.mask, w.slot<uint32_t>(op.d),
           [&](unsigned i) { return result[i]; });
  if (op.extra != kNoRegister)
    w.setPredicate(op.extra, agreed);
  return Step::Next;
}

bool decodeMatch(Decoder &d, Op &op) {
  op.opClass = OpClass::Warp;
  const int kind = d.takeOneOf({"any", "all"});
  if (kind < 0 || !d.take("sync"))
    return d.badModifier();
  const Type type = d.takeType();
  if (!d.endOfModifiers() || !d.operandCount(3, 3))
    return false;
  if (type.kind != Type::Kind::Bits || (type.bits != 32 && type.bits != 64))
    return d.fail("b32 or b64 is expected");
  const bool wide = type.bits == 64;
  if (kind == 0)
    op.exec = wide ? execMatch<uint64_t, false> : execMatch<uint32_t, false>;
  else
    op.exec = wide ? execMatch<uint64_t, true> : execMatch<uint32_t, true>;
  op.d = d.dst(0, bitsType(32));
  op.extra = kNoRegister;
  if (!d.operand(0).second.empty()) {
    if (kind == 0)
      return d.fail("match.any has one destination");
    op.extra = d.predicateDst(d.operand(0).second[0]);
  }
  op.a = d.src(1, type);
  op.c = d.src(2, bitsType(32));
  return d.ok();
}

enum Redux : uint32_t { kAdd, kMin, kMax, kAnd, kOr, kXor };

/// op.mods: the operation; bit 4: signed.
Step execRedux(Warp &w, const Op &op) {
  if (!membersFit(w, op, op.c))
    return Step::Stop;
  uint32_t a[32];
  std::memcpy(a, w.slot<uint32_t>(op.a), sizeof(a));
  const uint32_t *masks = w.slot<uint32_t>(op.c);
  const bool isSigned = op.mods & 16;
  uint32_t *d = w.slot<uint32_t>(op.d);
  for (unsigned i = 0; i < 32; ++i) {
    if (!(w.mask >> i & 1))
      continue;
    bool first = true;
    uint32_t value = 0;
    for (unsigned j = 0; j < 32; ++j) {
      if (!((masks[i] & w.mask) >> j & 1))
        continue;
      if (first) {
        value = a[j];
        first = false;
        continue;
      }
      const auto x = static_cast<int32_t>(value);
      const auto y = static_cast<int32_t>(a[j]);
      switch (op.mods & 15) {
      case kAdd:
        value += a[j];
        break;
      case kMin:
        value = isSigned ? static_cast<uint32_t>(std::min(x, y))
                         : std::min(value, a[j]);
        break;
      case kMax:
        value = isSigned ? static_cast<uint32_t>(std::max(x, y))
                         : std::max(value, a[j]);
        break;
      case kAnd:
        value &= a[j];
        break;
      case kOr:
        value |= a[j];
        break;
      default:
        value ^= a[j];
      }
    }
    d[i] = value;
  }
  return Step::Next;
}

bool decodeRedux(Decoder &d, Op &op) {
  op.opClass = OpClass::Warp;
  op.exec = execRedux;
  if (!d.take("sync"))
    return d.badModifier();
  const int what = d.takeOneOf({"add", "min", "max", "and", "or", "xor"});
  if (what < 0)
    return d.badModifier();
  const int type =
      what < 3 ? d.takeOneOf({"u32", "s32"}) : (d.take("b32") ? 0 : -1);
  if (type < 0)
    return d.badModifier();
  if (!d.endOfModifiers() || !d.operandCount(3, 3))
    return false;
  op.mods = static_cast<uint32_t>(what) | (type == 1 ? 16U : 0U);
  op.d = d.dst(0, bitsType(32));
  op.a = d.src(1, bitsType(32));
  op.c = d.src(2, bitsType(32));
  return d.ok();
}

Step execActiveMask(Warp &w, const Op &op) {
  const uint32_t mask = w.mask;
  forLanes(w.mask, w.slot<uint32_t>(op.d), [&](unsigned) { return mask; });
  return Step::Next;
}
bool decodeActiveMask(Decoder &d, Op &op) {
  op.opClass = OpClass::Warp;
  op.exec = execActiveMask;
  if (!d.take("b32"))
    return d.badModifier();
  if (!d.endOfModifiers() || !d.operandCount(1, 1))
    return false;
  op.d = d.dst(0, bitsType(32));
  return d.ok();
}

/// The lowest member is elected.
Step execElect(Warp &w, const Op &op) {
  if (!membersFit(w, op, op.c))
    return Step::Stop;
  const auto leader = static_cast<uint32_t>(__builtin_ctz(w.mask));
  forLanes(w.mask, w.slot<uint32_t>(op.d), [&](unsigned) { return leader; });
  w.setPredicate(op.extra, uint32_t(1) << leader);
  return Step::Next;
}
bool decodeElect(Decoder &d, Op &op) {
  op.opClass = OpClass::Warp;
  op.exec = execElect;
  if (!d.take("sync"))
    return d.badModifier();
  if (!d.endOfModifiers() || !d.operandCount(2, 2))
    return false;
  if (d.operand(0).second.size() != 1)
    return d.fail("destinations d|p are expected");
  op.d = d.dst(0, bitsType(32));
  op.extra = d.predicateDst(d.operand(0).second[0]);
  op.c = d.src(1, bitsType(32));
  return d.ok();
}

} // namespace

void ra::runtime::sim::addWarpOps(OpcodeTable &table) {
  table["shfl"] = decodeShuffle;
  table["vote"] = decodeVote;
  table["match"] = decodeMatch;
  table["redux"] = decodeRedux;
  table["activemask"] = decodeActiveMask;
  table["elect"] = decodeElect;
}
