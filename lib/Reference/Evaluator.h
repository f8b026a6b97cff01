//===- Evaluator.h - The state of one evaluation ----------------*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RA_LIB_REFERENCE_EVALUATOR_H
#define RA_LIB_REFERENCE_EVALUATOR_H

#include "Array.h"
#include "Rounding.h"
#include "StripProgram.h"

#include "ra/Dialect/RA/IR/RAOps.h"
#include "ra/Reference/Interpreter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/OpDefinition.h"

namespace ra::reference {

/// A loop nest over scalar code: what linalg's structured ops and
/// tensor.generate have in common.
struct LoopNest;
struct AttentionArrays;

class Evaluator {
public:
  explicit Evaluator(const InterpreterOptions &options);

  /// Evaluates a function with one block.
  llvm::FailureOr<llvm::SmallVector<Array>>
  callFunction(mlir::func::FuncOp function, llvm::SmallVector<Array> args,
               mlir::Operation *caller);

  bool isStorage() const { return options.precision == Precision::Storage; }
  unsigned threads() const { return numThreads; }

  /// What storing a value of `type` (or of its element type) does to it.
  Rounding roundingOf(mlir::Type type) const;

  /// Fails, with a diagnostic at `op`, unless values of `type` can be kept.
  static llvm::LogicalResult checkType(mlir::Type type, mlir::Operation *op);

private:
  // Values in scope.
  Array get(mlir::Value value) const;
  /// The operand, as the only owner if its value is not used again.
  Array take(mlir::Operation *op, unsigned operand);
  void set(mlir::Value value, Array array);
  const Array *find(mlir::Value value) const;

  // Memory, with a diagnostic at `op` when it runs out.
  llvm::FailureOr<Array> allocate(mlir::Operation *op,
                                  llvm::ArrayRef<int64_t> shape,
                                  mlir::Type elementType);
  /// The same, filled with NaN or 0.
  llvm::FailureOr<Array> allocatePoison(mlir::Operation *op,
                                        llvm::ArrayRef<int64_t> shape,
                                        mlir::Type elementType);
  llvm::LogicalResult own(mlir::Operation *op, Array &array);

  // Checks with diagnostics.
  llvm::LogicalResult checkShape(mlir::Operation *op, llvm::StringRef name,
                                 llvm::ArrayRef<int64_t> got,
                                 llvm::ArrayRef<int64_t> expected);
  llvm::LogicalResult checkResultShape(mlir::Operation *op, unsigned result,
                                       llvm::ArrayRef<int64_t> shape);
  llvm::LogicalResult report(const StripFault &fault);
  llvm::LogicalResult unsupported(mlir::Operation *op);

  // Control.
  llvm::FailureOr<llvm::SmallVector<Array>> evaluateBlock(mlir::Block &block);
  llvm::LogicalResult evaluateOp(mlir::Operation *op);
  llvm::LogicalResult evaluateCall(mlir::func::CallOp op);
  llvm::LogicalResult evaluateIf(mlir::scf::IfOp op);
  llvm::LogicalResult evaluateFor(mlir::scf::ForOp op);
  llvm::LogicalResult evaluateAffine(mlir::Operation *op);
  llvm::LogicalResult evaluateConstant(mlir::arith::ConstantOp op);
  llvm::FailureOr<Array> constantArray(mlir::Operation *op,
                                       mlir::Attribute value);
  llvm::LogicalResult evaluateElementwise(mlir::Operation *op);
  llvm::LogicalResult evaluateQuant(mlir::Operation *op);

