//===- OutlineKernels.cpp - Each compute op becomes a kernel ---------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Transforms/RegionUtils.h"
#include "ra/Conversion/RAToVector/Passes.h"
#include "ra/Dialect/RA/IR/RADialect.h"
#include "llvm/ADT/SetVector.h"

namespace ra {
#define GEN_PASS_DEF_OUTLINEKERNELSPASS
#include "ra/Conversion/RAToVector/Passes.h.inc"
} // namespace ra

using namespace mlir;

namespace {
struct OutlineKernels : ra::impl::OutlineKernelsPassBase<OutlineKernels> {
  using OutlineKernelsPassBase::OutlineKernelsPassBase;

  void runOnOperation() override {
    SymbolTable symbols(getOperation());
    auto entries = llvm::to_vector(getOperation().getOps<func::FuncOp>());
    for (func::FuncOp entry : entries) {
      if (!entry.isPublic() || entry.isExternal())
        continue;
      entry->setAttr(LLVM::LLVMDialect::getEmitCWrapperAttrName(),
                     UnitAttr::get(&getContext()));
      outline(entry, symbols);
    }
  }

  static bool isKernel(Operation *op) {
    return isa<linalg::LinalgOp, memref::CopyOp>(op) ||
           isa_and_nonnull<ra::RADialect>(op->getDialect());
  }

  void outline(func::FuncOp entry, SymbolTable &symbols) {
    SmallVector<Operation *> ops;
    entry.walk<WalkOrder::PreOrder>([&](Operation *op) {
      if (!isKernel(op))
        return WalkResult::advance();
      ops.push_back(op);
      return WalkResult::skip();
    });
    OpBuilder builder(&getContext());
    Operation *previous = entry;
    for (auto [number, op] : llvm::enumerate(ops)) {
      // What the op uses from outside: operands, and captures of its regions.
      llvm::SetVector<Value> used(op->operand_begin(), op->operand_end());
      getUsedValuesDefinedAbove(op->getRegions(), used);
      SmallVector<Value> arguments;
      SmallVector<Operation *> constants;
      for (Value value : used) {
        Operation *definition = value.getDefiningOp();
        if (definition && matchPattern(definition, m_Constant()))
          constants.push_back(definition);
        else
          arguments.push_back(value);
      }

      builder.setInsertionPointAfter(previous);
      std::string name =
          (entry.getName() + "_kernel_" + Twine(number) + "_" +
           (isa<memref::CopyOp>(op) ? StringRef("copy")
                                    : op->getName().stripDialect()))
              .str();
      auto kernel = func::FuncOp::create(
          builder, op->getLoc(), name,
          builder.getFunctionType(ValueRange(arguments).getTypes(), {}));
      kernel.setPrivate();
      kernel->setAttr(ra::kKernelAttrName, builder.getUnitAttr());
      kernel->setAttr(
          "llvm.linkage",
          LLVM::LinkageAttr::get(&getContext(), LLVM::Linkage::Internal));
      // Renames on a clash, so take the name from the function.
      symbols.insert(kernel, std::next(Block::iterator(previous)));
      previous = kernel;

      IRMapping mapping;
      Block *body = kernel.addEntryBlock();
      mapping.map(arguments, body->getArguments());
      builder.setInsertionPointToStart(body);
      for (Operation *constant : constants)
        builder.clone(*constant, mapping);
      if (auto copy = dyn_cast<memref::CopyOp>(op))
        linalg::CopyOp::create(builder, op->getLoc(),
                               mapping.lookup(copy.getSource()),
                               mapping.lookup(copy.getTarget()));
      else
        builder.clone(*op, mapping);
      func::ReturnOp::create(builder, op->getLoc());

      builder.setInsertionPoint(op);
      func::CallOp::create(builder, op->getLoc(), kernel, arguments);
      op->erase();
    }
  }
};
} // namespace
