//===- ParityTest.cpp - What a conversion costs on random weights ---------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ra/Runtime/Basis.h"
#include "ra/Runtime/CompareAttention.h"
#include "ra/Runtime/FoldWeights.h"
#include "ra/Runtime/Random.h"
#include "gtest/gtest.h"

#include <cmath>
#include <cstdio>

using namespace ra::runtime;

namespace {

/// The table of section 2.6 of the design: C=768 H=12 D=64 R=4 T=128 B=2,
/// causal, weights U(+-1/sqrt(C)), x ~ N(0, 1); mean |out - base| / mean |base|
/// of weights against weights, in f64. Its ranges are of four seeds which are
/// not ours, so the mean over four of ours must lie in them, widened by half
/// their width on each side.
struct Parity {
  double wStd, wRec;
  bool basis;
  double low, high, lowAfter, highAfter;
};

class WeightsParityTest : public testing::TestWithParam<Parity> {};

TEST_P(WeightsParityTest, FiguresOfTheDesign) {
  const Parity parity = GetParam();
  constexpr int64_t channels = 768, heads = 12, headDim = 64, rank = 4;
  AttentionSpec attention;
  attention.numHeads = attention.numKvHeads = heads;
  attention.causal = true;
  attention.scale = 1.0 / std::sqrt(static_cast<double>(headDim));
  double sum = 0, sumAfter = 0;
  for (uint64_t seed = 0; seed < 4; ++seed) {
    auto random = [&](uint64_t stream, const Shape &shape, bool normal) {
      Tensor tensor = *Tensor::create(shape, ElementType::F64);
      auto *values = static_cast<double *>(tensor.mutableData());
      const auto count = static_cast<uint64_t>(tensor.numElements());
      const RandomStream source{seed, stream};
      const double bound = 1.0 / std::sqrt(static_cast<double>(channels));
      if (normal)
        source.normal(0, 1, 0, count, values);
      else
        source.uniform(-bound, bound, 0, count, values);
      return tensor;
    };
    const Shape square = {channels, channels};
    const Tensor wq = random(0, square, false), wk = random(1, square, false),
                 wv = random(2, square, false), wo = random(3, square, false),
                 x = random(4, {2, 128, channels}, true);
    FoldSpec spec;
    spec.numHeads = spec.numKvHeads = heads;
    spec.headDim = headDim;
    spec.recDims.assign(heads, {60, 61, 62, 63});
    spec.wStd = {parity.wStd};
    spec.wRec = {parity.wRec};
    if (parity.basis) {
      BasisSpec basisSpec;
      basisSpec.numHeads = basisSpec.numKvHeads = heads;
      basisSpec.headDim = headDim;
      basisSpec.ranks = {rank};
      Expected<Basis> basis = chooseBasis(basisSpec, wq, wk, nullptr, nullptr);
      ASSERT_TRUE(basis) << basis.message();
      ASSERT_EQ(basis->recDims, spec.recDims);
      spec.basisQ = basis->basisQ;
      spec.basisK = basis->basisK;
    }
    Expected<FoldedWeights> folded =
        foldWeights(spec, wq, wk, nullptr, nullptr);
    ASSERT_TRUE(folded) << folded.message();
    AttentionWeights original{&wq, &wk, &wv},
        converted{&folded->qWeight, &folded->kWeight, &wv};
    original.wo = converted.wo = &wo;
    Expected<AttentionError> error =
        compareAttention(attention, converted, original, x);
    ASSERT_TRUE(error) << error.message();
    std::printf("gates (%g, %g)%s seed %d: %.4f, %.4f after\n", parity.wStd,
                parity.wRec, parity.basis ? " in the basis" : "",
                static_cast<int>(seed), error->layer.relative,
                error->projected->relative);
    sum += error->layer.relative;
    sumAfter += error->projected->relative;
  }
  auto within = [](double mean, double low, double high) {
    EXPECT_GE(mean, low - (high - low) / 2);
    EXPECT_LE(mean, high + (high - low) / 2);
  };
  within(sum / 4, parity.low, parity.high);
  within(sumAfter / 4, parity.lowAfter, parity.highAfter);
}

INSTANTIATE_TEST_SUITE_P(
    Design, WeightsParityTest,
    testing::Values(Parity{1, 0, false, 0.069, 0.076, 0.074, 0.082},
                    Parity{0.9, 0.1, false, 0.076, 0.083, 0.080, 0.088},
                    Parity{1, 1, false, 0.097, 0.107, 0.100, 0.112},
                    Parity{1, 0, true, 0.045, 0.049, 0.048, 0.053}));

} // namespace
