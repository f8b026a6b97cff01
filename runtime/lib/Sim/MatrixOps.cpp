//===- MatrixOps.cpp - mma.sync, ldmatrix and their like -----------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Access.h"
#include "Decode.h"
#include "FloatFormat.h"
#include "LaneKernels.h"
#include "Tensor.h"

#include <algorithm>
#include <charconv>

using namespace ra::runtime;
using namespace ra::runtime::sim;

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

unsigned ra::runtime::sim::elementBits(Element type) {
  switch (type) {
  case Element::F16:
  case Element::BF16:
    return 16;
  case Element::F64:
    return 64;
  case Element::S8:
  case Element::U8:
    return 8;
  case Element::S4:
  case Element::U4:
    return 4;
  case Element::B1:
    return 1;
  default:
    return 32;
  }
}

void ra::runtime::sim::multiplyFloat(float *d, const float *a, const float *b,
                                     unsigned m, unsigned n, unsigned k) {
  if (m == 16 && n == 8) {
    static const LaneKernels &kernels = laneKernels();
    kernels.mma16x8(d, a, b, k);
    return;
  }
  for (unsigned row = 0; row < m; ++row)
    for (unsigned column = 0; column < n; ++column) {
      float sum = d[row * n + column];
      for (unsigned j = 0; j < k; ++j)
        sum = std::fma(a[row * k + j], b[j * n + column], sum);
      d[row * n + column] = sum;
    }
}

void ra::runtime::sim::multiplyDouble(double *d, const double *a,
                                      const double *b, unsigned m, unsigned n,
                                      unsigned k) {
  for (unsigned row = 0; row < m; ++row)
    for (unsigned column = 0; column < n; ++column) {
      double sum = d[row * n + column];
      for (unsigned j = 0; j < k; ++j)
        sum = std::fma(a[row * k + j], b[j * n + column], sum);
      d[row * n + column] = sum;
    }
}

void ra::runtime::sim::multiplyInteger(int32_t *d, const int32_t *a,
                                       const int32_t *b, unsigned m, unsigned n,
                                       unsigned k, bool saturate) {
  for (unsigned row = 0; row < m; ++row)
    for (unsigned column = 0; column < n; ++column) {
      int64_t sum = d[row * n + column];
      for (unsigned j = 0; j < k; ++j)
        sum += int64_t(a[row * k + j]) * b[j * n + column];
      if (saturate)
        sum = std::clamp<int64_t>(sum, INT32_MIN, INT32_MAX);
      d[row * n + column] = static_cast<int32_t>(sum);
    }
}

float ra::runtime::sim::elementToFloat(Element type, uint32_t bits) {
  switch (type) {
  case Element::F16:
    return f16ToFloat(static_cast<uint16_t>(bits));
  case Element::BF16:
    return floatFromBits(bits << 16);
  case Element::TF32:
    return floatFromBits(bits & 0xFFFFE000U);
  default:
    return floatFromBits(bits);
  }
}

int32_t ra::runtime::sim::elementToInteger(Element type, uint32_t bits) {
  switch (type) {
  case Element::S8:
    return static_cast<int8_t>(bits);
  case Element::U8:
    return static_cast<uint8_t>(bits);
  case Element::S4:
    return static_cast<int32_t>(bits << 28) >> 28;
  case Element::U4:
    return static_cast<int32_t>(bits & 15);
  case Element::B1:
    return static_cast<int32_t>(bits & 1);
  default:
    return static_cast<int32_t>(bits);
  }
}

bool ra::runtime::sim::wholeWarp(Warp &w, const Op &op) {
  if (w.mask == UINT32_MAX)
    return true;
  w.block->report(w, op, CheckKind::Invalid, ~w.mask,
                  "the lanes shown do not execute this; all 32 must");
  return false;
}

