//===- RecipeTest.cpp - Recipes in metadata -------------------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ra/Runtime/Recipe.h"
#include "TestFiles.h"
#include "gtest/gtest.h"

#include <cmath>

using namespace ra::runtime;
using ra::runtime::test::says;

namespace {

LayerRecipe layerOf(int64_t number) {
  LayerRecipe layer;
  layer.tensors.family = WeightFamily::Llama;
  layer.tensors.layer = number;
  layer.tensors.prefix = "layers." + std::to_string(number) + ".";
  for (size_t i = 0; i < 3; ++i)
    layer.tensors.weights[i] = layer.tensors.prefix + "qkv"[i] + "_proj.weight";
  layer.tensors.biases[1] = layer.tensors.prefix + "k_proj.b\"\\\n\xc3\xa9";
  layer.tensors.outputWeight = "out";
  layer.shape.numHeads = 4;
  layer.shape.numKvHeads = 2;
  layer.shape.headDim = 8;
  layer.shape.valueDim = 6;
  layer.recDims = {{3, 7}, {3, 7}, {}, {}};
  layer.gateSplit = GateSplit::Query;
  layer.grouped = GroupedMode::Mean;
  layer.wStd = {0.1, -1e-300, 1.0 / 3.0, 5};
  layer.wRec = {0.25};
  layer.rope = {RopeStyle::Half, 8, 500000.0};
  layer.mask = AttentionMask::Causal;
  layer.scale = 1.0 / std::sqrt(8.0);
  layer.sourceType = ElementType::BF16;
  layer.sourceBiases = {false, true, false};
  layer.sourceSha256 = "abc";
  layer.raw = RawRows::All;
  layer.rebaked = true;
  return layer;
}

std::string goodText() {
  Recipe recipe;
  recipe.layers = {layerOf(0)};
  return recipeText(recipe);
}

/// `text` with the first `from` replaced.
std::string replaced(std::string text, const std::string &from,
                     const std::string &to) {
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  if (at == std::string::npos)
    return text;
  return text.replace(at, from.size(), to);
}

TEST(Recipe, RoundTrip) {
  Recipe recipe;
  recipe.layers = {layerOf(2), layerOf(11)};
  recipe.layers[1].recDims.assign(4, std::vector<int64_t>{1, 5});
  recipe.layers[1].lowPart = LowPart::Svd;
  recipe.layers[1].basis = true;
  recipe.layers[1].rope = RotarySpec();
  const std::string text = recipeText(recipe);
  Expected<Recipe> back = parseRecipe(text);
  ASSERT_TRUE(back) << back.message() << "\n" << text;
  ASSERT_EQ(back->layers.size(), 2u);
  const LayerRecipe &a = recipe.layers[0], &b = back->layers[0];
  EXPECT_EQ(a.tensors.weights, b.tensors.weights);
  EXPECT_EQ(a.tensors.biases, b.tensors.biases);
  EXPECT_EQ(a.tensors.outputWeight, b.tensors.outputWeight);
  EXPECT_EQ(a.recDims, b.recDims);
  EXPECT_EQ(a.wStd, b.wStd) << "gates come back to the last bit";
  EXPECT_EQ(a.scale, b.scale);
  EXPECT_EQ(a.shape.valueDim, b.shape.valueDim);
  EXPECT_EQ(a.rope.base, b.rope.base);
  EXPECT_EQ(a.sourceType, b.sourceType);
  EXPECT_EQ(a.sourceBiases, b.sourceBiases);
  EXPECT_EQ(back->layers[1].recDims, recipe.layers[1].recDims);
  EXPECT_TRUE(back->layers[1].basis);
  // Every field is in the text: the text of what was read is the text.
  EXPECT_EQ(recipeText(*back), text);
  EXPECT_EQ(back->find(11)->tensors.layer, 11);
  EXPECT_EQ(back->find(3), nullptr);
}

TEST(Recipe, IsWhatTheDocumentationSays) {
  LayerRecipe layer = layerOf(0);
  layer.recDims.assign(4, std::vector<int64_t>{3, 7});
  Recipe recipe;
  recipe.layers = {layer};
  const std::string text = recipeText(recipe);
  EXPECT_TRUE(says(text, "{\"version\":1,\"layers\":[{\"layer\":0,"
                         "\"family\":\"llama\",\"prefix\":\"layers.0.\","));
  EXPECT_TRUE(says(text, "\"rec_dims\":[[3,7]],\"gate_split\":\"query\","));
  EXPECT_TRUE(says(text, "\"rope\":{\"style\":\"half\",\"rotary_dim\":8,"
                         "\"base\":5e+05}"));
  EXPECT_TRUE(says(text, "\"source_type\":\"BF16\""));
}

struct Wrong {
  const char *from, *to, *says;
};

TEST(Recipe, RefusesEverythingElse) {
  const std::string good = goodText();
  ASSERT_TRUE(parseRecipe(good));
  const Wrong cases[] = {
      {"\"version\":1", "\"version\":2", "version 2 is not known"},
      {"\"version\":1", "\"version\":1.0", "whole number"},
      {"\"version\":1,", "", "lacks 'version'"},
      {"\"layer\":0", "\"layer\":-1", "whole number >= 0"},
      {"\"layer\":0", "\"layer\":0,\"layer\":0", "given twice"},
      {"\"layer\":0", "\"layer\":0,\"x\":0", "unknown key 'x'"},
      {"\"llama\"", "\"lama\"", "unknown value 'lama'; known are gpt2"},
      {"\"heads\":4", "\"heads\":0", "must be in [1, 2^22]"},
      {"\"heads\":4", "\"heads\":99999999999999999999", "overflows"},
      {"\"heads\":4", "\"heads\":3", "4 sets for 3 heads"},
      {"\"head_dim\":8", "\"head_dim\":4194304", "more than 2^22 outputs"},
      {"\"value_dim\":6", "\"value_dim\":4194304", "more than 2^22 outputs"},
      {"[[3,7],[3,7],[],[]]", "[[3,7]", "a list has more"},
      {"[[3,7],[3,7],[],[]]", "[[3,7],[]]", "2 sets for 4 heads"},
      {"[[3,7],[3,7],[],[]]", "[[7,3]]", "not sorted, unique"},
      {"[[3,7],[3,7],[],[]]", "[[3,8]]", "not sorted, unique and in [0, 8)"},
      {"[[3,7],[3,7],[],[]]", "[[2,7]]", "rotary: "},
      {"[[3,7],[3,7],[],[]]", "[[3,7],[],[],[]]", "grouped: "},
      {"\"w_rec\":[0.25]", "\"w_rec\":[]", "a gate has no number"},
      {"\"w_rec\":[0.25]", "\"w_rec\":[1,2]", "gate: w_rec has 2 numbers"},
      {"\"w_rec\":[0.25]", "\"w_rec\":[nan]", "expected a number"},
      {"\"w_rec\":[0.25]", "\"w_rec\":[1e999]", "that an f64 holds"},
      {"\"w_rec\":[0.25]", "\"w_rec\":[.5]", "expected a number"},
      {"\"w_rec\":[0.25]", "\"w_rec\":[00]", "expected a number"},
      {"\"gate_split\":\"query\"", "\"gate_split\":\"symmetric\"", "gate"},
      {"\"basis\":false", "\"basis\":true", "a basis without projection"},
      {"\"basis\":false", "\"basis\":0", "expected true or false"},
      {"\"projection\":\"last\"", "\"projection\":\"random\"",
       "replaces the last R dims"},
      {"\"rotary_dim\":8", "\"rotary_dim\":7", "rotary"},
      {"\"base\":5e+05", "\"base\":0", "must be positive"},
      {"[false,true,false]", "[false,true]", "must be three values"},
      {"layers.0.k_proj.weight", "layers.0.q_proj.weight", "named twice"},
      {"layers.0.k_proj.weight", "", "a weight has no name"},
      {"\"output\":[\"out\",\"\"]", "\"output\":[\"out\"]", "two names"},
      {"\"rebaked\":true}", "\"rebaked\":true},", "expected"},
      {"\"abc\"", "\"ab\x01\"", "control character"},
      {"\"abc\"", "\"ab\xff\"", "not UTF-8"},
  };
  for (const Wrong &wrong : cases) {
    const std::string text = replaced(good, wrong.from, wrong.to);
    Expected<Recipe> recipe = parseRecipe(text);
    EXPECT_FALSE(recipe) << wrong.to;
    if (!recipe && std::string(wrong.says) != "a list has more") {
      EXPECT_TRUE(says(recipe.message(), wrong.says)) << wrong.to;
    }
  }
  for (size_t size = 0; size < good.size(); ++size)
    EXPECT_FALSE(parseRecipe(std::string_view(good).substr(0, size))) << size;
  EXPECT_FALSE(parseRecipe(good + "x"));
  EXPECT_TRUE(parseRecipe(good + " \n"));
  EXPECT_FALSE(parseRecipe(std::string(100000, '[')));
}

/// One short set may stand for many heads: the sum is bounded.
TEST(Recipe, DoesNotGrowWithoutBound) {
  std::string text = goodText();
  text = replaced(text,
                  "\"heads\":4,\"kv_heads\":2,\"head_dim\":8,"
                  "\"value_dim\":6",
                  "\"heads\":4194304,\"kv_heads\":4194304,\"head_dim\":1,"
                  "\"value_dim\":1");
  EXPECT_FALSE(parseRecipe(text));
  std::string dims;
  for (int dim = 0; dim < 2000; ++dim)
    dims += (dims.empty() ? "" : ",") + std::to_string(dim);
  text = replaced(goodText(), "\"heads\":4,\"kv_heads\":2,\"head_dim\":8",
                  "\"heads\":2048,\"kv_heads\":2048,\"head_dim\":2048");
  text = replaced(text, "[[3,7],[3,7],[],[]]", "[[" + dims + "]]");
  text =
      replaced(text, "\"half\",\"rotary_dim\":8", "\"none\",\"rotary_dim\":0");
  text = replaced(text, "\"w_std\":[0.1,-1e-300,0.3333333333333333,5]",
                  "\"w_std\":[1]");
  Expected<Recipe> one = parseRecipe(text);
  ASSERT_TRUE(one) << one.message();
  const size_t begin = text.find("{\"layer\":0");
  const std::string layer =
      text.substr(begin, text.size() - begin - 2); // without "]}"
  std::string many = text.substr(0, begin);
  for (int i = 0; i < 6; ++i) {
    std::string next = layer;
    const std::string own = "layers." + std::to_string(i) + ".";
    for (size_t at = next.find("layers.0."); at != std::string::npos;
         at = next.find("layers.0.", at + own.size()))
      next.replace(at, own.size(), own);
    next = replaced(next, "\"layer\":0", "\"layer\":" + std::to_string(i));
    many += (i == 0 ? "" : ",") + next;
  }
  Expected<Recipe> six = parseRecipe(many + "]}");
  ASSERT_FALSE(six);
  EXPECT_TRUE(says(six.message(), "'rec_dims' are too many"));
}

TEST(Recipe, LayersAreInOrder) {
  Recipe recipe;
  recipe.layers = {layerOf(3), layerOf(1)};
  EXPECT_TRUE(says(parseRecipe(recipeText(recipe)).message(),
                   "not in order of their numbers"));
  recipe.layers = {layerOf(3), layerOf(3)};
  EXPECT_TRUE(says(parseRecipe(recipeText(recipe)).message(), "named twice"));
}

TEST(Recipe, AFileWithoutOneHasNoLayers) {
  auto parse = [](const std::string &header) {
    auto bytes = std::make_shared<std::string>();
    for (size_t i = 0; i < 8; ++i)
      *bytes += static_cast<char>((header.size() >> (8 * i)) & 0xff);
    *bytes += header;
    return *Safetensors::parse(bytes->data(), bytes->size(), bytes, "x");
  };
  Expected<Recipe> none = readRecipe(parse("{}"));
  ASSERT_TRUE(none);
  EXPECT_TRUE(none->layers.empty());
  EXPECT_TRUE(says(
      readRecipe(parse("{\"__metadata__\":{\"ra.recipe\":\"[]\"}}")).message(),
      "its recipe (metadata 'ra.recipe'): expected '{'"));
}

} // namespace
