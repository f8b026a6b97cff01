//===- LinearToVector.cpp - ra.linear as a blocked product ----------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A task is a chunk of rows (the leading dims, flattened) by a few panels of
// the last output dim, for one position of the other output dims. Lanes =
// outputs. The panels, [channels][outputs] each, stay in L2 while blocks of
// rows run past them; a block's sums are in registers over all channels.
//
// Both sides are read in place where they are f32 and laid out so: x in
// contiguous rows, the weight in panels. Otherwise a task converts its panels
// once, and each block its rows, into scratch. Where the channels are too many
// for that, or not known, they are taken in blocks, and the sums wait in
// scratch in between.
//
//===----------------------------------------------------------------------===//

#include "KernelEmitter.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/PatternMatch.h"
#include "ra/Dialect/RA/IR/RAOps.h"

using namespace mlir;
using namespace ra;
using namespace ra::detail;

namespace {

/// Bytes of the panels of a task, which share L2 with what streams past.
constexpr int64_t kPanelBytes = 800 << 10;
/// Rows of a task: many, so that converting panels costs little.
constexpr int64_t kRowChunk = 1024;
/// The most channels that are taken at once, and the size of a block of more.
constexpr int64_t kMaxDepth = 4096;
constexpr int64_t kDepthBlock = 512;
/// With sums in scratch tasks are smaller.
constexpr int64_t kBlockedRowChunk = 256;
constexpr int64_t kBlockedPanelBytes = 256 << 10;

/// The widest panel: more would leave no registers for rows.
constexpr int64_t kMaxPanelVectors = 8;

/// Static sizes of a task.
struct LinearTile {
  /// The register tile: rows and vectors.
  int64_t rows, chunks;
  /// Width of a panel, a multiple of the lanes.
  int64_t panel;
  int64_t panelsPerTask, rowsPerTask;
  /// Channels taken at once; `blocked` when there may be more.
  int64_t depth;
  bool blocked;
  /// What is converted into scratch.
  bool packInput, packWeight;
  int64_t bytes;

  int64_t columns() const { return panel * panelsPerTask; }
};

/// ra.linear on the values of one function.
struct LinearProblem {
  OperandView input, weight, bias, init;
  unsigned numLeading, numOutput;
  /// Of the weight, 0 when it is stored as [n..., c].
  int64_t panel;

