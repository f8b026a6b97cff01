//===- RAOps.td - Operations of the ra dialect -------------*- tablegen -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RA_DIALECT_RA_IR_RAOPS_TD
#define RA_DIALECT_RA_IR_RAOPS_TD

include "mlir/IR/BuiltinAttributes.td"
include "mlir/IR/OpBase.td"
include "mlir/Interfaces/DestinationStyleOpInterface.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "mlir/Interfaces/TilingInterface.td"
include "ra/Dialect/RA/IR/RAAttrs.td"

class RA_Op<string mnemonic, list<Trait> traits = []>
    : Op<RA_Dialect, mnemonic, traits>;

// A destination-style op: on tensors it has one result per init and no effects;
// on memrefs it reads its inputs, writes its inits and has no results.
class RA_DestinationOp<string mnemonic, list<Trait> traits = []>
    : RA_Op<mnemonic, [
        DestinationStyleOpInterface,
        DeclareOpInterfaceMethods<ReifyRankedShapedTypeOpInterface,
                                  ["reifyResultShapes"]>,
        DeclareOpInterfaceMethods<MemoryEffectsOpInterface, ["getEffects"]>,
        DeclareOpInterfaceMethods<ConditionallySpeculatable>] # traits>;

// The storage types of activations and weights.
def RA_Float : AnyTypeOf<[F16, BF16, F32]>;
def RA_Shaped : AnyTypeOf<[RankedTensorOf<[RA_Float]>,
                           MemRefRankOf<[RA_Float], [1, 2, 3, 4, 5, 6]>],
                          "ranked tensor or memref of f32, f16 or bf16">;
def RA_Tensor : RankedTensorOf<[RA_Float]>;
def RA_Results : Variadic<RankedTensorOf<[RA_Float]>>;

//===----------------------------------------------------------------------===//
// ra.linear
//===----------------------------------------------------------------------===//

