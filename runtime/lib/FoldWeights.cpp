//===- FoldWeights.cpp - Folding reciprocal terms into weights ------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ra/Runtime/FoldWeights.h"

#include "HeadRows.h"

#include <algorithm>
#include <cmath>
#include <utility>

using namespace ra::runtime;
using namespace ra::runtime::detail;

namespace {

/// One folded projection as it goes out.
struct Sink {
  Tensor weight;
  std::optional<Tensor> bias;

  /// Stores factor * row, rounded once, as output row `index`.
  void store(int64_t index, const double *row, double factor,
             std::vector<double> &scratch) {
    const int64_t inputs = weight.dim(1);
    for (int64_t c = 0; c < inputs; ++c)
      scratch[static_cast<size_t>(c)] = factor * row[c];
    weight.writeDoubles(index * inputs, inputs, scratch.data());
    if (bias)
      bias->set(index, factor * row[inputs]);
  }
};

/// The factors of one head.
struct Factors {
  double qStd, kStd, qRec, kRec;
};

class Folder {
public:
  Folder(const FoldSpec &spec, const HeadSource &q, const HeadSource &k)
      : spec(spec), q(q), k(k), group(spec.numHeads / spec.numKvHeads),
        foldedDim(foldedHeadDim(spec)) {
    if (spec.projection)
      projection = spec.projection->readAsDoubles();
    for (const std::vector<int64_t> &dims : spec.recDims)
      anyRank |= !dims.empty();
    slots = anyRank && group > 1 && spec.grouped == GroupedMode::Slots;
  }

  void run(Sink &qOut, Sink &kOut) {
    scratch.resize(static_cast<size_t>(qOut.weight.dim(1)));
    for (int64_t head = 0; head < spec.numKvHeads; ++head)
      foldGroup(head, qOut, kOut);
  }

private:
  const std::vector<int64_t> &dimsOf(int64_t head) const {
    return spec.recDims[static_cast<size_t>(head)];
  }

  Factors factorsOf(int64_t head) const {
    auto pick = [&](const std::vector<double> &gates) {
      return gates.size() == 1 ? gates[0] : gates[static_cast<size_t>(head)];
    };
    const double wStd = pick(spec.wStd);
    const double wRec = dimsOf(head).empty() ? 0.0 : pick(spec.wRec);
    if (spec.gateSplit == GateSplit::Query)
      return {wStd, 1.0, wRec, 1.0};
    return {std::sqrt(wStd), std::sqrt(wStd), std::sqrt(wRec), std::sqrt(wRec)};
  }

  /// The low part of `rows` as query head `head` sees it: R_h rows.
  HeadRows lowRows(const HeadRows &rows, int64_t head) const {
    const auto rank = static_cast<int64_t>(dimsOf(head).size());
    if (!projection.empty() && rank != 0) {
      const int64_t base =
          spec.projection->rank() == 3 ? head * spec.headDim * rank : 0;
      return multiplyTransposed(projection, base, rank, rows, spec.headDim);
    }
    HeadRows low(rank, rows.columns);
    for (int64_t r = 0; r < rank; ++r) {
      const double *from = rows.row(dimsOf(head)[static_cast<size_t>(r)]);
      std::copy(from, from + rows.columns, low.row(r));
    }
    return low;
  }

  /// The dims that head `head` keeps, in order.
  std::vector<int64_t> standardDims(int64_t head) const {
    std::vector<int64_t> kept;
    auto next = dimsOf(head).begin();
    for (int64_t d = 0; d < spec.headDim; ++d) {
      if (next != dimsOf(head).end() && *next == d)
        ++next;
      else
        kept.push_back(d);
    }
    return kept;
  }

