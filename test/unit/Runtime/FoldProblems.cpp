//===- FoldProblems.cpp - Random folds and their scores, by loops ---------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "FoldProblems.h"

#include <cmath>

using namespace ra::runtime;
using namespace ra::runtime::test;

Problem Maker::problem() {
  Problem p;
  FoldSpec &spec = p.spec;
  spec.numKvHeads = between(1, 3);
  const int64_t group = coin() ? 1 : between(2, 4);
  spec.numHeads = spec.numKvHeads * group;
  spec.headDim = between(2, 9);
  p.inputs = between(1, 12);
  spec.gateSplit = coin() ? GateSplit::Symmetric : GateSplit::Query;
  spec.grouped = coin() ? GroupedMode::Mean : GroupedMode::Slots;
  const bool slots = spec.grouped == GroupedMode::Slots && group > 1;
  const bool project = between(0, 3) == 0;

  const int64_t oneRank = between(1, spec.headDim - 1);
  std::vector<int64_t> lastDims, common;
  for (int64_t d = spec.headDim - oneRank; d < spec.headDim; ++d)
    lastDims.push_back(d);
  common = project ? lastDims : subset(spec.headDim, oneRank);
  for (int64_t g = 0; g < spec.numKvHeads; ++g) {
    std::vector<int64_t> dims = common;
    if (!slots && between(0, 3) == 0)
      dims.clear();
    else if (!slots && !project)
      dims = subset(spec.headDim, between(0, spec.headDim - 1));
    spec.recDims.insert(spec.recDims.end(), static_cast<size_t>(group), dims);
  }

  // The symmetric split takes gates >= 0, equal where rows are shared.
  const bool symmetric = spec.gateSplit == GateSplit::Symmetric;
  auto gates = [&](bool equalInGroup) {
    std::vector<double> values;
    values.reserve(static_cast<size_t>(spec.numHeads));
    for (int64_t h = 0; h < spec.numHeads; ++h)
      values.push_back(equalInGroup && h % group != 0 ? values.back()
                       : symmetric                    ? std::abs(number())
                                                      : number());
    if (coin())
      values.resize(1);
    return values;
  };
  spec.wStd = gates(symmetric);
  spec.wRec = gates(symmetric && !slots);
  const int64_t D = spec.headDim, H = spec.numHeads;
  if (project)
    spec.projection = tensor(coin() ? Shape{D, oneRank} : Shape{H, D, oneRank});
  if (between(0, 2) == 0)
    spec.basisQ = tensor(coin() ? Shape{D, D} : Shape{H, D, D});
  if (between(0, 2) == 0)
    spec.basisK = tensor(coin() ? Shape{D, D} : Shape{spec.numKvHeads, D, D});
  p.wq = tensor({H * D, p.inputs});
  p.wk = tensor({spec.numKvHeads * D, p.inputs});
  if (coin())
    p.bq = tensor({H * D});
  if (coin())
    p.bk = tensor({spec.numKvHeads * D});
  return p;
}

std::vector<double> test::project(const Tensor &w,
                                  const std::optional<Tensor> &b, int64_t first,
                                  int64_t count, const std::vector<double> &x) {
  std::vector<double> y;
  for (int64_t o = first; o < first + count; ++o) {
    double sum = b ? b->at(o) : 0.0;
    for (size_t c = 0; c < x.size(); ++c)
      sum +=
          w.at(o * static_cast<int64_t>(x.size()) + static_cast<int64_t>(c)) *
          x[c];
    y.push_back(sum);
  }
  return y;
}

std::vector<double> test::times(const std::vector<double> &x, const Tensor &m,
                                int64_t index) {
  const auto r = static_cast<size_t>(m.rank());
  const int64_t rows = m.dim(r - 2), columns = m.dim(r - 1);
  const int64_t base = r == 3 ? index * rows * columns : 0;
  std::vector<double> y(static_cast<size_t>(columns), 0.0);
  for (int64_t d = 0; d < rows; ++d)
    for (int64_t e = 0; e < columns; ++e)
      y[static_cast<size_t>(e)] +=
          x[static_cast<size_t>(d)] * m.at(base + d * columns + e);
  return y;
}

double test::dot(const std::vector<double> &a, const std::vector<double> &b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i)
    sum += a[i] * b[i];
  return sum;
}

