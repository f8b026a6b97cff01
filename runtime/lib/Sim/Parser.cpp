//===- Parser.cpp - Modules, variables and function headers of PTX -------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Parser.h"

#include <cstring>

using namespace ra::runtime;
using namespace ra::runtime::sim;

/// Bounds on what a text of a few bytes can ask for.
static constexpr uint64_t kMaxVariableBytes = uint64_t(1) << 32;
static constexpr uint64_t kMaxInitializedBytes = uint64_t(1) << 28;
static constexpr uint64_t kMaxAlign = 4096;

bool ra::runtime::sim::parseType(std::string_view text, Type &type) {
  type = Type();
  if (text == "pred") {
    type.kind = Type::Kind::Predicate;
    type.bits = 1;
    return true;
  }
  std::string_view rest = text;
  if (rest.substr(0, 2) == "bf") {
    type.brain = true;
    rest.remove_prefix(1);
  }
  if (rest.size() < 2)
    return false;
  switch (rest[0]) {
  case 'b':
    type.kind = Type::Kind::Bits;
    break;
  case 's':
    type.kind = Type::Kind::Signed;
    break;
  case 'u':
    type.kind = Type::Kind::Unsigned;
    break;
  case 'f':
    type.kind = Type::Kind::Float;
    break;
  default:
    return false;
  }
  rest.remove_prefix(1);
  if (rest.size() > 2 && rest.substr(rest.size() - 2) == "x2") {
    type.packed = true;
    rest.remove_suffix(2);
  }
  const bool isFloat = type.kind == Type::Kind::Float;
  if (rest == "8" && !isFloat && !type.packed)
    type.bits = 8;
  else if (rest == "16")
    type.bits = 16;
  else if (rest == "32" && (!type.packed || isFloat))
    type.bits = 32;
  else if (rest == "64" && !type.packed)
    type.bits = 64;
  else if (rest == "128" && type.kind == Type::Kind::Bits && !type.packed)
    type.bits = 128;
  else
    return false;
  return !type.brain || type.bits == 16;
}

std::string ra::runtime::sim::registerName(const RegisterName &name) {
  return name.number < 0 ? std::string(name.name)
                         : std::string(name.name) + std::to_string(name.number);
}

//===----------------------------------------------------------------------===//
// Tokens
//===----------------------------------------------------------------------===//

bool Parser::accept(char c) {
  if (!peek().is(c))
    return false;
  next();
  return true;
}

bool Parser::errorAt(uint32_t line, const std::string &text) {
  if (!message)
    message = ast.source.error(line, text).message;
  return false;
}

bool Parser::unexpected(const char *wanted) {
  const Token &token = peek();
  if (token.kind == Token::Kind::End)
    return error(std::string("the text ends where ") + wanted + " is expected");
  std::string shown(token.text.substr(0, 40));
  if (token.kind == Token::Kind::Dot)
    shown = "." + shown;
  return error(std::string(wanted) + " is expected, not '" + shown + "'");
}

bool Parser::expect(char c, const char *where) {
  if (accept(c))
    return true;
  return unexpected((std::string("'") + c + "' " + where).c_str());
}

bool Parser::expectWord(std::string_view &word, const char *what) {
  if (peek().kind != Token::Kind::Word)
    return unexpected(what);
  word = next().text;
  return true;
}

bool Parser::expectInteger(uint64_t &value, const char *what) {
  if (peek().kind != Token::Kind::Integer)
    return unexpected(what);
  value = next().value;
  return true;
}

bool Parser::skipToSemicolon() {
  while (!peek().is(';')) {
    if (peek().kind == Token::Kind::End)
      return unexpected("';'");
    next();
  }
  next();
  return true;
}

//===----------------------------------------------------------------------===//
// Constant expressions
//===----------------------------------------------------------------------===//

bool Parser::parseUnary(uint64_t &value, int depth) {
  if (depth > 32)
    return error("this expression is nested too deeply");
  if (accept('-')) {
    if (!parseUnary(value, depth + 1))
      return false;
    value = 0 - value;
    return true;
  }
  if (accept('~')) {
    if (!parseUnary(value, depth + 1))
      return false;
    value = ~value;
    return true;
  }
  if (accept('+'))
    return parseUnary(value, depth + 1);
  if (accept('('))
    return parseExpression(value, 0, depth + 1) &&
           expect(')', "after an expression");
  return expectInteger(value, "an integer");
}

