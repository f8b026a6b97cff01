//===- CompareAttention.cpp - How far two attentions are apart ------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ra/Runtime/CompareAttention.h"

#include "HeadRows.h"
#include "ra/Runtime/Gemm.h"
#include "ra/Runtime/Threads.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <new>
#include <string>
#include <utility>

using namespace ra::runtime;
using namespace ra::runtime::detail;

namespace {

/// Products round differently on data that is aligned differently, so what they
/// read and write is always aligned: the same weights give the same bits.
template <typename T> struct Aligned {
  using value_type = T;
  static constexpr std::align_val_t kAlignment{64};
  Aligned() = default;
  template <typename U> Aligned(const Aligned<U> &) {}
  T *allocate(size_t count) {
    return static_cast<T *>(::operator new(count * sizeof(T), kAlignment));
  }
  void deallocate(T *data, size_t) { ::operator delete(data, kAlignment); }
  bool operator==(const Aligned &) const { return true; }
  bool operator!=(const Aligned &) const { return false; }
};
using Values = std::vector<double, Aligned<double>>;

Values read(const Tensor &tensor) {
  Values values(static_cast<size_t>(tensor.numElements()));
  tensor.readDoubles(0, tensor.numElements(), values.data());
  return values;
}

/// Rows of x, or queries, that one piece of work takes.
constexpr int64_t kRows = 128;

struct Sizes {
  int64_t batch, length, channels, tokens;
  int64_t heads, kvHeads;
  int64_t dimQK, dimV;
};

Status checkMatrix(const char *name, const Tensor *weight, int64_t channels) {
  if (!weight)
    return fail(std::string(name) + " is missing");
  if (isFloat(weight->elementType()) && weight->rank() == 2 &&
      weight->dim(1) == channels)
    return Status::success();
  return fail(std::string(name) + " is " +
              shapeString(weight->shape(), weight->elementType()) +
              "; it must be floating point of shape [outputs, " +
              std::to_string(channels) + "]");
}

/// Rows of `weight` per head.
Expected<int64_t> dimOfHeads(const char *name, const Tensor &weight,
                             int64_t heads) {
  if (weight.dim(0) != 0 && weight.dim(0) % heads == 0)
    return weight.dim(0) / heads;
  return fail(std::string(name) + " has " + std::to_string(weight.dim(0)) +
              " rows, which are not a whole number for each of " +
              std::to_string(heads) + " heads");
}

Expected<Sizes> checkAttention(const AttentionSpec &spec,
                               const AttentionWeights &w, const Tensor &x) {
  if (spec.numHeads < 1 || spec.numKvHeads < 1 ||
      spec.numHeads % spec.numKvHeads != 0)
    return fail(std::to_string(spec.numHeads) + " heads and " +
                std::to_string(spec.numKvHeads) +
                " key heads; the former must be a multiple of the latter");
  if (!isFloat(x.elementType()) || x.rank() != 3 || x.numElements() == 0)
    return fail("activations are " + shapeString(x.shape(), x.elementType()) +
                "; they must be floating point of shape [B, T, C], at least "
                "one token");
  Sizes s{};
  s.batch = x.dim(0);
  s.length = x.dim(1);
  s.channels = x.dim(2);
  s.tokens = s.batch * s.length;
  s.heads = spec.numHeads;
  s.kvHeads = spec.numKvHeads;
  for (const auto &[name, weight] :
       {std::pair("query weight", w.wq), std::pair("key weight", w.wk),
        std::pair("value weight", w.wv)}) {
    Status status = checkMatrix(name, weight, s.channels);
    if (!status.ok())
      return status.takeFailure();
  }
  Expected<int64_t> dimQK = dimOfHeads("query weight", *w.wq, s.heads);
  if (!dimQK)
    return dimQK.takeFailure();
  Expected<int64_t> dimV = dimOfHeads("value weight", *w.wv, s.kvHeads);
  if (!dimV)
    return dimV.takeFailure();
  s.dimQK = *dimQK;
  s.dimV = *dimV;
  for (Status status : {checkWeight("key weight", *w.wk, s.kvHeads, s.dimQK),
                        checkBias("query bias", w.bq, *w.wq),
                        checkBias("key bias", w.bk, *w.wk),
                        checkBias("value bias", w.bv, *w.wv)})
    if (!status.ok())
      return status.takeFailure();
  if (w.wo) {
    Status status = checkMatrix("output weight", w.wo, spec.numHeads * s.dimV);
    if (status.ok())
      status = checkBias("output bias", w.bo, *w.wo);
    if (!status.ok())
      return status.takeFailure();
  } else if (w.bo) {
    return fail("an output bias without an output weight");
  }
  if (spec.rope != RopeStyle::None &&
      (spec.rotaryDim < 0 || spec.rotaryDim > s.dimQK ||
       spec.rotaryDim % 2 != 0))
    return fail("rotary dim " + std::to_string(spec.rotaryDim) +
                " of head dim " + std::to_string(s.dimQK) +
                "; it must be even and at most the head dim");
  return s;
}

/// Runs the pieces of an attention.
class Attention {
public:
  Attention(const AttentionSpec &spec, const Tensor &x)
      : spec(spec),
        threads(spec.threads != 0
                    ? spec.threads
                    : std::max(1u, std::thread::hardware_concurrency())),
        x(read(x)) {}

