//===- RAAttrs.td - Enums and attributes of the ra dialect -*- tablegen -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RA_DIALECT_RA_IR_RAATTRS_TD
#define RA_DIALECT_RA_IR_RAATTRS_TD

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"
include "ra/Dialect/RA/IR/RADialect.td"

//===----------------------------------------------------------------------===//
// Enums
//===----------------------------------------------------------------------===//

class RA_Enum<string name, string summary, list<I32EnumAttrCase> cases>
    : I32EnumAttr<name, summary, cases> {
  let cppNamespace = "::ra";
  let genSpecializedAttr = 0;
}

def RA_MaskKind : RA_Enum<"MaskKind", "which keys a query may see", [
  I32EnumAttrCase<"None", 0, "none">,
  I32EnumAttrCase<"Causal", 1, "causal">,
  I32EnumAttrCase<"Window", 2, "window">]>;

def RA_MaskAlignment : RA_Enum<"MaskAlignment",
    "which corner of the score matrix the diagonal goes through", [
  I32EnumAttrCase<"TopLeft", 0, "top_left">,
  I32EnumAttrCase<"BottomRight", 1, "bottom_right">]>;

def RA_RopeStyle : RA_Enum<"RopeStyle", "how dims pair up in a rotation", [
  I32EnumAttrCase<"Half", 0, "half">,
  I32EnumAttrCase<"Interleaved", 1, "interleaved">]>;

def RA_GateSplit : RA_Enum<"GateSplit",
    "how a gate is shared between the folded query and key", [
  I32EnumAttrCase<"Symmetric", 0, "symmetric">,
  I32EnumAttrCase<"Query", 1, "query">]>;

def RA_GroupedMode : RA_Enum<"GroupedMode",
    "what the reciprocal term means when query heads share a key head", [
  I32EnumAttrCase<"Mean", 0, "mean">,
  I32EnumAttrCase<"Slots", 1, "slots">]>;

//===----------------------------------------------------------------------===//
// Attributes
//===----------------------------------------------------------------------===//

class RA_Attr<string name, string attrMnemonic>
    : AttrDef<RA_Dialect, name> {
  let mnemonic = attrMnemonic;
}

def RA_RopeStyleAttr : EnumAttr<RA_Dialect, RA_RopeStyle, "rope_style"> {
  let summary = "how dims pair up in a rotation";
  let description = [{
    `half`: dims `f` and `f + rot/2` turn together. `interleaved`: dims `2f` and
    `2f + 1`. See `ra.rope`.
  }];
  let assemblyFormat = "`<` $value `>`";
}
def RA_GateSplitAttr : EnumAttr<RA_Dialect, RA_GateSplit, "gate_split"> {
  let summary = "how a gate is shared between the folded query and key";
  let description = [{
    `symmetric`: both sides are multiplied by the square root of the gate, so a
    gate must not be negative. `query`: the query side takes the whole gate, any
    sign, and the gate keeps a finite gradient at 0.
  }];
  let assemblyFormat = "`<` $value `>`";
}
def RA_GroupedModeAttr : EnumAttr<RA_Dialect, RA_GroupedMode, "gqa"> {
  let summary = "the reciprocal term under grouped heads";
  let description = [{
    `mean`: the reciprocal term of head `h` uses the mean of the low query dims
    over the group that shares `h`'s key head; no extra cost, another model.
    `slots`: it uses head `h`'s own low query dims; exact, and the folded head
    dim grows to `D - R + G * R` for groups of `G` heads.
  }];
  let assemblyFormat = "`<` $value `>`";
}

def RA_MaskAttr : RA_Attr<"Mask", "mask"> {
  let summary = "which keys a query may see";
  let description = [{
    With `p(i) = i + delta + query_offset` the position of query row `i` on the
    key axis, where `delta` is 0 for `top_left` (the default) and `Tk - Tq` for
    `bottom_right`:

    * `none`: every key is visible.
    * `causal`: key `j` is visible iff `j <= p(i)`.
    * `window(W)`: key `j` is visible iff `p(i) - W < j <= p(i)`.

    ```mlir
    func.func private @masks() attributes {
      a = #ra.mask<none>, b = #ra.mask<causal>,
      c = #ra.mask<causal, bottom_right>, d = #ra.mask<window(256)>}
    ```
  }];
  let parameters = (ins
    EnumParameter<RA_MaskKind>:$kind,
    DefaultValuedParameter<"int64_t", "0", "window size in keys">:$window,
    DefaultValuedParameter<"::ra::MaskAlignment",
                           "::ra::MaskAlignment::TopLeft">:$alignment);
  let builders = [
    AttrBuilder<(ins CArg<"::ra::MaskKind", "::ra::MaskKind::None">:$kind,
                     CArg<"int64_t", "0">:$window), [{
      return $_get($_ctxt, kind, window, ::ra::MaskAlignment::TopLeft);
    }]>];
  let assemblyFormat =
      "`<` $kind (`` `(` $window^ `)`)? (`,` $alignment^)? `>`";
  let genVerifyDecl = 1;
  // What a default of an op's attribute is built from: a kind.
  let constBuilderCall = "::ra::MaskAttr::get($_builder.getContext(), $0)";
  let extraClassDeclaration = [{
    bool isNone() const { return getKind() == ::ra::MaskKind::None; }
    bool isBottomRight() const {
      return getAlignment() == ::ra::MaskAlignment::BottomRight;
    }
  }];
}

#endif // RA_DIALECT_RA_IR_RAATTRS_TD
