//===- TestSupport.h - Modules, tensors and f64 loops for tests -*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RA_TEST_UNIT_EXECUTIONENGINE_TESTSUPPORT_H
#define RA_TEST_UNIT_EXECUTIONENGINE_TESTSUPPORT_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"
#include "ra/ExecutionEngine/Engine.h"

#include <memory>
#include <random>
#include <string>
#include <vector>

namespace ra::test {

using runtime::ElementType;
using runtime::Tensor;

/// A module from text and the engine compiled from it. Diagnostics are kept in
/// `messages` instead of being printed.
struct Program {
  explicit Program(const std::string &text, EngineOptions options = {});

  std::unique_ptr<mlir::MLIRContext> context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::string messages;
  /// Null when the module did not compile.
  std::unique_ptr<Engine> engine;
};

/// The seed of this run: RA_TEST_SEED, or a fixed one. Tests print it.
uint64_t testSeed();

/// A tensor whose last byte is the last one before a page that must not be
/// touched: any read or write beyond its end is a crash. Values are N(0, 1).
Tensor guardedNormal(runtime::Shape shape, ElementType type,
                     std::mt19937_64 &generator, double scale = 1.0);

/// "2x?xf32" for a tensor type; -1 is dynamic.
std::string tensorType(const runtime::Shape &shape, const std::string &element);

/// An order of the letters of `dims` ("bhtd") as they lie in memory, outermost
/// first.
struct Layout {
  std::string dims, order;
  /// affine_map<(b, h, t, d) -> (b, t, h, d)>
  std::string map() const;
  /// Extents in memory order.
  runtime::Shape physical(const runtime::Shape &logical) const;
  /// Elements in logical order.
  std::vector<double> logicalValues(const Tensor &tensor,
                                    const runtime::Shape &logical) const;
};

/// The largest difference, infinite when a NaN is only on one side. Infinities
/// of one sign are equal.
double maxError(const std::vector<double> &a, const std::vector<double> &b);

/// Expects the error of `actual` to be at most twice that of `yardstick`, plus
/// 1e-5.
void expectClose(const std::vector<double> &actual,
                 const std::vector<double> &exact,
                 const std::vector<double> &yardstick, const std::string &what);

/// Everything about one attention problem but its operands; either op.
struct AttentionShape {
  int64_t batch = 1, heads = 1, kvHeads = 1, queries = 1, keys = 1, dim = 8,
          valueDim = 8;
  /// "none", "causal" or "window".
  std::string mask = "none";
  int64_t window = 0;
  bool bottomRight = false;
  int64_t offset = 0;
  double scale = 0.125;
  double softcap = 0.0;
  /// Extents of the bias's first two dims; 0 for no bias.
  int64_t biasBatch = 0, biasHeads = 0;
  /// Reciprocal dims per query head; empty for ra.attention.
  std::vector<std::vector<int64_t>> recDims;
  std::vector<double> standardGate, reciprocalGate;
  bool slots = false;
};

/// Operands in logical order.
struct AttentionData {
  std::vector<double> query, key, value, bias;
};
struct AttentionResult {
  std::vector<double> output, lse;
};

/// The formula of the op's description, loop by loop, in T; the output is
/// rounded to `storage`.
template <typename T>
AttentionResult attentionByFormula(const AttentionShape &shape,
                                   const AttentionData &data,
                                   ElementType storage);
extern template AttentionResult
attentionByFormula<double>(const AttentionShape &, const AttentionData &,
                           ElementType);
extern template AttentionResult
attentionByFormula<float>(const AttentionShape &, const AttentionData &,
                          ElementType);

} // namespace ra::test

#endif // RA_TEST_UNIT_EXECUTIONENGINE_TESTSUPPORT_H
