//===- Basis.cpp - A basis in which the exchanged dims carry least --------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ra/Runtime/Basis.h"

#include "HeadRows.h"

#include <Eigen/LU>
#include <Eigen/QR>
#include <Eigen/SVD>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>
#include <utility>

using namespace ra::runtime;
using namespace ra::runtime::detail;

namespace {

using Matrix = Eigen::MatrixXd;
using Vector = Eigen::VectorXd;
using RowMajor =
    Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// The triangular factor of `rows` [n, d], as a d x d matrix: R^T R is
/// rows^T rows.
Matrix triangle(const Matrix &rows) {
  const Eigen::Index d = rows.cols(), height = std::min(rows.rows(), d);
  Matrix r = Matrix::Zero(d, d);
  if (height == 0)
    return r;
  const Eigen::HouseholderQR<Matrix> qr(rows);
  r.topRows(height) =
      qr.matrixQR().topRows(height).triangularView<Eigen::Upper>();
  return r;
}

/// What the inputs of the projections are taken to be: a mixture of sample
/// tokens and of white noise.
struct Inputs {
  RowMajor sample;        ///< [N, C]; N = 0 without one.
  double white = 1.0;     ///< Weight of the noise, in [0, 1].
  double deviation = 1.0; ///< Of the noise, in each channel.

  /// A matrix Y with Y^T Y = E[y y^T] for y = W x + b, where `head` is
  /// [W | b]; about the mean of y if `centred`.
  Matrix moments(const Eigen::Map<const RowMajor> &head, bool centred) const {
    const Eigen::Index d = head.rows(), c = head.cols() - 1, n = sample.rows();
    const auto weight = head.leftCols(c);
    const Vector bias = head.col(c);
    Matrix drawn(n, d);
    if (n != 0) {
      drawn.noalias() = sample * weight.transpose();
      drawn.rowwise() += bias.transpose();
    }
    Vector centre = Vector::Zero(d);
    if (centred) {
      centre = white * bias;
      if (n != 0)
        centre += (1.0 - white) * drawn.colwise().mean().transpose();
    }
    Matrix rows(n + c + 1, d);
    if (n != 0)
      rows.topRows(n) = std::sqrt((1.0 - white) / static_cast<double>(n)) *
                        (drawn.rowwise() - centre.transpose());
    rows.middleRows(n, c) = std::sqrt(white) * deviation * weight.transpose();
    rows.row(n + c) = std::sqrt(white) * (bias - centre).transpose();
    return triangle(rows);
  }
};

/// A with A^-T, and what each dim carries, most first.
struct FreeBasis {
  Matrix a, b;
  Vector energy;
};

/// Directions below this part of the largest singular value carry nothing: the
/// square, which is what counts, is at the end of f64.
constexpr double kNothing = 1e-10;

/// The basis in which dims are the singular directions of rq rk^T. Energies are
/// NaN where that overflows.
FreeBasis singularBasis(const Matrix &rq, const Matrix &rk) {
  const Eigen::Index d = rq.cols();
  if (d == 0)
    return {};
  const Matrix scores = rq * rk.transpose();
  if (!scores.allFinite()) {
    const double nan = std::numeric_limits<double>::quiet_NaN();
    return {Matrix::Identity(d, d), Matrix::Identity(d, d),
            Vector::Constant(d, nan)};
  }
  const Eigen::BDCSVD<Matrix> svd(scores,
                                  Eigen::ComputeFullU | Eigen::ComputeFullV);
  const Vector &s = svd.singularValues();
  // The product's own rounding is nothing, too.
  const double rounding = static_cast<double>(d) *
                          std::numeric_limits<double>::epsilon() * rq.norm() *
                          rk.norm();
  Eigen::Index used = 0;
  while (used < d && s(used) > std::max(kNothing * s(0), rounding))
    ++used;

  FreeBasis basis;
  basis.energy = s.cwiseAbs2();
  basis.energy.tail(d - used).setZero();
  basis.a.resize(d, d);
  const Eigen::ArrayXd root = s.head(used).array().rsqrt();
  basis.a.leftCols(used) = rk.transpose() * svd.matrixV().leftCols(used) *
                           root.matrix().asDiagonal();
  if (used < d) {
    // The rest of A completes it: a column must be orthogonal to those of B
    // that are used, for which A^T B = I. Within the rest the product of the
    // two sides is 0; the singular directions of the query side put the dims in
    // which q is not 0, so that k is, before those in which q is 0.
    Matrix rest = Matrix::Identity(d, d);
    if (used != 0) {
      const Matrix usedB = rq.transpose() * svd.matrixU().leftCols(used) *
                           root.matrix().asDiagonal();
      rest = Eigen::HouseholderQR<Matrix>(usedB).householderQ() *
             Matrix::Identity(d, d).rightCols(d - used);
    }
    const Matrix queries = rq * rest;
    const Eigen::JacobiSVD<Matrix> order(queries, Eigen::ComputeFullV);
    basis.a.rightCols(d - used) = rest * order.matrixV();
  }
  // Not Rq^T U s^-1/2, which is the same in exact arithmetic: small singular
  // values would make the two differ, and with them the scores.
  const Matrix identity = Matrix::Identity(d, d);
  Matrix inverse = basis.a.partialPivLu().inverse();
  inverse += inverse * (identity - basis.a * inverse);
  basis.b = inverse.transpose();
  return basis;
}

/// How the ranks of one head can be made up, and the way that loses least.
struct Choice {
  std::vector<int64_t> dims;
  double carried = 0;
};

class Chooser {
public:
  explicit Chooser(const BasisSpec &spec)
      : spec(spec), group(spec.numHeads / spec.numKvHeads),
        rotated(spec.rope == RopeStyle::None ? 0 : spec.rotaryDim),
        numFree(spec.headDim - rotated) {}

