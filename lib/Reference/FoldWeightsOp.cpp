//===- FoldWeightsOp.cpp - ra.fold_weights --------------------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Written from the formula in the op's description, apart from the fold that
// the compiler and the runtime use, which it is there to check.
//
//===----------------------------------------------------------------------===//

#include "Evaluator.h"

#include <cmath>
#include <vector>

using namespace mlir;
using namespace ra;
using namespace ra::reference;

namespace {
/// Rows of one head, [rows, width]; a bias is a matrix of width 1.
template <typename T> struct Rows {
  int64_t count = 0, width = 0;
  std::vector<T> elements;

  Rows(int64_t count, int64_t width)
      : count(count), width(width), elements(count * width) {}
  T *row(int64_t index) { return elements.data() + index * width; }
  const T *row(int64_t index) const { return elements.data() + index * width; }
};

/// Everything but the weights.
struct FoldOperands {
  int64_t heads, kvHeads, headDim, foldedDim;
  SmallVector<SmallVector<int64_t>> recDims; ///< per query head
  SmallVector<double> wStd, wRec;
  std::optional<Array> projection, basisQuery, basisKey;
  GateSplit split;
  bool slots; ///< gqa = slots with more than one head in a group
};

/// The fold of one pair of arrays, [Hq * D, width] and [Hkv * D, width].
template <typename T> class Folder {
public:
  Folder(const FoldOperands &operands, const Array *query, const Array *key,
         int64_t width)
      : o(operands), query(query), key(key), width(width) {}

  void run(double *foldedQuery, double *foldedKey);

private:
  /// Head `index` of an array of rows; a missing bias is 0.
  Rows<T> headOf(const Array *array, int64_t index,
                 const std::optional<Array> &basis) const;
  /// M^T rows, M of [rows, columns] (or entry `index` of [N, rows, columns]).
  Rows<T> transposedTimes(const Array &matrix, int64_t index,
                          const Rows<T> &rows) const;
  /// The rows in L of head h: as they are, or P^T rows with the P of `owner`.
  Rows<T> low(const Rows<T> &rows, int64_t h, int64_t owner) const;
  void put(double *target, int64_t row, const T *values, double factor) const {
    for (int64_t i = 0; i < width; ++i)
      target[row * width + i] =
          static_cast<double>(static_cast<T>(factor) * values[i]);
  }

  const FoldOperands &o;
  const Array *query, *key;
  int64_t width;
};
} // namespace

template <typename T>
Rows<T> Folder<T>::transposedTimes(const Array &matrix, int64_t index,
                                   const Rows<T> &rows) const {
  int64_t count = matrix.dim(matrix.rank() - 2);
  int64_t columns = matrix.dim(matrix.rank() - 1);
  const double *m =
      matrix.floats() + (matrix.rank() == 3 ? index * count * columns : 0);
  Rows<T> result(columns, width);
  for (int64_t e = 0; e < count; ++e)
    for (int64_t d = 0; d < columns; ++d) {
      T factor = static_cast<T>(m[e * columns + d]);
      const T *from = rows.row(e);
      T *to = result.row(d);
      for (int64_t i = 0; i < width; ++i)
        to[i] += factor * from[i];
    }
  return result;
}

template <typename T>
Rows<T> Folder<T>::headOf(const Array *array, int64_t index,
                          const std::optional<Array> &basis) const {
  Rows<T> rows(o.headDim, width);
  if (!array)
    return rows;
  const double *from = array->floats() + index * o.headDim * width;
  for (size_t i = 0; i < rows.elements.size(); ++i)
    rows.elements[i] = static_cast<T>(from[i]);
  return basis ? transposedTimes(*basis, index, rows) : rows;
}

