//===- RaiseScores.h - Softmax and scores of an attention -------*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RA_LIB_DIALECT_RA_TRANSFORMS_RAISESCORES_H
#define RA_LIB_DIALECT_RA_TRANSFORMS_RAISESCORES_H

#include "RaiseExpr.h"

#include <string>
#include <vector>

namespace ra::raise {

/// Why something that looks like attention is not raised.
struct Miss {
  /// A word for the part that did not match; empty if it is no attention.
  std::string rule;
  std::string reason;

  bool operator()(llvm::StringRef newRule, const llvm::Twine &why) {
    rule = newRule.str();
    reason = why.str();
    return false;
  }
};

/// A formula p_j that is exp(x_j) / sum_j exp(x_j).
struct Softmax {
  /// x up to a term that does not depend on the key, in units of ln `base`.
  const Expr *exponent = nullptr;
  /// ln of the base of the exponential: 1, or ln 2 for exp2.
  double lnBase = 1.0;
  /// Conditions outside of which a term counts as 0.
  llvm::SmallVector<const Expr *> visible;
  /// The formula is exp(x_j) alone: the division by `sum` follows the product
  /// with the values.
  bool dividesLater = false;
  const Expr *sum = nullptr;
  /// A row that a mask hides altogether gives 0, whatever its scores.
  bool hiddenRowsAreZero = false;
};

/// Matches `p` as a softmax over the dims `keys`. With `sum`, `p` is the
/// numerator and `sum` what the product is divided by.
bool matchSoftmax(ExprBuilder &builder, const Expr *p,
                  llvm::ArrayRef<DimId> keys, Softmax &softmax, Miss &miss);
/// Matches `sum` as what the numerators of `softmax` must be divided by.
bool matchSum(ExprBuilder &builder, const Expr *numerator, const Expr *sum,
              llvm::ArrayRef<DimId> keys, Softmax &softmax, Miss &miss);

/// A tensor and where it is read.
struct Access {
  mlir::Value value;
  llvm::SmallVector<Index, 4> indices;
};

/// coefficient * product of factors * <lhs, rhs>, summed over `bound`.
struct Product {
  mlir::linalg::LinalgOp op;
  Access lhs, rhs;
  llvm::SmallVector<DimId> bound;
  double coefficient = 1.0;
  llvm::SmallVector<const Expr *> factors;
};

/// factor * expr, added to the scores.
struct Addend {
  double factor;
  const Expr *expr;
};

/// Scores are replaced by `fill` where `visible` is false.
struct Hiding {
  const Expr *visible;
  double fill;
};

/// Scores in the form of ra.attention: the sum of `products`; then, where
/// softcap is not 0, softcap * tanh(. / softcap); then `addends`; then hidden.
struct Scores {
  std::vector<Product> products;
  double softcap = 0;
  llvm::SmallVector<Addend> addends;
  llvm::SmallVector<Hiding> hidings;
};

/// Takes the exponent of a softmax over `keys` apart.
bool matchScores(ExprBuilder &builder, const Softmax &softmax,
                 llvm::ArrayRef<DimId> keys, Scores &scores, Miss &miss);

/// Multiplies `number` by the constants in a product, and adds its other
/// factors to `factors`; of 1 / expr if `inverse`.
void splitFactor(ExprBuilder &builder, const Expr *expr, bool inverse,
                 double &number, llvm::SmallVectorImpl<const Expr *> &factors);

/// True if a product of two tensors is part of the formula.
bool hasProduct(ExprBuilder &builder, const Expr *expr);

} // namespace ra::raise

#endif // RA_LIB_DIALECT_RA_TRANSFORMS_RAISESCORES_H
