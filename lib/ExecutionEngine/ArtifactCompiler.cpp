//===- ArtifactCompiler.cpp - From a module to an artifact ----------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ra/ExecutionEngine/ArtifactCompiler.h"

#include "DimExpressions.h"
#include "EntryFunction.h"
#include "HostSupport.h"
#include "Lowering.h"
#include "SharedObject.h"
#include "WorkspacePlan.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "ra/Conversion/Pipelines.h"
#include "ra/Runtime/CpuCode.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/Module.h"

using namespace mlir;
using namespace ra;
using namespace ra::detail;
using runtime::Artifact;
using runtime::ArtifactEntry;
using runtime::ArtifactFunction;
using runtime::ArtifactTensor;
using runtime::DimExpr;

/// The numbers that `@name.shapes` stores, by position.
static FailureOr<SmallVector<DimExpr>> readShapes(func::FuncOp shapes) {
  Value out = shapes.getArguments().back();
  SmallVector<DimExpr> numbers(cast<MemRefType>(out.getType()).getDimSize(0));
  for (Operation &op : shapes.getBody().front()) {
    auto store = dyn_cast<memref::StoreOp>(op);
    if (!store)
      continue;
    std::optional<int64_t> position =
        store.getIndices().size() == 1
            ? getConstantIntValue(store.getIndices()[0])
            : std::nullopt;
    if (store.getMemRef() != out || !position)
      return store.emitError("this store in a function of shapes is not one of "
                             "a number at a constant position");
    FailureOr<DimExpr> number = toDimExpr(store.getValueToStore(), {});
    if (failed(number))
      return failure();
    numbers[*position] = *number;
  }
  return numbers;
}

namespace {

/// What becomes of one module.
class EntryBuilder {
public:
  EntryBuilder(ModuleOp module, Artifact &artifact)
      : module(module), artifact(artifact) {}

  LogicalResult addEntries() {
    FailureOr<std::vector<DescribedEntry>> described = describeEntries(module);
    if (failed(described))
      return failure();
    for (const DescribedEntry &item : *described) {
      ArtifactEntry entry;
      entry.name = item.main.name;
      for (const TensorSignature &argument : item.signature.arguments)
        entry.arguments.push_back({toTensor(argument), false, ""});
      entry.hasPrepare = item.prepare.has_value();
      if (failed(addFunction(item.main, entry.main)) ||
          (item.prepare && failed(addFunction(*item.prepare, entry.prepare))))
        return failure();
      artifact.entries.push_back(std::move(entry));
    }
    if (artifact.entries.empty()) {
      module.emitError("the module has no public function with a body");
      return failure();
    }
    return success();
  }

  /// The functions of the table, in its order.
  ArrayRef<std::string> getFunctions() const { return functions; }

private:
  static ArtifactTensor toTensor(const TensorSignature &signature) {
    return {signature.elementType, signature.shape};
  }

  LogicalResult addFunction(const EntryFunction &described,
                            ArtifactFunction &function) {
    for (const TensorSignature &argument : described.arguments)
      function.arguments.push_back(toTensor(argument));
    for (const TensorSignature &result : described.results)
      function.results.push_back(toTensor(result));
    function.sources.assign(described.sources.begin(), described.sources.end());
    for (const runtime::Tensor &constant : described.constants) {
      function.constants.push_back(artifact.constants.size());
      artifact.constants.push_back(constant);
    }
    if (described.hasShapes) {
      auto shapes = module.lookupSymbol<func::FuncOp>(described.name +
                                                      kShapesSuffix.str());
      FailureOr<SmallVector<DimExpr>> numbers = readShapes(shapes);
      if (failed(numbers))
        return failure();
      size_t numExtents = numbers->size() - 2 * described.conditions.size();
      function.extents.assign(numbers->begin(), numbers->begin() + numExtents);
      for (auto [index, text] : llvm::enumerate(described.conditions))
        function.conditions.push_back({(*numbers)[numExtents + 2 * index],
                                       (*numbers)[numExtents + 2 * index + 1],
                                       text});
      shapes.erase();
    }
    auto code = module.lookupSymbol<func::FuncOp>(described.name);
    FailureOr<std::vector<runtime::ArtifactBuffer>> buffers =
        planWorkspace(code, function.extents);
    if (failed(buffers))
      return failure();
    runtime::ArtifactImplementation implementation;
    implementation.buffers = std::move(*buffers);
    implementation.function = functions.size();
    functions.push_back(described.name);
    function.implementations.push_back(std::move(implementation));
    return success();
  }

