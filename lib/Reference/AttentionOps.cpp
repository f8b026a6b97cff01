//===- AttentionOps.cpp - ra.attention and ra.reciprocal_attention --------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Evaluator.h"

#include "HeadAttention.h"
#include "ra/Runtime/Gemm.h"

#include <cmath>

using namespace mlir;
using namespace ra;
using namespace ra::reference;
using ra::runtime::product;

/// One head's rows [T, D] as T.
template <typename T>
static std::vector<T> headRows(const Array &array, const IterationView &view,
                               int64_t batch, int64_t head) {
  ArrayRef<int64_t> extents(view.extents), strides(view.strides);
  std::vector<T> rows(extents[2] * extents[3]);
  gatherStrided(array.floats() + batch * strides[0] + head * strides[1],
                extents.drop_front(2), strides.drop_front(2), rows.data());
  return rows;
}

/// Everything but the terms.
template <typename T, typename OpTy>
static AttentionProblem<T> makeProblem(OpTy op, AttentionArrays &arrays,
                                       Rounding probabilityRounding,
                                       Rounding outRounding) {
  AttentionProblem<T> problem;
  problem.batches = arrays.queryView.extents[0];
  problem.heads = arrays.queryView.extents[1];
  problem.kvHeads = arrays.keyView.extents[1];
  problem.queries = arrays.queryView.extents[2];
  problem.keys = arrays.keyView.extents[2];
  problem.valueDim = arrays.valueView.extents[3];
  problem.scale =
      op.getScale()
          ? op.getScale()->convertToDouble()
          : 1.0 / std::sqrt(static_cast<double>(arrays.queryView.extents[3]));
  if (op.getSoftcap())
    problem.softcap = op.getSoftcap()->convertToDouble();
  problem.mask = op.getMask();
  problem.queryOffset = arrays.queryOffset;
  problem.bias = arrays.bias ? &*arrays.bias : nullptr;
  problem.value = arrays.value.floats();
  problem.valueView = arrays.valueView;
  problem.out = arrays.out.mutableFloats();
  problem.outView = arrays.outView;
  if (op.getLseInit())
    problem.lse = arrays.lse.mutableFloats();
  problem.probabilityRounding = probabilityRounding;
  problem.outRounding = outRounding;
  return problem;
}

template <typename OpTy>
LogicalResult Evaluator::readAttention(OpTy op, AttentionArrays &arrays) {
  if (!op.hasPureTensorSemantics())
    return unsupported(op);
  arrays.query = get(op.getQuery());
  arrays.key = get(op.getKey());
  arrays.value = get(op.getValue());
  if (op.getBias())
    arrays.bias = get(op.getBias());
  if (op.getQueryOffset())
    arrays.queryOffset = get(op.getQueryOffset()).asInt();
  arrays.queryView = viewThrough(arrays.query.shape(), op.getQueryMap());
  arrays.keyView = viewThrough(arrays.key.shape(), op.getKeyMap());
  arrays.valueView = viewThrough(arrays.value.shape(), op.getValueMap());
  Extents initShape(get(op.getInit()).shape());
  arrays.outView = viewThrough(initShape, op.getInitMap());

  // What the verifier cannot know of dynamic dims.
  ArrayRef<int64_t> q(arrays.queryView.extents), k(arrays.keyView.extents),
      v(arrays.valueView.extents);
  if (failed(
          checkShape(op, "key [B, Hkv, Tk, D]", k, {q[0], k[1], k[2], q[3]})) ||
      failed(checkShape(op, "value [B, Hkv, Tk, Dv]", v,
                        {q[0], k[1], k[2], v[3]})) ||
      failed(checkShape(op, "init [B, Hq, Tq, Dv]", arrays.outView.extents,
                        {q[0], q[1], q[2], v[3]})))
    return failure();
  if (k[1] == 0 || q[1] % k[1] != 0)
    return op.emitError() << k[1] << " key heads do not divide " << q[1]
                          << " query heads at run time";
  if (arrays.bias) {
    ArrayRef<int64_t> bias = arrays.bias->shape();
    if (failed(checkShape(
            op, "the bias", bias,
            {bias[0] == 1 ? 1 : q[0], bias[1] == 1 ? 1 : q[1], q[2], k[2]})))
      return failure();
  }

  FailureOr<Array> out = allocate(op, initShape, op.getInit().getType());
  if (failed(out))
    return failure();
  arrays.out = std::move(*out);
  if (!op.getLseInit())
    return success();
  if (failed(checkShape(op, "the log-sum-exp init",
                        get(op.getLseInit()).shape(), {q[0], q[1], q[2]})))
    return failure();
  FailureOr<Array> lse =
      allocate(op, {q[0], q[1], q[2]}, op.getLseInit().getType());
  if (failed(lse))
    return failure();
  arrays.lse = std::move(*lse);
  return success();
}

