//===- FuseProjections.cpp - Projections of one value to one product ---===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ra/Dialect/RA/IR/RAOps.h"
#include "ra/Dialect/RA/Transforms/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Transforms/RegionUtils.h"
#include "llvm/ADT/MapVector.h"

namespace ra {
#define GEN_PASS_DEF_FUSEPROJECTIONSPASS
#include "ra/Dialect/RA/Transforms/Passes.h.inc"
} // namespace ra

using namespace mlir;
using namespace ra;

static constexpr llvm::StringLiteral kCategory = "ra-fuse-projections";

/// 0, 1, 2 when a value ends as query, key or value of an attention; 3 if it
/// does not.
static unsigned getRole(Value value) {
  for (unsigned depth = 0; depth < 16; ++depth) {
    if (!value.hasOneUse())
      return 3;
    OpOperand &use = *value.use_begin();
    Operation *user = use.getOwner();
    if (isa<AttentionOp, ReciprocalAttentionOp>(user))
      return use.getOperandNumber() < 3 ? use.getOperandNumber() : 3;
    if (user->getNumResults() != 1 || user->getNumRegions() > 1)
      return 3;
    value = user->getResult(0);
  }
  return 3;
}

static bool canPack(LinearOp op) {
  return isa<RankedTensorType>(op.getInit().getType()) && !op.getPanel() &&
         op.getNumOutputDims() == 1 && op.getOutputMap().isIdentity() &&
         !ShapedType::isDynamic(
             cast<ShapedType>(op.getWeight().getType()).getDimSize(0));
}

/// Packs `ops`, in this order, at the place of the first of them in the block.
/// Fails when a weight depends on something computed later that cannot move.
static LogicalResult pack(ArrayRef<LinearOp> ops) {
  LinearOp first = ops.front();
  for (LinearOp op : ops)
    if (op->isBeforeInBlock(first))
      first = op;
  SmallVector<Value> parameters;
  for (LinearOp op : ops) {
    parameters.push_back(op.getWeight());
    if (op.getBias())
      parameters.push_back(op.getBias());
  }
  IRRewriter builder(first);
  if (failed(moveValueDefinitions(builder, parameters, first)))
    return failure();
  builder.setInsertionPoint(first);
  Location loc = first.getLoc();
  bool anyBias = llvm::any_of(ops, [](LinearOp op) { return op.getBias(); });
  SmallVector<Value> weights, biases;
  int64_t total = 0;
  for (LinearOp op : ops) {
    weights.push_back(op.getWeight());
    auto type = cast<RankedTensorType>(op.getWeight().getType());
    total += type.getDimSize(0);
    if (!anyBias)
      continue;
    Value bias = op.getBias();
    if (!bias)
      bias = arith::ConstantOp::create(
          builder, loc,
          builder.getZeroAttr(RankedTensorType::get({type.getDimSize(0)},
                                                    type.getElementType())));
    biases.push_back(bias);
  }
  Value weight = tensor::ConcatOp::create(builder, loc, /*dim=*/0, weights);
  Value bias;
  if (anyBias)
    bias = tensor::ConcatOp::create(builder, loc, /*dim=*/0, biases);

  auto initType = cast<RankedTensorType>(first.getInit().getType());
  int64_t leading = first.getNumLeadingDims();
  SmallVector<OpFoldResult> sizes;
  for (int64_t i = 0; i < leading; ++i)
    sizes.push_back(tensor::getMixedSize(
        builder, loc, first.getInput(), getOperandDim(first.getInputMap(), i)));
  sizes.push_back(builder.getIndexAttr(total));
  Value init =
      tensor::EmptyOp::create(builder, loc, sizes, initType.getElementType());
  auto packed =
      LinearOp::create(builder, loc, first.getInput(), weight, bias, init);
  if (first.getIndexingMaps())
    packed.setIndexingMapsAttr(builder.getAffineMapArrayAttr(
        {first.getInputMap(), AffineMap::getMultiDimIdentityMap(
                                  leading + 1, builder.getContext())}));

  int64_t offset = 0;
  for (LinearOp op : ops) {
    int64_t rows = cast<ShapedType>(op.getWeight().getType()).getDimSize(0);
    SmallVector<OpFoldResult> offsets(leading, builder.getIndexAttr(0));
    offsets.push_back(builder.getIndexAttr(offset));
    sizes.back() = builder.getIndexAttr(rows);
    SmallVector<OpFoldResult> strides(leading + 1, builder.getIndexAttr(1));
    Value slice = tensor::ExtractSliceOp::create(
        builder, loc, packed->getResult(0), offsets, sizes, strides);
    if (slice.getType() != op->getResult(0).getType())
      slice = tensor::CastOp::create(builder, loc, op->getResult(0).getType(),
                                     slice);
    op->getResult(0).replaceAllUsesWith(slice);
    offset += rows;
  }
  for (LinearOp op : ops)
    op.erase();
  return success();
}

namespace {
struct FuseProjectionsPass
    : ra::impl::FuseProjectionsPassBase<FuseProjectionsPass> {
  void runOnOperation() override {
    // What must agree: block, input, its map, element type of the result.
    using Key = std::tuple<Block *, Value, AffineMap, Type>;
    llvm::MapVector<Key, SmallVector<LinearOp>> groups;
    getOperation().walk([&](LinearOp op) {
      if (canPack(op))
        groups[{op->getBlock(), op.getInput(), op.getInputMap(),
                cast<ShapedType>(op.getInit().getType()).getElementType()}]
            .push_back(op);
    });
    unsigned removed = 0;
    for (auto &[key, ops] : groups) {
      if (ops.size() < 2)
        continue;
      // Query, key, value, others; within a role as written.
      SmallVector<std::tuple<unsigned, unsigned>> order;
      for (auto [i, op] : llvm::enumerate(ops))
        order.push_back({getRole(op->getResult(0)), i});
      llvm::sort(order);
      ops = llvm::map_to_vector(
          order, [&ops = ops](auto entry) { return ops[std::get<1>(entry)]; });
      Location loc = ops.front().getLoc();
      unsigned count = ops.size();
      if (failed(pack(ops))) {
        remark::missed(
            loc, remark::RemarkOpts::name("order").category(kCategory).function(
                     getOperation().getName()))
            << remark::reason("the weight of one projection depends on what is "
                              "computed after another");
        continue;
      }
      removed += count - 1;
      remark::passed(
          loc, remark::RemarkOpts::name("packed").category(kCategory).function(
                   getOperation().getName()))
          << remark::reason("{0} projections of one value are one product, {1} "
                            "products removed",
                            count, count - 1);
    }
    if (removed == 0)
      markAllAnalysesPreserved();
  }
};
} // namespace
