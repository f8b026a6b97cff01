//===- StorageTest.cpp - The yardstick ------------------------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Precision::Storage rounds where the IR stores, and nowhere else.
//
//===----------------------------------------------------------------------===//

#include "ReferenceTest.h"

#include "ra/Reference/Compare.h"

#include <cmath>

using namespace ra::reference;
using namespace ra::reference::test;
using ra::runtime::roundToType;

namespace {

class StorageTest : public ReferenceTest {};

const std::pair<ElementType, std::string> kTypes[] = {
    {ElementType::F32, "f32"},
    {ElementType::F16, "f16"},
    {ElementType::BF16, "bf16"}};

std::string replaceAll(std::string text, const std::string &from,
                       const std::string &to) {
  for (size_t at = 0; (at = text.find(from, at)) != std::string::npos;
       at += to.size())
    text.replace(at, from.size(), to);
  return text;
}

TEST_F(StorageTest, TruncationOfEveryKindOfValue) {
  // Every 16-bit pattern's neighbourhood: normal, subnormal, ties, overflow.
  for (auto [type, name] : kTypes) {
    if (type == ElementType::F32)
      continue;
    std::string text = replaceAll(R"mlir(
      func.func @main(%x: tensor<?xf32>) -> tensor<?xTYPE> {
        %0 = arith.truncf %x : tensor<?xf32> to tensor<?xTYPE>
        return %0 : tensor<?xTYPE>
      })mlir",
                                  "TYPE", name);
    Values values;
    for (int64_t bits = 0; bits < 65536; ++bits) {
      uint16_t pattern = static_cast<uint16_t>(bits);
      double value = type == ElementType::F16
                         ? ra::runtime::f16ToDouble(pattern)
                         : ra::runtime::bf16ToDouble(pattern);
      if (!std::isfinite(value))
        continue;
      // The value, and points on, just below and just above half a unit away.
      double unit =
          type == ElementType::F16
              ? std::ldexp(1.0, std::max(std::ilogb(value), -14) - 10)
              : std::ldexp(1.0, std::max(std::ilogb(value), -126) - 7);
      for (double part : {0.0, 0.25, 0.5, 0.5001, 0.4999, 0.75})
        values.push_back(static_cast<float>(value + part * unit));
    }
    for (double special : {double(INFINITY), -double(INFINITY), 65519.99,
                           65520.0, 1e30, 1e-30, 3.3e38})
      values.push_back(static_cast<float>(special));
    Tensor x =
        tensor({static_cast<int64_t>(values.size())}, values, ElementType::F32);
    Tensor got = run(text, {x}, Precision::Storage).front();
    ASSERT_EQ(got.elementType(), type);
    for (size_t i = 0; i < values.size(); ++i)
      ASSERT_EQ(got.at(i), roundToType(type, values[i]))
          << name << " of " << values[i];
  }
}

TEST_F(StorageTest, NaNSurvivesRounding) {
  for (const char *name : {"f16", "bf16"})
    EXPECT_TRUE(std::isnan(values(replaceAll(R"mlir(
      func.func @main(%x: f32) -> TYPE {
        %0 = arith.truncf %x : f32 to TYPE
        return %0 : TYPE
      })mlir",
                                             "TYPE", name),
                                  {scalar(NAN)}, Precision::Storage)[0]));
}

TEST_F(StorageTest, InputsRoundOnce) {
  const char *text = "func.func @main(%x: f16) -> f16 { return %x : f16 }";
  // Just above half a unit; by way of f32 it would be a tie, and go down.
  double value = 1 + std::ldexp(1.0, -11) + std::ldexp(1.0, -40);
  EXPECT_EQ(values(text, {scalar(value)}, Precision::Storage)[0],
            1 + std::ldexp(1.0, -10));
  EXPECT_EQ(values(text, {scalar(value)}, Precision::F64)[0], value);
}