namespace {

struct Shape {
  unsigned m = 0, n = 0, k = 0;
};

/// What mma.sync needs beside its registers; op.list: descriptor index first.
struct MmaForm {
  Shape shape;
  Element a, b, c, d;
  bool saturate, isXor;
  unsigned aRegisters, bRegisters, cRegisters, dRegisters;
};

MmaForm formOf(const uint32_t *list) {
  MmaForm form;
  std::memcpy(&form, list, sizeof(form));
  return form;
}
constexpr size_t kFormWords = (sizeof(MmaForm) + 3) / 4;

// PTX ISA, "Matrix fragments for mma": with g = lane / 4, t = lane % 4 and p
// elements in a register,
//   A  register r, element j: row g + 8 (r % 2), column p t + j + 4 p (r / 2)
//   B  register r, element j: row p t + j + 4 p r, column g
//   C, D  element i: row g + 8 (i / 2), column 2 t + i % 2
// For m = 8, A has row g, column p t + j + 4 p r.
template <class T, class Convert>
void unpackA(const Warp &w, const uint32_t *registers, const MmaForm &form,
             T *out, const Convert &convert) {
  const unsigned bits = elementBits(form.a), p = bits == 64 ? 1 : 32 / bits;
  const unsigned k = form.shape.k;
  for (unsigned r = 0; r < form.aRegisters; ++r)
    for (unsigned lane = 0; lane < 32; ++lane) {
      const bool tall = form.shape.m == 16;
      const unsigned row = lane / 4 + (tall ? 8 * (r % 2) : 0);
      const unsigned column = p * (lane % 4) + 4 * p * (tall ? r / 2 : r);
      for (unsigned j = 0; j < p; ++j)
        out[row * k + column + j] =
            bits == 64
                ? convert(w.slot<uint64_t>(registers[r])[lane])
                : convert(w.slot<uint32_t>(registers[r])[lane] >> (j * bits));
    }
}
template <class T, class Convert>
void unpackB(const Warp &w, const uint32_t *registers, const MmaForm &form,
             T *out, const Convert &convert) {
  const unsigned bits = elementBits(form.b), p = bits == 64 ? 1 : 32 / bits;
  for (unsigned r = 0; r < form.bRegisters; ++r)
    for (unsigned lane = 0; lane < 32; ++lane)
      for (unsigned j = 0; j < p; ++j)
        out[(p * (lane % 4) + 4 * p * r + j) * 8 + lane / 4] =
            bits == 64
                ? convert(w.slot<uint64_t>(registers[r])[lane])
                : convert(w.slot<uint32_t>(registers[r])[lane] >> (j * bits));
}
unsigned accumulatorIndex(unsigned lane, unsigned i) {
  return (lane / 4 + 8 * (i / 2)) * 8 + 2 * (lane % 4) + i % 2;
}

struct Registers {
  const uint32_t *d, *a, *b, *c;
};
Registers registersOf(const uint32_t *list, const MmaForm &form) {
  Registers r;
  r.d = list + kFormWords;
  r.a = r.d + form.dRegisters;
  r.b = r.a + form.aRegisters;
  r.c = r.b + form.bRegisters;
  return r;
}

Step execMmaFloat(Warp &w, const Op &op) {
  if (!wholeWarp(w, op))
    return Step::Stop;
  const MmaForm form = formOf(op.list);
  const Registers r = registersOf(op.list, form);
  float a[16 * 16], b[16 * 8], d[16 * 8];
  const auto convert = [&](uint64_t bits) {
    return elementToFloat(form.a, static_cast<uint32_t>(bits));
  };
  unpackA(w, r.a, form, a, convert);
  unpackB(w, r.b, form, b, convert);
  const unsigned perLane = form.shape.m / 4;
  for (unsigned lane = 0; lane < 32; ++lane)
    for (unsigned i = 0; i < perLane; ++i)
      d[accumulatorIndex(lane, i)] =
          form.c == Element::F32
              ? w.slot<float>(r.c[i])[lane]
              : f16ToFloat(static_cast<uint16_t>(
                    w.slot<uint32_t>(r.c[i / 2])[lane] >> (16 * (i % 2))));
  multiplyFloat(d, a, b, form.shape.m, 8, form.shape.k);
  for (unsigned lane = 0; lane < 32; ++lane)
    for (unsigned i = 0; i < perLane; ++i) {
      const float value = d[accumulatorIndex(lane, i)];
      if (form.d == Element::F32) {
        w.slot<float>(r.d[i])[lane] = canonical(value);
      } else {
        uint32_t &word = w.slot<uint32_t>(r.d[i / 2])[lane];
        const uint32_t half = halfFromDouble<false>(static_cast<double>(value));
        word = i % 2 ? (word & 0xFFFF) | half << 16 : half;
      }
    }
  return Step::Next;
}

/// m16n8k16 of f16 with f32 sums: what attention and GEMM kernels spend their
/// time in.
Step execMmaF16(Warp &w, const Op &op) {
  if (!wholeWarp(w, op))
    return Step::Stop;
  static const LaneKernels &kernels = laneKernels();
  const uint32_t *d = op.list + kFormWords, *a = d + 4, *b = a + 4, *c = b + 2;
  float left[16 * 16], right[16 * 8], sums[16 * 8];
  float halves[64];
  for (unsigned r = 0; r < 4; ++r) {
    kernels.f16ToF32(halves, w.slot<uint16_t>(a[r]), 64);
    float *to = left + 8 * (r % 2) * 16 + 8 * (r / 2);
    for (unsigned lane = 0; lane < 32; ++lane)
      std::memcpy(to + (lane / 4) * 16 + 2 * (lane % 4), halves + 2 * lane, 8);
  }
  for (unsigned r = 0; r < 2; ++r) {
    kernels.f16ToF32(halves, w.slot<uint16_t>(b[r]), 64);
    float *to = right + 8 * r * 8;
    for (unsigned lane = 0; lane < 32; ++lane) {
      to[2 * (lane % 4) * 8 + lane / 4] = halves[2 * lane];
      to[(2 * (lane % 4) + 1) * 8 + lane / 4] = halves[2 * lane + 1];
    }
  }
  for (unsigned i = 0; i < 4; ++i) {
    const float *from = w.slot<float>(c[i]);
    for (unsigned lane = 0; lane < 32; ++lane)
      sums[accumulatorIndex(lane, i)] = from[lane];
  }
  kernels.mma16x8(sums, left, right, 16);
  for (unsigned i = 0; i < 4; ++i) {
    float *to = w.slot<float>(d[i]);
    for (unsigned lane = 0; lane < 32; ++lane)
      to[lane] = canonical(sums[accumulatorIndex(lane, i)]);
  }
  return Step::Next;
}

Step execMmaDouble(Warp &w, const Op &op) {
  if (!wholeWarp(w, op))
    return Step::Stop;
  const MmaForm form = formOf(op.list);
  const Registers r = registersOf(op.list, form);
  double a[16 * 16], b[16 * 8], d[16 * 8];
  unpackA(w, r.a, form, a, doubleFromBits);
  unpackB(w, r.b, form, b, doubleFromBits);
  const unsigned perLane = form.shape.m / 4;
  for (unsigned lane = 0; lane < 32; ++lane)
    for (unsigned i = 0; i < perLane; ++i)
      d[accumulatorIndex(lane, i)] = w.slot<double>(r.c[i])[lane];
  multiplyDouble(d, a, b, form.shape.m, 8, form.shape.k);
  for (unsigned lane = 0; lane < 32; ++lane)
    for (unsigned i = 0; i < perLane; ++i)
      w.slot<double>(r.d[i])[lane] = d[accumulatorIndex(lane, i)];
  return Step::Next;
}

Step execMmaInteger(Warp &w, const Op &op) {
  if (!wholeWarp(w, op))
    return Step::Stop;
  const MmaForm form = formOf(op.list);
  const Registers r = registersOf(op.list, form);
  int32_t a[16 * 256], b[256 * 8], d[16 * 8];
  unpackA(w, r.a, form, a, [&](uint64_t bits) {
    return elementToInteger(form.a, static_cast<uint32_t>(bits));
  });
  unpackB(w, r.b, form, b, [&](uint64_t bits) {
    return elementToInteger(form.b, static_cast<uint32_t>(bits));
  });
  const unsigned perLane = form.shape.m / 4, k = form.shape.k;
  for (unsigned lane = 0; lane < 32; ++lane)
    for (unsigned i = 0; i < perLane; ++i)
      d[accumulatorIndex(lane, i)] = w.slot<int32_t>(r.c[i])[lane];
  if (form.isXor) {
    for (unsigned row = 0; row < form.shape.m; ++row)
      for (unsigned column = 0; column < 8; ++column)
        for (unsigned j = 0; j < k; ++j)
          d[row * 8 + column] += a[row * k + j] ^ b[j * 8 + column];
  } else {
    multiplyInteger(d, a, b, form.shape.m, 8, k, form.saturate);
  }
  for (unsigned lane = 0; lane < 32; ++lane)
    for (unsigned i = 0; i < perLane; ++i)
      w.slot<int32_t>(r.d[i])[lane] = d[accumulatorIndex(lane, i)];
  return Step::Next;
}

//===----------------------------------------------------------------------===//
// Decoding mma
//===----------------------------------------------------------------------===//

bool takeElement(Decoder &d, Element &element) {
  static constexpr std::pair<std::string_view, Element> kNames[] = {
      {"f16", Element::F16}, {"bf16", Element::BF16}, {"tf32", Element::TF32},
      {"f32", Element::F32}, {"f64", Element::F64},   {"s8", Element::S8},
      {"u8", Element::U8},   {"s4", Element::S4},     {"u4", Element::U4},
      {"b1", Element::B1},   {"s32", Element::S32}};
  for (const auto &[name, value] : kNames)
    if (d.take(name)) {
      element = value;
      return true;
    }
  return d.badModifier();
}

bool takeShape(Decoder &d, Shape &shape) {
  static constexpr std::pair<std::string_view, Shape> kShapes[] = {
      {"m8n8k4", {8, 8, 4}},      {"m8n8k16", {8, 8, 16}},
      {"m8n8k32", {8, 8, 32}},    {"m8n8k128", {8, 8, 128}},
      {"m16n8k4", {16, 8, 4}},    {"m16n8k8", {16, 8, 8}},
      {"m16n8k16", {16, 8, 16}},  {"m16n8k32", {16, 8, 32}},
      {"m16n8k64", {16, 8, 64}},  {"m16n8k128", {16, 8, 128}},
      {"m16n8k256", {16, 8, 256}}};
  for (const auto &[name, value] : kShapes)
    if (d.take(name)) {
      shape = value;
      return true;
    }
  return d.badModifier();
}

/// PTX ISA, the table of mma shapes by type.
bool shapeExists(const MmaForm &form) {
  const unsigned m = form.shape.m, k = form.shape.k;
  switch (form.a) {
  case Element::F16:
  case Element::BF16:
    return m == 16 && (k == 8 || k == 16);
  case Element::TF32:
    return m == 16 && (k == 4 || k == 8);
  case Element::F64:
    return m == 8 ? k == 4 : k == 4 || k == 8 || k == 16;
  case Element::S8:
  case Element::U8:
    return m == 8 ? k == 16 : k == 16 || k == 32;
  case Element::S4:
  case Element::U4:
    return m == 8 ? k == 32 : k == 32 || k == 64;
  case Element::B1:
    return m == 8 ? k == 128 : k == 128 || k == 256;
  default:
    return false;
  }
}

bool typesFit(const MmaForm &form) {
  const auto isByte = [](Element e) {
    return e == Element::S8 || e == Element::U8;
  };
  const auto isNibble = [](Element e) {
    return e == Element::S4 || e == Element::U4;
  };
  switch (form.a) {
  case Element::F16:
    return form.b == form.a && form.c == form.d &&
           (form.d == Element::F16 || form.d == Element::F32);
  case Element::BF16:
  case Element::TF32:
    return form.b == form.a && form.c == Element::F32 && form.d == Element::F32;
  case Element::F64:
    return form.b == form.a && form.c == Element::F64 && form.d == Element::F64;
  case Element::S8:
  case Element::U8:
    return isByte(form.b) && form.c == Element::S32 && form.d == Element::S32;
  case Element::S4:
  case Element::U4:
    return isNibble(form.b) && form.c == Element::S32 && form.d == Element::S32;
  case Element::B1:
    return form.b == form.a && form.c == Element::S32 && form.d == Element::S32;
  default:
    return false;
  }
}

bool decodeMma(Decoder &d, Op &op) {
  op.opClass = OpClass::Matrix;
  MmaForm form{};
  if (!d.take("sync") || !d.take("aligned"))
    return d.badModifier();
  if (!takeShape(d, form.shape) || (!d.take("row") && !d.badModifier()) ||
      (!d.take("col") && !d.badModifier()))
    return false;
  form.saturate = d.take("satfinite");
  if (!takeElement(d, form.d) || !takeElement(d, form.a) ||
      !takeElement(d, form.b) || !takeElement(d, form.c))
    return false;
  if (form.a == Element::B1) {
    const int combine = d.takeOneOf({"xor", "and"});
    if (combine < 0 || !d.take("popc"))
      return d.badModifier();
    form.isXor = combine == 0;
  }
  if (!d.endOfModifiers() || !d.operandCount(4, 4))
    return false;
  const bool isInteger = elementBits(form.a) <= 8;
  if (!typesFit(form) || !shapeExists(form) ||
      (form.saturate && (!isInteger || form.a == Element::B1)))
    return d.fail("this shape and these types of mma are not supported");

  const Shape &s = form.shape;
  const auto registers = [](unsigned elements, Element type) {
    return type == Element::F64 ? elements / 32
                                : elements * elementBits(type) / 1024;
  };
  form.aRegisters = registers(s.m * s.k, form.a);
  form.bRegisters = registers(s.n * s.k, form.b);
  form.cRegisters = registers(s.m * s.n, form.c);
  form.dRegisters = registers(s.m * s.n, form.d);
  std::vector<uint32_t> list(kFormWords);
  std::memcpy(list.data(), &form, sizeof(form));
  const struct {
    unsigned count;
    Element type;
  } parts[] = {{form.dRegisters, form.d},
               {form.aRegisters, form.a},
               {form.bRegisters, form.b},
               {form.cRegisters, form.c}};
  for (size_t i = 0; i < 4; ++i) {
    std::vector<Operand> alone = {d.operand(i)};
    const auto &elements = d.operand(i).kind == Operand::Kind::Vector
                               ? d.operand(i).elements
                               : alone;
    if (elements.size() != parts[i].count)
      return d.fail("operand " + std::to_string(i) + " has " +
                    std::to_string(elements.size()) + " registers, not " +
                    std::to_string(parts[i].count));
    Type type = bitsType(parts[i].type == Element::F64 ? 64 : 32);
    if (parts[i].type == Element::F64 || parts[i].type == Element::F32)
      type.kind = Type::Kind::Float;
    for (const Operand &element : elements)
      list.push_back(i == 0 ? d.dst(element, type) : d.src(element, type));
  }
  op.list = d.list(list);
  op.tensorFlops = 2 * s.m * s.n * s.k;
  op.exec = isInteger                ? execMmaInteger
            : form.a == Element::F64 ? execMmaDouble
            : form.a == Element::F16 && form.d == Element::F32 && s.k == 16
                ? execMmaF16
                : execMmaFloat;
  return d.ok();
}

//===----------------------------------------------------------------------===//
// ldmatrix, stmatrix, movmatrix
//===----------------------------------------------------------------------===//

// Op::mods: bit 0 a wide address, bit 1 transposed.

/// Lane l of matrix j holds row l / 4, columns 2 (l % 4) and the next; lanes
/// 8 j to 8 j + 7 give the addresses of the rows.
template <bool isLoad> Step execMatrixMove(Warp &w, const Op &op) {
  if (!wholeWarp(w, op))
    return Step::Stop;
  uint64_t addresses[32];
  uint8_t *pointers[32];
  loadAddresses(w, op.a, op.mods & 1, op.imm, addresses);
  const unsigned count = op.count;
  const auto rows = static_cast<uint32_t>((uint64_t(1) << (8 * count)) - 1);
  if (!resolve(w, op, rows,
               {Space::Shared,
                isLoad ? Access::Kind::Read : Access::Kind::Write, 16, false,
                0},
               addresses, pointers))
    return Step::Stop;
  const bool transposed = op.mods & 2;
  for (unsigned j = 0; j < count; ++j) {
    uint32_t *lanes = w.slot<uint32_t>(op.list[j]);
    uint8_t *const *row = pointers + 8 * j;
    for (unsigned l = 0; l < 32; ++l) {
      const unsigned r = l / 4, c = 2 * (l % 4);
      uint16_t halves[2] = {static_cast<uint16_t>(lanes[l]),
                            static_cast<uint16_t>(lanes[l] >> 16)};
      for (unsigned k = 0; k < 2; ++k) {
        uint8_t *at = transposed ? row[c + k] + 2 * r : row[r] + 2 * (c + k);
        if (isLoad)
          std::memcpy(&halves[k], at, 2);
        else
          std::memcpy(at, &halves[k], 2);
      }
      if (isLoad)
        lanes[l] = halves[0] | uint32_t(halves[1]) << 16;
    }
  }
  return Step::Next;
}

template <bool isLoad> bool decodeMatrixMove(Decoder &d, Op &op) {
  op.opClass = isLoad ? OpClass::MatrixLoad : OpClass::SharedStore;
  if (!d.take("sync") || !d.take("aligned") || !d.take("m8n8"))
    return d.badModifier();
  const int log = d.takeOneOf({"x1", "x2", "x4"});
  if (log < 0)
    return d.badModifier();
  if (d.take("trans"))
    op.mods |= 2;
  Space space = takeSpace(d);
  if (space != Space::Shared || !d.take("b16"))
    return d.badModifier();
  if (!d.endOfModifiers() || !d.operandCount(2, 2))
    return false;
  if (!d.address(d.operand(isLoad ? 1 : 0), space, op))
    return false;
  op.mods |= op.extra == 64 ? 1U : 0U;
  const Operand &value = d.operand(isLoad ? 0 : 1);
  std::vector<Operand> alone = {value};
  const auto &parts =
      value.kind == Operand::Kind::Vector ? value.elements : alone;
  op.count = static_cast<uint8_t>(1U << log);
  if (parts.size() != op.count)
    return d.fail("the number of registers does not fit the number of "
                  "matrices");
  std::vector<uint32_t> slots;
  slots.reserve(parts.size());
  for (const Operand &part : parts)
    slots.push_back(isLoad ? d.dst(part, bitsType(32))
                           : d.src(part, bitsType(32)));
  op.list = d.list(slots);
  op.exec = execMatrixMove<isLoad>;
  return d.ok();
}

/// d = a transposed, as 8 x 8 elements of 16 bits.
Step execMoveMatrix(Warp &w, const Op &op) {
  if (!wholeWarp(w, op))
    return Step::Stop;
  uint16_t matrix[8][8];
  const uint32_t *a = w.slot<uint32_t>(op.a);
  for (unsigned l = 0; l < 32; ++l)
    for (unsigned k = 0; k < 2; ++k)
      matrix[l / 4][2 * (l % 4) + k] = static_cast<uint16_t>(a[l] >> (16 * k));
  uint32_t *d = w.slot<uint32_t>(op.d);
  for (unsigned l = 0; l < 32; ++l)
    d[l] = matrix[2 * (l % 4)][l / 4] | uint32_t(matrix[2 * (l % 4) + 1][l / 4])
                                            << 16;
  return Step::Next;
}
bool decodeMoveMatrix(Decoder &d, Op &op) {
  op.opClass = OpClass::Warp;
  op.exec = execMoveMatrix;
  for (const char *modifier : {"sync", "aligned", "m8n8", "trans", "b16"})
    if (!d.take(modifier))
      return d.badModifier();
  if (!d.endOfModifiers() || !d.operandCount(2, 2))
    return false;
  op.d = d.dst(0, bitsType(32));
  op.a = d.src(1, bitsType(32));
  return d.ok();
}

} // namespace

void ra::runtime::sim::addMatrixOps(OpcodeTable &table) {
  table["mma"] = decodeMma;
  table["ldmatrix"] = decodeMatrixMove<true>;
  table["stmatrix"] = decodeMatrixMove<false>;
  table["movmatrix"] = decodeMoveMatrix;
}
