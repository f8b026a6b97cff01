//===- ParserBody.cpp - Function bodies of PTX ---------------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Parser.h"

#include <charconv>

using namespace ra::runtime;
using namespace ra::runtime::sim;

/// More than compilers use by far; a text of a few bytes could ask for more.
static constexpr uint64_t kMaxRegisters = 1U << 16;
static constexpr size_t kMaxScopes = 256;

std::optional<uint32_t> Parser::findRegister(std::string_view name) const {
  for (size_t i = scopes.size(); i-- > 0;) {
    const auto found = scopes[i].registers.find(name);
    if (found != scopes[i].registers.end())
      return found->second;
    size_t digits = name.size();
    while (digits > 1 && name[digits - 1] >= '0' && name[digits - 1] <= '9')
      --digits;
    const std::string_view number = name.substr(digits);
    if (number.empty() || (number.size() > 1 && number[0] == '0'))
      continue;
    uint32_t value = 0;
    const auto [stop, code] =
        std::from_chars(number.data(), number.data() + number.size(), value);
    if (code != std::errc())
      continue;
    for (const Scope::Range &range : scopes[i].ranges)
      if (range.prefix == name.substr(0, digits) && value < range.count)
        return range.first + value;
  }
  return std::nullopt;
}

std::optional<uint32_t> Parser::findVariable(std::string_view name) const {
  for (size_t i = scopes.size(); i-- > 0;) {
    const auto found = scopes[i].variables.find(name);
    if (found != scopes[i].variables.end())
      return found->second;
  }
  return std::nullopt;
}

bool Parser::addRegister(Function &function, Type type, std::string_view name,
                         int32_t number) {
  if (function.registers.size() >= kMaxRegisters)
    return error("more than 65536 registers in one function");
  if (number < 0 &&
      !scopes.back()
           .registers
           .try_emplace(name, static_cast<uint32_t>(function.registers.size()))
           .second)
    return error("'" + std::string(name) + "' is declared twice");
  function.registers.push_back({type, name, number});
  return true;
}

bool Parser::parseRegisters(Function &function) {
  const uint32_t line = peek().line;
  Type type;
  if (peek().kind != Token::Kind::Dot || !parseType(peek().text, type))
    return unexpected("a register type that is supported");
  next();
  if (type.bits == 128)
    return errorAt(line, "registers of 128 bits are not supported");
  do {
    std::string_view name;
    if (!expectWord(name, "a register's name"))
      return false;
    if (!accept('<')) {
      if (!addRegister(function, type, name, -1))
        return false;
      continue;
    }
    uint64_t count = 0;
    if (!expectInteger(count, "a number of registers") ||
        !expect('>', "after a number of registers"))
      return false;
    if (count > kMaxRegisters)
      return errorAt(line, "more than 65536 registers in one function");
    scopes.back().ranges.push_back(
        {name, static_cast<uint32_t>(function.registers.size()),
         static_cast<uint32_t>(count)});
    for (uint64_t i = 0; i < count; ++i)
      if (!addRegister(function, type, name, static_cast<int32_t>(i)))
        return false;
  } while (accept(','));
  return expect(';', "after a declaration");
}

bool Parser::parseBody(Function &function) {
  // scopes[0] holds what the header declared, scopes[1] is the body's.
  scopes.emplace_back();
  while (true) {
    if (peek().kind == Token::Kind::End)
      return errorAt(function.line, "the body of '" +
                                        std::string(function.name) +
                                        "' has no end");
    if (accept('}')) {
      scopes.pop_back();
      if (scopes.size() == 1)
        return true;
    } else if (accept('{')) {
      if (scopes.size() > kMaxScopes)
        return error("scopes are nested too deeply");
      scopes.emplace_back();
    } else if (!parseStatement(function)) {
      return false;
    }
  }
}

bool Parser::parseStatement(Function &function) {
  if (accept(';'))
    return true;
  if (peek().kind == Token::Kind::Dot)
    return parseBodyDirective(function);
  if (peek().kind == Token::Kind::Word && peek(1).is(':')) {
    const Token &label = next();
    next();
    if (peek().isDot("branchtargets") || peek().isDot("calltargets")) {
      next();
      return parseTargets(function, label.text);
    }
    if (peek().isDot("callprototype"))
      return skipToSemicolon();
    if (!function.labels
             .try_emplace(label.text,
                          static_cast<uint32_t>(function.body.size()))
             .second)
      return errorAt(label.line, "the label '" + std::string(label.text) +
                                     "' is defined twice");
    return true;
  }
  return parseInstruction(function);
}