/// Levels, weakest first: | ^ & shifts + *.
bool Parser::parseExpression(uint64_t &value, int level, int depth) {
  if (level == 6)
    return parseUnary(value, depth);
  if (!parseExpression(value, level + 1, depth))
    return false;
  static constexpr const char *kOperators[] = {"|",  "^",  "&",
                                               "<>", "+-", "*/%"};
  while (peek().kind == Token::Kind::Punct &&
         std::strchr(kOperators[level], peek().text[0]) != nullptr &&
         (level == 3) == (peek().text.size() == 2)) {
    const char op = next().text[0];
    uint64_t right = 0;
    if (!parseExpression(right, level + 1, depth))
      return false;
    if ((op == '/' || op == '%') && right == 0)
      return error("a division by zero in a constant expression");
    switch (op) {
    case '|':
      value |= right;
      break;
    case '^':
      value ^= right;
      break;
    case '&':
      value &= right;
      break;
    case '<':
      value = right > 63 ? 0 : value << right;
      break;
    case '>':
      value = right > 63 ? 0 : value >> right;
      break;
    case '+':
      value += right;
      break;
    case '-':
      value -= right;
      break;
    case '*':
      value *= right;
      break;
    case '/':
      value /= right;
      break;
    default:
      value %= right;
    }
  }
  return true;
}

bool Parser::parseConstant(Operand &operand) {
  const bool minus = peek().is('-') && peek(1).kind == Token::Kind::Float;
  if (minus)
    next();
  if (peek().kind == Token::Kind::Float) {
    const Token &token = next();
    operand.kind = Operand::Kind::Float;
    operand.floatBits = token.floatBits;
    operand.value = token.value;
    if (minus)
      operand.value ^= uint64_t(1) << (token.floatBits - 1);
    return true;
  }
  operand.kind = Operand::Kind::Integer;
  return parseExpression(operand.value, 0, 0);
}

//===----------------------------------------------------------------------===//
// The module
//===----------------------------------------------------------------------===//

Status Parser::run() {
  bool good = true;
  while (good && peek().kind != Token::Kind::End)
    good = parseDirective();
  if (good && ast.versionMajor == 0)
    good = errorAt(1, "the module has no .version directive");
  if (good && ast.target.empty())
    good = errorAt(1, "the module has no .target directive");
  if (good)
    return Status::success();
  return fail(*message);
}

bool Parser::parseDirective() {
  if (accept(';'))
    return true;
  if (peek().kind != Token::Kind::Dot)
    return unexpected("a directive");
  const Token &token = next();
  const std::string_view name = token.text;
  if (name == "version")
    return parseVersion();
  if (name == "target")
    return parseTarget();
  if (name == "address_size") {
    uint64_t size = 0;
    if (!expectInteger(size, "the address size"))
      return false;
    return size == 64 || errorAt(token.line, "only .address_size 64 is "
                                             "supported");
  }
  if (name == "file")
    return parseFile();
  if (name == "section")
    return skipSection();
  if (name == "pragma")
    return skipToSemicolon();

  bool external = false;
  std::string_view kind = name;
  while (kind == "extern" || kind == "visible" || kind == "weak" ||
         kind == "common") {
    external |= kind == "extern";
    if (peek().kind != Token::Kind::Dot)
      return unexpected("a directive");
    kind = next().text;
  }
  if (kind == "entry" || kind == "func")
    return parseFunction(kind == "entry", external);
  if (kind == "global")
    return parseVariables(ast.variables, Space::Global, external, false);
  if (kind == "const")
    return parseVariables(ast.variables, Space::Const, external, false);
  if (kind == "shared")
    return parseVariables(ast.variables, Space::Shared, external, false);
  return errorAt(token.line, "the directive '." + std::string(kind) +
                                 "' is not supported here");
}

bool Parser::parseVersion() {
  // "8.0" is one token: a decimal number.
  const Token &token = next();
  const std::string text(token.text);
  const size_t dot = text.find('.');
  if (dot == std::string::npos || dot == 0 || dot + 1 == text.size() ||
      text.find_first_not_of("0123456789.") != std::string::npos ||
      text.size() > 8)
    return errorAt(token.line, "a version such as 8.0 is expected");
  ast.versionMajor =
      static_cast<uint32_t>(std::strtoul(text.c_str(), nullptr, 10));
  ast.versionMinor =
      static_cast<uint32_t>(std::strtoul(text.c_str() + dot + 1, nullptr, 10));
  if (ast.versionMajor < 6 || ast.versionMajor > 9)
    return errorAt(token.line, "PTX versions 6.0 to 9.x are supported");
  return true;
}

