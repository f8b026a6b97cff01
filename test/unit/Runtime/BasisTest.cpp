//===- BasisTest.cpp - A basis in which the exchanged dims carry least ----===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ra/Runtime/Basis.h"
#include "FoldProblems.h"
#include "TestFiles.h"
#include "ra/Runtime/CompareAttention.h"
#include "gtest/gtest.h"

#include <cmath>
#include <limits>

using namespace ra::runtime;
using namespace ra::runtime::test;

namespace {

Matrix zeros(size_t rows, size_t columns) {
  return Matrix(rows, std::vector<double>(columns, 0.0));
}

/// a^T b.
Matrix transposedTimes(const Matrix &a, const Matrix &b) {
  Matrix c = zeros(a[0].size(), b[0].size());
  for (size_t d = 0; d < a.size(); ++d)
    for (size_t i = 0; i < c.size(); ++i)
      for (size_t j = 0; j < c[i].size(); ++j)
        c[i][j] += a[d][i] * b[d][j];
  return c;
}

Matrix transposed(const Matrix &m) {
  Matrix t = zeros(m[0].size(), m.size());
  for (size_t i = 0; i < m.size(); ++i)
    for (size_t j = 0; j < m[i].size(); ++j)
      t[j][i] = m[i][j];
  return t;
}

/// The inverse by elimination.
Matrix inverted(Matrix m) {
  const size_t n = m.size();
  Matrix inverse = zeros(n, n);
  for (size_t i = 0; i < n; ++i)
    inverse[i][i] = 1.0;
  for (size_t i = 0; i < n; ++i) {
    size_t pivot = i;
    for (size_t r = i; r < n; ++r)
      if (std::abs(m[r][i]) > std::abs(m[pivot][i]))
        pivot = r;
    std::swap(m[i], m[pivot]);
    std::swap(inverse[i], inverse[pivot]);
    const double factor = 1.0 / m[i][i];
    for (size_t c = 0; c < n; ++c) {
      m[i][c] *= factor;
      inverse[i][c] *= factor;
    }
    for (size_t r = 0; r < n; ++r) {
      const double times = m[r][i];
      if (r == i || times == 0.0)
        continue;
      for (size_t c = 0; c < n; ++c) {
        m[r][c] -= times * m[i][c];
        inverse[r][c] -= times * inverse[i][c];
      }
    }
  }
  return inverse;
}

Matrix matrixOf(const Tensor &basis, int64_t head) {
  const int64_t d = basis.dim(1);
  Matrix m = zeros(static_cast<size_t>(d), static_cast<size_t>(d));
  for (int64_t i = 0; i < d; ++i)
    for (int64_t j = 0; j < d; ++j)
      m[static_cast<size_t>(i)][static_cast<size_t>(j)] =
          basis.at((head * d + i) * d + j);
  return m;
}

Matrix identity(int64_t d) {
  Matrix m = zeros(static_cast<size_t>(d), static_cast<size_t>(d));
  for (size_t i = 0; i < m.size(); ++i)
    m[i][i] = 1.0;
  return m;
}

/// What a basis is asked for.
struct BasisProblem {
  BasisSpec spec;
  Problem weights; ///< Of its fold spec, the counts.
  std::optional<Matrix> x;

  Expected<Basis> choose() const {
    std::optional<Tensor> sample;
    if (x) {
      std::vector<double> values;
      for (const std::vector<double> &row : *x)
        values.insert(values.end(), row.begin(), row.end());
      sample = *Tensor::fromDoubles(
          {static_cast<int64_t>(x->size()), weights.inputs}, ElementType::F64,
          values);
    }
    return chooseBasis(
        spec, weights.wq, weights.wk, weights.bq ? &*weights.bq : nullptr,
        weights.bk ? &*weights.bk : nullptr, sample ? &*sample : nullptr);
  }

  int64_t rotated() const {
    return spec.rope == RopeStyle::None ? 0 : spec.rotaryDim;
  }
  int64_t rank(int64_t head) const {
    return spec.ranks[spec.ranks.size() == 1 ? 0 : static_cast<size_t>(head)];
  }
  std::pair<size_t, size_t> pair(int64_t f) const {
    return spec.rope == RopeStyle::Half
               ? std::pair<size_t, size_t>(f, f + spec.rotaryDim / 2)
               : std::pair<size_t, size_t>(2 * f, 2 * f + 1);
  }

