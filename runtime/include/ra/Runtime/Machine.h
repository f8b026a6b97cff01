//===- Machine.h - What a measurement ran on --------------------*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RA_RUNTIME_MACHINE_H
#define RA_RUNTIME_MACHINE_H

#include <cstdint>
#include <string>
#include <vector>

namespace ra::runtime {

/// One level of the caches that the first processor sees.
struct CacheLevel {
  int level = 0;
  /// "Data", "Instruction" or "Unified".
  std::string type;
  int64_t bytes = 0;
  /// Processors that share it.
  int sharing = 1;
};

/// A machine in general terms: what a reader of a measurement needs, and no
/// names. What the system does not tell is empty or 0.
struct Machine {
  /// As the processor calls itself.
  std::string cpu;
  /// The vector extensions that matter here, widest first: "AVX-512 AVX2 FMA".
  std::string isa;
  /// Processors that this process may use.
  int processors = 0;
  double megahertz = 0;
  std::vector<CacheLevel> caches;

  /// The largest cache; 0 when none is known.
  int64_t lastLevelCacheBytes() const;
};

Machine describeMachine();

/// The most memory that this process has had resident so far, in bytes; 0 when
/// the system does not tell.
int64_t peakResidentBytes();

} // namespace ra::runtime

#endif // RA_RUNTIME_MACHINE_H
