//===- StripProgram.h - Scalar code over strips of elements -----*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Straight-line scalar code (arith, math, affine.apply, tensor.extract,
// linalg.index) resolved once into registers and run over up to kStrip elements
// at a time, so that what it costs to look an op up is shared by the strip. A
// single scalar is a strip of one.
//
//===----------------------------------------------------------------------===//

#ifndef RA_LIB_REFERENCE_STRIPPROGRAM_H
#define RA_LIB_REFERENCE_STRIPPROGRAM_H

#include "Array.h"
#include "Rounding.h"

#include "mlir/IR/AffineExpr.h"
#include "mlir/IR/Operation.h"
#include "llvm/ADT/DenseMap.h"

#include <functional>
#include <vector>

namespace ra::reference {

/// Elements of one strip.
constexpr int64_t kStrip = 256;

enum class Opcode : uint8_t {
  // clang-format off
  // Float to float, one to three operands.
  Copy, NegF, AbsF, AcosF, AcoshF, AsinF, AsinhF, AtanF, AtanhF, CbrtF, CeilF,
  CosF, CoshF, ErfF, ErfcF, ExpF, Exp2F, ExpM1F, FloorF, LogF, Log10F, Log1pF,
  Log2F, RoundF, RoundEvenF, RsqrtF, SinF, SinhF, SqrtF, TanF, TanhF, TruncF,
  AddF, SubF, MulF, DivF, RemF, MaximumF, MinimumF, MaxNumF, MinNumF, Atan2F,
  CopySignF, PowF, FmaF, ClampF,
  // Float and integer.
  CmpF, IsFiniteF, IsInfF, IsNaNF, IsNormalF, SIToFP, UIToFP, FPToSI, FPToUI,
  FPowI, BitsToFloat, FloatToBits, FloatBits,
  SelectF, SelectI,
  // Integer to integer.
  CopyI, AddI, SubI, MulI, DivSI, DivUI, RemSI, RemUI, CeilDivSI, CeilDivUI,
  FloorDivSI, ModEuclid, AndI, OrI, XorI, ShlI, ShrSI, ShrUI, MaxSI, MaxUI,
  MinSI, MinUI, ExtSI, ExtUI, AbsI, Ctlz, Cttz, Ctpop, IPowI, CmpI,
  // Two results.
  SinCosF, AddUIExtended, MulSIExtended, MulUIExtended,
  // A tensor.
  Extract
  // clang-format on
};

/// A register: a strip of doubles or of int64_t.
struct Register {
  bool isFloat;
  int index;
};

struct Instruction {
  Opcode opcode;
  uint8_t width = 64;             ///< Bits of the integer result.
  uint8_t sourceWidth = 64;       ///< Bits of the integer operands.
  uint8_t predicate = 0;          ///< Of a comparison.
  Rounding rounding;              ///< Of a float result.
  mlir::FloatType bitsType;       ///< Of the float side of a bitcast.
  mlir::FloatType sourceBitsType; ///< Of the source of a float-float bitcast.
  int target = -1, target2 = -1;  ///< Register indices; kinds by opcode.
  int a = -1, b = -1, c = -1;
  Array table;                       ///< Extract: the tensor,
  llvm::SmallVector<int, 4> indices; ///< and one int register per dim.
  mlir::Operation *origin = nullptr; ///< For diagnostics.
};

/// What stopped a program: undefined behaviour of the IR on these inputs.
struct StripFault {
  enum Kind { None, DivisionByZero, OutOfBounds, ShiftTooFar } kind = None;
  mlir::Operation *origin = nullptr;
};

class StripProgram;

/// The registers of one thread.
class StripState {
public:
  explicit StripState(const StripProgram &program);

  /// The strip of a register; an input may be set to foreign memory, which is
  /// only read.
  llvm::SmallVector<double *, 16> floats;
  llvm::SmallVector<int64_t *, 16> ints;
  double *ownFloats(int index) { return &floatPool[index * kStrip]; }
  int64_t *ownInts(int index) { return &intPool[index * kStrip]; }

private:
  std::vector<double> floatPool;
  std::vector<int64_t> intPool;
};

class StripProgram {
public:
  /// Hands out rounding by type, and values captured from outside: one Array
  /// for a scalar or tensor that is in scope, null for what is not.
  struct Context {
    std::function<Rounding(mlir::Type)> rounding;
    std::function<const Array *(mlir::Value)> captured;
    /// The value of a constant op, or null.
    std::function<const Array *(mlir::Operation *)> constant;
  };

  /// A new register for elements of `type`.
  Register addRegister(mlir::Type type) {
    return addRegister(!isIntLike(type));
  }
  Register addRegister(bool isFloat);

  /// Adds the ops of `block` but its terminator. `bound` maps values to
  /// registers (block arguments on entry) and grows. False when the block
  /// contains something that is not straight-line scalar code.
  bool addBlock(mlir::Block &block,
                llvm::DenseMap<mlir::Value, Register> &bound,
                const Context &context);
  /// Adds one op; its operands are looked up as in addBlock().
  bool addOp(mlir::Operation *op, llvm::DenseMap<mlir::Value, Register> &bound,
             const Context &context);
  /// The register of `value`: bound, or a captured scalar.
  std::optional<Register> lookup(mlir::Value value,
                                 llvm::DenseMap<mlir::Value, Register> &bound,
                                 const Context &context);

  /// Runs over `count` <= kStrip elements.
  StripFault run(StripState &state, int64_t count) const;

  /// Elements of integer kind: integers, index and quantised types.
  static bool isIntLike(mlir::Type type);
  /// Bits of an integer-like type; index has 64.
  static unsigned widthOf(mlir::Type type);
  /// True when some op of this name runs on strips.
  static bool isScalarOp(mlir::Operation *op);

  /// The loop dim that fills each register: linalg.index.
  struct IndexRegister {
    unsigned dim;
    int reg;
  };
  llvm::SmallVector<IndexRegister, 2> indexRegisters;

  int numFloats() const { return floatCount; }
  int numInts() const { return intCount; }

private:
  friend class StripState;
  int emitAffine(mlir::AffineExpr expr, llvm::ArrayRef<int> dims,
                 llvm::ArrayRef<int> symbols, mlir::Operation *origin);
  int constantInt(int64_t value);
  bool addExtract(mlir::Operation *op,
                  llvm::DenseMap<mlir::Value, Register> &bound,
                  const Context &context);
  bool addAffineApply(mlir::Operation *op,
                      llvm::DenseMap<mlir::Value, Register> &bound,
                      const Context &context);

  int floatCount = 0, intCount = 0;
  std::vector<Instruction> code;
  llvm::SmallVector<std::pair<int, double>, 4> floatConstants;
  llvm::SmallVector<std::pair<int, int64_t>, 4> intConstants;
};

/// `value` truncated to `width` bits, as an Array keeps it.
int64_t canonicalInt(int64_t value, unsigned width);

} // namespace ra::reference

#endif // RA_LIB_REFERENCE_STRIPPROGRAM_H
