//===- MemoryTest.cpp - Loads, stores, atomics, asynchronous copies ------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Forms.h"

#include "ra/Runtime/ElementType.h"

#include <algorithm>
#include <cmath>

using namespace ra::runtime;
using namespace ra::runtime::sim;
using namespace ra::test;

namespace {

/// A simulator with one kernel and one buffer, its first parameter.
class Machine {
public:
  Machine(const std::string &parameters, const std::string &body, size_t bytes,
          const std::string &before = "") {
    kernel = loadKernel(sim, module(parameters, body, before));
    const Expected<uint64_t> made = sim.allocate(bytes, "buffer");
    address = made ? *made : 0;
    memory.resize(bytes);
    for (size_t i = 0; i < bytes; ++i)
      memory[i] = static_cast<uint8_t>(i * 37 + 11);
    EXPECT_TRUE(sim.copyToDevice(address, memory.data(), bytes).ok());
  }

  LaunchResult run(unsigned threads, size_t shared = 0,
                   const LaunchOptions &options = {},
                   std::vector<std::vector<uint8_t>> more = {}) {
    if (!kernel)
      return {};
    more.insert(more.begin(), argument(address));
    Expected<LaunchResult> result =
        sim.launch(*kernel, {1, 1, 1}, {threads, 1, 1}, shared, more, options);
    if (!result) {
      ADD_FAILURE() << result.message();
      return {};
    }
    EXPECT_TRUE(sim.copyToHost(memory.data(), address, memory.size()).ok());
    return *result;
  }
  template <class T> T at(size_t index) const {
    T value;
    std::memcpy(&value, memory.data() + index * sizeof(T), sizeof(T));
    return value;
  }

