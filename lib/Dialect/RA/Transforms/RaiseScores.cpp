//===- RaiseScores.cpp - Softmax and scores of an attention ---------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "RaiseScores.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/Support/FormatVariadic.h"

#include <cmath>
#include <limits>

using namespace mlir;

namespace ra::raise {

static bool isProduct(const Expr *expr) {
  return expr->kind == Kind::Load && isContraction(expr->value.getDefiningOp());
}

bool hasProduct(ExprBuilder &builder, const Expr *expr) {
  return builder.any(expr, isProduct);
}

static bool isExponential(const Expr *expr) {
  return expr->kind == Kind::Exp || expr->kind == Kind::Exp2;
}

void splitFactor(ExprBuilder &builder, const Expr *expr, bool inverse,
                 double &number, SmallVectorImpl<const Expr *> &factors) {
  if (expr->kind == Kind::Mul || expr->kind == Kind::Div) {
    splitFactor(builder, expr->operands[0], inverse, number, factors);
    splitFactor(builder, expr->operands[1],
                expr->kind == Kind::Div ? !inverse : inverse, number, factors);
    return;
  }
  if (expr->isConstant())
    number *= inverse ? 1.0 / expr->number : expr->number;
  else
    factors.push_back(
        inverse ? builder.make(Kind::Div, {builder.constant(1.0), expr})
                : expr);
}

//===----------------------------------------------------------------------===//
// Softmax
//===----------------------------------------------------------------------===//

/// The renaming of the dims a reduction runs over to `keys`; nothing if they do
/// not run equally far.
static std::optional<SmallVector<std::pair<DimId, DimId>>>
alongKeys(ExprBuilder &builder, const Expr *reduce, ArrayRef<DimId> keys) {
  SmallVector<std::pair<DimId, DimId>> renaming;
  for (DimId dim : reduce->bound)
    for (DimId atom : builder.dims.atoms(dim)) {
      if (renaming.size() == keys.size() ||
          !builder.dims.sameExtent(atom, keys[renaming.size()]))
        return std::nullopt;
      renaming.push_back({atom, keys[renaming.size()]});
    }
  if (renaming.size() != keys.size())
    return std::nullopt;
  return renaming;
}

/// exp(x), or exp(x) where a condition holds and 0 elsewhere.
static bool matchNumerator(ExprBuilder &builder, const Expr *expr,
                           Softmax &softmax, Miss &miss) {
  while (true) {
    if (isExponential(expr)) {
      softmax.exponent = expr->operands[0];
      softmax.lnBase = expr->kind == Kind::Exp2 ? std::log(2.0) : 1.0;
      return true;
    }
    if (expr->kind == Kind::Select && expr->operands[2]->isConstant(0)) {
      softmax.visible.push_back(expr->operands[0]);
      expr = expr->operands[1];
      continue;
    }
    if (expr->kind == Kind::Select && expr->operands[1]->isConstant(0)) {
      softmax.visible.push_back(builder.make(Kind::Not, {expr->operands[0]},
                                             expr->operands[0]->type));
      expr = expr->operands[2];
      continue;
    }
    bool isMasked = false;
    for (unsigned i = 0; expr->kind == Kind::Mul && i < 2 && !isMasked; ++i) {
      if (expr->operands[i]->kind != Kind::ToNumber)
        continue;
      softmax.visible.push_back(expr->operands[i]->operands[0]);
      expr = expr->operands[1 - i];
      isMasked = true;
    }
    if (!isMasked)
      return miss("softmax", "what is divided by the sum is no exponential of "
                             "scores");
  }
}

/// What a divisor is, without a guard against rows whose sum is 0.
static const Expr *withoutGuard(ExprBuilder &builder, const Expr *sum) {
  // sum == 0 ? c : sum
  if (sum->kind == Kind::Select) {
    for (unsigned i : {1u, 2u}) {
      const Expr *value = sum->operands[i], *other = sum->operands[3 - i];
      auto cmp = dyn_cast_or_null<arith::CmpFOp>(sum->operands[0]->op);
      if (!other->isConstant() || value->isConstant() || !cmp ||
          sum->operands[0]->kind != Kind::Other)
        continue;
      using P = arith::CmpFPredicate;
      P predicate = cmp.getPredicate();
      const Expr *lhs = sum->operands[0]->operands[0];
      const Expr *rhs = sum->operands[0]->operands[1];
      bool guards = i == 2 ? predicate == P::OEQ || predicate == P::UEQ
                           : predicate == P::ONE || predicate == P::UNE ||
                                 predicate == P::OGT;
      if (guards && rhs->isConstant(0) && builder.equal(lhs, value))
        return value;
    }
  }
  return sum;
}

bool matchSum(ExprBuilder &builder, const Expr *numerator, const Expr *sum,
              ArrayRef<DimId> keys, Softmax &softmax, Miss &miss) {
  sum = withoutGuard(builder, sum);
  // max(sum, c) with c at most 1 does nothing where the maximum of the scores
  // was subtracted: the largest exponential is 1.
  if (sum->kind == Kind::Max)
    for (unsigned i : {0u, 1u}) {
      const Expr *x = softmax.exponent;
      if (!sum->operands[i]->isConstant() || sum->operands[i]->number > 1.0 ||
          x->kind != Kind::Sub || x->operands[1]->kind != Kind::Reduce ||
          x->operands[1]->reducer != Kind::Max || !softmax.visible.empty())
        continue;
      auto renaming = alongKeys(builder, x->operands[1], keys);
      if (renaming && builder.equal(x->operands[1]->operands[0], x->operands[0],
                                    *renaming)) {
        sum = sum->operands[1 - i];
        break;
      }
    }
  if (sum->kind == Kind::Add &&
      (sum->operands[0]->isConstant() || sum->operands[1]->isConstant()))
    return miss("softmax", "a constant is added to the sum of exponentials");
  if (sum->kind != Kind::Reduce || sum->reducer != Kind::Add ||
      !sum->operands[1]->isConstant(0))
    return miss("softmax", "the divisor is no sum of exponentials from 0");
  if (builder.dependsOn(sum, keys))
    return miss("axis",
                "the sum of the exponentials does not run over the keys "
                "that the product with the values runs over");
  auto renaming = alongKeys(builder, sum, keys);
  if (!renaming)
    return miss("axis", "the sum of the exponentials runs over other keys than "
                        "the product with the values");
  if (!builder.equal(sum->operands[0], numerator, *renaming))
    return miss("softmax",
                "the sum is not over the exponentials that it divides: another "
                "scale, mask or source");
  softmax.sum = sum;
  return true;
}

/// A condition that holds for rows in which every key is hidden.
static bool matchHiddenRow(ExprBuilder &builder, const Expr *condition,
                           ArrayRef<DimId> keys, Softmax &softmax) {
  const Expr *x = softmax.exponent;
  const Expr *scores = x->kind == Kind::Sub ? x->operands[0] : x;
  auto isMinusInfinity = [&](const Expr *expr) -> const Expr * {
    auto cmp = dyn_cast_or_null<arith::CmpFOp>(expr->op);
    if (!cmp || expr->kind != Kind::Other ||
        (cmp.getPredicate() != arith::CmpFPredicate::OEQ &&
         cmp.getPredicate() != arith::CmpFPredicate::UEQ) ||
        !expr->operands[1]->isConstant(
            -std::numeric_limits<double>::infinity()))
      return nullptr;
    return expr->operands[0];
  };
  // max of the scores == -inf
  if (const Expr *max = isMinusInfinity(condition)) {
    if (max->kind != Kind::Reduce || max->reducer != Kind::Max)
      return false;
    auto renaming = alongKeys(builder, max, keys);
    return renaming && builder.equal(max->operands[0], scores, *renaming);
  }
  bool negated = condition->kind == Kind::Not;
  const Expr *reduce = negated ? condition->operands[0] : condition;
  if (reduce->kind != Kind::Reduce ||
      reduce->reducer != (negated ? Kind::Or : Kind::And) ||
      !reduce->operands[1]->isConstant(negated ? 0 : 1))
    return false;
  auto renaming = alongKeys(builder, reduce, keys);
  if (!renaming)
    return false;
  const Expr *body = reduce->operands[0];
  // all scores == -inf
  if (!negated)
    if (const Expr *score = isMinusInfinity(body))
      return builder.equal(score, scores, *renaming) ||
             builder.equal(score, x, *renaming);
  // No key is visible by the one mask there is.
  const Expr *visible =
      negated ? body : builder.make(Kind::Not, {body}, body->type);
  const Expr *mask = nullptr;
  if (softmax.visible.size() == 1)
    mask = softmax.visible[0];
  else if (softmax.visible.empty() && scores->kind == Kind::Select)
    mask = scores->operands[1]->isConstant()
               ? builder.make(Kind::Not, {scores->operands[0]},
                              scores->operands[0]->type)
               : scores->operands[0];
  if (!mask || !builder.equal(visible, mask, *renaming))
    return false;
  softmax.hiddenRowsAreZero = true;
  return true;
}

bool matchSoftmax(ExprBuilder &builder, const Expr *p, ArrayRef<DimId> keys,
                  Softmax &softmax, Miss &miss) {
  // A sigmoid or a GELU before a product has exponentials, too; a softmax or
  // what is left of one has a reduction.
  auto isReduction = [](const Expr *part) {
    return part->kind == Kind::Reduce;
  };
  if (!builder.any(p, isExponential) || !hasProduct(builder, p))
    return false;

  SmallVector<const Expr *> rowConditions;
  while (p->kind == Kind::Select) {
    bool zeroFirst = p->operands[1]->isConstant(0);
    if (!zeroFirst && !p->operands[2]->isConstant(0))
      break;
    if (!builder.any(p->operands[zeroFirst ? 2 : 1],
                     [](const Expr *part) { return part->kind == Kind::Div; }))
      break;
    const Expr *condition = p->operands[0];
    rowConditions.push_back(
        zeroFirst ? condition
                  : builder.make(Kind::Not, {condition}, condition->type));
    p = p->operands[zeroFirst ? 2 : 1];
  }
  if (p->kind != Kind::Div) {
    if (rowConditions.empty() && matchNumerator(builder, p, softmax, miss)) {
      softmax.dividesLater = true;
      return true;
    }
    if (!builder.any(p, isReduction)) {
      miss = Miss();
      return false;
    }
    if (p->kind == Kind::Mul)
      return miss("softmax", "a factor on the probabilities");
    return miss("softmax", "the weights of the values are no quotient of an "
                           "exponential and a sum");
  }
  const Expr *numerator = p->operands[0], *sum = p->operands[1];
  if (!builder.any(sum, isReduction))
    return false;
  if (!matchNumerator(builder, numerator, softmax, miss) ||
      !matchSum(builder, numerator, sum, keys, softmax, miss))
    return false;
  for (const Expr *condition : rowConditions)
    if (!matchHiddenRow(builder, condition, keys, softmax))
      return miss("mask", builder.dependsOn(condition, keys)
                              ? "a mask is applied after the softmax"
                              : "rows are set to 0 by a condition that is not "
                                "known to mean that all keys are hidden");
  return true;
}

//===----------------------------------------------------------------------===//
// Scores
//===----------------------------------------------------------------------===//

namespace {
class ScoreMatcher {
public:
  ScoreMatcher(ExprBuilder &builder, ArrayRef<DimId> keys, Scores &scores,
               Miss &miss)
      : builder(builder), keys(keys), scores(scores), miss(miss) {}