bool Parser::parseTarget() {
  const uint32_t line = peek().line;
  do {
    std::string_view word;
    if (!expectWord(word, "a target"))
      return false;
    if (word.substr(0, 3) == "sm_")
      ast.target = std::string(word);
    else if (word != "debug" && word != "texmode_independent" &&
             word != "texmode_unified")
      return errorAt(line,
                     "the target '" + std::string(word) + "' is not supported");
  } while (accept(','));
  return true;
}

bool Parser::parseFile() {
  uint64_t index = 0;
  if (!expectInteger(index, "a file number"))
    return false;
  if (peek().kind != Token::Kind::String)
    return unexpected("a file name in quotes");
  ast.files[static_cast<uint32_t>(index)] = std::string(next().text);
  while (accept(',')) {
    uint64_t ignored = 0;
    if (!expectInteger(ignored, "a time or a size"))
      return false;
  }
  return true;
}

/// DWARF is not executed.
bool Parser::skipSection() {
  while (!peek().is('{')) {
    if (peek().kind == Token::Kind::End)
      return unexpected("'{' of the section");
    next();
  }
  while (!peek().is('}')) {
    if (peek().kind == Token::Kind::End)
      return unexpected("'}' of the section");
    next();
  }
  next();
  return true;
}

//===----------------------------------------------------------------------===//
// Variables
//===----------------------------------------------------------------------===//

bool Parser::parseVariables(std::vector<Variable> &into, Space space,
                            bool external, bool inFunction) {
  Variable model;
  model.space = space;
  model.external = external;
  bool typed = false;
  uint64_t vectorWidth = 1;
  uint64_t align = 0;
  while (peek().kind == Token::Kind::Dot) {
    const Token &token = next();
    if (token.text == "align") {
      if (!expectInteger(align, "an alignment"))
        return false;
      if (align == 0 || (align & (align - 1)) != 0 || align > kMaxAlign)
        return errorAt(token.line, "an alignment is a power of 2 up to 4096");
    } else if (token.text == "v2" || token.text == "v4") {
      vectorWidth = token.text == "v2" ? 2 : 4;
    } else if (token.text.substr(0, 9) == "attribute") {
      return errorAt(token.line, "'.attribute' is not supported");
    } else if (!typed && parseType(token.text, model.type) &&
               model.type.kind != Type::Kind::Predicate) {
      typed = true;
    } else {
      return errorAt(token.line, "'." + std::string(token.text) +
                                     "' is not supported in a declaration");
    }
  }
  if (!typed)
    return unexpected("a type");
  do {
    Variable variable = model;
    variable.line = peek().line;
    if (!expectWord(variable.name, "a name"))
      return false;
    const uint64_t elementBytes = model.type.bytes() * vectorWidth;
    variable.align = align != 0 ? align : elementBytes;
    uint64_t count = 1;
    while (accept('[')) {
      if (accept(']')) {
        variable.unsizedArray = true;
        count = 0;
        continue;
      }
      uint64_t extent = 0;
      if (!parseExpression(extent, 0, 0) || !expect(']', "after an extent"))
        return false;
      if (extent > kMaxVariableBytes || count * extent > kMaxVariableBytes)
        return errorAt(variable.line, "this array is too large");
      count *= extent;
    }
    variable.bytes = count * elementBytes;
    if (variable.bytes > kMaxVariableBytes)
      return errorAt(variable.line, "this array is too large");
    if (accept('=') && !parseInitializer(variable, model.type.bytes()))
      return false;
    if (variable.unsizedArray && variable.initial.empty() &&
        !(space == Space::Shared && external))
      return errorAt(variable.line,
                     "an array without an extent is only supported as "
                     ".extern .shared or with an initialiser");
    auto &names = inFunction ? scopes.back().variables : ast.variableByName;
    const auto [place, isNew] =
        names.try_emplace(variable.name, static_cast<uint32_t>(into.size()));
    if (!isNew) {
      // An extern declaration may be repeated, and completed later.
      Variable &known = into[place->second];
      if (inFunction || !(known.external || external))
        return errorAt(variable.line, "'" + std::string(variable.name) +
                                          "' is declared twice");
      if (!external)
        known = std::move(variable);
      continue;
    }
    into.push_back(std::move(variable));
  } while (accept(','));
  return expect(';', "after a declaration");
}

bool Parser::parseInitializer(Variable &variable, uint64_t elementBytes) {
  if (variable.space == Space::Shared || variable.space == Space::Local ||
      variable.space == Space::Param)
    return errorAt(variable.line,
                   "only .global and .const variables have initialisers");
  if (variable.bytes > kMaxInitializedBytes)
    return errorAt(variable.line, "this initialised array is too large");
  variable.initial.resize(variable.bytes);
  uint64_t offset = 0;
  if (!(accept('{') ? parseInitialValues(variable, elementBytes, offset, 0)
                    : parseInitialValue(variable, elementBytes, offset)))
    return false;
  if (variable.unsizedArray)
    variable.bytes = variable.initial.size();
  return true;
}

