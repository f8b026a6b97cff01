//===- Engine.cpp - Compile a module and call its entries ------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ra/ExecutionEngine/Engine.h"

#include "CallMemory.h"
#include "EntryFunction.h"
#include "HostSupport.h"
#include "Lowering.h"
#include "mlir/ExecutionEngine/ExecutionEngine.h"
#include "mlir/ExecutionEngine/OptUtils.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "ra/Conversion/Pipelines.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ExecutionEngine/Orc/JITTargetMachineBuilder.h"
#include "llvm/IR/Instructions.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"

#include <algorithm>
#include <cstring>
#include <thread>

using namespace mlir;
using namespace ra;
using namespace ra::detail;
using ra::runtime::Tensor;

//===----------------------------------------------------------------------===//
// State
//===----------------------------------------------------------------------===//

namespace {

/// What prepare() made of which parameters.
struct Prepared {
  /// The parameters; kept, so that no other tensor can take their address.
  SmallVector<Tensor> parameters;
  SmallVector<Tensor> results;
  bool valid = false;
};

/// An entry, split or not.
struct Entry {
  EntryFunction main;
  std::optional<EntryFunction> prepare;
  Prepared prepared;
};

} // namespace

struct Engine::Impl {
  EngineOptions options;
  std::unique_ptr<mlir::ExecutionEngine> jit;
  std::vector<Entry> entries;
  std::vector<EntrySignature> signatures;
  llvm::StringMap<size_t> byName;
  BufferPool pool;
  int64_t scratchBytes = 0;

  runtime::Expected<Entry *> find(StringRef name);
  runtime::Status check(const EntrySignature &signature,
                        ArrayRef<Tensor> arguments) const;
  runtime::Status runPrepare(Entry &entry, ArrayRef<Tensor> arguments,
                             CallCounters &counters);
  static SmallVector<Tensor> select(const EntryFunction &function,
                                    ArrayRef<Tensor> arguments,
                                    ArrayRef<Tensor> prepared);
};

struct BoundCall::Impl {
  Engine::Impl *engine;
  const EntryFunction *function;
  SmallVector<Tensor> arguments, results;
  PackedArguments packed;
  void **packedArguments;
  CallCounters counters;
};

//===----------------------------------------------------------------------===//
// Compiling
//===----------------------------------------------------------------------===//

/// The execution engine adds a wrapper for every function, which for internal
/// ones would only keep LLVM from treating them as such.
static void dropWrappersOfInternalFunctions(llvm::Module &module) {
  for (llvm::Function &wrapper : module) {
    StringRef name = wrapper.getName();
    if (wrapper.isDeclaration() || !name.consume_front("_mlir_"))
      continue;
    llvm::Function *wrapped = module.getFunction(name);
    if (!wrapped || !wrapped->hasInternalLinkage())
      continue;
    // The symbol was promised, its code was not.
    llvm::GlobalValue::LinkageTypes linkage = wrapper.getLinkage();
    wrapper.deleteBody();
    wrapper.setLinkage(linkage);
    auto *block = llvm::BasicBlock::Create(module.getContext(), "", &wrapper);
    new llvm::UnreachableInst(module.getContext(), block);
  }
}

static llvm::Expected<std::unique_ptr<llvm::TargetMachine>>
createTargetMachine(unsigned optLevel) {
  llvm::Expected<llvm::orc::JITTargetMachineBuilder> builder =
      llvm::orc::JITTargetMachineBuilder::detectHost();
  if (!builder)
    return builder.takeError();
  builder->setCodeGenOptLevel(
      static_cast<llvm::CodeGenOptLevel>(std::min(optLevel, 3u)));
  return builder->createTargetMachine();
}

