//===- OutlinePrepare.cpp - Parameter-only work into @f.prepare ---===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ra/Dialect/RA/IR/RADialect.h"
#include "ra/Dialect/RA/Transforms/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Remarks.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "ra/Dialect/RA/IR/RAOps.h"

namespace ra {
#define GEN_PASS_DEF_OUTLINEPREPAREPASS
#include "ra/Dialect/RA/Transforms/Passes.h.inc"
} // namespace ra

using namespace mlir;
using namespace ra;

static constexpr llvm::StringLiteral kCategory = "ra-outline-prepare";
static constexpr llvm::StringLiteral kArgumentsAttr = "ra.arguments";
/// The types of all original arguments, those that were dropped included.
static constexpr llvm::StringLiteral kArgumentTypesAttr = "ra.argument_types";

namespace {
/// What one function can do ahead of a call.
struct Plan {
  /// Ops that move, in order.
  SetVector<Operation *> moved;
  /// Values that the rest of the function needs from them.
  SetVector<Value> results;
  /// Arguments that the moved ops read.
  SetVector<BlockArgument> inputs;
};
} // namespace

/// Constants and empty tensors: needed on both sides, never a result.
static bool isFree(Operation *op) {
  return op->hasTrait<OpTrait::ConstantLike>() || isa<tensor::EmptyOp>(op);
}

/// True for a view of an argument: it costs nothing at a call, but would be a
/// copy as a prepared value.
static bool isViewOfArgument(Value value) {
  while (Operation *op = value.getDefiningOp()) {
    if (!isa<tensor::ExpandShapeOp, tensor::CollapseShapeOp,
             tensor::ExtractSliceOp, tensor::CastOp>(op))
      return false;
    value = op->getOperand(0);
  }
  return true;
}

static Plan makePlan(func::FuncOp function) {
  Plan plan;
  Block &entry = function.getBody().front();
  auto isParameter = [&](BlockArgument argument) {
    return argument.getOwner() == &entry &&
           function.getArgAttr(argument.getArgNumber(),
                               RADialect::getParameterAttrName());
  };
  // Ops whose every input is a parameter, a constant, or such an op's result.
  SetVector<Operation *> ahead;
  for (Operation &op : entry) {
    if (op.hasTrait<OpTrait::IsTerminator>() || !isMemoryEffectFree(&op))
      continue;
    bool known = true;
    auto check = [&](Value value) {
      if (auto argument = dyn_cast<BlockArgument>(value)) {
        if (argument.getOwner()->getParentOp() == function)
          known &= isParameter(argument);
      } else if (value.getDefiningOp()->getBlock() == &entry) {
        known &= ahead.contains(value.getDefiningOp());
      }
    };
    op.walk([&](Operation *nested) {
      for (Value operand : nested->getOperands())
        check(operand);
    });
    if (known)
      ahead.insert(&op);
  }
  // A value is a result if an op that stays uses it.
  for (Operation *op : ahead) {
    if (isFree(op))
      continue;
    for (Value result : op->getResults()) {
      if (!isa<RankedTensorType>(result.getType()) || isViewOfArgument(result))
        continue;
      bool needed = llvm::any_of(result.getUsers(), [&](Operation *user) {
        Operation *inBlock = entry.findAncestorOpInBlock(*user);
        return !ahead.contains(inBlock);
      });
      if (needed)
        plan.results.insert(result);
    }
  }
  // The ops behind the results, in their order.
  SetVector<Operation *> required;
  SmallVector<Operation *> work;
  for (Value result : plan.results)
    work.push_back(result.getDefiningOp());
  while (!work.empty()) {
    Operation *op = work.pop_back_val();
    if (!required.insert(op))
      continue;
    op->walk([&](Operation *nested) {
      for (Value operand : nested->getOperands()) {
        if (auto argument = dyn_cast<BlockArgument>(operand)) {
          if (argument.getOwner() == &entry)
            plan.inputs.insert(argument);
        } else if (operand.getDefiningOp()->getBlock() == &entry) {
          work.push_back(operand.getDefiningOp());
        }
      }
    });
  }
  for (Operation &op : entry)
    if (required.contains(&op))
      plan.moved.insert(&op);
  return plan;
}

