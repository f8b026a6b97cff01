//===- ReductionPatternInterface.cpp - Smaller failing modules ------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ra/Dialect/RA/Transforms/ReductionPatternInterface.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Interfaces/DestinationStyleOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Reducer/ReductionPatternInterface.h"
#include "ra/Dialect/RA/IR/RAOps.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/xxhash.h"

using namespace mlir;
using namespace ra;

/// A way to make an op simpler. It returns false if it does not apply, and else
/// has changed the op, which may no longer verify.
using Step = std::function<bool(RewriterBase &, Operation *)>;

/// Erases `op`, whose results are unused, and what only it used, in its block:
/// that is before it, where the driver is done.
static void eraseWithDeadOperands(RewriterBase &rewriter, Operation *op) {
  Block *block = op->getBlock();
  SetVector<Operation *> dead;
  dead.insert(op);
  while (!dead.empty()) {
    Operation *next = dead.pop_back_val();
    if (next != op && !isOpTriviallyDead(next))
      continue;
    for (Value operand : next->getOperands())
      if (Operation *producer = operand.getDefiningOp())
        if (producer->getBlock() == block)
          dead.insert(producer);
    rewriter.eraseOp(next);
  }
}

static bool replaceResult(RewriterBase &rewriter, Operation *op, Value value) {
  rewriter.replaceAllUsesWith(op->getResult(0), value);
  eraseWithDeadOperands(rewriter, op);
  return true;
}

/// Operand `index` in place of the result.
static Step useOperand(unsigned index) {
  return [=](RewriterBase &rewriter, Operation *op) {
    Value operand = op->getOperand(index);
    return operand.getType() == op->getResult(0).getType() &&
           replaceResult(rewriter, op, operand);
  };
}

/// An empty tensor in place of the result.
static bool useEmptyTensor(RewriterBase &rewriter, Operation *op) {
  auto type = dyn_cast<RankedTensorType>(op->getResult(0).getType());
  if (!type || !type.hasStaticShape() || isa<tensor::EmptyOp>(op))
    return false;
  return replaceResult(
      rewriter, op,
      tensor::EmptyOp::create(rewriter, op->getLoc(), type, ValueRange()));
}

/// Optional operands of an `OpTy` go, together.
template <typename OpTy>
static Step
dropOperands(std::initializer_list<MutableOperandRange (OpTy::*)()> accessors) {
  return [accessors = SmallVector<MutableOperandRange (OpTy::*)()>(accessors)](
             RewriterBase &rewriter, Operation *op) {
    unsigned before = op->getNumOperands();
    rewriter.modifyOpInPlace(op, [&] {
      for (auto accessor : accessors)
        (cast<OpTy>(op).*accessor)().clear();
    });
    return op->getNumOperands() != before;
  };
}

/// The optional operands of ra ops whose results do not depend on their being
/// there.
static void addDropOperands(SmallVector<Step> &steps, Operation *op) {
  auto gates = [&](auto op) {
    using Op = decltype(op);
    steps.push_back(dropOperands<Op>({&Op::getWStdMutable}));
    steps.push_back(dropOperands<Op>({&Op::getWRecMutable}));
    steps.push_back(dropOperands<Op>({&Op::getProjectionMutable}));
    steps.push_back(
        dropOperands<Op>({&Op::getBasisQueryMutable, &Op::getBasisKeyMutable}));
  };
  auto scores = [&](auto op) {
    using Op = decltype(op);
    steps.push_back(dropOperands<Op>({&Op::getBiasMutable}));
    steps.push_back(dropOperands<Op>({&Op::getQueryOffsetMutable}));
  };
  TypeSwitch<Operation *>(op)
      .Case<LinearOp>([&](LinearOp) {
        steps.push_back(dropOperands<LinearOp>({&LinearOp::getBiasMutable}));
      })
      .Case<AttentionOp>([&](AttentionOp op) { scores(op); })
      .Case<ReciprocalAttentionOp>([&](ReciprocalAttentionOp op) {
        gates(op);
        scores(op);
      })
      .Case<FoldWeightsOp>([&](FoldWeightsOp op) { gates(op); });
}

