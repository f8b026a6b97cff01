//===- RowFactors.cpp - What a fold multiplied each row by ----------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "RowFactors.h"

#include <algorithm>
#include <cmath>

using namespace ra::runtime;

FoldedRows ra::runtime::foldedRows(const FoldSpec &spec) {
  const int64_t group = spec.numHeads / spec.numKvHeads;
  const int64_t dims = spec.headDim, folded = foldedHeadDim(spec);
  const bool slots = folded != dims;
  auto gate = [](const std::vector<double> &gates, int64_t head) {
    return gates.size() == 1 ? gates[0] : gates[static_cast<size_t>(head)];
  };
  const bool symmetric = spec.gateSplit == GateSplit::Symmetric;
  FoldedRows rows;
  rows.q.resize(static_cast<size_t>(spec.numHeads * folded));
  rows.k.resize(static_cast<size_t>(spec.numKvHeads * folded));
  for (int64_t head = 0; head < spec.numHeads; ++head) {
    const int64_t kvHead = head / group, place = head % group;
    const std::vector<int64_t> &low = spec.recDims[static_cast<size_t>(head)];
    const auto rank = static_cast<int64_t>(low.size());
    const double wStd = gate(spec.wStd, head);
    const double wRec = rank == 0 ? 0.0 : gate(spec.wRec, head);
    const double qStd = symmetric ? std::sqrt(wStd) : wStd;
    const double kStd = symmetric ? std::sqrt(wStd) : 1.0;
    const double qRec = symmetric ? std::sqrt(wRec) : wRec;
    const double kRec = symmetric ? std::sqrt(wRec) : 1.0;
    FoldedRow *q = rows.q.data() + head * folded;
    FoldedRow *k = rows.k.data() + kvHead * folded;
    int64_t kept = 0, given = 0;
    for (int64_t dim = 0; dim < dims; ++dim) {
      if (!std::binary_search(low.begin(), low.end(), dim)) {
        const int64_t at = slots ? kept : dim;
        q[at] = {head, dim, false, qStd};
        k[at] = {kvHead, dim, false, kStd};
        ++kept;
        continue;
      }
      const int64_t at = slots ? dims - rank + place * rank + given : dim;
      q[at] = {kvHead, dim, true, qRec};
      const bool mean = !slots && group > 1;
      k[at] = {mean ? -1 : head, mean ? -1 : dim, true, kRec};
      ++given;
    }
    // The other heads' slots hold zeros, which any factor leaves alone.
    if (slots)
      for (int64_t slot = 0; slot < group; ++slot)
        for (int64_t r = 0; r < rank && slot != place; ++r)
          q[dims - rank + slot * rank + r] = {-1, -1, true, qRec};
  }
  return rows;
}
