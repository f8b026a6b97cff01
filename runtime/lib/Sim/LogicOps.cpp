//===- LogicOps.cpp - Bits: logic, shifts, fields, permutations ----------===//
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

struct And {
  template <class T> static T apply(T a, T b) { return T(a & b); }
};
struct Or {
  template <class T> static T apply(T a, T b) { return T(a | b); }
};
struct Xor {
  template <class T> static T apply(T a, T b) { return T(a ^ b); }
};
struct Not {
  template <class T> static T apply(T a) { return T(~a); }
};
struct Cnot {
  template <class T> static T apply(T a) { return a == 0 ? T(1) : T(0); }
};
// Shifts by the width or more give 0, or the sign.
struct Shl {
  template <class T> static T apply(T a, uint32_t b) {
    using W = std::conditional_t<sizeof(T) == 8, uint64_t, uint32_t>;
    return b >= 8 * sizeof(T) ? T(0) : T(W(a) << b);
  }
};
struct Shr {
  template <class T> static T apply(T a, uint32_t b) {
    constexpr uint32_t most = 8 * sizeof(T) - 1;
    if (b > most)
      return T(a >> most >> (std::is_signed_v<T> ? 0 : 1));
    return T(a >> b);
  }
};
struct Popc {
  template <class T> static uint32_t apply(T a) {
    return static_cast<uint32_t>(__builtin_popcountll(a));
  }
};
struct Clz {
  template <class T> static uint32_t apply(T a) {
    return a == 0 ? 8 * sizeof(T)
                  : static_cast<uint32_t>(__builtin_clzll(a)) -
                        (64 - 8 * static_cast<uint32_t>(sizeof(T)));
  }
};
struct Brev {
  template <class T> static T apply(T a) {
    T result = 0;
    for (unsigned i = 0; i < 8 * sizeof(T); ++i)
      result |= T((a >> i) & 1) << (8 * sizeof(T) - 1 - i);
    return result;
  }
};
/// The position of the highest bit that differs from the sign; -1 if none. With
/// `shift`, how far it is from the top.
template <bool shift> struct Bfind {
  template <class T> static uint32_t apply(T a) {
    using U = std::make_unsigned_t<T>;
    const U bits = a < 0 ? U(~a) : U(a);
    if (bits == 0)
      return UINT32_MAX;
    const auto place = 63U - static_cast<uint32_t>(__builtin_clzll(bits));
    return shift ? 8 * sizeof(T) - 1 - place : place;
  }
};
/// PTX ISA, bfe: bits beyond the top repeat the sign.
struct Bfe {
  template <class T> static T apply(T a, uint32_t b, uint32_t c) {
    using U = std::make_unsigned_t<T>;
    constexpr uint32_t most = 8 * sizeof(T) - 1;
    const uint32_t position = b & 0xFF, length = c & 0xFF;
    if (length == 0)
      return 0;
    const U sign = std::is_signed_v<T>
                       ? U(U(a) >> std::min(position + length - 1, most)) & 1
                       : U(0);
    U field = position > most ? U(0) : U(U(a) >> position);
    const U mask = length > most ? ~U(0) : U((U(1) << length) - 1);
    field &= mask;
    // What the field has from beyond the top is the sign too.
    const U valid =
        position > most
            ? U(0)
            : (position == 0 ? ~U(0) : U((U(1) << (most + 1 - position)) - 1));
    if (sign)
      field |= U(~mask) | U(mask & ~valid);
    return T(field);
  }
};
struct Bmsk {
  template <bool wrap> static uint32_t mask(uint32_t a, uint32_t b) {
    if (wrap) {
      a &= 31;
      b &= 31;
    }
    if (a >= 32 || b == 0)
      return 0;
    const uint32_t ones = b >= 32 ? UINT32_MAX : (uint32_t(1) << b) - 1;
    return ones << a;
  }
};
template <bool wrap> struct BmskMode {
  static uint32_t apply(uint32_t a, uint32_t b) {
    return Bmsk::mask<wrap>(a, b);
  }
};
/// Keeps the low b bits of a, zero- or sign-extended.
template <bool wrap> struct Szext {
  template <class T> static T apply(T a, uint32_t b) {
    if (wrap)
      b &= 31;
    if (b == 0)
      return 0;
    if (b >= 32)
      return a;
    return T(T(uint32_t(a) << (32 - b)) >> (32 - b));
  }
};
template <bool left, bool wrap> struct Shf {
  static uint32_t apply(uint32_t a, uint32_t b, uint32_t c) {
    const uint32_t n = wrap ? c & 31 : std::min<uint32_t>(c, 32);
    const uint64_t both = uint64_t(b) << 32 | a;
    return left ? uint32_t((both << n) >> 32) : uint32_t(both >> n);
  }
};

