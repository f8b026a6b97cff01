//===- StripRun.cpp - Running scalar code over strips ---------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "StripProgram.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/ADT/APFloat.h"
#include "llvm/ADT/bit.h"

#include <cmath>

using namespace mlir;
using namespace ra::reference;

int64_t ra::reference::canonicalInt(int64_t value, unsigned width) {
  if (width >= 64)
    return value;
  if (width == 1)
    return value & 1;
  unsigned shift = 64 - width;
  return static_cast<int64_t>(static_cast<uint64_t>(value) << shift) >> shift;
}

namespace {
/// The arithmetic of one instruction's integers.
struct Width {
  unsigned bits;
  int64_t asSigned(int64_t value) const { return bits == 1 ? -value : value; }
  uint64_t asUnsigned(int64_t value) const {
    uint64_t bitsOf = static_cast<uint64_t>(value);
    return bits >= 64 ? bitsOf : bitsOf & ((uint64_t(1) << bits) - 1);
  }
};

// Wrapping arithmetic: signed overflow has no meaning in C++.
int64_t wrapAdd(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) +
                              static_cast<uint64_t>(b));
}
int64_t wrapSub(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) -
                              static_cast<uint64_t>(b));
}
int64_t wrapMul(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) *
                              static_cast<uint64_t>(b));
}
/// a / b for b != 0; INT64_MIN / -1 wraps.
int64_t divTrunc(int64_t a, int64_t b) {
  return b == -1 ? wrapSub(0, a) : a / b;
}
int64_t remTrunc(int64_t a, int64_t b) { return b == -1 ? 0 : a % b; }
int64_t divFloor(int64_t a, int64_t b) {
  int64_t quotient = divTrunc(a, b);
  return remTrunc(a, b) != 0 && (a < 0) != (b < 0) ? quotient - 1 : quotient;
}
int64_t divCeil(int64_t a, int64_t b) {
  int64_t quotient = divTrunc(a, b);
  return remTrunc(a, b) != 0 && (a < 0) == (b < 0) ? quotient + 1 : quotient;
}
int64_t modEuclid(int64_t a, int64_t b) {
  int64_t remainder = remTrunc(a, b);
  return remainder < 0 ? remainder + (b < 0 ? -b : b) : remainder;
}

int64_t powInt(int64_t base, int64_t exponent, Width width) {
  // Negative exponents: the integer part of 1 / base^|exponent|.
  if (exponent < 0) {
    if (base == 1)
      return 1;
    if (base == -1)
      return exponent % 2 ? -1 : 1;
    return 0;
  }
  int64_t result = 1;
  for (; exponent; exponent >>= 1) {
    if (exponent & 1)
      result = wrapMul(result, base);
    base = wrapMul(base, base);
  }
  return canonicalInt(result, width.bits);
}

double roundEven(double value) {
  double rounded = std::round(value);
  if (std::fabs(value - std::trunc(value)) == 0.5)
    rounded = 2.0 * std::round(value / 2.0);
  return std::copysign(rounded, value);
}

double maximum(double a, double b) {
  if (std::isnan(a) || std::isnan(b))
    return a + b;
  if (a == 0 && b == 0)
    return std::signbit(a) ? b : a;
  return a > b ? a : b;
}
double minimum(double a, double b) {
  if (std::isnan(a) || std::isnan(b))
    return a + b;
  if (a == 0 && b == 0)
    return std::signbit(a) ? a : b;
  return a < b ? a : b;
}

/// Toward zero, saturating; NaN gives 0 (poison in the IR).
int64_t toSigned(double value, unsigned bits) {
  if (std::isnan(value))
    return 0;
  double limit = std::ldexp(1.0, static_cast<int>(bits) - 1);
  if (value >= limit)
    return static_cast<int64_t>((uint64_t(1) << (bits - 1)) - 1);
  if (value <= -limit)
    return static_cast<int64_t>(~((uint64_t(1) << (bits - 1)) - 1));
  return static_cast<int64_t>(value);
}
int64_t toUnsigned(double value, unsigned bits) {
  if (std::isnan(value) || value <= 0)
    return 0;
  if (value >= std::ldexp(1.0, static_cast<int>(bits)))
    return -1;
  return static_cast<int64_t>(static_cast<uint64_t>(value));
}

