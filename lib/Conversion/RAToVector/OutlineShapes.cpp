//===- OutlineShapes.cpp - Result shapes and shape conditions --------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"
#include "ra/Conversion/RAToVector/Passes.h"
#include "ra/Dialect/RA/IR/RAOps.h"

namespace ra {
#define GEN_PASS_DEF_OUTLINESHAPESPASS
#include "ra/Conversion/RAToVector/Passes.h.inc"
} // namespace ra

using namespace mlir;
using namespace ra;

namespace {

/// Two extents that must be equal: of `a` along `dimA` and of `b` along `dimB`.
struct Condition {
  Value a;
  unsigned dimA;
  Value b;
  unsigned dimB;
  std::string text;
};

bool isDynamic(Value value, unsigned dim) {
  return cast<RankedTensorType>(value.getType()).isDynamicDim(dim);
}

/// Collects the conditions of one op.
class ConditionCollector {
public:
  ConditionCollector(Operation *op, SmallVectorImpl<Condition> &conditions)
      : op(op), conditions(conditions) {}

  void equal(Value a, unsigned dimA, Value b, unsigned dimB,
             const Twine &what) {
    if (!isDynamic(a, dimA) && !isDynamic(b, dimB))
      return;
    conditions.push_back(
        {a, dimA, b, dimB, (op->getName().getStringRef() + ": " + what).str()});
  }

  template <typename OpTy> void attention(OpTy attention) {
    Value q = attention.getQuery(), k = attention.getKey(),
          v = attention.getValue(), o = attention.getInit();
    AffineMap mq = attention.getQueryMap(), mk = attention.getKeyMap(),
              mv = attention.getValueMap(), mo = attention.getInitMap();
    auto same = [&](Value a, AffineMap ma, Value c, AffineMap mc, unsigned dim,
                    const Twine &what) {
      equal(a, getOperandDim(ma, dim), c, getOperandDim(mc, dim), what);
    };
    same(q, mq, k, mk, 0, "batch of query and key");
    same(q, mq, v, mv, 0, "batch of query and value");
    same(q, mq, o, mo, 0, "batch of query and output");
    same(k, mk, v, mv, 2, "length of key and value");
    same(q, mq, o, mo, 2, "length of query and output");
    if (std::is_same_v<OpTy, ReciprocalAttentionOp>)
      same(q, mq, k, mk, 2, "length of query and key");
    if (Value bias = attention.getBias()) {
      auto type = cast<RankedTensorType>(bias.getType());
      // Extents of 1 are shared; a dynamic one is compared all the same.
      if (type.getDimSize(0) != 1)
        equal(bias, 0, q, getOperandDim(mq, 0), "batch of bias and query");
      if (type.getDimSize(1) != 1)
        equal(bias, 1, q, getOperandDim(mq, 1), "heads of bias and query");
      equal(bias, 2, q, getOperandDim(mq, 2), "length of bias and query");
      equal(bias, 3, k, getOperandDim(mk, 2), "length of bias and key");
    }
    if (Value lse = attention.getLseInit()) {
      for (unsigned dim = 0; dim < 3; ++dim)
        equal(lse, dim, q, getOperandDim(mq, dim),
              "dim " + Twine(dim) + " of log-sum-exp and query");
    }
  }

  void linear(LinearOp linear) {
    unsigned leading = linear.getNumLeadingDims();
    unsigned outputs = linear.getNumOutputDims();
    AffineMap in = linear.getInputMap(), out = linear.getOutputMap();
    equal(linear.getInput(), getOperandDim(in, leading), linear.getWeight(),
          linear.getChannelDim(), "channels of input and weight");
    for (unsigned dim = 0; dim < leading; ++dim)
      equal(linear.getInput(), getOperandDim(in, dim), linear.getInit(),
            getOperandDim(out, dim),
            "leading dim " + Twine(dim) + " of input and output");
    for (unsigned dim = 0; dim < outputs; ++dim) {
      // The last extent of a weight in panels is static, see ra-pack-weights.
      if (!linear.getPanel() || dim + 1 < outputs)
        equal(linear.getWeight(), dim, linear.getInit(),
              getOperandDim(out, leading + dim),
              "output dim " + Twine(dim) + " of weight and output");
      if (linear.getBias())
        equal(linear.getInit(), getOperandDim(out, leading + dim),
              linear.getBias(), dim,
              "output dim " + Twine(dim) + " of output and bias");
    }
  }

