//===- HeadAttention.cpp - Attention from its definition ------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "HeadAttention.h"

#include "ra/Runtime/Gemm.h"
#include "ra/Runtime/Threads.h"

#include <cmath>
#include <limits>

using namespace ra;
using namespace ra::reference;
using ra::runtime::parallelFor;
using ra::runtime::product;
using ra::runtime::productTransposed;

namespace {
/// The keys [begin, end) that a query row sees.
struct Visible {
  int64_t begin, end;
};

/// One (batch, head): scores, softmax and output in blocks of query rows.
template <typename T> class Head {
public:
  Head(const AttentionProblem<T> &problem, int64_t batch, int64_t head)
      : p(problem), batch(batch), head(head) {}
  void run();

private:
  Visible visible(int64_t row) const;
  void scores(int64_t row, int64_t rows, int64_t begin, int64_t end);
  void softmaxRow(int64_t row, T *line, int64_t begin, int64_t end);
  void store(int64_t row, const T *values);

  const AttentionProblem<T> &p;
  int64_t batch, head;
  std::vector<ScoreTerm<T>> terms;
  std::vector<T> value;      // [Tk, Dv]
  std::vector<T> s, partial; // [rows, end - begin]
  std::vector<T> line;       // [Dv]
};
} // namespace

/// See #ra.mask: p(i) = i + delta + query_offset.
template <typename T> Visible Head<T>::visible(int64_t row) const {
  if (p.mask.isNone())
    return {0, p.keys};
  int64_t position =
      row + p.queryOffset + (p.mask.isBottomRight() ? p.keys - p.queries : 0);
  int64_t begin = p.mask.getKind() == MaskKind::Window
                      ? position - p.mask.getWindow() + 1
                      : 0;
  auto clamp = [&](int64_t key) {
    return std::max<int64_t>(0, std::min(key, p.keys));
  };
  Visible keys{clamp(begin), clamp(position + 1)};
  keys.begin = std::min(keys.begin, keys.end);
  return keys;
}

/// s_ij = scale * sum of the terms, for keys [begin, end).
template <typename T>
void Head<T>::scores(int64_t row, int64_t rows, int64_t begin, int64_t end) {
  int64_t columns = end - begin, count = rows * columns;
  s.assign(count, T(0));
  partial.resize(count);
  for (const ScoreTerm<T> &term : terms) {
    if (term.dims == 0)
      continue;
    productTransposed(term.left.data() + row * term.dims, term.dims,
                      term.right.data() + begin * term.dims, term.dims,
                      partial.data(), columns, rows, columns, term.dims);
    T weight = static_cast<T>(term.weight);
    for (int64_t i = 0; i < count; ++i)
      s[i] += weight * partial[i];
  }
  T scale = static_cast<T>(p.scale);
  for (T &score : s)
    score *= scale;
}

/// Turns the scores of one row, keys [begin, end), into probabilities.
template <typename T>
void Head<T>::softmaxRow(int64_t row, T *line, int64_t begin, int64_t end) {
  constexpr T kInfinity = std::numeric_limits<T>::infinity();
  int64_t count = end - begin;
  if (p.softcap) {
    T cap = static_cast<T>(*p.softcap);
    for (int64_t j = 0; j < count; ++j)
      line[j] = cap * std::tanh(line[j] / cap);
  }
  if (p.bias) {
    const Array &bias = *p.bias;
    int64_t b = bias.dim(0) == 1 ? 0 : batch, h = bias.dim(1) == 1 ? 0 : head;
    const double *values = bias.floats() +
                           ((b * bias.dim(1) + h) * p.queries + row) * p.keys +
                           begin;
    for (int64_t j = 0; j < count; ++j)
      line[j] += static_cast<T>(values[j]);
  }
  T highest = -kInfinity;
  bool isNaN = false;
  for (int64_t j = 0; j < count; ++j) {
    highest = line[j] > highest ? line[j] : highest;
    isNaN |= std::isnan(line[j]);
  }
  T sum = 0;
  double lse;
  if (highest == -kInfinity && !isNaN) {
    // No key at all: zeros, and the logarithm of an empty sum.
    std::fill_n(line, count, T(0));
    lse = -std::numeric_limits<double>::infinity();
  } else {
    for (int64_t j = 0; j < count; ++j) {
      line[j] = std::exp(line[j] - highest);
      sum += line[j];
    }
    for (int64_t j = 0; j < count; ++j)
      line[j] /= sum;
    lse = highest + std::log(sum);
  }
  p.probabilityRounding.apply(line, count);
  if (p.lse)
    p.lse[(batch * p.heads + head) * p.queries + row] = lse;
}