uint64_t bitsOfFloat(double value, FloatType type) {
  llvm::APFloat number(value);
  bool losesInfo;
  number.convert(type.getFloatSemantics(), llvm::APFloat::rmNearestTiesToEven,
                 &losesInfo);
  return number.bitcastToAPInt().getZExtValue();
}
double floatOfBits(uint64_t bits, FloatType type) {
  llvm::APFloat number(type.getFloatSemantics(),
                       llvm::APInt(type.getWidth(), bits));
  bool losesInfo;
  number.convert(llvm::APFloat::IEEEdouble(),
                 llvm::APFloat::rmNearestTiesToEven, &losesInfo);
  return number.convertToDouble();
}

bool compareFloats(arith::CmpFPredicate predicate, double a, double b) {
  bool unordered = std::isnan(a) || std::isnan(b);
  switch (predicate) {
  case arith::CmpFPredicate::AlwaysFalse:
    return false;
  case arith::CmpFPredicate::OEQ:
    return a == b;
  case arith::CmpFPredicate::OGT:
    return a > b;
  case arith::CmpFPredicate::OGE:
    return a >= b;
  case arith::CmpFPredicate::OLT:
    return a < b;
  case arith::CmpFPredicate::OLE:
    return a <= b;
  case arith::CmpFPredicate::ONE:
    return !unordered && a != b;
  case arith::CmpFPredicate::ORD:
    return !unordered;
  case arith::CmpFPredicate::UEQ:
    return unordered || a == b;
  case arith::CmpFPredicate::UGT:
    return unordered || a > b;
  case arith::CmpFPredicate::UGE:
    return unordered || a >= b;
  case arith::CmpFPredicate::ULT:
    return unordered || a < b;
  case arith::CmpFPredicate::ULE:
    return unordered || a <= b;
  case arith::CmpFPredicate::UNE:
    return unordered || a != b;
  case arith::CmpFPredicate::UNO:
    return unordered;
  case arith::CmpFPredicate::AlwaysTrue:
    return true;
  }
  return false;
}

bool compareInts(arith::CmpIPredicate predicate, int64_t a, int64_t b,
                 Width width) {
  int64_t sa = width.asSigned(a), sb = width.asSigned(b);
  uint64_t ua = width.asUnsigned(a), ub = width.asUnsigned(b);
  switch (predicate) {
  case arith::CmpIPredicate::eq:
    return a == b;
  case arith::CmpIPredicate::ne:
    return a != b;
  case arith::CmpIPredicate::slt:
    return sa < sb;
  case arith::CmpIPredicate::sle:
    return sa <= sb;
  case arith::CmpIPredicate::sgt:
    return sa > sb;
  case arith::CmpIPredicate::sge:
    return sa >= sb;
  case arith::CmpIPredicate::ult:
    return ua < ub;
  case arith::CmpIPredicate::ule:
    return ua <= ub;
  case arith::CmpIPredicate::ugt:
    return ua > ub;
  case arith::CmpIPredicate::uge:
    return ua >= ub;
  }
  return false;
}

/// Runs one instruction over the strip.
class Runner {
public:
  Runner(const Instruction &instruction, StripState &state, int64_t count)
      : in(instruction), state(state), count(count) {}

  StripFault::Kind run();

private:
  const double *fa() { return state.floats[in.a]; }
  const double *fb() { return state.floats[in.b]; }
  const double *fc() { return state.floats[in.c]; }
  const int64_t *ia() { return state.ints[in.a]; }
  const int64_t *ib() { return state.ints[in.b]; }
  const int64_t *ic() { return state.ints[in.c]; }
  double *ft() { return state.floats[in.target]; }
  int64_t *it() { return state.ints[in.target]; }