/// Turns `module`, in the LLVM dialect, into code.
static FailureOr<std::unique_ptr<mlir::ExecutionEngine>>
createJit(ModuleOp module, const EngineOptions &options) {
  llvm::InitializeNativeTarget();
  llvm::InitializeNativeTargetAsmPrinter();
  auto fail = [&](llvm::Error error) {
    module.emitError() << "code generation failed: "
                       << llvm::toString(std::move(error));
    return failure();
  };
  llvm::Expected<std::unique_ptr<llvm::TargetMachine>> target =
      createTargetMachine(options.optLevel);
  if (!target)
    return fail(target.takeError());
  // The engine takes one; the optimiser needs one for as long as it runs,
  // which is within this function and the look-ups that follow it.
  llvm::Expected<std::unique_ptr<llvm::TargetMachine>> second =
      createTargetMachine(options.optLevel);
  if (!second)
    return fail(second.takeError());
  std::shared_ptr<llvm::TargetMachine> shared = std::move(*second);
  auto optimise = makeOptimizingTransformer(std::min(options.optLevel, 3u),
                                            /*sizeLevel=*/0, shared.get());
  auto transform = [optimise, shared](llvm::Module *llvmModule) {
    dropWrappersOfInternalFunctions(*llvmModule);
    return optimise(llvmModule);
  };
  dropArgumentAttributes(module);
  auto translate = [&](Operation *op, llvm::LLVMContext &context) {
    std::unique_ptr<llvm::Module> llvmModule =
        translateModuleToLLVMIR(op, context);
    if (llvmModule && options.llvmIR)
      llvmModule->print(*options.llvmIR, nullptr);
    return llvmModule;
  };
  mlir::ExecutionEngineOptions jitOptions;
  jitOptions.llvmModuleBuilder = translate;
  jitOptions.transformer = transform;
  jitOptions.jitCodeGenOptLevel =
      static_cast<llvm::CodeGenOptLevel>(std::min(options.optLevel, 3u));
  auto jit =
      mlir::ExecutionEngine::create(module, jitOptions, std::move(*target));
  if (!jit)
    return fail(jit.takeError());
  (*jit)->registerSymbols([](llvm::orc::MangleAndInterner interner) {
    llvm::orc::SymbolMap map;
    for (const RuntimeSymbol &symbol : getRuntimeSymbols())
      map[interner(symbol.name)] = {
          llvm::orc::ExecutorAddr::fromPtr(symbol.address),
          llvm::JITSymbolFlags::Exported};
    return map;
  });
  return std::move(*jit);
}

/// The address of the C interface of @name.
static FailureOr<PackedFunction>
findCode(ModuleOp module, mlir::ExecutionEngine &jit, StringRef name) {
  llvm::Expected<PackedFunction> code =
      jit.lookupPacked(("_mlir_ciface_" + name).str());
  if (!code) {
    module.emitError() << "code generation of @" << name
                       << " failed: " << llvm::toString(code.takeError());
    return failure();
  }
  return *code;
}

