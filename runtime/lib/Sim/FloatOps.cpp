//===- FloatOps.cpp - f32 and f64 arithmetic -----------------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Decode.h"
#include "FloatFormat.h"
#include "LaneKernels.h"

#include <cfenv>
#include <cmath>

using namespace ra::runtime::sim;

namespace {

// Op::mods of floating-point operations.
enum FloatMods : uint32_t {
  kRoundingMask = 3,
  kFtz = 4,
  kSat = 8,
  kPropagateNaN = 16,
  kXorSign = 32
};

using Exec = Step (*)(Warp &, const Op &);

//===----------------------------------------------------------------------===//
// Operations. `apply` rounds as the host's rounding mode says.
//===----------------------------------------------------------------------===//

struct Add {
  template <class T> static T apply(T a, T b) { return a + b; }
};
struct Sub {
  template <class T> static T apply(T a, T b) { return a - b; }
};
struct Mul {
  template <class T> static T apply(T a, T b) { return a * b; }
};
struct Div {
  template <class T> static T apply(T a, T b) { return a / b; }
};
struct Fma {
  template <class T> static T apply(T a, T b, T c) { return std::fma(a, b, c); }
};
struct Rcp {
  template <class T> static T apply(T a) { return T(1) / a; }
};
struct Sqrt {
  template <class T> static T apply(T a) { return std::sqrt(a); }
};
// Approximations are computed in f64 and rounded once.
struct Rsqrt {
  static float apply(float a) {
    return static_cast<float>(1.0 / std::sqrt(static_cast<double>(a)));
  }
  static double apply(double a) { return 1.0 / std::sqrt(a); }
};
struct Ex2 {
  static float apply(float a) {
    return static_cast<float>(std::exp2(static_cast<double>(a)));
  }
};
struct Lg2 {
  static float apply(float a) {
    return static_cast<float>(std::log2(static_cast<double>(a)));
  }
};
struct Sin {
  static float apply(float a) {
    return static_cast<float>(std::sin(static_cast<double>(a)));
  }
};
struct Cos {
  static float apply(float a) {
    return static_cast<float>(std::cos(static_cast<double>(a)));
  }
};
struct Tanh {
  static float apply(float a) {
    return static_cast<float>(std::tanh(static_cast<double>(a)));
  }
};
/// PTX ISA, div.approx: divisors above 2^126 give 0.
struct DivApprox {
  static float apply(float a, float b) {
    const float magnitude = std::fabs(b);
    if (magnitude > 0x1p126F && !std::isinf(b)) {
      if (std::isinf(a))
        return NAN;
      if (a == a)
        return std::copysign(0.0F,
                             std::copysign(1.0F, a) * std::copysign(1.0F, b));
    }
    return static_cast<float>(static_cast<double>(a) / static_cast<double>(b));
  }
};
struct DivFull {
  static float apply(float a, float b) {
    return static_cast<float>(static_cast<double>(a) / static_cast<double>(b));
  }
};
struct Abs {
  template <class T> static T apply(T a) { return std::fabs(a); }
};
struct Neg {
  template <class T> static T apply(T a) { return -a; }
};
struct CopySign {
  template <class T> static T apply(T a, T b) { return std::copysign(b, a); }
};

float flushIf(float value, bool ftz) { return ftz ? flush(value) : value; }
double flushIf(double value, bool) { return value; }

template <class T> T saturate(T value) {
  if (!(value > 0))
    return 0; // NaN and -0 too.
  return value > 1 ? T(1) : value;
}

/// Sets the host's rounding mode for its lifetime.
class HostRounding {
public:
  explicit HostRounding(uint32_t mods) {
    static constexpr int kModes[] = {FE_TONEAREST, FE_TOWARDZERO, FE_DOWNWARD,
                                     FE_UPWARD};
    changed = (mods & kRoundingMask) != 0;
    if (changed)
      std::fesetround(kModes[mods & kRoundingMask]);
  }
  ~HostRounding() {
    if (changed)
      std::fesetround(FE_TONEAREST);
  }
  HostRounding(const HostRounding &) = delete;
  HostRounding &operator=(const HostRounding &) = delete;

private:
  bool changed;
};

/// F with every modifier. The operands go through volatile variables, so that
/// the operation stays between the changes of the rounding mode.
template <class F, class T, int arity> Step execGeneral(Warp &w, const Op &op) {
  const auto *a = w.slot<Lane<T>>(op.a);
  const auto *b = w.slot<Lane<T>>(op.b);
  const auto *c = w.slot<Lane<T>>(op.c);
  auto *d = w.slot<Lane<T>>(op.d);
  const bool ftz = op.mods & kFtz, sat = op.mods & kSat;
  const HostRounding rounding(op.mods);
  for (unsigned i = 0; i < 32; ++i) {
    if (!(w.mask >> i & 1))
      continue;
    volatile T x = flushIf(fromLane<T>(a[i]), ftz);
    volatile T y = 0, z = 0;
    if constexpr (arity > 1)
      y = flushIf(fromLane<T>(b[i]), ftz);
    if constexpr (arity > 2)
      z = flushIf(fromLane<T>(c[i]), ftz);
    volatile T result;
    if constexpr (arity == 1)
      result = F::apply(T(x));
    else if constexpr (arity == 2)
      result = F::apply(T(x), T(y));
    else
      result = F::apply(T(x), T(y), T(z));
    T value = flushIf(canonical(T(result)), ftz);
    d[i] = toLane<T>(sat ? saturate(value) : value);
  }
  return Step::Next;
}

/// F to nearest, without modifiers.
template <class F, class T> struct Plain {
  static T apply(T a) { return canonical(F::apply(a)); }
  static T apply(T a, T b) { return canonical(F::apply(a, b)); }
};
/// The same with .ftz.
template <class F> struct Flushing {
  static float apply(float a) { return flush(canonical(F::apply(flush(a)))); }
  static float apply(float a, float b) {
    return flush(canonical(F::apply(flush(a), flush(b))));
  }
};

template <class F, class T> Exec unaryFor(uint32_t mods) {
  if (mods == 0)
    return exec1<Plain<F, T>, T, T>;
  if constexpr (std::is_same_v<T, float>)
    if (mods == kFtz)
      return exec1<Flushing<F>, float, float>;
  return execGeneral<F, T, 1>;
}
template <class F, class T> Exec binaryFor(uint32_t mods) {
  if (mods == 0)
    return exec2<Plain<F, T>, T, T>;
  if constexpr (std::is_same_v<T, float>)
    if (mods == kFtz)
      return exec2<Flushing<F>, float, float>;
  return execGeneral<F, T, 2>;
}

Step execFma32(Warp &w, const Op &op) {
  const auto *a = w.slot<float>(op.a), *b = w.slot<float>(op.b),
             *c = w.slot<float>(op.c);
  static const LaneKernels &kernels = laneKernels();
  if (w.mask == UINT32_MAX) {
    kernels.fma32(w.slot<float>(op.d), a, b, c);
    return Step::Next;
  }
  float result[32];
  kernels.fma32(result, a, b, c);
  forLanes(w.mask, w.slot<float>(op.d), [&](unsigned i) { return result[i]; });
  return Step::Next;
}

template <class T> T minMax(T a, T b, uint32_t mods, bool isMax) {
  if constexpr (std::is_same_v<T, float>)
    if (mods & kFtz) {
      a = flush(a);
      b = flush(b);
    }
  const bool negative = std::signbit(a) != std::signbit(b);
  if (mods & kXorSign) {
    a = std::fabs(a);
    b = std::fabs(b);
  }
  T value;
  if ((mods & kPropagateNaN) && (a != a || b != b))
    return canonical(std::numeric_limits<T>::quiet_NaN());
  value = canonical(isMax ? maximumNumber(a, b) : minimumNumber(a, b));
  if ((mods & kXorSign) && value == value)
    value = std::copysign(value, negative ? T(-1) : T(1));
  return value;
}
template <class T, bool isMax> Step execMinMax(Warp &w, const Op &op) {
  const auto *a = w.slot<Lane<T>>(op.a);
  const auto *b = w.slot<Lane<T>>(op.b);
  auto *d = w.slot<Lane<T>>(op.d);
  for (unsigned i = 0; i < 32; ++i)
    if (w.mask >> i & 1)
      d[i] = toLane<T>(
          minMax(fromLane<T>(a[i]), fromLane<T>(b[i]), op.mods, isMax));
  return Step::Next;
}
/// Without modifiers, in a form that becomes vector instructions: ordered
/// numbers as two's complement integers, NaNs aside.
struct Max32 {
  static uint32_t key(uint32_t bits) {
    return bits ^
           (static_cast<uint32_t>(static_cast<int32_t>(bits) >> 31) >> 1);
  }
  static bool isNaN(uint32_t bits) { return (bits & 0x7FFFFFFF) > 0x7F800000; }
};
template <bool isMax> struct MinMax32 {
  static uint32_t apply(uint32_t a, uint32_t b) {
    const auto x = static_cast<int32_t>(Max32::key(a));
    const auto y = static_cast<int32_t>(Max32::key(b));
    const bool first = isMax ? x > y : x < y;
    uint32_t value = first ? a : b;
    value = Max32::isNaN(a) ? b : value;
    value = Max32::isNaN(b) ? a : value;
    return Max32::isNaN(value) ? kNaN32 : value;
  }
};

/// The f64 approximations keep the upper 32 bits of the result.
template <class F> Step execGross64(Warp &w, const Op &op) {
  const auto *a = w.slot<uint64_t>(op.a);
  forLanes(w.mask, w.slot<uint64_t>(op.d), [&](unsigned i) {
    uint64_t bits = a[i];
    if ((bits & 0x7FF0000000000000ULL) == 0)
      bits &= 0x8000000000000000ULL;
    const uint64_t result =
        bitsFromDouble(F::apply(doubleFromBits(bits))) & 0xFFFFFFFF00000000ULL;
    return (result & 0x7FF0000000000000ULL) == 0
               ? result & 0x8000000000000000ULL
               : result;
  });
  return Step::Next;
}

//===----------------------------------------------------------------------===//
// Decoders
//===----------------------------------------------------------------------===//

/// .rn .rz .rm .rp into the low bits of op.mods; false if there is none.
bool takeRounding(Decoder &d, Op &op) {
  const int rounding = d.takeOneOf({"rn", "rz", "rm", "rp"});
  if (rounding > 0)
    op.mods |= static_cast<uint32_t>(rounding);
  return rounding >= 0;
}

bool takeFloatType(Decoder &d, Op &op, Type &type) {
  type = d.takeType();
  if (!d.ok())
    return false;
  if (type.kind != Type::Kind::Float || type.packed || type.bits < 32)
    return d.fail("f32 or f64 is expected");
  op.opClass = type.bits == 64 ? OpClass::Float64 : OpClass::Float32;
  if (type.bits == 64 && (op.mods & (kFtz | kSat)))
    return d.fail(".ftz and .sat are not for f64");
  return d.endOfModifiers();
}

bool setOperands(Decoder &d, Op &op, const Type &type, size_t sources) {
  if (!d.operandCount(sources + 1, sources + 1))
    return false;
  op.d = d.dst(0, type);
  op.a = d.src(1, type);
  op.b = sources > 1 ? d.src(2, type) : op.a;
  op.c = sources > 2 ? d.src(3, type) : op.a;
  op.scalarFlops = sources > 2 ? 2 : 1;
  return d.ok();
}

template <class F> Exec binaryOf(const Type &type, uint32_t mods) {
  return type.bits == 64 ? binaryFor<F, double>(mods)
                         : binaryFor<F, float>(mods);
}

/// The type at the end of the modifiers.
Type lastType(Decoder &d) {
  Type type, last;
  for (size_t i = 0; !d.peekModifier(i).empty(); ++i)
    if (parseType(d.peekModifier(i), type))
      last = type;
  return last;
}

bool decodeBinary(Decoder &d, Op &op) {
  takeRounding(d, op);
  if (d.take("ftz"))
    op.mods |= kFtz;
  if (d.take("sat"))
    op.mods |= kSat;
  Type type;
  if (!takeFloatType(d, op, type))
    return false;
  op.exec = d.opcode() == "add"   ? binaryOf<Add>(type, op.mods)
            : d.opcode() == "sub" ? binaryOf<Sub>(type, op.mods)
                                  : binaryOf<Mul>(type, op.mods);
  return setOperands(d, op, type, 2);
}

bool decodeFma(Decoder &d, Op &op) {
  if (!takeRounding(d, op) && d.opcode() == "fma")
    return d.badModifier();
  if (d.take("ftz"))
    op.mods |= kFtz;
  if (d.take("sat"))
    op.mods |= kSat;
  Type type;
  if (!takeFloatType(d, op, type))
    return false;
  if (type.bits == 64)
    op.exec = execGeneral<Fma, double, 3>;
  else
    op.exec = op.mods == 0 ? execFma32 : execGeneral<Fma, float, 3>;
  return setOperands(d, op, type, 3);
}

bool decodeDiv(Decoder &d, Op &op) {
  const int approx = d.takeOneOf({"approx", "full"});
  if (approx < 0 && !takeRounding(d, op))
    return d.badModifier();
  if (d.take("ftz"))
    op.mods |= kFtz;
  Type type;
  if (!takeFloatType(d, op, type))
    return false;
  if (approx >= 0 && type.bits == 64)
    return d.fail("f64 divisions have a rounding mode");
  op.exec = approx == 0   ? binaryFor<DivApprox, float>(op.mods)
            : approx == 1 ? binaryFor<DivFull, float>(op.mods)
                          : binaryOf<Div>(type, op.mods);
  return setOperands(d, op, type, 2);
}

/// rcp, sqrt: .approx or a rounding mode.
template <class F> bool decodeRoot(Decoder &d, Op &op) {
  const bool approx = d.take("approx");
  if (!approx && !takeRounding(d, op))
    return d.badModifier();
  const bool ftz = d.take("ftz");
  Type type;
  op.mods |= ftz && lastType(d).bits == 32 ? kFtz : 0U;
  if (!takeFloatType(d, op, type))
    return false;
  op.opClass = OpClass::Special;
  if (type.bits == 64 && approx) {
    if (!ftz || d.opcode() == "sqrt")
      return d.fail("this f64 approximation does not exist");
    op.exec = execGross64<F>;
  } else {
    op.exec = type.bits == 64 ? unaryFor<F, double>(op.mods)
                              : unaryFor<F, float>(op.mods);
  }
  return setOperands(d, op, type, 1);
}

bool decodeRsqrt(Decoder &d, Op &op) {
  if (!d.take("approx"))
    return d.badModifier();
  const bool ftz = d.take("ftz");
  Type type;
  op.mods |= ftz && lastType(d).bits == 32 ? kFtz : 0U;
  if (!takeFloatType(d, op, type))
    return false;
  op.opClass = OpClass::Special;
  if (type.bits == 64)
    op.exec = ftz ? execGross64<Rsqrt> : unaryFor<Rsqrt, double>(0);
  else
    op.exec = unaryFor<Rsqrt, float>(op.mods);
  return setOperands(d, op, type, 1);
}

/// ex2, lg2, sin, cos, tanh of f32.
template <class F> bool decodeApprox(Decoder &d, Op &op) {
  const Type last = lastType(d);
  if (last.bits == 16)
    return decodeHalfArithmetic(d, op, last);
  if (!d.take("approx"))
    return d.badModifier();
  if (d.opcode() != "tanh" && d.take("ftz"))
    op.mods |= kFtz;
  Type type;
  if (!takeFloatType(d, op, type))
    return false;
  if (type.bits != 32)
    return d.fail("f32 is expected");
  op.exec = unaryFor<F, float>(op.mods);
  op.opClass = OpClass::Special;
  return setOperands(d, op, type, 1);
}

bool decodeAbsNeg(Decoder &d, Op &op) {
  if (d.take("ftz"))
    op.mods |= kFtz;
  Type type;
  if (!takeFloatType(d, op, type))
    return false;
  const bool isAbs = d.opcode() == "abs";
  // Signs change without canonical NaNs.
  if (type.bits == 64)
    op.exec = isAbs ? exec1<Abs, double, double> : exec1<Neg, double, double>;
  else if (op.mods & kFtz)
    op.exec = isAbs ? exec1<Flushing<Abs>, float, float>
                    : exec1<Flushing<Neg>, float, float>;
  else
    op.exec = isAbs ? exec1<Abs, float, float> : exec1<Neg, float, float>;
  return setOperands(d, op, type, 1);
}

bool decodeMinMax(Decoder &d, Op &op) {
  if (d.take("ftz"))
    op.mods |= kFtz;
  if (d.take("NaN"))
    op.mods |= kPropagateNaN;
  if (d.take("xorsign")) {
    if (!d.take("abs"))
      return d.badModifier();
    op.mods |= kXorSign;
  }
  Type type;
  if (!takeFloatType(d, op, type))
    return false;
  const bool isMax = d.opcode() == "max";
  if (type.bits == 64) {
    if (op.mods != 0)
      return d.fail("min and max of f64 have no modifiers");
    op.exec = isMax ? execMinMax<double, true> : execMinMax<double, false>;
  } else if (op.mods == 0) {
    op.exec = isMax ? exec2<MinMax32<true>, uint32_t, uint32_t>
                    : exec2<MinMax32<false>, uint32_t, uint32_t>;
  } else {
    op.exec = isMax ? execMinMax<float, true> : execMinMax<float, false>;
  }
  return setOperands(d, op, type, 2);
}

bool decodeCopySign(Decoder &d, Op &op) {
  Type type;
  if (!takeFloatType(d, op, type))
    return false;
  op.exec = type.bits == 64 ? exec2<CopySign, double, double>
                            : exec2<CopySign, float, float>;
  return setOperands(d, op, type, 2);
}

template <class T> Step execTestp(Warp &w, const Op &op) {
  const auto *a = w.slot<Lane<T>>(op.a);
  const uint32_t bits = laneBits([&](unsigned i) {
    const T value = fromLane<T>(a[i]);
    switch (op.mods) {
    case 0:
      return std::isfinite(value);
    case 1:
      return std::isinf(value);
    case 2:
      return value == value;
    case 3:
      return value != value;
    case 4:
      return std::isnormal(value);
    default:
      return std::fpclassify(value) == FP_SUBNORMAL;
    }
  });
  w.setPredicate(op.d, bits);
  return Step::Next;
}

bool decodeTestp(Decoder &d, Op &op) {
  const int what = d.takeOneOf(
      {"finite", "infinite", "number", "notanumber", "normal", "subnormal"});
  if (what < 0)
    return d.badModifier();
  Type type;
  if (!takeFloatType(d, op, type) || !d.operandCount(2, 2))
    return false;
  op.mods = static_cast<uint32_t>(what);
  op.exec = type.bits == 64 ? execTestp<double> : execTestp<float>;
  op.opClass = OpClass::Compare;
  op.d = d.predicateDst(d.operand(0));
  op.a = d.src(1, type);
  return d.ok();
}

} // namespace

