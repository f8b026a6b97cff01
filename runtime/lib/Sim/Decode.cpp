//===- Decode.cpp - From the AST to decoded programs ---------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Decode.h"

#include <algorithm>

using namespace ra::runtime;
using namespace ra::runtime::sim;

static constexpr uint32_t kSlot32 = 128, kSlot64 = 256;
static constexpr uint64_t kMaxLocalBytes = 512 * 1024;

static unsigned totalBits(const Type &type) {
  return type.bits * (type.packed ? 2U : 1U);
}

static std::string typeName(const Type &type) {
  if (type.kind == Type::Kind::Predicate)
    return ".pred";
  std::string name = ".";
  name += type.brain                          ? "bf"
          : type.kind == Type::Kind::Float    ? "f"
          : type.kind == Type::Kind::Signed   ? "s"
          : type.kind == Type::Kind::Unsigned ? "u"
                                              : "b";
  name += std::to_string(type.bits);
  return type.packed ? name + "x2" : name;
}

static const OpcodeTable &opcodeTable() {
  static const OpcodeTable *table = [] {
    auto *made = new OpcodeTable;
    addIntegerOps(*made);
    addLogicOps(*made);
    addFloatOps(*made);
    addConvertOps(*made);
    addCompareOps(*made);
    addMoveOps(*made);
    addMemoryOps(*made);
    addAtomicOps(*made);
    addAsyncOps(*made);
    addWarpOps(*made);
    addMatrixOps(*made);
    addWmmaOps(*made);
    addControlOps(*made);
    return made;
  }();
  return *table;
}

//===----------------------------------------------------------------------===//
// Modifiers
//===----------------------------------------------------------------------===//

bool Decoder::fail(const std::string &text) {
  if (!error)
    error = program.ast->source.error(instruction->line, text).message;
  return false;
}

std::string_view Decoder::peekModifier(size_t ahead) const {
  const size_t index = nextModifier + ahead;
  return index < instruction->modifiers.size() ? instruction->modifiers[index]
                                               : std::string_view();
}

bool Decoder::take(std::string_view modifier) {
  if (peekModifier() != modifier)
    return false;
  ++nextModifier;
  return true;
}

int Decoder::takeOneOf(std::initializer_list<std::string_view> names) {
  int index = 0;
  for (const std::string_view name : names) {
    if (take(name))
      return index;
    ++index;
  }
  return -1;
}

Type Decoder::takeType() {
  Type type;
  if (parseType(peekModifier(), type))
    ++nextModifier;
  else
    badModifier();
  return type;
}

bool Decoder::badModifier() {
  const std::string_view modifier = peekModifier();
  if (modifier.empty())
    return fail("'" + std::string(opcode()) +
                "' lacks a modifier, or this form is not supported");
  return fail("'." + std::string(modifier) +
              "' is not supported in this form "
              "of '" +
              std::string(opcode()) + "'");
}

bool Decoder::endOfModifiers() {
  return nextModifier == instruction->modifiers.size() || badModifier();
}

bool Decoder::operandCount(size_t low, size_t high) {
  const size_t count = instruction->operands.size();
  if (count >= low && count <= high)
    return true;
  return fail("'" + std::string(opcode()) + "' has " + std::to_string(count) +
              " operands, not " + std::to_string(low) +
              (low == high ? "" : " to " + std::to_string(high)));
}

//===----------------------------------------------------------------------===//
// Slots
//===----------------------------------------------------------------------===//

