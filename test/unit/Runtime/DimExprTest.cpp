//===- DimExprTest.cpp - Integer expressions over extents -----------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ra/Runtime/DimExpr.h"
#include "TestFiles.h"
#include "gtest/gtest.h"

#include <limits>

using namespace ra::runtime;
using ra::runtime::test::says;
using Op = DimExpr::Op;

namespace {

constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
const std::vector<Shape> kShapes = {{3, 10}, {7}};

int64_t value(Op op, int64_t a, int64_t b) {
  Expected<int64_t> result = DimExpr::binary(op, a, b).evaluate({});
  EXPECT_TRUE(result) << result.message();
  return result ? *result : -1;
}

bool isDefined(Op op, int64_t a, int64_t b) {
  return static_cast<bool>(DimExpr::binary(op, a, b).evaluate({}));
}

TEST(DimExpr, Operations) {
  EXPECT_EQ(value(Op::Add, 5, -7), -2);
  EXPECT_EQ(value(Op::Sub, 5, 7), -2);
  EXPECT_EQ(value(Op::Mul, 5, 7), 35);
  EXPECT_EQ(value(Op::FloorDiv, 20, 7), 2);
  EXPECT_EQ(value(Op::CeilDiv, 20, 7), 3);
  EXPECT_EQ(value(Op::CeilDiv, 21, 7), 3);
  EXPECT_EQ(value(Op::CeilDiv, kMost, 1), kMost);
  EXPECT_EQ(value(Op::Mod, 20, 7), 6);
  EXPECT_EQ(value(Op::Min, -1, 7), -1);
  EXPECT_EQ(value(Op::Max, -1, 7), 7);
}

TEST(DimExpr, RefusesWhatHasNoResult) {
  EXPECT_FALSE(isDefined(Op::Add, kMost, 1));
  EXPECT_FALSE(isDefined(Op::Sub, -2, kMost));
  EXPECT_FALSE(isDefined(Op::Mul, kMost, 2));
  for (Op op : {Op::FloorDiv, Op::CeilDiv, Op::Mod}) {
    EXPECT_FALSE(isDefined(op, 1, 0));
    EXPECT_FALSE(isDefined(op, 1, -1));
    EXPECT_FALSE(isDefined(op, -1, 1));
  }
  Expected<int64_t> result =
      DimExpr::binary(Op::Mod, DimExpr::dim(1, 0), 0).evaluate(kShapes);
  ASSERT_FALSE(result);
  EXPECT_TRUE(says(result.message(), "a1[0] mod 0"));
}

TEST(DimExpr, Extents) {
  // ceildiv(10 - 3, 2) * 7
  DimExpr difference =
      DimExpr::binary(Op::Sub, DimExpr::dim(0, 1), DimExpr::dim(0, 0));
  DimExpr expression = DimExpr::binary(
      Op::Mul, DimExpr::binary(Op::CeilDiv, difference, 2), DimExpr::dim(1, 0));
  EXPECT_TRUE(expression.isValid({2, 1}));
  EXPECT_FALSE(expression.isValid({2}));
  EXPECT_FALSE(expression.isValid({1, 1}));
  Expected<int64_t> result = expression.evaluate(kShapes);
  ASSERT_TRUE(result) << result.message();
  EXPECT_EQ(*result, 28);
  EXPECT_EQ(expression.toString(), "((a0[1] - a0[0]) ceildiv 2) * a1[0]");
  EXPECT_EQ(DimExpr::binary(Op::Min, 1, expression).toString(),
            "min(1, (((a0[1] - a0[0]) ceildiv 2) * a1[0]))");
}

TEST(DimExpr, Malformed) {
  auto isValid = [](std::vector<DimExpr::Node> nodes) {
    return DimExpr::fromNodes(std::move(nodes)).isValid({});
  };
  DimExpr::Node one = {Op::Constant, 1, 0, 0}, add = {Op::Add, 0, 0, 0};
  EXPECT_TRUE(isValid({one, one, add}));
  EXPECT_FALSE(isValid({}));
  EXPECT_FALSE(isValid({one, one}));
  EXPECT_FALSE(isValid({one, add}));
  EXPECT_FALSE(isValid({add, one, one}));
  EXPECT_FALSE(isValid({one, one, {static_cast<Op>(99), 0, 0, 0}}));
  // Deep: all operands first. Long: one after the other.
  std::vector<DimExpr::Node> deep(DimExpr::kMaxDepth, one);
  deep.insert(deep.end(), DimExpr::kMaxDepth - 1, add);
  EXPECT_TRUE(isValid(deep));
  deep.insert(deep.begin(), one);
  deep.push_back(add);
  EXPECT_FALSE(isValid(deep));
  std::vector<DimExpr::Node> chain = {one};
  while (chain.size() + 2 <= DimExpr::kMaxNodes)
    chain.insert(chain.end(), {one, add});
  EXPECT_TRUE(isValid(chain));
  chain.insert(chain.end(), {one, add});
  EXPECT_FALSE(isValid(chain));
}

} // namespace
