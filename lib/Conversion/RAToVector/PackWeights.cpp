//===- PackWeights.cpp - Weights in panels, once per binding --------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/SymbolTable.h"
#include "ra/Conversion/RAToVector/Passes.h"
#include "ra/Dialect/RA/IR/RAOps.h"
#include "llvm/ADT/BitVector.h"
#include "llvm/ADT/MapVector.h"

namespace ra {
#define GEN_PASS_DEF_PACKWEIGHTSPASS
#include "ra/Conversion/RAToVector/Passes.h.inc"
} // namespace ra

using namespace mlir;
using namespace ra;

static constexpr StringLiteral kPrepareSuffix = ".prepare";
static constexpr StringLiteral kArgumentsAttr = "ra.arguments";
static constexpr StringLiteral kArgumentTypesAttr = "ra.argument_types";

/// [n'..., n, c] -> [n'..., ceil(n / panel), c, panel], zeros beyond n.
static Value createPanels(OpBuilder &builder, Location loc, Value weight,
                          int64_t panel) {
  auto type = cast<RankedTensorType>(weight.getType());
  Type element = type.getElementType();
  SmallVector<int64_t> shape(type.getShape());
  size_t rows = shape.size() - 2;
  int64_t channels = shape.back();
  int64_t padded = llvm::alignTo(shape[rows], panel);
  if (padded != shape[rows]) {
    SmallVector<OpFoldResult> low(shape.size(), builder.getIndexAttr(0)), high;
    high.assign(low);
    high[rows] = builder.getIndexAttr(padded - shape[rows]);
    shape[rows] = padded;
    Value zero =
        arith::ConstantOp::create(builder, loc, builder.getZeroAttr(element));
    weight = tensor::PadOp::create(builder, loc,
                                   RankedTensorType::get(shape, element),
                                   weight, low, high, zero);
  }
  // Split the rows, then put the channels before the rows of a panel.
  SmallVector<int64_t> split(ArrayRef(shape).take_front(rows));
  split.append({padded / panel, panel, channels});
  SmallVector<ReassociationIndices> groups;
  for (size_t dim = 0; dim < rows; ++dim)
    groups.push_back({static_cast<int64_t>(dim)});
  int64_t first = rows;
  groups.push_back({first, first + 1});
  groups.push_back({first + 2});
  weight = tensor::ExpandShapeOp::create(
      builder, loc, RankedTensorType::get(split, element), weight, groups);
  auto permutation = llvm::to_vector(llvm::seq<int64_t>(0, split.size()));
  std::swap(permutation[first + 1], permutation[first + 2]);
  std::swap(split[first + 1], split[first + 2]);
  Value init = tensor::EmptyOp::create(builder, loc, split, element);
  return linalg::TransposeOp::create(builder, loc, weight, init, permutation)
      .getResult()[0];
}

namespace {
/// A function and where its arguments come from; see ra-outline-prepare.
struct Side {
  func::FuncOp function;
  SmallVector<int64_t> sources;

  static Side of(func::FuncOp function) {
    Side side{function, {}};
    if (auto sources =
            function->getAttrOfType<DenseI64ArrayAttr>(kArgumentsAttr))
      llvm::append_range(side.sources, sources.asArrayRef());
    else
      llvm::append_range(side.sources,
                         llvm::seq<int64_t>(0, function.getNumArguments()));
    return side;
  }

  /// A new last argument, a parameter; null on failure.
  BlockArgument append(Type type, int64_t source, Location loc) {
    Builder builder(function.getContext());
    auto attributes = builder.getDictionaryAttr(builder.getNamedAttr(
        RADialect::getParameterAttrName(), builder.getUnitAttr()));
    unsigned index = function.getNumArguments();
    if (failed(function.insertArgument(index, type, attributes, loc)))
      return nullptr;
    sources.push_back(source);
    return function.getArgument(index);
  }

  void writeSources() {
    function->setAttr(kArgumentsAttr,
                      DenseI64ArrayAttr::get(function.getContext(), sources));
  }
};

struct PackWeights : ra::impl::PackWeightsPassBase<PackWeights> {
  using PackWeightsPassBase::PackWeightsPassBase;

  void runOnOperation() override {
    if (panel < 0) {
      getOperation().emitError()
          << "ra-pack-weights: panel must not be negative, got "
          << int64_t(panel);
      return signalPassFailure();
    }
    if (panel == 0)
      return;
    SymbolTable symbols(getOperation());
    auto functions = llvm::to_vector(getOperation().getOps<func::FuncOp>());
    for (func::FuncOp function : functions) {
      StringRef stem = function.getName();
      if (stem.consume_back(kPrepareSuffix) && symbols.lookup(stem))
        continue;
      // Whoever calls it would have to pass another weight.
      if (!function.isPublic() || function.isExternal() ||
          !SymbolTable::symbolKnownUseEmpty(function, getOperation()))
        continue;
      if (failed(pack(function, symbols)))
        return signalPassFailure();
    }
  }

  /// The parameter or constant that `weight` is a reshape of, or null.
  static Value findOrigin(func::FuncOp function, Value weight) {
    while (isa_and_nonnull<tensor::ExpandShapeOp, tensor::CollapseShapeOp>(
        weight.getDefiningOp()))
      weight = weight.getDefiningOp()->getOperand(0);
    if (weight.getDefiningOp<arith::ConstantOp>())
      return weight;
    auto argument = dyn_cast<BlockArgument>(weight);
    if (argument && argument.getOwner() == &function.getBody().front() &&
        function.getArgAttr(argument.getArgNumber(),
                            RADialect::getParameterAttrName()))
      return weight;
    return nullptr;
  }

