//===- EngineTest.cpp - Entries, checks, constants, preparing -------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TestSupport.h"

#include "llvm/Support/raw_ostream.h"

#include <gtest/gtest.h>

using namespace ra;
using namespace ra::test;

namespace {

Tensor values(runtime::Shape shape, const std::vector<double> &numbers,
              ElementType type = ElementType::F32) {
  return *Tensor::fromDoubles(std::move(shape), type, numbers);
}

bool contains(const std::string &text, const std::string &part) {
  return text.find(part) != std::string::npos;
}

/// Attention on dynamic lengths, then a projection: two kernels, one buffer.
const char *const kBlock = R"(
func.func @block(%q: tensor<?x2x?x8xf32>, %k: tensor<?x2x?x8xf32>,
                 %v: tensor<?x2x?x8xf32>, %w: tensor<8x8xf32>)
    -> tensor<?x2x?x8xf32> {
  %c0 = arith.constant 0 : index
  %c2 = arith.constant 2 : index
  %b = tensor.dim %q, %c0 : tensor<?x2x?x8xf32>
  %t = tensor.dim %q, %c2 : tensor<?x2x?x8xf32>
  %e = tensor.empty(%b, %t) : tensor<?x2x?x8xf32>
  %a = ra.attention ins(%q, %k, %v : tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32>,
      tensor<?x2x?x8xf32>) outs(%e : tensor<?x2x?x8xf32>) -> tensor<?x2x?x8xf32>
  %y = ra.linear ins(%a, %w : tensor<?x2x?x8xf32>, tensor<8x8xf32>)
      outs(%e : tensor<?x2x?x8xf32>) -> tensor<?x2x?x8xf32>
  return %y : tensor<?x2x?x8xf32>
}
)";

TEST(Engine, CountsKernelsAndAllocations) {
  EngineOptions options;
  options.instrument = true;
  Program program(kBlock, options);
  ASSERT_TRUE(program.engine) << program.messages;
  std::mt19937_64 generator(testSeed());
  llvm::SmallVector<Tensor> arguments;
  for (int i = 0; i < 3; ++i)
    arguments.push_back(
        guardedNormal({2, 2, 10, 8}, ElementType::F32, generator));
  arguments.push_back(guardedNormal({8, 8}, ElementType::F32, generator));
  for (int turn = 0; turn < 2; ++turn) {
    CallCounters counters;
    auto results = program.engine->run("block", arguments, &counters);
    ASSERT_TRUE(static_cast<bool>(results)) << results.message();
    EXPECT_EQ(counters.kernels, 2);
    EXPECT_EQ(counters.allocations, 1);
    EXPECT_EQ(counters.bytesAllocated, 2 * 2 * 10 * 8 * 4);
    EXPECT_EQ(counters.peakBytes, counters.bytesAllocated);
  }
}

TEST(Engine, RefusesArgumentsThatDoNotFit) {
  Program program(kBlock);
  ASSERT_TRUE(program.engine) << program.messages;
  Engine &engine = *program.engine;
  Tensor good = *Tensor::create({2, 2, 10, 8}, ElementType::F32);
  Tensor weight = *Tensor::create({8, 8}, ElementType::F32);
  auto message = [&](llvm::ArrayRef<Tensor> arguments) {
    auto results = engine.run("block", arguments);
    return results ? std::string("accepted") : results.message();
  };
  EXPECT_EQ(message({good, good, good, weight}), "accepted");
  EXPECT_EQ(message({good, good, good}), "@block takes 4 arguments, got 3");
  EXPECT_TRUE(contains(
      message({good, good, good, *Tensor::create({8, 8}, ElementType::F16)}),
      "argument 3 is 8x8xf16, the entry takes 8x8xf32"));
  EXPECT_TRUE(contains(message({*Tensor::create({2, 2, 8}, ElementType::F32),
                                good, good, weight}),
                       "argument 0 is 2x2x8xf32"));
  // Dynamic extents that an op needs equal.
  Tensor otherBatch = *Tensor::create({3, 2, 10, 8}, ElementType::F32);
  EXPECT_TRUE(contains(message({good, otherBatch, good, weight}),
                       "batch of query and key must be equal, got 2 and 3"));
  Tensor longer = *Tensor::create({2, 2, 11, 8}, ElementType::F32);
  EXPECT_TRUE(contains(message({good, good, longer, weight}),
                       "length of key and value must be equal, got 10 and 11"));
  // Fewer queries than keys is fine.
  EXPECT_EQ(message({good, longer, longer, weight}), "accepted");
  auto unknown = engine.run("blok", {});
  ASSERT_FALSE(static_cast<bool>(unknown));
  EXPECT_TRUE(
      contains(unknown.message(), "no entry @blok; the module has @block"));
}

