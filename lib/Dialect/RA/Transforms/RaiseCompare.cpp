//===- RaiseCompare.cpp - Questions about formulas ------------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "RaiseExpr.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/SmallPtrSet.h"

#include <cmath>

using namespace mlir;

namespace ra::raise {

static bool isBoolean(Type type) { return type && type.isInteger(1); }

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
    bool equal =
        inOrder() || (commutes && same(a->operands[0], b->operands[1]) &&
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
