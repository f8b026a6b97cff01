//===- StripProgram.cpp - Resolving scalar code into registers ------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "StripProgram.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Quant/IR/QuantTypes.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/StringMap.h"

using namespace mlir;
using namespace ra::reference;

bool StripProgram::isIntLike(Type type) {
  return isa<IntegerType, IndexType, quant::QuantizedType>(type);
}

unsigned StripProgram::widthOf(Type type) {
  if (auto integer = dyn_cast<IntegerType>(type))
    return integer.getWidth();
  return 64;
}

/// Ops that are one instruction, by name.
static std::optional<Opcode> lookupOpcode(StringRef name) {
  static const llvm::StringMap<Opcode> table = {
      {"arith.addf", Opcode::AddF},
      {"arith.subf", Opcode::SubF},
      {"arith.mulf", Opcode::MulF},
      {"arith.divf", Opcode::DivF},
      {"arith.remf", Opcode::RemF},
      {"arith.negf", Opcode::NegF},
      {"arith.maximumf", Opcode::MaximumF},
      {"arith.minimumf", Opcode::MinimumF},
      {"arith.maxnumf", Opcode::MaxNumF},
      {"arith.minnumf", Opcode::MinNumF},
      {"arith.extf", Opcode::Copy},
      {"arith.truncf", Opcode::Copy},
      {"arith.sitofp", Opcode::SIToFP},
      {"arith.uitofp", Opcode::UIToFP},
      {"arith.fptosi", Opcode::FPToSI},
      {"arith.fptoui", Opcode::FPToUI},
      {"arith.cmpf", Opcode::CmpF},
      {"arith.addi", Opcode::AddI},
      {"arith.subi", Opcode::SubI},
      {"arith.muli", Opcode::MulI},
      {"arith.divsi", Opcode::DivSI},
      {"arith.divui", Opcode::DivUI},
      {"arith.remsi", Opcode::RemSI},
      {"arith.remui", Opcode::RemUI},
      {"arith.ceildivsi", Opcode::CeilDivSI},
      {"arith.ceildivui", Opcode::CeilDivUI},
      {"arith.floordivsi", Opcode::FloorDivSI},
      {"arith.andi", Opcode::AndI},
      {"arith.ori", Opcode::OrI},
      {"arith.xori", Opcode::XorI},
      {"arith.shli", Opcode::ShlI},
      {"arith.shrsi", Opcode::ShrSI},
      {"arith.shrui", Opcode::ShrUI},
      {"arith.maxsi", Opcode::MaxSI},
      {"arith.maxui", Opcode::MaxUI},
      {"arith.minsi", Opcode::MinSI},
      {"arith.minui", Opcode::MinUI},
      {"arith.extsi", Opcode::ExtSI},
      {"arith.extui", Opcode::ExtUI},
      {"arith.trunci", Opcode::CopyI},
      {"arith.index_cast", Opcode::ExtSI},
      {"arith.index_castui", Opcode::ExtUI},
      {"arith.cmpi", Opcode::CmpI},
      {"arith.addui_extended", Opcode::AddUIExtended},
      {"arith.mulsi_extended", Opcode::MulSIExtended},
      {"arith.mului_extended", Opcode::MulUIExtended},
      {"math.absf", Opcode::AbsF},
      {"math.absi", Opcode::AbsI},
      {"math.acos", Opcode::AcosF},
      {"math.acosh", Opcode::AcoshF},
      {"math.asin", Opcode::AsinF},
      {"math.asinh", Opcode::AsinhF},
      {"math.atan", Opcode::AtanF},
      {"math.atan2", Opcode::Atan2F},
      {"math.atanh", Opcode::AtanhF},
      {"math.cbrt", Opcode::CbrtF},
      {"math.ceil", Opcode::CeilF},
      {"math.clampf", Opcode::ClampF},
      {"math.copysign", Opcode::CopySignF},
      {"math.cos", Opcode::CosF},
      {"math.cosh", Opcode::CoshF},
      {"math.ctlz", Opcode::Ctlz},
      {"math.ctpop", Opcode::Ctpop},
      {"math.cttz", Opcode::Cttz},
      {"math.erf", Opcode::ErfF},
      {"math.erfc", Opcode::ErfcF},
      {"math.exp", Opcode::ExpF},
      {"math.exp2", Opcode::Exp2F},
      {"math.expm1", Opcode::ExpM1F},
      {"math.floor", Opcode::FloorF},
      {"math.fma", Opcode::FmaF},
      {"math.fpowi", Opcode::FPowI},
      {"math.ipowi", Opcode::IPowI},
      {"math.isfinite", Opcode::IsFiniteF},
      {"math.isinf", Opcode::IsInfF},
      {"math.isnan", Opcode::IsNaNF},
      {"math.isnormal", Opcode::IsNormalF},
      {"math.log", Opcode::LogF},
      {"math.log10", Opcode::Log10F},
      {"math.log1p", Opcode::Log1pF},
      {"math.log2", Opcode::Log2F},
      {"math.powf", Opcode::PowF},
      {"math.round", Opcode::RoundF},
      {"math.roundeven", Opcode::RoundEvenF},
      {"math.rsqrt", Opcode::RsqrtF},
      {"math.sin", Opcode::SinF},
      {"math.sincos", Opcode::SinCosF},
      {"math.sinh", Opcode::SinhF},
      {"math.sqrt", Opcode::SqrtF},
      {"math.tan", Opcode::TanF},
      {"math.tanh", Opcode::TanhF},
      {"math.trunc", Opcode::TruncF},
  };
  auto found = table.find(name);
  if (found == table.end())
    return std::nullopt;
  return found->second;
}

