//===- ConvertRAToVector.cpp - The pass convert-ra-to-vector --------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "KernelEmitter.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "ra/Dialect/RA/IR/RAOps.h"

namespace ra {
#define GEN_PASS_DEF_CONVERTRATOVECTORPASS
#include "ra/Conversion/RAToVector/Passes.h.inc"
} // namespace ra

using namespace mlir;
using namespace ra;

void ra::populateRAToVectorPatterns(RewritePatternSet &patterns,
                                    VectorShape shape) {
  ra::detail::populateAttentionPatterns(patterns, shape);
  ra::detail::populateLinearPatterns(patterns, shape);
  ra::detail::populateRopePatterns(patterns, shape);
}

namespace {
struct ConvertRAToVector
    : ra::impl::ConvertRAToVectorPassBase<ConvertRAToVector> {
  using ConvertRAToVectorPassBase::ConvertRAToVectorPassBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    if ((lanes != 8 && lanes != 16) || rows < 1 || rows > 16 || chunks < 1 ||
        chunks > 8) {
      module.emitError() << "convert-ra-to-vector: lanes must be 8 or 16, rows "
                            "1 to 16, chunks 1 to 8; got "
                         << int64_t(lanes) << ", " << int64_t(rows) << ", "
                         << int64_t(chunks);
      return signalPassFailure();
    }
    VectorShape shape{lanes, rows, chunks};
    WalkResult walk = module.walk([&](Operation *op) {
      if (!isa_and_nonnull<RADialect>(op->getDialect()))
        return WalkResult::advance();
      std::optional<std::string> reason = ra::detail::whyNotLowered(op, shape);
      if (!reason)
        return WalkResult::advance();
      op->emitOpError(*reason);
      return WalkResult::interrupt();
    });
    if (walk.wasInterrupted())
      return signalPassFailure();
    RewritePatternSet patterns(&getContext());
    populateRAToVectorPatterns(patterns, shape);
    if (failed(applyPatternsGreedily(module, std::move(patterns))))
      signalPassFailure();
  }
};
} // namespace
