//===- CudaDriver.h - The CUDA driver's interface, as needed ----*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Nothing of CUDA is needed to build this: the few types of the driver's binary
// interface are declared here (a test compares them with cuda.h where there is
// one), its library is opened at run time, and its functions are asked for by
// name and version, so that each is of the form declared here.
//
//===----------------------------------------------------------------------===//

#ifndef RA_RUNTIME_LIB_DEVICE_CUDADRIVER_H
#define RA_RUNTIME_LIB_DEVICE_CUDADRIVER_H

#include "ra/Runtime/Status.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace ra::runtime::cuda {

using Result = int;
using DeviceNumber = int;
using DevicePointer = unsigned long long;
using Context = struct ContextRecord *;
using Module = struct ModuleRecord *;
using Function = struct FunctionRecord *;
using Stream = struct StreamRecord *;
using Event = struct EventRecord *;
using Graph = struct GraphRecord *;
using GraphExec = struct GraphExecRecord *;

/// CUlaunchAttributeID.
enum LaunchAttributeId : int {
  ClusterDimension = 4,
  ProgrammaticStreamSerialization = 6
};
/// CUlaunchAttribute.
struct LaunchAttribute {
  int id = 0;
  char padding[4] = {};
  union Value {
    char bytes[64];
    struct {
      unsigned x, y, z;
    } cluster;
    int programmaticStreamSerialization;
  } value = {};
};
static_assert(sizeof(LaunchAttribute) == 72);
/// CUlaunchConfig.
struct LaunchConfig {
  unsigned gridX = 1, gridY = 1, gridZ = 1;
  unsigned blockX = 1, blockY = 1, blockZ = 1;
  unsigned sharedBytes = 0;
  Stream stream = nullptr;
  LaunchAttribute *attributes = nullptr;
  unsigned numAttributes = 0;
};
static_assert(sizeof(LaunchConfig) == 56);
/// CUtensorMap.
struct alignas(64) TensorMapBytes {
  uint64_t opaque[16];
};

/// CUdevice_attribute.
enum DeviceAttribute : int {
  ClockRate = 13,
  MultiprocessorCount = 16,
  MemoryClockRate = 36,
  L2CacheSize = 38,
  ComputeCapabilityMajor = 75,
  ComputeCapabilityMinor = 76,
  MaxSharedMemoryPerBlockOptin = 97
};
/// CUfunction_attribute.
inline constexpr int kMaxDynamicSharedSizeBytes = 8;
/// CUjit_option.
enum JitOption : int {
  InfoLogBuffer = 3,
  InfoLogBufferSizeBytes = 4,
  ErrorLogBuffer = 5,
  ErrorLogBufferSizeBytes = 6
};
/// CUstreamCaptureMode: what other threads do is no concern of a capture.
inline constexpr int kCaptureThreadLocal = 1;

// The functions: name, version of CUDA whose form is meant, arguments.
#define RA_CUDA_FUNCTIONS(F)                                                   \
  F(Init, 2000, (unsigned))                                                    \
  F(DriverGetVersion, 2020, (int *))                                           \
  F(GetErrorName, 6000, (Result, const char **))                               \
  F(GetErrorString, 6000, (Result, const char **))                             \
  F(DeviceGetCount, 2000, (int *))                                             \
  F(DeviceGet, 2000, (DeviceNumber *, int))                                    \
  F(DeviceGetName, 2000, (char *, int, DeviceNumber))                          \
  F(DeviceGetAttribute, 2000, (int *, int, DeviceNumber))                      \
  F(DeviceTotalMem, 3020, (size_t *, DeviceNumber))                            \
  F(DevicePrimaryCtxRetain, 7000, (Context *, DeviceNumber))                   \
  F(DevicePrimaryCtxRelease, 11000, (DeviceNumber))                            \
  F(CtxSetCurrent, 4000, (Context))                                            \
  F(MemAlloc, 3020, (DevicePointer *, size_t))                                 \
  F(MemFree, 3020, (DevicePointer))                                            \
  F(MemcpyHtoDAsync, 3020, (DevicePointer, const void *, size_t, Stream))      \
  F(MemcpyDtoHAsync, 3020, (void *, DevicePointer, size_t, Stream))            \
  F(MemcpyDtoDAsync, 3020, (DevicePointer, DevicePointer, size_t, Stream))     \
  F(MemsetD8Async, 3020, (DevicePointer, unsigned char, size_t, Stream))       \
  F(ModuleLoadDataEx, 2010,                                                    \
    (Module *, const void *, unsigned, int *, void **))                        \
  F(ModuleUnload, 2000, (Module))                                              \
  F(ModuleGetFunction, 2000, (Function *, Module, const char *))               \
  F(FuncSetAttribute, 9000, (Function, int, int))                              \
  F(LaunchKernelEx, 11060, (const LaunchConfig *, Function, void **, void **)) \
  F(StreamCreate, 2000, (Stream *, unsigned))                                  \
  F(StreamDestroy, 4000, (Stream))                                             \
  F(StreamSynchronize, 2000, (Stream))                                         \
  F(EventCreate, 2000, (Event *, unsigned))                                    \
  F(EventDestroy, 4000, (Event))                                               \
  F(EventRecord, 2000, (Event, Stream))                                        \
  F(EventSynchronize, 2000, (Event))                                           \
  F(EventElapsedTime, 2000, (float *, Event, Event))                           \
  F(StreamBeginCapture, 10010, (Stream, int))                                  \
  F(StreamEndCapture, 10000, (Stream, Graph *))                                \
  F(GraphInstantiateWithFlags, 11040,                                          \
    (GraphExec *, Graph, unsigned long long))                                  \
  F(GraphLaunch, 10000, (GraphExec, Stream))                                   \
  F(GraphExecDestroy, 10000, (GraphExec))                                      \
  F(GraphDestroy, 10000, (Graph))

/// The driver, loaded once per process and never unloaded.
struct Driver {
#define RA_CUDA_MEMBER(name, version, arguments) Result(*name) arguments;
  RA_CUDA_FUNCTIONS(RA_CUDA_MEMBER)
#undef RA_CUDA_MEMBER
  /// Null before CUDA 12: only Hopper and later need it.
  Result (*TensorMapEncodeTiled)(TensorMapBytes *, int, unsigned, void *,
                                 const uint64_t *, const uint64_t *,
                                 const uint32_t *, const uint32_t *, int, int,
                                 int, int);

  /// Success, or the driver's words: "cuMemAlloc: CUDA_ERROR_OUT_OF_MEMORY (2):
  /// out of memory".
  Status check(const char *function, Result result) const;

  /// Opens `library`, or where that is empty what RA_CUDA_DRIVER names, or
  /// libcuda.so.1, and initialises it. Fails with what was looked for.
  static Expected<std::shared_ptr<const Driver>>
  load(const std::string &library = "");
};

} // namespace ra::runtime::cuda

#endif // RA_RUNTIME_LIB_DEVICE_CUDADRIVER_H