bool Parser::parseInitialValues(Variable &variable, uint64_t elementBytes,
                                uint64_t &offset, int depth) {
  if (depth > 8)
    return error("this initialiser is nested too deeply");
  while (!accept('}')) {
    if (!(accept('{')
              ? parseInitialValues(variable, elementBytes, offset, depth + 1)
              : parseInitialValue(variable, elementBytes, offset)))
      return false;
    if (!peek().is('}') && !expect(',', "between initial values"))
      return false;
  }
  return true;
}

bool Parser::parseInitialValue(Variable &variable, uint64_t elementBytes,
                               uint64_t &offset) {
  const uint32_t line = peek().line;
  if (variable.unsizedArray && variable.initial.size() < kMaxInitializedBytes)
    variable.initial.resize(
        std::max<uint64_t>(variable.initial.size(), offset + elementBytes));
  if (offset + elementBytes > variable.initial.size())
    return error("more initial values than elements");
  uint64_t bits = 0;
  if (peek().kind == Token::Kind::Word) {
    Relocation relocation{};
    relocation.line = line;
    relocation.offset = offset;
    relocation.bytes = static_cast<uint8_t>(elementBytes);
    const bool generic = peek().isWord("generic") && peek(1).is('(');
    if (generic) {
      next();
      next();
    }
    if (!expectWord(relocation.symbol, "a name"))
      return false;
    if (generic && !expect(')', "after generic("))
      return false;
    if ((peek().is('+') || peek().is('-')) &&
        !parseExpression(relocation.addend, 4, 0))
      return false;
    if (elementBytes != 8)
      return errorAt(line, "an address needs an element of 64 bits");
    variable.relocations.push_back(relocation);
  } else {
    Operand constant;
    if (!parseConstant(constant))
      return false;
    bits = constant.value;
    if (constant.kind == Operand::Kind::Float &&
        constant.floatBits != variable.type.bits) {
      if (variable.type.kind != Type::Kind::Float || variable.type.bits != 32)
        return errorAt(line, "this float does not have the variable's width");
      double wide;
      std::memcpy(&wide, &bits, sizeof(wide));
      const float narrow = static_cast<float>(wide);
      uint32_t word;
      std::memcpy(&word, &narrow, sizeof(word));
      bits = word;
    }
  }
  std::memcpy(variable.initial.data() + offset, &bits,
              std::min<uint64_t>(elementBytes, 8));
  offset += elementBytes;
  return true;
}

//===----------------------------------------------------------------------===//
// Function headers
//===----------------------------------------------------------------------===//

bool Parser::parseParameter(Function &function, std::vector<Parameter> &into) {
  Parameter parameter;
  if (peek().kind != Token::Kind::Dot)
    return unexpected(".param or .reg");
  const Token &kind = next();
  const bool isRegister = kind.text == "reg";
  if (!isRegister && kind.text != "param")
    return errorAt(kind.line, "a parameter is .param or .reg");
  uint64_t align = 0;
  bool typed = false;
  while (peek().kind == Token::Kind::Dot) {
    const Token &token = next();
    if (token.text == "align") {
      if (!expectInteger(align, "an alignment"))
        return false;
      if (align == 0 || (align & (align - 1)) != 0 || align > kMaxAlign)
        return errorAt(token.line, "an alignment is a power of 2 up to 4096");
    } else if (token.text == "ptr") {
      // What it points to: advice only. Its .align belongs to it.
      while (peek().kind == Token::Kind::Dot) {
        const std::string_view what = next().text;
        uint64_t ignored = 0;
        if (what == "align" && !expectInteger(ignored, "an alignment"))
          return false;
        if (what != "align" && what != "global" && what != "shared" &&
            what != "local" && what != "const")
          return errorAt(token.line, "'." + std::string(what) +
                                         "' is not supported after .ptr");
      }
    } else if (!typed && parseType(token.text, parameter.type)) {
      typed = true;
    } else {
      return errorAt(token.line, "'." + std::string(token.text) +
                                     "' is not supported in a parameter");
    }
  }
  if (!typed)
    return unexpected("a type");
  const uint32_t line = peek().line;
  if (!expectWord(parameter.name, "a parameter's name"))
    return false;
  parameter.bytes = parameter.type.bytes();
  if (accept('[')) {
    uint64_t extent = 0;
    parameter.isArray = true;
    if (peek().is(']'))
      return error("variadic parameters are not supported");
    if (!parseExpression(extent, 0, 0) || !expect(']', "after an extent"))
      return false;
    if (extent == 0 || extent > 65536)
      return errorAt(line, "a parameter has 1 to 65536 elements");
    parameter.bytes *= extent;
  }
  if (isRegister) {
    if (!addRegister(function, parameter.type, parameter.name, -1))
      return false;
    parameter.registerIndex =
        static_cast<int32_t>(function.registers.size()) - 1;
  } else if (parameter.bytes == 0) {
    return errorAt(line, "a .param cannot be a predicate");
  }
  parameter.align = align != 0 ? align : std::max(1U, parameter.type.bytes());
  into.push_back(parameter);
  return true;
}

