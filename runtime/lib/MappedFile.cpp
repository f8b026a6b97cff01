//===- MappedFile.cpp - Read-only mapped files ----------------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ra/Runtime/MappedFile.h"

#include <cerrno>
#include <cstdint>
#include <fcntl.h>
#include <limits>
#include <sys/mman.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

using namespace ra::runtime;

Expected<std::shared_ptr<const MappedFile>>
MappedFile::open(const std::string &path) {
  auto because = [&](const std::string &what, int code) {
    return fail(path + ": " + what + ": " +
                std::generic_category().message(code));
  };

  // O_NONBLOCK: a named pipe must be refused, not waited for.
  const int descriptor =
      ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0)
    return because("cannot open", errno);
  struct stat info;
  if (::fstat(descriptor, &info) != 0) {
    const int code = errno;
    ::close(descriptor);
    return because("cannot read the size", code);
  }
  if (!S_ISREG(info.st_mode)) {
    ::close(descriptor);
    return fail(path + ": not a regular file");
  }
  if (static_cast<uint64_t>(info.st_size) >
      std::numeric_limits<size_t>::max()) {
    ::close(descriptor);
    return fail(path + ": too large to map");
  }
  const auto length = static_cast<size_t>(info.st_size);
  void *base = nullptr;
  if (length != 0) {
    base = ::mmap(nullptr, length, PROT_READ, MAP_PRIVATE, descriptor, 0);
    if (base == MAP_FAILED) {
      const int code = errno;
      ::close(descriptor);
      return because("cannot map", code);
    }
  }
  ::close(descriptor);
  return std::shared_ptr<const MappedFile>(new MappedFile(base, length));
}

void MappedFile::release(const char *from, size_t size) const {
  // Whole pages inside the range only: a neighbour may be in use.
  const auto page = static_cast<uintptr_t>(::sysconf(_SC_PAGESIZE));
  const auto start = reinterpret_cast<uintptr_t>(from);
  const uintptr_t first = (start + page - 1) / page * page;
  const uintptr_t last = (start + size) / page * page;
  const auto begin = reinterpret_cast<uintptr_t>(base);
  if (first < last && first >= begin && last <= begin + length)
    ::madvise(static_cast<char *>(base) + (first - begin), last - first,
              MADV_DONTNEED);
}

MappedFile::~MappedFile() {
  if (length != 0)
    ::munmap(base, length);
}
