//===- IntegerOps.cpp - Integer arithmetic -------------------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Decode.h"

#include <algorithm>
#include <limits>
#include <type_traits>

using namespace ra::runtime::sim;

namespace {

template <class T> using Unsigned = std::make_unsigned_t<T>;
template <class T>
using Wide = std::conditional_t<
    sizeof(T) == 2, std::conditional_t<std::is_signed_v<T>, int32_t, uint32_t>,
    std::conditional_t<
        sizeof(T) == 4,
        std::conditional_t<std::is_signed_v<T>, int64_t, uint64_t>,
        std::conditional_t<std::is_signed_v<T>, __int128, unsigned __int128>>>;

// Everything wraps: arithmetic is done on unsigned types that do not promote to
// int.
template <class T>
using Wrapping = std::conditional_t<sizeof(T) == 8, uint64_t, uint32_t>;

struct Add {
  template <class T> static T apply(T a, T b) {
    return T(Wrapping<T>(a) + Wrapping<T>(b));
  }
};
struct Sub {
  template <class T> static T apply(T a, T b) {
    return T(Wrapping<T>(a) - Wrapping<T>(b));
  }
};
struct MulLo {
  template <class T> static T apply(T a, T b) {
    return T(Wrapping<T>(a) * Wrapping<T>(b));
  }
};
struct MulHi {
  template <class T> static T apply(T a, T b) {
    return T((Wide<T>(a) * Wide<T>(b)) >> (8 * sizeof(T)));
  }
};
struct MulWide {
  template <class T> static Wide<T> apply(T a, T b) {
    return Wide<T>(a) * Wide<T>(b);
  }
};
struct MadLo {
  template <class T> static T apply(T a, T b, T c) {
    return T(Wrapping<T>(a) * Wrapping<T>(b) + Wrapping<T>(c));
  }
};
struct MadHi {
  template <class T> static T apply(T a, T b, T c) {
    return Add::apply(MulHi::apply(a, b), c);
  }
};
struct MadWide {
  template <class T> static Wide<T> apply(T a, T b, Wide<T> c) {
    return Add::apply(MulWide::apply(a, b), c);
  }
};
template <class T> T saturate(int64_t value) {
  return T(std::clamp<int64_t>(value, std::numeric_limits<T>::min(),
                               std::numeric_limits<T>::max()));
}
struct AddSat {
  static int32_t apply(int32_t a, int32_t b) {
    return saturate<int32_t>(int64_t(a) + b);
  }
};
struct SubSat {
  static int32_t apply(int32_t a, int32_t b) {
    return saturate<int32_t>(int64_t(a) - b);
  }
};
struct MadHiSat {
  static int32_t apply(int32_t a, int32_t b, int32_t c) {
    return saturate<int32_t>(int64_t(MulHi::apply(a, b)) + c);
  }
};
/// The low 24 bits of an operand, with its sign or without.
template <class T> int64_t low24(T value) {
  if constexpr (std::is_signed_v<T>)
    return int32_t(uint32_t(value) << 8) >> 8;
  else
    return value & 0xFFFFFF;
}
struct Mul24Lo {
  template <class T> static T apply(T a, T b) { return T(low24(a) * low24(b)); }
};
/// Bits 16 to 47 of the product of 48 bits.
struct Mul24Hi {
  template <class T> static T apply(T a, T b) {
    return T((low24(a) * low24(b)) >> 16);
  }
};
struct Mad24Lo {
  template <class T> static T apply(T a, T b, T c) {
    return Add::apply(Mul24Lo::apply(a, b), c);
  }
};
struct Mad24Hi {
  template <class T> static T apply(T a, T b, T c) {
    return Add::apply(Mul24Hi::apply(a, b), c);
  }
};
struct Mad24HiSat {
  static int32_t apply(int32_t a, int32_t b, int32_t c) {
    return saturate<int32_t>(int64_t(Mul24Hi::apply(a, b)) + c);
  }
};
struct Sad {
  template <class T> static T apply(T a, T b, T c) {
    const T larger = a > b ? a : b, smaller = a > b ? b : a;
    return Add::apply(Sub::apply(larger, smaller), c);
  }
};
/// A division by zero gives all ones, as the hardware does; the ISA leaves it
/// open. MIN / -1 wraps.
struct Div {
  template <class T> static T apply(T a, T b) {
    if (b == 0)
      return T(~T(0));
    if (std::is_signed_v<T> && b == T(-1))
      return Sub::apply(T(0), a);
    return T(a / b);
  }
};
struct Rem {
  template <class T> static T apply(T a, T b) {
    if (b == 0)
      return a;
    if (std::is_signed_v<T> && b == T(-1))
      return 0;
    return T(a % b);
  }
};
struct Abs {
  template <class T> static T apply(T a) {
    return a < 0 ? Sub::apply(T(0), a) : a;
  }
};
struct Neg {
  template <class T> static T apply(T a) { return Sub::apply(T(0), a); }
};
struct Min {
  template <class T> static T apply(T a, T b) { return a < b ? a : b; }
};
struct Max {
  template <class T> static T apply(T a, T b) { return a > b ? a : b; }
};
/// Clamps negative results to 0: .relu.
template <class F> struct Relu {
  template <class T> static T apply(T a, T b) {
    const T value = F::apply(a, b);
    return value < 0 ? T(0) : value;
  }
};
/// F on both halves of 32 bits.
template <class F, class T> struct Halves {
  static uint32_t apply(uint32_t a, uint32_t b) {
    const T low = F::apply(T(a), T(b));
    const T high = F::apply(T(a >> 16), T(b >> 16));
    return uint32_t(uint16_t(low)) | uint32_t(uint16_t(high)) << 16;
  }
};

/// exec2<F, T, T> for the integer types; null for other widths.
template <class F>
auto binaryFor(const Type &type) -> Step (*)(Warp &, const Op &) {
  if (type.packed || type.kind == Type::Kind::Bits)
    return nullptr;
  const bool isSigned = type.kind == Type::Kind::Signed;
  switch (type.bits) {
  case 16:
    return isSigned ? exec2<F, int16_t, int16_t> : exec2<F, uint16_t, uint16_t>;
  case 32:
    return isSigned ? exec2<F, int32_t, int32_t> : exec2<F, uint32_t, uint32_t>;
  case 64:
    return isSigned ? exec2<F, int64_t, int64_t> : exec2<F, uint64_t, uint64_t>;
  default:
    return nullptr;
  }
}
template <class F>
auto ternaryFor(const Type &type) -> Step (*)(Warp &, const Op &) {
  if (type.packed || type.kind == Type::Kind::Bits)
    return nullptr;
  const bool isSigned = type.kind == Type::Kind::Signed;
  switch (type.bits) {
  case 16:
    return isSigned ? exec3<F, int16_t, int16_t> : exec3<F, uint16_t, uint16_t>;
  case 32:
    return isSigned ? exec3<F, int32_t, int32_t> : exec3<F, uint32_t, uint32_t>;
  case 64:
    return isSigned ? exec3<F, int64_t, int64_t> : exec3<F, uint64_t, uint64_t>;
  default:
    return nullptr;
  }
}
template <class F>
auto packedFor(const Type &type) -> Step (*)(Warp &, const Op &) {
  if (type.kind == Type::Kind::Signed)
    return exec2<Halves<F, int16_t>, uint32_t, uint32_t>;
  return exec2<Halves<F, uint16_t>, uint32_t, uint32_t>;
}

bool isFloat(const Type &type) { return type.kind == Type::Kind::Float; }

bool setBinary(Decoder &d, Op &op, const Type &type) {
  if (!d.endOfModifiers() || !d.operandCount(3, 3))
    return false;
  op.d = d.dst(0, type);
  op.a = d.src(1, type);
  op.b = d.src(2, type);
  return d.ok();
}
bool setTernary(Decoder &d, Op &op, const Type &type, const Type &wide) {
  if (!d.endOfModifiers() || !d.operandCount(4, 4))
    return false;
  op.d = d.dst(0, wide);
  op.a = d.src(1, type);
  op.b = d.src(2, type);
  op.c = d.src(3, wide);
  return d.ok();
}

Type widened(Type type) {
  type.bits = static_cast<uint8_t>(type.bits * 2);
  return type;
}

//===----------------------------------------------------------------------===//
// Extended precision: the carry flag
//===----------------------------------------------------------------------===//

enum Carry : uint32_t { kUsesCarry = 1, kSetsCarry = 2, kSubtracts = 4 };

/// add.cc, addc, sub.cc, subc on T, and with `product` mad.cc, madc.
template <class T, bool product, bool high>
Step execCarry(Warp &w, const Op &op) {
  const auto *a = w.slot<Lane<T>>(op.a);
  const auto *b = w.slot<Lane<T>>(op.b);
  const auto *c = w.slot<Lane<T>>(op.c);
  auto *d = w.slot<Lane<T>>(op.d);
  using W = unsigned __int128;
  for (unsigned i = 0; i < 32; ++i) {
    if (!(w.mask >> i & 1))
      continue;
    using U = Unsigned<T>;
    U left = U(a[i]), right = U(b[i]);
    if constexpr (product) {
      left = high ? U(MulHi::apply(T(a[i]), T(b[i])))
                  : U(MulLo::apply(T(a[i]), T(b[i])));
      right = U(c[i]);
    }
    const bool in = (op.mods & kUsesCarry) && w.carry[i];
    W sum;
    bool out;
    if (op.mods & kSubtracts) {
      // The flag is the borrow.
      sum = W(left) - W(right) - W(in);
      out = W(left) < W(right) + W(in);
    } else {
      sum = W(left) + W(right) + W(in);
      out = (sum >> (8 * sizeof(T))) != 0;
    }
    d[i] = Lane<T>(U(sum));
    if (op.mods & kSetsCarry)
      w.carry[i] = out;
  }
  return Step::Next;
}

/// The carry form of add, sub (operands 1, 2) or mad (operands 1 to 3).
bool decodeCarry(Decoder &d, Op &op, uint32_t mods, int half) {
  op.mods = mods | (d.take("cc") ? kSetsCarry : 0U);
  const Type type = d.takeType();
  if (!d.ok() || type.packed || isFloat(type) ||
      type.kind == Type::Kind::Bits || (type.bits != 32 && type.bits != 64))
    return d.fail("carries are for u32, s32, u64 and s64");
  const bool wide = type.bits == 64, isSigned = type.kind == Type::Kind::Signed;
  if (half < 0) {
    op.exec = wide ? execCarry<uint64_t, false, false>
                   : execCarry<uint32_t, false, false>;
    op.c = 0;
    if (!setBinary(d, op, type))
      return false;
    op.c = op.b;
    return true;
  }
  if (half == 0)
    op.exec = wide ? execCarry<uint64_t, true, false>
                   : execCarry<uint32_t, true, false>;
  else if (isSigned)
    op.exec =
        wide ? execCarry<int64_t, true, true> : execCarry<int32_t, true, true>;
  else
    op.exec = wide ? execCarry<uint64_t, true, true>
                   : execCarry<uint32_t, true, true>;
  return setTernary(d, op, type, type);
}

//===----------------------------------------------------------------------===//
// Decoders
//===----------------------------------------------------------------------===//

/// True when the modifiers end in a floating-point type.
bool endsInFloat(Decoder &d) {
  Type type, last;
  for (size_t i = 0; !d.peekModifier(i).empty(); ++i)
    if (parseType(d.peekModifier(i), type))
      last = type;
  return isFloat(last);
}

bool decodeAddSub(Decoder &d, Op &op) {
  if (endsInFloat(d))
    return decodeFloatArithmetic(d, op);
  const bool isAdd = d.opcode() == "add";
  if (d.peekModifier() == "cc")
    return decodeCarry(d, op, isAdd ? 0U : kSubtracts, -1);
  const bool sat = d.take("sat");
  const Type type = d.takeType();
  if (!d.ok())
    return false;
  if (sat) {
    if (type.kind != Type::Kind::Signed || type.bits != 32 || type.packed)
      return d.fail(".sat is for s32");
    op.exec = isAdd ? exec2<AddSat, int32_t, int32_t>
                    : exec2<SubSat, int32_t, int32_t>;
  } else if (type.packed) {
    op.exec = isAdd ? packedFor<Add>(type) : packedFor<Sub>(type);
  } else {
    op.exec = isAdd ? binaryFor<Add>(type) : binaryFor<Sub>(type);
  }
  return setBinary(d, op, type) && (op.exec || d.fail("an integer type is "
                                                      "expected"));
}

bool decodeAddcSubc(Decoder &d, Op &op) {
  return decodeCarry(d, op,
                     kUsesCarry | (d.opcode() == "subc" ? kSubtracts : 0U), -1);
}

bool decodeMul(Decoder &d, Op &op) {
  if (endsInFloat(d))
    return decodeFloatArithmetic(d, op);
  const int half = d.takeOneOf({"lo", "hi", "wide"});
  if (half < 0)
    return d.badModifier();
  const Type type = d.takeType();
  if (!d.ok())
    return false;
  if (half != 2) {
    op.exec = half == 0 ? binaryFor<MulLo>(type) : binaryFor<MulHi>(type);
    return setBinary(d, op, type) && (op.exec || d.badModifier());
  }
  const bool isSigned = type.kind == Type::Kind::Signed;
  if (type.packed || type.kind == Type::Kind::Bits ||
      (type.bits != 16 && type.bits != 32))
    return d.fail("mul.wide is for 16 and 32 bits");
  if (type.bits == 16)
    op.exec = isSigned ? exec2<MulWide, int32_t, int16_t>
                       : exec2<MulWide, uint32_t, uint16_t>;
  else
    op.exec = isSigned ? exec2<MulWide, int64_t, int32_t>
                       : exec2<MulWide, uint64_t, uint32_t>;
  if (!d.endOfModifiers() || !d.operandCount(3, 3))
    return false;
  op.d = d.dst(0, widened(type));
  op.a = d.src(1, type);
  op.b = d.src(2, type);
  return d.ok();
}

bool decodeMad(Decoder &d, Op &op) {
  if (d.opcode() == "mad" && endsInFloat(d))
    return decodeFloatArithmetic(d, op);
  const int half = d.takeOneOf({"lo", "hi", "wide"});
  if (half < 0)
    return d.badModifier();
  if (d.opcode() == "madc" || d.peekModifier() == "cc") {
    if (half == 2)
      return d.badModifier();
    return decodeCarry(d, op, d.opcode() == "madc" ? kUsesCarry : 0U, half);
  }
  const bool sat = d.take("sat");
  const Type type = d.takeType();
  if (!d.ok())
    return false;
  const bool isSigned = type.kind == Type::Kind::Signed;
  if (sat) {
    if (half != 1 || !isSigned || type.bits != 32)
      return d.fail(".sat is for mad.hi.s32");
    op.exec = exec3<MadHiSat, int32_t, int32_t>;
    return setTernary(d, op, type, type);
  }
  if (half != 2) {
    op.exec = half == 0 ? ternaryFor<MadLo>(type) : ternaryFor<MadHi>(type);
    return setTernary(d, op, type, type) && (op.exec || d.badModifier());
  }
  if (type.packed || type.kind == Type::Kind::Bits ||
      (type.bits != 16 && type.bits != 32))
    return d.fail("mad.wide is for 16 and 32 bits");
  if (type.bits == 16)
    op.exec = isSigned ? exec3<MadWide, int32_t, int16_t>
                       : exec3<MadWide, uint32_t, uint16_t>;
  else
    op.exec = isSigned ? exec3<MadWide, int64_t, int32_t>
                       : exec3<MadWide, uint64_t, uint32_t>;
  return setTernary(d, op, type, widened(type));
}

bool decodeMul24(Decoder &d, Op &op) {
  const int half = d.takeOneOf({"lo", "hi"});
  if (half < 0)
    return d.badModifier();
  const bool isMad = d.opcode() == "mad24";
  const bool sat = isMad && half == 1 && d.take("sat");
  const Type type = d.takeType();
  const bool isSigned = type.kind == Type::Kind::Signed;
  if (!d.ok() || type.bits != 32 || type.packed ||
      (!isSigned && type.kind != Type::Kind::Unsigned) || (sat && !isSigned))
    return d.fail("u32 or s32 is expected");
  if (!isMad) {
    op.exec = half == 0 ? binaryFor<Mul24Lo>(type) : binaryFor<Mul24Hi>(type);
    return setBinary(d, op, type);
  }
  op.exec = sat         ? exec3<Mad24HiSat, int32_t, int32_t>
            : half == 0 ? ternaryFor<Mad24Lo>(type)
                        : ternaryFor<Mad24Hi>(type);
  return setTernary(d, op, type, type);
}

bool decodeSad(Decoder &d, Op &op) {
  const Type type = d.takeType();
  op.exec = ternaryFor<Sad>(type);
  return setTernary(d, op, type, type) && (op.exec || d.fail("an integer type "
                                                             "is expected"));
}

bool decodeDivRem(Decoder &d, Op &op) {
  if (endsInFloat(d))
    return decodeFloatArithmetic(d, op);
  const Type type = d.takeType();
  op.exec = d.opcode() == "div" ? binaryFor<Div>(type) : binaryFor<Rem>(type);
  return setBinary(d, op, type) && (op.exec || d.fail("an integer type is "
                                                      "expected"));
}

template <class F> bool decodeSignedUnary(Decoder &d, Op &op) {
  if (endsInFloat(d))
    return decodeFloatArithmetic(d, op);
  const Type type = d.takeType();
  if (type.kind != Type::Kind::Signed || type.packed)
    return d.ok() && d.fail("s16, s32 or s64 is expected");
  op.exec = type.bits == 16   ? exec1<F, int16_t, int16_t>
            : type.bits == 32 ? exec1<F, int32_t, int32_t>
                              : exec1<F, int64_t, int64_t>;
  if (!d.endOfModifiers() || !d.operandCount(2, 2))
    return false;
  op.d = d.dst(0, type);
  op.a = d.src(1, type);
  return d.ok();
}

template <class F> bool decodeMinMax(Decoder &d, Op &op) {
  if (endsInFloat(d))
    return decodeFloatArithmetic(d, op);
  const bool relu = d.take("relu");
  const Type type = d.takeType();
  if (relu &&
      (type.kind != Type::Kind::Signed || !(type.packed || type.bits == 32)))
    return d.ok() && d.fail(".relu is for s32 and s16x2");
  if (relu)
    op.exec = type.packed ? packedFor<Relu<F>>(type)
                          : exec2<Relu<F>, int32_t, int32_t>;
  else
    op.exec = type.packed ? packedFor<F>(type) : binaryFor<F>(type);
  return setBinary(d, op, type) && (op.exec || d.fail("an integer type is "
                                                      "expected"));
}

//===----------------------------------------------------------------------===//
// Dot products of bytes
//===----------------------------------------------------------------------===//

int32_t byteOf(uint32_t word, unsigned index, bool isSigned) {
  const uint32_t byte = word >> (8 * index) & 0xFF;
  return isSigned ? int32_t(int8_t(byte)) : int32_t(byte);
}
int32_t halfOf(uint32_t word, unsigned index, bool isSigned) {
  const uint32_t half = word >> (16 * index) & 0xFFFF;
  return isSigned ? int32_t(int16_t(half)) : int32_t(half);
}

// Op::mods: bit 0 a signed, bit 1 b signed, bit 2 the high half of b (dp2a).
Step execDp4a(Warp &w, const Op &op) {
  const uint32_t *a = w.slot<uint32_t>(op.a), *b = w.slot<uint32_t>(op.b),
                 *c = w.slot<uint32_t>(op.c);
  const bool aSigned = op.mods & 1, bSigned = op.mods & 2;
  forLanes(w.mask, w.slot<uint32_t>(op.d), [&](unsigned i) {
    uint32_t sum = c[i];
    for (unsigned k = 0; k < 4; ++k)
      sum += uint32_t(byteOf(a[i], k, aSigned) * byteOf(b[i], k, bSigned));
    return sum;
  });
  return Step::Next;
}
Step execDp2a(Warp &w, const Op &op) {
  const uint32_t *a = w.slot<uint32_t>(op.a), *b = w.slot<uint32_t>(op.b),
                 *c = w.slot<uint32_t>(op.c);
  const bool aSigned = op.mods & 1, bSigned = op.mods & 2;
  const unsigned first = op.mods & 4 ? 2 : 0;
  forLanes(w.mask, w.slot<uint32_t>(op.d), [&](unsigned i) {
    uint32_t sum = c[i];
    for (unsigned k = 0; k < 2; ++k)
      sum +=
          uint32_t(halfOf(a[i], k, aSigned) * byteOf(b[i], first + k, bSigned));
    return sum;
  });
  return Step::Next;
}

bool decodeDot(Decoder &d, Op &op) {
  op.exec = execDp4a;
  if (d.opcode() == "dp2a") {
    op.exec = execDp2a;
    const int half = d.takeOneOf({"lo", "hi"});
    if (half < 0)
      return d.badModifier();
    op.mods |= half == 1 ? 4U : 0U;
  }
  for (const uint32_t bit : {1U, 2U}) {
    const int isSigned = d.takeOneOf({"u32", "s32"});
    if (isSigned < 0)
      return d.badModifier();
    op.mods |= isSigned == 1 ? bit : 0U;
  }
  return setTernary(d, op, bitsType(32), bitsType(32));
}

} // namespace

void ra::runtime::sim::addIntegerOps(OpcodeTable &table) {
  table["add"] = decodeAddSub;
  table["sub"] = decodeAddSub;
  table["addc"] = decodeAddcSubc;
  table["subc"] = decodeAddcSubc;
  table["mul"] = decodeMul;
  table["mad"] = decodeMad;
  table["madc"] = decodeMad;
  table["mul24"] = decodeMul24;
  table["mad24"] = decodeMul24;
  table["sad"] = decodeSad;
  table["div"] = decodeDivRem;
  table["rem"] = decodeDivRem;
  table["abs"] = decodeSignedUnary<Abs>;
  table["neg"] = decodeSignedUnary<Neg>;
  table["min"] = decodeMinMax<Min>;
  table["max"] = decodeMinMax<Max>;
  table["dp4a"] = decodeDot;
  table["dp2a"] = decodeDot;
}
