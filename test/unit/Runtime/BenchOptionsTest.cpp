//===- BenchOptionsTest.cpp - Options that measuring tools share ----------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ra/Runtime/BenchOptions.h"
#include "TestFiles.h"

using namespace ra::runtime;
using ra::runtime::test::says;

TEST(BenchOptions, Durations) {
  EXPECT_DOUBLE_EQ(*parseDuration("0.5"), 0.5);
  EXPECT_DOUBLE_EQ(*parseDuration("2s"), 2);
  EXPECT_DOUBLE_EQ(*parseDuration("250ms"), 0.25);
  EXPECT_DOUBLE_EQ(*parseDuration("20us"), 20e-6);
  EXPECT_DOUBLE_EQ(*parseDuration("0"), 0);
}

TEST(BenchOptions, BadDurations) {
  for (const char *text :
       {"", "s", "-1", "1h", "1 s", "nan", "inf", "1e300", "0.5ss", "five"}) {
    Expected<double> parsed = parseDuration(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_TRUE(says(parsed.message(), "is not a time; write seconds"));
  }
}

TEST(BenchOptions, Percentages) {
  EXPECT_DOUBLE_EQ(*parsePercentage("5%"), 0.05);
  EXPECT_DOUBLE_EQ(*parsePercentage("2.5"), 0.025);
  EXPECT_DOUBLE_EQ(*parsePercentage("0%"), 0);
  for (const char *text : {"", "%", "-5%", "5%%", "five", "nan%"})
    EXPECT_FALSE(parsePercentage(text)) << text;
}

TEST(BenchOptions, AxisByName) {
  Expected<DimAxis> axis = parseDimAxis("T=512,1024");
  ASSERT_TRUE(axis) << axis.message();
  EXPECT_EQ(axis->label, "T");
  ASSERT_EQ(axis->places.size(), 1u);
  EXPECT_EQ(axis->places[0].name, "T");
  EXPECT_EQ(axis->extents, (std::vector<int64_t>{512, 1024}));
}

TEST(BenchOptions, AxisByPlaces) {
  Expected<DimAxis> axis = parseDimAxis("0.1+2.0=7");
  ASSERT_TRUE(axis) << axis.message();
  EXPECT_EQ(axis->label, "0.1+2.0");
  ASSERT_EQ(axis->places.size(), 2u);
  EXPECT_EQ(axis->places[0].name, "");
  EXPECT_EQ(axis->places[0].argument, 0u);
  EXPECT_EQ(axis->places[0].axis, 1u);
  EXPECT_EQ(axis->places[1].argument, 2u);
  EXPECT_EQ(axis->places[1].axis, 0u);
  EXPECT_EQ(axis->extents, (std::vector<int64_t>{7}));
}

TEST(BenchOptions, BadAxes) {
  struct Case {
    const char *text, *message;
  };
  for (const Case &bad : std::initializer_list<Case>{
           {"T", "has no '='"},
           {"", "has no '='"},
           {"H=4", "'H' names no dim"},
           {"=4", "'' names no dim"},
           {"0=4", "'0' names no dim"},
           {"0.x=4", "'0.x' names no dim"},
           {"-1.0=4", "'-1.0' names no dim"},
           {"T+=4", "'' names no dim"},
           {"T=", "'' is not an extent"},
           {"T=4,", "'' is not an extent"},
           {"T=0", "'0' is not an extent"},
           {"T=-4", "'-4' is not an extent"},
           {"T=4.5", "'4.5' is not an extent"},
           {"T=99999999999999999999", "is not an extent"},
           {"T=4,8,4", "4 stands there twice"}}) {
    Expected<DimAxis> axis = parseDimAxis(bad.text);
    ASSERT_FALSE(axis) << bad.text;
    EXPECT_TRUE(says(axis.message(), bad.message));
  }
}
