//===- Gemm.cpp - Dense products ------------------------------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ra/Runtime/Gemm.h"

#define RA_GEMM_NAMESPACE baseline
#include "GemmImpl.h"

using namespace ra::runtime;

#ifdef RA_GEMM_AVX2
namespace ra::runtime::avx2 {
template <typename T>
void productTransposed(const T *a, int64_t lda, const T *b, int64_t ldb, T *c,
                       int64_t ldc, int64_t m, int64_t n, int64_t k);
template <typename T>
void product(const T *a, int64_t lda, const T *b, int64_t ldb, T *c,
             int64_t ldc, int64_t m, int64_t n, int64_t k);
} // namespace ra::runtime::avx2

static bool hasAVX2() {
  static const bool has =
      __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  return has;
}
#endif

template <typename T>
void ra::runtime::productTransposed(const T *a, int64_t lda, const T *b,
                                    int64_t ldb, T *c, int64_t ldc, int64_t m,
                                    int64_t n, int64_t k) {
#ifdef RA_GEMM_AVX2
  if (hasAVX2())
    return avx2::productTransposed(a, lda, b, ldb, c, ldc, m, n, k);
#endif
  baseline::productTransposed(a, lda, b, ldb, c, ldc, m, n, k);
}

template <typename T>
void ra::runtime::product(const T *a, int64_t lda, const T *b, int64_t ldb,
                          T *c, int64_t ldc, int64_t m, int64_t n, int64_t k) {
#ifdef RA_GEMM_AVX2
  if (hasAVX2())
    return avx2::product(a, lda, b, ldb, c, ldc, m, n, k);
#endif
  baseline::product(a, lda, b, ldb, c, ldc, m, n, k);
}

#define RA_INSTANTIATE(T)                                                      \
  template void ra::runtime::productTransposed<T>(                             \
      const T *, int64_t, const T *, int64_t, T *, int64_t, int64_t, int64_t,  \
      int64_t);                                                                \
  template void ra::runtime::product<T>(const T *, int64_t, const T *,         \
                                        int64_t, T *, int64_t, int64_t,        \
                                        int64_t, int64_t);
RA_INSTANTIATE(double)
RA_INSTANTIATE(float)
#undef RA_INSTANTIATE
