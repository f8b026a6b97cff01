//===- WeightFamilyTest.cpp - Where checkpoints keep attention ------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ra/Runtime/WeightFamily.h"
#include "Checkpoints.h"
#include "TestFiles.h"

using namespace ra::runtime;
using namespace ra::runtime::test;

namespace {

Tensor zeros(const Shape &shape) {
  return *Tensor::create(shape, ElementType::F32);
}

/// A file of tensors of zeros.
Safetensors fileOf(const std::vector<std::pair<std::string, Shape>> &names) {
  TempFolder folder;
  std::vector<NamedTensor> tensors;
  for (const auto &[name, shape] : names)
    tensors.push_back({name, zeros(shape)});
  EXPECT_TRUE(writeSafetensors(folder.path("x"), tensors).ok());
  return *Safetensors::open(folder.path("x"));
}

TEST(WeightFamily, EveryFamilyIsFoundByItsNames) {
  for (WeightFamily family : {WeightFamily::Gpt2, WeightFamily::Linear,
                              WeightFamily::Llama, WeightFamily::Bert}) {
    Checkpoint checkpoint;
    checkpoint.family = family;
    checkpoint.layers = 11; // 10 sorts after 9
    checkpoint.kvHeads = 2;
    TempFolder folder;
    write(checkpoint, folder.path("x"));
    Safetensors file = *Safetensors::open(folder.path("x"));
    for (bool automatic : {false, true}) {
      auto found =
          findAttentions(file, automatic ? std::optional<WeightFamily>()
                                         : std::optional(family));
      ASSERT_TRUE(found) << found.message();
      ASSERT_EQ(found->size(), 11u);
      for (int64_t layer = 0; layer < 11; ++layer) {
        const AttentionTensors &tensors =
            (*found)[static_cast<size_t>(layer)].tensors;
        EXPECT_EQ(tensors.family, family);
        EXPECT_EQ(tensors.layer, layer);
        EXPECT_EQ(tensors.weights[0],
                  projectionNames(family, layer)[0] + "weight");
        EXPECT_EQ(tensors.biases[0],
                  projectionNames(family, layer)[0] + "bias");
        EXPECT_EQ(tensors.outputWeight, outputName(family, layer));
        auto shape = attentionShape(file, tensors, 4, 2);
        ASSERT_TRUE(shape) << shape.message();
        EXPECT_EQ(shape->headDim, 6);
        EXPECT_EQ(shape->numKvHeads, 2);
        EXPECT_EQ(shape->channels, 12);
      }
    }
    EXPECT_EQ(parseWeightFamily(weightFamilyName(family)), family);
  }
  EXPECT_FALSE(parseWeightFamily("auto"));
}

TEST(WeightFamily, LooksAtMoreThanOneSpelling) {
  for (const char *name :
       {"c_attn.weight", "a.qkv.weight", "a.qkv_proj.weight", "a.Wqkv.weight",
        "in_proj.weight", "a.0.in_proj_weight"}) {
    auto found = findAttentions(fileOf({{name, {36, 12}}}));
    ASSERT_TRUE(found) << name << found.message();
    EXPECT_EQ((*found)[0].tensors.family, WeightFamily::Linear) << name;
  }
  auto gpt2 = findAttentions(fileOf({{"c_attn.weight", {12, 36}}}));
  ASSERT_TRUE(gpt2);
  EXPECT_EQ((*gpt2)[0].tensors.family, WeightFamily::Gpt2);
  auto torch = findAttentions(fileOf({{"in_proj_weight", {36, 12}},
                                      {"in_proj_bias", {36}},
                                      {"out_proj.weight", {12, 12}}}));
  ASSERT_TRUE(torch);
  EXPECT_EQ((*torch)[0].tensors.biases[0], "in_proj_bias");
  EXPECT_EQ((*torch)[0].tensors.outputWeight, "out_proj.weight");
}

TEST(WeightFamily, OtherNamesAreNot) {
  auto message = [](const std::string &name, const Shape &shape) {
    auto found = findAttentions(fileOf({{name, shape}}));
    return found ? std::string("found") : found.message();
  };
  // Head by head: as [q|k|v] it would be silently wrong.
  EXPECT_TRUE(says(message("query_key_value.weight", {36, 12}),
                   "no attention among its 1 tensors; looked for gpt2: "));
  EXPECT_TRUE(says(message("xqkv.weight", {36, 12}), "no attention"));
  EXPECT_TRUE(says(message("qkv.weight", {36}), "no attention"));
  EXPECT_TRUE(says(message("q_proj.weight", {12, 12}), "no attention"));
  EXPECT_TRUE(
      says(message("a.q_proj.qweight", {12, 12}), "packed quantised weights"));
  EXPECT_TRUE(says(findAttentions(fileOf({{"a.qkv.weight", {36, 12}},
                                          {"b.query.weight", {12, 12}},
                                          {"b.key.weight", {12, 12}},
                                          {"b.value.weight", {12, 12}}}))
                       .message(),
                   "several families (linear, bert); choose one"));
}

TEST(WeightFamily, LayersWithoutANumberOfTheirOwnAreCounted) {
  auto found =
      findAttentions(fileOf({{"stage.1.block.0.qkv.weight", {36, 12}},
                             {"stage.0.block.1.qkv.weight", {36, 12}},
                             {"stage.0.block.0.qkv.weight", {36, 12}}}));
  ASSERT_TRUE(found);
  ASSERT_EQ(found->size(), 3u);
  EXPECT_EQ((*found)[0].tensors.prefix, "stage.0.block.0.");
  EXPECT_EQ((*found)[1].tensors.layer, 1);
  EXPECT_EQ((*found)[2].tensors.prefix, "stage.1.block.0.");
  EXPECT_EQ((*found)[2].tensors.layer, 2);
}

TEST(WeightFamily, ShapesThatDoNotFitAreNamed) {
  auto message = [](const std::vector<std::pair<std::string, Shape>> &names,
                    int64_t heads, int64_t kvHeads) {
    Safetensors file = fileOf(names);
    auto found = findAttentions(file);
    if (!found)
      return found.message();
    auto shape = attentionShape(file, (*found)[0].tensors, heads, kvHeads);
    return shape ? std::string() : shape.message();
  };
  EXPECT_EQ(message({{"qkv.weight", {36, 12}}}, 3, 0), "");
  EXPECT_TRUE(says(message({{"qkv.weight", {36, 12}}}, 5, 0),
                   "tensor 'qkv.weight' is 36x12xf32; 5 query heads and 2 * 5 "
                   "key and value heads do not divide 36 outputs"));
  EXPECT_TRUE(
      says(message({{"qkv.weight", {36, 12}}, {"qkv.bias", {35}}}, 3, 0),
           "tensor 'qkv.bias' is 35xf32; its weight has 36 outputs"));
  EXPECT_TRUE(says(message({{"qkv.weight", {36, 0}}}, 3, 0), "not empty"));
  EXPECT_TRUE(
      says(message({{"qkv.weight", {36, 12}}}, INT64_MAX, 0), "head counts"));
  EXPECT_TRUE(
      says(message({{"qkv.weight", {36, 12}}}, 3, INT64_MAX), "head counts"));
  const std::vector<std::pair<std::string, Shape>> llama = {
      {"q_proj.weight", {16, 12}},
      {"k_proj.weight", {8, 12}},
      {"v_proj.weight", {6, 12}}};
  EXPECT_EQ(message(llama, 4, 0), ""); // Dv = 3
  EXPECT_TRUE(says(message(llama, 3, 0), "3 heads do not divide 16 outputs"));
  EXPECT_TRUE(says(message(llama, 4, 4), "4 key heads of 4 dims take 16"));
  EXPECT_TRUE(says(message(llama, 1, 0), "heads of 16 dims"));
}

} // namespace
