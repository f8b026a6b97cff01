//===- KernelEmitter.cpp - What the CPU kernels are written with ----------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "KernelEmitter.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "ra/Dialect/RA/IR/RAOps.h"

using namespace mlir;

namespace ra::detail {

//===----------------------------------------------------------------------===//
// Operands
//===----------------------------------------------------------------------===//

unsigned OperandView::operandDim(unsigned dim) const {
  return getOperandDim(map, dim);
}

SmallVector<Value> OperandView::indices(ArrayRef<Value> coordinates) const {
  SmallVector<Value> result(coordinates.size());
  for (auto [dim, coordinate] : llvm::enumerate(coordinates))
    result[operandDim(dim)] = coordinate;
  return result;
}

bool OperandView::isContiguous(unsigned dim) const {
  SmallVector<int64_t> strides;
  int64_t offset;
  if (failed(type().getStridesAndOffset(strides, offset)))
    return false;
  // A vector access needs the innermost dim, not just a unit stride.
  unsigned operand = operandDim(dim);
  return operand + 1 == strides.size() && strides[operand] == 1;
}

//===----------------------------------------------------------------------===//
// Arithmetic
//===----------------------------------------------------------------------===//

Value KernelEmitter::index(int64_t value) {
  return arith::ConstantIndexOp::create(b, value);
}
Value KernelEmitter::add(Value a, Value c) {
  return b.createOrFold<arith::AddIOp>(a, c);
}
Value KernelEmitter::sub(Value a, Value c) {
  return b.createOrFold<arith::SubIOp>(a, c);
}
Value KernelEmitter::mul(Value a, Value c) {
  return b.createOrFold<arith::MulIOp>(a, c);
}
Value KernelEmitter::div(Value a, Value c) {
  return b.createOrFold<arith::DivUIOp>(a, c);
}
Value KernelEmitter::rem(Value a, Value c) {
  return b.createOrFold<arith::RemUIOp>(a, c);
}
Value KernelEmitter::min(Value a, Value c) {
  return b.createOrFold<arith::MinSIOp>(a, c);
}
Value KernelEmitter::max(Value a, Value c) {
  return b.createOrFold<arith::MaxSIOp>(a, c);
}
Value KernelEmitter::ceilDiv(Value a, int64_t divisor) {
  return div(add(a, index(divisor - 1)), index(divisor));
}
Value KernelEmitter::roundUp(Value a, int64_t multiple) {
  return mul(ceilDiv(a, multiple), index(multiple));
}
Value KernelEmitter::compare(arith::CmpIPredicate predicate, Value a, Value c) {
  return b.createOrFold<arith::CmpIOp>(predicate, a, c);
}

VectorType KernelEmitter::vectorType() {
  return VectorType::get({shape.lanes}, b.getF32Type());
}
Value KernelEmitter::f32(double value) {
  return arith::ConstantOp::create(b, b.getF32FloatAttr(value));
}
Value KernelEmitter::splat(double value) {
  return arith::ConstantOp::create(
      b, DenseElementsAttr::get(vectorType(), static_cast<float>(value)));
}
Value KernelEmitter::broadcast(Value scalar) {
  return vector::BroadcastOp::create(
      b, VectorType::get({shape.lanes}, scalar.getType()), scalar);
}

Value KernelEmitter::exp2NonPositive(Value x) {
  return createExp2OfNonPositive(b, x);
}

//===----------------------------------------------------------------------===//
// Control flow
//===----------------------------------------------------------------------===//

void KernelEmitter::loop(Value lower, Value upper, int64_t step,
                         function_ref<void(Value)> body) {
  loop(lower, upper, step, ValueRange(), [&](Value iv, ValueRange) {
    body(iv);
    return Values();
  });
}

KernelEmitter::Values
KernelEmitter::loop(Value lower, Value upper, int64_t step, ValueRange inits,
                    function_ref<Values(Value, ValueRange)> body) {
  auto loop = scf::ForOp::create(
      b, lower, upper, index(step), inits,
      [&](OpBuilder &, Location, Value iv, ValueRange carried) {
        OpBuilder::InsertionGuard guard(b);
        b.setInsertionPointToEnd(iv.getParentBlock());
        Values yielded = body(iv, carried);
        scf::YieldOp::create(b, yielded);
      });
  return Values(loop.getResults());
}

void KernelEmitter::ifThen(Value condition, function_ref<void()> body) {
  auto branch = scf::IfOp::create(b, condition, /*withElseRegion=*/false);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(branch.thenBlock());
  body();
}

void KernelEmitter::ifThenElse(Value condition, function_ref<void()> then,
                               function_ref<void()> otherwise) {
  auto branch = scf::IfOp::create(b, condition, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(branch.thenBlock());
  then();
  b.setInsertionPointToStart(branch.elseBlock());
  otherwise();
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

Value KernelEmitter::extent(const OperandView &view, unsigned dim) {
  int64_t size = view.staticExtent(dim);
  if (!ShapedType::isDynamic(size))
    return index(size);
  return memref::DimOp::create(b, view.memref,
                               static_cast<int64_t>(view.operandDim(dim)));
}

static Type withElement(Type type, Type element) {
  if (auto vector = dyn_cast<VectorType>(type))
    return vector.clone(element);
  return element;
}

Value KernelEmitter::extend(Value value) {
  Type target = withElement(value.getType(), b.getF32Type());
  if (value.getType() == target)
    return value;
  return arith::ExtFOp::create(b, target, value);
}

Value KernelEmitter::truncate(Value value, Type elementType) {
  Type target = withElement(value.getType(), elementType);
  if (value.getType() == target)
    return value;
  return arith::TruncFOp::create(b, target, value);
}

Value KernelEmitter::loadScalar(const OperandView &view,
                                ArrayRef<Value> coordinates) {
  return extend(
      memref::LoadOp::create(b, view.memref, view.indices(coordinates)));
}

void KernelEmitter::storeScalar(Value value, const OperandView &view,
                                ArrayRef<Value> coordinates) {
  memref::StoreOp::create(b, truncate(value, view.type().getElementType()),
                          view.memref, view.indices(coordinates));
}

Value KernelEmitter::scratch(ArrayRef<int64_t> extents) {
  return memref::AllocaOp::create(b, MemRefType::get(extents, b.getF32Type()),
                                  b.getI64IntegerAttr(64));
}

Value KernelEmitter::load(Value memref, ArrayRef<Value> indices) {
  return memref::LoadOp::create(b, memref, indices);
}
Value KernelEmitter::loadVector(Value memref, ArrayRef<Value> indices) {
  return vector::LoadOp::create(b, vectorType(), memref, indices);
}
void KernelEmitter::store(Value value, Value memref, ArrayRef<Value> indices) {
  memref::StoreOp::create(b, value, memref, indices);
}
void KernelEmitter::storeVector(Value value, Value memref,
                                ArrayRef<Value> indices) {
  vector::StoreOp::create(b, value, memref, indices);
}

static SmallVector<Value> append(ArrayRef<Value> prefix, Value last) {
  SmallVector<Value> result(prefix);
  result.push_back(last);
  return result;
}

/// Copies of rows of up to so many vectors are straight code.
static constexpr int64_t kUnrolledCopy = 17;

void KernelEmitter::copyRow(const OperandView &view,
                            ArrayRef<Value> coordinates, unsigned dim,
                            Value count, Value target, ArrayRef<Value> prefix) {
  Value start = coordinates[dim];
  Values at(coordinates);
  auto single = [&](Value i) {
    at[dim] = add(start, i);
    store(loadScalar(view, at), target, append(prefix, i));
  };
  if (!view.isContiguous(dim)) {
    loop(index(0), count, 1, single);
    return;
  }
  auto type = VectorType::get({shape.lanes}, view.type().getElementType());
  forColumnBlocks(
      count, kUnrolledCopy,
      [&](Value i) {
        at[dim] = add(start, i);
        Value row =
            vector::LoadOp::create(b, type, view.memref, view.indices(at));
        storeVector(extend(row), target, append(prefix, i));
      },
      single);
}

void KernelEmitter::storeRow(Value source, ArrayRef<Value> prefix, Value count,
                             const OperandView &view,
                             ArrayRef<Value> coordinates, unsigned dim) {
  Value start = coordinates[dim];
  Values at(coordinates);
  Value full = index(0);
  if (view.isContiguous(dim)) {
    full = mul(div(count, index(shape.lanes)), index(shape.lanes));
    loop(index(0), full, shape.lanes, [&](Value i) {
      at[dim] = add(start, i);
      Value row = loadVector(source, append(prefix, i));
      vector::StoreOp::create(b, truncate(row, view.type().getElementType()),
                              view.memref, view.indices(at));
    });
  }
  loop(full, count, 1, [&](Value i) {
    at[dim] = add(start, i);
    storeScalar(load(source, append(prefix, i)), view, at);
  });
}

/// Each turn zips the first half of the rows with the second; log2(lanes) turns
/// transpose.
KernelEmitter::Values KernelEmitter::transpose(Values rows) {
  int64_t lanes = shape.lanes;
  SmallVector<int64_t> low, high;
  for (int64_t i = 0; i < lanes / 2; ++i) {
    low.append({i, lanes + i});
    high.append({lanes / 2 + i, lanes + lanes / 2 + i});
  }
  for (int64_t turn = 1; turn < lanes; turn *= 2) {
    Values next;
    for (int64_t i = 0; i < lanes / 2; ++i)
      for (ArrayRef<int64_t> mask : {ArrayRef(low), ArrayRef(high)})
        next.push_back(
            vector::ShuffleOp::create(b, rows[i], rows[i + lanes / 2], mask));
    rows = next;
  }
  return rows;
}

void KernelEmitter::forColumnBlocks(Value count, int64_t unrolledBlocks,
                                    function_ref<void(Value)> block,
                                    function_ref<void(Value)> single) {
  std::optional<int64_t> constant = getConstantIntValue(count);
  Value full = mul(div(count, index(shape.lanes)), index(shape.lanes));
  // Straight code for few blocks: LLVM would make a call of memcpy of a loop
  // that copies, for every row.
  if (constant && *constant < unrolledBlocks * shape.lanes)
    for (int64_t i = 0; i + shape.lanes <= *constant; i += shape.lanes)
      block(index(i));
  else
    loop(index(0), full, shape.lanes, block);
  if (constant && *constant % shape.lanes == 0)
    return;
  if (constant && *constant > shape.lanes)
    block(index(*constant - shape.lanes));
  else
    loop(full, count, 1, single);
}

void KernelEmitter::copyTransposed(const OperandView &view,
                                   ArrayRef<Value> coordinates, unsigned rowDim,
                                   Value numRows, unsigned columnDim,
                                   Value numColumns, Value factor, Value target,
                                   function_ref<Values(Value, Value)> place) {
  auto at = [&](Value row, Value column) {
    Values result(coordinates);
    result[rowDim] = add(result[rowDim], row);
    result[columnDim] = add(result[columnDim], column);
    return view.indices(result);
  };
  auto scale = [&](Value value) -> Value {
    value = extend(value);
    if (!factor)
      return value;
    Value by = isa<VectorType>(value.getType()) ? broadcast(factor) : factor;
    return arith::MulFOp::create(b, value, by);
  };
  auto type = VectorType::get({shape.lanes}, view.type().getElementType());
  std::optional<int64_t> constant = getConstantIntValue(numRows);
  Value last = sub(numRows, index(1));
  auto clamp = [&](Value row) {
    return constant && *constant % shape.lanes == 0 ? row : min(row, last);
  };
  Value padded = roundUp(numRows, shape.lanes);
  auto copySingle = [&](Value row, Value column) {
    store(scale(memref::LoadOp::create(b, view.memref, at(clamp(row), column))),
          target, place(column, row));
  };
  if (view.isContiguous(columnDim)) {
    loop(index(0), padded, shape.lanes, [&](Value row) {
      Values rows;
      for (int64_t r = 0; r < shape.lanes; ++r)
        rows.push_back(clamp(add(row, index(r))));
      auto block = [&](Value column) {
        Values vectors;
        for (Value r : rows)
          vectors.push_back(scale(
              vector::LoadOp::create(b, type, view.memref, at(r, column))));
        for (auto [c, vector] : llvm::enumerate(transpose(vectors)))
          storeVector(vector, target, place(add(column, index(c)), row));
      };
      auto single = [&](Value column) {
        loop(row, add(row, index(shape.lanes)), 1,
             [&](Value r) { copySingle(r, column); });
      };
      forColumnBlocks(numColumns, 1, block, single);
    });
    return;
  }
  loop(index(0), numColumns, 1, [&](Value column) {
    Value full = index(0);
    if (view.isContiguous(rowDim)) {
      full = mul(div(numRows, index(shape.lanes)), index(shape.lanes));
      loop(index(0), full, shape.lanes, [&](Value row) {
        Value vector =
            vector::LoadOp::create(b, type, view.memref, at(row, column));
        storeVector(scale(vector), target, place(column, row));
      });
    }
    loop(full, padded, 1, [&](Value row) { copySingle(row, column); });
  });
}

void KernelEmitter::storeTransposed(function_ref<Values(Value, Value)> place,
                                    Value source, Value factors,
                                    const OperandView &view,
                                    ArrayRef<Value> coordinates,
                                    unsigned rowDim, Value numRows,
                                    unsigned columnDim, int64_t numColumns) {
  auto at = [&](Value row, Value column) {
    Values result(coordinates);
    result[rowDim] = add(result[rowDim], row);
    result[columnDim] = add(result[columnDim], column);
    return view.indices(result);
  };
  Type element = view.type().getElementType();
  auto storeSingle = [&](Value row, Value column) {
    Value value = arith::MulFOp::create(b, load(source, place(column, row)),
                                        load(factors, {row}));
    memref::StoreOp::create(b, truncate(value, element), view.memref,
                            at(row, column));
  };
  if (view.isContiguous(columnDim)) {
    loop(index(0), numRows, shape.lanes, [&](Value row) {
      Value by = loadVector(factors, {row});
      auto block = [&](Value column) {
        Values columns;
        for (int64_t c = 0; c < shape.lanes; ++c)
          columns.push_back(arith::MulFOp::create(
              b, loadVector(source, place(add(column, index(c)), row)), by));
        Values rows = transpose(columns);
        for (int64_t r = 0; r < shape.lanes; ++r) {
          Value which = add(row, index(r));
          ifThen(compare(arith::CmpIPredicate::slt, which, numRows), [&] {
            vector::StoreOp::create(b, truncate(rows[r], element), view.memref,
                                    at(which, column));
          });
        }
      };
      auto single = [&](Value column) {
        loop(row, min(numRows, add(row, index(shape.lanes))), 1,
             [&](Value r) { storeSingle(r, column); });
      };
      forColumnBlocks(index(numColumns), 1, block, single);
    });
    return;
  }
  loop(index(0), index(numColumns), 1, [&](Value column) {
    Value full = index(0);
    if (view.isContiguous(rowDim)) {
      full = mul(div(numRows, index(shape.lanes)), index(shape.lanes));
      loop(index(0), full, shape.lanes, [&](Value row) {
        Value value =
            arith::MulFOp::create(b, loadVector(source, place(column, row)),
                                  loadVector(factors, {row}));
        vector::StoreOp::create(b, truncate(value, element), view.memref,
                                at(row, column));
      });
    }
    loop(full, numRows, 1, [&](Value row) { storeSingle(row, column); });
  });
}

void KernelEmitter::zeroRow(Value target, ArrayRef<Value> prefix, Value lower,
                            Value upper) {
  loop(lower, upper, 1,
       [&](Value i) { store(f32(0.0), target, append(prefix, i)); });
}

//===----------------------------------------------------------------------===//
// The product
//===----------------------------------------------------------------------===//

void KernelEmitter::productBlock(Value row, int64_t numRows,
                                 ArrayRef<Value> columns, Value firstDepth,
                                 Value endDepth, const Product &product) {
  Values rows, sums;
  for (int64_t r = 0; r < numRows; ++r)
    rows.push_back(add(row, index(r)));
  for (Value r : rows)
    for (Value c : columns)
      sums.push_back(product.init(r, c));
  sums = loop(firstDepth, endDepth, 1, sums, [&](Value k, ValueRange carried) {
    Values vectors, next;
    for (Value c : columns)
      vectors.push_back(product.b(k, c));
    for (Value r : rows) {
      Value scalar = broadcast(product.a(r, k));
      for (Value vector : vectors)
        next.push_back(
            vector::FMAOp::create(b, scalar, vector, carried[next.size()]));
    }
    return next;
  });
  unsigned number = 0;
  for (Value r : rows)
    for (Value c : columns)
      product.store(sums[number++], r, c);
}

void KernelEmitter::product(Value rows, int64_t columns, Value depth,
                            const Product &product) {
  int64_t panel = shape.lanes * shape.chunks;
  int64_t fullColumns = columns / panel * panel;
  auto rowBlocks = [&](Value column, int64_t numChunks) {
    std::optional<int64_t> staticRows = getConstantIntValue(rows);
    int64_t tail = staticRows ? *staticRows % shape.rows : 0;
    Value fullRows = staticRows ? index(*staticRows - tail) : rows;
    Values vectors;
    for (int64_t c = 0; c < numChunks; ++c)
      vectors.push_back(add(column, index(c * shape.lanes)));
    loop(index(0), fullRows, shape.rows, [&](Value row) {
      productBlock(row, shape.rows, vectors, index(0), depth, product);
    });
    if (tail)
      productBlock(fullRows, tail, vectors, index(0), depth, product);
  };
  if (fullColumns)
    loop(index(0), index(fullColumns), panel,
         [&](Value column) { rowBlocks(column, shape.chunks); });
  if (columns > fullColumns)
    rowBlocks(index(fullColumns), (columns - fullColumns) / shape.lanes);
}

void KernelEmitter::productColumn(Value firstRow, Value endRow, Value column,
                                  Value firstDepth, Value endDepth,
                                  const Product &product) {
  std::optional<int64_t> first = getConstantIntValue(firstRow);
  std::optional<int64_t> end = getConstantIntValue(endRow);
  int64_t tail = first && end ? (*end - *first) % shape.lanes : 0;
  Value fullEnd = tail ? index(*end - tail) : endRow;
  loop(firstRow, fullEnd, shape.lanes, [&](Value row) {
    productBlock(row, shape.lanes, column, firstDepth, endDepth, product);
  });
  if (tail)
    productBlock(fullEnd, tail, column, firstDepth, endDepth, product);
}

//===----------------------------------------------------------------------===//
// Functions
//===----------------------------------------------------------------------===//

func::FuncOp createTileFunction(ImplicitLocOpBuilder &builder,
                                func::FuncOp kernel, TypeRange arguments,
                                int64_t scratchBytes) {
  auto module = kernel->getParentOfType<ModuleOp>();
  std::string name = (kernel.getName() + "_tile").str();
  for (int64_t i = 1; module.lookupSymbol(name); ++i)
    name = (kernel.getName() + "_tile_" + Twine(i)).str();
  builder.setInsertionPointAfter(kernel);
  auto tile = func::FuncOp::create(
      builder, name, builder.getFunctionType(arguments, TypeRange()));
  tile.setPrivate();
  tile->setAttr(
      "llvm.linkage",
      LLVM::LinkageAttr::get(builder.getContext(), LLVM::Linkage::Internal));
  tile->setAttr(kScratchAttrName, builder.getI64IntegerAttr(scratchBytes));
  Block *body = tile.addEntryBlock();
  builder.setInsertionPointToStart(body);
  auto end = func::ReturnOp::create(builder);
  builder.setInsertionPoint(end);
  return tile;
}

} // namespace ra::detail
