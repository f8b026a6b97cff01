//===- ResultsToArguments.cpp - Results go to buffers of the caller --===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "ra/Conversion/RAToVector/Passes.h"

namespace ra {
#define GEN_PASS_DEF_RESULTSTOARGUMENTSPASS
#include "ra/Conversion/RAToVector/Passes.h.inc"
} // namespace ra

using namespace mlir;

/// `buffer`, which has the shape of `collapse`, in the shape before it. Null if
/// that shape is not known from the buffer's.
static Value expandBuffer(OpBuilder &builder, tensor::CollapseShapeOp collapse,
                          Value buffer) {
  Location loc = collapse.getLoc();
  RankedTensorType type = collapse.getSrcType();
  SmallVector<OpFoldResult> shape =
      getAsIndexOpFoldResult(builder.getContext(), type.getShape());
  for (auto [group, dims] :
       llvm::enumerate(collapse.getReassociationIndices())) {
    int64_t known = 1;
    std::optional<int64_t> dynamicDim;
    for (int64_t dim : dims) {
      if (!type.isDynamicDim(dim)) {
        known *= type.getDimSize(dim);
        continue;
      }
      if (dynamicDim)
        return {};
      dynamicDim = dim;
    }
    if (!dynamicDim)
      continue;
    if (known == 0)
      return {};
    Value size = memref::DimOp::create(builder, loc, buffer, group);
    if (known != 1)
      size = arith::DivUIOp::create(
          builder, loc, size,
          arith::ConstantIndexOp::create(builder, loc, known));
    shape[*dynamicDim] = size;
  }
  return memref::ExpandShapeOp::create(
      builder, loc, MemRefType::get(type.getShape(), type.getElementType()),
      buffer, collapse.getReassociationIndices(), shape);
}

/// Where `value` is a reshape, the op that computes its source could not write
/// to `buffer`: both become what they were before the reshape.
static void skipReshapes(OpBuilder &builder, Value &value, Value &buffer) {
  while (Operation *op = value.getDefiningOp()) {
    if (auto expand = dyn_cast<tensor::ExpandShapeOp>(op)) {
      buffer = memref::CollapseShapeOp::create(
          builder, op->getLoc(), buffer, expand.getReassociationIndices());
      value = expand.getSrc();
      continue;
    }
    auto collapse = dyn_cast<tensor::CollapseShapeOp>(op);
    Value expanded =
        collapse ? expandBuffer(builder, collapse, buffer) : Value();
    if (!expanded)
      return;
    buffer = expanded;
    value = collapse.getSrc();
  }
}

namespace {
struct ResultsToArguments
    : ra::impl::ResultsToArgumentsPassBase<ResultsToArguments> {
  using ResultsToArgumentsPassBase::ResultsToArgumentsPassBase;

  void runOnOperation() override {
    for (func::FuncOp function : getOperation().getOps<func::FuncOp>())
      if (function.isPublic() && !function.isExternal() &&
          failed(convert(function)))
        return signalPassFailure();
  }

  LogicalResult convert(func::FuncOp function) {
    Builder attributes(&getContext());
    for (auto [index, type] : llvm::enumerate(function.getArgumentTypes()))
      if (isa<TensorType>(type))
        function.setArgAttr(
            index, bufferization::BufferizationDialect::kWritableAttrName,
            attributes.getBoolAttr(false));
    if (function.getNumResults() == 0)
      return success();
    for (auto [index, type] : llvm::enumerate(function.getResultTypes()))
      if (!isa<RankedTensorType>(type))
        return function.emitOpError()
               << "result " << index << " has type " << type
               << "; results of an entry must be ranked tensors";
    if (!function.getBody().hasOneBlock())
      return function.emitOpError(
          "an entry must have one block; use scf for control flow");

    auto end = cast<func::ReturnOp>(function.getBody().front().getTerminator());
    OpBuilder builder(end);
    for (Value value : end.getOperands()) {
      auto type = cast<RankedTensorType>(value.getType());
      unsigned index = function.getNumArguments();
      auto memref = MemRefType::get(type.getShape(), type.getElementType());
      auto mark = builder.getDictionaryAttr(
          builder.getNamedAttr(ra::kResultAttrName, builder.getUnitAttr()));
      if (failed(function.insertArgument(index, memref, mark, value.getLoc())))
        return failure();
      // Ahead of everything that might write there.
      OpBuilder entry = OpBuilder::atBlockBegin(&function.getBody().front());
      Value buffer = function.getArgument(index);
      skipReshapes(entry, value, buffer);
      auto copy = bufferization::MaterializeInDestinationOp::create(
          builder, end.getLoc(), value, buffer);
      copy.setRestrict(true);
      copy.setWritable(true);
    }
    end.getOperandsMutable().clear();
    function.setFunctionType(
        builder.getFunctionType(function.getArgumentTypes(), {}));
    function.removeResAttrsAttr();
    return success();
  }
};
} // namespace
