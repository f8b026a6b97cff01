//===- GateGradients.cpp - Gradients of folded gates ----------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ra/Runtime/GateGradients.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

using namespace ra::runtime;

namespace {

/// A gradient has the shape of what it is the gradient of.
Status checkGradient(const char *name, const Tensor *gradient,
                     const Tensor &folded) {
  if (!gradient)
    return fail(std::string("the gradient of the folded ") + name +
                " is missing; it must be " +
                shapeString(folded.shape(), folded.elementType()) +
                " or another floating-point type");
  if (!isFloat(gradient->elementType()) || gradient->shape() != folded.shape())
    return fail(std::string("the gradient of the folded ") + name + " is " +
                shapeString(gradient->shape(), gradient->elementType()) +
                "; it must be floating point of the shape of " +
                shapeString(folded.shape(), folded.elementType()));
  return Status::success();
}

/// One side: what the gates multiply, and the gradient of the product. Inner
/// products are taken row by row.
class Side {
public:
  Side(const Tensor &weight, const std::optional<Tensor> &bias,
       const Tensor &weightGradient, const Tensor *biasGradient)
      : weight(weight), bias(bias), weightGradient(weightGradient),
        biasGradient(biasGradient), values(static_cast<size_t>(weight.dim(1))),
        gradients(values.size()) {}

  double innerProduct(int64_t row) {
    const int64_t inputs = weight.dim(1);
    weight.readDoubles(row * inputs, inputs, values.data());
    weightGradient.readDoubles(row * inputs, inputs, gradients.data());
    double sum = bias ? bias->at(row) * biasGradient->at(row) : 0.0;
    for (size_t c = 0; c < values.size(); ++c)
      sum += values[c] * gradients[c];
    return sum;
  }

private:
  const Tensor &weight;
  const std::optional<Tensor> &bias;
  const Tensor &weightGradient;
  const Tensor *biasGradient;
  std::vector<double> values, gradients;
};

/// Why the symmetric split has no gradient for these gates; success if it has.
Status checkSymmetric(const FoldSpec &spec, bool slots) {
  const int64_t group = spec.numHeads / spec.numKvHeads;
  for (const auto &[name, gates, tied] :
       {std::tuple("w_std", &spec.wStd, true),
        std::tuple("w_rec", &spec.wRec, !slots)}) {
    const bool recOnly = gates == &spec.wRec;
    for (size_t i = 0; i < gates->size(); ++i) {
      const bool used =
          !recOnly || std::any_of(spec.recDims.begin(), spec.recDims.end(),
                                  [](const auto &d) { return !d.empty(); });
      if (gates->size() != 1 && recOnly && spec.recDims[i].empty())
        continue;
      if (!used)
        continue;
      if ((*gates)[i] == 0.0)
        return fail(std::string("gate: ") + name +
                    (gates->size() == 1 ? std::string()
                                        : " of head " + std::to_string(i)) +
                    " is 0, where the symmetric split's root has no "
                    "derivative; legal: gate_split = query");
      if (group > 1 && tied && gates->size() != 1)
        return fail(
            std::string("grouped: the symmetric split ties ") + name +
            " of the " + std::to_string(group) +
            " heads of a group, so one head's gate has no gradient of its "
            "own; legal: gate_split = query, or one " +
            name + " for all heads");
    }
  }
  return Status::success();
}

} // namespace

Expected<GateGradients>
ra::runtime::gateGradients(const FoldSpec &spec, const Tensor &wq,
                           const Tensor &wk, const Tensor *bq, const Tensor *bk,
                           const FoldedGradients &gradients) {
  Status status = checkFoldSpec(spec);
  if (!status.ok())
    return status.takeFailure();
  const int64_t group = spec.numHeads / spec.numKvHeads;
  const int64_t foldedDim = foldedHeadDim(spec);
  const bool slots = foldedDim != spec.headDim;
  const bool symmetric = spec.gateSplit == GateSplit::Symmetric;
  if (symmetric) {
    status = checkSymmetric(spec, slots);
    if (!status.ok())
      return status.takeFailure();
  }

  // What the gates multiply: the fold with unit gates, unrounded.
  FoldSpec unit = spec;
  unit.gateSplit = GateSplit::Query;
  unit.wStd = unit.wRec = {1.0};
  auto inF64 = [](const Tensor *tensor) -> Expected<Tensor> {
    return tensor ? tensor->convertTo(ElementType::F64) : Tensor();
  };
  Expected<Tensor> q = inF64(&wq), k = inF64(&wk), qb = inF64(bq),
                   kb = inF64(bk);
  for (Expected<Tensor> *tensor : {&q, &k, &qb, &kb})
    if (!*tensor)
      return tensor->takeFailure();
  Expected<FoldedWeights> rows =
      foldWeights(unit, *q, *k, bq ? &*qb : nullptr, bk ? &*kb : nullptr);
  if (!rows)
    return rows.takeFailure();

  std::vector<std::tuple<const char *, const Tensor *, const Tensor *>> needed =
      {{"query weight", gradients.qWeight, &rows->qWeight}};
  if (rows->qBias)
    needed.emplace_back("query bias", gradients.qBias, &*rows->qBias);
  if (symmetric) {
    needed.emplace_back("key weight", gradients.kWeight, &rows->kWeight);
    if (rows->kBias)
      needed.emplace_back("key bias", gradients.kBias, &*rows->kBias);
  }
  for (const auto &[name, gradient, folded] : needed) {
    status = checkGradient(name, gradient, *folded);
    if (!status.ok())
      return status.takeFailure();
  }

  GateGradients result;
  result.wStd.assign(spec.wStd.size(), 0.0);
  result.wRec.assign(spec.wRec.size(), 0.0);
  // Adds what row `d` of a head has to say to the gate that multiplies it. With
  // slots the L rows are the last; where they are another head's they are 0 on
  // the query side.
  const auto rank = static_cast<int64_t>(spec.recDims[0].size());
  const int64_t firstSlot = spec.headDim - rank;
  auto add = [&](int64_t head, int64_t d, double value) {
    const std::vector<int64_t> &dims = spec.recDims[static_cast<size_t>(head)];
    const bool low = slots ? d >= firstSlot
                           : std::binary_search(dims.begin(), dims.end(), d);
    const std::vector<double> &gates = low ? spec.wRec : spec.wStd;
    const size_t gate = gates.size() == 1 ? 0 : static_cast<size_t>(head);
    const double slope = symmetric ? 0.5 / std::sqrt(gates[gate]) : 1.0;
    (low ? result.wRec : result.wStd)[gate] += slope * value;
  };
  Side queries(rows->qWeight, rows->qBias, *gradients.qWeight, gradients.qBias);
  for (int64_t head = 0; head < spec.numHeads; ++head)
    for (int64_t d = 0; d < foldedDim; ++d)
      add(head, d, queries.innerProduct(head * foldedDim + d));
  if (!symmetric)
    return result;

  Side keys(rows->kWeight, rows->kBias, *gradients.kWeight, gradients.kBias);
  for (int64_t head = 0; head < spec.numKvHeads; ++head)
    for (int64_t d = 0; d < foldedDim; ++d) {
      // Rows that a group shares count for its first head, whose gate is that
      // of all; a slot for its own.
      const int64_t owner =
          slots && d >= firstSlot ? (d - firstSlot) / rank : 0;
      add(head * group + owner, d, keys.innerProduct(head * foldedDim + d));
    }
  return result;
}
