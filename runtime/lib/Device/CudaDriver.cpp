//===- CudaDriver.cpp - The CUDA driver's interface, as needed ------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "CudaDriver.h"

#include <cstdlib>
#include <dlfcn.h>

using namespace ra::runtime;
using namespace ra::runtime::cuda;

Status Driver::check(const char *function, Result result) const {
  if (result == 0)
    return Status::success();
  const char *name = nullptr, *text = nullptr;
  std::string message = std::string("cu") + function + ": ";
  if (GetErrorName(result, &name) == 0 && name)
    message += name;
  else
    message += "an error without a name";
  message += " (" + std::to_string(result) + ")";
  if (GetErrorString(result, &text) == 0 && text)
    message += std::string(": ") + text;
  return fail(message);
}

Expected<std::shared_ptr<const Driver>>
Driver::load(const std::string &library) {
  std::string name = library;
  if (const char *chosen = std::getenv("RA_CUDA_DRIVER");
      name.empty() && chosen && *chosen)
    name = chosen;
  if (name.empty())
    name = "libcuda.so.1";
  // Drivers keep threads and state; closing the library is asking for trouble.
  void *handle = dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!handle) {
    const char *why = dlerror();
    return fail("no CUDA driver: " + std::string(why ? why : name) +
                " (looked for " + name +
                "; RA_CUDA_DRIVER can name another file)");
  }
  using GetProcAddress =
      Result (*)(const char *, void **, int, uint64_t, int *);
  auto getProcAddress =
      reinterpret_cast<GetProcAddress>(dlsym(handle, "cuGetProcAddress_v2"));
  if (!getProcAddress)
    return fail("the CUDA driver " + name +
                " is older than CUDA 12: it has no cuGetProcAddress_v2");
  auto find = [&](const char *function, int version) -> void * {
    void *address = nullptr;
    int status = 0;
    if (getProcAddress(function, &address, version, 0, &status) != 0)
      return nullptr;
    return address;
  };
  auto driver = std::make_shared<Driver>();
#define RA_CUDA_FIND(name_, version, arguments)                                \
  driver->name_ =                                                              \
      reinterpret_cast<Result(*) arguments>(find("cu" #name_, version));       \
  if (!driver->name_)                                                          \
    return fail("the CUDA driver " + name +                                    \
                " has no cu" #name_ " of the form of CUDA version " +          \
                std::to_string(version));
  RA_CUDA_FUNCTIONS(RA_CUDA_FIND)
#undef RA_CUDA_FIND
  driver->TensorMapEncodeTiled =
      reinterpret_cast<decltype(driver->TensorMapEncodeTiled)>(
          find("cuTensorMapEncodeTiled", 12000));
  if (Status status = driver->check("Init", driver->Init(0)); !status.ok())
    return fail("no CUDA device: " + status.message());
  return std::shared_ptr<const Driver>(std::move(driver));
}
