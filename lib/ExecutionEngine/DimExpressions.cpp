//===- DimExpressions.cpp - Index arithmetic as expressions ---------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "DimExpressions.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/Matchers.h"
#include "ra/Conversion/RAToVector/Passes.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using ra::runtime::DimExpr;
using Kind = DimExpr::Op;

namespace {

class Converter {
public:
  explicit Converter(ArrayRef<DimExpr> resultExtents)
      : resultExtents(resultExtents) {}

  FailureOr<DimExpr> convert(Value value) {
    APInt constant;
    if (matchPattern(value, m_ConstantInt(&constant)))
      return DimExpr(constant.getSExtValue());
    Operation *op = value.getDefiningOp();
    if (!op)
      return emitError(value.getLoc(), kReason);
    if (auto dim = dyn_cast<memref::DimOp>(op)) {
      std::optional<int64_t> axis = dim.getConstantIndex();
      if (!axis)
        return op->emitError(kReason);
      return extent(dim.getSource(), *axis);
    }
    if (isa<arith::IndexCastOp, arith::IndexCastUIOp, arith::ExtSIOp,
            arith::ExtUIOp>(op))
      return convert(op->getOperand(0));
    if (auto apply = dyn_cast<affine::AffineApplyOp>(op))
      return affineResult(apply.getAffineMap(), 0, apply.getMapOperands());
    if (auto min = dyn_cast<affine::AffineMinOp>(op))
      return fold(Kind::Min, min.getMap(), min.getOperands());
    if (auto max = dyn_cast<affine::AffineMaxOp>(op))
      return fold(Kind::Max, max.getMap(), max.getOperands());
    std::optional<Kind> kind = binaryKind(op);
    if (!kind)
      return op->emitError(kReason);
    FailureOr<DimExpr> left = convert(op->getOperand(0));
    FailureOr<DimExpr> right = convert(op->getOperand(1));
    if (failed(left) || failed(right))
      return failure();
    return DimExpr::binary(*kind, *left, *right);
  }

private:
  static constexpr const char *kReason =
      "this number must depend on the shapes of the arguments only, by sums, "
      "products, quotients, minima and maxima: an artifact computes it before "
      "a call";

  static std::optional<Kind> binaryKind(Operation *op) {
    return llvm::TypeSwitch<Operation *, std::optional<Kind>>(op)
        .Case([](arith::AddIOp) { return Kind::Add; })
        .Case([](arith::SubIOp) { return Kind::Sub; })
        .Case([](arith::MulIOp) { return Kind::Mul; })
        // Division of negative numbers is an error of the expression, so that
        // all of these agree.
        .Case<arith::DivSIOp, arith::DivUIOp, arith::FloorDivSIOp>(
            [](Operation *) { return Kind::FloorDiv; })
        .Case<arith::CeilDivSIOp, arith::CeilDivUIOp>(
            [](Operation *) { return Kind::CeilDiv; })
        .Case<arith::RemSIOp, arith::RemUIOp>(
            [](Operation *) { return Kind::Mod; })
        .Case([](arith::MinSIOp) { return Kind::Min; })
        .Case([](arith::MaxSIOp) { return Kind::Max; })
        .Default([](Operation *) { return std::nullopt; });
  }

  /// Extent `axis` of a buffer.
  FailureOr<DimExpr> extent(Value buffer, int64_t axis) {
    auto type = cast<MemRefType>(buffer.getType());
    if (!type.isDynamicDim(axis))
      return DimExpr(type.getDimSize(axis));
    if (auto argument = dyn_cast<BlockArgument>(buffer))
      return argumentExtent(argument, axis);
    Operation *op = buffer.getDefiningOp();
    if (isa<memref::CastOp>(op))
      return extent(op->getOperand(0), axis);
    OpFoldResult size;
    if (auto alloc = dyn_cast<memref::AllocOp>(op))
      size = alloc.getMixedSizes()[axis];
    else if (auto expand = dyn_cast<memref::ExpandShapeOp>(op))
      size = expand.getMixedOutputShape()[axis];
    else if (auto view = dyn_cast<memref::SubViewOp>(op);
             view && view.getDroppedDims().none())
      size = view.getMixedSizes()[axis];
    else
      return op->emitError(kReason);
    return convert(cast<Value>(size));
  }

  FailureOr<DimExpr> argumentExtent(BlockArgument argument, int64_t axis) {
    auto function = dyn_cast<func::FuncOp>(argument.getOwner()->getParentOp());
    if (!function)
      return emitError(argument.getLoc(), kReason);
    unsigned number = argument.getArgNumber();
    if (!function.getArgAttr(number, ra::kResultAttrName))
      return DimExpr::dim(number, axis);
    // Counts the dynamic dims of results up to this one.
    size_t index = 0;
    for (unsigned i = 0; i <= number; ++i) {
      if (!function.getArgAttr(i, ra::kResultAttrName))
        continue;
      auto type = cast<MemRefType>(function.getArgument(i).getType());
      for (int64_t dim = 0, e = i == number ? axis : type.getRank(); dim < e;
           ++dim)
        index += type.isDynamicDim(dim);
    }
    if (index >= resultExtents.size())
      return function.emitError(kReason);
    return resultExtents[index];
  }

  FailureOr<DimExpr> fold(Kind kind, AffineMap map, ValueRange operands) {
    FailureOr<DimExpr> result = affineResult(map, 0, operands);
    for (unsigned i = 1; i < map.getNumResults() && succeeded(result); ++i) {
      FailureOr<DimExpr> next = affineResult(map, i, operands);
      if (failed(next))
        return failure();
      result = DimExpr::binary(kind, *result, *next);
    }
    return result;
  }

  FailureOr<DimExpr> affineResult(AffineMap map, unsigned index,
                                  ValueRange operands) {
    return affineExpr(map.getResult(index), map.getNumDims(), operands);
  }

  FailureOr<DimExpr> affineExpr(AffineExpr expr, unsigned numDims,
                                ValueRange operands) {
    if (auto constant = dyn_cast<AffineConstantExpr>(expr))
      return DimExpr(constant.getValue());
    if (auto dim = dyn_cast<AffineDimExpr>(expr))
      return convert(operands[dim.getPosition()]);
    if (auto symbol = dyn_cast<AffineSymbolExpr>(expr))
      return convert(operands[numDims + symbol.getPosition()]);
    auto binary = cast<AffineBinaryOpExpr>(expr);
    FailureOr<DimExpr> left = affineExpr(binary.getLHS(), numDims, operands);
    FailureOr<DimExpr> right = affineExpr(binary.getRHS(), numDims, operands);
    if (failed(left) || failed(right))
      return failure();
    Kind kind = Kind::Add;
    if (expr.getKind() == AffineExprKind::Mul)
      kind = Kind::Mul;
    else if (expr.getKind() == AffineExprKind::Mod)
      kind = Kind::Mod;
    else if (expr.getKind() == AffineExprKind::FloorDiv)
      kind = Kind::FloorDiv;
    else if (expr.getKind() == AffineExprKind::CeilDiv)
      kind = Kind::CeilDiv;
    return DimExpr::binary(kind, *left, *right);
  }

  ArrayRef<DimExpr> resultExtents;
};

} // namespace

FailureOr<DimExpr> ra::detail::toDimExpr(Value value,
                                         ArrayRef<DimExpr> resultExtents) {
  return Converter(resultExtents).convert(value);
}
