//===- AttentionTest.cpp - Attention, projections, rotary -----------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Closed forms, and loops over single elements written from the formulas.
//
//===----------------------------------------------------------------------===//

#include "ReferenceTest.h"

#include "llvm/ADT/StringExtras.h"

#include <cmath>
#include <functional>

using namespace ra::reference;
using namespace ra::reference::test;

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

class AttentionTest : public ReferenceTest {};

std::string shapeText(const Shape &shape) {
  std::string text = "tensor<";
  for (int64_t extent : shape)
    text += std::to_string(extent) + "x";
  return text + "f32>";
}

/// @main(q, k, v) with the given attributes and, if asked for, a log-sum-exp.
std::string attentionText(const Tensor &q, const Tensor &k, const Tensor &v,
                          const std::string &attributes, bool lse = false) {
  std::string qt = shapeText(q.shape()), kt = shapeText(k.shape()),
              vt = shapeText(v.shape());
  Shape outShape = q.shape();
  outShape[3] = v.dim(3);
  std::string ot = shapeText(outShape);
  std::string lt = shapeText({q.dim(0), q.dim(1), q.dim(2)});
  std::string results = lse ? "(" + ot + ", " + lt + ")" : ot;
  std::string text = "func.func @main(%q: " + qt + ", %k: " + kt +
                     ", %v: " + vt + ") -> " + results +
                     " {\n %o = tensor.empty() : " + ot + "\n";
  if (lse)
    text += " %l = tensor.empty() : " + lt + "\n";
  text += lse ? " %0:2 = " : " %0 = ";
  text += "ra.attention {" + attributes + "} ins(%q, %k, %v : " + qt + ", " +
          kt + ", " + vt + ") outs(%o : " + ot + ")";
  if (lse)
    text += " lse(%l : " + lt + ") -> " + ot + ", " + lt +
            "\n return %0#0, %0#1 : " + ot + ", " + lt;
  else
    text += " -> " + ot + "\n return %0 : " + ot;
  return text + "\n}\n";
}

//===----------------------------------------------------------------------===//
// Closed forms
//===----------------------------------------------------------------------===//

TEST_F(AttentionTest, UniformScoresGiveMeans) {
  // Keys of zero: every visible key weighs the same.
  Tensor q = normal({1, 1, 5, 4}, 1), v = normal({1, 1, 5, 3}, 2);
  Tensor k = tensor({1, 1, 5, 4}, Values(20, 0.0));
  std::vector<Tensor> results =
      run(attentionText(q, k, v, "mask = #ra.mask<causal>", true), {q, k, v});
  for (int64_t i = 0; i < 5; ++i) {
    for (int64_t d = 0; d < 3; ++d) {
      double mean = 0;
      for (int64_t j = 0; j <= i; ++j)
        mean += v.at(j * 3 + d) / static_cast<double>(i + 1);
      EXPECT_NEAR(results[0].at(i * 3 + d), mean, 1e-15);
    }
    EXPECT_NEAR(results[1].at(i), std::log(i + 1.0), 1e-15);
  }
}

TEST_F(AttentionTest, OneHotScoresSelect) {
  // Query i is 1000 times unit vector i, key j unit vector (j + 1) mod 4: row i
  // sees nothing but the key that holds its unit vector.
  Values q(16, 0.0), k(16, 0.0);
  for (int64_t i = 0; i < 4; ++i) {
    q[i * 4 + i] = 1000;
    k[i * 4 + (i + 1) % 4] = 1;
  }
  Tensor qt = tensor({1, 1, 4, 4}, q), kt = tensor({1, 1, 4, 4}, k);
  Tensor v = normal({1, 1, 4, 2}, 3);
  Values out = values(attentionText(qt, kt, v, ""), {qt, kt, v});
  for (int64_t i = 0; i < 4; ++i)
    for (int64_t d = 0; d < 2; ++d)
      EXPECT_NEAR(out[i * 2 + d], v.at((i + 3) % 4 * 2 + d), 1e-12);
}

