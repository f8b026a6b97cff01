//===- ArtifactCompiler.h - From a module to an artifact --------*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RA_EXECUTIONENGINE_ARTIFACTCOMPILER_H
#define RA_EXECUTIONENGINE_ARTIFACTCOMPILER_H

#include "mlir/IR/BuiltinOps.h"
#include "ra/Runtime/Artifact.h"
#include "ra/Runtime/Status.h"
#include "llvm/ADT/StringRef.h"

namespace llvm {
class raw_ostream;
} // namespace llvm

namespace ra {

/// The CPUs that code is compiled for, with every feature that it may use.
struct ArtifactCpu {
  /// "native", "generic", "x86-64-v3"...
  std::string name;
  /// By LLVM's names.
  std::vector<std::string> features;
};

/// `name` is "generic" (any x86-64), "x86-64-v3" (AVX2, FMA), "x86-64-v4"
/// (AVX-512) or "native" (all that this machine has). Fails on other names, and
/// on machines that are not x86-64.
runtime::Expected<ArtifactCpu> findArtifactCpu(llvm::StringRef name);

struct ArtifactOptions {
  ArtifactCpu cpu;
  /// Kernels that can run on several threads; how many, the runtime decides.
  bool parallel = true;
  /// LLVM's optimisation level, 0 to 3.
  unsigned optLevel = 3;
  /// Where the LLVM IR goes, before optimisation, when not null.
  llvm::raw_ostream *llvmIR = nullptr;
};

/// Bufferises, lowers and compiles a copy of `module`, whose functions are on
/// tensors, ahead of time. The entries and their parts are those of Engine.h;
/// their arguments are not marked as parameters and have no default inputs,
/// which the passes before have forgotten. Needs a linker (lld, or the
/// system's). Constants of the result may be the module's bytes: `module` must
/// outlive it. On failure the diagnostics have been emitted.
llvm::FailureOr<runtime::Artifact>
compileArtifact(mlir::ModuleOp module, const ArtifactOptions &options);

} // namespace ra

#endif // RA_EXECUTIONENGINE_ARTIFACTCOMPILER_H
