//===- WeightsModule.h - A converted layer as modules -----------*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RA_TOOLS_WEIGHTSMODULE_H
#define RA_TOOLS_WEIGHTSMODULE_H

#include "ra/Runtime/Recipe.h"
#include "ra/Runtime/Tensor.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace ra::tools {

/// One attention of a converted checkpoint as two functions @layer of the same
/// arguments and result:
///
///   original   projections by the original rows, rotary embedding, and
///              ra.reciprocal_attention as the recipe says
///   folded     projections by the folded tensors of the file, rotary
///   embedding,
///              and ra.attention
///
/// What compiles from `folded` must agree with what the reference makes of
/// `original`: that is the claim of a conversion.
///
/// Arguments: x [B, T, C] of the folded weights' type, B and T dynamic; the
/// parameters, of the same type, gates of f32; cos and sin [T, rot/2] of f32
/// under a rotary embedding. The result is [B, T,
/// H * Dv], heads merged, before the output projection.
struct WeightsModule {
  /// Empty when the file keeps no original rows.
  std::string original;
  std::string folded;
  /// One for each argument, of the type it has in the file, which the reference
  /// takes as it is and a kernel does not; nothing for x and the tables.
  std::vector<std::optional<runtime::Tensor>> parameters;
  /// Base of the tables.
  double ropeBase = 10000.0;
  int64_t layer = 0;
};

/// Reads layer `layer` (default: the first that is converted) of `path`. The
/// message of a failure is complete.
runtime::Expected<WeightsModule>
readWeightsModule(const std::string &path, std::optional<int64_t> layer);

} // namespace ra::tools

#endif // RA_TOOLS_WEIGHTSMODULE_H
