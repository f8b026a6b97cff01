//===- ra-c/Dialect.h - C API of the ra dialect -------------------*- C -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// In the style of mlir-c, whose functions do the rest: contexts, parsing,
// generic ops, verifying, printing. All of them are in libRA-C.
//
//===----------------------------------------------------------------------===//

#ifndef RA_C_DIALECT_H
#define RA_C_DIALECT_H

#include "mlir-c/IR.h"

#ifdef __cplusplus
extern "C" {
#endif

//===----------------------------------------------------------------------===//
// Registration
//===----------------------------------------------------------------------===//

/// mlirGetDialectHandle__ra__(): the dialect alone, enough to parse, build and
/// print. To bufferise, use raRegisterAllDialects.
MLIR_DECLARE_CAPI_DIALECT_REGISTRATION(RA, ra);

/// Appends ra's dialects and the interface implementations on their ops to
/// `registry`. Upstream's come apart, by mlirRegisterAllDialects of
/// mlir-c/RegisterEverything.h; the pipelines need both.
MLIR_CAPI_EXPORTED void raRegisterAllDialects(MlirDialectRegistry registry);

/// Makes what passes did and refused known to the diagnostic handlers of
/// `context`, as remarks. Fails if remarks are enabled already.
MLIR_CAPI_EXPORTED MlirLogicalResult
raContextEnableRemarks(MlirContext context);

/// "ra.parameter", the unit attribute of an entry's argument that does not
/// change between calls.
MLIR_CAPI_EXPORTED MlirStringRef raParameterAttrName(void);

//===----------------------------------------------------------------------===//
// #ra.mask
//===----------------------------------------------------------------------===//

/// Which keys a query may see; the formulas are in docs/reference/RADialect.md.
typedef enum RaMaskKind {
  RaMaskKindNone = 0,
  RaMaskKindCausal = 1,
  RaMaskKindWindow = 2,
} RaMaskKind;

/// Which corner of the score matrix the diagonal goes through.
typedef enum RaMaskAlignment {
  RaMaskAlignmentTopLeft = 0,
  RaMaskAlignmentBottomRight = 1,
} RaMaskAlignment;

MLIR_CAPI_EXPORTED bool raAttributeIsAMask(MlirAttribute attribute);

/// The mask, in the context of `location`. `window` is the window's size in
/// keys, and 0 for the other kinds. Null, with a diagnostic at `location`, for
/// a combination that is no mask.
MLIR_CAPI_EXPORTED MlirAttribute
raMaskAttrGetChecked(MlirLocation location, RaMaskKind kind, int64_t window,
                     RaMaskAlignment alignment);

MLIR_CAPI_EXPORTED RaMaskKind raMaskAttrGetKind(MlirAttribute mask);
MLIR_CAPI_EXPORTED int64_t raMaskAttrGetWindow(MlirAttribute mask);
MLIR_CAPI_EXPORTED RaMaskAlignment raMaskAttrGetAlignment(MlirAttribute mask);

//===----------------------------------------------------------------------===//
// #ra.rope_style, #ra.gate_split, #ra.gqa
//===----------------------------------------------------------------------===//

/// How dims pair up in a rotation: f with f + rot/2, or 2f with 2f + 1.
typedef enum RaRopeStyle {
  RaRopeStyleHalf = 0,
  RaRopeStyleInterleaved = 1,
} RaRopeStyle;

/// How a gate is shared between the folded query and key: its root on both
/// sides, or all of it on the query's.
typedef enum RaGateSplit {
  RaGateSplitSymmetric = 0,
  RaGateSplitQuery = 1,
} RaGateSplit;

/// What the reciprocal term means when query heads share a key head.
typedef enum RaGroupedMode {
  RaGroupedModeMean = 0,
  RaGroupedModeSlots = 1,
} RaGroupedMode;

MLIR_CAPI_EXPORTED bool raAttributeIsARopeStyle(MlirAttribute attribute);
MLIR_CAPI_EXPORTED bool raAttributeIsAGateSplit(MlirAttribute attribute);
MLIR_CAPI_EXPORTED bool raAttributeIsAGroupedMode(MlirAttribute attribute);

/// Null if the value is none of the enumerators.
MLIR_CAPI_EXPORTED MlirAttribute raRopeStyleAttrGet(MlirContext context,
                                                    RaRopeStyle value);
MLIR_CAPI_EXPORTED MlirAttribute raGateSplitAttrGet(MlirContext context,
                                                    RaGateSplit value);
MLIR_CAPI_EXPORTED MlirAttribute raGroupedModeAttrGet(MlirContext context,
                                                      RaGroupedMode value);

MLIR_CAPI_EXPORTED RaRopeStyle raRopeStyleAttrGetValue(MlirAttribute attribute);
MLIR_CAPI_EXPORTED RaGateSplit raGateSplitAttrGetValue(MlirAttribute attribute);
MLIR_CAPI_EXPORTED RaGroupedMode
raGroupedModeAttrGetValue(MlirAttribute attribute);

#ifdef __cplusplus
}
#endif

#endif // RA_C_DIALECT_H
