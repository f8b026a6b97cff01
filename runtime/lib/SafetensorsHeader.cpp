//===- SafetensorsHeader.cpp - The JSON of safetensors --------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "SafetensorsHeader.h"

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

void appendUtf8(std::string &text, uint32_t code) {
  auto add = [&](uint32_t byte) { text += static_cast<char>(byte); };
  if (code < 0x80)
    return add(code);
  if (code < 0x800) {
    add(0xc0 | (code >> 6));
  } else {
    if (code < 0x10000) {
      add(0xe0 | (code >> 12));
    } else {
      add(0xf0 | (code >> 18));
      add(0x80 | ((code >> 12) & 0x3f));
    }
    add(0x80 | ((code >> 6) & 0x3f));
  }
  add(0x80 | (code & 0x3f));
}

/// A scanner for the one structure that a header may have. Every level has its
/// own function and none calls itself.
class Parser {
public:
  explicit Parser(std::string_view text) : text(text) {}

  Status run(std::vector<TensorEntry> &tensors, Metadata &metadata) {
    if (text.empty() || text[0] != '{')
      return fail("the header does not start with '{'");
    std::unordered_set<std::string> names;
    Status status = object([&](std::string name) -> Status {
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
    skipSpace();
    if (position != text.size())
      return expected("nothing but padding after the header's '}'");
    return status;
  }

private:
  char peek() const { return position < text.size() ? text[position] : '\0'; }

  void skipSpace() {
    while (position < text.size() &&
           (text[position] == ' ' || text[position] == '\n' ||
            text[position] == '\t' || text[position] == '\r'))
      ++position;
  }

  bool take(char wanted) {
    skipSpace();
    if (position == text.size() || text[position] != wanted)
      return false;
    ++position;
    return true;
  }

  Failure expected(const std::string &what) const {
    return fail("expected " + what +
                (position == text.size()
                     ? std::string(" before the end of the header")
                     : " at byte " + std::to_string(position) +
                           " of the header, found " +
                           quoted(text.substr(position, 16))));
  }

  /// {"name": <member>, ...}; `member` reads what follows the colon.
  template <typename Member> Status object(Member member) {
    if (!take('{'))
      return expected("'{'");
    if (take('}'))
      return Status::success();
    do {
      Expected<std::string> name = string();
      if (!name)
        return name.takeFailure();
      if (!take(':'))
        return expected("':'");
      Status status = member(std::move(*name));
      if (!status.ok())
        return status;
    } while (take(','));
    if (!take('}'))
      return expected("',' or '}'");
    return Status::success();
  }

  Expected<uint32_t> hexDigits() {
    uint32_t code = 0;
    for (int i = 0; i < 4; ++i, ++position) {
      const char digit = peek();
      code <<= 4;
      if (digit >= '0' && digit <= '9')
        code |= static_cast<uint32_t>(digit - '0');
      else if (digit >= 'a' && digit <= 'f')
        code |= static_cast<uint32_t>(digit - 'a' + 10);
      else if (digit >= 'A' && digit <= 'F')
        code |= static_cast<uint32_t>(digit - 'A' + 10);
      else
        return expected("four hexadecimal digits");
    }
    return code;
  }

  /// After the backslash.
  Status escape(std::string &result) {
    const char kind = peek();
    static constexpr std::string_view plain = "\"\\/bfnrt";
    static constexpr std::string_view meant = "\"\\/\b\f\n\r\t";
    if (const size_t which = plain.find(kind);
        which != std::string_view::npos && position < text.size()) {
      ++position;
      result += meant[which];
      return Status::success();
    }
    if (kind != 'u')
      return expected("a known escape");
    ++position;
    Expected<uint32_t> code = hexDigits();
    if (!code)
      return code.takeFailure();
    uint32_t point = *code;
    if (point >= 0xdc00 && point <= 0xdfff)
      return fail("a string has half of a surrogate pair");
    if (point >= 0xd800 && point <= 0xdbff) {
      if (text.substr(position, 2) != "\\u")
        return fail("a string has half of a surrogate pair");
      position += 2;
      Expected<uint32_t> low = hexDigits();
      if (!low)
        return low.takeFailure();
      if (*low < 0xdc00 || *low > 0xdfff)
        return fail("a string has half of a surrogate pair");
      point = 0x10000 + ((point - 0xd800) << 10) + (*low - 0xdc00);
    }
    appendUtf8(result, point);
    return Status::success();
  }

  Expected<std::string> string() {
    if (!take('"'))
      return expected("a string");
    std::string result;
    while (true) {
      if (position == text.size())
        return expected("the end of a string");
      const auto byte = static_cast<unsigned char>(text[position]);
      if (byte == '"') {
        ++position;
        return result;
      }
      if (byte == '\\') {
        ++position;
        Status status = escape(result);
        if (!status.ok())
          return status.takeFailure();
        continue;
      }
      if (byte < 0x20)
        return fail("a string has a control character at byte " +
                    std::to_string(position) + " of the header");
      const size_t length = utf8SequenceLength(text.substr(position));
      if (length == 0)
        return fail("a string is not UTF-8 at byte " +
                    std::to_string(position) + " of the header");
      result += text.substr(position, length);
      position += length;
    }
  }

  /// A number >= 0 without sign, fraction, exponent or leading zero.
  Expected<int64_t> number() {
    skipSpace();
    const size_t start = position;
    int64_t value = 0;
    for (; peek() >= '0' && peek() <= '9'; ++position)
      if (__builtin_mul_overflow(value, int64_t(10), &value) ||
          __builtin_add_overflow(value, int64_t(peek() - '0'), &value))
        return fail("a number overflows 64 bits");
    const size_t digits = position - start;
    if (digits == 0 || (digits > 1 && text[start] == '0') || peek() == '.' ||
        peek() == 'e' || peek() == 'E') {
      position = start;
      return expected("a whole number >= 0");
    }
    return value;
  }

  Expected<std::vector<int64_t>> numbers(size_t most) {
    std::vector<int64_t> values;
    if (!take('['))
      return expected("'['");
    if (take(']'))
      return values;
    do {
      Expected<int64_t> value = number();
      if (!value)
        return value.takeFailure();
      if (values.size() == most)
        return fail("a list has more than " + std::to_string(most) +
                    " numbers");
      values.push_back(*value);
    } while (take(','));
    if (!take(']'))
      return expected("',' or ']'");
    return values;
  }

  Status metadataObject(Metadata &metadata) {
    return object([&](std::string key) -> Status {
      Expected<std::string> value = string();
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
    Status status = object([&](const std::string &key) -> Status {
      const bool twice = (key == "dtype" && type) ||
                         (key == "shape" && shape) ||
                         (key == "data_offsets" && offsets);
      if (twice)
        return fail(quoted(key) + " is given twice");
      if (key == "dtype") {
        Expected<std::string> value = string();
        if (!value)
          return value.takeFailure();
        type = std::move(*value);
        return Status::success();
      }
      if (key != "shape" && key != "data_offsets")
        return fail("unknown key " + quoted(key));
      Expected<std::vector<int64_t>> value =
          numbers(key == "shape" ? kMaxRank : 2);
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
  size_t position = 0;
};

/// Appends `value` as a JSON string; false when it is not UTF-8.
bool appendString(std::string &out, std::string_view value) {
  constexpr char digits[] = "0123456789abcdef";
  out += '"';
  while (!value.empty()) {
    const size_t length = utf8SequenceLength(value);
    if (length == 0)
      return false;
    const auto byte = static_cast<unsigned char>(value[0]);
    if (byte == '"' || byte == '\\') {
      out += '\\';
      out += value[0];
    } else if (byte < 0x20) {
      out += "\\u00";
      out += digits[byte >> 4];
      out += digits[byte & 15];
    } else {
      out += value.substr(0, length);
    }
    value.remove_prefix(length);
  }
  out += '"';
  return true;
}

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
      bool valid = appendString(header, key);
      header += ':';
      valid = appendString(header, value) && valid;
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
    if (!appendString(header, entry.name))
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
