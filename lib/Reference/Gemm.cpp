//===- Gemm.cpp - Dense products ------------------------------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The only file that sees Eigen.
//
//===----------------------------------------------------------------------===//

#include "Gemm.h"

// The interpreter splits work over its own threads.
#define EIGEN_DONT_PARALLELIZE
#include <Eigen/Core>

using namespace ra::reference;

namespace {
template <typename T>
using Matrix =
    Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
template <typename T>
using In = Eigen::Map<const Matrix<T>, Eigen::Unaligned, Eigen::OuterStride<>>;
template <typename T>
using Out = Eigen::Map<Matrix<T>, Eigen::Unaligned, Eigen::OuterStride<>>;
} // namespace

template <typename T>
void ra::reference::productTransposed(const T *a, int64_t lda, const T *b,
                                      int64_t ldb, T *c, int64_t ldc, int64_t m,
                                      int64_t n, int64_t k) {
  Out<T>(c, m, n, Eigen::OuterStride<>(ldc)).noalias() =
      In<T>(a, m, k, Eigen::OuterStride<>(lda)) *
      In<T>(b, n, k, Eigen::OuterStride<>(ldb)).transpose();
}

template <typename T>
void ra::reference::product(const T *a, int64_t lda, const T *b, int64_t ldb,
                            T *c, int64_t ldc, int64_t m, int64_t n,
                            int64_t k) {
  Out<T>(c, m, n, Eigen::OuterStride<>(ldc)).noalias() =
      In<T>(a, m, k, Eigen::OuterStride<>(lda)) *
      In<T>(b, k, n, Eigen::OuterStride<>(ldb));
}

#define INSTANTIATE(T)                                                         \
  template void ra::reference::productTransposed<T>(                           \
      const T *, int64_t, const T *, int64_t, T *, int64_t, int64_t, int64_t,  \
      int64_t);                                                                \
  template void ra::reference::product<T>(const T *, int64_t, const T *,       \
                                          int64_t, T *, int64_t, int64_t,      \
                                          int64_t, int64_t);
INSTANTIATE(double)
INSTANTIATE(float)
#undef INSTANTIATE
