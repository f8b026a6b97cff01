//===- ParserTest.cpp - What is refused, and how -------------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Forms.h"

using namespace ra::runtime;
using namespace ra::runtime::sim;
using namespace ra::test;

namespace {

void expectError(const std::string &text, const std::string &part,
                 const std::string &quote) {
  const std::string message = loadError(text);
  EXPECT_NE(message.find(part), std::string::npos) << message;
  EXPECT_NE(message.find("\n  | " + quote), std::string::npos) << message;
  EXPECT_EQ(message.substr(0, 9), "test.ptx:") << message;
}
void expectBody(const std::string &line, const std::string &part) {
  expectError(module("", ".reg .b32 %r<4>; .reg .b64 %d<4>; .reg .f32 %f; .reg "
                         ".pred %p;\n" +
                             line),
              part, line.substr(0, line.find('\n')));
}

TEST(Parser, ErrorsQuoteTheLine) {
  expectBody("frobnicate.b32 %r1, %r2;", "'frobnicate' is not supported");
  expectBody("add.bogus.s32 %r1, %r2, %r3;", "'.bogus' is not supported");
  expectBody("add.s32.wide %r1, %r2, %r3;", "'.wide' is not supported");
  expectBody("add.s32 %r1, %r2;", "has 2 operands, not 3");
  expectBody("add.s64 %d1, %r2, %d3;", "'%r2' is .b32, the instruction needs "
                                       ".s64");
  expectBody("add.s32 %r1, %x, %r2;", "a register is not declared");
  expectBody("add.s32 %r1, x, %r2;", "'x' is not declared");
  expectBody("add.f32 %f, %f, 1;", "cannot be an integer");
  expectBody("mov.u32 %r1, %pm0;", "'%pm0' is not supported here");
  expectBody("bra NOWHERE;", "the label 'NOWHERE' is not defined");
  expectBody("call foo;", "'foo' has no body");
  expectBody("@%r1 ret;", "is not a predicate");
  expectBody("bfi.b32 %r1, %r2, %r3, 0;", "4 operands, not 5");
  expectBody("mma.sync.aligned.m8n8k4.row.col.f32.f16.f16.f32 {%r1}, {%r1}, "
             "{%r1}, {%r1};",
             "are not supported");
  expectBody("cp.async.cg.shared.global [%d1], [%d2], 8;", "with .cg 16");
  expectBody("cvt.s32.f32 %r1, %f;", "needs .rni");
  expectBody("cvt.rn.f64.f32 %d1, %f;", "is exact");
  expectBody("L: ret;\nL: ret;", "the label 'L' is defined twice");
}

TEST(Parser, Syntax) {
  expectError("add", "a directive is expected", "add");
  expectError("", "no .version", "");
  expectError(".version 8.0\n.address_size 64\n", "no .target", ".version 8.0");
  expectError(".version 5.0\n", "6.0 to 9.x", ".version 5.0");
  expectError(".version 8.0\n.target sm_80\n.address_size 32\n",
              "only .address_size 64", ".address_size 32");
  expectError(".version 8.0\n.target sm_80\n.bogus x;\n", "'.bogus'",
              ".bogus x;");
  expectError(".version 8.0\n.target sm_80\n/* never", "has no end",
              "/* never");
  expectError(module("", "ret"), "an operand is expected, not '}'", "}");
  expectError(".version 8.0\n.target sm_80\n.entry k() {\nret;", "has no end",
              ".entry k() {");
  expectError(module(".param .u64 a", ".reg .b32 %r<99999999>;"),
              "more than 65536", ".reg .b32");
  expectError(module("", "", ".global .b8 x[8] = {1,2,3,4,5,6,7,8,9};"),
              "more initial values", ".global");
  expectError(module("", "", ".global .b8 x[99999999999];"), "too large",
              ".global");
  expectError(module("", ".local .b8 x[600000]; ret;"), "local memory",
              ".visible .entry k()");
  expectError(module("", "", ".shared .b32 x = 4;"), "have initialisers",
              ".shared");
  expectError(module("", "", ".global .u64 x = nothing;"),
              "'nothing' is not a variable", ".global");
  expectError(".version 8.0\n.target sm_80\n.entry k() .cluster 2 { }",
              "'.cluster' is not supported", ".entry");
  expectError(module("", ".reg .b32 %r; mov.b32 %r, 0x123456789abcdef01;"),
              "is not a number of 64 bits", ".reg");
  expectError(module("", ".reg .f32 %f; mov.f32 %f, 0f123;"),
              "8 hexadecimal digits", ".reg");
  expectError(module("", "re\x01t;"), "a character that PTX does not have",
              "re?t;");
}

TEST(Parser, WhatCompilersWrite) {
  Simulator sim;
  const std::string text =
      "//\n// comment\n.version 9.1\n.target sm_90a, debug\n.address_size 64\n"
      ".file 1 \"/tmp/a.cu\", 123, 45\n"
      ".extern .func (.param .b32 r) vprintf (.param .b64 a, .param .b64 b);\n"
      ".extern .shared .align 16 .b8 dynamic[];\n"
      ".global .align 4 .b8 message[4] = {104, 105, 10, 0};\n"
      ".weak .func helper() { ret; }\n"
      ".visible .entry first(.param .u64 .ptr .global .align 16 p, .param .f32 "
      "f) .reqntid 64, 1, 1 .maxnreg 80 { .loc 1 5 3\n .pragma \"nounroll\";\n"
      "  // begin inline asm\n  { .reg .b32 t; mov.b32 t, 1; { .reg .b64 t; "
      "mov.b64 t, 2; } }\n  // end inline asm\n  call helper, ();\n ret; }\n"
      ".visible .entry second() .maxntid 128 .minnctapersm 2 { ret; }\n"
      ".section .debug_str { .b8 1, 2, 3\n info: .b8 4 }\n";
  Expected<unsigned> loaded = sim.loadModule(text, "t.ptx");
  ASSERT_TRUE(loaded) << loaded.message();
  EXPECT_EQ(sim.kernelNames(*loaded),
            (std::vector<std::string>{"first", "second"}));
  const KernelInfo info = Simulator::info(**sim.findKernel(*loaded, "first"));
  ASSERT_EQ(info.parameters.size(), 2U);
  EXPECT_EQ(info.parameters[0].type, "u64");
  EXPECT_EQ(info.parameters[1].offset, 8U);
  EXPECT_EQ(info.requiredThreads.x, 64U);
  EXPECT_EQ(Simulator::info(**sim.findKernel(*loaded, "second")).maximumThreads,
            128U);
  const auto missing = sim.findKernel(*loaded, "third");
  EXPECT_FALSE(missing);
  EXPECT_NE(missing.message().find("it has first, second"), std::string::npos);
  const auto variable = sim.findVariable(*loaded, "message");
  ASSERT_TRUE(variable) << variable.message();
  EXPECT_EQ(variable->bytes, 4U);
}

TEST(Parser, LaunchesThatNoDeviceTakes) {
  Simulator sim;
  const Kernel *kernel = loadKernel(
      sim, ".version 8.0\n.target sm_80\n.entry k(.param .u32 n) .reqntid 32 { "
           "ret; }\n");
  ASSERT_NE(kernel, nullptr);
  const auto message = [&](Dim3 grid, Dim3 block, size_t shared,
                           const std::vector<std::vector<uint8_t>> &arguments) {
    const auto result = sim.launch(*kernel, grid, block, shared, arguments);
    return result ? std::string() : result.message();
  };
  const auto four = argument(uint32_t(1));
  EXPECT_EQ(message({1, 1, 1}, {32, 1, 1}, 0, {four}), "");
  EXPECT_NE(message({0, 1, 1}, {32, 1, 1}, 0, {four}).find("a grid of"),
            std::string::npos);
  EXPECT_NE(message({1, 1, 1}, {64, 1, 1}, 0, {four}).find(".reqntid"),
            std::string::npos);
  EXPECT_NE(message({1, 1, 1}, {2048, 1, 1}, 0, {four}).find("1 to 1024"),
            std::string::npos);
  EXPECT_NE(message({1, 1, 1}, {32, 1, 1}, 1 << 24, {four}).find("1 MiB"),
            std::string::npos);
  EXPECT_NE(message({1, 1, 1}, {32, 1, 1}, 0, {}).find("1 parameters"),
            std::string::npos);
  EXPECT_NE(message({1, 1, 1}, {32, 1, 1}, 0, {argument(uint64_t(1))})
                .find("parameter 'n' has 4"),
            std::string::npos);
}

} // namespace