TEST_F(AttentionTest, OnesGiveOne) {
  Tensor q = normal({2, 2, 9, 8}, 4), k = normal({2, 2, 9, 8}, 5);
  Tensor v = tensor({2, 2, 9, 3}, Values(108, 1.0));
  for (const char *mask : {"none", "causal", "window(3)"})
    for (double value :
         values(attentionText(q, k, v,
                              std::string("mask = #ra.mask<") + mask + ">"),
                {q, k, v}))
      EXPECT_NEAR(value, 1.0, 1e-14) << mask;
}

TEST_F(AttentionTest, PermutingKeysWithValuesChangesNothing) {
  Tensor q = normal({1, 2, 7, 8}, 6), k = normal({1, 2, 7, 8}, 7),
         v = normal({1, 2, 7, 8}, 8);
  auto permuted = [](const Tensor &tensor) {
    Tensor copy = *tensor.clone();
    for (int64_t h = 0; h < 2; ++h)
      for (int64_t j = 0; j < 7; ++j)
        for (int64_t d = 0; d < 8; ++d)
          copy.set((h * 7 + (j * 3) % 7) * 8 + d,
                   tensor.at((h * 7 + j) * 8 + d));
    return copy;
  };
  std::string full = attentionText(q, k, v, "");
  Tensor before = run(full, {q, k, v}).front();
  Tensor after = run(full, {q, permuted(k), permuted(v)}).front();
  EXPECT_LT(maxError(before, after), 1e-14);
  // With a mask it does: the comparison above can fail.
  std::string causal = attentionText(q, k, v, "mask = #ra.mask<causal>");
  EXPECT_GT(maxError(run(causal, {q, k, v}).front(),
                     run(causal, {q, permuted(k), permuted(v)}).front()),
            0.1);
}

TEST_F(AttentionTest, RowsWithoutKeysAreZero) {
  // Bottom-right causal with more queries than keys: p(i) = i - 2.
  Tensor q = normal({1, 1, 5, 4}, 9), k = normal({1, 1, 3, 4}, 10),
         v = normal({1, 1, 3, 4}, 11);
  std::vector<Tensor> results =
      run(attentionText(q, k, v, "mask = #ra.mask<causal, bottom_right>", true),
          {q, k, v});
  for (int64_t i = 0; i < 2; ++i) {
    EXPECT_EQ(results[1].at(i), -kInfinity);
    for (int64_t d = 0; d < 4; ++d)
      EXPECT_EQ(results[0].at(i * 4 + d), 0.0);
  }
  for (int64_t d = 0; d < 4; ++d)
    EXPECT_NEAR(results[0].at(2 * 4 + d), v.at(d), 1e-15);
  EXPECT_TRUE(std::isfinite(results[1].at(2)));
}

TEST_F(AttentionTest, HiddenValuesAreNotRead) {
  Tensor q = normal({1, 1, 4, 4}, 12), k = normal({1, 1, 4, 4}, 13);
  Tensor v = *normal({1, 1, 4, 4}, 14).clone();
  v.set(3 * 4, kInfinity);
  Values out =
      values(attentionText(q, k, v, "mask = #ra.mask<causal>"), {q, k, v});
  for (int64_t i = 0; i < 3 * 4; ++i)
    EXPECT_TRUE(std::isfinite(out[i])) << i;
  EXPECT_EQ(out[3 * 4], kInfinity);
}

TEST_F(AttentionTest, NaNScoresStayVisible) {
  Tensor q = *normal({1, 1, 3, 4}, 15).clone(), k = normal({1, 1, 3, 4}, 16),
         v = normal({1, 1, 3, 4}, 17);
  q.set(0, NAN);
  Values out =
      values(attentionText(q, k, v, "mask = #ra.mask<causal>"), {q, k, v});
  EXPECT_TRUE(std::isnan(out[0]));
  EXPECT_FALSE(std::isnan(out[4]));
}

//===----------------------------------------------------------------------===//
// Against loops written from the formula
//===----------------------------------------------------------------------===//

struct Naive {
  int64_t heads, kvHeads, queries, keys, dims, valueDims;
  double scale;
  double softcap = 0;
  std::function<bool(int64_t i, int64_t j)> visible;
  std::function<double(int64_t h, int64_t i, int64_t j)> score, bias;
  std::function<double(int64_t g, int64_t j, int64_t d)> value;

