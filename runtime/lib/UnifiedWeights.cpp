//===- UnifiedWeights.cpp - The folded weights of one attention -----------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ra/Runtime/UnifiedWeights.h"

#include "Text.h"
#include "ra/Runtime/Random.h"

#include <algorithm>
#include <cmath>

using namespace ra::runtime;

std::vector<InvariantViolation>
ra::runtime::checkInvariants(const FoldSpec &spec, int64_t channels) {
  std::vector<InvariantViolation> violations;
  auto number = [](int64_t value) { return std::to_string(value); };
  if (spec.numHeads <= 0 || spec.numKvHeads <= 0 ||
      spec.numHeads % spec.numKvHeads != 0 || channels % spec.numHeads != 0) {
    violations.push_back(
        {"divisibility",
         number(spec.numKvHeads) + " key heads, " + number(spec.numHeads) +
             " query heads" +
             (channels == 0 ? std::string()
                            : ", " + number(channels) + " channels") +
             ": each must divide the next"});
    return violations; // the others divide by them
  }
  int64_t rank = 0;
  bool ranksDiffer = false;
  for (const std::vector<int64_t> &dims : spec.recDims) {
    const auto here = static_cast<int64_t>(dims.size());
    if (here >= spec.headDim) {
      violations.push_back({"rank", "rank " + number(here) + " of head dim " +
                                        number(spec.headDim) +
                                        ": it must be in [0, " +
                                        number(spec.headDim - 1) + "]"});
      return violations;
    }
    if (here == 0)
      continue;
    ranksDiffer = ranksDiffer || (rank != 0 && rank != here);
    rank = std::max(rank, here);
  }
  if (ranksDiffer)
    violations.push_back({"d-std", "heads keep different numbers of dims (up "
                                   "to rank " +
                                       number(rank) +
                                       "): one rank for all that have one"});
  constexpr int64_t alignment = 8;
  const int64_t folded = foldedHeadDim(spec);
  if (folded % alignment != 0)
    violations.push_back(
        {"tensor-core-alignment",
         "the folded head dim is " + number(folded) +
             ": tensor cores read multiples of 8, next is " +
             number((folded + alignment - 1) / alignment * alignment)});
  return violations;
}

Expected<Tensor> ra::runtime::xavierUniform(int64_t outputs, int64_t inputs,
                                            ElementType type, uint64_t seed,
                                            uint64_t stream) {
  Expected<Tensor> tensor = Tensor::create({outputs, inputs}, type);
  if (!tensor)
    return tensor;
  constexpr double gain = 6.0;
  const double bound = std::sqrt(
      gain / (static_cast<double>(inputs) + static_cast<double>(outputs)));
  std::vector<double> row(static_cast<size_t>(inputs));
  for (int64_t i = 0; i < outputs; ++i) {
    RandomStream{seed, stream}.uniform(-bound, bound,
                                       static_cast<uint64_t>(i * inputs),
                                       row.size(), row.data());
    tensor->writeDoubles(i * inputs, inputs, row.data());
  }
  return tensor;
}

Expected<UnifiedWeights>
UnifiedWeights::create(int64_t channels, int64_t numHeads, int64_t numKvHeads,
                       int64_t headDim, std::string device) {
  UnifiedWeights weights;
  weights.channels = channels;
  weights.device = std::move(device);
  weights.fold.numHeads = numHeads;
  weights.fold.numKvHeads = numKvHeads;
  weights.fold.headDim = headDim;
  if (channels <= 0 || headDim <= 0)
    return fail("channels " + std::to_string(channels) + " and head dim " +
                std::to_string(headDim) + " must be positive");
  const std::vector<InvariantViolation> violations =
      checkInvariants(weights.fold, channels);
  if (!violations.empty() && violations.front().name == "divisibility")
    return fail(violations.front().name + ": " + violations.front().text);
  weights.fold.recDims.resize(static_cast<size_t>(numHeads));
  return weights;
}

Status UnifiedWeights::mayChange(const char *what) const {
  if (!folded)
    return Status::success();
  return fail(
      std::string(what) +
      " cannot change any more: rows of q and k have changed sides by "
      "it, and there are weights. To start again: reset(), set it, then "
      "initialise() with the original rows or initialiseXavier()");
}

Status UnifiedWeights::setRank(int64_t rank) {
  Status status = mayChange("the rank");
  if (!status.ok())
    return status;
  if (rank < 0 || rank >= fold.headDim)
    return fail("rank: " + std::to_string(rank) + " of head dim " +
                std::to_string(fold.headDim) + "; it must be in [0, " +
                std::to_string(fold.headDim - 1) + "]");
  std::vector<int64_t> dims;
  for (int64_t dim = fold.headDim - rank; dim < fold.headDim; ++dim)
    dims.push_back(dim);
  fold.recDims.assign(fold.recDims.size(), dims);
  return status;
}

Status UnifiedWeights::setLayout(GateSplit split, GroupedMode grouped) {
  Status status = mayChange("the layout");
  if (!status.ok())
    return status;
  fold.gateSplit = split;
  fold.grouped = grouped;
  return status;
}

Status UnifiedWeights::setGates(std::vector<double> wStd,
                                std::vector<double> wRec) {
  std::swap(fold.wStd, wStd);
  std::swap(fold.wRec, wRec);
  Status status = checkFoldSpec(fold);
  if (status.ok() && folded)
    status = foldAgain();
  if (!status.ok()) {
    // As it was: the old gates and what is folded belong together.
    std::swap(fold.wStd, wStd);
    std::swap(fold.wRec, wRec);
  }
  return status;
}

Status UnifiedWeights::foldAgain() {
  Expected<FoldedWeights> result =
      foldWeights(fold, *wq, *wk, bq ? &*bq : nullptr, bk ? &*bk : nullptr);
  if (!result)
    return result.takeFailure();
  folded = std::move(*result);
  return Status::success();
}

Status UnifiedWeights::initialise(Tensor query, Tensor key,
                                  std::optional<Tensor> queryBias,
                                  std::optional<Tensor> keyBias) {
  Status status = mayChange("what the weights are");
  if (!status.ok())
    return status;
  if (query.rank() != 2 || query.dim(1) != channels)
    return fail("query weight is " +
                shapeString(query.shape(), query.elementType()) +
                "; it must "
                "have " +
                std::to_string(channels) + " columns");
  wq = std::move(query);
  wk = std::move(key);
  bq = std::move(queryBias);
  bk = std::move(keyBias);
  status = foldAgain();
  if (!status.ok())
    reset();
  return status;
}

Status UnifiedWeights::initialiseXavier(ElementType type, uint64_t seed) {
  Expected<Tensor> query =
      xavierUniform(fold.numHeads * fold.headDim, channels, type, seed, 0);
  if (!query)
    return query.takeFailure();
  Expected<Tensor> key =
      xavierUniform(fold.numKvHeads * fold.headDim, channels, type, seed, 1);
  if (!key)
    return key.takeFailure();
  return initialise(std::move(*query), std::move(*key));
}

void UnifiedWeights::reset() {
  folded.reset();
  wq.reset();
  wk.reset();
  bq.reset();
  bk.reset();
}

std::vector<InvariantViolation> UnifiedWeights::violations() const {
  std::vector<InvariantViolation> violations = checkInvariants(fold, channels);
  if (folded && device != "cpu")
    violations.push_back({"device", "the weights are on cpu, asked for on " +
                                        quoted(device) +
                                        ": copy them there before use"});
  return violations;
}
