//===- Cost.cpp - C API of the cost model ---------------------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ra-c/Cost.h"

#include "mlir/CAPI/IR.h"
#include "mlir/CAPI/Support.h"
#include "ra/Dialect/RA/Transforms/Cost.h"

using namespace mlir;

static_assert(ra::Cost::kUnknown == RA_COST_UNKNOWN);

MlirLogicalResult raComputeCost(MlirOperation function, RaCost *cost) {
  auto func = dyn_cast_or_null<func::FuncOp>(unwrap(function));
  if (!func)
    return wrap(failure());
  ra::Cost counts = ra::computeCost(func);
  *cost = {counts.flops,  counts.bytes,       counts.kernels,
           counts.copies, counts.allocations, counts.allocationBytes};
  return wrap(success());
}
