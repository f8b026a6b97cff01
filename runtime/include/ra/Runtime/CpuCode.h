//===- CpuCode.h - Code of an artifact for the CPU --------------*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// An image for the CPU is an ELF shared object that depends on no other. It
// exports two tables of pointers: functions that take an array of addresses of
// memref descriptors, and the functions that they call, which the loader fills
// by the names in the image's `imports`.
//
//===----------------------------------------------------------------------===//

#ifndef RA_RUNTIME_CPUCODE_H
#define RA_RUNTIME_CPUCODE_H

#include "ra/Runtime/Artifact.h"

#include <memory>
#include <string>

namespace ra::runtime {

inline constexpr const char *kCpuFunctionTable = "ra_artifact_functions";
inline constexpr const char *kCpuImportTable = "ra_artifact_imports";

/// The function that an import of this name gets, or null: memory and
/// mathematical functions of the C library, conversions of 16-bit floats, and
/// the part of OpenMP's runtime interface that loops need.
void *findCpuImport(const std::string &name);

class CpuCode {
public:
  /// Loads `image`. Fails when this machine is of another architecture or lacks
  /// a feature - the message lists what is missing - and when the runtime does
  /// not offer an import.
  static Expected<std::shared_ptr<const CpuCode>>
  load(const ArtifactImage &image);

  /// Runs a function of the table. `threads` is the number of threads of its
  /// kernels if they can run on several; the calling thread is one of them. 0:
  /// one for each processor of this process.
  void call(uint32_t function, void **descriptors, unsigned threads) const;

private:
  using Function = void (*)(void **);

  std::shared_ptr<void> object;
  Function const *functions = nullptr;
};

} // namespace ra::runtime

#endif // RA_RUNTIME_CPUCODE_H
