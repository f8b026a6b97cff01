//===- ReductionPatternInterface.h - Smaller failing modules ----*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RA_DIALECT_RA_TRANSFORMS_REDUCTIONPATTERNINTERFACE_H
#define RA_DIALECT_RA_TRANSFORMS_REDUCTIONPATTERNINTERFACE_H

namespace mlir {
class DialectRegistry;
} // namespace mlir

namespace ra {

/// Registers what `--reduction-tree` may make of a module with ra ops, each
/// step kept only if the module still verifies and is still interesting:
///
///  * a tensor that an op computes becomes an operand of that op with the same
///    type (an init first), or an empty tensor where its shape is static;
///  * optional operands and attributes of ra ops go.
///
/// The first applies to ops of every dialect: what lies between ra ops is
/// upstream's, and the test case is as long as that chain.
void registerReductionPatternInterface(mlir::DialectRegistry &registry);

} // namespace ra

#endif // RA_DIALECT_RA_TRANSFORMS_REDUCTIONPATTERNINTERFACE_H