  /// The rows [W | b] of a head, in a basis.
  Matrix rows(bool query, int64_t head, const Matrix &basis) const {
    const Tensor &w = query ? weights.wq : weights.wk;
    const std::optional<Tensor> &b = query ? weights.bq : weights.bk;
    const int64_t d = spec.headDim, c = weights.inputs;
    Matrix raw;
    for (int64_t r = head * d; r < (head + 1) * d; ++r) {
      raw.emplace_back();
      for (int64_t i = 0; i < c; ++i)
        raw.back().push_back(w.at(r * c + i));
      raw.back().push_back(b ? b->at(r) : 0.0);
    }
    return transposedTimes(basis, raw);
  }

  /// E[(x, 1) (x, 1)^T], about the mean if `centred`, from the definition: a
  /// mixture of sample and white noise.
  Matrix moment(bool centred) const {
    const auto c = static_cast<size_t>(weights.inputs);
    Matrix m = zeros(c + 1, c + 1);
    const double white = x ? spec.shrinkage : 1.0;
    double squares = 0;
    std::vector<double> mean(c + 1, 0.0);
    mean[c] = m[c][c] = 1.0;
    if (x)
      for (const std::vector<double> &token : *x)
        for (size_t i = 0; i < c; ++i) {
          const double part = (1.0 - white) / static_cast<double>(x->size());
          squares += token[i] * token[i] / static_cast<double>(x->size() * c);
          mean[i] += part * token[i];
          m[i][c] = m[c][i] = mean[i];
          for (size_t j = 0; j < c; ++j)
            m[i][j] += part * token[i] * token[j];
        }
    for (size_t i = 0; i < c; ++i)
      m[i][i] += white * (x ? squares : 1.0);
    if (centred)
      for (size_t i = 0; i <= c; ++i)
        for (size_t j = 0; j <= c; ++j)
          m[i][j] -= mean[i] * mean[j];
    return m;
  }

  /// E[(X^T M Y)^2] for independent X, Y of these moments.
  static double square(const Matrix &m, const Matrix &left,
                       const Matrix &right) {
    double sum = 0;
    const Matrix a = transposedTimes(left, m); // symmetric: left m
    const Matrix b = transposedTimes(m, a);    // m^T left m
    for (size_t i = 0; i < b.size(); ++i)
      for (size_t j = 0; j < b.size(); ++j)
        sum += b[i][j] * right[j][i];
    return sum;
  }

  /// The energy of `dims` of a key head in a basis, summed over its group: dims
  /// that are not rotated as they are, pairs averaged over a grid of angles,
  /// each pair's its own (exact: squares are of degree 2).
  double energy(int64_t kvHead, const Matrix &a, const Matrix &b,
                const std::vector<int64_t> &dims) const {
    const auto size = static_cast<size_t>(weights.inputs + 1);
    const Matrix left = moment(false), right = moment(false),
                 centred = moment(spec.softmaxInvariant);
    const Matrix keys = rows(false, kvHead, b);
    std::vector<int64_t> pairs;
    for (int64_t f = 0; f < rotated() / 2; ++f)
      if (std::find(dims.begin(), dims.end(), pair(f).first) != dims.end())
        pairs.push_back(f);
    double sum = 0;
    for (int64_t j = 0; j < weights.group(); ++j) {
      const Matrix queries = rows(true, kvHead * weights.group() + j, a);
      auto add = [&](Matrix &m, size_t u, size_t v, double factor) {
        for (size_t i = 0; i < size; ++i)
          for (size_t o = 0; o < size; ++o)
            m[i][o] += factor * queries[u][i] * keys[v][o];
      };
      Matrix free = zeros(size, size);
      for (int64_t d : dims)
        if (d >= rotated())
          add(free, d, d, 1.0);
      sum += square(free, left, centred);
      int64_t grid = 1;
      for (size_t i = 0; i < pairs.size(); ++i)
        grid *= 4;
      for (int64_t point = 0; point < grid; ++point) {
        Matrix turned = zeros(size, size);
        int64_t rest = point;
        for (int64_t f : pairs) {
          const double angle = 0.3 + static_cast<double>(rest % 4) * M_PI / 2;
          rest /= 4;
          const auto [u, v] = pair(f);
          add(turned, u, u, std::cos(angle));
          add(turned, v, v, std::cos(angle));
          add(turned, u, v, -std::sin(angle));
          add(turned, v, u, std::sin(angle));
        }
        sum += square(turned, left, right) / static_cast<double>(grid);
      }
    }
    return sum;
  }

  std::vector<int64_t> allDims() const {
    std::vector<int64_t> dims;
    for (int64_t d = 0; d < spec.headDim; ++d)
      dims.push_back(d);
    return dims;
  }