  int64_t rankOf(int64_t head) const {
    return spec.ranks.size() == 1 ? spec.ranks[0]
                                  : spec.ranks[static_cast<size_t>(head)];
  }

  /// True when exchanged dims must be ones that are not rotated.
  bool freeOnly() const {
    return spec.grouped == GroupedMode::Slots && group > 1;
  }

  /// Whether `rank` dims can be had from whole pairs and free dims.
  bool reachable(int64_t rank) const {
    if (rank <= numFree)
      return true;
    const int64_t pairs = (rank - numFree + 1) / 2;
    return !freeOnly() && 2 * pairs <= std::min(rotated, rank);
  }

  std::pair<int64_t, int64_t> pairDims(int64_t pair) const {
    if (spec.rope == RopeStyle::Half)
      return {pair, pair + rotated / 2};
    return {2 * pair, 2 * pair + 1};
  }

  /// The cheapest `rank` dims, given what pairs and free dims (most first)
  /// carry.
  Choice choose(int64_t rank, const Vector &pairEnergy,
                const Vector &freeEnergy) const {
    std::vector<int64_t> order(static_cast<size_t>(rotated / 2));
    std::iota(order.begin(), order.end(), 0);
    // Of pairs that carry the same, the one that turns slowest goes.
    std::sort(order.begin(), order.end(), [&](int64_t x, int64_t y) {
      return std::pair(pairEnergy(x), -x) < std::pair(pairEnergy(y), -y);
    });
    const int64_t maxPairs = freeOnly() ? 0 : std::min(rotated, rank) / 2;
    double best = std::numeric_limits<double>::infinity();
    int64_t bestPairs = 0;
    double ofPairs = 0;
    for (int64_t pairs = 0; pairs <= maxPairs; ++pairs) {
      if (pairs != 0)
        ofPairs += pairEnergy(order[static_cast<size_t>(pairs - 1)]);
      const int64_t rest = rank - 2 * pairs;
      if (rest > numFree)
        continue;
      const double carried = ofPairs + freeEnergy.tail(rest).sum();
      if (carried < best) {
        best = carried;
        bestPairs = pairs;
      }
    }
    Choice choice;
    choice.carried = best;
    for (int64_t i = 0; i < bestPairs; ++i) {
      const auto [u, v] = pairDims(order[static_cast<size_t>(i)]);
      choice.dims.push_back(u);
      choice.dims.push_back(v);
    }
    for (int64_t d = spec.headDim - (rank - 2 * bestPairs); d < spec.headDim;
         ++d)
      choice.dims.push_back(d);
    std::sort(choice.dims.begin(), choice.dims.end());
    return choice;
  }

