//===- RaiseProjection.h - Products with a weight to ra.linear --*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RA_LIB_DIALECT_RA_TRANSFORMS_RAISEPROJECTION_H
#define RA_LIB_DIALECT_RA_TRANSFORMS_RAISEPROJECTION_H

#include "RaiseExpr.h"

namespace ra::raise {

/// Replaces a contraction of a value with a weight by ra.linear, with the bias
/// that is added to it, or that it starts from. A weight is a matrix of
/// [out, in] or [in, out], perhaps transposed or repeated along batch dims: a
/// constant, or an argument of the function. Where the function marks
/// parameters, of those, a parameter or what is computed from parameters alone.
/// False, and nothing changed, if `product` is something else.
bool raiseProjection(mlir::linalg::LinalgOp product, Extents &extents);

} // namespace ra::raise

#endif // RA_LIB_DIALECT_RA_TRANSFORMS_RAISEPROJECTION_H
