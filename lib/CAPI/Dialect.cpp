//===- Dialect.cpp - C API of the ra dialect ------------------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ra-c/Dialect.h"

#include "mlir/CAPI/IR.h"
#include "mlir/CAPI/Registration.h"
#include "mlir/CAPI/Support.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/Remarks.h"
#include "ra/Dialect/RA/IR/RAAttrs.h"
#include "ra/InitAll.h"

using namespace mlir;
using namespace ra;

MLIR_DEFINE_CAPI_DIALECT_REGISTRATION(RA, ra, RADialect)

void raRegisterAllDialects(MlirDialectRegistry registry) {
  ra::registerAllDialects(*unwrap(registry));
}

MlirLogicalResult raContextEnableRemarks(MlirContext context) {
  MLIRContext &ctx = *unwrap(context);
  if (ctx.getRemarkEngine())
    return wrap(failure());
  // A kind of remark whose own filter is not set is off, whatever `all` says.
  std::string any = ".*";
  remark::RemarkCategories categories = {any, any, any, any, any};
  return wrap(remark::enableOptimizationRemarks(
      ctx, nullptr, std::make_unique<remark::RemarkEmittingPolicyAll>(),
      categories, /*printAsEmitRemarks=*/true));
}

MlirStringRef raParameterAttrName() {
  return wrap(RADialect::getParameterAttrName());
}

//===----------------------------------------------------------------------===//
// Attributes
//===----------------------------------------------------------------------===//

// The enumerators of C are those of TableGen.
static_assert(RaMaskKindNone == static_cast<int>(MaskKind::None) &&
              RaMaskKindCausal == static_cast<int>(MaskKind::Causal) &&
              RaMaskKindWindow == static_cast<int>(MaskKind::Window));
static_assert(RaMaskAlignmentTopLeft ==
                  static_cast<int>(MaskAlignment::TopLeft) &&
              RaMaskAlignmentBottomRight ==
                  static_cast<int>(MaskAlignment::BottomRight));
static_assert(RaRopeStyleHalf == static_cast<int>(RopeStyle::Half) &&
              RaRopeStyleInterleaved ==
                  static_cast<int>(RopeStyle::Interleaved));
static_assert(RaGateSplitSymmetric == static_cast<int>(GateSplit::Symmetric) &&
              RaGateSplitQuery == static_cast<int>(GateSplit::Query));
static_assert(RaGroupedModeMean == static_cast<int>(GroupedMode::Mean) &&
              RaGroupedModeSlots == static_cast<int>(GroupedMode::Slots));

bool raAttributeIsAMask(MlirAttribute attribute) {
  return isa_and_nonnull<MaskAttr>(unwrap(attribute));
}

MlirAttribute raMaskAttrGetChecked(MlirLocation location, RaMaskKind kind,
                                   int64_t window, RaMaskAlignment alignment) {
  Location loc = unwrap(location);
  std::optional<MaskKind> maskKind = symbolizeMaskKind(kind);
  std::optional<MaskAlignment> maskAlignment =
      symbolizeMaskAlignment(alignment);
  if (!maskKind || !maskAlignment) {
    emitError(loc) << "no such kind or alignment of a mask";
    return MlirAttribute{nullptr};
  }
  MLIRContext *context = loc.getContext();
  context->getOrLoadDialect<RADialect>();
  return wrap(
      Attribute(MaskAttr::getChecked([=] { return emitError(loc); }, context,
                                     *maskKind, window, *maskAlignment)));
}

RaMaskKind raMaskAttrGetKind(MlirAttribute mask) {
  return static_cast<RaMaskKind>(cast<MaskAttr>(unwrap(mask)).getKind());
}

int64_t raMaskAttrGetWindow(MlirAttribute mask) {
  return cast<MaskAttr>(unwrap(mask)).getWindow();
}

RaMaskAlignment raMaskAttrGetAlignment(MlirAttribute mask) {
  return static_cast<RaMaskAlignment>(
      cast<MaskAttr>(unwrap(mask)).getAlignment());
}

/// The attribute `AttrTy` of an enumerator, null if there is none.
template <typename AttrTy, typename EnumTy>
static MlirAttribute getEnumAttr(MlirContext context,
                                 std::optional<EnumTy> value) {
  if (!value)
    return MlirAttribute{nullptr};
  MLIRContext *ctx = unwrap(context);
  ctx->getOrLoadDialect<RADialect>();
  return wrap(Attribute(AttrTy::get(ctx, *value)));
}

bool raAttributeIsARopeStyle(MlirAttribute attribute) {
  return isa_and_nonnull<RopeStyleAttr>(unwrap(attribute));
}

bool raAttributeIsAGateSplit(MlirAttribute attribute) {
  return isa_and_nonnull<GateSplitAttr>(unwrap(attribute));
}

bool raAttributeIsAGroupedMode(MlirAttribute attribute) {
  return isa_and_nonnull<GroupedModeAttr>(unwrap(attribute));
}

MlirAttribute raRopeStyleAttrGet(MlirContext context, RaRopeStyle value) {
  return getEnumAttr<RopeStyleAttr>(context, symbolizeRopeStyle(value));
}

MlirAttribute raGateSplitAttrGet(MlirContext context, RaGateSplit value) {
  return getEnumAttr<GateSplitAttr>(context, symbolizeGateSplit(value));
}

MlirAttribute raGroupedModeAttrGet(MlirContext context, RaGroupedMode value) {
  return getEnumAttr<GroupedModeAttr>(context, symbolizeGroupedMode(value));
}

RaRopeStyle raRopeStyleAttrGetValue(MlirAttribute attribute) {
  return static_cast<RaRopeStyle>(
      cast<RopeStyleAttr>(unwrap(attribute)).getValue());
}

RaGateSplit raGateSplitAttrGetValue(MlirAttribute attribute) {
  return static_cast<RaGateSplit>(
      cast<GateSplitAttr>(unwrap(attribute)).getValue());
}

RaGroupedMode raGroupedModeAttrGetValue(MlirAttribute attribute) {
  return static_cast<RaGroupedMode>(
      cast<GroupedModeAttr>(unwrap(attribute)).getValue());
}
