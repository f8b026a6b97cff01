//===- RaiseExpr.h - Tensor programs as scalar formulas ---------*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// One element of a tensor as a formula over loop dims: elementwise ops, views,
// transposes, broadcasts, fills and reductions are read through, whatever op
// spells them; products (contractions) and everything else are leaves. Two
// spellings of one computation thus become one formula, and raising compares
// formulas.
//
// Casts between float types are left out: a formula is what is computed, not
// how it is rounded on the way.
//
//===----------------------------------------------------------------------===//

#ifndef RA_LIB_DIALECT_RA_TRANSFORMS_RAISEEXPR_H
#define RA_LIB_DIALECT_RA_TRANSFORMS_RAISEEXPR_H

#include "RaiseIndex.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/PatternMatch.h"

#include <deque>
#include <map>

namespace ra::raise {

/// What an Expr is; the first five have no operands.
enum class Kind {
  Constant,    // a number, or 0 / 1 for i1
  Position,    // an integer: `index`
  Load,        // an element of `value` at `indices`
  Scalar,      // the scalar `value`, defined outside all loops
  Unknown,     // nothing is known of it
  Accumulator, // the running value inside a reduction's body
  NonNegative, // i1: `index` >= 0
  Reduce,      // over `bound`: operands are body and start; see `reducer`
  Add,
  Sub,
  Mul,
  Div,
  Neg,
  Exp,
  Exp2,
  Tanh,
  Sqrt,
  Rsqrt,
  Max,
  Min,
  And,
  Or,
  Not,
  Select,
  ToNumber, // 1.0 or 1 for true
  Other,    // `op`, an elementwise op without a kind of its own
};

struct Expr {
  Kind kind = Kind::Unknown;
  double number = 0;
  Index index;
  mlir::Value value;
  llvm::SmallVector<Index, 4> indices;
  llvm::SmallVector<const Expr *, 3> operands;
  llvm::SmallVector<DimId, 1> bound;
  Kind reducer = Kind::Add;
  /// The op this came from; null when a simplification made it.
  mlir::Operation *op = nullptr;
  /// The type in the program; null for a float that a simplification made.
  mlir::Type type;
  /// A tensor that holds this value, at these indices, where there is one.
  mlir::Value source;
  llvm::SmallVector<Index, 4> sourceIndices;

  bool isConstant() const { return kind == Kind::Constant; }
  bool isConstant(double value) const {
    return kind == Kind::Constant && number == value;
  }
};

/// A product of two tensors, summed: body out + a * b, out starting from zero.
struct Contraction {
  mlir::linalg::LinalgOp op;
  mlir::Value lhs, rhs;
};
/// True for a linalg op on tensors whose body multiplies its two inputs and
/// adds to its init, over at least one reduction dim.
bool isContraction(mlir::Operation *op);

/// Makes and compares formulas; owns them.
class ExprBuilder {
public:
  explicit ExprBuilder(DimSpace &dims) : dims(dims) {}

  /// An element of a tensor, read through the ops that made it.
  const Expr *load(mlir::Value tensor, llvm::ArrayRef<Index> indices);
  /// An element of a tensor as a leaf.
  const Expr *leaf(mlir::Value tensor, llvm::ArrayRef<Index> indices);
  /// One step of `load`: the body of the elementwise op that made `tensor` with
  /// its inputs as leaves; null if it was not made by one.
  const Expr *loadOneStep(mlir::Value tensor, llvm::ArrayRef<Index> indices);

  /// Where an element of a view, transpose or broadcast comes from; nothing if
  /// `tensor` is none, or if an index does not stay linear. Slices are followed
  /// if `throughSlices`.
  std::optional<std::pair<mlir::Value, llvm::SmallVector<Index, 4>>>
  throughView(mlir::Value tensor, llvm::ArrayRef<Index> indices,
              bool throughSlices);

  const Expr *constant(double number);
  const Expr *boolean(bool value, mlir::Type i1);
  const Expr *position(const Index &index, mlir::Type type);
  /// `kind` on operands, simplified; `type` of the result as in Expr.
  const Expr *make(Kind kind, llvm::ArrayRef<const Expr *> operands,
                   mlir::Type type = {}, mlir::Operation *op = nullptr);

  /// The same formula, where dim `first` of each pair in `a` is `second` in
  /// `b`.
  bool equal(const Expr *a, const Expr *b,
             llvm::ArrayRef<std::pair<DimId, DimId>> renaming = {});
  /// True if `predicate` holds for the expression or a part of it. Operands of
  /// products are not part of it.
  bool any(const Expr *expr, llvm::function_ref<bool(const Expr *)> predicate);
  /// True if the value may change with one of the atoms.
  bool dependsOn(const Expr *expr, llvm::ArrayRef<DimId> atoms);
  /// The atoms a formula depends on, those it sums over left out, in order of
  /// creation.
  llvm::SmallVector<DimId> freeAtoms(const Expr *expr);
  /// The value at given values of the atoms, if it follows from positions and
  /// constants alone. Booleans are 0 and 1.
  std::optional<double> evaluate(const Expr *expr,
                                 const llvm::DenseMap<DimId, int64_t> &atoms);

  /// Any element of `tensor` if all are the same constant.
  std::optional<double> splat(mlir::Value tensor);

  DimSpace &dims;

private:
  using Env = llvm::DenseMap<mlir::Value, const Expr *>;
  Expr *create(Kind kind, mlir::Type type = {});
  const Expr *loadLinalg(mlir::linalg::LinalgOp op, unsigned result,
                         llvm::ArrayRef<Index> indices, bool oneStep);
  const Expr *loadSoftmax(mlir::linalg::SoftmaxOp op,
                          llvm::ArrayRef<Index> indices);
  /// A scalar in the body of a loop nest, or outside.
  const Expr *scalar(mlir::Value value, mlir::Block *body, Env &env,
                     llvm::ArrayRef<Index> loops);
  const Expr *scalarOp(mlir::Operation *op, mlir::Block *body, Env &env,
                       llvm::ArrayRef<Index> loops);
  const Expr *constantOf(mlir::Attribute attribute, mlir::Type type);
  const Expr *logicalNot(const Expr *expr);
  const Expr *compare(mlir::Operation *op, const Expr *lhs, const Expr *rhs);
  bool linalgLoops(mlir::linalg::LinalgOp op, unsigned result,
                   llvm::ArrayRef<Index> indices,
                   llvm::SmallVectorImpl<std::optional<Index>> &loops);

  std::deque<Expr> expressions;
  std::map<std::pair<void *, std::vector<int64_t>>, const Expr *> loads;
};

} // namespace ra::raise

#endif // RA_LIB_DIALECT_RA_TRANSFORMS_RAISEEXPR_H
