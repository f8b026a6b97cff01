//===- FoldProblems.h - Random folds and their scores, by loops -*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What the tests of folds, gradients, statistics and comparisons hold the
// library against: f64 loops written from the formula, with none of its code.
//
//===----------------------------------------------------------------------===//

#ifndef RA_TEST_UNIT_RUNTIME_FOLDPROBLEMS_H
#define RA_TEST_UNIT_RUNTIME_FOLDPROBLEMS_H

#include "ra/Runtime/FoldWeights.h"

#include <algorithm>
#include <optional>
#include <random>
#include <vector>

namespace ra::runtime::test {

using Matrix = std::vector<std::vector<double>>;

/// Weights, and what to fold of them.
struct Problem {
  FoldSpec spec;
  int64_t inputs = 0;
  Tensor wq, wk;
  std::optional<Tensor> bq, bk;

  int64_t group() const { return spec.numHeads / spec.numKvHeads; }
  Expected<FoldedWeights> fold() const {
    return foldWeights(spec, wq, wk, bq ? &*bq : nullptr, bk ? &*bk : nullptr);
  }
};

/// Random numbers in [-1, 1], and what can be made of them.
class Maker {
public:
  explicit Maker(uint64_t seed) : random(seed) {}

  double number() { return std::uniform_real_distribution<>(-1, 1)(random); }
  int64_t between(int64_t low, int64_t high) {
    return std::uniform_int_distribution<int64_t>(low, high)(random);
  }
  bool coin() { return between(0, 1) == 1; }

  Tensor tensor(const Shape &shape, ElementType type = ElementType::F64) {
    Tensor result = *Tensor::create(shape, type);
    for (int64_t i = 0; i < result.numElements(); ++i)
      result.set(i, number());
    return result;
  }

  std::vector<int64_t> subset(int64_t headDim, int64_t rank) {
    std::vector<int64_t> dims;
    dims.reserve(static_cast<size_t>(headDim));
    for (int64_t d = 0; d < headDim; ++d)
      dims.push_back(d);
    std::shuffle(dims.begin(), dims.end(), random);
    dims.resize(static_cast<size_t>(rank));
    std::sort(dims.begin(), dims.end());
    return dims;
  }

  /// A random problem that the rules allow.
  Problem problem();

  Matrix activations(int64_t rows, int64_t inputs) {
    Matrix x(static_cast<size_t>(rows));
    for (std::vector<double> &row : x)
      for (int64_t c = 0; c < inputs; ++c)
        row.push_back(number());
    return x;
  }

private:
  std::mt19937_64 random;
};

/// W x + b for outputs [first, first + count).
std::vector<double> project(const Tensor &w, const std::optional<Tensor> &b,
                            int64_t first, int64_t count,
                            const std::vector<double> &x);

/// y = x M for M [rows, columns] at `index` of a shared or per-head matrix.
std::vector<double> times(const std::vector<double> &x, const Tensor &m,
                          int64_t index);

/// The sum of products.
double dot(const std::vector<double> &a, const std::vector<double> &b);

/// Scores of head h by the definition: open-coded, on activations.
Matrix scoresByDefinition(const Problem &p, int64_t h, const Matrix &x);

/// `v` after a rotary embedding of base 10000 at `position`.
std::vector<double> rotated(std::vector<double> v, RopeStyle style,
                            int64_t rotaryDim, int64_t position);

/// softmax(scale * scores) times `values`, row by row; causal or not.
Matrix attended(const Matrix &scores, const Matrix &values, bool causal,
                double scale);

/// Scores of head h as ordinary attention on the folded projections.
Matrix scoresFolded(const Problem &p, const FoldedWeights &folded, int64_t h,
                    const Matrix &x);

} // namespace ra::runtime::test

#endif // RA_TEST_UNIT_RUNTIME_FOLDPROBLEMS_H