  /// Whether `dims` may be exchanged.
  bool legal(const std::vector<int64_t> &dims) const {
    if (spec.grouped == GroupedMode::Slots && weights.group() > 1)
      return dims.empty() || dims[0] >= rotated();
    return isWholeRotaryPairs(dims, spec.rope, spec.rotaryDim);
  }
};

BasisProblem randomProblem(uint64_t seed) {
  Maker maker(seed);
  BasisProblem p;
  BasisSpec &spec = p.spec;
  spec.numKvHeads = maker.between(1, 2);
  spec.numHeads = spec.numKvHeads * (maker.coin() ? 1 : maker.between(2, 3));
  spec.headDim = maker.between(2, 7);
  spec.grouped = maker.coin() ? GroupedMode::Mean : GroupedMode::Slots;
  spec.softmaxInvariant = maker.coin();
  const bool slots =
      spec.grouped == GroupedMode::Slots && spec.numHeads != spec.numKvHeads;
  if (maker.coin()) {
    spec.rope = maker.coin() ? RopeStyle::Half : RopeStyle::Interleaved;
    spec.rotaryDim =
        2 * maker.between(0, std::min<int64_t>(spec.headDim / 2, 3));
  }
  const int64_t free = spec.headDim - p.rotated();
  auto rank = [&] {
    const int64_t most =
        slots ? std::min(free, spec.headDim - 1) : spec.headDim - 1;
    const int64_t r = maker.between(0, most);
    return free == 0 ? r / 2 * 2 : r;
  };
  spec.ranks = {rank()};
  if (!slots && maker.coin()) {
    const int64_t group = spec.numHeads / spec.numKvHeads;
    spec.ranks.clear();
    for (int64_t g = 0; g < spec.numKvHeads; ++g)
      spec.ranks.insert(spec.ranks.end(), static_cast<size_t>(group), rank());
  }
  Problem &w = p.weights;
  w.spec.numHeads = spec.numHeads;
  w.spec.numKvHeads = spec.numKvHeads;
  w.spec.headDim = spec.headDim;
  // Fewer channels than dims make heads that do not use all their dims.
  w.inputs = maker.between(1, 9);
  w.wq = maker.tensor({spec.numHeads * spec.headDim, w.inputs});
  w.wk = maker.tensor({spec.numKvHeads * spec.headDim, w.inputs});
  if (maker.coin())
    w.bq = maker.tensor({spec.numHeads * spec.headDim});
  if (maker.coin())
    w.bk = maker.tensor({spec.numKvHeads * spec.headDim});
  if (maker.coin()) {
    p.x = maker.activations(maker.between(1, 12), w.inputs);
    spec.shrinkage = maker.coin() ? 0.0 : std::abs(maker.number());
  }
  return p;
}

/// Largest difference between the scores of the original weights and of those
/// in the basis, both rotated, over heads and three tokens.
double scoreError(const BasisProblem &p, const FoldedWeights &inBasis,
                  const Matrix &x) {
  const int64_t d = p.spec.headDim;
  double largest = 0;
  auto at = [&](const Tensor &w, const std::optional<Tensor> &b, int64_t head,
                size_t t) {
    return rotated(project(w, b, head * d, d, x[t]), p.spec.rope,
                   p.spec.rotaryDim, static_cast<int64_t>(t));
  };
  for (int64_t h = 0; h < p.spec.numHeads; ++h)
    for (size_t i = 0; i < x.size(); ++i)
      for (size_t j = 0; j < x.size(); ++j) {
        const int64_t g = h / p.weights.group();
        const double before = dot(at(p.weights.wq, p.weights.bq, h, i),
                                  at(p.weights.wk, p.weights.bk, g, j));
        const double after = dot(at(inBasis.qWeight, inBasis.qBias, h, i),
                                 at(inBasis.kWeight, inBasis.kBias, g, j));
        const double difference = std::abs(before - after);
        if (!(difference <= largest))
          largest = difference;
      }
  return largest;
}

TEST(Basis, RandomProblems) {
  int present = 0, absent = 0, pairsGone = 0, mixed = 0, deficient = 0,
      sampled = 0;
  for (uint64_t seed = 0; seed < 400; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const BasisProblem p = randomProblem(seed);
    Expected<Basis> basis = p.choose();
    ASSERT_TRUE(basis) << basis.message();
    ASSERT_EQ(basis->basisQ.has_value(), basis->basisK.has_value());
    ASSERT_EQ(basis->recDims.size(), static_cast<size_t>(p.spec.numHeads));
    ASSERT_EQ(basis->givenUp.size(), static_cast<size_t>(p.spec.numKvHeads));
    (basis->basisQ ? present : absent) += 1;
    deficient += p.weights.inputs + 1 < p.spec.headDim;
    sampled += p.x.has_value();

    // In the basis, before anything is exchanged, the scores are the old ones.
    Problem moved = p.weights;
    moved.spec.recDims.assign(static_cast<size_t>(p.spec.numHeads), {});
    moved.spec.wStd = moved.spec.wRec = {1.0};
    moved.spec.basisQ = basis->basisQ;
    moved.spec.basisK = basis->basisK;
    Expected<FoldedWeights> inBasis = moved.fold();
    ASSERT_TRUE(inBasis) << inBasis.message();
    Maker maker(seed + 1000000);
    ASSERT_LT(scoreError(p, *inBasis, maker.activations(3, p.weights.inputs)),
              1e-7);
    for (const std::optional<Tensor> *m : {&basis->basisQ, &basis->basisK})
      if (*m) {
        ASSERT_TRUE(commutesWithRotary(**m, p.spec.rope, p.spec.rotaryDim));
      }

    for (int64_t g = 0; g < p.spec.numKvHeads; ++g) {
      const int64_t first = g * p.weights.group();
      const Matrix a = basis->basisQ ? matrixOf(*basis->basisQ, first)
                                     : identity(p.spec.headDim);
      const Matrix b = basis->basisK ? matrixOf(*basis->basisK, g)
                                     : identity(p.spec.headDim);
      const std::vector<int64_t> &dims =
          basis->recDims[static_cast<size_t>(first)];
      ASSERT_EQ(static_cast<int64_t>(dims.size()), p.rank(first));
      ASSERT_TRUE(std::is_sorted(dims.begin(), dims.end()));
      ASSERT_TRUE(p.legal(dims)) << dimsString(dims);
      for (int64_t j = 1; j < p.weights.group(); ++j) {
        ASSERT_EQ(basis->recDims[static_cast<size_t>(first + j)], dims);
        if (basis->basisQ) {
          ASSERT_EQ(matrixOf(*basis->basisQ, first + j), a);
        }
      }
      for (size_t i = 0; i < a.size(); ++i)
        for (size_t j = 0; j < a.size(); ++j) {
          double product = 0;
          for (size_t e = 0; e < a.size(); ++e)
            product += a[i][e] * b[j][e];
          ASSERT_NEAR(product, i == j ? 1.0 : 0.0, 1e-7);
        }

      // What it says it gives up, it does.
      const double total = p.energy(g, a, b, p.allDims());
      const double carried = p.energy(g, a, b, dims);
      ASSERT_NEAR(basis->givenUp[static_cast<size_t>(g)],
                  total > 1e-25 ? carried / total : 0.0, 1e-9);
      // No other dims of this basis carry less ...
      for (uint64_t bits = 0; bits < uint64_t(1) << a.size(); ++bits) {
        std::vector<int64_t> other;
        for (size_t d = 0; d < a.size(); ++d)
          if (bits >> d & 1)
            other.push_back(static_cast<int64_t>(d));
        if (other.size() != dims.size() || !p.legal(other))
          continue;
        ASSERT_GE(p.energy(g, a, b, other), carried - 1e-9 * total)
            << dimsString(other);
      }
      // ... nor do these dims in any basis near it, or far from it.
      for (double size : {1e-3, 1e-1, 1.0}) {
        Matrix mix = identity(p.spec.headDim);
        for (int64_t i = p.rotated(); i < p.spec.headDim; ++i)
          for (int64_t j = p.rotated(); j < p.spec.headDim; ++j)
            mix[i][j] += size * maker.number();
        const Matrix otherA = transposedTimes(transposed(a), mix);
        const Matrix otherB = transposed(inverted(otherA));
        ASSERT_GE(p.energy(g, otherA, otherB, dims), carried - 1e-8 * total);
      }
      const bool anyPair = !dims.empty() && dims[0] < p.rotated();
      pairsGone += anyPair;
      mixed += anyPair && dims.back() >= p.rotated();
    }
  }
  // The problems meet every case that they are meant to meet.
  for (int count : {present, absent, pairsGone, mixed, deficient, sampled})
    EXPECT_GT(count, 20);
}

TEST(Basis, AFoldInTheBasisIsTheFormula) {
  for (uint64_t seed = 0; seed < 60; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    BasisProblem p = randomProblem(5000 + seed);
    p.spec.rope = RopeStyle::None;
    Expected<Basis> basis = p.choose();
    ASSERT_TRUE(basis) << basis.message();
    Maker maker(seed);
    Problem folded = p.weights;
    folded.spec.grouped = p.spec.grouped;
    folded.spec.recDims = basis->recDims;
    folded.spec.basisQ = basis->basisQ;
    folded.spec.basisK = basis->basisK;
    folded.spec.wStd = {std::abs(maker.number())};
    folded.spec.wRec = {std::abs(maker.number())};
    Expected<FoldedWeights> result = folded.fold();
    ASSERT_TRUE(result) << result.message();
    const Matrix x = maker.activations(3, p.weights.inputs);
    for (int64_t h = 0; h < p.spec.numHeads; ++h) {
      const Matrix expected = scoresByDefinition(folded, h, x);
      const Matrix actual = scoresFolded(folded, *result, h, x);
      for (size_t i = 0; i < x.size(); ++i)
        for (size_t j = 0; j < x.size(); ++j)
          ASSERT_NEAR(actual[i][j], expected[i][j], 1e-8);
    }
  }
}

/// One key head with `group` queries, no biases; rows as given.
BasisProblem rowsGiven(const std::vector<Matrix> &queries, const Matrix &keys,
                       int64_t rank) {
  BasisProblem p;
  p.spec.numKvHeads = 1;
  p.spec.numHeads = static_cast<int64_t>(queries.size());
  p.spec.headDim = static_cast<int64_t>(keys.size());
  p.spec.ranks = {rank};
  p.weights.spec.numHeads = p.spec.numHeads;
  p.weights.spec.numKvHeads = 1;
  p.weights.spec.headDim = p.spec.headDim;
  p.weights.inputs = static_cast<int64_t>(keys[0].size());
  std::vector<double> values;
  for (const Matrix &head : queries)
    for (const std::vector<double> &row : head)
      values.insert(values.end(), row.begin(), row.end());
  p.weights.wq =
      *Tensor::fromDoubles({p.spec.numHeads * p.spec.headDim, p.weights.inputs},
                           ElementType::F64, values);
  values.clear();
  for (const std::vector<double> &row : keys)
    values.insert(values.end(), row.begin(), row.end());
  p.weights.wk = *Tensor::fromDoubles({p.spec.headDim, p.weights.inputs},
                                      ElementType::F64, values);
  return p;
}

/// Rows diag(values), in a basis T^-T or, transposed and inverted, T.
Matrix diagonalIn(const Matrix &t, const std::vector<double> &values) {
  Matrix rows = zeros(values.size(), values.size());
  for (size_t i = 0; i < values.size(); ++i)
    rows[i][i] = values[i];
  return transposedTimes(t, rows);
}

TEST(Basis, FindsKnownSingularValues) {
  // Q^T K = diag(4, 3, 2, 1), hidden by a basis change: the last two of four
  // dims carry (4 + 1) of 30.
  Maker maker(3);
  Matrix t = maker.activations(4, 4);
  const Matrix back = transposed(inverted(t));
  BasisProblem p = rowsGiven({diagonalIn(t, {4, 3, 2, 1})},
                             diagonalIn(back, {1, 1, 1, 1}), 2);
  Expected<Basis> basis = p.choose();
  ASSERT_TRUE(basis) << basis.message();
  EXPECT_NEAR(basis->givenUp[0], 5.0 / 30.0, 1e-12);
  EXPECT_EQ(basis->recDims[0], (std::vector<int64_t>{2, 3}));

  // Two heads on one key head: what counts is the sum of their squares,
  // 9 + 0, 0 + 1, 1 + 1, and not what either would choose.
  p = rowsGiven(
      {{{3, 0, 0}, {0, 0, 0}, {0, 0, 1}}, {{0, 0, 0}, {0, 1, 0}, {0, 0, 1}}},
      {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}, 1);
  basis = p.choose();
  ASSERT_TRUE(basis) << basis.message();
  EXPECT_NEAR(basis->givenUp[0], 1.0 / 12.0, 1e-12);
}

TEST(Basis, DimsThatCarryNothingGoFirst) {
  // No query at all; a query of rank 1; one whose key is 0 where it is not.
  Maker maker(4);
  const Matrix full = maker.activations(4, 6), none = zeros(4, 6);
  Matrix one = none, halfQ = full, halfK = full;
  for (size_t d = 0; d < 4; ++d)
    for (size_t c = 0; c < 6; ++c)
      one[d][c] = full[0][d] * full[1][c];
  for (size_t c = 0; c < 6; ++c)
    halfQ[0][c] = halfQ[1][c] = halfK[2][c] = halfK[3][c] = 0.0;
  // The last, hidden by a basis change.
  const Matrix t = maker.activations(4, 4);
  const Matrix mixedQ = transposedTimes(t, halfQ),
               mixedK = transposedTimes(transposed(inverted(t)), halfK);
  for (const auto &[q, k] :
       {std::pair(none, full), std::pair(full, none), std::pair(none, none),
        std::pair(one, full), std::pair(halfQ, halfK),
        std::pair(mixedQ, mixedK)}) {
    // Each dim alone carries nothing, not only all together.
    for (int64_t rank : {1, 2, 3}) {
      const BasisProblem p = rowsGiven({q}, k, rank);
      Expected<Basis> basis = p.choose();
      ASSERT_TRUE(basis) << basis.message();
      ASSERT_TRUE(basis->basisQ && basis->basisK);
      EXPECT_NEAR(basis->givenUp[0], 0.0, 1e-18);
      const Matrix a = matrixOf(*basis->basisQ, 0),
                   b = matrixOf(*basis->basisK, 0);
      EXPECT_NEAR(p.energy(0, a, b, basis->recDims[0]), 0.0, 1e-18);
      for (size_t i = 0; i < 4; ++i)
        for (size_t j = 0; j < 4; ++j) {
          double product = 0;
          for (size_t e = 0; e < 4; ++e)
            product += a[i][e] * b[j][e];
          EXPECT_NEAR(product, i == j ? 1.0 : 0.0, 1e-12);
        }
    }
  }
}

TEST(Basis, SoftmaxDoesNotSeeAKeyBias) {
  Maker maker(11);
  AttentionSpec attention;
  attention.numHeads = attention.numKvHeads = 1;
  attention.scale = 0.25;
  double seen = 0, unseen = 0;
  for (int sample = 0; sample < 10; ++sample) {
    BasisProblem p =
        rowsGiven({maker.activations(16, 24)}, maker.activations(16, 24), 4);
    Expected<Basis> plain = p.choose();
    ASSERT_TRUE(plain) << plain.message();
    p.weights.bk = maker.tensor({16});
    for (int64_t d = 0; d < 16; ++d)
      p.weights.bk->set(d, 20.0 * p.weights.bk->at(d));
    Expected<Basis> invariant = p.choose();
    ASSERT_TRUE(invariant) << invariant.message();
    EXPECT_NEAR(invariant->givenUp[0], plain->givenUp[0], 1e-12);
    p.spec.softmaxInvariant = false;
    Expected<Basis> whole = p.choose();
    ASSERT_TRUE(whole) << whole.message();

    // And so the output is closer.
    const Tensor x = maker.tensor({1, 24, 24}), wv = maker.tensor({16, 24});
    AttentionWeights original{&p.weights.wq, &p.weights.wk, &wv, nullptr,
                              &*p.weights.bk};
    auto error = [&](const Basis &basis) {
      Problem fold = p.weights;
      fold.spec.recDims = basis.recDims;
      fold.spec.basisQ = basis.basisQ;
      fold.spec.basisK = basis.basisK;
      fold.spec.wStd = {1.0};
      fold.spec.wRec = {0.0};
      Expected<FoldedWeights> folded = fold.fold();
      EXPECT_TRUE(folded);
      AttentionWeights converted{&folded->qWeight, &folded->kWeight, &wv,
                                 &*folded->qBias, &*folded->kBias};
      auto result = compareAttention(attention, converted, original, x);
      EXPECT_TRUE(result);
      return result->layer.relative;
    };
    unseen += error(*invariant);
    seen += error(*whole);
  }
  EXPECT_LT(unseen, 0.9 * seen);
}

TEST(Basis, RotationsAndScalingsOfPairsChangeNothing) {
  // Why the rotated block of a basis is the identity: the others that commute
  // change neither term of the scores, nor what a pair carries.
  for (RopeStyle style : {RopeStyle::Half, RopeStyle::Interleaved})
    for (uint64_t seed = 0; seed < 30; ++seed) {
      Maker maker(seed);
      BasisProblem p =
          rowsGiven({maker.activations(6, 5)}, maker.activations(6, 5), 2);
      p.spec.rope = style;
      p.spec.rotaryDim = 4;
      p.weights.bq = maker.tensor({6});
      p.weights.bk = maker.tensor({6});
      Matrix a = identity(6), b = a;
      for (int64_t f = 0; f < 2; ++f) {
        const auto [u, v] = p.pair(f);
        const double r = maker.number(), s = maker.number(),
                     norm = r * r + s * s;
        a[u][u] = a[v][v] = r;
        a[u][v] = -(a[v][u] = s);
        b[u][u] = b[v][v] = r / norm;
        b[u][v] = -(b[v][u] = s / norm);
      }
      auto tensor = [](const Matrix &m) {
        std::vector<double> values;
        for (const std::vector<double> &row : m)
          values.insert(values.end(), row.begin(), row.end());
        return *Tensor::fromDoubles({6, 6}, ElementType::F64, values);
      };
      EXPECT_TRUE(commutesWithRotary(tensor(a), style, 4));
      EXPECT_TRUE(commutesWithRotary(tensor(b), style, 4));
      const size_t u = p.pair(1).first, v = p.pair(1).second;
      const std::vector<int64_t> dims = {static_cast<int64_t>(u),
                                         static_cast<int64_t>(v)};
      EXPECT_NEAR(p.energy(0, a, b, dims),
                  p.energy(0, identity(6), identity(6), dims), 1e-9);

      // Scores with both terms, by loops, after rotation.
      const Matrix x = maker.activations(4, 5);
      auto score = [&](const Matrix &ma, const Matrix &mb, size_t i, size_t j) {
        auto at = [&](bool query, const Matrix &m, size_t t) {
          const Tensor &w = query ? p.weights.wq : p.weights.wk;
          return rotated(
              times(project(w, query ? p.weights.bq : p.weights.bk, 0, 6, x[t]),
                    tensor(m), 0),
              style, 4, static_cast<int64_t>(t));
        };
        const auto qi = at(true, ma, i), qj = at(true, ma, j);
        const auto ki = at(false, mb, i), kj = at(false, mb, j);
        double sum = 0;
        for (size_t d = 0; d < 6; ++d)
          sum += d == u || d == v ? 0.7 * ki[d] * qj[d] : 0.9 * qi[d] * kj[d];
        return sum;
      };
      double mixes = 0;
      Matrix swapped = identity(6);
      std::swap(swapped[p.pair(0).first], swapped[u]);
      std::swap(swapped[p.pair(0).second], swapped[v]);
      EXPECT_FALSE(commutesWithRotary(tensor(swapped), style, 4));
      for (size_t i = 0; i < 4; ++i)
        for (size_t j = 0; j < 4; ++j) {
          const double plain = score(identity(6), identity(6), i, j);
          EXPECT_NEAR(score(a, b, i, j), plain, 1e-9);
          mixes =
              std::max(mixes, std::abs(score(swapped, swapped, i, j) - plain));
        }
      // A permutation of pairs is another matter.
      EXPECT_GT(mixes, 1e-3);
    }
}

TEST(Basis, PairsThatCarryLeastGo) {
  // Pair 0 carries nothing, pair 2 little; the slowest pair of equals goes.
  Maker maker(5);
  Matrix q = maker.activations(8, 12), k = maker.activations(8, 12);
  for (size_t c = 0; c < 12; ++c) {
    q[0][c] = q[4][c] = 0.0;
    k[2][c] *= 1e-3;
    k[6][c] *= 1e-3;
  }
  BasisProblem p = rowsGiven({q}, k, 2);
  p.spec.rope = RopeStyle::Half;
  p.spec.rotaryDim = 8;
  Expected<Basis> basis = p.choose();
  ASSERT_TRUE(basis) << basis.message();
  EXPECT_FALSE(basis->basisQ || basis->basisK);
  EXPECT_EQ(basis->recDims[0], (std::vector<int64_t>{0, 4}));
  p.spec.ranks = {4};
  EXPECT_EQ(p.choose()->recDims[0], (std::vector<int64_t>{0, 2, 4, 6}));
  p.weights.wq = *Tensor::create({8, 12}, ElementType::F64);
  p.spec.ranks = {2};
  EXPECT_EQ(p.choose()->recDims[0], (std::vector<int64_t>{3, 7}));
  p.spec.rope = RopeStyle::Interleaved;
  EXPECT_EQ(p.choose()->recDims[0], (std::vector<int64_t>{6, 7}));
}

TEST(Basis, CommutesWithRotary) {
  auto tensor = [](const Matrix &m) {
    std::vector<double> values;
    for (const std::vector<double> &row : m)
      values.insert(values.end(), row.begin(), row.end());
    const auto d = static_cast<int64_t>(m.size());
    return *Tensor::fromDoubles({1, d, d}, ElementType::F32, values);
  };
  // Interleaved: 0 with 1; half: 0 with 2, over four dims of six.
  const Matrix pair01 = {{2, -3, 0, 0, 0, 0}, {3, 2, 0, 0, 0, 0},
                         {0, 0, 1, 0, 0, 0},  {0, 0, 0, 1, 0, 0},
                         {0, 0, 0, 0, 5, 6},  {0, 0, 0, 0, 7, 8}};
  EXPECT_TRUE(commutesWithRotary(tensor(pair01), RopeStyle::Interleaved, 4));
  EXPECT_FALSE(commutesWithRotary(tensor(pair01), RopeStyle::Half, 4));
  EXPECT_FALSE(commutesWithRotary(tensor(pair01), RopeStyle::Interleaved, 6));
  EXPECT_TRUE(commutesWithRotary(tensor(pair01), RopeStyle::None, 6));
  EXPECT_TRUE(commutesWithRotary(tensor(pair01), RopeStyle::Half, 0));
  Matrix wrong = pair01;
  wrong[0][0] = 1;
  EXPECT_FALSE(commutesWithRotary(tensor(wrong), RopeStyle::Interleaved, 4));
  wrong = pair01;
  wrong[0][1] = 3;
  EXPECT_FALSE(commutesWithRotary(tensor(wrong), RopeStyle::Interleaved, 4));
  wrong = pair01;
  wrong[5][0] = 1;
  EXPECT_FALSE(commutesWithRotary(tensor(wrong), RopeStyle::Interleaved, 4));
  EXPECT_FALSE(commutesWithRotary(tensor(pair01), RopeStyle::Half, 3));
  EXPECT_FALSE(commutesWithRotary(tensor(pair01), RopeStyle::Half, 8));
  EXPECT_FALSE(commutesWithRotary(*Tensor::create({4}, ElementType::F64),
                                  RopeStyle::Half, 2));
}

TEST(Basis, Refusals) {
  Maker maker(6);
  const BasisProblem good = [&] {
    BasisProblem p =
        rowsGiven({maker.activations(6, 5), maker.activations(6, 5)},
                  maker.activations(6, 5), 2);
    p.weights.bq = maker.tensor({12});
    return p;
  }();
  ASSERT_TRUE(good.choose());
  auto refused = [&](const BasisProblem &p, const std::string &text) {
    Expected<Basis> basis = p.choose();
    ASSERT_FALSE(basis) << text;
    EXPECT_TRUE(says(basis.message(), text)) << basis.message();
  };
  auto with = [&](auto change) {
    BasisProblem p = good;
    change(p);
    return p;
  };
  refused(with([](auto &p) { p.spec.ranks = {2, 3}; }), "grouped:");
  refused(with([](auto &p) { p.spec.ranks = {2, 2, 2}; }), "3 ranks");
  refused(with([](auto &p) { p.spec.ranks = {}; }), "0 ranks");
  refused(with([](auto &p) { p.spec.ranks = {6}; }), "rank 6");
  refused(with([](auto &p) { p.spec.ranks = {-1}; }), "rank -1");
  refused(with([](auto &p) { p.spec.numKvHeads = 2; }), "key weight");
  refused(with([](auto &p) { p.spec.numHeads = 3; }), "query weight");
  refused(with([](auto &p) {
            p.spec.numHeads = int64_t(1) << 60;
            p.spec.headDim = 64;
          }),
          "query weight");
  refused(with([](auto &p) { p.spec.shrinkage = 1.5; }), "shrinkage");
  refused(with([](auto &p) {
            p.spec.shrinkage = std::numeric_limits<double>::quiet_NaN();
          }),
          "shrinkage");
  auto rope = [](int64_t dim, std::vector<int64_t> ranks, GroupedMode mode) {
    return [=](auto &p) {
      p.spec.rope = RopeStyle::Half;
      p.spec.rotaryDim = dim;
      p.spec.ranks = ranks;
      p.spec.grouped = mode;
    };
  };
  refused(with(rope(3, {2}, GroupedMode::Mean)), "rotary: rotary dim 3");
  refused(with(rope(8, {2}, GroupedMode::Mean)), "rotary: rotary dim 8");
  refused(with(rope(6, {3}, GroupedMode::Mean)), "an even rank");
  refused(with(rope(4, {3}, GroupedMode::Slots)), "at most 2, or gqa = mean");
  EXPECT_TRUE(with(rope(4, {3}, GroupedMode::Mean)).choose());
  EXPECT_TRUE(with(rope(4, {2}, GroupedMode::Slots)).choose());
  refused(with([](auto &p) {
            p.weights.wq = *p.weights.wq.clone();
            p.weights.wq.set(3, std::numeric_limits<double>::infinity());
          }),
          "query head 0 has values that are not finite");
  refused(with([](auto &p) {
            p.weights.wq = *p.weights.wq.clone();
            p.weights.wq.set(3, 1e200);
          }),
          "overflow");
  refused(with([](auto &p) { p.x = Matrix{}; }), "at least one token");
  refused(with([](auto &p) {
            p.x = Matrix(1, std::vector<double>(5, std::nan("")));
          }),
          "activations have values that are not finite");
  refused(with([&](auto &p) { p.weights.wk = maker.tensor({6, 4}); }),
          "5 and 4 channels");
  refused(with([&](auto &p) { p.weights.bq = maker.tensor({11}); }),
          "query bias");
  refused(with([&](auto &p) {
            p.weights.bq = *Tensor::create({12}, ElementType::I32);
          }),
          "query bias");
}

} // namespace
