//===- HostFeatures.cpp - What this processor can do ----------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ra/Runtime/HostFeatures.h"

#include <cstdint>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

using namespace ra::runtime;

std::string ra::runtime::hostArchitecture() {
#if defined(__x86_64__)
  return "x86_64";
#elif defined(__aarch64__)
  return "aarch64";
#else
  return "unknown";
#endif
}

#if defined(__x86_64__)
namespace {

enum class State { None, Avx, Avx512 };

/// Where a feature's bit is: Intel 64 and IA-32 Architectures Software
/// Developer's Manual, volume 2, CPUID.
struct FeatureBit {
  const char *name;
  uint32_t leaf, subleaf;
  int reg; ///< eax, ebx, ecx, edx
  int bit;
  /// Registers that the operating system must save.
  State state;
};

constexpr FeatureBit kFeatures[] = {
    {"sse3", 1, 0, 2, 0, State::None},
    {"ssse3", 1, 0, 2, 9, State::None},
    {"fma", 1, 0, 2, 12, State::Avx},
    {"sse4.1", 1, 0, 2, 19, State::None},
    {"sse4.2", 1, 0, 2, 20, State::None},
    {"movbe", 1, 0, 2, 22, State::None},
    {"popcnt", 1, 0, 2, 23, State::None},
    {"avx", 1, 0, 2, 28, State::Avx},
    {"f16c", 1, 0, 2, 29, State::Avx},
    {"bmi", 7, 0, 1, 3, State::None},
    {"avx2", 7, 0, 1, 5, State::Avx},
    {"bmi2", 7, 0, 1, 8, State::None},
    {"avx512f", 7, 0, 1, 16, State::Avx512},
    {"avx512dq", 7, 0, 1, 17, State::Avx512},
    {"avx512cd", 7, 0, 1, 28, State::Avx512},
    {"avx512bw", 7, 0, 1, 30, State::Avx512},
    {"avx512vl", 7, 0, 1, 31, State::Avx512},
    {"avx512vnni", 7, 0, 2, 11, State::Avx512},
    {"avx512bf16", 7, 1, 0, 5, State::Avx512},
    {"lzcnt", 0x80000001, 0, 2, 5, State::None}};

} // namespace
#endif

std::vector<std::string> ra::runtime::hostCpuFeatures() {
  std::vector<std::string> features;
#if defined(__x86_64__)
  uint32_t r[4] = {};
  uint32_t saved = 0;
  constexpr uint32_t osSavesState = 1u << 27;
  if (__get_cpuid(1, &r[0], &r[1], &r[2], &r[3]) && (r[2] & osSavesState)) {
    uint32_t high;
    __asm__("xgetbv" : "=a"(saved), "=d"(high) : "c"(0));
  }
  constexpr uint32_t avxState = 0x6, avx512State = 0xe6;
  for (const FeatureBit &feature : kFeatures) {
    if (!__get_cpuid_count(feature.leaf, feature.subleaf, &r[0], &r[1], &r[2],
                           &r[3]) ||
        !(r[feature.reg] >> feature.bit & 1))
      continue;
    uint32_t needed = feature.state == State::Avx      ? avxState
                      : feature.state == State::Avx512 ? avx512State
                                                       : 0;
    if ((saved & needed) == needed)
      features.emplace_back(feature.name);
  }
#endif
  return features;
}
