//===- WarpTest.cpp - Shuffles, votes, control flow, barriers ------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Forms.h"

#include <algorithm>

using namespace ra::runtime;
using namespace ra::runtime::sim;
using namespace ra::test;

namespace {

constexpr const char *kStart =
    ".reg .b32 %r<30>; .reg .b64 %d<20>; .reg .pred %p<9>;\n"
    "ld.param.u64 %d0, [out]; mov.u32 %r0, %tid.x; mul.wide.u32 %d1, %r0, 4;"
    "add.s64 %d1, %d1, %d0;\n";
constexpr const char *kStore = "\nst.global.u32 [%d1], %r1;";

/// What each thread stores in its word.
std::vector<uint32_t> run(const std::string &body, unsigned threads = 32,
                          std::vector<Finding> *findings = nullptr,
                          const LaunchOptions &options = {},
                          const std::string &before = "") {
  Simulator sim;
  const Kernel *kernel = loadKernel(
      sim, module(".param .u64 out", kStart + body + kStore, before));
  if (!kernel)
    return std::vector<uint32_t>(threads);
  const Expected<uint64_t> out = sim.allocate(threads * 4, "out");
  EXPECT_TRUE(sim.fill(*out, 0xEE, threads * 4).ok());
  Expected<LaunchResult> result = sim.launch(
      *kernel, {1, 1, 1}, {threads, 1, 1}, 0, {argument(*out)}, options);
  std::vector<uint32_t> words(threads);
  if (!result) {
    ADD_FAILURE() << result.message();
    return words;
  }
  if (findings)
    *findings = result->findings;
  else
    for (const Finding &finding : result->findings)
      ADD_FAILURE() << finding.toString();
  EXPECT_TRUE(sim.copyToHost(words.data(), *out, threads * 4).ok());
  return words;
}

/// PTX ISA, shfl.sync, word for word.
void shuffle(const std::string &mode, int lane, int b, int c, int &from,
             bool &in) {
  const int bval = b & 0x1F, cval = c & 0x1F, mask = c >> 8 & 0x1F;
  const int maxLane = (lane & mask) | (cval & ~mask), minLane = lane & mask;
  if (mode == "up") {
    from = lane - bval;
    in = from >= maxLane;
  } else if (mode == "down") {
    from = lane + bval;
    in = from <= maxLane;
  } else if (mode == "bfly") {
    from = lane ^ bval;
    in = from <= maxLane;
  } else {
    from = minLane | (bval & ~mask);
    in = from <= maxLane;
  }
  if (!in)
    from = lane;
}

TEST(Warp, Shuffles) {
  for (const std::string mode : {"up", "down", "bfly", "idx"})
    for (const int width : {32, 16, 8})
      for (const int b : {0, 1, 3, 16, 31}) {
        const int c = (mode == "up" ? 0 : 31) | (32 - width) << 8;
        const auto words =
            run("mul.lo.u32 %r2, %r0, 100; shfl.sync." + mode +
                ".b32 %r1|%p1, %r2, " + std::to_string(b) + ", " +
                std::to_string(c) + ", -1; @%p1 add.u32 %r1, %r1, 1;");
        for (int lane = 0; lane < 32; ++lane) {
          int from = 0;
          bool in = false;
          shuffle(mode, lane, b, c, from, in);
          EXPECT_EQ(words[size_t(lane)], uint32_t(100 * from + in))
              << mode << " " << b << " " << width << " lane " << lane;
        }
      }
}

TEST(Warp, Votes) {
  const auto check = [](const std::string &body, uint32_t (*f)(uint32_t)) {
    const auto words = run("setp.lt.u32 %p1, %r0, 5; setp.lt.u32 %p2, %r0, 99; "
                           "mov.u32 %r1, 0; " +
                           body);
    for (uint32_t lane = 0; lane < 32; ++lane)
      EXPECT_EQ(words[lane], f(lane)) << body;
  };
  check("vote.sync.ballot.b32 %r1, %p1, -1;", [](uint32_t) { return 0x1FU; });
  check("vote.sync.ballot.b32 %r1, !%p1, 0xFFFFFFFF;",
        [](uint32_t) { return 0xFFFFFFE0U; });
  check("vote.sync.all.pred %p3, %p2, -1; @%p3 mov.u32 %r1, 1;",
        [](uint32_t) { return 1U; });
  check("vote.sync.all.pred %p3, %p1, -1; @%p3 mov.u32 %r1, 1;",
        [](uint32_t) { return 0U; });
  check("vote.sync.any.pred %p3, %p1, -1; @%p3 mov.u32 %r1, 1;",
        [](uint32_t) { return 1U; });
  check("vote.sync.uni.pred %p3, %p1, -1; @%p3 mov.u32 %r1, 1;",
        [](uint32_t) { return 0U; });
  check("vote.sync.uni.pred %p3, !%p2, -1; @%p3 mov.u32 %r1, 1;",
        [](uint32_t) { return 1U; });
  // Diverged groups with their own masks.
  check("@%p1 bra A; vote.sync.ballot.b32 %r1, %p2, 0xFFFFFFE0; bra B;\n"
        "A: vote.sync.ballot.b32 %r1, %p2, 0x1F; activemask.b32 %r2; "
        "and.b32 %r1, %r1, %r2;\nB:",
        [](uint32_t lane) { return lane < 5 ? 0x1FU : 0xFFFFFFE0U; });
}

TEST(Warp, MatchesAndReductions) {
  auto words = run("rem.u32 %r2, %r0, 3; match.any.sync.b32 %r1, %r2, -1;");
  for (uint32_t lane = 0; lane < 32; ++lane) {
    uint32_t expected = 0;
    for (uint32_t other = lane % 3; other < 32; other += 3)
      expected |= 1U << other;
    EXPECT_EQ(words[lane], expected);
  }
  words = run("mov.u64 %d2, 5; match.all.sync.b64 %r1|%p1, %d2, -1; @!%p1 "
              "mov.u32 %r1, 7;");
  EXPECT_EQ(words[3], 0xFFFFFFFFU);
  words =
      run("match.all.sync.b32 %r1|%p1, %r0, -1; @!%p1 add.u32 %r1, %r1, 7;");
  EXPECT_EQ(words[3], 7U);

  const struct {
    const char *op;
    int64_t (*f)(int64_t, int64_t);
  } reductions[] = {
      {"add.s32", [](int64_t a, int64_t b) { return a + b; }},
      {"min.s32", [](int64_t a, int64_t b) { return std::min(a, b); }},
      {"max.s32", [](int64_t a, int64_t b) { return std::max(a, b); }},
      {"min.u32",
       [](int64_t a, int64_t b) {
         return int64_t(std::min(uint32_t(a), uint32_t(b)));
       }},
      {"max.u32",
       [](int64_t a, int64_t b) {
         return int64_t(std::max(uint32_t(a), uint32_t(b)));
       }},
      {"and.b32", [](int64_t a, int64_t b) { return a & b; }},
      {"or.b32", [](int64_t a, int64_t b) { return a | b; }},
      {"xor.b32", [](int64_t a, int64_t b) { return a ^ b; }}};
  for (const auto &reduction : reductions) {
    words = run(std::string("mul.lo.s32 %r2, %r0, 37; sub.s32 %r2, %r2, 500; "
                            "redux.sync.") +
                reduction.op + " %r1, %r2, -1;");
    int64_t expected = -500;
    for (int lane = 1; lane < 32; ++lane)
      expected = reduction.f(expected, lane * 37 - 500);
    EXPECT_EQ(words[9], uint32_t(expected)) << reduction.op;
  }
  words = run("elect.sync %r1|%p1, -1; @%p1 add.u32 %r1, %r1, 50;");
  EXPECT_EQ(words[0], 50U);
  EXPECT_EQ(words[9], 0U);
}

TEST(Warp, SpecialRegisters) {
  const auto check = [](const std::string &name, uint32_t (*f)(uint32_t)) {
    const auto words = run("mov.u32 %r1, " + name + ";", 64);
    for (uint32_t t = 0; t < 64; ++t)
      EXPECT_EQ(words[t], f(t)) << name;
  };
  check("%tid.x", [](uint32_t t) { return t; });
  check("%tid.y", [](uint32_t) { return 0U; });
  check("%ntid.x", [](uint32_t) { return 64U; });
  check("%nctaid.z", [](uint32_t) { return 1U; });
  check("%laneid", [](uint32_t t) { return t % 32; });
  check("%warpid", [](uint32_t t) { return t / 32; });
  check("%lanemask_eq", [](uint32_t t) { return 1U << t % 32; });
  check("%lanemask_lt", [](uint32_t t) { return (1U << t % 32) - 1; });
  check("%lanemask_le",
        [](uint32_t t) { return uint32_t((2ULL << t % 32) - 1); });
  check("%lanemask_gt",
        [](uint32_t t) { return ~uint32_t((2ULL << t % 32) - 1); });
  check("%lanemask_ge", [](uint32_t t) { return ~((1U << t % 32) - 1); });
}

//===----------------------------------------------------------------------===//
// Control flow
//===----------------------------------------------------------------------===//

TEST(Warp, DivergentLoops) {
  // Collatz steps: every lane leaves its loop at another time.
  const auto words = run(
      "add.u32 %r2, %r0, 1; mov.u32 %r1, 0;\n"
      "L: setp.eq.u32 %p1, %r2, 1; @%p1 bra D;\n"
      "and.b32 %r3, %r2, 1; setp.eq.u32 %p2, %r3, 0; @%p2 bra E;\n"
      "mad.lo.u32 %r2, %r2, 3, 1; bra.uni N;\n"
      "E: shr.u32 %r2, %r2, 1;\n"
      "N: add.u32 %r1, %r1, 1; bra L;\nD: activemask.b32 %r4; setp.ne.u32 %p3, "
      "%r4, -1; @%p3 mov.u32 %r1, 9999;");
  for (uint32_t t = 0; t < 32; ++t) {
    uint32_t n = t + 1, steps = 0;
    for (; n != 1; ++steps)
      n = n % 2 ? 3 * n + 1 : n / 2;
    EXPECT_EQ(words[t], steps) << t;
  }
}

TEST(Warp, EarlyExitsThenBarrier) {
  // Lanes that return do not hold up the others, whichever path runs first.
  for (const char *leave :
       {"@%p1 ret;", "@%p1 exit;", "@%p1 bra OUT;", "@!%p1 bra IN; ret; IN:"}) {
    const auto words =
        run(std::string("setp.gt.u32 %p1, %r0, 40; ") + leave +
                " bar.sync 0; mov.u32 %r1, 5; st.global.u32 [%d1], %r1; ret; "
                "OUT: ret;",
            64);
    for (uint32_t t = 0; t < 64; ++t)
      EXPECT_EQ(words[t], t > 40 ? 0xEEEEEEEEU : 5U) << leave << t;
  }
}

TEST(Warp, BranchTables) {
  const auto words = run("rem.u32 %r2, %r0, 3;\n"
                         "T: .branchtargets A, B, C;\n"
                         "brx.idx %r2, T;\n"
                         "A: mov.u32 %r1, 10; bra E;\nB: mov.u32 %r1, 20; bra "
                         "E;\nC: mov.u32 %r1, 30;\nE:");
  for (uint32_t t = 0; t < 32; ++t)
    EXPECT_EQ(words[t], 10 * (t % 3 + 1));
}

TEST(Warp, CallsAndRecursion) {
  const std::string functions =
      ".func (.param .b32 r) fact(.param .b32 n) {\n"
      ".reg .b32 %a<5>; .reg .pred %q; ld.param.u32 %a0, [n];\n"
      "setp.le.u32 %q, %a0, 1; @%q bra ONE;\n"
      "sub.u32 %a1, %a0, 1; { .param .b32 p0; st.param.b32 [p0], %a1; .param "
      ".b32 r0; call.uni (r0), fact, (p0); ld.param.b32 %a2, [r0]; }\n"
      "mul.lo.u32 %a3, %a2, %a0; st.param.b32 [r], %a3; ret;\n"
      "ONE: mov.u32 %a3, 1; st.param.b32 [r], %a3; ret; }\n"
      ".func (.reg .b32 x) twice(.reg .b32 y) { add.u32 x, y, y; ret; }\n"
      ".func (.param .b32 r) last(.param .align 8 .b8 s[16]) { .reg .b32 %a; "
      "ld.param.b32 %a, [s+12]; st.param.b32 [r], %a; }\n";
  auto words = run("rem.u32 %r2, %r0, 9; { .param .b32 p; st.param.b32 [p], "
                   "%r2; .param .b32 q; call (q), fact, (p); ld.param.b32 %r1, "
                   "[q]; } call (%r1), twice, (%r1);",
                   32, nullptr, {}, functions);
  const uint32_t factorials[] = {1, 1, 2, 6, 24, 120, 720, 5040, 40320};
  for (uint32_t t = 0; t < 32; ++t)
    EXPECT_EQ(words[t], 2 * factorials[t % 9]) << t;
  // Through a pointer, with an aggregate.
  words =
      run("mov.u64 %d5, last; P: .callprototype (.param .b32 _) _ (.param "
          ".align 8 .b8 _[16]);\n"
          "{ .param .align 8 .b8 p[16]; st.param.b64 [p], %d0; st.param.b32 "
          "[p+12], %r0; .param .b32 q; call (q), %d5, (p), P; ld.param.b32 "
          "%r1, [q]; }",
          32, nullptr, {}, functions);
  EXPECT_EQ(words[17], 17U);
}

//===----------------------------------------------------------------------===//
// Barriers
//===----------------------------------------------------------------------===//

TEST(Warp, BarrierReductions) {
  const auto words =
      run("setp.lt.u32 %p1, %r0, 70; bar.red.popc.u32 %r1, 0, %p1; "
          "bar.red.and.pred %p2, 1, 128, %p1; barrier.red.or.pred %p3, 2, %p1;"
          "@%p2 add.u32 %r1, %r1, 1000; @%p3 add.u32 %r1, %r1, 2000;",
          128);
  for (const uint32_t word : words)
    EXPECT_EQ(word, 2070U);
}

TEST(Warp, ProducerAndConsumer) {
  // Warp 0 fills, warp 1 reads; named barriers both ways, in every schedule.
  const std::string body =
      ".shared .b32 cell[32];\n"
      "mov.u32 %r1, 0; mov.u32 %r2, %laneid; shl.b32 %r3, %r2, 2; mov.u32 %r4, "
      "cell; add.u32 %r4, %r4, %r3; mov.u32 %r5, 0; setp.ge.u32 %p1, %r0, 32; "
      "@%p1 bra C;\n"
      "P: bar.sync 2, 64; st.shared.u32 [%r4], %r5; bar.arrive 1, 64; add.u32 "
      "%r5, %r5, 1; setp.lt.u32 %p2, %r5, 10; @%p2 bra P; bra E;\n"
      "C: bar.arrive 2, 64;\n"
      "D: bar.sync 1, 64; ld.shared.u32 %r6, [%r4]; add.u32 %r1, %r1, %r6; "
      "add.u32 %r5, %r5, 1; setp.lt.u32 %p2, %r5, 10; @%p2 bar.arrive 2, 64; "
      "@%p2 bra D;\nE:";
  for (const Schedule schedule :
       {Schedule::Greedy, Schedule::RoundRobin, Schedule::Random})
    for (uint64_t seed = 0; seed < 4; ++seed) {
      LaunchOptions options;
      options.schedule = schedule;
      options.seed = seed;
      const auto words = run(body, 64, nullptr, options);
      EXPECT_EQ(words[40], 45U);
    }
}

} // namespace
