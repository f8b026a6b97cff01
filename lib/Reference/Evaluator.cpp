//===- Evaluator.cpp - Values in scope, and the way to each op ------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Evaluator.h"

#include "ra/Runtime/Threads.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Quant/IR/Quant.h"
#include "mlir/Dialect/Quant/IR/QuantTypes.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/TypeSwitch.h"

#include <cstdio>
#include <limits>

using namespace mlir;
using namespace ra;
using namespace ra::reference;
using ra::runtime::parallelFor;

Evaluator::Evaluator(const InterpreterOptions &options)
    : options(options), numThreads(options.numThreads) {
  if (numThreads == 0)
    numThreads = std::max(1u, std::thread::hardware_concurrency());
}

Rounding Evaluator::roundingOf(Type type) const {
  auto floatType = dyn_cast<FloatType>(getElementTypeOrSelf(type));
  if (!isStorage() || !floatType)
    return Rounding();
  return Rounding::to(floatType);
}

LogicalResult Evaluator::checkType(Type type, Operation *op) {
  Type element = type;
  if (auto tensor = dyn_cast<RankedTensorType>(type))
    element = tensor.getElementType();
  bool known = false;
  if (auto integer = dyn_cast<IntegerType>(element))
    known = integer.getWidth() >= 1 && integer.getWidth() <= 64;
  else if (auto floatType = dyn_cast<FloatType>(element))
    known = floatType.getWidth() <= 64;
  else
    known = isa<IndexType, quant::UniformQuantizedType,
                quant::UniformQuantizedPerAxisType>(element);
  if (known)
    return success();
  return op->emitError()
         << "the reference interpreter has no values of type " << type
         << "; it takes ranked tensors and scalars of float (at most f64), "
            "integer (at most 64 bits), index and uniform quantised type";
}

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

const Array *Evaluator::find(Value value) const {
  auto found = frame->find(value);
  return found == frame->end() ? nullptr : &found->second;
}

Array Evaluator::get(Value value) const {
  const Array *array = find(value);
  assert(array && "a value was dropped before its last use");
  return *array;
}

void Evaluator::set(Value value, Array array) {
  if (!value.use_empty())
    (*frame)[value] = std::move(array);
}

const Evaluator::BlockUses &Evaluator::lastUses(Block &block) {
  std::unique_ptr<BlockUses> &slot = uses[&block];
  if (slot)
    return *slot;
  slot = std::make_unique<BlockUses>();
  llvm::DenseSet<Value> seen;
  for (Operation &op : llvm::reverse(block)) {
    // Values of this block that the op, or a region of it, reads.
    llvm::SmallMapVector<Value, unsigned, 4> reads;
    llvm::DenseSet<Value> nested;
    op.walk([&](Operation *inner) {
      for (Value operand : inner->getOperands()) {
        if (operand.getParentBlock() != &block || seen.contains(operand))
          continue;
        ++reads[operand];
        if (inner != &op)
          nested.insert(operand);
      }
    });
    for (auto [value, number] : reads) {
      seen.insert(value);
      (*slot)[&op].push_back({value, number == 1 && !nested.contains(value)});
    }
  }
  return *slot;
}

Array Evaluator::take(Operation *op, unsigned operand) {
  Value value = op->getOperand(operand);
  const BlockUses &blockUses = lastUses(*op->getBlock());
  auto found = blockUses.find(op);
  if (found != blockUses.end())
    for (const LastUse &use : found->second)
      if (use.value == value && use.movable)
        return std::move((*frame)[value]);
  return get(value);
}

//===----------------------------------------------------------------------===//
// Memory and checks
//===----------------------------------------------------------------------===//

std::string ra::reference::extentsString(ArrayRef<int64_t> extents) {
  std::string text;
  for (int64_t extent : extents) {
    if (!text.empty())
      text += "x";
    text += std::to_string(extent);
  }
  return text.empty() ? "a scalar" : text;
}

std::string ra::reference::numberString(double value) {
  char text[32];
  std::snprintf(text, sizeof(text), "%g", value);
  return text;
}

FailureOr<Array> Evaluator::allocate(Operation *op, ArrayRef<int64_t> shape,
                                     Type elementType) {
  for (int64_t extent : shape)
    if (extent < 0) {
      op->emitError() << "an extent is negative at run time: "
                      << extentsString(shape);
      return failure();
    }
  std::optional<Array> array = Array::allocate(
      shape, !StripProgram::isIntLike(getElementTypeOrSelf(elementType)));
  if (array)
    return std::move(*array);
  op->emitError() << "no memory for a value of " << extentsString(shape)
                  << " elements (8 bytes each) in the reference interpreter; "
                     "evaluate a smaller batch or sequence";
  return failure();
}

