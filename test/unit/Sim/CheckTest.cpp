//===- CheckTest.cpp - What the checks find, and what they do not --------===//
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

constexpr const char *kStart =
    ".reg .b32 %r<30>; .reg .b64 %d<20>; .reg .pred %p<9>;\n"
    "ld.param.u64 %d0, [out]; mov.u32 %r0, %tid.x; mul.wide.u32 %d1, %r0, 4;"
    "add.s64 %d1, %d1, %d0; mov.u32 %r9, buf; shl.b32 %r8, %r0, 2; add.u32 "
    "%r8, "
    "%r8, %r9;\n";

std::vector<Finding> findings(const std::string &body, unsigned threads = 64,
                              LaunchOptions options = {}, unsigned blocks = 1) {
  Simulator sim;
  const Kernel *kernel = loadKernel(
      sim, module(".param .u64 out", ".shared .align 16 .b8 buf[256];\n" +
                                         std::string(kStart) + body));
  if (!kernel)
    return {};
  const Expected<uint64_t> out = sim.allocate(256, "out");
  Expected<LaunchResult> result = sim.launch(
      *kernel, {blocks, 1, 1}, {threads, 1, 1}, 0, {argument(*out)}, options);
  if (!result) {
    ADD_FAILURE() << result.message();
    return {};
  }
  return result->findings;
}

void expectOne(const std::string &body, CheckKind kind, const std::string &part,
               unsigned threads = 64, const LaunchOptions &options = {}) {
  const std::vector<Finding> found = findings(body, threads, options);
  // One race shows at both of its accesses.
  const size_t most = kind == CheckKind::Race ? 2 : 1;
  ASSERT_TRUE(!found.empty() && found.size() <= most)
      << body << (found.empty() ? "" : "\n" + found[0].toString());
  EXPECT_EQ(found[0].kind, kind) << found[0].toString();
  EXPECT_NE(found[0].toString().find(part), std::string::npos)
      << found[0].toString();
}
void expectNone(const std::string &body, unsigned threads = 64) {
  for (const Finding &finding : findings(body, threads))
    ADD_FAILURE() << body << "\n" << finding.toString();
}

TEST(Checks, Bounds) {
  expectOne("st.global.u32 [%d1+256], %r0;", CheckKind::OutOfBounds,
            "0 bytes past the end of buffer 'out' (256 bytes");
  expectOne("ld.global.u32 %r1, [%d1+-4];", CheckKind::OutOfBounds,
            "4 bytes before buffer 'out'", 1);
  expectOne("ld.u64 %d2, [%d1+252];", CheckKind::Misaligned,
            "not a multiple of 8", 1);
  expectOne("ld.global.v2.u32 {%r1, %r2}, [%d0+252];", CheckKind::Misaligned,
            "not a multiple of 8", 1);
  expectOne("mov.u64 %d3, 64; ld.global.u32 %r1, [%d3];",
            CheckKind::OutOfBounds, "no buffer is there", 1);
  expectOne("st.shared.u32 [%r8+256], %r0;", CheckKind::OutOfBounds,
            "the block has 256 bytes of shared memory", 1);
  expectOne("st.shared.u32 [%r8+2], %r0;", CheckKind::Misaligned,
            "not a multiple of 4", 1);
  expectOne("{ .local .b32 x; mov.u64 %d4, x; st.local.u32 [%d4+16], %r0; }",
            CheckKind::OutOfBounds, "local", 1);
  expectOne("atom.global.add.u32 %r1, [%d1+256], 1;", CheckKind::OutOfBounds,
            "an atomic on 4 bytes", 1);
}

TEST(Checks, ReportsSayWhere) {
  const std::vector<Finding> found =
      findings("setp.gt.u32 %p1, %r0, 59;\n.loc 1 77 3\n"
               "@%p1 st.global.u32 [%d1+16], %r0;");
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].warp, 1U);
  EXPECT_EQ(found[0].lanes, 0xF0000000U);
  EXPECT_EQ(found[0].text, "@%p1 st.global.u32 [%d1+16], %r0;");
  EXPECT_EQ(found[0].source, "?:77");
}

TEST(Checks, UninitializedShared) {
  expectOne("ld.shared.u32 %r1, [%r8];", CheckKind::Uninitialized,
            "nothing has been written");
  // Half of a word is there.
  expectOne("st.shared.u16 [%r8], 1; ld.shared.u32 %r1, [%r8];",
            CheckKind::Uninitialized, "2 times");
  expectNone("st.shared.u32 [%r8], %r0; ld.shared.u32 %r1, [%r8];");
}