  /// The last output dim, as a dim of the init.
  unsigned columnDim() const { return numLeading + numOutput - 1; }
};

template <typename Range>
LinearProblem describe(LinearOp op, const Range &operands) {
  MLIRContext *context = op.getContext();
  LinearProblem problem;
  problem.numLeading = op.getNumLeadingDims();
  problem.numOutput = op.getNumOutputDims();
  auto identity = [&](unsigned rank) {
    return AffineMap::getMultiDimIdentityMap(rank, context);
  };
  problem.input = {operands[0], op.getInputMap()};
  problem.panel = op.getPanel().value_or(0);
  problem.weight = {operands[1],
                    identity(problem.numOutput + (problem.panel ? 2 : 1))};
  if (op.getBias())
    problem.bias = {operands[2], identity(problem.numOutput)};
  problem.init = {operands[op->getNumOperands() - 1], op.getOutputMap()};
  return problem;
}

/// True when the rows of `view` (its leading dims, flattened) follow each other
/// in memory.
bool hasFlatRows(const OperandView &view) {
  return view.map.isIdentity() && view.type().getLayout().isIdentity();
}

LinearTile chooseTile(const LinearProblem &problem, VectorShape shape) {
  int64_t depth = problem.weight.staticExtent(problem.numOutput);
  int64_t outputs = problem.init.staticExtent(problem.columnDim());
  auto isF32 = [](const OperandView &view) {
    return view.type().getElementType().isF32();
  };
  LinearTile tile;
  tile.panel = problem.panel ? problem.panel : getPanel(shape);
  tile.chunks = tile.panel / shape.lanes;
  // As many registers as the shape says there are.
  int64_t registers = (shape.rows + 1) * shape.chunks + 1;
  tile.rows = std::max<int64_t>(1, (registers - tile.chunks - 1) / tile.chunks);
  tile.blocked = ShapedType::isDynamic(depth) || depth > kMaxDepth;
  tile.depth = tile.blocked ? kDepthBlock : std::max<int64_t>(depth, 1);
  tile.packInput = !isF32(problem.input) || !hasFlatRows(problem.input) ||
                   ShapedType::isDynamic(depth);
  tile.packWeight = !problem.panel || !isF32(problem.weight);
  int64_t perPanel = tile.depth * tile.panel * 4;
  tile.panelsPerTask = std::max<int64_t>(
      1, (tile.blocked ? kBlockedPanelBytes : kPanelBytes) / perPanel);
  if (!ShapedType::isDynamic(outputs))
    tile.panelsPerTask =
        std::min(tile.panelsPerTask,
                 std::max<int64_t>(llvm::divideCeil(outputs, tile.panel), 1));
  tile.rowsPerTask =
      llvm::alignTo(tile.blocked ? kBlockedRowChunk : kRowChunk, tile.rows);
  int64_t floats = tile.columns() + tile.rows * tile.panel;
  if (tile.packInput)
    floats += tile.rows * tile.depth;
  if (tile.packWeight)
    floats += tile.depth * tile.columns();
  if (tile.blocked)
    floats += tile.rowsPerTask * tile.columns();
  tile.bytes = 4 * floats;
  return tile;
}

class LinearTaskEmitter : KernelEmitter {
public:
  LinearTaskEmitter(ImplicitLocOpBuilder &builder, VectorShape shape,
                    const LinearProblem &problem, const LinearTile &tile)
      : KernelEmitter(builder, shape), problem(problem), tile(tile) {}

  /// `outer` are the output dims but the last.
  void emit(Value taskRow, ArrayRef<Value> outer, Value taskPanel);

private:
  /// Rows [first, first + count) of the task's chunk.
  void forRowBlocks(function_ref<void(Value first, int64_t count)> body);
  Values rowCoordinates(Value row);
  void packPanels(Value firstDepth, Value depth);
  void multiply(Value row, int64_t count, Value firstDepth, Value depth);
  void storePanel(ArrayRef<Values> coordinates, Value column,
                  function_ref<Value(int64_t, int64_t)> sum);
  Value columnOf(Value panel, int64_t chunk) {
    return add(mul(panel, index(tile.panel)), index(chunk * shape.lanes));
  }