void Decoder::layOut() {
  const Function &function = *code.ast;
  uint32_t top = 0;
  // Wide registers first, so that every slot is aligned.
  registerOffsets.resize(function.registers.size());
  for (const uint32_t size : {kSlot64, kSlot32, uint32_t(4)})
    for (size_t i = 0; i < function.registers.size(); ++i) {
      const uint32_t bits = totalBits(function.registers[i].type);
      if ((bits == 64 ? kSlot64 : bits == 1 ? 4 : kSlot32) != size)
        continue;
      registerOffsets[i] = top;
      top += size;
    }
  scratchPredicate = top;
  top = (top + 4 + 63) / 64 * 64;
  scratch32 = top;
  scratch64 = top;
  top += kSlot64;
  code.constantStart = top;
  code.frameBytes = top;
  // Predicate constants: no lane, all lanes.
  code.constants.assign(64, 0);
  const uint32_t all = UINT32_MAX;
  std::memcpy(code.constants.data() + 4, &all, 4);
  predicateConstants = top;
  code.frameBytes += 64;

  uint64_t local = 0;
  const auto place = [&](uint64_t bytes, uint64_t align) {
    local = (local + align - 1) / align * align;
    const uint64_t offset = local;
    local += bytes;
    return static_cast<uint32_t>(offset);
  };
  if (!function.isEntry) {
    for (const auto *parameters : {&function.parameters, &function.returns})
      for (const Parameter &parameter : *parameters) {
        const bool inRegister = parameter.registerIndex >= 0;
        auto &offsets = parameters == &function.parameters
                            ? code.parameterOffsets
                            : code.returnOffsets;
        auto &registers = parameters == &function.parameters
                              ? code.parameterRegisters
                              : code.returnRegisters;
        offsets.push_back(inRegister ? 0
                                     : place(parameter.bytes, parameter.align));
        registers.push_back(
            inRegister
                ? registerOffsets[static_cast<size_t>(parameter.registerIndex)]
                : kNoRegister);
      }
  }
  for (const Variable &variable : function.variables)
    variableOffsets.push_back(variable.space == Space::Local ||
                                      variable.space == Space::Param
                                  ? place(variable.bytes, variable.align)
                                  : 0);
  if (local > kMaxLocalBytes)
    error = program.ast->source
                .error(function.line,
                       "the function needs " + std::to_string(local) +
                           " bytes of local memory; a thread has 512 KiB")
                .message;
  else
    code.localBytes = static_cast<uint32_t>((local + 15) / 16 * 16);
}

uint32_t Decoder::registerSlot(uint32_t index) {
  return registerOffsets[index];
}

uint32_t Decoder::constant(uint64_t bits, unsigned width) {
  auto &known = width == 64 ? constants64 : constants32;
  const auto [place, isNew] = known.try_emplace(bits, code.frameBytes);
  if (isNew) {
    const size_t size = width == 64 ? 8 : 4;
    for (unsigned i = 0; i < 32; ++i) {
      const size_t at = code.constants.size();
      code.constants.resize(at + size);
      std::memcpy(code.constants.data() + at, &bits, size);
    }
    code.frameBytes += width == 64 ? kSlot64 : kSlot32;
  }
  return place->second;
}

uint32_t Decoder::special(SpecialValue value, unsigned width, uint64_t argument,
                          uint64_t addend) {
  const std::string key =
      std::to_string(static_cast<int>(value)) + "," + std::to_string(width) +
      "," + std::to_string(argument) + "," + std::to_string(addend);
  const auto [place, isNew] = specials.try_emplace(key, code.frameBytes);
  if (isNew) {
    code.values.push_back(
        {value, width == 64, code.frameBytes, argument, addend});
    const uint32_t size = width == 64 ? kSlot64 : kSlot32;
    code.constants.resize(code.constants.size() + size);
    code.frameBytes += size;
  }
  return place->second;
}

const uint32_t *Decoder::list(const std::vector<uint32_t> &values) {
  code.lists.emplace_back(new uint32_t[values.size() + 1]);
  std::copy(values.begin(), values.end(), code.lists.back().get());
  return code.lists.back().get();
}

const std::vector<Operand> &Decoder::elements(const Operand &operand) {
  static const std::vector<Operand> none;
  if (operand.kind == Operand::Kind::Vector)
    return operand.elements;
  fail("a vector { } is expected");
  return none;
}

//===----------------------------------------------------------------------===//
// Operands
//===----------------------------------------------------------------------===//

uint32_t Decoder::wideDst(const Operand &operand, Type type, unsigned &lanes) {
  lanes = totalBits(type) == 64 ? 64 : 32;
  if (operand.kind == Operand::Kind::Sink)
    return lanes == 64 ? scratch64 : scratch32;
  if (operand.kind != Operand::Kind::Register) {
    fail("a register is expected as the destination");
    return 0;
  }
  const Type &have = registerType(operand);
  if (have.kind == Type::Kind::Predicate || totalBits(have) < totalBits(type)) {
    fail("the register '" + std::string(operand.name) + "' is " +
         typeName(have) + ", the instruction needs " + typeName(type));
    return 0;
  }
  lanes = totalBits(have) == 64 ? 64 : 32;
  return registerSlot(operand.index);
}

