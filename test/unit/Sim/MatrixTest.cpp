//===- MatrixTest.cpp - mma, wmma and ldmatrix against plain products ----===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Forms.h"

#include "ra/Runtime/ElementType.h"
#include "ra/Runtime/Random.h"

#include <algorithm>
#include <cmath>

using namespace ra::runtime;
using namespace ra::runtime::sim;
using namespace ra::test;

namespace {

/// Small integers are exact in every type, and so are their products and sums:
/// any order of summation gives the same bits.
int number(uint32_t stream, uint32_t index, int limit, bool isSigned) {
  const auto words = philox({index, stream, 3, 5}, {17, 19});
  const auto value = static_cast<int>(words[0] % static_cast<uint32_t>(limit));
  return isSigned ? value - limit / 2 : value;
}

uint64_t encode(const std::string &type, int value) {
  if (type == "f16")
    return f16FromDouble(value);
  if (type == "bf16")
    return bf16FromDouble(value);
  if (type == "f64") {
    const double wide = value;
    uint64_t bits;
    std::memcpy(&bits, &wide, 8);
    return bits;
  }
  if (type == "tf32" || type == "f32") {
    const auto wide = static_cast<float>(value);
    uint32_t bits;
    std::memcpy(&bits, &wide, 4);
    return bits;
  }
  return static_cast<uint32_t>(value);
}
unsigned bitsOf(const std::string &type) {
  return type == "f64"                     ? 64
         : type == "f16" || type == "bf16" ? 16
         : type == "s8" || type == "u8"    ? 8
         : type == "s4" || type == "u4"    ? 4
         : type == "b1"                    ? 1
                                           : 32;
}

struct MmaCase {
  unsigned m, k;
  std::string d, a, b, c, suffix;
};

/// Where register r, element j of a lane is: PTX ISA, the figures of "Matrix
/// fragments for mma". For 8 rows there is one block of rows.
void placeA(const MmaCase &t, unsigned p, unsigned lane, unsigned r, unsigned j,
            unsigned &row, unsigned &column) {
  const unsigned group = lane >> 2, inGroup = lane % 4;
  if (t.m == 8) {
    row = group;
    column = inGroup * p + j + r * 4 * p;
    return;
  }
  row = r % 2 == 0 ? group : group + 8;
  column = inGroup * p + j + (r / 2) * 4 * p;
}

std::string braces(const std::string &prefix, unsigned first, unsigned count) {
  std::string text = "{";
  for (unsigned i = 0; i < count; ++i)
    text += (i ? ", " : "") + prefix + std::to_string(first + i);
  return text + "}";
}

void checkMma(const MmaCase &t) {
  const unsigned n = 8, bits = bitsOf(t.a), p = std::max(1U, 32 / bits);
  const bool f64 = t.a == "f64";
  const auto registers = [&](unsigned elements, const std::string &type) {
    return f64 ? elements / 32 : elements * bitsOf(type) / 1024;
  };
  const unsigned ra = registers(t.m * t.k, t.a), rb = registers(n * t.k, t.b),
                 rc = registers(t.m * n, t.c), rd = registers(t.m * n, t.d);
  const auto limit = [&](const std::string &type) {
    return type == "b1" ? 2 : bits == 4 ? 16 : bits == 8 ? 256 : 8;
  };
  const auto isSigned = [](const std::string &type) {
    return type[0] != 'u' && type[0] != 'b' ? true : type == "bf16";
  };
  std::vector<int> a(t.m * t.k), b(t.k * n), c(t.m * n), expected(t.m * n);
  for (uint32_t i = 0; i < a.size(); ++i)
    a[i] = number(1, i, limit(t.a), isSigned(t.a));
  for (uint32_t i = 0; i < b.size(); ++i)
    b[i] = number(2, i, limit(t.b), isSigned(t.b));
  for (uint32_t i = 0; i < c.size(); ++i)
    c[i] = number(3, i, 100, true);
  for (unsigned i = 0; i < t.m; ++i)
    for (unsigned j = 0; j < n; ++j) {
      int sum = c[i * n + j];
      for (unsigned l = 0; l < t.k; ++l)
        sum += t.suffix == ".xor.popc" ? a[i * t.k + l] ^ b[l * n + j]
                                       : a[i * t.k + l] * b[l * n + j];
      expected[i * n + j] = sum;
    }

  // Registers as memory holds them: [register][lane] of 64 bits.
  std::vector<uint64_t> input((ra + rb + rc) * 32), output(rd * 32);
  for (unsigned lane = 0; lane < 32; ++lane) {
    for (unsigned r = 0; r < ra; ++r)
      for (unsigned j = 0; j < p; ++j) {
        unsigned row = 0, column = 0;
        placeA(t, p, lane, r, j, row, column);
        const uint64_t mask = bits == 64 ? ~0ULL : (1ULL << bits) - 1;
        input[r * 32 + lane] |= (encode(t.a, a[row * t.k + column]) & mask)
                                << (f64 ? 0 : j * bits);
      }
    for (unsigned r = 0; r < rb; ++r)
      for (unsigned j = 0; j < p; ++j) {
        const unsigned row = lane % 4 * p + j + r * 4 * p, column = lane / 4;
        const uint64_t mask = bits == 64 ? ~0ULL : (1ULL << bits) - 1;
        input[(ra + r) * 32 + lane] |= (encode(t.b, b[row * n + column]) & mask)
                                       << (f64 ? 0 : j * bits);
      }
    for (unsigned i = 0; i < t.m / 4; ++i) {
      const unsigned row = lane / 4 + 8 * (i / 2),
                     column = lane % 4 * 2 + i % 2;
      const uint64_t value = encode(t.c, c[row * n + column]);
      if (t.c == "f16")
        input[(ra + rb + i / 2) * 32 + lane] |= value << (16 * (i % 2));
      else
        input[(ra + rb + i) * 32 + lane] = value;
    }
  }
  const std::string prefix = f64 ? "%d" : "%r";
  std::string body = ".reg .b32 %r<40>; .reg .b64 %d<40>; .reg .b64 %in, %out, "
                     "%t; .reg .b32 %lane;\nld.param.u64 %in, [in]; "
                     "ld.param.u64 %out, [out]; mov.u32 %lane, %laneid; "
                     "mul.wide.u32 %t, %lane, 8; add.s64 %in, %in, %t; "
                     "add.s64 %out, %out, %t;\n";
  const std::string move = f64 ? ".b64 " : ".b32 ";
  for (unsigned i = 0; i < ra + rb + rc; ++i)
    body += "ld.global" + move + prefix + std::to_string(i) + ", [%in+" +
            std::to_string(256 * i) + "];\n";
  body += "mma.sync.aligned.m" + std::to_string(t.m) + "n8k" +
          std::to_string(t.k) + ".row.col." + t.d + "." + t.a + "." + t.b +
          "." + t.c + t.suffix + " " + braces(prefix, 30, rd) + ", " +
          braces(prefix, 0, ra) + ", " + braces(prefix, ra, rb) + ", " +
          braces(prefix, ra + rb, rc) + ";\n";
  for (unsigned i = 0; i < rd; ++i)
    body += "st.global" + move + "[%out+" + std::to_string(256 * i) + "], " +
            prefix + std::to_string(30 + i) + ";\n";
  Simulator sim;
  const Kernel *kernel =
      loadKernel(sim, module(".param .u64 in, .param .u64 out", body));
  if (!kernel)
    return;
  const auto in = sim.allocate(input.size() * 8, "in"),
             out = sim.allocate(output.size() * 8, "out");
  EXPECT_TRUE(sim.copyToDevice(*in, input.data(), input.size() * 8).ok());
  LaunchOptions options;
  options.counters = true;
  auto result = sim.launch(*kernel, {1, 1, 1}, {32, 1, 1}, 0,
                           {argument(*in), argument(*out)}, options);
  ASSERT_TRUE(result) << result.message();
  EXPECT_TRUE(result->clean());
  EXPECT_EQ(result->counters.tensorFlops, 2ULL * t.m * n * t.k);
  EXPECT_TRUE(sim.copyToHost(output.data(), *out, output.size() * 8).ok());
  for (unsigned lane = 0; lane < 32; ++lane)
    for (unsigned i = 0; i < t.m / 4; ++i) {
      const unsigned row = lane / 4 + 8 * (i / 2),
                     column = lane % 4 * 2 + i % 2;
      const uint64_t want = encode(t.d, expected[row * n + column]);
      uint64_t have = t.d == "f16"
                          ? output[i / 2 * 32 + lane] >> (16 * (i % 2)) & 0xFFFF
                          : output[i * 32 + lane];
      if (!f64 && t.d != "f16")
        have &= 0xFFFFFFFF;
      ASSERT_EQ(have, want) << "m" << t.m << "k" << t.k << " " << t.a << " row "
                            << row << " column " << column;
    }
}

TEST(Matrix, Mma) {
  for (const std::string d : {"f16", "f32"})
    for (const unsigned k : {8U, 16U})
      checkMma({16, k, d, "f16", "f16", d, ""});
  for (const unsigned k : {8U, 16U})
    checkMma({16, k, "f32", "bf16", "bf16", "f32", ""});
  for (const unsigned k : {4U, 8U})
    checkMma({16, k, "f32", "tf32", "tf32", "f32", ""});
  checkMma({8, 4, "f64", "f64", "f64", "f64", ""});
  for (const unsigned k : {4U, 8U, 16U})
    checkMma({16, k, "f64", "f64", "f64", "f64", ""});
  for (const std::string a : {"s8", "u8"})
    for (const std::string b : {"s8", "u8"}) {
      checkMma({8, 16, "s32", a, b, "s32", ""});
      checkMma({16, 16, "s32", a, b, "s32", ""});
      checkMma({16, 32, "s32", a, b, "s32", ""});
    }
  for (const std::string a : {"s4", "u4"})
    for (const std::string b : {"s4", "u4"}) {
      checkMma({8, 32, "s32", a, b, "s32", ""});
      checkMma({16, 32, "s32", a, b, "s32", ""});
      checkMma({16, 64, "s32", a, b, "s32", ""});
    }
  for (const std::string f : {".xor.popc", ".and.popc"}) {
    checkMma({8, 128, "s32", "b1", "b1", "s32", f});
    checkMma({16, 128, "s32", "b1", "b1", "s32", f});
    checkMma({16, 256, "s32", "b1", "b1", "s32", f});
  }
}

//===----------------------------------------------------------------------===//
// wmma: fragments have no layout of their own, so a whole product is checked.
//===----------------------------------------------------------------------===//

struct WmmaCase {
  unsigned m, n, k;
  std::string in, sum;
  unsigned ra, rb, rc;
};

void checkWmma(const WmmaCase &t, bool aCol, bool bCol, bool cCol,
               bool shared) {
  const unsigned bi = bitsOf(t.in) / 8, bs = bitsOf(t.sum) / 8;
  const bool isSigned = t.in != "u8";
  const auto index = [](bool col, unsigned rows, unsigned columns, unsigned r,
                        unsigned c) {
    return col ? c * rows + r : r * columns + c;
  };
  const size_t aBytes = size_t(t.m) * t.k * bi, bBytes = size_t(t.k) * t.n * bi,
               cBytes = size_t(t.m) * t.n * bs;
  std::vector<uint8_t> bytes(aBytes + bBytes + cBytes);
  std::vector<int> a(t.m * t.k), b(t.k * t.n), c(t.m * t.n);
  const auto put = [&](size_t base, size_t at, unsigned size, uint64_t value) {
    std::memcpy(bytes.data() + base + at * size, &value, size);
  };
  for (unsigned i = 0; i < t.m; ++i)
    for (unsigned l = 0; l < t.k; ++l)
      put(0, index(aCol, t.m, t.k, i, l), bi,
          encode(t.in, a[i * t.k + l] = number(4, i * t.k + l, 8, isSigned)));
  for (unsigned l = 0; l < t.k; ++l)
    for (unsigned j = 0; j < t.n; ++j)
      put(aBytes, index(bCol, t.k, t.n, l, j), bi,
          encode(t.in, b[l * t.n + j] = number(5, l * t.n + j, 8, isSigned)));
  for (unsigned i = 0; i < t.m; ++i)
    for (unsigned j = 0; j < t.n; ++j)
      put(aBytes + bBytes, index(cCol, t.m, t.n, i, j), bs,
          encode(t.sum, c[i * t.n + j] = number(6, i * t.n + j, 50, true)));

  const std::string shape = "m" + std::to_string(t.m) + "n" +
                            std::to_string(t.n) + "k" + std::to_string(t.k);
  const auto layout = [](bool col) {
    return std::string(col ? ".col." : ".row.");
  };
  const auto stride = [](bool col, unsigned rows, unsigned columns) {
    return std::to_string(col ? rows : columns);
  };
  const std::string prefix = t.in == "f64" ? "%d" : "%r";
  // Through shared memory: a copy, word by word.
  std::string body = ".shared .align 32 .b8 buf[8192]; .reg .b32 %r<50>, %i; "
                     ".reg .b64 %d<50>, %in, %a, %b, %c, %t; .reg .pred %p;\n"
                     "ld.param.u64 %in, [in]; mov.u64 %a, %in;\n";
  if (shared)
    body +=
        "mov.u64 %a, buf; mov.u32 %i, %tid.x; L: shl.b32 %r0, %i, 2; "
        "cvt.u64.u32 %t, %r0; add.s64 %b, %in, %t; ld.global.u32 %r1, [%b]; "
        "add.s64 %c, %a, %t; st.shared.u32 [%c], %r1; add.u32 %i, %i, 32; "
        "setp.lt.u32 %p, %i, " +
        std::to_string(bytes.size() / 4) + "; @%p bra L;\n";
  const std::string space = shared ? ".shared." : ".global.";
  const std::string product =
      t.in == "f16" ? t.sum + "." + t.sum
                    : t.sum + "." + t.in + "." + t.in + "." + t.sum;
  body += "add.s64 %b, %a, " + std::to_string(aBytes) + "; add.s64 %c, %b, " +
          std::to_string(bBytes) + ";\n" + "wmma.load.a.sync.aligned" +
          layout(aCol) + shape + space + t.in + " " + braces(prefix, 0, t.ra) +
          ", [%a], " + stride(aCol, t.m, t.k) + ";\n" +
          "wmma.load.b.sync.aligned" + layout(bCol) + shape + space + t.in +
          " " + braces(prefix, 10, t.rb) + ", [%b], " + stride(bCol, t.k, t.n) +
          ";\n" + "wmma.load.c.sync.aligned" + layout(cCol) + shape + space +
          t.sum + " " + braces(prefix, 20, t.rc) + ", [%c];\n" +
          "wmma.mma.sync.aligned" + layout(aCol) + layout(bCol).substr(1) +
          shape + (t.in == "f64" ? ".rn." : ".") + product + " " +
          braces(prefix, 30, t.rc) + ", " + braces(prefix, 0, t.ra) + ", " +
          braces(prefix, 10, t.rb) + ", " + braces(prefix, 20, t.rc) + ";\n" +
          "add.s64 %c, %in, " + std::to_string(aBytes + bBytes) +
          "; wmma.store.d.sync.aligned" + layout(cCol) + shape + ".global." +
          t.sum + " [%c], " + braces(prefix, 30, t.rc) + ", " +
          stride(cCol, t.m, t.n) + ";\n";
  Simulator sim;
  const Kernel *kernel = loadKernel(sim, module(".param .u64 in", body));
  if (!kernel)
    return;
  const auto in = sim.allocate(bytes.size(), "in");
  EXPECT_TRUE(sim.copyToDevice(*in, bytes.data(), bytes.size()).ok());
  auto result = sim.launch(*kernel, {1, 1, 1}, {32, 1, 1}, 0, {argument(*in)});
  ASSERT_TRUE(result) << result.message();
  for (const Finding &finding : result->findings)
    ADD_FAILURE() << finding.toString();
  EXPECT_TRUE(sim.copyToHost(bytes.data(), *in, bytes.size()).ok());
  for (unsigned i = 0; i < t.m; ++i)
    for (unsigned j = 0; j < t.n; ++j) {
      int sum = c[i * t.n + j];
      for (unsigned l = 0; l < t.k; ++l)
        sum += a[i * t.k + l] * b[l * t.n + j];
      uint64_t have = 0;
      std::memcpy(&have,
                  bytes.data() + aBytes + bBytes +
                      size_t(index(cCol, t.m, t.n, i, j)) * bs,
                  bs);
      ASSERT_EQ(have, encode(t.sum, sum))
          << shape << t.in << " " << i << " " << j;
    }
}

TEST(Matrix, Wmma) {
  // Registers as the ISA's tables give them.
  const WmmaCase cases[] = {
      {16, 16, 16, "f16", "f32", 8, 8, 8},  {8, 32, 16, "f16", "f32", 8, 8, 8},
      {32, 8, 16, "f16", "f32", 8, 8, 8},   {16, 16, 16, "f16", "f16", 8, 8, 4},
      {16, 16, 16, "bf16", "f32", 4, 4, 8}, {8, 32, 16, "bf16", "f32", 2, 8, 8},
      {32, 8, 16, "bf16", "f32", 8, 2, 8},  {16, 16, 8, "tf32", "f32", 4, 4, 8},
      {16, 16, 16, "s8", "s32", 2, 2, 8},   {8, 32, 16, "s8", "s32", 1, 4, 8},
      {32, 8, 16, "u8", "s32", 4, 1, 8},    {8, 8, 4, "f64", "f64", 1, 1, 2}};
  for (const WmmaCase &t : cases)
    for (unsigned layouts = 0; layouts < 8; ++layouts)
      checkWmma(t, layouts & 1, layouts & 2, layouts & 4, layouts % 3 == 0);
}

//===----------------------------------------------------------------------===//
// ldmatrix and its like
//===----------------------------------------------------------------------===//

TEST(Matrix, LoadAndStoreMatrices) {
  for (const unsigned count : {1U, 2U, 4U})
    for (const bool transposed : {false, true}) {
      // Rows of 16 bytes, given in reverse order.
      const std::string x = ".x" + std::to_string(count);
      const std::string t = transposed ? ".trans" : "";
      const std::string body =
          ".shared .align 16 .b8 buf[1024]; .reg .b32 %r<20>; .reg .b64 "
          "%d<9>;\n"
          "ld.param.u64 %d0, [in]; mov.u32 %r0, %tid.x; shl.b32 %r1, %r0, 4; "
          "cvt.u64.u32 %d1, %r1; add.s64 %d2, %d0, %d1; ld.global.v4.u32 {%r2, "
          "%r3, %r4, %r5}, [%d2]; mov.u64 %d3, buf; sub.s64 %d4, %d3, %d1; "
          "st.shared.v4.u32 [%d4+496], {%r2, %r3, %r4, %r5};\n"
          "ldmatrix.sync.aligned.m8n8" +
          x + t + ".shared.b16 " + braces("%r", 10, count) + ", [%d4+496];\n" +
          "add.s64 %d5, %d3, %d1; stmatrix.sync.aligned.m8n8" + x +
          ".shared.b16 [%d5+512], " + braces("%r", 10, count) + ";\n" +
          "movmatrix.sync.aligned.m8n8.trans.b16 %r10, %r10; " +
          "mul.wide.u32 %d6, %r0, 4; add.s64 %d6, %d6, %d0; st.global.u32 "
          "[%d6+1024], %r10;\n" +
          "bar.warp.sync -1; ld.shared.v4.u32 {%r2, %r3, %r4, %r5}, "
          "[%d5+512];\n"
          "st.global.v4.u32 [%d2+512], {%r2, %r3, %r4, %r5};";
      Simulator sim;
      const Kernel *kernel = loadKernel(sim, module(".param .u64 in", body));
      ASSERT_NE(kernel, nullptr);
      std::vector<uint16_t> halves(256 + 256 + 64);
      for (size_t i = 0; i < 256; ++i)
        halves[i] = static_cast<uint16_t>(i * 251 + 7);
      const auto in = sim.allocate(halves.size() * 2, "in");
      EXPECT_TRUE(sim.copyToDevice(*in, halves.data(), halves.size() * 2).ok());
      LaunchOptions options;
      options.checks = kCheckAll & ~kCheckUninitialized; // x1 stores 8 rows.
      auto result = sim.launch(*kernel, {1, 1, 1}, {32, 1, 1}, 0,
                               {argument(*in)}, options);
      ASSERT_TRUE(result) << result.message();
      EXPECT_TRUE(result->clean()) << result->findings[0].toString();
      const std::vector<uint16_t> before = halves;
      EXPECT_TRUE(sim.copyToHost(halves.data(), *in, halves.size() * 2).ok());
      for (unsigned j = 0; j < count; ++j)
        for (unsigned r = 0; r < 8; ++r)
          for (unsigned c = 0; c < 8; ++c) {
            // Matrix j, as loaded and stored again.
            const unsigned row = transposed ? c : r,
                           column = transposed ? r : c;
            EXPECT_EQ(halves[256 + (8 * j + r) * 8 + c],
                      before[(8 * j + row) * 8 + column]);
          }
      // movmatrix: lane l, half k holds row l / 4, column 2 (l % 4) + k of the
      // transpose of matrix 0.
      for (unsigned l = 0; l < 32; ++l)
        for (unsigned k = 0; k < 2; ++k) {
          unsigned row = 2 * (l % 4) + k, column = l / 4;
          if (transposed)
            std::swap(row, column);
          EXPECT_EQ(halves[512 + 2 * l + k], before[row * 8 + column]);
        }
    }
}

} // namespace