  // tensor
  llvm::LogicalResult evaluateTensorOp(mlir::Operation *op);
  llvm::FailureOr<Extents> dynamicShape(mlir::Operation *op,
                                        mlir::RankedTensorType type,
                                        mlir::ValueRange sizes);
  Extents mixedValues(llvm::ArrayRef<mlir::OpFoldResult> mixed);
  /// The flat element position of scalar `indices` in `array`.
  llvm::FailureOr<int64_t> elementOffset(mlir::Operation *op,
                                         const Array &array,
                                         mlir::ValueRange indices);
  llvm::LogicalResult evaluateExtractSlice(mlir::tensor::ExtractSliceOp op);
  llvm::LogicalResult evaluateInsertSlice(mlir::tensor::InsertSliceOp op);
  llvm::LogicalResult evaluateReshape(mlir::Operation *op);
  llvm::LogicalResult evaluateConcat(mlir::tensor::ConcatOp op);
  llvm::LogicalResult evaluatePad(mlir::tensor::PadOp op);
  llvm::LogicalResult evaluateGather(mlir::tensor::GatherOp op);
  llvm::LogicalResult evaluateGenerate(mlir::tensor::GenerateOp op);

  // linalg
  llvm::LogicalResult evaluateLinalg(mlir::linalg::LinalgOp op);
  llvm::LogicalResult evaluateSoftmax(mlir::linalg::SoftmaxOp op);
  /// True (and the result set) if the op is a product of two operands.
  llvm::FailureOr<bool> evaluateContraction(mlir::linalg::LinalgOp op,
                                            llvm::ArrayRef<int64_t> bounds);
  llvm::LogicalResult runLoopNest(LoopNest &nest);
  llvm::LogicalResult runLoopNestByElement(LoopNest &nest);
  StripProgram::Context stripContext();

  // ra
  llvm::LogicalResult evaluateLinear(LinearOp op);
  llvm::LogicalResult evaluateRope(RopeOp op);
  /// Operands and fresh results of either attention op, checked.
  template <typename OpTy>
  llvm::LogicalResult readAttention(OpTy op, AttentionArrays &arrays);
  llvm::LogicalResult evaluateAttention(AttentionOp op);
  llvm::LogicalResult evaluateReciprocalAttention(ReciprocalAttentionOp op);
  llvm::LogicalResult evaluateFoldWeights(FoldWeightsOp op);
  /// Gate values of every head; `defaultGate` where there is no operand.
  llvm::SmallVector<double> gateValues(mlir::Value gate, int64_t heads,
                                       double defaultGate);

  /// The values of one function call.
  using Frame = llvm::DenseMap<mlir::Value, Array>;
  /// The values that are not used after each op of a block, and whether the op
  /// uses it as one operand and nowhere else.
  struct LastUse {
    mlir::Value value;
    bool movable;
  };
  using BlockUses =
      llvm::DenseMap<mlir::Operation *, llvm::SmallVector<LastUse, 2>>;
  const BlockUses &lastUses(mlir::Block &block);

  const InterpreterOptions &options;
  unsigned numThreads;
  Frame *frame = nullptr;
  unsigned depth = 0;
  llvm::DenseMap<mlir::Block *, std::unique_ptr<BlockUses>> uses;
  /// Constants that are evaluated again and again, in loops and bodies.
  llvm::DenseMap<mlir::Operation *, Array> constants;
  llvm::DenseMap<mlir::Operation *, std::unique_ptr<StripProgram>> programs;
  /// The indices that linalg.index reads in a body run element by element.
  llvm::SmallVector<llvm::ArrayRef<int64_t>> indexStack;
};

/// "2x3x4".
std::string extentsString(llvm::ArrayRef<int64_t> extents);

/// "%g".
std::string numberString(double value);

/// `expr` at the given dims and symbols; nothing for a division by zero.
std::optional<int64_t> evaluateAffineExpr(mlir::AffineExpr expr,
                                          llvm::ArrayRef<int64_t> dims,
                                          llvm::ArrayRef<int64_t> symbols);

struct LoopNest {
  struct Operand {
    Array array;
    mlir::AffineMap map;
    mlir::Value argument; ///< The block argument that holds its element.
  };
  mlir::Operation *op;
  mlir::Block *body;
  llvm::SmallVector<int64_t, 6> bounds;
  llvm::SmallVector<bool, 6> parallel; ///< By the op's iterator types.
  llvm::SmallVector<Operand, 4> inputs, outputs;
  /// Block arguments that are loop indices (tensor.generate).
  llvm::SmallVector<mlir::Value, 4> indexArguments;
};

} // namespace ra::reference

#endif // RA_LIB_REFERENCE_EVALUATOR_H
