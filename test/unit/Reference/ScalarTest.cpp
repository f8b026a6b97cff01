//===- ScalarTest.cpp - arith and math ------------------------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Every op of arith and math, on scalars and on tensors longer than a strip.
//
//===----------------------------------------------------------------------===//

#include "ReferenceTest.h"

#include <cmath>

using namespace ra::reference;
using namespace ra::reference::test;

namespace {

class ScalarTest : public ReferenceTest {
protected:
  /// `op` applied to operands of `type` (scalar type text) with a result type.
  std::string opText(const std::string &op, size_t operands,
                     const std::string &shape, const std::string &type,
                     const std::string &suffix, const std::string &result) {
    std::string in =
        shape.empty() ? type : "tensor<" + shape + "x" + type + ">";
    std::string out =
        shape.empty() ? result : "tensor<" + shape + "x" + result + ">";
    std::string signature, list;
    for (size_t i = 0; i < operands; ++i) {
      signature += (i ? ", %a" : "%a") + std::to_string(i) + ": " + in;
      list += (i ? ", %a" : "%a") + std::to_string(i);
    }
    std::string text = suffix.empty() ? in : suffix;
    // "$out" and "$in" in a suffix stand for the types.
    auto replaceAll = [&](const std::string &from, const std::string &to) {
      for (size_t at; (at = text.find(from)) != std::string::npos;)
        text.replace(at, from.size(), to);
    };
    replaceAll("$in", in);
    replaceAll("$out", out);
    return "func.func @main(" + signature + ") -> " + out + " {\n %r = " + op +
           " " + list + " : " + text + "\n return %r : " + out + "\n}\n";
  }

