//===- RaiseEmit.cpp - Formulas back to tensors ---------------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "RaiseEmit.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Dominance.h"
#include "llvm/Support/ErrorHandling.h"

using namespace mlir;

namespace ra::raise {

/// What a formula is made of by itself, without looking at its operands.
static bool hasOwnEmission(const Expr *expr) {
  switch (expr->kind) {
  case Kind::Unknown:
  case Kind::Accumulator:
  case Kind::Reduce:
    return false;
  case Kind::Load:
  case Kind::Scalar:
    return isa<FloatType, IntegerType, IndexType>(expr->type);
  case Kind::Other:
    return expr->op->getNumResults() == 1 && expr->op->getNumRegions() == 0;
  default:
    return true;
  }
}

static bool isEmittedFromOperands(const Expr *expr) {
  return hasOwnEmission(expr) && llvm::all_of(expr->operands, canEmit);
}

bool canEmit(const Expr *expr) {
  return isEmittedFromOperands(expr) || expr->source;
}

/// True for values that may be used where `builder` stands.
static bool isUsable(OpBuilder &builder, DominanceInfo &dominance,
                     Value value) {
  Block *block = builder.getInsertionBlock();
  Block::iterator point = builder.getInsertionPoint();
  return point == block->end() ? value.getParentBlock() == block
                               : dominance.properlyDominates(value, &*point);
}

/// A member of an extent class as an index value.
static Value emitMember(OpBuilder &builder, Location loc,
                        std::pair<Value, int64_t> member) {
  auto [value, dim] = member;
  if (dim >= 0)
    return tensor::DimOp::create(builder, loc, value, dim);
  if (!value.getType().isIndex())
    value =
        arith::IndexCastOp::create(builder, loc, builder.getIndexType(), value);
  return value;
}

OpFoldResult emitExtent(OpBuilder &builder, Location loc, Extents &extents,
                        Value tensor, unsigned dim) {
  auto type = cast<RankedTensorType>(tensor.getType());
  if (!type.isDynamicDim(dim))
    return builder.getIndexAttr(type.getDimSize(dim));
  DominanceInfo dominance;
  std::pair<Value, int64_t> member =
      extents.member(extents.classOf(tensor, dim), [&](Value value) {
        return isUsable(builder, dominance, value);
      });
  if (!member.first)
    member = {tensor, dim};
  return emitMember(builder, loc, member);
}

/// The value of a symbol where `builder` stands.
static Value emitSymbol(OpBuilder &builder, Location loc, const DimSpace &dims,
                        SymbolId symbol) {
  DominanceInfo dominance;
  return emitMember(builder, loc, dims.symbolValue(symbol, [&](Value value) {
    return isUsable(builder, dominance, value);
  }));
}

static Value sum(OpBuilder &builder, Location loc, Value a, Value b) {
  return a ? arith::AddIOp::create(builder, loc, a, b).getResult() : b;
}

static Value scaled(OpBuilder &builder, Location loc, Value value,
                    int64_t factor) {
  if (factor == 1)
    return value;
  Value constant = arith::ConstantIndexOp::create(builder, loc, factor);
  return arith::MulIOp::create(builder, loc, value, constant);
}

Value emitIndex(OpBuilder &builder, Location loc, const DimSpace &dims,
                const Index &original) {
  Index index = dims.resolve(original);
  Value value;
  for (auto [symbol, coefficient] : index.symbols)
    value = sum(builder, loc, value,
                scaled(builder, loc, emitSymbol(builder, loc, dims, symbol),
                       coefficient));
  if (!value || index.constant != 0)
    value = sum(builder, loc, value,
                arith::ConstantIndexOp::create(builder, loc, index.constant));
  return value;
}

namespace {
/// Emits one formula into the body of a linalg.generic.
class Emitter {
public:
  Emitter(const DimSpace &dims, ArrayRef<SmallVector<DimId>> loops,
          MLIRContext *context)
      : dims(dims), loops(loops), context(context) {}

  /// Collects tensors that are read, with their maps, and symbols.
  void collect(const Expr *expr, OpBuilder &builder, Location loc) {
    if (!visited.insert(expr).second)
      return;
    if (!isEmittedFromOperands(expr)) {
      input(expr->source, expr->sourceIndices, builder, loc);
      return;
    }
    if (expr->kind == Kind::Load)
      input(expr->value, expr->indices, builder, loc);
    symbols(expr->index, builder, loc);
    for (const Expr *operand : expr->operands)
      collect(operand, builder, loc);
  }

  SmallVector<Value> inputs;
  SmallVector<AffineMap> maps;

