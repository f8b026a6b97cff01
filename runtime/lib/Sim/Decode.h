//===- Decode.h - From the AST to decoded programs --------------*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RA_RUNTIME_LIB_SIM_DECODE_H
#define RA_RUNTIME_LIB_SIM_DECODE_H

#include "Machine.h"

#include <optional>

namespace ra::runtime::sim {

/// Bits of `width` without a meaning.
inline Type bitsType(unsigned width) {
  return Type{Type::Kind::Bits, static_cast<uint8_t>(width), false, false};
}

/// Decodes the instructions of one function. The decoders of the families use
/// it to take an instruction's modifiers and operands one by one; the first
/// failure is kept, the rest of that instruction does not matter then.
class Decoder {
public:
  Decoder(Program &program, Code &code) : program(program), code(code) {}

  /// Decodes the whole function; false after a failure, see message().
  bool run();
  const std::string &message() const { return *error; }

  //===--- The instruction ------------------------------------------------===//

  std::string_view opcode() const { return instruction->opcode; }
  /// Fails with `text`. Returns false.
  bool fail(const std::string &text);
  bool ok() const { return !error; }

  /// Takes the next modifier if it is `modifier`.
  bool take(std::string_view modifier);
  /// Takes the next modifier if it is one of `names`; its index, or -1.
  int takeOneOf(std::initializer_list<std::string_view> names);
  /// The next modifier without taking it; empty at the end.
  std::string_view peekModifier(size_t ahead = 0) const;
  void skipModifier() { ++nextModifier; }
  /// The next modifier, which must be a type.
  Type takeType();
  /// Fails unless all modifiers were taken.
  bool endOfModifiers();
  /// Fails with "modifier '.x' is not supported here".
  bool badModifier();
  /// Fails unless the number of operands is `low` to `high`.
  bool operandCount(size_t low, size_t high);
  size_t operandCount() const { return instruction->operands.size(); }
  const Operand &operand(size_t index) const {
    return instruction->operands[index];
  }
  const Instruction &current() const { return *instruction; }

  //===--- Operands: byte offsets into the frame
  //---------------------------===//

  /// A register to write, with lanes of 64 bits or of 32. `_` gets a slot that
  /// nothing reads.
  uint32_t dst(size_t index, Type type) { return dst(operand(index), type); }
  uint32_t dst(const Operand &operand, Type type);
  /// A register, constant, special register or address of a variable to read.
  uint32_t src(size_t index, Type type) { return src(operand(index), type); }
  uint32_t src(const Operand &operand, Type type);
  uint32_t predicateDst(const Operand &operand);
  /// A predicate to read; also the constants 0, 1 and `!%p`, which sets
  /// `negated`.
  uint32_t predicateSrc(const Operand &operand, bool &negated);
  /// An integer known now.
  bool constantInteger(const Operand &operand, int64_t &value,
                       const char *what);

  /// An operand of ld, st and cvt, whose register may be wider than the type:
  /// `lanes` becomes 64 or 32, as the register is.
  uint32_t wideDst(const Operand &operand, Type type, unsigned &lanes);
  uint32_t wideSrc(const Operand &operand, Type type, unsigned &lanes);
  const Type &registerType(const Operand &operand) const {
    return code.ast->registers[operand.index].type;
  }

  /// A slot that holds `bits` in each lane (width 64 or 32).
  uint32_t constant(uint64_t bits, unsigned width);
  /// A frame value's slot.
  uint32_t special(SpecialValue value, unsigned width, uint64_t argument = 0,
                   uint64_t addend = 0);
  /// Keeps an array for Op::list.
  const uint32_t *list(const std::vector<uint32_t> &values);
  /// The elements of a vector operand, or the operand itself.
  const std::vector<Operand> &elements(const Operand &operand);

  /// [register + constant] or [symbol + constant]: op.a holds the address
  /// register with lanes of op.extra bits, op.imm the constant. `space` is
  /// changed from Param to Local for what a function's frame holds.
  bool address(const Operand &operand, Space &space, Op &op);

  /// The local-frame offset of a body's `.param` variable.
  std::optional<uint32_t> frameParameter(const Operand &operand,
                                         uint64_t &bytes) const;
  std::optional<uint32_t> functionIndex(std::string_view name) const;
  /// The instruction that a label names.
  bool label(const Operand &operand, uint32_t &target);
  uint32_t instructionIndex() const { return position; }

  Program &program;
  Code &code;

private:
  void layOut();
  uint32_t registerSlot(uint32_t index);
  uint32_t symbolSlot(const Operand &operand, unsigned width);
  void useShared(uint32_t index);
  bool decodeOne(Op &op);
  /// Of each instruction; one past the last is the exit.
  std::vector<std::vector<uint32_t>> successors() const;

  const Instruction *instruction = nullptr;
  uint32_t position = 0;
  size_t nextModifier = 0;
  std::optional<std::string> error;

  std::vector<uint32_t> registerOffsets;
  std::vector<uint32_t> variableOffsets; ///< Local frame, by body variable.
  std::unordered_map<uint64_t, uint32_t> constants32, constants64;
  std::unordered_map<std::string, uint32_t> specials;
  uint32_t scratch32 = 0, scratch64 = 0, scratchPredicate = 0;
  uint32_t predicateConstants = 0; ///< Slots of "none" and, 4 on, "all".
};

/// A family's decoder: fills `op`, or fails through the decoder.
using DecodeFunction = bool (*)(Decoder &, Op &);
using OpcodeTable = std::unordered_map<std::string_view, DecodeFunction>;

void addIntegerOps(OpcodeTable &table);
void addLogicOps(OpcodeTable &table);
void addFloatOps(OpcodeTable &table);
void addConvertOps(OpcodeTable &table);
void addCompareOps(OpcodeTable &table);
void addMoveOps(OpcodeTable &table);
void addMemoryOps(OpcodeTable &table);
void addAtomicOps(OpcodeTable &table);
void addAsyncOps(OpcodeTable &table);
void addWarpOps(OpcodeTable &table);
void addMatrixOps(OpcodeTable &table);
void addWmmaOps(OpcodeTable &table);
void addControlOps(OpcodeTable &table);

// Opcodes that several families share.
bool decodeFloatArithmetic(Decoder &d, Op &op); ///< add, sub, mul, fma...
bool decodeHalfArithmetic(Decoder &d, Op &op, Type type);

/// Immediate postdominators of the branches of a function.
void findReconvergence(Code &code,
                       const std::vector<std::vector<uint32_t>> &successors);

/// Decodes a parsed module. Allocates its variables in `memory`.
Expected<std::unique_ptr<Program>> loadProgram(std::unique_ptr<Ast> ast,
                                               GlobalMemory &memory);

} // namespace ra::runtime::sim

#endif // RA_RUNTIME_LIB_SIM_DECODE_H
