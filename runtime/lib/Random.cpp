//===- Random.cpp - Reproducible random numbers ---------------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ra/Runtime/Random.h"

#include <cmath>
#include <cstring>

// The build compiles this file with -ffp-contract=off: the numbers must not
// depend on whether the machine fuses a multiplication with an addition.

using namespace ra::runtime;

namespace {

/// The natural logarithm of a normal u in (0, 1], within 2 units of the last
/// place: u = m 2^e with m in [sqrt(1/2), sqrt(2)), ln m = 2 atanh(s),
/// s = (m - 1) / (m + 1), |s| < 0.1716.
double naturalLog(double u) {
  constexpr double ln2High =
      0x1.62e42fefa38p-1; // 41 bits: e * ln2High is exact
  constexpr double ln2Low = 0x1.ef35793c7673p-45;
  uint64_t bits;
  std::memcpy(&bits, &u, sizeof(bits));
  int exponent = static_cast<int>(bits >> 52) - 1023;
  bits = (bits & ((uint64_t(1) << 52) - 1)) | (uint64_t(1023) << 52);
  double mantissa;
  std::memcpy(&mantissa, &bits, sizeof(mantissa));
  if (mantissa > 0x1.6a09e667f3bcdp0) {
    mantissa *= 0.5;
    ++exponent;
  }
  const double s = (mantissa - 1.0) / (mantissa + 1.0);
  const double square = s * s;
  double series = 0.0;
  for (int k = 25; k >= 3; k -= 2)
    series = square * (series + 1.0 / k);
  const double power = exponent;
  return power * ln2High + (2.0 * (s + s * series) + power * ln2Low);
}

struct SinCos {
  double sine, cosine;
};

/// sin and cos of 2 pi v for v in [0, 1): v = q/4 + f with |f| <= 1/8, exact,
/// then the Taylor series of 2 pi f.
SinCos sinCosTurn(double v) {
  const int quarter = static_cast<int>(std::nearbyint(4.0 * v));
  const double angle = 0x1.921fb54442d18p+2 * (v - 0.25 * quarter);
  const double square = angle * angle;
  double sine = 0.0, cosine = 0.0;
  for (int k = 19; k >= 3; k -= 2)
    sine = square / (k * (k - 1)) * -(1.0 + sine);
  for (int k = 20; k >= 2; k -= 2)
    cosine = square / (k * (k - 1)) * -(1.0 + cosine);
  sine = angle * (1.0 + sine);
  cosine = 1.0 + cosine;
  switch (quarter & 3) {
  case 0:
    return {sine, cosine};
  case 1:
    return {cosine, -sine};
  case 2:
    return {-sine, -cosine};
  default:
    return {-cosine, sine};
  }
}

struct Pair {
  uint64_t first, second;
};

Pair block(const RandomStream &random, uint64_t index) {
  auto low = [](uint64_t x) { return static_cast<uint32_t>(x); };
  auto high = [](uint64_t x) { return static_cast<uint32_t>(x >> 32); };
  const std::array<uint32_t, 4> out =
      philox({low(index), high(index), low(random.stream), high(random.stream)},
             {low(random.seed), high(random.seed)});
  return {out[0] | uint64_t(out[1]) << 32, out[2] | uint64_t(out[3]) << 32};
}

/// 53 bits in [0, 1).
double unit(uint64_t word) { return static_cast<double>(word >> 11) * 0x1p-53; }

struct Values {
  double first, second;
};

/// Calls `make` per block and hands out the values of the range.
template <typename Make>
void fill(const RandomStream &random, uint64_t begin, uint64_t count,
          double *out, Make make) {
  for (uint64_t i = 0; i < count;) {
    const uint64_t index = begin + i;
    const Values values = make(block(random, index / 2));
    if (index % 2 == 0)
      out[i++] = values.first;
    if (i < count && (begin + i) % 2 == 1)
      out[i++] = values.second;
  }
}

} // namespace

std::array<uint32_t, 4> ra::runtime::philox(std::array<uint32_t, 4> counter,
                                            std::array<uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const uint64_t product0 = uint64_t(0xd2511f53) * counter[0];
    const uint64_t product1 = uint64_t(0xcd9e8d57) * counter[2];
    counter = {static_cast<uint32_t>(product1 >> 32) ^ counter[1] ^ key[0],
               static_cast<uint32_t>(product1),
               static_cast<uint32_t>(product0 >> 32) ^ counter[3] ^ key[1],
               static_cast<uint32_t>(product0)};
    key[0] += 0x9e3779b9;
    key[1] += 0xbb67ae85;
  }
  return counter;
}

void RandomStream::uniform(double lo, double hi, uint64_t begin, uint64_t count,
                           double *out) const {
  const double width = hi - lo;
  fill(*this, begin, count, out, [&](Pair words) {
    return Values{lo + width * unit(words.first),
                  lo + width * unit(words.second)};
  });
}

void RandomStream::normal(double mean, double deviation, uint64_t begin,
                          uint64_t count, double *out) const {
  fill(*this, begin, count, out, [&](Pair words) {
    const double radius =
        std::sqrt(-2.0 * naturalLog(unit(words.first) + 0x1p-53));
    const SinCos turn = sinCosTurn(unit(words.second));
    return Values{mean + deviation * (radius * turn.cosine),
                  mean + deviation * (radius * turn.sine)};
  });
}
