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
#include "llvm/ADT/SmallPtrSet.h"
#include "llvm/ADT/TypeSwitch.h"

#include <cmath>
#include <limits>

using namespace mlir;

namespace ra::raise {

/// Formulas larger than this are left as leaves: no attention is so large, and
/// reading on would cost time for nothing.
static constexpr size_t kMaxExpressions = 50000;

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
  auto add = body->getTerminator()->getOperand(0).getDefiningOp<arith::AddFOp>();
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
    Expr *expr = create(outside ? Kind::Scalar : Kind::Unknown, value.getType());
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

//===----------------------------------------------------------------------===//
// Loads
//===----------------------------------------------------------------------===//

std::optional<double> ExprBuilder::splat(Value tensor) {
  DenseElementsAttr attribute;
  if (!matchPattern(tensor, m_Constant(&attribute)) || !attribute.isSplat())
    return std::nullopt;
  if (isa<FloatType>(attribute.getElementType()))
    return attribute.getSplatValue<APFloat>().convertToDouble();
  return std::nullopt;
}

bool ExprBuilder::linalgLoops(linalg::LinalgOp op, unsigned result,
                              ArrayRef<Index> indices,
                              SmallVectorImpl<std::optional<Index>> &loops) {
  loops.assign(op.getNumLoops(), std::nullopt);
  AffineMap map = op.getMatchingIndexingMap(op.getDpsInitOperand(result));
  for (auto [expr, index] : llvm::zip_equal(map.getResults(), indices)) {
    if (isa<AffineConstantExpr>(expr))
      continue;
    auto dim = dyn_cast<AffineDimExpr>(expr);
    if (!dim || loops[dim.getPosition()])
      return false;
    loops[dim.getPosition()] = index;
  }
  return true;
}

std::optional<std::pair<Value, SmallVector<Index, 4>>>
ExprBuilder::throughView(Value tensor, ArrayRef<Index> indices,
                         bool throughSlices) {
  using Result = std::pair<Value, SmallVector<Index, 4>>;
  Operation *def = tensor.getDefiningOp();
  if (!def)
    return std::nullopt;
  SmallVector<Index, 4> source;
  if (auto cast = dyn_cast<tensor::CastOp>(def)) {
    if (!isa<RankedTensorType>(cast.getSource().getType()))
      return std::nullopt;
    return Result(cast.getSource(), SmallVector<Index, 4>(indices));
  }
  if (auto expand = dyn_cast<tensor::ExpandShapeOp>(def)) {
    ArrayRef<int64_t> shape = expand.getResultType().getShape();
    for (const ReassociationIndices &group : expand.getReassociationIndices()) {
      Index index;
      for (auto [i, dim] : llvm::enumerate(group)) {
        if (i > 0) {
          if (ShapedType::isDynamic(shape[dim]))
            return std::nullopt;
          index *= shape[dim];
        }
        index += indices[dim];
      }
      source.push_back(dims.resolve(index));
    }
    return Result(expand.getSrc(), source);
  }
  if (auto collapse = dyn_cast<tensor::CollapseShapeOp>(def)) {
    ArrayRef<int64_t> shape = collapse.getSrcType().getShape();
    for (auto [group, index] :
         llvm::zip_equal(collapse.getReassociationIndices(), indices)) {
      SmallVector<int64_t> sizes;
      for (int64_t dim : group)
        sizes.push_back(shape[dim]);
      SmallVector<Index> parts;
      // An outermost extent of 1 in front of a dynamic one is no obstacle.
      size_t ones = 0;
      while (ones + 1 < sizes.size() && sizes[ones] == 1)
        ++ones;
      if (!dims.delinearize(index, ArrayRef(sizes).drop_front(ones), parts))
        return std::nullopt;
      source.append(ones, Index::of(0));
      llvm::append_range(source, parts);
    }
    for (Index &index : source)
      index = dims.resolve(index);
    return Result(collapse.getSrc(), source);
  }
  if (auto slice = dyn_cast<tensor::ExtractSliceOp>(def)) {
    if (!throughSlices)
      return std::nullopt;
    llvm::SmallBitVector dropped = slice.getDroppedDims();
    unsigned dim = 0;
    for (int64_t i = 0; i < slice.getSourceType().getRank(); ++i) {
      std::optional<int64_t> stride =
          getConstantIntValue(slice.getMixedStrides()[i]);
      std::optional<int64_t> offset =
          getConstantIntValue(slice.getMixedOffsets()[i]);
      if (!stride || !offset)
        return std::nullopt;
      Index index = Index::of(*offset);
      if (!dropped.test(i))
        index += indices[dim++] * *stride;
      source.push_back(dims.resolve(index));
    }
    return Result(slice.getSource(), source);
  }
  auto op = dyn_cast<linalg::LinalgOp>(def);
  if (!op || !op.hasPureTensorSemantics() || op.getNumReductionLoops() != 0)
    return std::nullopt;
  unsigned result = cast<OpResult>(tensor).getResultNumber();
  auto argument =
      dyn_cast<BlockArgument>(op.getBlock()->getTerminator()->getOperand(result));
  if (!argument || argument.getOwner() != op.getBlock() ||
      argument.getArgNumber() >= op.getNumDpsInputs())
    return std::nullopt;
  OpOperand *input = op.getDpsInputOperand(argument.getArgNumber());
  if (!isa<RankedTensorType>(input->get().getType()))
    return std::nullopt;
  SmallVector<std::optional<Index>> partial;
  if (!linalgLoops(op, result, indices, partial) ||
      !llvm::all_of(partial, [](const auto &loop) { return loop.has_value(); }))
    return std::nullopt;
  SmallVector<Index> loops =
      llvm::map_to_vector(partial, [](const auto &loop) { return *loop; });
  for (AffineExpr expr : op.getMatchingIndexingMap(input).getResults()) {
    std::optional<Index> index = dims.apply(expr, loops);
    if (!index)
      return std::nullopt;
    source.push_back(dims.resolve(*index));
  }
  return Result(input->get(), source);
}

/// A slice whose size is static: an index of it is known not to reach the whole
/// source.
static bool isStaticSlice(Operation *op) {
  auto slice = dyn_cast<tensor::ExtractSliceOp>(op);
  return slice && slice.getType().hasStaticShape() &&
         slice.getSourceType().hasStaticShape();
}

const Expr *ExprBuilder::load(Value tensor, ArrayRef<Index> indices) {
  std::vector<int64_t> key;
  for (const Index &index : indices) {
    Index resolved = dims.resolve(index);
    key.push_back(resolved.constant);
    key.push_back(resolved.dims.size());
    for (auto [dim, coefficient] : resolved.dims) {
      key.push_back(dim);
      key.push_back(coefficient);
    }
    for (auto [symbol, coefficient] : resolved.symbols) {
      key.push_back(-1 - static_cast<int64_t>(symbol));
      key.push_back(coefficient);
    }
  }
  std::pair<void *, std::vector<int64_t>> cacheKey(tensor.getAsOpaquePointer(),
                                                   std::move(key));
  if (auto it = loads.find(cacheKey); it != loads.end())
    return it->second;

  const Expr *result = nullptr;
  Operation *def = tensor.getDefiningOp();
  if (def && expressions.size() < kMaxExpressions) {
    Type element = getElementTypeOrSelf(tensor.getType());
    DenseElementsAttr attribute;
    if (matchPattern(tensor, m_Constant(&attribute))) {
      if (attribute.isSplat())
        result = constantOf(attribute.getSplatValue<Attribute>(), element);
    } else if (auto view = throughView(tensor, indices, isStaticSlice(def))) {
      result = load(view->first, view->second);
    } else if (auto splat = dyn_cast<tensor::SplatOp>(def)) {
      Env env;
      result = scalar(splat.getInput(), nullptr, env, {});
    } else if (auto elements = dyn_cast<tensor::FromElementsOp>(def)) {
      if (elements.getElements().size() == 1) {
        Env env;
        result = scalar(elements.getElements()[0], nullptr, env, {});
      }
    } else if (auto generate = dyn_cast<tensor::GenerateOp>(def)) {
      Env env;
      Block *body = &generate.getBody().front();
      for (auto [argument, index] :
           llvm::zip_equal(body->getArguments(), indices))
        env[argument] = position(dims.resolve(index), argument.getType());
      result = scalar(body->getTerminator()->getOperand(0), body, env, {});
    } else if (auto softmax = dyn_cast<linalg::SoftmaxOp>(def)) {
      result = loadSoftmax(softmax, indices);
    } else if (auto op = dyn_cast<linalg::LinalgOp>(def)) {
      if (!isContraction(op))
        result = loadLinalg(op, cast<OpResult>(tensor).getResultNumber(),
                            indices, /*oneStep=*/false);
    }
  }
  if (!result)
    result = leaf(tensor, indices);
  loads[cacheKey] = result;
  return result;
}

const Expr *ExprBuilder::loadOneStep(Value tensor, ArrayRef<Index> indices) {
  auto op = tensor.getDefiningOp<linalg::LinalgOp>();
  if (!op || op.getNumReductionLoops() != 0)
    return nullptr;
  return loadLinalg(op, cast<OpResult>(tensor).getResultNumber(), indices,
                    /*oneStep=*/true);
}

/// What a reduction's body yields, as reducer and the term it takes in; the
/// term is null if the body is no reduction of a known kind.
static std::pair<Kind, const Expr *> matchReducer(const Expr *yielded,
                                                  const Expr *accumulator) {
  switch (yielded->kind) {
  case Kind::Add:
  case Kind::Mul:
  case Kind::Max:
  case Kind::Min:
  case Kind::And:
  case Kind::Or:
    for (unsigned i : {0u, 1u})
      if (yielded->operands[i] == accumulator)
        return {yielded->kind, yielded->operands[1 - i]};
    return {Kind::Add, nullptr};
  case Kind::Select: {
    // x > max ? x : max
    const Expr *condition = yielded->operands[0];
    auto cmp = dyn_cast_or_null<arith::CmpFOp>(condition->op);
    if (!cmp || condition->kind != Kind::Other)
      return {Kind::Add, nullptr};
    using P = arith::CmpFPredicate;
    P predicate = cmp.getPredicate();
    bool greater = predicate == P::OGT || predicate == P::OGE ||
                   predicate == P::UGT || predicate == P::UGE;
    bool less = predicate == P::OLT || predicate == P::OLE ||
                predicate == P::ULT || predicate == P::ULE;
    const Expr *larger = condition->operands[greater ? 0 : 1];
    const Expr *smaller = condition->operands[greater ? 1 : 0];
    if ((!greater && !less) || yielded->operands[1] != larger ||
        yielded->operands[2] != smaller)
      return {Kind::Add, nullptr};
    if (smaller == accumulator)
      return {Kind::Max, larger};
    if (larger == accumulator)
      return {Kind::Max, smaller};
    return {Kind::Add, nullptr};
  }
  default:
    return {Kind::Add, nullptr};
  }
}

const Expr *ExprBuilder::loadLinalg(linalg::LinalgOp op, unsigned result,
                                    ArrayRef<Index> indices, bool oneStep) {
  if (!op.hasPureTensorSemantics())
    return nullptr;
  SmallVector<std::optional<Index>> partial;
  if (!linalgLoops(op, result, indices, partial))
    return nullptr;
  SmallVector<utils::IteratorType> iterators = op.getIteratorTypesArray();
  SmallVector<Index> loops(op.getNumLoops());
  SmallVector<DimId, 1> bound;
  for (unsigned loop = 0; loop < loops.size(); ++loop) {
    if (partial[loop]) {
      loops[loop] = *partial[loop];
      continue;
    }
    if (iterators[loop] != utils::IteratorType::reduction)
      return nullptr;
    std::optional<DimId> dim;
    for (OpOperand &operand : op->getOpOperands()) {
      if (dim || !isa<RankedTensorType>(operand.get().getType()))
        continue;
      AffineMap map = op.getMatchingIndexingMap(&operand);
      if (std::optional<unsigned> position = map.getResultPosition(
              getAffineDimExpr(loop, op->getContext())))
        dim = dims.create(operand.get(), *position);
    }
    if (!dim)
      return nullptr;
    loops[loop] = Index::dim(*dim);
    if (dims.size(*dim) != 1)
      bound.push_back(*dim);
  }
  bool reduces = op.getNumReductionLoops() != 0;
  Block *body = op.getBlock();
  Env env;
  const Expr *accumulator = nullptr;
  for (OpOperand &operand : op->getOpOperands()) {
    unsigned number = operand.getOperandNumber();
    // linalg.map's body may leave out the element of the init.
    if (number >= body->getNumArguments())
      continue;
    BlockArgument argument = body->getArgument(number);
    if (!isa<RankedTensorType>(operand.get().getType())) {
      env[argument] = scalar(operand.get(), nullptr, env, {});
      continue;
    }
    if (reduces && op.isDpsInit(&operand)) {
      bool own = operand.getOperandNumber() ==
                 op.getDpsInitOperand(result)->getOperandNumber();
      const Expr *running =
          create(own ? Kind::Accumulator : Kind::Unknown, argument.getType());
      if (own)
        accumulator = running;
      env[argument] = running;
      continue;
    }
    if (argument.use_empty())
      continue;
    SmallVector<Index> at;
    for (AffineExpr expr : op.getMatchingIndexingMap(&operand).getResults()) {
      std::optional<Index> index = dims.apply(expr, loops);
      if (!index)
        return nullptr;
      at.push_back(*index);
    }
    env[argument] =
        oneStep ? leaf(operand.get(), at) : load(operand.get(), at);
  }
  size_t before = expressions.size();
  const Expr *yielded =
      scalar(body->getTerminator()->getOperand(result), body, env, loops);
  if (reduces) {
    if (!accumulator)
      return nullptr;
    auto [reducer, term] = matchReducer(yielded, accumulator);
    if (!term || any(term, [](const Expr *part) {
          return part->kind == Kind::Accumulator;
        }))
      return nullptr;
    Expr *reduce = create(Kind::Reduce, yielded->type);
    reduce->reducer = reducer;
    reduce->bound = bound;
    reduce->operands = {term,
                        load(op.getDpsInits()[result], indices)};
    reduce->op = op;
    reduce->source = op->getResult(result);
    reduce->sourceIndices.assign(indices.begin(), indices.end());
    return reduce;
  }
  // The tensor holds what this body made; a value that was only passed on is
  // held by another.
  for (size_t i = before; i < expressions.size() && !oneStep; ++i) {
    if (&expressions[i] != yielded || expressions[i].source)
      continue;
    expressions[i].source = op->getResult(result);
    expressions[i].sourceIndices.assign(indices.begin(), indices.end());
  }
  return yielded;
}

/// linalg.softmax as the formula that its decomposition computes.
const Expr *ExprBuilder::loadSoftmax(linalg::SoftmaxOp op,
                                     ArrayRef<Index> indices) {
  if (!op.hasPureTensorSemantics())
    return nullptr;
  int64_t axis = op.getDimension();
  auto exponential = [&](const Index &at) {
    SmallVector<Index> place(indices);
    place[axis] = at;
    const Expr *score = load(op.getInput(), place);
    DimId dim = dims.create(op.getInput(), axis);
    place[axis] = Index::dim(dim);
    Expr *max = create(Kind::Reduce, score->type);
    max->reducer = Kind::Max;
    max->bound = {dim};
    max->operands = {
        load(op.getInput(), place),
        constant(-std::numeric_limits<double>::infinity())};
    max->op = op;
    return make(Kind::Exp, {make(Kind::Sub, {score, max})});
  };
  DimId dim = dims.create(op.getInput(), axis);
  Expr *sum = create(Kind::Reduce);
  sum->reducer = Kind::Add;
  sum->bound = {dim};
  sum->operands = {exponential(Index::dim(dim)), constant(0)};
  sum->op = op;
  return make(Kind::Div, {exponential(indices[axis]), sum});
}

//===----------------------------------------------------------------------===//
// Queries
//===----------------------------------------------------------------------===//

bool ExprBuilder::any(const Expr *expr,
                      llvm::function_ref<bool(const Expr *)> predicate) {
  SmallVector<const Expr *> work{expr};
  llvm::SmallPtrSet<const Expr *, 32> seen;
  while (!work.empty()) {
    const Expr *current = work.pop_back_val();
    if (!seen.insert(current).second)
      continue;
    if (predicate(current))
      return true;
    llvm::append_range(work, current->operands);
  }
  return false;
}

SmallVector<DimId> ExprBuilder::freeAtoms(const Expr *expr) {
  llvm::SmallSetVector<DimId, 8> used;
  llvm::DenseSet<DimId> bound;
  any(expr, [&](const Expr *part) {
    auto add = [&](const Index &index) {
      for (DimId dim : dims.atoms(index))
        used.insert(dim);
    };
    if (part->kind == Kind::Position || part->kind == Kind::NonNegative)
      add(part->index);
    for (const Index &index : part->indices)
      add(index);
    for (DimId dim : part->bound)
      for (DimId atom : dims.atoms(dim))
        bound.insert(atom);
    return false;
  });
  SmallVector<DimId> atoms;
  for (DimId dim : used)
    if (!bound.contains(dim))
      atoms.push_back(dim);
  llvm::sort(atoms);
  return atoms;
}

bool ExprBuilder::dependsOn(const Expr *expr, ArrayRef<DimId> atoms) {
  if (any(expr, [](const Expr *part) { return part->kind == Kind::Unknown; }))
    return true;
  return llvm::any_of(freeAtoms(expr), [&](DimId dim) {
    return llvm::is_contained(atoms, dim);
  });
}

namespace {
/// Compares two formulas under a renaming of dims.
struct Comparison {
  explicit Comparison(ExprBuilder &builder) : builder(builder) {}