  double row(int64_t h, int64_t i, Values &weights) const {
    double highest = -kInfinity, sum = 0;
    weights.assign(keys, -kInfinity);
    for (int64_t j = 0; j < keys; ++j) {
      if (!visible(i, j))
        continue;
      double s = scale * score(h, i, j);
      if (softcap)
        s = softcap * std::tanh(s / softcap);
      if (bias)
        s += bias(h, i, j);
      weights[j] = s;
      highest = std::max(highest, s);
    }
    for (double &weight : weights) {
      weight = weight == -kInfinity ? 0 : std::exp(weight - highest);
      sum += weight;
    }
    for (double &weight : weights)
      weight = sum ? weight / sum : 0;
    return sum ? highest + std::log(sum) : -kInfinity;
  }
  double out(int64_t h, int64_t i, int64_t d) const {
    Values weights;
    row(h, i, weights);
    double sum = 0;
    for (int64_t j = 0; j < keys; ++j)
      if (weights[j])
        sum += weights[j] * value(h / (heads / kvHeads), j, d);
    return sum;
  }
};

TEST_F(AttentionTest, EveryOptionTogether) {
  // Grouped heads, Dv apart, layouts through maps, bias shared by the heads,
  // softcap, scale, an offset and a bottom-right window, all at once.
  constexpr int64_t H = 4, G = 2, Tq = 70, Tk = 81, D = 8, Dv = 5, W = 9,
                    Offset = 2;
  const char *text = R"mlir(
    #bthd = affine_map<(b, h, t, d) -> (b, t, h, d)>
    #dhbt = affine_map<(b, h, t, d) -> (d, h, b, t)>
    #bhtd = affine_map<(b, h, t, d) -> (b, h, t, d)>
    func.func @main(%q: tensor<1x?x4x8xf32>, %k: tensor<8x2x1x?xf32>,
                    %v: tensor<1x2x?x5xf32>, %bias: tensor<1x1x?x?xf32>,
                    %offset: index) -> (tensor<1x?x4x5xf32>, tensor<1x4x?xf32>) {
      %c1 = arith.constant 1 : index
      %t = tensor.dim %q, %c1 : tensor<1x?x4x8xf32>
      %o = tensor.empty(%t) : tensor<1x?x4x5xf32>
      %l = tensor.empty(%t) : tensor<1x4x?xf32>
      %0:2 = ra.attention {mask = #ra.mask<window(9), bottom_right>,
                           scale = 0.4 : f64, softcap = 2.5 : f64,
                           indexing_maps = [#bthd, #dhbt, #bhtd, #bthd]}
        ins(%q, %k, %v : tensor<1x?x4x8xf32>, tensor<8x2x1x?xf32>,
            tensor<1x2x?x5xf32>)
        bias(%bias : tensor<1x1x?x?xf32>) offset(%offset)
        outs(%o : tensor<1x?x4x5xf32>) lse(%l : tensor<1x4x?xf32>)
        -> tensor<1x?x4x5xf32>, tensor<1x4x?xf32>
      return %0#0, %0#1 : tensor<1x?x4x5xf32>, tensor<1x4x?xf32>
    })mlir";
  Tensor q = normal({1, Tq, H, D}, 20), k = normal({D, G, 1, Tk}, 21),
         v = normal({1, G, Tk, Dv}, 22), bias = normal({1, 1, Tq, Tk}, 23);
  std::vector<Tensor> results = run(text, {q, k, v, bias, index(Offset)});
  Naive naive{H, G, Tq, Tk, D, Dv, 0.4, 2.5, {}, {}, {}, {}};
  naive.visible = [](int64_t i, int64_t j) {
    int64_t p = i + (Tk - Tq) + Offset;
    return p - W < j && j <= p;
  };
  naive.score = [&](int64_t h, int64_t i, int64_t j) {
    double sum = 0;
    for (int64_t d = 0; d < D; ++d)
      sum += q.at((i * H + h) * D + d) * k.at((d * G + h / 2) * Tk + j);
    return sum;
  };
  naive.bias = [&](int64_t, int64_t i, int64_t j) {
    return bias.at(i * Tk + j);
  };
  naive.value = [&](int64_t g, int64_t j, int64_t d) {
    return v.at((g * Tk + j) * Dv + d);
  };
  Values weights;
  for (int64_t h = 0; h < H; ++h)
    for (int64_t i = 0; i < Tq; ++i) {
      EXPECT_NEAR(results[1].at(h * Tq + i), naive.row(h, i, weights), 1e-12);
      for (int64_t d = 0; d < Dv; ++d)
        EXPECT_NEAR(results[0].at((i * H + h) * Dv + d), naive.out(h, i, d),
                    1e-12);
    }
}

TEST_F(AttentionTest, ReciprocalPerHeadRanksAndDefaults) {
  // Ranks 0, 2, 4 by head and the gates' defaults.
  constexpr int64_t H = 3, T = 19, D = 8;
  const int64_t ranks[] = {0, 2, 4};
  const char *text = R"mlir(
    func.func @main(%q: tensor<1x3x19x8xf32>, %k: tensor<1x3x19x8xf32>,
                    %v: tensor<1x3x19x8xf32>) -> tensor<1x3x19x8xf32> {
      %o = tensor.empty() : tensor<1x3x19x8xf32>
      %0 = ra.reciprocal_attention {mask = #ra.mask<causal>,
                                    rank = array<i64: 0, 2, 4>}
        ins(%q, %k, %v : tensor<1x3x19x8xf32>, tensor<1x3x19x8xf32>,
            tensor<1x3x19x8xf32>)
        outs(%o : tensor<1x3x19x8xf32>) -> tensor<1x3x19x8xf32>
      return %0 : tensor<1x3x19x8xf32>
    })mlir";
  Tensor q = normal({1, H, T, D}, 24), k = normal({1, H, T, D}, 25),
         v = normal({1, H, T, D}, 26);
  Values out = values(text, {q, k, v});
  Naive naive{H, H, T, T, D, D, 1 / std::sqrt(8.0), 0, {}, {}, {}, {}};
  naive.visible = [](int64_t i, int64_t j) { return j <= i; };
  naive.score = [&](int64_t h, int64_t i, int64_t j) {
    double standard = 0, reciprocal = 0;
    auto at = [&](const Tensor &x, int64_t t, int64_t d) {
      return x.at((h * T + t) * D + d);
    };
    for (int64_t d = 0; d < D - ranks[h]; ++d)
      standard += at(q, i, d) * at(k, j, d);
    for (int64_t d = D - ranks[h]; d < D; ++d)
      reciprocal += at(k, i, d) * at(q, j, d);
    return 0.9 * standard + 0.1 * reciprocal;
  };
  naive.value = [&](int64_t h, int64_t j, int64_t d) {
    return v.at((h * T + j) * D + d);
  };
  for (int64_t h = 0; h < H; ++h)
    for (int64_t i = 0; i < T; ++i)
      for (int64_t d = 0; d < D; ++d)
        EXPECT_NEAR(out[(h * T + i) * D + d], naive.out(h, i, d), 1e-13);
}