  const BasisSpec &spec;
  const int64_t group;
  const int64_t rotated; ///< Dims below this are rotated.
  const int64_t numFree; ///< The dims from there on.
};

Status checkSpec(const BasisSpec &spec) {
  // Counts, ranks and groups are those of a fold of the last R dims.
  FoldFacts facts;
  facts.numHeads = spec.numHeads;
  facts.numKvHeads = spec.numKvHeads;
  facts.headDim = spec.headDim;
  facts.grouped = spec.grouped;
  facts.gateSplit = GateSplit::Query;
  const auto numRanks = static_cast<int64_t>(spec.ranks.size());
  if (numRanks != 1 && numRanks != spec.numHeads)
    return fail("grouped: " + std::to_string(numRanks) + " ranks for " +
                std::to_string(spec.numHeads) +
                " heads; legal: one number, or one per query head");
  for (int64_t rank : spec.ranks)
    if (rank < 0 || rank >= spec.headDim)
      return fail("affine: rank " + std::to_string(rank) + " of head dim " +
                  std::to_string(spec.headDim) + "; legal: 0 to head dim - 1");
  for (int64_t head = 0; head < spec.numHeads; ++head) {
    const int64_t rank = spec.ranks[numRanks == 1 ? 0 : head];
    std::vector<int64_t> dims(static_cast<size_t>(rank));
    std::iota(dims.begin(), dims.end(), spec.headDim - rank);
    facts.recDims.push_back(std::move(dims));
  }
  const std::vector<Refusal> refusals = checkFold(facts);
  if (!refusals.empty())
    return fail(refusalText(refusals.front()));
  if (!(spec.shrinkage >= 0.0 && spec.shrinkage <= 1.0))
    return fail("the shrinkage of the second moment is " +
                std::to_string(spec.shrinkage) + "; it lies in [0, 1]");
  if (spec.rope == RopeStyle::None)
    return Status::success();

  if (spec.rotaryDim < 0 || spec.rotaryDim > spec.headDim ||
      spec.rotaryDim % 2 != 0)
    return fail("rotary: rotary dim " + std::to_string(spec.rotaryDim) +
                " of head dim " + std::to_string(spec.headDim) +
                "; legal: an even rotary dim, at most the head dim");
  const Chooser chooser(spec);
  for (int64_t rank : spec.ranks)
    if (!chooser.reachable(rank))
      return fail(
          "rotary: rank " + std::to_string(rank) + " does not divide into " +
          (chooser.freeOnly()
               ? "dims that are not rotated, where slots must lie"
               : std::string("whole rotation pairs and dims that are not "
                             "rotated")) +
          " (" + std::to_string(chooser.numFree) + " of " +
          std::to_string(spec.headDim) + "); legal: " +
          (chooser.freeOnly() ? "at most " + std::to_string(chooser.numFree) +
                                    ", or gqa = mean"
                              : std::string("an even rank")));
  return Status::success();
}

Expected<Inputs> readInputs(const BasisSpec &spec, int64_t channels,
                            const Tensor *activations) {
  Inputs inputs;
  if (!activations)
    return inputs;
  const int64_t rank = activations->rank();
  if (!isFloat(activations->elementType()) || rank < 1 ||
      activations->dim(static_cast<size_t>(rank - 1)) != channels ||
      activations->numElements() == 0)
    return fail("activations are " +
                shapeString(activations->shape(), activations->elementType()) +
                "; they must be floating point of shape [..., " +
                std::to_string(channels) + "], at least one token");
  inputs.sample.resize(activations->numElements() / channels, channels);
  activations->readDoubles(0, activations->numElements(), inputs.sample.data());
  if (!inputs.sample.allFinite())
    return fail("activations have values that are not finite");
  inputs.white = spec.shrinkage;
  inputs.deviation = std::sqrt(inputs.sample.squaredNorm() /
                               static_cast<double>(inputs.sample.size()));
  return inputs;
}

class Builder {
public:
  Builder(const BasisSpec &spec, const Inputs &inputs, const HeadSource &q,
          const HeadSource &k)
      : spec(spec), chooser(spec), inputs(inputs), q(q), k(k) {}