  /// Scalars and tensors agree with `expected` on the given operand tuples.
  void check(const std::string &op, const std::vector<Values> &operands,
             const Values &expected, const std::string &type,
             ElementType elementType, const std::string &suffix = "",
             std::string result = "") {
    if (result.empty())
      result = type;
    int64_t cases = static_cast<int64_t>(expected.size());
    // Repeated past the length of a strip.
    constexpr int64_t kRepeats = 300;
    std::vector<Tensor> tensors;
    for (const Values &operand : operands) {
      Values repeated;
      for (int64_t i = 0; i < kRepeats; ++i)
        repeated.insert(repeated.end(), operand.begin(), operand.end());
      tensors.push_back(tensor({kRepeats, cases}, repeated, elementType));
    }
    Values got =
        values(opText(op, operands.size(),
                      std::to_string(kRepeats) + "x" + std::to_string(cases),
                      type, suffix, result),
               tensors);
    auto same = [&](double a, double b) {
      return std::isnan(b) ? std::isnan(a)
                           : a == b && std::signbit(a) == std::signbit(b);
    };
    ASSERT_EQ(got.size(), expected.size() * kRepeats) << op;
    for (size_t i = 0; i < got.size(); ++i)
      ASSERT_TRUE(same(got[i], expected[i % cases]))
          << op << " case " << i % cases << ": " << got[i] << " instead of "
          << expected[i % cases];
    for (int64_t i = 0; i < cases; ++i) {
      std::vector<Tensor> scalars;
      for (const Values &operand : operands)
        scalars.push_back(scalar(operand[i], elementType));
      Values one = values(opText(op, operands.size(), "", type, suffix, result),
                          scalars);
      ASSERT_EQ(one.size(), 1u) << op;
      ASSERT_TRUE(same(one[0], expected[i])) << op << " case " << i;
    }
  }
  void checkFloat(const std::string &op, const std::vector<Values> &operands,
                  const Values &expected) {
    check(op, operands, expected, "f64", ElementType::F64);
  }
  void checkInt(const std::string &op, const std::vector<Values> &operands,
                const Values &expected) {
    check(op, operands, expected, "i8", ElementType::I8);
  }
};

const double kNaN = NAN, kInf = INFINITY;

TEST_F(ScalarTest, FloatArithmetic) {
  Values a = {1.5, -2, 0.0, kInf}, b = {0.5, 3, -0.0, 1};
  checkFloat("arith.addf", {a, b}, {2, 1, 0.0, kInf});
  checkFloat("arith.subf", {a, b}, {1, -5, 0.0, kInf});
  checkFloat("arith.mulf", {a, b}, {0.75, -6, -0.0, kInf});
  checkFloat("arith.divf", {a, b}, {3, -2.0 / 3, kNaN, kInf});
  checkFloat("arith.remf", {{5.5, -5.5, 1}, {2, 2, 0}}, {1.5, -1.5, kNaN});
  checkFloat("arith.negf", {a}, {-1.5, 2, -0.0, -kInf});
}

TEST_F(ScalarTest, FloatMaximum) {
  Values a = {1, kNaN, 2, -0.0, 0.0}, b = {2, 1, kNaN, 0.0, -0.0};
  checkFloat("arith.maximumf", {a, b}, {2, kNaN, kNaN, 0.0, 0.0});
  checkFloat("arith.minimumf", {a, b}, {1, kNaN, kNaN, -0.0, -0.0});
  checkFloat("arith.maxnumf", {{1, kNaN, 2}, {2, 1, kNaN}}, {2, 1, 2});
  checkFloat("arith.minnumf", {{1, kNaN, 2}, {2, 1, kNaN}}, {1, 1, 2});
}

TEST_F(ScalarTest, FloatCompare) {
  Values a = {1, 2, 2, kNaN}, b = {2, 1, 2, 1};
  const std::pair<const char *, Values> cases[] = {
      {"false", {0, 0, 0, 0}}, {"oeq", {0, 0, 1, 0}}, {"ogt", {0, 1, 0, 0}},
      {"oge", {0, 1, 1, 0}},   {"olt", {1, 0, 0, 0}}, {"ole", {1, 0, 1, 0}},
      {"one", {1, 1, 0, 0}},   {"ord", {1, 1, 1, 0}}, {"ueq", {0, 0, 1, 1}},
      {"ugt", {0, 1, 0, 1}},   {"uge", {0, 1, 1, 1}}, {"ult", {1, 0, 0, 1}},
      {"ule", {1, 0, 1, 1}},   {"une", {1, 1, 0, 1}}, {"uno", {0, 0, 0, 1}},
      {"true", {1, 1, 1, 1}}};
  for (const auto &[predicate, expected] : cases)
    check(std::string("arith.cmpf ") + predicate + ",", {a, b}, expected, "f64",
          ElementType::F64, "$in", "i1");
}

TEST_F(ScalarTest, IntArithmeticWraps) {
  checkInt("arith.addi", {{100, -100, 1}, {100, -100, 2}}, {-56, 56, 3});
  checkInt("arith.subi", {{-100, 5}, {100, 7}}, {56, -2});
  checkInt("arith.muli", {{16, -128}, {16, -1}}, {0, -128});
  Values a = {7, -7, 7, -7, -128}, b = {2, 2, -2, -2, -1};
  checkInt("arith.divsi", {a, b}, {3, -3, -3, 3, -128});
  checkInt("arith.remsi", {a, b}, {1, -1, 1, -1, 0});
  checkInt("arith.floordivsi", {a, b}, {3, -4, -4, 3, -128});
  checkInt("arith.ceildivsi", {a, b}, {4, -3, -3, 4, -128});
  // -7 is 249, -2 is 254, -128 is 128, -1 is 255.
  checkInt("arith.divui", {a, b}, {3, 124, 0, 0, 0});
  checkInt("arith.remui", {a, b}, {1, 1, 7, -7, -128});
  checkInt("arith.ceildivui", {a, b}, {4, 125, 1, 1, 1});
}

TEST_F(ScalarTest, IntBits) {
  checkInt("arith.andi", {{12, -1}, {10, 5}}, {8, 5});
  checkInt("arith.ori", {{12, -1}, {10, 5}}, {14, -1});
  checkInt("arith.xori", {{12, -1}, {10, 5}}, {6, -6});
  checkInt("arith.shli", {{1, 64, -1}, {7, 1, 4}}, {-128, -128, -16});
  checkInt("arith.shrsi", {{-128, 64}, {3, 3}}, {-16, 8});
  checkInt("arith.shrui", {{-128, 64}, {3, 3}}, {16, 8});
  checkInt("arith.maxsi", {{-1, 3}, {1, 2}}, {1, 3});
  checkInt("arith.minsi", {{-1, 3}, {1, 2}}, {-1, 2});
  checkInt("arith.maxui", {{-1, 3}, {1, 2}}, {-1, 3});
  checkInt("arith.minui", {{-1, 3}, {1, 2}}, {1, 2});
  checkInt("math.absi", {{-5, 5, -128}}, {5, 5, -128});
  checkInt("math.ctlz", {{0, 1, -1}}, {8, 7, 0});
  checkInt("math.cttz", {{0, 1, -128}}, {8, 0, 7});
  checkInt("math.ctpop", {{0, 7, -1}}, {0, 3, 8});
  checkInt("math.ipowi", {{3, 2, -1, 2, -1}, {3, 7, 5, -1, -2}},
           {27, -128, -1, 0, 1});
}

TEST_F(ScalarTest, IntCompare) {
  Values a = {1, -1, 2}, b = {2, 1, 2};
  const std::pair<const char *, Values> cases[] = {
      {"eq", {0, 0, 1}},  {"ne", {1, 1, 0}},  {"slt", {1, 1, 0}},
      {"sle", {1, 1, 1}}, {"sgt", {0, 0, 0}}, {"sge", {0, 0, 1}},
      {"ult", {1, 0, 0}}, {"ule", {1, 0, 1}}, {"ugt", {0, 1, 0}},
      {"uge", {0, 1, 1}}};
  for (const auto &[predicate, expected] : cases)
    check(std::string("arith.cmpi ") + predicate + ",", {a, b}, expected, "i8",
          ElementType::I8, "$in", "i1");
}

TEST_F(ScalarTest, OneBit) {
  auto bits = [&](const char *op, Values expected) {
    check(op, {{0, 1, 0, 1}, {0, 0, 1, 1}}, expected, "i1", ElementType::I1);
  };
  bits("arith.addi", {0, 1, 1, 0});
  bits("arith.muli", {0, 0, 0, 1});
  // As a signed number a set bit is -1.
  bits("arith.maxsi", {0, 0, 0, 1});
  bits("arith.maxui", {0, 1, 1, 1});
  check("arith.extsi", {{0, 1}}, {0, -1}, "i1", ElementType::I1, "$in to $out",
        "i32");
  check("arith.extui", {{0, 1}}, {0, 1}, "i1", ElementType::I1, "$in to $out",
        "i32");
  check("arith.sitofp", {{0, 1}}, {0, -1}, "i1", ElementType::I1, "$in to $out",
        "f32");
  check("arith.uitofp", {{0, 1}}, {0, 1}, "i1", ElementType::I1, "$in to $out",
        "f32");
}

TEST_F(ScalarTest, Casts) {
  const char *to = "$in to $out";
  check("arith.extsi", {{-3, 100}}, {-3, 100}, "i8", ElementType::I8, to,
        "i64");
  check("arith.extui", {{-3, 100}}, {253, 100}, "i8", ElementType::I8, to,
        "i64");
  check("arith.trunci", {{300, -129}}, {44, 127}, "i32", ElementType::I32, to,
        "i8");
  check("arith.trunci", {{2, 3}}, {0, 1}, "i32", ElementType::I32, to, "i1");
  check("arith.sitofp", {{-3}}, {-3}, "i8", ElementType::I8, to, "f64");
  check("arith.uitofp", {{-3}}, {253}, "i8", ElementType::I8, to, "f64");
  check("arith.fptosi", {{-2.7, 2.7, 1e9, -1e9}}, {-2, 2, 127, -128}, "f64",
        ElementType::F64, to, "i8");
  check("arith.fptoui", {{2.7, 200}}, {2, -56}, "f64", ElementType::F64, to,
        "i8");
  check("arith.index_cast", {{-3}}, {-3}, "i8", ElementType::I8, to, "index");
  check("arith.index_castui", {{-3}}, {253}, "i8", ElementType::I8, to,
        "index");
  check("arith.index_cast", {{300}}, {44}, "index", ElementType::I64, to, "i8");
  check("arith.bitcast", {{1.0, -2.0}}, {0x3f800000, -1073741824.0}, "f32",
        ElementType::F32, to, "i32");
  check("arith.bitcast", {{0x3f80}}, {1.0}, "i16", ElementType::I16, to,
        "bf16");
  check("arith.bitcast", {{0x3c00}}, {1.0}, "i16", ElementType::I16, to, "f16");
  check("arith.bitcast", {{1.0}}, {0.0078125}, "f16", ElementType::F16, to,
        "bf16");
  // Casts between float types keep the f64.
  check("arith.truncf", {{0.1}}, {0.1}, "f64", ElementType::F64, to, "f16");
  check("arith.extf", {{0.1}}, {0.1}, "f32", ElementType::F64, to, "f64");
}

TEST_F(ScalarTest, Select) {
  const char *text = R"mlir(
    func.func @main(%c: CTYPE, %a: tensor<3xf32>, %b: tensor<3xf32>) -> tensor<3xf32> {
      %0 = arith.select %c, %a, %b : TYPES
      return %0 : tensor<3xf32>
    })mlir";
  auto with = [&](std::string c, std::string types) {
    std::string result = text;
    result.replace(result.find("CTYPE"), 5, c);
    result.replace(result.find("TYPES"), 5, types);
    return result;
  };
  Tensor a = tensor({3}, {1, 2, 3}), b = tensor({3}, {-1, -2, -3});
  EXPECT_EQ(values(with("tensor<3xi1>", "tensor<3xi1>, tensor<3xf32>"),
                   {tensor({3}, {1, 0, 1}, ElementType::I1), a, b}),
            (Values{1, -2, 3}));
  EXPECT_EQ(
      values(with("i1", "tensor<3xf32>"), {scalar(0, ElementType::I1), a, b}),
      (Values{-1, -2, -3}));
}

