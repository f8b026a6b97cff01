//===- KernelEmitter.h - What the CPU kernels are written with --*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A small vocabulary on top of the builder: index arithmetic that folds, loops
// as callbacks, operands of any layout and storage type, and the register-tiled
// product that every kernel is built on.
//
//===----------------------------------------------------------------------===//

#ifndef RA_LIB_CONVERSION_RATOVECTOR_KERNELEMITTER_H
#define RA_LIB_CONVERSION_RATOVECTOR_KERNELEMITTER_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "ra/Conversion/RAToVector/Passes.h"
#include "ra/Dialect/RA/IR/RAOps.h"

#include <functional>
#include <optional>
#include <string>

namespace ra::detail {

/// An operand and the permutation from iteration dims to its own dims.
struct OperandView {
  mlir::Value memref;
  mlir::AffineMap map;

  mlir::MemRefType type() const {
    return mlir::cast<mlir::MemRefType>(memref.getType());
  }
  /// The operand's dim of iteration dim `dim`.
  unsigned operandDim(unsigned dim) const;
  /// The static extent of iteration dim `dim`, or kDynamic.
  int64_t staticExtent(unsigned dim) const {
    return type().getDimSize(operandDim(dim));
  }
  /// Coordinates of the iteration space as indices of the operand.
  llvm::SmallVector<mlir::Value>
  indices(llvm::ArrayRef<mlir::Value> coordinates) const;
  /// True when neighbours along iteration dim `dim` are neighbours in memory,
  /// which is what vector loads and stores need.
  bool isContiguous(unsigned dim) const;
};

/// Emits at the insertion point of `b`; every value is of the current function.
class KernelEmitter {
public:
  using Value = mlir::Value;
  using Values = llvm::SmallVector<mlir::Value>;

  KernelEmitter(mlir::ImplicitLocOpBuilder &builder, VectorShape shape)
      : b(builder), shape(shape) {}

  mlir::ImplicitLocOpBuilder &b;
  VectorShape shape;

  // Index arithmetic; constants fold.
  Value index(int64_t value);
  Value add(Value a, Value c);
  Value sub(Value a, Value c);
  Value mul(Value a, Value c);
  Value div(Value a, Value c);
  Value rem(Value a, Value c);
  Value min(Value a, Value c);
  Value max(Value a, Value c);
  /// a rounded up to a multiple of `multiple`.
  Value roundUp(Value a, int64_t multiple);
  Value ceilDiv(Value a, int64_t divisor);
  Value compare(mlir::arith::CmpIPredicate predicate, Value a, Value c);

  // f32 scalars and vectors.
  mlir::VectorType vectorType();
  Value f32(double value);
  Value splat(double value);
  Value broadcast(Value scalar);
  /// 2^x of a vector whose lanes are at most 0 or NaN, which stays; 0 for
  /// x <= -126.5. See createExp2OfNonPositive().
  Value exp2NonPositive(Value x);

  /// for (iv = lower; iv < upper; iv += step) body(iv)
  void loop(Value lower, Value upper, int64_t step,
            llvm::function_ref<void(Value)> body);
  /// The same with values carried from turn to turn.
  Values loop(Value lower, Value upper, int64_t step, mlir::ValueRange inits,
              llvm::function_ref<Values(Value, mlir::ValueRange)> body);
  void ifThen(Value condition, llvm::function_ref<void()> body);
  void ifThenElse(Value condition, llvm::function_ref<void()> then,
                  llvm::function_ref<void()> otherwise);

  /// The extent of iteration dim `dim`; a constant where it is static.
  Value extent(const OperandView &view, unsigned dim);

  /// One element as f32.
  Value loadScalar(const OperandView &view, llvm::ArrayRef<Value> coordinates);
  /// Stores an f32 scalar, rounded to the operand's type.
  void storeScalar(Value value, const OperandView &view,
                   llvm::ArrayRef<Value> coordinates);
  /// `value`, a scalar or vector, as f32.
  Value extend(Value value);
  /// f32 `value` rounded to `elementType`.
  Value truncate(Value value, mlir::Type elementType);

  /// f32 memory of the current function: call at its start only.
  Value scratch(llvm::ArrayRef<int64_t> extents);
  Value load(Value memref, llvm::ArrayRef<Value> indices);
  Value loadVector(Value memref, llvm::ArrayRef<Value> indices);
  void store(Value value, Value memref, llvm::ArrayRef<Value> indices);
  void storeVector(Value value, Value memref, llvm::ArrayRef<Value> indices);

