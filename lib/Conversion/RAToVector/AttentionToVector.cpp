//===- AttentionToVector.cpp - Both attention ops as one tiled kernel -----===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Online softmax. A tile is kQueryTile queries of one head; it walks over tiles
// of kKeyTile keys, keeping for every query the maximum m so far, the sum l of
// exp(s - m) and the sum O of exp(s - m) v, and rescales l and O when m grows.
// Everything is stored with lanes = queries: S^T [keys][queries], O^T [dims]
// [queries], so that no step sums across lanes.
//
// Scores are a list of terms. Term t of head h contributes
//     scale * gate_t[h] * sum_{d in dims_t[h]} left_t[i, d] * right_t[j, d]
// ra.attention has one, q_i k_j over all dims; ra.reciprocal_attention has a
// second, k_i q_j over the reciprocal dims.
//
//===----------------------------------------------------------------------===//

#include "KernelEmitter.h"

#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/PatternMatch.h"
#include "ra/Dialect/RA/IR/RAOps.h"

#include <limits>

using namespace mlir;
using namespace ra;
using namespace ra::detail;

namespace {

/// Which head of an operand a query head reads.
enum class HeadOf {
  /// The query head itself.
  Query,
  /// The key head that the query head's group shares.
  Group,
  /// The mean over the query heads of the group.
  GroupMean
};

/// One product of the scores; see the file's description.
struct ScoreTerm {
  OperandView left, right;
  HeadOf leftHead, rightHead;
  /// Per query head, the dims that the product runs over, ascending.
  SmallVector<SmallVector<int64_t>> dims;
  /// [1] or [Hq], or null for the constant.
  Value gate;
  double defaultGate = 1.0;

