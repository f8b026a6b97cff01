//===- Access.cpp - Memory accesses of a warp, checked and counted -------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Access.h"

#include "Decode.h"

#include <algorithm>
#include <cinttypes>
#include <cstdio>

using namespace ra::runtime::sim;

std::string ra::runtime::sim::addressText(uint64_t address) {
  char text[32];
  std::snprintf(text, sizeof(text), "0x%" PRIx64, address);
  return text;
}

Space ra::runtime::sim::takeSpace(Decoder &d) {
  if (d.take("global"))
    return Space::Global;
  if (d.take("shared") || d.take("shared::cta"))
    return Space::Shared;
  if (d.take("local"))
    return Space::Local;
  if (d.take("const"))
    return Space::Const;
  if (d.take("param") || d.take("param::entry") || d.take("param::func"))
    return Space::Param;
  return Space::Generic;
}

bool ra::runtime::sim::takeCacheHints(Decoder &d) {
  bool hint = false;
  while (true) {
    const std::string_view name = d.peekModifier();
    if (name == "L2::cache_hint")
      hint = true;
    else if (name != "L1::evict_normal" && name != "L1::evict_unchanged" &&
             name != "L1::evict_first" && name != "L1::evict_last" &&
             name != "L1::no_allocate" && name != "L2::evict_first" &&
             name != "L2::evict_last" && name != "L2::evict_normal" &&
             name != "L2::64B" && name != "L2::128B" && name != "L2::256B")
      return hint;
    d.skipModifier();
  }
}

static std::string verb(const Access &access) {
  const char *what = access.kind == Access::Kind::Read    ? "a read of "
                     : access.kind == Access::Kind::Write ? "a write of "
                                                          : "an atomic on ";
  return what + std::to_string(access.bytes) + " bytes at ";
}

/// The first lane of `mask`.
static unsigned firstLane(uint32_t mask) {
  return static_cast<unsigned>(__builtin_ctz(mask));
}

static bool misaligned(Warp &w, const Op &op, uint32_t bad,
                       const Access &access, const char *space,
                       const uint64_t *addresses) {
  w.block->report(
      w, op, CheckKind::Misaligned, bad,
      verb(access) + space + addressText(addresses[firstLane(bad)]) +
          ", which is not a multiple of " + std::to_string(access.alignment()));
  return false;
}

//===----------------------------------------------------------------------===//
// Counters
//===----------------------------------------------------------------------===//

/// Sectors of 32 bytes that the lanes touch.
static void countGlobal(Block &block, uint32_t mask, const Access &access,
                        const uint64_t *addresses) {
  uint64_t sectors[64];
  unsigned count = 0;
  for (unsigned i = 0; i < 32; ++i)
    if (mask >> i & 1) {
      const uint64_t first = addresses[i] / 32;
      if (count == 0 || sectors[count - 1] != first)
        sectors[count++] = first;
    }
  std::sort(sectors, sectors + count);
  const auto distinct =
      static_cast<uint64_t>(std::unique(sectors, sectors + count) - sectors);
  const uint64_t bytes =
      uint64_t(access.bytes) * static_cast<unsigned>(__builtin_popcount(mask));
  Counters &c = block.counters;
  if (access.kind != Access::Kind::Write) {
    ++c.globalLoads;
    c.globalLoadSectors += distinct;
    c.globalLoadBytes += bytes;
  }
  if (access.kind != Access::Kind::Read) {
    ++c.globalStores;
    c.globalStoreSectors += distinct;
    c.globalStoreBytes += bytes;
  }
}

/// A request is served in groups of lanes that ask for at most 128 bytes
/// together; a group needs as many passes as its busiest bank has different
/// words.
static void countShared(Block &block, uint32_t mask, const Access &access,
                        const uint64_t *addresses) {
  Counters &c = block.counters;
  ++c.sharedRequests;
  c.sharedBytes +=
      uint64_t(access.bytes) * static_cast<unsigned>(__builtin_popcount(mask));
  const unsigned group = access.bytes <= 4 ? 32 : access.bytes == 8 ? 16 : 8;
  const unsigned words = std::max(1U, access.bytes / 4);
  for (unsigned first = 0; first < 32; first += group) {
    uint32_t used[32][8];
    uint8_t depth[32] = {};
    unsigned passes = 0;
    for (unsigned i = first; i < first + group; ++i) {
      if (!(mask >> i & 1))
        continue;
      for (unsigned k = 0; k < words; ++k) {
        const auto word = static_cast<uint32_t>(addresses[i] / 4 + k);
        const unsigned bank = word % 32;
        const unsigned held = std::min<unsigned>(depth[bank], 8);
        if (std::find(used[bank], used[bank] + held, word) != used[bank] + held)
          continue;
        if (held < 8)
          used[bank][held] = word;
        passes = std::max<unsigned>(passes, ++depth[bank]);
      }
    }
    c.sharedPasses += passes;
    c.sharedIdealPasses += passes != 0;
  }
}