  void rope(RopeOp rope) {
    AffineMap in = rope.getInputMap(), out = rope.getOutputMap();
    for (unsigned dim = 0; dim < 4; ++dim)
      equal(rope.getInput(), getOperandDim(in, dim), rope.getInit(),
            getOperandDim(out, dim),
            "dim " + Twine(dim) + " of input and output");
    unsigned rank = cast<ShapedType>(rope.getCos().getType()).getRank();
    equal(rope.getInput(), getOperandDim(in, 2), rope.getCos(), rank - 2,
          "length of input and tables");
    for (unsigned dim = 0; dim < rank; ++dim)
      equal(rope.getCos(), dim, rope.getSin(), dim,
            "dim " + Twine(dim) + " of the two tables");
    if (rank == 3)
      equal(rope.getInput(), getOperandDim(in, 0), rope.getCos(), 0,
            "batch of input and tables");
  }

  /// Every operand dim that is one loop has that loop's extent.
  void structured(linalg::LinalgOp structured) {
    SmallVector<std::pair<Value, unsigned>> first(structured.getNumLoops());
    for (OpOperand &operand : structured->getOpOperands()) {
      if (!isa<RankedTensorType>(operand.get().getType()))
        continue;
      AffineMap map = structured.getMatchingIndexingMap(&operand);
      for (auto [dim, result] : llvm::enumerate(map.getResults())) {
        auto loop = dyn_cast<AffineDimExpr>(result);
        if (!loop)
          continue;
        auto &[value, position] = first[loop.getPosition()];
        if (!value) {
          value = operand.get();
          position = dim;
          continue;
        }
        equal(value, position, operand.get(), dim,
              "extent of loop " + Twine(loop.getPosition()));
      }
    }
  }

private:
  Operation *op;
  SmallVectorImpl<Condition> &conditions;
};

void collect(Operation &op, SmallVectorImpl<Condition> &conditions) {
  ConditionCollector collector(&op, conditions);
  if (auto attention = dyn_cast<AttentionOp>(op))
    collector.attention(attention);
  else if (auto reciprocal = dyn_cast<ReciprocalAttentionOp>(op))
    collector.attention(reciprocal);
  else if (auto linear = dyn_cast<LinearOp>(op))
    collector.linear(linear);
  else if (auto rope = dyn_cast<RopeOp>(op))
    collector.rope(rope);
  else if (auto structured = dyn_cast<linalg::LinalgOp>(op))
    collector.structured(structured);
  else if (auto cast = dyn_cast<tensor::CastOp>(op))
    if (isa<RankedTensorType>(cast.getSource().getType()) &&
        isa<RankedTensorType>(cast.getType()))
      for (auto [dim, extent] : llvm::enumerate(
               mlir::cast<RankedTensorType>(cast.getType()).getShape()))
        if (!ShapedType::isDynamic(extent))
          collector.equal(cast.getSource(), dim, cast.getDest(), dim,
                          "dim " + Twine(dim));
}

struct OutlineShapes : ra::impl::OutlineShapesPassBase<OutlineShapes> {
  using OutlineShapesPassBase::OutlineShapesPassBase;

  void runOnOperation() override {
    auto functions = llvm::to_vector(getOperation().getOps<func::FuncOp>());
    for (func::FuncOp function : functions)
      if (function.isPublic() && !function.isExternal() &&
          failed(outline(function)))
        return signalPassFailure();
  }

