//===- Interpreter.cpp - The reference interpreter of modules -------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ra/Reference/Interpreter.h"

#include "Evaluator.h"

#include <cstring>

using namespace mlir;
using namespace ra;
using namespace ra::reference;

using runtime::ElementType;
using runtime::Tensor;

/// The type of the tensors that hold values of `type`; nothing for a float type
/// that tensors do not know.
static std::optional<ElementType> tensorType(Type type) {
  if (type.isF64())
    return ElementType::F64;
  if (type.isF32())
    return ElementType::F32;
  if (type.isF16())
    return ElementType::F16;
  if (type.isBF16())
    return ElementType::BF16;
  auto integer = dyn_cast<IntegerType>(type);
  if (!integer)
    return isa<FloatType>(type) ? std::nullopt
                                : std::optional(ElementType::I64);
  bool isUnsigned = integer.isUnsigned();
  if (integer.getWidth() == 1)
    return ElementType::I1;
  if (integer.getWidth() <= 8)
    return isUnsigned ? ElementType::U8 : ElementType::I8;
  if (integer.getWidth() <= 16)
    return isUnsigned ? ElementType::U16 : ElementType::I16;
  if (integer.getWidth() <= 32)
    return isUnsigned ? ElementType::U32 : ElementType::I32;
  return isUnsigned ? ElementType::U64 : ElementType::I64;
}

/// "argument #1 ('%x')" is how users find it; the name is not in the IR.
static InFlightDiagnostic argumentError(func::FuncOp entry, unsigned index) {
  return mlir::emitError(entry.getArgument(index).getLoc())
         << "argument #" << index << " of @" << entry.getName() << " ";
}

static FailureOr<Array> readArgument(func::FuncOp entry, unsigned index,
                                     const Tensor &tensor,
                                     const Evaluator &evaluator) {
  Type type = entry.getArgument(index).getType();
  Type element = getElementTypeOrSelf(type);
  if (failed(Evaluator::checkType(type, entry)))
    return failure();
  SmallVector<int64_t> declared;
  if (auto shaped = dyn_cast<ShapedType>(type))
    declared.assign(shaped.getShape().begin(), shaped.getShape().end());
  SmallVector<int64_t> shape(tensor.shape().begin(), tensor.shape().end());
  if (failed(verifyCompatibleShape(declared, shape))) {
    argumentError(entry, index)
        << "is " << type << " but was given "
        << runtime::shapeString(tensor.shape(), tensor.elementType());
    return failure();
  }
  bool isInt = StripProgram::isIntLike(element);
  if (isInt == runtime::isFloat(tensor.elementType())) {
    argumentError(entry, index)
        << "is " << type << " but was given "
        << runtime::shapeString(tensor.shape(), tensor.elementType())
        << "; floats take floats and integers take integers";
    return failure();
  }
  std::optional<Array> array = Array::allocate(shape, !isInt);
  if (!array) {
    argumentError(entry, index)
        << "does not fit into memory in the reference interpreter";
    return failure();
  }
  if (!isInt) {
    // Rounded once from what was given, not by way of f32.
    std::optional<ElementType> storage = tensorType(element);
    if (evaluator.isStorage() && storage) {
      runtime::Expected<Tensor> rounded = tensor.convertTo(*storage);
      if (!rounded) {
        argumentError(entry, index) << "cannot be read: " << rounded.message();
        return failure();
      }
      rounded->readDoubles(0, array->count(), array->mutableFloats());
    } else {
      tensor.readDoubles(0, array->count(), array->mutableFloats());
      evaluator.roundingOf(element).apply(array->mutableFloats(),
                                          array->count());
    }
    return std::move(*array);
  }
  runtime::Expected<Tensor> words = tensor.convertTo(ElementType::I64);
  if (!words) {
    argumentError(entry, index) << "cannot be read: " << words.message();
    return failure();
  }
  if (array->count())
    std::memcpy(array->mutableInts(), words->data(),
                static_cast<size_t>(array->count()) * sizeof(int64_t));
  auto integer = dyn_cast<IntegerType>(element);
  if (integer && !integer.isUnsigned())
    for (int64_t i = 0; i < array->count(); ++i)
      array->mutableInts()[i] =
          canonicalInt(array->ints()[i], integer.getWidth());
  return std::move(*array);
}

static FailureOr<Tensor> writeResult(func::FuncOp entry, Type type,
                                     const Array &array,
                                     const Evaluator &evaluator) {
  std::optional<ElementType> known = tensorType(getElementTypeOrSelf(type));
  ElementType target = known.value_or(ElementType::F32);
  if (array.isFloat() && !evaluator.isStorage())
    target = ElementType::F64;
  runtime::Expected<Tensor> tensor = Tensor::create(
      runtime::Shape(array.shape().begin(), array.shape().end()), target);
  if (tensor && array.isFloat()) {
    tensor->writeDoubles(0, array.count(), array.floats());
    return std::move(*tensor);
  }
  if (tensor) {
    runtime::Expected<Tensor> words =
        Tensor::create(tensor->shape(), ElementType::I64);
    if (words) {
      if (array.count())
        std::memcpy(words->mutableData(), array.ints(),
                    static_cast<size_t>(array.count()) * sizeof(int64_t));
      tensor = words->convertTo(target);
      if (tensor)
        return std::move(*tensor);
    }
  }
  entry.emitError() << "a result of @" << entry.getName()
                    << " does not fit into memory";
  return failure();
}

FailureOr<SmallVector<Tensor>>
ra::reference::evaluate(func::FuncOp entry, ArrayRef<Tensor> args,
                        const InterpreterOptions &options) {
  if (args.size() != entry.getNumArguments()) {
    entry.emitError() << "@" << entry.getName() << " takes "
                      << entry.getNumArguments() << " arguments but was given "
                      << args.size();
    return failure();
  }
  Evaluator evaluator(options);
  SmallVector<Array> arrays;
  for (unsigned i = 0; i < args.size() && !entry.isExternal(); ++i) {
    FailureOr<Array> array = readArgument(entry, i, args[i], evaluator);
    if (failed(array))
      return failure();
    arrays.push_back(std::move(*array));
  }
  FailureOr<SmallVector<Array>> results =
      evaluator.callFunction(entry, std::move(arrays), entry);
  if (failed(results))
    return failure();
  SmallVector<Tensor> tensors;
  for (auto [array, type] :
       llvm::zip(*results, entry.getFunctionType().getResults())) {
    FailureOr<Tensor> tensor = writeResult(entry, type, array, evaluator);
    if (failed(tensor))
      return failure();
    tensors.push_back(std::move(*tensor));
  }
  return tensors;
}
