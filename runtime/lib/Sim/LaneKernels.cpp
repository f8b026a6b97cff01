//===- LaneKernels.cpp - Inner loops in the host's best instructions -----===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "LaneKernels.h"

#include "FloatFormat.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

using namespace ra::runtime::sim;

static void fma32Portable(float *d, const float *a, const float *b,
                          const float *c) {
  for (unsigned i = 0; i < 32; ++i)
    d[i] = canonical(std::fma(a[i], b[i], c[i]));
}

static void f16ToF32Portable(float *d, const uint16_t *a, unsigned count) {
  for (unsigned i = 0; i < count; ++i)
    d[i] = ra::runtime::f16ToFloat(a[i]);
}

static void f32ToF16Portable(uint16_t *d, const float *a, unsigned count) {
  for (unsigned i = 0; i < count; ++i)
    d[i] = halfFromDouble<false>(static_cast<double>(a[i]));
}

static void mma16x8Portable(float *d, const float *a, const float *b,
                            unsigned k) {
  for (unsigned row = 0; row < 16; ++row)
    for (unsigned j = 0; j < k; ++j)
      for (unsigned column = 0; column < 8; ++column) {
        float &sum = d[row * 8 + column];
        sum = std::fma(a[row * k + j], b[j * 8 + column], sum);
      }
}

#if defined(__x86_64__)
#define RA_SIM_AVX2 __attribute__((target("avx2,fma,f16c")))

RA_SIM_AVX2 static void fma32Avx2(float *d, const float *a, const float *b,
                                  const float *c) {
  const __m256 nan = _mm256_castsi256_ps(_mm256_set1_epi32(kNaN32));
  for (unsigned i = 0; i < 32; i += 8) {
    const __m256 value = _mm256_fmadd_ps(
        _mm256_loadu_ps(a + i), _mm256_loadu_ps(b + i), _mm256_loadu_ps(c + i));
    const __m256 unordered = _mm256_cmp_ps(value, value, _CMP_UNORD_Q);
    _mm256_storeu_ps(d + i, _mm256_blendv_ps(value, nan, unordered));
  }
}

RA_SIM_AVX2 static void f16ToF32Avx2(float *d, const uint16_t *a,
                                     unsigned count) {
  unsigned i = 0;
  for (; i + 8 <= count; i += 8) {
    __m128i bits;
    std::memcpy(&bits, a + i, sizeof(bits));
    _mm256_storeu_ps(d + i, _mm256_cvtph_ps(bits));
  }
  f16ToF32Portable(d + i, a + i, count - i);
}

RA_SIM_AVX2 static void f32ToF16Avx2(uint16_t *d, const float *a,
                                     unsigned count) {
  unsigned i = 0;
  for (; i + 8 <= count; i += 8) {
    const __m256 value = _mm256_loadu_ps(a + i);
    const __m256 unordered = _mm256_cmp_ps(value, value, _CMP_UNORD_Q);
    const __m128i bits =
        _mm256_cvtps_ph(value, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    const __m128i isNaN =
        _mm_packs_epi32(_mm_castps_si128(_mm256_castps256_ps128(unordered)),
                        _mm_castps_si128(_mm256_extractf128_ps(unordered, 1)));
    const __m128i result = _mm_blendv_epi8(bits, _mm_set1_epi16(kNaN16), isNaN);
    std::memcpy(d + i, &result, sizeof(result));
  }
  f32ToF16Portable(d + i, a + i, count - i);
}

RA_SIM_AVX2 static void mma16x8Avx2(float *d, const float *a, const float *b,
                                    unsigned k) {
  for (unsigned row = 0; row < 16; row += 8) {
    __m256 sum[8];
    for (unsigned r = 0; r < 8; ++r)
      sum[r] = _mm256_loadu_ps(d + (row + r) * 8);
    for (unsigned j = 0; j < k; ++j) {
      const __m256 right = _mm256_loadu_ps(b + j * 8);
      for (unsigned r = 0; r < 8; ++r)
        sum[r] = _mm256_fmadd_ps(_mm256_broadcast_ss(a + (row + r) * k + j),
                                 right, sum[r]);
    }
    for (unsigned r = 0; r < 8; ++r)
      _mm256_storeu_ps(d + (row + r) * 8, sum[r]);
  }
}
#endif

const LaneKernels &ra::runtime::sim::portableLaneKernels() {
  static constexpr LaneKernels kernels = {fma32Portable, f16ToF32Portable,
                                          f32ToF16Portable, mma16x8Portable};
  return kernels;
}

const LaneKernels &ra::runtime::sim::laneKernels() {
#if defined(__x86_64__)
  static const LaneKernels kernels =
      __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
              __builtin_cpu_supports("f16c")
          ? LaneKernels{fma32Avx2, f16ToF32Avx2, f32ToF16Avx2, mma16x8Avx2}
          : portableLaneKernels();
  return kernels;
#else
  return portableLaneKernels();
#endif
}