FailureOr<Array> Evaluator::allocatePoison(Operation *op,
                                           ArrayRef<int64_t> shape,
                                           Type elementType) {
  FailureOr<Array> array = allocate(op, shape, elementType);
  if (failed(array))
    return failure();
  if (array->isFloat())
    std::fill_n(array->mutableFloats(), array->count(),
                std::numeric_limits<double>::quiet_NaN());
  else
    std::fill_n(array->mutableInts(), array->count(), int64_t(0));
  return array;
}

LogicalResult Evaluator::own(Operation *op, Array &array) {
  if (array.makeUnique())
    return success();
  return op->emitError() << "no memory to copy a value of "
                         << extentsString(array.shape())
                         << " elements in the reference interpreter";
}

LogicalResult Evaluator::checkShape(Operation *op, StringRef name,
                                    ArrayRef<int64_t> got,
                                    ArrayRef<int64_t> expected) {
  if (got == expected)
    return success();
  return op->emitError() << name << " is " << extentsString(got)
                         << " at run time, expected "
                         << extentsString(expected);
}

LogicalResult Evaluator::checkResultShape(Operation *op, unsigned result,
                                          ArrayRef<int64_t> shape) {
  auto type = cast<ShapedType>(op->getResult(result).getType());
  if (succeeded(verifyCompatibleShape(type.getShape(), shape)))
    return success();
  return op->emitError() << "result " << result << " is "
                         << extentsString(shape)
                         << " at run time, but its type is " << type;
}

LogicalResult Evaluator::report(const StripFault &fault) {
  switch (fault.kind) {
  case StripFault::None:
    return success();
  case StripFault::DivisionByZero:
    return fault.origin->emitError()
           << "integer division by zero at run time, which is undefined";
  case StripFault::OutOfBounds:
    return fault.origin->emitError()
           << "index out of bounds at run time, which is undefined";
  case StripFault::ShiftTooFar:
    return fault.origin->emitError()
           << "shift by the width of the type or more at run time, which is "
              "undefined";
  }
  return failure();
}

LogicalResult Evaluator::unsupported(Operation *op) {
  return op->emitError()
         << "the reference interpreter cannot evaluate '" << op->getName()
         << "'; it supports the ops of ra, func.call, arith, math, tensor "
            "(but scatter, bitcast), linalg's structured ops and softmax, "
            "scf.if, scf.for, affine.apply/min/max and quant casts, on "
            "tensors and scalars";
}

//===----------------------------------------------------------------------===//
// Control
//===----------------------------------------------------------------------===//

FailureOr<SmallVector<Array>> Evaluator::callFunction(func::FuncOp function,
                                                      SmallVector<Array> args,
                                                      Operation *caller) {
  if (function.isExternal()) {
    caller->emitError() << "the reference interpreter needs the body of @"
                        << function.getName()
                        << ", which is declared here without one";
    return failure();
  }
  if (!function.getBody().hasOneBlock()) {
    function.emitError() << "the reference interpreter evaluates functions of "
                            "one block; @"
                         << function.getName()
                         << " has branches: use scf.if and scf.for instead";
    return failure();
  }
  if (depth == 64) {
    caller->emitError() << "calls are nested deeper than 64 in the reference "
                           "interpreter; is @"
                        << function.getName() << " recursive?";
    return failure();
  }
  Frame callee;
  Frame *saved = frame;
  frame = &callee;
  ++depth;
  Block &body = function.getBody().front();
  for (auto [argument, array] : llvm::zip(body.getArguments(), args))
    set(argument, std::move(array));
  args.clear();
  FailureOr<SmallVector<Array>> results = evaluateBlock(body);
  --depth;
  frame = saved;
  return results;
}

FailureOr<SmallVector<Array>> Evaluator::evaluateBlock(Block &block) {
  const BlockUses &blockUses = lastUses(block);
  for (Operation &op : block.without_terminator()) {
    for (Type type : op.getResultTypes())
      if (failed(checkType(type, &op)))
        return failure();
    if (failed(evaluateOp(&op)))
      return failure();
    auto dead = blockUses.find(&op);
    if (dead != blockUses.end())
      for (const LastUse &use : dead->second)
        frame->erase(use.value);
  }
  Operation *terminator = block.getTerminator();
  if (!isa<func::ReturnOp, scf::YieldOp, linalg::YieldOp, tensor::YieldOp>(
          terminator)) {
    (void)unsupported(terminator);
    return failure();
  }
  SmallVector<Array> results;
  for (unsigned i = 0; i < terminator->getNumOperands(); ++i)
    results.push_back(take(terminator, i));
  return results;
}

