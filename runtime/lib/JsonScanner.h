//===- JsonScanner.h - A strict reader of known JSON ------------*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The lexical level of the JSON that files from elsewhere carry. A reader of
// one known structure has a function per level and none calls itself, so that
// no input can nest deeper than the structure does.
//
//===----------------------------------------------------------------------===//

#ifndef RA_RUNTIME_LIB_JSONSCANNER_H
#define RA_RUNTIME_LIB_JSONSCANNER_H

#include "ra/Runtime/Status.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ra::runtime {

class JsonScanner {
public:
  /// `what` stands for the text in messages: "the header".
  JsonScanner(std::string_view text, std::string what)
      : text(text), what(std::move(what)) {}

  /// The next byte that is no space, without taking it; 0 at the end.
  char peek();

  /// Takes `wanted` if it is next, after spaces.
  bool take(char wanted);

  /// Nothing but spaces is left.
  bool atEnd();

  /// "expected WHAT at byte N of the header, found '...'".
  Failure expected(const std::string &wanted) const;

  /// A string, its escapes resolved; UTF-8.
  Expected<std::string> string();

  /// A number >= 0 without sign, fraction, exponent or leading zero.
  Expected<int64_t> wholeNumber();

  /// Any finite JSON number.
  Expected<double> number();

  Expected<bool> boolean();

  /// {"name": <member>, ...}; `member` gets the name and reads what follows the
  /// colon. Names that come twice are its business.
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

  /// [<element>, ...] of at most `most` elements, each read by `element`;
  /// `noun` is what messages call several of them.
  template <typename Element>
  Status array(size_t most, const char *noun, Element element) {
    if (!take('['))
      return expected("'['");
    if (take(']'))
      return Status::success();
    size_t count = 0;
    do {
      if (count++ == most)
        return fail("a list has more than " + std::to_string(most) + " " +
                    noun);
      Status status = element();
      if (!status.ok())
        return status;
    } while (take(','));
    if (!take(']'))
      return expected("',' or ']'");
    return Status::success();
  }

  Expected<std::vector<int64_t>> wholeNumbers(size_t most);
  Expected<std::vector<double>> numbers(size_t most);

private:
  void skipSpace();
  Expected<uint32_t> hexDigits();
  Status escape(std::string &result);
  char here() const { return position < text.size() ? text[position] : '\0'; }

  std::string_view text;
  std::string what;
  size_t position = 0;
};

/// Appends `value` as a JSON string; false when it is not UTF-8.
bool appendJsonString(std::string &out, std::string_view value);

} // namespace ra::runtime

#endif // RA_RUNTIME_LIB_JSONSCANNER_H
