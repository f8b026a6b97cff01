//===- JsonScanner.cpp - A strict reader of known JSON --------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "JsonScanner.h"

#include "Text.h"

#include <charconv>
#include <cmath>

using namespace ra::runtime;

static void appendUtf8(std::string &text, uint32_t code) {
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

void JsonScanner::skipSpace() {
  while (position < text.size() &&
         (text[position] == ' ' || text[position] == '\n' ||
          text[position] == '\t' || text[position] == '\r'))
    ++position;
}

char JsonScanner::peek() {
  skipSpace();
  return here();
}

bool JsonScanner::take(char wanted) {
  skipSpace();
  if (position == text.size() || text[position] != wanted)
    return false;
  ++position;
  return true;
}

bool JsonScanner::atEnd() {
  skipSpace();
  return position == text.size();
}

Failure JsonScanner::expected(const std::string &wanted) const {
  return fail("expected " + wanted +
              (position == text.size()
                   ? " before the end of " + what
                   : " at byte " + std::to_string(position) + " of " + what +
                         ", found " + quoted(text.substr(position, 16))));
}

Expected<uint32_t> JsonScanner::hexDigits() {
  uint32_t code = 0;
  for (int i = 0; i < 4; ++i, ++position) {
    const char digit = here();
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
Status JsonScanner::escape(std::string &result) {
  const char kind = here();
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

Expected<std::string> JsonScanner::string() {
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
                  std::to_string(position) + " of " + what);
    const size_t length = utf8SequenceLength(text.substr(position));
    if (length == 0)
      return fail("a string is not UTF-8 at byte " + std::to_string(position) +
                  " of " + what);
    result += text.substr(position, length);
    position += length;
  }
}

Expected<int64_t> JsonScanner::wholeNumber() {
  skipSpace();
  const size_t start = position;
  int64_t value = 0;
  for (; here() >= '0' && here() <= '9'; ++position)
    if (__builtin_mul_overflow(value, int64_t(10), &value) ||
        __builtin_add_overflow(value, int64_t(here() - '0'), &value))
      return fail("a number overflows 64 bits");
  const size_t digits = position - start;
  if (digits == 0 || (digits > 1 && text[start] == '0') || here() == '.' ||
      here() == 'e' || here() == 'E') {
    position = start;
    return expected("a whole number >= 0");
  }
  return value;
}

Expected<double> JsonScanner::number() {
  skipSpace();
  // from_chars also takes what JSON does not: inf, nan, .5, 01.
  size_t digits = position + (here() == '-' ? 1 : 0);
  const char first = digits < text.size() ? text[digits] : '\0';
  const char second = digits + 1 < text.size() ? text[digits + 1] : '\0';
  if (first < '0' || first > '9' ||
      (first == '0' && second >= '0' && second <= '9'))
    return expected("a number");
  double value = 0.0;
  auto [end, error] =
      std::from_chars(text.data() + position, text.data() + text.size(), value);
  if (error != std::errc() || !std::isfinite(value))
    return expected("a number that an f64 holds");
  position = static_cast<size_t>(end - text.data());
  return value;
}

Expected<bool> JsonScanner::boolean() {
  skipSpace();
  for (auto [word, value] :
       {std::pair(std::string_view("true"), true), {"false", false}})
    if (text.substr(position, word.size()) == word) {
      position += word.size();
      return value;
    }
  return expected("true or false");
}

Expected<std::vector<int64_t>> JsonScanner::wholeNumbers(size_t most) {
  std::vector<int64_t> values;
  Status status = array(most, "numbers", [&]() -> Status {
    Expected<int64_t> value = wholeNumber();
    if (!value)
      return value.takeFailure();
    values.push_back(*value);
    return Status::success();
  });
  if (!status.ok())
    return status.takeFailure();
  return values;
}

Expected<std::vector<double>> JsonScanner::numbers(size_t most) {
  std::vector<double> values;
  Status status = array(most, "numbers", [&]() -> Status {
    Expected<double> value = number();
    if (!value)
      return value.takeFailure();
    values.push_back(*value);
    return Status::success();
  });
  if (!status.ok())
    return status.takeFailure();
  return values;
}

bool ra::runtime::appendJsonString(std::string &out, std::string_view value) {
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