  int64_t maxDims() const {
    size_t most = 0;
    for (ArrayRef<int64_t> list : dims)
      most = std::max(most, list.size());
    return most;
  }
};

/// Either attention op, on values of the function that code is emitted into.
struct AttentionProblem {
  SmallVector<ScoreTerm> terms;
  OperandView query, key, value, init;
  Value bias, queryOffset, lse;
  MaskAttr mask;
  double scale;
  std::optional<double> softcap;
  int64_t numHeads, groupSize, valueDim;
};

/// The dims of one term for one head, as seen by generated code.
struct TermDims {
  Value count;
  /// First of `count` neighbouring dims, or null.
  Value start;
  /// [heads or 1][most] of indices and the row to use, when not neighbours.
  Value table, row;
};

template <typename OpTy>
AttentionProblem describeCommon(OpTy op, const IRMapping &mapping) {
  auto mapped = [&](Value value) {
    return value ? mapping.lookupOrDefault(value) : value;
  };
  AttentionProblem problem;
  problem.query = {mapped(op.getQuery()), op.getQueryMap()};
  problem.key = {mapped(op.getKey()), op.getKeyMap()};
  problem.value = {mapped(op.getValue()), op.getValueMap()};
  problem.init = {mapped(op.getInit()), op.getInitMap()};
  problem.bias = mapped(op.getBias());
  problem.queryOffset = mapped(op.getQueryOffset());
  problem.lse = mapped(op.getLseInit());
  problem.mask = op.getMask();
  problem.scale = op.getEffectiveScale();
  if (op.getSoftcap())
    problem.softcap = op.getSoftcap()->convertToDouble();
  problem.numHeads = problem.query.staticExtent(1);
  problem.groupSize = problem.numHeads / problem.key.staticExtent(1);
  problem.valueDim = problem.value.staticExtent(3);
  return problem;
}

AttentionProblem describe(AttentionOp op, const IRMapping &mapping) {
  AttentionProblem problem = describeCommon(op, mapping);
  ScoreTerm term{problem.query,    problem.key, HeadOf::Query,
                 HeadOf::Group,    {},
                 /*gate=*/Value(), 1.0};
  auto all =
      llvm::to_vector(llvm::seq<int64_t>(0, problem.query.staticExtent(3)));
  term.dims.assign(problem.numHeads, all);
  problem.terms.push_back(term);
  return problem;
}

AttentionProblem describe(ReciprocalAttentionOp op, const IRMapping &mapping) {
  AttentionProblem problem = describeCommon(op, mapping);
  auto mapped = [&](Value value) {
    return value ? mapping.lookupOrDefault(value) : value;
  };
  // w_std <q_i[S], k_j[S]>
  ScoreTerm standard{problem.query,
                     problem.key,
                     HeadOf::Query,
                     HeadOf::Group,
                     {},
                     mapped(op.getWStd()),
                     ReciprocalAttentionOp::kDefaultStandardGate};
  // w_rec <k_i[L], q_j[L]>
  bool mean = problem.groupSize > 1 && op.getGqa() == GroupedMode::Mean;
  ScoreTerm reciprocal{problem.key,
                       problem.query,
                       HeadOf::Group,
                       mean ? HeadOf::GroupMean : HeadOf::Query,
                       op.getHeadDims(),
                       mapped(op.getWRec()),
                       ReciprocalAttentionOp::kDefaultReciprocalGate};
  for (ArrayRef<int64_t> low : reciprocal.dims) {
    SmallVector<int64_t> rest;
    for (int64_t dim : llvm::seq<int64_t>(0, op.getHeadDim()))
      if (!llvm::is_contained(low, dim))
        rest.push_back(dim);
    standard.dims.push_back(rest);
  }
  problem.terms.push_back(standard);
  if (reciprocal.maxDims() > 0)
    problem.terms.push_back(reciprocal);
  return problem;
}

/// Static tile sizes of a problem.
struct TileSizes {
  int64_t queries, keys;
  int64_t bytes;
};

/// The largest tile: what the register tile divides and L2 holds.
constexpr int64_t kQueryTile = 64;
constexpr int64_t kKeyTile = 64;
/// Scratch must fit on a thread's stack beside everything else.
constexpr int64_t kMaxScratchBytes = int64_t(2) << 20;

TileSizes chooseTile(const AttentionProblem &problem, VectorShape shape) {
  auto limit = [](int64_t tile, int64_t extent) {
    return ShapedType::isDynamic(extent)
               ? tile
               : std::min(tile, std::max<int64_t>(extent, 1));
  };
  TileSizes tile;
  tile.queries = llvm::alignTo(limit(kQueryTile, problem.query.staticExtent(2)),
                               shape.lanes);
  tile.keys = limit(kKeyTile, problem.key.staticExtent(2));
  auto bytes = [&] {
    int64_t rows = tile.queries + tile.keys;
    int64_t floats = rows * problem.valueDim + tile.queries * tile.keys;
    for (const ScoreTerm &term : problem.terms)
      floats += rows * term.maxDims();
    return floats * 4;
  };
  while (bytes() > kMaxScratchBytes && tile.keys > 8)
    tile.keys /= 2;
  while (bytes() > kMaxScratchBytes && tile.queries > shape.lanes)
    tile.queries = llvm::alignTo(tile.queries / 2, shape.lanes);
  tile.bytes = bytes();
  return tile;
}

/// Emits the body of one tile.
class AttentionTileEmitter : KernelEmitter {
public:
  AttentionTileEmitter(ImplicitLocOpBuilder &builder, VectorShape shape,
                       const AttentionProblem &problem, TileSizes tile,
                       StringRef kernelName)
      : KernelEmitter(builder, shape), problem(problem), tile(tile),
        kernelName(kernelName) {}

  void emit(Value batch, Value head, Value queryTile);

private:
  Value table(const Twine &name, ArrayRef<int64_t> shape,
              ArrayRef<int64_t> values);
  TermDims termDims(const ScoreTerm &term, unsigned number);
  Value dimAt(const TermDims &dims, Value n);
  Value headIndex(HeadOf head);
  void packLeft(const ScoreTerm &term, const TermDims &dims, Value packed);
  void packRight(const ScoreTerm &term, const TermDims &dims, Value packed,
                 Value key, Value count);
  void packValue(Value key, Value count);
  void rowsTo(Value count, int64_t all, Value packed, Value width,
              function_ref<void(Value)> copy);
  void scores(Value key, Value count);
  void softcapScores(Value count);
  void addBias(Value key, Value count);
  void maskScores(Value key, Value count);
  void softmax(Value count);
  void accumulate(Value count);
  void epilogue();
  void forLanes(function_ref<void(Value)> body) {
    loop(index(0), index(tile.queries), shape.lanes, body);
  }

