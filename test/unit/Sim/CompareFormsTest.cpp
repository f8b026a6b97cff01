//===- CompareFormsTest.cpp - Comparisons, selections and moves ----------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Forms.h"

#include "ra/Runtime/ElementType.h"

#include <cmath>

using namespace ra::test;

namespace {

/// The orders of two values: less, equal, greater or unordered.
enum class Order { Less, Equal, Greater, Unordered };
template <class T> Order order(T a, T b) {
  return a < b    ? Order::Less
         : a > b  ? Order::Greater
         : a == b ? Order::Equal
                  : Order::Unordered;
}
bool holds(const std::string &name, Order o) {
  if (name == "num")
    return o != Order::Unordered;
  if (name == "nan")
    return o == Order::Unordered;
  std::string base = name;
  if (base.size() == 3 && base.back() == 'u') {
    if (o == Order::Unordered)
      return true;
    base.pop_back();
  }
  if (o == Order::Unordered)
    return false;
  if (base == "eq")
    return o == Order::Equal;
  if (base == "ne")
    return o != Order::Equal;
  if (base == "lt" || base == "lo")
    return o == Order::Less;
  if (base == "le" || base == "ls")
    return o != Order::Greater;
  if (base == "gt" || base == "hi")
    return o == Order::Greater;
  return o != Order::Less;
}

const std::vector<std::string> kInteger = {"eq", "ne", "lt", "le", "gt", "ge"};
const std::vector<std::string> kUnsigned = {"lo", "ls", "hi", "hs"};
const std::vector<std::string> kFloat = {"eq",  "ne",  "lt",  "le",  "gt",
                                         "ge",  "equ", "neu", "ltu", "leu",
                                         "gtu", "geu", "num", "nan"};

void checkCompare(const std::string &type, char letter,
                  const std::vector<std::string> &names,
                  const std::vector<Bits> &values,
                  const std::function<Order(Bits, Bits)> &compare) {
  const std::string regs = std::string("p") + letter + letter;
  for (const std::string &name : names) {
    checkForms(
        {{"setp." + name + "." + type + " %d, %a, %b;",
          regs,
          {values, values},
          [=](Bits a, Bits b, Bits) {
            return Bits(holds(name, compare(a, b)));
          }},
         {"setp." + name + "." + type + " %d|%q, %a, %b;",
          regs,
          {values, values},
          [=](Bits a, Bits b, Bits) {
            return holds(name, compare(a, b)) ? Bits(1) : Bits(2);
          }},
         {"set." + name + ".u32." + type + " %d, %a, %b;",
          std::string("r") + letter + letter,
          {values, values},
          [=](Bits a, Bits b, Bits) {
            return holds(name, compare(a, b)) ? Bits(0xFFFFFFFF) : Bits(0);
          }},
         {"set." + name + ".f32." + type + " %d, %a, %b;",
          std::string("r") + letter + letter,
          {values, values},
          [=](Bits a, Bits b, Bits) {
            return holds(name, compare(a, b)) ? Bits(0x3F800000) : Bits(0);
          }}});
  }
}

TEST(CompareForms, Types) {
  using Pair = std::function<Order(Bits, Bits)>;
  const auto as = [](auto zero) -> Pair {
    using T = decltype(zero);
    return [](Bits a, Bits b) {
      return order(static_cast<T>(a), static_cast<T>(b));
    };
  };
  checkCompare("s16", 'h', kInteger, integers16(), as(int16_t()));
  checkCompare("u16", 'h', kInteger, integers16(), as(uint16_t()));
  checkCompare("s32", 'r', kInteger, integers32(), as(int32_t()));
  checkCompare("u32", 'r', kInteger, integers32(), as(uint32_t()));
  checkCompare("u32", 'r', kUnsigned, integers32(), as(uint32_t()));
  checkCompare("s64", 'd', kInteger, integers64(), as(int64_t()));
  checkCompare("u64", 'd', kInteger, integers64(), as(uint64_t()));
  checkCompare("u64", 'd', kUnsigned, integers64(), as(uint64_t()));
  for (const auto &[type, letter] :
       {std::pair("b16", 'h'), std::pair("b32", 'r'), std::pair("b64", 'd')})
    checkCompare(type, letter, {"eq", "ne"},
                 letter == 'h'   ? integers16()
                 : letter == 'r' ? integers32()
                                 : integers64(),
                 as(uint64_t()));
  checkCompare("f32", 'r', kFloat, floats32(),
               [](Bits a, Bits b) { return order(asFloat(a), asFloat(b)); });
  auto doubles = floats64();
  doubles.push_back(0x7FF8000000000000);
  checkCompare("f64", 'd', kFloat, doubles,
               [](Bits a, Bits b) { return order(asDouble(a), asDouble(b)); });
  checkCompare("f16", 'h', kFloat, halves(), [](Bits a, Bits b) {
    return order(ra::runtime::f16ToDouble(static_cast<uint16_t>(a)),
                 ra::runtime::f16ToDouble(static_cast<uint16_t>(b)));
  });
  checkCompare("bf16", 'h', kFloat, bhalves(), [](Bits a, Bits b) {
    return order(ra::runtime::bf16ToDouble(static_cast<uint16_t>(a)),
                 ra::runtime::bf16ToDouble(static_cast<uint16_t>(b)));
  });
}

TEST(CompareForms, Combined) {
  const auto i = integers32();
  const std::vector<Bits> p = {0, 1};
  const auto less = [](Bits a, Bits b) {
    return static_cast<int32_t>(a) < static_cast<int32_t>(b);
  };
  const auto both = [](bool first, bool second) {
    return Bits(first) | Bits(second) << 1;
  };
  checkForms({{"setp.lt.and.s32 %d|%q, %a, %b, %c;",
               "prrp",
               {i, i, p},
               [=](Bits a, Bits b, Bits c) {
                 return both(less(a, b) && c, !less(a, b) && c);
               }},
              {"setp.lt.or.s32 %d|%q, %a, %b, !%c;",
               "prrp",
               {i, i, p},
               [=](Bits a, Bits b, Bits c) {
                 return both(less(a, b) || !c, !less(a, b) || !c);
               }},
              {"setp.lt.xor.s32 %d|%q, %a, %b, %c;",
               "prrp",
               {i, i, p},
               [=](Bits a, Bits b, Bits c) {
                 return both(less(a, b) != bool(c), !less(a, b) != bool(c));
               }},
              {"setp.gt.ftz.f32 %d, %a, 0f00000000;",
               "pr",
               {floats32()},
               [](Bits a, Bits, Bits) {
                 return Bits(asFloat(a) > 0 &&
                             std::fpclassify(asFloat(a)) != FP_SUBNORMAL);
               }},
              // Low halves decide the first predicate, high halves the second.
              {"setp.lt.f16x2 %d|%q, %a, %b;",
               "prr",
               {paired(halves()), paired(halves())},
               [=](Bits a, Bits b, Bits) {
                 const auto f = [](Bits x) {
                   return ra::runtime::f16ToDouble(static_cast<uint16_t>(x));
                 };
                 return both(f(a) < f(b), f(a >> 16) < f(b >> 16));
               }},
              {"set.lt.f16x2.f16x2 %d, %a, %b;",
               "rrr",
               {paired(halves()), paired(halves())},
               [=](Bits a, Bits b, Bits) {
                 const auto f = [](Bits x) {
                   return ra::runtime::f16ToDouble(static_cast<uint16_t>(x));
                 };
                 return (f(a) < f(b) ? 0x3C00U : 0U) |
                        (f(a >> 16) < f(b >> 16) ? 0x3C000000U : 0U);
               }}});
}

TEST(CompareForms, Selections) {
  const std::vector<Bits> p = {0, 1};
  const auto pick = [](Bits a, Bits b, Bits c) { return c ? a : b; };
  for (const auto &[type, letter, values] :
       {std::tuple("b16", 'h', integers16()),
        std::tuple("u32", 'r', integers32()),
        std::tuple("f32", 'r', floats32()),
        std::tuple("b64", 'd', integers64()),
        std::tuple("f64", 'd', floats64())})
    checkForm({std::string("selp.") + type + " %d, %a, %b, %c;",
               std::string(3, letter) + "p",
               {values, values, p},
               pick});
  const auto i = thinned(integers32(), 2);
  checkForms({{"slct.u32.s32 %d, %a, %b, %c;",
               "rrrr",
               {i, i, integers32()},
               [](Bits a, Bits b, Bits c) {
                 return static_cast<int32_t>(c) >= 0 ? a : b;
               }},
              {"slct.b64.s32 %d, %a, %b, %c;",
               "dddr",
               {integers64(), integers64(), i},
               [](Bits a, Bits b, Bits c) {
                 return static_cast<int32_t>(c) >= 0 ? a : b;
               }},
              {"slct.f32.f32 %d, %a, %b, %c;",
               "rrrr",
               {i, i, floats32()},
               [](Bits a, Bits b, Bits c) { return asFloat(c) >= 0 ? a : b; }},
              {"slct.ftz.s32.f32 %d, %a, %b, %c;",
               "rrrr",
               {i, i, floats32()},
               [](Bits a, Bits b, Bits c) {
                 const bool tiny = std::fpclassify(asFloat(c)) == FP_SUBNORMAL;
                 return tiny || asFloat(c) >= 0 ? a : b;
               }}});
}

TEST(CompareForms, Moves) {
  const std::vector<Bits> p = {0, 1};
  const Reference same = [](Bits a, Bits, Bits) { return a; };
  checkForms(
      {{"mov.b16 %d, %a;", "hh", {integers16()}, same},
       {"mov.b32 %d, %a;", "rr", {integers32()}, same},
       {"mov.f32 %d, %a;", "rr", {floats32()}, same},
       {"mov.u64 %d, %a;", "dd", {integers64()}, same},
       {"mov.pred %d, %a;", "pp", {p}, same},
       {"mov.f32 %d, 0f40490FDB;",
        "rr",
        {{0}},
        [](Bits, Bits, Bits) { return Bits(0x40490FDB); }},
       {"mov.f64 %d, 0d400921FB54442D18;",
        "dr",
        {{0}},
        [](Bits, Bits, Bits) { return Bits(0x400921FB54442D18); }},
       {"mov.b32 %d, -5;",
        "rr",
        {{0}},
        [](Bits, Bits, Bits) { return Bits(0xFFFFFFFB); }},
       {"mov.b64 %d, (1 << 40) + 3 * 2;",
        "dr",
        {{0}},
        [](Bits, Bits, Bits) { return (Bits(1) << 40) + 6; }},
       {"mov.b32 %d, {%a, %b};",
        "rhh",
        {integers16(), integers16()},
        [](Bits a, Bits b, Bits) { return b << 16 | a; }},
       {"mov.b64 %d, {%a, %b};",
        "drr",
        {integers32(), integers32()},
        [](Bits a, Bits b, Bits) { return b << 32 | a; }},
       {"mov.b64 %d, {%a, %b, %c, %a};",
        "dhhh",
        {integers16(), thinned(integers16(), 3), thinned(integers16(), 3)},
        [](Bits a, Bits b, Bits c) { return a | b << 16 | c << 32 | a << 48; }},
       {"mov.b32 {_, %d}, %a;",
        "hr",
        {integers32()},
        [](Bits a, Bits, Bits) { return a >> 16; }},
       {"mov.b64 {%d, _}, %a;",
        "rd",
        {integers64()},
        [](Bits a, Bits, Bits) { return a & 0xFFFFFFFF; }},
       {"{ .reg .b16 x, y, z, w; mov.b64 {x, y, z, w}, %a;"
        "mov.b64 %d, {w, z, y, x}; }",
        "dd",
        {integers64()},
        [](Bits a, Bits, Bits) {
          Bits d = 0;
          for (int k = 0; k < 4; ++k)
            d |= (a >> (16 * k) & 0xFFFF) << (16 * (3 - k));
          return d;
        }}});
}

} // namespace
