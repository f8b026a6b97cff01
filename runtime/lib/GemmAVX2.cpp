//===- GemmAVX2.cpp - Dense products with AVX2 and FMA --------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Compiled with -mavx2 -mfma on x86-64; called where the processor has both.
//
//===----------------------------------------------------------------------===//

#define Eigen EigenAVX2
#define RA_GEMM_NAMESPACE avx2
#include "GemmImpl.h"
