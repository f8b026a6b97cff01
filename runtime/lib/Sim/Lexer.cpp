//===- Lexer.cpp - Tokens of PTX -----------------------------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Lexer.h"

#include <charconv>
#include <cstring>

using namespace ra::runtime;
using namespace ra::runtime::sim;

SourceText::SourceText(std::string text, std::string name)
    : source(std::move(text)), fileName(std::move(name)) {
  lineStarts.push_back(0);
  for (size_t i = 0; i < source.size(); ++i)
    if (source[i] == '\n')
      lineStarts.push_back(i + 1);
}

std::string SourceText::quoteLine(uint32_t line) const {
  if (line == 0 || line > lineStarts.size())
    return "";
  size_t begin = lineStarts[line - 1];
  size_t end = line < lineStarts.size() ? lineStarts[line] : source.size();
  while (begin < end && static_cast<unsigned char>(source[begin]) <= ' ')
    ++begin;
  while (end > begin && static_cast<unsigned char>(source[end - 1]) <= ' ')
    --end;
  std::string text = source.substr(begin, std::min<size_t>(end - begin, 160));
  for (char &c : text) {
    if (c == '\t')
      c = ' ';
    else if (c < ' ' || c > '~')
      c = '?';
  }
  return end - begin > 160 ? text + "..." : text;
}

Failure SourceText::error(uint32_t line, const std::string &message) const {
  return fail(fileName + ":" + std::to_string(line) + ": " + message +
              "\n  | " + quoteLine(line));
}

namespace {

bool isDigit(char c) { return c >= '0' && c <= '9'; }
bool isWordStart(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         c == '$' || c == '%';
}
bool isWordPart(char c) { return isDigit(c) || (isWordStart(c) && c != '%'); }

class Scanner {
public:
  explicit Scanner(const SourceText &source)
      : source(source), text(source.text()) {}

  Expected<std::vector<Token>> run() {
    std::vector<Token> tokens;
    tokens.reserve(text.size() / 4 + 1);
    while (true) {
      const size_t before = at;
      Status status = skipBlanks();
      if (!status.ok())
        return status.takeFailure();
      Token token;
      token.line = line;
      token.glued = at == before;
      if (at == text.size()) {
        tokens.push_back(token);
        return tokens;
      }
      status = scan(token);
      if (!status.ok())
        return status.takeFailure();
      tokens.push_back(token);
    }
  }

private:
  char peek(size_t ahead = 0) const {
    return at + ahead < text.size() ? text[at + ahead] : '\0';
  }

  Status skipBlanks() {
    while (at < text.size()) {
      const char c = text[at];
      if (c == '\n') {
        ++line;
        ++at;
      } else if (c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v') {
        ++at;
      } else if (c == '/' && peek(1) == '/') {
        while (at < text.size() && text[at] != '\n')
          ++at;
      } else if (c == '/' && peek(1) == '*') {
        const size_t end = text.find("*/", at + 2);
        if (end == std::string_view::npos)
          return source.error(line, "this comment has no end");
        for (; at < end + 2; ++at)
          line += text[at] == '\n';
      } else if (c == '\0' && at + 1 == text.size()) {
        ++at; // Drivers want PTX with a final zero; files keep it sometimes.
      } else {
        break;
      }
    }
    return Status::success();
  }

  Status scan(Token &token) {
    const char c = text[at];
    if (isDigit(c))
      return scanNumber(token);
    if (isWordStart(c)) {
      size_t end = at + 1;
      while (end < text.size() && isWordPart(text[end]))
        ++end;
      return finish(token, Token::Kind::Word, at, end);
    }
    if (c == '.') {
      size_t end = at + 1;
      while (end < text.size()) {
        if (isWordPart(text[end]))
          ++end;
        else if (text[end] == ':' && end + 2 < text.size() &&
                 text[end + 1] == ':' && isWordPart(text[end + 2]))
          end += 2;
        else
          break;
      }
      if (end == at + 1)
        return source.error(line, "a '.' that nothing follows");
      return finish(token, Token::Kind::Dot, at + 1, end);
    }
    if (c == '"') {
      const size_t end = text.find_first_of("\"\n", at + 1);
      if (end == std::string_view::npos || text[end] == '\n')
        return source.error(line, "this string has no end");
      token.kind = Token::Kind::String;
      token.text = text.substr(at + 1, end - at - 1);
      at = end + 1;
      return Status::success();
    }
    for (const char *two : {"<<", ">>"})
      if (c == two[0] && peek(1) == two[1])
        return finish(token, Token::Kind::Punct, at, at + 2);
    if (std::strchr("@!|,;:{}[]()<>+-*/%&^~=?", c) != nullptr)
      return finish(token, Token::Kind::Punct, at, at + 1);
    return source.error(line, "a character that PTX does not have");
  }

