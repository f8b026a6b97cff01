//===- AttentionTask.cpp - Online softmax over tiles of one head ----------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A task is a few query tiles of one head. It walks over tiles of keys, packs
// each once, and lets every query tile use it. A query tile keeps for every
// query the maximum m so far, the sum l of exp(s - m) and the sum O of
// exp(s - m) v, and rescales l and O when m grows. Everything is stored with
// lanes = queries: S^T [keys][queries], O^T [dims][queries], so that no step
// sums across lanes. exp(s - m) is 2^((s - m) log2(e)): the difference first,
// so that a row of one huge negative number, as masks are written with, is a
// row of ones.
//
// Where all queries see all keys of a full tile, sizes are static and products
// run in register tiles. Elsewhere (edges of the mask, the last keys, the last
// queries) each vector of queries runs by itself over the keys that one of its
// lanes sees: little work is done for pairs that do not count, at nine tenths
// of the speed.
//
//===----------------------------------------------------------------------===//

#include "AttentionProblem.h"

#include "mlir/Dialect/Math/IR/Math.h"

#include <cmath>
#include <limits>

using namespace mlir;
using namespace ra;
using namespace ra::detail;

namespace {

constexpr double kLog2E = 1.4426950408889634074;

/// The dims of one term for one head, as seen by generated code.
struct TermDims {
  Value count;
  /// First of `count` neighbouring dims, or null.
  Value start;
  /// [heads or 1][most] of indices and the row to use, when not neighbours.
  Value table, row;
};

class AttentionTaskEmitter : KernelEmitter {
public:
  AttentionTaskEmitter(ImplicitLocOpBuilder &builder, VectorShape shape,
                       const AttentionProblem &problem,
                       const AttentionTile &tile, StringRef kernelName)
      : KernelEmitter(builder, shape), problem(problem), tile(tile),
        kernelName(kernelName) {}

  void emit(Value batch, Value head, Value firstTile, Value numTiles);

private:
  /// One query tile of the task, in generated code.
  struct Queries {
    /// Its number in the task, first row, number of rows, and the position on
    /// the key axis of the first row.
    Value number, first, count, position;
  };
  /// Vectors of queries, by their first columns, and the keys [lower, upper) of
  /// the tile that they look at.
  struct Block {
    Values columns;
    Value lower, upper;
  };

  Value table(const Twine &name, ArrayRef<int64_t> shape,
              ArrayRef<int64_t> values);
  TermDims termDims(const ScoreTerm &term, unsigned number);
  Value dimAt(const TermDims &dims, Value n);
  Value headIndex(HeadOf head);
  Queries queries(Value number);

  void packLeft(unsigned number, const Queries &queries);
  void packRight(unsigned number, Value key, Value count);
  void packRows(const OperandView &view, Value headOfView, Value firstDim,
                Value numDims, Value key, Value count, Value packed);
  void packBias(const Queries &queries, Value key, Value count);

  void start(const Queries &queries);
  void visit(const Queries &queries, Value key, Value count);
  void visitAll(const Queries &queries, Value key);
  void visitEdge(const Queries &queries, Value key, Value count,
                 Value positionInTile);
  Product scoreProduct(unsigned number, const Queries &queries);
  Product valueProduct(const Queries &queries);
  void softcap(const Block &block);
  Value expOfDifference(Value score, Value maximum);
  void mask(Value column, Value positionInTile, Value lower, Value upper);
  void softmax(const Queries &queries, const Block &block);
  void finish(const Queries &queries);

  bool isWindow() const { return problem.mask.getKind() == MaskKind::Window; }
  Value infinity() { return splat(-std::numeric_limits<float>::infinity()); }

