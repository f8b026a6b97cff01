//===- WorkspacePlan.h - Buffers of a function, planned ahead ---*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RA_LIB_EXECUTIONENGINE_WORKSPACEPLAN_H
#define RA_LIB_EXECUTIONENGINE_WORKSPACEPLAN_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "ra/Runtime/Artifact.h"

namespace ra::detail {

/// Replaces every allocation of `function`, which is on buffers, by a view of a
/// workspace of the caller: the function gets two more arguments, memref<?xi8>
/// and the offset of each buffer in it, memref<Nxi64>. Returns the buffers:
/// size in terms of the arguments' extents, and between which ops of the
/// function's block they are in use. Diagnoses buffers that go through control
/// flow.
mlir::FailureOr<std::vector<runtime::ArtifactBuffer>>
planWorkspace(mlir::func::FuncOp function,
              llvm::ArrayRef<runtime::DimExpr> resultExtents);

} // namespace ra::detail

#endif // RA_LIB_EXECUTIONENGINE_WORKSPACEPLAN_H
