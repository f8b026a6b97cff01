//===- LinalgTest.cpp - The linalg dialect --------------------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Against loops written out here.
//
//===----------------------------------------------------------------------===//

#include "ReferenceTest.h"

#include <cmath>

using namespace ra::reference;
using namespace ra::reference::test;

namespace {

class LinalgTest : public ReferenceTest {
protected:
  static void near(const Values &got, const Values &expected,
                   double tolerance = 1e-12) {
    ASSERT_EQ(got.size(), expected.size());
    for (size_t i = 0; i < got.size(); ++i)
      ASSERT_NEAR(got[i], expected[i], tolerance) << i;
  }
};

TEST_F(LinalgTest, FillTransposeBroadcast) {
  std::vector<Tensor> r = run(R"mlir(
    func.func @main(%x: tensor<2x3xf32>, %v: f32)
        -> (tensor<2x2xf32>, tensor<3x2xf32>, tensor<2x4x3xf32>) {
      %e0 = tensor.empty() : tensor<2x2xf32>
      %e1 = tensor.empty() : tensor<3x2xf32>
      %e2 = tensor.empty() : tensor<2x4x3xf32>
      %0 = linalg.fill ins(%v : f32) outs(%e0 : tensor<2x2xf32>) -> tensor<2x2xf32>
      %1 = linalg.transpose ins(%x : tensor<2x3xf32>) outs(%e1 : tensor<3x2xf32>)
        permutation = [1, 0]
      %2 = linalg.broadcast ins(%x : tensor<2x3xf32>) outs(%e2 : tensor<2x4x3xf32>)
        dimensions = [1]
      return %0, %1, %2 : tensor<2x2xf32>, tensor<3x2xf32>, tensor<2x4x3xf32>
    })mlir",
                              {tensor({2, 3}, {1, 2, 3, 4, 5, 6}), scalar(9)});
  EXPECT_EQ(r[0].readAsDoubles(), Values(4, 9));
  EXPECT_EQ(r[1].readAsDoubles(), (Values{1, 4, 2, 5, 3, 6}));
  EXPECT_EQ(r[2].readAsDoubles(), (Values{1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3,
                                          4, 5, 6, 4, 5, 6, 4, 5, 6, 4, 5, 6}));
}

TEST_F(LinalgTest, ReduceAndMap) {
  std::vector<Tensor> r =
      run(R"mlir(
    func.func @main(%x: tensor<2x3x2xf32>, %i: tensor<2x2xf32>)
        -> (tensor<2x2xf32>, tensor<2x3x2xf32>, tensor<2x2xf32>) {
      %e = tensor.empty() : tensor<2x3x2xf32>
      %0 = linalg.reduce ins(%x : tensor<2x3x2xf32>) outs(%i : tensor<2x2xf32>)
        dimensions = [1]
        (%in: f32, %out: f32) {
          %s = arith.addf %in, %out : f32
          linalg.yield %s : f32
        }
      %1 = linalg.map { math.absf } ins(%x : tensor<2x3x2xf32>)
        outs(%e : tensor<2x3x2xf32>)
      return %0, %1, %i : tensor<2x2xf32>, tensor<2x3x2xf32>, tensor<2x2xf32>
    })mlir",
          {tensor({2, 3, 2}, {1, -2, 3, -4, 5, -6, 7, -8, 9, -10, 11, -12}),
           tensor({2, 2}, {100, 200, 300, 400})});
  EXPECT_EQ(r[0].readAsDoubles(), (Values{109, 188, 327, 370}));
  EXPECT_EQ(r[1].readAsDoubles(),
            (Values{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}));
  EXPECT_EQ(r[2].readAsDoubles(), (Values{100, 200, 300, 400}));
}

