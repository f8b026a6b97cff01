//===- MappedFile.h - Read-only mapped files --------------------*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RA_RUNTIME_MAPPEDFILE_H
#define RA_RUNTIME_MAPPEDFILE_H

#include "ra/Runtime/Status.h"

#include <cstddef>
#include <memory>
#include <string>

namespace ra::runtime {

/// The bytes of a file, read-only. The mapping lives as long as a shared
/// pointer to it. A file that another process shortens meanwhile faults on
/// access, as every mapped file does: files are replaced by renaming (see
/// AtomicFile.h), never rewritten in place.
class MappedFile {
public:
  /// Maps the regular file `path`; an empty file maps to size() 0. Fails, with
  /// the path and the system's reason, when it cannot be opened, is not a
  /// regular file, or cannot be mapped.
  static Expected<std::shared_ptr<const MappedFile>>
  open(const std::string &path);

  ~MappedFile();
  MappedFile(const MappedFile &) = delete;
  MappedFile &operator=(const MappedFile &) = delete;

  /// The first byte, aligned to a page; null when size() is 0.
  const char *data() const { return static_cast<const char *>(base); }
  /// Bytes.
  size_t size() const { return length; }

  /// Says that [from, from + size) of this mapping will not be read again soon;
  /// whole pages of it leave this process's memory and come back from the file
  /// when they are read.
  void release(const char *from, size_t size) const;

private:
  MappedFile(void *base, size_t length) : base(base), length(length) {}

  void *base;
  size_t length;
};

} // namespace ra::runtime

#endif // RA_RUNTIME_MAPPEDFILE_H
