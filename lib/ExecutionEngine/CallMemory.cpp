//===- CallMemory.cpp - Buffers of compiled code, counted ------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "CallMemory.h"

#include "llvm/Support/ErrorHandling.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>

using namespace ra;
using namespace ra::detail;

namespace {

/// What stands in front of every buffer.
struct Header {
  size_t bytes;
  void *block;
  size_t blockBytes;
};
constexpr size_t kAlignment = runtime::Tensor::kAlignment;
static_assert(sizeof(Header) <= kAlignment);

struct CallState {
  BufferPool *pool = nullptr;
  CallCounters *counters = nullptr;
  int64_t live = 0;
  bool poison = false;
};
thread_local CallState state;

void *allocateBlock(size_t bytes) {
  void *block = nullptr;
  if (posix_memalign(&block, kAlignment, bytes) != 0)
    // Compiled code has no way to report this.
    llvm::report_fatal_error("out of memory in compiled code", false);
  return block;
}

void *allocate(uint64_t alignment, uint64_t bytes) {
  size_t align = std::max<size_t>(alignment, kAlignment);
  // Room for the header in front of an aligned address.
  size_t blockBytes = bytes + align + (align > kAlignment ? align : 0);
  void *block =
      state.pool ? state.pool->take(blockBytes) : allocateBlock(blockBytes);
  auto start = reinterpret_cast<uintptr_t>(block) + kAlignment;
  char *data = reinterpret_cast<char *>((start + align - 1) / align * align);
  Header header = {bytes, block, blockBytes};
  std::memcpy(data - kAlignment, &header, sizeof(header));
  if (state.counters) {
    ++state.counters->allocations;
    state.counters->bytesAllocated += bytes;
    state.live += bytes;
    state.counters->peakBytes = std::max(state.counters->peakBytes, state.live);
  }
  if (state.poison)
    std::memset(data, 0xFF, bytes);
  return data;
}

extern "C" void *raAlignedAlloc(uint64_t alignment, uint64_t bytes) {
  return allocate(alignment, bytes);
}

extern "C" void *raAlloc(uint64_t bytes) { return allocate(1, bytes); }

extern "C" void raFree(void *data) {
  if (!data)
    return;
  Header header;
  std::memcpy(&header, static_cast<char *>(data) - kAlignment, sizeof(header));
  state.live -= header.bytes;
  if (state.pool)
    state.pool->give(header.block, header.blockBytes);
  else
    std::free(header.block);
}

extern "C" void raCountKernel() {
  if (state.counters)
    ++state.counters->kernels;
}

} // namespace

BufferPool::~BufferPool() {
  for (auto &[bytes, list] : blocks)
    for (void *block : list)
      std::free(block);
}

void *BufferPool::take(size_t bytes) {
  auto found = blocks.find(bytes);
  if (found == blocks.end() || found->second.empty())
    return allocateBlock(bytes);
  void *block = found->second.back();
  found->second.pop_back();
  return block;
}

void BufferPool::give(void *block, size_t bytes) {
  blocks[bytes].push_back(block);
}

CallScope::CallScope(BufferPool &pool, CallCounters &counters, bool poison) {
  counters = CallCounters();
  state.pool = &pool;
  state.counters = &counters;
  state.live = 0;
  state.poison = poison;
}

CallScope::~CallScope() { state = CallState(); }

llvm::ArrayRef<RuntimeSymbol> ra::detail::getRuntimeSymbols() {
  static const RuntimeSymbol symbols[] = {
      {"_mlir_memref_to_llvm_alloc", reinterpret_cast<void *>(&raAlloc)},
      {"_mlir_memref_to_llvm_aligned_alloc",
       reinterpret_cast<void *>(&raAlignedAlloc)},
      {"_mlir_memref_to_llvm_free", reinterpret_cast<void *>(&raFree)},
      {"ra_rt_count_kernel", reinterpret_cast<void *>(&raCountKernel)}};
  return symbols;
}
