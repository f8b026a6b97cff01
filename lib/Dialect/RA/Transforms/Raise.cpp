//===- Raise.cpp - Attention written in linalg to ra ops ------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "RaiseAttention.h"
#include "RaiseProjection.h"
#include "ra/Dialect/RA/IR/RAOps.h"
#include "ra/Dialect/RA/Transforms/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Iterators.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

namespace ra {
#define GEN_PASS_DEF_RAISEPASS
#include "ra/Dialect/RA/Transforms/Passes.h.inc"
} // namespace ra

using namespace mlir;
using namespace ra;

static constexpr llvm::StringLiteral kCategory = "ra-raise";

/// Erases what nothing uses any more, users before what they use.
static void eraseDeadOps(func::FuncOp function) {
  function.walk<WalkOrder::PostOrder, ReverseIterator>([](Operation *op) {
    if (isOpTriviallyDead(op))
      op->erase();
  });
}

namespace {
struct RaisePass : ra::impl::RaisePassBase<RaisePass> {
  using RaisePassBase::RaisePassBase;

  void runOnOperation() override {
    func::FuncOp function = getOperation();
    raise::MaskAssumptions assumptions;
    assumptions.scoreBound = scoreBound;
    assumptions.everyRowSeesAKey = everyRowSeesAKey;
    SmallVector<linalg::LinalgOp> products;
    function.walk([&](linalg::LinalgOp op) {
      if (raise::isContraction(op))
        products.push_back(op);
    });
    bool changed = false;
    for (linalg::LinalgOp product : products) {
      // Ops that a raised attention left behind have no uses.
      if (product->use_empty())
        continue;
      raise::Extents extents(function);
      Location loc = product.getLoc();
      raise::Outcome outcome =
          raise::raiseAttention(product, extents, assumptions, reciprocalOnly);
      if (outcome.raised) {
        changed = true;
        remark::passed(
            loc,
            remark::RemarkOpts::name("raised").category(kCategory).function(
                function.getName()))
            << remark::reason("{0}", outcome.description);
      } else if (!outcome.miss.rule.empty()) {
        remark::missed(loc, remark::RemarkOpts::name(outcome.miss.rule)
                                .category(kCategory)
                                .subCategory(outcome.miss.rule)
                                .function(function.getName()))
            << remark::reason("not raised to attention: {0}",
                              outcome.miss.reason);
      }
    }
    if (changed)
      eraseDeadOps(function);
    unsigned projections = 0;
    products.clear();
    function.walk([&](linalg::LinalgOp op) {
      if (raise::isContraction(op))
        products.push_back(op);
    });
    for (linalg::LinalgOp product : products) {
      if (reciprocalOnly)
        break;
      raise::Extents extents(function);
      projections += raise::raiseProjection(product, extents);
    }
    if (projections != 0) {
      eraseDeadOps(function);
      remark::passed(function.getLoc(), remark::RemarkOpts::name("projections")
                                            .category(kCategory)
                                            .function(function.getName()))
          << remark::reason("{0} products with a weight are projections",
                            projections);
      changed = true;
    }
    if (!changed)
      markAllAnalysesPreserved();
  }
};
} // namespace