def RA_LinearOp : RA_DestinationOp<"linear", [
    DeclareOpInterfaceMethods<TilingInterface,
      ["getLoopIteratorTypes", "getIterationDomain", "getTiledImplementation",
       "getResultTilePosition", "generateResultTileValue"]>]> {
  let summary = "linear projection: y = x W^T (+ b)";
  let description = [{
    With leading dims `m...`, output dims `n...` and input channels `c`:

        y[m..., n...] = sum_c x[m..., c] * W[n..., c]  (+ b[n...])

    The sum is accumulated in `f32` and rounded once to the type of `y`. The
    weight is stored as rows of outputs, `[n..., c]`, as PyTorch's `Linear` and
    GPT-2's transposed `Conv1D` have it.

    `indexing_maps`, when given, are two permutations from the iteration dims
    to the operand dims: the first from `(m..., c)` to the dims of `x`, the
    second from `(m..., n...)` to the dims of `y`. Elided when both are
    identities. A projection can thus write `[3, B, H, T, D]` directly from a
    weight of shape `[3, H, D, C]`.

    With `panel = P` the weight is stored in *panels* of `P` outputs, as kernels
    read it: `W[n..., c]` is element `[n'..., n / P, c, n mod P]` of an operand
    of shape `[n'..., ceil(N / P), C, P]`, where `n` is the last output dim, `N`
    its extent in `y`, and `n'` the other output dims. Elements beyond `N` are
    never used. Passes that know a machine introduce it (`ra-pack-weights`).

    Constraints:

    * (C1) `W` has rank 2 or more (3 or more in panels), `x` and `W` rank 1 or
      more leading dims.
    * (C2) `x`'s channels equal `W`'s last dim.
    * (C3) `y` has the dims `m..., n...` (through its map).
    * (C4) `b` has the shape `n...`.
    * (C5) `indexing_maps` are two permutations of the right ranks.
    * (C6) `x`, `W` and `b` have one element type; `y` has that type or `f32`.
    * (C7) a panel is positive, `N` static, and the weight stored as said above.

    ```mlir
    func.func @linear(%x: tensor<?x?x768xf16>, %w: tensor<2304x768xf16>,
                      %b: tensor<2304xf16>, %y: tensor<?x?x2304xf16>)
        -> tensor<?x?x2304xf16> {
      %0 = ra.linear ins(%x, %w : tensor<?x?x768xf16>, tensor<2304x768xf16>)
                     bias(%b : tensor<2304xf16>)
                     outs(%y : tensor<?x?x2304xf16>) -> tensor<?x?x2304xf16>
      return %0 : tensor<?x?x2304xf16>
    }

    // Heads apart, written as [B, H, T, D].
    func.func @heads(%x: tensor<2x128x768xf32>, %w: tensor<12x64x768xf32>,
                     %y: tensor<2x12x128x64xf32>) -> tensor<2x12x128x64xf32> {
      %0 = ra.linear {indexing_maps = [
               affine_map<(b, t, c) -> (b, t, c)>,
               affine_map<(b, t, h, d) -> (b, h, t, d)>]}
             ins(%x, %w : tensor<2x128x768xf32>, tensor<12x64x768xf32>)
             outs(%y : tensor<2x12x128x64xf32>) -> tensor<2x12x128x64xf32>
      return %0 : tensor<2x12x128x64xf32>
    }

    // 100 outputs in panels of 32.
    func.func @panels(%x: tensor<16x768xf32>, %w: tensor<4x768x32xf32>,
                      %y: tensor<16x100xf32>) -> tensor<16x100xf32> {
      %0 = ra.linear {panel = 32 : i64}
             ins(%x, %w : tensor<16x768xf32>, tensor<4x768x32xf32>)
             outs(%y : tensor<16x100xf32>) -> tensor<16x100xf32>
      return %0 : tensor<16x100xf32>
    }
    ```
  }];
  let arguments = (ins
    RA_Shaped:$input, RA_Shaped:$weight, Optional<RA_Shaped>:$bias,
    RA_Shaped:$init,
    OptionalAttr<AffineMapArrayAttr>:$indexing_maps,
    OptionalAttr<I64Attr>:$panel);
  let results = (outs RA_Results:$results);
  let assemblyFormat = [{
    attr-dict `ins` `(` $input `,` $weight `:` type($input) `,` type($weight) `)`
    (`bias` `(` $bias^ `:` type($bias) `)`)?
    `outs` `(` $init `:` type($init) `)` (`->` type($results)^)?
  }];
  let builders = [
    OpBuilder<(ins "::mlir::Value":$input, "::mlir::Value":$weight,
                   "::mlir::Value":$bias, "::mlir::Value":$init)>];
  let hasVerifier = 1;
  let hasCanonicalizer = 1;
  let hasFolder = 1;
  let extraClassDeclaration = [{
    ::mlir::MutableOperandRange getDpsInitsMutable() { return getInitMutable(); }
    /// Number of leading dims m... and of output dims n... .
    int64_t getNumLeadingDims();
    int64_t getNumOutputDims();
    /// The weight's dim of the channels.
    int64_t getChannelDim() { return getNumOutputDims(); }
    /// The extents of the output dims n..., of the weight or, for the last of
    /// one in panels, of `y`.
    ::llvm::SmallVector<int64_t> getOutputShape();
    /// (m..., c) -> dims of `input`; identity when elided.
    ::mlir::AffineMap getInputMap();
    /// (m..., n...) -> dims of `init`; identity when elided.
    ::mlir::AffineMap getOutputMap();
  }];
}

//===----------------------------------------------------------------------===//
// ra.rope
//===----------------------------------------------------------------------===//

