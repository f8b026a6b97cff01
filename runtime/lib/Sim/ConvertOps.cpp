//===- ConvertOps.cpp - cvt ----------------------------------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Decode.h"
#include "FloatFormat.h"
#include "LaneKernels.h"

#include <cmath>
#include <limits>

using namespace ra::runtime::sim;

namespace {

// Op::mods of cvt. The types are in op.imm: see pack().
enum ConvertMods : uint32_t {
  kRoundingMask = 7, ///< A Rounding.
  kIntegral = 8,     ///< .rni and its like.
  kFtz = 16,
  kSat = 32,
  kRelu = 64,
  kSatFinite = 128,
  kWideSource = 256, ///< The register has lanes of 64 bits.
  kWideResult = 512
};

struct Format {
  bool isFloat, isSigned, brain, tf32;
  unsigned bits;
};

int64_t pack(const Format &f) {
  return (f.isFloat ? 1 : 0) | (f.isSigned ? 2 : 0) | (f.brain ? 4 : 0) |
         (f.tf32 ? 8 : 0) | int64_t(f.bits) << 8;
}
Format unpack(int64_t bits) {
  return {(bits & 1) != 0, (bits & 2) != 0, (bits & 4) != 0, (bits & 8) != 0,
          static_cast<unsigned>(bits >> 8 & 0xFF)};
}
Format formatOf(const Type &type) {
  return {type.kind == Type::Kind::Float, type.kind == Type::Kind::Signed,
          type.brain, false, type.bits};
}
FloatFormat floatFormat(const Format &f) {
  if (f.tf32)
    return kTF32;
  return f.bits == 64 ? kF64 : f.bits == 32 ? kF32 : f.brain ? kBF16 : kF16;
}

double loadFloat(uint64_t bits, const Format &f) {
  if (f.bits == 64)
    return doubleFromBits(bits);
  if (f.bits == 32)
    return static_cast<double>(floatFromBits(static_cast<uint32_t>(bits)));
  const auto half = static_cast<uint16_t>(bits);
  return f.brain ? halfToDouble<true>(half) : halfToDouble<false>(half);
}

/// An integral value as the mode says.
double roundIntegral(double value, Rounding mode) {
  switch (mode) {
  case Rounding::Zero:
    return std::trunc(value);
  case Rounding::Down:
    return std::floor(value);
  case Rounding::Up:
    return std::ceil(value);
  default: {
    const double below = std::floor(value), rest = value - below;
    if (rest < 0.5 || (rest == 0.5 && std::fmod(below, 2.0) == 0))
      return std::copysign(below, value);
    return std::copysign(below + 1, value);
  }
  }
}

uint64_t floatToInteger(double value, const Format &to, Rounding mode,
                        bool fromDouble) {
  if (value != value)
    // PTX ISA, cvt: 0, but for f64 and 64-bit integers the sign bit alone.
    return fromDouble || to.bits == 64 ? uint64_t(1) << (to.bits - 1) : 0;
  const double rounded = roundIntegral(value, mode);
  const int digits = static_cast<int>(to.bits) - (to.isSigned ? 1 : 0);
  if (rounded >= std::ldexp(1.0, digits))
    return (digits == 64 ? 0 : uint64_t(1) << digits) - 1;
  if (to.isSigned && rounded < -std::ldexp(1.0, digits))
    return ~uint64_t(0) << digits;
  if (!to.isSigned)
    return rounded <= 0 ? 0 : static_cast<uint64_t>(rounded);
  return static_cast<uint64_t>(static_cast<int64_t>(rounded));
}

uint64_t nanBits(const Format &to) {
  return to.bits == 64   ? 0x7FFFFFFFFFFFFFFFULL
         : to.bits == 32 ? kNaN32
                         : kNaN16;
}

/// Bits of `value` in the target, after .sat, .relu and .satfinite.
uint64_t finishFloat(double value, const Format &to, uint32_t mods) {
  const auto mode = static_cast<Rounding>(mods & kRoundingMask);
  const FloatFormat format = floatFormat(to);
  if (mods & kSat)
    value = value > 0 ? (value > 1 ? 1 : value) : 0;
  if (value != value)
    return nanBits(to);
  // Results below 0, and -0, become 0.
  if ((mods & kRelu) && std::signbit(value))
    return 0;
  const unsigned width = to.tf32 ? 19 : to.bits;
  const uint64_t infinity = ((uint64_t(1) << format.exponentBits) - 1)
                            << format.mantissaBits;
  const uint64_t sign = uint64_t(1) << (width - 1);
  uint64_t bits = std::isinf(value)
                      ? (std::signbit(value) ? sign : 0) | infinity
                      : roundToFormat(value, format, mode);
  if ((mods & kSatFinite) && (bits & ~sign) == infinity)
    bits -= 1;
  return to.tf32 ? bits << 13 : bits;
}

uint64_t integerToFloat(uint64_t bits, const Format &from, const Format &to,
                        uint32_t mods) {
  const bool negative = from.isSigned && static_cast<int64_t>(bits) < 0;
  const uint64_t magnitude = negative ? 0 - bits : bits;
  if (mods & kSat)
    return finishFloat(negative || magnitude == 0 ? 0 : 1, to, 0);
  return roundToFormat(negative, magnitude, 0, false, floatFormat(to),
                       static_cast<Rounding>(mods & kRoundingMask));
}

uint64_t extend(uint64_t bits, const Format &f) {
  const unsigned shift = 64 - f.bits;
  return f.isSigned ? static_cast<uint64_t>(
                          static_cast<int64_t>(bits << shift) >> shift)
                    : bits << shift >> shift;
}

uint64_t saturateInteger(uint64_t bits, const Format &from, const Format &to) {
  const bool negative = from.isSigned && static_cast<int64_t>(bits) < 0;
  const uint64_t most = to.bits - to.isSigned >= 64
                            ? UINT64_MAX
                            : (uint64_t(1) << (to.bits - to.isSigned)) - 1;
  if (!negative)
    return bits > most ? most : bits;
  if (!to.isSigned)
    return 0;
  const auto least = static_cast<int64_t>(~most);
  return static_cast<int64_t>(bits) < least ? static_cast<uint64_t>(least)
                                            : bits;
}

uint64_t convert(uint64_t bits, const Format &from, const Format &to,
                 uint32_t mods) {
  const auto mode = static_cast<Rounding>(mods & kRoundingMask);
  if (!from.isFloat) {
    bits = extend(bits, from);
    if (to.isFloat)
      return integerToFloat(bits, from, to, mods);
    if (mods & kSat)
      bits = saturateInteger(bits, from, to);
    return extend(bits, to);
  }
  double value = loadFloat(bits, from);
  if ((mods & kFtz) && from.bits == 32)
    value = static_cast<double>(flush(static_cast<float>(value)));
  if (!to.isFloat)
    return extend(floatToInteger(value, to, mode, from.bits == 64), to);
  if ((mods & kIntegral) && std::isfinite(value))
    value = roundIntegral(value, mode);
  uint64_t result = finishFloat(value, to, mods);
  if ((mods & kFtz) && to.bits == 32 && (result & 0x7F800000) == 0)
    result &= 0x80000000;
  return result;
}

template <class From, class To> Step execConvert(Warp &w, const Op &op) {
  const From *a = w.slot<From>(op.a);
  To *d = w.slot<To>(op.d);
  const Format from = unpack(op.imm), to = unpack(op.imm >> 32);
  for (unsigned i = 0; i < 32; ++i)
    if (w.mask >> i & 1)
      d[i] = static_cast<To>(convert(a[i], from, to, op.mods));
  return Step::Next;
}

/// Integers of 32 and 64 bits without .sat: the common ones.
template <class From, class To> Step execWiden(Warp &w, const Op &op) {
  const auto *a = w.slot<std::make_unsigned_t<From>>(op.a);
  forLanes(w.mask, w.slot<std::make_unsigned_t<To>>(op.d), [&](unsigned i) {
    return static_cast<std::make_unsigned_t<To>>(
        static_cast<To>(static_cast<From>(a[i])));
  });
  return Step::Next;
}

/// d = {b, a}, a in the high half.
template <bool brain> Step execConvertPair(Warp &w, const Op &op) {
  const float *a = w.slot<float>(op.a), *b = w.slot<float>(op.b);
  uint32_t *d = w.slot<uint32_t>(op.d);
  if (!brain && op.mods == static_cast<uint32_t>(Rounding::Nearest)) {
    static const LaneKernels &kernels = laneKernels();
    uint16_t high[32], low[32];
    kernels.f32ToF16(high, a, 32);
    kernels.f32ToF16(low, b, 32);
    forLanes(w.mask, d,
             [&](unsigned i) { return uint32_t(high[i]) << 16 | low[i]; });
    return Step::Next;
  }
  const Format to = {true, false, brain, false, 16};
  for (unsigned i = 0; i < 32; ++i)
    if (w.mask >> i & 1)
      d[i] = static_cast<uint32_t>(
          finishFloat(static_cast<double>(a[i]), to, op.mods) << 16 |
          finishFloat(static_cast<double>(b[i]), to, op.mods));
  return Step::Next;
}

/// cvt.pack.sat: d = saturated a, b above what c shifts in.
/// op.imm: the target format; op.extra: 1 if there is a c.
Step execPack(Warp &w, const Op &op) {
  const uint32_t *a = w.slot<uint32_t>(op.a), *b = w.slot<uint32_t>(op.b),
                 *c = w.slot<uint32_t>(op.c);
  const Format to = unpack(op.imm), from = {false, true, false, false, 32};
  const auto narrow = [&](uint32_t value) {
    const auto wide = static_cast<uint64_t>(
        static_cast<int64_t>(static_cast<int32_t>(value)));
    return static_cast<uint32_t>(saturateInteger(wide, from, to) &
                                 ((uint64_t(1) << to.bits) - 1));
  };
  uint32_t *d = w.slot<uint32_t>(op.d);
  for (unsigned i = 0; i < 32; ++i) {
    if (!(w.mask >> i & 1))
      continue;
    const uint32_t pair = narrow(a[i]) << to.bits | narrow(b[i]);
    d[i] = op.extra ? c[i] << (2 * to.bits) | pair : pair;
  }
  return Step::Next;
}

bool decodePack(Decoder &d, Op &op) {
  op.opClass = OpClass::Convert;
  if (!d.take("sat"))
    return d.badModifier();
  const Type to = d.takeType();
  if (!d.take("s32"))
    return d.badModifier();
  const bool chained = d.take("b32");
  if (!d.endOfModifiers() || !d.operandCount(chained ? 4 : 3, chained ? 4 : 3))
    return false;
  if (to.kind == Type::Kind::Float || to.packed ||
      to.bits != (chained ? 8 : 16))
    return d.fail("cvt.pack makes u16 and s16, and with .b32 u8 and s8");
  op.exec = execPack;
  op.imm = pack(formatOf(to));
  op.extra = chained;
  op.d = d.dst(0, bitsType(32));
  op.a = d.src(1, bitsType(32));
  op.b = d.src(2, bitsType(32));
  op.c = chained ? d.src(3, bitsType(32)) : op.a;
  return d.ok();
}

bool decodeCvt(Decoder &d, Op &op) {
  if (d.take("pack"))
    return decodePack(d, op);
  op.opClass = OpClass::Convert;
  bool rounds = false;
  while (true) {
    const int integral = d.takeOneOf({"rni", "rzi", "rmi", "rpi"});
    const int rounding =
        integral >= 0 ? -1 : d.takeOneOf({"rn", "rz", "rm", "rp", "rna"});
    if (integral >= 0)
      op.mods |= static_cast<uint32_t>(integral) | kIntegral;
    else if (rounding >= 0)
      op.mods |= static_cast<uint32_t>(rounding), rounds = true;
    else if (d.take("ftz"))
      op.mods |= kFtz;
    else if (d.take("sat"))
      op.mods |= kSat;
    else if (d.take("relu"))
      op.mods |= kRelu;
    else if (d.take("satfinite"))
      op.mods |= kSatFinite;
    else
      break;
  }
  const bool tf32 = d.take("tf32");
  const Type to =
      tf32 ? Type{Type::Kind::Float, 32, false, false} : d.takeType();
  const Type from = d.takeType();
  if (!d.endOfModifiers())
    return false;
  const bool fromFloat = from.kind == Type::Kind::Float;
  const bool toFloat = to.kind == Type::Kind::Float;
  if (from.kind == Type::Kind::Bits || to.kind == Type::Kind::Bits ||
      from.kind == Type::Kind::Predicate || to.kind == Type::Kind::Predicate ||
      from.packed)
    return d.fail("this conversion is not supported");

  if (to.packed) {
    if (!toFloat || from.bits != 32 || !fromFloat || !rounds ||
        (op.mods & (kIntegral | kSat | kFtz)) || (op.mods & kRoundingMask) > 1)
      return d.fail("this conversion to a pair is not supported");
    if (!d.operandCount(3, 3))
      return false;
    op.exec = to.brain ? execConvertPair<true> : execConvertPair<false>;
    op.d = d.dst(0, to);
    op.a = d.src(1, from);
    op.b = d.src(2, from);
    return d.ok();
  }
  // What the ISA demands of the rounding modifiers.
  Format source = formatOf(from), target = formatOf(to);
  target.tf32 = tf32;
  const auto precision = [](const Format &f) {
    const FloatFormat format = floatFormat(f);
    return std::pair<int, int>(format.exponentBits, format.mantissaBits);
  };
  bool narrows = false, same = false;
  if (fromFloat && toFloat) {
    narrows = precision(target).first < precision(source).first ||
              precision(target).second < precision(source).second;
    same = precision(target) == precision(source);
  }
  const bool integral = op.mods & kIntegral;
  if (fromFloat && !toFloat && !integral)
    return d.fail("a conversion to an integer needs .rni, .rzi, .rmi or .rpi");
  if (integral && (!fromFloat || (toFloat && !same)))
    return d.fail("an integer rounding is for floats of one type and integers");
  if (toFloat && !rounds && (narrows || !fromFloat))
    return d.fail("this conversion needs .rn, .rz, .rm or .rp");
  if (rounds && !narrows && fromFloat)
    return d.fail("this conversion is exact and has no rounding modifier");
  if (rounds && !toFloat)
    return d.fail("conversions to integers have .rni, .rzi, .rmi or .rpi");
  if ((op.mods & (kRelu | kSatFinite)) && !(toFloat && (to.bits == 16 || tf32)))
    return d.fail(".relu and .satfinite are for f16, bf16 and tf32");
  if ((op.mods & kRoundingMask) == 4 && !tf32)
    return d.fail(".rna is for tf32");
  if ((op.mods & kFtz) && from.bits != 32 && to.bits != 32)
    return d.fail(".ftz is for f32");

  if (!d.operandCount(2, 2))
    return false;
  unsigned fromLanes = 32, toLanes = 32;
  op.a = d.wideSrc(d.operand(1), from, fromLanes);
  op.d = toFloat ? d.dst(0, to) : d.wideDst(d.operand(0), to, toLanes);
  if (toFloat && to.bits == 64)
    toLanes = 64;
  op.imm = pack(source) | pack(target) << 32;
  if (fromLanes == 64)
    op.exec = toLanes == 64 ? execConvert<uint64_t, uint64_t>
                            : execConvert<uint64_t, uint32_t>;
  else
    op.exec = toLanes == 64 ? execConvert<uint32_t, uint64_t>
                            : execConvert<uint32_t, uint32_t>;
  if (!fromFloat && !toFloat && op.mods == 0) {
    const bool isSigned = from.kind == Type::Kind::Signed;
    if (from.bits == 32 && to.bits == 64 && fromLanes == 32)
      op.exec = isSigned ? execWiden<int32_t, int64_t>
                         : execWiden<uint32_t, uint64_t>;
    else if (from.bits == 64 && to.bits == 32 && toLanes == 32)
      op.exec = execWiden<uint64_t, uint32_t>;
  }
  return d.ok();
}

} // namespace

void ra::runtime::sim::addConvertOps(OpcodeTable &table) {
  table["cvt"] = decodeCvt;
}
