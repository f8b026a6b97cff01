//===- CopyOps.h - Which ops move data without computing --------*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RA_LIB_DIALECT_RA_TRANSFORMS_COPYOPS_H
#define RA_LIB_DIALECT_RA_TRANSFORMS_COPYOPS_H

#include "mlir/IR/Operation.h"

namespace ra::detail {

/// True for an op whose result is a permutation or selection of its inputs, up
/// to a factor: memref.copy, linalg.copy, linalg.transpose, linalg.broadcast,
/// tensor.concat, tensor.pad, and a linalg.generic without reduction that
/// yields an input or selects among inputs. Views are not copies, and neither
/// is a fill.
bool isCopy(mlir::Operation *op);

} // namespace ra::detail

#endif // RA_LIB_DIALECT_RA_TRANSFORMS_COPYOPS_H