template <class T> Step execBfi(Warp &w, const Op &op) {
  const auto *a = w.slot<Lane<T>>(op.a);
  const auto *b = w.slot<Lane<T>>(op.b);
  const auto *c = w.slot<uint32_t>(op.c);
  const auto *e = w.slot<uint32_t>(op.extra);
  constexpr uint32_t width = 8 * sizeof(T);
  forLanes(w.mask, w.slot<Lane<T>>(op.d), [&](unsigned i) {
    const uint32_t position = c[i] & 0xFF, length = e[i] & 0xFF;
    if (position >= width || length == 0)
      return b[i];
    const T ones = length >= width ? ~T(0) : T((T(1) << length) - 1);
    const T mask = T(ones << position);
    return Lane<T>((b[i] & ~mask) | ((a[i] << position) & mask));
  });
  return Step::Next;
}

/// Op::imm: the truth table.
Step execLop3(Warp &w, const Op &op) {
  const uint32_t *a = w.slot<uint32_t>(op.a), *b = w.slot<uint32_t>(op.b),
                 *c = w.slot<uint32_t>(op.c);
  uint32_t keep[8];
  for (unsigned k = 0; k < 8; ++k)
    keep[k] = op.imm >> k & 1 ? UINT32_MAX : 0;
  forLanes(w.mask, w.slot<uint32_t>(op.d), [&](unsigned i) {
    const uint32_t x = a[i], y = b[i], z = c[i];
    return (~x & ~y & ~z & keep[0]) | (~x & ~y & z & keep[1]) |
           (~x & y & ~z & keep[2]) | (~x & y & z & keep[3]) |
           (x & ~y & ~z & keep[4]) | (x & ~y & z & keep[5]) |
           (x & y & ~z & keep[6]) | (x & y & z & keep[7]);
  });
  return Step::Next;
}
/// lop3.BoolOp: p = (d != 0) op q. Op::extra: the predicate to write; list[0]:
/// the one to read; mods: bit 0 and, bit 1 negated.
Step execLop3Predicate(Warp &w, const Op &op) {
  execLop3(w, op);
  const uint32_t *d = w.slot<uint32_t>(op.d);
  uint32_t q = w.predicate(op.list[0]);
  q = op.mods & 2 ? ~q : q;
  const uint32_t nonzero = laneBits([&](unsigned i) { return d[i] != 0; });
  w.setPredicate(op.extra, op.mods & 1 ? nonzero & q : nonzero | q);
  return Step::Next;
}

enum PrmtMode { kIndex, kF4e, kB4e, kRc8, kEcl, kEcr, kRc16 };

uint32_t permute(uint32_t a, uint32_t b, uint32_t c, int mode) {
  const uint64_t bytes = uint64_t(b) << 32 | a;
  const uint32_t at = c & 3;
  uint32_t result = 0;
  for (unsigned k = 0; k < 4; ++k) {
    uint32_t select = 0;
    bool sign = false;
    switch (mode) {
    case kIndex:
      select = c >> (4 * k) & 7;
      sign = c >> (4 * k) & 8;
      break;
    case kF4e:
      select = at + k;
      break;
    case kB4e:
      select = (at - k) & 7;
      break;
    case kRc8:
      select = at;
      break;
    case kEcl:
      select = std::max(at, k);
      break;
    case kEcr:
      select = std::min(at, k);
      break;
    default:
      select = (at & 1) * 2 + (k & 1);
    }
    uint32_t byte = bytes >> (8 * select) & 0xFF;
    if (sign)
      byte = byte & 0x80 ? 0xFF : 0;
    result |= byte << (8 * k);
  }
  return result;
}
Step execPrmt(Warp &w, const Op &op) {
  const uint32_t *a = w.slot<uint32_t>(op.a), *b = w.slot<uint32_t>(op.b),
                 *c = w.slot<uint32_t>(op.c);
  const auto mode = static_cast<int>(op.mods);
  uint32_t *d = w.slot<uint32_t>(op.d);
  for (unsigned i = 0; i < 32; ++i)
    if (w.mask >> i & 1)
      d[i] = permute(a[i], b[i], c[i], mode);
  return Step::Next;
}

