//===- ReferenceTest.h - Evaluating IR in tests -----------------*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RA_TEST_UNIT_REFERENCE_REFERENCETEST_H
#define RA_TEST_UNIT_REFERENCE_REFERENCETEST_H

#include "ra/Reference/Interpreter.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"
#include "gtest/gtest.h"

#include <string>
#include <vector>

namespace ra::reference::test {

using runtime::ElementType;
using runtime::Shape;
using runtime::Tensor;
using Values = std::vector<double>;

/// A tensor of `values`.
Tensor tensor(Shape shape, const Values &values,
              ElementType type = ElementType::F64);
/// A scalar argument.
Tensor scalar(double value, ElementType type = ElementType::F64);
Tensor index(int64_t value);
/// Normal or uniform numbers; equal seeds give equal tensors.
Tensor normal(Shape shape, uint64_t seed, ElementType type = ElementType::F64);
Tensor uniform(Shape shape, double lo, double hi, uint64_t seed);

/// max |a - b|; fails the test on another shape or a NaN.
double maxError(const Tensor &a, const Tensor &b);

/// Evaluates the function @main of IR text.
class ReferenceTest : public ::testing::Test {
protected:
  ReferenceTest();

  /// The results; fails the test, with the diagnostics, when there are none.
  std::vector<Tensor> run(const std::string &text,
                          const std::vector<Tensor> &args,
                          Precision precision = Precision::F64);
  /// The values of the only result.
  Values values(const std::string &text, const std::vector<Tensor> &args,
                Precision precision = Precision::F64);
  /// The only diagnostic of an evaluation that fails; fails the test when
  /// it does not fail or says more than one thing.
  std::string error(const std::string &text, const std::vector<Tensor> &args);

  mlir::MLIRContext context;

private:
  llvm::FailureOr<llvm::SmallVector<Tensor>>
  evaluateMain(const std::string &text, const std::vector<Tensor> &args,
               Precision precision);
  std::vector<std::string> diagnostics;
};

} // namespace ra::reference::test

#endif // RA_TEST_UNIT_REFERENCE_REFERENCETEST_H