TEST(Checks, Races) {
  // Thread t reads what thread t + 32 wrote.
  const std::string cross =
      "and.b32 %r1, %r0, 31; xor.b32 %r2, %r0, 32; shl.b32 "
      "%r3, %r2, 2; add.u32 %r3, %r3, %r9;\n"
      "st.shared.u32 [%r8], %r0;\n";
  expectNone(cross + "bar.sync 0; ld.shared.u32 %r4, [%r3];");
  LaunchOptions options;
  options.checks = kCheckRaces;
  expectOne(cross + "ld.shared.u32 %r4, [%r3];", CheckKind::Race,
            "with no barrier in between", 64, options);
  // Write after read.
  expectOne(cross +
                "bar.sync 0; ld.shared.u32 %r4, [%r3]; st.shared.u32 [%r8], "
                "%r4;",
            CheckKind::Race, "with no barrier in between", 64, options);
  expectNone(cross + "bar.sync 0; ld.shared.u32 %r4, [%r3]; bar.sync 0; "
                     "st.shared.u32 [%r8], %r4;");
  // Neighbouring bytes of a word do not race.
  expectNone("add.u32 %r5, %r9, %r0; st.shared.u8 [%r5], %r0;");
  // Atomics do not race with each other, but with plain accesses.
  expectNone(
      "setp.eq.u32 %p1, %r0, 0; @%p1 st.shared.u32 [%r9], 0; bar.sync 0; "
      "red.shared.add.u32 [%r9], 1; bar.sync 0; ld.shared.u32 %r4, [%r9];");
  expectOne("setp.eq.u32 %p1, %r0, 0; @%p1 st.shared.u32 [%r9], 0; "
            "red.shared.add.u32 [%r9], 1;",
            CheckKind::Race, "an atomic on 4 bytes");
  // Another barrier orders only those that take part.
  expectOne(cross +
                "setp.lt.u32 %p1, %r0, 32; @%p1 bar.sync 1, 32; ld.shared.u32 "
                "%r4, [%r3];",
            CheckKind::Race, "no barrier", 64, options);
  // A flag orders what was written before it.
  expectNone(
      "setp.ge.u32 %p1, %r0, 32; @%p1 bra R; st.shared.u32 [%r8], %r0; "
      "setp.eq.u32 %p2, %r0, 0; membar.cta; @%p2 st.volatile.shared.u32 "
      "[%r9+128], 1; ret;\n"
      "R: ld.volatile.shared.u32 %r1, [%r9+128]; setp.ne.u32 %p3, %r1, 1; "
      "@%p3 bra R; membar.cta; sub.u32 %r8, %r8, 128; ld.shared.u32 %r2, "
      "[%r8];");
}

TEST(Checks, Barriers) {
  expectOne("setp.lt.u32 %p1, %r0, 5; @%p1 bar.sync 0;", CheckKind::Barrier,
            "a divergent barrier");
  expectOne("bar.sync 1, 48;", CheckKind::Barrier, "a multiple of 32");
  expectOne("bar.sync 1, 128;", CheckKind::Barrier, "no more than the block");
  expectOne("mov.u32 %r1, 16; bar.sync %r1;", CheckKind::Barrier,
            "does not exist");
  expectOne("setp.lt.u32 %p1, %r0, 32; @%p1 bar.sync 1, 64; @!%p1 bar.sync 1, "
            "32;",
            CheckKind::Barrier, "for 64 where others arrived");
}

TEST(Checks, DeadlocksSayWhoWaits) {
  const std::vector<Finding> found = findings(
      "setp.lt.u32 %p1, %r0, 32; @%p1 bar.sync 1, 64; @!%p1 bar.sync 2, 64;");
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].kind, CheckKind::Deadlock);
  EXPECT_NE(found[0].message.find("warp 0 waits at barrier 1"),
            std::string::npos);
  EXPECT_NE(found[0].message.find("warp 1 waits at barrier 2 (line"),
            std::string::npos)
      << found[0].message;
  EXPECT_NE(found[0].message.find("32 of 64 threads arrived"),
            std::string::npos);
}

TEST(Checks, EndlessLoopsAndTraps) {
  LaunchOptions options;
  options.budget = 1000;
  expectOne("L: bra L;", CheckKind::Budget, "1000 warp instructions", 32,
            options);
  expectOne("trap;", CheckKind::Trap, "executed trap", 32);
  expectOne("shfl.sync.idx.b32 %r1, %r0, 0, 31, 1;", CheckKind::Invalid,
            "not in the member mask", 32);
  expectOne("setp.lt.u32 %p1, %r0, 3; @%p1 shfl.sync.idx.b32 %r1, %r0, 0, 31, "
            "-1;",
            CheckKind::Invalid, "the warp has diverged", 32);
}

TEST(Checks, SelectedAndCounted) {
  LaunchOptions options;
  options.checks = kCheckNone;
  EXPECT_TRUE(findings("ld.shared.u32 %r1, [%r8];", 64, options).empty());
  options.checks = kCheckUninitialized;
  EXPECT_EQ(findings("ld.shared.u32 %r1, [%r8];", 64, options, 10)[0].count,
            // 10 blocks of 2 warps.
            20U);
}

