//===- Memory.cpp - Global memory and the shadow of shared memory --------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Memory.h"

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cstring>

using namespace ra::runtime;
using namespace ra::runtime::sim;

static std::string hex(uint64_t value) {
  char text[32];
  std::snprintf(text, sizeof(text), "0x%" PRIx64, value);
  return text;
}

Expected<uint64_t> GlobalMemory::allocate(uint64_t size, std::string name,
                                          bool constant) {
  if (size > uint64_t(1) << kSlotBits)
    return fail("a device buffer has at most 64 GiB");
  if (slots.size() >= (1U << 19))
    return fail("too many device buffers");
  Allocation allocation;
  // One byte more: an empty buffer has an address too. calloc leaves pages that
  // nobody touches to the system.
  allocation.storage.reset(static_cast<uint8_t *>(std::calloc(size + 1, 1)));
  if (!allocation.storage)
    return fail("the host has no memory for a device buffer of " +
                std::to_string(size) + " bytes");
  allocation.base = uint64_t(slots.size() + 1) << kSlotBits;
  allocation.size = size;
  allocation.bytes = allocation.storage.get();
  allocation.constant = constant;
  allocation.name = std::move(name);
  slots.push_back(std::move(allocation));
  return slots.back().base;
}

Status GlobalMemory::free(uint64_t address) {
  const Allocation *found = find(address);
  if (!found || found->base != address)
    return fail(hex(address) + " is not the address of a device buffer");
  Allocation &allocation = slots[(address >> kSlotBits) - 1];
  allocation.storage.reset();
  allocation.bytes = nullptr;
  return Status::success();
}

std::string GlobalMemory::describe(uint64_t address, uint64_t bytes) const {
  const uint64_t slot = address >> kSlotBits;
  // A negative index from the start of a buffer ends in the slot below.
  for (const uint64_t candidate : {slot, slot + 1}) {
    if (candidate - 1 >= slots.size())
      continue;
    const Allocation &near = slots[candidate - 1];
    const std::string which = "buffer '" + near.name + "' (" +
                              std::to_string(near.size) + " bytes at " +
                              hex(near.base) + ")";
    if (!near.bytes)
      return which + ", which was freed";
    if (address >= near.base + near.size)
      return std::to_string(address - near.base - near.size) +
             " bytes past the end of " + which;
    if (address < near.base) {
      if (near.base - address < (uint64_t(1) << (kSlotBits - 1)))
        return std::to_string(near.base - address) + " bytes before " + which;
      continue;
    }
    if (near.base + near.size - address < bytes)
      return std::to_string(address + bytes - near.base - near.size) +
             " bytes over the end of " + which;
    return "inside of " + which;
  }
  return "no buffer is there";
}

//===----------------------------------------------------------------------===//
// SharedShadow
//===----------------------------------------------------------------------===//

/// The bytes of `word` that [address, address + bytes) covers, as 4 bits.
static uint32_t coverage(uint32_t word, uint32_t address, uint32_t bytes) {
  const uint32_t begin = std::max(word * 4, address) - word * 4;
  const uint32_t end = std::min(word * 4 + 4, address + bytes) - word * 4;
  return ((1U << end) - 1) & ~((1U << begin) - 1);
}

void SharedShadow::reset(uint32_t bytes, uint32_t warpCount) {
  const size_t count = (size_t(bytes) + 3) / 4;
  if (warpCount != warps || count != words.size()) {
    warps = warpCount;
    readers.assign(count * warps, 0);
  }
  words.assign(count, Word());
  released.clear();
  for (auto *all : {&fenced, &observed})
    for (Clock &clock : *all)
      clock.fill(0);
  for (Clock &clock : arrivals)
    clock.fill(0);
  // Epochs go on from block to block, so that old readers need not be cleared:
  // whatever happened in the block before comes before all of this one.
  uint32_t latest = 0;
  for (uint32_t w = 0; w < warps; ++w)
    latest = std::max(latest, clocks[w][w]);
  if (latest > kMaxEpoch / 2) {
    std::fill(readers.begin(), readers.end(), 0);
    latest = 0;
  }
  for (uint32_t w = 0; w < warps; ++w) {
    clocks[w].fill(latest);
    clocks[w][w] = latest + 1;
  }
}

void SharedShadow::forgetOrder() {
  std::fill(readers.begin(), readers.end(), 0);
  for (Word &word : words)
    word.written = word.strong = 0;
  released.clear();
  for (auto *all : {&fenced, &observed})
    for (Clock &clock : *all)
      clock.fill(0);
  for (Clock &clock : arrivals)
    clock.fill(0);
  for (uint32_t w = 0; w < warps; ++w) {
    clocks[w].fill(0);
    clocks[w][w] = 1;
  }
}