  Value emit(const Expr *expr, OpBuilder &builder, Location loc,
             Block *generic) {
    if (Value known = emitted.lookup(expr))
      return known;
    Value value = create(expr, builder, loc, generic);
    emitted[expr] = value;
    return value;
  }

private:
  void symbols(const Index &index, OpBuilder &builder, Location loc) {
    for (auto [symbol, coefficient] : dims.resolve(index).symbols)
      if (!symbolValues.contains(symbol))
        symbolValues[symbol] = emitSymbol(builder, loc, dims, symbol);
  }

  /// The map of a read whose indices are constants or loops over whole dims;
  /// null otherwise.
  AffineMap mapOf(Value tensor, ArrayRef<Index> indices) {
    SmallVector<AffineExpr> exprs;
    for (auto [position, original] : llvm::enumerate(indices)) {
      Index index = dims.resolve(original);
      if (index.isConstant(0)) {
        exprs.push_back(getAffineConstantExpr(0, context));
        continue;
      }
      std::optional<DimId> dim = index.asDim();
      AffineExpr found;
      for (auto [i, loop] : llvm::enumerate(loops))
        if (dim && loop.size() == 1 && loop[0] == *dim &&
            dims.spans(*dim, tensor, position))
          found = getAffineDimExpr(i, context);
      if (!found)
        return {};
      exprs.push_back(found);
    }
    return AffineMap::get(loops.size(), 0, exprs, context);
  }

  void input(Value tensor, ArrayRef<Index> indices, OpBuilder &builder,
             Location loc) {
    AffineMap map = mapOf(tensor, indices);
    if (!map) {
      for (const Index &index : indices)
        symbols(index, builder, loc);
      return;
    }
    for (auto [value, known] : llvm::zip_equal(inputs, maps))
      if (value == tensor && known == map)
        return;
    inputs.push_back(tensor);
    maps.push_back(map);
  }

  Value index(const Index &original, OpBuilder &builder, Location loc) {
    Index index = dims.resolve(original);
    Value value;
    for (auto [dim, coefficient] : index.dims)
      value = sum(builder, loc, value,
                  scaled(builder, loc, atom(dim, builder, loc), coefficient));
    for (auto [symbol, coefficient] : index.symbols)
      value = sum(builder, loc, value,
                  scaled(builder, loc, symbolValues[symbol], coefficient));
    if (!value || index.constant != 0)
      value = sum(builder, loc, value,
                  arith::ConstantIndexOp::create(builder, loc, index.constant));
    return value;
  }

  /// The value of an atom, a digit of one of the loops.
  Value atom(DimId dim, OpBuilder &builder, Location loc) {
    for (auto [i, loop] : llvm::enumerate(loops)) {
      int64_t inner = 1;
      for (size_t k = loop.size(); k-- > 0; inner *= dims.size(loop[k])) {
        if (loop[k] != dim)
          continue;
        Value value = linalg::IndexOp::create(builder, loc, i);
        if (inner != 1)
          value = arith::DivUIOp::create(
              builder, loc, value,
              arith::ConstantIndexOp::create(builder, loc, inner));
        if (k != 0)
          value = arith::RemUIOp::create(
              builder, loc, value,
              arith::ConstantIndexOp::create(builder, loc, dims.size(dim)));
        return value;
      }
    }
    llvm_unreachable("the formula depends on the loops alone");
  }

  /// To f32 if it is a float.
  Value widened(Value value, OpBuilder &builder, Location loc) {
    auto type = dyn_cast<FloatType>(value.getType());
    Type f32 = builder.getF32Type();
    if (!type || type.isF32())
      return value;
    if (type.getWidth() < 32)
      return arith::ExtFOp::create(builder, loc, f32, value);
    return arith::TruncFOp::create(builder, loc, f32, value);
  }

  Value read(Value tensor, ArrayRef<Index> indices, OpBuilder &builder,
             Location loc, Block *generic) {
    if (AffineMap map = mapOf(tensor, indices))
      for (auto [i, value] : llvm::enumerate(inputs))
        if (value == tensor && maps[i] == map)
          return widened(generic->getArgument(i), builder, loc);
    SmallVector<Value> at;
    for (const Index &each : indices)
      at.push_back(index(each, builder, loc));
    return widened(tensor::ExtractOp::create(builder, loc, tensor, at), builder,
                   loc);
  }