uint32_t Decoder::dst(const Operand &operand, Type type) {
  unsigned lanes = 0;
  const uint32_t slot = wideDst(operand, type, lanes);
  if (ok() && operand.kind == Operand::Kind::Register &&
      totalBits(registerType(operand)) != totalBits(type))
    fail("the register '" + std::string(operand.name) + "' is " +
         typeName(registerType(operand)) + ", the instruction needs " +
         typeName(type));
  return slot;
}

uint32_t Decoder::wideSrc(const Operand &operand, Type type, unsigned &lanes) {
  lanes = totalBits(type) == 64 ? 64 : 32;
  if (operand.negated) {
    fail("'!' is for predicates");
    return 0;
  }
  switch (operand.kind) {
  case Operand::Kind::Register: {
    const Type &have = registerType(operand);
    if (have.kind == Type::Kind::Predicate ||
        totalBits(have) < totalBits(type)) {
      fail("the register '" + std::string(operand.name) + "' is " +
           typeName(have) + ", the instruction needs " + typeName(type));
      return 0;
    }
    lanes = totalBits(have) == 64 ? 64 : 32;
    return registerSlot(operand.index);
  }
  case Operand::Kind::Integer:
    if (type.kind == Type::Kind::Float && type.bits > 16) {
      fail("a " + typeName(type) +
           " operand cannot be an integer; write a float such as 0f3F800000");
      return 0;
    }
    // Values of fewer bits are extended by whoever reads them.
    return constant(lanes == 64 ? operand.value : operand.value & UINT32_MAX,
                    lanes);
  case Operand::Kind::Float: {
    if (totalBits(type) == operand.floatBits)
      return constant(operand.value, lanes);
    if (operand.floatBits == 64 && type.kind == Type::Kind::Float &&
        type.bits == 32) {
      double wide;
      std::memcpy(&wide, &operand.value, sizeof(wide));
      const float narrow = static_cast<float>(wide);
      uint32_t bits;
      std::memcpy(&bits, &narrow, sizeof(bits));
      return constant(bits, 32);
    }
    fail("a float of " + std::to_string(operand.floatBits) +
         " bits cannot be a " + typeName(type) + " operand");
    return 0;
  }
  case Operand::Kind::Special: {
    struct Name {
      std::string_view name;
      SpecialValue value;
    };
    static constexpr Name kNames[] = {
        {"%tid.x", SpecialValue::ThreadX},
        {"%tid.y", SpecialValue::ThreadY},
        {"%tid.z", SpecialValue::ThreadZ},
        {"%ctaid.x", SpecialValue::BlockX},
        {"%ctaid.y", SpecialValue::BlockY},
        {"%ctaid.z", SpecialValue::BlockZ},
        {"%ntid.x", SpecialValue::BlockDimX},
        {"%ntid.y", SpecialValue::BlockDimY},
        {"%ntid.z", SpecialValue::BlockDimZ},
        {"%nctaid.x", SpecialValue::GridDimX},
        {"%nctaid.y", SpecialValue::GridDimY},
        {"%nctaid.z", SpecialValue::GridDimZ},
        {"%laneid", SpecialValue::LaneId},
        {"%warpid", SpecialValue::WarpId},
        {"%nwarpid", SpecialValue::WarpCount},
        {"%smid", SpecialValue::SmId},
        {"%nsmid", SpecialValue::SmCount},
        {"%gridid", SpecialValue::GridId},
        {"%lanemask_eq", SpecialValue::LaneMaskEq},
        {"%lanemask_lt", SpecialValue::LaneMaskLt},
        {"%lanemask_le", SpecialValue::LaneMaskLe},
        {"%lanemask_gt", SpecialValue::LaneMaskGt},
        {"%lanemask_ge", SpecialValue::LaneMaskGe},
        {"%dynamic_smem_size", SpecialValue::DynamicSharedBytes},
        {"%total_smem_size", SpecialValue::TotalSharedBytes}};
    for (const Name &entry : kNames)
      if (entry.name == operand.name)
        return special(entry.value, lanes);
    fail("the special register '" + std::string(operand.name) +
         "' is not supported here, or a register is not declared");
    return 0;
  }
  case Operand::Kind::Symbol:
    if (totalBits(type) < 32) {
      fail("an address needs a register of 32 or 64 bits");
      return 0;
    }
    return symbolSlot(operand, lanes);
  default:
    fail("a register or a constant is expected");
    return 0;
  }
}

uint32_t Decoder::src(const Operand &operand, Type type) {
  unsigned lanes = 0;
  const uint32_t slot = wideSrc(operand, type, lanes);
  if (ok() && operand.kind == Operand::Kind::Register &&
      totalBits(registerType(operand)) != totalBits(type))
    fail("the register '" + std::string(operand.name) + "' is " +
         typeName(registerType(operand)) + ", the instruction needs " +
         typeName(type));
  return slot;
}