  ModuleOp module;
  Artifact &artifact;
  std::vector<std::string> functions;
};

} // namespace

/// Makes everything internal but a table of functions, each of which takes the
/// addresses of memref descriptors.
static void addFunctionTable(llvm::Module &module,
                             ArrayRef<std::string> functions) {
  for (llvm::Function &function : module)
    if (!function.isDeclaration())
      function.setLinkage(llvm::GlobalValue::InternalLinkage);
  llvm::LLVMContext &context = module.getContext();
  auto *pointer = llvm::PointerType::get(context, 0);
  auto *type =
      llvm::FunctionType::get(llvm::Type::getVoidTy(context), {pointer}, false);
  SmallVector<llvm::Constant *> table;
  for (const std::string &name : functions) {
    llvm::Function *callee = module.getFunction("_mlir_ciface_" + name);
    auto *wrapper = llvm::Function::Create(
        type, llvm::GlobalValue::InternalLinkage, "call_" + name, module);
    llvm::IRBuilder<> builder(llvm::BasicBlock::Create(context, "", wrapper));
    SmallVector<llvm::Value *> arguments;
    for (unsigned i = 0; i < callee->arg_size(); ++i)
      arguments.push_back(builder.CreateLoad(
          pointer, builder.CreateConstGEP1_64(pointer, wrapper->getArg(0), i)));
    builder.CreateCall(callee, arguments);
    builder.CreateRetVoid();
    table.push_back(wrapper);
  }
  auto *tableType = llvm::ArrayType::get(pointer, table.size());
  auto *global = new llvm::GlobalVariable(
      module, tableType, /*isConstant=*/true,
      llvm::GlobalValue::ExternalLinkage,
      llvm::ConstantArray::get(tableType, table), runtime::kCpuFunctionTable);
  global->setVisibility(llvm::GlobalValue::ProtectedVisibility);
}

/// Tuning is not a feature: code for exactly this machine is scheduled for it.
static void setTuning(llvm::Module &module, const ArtifactOptions &options) {
  if (options.cpu.name != "native")
    return;
  for (llvm::Function &function : module)
    function.addFnAttr("tune-cpu", getHostCpuName());
}

FailureOr<Artifact> ra::compileArtifact(ModuleOp module,
                                        const ArtifactOptions &options) {
  MLIRContext *context = module.getContext();
  registerInterfaces(*context);
  OwningOpRef<ModuleOp> owned = module.clone();
  ModuleOp copy = *owned;
  auto has = [&](StringRef feature) {
    return llvm::is_contained(options.cpu.features, feature);
  };
  VectorShape shape = getVectorShape(has("avx512f"), has("avx2"));
  BufferizePipelineOptions bufferizing;
  bufferizing.panel = getPanel(shape);
  PassManager bufferize(context);
  buildBufferizePipeline(bufferize, bufferizing);
  if (failed(bufferize.run(copy)))
    return failure();

  Artifact artifact;
  EntryBuilder builder(copy, artifact);
  if (failed(builder.addEntries()))
    return failure();

  LowerToCpuPipelineOptions lowering;
  // 0: the runtime decides how many.
  lowering.threads = options.parallel ? 0 : 1;
  lowering.lanes = shape.lanes;
  lowering.rows = shape.rows;
  lowering.chunks = shape.chunks;
  PassManager lower(context);
  buildLowerToCpuPipeline(lower, lowering);
  if (failed(lower.run(copy)))
    return failure();
  dropArgumentAttributes(copy);

  llvm::LLVMContext llvmContext;
  std::unique_ptr<llvm::Module> llvmModule =
      translateModuleToLLVMIR(copy, llvmContext);
  if (!llvmModule) {
    module.emitError("the translation to LLVM IR failed");
    return failure();
  }
  addFunctionTable(*llvmModule, builder.getFunctions());
  setTuning(*llvmModule, options);
  if (options.llvmIR)
    llvmModule->print(*options.llvmIR, nullptr);
  runtime::Expected<runtime::ArtifactImage> image =
      makeSharedObject(*llvmModule, options);
  if (!image) {
    module.emitError() << "code generation failed: " << image.message();
    return failure();
  }
  image->numFunctions = builder.getFunctions().size();
  image->isParallel = options.parallel;
  artifact.images.push_back(std::move(*image));
  return artifact;
}
