//===- AtomicFile.h - Files that appear whole or not at all -----*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RA_RUNTIME_ATOMICFILE_H
#define RA_RUNTIME_ATOMICFILE_H

#include "ra/Runtime/Status.h"

#include <cstddef>
#include <cstdint>
#include <string>

namespace ra::runtime {

/// Writes a file beside its final name, without a name where the file system
/// can do that and under a temporary one elsewhere, and renames it on commit().
/// An AtomicFile that dies without a commit leaves nothing; the final name is
/// never seen half-written.
class AtomicFile {
public:
  /// Starts writing what will become `path`. Fails when the folder does not
  /// exist or cannot be written, or when `path` is not a regular file.
  /// Without `nameless` the file has a temporary name from the start, as it has
  /// anyway where the system knows no nameless files.
  static Expected<AtomicFile> create(const std::string &path,
                                     bool nameless = true);

  AtomicFile(AtomicFile &&other) noexcept;
  AtomicFile &operator=(AtomicFile &&other) noexcept;
  AtomicFile(const AtomicFile &) = delete;
  AtomicFile &operator=(const AtomicFile &) = delete;
  ~AtomicFile();

  /// Appends `size` bytes. Fails on any short write (disk full, quota).
  Status write(const void *data, size_t size);

  /// Bytes written so far.
  uint64_t size() const { return written; }

  /// Closes the file and gives it its final name, replacing what was there.
  /// With `sync`, the bytes reach the disk before the name does. Nothing may
  /// be written afterwards.
  Status commit(bool sync = false);

private:
  AtomicFile(int descriptor, std::string finalPath, std::string temporaryPath)
      : descriptor(descriptor), finalPath(std::move(finalPath)),
        temporaryPath(std::move(temporaryPath)) {}
  void abandon();

  int descriptor = -1;
  uint64_t written = 0;
  std::string finalPath;
  std::string temporaryPath;
};

} // namespace ra::runtime

#endif // RA_RUNTIME_ATOMICFILE_H
