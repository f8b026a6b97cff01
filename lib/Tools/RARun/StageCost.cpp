//===- StageCost.cpp - What a stage costs at given shapes -----------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "StageCost.h"

#include "Session.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Transforms/Passes.h"
#include "ra/Conversion/Pipelines.h"

using namespace mlir;
using namespace ra;
using namespace ra::tools;

/// Gives the dynamic arguments of `function` the types in `types` (null: as it
/// is), with a cast back to what the body expects.
static void setArgumentTypes(func::FuncOp function, ArrayRef<Type> types) {
  OpBuilder builder(function.getBody());
  for (auto [argument, type] :
       llvm::zip_equal(function.getArguments(), types)) {
    if (!type || type == argument.getType())
      continue;
    Type before = argument.getType();
    argument.setType(type);
    auto cast =
        tensor::CastOp::create(builder, function.getLoc(), before, argument);
    argument.replaceAllUsesExcept(cast, cast);
  }
  function.setType(FunctionType::get(
      function.getContext(), function.getBody().front().getArgumentTypes(),
      function.getResultTypes()));
}

/// Returns what is cast to the result type, as what it is.
static void dropCastsOfResults(func::FuncOp function) {
  Operation *terminator = function.getBody().front().getTerminator();
  for (OpOperand &operand : terminator->getOpOperands())
    if (auto cast = operand.get().getDefiningOp<tensor::CastOp>())
      operand.set(cast.getSource());
  function.setType(FunctionType::get(function.getContext(),
                                     function.getArgumentTypes(),
                                     terminator->getOperandTypes()));
}

/// The types of `function`'s arguments: original ones get the shapes of
/// `inputs`, prepared ones are those in `prepared`.
static SmallVector<Type> findTypes(func::FuncOp function,
                                   ArrayRef<runtime::Tensor> inputs,
                                   ArrayRef<Type> prepared) {
  auto sources = function->getAttrOfType<DenseI64ArrayAttr>("ra.arguments");
  SmallVector<Type> types;
  for (auto [index, type] : llvm::enumerate(function.getArgumentTypes())) {
    int64_t source = sources ? sources[index] : static_cast<int64_t>(index);
    auto tensor = dyn_cast<RankedTensorType>(type);
    if (source < 0)
      types.push_back(prepared[-1 - source]);
    else
      types.push_back(tensor ? Type(tensor.clone(inputs[source].shape()))
                             : type);
  }
  return types;
}

FailureOr<Cost> tools::countCost(ModuleOp compiled, StringRef entry,
                                 ArrayRef<runtime::Tensor> inputs) {
  OwningOpRef<ModuleOp> module = compiled.clone();
  auto simplify = [&] {
    return runPasses(*module, [](OpPassManager &pm) {
      pm.addPass(createCanonicalizerPass());
      pm.addPass(createCSEPass());
    });
  };
  auto specialise = [&](func::FuncOp function, ArrayRef<Type> prepared) {
    setArgumentTypes(function, findTypes(function, inputs, prepared));
    if (failed(simplify()))
      return failure();
    dropCastsOfResults(function);
    return success();
  };

  // Calls of private functions would keep their dynamic types.
  if (failed(runPasses(
          *module, [](OpPassManager &pm) { pm.addPass(createInlinerPass()); })))
    return failure();
  SmallVector<Type> prepared;
  if (auto prepare =
          module->lookupSymbol<func::FuncOp>((entry + ".prepare").str())) {
    if (failed(specialise(prepare, {})))
      return failure();
    prepared = llvm::to_vector(prepare.getResultTypes());
  }
  if (failed(specialise(module->lookupSymbol<func::FuncOp>(entry), prepared)))
    return failure();
  if (failed(runPasses(*module, [](OpPassManager &pm) {
        buildBufferizePipeline(pm, BufferizePipelineOptions());
      })))
    return failure();
  return computeCost(module->lookupSymbol<func::FuncOp>(entry));
}