TEST_F(AttentionTest, BasisTakesTheRowsPlace) {
  // Grouped heads with a basis of their own, rec_dims, gqa = mean.
  constexpr int64_t H = 4, G = 2, T = 9, D = 6;
  const int64_t rec[] = {1, 4};
  const char *text = R"mlir(
    func.func @main(%q: tensor<1x4x9x6xf32>, %k: tensor<1x2x9x6xf32>,
                    %v: tensor<1x2x9x6xf32>, %a: tensor<4x6x6xf32>,
                    %b: tensor<2x6x6xf32>, %ws: tensor<1xf32>,
                    %wr: tensor<4xf32>) -> tensor<1x4x9x6xf32> {
      %o = tensor.empty() : tensor<1x4x9x6xf32>
      %0 = ra.reciprocal_attention {rec_dims = array<i64: 1, 4>, scale = 0.3 : f64}
        ins(%q, %k, %v : tensor<1x4x9x6xf32>, tensor<1x2x9x6xf32>,
            tensor<1x2x9x6xf32>)
        w_std(%ws : tensor<1xf32>) w_rec(%wr : tensor<4xf32>)
        basis(%a, %b : tensor<4x6x6xf32>, tensor<2x6x6xf32>)
        outs(%o : tensor<1x4x9x6xf32>) -> tensor<1x4x9x6xf32>
      return %0 : tensor<1x4x9x6xf32>
    })mlir";
  Tensor q = normal({1, H, T, D}, 30), k = normal({1, G, T, D}, 31),
         v = normal({1, G, T, D}, 32), a = normal({H, D, D}, 33),
         b = normal({G, D, D}, 34), ws = tensor({1}, {0.7}),
         wr = tensor({4}, {0.4, -0.3, 0.0, 1.1});
  Values out = values(text, {q, k, v, a, b, ws, wr});
  auto turned = [&](const Tensor &x, const Tensor &m, int64_t h, int64_t t,
                    int64_t d) {
    double sum = 0;
    for (int64_t e = 0; e < D; ++e)
      sum += x.at((h * T + t) * D + e) * m.at((h * D + e) * D + d);
    return sum;
  };
  Naive naive{H, G, T, T, D, D, 0.3, 0, {}, {}, {}, {}};
  naive.visible = [](int64_t, int64_t) { return true; };
  naive.score = [&](int64_t h, int64_t i, int64_t j) {
    int64_t g = h / 2;
    double sum = 0;
    for (int64_t d = 0; d < D; ++d) {
      if (d != rec[0] && d != rec[1]) {
        sum += 0.7 * turned(q, a, h, i, d) * turned(k, b, g, j, d);
        continue;
      }
      double mean =
          (turned(q, a, 2 * g, j, d) + turned(q, a, 2 * g + 1, j, d)) / 2;
      sum += wr.at(h) * turned(k, b, g, i, d) * mean;
    }
    return sum;
  };
  naive.value = [&](int64_t g, int64_t j, int64_t d) {
    return v.at((g * T + j) * D + d);
  };
  for (int64_t h = 0; h < H; ++h)
    for (int64_t i = 0; i < T; ++i)
      for (int64_t d = 0; d < D; ++d)
        EXPECT_NEAR(out[(h * T + i) * D + d], naive.out(h, i, d), 1e-12);
}

