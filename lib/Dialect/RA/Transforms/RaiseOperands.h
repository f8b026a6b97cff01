//===- RaiseOperands.h - From products to query and key ---------*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RA_LIB_DIALECT_RA_TRANSFORMS_RAISEOPERANDS_H
#define RA_LIB_DIALECT_RA_TRANSFORMS_RAISEOPERANDS_H

#include "RaiseScores.h"

namespace ra::raise {

/// A value that a factor of a product is a view of, up to a factor:
/// element = number * product of factors * value[indices].
struct Step {
  mlir::Value value;
  llvm::SmallVector<Index, 4> indices;
  double number = 1.0;
  llvm::SmallVector<const Expr *> factors;
  /// A slice of the dim that the product sums over: its place in the whole dim,
  /// for which `indices` have a dim of their own.
  std::optional<DimId> whole;
  int64_t offset = 0, stride = 1, count = 0;
};

/// Steps from a tensor back through views, casts that widen, and factors that
/// do not depend on `keep` (the dims summed over, and rows or keys). With
/// `wholes`, also through slices of the dim `bound`; it holds the dims that
/// stand for whole dims, by extent.
std::vector<Step> traceOperand(ExprBuilder &builder, const Access &access,
                               llvm::ArrayRef<DimId> keep,
                               std::optional<DimId> bound,
                               llvm::DenseMap<int64_t, DimId> *wholes);

/// Query and key of all products of the scores, with what multiplies them.
struct QueryKey {
  std::vector<Step> query, key;
  /// The dims summed over.
  llvm::SmallVector<DimId> bound;
  /// Number and factors in front of the product (of the standard term).
  double number = 1.0;
  llvm::SmallVector<const Expr *> factors;

  /// Reciprocal form: a second product, of key rows with query columns.
  bool reciprocal = false;
  /// Reciprocal dims, ascending, and the extent of the head dim.
  llvm::SmallVector<int64_t> recDims;
  int64_t headDim = 0;
  double recNumber = 1.0;
  llvm::SmallVector<const Expr *> recFactors;
};

/// Query and key of a single product: `key` is the dim of the keys.
bool matchSingleProduct(ExprBuilder &builder, const Product &product, DimId key,
                        QueryKey &result, Miss &miss);

/// Query and key of standard and reciprocal products whose dims make up the
/// head dim. `row` is the dim of the query rows. One result for each value of
/// which all products are views, the first one closest to the products.
bool matchReciprocal(ExprBuilder &builder, llvm::ArrayRef<Product> products,
                     DimId key, DimId row, std::vector<QueryKey> &results,
                     Miss &miss);

/// The atoms that two factors of a product have and only one has, for choosing
/// the row: those of the query side that are not on the key side or summed
/// over.
llvm::SmallVector<DimId> rowCandidates(ExprBuilder &builder,
                                       const Product &product, DimId key);

} // namespace ra::raise

#endif // RA_LIB_DIALECT_RA_TRANSFORMS_RAISEOPERANDS_H