  void foldGroup(int64_t kvHead, Sink &qOut, Sink &kOut) {
    const int64_t first = kvHead * group;
    const std::vector<int64_t> &dims = dimsOf(first);
    const auto rank = static_cast<int64_t>(dims.size());
    const std::vector<int64_t> kept = standardDims(first);
    const HeadRows kRows = k.load(kvHead);
    const HeadRows zero(1, kRows.columns);
    const int64_t kBase = kvHead * foldedDim;

    // Where the dim of index i of S, and of index r of slot j of L, end up.
    auto keptAt = [&](size_t i) {
      return slots ? static_cast<int64_t>(i) : kept[i];
    };
    auto lowAt = [&](int64_t j, int64_t r) {
      return slots ? spec.headDim - rank + j * rank + r
                   : dims[static_cast<size_t>(r)];
    };

    const Factors shared = factorsOf(first);
    for (size_t i = 0; i < kept.size(); ++i)
      kOut.store(kBase + keptAt(i), kRows.row(kept[i]), shared.kStd, scratch);

    HeadRows meanLow(rank, kRows.columns);
    for (int64_t j = 0; j < group; ++j) {
      const int64_t head = first + j;
      const Factors factors = factorsOf(head);
      const HeadRows qRows = q.load(head);
      const int64_t qBase = head * foldedDim;
      for (size_t i = 0; i < kept.size(); ++i)
        qOut.store(qBase + keptAt(i), qRows.row(kept[i]), factors.qStd,
                   scratch);
      if (rank == 0)
        continue;

      const HeadRows kLow = lowRows(kRows, head);
      const HeadRows qLow = lowRows(qRows, head);
      for (int64_t r = 0; r < rank; ++r) {
        if (!slots) {
          qOut.store(qBase + lowAt(0, r), kLow.row(r), factors.qRec, scratch);
          continue;
        }
        for (int64_t slot = 0; slot < group; ++slot)
          qOut.store(qBase + lowAt(slot, r),
                     slot == j ? kLow.row(r) : zero.row(0), factors.qRec,
                     scratch);
        kOut.store(kBase + lowAt(j, r), qLow.row(r), factors.kRec, scratch);
      }
      if (j == 0)
        meanLow = qLow;
      else
        for (int64_t r = 0; r < rank; ++r)
          addScaledRow(meanLow.row(r), qLow.row(r), 1.0, meanLow.columns);
    }
    if (slots)
      return;
    for (double &value : meanLow.values)
      value /= static_cast<double>(group);
    for (int64_t r = 0; r < rank; ++r)
      kOut.store(kBase + lowAt(0, r), meanLow.row(r), shared.kRec, scratch);
  }

  const FoldSpec &spec;
  const HeadSource &q;
  const HeadSource &k;
  const int64_t group;
  const int64_t foldedDim;
  std::vector<double> projection;
  std::vector<double> scratch;
  bool anyRank = false;
  bool slots = false;
};

int64_t maxRank(const FoldSpec &spec) {
  size_t rank = 0;
  for (const std::vector<int64_t> &dims : spec.recDims)
    rank = std::max(rank, dims.size());
  return static_cast<int64_t>(rank);
}

/// A per-head or shared matrix [heads?, rows, columns].
Status checkMatrix(const char *name, const std::optional<Tensor> &matrix,
                   int64_t heads, int64_t rows, int64_t columns) {
  if (!matrix)
    return Status::success();
  const ElementType type = matrix->elementType();
  if (!isFloat(type))
    return fail(std::string(name) + " is " +
                shapeString(matrix->shape(), type) +
                "; it must be floating point");
  const Shape shared = {rows, columns}, perHead = {heads, rows, columns};
  if (matrix->shape() == shared || matrix->shape() == perHead)
    return Status::success();
  return fail(std::string(name) + " is " + shapeString(matrix->shape(), type) +
              "; it must be " + shapeString(shared, type) + " or " +
              shapeString(perHead, type));
}

Expected<Sink> makeSink(int64_t rows, const Tensor &weight,
                        const Tensor *biasLike) {
  Expected<Tensor> out =
      Tensor::create({rows, weight.dim(1)}, weight.elementType());
  if (!out)
    return out.takeFailure();
  Sink sink;
  sink.weight = std::move(*out);
  if (biasLike) {
    Expected<Tensor> bias = Tensor::create({rows}, biasLike->elementType());
    if (!bias)
      return bias.takeFailure();
    sink.bias = std::move(*bias);
  }
  return sink;
}

} // namespace

