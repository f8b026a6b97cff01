//===- Forms.cpp - Runs one instruction on tables of operands ------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Forms.h"

#include "ra/Runtime/ElementType.h"
#include "ra/Runtime/Random.h"

#include <array>
#include <cmath>
#include <limits>

using namespace ra::runtime;
using namespace ra::runtime::sim;
using namespace ra::test;

static void addRandom(std::vector<Bits> &values, unsigned bits, size_t count) {
  for (uint32_t i = 0; values.size() < count + 20 && i < count; ++i) {
    const auto words = philox({i, bits, 7, 7}, {11, 13});
    const Bits value = Bits(words[0]) << 32 | words[1];
    values.push_back(bits == 64 ? value : value & ((Bits(1) << bits) - 1));
  }
}

std::vector<Bits> ra::test::integers16() {
  std::vector<Bits> values = {0, 1, 2, 7, 0x7FFF, 0x8000, 0x8001, 0xFFFF, 0xFF};
  addRandom(values, 16, 5);
  return values;
}
std::vector<Bits> ra::test::integers32() {
  std::vector<Bits> values = {0,          1,          2,          3,
                              31,         32,         33,         64,
                              0xFFFFFF,   0x800000,   0x7FFFFFFF, 0x80000000,
                              0x80000001, 0xFFFFFFFF, 0xFFFFFFFE};
  addRandom(values, 32, 8);
  return values;
}
std::vector<Bits> ra::test::integers64() {
  std::vector<Bits> values = {0,
                              1,
                              2,
                              63,
                              64,
                              0xFFFFFFFF,
                              0x7FFFFFFFFFFFFFFF,
                              0x8000000000000000,
                              0xFFFFFFFFFFFFFFFF,
                              0x8000000000000001};
  addRandom(values, 64, 6);
  return values;
}
std::vector<Bits> ra::test::floats32() {
  std::vector<Bits> values = {
      0x00000000, 0x80000000, 0x3F800000, 0xBF800000, 0x00000001, 0x807FFFFF,
      0x00800000, 0x80800000, 0x7F7FFFFF, 0xFF7FFFFF, 0x7F800000, 0xFF800000,
      0x7FC00000, 0x3F800001, 0x3F7FFFFF, 0x40490FDB, 0x4B7FFFFF, 0x4F000000,
      0x3EAAAAAB, 0xC1200001, 0x33FFFFFF, 0x3FC00000, 0x40200000, 0x2B000001};
  for (uint32_t i = 0; i < 6; ++i) {
    const auto words = philox({i, 32, 1, 7}, {11, 13});
    // Exponents near 0, so that roundings happen.
    values.push_back((words[0] & 0x807FFFFF) | (120 + words[1] % 14) << 23);
  }
  return values;
}
std::vector<Bits> ra::test::floats64() {
  std::vector<Bits> values;
  for (const double value :
       {0.0, -0.0, 1.0, -1.0, 0.5, 1.5, 2.5, 1e-3, 3.141592653589793, 1.0 / 3.0,
        -12345.678, 4503599627370497.5, 1e10, 0x1.fffffffffffffp0,
        std::numeric_limits<double>::infinity(),
        -std::numeric_limits<double>::infinity()})
    values.push_back(bitsOf(value));
  for (uint32_t i = 0; i < 6; ++i) {
    const auto words = philox({i, 64, 1, 7}, {11, 13});
    values.push_back((Bits(words[0] & 0x800FFFFF) << 32 | words[1]) |
                     Bits(1015 + words[2] % 16) << 52);
  }
  return values;
}
std::vector<Bits> ra::test::halves() {
  std::vector<Bits> values = {0,      0x8000, 0x3C00, 0xBC00, 1,
                              0x83FF, 0x0400, 0x7BFF, 0xFBFF, 0x7C00,
                              0xFC00, 0x7E00, 0x3C01, 0x3555, 0x4248};
  addRandom(values, 16, 6);
  return values;
}
std::vector<Bits> ra::test::bhalves() {
  std::vector<Bits> values = {0,      0x8000, 0x3F80, 0xBF80, 1,
                              0x807F, 0x0080, 0x7F7F, 0xFF7F, 0x7F80,
                              0xFF80, 0x7FC0, 0x3F81, 0x3EAB, 0x4049};
  addRandom(values, 16, 6);
  return values;
}
std::vector<Bits> ra::test::thinned(const std::vector<Bits> &values, size_t n) {
  std::vector<Bits> result;
  for (size_t i = 0; i < values.size(); i += n)
    result.push_back(values[i]);
  return result;
}
std::vector<Bits> ra::test::paired(const std::vector<Bits> &values) {
  std::vector<Bits> result;
  for (size_t i = 0; i < values.size(); ++i)
    result.push_back(values[i] | values[(i * 7 + 3) % values.size()] << 16);
  return result;
}