TEST_F(LinalgTest, Matmul) {
  constexpr int64_t M = 150, N = 37, K = 53;
  Tensor a = normal({M, K}, 1), b = normal({K, N}, 2), c = normal({M, N}, 3);
  const char *text = R"mlir(
    func.func @main(%a: tensor<?x?xf32>, %b: tensor<?x?xf32>, %c: tensor<?x?xf32>)
        -> tensor<?x?xf32> {
      %0 = linalg.matmul ins(%a, %b : tensor<?x?xf32>, tensor<?x?xf32>)
                         outs(%c : tensor<?x?xf32>) -> tensor<?x?xf32>
      return %0 : tensor<?x?xf32>
    })mlir";
  Values expected;
  for (int64_t i = 0; i < M; ++i)
    for (int64_t j = 0; j < N; ++j) {
      double sum = c.at(i * N + j);
      for (int64_t k = 0; k < K; ++k)
        sum += a.at(i * K + k) * b.at(k * N + j);
      expected.push_back(sum);
    }
  near(values(text, {a, b, c}), expected);
  near(values(text, {a, b, c}, Precision::Storage), expected, 2e-5);
}

TEST_F(LinalgTest, MatmulThroughMaps) {
  // a^T and b^T, batched; the batch in another place of each operand.
  constexpr int64_t B = 3, M = 5, N = 4, K = 6;
  Tensor a = normal({K, B, M}, 4), b = normal({N, K, B}, 5);
  Values got = values(R"mlir(
    func.func @main(%a: tensor<6x3x5xf32>, %b: tensor<4x6x3xf32>) -> tensor<5x3x4xf32> {
      %z = arith.constant 0.0 : f32
      %e = tensor.empty() : tensor<5x3x4xf32>
      %f = linalg.fill ins(%z : f32) outs(%e : tensor<5x3x4xf32>) -> tensor<5x3x4xf32>
      %0 = linalg.contract
        indexing_maps = [affine_map<(b, m, n, k) -> (k, b, m)>,
                         affine_map<(b, m, n, k) -> (n, k, b)>,
                         affine_map<(b, m, n, k) -> (m, b, n)>]
        ins(%a, %b : tensor<6x3x5xf32>, tensor<4x6x3xf32>)
        outs(%f : tensor<5x3x4xf32>) -> tensor<5x3x4xf32>
      return %0 : tensor<5x3x4xf32>
    })mlir",
                      {a, b});
  Values expected;
  for (int64_t m = 0; m < M; ++m)
    for (int64_t i = 0; i < B; ++i)
      for (int64_t n = 0; n < N; ++n) {
        double sum = 0;
        for (int64_t k = 0; k < K; ++k)
          sum += a.at((k * B + i) * M + m) * b.at((n * K + k) * B + i);
        expected.push_back(sum);
      }
  near(got, expected);
}

