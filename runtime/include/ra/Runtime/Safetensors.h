//===- Safetensors.h - safetensors files ------------------------*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Reading and writing .safetensors files: eight bytes of header length, a JSON
// header that names tensors with type, shape and place, then their bytes.
//
// The reader is strict. Its own scanner knows the one structure that a header
// may have, so depth is fixed and nothing recurses; duplicate names, unknown
// keys, broken UTF-8, numbers with signs or fractions, and everything after the
// header but padding are refused. The bytes of the tensors must cover the rest
// of the file without a gap or an overlap.
//
//===----------------------------------------------------------------------===//

#ifndef RA_RUNTIME_SAFETENSORS_H
#define RA_RUNTIME_SAFETENSORS_H

#include "ra/Runtime/AtomicFile.h"
#include "ra/Runtime/MappedFile.h"
#include "ra/Runtime/Status.h"
#include "ra/Runtime/Tensor.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace ra::runtime {

/// The name of `type` in headers: "F32", "BF16", "I64", "U8", "BOOL".
std::string_view safetensorsTypeName(ElementType type);

/// The `__metadata__` of a file.
using Metadata = std::map<std::string, std::string>;

/// Name, type, shape and place of one tensor.
struct TensorEntry {
  std::string name; ///< UTF-8
  ElementType type = ElementType::F32;
  Shape shape;
  /// First byte and one past the last, counted from the end of the header.
  uint64_t begin = 0, end = 0;
};

/// An open file. Copies share the mapping; tensors keep it alive.
class Safetensors {
public:
  /// The largest header that is read, in bytes.
  static constexpr uint64_t kMaxHeader = 100'000'000;

  /// Maps and checks the file `path`. All errors name the path, and the tensor
  /// where there is one.
  static Expected<Safetensors> open(const std::string &path);

  /// The same on bytes in memory, kept alive by `owner`; `name` stands for the
  /// path in messages.
  static Expected<Safetensors> parse(const char *data, size_t size,
                                     std::shared_ptr<const void> owner,
                                     const std::string &name);

  /// All tensors in the order of their bytes. (A header may name them in any
  /// order, as the reference reader allows.)
  const std::vector<TensorEntry> &entries() const { return tensors; }

  /// Empty when the file has none.
  const Metadata &metadata() const { return metadataMap; }

  bool contains(const std::string &name) const {
    return index.find(name) != index.end();
  }

  /// The entry of `name`; null when there is none.
  const TensorEntry *find(const std::string &name) const;

  /// The tensor `name`, on the mapped bytes, or copied where they are not
  /// aligned for the type. The error for an unknown name suggests the nearest
  /// ones.
  Expected<Tensor> get(const std::string &name) const;

  /// The bytes of a tensor as they are in the file.
  const char *bytesOf(const TensorEntry &entry) const {
    return base + entry.begin;
  }

  /// Says that [data, data + size) of this file will not be read again soon:
  /// its pages need not stay in memory. They can still be read. Nothing happens
  /// to bytes that are not a mapped file's.
  void release(const char *data, size_t size) const;

private:
  std::string fileName;
  std::shared_ptr<const void> owner;
  std::shared_ptr<const MappedFile> mapped; ///< Null for bytes in memory.
  const char *base = nullptr;
  std::vector<TensorEntry> tensors;
  std::unordered_map<std::string, size_t> index;
  Metadata metadataMap;
};

/// Writes a file tensor by tensor, whole or not at all, with one tensor in
/// memory at a time.
class SafetensorsWriter {
public:
  /// Starts `path` with a header for `layout` (places are computed, `begin` and
  /// `end` are ignored) and `metadata`, padded with spaces so that the data
  /// starts at a multiple of 8. The bytes follow in the order of `layout`.
  /// Fails on duplicate or broken names, the reserved name `__metadata__`,
  /// sizes that overflow, a header over the cap, and what AtomicFile::create()
  /// refuses.
  static Expected<SafetensorsWriter> create(const std::string &path,
                                            std::vector<TensorEntry> layout,
                                            const Metadata &metadata = {});

  /// Appends the next tensor of the layout; type and shape must be the ones
  /// announced.
  Status append(const Tensor &tensor);

  /// Appends raw bytes of the tensors to come.
  Status appendBytes(const void *data, size_t size);

  /// Finishes the file. Fails when bytes are missing.
  Status commit(bool sync = false);

private:
  SafetensorsWriter(AtomicFile file, std::string path,
                    std::vector<TensorEntry> layout, uint64_t dataStart)
      : file(std::move(file)), path(std::move(path)), layout(std::move(layout)),
        dataStart(dataStart) {}

  AtomicFile file;
  std::string path;
  std::vector<TensorEntry> layout;
  uint64_t dataStart;
  size_t next = 0;
};

/// A tensor with its name in a file.
struct NamedTensor {
  std::string name;
  Tensor tensor;
};

/// Writes all of `tensors` in their order; see SafetensorsWriter.
Status writeSafetensors(const std::string &path,
                        const std::vector<NamedTensor> &tensors,
                        const Metadata &metadata = {});

} // namespace ra::runtime

#endif // RA_RUNTIME_SAFETENSORS_H
