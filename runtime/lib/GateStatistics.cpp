//===- GateStatistics.cpp - What gates are, and what they weigh -----------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ra/Runtime/GateStatistics.h"

#include "HeadRows.h"
#include "ra/Runtime/Basis.h"

#include <Eigen/Core>

#include <algorithm>
#include <cmath>
#include <string>

using namespace ra::runtime;
using namespace ra::runtime::detail;

namespace {

using Matrix =
    Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

Matrix toMatrix(const HeadRows &rows, int64_t dims) {
  return Eigen::Map<const Matrix>(rows.values.data(), dims, rows.columns);
}

/// A part of the scores, (x, 1)^T left^T right (y, 1), whose rows stand at the
/// dims `dims` of the head.
struct Part {
  std::vector<int64_t> dims;
  Matrix left, right;
};

/// The rotary embedding, as far as energies go.
struct Rotation {
  RopeStyle style;
  int64_t dim;

  /// The pair of `d`, or -1 when it is not rotated.
  int64_t pairOf(int64_t d) const {
    if (d >= dim)
      return -1;
    return style == RopeStyle::Half ? d % (dim / 2) : d / 2;
  }
};

/// The expected square of the sum of `parts`, averaged over the angle of each
/// rotated pair.
double energy(const std::vector<Part> &parts, const Rotation &rotation) {
  std::vector<double> leftOf(static_cast<size_t>(rotation.dim / 2), 0.0),
      rightOf(leftOf);
  Eigen::Index numFree = 0, columns = 0;
  for (const Part &part : parts) {
    columns = part.left.cols();
    for (size_t i = 0; i < part.dims.size(); ++i) {
      const auto row = static_cast<Eigen::Index>(i);
      const int64_t pair = rotation.pairOf(part.dims[i]);
      if (pair < 0) {
        ++numFree;
        continue;
      }
      leftOf[static_cast<size_t>(pair)] += part.left.row(row).squaredNorm();
      rightOf[static_cast<size_t>(pair)] += part.right.row(row).squaredNorm();
    }
  }
  double sum = 0;
  for (size_t pair = 0; pair < leftOf.size(); ++pair)
    sum += 0.5 * leftOf[pair] * rightOf[pair];

  // || left^T right ||^2 is the sum of the products of the two sides' Grams.
  Matrix left(numFree, columns), right(numFree, columns);
  Eigen::Index next = 0;
  for (const Part &part : parts)
    for (size_t i = 0; i < part.dims.size(); ++i) {
      if (rotation.pairOf(part.dims[i]) >= 0)
        continue;
      left.row(next) = part.left.row(static_cast<Eigen::Index>(i));
      right.row(next++) = part.right.row(static_cast<Eigen::Index>(i));
    }
  sum +=
      ((left * left.transpose()).array() * (right * right.transpose()).array())
          .sum();
  return sum;
}

double share(double part, double whole) {
  return whole > 0.0 ? part / whole : 0.0;
}

/// Rows `dims` of two matrices.
Part rowsOf(const Matrix &left, const Matrix &right,
            const std::vector<int64_t> &dims) {
  const auto count = static_cast<Eigen::Index>(dims.size());
  Part part{dims, Matrix(count, left.cols()), Matrix(count, right.cols())};
  for (Eigen::Index i = 0; i < count; ++i) {
    part.left.row(i) = left.row(dims[static_cast<size_t>(i)]);
    part.right.row(i) = right.row(dims[static_cast<size_t>(i)]);
  }
  return part;
}

Status checkRotary(const FoldSpec &spec, const Rotation &rotation) {
  if (rotation.dim < 0 || rotation.dim > spec.headDim || rotation.dim % 2 != 0)
    return fail("rotary: rotary dim " + std::to_string(rotation.dim) +
                " of head dim " + std::to_string(spec.headDim) +
                "; legal: an even rotary dim, at most the head dim");
  FoldFacts facts;
  facts.numHeads = spec.numHeads;
  facts.numKvHeads = spec.numKvHeads;
  facts.headDim = spec.headDim;
  facts.recDims = spec.recDims;
  facts.hasProjection = spec.projection.has_value();
  facts.grouped = spec.grouped;
  facts.gateSplit = GateSplit::Query;
  facts.qRope = facts.kRope = rotation.style;
  facts.qRotaryDim = facts.kRotaryDim = rotation.dim;
  facts.hasBasis = facts.basisCommutes = spec.basisQ || spec.basisK;
  for (const std::optional<Tensor> *basis : {&spec.basisQ, &spec.basisK})
    if (*basis)
      facts.basisCommutes &=
          commutesWithRotary(**basis, rotation.style, rotation.dim);
  for (const Refusal &refusal : checkFold(facts))
    if (refusal.rule == Rule::Rotary)
      return fail(refusalText(refusal));
  return Status::success();
}

} // namespace

