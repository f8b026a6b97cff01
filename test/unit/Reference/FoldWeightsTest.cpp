//===- FoldWeightsTest.cpp - Folded weights give the same scores ----------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// ra.fold_weights followed by ordinary attention equals
// ra.reciprocal_attention on the original projections. The two sides of the
// interpreter are written from different formulas, so each checks the other.
//
//===----------------------------------------------------------------------===//

#include "ReferenceTest.h"

#include <cmath>

using namespace ra::reference;
using namespace ra::reference::test;

namespace {

constexpr int64_t B = 2, T = 11, C = 24, D = 8;

struct FoldCase {
  const char *name;
  int64_t heads, kvHeads;
  std::string attributes; ///< rank or rec_dims, split, gqa
  int64_t foldedDim;
  bool bias = true;
  std::string extra = ""; ///< projection or basis operands
  std::vector<std::pair<std::string, Shape>> extraArgs = {};
  Values wStd = {}, wRec = {};
};

std::string type(const Shape &shape) {
  std::string text = "tensor<";
  for (int64_t extent : shape)
    text += std::to_string(extent) + "x";
  return text + "f32>";
}

std::string number(int64_t value) { return std::to_string(value); }

class FoldWeightsTest : public ReferenceTest,
                        public ::testing::WithParamInterface<FoldCase> {};

/// y = x w^T + b as [B, heads, T, dim].
std::string project(const std::string &name, const std::string &weight,
                    const std::string &bias, int64_t heads, int64_t dim) {
  std::string w = type({heads * dim, C}), w3 = type({heads, dim, C}),
              out = type({B, heads, T, dim}), x = type({B, T, C}),
              b = type({heads * dim}), b2 = type({heads, dim});
  std::string text = " %" + name + "w = tensor.expand_shape " + weight +
                     " [[0, 1], [2]] output_shape [" + number(heads) + ", " +
                     number(dim) + ", " + number(C) + "] : " + w + " into " +
                     w3 + "\n %" + name + "e = tensor.empty() : " + out + "\n";
  std::string biasText;
  if (!bias.empty()) {
    text += " %" + name + "b = tensor.expand_shape " + bias +
            " [[0, 1]] output_shape [" + number(heads) + ", " + number(dim) +
            "] : " + b + " into " + b2 + "\n";
    biasText = " bias(%" + name + "b : " + b2 + ")";
  }
  return text + " %" + name +
         " = ra.linear {indexing_maps = [#x, #y]} ins(%x, %" + name +
         "w : " + x + ", " + w3 + ")" + biasText + " outs(%" + name +
         "e : " + out + ") -> " + out + "\n";
}

TEST_P(FoldWeightsTest, SameAsReciprocalAttention) {
  const FoldCase &c = GetParam();
  int64_t H = c.heads, G = c.kvHeads, F = c.foldedDim;
  Shape gate = {H};
  std::string wq = type({H * D, C}), wk = type({G * D, C}), x = type({B, T, C}),
              v = type({B, G, T, D}), bq = type({H * D}), bk = type({G * D}),
              g = type(gate), out = type({B, H, T, D});
  std::string signature = "%x: " + x + ", %wq: " + wq + ", %wk: " + wk +
                          ", %v: " + v + ", %ws: " + g + ", %wr: " + g;
  std::vector<Tensor> args = {
      normal({B, T, C}, 1),
      uniform({H * D, C}, -0.4, 0.4, 2),
      uniform({G * D, C}, -0.4, 0.4, 3),
      normal({B, G, T, D}, 4),
      c.wStd.empty() ? uniform(gate, 0.3, 1.2, 5) : tensor(gate, c.wStd),
      c.wRec.empty() ? uniform(gate, 0.3, 1.2, 6) : tensor(gate, c.wRec)};
  if (c.bias) {
    signature += ", %bq: " + bq + ", %bk: " + bk;
    args.push_back(normal({H * D}, 7));
    args.push_back(normal({G * D}, 8));
  }
  uint64_t seed = 9;
  for (const auto &[name, shape] : c.extraArgs) {
    signature += ", %" + name + ": " + type(shape);
    args.push_back(normal(shape, seed++));
  }
  std::string gates = " w_std(%ws : " + g + ") w_rec(%wr : " + g + ")";
  std::string maps = "#x = affine_map<(b, t, c) -> (b, t, c)>\n"
                     "#y = affine_map<(b, t, h, d) -> (b, h, t, d)>\n";
  std::string q = type({B, H, T, D}), k = type({B, G, T, D}),
              qf = type({B, H, T, F}), kf = type({B, G, T, F});
  std::string scale = "scale = 0.35355339059327373 : f64, mask = "
                      "#ra.mask<causal>";
  std::string tail =
      " outs(%o : " + out + ") -> " + out + "\n return %0 : " + out + "\n}\n";
  std::string head = maps + "func.func @main(" + signature + ") -> " + out +
                     " {\n %o = tensor.empty() : " + out + "\n";

  std::string direct = head + project("q", "%wq", c.bias ? "%bq" : "", H, D) +
                       project("k", "%wk", c.bias ? "%bk" : "", G, D) +
                       " %0 = ra.reciprocal_attention {" + scale + ", " +
                       c.attributes + "} ins(%q, %k, %v : " + q + ", " + k +
                       ", " + v + ")" + gates + c.extra + tail;

  std::string fq = type({H * F, C}), fk = type({G * F, C});
  std::string folded =
      head + (c.bias ? " %fq, %fk, %gq, %gk" : " %fq, %fk") +
      " = ra.fold_weights {num_heads = " + number(H) +
      " : i64, num_kv_heads = " + number(G) + " : i64, " + c.attributes +
      "} ins(%wq, %wk : " + wq + ", " + wk + ")" +
      (c.bias ? " query_bias(%bq : " + bq + ") key_bias(%bk : " + bk + ")"
              : std::string()) +
      gates + c.extra + " -> " + fq + ", " + fk +
      (c.bias ? " bias " + type({H * F}) + ", " + type({G * F})
              : std::string()) +
      "\n" + project("q", "%fq", c.bias ? "%gq" : "", H, F) +
      project("k", "%fk", c.bias ? "%gk" : "", G, F) + " %0 = ra.attention {" +
      scale + "} ins(%q, %k, %v : " + qf + ", " + kf + ", " + v + ")" + tail;

  EXPECT_LT(maxError(run(direct, args).front(), run(folded, args).front()),
            1e-12)
      << folded;
  // In f32 with f32 storage both are at rounding of each other too.
  EXPECT_LT(maxError(run(direct, args, Precision::Storage).front(),
                     run(folded, args, Precision::Storage).front()),
            2e-5);
}

std::string rank4 = "rank = array<i64: 4>";
std::string query = ", gate_split = #ra.gate_split<query>";

INSTANTIATE_TEST_SUITE_P(
    Cases, FoldWeightsTest,
    ::testing::Values(
        FoldCase{"Symmetric", 3, 3, rank4, D},
        FoldCase{"NoBias", 3, 3, rank4, D, false},
        FoldCase{"Query", 3, 3, rank4 + query, D},
        FoldCase{"QueryNegative",
                 3,
                 3,
                 rank4 + query,
                 D,
                 true,
                 "",
                 {},
                 {-0.5, 0.7, 1.0},
                 {0.0, -1.5, 0.2}},
        FoldCase{"ZeroGates",
                 3,
                 3,
                 rank4,
                 D,
                 true,
                 "",
                 {},
                 {0.0, 1.0, 0.5},
                 {1.0, 0.0, 0.5}},
        FoldCase{"RecDims", 3, 3, "rec_dims = array<i64: 0, 3, 5>", D},
        FoldCase{"RanksByHead", 3, 3, "rank = array<i64: 0, 2, 5>", D},
        FoldCase{"Projection",
                 2,
                 2,
                 "rank = array<i64: 3>",
                 D,
                 true,
                 " projection(%p : tensor<8x3xf32>)",
                 {{"p", {D, 3}}}},
        FoldCase{"ProjectionByHead",
                 2,
                 2,
                 "rank = array<i64: 3>",
                 D,
                 true,
                 " projection(%p : tensor<2x8x3xf32>)",
                 {{"p", {2, D, 3}}}},
        FoldCase{"Basis",
                 2,
                 2,
                 rank4,
                 D,
                 true,
                 " basis(%a, %b : tensor<2x8x8xf32>, tensor<8x8xf32>)",
                 {{"a", {2, D, D}}, {"b", {D, D}}}},
        FoldCase{"MeanQuery", 4, 2, rank4 + query, D},
        FoldCase{"MeanSymmetric",
                 4,
                 2,
                 rank4,
                 D,
                 true,
                 "",
                 {},
                 {0.5, 0.5, 0.9, 0.9},
                 {0.2, 0.2, 0.4, 0.4}},
        FoldCase{"MeanProjection",
                 4,
                 2,
                 "rank = array<i64: 3>" + query,
                 D,
                 true,
                 " projection(%p : tensor<8x3xf32>)",
                 {{"p", {D, 3}}}},
        FoldCase{"SlotsQuery", 4, 2, rank4 + query + ", gqa = #ra.gqa<slots>",
                 D - 4 + 2 * 4},
        FoldCase{"SlotsSymmetric",
                 4,
                 2,
                 "rec_dims = array<i64: 1, 6>, gqa = #ra.gqa<slots>",
                 D - 2 + 2 * 2,
                 true,
                 "",
                 {},
                 {0.5, 0.5, 0.9, 0.9},
                 {0.2, 0.6, 0.4, 0.3}},
        FoldCase{"SlotsProjection",
                 4,
                 2,
                 "rank = array<i64: 3>, gqa = #ra.gqa<slots>" + query,
                 D - 3 + 2 * 3,
                 true,
                 " projection(%p : tensor<8x3xf32>)",
                 {{"p", {D, 3}}}}),
    [](const auto &info) { return std::string(info.param.name); });

//===----------------------------------------------------------------------===//
// Single rows, by the formula
//===----------------------------------------------------------------------===//

class FoldRowsTest : public ReferenceTest {};

TEST_F(FoldRowsTest, ConcatenatedLayout) {
  const char *text = R"mlir(
    func.func @main(%wq: tensor<6x1xf32>, %wk: tensor<6x1xf32>, %bq: tensor<6xf32>)
        -> (tensor<6x1xf32>, tensor<6x1xf32>, tensor<6xf32>, tensor<6xf32>) {
      %ws = arith.constant dense<[4.0, 1.0]> : tensor<2xf32>
      %wr = arith.constant dense<[9.0, 0.25]> : tensor<2xf32>
      %0, %1, %2, %3 = ra.fold_weights {num_heads = 2 : i64, rank = array<i64: 1>}
        ins(%wq, %wk : tensor<6x1xf32>, tensor<6x1xf32>) query_bias(%bq : tensor<6xf32>)
        w_std(%ws : tensor<2xf32>) w_rec(%wr : tensor<2xf32>)
        -> tensor<6x1xf32>, tensor<6x1xf32> bias tensor<6xf32>, tensor<6xf32>
      return %0, %1, %2, %3 : tensor<6x1xf32>, tensor<6x1xf32>, tensor<6xf32>, tensor<6xf32>
    })mlir";
  std::vector<Tensor> r =
      run(text, {tensor({6, 1}, {1, 2, 3, 4, 5, 6}),
                 tensor({6, 1}, {10, 20, 30, 40, 50, 60}),
                 tensor({6}, {0.1, 0.2, 0.3, 0.4, 0.5, 0.6})});
  auto near = [](const Tensor &got, Values expected) {
    for (size_t i = 0; i < expected.size(); ++i)
      EXPECT_NEAR(got.at(i), expected[i], 1e-15) << i;
  };
  near(r[0], {2, 4, 90, 4, 5, 30});
  near(r[1], {20, 40, 9, 40, 50, 3});
  near(r[2], {0.2, 0.4, 0, 0.4, 0.5, 0});
  near(r[3], {0, 0, 0.9, 0, 0, 0.3});
}

