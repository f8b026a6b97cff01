//===- ConstantOps.cpp - arith.constant and quant casts -------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Evaluator.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Quant/IR/Quant.h"
#include "mlir/Dialect/Quant/IR/QuantTypes.h"
#include "mlir/IR/DialectResourceBlobManager.h"

#include <cmath>

using namespace mlir;
using namespace ra::reference;

//===----------------------------------------------------------------------===//
// Constants
//===----------------------------------------------------------------------===//

static int64_t intOf(const APInt &value, Type type) {
  auto integer = dyn_cast<IntegerType>(type);
  bool zeroExtend =
      integer && (integer.getWidth() == 1 || integer.isUnsigned());
  return zeroExtend ? static_cast<int64_t>(value.getZExtValue())
                    : value.getSExtValue();
}

static double doubleOf(APFloat value) {
  bool losesInfo;
  value.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven,
                &losesInfo);
  return value.convertToDouble();
}

/// The runtime's name for an element type whose bytes it can read.
static std::optional<ra::runtime::ElementType> byteType(Type type) {
  using ra::runtime::ElementType;
  if (type.isF64())
    return ElementType::F64;
  if (type.isF32())
    return ElementType::F32;
  if (type.isF16())
    return ElementType::F16;
  if (type.isBF16())
    return ElementType::BF16;
  return std::nullopt;
}

FailureOr<Array> Evaluator::constantArray(Operation *op, Attribute value) {
  if (auto number = dyn_cast<FloatAttr>(value))
    return Array::scalar(number.getValueAsDouble());
  if (auto number = dyn_cast<IntegerAttr>(value))
    return Array::scalar(intOf(number.getValue(), number.getType()));

  auto elements = dyn_cast<ElementsAttr>(value);
  if (!elements || !isa<DenseElementsAttr, DenseResourceElementsAttr>(value)) {
    op->emitError() << "the reference interpreter reads dense and "
                       "dense_resource constants only";
    return failure();
  }
  auto type = cast<ShapedType>(elements.getType());
  Type elementType = type.getElementType();
  FailureOr<Array> array = allocate(op, type.getShape(), elementType);
  if (failed(array))
    return failure();
  int64_t count = array->count();

  ArrayRef<char> bytes;
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(value)) {
    const AsmResourceBlob *blob = resource.getRawHandle().getBlob();
    if (!blob) {
      op->emitError() << "the constant dense_resource<"
                      << resource.getRawHandle().getKey()
                      << "> has no data in this file; was it printed with "
                         "its resources elided?";
      return failure();
    }
    bytes = blob->getData();
    unsigned width = elementType.isIndex()
                         ? 64
                         : std::max(8u, elementType.getIntOrFloatBitWidth());
    if (static_cast<int64_t>(bytes.size()) != count * (width / 8)) {
      op->emitError() << "the constant dense_resource<"
                      << resource.getRawHandle().getKey() << "> has "
                      << bytes.size() << " bytes, but " << type << " needs "
                      << count * (width / 8);
      return failure();
    }
    if (!array->isFloat()) {
      int64_t *target = array->mutableInts();
      for (int64_t i = 0; i < count; ++i) {
        int64_t word = 0;
        std::memcpy(&word, bytes.data() + i * (width / 8), width / 8);
        APInt bits(64, static_cast<uint64_t>(word));
        target[i] = intOf(bits.trunc(std::min(64u, width)), elementType);
        if (elementType.isInteger(1))
          target[i] = target[i] != 0;
      }
      return array;
    }
  } else {
    auto dense = cast<DenseElementsAttr>(value);
    if (!array->isFloat()) {
      int64_t *target = array->mutableInts();
      if (dense.isSplat()) {
        std::fill_n(target, count,
                    intOf(dense.getSplatValue<APInt>(), elementType));
        return array;
      }
      for (const APInt &element : dense.getValues<APInt>())
        *target++ = intOf(element, elementType);
      return array;
    }
    if (dense.isSplat()) {
      std::fill_n(array->mutableFloats(), count,
                  doubleOf(dense.getSplatValue<APFloat>()));
      return array;
    }
    if (!byteType(elementType)) {
      double *target = array->mutableFloats();
      for (const APFloat &element : dense.getValues<APFloat>())
        *target++ = doubleOf(element);
      return array;
    }
    bytes = dense.getRawData();
  }

  std::optional<ra::runtime::ElementType> known = byteType(elementType);
  double *target = array->mutableFloats();
  size_t width = elementType.getIntOrFloatBitWidth() / 8;
  for (int64_t i = 0; i < count; ++i) {
    const char *element = bytes.data() + i * width;
    if (known) {
      target[i] = ra::runtime::loadAsDouble(*known, element);
      continue;
    }
    uint64_t word = 0;
    std::memcpy(&word, element, width);
    target[i] =
        doubleOf(APFloat(cast<FloatType>(elementType).getFloatSemantics(),
                         APInt(width * 8, word)));
  }
  return array;
}

