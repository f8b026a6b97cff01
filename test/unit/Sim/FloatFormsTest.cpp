//===- FloatFormsTest.cpp - Floating-point instructions against their
// definitions ===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Forms.h"

#include <cmath>
#include <limits>

using namespace ra::test;

namespace {

constexpr Bits kNaN = 0x7FFFFFFF;

float flushed(float x) {
  return std::fpclassify(x) == FP_SUBNORMAL ? std::copysign(0.0F, x) : x;
}

/// high + low, exactly, with |low| at most half an ulp of high: what error-free
/// transformations give.
struct Exact {
  double high, low;
};
Exact sum(double a, double b) {
  const double s = a + b;
  if (!std::isfinite(s))
    return {s, 0};
  const double t = s - a;
  return {s, (a - (s - t)) + (b - t)};
}

/// The f32 that an exact value rounds to, by looking at the neighbours: mode is
/// n, z, m or p.
float rounded(Exact x, char mode) {
  if (!std::isfinite(x.high))
    return static_cast<float>(x.high);
  const float inf = std::numeric_limits<float>::infinity();
  // below <= exact <= above, neighbours or equal.
  float near = static_cast<float>(x.high);
  const auto sign = [&](float f) { // Of exact - f.
    if (std::isinf(f))
      return f > 0 ? -1 : 1;
    const double d = x.high - static_cast<double>(f);
    const double r = d != 0 ? d : x.low;
    return r > 0 ? 1 : r < 0 ? -1 : 0;
  };
  const int side = sign(near);
  if (side == 0)
    return near;
  const float below = side > 0 ? near : std::nextafterf(near, -inf);
  const float above = side > 0 ? std::nextafterf(near, inf) : near;
  switch (mode) {
  case 'm':
    return below;
  case 'p':
    return above;
  case 'z':
    return x.high > 0 || (x.high == 0 && x.low > 0) ? below : above;
  default: {
    if (std::isinf(below) || std::isinf(above))
      return near; // The host's overflow to nearest.
    // Twice the distances to the middle, exactly: neighbours have few bits.
    const double middle =
        (static_cast<double>(below) + static_cast<double>(above)) / 2;
    const double d = x.high - middle;
    const double r = d != 0 ? d : x.low;
    if (r != 0)
      return r < 0 ? below : above;
    uint32_t bits;
    std::memcpy(&bits, &below, 4);
    return bits % 2 == 0 ? below : above;
  }
  }
}

/// Zero results take their sign from the operands, or from the mode.
float zeroSum(float result, float a, float b, char mode) {
  if (result != 0 || a != -b || std::isinf(a))
    return result;
  if (a == 0 && b == 0 && std::signbit(a) == std::signbit(b))
    return a;
  return mode == 'm' ? -0.0F : 0.0F;
}

struct Modifier {
  std::string text;
  char mode;
  bool ftz, sat;
};
std::vector<Modifier> modifiers() {
  std::vector<Modifier> all;
  for (const char mode : {' ', 'n', 'z', 'm', 'p'})
    for (const bool ftz : {false, true})
      for (const bool sat : {false, true}) {
        std::string text;
        if (mode != ' ')
          text += std::string(".r") + mode;
        text += ftz ? ".ftz" : "";
        text += sat ? ".sat" : "";
        all.push_back({text, mode == ' ' ? 'n' : mode, ftz, sat});
      }
  return all;
}
Bits finish(float value, const Modifier &m) {
  if (m.ftz)
    value = flushed(value);
  if (m.sat)
    value = value > 0 ? std::min(value, 1.0F) : 0.0F;
  return bitsOf(value);
}

TEST(FloatForms, SinglePrecision) {
  const auto f = floats32();
  for (const Modifier &m : modifiers()) {
    const auto in = [=](Bits x) {
      return m.ftz ? flushed(asFloat(x)) : asFloat(x);
    };
    const auto add = [=](float a, float b) {
      return zeroSum(rounded(sum(double(a), double(b)), m.mode), a, b, m.mode);
    };
    checkForms(
        {{"add" + m.text + ".f32 %d, %a, %b;",
          "rrr",
          {f, f},
          [=](Bits a, Bits b, Bits) { return finish(add(in(a), in(b)), m); }},
         {"sub" + m.text + ".f32 %d, %a, %b;",
          "rrr",
          {f, f},
          [=](Bits a, Bits b, Bits) { return finish(add(in(a), -in(b)), m); }},
         {"mul" + m.text + ".f32 %d, %a, %b;",
          "rrr",
          {f, f},
          [=](Bits a, Bits b, Bits) {
            // A product of two f32 is an f64.
            return finish(rounded({double(in(a)) * double(in(b)), 0}, m.mode),
                          m);
          }}});
    if (m.text.substr(0, 2) != ".r")
      continue;
    const Reference fma = [=](Bits a, Bits b, Bits c) {
      const double product = double(in(a)) * double(in(b));
      const double addend = double(in(c));
      const float value = rounded(sum(product, addend), m.mode);
      if (product + addend == 0 && product == -addend &&
          !(product == 0 && std::signbit(product) == std::signbit(addend)))
        return finish(m.mode == 'm' ? -0.0F : 0.0F, m);
      return finish(value, m);
    };
    checkForms({{"fma" + m.text + ".f32 %d, %a, %b, %c;",
                 "rrrr",
                 {f, f, thinned(f, 3)},
                 fma},
                {"mad" + m.text + ".f32 %d, %a, %b, %c;",
                 "rrrr",
                 {thinned(f, 2), f, thinned(f, 3)},
                 fma}});
    if (m.sat)
      continue;
    // With q the nearest f64, the remainder's sign says on which side it is.
    checkForms(
        {{"div" + m.text + ".f32 %d, %a, %b;",
          "rrr",
          {f, f},
          [=](Bits a, Bits b, Bits) {
            const double x = double(in(a)), y = double(in(b)), q = x / y;
            double low = 0;
            if (std::isfinite(q) && q != 0)
              low = std::fma(-q, y, x) / y;
            return finish(rounded({q, low}, m.mode), m);
          }},
         {"rcp" + m.text + ".f32 %d, %a;",
          "rr",
          {f},
          [=](Bits a, Bits, Bits) {
            const double y = double(in(a)), q = 1 / y;
            const double low =
                std::isfinite(q) && q != 0 ? std::fma(-q, y, 1.0) / y : 0;
            return finish(rounded({q, low}, m.mode), m);
          }},
         {"sqrt" + m.text + ".f32 %d, %a;", "rr", {f}, [=](Bits a, Bits, Bits) {
            const double x = double(in(a)), q = std::sqrt(x);
            const double low =
                std::isfinite(q) && q != 0 ? std::fma(-q, q, x) / (2 * q) : 0;
            return finish(rounded({q, low}, m.mode), m);
          }}});
  }
}

/// The f64 next to `near` in the direction of the mode, given the sign of
/// exact - near.
double directed(double near, double rest, char mode) {
  const double inf = std::numeric_limits<double>::infinity();
  if (rest == 0 || mode == 'n' || !std::isfinite(near))
    return near;
  const bool down = mode == 'm' || (mode == 'z' && near > 0);
  if (down)
    return rest < 0 ? std::nextafter(near, -inf) : near;
  return rest > 0 ? std::nextafter(near, inf) : near;
}

TEST(FloatForms, DoublePrecision) {
  const auto f = floats64();
  for (const char mode : {'n', 'z', 'm', 'p'}) {
    const std::string r = std::string(".r") + mode + ".f64 ";
    const auto add = [=](double a, double b) {
      const Exact x = sum(a, b);
      if (x.high == 0 && a == -b &&
          !(a == 0 && std::signbit(a) == std::signbit(b)))
        return mode == 'm' ? -0.0 : 0.0;
      return directed(x.high, x.low, mode);
    };
    checkForms({{"add" + r + "%d, %a, %b;",
                 "ddd",
                 {f, f},
                 [=](Bits a, Bits b, Bits) {
                   return bitsOf(add(asDouble(a), asDouble(b)));
                 }},
                {"sub" + r + "%d, %a, %b;",
                 "ddd",
                 {f, f},
                 [=](Bits a, Bits b, Bits) {
                   return bitsOf(add(asDouble(a), -asDouble(b)));
                 }},
                {"mul" + r + "%d, %a, %b;",
                 "ddd",
                 {f, f},
                 [=](Bits a, Bits b, Bits) {
                   const double x = asDouble(a), y = asDouble(b), p = x * y;
                   return bitsOf(directed(p, std::fma(x, y, -p), mode));
                 }},
                {"div" + r + "%d, %a, %b;",
                 "ddd",
                 {f, f},
                 [=](Bits a, Bits b, Bits) {
                   const double x = asDouble(a), y = asDouble(b), q = x / y;
                   return bitsOf(directed(q, std::fma(-q, y, x) / y, mode));
                 }},
                {"rcp" + r + "%d, %a;",
                 "dd",
                 {f},
                 [=](Bits a, Bits, Bits) {
                   const double y = asDouble(a), q = 1 / y;
                   return bitsOf(directed(q, std::fma(-q, y, 1.0) / y, mode));
                 }},
                {"sqrt" + r + "%d, %a;", "dd", {f}, [=](Bits a, Bits, Bits) {
                   const double x = asDouble(a), q = std::sqrt(x);
                   return bitsOf(directed(q, std::fma(-q, q, x), mode));
                 }}});
#if defined(__SIZEOF_FLOAT128__)
    // Products of f64 and their sums are exact in binary128 here: the exponents
    // of these operands are within 2^-16 .. 2^2 of each other.
    std::vector<Bits> close;
    for (const Bits x : f)
      if (std::fabs(asDouble(x)) > 1e-3 && std::fabs(asDouble(x)) < 8)
        close.push_back(x);
    checkForm({"fma" + r + "%d, %a, %b, %c;",
               "dddd",
               {close, close, close},
               [=](Bits a, Bits b, Bits c) {
                 const __float128 exact =
                     static_cast<__float128>(asDouble(a)) * asDouble(b) +
                     asDouble(c);
                 const double near = static_cast<double>(exact);
                 const __float128 rest = exact - near;
                 if (exact == 0)
                   return bitsOf(mode == 'm' ? -0.0 : 0.0);
                 return bitsOf(directed(near,
                                        rest > 0   ? 1
                                        : rest < 0 ? -1
                                                   : 0,
                                        mode));
               }});
#endif
  }
}

template <class T> T smaller(T a, T b) {
  return a != a   ? b
         : b != b ? a
         : a == b ? (std::signbit(a) ? a : b)
                  : std::min(a, b);
}
template <class T> T larger(T a, T b) { return -smaller(-a, -b); }

TEST(FloatForms, MinimumMaximum) {
  const auto f = floats32(), g = floats64();
  for (const bool isMax : {false, true}) {
    const std::string name = isMax ? "max" : "min";
    const auto pick = [=](auto a, auto b) {
      return isMax ? larger(a, b) : smaller(a, b);
    };
    checkForms(
        {{name + ".f32 %d, %a, %b;",
          "rrr",
          {f, f},
          [=](Bits a, Bits b, Bits) {
            return bitsOf(pick(asFloat(a), asFloat(b)));
          }},
         {name + ".ftz.f32 %d, %a, %b;",
          "rrr",
          {f, f},
          [=](Bits a, Bits b, Bits) {
            return bitsOf(pick(flushed(asFloat(a)), flushed(asFloat(b))));
          }},
         {name + ".NaN.f32 %d, %a, %b;",
          "rrr",
          {f, f},
          [=](Bits a, Bits b, Bits) {
            const float x = asFloat(a), y = asFloat(b);
            return x != x || y != y ? kNaN : bitsOf(pick(x, y));
          }},
         {name + ".xorsign.abs.f32 %d, %a, %b;",
          "rrr",
          {f, f},
          [=](Bits a, Bits b, Bits) {
            const float value =
                pick(std::fabs(asFloat(a)), std::fabs(asFloat(b)));
            return value != value ? kNaN
                                  : bitsOf(value) | ((a ^ b) & 0x80000000U);
          }},
         {name + ".f64 %d, %a, %b;", "ddd", {g, g}, [=](Bits a, Bits b, Bits) {
            return bitsOf(pick(asDouble(a), asDouble(b)));
          }}});
  }
}

TEST(FloatForms, Signs) {
  const auto f = floats32(), g = floats64();
  const Bits top = Bits(1) << 63;
  checkForms(
      {{"abs.f32 %d, %a;",
        "rr",
        {f},
        [](Bits a, Bits, Bits) { return a & 0x7FFFFFFF; }},
       {"neg.f32 %d, %a;",
        "rr",
        {f},
        [](Bits a, Bits, Bits) { return a ^ 0x80000000; }},
       {"abs.f64 %d, %a;",
        "dd",
        {g},
        [=](Bits a, Bits, Bits) { return a & ~top; }},
       {"neg.f64 %d, %a;",
        "dd",
        {g},
        [=](Bits a, Bits, Bits) { return a ^ top; }},
       {"neg.ftz.f32 %d, %a;",
        "rr",
        {f},
        [](Bits a, Bits, Bits) { return bitsOf(flushed(-asFloat(a))); }},
       {"abs.ftz.f32 %d, %a;",
        "rr",
        {f},
        [](Bits a, Bits, Bits) {
          return bitsOf(flushed(std::fabs(asFloat(a))));
        }},
       // The sign of a on b.
       {"copysign.f32 %d, %a, %b;",
        "rrr",
        {f, f},
        [](Bits a, Bits b, Bits) {
          return (a & 0x80000000) | (b & 0x7FFFFFFF);
        }},
       {"copysign.f64 %d, %a, %b;", "ddd", {g, g}, [=](Bits a, Bits b, Bits) {
          return (a & top) | (b & ~top);
        }}});
}

TEST(FloatForms, Classes) {
  const struct {
    const char *name;
    bool (*test)(int);
  } tests[] = {
      {"finite", [](int c) { return c != FP_NAN && c != FP_INFINITE; }},
      {"infinite", [](int c) { return c == FP_INFINITE; }},
      {"number", [](int c) { return c != FP_NAN; }},
      {"notanumber", [](int c) { return c == FP_NAN; }},
      {"normal", [](int c) { return c == FP_NORMAL; }},
      {"subnormal", [](int c) { return c == FP_SUBNORMAL; }}};
  auto doubles = floats64();
  doubles.push_back(1);
  doubles.push_back(0x7FF8000000000000);
  for (const auto &test : tests) {
    const auto run = test.test;
    checkForms({{std::string("testp.") + test.name + ".f32 %d, %a;",
                 "pr",
                 {floats32()},
                 [=](Bits a, Bits, Bits) {
                   return Bits(run(std::fpclassify(asFloat(a))));
                 }},
                {std::string("testp.") + test.name + ".f64 %d, %a;",
                 "pd",
                 {doubles},
                 [=](Bits a, Bits, Bits) {
                   return Bits(run(std::fpclassify(asDouble(a))));
                 }}});
  }
}

/// Approximations are the f64 function, rounded once.
TEST(FloatForms, Approximations) {
  const auto f = floats32();
  const struct {
    const char *name;
    double (*function)(double);
    bool hasFtz;
  } functions[] = {{"ex2", [](double x) { return std::exp2(x); }, true},
                   {"lg2", [](double x) { return std::log2(x); }, true},
                   {"sin", [](double x) { return std::sin(x); }, true},
                   {"cos", [](double x) { return std::cos(x); }, true},
                   {"rcp", [](double x) { return 1 / x; }, true},
                   {"sqrt", [](double x) { return std::sqrt(x); }, true},
                   {"rsqrt", [](double x) { return 1 / std::sqrt(x); }, true},
                   {"tanh", [](double x) { return std::tanh(x); }, false}};
  for (const auto &entry : functions)
    for (const bool ftz : {false, true}) {
      if (ftz && !entry.hasFtz)
        continue;
      const auto function = entry.function;
      checkForm({std::string(entry.name) + ".approx" + (ftz ? ".ftz" : "") +
                     ".f32 %d, %a;",
                 "rr",
                 {f},
                 [=](Bits a, Bits, Bits) {
                   const float x = ftz ? flushed(asFloat(a)) : asFloat(a);
                   const auto y = static_cast<float>(function(double(x)));
                   return bitsOf(ftz ? flushed(y) : y);
                 }});
    }
  checkForms(
      {{"div.full.f32 %d, %a, %b;",
        "rrr",
        {f, f},
        [](Bits a, Bits b, Bits) {
          return bitsOf(
              static_cast<float>(double(asFloat(a)) / double(asFloat(b))));
        }},
       // PTX ISA: for 2^126 < |b| < 2^128 the result is 0, or NaN for an
       // infinite a.
       {"div.approx.f32 %d, %a, %b;",
        "rrr",
        {f, f},
        [](Bits a, Bits b, Bits) {
          const float x = asFloat(a), y = asFloat(b);
          if (std::fabs(y) > 0x1p126F && std::isfinite(y) && x == x) {
            if (std::isinf(x))
              return kNaN;
            return (a ^ b) & 0x80000000;
          }
          return bitsOf(static_cast<float>(double(x) / double(y)));
        }},
       {"rcp.approx.ftz.f64 %d, %a;",
        "dd",
        {floats64()},
        [](Bits a, Bits, Bits) {
          return bitsOf(1 / asDouble(a)) & 0xFFFFFFFF00000000;
        }},
       {"rsqrt.approx.ftz.f64 %d, %a;",
        "dd",
        {floats64()},
        [](Bits a, Bits, Bits) {
          return bitsOf(1 / std::sqrt(asDouble(a))) & 0xFFFFFFFF00000000;
        }},
       {"rsqrt.approx.f64 %d, %a;", "dd", {floats64()}, [](Bits a, Bits, Bits) {
          return bitsOf(1 / std::sqrt(asDouble(a)));
        }}});
}

} // namespace