Summary ra::runtime::summarize(const std::vector<double> &values) {
  Summary summary;
  summary.count = static_cast<int64_t>(values.size());
  if (values.empty())
    return summary;
  const auto count = static_cast<double>(values.size());
  summary.min = summary.max = values[0];
  double sum = 0;
  for (double value : values) {
    sum += value;
    summary.min = std::min(summary.min, value);
    summary.max = std::max(summary.max, value);
  }
  summary.mean = sum / count;
  if (values.size() == 1)
    return summary;
  double squares = 0;
  for (double value : values)
    squares += (value - summary.mean) * (value - summary.mean);
  summary.std = std::sqrt(squares / (count - 1));
  return summary;
}

HeadGates ra::runtime::headGates(const FoldSpec &spec) {
  HeadGates gates;
  auto gateOf = [](const std::vector<double> &values, size_t head) {
    return values.size() == 1 ? values[0] : values[head];
  };
  for (size_t head = 0; head < static_cast<size_t>(spec.numHeads); ++head) {
    gates.wStd.push_back(gateOf(spec.wStd, head));
    if (!spec.recDims[head].empty())
      gates.wRec.push_back(gateOf(spec.wRec, head));
  }
  return gates;
}

Expected<std::vector<HeadEnergy>>
ra::runtime::headEnergies(const FoldSpec &spec, const Tensor &wq,
                          const Tensor &wk, const Tensor *bq, const Tensor *bk,
                          RopeStyle rope, int64_t rotaryDim) {
  for (Status status :
       {checkFoldSpec(spec), checkProjections(wq, wk, bq, bk, spec.numHeads,
                                              spec.numKvHeads, spec.headDim)})
    if (!status.ok())
      return status.takeFailure();
  if (wq.dim(1) != wk.dim(1))
    return fail("query and key weight take " + std::to_string(wq.dim(1)) +
                " and " + std::to_string(wk.dim(1)) +
                " channels; scores of one x need the same");
  const Rotation rotation{rope, rope == RopeStyle::None ? 0 : rotaryDim};
  Status status = checkRotary(spec, rotation);
  if (!status.ok())
    return status.takeFailure();

  const int64_t group = spec.numHeads / spec.numKvHeads, d = spec.headDim;
  const HeadSource q(wq, bq, spec.basisQ, d), k(wk, bk, spec.basisK, d);
  std::vector<double> projection;
  if (spec.projection)
    projection = spec.projection->readAsDoubles();
  // The low part of a head's rows: rows `dims`, or P^T rows.
  auto lowOf = [&](const HeadRows &rows, int64_t head) {
    const std::vector<int64_t> &dims = spec.recDims[static_cast<size_t>(head)];
    const auto rank = static_cast<int64_t>(dims.size());
    if (projection.empty() || rank == 0) {
      const Matrix matrix = toMatrix(rows, d);
      return rowsOf(matrix, matrix, dims).left;
    }
    const int64_t base = spec.projection->rank() == 3 ? head * d * rank : 0;
    return toMatrix(multiplyTransposed(projection, base, rank, rows, d), rank);
  };

  std::vector<HeadEnergy> energies;
  for (int64_t kvHead = 0; kvHead < spec.numKvHeads; ++kvHead) {
    const HeadRows keyRows = k.load(kvHead);
    const Matrix keys = toMatrix(keyRows, d);
    std::vector<HeadRows> queryRows;
    queryRows.reserve(static_cast<size_t>(group));
    for (int64_t j = 0; j < group; ++j)
      queryRows.push_back(q.load(kvHead * group + j));
    for (int64_t j = 0; j < group; ++j) {
      const int64_t head = kvHead * group + j;
      const std::vector<int64_t> &low = spec.recDims[static_cast<size_t>(head)];
      std::vector<int64_t> kept;
      for (int64_t dim = 0; dim < d; ++dim)
        if (!std::binary_search(low.begin(), low.end(), dim))
          kept.push_back(dim);
      const Matrix queries = toMatrix(queryRows[static_cast<size_t>(j)], d);
      Part standard = rowsOf(queries, keys, kept);
      const Part givenUp = rowsOf(queries, keys, low);
      HeadEnergy result;
      result.lowShare = share(energy({givenUp}, rotation),
                              energy({standard, givenUp}, rotation));

      // k_i asks with its low part, the (mean) q_j answers.
      Part reciprocal{low, lowOf(keyRows, head), {}};
      if (spec.grouped == GroupedMode::Slots) {
        reciprocal.right = lowOf(queryRows[static_cast<size_t>(j)], head);
      } else {
        reciprocal.right =
            Matrix::Zero(reciprocal.left.rows(), reciprocal.left.cols());
        for (int64_t other = 0; other < group; ++other)
          reciprocal.right += lowOf(queryRows[static_cast<size_t>(other)],
                                    kvHead * group + other) /
                              static_cast<double>(group);
      }
      auto gate = [&](const std::vector<double> &gates) {
        return gates.size() == 1 ? gates[0] : gates[static_cast<size_t>(head)];
      };
      standard.left *= gate(spec.wStd);
      reciprocal.left *= gate(spec.wRec);
      result.reciprocalShare = share(energy({reciprocal}, rotation),
                                     energy({standard, reciprocal}, rotation));
      energies.push_back(result);
    }
  }
  return energies;
}