std::string ra::test::module(const std::string &parameters,
                             const std::string &body,
                             const std::string &before) {
  return ".version 8.0\n.target sm_80\n.address_size 64\n" + before +
         "\n.visible .entry k(" + parameters + ")\n{\n" + body + "\n}\n";
}

const Kernel *ra::test::loadKernel(Simulator &sim, const std::string &text,
                                   const std::string &name) {
  Expected<unsigned> loaded = sim.loadModule(text, "test.ptx");
  if (!loaded) {
    ADD_FAILURE() << loaded.message();
    return nullptr;
  }
  Expected<const Kernel *> kernel = sim.findKernel(*loaded, name);
  if (!kernel) {
    ADD_FAILURE() << kernel.message();
    return nullptr;
  }
  return *kernel;
}

std::string ra::test::loadError(const std::string &text) {
  Simulator sim;
  Expected<unsigned> loaded = sim.loadModule(text, "test.ptx");
  if (!loaded)
    return loaded.message();
  ADD_FAILURE() << "loaded:\n" << text;
  return "";
}

static std::string replaceAll(std::string text, const std::string &from,
                              const std::string &to) {
  for (size_t at = 0; (at = text.find(from, at)) != std::string::npos;
       at += to.size())
    text.replace(at, from.size(), to);
  return text;
}