/// The first bad block is reported, whatever the number of workers.
TEST(Checks, DeterministicAcrossThreads) {
  for (const unsigned threads : {1U, 3U}) {
    LaunchOptions options;
    options.threads = threads;
    const std::vector<Finding> found =
        findings("mov.u32 %r1, %ctaid.x; setp.gt.u32 %p1, %r1, 5; @%p1 trap;",
                 32, options, 40);
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].block[0], 6U);
    EXPECT_EQ(found[0].count, 1U);
  }
}

//===----------------------------------------------------------------------===//
// Counters
//===----------------------------------------------------------------------===//

Counters count(const std::string &body) {
  Simulator sim;
  const Kernel *kernel = loadKernel(
      sim, module(".param .u64 out", ".shared .align 16 .b8 buf[4096];\n" +
                                         std::string(kStart) + body));
  const Expected<uint64_t> out = sim.allocate(65536, "out");
  LaunchOptions options;
  options.counters = true;
  options.checks = kCheckNone;
  Expected<LaunchResult> result =
      sim.launch(*kernel, {1, 1, 1}, {32, 1, 1}, 0, {argument(*out)}, options);
  if (!result || !result->clean()) {
    ADD_FAILURE() << body;
    return {};
  }
  return result->counters;
}

TEST(Counters, Sectors) {
  Counters c = count("ld.global.u32 %r1, [%d1];");
  EXPECT_EQ(c.globalLoads, 1U);
  EXPECT_EQ(c.globalLoadSectors, 4U); // 128 bytes in sectors of 32.
  EXPECT_EQ(c.globalLoadBytes, 128U);
  c = count("ld.global.u32 %r1, [%d0];");
  EXPECT_EQ(c.globalLoadSectors, 1U);
  c = count("mul.wide.u32 %d2, %r0, 64; add.s64 %d2, %d2, %d0; st.global.u32 "
            "[%d2], %r0;");
  EXPECT_EQ(c.globalStoreSectors, 32U);
  c = count(
      "mul.wide.u32 %d2, %r0, 16; add.s64 %d2, %d2, %d0; ld.global.v4.u32 "
      "{%r1, %r2, %r3, %r4}, [%d2];");
  EXPECT_EQ(c.globalLoadSectors, 16U);
}

TEST(Counters, BankConflicts) {
  const auto passes = [](unsigned stride, const char *load) {
    return count("mul.lo.u32 %r1, %r0, " + std::to_string(stride) +
                 "; add.u32 %r1, %r1, %r9; " + load);
  };
  const char *const word = "ld.shared.u32 %r2, [%r1];";
  EXPECT_EQ(passes(4, word).sharedPasses, 1U);
  EXPECT_EQ(passes(0, word).sharedPasses, 1U); // All lanes read one word.
  EXPECT_EQ(passes(8, word).sharedPasses, 2U);
  EXPECT_EQ(passes(128, word).sharedPasses, 32U);
  EXPECT_EQ(passes(128, word).bankConflicts(), 31U);
  EXPECT_EQ(passes(132 - 128 + 8, word).sharedPasses, 1U); // Stride of 3 words.
  const char *const quad = "ld.shared.v4.u32 {%r2, %r3, %r4, %r5}, [%r1];";
  EXPECT_EQ(passes(16, quad).sharedPasses, 4U);
  EXPECT_EQ(passes(16, quad).bankConflicts(), 0U);
  EXPECT_EQ(passes(128, quad).sharedPasses, 32U);
}

TEST(Counters, InstructionsAndRoofline) {
  const Counters c = count("mul.f32 %r1, %r2, %r3; fma.rn.f32 %r1, %r2, %r3, "
                           "%r4; ex2.approx.f32 %r1, %r2; bar.sync 0;");
  const auto of = [&](OpClass opClass) {
    return c.byClass[static_cast<size_t>(opClass)];
  };
  EXPECT_EQ(of(OpClass::Float32), 2U);
  EXPECT_EQ(of(OpClass::Special), 1U);
  EXPECT_EQ(c.scalarFlops, 32U + 64U + 32U);
  EXPECT_EQ(c.barriers, 1U);
  Counters made;
  made.tensorFlops = 312'000'000; // A100: 312 TFLOP/s, so one microsecond.
  made.globalLoadSectors = 1'555'000'000 / 32 / 1000;
  const Roofline line = roofline(made, *findChip("a100-40gb"));
  EXPECT_NEAR(line.tensor, 1.0, 0.01);
  EXPECT_NEAR(line.dram, 1.0, 0.01);
  EXPECT_NEAR(line.bound(), 1.0, 0.01);
  EXPECT_EQ(findChip("z80"), nullptr);
}

} // namespace