def RA_RopeOp : RA_DestinationOp<"rope", [
    DeclareOpInterfaceMethods<TilingInterface,
      ["getLoopIteratorTypes", "getIterationDomain", "getTiledImplementation",
       "getResultTilePosition", "generateResultTileValue"]>]> {
  let summary = "rotary position embedding";
  let description = [{
    Turns pairs of dims of `x` [B, H, T, D] by the angles whose cosines and
    sines the tables hold. The tables are `[T, rot/2]` or `[B, T, rot/2]`; the
    rotary dim `rot` is twice their last dim and may be smaller than `D`, in
    which case dims `rot` and above pass unchanged. For pair `f` in `[0, rot/2)`
    with `(u, v)` the two dims of the pair:

        half:         u = f,      v = f + rot/2
        interleaved:  u = 2f,     v = 2f + 1

        y[b, h, t, u] = x[.., u] * cos[t, f] - x[.., v] * sin[t, f]
        y[b, h, t, v] = x[.., v] * cos[t, f] + x[.., u] * sin[t, f]

    computed in `f32` and rounded once to the type of `y`. `indexing_maps`, when
    given, are two permutations `(b, h, t, d) -> ` dims of `x` and of `y`.

    Constraints:

    * (C1) `x` and `y` have rank 4, the same logical shape and element type.
    * (C2) both tables have the same type, rank 2 or 3, `T` rows, and batch `B`
      when of rank 3.
    * (C3) `0 < rot <= D`.
    * (C4) `indexing_maps` are two permutations of four dims.

    ```mlir
    func.func @rope(%q: tensor<2x12x128x64xf32>, %cos: tensor<128x32xf32>,
                    %sin: tensor<128x32xf32>, %y: tensor<2x12x128x64xf32>)
        -> tensor<2x12x128x64xf32> {
      %0 = ra.rope {style = #ra.rope_style<half>}
             ins(%q, %cos, %sin : tensor<2x12x128x64xf32>,
                 tensor<128x32xf32>, tensor<128x32xf32>)
             outs(%y : tensor<2x12x128x64xf32>) -> tensor<2x12x128x64xf32>
      return %0 : tensor<2x12x128x64xf32>
    }
    ```
  }];
  let arguments = (ins
    RA_Shaped:$input, RA_Shaped:$cos, RA_Shaped:$sin, RA_Shaped:$init,
    RA_RopeStyleAttr:$style,
    OptionalAttr<AffineMapArrayAttr>:$indexing_maps);
  let results = (outs RA_Results:$results);
  let assemblyFormat = [{
    attr-dict `ins` `(` $input `,` $cos `,` $sin `:`
      type($input) `,` type($cos) `,` type($sin) `)`
    `outs` `(` $init `:` type($init) `)` (`->` type($results)^)?
  }];
  let hasVerifier = 1;
  let hasCanonicalizer = 1;
  let hasFolder = 1;
  let extraClassDeclaration = [{
    ::mlir::MutableOperandRange getDpsInitsMutable() { return getInitMutable(); }
    /// (b, h, t, d) -> dims of `input` and of `init`; identity when elided.
    ::mlir::AffineMap getInputMap();
    ::mlir::AffineMap getOutputMap();
    /// Twice the last dim of the tables.
    int64_t getRotaryDim();
  }];
}

//===----------------------------------------------------------------------===//
// ra.attention
//===----------------------------------------------------------------------===//

