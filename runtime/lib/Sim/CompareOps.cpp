//===- CompareOps.cpp - Comparisons and selections -----------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Decode.h"
#include "FloatFormat.h"

#include <cmath>

using namespace ra::runtime::sim;

namespace {

enum Compare : uint32_t {
  kEq,
  kNe,
  kLt,
  kLe,
  kGt,
  kGe,
  kEqu,
  kNeu,
  kLtu,
  kLeu,
  kGtu,
  kGeu,
  kNum,
  kNan
};

// Op::mods: bits 0-3 the comparison, then these.
enum CompareMods : uint32_t {
  kCompareMask = 15,
  kFtz = 16,
  kAnd = 32,
  kOr = 64,
  kXor = 128,
  kNegated = 256
};

template <class T>
uint32_t compareLanes(const T *a, const T *b, uint32_t what) {
  const auto unordered = [&](unsigned i) {
    return a[i] != a[i] || b[i] != b[i];
  };
  switch (what) {
  case kEq:
    return laneBits([&](unsigned i) { return a[i] == b[i]; });
  case kNe: // Ordered: false for NaN.
    return laneBits([&](unsigned i) { return a[i] < b[i] || a[i] > b[i]; });
  case kLt:
    return laneBits([&](unsigned i) { return a[i] < b[i]; });
  case kLe:
    return laneBits([&](unsigned i) { return a[i] <= b[i]; });
  case kGt:
    return laneBits([&](unsigned i) { return a[i] > b[i]; });
  case kGe:
    return laneBits([&](unsigned i) { return a[i] >= b[i]; });
  case kEqu:
    return laneBits([&](unsigned i) { return a[i] == b[i] || unordered(i); });
  case kNeu:
    return laneBits([&](unsigned i) { return a[i] != b[i]; });
  case kLtu:
    return laneBits([&](unsigned i) { return !(a[i] >= b[i]); });
  case kLeu:
    return laneBits([&](unsigned i) { return !(a[i] > b[i]); });
  case kGtu:
    return laneBits([&](unsigned i) { return !(a[i] <= b[i]); });
  case kGeu:
    return laneBits([&](unsigned i) { return !(a[i] < b[i]); });
  case kNum:
    return laneBits([&](unsigned i) { return !unordered(i); });
  default:
    return laneBits([&](unsigned i) { return unordered(i); });
  }
}

using CompareFunction = uint32_t (*)(const Warp &, const Op &);

template <class T> uint32_t compareIntegers(const Warp &w, const Op &op) {
  if constexpr (sizeof(T) < 4) {
    T a[32], b[32];
    for (unsigned i = 0; i < 32; ++i) {
      a[i] = static_cast<T>(w.slot<uint32_t>(op.a)[i]);
      b[i] = static_cast<T>(w.slot<uint32_t>(op.b)[i]);
    }
    return compareLanes(a, b, op.mods & kCompareMask);
  } else {
    return compareLanes(w.slot<T>(op.a), w.slot<T>(op.b),
                        op.mods & kCompareMask);
  }
}
template <class T> uint32_t compareFloats(const Warp &w, const Op &op) {
  if (!(op.mods & kFtz))
    return compareLanes(w.slot<T>(op.a), w.slot<T>(op.b),
                        op.mods & kCompareMask);
  if constexpr (sizeof(T) == 4) {
    float a[32], b[32];
    for (unsigned i = 0; i < 32; ++i) {
      a[i] = flush(w.slot<float>(op.a)[i]);
      b[i] = flush(w.slot<float>(op.b)[i]);
    }
    return compareLanes(a, b, op.mods & kCompareMask);
  }
  return 0;
}
template <bool brain, unsigned shift>
uint32_t compareHalves(const Warp &w, const Op &op) {
  float a[32], b[32];
  const auto load = [&](uint32_t word) {
    auto bits = static_cast<uint16_t>(word >> shift);
    if ((op.mods & kFtz) && (bits & 0x7C00) == 0)
      bits &= 0x8000;
    return static_cast<float>(halfToDouble<brain>(bits));
  };
  for (unsigned i = 0; i < 32; ++i) {
    a[i] = load(w.slot<uint32_t>(op.a)[i]);
    b[i] = load(w.slot<uint32_t>(op.b)[i]);
  }
  return compareLanes(a, b, op.mods & kCompareMask);
}

uint32_t combine(const Warp &w, const Op &op, uint32_t bits) {
  if (!(op.mods & (kAnd | kOr | kXor)))
    return bits;
  uint32_t c = w.predicate(op.c);
  c = op.mods & kNegated ? ~c : c;
  return op.mods & kAnd ? bits & c : op.mods & kOr ? bits | c : bits ^ c;
}

// setp. op.extra: the second destination, or kNoRegister.
template <CompareFunction compare> Step execSetp(Warp &w, const Op &op) {
  const uint32_t bits = compare(w, op);
  const uint32_t first = combine(w, op, bits);
  if (op.extra != kNoRegister) {
    const uint32_t second = combine(w, op, ~bits);
    w.setPredicate(op.extra, second);
  }
  w.setPredicate(op.d, first);
  return Step::Next;
}
/// f16x2: the low halves decide the first destination, the high the second.
template <bool brain> Step execSetpPair(Warp &w, const Op &op) {
  const uint32_t first = combine(w, op, compareHalves<brain, 0>(w, op));
  if (op.extra != kNoRegister)
    w.setPredicate(op.extra, combine(w, op, compareHalves<brain, 16>(w, op)));
  w.setPredicate(op.d, first);
  return Step::Next;
}

/// set. op.imm: what true gives.
template <CompareFunction compare> Step execSet(Warp &w, const Op &op) {
  const uint32_t bits = combine(w, op, compare(w, op));
  const auto yes = static_cast<uint32_t>(op.imm);
  forLanes(w.mask, w.slot<uint32_t>(op.d),
           [&](unsigned i) { return bits >> i & 1 ? yes : 0; });
  return Step::Next;
}
template <bool brain> Step execSetPair(Warp &w, const Op &op) {
  const uint32_t low = combine(w, op, compareHalves<brain, 0>(w, op));
  const uint32_t high = combine(w, op, compareHalves<brain, 16>(w, op));
  const auto yes = static_cast<uint32_t>(op.imm);
  forLanes(w.mask, w.slot<uint32_t>(op.d), [&](unsigned i) {
    return (low >> i & 1 ? yes : 0) | (high >> i & 1 ? yes << 16 : 0);
  });
  return Step::Next;
}

using Exec = Step (*)(Warp &, const Op &);
struct Pair {
  Exec setp, set;
};
template <CompareFunction compare> Pair pairOf() {
  return {execSetp<compare>, execSet<compare>};
}

Pair executors(const Type &type) {
  switch (type.kind) {
  case Type::Kind::Float:
    if (type.bits == 64)
      return pairOf<compareFloats<double>>();
    if (type.bits == 32)
      return pairOf<compareFloats<float>>();
    if (type.packed)
      return type.brain ? Pair{execSetpPair<true>, execSetPair<true>}
                        : Pair{execSetpPair<false>, execSetPair<false>};
    return type.brain ? pairOf<compareHalves<true, 0>>()
                      : pairOf<compareHalves<false, 0>>();
  case Type::Kind::Signed:
    return type.bits == 64   ? pairOf<compareIntegers<int64_t>>()
           : type.bits == 32 ? pairOf<compareIntegers<int32_t>>()
                             : pairOf<compareIntegers<int16_t>>();
  default:
    return type.bits == 64   ? pairOf<compareIntegers<uint64_t>>()
           : type.bits == 32 ? pairOf<compareIntegers<uint32_t>>()
                             : pairOf<compareIntegers<uint16_t>>();
  }
}

bool takeComparison(Decoder &d, Op &op, bool &isUnsignedName) {
  static constexpr std::string_view kNames[] = {
      "eq",  "ne",  "lt",  "le",  "gt",  "ge",  "equ",
      "neu", "ltu", "leu", "gtu", "geu", "num", "nan"};
  for (uint32_t i = 0; i < 14; ++i)
    if (d.take(kNames[i])) {
      op.mods |= i;
      return true;
    }
  const int name = d.takeOneOf({"lo", "ls", "hi", "hs"});
  if (name < 0)
    return d.badModifier();
  isUnsignedName = true;
  op.mods |= kLt + static_cast<uint32_t>(name);
  return true;
}

bool decodeSetp(Decoder &d, Op &op) {
  const bool isSetp = d.opcode() == "setp";
  op.opClass = OpClass::Compare;
  bool isUnsignedName = false;
  if (!takeComparison(d, op, isUnsignedName))
    return false;
  const int boolean = d.takeOneOf({"and", "or", "xor"});
  if (boolean >= 0)
    op.mods |= kAnd << boolean;
  if (d.take("ftz"))
    op.mods |= kFtz;
  Type result = bitsType(32);
  if (!isSetp)
    result = d.takeType();
  const Type type = d.takeType();
  if (!d.endOfModifiers())
    return false;
  const bool isFloat = type.kind == Type::Kind::Float;
  const uint32_t what = op.mods & kCompareMask;
  if (type.bits < 16 || type.bits > 64 || (type.packed && !isFloat))
    return d.fail("a type of 16, 32 or 64 bits is expected");
  if (isUnsignedName && type.kind != Type::Kind::Unsigned)
    return d.fail("lo, ls, hi and hs compare unsigned integers");
  if (!isFloat && what > kGe)
    return d.fail("this comparison is for floating-point types");
  if (type.kind == Type::Kind::Bits && what > kNe)
    return d.fail("b16, b32 and b64 compare for eq and ne only");
  if ((op.mods & kFtz) && (!isFloat || type.bits == 64 || type.brain))
    return d.fail(".ftz is for f32 and f16");
  const size_t operands = boolean < 0 ? 3 : 4;
  if (!d.operandCount(operands, operands))
    return false;
  const Pair pair = executors(type);
  op.exec = isSetp ? pair.setp : pair.set;
  op.a = d.src(1, type);
  op.b = d.src(2, type);
  if (boolean >= 0) {
    bool negated = false;
    op.c = d.predicateSrc(d.operand(3), negated);
    op.mods |= negated ? kNegated : 0;
  }
  op.extra = kNoRegister;
  if (isSetp) {
    op.d = d.predicateDst(d.operand(0));
    if (!d.operand(0).second.empty())
      op.extra = d.predicateDst(d.operand(0).second[0]);
    return d.ok();
  }
  if (result.packed != type.packed || result.bits > 32 ||
      result.kind == Type::Kind::Predicate || result.bits < 16 ||
      (result.bits == 16 && type.bits != 16))
    return d.fail("this result type of set is not supported");
  if (result.kind != Type::Kind::Float)
    op.imm = result.bits == 32 ? UINT32_MAX : 0xFFFF;
  else
    op.imm = result.bits == 32 ? 0x3F800000 : result.brain ? 0x3F80 : 0x3C00;
  op.d = d.dst(0, result);
  return d.ok();
}

/// selp; op.mods: 1 if the predicate is negated.
template <class L> Step execSelp(Warp &w, const Op &op) {
  uint32_t p = w.predicate(op.c);
  p = op.mods & 1 ? ~p : p;
  const L *a = w.slot<L>(op.a), *b = w.slot<L>(op.b);
  forLanes(w.mask, w.slot<L>(op.d),
           [&](unsigned i) { return p >> i & 1 ? a[i] : b[i]; });
  return Step::Next;
}

bool decodeSelp(Decoder &d, Op &op) {
  op.opClass = OpClass::Compare;
  const Type type = d.takeType();
  if (!d.endOfModifiers() || !d.operandCount(4, 4))
    return false;
  if (type.bits < 16 || type.bits > 64)
    return d.fail("a type of 16, 32 or 64 bits is expected");
  op.exec = type.bits == 64 ? execSelp<uint64_t> : execSelp<uint32_t>;
  op.d = d.dst(0, type);
  op.a = d.src(1, type);
  op.b = d.src(2, type);
  bool negated = false;
  op.c = d.predicateSrc(d.operand(3), negated);
  op.mods = negated ? 1 : 0;
  return d.ok();
}

/// slct: a where c >= 0. op.mods: 1 for f32, 2 for .ftz.
template <class L> Step execSlct(Warp &w, const Op &op) {
  const L *a = w.slot<L>(op.a), *b = w.slot<L>(op.b);
  const uint32_t *c = w.slot<uint32_t>(op.c);
  const bool isFloat = op.mods & 1, ftz = op.mods & 2;
  forLanes(w.mask, w.slot<L>(op.d), [&](unsigned i) {
    const float value = ftz ? flush(floatFromBits(c[i])) : floatFromBits(c[i]);
    const bool first = isFloat ? value >= 0 : static_cast<int32_t>(c[i]) >= 0;
    return first ? a[i] : b[i];
  });
  return Step::Next;
}

bool decodeSlct(Decoder &d, Op &op) {
  op.opClass = OpClass::Compare;
  const bool ftz = d.take("ftz");
  const Type type = d.takeType();
  const int selector = d.takeOneOf({"s32", "f32"});
  if (selector < 0)
    return d.badModifier();
  if (!d.endOfModifiers() || !d.operandCount(4, 4))
    return false;
  if (type.bits < 16 || type.bits > 64 || (ftz && selector == 0))
    return d.fail("this form of slct does not exist");
  op.mods = static_cast<uint32_t>(selector) | (ftz ? 2U : 0U);
  op.exec = type.bits == 64 ? execSlct<uint64_t> : execSlct<uint32_t>;
  op.d = d.dst(0, type);
  op.a = d.src(1, type);
  op.b = d.src(2, type);
  op.c = d.src(3, Type{selector == 0 ? Type::Kind::Signed : Type::Kind::Float,
                       32, false, false});
  return d.ok();
}

} // namespace

void ra::runtime::sim::addCompareOps(OpcodeTable &table) {
  table["setp"] = decodeSetp;
  table["set"] = decodeSetp;
  table["selp"] = decodeSelp;
  table["slct"] = decodeSlct;
}
