//===- FoldWeightsTest.cpp - Folding reciprocal terms into weights --------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "FoldProblems.h"
#include "TestFiles.h"
#include "gtest/gtest.h"

#include <algorithm>
#include <cmath>
#include <random>

using namespace ra::runtime;
using namespace ra::runtime::test;

namespace {

double largestDifference(const Problem &p, const FoldedWeights &folded,
                         const Matrix &x) {
  double largest = 0;
  for (int64_t h = 0; h < p.spec.numHeads; ++h) {
    const Matrix expected = scoresByDefinition(p, h, x);
    const Matrix actual = scoresFolded(p, folded, h, x);
    for (size_t i = 0; i < x.size(); ++i)
      for (size_t j = 0; j < x.size(); ++j) {
        const double difference = std::abs(expected[i][j] - actual[i][j]);
        // NaN must not pass as small.
        if (!(difference <= largest))
          largest = difference;
      }
  }
  return largest;
}

TEST(FoldWeights, RandomProblemsKeepTheScores) {
  int slots = 0, means = 0, projections = 0, bases = 0, mixedRanks = 0,
      oneSided = 0, negative = 0;
  for (uint64_t seed = 0; seed < 600; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Maker maker(seed);
    const Problem p = maker.problem();
    Expected<FoldedWeights> folded = p.fold();
    ASSERT_TRUE(folded) << folded.message();
    const Matrix x = maker.activations(3, p.inputs);
    // Scores are sums of at most 9 * 12^2 products of numbers below about 100.
    ASSERT_LT(largestDifference(p, *folded, x), 1e-10);
    ASSERT_EQ(folded->qBias.has_value(), p.bq || p.bk);
    ASSERT_EQ(folded->kBias.has_value(), p.bq || p.bk);

    const bool grouped = p.group() > 1;
    slots += grouped && p.spec.grouped == GroupedMode::Slots;
    means += grouped && p.spec.grouped == GroupedMode::Mean;
    projections += p.spec.projection.has_value();
    bases += p.spec.basisQ || p.spec.basisK;
    mixedRanks +=
        p.spec.recDims.front().empty() != p.spec.recDims.back().empty();
    oneSided += p.bq.has_value() != p.bk.has_value();
    negative += p.spec.wStd[0] < 0 || p.spec.wRec[0] < 0;
  }
  // The problems meet every case that they are meant to meet.
  for (int count :
       {slots, means, projections, bases, mixedRanks, oneSided, negative})
    EXPECT_GT(count, 20);
}

/// One head pair of dim 4, rank 2, distinct gates.
Problem small() {
  Maker maker(7);
  Problem p;
  p.spec.numHeads = p.spec.numKvHeads = 2;
  p.spec.headDim = 4;
  p.spec.recDims = {{2, 3}, {2, 3}};
  p.spec.wStd = {0.25, 0.81};
  p.spec.wRec = {0.36, 0.49};
  p.inputs = 5;
  p.wq = maker.tensor({8, 5});
  p.wk = maker.tensor({8, 5});
  p.bq = maker.tensor({8});
  return p;
}

TEST(FoldWeights, LayoutOfTheSymmetricSplit) {
  const Problem p = small();
  Expected<FoldedWeights> folded = p.fold();
  ASSERT_TRUE(folded) << folded.message();
  const double a[] = {0.5, 0.9}, b[] = {0.6, 0.7};
  for (int64_t h = 0; h < 2; ++h)
    for (int64_t d = 0; d < 4; ++d) {
      const int64_t row = h * 4 + d;
      const double factor = d < 2 ? a[h] : b[h];
      for (int64_t c = 0; c < 5; ++c) {
        const int64_t i = row * 5 + c;
        EXPECT_NEAR(folded->qWeight.at(i), factor * (d < 2 ? p.wq : p.wk).at(i),
                    1e-15);
        EXPECT_NEAR(folded->kWeight.at(i), factor * (d < 2 ? p.wk : p.wq).at(i),
                    1e-15);
      }
      // The bias of k is 0 where none was given, and moves all the same.
      EXPECT_NEAR(folded->qBias->at(row), d < 2 ? factor * p.bq->at(row) : 0.0,
                  1e-15);
      EXPECT_NEAR(folded->kBias->at(row), d < 2 ? 0.0 : factor * p.bq->at(row),
                  1e-15);
    }
}

TEST(FoldWeights, QuerySplitLeavesTheKeySideUnscaled) {
  Problem p = small();
  p.spec.gateSplit = GateSplit::Query;
  p.spec.wStd = {-0.25, 0.0};
  p.spec.wRec = {0.36, -1.5};
  Expected<FoldedWeights> folded = p.fold();
  ASSERT_TRUE(folded) << folded.message();
  for (int64_t row = 0; row < 8; ++row)
    for (int64_t c = 0; c < 5; ++c) {
      const int64_t i = row * 5 + c;
      EXPECT_EQ(folded->kWeight.at(i), (row % 4 < 2 ? p.wk : p.wq).at(i));
    }
  EXPECT_EQ(folded->qWeight.at(4 * 5), 0.0);
}

TEST(FoldWeights, TheComparisonSeesEachMistake) {
  const Problem p = small();
  const Matrix x = Maker(8).activations(3, p.inputs);
  ASSERT_LT(largestDifference(p, *p.fold(), x), 1e-12);
  auto missed = [&](const char *what, const Problem &wrong) {
    Expected<FoldedWeights> folded = wrong.fold();
    ASSERT_TRUE(folded) << what;
    EXPECT_GT(largestDifference(p, *folded, x), 1e-3) << what;
  };
  Problem wrong = p;
  wrong.spec.recDims = {{1, 3}, {2, 3}};
  missed("other dims", wrong);
  wrong = p;
  wrong.spec.recDims = {{}, {}};
  missed("no swap", wrong);
  wrong = p;
  std::swap(wrong.spec.wStd, wrong.spec.wRec);
  missed("gates exchanged", wrong);
  wrong = p;
  for (double &gate : wrong.spec.wRec)
    gate = gate * gate;
  missed("a missing root", wrong);
  wrong = p;
  wrong.bq.reset();
  missed("no bias", wrong);
  wrong = p;
  wrong.bk = wrong.bq;
  wrong.bq.reset();
  missed("bias on the other side", wrong);
}

TEST(FoldWeights, UnitGatesMoveRowsBitByBit) {
  for (ElementType type : {ElementType::F32, ElementType::F16,
                           ElementType::BF16, ElementType::F64}) {
    Problem p = small();
    Maker maker(9);
    p.spec.wStd = p.spec.wRec = {1.0};
    p.wq = maker.tensor({8, 5}, type);
    p.wk = maker.tensor({8, 5}, type);
    p.bq = maker.tensor({8}, type);
    Expected<FoldedWeights> folded = p.fold();
    ASSERT_TRUE(folded) << folded.message();
    EXPECT_EQ(folded->qWeight.elementType(), type);
    for (int64_t i = 0; i < 40; ++i) {
      const bool low = i / 5 % 4 >= 2;
      EXPECT_EQ(folded->qWeight.at(i), (low ? p.wk : p.wq).at(i));
      EXPECT_EQ(folded->kWeight.at(i), (low ? p.wq : p.wk).at(i));
    }
  }
}

TEST(FoldWeights, StorageTypesRoundOnce) {
  for (ElementType type :
       {ElementType::F32, ElementType::F16, ElementType::BF16})
    for (uint64_t seed = 0; seed < 60; ++seed) {
      SCOPED_TRACE("seed " + std::to_string(seed));
      Maker maker(1000 + seed);
      Problem stored = maker.problem();
      stored.wq = *stored.wq.convertTo(type);
      stored.wk = *stored.wk.convertTo(type);
      for (std::optional<Tensor> *bias : {&stored.bq, &stored.bk})
        if (*bias)
          *bias = *(*bias)->convertTo(ElementType::F32);
      Problem exact = stored;
      exact.wq = *stored.wq.convertTo(ElementType::F64);
      exact.wk = *stored.wk.convertTo(ElementType::F64);
      for (std::optional<Tensor> *bias : {&exact.bq, &exact.bk})
        if (*bias)
          *bias = *(*bias)->convertTo(ElementType::F64);
      Expected<FoldedWeights> a = stored.fold(), b = exact.fold();
      ASSERT_TRUE(a) << a.message();
      ASSERT_TRUE(b) << b.message();
      EXPECT_EQ(a->qWeight.readAsDoubles(),
                b->qWeight.convertTo(type)->readAsDoubles());
      EXPECT_EQ(a->kWeight.readAsDoubles(),
                b->kWeight.convertTo(type)->readAsDoubles());
      ASSERT_EQ(a->qBias.has_value(), b->qBias.has_value());
      if (!a->qBias)
        continue;
      EXPECT_EQ(a->qBias->elementType(), ElementType::F32);
      EXPECT_EQ(a->qBias->readAsDoubles(),
                b->qBias->convertTo(ElementType::F32)->readAsDoubles());
    }
}

/// A and B = A^{-T} for a rotation of two dims with a stretch.
TEST(FoldWeights, ABasisAndItsInverseTransposeKeepTheScores) {
  Problem p = small();
  p.spec.recDims = {{}, {}};
  p.spec.wStd = {1.0};
  const double c = 0.6, s = 0.8, stretch = 3.0;
  std::vector<double> a(16, 0.0), b(16, 0.0);
  a[0] = c * stretch, a[1] = s * stretch, a[4] = -s, a[5] = c;
  b[0] = c / stretch, b[1] = s / stretch, b[4] = -s, b[5] = c;
  a[10] = a[15] = b[10] = b[15] = 1.0;
  const Matrix x = Maker(10).activations(3, p.inputs);
  Problem turned = p;
  turned.spec.basisQ = *Tensor::fromDoubles({4, 4}, ElementType::F64, a);
  turned.spec.basisK = *Tensor::fromDoubles({4, 4}, ElementType::F64, b);
  Expected<FoldedWeights> folded = turned.fold();
  ASSERT_TRUE(folded) << folded.message();
  // Compared with the attention that has no basis at all.
  EXPECT_LT(largestDifference(p, *folded, x), 1e-12);
  EXPECT_GT(std::abs(folded->qWeight.at(0) - p.wq.at(0)), 1e-3);
}

TEST(FoldWeights, SlotsLayout) {
  Maker maker(11);
  Problem p;
  p.spec.numHeads = 3;
  p.spec.numKvHeads = 1;
  p.spec.headDim = 4;
  p.spec.recDims.assign(3, {1});
  p.spec.grouped = GroupedMode::Slots;
  p.spec.gateSplit = GateSplit::Query;
  p.spec.wStd = {2.0};
  p.spec.wRec = {3.0, 5.0, 7.0};
  p.inputs = 1;
  p.wq = maker.tensor({12, 1});
  p.wk = maker.tensor({4, 1});
  ASSERT_EQ(foldedHeadDim(p.spec), 4 - 1 + 3);
  Expected<FoldedWeights> folded = p.fold();
  ASSERT_TRUE(folded) << folded.message();
  const Tensor &q = folded->qWeight, &k = folded->kWeight;
  for (int64_t h = 0; h < 3; ++h) {
    EXPECT_EQ(q.at(h * 6 + 0), 2.0 * p.wq.at(h * 4 + 0));
    EXPECT_EQ(q.at(h * 6 + 1), 2.0 * p.wq.at(h * 4 + 2));
    EXPECT_EQ(q.at(h * 6 + 2), 2.0 * p.wq.at(h * 4 + 3));
    for (int64_t slot = 0; slot < 3; ++slot)
      EXPECT_EQ(q.at(h * 6 + 3 + slot),
                slot == h ? p.spec.wRec[static_cast<size_t>(h)] * p.wk.at(1)
                          : 0.0);
    EXPECT_EQ(k.at(3 + h), p.wq.at(h * 4 + 1));
  }
  EXPECT_EQ(k.at(0), p.wk.at(0));
  EXPECT_EQ(k.at(1), p.wk.at(2));
  EXPECT_EQ(k.at(2), p.wk.at(3));
}

TEST(FoldWeights, FoldedHeadDim) {
  FoldSpec spec;
  spec.numHeads = 8;
  spec.numKvHeads = 2;
  spec.headDim = 64;
  spec.recDims.assign(8, {60, 61, 62, 63});
  EXPECT_EQ(foldedHeadDim(spec), 64);
  spec.grouped = GroupedMode::Slots;
  EXPECT_EQ(foldedHeadDim(spec), 64 - 4 + 4 * 4);
  spec.recDims.assign(8, {});
  EXPECT_EQ(foldedHeadDim(spec), 64);
  spec.recDims.assign(8, {63});
  spec.numKvHeads = 8;
  EXPECT_EQ(foldedHeadDim(spec), 64);
}

TEST(FoldWeights, RefusesBadInput) {
  auto refuses = [](const Problem &p, const std::string &why) {
    Expected<FoldedWeights> folded = p.fold();
    ASSERT_FALSE(folded) << why;
    EXPECT_TRUE(says(folded.message(), why));
  };
  Maker maker(12);
  Problem p = small();
  p.wq = maker.tensor({9, 5});
  refuses(p, "query weight is 9x5xf64");
  p = small();
  p.wk = maker.tensor({8});
  refuses(p, "key weight is 8xf64");
  p = small();
  p.wk = maker.tensor({8, 6});
  refuses(p, "8x5xf64 and 8x6xf64");
  p = small();
  p.wk = maker.tensor({8, 5}, ElementType::F32);
  refuses(p, "8x5xf64 and 8x5xf32");
  p = small();
  p.wq = p.wk = maker.tensor({8, 5}, ElementType::I8);
  refuses(p, "floating point");
  p = small();
  p.bq = maker.tensor({4});
  refuses(p, "query bias is 4xf64");
  p = small();
  p.bk = maker.tensor({8}, ElementType::F16);
  refuses(p, "8xf64 and 8xf16");
  p = small();
  p.spec.wStd = {-0.5};
  refuses(p, "gate: w_std = -0.5");
  p = small();
  p.spec.recDims = {{2, 3}};
  refuses(p, "affine: ");
  p = small();
  p.spec.numKvHeads = 0;
  refuses(p, "grouped: ");
  p = small();
  p.spec.projection = maker.tensor({4, 3});
  refuses(p, "projection P is 4x3xf64; it must be 4x2xf64 or 2x4x2xf64");
  p = small();
  p.spec.projection = maker.tensor({4, 2});
  p.spec.recDims = {{2, 3}, {3}};
  refuses(p, "same rank");
  p = small();
  p.spec.basisQ = maker.tensor({3, 4, 4});
  refuses(p, "basis of q is 3x4x4xf64");
  p = small();
  p.spec.basisK = maker.tensor({4, 5});
  refuses(p, "basis of k is 4x5xf64");
}

} // namespace
