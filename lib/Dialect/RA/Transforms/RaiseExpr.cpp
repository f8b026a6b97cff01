//===- RaiseExpr.cpp - Tensor programs as scalar formulas -----------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "RaiseExpr.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/TypeSwitch.h"

#include <cmath>
#include <limits>

using namespace mlir;

namespace ra::raise {

static bool isBoolean(Type type) { return type && type.isInteger(1); }

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

/// Block argument `index`, perhaps widened.
static bool isArgument(Value value, Block *body, unsigned index) {
  if (auto ext = value.getDefiningOp<arith::ExtFOp>())
    value = ext.getIn();
  return index < body->getNumArguments() && value == body->getArgument(index);
}

bool isContraction(Operation *op) {
  auto linalgOp = dyn_cast_or_null<linalg::LinalgOp>(op);
  if (!linalgOp || linalgOp.getNumDpsInputs() != 2 ||
      linalgOp.getNumDpsInits() != 1 || linalgOp.getNumReductionLoops() == 0 ||
      !linalgOp.hasPureTensorSemantics())
    return false;
  Block *body = linalgOp.getBlock();
  if (body->getNumArguments() != 3)
    return false;
  auto add =
      body->getTerminator()->getOperand(0).getDefiningOp<arith::AddFOp>();
  if (!add)
    return false;
  for (auto [sum, term] : {std::pair(add.getLhs(), add.getRhs()),
                           std::pair(add.getRhs(), add.getLhs())}) {
    auto multiply = term.getDefiningOp<arith::MulFOp>();
    if (!multiply || sum != body->getArgument(2))
      continue;
    Value lhs = multiply.getLhs(), rhs = multiply.getRhs();
    if ((isArgument(lhs, body, 0) && isArgument(rhs, body, 1)) ||
        (isArgument(lhs, body, 1) && isArgument(rhs, body, 0)))
      return true;
  }
  return false;
}

//===----------------------------------------------------------------------===//
// Making formulas
//===----------------------------------------------------------------------===//

Expr *ExprBuilder::create(Kind kind, Type type) {
  Expr &expr = expressions.emplace_back();
  expr.kind = kind;
  expr.type = type;
  return &expr;
}

const Expr *ExprBuilder::constant(double number) {
  Expr *expr = create(Kind::Constant);
  expr->number = number;
  return expr;
}

const Expr *ExprBuilder::boolean(bool value, Type i1) {
  Expr *expr = create(Kind::Constant, i1);
  expr->number = value;
  return expr;
}

const Expr *ExprBuilder::position(const Index &index, Type type) {
  Expr *expr = create(Kind::Position, type);
  expr->index = index;
  return expr;
}

const Expr *ExprBuilder::leaf(Value tensor, ArrayRef<Index> indices) {
  Expr *expr = create(Kind::Load, getElementTypeOrSelf(tensor.getType()));
  expr->value = tensor;
  for (const Index &index : indices)
    expr->indices.push_back(dims.resolve(index));
  return expr;
}

const Expr *ExprBuilder::constantOf(Attribute attribute, Type type) {
  if (auto number = dyn_cast<FloatAttr>(attribute)) {
    Expr *expr = create(Kind::Constant, type);
    expr->number = number.getValueAsDouble();
    return expr;
  }
  auto integer = dyn_cast<IntegerAttr>(attribute);
  if (!integer)
    return nullptr;
  if (isBoolean(type))
    return boolean(!integer.getValue().isZero(), type);
  if (integer.getValue().getSignificantBits() > 64)
    return nullptr;
  return position(Index::of(integer.getValue().getSExtValue()), type);
}

const Expr *ExprBuilder::logicalNot(const Expr *expr) {
  Type type = expr->type;
  switch (expr->kind) {
  case Kind::Constant:
    return boolean(expr->number == 0, type);
  case Kind::Not:
    return expr->operands[0];
  case Kind::NonNegative: {
    Expr *negated = create(Kind::NonNegative, type);
    negated->index = expr->index * -1 + Index::of(-1);
    return negated;
  }
  // Both sides of De Morgan's law are one formula.
  case Kind::Or:
    return make(Kind::And,
                {logicalNot(expr->operands[0]), logicalNot(expr->operands[1])},
                type);
  default: {
    Expr *negated = create(Kind::Not, type);
    negated->operands = {expr};
    return negated;
  }
  }
}

const Expr *ExprBuilder::make(Kind kind, ArrayRef<const Expr *> operands,
                              Type type, Operation *op) {
  const Expr *a = operands.empty() ? nullptr : operands[0];
  const Expr *b = operands.size() < 2 ? nullptr : operands[1];
  auto both = [&] { return a->isConstant() && b->isConstant(); };
  const double inf = std::numeric_limits<double>::infinity();
  switch (kind) {
  case Kind::Add:
    if (both())
      return constant(a->number + b->number);
    if (a->isConstant(0))
      return b;
    if (b->isConstant(0))
      return a;
    break;
  case Kind::Sub:
    if (both())
      return constant(a->number - b->number);
    if (b->isConstant(0))
      return a;
    break;
  case Kind::Mul:
    if (both())
      return constant(a->number * b->number);
    if (a->isConstant(1))
      return b;
    if (b->isConstant(1))
      return a;
    if (b->kind == Kind::Div && b->operands[0]->isConstant(1))
      return make(Kind::Div, {a, b->operands[1]}, type);
    if (a->kind == Kind::Div && a->operands[0]->isConstant(1))
      return make(Kind::Div, {b, a->operands[1]}, type);
    break;
  case Kind::Div:
    if (both())
      return constant(a->number / b->number);
    if (b->isConstant() && b->number != 0)
      return make(Kind::Mul, {a, constant(1.0 / b->number)}, type);
    break;
  case Kind::Neg:
    return make(Kind::Mul, {constant(-1.0), a}, type);
  case Kind::Exp:
    if (a->isConstant())
      return constant(std::exp(a->number));
    break;
  case Kind::Exp2:
    if (a->isConstant())
      return constant(std::exp2(a->number));
    break;
  case Kind::Tanh:
    if (a->isConstant())
      return constant(std::tanh(a->number));
    break;
  case Kind::Sqrt:
    if (a->isConstant())
      return constant(std::sqrt(a->number));
    break;
  case Kind::Rsqrt:
    if (a->isConstant())
      return constant(1.0 / std::sqrt(a->number));
    break;
  case Kind::Max:
    if (both())
      return constant(std::max(a->number, b->number));
    if (a->isConstant(-inf))
      return b;
    if (b->isConstant(-inf))
      return a;
    break;
  case Kind::Min:
    if (both())
      return constant(std::min(a->number, b->number));
    if (a->isConstant(inf))
      return b;
    if (b->isConstant(inf))
      return a;
    break;
  case Kind::And:
    if (a->isConstant())
      return a->number != 0 ? b : a;
    if (b->isConstant())
      return b->number != 0 ? a : b;
    if (a == b)
      return a;
    break;
  case Kind::Or:
    if (a->isConstant())
      return a->number != 0 ? a : b;
    if (b->isConstant())
      return b->number != 0 ? b : a;
    if (a == b)
      return a;
    break;
  case Kind::Not:
    return logicalNot(a);
  case Kind::Select: {
    const Expr *c = operands[2];
    if (a->isConstant())
      return a->number != 0 ? b : c;
    if (b == c)
      return b;
    if (isBoolean(b->type)) {
      if (c->isConstant(0))
        return make(Kind::And, {a, b}, type);
      if (b->isConstant(1))
        return make(Kind::Or, {a, c}, type);
      if (b->isConstant(0))
        return make(Kind::And, {logicalNot(a), c}, type);
    }
    if (a->kind == Kind::Not)
      return make(Kind::Select, {a->operands[0], c, b}, type);
    break;
  }
  case Kind::ToNumber:
    if (a->isConstant())
      return isa<FloatType>(type) ? constant(a->number)
                                  : position(Index::of(a->number != 0), type);
    break;
  default:
    break;
  }
  Expr *expr = create(kind, type);
  expr->operands.assign(operands.begin(), operands.end());
  expr->op = op;
  return expr;
}

/// A comparison of positions as "index >= 0"; an integer comparison with a
/// number made of a boolean as that boolean; anything else as it is.
const Expr *ExprBuilder::compare(Operation *op, const Expr *lhs,
                                 const Expr *rhs) {
  Type type = op->getResult(0).getType();
  auto cmp = dyn_cast<arith::CmpIOp>(op);
  auto plain = [&] { return make(Kind::Other, {lhs, rhs}, type, op); };
  if (!cmp)
    return plain();
  using P = arith::CmpIPredicate;
  P predicate = cmp.getPredicate();
  auto isZero = [](const Expr *e) {
    return e->kind == Kind::Position && e->index.isConstant(0);
  };
  if (lhs->kind == Kind::ToNumber && isZero(rhs)) {
    if (predicate == P::ne || predicate == P::ugt || predicate == P::sgt)
      return lhs->operands[0];
    if (predicate == P::eq)
      return logicalNot(lhs->operands[0]);
  }
  if (isBoolean(lhs->type)) {
    if (predicate == P::ne && rhs->isConstant())
      return rhs->number != 0 ? logicalNot(lhs) : lhs;
    if (predicate == P::eq && rhs->isConstant())
      return rhs->number != 0 ? lhs : logicalNot(lhs);
    return plain();
  }
  if (lhs->kind != Kind::Position || rhs->kind != Kind::Position)
    return plain();
  auto known = [&](bool value) { return boolean(value, type); };
  if (predicate == P::eq || predicate == P::ne) {
    Index difference = dims.resolve(lhs->index - rhs->index);
    if (difference.isConstant())
      return known((difference.constant == 0) == (predicate == P::eq));
    return plain();
  }
  bool isUnsigned = predicate == P::ult || predicate == P::ule ||
                    predicate == P::ugt || predicate == P::uge;
  auto notNegative = [&](const Expr *e) {
    std::optional<int64_t> low = dims.lowerBound(e->index);
    return low && *low >= 0;
  };
  // Unsigned and signed order agree where neither side is negative.
  if (isUnsigned && (!notNegative(lhs) || !notNegative(rhs)))
    return plain();
  Index difference;
  switch (predicate) {
  case P::slt:
  case P::ult:
    difference = rhs->index - lhs->index + Index::of(-1);
    break;
  case P::sle:
  case P::ule:
    difference = rhs->index - lhs->index;
    break;
  case P::sgt:
  case P::ugt:
    difference = lhs->index - rhs->index + Index::of(-1);
    break;
  default:
    difference = lhs->index - rhs->index;
    break;
  }
  difference = dims.resolve(difference);
  if (std::optional<int64_t> low = dims.lowerBound(difference);
      low && *low >= 0)
    return known(true);
  if (std::optional<int64_t> high = dims.upperBound(difference);
      high && *high < 0)
    return known(false);
  Expr *expr = create(Kind::NonNegative, type);
  expr->index = difference;
  return expr;
}

//===----------------------------------------------------------------------===//
// Bodies
//===----------------------------------------------------------------------===//

const Expr *ExprBuilder::scalar(Value value, Block *body, Env &env,
                                ArrayRef<Index> loops) {
  if (auto it = env.find(value); it != env.end())
    return it->second;
  const Expr *result = nullptr;
  Operation *def = value.getDefiningOp();
  if (def) {
    Attribute attribute;
    if (matchPattern(value, m_Constant(&attribute)))
      result = constantOf(attribute, value.getType());
    // Scalar arithmetic outside the body is read through like that inside.
    if (!result && def->getNumResults() == 1 && def->getNumRegions() == 0)
      result = scalarOp(def, body, env, loops);
    // Index arithmetic that is not linear is still one value for all loops.
    if (result && result->kind == Kind::Other && value.getType().isIndex() &&
        (!body || value.getParentBlock() != body))
      result = nullptr;
  }
  if (!result && value.getType().isIntOrIndex()) {
    if (std::optional<Index> index = dims.scalar(value))
      result = position(*index, value.getType());
  }
  if (!result) {
    bool outside = !body || value.getParentBlock() != body;
    Expr *expr =
        create(outside ? Kind::Scalar : Kind::Unknown, value.getType());
    expr->value = value;
    result = expr;
  }
  env[value] = result;
  return result;
}

/// The kind of an op with float or i1 operands that formulas know.
static std::optional<Kind> kindOf(Operation *op) {
  return llvm::TypeSwitch<Operation *, std::optional<Kind>>(op)
      .Case<arith::AddFOp>([](auto) { return Kind::Add; })
      .Case<arith::SubFOp>([](auto) { return Kind::Sub; })
      .Case<arith::MulFOp>([](auto) { return Kind::Mul; })
      .Case<arith::DivFOp>([](auto) { return Kind::Div; })
      .Case<arith::NegFOp>([](auto) { return Kind::Neg; })
      .Case<arith::MaximumFOp, arith::MaxNumFOp>([](auto) { return Kind::Max; })
      .Case<arith::MinimumFOp, arith::MinNumFOp>([](auto) { return Kind::Min; })
      .Case<math::ExpOp>([](auto) { return Kind::Exp; })
      .Case<math::Exp2Op>([](auto) { return Kind::Exp2; })
      .Case<math::TanhOp>([](auto) { return Kind::Tanh; })
      .Case<math::SqrtOp>([](auto) { return Kind::Sqrt; })
      .Case<math::RsqrtOp>([](auto) { return Kind::Rsqrt; })
      .Case<arith::SelectOp>([](auto) { return Kind::Select; })
      .Default([](Operation *) { return std::nullopt; });
}

const Expr *ExprBuilder::scalarOp(Operation *op, Block *body, Env &env,
                                  ArrayRef<Index> loops) {
  Type type = op->getResult(0).getType();
  if (isa<ShapedType>(type) || isa<tensor::DimOp>(op))
    return nullptr;
  if (auto index = dyn_cast<linalg::IndexOp>(op))
    return position(dims.resolve(loops[index.getDim()]), type);
  if (auto extract = dyn_cast<tensor::ExtractOp>(op)) {
    SmallVector<Index> indices;
    for (Value value : extract.getIndices()) {
      const Expr *index = scalar(value, body, env, loops);
      if (index->kind != Kind::Position)
        return nullptr;
      indices.push_back(index->index);
    }
    return load(extract.getTensor(), indices);
  }
  if (!isMemoryEffectFree(op) || op->getNumOperands() == 0)
    return nullptr;
  SmallVector<const Expr *> operands;
  for (Value operand : op->getOperands()) {
    if (isa<ShapedType>(operand.getType()))
      return nullptr;
    operands.push_back(scalar(operand, body, env, loops));
  }
  if (isa<arith::ExtFOp>(op))
    return operands[0];
  if (auto truncate = dyn_cast<arith::TruncFOp>(op)) {
    if (!operands[0]->isConstant())
      return operands[0];
    llvm::APFloat value(operands[0]->number);
    bool inexact;
    value.convert(cast<FloatType>(type).getFloatSemantics(),
                  llvm::APFloat::rmNearestTiesToEven, &inexact);
    return constantOf(FloatAttr::get(type, value), type);
  }
  if (std::optional<Kind> kind = kindOf(op))
    return make(*kind, operands, type, op);
  if (isa<arith::CmpIOp>(op))
    return compare(op, operands[0], operands[1]);
  if (isBoolean(type)) {
    if (isa<arith::AndIOp>(op))
      return make(Kind::And, operands, type, op);
    if (isa<arith::OrIOp>(op))
      return make(Kind::Or, operands, type, op);
    // true xor x, in any order.
    if (isa<arith::XOrIOp>(op))
      for (unsigned i : {0u, 1u})
        if (operands[i]->isConstant())
          return operands[i]->number != 0 ? logicalNot(operands[1 - i])
                                          : operands[1 - i];
  }
  const Expr *a = operands[0];
  if (isa<arith::ExtUIOp, arith::UIToFPOp>(op) && isBoolean(a->type))
    return make(Kind::ToNumber, {a}, type);
  if (isa<arith::ExtUIOp, arith::ExtSIOp, arith::TruncIOp, arith::UIToFPOp,
          arith::SIToFPOp, arith::IndexCastOp, arith::IndexCastUIOp>(op)) {
    // Positions fit in 32 bits, numbers made of booleans in any.
    if (a->kind == Kind::ToNumber)
      return make(Kind::ToNumber, {a->operands[0]}, type);
    bool wide = type.isIndex() || type.isInteger(32) || type.isInteger(64);
    if (a->kind == Kind::Position && wide)
      return position(a->index, type);
    if (a->kind == Kind::Position && a->index.isConstant() &&
        isa<FloatType>(type))
      return constant(static_cast<double>(a->index.constant));
  }
  if (operands.size() == 2 && a->kind == Kind::Position &&
      operands[1]->kind == Kind::Position) {
    const Index &b = operands[1]->index;
    if (isa<arith::AddIOp>(op))
      return position(dims.resolve(a->index + b), type);
    if (isa<arith::SubIOp>(op))
      return position(dims.resolve(a->index - b), type);
    if (isa<arith::MulIOp>(op)) {
      if (a->index.isConstant())
        return position(dims.resolve(b * a->index.constant), type);
      if (b.isConstant())
        return position(dims.resolve(a->index * b.constant), type);
    }
  }
  return make(Kind::Other, operands, type, op);
}

} // namespace ra::raise
