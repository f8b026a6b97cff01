//===- GateStatisticsTest.cpp - What gates are, and what they weigh -------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ra/Runtime/GateStatistics.h"
#include "FoldProblems.h"
#include "TestFiles.h"
#include "gtest/gtest.h"

#include <cmath>

using namespace ra::runtime;
using namespace ra::runtime::test;

namespace {

TEST(GateStatistics, Summaries) {
  Summary s = summarize({2, 4, 4, 4, 5, 5, 7, 9});
  EXPECT_EQ(s.count, 8);
  EXPECT_DOUBLE_EQ(s.mean, 5.0);
  EXPECT_DOUBLE_EQ(s.min, 2.0);
  EXPECT_DOUBLE_EQ(s.max, 9.0);
  EXPECT_DOUBLE_EQ(s.std, std::sqrt(32.0 / 7.0)); // n - 1
  s = summarize({-0.5});
  EXPECT_EQ(s.count, 1);
  EXPECT_EQ(s.mean, -0.5);
  EXPECT_EQ(s.min, -0.5);
  EXPECT_EQ(s.max, -0.5);
  EXPECT_EQ(s.std, 0.0);
  s = summarize({});
  EXPECT_EQ(s.count, 0);
  EXPECT_EQ(s.std, 0.0);
  // Two passes: no cancellation far from 0.
  EXPECT_NEAR(summarize({1e9, 1e9 + 1, 1e9 + 2}).std, 1.0, 1e-12);
}

TEST(GateStatistics, GatesOfHeads) {
  FoldSpec spec;
  spec.numHeads = spec.numKvHeads = 3;
  spec.headDim = 4;
  spec.recDims = {{3}, {}, {2, 3}};
  spec.wStd = {0.9};
  spec.wRec = {0.1, 0.2, 0.3};
  EXPECT_EQ(headGates(spec).wStd, (std::vector<double>{0.9, 0.9, 0.9}));
  EXPECT_EQ(headGates(spec).wRec, (std::vector<double>{0.1, 0.3}));
}

/// M[a][b] += factor * left[a] * right[b].
void addOuter(Matrix &m, const std::vector<double> &left,
              const std::vector<double> &right, double factor) {
  m.resize(left.size(), std::vector<double>(right.size(), 0.0));
  for (size_t a = 0; a < left.size(); ++a)
    for (size_t b = 0; b < right.size(); ++b)
      m[a][b] += factor * left[a] * right[b];
}

double square(const Matrix &m) {
  double sum = 0;
  for (const std::vector<double> &row : m)
    sum += dot(row, row);
  return sum;
}

/// The rows [W | b] of a head in the basis: dim d is the row of what x = e_c,
/// or 1, gives.
Matrix headRows(const Problem &p, bool query, int64_t head) {
  const FoldSpec &spec = p.spec;
  const Tensor &w = query ? p.wq : p.wk;
  const std::optional<Tensor> &b = query ? p.bq : p.bk;
  const std::optional<Tensor> &basis = query ? spec.basisQ : spec.basisK;
  const int64_t d = spec.headDim;
  Matrix rows(static_cast<size_t>(d));
  for (int64_t c = 0; c <= p.inputs; ++c) {
    std::vector<double> column;
    for (int64_t r = head * d; r < (head + 1) * d; ++r)
      column.push_back(c < p.inputs ? w.at(r * p.inputs + c)
                       : b          ? b->at(r)
                                    : 0.0);
    if (basis)
      column = times(column, *basis, head);
    for (size_t r = 0; r < rows.size(); ++r)
      rows[r].push_back(column[r]);
  }
  return rows;
}

/// P^T rows, or rows `dims`.
Matrix lowRows(const Problem &p, const Matrix &rows, int64_t head) {
  const std::vector<int64_t> &dims = p.spec.recDims[static_cast<size_t>(head)];
  Matrix low;
  for (size_t r = 0; r < dims.size(); ++r) {
    if (!p.spec.projection) {
      low.push_back(rows[static_cast<size_t>(dims[r])]);
      continue;
    }
    const Tensor &m = *p.spec.projection;
    const auto rank = static_cast<int64_t>(dims.size());
    const int64_t base = m.rank() == 3 ? head * p.spec.headDim * rank : 0;
    std::vector<double> row(rows[0].size(), 0.0);
    for (size_t d = 0; d < rows.size(); ++d)
      for (size_t c = 0; c < row.size(); ++c)
        row[c] += m.at(base + static_cast<int64_t>(d) * rank +
                       static_cast<int64_t>(r)) *
                  rows[d][c];
    low.push_back(row);
  }
  return low;
}

TEST(GateStatistics, SharesAgreeWithLoops) {
  int grouped = 0, projections = 0, bases = 0, slots = 0;
  for (uint64_t seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const Problem p = Maker(seed).problem();
    const FoldSpec &spec = p.spec;
    Expected<std::vector<HeadEnergy>> shares = headEnergies(
        spec, p.wq, p.wk, p.bq ? &*p.bq : nullptr, p.bk ? &*p.bk : nullptr);
    ASSERT_TRUE(shares) << shares.message();
    ASSERT_EQ(static_cast<int64_t>(shares->size()), spec.numHeads);
    for (int64_t h = 0; h < spec.numHeads; ++h) {
      const auto at = static_cast<size_t>(h);
      const int64_t g = h / p.group();
      const std::vector<int64_t> &dims = spec.recDims[at];
      const Matrix q = headRows(p, true, h), k = headRows(p, false, g);
      auto gate = [&](const std::vector<double> &w) {
        return w.size() == 1 ? w[0] : w[at];
      };
      Matrix whole, low, converted, reciprocal;
      for (Matrix *m : {&whole, &low, &converted, &reciprocal})
        addOuter(*m, q[0], k[0], 0.0);
      for (size_t d = 0; d < q.size(); ++d) {
        const bool gone = std::find(dims.begin(), dims.end(),
                                    static_cast<int64_t>(d)) != dims.end();
        addOuter(whole, q[d], k[d], 1.0);
        addOuter(gone ? low : converted, q[d], k[d],
                 gone ? 1.0 : gate(spec.wStd));
      }
      const Matrix asks = lowRows(p, k, h);
      for (int64_t j = 0; j < p.group(); ++j) {
        const int64_t other = g * p.group() + j;
        if (spec.grouped == GroupedMode::Slots && other != h)
          continue;
        const double part = spec.grouped == GroupedMode::Slots
                                ? 1.0
                                : 1.0 / static_cast<double>(p.group());
        const Matrix answers = lowRows(p, headRows(p, true, other), other);
        for (size_t r = 0; r < dims.size(); ++r) {
          addOuter(reciprocal, asks[r], answers[r], part * gate(spec.wRec));
          addOuter(converted, asks[r], answers[r], part * gate(spec.wRec));
        }
      }
      ASSERT_NEAR((*shares)[at].lowShare, square(low) / square(whole),
                  1e-9 * (1 + square(low) / square(whole)));
      const double share = square(converted) == 0.0
                               ? 0.0
                               : square(reciprocal) / square(converted);
      ASSERT_NEAR((*shares)[at].reciprocalShare, share, 1e-8 * (1 + share));
    }
    grouped += p.group() > 1;
    slots += p.group() > 1 && spec.grouped == GroupedMode::Slots;
    projections += spec.projection.has_value();
    bases += spec.basisQ || spec.basisK;
  }
  for (int count : {grouped, slots, projections, bases})
    EXPECT_GT(count, 20);
}

TEST(GateStatistics, SharesUnderRotaryAreMeansOverAngles) {
  // One head of 5 dims, pairs (0, 2) and (1, 3) by `half`, dim 4 free; the
  // angles of the pairs run over a grid that averages squares exactly.
  for (uint64_t seed = 0; seed < 40; ++seed) {
    Maker maker(seed);
    Problem p;
    p.spec.numHeads = p.spec.numKvHeads = 1;
    p.spec.headDim = 5;
    p.spec.recDims = {seed % 2 == 0 ? std::vector<int64_t>{1, 3}
                                    : std::vector<int64_t>{1, 3, 4}};
    p.spec.gateSplit = GateSplit::Query;
    p.spec.wStd = {maker.number()};
    p.spec.wRec = {maker.number()};
    p.inputs = 6;
    p.wq = maker.tensor({5, 6});
    p.wk = maker.tensor({5, 6});
    p.bq = maker.tensor({5});
    p.bk = maker.tensor({5});
    const Matrix q = headRows(p, true, 0), k = headRows(p, false, 0);
    double whole = 0, low = 0, converted = 0, reciprocal = 0;
    for (int first = 0; first < 4; ++first)
      for (int second = 0; second < 4; ++second) {
        // left^T R right over `dims`.
        auto part = [&](const Matrix &left, const Matrix &right,
                        const std::vector<size_t> &dims, double factor,
                        Matrix &m) {
          for (size_t d : dims) {
            if (d == 4) {
              addOuter(m, left[d], right[d], factor);
              continue;
            }
            const double angle = 0.7 + (d % 2 == 0 ? first : second) * M_PI / 2;
            const size_t u = d % 2, v = u + 2;
            const double c = std::cos(angle), s = std::sin(angle);
            addOuter(m, left[d], right[u], factor * (d == u ? c : s));
            addOuter(m, left[d], right[v], factor * (d == u ? -s : c));
          }
        };
        std::vector<size_t> kept = {0, 2}, gone = {1, 3};
        (seed % 2 == 0 ? kept : gone).push_back(4);
        Matrix w, l, c, r;
        part(q, k, kept, 1.0, w);
        part(q, k, gone, 1.0, w);
        part(q, k, gone, 1.0, l);
        part(q, k, kept, p.spec.wStd[0], c);
        part(k, q, gone, p.spec.wRec[0], c);
        part(k, q, gone, p.spec.wRec[0], r);
        whole += square(w);
        low += square(l);
        converted += square(c);
        reciprocal += square(r);
      }
    Expected<std::vector<HeadEnergy>> shares =
        headEnergies(p.spec, p.wq, p.wk, &*p.bq, &*p.bk, RopeStyle::Half, 4);
    ASSERT_TRUE(shares) << shares.message();
    EXPECT_NEAR((*shares)[0].lowShare, low / whole, 1e-10);
    EXPECT_NEAR((*shares)[0].reciprocalShare, reciprocal / converted, 1e-10);
    // Not what they are without rotation.
    EXPECT_GT(
        std::abs(
            (*headEnergies(p.spec, p.wq, p.wk, &*p.bq, &*p.bk))[0].lowShare -
            low / whole),
        1e-6);
  }
}

TEST(GateStatistics, Refusals) {
  Maker maker(8);
  FoldSpec spec;
  spec.numHeads = spec.numKvHeads = 2;
  spec.headDim = 4;
  spec.recDims = {{2, 3}, {2, 3}};
  const Tensor wq = maker.tensor({8, 3}), wk = maker.tensor({8, 3});
  auto refused = [&](const FoldSpec &s, const Tensor &q, RopeStyle rope,
                     int64_t dim, const std::string &text) {
    auto result = headEnergies(s, q, wk, nullptr, nullptr, rope, dim);
    ASSERT_FALSE(result) << text;
    EXPECT_TRUE(says(result.message(), text)) << result.message();
  };
  ASSERT_TRUE(headEnergies(spec, wq, wk, nullptr, nullptr));
  refused(spec, wq, RopeStyle::Half, 4, "rotary: head 0");
  refused(spec, wq, RopeStyle::Half, 6, "rotary dim 6");
  refused(spec, wq, RopeStyle::Half, -2, "rotary dim -2");
  refused(spec, maker.tensor({8, 2}), RopeStyle::None, 0, "2 and 3 channels");
  refused(spec, maker.tensor({6, 3}), RopeStyle::None, 0, "query weight");
  FoldSpec bad = spec;
  bad.recDims = {{1, 3}, {1, 3}};
  ASSERT_TRUE(headEnergies(bad, wq, wk, nullptr, nullptr, RopeStyle::Half, 4));
  bad.basisQ = maker.tensor({4, 4});
  refused(bad, wq, RopeStyle::Half, 4, "basis");
  bad.wStd = {1, 2, 3};
  refused(bad, wq, RopeStyle::None, 0, "3 numbers");
  // Weights of 0 have no shares, not shares that are not numbers.
  const Tensor zero = *Tensor::create({8, 3}, ElementType::F64);
  EXPECT_EQ((*headEnergies(spec, zero, wk, nullptr, nullptr))[0].lowShare, 0.0);
  spec.wRec = spec.wStd = {0.0};
  EXPECT_EQ((*headEnergies(spec, wq, wk, nullptr, nullptr))[0].reciprocalShare,
            0.0);
}

} // namespace
