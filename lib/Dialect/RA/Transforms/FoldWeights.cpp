//===- FoldWeights.cpp - Reciprocal terms and gates into weights ----------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Gates.h"
#include "ProjectionChain.h"
#include "ra/Dialect/RA/Transforms/Passes.h"

#include "mlir/Analysis/SliceAnalysis.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Quant/IR/Quant.h"
#include "mlir/Dialect/Quant/IR/QuantTypes.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Remarks.h"

namespace ra {
#define GEN_PASS_DEF_FOLDWEIGHTSPASS
#include "ra/Dialect/RA/Transforms/Passes.h.inc"
} // namespace ra

using namespace mlir;
using namespace ra;
using ra::detail::DimOrigin;
using ra::detail::ProjectionChain;

static constexpr llvm::StringLiteral kCategory = "ra-fold-weights";

//===----------------------------------------------------------------------===//
// Facts
//===----------------------------------------------------------------------===//

namespace {
/// Query or key of one attention: its chain and where heads and dims are.
struct Side {
  ProjectionChain chain;
  int64_t heads = 0;
  int64_t headStride = 0;

  /// Weight rows in use, as flags over the rows of the weight.
  llvm::SmallBitVector rows(int64_t total, int64_t headDim) const {
    llvm::SmallBitVector bits(total);
    for (int64_t head = 0; head < heads; ++head)
      bits.set(chain.row(headStride, head, 0),
               chain.row(headStride, head, headDim));
    return bits;
  }
};
} // namespace

static int64_t numRows(LinearOp linear) {
  int64_t rows = 1;
  for (int64_t extent :
       cast<ShapedType>(linear.getWeight().getType()).getShape().drop_back())
    rows *= extent;
  return rows;
}

/// Traces one operand and checks that its dims are (batch, head, sequence, dim)
/// of one projection.
static Side traceSide(Value operand, AffineMap map, int64_t heads,
                      int64_t headDim) {
  Side side{ra::detail::traceProjection(operand), heads, headDim};
  ProjectionChain &chain = side.chain;
  if (!chain.obstacle.empty())
    return side;
  const DimOrigin &batch = chain.origins[getOperandDim(map, 0)];
  const DimOrigin &head = chain.origins[getOperandDim(map, 1)];
  const DimOrigin &sequence = chain.origins[getOperandDim(map, 2)];
  const DimOrigin &dim = chain.origins[getOperandDim(map, 3)];
  if ((batch.feature && batch.size != 1) ||
      (sequence.feature && sequence.size != 1)) {
    chain.obstacle = "a layout that takes batch or sequence from the features";
  } else if (!dim.feature || dim.stride != 1 || dim.size != headDim) {
    chain.obstacle = "a layout whose head dim is not a run of features";
  } else if (heads > 1) {
    if (!head.feature || head.size != heads)
      chain.obstacle = "a layout that takes heads from another dim than the "
                       "features";
    else
      side.headStride = head.stride;
  }
  return side;
}

/// Batch and sequence of query and key come from the same dims of the source.
static bool samePositions(ReciprocalAttentionOp op, const Side &query,
                          const Side &key) {
  for (unsigned i : {0u, 2u}) {
    const DimOrigin &a =
        query.chain.origins[getOperandDim(op.getQueryMap(), i)];
    const DimOrigin &b = key.chain.origins[getOperandDim(op.getKeyMap(), i)];
    if (!(a == b))
      return false;
  }
  return true;
}

/// How the weight of a projection is quantised.
static std::pair<runtime::QuantKind, double> quantisation(Value weight) {
  auto cast = weight.getDefiningOp<quant::DequantizeCastOp>();
  if (!cast)
    return {runtime::QuantKind::None, 1.0};
  Type type = getElementTypeOrSelf(cast.getInput().getType());
  if (auto uniform = dyn_cast<quant::UniformQuantizedType>(type))
    return {runtime::QuantKind::PerTensor, uniform.getScale()};
  if (auto perAxis = dyn_cast<quant::UniformQuantizedPerAxisType>(type))
    if (perAxis.getQuantizedDimension() == 0)
      return {runtime::QuantKind::PerRow, 1.0};
  // Another granularity does not follow rows: no scale equals another.
  return {runtime::QuantKind::PerTensor,
          std::numeric_limits<double>::quiet_NaN()};
}

