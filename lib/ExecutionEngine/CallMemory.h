//===- CallMemory.h - Buffers of compiled code, counted ---------*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RA_LIB_EXECUTIONENGINE_CALLMEMORY_H
#define RA_LIB_EXECUTIONENGINE_CALLMEMORY_H

#include "ra/ExecutionEngine/Engine.h"

#include <cstddef>
#include <map>
#include <vector>

namespace ra::detail {

/// Freed buffers of an engine, kept for the next call so that repeated calls do
/// not pay for fresh pages. Not thread-safe: calls do not overlap.
class BufferPool {
public:
  BufferPool() = default;
  BufferPool(const BufferPool &) = delete;
  BufferPool &operator=(const BufferPool &) = delete;
  ~BufferPool();

  /// A block of `bytes` bytes at an address that is a multiple of 64.
  void *take(size_t bytes);
  void give(void *block, size_t bytes);

private:
  std::map<size_t, std::vector<void *>> blocks;
};

/// While it lives, allocations and kernel launches of compiled code on this
/// thread use `pool` and go to `counters`.
class CallScope {
public:
  CallScope(BufferPool &pool, CallCounters &counters, bool poison);
  ~CallScope();
  CallScope(const CallScope &) = delete;
  CallScope &operator=(const CallScope &) = delete;
};

/// A function that compiled code calls by name.
struct RuntimeSymbol {
  const char *name;
  void *address;
};

/// The allocation functions and the launch counter.
llvm::ArrayRef<RuntimeSymbol> getRuntimeSymbols();

} // namespace ra::detail

#endif // RA_LIB_EXECUTIONENGINE_CALLMEMORY_H
