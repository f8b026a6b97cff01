//===- Passes.h - The CPU way down: passes and patterns ---------*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RA_CONVERSION_RATOVECTOR_PASSES_H
#define RA_CONVERSION_RATOVECTOR_PASSES_H

#include "mlir/Pass/Pass.h"
#include "llvm/ADT/StringRef.h"

namespace mlir {
class ImplicitLocOpBuilder;
class RewritePatternSet;
class Value;
} // namespace mlir

namespace ra {

/// The attribute of an outlined kernel: a unit attribute on a private function.
inline constexpr llvm::StringLiteral kKernelAttrName = "ra.kernel";
/// The attribute of the function that computes an entry's result shapes: the
/// conditions on its arguments' shapes (see `ra-outline-shapes`).
inline constexpr llvm::StringLiteral kShapesAttrName = "ra.shape_checks";
/// What follows an entry's name in the name of that function.
inline constexpr llvm::StringLiteral kShapesSuffix = ".shapes";
/// The attribute of an argument that the caller binds to a constant: the
/// constant itself (see `ra-externalize-constants`).
inline constexpr llvm::StringLiteral kConstantAttrName = "ra.constant";
/// The unit attribute of an argument that receives a result (see
/// `ra-results-to-arguments`).
inline constexpr llvm::StringLiteral kResultAttrName = "ra.result";
/// The attribute of the function that does one tile of a kernel: an `i64`, the
/// bytes of scratch memory on the stack of each thread that runs it.
inline constexpr llvm::StringLiteral kScratchAttrName = "ra.scratch_bytes";
/// The function that instrumented code calls before each kernel:
/// `void ra_rt_count_kernel(void)`.
inline constexpr llvm::StringLiteral kCountKernelName = "ra_rt_count_kernel";

#define GEN_PASS_DECL
#include "ra/Conversion/RAToVector/Passes.h.inc"

/// The register tile of the vector kernels. A product keeps `rows * chunks`
/// accumulators of `lanes` f32 each; add `chunks + 1` for what they are fed
/// with, and that many vector registers should exist. Defaults fit AVX-512;
/// (8, 6, 2) fits AVX2.
struct VectorShape {
  int64_t lanes = 16;
  int64_t rows = 6;
  int64_t chunks = 4;
};

/// The panel of ra.linear's weights that the kernels of this shape read in
/// place.
int64_t getPanel(VectorShape shape);

/// Patterns that turn ra ops on memrefs, each in a function of its own, into
/// loops over tiles and vector code. Tiles with scratch memory become private
/// functions beside that function.
void populateRAToVectorPatterns(mlir::RewritePatternSet &patterns,
                                VectorShape shape = {});

/// 2^x of a vector of f32 whose lanes are at most 0 or NaN: within 2.1 units in
/// the last place for x > -126.5, exactly 1 at 0, exactly 0 below, NaN for NaN.
/// Emits a polynomial of degree 5, so no call.
mlir::Value createExp2OfNonPositive(mlir::ImplicitLocOpBuilder &builder,
                                    mlir::Value x);

/// Patterns that replace exp and tanh of f32 vectors by polynomials, accurate
/// to a few units in the last place.
void populateApproximateMathPatterns(mlir::RewritePatternSet &patterns);

#define GEN_PASS_REGISTRATION
#include "ra/Conversion/RAToVector/Passes.h.inc"

} // namespace ra

#endif // RA_CONVERSION_RATOVECTOR_PASSES_H
