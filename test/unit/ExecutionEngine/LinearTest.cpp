//===- LinearTest.cpp - ra.linear and ra.rope against the formula ---------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TestSupport.h"

#include <gtest/gtest.h>

using namespace ra;
using namespace ra::test;

namespace {

template <typename T>
std::vector<double> linearByFormula(const std::vector<double> &x,
                                    const std::vector<double> &weight,
                                    const std::vector<double> &bias, int64_t m,
                                    int64_t n, int64_t c, ElementType storage) {
  std::vector<double> y;
  for (int64_t i = 0; i < m; ++i)
    for (int64_t j = 0; j < n; ++j) {
      T sum = 0;
      for (int64_t k = 0; k < c; ++k)
        sum += T(x[i * c + k]) * T(weight[j * c + k]);
      if (!bias.empty())
        sum += T(bias[j]);
      y.push_back(runtime::roundToType(storage, sum));
    }
  return y;
}

struct LinearCase {
  std::string name;
  std::string element = "f32", outElement = "f32";
  /// Leading dims and output dims as letters with extents, and the layouts.
  std::string inputDims = "mc", inputOrder = "mc";
  std::string outputDims = "mn", outputOrder = "mn";
  /// Extents by letter: of the input's dims and of the outputs.
  std::vector<int64_t> leading = {1}, outputs = {1};
  int64_t channels = 1;
  bool bias = false, dynamic = false;
  /// The weight is a parameter, hence packed when the entry is prepared.
  bool parameter = false;
  unsigned threads = 1;
  std::optional<VectorShape> vectorShape;
};

void run(const LinearCase &test) {
  std::mt19937_64 generator(testSeed());
  ElementType type = *runtime::parseElementType(test.element);
  ElementType outType = *runtime::parseElementType(test.outElement);
  Layout in{test.inputDims, test.inputOrder},
      out{test.outputDims, test.outputOrder};
  runtime::Shape xs = test.leading, ws = test.outputs, ys = test.leading;
  xs.push_back(test.channels);
  ws.push_back(test.channels);
  ys.insert(ys.end(), test.outputs.begin(), test.outputs.end());
  // Dynamic: the leading dims.
  runtime::Shape xt = xs, yt = ys;
  if (test.dynamic)
    for (size_t i = 0; i < test.leading.size(); ++i)
      xt[i] = yt[i] = -1;
  std::string x = tensorType(in.physical(xt), test.element),
              w = tensorType(ws, test.element),
              b = tensorType(test.outputs, test.element),
              y = tensorType(out.physical(yt), test.outElement);
  std::string text = "func.func @f(%x: " + x + ", %w: " + w +
                     (test.parameter ? " {ra.parameter}" : "") +
                     (test.bias ? ", %b: " + b : "") + ") -> " + y + " {\n";
  std::string sizes;
  if (test.dynamic)
    for (char letter : test.outputOrder) {
      size_t dim = test.inputDims.find(letter);
      if (test.outputDims.find(letter) >= test.leading.size())
        continue;
      std::string name(1, letter);
      text += "  %c" + name + " = arith.constant " +
              std::to_string(test.inputOrder.find(letter)) + " : index\n  %n" +
              name + " = tensor.dim %x, %c" + name + " : " + x + "\n";
      sizes += (sizes.empty() ? "%n" : ", %n") + name;
      EXPECT_LT(dim, test.leading.size());
    }
  text += "  %e = tensor.empty(" + sizes + ") : " + y +
          "\n  %r = ra.linear {indexing_maps = [" + in.map() + ", " +
          out.map() + "]} ins(%x, %w : " + x + ", " + w + ")" +
          (test.bias ? " bias(%b : " + b + ")" : "") + " outs(%e : " + y +
          ") -> " + y + "\n  return %r : " + y + "\n}\n";
  EngineOptions options;
  options.threads = test.threads;
  options.vectorShape = test.vectorShape;
  Program program(text, options);
  ASSERT_TRUE(program.engine) << program.messages << text;
  llvm::SmallVector<Tensor> arguments = {
      guardedNormal(in.physical(xs), type, generator),
      guardedNormal(ws, type, generator, 0.1)};
  std::vector<double> bias;
  if (test.bias) {
    arguments.push_back(guardedNormal(test.outputs, type, generator));
    bias = arguments.back().readAsDoubles();
  }
  auto results = program.engine->run("f", arguments);
  ASSERT_TRUE(static_cast<bool>(results)) << results.message();
  int64_t m = 1, n = 1;
  for (int64_t extent : test.leading)
    m *= extent;
  for (int64_t extent : test.outputs)
    n *= extent;
  std::vector<double> xv = in.logicalValues(arguments[0], xs),
                      wv = arguments[1].readAsDoubles();
  std::vector<double> exact = linearByFormula<double>(
      xv, wv, bias, m, n, test.channels, ElementType::F64);
  std::vector<double> yardstick =
      linearByFormula<float>(xv, wv, bias, m, n, test.channels, outType);
  ASSERT_EQ((*results)[0].shape(), out.physical(ys));
  expectClose(out.logicalValues((*results)[0], ys), exact, yardstick, text);
}

TEST(Linear, SizesThatDoNotDivide) {
  for (auto [m, n, c] :
       std::vector<std::tuple<int, int, int>>{{1, 1, 1},
                                              {1, 7, 3},
                                              {5, 65, 17},
                                              {193, 130, 129},
                                              {13, 96, 768},
                                              {400, 200, 300}}) {
    LinearCase test;
    test.leading = {m};
    test.outputs = {n};
    test.channels = c;
    test.bias = m % 2;
    run(test);
    test.parameter = true;
    run(test);
  }
}

TEST(Linear, StorageTypes) {
  for (auto [in, out] : std::vector<std::pair<const char *, const char *>>{
           {"f16", "f16"}, {"bf16", "bf16"}, {"f16", "f32"}, {"bf16", "f32"}})
    for (bool dynamic : {false, true}) {
      LinearCase test;
      test.element = in;
      test.outElement = out;
      test.inputDims = test.inputOrder = "btc";
      test.outputDims = test.outputOrder = "btn";
      test.leading = {3, 77};
      test.outputs = {100};
      test.channels = 130;
      test.bias = test.dynamic = test.parameter = dynamic;
      run(test);
    }
}

TEST(Linear, Maps) {
  LinearCase test;
  test.inputDims = "btc";
  test.inputOrder = "btc";
  test.outputDims = "btnhd";
  test.outputOrder = "nbhtd";
  test.leading = {2, 37};
  test.outputs = {3, 4, 24};
  test.channels = 96;
  test.bias = true;
  run(test);
  test.threads = 2;
  test.dynamic = test.parameter = true;
  run(test);
  // Strided input, and outputs whose last dim is not the innermost.
  test.inputOrder = "cbt";
  test.outputOrder = "nhdtb";
  run(test);
}

TEST(Linear, AnyRegisterTile) {
  for (VectorShape shape : {VectorShape{16, 6, 4}, VectorShape{8, 6, 2},
                            VectorShape{8, 3, 1}, VectorShape{8, 5, 3}})
    for (int64_t outputs : {5, 80, 130}) {
      LinearCase test;
      test.leading = {33};
      test.outputs = {outputs};
      test.channels = 150;
      test.vectorShape = shape;
      test.parameter = outputs != 80;
      run(test);
    }
}

TEST(Linear, RowsOfAnyNumber) {
  // Blocks of the register tile and what is left, known or not.
  for (int64_t rows = 1; rows <= 30; rows += rows < 17 ? 1 : 13)
    for (bool dynamic : {false, true}) {
      if (dynamic && rows % 4 == 0)
        continue;
      LinearCase test;
      test.leading = {rows};
      test.outputs = {33};
      test.channels = 20;
      test.dynamic = dynamic;
      test.parameter = test.bias = true;
      run(test);
    }
}

TEST(Linear, ManyChannels) {
  // More than fit at once: sums wait in scratch.
  for (bool parameter : {false, true}) {
    LinearCase test;
    test.leading = {19};
    test.outputs = {40};
    test.channels = 4100;
    test.bias = true;
    test.element = parameter ? "f32" : "bf16";
    test.outElement = "f32";
    test.parameter = parameter;
    run(test);
  }
}

TEST(Linear, EmptyBatch) {
  Program program(
      "func.func @f(%x: tensor<?x8xf32>, %w: tensor<4x8xf32>) -> "
      "tensor<?x4xf32> {\n  %c0 = arith.constant 0 : index\n  %n = tensor.dim "
      "%x, %c0 : tensor<?x8xf32>\n  %e = tensor.empty(%n) : tensor<?x4xf32>\n  "
      "%r = ra.linear ins(%x, %w : tensor<?x8xf32>, tensor<4x8xf32>) outs(%e : "
      "tensor<?x4xf32>) -> tensor<?x4xf32>\n  return %r : tensor<?x4xf32>\n}");
  ASSERT_TRUE(program.engine) << program.messages;
  auto results =
      program.engine->run("f", {*Tensor::create({0, 8}, ElementType::F32),
                                *Tensor::create({4, 8}, ElementType::F32)});
  ASSERT_TRUE(static_cast<bool>(results)) << results.message();
  EXPECT_EQ((*results)[0].shape(), (runtime::Shape{0, 4}));
}

template <typename T>
std::vector<double> ropeByFormula(const std::vector<double> &x,
                                  const std::vector<double> &cos,
                                  const std::vector<double> &sin, int64_t rows,
                                  int64_t length, int64_t dim, int64_t half,
                                  bool interleaved, ElementType storage) {
  std::vector<double> y(x.size());
  for (int64_t row = 0; row < rows; ++row) {
    int64_t t = row % length;
    const double *in = x.data() + row * dim;
    double *out = y.data() + row * dim;
    for (int64_t d = 0; d < dim; ++d)
      out[d] = in[d];
    for (int64_t f = 0; f < half; ++f) {
      int64_t u = interleaved ? 2 * f : f, v = interleaved ? u + 1 : f + half;
      T c = cos[t * half + f], s = sin[t * half + f];
      out[u] = runtime::roundToType(storage, T(in[u]) * c - T(in[v]) * s);
      out[v] = runtime::roundToType(storage, T(in[v]) * c + T(in[u]) * s);
    }
  }
  return y;
}

TEST(Rope, MatchesTheFormula) {
  for (const char *element : {"f32", "bf16"})
    for (bool interleaved : {false, true})
      for (int64_t half : {1, 8, 20}) {
        std::mt19937_64 generator(testSeed());
        ElementType type = *runtime::parseElementType(element);
        Layout in{"bhtd", "bthd"};
        runtime::Shape xs = {2, 3, 5, 40};
        std::string x = tensorType({2, 5, 3, 40}, element),
                    y = tensorType(xs, element),
                    table = tensorType({5, half}, element);
        std::string text =
            "func.func @f(%x: " + x + ", %c: " + table + ", %s: " + table +
            ") -> " + y + " {\n  %e = tensor.empty() : " + y +
            "\n  %r = ra.rope {style = #ra.rope_style<" +
            (interleaved ? "interleaved" : "half") + ">, indexing_maps = [" +
            in.map() + ", " + Layout{"bhtd", "bhtd"}.map() +
            "]} ins(%x, %c, %s : " + x + ", " + table + ", " + table +
            ") outs(%e : " + y + ") -> " + y + "\n  return %r : " + y + "\n}\n";
        Program program(text);
        ASSERT_TRUE(program.engine) << program.messages << text;
        llvm::SmallVector<Tensor> arguments = {
            guardedNormal(in.physical(xs), type, generator),
            guardedNormal({5, half}, type, generator),
            guardedNormal({5, half}, type, generator)};
        auto results = program.engine->run("f", arguments);
        ASSERT_TRUE(static_cast<bool>(results)) << results.message();
        std::vector<double> xv = in.logicalValues(arguments[0], xs),
                            c = arguments[1].readAsDoubles(),
                            s = arguments[2].readAsDoubles();
        expectClose(
            (*results)[0].readAsDoubles(),
            ropeByFormula<double>(xv, c, s, 30, 5, 40, half, interleaved,
                                  ElementType::F64),
            ropeByFormula<float>(xv, c, s, 30, 5, 40, half, interleaved, type),
            text);
      }
}

} // namespace