TEST_F(LinalgTest, ContractionsInEveryForm) {
  // A product must not depend on how the body or the op spells it.
  Tensor a = normal({3, 4, 5}, 6), b = normal({3, 5, 2}, 7);
  auto generic = [](const std::string &body) {
    return R"mlir(
      func.func @main(%a: tensor<3x4x5xf32>, %b: tensor<3x5x2xf32>) -> tensor<3x4x2xf32> {
        %z = arith.constant 1.0 : f32
        %e = tensor.empty() : tensor<3x4x2xf32>
        %f = linalg.fill ins(%z : f32) outs(%e : tensor<3x4x2xf32>) -> tensor<3x4x2xf32>
        %0 = linalg.generic {
          indexing_maps = [affine_map<(b, m, n, k) -> (b, m, k)>,
                           affine_map<(b, m, n, k) -> (b, k, n)>,
                           affine_map<(b, m, n, k) -> (b, m, n)>],
          iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
          ins(%a, %b : tensor<3x4x5xf32>, tensor<3x5x2xf32>)
          outs(%f : tensor<3x4x2xf32>) {
        ^bb0(%x: f32, %y: f32, %o: f32):
          )mlir" +
           body + R"mlir(
        } -> tensor<3x4x2xf32>
        return %0 : tensor<3x4x2xf32>
      })mlir";
  };
  Values expected;
  for (int64_t i = 0; i < 3; ++i)
    for (int64_t m = 0; m < 4; ++m)
      for (int64_t n = 0; n < 2; ++n) {
        double sum = 1;
        for (int64_t k = 0; k < 5; ++k)
          sum += a.at((i * 4 + m) * 5 + k) * b.at((i * 5 + k) * 2 + n);
        expected.push_back(sum);
      }
  const char *named = R"mlir(
    func.func @main(%a: tensor<3x4x5xf32>, %b: tensor<3x5x2xf32>) -> tensor<3x4x2xf32> {
      %f = arith.constant dense<1.0> : tensor<3x4x2xf32>
      %0 = linalg.batch_matmul ins(%a, %b : tensor<3x4x5xf32>, tensor<3x5x2xf32>)
        outs(%f : tensor<3x4x2xf32>) -> tensor<3x4x2xf32>
      return %0 : tensor<3x4x2xf32>
    })mlir";
  const std::string bodies[] = {
      "%m = arith.mulf %x, %y : f32\n%s = arith.addf %o, %m : f32\n"
      "linalg.yield %s : f32",
      "%m = arith.mulf %y, %x : f32\n%s = arith.addf %m, %o : f32\n"
      "linalg.yield %s : f32",
      // Not recognised: the loops.
      "%s = math.fma %x, %y, %o : f32\nlinalg.yield %s : f32",
      "%m = arith.mulf %x, %y : f32\n%n = arith.negf %m : f32\n"
      "%s = arith.subf %o, %n : f32\nlinalg.yield %s : f32"};
  near(values(named, {a, b}), expected);
  for (const std::string &body : bodies)
    near(values(generic(body), {a, b}), expected);
  // Looks alike, is not a product of the two: x * x.
  Values squares;
  for (int64_t i = 0; i < 3; ++i)
    for (int64_t m = 0; m < 4; ++m)
      for (int64_t n = 0; n < 2; ++n) {
        double sum = 1;
        for (int64_t k = 0; k < 5; ++k)
          sum += std::pow(a.at((i * 4 + m) * 5 + k), 2);
        squares.push_back(sum);
      }
  near(values(generic("%m = arith.mulf %x, %x : f32\n%s = arith.addf %o, %m : "
                      "f32\nlinalg.yield %s : f32"),
              {a, b}),
       squares);
}

TEST_F(LinalgTest, MixedTypesAndIntegers) {
  EXPECT_EQ(values(R"mlir(
    func.func @main(%a: tensor<2x2xi8>, %b: tensor<2x2xi8>, %c: tensor<2x2xi32>)
        -> tensor<2x2xi32> {
      %0 = linalg.matmul ins(%a, %b : tensor<2x2xi8>, tensor<2x2xi8>)
                         outs(%c : tensor<2x2xi32>) -> tensor<2x2xi32>
      return %0 : tensor<2x2xi32>
    })mlir",
                   {tensor({2, 2}, {100, -100, 3, 4}, ElementType::I8),
                    tensor({2, 2}, {100, 2, -100, 3}, ElementType::I8),
                    tensor({2, 2}, {1, 1, 1, 1}, ElementType::I32)}),
            (Values{20001, -99, -99, 19}));
  Tensor a = normal({4, 9}, 8, ElementType::F16),
         b = normal({9, 3}, 9, ElementType::F16);
  Values got = values(R"mlir(
    func.func @main(%a: tensor<4x9xf16>, %b: tensor<9x3xf16>) -> tensor<4x3xf32> {
      %c = arith.constant dense<0.0> : tensor<4x3xf32>
      %0 = linalg.matmul ins(%a, %b : tensor<4x9xf16>, tensor<9x3xf16>)
                         outs(%c : tensor<4x3xf32>) -> tensor<4x3xf32>
      return %0 : tensor<4x3xf32>
    })mlir",
                      {a, b});
  for (int64_t i = 0; i < 4; ++i)
    for (int64_t j = 0; j < 3; ++j) {
      double sum = 0;
      for (int64_t k = 0; k < 9; ++k)
        sum += a.at(i * 9 + k) * b.at(k * 3 + j);
      EXPECT_NEAR(got[i * 3 + j], sum, 1e-13);
    }
}

