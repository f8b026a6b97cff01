//===- HostSupport.h - What the machine we run on offers --------*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RA_LIB_EXECUTIONENGINE_HOSTSUPPORT_H
#define RA_LIB_EXECUTIONENGINE_HOSTSUPPORT_H

#include "ra/Conversion/RAToVector/Passes.h"
#include "ra/Runtime/Status.h"

namespace ra::detail {

/// The register tile for a CPU with these vector extensions.
VectorShape getVectorShape(bool hasAVX512, bool hasAVX2);

/// The register tile for this CPU's vector extensions.
VectorShape getHostVectorShape();

/// What LLVM calls this CPU.
llvm::StringRef getHostCpuName();

/// Makes LLVM's OpenMP runtime part of this process. Looks beside libLLVM, then
/// where the system looks for libraries.
runtime::Status loadOpenMPRuntime();

} // namespace ra::detail

#endif // RA_LIB_EXECUTIONENGINE_HOSTSUPPORT_H
