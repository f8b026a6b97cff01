//===- SafetensorsHeader.h - The JSON of safetensors ------------*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RA_RUNTIME_LIB_SAFETENSORSHEADER_H
#define RA_RUNTIME_LIB_SAFETENSORSHEADER_H

#include "ra/Runtime/Safetensors.h"

#include <string>
#include <string_view>
#include <vector>

namespace ra::runtime {

/// Reads a header. Every tensor has a known type, a shape whose size does not
/// overflow, and end - begin equal to that size; where the tensors lie relative
/// to each other is for the caller to check.
Status parseSafetensorsHeader(std::string_view text,
                              std::vector<TensorEntry> &tensors,
                              Metadata &metadata);

/// Writes a header for `tensors`, whose places are filled in, without padding.
/// Fails on names and metadata that no reader would take.
Expected<std::string> makeSafetensorsHeader(std::vector<TensorEntry> &tensors,
                                            const Metadata &metadata);

} // namespace ra::runtime

#endif // RA_RUNTIME_LIB_SAFETENSORSHEADER_H
