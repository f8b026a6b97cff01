//===- StatisticsTest.cpp - Medians, spreads, intervals -------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ra/Runtime/Statistics.h"
#include "ra/Runtime/Random.h"
#include "gtest/gtest.h"

#include <cmath>

using namespace ra::runtime;

TEST(Statistics, QuantilesAreThoseOfNumPy) {
  // numpy.quantile([4, 1, 3, 2], q)
  std::vector<double> values = {4, 1, 3, 2};
  EXPECT_DOUBLE_EQ(quantile(values, 0), 1);
  EXPECT_DOUBLE_EQ(quantile(values, 0.05), 1.15);
  EXPECT_DOUBLE_EQ(quantile(values, 0.5), 2.5);
  EXPECT_DOUBLE_EQ(quantile(values, 0.95), 3.85);
  EXPECT_DOUBLE_EQ(quantile(values, 1), 4);
  EXPECT_DOUBLE_EQ(quantile({7}, 0.3), 7);
}

TEST(Statistics, NothingHasNoQuantile) {
  EXPECT_TRUE(std::isnan(quantile({}, 0.5)));
  EXPECT_TRUE(std::isnan(summarise({}).median));
  EXPECT_TRUE(std::isnan(bootstrapMedian({}, 0).low));
}

TEST(Statistics, Summary) {
  Summary summary = summarise({5, 1, 2, 3, 4});
  EXPECT_EQ(summary.count, 5u);
  EXPECT_DOUBLE_EQ(summary.median, 3);
  EXPECT_DOUBLE_EQ(summary.p5, 1.2);
  EXPECT_DOUBLE_EQ(summary.p95, 4.8);
}

TEST(Statistics, RatiosArePaired) {
  // The median of the ratios is not the ratio of the medians.
  std::vector<double> ratios = pairedRatios({2, 9, 8}, {1, 3, 8});
  EXPECT_EQ(ratios, (std::vector<double>{2, 3, 1}));
  EXPECT_DOUBLE_EQ(summarise(ratios).median, 2);
}

TEST(Statistics, BootstrapOfTwoValues) {
  // Of two draws from {0, 1} the median is 0, 1/2, 1 with probability 1/4, 1/2,
  // 1/4.
  Interval wide = bootstrapMedian({0, 1}, 1, 0.95, 4000);
  EXPECT_EQ(wide.low, 0);
  EXPECT_EQ(wide.high, 1);
  Interval narrow = bootstrapMedian({0, 1}, 1, 0.4, 4000);
  EXPECT_EQ(narrow.low, 0.5);
  EXPECT_EQ(narrow.high, 0.5);
}

TEST(Statistics, BootstrapCoversTheMedian) {
  // 95 % of the intervals should hold the median of the distribution, 0; of 200
  // sets, 190 +- 3.1.
  int covered = 0;
  constexpr int sets = 200;
  for (int set = 0; set < sets; ++set) {
    std::vector<double> values(41);
    RandomStream{7, static_cast<uint64_t>(set)}.normal(0, 1, 0, values.size(),
                                                       values.data());
    Interval interval = bootstrapMedian(values, 3, 0.95, 400);
    covered += interval.low <= 0 && 0 <= interval.high;
  }
  EXPECT_GE(covered, 178);
  EXPECT_LE(covered, 199);
}

TEST(Statistics, BootstrapRepeats) {
  std::vector<double> values = {1, 5, 2, 8, 3, 4};
  Interval once = bootstrapMedian(values, 11),
           again = bootstrapMedian(values, 11);
  EXPECT_EQ(once.low, again.low);
  EXPECT_EQ(once.high, again.high);
}
