//===- WmmaOps.cpp - wmma.load, wmma.mma, wmma.store ---------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Access.h"
#include "Decode.h"
#include "FloatFormat.h"
#include "Tensor.h"

#include <algorithm>

using namespace ra::runtime::sim;

//===----------------------------------------------------------------------===//
// The ISA leaves open which lane holds which element of a fragment; only the
// number of registers is given. Here element e of a lane's n (those beyond the
// matrix repeat it, as on the hardware of sm_70) is element lane * n + e of the
// row-major matrix. Kernels that depend on another order depend on a chip.
//===----------------------------------------------------------------------===//

namespace {

enum class Part : uint8_t { A, B, C, D };

struct Fragment {
  Element type = Element::F16;
  Part part = Part::A;
  unsigned rows = 0, columns = 0;
  unsigned registers = 0;
  bool columnMajor = false;

  unsigned elements() const { return rows * columns; }
  unsigned perLane() const { return elements() / 32; }
};

/// Elements that a register holds.
unsigned perRegister(Element type) {
  return type == Element::F64 ? 1 : 32 / elementBits(type);
}

struct WmmaForm {
  Fragment a, b, c, d;
  bool saturate = false;
};
constexpr size_t kFragmentWords = (sizeof(Fragment) + 3) / 4;
constexpr size_t kFormWords = (sizeof(WmmaForm) + 3) / 4;

template <class T> T fromWords(const uint32_t *words) {
  T value;
  std::memcpy(static_cast<void *>(&value), words, sizeof(value));
  return value;
}

/// Calls visit(lane, element of the lane, index in the row-major matrix).
template <class Visit> void forFragment(const Fragment &f, const Visit &visit) {
  const unsigned perLane = f.perLane();
  const unsigned held = f.registers * perRegister(f.type);
  for (unsigned lane = 0; lane < 32; ++lane)
    for (unsigned e = 0; e < held; ++e)
      visit(lane, e, lane * perLane + e % perLane);
}

uint64_t readElement(const Warp &w, const Fragment &f, const uint32_t *slots,
                     unsigned lane, unsigned e) {
  if (f.type == Element::F64)
    return w.slot<uint64_t>(slots[e])[lane];
  const unsigned per = perRegister(f.type), bits = elementBits(f.type);
  const uint32_t word = w.slot<uint32_t>(slots[e / per])[lane];
  return bits == 32 ? word
                    : word >> (e % per * bits) & ((uint32_t(1) << bits) - 1);
}
void writeElement(Warp &w, const Fragment &f, const uint32_t *slots,
                  unsigned lane, unsigned e, uint64_t value) {
  if (f.type == Element::F64) {
    w.slot<uint64_t>(slots[e])[lane] = value;
    return;
  }
  const unsigned per = perRegister(f.type), bits = elementBits(f.type);
  uint32_t &word = w.slot<uint32_t>(slots[e / per])[lane];
  const unsigned shift = e % per * bits;
  const uint32_t ones =
      bits == 32 ? UINT32_MAX : ((uint32_t(1) << bits) - 1) << shift;
  word = (word & ~ones) | (static_cast<uint32_t>(value) << shift & ones);
}

//===----------------------------------------------------------------------===//
// Loads and stores
//===----------------------------------------------------------------------===//

// Op::mods: bit 0 a wide address, bits 4-7 the Space. op.c: the stride
// register; op.list: a Fragment, then its registers.

/// The matrix is read in memory order, a whole row (or column) by lanes of up
/// to 16 bytes at a time.
template <bool isLoad> Step execWmmaMove(Warp &w, const Op &op) {
  if (!wholeWarp(w, op))
    return Step::Stop;
  const auto f = fromWords<Fragment>(op.list);
  const uint32_t *slots = op.list + kFragmentWords;
  uint64_t base[32];
  loadAddresses(w, op.a, op.mods & 1, op.imm, base);
  const auto stride = static_cast<uint64_t>(w.slot<uint32_t>(op.c)[0]);
  const unsigned bits = elementBits(f.type);
  const unsigned lines = f.columnMajor ? f.columns : f.rows;
  const unsigned length = f.columnMajor ? f.rows : f.columns;
  const unsigned lineBytes = length * bits / 8;
  const unsigned chunk = std::min(16U, lineBytes);
  const unsigned chunks = lines * (lineBytes / chunk);

  // The bytes of the matrix, line after line.
  std::vector<uint8_t> bytes(size_t(lines) * lineBytes);
  if (!isLoad)
    forFragment(f, [&](unsigned lane, unsigned e, unsigned index) {
      const unsigned row = index / f.columns, column = index % f.columns;
      const unsigned line = f.columnMajor ? column : row;
      const unsigned place = f.columnMajor ? row : column;
      const uint64_t value = readElement(w, f, slots, lane, e);
      std::memcpy(bytes.data() + line * lineBytes + place * bits / 8, &value,
                  bits / 8);
    });
  for (unsigned first = 0; first < chunks; first += 32) {
    uint64_t addresses[32] = {};
    uint8_t *pointers[32];
    uint32_t lanes = 0;
    for (unsigned i = 0; i < 32 && first + i < chunks; ++i) {
      const unsigned line = (first + i) / (lineBytes / chunk);
      const unsigned within = (first + i) % (lineBytes / chunk) * chunk;
      addresses[i] = base[0] + line * (stride * bits / 8) + within;
      lanes |= uint32_t(1) << i;
    }
    if (!resolve(w, op, lanes,
                 {static_cast<Space>(op.mods >> 4 & 15),
                  isLoad ? Access::Kind::Read : Access::Kind::Write, chunk,
                  false, 0},
                 addresses, pointers))
      return Step::Stop;
    for (unsigned i = 0; i < 32 && first + i < chunks; ++i) {
      uint8_t *here = bytes.data() + size_t(first + i) * chunk;
      if (isLoad)
        std::memcpy(here, pointers[i], chunk);
      else
        std::memcpy(pointers[i], here, chunk);
    }
  }
  if (isLoad)
    forFragment(f, [&](unsigned lane, unsigned e, unsigned index) {
      const unsigned row = index / f.columns, column = index % f.columns;
      const unsigned line = f.columnMajor ? column : row;
      const unsigned place = f.columnMajor ? row : column;
      uint64_t value = 0;
      std::memcpy(&value, bytes.data() + line * lineBytes + place * bits / 8,
                  std::max(1U, bits / 8));
      if (bits < 8)
        value = value >> (place * bits % 8) & ((1U << bits) - 1);
      writeElement(w, f, slots, lane, e, value);
    });
  return Step::Next;
}

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

Step execWmma(Warp &w, const Op &op) {
  if (!wholeWarp(w, op))
    return Step::Stop;
  const auto form = fromWords<WmmaForm>(op.list);
  const uint32_t *d = op.list + kFormWords, *a = d + form.d.registers,
                 *b = a + form.a.registers, *c = b + form.b.registers;
  const unsigned m = form.a.rows, k = form.a.columns, n = form.b.columns;

  if (form.a.type == Element::F64) {
    std::vector<double> left(form.a.elements()), right(form.b.elements()),
        sums(form.c.elements());
    const auto read = [&](const Fragment &f, const uint32_t *slots,
                          std::vector<double> &out) {
      forFragment(f, [&](unsigned lane, unsigned e, unsigned index) {
        out[index] = doubleFromBits(readElement(w, f, slots, lane, e));
      });
    };
    read(form.a, a, left);
    read(form.b, b, right);
    read(form.c, c, sums);
    multiplyDouble(sums.data(), left.data(), right.data(), m, n, k);
    forFragment(form.d, [&](unsigned lane, unsigned e, unsigned index) {
      writeElement(w, form.d, d, lane, e, bitsFromDouble(sums[index]));
    });
    return Step::Next;
  }
  if (elementBits(form.a.type) <= 8) {
    std::vector<int32_t> left(form.a.elements()), right(form.b.elements()),
        sums(form.c.elements());
    const auto read = [&](const Fragment &f, const uint32_t *slots,
                          std::vector<int32_t> &out) {
      forFragment(f, [&](unsigned lane, unsigned e, unsigned index) {
        out[index] = elementToInteger(
            f.type, static_cast<uint32_t>(readElement(w, f, slots, lane, e)));
      });
    };
    read(form.a, a, left);
    read(form.b, b, right);
    read(form.c, c, sums);
    multiplyInteger(sums.data(), left.data(), right.data(), m, n, k,
                    form.saturate);
    forFragment(form.d, [&](unsigned lane, unsigned e, unsigned index) {
      writeElement(w, form.d, d, lane, e, static_cast<uint32_t>(sums[index]));
    });
    return Step::Next;
  }
  std::vector<float> left(form.a.elements()), right(form.b.elements()),
      sums(form.c.elements());
  const auto read = [&](const Fragment &f, const uint32_t *slots,
                        std::vector<float> &out) {
    forFragment(f, [&](unsigned lane, unsigned e, unsigned index) {
      out[index] = elementToFloat(
          f.type, static_cast<uint32_t>(readElement(w, f, slots, lane, e)));
    });
  };
  read(form.a, a, left);
  read(form.b, b, right);
  read(form.c, c, sums);
  multiplyFloat(sums.data(), left.data(), right.data(), m, n, k);
  forFragment(form.d, [&](unsigned lane, unsigned e, unsigned index) {
    const float value = canonical(sums[index]);
    writeElement(w, form.d, d, lane, e,
                 form.d.type == Element::F32
                     ? bitsFromFloat(value)
                     : halfFromDouble<false>(static_cast<double>(value)));
  });
  return Step::Next;
}

//===----------------------------------------------------------------------===//
// Decoding
//===----------------------------------------------------------------------===//

struct Shape {
  unsigned m, n, k;
};

bool takeShape(Decoder &d, Shape &shape) {
  static constexpr std::pair<std::string_view, Shape> kShapes[] = {
      {"m16n16k16", {16, 16, 16}},
      {"m8n32k16", {8, 32, 16}},
      {"m32n8k16", {32, 8, 16}},
      {"m16n16k8", {16, 16, 8}},
      {"m8n8k4", {8, 8, 4}}};
  for (const auto &[name, value] : kShapes)
    if (d.take(name)) {
      shape = value;
      return true;
    }
  return d.badModifier();
}

bool takeElement(Decoder &d, Element &element) {
  static constexpr std::pair<std::string_view, Element> kNames[] = {
      {"f16", Element::F16}, {"bf16", Element::BF16}, {"tf32", Element::TF32},
      {"f32", Element::F32}, {"f64", Element::F64},   {"s8", Element::S8},
      {"u8", Element::U8},   {"s32", Element::S32}};
  for (const auto &[name, value] : kNames)
    if (d.take(name)) {
      element = value;
      return true;
    }
  return d.badModifier();
}

/// Shapes and registers as the ISA's tables have them.
bool completeFragment(Decoder &d, Fragment &f, const Shape &s) {
  f.rows = f.part == Part::B ? s.k : s.m;
  f.columns = f.part == Part::A ? s.k : s.n;
  bool fits = false;
  const bool isInput = f.part == Part::A || f.part == Part::B;
  if (s.k == 16)
    fits = isInput ? f.type == Element::F16 || f.type == Element::BF16 ||
                         f.type == Element::S8 || f.type == Element::U8
                   : f.type == Element::F16 || f.type == Element::F32 ||
                         f.type == Element::S32;
  else if (s.k == 8)
    fits = isInput ? f.type == Element::TF32 : f.type == Element::F32;
  else
    fits = f.type == Element::F64;
  if (!fits)
    return d.fail("this shape and type of wmma is not supported");
  f.registers = f.perLane() / perRegister(f.type);
  // f16 inputs fill 8 registers whatever the shape.
  if (isInput && f.type == Element::F16)
    f.registers = 8;
  return true;
}

bool pushRegisters(Decoder &d, const Operand &operand, const Fragment &f,
                   bool isDestination, std::vector<uint32_t> &list) {
  std::vector<Operand> alone = {operand};
  const auto &parts =
      operand.kind == Operand::Kind::Vector ? operand.elements : alone;
  if (parts.size() != f.registers)
    return d.fail("a fragment has " + std::to_string(parts.size()) +
                  " registers, not " + std::to_string(f.registers));
  const Type type = bitsType(f.type == Element::F64 ? 64 : 32);
  for (const Operand &part : parts) {
    // Accumulators may be .f32 and .f64 registers.
    if (part.kind != Operand::Kind::Register &&
        !(isDestination && part.kind == Operand::Kind::Sink))
      return d.fail("registers are expected");
    list.push_back(isDestination ? d.dst(part, type) : d.src(part, type));
  }
  return d.ok();
}

bool decodeWmmaMove(Decoder &d, Op &op, bool isLoad) {
  op.opClass = isLoad ? OpClass::MatrixLoad : OpClass::GlobalStore;
  Fragment f;
  const int part = isLoad ? d.takeOneOf({"a", "b", "c"}) : d.take("d") ? 3 : -1;
  if (part < 0 || !d.take("sync") || !d.take("aligned"))
    return d.badModifier();
  f.part = static_cast<Part>(part);
  int layout = d.takeOneOf({"row", "col"});
  Shape shape{};
  if (!takeShape(d, shape))
    return false;
  if (layout < 0)
    layout = d.takeOneOf({"row", "col"});
  if (layout < 0)
    return d.badModifier();
  Space space = takeSpace(d);
  if (!takeElement(d, f.type) || !d.endOfModifiers() || !d.operandCount(2, 3))
    return false;
  f.columnMajor = layout == 1;
  if (!completeFragment(d, f, shape))
    return false;
  if (!d.address(d.operand(isLoad ? 1 : 0), space, op))
    return false;
  op.mods = (op.extra == 64 ? 1U : 0U) | static_cast<uint32_t>(space) << 4;
  std::vector<uint32_t> list(kFragmentWords);
  std::memcpy(list.data(), &f, sizeof(f));
  if (!pushRegisters(d, d.operand(isLoad ? 0 : 1), f, isLoad, list))
    return false;
  op.list = d.list(list);
  op.c = d.operandCount() == 3
             ? d.src(2, bitsType(32))
             : d.constant(f.columnMajor ? f.rows : f.columns, 32);
  op.exec = isLoad ? execWmmaMove<true> : execWmmaMove<false>;
  return d.ok();
}

bool decodeWmmaProduct(Decoder &d, Op &op) {
  op.opClass = OpClass::Matrix;
  if (!d.take("sync") || !d.take("aligned"))
    return d.badModifier();
  WmmaForm form;
  form.a.part = Part::A;
  form.b.part = Part::B;
  form.c.part = Part::C;
  form.d.part = Part::D;
  if (d.takeOneOf({"row", "col"}) < 0 || d.takeOneOf({"row", "col"}) < 0)
    return d.badModifier();
  Shape shape{};
  if (!takeShape(d, shape))
    return false;
  d.take("rn");
  if (!takeElement(d, form.d.type))
    return false;
  // f16 inputs are not named: .dtype.ctype. The others:
  // .dtype.atype.btype.ctype.
  Element second = Element::F16;
  if (!takeElement(d, second))
    return false;
  if (d.peekModifier().empty() || d.peekModifier() == "satfinite") {
    form.a.type = form.b.type = Element::F16;
    form.c.type = second;
  } else {
    form.a.type = second;
    if (!takeElement(d, form.b.type) || !takeElement(d, form.c.type))
      return false;
  }
  form.saturate = d.take("satfinite");
  if (!d.endOfModifiers() || !d.operandCount(4, 4))
    return false;
  const bool isInteger = elementBits(form.a.type) == 8;
  for (Fragment *f : {&form.a, &form.b, &form.c, &form.d})
    if (!completeFragment(d, *f, shape))
      return false;
  const auto sums = [&](Element e) {
    switch (form.a.type) {
    case Element::F16:
      return e == Element::F16 || e == Element::F32;
    case Element::F64:
      return e == Element::F64;
    default:
      return e == (isInteger ? Element::S32 : Element::F32);
    }
  };
  if (form.b.type != form.a.type || !sums(form.c.type) || !sums(form.d.type) ||
      (form.saturate && !isInteger))
    return d.fail("these types of wmma are not supported");
  std::vector<uint32_t> list(kFormWords);
  std::memcpy(list.data(), static_cast<void *>(&form), sizeof(form));
  if (!pushRegisters(d, d.operand(0), form.d, true, list) ||
      !pushRegisters(d, d.operand(1), form.a, false, list) ||
      !pushRegisters(d, d.operand(2), form.b, false, list) ||
      !pushRegisters(d, d.operand(3), form.c, false, list))
    return false;
  op.list = d.list(list);
  op.exec = execWmma;
  op.tensorFlops = 2 * shape.m * shape.n * shape.k;
  return d.ok();
}

bool decodeWmma(Decoder &d, Op &op) {
  if (d.take("load"))
    return decodeWmmaMove(d, op, true);
  if (d.take("store"))
    return decodeWmmaMove(d, op, false);
  if (d.take("mma"))
    return decodeWmmaProduct(d, op);
  return d.badModifier();
}

} // namespace

void ra::runtime::sim::addWmmaOps(OpcodeTable &table) {
  table["wmma"] = decodeWmma;
}
