//===- ExternalizeConstants.cpp - Large constants become arguments ---===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "ra/Conversion/RAToVector/Passes.h"
#include "llvm/ADT/MapVector.h"

namespace ra {
#define GEN_PASS_DEF_EXTERNALIZECONSTANTSPASS
#include "ra/Conversion/RAToVector/Passes.h.inc"
} // namespace ra

using namespace mlir;

namespace {
struct ExternalizeConstants
    : ra::impl::ExternalizeConstantsPassBase<ExternalizeConstants> {
  using ExternalizeConstantsPassBase::ExternalizeConstantsPassBase;

  void runOnOperation() override {
    for (func::FuncOp function : getOperation().getOps<func::FuncOp>())
      if (function.isPublic() && !function.isExternal())
        externalize(function);
  }

  bool isLarge(ElementsAttr attribute) {
    auto type = dyn_cast<RankedTensorType>(attribute.getType());
    if (!type || !type.hasStaticShape() ||
        !type.getElementType().isIntOrFloat())
      return false;
    int64_t bits = type.getElementTypeBitWidth();
    return type.getNumElements() * ((bits + 7) / 8) > maxBytes;
  }

  void externalize(func::FuncOp function) {
    llvm::MapVector<ElementsAttr, SmallVector<Operation *>> constants;
    function.walk([&](arith::ConstantOp op) {
      auto attribute = dyn_cast<ElementsAttr>(op.getValue());
      if (attribute && isLarge(attribute))
        constants[attribute].push_back(op);
    });
    Builder builder(&getContext());
    for (auto &[attribute, ops] : constants) {
      unsigned index = function.getNumArguments();
      auto attributes = builder.getDictionaryAttr(
          {builder.getNamedAttr(ra::kConstantAttrName, attribute),
           builder.getNamedAttr(
               bufferization::BufferizationDialect::kWritableAttrName,
               builder.getBoolAttr(false))});
      if (failed(function.insertArgument(index, attribute.getType(), attributes,
                                         ops.front()->getLoc())))
        return signalPassFailure();
      for (Operation *op : ops) {
        op->getResult(0).replaceAllUsesWith(function.getArgument(index));
        op->erase();
      }
    }
  }
};
} // namespace