FailureOr<std::unique_ptr<Engine>>
Engine::compile(ModuleOp module, const EngineOptions &options) {
  auto state = std::make_unique<Impl>();
  state->options = options;
  if (state->options.threads == 0)
    state->options.threads = std::max(1u, std::thread::hardware_concurrency());
  unsigned threads = state->options.threads;
  if (threads != 1)
    if (runtime::Status loaded = loadOpenMPRuntime(); !loaded.ok()) {
      module.emitError() << loaded.message();
      return failure();
    }

  MLIRContext *context = module.getContext();
  registerInterfaces(*context);
  OwningOpRef<ModuleOp> owned = module.clone();
  ModuleOp copy = *owned;

  VectorShape shape = options.vectorShape.value_or(getHostVectorShape());
  BufferizePipelineOptions bufferizing;
  if (options.packWeights)
    bufferizing.panel = getPanel(shape);
  PassManager bufferize(context);
  buildBufferizePipeline(bufferize, bufferizing);
  if (failed(bufferize.run(copy)))
    return failure();

  FailureOr<std::vector<DescribedEntry>> described = describeEntries(copy);
  if (failed(described))
    return failure();
  for (DescribedEntry &entry : *described) {
    state->byName[entry.main.name] = state->entries.size();
    state->signatures.push_back(std::move(entry.signature));
    state->entries.push_back(
        {std::move(entry.main), std::move(entry.prepare), Prepared()});
  }

  LowerToCpuPipelineOptions lowering;
  lowering.threads = threads;
  lowering.instrument = options.instrument;
  lowering.lanes = shape.lanes;
  lowering.rows = shape.rows;
  lowering.chunks = shape.chunks;
  PassManager lower(context);
  buildLowerToCpuPipeline(lower, lowering);
  if (failed(lower.run(copy)))
    return failure();
  copy.walk([&](FunctionOpInterface function) {
    if (auto bytes = function->getAttrOfType<IntegerAttr>(kScratchAttrName))
      state->scratchBytes = std::max(state->scratchBytes, bytes.getInt());
  });

  FailureOr<std::unique_ptr<mlir::ExecutionEngine>> jit =
      createJit(copy, options);
  if (failed(jit))
    return failure();
  state->jit = std::move(*jit);
  for (Entry &entry : state->entries)
    for (EntryFunction *function :
         {&entry.main, entry.prepare ? &*entry.prepare : nullptr}) {
      if (!function)
        continue;
      FailureOr<PackedFunction> code =
          findCode(copy, *state->jit, function->name);
      if (failed(code))
        return failure();
      function->code = *code;
      if (!function->hasShapes)
        continue;
      FailureOr<PackedFunction> shapesCode =
          findCode(copy, *state->jit, function->name + kShapesSuffix.str());
      if (failed(shapesCode))
        return failure();
      function->shapesCode = *shapesCode;
    }
  return std::unique_ptr<Engine>(new Engine(std::move(state)));
}

//===----------------------------------------------------------------------===//
// Calling
//===----------------------------------------------------------------------===//

Engine::Engine(std::unique_ptr<Impl> impl) : impl(std::move(impl)) {}
Engine::~Engine() = default;

ArrayRef<EntrySignature> Engine::entries() const { return impl->signatures; }

const EntrySignature *Engine::lookup(StringRef name) const {
  auto found = impl->byName.find(name);
  return found == impl->byName.end() ? nullptr
                                     : &impl->signatures[found->second];
}

runtime::Expected<Entry *> Engine::Impl::find(StringRef name) {
  auto found = byName.find(name);
  if (found != byName.end())
    return &entries[found->second];
  std::string known;
  for (const Entry &entry : entries)
    known += (known.empty() ? "@" : ", @") + entry.main.name;
  return runtime::fail("no entry @" + name.str() + "; the module has " +
                       (known.empty() ? "none" : known));
}

runtime::Status Engine::Impl::check(const EntrySignature &signature,
                                    ArrayRef<Tensor> arguments) const {
  if (arguments.size() != signature.arguments.size())
    return runtime::fail("@" + signature.name + " takes " +
                         std::to_string(signature.arguments.size()) +
                         " arguments, got " + std::to_string(arguments.size()));
  for (size_t i = 0; i < arguments.size(); ++i)
    if (!fits(arguments[i], signature.arguments[i]))
      return runtime::fail(
          "@" + signature.name + ": argument " + std::to_string(i) + " is " +
          runtime::shapeString(arguments[i].shape(),
                               arguments[i].elementType()) +
          ", the entry takes " + signatureString(signature.arguments[i]));
  return runtime::Status::success();
}

SmallVector<Tensor> Engine::Impl::select(const EntryFunction &function,
                                         ArrayRef<Tensor> arguments,
                                         ArrayRef<Tensor> prepared) {
  SmallVector<Tensor> selected;
  for (int64_t source : function.sources)
    selected.push_back(source >= 0 ? arguments[source] : prepared[-1 - source]);
  return selected;
}

