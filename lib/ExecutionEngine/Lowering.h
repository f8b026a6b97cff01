//===- Lowering.h - What both ways to code need -----------------*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RA_LIB_EXECUTIONENGINE_LOWERING_H
#define RA_LIB_EXECUTIONENGINE_LOWERING_H

#include "mlir/IR/BuiltinOps.h"

namespace ra::detail {

/// What the way down needs to know about upstream dialects and ours.
void registerInterfaces(mlir::MLIRContext &context);

/// The translation to LLVM IR warns about argument attributes it does not know;
/// ra's have served.
void dropArgumentAttributes(mlir::ModuleOp module);

} // namespace ra::detail

#endif // RA_LIB_EXECUTIONENGINE_LOWERING_H
