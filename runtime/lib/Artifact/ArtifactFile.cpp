//===- ArtifactFile.cpp - Reading and writing artifacts -------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "../Text.h"
#include "Manifest.h"
#include "ra/Runtime/AtomicFile.h"
#include "ra/Runtime/MappedFile.h"

#include <cstring>

using namespace ra::runtime;

//===----------------------------------------------------------------------===//
// The container
//===----------------------------------------------------------------------===//

static uint64_t load(const char *data, size_t bytes) {
  uint64_t value = 0;
  for (size_t i = 0; i < bytes; ++i)
    value |= static_cast<uint64_t>(static_cast<unsigned char>(data[i]))
             << (8 * i);
  return value;
}

static void store(std::string &out, uint64_t value, size_t bytes) {
  for (size_t i = 0; i < bytes; ++i)
    out += static_cast<char>(value >> (8 * i) & 0xff);
}

static uint64_t aligned(uint64_t offset) {
  return (offset + kSectionAlignment - 1) / kSectionAlignment *
         kSectionAlignment;
}

static std::string writeTable(const std::vector<Section> &sections) {
  std::string table;
  for (const Section &section : sections) {
    store(table, static_cast<uint32_t>(section.kind), 4);
    store(table, section.index, 4);
    store(table, section.offset, 8);
    store(table, section.size, 8);
    store(table, section.crc, 4);
    store(table, 0, 4);
  }
  return table;
}

static std::string writeHeader(const std::string &table, uint64_t fileSize) {
  std::string header(kArtifactMagic, sizeof(kArtifactMagic));
  store(header, kArtifactVersion, 4);
  store(header, table.size() / kSectionBytes, 4);
  store(header, fileSize, 8);
  store(header, crc32(table.data(), table.size()), 4);
  store(header, crc32(header.data(), header.size()), 4);
  return header;
}

static const char *kindName(SectionKind kind) {
  switch (kind) {
  case SectionKind::Manifest:
    return "manifest";
  case SectionKind::Image:
    return "image";
  case SectionKind::Constant:
    return "constant";
  }
  return "";
}

/// The sections, which are in order and cover the file.
static Expected<std::vector<Section>> readTable(const char *data, size_t size) {
  if (size < kHeaderBytes ||
      std::memcmp(data, kArtifactMagic, sizeof(kArtifactMagic)) != 0)
    return fail("not an artifact (ra-run compile writes them)");
  if (load(data + 28, 4) != crc32(data, 28))
    return fail("the header is damaged");
  uint64_t version = load(data + 8, 4);
  if (version != kArtifactVersion)
    return fail("format version " + std::to_string(version) +
                "; this program reads version " +
                std::to_string(kArtifactVersion) +
                ": compile the module again with the matching ra-run");
  uint64_t count = load(data + 12, 4);
  if (load(data + 16, 8) != size)
    return fail("the file has " + std::to_string(size) +
                " bytes, its header says " +
                std::to_string(load(data + 16, 8)));
  if (count > (size - kHeaderBytes) / kSectionBytes)
    return fail("the section table is longer than the file");
  const char *table = data + kHeaderBytes;
  if (load(data + 24, 4) != crc32(table, count * kSectionBytes))
    return fail("the section table is damaged");
  std::vector<Section> sections;
  uint64_t end = kHeaderBytes + count * kSectionBytes;
  for (uint64_t i = 0; i < count; ++i, table += kSectionBytes) {
    Section section;
    uint64_t kind = load(table, 4);
    section.kind = static_cast<SectionKind>(kind);
    section.index = static_cast<uint32_t>(load(table + 4, 4));
    section.offset = load(table + 8, 8);
    section.size = load(table + 16, 8);
    section.crc = static_cast<uint32_t>(load(table + 24, 4));
    std::string name = "section " + std::to_string(i);
    if (kind > static_cast<uint32_t>(SectionKind::Constant) ||
        load(table + 28, 4) != 0)
      return fail(name + " is of an unknown kind");
    if (section.offset != aligned(end) || section.offset > size ||
        section.size > size - section.offset)
      return fail(name + " is not where the one before it ends");
    for (uint64_t gap = end; gap < section.offset; ++gap)
      if (data[gap] != 0)
        return fail("bytes that belong to no section before " + name);
    // The manifest, then images, then constants, each from 0 on.
    const Section *before = sections.empty() ? nullptr : &sections.back();
    bool inOrder =
        !before ? kind == 0 && section.index == 0
                : (section.kind == before->kind && kind != 0 &&
                   section.index == before->index + 1) ||
                      (section.kind > before->kind && section.index == 0);
    if (!inOrder)
      return fail(name + " is out of order");
    end = section.offset + section.size;
    sections.push_back(section);
  }
  if (sections.empty())
    return fail("there is no manifest");
  if (end != size)
    return fail("bytes after the last section");
  for (const Section &section : sections)
    if (crc32(data + section.offset, section.size) != section.crc)
      return fail(std::string(kindName(section.kind)) + " " +
                  std::to_string(section.index) +
                  " is damaged: its checksum differs");
  return sections;
}