void Decoder::useShared(uint32_t index) {
  if (std::find(code.sharedUsed.begin(), code.sharedUsed.end(), index) ==
      code.sharedUsed.end())
    code.sharedUsed.push_back(index);
}

std::optional<uint32_t> Decoder::functionIndex(std::string_view name) const {
  const auto found = program.ast->functionByName.find(name);
  if (found == program.ast->functionByName.end())
    return std::nullopt;
  return found->second;
}

uint32_t Decoder::symbolSlot(const Operand &operand, unsigned width) {
  const auto sharedSlot = [&](const Variable &variable) {
    for (uint32_t i = 0; i < program.shared.size(); ++i)
      if (program.shared[i].variable == &variable) {
        useShared(i);
        return special(SpecialValue::SharedAddress, width, i, operand.value);
      }
    fail("an unknown shared variable");
    return uint32_t(0);
  };
  if (operand.index != 0) {
    const Variable &variable = code.ast->variables[operand.index - 1];
    if (variable.space == Space::Shared)
      return sharedSlot(variable);
    if (variable.space == Space::Local || variable.space == Space::Param)
      return special(SpecialValue::LocalAddress, width,
                     variableOffsets[operand.index - 1], operand.value);
    fail(".global and .const variables in a body are not supported");
    return 0;
  }
  for (const Parameter &parameter : code.ast->parameters)
    if (parameter.name == operand.name) {
      if (code.ast->isEntry)
        return constant(parameter.offset + operand.value, width);
      const size_t index =
          static_cast<size_t>(&parameter - code.ast->parameters.data());
      return special(SpecialValue::LocalAddress, width,
                     code.parameterOffsets[index], operand.value);
    }
  for (size_t i = 0; i < code.ast->returns.size(); ++i)
    if (code.ast->returns[i].name == operand.name)
      return special(SpecialValue::LocalAddress, width, code.returnOffsets[i],
                     operand.value);
  const auto variable = program.ast->variableByName.find(operand.name);
  if (variable != program.ast->variableByName.end()) {
    const Variable &found = program.ast->variables[variable->second];
    if (found.space == Space::Shared)
      return sharedSlot(found);
    if (found.external && found.bytes == 0) {
      fail("'" + std::string(operand.name) + "' is only declared");
      return 0;
    }
    return constant(program.variableAddresses[variable->second] + operand.value,
                    width);
  }
  if (const std::optional<uint32_t> index = functionIndex(operand.name)) {
    if (std::find(code.callees.begin(), code.callees.end(), *index) ==
        code.callees.end())
      code.callees.push_back(*index);
    return constant(kCodeWindow + *index, width);
  }
  fail("'" + std::string(operand.name) + "' is not declared");
  return 0;
}

uint32_t Decoder::predicateDst(const Operand &operand) {
  if (operand.kind == Operand::Kind::Sink)
    return scratchPredicate;
  if (operand.kind == Operand::Kind::Register &&
      registerType(operand).kind == Type::Kind::Predicate)
    return registerSlot(operand.index);
  fail("a predicate register is expected");
  return 0;
}

uint32_t Decoder::predicateSrc(const Operand &operand, bool &negated) {
  negated = operand.negated;
  if (operand.kind == Operand::Kind::Integer)
    return predicateConstants + (operand.value != 0 ? 4 : 0);
  if (operand.kind == Operand::Kind::Register &&
      registerType(operand).kind == Type::Kind::Predicate)
    return registerSlot(operand.index);
  fail("a predicate is expected");
  return 0;
}

bool Decoder::constantInteger(const Operand &operand, int64_t &value,
                              const char *what) {
  if (operand.kind != Operand::Kind::Integer)
    return fail(std::string(what) + " must be an integer constant");
  value = static_cast<int64_t>(operand.value);
  return true;
}

std::optional<uint32_t> Decoder::frameParameter(const Operand &operand,
                                                uint64_t &bytes) const {
  if (operand.kind != Operand::Kind::Symbol || operand.index == 0)
    return std::nullopt;
  const Variable &variable = code.ast->variables[operand.index - 1];
  if (variable.space != Space::Param)
    return std::nullopt;
  bytes = variable.bytes;
  return variableOffsets[operand.index - 1];
}