  const AttentionProblem &problem;
  TileSizes tile;
  StringRef kernelName;
  Value batch, head, group;
  /// First query row of the tile, number of rows, and the position on the key
  /// axis of the first row.
  Value firstQuery, numQueries, position;
  SmallVector<TermDims> dims;
  SmallVector<Value> leftPacked, rightPacked;
  Value valuePacked, scoreTile, output, maximum, sum, rescale;
};

Value AttentionTileEmitter::table(const Twine &name, ArrayRef<int64_t> extents,
                                  ArrayRef<int64_t> values) {
  auto module = b.getBlock()->getParentOp()->getParentOfType<ModuleOp>();
  std::string symbol = (kernelName + name).str();
  auto type = MemRefType::get(extents, b.getIndexType());
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPoint(module.lookupSymbol(kernelName));
    memref::GlobalOp::create(
        b, symbol, b.getStringAttr("private"), type,
        DenseIntElementsAttr::get(
            RankedTensorType::get(extents, b.getIndexType()), values),
        /*constant=*/true, /*alignment=*/IntegerAttr());
  }
  return memref::GetGlobalOp::create(b, type, symbol);
}

TermDims AttentionTileEmitter::termDims(const ScoreTerm &term,
                                        unsigned number) {
  bool equal = llvm::all_equal(term.dims);
  bool neighbours = llvm::all_of(term.dims, [](ArrayRef<int64_t> list) {
    return list.empty() ||
           list.back() - list.front() + 1 == static_cast<int64_t>(list.size());
  });
  auto startOf = [](ArrayRef<int64_t> list) {
    return list.empty() ? 0 : list.front();
  };
  TermDims result;
  SmallVector<int64_t> starts, counts;
  for (ArrayRef<int64_t> list : term.dims) {
    starts.push_back(startOf(list));
    counts.push_back(list.size());
  }
  int64_t heads = problem.numHeads;
  if (equal) {
    result.count = index(counts.front());
    if (neighbours)
      result.start = index(starts.front());
  } else {
    result.count = memref::LoadOp::create(
        b, table("_counts_" + Twine(number), {heads}, counts), head);
    if (neighbours)
      result.start = memref::LoadOp::create(
          b, table("_starts_" + Twine(number), {heads}, starts), head);
  }
  if (neighbours)
    return result;
  int64_t rows = equal ? 1 : heads, width = term.maxDims();
  SmallVector<int64_t> values(rows * width, 0);
  for (int64_t row = 0; row < rows; ++row)
    llvm::copy(term.dims[row], values.begin() + row * width);
  result.table = table("_dims_" + Twine(number), {rows, width}, values);
  result.row = equal ? index(0) : head;
  return result;
}

Value AttentionTileEmitter::dimAt(const TermDims &dims, Value n) {
  if (dims.start)
    return add(dims.start, n);
  return load(dims.table, {dims.row, n});
}

Value AttentionTileEmitter::headIndex(HeadOf which) {
  return which == HeadOf::Query ? head : group;
}

/// packed[n][i] = scale * gate * left[i, dim n], 0 for rows beyond the end.
void AttentionTileEmitter::packLeft(const ScoreTerm &term, const TermDims &dims,
                                    Value packed) {
  Value factor = f32(problem.scale * (term.gate ? 1.0 : term.defaultGate));
  if (term.gate) {
    auto type = cast<MemRefType>(term.gate.getType());
    Value which = type.getDimSize(0) == 1 ? index(0) : head;
    factor = arith::MulFOp::create(b, factor, extend(load(term.gate, {which})));
  }
  Value leftHead = headIndex(term.leftHead);
  if (dims.start)
    copyTransposed(term.left, {batch, leftHead, firstQuery, dims.start}, 2,
                   numQueries, 3, dims.count, factor, packed,
                   [](Value n, Value i) { return Values{n, i}; });
  else
    loop(index(0), numQueries, 1, [&](Value i) {
      loop(index(0), dims.count, 1, [&](Value n) {
        Value element = loadScalar(
            term.left, {batch, leftHead, add(firstQuery, i), dimAt(dims, n)});
        store(arith::MulFOp::create(b, element, factor), packed, {n, i});
      });
    });
  loop(index(0), dims.count, 1,
       [&](Value n) { zeroRow(packed, {n}, numQueries, index(tile.queries)); });
}

/// Copies rows [0, count) and fills rows [count, all) of `packed` with zeros.
void AttentionTileEmitter::rowsTo(Value count, int64_t all, Value packed,
                                  Value width, function_ref<void(Value)> copy) {
  loop(index(0), count, 1, copy);
  loop(count, index(all), 1,
       [&](Value row) { zeroRow(packed, {row}, index(0), width); });
}