  Status run(Basis &basis) {
    const auto area = static_cast<size_t>(spec.headDim * spec.headDim);
    a.resize(static_cast<size_t>(spec.numHeads) * area);
    b.resize(static_cast<size_t>(spec.numKvHeads) * area);
    for (int64_t head = 0; head < spec.numKvHeads; ++head) {
      Status status = oneGroup(head, basis);
      if (!status.ok())
        return status;
    }
    if (!changed)
      return Status::success();
    const int64_t d = spec.headDim;
    for (auto [matrix, heads, values] :
         {std::tuple(&basis.basisQ, spec.numHeads, &a),
          std::tuple(&basis.basisK, spec.numKvHeads, &b)}) {
      Expected<Tensor> tensor =
          Tensor::fromDoubles({heads, d, d}, ElementType::F64, *values);
      if (!tensor)
        return tensor.takeFailure();
      *matrix = std::move(*tensor);
    }
    return Status::success();
  }

private:
  /// The moments of one head of a projection, on all dims.
  Expected<Matrix> momentsOf(const char *name, const HeadSource &source,
                             int64_t head, bool centred) const {
    const HeadRows rows = source.load(head);
    const Eigen::Map<const RowMajor> map(rows.values.data(), spec.headDim,
                                         rows.columns);
    if (!map.allFinite())
      return fail(std::string(name) + " " + std::to_string(head) +
                  " has values that are not finite");
    return inputs.moments(map, centred);
  }

  Status oneGroup(int64_t kvHead, Basis &basis) {
    const int64_t group = chooser.group, rotated = chooser.rotated,
                  numFree = chooser.numFree;
    const Eigen::Index d = spec.headDim;
    Expected<Matrix> keys = momentsOf("key head", k, kvHead, false);
    if (!keys)
      return keys.takeFailure();
    Expected<Matrix> freeKeys =
        spec.softmaxInvariant ? momentsOf("key head", k, kvHead, true) : *keys;
    if (!freeKeys)
      return freeKeys.takeFailure();

    // The queries of the group, stacked.
    Matrix queries(group * d, d);
    for (int64_t j = 0; j < group; ++j) {
      Expected<Matrix> one =
          momentsOf("query head", q, kvHead * group + j, false);
      if (!one)
        return one.takeFailure();
      queries.middleRows(j * d, d) = *one;
    }

    Vector pairEnergy(rotated / 2);
    for (int64_t pair = 0; pair < rotated / 2; ++pair) {
      const auto [u, v] = chooser.pairDims(pair);
      pairEnergy(pair) =
          0.5 * (queries.col(u).squaredNorm() + queries.col(v).squaredNorm()) *
          (keys->col(u).squaredNorm() + keys->col(v).squaredNorm());
    }
    const FreeBasis free =
        singularBasis(triangle(queries.rightCols(numFree)),
                      triangle(freeKeys->rightCols(numFree)));

    const double total = pairEnergy.sum() + free.energy.sum();
    if (!std::isfinite(total))
      return fail("no basis for key head " + std::to_string(kvHead) +
                  ": squares of its scores overflow f64; scale its weights");

    const int64_t rank = chooser.rankOf(kvHead * group);
    const Choice choice = chooser.choose(rank, pairEnergy, free.energy);
    basis.givenUp.push_back(total > 0.0 ? choice.carried / total : 0.0);
    basis.recDims.insert(basis.recDims.end(), static_cast<size_t>(group),
                         choice.dims);

    // A free block matters where some of its dims stay and others go.
    const auto gone =
        std::count_if(choice.dims.begin(), choice.dims.end(),
                      [&](int64_t dim) { return dim >= rotated; });
    const bool mixes = gone != 0 && gone != numFree;
    changed |= mixes;
    Matrix wholeA = Matrix::Identity(d, d), wholeB = wholeA;
    if (mixes) {
      wholeA.bottomRightCorner(numFree, numFree) = free.a;
      wholeB.bottomRightCorner(numFree, numFree) = free.b;
    }
    for (int64_t j = 0; j < group; ++j)
      store(a, kvHead * group + j, wholeA);
    store(b, kvHead, wholeB);
    return Status::success();
  }