  bool finite() const {
    return std::all_of(x.begin(), x.end(),
                       [](double value) { return std::isfinite(value); });
  }

  AttentionOutput run(const Sizes &s, const AttentionWeights &w) {
    Values q = projectInput(w.wq, w.bq), k = projectInput(w.wk, w.bk);
    rotate(q, s.heads, s);
    rotate(k, s.kvHeads, s);
    if (!hasValue || !sameBytes(valueOf.wv, w.wv) ||
        !sameBytes(valueOf.bv, w.bv)) {
      value = projectInput(w.wv, w.bv);
      valueOf = w;
      hasValue = true;
    }
    AttentionOutput out;
    out.tokens = s.tokens;
    out.headDim = s.dimV;
    Values heads(static_cast<size_t>(s.tokens * s.heads * s.dimV));
    const int64_t blocks = (s.length + kRows - 1) / kRows;
    parallelFor(s.batch * s.heads * blocks, threads, [&](int64_t task) {
      const int64_t begin = task % blocks * kRows;
      attend(s, q, k, task / blocks / s.heads, task / blocks % s.heads, begin,
             std::min(kRows, s.length - begin), heads);
    });
    out.heads.assign(heads.begin(), heads.end());
    if (w.wo) {
      const Values projected = project(heads, w.wo, w.bo);
      out.outputs = w.wo->dim(0);
      out.projected.assign(projected.begin(), projected.end());
    }
    return out;
  }

private:
  /// Of tensors of the same shape.
  static bool sameBytes(const Tensor *a, const Tensor *b) {
    return a == b || (a && b && a->data() == b->data() &&
                      a->elementType() == b->elementType());
  }

  Values projectInput(const Tensor *weight, const Tensor *bias) const {
    return project(x, weight, bias);
  }

  /// rows W^T + b.
  Values project(const Values &rows, const Tensor *weight,
                 const Tensor *bias) const {
    const int64_t inputs = weight->dim(1), outputs = weight->dim(0);
    const int64_t count = static_cast<int64_t>(rows.size()) / inputs;
    const Values w = read(*weight);
    const Values b = bias ? read(*bias) : Values();
    Values y(static_cast<size_t>(count * outputs));
    parallelFor((count + kRows - 1) / kRows, threads, [&](int64_t task) {
      const int64_t begin = task * kRows,
                    number = std::min(kRows, count - begin);
      double *to = y.data() + begin * outputs;
      productTransposed(rows.data() + begin * inputs, inputs, w.data(), inputs,
                        to, outputs, number, outputs, inputs);
      if (b.empty())
        return;
      for (int64_t row = 0; row < number; ++row)
        for (int64_t o = 0; o < outputs; ++o)
          to[row * outputs + o] += b[static_cast<size_t>(o)];
    });
    return y;
  }

  void rotate(Values &rows, int64_t heads, const Sizes &s) const {
    if (spec.rope == RopeStyle::None || spec.rotaryDim == 0)
      return;
    const int64_t half = spec.rotaryDim / 2;
    const bool split = spec.rope == RopeStyle::Half;
    for (int64_t token = 0; token < s.tokens; ++token)
      for (int64_t f = 0; f < half; ++f) {
        const double angle =
            static_cast<double>(token % s.length) *
            std::pow(spec.ropeBase, -2.0 * static_cast<double>(f) /
                                        static_cast<double>(spec.rotaryDim));
        const double c = std::cos(angle), n = std::sin(angle);
        double *head = rows.data() + token * heads * s.dimQK;
        for (int64_t h = 0; h < heads; ++h, head += s.dimQK) {
          double &u = head[split ? f : 2 * f];
          double &v = head[split ? f + half : 2 * f + 1];
          const double before = u;
          u = u * c - v * n;
          v = v * c + before * n;
        }
      }
  }

