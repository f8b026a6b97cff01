//===- HalfOps.cpp - f16 and bf16 arithmetic, alone and in pairs ---------===//
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

enum HalfMods : uint32_t {
  kFtz = 1,
  kSat = 2,
  kRelu = 4,
  kPropagateNaN = 8,
  kXorSign = 16
};

enum class HalfOp : uint8_t {
  Add,
  Sub,
  Mul,
  Fma,
  Min,
  Max,
  Abs,
  Neg,
  Ex2,
  Tanh
};

template <bool brain> bool isNaN(uint16_t bits) {
  return (bits & 0x7FFF) > (brain ? 0x7F80 : 0x7C00);
}
template <bool brain> uint16_t flushHalf(uint16_t bits) {
  return (bits & (brain ? 0x7F80 : 0x7C00)) == 0 ? bits & 0x8000 : bits;
}

/// Sums are rounded to odd in f64 and then to nearest: once, in effect.
template <bool brain, HalfOp what>
uint16_t evaluate(uint16_t a, uint16_t b, uint16_t c, uint32_t mods) {
  if (mods & kFtz) {
    a = flushHalf<brain>(a);
    b = flushHalf<brain>(b);
    c = flushHalf<brain>(c);
  }
  if constexpr (what == HalfOp::Abs)
    return a & 0x7FFF;
  if constexpr (what == HalfOp::Neg)
    return a ^ 0x8000;
  const double x = halfToDouble<brain>(a), y = halfToDouble<brain>(b);
  double value = 0;
  if constexpr (what == HalfOp::Min || what == HalfOp::Max) {
    const uint16_t sign = (a ^ b) & 0x8000;
    const bool any = isNaN<brain>(a) || isNaN<brain>(b);
    if ((mods & kPropagateNaN) && any)
      return kNaN16;
    const bool absolute = mods & kXorSign;
    const double l = absolute ? std::fabs(x) : x,
                 r = absolute ? std::fabs(y) : y;
    value = what == HalfOp::Min ? minimumNumber(l, r) : maximumNumber(l, r);
    const uint16_t result = halfFromDouble<brain>(value);
    return absolute && !isNaN<brain>(result) ? (result & 0x7FFF) | sign
                                             : result;
  } else if constexpr (what == HalfOp::Add) {
    value = addToOdd(x, y);
  } else if constexpr (what == HalfOp::Sub) {
    value = addToOdd(x, -y);
  } else if constexpr (what == HalfOp::Mul) {
    value = x * y;
  } else if constexpr (what == HalfOp::Fma) {
    value = addToOdd(x * y, halfToDouble<brain>(c));
  } else if constexpr (what == HalfOp::Ex2) {
    value = std::exp2(x);
  } else if constexpr (what == HalfOp::Tanh) {
    value = std::tanh(x);
  }
  uint16_t result = halfFromDouble<brain>(value);
  if (mods & kFtz)
    result = flushHalf<brain>(result);
  if (mods & kSat) {
    const double rounded = halfToDouble<brain>(result);
    if (!(rounded > 0))
      result = 0;
    else if (rounded > 1)
      result = brain ? 0x3F80 : 0x3C00;
  }
  // .relu: negative values become 0, NaN stays the canonical NaN.
  if ((mods & kRelu) && !isNaN<brain>(result) && (result & 0x8000))
    result = 0;
  return result;
}

template <bool brain, HalfOp what, bool packed>
Step execHalf(Warp &w, const Op &op) {
  const uint32_t *a = w.slot<uint32_t>(op.a), *b = w.slot<uint32_t>(op.b),
                 *c = w.slot<uint32_t>(op.c);
  uint32_t *d = w.slot<uint32_t>(op.d);
  for (unsigned i = 0; i < 32; ++i) {
    if (!(w.mask >> i & 1))
      continue;
    uint32_t result = evaluate<brain, what>(uint16_t(a[i]), uint16_t(b[i]),
                                            uint16_t(c[i]), op.mods);
    if constexpr (packed)
      result |= uint32_t(evaluate<brain, what>(uint16_t(a[i] >> 16),
                                               uint16_t(b[i] >> 16),
                                               uint16_t(c[i] >> 16), op.mods))
                << 16;
    d[i] = result;
  }
  return Step::Next;
}

template <HalfOp what> auto halfFor(const Type &type) {
  if (type.brain)
    return type.packed ? execHalf<true, what, true>
                       : execHalf<true, what, false>;
  return type.packed ? execHalf<false, what, true>
                     : execHalf<false, what, false>;
}

} // namespace

bool ra::runtime::sim::decodeHalfArithmetic(Decoder &d, Op &op, Type type) {
  const std::string_view opcode = d.opcode();
  size_t sources = 2;
  op.opClass = OpClass::Half;
  const bool isTranscendental = opcode == "ex2" || opcode == "tanh";
  const bool isMinMax = opcode == "min" || opcode == "max";
  if (isTranscendental && !d.take("approx"))
    return d.badModifier();
  if (!isTranscendental && !isMinMax && opcode != "abs" && opcode != "neg")
    if (!d.take("rn") && opcode == "fma")
      return d.badModifier();
  if (d.take("ftz")) {
    // bf16 keeps its subnormals everywhere but in ex2, whose .ftz is required.
    if (type.brain && opcode != "ex2")
      return d.fail(".ftz is not for bf16");
    op.mods |= kFtz;
  }
  if (isMinMax) {
    if (d.take("NaN"))
      op.mods |= kPropagateNaN;
    if (d.take("xorsign")) {
      if (!d.take("abs"))
        return d.badModifier();
      op.mods |= kXorSign;
    }
  } else if (!isTranscendental) {
    if (!type.brain && d.take("sat"))
      op.mods |= kSat;
    else if (opcode == "fma" && d.take("relu"))
      op.mods |= kRelu;
  }
  d.takeType();
  if (!d.endOfModifiers())
    return false;
  if (opcode == "add")
    op.exec = halfFor<HalfOp::Add>(type);
  else if (opcode == "sub")
    op.exec = halfFor<HalfOp::Sub>(type);
  else if (opcode == "mul")
    op.exec = halfFor<HalfOp::Mul>(type);
  else if (opcode == "fma")
    op.exec = halfFor<HalfOp::Fma>(type), sources = 3;
  else if (opcode == "min")
    op.exec = halfFor<HalfOp::Min>(type);
  else if (opcode == "max")
    op.exec = halfFor<HalfOp::Max>(type);
  else if (opcode == "abs")
    op.exec = halfFor<HalfOp::Abs>(type), sources = 1;
  else if (opcode == "neg")
    op.exec = halfFor<HalfOp::Neg>(type), sources = 1;
  else if (opcode == "ex2")
    op.exec = halfFor<HalfOp::Ex2>(type), sources = 1;
  else if (opcode == "tanh")
    op.exec = halfFor<HalfOp::Tanh>(type), sources = 1;
  else
    return d.fail("'" + std::string(opcode) + "' is not for 16-bit floats");
  if (isTranscendental)
    op.opClass = OpClass::Special;
  if (!d.operandCount(sources + 1, sources + 1))
    return false;
  op.d = d.dst(0, type);
  op.a = d.src(1, type);
  op.b = sources > 1 ? d.src(2, type) : op.a;
  op.c = sources > 2 ? d.src(3, type) : op.a;
  op.scalarFlops =
      static_cast<uint8_t>((sources > 2 ? 2 : 1) * (type.packed ? 2 : 1));
  return d.ok();
}
