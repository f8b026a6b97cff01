//===- ForeignKernelTest.cpp - PTX of nvcc and Triton --------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Forms.h"

#include "ra/Runtime/ElementType.h"
#include "ra/Runtime/Random.h"

#include <cmath>
#include <fstream>
#include <numeric>
#include <sstream>

using namespace ra::runtime;
using namespace ra::runtime::sim;
using namespace ra::test;

namespace {

/// A module from the inputs and the buffers of a launch. Everything runs
/// eagerly and lazily, greedily and at random, with all checks.
class Foreign {
public:
  Foreign(const std::string &file, LaunchOptions options) : options(options) {
    std::ifstream stream(std::string(RA_SIM_INPUTS) + "/" + file);
    std::stringstream text;
    text << stream.rdbuf();
    const Expected<unsigned> loaded = sim.loadModule(text.str(), file);
    EXPECT_TRUE(loaded) << loaded.message();
    number = loaded ? *loaded : 0;
  }
  template <class T> uint64_t upload(const std::vector<T> &values) {
    const auto address = sim.allocate(values.size() * sizeof(T), "buffer");
    EXPECT_TRUE(
        sim.copyToDevice(*address, values.data(), values.size() * sizeof(T))
            .ok());
    return *address;
  }
  template <class T> std::vector<T> download(uint64_t address, size_t count) {
    std::vector<T> values(count);
    EXPECT_TRUE(sim.copyToHost(values.data(), address, count * sizeof(T)).ok());
    return values;
  }
  void run(const std::string &name, Dim3 grid, Dim3 block, size_t shared,
           const std::vector<std::vector<uint8_t>> &arguments) {
    const auto kernel = sim.findKernel(number, name);
    ASSERT_TRUE(kernel) << kernel.message();
    const auto result =
        sim.launch(**kernel, grid, block, shared, arguments, options);
    ASSERT_TRUE(result) << result.message();
    for (const Finding &finding : result->findings)
      ADD_FAILURE() << finding.toString();
  }

private:
  Simulator sim;
  LaunchOptions options;
  unsigned number = 0;
};

std::vector<LaunchOptions> modes() {
  std::vector<LaunchOptions> all;
  for (const AsyncMode async : {AsyncMode::Eager, AsyncMode::Lazy})
    for (const Schedule schedule : {Schedule::Greedy, Schedule::Random}) {
      LaunchOptions options;
      options.async = async;
      options.schedule = schedule;
      options.seed = 5;
      all.push_back(options);
    }
  return all;
}

std::vector<double> numbers(size_t count, uint64_t stream) {
  std::vector<double> values(count);
  RandomStream{9, stream}.normal(0, 1, 0, count, values.data());
  return values;
}
std::vector<float> singles(std::vector<double> &values) {
  std::vector<float> result;
  for (double &value : values) {
    result.push_back(static_cast<float>(value));
    value = static_cast<double>(result.back());
  }
  return result;
}
std::vector<uint16_t> halvesOf(std::vector<double> &values) {
  std::vector<uint16_t> result;
  for (double &value : values) {
    result.push_back(f16FromDouble(value));
    value = f16ToDouble(result.back());
  }
  return result;
}

TEST(Nvcc, ReductionScanTransposeHistogram) {
  for (const LaunchOptions &options : modes()) {
    Foreign m("nvcc_kernels.ptx", options);
    auto values = numbers(5000, 1);
    const auto in = singles(values);
    const uint64_t sum = m.upload(std::vector<float>(1, 0.0F));
    m.run("block_sum", {4, 1, 1}, {256, 1, 1}, 0,
          {argument(m.upload(in)), argument(sum), argument(5000)});
    // 5000 additions in f32 of values that stay below 300 in sum.
    EXPECT_NEAR(static_cast<double>(m.download<float>(sum, 1)[0]),
                std::accumulate(values.begin(), values.end(), 0.0), 1e-3);

    std::vector<int> ints(200);
    std::iota(ints.begin(), ints.end(), -50);
    const uint64_t scanned = m.upload(std::vector<int>(200, 0));
    m.run("scan", {1, 1, 1}, {256, 1, 1}, 1024,
          {argument(m.upload(ints)), argument(scanned), argument(200)});
    const auto prefix = m.download<int>(scanned, 200);
    for (int i = 0, total = 0; i < 200; ++i)
      EXPECT_EQ(prefix[size_t(i)], total += i - 50);

    const uint64_t turned = m.upload(std::vector<float>(70 * 45, 0.0F));
    m.run(
        "transpose", {2, 3, 1}, {32, 8, 1}, 0,
        {argument(m.upload(in)), argument(turned), argument(70), argument(45)});
    const auto t = m.download<float>(turned, 70 * 45);
    for (size_t r = 0; r < 70; ++r)
      for (size_t c = 0; c < 45; ++c)
        ASSERT_EQ(t[c * 70 + r], in[r * 45 + c]);

    std::vector<uint8_t> bytes(3000);
    std::vector<uint32_t> expected(256);
    for (size_t i = 0; i < bytes.size(); ++i)
      ++expected[bytes[i] = static_cast<uint8_t>(i * i / 7)];
    const uint64_t bins = m.upload(std::vector<uint32_t>(256, 0));
    m.run("histogram", {3, 1, 1}, {128, 1, 1}, 0,
          {argument(m.upload(bytes)), argument(bins), argument(3000)});
    EXPECT_EQ(m.download<uint32_t>(bins, 256), expected);
  }
}

void expectSoftmax(const std::vector<float> &out, const std::vector<double> &in,
                   size_t columns) {
  for (size_t r = 0; r < in.size() / columns; ++r) {
    double sum = 0;
    for (size_t c = 0; c < columns; ++c)
      sum += std::exp(in[r * columns + c]);
    for (size_t c = 0; c < columns; ++c)
      ASSERT_NEAR(static_cast<double>(out[r * columns + c]),
                  std::exp(in[r * columns + c]) / sum, 1e-6);
  }
}

TEST(Nvcc, SoftmaxAndWmma) {
  for (const LaunchOptions &options : modes()) {
    Foreign m("nvcc_kernels.ptx", options);
    auto values = numbers(4 * 300, 2);
    const uint64_t in = m.upload(singles(values));
    const uint64_t out = m.upload(std::vector<float>(4 * 300, NAN));
    m.run("softmax", {4, 1, 1}, {128, 1, 1}, 0,
          {argument(in), argument(out), argument(300)});
    expectSoftmax(m.download<float>(out, 4 * 300), values, 300);

    auto a = numbers(48 * 64, 3), b = numbers(32 * 64, 4);
    const uint64_t pa = m.upload(halvesOf(a)), pb = m.upload(halvesOf(b));
    const uint64_t c = m.upload(std::vector<float>(48 * 32, NAN));
    m.run(
        "wmma_product", {2, 3, 1}, {32, 1, 1}, 0,
        {argument(pa), argument(pb), argument(c), argument(32), argument(64)});
    const auto product = m.download<float>(c, 48 * 32);
    for (size_t i = 0; i < 48; ++i)
      for (size_t j = 0; j < 32; ++j) {
        double sum = 0;
        for (size_t k = 0; k < 64; ++k)
          sum += a[i * 64 + k] * b[j * 64 + k];
        ASSERT_NEAR(static_cast<double>(product[i * 32 + j]), sum, 1e-4);
      }
  }
}

const std::vector<uint8_t> kScratch = argument(uint64_t(0));

TEST(Triton, Softmax) {
  for (const LaunchOptions &options : modes()) {
    Foreign m("triton_softmax.ptx", options);
    auto values = numbers(3 * 240, 5);
    const uint64_t in = m.upload(singles(values));
    const uint64_t out = m.upload(std::vector<float>(3 * 240, NAN));
    m.run("softmax", {3, 1, 1}, {128, 1, 1}, 16,
          {argument(out), argument(in), argument(240), argument(240), kScratch,
           kScratch});
    expectSoftmax(m.download<float>(out, 3 * 240), values, 240);
  }
}

TEST(Triton, Product) {
  const size_t rows = 128, columns = 64, depth = 96;
  for (const LaunchOptions &options : modes()) {
    Foreign m("triton_matmul.ptx", options);
    auto a = numbers(rows * depth, 6), b = numbers(depth * columns, 7);
    const uint64_t pa = m.upload(halvesOf(a)), pb = m.upload(halvesOf(b));
    const uint64_t c = m.upload(std::vector<uint16_t>(rows * columns, 0xFFFF));
    m.run("matmul", {2, 1, 1}, {128, 1, 1}, 16384,
          {argument(pa), argument(pb), argument(c), argument(int(rows)),
           argument(int(columns)), argument(int(depth)), kScratch, kScratch});
    const auto product = m.download<uint16_t>(c, rows * columns);
    for (size_t i = 0; i < rows; ++i)
      for (size_t j = 0; j < columns; ++j) {
        double sum = 0;
        for (size_t k = 0; k < depth; ++k)
          sum += a[i * depth + k] * b[k * columns + j];
        // Results below 64 in f16.
        ASSERT_NEAR(f16ToDouble(product[i * columns + j]), sum, 0.02);
      }
  }
}

TEST(Triton, Attention) {
  const size_t length = 128, dims = 64, heads = 2;
  for (const LaunchOptions &options : modes()) {
    Foreign m("triton_attention.ptx", options);
    auto q = numbers(heads * length * dims, 8), k = numbers(q.size(), 9),
         v = numbers(q.size(), 10);
    const uint64_t pq = m.upload(halvesOf(q)), pk = m.upload(halvesOf(k)),
                   pv = m.upload(halvesOf(v));
    const uint64_t o = m.upload(std::vector<uint16_t>(q.size(), 0xFFFF));
    m.run("attention", {2, 2, 1}, {128, 1, 1}, 16384,
          {argument(pq), argument(pk), argument(pv), argument(o),
           argument(0.125F * 1.4426950408889634F), argument(int(length)),
           kScratch, kScratch});
    const auto out = m.download<uint16_t>(o, q.size());
    for (size_t h = 0; h < heads; ++h)
      for (size_t i = 0; i < length; ++i) {
        const size_t row = (h * length + i) * dims;
        std::vector<double> p;
        double sum = 0;
        for (size_t j = 0; j <= i; ++j) {
          double s = 0;
          for (size_t d = 0; d < dims; ++d)
            s += q[row + d] * k[(h * length + j) * dims + d];
          p.push_back(std::exp(s / 8));
          sum += p.back();
        }
        for (size_t d = 0; d < dims; ++d) {
          double x = 0;
          for (size_t j = 0; j <= i; ++j)
            x += p[j] * v[(h * length + j) * dims + d];
          ASSERT_NEAR(f16ToDouble(out[row + d]), x / sum, 2e-3);
        }
      }
  }
}

} // namespace
