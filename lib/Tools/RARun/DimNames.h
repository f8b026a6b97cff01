//===- DimNames.h - Dims of an entry, by name -------------------*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RA_LIB_TOOLS_RARUN_DIMNAMES_H
#define RA_LIB_TOOLS_RARUN_DIMNAMES_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "ra/Runtime/BenchOptions.h"

#include <string>
#include <vector>

namespace ra::tools {

/// The extent given to a dim of an argument.
struct DimExtent {
  unsigned argument = 0, axis = 0;
  int64_t extent = 0;
};

/// "argument 2 (tensor<?x8xf32>)".
std::string describeArgument(mlir::func::FuncOp entry, unsigned index);

/// Gives the dims of `axis` the extent `extent`. A place that is a name stands
/// for every dynamic dim of `entry` which reaches, through the ops between, the
/// batch ("B") or the query or key length ("T") of an attention or a rotary
/// embedding. The message of a failure says what is wrong with which place.
runtime::Expected<std::vector<DimExtent>>
resolveAxis(mlir::func::FuncOp entry, const runtime::DimAxis &axis,
            int64_t extent);

/// The same for the values of `--dim`, with one extent each.
runtime::Expected<std::vector<DimExtent>>
resolveDims(mlir::func::FuncOp entry, llvm::ArrayRef<std::string> dims);

} // namespace ra::tools

#endif // RA_LIB_TOOLS_RARUN_DIMNAMES_H
