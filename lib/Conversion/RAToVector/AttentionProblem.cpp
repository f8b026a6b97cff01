//===- AttentionProblem.cpp - Either attention op, as its kernel sees it --===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "AttentionProblem.h"

using namespace mlir;

namespace ra::detail {

int64_t ScoreTerm::maxDims() const {
  size_t most = 0;
  for (ArrayRef<int64_t> list : dims)
    most = std::max(most, list.size());
  return most;
}

static Value lookUp(const IRMapping &mapping, Value value) {
  return value ? mapping.lookupOrDefault(value) : value;
}

template <typename OpTy>
static AttentionProblem describeCommon(OpTy op, const IRMapping &mapping) {
  auto mapped = [&](Value value) { return lookUp(mapping, value); };
  AttentionProblem problem;
  problem.query = {mapped(op.getQuery()), op.getQueryMap()};
  problem.key = {mapped(op.getKey()), op.getKeyMap()};
  problem.value = {mapped(op.getValue()), op.getValueMap()};
  problem.init = {mapped(op.getInit()), op.getInitMap()};
  problem.bias = mapped(op.getBias());
  problem.queryOffset = mapped(op.getQueryOffset());
  problem.lse = mapped(op.getLseInit());
  problem.mask = op.getMask();
  problem.scale = op.getEffectiveScale();
  if (op.getSoftcap())
    problem.softcap = op.getSoftcap()->convertToDouble();
  problem.numHeads = problem.query.staticExtent(1);
  problem.groupSize = problem.numHeads / problem.key.staticExtent(1);
  problem.valueDim = problem.value.staticExtent(3);
  return problem;
}

AttentionProblem describe(AttentionOp op, const IRMapping &mapping) {
  AttentionProblem problem = describeCommon(op, mapping);
  ScoreTerm term{problem.query,    problem.key, HeadOf::Query,
                 HeadOf::Group,    {},
                 /*gate=*/Value(), 1.0};
  auto all =
      llvm::to_vector(llvm::seq<int64_t>(0, problem.query.staticExtent(3)));
  term.dims.assign(problem.numHeads, all);
  problem.terms.push_back(term);
  return problem;
}

AttentionProblem describe(ReciprocalAttentionOp op, const IRMapping &mapping) {
  AttentionProblem problem = describeCommon(op, mapping);
  // w_std <q_i[S], k_j[S]>
  ScoreTerm standard{problem.query,
                     problem.key,
                     HeadOf::Query,
                     HeadOf::Group,
                     {},
                     lookUp(mapping, op.getWStd()),
                     ReciprocalAttentionOp::kDefaultStandardGate};
  // w_rec <k_i[L], q_j[L]>
  bool mean = problem.groupSize > 1 && op.getGqa() == GroupedMode::Mean;
  ScoreTerm reciprocal{problem.key,
                       problem.query,
                       HeadOf::Group,
                       mean ? HeadOf::GroupMean : HeadOf::Query,
                       op.getHeadDims(),
                       lookUp(mapping, op.getWRec()),
                       ReciprocalAttentionOp::kDefaultReciprocalGate};
  for (ArrayRef<int64_t> low : reciprocal.dims) {
    SmallVector<int64_t> rest;
    for (int64_t dim : llvm::seq<int64_t>(0, op.getHeadDim()))
      if (!llvm::is_contained(low, dim))
        rest.push_back(dim);
    standard.dims.push_back(rest);
  }
  problem.terms.push_back(standard);
  if (reciprocal.maxDims() > 0)
    problem.terms.push_back(reciprocal);
  return problem;
}

/// The largest tile: what the register tile divides and L1 holds a good part
/// of.
static constexpr int64_t kQueryTile = 64;
static constexpr int64_t kKeyTile = 64;
/// So many query tiles make the packing of a key tile cheap. Their queries and
/// outputs have to stay in L2.
static constexpr int64_t kQueryGroup = 4;
static constexpr int64_t kGroupBytes = int64_t(1) << 20;

AttentionTile chooseTile(const AttentionProblem &problem, VectorShape shape) {
  auto limit = [](int64_t tile, int64_t extent) {
    return ShapedType::isDynamic(extent)
               ? tile
               : std::min(tile, std::max<int64_t>(extent, 1));
  };
  int64_t queries = problem.query.staticExtent(2);
  AttentionTile tile;
  tile.queries = llvm::alignTo(limit(kQueryTile, queries), shape.lanes);
  tile.keys = limit(kKeyTile, problem.key.staticExtent(2));
  tile.padding = shape.lanes;
  tile.group = kQueryGroup;
  if (!ShapedType::isDynamic(queries))
    tile.group = std::clamp<int64_t>(llvm::divideCeil(queries, tile.queries), 1,
                                     kQueryGroup);
  auto bytes = [&] {
    int64_t rows = tile.keys + tile.padding;
    int64_t perQuery = problem.valueDim + 2, perKey = problem.valueDim;
    for (const ScoreTerm &term : problem.terms) {
      perQuery += term.maxDims();
      perKey += term.maxDims();
    }
    int64_t scoreTiles = problem.bias ? 2 : 1;
    return 4 * (tile.group * tile.queries * perQuery + rows * perKey +
                scoreTiles * rows * tile.queries + tile.queries);
  };
  while (bytes() > kGroupBytes && tile.group > 1)
    --tile.group;
  while (bytes() > kMaxScratchBytes && tile.keys > 8)
    tile.keys /= 2;
  while (bytes() > kMaxScratchBytes && tile.queries > shape.lanes)
    tile.queries = llvm::alignTo(tile.queries / 2, shape.lanes);
  tile.bytes = bytes();
  return tile;
}

} // namespace ra::detail