TEST_F(LinalgTest, GenericWithIndicesAndTwoResults) {
  // A causal mask and its complement, over more than one strip.
  constexpr int64_t T = 300;
  Tensor x = normal({T, T}, 10);
  std::vector<Tensor> r = run(R"mlir(
    #id = affine_map<(i, j) -> (i, j)>
    #t = affine_map<(i, j) -> (j, i)>
    func.func @main(%x: tensor<300x300xf32>)
        -> (tensor<300x300xf32>, tensor<300x300xi1>) {
      %e = tensor.empty() : tensor<300x300xf32>
      %f = tensor.empty() : tensor<300x300xi1>
      %ninf = arith.constant 0xFF800000 : f32
      %0:2 = linalg.generic {indexing_maps = [#id, #id, #t],
                             iterator_types = ["parallel", "parallel"]}
        ins(%x : tensor<300x300xf32>)
        outs(%e, %f : tensor<300x300xf32>, tensor<300x300xi1>) {
      ^bb0(%v: f32, %o: f32, %p: i1):
        %i = linalg.index 0 : index
        %j = linalg.index 1 : index
        %c = arith.cmpi sle, %j, %i : index
        %s = arith.select %c, %v, %ninf : f32
        linalg.yield %s, %c : f32, i1
      } -> (tensor<300x300xf32>, tensor<300x300xi1>)
      return %0#0, %0#1 : tensor<300x300xf32>, tensor<300x300xi1>
    })mlir",
                              {x});
  for (int64_t i = 0; i < T; ++i)
    for (int64_t j = 0; j < T; ++j) {
      ASSERT_EQ(r[0].at(i * T + j), j <= i ? x.at(i * T + j) : -INFINITY);
      ASSERT_EQ(r[1].at(j * T + i), j <= i);
    }
}