static runtime::RopeStyle ropeStyle(RopeOp rope) {
  if (!rope)
    return runtime::RopeStyle::None;
  return rope.getStyle() == RopeStyle::Half ? runtime::RopeStyle::Half
                                            : runtime::RopeStyle::Interleaved;
}

static std::string nameOf(Value value) {
  std::string text;
  llvm::raw_string_ostream os(text);
  value.printAsOperand(os, OpPrintingFlags().useLocalScope());
  return text;
}

/// True when the additive term is computed from the projected query or key.
static bool biasDependsOn(Value bias, const Side &query, const Side &key) {
  if (!bias || !bias.getDefiningOp())
    return false;
  SetVector<Operation *> slice;
  BackwardSliceOptions options;
  options.inclusive = true;
  options.omitBlockArguments = true;
  if (failed(getBackwardSlice(bias, &slice, options)))
    return true;
  LinearOp queryLinear = query.chain.linear, keyLinear = key.chain.linear;
  return slice.contains(queryLinear) || slice.contains(keyLinear);
}

static runtime::FoldFacts gatherFacts(ReciprocalAttentionOp op,
                                      const Side &query, const Side &key) {
  runtime::FoldFacts facts;
  facts.numHeads = op.getNumHeads();
  facts.numKvHeads = op.getNumKvHeads();
  facts.headDim = op.getHeadDim();
  for (const SmallVector<int64_t> &dims : op.getHeadDims())
    facts.recDims.emplace_back(dims.begin(), dims.end());
  facts.hasProjection = static_cast<bool>(op.getProjection());
  facts.hasBasis = static_cast<bool>(op.getBasisQuery());
  facts.gateSplit = op.getGateSplit() == GateSplit::Symmetric
                        ? runtime::GateSplit::Symmetric
                        : runtime::GateSplit::Query;
  facts.grouped = op.getGqa() == GroupedMode::Mean
                      ? runtime::GroupedMode::Mean
                      : runtime::GroupedMode::Slots;
  facts.wStd = ra::detail::getGateValues(
      op.getWStd(), ReciprocalAttentionOp::kDefaultStandardGate);
  facts.wRec = ra::detail::getGateValues(
      op.getWRec(), ReciprocalAttentionOp::kDefaultReciprocalGate);
  auto shared = [](Value gate) {
    return !gate || cast<ShapedType>(gate.getType()).getDimSize(0) == 1;
  };
  facts.wStdShared = shared(op.getWStd());
  facts.wRecShared = shared(op.getWRec());

  const ProjectionChain &q = query.chain, &k = key.chain;
  for (auto [chain, name] :
       {std::make_pair(&q, "query"), std::make_pair(&k, "key")}) {
    if (!chain->norm.empty() && !facts.norm) {
      facts.norm = true;
      facts.normNote = chain->norm + " on the " + name;
    } else if (!chain->obstacle.empty() && facts.nonAffine.empty() &&
               chain->norm.empty()) {
      facts.nonAffine = std::string(name) + ": " + chain->obstacle;
    }
  }
  if (!q.linear || !k.linear)
    return facts;

  LinearOp ql = q.linear, kl = k.linear;
  facts.sameSource =
      ql.getInput() == kl.getInput() && ql.getInputMap() == kl.getInputMap();
  if (!facts.sameSource)
    facts.sourceNote = "query projects " + nameOf(ql.getInput()) +
                       ", key projects " + nameOf(kl.getInput());
  if (facts.sameSource && q.obstacle.empty() && k.obstacle.empty() &&
      !samePositions(op, query, key))
    facts.nonAffine = "a layout in which query and key take batch or sequence "
                      "from different dims of the source";
  facts.qRope = ropeStyle(q.rope);
  facts.kRope = ropeStyle(k.rope);
  if (q.rope)
    facts.qRotaryDim = RopeOp(q.rope).getRotaryDim();
  if (k.rope)
    facts.kRotaryDim = RopeOp(k.rope).getRotaryDim();
  if (q.rope && k.rope)
    facts.ropeTablesShared =
        RopeOp(q.rope).getCos() == RopeOp(k.rope).getCos() &&
        RopeOp(q.rope).getSin() == RopeOp(k.rope).getSin();
  facts.qClamp = q.clamp;
  facts.kClamp = k.clamp;
  facts.qScale = q.scale;
  facts.kScale = k.scale;
  facts.biasDependsOnScores = biasDependsOn(op.getBias(), query, key);
  std::tie(facts.qQuant, facts.qQuantScale) = quantisation(ql.getWeight());
  std::tie(facts.kQuant, facts.kQuantScale) = quantisation(kl.getWeight());
  return facts;
}

