//===- UnifiedWeightsTest.cpp - The folded weights of one attention -------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ra/Runtime/UnifiedWeights.h"
#include "TestFiles.h"
#include "gtest/gtest.h"

#include <cmath>

using namespace ra::runtime;
using ra::runtime::test::says;

namespace {

std::vector<std::string> names(const std::vector<InvariantViolation> &list) {
  std::vector<std::string> result;
  for (const InvariantViolation &violation : list)
    result.push_back(violation.name);
  return result;
}

using Names = std::vector<std::string>;

TEST(UnifiedWeights, RankIsFreeUntilThereAreWeights) {
  auto weights = UnifiedWeights::create(32, 4, 4, 8);
  ASSERT_TRUE(weights) << weights.message();
  EXPECT_TRUE(weights->setRank(4).ok());
  EXPECT_TRUE(weights->setRank(2).ok());
  EXPECT_EQ(weights->spec().recDims[3], (std::vector<int64_t>{6, 7}));
  EXPECT_TRUE(says(weights->setRank(8).message(), "must be in [0, 7]"));
  EXPECT_FALSE(weights->setRank(-1).ok());
  ASSERT_TRUE(weights->initialiseXavier(ElementType::F32, 1).ok());
  const Status refused = weights->setRank(4);
  ASSERT_FALSE(refused.ok());
  EXPECT_TRUE(says(refused.message(), "reset()"));
  EXPECT_TRUE(says(refused.message(), "initialise()"));
  EXPECT_EQ(weights->spec().recDims[0].size(), 2u) << "unchanged";
  EXPECT_FALSE(weights->setLayout(GateSplit::Query, GroupedMode::Slots).ok());
  EXPECT_FALSE(weights->initialiseXavier(ElementType::F32, 2).ok());
  weights->reset();
  EXPECT_TRUE(weights->setRank(4).ok());
  EXPECT_TRUE(weights->initialiseXavier(ElementType::F32, 1).ok());
}

TEST(UnifiedWeights, GatesMayChangeAtAnyTimeWithoutDrift) {
  auto weights = UnifiedWeights::create(16, 2, 2, 8);
  ASSERT_TRUE(weights);
  ASSERT_TRUE(weights->setRank(2).ok());
  ASSERT_TRUE(weights->initialiseXavier(ElementType::F32, 3).ok());
  const std::vector<double> before = weights->weights().qWeight.readAsDoubles();
  for (int i = 0; i < 10; ++i)
    ASSERT_TRUE(weights->setGates({0.1 * i}, {1.0 - 0.1 * i}).ok());
  ASSERT_TRUE(weights->setGates({0.9}, {0.1}).ok());
  EXPECT_EQ(weights->weights().qWeight.readAsDoubles(), before);
  // sqrt(0.9) on row 0, sqrt(0.1) of the key on row 7.
  EXPECT_FLOAT_EQ(
      static_cast<float>(before[0]),
      static_cast<float>(std::sqrt(0.9) * weights->rawQuery().at(0)));
  EXPECT_FLOAT_EQ(
      static_cast<float>(before[7 * 16]),
      static_cast<float>(std::sqrt(0.1) * weights->rawKey().at(7 * 16)));
  // A refused change changes nothing.
  EXPECT_TRUE(says(weights->setGates({-1}, {0.1}).message(), "gate: "));
  EXPECT_EQ(weights->spec().wStd, std::vector<double>{0.9});
  EXPECT_EQ(weights->weights().qWeight.readAsDoubles(), before);
}

TEST(UnifiedWeights, TakesWeightsOfOthersAndRefusesWhatDoesNotFit) {
  auto weights = UnifiedWeights::create(4, 1, 1, 2);
  ASSERT_TRUE(weights);
  ASSERT_TRUE(weights->setRank(1).ok());
  Tensor good = *Tensor::create({2, 4}, ElementType::F32);
  Tensor bad = *Tensor::create({2, 5}, ElementType::F32);
  EXPECT_TRUE(says(weights->initialise(bad, good).message(), "4 columns"));
  EXPECT_FALSE(weights->initialise(good, bad).ok());
  EXPECT_FALSE(weights->isInitialised());
  EXPECT_TRUE(weights->initialise(good, good).ok());
}

TEST(Invariants, EachHasItsName) {
  EXPECT_TRUE(says(UnifiedWeights::create(30, 4, 4, 8).message(),
                   "divisibility: 4 key heads, 4 query heads, 30 channels"));
  EXPECT_FALSE(UnifiedWeights::create(32, 4, 3, 8));
  EXPECT_FALSE(UnifiedWeights::create(32, 0, 0, 8));
  EXPECT_FALSE(UnifiedWeights::create(0, 1, 1, 8));

  auto weights = UnifiedWeights::create(32, 4, 2, 8, "cuda:0");
  ASSERT_TRUE(weights);
  EXPECT_EQ(names(weights->violations()), Names{}) << "no data, no place";
  ASSERT_TRUE(weights->initialiseXavier(ElementType::F32, 1).ok());
  EXPECT_EQ(names(weights->violations()), Names{"device"});
  EXPECT_TRUE(says(weights->violations()[0].text, "asked for on 'cuda:0'"));

  FoldSpec spec;
  spec.numHeads = spec.numKvHeads = 2;
  spec.headDim = 8;
  spec.recDims = {{6, 7}, {6, 7}};
  EXPECT_EQ(names(checkInvariants(spec)), Names{});
  EXPECT_EQ(names(checkInvariants(spec, 15)), Names{"divisibility"});
  spec.recDims = {{6, 7}, {}};
  EXPECT_EQ(names(checkInvariants(spec)), Names{});
  spec.recDims = {{6, 7}, {7}};
  EXPECT_EQ(names(checkInvariants(spec)), Names{"d-std"});
  spec.recDims = {{0, 1, 2, 3, 4, 5, 6, 7}, {}};
  EXPECT_EQ(names(checkInvariants(spec)), Names{"rank"});
  spec.headDim = 12;
  EXPECT_EQ(names(checkInvariants(spec)), Names{"tensor-core-alignment"});
  // Slots: 16 - 3 + 2 * 3 = 19.
  spec.headDim = 16;
  spec.numKvHeads = 1;
  spec.grouped = GroupedMode::Slots;
  spec.recDims.assign(2, std::vector<int64_t>{13, 14, 15});
  ASSERT_EQ(names(checkInvariants(spec)), Names{"tensor-core-alignment"});
  EXPECT_TRUE(says(checkInvariants(spec)[0].text, "is 19"));
  EXPECT_TRUE(says(checkInvariants(spec)[0].text, "next is 24"));
}

} // namespace