  Status finish(Token &token, Token::Kind kind, size_t begin, size_t end) {
    token.kind = kind;
    token.text = text.substr(begin, end - begin);
    at = end;
    return Status::success();
  }

  Status scanNumber(Token &token) {
    size_t end = at;
    while (end < text.size() &&
           (isWordPart(text[end]) ||
            (text[end] == '.' && isDigit(peekAt(end + 1)))))
      end += 1;
    // A decimal exponent with a sign.
    std::string_view body = text.substr(at, end - at);
    const bool based = body.size() > 1 && body[0] == '0' && !isDigit(body[1]) &&
                       body[1] != '.';
    if (!based && (body.back() == 'e' || body.back() == 'E') &&
        (peekAt(end) == '-' || peekAt(end) == '+')) {
      ++end;
      while (end < text.size() && isDigit(text[end]))
        ++end;
      body = text.substr(at, end - at);
    }
    token.text = body;
    token.kind = Token::Kind::Integer;
    at = end;

    if (body.size() > 2 && body[0] == '0' &&
        std::strchr("fFdD", body[1]) != nullptr) {
      const size_t digits = body[1] == 'f' || body[1] == 'F' ? 8 : 16;
      token.kind = Token::Kind::Float;
      token.floatBits = digits == 8 ? 32 : 64;
      if (body.size() != digits + 2)
        return source.error(line, "the float '" + std::string(body) +
                                      "' needs " + std::to_string(digits) +
                                      " hexadecimal digits");
      return integer(token, body.substr(2), 16);
    }
    if (!based && body.find_first_of(".eE") != std::string_view::npos) {
      double value = 0.0;
      const auto [stop, error] =
          std::from_chars(body.data(), body.data() + body.size(), value);
      if (error != std::errc() || stop != body.data() + body.size())
        return malformed(body);
      token.kind = Token::Kind::Float;
      token.floatBits = 64;
      std::memcpy(&token.value, &value, sizeof(value));
      return Status::success();
    }
    while (body.size() > 1 && (body.back() == 'U' || body.back() == 'u'))
      body.remove_suffix(1);
    if (body.size() > 2 && body[0] == '0' && (body[1] == 'x' || body[1] == 'X'))
      return integer(token, body.substr(2), 16);
    if (body.size() > 2 && body[0] == '0' && (body[1] == 'b' || body[1] == 'B'))
      return integer(token, body.substr(2), 2);
    if (body.size() > 1 && body[0] == '0')
      return integer(token, body.substr(1), 8);
    return integer(token, body, 10);
  }

  char peekAt(size_t index) const {
    return index < text.size() ? text[index] : '\0';
  }

  Status malformed(std::string_view body) {
    return source.error(line, "'" + std::string(body.substr(0, 40)) +
                                  "' is not a number of 64 bits or fewer");
  }

  Status integer(Token &token, std::string_view digits, int base) {
    const auto [stop, error] = std::from_chars(
        digits.data(), digits.data() + digits.size(), token.value, base);
    if (error != std::errc() || stop != digits.data() + digits.size())
      return malformed(token.text);
    return Status::success();
  }

  const SourceText &source;
  std::string_view text;
  size_t at = 0;
  uint32_t line = 1;
};

} // namespace

Expected<std::vector<Token>>
ra::runtime::sim::tokenize(const SourceText &source) {
  return Scanner(source).run();
}