TEST_F(StorageTest, ArithmeticRoundsToItsType) {
  for (auto [type, name] : kTypes) {
    Values got = values(replaceAll(R"mlir(
      func.func @main(%x: TYPE, %y: TYPE) -> tensor<3xTYPE> {
        %0 = arith.addf %x, %y : TYPE
        %1 = arith.mulf %x, %y : TYPE
        %2 = math.exp %x : TYPE
        %3 = tensor.from_elements %0, %1, %2 : tensor<3xTYPE>
        return %3 : tensor<3xTYPE>
      })mlir",
                                   "TYPE", name),
                        {scalar(1.0 / 3), scalar(2.7)}, Precision::Storage);
    double x = roundToType(type, 1.0 / 3), y = roundToType(type, 2.7);
    EXPECT_EQ(got[0], roundToType(type, x + y)) << name;
    EXPECT_EQ(got[1], roundToType(type, x * y)) << name;
    EXPECT_EQ(got[2], roundToType(type, std::exp(x))) << name;
  }
}

TEST_F(StorageTest, SixteenBitAccumulatorsRoundAtEveryStep) {
  // 2048 + 1 is a tie in f16 and stays 2048, however often.
  const char *text = R"mlir(
    func.func @main(%a: tensor<1x100xf16>, %b: tensor<100x1xf16>, %c: tensor<1x1xACC>)
        -> tensor<1x1xACC> {
      %0 = linalg.matmul ins(%a, %b : tensor<1x100xf16>, tensor<100x1xf16>)
                         outs(%c : tensor<1x1xACC>) -> tensor<1x1xACC>
      return %0 : tensor<1x1xACC>
    })mlir";
  std::vector<Tensor> args = {tensor({1, 100}, Values(100, 1)),
                              tensor({100, 1}, Values(100, 1)),
                              tensor({1, 1}, {2048})};
  EXPECT_EQ(values(replaceAll(text, "ACC", "f16"), args, Precision::Storage),
            Values{2048});
  EXPECT_EQ(values(replaceAll(text, "ACC", "f32"), args, Precision::Storage),
            Values{2148});
  EXPECT_EQ(values(replaceAll(text, "ACC", "f16"), args), Values{2148});
}

TEST_F(StorageTest, LinearRoundsOnce) {
  for (auto [type, name] : kTypes) {
    Tensor x = normal({3, 65}, 1), w = normal({4, 65}, 2), b = normal({4}, 3);
    std::string text = replaceAll(R"mlir(
      func.func @main(%x: tensor<3x65xTYPE>, %w: tensor<4x65xTYPE>, %b: tensor<4xTYPE>)
          -> (tensor<3x4xTYPE>, tensor<3x4xf32>) {
        %y = tensor.empty() : tensor<3x4xTYPE>
        %z = tensor.empty() : tensor<3x4xf32>
        %0 = ra.linear ins(%x, %w : tensor<3x65xTYPE>, tensor<4x65xTYPE>)
          bias(%b : tensor<4xTYPE>) outs(%y : tensor<3x4xTYPE>) -> tensor<3x4xTYPE>
        %1 = ra.linear ins(%x, %w : tensor<3x65xTYPE>, tensor<4x65xTYPE>)
          bias(%b : tensor<4xTYPE>) outs(%z : tensor<3x4xf32>) -> tensor<3x4xf32>
        return %0, %1 : tensor<3x4xTYPE>, tensor<3x4xf32>
      })mlir",
                                  "TYPE", name);
    std::vector<Tensor> r = run(text, {x, w, b}, Precision::Storage);
    for (int64_t i = 0; i < 3; ++i)
      for (int64_t n = 0; n < 4; ++n) {
        double sum = roundToType(type, b.at(n));
        for (int64_t c = 0; c < 65; ++c)
          sum += roundToType(type, x.at(i * 65 + c)) *
                 roundToType(type, w.at(n * 65 + c));
        EXPECT_NEAR(r[1].at(i * 4 + n), sum, 1e-5) << name;
        EXPECT_EQ(r[0].at(i * 4 + n), roundToType(type, r[1].at(i * 4 + n)))
            << name;
      }
  }
}