  template <typename Fn> StripFault::Kind unary(Fn fn) {
    const double *a = fa();
    double *t = ft();
    for (int64_t i = 0; i < count; ++i)
      t[i] = fn(a[i]);
    return StripFault::None;
  }
  template <typename Fn> StripFault::Kind binary(Fn fn) {
    const double *a = fa(), *b = fb();
    double *t = ft();
    for (int64_t i = 0; i < count; ++i)
      t[i] = fn(a[i], b[i]);
    return StripFault::None;
  }
  template <typename Fn> StripFault::Kind test(Fn fn) {
    const double *a = fa();
    int64_t *t = it();
    for (int64_t i = 0; i < count; ++i)
      t[i] = fn(a[i]) ? 1 : 0;
    return StripFault::None;
  }
  template <typename Fn> StripFault::Kind unaryInt(Fn fn) {
    const int64_t *a = ia();
    int64_t *t = it();
    for (int64_t i = 0; i < count; ++i)
      t[i] = canonicalInt(fn(a[i]), in.width);
    return StripFault::None;
  }
  template <typename Fn> StripFault::Kind binaryInt(Fn fn) {
    const int64_t *a = ia(), *b = ib();
    int64_t *t = it();
    for (int64_t i = 0; i < count; ++i)
      t[i] = canonicalInt(fn(a[i], b[i]), in.width);
    return StripFault::None;
  }
  template <typename Fn> StripFault::Kind division(Fn fn) {
    const int64_t *b = ib();
    for (int64_t i = 0; i < count; ++i)
      if (b[i] == 0)
        return StripFault::DivisionByZero;
    return binaryInt(fn);
  }
  template <typename Fn> StripFault::Kind shift(Fn fn) {
    const int64_t *b = ib();
    for (int64_t i = 0; i < count; ++i)
      if (width().asUnsigned(b[i]) >= in.width)
        return StripFault::ShiftTooFar;
    return binaryInt(fn);
  }
  StripFault::Kind extended();
  StripFault::Kind extract();
  StripFault::Kind runInts();
  StripFault::Kind runMixed();

  Width width() const { return {in.width}; }
  Width source() const { return {in.sourceWidth}; }

  const Instruction &in;
  StripState &state;
  int64_t count;
};
} // namespace

StripFault::Kind Runner::extract() {
  Extents strides = rowMajorStrides(in.table.shape());
  for (int64_t i = 0; i < count; ++i) {
    int64_t offset = 0;
    for (auto [dim, reg] : llvm::enumerate(in.indices)) {
      int64_t index = state.ints[reg][i];
      if (index < 0 || index >= in.table.dim(dim))
        return StripFault::OutOfBounds;
      offset += index * strides[dim];
    }
    if (in.table.isFloat())
      ft()[i] = in.table.floats()[offset];
    else
      it()[i] = in.table.ints()[offset];
  }
  return StripFault::None;
}

StripFault::Kind Runner::extended() {
  int64_t *low = it(), *high = state.ints[in.target2];
  const int64_t *a = ia(), *b = ib();
  unsigned bits = in.sourceWidth;
  for (int64_t i = 0; i < count; ++i) {
    if (in.opcode == Opcode::AddUIExtended) {
      unsigned __int128 sum =
          static_cast<unsigned __int128>(source().asUnsigned(a[i])) +
          source().asUnsigned(b[i]);
      low[i] =
          canonicalInt(static_cast<int64_t>(static_cast<uint64_t>(sum)), bits);
      high[i] = static_cast<int64_t>(sum >> bits) & 1;
      continue;
    }
    __int128 full;
    if (in.opcode == Opcode::MulSIExtended)
      full = static_cast<__int128>(source().asSigned(a[i])) *
             source().asSigned(b[i]);
    else
      full = static_cast<__int128>(
          static_cast<unsigned __int128>(source().asUnsigned(a[i])) *
          source().asUnsigned(b[i]));
    low[i] = canonicalInt(static_cast<int64_t>(full), bits);
    high[i] = canonicalInt(
        static_cast<int64_t>(static_cast<unsigned __int128>(full) >> bits),
        bits);
  }
  return StripFault::None;
}