bool StripProgram::isScalarOp(Operation *op) {
  return isa<arith::SelectOp, arith::BitcastOp>(op) ||
         lookupOpcode(op->getName().getStringRef()).has_value();
}

Register StripProgram::addRegister(bool isFloat) {
  return {isFloat, isFloat ? floatCount++ : intCount++};
}

int StripProgram::constantInt(int64_t value) {
  int index = addRegister(/*isFloat=*/false).index;
  intConstants.push_back({index, value});
  return index;
}

std::optional<Register>
StripProgram::lookup(Value value, llvm::DenseMap<Value, Register> &bound,
                     const Context &context) {
  auto found = bound.find(value);
  if (found != bound.end())
    return found->second;
  const Array *array = context.captured(value);
  if (!array || array->count() != 1)
    return std::nullopt;
  Register reg = addRegister(array->isFloat());
  if (array->isFloat())
    floatConstants.push_back({reg.index, array->floats()[0]});
  else
    intConstants.push_back({reg.index, array->ints()[0]});
  bound[value] = reg;
  return reg;
}

int StripProgram::emitAffine(AffineExpr expr, ArrayRef<int> dims,
                             ArrayRef<int> symbols, Operation *origin) {
  switch (expr.getKind()) {
  case AffineExprKind::Constant:
    return constantInt(cast<AffineConstantExpr>(expr).getValue());
  case AffineExprKind::DimId:
    return dims[cast<AffineDimExpr>(expr).getPosition()];
  case AffineExprKind::SymbolId:
    return symbols[cast<AffineSymbolExpr>(expr).getPosition()];
  default:
    break;
  }
  auto binary = cast<AffineBinaryOpExpr>(expr);
  Instruction instruction;
  switch (expr.getKind()) {
  case AffineExprKind::Add:
    instruction.opcode = Opcode::AddI;
    break;
  case AffineExprKind::Mul:
    instruction.opcode = Opcode::MulI;
    break;
  case AffineExprKind::FloorDiv:
    instruction.opcode = Opcode::FloorDivSI;
    break;
  case AffineExprKind::CeilDiv:
    instruction.opcode = Opcode::CeilDivSI;
    break;
  default:
    instruction.opcode = Opcode::ModEuclid;
    break;
  }
  instruction.a = emitAffine(binary.getLHS(), dims, symbols, origin);
  instruction.b = emitAffine(binary.getRHS(), dims, symbols, origin);
  instruction.target = addRegister(/*isFloat=*/false).index;
  instruction.origin = origin;
  code.push_back(instruction);
  return instruction.target;
}

bool StripProgram::addAffineApply(Operation *op,
                                  llvm::DenseMap<Value, Register> &bound,
                                  const Context &context) {
  auto apply = cast<affine::AffineApplyOp>(op);
  AffineMap map = apply.getAffineMap();
  SmallVector<int> operands;
  for (Value operand : op->getOperands()) {
    std::optional<Register> reg = lookup(operand, bound, context);
    if (!reg)
      return false;
    operands.push_back(reg->index);
  }
  ArrayRef<int> all(operands);
  int result = emitAffine(map.getResult(0), all.take_front(map.getNumDims()),
                          all.drop_front(map.getNumDims()), op);
  bound[op->getResult(0)] = {/*isFloat=*/false, result};
  return true;
}

bool StripProgram::addExtract(Operation *op,
                              llvm::DenseMap<Value, Register> &bound,
                              const Context &context) {
  auto extract = cast<tensor::ExtractOp>(op);
  const Array *table = context.captured(extract.getTensor());
  if (!table)
    return false;
  Instruction instruction;
  instruction.opcode = Opcode::Extract;
  instruction.table = *table;
  instruction.origin = op;
  for (Value index : extract.getIndices()) {
    std::optional<Register> reg = lookup(index, bound, context);
    if (!reg)
      return false;
    instruction.indices.push_back(reg->index);
  }
  Register target = addRegister(table->isFloat());
  instruction.target = target.index;
  code.push_back(instruction);
  bound[extract.getResult()] = target;
  return true;
}

