//===- Forms.h - Runs one instruction on tables of operands -----*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RA_TEST_UNIT_SIM_FORMS_H
#define RA_TEST_UNIT_SIM_FORMS_H

#include "ra/Runtime/Sim/Simulator.h"

#include "gtest/gtest.h"

#include <cstdint>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

namespace ra::test {

using Bits = uint64_t;
/// What an instruction should write for operands a, b, c (and d, the old
/// destination's value never).
using Reference = std::function<Bits(Bits, Bits, Bits)>;

/// One form: its text with %d, %a, %b, %c (and %q, a second predicate result),
/// the register widths of d, a, b, c as letters - h 16, r 32, d 64 bits, p a
/// predicate - and the values of each operand.
struct Form {
  std::string text;
  std::string widths;
  std::vector<std::vector<Bits>> operands;
  Reference reference;
};

// Values where things go wrong, and some in between.
std::vector<Bits> integers16();
std::vector<Bits> integers32();
std::vector<Bits> integers64();
std::vector<Bits> floats32();
std::vector<Bits> floats64();
std::vector<Bits> halves();  ///< f16
std::vector<Bits> bhalves(); ///< bf16
/// Every n-th value of a list, for third operands.
std::vector<Bits> thinned(const std::vector<Bits> &values, size_t n);
/// Pairs of 16-bit values in 32 bits.
std::vector<Bits> paired(const std::vector<Bits> &values);

/// The bits of each result, for all combinations of the operands; empty after a
/// failure, which is reported. `names`, if given, becomes the operands as text.
std::vector<Bits> runForm(const Form &form,
                          std::vector<std::array<Bits, 3>> *tuples = nullptr);
/// Runs a form and compares with its reference, bit for bit.
void checkForm(const Form &form);
inline void checkForms(const std::vector<Form> &forms) {
  for (const Form &form : forms)
    checkForm(form);
}

/// Loads a module of one kernel; fails the test with the message.
const ra::runtime::sim::Kernel *loadKernel(ra::runtime::sim::Simulator &sim,
                                           const std::string &text,
                                           const std::string &name = "k");
/// A module around declarations and the body of a kernel `k`.
std::string module(const std::string &parameters, const std::string &body,
                   const std::string &before = "");
/// Bytes of a value, as an argument.
template <class T> std::vector<uint8_t> argument(T value) {
  std::vector<uint8_t> bytes(sizeof(T));
  std::memcpy(bytes.data(), &value, sizeof(T));
  return bytes;
}

/// The message of loading a module that must not load.
std::string loadError(const std::string &text);

inline float asFloat(Bits bits) {
  const auto word = static_cast<uint32_t>(bits);
  float value;
  std::memcpy(&value, &word, sizeof(value));
  return value;
}
inline Bits bitsOf(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  return value != value ? 0x7FFFFFFF : bits;
}
inline double asDouble(Bits bits) {
  double value;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}
inline Bits bitsOf(double value) {
  Bits bits;
  std::memcpy(&bits, &value, sizeof(bits));
  return bits;
}

} // namespace ra::test

#endif // RA_TEST_UNIT_SIM_FORMS_H