runtime::Status Engine::Impl::runPrepare(Entry &entry,
                                         ArrayRef<Tensor> arguments,
                                         CallCounters &counters) {
  const EntryFunction &function = *entry.prepare;
  Prepared fresh;
  fresh.parameters = select(function, arguments, {});
  runtime::Expected<SmallVector<Tensor>> results =
      function.createResults(fresh.parameters);
  if (!results)
    return results.takeFailure();
  fresh.results = *results;
  PackedArguments packed = function.pack(fresh.parameters, fresh.results);
  {
    CallScope scope(pool, counters, options.poisonAllocations);
    function.code(packed.pack());
  }
  fresh.valid = true;
  entry.prepared = std::move(fresh);
  return runtime::Status::success();
}

runtime::Status Engine::prepare(StringRef name, ArrayRef<Tensor> arguments,
                                CallCounters *counters) {
  runtime::Expected<Entry *> entry = impl->find(name);
  if (!entry)
    return entry.takeFailure();
  if (runtime::Status status = impl->check(*lookup(name), arguments);
      !status.ok())
    return status;
  CallCounters own;
  if ((*entry)->prepare)
    if (runtime::Status status =
            impl->runPrepare(**entry, arguments, counters ? *counters : own);
        !status.ok())
      return status;
  return runtime::Status::success();
}

runtime::Expected<BoundCall> Engine::bind(StringRef name,
                                          ArrayRef<Tensor> arguments) {
  runtime::Expected<Entry *> found = impl->find(name);
  if (!found)
    return found.takeFailure();
  Entry &entry = **found;
  if (runtime::Status status = impl->check(*lookup(name), arguments);
      !status.ok())
    return status.takeFailure();
  if (entry.prepare) {
    SmallVector<Tensor> parameters =
        Impl::select(*entry.prepare, arguments, {});
    auto same = [](const Tensor &a, const Tensor &b) {
      return a.data() == b.data() && a.shape() == b.shape() &&
             a.elementType() == b.elementType();
    };
    if (!entry.prepared.valid ||
        !llvm::all_of_zip(parameters, entry.prepared.parameters, same)) {
      CallCounters counters;
      if (runtime::Status status = impl->runPrepare(entry, arguments, counters);
          !status.ok())
        return status.takeFailure();
    }
  }
  auto call = std::make_unique<BoundCall::Impl>();
  call->engine = impl.get();
  call->function = &entry.main;
  call->arguments = Impl::select(entry.main, arguments, entry.prepared.results);
  runtime::Expected<SmallVector<Tensor>> results =
      entry.main.createResults(call->arguments);
  if (!results)
    return results.takeFailure();
  call->results = *results;
  call->packed = entry.main.pack(call->arguments, call->results);
  call->packedArguments = call->packed.pack();
  BoundCall bound(std::move(call));
  bound.poisonResults();
  return bound;
}

runtime::Expected<SmallVector<Tensor>> Engine::run(StringRef name,
                                                   ArrayRef<Tensor> arguments,
                                                   CallCounters *counters) {
  runtime::Expected<BoundCall> call = bind(name, arguments);
  if (!call)
    return call.takeFailure();
  call->invoke();
  if (counters)
    *counters = call->counters();
  return SmallVector<Tensor>(call->results());
}

int64_t Engine::scratchBytes() const { return impl->scratchBytes; }

void Engine::setPoisonAllocations(bool poison) {
  impl->options.poisonAllocations = poison;
}

BoundCall::BoundCall(std::unique_ptr<Impl> impl) : impl(std::move(impl)) {}
BoundCall::BoundCall(BoundCall &&) = default;
BoundCall &BoundCall::operator=(BoundCall &&) = default;
BoundCall::~BoundCall() = default;

void BoundCall::invoke() {
  CallScope scope(impl->engine->pool, impl->counters,
                  impl->engine->options.poisonAllocations);
  impl->function->code(impl->packedArguments);
}

void BoundCall::poisonResults() {
  for (Tensor &result : impl->results)
    if (result.byteSize() != 0)
      std::memset(result.mutableData(), 0xFF, result.byteSize());
}

ArrayRef<Tensor> BoundCall::results() const { return impl->results; }

const CallCounters &BoundCall::counters() const { return impl->counters; }
