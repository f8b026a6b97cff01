//===- ApproximateMath.cpp - Polynomials for exp and tanh ------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Math/Transforms/Passes.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "ra/Conversion/RAToVector/Passes.h"

namespace ra {
#define GEN_PASS_DEF_APPROXIMATEMATHPASS
#include "ra/Conversion/RAToVector/Passes.h.inc"
} // namespace ra

using namespace mlir;

void ra::populateApproximateMathPatterns(RewritePatternSet &patterns) {
  populateMathPolynomialApproximationPatterns(patterns, [](StringRef name) {
    return name == math::ExpOp::getOperationName() ||
           name == math::TanhOp::getOperationName();
  });
}

/// With n the integer nearest to x and f = x - n in [-1/2, 1/2],
///     2^x = 2^n * (1 + f * q(f)),
/// where q is the polynomial of degree 4 that minimises the largest relative
/// error over that interval (9.2e-8; found by reweighted least squares). Adding
/// 1.5 * 2^23 + 127 to x rounds it to n and leaves n + 127, the exponent of
/// 2^n, in the low bits of the sum; shifted into place they are that number.
/// With n = -127 it is 0, where x is therefore held.
Value ra::createExp2OfNonPositive(ImplicitLocOpBuilder &b, Value x) {
  auto type = cast<VectorType>(x.getType());
  auto splat = [&](float value) -> Value {
    return arith::ConstantOp::create(b, DenseElementsAttr::get(type, value));
  };
  constexpr float kRound = 12582912.0f + 127.0f;
  constexpr float kCoefficients[] = {
      0.6931470036506653f, 0.24022242426872253f, 0.05550733581185341f,
      0.009671513922512531f, 0.0013264728477224708f};
  Value lowest = splat(-127.0f);
  // Written such that NaN passes.
  Value below = arith::CmpFOp::create(b, arith::CmpFPredicate::OGT, lowest, x);
  x = arith::SelectOp::create(b, below, lowest, x);
  Value shifted = arith::AddFOp::create(b, x, splat(kRound));
  Value n = arith::SubFOp::create(b, shifted, splat(kRound));
  Value f = arith::SubFOp::create(b, x, n);
  Value p = splat(kCoefficients[4]);
  for (int i = 3; i >= 0; --i)
    p = vector::FMAOp::create(b, p, f, splat(kCoefficients[i]));
  p = vector::FMAOp::create(b, p, f, splat(1.0f));
  VectorType bitsType = type.clone(b.getI32Type());
  Value bits = arith::BitcastOp::create(b, bitsType, shifted);
  Value places = arith::ConstantOp::create(
      b, DenseElementsAttr::get(bitsType, int32_t(23)));
  bits = arith::ShLIOp::create(b, bits, places);
  return arith::MulFOp::create(b, p, arith::BitcastOp::create(b, type, bits));
}

namespace {
struct ApproximateMath : ra::impl::ApproximateMathPassBase<ApproximateMath> {
  using ApproximateMathPassBase::ApproximateMathPassBase;

  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    ra::populateApproximateMathPatterns(patterns);
    FrozenRewritePatternSet frozen(std::move(patterns));
    // Vectors only: a scalar is better served by the library's function.
    SmallVector<Operation *> ops;
    getOperation()->walk([&](Operation *op) {
      if (!isa<math::ExpOp, math::TanhOp>(op))
        return;
      auto type = dyn_cast<VectorType>(op->getResult(0).getType());
      if (type && type.getElementType().isF32())
        ops.push_back(op);
    });
    GreedyRewriteConfig config;
    config.setStrictness(GreedyRewriteStrictness::ExistingOps);
    (void)applyOpPatternsGreedily(ops, frozen, config);
  }
};
} // namespace