LogicalResult Evaluator::evaluateConstant(arith::ConstantOp op) {
  // In the body of a function a constant is read once; elsewhere perhaps often.
  bool repeated = !isa<func::FuncOp>(op->getParentOp());
  if (repeated) {
    auto found = constants.find(op);
    if (found != constants.end()) {
      set(op.getResult(), found->second);
      return success();
    }
  }
  FailureOr<Array> array = constantArray(op, op.getValue());
  if (failed(array))
    return failure();
  if (repeated)
    constants[op] = *array;
  set(op.getResult(), std::move(*array));
  return success();
}

//===----------------------------------------------------------------------===//
// Quantised types
//===----------------------------------------------------------------------===//

namespace {
/// scale and zero point of the elements along one dim, or of all.
struct QuantScales {
  SmallVector<double> scales;
  SmallVector<int64_t> zeroPoints;
  int64_t inner = 1; ///< Elements that share an entry, one after another.

  QuantScales(quant::QuantizedType type, ArrayRef<int64_t> shape) {
    if (auto perAxis = dyn_cast<quant::UniformQuantizedPerAxisType>(type)) {
      scales.assign(perAxis.getScales().begin(), perAxis.getScales().end());
      zeroPoints.assign(perAxis.getZeroPoints().begin(),
                        perAxis.getZeroPoints().end());
      for (size_t i = perAxis.getQuantizedDimension() + 1; i < shape.size();
           ++i)
        inner *= shape[i];
      return;
    }
    auto uniform = cast<quant::UniformQuantizedType>(type);
    scales.push_back(uniform.getScale());
    zeroPoints.push_back(uniform.getZeroPoint());
  }
  size_t at(int64_t element) const { return (element / inner) % scales.size(); }
};
} // namespace

LogicalResult Evaluator::evaluateQuant(Operation *op) {
  Type fromType = getElementTypeOrSelf(op->getOperand(0).getType());
  Type toType = getElementTypeOrSelf(op->getResult(0).getType());
  bool fromQuant = isa<quant::QuantizedType>(fromType);
  auto type = cast<quant::QuantizedType>(fromQuant ? fromType : toType);
  if (failed(checkType(type, op)))
    return failure();
  Array source = get(op->getOperand(0));
  FailureOr<Array> target = allocate(op, source.shape(), toType);
  if (failed(target))
    return failure();
  int64_t count = source.count();

  if (isa<quant::StorageCastOp>(op)) {
    // The same bits: signless on one side, of the storage's sign on the other.
    unsigned width = type.getStorageTypeIntegralWidth();
    for (int64_t i = 0; i < count; ++i) {
      int64_t value = canonicalInt(source.ints()[i], width);
      if (!fromQuant && !type.isSigned() && width < 64)
        value &= (int64_t(1) << width) - 1;
      target->mutableInts()[i] = value;
    }
    set(op->getResult(0), std::move(*target));
    return success();
  }

  if (auto perAxis = dyn_cast<quant::UniformQuantizedPerAxisType>(type)) {
    int64_t axis = perAxis.getQuantizedDimension();
    int64_t entries = static_cast<int64_t>(perAxis.getScales().size());
    if (axis >= source.rank() || source.dim(axis) != entries)
      return op->emitError()
             << "the type has " << entries << " scales along dim " << axis
             << " but the value is " << extentsString(source.shape());
  }
  QuantScales scales(type, source.shape());
  // Under Precision::Storage the arithmetic is f32.
  Rounding step = isStorage() ? Rounding::to(Float32Type::get(op->getContext()))
                              : Rounding();
  if (isa<quant::DequantizeCastOp>(op)) {
    Rounding rounding = roundingOf(toType);
    double *out = target->mutableFloats();
    for (int64_t i = 0; i < count; ++i) {
      size_t entry = scales.at(i);
      out[i] =
          static_cast<double>(source.ints()[i] - scales.zeroPoints[entry]) *
          step.apply(scales.scales[entry]);
    }
    rounding.apply(out, count);
  } else {
    int64_t *out = target->mutableInts();
    double lowest = static_cast<double>(type.getStorageTypeMin());
    double highest = static_cast<double>(type.getStorageTypeMax());
    for (int64_t i = 0; i < count; ++i) {
      size_t entry = scales.at(i);
      double scaled =
          step.apply(source.floats()[i] / step.apply(scales.scales[entry]));
      double value = std::nearbyint(scaled) +
                     static_cast<double>(scales.zeroPoints[entry]);
      value = std::isnan(value) ? 0 : std::clamp(value, lowest, highest);
      out[i] = static_cast<int64_t>(value);
    }
  }
  set(op->getResult(0), std::move(*target));
  return success();
}