bool Parser::parseBodyDirective(Function &function) {
  const Token &token = next();
  const std::string_view name = token.text;
  if (name == "reg")
    return parseRegisters(function);
  if (name == "shared")
    return parseVariables(function.variables, Space::Shared, false, true);
  if (name == "local")
    return parseVariables(function.variables, Space::Local, false, true);
  if (name == "param")
    return parseVariables(function.variables, Space::Param, false, true);
  if (name == "global")
    return parseVariables(function.variables, Space::Global, false, true);
  if (name == "const")
    return parseVariables(function.variables, Space::Const, false, true);
  if (name == "loc")
    return parseLoc(function);
  if (name == "pragma")
    return skipToSemicolon();
  if (name == "extern" && peek().isDot("shared")) {
    next();
    return parseVariables(function.variables, Space::Shared, true, true);
  }
  return errorAt(token.line, "the directive '." + std::string(name) +
                                 "' is not supported in a body");
}

/// .loc FILE LINE COLUMN [, function_name LABEL [+ N], inlined_at F L C]
bool Parser::parseLoc(Function &function) {
  uint64_t file = 0, line = 0, column = 0;
  if (!expectInteger(file, "a file number") ||
      !expectInteger(line, "a line number") ||
      !expectInteger(column, "a column"))
    return false;
  function.locations.push_back({static_cast<uint32_t>(function.body.size()),
                                static_cast<uint32_t>(file),
                                static_cast<uint32_t>(line)});
  while (accept(',')) {
    std::string_view what;
    if (!expectWord(what, "function_name or inlined_at"))
      return false;
    if (what == "function_name") {
      if (!expectWord(what, "a label"))
        return false;
      uint64_t ignored = 0;
      if (accept('+') && !expectInteger(ignored, "an offset"))
        return false;
    } else if (what == "inlined_at") {
      for (int i = 0; i < 3; ++i)
        if (!expectInteger(column, "a number"))
          return false;
    } else {
      return error("'" + std::string(what) + "' is not supported in .loc");
    }
  }
  return true;
}

bool Parser::parseTargets(Function &function, std::string_view label) {
  std::vector<std::string_view> names;
  do {
    std::string_view name;
    if (!expectWord(name, "a label"))
      return false;
    names.push_back(name);
  } while (accept(','));
  function.targets[label] = std::move(names);
  return expect(';', "after the targets");
}

bool Parser::parseInstruction(Function &function) {
  Instruction instruction;
  instruction.line = peek().line;
  if (accept('@')) {
    instruction.predicateNegated = accept('!');
    std::string_view name;
    if (!expectWord(name, "a predicate"))
      return false;
    const std::optional<uint32_t> found = findRegister(name);
    if (!found || function.registers[*found].type.kind != Type::Kind::Predicate)
      return error("'" + std::string(name) + "' is not a predicate register");
    instruction.predicate = static_cast<int32_t>(*found);
  }
  if (!expectWord(instruction.opcode, "an instruction"))
    return false;
  instruction.line = tokens[at - 1].line;
  while (peek().kind == Token::Kind::Dot)
    instruction.modifiers.push_back(next().text);
  if (instruction.opcode == "call") {
    if (!parseCall(function, instruction))
      return false;
  } else {
    while (!peek().is(';')) {
      if (!instruction.operands.empty() && !expect(',', "between operands"))
        return false;
      Operand operand;
      if (!parseOperand(function, operand))
        return false;
      instruction.operands.push_back(std::move(operand));
    }
  }
  if (!expect(';', "after an instruction"))
    return false;
  function.body.push_back(std::move(instruction));
  return true;
}

bool Parser::parseCallList(Function &function, std::vector<Operand> &into) {
  while (!accept(')')) {
    Operand operand;
    if (!parseOperand(function, operand))
      return false;
    into.push_back(std::move(operand));
    if (!peek().is(')') && !expect(',', "between parameters"))
      return false;
  }
  return true;
}

