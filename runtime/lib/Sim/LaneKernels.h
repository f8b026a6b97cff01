//===- LaneKernels.h - Inner loops in the host's best instructions -*- C++
//-*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RA_RUNTIME_LIB_SIM_LANEKERNELS_H
#define RA_RUNTIME_LIB_SIM_LANEKERNELS_H

#include <cstdint>

namespace ra::runtime::sim {

/// Functions that have a version for AVX2, FMA and F16C beside the portable
/// one. Both give the same bits.
struct LaneKernels {
  /// d[i] = a[i] * b[i] + c[i], rounded once, 32 lanes; NaN is canonical.
  void (*fma32)(float *d, const float *a, const float *b, const float *c);
  /// d[i] = f16 a[i] as f32, exactly.
  void (*f16ToF32)(float *d, const uint16_t *a, unsigned count);
  /// d[i] = the f16 nearest to a[i], ties to even; NaN is canonical.
  void (*f32ToF16)(uint16_t *d, const float *a, unsigned count);
  /// d[16][8] += a[16][k] * b[k][8]: k ascends, one rounding per step.
  void (*mma16x8)(float *d, const float *a, const float *b, unsigned k);
};

/// What this machine runs.
const LaneKernels &laneKernels();
/// The portable ones, for tests.
const LaneKernels &portableLaneKernels();

} // namespace ra::runtime::sim

#endif // RA_RUNTIME_LIB_SIM_LANEKERNELS_H