TEST_F(ScalarTest, ExtendedProducts) {
  const char *text = R"mlir(
    func.func @main(%a: i8, %b: i8) -> (i8, i8, i8, i8, i8, i1) {
      %0:2 = arith.mulsi_extended %a, %b : i8
      %1:2 = arith.mului_extended %a, %b : i8
      %2, %3 = arith.addui_extended %a, %b : i8, i1
      return %0#0, %0#1, %1#0, %1#1, %2, %3 : i8, i8, i8, i8, i8, i1
    })mlir";
  // -3 * 100 = -300 = -2 * 256 + 212; 253 * 100 = 98 * 256 + 212; 253 + 100.
  std::vector<Tensor> r =
      run(text, {scalar(-3, ElementType::I8), scalar(100, ElementType::I8)});
  EXPECT_EQ(r[0].at(0), -44);
  EXPECT_EQ(r[1].at(0), -2);
  EXPECT_EQ(r[2].at(0), -44);
  EXPECT_EQ(r[3].at(0), 98);
  EXPECT_EQ(r[4].at(0), 97);
  EXPECT_EQ(r[5].at(0), 1);
}

TEST_F(ScalarTest, Math) {
  Values x = {0.3, 0.9};
  auto each = [&](double (*fn)(double)) {
    Values out;
    for (double value : x)
      out.push_back(fn(value));
    return out;
  };
  const std::pair<const char *, double (*)(double)> cases[] = {
      {"math.acos", std::acos},   {"math.asin", std::asin},
      {"math.asinh", std::asinh}, {"math.atan", std::atan},
      {"math.atanh", std::atanh}, {"math.cbrt", std::cbrt},
      {"math.cos", std::cos},     {"math.cosh", std::cosh},
      {"math.erf", std::erf},     {"math.erfc", std::erfc},
      {"math.exp", std::exp},     {"math.exp2", std::exp2},
      {"math.expm1", std::expm1}, {"math.log", std::log},
      {"math.log10", std::log10}, {"math.log1p", std::log1p},
      {"math.log2", std::log2},   {"math.sin", std::sin},
      {"math.sinh", std::sinh},   {"math.sqrt", std::sqrt},
      {"math.tan", std::tan},     {"math.tanh", std::tanh}};
  for (const auto &[op, fn] : cases)
    checkFloat(op, {x}, each(fn));
  checkFloat("math.acosh", {{1.5}}, {std::acosh(1.5)});
  checkFloat("math.rsqrt", {{4, 0.25}}, {0.5, 2});
  checkFloat("math.absf", {{-1.5, -0.0}}, {1.5, 0.0});
  checkFloat("math.ceil", {{1.2, -1.2}}, {2, -1});
  checkFloat("math.floor", {{1.2, -1.2}}, {1, -2});
  checkFloat("math.trunc", {{1.7, -1.7}}, {1, -1});
  checkFloat("math.round", {{0.5, 1.5, 2.5, -2.5}}, {1, 2, 3, -3});
  checkFloat("math.roundeven", {{0.5, 1.5, 2.5, -2.5, 2.7}}, {0, 2, 2, -2, 3});
  checkFloat("math.powf", {{2, 9}, {10, 0.5}}, {1024, 3});
  checkFloat("math.atan2", {{1, -1}, {-1, 0}},
             {std::atan2(1, -1), std::atan2(-1, 0)});
  checkFloat("math.copysign", {{3, 3}, {-0.0, 1}}, {-3, 3});
  checkFloat("math.fma", {{2, 3}, {5, 7}, {1, -1}}, {11, 20});
  const std::pair<const char *, Values> tests[] = {
      {"math.isfinite", {1, 0, 0, 1}},
      {"math.isinf", {0, 1, 0, 0}},
      {"math.isnan", {0, 0, 1, 0}},
      {"math.isnormal", {1, 0, 0, 0}}};
  for (const auto &[op, expected] : tests)
    check(op, {{1, kInf, kNaN, 0}}, expected, "f64", ElementType::F64, "$in",
          "i1");
}

