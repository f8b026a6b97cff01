//===- HostFeatures.h - What this processor can do --------------*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RA_RUNTIME_HOSTFEATURES_H
#define RA_RUNTIME_HOSTFEATURES_H

#include <string>
#include <vector>

namespace ra::runtime {

/// "x86_64", "aarch64", or "unknown".
std::string hostArchitecture();

/// The features of this processor and operating system among those that code of
/// an artifact may need, by LLVM's names: "avx2", "avx512f". Empty on other
/// architectures than x86-64.
std::vector<std::string> hostCpuFeatures();

} // namespace ra::runtime

#endif // RA_RUNTIME_HOSTFEATURES_H