bool Decoder::address(const Operand &operand, Space &space, Op &op) {
  if (operand.kind != Operand::Kind::Address || operand.elements.size() != 1)
    return fail("an address [ ] is expected");
  const Operand &base = operand.elements[0];
  op.imm = static_cast<int64_t>(operand.value);
  op.extra = 64;
  if (base.kind == Operand::Kind::Integer) {
    op.a = constant(base.value, 64);
    return true;
  }
  if (base.kind == Operand::Kind::Register) {
    const Type &type = registerType(base);
    const unsigned bits = totalBits(type);
    if (bits != 64 && bits != 32)
      return fail("an address register has 64 bits, or 32");
    op.a = registerSlot(base.index);
    op.extra = bits;
    return true;
  }
  if (base.kind != Operand::Kind::Symbol)
    return fail("an address needs a register or a variable");
  if (space == Space::Param) {
    // What a frame holds: a body's variables, a device function's parameters.
    bool inKernel = false;
    for (const Parameter &parameter : code.ast->parameters)
      inKernel |=
          base.index == 0 && code.ast->isEntry && parameter.name == base.name;
    if (!inKernel)
      space = Space::Local;
  }
  op.a = symbolSlot(base, 64);
  return ok();
}

bool Decoder::label(const Operand &operand, uint32_t &target) {
  if (operand.kind != Operand::Kind::Symbol)
    return fail("a label is expected");
  const auto found = code.ast->labels.find(operand.name);
  if (found == code.ast->labels.end())
    return fail("the label '" + std::string(operand.name) + "' is not defined");
  target = found->second;
  return true;
}

//===----------------------------------------------------------------------===//
// Functions and modules
//===----------------------------------------------------------------------===//

bool Decoder::decodeOne(Op &op) {
  nextModifier = 0;
  op.line = instruction->line;
  if (instruction->predicate >= 0) {
    op.predicate =
        registerSlot(static_cast<uint32_t>(instruction->predicate)) + 1;
    op.predicateNegated = instruction->predicateNegated;
  }
  const OpcodeTable &table = opcodeTable();
  const auto found = table.find(instruction->opcode);
  if (found == table.end())
    return fail("the instruction '" + std::string(instruction->opcode) +
                "' is not supported");
  for (const Operand &operand : instruction->operands)
    if (operand.second.size() > 1)
      return fail("too many destinations");
  return found->second(*this, op) && ok();
}

bool Decoder::run() {
  layOut();
  if (error)
    return false;
  const Function &function = *code.ast;
  code.ops.resize(function.body.size() + 1);
  for (position = 0; position < function.body.size(); ++position) {
    instruction = &function.body[position];
    if (!decodeOne(code.ops[position])) {
      if (!error)
        fail("this instruction is not supported");
      return false;
    }
  }
  // Falling off the end returns.
  static const Instruction kReturn = [] {
    Instruction made;
    made.opcode = "ret";
    return made;
  }();
  instruction = &kReturn;
  if (!decodeOne(code.ops[position]))
    return false;
  findReconvergence(code, successors());
  return true;
}

std::vector<std::vector<uint32_t>> Decoder::successors() const {
  const std::vector<Instruction> &body = code.ast->body;
  const auto end = static_cast<uint32_t>(code.ops.size());
  std::vector<std::vector<uint32_t>> result(end);
  for (uint32_t i = 0; i < end; ++i) {
    const std::string_view name = i < body.size() ? body[i].opcode : "ret";
    std::vector<uint32_t> &next = result[i];
    if (name == "bra")
      next.push_back(static_cast<uint32_t>(code.ops[i].imm));
    else if (name == "brx")
      next.assign(code.ops[i].list, code.ops[i].list + code.ops[i].extra);
    else if (name == "ret" || name == "exit" || name == "trap")
      next.push_back(end);
    if (next.empty() || code.ops[i].predicate != 0)
      next.push_back(i + 1);
  }
  return result;
}

static uint64_t roundUp(uint64_t value, uint64_t align) {
  return (value + align - 1) / align * align;
}

/// Adds what `code` and the functions that it may call need.
static void collectShared(const Program &program, const Code &code,
                          std::vector<bool> &seen, std::vector<bool> &used) {
  std::vector<const Code *> work = {&code};
  while (!work.empty()) {
    const Code *next = work.back();
    work.pop_back();
    if (seen[next->index])
      continue;
    seen[next->index] = true;
    for (const uint32_t variable : next->sharedUsed)
      used[variable] = true;
    for (const uint32_t callee : next->callees)
      work.push_back(&program.codes[callee]);
  }
}