//===----------------------------------------------------------------------===//
// ra.attention
//===----------------------------------------------------------------------===//

template <typename T>
static void attention(AttentionOp op, AttentionArrays &arrays,
                      Rounding probabilities, Rounding out, unsigned threads) {
  AttentionProblem<T> problem = makeProblem<T>(op, arrays, probabilities, out);
  problem.terms = [&](int64_t b, int64_t h, std::vector<ScoreTerm<T>> &terms) {
    ScoreTerm<T> term;
    term.dims = arrays.queryView.extents[3];
    term.left = headRows<T>(arrays.query, arrays.queryView, b, h);
    term.right = headRows<T>(arrays.key, arrays.keyView, b,
                             h / (problem.heads / problem.kvHeads));
    terms.push_back(std::move(term));
  };
  runAttention(problem, threads);
}

LogicalResult Evaluator::evaluateAttention(AttentionOp op) {
  AttentionArrays arrays;
  if (failed(readAttention(op, arrays)))
    return failure();
  Rounding probabilities = roundingOf(op.getQuery().getType());
  Rounding out = roundingOf(op.getInit().getType());
  if (isStorage())
    attention<float>(op, arrays, probabilities, out, numThreads);
  else
    attention<double>(op, arrays, probabilities, out, numThreads);
  set(op->getResult(0), std::move(arrays.out));
  if (op.getLseInit()) {
    roundingOf(op.getLseInit().getType())
        .apply(arrays.lse.mutableFloats(), arrays.lse.count());
    set(op->getResult(1), std::move(arrays.lse));
  }
  return success();
}

//===----------------------------------------------------------------------===//
// ra.reciprocal_attention
//===----------------------------------------------------------------------===//

SmallVector<double> Evaluator::gateValues(Value gate, int64_t heads,
                                          double defaultGate) {
  if (!gate)
    return SmallVector<double>(heads, defaultGate);
  Array array = get(gate);
  SmallVector<double> values;
  for (int64_t h = 0; h < heads; ++h)
    values.push_back(array.floats()[array.count() == 1 ? 0 : h]);
  return values;
}