TEST_F(AttentionTest, NoGateAndNoRankIsOrdinaryAttention) {
  Tensor q = normal({1, 2, 6, 4}, 40), k = normal({1, 2, 6, 4}, 41),
         v = normal({1, 2, 6, 4}, 42);
  const char *text = R"mlir(
    func.func @main(%q: tensor<1x2x6x4xf32>, %k: tensor<1x2x6x4xf32>,
                    %v: tensor<1x2x6x4xf32>) -> (tensor<1x2x6x4xf32>, tensor<1x2x6xf32>) {
      %one = arith.constant dense<1.0> : tensor<1xf32>
      %o = tensor.empty() : tensor<1x2x6x4xf32>
      %l = tensor.empty() : tensor<1x2x6xf32>
      %0:2 = ra.reciprocal_attention {rank = array<i64: 0>}
        ins(%q, %k, %v : tensor<1x2x6x4xf32>, tensor<1x2x6x4xf32>, tensor<1x2x6x4xf32>)
        w_std(%one : tensor<1xf32>) outs(%o : tensor<1x2x6x4xf32>)
        lse(%l : tensor<1x2x6xf32>) -> tensor<1x2x6x4xf32>, tensor<1x2x6xf32>
      return %0#0, %0#1 : tensor<1x2x6x4xf32>, tensor<1x2x6xf32>
    })mlir";
  std::vector<Tensor> plain =
      run(attentionText(q, k, v, "", /*lse=*/true), {q, k, v});
  std::vector<Tensor> reciprocal = run(text, {q, k, v});
  EXPECT_LT(maxError(plain[0], reciprocal[0]), 1e-15);
  EXPECT_LT(maxError(plain[1], reciprocal[1]), 1e-15);
}

//===----------------------------------------------------------------------===//
// ra.linear and ra.rope
//===----------------------------------------------------------------------===//

