//===- HalfFormsTest.cpp - f16, bf16 and conversions against tables of values
//===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Forms.h"

#include <algorithm>
#include <cmath>
#include <limits>

using namespace ra::test;

namespace {

/// A format of up to 19 bits, as the list of its finite magnitudes: rounding is
/// a search in it.
class Format {
public:
  Format(int exponentBits, int mantissaBits)
      : mantissaBits(mantissaBits),
        infinity(((1U << exponentBits) - 1) << mantissaBits) {
    const int bias = (1 << (exponentBits - 1)) - 1;
    for (uint32_t bits = 0; bits < infinity; ++bits) {
      const int exponent = static_cast<int>(bits >> mantissaBits);
      const int fraction = static_cast<int>(bits & ((1U << mantissaBits) - 1));
      magnitudes.push_back(exponent == 0
                               ? std::ldexp(fraction, 1 - bias - mantissaBits)
                               : std::ldexp(fraction + (1 << mantissaBits),
                                            exponent - bias - mantissaBits));
    }
    top = std::ldexp(1.0, bias + 1);
  }

  uint32_t signBit() const {
    return ((infinity >> mantissaBits) + 1) << mantissaBits;
  }
  uint32_t infinityBits() const { return infinity; }

  double decode(Bits bits) const {
    const auto magnitude = static_cast<uint32_t>(bits) & (signBit() - 1);
    const double value = magnitude < infinity ? magnitudes[magnitude]
                         : magnitude == infinity
                             ? std::numeric_limits<double>::infinity()
                             : std::numeric_limits<double>::quiet_NaN();
    return bits & signBit() ? -value : value;
  }