  const LinearProblem &problem;
  LinearTile tile;
  SmallVector<Value> outer;
  Value firstRow, numRows, firstPanel, numPanels, firstColumn, numColumns;
  /// [columns], [rows][depth], [panel][depth][columns], [rows][columns],
  /// [rows][panel].
  Value biases, x, w, sums, edge;
  /// x as [rows][channels], where it is read in place.
  Value flatInput;
};

/// The leading dims of flat row `row`.
KernelEmitter::Values LinearTaskEmitter::rowCoordinates(Value row) {
  Values coordinates(problem.numLeading);
  for (unsigned dim = problem.numLeading; dim-- > 1;) {
    Value size = extent(problem.input, dim);
    coordinates[dim] = rem(row, size);
    row = div(row, size);
  }
  coordinates[0] = row;
  return coordinates;
}

void LinearTaskEmitter::forRowBlocks(
    function_ref<void(Value first, int64_t count)> body) {
  // Blocks of the register tile, and the rest in smaller ones.
  Value done = index(0);
  int64_t left = tile.rows;
  for (int64_t count : {tile.rows, int64_t(4), int64_t(1)}) {
    if (count > left || count == left - 1)
      continue;
    Value end =
        add(done, mul(div(sub(numRows, done), index(count)), index(count)));
    loop(done, end, count, [&](Value row) { body(row, count); });
    done = end;
    left = count;
    if (count == 1)
      break;
  }
}

/// w[p][k][c] = weight[column (p, c), firstDepth + k]
void LinearTaskEmitter::packPanels(Value firstDepth, Value depth) {
  if (!tile.packWeight)
    return;
  unsigned channelDim = problem.numOutput;
  loop(index(0), numPanels, 1, [&](Value panel) {
    if (problem.panel) {
      Values at(outer);
      at.append({add(firstPanel, panel), firstDepth, index(0)});
      loop(index(0), depth, 1, [&](Value k) {
        at[channelDim] = add(firstDepth, k);
        copyRow(problem.weight, at, channelDim + 1, index(tile.panel), w,
                {panel, k});
      });
      return;
    }
    Value column = mul(panel, index(tile.panel));
    Value count = min(index(tile.panel), sub(numColumns, column));
    Values at(outer);
    at.append({add(firstColumn, column), firstDepth});
    // Lanes beyond the last column repeat it and are not stored.
    copyTransposed(problem.weight, at, problem.numOutput - 1, count,
                   problem.numOutput, depth, /*factor=*/Value(), w,
                   [&](Value k, Value c) { return Values{panel, k, c}; });
    loop(roundUp(count, shape.lanes), index(tile.panel), 1, [&](Value c) {
      loop(index(0), depth, 1,
           [&](Value k) { store(f32(0.0), w, {panel, k, c}); });
    });
  });
}

/// Stores sums of the rows at `coordinates` (leading dims) to the panel that
/// starts at `column` of the task.
void LinearTaskEmitter::storePanel(
    ArrayRef<Values> coordinates, Value column,
    function_ref<Value(int64_t row, int64_t chunk)> sum) {
  const OperandView &init = problem.init;
  unsigned columnDim = problem.columnDim();
  auto at = [&](int64_t row, Value offset) {
    Values result(coordinates[row]);
    llvm::append_range(result, outer);
    result.push_back(add(firstColumn, offset));
    return result;
  };
  auto storeVectors = [&] {
    for (size_t row = 0; row < coordinates.size(); ++row)
      for (int64_t chunk = 0; chunk < tile.chunks; ++chunk)
        vector::StoreOp::create(
            b, truncate(sum(row, chunk), init.type().getElementType()),
            init.memref,
            init.indices(at(row, add(column, index(chunk * shape.lanes)))));
  };
  Value left = sub(numColumns, column);
  auto storeElements = [&] {
    for (size_t row = 0; row < coordinates.size(); ++row) {
      Value r = index(row);
      for (int64_t chunk = 0; chunk < tile.chunks; ++chunk)
        storeVector(sum(row, chunk), edge, {r, index(chunk * shape.lanes)});
      storeRow(edge, {r}, min(left, index(tile.panel)), init, at(row, column),
               columnDim);
    }
  };
  int64_t outputs = init.staticExtent(columnDim);
  if (!init.isContiguous(columnDim))
    storeElements();
  else if (!ShapedType::isDynamic(outputs) && outputs % tile.panel == 0)
    storeVectors();
  else
    ifThenElse(compare(arith::CmpIPredicate::sge, left, index(tile.panel)),
               storeVectors, storeElements);
}

/// Rows [row, row + count) with all panels of the task.
void LinearTaskEmitter::multiply(Value row, int64_t count, Value firstDepth,
                                 Value depth) {
  SmallVector<Values> coordinates;
  for (int64_t r = 0; r < count; ++r)
    coordinates.push_back(rowCoordinates(add(firstRow, add(row, index(r)))));
  if (tile.packInput)
    loop(index(0), index(count), 1, [&](Value r) {
      Values at = rowCoordinates(add(firstRow, add(row, r)));
      at.push_back(firstDepth);
      copyRow(problem.input, at, problem.numLeading, depth, x, {r});
    });
  Value inputRow = tile.packInput ? index(0) : add(firstRow, row);
  loop(index(0), numPanels, 1, [&](Value panel) {
    Product product;
    product.a = [&](Value r, Value k) {
      return tile.packInput ? load(x, {r, k})
                            : load(flatInput, {r, add(firstDepth, k)});
    };
    product.b = [&](Value k, Value column) {
      if (tile.packWeight)
        return loadVector(w, {panel, k, column});
      Values at(outer);
      at.append({add(firstPanel, panel), add(firstDepth, k), column});
      return loadVector(problem.weight.memref, at);
    };
    auto inTask = [&](Value column) {
      return add(mul(panel, index(tile.panel)), column);
    };
    product.init = [&](Value r, Value column) {
      if (!tile.blocked)
        return loadVector(biases, {inTask(column)});
      return loadVector(sums, {sub(add(row, r), inputRow), inTask(column)});
    };
    Values totals;
    product.store = [&](Value total, Value r, Value column) {
      if (!tile.blocked)
        totals.push_back(total);
      else
        storeVector(total, sums, {sub(add(row, r), inputRow), inTask(column)});
    };
    Values columns;
    for (int64_t chunk = 0; chunk < tile.chunks; ++chunk)
      columns.push_back(index(chunk * shape.lanes));
    productBlock(inputRow, count, columns, index(0), depth, product);
    if (!tile.blocked)
      storePanel(coordinates, inTask(index(0)), [&](int64_t r, int64_t chunk) {
        return totals[r * tile.chunks + chunk];
      });
  });
}

void LinearTaskEmitter::emit(Value taskRow, ArrayRef<Value> outerDims,
                             Value taskPanel) {
  outer.assign(outerDims.begin(), outerDims.end());
  biases = scratch({tile.columns()});
  if (tile.packInput)
    x = scratch({tile.rows, tile.depth});
  if (tile.packWeight)
    w = scratch({tile.panelsPerTask, tile.depth, tile.panel});
  if (tile.blocked)
    sums = scratch({tile.rowsPerTask, tile.columns()});
  edge = scratch({tile.rows, tile.panel});

  Value allRows = index(1);
  for (unsigned dim = 0; dim < problem.numLeading; ++dim)
    allRows = mul(allRows, extent(problem.input, dim));
  Value allColumns = extent(problem.init, problem.columnDim());
  Value allDepth = extent(problem.weight, problem.numOutput);
  firstRow = taskRow;
  numRows = min(index(tile.rowsPerTask), sub(allRows, firstRow));
  firstPanel = taskPanel;
  firstColumn = mul(firstPanel, index(tile.panel));
  numColumns = min(index(tile.columns()), sub(allColumns, firstColumn));
  numPanels = ceilDiv(numColumns, tile.panel);
  if (!tile.packInput) {
    SmallVector<ReassociationIndices> groups(2);
    for (unsigned dim = 0; dim < problem.numLeading; ++dim)
      groups[0].push_back(dim);
    groups[1].push_back(problem.numLeading);
    flatInput =
        memref::CollapseShapeOp::create(b, problem.input.memref, groups);
  }

  zeroRow(biases, {}, index(0), index(tile.columns()));
  if (problem.bias.memref) {
    Values at(outer);
    at.push_back(firstColumn);
    copyRow(problem.bias, at, problem.numOutput - 1, numColumns, biases, {});
  }
  if (!tile.blocked) {
    packPanels(index(0), allDepth);
    forRowBlocks([&](Value row, int64_t count) {
      multiply(row, count, index(0), allDepth);
    });
    return;
  }
  loop(index(0), numRows, 1, [&](Value row) {
    loop(index(0), index(tile.columns()), shape.lanes, [&](Value column) {
      storeVector(loadVector(biases, {column}), sums, {row, column});
    });
  });
  loop(index(0), allDepth, tile.depth, [&](Value firstDepth) {
    Value depth = min(index(tile.depth), sub(allDepth, firstDepth));
    packPanels(firstDepth, depth);
    forRowBlocks([&](Value row, int64_t count) {
      multiply(row, count, firstDepth, depth);
    });
  });
  loop(index(0), numRows, 1, [&](Value row) {
    Values at = rowCoordinates(add(firstRow, row));
    llvm::append_range(at, outer);
    at.push_back(firstColumn);
    storeRow(sums, {row}, numColumns, problem.init, at, at.size() - 1);
  });
}

struct LowerLinear : OpRewritePattern<LinearOp> {
  LowerLinear(MLIRContext *context, VectorShape shape)
      : OpRewritePattern(context), shape(shape) {}

