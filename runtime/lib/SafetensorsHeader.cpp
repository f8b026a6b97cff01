//===- SafetensorsHeader.cpp - The JSON of safetensors --------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "SafetensorsHeader.h"

#include "JsonScanner.h"
#include "Text.h"

#include <optional>
#include <unordered_set>

using namespace ra::runtime;

namespace {

constexpr size_t kMaxRank = 64;
constexpr std::string_view kMetadata = "__metadata__";

struct TypeName {
  std::string_view name;
  ElementType type;
};

constexpr TypeName kTypes[] = {
    {"F64", ElementType::F64}, {"F32", ElementType::F32},
    {"F16", ElementType::F16}, {"BF16", ElementType::BF16},
    {"I64", ElementType::I64}, {"I32", ElementType::I32},
    {"I16", ElementType::I16}, {"I8", ElementType::I8},
    {"U64", ElementType::U64}, {"U32", ElementType::U32},
    {"U16", ElementType::U16}, {"U8", ElementType::U8},
    {"BOOL", ElementType::I1},
};

std::optional<ElementType> typeOfName(std::string_view name) {
  for (const TypeName &known : kTypes)
    if (known.name == name)
      return known.type;
  return std::nullopt;
}

/// A reader of the one structure that a header may have.
class Parser {
public:
  explicit Parser(std::string_view text)
      : text(text), json(text, "the header") {}

  Status run(std::vector<TensorEntry> &tensors, Metadata &metadata) {
    if (text.empty() || text[0] != '{')
      return fail("the header does not start with '{'");
    std::unordered_set<std::string> names;
    Status status = json.object([&](std::string name) -> Status {
      if (!names.insert(name).second)
        return fail("the header names " + quoted(name) + " twice");
      if (name == kMetadata)
        return metadataObject(metadata);
      TensorEntry entry;
      entry.name = std::move(name);
      Status inner = tensor(entry);
      if (!inner.ok())
        return fail("tensor " + quoted(entry.name) + ": " + inner.message());
      tensors.push_back(std::move(entry));
      return inner;
    });
    if (!status.ok())
      return status;
    if (!json.atEnd())
      return json.expected("nothing but padding after the header's '}'");
    return status;
  }

private:
  Status metadataObject(Metadata &metadata) {
    return json.object([&](std::string key) -> Status {
      Expected<std::string> value = json.string();
      if (!value)
        return fail("metadata " + quoted(key) + ": " + value.message());
      if (!metadata.emplace(key, std::move(*value)).second)
        return fail("the metadata names " + quoted(key) + " twice");
      return Status::success();
    });
  }

  Status tensor(TensorEntry &entry) {
    std::optional<std::string> type;
    std::optional<std::vector<int64_t>> shape, offsets;
    Status status = json.object([&](const std::string &key) -> Status {
      const bool twice = (key == "dtype" && type) ||
                         (key == "shape" && shape) ||
                         (key == "data_offsets" && offsets);
      if (twice)
        return fail(quoted(key) + " is given twice");
      if (key == "dtype") {
        Expected<std::string> value = json.string();
        if (!value)
          return value.takeFailure();
        type = std::move(*value);
        return Status::success();
      }
      if (key != "shape" && key != "data_offsets")
        return fail("unknown key " + quoted(key));
      Expected<std::vector<int64_t>> value =
          json.wholeNumbers(key == "shape" ? kMaxRank : 2);
      if (!value)
        return fail(quoted(key) + ": " + value.message());
      (key == "shape" ? shape : offsets) = std::move(*value);
      return Status::success();
    });
    if (!status.ok())
      return status;
    if (!type || !shape || !offsets)
      return fail(std::string("lacks '") +
                  (!type    ? "dtype"
                   : !shape ? "shape"
                            : "data_offsets") +
                  "'");
    std::optional<ElementType> known = typeOfName(*type);
    if (!known)
      return fail("dtype " + quoted(*type) +
                  " is not supported; known are F64 F32 F16 BF16 I64 I32 I16 "
                  "I8 U64 U32 U16 U8 BOOL");
    if (offsets->size() != 2)
      return fail("'data_offsets' must be two numbers");
    if ((*offsets)[0] > (*offsets)[1])
      return fail("'data_offsets' [" + std::to_string((*offsets)[0]) + ", " +
                  std::to_string((*offsets)[1]) + "] run backwards");
    Expected<size_t> bytes = checkedByteSize(*shape, *known);
    if (!bytes)
      return fail("shape " + extentsString(*shape) + ": " + bytes.message());
    const auto span = static_cast<uint64_t>((*offsets)[1] - (*offsets)[0]);
    if (span != *bytes)
      return fail("shape " + extentsString(*shape) + " of " + *type +
                  " takes " + std::to_string(*bytes) +
                  " bytes, 'data_offsets' span " + std::to_string(span));
    entry.type = *known;
    entry.shape = std::move(*shape);
    entry.begin = static_cast<uint64_t>((*offsets)[0]);
    entry.end = static_cast<uint64_t>((*offsets)[1]);
    return status;
  }

  std::string_view text;
  JsonScanner json;
};

} // namespace

std::string_view ra::runtime::safetensorsTypeName(ElementType type) {
  for (const TypeName &known : kTypes)
    if (known.type == type)
      return known.name;
  return "";
}

Status ra::runtime::parseSafetensorsHeader(std::string_view text,
                                           std::vector<TensorEntry> &tensors,
                                           Metadata &metadata) {
  return Parser(text).run(tensors, metadata);
}

Expected<std::string>
ra::runtime::makeSafetensorsHeader(std::vector<TensorEntry> &tensors,
                                   const Metadata &metadata) {
  std::string header = "{";
  auto separate = [&] {
    if (header.size() > 1)
      header += ',';
  };
  if (!metadata.empty()) {
    header += "\"" + std::string(kMetadata) + "\":{";
    bool first = true;
    for (const auto &[key, value] : metadata) {
      if (!first)
        header += ',';
      first = false;
      bool valid = appendJsonString(header, key);
      header += ':';
      valid = appendJsonString(header, value) && valid;
      if (!valid)
        return fail("metadata " + quoted(key) + " is not UTF-8");
    }
    header += '}';
  }

  std::unordered_set<std::string_view> names;
  uint64_t position = 0;
  for (TensorEntry &entry : tensors) {
    if (entry.name == kMetadata)
      return fail("a tensor cannot have the reserved name '__metadata__'");
    if (!names.insert(entry.name).second)
      return fail("two tensors have the name " + quoted(entry.name));
    separate();
    if (!appendJsonString(header, entry.name))
      return fail("the name " + quoted(entry.name) + " is not UTF-8");
    Expected<size_t> bytes = checkedByteSize(entry.shape, entry.type);
    if (!bytes)
      return fail("tensor " + quoted(entry.name) + ": " + bytes.message());
    entry.begin = position;
    if (entry.shape.size() > kMaxRank ||
        __builtin_add_overflow(position, static_cast<uint64_t>(*bytes),
                               &position) ||
        position > INT64_MAX)
      return fail("tensor " + quoted(entry.name) +
                  ": too many axes, or the file's size overflows 64 bits");
    entry.end = position;

    header += ":{\"dtype\":\"";
    header += safetensorsTypeName(entry.type);
    header += "\",\"shape\":[";
    for (size_t axis = 0; axis < entry.shape.size(); ++axis)
      header += (axis == 0 ? "" : ",") + std::to_string(entry.shape[axis]);
    header += "],\"data_offsets\":[" + std::to_string(entry.begin) + "," +
              std::to_string(entry.end) + "]}";
  }
  return header + "}";
}
