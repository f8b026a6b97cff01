//===- OutputPlan.cpp - A file written group by group ---------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "OutputPlan.h"

#include <algorithm>

using namespace ra::runtime;

void OutputPlan::copy(const Safetensors &file, const TensorEntry &entry) {
  Group group;
  group.entries = {entry};
  group.source = &file;
  group.sourceEntry = &entry;
  groups.push_back(std::move(group));
}

void OutputPlan::add(std::vector<TensorEntry> entries, Maker make) {
  Group group;
  group.entries = std::move(entries);
  group.make = std::move(make);
  groups.push_back(std::move(group));
}

static Status copyBytes(SafetensorsWriter &writer, const Safetensors &file,
                        const TensorEntry &entry) {
  // Pages that were copied are given back: a mapped file counts as memory.
  constexpr uint64_t chunk = uint64_t(4) << 20;
  const uint64_t size = entry.end - entry.begin;
  for (uint64_t done = 0; done < size; done += chunk) {
    const auto count = static_cast<size_t>(std::min(chunk, size - done));
    Status status = writer.appendBytes(file.bytesOf(entry) + done, count);
    if (!status.ok())
      return status;
    file.release(file.bytesOf(entry) + done, count);
  }
  return Status::success();
}

Expected<uint64_t> OutputPlan::write(const std::string &path,
                                     const Metadata &metadata) {
  std::vector<TensorEntry> layout;
  uint64_t total = 0;
  for (const Group &group : groups)
    for (const TensorEntry &entry : group.entries) {
      layout.push_back(entry);
      Expected<size_t> bytes = checkedByteSize(entry.shape, entry.type);
      if (bytes)
        total += *bytes;
    }
  Expected<SafetensorsWriter> writer =
      SafetensorsWriter::create(path, std::move(layout), metadata);
  if (!writer)
    return writer.takeFailure();
  for (Group &group : groups) {
    Status status;
    if (group.source) {
      status = copyBytes(*writer, *group.source, *group.sourceEntry);
    } else {
      Expected<std::vector<Tensor>> tensors = group.make();
      if (!tensors)
        return tensors.takeFailure();
      for (const Tensor &tensor : *tensors)
        if (status.ok())
          status = writer->append(tensor);
    }
    if (!status.ok())
      return status.takeFailure();
    // What a group keeps alive goes with it.
    group.make = nullptr;
  }
  Status status = writer->commit();
  if (!status.ok())
    return status.takeFailure();
  return total;
}