template <typename T> void Head<T>::store(int64_t row, const T *values) {
  line.assign(values, values + p.valueDim);
  p.outRounding.apply(line.data(), p.valueDim);
  double *out = p.out + batch * p.outView.strides[0] +
                head * p.outView.strides[1] + row * p.outView.strides[2];
  for (int64_t d = 0; d < p.valueDim; ++d)
    out[d * p.outView.strides[3]] = static_cast<double>(line[d]);
}

template <typename T> void Head<T>::run() {
  p.terms(batch, head, terms);
  value.resize(p.keys * p.valueDim);
  int64_t kvHead = head / (p.heads / p.kvHeads);
  llvm::ArrayRef<int64_t> extents(p.valueView.extents),
      strides(p.valueView.strides);
  gatherStrided(p.value + batch * strides[0] + kvHead * strides[1],
                extents.drop_front(2), strides.drop_front(2), value.data());
  // A product over a block of rows multiplies hidden values by 0, which is
  // nothing unless they are not finite.
  bool finite = true;
  for (T element : value)
    finite &= std::isfinite(element);

  constexpr int64_t kRows = 64;
  std::vector<T> out(kRows * p.valueDim);
  for (int64_t row = 0; row < p.queries; row += kRows) {
    int64_t rows = std::min(kRows, p.queries - row);
    // The keys of a block are those between its rows' first and last.
    int64_t begin = p.keys, end = 0;
    for (int64_t i = row; i < row + rows; ++i) {
      Visible keys = visible(i);
      if (keys.begin == keys.end)
        continue;
      begin = std::min(begin, keys.begin);
      end = std::max(end, keys.end);
    }
    begin = std::min(begin, end);
    int64_t columns = end - begin;
    scores(row, rows, begin, end);
    for (int64_t i = 0; i < rows; ++i) {
      Visible keys = visible(row + i);
      T *line = s.data() + i * columns;
      if (keys.begin == keys.end)
        keys = {begin, begin};
      softmaxRow(row + i, line + (keys.begin - begin), keys.begin, keys.end);
      std::fill(line, line + (keys.begin - begin), T(0));
      std::fill(line + (keys.end - begin), line + columns, T(0));
    }
    std::fill(out.begin(), out.end(), T(0));
    if (finite && columns > 0 && p.valueDim > 0) {
      product(s.data(), columns, value.data() + begin * p.valueDim, p.valueDim,
              out.data(), p.valueDim, rows, p.valueDim, columns);
    } else {
      for (int64_t i = 0; i < rows; ++i) {
        Visible keys = visible(row + i);
        for (int64_t j = keys.begin; j < keys.end; ++j)
          for (int64_t d = 0; d < p.valueDim; ++d)
            out[i * p.valueDim + d] +=
                s[i * columns + j - begin] * value[j * p.valueDim + d];
      }
    }
    for (int64_t i = 0; i < rows; ++i)
      store(row + i, out.data() + i * p.valueDim);
  }
}

template <typename T>
void ra::reference::runAttention(const AttentionProblem<T> &problem,
                                 unsigned threads) {
  parallelFor(problem.batches * problem.heads, threads, [&](int64_t task) {
    Head<T>(problem, task / problem.heads, task % problem.heads).run();
  });
}

template void
ra::reference::runAttention<double>(const AttentionProblem<double> &, unsigned);
template void
ra::reference::runAttention<float>(const AttentionProblem<float> &, unsigned);