TEST_F(AttentionTest, LinearThroughMaps) {
  constexpr int64_t B = 2, T = 5, C = 7, H = 3, D = 4;
  const char *text = R"mlir(
    #x = affine_map<(b, t, c) -> (t, c, b)>
    #y = affine_map<(b, t, h, d) -> (h, b, d, t)>
    func.func @main(%x: tensor<?x7x2xf32>, %w: tensor<3x4x7xf32>,
                    %b: tensor<3x4xf32>, %y: tensor<3x2x4x?xf32>)
        -> tensor<3x2x4x?xf32> {
      %0 = ra.linear {indexing_maps = [#x, #y]}
        ins(%x, %w : tensor<?x7x2xf32>, tensor<3x4x7xf32>)
        bias(%b : tensor<3x4xf32>)
        outs(%y : tensor<3x2x4x?xf32>) -> tensor<3x2x4x?xf32>
      return %0 : tensor<3x2x4x?xf32>
    })mlir";
  Tensor x = normal({T, C, B}, 50), w = normal({H, D, C}, 51),
         bias = normal({H, D}, 52);
  // What the init holds does not matter.
  Tensor y = tensor({H, B, D, T}, Values(H * B * D * T, NAN));
  Values out = values(text, {x, w, bias, y});
  for (int64_t b = 0; b < B; ++b)
    for (int64_t t = 0; t < T; ++t)
      for (int64_t h = 0; h < H; ++h)
        for (int64_t d = 0; d < D; ++d) {
          double sum = bias.at(h * D + d);
          for (int64_t c = 0; c < C; ++c)
            sum += x.at((t * C + c) * B + b) * w.at((h * D + d) * C + c);
          EXPECT_NEAR(out[((h * B + b) * D + d) * T + t], sum, 1e-13);
        }
}

TEST_F(AttentionTest, RopePartialWithBatchTables) {
  constexpr int64_t B = 2, H = 2, T = 3, D = 6, Pairs = 2;
  Tensor x = normal({B, T, H, D}, 60), angle = uniform({B, T, Pairs}, 0, 6, 61);
  Tensor c = *angle.clone(), s = *angle.clone();
  for (int64_t i = 0; i < angle.numElements(); ++i) {
    c.set(i, std::cos(angle.at(i)));
    s.set(i, std::sin(angle.at(i)));
  }
  for (bool half : {true, false}) {
    std::string text = R"mlir(
      #m = affine_map<(b, h, t, d) -> (b, t, h, d)>
      #i = affine_map<(b, h, t, d) -> (b, h, t, d)>
      func.func @main(%x: tensor<2x3x2x6xf32>, %c: tensor<2x3x2xf32>,
                      %s: tensor<2x3x2xf32>) -> tensor<2x2x3x6xf32> {
        %y = tensor.empty() : tensor<2x2x3x6xf32>
        %0 = ra.rope {style = #ra.rope_style<STYLE>, indexing_maps = [#m, #i]}
          ins(%x, %c, %s : tensor<2x3x2x6xf32>, tensor<2x3x2xf32>, tensor<2x3x2xf32>)
          outs(%y : tensor<2x2x3x6xf32>) -> tensor<2x2x3x6xf32>
        return %0 : tensor<2x2x3x6xf32>
      })mlir";
    text.replace(text.find("STYLE"), 5, half ? "half" : "interleaved");
    Values out = values(text, {x, c, s});
    for (int64_t b = 0; b < B; ++b)
      for (int64_t h = 0; h < H; ++h)
        for (int64_t t = 0; t < T; ++t) {
          auto in = [&](int64_t d) {
            return x.at(((b * T + t) * H + h) * D + d);
          };
          auto got = [&](int64_t d) {
            return out[((b * H + h) * T + t) * D + d];
          };
          for (int64_t f = 0; f < Pairs; ++f) {
            int64_t u = half ? f : 2 * f, v = half ? f + Pairs : 2 * f + 1;
            double a = angle.at((b * T + t) * Pairs + f);
            EXPECT_NEAR(got(u), in(u)*std::cos(a) - in(v)*std::sin(a), 1e-14);
            EXPECT_NEAR(got(v), in(v)*std::cos(a) + in(u)*std::sin(a), 1e-14);
          }
          for (int64_t d = 2 * Pairs; d < D; ++d)
            EXPECT_EQ(got(d), in(d));
        }
  }
}

} // namespace
