//===- CopyOps.cpp - Which ops move data without computing ---===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "CopyOps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace ra::detail {

bool isCopy(Operation *op) {
  if (isa<memref::CopyOp, linalg::CopyOp, linalg::TransposeOp,
          linalg::BroadcastOp, tensor::ConcatOp, tensor::PadOp>(op))
    return true;
  auto generic = dyn_cast<linalg::GenericOp>(op);
  if (!generic || generic.getNumReductionLoops() != 0 ||
      generic.getNumDpsInputs() == 0)
    return false;
  Block *body = generic.getBody();
  if (llvm::any_of(body->without_terminator(), [](Operation &nested) {
        return isa<arith::SelectOp>(nested);
      }))
    return true;
  for (Value yielded : body->getTerminator()->getOperands())
    if (!isa<BlockArgument>(yielded) ||
        cast<BlockArgument>(yielded).getArgNumber() >=
            generic.getNumDpsInputs())
      return false;
  return true;
}

} // namespace ra::detail