/// packed[j][n] = right[key + j, dim n], 0 for rows beyond `count`.
void AttentionTileEmitter::packRight(const ScoreTerm &term,
                                     const TermDims &dims, Value packed,
                                     Value key, Value count) {
  rowsTo(count, tile.keys, packed, dims.count, [&](Value j) {
    Value row = add(key, j);
    if (term.rightHead != HeadOf::GroupMean && dims.start) {
      copyRow(term.right, {batch, headIndex(term.rightHead), row, dims.start},
              3, dims.count, packed, {j});
      return;
    }
    loop(index(0), dims.count, 1, [&](Value n) {
      Value dim = dimAt(dims, n);
      if (term.rightHead != HeadOf::GroupMean) {
        store(loadScalar(term.right,
                         {batch, headIndex(term.rightHead), row, dim}),
              packed, {j, n});
        return;
      }
      Value first = mul(group, index(problem.groupSize));
      Values total =
          loop(index(0), index(problem.groupSize), 1, {f32(0.0)},
               [&](Value member, ValueRange carried) -> Values {
                 Value element = loadScalar(
                     term.right, {batch, add(first, member), row, dim});
                 return {arith::AddFOp::create(b, carried[0], element)};
               });
      store(arith::MulFOp::create(b, total[0], f32(1.0 / problem.groupSize)),
            packed, {j, n});
    });
  });
}

void AttentionTileEmitter::packValue(Value key, Value count) {
  loop(index(0), count, 1, [&](Value j) {
    copyRow(problem.value, {batch, group, add(key, j), index(0)}, 3,
            index(problem.valueDim), valuePacked, {j});
  });
}

/// scoreTile[j][i] for all rows of the key tile.
void AttentionTileEmitter::scores(Value key, Value count) {
  for (unsigned number = 0; number < problem.terms.size(); ++number) {
    Value left = leftPacked[number], right = rightPacked[number];
    packRight(problem.terms[number], dims[number], right, key, count);
    product(
        index(tile.keys), tile.queries, dims[number].count,
        {[&](Value row, Value k) { return load(right, {row, k}); },
         [&](Value k, Value column) { return loadVector(left, {k, column}); },
         [&](Value row, Value column) {
           return number == 0 ? splat(0.0)
                              : loadVector(scoreTile, {row, column});
         },
         [&](Value total, Value row, Value column) {
           storeVector(total, scoreTile, {row, column});
         }});
  }
}

void AttentionTileEmitter::softcapScores(Value count) {
  if (!problem.softcap)
    return;
  loop(index(0), count, 1, [&](Value j) {
    forLanes([&](Value lane) {
      Value score = loadVector(scoreTile, {j, lane});
      score = arith::MulFOp::create(b, score, splat(1.0 / *problem.softcap));
      score = math::TanhOp::create(b, score);
      score = arith::MulFOp::create(b, score, splat(*problem.softcap));
      storeVector(score, scoreTile, {j, lane});
    });
  });
}

void AttentionTileEmitter::addBias(Value key, Value count) {
  if (!problem.bias)
    return;
  auto type = cast<MemRefType>(problem.bias.getType());
  OperandView bias{problem.bias, b.getMultiDimIdentityMap(4)};
  // A dynamic extent may be 1 as well.
  auto coordinate = [&](unsigned dim, Value position) {
    if (!type.isDynamicDim(dim))
      return type.getDimSize(dim) == 1 ? index(0) : position;
    Value extent =
        memref::DimOp::create(b, problem.bias, static_cast<int64_t>(dim));
    Value shared = compare(arith::CmpIPredicate::eq, extent, index(1));
    return Value(arith::SelectOp::create(b, shared, index(0), position));
  };
  Value biasBatch = coordinate(0, batch), biasHead = coordinate(1, head);
  loop(index(0), numQueries, 1, [&](Value i) {
    loop(index(0), count, 1, [&](Value j) {
      Value addend = loadScalar(
          bias, {biasBatch, biasHead, add(firstQuery, i), add(key, j)});
      Value score = load(scoreTile, {j, i});
      store(arith::AddFOp::create(b, score, addend), scoreTile, {j, i});
    });
  });
}

