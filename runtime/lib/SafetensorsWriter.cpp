//===- SafetensorsWriter.cpp - Writing safetensors files ------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "SafetensorsHeader.h"
#include "Text.h"
#include "ra/Runtime/Safetensors.h"

using namespace ra::runtime;

Expected<SafetensorsWriter>
SafetensorsWriter::create(const std::string &path,
                          std::vector<TensorEntry> layout,
                          const Metadata &metadata) {
  Expected<std::string> header = makeSafetensorsHeader(layout, metadata);
  if (!header)
    return fail(path + ": " + header.message());
  constexpr size_t prefix = 8, alignment = 8;
  header->append((alignment - header->size() % alignment) % alignment, ' ');
  if (header->size() > Safetensors::kMaxHeader)
    return fail(path + ": the header takes " + std::to_string(header->size()) +
                " bytes, more than readers accept");
  std::string start;
  for (size_t i = 0; i < prefix; ++i)
    start += static_cast<char>((header->size() >> (8 * i)) & 0xff);
  start += *header;

  Expected<AtomicFile> file = AtomicFile::create(path);
  if (!file)
    return file.takeFailure();
  Status status = file->write(start.data(), start.size());
  if (!status.ok())
    return status.takeFailure();
  return SafetensorsWriter(std::move(*file), path, std::move(layout),
                           start.size());
}

Status SafetensorsWriter::append(const Tensor &tensor) {
  // Raw bytes need no call for an empty tensor, so one may still be pending.
  while (tensor.byteSize() != 0 && next < layout.size() &&
         layout[next].begin == layout[next].end)
    ++next;
  if (next == layout.size())
    return fail(path + ": more tensors than announced");
  const TensorEntry &entry = layout[next];
  if (tensor.elementType() != entry.type || tensor.shape() != entry.shape)
    return fail(path + ": tensor " + quoted(entry.name) + " was announced as " +
                shapeString(entry.shape, entry.type) + ", got " +
                shapeString(tensor.shape(), tensor.elementType()));
  if (file.size() != dataStart + entry.begin)
    return fail(path + ": tensor " + quoted(entry.name) +
                " comes in the middle of another");
  Status status = file.write(tensor.data(), tensor.byteSize());
  if (status.ok())
    ++next;
  return status;
}

Status SafetensorsWriter::appendBytes(const void *data, size_t size) {
  const uint64_t total = layout.empty() ? 0 : layout.back().end;
  if (size > dataStart + total - file.size())
    return fail(path + ": more bytes than announced");
  Status status = file.write(data, size);
  const uint64_t position = file.size() - dataStart;
  while (next < layout.size() && layout[next].end <= position &&
         layout[next].begin < position)
    ++next;
  return status;
}

Status SafetensorsWriter::commit(bool sync) {
  const uint64_t total = layout.empty() ? 0 : layout.back().end;
  if (file.size() != dataStart + total)
    return fail(path + ": " + std::to_string(dataStart + total - file.size()) +
                " announced bytes were not written");
  return file.commit(sync);
}

Status ra::runtime::writeSafetensors(const std::string &path,
                                     const std::vector<NamedTensor> &tensors,
                                     const Metadata &metadata) {
  std::vector<TensorEntry> layout;
  layout.reserve(tensors.size());
  for (const NamedTensor &named : tensors)
    layout.push_back(
        {named.name, named.tensor.elementType(), named.tensor.shape(), 0, 0});
  Expected<SafetensorsWriter> writer =
      SafetensorsWriter::create(path, std::move(layout), metadata);
  if (!writer)
    return writer.takeFailure();
  for (const NamedTensor &named : tensors) {
    Status status =
        writer->appendBytes(named.tensor.data(), named.tensor.byteSize());
    if (!status.ok())
      return status;
  }
  return writer->commit();
}
