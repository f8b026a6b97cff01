//===- Passes.h - Passes on the ra dialect ----------------------*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RA_DIALECT_RA_TRANSFORMS_PASSES_H
#define RA_DIALECT_RA_TRANSFORMS_PASSES_H

#include "mlir/IR/PatternMatch.h"
#include "mlir/Pass/Pass.h"

namespace ra {

#define GEN_PASS_DECL
#include "ra/Dialect/RA/Transforms/Passes.h.inc"

/// ra.reciprocal_attention to ra.attention on query and key assembled at run
/// time; P and basis must have been decomposed
/// (populateDecomposeBasisPatterns).
void populateFoldReciprocalPatterns(mlir::RewritePatternSet &patterns);

/// P and basis of ra.reciprocal_attention to products on query and key.
void populateDecomposeBasisPatterns(mlir::RewritePatternSet &patterns);

/// ra.fold_weights to linalg on tensors.
void populateDecomposeFoldWeightsPatterns(mlir::RewritePatternSet &patterns);

/// Transposes into indexing maps, concatenations into destinations.
void populateEliminateCopiesPatterns(mlir::RewritePatternSet &patterns);

/// ra.reciprocal_attention to ra.attention on the same operands: another model,
/// the one to compare with.
void populateMakeBaselinePatterns(mlir::RewritePatternSet &patterns);

/// Registers the passes above and those of Passes.td by name.
#define GEN_PASS_REGISTRATION
#include "ra/Dialect/RA/Transforms/Passes.h.inc"

} // namespace ra

#endif // RA_DIALECT_RA_TRANSFORMS_PASSES_H