static Step dropAttribute(StringAttr name) {
  return [=](RewriterBase &rewriter, Operation *op) {
    rewriter.modifyOpInPlace(op, [&] { op->removeAttr(name); });
    return true;
  };
}

/// What to try with `op`, the largest gain first.
static SmallVector<Step> getSteps(Operation *op) {
  SmallVector<Step> steps;
  if (op->getNumResults() == 1 && isMemoryEffectFree(op) &&
      isa<TensorType>(op->getResult(0).getType())) {
    if (auto destination = dyn_cast<DestinationStyleOpInterface>(op))
      for (OpOperand &init : destination.getDpsInitsMutable())
        steps.push_back(useOperand(init.getOperandNumber()));
    for (unsigned index = 0; index < op->getNumOperands(); ++index)
      steps.push_back(useOperand(index));
    steps.push_back(useEmptyTensor);
  }
  if (!isa_and_nonnull<RADialect>(op->getDialect()))
    return steps;
  addDropOperands(steps, op);
  for (StringAttr name : op->getName().getAttributeNames())
    if (name != "operandSegmentSizes" &&
        op->getInherentAttr(name).value_or(Attribute()))
      steps.push_back(dropAttribute(name));
  for (NamedAttribute attribute : op->getDiscardableAttrs())
    steps.push_back(dropAttribute(attribute.getName()));
  return steps;
}

namespace {
/// The first step after which the module verifies and is interesting.
struct SimplifyOp : RewritePattern {
  SimplifyOp(MLIRContext *context, Tester &tester)
      : RewritePattern(MatchAnyOpTypeTag(), /*benefit=*/1, context),
        tester(tester) {}

  LogicalResult matchAndRewrite(Operation *op,
                                PatternRewriter &rewriter) const override {
    auto module = op->getParentOfType<ModuleOp>();
    if (!module)
      return failure();
    for (const Step &step : getSteps(op)) {
      // Tried on a copy: a pattern that fails must leave no trace.
      IRMapping mapping;
      OwningOpRef<ModuleOp> copy(cast<ModuleOp>(module->clone(mapping)));
      Operation *copied = mapping.lookup(op);
      IRRewriter copyRewriter(copied);
      if (!step(copyRewriter, copied))
        continue;
      {
        // Steps that do not verify are no news.
        ScopedDiagnosticHandler silence(op->getContext(),
                                        [](Diagnostic &) { return success(); });
        if (failed(verify(*copy)))
          continue;
      }
      if (!isInteresting(*copy))
        continue;
      step(rewriter, op);
      return success();
    }
    return failure();
  }

  /// The tester's verdict, asked once: the search comes to a module by many
  /// ways, and running a script is slow.
  bool isInteresting(ModuleOp module) const {
    std::string text;
    llvm::raw_string_ostream stream(text);
    module.print(stream);
    auto [verdict, isNew] = verdicts.try_emplace(llvm::xxh3_64bits(text));
    if (isNew)
      verdict->second =
          tester.isInteresting(module).first == Tester::Interestingness::True;
    return verdict->second;
  }

  Tester &tester;
  mutable llvm::DenseMap<uint64_t, bool> verdicts;
};

struct ReductionPatterns : DialectReductionPatternInterface {
  explicit ReductionPatterns(Dialect *dialect)
      : DialectReductionPatternInterface(dialect) {}

  // What needs no tester: nothing.
  void populateReductionPatterns(RewritePatternSet &) const final {}

  void populateReductionPatternsWithTester(RewritePatternSet &patterns,
                                           Tester &tester) const final {
    patterns.add<SimplifyOp>(patterns.getContext(), tester);
  }
};
} // namespace

void ra::registerReductionPatternInterface(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, RADialect *dialect) {
    context->loadDialect<tensor::TensorDialect>();
    dialect->addInterfaces<ReductionPatterns>();
  });
}
