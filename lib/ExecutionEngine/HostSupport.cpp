//===- HostSupport.cpp - What the machine we run on offers -----------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "HostSupport.h"

#include "llvm-c/Core.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/DynamicLibrary.h"
#include "llvm/Support/Path.h"
#include "llvm/TargetParser/Host.h"

#include <dlfcn.h>
#include <string>
#include <vector>

using namespace ra;

VectorShape ra::detail::getVectorShape(bool hasAVX512, bool hasAVX2) {
  if (hasAVX512)
    return {/*lanes=*/16, /*rows=*/6, /*chunks=*/4};
  if (hasAVX2)
    return {/*lanes=*/8, /*rows=*/6, /*chunks=*/2};
  // Sixteen registers of four lanes, or thirty-two on other architectures.
  return {/*lanes=*/8, /*rows=*/3, /*chunks=*/1};
}

VectorShape ra::detail::getHostVectorShape() {
  llvm::StringMap<bool> features = llvm::sys::getHostCPUFeatures();
  return getVectorShape(features.lookup("avx512f"), features.lookup("avx2"));
}

llvm::StringRef ra::detail::getHostCpuName() {
  return llvm::sys::getHostCPUName();
}

runtime::Status ra::detail::loadOpenMPRuntime() {
  const char *symbol = "__kmpc_fork_call";
  if (llvm::sys::DynamicLibrary::SearchForAddressOfSymbol(symbol))
    return runtime::Status::success();
  std::vector<std::string> candidates;
  Dl_info info;
  if (dladdr(reinterpret_cast<void *>(&LLVMContextCreate), &info) != 0 &&
      info.dli_fname)
    for (const char *name : {"libomp.so.5", "libomp.so"}) {
      llvm::SmallString<128> path(llvm::sys::path::parent_path(info.dli_fname));
      llvm::sys::path::append(path, name);
      candidates.push_back(std::string(path));
    }
  candidates.insert(candidates.end(), {"libomp.so.5", "libomp.so"});
  std::string tried;
  for (const std::string &candidate : candidates) {
    std::string error;
    if (!llvm::sys::DynamicLibrary::LoadLibraryPermanently(candidate.c_str(),
                                                           &error) &&
        llvm::sys::DynamicLibrary::SearchForAddressOfSymbol(symbol))
      return runtime::Status::success();
    tried += (tried.empty() ? "" : ", ") + candidate;
  }
  return runtime::fail(
      "more than one thread needs LLVM's OpenMP runtime, which was not found "
      "(tried " +
      tried +
      "); install it (Debian: apt-get install libomp-22-dev) or use 1 thread");
}
