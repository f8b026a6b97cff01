//===- InitAll.h - Everything ra registers ----------------------*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What a tool calls to know all of ra. Upstream dialects and passes are
// registered apart, by mlir/InitAllDialects.h and its like.
//
//===----------------------------------------------------------------------===//

#ifndef RA_INITALL_H
#define RA_INITALL_H

#include "mlir/IR/DialectRegistry.h"
#include "ra/Conversion/Pipelines.h"
#include "ra/Dialect/RA/IR/RADialect.h"
#include "ra/Dialect/RA/Transforms/BufferizableOpInterfaceImpl.h"
#include "ra/Dialect/RA/Transforms/Passes.h"
#include "ra/Dialect/RA/Transforms/Pipelines.h"

namespace ra {

/// The dialects of ra and the interface implementations on their ops.
inline void registerAllDialects(mlir::DialectRegistry &registry) {
  registry.insert<RADialect>();
  registerBufferizableOpInterfaceExternalModels(registry);
}

/// The passes and pipelines of ra.
inline void registerAllPasses() {
  registerRATransformsPasses();
  registerCompilePipeline();
  registerConversionPasses();
  registerConversionPipelines();
}

} // namespace ra

#endif // RA_INITALL_H
