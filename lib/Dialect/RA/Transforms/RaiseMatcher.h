//===- RaiseMatcher.h - One attention, matched ------------------*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RA_LIB_DIALECT_RA_TRANSFORMS_RAISEMATCHER_H
#define RA_LIB_DIALECT_RA_TRANSFORMS_RAISEMATCHER_H

#include "RaiseAttention.h"
#include "RaiseLayout.h"
#include "RaiseOperands.h"

namespace ra::raise {

/// True for the element types that ra ops take.
bool isStorageType(mlir::Value value);

/// An operand of the attention: a value and how it is viewed.
struct Operand {
  mlir::Value value;
  ViewPlan plan;
};

/// Everything an attention is made of.
struct Plan {
  Operand query, key, value;
  Groups queryGroups;
  /// What the result replaces, and how it comes from the attention's; without a
  /// plan, by a transpose of the default layout.
  mlir::Value replaced;
  llvm::SmallVector<Index> resultIndices;
  std::optional<ViewPlan> result;
  MaskPlan mask;
  double softcap = 0;
  int64_t headDim = 0;
  QueryKey products;
};

/// Matches one attention; the operand of the product that is tried as the
/// probabilities is `side`.
class Matcher {
public:
  Matcher(mlir::linalg::LinalgOp product, unsigned side, Extents &extents,
          const MaskAssumptions &assumptions)
      : product(product), side(side), dims(extents), builder(dims),
        assumptions(assumptions) {}

  /// Fills the plan; on failure `miss` says why, if it looks like attention.
  bool match();
  /// Makes the op and replaces the result; returns what was made, in words.
  std::string rewrite();
  /// What was matched takes ra.reciprocal_attention.
  bool isGated() const {
    return plan.products.reciprocal || !plan.products.factors.empty();
  }

  Miss miss;

private:
  bool checkReadable(const Expr *p);
  bool findResult();
  bool dividedLater(mlir::Value value, llvm::ArrayRef<Index> indices,
                    mlir::Value &divided);
  bool checkUses();
  bool assign(llvm::ArrayRef<QueryKey> candidates, std::optional<DimId> row);
  bool assign(const QueryKey &candidate, const Step &query, const Step &keys,
              const Step &values, std::optional<DimId> row);
  bool assignHeads(const QueryKey &candidate, const Step &query,
                   const Step &keys, const Step &values,
                   std::optional<DimId> row, llvm::ArrayRef<DimId> batch,
                   std::optional<DimId> head, llvm::ArrayRef<DimId> shared);
  bool checkFactors(const QueryKey &products, const Groups &groups);
  llvm::SmallVector<DimId> atomsOf(const Step &step) const;
  mlir::Value emitGate(mlir::OpBuilder &b, mlir::Location loc, double number,
                       llvm::ArrayRef<const Expr *> factors);
  mlir::Value biasAsItIs(mlir::OpBuilder &b, mlir::Location loc,
                         const Expr *bias,
                         llvm::ArrayRef<llvm::SmallVector<DimId>> loops);
  mlir::Value makeTransposed(mlir::OpBuilder &b, mlir::Location loc,
                             mlir::Value result, mlir::RankedTensorType type);

  mlir::linalg::LinalgOp product;
  unsigned side;
  DimSpace dims;
  ExprBuilder builder;
  const MaskAssumptions &assumptions;
  Access probabilities, values;
  llvm::SmallVector<Index> outIndices;
  DimId key = 0;
  Softmax softmax;
  Scores scores;
  std::vector<Step> valueSteps;
  llvm::SmallVector<DimId> valueDims;
  Plan plan;
};

} // namespace ra::raise

#endif // RA_LIB_DIALECT_RA_TRANSFORMS_RAISEMATCHER_H