TEST_F(LinalgTest, SoftmaxRowsByGenerics) {
  // Row maxima, exponentials and sums with a reduction along the inner dim.
  constexpr int64_t R = 40, N = 700;
  Tensor x = normal({R, N}, 11);
  Values got = values(R"mlir(
    #id = affine_map<(i, j) -> (i, j)>
    #row = affine_map<(i, j) -> (i)>
    func.func @main(%x: tensor<?x?xf32>, %r: index, %n: index) -> tensor<?x?xf32> {
      %ninf = arith.constant 0xFF800000 : f32
      %zero = arith.constant 0.0 : f32
      %er = tensor.empty(%r) : tensor<?xf32>
      %ex = tensor.empty(%r, %n) : tensor<?x?xf32>
      %fm = linalg.fill ins(%ninf : f32) outs(%er : tensor<?xf32>) -> tensor<?xf32>
      %fs = linalg.fill ins(%zero : f32) outs(%er : tensor<?xf32>) -> tensor<?xf32>
      %m = linalg.generic {indexing_maps = [#id, #row],
                           iterator_types = ["parallel", "reduction"]}
        ins(%x : tensor<?x?xf32>) outs(%fm : tensor<?xf32>) {
      ^bb0(%a: f32, %o: f32):
        %s = arith.maximumf %a, %o : f32
        linalg.yield %s : f32
      } -> tensor<?xf32>
      %e = linalg.generic {indexing_maps = [#id, #row, #id],
                           iterator_types = ["parallel", "parallel"]}
        ins(%x, %m : tensor<?x?xf32>, tensor<?xf32>) outs(%ex : tensor<?x?xf32>) {
      ^bb0(%a: f32, %b: f32, %o: f32):
        %d = arith.subf %a, %b : f32
        %s = math.exp %d : f32
        linalg.yield %s : f32
      } -> tensor<?x?xf32>
      %s = linalg.generic {indexing_maps = [#id, #row],
                           iterator_types = ["parallel", "reduction"]}
        ins(%e : tensor<?x?xf32>) outs(%fs : tensor<?xf32>) {
      ^bb0(%a: f32, %o: f32):
        %s = arith.addf %a, %o : f32
        linalg.yield %s : f32
      } -> tensor<?xf32>
      %p = linalg.generic {indexing_maps = [#id, #row, #id],
                           iterator_types = ["parallel", "parallel"]}
        ins(%e, %s : tensor<?x?xf32>, tensor<?xf32>) outs(%ex : tensor<?x?xf32>) {
      ^bb0(%a: f32, %b: f32, %o: f32):
        %d = arith.divf %a, %b : f32
        linalg.yield %d : f32
      } -> tensor<?x?xf32>
      return %p : tensor<?x?xf32>
    })mlir",
                      {x, index(R), index(N)});
  Values named = values(R"mlir(
    func.func @main(%x: tensor<40x700xf32>) -> tensor<40x700xf32> {
      %e = tensor.empty() : tensor<40x700xf32>
      %0 = linalg.softmax dimension(1) ins(%x : tensor<40x700xf32>)
        outs(%e : tensor<40x700xf32>) -> tensor<40x700xf32>
      return %0 : tensor<40x700xf32>
    })mlir",
                        {x});
  for (int64_t i = 0; i < R; ++i) {
    double highest = -INFINITY, sum = 0;
    for (int64_t j = 0; j < N; ++j)
      highest = std::max(highest, x.at(i * N + j));
    for (int64_t j = 0; j < N; ++j)
      sum += std::exp(x.at(i * N + j) - highest);
    for (int64_t j = 0; j < N; ++j) {
      double expected = std::exp(x.at(i * N + j) - highest) / sum;
      ASSERT_NEAR(got[i * N + j], expected, 1e-15);
      ASSERT_NEAR(named[i * N + j], expected, 1e-15);
    }
  }
}

TEST_F(LinalgTest, SoftmaxAlongAnOuterDim) {
  Tensor x = normal({2, 5, 3}, 12);
  Values got = values(R"mlir(
    func.func @main(%x: tensor<2x5x3xf32>) -> tensor<2x5x3xf32> {
      %e = tensor.empty() : tensor<2x5x3xf32>
      %0 = linalg.softmax dimension(1) ins(%x : tensor<2x5x3xf32>)
        outs(%e : tensor<2x5x3xf32>) -> tensor<2x5x3xf32>
      return %0 : tensor<2x5x3xf32>
    })mlir",
                      {x});
  for (int64_t b = 0; b < 2; ++b)
    for (int64_t i = 0; i < 3; ++i) {
      double sum = 0;
      for (int64_t j = 0; j < 5; ++j)
        sum += std::exp(x.at((b * 5 + j) * 3 + i));
      for (int64_t j = 0; j < 5; ++j)
        EXPECT_NEAR(got[(b * 5 + j) * 3 + i],
                    std::exp(x.at((b * 5 + j) * 3 + i)) / sum, 1e-15);
    }
}

TEST_F(LinalgTest, ConvolutionAndPooling) {
  // Maps with sums of dims, and an op with a window operand.
  Tensor x = normal({10}, 13), w = normal({3}, 14);
  Values got = values(R"mlir(
    func.func @main(%x: tensor<10xf32>, %w: tensor<3xf32>) -> tensor<8xf32> {
      %z = arith.constant dense<0.0> : tensor<8xf32>
      %0 = linalg.conv_1d ins(%x, %w : tensor<10xf32>, tensor<3xf32>)
        outs(%z : tensor<8xf32>) -> tensor<8xf32>
      return %0 : tensor<8xf32>
    })mlir",
                      {x, w});
  for (int64_t i = 0; i < 8; ++i)
    EXPECT_NEAR(got[i],
                x.at(i) * w.at(0) + x.at(i + 1) * w.at(1) +
                    x.at(i + 2) * w.at(2),
                1e-14);
}

TEST_F(LinalgTest, OverlappingWritesKeepTheirOrder) {
  // Both loops are called parallel, but the output moves along i only: the last
  // j wins.
  EXPECT_EQ(values(R"mlir(
    func.func @main(%x: tensor<2x300xf32>) -> tensor<2xf32> {
      %e = tensor.empty() : tensor<2xf32>
      %0 = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>,
                                            affine_map<(i, j) -> (i)>],
                           iterator_types = ["parallel", "parallel"]}
        ins(%x : tensor<2x300xf32>) outs(%e : tensor<2xf32>) {
      ^bb0(%a: f32, %o: f32):
        linalg.yield %a : f32
      } -> tensor<2xf32>
      return %0 : tensor<2xf32>
    })mlir",
                   {tensor({2, 300},
                           [] {
                             Values v(600);
                             for (int i = 0; i < 600; ++i)
                               v[i] = i;
                             return v;
                           }())}),
            (Values{299, 599}));
}

