//===- ReferenceTest.cpp - Evaluating IR in tests -------------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ReferenceTest.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Quant/IR/Quant.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/Parser/Parser.h"
#include "ra/Dialect/RA/IR/RADialect.h"
#include "ra/Runtime/Random.h"

#include <cmath>

using namespace mlir;
using namespace ra;
using namespace ra::reference;
using namespace ra::reference::test;

Tensor ra::reference::test::tensor(Shape shape, const Values &values,
                                   ElementType type) {
  runtime::Expected<Tensor> result = Tensor::fromDoubles(shape, type, values);
  EXPECT_TRUE(bool(result)) << (result ? "" : result.message());
  return result ? *result : Tensor();
}

Tensor ra::reference::test::scalar(double value, ElementType type) {
  return tensor({}, {value}, type);
}

Tensor ra::reference::test::index(int64_t value) {
  return tensor({}, {static_cast<double>(value)}, ElementType::I64);
}

static int64_t countOf(const Shape &shape) {
  return *runtime::checkedNumElements(shape);
}

Tensor ra::reference::test::normal(Shape shape, uint64_t seed,
                                   ElementType type) {
  Values values(countOf(shape));
  runtime::RandomStream{seed, 0}.normal(0, 1, 0, values.size(), values.data());
  return tensor(std::move(shape), values, type);
}

Tensor ra::reference::test::uniform(Shape shape, double lo, double hi,
                                    uint64_t seed) {
  Values values(countOf(shape));
  runtime::RandomStream{seed, 1}.uniform(lo, hi, 0, values.size(),
                                         values.data());
  return tensor(std::move(shape), values);
}

double ra::reference::test::maxError(const Tensor &a, const Tensor &b) {
  EXPECT_EQ(a.shape(), b.shape());
  if (a.shape() != b.shape())
    return INFINITY;
  double worst = 0;
  for (int64_t i = 0; i < a.numElements(); ++i) {
    EXPECT_FALSE(std::isnan(a.at(i)) || std::isnan(b.at(i))) << "NaN at " << i;
    if (a.at(i) != b.at(i))
      worst = std::max(worst, std::fabs(a.at(i) - b.at(i)));
  }
  return worst;
}

ReferenceTest::ReferenceTest() {
  DialectRegistry registry;
  registry
      .insert<RADialect, affine::AffineDialect, arith::ArithDialect,
              cf::ControlFlowDialect, func::FuncDialect, linalg::LinalgDialect,
              math::MathDialect, memref::MemRefDialect, quant::QuantDialect,
              scf::SCFDialect, tensor::TensorDialect, vector::VectorDialect>();
  context.appendDialectRegistry(registry);
}

FailureOr<SmallVector<Tensor>>
ReferenceTest::evaluateMain(const std::string &text,
                            const std::vector<Tensor> &args,
                            Precision precision) {
  diagnostics.clear();
  ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) {
    if (diagnostic.getSeverity() == DiagnosticSeverity::Error)
      diagnostics.push_back(diagnostic.str());
    return success();
  });
  OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(text, &context);
  if (!module)
    return failure();
  auto entry = module->lookupSymbol<func::FuncOp>("main");
  InterpreterOptions options;
  options.precision = precision;
  options.numThreads = 2;
  return evaluate(entry, args, options);
}

std::vector<Tensor> ReferenceTest::run(const std::string &text,
                                       const std::vector<Tensor> &args,
                                       Precision precision) {
  FailureOr<SmallVector<Tensor>> results = evaluateMain(text, args, precision);
  EXPECT_TRUE(succeeded(results))
      << (diagnostics.empty() ? "no diagnostic" : diagnostics.front());
  EXPECT_TRUE(diagnostics.empty());
  if (failed(results))
    return std::vector<Tensor>(4);
  return std::vector<Tensor>(results->begin(), results->end());
}

Values ReferenceTest::values(const std::string &text,
                             const std::vector<Tensor> &args,
                             Precision precision) {
  return run(text, args, precision).front().readAsDoubles();
}

std::string ReferenceTest::error(const std::string &text,
                                 const std::vector<Tensor> &args) {
  EXPECT_TRUE(failed(evaluateMain(text, args, Precision::F64)));
  EXPECT_EQ(diagnostics.size(), 1u);
  return diagnostics.empty() ? "" : diagnostics.front();
}