/// Key `key + j` is visible to lane i iff lo + i <= j < hi + i, where hi and lo
/// come from the position of the first query.
void AttentionTileEmitter::maskScores(Value key, Value count) {
  if (problem.mask.isNone())
    return;
  bool window = problem.mask.getKind() == MaskKind::Window;
  Value last = sub(add(key, count), index(1));
  Value edge = compare(arith::CmpIPredicate::sgt, last, position);
  if (window) {
    Value lastPosition = add(position, sub(numQueries, index(1)));
    Value low = sub(lastPosition, index(problem.mask.getWindow()));
    Value below = compare(arith::CmpIPredicate::sle, key, low);
    edge = arith::OrIOp::create(b, edge, below);
  }
  ifThen(edge, [&] {
    Type i32 = b.getI32Type();
    VectorType lanesType = VectorType::get({shape.lanes}, i32);
    // Far outside the tile every bound means the same; clamp to i32.
    auto bound = [&](Value value) {
      Value clamped = max(min(value, index(1 << 28)), index(-(1 << 28)));
      return arith::IndexCastOp::create(b, i32, clamped);
    };
    SmallVector<int32_t> steps;
    for (int64_t i = 0; i < shape.lanes; ++i)
      steps.push_back(i);
    Value step = arith::ConstantOp::create(
        b, DenseElementsAttr::get(lanesType, ArrayRef<int32_t>(steps)));
    Value high = add(sub(position, key), index(1));
    Value highBound = bound(high), lowBound;
    if (window)
      lowBound = bound(sub(high, index(problem.mask.getWindow())));
    Value hidden = splat(-std::numeric_limits<float>::infinity());
    forLanes([&](Value lane) {
      Value lanes = arith::AddIOp::create(
          b, step, broadcast(arith::IndexCastOp::create(b, i32, lane)));
      Value highs = arith::AddIOp::create(b, lanes, broadcast(highBound));
      Value lows;
      if (window)
        lows = arith::AddIOp::create(b, lanes, broadcast(lowBound));
      loop(index(0), count, 1, [&](Value j) {
        Value row = broadcast(arith::IndexCastOp::create(b, i32, j));
        Value visible =
            arith::CmpIOp::create(b, arith::CmpIPredicate::slt, row, highs);
        if (window) {
          Value above =
              arith::CmpIOp::create(b, arith::CmpIPredicate::sge, row, lows);
          visible = arith::AndIOp::create(b, visible, above);
        }
        Value score = loadVector(scoreTile, {j, lane});
        storeVector(arith::SelectOp::create(b, visible, score, hidden),
                    scoreTile, {j, lane});
      });
    });
  });
}

/// Turns scores into exp(s - m) and updates m, l and the factor for O.
void AttentionTileEmitter::softmax(Value count) {
  auto panel = [&](Value column, int64_t chunks) {
    Values lanes, before;
    for (int64_t c = 0; c < chunks; ++c) {
      lanes.push_back(add(column, index(c * shape.lanes)));
      before.push_back(loadVector(maximum, {lanes.back()}));
    }
    Values most =
        loop(index(0), count, 1, before, [&](Value j, ValueRange carried) {
          Values next;
          for (int64_t c = 0; c < chunks; ++c) {
            Value score = loadVector(scoreTile, {j, lanes[c]});
            // A NaN score loses here and shows in the sum.
            Value above = arith::CmpFOp::create(b, arith::CmpFPredicate::OGT,
                                                score, carried[c]);
            next.push_back(
                arith::SelectOp::create(b, above, score, carried[c]));
          }
          return next;
        });
    Values reference, sums;
    Value lowest = splat(-std::numeric_limits<float>::infinity());
    for (int64_t c = 0; c < chunks; ++c) {
      storeVector(most[c], maximum, {lanes[c]});
      // A row that has seen no key: any finite reference gives exp(-inf) = 0.
      Value unseen =
          arith::CmpFOp::create(b, arith::CmpFPredicate::OEQ, most[c], lowest);
      reference.push_back(
          arith::SelectOp::create(b, unseen, splat(0.0), most[c]));
      Value factor = math::ExpOp::create(
          b, arith::SubFOp::create(b, before[c], reference[c]));
      storeVector(factor, rescale, {lanes[c]});
      sums.push_back(
          arith::MulFOp::create(b, loadVector(sum, {lanes[c]}), factor));
    }
    sums = loop(index(0), count, 1, sums, [&](Value j, ValueRange carried) {
      Values next;
      for (int64_t c = 0; c < chunks; ++c) {
        Value score = loadVector(scoreTile, {j, lanes[c]});
        Value weight = math::ExpOp::create(
            b, arith::SubFOp::create(b, score, reference[c]));
        storeVector(weight, scoreTile, {j, lanes[c]});
        next.push_back(arith::AddFOp::create(b, carried[c], weight));
      }
      return next;
    });
    for (int64_t c = 0; c < chunks; ++c)
      storeVector(sums[c], sum, {lanes[c]});
  };
  int64_t width = shape.lanes * shape.chunks;
  int64_t full = tile.queries / width * width;
  if (full)
    loop(index(0), index(full), width,
         [&](Value column) { panel(column, shape.chunks); });
  if (tile.queries > full)
    panel(index(full), (tile.queries - full) / shape.lanes);
}