//===----------------------------------------------------------------------===//
// Shared memory
//===----------------------------------------------------------------------===//

/// Everything but bounds and alignment. One finding of a kind for all lanes.
static void checkShared(Warp &w, const Op &op, uint32_t mask,
                        const Access &access, const uint64_t *addresses) {
  Block &block = *w.block;
  SharedShadow &shadow = block.shadow;
  const bool reads = access.kind != Access::Kind::Write;
  const bool writes = access.kind != Access::Kind::Read;
  const bool strong = access.strong || access.kind == Access::Kind::Atomic;
  const bool races = block.checks(kCheckRaces);
  const bool initialized = block.checks(kCheckUninitialized);
  const bool async = block.checks(kCheckAsync);
  uint32_t pending = 0, blank = 0, racing = 0;
  SharedShadow::Conflict conflict;
  for (uint32_t rest = mask; rest != 0; rest &= rest - 1) {
    const unsigned i = firstLane(rest);
    const auto address = static_cast<uint32_t>(addresses[i]);
    const uint32_t lane = uint32_t(1) << i;
    if (async && shadow.isPending(address, access.bytes))
      pending |= lane;
    if (reads && initialized && !shadow.isValid(address, access.bytes))
      blank |= lane;
    if (races) {
      if (strong && reads)
        shadow.acquire(w.index, address, access.ordered);
      SharedShadow::Conflict found;
      if (writes)
        shadow.write(w.index, address, access.bytes, strong, found);
      else
        shadow.read(w.index, address, access.bytes, strong, found);
      if (found.found) {
        if (racing == 0)
          conflict = found;
        racing |= lane;
      }
      if (strong && writes)
        shadow.release(w.index, address, access.ordered);
    } else if (writes && initialized) {
      shadow.setValid(address, access.bytes);
    }
  }
  if ((pending | blank | racing) == 0)
    return;
  const auto where = [&](uint32_t lanes) {
    return verb(access) + "shared " + addressText(addresses[firstLane(lanes)]) +
           ", ";
  };
  if (pending != 0)
    block.report(w, op, CheckKind::AsyncWait, pending,
                 where(pending) + "which a cp.async that nothing waited for is "
                                  "still writing");
  if (blank != 0)
    block.report(w, op, CheckKind::Uninitialized, blank,
                 where(blank) + "where nothing has been written");
  if (racing != 0)
    block.report(w, op, CheckKind::Race, racing,
                 where(racing) + "which warp " +
                     std::to_string(conflict.otherWarp) +
                     (conflict.otherWrote ? " wrote" : " read") +
                     " with no barrier in between");
}

static bool resolveShared(Warp &w, const Op &op, uint32_t mask,
                          const Access &access, const uint64_t *addresses,
                          uint8_t **pointers) {
  Block &block = *w.block;
  const uint64_t size = block.launch->sharedBytes;
  const uint64_t last = size < access.bytes ? 0 : size - access.bytes + 1;
  uint32_t outside = 0, crooked = 0;
  for (unsigned i = 0; i < 32; ++i) {
    outside |= addresses[i] >= last ? uint32_t(1) << i : 0U;
    crooked |= addresses[i] & (access.alignment() - 1) ? uint32_t(1) << i : 0U;
  }
  if ((crooked & mask) != 0)
    return misaligned(w, op, crooked & mask, access, "shared ", addresses);
  if ((outside & mask) != 0) {
    block.report(w, op, CheckKind::OutOfBounds, outside & mask,
                 verb(access) + "shared " +
                     addressText(addresses[firstLane(outside & mask)]) +
                     "; the block has " + std::to_string(size) +
                     " bytes of shared memory");
    return false;
  }
  for (unsigned i = 0; i < 32; ++i)
    pointers[i] = block.shared + addresses[i];
  if (block.launch->options.checks != 0)
    checkShared(w, op, mask, access, addresses);
  if (block.launch->options.counters)
    countShared(block, mask, access, addresses);
  return true;
}

//===----------------------------------------------------------------------===//
// The other spaces
//===----------------------------------------------------------------------===//