def RA_AttentionOp : RA_DestinationOp<"attention", [
    AttrSizedOperandSegments,
    DeclareOpInterfaceMethods<TilingInterface,
      ["getLoopIteratorTypes", "getIterationDomain", "getTiledImplementation",
       "getResultTilePosition", "generateResultTileValue"]>]> {
  let summary = "scaled dot-product attention";
  let description = [{
    For each batch and query head `h`, with key and value head
    `g = h / (Hq / Hkv)`:

        s_ij  = scale * <q_i, k_j>                    scale: 1/sqrt(Dqk) by default
        s_ij  = softcap * tanh(s_ij / softcap)        if softcap is given
        s_ij  = s_ij + bias_ij                        if a bias is given
        s_ij  = -inf                                  where the mask hides j from i
        out_i = sum_j softmax_j(s_ij) * v_j
        lse_i = log sum_j exp(s_ij)                   on request, natural logarithm

    in this order. A row that sees no key at all (masked, or a bias of -inf
    everywhere) gives `out_i = 0` and `lse_i = -inf`. Scores, softmax and the sum
    over `j` are `f32`. The mask is described in `#ra.mask`; `query_offset` (an
    index) is added to the position of every query row, which is how a tile of
    queries keeps its causal mask.

    Operands are `[B, H, T, D]` unless `indexing_maps` are given: four
    permutations `(b, h, t, d) -> ` dims of query, key, value and init. With
    them a transpose costs nothing: a packed projection is read in place
    through `[B, T, H, D]` views and merged heads are written directly.

    Constraints:

    * (C1) query, key, value and init have rank 4; `indexing_maps`, when given,
      are four permutations of four dims.
    * (C2) batch, key length and element type agree between query, key and value.
    * (C3) query and key have the same head dim; value may have another.
    * (C4) key and value have the same number of heads, and it divides the
      query's.
    * (C5) init is `[B, Hq, Tq, Dv]`, of the query's element type or `f32`.
    * (C6) bias is `[B or 1, Hq or 1, Tq, Tk]`.
    * (C7) `scale` is finite; `softcap` is finite and positive.
    * (C8) the log-sum-exp init is `[B, Hq, Tq]` of `f32`.

    ```mlir
    func.func @attention(%q: tensor<2x12x?x64xf16>, %k: tensor<2x4x?x64xf16>,
                         %v: tensor<2x4x?x64xf16>, %o: tensor<2x12x?x64xf16>)
        -> tensor<2x12x?x64xf16> {
      %0 = ra.attention {mask = #ra.mask<causal>, scale = 0.125 : f64}
             ins(%q, %k, %v : tensor<2x12x?x64xf16>, tensor<2x4x?x64xf16>,
                 tensor<2x4x?x64xf16>)
             outs(%o : tensor<2x12x?x64xf16>) -> tensor<2x12x?x64xf16>
      return %0 : tensor<2x12x?x64xf16>
    }

    // Heads stored as [B, T, H, D], with the log-sum-exp.
    #bthd = affine_map<(b, h, t, d) -> (b, t, h, d)>
    func.func @views(%q: tensor<2x128x12x64xf32>, %k: tensor<2x128x12x64xf32>,
                     %v: tensor<2x128x12x64xf32>, %o: tensor<2x128x12x64xf32>,
                     %l: tensor<2x12x128xf32>)
        -> (tensor<2x128x12x64xf32>, tensor<2x12x128xf32>) {
      %0:2 = ra.attention {indexing_maps = [#bthd, #bthd, #bthd, #bthd]}
             ins(%q, %k, %v : tensor<2x128x12x64xf32>, tensor<2x128x12x64xf32>,
                 tensor<2x128x12x64xf32>)
             outs(%o : tensor<2x128x12x64xf32>) lse(%l : tensor<2x12x128xf32>)
             -> tensor<2x128x12x64xf32>, tensor<2x12x128xf32>
      return %0#0, %0#1 : tensor<2x128x12x64xf32>, tensor<2x12x128xf32>
    }
    ```
  }];
  let arguments = (ins
    RA_Shaped:$query, RA_Shaped:$key, RA_Shaped:$value,
    Optional<RA_Shaped>:$bias, Optional<Index>:$query_offset,
    RA_Shaped:$init, Optional<RA_Shaped>:$lse_init,
    DefaultValuedAttr<RA_MaskAttr, "::ra::MaskKind::None">:$mask,
    OptionalAttr<F64Attr>:$scale, OptionalAttr<F64Attr>:$softcap,
    OptionalAttr<AffineMapArrayAttr>:$indexing_maps);
  let results = (outs RA_Results:$results);
  let assemblyFormat = [{
    attr-dict `ins` `(` $query `,` $key `,` $value `:`
      type($query) `,` type($key) `,` type($value) `)`
    (`bias` `(` $bias^ `:` type($bias) `)`)?
    (`offset` `(` $query_offset^ `)`)?
    `outs` `(` $init `:` type($init) `)`
    (`lse` `(` $lse_init^ `:` type($lse_init) `)`)? (`->` type($results)^)?
  }];
  let hasVerifier = 1;
  let hasCanonicalizer = 1;
  let hasFolder = 1;
  let extraClassDeclaration = [{
    ::mlir::MutableOperandRange getDpsInitsMutable();
    /// (b, h, t, d) -> dims of query, key, value, init; identity when elided.
    ::mlir::AffineMap getQueryMap();
    ::mlir::AffineMap getKeyMap();
    ::mlir::AffineMap getValueMap();
    ::mlir::AffineMap getInitMap();
    /// The scale in force: the attribute, or 1/sqrt(Dqk).
    double getEffectiveScale();
  }];
}

//===----------------------------------------------------------------------===//
// ra.reciprocal_attention
//===----------------------------------------------------------------------===//