static Status makeKernel(Program &program, const Code &code) {
  auto kernel = std::make_unique<Kernel>();
  kernel->program = &program;
  kernel->code = &code;
  std::vector<bool> seen(program.codes.size()), used(program.shared.size());
  collectShared(program, code, seen, used);
  kernel->sharedOffsets.assign(program.shared.size(), UINT32_MAX);
  uint64_t top = 0;
  // Dynamic shared memory follows what is static.
  uint64_t dynamicAlign = 16;
  for (size_t i = 0; i < program.shared.size(); ++i) {
    const Variable &variable = *program.shared[i].variable;
    if (!used[i])
      continue;
    if (variable.unsizedArray) {
      dynamicAlign = std::max(dynamicAlign, variable.align);
      continue;
    }
    top = roundUp(top, variable.align);
    kernel->sharedOffsets[i] = static_cast<uint32_t>(top);
    top += variable.bytes;
    if (top > (uint64_t(1) << 24))
      return program.ast->source.error(variable.line,
                                       "too much static shared memory");
  }
  bool anyDynamic = false;
  for (size_t i = 0; i < program.shared.size(); ++i)
    if (used[i] && program.shared[i].variable->unsizedArray)
      anyDynamic = true;
  if (anyDynamic)
    top = roundUp(top, dynamicAlign);
  for (size_t i = 0; i < program.shared.size(); ++i)
    if (used[i] && program.shared[i].variable->unsizedArray)
      kernel->sharedOffsets[i] = static_cast<uint32_t>(top);
  kernel->staticSharedBytes = static_cast<uint32_t>(top);
  program.kernels.push_back(std::move(kernel));
  return Status::success();
}

static Status placeVariables(Program &program, GlobalMemory &memory) {
  const Ast &ast = *program.ast;
  for (const Variable &variable : ast.variables) {
    if (variable.space == Space::Shared) {
      program.shared.push_back({&variable});
      program.variableAddresses.push_back(0);
      continue;
    }
    Expected<uint64_t> address =
        memory.allocate(variable.bytes, std::string(variable.name),
                        variable.space == Space::Const);
    if (!address)
      return ast.source.error(variable.line, address.message());
    program.variableAddresses.push_back(*address);
    if (!variable.initial.empty())
      std::memcpy(memory.resolve(*address, variable.bytes),
                  variable.initial.data(), variable.initial.size());
  }
  for (const Function &function : ast.functions)
    for (const Variable &variable : function.variables)
      if (variable.space == Space::Shared)
        program.shared.push_back({&variable});
  for (size_t i = 0; i < ast.variables.size(); ++i)
    for (const Relocation &relocation : ast.variables[i].relocations) {
      uint64_t value = 0;
      const auto variable = ast.variableByName.find(relocation.symbol);
      const auto function = ast.functionByName.find(relocation.symbol);
      if (variable != ast.variableByName.end() &&
          ast.variables[variable->second].space != Space::Shared)
        value = program.variableAddresses[variable->second];
      else if (function != ast.functionByName.end())
        value = kCodeWindow + function->second;
      else
        return ast.source.error(relocation.line,
                                "'" + std::string(relocation.symbol) +
                                    "' is not a variable or a function");
      value += relocation.addend;
      std::memcpy(
          memory.resolve(program.variableAddresses[i] + relocation.offset, 8),
          &value, 8);
    }
  return Status::success();
}

Expected<std::unique_ptr<Program>>
ra::runtime::sim::loadProgram(std::unique_ptr<Ast> ast, GlobalMemory &memory) {
  auto program = std::make_unique<Program>();
  program->ast = std::move(ast);
  Status status = placeVariables(*program, memory);
  if (!status.ok())
    return status.takeFailure();
  const std::vector<Function> &functions = program->ast->functions;
  program->codes.resize(functions.size());
  for (size_t i = 0; i < functions.size(); ++i) {
    Code &code = program->codes[i];
    code.ast = &functions[i];
    code.index = static_cast<uint32_t>(i);
    if (functions[i].isDeclaration)
      continue;
    Decoder decoder(*program, code);
    if (!decoder.run())
      return fail(decoder.message());
  }
  for (const Code &code : program->codes)
    if (code.ast->isEntry && !code.ast->isDeclaration) {
      status = makeKernel(*program, code);
      if (!status.ok())
        return status.takeFailure();
    }
  return program;
}
