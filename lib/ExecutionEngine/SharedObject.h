//===- SharedObject.h - LLVM IR to a shared object --------------*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RA_LIB_EXECUTIONENGINE_SHAREDOBJECT_H
#define RA_LIB_EXECUTIONENGINE_SHAREDOBJECT_H

#include "ra/ExecutionEngine/ArtifactCompiler.h"

namespace llvm {
class Module;
} // namespace llvm

namespace ra::detail {

/// Optimises `module`, in which only what callers need is not internal, and
/// makes a shared object of it that needs no other: whatever the code calls, it
/// calls through a table `ra_artifact_imports` that the loader fills with the
/// functions named in the image's `imports`. Fills target, features, imports
/// and bytes of the image.
runtime::Expected<runtime::ArtifactImage>
makeSharedObject(llvm::Module &module, const ArtifactOptions &options);

} // namespace ra::detail

#endif // RA_LIB_EXECUTIONENGINE_SHAREDOBJECT_H