namespace {
struct OutlinePreparePass
    : ra::impl::OutlinePreparePassBase<OutlinePreparePass> {
  /// A new last argument of `function`, marked as a parameter, for `value`.
  static Value appendParameter(func::FuncOp function, Value value) {
    Builder builder(function.getContext());
    auto attributes = builder.getDictionaryAttr(builder.getNamedAttr(
        RADialect::getParameterAttrName(), builder.getUnitAttr()));
    unsigned index = function.getNumArguments();
    if (failed(function.insertArgument(index, value.getType(), attributes,
                                       value.getLoc())))
      return nullptr;
    return function.getArgument(index);
  }

  /// Orders the parameters of `function` by their first use, behind the other
  /// arguments, and drops those without a use. A module and its baseline then
  /// have the same signature, whichever of them needed a prepared weight.
  static LogicalResult orderParameters(func::FuncOp function,
                                       SmallVector<int64_t> origins) {
    SmallVector<unsigned> parameters;
    llvm::BitVector stale(function.getNumArguments());
    for (unsigned i = 0, e = function.getNumArguments(); i < e; ++i) {
      if (!function.getArgAttr(i, RADialect::getParameterAttrName()))
        continue;
      stale.set(i);
      if (!function.getArgument(i).use_empty())
        parameters.push_back(i);
    }
    auto firstUse = [&](unsigned index) {
      std::pair<unsigned, unsigned> first(~0u, ~0u);
      Block &entry = function.getBody().front();
      unsigned position = 0;
      llvm::DenseMap<Operation *, unsigned> positions;
      for (Operation &op : entry)
        positions[&op] = position++;
      for (OpOperand &use : function.getArgument(index).getUses()) {
        Operation *op = entry.findAncestorOpInBlock(*use.getOwner());
        first = std::min(first,
                         std::make_pair(positions[op], use.getOperandNumber()));
      }
      return first;
    };
    llvm::sort(parameters, [&](unsigned a, unsigned b) {
      return firstUse(a) < firstUse(b);
    });
    SmallVector<int64_t> kept;
    for (unsigned i = 0, e = origins.size(); i < e; ++i)
      if (!stale.test(i))
        kept.push_back(origins[i]);
    for (unsigned index : parameters) {
      Value argument = appendParameter(function, function.getArgument(index));
      if (!argument)
        return failure();
      function.getArgument(index).replaceAllUsesWith(argument);
      kept.push_back(origins[index]);
    }
    stale.resize(function.getNumArguments());
    if (failed(function.eraseArguments(stale)))
      return failure();
    function->setAttr(kArgumentsAttr,
                      DenseI64ArrayAttr::get(function.getContext(), kept));
    return success();
  }

  LogicalResult outline(func::FuncOp function, SymbolTable &symbols) {
    SmallVector<int64_t> origins =
        llvm::to_vector(llvm::seq<int64_t>(0, function.getNumArguments()));
    function->setAttr(
        kArgumentTypesAttr,
        Builder(&getContext()).getTypeArrayAttr(function.getArgumentTypes()));
    Plan plan = makePlan(function);
    if (!plan.results.empty() && !plan.inputs.empty() &&
        failed(movePrepared(function, plan, symbols, origins)))
      return failure();
    return orderParameters(function, std::move(origins));
  }

  /// Moves the ops of `plan` to @f.prepare; its results become the last
  /// arguments of `function`, noted in `origins`.
  static LogicalResult movePrepared(func::FuncOp function, Plan &plan,
                                    SymbolTable &symbols,
                                    SmallVector<int64_t> &origins) {
    std::string name = (function.getName() + ".prepare").str();
    if (symbols.lookup(name))
      return function.emitOpError()
             << "cannot get a prepare function: '" << name << "' exists";

    // @f.prepare
    SmallVector<BlockArgument> inputs(plan.inputs.begin(), plan.inputs.end());
    llvm::sort(inputs, [](BlockArgument a, BlockArgument b) {
      return a.getArgNumber() < b.getArgNumber();
    });
    OpBuilder builder(function);
    auto typesOf = [](auto &&values) {
      return llvm::map_to_vector(values, [](Value v) { return v.getType(); });
    };
    auto prepare = func::FuncOp::create(
        builder, function.getLoc(), name,
        builder.getFunctionType(typesOf(inputs), typesOf(plan.results)));
    symbols.insert(prepare);
    Block *body = prepare.addEntryBlock();
    IRMapping mapping;
    SmallVector<int64_t> prepareArguments;
    for (auto [input, argument] :
         llvm::zip_equal(inputs, body->getArguments())) {
      mapping.map(input, argument);
      prepareArguments.push_back(input.getArgNumber());
      prepare.setArgAttr(argument.getArgNumber(),
                         RADialect::getParameterAttrName(),
                         builder.getUnitAttr());
    }
    OpBuilder inside = OpBuilder::atBlockEnd(body);
    for (Operation *op : plan.moved)
      inside.clone(*op, mapping);
    SmallVector<Value> returned;
    for (Value result : plan.results)
      returned.push_back(mapping.lookup(result));
    func::ReturnOp::create(inside, function.getLoc(), returned);
    prepare->setAttr(kArgumentsAttr,
                     builder.getDenseI64ArrayAttr(prepareArguments));

    // @f: prepared values become arguments.
    for (auto [i, value] : llvm::enumerate(plan.results)) {
      Value result = value;
      Value argument = appendParameter(function, result);
      if (!argument)
        return failure();
      origins.push_back(-1 - static_cast<int64_t>(i));
      result.replaceAllUsesWith(argument);
    }
    size_t work =
        llvm::count_if(plan.moved, [](Operation *op) { return !isFree(op); });
    for (Operation *op : llvm::reverse(plan.moved))
      if (op->use_empty())
        op->erase();

    remark::passed(function.getLoc(), remark::RemarkOpts::name("outlined")
                                          .category(kCategory)
                                          .function(function.getName()))
        << remark::reason("{0} ops on {1} parameters moved to @{2}, {3} "
                          "prepared values",
                          work, inputs.size(), name, plan.results.size());
    return success();
  }

  static bool hasParameters(func::FuncOp function) {
    for (unsigned i = 0, e = function.getNumArguments(); i < e; ++i)
      if (function.getArgAttr(i, RADialect::getParameterAttrName()))
        return true;
    return false;
  }

  void runOnOperation() override {
    SymbolTable symbols(getOperation());
    SmallVector<func::FuncOp> functions;
    for (auto function : getOperation().getOps<func::FuncOp>())
      if (function.isPublic() && !function.isExternal() &&
          function.getBody().hasOneBlock() &&
          !function->hasAttr(kArgumentsAttr) && hasParameters(function))
        functions.push_back(function);
    for (func::FuncOp function : functions)
      if (failed(outline(function, symbols)))
        return signalPassFailure();
  }
};
} // namespace