template <typename T>
Rows<T> Folder<T>::low(const Rows<T> &rows, int64_t h, int64_t owner) const {
  if (o.projection && !o.recDims[h].empty())
    return transposedTimes(*o.projection, owner, rows);
  Rows<T> result(static_cast<int64_t>(o.recDims[h].size()), width);
  for (auto [r, dim] : llvm::enumerate(o.recDims[h]))
    std::copy_n(rows.row(dim), width, result.row(r));
  return result;
}

template <typename T>
void Folder<T>::run(double *foldedQuery, double *foldedKey) {
  int64_t group = o.heads / o.kvHeads;
  bool symmetric = o.split == GateSplit::Symmetric;
  std::fill_n(foldedQuery, o.heads * o.foldedDim * width, 0.0);
  std::fill_n(foldedKey, o.kvHeads * o.foldedDim * width, 0.0);
  for (int64_t g = 0; g < o.kvHeads; ++g) {
    Rows<T> keyRows = headOf(key, g, o.basisKey);
    for (int64_t n = 0; n < group; ++n) {
      int64_t h = g * group + n;
      Rows<T> queryRows = headOf(query, h, o.basisQuery);
      double a = symmetric ? std::sqrt(o.wStd[h]) : o.wStd[h];
      double aPrime = symmetric ? a : 1.0;
      double b = symmetric ? std::sqrt(o.wRec[h]) : o.wRec[h];
      double bPrime = symmetric ? b : 1.0;
      ArrayRef<int64_t> recDims(o.recDims[h]);
      int64_t rank = static_cast<int64_t>(recDims.size());
      int64_t kept = o.headDim - rank;

      // Rows in S: in their own place, or packed before the slots.
      int64_t next = 0;
      for (int64_t d = 0; d < o.headDim; ++d) {
        if (llvm::is_contained(recDims, d))
          continue;
        int64_t place = o.slots ? next++ : d;
        put(foldedQuery, h * o.foldedDim + place, queryRows.row(d), a);
        put(foldedKey, g * o.foldedDim + place, keyRows.row(d), aPrime);
      }

      // Rows in L, exchanged.
      Rows<T> lowKey = low(keyRows, h, h), lowQuery = low(queryRows, h, h);
      if (group > 1 && !o.slots && rank > 0) {
        std::fill(lowQuery.elements.begin(), lowQuery.elements.end(), T(0));
        for (int64_t other = g * group; other < (g + 1) * group; ++other) {
          Rows<T> part = low(headOf(query, other, o.basisQuery), h, other);
          for (size_t i = 0; i < part.elements.size(); ++i)
            lowQuery.elements[i] += part.elements[i];
        }
        for (T &element : lowQuery.elements)
          element /= static_cast<T>(group);
      }
      for (int64_t r = 0; r < rank; ++r) {
        int64_t place = o.slots ? kept + n * rank + r : recDims[r];
        put(foldedQuery, h * o.foldedDim + place, lowKey.row(r), b);
        put(foldedKey, g * o.foldedDim + place, lowQuery.row(r), bPrime);
      }
    }
  }
}