namespace {
/// What turns a query and a key head into the terms of the definition.
struct ReciprocalSpec {
  SmallVector<SmallVector<int64_t>> recDims; ///< per query head
  SmallVector<double> wStd, wRec;
  std::optional<Array> projection, basisQuery, basisKey;
  GroupedMode grouped;
  GateSplit split;
  /// Precision::Storage: gates are applied to the rows, and those rounded.
  bool gatedRows;
  Rounding rowRounding;
};

/// Matrix `index` of a [D, E] or [N, D, E] array, as T.
template <typename T>
std::vector<T> matrixOf(const Array &array, int64_t index) {
  int64_t size = array.dim(array.rank() - 2) * array.dim(array.rank() - 1);
  const double *begin = array.floats() + (array.rank() == 3 ? index * size : 0);
  return std::vector<T>(begin, begin + size);
}

/// rows [count, dims] * matrix [dims, columns].
template <typename T>
std::vector<T> times(const std::vector<T> &rows, const std::vector<T> &matrix,
                     int64_t count, int64_t dims, int64_t columns) {
  std::vector<T> result(count * columns);
  if (count && columns)
    product(rows.data(), dims, matrix.data(), columns, result.data(), columns,
            count, columns, dims);
  return result;
}

/// Columns `chosen` of rows [count, dims].
template <typename T>
std::vector<T> columnsOf(const std::vector<T> &rows, int64_t count,
                         int64_t dims, ArrayRef<int64_t> chosen) {
  std::vector<T> result;
  result.reserve(count * chosen.size());
  for (int64_t i = 0; i < count; ++i)
    for (int64_t dim : chosen)
      result.push_back(rows[i * dims + dim]);
  return result;
}

/// The formula of the op's description for one (batch, head).
template <typename T> class ReciprocalTerms {
public:
  ReciprocalTerms(const AttentionArrays &arrays, const ReciprocalSpec &spec)
      : arrays(arrays), spec(spec), length(arrays.queryView.extents[2]),
        dims(arrays.queryView.extents[3]),
        group(arrays.queryView.extents[1] /
              std::max<int64_t>(1, arrays.keyView.extents[1])) {}

  void operator()(int64_t b, int64_t h, std::vector<ScoreTerm<T>> &terms) const;

private:
  std::vector<T> queryRows(int64_t b, int64_t h) const {
    std::vector<T> rows = headRows<T>(arrays.query, arrays.queryView, b, h);
    if (spec.basisQuery)
      rows = times(rows, matrixOf<T>(*spec.basisQuery, h), length, dims, dims);
    return rows;
  }
  std::vector<T> keyRows(int64_t b, int64_t g) const {
    std::vector<T> rows = headRows<T>(arrays.key, arrays.keyView, b, g);
    if (spec.basisKey)
      rows = times(rows, matrixOf<T>(*spec.basisKey, g), length, dims, dims);
    return rows;
  }
  /// The low part of rows: with P of head `owner` the product, else the dims
  /// L of head h.
  std::vector<T> low(const std::vector<T> &rows, int64_t h,
                     int64_t owner) const {
    ArrayRef<int64_t> chosen(spec.recDims[h]);
    if (!spec.projection)
      return columnsOf(rows, length, dims, chosen);
    return times(rows, matrixOf<T>(*spec.projection, owner), length, dims,
                 static_cast<int64_t>(chosen.size()));
  }
  /// A gate's two factors, one for each side, under Precision::Storage.
  std::pair<double, double> factors(double gate) const {
    if (spec.split == GateSplit::Symmetric && gate >= 0)
      return {std::sqrt(gate), std::sqrt(gate)};
    return {gate, 1.0};
  }
  void gateRows(std::vector<T> &rows, double factor) const {
    for (T &element : rows)
      element *= static_cast<T>(factor);
    spec.rowRounding.apply(rows.data(), static_cast<int64_t>(rows.size()));
  }

  const AttentionArrays &arrays;
  const ReciprocalSpec &spec;
  int64_t length, dims, group;
};
} // namespace