const char *const kAttention = R"mlir(
  func.func @main(%q: tensor<1x2x33x16xTYPE>, %k: tensor<1x2x33x16xTYPE>,
                  %v: tensor<1x2x33x16xTYPE>) -> tensor<1x2x33x16xTYPE> {
    %ws = arith.constant dense<0.9> : tensor<1xf32>
    %wr = arith.constant dense<0.7> : tensor<1xf32>
    %o = tensor.empty() : tensor<1x2x33x16xTYPE>
    %0 = OP
      ins(%q, %k, %v : tensor<1x2x33x16xTYPE>, tensor<1x2x33x16xTYPE>,
          tensor<1x2x33x16xTYPE>) GATES
      outs(%o : tensor<1x2x33x16xTYPE>) -> tensor<1x2x33x16xTYPE>
    return %0 : tensor<1x2x33x16xTYPE>
  })mlir";

std::string attention(const std::string &type, bool reciprocal,
                      const std::string &split = "symmetric") {
  std::string op =
      reciprocal ? "ra.reciprocal_attention {mask = #ra.mask<causal>, rank = "
                   "array<i64: 4>, gate_split = #ra.gate_split<" +
                       split + ">}"
                 : "ra.attention {mask = #ra.mask<causal>}";
  std::string text = replaceAll(kAttention, "TYPE", type);
  text = replaceAll(text, "OP", op);
  return replaceAll(text, "GATES",
                    reciprocal ? "w_std(%ws : tensor<1xf32>) w_rec(%wr : "
                                 "tensor<1xf32>)"
                               : "");
}

TEST_F(StorageTest, AttentionErrorIsThatOfItsStorage) {
  // About one unit in the last place of the storage: neither none nor many.
  const double units[] = {std::ldexp(1.0, -24), std::ldexp(1.0, -11),
                          std::ldexp(1.0, -8)};
  int place = 0;
  for (auto [type, name] : kTypes) {
    Tensor q = normal({1, 2, 33, 16}, 20, type),
           k = normal({1, 2, 33, 16}, 21, type),
           v = normal({1, 2, 33, 16}, 22, type);
    for (bool reciprocal : {false, true}) {
      std::string text = attention(name, reciprocal);
      Tensor exact = run(text, {q, k, v}).front();
      Tensor rounded = run(text, {q, k, v}, Precision::Storage).front();
      EXPECT_EQ(rounded.elementType(), type);
      double error = maxError(rounded, exact);
      EXPECT_GT(error, 0.3 * units[place]) << name << reciprocal;
      EXPECT_LT(error, 30 * units[place]) << name << reciprocal;
    }
    ++place;
  }
}

TEST_F(StorageTest, ProbabilitiesAreRounded) {
  // Three equal keys: P = 1/3, rounded before it meets v = 3, 0, 0.
  for (auto [type, name] : kTypes) {
    std::string text = replaceAll(R"mlir(
      func.func @main(%q: tensor<1x1x1x1xTYPE>, %k: tensor<1x1x3x1xTYPE>,
                      %v: tensor<1x1x3x1xTYPE>, %o: tensor<1x1x1x1xf32>)
          -> tensor<1x1x1x1xf32> {
        %0 = ra.attention ins(%q, %k, %v : tensor<1x1x1x1xTYPE>,
            tensor<1x1x3x1xTYPE>, tensor<1x1x3x1xTYPE>)
          outs(%o : tensor<1x1x1x1xf32>) -> tensor<1x1x1x1xf32>
        return %0 : tensor<1x1x1x1xf32>
      })mlir",
                                  "TYPE", name);
    Values got =
        values(text,
               {tensor({1, 1, 1, 1}, {1}), tensor({1, 1, 3, 1}, Values(3, 0)),
                tensor({1, 1, 3, 1}, {3, 0, 0}), tensor({1, 1, 1, 1}, {0})},
               Precision::Storage);
    EXPECT_EQ(got[0],
              static_cast<float>(3 * roundToType(type, double(1.0f / 3.0f))))
        << name;
  }
}