//===----------------------------------------------------------------------===//
// Rewrite
//===----------------------------------------------------------------------===//

namespace {
/// Builds the folded projections of one attention. The facts were found legal.
class Rewriter {
public:
  Rewriter(ReciprocalAttentionOp op, Side &query, Side &key)
      : op(op), builder(op), loc(op.getLoc()), query(query), key(key),
        headDim(op.getHeadDim()) {}

  void run() {
    foldWeights();
    Value newQuery, newKey, newValue = op.getValue();
    AffineMap queryMap = op.getQueryMap(), keyMap = op.getKeyMap();
    if (foldedDim == headDim) {
      projectInPlace(newQuery, newKey, newValue);
    } else {
      newQuery = projectSlots(query, queryWeight, queryBias);
      newKey = projectSlots(key, keyWeight, keyBias);
      queryMap = keyMap = headsLast();
    }
    ArrayAttr maps = builder.getAffineMapArrayAttr(
        {queryMap, keyMap, op.getValueMap(), op.getInitMap()});
    auto attention = AttentionOp::create(
        builder, loc, op.getResultTypes(), newQuery, newKey, newValue,
        op.getBias(), op.getQueryOffset(), op.getInit(), op.getLseInit(),
        op.getMask(), builder.getF64FloatAttr(op.getEffectiveScale()),
        op.getSoftcapAttr(), maps);
    op->replaceAllUsesWith(attention);
    op->erase();
  }

  int64_t getFoldedDim() const { return foldedDim; }

private:
  ReciprocalAttentionOp op;
  OpBuilder builder;
  Location loc;
  Side &query, &key;
  int64_t headDim, foldedDim = 0;
  Value queryWeight, keyWeight, queryBias, keyBias;

  AffineMap headsLast() {
    MLIRContext *context = builder.getContext();
    AffineExpr b, h, t, d;
    bindDims(context, b, h, t, d);
    return AffineMap::get(4, 0, {b, t, h, d}, context);
  }

  /// Weight [n..., C] as [N, C], or bias [n...] as [N].
  Value flatten(Value tensor, int64_t outputDims) {
    if (outputDims == 1)
      return tensor;
    SmallVector<ReassociationIndices> groups(1);
    for (int64_t i = 0; i < outputDims; ++i)
      groups[0].push_back(i);
    if (cast<ShapedType>(tensor.getType()).getRank() > outputDims)
      groups.push_back({outputDims});
    return tensor::CollapseShapeOp::create(builder, loc, tensor, groups);
  }
  Value unflatten(Value tensor, Type type, int64_t outputDims) {
    if (tensor.getType() == type)
      return tensor;
    SmallVector<ReassociationIndices> groups(1);
    for (int64_t i = 0; i < outputDims; ++i)
      groups[0].push_back(i);
    if (cast<ShapedType>(type).getRank() > outputDims)
      groups.push_back({outputDims});
    return tensor::ExpandShapeOp::create(builder, loc, type, tensor, groups);
  }

