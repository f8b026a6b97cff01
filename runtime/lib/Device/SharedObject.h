//===- SharedObject.h - Code from bytes in memory ---------------*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RA_RUNTIME_LIB_DEVICE_SHAREDOBJECT_H
#define RA_RUNTIME_LIB_DEVICE_SHAREDOBJECT_H

#include "ra/Runtime/Status.h"

#include <cstddef>
#include <memory>
#include <string>

namespace ra::runtime {

/// A shared object in this process, until the last copy goes.
class SharedObject {
public:
  /// Lets the system's loader take `size` bytes. `name` stands for the file in
  /// messages, which have the loader's own words.
  static Expected<SharedObject> load(const char *data, size_t size,
                                     const std::string &name);

  /// The address of a symbol, or null.
  void *find(const std::string &symbol) const;

private:
  explicit SharedObject(std::shared_ptr<void> handle)
      : handle(std::move(handle)) {}

  std::shared_ptr<void> handle;
};

} // namespace ra::runtime

#endif // RA_RUNTIME_LIB_DEVICE_SHAREDOBJECT_H
