//===- Parser.h - From PTX text to an AST -----------------------*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RA_RUNTIME_LIB_SIM_PARSER_H
#define RA_RUNTIME_LIB_SIM_PARSER_H

#include "Ast.h"

#include <optional>

namespace ra::runtime::sim {

/// Names that a `{ }` of a function body declares.
struct Scope {
  std::unordered_map<std::string_view, uint32_t> registers, variables;
  struct Range {
    std::string_view prefix;
    uint32_t first, count;
  };
  std::vector<Range> ranges;
};

/// A recursive-descent parser over the tokens of a module. A member that fails
/// returns false after error() has kept the message.
class Parser {
public:
  Parser(Ast &ast, std::vector<Token> tokens)
      : ast(ast), tokens(std::move(tokens)) {}

  Status run();

private:
  // Tokens.
  const Token &peek(size_t ahead = 0) const {
    return tokens[std::min(at + ahead, tokens.size() - 1)];
  }
  const Token &next() {
    const Token &token = tokens[at];
    if (at + 1 < tokens.size())
      ++at;
    return token;
  }
  bool accept(char c);
  bool expect(char c, const char *where);
  bool expectWord(std::string_view &word, const char *what);
  bool expectInteger(uint64_t &value, const char *what);
  bool error(const std::string &message) {
    return errorAt(peek().line, message);
  }
  bool errorAt(uint32_t line, const std::string &message);
  bool unexpected(const char *wanted);

  // Modules (Parser.cpp).
  bool parseDirective();
  bool parseVersion();
  bool parseTarget();
  bool parseFile();
  bool skipSection();
  bool skipToSemicolon();
  bool parseVariables(std::vector<Variable> &into, Space space, bool external,
                      bool inFunction);
  bool parseInitializer(Variable &variable, uint64_t elementBytes);
  bool parseInitialValues(Variable &variable, uint64_t elementBytes,
                          uint64_t &offset, int depth);
  bool parseInitialValue(Variable &variable, uint64_t elementBytes,
                         uint64_t &offset);
  bool parseFunction(bool isEntry, bool external);
  bool parseParameters(Function &function, std::vector<Parameter> &into);
  bool parseParameter(Function &function, std::vector<Parameter> &into);
  bool parsePerformanceDirectives(Function &function);
  bool parseDims(uint32_t *dims, const char *what);

  // Bodies (ParserBody.cpp).
  bool parseBody(Function &function);
  bool parseBodyDirective(Function &function);
  bool parseRegisters(Function &function);
  bool addRegister(Function &function, Type type, std::string_view name,
                   int32_t number);
  bool parseStatement(Function &function);
  bool parseInstruction(Function &function);
  bool parseCall(Function &function, Instruction &instruction);
  bool parseCallList(Function &function, std::vector<Operand> &into);
  bool parseOperand(Function &function, Operand &operand, int depth = 0);
  bool parsePrimary(Function &function, Operand &operand, int depth);
  bool parseVector(Function &function, Operand &operand, int depth);
  bool parseAddress(Function &function, Operand &operand);
  bool parseName(Operand &operand);
  bool parseLoc(Function &function);
  bool parseTargets(Function &function, std::string_view label);

  // Constant expressions.
  bool parseConstant(Operand &operand);
  bool parseExpression(uint64_t &value, int level, int depth);
  bool parseUnary(uint64_t &value, int depth);

  std::optional<uint32_t> findRegister(std::string_view name) const;
  std::optional<uint32_t> findVariable(std::string_view name) const;

  Ast &ast;
  std::vector<Token> tokens;
  size_t at = 0;
  std::vector<Scope> scopes;
  std::optional<std::string> message;
};

} // namespace ra::runtime::sim

#endif // RA_RUNTIME_LIB_SIM_PARSER_H
