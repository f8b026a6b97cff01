//===- CompareTest.cpp - Comparisons and verdicts -------------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ra/Reference/Compare.h"

#include "ReferenceTest.h"

#include <cmath>
#include <limits>

using namespace ra::reference;
using namespace ra::reference::test;

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

Comparison compare(const Values &got, const Values &reference) {
  Shape shape = {static_cast<int64_t>(got.size())};
  auto comparison =
      compareTensors(tensor(shape, got), tensor(shape, reference));
  EXPECT_TRUE(bool(comparison));
  return comparison ? *comparison : Comparison();
}

TEST(CompareTest, MaximumMeanAndPlace) {
  Comparison c = compare({1, 2, 3, 4}, {1, 2.5, 3, 3});
  EXPECT_EQ(c.count, 4);
  EXPECT_EQ(c.maxError, 1.0);
  EXPECT_EQ(c.meanError, 0.375);
  EXPECT_EQ(c.maxIndex, 3);
  EXPECT_EQ(c.gotAtMax, 4.0);
  EXPECT_EQ(c.referenceAtMax, 3.0);
  EXPECT_FALSE(c.hasNaN());
}

TEST(CompareTest, EqualTensorsPointAtTheFirstElement) {
  Comparison c = compare({5, 6}, {5, 6});
  EXPECT_EQ(c.maxError, 0.0);
  EXPECT_EQ(c.maxIndex, 0);
  EXPECT_EQ(compare({}, {}).maxIndex, -1);
}

TEST(CompareTest, PlacesBeyondOneChunk) {
  Values a(10000, 0.0), b(10000, 0.0);
  b[9000] = -2;
  EXPECT_EQ(compare(a, b).maxIndex, 9000);
  EXPECT_EQ(compare(a, b).maxError, 2.0);
}

TEST(CompareTest, Infinities) {
  EXPECT_EQ(compare({-kInfinity, 1}, {-kInfinity, 1}).maxError, 0.0);
  EXPECT_EQ(compare({kInfinity}, {-kInfinity}).maxError, kInfinity);
  EXPECT_EQ(compare({0}, {kInfinity}).maxError, kInfinity);
}

TEST(CompareTest, NaNIsCountedOnBothSides) {
  Comparison c = compare({1, NAN, 3, NAN}, {9, 2, NAN, NAN});
  EXPECT_EQ(c.gotNaNs, 2);
  EXPECT_EQ(c.referenceNaNs, 2);
  EXPECT_EQ(c.maxError, 8.0);
  EXPECT_EQ(c.maxIndex, 1);
}

TEST(CompareTest, ShapesMustAgree) {
  auto c = compareTensors(tensor({2, 3}, Values(6)), tensor({3, 2}, Values(6)));
  ASSERT_FALSE(bool(c));
  EXPECT_NE(c.message().find("2x3xf64"), std::string::npos);
  EXPECT_NE(c.message().find("3x2xf64"), std::string::npos);
}

TEST(CompareTest, TypesMayDiffer) {
  auto c = compareTensors(tensor({2}, {1, 2}, ElementType::F16),
                          tensor({2}, {1, 2.25}));
  ASSERT_TRUE(bool(c));
  EXPECT_EQ(c->maxError, 0.25);
}

Comparison withError(double error) {
  Comparison comparison;
  comparison.count = 1;
  comparison.maxError = error;
  return comparison;
}

TEST(VerdictTest, TwiceTheYardstickPlusALittle) {
  Verdict verdict = judge(withError(0.0200099), withError(0.01));
  EXPECT_DOUBLE_EQ(verdict.tolerance, 0.02001);
  EXPECT_TRUE(verdict.pass);
  EXPECT_TRUE(verdict.reason.empty());
  verdict = judge(withError(0.0200101), withError(0.01));
  EXPECT_FALSE(verdict.pass);
  EXPECT_NE(verdict.reason.find("tolerance"), std::string::npos);
  EXPECT_TRUE(judge(withError(1e-5), withError(0)).pass);
  EXPECT_FALSE(judge(withError(1.1e-5), withError(0)).pass);
}

TEST(VerdictTest, NaNFails) {
  Comparison clean = withError(0), nan = withError(0);
  nan.gotNaNs = 1;
  EXPECT_FALSE(judge(nan, clean).pass);
  nan = withError(0);
  nan.referenceNaNs = 1;
  EXPECT_FALSE(judge(nan, clean).pass);
  EXPECT_FALSE(judge(clean, nan).pass);
}

TEST(VerdictTest, AYardstickThatOverflowsMeasuresNothing) {
  Verdict verdict = judge(withError(kInfinity), withError(kInfinity));
  EXPECT_FALSE(verdict.pass);
  EXPECT_NE(verdict.reason.find("yardstick"), std::string::npos);
  EXPECT_FALSE(judge(withError(0), withError(NAN)).pass);
}

TEST(CompareTest, IndexString) {
  EXPECT_EQ(indexString({2, 3, 4}, 23), "[1, 2, 3]");
  EXPECT_EQ(indexString({7}, 5), "[5]");
  EXPECT_EQ(indexString({}, 0), "[]");
}

} // namespace