LogicalResult Evaluator::evaluateOp(Operation *op) {
  if (StripProgram::isScalarOp(op))
    return evaluateElementwise(op);
  if (isa<tensor::TensorDialect>(op->getDialect()))
    return evaluateTensorOp(op);
  return TypeSwitch<Operation *, LogicalResult>(op)
      .Case([&](arith::ConstantOp op) { return evaluateConstant(op); })
      .Case([&](linalg::LinalgOp op) { return evaluateLinalg(op); })
      .Case([&](linalg::SoftmaxOp op) { return evaluateSoftmax(op); })
      .Case([&](linalg::IndexOp op) -> LogicalResult {
        set(op.getResult(), Array::scalar(indexStack.back()[op.getDim()]));
        return success();
      })
      .Case([&](func::CallOp op) { return evaluateCall(op); })
      .Case([&](scf::IfOp op) { return evaluateIf(op); })
      .Case([&](scf::ForOp op) { return evaluateFor(op); })
      .Case<affine::AffineApplyOp, affine::AffineMinOp, affine::AffineMaxOp>(
          [&](auto op) { return evaluateAffine(op); })
      .Case<quant::DequantizeCastOp, quant::QuantizeCastOp,
            quant::StorageCastOp>([&](auto op) { return evaluateQuant(op); })
      .Case([&](LinearOp op) { return evaluateLinear(op); })
      .Case([&](RopeOp op) { return evaluateRope(op); })
      .Case([&](AttentionOp op) { return evaluateAttention(op); })
      .Case([&](ReciprocalAttentionOp op) {
        return evaluateReciprocalAttention(op);
      })
      .Case([&](FoldWeightsOp op) { return evaluateFoldWeights(op); })
      .Default([&](Operation *op) { return unsupported(op); });
}

LogicalResult Evaluator::evaluateCall(func::CallOp op) {
  auto callee = SymbolTable::lookupNearestSymbolFrom<func::FuncOp>(
      op, op.getCalleeAttr());
  if (!callee)
    return op.emitError() << "no function @" << op.getCallee();
  SmallVector<Array> args;
  for (unsigned i = 0; i < op->getNumOperands(); ++i)
    args.push_back(take(op, i));
  FailureOr<SmallVector<Array>> results =
      callFunction(callee, std::move(args), op);
  if (failed(results))
    return failure();
  for (auto [result, array] : llvm::zip(op.getResults(), *results))
    set(result, std::move(array));
  return success();
}

LogicalResult Evaluator::evaluateIf(scf::IfOp op) {
  bool condition = get(op.getCondition()).asInt() != 0;
  Region &region = condition ? op.getThenRegion() : op.getElseRegion();
  if (region.empty())
    return success();
  FailureOr<SmallVector<Array>> results = evaluateBlock(region.front());
  if (failed(results))
    return failure();
  for (auto [result, array] : llvm::zip(op.getResults(), *results))
    set(result, std::move(array));
  return success();
}

LogicalResult Evaluator::evaluateFor(scf::ForOp op) {
  int64_t lower = get(op.getLowerBound()).asInt();
  int64_t upper = get(op.getUpperBound()).asInt();
  int64_t step = get(op.getStep()).asInt();
  if (step <= 0)
    return op.emitError() << "the step is " << step
                          << " at run time; it must be positive";
  bool isUnsigned = op.getUnsignedCmp();
  auto runs = [&](int64_t index) {
    return isUnsigned
               ? static_cast<uint64_t>(index) < static_cast<uint64_t>(upper)
               : index < upper;
  };
  SmallVector<Array> carried;
  for (OpOperand &init : op.getInitArgsMutable())
    carried.push_back(take(op, init.getOperandNumber()));
  Block *body = op.getBody();
  for (int64_t index = lower; runs(index);) {
    set(op.getInductionVar(), Array::scalar(index));
    for (auto [argument, array] : llvm::zip(op.getRegionIterArgs(), carried))
      set(argument, std::move(array));
    carried.clear();
    FailureOr<SmallVector<Array>> results = evaluateBlock(*body);
    if (failed(results))
      return failure();
    carried = std::move(*results);
    if (__builtin_add_overflow(index, step, &index))
      break;
  }
  for (auto [result, array] : llvm::zip(op.getResults(), carried))
    set(result, std::move(array));
  return success();
}