  /// Offsets, sizes and strides of a side's rows in [N(, C)], or nothing when
  /// they are all rows. Heads whose stride is not D are seen through
  /// [N / stride, stride(, C)].
  struct Rows {
    SmallVector<OpFoldResult> offsets, sizes, strides;
    bool split = false;
  };
  std::optional<Rows> rowsOf(const Side &side, Value flat) {
    auto type = cast<RankedTensorType>(flat.getType());
    int64_t total = type.getDimSize(0);
    if (side.headStride == headDim && side.heads * headDim == total)
      return std::nullopt;
    Rows rows;
    auto index = [&](int64_t value) { return builder.getIndexAttr(value); };
    int64_t first = side.chain.firstRow;
    if (side.headStride == headDim || side.heads == 1) {
      rows.offsets = {index(first)};
      rows.sizes = {index(side.heads * headDim)};
    } else {
      rows.split = true;
      rows.offsets = {index(first / side.headStride),
                      index(first % side.headStride)};
      rows.sizes = {index(side.heads), index(headDim)};
    }
    if (type.getRank() == 2) {
      rows.offsets.push_back(index(0));
      rows.sizes.push_back(tensor::getMixedSize(builder, loc, flat, 1));
    }
    rows.strides.assign(rows.offsets.size(), index(1));
    return rows;
  }

  /// [N(, C)] as [N / stride, stride(, C)].
  Value splitRows(Value flat, int64_t stride) {
    auto type = cast<RankedTensorType>(flat.getType());
    SmallVector<int64_t> shape = {type.getDimSize(0) / stride, stride};
    SmallVector<ReassociationIndices> groups = {{0, 1}};
    if (type.getRank() == 2) {
      shape.push_back(type.getDimSize(1));
      groups.push_back({2});
    }
    return tensor::ExpandShapeOp::create(
        builder, loc, RankedTensorType::get(shape, type.getElementType()), flat,
        groups);
  }
  Value mergeRows(Value split) {
    SmallVector<ReassociationIndices> groups = {{0, 1}};
    if (cast<ShapedType>(split.getType()).getRank() == 3)
      groups.push_back({2});
    return tensor::CollapseShapeOp::create(builder, loc, split, groups);
  }

  Value extractRows(const Side &side, Value flat) {
    std::optional<Rows> rows = rowsOf(side, flat);
    if (!rows)
      return flat;
    Value source = rows->split ? splitRows(flat, side.headStride) : flat;
    Value slice = tensor::ExtractSliceOp::create(
        builder, loc, source, rows->offsets, rows->sizes, rows->strides);
    return rows->split ? mergeRows(slice) : slice;
  }

  Value insertRows(const Side &side, Value flat, Value newRows) {
    std::optional<Rows> rows = rowsOf(side, flat);
    if (!rows)
      return newRows;
    if (!rows->split)
      return tensor::InsertSliceOp::create(builder, loc, newRows, flat,
                                           rows->offsets, rows->sizes,
                                           rows->strides);
    auto type = cast<RankedTensorType>(newRows.getType());
    SmallVector<int64_t> shape = {side.heads, headDim};
    SmallVector<ReassociationIndices> groups = {{0, 1}};
    if (type.getRank() == 2) {
      shape.push_back(type.getDimSize(1));
      groups.push_back({2});
    }
    Value source = tensor::ExpandShapeOp::create(
        builder, loc, RankedTensorType::get(shape, type.getElementType()),
        newRows, groups);
    Value inserted = tensor::InsertSliceOp::create(
        builder, loc, source, splitRows(flat, side.headStride), rows->offsets,
        rows->sizes, rows->strides);
    return mergeRows(inserted);
  }

