//===- StageCost.h - What a stage costs at given shapes ---------*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RA_LIB_TOOLS_RARUN_STAGECOST_H
#define RA_LIB_TOOLS_RARUN_STAGECOST_H

#include "mlir/IR/BuiltinOps.h"
#include "ra/Dialect/RA/Transforms/Cost.h"
#include "ra/Runtime/Tensor.h"
#include "llvm/ADT/ArrayRef.h"

namespace ra::tools {

/// Counts `@entry` of `compiled`, a module that `ra-compile` has taken to a
/// stage, after bufferisation, with every dynamic dim replaced by the extent
/// that the original arguments `inputs` give it. On failure the diagnostics
/// have been emitted.
llvm::FailureOr<Cost> countCost(mlir::ModuleOp compiled, llvm::StringRef entry,
                                llvm::ArrayRef<runtime::Tensor> inputs);

} // namespace ra::tools

#endif // RA_LIB_TOOLS_RARUN_STAGECOST_H
