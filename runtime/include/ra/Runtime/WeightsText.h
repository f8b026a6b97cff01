//===- WeightsText.h - Lists and gates as a person writes them --*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The grammars of ra-weights' options:
//
//   indices := range { ',' range }        range := N | N '-' N
//   gates   := number { ',' number } | '@' FILE
//
//   0-3,7            layers, or dims: 0, 1, 2, 3, 7
//   0.9              one gate for every layer and head
//   0.9,0.8,1,1      one gate per query head, for every layer
//   @gates.npy       [] or [H] for every layer; [L, 1] or [L, H] by layer
//   @gates.txt       numbers apart by commas or spaces; one line for every
//                    layer, or one line per layer
//
//===----------------------------------------------------------------------===//

#ifndef RA_RUNTIME_WEIGHTSTEXT_H
#define RA_RUNTIME_WEIGHTSTEXT_H

#include "ra/Runtime/Repack.h"
#include "ra/Runtime/Status.h"

#include <cstdint>
#include <string_view>
#include <vector>

namespace ra::runtime {

/// Indices, sorted. Fails on text of another form, a range that runs backwards,
/// an index twice and one above 2^20.
Expected<std::vector<int64_t>> parseIndices(std::string_view text);

/// Whole numbers >= 0, apart by commas, in their order.
Expected<std::vector<int64_t>> parseWholeNumbers(std::string_view text);

/// Gates; numbers are decimal and finite. A table has at least one row, no row
/// is empty.
Expected<GateTable> parseGates(std::string_view text);

/// The text form of a file of gates.
Expected<GateTable> parseGateLines(std::string_view text);

} // namespace ra::runtime

#endif // RA_RUNTIME_WEIGHTSTEXT_H