/// O^T = O^T * rescale + V^T P^T
void AttentionTileEmitter::accumulate(Value count) {
  product(index(problem.valueDim), tile.queries, count,
          {[&](Value row, Value k) { return load(valuePacked, {k, row}); },
           [&](Value k, Value column) {
             return loadVector(scoreTile, {k, column});
           },
           [&](Value row, Value column) -> Value {
             return arith::MulFOp::create(b, loadVector(output, {row, column}),
                                          loadVector(rescale, {column}));
           },
           [&](Value total, Value row, Value column) {
             storeVector(total, output, {row, column});
           }});
}

void AttentionTileEmitter::epilogue() {
  // 1/l, and 0 for a row without keys; kept where the factors were.
  forLanes([&](Value lane) {
    Value total = loadVector(sum, {lane});
    Value empty =
        arith::CmpFOp::create(b, arith::CmpFPredicate::OEQ, total, splat(0.0));
    Value inverse = arith::DivFOp::create(b, splat(1.0), total);
    storeVector(arith::SelectOp::create(b, empty, splat(0.0), inverse), rescale,
                {lane});
  });
  storeTransposed(output, rescale, problem.init,
                  {batch, head, firstQuery, index(0)}, 2, numQueries, 3,
                  index(problem.valueDim));
  if (!problem.lse)
    return;
  OperandView lse{problem.lse, b.getMultiDimIdentityMap(3)};
  loop(index(0), numQueries, 1, [&](Value i) {
    Value total = load(sum, {i});
    Value empty =
        arith::CmpFOp::create(b, arith::CmpFPredicate::OEQ, total, f32(0.0));
    Value logarithm = arith::AddFOp::create(b, load(maximum, {i}),
                                            math::LogOp::create(b, total));
    Value none = f32(-std::numeric_limits<float>::infinity());
    storeScalar(arith::SelectOp::create(b, empty, none, logarithm), lse,
                {batch, head, add(firstQuery, i)});
  });
}

void AttentionTileEmitter::emit(Value batchIndex, Value headIndex,
                                Value queryTile) {
  batch = batchIndex;
  head = headIndex;
  for (const ScoreTerm &term : problem.terms) {
    leftPacked.push_back(scratch({term.maxDims(), tile.queries}));
    rightPacked.push_back(scratch({tile.keys, term.maxDims()}));
  }
  valuePacked = scratch({tile.keys, problem.valueDim});
  scoreTile = scratch({tile.keys, tile.queries});
  output = scratch({problem.valueDim, tile.queries});
  maximum = scratch({tile.queries});
  sum = scratch({tile.queries});
  rescale = scratch({tile.queries});

  group = div(head, index(problem.groupSize));
  Value queries = extent(problem.query, 2), keys = extent(problem.key, 2);
  firstQuery = mul(queryTile, index(tile.queries));
  numQueries = min(index(tile.queries), sub(queries, firstQuery));
  position = firstQuery;
  if (problem.mask.isBottomRight())
    position = add(position, sub(keys, queries));
  if (problem.queryOffset)
    position = add(position, problem.queryOffset);

  for (auto [number, term] : llvm::enumerate(problem.terms)) {
    dims.push_back(termDims(term, number));
    packLeft(term, dims.back(), leftPacked[number]);
  }
  Value lowest = splat(-std::numeric_limits<float>::infinity());
  forLanes([&](Value lane) {
    storeVector(lowest, maximum, {lane});
    storeVector(splat(0.0), sum, {lane});
    loop(index(0), index(problem.valueDim), 1,
         [&](Value d) { storeVector(splat(0.0), output, {d, lane}); });
  });

  // Keys that some query of the tile sees.
  Value first = index(0), end = keys;
  if (!problem.mask.isNone())
    end = min(keys, add(position, numQueries));
  if (problem.mask.getKind() == MaskKind::Window)
    first = max(index(0),
                add(sub(position, index(problem.mask.getWindow())), index(1)));
  loop(first, end, tile.keys, [&](Value key) {
    Value count = min(index(tile.keys), sub(end, key));
    packValue(key, count);
    scores(key, count);
    softcapScores(count);
    addBias(key, count);
    maskScores(key, count);
    softmax(count);
    accumulate(count);
  });
  epilogue();
}