  LogicalResult matchAndRewrite(LinearOp op,
                                PatternRewriter &rewriter) const override {
    auto kernel = op->getParentOfType<func::FuncOp>();
    if (!kernel || !isa<MemRefType>(op.getInput().getType()))
      return rewriter.notifyMatchFailure(op, "not on memrefs in a function");
    LinearProblem problem = describe(op, op->getOperands());
    LinearTile tile = chooseTile(problem, shape);
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    unsigned numLoops = problem.numOutput + 1;
    SmallVector<Type> types(numLoops, b.getIndexType());
    llvm::append_range(types, op->getOperandTypes());
    func::FuncOp function = createTileFunction(b, kernel, types, tile.bytes);
    LinearProblem inTask =
        describe(op, function.getArguments().drop_front(numLoops));
    SmallVector<Value> ivs(function.getArguments().take_front(numLoops));
    LinearTaskEmitter(b, shape, inTask, tile)
        .emit(ivs.front(), ArrayRef(ivs).drop_front().drop_back(), ivs.back());

    b.setInsertionPoint(op);
    KernelEmitter outer(b, shape);
    Value rows = outer.index(1);
    for (unsigned dim = 0; dim < problem.numLeading; ++dim)
      rows = outer.mul(rows, outer.extent(problem.input, dim));
    SmallVector<Value> upper = {rows}, step(numLoops, outer.index(1));
    step.front() = outer.index(tile.rowsPerTask);
    for (unsigned dim = 0; dim + 1 < problem.numOutput; ++dim)
      upper.push_back(outer.extent(problem.weight, dim));
    upper.push_back(outer.ceilDiv(
        outer.extent(problem.init, problem.columnDim()), tile.panel));
    step.back() = outer.index(tile.panelsPerTask);
    SmallVector<Value> lower(numLoops, outer.index(0));
    scf::ParallelOp::create(
        b, lower, upper, step,
        [&](OpBuilder &nested, Location loc, ValueRange loopIvs) {
          SmallVector<Value> operands(loopIvs);
          llvm::append_range(operands, op->getOperands());
          func::CallOp::create(nested, loc, function, operands);
        });
    rewriter.eraseOp(op);
    return success();
  }

  VectorShape shape;
};

} // namespace

int64_t ra::getPanel(VectorShape shape) {
  return shape.lanes * std::min<int64_t>(2, shape.chunks);
}

std::optional<std::string> ra::detail::whyNotLowered(LinearOp op,
                                                     VectorShape shape) {
  int64_t panel = op.getPanel().value_or(shape.lanes);
  if (panel % shape.lanes == 0 && panel <= kMaxPanelVectors * shape.lanes)
    return std::nullopt;
  return "has a weight in panels of " + std::to_string(panel) +
         " outputs; vectors of " + std::to_string(shape.lanes) +
         " lanes need a multiple of that, at most " +
         std::to_string(kMaxPanelVectors * shape.lanes);
}

void ra::detail::populateLinearPatterns(RewritePatternSet &patterns,
                                        VectorShape shape) {
  patterns.add<LowerLinear>(patterns.getContext(), shape);
}