static bool resolveGlobal(Warp &w, const Op &op, uint32_t mask,
                          const Access &access, const uint64_t *addresses,
                          uint8_t **pointers) {
  Block &block = *w.block;
  const GlobalMemory &memory = *block.launch->memory;
  uint32_t crooked = 0;
  for (unsigned i = 0; i < 32; ++i)
    crooked |= addresses[i] & (access.alignment() - 1) ? uint32_t(1) << i : 0U;
  if ((crooked & mask) != 0)
    return misaligned(w, op, crooked & mask, access, "", addresses);

  const GlobalMemory::Allocation *near =
      memory.find(addresses[firstLane(mask)]);
  uint32_t inside = 0;
  if (near && near->size >= access.bytes) {
    const uint64_t most = near->size - access.bytes;
    for (unsigned i = 0; i < 32; ++i) {
      const uint64_t offset = addresses[i] - near->base;
      inside |= offset <= most ? uint32_t(1) << i : 0U;
      pointers[i] = near->bytes + offset;
    }
  }
  bool constant = near && near->constant;
  // Lanes in other buffers.
  for (uint32_t rest = mask & ~inside; rest != 0; rest &= rest - 1) {
    const unsigned i = firstLane(rest);
    pointers[i] = memory.resolve(addresses[i], access.bytes);
    if (!pointers[i]) {
      uint32_t bad = 0;
      for (unsigned j = i; j < 32; ++j)
        if ((mask >> j & 1) && !memory.resolve(addresses[j], access.bytes))
          bad |= uint32_t(1) << j;
      block.report(w, op, CheckKind::OutOfBounds, bad,
                   verb(access) + addressText(addresses[i]) + ": " +
                       memory.describe(addresses[i], access.bytes));
      return false;
    }
    constant |= memory.find(addresses[i])->constant;
  }
  if (constant && access.kind != Access::Kind::Read) {
    block.report(w, op, CheckKind::OutOfBounds, mask,
                 verb(access) + addressText(addresses[firstLane(mask)]) +
                     ", which is constant memory");
    return false;
  }
  if (block.launch->options.counters && !constant)
    countGlobal(block, mask, access, addresses);
  return true;
}

/// Memory of the lanes, or the parameters, which all lanes share.
static bool resolveSmall(Warp &w, const Op &op, uint32_t mask,
                         const Access &access, const uint64_t *addresses,
                         uint8_t **pointers) {
  Block &block = *w.block;
  const bool isLocal = access.space == Space::Local;
  if (!isLocal && access.kind != Access::Kind::Read) {
    block.report(w, op, CheckKind::OutOfBounds, mask,
                 verb(access) + "a kernel's parameter, which is constant");
    return false;
  }
  for (uint32_t rest = mask; rest != 0; rest &= rest - 1) {
    const unsigned i = firstLane(rest);
    std::vector<uint8_t> &bytes =
        isLocal ? w.local[i] : block.launch->parameters;
    if (addresses[i] & (access.alignment() - 1))
      return misaligned(w, op, uint32_t(1) << i, access,
                        isLocal ? "local " : "parameter offset ", addresses);
    if (access.bytes > bytes.size() ||
        addresses[i] > bytes.size() - access.bytes) {
      block.report(w, op, CheckKind::OutOfBounds, uint32_t(1) << i,
                   verb(access) + (isLocal ? "local " : "parameter offset ") +
                       addressText(addresses[i]) + "; there are " +
                       std::to_string(bytes.size()) + " bytes");
      return false;
    }
    pointers[i] = bytes.data() + addresses[i];
  }
  return true;
}

static Space spaceOf(uint64_t address) {
  switch (address >> 56) {
  case kSharedWindow >> 56:
    return Space::Shared;
  case kLocalWindow >> 56:
    return Space::Local;
  case kParamWindow >> 56:
    return Space::Param;
  default:
    return Space::Global;
  }
}

bool ra::runtime::sim::resolve(Warp &w, const Op &op, uint32_t mask,
                               const Access &access, const uint64_t *addresses,
                               uint8_t **pointers) {
  if (mask == 0)
    return true;
  switch (access.space) {
  case Space::Shared:
    return resolveShared(w, op, mask, access, addresses, pointers);
  case Space::Global:
  case Space::Const:
    return resolveGlobal(w, op, mask, access, addresses, pointers);
  case Space::Local:
  case Space::Param:
    return resolveSmall(w, op, mask, access, addresses, pointers);
  case Space::Generic:
    break;
  }
  // Generic: lane by lane, each space at a time.
  uint32_t done = 0;
  while (done != mask) {
    const Space space = spaceOf(addresses[firstLane(mask & ~done)]);
    uint64_t inside[32] = {};
    uint32_t lanes = 0;
    for (unsigned i = 0; i < 32; ++i) {
      if (!((mask & ~done) >> i & 1) || spaceOf(addresses[i]) != space)
        continue;
      lanes |= uint32_t(1) << i;
      inside[i] = space == Space::Global
                      ? addresses[i]
                      : addresses[i] & ((uint64_t(1) << 56) - 1);
    }
    Access part = access;
    part.space = space;
    uint8_t *found[32];
    if (!resolve(w, op, lanes, part, inside, found))
      return false;
    for (unsigned i = 0; i < 32; ++i)
      if (lanes >> i & 1)
        pointers[i] = found[i];
    done |= lanes;
  }
  return true;
}