TEST_F(StorageTest, GatesRoundAsFoldedRowsWould) {
  // One query, one key hidden by nothing: score = sqrt(w) q * sqrt(w) k with
  // both products rounded; seen through the log-sum-exp.
  const char *text = R"mlir(
    func.func @main(%q: tensor<1x1x1x2xbf16>, %k: tensor<1x1x1x2xbf16>,
                    %v: tensor<1x1x1x2xbf16>) -> tensor<1x1x1xf32> {
      %ws = arith.constant dense<0.9> : tensor<1xf32>
      %wr = arith.constant dense<0.7> : tensor<1xf32>
      %o = tensor.empty() : tensor<1x1x1x2xbf16>
      %l = tensor.empty() : tensor<1x1x1xf32>
      %0:2 = ra.reciprocal_attention {rank = array<i64: 1>, scale = 1.0 : f64,
                                      gate_split = #ra.gate_split<SPLIT>}
        ins(%q, %k, %v : tensor<1x1x1x2xbf16>, tensor<1x1x1x2xbf16>, tensor<1x1x1x2xbf16>)
        w_std(%ws : tensor<1xf32>) w_rec(%wr : tensor<1xf32>)
        outs(%o : tensor<1x1x1x2xbf16>) lse(%l : tensor<1x1x1xf32>)
        -> tensor<1x1x1x2xbf16>, tensor<1x1x1xf32>
      return %0#1 : tensor<1x1x1xf32>
    })mlir";
  std::vector<Tensor> args = {tensor({1, 1, 1, 2}, {1.5, 2.25}),
                              tensor({1, 1, 1, 2}, {-0.75, 1.25}),
                              tensor({1, 1, 1, 2}, {0, 0})};
  auto bf16 = [](double value) {
    return roundToType(ElementType::BF16, static_cast<float>(value));
  };
  double rs = std::sqrt(double(0.9f)), rr = std::sqrt(double(0.7f));
  EXPECT_NEAR(values(replaceAll(text, "SPLIT", "symmetric"), args,
                     Precision::Storage)[0],
              bf16(rs * 1.5) * bf16(rs * -0.75) +
                  bf16(rr * 1.25) * bf16(rr * 2.25),
              1e-6);
  EXPECT_NEAR(
      values(replaceAll(text, "SPLIT", "query"), args, Precision::Storage)[0],
      bf16(0.9f * 1.5) * -0.75 + bf16(0.7f * 1.25) * 2.25, 1e-6);
  for (const char *split : {"symmetric", "query"})
    EXPECT_NEAR(values(replaceAll(text, "SPLIT", split), args)[0],
                double(0.9f) * 1.5 * -0.75 + double(0.7f) * 1.25 * 2.25, 1e-14);
}

TEST_F(StorageTest, TheVerdictSeparatesRightFromWrong) {
  // The yardstick passes itself, and f16 arithmetic where the IR says f32 does
  // not pass the f32 yardstick.
  Tensor q = normal({1, 2, 33, 16}, 30), k = normal({1, 2, 33, 16}, 31),
         v = normal({1, 2, 33, 16}, 32);
  std::string text = attention("f32", true);
  Tensor exact = run(text, {q, k, v}).front();
  Comparison yard =
      *compareTensors(run(text, {q, k, v}, Precision::Storage).front(), exact);
  EXPECT_TRUE(judge(yard, yard).pass);
  Comparison coarse = *compareTensors(
      run(attention("f16", true), {q, k, v}, Precision::Storage).front(),
      exact);
  EXPECT_FALSE(judge(coarse, yard).pass);
  // Nor do gates without their root.
  Comparison unrooted = *compareTensors(
      run(replaceAll(text, "dense<0.9>", "dense<0.81>"), {q, k, v}).front(),
      exact);
  EXPECT_FALSE(judge(unrooted, yard).pass);
}

} // namespace