  LogicalResult outline(func::FuncOp function) {
    if (!function.getBody().hasOneBlock() ||
        !llvm::all_of(function.getArgumentTypes(), llvm::IsaPred<TensorType>) ||
        !llvm::all_of(function.getResultTypes(),
                      llvm::IsaPred<RankedTensorType>))
      return success();
    std::string name = (function.getName() + kShapesSuffix).str();
    if (getOperation().lookupSymbol(name))
      return function.emitOpError()
             << "needs the name @" << name << ", which is taken";

    // First a function that returns every number of interest ...
    func::FuncOp shapes = function.clone();
    getOperation().insert(std::next(Block::iterator(function)), shapes);
    shapes.setName(name);
    for (unsigned i = 0, e = shapes.getNumArguments(); i < e; ++i)
      shapes.setArgAttrs(i, ArrayRef<NamedAttribute>());
    shapes->setDiscardableAttrs(ArrayRef<NamedAttribute>());
    shapes.removeResAttrsAttr();
    Block &body = shapes.getBody().front();
    auto end = cast<func::ReturnOp>(body.getTerminator());
    SmallVector<Condition> conditions;
    for (Operation &op : body)
      collect(op, conditions);
    OpBuilder builder(end);
    SmallVector<Value> numbers;
    auto extent = [&](Value value, unsigned dim) {
      numbers.push_back(
          tensor::DimOp::create(builder, end.getLoc(), value, dim));
    };
    for (Value result : end.getOperands())
      for (int64_t dim = 0, rank = cast<ShapedType>(result.getType()).getRank();
           dim < rank; ++dim)
        if (isDynamic(result, dim))
          extent(result, dim);
    size_t numExtents = numbers.size();
    for (const Condition &condition : conditions) {
      extent(condition.a, condition.dimA);
      extent(condition.b, condition.dimB);
    }
    if (numbers.empty()) {
      shapes.erase();
      return success();
    }
    end.getOperandsMutable().assign(numbers);
    shapes.setFunctionType(builder.getFunctionType(
        shapes.getArgumentTypes(),
        SmallVector<Type>(numbers.size(), builder.getIndexType())));

    // ... of which little remains, ...
    OpPassManager pm(func::FuncOp::getOperationName());
    pm.addPass(memref::createResolveRankedShapeTypeResultDimsPass());
    pm.addPass(createCanonicalizerPass());
    pm.addPass(createCSEPass());
    if (failed(runPipeline(pm, shapes)))
      return failure();

    // ... then stores of the extents and of conditions that do not hold
    // anyway.
    end = cast<func::ReturnOp>(body.getTerminator());
    builder.setInsertionPoint(end);
    SmallVector<Value> kept(end.getOperands().take_front(numExtents));
    SmallVector<Attribute> texts;
    SmallVector<std::pair<Value, Value>> seen;
    for (auto [number, condition] : llvm::enumerate(conditions)) {
      std::pair<Value, Value> pair(end.getOperand(numExtents + 2 * number),
                                   end.getOperand(numExtents + 2 * number + 1));
      if (pair.first == pair.second || llvm::is_contained(seen, pair))
        continue;
      seen.push_back(pair);
      kept.append({pair.first, pair.second});
      texts.push_back(builder.getStringAttr(condition.text));
    }
    if (kept.empty()) {
      shapes.erase();
      return success();
    }
    auto type = MemRefType::get({static_cast<int64_t>(kept.size())},
                                builder.getI64Type());
    if (failed(shapes.insertArgument(shapes.getNumArguments(), type, {},
                                     shapes.getLoc())))
      return failure();
    Value out = shapes.getArguments().back();
    for (auto [position, number] : llvm::enumerate(kept)) {
      Value index =
          arith::ConstantIndexOp::create(builder, end.getLoc(), position);
      Value stored = arith::IndexCastOp::create(builder, end.getLoc(),
                                                builder.getI64Type(), number);
      memref::StoreOp::create(builder, end.getLoc(), stored, out, index);
    }
    end.getOperandsMutable().clear();
    shapes.setFunctionType(
        builder.getFunctionType(shapes.getArgumentTypes(), {}));
    shapes->setAttr(kShapesAttrName, builder.getArrayAttr(texts));
    return success();
  }
};
} // namespace
