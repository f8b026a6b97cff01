//===- Compare.h - How far a result is from the reference -------*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RA_REFERENCE_COMPARE_H
#define RA_REFERENCE_COMPARE_H

#include "ra/Runtime/Status.h"
#include "ra/Runtime/Tensor.h"

#include <cstdint>
#include <string>

namespace ra::reference {

/// Absolute errors of one tensor against its reference.
struct Comparison {
  /// Elements compared, NaN ones included.
  int64_t count = 0;
  /// max |got - reference| over the pairs without a NaN; 0 when there is none.
  /// Equal infinities differ by 0, an infinity and anything else by infinity.
  double maxError = 0;
  /// The mean of the same.
  double meanError = 0;
  /// The row-major position of the first maximum; of the first NaN if there is
  /// one; -1 when there are no elements.
  int64_t maxIndex = -1;
  /// The two elements there.
  double gotAtMax = 0, referenceAtMax = 0;
  /// NaN elements on either side.
  int64_t gotNaNs = 0, referenceNaNs = 0;

  bool hasNaN() const { return gotNaNs != 0 || referenceNaNs != 0; }
};

/// Compares element by element, in f64. Element types may differ; a difference
/// of the shapes is an error.
runtime::Expected<Comparison> compareTensors(const runtime::Tensor &got,
                                             const runtime::Tensor &reference);

/// The decision on one result.
struct Verdict {
  bool pass = false;
  /// The largest maxError that passes: 2 * yardstick + 1e-5.
  double tolerance = 0;
  /// Why it does not pass; empty when it does.
  std::string reason;
};

/// Passes iff `result` and `yardstick` (the same result of the interpreter
/// under Precision::Storage) have no NaN on either side, the yardstick's error
/// is finite, and the maximum error is at most twice that of the yardstick plus
/// 1e-5.
Verdict judge(const Comparison &result, const Comparison &yardstick);

/// "[1, 2, 3]": the position in `shape` of the row-major `index`.
std::string indexString(const runtime::Shape &shape, int64_t index);

} // namespace ra::reference

#endif // RA_REFERENCE_COMPARE_H