bool ra::runtime::sim::decodeFloatArithmetic(Decoder &d, Op &op) {
  const Type type = lastType(d);
  if (type.bits == 16)
    return decodeHalfArithmetic(d, op, type);
  const std::string_view opcode = d.opcode();
  if (opcode == "fma" || opcode == "mad")
    return decodeFma(d, op);
  if (opcode == "div")
    return decodeDiv(d, op);
  if (opcode == "min" || opcode == "max")
    return decodeMinMax(d, op);
  if (opcode == "abs" || opcode == "neg")
    return decodeAbsNeg(d, op);
  if (opcode == "add" || opcode == "sub" || opcode == "mul")
    return decodeBinary(d, op);
  return d.badModifier();
}

void ra::runtime::sim::addFloatOps(OpcodeTable &table) {
  table["fma"] = decodeFloatArithmetic;
  table["rcp"] = decodeRoot<Rcp>;
  table["sqrt"] = decodeRoot<Sqrt>;
  table["rsqrt"] = decodeRsqrt;
  table["ex2"] = decodeApprox<Ex2>;
  table["lg2"] = decodeApprox<Lg2>;
  table["sin"] = decodeApprox<Sin>;
  table["cos"] = decodeApprox<Cos>;
  table["tanh"] = decodeApprox<Tanh>;
  table["copysign"] = decodeCopySign;
  table["testp"] = decodeTestp;
}