/// call [(returns),] function [, (arguments)] [, prototype or targets]
bool Parser::parseCall(Function &function, Instruction &instruction) {
  if (accept('(') && (!parseCallList(function, instruction.callReturns) ||
                      !expect(',', "after the return parameters")))
    return false;
  Operand callee;
  if (!parseOperand(function, callee))
    return false;
  instruction.operands.push_back(std::move(callee));
  if (accept(',')) {
    if (accept('(')) {
      if (!parseCallList(function, instruction.callArguments))
        return false;
      if (!accept(','))
        return true;
    }
    Operand prototype;
    if (!parseOperand(function, prototype))
      return false;
    instruction.operands.push_back(std::move(prototype));
  }
  return true;
}

bool Parser::parseOperand(Function &function, Operand &operand, int depth) {
  if (accept('!')) {
    if (!parsePrimary(function, operand, depth))
      return false;
    operand.negated = true;
    return true;
  }
  if (!parsePrimary(function, operand, depth))
    return false;
  if (accept('|')) {
    Operand second;
    if (!parsePrimary(function, second, depth))
      return false;
    operand.second.push_back(std::move(second));
  }
  return true;
}

bool Parser::parsePrimary(Function &function, Operand &operand, int depth) {
  const Token &token = peek();
  if (token.is('{'))
    return parseVector(function, operand, depth);
  if (token.is('['))
    return parseAddress(function, operand);
  if (token.kind == Token::Kind::Word)
    return parseName(operand);
  if (token.kind == Token::Kind::Integer || token.kind == Token::Kind::Float ||
      token.is('-') || token.is('(') || token.is('~'))
    return parseConstant(operand);
  return unexpected("an operand");
}

bool Parser::parseVector(Function &function, Operand &operand, int depth) {
  if (depth > 1)
    return error("vectors are nested too deeply");
  next();
  operand.kind = Operand::Kind::Vector;
  while (!accept('}')) {
    Operand element;
    if (!parseOperand(function, element, depth + 1))
      return false;
    operand.elements.push_back(std::move(element));
    if (!peek().is('}') && !expect(',', "between elements"))
      return false;
  }
  return true;
}

bool Parser::parseAddress(Function &function, Operand &operand) {
  next();
  operand.kind = Operand::Kind::Address;
  Operand base;
  if (peek().kind == Token::Kind::Word) {
    if (!parseName(base))
      return false;
  } else if (!parseConstant(base)) {
    return false;
  }
  if (accept('+')) {
    uint64_t offset = 0;
    if (!parseExpression(offset, 5, 0))
      return false;
    operand.value = offset;
  }
  operand.elements.push_back(std::move(base));
  if (accept(',')) {
    Operand coordinates;
    if (!parseOperand(function, coordinates, 1))
      return false;
    operand.elements.push_back(std::move(coordinates));
  }
  return expect(']', "after an address");
}

bool Parser::parseName(Operand &operand) {
  const Token &token = next();
  if (token.text == "_") {
    operand.kind = Operand::Kind::Sink;
    return true;
  }
  operand.name = token.text;
  if (const std::optional<uint32_t> found = findRegister(token.text)) {
    operand.kind = Operand::Kind::Register;
    operand.index = *found;
    if (peek().kind == Token::Kind::Dot && peek().glued)
      return error("components of vector registers are not supported");
    return true;
  }
  if (token.text[0] == '%') {
    operand.kind = Operand::Kind::Special;
    if (peek().kind == Token::Kind::Dot && peek().glued) {
      const Token &component = next();
      // Glued: the name, the dot and the component follow each other.
      const std::string_view source = ast.source.text();
      const auto begin = static_cast<size_t>(token.text.data() - source.data());
      operand.name =
          source.substr(begin, token.text.size() + 1 + component.text.size());
    }
    return true;
  }
  // Variables of inner scopes may share a name: `index` says which, from 1.
  operand.kind = Operand::Kind::Symbol;
  if (const std::optional<uint32_t> variable = findVariable(token.text))
    operand.index = *variable + 1;
  if (peek().is('+') ||
      (peek().is('-') && peek(1).kind == Token::Kind::Integer)) {
    const bool minus = next().is('-');
    if (!parseExpression(operand.value, 5, 0))
      return false;
    if (minus)
      operand.value = 0 - operand.value;
  }
  return true;
}
