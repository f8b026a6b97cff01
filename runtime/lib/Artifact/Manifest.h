//===- Manifest.h - The bytes that describe an artifact ---------*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The container around a manifest, see docs/artifacts.md:
//
//   header          32 bytes
//   section table   32 bytes for each section
//   sections        each at the next multiple of 64, zeros in between
//
//===----------------------------------------------------------------------===//

#ifndef RA_RUNTIME_LIB_ARTIFACT_MANIFEST_H
#define RA_RUNTIME_LIB_ARTIFACT_MANIFEST_H

#include "ra/Runtime/Artifact.h"

#include <string>
#include <vector>

namespace ra::runtime {

/// A 0x89 so that it is no text, and line ends that a transfer as text breaks.
inline constexpr char kArtifactMagic[8] = {'\x89', 'R',  'A',    'F',
                                           '\r',   '\n', '\x1a', '\n'};
inline constexpr size_t kHeaderBytes = 32, kSectionBytes = 32;
inline constexpr size_t kSectionAlignment = 64;

enum class SectionKind : uint32_t { Manifest, Image, Constant };

struct Section {
  SectionKind kind = SectionKind::Manifest;
  /// Of the image or constant.
  uint32_t index = 0;
  uint64_t offset = 0, size = 0;
  uint32_t crc = 0;
};

/// Types of the constants, which are not in their sections.
using ConstantTypes = std::vector<ArtifactTensor>;

/// The manifest of `artifact`, without the bytes of images and constants.
std::string writeManifest(const Artifact &artifact);

/// Fills `artifact` but for the bytes of images and the constants. Fails on
/// anything malformed; what the numbers mean, validateArtifact() checks.
Status readManifest(const char *data, size_t size, Artifact &artifact,
                    ConstantTypes &constants);

} // namespace ra::runtime

#endif // RA_RUNTIME_LIB_ARTIFACT_MANIFEST_H
