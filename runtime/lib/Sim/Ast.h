//===- Ast.h - What a PTX module says ---------------------------*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RA_RUNTIME_LIB_SIM_AST_H
#define RA_RUNTIME_LIB_SIM_AST_H

#include "Lexer.h"

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace ra::runtime::sim {

/// A fundamental type: a letter and a width. F is IEEE, except for width 16
/// with `brain` (bf16); other narrow formats exist as names of instructions
/// only.
struct Type {
  enum class Kind : uint8_t { Bits, Signed, Unsigned, Float, Predicate };

  Kind kind = Kind::Bits;
  uint8_t bits = 0; ///< 1 for predicates.
  bool brain = false;
  /// Two values of `bits` in one register of twice the width (f16x2, u16x2).
  bool packed = false;

  uint32_t bytes() const { return bits * (packed ? 2U : 1U) / 8U; }
  bool operator==(const Type &other) const {
    return kind == other.kind && bits == other.bits && brain == other.brain &&
           packed == other.packed;
  }
};

/// "f32", "b16", "pred", "bf16x2"...; false for any other text.
bool parseType(std::string_view text, Type &type);

enum class Space : uint8_t { Generic, Global, Shared, Local, Const, Param };

struct Operand {
  enum class Kind : uint8_t {
    Register, ///< `index` into Function::registers
    Special,  ///< `name` with its component: "%tid.x"
    Integer,  ///< `value`
    Float,    ///< `value` holds `floatBits` bits
    Symbol,   ///< `name`: variable, function, label; `value` is added to it
    Vector,   ///< `elements`
    Address,  ///< [elements[0] + value], or for tensors [elements[0],
              ///< elements[1]]
    Sink      ///< `_`
  };

  Kind kind = Kind::Integer;
  bool negated = false; ///< `!%p`
  uint8_t floatBits = 0;
  uint32_t index = 0;
  uint64_t value = 0;
  std::string_view name;
  std::vector<Operand> elements;
  /// `d|p`: the second destination, as elements of this operand's pair.
  std::vector<Operand> second;
};

struct Instruction {
  uint32_t line = 0;
  int32_t predicate = -1; ///< Register, or -1.
  bool predicateNegated = false;
  std::string_view opcode;
  std::vector<std::string_view> modifiers;
  std::vector<Operand> operands;
  /// call: (returns), function, (arguments), prototype or targets.
  std::vector<Operand> callReturns, callArguments;
};

struct RegisterName {
  Type type;
  std::string_view name; ///< With its number for `%r<N>`: see registerName().
  int32_t number = -1;
};

struct Relocation {
  uint64_t offset;
  std::string_view symbol;
  uint64_t addend;
  uint8_t bytes;
  uint32_t line;
};

struct Variable {
  std::string_view name;
  Space space = Space::Global;
  Type type;
  uint32_t line = 0;
  uint64_t align = 1;
  uint64_t bytes = 0; ///< 0 for `extern .shared x[]`.
  bool external = false;
  bool unsizedArray = false;
  std::vector<uint8_t> initial; ///< Empty: zeros.
  std::vector<Relocation> relocations;
};

/// A parameter of a kernel or a function.
struct Parameter {
  std::string_view name;
  Type type;
  uint64_t align = 1;
  uint64_t bytes = 0;
  uint64_t offset = 0;        ///< In the parameter block.
  bool isArray = false;       ///< `.b8 name[n]`: by value.
  int32_t registerIndex = -1; ///< `.reg` parameters of functions.
};

/// `.loc`: where the instructions from `firstInstruction` on come from.
struct SourceLocation {
  uint32_t firstInstruction, file, line;
};

struct Function {
  std::string_view name;
  bool isEntry = false, isDeclaration = false;
  uint32_t line = 0;
  std::vector<Parameter> parameters, returns;
  std::vector<RegisterName> registers;
  std::vector<Variable> variables; ///< Of the body: shared, local, param...
  std::vector<Instruction> body;
  std::unordered_map<std::string_view, uint32_t> labels; ///< To instructions.
  /// `.branchtargets` / `.calltargets`: label to the list.
  std::unordered_map<std::string_view, std::vector<std::string_view>> targets;
  std::vector<SourceLocation> locations;
  uint32_t requiredThreads[3] = {0, 0, 0}; ///< .reqntid, zeros if absent.
  uint32_t maximumThreads = 0;             ///< .maxntid product, 0 if absent.
  uint64_t parameterBytes = 0;
};

struct Ast {
  explicit Ast(SourceText text) : source(std::move(text)) {}

  SourceText source;
  uint32_t versionMajor = 0, versionMinor = 0;
  std::string target; ///< "sm_80"
  std::vector<Variable> variables;
  std::vector<Function> functions;
  std::unordered_map<std::string_view, uint32_t> functionByName;
  std::unordered_map<std::string_view, uint32_t> variableByName;
  std::unordered_map<uint32_t, std::string> files; ///< .file
};

/// Parses a module. Every failure quotes the line and says what is wrong or
/// not supported. Opcodes and modifiers are judged by the decoder.
Expected<std::unique_ptr<Ast>> parseModule(std::string text, std::string name);

/// "%r12"
std::string registerName(const RegisterName &name);

} // namespace ra::runtime::sim

#endif // RA_RUNTIME_LIB_SIM_AST_H