TEST_F(ScalarTest, MathOfOtherForms) {
  const char *text = R"mlir(
    func.func @main(%x: f64, %n: i32, %lo: f64, %hi: f64) -> (f64, f64, f64, f64) {
      %0 = math.fpowi %x, %n : f64, i32
      %1 = math.clampf %x to [%lo, %hi] : f64
      %2, %3 = math.sincos %x : f64
      return %0, %1, %2, %3 : f64, f64, f64, f64
    })mlir";
  std::vector<Tensor> r = run(
      text, {scalar(2.5), scalar(-2, ElementType::I32), scalar(-1), scalar(2)});
  EXPECT_DOUBLE_EQ(r[0].at(0), 0.16);
  EXPECT_EQ(r[1].at(0), 2);
  EXPECT_EQ(r[2].at(0), std::sin(2.5));
  EXPECT_EQ(r[3].at(0), std::cos(2.5));
}

TEST_F(ScalarTest, MemoryIsNotSharedWithTheOperand) {
  // %x lives on after %y was made from it.
  std::vector<Tensor> r = run(R"mlir(
    func.func @main(%x: tensor<3xf32>) -> (tensor<3xf32>, tensor<3xf32>, tensor<3xf32>) {
      %y = arith.addf %x, %x : tensor<3xf32>
      %z = arith.mulf %y, %x : tensor<3xf32>
      return %x, %y, %z : tensor<3xf32>, tensor<3xf32>, tensor<3xf32>
    })mlir",
                              {tensor({3}, {1, 2, 3})});
  EXPECT_EQ(r[0].readAsDoubles(), (Values{1, 2, 3}));
  EXPECT_EQ(r[1].readAsDoubles(), (Values{2, 4, 6}));
  EXPECT_EQ(r[2].readAsDoubles(), (Values{2, 8, 18}));
}

} // namespace