Matrix test::scoresByDefinition(const Problem &p, int64_t h, const Matrix &x) {
  const FoldSpec &spec = p.spec;
  const int64_t D = spec.headDim, g = h / p.group();
  const std::vector<int64_t> &dims = spec.recDims[static_cast<size_t>(h)];
  auto gate = [&](const std::vector<double> &w) {
    return w.size() == 1 ? w[0] : w[static_cast<size_t>(h)];
  };
  auto query = [&](int64_t head, const std::vector<double> &token) {
    std::vector<double> q = project(p.wq, p.bq, head * D, D, token);
    return spec.basisQ ? times(q, *spec.basisQ, head) : q;
  };
  auto key = [&](const std::vector<double> &token) {
    std::vector<double> k = project(p.wk, p.bk, g * D, D, token);
    return spec.basisK ? times(k, *spec.basisK, g) : k;
  };
  auto low = [&](const std::vector<double> &v, int64_t head) {
    if (spec.projection && !dims.empty())
      return times(v, *spec.projection, head);
    std::vector<double> part;
    part.reserve(dims.size());
    for (int64_t d : dims)
      part.push_back(v[static_cast<size_t>(d)]);
    return part;
  };
  auto standard = [&](std::vector<double> v) {
    for (int64_t d : dims)
      v[static_cast<size_t>(d)] = 0.0;
    return v;
  };
  auto queryLow = [&](const std::vector<double> &token) {
    if (spec.grouped == GroupedMode::Slots)
      return low(query(h, token), h);
    std::vector<double> mean(dims.size(), 0.0);
    for (int64_t head = g * p.group(); head < (g + 1) * p.group(); ++head) {
      const std::vector<double> part = low(query(head, token), head);
      for (size_t r = 0; r < part.size(); ++r)
        mean[r] += part[r] / static_cast<double>(p.group());
    }
    return mean;
  };
  Matrix scores;
  for (const std::vector<double> &xi : x) {
    scores.emplace_back();
    for (const std::vector<double> &xj : x)
      scores.back().push_back(
          gate(spec.wStd) * dot(standard(query(h, xi)), standard(key(xj))) +
          gate(spec.wRec) * dot(low(key(xi), h), queryLow(xj)));
  }
  return scores;
}

Matrix test::scoresFolded(const Problem &p, const FoldedWeights &folded,
                          int64_t h, const Matrix &x) {
  const int64_t D = foldedHeadDim(p.spec);
  Matrix scores;
  for (const std::vector<double> &xi : x) {
    scores.emplace_back();
    for (const std::vector<double> &xj : x)
      scores.back().push_back(
          dot(project(folded.qWeight, folded.qBias, h * D, D, xi),
              project(folded.kWeight, folded.kBias, h / p.group() * D, D, xj)));
  }
  return scores;
}

std::vector<double> test::rotated(std::vector<double> v, RopeStyle style,
                                  int64_t rotaryDim, int64_t position) {
  if (style == RopeStyle::None)
    return v;
  for (int64_t f = 0; 2 * f < rotaryDim; ++f) {
    const bool half = style == RopeStyle::Half;
    const auto a = static_cast<size_t>(half ? f : 2 * f);
    const auto b = static_cast<size_t>(half ? f + rotaryDim / 2 : 2 * f + 1);
    const double exponent =
        -2.0 * static_cast<double>(f) / static_cast<double>(rotaryDim);
    const double angle =
        static_cast<double>(position) * std::pow(10000.0, exponent);
    const double first = v[a], second = v[b];
    v[a] = first * std::cos(angle) - second * std::sin(angle);
    v[b] = second * std::cos(angle) + first * std::sin(angle);
  }
  return v;
}

Matrix test::attended(const Matrix &scores, const Matrix &values, bool causal,
                      double scale) {
  Matrix out;
  for (size_t i = 0; i < scores.size(); ++i) {
    const size_t seen = causal ? i + 1 : values.size();
    std::vector<double> row(values[0].size(), 0.0);
    double sum = 0;
    for (size_t j = 0; j < seen; ++j)
      sum += std::exp(scale * scores[i][j]);
    for (size_t j = 0; j < seen; ++j)
      for (size_t d = 0; d < row.size(); ++d)
        row[d] += std::exp(scale * scores[i][j]) / sum * values[j][d];
    out.push_back(std::move(row));
  }
  return out;
}
