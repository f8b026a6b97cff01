//===- GoldenTest.cpp - Cases computed elsewhere --------------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Every file of test/golden, which an independent program wrote. The IR of a
// case is built from the metadata of its file.
//
//===----------------------------------------------------------------------===//

#include "ReferenceTest.h"

#include "ra/Runtime/Safetensors.h"

#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBuffer.h"

#include <cmath>

using namespace ra::reference;
using namespace ra::reference::test;
using ra::runtime::Safetensors;

namespace {

const char *const kCases[] = {"attention_full",
                              "attention_causal",
                              "attention_window3",
                              "attention_softcap",
                              "attention_scale",
                              "attention_bias_masked_row",
                              "attention_grouped_dv6",
                              "attention_bottom_right",
                              "ra_last4",
                              "ra_rec_dims",
                              "ra_projection",
                              "ra_gqa_mean",
                              "ra_gqa_slots",
                              "ra_gates_1_1",
                              "ra_gate_negative",
                              "ra_gate_zero",
                              "block_rope_interleaved_legal",
                              "block_rope_half_legal",
                              "block_rope_half_illegal"};

class GoldenTest : public ReferenceTest,
                   public ::testing::WithParamInterface<const char *> {
protected:
  void SetUp() override {
    auto opened = Safetensors::open(std::string(RA_GOLDEN_DIR) + "/" +
                                    GetParam() + ".safetensors");
    ASSERT_TRUE(bool(opened)) << opened.message();
    file = *opened;
  }
  Tensor get(const std::string &name) {
    auto loaded = file.get(name);
    EXPECT_TRUE(bool(loaded)) << (loaded ? "" : loaded.message());
    return loaded ? *loaded : Tensor();
  }
  bool has(const std::string &name) { return file.contains(name); }
  /// The text of a metadata entry without the quotes of a JSON string.
  std::string attribute(const std::string &name) {
    auto found = file.metadata().find(name);
    if (found == file.metadata().end())
      return "";
    std::string text = found->second;
    if (text.size() >= 2 && text.front() == '"')
      text = text.substr(1, text.size() - 2);
    return text;
  }
  /// "[1, 2]" as "array<i64: 1, 2>".
  std::string list(const std::string &name) {
    std::string text = attribute(name);
    return "array<i64: " + text.substr(1, text.size() - 2) + ">";
  }
  static std::string typeOf(const Tensor &tensor) {
    std::string text = "tensor<";
    for (int64_t extent : tensor.shape())
      text += std::to_string(extent) + "x";
    return text + "f32>";
  }
  std::string typeOf(const std::string &name) { return typeOf(get(name)); }

  std::string attributes();
  std::string attentionModule(std::vector<Tensor> &args);
  std::string blockModule(std::vector<Tensor> &args);

  Safetensors file;
};

/// The attributes of the attention op that the metadata ask for.
std::string GoldenTest::attributes() {
  std::string text = "mask = #ra.mask<";
  std::string mask = attribute("mask");
  text += mask.empty() ? "causal" : mask;
  if (mask == "window")
    text += "(" + attribute("window") + ")";
  if (attribute("alignment") == "bottom-right")
    text += ", bottom_right";
  text += ">";
  if (!attribute("softcap").empty())
    text += ", softcap = " + attribute("softcap") + " : f64";
  if (!attribute("scale").empty())
    text += ", scale = " + attribute("scale") + " : f64";
  if (!attribute("rank").empty())
    text += ", rank = array<i64: " + attribute("rank") + ">";
  if (!attribute("rec_dims").empty())
    text += ", rec_dims = " + list("rec_dims");
  if (!attribute("gqa").empty())
    text += ", gqa = #ra.gqa<" + attribute("gqa") + ">";
  // A gate of any sign: the value of the op does not depend on the split.
  if (std::string(GetParam()) == "ra_gate_negative")
    text += ", gate_split = #ra.gate_split<query>";
  return "{" + text + "}";
}

std::string GoldenTest::attentionModule(std::vector<Tensor> &args) {
  std::string signature, operands;
  std::string op = attribute("op");
  for (const char *name : {"q", "k", "v", "w_std", "w_rec", "P", "bias"}) {
    if (!has(name))
      continue;
    args.push_back(get(name));
    std::string value = std::string("%") + name;
    signature += (signature.empty() ? "" : ", ") + value + ": " + typeOf(name);
    std::string keyword = std::string(name) == "P" ? "projection" : name;
    if (keyword.size() > 1)
      operands += " " + keyword + "(" + value + " : " + typeOf(name) + ")";
  }
  std::string out = typeOf("out");
  return "func.func @main(" + signature + ") -> " + out +
         " {\n  %init = tensor.empty() : " + out + "\n  %0 = ra." + op + " " +
         attributes() + " ins(%q, %k, %v : " + typeOf("q") + ", " +
         typeOf("k") + ", " + typeOf("v") + ")" + operands +
         " outs(%init : " + out + ") -> " + out + "\n  return %0 : " + out +
         "\n}\n";
}

/// Projections, rotary embedding with positions from 0, reciprocal attention.
std::string GoldenTest::blockModule(std::vector<Tensor> &args) {
  Tensor x = get("x"), out = get("out");
  int64_t batch = out.dim(0), heads = out.dim(1), length = out.dim(2),
          dims = out.dim(3);
  double base = std::stod(attribute("base"));
  Values cosines, sines;
  for (int64_t t = 0; t < length; ++t)
    for (int64_t f = 0; f < dims / 2; ++f) {
      double angle = static_cast<double>(t) *
                     std::pow(base, -2.0 * static_cast<double>(f) /
                                        static_cast<double>(dims));
      cosines.push_back(std::cos(angle));
      sines.push_back(std::sin(angle));
    }
  Tensor table = tensor({length, dims / 2}, cosines);
  args = {x,
          get("wq"),
          get("wk"),
          get("wv"),
          get("bq"),
          get("bk"),
          table,
          tensor({length, dims / 2}, sines),
          get("w_std"),
          get("w_rec")};
  std::string text = "func.func @main(";
  const char *names[] = {"x",  "wq",  "wk",  "wv",    "bq",
                         "bk", "cos", "sin", "w_std", "w_rec"};
  for (size_t i = 0; i < args.size(); ++i)
    text += std::string(i ? ", %" : "%") + names[i] + ": " + typeOf(args[i]);
  std::string outType = typeOf(out), flat = typeOf(x), weight = typeOf("wq"),
              bias = typeOf("bq"), rope = typeOf(table);
  std::string split = "tensor<" + std::to_string(batch) + "x" +
                      std::to_string(length) + "x" + std::to_string(heads) +
                      "x" + std::to_string(dims) + "xf32>";
  text += ") -> " + outType + " {\n  %y = tensor.empty() : " + flat +
          "\n  %o = tensor.empty() : " + outType + "\n";
  for (std::string n : {"q", "k", "v"}) {
    bool biased = n != "v";
    text += "  %" + n + "0 = ra.linear ins(%x, %w" + n + " : " + flat + ", " +
            weight + ")" +
            (biased ? " bias(%b" + n + " : " + bias + ")" : std::string()) +
            " outs(%y : " + flat + ") -> " + flat + "\n";
    text += "  %" + n + "1 = tensor.expand_shape %" + n +
            "0 [[0], [1], [2, 3]] output_shape [" + std::to_string(batch) +
            ", " + std::to_string(length) + ", " + std::to_string(heads) +
            ", " + std::to_string(dims) + "] : " + flat + " into " + split +
            "\n";
    text += "  %" + n + "2 = linalg.transpose ins(%" + n + "1 : " + split +
            ") outs(%o : " + outType + ") permutation = [0, 2, 1, 3]\n";
    if (biased)
      text += "  %" + n + "3 = ra.rope {style = #ra.rope_style<" +
              attribute("style") + ">} ins(%" + n +
              "2, %cos, %sin : " + outType + ", " + rope + ", " + rope +
              ") outs(%o : " + outType + ") -> " + outType + "\n";
  }
  text += "  %0 = ra.reciprocal_attention " + attributes() +
          " ins(%q3, %k3, %v2 : " + outType + ", " + outType + ", " + outType +
          ") w_std(%w_std : " + typeOf("w_std") +
          ") w_rec(%w_rec : " + typeOf("w_rec") + ") outs(%o : " + outType +
          ") -> " + outType + "\n  return %0 : " + outType + "\n}\n";
  return text;
}

TEST_P(GoldenTest, Agrees) {
  bool block = attribute("op").rfind("projections", 0) == 0;
  std::vector<Tensor> args;
  std::string text = block ? blockModule(args) : attentionModule(args);
  Tensor got = run(text, args).front();
  EXPECT_LT(maxError(got, get("out")), block ? 1e-9 : 1e-12) << text;
}

INSTANTIATE_TEST_SUITE_P(Files, GoldenTest, ::testing::ValuesIn(kCases),
                         [](const auto &info) {
                           return std::string(info.param);
                         });

// The list above leaves no case of the index out.
TEST(GoldenIndexTest, IsCovered) {
  auto buffer =
      llvm::MemoryBuffer::getFile(std::string(RA_GOLDEN_DIR) + "/index.json");
  ASSERT_TRUE(bool(buffer));
  auto index = llvm::json::parse((*buffer)->getBuffer());
  ASSERT_TRUE(bool(index));
  std::vector<std::string> names;
  for (const llvm::json::Value &entry : *index->getAsArray())
    names.push_back(entry.getAsObject()->getString("case")->str());
  EXPECT_EQ(names,
            std::vector<std::string>(std::begin(kCases), std::end(kCases)));
}

} // namespace