StripFault::Kind Runner::runInts() {
  Width w = width(), s = source();
  switch (in.opcode) {
  case Opcode::CopyI:
    return unaryInt([](int64_t a) { return a; });
  case Opcode::AddI:
    return binaryInt(wrapAdd);
  case Opcode::SubI:
    return binaryInt(wrapSub);
  case Opcode::MulI:
    return binaryInt(wrapMul);
  case Opcode::DivSI:
    return division([=](int64_t a, int64_t b) {
      return divTrunc(s.asSigned(a), s.asSigned(b));
    });
  case Opcode::DivUI:
    return division([=](int64_t a, int64_t b) {
      return static_cast<int64_t>(s.asUnsigned(a) / s.asUnsigned(b));
    });
  case Opcode::RemSI:
    return division([=](int64_t a, int64_t b) {
      return remTrunc(s.asSigned(a), s.asSigned(b));
    });
  case Opcode::RemUI:
    return division([=](int64_t a, int64_t b) {
      return static_cast<int64_t>(s.asUnsigned(a) % s.asUnsigned(b));
    });
  case Opcode::CeilDivSI:
    return division([=](int64_t a, int64_t b) {
      return divCeil(s.asSigned(a), s.asSigned(b));
    });
  case Opcode::CeilDivUI:
    return division([=](int64_t a, int64_t b) {
      uint64_t x = s.asUnsigned(a), y = s.asUnsigned(b);
      return static_cast<int64_t>(x / y + (x % y != 0));
    });
  case Opcode::FloorDivSI:
    return division([=](int64_t a, int64_t b) {
      return divFloor(s.asSigned(a), s.asSigned(b));
    });
  case Opcode::ModEuclid:
    return division(modEuclid);
  case Opcode::AndI:
    return binaryInt([](int64_t a, int64_t b) { return a & b; });
  case Opcode::OrI:
    return binaryInt([](int64_t a, int64_t b) { return a | b; });
  case Opcode::XorI:
    return binaryInt([](int64_t a, int64_t b) { return a ^ b; });
  case Opcode::ShlI:
    return shift([=](int64_t a, int64_t b) {
      return static_cast<int64_t>(static_cast<uint64_t>(a) << s.asUnsigned(b));
    });
  case Opcode::ShrSI:
    return shift(
        [=](int64_t a, int64_t b) { return s.asSigned(a) >> s.asUnsigned(b); });
  case Opcode::ShrUI:
    return shift([=](int64_t a, int64_t b) {
      return static_cast<int64_t>(s.asUnsigned(a) >> s.asUnsigned(b));
    });
  case Opcode::MaxSI:
    return binaryInt([=](int64_t a, int64_t b) {
      return s.asSigned(a) > s.asSigned(b) ? a : b;
    });
  case Opcode::MinSI:
    return binaryInt([=](int64_t a, int64_t b) {
      return s.asSigned(a) < s.asSigned(b) ? a : b;
    });
  case Opcode::MaxUI:
    return binaryInt([=](int64_t a, int64_t b) {
      return s.asUnsigned(a) > s.asUnsigned(b) ? a : b;
    });
  case Opcode::MinUI:
    return binaryInt([=](int64_t a, int64_t b) {
      return s.asUnsigned(a) < s.asUnsigned(b) ? a : b;
    });
  case Opcode::ExtSI:
    return unaryInt([=](int64_t a) { return s.asSigned(a); });
  case Opcode::ExtUI:
    return unaryInt(
        [=](int64_t a) { return static_cast<int64_t>(s.asUnsigned(a)); });
  case Opcode::AbsI:
    return unaryInt([=](int64_t a) {
      int64_t value = s.asSigned(a);
      return value < 0 ? wrapSub(0, value) : value;
    });
  case Opcode::Ctlz:
    return unaryInt([=](int64_t a) {
      return static_cast<int64_t>(llvm::countl_zero(s.asUnsigned(a))) -
             (64 - static_cast<int64_t>(s.bits));
    });
  case Opcode::Cttz:
    return unaryInt([=](int64_t a) {
      return std::min<int64_t>(llvm::countr_zero(s.asUnsigned(a)), s.bits);
    });
  case Opcode::Ctpop:
    return unaryInt([=](int64_t a) {
      return static_cast<int64_t>(llvm::popcount(s.asUnsigned(a)));
    });
  case Opcode::IPowI: {
    const int64_t *a = ia(), *b = ib();
    for (int64_t i = 0; i < count; ++i)
      if (a[i] == 0 && s.asSigned(b[i]) < 0)
        return StripFault::DivisionByZero;
    return binaryInt([=](int64_t a, int64_t b) {
      return powInt(s.asSigned(a), s.asSigned(b), w);
    });
  }
  case Opcode::CmpI: {
    auto predicate = static_cast<arith::CmpIPredicate>(in.predicate);
    return binaryInt([=](int64_t a, int64_t b) {
      return int64_t(compareInts(predicate, a, b, s));
    });
  }
  case Opcode::SelectI: {
    const int64_t *a = ia(), *b = ib(), *c = ic();
    int64_t *t = it();
    for (int64_t i = 0; i < count; ++i)
      t[i] = a[i] ? b[i] : c[i];
    return StripFault::None;
  }
  case Opcode::AddUIExtended:
  case Opcode::MulSIExtended:
  case Opcode::MulUIExtended:
    return extended();
  default:
    break;
  }
  llvm_unreachable("an opcode without a case");
}