TEST(Engine, CompileErrorsAreDiagnostics) {
  // A result that is no tensor.
  Program scalar("func.func @f(%x: tensor<2xf32>) -> index {\n  %c = "
                 "arith.constant 0 : index\n  return %c : index\n}");
  EXPECT_FALSE(scalar.engine);
  EXPECT_TRUE(contains(scalar.messages, "must be ranked tensors"))
      << scalar.messages;
  // An argument that cannot be bound.
  Program argument("func.func @f(%x: tensor<2xcomplex<f32>>) {\n  return\n}");
  EXPECT_FALSE(argument.engine);
  EXPECT_TRUE(contains(argument.messages, "cannot be bound"))
      << argument.messages;
  // A projection must be decomposed first.
  Program projection(R"(
func.func @f(%q: tensor<1x1x4x8xf32>, %p: tensor<8x2xf32>) -> tensor<1x1x4x8xf32> {
  %e = tensor.empty() : tensor<1x1x4x8xf32>
  %y = ra.reciprocal_attention {rank = array<i64: 2>}
      ins(%q, %q, %q : tensor<1x1x4x8xf32>, tensor<1x1x4x8xf32>, tensor<1x1x4x8xf32>)
      projection(%p : tensor<8x2xf32>) outs(%e : tensor<1x1x4x8xf32>) -> tensor<1x1x4x8xf32>
  return %y : tensor<1x1x4x8xf32>
})");
  EXPECT_FALSE(projection.engine);
  EXPECT_TRUE(contains(projection.messages, "decompose it on tensors first"))
      << projection.messages;
}

/// Two products; both weights the same for every call.
const char *const kWeights = R"(
func.func @f(%x: tensor<3x4xf32>, %w: tensor<5x4xf32> {ra.parameter}) -> tensor<3x2xf32> {
  %c = arith.constant dense<[[1.0, 0.0, 0.0, 0.0, 2.0], [0.0, 1.0, 0.0, 0.0, 0.0]]> : tensor<2x5xf32>
  %e = tensor.empty() : tensor<3x5xf32>
  %y = ra.linear ins(%x, %w : tensor<3x4xf32>, tensor<5x4xf32>) outs(%e : tensor<3x5xf32>) -> tensor<3x5xf32>
  %f = tensor.empty() : tensor<3x2xf32>
  %z = ra.linear ins(%y, %c : tensor<3x5xf32>, tensor<2x5xf32>) outs(%f : tensor<3x2xf32>) -> tensor<3x2xf32>
  return %z : tensor<3x2xf32>
})";

TEST(Engine, WeightsArePackedWhenPrepared) {
  for (bool packs : {true, false}) {
    EngineOptions options;
    options.packWeights = packs;
    Program program(kWeights, options);
    ASSERT_TRUE(program.engine) << program.messages;
    const EntrySignature &entry = *program.engine->lookup("f");
    EXPECT_EQ(entry.hasPrepare, packs);
    // Callers see the original arguments.
    ASSERT_EQ(entry.arguments.size(), 2u);
    EXPECT_EQ(entry.arguments[1].shape, (runtime::Shape{5, 4}));
    std::vector<double> x, w;
    for (int i = 0; i < 12; ++i)
      x.push_back(i - 5);
    for (int i = 0; i < 20; ++i)
      w.push_back(i * i % 7 - 3);
    auto expected = [&](int row, int column) {
      auto y = [&](int output) {
        double sum = 0;
        for (int c = 0; c < 4; ++c)
          sum += x[row * 4 + c] * w[output * 4 + c];
        return sum;
      };
      return column == 0 ? y(0) + 2 * y(4) : y(1);
    };
    Tensor weight = *Tensor::fromDoubles({5, 4}, ElementType::F32, w);
    llvm::SmallVector<Tensor> arguments = {
        *Tensor::fromDoubles({3, 4}, ElementType::F32, x), weight};
    auto check = [&] {
      auto results = program.engine->run("f", arguments);
      ASSERT_TRUE(static_cast<bool>(results)) << results.message();
      for (int row = 0; row < 3; ++row)
        for (int column = 0; column < 2; ++column)
          EXPECT_EQ((*results)[0].at(row * 2 + column), expected(row, column));
    };
    check();
    // New numbers in the same buffer count from prepare() on.
    for (int i = 0; i < 20; ++i) {
      w[i] = i % 3;
      arguments[1].set(i, w[i]);
    }
    ASSERT_TRUE(program.engine->prepare("f", arguments).ok());
    check();
  }
}

