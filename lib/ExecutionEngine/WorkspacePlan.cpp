//===- WorkspacePlan.cpp - Buffers of a function, planned ahead -----------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "WorkspacePlan.h"

#include "DimExpressions.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace ra;
using namespace ra::detail;
using ra::runtime::ArtifactBuffer;
using ra::runtime::DimExpr;

/// One buffer for each allocation is right if no memory outlives a turn of a
/// loop, and no thread has memory of its own.
static LogicalResult checkControlFlow(func::FuncOp function) {
  auto isBuffer = [](Type type) { return isa<BaseMemRefType>(type); };
  WalkResult walked = function.walk([&](Operation *op) {
    bool carries =
        op->getNumRegions() != 0 && op != function &&
        (llvm::any_of(op->getResultTypes(), isBuffer) ||
         llvm::any_of(op->getRegions(), [&](Region &region) {
           return llvm::any_of(region.getBlocks(), [&](Block &block) {
             return llvm::any_of(block.getArgumentTypes(), isBuffer);
           });
         }));
    if (carries) {
      op->emitError("carries buffers through control flow, which an artifact "
                    "cannot plan; keep loops and branches inside of kernels");
      return WalkResult::interrupt();
    }
    if (!isa<memref::AllocOp>(op))
      return WalkResult::advance();
    for (Operation *parent = op->getParentOp(); parent != function;
         parent = parent->getParentOp())
      if (!isa<scf::ForOp, scf::IfOp>(parent)) {
        parent->emitError("allocates a buffer inside, which an artifact cannot "
                          "plan; only scf.for and scf.if may");
        return WalkResult::interrupt();
      }
    return WalkResult::advance();
  });
  return failure(walked.wasInterrupted());
}

/// The last op of `block` that uses `value` or a view of it.
static Operation *lastUse(Value value, Block *block, Operation *last) {
  for (Operation *user : value.getUsers()) {
    if (isa<memref::DeallocOp>(user))
      continue;
    Operation *inBlock = block->findAncestorOpInBlock(*user);
    if (last->isBeforeInBlock(inBlock))
      last = inBlock;
    for (Value result : user->getResults())
      if (isa<BaseMemRefType>(result.getType()))
        last = lastUse(result, block, last);
  }
  return last;
}

FailureOr<std::vector<ArtifactBuffer>>
ra::detail::planWorkspace(func::FuncOp function,
                          ArrayRef<DimExpr> resultExtents) {
  if (failed(checkControlFlow(function)))
    return failure();
  SmallVector<memref::AllocOp> allocs;
  SmallVector<memref::DeallocOp> deallocs;
  function.walk([&](Operation *op) {
    if (auto alloc = dyn_cast<memref::AllocOp>(op))
      allocs.push_back(alloc);
    if (auto dealloc = dyn_cast<memref::DeallocOp>(op))
      deallocs.push_back(dealloc);
  });
  llvm::DenseMap<Operation *, uint32_t> positions;
  Block *body = &function.getBody().front();
  for (auto [position, op] : llvm::enumerate(*body))
    positions[&op] = position;

  std::vector<ArtifactBuffer> buffers;
  for (memref::AllocOp alloc : allocs) {
    MemRefType type = alloc.getType();
    // Index is 64 bits and a truth value one byte, here as in the code.
    int64_t elementBytes = 8;
    if (type.getElementType().isIntOrFloat())
      elementBytes =
          llvm::divideCeil(type.getElementType().getIntOrFloatBitWidth(), 8);
    // What is known now is one number.
    DimExpr extents(1);
    for (OpFoldResult size : alloc.getMixedSizes()) {
      if (auto attribute = dyn_cast<Attribute>(size)) {
        elementBytes *= cast<IntegerAttr>(attribute).getInt();
        continue;
      }
      FailureOr<DimExpr> extent = toDimExpr(cast<Value>(size), resultExtents);
      if (failed(extent))
        return failure();
      extents = extents.getNodes().size() == 1 &&
                        extents.getNodes()[0].op == DimExpr::Op::Constant
                    ? *extent
                    : DimExpr::binary(DimExpr::Op::Mul, extents, *extent);
    }
    DimExpr bytes =
        type.hasStaticShape()
            ? DimExpr(elementBytes)
            : DimExpr::binary(DimExpr::Op::Mul, extents, DimExpr(elementBytes));
    Operation *first = body->findAncestorOpInBlock(*alloc);
    Operation *last = lastUse(alloc, body, first);
    buffers.push_back({bytes, positions[first], positions[last]});
  }

  OpBuilder builder(function.getContext());
  builder.setInsertionPointToStart(body);
  Location loc = function.getLoc();
  unsigned number = function.getNumArguments();
  auto workspaceType =
      MemRefType::get({ShapedType::kDynamic}, builder.getI8Type());
  auto offsetsType = MemRefType::get({static_cast<int64_t>(allocs.size())},
                                     builder.getI64Type());
  if (failed(function.insertArgument(number, workspaceType, {}, loc)) ||
      failed(function.insertArgument(number + 1, offsetsType, {}, loc)))
    return failure();
  for (memref::DeallocOp dealloc : deallocs)
    dealloc.erase();
  for (auto [index, alloc] : llvm::enumerate(allocs)) {
    builder.setInsertionPointToStart(body);
    Value position = arith::ConstantIndexOp::create(builder, loc, index);
    Value offset = memref::LoadOp::create(
        builder, loc, function.getArgument(number + 1), position);
    offset = arith::IndexCastOp::create(builder, loc, builder.getIndexType(),
                                        offset);
    builder.setInsertionPoint(alloc);
    Value view = memref::ViewOp::create(
        builder, alloc.getLoc(), alloc.getType(), function.getArgument(number),
        offset, alloc.getDynamicSizes());
    alloc.replaceAllUsesWith(view);
    alloc.erase();
  }
  return buffers;
}
