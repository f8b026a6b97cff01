//===- Memory.h - Global memory and the shadow of shared memory -*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RA_RUNTIME_LIB_SIM_MEMORY_H
#define RA_RUNTIME_LIB_SIM_MEMORY_H

#include "ra/Runtime/Status.h"

#include <array>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace ra::runtime::sim {

/// Generic addresses. Global and constant memory keep their addresses; the
/// other spaces lie in windows far above.
inline constexpr uint64_t kSharedWindow = uint64_t(1) << 56;
inline constexpr uint64_t kLocalWindow = uint64_t(2) << 56;
inline constexpr uint64_t kParamWindow = uint64_t(3) << 56;
/// Addresses of functions, for indirect calls.
inline constexpr uint64_t kCodeWindow = uint64_t(4) << 56;
inline constexpr uint64_t kWindowSize = uint64_t(1) << 32;

/// All global and constant memory. Each allocation has 64 GiB of addresses of
/// its own, so that an index which runs out of a buffer never lands in another.
class GlobalMemory {
public:
  static constexpr unsigned kSlotBits = 36;

  struct Allocation {
    uint64_t base = 0, size = 0;
    uint8_t *bytes = nullptr;
    bool constant = false;
    std::string name;
    struct Release {
      void operator()(uint8_t *bytes) const { std::free(bytes); }
    };
    std::unique_ptr<uint8_t, Release> storage;
  };

  Expected<uint64_t> allocate(uint64_t size, std::string name, bool constant);
  Status free(uint64_t address);

  /// The allocation whose slot `address` is in, or null. The address may still
  /// be outside of it.
  const Allocation *find(uint64_t address) const {
    const uint64_t slot = address >> kSlotBits;
    return slot - 1 < slots.size() && slots[slot - 1].bytes ? &slots[slot - 1]
                                                            : nullptr;
  }
  /// The bytes of a range that is inside one allocation, or null.
  uint8_t *resolve(uint64_t address, uint64_t bytes) const {
    const Allocation *found = find(address);
    if (!found || bytes > found->size ||
        address - found->base > found->size - bytes)
      return nullptr;
    return found->bytes + (address - found->base);
  }
  /// "buffer 'q' (1024 bytes at 0x...), 16 bytes past its end", or that no
  /// allocation is near.
  std::string describe(uint64_t address, uint64_t bytes) const;

private:
  std::vector<Allocation> slots;
};

/// What the checks know about each 4 bytes of shared memory, and the vector
/// clocks that order the warps of a block (FastTrack's idea: an access at epoch
/// e of warp u comes before what warp w does now when e <= clock[w][u]).
class SharedShadow {
public:
  static constexpr unsigned kMaxWarps = 32, kBarriers = 16;

  /// Forgets everything, for a new block.
  void reset(uint32_t bytes, uint32_t warps);

  struct Word {
    uint32_t written = 0; ///< Epoch << 4 | bytes, of the last plain write.
    uint32_t strong = 0;  ///< The same of atomics and their like.
    uint8_t writer = 0, strongWriter = 0;
    uint8_t valid = 0;   ///< Bytes that were ever written.
    uint8_t pending = 0; ///< Asynchronous copies on their way.
  };

  /// A conflict with an earlier access.
  struct Conflict {
    bool found = false, otherWrote = false;
    uint32_t otherWarp = 0, address = 0;
  };

  /// A plain (or `strong`: atomic, volatile, acquire...) access of `bytes` at
  /// `address`, within bounds. The first conflict is returned; the access is
  /// recorded.
  void read(uint32_t warp, uint32_t address, uint32_t bytes, bool strong,
            Conflict &conflict);
  void write(uint32_t warp, uint32_t address, uint32_t bytes, bool strong,
             Conflict &conflict);

  bool isValid(uint32_t address, uint32_t bytes) const;
  void setValid(uint32_t address, uint32_t bytes);
  bool isPending(uint32_t address, uint32_t bytes) const;
  void addPending(uint32_t address, uint32_t bytes, int change);

  /// Warp `warp` reaches barrier `id`: what it did so far comes before what the
  /// warps that wait there do afterwards.
  void arrive(uint32_t id, uint32_t warp);
  /// The barrier completes; `waiting` has one bit per warp that waited.
  void complete(uint32_t id, uint32_t waiting);
  /// Order through values, as PTX's memory model has it: a strong write
  /// publishes what came before it if it is `ordered` (release), else what came
  /// before the warp's last fence; a strong read takes what was published there
  /// if it is `ordered` (acquire), else with the warp's next fence.
  void release(uint32_t warp, uint32_t address, bool ordered);
  void acquire(uint32_t warp, uint32_t address, bool ordered);
  void fence(uint32_t warp);

private:
  using Clock = std::array<uint32_t, kMaxWarps>;
  static constexpr uint32_t kMaxEpoch = (1U << 28) - 2;

  void join(Clock &into, const Clock &from) const;
  void advance(uint32_t warp);
  void forgetOrder();

  uint32_t warps = 0;
  std::vector<Word> words;
  std::vector<uint32_t> readers; ///< [word][warp]: epoch << 4 | bytes.
  std::array<Clock, kMaxWarps> clocks = {};
  std::array<Clock, kBarriers> arrivals = {};
  std::array<Clock, kMaxWarps> fenced = {};   ///< At the last fence.
  std::array<Clock, kMaxWarps> observed = {}; ///< Since the last fence.
  std::unordered_map<uint32_t, Clock> released;
};

} // namespace ra::runtime::sim

#endif // RA_RUNTIME_LIB_SIM_MEMORY_H