  void foldWeights() {
    auto rowsOfSide = [&](Side &side, Value tensor) -> Value {
      if (!tensor)
        return nullptr;
      return extractRows(side,
                         flatten(tensor, side.chain.linear.getNumOutputDims()));
    };
    Value wq = rowsOfSide(query, query.chain.linear.getWeight());
    Value wk = rowsOfSide(key, key.chain.linear.getWeight());
    Value bq = rowsOfSide(query, query.chain.linear.getBias());
    Value bk = rowsOfSide(key, key.chain.linear.getBias());

    int64_t heads = op.getNumHeads(), kvHeads = op.getNumKvHeads();
    int64_t group = heads / kvHeads;
    foldedDim = headDim;
    SmallVector<SmallVector<int64_t>> dims = op.getHeadDims();
    if (op.getGqa() == GroupedMode::Slots && group > 1)
      foldedDim += (group - 1) * static_cast<int64_t>(dims.front().size());

    auto weightType = cast<RankedTensorType>(wq.getType());
    Type elementType = weightType.getElementType();
    int64_t channels = weightType.getDimSize(1);
    auto weightOf = [&](int64_t count) {
      return RankedTensorType::get({count * foldedDim, channels}, elementType);
    };
    auto biasOf = [&](int64_t count) -> Type {
      if (!bq && !bk)
        return nullptr;
      return RankedTensorType::get({count * foldedDim}, elementType);
    };
    auto fold = FoldWeightsOp::create(
        builder, loc, weightOf(heads), weightOf(kvHeads), biasOf(heads),
        biasOf(kvHeads), wq, wk, bq, bk, op.getWStd(), op.getWRec(),
        op.getProjection(), op.getBasisQuery(), op.getBasisKey(),
        builder.getI64IntegerAttr(heads),
        group == 1 ? IntegerAttr() : builder.getI64IntegerAttr(kvHeads),
        op.getRankAttr(), op.getRecDimsAttr(), op.getGateSplitAttr(),
        op.getGqaAttr());
    queryWeight = fold.getFoldedQuery();
    keyWeight = fold.getFoldedKey();
    queryBias = fold.getFoldedQueryBias();
    keyBias = fold.getFoldedKeyBias();
  }

  /// `linear` with the rows of the given sides replaced by their folded ones.
  LinearOp projectWith(LinearOp linear, bool replaceQuery, bool replaceKey) {
    int64_t outputDims = linear.getNumOutputDims();
    auto weightType = cast<RankedTensorType>(linear.getWeight().getType());
    auto biasType = RankedTensorType::get(weightType.getShape().drop_back(),
                                          weightType.getElementType());
    Value weight = flatten(linear.getWeight(), outputDims);
    Value bias =
        linear.getBias() ? flatten(linear.getBias(), outputDims) : Value();
    if (!bias && queryBias) {
      auto zeros =
          RankedTensorType::get({numRows(linear)}, weightType.getElementType());
      bias =
          arith::ConstantOp::create(builder, loc, builder.getZeroAttr(zeros));
    }
    if (replaceQuery) {
      weight = insertRows(query, weight, queryWeight);
      if (queryBias)
        bias = insertRows(query, bias, queryBias);
    }
    if (replaceKey) {
      weight = insertRows(key, weight, keyWeight);
      if (keyBias)
        bias = insertRows(key, bias, keyBias);
    }
    weight = unflatten(weight, weightType, outputDims);
    if (bias)
      bias = unflatten(bias, biasType, outputDims);
    auto folded = cast<LinearOp>(builder.clone(*linear));
    folded.getWeightMutable().assign(weight);
    if (bias)
      folded.getBiasMutable().assign(bias);
    return folded;
  }