//===----------------------------------------------------------------------===//
// Reading
//===----------------------------------------------------------------------===//

Expected<Artifact>
ra::runtime::parseArtifact(const char *data, size_t size,
                           const std::shared_ptr<const void> &owner,
                           const std::string &name) {
  Expected<std::vector<Section>> sections = readTable(data, size);
  if (!sections)
    return fail(name + ": " + sections.message());
  Artifact artifact;
  ConstantTypes constantTypes;
  const Section &manifest = sections->front();
  if (Status status = readManifest(data + manifest.offset, manifest.size,
                                   artifact, constantTypes);
      !status.ok())
    return fail(name + ": " + status.message());
  size_t numImages = 0;
  for (const Section &section : *sections) {
    const char *bytes = data + section.offset;
    if (section.kind == SectionKind::Image) {
      if (++numImages > artifact.images.size())
        break;
      ArtifactImage &image = artifact.images[section.index];
      image.data = bytes;
      image.size = section.size;
      image.owner = owner;
    } else if (section.kind == SectionKind::Constant) {
      if (section.index >= constantTypes.size())
        return fail(name + ": more constants than the manifest describes");
      const ArtifactTensor &type = constantTypes[section.index];
      Expected<size_t> expected = checkedByteSize(type.shape, type.elementType);
      if (!expected || *expected != section.size)
        return fail(name + ": constant " + std::to_string(section.index) +
                    " is " + type.toString() + " and has " +
                    std::to_string(section.size) + " bytes");
      Expected<Tensor> tensor = tensorOnBytes(type.shape, type.elementType,
                                              bytes, section.size, owner);
      if (!tensor)
        return fail(name + ": " + tensor.message());
      artifact.constants.push_back(std::move(*tensor));
    }
  }
  if (numImages != artifact.images.size() ||
      artifact.constants.size() != constantTypes.size())
    return fail(name +
                ": the manifest describes other sections than there are");
  if (Status status = validateArtifact(artifact); !status.ok())
    return fail(name + ": " + status.message());
  return artifact;
}

Expected<Artifact> ra::runtime::readArtifact(const std::string &path) {
  Expected<std::shared_ptr<const MappedFile>> file = MappedFile::open(path);
  if (!file)
    return file.takeFailure();
  return parseArtifact((*file)->data(), (*file)->size(), *file, path);
}

//===----------------------------------------------------------------------===//
// Writing
//===----------------------------------------------------------------------===//

Status ra::runtime::writeArtifact(const std::string &path,
                                  const Artifact &artifact) {
  if (Status status = validateArtifact(artifact); !status.ok())
    return fail(path + ": " + status.message());
  std::string manifest = writeManifest(artifact);
  struct Part {
    const void *data;
    size_t size;
  };
  std::vector<Section> sections;
  std::vector<Part> parts;
  auto add = [&](SectionKind kind, size_t index, const void *data,
                 size_t size) {
    Section section;
    section.kind = kind;
    section.index = static_cast<uint32_t>(index);
    section.size = size;
    section.crc = crc32(data, size);
    sections.push_back(section);
    parts.push_back({data, size});
  };
  add(SectionKind::Manifest, 0, manifest.data(), manifest.size());
  for (size_t i = 0; i < artifact.images.size(); ++i)
    add(SectionKind::Image, i, artifact.images[i].data,
        artifact.images[i].size);
  for (size_t i = 0; i < artifact.constants.size(); ++i)
    add(SectionKind::Constant, i, artifact.constants[i].data(),
        artifact.constants[i].byteSize());
  uint64_t end = kHeaderBytes + sections.size() * kSectionBytes;
  for (Section &section : sections) {
    section.offset = aligned(end);
    end = section.offset + section.size;
  }

  Expected<AtomicFile> file = AtomicFile::create(path);
  if (!file)
    return file.takeFailure();
  std::string table = writeTable(sections);
  std::string start = writeHeader(table, end) + table;
  if (Status status = file->write(start.data(), start.size()); !status.ok())
    return status;
  for (size_t i = 0; i < parts.size(); ++i) {
    std::string padding(sections[i].offset - file->size(), '\0');
    if (Status status = file->write(padding.data(), padding.size());
        !status.ok())
      return status;
    if (Status status = file->write(parts[i].data, parts[i].size); !status.ok())
      return status;
  }
  return file->commit();
}