bool StripProgram::addOp(Operation *op, llvm::DenseMap<Value, Register> &bound,
                         const Context &context) {
  if (isa<tensor::ExtractOp>(op))
    return addExtract(op, bound, context);
  if (isa<affine::AffineApplyOp>(op))
    return addAffineApply(op, bound, context);
  if (auto index = dyn_cast<linalg::IndexOp>(op)) {
    Register reg = addRegister(/*isFloat=*/false);
    indexRegisters.push_back(
        {static_cast<unsigned>(index.getDim()), reg.index});
    bound[index.getResult()] = reg;
    return true;
  }
  if (isa<arith::ConstantOp>(op)) {
    const Array *array = context.constant(op);
    if (!array || array->count() != 1)
      return false;
    Register reg = addRegister(array->isFloat());
    if (array->isFloat())
      floatConstants.push_back({reg.index, array->floats()[0]});
    else
      intConstants.push_back({reg.index, array->ints()[0]});
    bound[op->getResult(0)] = reg;
    return true;
  }

  Instruction instruction;
  instruction.origin = op;
  SmallVector<Type, 4> operandTypes, resultTypes;
  for (Value operand : op->getOperands())
    operandTypes.push_back(getElementTypeOrSelf(operand.getType()));
  for (Value result : op->getResults())
    resultTypes.push_back(getElementTypeOrSelf(result.getType()));
  if (op->getNumOperands() == 0 || op->getNumResults() == 0)
    return false;
  bool floatResult = !isIntLike(resultTypes[0]);
  if (isa<arith::SelectOp>(op)) {
    instruction.opcode = floatResult ? Opcode::SelectF : Opcode::SelectI;
  } else if (isa<arith::BitcastOp>(op)) {
    bool floatSource = !isIntLike(operandTypes[0]);
    instruction.bitsType = dyn_cast<FloatType>(resultTypes[0]);
    if (floatSource && floatResult) {
      instruction.opcode = Opcode::FloatBits;
      instruction.sourceBitsType = cast<FloatType>(operandTypes[0]);
    } else if (floatSource) {
      instruction.opcode = Opcode::FloatToBits;
      instruction.bitsType = cast<FloatType>(operandTypes[0]);
    } else {
      instruction.opcode = floatResult ? Opcode::BitsToFloat : Opcode::CopyI;
    }
  } else if (std::optional<Opcode> opcode =
                 lookupOpcode(op->getName().getStringRef())) {
    instruction.opcode = *opcode;
  } else {
    return false;
  }
  if (auto compare = dyn_cast<arith::CmpFOp>(op))
    instruction.predicate = static_cast<uint8_t>(compare.getPredicate());
  if (auto compare = dyn_cast<arith::CmpIOp>(op))
    instruction.predicate = static_cast<uint8_t>(compare.getPredicate());

  int *slots[] = {&instruction.a, &instruction.b, &instruction.c};
  for (auto [i, operand] : llvm::enumerate(op->getOperands())) {
    std::optional<Register> reg = lookup(operand, bound, context);
    if (!reg || i >= 3)
      return false;
    *slots[i] = reg->index;
    if (!reg->isFloat)
      instruction.sourceWidth = widthOf(operandTypes[i]);
  }
  if (floatResult)
    instruction.rounding = context.rounding(resultTypes[0]);
  else
    instruction.width = widthOf(resultTypes[0]);
  Register target = addRegister(floatResult);
  instruction.target = target.index;
  bound[op->getResult(0)] = target;
  if (op->getNumResults() == 2) {
    Register second = addRegister(resultTypes[1]);
    instruction.target2 = second.index;
    bound[op->getResult(1)] = second;
  }
  code.push_back(instruction);
  return true;
}

bool StripProgram::addBlock(Block &block,
                            llvm::DenseMap<Value, Register> &bound,
                            const Context &context) {
  for (Operation &op : block.without_terminator())
    if (!addOp(&op, bound, context))
      return false;
  return true;
}

StripState::StripState(const StripProgram &program)
    : floatPool(program.floatCount * kStrip),
      intPool(program.intCount * kStrip) {
  for (int i = 0; i < program.floatCount; ++i)
    floats.push_back(ownFloats(i));
  for (int i = 0; i < program.intCount; ++i)
    ints.push_back(ownInts(i));
  for (auto [index, value] : program.floatConstants)
    std::fill_n(floats[index], kStrip, value);
  for (auto [index, value] : program.intConstants)
    std::fill_n(ints[index], kStrip, value);
}
