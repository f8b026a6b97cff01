//===- LinearToVector.cpp - ra.linear as a blocked product ----------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A tile is a block of rows (the leading dims, flattened) by a block of the
// last output dim, for one position of the other output dims. It runs over the
// channels in blocks: rows of x and the transposed rows of W go to f32 scratch,
// and the register-tiled product adds them up in a third. Lanes = outputs.
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

/// Block sizes: x 96 KiB, W 32 KiB and the sums 48 KiB fit in L2, one panel of
/// W and a few rows of x in L1.
constexpr int64_t kRowBlock = 192;
constexpr int64_t kColumnBlock = 64;
constexpr int64_t kDepthBlock = 128;

struct LinearTile {
  int64_t rows, columns, depth;
};

/// The block of the last output dim with the least waste.
int64_t chooseColumns(int64_t extent, int64_t lanes) {
  if (ShapedType::isDynamic(extent))
    return kColumnBlock;
  if (extent <= kColumnBlock + 2 * lanes)
    return llvm::alignTo(std::max<int64_t>(extent, 1), lanes);
  return kColumnBlock;
}

LinearTile chooseTile(LinearOp op, VectorShape shape) {
  auto input = cast<MemRefType>(op.getInput().getType());
  SmallVector<int64_t> extents = getLogicalShape(input, op.getInputMap());
  int64_t rows = 1;
  for (int64_t extent : ArrayRef(extents).drop_back()) {
    if (ShapedType::isDynamic(extent) || rows > kRowBlock) {
      rows = kRowBlock;
      break;
    }
    rows *= std::max<int64_t>(extent, 1);
  }
  auto weight = cast<MemRefType>(op.getWeight().getType());
  int64_t outputs = weight.getDimSize(weight.getRank() - 2);
  int64_t depth = weight.getDimSize(weight.getRank() - 1);
  LinearTile tile;
  tile.rows = llvm::alignTo(std::min(rows, kRowBlock), shape.rows);
  tile.columns = chooseColumns(outputs, shape.lanes);
  tile.depth = ShapedType::isDynamic(depth)
                   ? kDepthBlock
                   : std::min(kDepthBlock, std::max<int64_t>(depth, 1));
  return tile;
}

/// ra.linear on the values of one function.
struct LinearProblem {
  OperandView input, weight, bias, init;
  unsigned numLeading, numOutput;
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
  problem.weight = {operands[1], identity(problem.numOutput + 1)};
  if (op.getBias())
    problem.bias = {operands[2], identity(problem.numOutput)};
  problem.init = {operands[op->getNumOperands() - 1], op.getOutputMap()};
  return problem;
}

class LinearTileEmitter : KernelEmitter {
public:
  LinearTileEmitter(ImplicitLocOpBuilder &builder, VectorShape shape,
                    const LinearProblem &problem, LinearTile tile)
      : KernelEmitter(builder, shape), problem(problem), tile(tile) {}

  /// `outer` are the output dims but the last.
  void emit(Value rowTile, ArrayRef<Value> outer, Value columnTile);

private:
  Values rowCoordinates(Value row);

  const LinearProblem &problem;
  LinearTile tile;
};

/// The leading dims of flat row `row`.
KernelEmitter::Values LinearTileEmitter::rowCoordinates(Value row) {
  Values coordinates(problem.numLeading);
  for (unsigned dim = problem.numLeading; dim-- > 1;) {
    Value size = extent(problem.input, dim);
    coordinates[dim] = rem(row, size);
    row = div(row, size);
  }
  coordinates[0] = row;
  return coordinates;
}