  /// The chain again, on another projection of the same shape.
  Value replay(const ProjectionChain &chain, LinearOp linear) {
    IRMapping mapping;
    LinearOp original = chain.linear;
    mapping.map(original->getResult(0), linear->getResult(0));
    Value last = linear->getResult(0);
    for (Operation *step : chain.path)
      last = builder.clone(*step, mapping)->getResult(0);
    return last;
  }

  void projectInPlace(Value &newQuery, Value &newKey, Value &newValue) {
    LinearOp oldQuery = query.chain.linear, oldKey = key.chain.linear;
    int64_t totalQuery = numRows(oldQuery), totalKey = numRows(oldKey);
    llvm::SmallBitVector queryRows = query.rows(totalQuery, headDim);
    llvm::SmallBitVector keyRows = key.rows(totalKey, headDim);
    bool packed = oldQuery == oldKey && !queryRows.anyCommon(keyRows);
    LinearOp foldedQuery = projectWith(oldQuery, true, packed);
    LinearOp foldedKey =
        packed ? foldedQuery : projectWith(oldKey, false, true);
    newQuery = replay(query.chain, foldedQuery);
    newKey = replay(key.chain, foldedKey);

    // A value that shares a packed projection moves to the folded one, so that
    // the original is computed only if something else needs it.
    ProjectionChain value = ra::detail::traceProjection(op.getValue());
    if (!value.linear || !value.obstacle.empty())
      return;
    llvm::SmallBitVector replaced;
    LinearOp target;
    if (value.linear == oldQuery) {
      target = foldedQuery;
      replaced = queryRows;
      if (packed)
        replaced |= keyRows;
    } else if (value.linear == oldKey) {
      target = foldedKey;
      replaced = keyRows;
    } else {
      return;
    }
    llvm::SmallBitVector used(replaced.size());
    markRows(value, 0, value.firstRow, used);
    if (!used.anyCommon(replaced))
      newValue = replay(value, target);
  }

  /// Marks the weight rows that the feature dims of a chain's end reach.
  static void markRows(const ProjectionChain &chain, size_t dim, int64_t row,
                       llvm::SmallBitVector &used) {
    if (dim == chain.origins.size()) {
      used.set(row);
      return;
    }
    const DimOrigin &origin = chain.origins[dim];
    if (!origin.feature) {
      markRows(chain, dim + 1, row, used);
      return;
    }
    for (int64_t i = 0; i < origin.size; ++i)
      markRows(chain, dim + 1, row + i * origin.stride, used);
  }

  /// A projection to the wider heads of the slots layout, as [B, T, H, D'].
  Value projectSlots(Side &side, Value weight, Value bias) {
    LinearOp linear = side.chain.linear;
    Value input = linear.getInput();
    Type elementType =
        cast<ShapedType>(linear.getInit().getType()).getElementType();
    AffineMap inputMap = linear.getInputMap();
    SmallVector<OpFoldResult> sizes;
    for (unsigned i = 0; i < 2; ++i)
      sizes.push_back(tensor::getMixedSize(builder, loc, input,
                                           getOperandDim(inputMap, i)));
    sizes.push_back(builder.getIndexAttr(side.heads * foldedDim));
    Value init = tensor::EmptyOp::create(builder, loc, sizes, elementType);
    auto folded = LinearOp::create(builder, loc, input, weight, bias, init);
    if (linear.getIndexingMaps())
      folded.setIndexingMapsAttr(builder.getAffineMapArrayAttr(
          {inputMap,
           AffineMap::getMultiDimIdentityMap(3, builder.getContext())}));
    auto type = cast<RankedTensorType>(init.getType());
    sizes.back() = builder.getIndexAttr(side.heads);
    sizes.push_back(builder.getIndexAttr(foldedDim));
    Value heads = tensor::ExpandShapeOp::create(
        builder, loc,
        RankedTensorType::get(
            {type.getDimSize(0), type.getDimSize(1), side.heads, foldedDim},
            elementType),
        folded->getResult(0), ArrayRef<ReassociationIndices>{{0}, {1}, {2, 3}},
        sizes);
    if (!side.chain.rope)
      return heads;
    RopeOp rope = side.chain.rope;
    Value empty = tensor::EmptyOp::create(builder, loc, sizes, elementType);
    return RopeOp::create(
               builder, loc, TypeRange{empty.getType()}, heads, rope.getCos(),
               rope.getSin(), empty, rope.getStyleAttr(),
               builder.getAffineMapArrayAttr({headsLast(), headsLast()}))
        ->getResult(0);
  }
};

struct FoldWeightsPass : ra::impl::FoldWeightsPassBase<FoldWeightsPass> {
  void getDependentDialects(DialectRegistry &registry) const override {
    FoldWeightsPassBase::getDependentDialects(registry);
    registry.insert<quant::QuantDialect>();
  }

