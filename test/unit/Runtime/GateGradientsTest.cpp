//===- GateGradientsTest.cpp - Gradients of folded gates ------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The gradients that the library takes from the folded weights' are held
// against central differences of the loss of open-coded attention, in which the
// gates stand as in the formula and nothing is folded. The folded weights'
// gradients are those of the same loss of ordinary attention, written out here.
//
//===----------------------------------------------------------------------===//

#include "ra/Runtime/GateGradients.h"
#include "FoldProblems.h"
#include "TestFiles.h"
#include "gtest/gtest.h"

#include <cmath>

using namespace ra::runtime;
using namespace ra::runtime::test;

namespace {

constexpr int64_t kTokens = 4, kValueDim = 3;

/// A problem with tokens, and a loss on the outputs of all heads: sum of
/// weight * output + output^2 / 2.
struct Training {
  Problem problem;
  Matrix x;
  std::vector<Matrix> values, weights; ///< Per head, [T, Dv].

  explicit Training(uint64_t seed) : Training(Maker(seed).problem(), seed) {}
  Training(Problem p, uint64_t seed) : problem(std::move(p)) {
    Maker maker(seed + 77);
    x = maker.activations(kTokens, problem.inputs);
    for (int64_t h = 0; h < problem.spec.numHeads; ++h) {
      values.push_back(maker.activations(kTokens, kValueDim));
      weights.push_back(maker.activations(kTokens, kValueDim));
    }
  }

  double scale() const {
    return 1.0 / std::sqrt(static_cast<double>(problem.spec.headDim));
  }

  /// The loss, and with `gradient` dL/dscore of one head.
  double headLoss(int64_t head, const Matrix &scores,
                  Matrix *gradient = nullptr) const {
    const Matrix &v = values[static_cast<size_t>(head)];
    const Matrix out = attended(scores, v, /*causal=*/true, scale());
    double loss = 0;
    Matrix outGradient = out;
    for (size_t t = 0; t < out.size(); ++t)
      for (size_t d = 0; d < out[t].size(); ++d) {
        const double w = weights[static_cast<size_t>(head)][t][d];
        loss += w * out[t][d] + 0.5 * out[t][d] * out[t][d];
        outGradient[t][d] = w + out[t][d];
      }
    if (!gradient)
      return loss;
    // d softmax: p_ij (g_ij - sum_k p_ik g_ik), g_ij = <dout_i, v_j>.
    *gradient = scores;
    for (size_t i = 0; i < scores.size(); ++i) {
      double sum = 0, mean = 0;
      for (size_t j = 0; j <= i; ++j)
        sum += std::exp(scale() * scores[i][j]);
      for (size_t j = 0; j <= i; ++j)
        mean +=
            std::exp(scale() * scores[i][j]) / sum * dot(outGradient[i], v[j]);
      for (size_t j = 0; j < scores.size(); ++j)
        (*gradient)[i][j] = j > i
                                ? 0.0
                                : scale() * std::exp(scale() * scores[i][j]) /
                                      sum * (dot(outGradient[i], v[j]) - mean);
    }
    return loss;
  }

  /// The loss of the formula with other gates.
  double loss(const std::vector<double> &wStd,
              const std::vector<double> &wRec) const {
    Problem moved = problem;
    moved.spec.wStd = wStd;
    moved.spec.wRec = wRec;
    double sum = 0;
    for (int64_t h = 0; h < moved.spec.numHeads; ++h)
      sum += headLoss(h, scoresByDefinition(moved, h, x));
    return sum;
  }

  struct Gradients {
    Tensor qWeight, kWeight, qBias, kBias;
    FoldedGradients refer(bool biases) const {
      return {&qWeight, &kWeight, biases ? &qBias : nullptr,
              biases ? &kBias : nullptr};
    }
  };

