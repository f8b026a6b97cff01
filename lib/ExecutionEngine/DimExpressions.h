//===- DimExpressions.h - Index arithmetic as expressions -------*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RA_LIB_EXECUTIONENGINE_DIMEXPRESSIONS_H
#define RA_LIB_EXECUTIONENGINE_DIMEXPRESSIONS_H

#include "mlir/IR/Value.h"
#include "ra/Runtime/DimExpr.h"
#include "llvm/ADT/ArrayRef.h"

namespace ra::detail {

/// `value`, an index or integer in a function on buffers, in terms of the
/// extents of the function's arguments. An extent of a result's buffer is
/// looked up in `resultExtents`: those of the dynamic dims of all results, in
/// order. Diagnoses what depends on anything else.
mlir::FailureOr<runtime::DimExpr>
toDimExpr(mlir::Value value, llvm::ArrayRef<runtime::DimExpr> resultExtents);

} // namespace ra::detail

#endif // RA_LIB_EXECUTIONENGINE_DIMEXPRESSIONS_H