  Value create(const Expr *expr, OpBuilder &builder, Location loc,
               Block *generic) {
    if (!isEmittedFromOperands(expr))
      return read(expr->source, expr->sourceIndices, builder, loc, generic);
    auto f32 = [&](double number) -> Value {
      return arith::ConstantOp::create(
          builder, loc, builder.getF32FloatAttr(static_cast<float>(number)));
    };
    SmallVector<Value> v;
    for (const Expr *operand : expr->operands)
      v.push_back(emit(operand, builder, loc, generic));
    switch (expr->kind) {
    case Kind::Constant:
      if (expr->type && expr->type.isInteger(1))
        return arith::ConstantOp::create(
            builder, loc, builder.getBoolAttr(expr->number != 0));
      return f32(expr->number);
    case Kind::Position: {
      Value value = index(expr->index, builder, loc);
      if (isa<IntegerType>(expr->type))
        value = arith::IndexCastOp::create(builder, loc, expr->type, value);
      return value;
    }
    case Kind::Load:
      return read(expr->value, expr->indices, builder, loc, generic);
    case Kind::Scalar:
      return widened(expr->value, builder, loc);
    case Kind::NonNegative:
      return arith::CmpIOp::create(
          builder, loc, arith::CmpIPredicate::sge,
          index(expr->index, builder, loc),
          arith::ConstantIndexOp::create(builder, loc, 0));
    case Kind::Add:
      return arith::AddFOp::create(builder, loc, v[0], v[1]);
    case Kind::Sub:
      return arith::SubFOp::create(builder, loc, v[0], v[1]);
    case Kind::Mul:
      return arith::MulFOp::create(builder, loc, v[0], v[1]);
    case Kind::Div:
      return arith::DivFOp::create(builder, loc, v[0], v[1]);
    case Kind::Neg:
      return arith::NegFOp::create(builder, loc, v[0]);
    case Kind::Exp:
      return math::ExpOp::create(builder, loc, v[0]);
    case Kind::Exp2:
      return math::Exp2Op::create(builder, loc, v[0]);
    case Kind::Tanh:
      return math::TanhOp::create(builder, loc, v[0]);
    case Kind::Sqrt:
      return math::SqrtOp::create(builder, loc, v[0]);
    case Kind::Rsqrt:
      return math::RsqrtOp::create(builder, loc, v[0]);
    case Kind::Max:
      return arith::MaximumFOp::create(builder, loc, v[0], v[1]);
    case Kind::Min:
      return arith::MinimumFOp::create(builder, loc, v[0], v[1]);
    case Kind::And:
      return arith::AndIOp::create(builder, loc, v[0], v[1]);
    case Kind::Or:
      return arith::OrIOp::create(builder, loc, v[0], v[1]);
    case Kind::Not:
      return arith::XOrIOp::create(
          builder, loc, v[0],
          arith::ConstantOp::create(builder, loc, builder.getBoolAttr(true)));
    case Kind::Select:
      return arith::SelectOp::create(builder, loc, v[0], v[1], v[2]);
    case Kind::ToNumber:
      if (isa<FloatType>(expr->type))
        return arith::SelectOp::create(builder, loc, v[0], f32(1), f32(0));
      if (expr->type.isIndex())
        return arith::IndexCastUIOp::create(builder, loc, expr->type, v[0]);
      return arith::ExtUIOp::create(builder, loc, expr->type, v[0]);
    case Kind::Other: {
      Type type = expr->op->getResult(0).getType();
      OperationState state(loc, expr->op->getName());
      state.addOperands(v);
      state.addTypes(isa<FloatType>(type) ? builder.getF32Type() : type);
      state.addAttributes(expr->op->getAttrs());
      return builder.create(state)->getResult(0);
    }
    default:
      llvm_unreachable("checked by canEmit");
    }
  }

  const DimSpace &dims;
  ArrayRef<SmallVector<DimId>> loops;
  MLIRContext *context;
  llvm::DenseSet<const Expr *> visited;
  llvm::DenseMap<const Expr *, Value> emitted;
  llvm::DenseMap<SymbolId, Value> symbolValues;
};
} // namespace

Value emitTensor(OpBuilder &builder, Location loc, const DimSpace &dims,
                 const Expr *expr, ArrayRef<SmallVector<DimId>> loops,
                 ArrayRef<OpFoldResult> sizes) {
  MLIRContext *context = builder.getContext();
  Emitter emitter(dims, loops, context);
  emitter.collect(expr, builder, loc);
  Value init =
      tensor::EmptyOp::create(builder, loc, sizes, builder.getF32Type());
  SmallVector<AffineMap> maps(emitter.maps);
  maps.push_back(AffineMap::getMultiDimIdentityMap(loops.size(), context));
  SmallVector<utils::IteratorType> iterators(loops.size(),
                                             utils::IteratorType::parallel);
  auto generic = linalg::GenericOp::create(
      builder, loc, TypeRange{init.getType()}, emitter.inputs, ValueRange{init},
      maps, iterators,
      [&](OpBuilder &nested, Location nestedLoc, ValueRange arguments) {
        Block *body = nested.getInsertionBlock();
        Value value = emitter.emit(expr, nested, nestedLoc, body);
        linalg::YieldOp::create(nested, nestedLoc, value);
      });
  return generic.getResult(0);
}

} // namespace ra::raise
