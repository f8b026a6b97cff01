//===- Lexer.h - Tokens of PTX ----------------------------------*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RA_RUNTIME_LIB_SIM_LEXER_H
#define RA_RUNTIME_LIB_SIM_LEXER_H

#include "ra/Runtime/Status.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ra::runtime::sim {

/// One token of PTX. A dotted piece is a token of its own: `ld.global.v4.f32`
/// is Word("ld") Dot("global") Dot("v4") Dot("f32"), and `%tid.x` is
/// Word("%tid") Dot("x"). Dot pieces may hold "::" (`shared::cta`).
struct Token {
  enum class Kind : uint8_t { End, Word, Dot, Integer, Float, String, Punct };

  Kind kind = Kind::End;
  /// Floats: 32 or 64, the width of `value`'s bits.
  uint8_t floatBits = 0;
  /// No white space before this token: tells `%tid.x` from `.reg .b32`.
  bool glued = false;
  uint32_t line = 0; ///< From 1.
  uint64_t value = 0;
  /// Word and Dot (without the dot), String (without quotes), Punct. Points
  /// into the source text.
  std::string_view text;

  bool is(char c) const {
    return kind == Kind::Punct && text.size() == 1 && text[0] == c;
  }
  bool isWord(std::string_view word) const {
    return kind == Kind::Word && text == word;
  }
  bool isDot(std::string_view word) const {
    return kind == Kind::Dot && text == word;
  }
};

/// The source text with its line starts, for messages.
class SourceText {
public:
  SourceText(std::string text, std::string name);

  std::string_view text() const { return source; }
  /// The trimmed text of a line (from 1), cut at 160 characters, with control
  /// characters and bytes that are not ASCII shown as '?'.
  std::string quoteLine(uint32_t line) const;
  /// "NAME:LINE: MESSAGE\n  | TEXT OF THE LINE".
  Failure error(uint32_t line, const std::string &message) const;
  const std::string &name() const { return fileName; }

private:
  std::string source, fileName;
  std::vector<size_t> lineStarts;
};

/// Splits `source` into tokens; the last one is End. Comments vanish. Fails on
/// a character that PTX does not have, on an unfinished comment or string, and
/// on a number that is malformed or larger than 64 bits.
Expected<std::vector<Token>> tokenize(const SourceText &source);

} // namespace ra::runtime::sim

#endif // RA_RUNTIME_LIB_SIM_LEXER_H
