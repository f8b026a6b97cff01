//===- RADialect.cpp - The ra dialect ---===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ra/Dialect/RA/IR/RADialect.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "ra/Dialect/RA/IR/RAAttrs.h"
#include "ra/Dialect/RA/IR/RAOps.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace ra;

#include "ra/Dialect/RA/IR/RADialect.cpp.inc"
#include "ra/Dialect/RA/IR/RAEnums.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "ra/Dialect/RA/IR/RAAttrs.cpp.inc"
#define GET_OP_CLASSES
#include "ra/Dialect/RA/IR/RAOps.cpp.inc"

void RADialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "ra/Dialect/RA/IR/RAAttrs.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "ra/Dialect/RA/IR/RAOps.cpp.inc"
      >();
}

LogicalResult RADialect::verifyOperationAttribute(Operation *op,
                                                  NamedAttribute attribute) {
  if (attribute.getName() == getParameterAttrName())
    return op->emitOpError() << "'" << getParameterAttrName()
                             << "' marks a function argument, not an operation";
  return success();
}

LogicalResult RADialect::verifyRegionArgAttribute(Operation *op, unsigned,
                                                  unsigned argIndex,
                                                  NamedAttribute attribute) {
  if (attribute.getName() != getParameterAttrName())
    return success();
  if (!isa<UnitAttr>(attribute.getValue()))
    return op->emitOpError()
           << "argument " << argIndex << ": '" << getParameterAttrName()
           << "' is a unit attribute and takes no value";
  if (!isa<FunctionOpInterface>(op))
    return op->emitOpError()
           << "argument " << argIndex << ": '" << getParameterAttrName()
           << "' marks an argument of a function";
  return success();
}

LogicalResult MaskAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                               MaskKind kind, int64_t window,
                               MaskAlignment alignment) {
  if (kind == MaskKind::Window && window <= 0)
    return emitError() << "a window mask needs a positive size, as in "
                          "#ra.mask<window(256)>";
  if (kind != MaskKind::Window && window != 0)
    return emitError() << "only a window mask has a size";
  if (kind == MaskKind::None && alignment != MaskAlignment::TopLeft)
    return emitError() << "a mask that hides nothing has no alignment";
  return success();
}

SmallVector<int64_t> ra::getLogicalShape(ShapedType type, AffineMap map) {
  SmallVector<int64_t> shape;
  for (unsigned i = 0, e = map.getNumDims(); i < e; ++i)
    shape.push_back(type.getDimSize(getOperandDim(map, i)));
  return shape;
}

unsigned ra::getOperandDim(AffineMap map, unsigned dim) {
  auto position =
      map.getResultPosition(getAffineDimExpr(dim, map.getContext()));
  return position.value_or(dim);
}

SmallVector<SmallVector<int64_t>>
ra::getReciprocalDims(DenseI64ArrayAttr rank, DenseI64ArrayAttr recDims,
                      int64_t numHeads, int64_t headDim) {
  SmallVector<SmallVector<int64_t>> dims(numHeads);
  for (int64_t head = 0; head < numHeads; ++head) {
    int64_t count;
    if (rank)
      count = rank[rank.size() == 1 ? 0 : head];
    else
      count = recDims.size();
    if (recDims && count != 0) {
      dims[head].assign(recDims.asArrayRef().begin(),
                        recDims.asArrayRef().end());
      continue;
    }
    for (int64_t dim = headDim - count; dim < headDim; ++dim)
      dims[head].push_back(dim);
  }
  return dims;
}
