//===- IntegerFormsTest.cpp - Integer and bit instructions against their
// definitions ===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Forms.h"

#include <algorithm>

using namespace ra::test;

namespace {

using Wide = __int128;

/// `bits` of a value as a signed or an unsigned integer.
Wide value(Bits x, unsigned bits, bool isSigned) {
  const unsigned __int128 one = 1;
  Wide v = static_cast<Wide>(x & static_cast<Bits>((one << bits) - 1));
  if (isSigned && (x >> (bits - 1) & 1))
    v -= static_cast<Wide>(one << bits);
  return v;
}
Bits low(Wide v, unsigned bits) {
  return static_cast<Bits>(v) & (bits == 64 ? ~Bits(0) : (Bits(1) << bits) - 1);
}
std::vector<Bits> integers(unsigned bits) {
  return bits == 16 ? integers16() : bits == 32 ? integers32() : integers64();
}
char letter(unsigned bits) { return bits == 16 ? 'h' : bits == 32 ? 'r' : 'd'; }
std::string rep(unsigned bits, size_t n) {
  return std::string(n, letter(bits));
}
std::string typed(const std::string &name, unsigned bits, bool isSigned) {
  return name + (isSigned ? ".s" : ".u") + std::to_string(bits);
}

/// f(a, b, c) of exact integers, taken modulo 2^bits.
using Exact = std::function<Wide(Wide, Wide, Wide)>;

void checkExact(const std::string &name, unsigned bits, bool isSigned,
                size_t arity, const Exact &f) {
  const std::vector<Bits> all = integers(bits);
  std::vector<std::vector<Bits>> operands(arity, all);
  if (arity == 3)
    operands[2] = thinned(all, 3);
  static const char *const kText[] = {" %d, %a;", " %d, %a, %b;",
                                      " %d, %a, %b, %c;"};
  checkForm({typed(name, bits, isSigned) + kText[arity - 1],
             rep(bits, arity + 1), operands, [=](Bits a, Bits b, Bits c) {
               return low(f(value(a, bits, isSigned), value(b, bits, isSigned),
                            value(c, bits, isSigned)),
                          bits);
             }});
}

TEST(IntegerForms, Arithmetic) {
  for (const unsigned bits : {16U, 32U, 64U})
    for (const bool isSigned : {false, true}) {
      const auto check = [&](const std::string &name, size_t arity,
                             const Exact &f) {
        checkExact(name, bits, isSigned, arity, f);
      };
      check("add", 2, [](Wide a, Wide b, Wide) { return a + b; });
      check("sub", 2, [](Wide a, Wide b, Wide) { return a - b; });
      check("mul.lo", 2, [](Wide a, Wide b, Wide) {
        return static_cast<Wide>(static_cast<unsigned __int128>(a) *
                                 static_cast<unsigned __int128>(b));
      });
      check("min", 2, [](Wide a, Wide b, Wide) { return std::min(a, b); });
      check("max", 2, [](Wide a, Wide b, Wide) { return std::max(a, b); });
      check("sad", 3,
            [](Wide a, Wide b, Wide c) { return c + (a < b ? b - a : a - b); });
      check("mad.lo", 3, [](Wide a, Wide b, Wide c) {
        return static_cast<Wide>(static_cast<unsigned __int128>(a) *
                                     static_cast<unsigned __int128>(b) +
                                 static_cast<unsigned __int128>(c));
      });
      // A division by zero: all ones, and a for the remainder.
      check("div", 2,
            [](Wide a, Wide b, Wide) { return b == 0 ? Wide(-1) : a / b; });
      check("rem", 2, [](Wide a, Wide b, Wide) { return b == 0 ? a : a % b; });
      if (isSigned || bits < 64) {
        const auto high = [bits](Wide a, Wide b, Wide c) {
          return ((a * b) >> bits) + c;
        };
        check("mul.hi", 2, [=](Wide a, Wide b, Wide) { return high(a, b, 0); });
        check("mad.hi", 3, high);
      }
      if (isSigned) {
        check("abs", 1, [](Wide a, Wide, Wide) { return a < 0 ? -a : a; });
        check("neg", 1, [](Wide a, Wide, Wide) { return -a; });
      }
    }
  // The high half of u64 products needs all 128 bits, unsigned.
  checkForm({"mul.hi.u64 %d, %a, %b;",
             "ddd",
             {integers64(), integers64()},
             [](Bits a, Bits b, Bits) {
               return static_cast<Bits>(
                   (static_cast<unsigned __int128>(a) * b) >> 64);
             }});
}

TEST(IntegerForms, WideProducts) {
  for (const unsigned bits : {16U, 32U})
    for (const bool isSigned : {false, true}) {
      const std::string wide = rep(2 * bits, 1);
      checkForm({typed("mul.wide", bits, isSigned) + " %d, %a, %b;",
                 wide + rep(bits, 2),
                 {integers(bits), integers(bits)},
                 [=](Bits a, Bits b, Bits) {
                   return low(value(a, bits, isSigned) *
                                  value(b, bits, isSigned),
                              2 * bits);
                 }});
      checkForm(
          {typed("mad.wide", bits, isSigned) + " %d, %a, %b, %c;",
           wide + rep(bits, 2) + wide,
           {integers(bits), integers(bits), thinned(integers(2 * bits), 4)},
           [=](Bits a, Bits b, Bits c) {
             return low(value(a, bits, isSigned) * value(b, bits, isSigned) +
                            value(c, 2 * bits, isSigned),
                        2 * bits);
           }});
    }
}

TEST(IntegerForms, Saturation) {
  const auto clamp = [](Wide v) {
    return low(std::clamp<Wide>(v, INT32_MIN, INT32_MAX), 32);
  };
  const auto s = [](Bits x) { return value(x, 32, true); };
  const auto i = integers32();
  checkForms(
      {{"add.sat.s32 %d, %a, %b;",
        "rrr",
        {i, i},
        [=](Bits a, Bits b, Bits) { return clamp(s(a) + s(b)); }},
       {"sub.sat.s32 %d, %a, %b;",
        "rrr",
        {i, i},
        [=](Bits a, Bits b, Bits) { return clamp(s(a) - s(b)); }},
       {"mad.hi.sat.s32 %d, %a, %b, %c;",
        "rrrr",
        {i, i, thinned(i, 3)},
        [=](Bits a, Bits b, Bits c) {
          return clamp(((s(a) * s(b)) >> 32) + s(c));
        }},
       {"min.relu.s32 %d, %a, %b;",
        "rrr",
        {i, i},
        [=](Bits a, Bits b, Bits) {
          return low(std::max<Wide>(0, std::min(s(a), s(b))), 32);
        }},
       {"max.relu.s32 %d, %a, %b;", "rrr", {i, i}, [=](Bits a, Bits b, Bits) {
          return low(std::max<Wide>(0, std::max(s(a), s(b))), 32);
        }}});
}

TEST(IntegerForms, TwentyFourBits) {
  const auto i = integers32();
  for (const bool isSigned : {false, true}) {
    const auto v = [=](Bits x) { return value(x, 24, isSigned); };
    const auto w = [=](Bits x) { return value(x, 32, isSigned); };
    checkForms(
        {{typed("mul24.lo", 32, isSigned) + " %d, %a, %b;",
          "rrr",
          {i, i},
          [=](Bits a, Bits b, Bits) { return low(v(a) * v(b), 32); }},
         {typed("mul24.hi", 32, isSigned) + " %d, %a, %b;",
          "rrr",
          {i, i},
          [=](Bits a, Bits b, Bits) { return low((v(a) * v(b)) >> 16, 32); }},
         {typed("mad24.lo", 32, isSigned) + " %d, %a, %b, %c;",
          "rrrr",
          {i, i, thinned(i, 3)},
          [=](Bits a, Bits b, Bits c) { return low(v(a) * v(b) + w(c), 32); }},
         {typed("mad24.hi", 32, isSigned) + " %d, %a, %b, %c;",
          "rrrr",
          {i, i, thinned(i, 3)},
          [=](Bits a, Bits b, Bits c) {
            return low(((v(a) * v(b)) >> 16) + w(c), 32);
          }}});
  }
  checkForm({"mad24.hi.sat.s32 %d, %a, %b, %c;",
             "rrrr",
             {i, i, thinned(i, 3)},
             [](Bits a, Bits b, Bits c) {
               const auto product =
                   low((value(a, 24, true) * value(b, 24, true)) >> 16, 32);
               return low(std::clamp<Wide>(value(product, 32, true) +
                                               value(c, 32, true),
                                           INT32_MIN, INT32_MAX),
                          32);
             }});
}

TEST(IntegerForms, Carries) {
  const auto i = integers64();
  // 128-bit arithmetic in two steps: the high half checks the flag.
  using U = unsigned __int128;
  const auto high = [](U v) { return static_cast<Bits>(v >> 64); };
  checkForms(
      {{"{ .reg .b64 t; add.cc.u64 t, %a, %b; addc.u64 %d, %c, 0; }",
        "dddd",
        {i, i, i},
        [=](Bits a, Bits b, Bits c) { return high(U(a) + b) + c; }},
       {"{ .reg .b64 t; sub.cc.u64 t, %a, %b; subc.u64 %d, %c, 0; }",
        "dddd",
        {i, i, i},
        [=](Bits a, Bits b, Bits c) { return c - (a < b); }},
       {"{ .reg .b64 t; mad.lo.cc.u64 t, %a, %b, %c; madc.hi.u64 %d, %a, %b, "
        "0; }",
        "dddd",
        {i, i, i},
        [=](Bits a, Bits b, Bits c) { return high(U(a) * b + c); }},
       // 96 bits: the flag goes through a middle word.
       {"{ .reg .b32 l, h, x, y; mov.b64 {l, h}, %a; mov.b64 {x, y}, %b;"
        "add.cc.u32 l, l, x; addc.cc.u32 h, h, y; addc.u32 %d, 0, 0; }",
        "rdd",
        {i, i},
        [=](Bits a, Bits b, Bits) { return high(U(a) + b); }},
       {"{ .reg .b32 l, h, x, y; mov.b64 {l, h}, %a; mov.b64 {x, y}, %b;"
        "sub.cc.s32 l, l, x; subc.cc.s32 h, h, y; subc.s32 %d, 0, 0; }",
        "rdd",
        {i, i},
        [=](Bits a, Bits b, Bits) { return a < b ? Bits(0xFFFFFFFF) : 0; }}});
}

TEST(IntegerForms, Pairs) {
  const auto i = paired(integers16());
  for (const bool isSigned : {false, true}) {
    const auto both = [=](const Exact &f) {
      return [=](Bits a, Bits b, Bits) {
        Bits result = 0;
        for (const unsigned shift : {0U, 16U})
          result |= low(f(value(a >> shift, 16, isSigned),
                          value(b >> shift, 16, isSigned), 0),
                        16)
                    << shift;
        return result;
      };
    };
    const std::string type = isSigned ? ".s16x2" : ".u16x2";
    checkForms({{"add" + type + " %d, %a, %b;",
                 "rrr",
                 {i, i},
                 both([](Wide a, Wide b, Wide) { return a + b; })},
                {"min" + type + " %d, %a, %b;",
                 "rrr",
                 {i, i},
                 both([](Wide a, Wide b, Wide) { return std::min(a, b); })},
                {"max" + type + " %d, %a, %b;",
                 "rrr",
                 {i, i},
                 both([](Wide a, Wide b, Wide) { return std::max(a, b); })}});
    if (isSigned)
      checkForm({"max.relu.s16x2 %d, %a, %b;",
                 "rrr",
                 {i, i},
                 both([](Wide a, Wide b, Wide) {
                   return std::max<Wide>(0, std::max(a, b));
                 })});
  }
}

TEST(IntegerForms, DotProducts) {
  const auto i = integers32();
  for (const bool aSigned : {false, true})
    for (const bool bSigned : {false, true}) {
      const std::string types =
          std::string(aSigned ? ".s32" : ".u32") + (bSigned ? ".s32" : ".u32");
      checkForm({"dp4a" + types + " %d, %a, %b, %c;",
                 "rrrr",
                 {i, i, thinned(i, 4)},
                 [=](Bits a, Bits b, Bits c) {
                   Wide sum = static_cast<Wide>(c);
                   for (unsigned k = 0; k < 4; ++k)
                     sum += value(a >> (8 * k), 8, aSigned) *
                            value(b >> (8 * k), 8, bSigned);
                   return low(sum, 32);
                 }});
      for (const unsigned half : {0U, 1U})
        checkForm({std::string("dp2a.") + (half ? "hi" : "lo") + types +
                       " %d, %a, %b, %c;",
                   "rrrr",
                   {i, i, thinned(i, 4)},
                   [=](Bits a, Bits b, Bits c) {
                     Wide sum = static_cast<Wide>(c);
                     for (unsigned k = 0; k < 2; ++k)
                       sum += value(a >> (16 * k), 16, aSigned) *
                              value(b >> (8 * (k + 2 * half)), 8, bSigned);
                     return low(sum, 32);
                   }});
    }
}

//===----------------------------------------------------------------------===//
// Bits
//===----------------------------------------------------------------------===//

bool bit(Bits x, int i) { return i >= 0 && i < 64 && (x >> i & 1); }

TEST(BitForms, Logic) {
  for (const unsigned bits : {16U, 32U, 64U}) {
    const auto i = integers(bits);
    const std::string type = ".b" + std::to_string(bits);
    checkForms({{"and" + type + " %d, %a, %b;",
                 rep(bits, 3),
                 {i, i},
                 [](Bits a, Bits b, Bits) { return a & b; }},
                {"or" + type + " %d, %a, %b;",
                 rep(bits, 3),
                 {i, i},
                 [](Bits a, Bits b, Bits) { return a | b; }},
                {"xor" + type + " %d, %a, %b;",
                 rep(bits, 3),
                 {i, i},
                 [](Bits a, Bits b, Bits) { return a ^ b; }},
                {"not" + type + " %d, %a;",
                 rep(bits, 2),
                 {i},
                 [=](Bits a, Bits, Bits) { return low(~Wide(a), bits); }},
                {"cnot" + type + " %d, %a;",
                 rep(bits, 2),
                 {i},
                 [](Bits a, Bits, Bits) { return Bits(a == 0); }}});
  }
  const std::vector<Bits> p = {0, 1};
  checkForms({{"and.pred %d, %a, %b;",
               "ppp",
               {p, p},
               [](Bits a, Bits b, Bits) { return a & b; }},
              {"or.pred %d, %a, !%b;",
               "ppp",
               {p, p},
               [](Bits a, Bits b, Bits) { return a | (b ^ 1); }},
              {"xor.pred %d, %a, %b;",
               "ppp",
               {p, p},
               [](Bits a, Bits b, Bits) { return a ^ b; }},
              {"not.pred %d, %a;", "pp", {p}, [](Bits a, Bits, Bits) {
                 return a ^ 1;
               }}});
}

TEST(BitForms, Shifts) {
  const std::vector<Bits> amounts = {0,  1,  5,  15, 16,  17,        31,
                                     32, 33, 63, 64, 200, 0xFFFFFFFF};
  for (const unsigned bits : {16U, 32U, 64U}) {
    const auto i = integers(bits);
    const std::string n = std::to_string(bits), regs = rep(bits, 2) + "r";
    const auto shift = [=](bool isSigned) {
      return [=](Bits a, Bits b, Bits) {
        const Wide v = value(a, bits, isSigned);
        return low(v >> std::min<Bits>(b, 100), bits);
      };
    };
    checkForms(
        {{"shl.b" + n + " %d, %a, %b;",
          regs,
          {i, amounts},
          [=](Bits a, Bits b, Bits) {
            return b >= bits ? 0 : low(Wide(a) << b, bits);
          }},
         {"shr.u" + n + " %d, %a, %b;", regs, {i, amounts}, shift(false)},
         {"shr.b" + n + " %d, %a, %b;", regs, {i, amounts}, shift(false)},
         {"shr.s" + n + " %d, %a, %b;", regs, {i, amounts}, shift(true)}});
  }
  const auto i = thinned(integers32(), 2);
  for (const bool left : {false, true})
    for (const bool wrap : {false, true})
      checkForm({std::string("shf.") + (left ? "l" : "r") +
                     (wrap ? ".wrap" : ".clamp") + ".b32 %d, %a, %b, %c;",
                 "rrrr",
                 {i, i, amounts},
                 [=](Bits a, Bits b, Bits c) {
                   // [b:a] as one number of 64 bits.
                   const Bits n = wrap ? c % 32 : std::min<Bits>(c, 32);
                   Bits result = 0;
                   for (int k = 0; k < 32; ++k) {
                     const int from = left ? 32 + k - static_cast<int>(n)
                                           : k + static_cast<int>(n);
                     result |= Bits(bit(b << 32 | a, from)) << k;
                   }
                   return result;
                 }});
}

TEST(BitForms, Counts) {
  for (const unsigned bits : {32U, 64U}) {
    auto i = integers(bits);
    for (unsigned k = 0; k < bits; k += 3)
      i.push_back(Bits(1) << k);
    const std::string n = std::to_string(bits), regs = "r" + rep(bits, 1);
    checkForms({{"popc.b" + n + " %d, %a;",
                 regs,
                 {i},
                 [](Bits a, Bits, Bits) {
                   Bits count = 0;
                   for (int k = 0; k < 64; ++k)
                     count += bit(a, k);
                   return count;
                 }},
                {"clz.b" + n + " %d, %a;",
                 regs,
                 {i},
                 [=](Bits a, Bits, Bits) {
                   Bits count = 0;
                   while (count < bits && !bit(a, int(bits - 1 - count)))
                     ++count;
                   return count;
                 }},
                {"brev.b" + n + " %d, %a;",
                 rep(bits, 2),
                 {i},
                 [=](Bits a, Bits, Bits) {
                   Bits result = 0;
                   for (unsigned k = 0; k < bits; ++k)
                     result |= Bits(bit(a, int(k))) << (bits - 1 - k);
                   return result;
                 }}});
    for (const bool isSigned : {false, true})
      for (const bool shift : {false, true})
        checkForm({std::string("bfind") + (shift ? ".shiftamt" : "") +
                       (isSigned ? ".s" : ".u") + n + " %d, %a;",
                   regs,
                   {i},
                   [=](Bits a, Bits, Bits) {
                     const int top = int(bits) - 1;
                     // PTX ISA, bfind: the first bit that is not the sign.
                     const bool sign = isSigned && bit(a, top);
                     for (int k = top; k >= 0; --k)
                       if (bit(a, k) != sign)
                         return Bits(shift ? top - k : k);
                     return Bits(0xFFFFFFFF);
                   }});
  }
}

TEST(BitForms, Fields) {
  const std::vector<Bits> places = {0,  1,  4,  7,  15,  30,     31,
                                    32, 33, 63, 64, 255, 256 + 3};
  for (const unsigned bits : {32U, 64U}) {
    const auto i = thinned(integers(bits), 2);
    const int msb = int(bits) - 1;
    for (const bool isSigned : {false, true})
      // PTX ISA, bfe, word for word.
      checkForm({typed("bfe", bits, isSigned) + " %d, %a, %b, %c;",
                 rep(bits, 2) + "rr",
                 {i, places, places},
                 [=](Bits a, Bits b, Bits c) {
                   const int pos = b & 0xFF, len = c & 0xFF;
                   const bool sbit = isSigned && len != 0 &&
                                     bit(a, std::min(pos + len - 1, msb));
                   Bits d = 0;
                   for (int k = 0; k <= msb; ++k) {
                     const bool v =
                         k < len && pos + k <= msb ? bit(a, pos + k) : sbit;
                     d |= Bits(v) << k;
                   }
                   return d;
                 }});
    for (const Bits pos : places)
      checkForm({"bfi.b" + std::to_string(bits) + " %d, %a, %b, " +
                     std::to_string(pos) + ", %c;",
                 rep(bits, 3) + "r",
                 {i, i, places},
                 [=](Bits a, Bits b, Bits c) {
                   const int at = pos & 0xFF, len = c & 0xFF;
                   Bits f = b;
                   for (int k = 0; k < len && at + k <= msb; ++k)
                     f = (f & ~(Bits(1) << (at + k))) | Bits(bit(a, k))
                                                            << (at + k);
                   return f;
                 }});
  }
  const std::vector<Bits> widths = {0, 1, 5, 31, 32, 33, 40, 100};
  for (const bool wrap : {false, true}) {
    const std::string mode = wrap ? ".wrap" : ".clamp";
    checkForm({"bmsk" + mode + ".b32 %d, %a, %b;",
               "rrr",
               {widths, widths},
               [=](Bits a, Bits b, Bits) {
                 const Bits start = wrap ? a % 32 : a;
                 const Bits width = wrap ? b % 32 : b;
                 Bits d = 0;
                 for (Bits k = start; k < start + width && k < 32; ++k)
                   d |= Bits(1) << k;
                 return d;
               }});
    for (const bool isSigned : {false, true})
      checkForm({"szext" + mode + (isSigned ? ".s32" : ".u32") + " %d, %a, %b;",
                 "rrr",
                 {integers32(), widths},
                 [=](Bits a, Bits b, Bits) {
                   const Bits n = wrap ? b % 32 : std::min<Bits>(b, 32);
                   return n == 0 ? 0 : low(value(a, unsigned(n), isSigned), 32);
                 }});
  }
}

TEST(BitForms, TruthTables) {
  const std::vector<Bits> i = {0xF0F0F0F0, 0xCCCCCCCC, 0xAAAAAAAA, 0x12345678};
  for (unsigned lut = 0; lut < 256; lut += 7)
    checkForm({"lop3.b32 %d, %a, %b, %c, " + std::to_string(lut) + ";",
               "rrrr",
               {i, i, i},
               [=](Bits a, Bits b, Bits c) {
                 Bits d = 0;
                 for (int k = 0; k < 32; ++k) {
                   const unsigned row =
                       bit(a, k) * 4U + bit(b, k) * 2U + bit(c, k) * 1U;
                   d |= Bits(lut >> row & 1) << k;
                 }
                 return d;
               }});
  const std::vector<Bits> p = {0, 1};
  checkForms({{"{ .reg .b32 t; lop3.or.b32 t|%d, %a, %a, %a, 0x80, %b; }",
               "prp",
               {{0, 8}, p},
               [](Bits a, Bits b, Bits) { return Bits(a != 0 || b != 0); }},
              {"{ .reg .b32 t; lop3.and.b32 t|%d, %a, %a, %a, 0x80, !%b; }",
               "prp",
               {{0, 8}, p},
               [](Bits a, Bits b, Bits) { return Bits(a != 0 && b == 0); }}});
}

TEST(BitForms, Permutations) {
  const std::vector<Bits> words = {0x33221100, 0x77665544, 0x80FF7F01};
  std::vector<Bits> selectors = {0x3210, 0x7654, 0x0123, 0xFEDC, 0x5140, 0x8888,
                                 0x9B5C, 0,      1,      2,      3};
  const auto byte = [](Bits a, Bits b, unsigned n) {
    return (b << 32 | a) >> (8 * n) & 0xFF;
  };
  checkForm({"prmt.b32 %d, %a, %b, %c;",
             "rrrr",
             {words, words, selectors},
             [=](Bits a, Bits b, Bits c) {
               Bits d = 0;
               for (unsigned k = 0; k < 4; ++k) {
                 const Bits s = c >> (4 * k) & 15;
                 Bits v = byte(a, b, s & 7);
                 if (s & 8)
                   v = v & 0x80 ? 0xFF : 0;
                 d |= v << (8 * k);
               }
               return d;
             }});
  // PTX ISA's table: the bytes d.b3 d.b2 d.b1 d.b0 for selector 0 to 3.
  const struct {
    const char *mode;
    unsigned rows[4][4];
  } tables[] = {
      {"f4e", {{3, 2, 1, 0}, {4, 3, 2, 1}, {5, 4, 3, 2}, {6, 5, 4, 3}}},
      {"b4e", {{5, 6, 7, 0}, {6, 7, 0, 1}, {7, 0, 1, 2}, {0, 1, 2, 3}}},
      {"rc8", {{0, 0, 0, 0}, {1, 1, 1, 1}, {2, 2, 2, 2}, {3, 3, 3, 3}}},
      {"ecl", {{3, 2, 1, 0}, {3, 2, 1, 1}, {3, 2, 2, 2}, {3, 3, 3, 3}}},
      {"ecr", {{0, 0, 0, 0}, {1, 1, 1, 0}, {2, 2, 1, 0}, {3, 2, 1, 0}}},
      {"rc16", {{1, 0, 1, 0}, {3, 2, 3, 2}, {1, 0, 1, 0}, {3, 2, 3, 2}}}};
  for (const auto &table : tables)
    checkForm({std::string("prmt.b32.") + table.mode + " %d, %a, %b, %c;",
               "rrrr",
               {words, words, {0, 1, 2, 3}},
               [=](Bits a, Bits b, Bits c) {
                 Bits d = 0;
                 for (unsigned k = 0; k < 4; ++k)
                   d |= byte(a, b, table.rows[c][3 - k]) << (8 * k);
                 return d;
               }});
}

} // namespace
