//===- CompareAttentionTest.cpp - How far two attentions are apart --------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ra/Runtime/CompareAttention.h"
#include "FoldProblems.h"
#include "TestFiles.h"
#include "gtest/gtest.h"

#include <cmath>
#include <limits>

using namespace ra::runtime;
using namespace ra::runtime::test;

namespace {

/// An attention with everything that one can have.
struct Layer {
  AttentionSpec spec;
  int64_t dimQK = 0, dimV = 0, channels = 0, outputs = 0;
  Tensor wq, wk, wv, wo, x;
  std::optional<Tensor> bq, bk, bv, bo;

  AttentionWeights weights() const {
    auto at = [](const std::optional<Tensor> &t) { return t ? &*t : nullptr; };
    return {&wq,
            &wk,
            &wv,
            at(bq),
            at(bk),
            at(bv),
            outputs != 0 ? &wo : nullptr,
            outputs != 0 ? at(bo) : nullptr};
  }

  std::vector<double> token(int64_t index) const {
    std::vector<double> values(static_cast<size_t>(channels));
    x.readDoubles(index * channels, channels, values.data());
    return values;
  }

  /// The output before the projection, [B][H] of [T, Dv], by loops.
  std::vector<std::vector<Matrix>> byDefinition() const {
    const int64_t length = x.dim(1);
    std::vector<std::vector<Matrix>> all;
    for (int64_t b = 0; b < x.dim(0); ++b) {
      all.emplace_back();
      for (int64_t h = 0; h < spec.numHeads; ++h) {
        const int64_t g = h / (spec.numHeads / spec.numKvHeads);
        Matrix q, k, v, scores;
        for (int64_t t = 0; t < length; ++t) {
          const std::vector<double> in = token(b * length + t);
          auto turned = [&](const Tensor &w, const std::optional<Tensor> &bias,
                            int64_t head) {
            return rotated(project(w, bias, head * dimQK, dimQK, in), spec.rope,
                           spec.rotaryDim, t);
          };
          q.push_back(turned(wq, bq, h));
          k.push_back(turned(wk, bk, g));
          v.push_back(project(wv, bv, g * dimV, dimV, in));
        }
        for (const std::vector<double> &query : q) {
          scores.emplace_back();
          for (const std::vector<double> &key : k)
            scores.back().push_back(dot(query, key));
        }
        all.back().push_back(attended(scores, v, spec.causal, spec.scale));
      }
    }
    return all;
  }
};

Layer randomLayer(uint64_t seed) {
  Maker maker(seed);
  Layer layer;
  AttentionSpec &spec = layer.spec;
  spec.numKvHeads = maker.between(1, 3);
  spec.numHeads = spec.numKvHeads * maker.between(1, 3);
  spec.causal = maker.coin();
  spec.scale = 0.1 + std::abs(maker.number());
  spec.threads = static_cast<unsigned>(maker.between(0, 3));
  layer.dimQK = maker.between(1, 7);
  layer.dimV = maker.between(1, 5);
  layer.channels = maker.between(1, 10);
  layer.outputs = maker.coin() ? maker.between(1, 6) : 0;
  spec.rope = static_cast<RopeStyle>(maker.between(0, 2));
  spec.rotaryDim = 2 * maker.between(0, layer.dimQK / 2);
  const int64_t q = spec.numHeads * layer.dimQK,
                k = spec.numKvHeads * layer.dimQK,
                v = spec.numKvHeads * layer.dimV,
                o = spec.numHeads * layer.dimV;
  layer.wq = maker.tensor({q, layer.channels});
  layer.wk = maker.tensor({k, layer.channels});
  layer.wv = maker.tensor({v, layer.channels});
  layer.wo = maker.tensor({layer.outputs, o});
  if (maker.coin())
    layer.bq = maker.tensor({q});
  if (maker.coin())
    layer.bk = maker.tensor({k});
  if (maker.coin())
    layer.bv = maker.tensor({v});
  if (maker.coin())
    layer.bo = maker.tensor({layer.outputs});
  // Some lengths beyond one block of queries.
  const int64_t length =
      maker.between(0, 9) == 0 ? maker.between(120, 140) : maker.between(1, 9);
  layer.x = maker.tensor({maker.between(1, 3), length, layer.channels});
  return layer;
}

TEST(CompareAttention, AgreesWithLoops) {
  int longer = 0, causal = 0, ropes = 0, projected = 0;
  for (uint64_t seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const Layer layer = randomLayer(seed);
    Expected<AttentionOutput> out =
        computeAttention(layer.spec, layer.weights(), layer.x);
    ASSERT_TRUE(out) << out.message();
    const auto expected = layer.byDefinition();
    const int64_t length = layer.x.dim(1), heads = layer.spec.numHeads;
    ASSERT_EQ(out->tokens, layer.x.dim(0) * length);
    ASSERT_EQ(out->headDim, layer.dimV);
    ASSERT_EQ(out->outputs, layer.outputs);
    ASSERT_EQ(static_cast<int64_t>(out->heads.size()),
              out->tokens * heads * layer.dimV);
    for (int64_t t = 0; t < out->tokens; ++t) {
      std::vector<double> row;
      for (int64_t h = 0; h < heads; ++h)
        for (double value : expected[t / length][h][t % length])
          row.push_back(value);
      for (size_t i = 0; i < row.size(); ++i)
        ASSERT_NEAR(out->heads[static_cast<size_t>(t) * row.size() + i], row[i],
                    1e-11);
      const std::vector<double> after =
          project(layer.wo, layer.bo, 0, layer.outputs, row);
      for (size_t i = 0; i < after.size(); ++i)
        ASSERT_NEAR(out->projected[static_cast<size_t>(t) * after.size() + i],
                    after[i], 1e-10);
    }
    longer += length > 128;
    causal += layer.spec.causal;
    ropes += layer.spec.rope != RopeStyle::None && layer.spec.rotaryDim != 0;
    projected += layer.outputs != 0;
  }
  for (int count : {longer, causal, ropes, projected})
    EXPECT_GT(count, 5);
}

TEST(CompareAttention, ErrorsAreMeansAndMaxima) {
  // Values alone differ: out = b and a, with every score the same.
  AttentionOutput a, b;
  a.tokens = b.tokens = 2;
  a.headDim = b.headDim = 1;
  b.heads = {1, -4, 3, 0}; // [T, H, Dv]
  a.heads = {1.5, -4, 2, 1};
  Expected<AttentionError> error = compareOutputs(a, b);
  ASSERT_TRUE(error) << error.message();
  ASSERT_EQ(error->heads.size(), 2u);
  EXPECT_DOUBLE_EQ(error->heads[0].relative, 1.5 / 4.0);
  EXPECT_DOUBLE_EQ(error->heads[0].maximum, 1.0);
  EXPECT_DOUBLE_EQ(error->heads[1].relative, 1.0 / 4.0);
  EXPECT_DOUBLE_EQ(error->heads[1].maximum, 1.0);
  EXPECT_DOUBLE_EQ(error->layer.relative, 2.5 / 8.0);
  EXPECT_DOUBLE_EQ(error->layer.maximum, 1.0);
  EXPECT_FALSE(error->projected.has_value());

  a.outputs = b.outputs = 1;
  b.projected = {2, 2};
  a.projected = {2, -1};
  error = compareOutputs(a, b);
  ASSERT_TRUE(error && error->projected);
  EXPECT_DOUBLE_EQ(error->projected->relative, 3.0 / 4.0);
  EXPECT_DOUBLE_EQ(error->projected->maximum, 3.0);

  // Nothing against nothing, something against nothing, and not a number.
  b.heads = a.heads = {0, 0, 0, 0};
  EXPECT_EQ(compareOutputs(a, b)->layer.relative, 0.0);
  a.heads[0] = 1;
  EXPECT_EQ(compareOutputs(a, b)->layer.relative,
            std::numeric_limits<double>::infinity());
  a.heads[0] = std::nan("");
  a.heads[1] = 1;
  EXPECT_TRUE(std::isnan(compareOutputs(a, b)->layer.relative));
  EXPECT_TRUE(std::isnan(compareOutputs(a, b)->layer.maximum));
  a.tokens = 1;
  EXPECT_FALSE(compareOutputs(a, b));
}

TEST(CompareAttention, FoldedWeightsAgainstTheFormula) {
  // A fold and the open-coded formula are the same attention; what comparing
  // its weights with the original gives is then the cost of the formula.
  for (uint64_t seed = 0; seed < 80; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Maker maker(seed);
    const Problem p = maker.problem();
    Expected<FoldedWeights> folded = p.fold();
    ASSERT_TRUE(folded) << folded.message();
    AttentionSpec spec;
    spec.numHeads = p.spec.numHeads;
    spec.numKvHeads = p.spec.numKvHeads;
    spec.causal = maker.coin();
    spec.scale = 1.0 / std::sqrt(static_cast<double>(p.spec.headDim));
    const int64_t length = 5, dimV = 2;
    const Tensor x = maker.tensor({1, length, p.inputs}),
                 wv = maker.tensor({p.spec.numKvHeads * dimV, p.inputs});
    Matrix tokens;
    for (int64_t t = 0; t < length; ++t) {
      tokens.emplace_back(static_cast<size_t>(p.inputs));
      x.readDoubles(t * p.inputs, p.inputs, tokens.back().data());
    }
    auto at = [](const std::optional<Tensor> &t) { return t ? &*t : nullptr; };
    const AttentionWeights original{&p.wq, &p.wk, &wv, at(p.bq), at(p.bk)};
    const AttentionWeights converted{&folded->qWeight, &folded->kWeight, &wv,
                                     at(folded->qBias), at(folded->kBias)};
    Expected<AttentionError> error =
        compareAttention(spec, converted, original, x);
    ASSERT_TRUE(error) << error.message();

    Problem ordinary = p;
    ordinary.spec.recDims.assign(static_cast<size_t>(p.spec.numHeads), {});
    ordinary.spec.wStd = {1.0};
    ordinary.spec.basisQ.reset();
    ordinary.spec.basisK.reset();
    double difference = 0, size = 0, largest = 0;
    for (int64_t h = 0; h < p.spec.numHeads; ++h) {
      Matrix v;
      for (const std::vector<double> &token : tokens)
        v.push_back(
            project(wv, std::nullopt, h / p.group() * dimV, dimV, token));
      const Matrix a = attended(scoresByDefinition(p, h, tokens), v,
                                spec.causal, spec.scale),
                   b = attended(scoresByDefinition(ordinary, h, tokens), v,
                                spec.causal, spec.scale);
      double headDifference = 0, headSize = 0;
      for (size_t t = 0; t < a.size(); ++t)
        for (size_t d = 0; d < a[t].size(); ++d) {
          headDifference += std::abs(a[t][d] - b[t][d]);
          headSize += std::abs(b[t][d]);
          largest = std::max(largest, std::abs(a[t][d] - b[t][d]));
        }
      EXPECT_NEAR(error->heads[static_cast<size_t>(h)].relative,
                  headDifference / headSize,
                  1e-9 * (1 + headDifference / headSize));
      difference += headDifference;
      size += headSize;
    }
    EXPECT_NEAR(error->layer.relative, difference / size, 1e-9);
    EXPECT_NEAR(error->layer.maximum, largest, 1e-10);
  }
}

TEST(CompareAttention, WeightsAgainstThemselvesAreTheSameToTheLastBit) {
  // Wherever the allocator puts what is computed on the way.
  std::vector<std::vector<char>> holes;
  for (uint64_t seed = 0; seed < 60; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const Layer layer = randomLayer(seed);
    Layer copy = layer;
    copy.wq = *layer.wq.clone();
    copy.wv = *layer.wv.clone();
    for (size_t i = 0; i < 40; ++i)
      holes.emplace_back(16 * (1 + (seed * 7 + i * 5) % 40));
    for (size_t i = seed % 3; i < holes.size(); i += 3)
      holes[i] = {};
    Expected<AttentionError> same =
        compareAttention(layer.spec, copy.weights(), layer.weights(), layer.x);
    ASSERT_TRUE(same) << same.message();
    EXPECT_EQ(same->layer.maximum, 0.0);
    if (same->projected) {
      EXPECT_EQ(same->projected->maximum, 0.0);
    }
  }
}

TEST(CompareAttention, SidesMayShareAndMayNot) {
  // The value projection is computed once where both sides have its bytes, and
  // twice where they do not.
  const Layer layer = [] {
    Layer found = randomLayer(3);
    found.bv = Maker(1).tensor({found.wv.dim(0)});
    return found;
  }();
  const AttentionWeights base = layer.weights();
  Expected<AttentionError> same =
      compareAttention(layer.spec, base, base, layer.x);
  ASSERT_TRUE(same) << same.message();
  EXPECT_EQ(same->layer.maximum, 0.0);
  EXPECT_EQ(same->layer.relative, 0.0);
  AttentionWeights other = base;
  other.bv = nullptr;
  EXPECT_GT(compareAttention(layer.spec, other, base, layer.x)->layer.maximum,
            1e-3);
  const Tensor moved = Maker(2).tensor(layer.wv.shape());
  other = base;
  other.wv = &moved;
  EXPECT_GT(compareAttention(layer.spec, other, base, layer.x)->layer.maximum,
            1e-3);
}

TEST(CompareAttention, Refusals) {
  Layer layer;
  Maker maker(9);
  layer.spec.numHeads = 4;
  layer.spec.numKvHeads = 2;
  layer.channels = 6;
  layer.wq = maker.tensor({12, 6});
  layer.wk = maker.tensor({6, 6});
  layer.wv = maker.tensor({4, 6});
  layer.wo = maker.tensor({5, 8});
  layer.outputs = 5;
  layer.x = maker.tensor({1, 3, 6});
  const AttentionWeights good = layer.weights();
  ASSERT_TRUE(computeAttention(layer.spec, good, layer.x));
  auto refused = [&](const AttentionSpec &spec, const AttentionWeights &w,
                     const Tensor &x, const std::string &text) {
    Expected<AttentionOutput> out = computeAttention(spec, w, x);
    ASSERT_FALSE(out) << text;
    EXPECT_TRUE(says(out.message(), text)) << out.message();
    // The comparison says whose it is.
    Expected<AttentionError> error = compareAttention(spec, good, w, x);
    ASSERT_FALSE(error) << text;
    EXPECT_TRUE(says(error.message(), text)) << error.message();
  };
  auto with = [&](auto change, const std::string &text) {
    AttentionWeights w = good;
    change(w);
    refused(layer.spec, w, layer.x, text);
  };
  const Tensor narrow = maker.tensor({12, 5}), odd = maker.tensor({13, 6}),
               integers = *Tensor::create({12, 6}, ElementType::I32),
               none = *Tensor::create({0, 6}, ElementType::F64);
  with([&](auto &w) { w.wq = nullptr; }, "query weight is missing");
  with([&](auto &w) { w.wq = &narrow; }, "query weight is 12x5xf64");
  with([&](auto &w) { w.wq = &integers; }, "floating point");
  with([&](auto &w) { w.wq = &odd; }, "13 rows");
  with([&](auto &w) { w.wq = &none; }, "0 rows");
  with([&](auto &w) { w.wk = &odd; }, "key weight");
  with([&](auto &w) { w.wv = &odd; }, "value weight has 13 rows");
  with([&](auto &w) { w.bq = &narrow; }, "query bias");
  with([&](auto &w) { w.wo = &narrow; }, "output weight");
  with(
      [&](auto &w) {
        w.wo = nullptr;
        w.bo = &narrow;
      },
      "output bias without");
  AttentionSpec spec = layer.spec;
  spec.numKvHeads = 3;
  refused(spec, good, layer.x, "multiple");
  spec = layer.spec;
  spec.numHeads = 0;
  refused(spec, good, layer.x, "multiple");
  spec = layer.spec;
  spec.rope = RopeStyle::Half;
  spec.rotaryDim = 4;
  refused(spec, good, layer.x, "rotary dim 4 of head dim 3");
  refused(layer.spec, good, maker.tensor({3, 6}), "activations are 3x6xf64");
  refused(layer.spec, good, maker.tensor({0, 3, 6}), "at least one token");
  Tensor infinite = maker.tensor({1, 3, 6});
  infinite.set(0, std::numeric_limits<double>::infinity());
  refused(layer.spec, good, infinite, "not finite");

  AttentionWeights other = good;
  const Tensor wide = maker.tensor({8, 6}), rows = maker.tensor({7, 8});
  other.wv = &wide;
  other.wo = nullptr;
  Expected<AttentionError> error =
      compareAttention(layer.spec, other, good, layer.x);
  ASSERT_FALSE(error);
  EXPECT_TRUE(says(error.message(), "have head dim 4"));
  other = good;
  other.wo = &rows;
  error = compareAttention(layer.spec, other, good, layer.x);
  ASSERT_FALSE(error);
  EXPECT_TRUE(says(error.message(), "7 and 5 rows"));
  other.wq = &narrow;
  error = compareAttention(layer.spec, other, good, layer.x);
  ASSERT_FALSE(error);
  EXPECT_TRUE(says(error.message(), "converted: query weight"));
}

} // namespace
