//===- Engine.h - Compile a module and call its entries ---------*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The just-in-time engine of the CPU: from a module of functions on tensors to
// calls on host tensors.
//
//===----------------------------------------------------------------------===//

#ifndef RA_EXECUTIONENGINE_ENGINE_H
#define RA_EXECUTIONENGINE_ENGINE_H

#include "mlir/IR/BuiltinOps.h"
#include "ra/Conversion/RAToVector/Passes.h"
#include "ra/Runtime/Status.h"
#include "ra/Runtime/Tensor.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace llvm {
class raw_ostream;
} // namespace llvm

namespace ra {

/// How Engine::compile() builds code.
struct EngineOptions {
  /// Threads of a kernel: 1 gives code without a threading runtime, 0 means one
  /// per core of this machine. More than one needs LLVM's OpenMP runtime
  /// (libomp), which is looked for when the module is compiled.
  unsigned threads = 1;

  /// Count kernel launches (CallCounters::kernels). Off, the code has no trace
  /// of counting and the counter stays 0.
  bool instrument = false;

  /// Fill every buffer that the compiled code allocates with NaN bytes (0xFF)
  /// first, so that a read of what was never written shows. For tests.
  bool poisonAllocations = false;

  /// The register tile of the kernels; the host's when not given. Any tile runs
  /// on any machine, at different speeds.
  std::optional<VectorShape> vectorShape;

  /// Weights that are parameters or constants are packed once, when the entry
  /// is prepared (see `ra-pack-weights`), which takes their size in memory
  /// again. Off, each call packs what it reads.
  bool packWeights = true;

  /// LLVM's optimisation level, 0 to 3.
  unsigned optLevel = 3;

  /// Where the LLVM IR goes, before optimisation, when not null.
  llvm::raw_ostream *llvmIR = nullptr;
};

/// What one call did, as the allocator and the launch counter saw it.
struct CallCounters {
  /// Buffers that the compiled code allocated. Results are not among them: the
  /// engine allocates those.
  int64_t allocations = 0;
  /// Sum of their sizes in bytes.
  int64_t bytesAllocated = 0;
  /// The most bytes that were alive at one time.
  int64_t peakBytes = 0;
  /// Kernels launched; 0 unless EngineOptions::instrument.
  int64_t kernels = 0;
};

/// The type of an argument or result of an entry: its shape, -1 for a dynamic
/// extent, and element type.
struct TensorSignature {
  runtime::Shape shape;
  runtime::ElementType elementType = runtime::ElementType::F32;
};

/// An entry as its callers see it: the *original* arguments, before
/// `ra-outline-prepare` split the function.
struct EntrySignature {
  std::string name;
  llvm::SmallVector<TensorSignature> arguments;
  llvm::SmallVector<TensorSignature> results;
  /// True where `@name.prepare` exists.
  bool hasPrepare = false;
  /// What it makes of the parameters, packed weights included.
  llvm::SmallVector<TensorSignature> prepared;
};

class Engine;

/// One entry with its arguments and result buffers fixed: nothing is checked or
/// allocated by the engine in invoke(), so it can be timed. Keeps the tensors
/// alive; must not outlive its engine.
class BoundCall {
public:
  BoundCall(BoundCall &&);
  BoundCall &operator=(BoundCall &&);
  ~BoundCall();

  /// Runs the entry once. Results are overwritten, not poisoned.
  void invoke();

  /// Fills every byte of the results with 0xFF (NaN in every float type).
  void poisonResults();

  /// The result tensors; every invoke() writes to the same memory.
  llvm::ArrayRef<runtime::Tensor> results() const;

  /// What the last invoke() did.
  const CallCounters &counters() const;

private:
  friend class Engine;
  struct Impl;
  explicit BoundCall(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl;
};

/// Compiled code and its entries. Calls on one engine must not overlap.
///
/// An *entry* is a public function with a body whose arguments and results are
/// ranked tensors of the element types of runtime::ElementType. `@f.prepare` is
/// not an entry but a part of `@f`. The contract between the two: `@f` carries
/// `ra.arguments = array<i64: ...>`, one number per argument: the index of an
/// original argument, or `-1 - k` for result `k` of `@f.prepare`; `@f.prepare`
/// carries `ra.arguments` with the original indexes of its own arguments.
/// Without the attribute a function's arguments are the original ones.
class Engine {
public:
  ~Engine();
  Engine(const Engine &) = delete;
  Engine &operator=(const Engine &) = delete;

  /// Bufferises, lowers and compiles a copy of `module`, whose functions are on
  /// tensors. Constants are used in place where their bytes allow it, so
  /// `module` and its context must outlive the engine. On failure the
  /// diagnostics have been emitted.
  static llvm::FailureOr<std::unique_ptr<Engine>>
  compile(mlir::ModuleOp module, const EngineOptions &options = {});

  /// The entries, in the module's order.
  llvm::ArrayRef<EntrySignature> entries() const;

  /// The entry `name`, or null.
  const EntrySignature *lookup(llvm::StringRef name) const;

  /// Checks the original arguments against the signature, prepares unless the
  /// parameters' buffers are those of the last time, allocates the results,
  /// fills them with NaN bytes and runs. Fails with one message on arguments
  /// that do not fit. `counters`, when given, receives what the call did
  /// (without the work of preparing).
  runtime::Expected<llvm::SmallVector<runtime::Tensor>>
  run(llvm::StringRef entry, llvm::ArrayRef<runtime::Tensor> arguments,
      CallCounters *counters = nullptr);

  /// Runs `@entry.prepare` on the original arguments, now and in any case; the
  /// results serve the following calls whose parameters are in the same
  /// buffers. Does nothing where the entry has none. Call it after writing to a
  /// parameter's buffer.
  runtime::Status prepare(llvm::StringRef entry,
                          llvm::ArrayRef<runtime::Tensor> arguments,
                          CallCounters *counters = nullptr);

  /// Checks and prepares as run() does, and returns the call for repetition.
  runtime::Expected<BoundCall> bind(llvm::StringRef entry,
                                    llvm::ArrayRef<runtime::Tensor> arguments);

  /// The most scratch memory that a kernel needs, in bytes on the stack of each
  /// of its threads.
  int64_t scratchBytes() const;

  /// Turns EngineOptions::poisonAllocations on or off for later calls.
  void setPoisonAllocations(bool poison);

private:
  friend class BoundCall;
  struct Impl;
  explicit Engine(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl;
};

} // namespace ra

#endif // RA_EXECUTIONENGINE_ENGINE_H
