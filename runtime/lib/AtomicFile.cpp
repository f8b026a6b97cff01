//===- AtomicFile.cpp - Files that appear whole or not at all -------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ra/Runtime/AtomicFile.h"

#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>

using namespace ra::runtime;

namespace {

Failure because(const std::string &path, const std::string &what, int code) {
  return fail(path + ": " + what + ": " +
              std::generic_category().message(code));
}

std::string folderOf(const std::string &path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos)
    return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

/// Opens a file that does not exist yet beside `path` and says its name. The
/// mode is what the process's mask makes of 0666, as for any new file.
int openBeside(const std::string &path, std::string &name) {
  for (unsigned attempt = 0; attempt < 1000; ++attempt) {
    name = path + ".tmp-" + std::to_string(::getpid()) + "-" +
           std::to_string(attempt);
    const int descriptor =
        ::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (descriptor >= 0 || errno != EEXIST)
      return descriptor;
  }
  return -1;
}

/// Gives a nameless file a name beside `path`.
int nameBeside(int descriptor, const std::string &path, std::string &name) {
  const std::string self = "/proc/self/fd/" + std::to_string(descriptor);
  for (unsigned attempt = 0; attempt < 1000; ++attempt) {
    name = path + ".tmp-" + std::to_string(::getpid()) + "-" +
           std::to_string(attempt);
    if (::linkat(AT_FDCWD, self.c_str(), AT_FDCWD, name.c_str(),
                 AT_SYMLINK_FOLLOW) == 0)
      return 0;
    if (errno != EEXIST)
      return -1;
  }
  return -1;
}

} // namespace

Expected<AtomicFile> AtomicFile::create(const std::string &path,
                                        bool nameless) {
  if (path.empty() || path.back() == '/')
    return fail("'" + path + "' names no file to write");
  struct stat info;
  const bool replaces = ::stat(path.c_str(), &info) == 0;
  if (replaces && !S_ISREG(info.st_mode))
    return fail(path + ": exists and is not a regular file; name another");
  // A file without a name vanishes even when the process is killed. Not every
  // file system has them, and naming one takes /proc.
  std::string temporary;
  int descriptor = -1;
#ifdef O_TMPFILE
  if (nameless && ::access("/proc/self/fd", X_OK) == 0)
    descriptor =
        ::open(folderOf(path).c_str(), O_WRONLY | O_TMPFILE | O_CLOEXEC, 0666);
#endif
  if (descriptor < 0)
    descriptor = openBeside(path, temporary);
  if (descriptor < 0)
    return because(path, "cannot write in folder '" + folderOf(path) + "'",
                   errno);
  AtomicFile file(descriptor, path, std::move(temporary));
  if (replaces && ::fchmod(descriptor, info.st_mode & 0777) != 0)
    return because(path, "cannot set the mode", errno);
  return file;
}

AtomicFile::AtomicFile(AtomicFile &&other) noexcept
    : descriptor(std::exchange(other.descriptor, -1)), written(other.written),
      finalPath(std::move(other.finalPath)),
      temporaryPath(std::move(other.temporaryPath)) {}

AtomicFile &AtomicFile::operator=(AtomicFile &&other) noexcept {
  if (this != &other) {
    abandon();
    descriptor = std::exchange(other.descriptor, -1);
    written = other.written;
    finalPath = std::move(other.finalPath);
    temporaryPath = std::move(other.temporaryPath);
  }
  return *this;
}

AtomicFile::~AtomicFile() { abandon(); }

void AtomicFile::abandon() {
  if (descriptor < 0)
    return;
  ::close(std::exchange(descriptor, -1));
  if (!temporaryPath.empty())
    ::unlink(temporaryPath.c_str());
}

Status AtomicFile::write(const void *data, size_t size) {
  if (descriptor < 0)
    return fail(finalPath + ": written to after it was committed");
  const char *from = static_cast<const char *>(data);
  while (size != 0) {
    const ssize_t done = ::write(descriptor, from, size);
    if (done < 0) {
      if (errno == EINTR)
        continue;
      return because(finalPath, "cannot write", errno);
    }
    from += done;
    size -= static_cast<size_t>(done);
    written += static_cast<uint64_t>(done);
  }
  return Status::success();
}

Status AtomicFile::commit(bool sync) {
  if (descriptor < 0)
    return fail(finalPath + ": committed twice");
  if (sync && ::fsync(descriptor) != 0) {
    const int code = errno;
    abandon();
    return because(finalPath, "cannot write to disk", code);
  }
  if (temporaryPath.empty() &&
      nameBeside(descriptor, finalPath, temporaryPath) != 0) {
    const int code = errno;
    temporaryPath.clear();
    abandon();
    return because(finalPath, "cannot name the finished file", code);
  }
  if (::rename(temporaryPath.c_str(), finalPath.c_str()) != 0) {
    const int code = errno;
    abandon();
    return because(finalPath, "cannot rename the finished file", code);
  }
  // Renamed: nothing is left to unlink. Delayed write errors (NFS) come here.
  if (::close(std::exchange(descriptor, -1)) != 0)
    return because(finalPath, "cannot close", errno);
  if (sync) {
    const int folder =
        ::open(folderOf(finalPath).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder >= 0) {
      ::fsync(folder);
      ::close(folder);
    }
  }
  return Status::success();
}