std::vector<Bits> ra::test::runForm(const Form &form,
                                    std::vector<std::array<Bits, 3>> *tuples) {
  std::string body =
      ".reg .b16 %h<8>; .reg .b32 %r<8>; .reg .b64 %rd<16>; "
      ".reg .pred %p<8>; .reg .b32 %i; .reg .b64 %at;\n"
      "mov.u32 %i, %ctaid.x; mad.lo.s32 %i, %i, 128, 0;\n"
      "{ .reg .b32 %t; mov.u32 %t, %tid.x; add.s32 %i, %i, %t; }\n"
      "ld.param.u64 %rd8, [in]; mul.wide.u32 %at, %i, 24;\n"
      "add.s64 %rd8, %rd8, %at;\n"
      "ld.param.u64 %rd9, [out]; mul.wide.u32 %at, %i, 8;\n"
      "add.s64 %rd9, %rd9, %at; setp.eq.u32 %p4, 0, 1;\n";
  std::string text = form.text;
  const auto nameOf = [](char width, size_t index) {
    const std::string number = std::to_string(index);
    return (width == 'h'   ? "%h"
            : width == 'r' ? "%r"
            : width == 'd' ? "%rd"
                           : "%p") +
           number;
  };
  static const char *const kPlaces[] = {"%d", "%a", "%b", "%c"};
  for (size_t i = 1; i < form.widths.size(); ++i) {
    const std::string name = nameOf(form.widths[i], i);
    const std::string wide = "%rd" + std::to_string(9 + i);
    body += "ld.global.u64 " + wide + ", [%rd8+" + std::to_string(8 * (i - 1)) +
            "];\n";
    switch (form.widths[i]) {
    case 'h':
      body += "cvt.u16.u64 " + name + ", " + wide + ";\n";
      break;
    case 'r':
      body += "cvt.u32.u64 " + name + ", " + wide + ";\n";
      break;
    case 'd':
      body += "mov.b64 " + name + ", " + wide + ";\n";
      break;
    default:
      body += "setp.ne.u64 " + name + ", " + wide + ", 0;\n";
    }
  }
  for (size_t i = 0; i < form.widths.size(); ++i)
    text = replaceAll(text, kPlaces[i], "\x01" + std::to_string(i) + "\x02");
  for (size_t i = 0; i < form.widths.size(); ++i)
    text = replaceAll(text, "\x01" + std::to_string(i) + "\x02",
                      nameOf(form.widths[i], i));
  text = replaceAll(text, "%q", "%p4");
  body += text + "\n";
  const std::string result = nameOf(form.widths[0], 0);
  switch (form.widths[0]) {
  case 'h':
    body += "cvt.u64.u16 %rd10, " + result + ";\n";
    break;
  case 'r':
    body += "cvt.u64.u32 %rd10, " + result + ";\n";
    break;
  case 'd':
    body += "mov.b64 %rd10, " + result + ";\n";
    break;
  default: // Bit 0 the predicate, bit 1 the second one.
    body += "selp.b64 %rd10, 1, 0, " + result +
            "; selp.b64 %rd11, 2, 0, %p4;"
            "or.b64 %rd10, %rd10, %rd11;\n";
  }
  body += "st.global.u64 [%rd9], %rd10; ret;\n";

  std::vector<std::array<Bits, 3>> all;
  const std::vector<Bits> none = {0};
  const auto operand = [&](size_t i) -> const std::vector<Bits> & {
    return i < form.operands.size() ? form.operands[i] : none;
  };
  for (const Bits a : operand(0))
    for (const Bits b : operand(1))
      for (const Bits c : operand(2))
        all.push_back({a, b, c});
  const size_t count = all.size(), padded = (count + 127) / 128 * 128;
  std::vector<std::array<Bits, 3>> inputs = all;
  inputs.resize(padded, all[0]);

  Simulator sim;
  const Kernel *kernel =
      loadKernel(sim, module(".param .u64 in, .param .u64 out", body));
  if (!kernel)
    return {};
  const Expected<uint64_t> in = sim.allocate(padded * 24, "in");
  const Expected<uint64_t> out = sim.allocate(padded * 8, "out");
  EXPECT_TRUE(sim.copyToDevice(*in, inputs.data(), padded * 24).ok());
  LaunchOptions options;
  options.threads = 1;
  Expected<LaunchResult> launched =
      sim.launch(*kernel, {static_cast<uint32_t>(padded / 128), 1, 1},
                 {128, 1, 1}, 0, {argument(*in), argument(*out)}, options);
  if (!launched) {
    ADD_FAILURE() << launched.message();
    return {};
  }
  for (const Finding &finding : launched->findings)
    ADD_FAILURE() << form.text << "\n" << finding.toString();
  std::vector<Bits> results(padded);
  EXPECT_TRUE(sim.copyToHost(results.data(), *out, padded * 8).ok());
  results.resize(count);
  if (tuples)
    *tuples = std::move(all);
  return results;
}

void ra::test::checkForm(const Form &form) {
  std::vector<std::array<Bits, 3>> tuples;
  const std::vector<Bits> results = runForm(form, &tuples);
  size_t wrong = 0;
  for (size_t i = 0; i < results.size(); ++i) {
    const auto [a, b, c] = tuples[i];
    const Bits expected = form.reference(a, b, c);
    if (results[i] == expected)
      continue;
    if (++wrong <= 3)
      ADD_FAILURE() << form.text << std::hex << "  a = " << a << ", b = " << b
                    << ", c = " << c << ": " << results[i] << " instead of "
                    << expected;
  }
  EXPECT_EQ(wrong, 0U) << form.text << ": " << wrong << " of "
                       << results.size();
  EXPECT_FALSE(results.empty());
}
