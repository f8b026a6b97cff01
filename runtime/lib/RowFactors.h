//===- RowFactors.h - What a fold multiplied each row by --------*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RA_RUNTIME_LIB_ROWFACTORS_H
#define RA_RUNTIME_LIB_ROWFACTORS_H

#include "ra/Runtime/FoldWeights.h"

#include <cstdint>
#include <vector>

namespace ra::runtime {

/// Where a row of a folded projection comes from, and its factor.
struct FoldedRow {
  /// Head and dim of the original row: of q for standard rows of Qf and low
  /// rows of Kf, of k for the others. -1: no single row (the mean of a group),
  /// or none (the zeros of other heads' slots).
  int64_t head = -1, dim = -1;
  /// The row changed sides.
  bool low = false;
  double factor = 0.0;
};

/// Every row of Qf [H * Df] and of Kf [Hkv * Df], by the formulas of
/// foldWeights(), after the basis. With P `dim` is that of the column of P,
/// counted from D - R.
struct FoldedRows {
  std::vector<FoldedRow> q, k;
};
FoldedRows foldedRows(const FoldSpec &spec);

} // namespace ra::runtime

#endif // RA_RUNTIME_LIB_ROWFACTORS_H