  /// mode: n, z, m, p or a (ties away). A NaN gives all ones below the sign.
  Bits encode(long double value, char mode) const {
    if (value != value)
      return signBit() - 1;
    const bool negative = std::signbit(value);
    const long double size = negative ? -value : value;
    const Bits sign = negative ? signBit() : 0;
    if (std::isinf(value))
      return sign | infinity;
    // The first magnitude that is not below.
    const auto above = std::lower_bound(
        magnitudes.begin(), magnitudes.end(), static_cast<double>(size),
        [&](double m, double) { return m < size; });
    const auto high = static_cast<uint32_t>(above - magnitudes.begin());
    const long double upper = high < magnitudes.size() ? magnitudes[high] : top;
    if (upper == size && high < magnitudes.size())
      return sign | high;
    if (high == 0)
      return sign;
    const uint32_t low = high - 1;
    const long double lower = magnitudes[low];
    bool up = false;
    switch (mode) {
    case 'z':
      break;
    case 'm':
      up = negative;
      break;
    case 'p':
      up = !negative;
      break;
    default:
      up = size - lower > upper - size ||
           (size - lower == upper - size && (mode == 'a' || low % 2 == 1));
    }
    // Beyond the largest value lies infinity, at the next power of two.
    if (size >= top && !(mode == 'z' || (mode == 'm' && !negative) ||
                         (mode == 'p' && negative)))
      return sign | infinity;
    return sign | (up ? high : low);
  }

private:
  int mantissaBits;
  uint32_t infinity;
  double top;
  std::vector<double> magnitudes;
};

const Format &f16() {
  static const Format format(5, 10);
  return format;
}
const Format &bf16() {
  static const Format format(8, 7);
  return format;
}
const Format &tf32() {
  static const Format format(8, 10);
  return format;
}

const Format &formatOf(bool brain) { return brain ? bf16() : f16(); }

double minimum(double a, double b) {
  return a != a   ? b
         : b != b ? a
         : a == b ? (std::signbit(a) ? a : b)
                  : std::min(a, b);
}
double maximum(double a, double b) { return -minimum(-a, -b); }

/// Forms on one half, and the same on both halves of a pair.
void checkHalf(const std::string &name, bool brain, size_t arity,
               const Reference &one) {
  const auto values = brain ? bhalves() : halves();
  const auto pairs = paired(values);
  const std::string type = brain ? ".bf16" : ".f16";
  static const char *const kText[] = {" %d, %a;", " %d, %a, %b;",
                                      " %d, %a, %b, %c;"};
  std::vector<std::vector<Bits>> operands(arity, values), both(arity, pairs);
  checkForm({name + type + kText[arity - 1], std::string(arity + 1, 'h'),
             operands, one});
  checkForm({name + type + "x2" + kText[arity - 1], std::string(arity + 1, 'r'),
             both, [=](Bits a, Bits b, Bits c) {
               return one(a & 0xFFFF, b & 0xFFFF, c & 0xFFFF) |
                      one(a >> 16, b >> 16, c >> 16) << 16;
             }});
}

TEST(HalfForms, Arithmetic) {
  for (const bool brain : {false, true}) {
    const Format &f = formatOf(brain);
    const auto d = [&f](Bits x) {
      return static_cast<long double>(f.decode(x));
    };
    const auto near = [&f](long double x) { return f.encode(x, 'n'); };
    // Sums of f16 are exact in 64 bits of mantissa; those of bf16 need not be,
    // but then the smaller operand is far below a tie.
    checkHalf("add", brain, 2,
              [=](Bits a, Bits b, Bits) { return near(d(a) + d(b)); });
    checkHalf("add.rn", brain, 2,
              [=](Bits a, Bits b, Bits) { return near(d(a) + d(b)); });
    checkHalf("sub", brain, 2,
              [=](Bits a, Bits b, Bits) { return near(d(a) - d(b)); });
    checkHalf("mul", brain, 2,
              [=](Bits a, Bits b, Bits) { return near(d(a) * d(b)); });
    const auto fma = [=](Bits a, Bits b, Bits c) {
#if defined(__SIZEOF_FLOAT128__)
      // Exact for f16; the table search needs the sign of what is lost.
      const __float128 exact = static_cast<__float128>(d(a)) * d(b) + d(c);
      long double high = static_cast<long double>(exact);
      const __float128 rest = exact - high;
      if (std::isfinite(high) && rest != 0)
        high = std::nextafter(
            high, rest > 0 ? std::numeric_limits<long double>::infinity()
                           : -std::numeric_limits<long double>::infinity());
      return near(high);
#else
      return near(d(a) * d(b) + d(c));
#endif
    };
    checkHalf("fma.rn", brain, 3, fma);
    checkHalf("fma.rn.relu", brain, 3, [=](Bits a, Bits b, Bits c) {
      const Bits value = fma(a, b, c);
      const bool nan = f.decode(value) != f.decode(value);
      return !nan && (value & 0x8000) ? Bits(0) : value;
    });
    checkHalf("abs", brain, 1, [](Bits a, Bits, Bits) { return a & 0x7FFF; });
    checkHalf("neg", brain, 1, [](Bits a, Bits, Bits) { return a ^ 0x8000; });
    for (const bool isMax : {false, true}) {
      const std::string name = isMax ? "max" : "min";
      const auto pick = [=](double a, double b) {
        return isMax ? maximum(a, b) : minimum(a, b);
      };
      checkHalf(name, brain, 2, [=](Bits a, Bits b, Bits) {
        return near(pick(f.decode(a), f.decode(b)));
      });
      checkHalf(name + ".NaN", brain, 2, [=](Bits a, Bits b, Bits) {
        const double x = f.decode(a), y = f.decode(b);
        return x != x || y != y ? Bits(0x7FFF) : near(pick(x, y));
      });
      checkHalf(name + ".NaN.xorsign.abs", brain, 2, [=](Bits a, Bits b, Bits) {
        const double x = f.decode(a), y = f.decode(b);
        return x != x || y != y ? Bits(0x7FFF)
                                : near(pick(std::fabs(x), std::fabs(y))) |
                                      ((a ^ b) & 0x8000);
      });
    }
    checkHalf("tanh.approx", brain, 1,
              [=](Bits a, Bits, Bits) { return near(std::tanh(f.decode(a))); });
    checkHalf(brain ? "ex2.approx.ftz" : "ex2.approx", brain, 1,
              [=](Bits a, Bits, Bits) {
                const auto flush = [&](Bits x) {
                  return brain && (x & 0x7F80) == 0 ? x & 0x8000 : x;
                };
                return flush(near(std::exp2(f.decode(flush(a)))));
              });
  }
  const Format &f = f16();
  const auto flush = [](Bits x) { return (x & 0x7C00) == 0 ? x & 0x8000 : x; };
  checkHalf("add.ftz", false, 2, [=, &f](Bits a, Bits b, Bits) {
    return flush(f.encode(f.decode(flush(a)) + f.decode(flush(b)), 'n'));
  });
  checkHalf("mul.sat", false, 2, [=, &f](Bits a, Bits b, Bits) {
    const double value = f.decode(f.encode(f.decode(a) * f.decode(b), 'n'));
    return f.encode(value > 0 ? std::min(value, 1.0) : 0.0, 'n');
  });
  checkHalf("fma.rn.ftz.sat", false, 3, [=, &f](Bits a, Bits b, Bits c) {
    const double value = f.decode(flush(f.encode(
        static_cast<long double>(f.decode(flush(a))) * f.decode(flush(b)) +
            f.decode(flush(c)),
        'n')));
    return f.encode(value > 0 ? std::min(value, 1.0) : 0.0, 'n');
  });
}

//===----------------------------------------------------------------------===//
// Conversions
//===----------------------------------------------------------------------===//

std::vector<Bits> manyFloats() {
  auto f = floats32();
  // Around the ties of the narrow formats.
  for (const Bits tie : {0x3F801000U, 0x3F803000U, 0x3F808000U, 0x3F818000U,
                         0x33000000U, 0x33800000U, 0x477FEFFFU, 0x477FF000U,
                         0x7F7F8000U, 0x387FE000U, 0x38801000U, 0x00008000U})
    for (const int step : {-1, 0, 1}) {
      f.push_back(tie + static_cast<Bits>(step));
      f.push_back((tie + static_cast<Bits>(step)) | 0x80000000U);
    }
  return f;
}

TEST(ConvertForms, ToNarrowFloats) {
  const auto f = manyFloats();
  for (const bool brain : {false, true}) {
    const Format &format = formatOf(brain);
    const std::string type = brain ? "bf16" : "f16";
    for (const char mode : {'n', 'z'}) {
      const std::string r = std::string("cvt.r") + mode;
      const auto relu = [&format, mode](Bits x) {
        const float v = asFloat(x);
        return v != v            ? Bits(0x7FFF)
               : std::signbit(v) ? Bits(0)
                                 : format.encode(v, mode);
      };
      const auto plain = [&format, mode](Bits x) {
        return format.encode(asFloat(x), mode);
      };
      checkForms(
          {{r + "." + type + ".f32 %d, %a;",
            "hr",
            {f},
            [=](Bits a, Bits, Bits) { return plain(a); }},
           {r + ".relu." + type + ".f32 %d, %a;",
            "hr",
            {f},
            [=](Bits a, Bits, Bits) { return relu(a); }},
           // The first source becomes the high half.
           {r + "." + type + "x2.f32 %d, %a, %b;",
            "rrr",
            {f, thinned(f, 5)},
            [=](Bits a, Bits b, Bits) { return plain(a) << 16 | plain(b); }},
           {r + ".relu." + type + "x2.f32 %d, %a, %b;",
            "rrr",
            {f, thinned(f, 5)},
            [=](Bits a, Bits b, Bits) { return relu(a) << 16 | relu(b); }}});
    }
    checkForm({"cvt.f32." + type + " %d, %a;",
               "rh",
               {brain ? bhalves() : halves()},
               [&format](Bits a, Bits, Bits) {
                 return bitsOf(static_cast<float>(format.decode(a)));
               }});
  }
  for (const char mode : {'m', 'p'})
    checkForm(
        {std::string("cvt.r") + mode + ".f16.f32 %d, %a;",
         "hr",
         {f},
         [=](Bits a, Bits, Bits) { return f16().encode(asFloat(a), mode); }});
  checkForms(
      {{"cvt.rn.sat.f16.f32 %d, %a;",
        "hr",
        {f},
        [](Bits a, Bits, Bits) {
          const float v = asFloat(a);
          return f16().encode(v > 0 ? std::min(v, 1.0F) : 0.0F, 'n');
        }},
       {"cvt.rna.tf32.f32 %d, %a;",
        "rr",
        {f},
        [](Bits a, Bits, Bits) {
          const float v = asFloat(a);
          return v != v ? Bits(0x7FFFFFFF) : tf32().encode(v, 'a') << 13;
        }},
       {"cvt.rn.satfinite.f16.f32 %d, %a;", "hr", {f}, [](Bits a, Bits, Bits) {
          const Bits bits = f16().encode(asFloat(a), 'n');
          return (bits & 0x7FFF) == 0x7C00 ? bits - 1 : bits;
        }}});
}

/// The f32 next to an exact long double, by mode.
float toFloat(long double x, char mode) {
  const float inf = std::numeric_limits<float>::infinity();
  const auto near = static_cast<float>(x);
  const long double exactNear = near;
  if (mode == 'n' || exactNear == x || std::isinf(x) || x != x)
    return near;
  const float below = exactNear < x ? near : std::nextafterf(near, -inf);
  const float above = exactNear > x ? near : std::nextafterf(near, inf);
  return mode == 'm' ? below : mode == 'p' ? above : (x > 0 ? below : above);
}

TEST(ConvertForms, BetweenFloats) {
  auto doubles = floats64();
  for (const double v : {1e300, -1e-300, 1e-42, 0x1.000001p0, 0x1.0000011p0,
                         3.4028235677973366e38, -0x1.8p-149})
    doubles.push_back(bitsOf(v));
  for (const char mode : {'n', 'z', 'm', 'p'})
    checkForm({std::string("cvt.r") + mode + ".f32.f64 %d, %a;",
               "rd",
               {doubles},
               [=](Bits a, Bits, Bits) {
                 return bitsOf(toFloat(asDouble(a), mode));
               }});
  std::vector<Bits> numbers;
  for (const Bits x : floats32())
    if (asFloat(x) == asFloat(x))
      numbers.push_back(x);
  checkForms(
      {{"cvt.f64.f32 %d, %a;",
        "dr",
        {numbers},
        [](Bits a, Bits, Bits) { return bitsOf(double(asFloat(a))); }},
       {"cvt.ftz.f64.f32 %d, %a;",
        "dr",
        {numbers},
        [](Bits a, Bits, Bits) {
          const float v = asFloat(a);
          return bitsOf(double(
              std::fpclassify(v) == FP_SUBNORMAL ? std::copysign(0.0F, v) : v));
        }},
       {"cvt.sat.f32.f32 %d, %a;", "rr", {floats32()}, [](Bits a, Bits, Bits) {
          const float v = asFloat(a);
          return bitsOf(v > 0 ? std::min(v, 1.0F) : 0.0F);
        }}});
  const struct {
    const char *mode;
    float (*round)(float);
  } modes[] = {{"rni", [](float x) { return std::nearbyint(x); }},
               {"rzi", [](float x) { return std::trunc(x); }},
               {"rmi", [](float x) { return std::floor(x); }},
               {"rpi", [](float x) { return std::ceil(x); }}};
  for (const auto &entry : modes) {
    const auto round = entry.round;
    checkForm({std::string("cvt.") + entry.mode + ".f32.f32 %d, %a;",
               "rr",
               {floats32()},
               [=](Bits a, Bits, Bits) { return bitsOf(round(asFloat(a))); }});
  }
}

TEST(ConvertForms, FloatToInteger) {
  std::vector<Bits> f = floats32(), g = floats64();
  for (const float v :
       {0.5F, -0.5F, 1.5F, -2.5F, 127.5F, -128.5F, 255.5F, 32767.5F, 65535.5F,
        2147483520.0F, -2147483648.0F, 4294967040.0F, 9.3e18F, 1.9e19F, -3e20F})
    f.push_back(bitsOf(v)), g.push_back(bitsOf(double(v)));
  g.push_back(0x7FF8000000000000);
  const struct {
    const char *mode;
    long double (*round)(long double);
  } modes[] = {{"rni", [](long double x) { return std::nearbyint(x); }},
               {"rzi", [](long double x) { return std::trunc(x); }},
               {"rmi", [](long double x) { return std::floor(x); }},
               {"rpi", [](long double x) { return std::ceil(x); }}};
  for (const auto &entry : modes)
    for (const unsigned bits : {16U, 32U, 64U})
      for (const bool isSigned : {false, true}) {
        const auto round = entry.round;
        const auto clamp = [=](long double x, bool fromDouble) -> Bits {
          if (x != x)
            return fromDouble || bits == 64 ? Bits(1) << (bits - 1) : 0;
          const long double least =
              isSigned ? -std::ldexp(1.0L, int(bits) - 1) : 0.0L;
          const long double most =
              std::ldexp(1.0L, int(bits) - (isSigned ? 1 : 0)) - 1;
          const long double r = std::clamp(round(x), least, most);
          const Bits value = r < 0 ? Bits(-static_cast<long long>(-(r + 1)) - 1)
                                   : static_cast<Bits>(r);
          return bits == 64 ? value : value & ((Bits(1) << bits) - 1);
        };
        const std::string to =
            std::string(".") + (isSigned ? "s" : "u") + std::to_string(bits);
        const std::string letter = bits == 16 ? "h" : bits == 32 ? "r" : "d";
        checkForms(
            {{std::string("cvt.") + entry.mode + to + ".f32 %d, %a;",
              letter + "r",
              {f},
              [=](Bits a, Bits, Bits) { return clamp(asFloat(a), false); }},
             {std::string("cvt.") + entry.mode + to + ".f64 %d, %a;",
              letter + "d",
              {g},
              [=](Bits a, Bits, Bits) { return clamp(asDouble(a), true); }}});
      }
  checkForm(
      {"cvt.rzi.s32.f16 %d, %a;", "rh", {halves()}, [](Bits a, Bits, Bits) {
         const double v = f16().decode(a);
         if (v != v)
           return Bits(0);
         return Bits(static_cast<uint32_t>(static_cast<int32_t>(
             std::clamp(std::trunc(v), -2147483648.0, 2147483647.0))));
       }});
}

TEST(ConvertForms, IntegerToFloat) {
  auto wide = integers64();
  for (const Bits v : {0x1000001ULL, 0x1000003ULL, 0x20000000000001ULL,
                       0xFFFFFF7FFFFFFFFFULL, 0x8000008000000001ULL})
    wide.push_back(v);
  for (const bool isSigned : {false, true})
    for (const unsigned bits : {32U, 64U})
      for (const char mode : {'n', 'z', 'm', 'p'}) {
        const auto exact = [=](Bits x) -> long double {
          if (bits == 32)
            return isSigned
                       ? static_cast<long double>(static_cast<int32_t>(x))
                       : static_cast<long double>(static_cast<uint32_t>(x));
          return isSigned ? static_cast<long double>(static_cast<int64_t>(x))
                          : static_cast<long double>(x);
        };
        const std::string from = std::string(isSigned ? ".s" : ".u") +
                                 std::to_string(bits) + " %d, %a;";
        const std::string r = std::string("cvt.r") + mode;
        const std::string letter = bits == 32 ? "r" : "d";
        const auto &values = bits == 32 ? integers32() : wide;
        checkForms(
            {{r + ".f32" + from,
              "r" + letter,
              {values},
              [=](Bits a, Bits, Bits) {
                return bitsOf(toFloat(exact(a), mode));
              }},
             {r + ".f16" + from,
              "h" + letter,
              {values},
              [=](Bits a, Bits, Bits) { return f16().encode(exact(a), mode); }},
             {r + ".f64" + from,
              "d" + letter,
              {values},
              [=](Bits a, Bits, Bits) {
                const long double x = exact(a);
                auto near = static_cast<double>(x);
                const double inf = std::numeric_limits<double>::infinity();
                const bool down = mode == 'm' || (mode == 'z' && x > 0);
                const bool up = mode == 'p' || (mode == 'z' && x < 0);
                if (down && near > x)
                  near = std::nextafter(near, -inf);
                if (up && near < x)
                  near = std::nextafter(near, inf);
                return bitsOf(near);
              }}});
      }
}

TEST(ConvertForms, Integers) {
  const unsigned sizes[] = {8, 16, 32, 64};
  for (const unsigned from : sizes)
    for (const unsigned to : sizes)
      for (const bool fromSigned : {false, true})
        for (const bool toSigned : {false, true})
          for (const bool sat : {false, true}) {
            // Values of 8 bits live in registers of 16.
            const auto letter = [](unsigned bits) {
              return bits <= 16 ? 'h' : bits == 32 ? 'r' : 'd';
            };
            const unsigned toRegister = std::max(16U, to);
            const std::string text =
                std::string("cvt") + (sat ? ".sat" : "") +
                (toSigned ? ".s" : ".u") + std::to_string(to) +
                (fromSigned ? ".s" : ".u") + std::to_string(from) + " %d, %a;";
            const auto &values = from <= 16   ? integers16()
                                 : from == 32 ? integers32()
                                              : integers64();
            checkForm(
                {text,
                 std::string() + letter(to) + letter(from),
                 {values},
                 [=](Bits a, Bits, Bits) {
                   __int128 v = static_cast<__int128>(
                       from == 64 ? a : a & ((Bits(1) << from) - 1));
                   if (fromSigned && (a >> (from - 1) & 1))
                     v -= static_cast<__int128>(1) << from;
                   const __int128 one = 1;
                   const __int128 most = (one << (to - (toSigned ? 1 : 0))) - 1;
                   const __int128 least = toSigned ? -(one << (to - 1)) : 0;
                   if (sat)
                     v = v > most ? most : v < least ? least : v;
                   // Truncated to the type, then extended to the register.
                   Bits bits = static_cast<Bits>(v) &
                               (to == 64 ? ~Bits(0) : (Bits(1) << to) - 1);
                   if (toSigned && to < 64 && (bits >> (to - 1) & 1))
                     bits |= ~Bits(0) << to;
                   return toRegister == 64
                              ? bits
                              : bits & ((Bits(1) << toRegister) - 1);
                 }});
          }
  const auto clamp = [](Bits x, int least, int most) {
    const auto v = static_cast<int32_t>(x);
    return static_cast<Bits>(static_cast<uint32_t>(std::clamp(v, least, most)));
  };
  const auto i = integers32();
  checkForms(
      {{"cvt.pack.sat.s16.s32 %d, %a, %b;",
        "rrr",
        {i, i},
        [=](Bits a, Bits b, Bits) {
          return (clamp(a, -32768, 32767) & 0xFFFF) << 16 |
                 (clamp(b, -32768, 32767) & 0xFFFF);
        }},
       {"cvt.pack.sat.u8.s32.b32 %d, %a, %b, %c;",
        "rrrr",
        {i, i, {0, 0x11223344, 0xFFFFFFFF}},
        [=](Bits a, Bits b, Bits c) {
          return (c << 16 & 0xFFFF0000) | clamp(a, 0, 255) << 8 |
                 clamp(b, 0, 255);
        }},
       // Sources in wider registers: the low bits count.
       {"cvt.s32.s8 %d, %a;",
        "rr",
        {i},
        [](Bits a, Bits, Bits) {
          return Bits(static_cast<uint32_t>(static_cast<int8_t>(a)));
        }},
       {"cvt.u16.u64 %d, %a;", "hd", {integers64()}, [](Bits a, Bits, Bits) {
          return a & 0xFFFF;
        }}});
}

} // namespace