// Predicates: op.mods bit 0 negates a, bit 1 negates b.
template <class F> Step execPredicate2(Warp &w, const Op &op) {
  const uint32_t a = w.predicate(op.a), b = w.predicate(op.b);
  w.setPredicate(op.d, F::apply(op.mods & 1 ? ~a : a, op.mods & 2 ? ~b : b));
  return Step::Next;
}
Step execPredicateNot(Warp &w, const Op &op) {
  const uint32_t a = w.predicate(op.a);
  w.setPredicate(op.d, op.mods & 1 ? a : ~a);
  return Step::Next;
}

bool isBits(const Type &type) {
  return type.kind == Type::Kind::Bits && !type.packed;
}

template <class F> bool decodeLogic2(Decoder &d, Op &op) {
  op.opClass = OpClass::Logic;
  const Type type = d.takeType();
  if (!d.endOfModifiers() || !d.operandCount(3, 3))
    return false;
  if (type.kind == Type::Kind::Predicate) {
    bool a = false, b = false;
    op.d = d.predicateDst(d.operand(0));
    op.a = d.predicateSrc(d.operand(1), a);
    op.b = d.predicateSrc(d.operand(2), b);
    op.mods = (a ? 1U : 0U) | (b ? 2U : 0U);
    op.exec = execPredicate2<F>;
    return d.ok();
  }
  if (!isBits(type) || type.bits < 16 || type.bits > 64)
    return d.fail("b16, b32, b64 or pred is expected");
  op.exec = type.bits == 64 ? exec2<F, uint64_t, uint64_t>
                            : exec2<F, uint32_t, uint32_t>;
  op.d = d.dst(0, type);
  op.a = d.src(1, type);
  op.b = d.src(2, type);
  return d.ok();
}

template <class F> bool decodeLogic1(Decoder &d, Op &op) {
  op.opClass = OpClass::Logic;
  const Type type = d.takeType();
  if (!d.endOfModifiers() || !d.operandCount(2, 2))
    return false;
  if (type.kind == Type::Kind::Predicate && d.opcode() == "not") {
    bool negated = false;
    op.d = d.predicateDst(d.operand(0));
    op.a = d.predicateSrc(d.operand(1), negated);
    op.mods = negated ? 1 : 0;
    op.exec = execPredicateNot;
    return d.ok();
  }
  if (!isBits(type) || type.bits < 16 || type.bits > 64)
    return d.fail("b16, b32 or b64 is expected");
  op.exec = type.bits == 64   ? exec1<F, uint64_t, uint64_t>
            : type.bits == 32 ? exec1<F, uint32_t, uint32_t>
                              : exec1<F, uint16_t, uint16_t>;
  op.d = d.dst(0, type);
  op.a = d.src(1, type);
  return d.ok();
}

bool decodeShift(Decoder &d, Op &op) {
  op.opClass = OpClass::Logic;
  const bool left = d.opcode() == "shl";
  const Type type = d.takeType();
  if (!d.endOfModifiers() || !d.operandCount(3, 3))
    return false;
  const bool isSigned = type.kind == Type::Kind::Signed;
  if (type.packed || type.kind == Type::Kind::Float || type.bits < 16 ||
      type.bits > 64 || (left && !isBits(type)))
    return d.fail("a type of 16, 32 or 64 bits is expected");
  switch (type.bits) {
  case 16:
    op.exec = left       ? exec2<Shl, uint16_t, uint16_t, uint32_t>
              : isSigned ? exec2<Shr, int16_t, int16_t, uint32_t>
                         : exec2<Shr, uint16_t, uint16_t, uint32_t>;
    break;
  case 32:
    op.exec = left       ? exec2<Shl, uint32_t, uint32_t, uint32_t>
              : isSigned ? exec2<Shr, int32_t, int32_t, uint32_t>
                         : exec2<Shr, uint32_t, uint32_t, uint32_t>;
    break;
  default:
    op.exec = left       ? exec2<Shl, uint64_t, uint64_t, uint32_t>
              : isSigned ? exec2<Shr, int64_t, int64_t, uint32_t>
                         : exec2<Shr, uint64_t, uint64_t, uint32_t>;
  }
  op.d = d.dst(0, type);
  op.a = d.src(1, type);
  op.b = d.src(2, bitsType(32));
  return d.ok();
}

