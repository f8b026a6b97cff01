//===- SharedObject.cpp - Code from bytes in memory -----------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "SharedObject.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <sys/syscall.h>
#include <unistd.h>

using namespace ra::runtime;

/// A file without a name. By system call: C libraries before 2.27 do not know
/// memfd_create. Kernels or sandboxes without it get a temporary file, removed
/// as soon as it is open.
static int createFile() {
#ifdef SYS_memfd_create
  constexpr unsigned closeOnExec = 1;
  long descriptor = syscall(SYS_memfd_create, "ra-artifact", closeOnExec);
  if (descriptor >= 0)
    return static_cast<int>(descriptor);
#endif
  const char *folder = std::getenv("TMPDIR");
  std::string path = folder && *folder ? folder : "/tmp";
  path += "/ra-artifact-XXXXXX";
  int temporary = mkstemp(path.data());
  if (temporary >= 0)
    unlink(path.c_str());
  return temporary;
}

Expected<SharedObject> SharedObject::load(const char *data, size_t size,
                                          const std::string &name) {
  int file = createFile();
  if (file < 0)
    return fail(name +
                ": no temporary file for its code: " + std::strerror(errno));
  for (size_t written = 0; written < size;) {
    ssize_t count = write(file, data + written, size - written);
    if (count < 0 && errno == EINTR)
      continue;
    if (count <= 0) {
      std::string why = std::strerror(errno);
      close(file);
      return fail(name + ": its code cannot be written: " + why);
    }
    written += static_cast<size_t>(count);
  }
  void *handle = dlopen(("/proc/self/fd/" + std::to_string(file)).c_str(),
                        RTLD_NOW | RTLD_LOCAL);
  if (!handle) {
    const char *why = dlerror();
    close(file);
    return fail(name + ": its code cannot be loaded: " + (why ? why : ""));
  }
  // The loader knows objects by their names. Another one must not get this
  // name, so the file stays open as long as the object is there.
  return SharedObject(std::shared_ptr<void>(handle, [file](void *object) {
    dlclose(object);
    close(file);
  }));
}

void *SharedObject::find(const std::string &symbol) const {
  return dlsym(handle.get(), symbol.c_str());
}
