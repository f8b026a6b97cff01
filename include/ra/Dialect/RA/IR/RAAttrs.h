//===- RAAttrs.h - Enums and attributes of the ra dialect -------*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RA_DIALECT_RA_IR_RAATTRS_H
#define RA_DIALECT_RA_IR_RAATTRS_H

#include "mlir/IR/Attributes.h"
#include "mlir/IR/BuiltinAttributes.h"

#include "ra/Dialect/RA/IR/RAEnums.h.inc"
#define GET_ATTRDEF_CLASSES
#include "ra/Dialect/RA/IR/RAAttrs.h.inc"

#endif // RA_DIALECT_RA_IR_RAATTRS_H