/// Replaces the op by a parallel loop over tiles.
template <typename OpTy> struct LowerAttention : OpRewritePattern<OpTy> {
  LowerAttention(MLIRContext *context, VectorShape shape)
      : OpRewritePattern<OpTy>(context), shape(shape) {}

  LogicalResult matchAndRewrite(OpTy op,
                                PatternRewriter &rewriter) const override {
    auto kernel = op->template getParentOfType<func::FuncOp>();
    if (!kernel || !isa<MemRefType>(op.getQuery().getType()))
      return rewriter.notifyMatchFailure(op, "not on memrefs in a function");
    if (std::optional<std::string> reason = whyNotLowered(op, shape))
      return rewriter.notifyMatchFailure(op, *reason);
    AttentionProblem problem = describe(op, IRMapping());
    TileSizes tile = chooseTile(problem, shape);

    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    SmallVector<Type> types(3, b.getIndexType());
    llvm::append_range(types, op->getOperandTypes());
    func::FuncOp function = createTileFunction(b, kernel, types);
    IRMapping mapping;
    mapping.map(op->getOperands(), function.getArguments().drop_front(3));
    AttentionProblem inTile = describe(op, mapping);
    AttentionTileEmitter(b, shape, inTile, tile, function.getName())
        .emit(function.getArgument(0), function.getArgument(1),
              function.getArgument(2));

    b.setInsertionPoint(op);
    KernelEmitter outer(b, shape);
    Value zero = outer.index(0), one = outer.index(1);
    Value tiles = outer.ceilDiv(outer.extent(problem.query, 2), tile.queries);
    scf::ParallelOp::create(
        b, ValueRange{zero, zero, zero},
        ValueRange{outer.extent(problem.query, 0),
                   outer.index(problem.numHeads), tiles},
        ValueRange{one, one, one},
        [&](OpBuilder &nested, Location loc, ValueRange ivs) {
          SmallVector<Value> operands(ivs);
          llvm::append_range(operands, op->getOperands());
          func::CallOp::create(nested, loc, function, operands);
        });
    rewriter.eraseOp(op);
    return success();
  }

  VectorShape shape;
};

template <typename OpTy>
std::optional<std::string> scratchTooLarge(OpTy op, VectorShape shape) {
  int64_t bytes = chooseTile(describe(op, IRMapping()), shape).bytes;
  if (bytes <= kMaxScratchBytes)
    return std::nullopt;
  return "needs " + std::to_string(bytes) +
         " bytes of scratch memory per tile, more than " +
         std::to_string(kMaxScratchBytes) + "; use smaller head dims";
}

} // namespace

std::optional<std::string> ra::detail::whyNotLowered(Operation *op,
                                                     VectorShape shape) {
  if (op->getNumResults() != 0)
    return "has no CPU lowering on tensors; decompose it or bufferise first "
           "(--ra-bufferize)";
  if (auto attention = dyn_cast<AttentionOp>(op))
    return scratchTooLarge(attention, shape);
  if (auto reciprocal = dyn_cast<ReciprocalAttentionOp>(op)) {
    if (reciprocal.getProjection() || reciprocal.getBasisQuery())
      return "with a projection or basis has no CPU lowering; decompose it on "
             "tensors first";
    return scratchTooLarge(reciprocal, shape);
  }
  return std::nullopt;
}

void ra::detail::populateAttentionPatterns(RewritePatternSet &patterns,
                                           VectorShape shape) {
  patterns
      .add<LowerAttention<AttentionOp>, LowerAttention<ReciprocalAttentionOp>>(
          patterns.getContext(), shape);
}
