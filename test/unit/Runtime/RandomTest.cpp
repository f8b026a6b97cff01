//===- RandomTest.cpp - Reproducible random numbers -----------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ra/Runtime/Random.h"
#include "gtest/gtest.h"

#include <cmath>
#include <vector>

using namespace ra::runtime;

namespace {

TEST(Random, PhiloxKnownAnswers) {
  // From the kat_vectors file of the Random123 distribution.
  EXPECT_EQ(philox({0, 0, 0, 0}, {0, 0}),
            (std::array<uint32_t, 4>{0x6627e8d5, 0xe169c58d, 0xbc57ac4c,
                                     0x9b00dbd8}));
  const uint32_t ones = 0xffffffff;
  EXPECT_EQ(philox({ones, ones, ones, ones}, {ones, ones}),
            (std::array<uint32_t, 4>{0x408f276d, 0x41c83b0e, 0xa20bc7c6,
                                     0x6d5451fd}));
  EXPECT_EQ(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
                   {0xa4093822, 0x299f31d0}),
            (std::array<uint32_t, 4>{0xd16cfe09, 0x94fdcceb, 0x5001e420,
                                     0x24126ea1}));
}

TEST(Random, NumbersFollowTheirDefinition) {
  const RandomStream random{0x123456789abcdef0, 7};
  for (uint64_t b : {uint64_t(0), uint64_t(5), uint64_t(1) << 33}) {
    const auto low = [](uint64_t x) { return static_cast<uint32_t>(x); };
    const auto high = [](uint64_t x) { return static_cast<uint32_t>(x >> 32); };
    const auto out = philox({low(b), high(b), 7, 0}, {0x9abcdef0, 0x12345678});
    const uint64_t x0 = out[0] | uint64_t(out[1]) << 32;
    const uint64_t x1 = out[2] | uint64_t(out[3]) << 32;
    double pair[2];
    random.uniform(0.0, 1.0, 2 * b, 2, pair);
    EXPECT_EQ(pair[0], std::ldexp(static_cast<double>(x0 >> 11), -53));
    EXPECT_EQ(pair[1], std::ldexp(static_cast<double>(x1 >> 11), -53));
    random.normal(0.0, 1.0, 2 * b, 2, pair);
    const double u = std::ldexp(static_cast<double>((x0 >> 11) + 1), -53);
    const double v = std::ldexp(static_cast<double>(x1 >> 11), -53);
    const double r = std::sqrt(-2 * std::log(u));
    const double turn = 2 * 3.14159265358979323846 * v;
    EXPECT_NEAR(pair[0], r * std::cos(turn), 2e-15 * (1 + r));
    EXPECT_NEAR(pair[1], r * std::sin(turn), 2e-15 * (1 + r));
  }
}

TEST(Random, TheSameNumbersEverywhere) {
  // Computed from the definition by a program in another language; the normal
  // numbers rounded to f32.
  const double uniform[] = {0x1.c8522a4429468p-2, 0x1.3240b78f72318p-1,
                            0x1.d91b19b85a8d8p-4, 0x1.fd5237354d898p-3,
                            0x1.cb14db18a4538p-1, 0x1.3d311db3043e1p-1,
                            0x1.707d2b0c7a159p-1, 0x1.7177ec2b8d8eep-2};
  const float normal[] = {-0x1.0987f8p+0f, -0x1.787c82p-1f, 0x1.17c4a4p-6f,
                          0x1.09f038p+1f,  -0x1.5dad8cp-2f, -0x1.465f0ep-2f,
                          -0x1.0a52cap-1f, 0x1.3e9e3ap-1f};
  double values[8];
  RandomStream{42, 3}.uniform(0.0, 1.0, 0, 8, values);
  for (int i = 0; i < 8; ++i)
    EXPECT_EQ(values[i], uniform[i]) << i;
  RandomStream{42, 3}.normal(0.0, 1.0, 0, 8, values);
  for (int i = 0; i < 8; ++i)
    EXPECT_EQ(static_cast<float>(values[i]), normal[i]) << i;
}

TEST(Random, NormalAgreesWithTheLibraryEverywhere) {
  const RandomStream random{1, 2};
  const uint64_t count = 200000;
  std::vector<double> uniform(count), normal(count);
  random.uniform(0.0, 1.0, 0, count, uniform.data());
  random.normal(0.0, 1.0, 0, count, normal.data());
  for (uint64_t i = 0; i < count; i += 2) {
    const double r = std::sqrt(-2 * std::log(uniform[i] + 0x1p-53));
    const double turn = 2 * 3.14159265358979323846 * uniform[i + 1];
    ASSERT_NEAR(normal[i], r * std::cos(turn), 2e-15 * (1 + r)) << i;
    ASSERT_NEAR(normal[i + 1], r * std::sin(turn), 2e-15 * (1 + r)) << i;
  }
}

TEST(Random, RangesDoNotDependOnHowTheyAreCut) {
  const RandomStream random{3, 4};
  std::vector<double> whole(101);
  random.normal(1.0, 2.0, 50, whole.size(), whole.data());
  for (uint64_t i = 0; i < whole.size(); ++i) {
    double one;
    random.normal(1.0, 2.0, 50 + i, 1, &one);
    ASSERT_EQ(one, whole[i]) << i;
  }
}

TEST(Random, MomentsAndStreams) {
  const uint64_t count = 1 << 18;
  std::vector<double> a(count), b(count), u(count);
  RandomStream{5, 0}.normal(0.0, 1.0, 0, count, a.data());
  RandomStream{5, 1}.normal(0.0, 1.0, 0, count, b.data());
  RandomStream{5, 2}.uniform(-2.0, 4.0, 0, count, u.data());
  double mean = 0, square = 0, fourth = 0, cross = 0, neighbour = 0, uMean = 0;
  for (uint64_t i = 0; i < count; ++i) {
    mean += a[i];
    square += a[i] * a[i];
    fourth += a[i] * a[i] * a[i] * a[i];
    cross += a[i] * b[i];
    neighbour += a[i] * a[i ^ 1];
    uMean += u[i];
    ASSERT_GE(u[i], -2.0);
    ASSERT_LT(u[i], 4.0);
  }
  // Five standard deviations of each estimate.
  const double n = static_cast<double>(count), sigma = 5 / std::sqrt(n);
  EXPECT_NEAR(mean / n, 0.0, sigma);
  EXPECT_NEAR(square / n, 1.0, sigma * std::sqrt(2.0));
  EXPECT_NEAR(fourth / n, 3.0, sigma * std::sqrt(96.0));
  EXPECT_NEAR(cross / n, 0.0, sigma);
  EXPECT_NEAR(neighbour / n, 0.0, sigma * std::sqrt(2.0));
  EXPECT_NEAR(uMean / n, 1.0, sigma * std::sqrt(3.0));
}

} // namespace