void LinearTileEmitter::emit(Value rowTile, ArrayRef<Value> outer,
                             Value columnTile) {
  Value x = scratch({tile.rows, tile.depth});
  // One panel of the product after the other, each [depth][panel].
  int64_t panel = shape.lanes * shape.chunks;
  int64_t numPanels = llvm::divideCeil(tile.columns, panel);
  Value w = scratch({numPanels, tile.depth, std::min(panel, tile.columns)});
  auto inPanel = [&](Value k, Value column) -> Values {
    return {div(column, index(panel)), k, rem(column, index(panel))};
  };
  Value sums = scratch({tile.rows, tile.columns});

  Value allRows = index(1);
  for (unsigned dim = 0; dim < problem.numLeading; ++dim)
    allRows = mul(allRows, extent(problem.input, dim));
  Value allColumns = extent(problem.weight, problem.numOutput - 1);
  Value allDepth = extent(problem.weight, problem.numOutput);
  Value firstRow = mul(rowTile, index(tile.rows));
  Value numRows = min(index(tile.rows), sub(allRows, firstRow));
  Value paddedRows = roundUp(numRows, shape.rows);
  Value firstColumn = mul(columnTile, index(tile.columns));
  Value numColumns = min(index(tile.columns), sub(allColumns, firstColumn));

  // The sums start from the bias.
  if (problem.bias.memref) {
    Values at(outer);
    at.push_back(firstColumn);
    copyRow(problem.bias, at, problem.numOutput - 1, numColumns, sums,
            {index(0)});
    zeroRow(sums, {index(0)}, numColumns, index(tile.columns));
  } else {
    zeroRow(sums, {index(0)}, index(0), index(tile.columns));
  }
  loop(index(1), paddedRows, 1, [&](Value row) {
    loop(index(0), index(tile.columns), shape.lanes, [&](Value column) {
      storeVector(loadVector(sums, {index(0), column}), sums, {row, column});
    });
  });

  loop(index(0), allDepth, tile.depth, [&](Value firstDepth) {
    Value depth = min(index(tile.depth), sub(allDepth, firstDepth));
    loop(index(0), numRows, 1, [&](Value row) {
      Values at = rowCoordinates(add(firstRow, row));
      at.push_back(firstDepth);
      copyRow(problem.input, at, problem.numLeading, depth, x, {row});
    });
    loop(numRows, paddedRows, 1,
         [&](Value row) { zeroRow(x, {row}, index(0), depth); });
    Values at(outer);
    at.append({firstColumn, firstDepth});
    copyTransposed(problem.weight, at, problem.numOutput - 1, numColumns,
                   problem.numOutput, depth, /*factor=*/Value(), w, inPanel);
    loop(numColumns, index(tile.columns), 1, [&](Value column) {
      loop(index(0), depth, 1,
           [&](Value k) { store(f32(0.0), w, inPanel(k, column)); });
    });
    product(paddedRows, tile.columns, depth,
            {[&](Value row, Value k) { return load(x, {row, k}); },
             [&](Value k, Value column) {
               return loadVector(w, inPanel(k, column));
             },
             [&](Value row, Value column) {
               return loadVector(sums, {row, column});
             },
             [&](Value total, Value row, Value column) {
               storeVector(total, sums, {row, column});
             }});
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
    LinearTile tile = chooseTile(op, shape);
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    unsigned numLoops = op.getNumOutputDims() + 1;
    SmallVector<Type> types(numLoops, b.getIndexType());
    llvm::append_range(types, op->getOperandTypes());
    func::FuncOp function = createTileFunction(b, kernel, types, 0);
    LinearProblem inTile =
        describe(op, function.getArguments().drop_front(numLoops));
    SmallVector<Value> ivs(function.getArguments().take_front(numLoops));
    LinearTileEmitter(b, shape, inTile, tile)
        .emit(ivs.front(), ArrayRef(ivs).drop_front().drop_back(), ivs.back());

    b.setInsertionPoint(op);
    KernelEmitter outer(b, shape);
    LinearProblem problem = describe(op, op->getOperands());
    Value rows = outer.index(1);
    for (unsigned dim = 0; dim < problem.numLeading; ++dim)
      rows = outer.mul(rows, outer.extent(problem.input, dim));
    SmallVector<Value> upper = {outer.ceilDiv(rows, tile.rows)};
    for (unsigned dim = 0; dim + 1 < problem.numOutput; ++dim)
      upper.push_back(outer.extent(problem.weight, dim));
    upper.push_back(outer.ceilDiv(
        outer.extent(problem.weight, problem.numOutput - 1), tile.columns));
    SmallVector<Value> lower(numLoops, outer.index(0));
    SmallVector<Value> step(numLoops, outer.index(1));
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

void ra::detail::populateLinearPatterns(RewritePatternSet &patterns,
                                        VectorShape shape) {
  patterns.add<LowerLinear>(patterns.getContext(), shape);
}