  /// dL/d(folded weights), by the chain rule through ordinary attention.
  Gradients foldedGradients(const FoldedWeights &folded) const {
    const FoldSpec &spec = problem.spec;
    const int64_t d = foldedHeadDim(spec), c = problem.inputs;
    Gradients g{*Tensor::create({spec.numHeads * d, c}, ElementType::F64),
                *Tensor::create({spec.numKvHeads * d, c}, ElementType::F64),
                *Tensor::create({spec.numHeads * d}, ElementType::F64),
                *Tensor::create({spec.numKvHeads * d}, ElementType::F64)};
    auto add = [&](Tensor &weight, Tensor &bias, int64_t row, double factor,
                   const std::vector<double> &token) {
      for (int64_t i = 0; i < c; ++i)
        weight.set(row * c + i, weight.at(row * c + i) +
                                    factor * token[static_cast<size_t>(i)]);
      bias.set(row, bias.at(row) + factor);
    };
    for (int64_t h = 0; h < spec.numHeads; ++h) {
      const int64_t kv = h / problem.group();
      Matrix gradient;
      headLoss(h, scoresFolded(problem, folded, h, x), &gradient);
      for (size_t i = 0; i < x.size(); ++i)
        for (size_t j = 0; j < x.size(); ++j) {
          const std::vector<double> q = project(folded.qWeight, folded.qBias,
                                                h * d, d, x[i]),
                                    k = project(folded.kWeight, folded.kBias,
                                                kv * d, d, x[j]);
          for (int64_t e = 0; e < d; ++e) {
            const auto at = static_cast<size_t>(e);
            add(g.qWeight, g.qBias, h * d + e, gradient[i][j] * k[at], x[i]);
            add(g.kWeight, g.kBias, kv * d + e, gradient[i][j] * q[at], x[j]);
          }
        }
    }
    return g;
  }

  Expected<GateGradients> gradients() const {
    Expected<FoldedWeights> folded = problem.fold();
    EXPECT_TRUE(folded) << folded.message();
    const Gradients g = foldedGradients(*folded);
    return gateGradients(problem.spec, problem.wq, problem.wk,
                         problem.bq ? &*problem.bq : nullptr,
                         problem.bk ? &*problem.bk : nullptr,
                         g.refer(folded->qBias.has_value()));
  }

