//===- CountKernels.cpp - Count kernel launches ----------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "ra/Conversion/RAToVector/Passes.h"

namespace ra {
#define GEN_PASS_DEF_COUNTKERNELSPASS
#include "ra/Conversion/RAToVector/Passes.h.inc"
} // namespace ra

using namespace mlir;

namespace {
struct CountKernels : ra::impl::CountKernelsPassBase<CountKernels> {
  using CountKernelsPassBase::CountKernelsPassBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    OpBuilder builder(&getContext());
    auto counter = module.lookupSymbol<func::FuncOp>(ra::kCountKernelName);
    module.walk([&](func::CallOp call) {
      auto callee = module.lookupSymbol<func::FuncOp>(call.getCallee());
      if (!callee || !callee->hasAttr(ra::kKernelAttrName))
        return;
      if (!counter) {
        builder.setInsertionPointToStart(module.getBody());
        counter =
            func::FuncOp::create(builder, module.getLoc(), ra::kCountKernelName,
                                 builder.getFunctionType({}, {}));
        counter.setPrivate();
      }
      builder.setInsertionPoint(call);
      func::CallOp::create(builder, call.getLoc(), counter, ValueRange());
    });
  }
};
} // namespace