std::optional<int64_t>
ra::reference::evaluateAffineExpr(AffineExpr expr, ArrayRef<int64_t> dims,
                                  ArrayRef<int64_t> symbols) {
  switch (expr.getKind()) {
  case AffineExprKind::Constant:
    return cast<AffineConstantExpr>(expr).getValue();
  case AffineExprKind::DimId:
    return dims[cast<AffineDimExpr>(expr).getPosition()];
  case AffineExprKind::SymbolId:
    return symbols[cast<AffineSymbolExpr>(expr).getPosition()];
  default:
    break;
  }
  auto binary = cast<AffineBinaryOpExpr>(expr);
  std::optional<int64_t> left =
      evaluateAffineExpr(binary.getLHS(), dims, symbols);
  std::optional<int64_t> right =
      evaluateAffineExpr(binary.getRHS(), dims, symbols);
  if (!left || !right)
    return std::nullopt;
  // Through unsigned: a sum or product that overflows wraps.
  uint64_t a = static_cast<uint64_t>(*left), b = static_cast<uint64_t>(*right);
  if (expr.getKind() == AffineExprKind::Add)
    return static_cast<int64_t>(a + b);
  if (expr.getKind() == AffineExprKind::Mul)
    return static_cast<int64_t>(a * b);
  // The affine dialect defines division for positive divisors only.
  if (*right <= 0)
    return std::nullopt;
  int64_t quotient = *left / *right, remainder = *left % *right;
  switch (expr.getKind()) {
  case AffineExprKind::FloorDiv:
    return remainder < 0 ? quotient - 1 : quotient;
  case AffineExprKind::CeilDiv:
    return remainder > 0 ? quotient + 1 : quotient;
  default:
    return remainder < 0 ? remainder + *right : remainder;
  }
}

LogicalResult Evaluator::evaluateAffine(Operation *op) {
  AffineMap map =
      TypeSwitch<Operation *, AffineMap>(op)
          .Case<affine::AffineApplyOp, affine::AffineMinOp,
                affine::AffineMaxOp>([](auto op) { return op.getAffineMap(); });
  SmallVector<int64_t> operands;
  for (Value operand : op->getOperands())
    operands.push_back(get(operand).asInt());
  ArrayRef<int64_t> all(operands);
  std::optional<int64_t> best;
  for (AffineExpr expr : map.getResults()) {
    std::optional<int64_t> value =
        evaluateAffineExpr(expr, all.take_front(map.getNumDims()),
                           all.drop_front(map.getNumDims()));
    if (!value)
      return op->emitError() << "division by zero or a negative number at run "
                                "time, which is undefined";
    if (!best)
      best = value;
    else if (isa<affine::AffineMinOp>(op))
      best = std::min(*best, *value);
    else
      best = std::max(*best, *value);
  }
  set(op->getResult(0), Array::scalar(*best));
  return success();
}

//===----------------------------------------------------------------------===//
// Elementwise ops on scalars and tensors
//===----------------------------------------------------------------------===//

