//===- BufferizableOpInterfaceImpl.h - Bufferisation of ra ops --*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RA_DIALECT_RA_TRANSFORMS_BUFFERIZABLEOPINTERFACEIMPL_H
#define RA_DIALECT_RA_TRANSFORMS_BUFFERIZABLEOPINTERFACEIMPL_H

namespace mlir {
class DialectRegistry;
} // namespace mlir

namespace ra {

/// Registers how the destination-style ops (ra.linear, ra.rope, ra.attention,
/// ra.reciprocal_attention) bufferise: the op itself on memrefs, every init
/// written in place and never read. ra.fold_weights has no form on memrefs; it
/// is decomposed on tensors first.
void registerBufferizableOpInterfaceExternalModels(
    mlir::DialectRegistry &registry);

} // namespace ra

#endif // RA_DIALECT_RA_TRANSFORMS_BUFFERIZABLEOPINTERFACEIMPL_H
