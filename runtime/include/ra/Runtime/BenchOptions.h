//===- BenchOptions.h - Options that measuring tools share ------*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RA_RUNTIME_BENCHOPTIONS_H
#define RA_RUNTIME_BENCHOPTIONS_H

#include "ra/Runtime/Status.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ra::runtime {

/// "0.5", "0.5s", "500ms" or "20us" in seconds; not negative. A failure's
/// message says what is wrong with the text, without naming the option.
Expected<double> parseDuration(std::string_view text);

/// "5%" or "5" as the fraction 0.05; not negative.
Expected<double> parsePercentage(std::string_view text);

/// A dim of an entry: axis `axis` of argument `argument`, or by name: "T" for
/// the lengths of the attention in it, "B" for its batch.
struct DimPlace {
  /// "T", "B" or empty.
  std::string name;
  unsigned argument = 0, axis = 0;
};

/// Dims that have one extent, and the extents to give them.
struct DimAxis {
  /// The dims as they were written: "T", "0.1", "0.1+2.0".
  std::string label;
  std::vector<DimPlace> places;
  std::vector<int64_t> extents;
};

/// Parses what stands behind `--axis=` and `--dim=`:
///
///   axis    := place { '+' place } '=' extent { ',' extent }
///   place   := 'T' | 'B' | ARGUMENT '.' AXIS
///
///   T=512,1024,2048      the lengths of queries and keys
///   0.1=512,1024         axis 1 of argument 0
///   0.1+2.0=512,1024     two dims that are equal
///
/// Extents are positive and differ.
Expected<DimAxis> parseDimAxis(std::string_view text);

} // namespace ra::runtime

#endif // RA_RUNTIME_BENCHOPTIONS_H
