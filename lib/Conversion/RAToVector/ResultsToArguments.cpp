//===- ResultsToArguments.cpp - Results go to buffers of the caller --===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "ra/Conversion/RAToVector/Passes.h"

namespace ra {
#define GEN_PASS_DEF_RESULTSTOARGUMENTSPASS
#include "ra/Conversion/RAToVector/Passes.h.inc"
} // namespace ra

using namespace mlir;

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
      auto copy = bufferization::MaterializeInDestinationOp::create(
          builder, end.getLoc(), value, function.getArgument(index));
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
