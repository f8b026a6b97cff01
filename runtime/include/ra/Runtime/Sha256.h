//===- Sha256.h - SHA-256 of bytes and files --------------------*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RA_RUNTIME_SHA256_H
#define RA_RUNTIME_SHA256_H

#include "ra/Runtime/Status.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

namespace ra::runtime {

/// SHA-256 (FIPS 180-4), fed piece by piece; with the processor's instructions
/// for it where there are any.
class Sha256 {
public:
  /// With `portable` the instructions are left alone.
  explicit Sha256(bool portable = false) : portable(portable) {}

  /// Feeds `size` bytes.
  void update(const void *data, size_t size);

  /// The digest as 64 lower-case hexadecimal digits. Nothing may be fed
  /// afterwards.
  std::string finish();

private:
  std::array<uint32_t, 8> state = {0x6a09e667, 0xbb67ae85, 0x3c6ef372,
                                   0xa54ff53a, 0x510e527f, 0x9b05688c,
                                   0x1f83d9ab, 0x5be0cd19};
  std::array<unsigned char, 64> pending = {};
  size_t pendingSize = 0;
  uint64_t total = 0;
  bool portable;
};

/// The digest of the file `path`, read from its start to its end.
Expected<std::string> sha256OfFile(const std::string &path);

} // namespace ra::runtime

#endif // RA_RUNTIME_SHA256_H
