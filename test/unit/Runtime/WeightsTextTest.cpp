//===- WeightsTextTest.cpp - Lists and gates as a person writes them ------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ra/Runtime/WeightsText.h"
#include "TestFiles.h"
#include "ra/Runtime/Npy.h"
#include "gtest/gtest.h"

#include <cmath>

using namespace ra::runtime;
using ra::runtime::test::says;
using ra::runtime::test::TempFolder;

namespace {

using Indices = std::vector<int64_t>;
using Rows = std::vector<std::vector<double>>;

TEST(WeightsText, Indices) {
  EXPECT_EQ(*parseIndices("0-3,7"), (Indices{0, 1, 2, 3, 7}));
  EXPECT_EQ(*parseIndices("60-63,28"), (Indices{28, 60, 61, 62, 63}));
  EXPECT_EQ(*parseIndices("5"), (Indices{5}));
  for (const char *bad :
       {"", ",", "1,", "a", "-1", "3-", "-", "1--2", "4-3", "1.5", " 1", "0x1",
        "99999999999999999999", "0-2000000", "1-2-3"})
    EXPECT_FALSE(parseIndices(bad)) << bad;
  EXPECT_TRUE(says(parseIndices("1,0-2").message(), "1 is given twice"));
  // Many large ranges end early.
  std::string text = "0-1000000";
  for (int i = 0; i < 100; ++i)
    text += ",0-1000000";
  EXPECT_TRUE(says(parseIndices(text).message(), "too many"));
}

TEST(WeightsText, WholeNumbers) {
  EXPECT_EQ(*parseWholeNumbers("4,4,0"), (Indices{4, 4, 0}));
  for (const char *bad : {"", "4,", "-1", "x", "4 4"})
    EXPECT_FALSE(parseWholeNumbers(bad)) << bad;
}

TEST(WeightsText, GatesInline) {
  EXPECT_EQ(parseGates("0.9")->rows, (Rows{{0.9}}));
  EXPECT_EQ(parseGates("1,-0.5,1e-3,+2")->rows, (Rows{{1, -0.5, 1e-3, 2}}));
  for (const char *bad : {"", "x", "0.9,", "nan", "inf", "1e999", "0.9 0.8",
                          "+-1", "--1", "0x1p3"})
    EXPECT_FALSE(parseGates(bad)) << bad;
  EXPECT_TRUE(says(parseGates("0.9,x").message(), "'x' is not a finite"));
}

TEST(WeightsText, GatesInFiles) {
  TempFolder folder;
  EXPECT_EQ(parseGates("@" + folder.write("a.txt", "0.9 0.8\t0.7,0.6\n"))->rows,
            (Rows{{0.9, 0.8, 0.7, 0.6}}));
  EXPECT_EQ(parseGates("@" + folder.write("b.txt", "\n1\r\n2, 3\n\n"))->rows,
            (Rows{{1}, {2, 3}}));
  EXPECT_TRUE(
      says(parseGates("@" + folder.write("c.txt", "1\n2,,3\n")).message(),
           "line 2: a number is missing beside a comma"));
  EXPECT_TRUE(says(parseGates("@" + folder.write("d.txt", " \n")).message(),
                   "no gates"));
  EXPECT_TRUE(
      says(parseGates("@" + folder.path("none")).message(), "cannot open"));
  EXPECT_FALSE(parseGates("@"));

  auto npy = [&](const Shape &shape, const std::vector<double> &values) {
    const std::string path = folder.path("g.npy");
    EXPECT_TRUE(
        writeNpy(path, *Tensor::fromDoubles(shape, ElementType::F64, values))
            .ok());
    return parseGates("@" + path);
  };
  EXPECT_EQ(npy({}, {0.5})->rows, (Rows{{0.5}}));
  EXPECT_EQ(npy({3}, {1, 2, 3})->rows, (Rows{{1, 2, 3}}));
  EXPECT_EQ(npy({2, 1}, {1, 2})->rows, (Rows{{1}, {2}}));
  EXPECT_EQ(npy({2, 2}, {1, 2, 3, 4})->rows, (Rows{{1, 2}, {3, 4}}));
  EXPECT_FALSE(npy({1, 1, 1}, {1}));
  EXPECT_FALSE(npy({0}, {}));
  EXPECT_TRUE(says(npy({2}, {1, INFINITY}).message(), "not finite"));
}

} // namespace
