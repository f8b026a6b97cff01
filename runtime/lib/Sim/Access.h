//===- Access.h - Memory accesses of a warp, checked and counted -*- C++
//-*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RA_RUNTIME_LIB_SIM_ACCESS_H
#define RA_RUNTIME_LIB_SIM_ACCESS_H

#include "Machine.h"

namespace ra::runtime::sim {

class Decoder;

/// One access per lane of `bytes` at consecutive addresses.
struct Access {
  enum class Kind : uint8_t { Read, Write, Atomic };
  Space space;
  Kind kind;
  uint32_t bytes;
  /// Volatile, relaxed, acquire, release: ordered by itself, no race with its
  /// like.
  bool strong = false;
  uint32_t align = 0;   ///< 0: `bytes`.
  bool ordered = false; ///< Acquire, release or both.

  uint32_t alignment() const { return align != 0 ? align : bytes; }
};

/// Host addresses of the accesses of the lanes in `mask`; false after a finding
/// that ends the block. Checks bounds and alignment, and for shared memory what
/// the launch asks for; counts.
bool resolve(Warp &w, const Op &op, uint32_t mask, const Access &access,
             const uint64_t *addresses, uint8_t **pointers);

/// The addresses of an operand that Decoder::address() decoded; `wide` says
/// whether its register has lanes of 64 bits.
inline void loadAddresses(const Warp &w, uint32_t slot, bool wide,
                          int64_t offset, uint64_t *addresses) {
  const auto add = static_cast<uint64_t>(offset);
  if (wide) {
    const uint64_t *a = w.slot<uint64_t>(slot);
    RA_SIM_LANES addresses[i] = a[i] + add;
  } else {
    const uint32_t *a = w.slot<uint32_t>(slot);
    RA_SIM_LANES addresses[i] = a[i] + add;
  }
}

/// .global, .shared{::cta}, .local, .const, .param...; Generic without any.
Space takeSpace(Decoder &d);

/// Cache, eviction and prefetch modifiers, which change nothing here:
/// .L1::no_allocate, .L2::128B, .L2::cache_hint...; true if .L2::cache_hint was
/// among them, whose operand comes last.
bool takeCacheHints(Decoder &d);

std::string addressText(uint64_t address);

} // namespace ra::runtime::sim

#endif // RA_RUNTIME_LIB_SIM_ACCESS_H