  Simulator sim;
  const Kernel *kernel = nullptr;
  uint64_t address = 0;
  std::vector<uint8_t> memory;
};

constexpr const char *kStart =
    ".reg .b16 %h<9>; .reg .b32 %r<20>; .reg .b64 %d<20>; .reg .pred %p<9>;\n"
    "ld.param.u64 %d0, [in]; mov.u32 %r0, %tid.x; cvt.u64.u32 %d1, %r0;\n";

void expectClean(const LaunchResult &result) {
  for (const Finding &finding : result.findings)
    ADD_FAILURE() << finding.toString();
}

/// Every width and extension through every space.
TEST(Memory, LoadsExtend) {
  const struct {
    const char *type;
    unsigned bytes;
    bool isSigned;
  } types[] = {{"u8", 1, false},  {"s8", 1, true},  {"b8", 1, false},
               {"u16", 2, false}, {"s16", 2, true}, {"b16", 2, false},
               {"u32", 4, false}, {"s32", 4, true}, {"f32", 4, false},
               {"u64", 8, false}, {"s64", 8, true}, {"f64", 8, false}};
  const char *const cached[] = {"",         ".nc", ".ca", ".cg",
                                ".cs",      ".lu", ".cv", ".L1::no_allocate",
                                ".L2::128B"};
  for (const auto &type : types)
    for (const char *cache : cached) {
      const std::string n = std::to_string(type.bytes);
      Machine m(".param .u64 in",
                std::string(kStart) + "mul.lo.u64 %d2, %d1, " + n +
                    "; add.s64 %d2, %d2, %d0; ld.global" + cache + "." +
                    type.type + " %d3, [%d2+8];\n" +
                    "shl.b64 %d4, %d1, 3; add.s64 %d4, %d4, %d0;"
                    "st.global.u64 [%d4+512], %d3;",
                512 + 256);
      const std::vector<uint8_t> before = m.memory;
      expectClean(m.run(32));
      for (size_t i = 0; i < 32; ++i) {
        uint64_t expected = 0;
        std::memcpy(&expected, before.data() + 8 + i * type.bytes, type.bytes);
        if (type.isSigned && type.bytes < 8 &&
            (expected >> (8 * type.bytes - 1) & 1))
          expected |= ~uint64_t(0) << (8 * type.bytes);
        EXPECT_EQ(m.at<uint64_t>(64 + i), expected) << type.type << cache;
      }
    }
}

TEST(Memory, SharedLocalAndGeneric) {
  Machine m(
      ".param .u64 in",
      ".shared .align 16 .b8 buf[512]; .local .align 16 .b8 loc[16];\n" +
          std::string(kStart) +
          "shl.b64 %d2, %d1, 4; add.s64 %d2, %d2, %d0;\n"
          "ld.global.v4.u32 {%r1, %r2, %r3, %r4}, [%d2];\n"
          "mov.u64 %d3, buf; shl.b64 %d4, %d1, 4; add.s64 %d3, %d3, %d4;\n"
          "st.volatile.shared.v4.b32 [%d3], {%r4, %r3, %r2, %r1};\n"
          "cvta.shared.u64 %d5, %d3; ld.v2.b64 {%d6, %d7}, [%d5];\n"
          "mov.u64 %d8, loc; st.local.v2.u64 [%d8], {%d6, %d7};\n"
          "cvta.local.u64 %d9, %d8; ld.v4.u16 {%h1, %h2, %h3, %h4}, "
          "[%d9];\n"
          "st.global.v4.u16 [%d2], {%h4, %h3, %h2, %h1};\n"
          "ld.local.b64 %d10, [%d8+8]; st.global.wb.b64 [%d2+8], %d10;",
      512);
  const std::vector<uint8_t> before = m.memory;
  expectClean(m.run(32));
  for (size_t i = 0; i < 32; ++i) {
    uint32_t in[4];
    std::memcpy(in, before.data() + 16 * i, 16);
    // Reversed words; then the halves of the first two reversed.
    const uint32_t shared[4] = {in[3], in[2], in[1], in[0]};
    const uint32_t expected[4] = {shared[1] >> 16 | shared[1] << 16,
                                  shared[0] >> 16 | shared[0] << 16, shared[2],
                                  shared[3]};
    for (size_t k = 0; k < 4; ++k)
      EXPECT_EQ(m.at<uint32_t>(4 * i + k), expected[k]) << i << " " << k;
  }
}

TEST(Memory, VariablesAndParameters) {
  Machine m(".param .u64 in, .param .align 8 .b8 pack[16], .param .s16 small",
            std::string(kStart) +
                "mov.u64 %d2, table; cvta.const.u64 %d3, %d2; ld.u32 %r1, "
                "[%d3+4];\n"
                "ld.const.u32 %r2, [table+8]; ld.global.u32 %r3, [counter];\n"
                "add.u32 %r3, %r3, 1; st.global.u32 [counter], %r3;\n"
                "ld.param.u32 %r4, [pack+4]; ld.param.s16 %r5, [small];\n"
                "mov.b64 %d4, pack; cvta.param.u64 %d5, %d4; ld.u64 %d6, "
                "[%d5+8];\n"
                "ld.global.u64 %d7, [pointer]; ld.global.u32 %r6, [%d7+4];\n"
                "st.global.v4.u32 [%d0], {%r1, %r2, %r3, %r4};\n"
                "st.global.v2.u32 [%d0+16], {%r5, %r6}; st.global.u64 "
                "[%d0+24], %d6;",
            32,
            ".const .align 4 .b32 table[3] = {10, 0x20, 30};\n"
            ".global .u32 counter = 41;\n"
            ".global .align 8 .u64 pointer = generic(table);\n");
  std::vector<uint8_t> pack(16);
  for (uint8_t i = 0; i < 16; ++i)
    pack[i] = i;
  expectClean(m.run(1, 0, {}, {pack, argument(int16_t(-3))}));
  EXPECT_EQ(m.at<uint32_t>(0), 0x20U);
  EXPECT_EQ(m.at<uint32_t>(1), 30U);
  EXPECT_EQ(m.at<uint32_t>(2), 42U);
  EXPECT_EQ(m.at<uint32_t>(3), 0x07060504U);
  EXPECT_EQ(m.at<int32_t>(4), -3);
  EXPECT_EQ(m.at<uint32_t>(5), 0x20U);
  EXPECT_EQ(m.at<uint64_t>(3), 0x0F0E0D0C0B0A0908U);
}

//===----------------------------------------------------------------------===//
// Atomics: 32 lanes on one word, in lane order; each returns what was there.
//===----------------------------------------------------------------------===//

template <class T>
void checkAtomic(const std::string &name, T start,
                 const std::function<T(T, uint32_t)> &next,
                 const std::string &operands = "", bool hasRed = true) {
  const bool wide = sizeof(T) == 8;
  const std::string value =
      operands.empty() ? (wide ? "%d4" : "%r1") : operands;
  const std::string convert =
      std::is_same_v<T, double>  ? "cvt.rn.f64.u32 %d4, %r0;"
      : std::is_same_v<T, float> ? "cvt.rn.f32.u32 %r1, %r0;"
      : wide                     ? "cvt.u64.u32 %d4, %r0;"
                                 : "mov.u32 %r1, %r0;";
  for (const std::string &space :
       {std::string(".global"), std::string(".shared"), std::string("")}) {
    std::string at = "[%d0]", before = kStart, after;
    if (space == ".shared") {
      before = ".shared .align 8 .b64 cell;\n" + before +
               "mov.u64 %d9, cell; setp.eq.u32 %p1, %r0, 0; ld.global.b64 "
               "%d10, [%d0]; @%p1 st.shared.b64 [%d9], %d10; bar.sync 0;\n";
      at = "[%d9]";
      after = "bar.sync 0; ld.shared.b64 %d10, [%d9]; @%p1 st.global.b64 "
              "[%d0], %d10;\n";
    }
    const std::string result = wide ? "%d5" : "%r5";
    for (const bool isRed : {false, true}) {
      if (isRed && !hasRed)
        continue;
      Machine m(".param .u64 in",
                before + convert + (isRed ? "red" : "atom") + space + "." +
                    name + " " + (isRed ? "" : result + ", ") + at + ", " +
                    value + ";\n" + after +
                    "shl.b64 %d6, %d1, 3; add.s64 %d6, "
                    "%d6, %d0;" +
                    (isRed ? ""
                           : "st.global.b" + std::string(wide ? "64" : "32") +
                                 " [%d6+8], " + result + ";"),
                8 + 256);
      EXPECT_TRUE(m.sim.copyToDevice(m.address, &start, sizeof(start)).ok());
      expectClean(m.run(32));
      T now = start;
      for (uint32_t lane = 0; lane < 32; ++lane) {
        if (!isRed) {
          EXPECT_EQ(std::memcmp(m.memory.data() + 8 + 8 * lane,
                                argument(now).data(), sizeof(T)),
                    0)
              << name << space << " lane " << lane;
        }
        now = next(now, lane);
      }
      EXPECT_EQ(std::memcmp(m.memory.data(), argument(now).data(), sizeof(T)),
                0)
          << name << space << (isRed ? " red" : " atom");
    }
  }
}

TEST(Memory, Atomics) {
  checkAtomic<uint32_t>("add.u32", 7,
                        [](uint32_t m, uint32_t l) { return m + l; });
  checkAtomic<int32_t>("add.s32", -7, [](int32_t m, uint32_t l) {
    return m + static_cast<int32_t>(l);
  });
  checkAtomic<uint64_t>("add.u64", 0xFFFFFFFF,
                        [](uint64_t m, uint32_t l) { return m + l; });
  checkAtomic<float>("add.f32", 0.25F, [](float m, uint32_t l) {
    return m + static_cast<float>(l);
  });
  checkAtomic<double>("add.f64", 0.25,
                      [](double m, uint32_t l) { return m + l; });
  checkAtomic<uint32_t>("and.b32", 0xFF,
                        [](uint32_t m, uint32_t l) { return m & l; });
  checkAtomic<uint64_t>("or.b64", 0,
                        [](uint64_t m, uint32_t l) { return m | l; });
  checkAtomic<uint32_t>("xor.b32", 5,
                        [](uint32_t m, uint32_t l) { return m ^ l; });
  checkAtomic<uint32_t>("min.u32", 9,
                        [](uint32_t m, uint32_t l) { return std::min(m, l); });
  checkAtomic<uint32_t>("max.u32", 9,
                        [](uint32_t m, uint32_t l) { return std::max(m, l); });
  checkAtomic<int32_t>("min.s32", -9, [](int32_t m, uint32_t l) {
    return std::min(m, static_cast<int32_t>(l));
  });
  checkAtomic<int64_t>("max.s64", -9, [](int64_t m, uint32_t l) {
    return std::max(m, static_cast<int64_t>(l));
  });
  checkAtomic<uint32_t>(
      "inc.u32", 3, [](uint32_t m, uint32_t) { return m >= 5 ? 0 : m + 1; },
      "5");
  checkAtomic<uint32_t>(
      "dec.u32", 3,
      [](uint32_t m, uint32_t) { return m == 0 || m > 5 ? 5 : m - 1; }, "5");
  checkAtomic<uint32_t>(
      "exch.b32", 77, [](uint32_t, uint32_t l) { return l; }, "", false);
  checkAtomic<uint64_t>(
      "exch.b64", 77, [](uint64_t, uint32_t l) { return l; }, "", false);
  checkAtomic<uint32_t>(
      "cas.b32", 4, [](uint32_t m, uint32_t l) { return m == l ? 100 : m; },
      "%r1, 100", false);
  checkAtomic<uint64_t>(
      "cas.b64", 4, [](uint64_t m, uint32_t l) { return m == l ? 9 : m; },
      "%d4, 9", false);
}

TEST(Memory, AtomicHalves) {
  // 32 additions of 0.1 in f16 and bf16 pairs, each rounded.
  for (const bool brain : {false, true}) {
    const auto decode = [=](uint16_t x) {
      return brain ? bf16ToDouble(x) : f16ToDouble(x);
    };
    const auto encode = [=](double x) {
      return brain ? bf16FromDouble(x) : f16FromDouble(x);
    };
    Machine m(".param .u64 in",
              std::string(kStart) + "mov.b32 %r1, " +
                  std::to_string(encode(0.1) | uint32_t(encode(3.0)) << 16) +
                  "; red.global.add.noftz." + (brain ? "bf16x2" : "f16x2") +
                  " [%d0], %r1;\n cvt.u16.u32 %h1, %r1; red.relaxed.gpu.global."
                  "add.noftz." +
                  (brain ? "bf16" : "f16") + " [%d0+4], %h1;",
              8);
    m.memory.assign(8, 0);
    EXPECT_TRUE(m.sim.copyToDevice(m.address, m.memory.data(), 8).ok());
    expectClean(m.run(32));
    double low = 0, high = 0;
    for (int i = 0; i < 32; ++i) {
      low = decode(encode(low + decode(encode(0.1))));
      high = decode(encode(high + 3.0));
    }
    EXPECT_EQ(decode(m.at<uint16_t>(0)), low);
    EXPECT_EQ(decode(m.at<uint16_t>(1)), high);
    EXPECT_EQ(decode(m.at<uint16_t>(2)), low);
  }
}

//===----------------------------------------------------------------------===//
// cp.async
//===----------------------------------------------------------------------===//

std::string copyKernel(const std::string &copy, const std::string &wait) {
  return ".shared .align 16 .b8 buf[512];\n" + std::string(kStart) +
         "shl.b64 %d2, %d1, 4; add.s64 %d3, %d2, %d0; mov.u64 %d4, buf; "
         "add.s64 %d4, %d4, %d2; setp.gt.u32 %p1, %r0, 9; mov.u32 %r1, 6;\n" +
         copy + "\n" + wait +
         "\nld.shared.v4.u32 {%r4, %r5, %r6, %r7}, [%d4];\n"
         "st.global.v4.u32 [%d3+512], {%r4, %r5, %r6, %r7};";
}

TEST(Memory, AsyncCopies) {
  const struct {
    const char *copy;
    size_t (*bytes)(size_t lane); ///< That come from the source.
  } copies[] = {
      {"cp.async.cg.shared.global [%d4], [%d3], 16;",
       [](size_t) { return size_t(16); }},
      {"cp.async.ca.shared.global [%d4], [%d3], 16, %r1;",
       [](size_t) { return size_t(6); }},
      {"cp.async.ca.shared::cta.global.L2::128B [%d4], [%d3], 16, 0;",
       [](size_t) { return size_t(0); }},
      {"cp.async.cg.shared.global [%d4], [%d3], 16, %p1;",
       [](size_t lane) { return lane > 9 ? size_t(0) : size_t(16); }},
      {"cp.async.ca.shared.global [%d4], [%d3], 8; cp.async.ca.shared.global "
       "[%d4+8], [%d3+8], 4; cp.async.ca.shared.global [%d4+12], [%d3+12], 4;",
       [](size_t) { return size_t(16); }}};
  const char *const waits[] = {"cp.async.wait_all;",
                               "cp.async.commit_group; cp.async.wait_group 0;"};
  for (const auto &copy : copies)
    for (const char *wait : waits)
      for (const AsyncMode mode : {AsyncMode::Eager, AsyncMode::Lazy}) {
        Machine m(".param .u64 in", copyKernel(copy.copy, wait), 1024);
        LaunchOptions options;
        options.async = mode;
        expectClean(m.run(32, 0, options));
        for (size_t lane = 0; lane < 32; ++lane)
          for (size_t k = 0; k < 16; ++k)
            EXPECT_EQ(m.memory[512 + 16 * lane + k],
                      k < copy.bytes(lane) ? m.memory[16 * lane + k] : 0)
                << copy.copy << " lane " << lane << " byte " << k;
      }
}

TEST(Memory, AsyncGroupsWaitInOrder) {
  // Two groups; one may go on: only the first is there.
  const std::string two = "cp.async.ca.shared.global [%d4], [%d3], 8;"
                          "cp.async.commit_group;"
                          "cp.async.ca.shared.global [%d4+8], [%d3+8], 8;"
                          "cp.async.commit_group;";
  Machine m(".param .u64 in", copyKernel(two, "cp.async.wait_group 1;"), 1024);
  LaunchOptions options;
  options.async = AsyncMode::Lazy;
  options.checks = kCheckNone;
  expectClean(m.run(32, 0, options));
  EXPECT_EQ(std::memcmp(m.memory.data() + 512, m.memory.data(), 8), 0);
  EXPECT_NE(std::memcmp(m.memory.data() + 520, m.memory.data() + 8, 8), 0);
  // With the checks the premature read has a name, eagerly too.
  options.checks = kCheckAll;
  for (const AsyncMode mode : {AsyncMode::Eager, AsyncMode::Lazy}) {
    options.async = mode;
    const LaunchResult result = m.run(32, 0, options);
    ASSERT_FALSE(result.clean());
    EXPECT_EQ(result.findings[0].kind, CheckKind::AsyncWait);
  }
}

} // namespace
