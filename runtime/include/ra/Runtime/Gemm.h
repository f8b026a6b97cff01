//===- Gemm.h - Dense products ----------------------------------*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RA_RUNTIME_GEMM_H
#define RA_RUNTIME_GEMM_H

#include <cstdint>

namespace ra::runtime {

/// c[m, n] = sum_k a[m, k] * b[n, k]; all row-major with the given row lengths.
/// T is double or float, and so is the accumulation.
template <typename T>
void productTransposed(const T *a, int64_t lda, const T *b, int64_t ldb, T *c,
                       int64_t ldc, int64_t m, int64_t n, int64_t k);

/// c[m, n] = sum_k a[m, k] * b[k, n].
template <typename T>
void product(const T *a, int64_t lda, const T *b, int64_t ldb, T *c,
             int64_t ldc, int64_t m, int64_t n, int64_t k);

} // namespace ra::runtime

#endif // RA_RUNTIME_GEMM_H