template <typename T>
void ReciprocalTerms<T>::operator()(int64_t b, int64_t h,
                                    std::vector<ScoreTerm<T>> &terms) const {
  int64_t g = h / group;
  ArrayRef<int64_t> recDims(spec.recDims[h]);
  SmallVector<int64_t> kept;
  for (int64_t dim = 0; dim < dims; ++dim)
    if (!llvm::is_contained(recDims, dim))
      kept.push_back(dim);
  std::vector<T> query = queryRows(b, h), key = keyRows(b, g);

  ScoreTerm<T> standard;
  standard.weight = spec.wStd[h];
  standard.dims = static_cast<int64_t>(kept.size());
  standard.left = columnsOf(query, length, dims, kept);
  standard.right = columnsOf(key, length, dims, kept);
  terms.push_back(std::move(standard));

  if (!recDims.empty()) {
    // w_rec * <k_i[L], q_j[L]>: the key row of i, the query row of j.
    ScoreTerm<T> reciprocal;
    reciprocal.weight = spec.wRec[h];
    reciprocal.dims = static_cast<int64_t>(recDims.size());
    reciprocal.left = low(key, h, h);
    if (spec.grouped == GroupedMode::Slots || group == 1) {
      reciprocal.right = low(query, h, h);
    } else {
      // The mean over the query heads that share the key head.
      reciprocal.right.assign(length * recDims.size(), T(0));
      for (int64_t other = g * group; other < (g + 1) * group; ++other) {
        std::vector<T> part = low(queryRows(b, other), h, other);
        for (size_t i = 0; i < part.size(); ++i)
          reciprocal.right[i] += part[i];
      }
      for (T &element : reciprocal.right)
        element /= static_cast<T>(group);
    }
    terms.push_back(std::move(reciprocal));
  }
  if (!spec.gatedRows)
    return;
  // As folded weights would bring them; see Precision::Storage.
  for (ScoreTerm<T> &term : terms) {
    auto [left, right] = factors(term.weight);
    gateRows(term.left, left);
    gateRows(term.right, right);
    term.weight = 1;
  }
}

template <typename T>
static void
reciprocalAttention(ReciprocalAttentionOp op, AttentionArrays &arrays,
                    const ReciprocalSpec &spec, Rounding probabilities,
                    Rounding out, unsigned threads) {
  AttentionProblem<T> problem = makeProblem<T>(op, arrays, probabilities, out);
  problem.terms = ReciprocalTerms<T>(arrays, spec);
  runAttention(problem, threads);
}

LogicalResult Evaluator::evaluateReciprocalAttention(ReciprocalAttentionOp op) {
  AttentionArrays arrays;
  if (failed(readAttention(op, arrays)))
    return failure();
  int64_t heads = arrays.queryView.extents[1];
  if (arrays.queryView.extents[2] != arrays.keyView.extents[2])
    return op.emitError() << "query and key lengths are "
                          << arrays.queryView.extents[2] << " and "
                          << arrays.keyView.extents[2]
                          << " at run time; a reciprocal term needs "
                             "self-attention";
  ReciprocalSpec spec;
  spec.recDims = getReciprocalDims(op.getRankAttr(), op.getRecDimsAttr(), heads,
                                   arrays.queryView.extents[3]);
  spec.wStd = gateValues(op.getWStd(), heads,
                         ReciprocalAttentionOp::kDefaultStandardGate);
  spec.wRec = gateValues(op.getWRec(), heads,
                         ReciprocalAttentionOp::kDefaultReciprocalGate);
  if (op.getProjection())
    spec.projection = get(op.getProjection());
  if (op.getBasisQuery()) {
    spec.basisQuery = get(op.getBasisQuery());
    spec.basisKey = get(op.getBasisKey());
  }
  spec.grouped = op.getGqa();
  spec.split = op.getGateSplit();
  spec.gatedRows = isStorage();
  spec.rowRounding = roundingOf(op.getQuery().getType());

  Rounding probabilities = roundingOf(op.getQuery().getType());
  Rounding out = roundingOf(op.getInit().getType());
  if (isStorage())
    reciprocalAttention<float>(op, arrays, spec, probabilities, out,
                               numThreads);
  else
    reciprocalAttention<double>(op, arrays, spec, probabilities, out,
                                numThreads);
  set(op->getResult(0), std::move(arrays.out));
  if (op.getLseInit()) {
    roundingOf(op.getLseInit().getType())
        .apply(arrays.lse.mutableFloats(), arrays.lse.count());
    set(op->getResult(1), std::move(arrays.lse));
  }
  return success();
}