StripFault::Kind Runner::runMixed() {
  switch (in.opcode) {
  case Opcode::CmpF: {
    auto predicate = static_cast<arith::CmpFPredicate>(in.predicate);
    const double *a = fa(), *b = fb();
    int64_t *t = it();
    for (int64_t i = 0; i < count; ++i)
      t[i] = compareFloats(predicate, a[i], b[i]);
    return StripFault::None;
  }
  case Opcode::IsFiniteF:
    return test([](double a) { return std::isfinite(a); });
  case Opcode::IsInfF:
    return test([](double a) { return std::isinf(a); });
  case Opcode::IsNaNF:
    return test([](double a) { return std::isnan(a); });
  case Opcode::IsNormalF:
    return test([](double a) { return std::isnormal(a); });
  case Opcode::SIToFP:
    for (int64_t i = 0; i < count; ++i)
      ft()[i] = static_cast<double>(source().asSigned(ia()[i]));
    return StripFault::None;
  case Opcode::UIToFP:
    for (int64_t i = 0; i < count; ++i)
      ft()[i] = static_cast<double>(source().asUnsigned(ia()[i]));
    return StripFault::None;
  case Opcode::FPToSI:
    for (int64_t i = 0; i < count; ++i)
      it()[i] = canonicalInt(toSigned(fa()[i], in.width), in.width);
    return StripFault::None;
  case Opcode::FPToUI:
    for (int64_t i = 0; i < count; ++i)
      it()[i] = canonicalInt(toUnsigned(fa()[i], in.width), in.width);
    return StripFault::None;
  case Opcode::FPowI:
    for (int64_t i = 0; i < count; ++i)
      ft()[i] =
          std::pow(fa()[i], static_cast<double>(source().asSigned(ib()[i])));
    return StripFault::None;
  case Opcode::BitsToFloat:
    for (int64_t i = 0; i < count; ++i)
      ft()[i] = floatOfBits(source().asUnsigned(ia()[i]), in.bitsType);
    return StripFault::None;
  case Opcode::FloatToBits:
    for (int64_t i = 0; i < count; ++i)
      it()[i] = canonicalInt(
          static_cast<int64_t>(bitsOfFloat(fa()[i], in.bitsType)), in.width);
    return StripFault::None;
  case Opcode::FloatBits:
    for (int64_t i = 0; i < count; ++i)
      ft()[i] =
          floatOfBits(bitsOfFloat(fa()[i], in.sourceBitsType), in.bitsType);
    return StripFault::None;
  case Opcode::SelectF: {
    const int64_t *a = ia();
    const double *b = fb(), *c = fc();
    double *t = ft();
    for (int64_t i = 0; i < count; ++i)
      t[i] = a[i] ? b[i] : c[i];
    return StripFault::None;
  }
  case Opcode::SinCosF: {
    double *second = state.floats[in.target2];
    for (int64_t i = 0; i < count; ++i) {
      double angle = fa()[i];
      ft()[i] = std::sin(angle);
      second[i] = std::cos(angle);
    }
    in.rounding.apply(second, count);
    return StripFault::None;
  }
  case Opcode::Extract:
    return extract();
  default:
    return runInts();
  }
}