def RA_ReciprocalAttentionOp : RA_DestinationOp<"reciprocal_attention", [
    AttrSizedOperandSegments,
    DeclareOpInterfaceMethods<TilingInterface,
      ["getLoopIteratorTypes", "getIterationDomain", "getTiledImplementation",
       "getResultTilePosition", "generateResultTileValue"]>]> {
  let summary = "attention whose scores carry a gated reciprocal term";
  let description = [{
    Self-attention in which part of the score is what `j` asks of `i`, seen from
    `i`. For each head `h`, `L` is its set of `R` reciprocal dims and `S` the
    other `D - R`; `w_std` and `w_rec` are one number per head (a tensor of one
    element is shared by all heads; defaults 0.9 and 0.1):

        s_ij = scale * ( w_std[h] * <q_i[S], k_j[S]> + w_rec[h] * <k_i[L], q_j[L]> )

    and from there on softcap, bias, mask, softmax and output are exactly those
    of `ra.attention`. `scale` defaults to `1/sqrt(D)`.

    **The dims.** `rank` is one number, or one per head: `L` is the last `R`
    dims. `rec_dims` lists `L` explicitly for every head whose rank is not 0. A
    head of rank 0 is an ordinary head scaled by its `w_std`.

    **Projection.** With `P` (`[D, R]`, or `[Hq, D, R]`) the reciprocal term is
    `<k_i P, q_j P>`; `S` stays the first `D - R` dims.

    **Basis.** With `basis(A, B)` (`[D, D]`; or `[Hq, D, D]` and `[Hkv, D, D]`),
    `q A` and `k B` take the place of `q` and `k` in the formula. Ordinary scores
    do not change when `B` is the inverse transpose of `A`.

    **Grouped heads** (`Hkv < Hq`). With `g` the key head of `h`, `gqa = mean`
    (the default) uses `k_i` of `g` and the mean of `q_j[L]` over the query heads
    of `g`; `gqa = slots` uses `k_i` of `g` and `q_j[L]` of `h` itself.

    **Gate split.** `gate_split` says what folding does with a gate `w`:
    `symmetric` puts sqrt(w) on both sides and needs `w >= 0`, `query` puts `w`
    on the query side. The value of this op does not depend on it. No gate is
    clamped: sqrt(0) = 0.

    Constraints, beyond (C1) to (C8) of `ra.attention` (the value included):

    * (C9) query and key have equal length.
    * (C10) `rank` or `rec_dims` is given; `rank` has 1 or `Hq` entries, each
      `0 <= R < D`.
    * (C11) `rec_dims` are unique, ascending, within `[0, D)`, fewer than `D`;
      every rank is then 0 or their number.
    * (C12) gates are of shape `[1]` or `[Hq]`.
    * (C13) a projection is static, `[D, R]` or `[Hq, D, R]`, every rank is 0 or
      `R`, and `rec_dims` is not given; under grouped heads it is `[D, R]` and all
      ranks are equal.
    * (C14) a basis has both matrices, of the shapes above, and excludes a
      projection.
    * (C15) the element types of P and basis equal the query's.

    ```mlir
    func.func @reciprocal(%q: tensor<8x12x1024x64xf16>, %k: tensor<8x12x1024x64xf16>,
                          %v: tensor<8x12x1024x64xf16>, %w_std: tensor<12xf32>,
                          %w_rec: tensor<12xf32>, %o: tensor<8x12x1024x64xf16>)
        -> tensor<8x12x1024x64xf16> {
      %0 = ra.reciprocal_attention {mask = #ra.mask<causal>, rank = array<i64: 4>}
             ins(%q, %k, %v : tensor<8x12x1024x64xf16>, tensor<8x12x1024x64xf16>,
                 tensor<8x12x1024x64xf16>)
             w_std(%w_std : tensor<12xf32>) w_rec(%w_rec : tensor<12xf32>)
             outs(%o : tensor<8x12x1024x64xf16>) -> tensor<8x12x1024x64xf16>
      return %0 : tensor<8x12x1024x64xf16>
    }
    ```
  }];
  let arguments = (ins
    RA_Shaped:$query, RA_Shaped:$key, RA_Shaped:$value,
    Optional<RA_Shaped>:$w_std, Optional<RA_Shaped>:$w_rec,
    Optional<RA_Shaped>:$projection,
    Optional<RA_Shaped>:$basis_query, Optional<RA_Shaped>:$basis_key,
    Optional<RA_Shaped>:$bias, Optional<Index>:$query_offset,
    RA_Shaped:$init, Optional<RA_Shaped>:$lse_init,
    OptionalAttr<DenseI64ArrayAttr>:$rank,
    OptionalAttr<DenseI64ArrayAttr>:$rec_dims,
    DefaultValuedAttr<RA_GateSplitAttr, "::ra::GateSplit::Symmetric">:$gate_split,
    DefaultValuedAttr<RA_GroupedModeAttr, "::ra::GroupedMode::Mean">:$gqa,
    DefaultValuedAttr<RA_MaskAttr, "::ra::MaskKind::None">:$mask,
    OptionalAttr<F64Attr>:$scale, OptionalAttr<F64Attr>:$softcap,
    OptionalAttr<AffineMapArrayAttr>:$indexing_maps);
  let results = (outs RA_Results:$results);
  let assemblyFormat = [{
    attr-dict `ins` `(` $query `,` $key `,` $value `:`
      type($query) `,` type($key) `,` type($value) `)`
    (`w_std` `(` $w_std^ `:` type($w_std) `)`)?
    (`w_rec` `(` $w_rec^ `:` type($w_rec) `)`)?
    (`projection` `(` $projection^ `:` type($projection) `)`)?
    (`basis` `(` $basis_query^ `,` $basis_key `:`
      type($basis_query) `,` type($basis_key) `)`)?
    (`bias` `(` $bias^ `:` type($bias) `)`)?
    (`offset` `(` $query_offset^ `)`)?
    `outs` `(` $init `:` type($init) `)`
    (`lse` `(` $lse_init^ `:` type($lse_init) `)`)? (`->` type($results)^)?
  }];
  let builders = [
    // The last `rank` dims of every head are reciprocal, with the default gates,
    // scale and layout; on tensors the result has the type of `init`.
    OpBuilder<(ins "::mlir::Value":$query, "::mlir::Value":$key,
                   "::mlir::Value":$value, "::mlir::Value":$init,
                   "int64_t":$rank, "::ra::MaskAttr":$mask)>];
  let hasVerifier = 1;
  let hasCanonicalizer = 1;
  let hasFolder = 1;
  let extraClassDeclaration = [{
    /// The gates used where no operand is given (design: the published values).
    static constexpr double kDefaultStandardGate = 0.9;
    static constexpr double kDefaultReciprocalGate = 0.1;
    ::mlir::MutableOperandRange getDpsInitsMutable();
    ::mlir::AffineMap getQueryMap();
    ::mlir::AffineMap getKeyMap();
    ::mlir::AffineMap getValueMap();
    ::mlir::AffineMap getInitMap();
    /// The scale in force: the attribute, or 1/sqrt(D).
    double getEffectiveScale();
    /// Hq, Hkv and D. Negative when dynamic; a verified op has them static.
    int64_t getNumHeads();
    int64_t getNumKvHeads();
    int64_t getHeadDim();
    /// Ascending reciprocal dims of every query head; empty for rank 0.
    ::llvm::SmallVector<::llvm::SmallVector<int64_t>> getHeadDims();
  }];
}