  /// Checks each gate's gradient against a central difference, and gives the
  /// largest.
  double check(const GateGradients &actual) const {
    double largest = 0;
    EXPECT_EQ(actual.wStd.size(), problem.spec.wStd.size());
    EXPECT_EQ(actual.wRec.size(), problem.spec.wRec.size());
    for (bool rec : {false, true})
      for (size_t i = 0; i < (rec ? actual.wRec : actual.wStd).size(); ++i) {
        constexpr double step = 1e-5;
        auto at = [&](double move) {
          std::vector<double> wStd = problem.spec.wStd,
                              wRec = problem.spec.wRec;
          (rec ? wRec : wStd)[i] += move;
          return loss(wStd, wRec);
        };
        const double expected = (at(step) - at(-step)) / (2 * step);
        const double got = (rec ? actual.wRec : actual.wStd)[i];
        // Differences of numbers near 10 over 2e-5 carry about 1e-10, and the
        // third derivative about as much.
        EXPECT_NEAR(got, expected, 2e-7 * std::max(1.0, std::abs(expected)))
            << (rec ? "w_rec " : "w_std ") << i;
        largest = std::max(largest, std::abs(expected));
      }
    return largest;
  }
};

TEST(GateGradients, QuerySplitAgreesWithDifferences) {
  int grouped = 0, slots = 0, shared = 0, projections = 0, bases = 0,
      biases = 0, rankZero = 0;
  for (uint64_t seed = 0; seed < 150; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Training training(seed);
    FoldSpec &spec = training.problem.spec;
    spec.gateSplit = GateSplit::Query;
    // Some gates are exactly 0; the derivative is there.
    if (seed % 3 == 0)
      spec.wRec[0] = 0.0;
    if (seed % 4 == 0)
      spec.wStd[0] = 0.0;
    Expected<GateGradients> actual = training.gradients();
    ASSERT_TRUE(actual) << actual.message();
    training.check(*actual);
    if (testing::Test::HasFailure())
      return;
    const bool group = training.problem.group() > 1;
    grouped += group;
    slots += group && spec.grouped == GroupedMode::Slots;
    shared += spec.wStd.size() == 1 && spec.numHeads > 1;
    projections += spec.projection.has_value();
    bases += spec.basisQ || spec.basisK;
    biases += training.problem.bq || training.problem.bk;
    for (const std::vector<int64_t> &dims : spec.recDims)
      rankZero += dims.empty();
  }
  // The problems meet every case that they are meant to meet.
  for (int count :
       {grouped, slots, shared, projections, bases, biases, rankZero})
    EXPECT_GT(count, 10);
}

TEST(GateGradients, SymmetricSplitAgreesWithDifferences) {
  int perHead = 0, grouped = 0, slots = 0, refused = 0;
  for (uint64_t seed = 300; seed < 500; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Training training(seed);
    FoldSpec &spec = training.problem.spec;
    if (spec.gateSplit != GateSplit::Symmetric)
      continue;
    for (std::vector<double> *gates : {&spec.wStd, &spec.wRec})
      for (double &gate : *gates)
        gate = std::abs(gate) + 0.1;
    const bool group = training.problem.group() > 1;
    const bool inSlots = group && spec.grouped == GroupedMode::Slots;
    Expected<GateGradients> actual = training.gradients();
    if (!actual) {
      // Only a head's own gate on rows that a group shares.
      EXPECT_TRUE(group &&
                  (spec.wStd.size() > 1 || (!inSlots && spec.wRec.size() > 1)));
      EXPECT_TRUE(says(actual.message(), "grouped: the symmetric split ties"))
          << actual.message();
      ++refused;
      continue;
    }
    training.check(*actual);
    if (testing::Test::HasFailure())
      return;
    perHead += spec.wStd.size() > 1;
    grouped += group && !inSlots;
    slots += inSlots && spec.wRec.size() > 1;
  }
  for (int count : {perHead, grouped, slots, refused})
    EXPECT_GT(count, 3);
}

TEST(GateGradients, GradientsInSixteenBitsAreReadAsTheyAre) {
  Training training(1);
  training.problem.spec.gateSplit = GateSplit::Query;
  const Expected<FoldedWeights> folded = training.problem.fold();
  ASSERT_TRUE(folded);
  const Training::Gradients exact = training.foldedGradients(*folded);
  Training::Gradients stored{*exact.qWeight.convertTo(ElementType::BF16),
                             *exact.kWeight.convertTo(ElementType::BF16),
                             *exact.qBias.convertTo(ElementType::BF16),
                             *exact.kBias.convertTo(ElementType::BF16)};
  Training::Gradients widened{*stored.qWeight.convertTo(ElementType::F64),
                              *stored.kWeight.convertTo(ElementType::F64),
                              *stored.qBias.convertTo(ElementType::F64),
                              *stored.kBias.convertTo(ElementType::F64)};
  const Problem &p = training.problem;
  auto run = [&](const Training::Gradients &g) {
    return gateGradients(p.spec, p.wq, p.wk, p.bq ? &*p.bq : nullptr,
                         p.bk ? &*p.bk : nullptr,
                         g.refer(folded->qBias.has_value()));
  };
  EXPECT_EQ(run(stored)->wStd, run(widened)->wStd);
  EXPECT_EQ(run(stored)->wRec, run(widened)->wRec);
  EXPECT_NE(run(stored)->wStd, run(exact)->wStd);
}

/// Two ungrouped heads with biases, rank 2 of 4.
Training plain() {
  Maker maker(12);
  Problem p;
  p.spec.numHeads = p.spec.numKvHeads = 2;
  p.spec.headDim = 4;
  p.spec.recDims = {{2, 3}, {}};
  p.spec.wStd = {0.9, 0.8};
  p.spec.wRec = {0.1, 0.0};
  p.inputs = 5;
  p.wq = maker.tensor({8, 5});
  p.wk = maker.tensor({8, 5});
  p.bq = maker.tensor({8});
  return Training(p, 3);
}

TEST(GateGradients, TheComparisonSeesEachMistake) {
  Training training = plain();
  training.problem.spec.gateSplit = GateSplit::Query;
  const Problem &p = training.problem;
  Expected<FoldedWeights> folded = p.fold();
  ASSERT_TRUE(folded);
  const Training::Gradients g = training.foldedGradients(*folded);
  auto of = [&](const FoldSpec &spec, const Tensor &wq, const Tensor &wk,
                const Tensor &bq) {
    return *gateGradients(spec, wq, wk, &bq, nullptr, g.refer(true));
  };
  const GateGradients right = of(p.spec, p.wq, p.wk, *p.bq);
  EXPECT_GT(training.check(right), 1e-2);
  EXPECT_EQ(right.wRec[1], 0.0);
  FoldSpec wrong = p.spec;
  wrong.recDims = {{1, 3}, {}};
  const Tensor zero = *Tensor::create({8}, ElementType::F64);
  for (const GateGradients &other :
       {of(wrong, p.wq, p.wk, *p.bq), of(p.spec, p.wk, p.wq, *p.bq),
        of(p.spec, p.wq, p.wk, zero)}) {
    EXPECT_GT(std::abs(other.wStd[0] - right.wStd[0]) +
                  std::abs(other.wRec[0] - right.wRec[0]),
              1e-3);
  }
}

TEST(GateGradients, Refusals) {
  Training training = plain();
  Problem &p = training.problem;
  auto refused = [&](const std::string &text) {
    Expected<GateGradients> result = training.gradients();
    ASSERT_FALSE(result) << text;
    EXPECT_TRUE(says(result.message(), text)) << result.message();
  };
  // The second head has no rank: its w_rec of 0 is not a gate.
  EXPECT_TRUE(training.gradients());
  p.spec.wRec[0] = 0.0;
  refused("gate: w_rec of head 0 is 0");
  p.spec.wRec = {0.0};
  refused("gate: w_rec is 0");
  p.spec.recDims = {{}, {}};
  EXPECT_TRUE(training.gradients());
  p.spec.wStd = {0.5, 0.0};
  refused("w_std of head 1 is 0");
  refused("legal: gate_split = query");
  p.spec.gateSplit = GateSplit::Query;
  EXPECT_TRUE(training.gradients());

  const Expected<FoldedWeights> folded = p.fold();
  ASSERT_TRUE(folded);
  const Training::Gradients g = training.foldedGradients(*folded);
  auto with = [&](FoldedGradients gradients, const std::string &text,
                  GateSplit split = GateSplit::Query) {
    FoldSpec spec = p.spec;
    spec.gateSplit = split;
    spec.wStd = {1.0};
    Expected<GateGradients> result =
        gateGradients(spec, p.wq, p.wk, &*p.bq, nullptr, gradients);
    ASSERT_FALSE(result) << text;
    EXPECT_TRUE(says(result.message(), text)) << result.message();
  };
  with({nullptr, nullptr, &g.qBias, nullptr}, "query weight is missing");
  with({&g.qWeight, nullptr, nullptr, nullptr}, "query bias is missing");
  with({&g.qBias, nullptr, &g.qBias, nullptr}, "query weight is 8xf64");
  const Tensor integers = *Tensor::create({8, 5}, ElementType::I32);
  with({&integers, nullptr, &g.qBias, nullptr}, "floating point");
  with({&g.qWeight, nullptr, &g.qBias, nullptr}, "key weight is missing",
       GateSplit::Symmetric);
  with({&g.qWeight, &g.kWeight, &g.qBias, nullptr}, "key bias is missing",
       GateSplit::Symmetric);
  p.spec.wStd = {1, 2, 3};
  Expected<GateGradients> bad =
      gateGradients(p.spec, p.wq, p.wk, nullptr, nullptr, g.refer(false));
  ASSERT_FALSE(bad);
  EXPECT_TRUE(says(bad.message(), "3 numbers for 2 heads"));
}

} // namespace
