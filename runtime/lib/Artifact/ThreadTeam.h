//===- ThreadTeam.h - Threads of the kernels of artifacts -------*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Kernels are compiled as OpenMP loops, as they are for the just-in-time
// engine. Where an artifact runs there may be no OpenMP runtime, and if there
// is one it belongs to another part of the program. So the code is linked to
// these functions, which do what LLVM's OpenMP runtime does for a parallel
// region with one loop, shared out beforehand or as threads get free (names and
// arguments: openmp/runtime/src/kmp.h).
//
//===----------------------------------------------------------------------===//

#ifndef RA_RUNTIME_LIB_ARTIFACT_THREADTEAM_H
#define RA_RUNTIME_LIB_ARTIFACT_THREADTEAM_H

#include <cstdint>

namespace ra::runtime {

/// Processors that this process may use.
unsigned availableProcessors();

/// While it lives, parallel regions of the calling thread have `threads`
/// threads: more are started if there are fewer, and stay for the next region.
/// One region at a time uses them; another thread's meanwhile has one thread.
class ThreadScope {
public:
  explicit ThreadScope(unsigned threads);
  ~ThreadScope();
  ThreadScope(const ThreadScope &) = delete;
  ThreadScope &operator=(const ThreadScope &) = delete;

private:
  unsigned before;
};

/// Starts what a scope of `threads` threads needs, so that no call does.
void startThreads(unsigned threads);

// The functions that code calls.
void forkCall(void *location, int32_t numArguments, void *microtask, ...);
int32_t globalThreadNumber(void *location);
void barrier(void *location, int32_t thread);
void staticInit8u(void *location, int32_t thread, int32_t schedule,
                  int32_t *isLast, uint64_t *lower, uint64_t *upper,
                  int64_t *stride, int64_t increment, int64_t chunk);
void staticFini(void *location, int32_t thread);
// A free thread takes the next iterations. One such loop in a region.
void dispatchInit8u(void *location, int32_t thread, int32_t schedule,
                    uint64_t lower, uint64_t upper, int64_t increment,
                    int64_t chunk);
int32_t dispatchNext8u(void *location, int32_t thread, int32_t *isLast,
                       uint64_t *lower, uint64_t *upper, int64_t *stride);
void dispatchDeinit(void *location, int32_t thread);

} // namespace ra::runtime

#endif // RA_RUNTIME_LIB_ARTIFACT_THREADTEAM_H
