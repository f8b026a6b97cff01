//===- MemoryOps.cpp - Loads, stores and prefetches ----------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Access.h"
#include "Decode.h"

#include <algorithm>

using namespace ra::runtime::sim;

namespace {

// Op::mods of ld and st.
enum MemoryMods : uint32_t {
  kWideAddress = 1,
  kStrong = 2,
  kOrdered = 4,
  kSpaceShift = 4,   ///< 4 bits: the Space.
  kMoverShift = 8,   ///< 8 bits: index into the movers.
  kElementShift = 16 ///< Bytes of an element.
};

/// Between a register and memory, `offset` bytes from the lanes' pointers.
using Mover = void (*)(uint32_t mask, uint8_t *lanes, uint8_t *const *pointers,
                       unsigned offset);

template <class T, class L>
void loadLanes(uint32_t mask, uint8_t *lanes, uint8_t *const *pointers,
               unsigned offset) {
  auto *d = reinterpret_cast<L *>(lanes);
  for (unsigned i = 0; i < 32; ++i) {
    if (!(mask >> i & 1))
      continue;
    T value;
    std::memcpy(&value, pointers[i] + offset, sizeof(T));
    // Signed types extend their sign to the register.
    d[i] = std::is_signed_v<T> ? static_cast<L>(static_cast<int64_t>(value))
                               : static_cast<L>(value);
  }
}
template <class T, class L>
void storeLanes(uint32_t mask, uint8_t *lanes, uint8_t *const *pointers,
                unsigned offset) {
  const auto *d = reinterpret_cast<const L *>(lanes);
  for (unsigned i = 0; i < 32; ++i) {
    if (!(mask >> i & 1))
      continue;
    const T value = static_cast<T>(d[i]);
    std::memcpy(pointers[i] + offset, &value, sizeof(T));
  }
}

// By log2 of the bytes, then signed, then lanes of 64 bits.
constexpr Mover kLoaders[] = {loadLanes<uint8_t, uint32_t>,
                              loadLanes<uint8_t, uint64_t>,
                              loadLanes<int8_t, uint32_t>,
                              loadLanes<int8_t, uint64_t>,
                              loadLanes<uint16_t, uint32_t>,
                              loadLanes<uint16_t, uint64_t>,
                              loadLanes<int16_t, uint32_t>,
                              loadLanes<int16_t, uint64_t>,
                              loadLanes<uint32_t, uint32_t>,
                              loadLanes<uint32_t, uint64_t>,
                              loadLanes<int32_t, uint32_t>,
                              loadLanes<int32_t, uint64_t>,
                              nullptr,
                              loadLanes<uint64_t, uint64_t>,
                              nullptr,
                              loadLanes<uint64_t, uint64_t>};
constexpr Mover kStorers[] = {storeLanes<uint8_t, uint32_t>,
                              storeLanes<uint8_t, uint64_t>,
                              storeLanes<uint16_t, uint32_t>,
                              storeLanes<uint16_t, uint64_t>,
                              storeLanes<uint32_t, uint32_t>,
                              storeLanes<uint32_t, uint64_t>,
                              nullptr,
                              storeLanes<uint64_t, uint64_t>};

template <bool isLoad> Step execMove(Warp &w, const Op &op) {
  uint64_t addresses[32];
  uint8_t *pointers[32];
  loadAddresses(w, op.a, op.mods & kWideAddress, op.imm, addresses);
  const uint32_t element = op.mods >> kElementShift;
  const Access access = {static_cast<Space>(op.mods >> kSpaceShift & 15),
                         isLoad ? Access::Kind::Read : Access::Kind::Write,
                         element * op.count,
                         (op.mods & kStrong) != 0,
                         0,
                         (op.mods & kOrdered) != 0};
  if (!resolve(w, op, w.mask, access, addresses, pointers))
    return Step::Stop;
  const Mover mover =
      (isLoad ? kLoaders : kStorers)[op.mods >> kMoverShift & 0xFF];
  for (unsigned k = 0; k < op.count; ++k)
    mover(w.mask, w.registers + op.list[k], pointers, k * element);
  return Step::Next;
}

/// ld.param of a kernel at a constant offset: op.imm. All lanes get the same.
template <class L> Step execLoadParameter(Warp &w, const Op &op) {
  const std::vector<uint8_t> &bytes = w.block->launch->parameters;
  const uint32_t element = op.mods >> kElementShift;
  for (unsigned k = 0; k < op.count; ++k) {
    uint64_t value = 0;
    std::memcpy(&value, bytes.data() + op.imm + size_t(k) * element, element);
    if (op.mods & kStrong) { // Signed.
      const unsigned shift = 64 - 8 * element;
      value =
          static_cast<uint64_t>(static_cast<int64_t>(value << shift) >> shift);
    }
    forLanes(w.mask, w.slot<L>(op.list[k]),
             [&](unsigned) { return static_cast<L>(value); });
  }
  return Step::Next;
}

unsigned log2Bytes(uint32_t bytes) {
  return bytes == 1 ? 0 : bytes == 2 ? 1 : bytes == 4 ? 2 : 3;
}

/// Memory ordering of ld and st, as bits of Op::mods; `ordered` is acquire or
/// release.
uint32_t takeOrder(Decoder &d, std::string_view ordered) {
  if (d.take("weak"))
    return 0;
  if (d.take("volatile"))
    return kStrong;
  uint32_t bits = 0;
  if (d.take("relaxed"))
    bits = kStrong;
  else if (d.take(ordered))
    bits = kStrong | kOrdered;
  if (bits != 0 && d.takeOneOf({"cta", "cluster", "gpu", "sys"}) < 0)
    d.badModifier();
  return bits;
}

bool setSpace(Op &op, Space space, bool isLoad) {
  op.mods |= static_cast<uint32_t>(space) << kSpaceShift;
  switch (space) {
  case Space::Shared:
    op.opClass = isLoad ? OpClass::SharedLoad : OpClass::SharedStore;
    break;
  case Space::Local:
    op.opClass = OpClass::LocalMemory;
    break;
  case Space::Const:
  case Space::Param:
    op.opClass = OpClass::ConstantLoad;
    break;
  default:
    op.opClass = isLoad ? OpClass::GlobalLoad : OpClass::GlobalStore;
  }
  return true;
}

bool decodeLoadStore(Decoder &d, Op &op, bool isLoad) {
  const bool isLdu = d.opcode() == "ldu";
  if (!isLdu)
    op.mods |= takeOrder(d, isLoad ? "acquire" : "release");
  Space space = takeSpace(d);
  if (isLdu && space != Space::Global && space != Space::Generic)
    return d.badModifier();
  if (isLoad && space == Space::Global)
    d.take("nc");
  takeCacheHints(d);
  d.takeOneOf(
      isLoad ? std::initializer_list<std::string_view>{"ca", "cg", "cs", "lu",
                                                       "cv"}
             : std::initializer_list<std::string_view>{"wb", "cg", "cs", "wt"});
  if (isLoad && space == Space::Global)
    d.take("nc");
  const bool hint = takeCacheHints(d);
  const int vector = d.takeOneOf({"v2", "v4", "v8"});
  const uint32_t count = vector < 0 ? 1 : 2U << vector;
  const Type type = d.takeType();
  const size_t operands = hint ? 3 : 2;
  if (!d.endOfModifiers() || !d.operandCount(operands, operands))
    return false;
  if (type.packed || type.kind == Type::Kind::Predicate || type.bits > 64 ||
      type.brain || (type.kind == Type::Kind::Float && type.bits == 16))
    return d.fail("a type of 8 to 64 bits is expected; 16-bit floats move as "
                  "b16");
  if (count * type.bytes() > 32)
    return d.fail("a lane moves at most 32 bytes");
  if (hint)
    d.src(2, bitsType(64));

  const Operand &value = d.operand(isLoad ? 0 : 1);
  if (!d.address(d.operand(isLoad ? 1 : 0), space, op))
    return false;
  op.mods |= op.extra == 64 ? kWideAddress : 0U;
  op.mods |= type.bytes() << kElementShift;
  setSpace(op, space, isLoad);
  op.count = static_cast<uint8_t>(count);

  std::vector<Operand> alone = {value};
  const std::vector<Operand> &parts = vector < 0 ? alone : d.elements(value);
  if (!d.ok())
    return false;
  if (parts.size() != count)
    return d.fail("the vector has " + std::to_string(parts.size()) +
                  " elements, not " + std::to_string(count));
  std::vector<uint32_t> slots;
  unsigned lanes = 0;
  bool isSink = false;
  for (const Operand &part : parts) {
    unsigned width = 0;
    slots.push_back(isLoad ? d.wideDst(part, type, width)
                           : d.wideSrc(part, type, width));
    if (part.kind == Operand::Kind::Sink) {
      isSink = true;
      continue;
    }
    if (lanes != 0 && width != lanes)
      return d.fail("the elements of a vector have one width");
    lanes = width;
  }
  if (!d.ok())
    return false;
  if (lanes == 0)
    lanes = type.bits == 64 ? 64 : 32;
  if (isSink && lanes != (type.bits == 64 ? 64U : 32U))
    return d.fail("'_' beside wider registers is not supported");
  op.list = d.list(slots);
  const bool wide = lanes == 64, isSigned = type.kind == Type::Kind::Signed;
  const unsigned size = log2Bytes(type.bytes());
  const unsigned mover =
      isLoad ? size * 4 + (isSigned ? 2U : 0U) + (wide ? 1U : 0U)
             : size * 2 + (wide ? 1U : 0U);
  op.mods |= mover << kMoverShift;
  op.exec = isLoad ? execMove<true> : execMove<false>;

  const Operand &base = d.operand(isLoad ? 1 : 0).elements[0];
  if (space != Space::Param)
    return true;
  if (!isLoad)
    return d.fail("a kernel's parameters cannot be written");
  if (base.kind != Operand::Kind::Symbol)
    return true;
  for (const Parameter &parameter : d.code.ast->parameters) {
    if (parameter.name != base.name)
      continue;
    op.imm += static_cast<int64_t>(parameter.offset + base.value);
    const auto bytes = int64_t(count) * type.bytes();
    if (op.imm < static_cast<int64_t>(parameter.offset) ||
        op.imm + bytes >
            static_cast<int64_t>(parameter.offset + parameter.bytes))
      return d.fail("this is outside of the parameter, which has " +
                    std::to_string(parameter.bytes) + " bytes");
    op.mods = (isSigned ? kStrong : 0U) | type.bytes() << kElementShift;
    op.exec = wide ? execLoadParameter<uint64_t> : execLoadParameter<uint32_t>;
  }
  return true;
}

bool decodeLoad(Decoder &d, Op &op) { return decodeLoadStore(d, op, true); }
bool decodeStore(Decoder &d, Op &op) { return decodeLoadStore(d, op, false); }

Step execNothing(Warp &, const Op &) { return Step::Next; }

/// Prefetches change nothing; their addresses may even be wrong.
bool decodePrefetch(Decoder &d, Op &op) {
  op.exec = execNothing;
  op.opClass = OpClass::GlobalLoad;
  Space space = Space::Generic;
  if (d.opcode() == "prefetchu") {
    if (!d.take("L1"))
      return d.badModifier();
  } else {
    space = takeSpace(d);
    if (d.takeOneOf({"L1", "L2", "L2::evict_last", "L2::evict_normal"}) < 0)
      return d.badModifier();
  }
  return d.endOfModifiers() && d.operandCount(1, 1) &&
         d.address(d.operand(0), space, op);
}

/// Eviction policies are opaque numbers that only hints use.
Step execPolicy(Warp &w, const Op &op) {
  forLanes(w.mask, w.slot<uint64_t>(op.d),
           [](unsigned) { return uint64_t(0); });
  return Step::Next;
}
bool decodePolicy(Decoder &d, Op &op) {
  op.opClass = OpClass::Move;
  op.exec = execPolicy;
  if (!d.take("fractional"))
    return d.badModifier();
  if (d.takeOneOf({"L2::evict_last", "L2::evict_normal", "L2::evict_first",
                   "L2::evict_unchanged"}) < 0)
    return d.badModifier();
  d.takeOneOf({"L2::evict_first", "L2::evict_unchanged"});
  if (!d.take("b64"))
    return d.badModifier();
  if (!d.endOfModifiers() || !d.operandCount(1, 2))
    return false;
  op.d = d.dst(0, bitsType(64));
  return d.ok();
}

} // namespace

void ra::runtime::sim::addMemoryOps(OpcodeTable &table) {
  table["ld"] = decodeLoad;
  table["ldu"] = decodeLoad;
  table["st"] = decodeStore;
  table["prefetch"] = decodePrefetch;
  table["prefetchu"] = decodePrefetch;
  table["createpolicy"] = decodePolicy;
}