TEST(Engine, ParametersArePreparedOncePerBinding) {
  Program program(R"(
func.func @f(%x: tensor<2xf32>, %p: tensor<2xf32>) -> tensor<2xf32>
    attributes {ra.arguments = array<i64: 1, -1>} {
  %e = tensor.empty() : tensor<2xf32>
  %y = linalg.add ins(%x, %p : tensor<2xf32>, tensor<2xf32>)
                  outs(%e : tensor<2xf32>) -> tensor<2xf32>
  return %y : tensor<2xf32>
}
func.func @f.prepare(%w: tensor<2xf32>) -> tensor<2xf32>
    attributes {ra.arguments = array<i64: 0>} {
  %e = tensor.empty() : tensor<2xf32>
  %y = linalg.mul ins(%w, %w : tensor<2xf32>, tensor<2xf32>)
                  outs(%e : tensor<2xf32>) -> tensor<2xf32>
  return %y : tensor<2xf32>
})");
  ASSERT_TRUE(program.engine) << program.messages;
  Engine &engine = *program.engine;
  ASSERT_EQ(engine.entries().size(), 1u);
  EXPECT_TRUE(engine.entries()[0].hasPrepare);
  ASSERT_EQ(engine.entries()[0].arguments.size(), 2u);
  Tensor weight = values({2}, {3, 4}), x = values({2}, {1, 2});
  auto first = engine.run("f", {weight, x});
  ASSERT_TRUE(static_cast<bool>(first)) << first.message();
  EXPECT_EQ((*first)[0].readAsDoubles(), (std::vector<double>{10, 18}));
  // The same buffer: what was prepared serves again, until prepare() is called.
  weight.set(0, 5);
  auto second = engine.run("f", {weight, x});
  ASSERT_TRUE(static_cast<bool>(second)) << second.message();
  EXPECT_EQ((*second)[0].at(0), 10);
  ASSERT_TRUE(engine.prepare("f", {weight, x}).ok());
  auto third = engine.run("f", {weight, x});
  ASSERT_TRUE(static_cast<bool>(third)) << third.message();
  EXPECT_EQ((*third)[0].at(0), 26);
  // Another buffer is another binding.
  auto fourth = engine.run("f", {values({2}, {1, 1}), x});
  ASSERT_TRUE(static_cast<bool>(fourth)) << fourth.message();
  EXPECT_EQ((*fourth)[0].readAsDoubles(), (std::vector<double>{2, 3}));
}

TEST(Engine, LargeConstantsAreBoundInPlace) {
  // One as a splat, one as a resource; both above the limit.
  std::string hex = "0x04000000";
  for (int i = 0; i < 2048; ++i)
    hex += "0000003F"; // 0.5
  std::string text = R"(
func.func @f(%x: tensor<2048xf32>) -> tensor<2048xf32> {
  %a = arith.constant dense<2.0> : tensor<2048xf32>
  %b = arith.constant dense_resource<weights> : tensor<2048xf32>
  %e = tensor.empty() : tensor<2048xf32>
  %y = linalg.mul ins(%x, %a : tensor<2048xf32>, tensor<2048xf32>)
                  outs(%e : tensor<2048xf32>) -> tensor<2048xf32>
  %z = linalg.add ins(%y, %b : tensor<2048xf32>, tensor<2048xf32>)
                  outs(%e : tensor<2048xf32>) -> tensor<2048xf32>
  return %z : tensor<2048xf32>
}
{-# dialect_resources: { builtin: { weights: ")" +
                     hex + R"(" } } #-}
)";
  std::string ir;
  llvm::raw_string_ostream stream(ir);
  EngineOptions options;
  options.llvmIR = &stream;
  Program program(text, options);
  ASSERT_TRUE(program.engine) << program.messages;
  EXPECT_FALSE(contains(ir, "x float]")) << "a constant became a global";
  std::vector<double> ones(2048, 1.0);
  auto results = program.engine->run("f", {values({2048}, ones)});
  ASSERT_TRUE(static_cast<bool>(results)) << results.message();
  EXPECT_EQ((*results)[0].at(0), 2.5);
  EXPECT_EQ((*results)[0].at(2047), 2.5);
}