//===----------------------------------------------------------------------===//
// ra.fold_weights
//===----------------------------------------------------------------------===//

def RA_FoldWeightsOp : RA_Op<"fold_weights", [
    Pure, AttrSizedOperandSegments, AttrSizedResultSegments,
    DeclareOpInterfaceMethods<ReifyRankedShapedTypeOpInterface,
                              ["reifyResultShapes"]>]> {
  let summary = "fold gates, swap, P and basis into projection weights";
  let description = [{
    Gives the weights (and biases) of folded query and key projections, such that
    ordinary attention on them has the scores of `ra.reciprocal_attention` on the
    original ones. Weights are `[Hq * D, C]` and `[Hkv * D, C]`, biases `[Hq * D]`
    and `[Hkv * D]`; rows are outputs. For head `h` and its key head `g`, with
    `a * a' = w_std[h]` and `b * b' = w_rec[h]`, row `d` of a head is

        Qf_h[d] = a  * Wq_h[d]   (d in S)      b  * Wk_g[d]   (d in L)
        Kf_g[d] = a' * Wk_g[d]   (d in S)      b' * Wq_h[d]   (d in L)

    `gate_split = symmetric`: `a = a' = sqrt(w_std)`, `b = b' = sqrt(w_rec)`.
    `gate_split = query`: `a = w_std`, `a' = 1`, `b = w_rec`, `b' = 1`. With a
    projection the rows in `L` (the last `R`) are those of `P^T Wk` and `P^T Wq`;
    with a basis `A^T Wq` and `B^T Wk` come first. A missing bias counts as 0: if
    either is given, both results exist.

    Grouped heads: `mean` uses the mean of `Wq_h[d]` over the heads of `g`.
    `slots` gives head dim `D' = D - R + G * R`: the dims in `S` in order, then
    `G` slots of `R`; slot `n` of `Kf_g` holds the rows `L` of the `n`-th query
    head of `g`, and of `Qf_h` only `h`'s own slot is not zero. Arithmetic is
    `f32`, rounded once to the type of the weights.

    Constraints:

    * (C1) the weights have rank 2, one element type and `C` in common, rows
      that are `num_heads * D` and `num_kv_heads * D`.
    * (C2) `num_kv_heads` divides `num_heads` (equal when absent).
    * (C3) biases have the rows of their weights and the same element type.
    * (C4) ranks, `rec_dims`, gates, projection and basis as (C10) to (C15) of
      `ra.reciprocal_attention`.
    * (C5) `mean`: the ranks of one group are equal. `slots`: all ranks are equal.
    * (C6) results: the folded weights' shapes; biases exist iff an input bias does.

    ```mlir
    func.func @fold(%wq: tensor<768x768xf32>, %wk: tensor<768x768xf32>,
                    %bq: tensor<768xf32>, %bk: tensor<768xf32>,
                    %w_std: tensor<12xf32>, %w_rec: tensor<12xf32>)
        -> (tensor<768x768xf32>, tensor<768x768xf32>, tensor<768xf32>, tensor<768xf32>) {
      %q, %k, %b, %c = ra.fold_weights {num_heads = 12 : i64, rank = array<i64: 4>}
          ins(%wq, %wk : tensor<768x768xf32>, tensor<768x768xf32>)
          query_bias(%bq : tensor<768xf32>) key_bias(%bk : tensor<768xf32>)
          w_std(%w_std : tensor<12xf32>) w_rec(%w_rec : tensor<12xf32>)
          -> tensor<768x768xf32>, tensor<768x768xf32> bias tensor<768xf32>, tensor<768xf32>
      return %q, %k, %b, %c
          : tensor<768x768xf32>, tensor<768x768xf32>, tensor<768xf32>, tensor<768xf32>
    }
    ```
  }];
  let arguments = (ins
    RA_Tensor:$query_weight, RA_Tensor:$key_weight,
    Optional<RA_Tensor>:$query_bias, Optional<RA_Tensor>:$key_bias,
    Optional<RA_Tensor>:$w_std, Optional<RA_Tensor>:$w_rec,
    Optional<RA_Tensor>:$projection,
    Optional<RA_Tensor>:$basis_query, Optional<RA_Tensor>:$basis_key,
    ConfinedAttr<I64Attr, [IntPositive]>:$num_heads,
    OptionalAttr<ConfinedAttr<I64Attr, [IntPositive]>>:$num_kv_heads,
    OptionalAttr<DenseI64ArrayAttr>:$rank,
    OptionalAttr<DenseI64ArrayAttr>:$rec_dims,
    DefaultValuedAttr<RA_GateSplitAttr, "::ra::GateSplit::Symmetric">:$gate_split,
    DefaultValuedAttr<RA_GroupedModeAttr, "::ra::GroupedMode::Mean">:$gqa);
  let results = (outs RA_Tensor:$folded_query, RA_Tensor:$folded_key,
                      Optional<RA_Tensor>:$folded_query_bias,
                      Optional<RA_Tensor>:$folded_key_bias);
  let assemblyFormat = [{
    attr-dict `ins` `(` $query_weight `,` $key_weight `:`
      type($query_weight) `,` type($key_weight) `)`
    (`query_bias` `(` $query_bias^ `:` type($query_bias) `)`)?
    (`key_bias` `(` $key_bias^ `:` type($key_bias) `)`)?
    (`w_std` `(` $w_std^ `:` type($w_std) `)`)?
    (`w_rec` `(` $w_rec^ `:` type($w_rec) `)`)?
    (`projection` `(` $projection^ `:` type($projection) `)`)?
    (`basis` `(` $basis_query^ `,` $basis_key `:`
      type($basis_query) `,` type($basis_key) `)`)?
    `->` type($folded_query) `,` type($folded_key)
    (`bias` type($folded_query_bias)^ `,` type($folded_key_bias))?
  }];
  let hasVerifier = 1;
  let hasCanonicalizer = 1;
  let extraClassDeclaration = [{
    int64_t getKvHeads();
    /// D of the input weights and D' of the folded ones.
    int64_t getHeadDim();
    int64_t getFoldedHeadDim();
    /// Ascending reciprocal dims of every query head; empty for rank 0.
    ::llvm::SmallVector<::llvm::SmallVector<int64_t>> getHeadDims();
  }];
}

#endif // RA_DIALECT_RA_IR_RAOPS_TD
