//===- ScheduleTiles.cpp - A free thread takes the next tile --------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/OpenMP/OpenMPDialect.h"
#include "mlir/IR/SymbolTable.h"
#include "ra/Conversion/RAToVector/Passes.h"

namespace ra {
#define GEN_PASS_DEF_SCHEDULETILESPASS
#include "ra/Conversion/RAToVector/Passes.h.inc"
} // namespace ra

using namespace mlir;

namespace {
struct ScheduleTiles : ra::impl::ScheduleTilesPassBase<ScheduleTiles> {
  using ScheduleTilesPassBase::ScheduleTilesPassBase;

  void runOnOperation() override {
    SymbolTable symbols(getOperation());
    getOperation().walk([&](omp::WsloopOp loop) {
      bool runsTiles = false;
      loop.walk([&](func::CallOp call) {
        Operation *callee = symbols.lookup(call.getCallee());
        runsTiles |= callee && callee->hasAttr(ra::kScratchAttrName);
      });
      if (runsTiles)
        loop.setScheduleKind(omp::ClauseScheduleKind::Dynamic);
    });
  }
};
} // namespace