bool Parser::parseParameters(Function &function, std::vector<Parameter> &into) {
  while (!accept(')')) {
    if (!parseParameter(function, into))
      return false;
    if (!peek().is(')') && !expect(',', "between parameters"))
      return false;
  }
  uint64_t offset = 0;
  for (Parameter &parameter : into) {
    offset = (offset + parameter.align - 1) / parameter.align * parameter.align;
    parameter.offset = offset;
    offset += parameter.bytes;
  }
  return true;
}

bool Parser::parseDims(uint32_t *dims, const char *what) {
  for (int i = 0; i < 3; ++i) {
    uint64_t value = 1;
    if ((i == 0 || accept(',')) && !expectInteger(value, what))
      return false;
    if (value == 0 || value > (1U << 20))
      return error(std::string(what) + " is out of range");
    dims[i] = static_cast<uint32_t>(value);
  }
  return true;
}

bool Parser::parsePerformanceDirectives(Function &function) {
  while (peek().kind == Token::Kind::Dot) {
    const Token &token = next();
    uint32_t dims[3];
    uint64_t ignored = 0;
    if (token.text == "maxntid") {
      if (!parseDims(dims, "a number of threads"))
        return false;
      const uint64_t threads = uint64_t(dims[0]) * dims[1] * dims[2];
      function.maximumThreads =
          static_cast<uint32_t>(std::min<uint64_t>(threads, UINT32_MAX));
    } else if (token.text == "reqntid") {
      if (!parseDims(function.requiredThreads, "a number of threads"))
        return false;
    } else if (token.text == "minnctapersm" || token.text == "maxnctapersm" ||
               token.text == "maxnreg") {
      if (!expectInteger(ignored, "a number"))
        return false;
    } else if (token.text == "pragma") {
      if (!skipToSemicolon())
        return false;
    } else if (token.text != "noreturn" && token.text != "unique") {
      return errorAt(token.line, "the directive '." + std::string(token.text) +
                                     "' is not supported");
    }
  }
  return true;
}

bool Parser::parseFunction(bool isEntry, bool external) {
  Function function;
  function.isEntry = isEntry;
  function.line = peek().line;
  scopes.assign(1, Scope());
  if (!isEntry && accept('(') && !parseParameters(function, function.returns))
    return false;
  if (!expectWord(function.name, "a function's name"))
    return false;
  if (accept('(') && !parseParameters(function, function.parameters))
    return false;
  if (!function.parameters.empty())
    function.parameterBytes =
        function.parameters.back().offset + function.parameters.back().bytes;
  if (!parsePerformanceDirectives(function))
    return false;
  if (accept(';') || external)
    function.isDeclaration = true;
  else if (!expect('{', "at the start of a body") || !parseBody(function))
    return false;

  const auto [place, isNew] = ast.functionByName.try_emplace(
      function.name, static_cast<uint32_t>(ast.functions.size()));
  if (isNew) {
    ast.functions.push_back(std::move(function));
    return true;
  }
  Function &known = ast.functions[place->second];
  if (!known.isDeclaration && !function.isDeclaration)
    return errorAt(function.line,
                   "'" + std::string(function.name) + "' is defined twice");
  if (!function.isDeclaration)
    known = std::move(function);
  return true;
}

Expected<std::unique_ptr<Ast>> ra::runtime::sim::parseModule(std::string text,
                                                             std::string name) {
  auto ast =
      std::make_unique<Ast>(SourceText(std::move(text), std::move(name)));
  Expected<std::vector<Token>> tokens = tokenize(ast->source);
  if (!tokens)
    return tokens.takeFailure();
  Status status = Parser(*ast, std::move(*tokens)).run();
  if (!status.ok())
    return status.takeFailure();
  return ast;
}