TEST_F(FoldRowsTest, RoundsOnceToTheWeights) {
  const char *text = R"mlir(
    func.func @main(%wq: tensor<2x1xbf16>, %wk: tensor<2x1xbf16>)
        -> (tensor<2x1xbf16>, tensor<2x1xbf16>) {
      %ws = arith.constant dense<0.9> : tensor<1xf32>
      %wr = arith.constant dense<0.1> : tensor<1xf32>
      %0, %1 = ra.fold_weights {num_heads = 1 : i64, rank = array<i64: 1>}
        ins(%wq, %wk : tensor<2x1xbf16>, tensor<2x1xbf16>)
        w_std(%ws : tensor<1xf32>) w_rec(%wr : tensor<1xf32>)
        -> tensor<2x1xbf16>, tensor<2x1xbf16>
      return %0, %1 : tensor<2x1xbf16>, tensor<2x1xbf16>
    })mlir";
  std::vector<Tensor> r =
      run(text, {tensor({2, 1}, {1.5, 2.5}), tensor({2, 1}, {3.5, 4.5})},
          Precision::Storage);
  EXPECT_EQ(r[0].elementType(), ElementType::BF16);
  using ra::runtime::roundToType;
  EXPECT_EQ(r[0].at(0),
            roundToType(ElementType::BF16, std::sqrt(double(0.9f)) * 1.5));
  EXPECT_EQ(r[0].at(1),
            roundToType(ElementType::BF16, std::sqrt(double(0.1f)) * 4.5));
  EXPECT_EQ(r[1].at(1),
            roundToType(ElementType::BF16, std::sqrt(double(0.1f)) * 2.5));
}

} // namespace
