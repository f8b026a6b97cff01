//===- RADialect.h - The ra dialect -----------------------------*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RA_DIALECT_RA_IR_RADIALECT_H
#define RA_DIALECT_RA_IR_RADIALECT_H

#include "mlir/IR/Dialect.h"

#include "ra/Dialect/RA/IR/RADialect.h.inc"

#endif // RA_DIALECT_RA_IR_RADIALECT_H