bool decodeShf(Decoder &d, Op &op) {
  op.opClass = OpClass::Logic;
  const int side = d.takeOneOf({"l", "r"});
  const int mode = side < 0 ? -1 : d.takeOneOf({"clamp", "wrap"});
  if (mode < 0 || !d.take("b32"))
    return d.badModifier();
  if (side == 0)
    op.exec = mode == 0 ? exec3<Shf<true, false>, uint32_t, uint32_t>
                        : exec3<Shf<true, true>, uint32_t, uint32_t>;
  else
    op.exec = mode == 0 ? exec3<Shf<false, false>, uint32_t, uint32_t>
                        : exec3<Shf<false, true>, uint32_t, uint32_t>;
  if (!d.endOfModifiers() || !d.operandCount(4, 4))
    return false;
  op.d = d.dst(0, bitsType(32));
  op.a = d.src(1, bitsType(32));
  op.b = d.src(2, bitsType(32));
  op.c = d.src(3, bitsType(32));
  return d.ok();
}

/// popc, clz, brev: b32, b64.
template <class F> bool decodeCount(Decoder &d, Op &op) {
  op.opClass = OpClass::Logic;
  const Type type = d.takeType();
  if (!d.endOfModifiers() || !d.operandCount(2, 2))
    return false;
  if (!isBits(type) || (type.bits != 32 && type.bits != 64))
    return d.fail("b32 or b64 is expected");
  const bool same = d.opcode() == "brev";
  if (same)
    op.exec = type.bits == 64 ? exec1<Brev, uint64_t, uint64_t>
                              : exec1<Brev, uint32_t, uint32_t>;
  else
    op.exec = type.bits == 64 ? exec1<F, uint32_t, uint64_t>
                              : exec1<F, uint32_t, uint32_t>;
  op.d = d.dst(0, same ? type : bitsType(32));
  op.a = d.src(1, type);
  return d.ok();
}

template <bool shift> auto bfindFor(const Type &type) {
  const bool isSigned = type.kind == Type::Kind::Signed;
  if (type.bits == 64)
    return isSigned ? exec1<Bfind<shift>, uint32_t, int64_t>
                    : exec1<Bfind<shift>, uint32_t, uint64_t>;
  return isSigned ? exec1<Bfind<shift>, uint32_t, int32_t>
                  : exec1<Bfind<shift>, uint32_t, uint32_t>;
}

bool isInteger(const Type &type) {
  return (type.kind == Type::Kind::Signed ||
          type.kind == Type::Kind::Unsigned) &&
         !type.packed && (type.bits == 32 || type.bits == 64);
}

bool decodeBfind(Decoder &d, Op &op) {
  op.opClass = OpClass::Logic;
  const bool shift = d.take("shiftamt");
  const Type type = d.takeType();
  if (!d.endOfModifiers() || !d.operandCount(2, 2))
    return false;
  if (!isInteger(type))
    return d.fail("u32, s32, u64 or s64 is expected");
  op.exec = shift ? bfindFor<true>(type) : bfindFor<false>(type);
  op.d = d.dst(0, bitsType(32));
  op.a = d.src(1, type);
  return d.ok();
}

bool decodeBfe(Decoder &d, Op &op) {
  op.opClass = OpClass::Logic;
  const Type type = d.takeType();
  if (!d.endOfModifiers() || !d.operandCount(4, 4))
    return false;
  if (!isInteger(type))
    return d.fail("u32, s32, u64 or s64 is expected");
  const bool isSigned = type.kind == Type::Kind::Signed;
  if (type.bits == 64)
    op.exec = isSigned ? exec3<Bfe, int64_t, int64_t, uint32_t, uint32_t>
                       : exec3<Bfe, uint64_t, uint64_t, uint32_t, uint32_t>;
  else
    op.exec = isSigned ? exec3<Bfe, int32_t, int32_t, uint32_t, uint32_t>
                       : exec3<Bfe, uint32_t, uint32_t, uint32_t, uint32_t>;
  op.d = d.dst(0, type);
  op.a = d.src(1, type);
  op.b = d.src(2, bitsType(32));
  op.c = d.src(3, bitsType(32));
  return d.ok();
}

bool decodeBfi(Decoder &d, Op &op) {
  op.opClass = OpClass::Logic;
  const Type type = d.takeType();
  if (!d.endOfModifiers() || !d.operandCount(5, 5))
    return false;
  if (!isBits(type) || (type.bits != 32 && type.bits != 64))
    return d.fail("b32 or b64 is expected");
  op.exec = type.bits == 64 ? execBfi<uint64_t> : execBfi<uint32_t>;
  op.d = d.dst(0, type);
  op.a = d.src(1, type);
  op.b = d.src(2, type);
  op.c = d.src(3, bitsType(32));
  op.extra = d.src(4, bitsType(32));
  return d.ok();
}

