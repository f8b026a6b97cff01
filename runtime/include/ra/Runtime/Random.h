//===- Random.h - Reproducible random numbers -------------------*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Counter-based random numbers: the number at an index depends on the seed, the
// stream and the index, and on nothing else - not on the order of calls, the
// number of threads or the machine.
//
// The generator is Philox4x32-10 (Salmon, Moraes, Dror, Shaw: Parallel random
// numbers: as easy as 1, 2, 3; SC 2011). Its key is the seed (low word, high
// word), its counter is (block low, block high, stream low, stream high). Block
// b makes the two numbers of the indices 2b and 2b + 1 from the 64-bit words
// x0 = out[0] | out[1] << 32 and x1 = out[2] | out[3] << 32:
//
//   uniform   (x >> 11) * 2^-53, in [0, 1); x0 for index 2b, x1 for 2b + 1
//   normal    Box-Muller: u = ((x0 >> 11) + 1) * 2^-53 in (0, 1],
//             v = (x1 >> 11) * 2^-53, r = sqrt(-2 ln u);
//             r cos(2 pi v) for index 2b, r sin(2 pi v) for 2b + 1
//
// The logarithm, sine and cosine are computed here from IEEE additions,
// multiplications, divisions and square roots, without contraction, because the
// last digit of a C library's differs from system to system.
//
//===----------------------------------------------------------------------===//

#ifndef RA_RUNTIME_RANDOM_H
#define RA_RUNTIME_RANDOM_H

#include <array>
#include <cstdint>

namespace ra::runtime {

/// One application of Philox4x32-10.
std::array<uint32_t, 4> philox(std::array<uint32_t, 4> counter,
                               std::array<uint32_t, 2> key);

/// One sequence of numbers. Different streams of a seed are independent.
struct RandomStream {
  uint64_t seed = 0;
  uint64_t stream = 0;

  /// Fills out[i] with lo + (hi - lo) * u for the uniform numbers u of the
  /// indices begin .. begin + count - 1.
  void uniform(double lo, double hi, uint64_t begin, uint64_t count,
               double *out) const;

  /// Fills out[i] with mean + deviation * z for the normal numbers z of the
  /// indices begin .. begin + count - 1.
  void normal(double mean, double deviation, uint64_t begin, uint64_t count,
              double *out) const;
};

} // namespace ra::runtime

#endif // RA_RUNTIME_RANDOM_H
