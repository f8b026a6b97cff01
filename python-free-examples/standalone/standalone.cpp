// Builds a module with reciprocal attention through the C++ API, runs ra's
// pipeline on it and prints what is left.
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/InitAllDialects.h"
#include "mlir/Pass/PassManager.h"
#include "ra/Dialect/RA/IR/RAOps.h"
#include "ra/InitAll.h"

using namespace mlir;

int main() {
  DialectRegistry registry;
  registerAllDialects(registry);
  ra::registerAllDialects(registry);
  MLIRContext context(registry);
  context.loadAllAvailableDialects();

  // func.func @attend(q, k, v) of [B, H, T, D] = [2, 12, 128, 64].
  OpBuilder builder(&context);
  Location loc = builder.getUnknownLoc();
  OwningOpRef<ModuleOp> module(ModuleOp::create(loc));
  builder.setInsertionPointToEnd(module->getBody());
  auto type = RankedTensorType::get({2, 12, 128, 64}, builder.getF32Type());
  auto attend =
      func::FuncOp::create(builder, loc, "attend",
                           builder.getFunctionType({type, type, type}, type));
  builder.setInsertionPointToStart(attend.addEntryBlock());
  Value init = tensor::EmptyOp::create(builder, loc, type, ValueRange());
  auto attention = ra::ReciprocalAttentionOp::create(
      builder, loc, attend.getArgument(0), attend.getArgument(1),
      attend.getArgument(2), init, /*rank=*/4,
      ra::MaskAttr::get(&context, ra::MaskKind::Causal));
  func::ReturnOp::create(builder, loc, attention.getResults());

  PassManager pm(&context);
  ra::CompilePipelineOptions options;
  options.stage = ra::Stage::Folded;
  ra::buildCompilePipeline(pm, options);
  if (failed(pm.run(*module)))
    return 1;
  module->print(llvm::outs());
}
