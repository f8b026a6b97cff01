//===- EntryFunction.h - A compiled function and how to call it -*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RA_LIB_EXECUTIONENGINE_ENTRYFUNCTION_H
#define RA_LIB_EXECUTIONENGINE_ENTRYFUNCTION_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "ra/ExecutionEngine/Engine.h"

#include <optional>

namespace ra::detail {

/// How compiled functions are called: pointers to the arguments.
using PackedFunction = void (*)(void **);

/// The arguments of one call in the form that compiled code takes: a memref
/// descriptor for each, and pointers to pointers to them.
class PackedArguments {
public:
  void add(const void *data, const runtime::Shape &shape);
  /// After the last add(): the array for a PackedFunction.
  void **pack();

private:
  std::vector<std::vector<int64_t>> descriptors;
  std::vector<void *> pointers, packed;
};

/// A public function on buffers, as `ra-bufferize` leaves it: arguments, then
/// constants, then results.
struct EntryFunction {
  std::string name;
  llvm::SmallVector<TensorSignature> arguments;
  /// Where each argument comes from: an original argument, or -1-k for result
  /// k of the prepare function.
  llvm::SmallVector<int64_t> sources;
  /// The original arguments, where `ra.argument_types` lists them: some may
  /// have no use left.
  llvm::SmallVector<TensorSignature> original;
  /// Bound by the engine; views of the module's bytes where possible.
  llvm::SmallVector<runtime::Tensor> constants;
  llvm::SmallVector<TensorSignature> results;
  /// Conditions of `@name.shapes`, if there is that function.
  bool hasShapes = false;
  llvm::SmallVector<std::string> conditions;

  PackedFunction code = nullptr;
  PackedFunction shapesCode = nullptr;

  /// Reads the signature of `function`; diagnoses what no caller could bind.
  static mlir::FailureOr<EntryFunction> describe(mlir::func::FuncOp function);

  /// The result shapes for these arguments (in the function's order), or why
  /// they do not fit together.
  runtime::Expected<llvm::SmallVector<runtime::Shape>>
  resultShapes(llvm::ArrayRef<runtime::Tensor> tensors) const;

  /// Uninitialised results for these arguments.
  runtime::Expected<llvm::SmallVector<runtime::Tensor>>
  createResults(llvm::ArrayRef<runtime::Tensor> tensors) const;

  /// Arguments, constants and results, packed.
  PackedArguments pack(llvm::ArrayRef<runtime::Tensor> tensors,
                       llvm::MutableArrayRef<runtime::Tensor> outputs) const;
};

/// An entry of a module, split or not.
struct DescribedEntry {
  EntryFunction main;
  std::optional<EntryFunction> prepare;
  /// In terms of the original arguments.
  EntrySignature signature;
};

/// The entries of a module on buffers, in its order.
mlir::FailureOr<std::vector<DescribedEntry>>
describeEntries(mlir::ModuleOp module);

/// "2x?xf32".
std::string signatureString(const TensorSignature &signature);

/// Whether a tensor may be passed where `signature` is expected.
bool fits(const runtime::Tensor &tensor, const TensorSignature &signature);

} // namespace ra::detail

#endif // RA_LIB_EXECUTIONENGINE_ENTRYFUNCTION_H
