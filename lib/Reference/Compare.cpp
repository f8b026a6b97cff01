//===- Compare.cpp - How far a result is from the reference ---------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ra/Reference/Compare.h"

#include <cmath>
#include <cstdio>
#include <limits>
#include <vector>

using namespace ra;
using namespace ra::reference;

runtime::Expected<Comparison>
reference::compareTensors(const runtime::Tensor &got,
                          const runtime::Tensor &reference) {
  if (got.shape() != reference.shape())
    return runtime::fail(
        "the result is " +
        runtime::shapeString(got.shape(), got.elementType()) +
        " but its reference " +
        runtime::shapeString(reference.shape(), reference.elementType()) +
        "; only tensors of one shape compare");

  constexpr int64_t kChunk = 4096;
  std::vector<double> left(kChunk), right(kChunk);
  Comparison comparison;
  comparison.count = got.numElements();
  double sum = 0;
  int64_t compared = 0;
  auto markAt = [&](int64_t index, double a, double b) {
    comparison.maxIndex = index;
    comparison.gotAtMax = a;
    comparison.referenceAtMax = b;
  };
  for (int64_t begin = 0; begin < comparison.count; begin += kChunk) {
    int64_t number = std::min(kChunk, comparison.count - begin);
    got.readDoubles(begin, number, left.data());
    reference.readDoubles(begin, number, right.data());
    for (int64_t i = 0; i < number; ++i) {
      double a = left[i], b = right[i];
      if (std::isnan(a) || std::isnan(b)) {
        if (!comparison.hasNaN())
          markAt(begin + i, a, b);
        comparison.gotNaNs += std::isnan(a);
        comparison.referenceNaNs += std::isnan(b);
        continue;
      }
      // Equal infinities have no difference, though a - b has no value.
      double error = a == b ? 0.0 : std::fabs(a - b);
      ++compared;
      sum += error;
      bool first = comparison.maxIndex < 0;
      if (error > comparison.maxError)
        comparison.maxError = error;
      else if (!first)
        continue;
      if (!comparison.hasNaN())
        markAt(begin + i, a, b);
    }
  }
  if (compared)
    comparison.meanError = sum / static_cast<double>(compared);
  return comparison;
}

Verdict reference::judge(const Comparison &result,
                         const Comparison &yardstick) {
  Verdict verdict;
  verdict.tolerance = 2 * yardstick.maxError + 1e-5;
  auto number = [](double value) {
    char text[32];
    std::snprintf(text, sizeof(text), "%.3g", value);
    return std::string(text);
  };
  if (result.referenceNaNs)
    verdict.reason = "the reference has " +
                     std::to_string(result.referenceNaNs) + " NaN elements";
  else if (result.gotNaNs)
    verdict.reason =
        "the result has " + std::to_string(result.gotNaNs) + " NaN elements";
  else if (yardstick.hasNaN() || !std::isfinite(yardstick.maxError))
    verdict.reason = "the yardstick itself is not finite: a value overflows "
                     "the storage type, so there is nothing to measure with; "
                     "use smaller inputs or a wider type";
  else if (!(result.maxError <= verdict.tolerance))
    verdict.reason = "the maximum error " + number(result.maxError) +
                     " is above the tolerance " + number(verdict.tolerance);
  verdict.pass = verdict.reason.empty();
  return verdict;
}

std::string reference::indexString(const runtime::Shape &shape, int64_t index) {
  std::string text = "]";
  for (size_t i = shape.size(); i-- > 0;) {
    int64_t extent = shape[i] > 0 ? shape[i] : 1;
    text = std::to_string(index % extent) + text;
    index /= extent;
    if (i > 0)
      text = ", " + text;
  }
  return "[" + text;
}