  const AttentionProblem &problem;
  AttentionTile tile;
  StringRef kernelName;
  Value batch, head, group;
  Value firstRow, numRows, numKeys;
  SmallVector<TermDims> dims;
  /// Per term [tile][dims][queries] and [keys][dims].
  SmallVector<Value> leftPacked, rightPacked;
  /// [keys][dims], [keys][queries] twice, [tile][dims][queries].
  Value valuePacked, scoreTile, biasTile, output;
  /// [tile][queries] twice, [queries].
  Value maximum, sum, rescale;
};

//===----------------------------------------------------------------------===//
// Dims and heads
//===----------------------------------------------------------------------===//

Value AttentionTaskEmitter::table(const Twine &name, ArrayRef<int64_t> extents,
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

TermDims AttentionTaskEmitter::termDims(const ScoreTerm &term,
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

Value AttentionTaskEmitter::dimAt(const TermDims &dims, Value n) {
  if (dims.start)
    return add(dims.start, n);
  return load(dims.table, {dims.row, n});
}

Value AttentionTaskEmitter::headIndex(HeadOf which) {
  return which == HeadOf::Query ? head : group;
}

AttentionTaskEmitter::Queries AttentionTaskEmitter::queries(Value number) {
  Queries result;
  result.number = number;
  result.first = add(firstRow, mul(number, index(tile.queries)));
  result.count = min(index(tile.queries), sub(numRows, result.first));
  result.position = result.first;
  if (problem.mask.isBottomRight())
    result.position = add(result.position, sub(numKeys, numRows));
  if (problem.queryOffset)
    result.position = add(result.position, problem.queryOffset);
  return result;
}

//===----------------------------------------------------------------------===//
// Packing
//===----------------------------------------------------------------------===//

/// packed[n][i] = factor * left[i, dim n]; rows beyond the end repeat the last.
void AttentionTaskEmitter::packLeft(unsigned number, const Queries &queries) {
  const ScoreTerm &term = problem.terms[number];
  const TermDims &termDims = dims[number];
  double constant =
      problem.scale * (problem.softcap ? 1.0 / *problem.softcap : 1.0);
  Value factor = f32(constant * (term.gate ? 1.0 : term.defaultGate));
  if (term.gate) {
    auto type = cast<MemRefType>(term.gate.getType());
    Value which = type.getDimSize(0) == 1 ? index(0) : head;
    factor = arith::MulFOp::create(b, factor, extend(load(term.gate, {which})));
  }
  Value packed = leftPacked[number], leftHead = headIndex(term.leftHead);
  if (termDims.start) {
    copyTransposed(
        term.left, {batch, leftHead, queries.first, termDims.start}, 2,
        queries.count, 3, termDims.count, factor, packed,
        [&](Value n, Value i) { return Values{queries.number, n, i}; });
    return;
  }
  Value last = sub(queries.count, index(1));
  loop(index(0), index(tile.queries), 1, [&](Value i) {
    Value row = add(queries.first, min(i, last));
    loop(index(0), termDims.count, 1, [&](Value n) {
      Value element =
          loadScalar(term.left, {batch, leftHead, row, dimAt(termDims, n)});
      store(arith::MulFOp::create(b, element, factor), packed,
            {queries.number, n, i});
    });
  });
}

/// packed[j][n] = view[key + j, firstDim + n]
void AttentionTaskEmitter::packRows(const OperandView &view, Value headOfView,
                                    Value firstDim, Value numDims, Value key,
                                    Value count, Value packed) {
  loop(index(0), count, 1, [&](Value j) {
    copyRow(view, {batch, headOfView, add(key, j), firstDim}, 3, numDims,
            packed, {j});
  });
}

/// packed[j][n] = right[key + j, dim n], and rows of zeros beyond `count`.
void AttentionTaskEmitter::packRight(unsigned number, Value key, Value count) {
  const ScoreTerm &term = problem.terms[number];
  const TermDims &termDims = dims[number];
  Value packed = rightPacked[number];
  loop(count, add(count, index(tile.padding)), 1, [&](Value row) {
    zeroRow(packed, {row}, index(0), index(term.maxDims()));
  });
  if (term.rightHead != HeadOf::GroupMean && termDims.start) {
    packRows(term.right, headIndex(term.rightHead), termDims.start,
             termDims.count, key, count, packed);
    return;
  }
  loop(index(0), count, 1, [&](Value j) {
    Value row = add(key, j);
    loop(index(0), termDims.count, 1, [&](Value n) {
      Value dim = dimAt(termDims, n);
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

/// biasTile[j][i] = bias[i, key + j]
void AttentionTaskEmitter::packBias(const Queries &queries, Value key,
                                    Value count) {
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
  copyTransposed(
      bias, {coordinate(0, batch), coordinate(1, head), queries.first, key}, 2,
      queries.count, 3, count, /*factor=*/Value(), biasTile,
      [&](Value j, Value i) { return Values{j, i}; });
}

//===----------------------------------------------------------------------===//
// One tile of queries with one tile of keys
//===----------------------------------------------------------------------===//

/// S^T[j][i] = sum_n right[j][n] left[n][i], added to what is there for the
/// terms after the first, and to the bias.
KernelEmitter::Product
AttentionTaskEmitter::scoreProduct(unsigned number, const Queries &queries) {
  Value left = leftPacked[number], right = rightPacked[number];
  Product result;
  result.a = [=](Value row, Value k) { return load(right, {row, k}); };
  result.b = [=](Value k, Value column) {
    return loadVector(left, {queries.number, k, column});
  };
  result.init = [=](Value row, Value column) {
    if (number > 0)
      return loadVector(scoreTile, {row, column});
    // Capped scores get theirs afterwards.
    if (problem.bias && !problem.softcap)
      return loadVector(biasTile, {row, column});
    return splat(0.0);
  };
  result.store = [=](Value total, Value row, Value column) {
    storeVector(total, scoreTile, {row, column});
  };
  return result;
}

/// O^T = O^T * rescale + V^T P^T
KernelEmitter::Product
AttentionTaskEmitter::valueProduct(const Queries &queries) {
  Product result;
  result.a = [=](Value row, Value k) { return load(valuePacked, {k, row}); };
  result.b = [=](Value k, Value column) {
    return loadVector(scoreTile, {k, column});
  };
  result.init = [=](Value row, Value column) -> Value {
    return arith::MulFOp::create(
        b, loadVector(output, {queries.number, row, column}),
        loadVector(rescale, {column}));
  };
  result.store = [=](Value total, Value row, Value column) {
    storeVector(total, output, {queries.number, row, column});
  };
  return result;
}

void AttentionTaskEmitter::softcap(const Block &block) {
  if (!problem.softcap)
    return;
  loop(block.lower, block.upper, 1, [&](Value j) {
    for (Value column : block.columns) {
      Value score = loadVector(scoreTile, {j, column});
      score = math::TanhOp::create(b, score);
      Value cap = splat(*problem.softcap);
      if (problem.bias)
        score = vector::FMAOp::create(b, score, cap,
                                      loadVector(biasTile, {j, column}));
      else
        score = arith::MulFOp::create(b, score, cap);
      storeVector(score, scoreTile, {j, column});
    }
  });
}

/// Hides from each lane i of the vector at `column` the keys j of [lower,
/// upper) with j > position + i and, under a window W, j <= position + i - W,
/// `position` being that of query 0.
void AttentionTaskEmitter::mask(Value column, Value position, Value lower,
                                Value upper) {
  if (problem.mask.isNone())
    return;
  Type i32 = b.getI32Type();
  auto toI32 = [&](Value value) {
    // Bounds far outside of the tile all mean the same.
    Value clamped = max(min(value, index(1 << 28)), index(-(1 << 28)));
    return broadcast(arith::IndexCastOp::create(b, i32, clamped));
  };
  auto steps = llvm::to_vector(llvm::seq<int32_t>(0, shape.lanes));
  Value step = arith::ConstantOp::create(
      b, DenseElementsAttr::get(VectorType::get({shape.lanes}, i32),
                                ArrayRef<int32_t>(steps)));
  // Hides the rows [from, to) where row <predicate> bound + lane.
  auto hide = [&](Value from, Value to, arith::CmpIPredicate predicate,
                  Value bound) {
    Value bounds = arith::AddIOp::create(b, toI32(bound), step);
    loop(from, to, 1, [&](Value j) {
      Value row = broadcast(arith::IndexCastOp::create(b, i32, j));
      Value hidden = arith::CmpIOp::create(b, predicate, row, bounds);
      Value score = loadVector(scoreTile, {j, column});
      storeVector(arith::SelectOp::create(b, hidden, infinity(), score),
                  scoreTile, {j, column});
    });
  };
  Value last = add(position, column);
  hide(max(lower, add(last, index(1))), upper, arith::CmpIPredicate::sgt, last);
  if (!isWindow())
    return;
  Value before = sub(last, index(problem.mask.getWindow()));
  hide(lower, min(upper, add(before, index(shape.lanes))),
       arith::CmpIPredicate::sle, before);
}

/// exp(s - m) for s <= m.
Value AttentionTaskEmitter::expOfDifference(Value score, Value maximum) {
  return exp2NonPositive(arith::MulFOp::create(
      b, arith::SubFOp::create(b, score, maximum), splat(kLog2E)));
}

/// Turns the scores of a block into exp(s - m) and updates m, l and the factor
/// for O.
void AttentionTaskEmitter::softmax(const Queries &queries, const Block &block) {
  size_t chunks = block.columns.size();
  // Enough chains of maxima to hide the latency of one.
  int64_t ways = std::max<int64_t>(1, 8 / static_cast<int64_t>(chunks));
  Values before;
  for (Value column : block.columns)
    before.push_back(loadVector(maximum, {queries.number, column}));
  auto larger = [&](Value a, Value c) -> Value {
    // A NaN score loses here and shows in the sum.
    Value above = arith::CmpFOp::create(b, arith::CmpFPredicate::OGT, a, c);
    return arith::SelectOp::create(b, above, a, c);
  };
  Values most;
  for (int64_t way = 0; way < ways; ++way)
    llvm::append_range(most, before);
  auto rows = [&](Value lower, Value upper, int64_t step, ValueRange inits) {
    return loop(lower, upper, step, inits, [&](Value j, ValueRange carried) {
      Values next(carried);
      for (int64_t way = 0; way < step; ++way)
        for (size_t c = 0; c < chunks; ++c) {
          Value &best = next[way * chunks + c];
          best = larger(
              loadVector(scoreTile, {add(j, index(way)), block.columns[c]}),
              best);
        }
      return next;
    });
  };
  Value numRows = sub(block.upper, block.lower);
  Value full = add(block.lower, mul(div(numRows, index(ways)), index(ways)));
  most = rows(block.lower, full, ways, most);
  for (int64_t way = 1; way < ways; ++way)
    for (size_t c = 0; c < chunks; ++c)
      most[c] = larger(most[way * chunks + c], most[c]);
  most.truncate(chunks);
  if (ways > 1)
    most = rows(full, block.upper, 1, most);

  Values references, sums;
  for (auto [c, column] : llvm::enumerate(block.columns)) {
    storeVector(most[c], maximum, {queries.number, column});
    // A row that has seen no key: any finite reference gives 2^-inf = 0.
    Value unseen = arith::CmpFOp::create(b, arith::CmpFPredicate::OEQ, most[c],
                                         infinity());
    references.push_back(
        arith::SelectOp::create(b, unseen, splat(0.0), most[c]));
    Value factor = expOfDifference(before[c], references[c]);
    storeVector(factor, rescale, {column});
    sums.push_back(arith::MulFOp::create(
        b, loadVector(sum, {queries.number, column}), factor));
  }
  sums =
      loop(block.lower, block.upper, 1, sums, [&](Value j, ValueRange carried) {
        Values next;
        for (auto [c, column] : llvm::enumerate(block.columns)) {
          Value score = loadVector(scoreTile, {j, column});
          Value weight = expOfDifference(score, references[c]);
          storeVector(weight, scoreTile, {j, column});
          next.push_back(arith::AddFOp::create(b, carried[c], weight));
        }
        return next;
      });
  for (auto [c, column] : llvm::enumerate(block.columns))
    storeVector(sums[c], sum, {queries.number, column});
}

/// Every query sees every key.
void AttentionTaskEmitter::visitAll(const Queries &queries, Value key) {
  Value keys = index(tile.keys);
  packBias(queries, key, keys);
  for (unsigned number = 0; number < problem.terms.size(); ++number)
    product(keys, tile.queries, dims[number].count,
            scoreProduct(number, queries));
  auto panel = [&](Value column, int64_t chunks) {
    Block block{{}, index(0), keys};
    for (int64_t c = 0; c < chunks; ++c)
      block.columns.push_back(add(column, index(c * shape.lanes)));
    softcap(block);
    softmax(queries, block);
  };
  int64_t width = shape.lanes * shape.chunks;
  int64_t full = tile.queries / width * width;
  if (full)
    loop(index(0), index(full), width,
         [&](Value column) { panel(column, shape.chunks); });
  if (tile.queries > full)
    panel(index(full), (tile.queries - full) / shape.lanes);
  product(index(problem.valueDim), tile.queries, keys, valueProduct(queries));
}

/// Each vector of queries with the keys that one of them sees.
void AttentionTaskEmitter::visitEdge(const Queries &queries, Value key,
                                     Value count, Value position) {
  packBias(queries, key, count);
  loop(index(0), queries.count, shape.lanes, [&](Value column) {
    Value lower = index(0), upper = count;
    if (!problem.mask.isNone())
      upper = min(count, add(add(position, column), index(shape.lanes)));
    if (isWindow())
      lower = max(lower, sub(add(position, column),
                             index(problem.mask.getWindow() - 1)));
    ifThen(compare(arith::CmpIPredicate::slt, lower, upper), [&] {
      for (unsigned number = 0; number < problem.terms.size(); ++number)
        productColumn(lower, upper, column, index(0), dims[number].count,
                      scoreProduct(number, queries));
      Block block{{column}, lower, upper};
      softcap(block);
      mask(column, position, lower, upper);
      softmax(queries, block);
      productColumn(index(0), index(problem.valueDim), column, lower, upper,
                    valueProduct(queries));
    });
  });
}

void AttentionTaskEmitter::visit(const Queries &queries, Value key,
                                 Value count) {
  auto both = [&](Value a, Value c) {
    return b.createOrFold<arith::AndIOp>(a, c);
  };
  // Position of query 0 relative to the tile's first key.
  Value position = sub(queries.position, key);
  Value all = both(compare(arith::CmpIPredicate::eq, count, index(tile.keys)),
                   compare(arith::CmpIPredicate::sgt, queries.count,
                           index(tile.queries - shape.lanes)));
  Value any;
  if (!problem.mask.isNone()) {
    all = both(all, compare(arith::CmpIPredicate::sge, position,
                            index(tile.keys - 1)));
    any = compare(arith::CmpIPredicate::sge, add(position, queries.count),
                  index(1));
  }
  if (isWindow()) {
    int64_t window = problem.mask.getWindow();
    all = both(all, compare(arith::CmpIPredicate::sle, position,
                            index(window - tile.queries)));
    any =
        both(any, compare(arith::CmpIPredicate::slt,
                          sub(position, index(window)), sub(count, index(1))));
  }
  auto choose = [&] {
    ifThenElse(
        all, [&] { visitAll(queries, key); },
        [&] { visitEdge(queries, key, count, position); });
  };
  if (any)
    ifThen(any, choose);
  else
    choose();
}

//===----------------------------------------------------------------------===//
// A task
//===----------------------------------------------------------------------===//

void AttentionTaskEmitter::start(const Queries &queries) {
  for (unsigned number = 0; number < problem.terms.size(); ++number)
    packLeft(number, queries);
  loop(index(0), index(tile.queries), shape.lanes, [&](Value lane) {
    storeVector(infinity(), maximum, {queries.number, lane});
    storeVector(splat(0.0), sum, {queries.number, lane});
  });
  loop(index(0), index(problem.valueDim), 1, [&](Value d) {
    loop(index(0), index(tile.queries), shape.lanes, [&](Value lane) {
      storeVector(splat(0.0), output, {queries.number, d, lane});
    });
  });
}

void AttentionTaskEmitter::finish(const Queries &queries) {
  // 1/l, and 0 for a row without keys; kept where the factors were.
  loop(index(0), index(tile.queries), shape.lanes, [&](Value lane) {
    Value total = loadVector(sum, {queries.number, lane});
    Value empty =
        arith::CmpFOp::create(b, arith::CmpFPredicate::OEQ, total, splat(0.0));
    Value inverse = arith::DivFOp::create(b, splat(1.0), total);
    storeVector(arith::SelectOp::create(b, empty, splat(0.0), inverse), rescale,
                {lane});
  });
  storeTransposed(
      [&](Value column, Value row) {
        return Values{queries.number, column, row};
      },
      output, rescale, problem.init, {batch, head, queries.first, index(0)}, 2,
      queries.count, 3, problem.valueDim);
  if (!problem.lse)
    return;
  OperandView lse{problem.lse, b.getMultiDimIdentityMap(3)};
  loop(index(0), queries.count, 1, [&](Value i) {
    Value total = load(sum, {queries.number, i});
    Value empty =
        arith::CmpFOp::create(b, arith::CmpFPredicate::OEQ, total, f32(0.0));
    Value logarithm = arith::AddFOp::create(
        b, load(maximum, {queries.number, i}), math::LogOp::create(b, total));
    Value none = f32(-std::numeric_limits<float>::infinity());
    storeScalar(arith::SelectOp::create(b, empty, none, logarithm), lse,
                {batch, head, add(queries.first, i)});
  });
}

void AttentionTaskEmitter::emit(Value batchIndex, Value headOfTask,
                                Value firstTile, Value numTiles) {
  batch = batchIndex;
  head = headOfTask;
  int64_t rows = tile.keys + tile.padding;
  for (const ScoreTerm &term : problem.terms) {
    leftPacked.push_back(scratch({tile.group, term.maxDims(), tile.queries}));
    rightPacked.push_back(scratch({rows, term.maxDims()}));
  }
  valuePacked = scratch({tile.keys, problem.valueDim});
  scoreTile = scratch({rows, tile.queries});
  if (problem.bias)
    biasTile = scratch({rows, tile.queries});
  output = scratch({tile.group, problem.valueDim, tile.queries});
  maximum = scratch({tile.group, tile.queries});
  sum = scratch({tile.group, tile.queries});
  rescale = scratch({tile.queries});

  group = div(head, index(problem.groupSize));
  numRows = extent(problem.query, 2);
  numKeys = extent(problem.key, 2);
  firstRow = mul(firstTile, index(tile.queries));
  for (auto [number, term] : llvm::enumerate(problem.terms))
    dims.push_back(termDims(term, number));
  auto forTiles = [&](function_ref<void(const Queries &)> body) {
    loop(index(0), numTiles, 1, [&](Value number) { body(queries(number)); });
  };
  forTiles([&](const Queries &queries) { start(queries); });

  // Keys that some query of the task sees, in tiles that start at multiples.
  Value first = index(0), end = numKeys;
  if (!problem.mask.isNone()) {
    Queries last = queries(sub(numTiles, index(1)));
    end = min(end, add(last.position, last.count));
  }
  if (isWindow()) {
    Value seen =
        sub(queries(index(0)).position, index(problem.mask.getWindow() - 1));
    first = mul(div(max(first, seen), index(tile.keys)), index(tile.keys));
  }
  loop(first, end, tile.keys, [&](Value key) {
    Value count = min(index(tile.keys), sub(end, key));
    for (unsigned number = 0; number < problem.terms.size(); ++number)
      packRight(number, key, count);
    packRows(problem.value, group, index(0), index(problem.valueDim), key,
             count, valuePacked);
    forTiles([&](const Queries &queries) { visit(queries, key, count); });
  });
  forTiles([&](const Queries &queries) { finish(queries); });
}

} // namespace

void ra::detail::emitAttentionTask(ImplicitLocOpBuilder &builder,
                                   VectorShape shape,
                                   const AttentionProblem &problem,
                                   const AttentionTile &tile,
                                   StringRef kernelName, Value batch,
                                   Value head, Value firstTile,
                                   Value numTiles) {
  AttentionTaskEmitter(builder, shape, problem, tile, kernelName)
      .emit(batch, head, firstTile, numTiles);
}
