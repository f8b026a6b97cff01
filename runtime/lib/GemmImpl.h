//===- GemmImpl.h - Dense products from Eigen -------------------*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Included once for each set of instructions, with RA_GEMM_NAMESPACE naming the
// set and, for all but the baseline, `Eigen` renamed by a macro: the templates
// of one set are then other functions than those of another, and the linker
// cannot take one for the other.
//
//===----------------------------------------------------------------------===//

// Who calls these splits work over threads of its own.
#define EIGEN_DONT_PARALLELIZE
#include <Eigen/Core>

#include <cstdint>

namespace ra::runtime::RA_GEMM_NAMESPACE {

template <typename T>
using Matrix =
    Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
template <typename T>
using In = Eigen::Map<const Matrix<T>, Eigen::Unaligned, Eigen::OuterStride<>>;
template <typename T>
using Out = Eigen::Map<Matrix<T>, Eigen::Unaligned, Eigen::OuterStride<>>;

template <typename T>
void productTransposed(const T *a, int64_t lda, const T *b, int64_t ldb, T *c,
                       int64_t ldc, int64_t m, int64_t n, int64_t k) {
  Out<T>(c, m, n, Eigen::OuterStride<>(ldc)).noalias() =
      In<T>(a, m, k, Eigen::OuterStride<>(lda)) *
      In<T>(b, n, k, Eigen::OuterStride<>(ldb)).transpose();
}

template <typename T>
void product(const T *a, int64_t lda, const T *b, int64_t ldb, T *c,
             int64_t ldc, int64_t m, int64_t n, int64_t k) {
  Out<T>(c, m, n, Eigen::OuterStride<>(ldc)).noalias() =
      In<T>(a, m, k, Eigen::OuterStride<>(lda)) *
      In<T>(b, k, n, Eigen::OuterStride<>(ldb));
}

#define RA_INSTANTIATE(T)                                                      \
  template void productTransposed<T>(const T *, int64_t, const T *, int64_t,   \
                                     T *, int64_t, int64_t, int64_t, int64_t); \
  template void product<T>(const T *, int64_t, const T *, int64_t, T *,        \
                           int64_t, int64_t, int64_t, int64_t);
RA_INSTANTIATE(double)
RA_INSTANTIATE(float)
#undef RA_INSTANTIATE

} // namespace ra::runtime::RA_GEMM_NAMESPACE
