//===- Cost.cpp - Count what a function costs ---===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ra/Dialect/RA/Transforms/Cost.h"
#include "CopyOps.h"
#include "ra/Dialect/RA/IR/RAOps.h"
#include "ra/Dialect/RA/Transforms/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Remarks.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/MathExtras.h"

namespace ra {
#define GEN_PASS_DEF_COSTPASS
#include "ra/Dialect/RA/Transforms/Passes.h.inc"
} // namespace ra

using namespace mlir;
using namespace ra;

/// Sums and products that stay unknown once a factor is.
static int64_t times(int64_t a, int64_t b) {
  if (a < 0 || b < 0 || ShapedType::isDynamic(a) || ShapedType::isDynamic(b))
    return Cost::kUnknown;
  int64_t result;
  return llvm::MulOverflow(a, b, result) ? Cost::kUnknown : result;
}
static int64_t plus(int64_t a, int64_t b) {
  if (a < 0 || b < 0)
    return Cost::kUnknown;
  int64_t result;
  return llvm::AddOverflow(a, b, result) ? Cost::kUnknown : result;
}

static int64_t numElements(ShapedType type) {
  int64_t count = 1;
  for (int64_t extent : type.getShape())
    count = times(count, extent);
  return count;
}

static int64_t numBytes(Type type) {
  auto shaped = dyn_cast<ShapedType>(type);
  if (!shaped)
    return 0;
  Type elementType = shaped.getElementType();
  int64_t width =
      elementType.isIndex()
          ? 8
          : llvm::divideCeil(elementType.getIntOrFloatBitWidth(), 8);
  return times(numElements(shaped), width);
}

/// Score products of one attention: query rows times visible keys, all heads.
template <typename OpTy> static int64_t countScores(OpTy op) {
  SmallVector<int64_t> query = getLogicalShape(
      cast<ShapedType>(op.getQuery().getType()), op.getQueryMap());
  SmallVector<int64_t> key =
      getLogicalShape(cast<ShapedType>(op.getKey().getType()), op.getKeyMap());
  int64_t scores = times(times(query[0], query[1]), times(query[2], key[2]));
  if (op.getMask().getKind() == MaskKind::Causal && scores > 0)
    return scores / 2;
  if (op.getMask().getKind() == MaskKind::Window && scores > 0) {
    int64_t keys = std::min(op.getMask().getWindow(), key[2]);
    return times(times(query[0], query[1]), times(query[2], keys));
  }
  return scores;
}

template <typename OpTy> static int64_t countAttention(OpTy op, int64_t dim) {
  int64_t valueDim = getLogicalShape(cast<ShapedType>(op.getValue().getType()),
                                     op.getValueMap())[3];
  return times(countScores(op), 2 * (dim + valueDim));
}

static int64_t countFlops(Operation *op) {
  if (auto linear = dyn_cast<LinearOp>(op)) {
    int64_t outputs = numElements(cast<ShapedType>(linear.getInit().getType()));
    int64_t channels = cast<ShapedType>(linear.getWeight().getType())
                           .getDimSize(linear.getChannelDim());
    return times(2, times(outputs, channels));
  }
  if (auto rope = dyn_cast<RopeOp>(op)) {
    SmallVector<int64_t> shape = getLogicalShape(
        cast<ShapedType>(rope.getInput().getType()), rope.getInputMap());
    // Three operations for each rotated number.
    return times(times(shape[0], shape[1]),
                 times(shape[2], 3 * rope.getRotaryDim()));
  }
  if (auto attention = dyn_cast<AttentionOp>(op)) {
    SmallVector<int64_t> query =
        getLogicalShape(cast<ShapedType>(attention.getQuery().getType()),
                        attention.getQueryMap());
    return countAttention(attention, query[3]);
  }
  if (auto reciprocal = dyn_cast<ReciprocalAttentionOp>(op))
    return countAttention(reciprocal, reciprocal.getHeadDim());
  auto linalgOp = dyn_cast<linalg::LinalgOp>(op);
  if (!linalgOp)
    return 0;
  int64_t iterations = 1;
  for (int64_t range : linalgOp.getStaticLoopRanges())
    iterations = times(iterations, range);
  int64_t perElement = 0;
  linalgOp.getBlock()->walk([&](Operation *nested) {
    if (nested->getNumResults() == 1 &&
        isa<FloatType>(nested->getResult(0).getType()) &&
        isa<arith::ArithDialect, math::MathDialect>(nested->getDialect()) &&
        !isa<arith::ConstantOp, arith::SelectOp, arith::ExtFOp,
             arith::TruncFOp>(nested))
      ++perElement;
  });
  if (ra::detail::isCopy(op))
    perElement = 0;
  return times(iterations, perElement);
}

/// Ops that become a kernel of their own. A fill of a tensor that is only
/// written is part of nobody else's kernel, so it counts.
static bool isKernel(Operation *op) {
  return isa<RADialect>(op->getDialect()) || isa<linalg::LinalgOp>(op) ||
         isa<memref::CopyOp>(op) || ra::detail::isCopy(op);
}

Cost ra::computeCost(func::FuncOp function) {
  Cost cost;
  bool tensors = false;
  function.walk([&](Operation *op) {
    if (auto alloc = dyn_cast<memref::AllocOp>(op)) {
      ++cost.allocations;
      cost.allocationBytes =
          plus(cost.allocationBytes, numBytes(alloc.getType()));
      return WalkResult::advance();
    }
    if (!isKernel(op))
      return WalkResult::advance();
    ++cost.kernels;
    if (ra::detail::isCopy(op))
      ++cost.copies;
    cost.flops = plus(cost.flops, countFlops(op));
    for (Value operand : op->getOperands()) {
      tensors |= isa<RankedTensorType>(operand.getType());
      cost.bytes = plus(cost.bytes, numBytes(operand.getType()));
    }
    // Ops inside a kernel's body belong to it.
    return WalkResult::skip();
  });
  if (tensors)
    cost.allocations = cost.allocationBytes = Cost::kUnknown;
  return cost;
}

namespace {
struct CostPass : ra::impl::CostPassBase<CostPass> {
  using CostPassBase::CostPassBase;

  void runOnOperation() override {
    Builder builder(&getContext());
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      if (function.isExternal())
        continue;
      Cost cost = computeCost(function);
      std::pair<StringRef, int64_t> fields[] = {
          {"flops", cost.flops},
          {"bytes", cost.bytes},
          {"kernels", cost.kernels},
          {"copies", cost.copies},
          {"allocations", cost.allocations},
          {"allocation_bytes", cost.allocationBytes}};
      NamedAttrList attributes;
      for (auto [name, value] : fields)
        attributes.append(name, builder.getI64IntegerAttr(value));
      function->setAttr("ra.cost", attributes.getDictionary(&getContext()));
      auto text = [](int64_t value) {
        return value < 0 ? std::string("dynamic") : std::to_string(value);
      };
      remark::analysis(
          function.getLoc(),
          remark::RemarkOpts::name("cost").category("ra-cost").function(
              function.getName()))
          << remark::add("@{0}: {1} flops, {2} bytes, {3} kernels, {4} copies, "
                         "{5} allocations of {6} bytes",
                         function.getName(), text(cost.flops), text(cost.bytes),
                         cost.kernels, cost.copies, text(cost.allocations),
                         text(cost.allocationBytes));
      if (!print)
        continue;
      llvm::outs() << "@" << function.getName() << "\n";
      for (auto [name, value] : fields)
        llvm::outs() << llvm::formatv("  {0,-16} {1,16}\n", name, text(value));
    }
  }
};
} // namespace
