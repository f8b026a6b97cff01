//===- RADialect.td - The ra dialect -----------------------*- tablegen -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RA_DIALECT_RA_IR_RADIALECT_TD
#define RA_DIALECT_RA_IR_RADIALECT_TD

include "mlir/IR/DialectBase.td"

def RA_Dialect : Dialect {
  let name = "ra";
  let cppNamespace = "::ra";
  let summary = "attention with reciprocal terms and gates";
  let description = [{
    The `ra` dialect says *what* an attention block computes; it knows nothing
    of hardware. Its ops work on ranked tensors (and, after bufferisation, on
    memrefs) with static or dynamic batch and sequence. Storage is `f32`, `f16`
    or `bf16`; scores, softmax and accumulation are always `f32`.

    Notation, for one batch and one head: `q_i`, `k_j`, `v_j` are rows of the
    query, key and value. `T` is the sequence length, `D` the head dim. A head
    `h` of `Hq` query heads reads key and value head `h / (Hq / Hkv)`
    (grouped heads). All scores are in natural units: the log-sum-exp is the
    natural logarithm, and nothing observable is ever in base 2.

    **`ra.parameter`.** An argument of an entry function with this unit
    attribute does not change between calls. Work that depends on parameters
    alone moves into `@f.prepare` (`--ra-outline-prepare`), which runs once per
    binding of the weights.

    ```mlir
    func.func @project(%x: tensor<2x128x768xf32>,
                       %w: tensor<768x768xf32> {ra.parameter},
                       %init: tensor<2x128x768xf32>) -> tensor<2x128x768xf32> {
      %y = ra.linear ins(%x, %w : tensor<2x128x768xf32>, tensor<768x768xf32>)
                     outs(%init : tensor<2x128x768xf32>) -> tensor<2x128x768xf32>
      return %y : tensor<2x128x768xf32>
    }
    ```
  }];
  let hasOperationAttrVerify = 1;
  let hasRegionArgAttrVerify = 1;
  let useDefaultAttributePrinterParser = 1;
  let extraClassDeclaration = [{
    /// The unit attribute on an entry argument that does not change between
    /// calls.
    static constexpr ::llvm::StringLiteral getParameterAttrName() {
      return ::llvm::StringLiteral("ra.parameter");
    }
  }];
}

#endif // RA_DIALECT_RA_IR_RADIALECT_TD
