//===- KernelTest.cpp - Whole kernels against f64, and their mutants -----===//
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
#include <sstream>

using namespace ra::runtime;
using namespace ra::runtime::sim;
using namespace ra::test;

namespace {

std::string readInput(const std::string &name) {
  std::ifstream file(std::string(RA_SIM_INPUTS) + "/" + name);
  std::stringstream text;
  text << file.rdbuf();
  EXPECT_FALSE(text.str().empty()) << name;
  return text.str();
}

/// Random f16 numbers, also as f64.
struct Halves {
  Halves(size_t count, uint64_t stream) : bits(count), values(count) {
    RandomStream{5, stream}.normal(0, 1, 0, count, values.data());
    for (size_t i = 0; i < count; ++i) {
      bits[i] = f16FromDouble(values[i]);
      values[i] = f16ToDouble(bits[i]);
    }
  }
  std::vector<uint16_t> bits;
  std::vector<double> values;
};

/// What a run of a kernel gave.
struct Outcome {
  std::vector<Finding> findings;
  double error = 0; ///< The largest; infinity for NaN.
  uint64_t instructions = 0;
  std::string refused; ///< Why the module did not load.
};

uint64_t upload(Simulator &sim, const std::vector<uint16_t> &bits,
                const std::string &name) {
  const auto address = sim.allocate(bits.size() * 2, name);
  EXPECT_TRUE(sim.copyToDevice(*address, bits.data(), bits.size() * 2).ok());
  return *address;
}
void addError(double have, double want, double &error) {
  const double difference = std::fabs(have - want);
  error = difference != difference ? INFINITY : std::max(error, difference);
}

/// Causal attention of `heads` x `length` x 64.
Outcome attention(const std::string &text, const LaunchOptions &options) {
  const uint32_t length = 192, heads = 1, dims = 64;
  static const Halves q(length * dims * heads, 1), k(length * dims * heads, 2),
      v(length * dims * heads, 3);
  Outcome outcome;
  Simulator sim;
  const Expected<unsigned> loaded = sim.loadModule(text, "attention.ptx");
  if (!loaded) {
    outcome.refused = loaded.message();
    return outcome;
  }
  const auto kernel = sim.findKernel(*loaded, "fa2_fwd");
  std::vector<uint16_t> out(q.bits.size(), 0xFFFF);
  std::vector<float> lse(heads * length);
  const uint64_t o = upload(sim, out, "o");
  const auto l = sim.allocate(lse.size() * 4, "lse");
  const float scale = 0.125F * 1.4426950408889634F;
  auto result = sim.launch(
      **kernel, {length / 64, heads, 1}, {128, 1, 1}, 40960,
      {argument(upload(sim, q.bits, "q")), argument(upload(sim, k.bits, "k")),
       argument(upload(sim, v.bits, "v")), argument(o), argument(*l),
       argument(length), argument(scale)},
      options);
  if (!result) {
    ADD_FAILURE() << result.message();
    return outcome;
  }
  outcome.findings = result->findings;
  outcome.instructions = result->counters.instructions;
  EXPECT_TRUE(sim.copyToHost(out.data(), o, out.size() * 2).ok());
  EXPECT_TRUE(sim.copyToHost(lse.data(), *l, lse.size() * 4).ok());
  for (uint32_t i = 0; i < length; ++i) {
    std::vector<double> p(i + 1);
    double top = -INFINITY, sum = 0;
    for (uint32_t j = 0; j <= i; ++j) {
      double s = 0;
      for (uint32_t d = 0; d < dims; ++d)
        s += q.values[i * dims + d] * k.values[j * dims + d];
      p[j] = s / 8;
      top = std::max(top, p[j]);
    }
    for (double &x : p)
      sum += x = std::exp(x - top);
    for (uint32_t d = 0; d < dims; ++d) {
      double x = 0;
      for (uint32_t j = 0; j <= i; ++j)
        x += p[j] * v.values[j * dims + d];
      addError(f16ToDouble(out[i * dims + d]), x / sum, outcome.error);
    }
    // In units of log2.
    addError(static_cast<double>(lse[i]) / 1.4426950408889634,
             top + std::log(sum), outcome.error);
  }
  return outcome;
}

/// C = A B^T + bias.
Outcome product(const std::string &text, const LaunchOptions &options) {
  const uint32_t m = 128, n = 128, k = 160;
  static const Halves a(m * k, 4), b(n * k, 5), bias(n, 6);
  Outcome outcome;
  Simulator sim;
  const Expected<unsigned> loaded = sim.loadModule(text, "gemm.ptx");
  if (!loaded) {
    outcome.refused = loaded.message();
    return outcome;
  }
  const auto kernel = sim.findKernel(*loaded, "gemm2");
  std::vector<uint16_t> out(m * n, 0xFFFF);
  const uint64_t c = upload(sim, out, "c");
  auto result = sim.launch(**kernel, {n / 128, m / 128, 1}, {128, 1, 1}, 65536,
                           {argument(upload(sim, a.bits, "a")),
                            argument(upload(sim, b.bits, "b")), argument(c),
                            argument(upload(sim, bias.bits, "bias")),
                            argument(n), argument(k)},
                           options);
  if (!result) {
    ADD_FAILURE() << result.message();
    return outcome;
  }
  outcome.findings = result->findings;
  outcome.instructions = result->counters.instructions;
  EXPECT_TRUE(sim.copyToHost(out.data(), c, out.size() * 2).ok());
  for (uint32_t i = 0; i < m; ++i)
    for (uint32_t j = 0; j < n; ++j) {
      double sum = bias.values[j];
      for (uint32_t l = 0; l < k; ++l)
        sum += a.values[i * k + l] * b.values[j * k + l];
      addError(f16ToDouble(out[i * n + j]), sum, outcome.error);
    }
  return outcome;
}

using Runner = Outcome (*)(const std::string &, const LaunchOptions &);

// Largest errors: P is rounded to f16 (2^-11 of values below 1, times |v| of up
// to 4, averaged); results of up to 64 are rounded to f16 (2^-11 * 64 / 2).
constexpr double kAttentionBound = 2e-3, kProductBound = 0.016 * 2;

std::vector<LaunchOptions> modes() {
  std::vector<LaunchOptions> all;
  for (const AsyncMode async : {AsyncMode::Eager, AsyncMode::Lazy})
    for (const Schedule schedule :
         {Schedule::Greedy, Schedule::RoundRobin, Schedule::Random}) {
      LaunchOptions options;
      options.async = async;
      options.schedule = schedule;
      options.seed = 11;
      all.push_back(options);
    }
  return all;
}

void checkOriginal(const std::string &text, Runner run, double bound) {
  for (const LaunchOptions &options : modes()) {
    const Outcome outcome = run(text, options);
    EXPECT_EQ(outcome.refused, "");
    for (const Finding &finding : outcome.findings)
      ADD_FAILURE() << finding.toString();
    EXPECT_LT(outcome.error, bound);
  }
}

TEST(Kernels, Attention) {
  checkOriginal(readInput("attention_sm80.ptx"), attention, kAttentionBound);
}
TEST(Kernels, Product) {
  checkOriginal(readInput("gemm_sm80.ptx"), product, kProductBound);
}

//===----------------------------------------------------------------------===//
// Mutants: each wait and each barrier removed, each wait one group too lenient,
// each copy's target moved. Every one must be caught by a check or by the
// numbers, eagerly or lazily.
//===----------------------------------------------------------------------===//

std::vector<std::string> linesOf(const std::string &text) {
  std::vector<std::string> lines;
  std::stringstream stream(text);
  for (std::string line; std::getline(stream, line);)
    lines.push_back(line);
  return lines;
}
std::string joined(const std::vector<std::string> &lines) {
  std::string text;
  for (const std::string &line : lines)
    text += line + "\n";
  return text;
}

struct Mutant {
  size_t line;
  std::string original, text;
};
std::vector<Mutant> mutantsOf(const std::string &text) {
  std::vector<Mutant> mutants;
  const std::vector<std::string> lines = linesOf(text);
  size_t copies = 0;
  for (size_t i = 0; i < lines.size(); ++i) {
    const auto add = [&](const std::string &line) {
      std::vector<std::string> changed = lines;
      changed[i] = line;
      mutants.push_back({i + 1, lines[i] + " -> " + line, joined(changed)});
    };
    const std::string &line = lines[i];
    const size_t wait = line.find("cp.async.wait_group ");
    if (wait != std::string::npos) {
      add("");
      const int groups =
          static_cast<int>(std::strtol(line.c_str() + wait + 20, nullptr, 10));
      add(line.substr(0, wait + 20) + std::to_string(groups + 1) + ";");
    }
    if (line.find("bar.sync") != std::string::npos)
      add("");
    if (line.find("cp.async.commit_group") != std::string::npos)
      add("");
    // Every fourth copy: 16 bytes further, and left out.
    const size_t copy = line.find("cp.async.cg");
    if (copy != std::string::npos && copies++ % 4 == 0) {
      add("");
      const size_t end = line.find(']'), plus = line.find('+');
      const bool hasOffset = plus < end;
      const int offset = hasOffset ? static_cast<int>(std::strtol(
                                         line.c_str() + plus + 1, nullptr, 10))
                                   : 0;
      const std::string moved = line.substr(0, hasOffset ? plus : end) + "+" +
                                std::to_string(offset + 16) + line.substr(end);
      add(moved);
    }
  }
  return mutants;
}

/// Mutants that no check and no number catches, with their lines.
std::vector<std::string> survivors(const std::string &text, Runner run,
                                   double bound, size_t &count) {
  std::vector<std::string> alive;
  const std::vector<Mutant> mutants = mutantsOf(text);
  count = mutants.size();
  for (const Mutant &mutant : mutants) {
    bool caught = false;
    for (const AsyncMode async : {AsyncMode::Eager, AsyncMode::Lazy})
      for (const Schedule schedule : {Schedule::Greedy, Schedule::Random}) {
        if (caught)
          continue;
        LaunchOptions options;
        options.async = async;
        options.schedule = schedule;
        options.seed = 3;
        options.budget = 10'000'000;
        const Outcome outcome = run(mutant.text, options);
        caught = !outcome.findings.empty() || !(outcome.error < bound) ||
                 !outcome.refused.empty();
        EXPECT_EQ(outcome.refused, "") << mutant.original;
      }
    if (!caught)
      alive.push_back(std::to_string(mutant.line) + ": " + mutant.original);
  }
  return alive;
}

void checkMutants(const std::string &input, Runner run, double bound,
                  size_t least, const std::vector<std::string> &expected) {
  size_t count = 0;
  const auto alive = survivors(readInput(input), run, bound, count);
  EXPECT_GE(count, least);
  EXPECT_EQ(alive, expected);
}

TEST(Kernels, AttentionMutants) {
  // Before the loop the kernel waits twice (lines 85 and 199) for the one group
  // that is on its way, with no copy and no write in between: the second wait
  // and its barrier change nothing.
  checkMutants("attention_sm80.ptx", attention, kAttentionBound, 20,
               {"199: \tcp.async.wait_group \t0; -> ",
                "199: \tcp.async.wait_group \t0; -> \tcp.async.wait_group 1;",
                "200: \tbar.sync \t0; -> "});
}
TEST(Kernels, ProductMutants) {
  checkMutants("gemm_sm80.ptx", product, kProductBound, 20, {});
}

} // namespace
