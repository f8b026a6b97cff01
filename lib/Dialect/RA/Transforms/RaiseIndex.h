//===- RaiseIndex.h - Loop dims and what indexes tensors --------*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Raising reads a chain of tensor ops as one scalar formula over loop dims.
// This file has its index arithmetic: linear expressions of dims, which dims
// have one extent at run time, and the splitting of a dim where a reshape
// splits it.
//
//===----------------------------------------------------------------------===//

#ifndef RA_LIB_DIALECT_RA_TRANSFORMS_RAISEINDEX_H
#define RA_LIB_DIALECT_RA_TRANSFORMS_RAISEINDEX_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/AffineExpr.h"
#include "mlir/IR/Value.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/EquivalenceClasses.h"
#include "llvm/ADT/SmallVector.h"

#include <optional>

namespace ra::raise {

using DimId = unsigned;
using SymbolId = unsigned;

/// constant + sum of coefficient * dim + sum of coefficient * symbol, terms
/// sorted by id, none with coefficient 0. A symbol is an index value that is
/// the same for all iterations, as an extent is.
struct Index {
  int64_t constant = 0;
  llvm::SmallVector<std::pair<DimId, int64_t>, 4> dims;
  llvm::SmallVector<std::pair<SymbolId, int64_t>, 1> symbols;

  static Index of(int64_t constant);
  static Index dim(DimId dim);
  static Index symbol(SymbolId symbol);

  bool isConstant() const { return dims.empty() && symbols.empty(); }
  bool isConstant(int64_t value) const {
    return isConstant() && constant == value;
  }
  /// The dim this is, coefficient 1 and nothing else.
  std::optional<DimId> asDim() const;
  int64_t coefficient(DimId dim) const;
  bool operator==(const Index &other) const;

  Index &operator+=(const Index &other);
  Index &operator*=(int64_t factor);
};
Index operator+(Index a, const Index &b);
Index operator-(Index a, const Index &b);
Index operator*(Index a, int64_t factor);

/// Which dims of which tensors have the same extent at run time, and which
/// index values are extents: from how the ops of one function use them.
class Extents {
public:
  explicit Extents(mlir::func::FuncOp function);

  /// The class of dim `dim` of `tensor`, equal for dims of equal extent.
  unsigned classOf(mlir::Value tensor, unsigned dim);
  /// The static extent of a class; dynamic if it is not known.
  int64_t sizeOf(unsigned extentClass) const;
  /// The class of an index value that is an extent; nothing for another value.
  std::optional<unsigned> classOf(mlir::Value index);
  /// A member of the class that `usable` accepts: a tensor and its dim, or an
  /// index value and dim -1. A null value if there is none.
  std::pair<mlir::Value, int64_t>
  member(unsigned extentClass,
         llvm::function_ref<bool(mlir::Value)> usable) const;

private:
  using Node = std::pair<mlir::Value, int64_t>;
  unsigned node(mlir::Value value, int64_t dim);
  unsigned find(unsigned node) const;
  void unite(unsigned a, unsigned b);
  void visit(mlir::Operation *op);

  llvm::DenseMap<Node, unsigned> ids;
  std::vector<Node> nodes;
  mutable std::vector<unsigned> parents;
  std::vector<int64_t> sizes;
  /// The class has a dim of a tensor, so its value is an extent.
  std::vector<bool> isExtent;
};

/// The loop dims of one attempt to raise. A dim may be split into an outer and
/// an inner dim when a reshape takes it apart; an unsplit dim is an atom.
class DimSpace {
public:
  explicit DimSpace(Extents &extents) : extents(extents) {}

  /// A new dim as long as dim `dim` of `tensor`, or of the given extent.
  DimId create(mlir::Value tensor, unsigned dim);
  DimId create(int64_t size);
  /// Static extent or ShapedType::kDynamic.
  int64_t size(DimId dim) const { return infos[dim].size; }
  /// The extent class of a dim that is as long as a tensor's; nothing after a
  /// split of a dynamic dim.
  std::optional<unsigned> extentClass(DimId dim) const {
    return infos[dim].extentClass;
  }
  /// How far an atom runs, as an index: a constant or a symbol; nothing for a
  /// part of a dynamic dim.
  std::optional<Index> extent(DimId dim);
  /// True when both dims are known to run equally far.
  bool sameExtent(DimId a, DimId b) const;

  /// True when an atom is known to run over dim `dim` of `tensor` and no less.
  bool spans(DimId atom, mlir::Value tensor, unsigned dim) const;

  /// The index with split dims replaced by their parts, dims of extent 1 by 0,
  /// and symbols of static extent by that.
  Index resolve(const Index &index) const;
  /// The atoms a dim consists of, outermost first; none for extent 1.
  llvm::SmallVector<DimId> atoms(DimId dim) const;
  /// The atoms an index depends on, by descending coefficient.
  llvm::SmallVector<DimId> atoms(const Index &index) const;

  /// Smallest and largest value of an index, where its parts are static.
  std::optional<int64_t> lowerBound(const Index &index) const;
  std::optional<int64_t> upperBound(const Index &index) const;

  /// index = quotient * divisor + remainder, with 0 <= remainder < divisor;
  /// splits a dim where that is what it takes. False if it is not linear.
  bool divide(const Index &index, int64_t divisor, Index &quotient,
              Index &remainder);
  /// Indices into a shape whose entries after the first are static, from the
  /// index into the flattened one.
  bool delinearize(Index index, llvm::ArrayRef<int64_t> shape,
                   llvm::SmallVectorImpl<Index> &indices);
  /// An affine expression with `loops` for its dims; nothing if not linear.
  std::optional<Index> apply(mlir::AffineExpr expr,
                             llvm::ArrayRef<Index> loops);
  /// The symbol of an index value; sums and differences become linear.
  std::optional<Index> scalar(mlir::Value index);
  /// A value behind a symbol that `usable` accepts: a tensor and its dim, or an
  /// index value and dim -1.
  std::pair<mlir::Value, int64_t>
  symbolValue(SymbolId symbol,
              llvm::function_ref<bool(mlir::Value)> usable) const;

  Extents &extents;

private:
  struct Info {
    int64_t size;
    std::optional<unsigned> extentClass;
    // Split: index = outer * innerSize + inner.
    bool isSplit = false;
    DimId outer = 0, inner = 0;
  };
  struct SymbolInfo {
    std::optional<unsigned> extentClass;
    mlir::Value value;
  };
  void split(DimId dim, int64_t innerSize);
  void resolveDim(DimId dim, int64_t coefficient, Index &into) const;
  SymbolId symbolOf(std::optional<unsigned> extentClass, mlir::Value value);

  std::vector<Info> infos;
  std::vector<SymbolInfo> symbolInfos;
};

} // namespace ra::raise

#endif // RA_LIB_DIALECT_RA_TRANSFORMS_RAISEINDEX_H