LogicalResult Evaluator::evaluateFoldWeights(FoldWeightsOp op) {
  Array queryWeight = get(op.getQueryWeight());
  Array keyWeight = get(op.getKeyWeight());
  std::optional<Array> queryBias, keyBias;
  if (op.getQueryBias())
    queryBias = get(op.getQueryBias());
  if (op.getKeyBias())
    keyBias = get(op.getKeyBias());

  FoldOperands o;
  o.heads = op.getNumHeads();
  o.kvHeads = op.getKvHeads();
  if (queryWeight.dim(0) % o.heads != 0)
    return op.emitError() << "the query weight has " << queryWeight.dim(0)
                          << " rows at run time, which " << o.heads
                          << " heads do not divide";
  o.headDim = queryWeight.dim(0) / o.heads;
  int64_t channels = queryWeight.dim(1);
  if (failed(checkShape(op, "the key weight", keyWeight.shape(),
                        {o.kvHeads * o.headDim, channels})) ||
      (queryBias && failed(checkShape(op, "the query bias", queryBias->shape(),
                                      {o.heads * o.headDim}))) ||
      (keyBias && failed(checkShape(op, "the key bias", keyBias->shape(),
                                    {o.kvHeads * o.headDim}))))
    return failure();
  o.recDims = getReciprocalDims(op.getRankAttr(), op.getRecDimsAttr(), o.heads,
                                o.headDim);
  o.wStd = gateValues(op.getWStd(), o.heads,
                      ReciprocalAttentionOp::kDefaultStandardGate);
  o.wRec = gateValues(op.getWRec(), o.heads,
                      ReciprocalAttentionOp::kDefaultReciprocalGate);
  if (op.getProjection())
    o.projection = get(op.getProjection());
  if (op.getBasisQuery()) {
    o.basisQuery = get(op.getBasisQuery());
    o.basisKey = get(op.getBasisKey());
  }
  o.split = op.getGateSplit();
  int64_t group = o.heads / o.kvHeads;
  int64_t rank = static_cast<int64_t>(o.recDims[0].size());
  o.slots = op.getGqa() == GroupedMode::Slots && group > 1 && rank > 0;
  o.foldedDim = o.slots ? o.headDim - rank + group * rank : o.headDim;

  for (int64_t h = 0; h < o.heads; ++h) {
    bool usesRec = !o.recDims[h].empty();
    double gate = usesRec ? std::min(o.wStd[h], o.wRec[h]) : o.wStd[h];
    if (o.split == GateSplit::Symmetric && gate < 0)
      return op.emitError()
             << "a gate of head " << h << " is negative (" << numberString(gate)
             << "), which has no root for gate_split = symmetric; use "
                "gate_split = query";
    // The rows of a key head serve the group: its factors must agree.
    int64_t first = h / group * group;
    bool agree = o.split == GateSplit::Query ||
                 (o.wStd[h] == o.wStd[first] &&
                  (o.slots || !usesRec || o.wRec[h] == o.wRec[first]));
    if (!agree)
      return op.emitError()
             << "heads " << first << " and " << h
             << " share a key head but have different gates, which "
                "gate_split = symmetric cannot give both; use gate_split = "
                "query";
  }

  struct Pair {
    const Array *query, *key;
    int64_t width;
    unsigned result;
  };
  SmallVector<Pair, 2> pairs = {{&queryWeight, &keyWeight, channels, 0}};
  if (op.getFoldedQueryBias())
    pairs.push_back({queryBias ? &*queryBias : nullptr,
                     keyBias ? &*keyBias : nullptr, 1, 2});
  for (const Pair &pair : pairs) {
    bool isBias = pair.result == 2;
    Extents queryShape{o.heads * o.foldedDim},
        keyShape{o.kvHeads * o.foldedDim};
    if (!isBias) {
      queryShape.push_back(channels);
      keyShape.push_back(channels);
    }
    Value queryResult = op->getResult(pair.result);
    Value keyResult = op->getResult(pair.result + 1);
    if (failed(checkResultShape(op, pair.result, queryShape)) ||
        failed(checkResultShape(op, pair.result + 1, keyShape)))
      return failure();
    FailureOr<Array> query = allocate(op, queryShape, queryResult.getType());
    FailureOr<Array> key = allocate(op, keyShape, keyResult.getType());
    if (failed(query) || failed(key))
      return failure();
    if (isStorage())
      Folder<float>(o, pair.query, pair.key, pair.width)
          .run(query->mutableFloats(), key->mutableFloats());
    else
      Folder<double>(o, pair.query, pair.key, pair.width)
          .run(query->mutableFloats(), key->mutableFloats());
    roundingOf(queryResult.getType())
        .apply(query->mutableFloats(), query->count());
    roundingOf(keyResult.getType()).apply(key->mutableFloats(), key->count());
    set(queryResult, std::move(*query));
    set(keyResult, std::move(*key));
  }
  return success();
}
