//===- Safetensors.cpp - Reading safetensors files ------------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ra/Runtime/Safetensors.h"

#include "SafetensorsHeader.h"
#include "Text.h"

#include <algorithm>
#include <numeric>
#include <tuple>

using namespace ra::runtime;

namespace {

/// Checks that the tensors, sorted by place, cover `dataSize` bytes exactly.
Status checkCover(const std::vector<TensorEntry> &tensors, uint64_t dataSize) {
  uint64_t position = 0;
  for (const TensorEntry &entry : tensors) {
    if (entry.begin != position)
      return fail("tensor " + quoted(entry.name) + " starts at byte " +
                  std::to_string(entry.begin) + " of the data, " +
                  (entry.begin < position ? "inside the tensor before it, "
                                            "which ends at "
                                          : "leaving a gap after ") +
                  std::to_string(position));
    position = entry.end;
  }
  if (position != dataSize)
    return fail("the tensors end at byte " + std::to_string(position) +
                " of the data, the file has " + std::to_string(dataSize) +
                (position > dataSize ? "; it was cut short" : ""));
  return Status::success();
}

/// The Levenshtein distance of the first bytes of two names.
size_t distance(std::string_view a, std::string_view b) {
  constexpr size_t limit = 128;
  a = a.substr(0, limit);
  b = b.substr(0, limit);
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t(0));
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1,
                         diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
      diagonal = above;
    }
  }
  return row[b.size()];
}

/// "; nearest: 'a', 'b'", or nothing for an empty file.
std::string nearestNames(const std::vector<TensorEntry> &tensors,
                         std::string_view name) {
  // A list for a person to read: larger files are searched in part.
  constexpr size_t searched = 20000, shown = 3;
  std::vector<std::pair<size_t, size_t>> ranked;
  for (size_t i = 0; i < std::min(tensors.size(), searched); ++i)
    ranked.emplace_back(distance(name, tensors[i].name), i);
  const size_t count = std::min(ranked.size(), shown);
  std::partial_sort(ranked.begin(), ranked.begin() + count, ranked.end());
  std::string text;
  for (size_t i = 0; i < count; ++i)
    text += (i == 0 ? "; nearest: " : ", ") +
            quoted(tensors[ranked[i].second].name);
  return text;
}

} // namespace

Expected<Safetensors> Safetensors::parse(const char *data, size_t size,
                                         std::shared_ptr<const void> owner,
                                         const std::string &name) {
  auto refuse = [&](const std::string &why) { return fail(name + ": " + why); };
  constexpr size_t prefix = 8;
  if (size < prefix)
    return refuse("too short for a safetensors file (" + std::to_string(size) +
                  " bytes)");
  uint64_t length = 0;
  for (size_t i = 0; i < prefix; ++i)
    length |= static_cast<uint64_t>(static_cast<unsigned char>(data[i]))
              << (8 * i);
  if (length > kMaxHeader)
    return refuse("the header claims " + std::to_string(length) +
                  " bytes; at most " + std::to_string(kMaxHeader) +
                  " are accepted (is this a safetensors file?)");
  if (length > size - prefix)
    return refuse("cut short: the header claims " + std::to_string(length) +
                  " bytes, " + std::to_string(size - prefix) + " are there");

  Safetensors result;
  Status status =
      parseSafetensorsHeader(std::string_view(data + prefix, length),
                             result.tensors, result.metadataMap);
  if (!status.ok())
    return refuse(status.message());
  // Empty tensors share their place with a neighbour and come before it.
  std::sort(result.tensors.begin(), result.tensors.end(),
            [](const TensorEntry &a, const TensorEntry &b) {
              return std::tie(a.begin, a.end, a.name) <
                     std::tie(b.begin, b.end, b.name);
            });
  status = checkCover(result.tensors, size - prefix - length);
  if (!status.ok())
    return refuse(status.message());

  result.fileName = name;
  result.owner = std::move(owner);
  result.base = data + prefix + length;
  for (size_t i = 0; i < result.tensors.size(); ++i)
    result.index.emplace(result.tensors[i].name, i);
  return result;
}

Expected<Safetensors> Safetensors::open(const std::string &path) {
  Expected<std::shared_ptr<const MappedFile>> file = MappedFile::open(path);
  if (!file)
    return file.takeFailure();
  Expected<Safetensors> result =
      parse((*file)->data(), (*file)->size(), *file, path);
  if (result)
    result->mapped = *file;
  return result;
}

void Safetensors::release(const char *data, size_t size) const {
  if (mapped)
    mapped->release(data, size);
}

const TensorEntry *Safetensors::find(const std::string &name) const {
  auto found = index.find(name);
  return found == index.end() ? nullptr : &tensors[found->second];
}

Expected<Tensor> Safetensors::get(const std::string &name) const {
  const TensorEntry *entry = find(name);
  if (!entry)
    return fail(fileName + ": no tensor " + quoted(name) + " among its " +
                std::to_string(tensors.size()) + nearestNames(tensors, name));
  Expected<Tensor> tensor =
      tensorOnBytes(entry->shape, entry->type, bytesOf(*entry),
                    static_cast<size_t>(entry->end - entry->begin), owner);
  if (!tensor)
    return fail(fileName + ": tensor " + quoted(name) + ": " +
                tensor.message());
  return tensor;
}