  /// factor * expr is (a part of) the scores. With `shift`, a term that does
  /// not depend on the key may go: it cancels in the softmax.
  bool peel(const Expr *expr, double factor, bool shift) {
    switch (expr->kind) {
    case Kind::Add:
    case Kind::Sub: {
      const Expr *a = expr->operands[0], *b = expr->operands[1];
      double factorB = expr->kind == Kind::Sub ? -factor : factor;
      if (shift && !builder.dependsOn(b, keys))
        return peel(a, factor, shift);
      if (shift && !builder.dependsOn(a, keys))
        return peel(b, factorB, shift);
      bool productA = hasProduct(builder, a), productB = hasProduct(builder, b);
      if (productA && productB) {
        // The exponent less its maximum over the wrong keys.
        auto isMax = [](const Expr *part) {
          return part->kind == Kind::Reduce && part->reducer == Kind::Max;
        };
        if (builder.any(a, isMax) || builder.any(b, isMax))
          return miss("axis",
                      "what is subtracted from the scores depends on the "
                      "key: a maximum over another dim");
        return collect(expr, factor, {});
      }
      if (!productA && !productB)
        break;
      if (scores.softcap != 0)
        return miss("softcap", "a term is added to the scores before they are "
                               "capped");
      scores.addends.push_back({productA ? factorB : factor, productA ? b : a});
      return peel(productA ? a : b, productA ? factor : factorB, shift);
    }
    case Kind::Mul:
      for (unsigned i : {0u, 1u})
        if (expr->operands[i]->isConstant())
          return peel(expr->operands[1 - i], factor * expr->operands[i]->number,
                      shift);
      return collect(expr, factor, {});
    case Kind::Tanh:
      if (scores.softcap != 0)
        return miss("softcap", "scores are capped twice");
      scores.softcap = std::abs(factor);
      return peel(expr->operands[0], factor, /*shift=*/false);
    case Kind::Select: {
      const Expr *condition = expr->operands[0];
      bool first = hasProduct(builder, expr->operands[1]);
      const Expr *inner = expr->operands[first ? 1 : 2];
      const Expr *fill = expr->operands[first ? 2 : 1];
      if (hasProduct(builder, condition))
        return miss("mask", "which scores are hidden depends on the scores");
      if (!fill->isConstant())
        return miss("mask", "what replaces hidden scores is no constant");
      if (scores.softcap != 0)
        return miss("softcap", "scores are masked before they are capped");
      if (!first)
        condition = builder.make(Kind::Not, {condition}, condition->type);
      scores.hidings.push_back({condition, fill->number * factor});
      bool hides = std::isinf(fill->number);
      return peel(inner, factor, shift && hides);
    }
    case Kind::Max:
    case Kind::Min:
      return miss("scores", "scores are clamped");
    default:
      return collect(expr, factor, {});
    }
    return miss("scores", "the exponent has no product of query and key");
  }

private:
  /// factor * product of factors * expr is a sum of products.
  bool collect(const Expr *expr, double factor,
               SmallVector<const Expr *> factors) {
    switch (expr->kind) {
    case Kind::Add:
    case Kind::Sub:
      return collect(expr->operands[0], factor, factors) &&
             collect(expr->operands[1],
                     expr->kind == Kind::Sub ? -factor : factor, factors);
    case Kind::Mul:
    case Kind::Div: {
      const Expr *a = expr->operands[0], *b = expr->operands[1];
      bool productA = hasProduct(builder, a), productB = hasProduct(builder, b);
      if (productA == productB || (productB && expr->kind == Kind::Div))
        break;
      const Expr *other = productA ? b : a;
      if (builder.dependsOn(other, keys))
        return miss("scale", "scores are multiplied by a value that depends on "
                             "the key");
      splitFactor(builder, other, expr->kind == Kind::Div, factor, factors);
      return collect(productA ? a : b, factor, factors);
    }
    case Kind::Load:
      if (isProduct(expr))
        return addProduct(expr, factor, factors);
      break;
    default:
      break;
    }
    return miss("scores",
                "a term of the scores is no product of query and key");
  }