  static void store(std::vector<double> &to, int64_t head,
                    const Matrix &matrix) {
    Eigen::Map<RowMajor>(to.data() + head * matrix.size(), matrix.rows(),
                         matrix.cols()) = matrix;
  }

  const BasisSpec &spec;
  const Chooser chooser;
  const Inputs &inputs;
  const HeadSource &q;
  const HeadSource &k;
  std::vector<double> a, b;
  bool changed = false;
};

} // namespace

Expected<Basis> ra::runtime::chooseBasis(const BasisSpec &spec,
                                         const Tensor &wq, const Tensor &wk,
                                         const Tensor *bq, const Tensor *bk,
                                         const Tensor *activations) {
  // Shapes first: they bound the counts.
  Status status = checkProjections(wq, wk, bq, bk, spec.numHeads,
                                   spec.numKvHeads, spec.headDim);
  if (!status.ok())
    return status.takeFailure();
  if (wq.dim(1) != wk.dim(1))
    return fail("query and key weight take " + std::to_string(wq.dim(1)) +
                " and " + std::to_string(wk.dim(1)) +
                " channels; scores of one x need the same");
  status = checkSpec(spec);
  if (!status.ok())
    return status.takeFailure();
  Expected<Inputs> inputs = readInputs(spec, wq.dim(1), activations);
  if (!inputs)
    return inputs.takeFailure();

  const HeadSource q(wq, bq, std::nullopt, spec.headDim);
  const HeadSource k(wk, bk, std::nullopt, spec.headDim);
  Basis basis;
  status = Builder(spec, *inputs, q, k).run(basis);
  if (!status.ok())
    return status.takeFailure();
  return basis;
}

bool ra::runtime::commutesWithRotary(const Tensor &basis, RopeStyle style,
                                     int64_t rotaryDim) {
  if (style == RopeStyle::None || rotaryDim == 0)
    return true;
  const auto rank = static_cast<size_t>(basis.rank());
  if (rank < 2 || basis.dim(rank - 1) != basis.dim(rank - 2))
    return false;
  const int64_t d = basis.dim(rank - 1);
  if (rotaryDim < 0 || rotaryDim > d || rotaryDim % 2 != 0)
    return false;
  // The other dim of a rotated dim's pair, and whether it is the pair's first.
  const int64_t half = rotaryDim / 2;
  auto partner = [&](int64_t dim) {
    if (style == RopeStyle::Interleaved)
      return dim ^ 1;
    return dim < half ? dim + half : dim - half;
  };
  for (int64_t base = 0; base < basis.numElements(); base += d * d)
    for (int64_t i = 0; i < d; ++i)
      for (int64_t j = 0; j < d; ++j) {
        if (i >= rotaryDim && j >= rotaryDim)
          continue;
        const double here = basis.at(base + i * d + j);
        if (i < rotaryDim && j == i) {
          if (here != basis.at(base + partner(i) * d + partner(i)))
            return false;
        } else if (i < rotaryDim && j == partner(i)) {
          if (here != -basis.at(base + j * d + i))
            return false;
        } else if (here != 0.0) {
          return false;
        }
      }
  return true;
}