int64_t ra::runtime::foldedHeadDim(const FoldSpec &spec) {
  const int64_t group = spec.numHeads / spec.numKvHeads;
  const int64_t rank = maxRank(spec);
  if (spec.grouped != GroupedMode::Slots || group == 1 || rank == 0)
    return spec.headDim;
  return spec.headDim - rank + group * rank;
}

Status ra::runtime::checkFoldSpec(const FoldSpec &spec) {
  FoldFacts facts;
  facts.numHeads = spec.numHeads;
  facts.numKvHeads = spec.numKvHeads;
  facts.headDim = spec.headDim;
  facts.recDims = spec.recDims;
  facts.hasProjection = spec.projection.has_value();
  facts.hasBasis = spec.basisQ || spec.basisK;
  facts.gateSplit = spec.gateSplit;
  facts.grouped = spec.grouped;
  facts.wStd = spec.wStd;
  facts.wRec = spec.wRec;
  const std::vector<Refusal> refusals = checkFold(facts);
  if (!refusals.empty())
    return fail(refusalText(refusals.front()));

  const int64_t rank = maxRank(spec);
  if (spec.projection && rank != 0) {
    for (const std::vector<int64_t> &dims : spec.recDims)
      if (!dims.empty() && static_cast<int64_t>(dims.size()) != rank)
        return fail("a projection P of R columns needs the same rank in every "
                    "head of nonzero rank, got " +
                    std::to_string(dims.size()) + " and " +
                    std::to_string(rank));
    Status status = checkMatrix("projection P", spec.projection, spec.numHeads,
                                spec.headDim, rank);
    if (!status.ok())
      return status;
  }
  Status status = checkMatrix("basis of q", spec.basisQ, spec.numHeads,
                              spec.headDim, spec.headDim);
  if (!status.ok())
    return status;
  return checkMatrix("basis of k", spec.basisK, spec.numKvHeads, spec.headDim,
                     spec.headDim);
}

Expected<FoldedWeights>
ra::runtime::foldWeights(const FoldSpec &spec, const Tensor &wq,
                         const Tensor &wk, const Tensor *bq, const Tensor *bk) {
  for (Status status :
       {checkFoldSpec(spec), checkProjections(wq, wk, bq, bk, spec.numHeads,
                                              spec.numKvHeads, spec.headDim)})
    if (!status.ok())
      return status.takeFailure();
  auto mismatch = [](const char *what, const Tensor &q, const Tensor &k) {
    return fail(std::string("query and key ") + what + " are " +
                shapeString(q.shape(), q.elementType()) + " and " +
                shapeString(k.shape(), k.elementType()) +
                "; rows move between them, so they must agree in type" +
                (q.rank() == 2 ? " and input width" : ""));
  };
  if (wq.elementType() != wk.elementType() || wq.dim(1) != wk.dim(1))
    return mismatch("weight", wq, wk);
  if (bq && bk && bq->elementType() != bk->elementType())
    return mismatch("bias", *bq, *bk);

  const int64_t foldedDim = foldedHeadDim(spec);
  const Tensor *biasLike = bq ? bq : bk;
  Expected<Sink> qOut = makeSink(spec.numHeads * foldedDim, wq, biasLike);
  if (!qOut)
    return qOut.takeFailure();
  Expected<Sink> kOut = makeSink(spec.numKvHeads * foldedDim, wk, biasLike);
  if (!kOut)
    return kOut.takeFailure();

  const HeadSource q(wq, bq, spec.basisQ, spec.headDim);
  const HeadSource k(wk, bk, spec.basisK, spec.headDim);
  Folder(spec, q, k).run(*qOut, *kOut);
  return FoldedWeights{std::move(qOut->weight), std::move(kOut->weight),
                       std::move(qOut->bias), std::move(kOut->bias)};
}