  bool addProduct(const Expr *expr, double factor,
                  ArrayRef<const Expr *> factors) {
    DimSpace &dims = builder.dims;
    auto op = expr->value.getDefiningOp<linalg::LinalgOp>();
    Product product;
    product.op = op;
    product.coefficient = factor;
    product.factors.assign(factors.begin(), factors.end());
    SmallVector<AffineMap> maps = op.getIndexingMapsArray();
    SmallVector<std::optional<Index>> partial(op.getNumLoops());
    for (auto [result, index] :
         llvm::zip_equal(maps[2].getResults(), expr->indices))
      if (auto dim = dyn_cast<AffineDimExpr>(result))
        partial[dim.getPosition()] = index;
    SmallVector<Index> loops(partial.size());
    for (auto [loop, index] : llvm::enumerate(partial)) {
      if (index) {
        loops[loop] = *index;
        continue;
      }
      AffineExpr dim = getAffineDimExpr(loop, op->getContext());
      std::optional<unsigned> position = maps[0].getResultPosition(dim);
      if (!position)
        return miss("scores", "a sum over a dim that only one factor has");
      DimId bound = dims.create(op->getOperand(0), *position);
      product.bound.push_back(bound);
      loops[loop] = Index::dim(bound);
    }
    for (unsigned i : {0u, 1u}) {
      Access &access = i == 0 ? product.lhs : product.rhs;
      access.value = op->getOperand(i);
      for (AffineExpr result : maps[i].getResults()) {
        std::optional<Index> index = dims.apply(result, loops);
        if (!index)
          return miss("scores", "a product with indices that are not linear");
        access.indices.push_back(dims.resolve(*index));
      }
    }
    // What a product starts from is added to it.
    const Expr *start = builder.load(op.getDpsInits()[0], expr->indices);
    if (!start->isConstant(0)) {
      if (!factors.empty() || hasProduct(builder, start))
        return miss("scores",
                    "a product of query and key that starts from other "
                    "scores");
      if (scores.softcap != 0)
        return miss("softcap", "a term is added to the scores before they are "
                               "capped");
      scores.addends.push_back({factor, start});
    }
    scores.products.push_back(std::move(product));
    return true;
  }

  ExprBuilder &builder;
  ArrayRef<DimId> keys;
  Scores &scores;
  Miss &miss;
};
} // namespace

bool matchScores(ExprBuilder &builder, const Softmax &softmax,
                 ArrayRef<DimId> keys, Scores &scores, Miss &miss) {
  // Terms whose exponential is replaced by 0 are hidden.
  for (const Expr *visible : softmax.visible) {
    if (hasProduct(builder, visible))
      return miss("mask", "which scores are hidden depends on the scores");
    scores.hidings.push_back(
        {visible, -std::numeric_limits<double>::infinity()});
  }
  return ScoreMatcher(builder, keys, scores, miss)
      .peel(softmax.exponent, softmax.lnBase, /*shift=*/true);
}

} // namespace ra::raise