StripFault::Kind Runner::run() {
  switch (in.opcode) {
  case Opcode::Copy:
    return unary([](double a) { return a; });
  case Opcode::NegF:
    return unary([](double a) { return -a; });
  case Opcode::AbsF:
    return unary([](double a) { return std::fabs(a); });
  case Opcode::AcosF:
    return unary([](double a) { return std::acos(a); });
  case Opcode::AcoshF:
    return unary([](double a) { return std::acosh(a); });
  case Opcode::AsinF:
    return unary([](double a) { return std::asin(a); });
  case Opcode::AsinhF:
    return unary([](double a) { return std::asinh(a); });
  case Opcode::AtanF:
    return unary([](double a) { return std::atan(a); });
  case Opcode::AtanhF:
    return unary([](double a) { return std::atanh(a); });
  case Opcode::CbrtF:
    return unary([](double a) { return std::cbrt(a); });
  case Opcode::CeilF:
    return unary([](double a) { return std::ceil(a); });
  case Opcode::CosF:
    return unary([](double a) { return std::cos(a); });
  case Opcode::CoshF:
    return unary([](double a) { return std::cosh(a); });
  case Opcode::ErfF:
    return unary([](double a) { return std::erf(a); });
  case Opcode::ErfcF:
    return unary([](double a) { return std::erfc(a); });
  case Opcode::ExpF:
    return unary([](double a) { return std::exp(a); });
  case Opcode::Exp2F:
    return unary([](double a) { return std::exp2(a); });
  case Opcode::ExpM1F:
    return unary([](double a) { return std::expm1(a); });
  case Opcode::FloorF:
    return unary([](double a) { return std::floor(a); });
  case Opcode::LogF:
    return unary([](double a) { return std::log(a); });
  case Opcode::Log10F:
    return unary([](double a) { return std::log10(a); });
  case Opcode::Log1pF:
    return unary([](double a) { return std::log1p(a); });
  case Opcode::Log2F:
    return unary([](double a) { return std::log2(a); });
  case Opcode::RoundF:
    return unary([](double a) { return std::round(a); });
  case Opcode::RoundEvenF:
    return unary(roundEven);
  case Opcode::RsqrtF:
    return unary([](double a) { return 1.0 / std::sqrt(a); });
  case Opcode::SinF:
    return unary([](double a) { return std::sin(a); });
  case Opcode::SinhF:
    return unary([](double a) { return std::sinh(a); });
  case Opcode::SqrtF:
    return unary([](double a) { return std::sqrt(a); });
  case Opcode::TanF:
    return unary([](double a) { return std::tan(a); });
  case Opcode::TanhF:
    return unary([](double a) { return std::tanh(a); });
  case Opcode::TruncF:
    return unary([](double a) { return std::trunc(a); });
  case Opcode::AddF:
    return binary([](double a, double b) { return a + b; });
  case Opcode::SubF:
    return binary([](double a, double b) { return a - b; });
  case Opcode::MulF:
    return binary([](double a, double b) { return a * b; });
  case Opcode::DivF:
    return binary([](double a, double b) { return a / b; });
  case Opcode::RemF:
    return binary([](double a, double b) { return std::fmod(a, b); });
  case Opcode::MaximumF:
    return binary(maximum);
  case Opcode::MinimumF:
    return binary(minimum);
  case Opcode::MaxNumF:
    return binary([](double a, double b) { return std::fmax(a, b); });
  case Opcode::MinNumF:
    return binary([](double a, double b) { return std::fmin(a, b); });
  case Opcode::Atan2F:
    return binary([](double a, double b) { return std::atan2(a, b); });
  case Opcode::CopySignF:
    return binary([](double a, double b) { return std::copysign(a, b); });
  case Opcode::PowF:
    return binary([](double a, double b) { return std::pow(a, b); });
  case Opcode::FmaF: {
    const double *a = fa(), *b = fb(), *c = fc();
    for (int64_t i = 0; i < count; ++i)
      ft()[i] = std::fma(a[i], b[i], c[i]);
    return StripFault::None;
  }
  case Opcode::ClampF: {
    const double *a = fa(), *low = fb(), *high = fc();
    for (int64_t i = 0; i < count; ++i)
      ft()[i] = minimum(maximum(a[i], low[i]), high[i]);
    return StripFault::None;
  }
  default:
    return runMixed();
  }
}

StripFault StripProgram::run(StripState &state, int64_t count) const {
  for (const Instruction &instruction : code) {
    StripFault::Kind kind = Runner(instruction, state, count).run();
    if (kind != StripFault::None)
      return {kind, instruction.origin};
    bool isFloat = instruction.opcode <= Opcode::ClampF ||
                   instruction.opcode == Opcode::SelectF ||
                   instruction.opcode == Opcode::SIToFP ||
                   instruction.opcode == Opcode::UIToFP ||
                   instruction.opcode == Opcode::FPowI ||
                   instruction.opcode == Opcode::SinCosF;
    if (isFloat && !instruction.rounding.isExact())
      instruction.rounding.apply(state.floats[instruction.target], count);
  }
  return {};
}