  /// The output of `rows` queries of one head, from query `begin` on.
  void attend(const Sizes &s, const Values &q, const Values &k, int64_t batch,
              int64_t head, int64_t begin, int64_t rows, Values &out) const {
    const int64_t kvHead = head / (s.heads / s.kvHeads);
    const int64_t qRow = s.heads * s.dimQK, kRow = s.kvHeads * s.dimQK;
    const int64_t vRow = s.kvHeads * s.dimV, oRow = s.heads * s.dimV;
    const int64_t first = batch * s.length;
    const int64_t columns = spec.causal ? begin + rows : s.length;
    Values scores(static_cast<size_t>(rows * columns));
    productTransposed(q.data() + (first + begin) * qRow + head * s.dimQK, qRow,
                      k.data() + first * kRow + kvHead * s.dimQK, kRow,
                      scores.data(), columns, rows, columns, s.dimQK);
    for (int64_t row = 0; row < rows; ++row) {
      double *p = scores.data() + row * columns;
      const int64_t seen = spec.causal ? begin + row + 1 : columns;
      double largest = -std::numeric_limits<double>::infinity(), sum = 0;
      for (int64_t j = 0; j < seen; ++j)
        largest = std::max(largest, spec.scale * p[j]);
      for (int64_t j = 0; j < seen; ++j) {
        p[j] = std::exp(spec.scale * p[j] - largest);
        sum += p[j];
      }
      for (int64_t j = 0; j < columns; ++j)
        p[j] = j < seen ? p[j] / sum : 0.0;
    }
    product(scores.data(), columns,
            value.data() + first * vRow + kvHead * s.dimV, vRow,
            out.data() + (first + begin) * oRow + head * s.dimV, oRow, rows,
            s.dimV, columns);
  }

  const AttentionSpec &spec;
  const unsigned threads;
  const Values x;
  /// The values, and the weights that they are of: both sides of a comparison
  /// often have the same.
  Values value;
  AttentionWeights valueOf;
  bool hasValue = false;
};

/// Sums of an OutputError.
struct Difference {
  double difference = 0, size = 0, maximum = 0;

  void add(double a, double b) {
    const double d = std::abs(a - b);
    difference += d;
    size += std::abs(b);
    // NaN stays.
    if (!(d <= maximum))
      maximum = std::isnan(maximum) ? maximum : d;
  }

  OutputError error() const {
    return {difference == 0.0 ? 0.0 : difference / size, maximum};
  }
};

} // namespace

Expected<AttentionOutput>
ra::runtime::computeAttention(const AttentionSpec &spec,
                              const AttentionWeights &weights,
                              const Tensor &x) {
  Expected<Sizes> sizes = checkAttention(spec, weights, x);
  if (!sizes)
    return sizes.takeFailure();
  Attention attention(spec, x);
  if (!attention.finite())
    return fail("activations have values that are not finite");
  return attention.run(*sizes, weights);
}

Expected<AttentionError>
ra::runtime::compareOutputs(const AttentionOutput &converted,
                            const AttentionOutput &original) {
  if (converted.tokens != original.tokens ||
      converted.headDim != original.headDim ||
      converted.heads.size() != original.heads.size() ||
      (converted.outputs != 0 && original.outputs != 0 &&
       converted.outputs != original.outputs))
    return fail("the two outputs differ in shape: " +
                std::to_string(converted.heads.size()) +
                " numbers of head "
                "dim " +
                std::to_string(converted.headDim) + " and " +
                std::to_string(original.heads.size()) + " of head dim " +
                std::to_string(original.headDim));
  AttentionError result;
  const int64_t dim = original.headDim;
  const int64_t heads =
      static_cast<int64_t>(original.heads.size()) / (original.tokens * dim);
  Difference layer;
  std::vector<Difference> perHead(static_cast<size_t>(heads));
  for (size_t i = 0; i < original.heads.size(); ++i) {
    const double a = converted.heads[i], b = original.heads[i];
    layer.add(a, b);
    perHead[i / static_cast<size_t>(dim) % perHead.size()].add(a, b);
  }
  result.layer = layer.error();
  for (const Difference &head : perHead)
    result.heads.push_back(head.error());
  if (converted.outputs != 0 && original.outputs != 0) {
    Difference after;
    for (size_t i = 0; i < original.projected.size(); ++i)
      after.add(converted.projected[i], original.projected[i]);
    result.projected = after.error();
  }
  return result;
}

Expected<AttentionError> ra::runtime::compareAttention(
    const AttentionSpec &spec, const AttentionWeights &converted,
    const AttentionWeights &original, const Tensor &x) {
  Expected<Sizes> a = checkAttention(spec, converted, x);
  if (!a)
    return fail("converted: " + a.message());
  Expected<Sizes> b = checkAttention(spec, original, x);
  if (!b)
    return fail("original: " + b.message());
  if (a->dimV != b->dimV)
    return fail("the values of the converted weights have head dim " +
                std::to_string(a->dimV) + ", those of the original " +
                std::to_string(b->dimV));
  if (converted.wo && original.wo &&
      converted.wo->dim(0) != original.wo->dim(0))
    return fail("the output weights have " +
                std::to_string(converted.wo->dim(0)) + " and " +
                std::to_string(original.wo->dim(0)) + " rows");
  Attention attention(spec, x);
  if (!attention.finite())
    return fail("activations have values that are not finite");
  const AttentionOutput base = attention.run(*b, original);
  return compareOutputs(attention.run(*a, converted), base);
}