TEST_F(LinalgTest, ReductionsRunInTheOrderOfTheLoops) {
  // A recurrence, so that order matters.
  Tensor x = normal({2, 3, 2}, 17);
  Values got = values(R"mlir(
    func.func @main(%x: tensor<2x3x2xf32>) -> tensor<2xf32> {
      %e = tensor.empty() : tensor<2xf32>
      %two = arith.constant 2.0 : f32
      %f = linalg.fill ins(%two : f32) outs(%e : tensor<2xf32>) -> tensor<2xf32>
      %0 = linalg.generic {indexing_maps = [affine_map<(i, j, k) -> (i, j, k)>,
                                            affine_map<(i, j, k) -> (i)>],
                           iterator_types = ["parallel", "reduction", "reduction"]}
        ins(%x : tensor<2x3x2xf32>) outs(%f : tensor<2xf32>) {
      ^bb0(%a: f32, %o: f32):
        %h = arith.mulf %o, %two : f32
        %s = arith.addf %h, %a : f32
        linalg.yield %s : f32
      } -> tensor<2xf32>
      return %0 : tensor<2xf32>
    })mlir",
                      {x});
  for (int64_t i = 0; i < 2; ++i) {
    double state = 2;
    for (int64_t j = 0; j < 6; ++j)
      state = 2 * state + x.at(i * 6 + j);
    EXPECT_NEAR(got[i], state, 1e-12);
  }
}

TEST_F(LinalgTest, FullReductions) {
  Tensor x = normal({1000}, 15), y = normal({1000}, 16);
  std::vector<Tensor> r = run(R"mlir(
    func.func @main(%x: tensor<1000xf32>, %y: tensor<1000xf32>) -> (tensor<f32>, tensor<f32>) {
      %z = arith.constant dense<0.0> : tensor<f32>
      %0 = linalg.dot ins(%x, %y : tensor<1000xf32>, tensor<1000xf32>)
        outs(%z : tensor<f32>) -> tensor<f32>
      %1 = linalg.reduce { arith.maximumf } ins(%x : tensor<1000xf32>)
        outs(%z : tensor<f32>) dimensions = [0]
      return %0, %1 : tensor<f32>, tensor<f32>
    })mlir",
                              {x, y});
  double dot = 0, highest = 0;
  for (int64_t i = 0; i < 1000; ++i) {
    dot += x.at(i) * y.at(i);
    highest = std::max(highest, x.at(i));
  }
  EXPECT_NEAR(r[0].at(0), dot, 1e-12);
  EXPECT_EQ(r[1].at(0), highest);
}

TEST_F(LinalgTest, NamedElementwise) {
  std::vector<Tensor> r =
      run(R"mlir(
    #id = affine_map<(i, j) -> (i, j)>
    #row = affine_map<(i, j) -> (i)>
    func.func @main(%x: tensor<2x2xf32>, %y: tensor<2x2xf32>, %s: tensor<2xf32>)
        -> (tensor<2x2xf32>, tensor<2x2xf32>, tensor<2x2xf32>) {
      %e = tensor.empty() : tensor<2x2xf32>
      %0 = linalg.add ins(%x, %y : tensor<2x2xf32>, tensor<2x2xf32>)
        outs(%e : tensor<2x2xf32>) -> tensor<2x2xf32>
      %1 = linalg.exp ins(%x : tensor<2x2xf32>) outs(%e : tensor<2x2xf32>) -> tensor<2x2xf32>
      %2 = linalg.elementwise kind=#linalg.elementwise_kind<mul>
        indexing_maps = [#id, #row, #id]
        ins(%x, %s : tensor<2x2xf32>, tensor<2xf32>)
        outs(%e : tensor<2x2xf32>) -> tensor<2x2xf32>
      return %0, %1, %2 : tensor<2x2xf32>, tensor<2x2xf32>, tensor<2x2xf32>
    })mlir",
          {tensor({2, 2}, {1, 2, 3, 4}), tensor({2, 2}, {10, 20, 30, 40}),
           tensor({2}, {-1, 2})});
  EXPECT_EQ(r[0].readAsDoubles(), (Values{11, 22, 33, 44}));
  EXPECT_EQ(r[1].at(3), std::exp(4.0));
  EXPECT_EQ(r[2].readAsDoubles(), (Values{-1, -2, 6, 8}));
}