  LogicalResult process(ReciprocalAttentionOp op) {
    if (!isa<RankedTensorType>(op.getQuery().getType()))
      return success();
    if (failed(ra::detail::checkGateSigns(op)))
      return failure();
    int64_t headDim = op.getHeadDim();
    Side query =
        traceSide(op.getQuery(), op.getQueryMap(), op.getNumHeads(), headDim);
    Side key =
        traceSide(op.getKey(), op.getKeyMap(), op.getNumKvHeads(), headDim);
    runtime::FoldFacts facts = gatherFacts(op, query, key);
    bool slots = op.getGqa() == GroupedMode::Slots &&
                 op.getNumHeads() != op.getNumKvHeads();
    if (slots && facts.nonAffine.empty() && query.chain.linear &&
        key.chain.linear)
      for (auto [side, map] : {std::make_pair(&query, op.getQueryMap()),
                               std::make_pair(&key, op.getKeyMap())}) {
        const auto &origins = side->chain.origins;
        if (side->chain.linear.getNumLeadingDims() != 2 ||
            origins[getOperandDim(map, 0)].leading != "0" ||
            origins[getOperandDim(map, 2)].leading != "1")
          facts.nonAffine = "a layout other than [B, T, C], which slots need,";
        else if (side->chain.clamp)
          facts.nonAffine = "a clamp of values that slots would lay out anew";
      }

    std::vector<runtime::Refusal> refusals = runtime::checkFold(facts);
    for (const runtime::Refusal &refusal : refusals) {
      StringRef rule = runtime::ruleName(refusal.rule);
      remark::missed(op.getLoc(), remark::RemarkOpts::name(rule)
                                      .category(kCategory)
                                      .subCategory(rule)
                                      .function(getOperation().getName()))
          << remark::reason("{0}", refusal.reason)
          << remark::suggest("{0}", refusal.legal);
    }
    if (!refusals.empty())
      return success();

    std::string ranks = ra::detail::describeRanks(op.getHeadDims());
    Location loc = op.getLoc();
    Rewriter rewriter(op, query, key);
    rewriter.run();
    remark::passed(
        loc, remark::RemarkOpts::name("folded").category(kCategory).function(
                 getOperation().getName()))
        << remark::reason("{0} folded into the projection weights{1}", ranks,
                          rewriter.getFoldedDim() == headDim
                              ? std::string()
                              : llvm::formatv(", head dim {0} -> {1}", headDim,
                                              rewriter.getFoldedDim())
                                    .str());
    return success();
  }

  void runOnOperation() override {
    SmallVector<ReciprocalAttentionOp> ops;
    getOperation().walk([&](ReciprocalAttentionOp op) { ops.push_back(op); });
    for (ReciprocalAttentionOp op : ops)
      if (failed(process(op)))
        return signalPassFailure();
    // The projections that nothing uses any more, users before producers.
    SmallVector<Operation *> all;
    getOperation().walk([&](Operation *op) { all.push_back(op); });
    for (Operation *op : llvm::reverse(all))
      if (op != getOperation() && isOpTriviallyDead(op))
        op->erase();
  }
};
} // namespace