  static func::FuncOp getPrepare(func::FuncOp function, SymbolTable &symbols) {
    std::string name = (function.getName() + kPrepareSuffix).str();
    if (auto prepare = symbols.lookup<func::FuncOp>(name))
      return prepare;
    OpBuilder builder(function);
    auto prepare =
        func::FuncOp::create(builder, function.getLoc(), name,
                             builder.getFunctionType(TypeRange(), TypeRange()));
    symbols.insert(prepare);
    builder.setInsertionPointToStart(prepare.addEntryBlock());
    func::ReturnOp::create(builder, function.getLoc());
    prepare->setAttr(kArgumentsAttr, builder.getDenseI64ArrayAttr({}));
    if (!function->hasAttr(kArgumentTypesAttr))
      function->setAttr(kArgumentTypesAttr,
                        builder.getTypeArrayAttr(function.getArgumentTypes()));
    return prepare;
  }

  /// What `weight`, a value of `main`, is in `prepare`; null on failure.
  static Value getInPrepare(const Side &main, Side &prepare, Value weight) {
    auto end = cast<func::ReturnOp>(
        prepare.function.getBody().front().getTerminator());
    if (auto argument = dyn_cast<BlockArgument>(weight)) {
      int64_t source = main.sources[argument.getArgNumber()];
      if (source < 0)
        return end.getOperand(-1 - source);
      for (auto [index, own] : llvm::enumerate(prepare.sources))
        if (own == source)
          return prepare.function.getArgument(index);
      return prepare.append(weight.getType(), source, weight.getLoc());
    }
    Operation *op = weight.getDefiningOp();
    IRMapping mapping;
    for (Value operand : op->getOperands()) {
      Value mapped = getInPrepare(main, prepare, operand);
      if (!mapped)
        return nullptr;
      mapping.map(operand, mapped);
    }
    return OpBuilder(end).clone(*op, mapping)->getResult(0);
  }

  LogicalResult pack(func::FuncOp function, SymbolTable &symbols) {
    llvm::MapVector<Value, SmallVector<LinearOp>> users;
    function.walk([&](LinearOp op) {
      auto type = dyn_cast<RankedTensorType>(op.getWeight().getType());
      auto init = dyn_cast<RankedTensorType>(op.getInit().getType());
      if (type && init && type.hasStaticShape() && !op.getPanel() &&
          !init.isDynamicDim(getOperandDim(
              op.getOutputMap(), op.getOutputMap().getNumDims() - 1)) &&
          findOrigin(function, op.getWeight()))
        users[op.getWeight()].push_back(op);
    });
    if (users.empty())
      return success();
    Side prepare = Side::of(getPrepare(function, symbols));
    Side main = Side::of(function);
    auto end = cast<func::ReturnOp>(
        prepare.function.getBody().front().getTerminator());
    for (auto &[weight, linears] : users) {
      Value inPrepare = getInPrepare(main, prepare, weight);
      if (!inPrepare)
        return failure();
      OpBuilder builder(end);
      Value packed = createPanels(builder, weight.getLoc(), inPrepare, panel);
      end->insertOperands(end->getNumOperands(), packed);
      BlockArgument argument = main.append(
          packed.getType(), -int64_t(end->getNumOperands()), weight.getLoc());
      if (!argument)
        return failure();
      for (LinearOp linear : linears) {
        linear.getWeightMutable().assign(argument);
        linear.setPanel(panel);
      }
    }
    return dropUnused(main, prepare, end);
  }

  /// Drops parameters that nobody reads any more, and prepared values that were
  /// only such parameters.
  static LogicalResult dropUnused(Side &main, Side &prepare,
                                  func::ReturnOp end) {
    func::FuncOp function = main.function;
    SmallVector<Operation *> reshapes;
    function.walk([&](Operation *op) {
      if (isa<tensor::ExpandShapeOp, tensor::CollapseShapeOp>(op))
        reshapes.push_back(op);
    });
    for (Operation *op : llvm::reverse(reshapes))
      if (op->use_empty())
        op->erase();
    llvm::BitVector stale(function.getNumArguments());
    llvm::BitVector unread(end->getNumOperands(), true);
    SmallVector<int64_t> kept;
    for (BlockArgument argument : function.getArguments()) {
      unsigned index = argument.getArgNumber();
      int64_t source = main.sources[index];
      if (argument.use_empty() &&
          function.getArgAttr(index, RADialect::getParameterAttrName())) {
        stale.set(index);
        continue;
      }
      kept.push_back(source);
      if (source < 0)
        unread.reset(-1 - source);
    }
    // Results keep their order and are numbered anew.
    SmallVector<int64_t> number(end->getNumOperands(), 0);
    for (int64_t i = 0, next = 0; i < int64_t(number.size()); ++i)
      number[i] = unread.test(i) ? -1 : next++;
    for (int64_t &source : kept)
      if (source < 0)
        source = -1 - number[-1 - source];
    main.sources = kept;
    end->eraseOperands(unread);
    if (failed(function.eraseArguments(stale)))
      return failure();
    prepare.function.setFunctionType(FunctionType::get(
        function.getContext(), prepare.function.getArgumentTypes(),
        end->getOperandTypes()));
    main.writeSources();
    prepare.writeSources();
    return success();
  }
};
} // namespace