void SharedShadow::advance(uint32_t warp) {
  if (++clocks[warp][warp] > kMaxEpoch)
    forgetOrder();
}

/// Whether a write to `word` is not ordered before `now`: plain ones always
/// count, strong ones for plain accesses.
static bool conflicts(const SharedShadow::Word &word, uint32_t mask,
                      const uint32_t *now, bool strong, uint32_t &other) {
  if ((word.written & mask) && word.written >> 4 > now[word.writer]) {
    other = word.writer;
    return true;
  }
  if (!strong && (word.strong & mask) &&
      word.strong >> 4 > now[word.strongWriter]) {
    other = word.strongWriter;
    return true;
  }
  return false;
}

void SharedShadow::read(uint32_t warp, uint32_t address, uint32_t bytes,
                        bool strong, Conflict &conflict) {
  const Clock &now = clocks[warp];
  const uint32_t epoch = now[warp];
  for (uint32_t w = address / 4; w <= (address + bytes - 1) / 4; ++w) {
    const uint32_t mask = coverage(w, address, bytes);
    uint32_t other = 0;
    if (conflicts(words[w], mask, now.data(), strong, other) && !conflict.found)
      conflict = {true, true, other, w * 4};
    if (strong)
      continue;
    uint32_t &mine = readers[size_t(w) * warps + warp];
    mine = (mine >> 4 == epoch ? mine : epoch << 4) | mask;
  }
}

void SharedShadow::write(uint32_t warp, uint32_t address, uint32_t bytes,
                         bool strong, Conflict &conflict) {
  const Clock &now = clocks[warp];
  const uint32_t epoch = now[warp];
  for (uint32_t w = address / 4; w <= (address + bytes - 1) / 4; ++w) {
    Word &word = words[w];
    const uint32_t mask = coverage(w, address, bytes);
    uint32_t other = 0;
    if (conflicts(word, mask, now.data(), strong, other) && !conflict.found)
      conflict = {true, true, other, w * 4};
    const uint32_t *reader = &readers[size_t(w) * warps];
    for (uint32_t u = 0; u < warps; ++u)
      if (reader[u] >> 4 > now[u] && u != warp && (reader[u] & mask) &&
          !conflict.found)
        conflict = {true, false, u, w * 4};
    uint32_t &record = strong ? word.strong : word.written;
    uint8_t &writer = strong ? word.strongWriter : word.writer;
    const bool again = writer == warp && record >> 4 == epoch;
    record = (again ? record : epoch << 4) | mask;
    writer = static_cast<uint8_t>(warp);
    word.valid |= static_cast<uint8_t>(mask);
  }
}

bool SharedShadow::isValid(uint32_t address, uint32_t bytes) const {
  for (uint32_t w = address / 4; w <= (address + bytes - 1) / 4; ++w)
    if (coverage(w, address, bytes) & ~words[w].valid)
      return false;
  return true;
}

void SharedShadow::setValid(uint32_t address, uint32_t bytes) {
  for (uint32_t w = address / 4; w <= (address + bytes - 1) / 4; ++w)
    words[w].valid |= static_cast<uint8_t>(coverage(w, address, bytes));
}

bool SharedShadow::isPending(uint32_t address, uint32_t bytes) const {
  for (uint32_t w = address / 4; w <= (address + bytes - 1) / 4; ++w)
    if (words[w].pending)
      return true;
  return false;
}

void SharedShadow::addPending(uint32_t address, uint32_t bytes, int change) {
  for (uint32_t w = address / 4; w <= (address + bytes - 1) / 4; ++w)
    words[w].pending = static_cast<uint8_t>(words[w].pending + change);
}

void SharedShadow::arrive(uint32_t id, uint32_t warp) {
  join(arrivals[id], clocks[warp]);
  advance(warp);
}

void SharedShadow::complete(uint32_t id, uint32_t waiting) {
  for (uint32_t w = 0; w < warps; ++w)
    if (waiting >> w & 1)
      join(clocks[w], arrivals[id]);
  arrivals[id].fill(0);
}

void SharedShadow::join(Clock &into, const Clock &from) const {
  for (uint32_t u = 0; u < warps; ++u)
    into[u] = std::max(into[u], from[u]);
}

void SharedShadow::release(uint32_t warp, uint32_t address, bool ordered) {
  join(released[address / 4], ordered ? clocks[warp] : fenced[warp]);
  if (ordered)
    advance(warp);
}

void SharedShadow::acquire(uint32_t warp, uint32_t address, bool ordered) {
  const auto found = released.find(address / 4);
  if (found != released.end())
    join(ordered ? clocks[warp] : observed[warp], found->second);
}

void SharedShadow::fence(uint32_t warp) {
  join(clocks[warp], observed[warp]);
  observed[warp].fill(0);
  fenced[warp] = clocks[warp];
  advance(warp);
}