bool decodeBmsk(Decoder &d, Op &op) {
  op.opClass = OpClass::Logic;
  const int mode = d.takeOneOf({"clamp", "wrap"});
  if (mode < 0)
    return d.badModifier();
  const int type = d.opcode() == "bmsk" ? (d.take("b32") ? 0 : -1)
                                        : d.takeOneOf({"u32", "s32"});
  if (type < 0)
    return d.badModifier();
  if (!d.endOfModifiers() || !d.operandCount(3, 3))
    return false;
  if (d.opcode() == "bmsk")
    op.exec = mode == 0 ? exec2<BmskMode<false>, uint32_t, uint32_t>
                        : exec2<BmskMode<true>, uint32_t, uint32_t>;
  else if (type == 0)
    op.exec = mode == 0 ? exec2<Szext<false>, uint32_t, uint32_t>
                        : exec2<Szext<true>, uint32_t, uint32_t>;
  else
    op.exec = mode == 0 ? exec2<Szext<false>, int32_t, int32_t, uint32_t>
                        : exec2<Szext<true>, int32_t, int32_t, uint32_t>;
  op.d = d.dst(0, bitsType(32));
  op.a = d.src(1, bitsType(32));
  op.b = d.src(2, bitsType(32));
  return d.ok();
}

bool decodeLop3(Decoder &d, Op &op) {
  op.opClass = OpClass::Logic;
  const int boolean = d.takeOneOf({"or", "and"});
  if (!d.take("b32"))
    return d.badModifier();
  const size_t operands = boolean < 0 ? 5 : 6;
  if (!d.endOfModifiers() || !d.operandCount(operands, operands))
    return false;
  op.exec = execLop3;
  op.d = d.dst(0, bitsType(32));
  op.a = d.src(1, bitsType(32));
  op.b = d.src(2, bitsType(32));
  op.c = d.src(3, bitsType(32));
  if (!d.constantInteger(d.operand(4), op.imm, "the truth table"))
    return false;
  if (op.imm < 0 || op.imm > 255)
    return d.fail("the truth table is 0 to 255");
  if (boolean < 0)
    return d.ok();
  if (d.operand(0).second.size() != 1)
    return d.fail("destinations d|p are expected");
  bool negated = false;
  op.exec = execLop3Predicate;
  op.extra = d.predicateDst(d.operand(0).second[0]);
  op.list = d.list({d.predicateSrc(d.operand(5), negated)});
  op.mods = (boolean == 1 ? 1U : 0U) | (negated ? 2U : 0U);
  return d.ok();
}

bool decodePrmt(Decoder &d, Op &op) {
  op.opClass = OpClass::Logic;
  if (!d.take("b32"))
    return d.badModifier();
  op.mods = static_cast<uint32_t>(
      d.takeOneOf({"f4e", "b4e", "rc8", "ecl", "ecr", "rc16"}) + 1);
  if (!d.endOfModifiers() || !d.operandCount(4, 4))
    return false;
  op.exec = execPrmt;
  op.d = d.dst(0, bitsType(32));
  op.a = d.src(1, bitsType(32));
  op.b = d.src(2, bitsType(32));
  op.c = d.src(3, bitsType(32));
  return d.ok();
}

} // namespace

void ra::runtime::sim::addLogicOps(OpcodeTable &table) {
  table["and"] = decodeLogic2<And>;
  table["or"] = decodeLogic2<Or>;
  table["xor"] = decodeLogic2<Xor>;
  table["not"] = decodeLogic1<Not>;
  table["cnot"] = decodeLogic1<Cnot>;
  table["shl"] = decodeShift;
  table["shr"] = decodeShift;
  table["shf"] = decodeShf;
  table["popc"] = decodeCount<Popc>;
  table["clz"] = decodeCount<Clz>;
  table["brev"] = decodeCount<Popc>;
  table["bfind"] = decodeBfind;
  table["bfe"] = decodeBfe;
  table["bfi"] = decodeBfi;
  table["bmsk"] = decodeBmsk;
  table["szext"] = decodeBmsk;
  table["lop3"] = decodeLop3;
  table["prmt"] = decodePrmt;
}