  /// Copies `count` elements of `view` from `coordinates` on along iteration
  /// dim `dim` to `target[prefix..., 0 .. count)`, as f32.
  void copyRow(const OperandView &view, llvm::ArrayRef<Value> coordinates,
               unsigned dim, Value count, Value target,
               llvm::ArrayRef<Value> prefix);
  /// The way back: `source[prefix..., 0 .. count)` to `view`, rounded.
  void storeRow(Value source, llvm::ArrayRef<Value> prefix, Value count,
                const OperandView &view, llvm::ArrayRef<Value> coordinates,
                unsigned dim);
  /// Reads `numRows` (at least 1) x `numColumns` elements from `coordinates` on
  /// along iteration dims `rowDim` and `columnDim`, times `factor` (unless
  /// null), to the transposed place: element (r, c) goes to the indices
  /// place(c, r), along whose last index neighbours in r are neighbours. Up to
  /// the next multiple of the lanes, for which there must be room, rows beyond
  /// the end repeat the last one.
  void copyTransposed(const OperandView &view,
                      llvm::ArrayRef<Value> coordinates, unsigned rowDim,
                      Value numRows, unsigned columnDim, Value numColumns,
                      Value factor, Value target,
                      llvm::function_ref<Values(Value, Value)> place);
  /// The way back: source[place(c, r)] * factors[r] goes to row r, column c of
  /// `view`. There are values for rows up to the next multiple of the lanes.
  void storeTransposed(llvm::function_ref<Values(Value, Value)> place,
                       Value source, Value factors, const OperandView &view,
                       llvm::ArrayRef<Value> coordinates, unsigned rowDim,
                       Value numRows, unsigned columnDim, int64_t numColumns);
  /// Zeros to `target[prefix..., lower .. upper)`.
  void zeroRow(Value target, llvm::ArrayRef<Value> prefix, Value lower,
               Value upper);

  /// The product
  ///     out[r][c] = init(r, c) + sum_k a(r, k) * b(k, c)
  /// `a` gives scalars, the others vectors of the lanes from column c on.
  struct Product {
    std::function<Value(Value row, Value k)> a;
    std::function<Value(Value k, Value column)> b;
    std::function<Value(Value row, Value column)> init;
    std::function<void(Value sum, Value row, Value column)> store;
  };
  /// In register tiles, for k < depth, r < rows (a constant gives an exact last
  /// block; otherwise rows up to the next multiple of shape.rows are computed,
  /// and must exist) and c < columns, a multiple of shape.lanes.
  void product(Value rows, int64_t columns, Value depth,
               const Product &product);
  /// For the one vector at `column`, depth and rows from a lower to an upper
  /// bound. Rows are taken `shape.lanes` at a time; with bounds that are not
  /// constant up to `shape.lanes - 1` rows beyond the end are computed and must
  /// exist.
  void productColumn(Value firstRow, Value endRow, Value column,
                     Value firstDepth, Value endDepth, const Product &product);
  /// For `numRows` rows from `row` on and the vectors at `columns`, whose sums
  /// are all in registers.
  void productBlock(Value row, int64_t numRows, llvm::ArrayRef<Value> columns,
                    Value firstDepth, Value endDepth, const Product &product);

private:
  /// Rows of a lanes x lanes block -> its columns.
  Values transpose(Values rows);
  /// Calls `block` for the first columns of blocks of lanes that cover `count`
  /// columns; where `count` is a constant the last one overlaps the one before
  /// it, and fewer blocks than `unrolledBlocks` are straight code. Calls
  /// `single` for columns that no block covers.
  void forColumnBlocks(Value count, int64_t unrolledBlocks,
                       llvm::function_ref<void(Value)> block,
                       llvm::function_ref<void(Value)> single);
};

/// A private function beside `kernel`, named after it with `_tile` (and a
/// number if that is taken), of the given argument types and no results, with
/// an empty body that returns. `scratchBytes` is how much scratch memory the
/// body will take, see kScratchAttrName. The builder is left at the start of
/// the body.
mlir::func::FuncOp createTileFunction(mlir::ImplicitLocOpBuilder &builder,
                                      mlir::func::FuncOp kernel,
                                      mlir::TypeRange arguments,
                                      int64_t scratchBytes);

/// Why the patterns leave `op`, an op of the ra dialect, as it is, with the
/// remedy; nothing when they should not.
std::optional<std::string> whyNotLowered(mlir::Operation *op,
                                         VectorShape shape);

std::optional<std::string> whyNotLowered(LinearOp op, VectorShape shape);

/// One set of patterns per group of ops; see populateRAToVectorPatterns().
void populateAttentionPatterns(mlir::RewritePatternSet &patterns,
                               VectorShape shape);
void populateLinearPatterns(mlir::RewritePatternSet &patterns,
                            VectorShape shape);
void populateRopePatterns(mlir::RewritePatternSet &patterns, VectorShape shape);

} // namespace ra::detail

#endif // RA_LIB_CONVERSION_RATOVECTOR_KERNELEMITTER_H