  ExprBuilder &builder;
  llvm::DenseMap<DimId, DimId> renaming;
  llvm::DenseSet<std::pair<const Expr *, const Expr *>> known;

  bool sameIndex(const Index &a, const Index &b) {
    Index left;
    Index resolved = builder.dims.resolve(a);
    left.constant = resolved.constant;
    left.symbols = resolved.symbols;
    for (auto [dim, coefficient] : resolved.dims) {
      auto it = renaming.find(dim);
      left += Index::dim(it == renaming.end() ? dim : it->second) * coefficient;
    }
    return left == builder.dims.resolve(b);
  }

  bool same(const Expr *a, const Expr *b) {
    if (a == b && renaming.empty())
      return true;
    if (known.contains({a, b}))
      return true;
    if (a->kind != b->kind || a->operands.size() != b->operands.size() ||
        a->indices.size() != b->indices.size() ||
        a->bound.size() != b->bound.size() || a->value != b->value)
      return false;
    // NaN starts equal themselves.
    if (a->kind == Kind::Constant && a->number != b->number &&
        !(std::isnan(a->number) && std::isnan(b->number)))
      return false;
    if (a->kind == Kind::Unknown || a->kind == Kind::Accumulator)
      return a == b;
    if (!sameIndex(a->index, b->index))
      return false;
    for (auto [left, right] : llvm::zip_equal(a->indices, b->indices))
      if (!sameIndex(left, right))
        return false;
    if (a->kind == Kind::Other &&
        (a->op->getName() != b->op->getName() ||
         a->op->getAttrDictionary() != b->op->getAttrDictionary()))
      return false;
    if (a->kind == Kind::Reduce) {
      if (a->reducer != b->reducer || !same(a->operands[1], b->operands[1]))
        return false;
      Comparison inner(builder);
      inner.renaming = renaming;
      for (auto [left, right] : llvm::zip_equal(a->bound, b->bound)) {
        SmallVector<DimId> leftAtoms = builder.dims.atoms(left);
        SmallVector<DimId> rightAtoms = builder.dims.atoms(right);
        if (leftAtoms.size() != rightAtoms.size())
          return false;
        for (auto [from, to] : llvm::zip_equal(leftAtoms, rightAtoms)) {
          if (!builder.dims.sameExtent(from, to))
            return false;
          inner.renaming[from] = to;
        }
      }
      if (!inner.same(a->operands[0], b->operands[0]))
        return false;
      known.insert({a, b});
      return true;
    }
    auto inOrder = [&] {
      for (auto [left, right] : llvm::zip_equal(a->operands, b->operands))
        if (!same(left, right))
          return false;
      return true;
    };
    bool commutes = a->kind == Kind::Add || a->kind == Kind::Mul ||
                    a->kind == Kind::Max || a->kind == Kind::Min ||
                    a->kind == Kind::And || a->kind == Kind::Or;
    bool equal = inOrder() || (commutes && same(a->operands[0], b->operands[1]) &&
                               same(a->operands[1], b->operands[0]));
    if (equal)
      known.insert({a, b});
    return equal;
  }
};
} // namespace

bool ExprBuilder::equal(const Expr *a, const Expr *b,
                        ArrayRef<std::pair<DimId, DimId>> renaming) {
  Comparison comparison(*this);
  for (auto [from, to] : renaming)
    comparison.renaming[from] = to;
  return comparison.same(a, b);
}

std::optional<double>
ExprBuilder::evaluate(const Expr *expr,
                      const llvm::DenseMap<DimId, int64_t> &atoms) {
  auto at = [&](const Index &index) -> std::optional<int64_t> {
    Index resolved = dims.resolve(index);
    if (!resolved.symbols.empty())
      return std::nullopt;
    int64_t value = resolved.constant;
    for (auto [dim, coefficient] : resolved.dims) {
      auto it = atoms.find(dim);
      if (it == atoms.end())
        return std::nullopt;
      value += coefficient * it->second;
    }
    return value;
  };
  SmallVector<double, 3> v;
  for (const Expr *operand : expr->operands) {
    if (expr->kind == Kind::Reduce)
      return std::nullopt;
    std::optional<double> value = evaluate(operand, atoms);
    if (!value)
      return std::nullopt;
    v.push_back(*value);
  }
  switch (expr->kind) {
  case Kind::Constant:
    return expr->number;
  case Kind::Position:
    if (std::optional<int64_t> value = at(expr->index))
      return static_cast<double>(*value);
    return std::nullopt;
  case Kind::NonNegative:
    if (std::optional<int64_t> value = at(expr->index))
      return *value >= 0;
    return std::nullopt;
  case Kind::Load: {
    DenseElementsAttr elements;
    if (!matchPattern(expr->value, m_Constant(&elements)))
      return std::nullopt;
    ArrayRef<int64_t> shape = elements.getType().getShape();
    int64_t linear = 0;
    for (auto [extent, index] : llvm::zip_equal(shape, expr->indices)) {
      std::optional<int64_t> value = at(index);
      if (!value || *value < 0 || *value >= extent)
        return std::nullopt;
      linear = linear * extent + *value;
    }
    if (isa<FloatType>(elements.getElementType()))
      return (*(elements.value_begin<APFloat>() + linear)).convertToDouble();
    if (!elements.getElementType().isIntOrIndex())
      return std::nullopt;
    APInt value = *(elements.value_begin<APInt>() + linear);
    return isBoolean(elements.getElementType())
               ? static_cast<double>(!value.isZero())
               : static_cast<double>(value.getSExtValue());
  }
  case Kind::Add:
    return v[0] + v[1];
  case Kind::Sub:
    return v[0] - v[1];
  case Kind::Mul:
    return v[0] * v[1];
  case Kind::Div:
    return v[0] / v[1];
  case Kind::Max:
    return std::max(v[0], v[1]);
  case Kind::Min:
    return std::min(v[0], v[1]);
  case Kind::And:
    return v[0] != 0 && v[1] != 0;
  case Kind::Or:
    return v[0] != 0 || v[1] != 0;
  case Kind::Not:
    return v[0] == 0;
  case Kind::Select:
    return v[0] != 0 ? v[1] : v[2];
  case Kind::ToNumber:
    return v[0];
  case Kind::Other:
    if (auto cmp = dyn_cast<arith::CmpIOp>(expr->op)) {
      if (isBoolean(cmp.getLhs().getType()))
        return std::nullopt;
      auto width = [](double value) {
        return APInt(64, static_cast<uint64_t>(static_cast<int64_t>(value)),
                     /*isSigned=*/true);
      };
      return arith::applyCmpPredicate(cmp.getPredicate(), width(v[0]),
                                      width(v[1]));
    }
    if (auto cmp = dyn_cast<arith::CmpFOp>(expr->op))
      return arith::applyCmpPredicate(cmp.getPredicate(), APFloat(v[0]),
                                      APFloat(v[1]));
    if (isa<arith::AddIOp>(expr->op))
      return v[0] + v[1];
    if (isa<arith::SubIOp>(expr->op))
      return v[0] - v[1];
    if (isa<arith::XOrIOp>(expr->op) && isBoolean(expr->type))
      return (v[0] != 0) != (v[1] != 0);
    return std::nullopt;
  default:
    return std::nullopt;
  }
}

} // namespace ra::raise