TEST_F(LinalgTest, BodiesOfAnyKind) {
  // A branch and a loop in the body: element by element.
  EXPECT_EQ(
      values(R"mlir(
    #id = affine_map<(i) -> (i)>
    #half = affine_map<(i) -> (i floordiv 2)>
    func.func @main(%x: tensor<4xf32>, %t: tensor<2xf32>, %k: f32) -> tensor<4xf32> {
      %e = tensor.empty() : tensor<4xf32>
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %0 = linalg.generic {indexing_maps = [#id, #half, #id],
                           iterator_types = ["parallel"]}
        ins(%x, %t : tensor<4xf32>, tensor<2xf32>) outs(%e : tensor<4xf32>) {
      ^bb0(%a: f32, %b: f32, %o: f32):
        %i = linalg.index 0 : index
        %zero = arith.constant 0.0 : f32
        %c = arith.cmpf ogt, %a, %zero : f32
        %r = scf.if %c -> f32 {
          %s = scf.for %j = %c0 to %i step %c1 iter_args(%acc = %a) -> f32 {
            %n = arith.mulf %acc, %k : f32
            scf.yield %n : f32
          }
          scf.yield %s : f32
        } else {
          scf.yield %b : f32
        }
        linalg.yield %r : f32
      } -> tensor<4xf32>
      return %0 : tensor<4xf32>
    })mlir",
             {tensor({4}, {1, -1, 1, 1}), tensor({2}, {50, 60}), scalar(2)}),
      (Values{1, 50, 4, 8}));
}

TEST_F(LinalgTest, InitIsNotOverwritten) {
  std::vector<Tensor> r = run(R"mlir(
    func.func @main(%x: tensor<2x2xf32>) -> (tensor<2x2xf32>, tensor<2x2xf32>) {
      %0 = linalg.matmul ins(%x, %x : tensor<2x2xf32>, tensor<2x2xf32>)
        outs(%x : tensor<2x2xf32>) -> tensor<2x2xf32>
      return %0, %x : tensor<2x2xf32>, tensor<2x2xf32>
    })mlir",
                              {tensor({2, 2}, {1, 2, 3, 4})});
  EXPECT_EQ(r[0].readAsDoubles(), (Values{8, 12, 18, 26}));
  EXPECT_EQ(r[1].readAsDoubles(), (Values{1, 2, 3, 4}));
}

TEST_F(LinalgTest, AnInitThatIsAlsoAnInput) {
  // %x dies at its op, yet its memory must not be written while it is read.
  Tensor x = tensor({2, 2}, {1, 2, 3, 4});
  EXPECT_EQ(values(R"mlir(
    func.func @main(%x: tensor<2x2xf32>) -> tensor<2x2xf32> {
      %0 = linalg.matmul ins(%x, %x : tensor<2x2xf32>, tensor<2x2xf32>)
        outs(%x : tensor<2x2xf32>) -> tensor<2x2xf32>
      return %0 : tensor<2x2xf32>
    })mlir",
                   {x}),
            (Values{8, 12, 18, 26}));
  EXPECT_EQ(values(R"mlir(
    #id = affine_map<(i, j) -> (i, j)>
    func.func @main(%x: tensor<2x2xf32>) -> tensor<2x2xf32> {
      %0 = linalg.generic {indexing_maps = [#id],
                           iterator_types = ["parallel", "parallel"]}
        outs(%x : tensor<2x2xf32>) {
      ^bb0(%o: f32):
        %i = linalg.index 0 : index
        %j = linalg.index 1 : index
        %v = tensor.extract %x[%j, %i] : tensor<2x2xf32>
        linalg.yield %v : f32
      } -> tensor<2x2xf32>
      return %0 : tensor<2x2xf32>
    })mlir",
                   {x}),
            (Values{1, 3, 2, 4}));
}

} // namespace
