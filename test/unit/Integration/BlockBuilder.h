//===- BlockBuilder.h - Attention blocks as text, for tests -----*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RA_TEST_UNIT_INTEGRATION_BLOCKBUILDER_H
#define RA_TEST_UNIT_INTEGRATION_BLOCKBUILDER_H

#include "ra/Runtime/Tensor.h"

#include <cstdint>
#include <string>
#include <vector>

namespace ra::test {

/// One attention block: projections, rotary embedding, reciprocal attention,
/// merged heads, and, if asked for, the output projection.
struct BlockConfig {
  int64_t batch = 1, length = 16, channels = 32;
  int64_t heads = 2, kvHeads = 2, headDim = 16;
  std::string type = "f32";
  /// Empty recDims: `rank` of the op, one number or one per head.
  std::vector<int64_t> rank = {4}, recDims;
  std::string mask = "none", rope; ///< rope: "", "half", "interleaved"
  std::string split = "symmetric", gqa = "mean";
  double softcap = 0; ///< 0: none
  bool packed = false, bias = false, dynamic = false, transposes = true;
  bool projection = false, sharedGates = false, outputProjection = false;
  bool reciprocal = true; ///< false: ra.attention on the same block

  /// The module, one public function @block.
  std::string text() const;
  /// One line for messages.
  std::string summary() const;
};

/// Inputs of @block in argument order: x, weights (and biases), gates, P,
/// rotary tables, output weight. Values depend on `seed` only. Gates are
/// `wStd`, `wRec` for all heads when positive, else random in (0.05, 1).
std::vector<runtime::Tensor> makeInputs(const BlockConfig &config,
                                        uint64_t seed, double wStd = -1,
                                        double wRec = -1);

} // namespace ra::test

#endif // RA_TEST_UNIT_INTEGRATION_BLOCKBUILDER_H