TEST(Engine, ArgumentsAreNeverWritten) {
  // The read-only pages of guardedNormal() would fault.
  Program program(R"(
func.func @f(%x: tensor<4x4xf32>, %y: tensor<4x4xf32>) -> tensor<4x4xf32> {
  %z = linalg.add ins(%x, %y : tensor<4x4xf32>, tensor<4x4xf32>)
                  outs(%y : tensor<4x4xf32>) -> tensor<4x4xf32>
  return %z : tensor<4x4xf32>
})");
  ASSERT_TRUE(program.engine) << program.messages;
  std::mt19937_64 generator(testSeed());
  Tensor x = guardedNormal({4, 4}, ElementType::F32, generator);
  auto results = program.engine->run("f", {x, x});
  ASSERT_TRUE(static_cast<bool>(results)) << results.message();
  EXPECT_EQ((*results)[0].at(5), 2 * x.at(5));
}

TEST(Engine, UpstreamOpsAndThreads) {
  for (unsigned threads : {1u, 2u}) {
    EngineOptions options;
    options.threads = threads;
    Program program(R"(
func.func @f(%x: tensor<3x5xf32>) -> (tensor<3x5xf32>, tensor<5x3xf32>) {
  %e = tensor.empty() : tensor<3x5xf32>
  %y = linalg.softmax dimension(1) ins(%x : tensor<3x5xf32>)
                                   outs(%e : tensor<3x5xf32>) -> tensor<3x5xf32>
  %t = tensor.empty() : tensor<5x3xf32>
  %z = linalg.transpose ins(%y : tensor<3x5xf32>) outs(%t : tensor<5x3xf32>)
                        permutation = [1, 0]
  return %y, %z : tensor<3x5xf32>, tensor<5x3xf32>
})",
                    options);
    ASSERT_TRUE(program.engine) << program.messages;
    std::vector<double> x(15);
    for (int i = 0; i < 15; ++i)
      x[i] = i % 5;
    auto results = program.engine->run("f", {values({3, 5}, x)});
    ASSERT_TRUE(static_cast<bool>(results)) << results.message();
    double sum = 0;
    for (int i = 0; i < 5; ++i)
      sum += std::exp(double(i));
    for (int i = 0; i < 15; ++i) {
      EXPECT_NEAR((*results)[0].at(i), std::exp(double(i % 5)) / sum, 1e-6);
      EXPECT_EQ((*results)[1].at(i % 5 * 3 + i / 5), (*results)[0].at(i));
    }
  }
}

TEST(Engine, ReturnsArgumentsAndRepeatedValues) {
  Program program(R"(
func.func @f(%x: tensor<?xf32>) -> (tensor<?xf32>, tensor<?xf32>) {
  return %x, %x : tensor<?xf32>, tensor<?xf32>
})");
  ASSERT_TRUE(program.engine) << program.messages;
  auto results = program.engine->run("f", {values({3}, {1, 2, 3})});
  ASSERT_TRUE(static_cast<bool>(results)) << results.message();
  for (const Tensor &result : *results)
    EXPECT_EQ(result.readAsDoubles(), (std::vector<double>{1, 2, 3}));
}

TEST(Engine, SameCodeForTheSameAttention) {
  // Twice the same text gives the same LLVM IR, byte for byte.
  std::string first, second;
  for (std::string *text : {&first, &second}) {
    llvm::raw_string_ostream stream(*text);
    EngineOptions options;
    options.llvmIR = &stream;
    Program program(kBlock, options);
    ASSERT_TRUE(program.engine) << program.messages;
  }
  EXPECT_EQ(first, second);
  EXPECT_FALSE(first.empty());
}

} // namespace