LogicalResult Evaluator::evaluateElementwise(Operation *op) {
  std::unique_ptr<StripProgram> &slot = programs[op];
  // The registers are numbered in the order of the distinct operands, then the
  // results: bound again here instead of being kept.
  llvm::DenseMap<Value, Register> bound;
  int floatRegisters = 0, intRegisters = 0;
  auto bind = [&](Value value) {
    bool isInt = StripProgram::isIntLike(getElementTypeOrSelf(value.getType()));
    Register reg{!isInt, isInt ? intRegisters++ : floatRegisters++};
    bound[value] = reg;
    return reg;
  };
  SmallVector<std::pair<unsigned, Register>, 3> inputs;
  for (auto [i, operand] : llvm::enumerate(op->getOperands()))
    if (!bound.contains(operand))
      inputs.push_back({i, bind(operand)});
  if (!slot) {
    slot = std::make_unique<StripProgram>();
    for (auto [i, reg] : inputs)
      slot->addRegister(reg.isFloat);
    llvm::DenseMap<Value, Register> building = bound;
    if (!slot->addOp(op, building, stripContext())) {
      slot.reset();
      return unsupported(op);
    }
  }
  const StripProgram &program = *slot;
  SmallVector<Register, 2> results;
  for (Value result : op->getResults())
    results.push_back(bind(result));

  // The shape is that of the tensor operands; a scalar condition of a select
  // goes to every element.
  SmallVector<Array, 3> arrays;
  SmallVector<bool, 3> spread;
  bool tensorResult = isa<ShapedType>(op->getResult(0).getType());
  std::optional<unsigned> shaped;
  for (auto [slotIndex, input] : llvm::enumerate(inputs)) {
    arrays.push_back(take(op, input.first));
    bool isTensor = isa<ShapedType>(op->getOperand(input.first).getType());
    spread.push_back(tensorResult && !isTensor);
    if (!isTensor)
      continue;
    if (!shaped)
      shaped = slotIndex;
    else if (failed(checkShape(op, "an operand", arrays.back().shape(),
                               arrays[*shaped].shape())))
      return failure();
  }
  Extents shape;
  if (shaped)
    shape.assign(arrays[*shaped].shape().begin(),
                 arrays[*shaped].shape().end());

  // A large operand that dies here lends its memory to the result.
  SmallVector<Array, 2> outputs;
  for (auto [i, reg] : llvm::enumerate(results)) {
    const Array *lender = nullptr;
    if (shaped && op->getNumResults() == 1)
      for (const Array &candidate : arrays)
        if (candidate.isFloat() == reg.isFloat && candidate.isUnique() &&
            candidate.shape() == ArrayRef<int64_t>(shape))
          lender = &candidate;
    if (lender) {
      outputs.push_back(*lender);
      continue;
    }
    FailureOr<Array> fresh = allocate(op, shape, op->getResult(i).getType());
    if (failed(fresh))
      return failure();
    outputs.push_back(std::move(*fresh));
  }
  int64_t count = outputs[0].count();
  SmallVector<void *, 2> memory;
  for (Array &output : outputs)
    // Shared with the operand that lends it, and with nothing else.
    memory.push_back(const_cast<void *>(
        output.isFloat() ? static_cast<const void *>(output.floats())
                         : static_cast<const void *>(output.ints())));

  constexpr int64_t kTask = kStrip * 64;
  int64_t tasks = (count + kTask - 1) / kTask;
  std::atomic<int> faultKind{StripFault::None};
  parallelFor(tasks, numThreads, [&](int64_t task) {
    StripState state(program);
    for (auto [slotIndex, input] : llvm::enumerate(inputs)) {
      if (!spread[slotIndex])
        continue;
      const Array &array = arrays[slotIndex];
      int index = input.second.index;
      if (array.isFloat())
        std::fill_n(state.ownFloats(index), kStrip, array.floats()[0]);
      else
        std::fill_n(state.ownInts(index), kStrip, array.ints()[0]);
    }
    int64_t end = std::min(count, (task + 1) * kTask);
    for (int64_t begin = task * kTask; begin < end; begin += kStrip) {
      // A program only reads what its inputs point at.
      for (auto [slotIndex, input] : llvm::enumerate(inputs)) {
        if (spread[slotIndex])
          continue;
        const Array &array = arrays[slotIndex];
        if (array.isFloat())
          state.floats[input.second.index] =
              const_cast<double *>(array.floats()) + begin;
        else
          state.ints[input.second.index] =
              const_cast<int64_t *>(array.ints()) + begin;
      }
      for (auto [reg, target] : llvm::zip(results, memory)) {
        if (reg.isFloat)
          state.floats[reg.index] = static_cast<double *>(target) + begin;
        else
          state.ints[reg.index] = static_cast<int64_t *>(target) + begin;
      }
      StripFault fault = program.run(state, std::min(kStrip, end - begin));
      if (fault.kind != StripFault::None)
        faultKind = fault.kind;
    }
  });
  if (faultKind != StripFault::None)
    return report({static_cast<StripFault::Kind>(faultKind.load()), op});
  arrays.clear();
  for (auto [result, output] : llvm::zip(op->getResults(), outputs))
    set(result, std::move(output));
  return success();
}

StripProgram::Context Evaluator::stripContext() {
  StripProgram::Context context;
  context.rounding = [this](Type type) { return roundingOf(type); };
  context.captured = [this](Value value) { return find(value); };
  context.constant = [this](Operation *op) -> const Array * {
    auto found = constants.find(op);
    if (found != constants.end())
      return &found->second;
    FailureOr<Array> array =
        constantArray(op, cast<arith::ConstantOp>(op).getValue());
    if (failed(array))
      return nullptr;
    return &(constants[op] = std::move(*array));
  };
  return context;
}
