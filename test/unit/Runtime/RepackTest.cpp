//===- RepackTest.cpp - Converting checkpoints ----------------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ra/Runtime/Repack.h"
#include "Checkpoints.h"
#include "TestFiles.h"
#include "ra/Runtime/Sha256.h"

#include <random>

using namespace ra::runtime;
using namespace ra::runtime::test;

namespace {

FoldOptions optionsFor(const Checkpoint &checkpoint, int64_t rank = 2) {
  FoldOptions options;
  options.numHeads = checkpoint.heads;
  options.numKvHeads = checkpoint.kvHeads;
  options.ranks = {rank};
  options.rope = RotarySpec();
  return options;
}

/// Converts, or fails the test.
ConversionReport must(Expected<ConversionReport> result) {
  EXPECT_TRUE(result) << result.message();
  if (!result)
    return {};
  for (const LayerRefusal &refusal : result->refusals)
    ADD_FAILURE() << refusalText(refusal.refusal);
  return *result;
}

/// The one refusal of `result`.
Refusal refusalOf(Expected<ConversionReport> result) {
  EXPECT_TRUE(result) << result.message();
  if (!result || result->refusals.empty()) {
    ADD_FAILURE() << "not refused";
    return {};
  }
  return result->refusals.front().refusal;
}

/// The worked example of docs/weights.md: one head of 4 dims on 2 channels,
/// rank 1, gates 0.81 and 0.25, so roots 0.9 and 0.5.
TEST(Repack, WorkedExample) {
  TempFolder folder;
  const std::vector<double> wq = {1, 2, 3, 4, 5, 6, 7, 8};
  const std::vector<double> wk = {10, 20, 30, 40, 50, 60, 70, 80};
  const std::vector<double> wv = {-1, -2, -3, -4, -5, -6, -7, -8};
  std::vector<double> rows = wq;
  rows.insert(rows.end(), wk.begin(), wk.end());
  rows.insert(rows.end(), wv.begin(), wv.end());
  std::vector<double> bias = {1, 2, 3, 4, 10, 20, 30, 40, -1, -2, -3, -4};
  ASSERT_TRUE(
      writeSafetensors(
          folder.path("in"),
          {{"qkv.weight",
            *Tensor::fromDoubles({12, 2}, ElementType::F32, rows)},
           {"qkv.bias", *Tensor::fromDoubles({12}, ElementType::F32, bias)}})
          .ok());
  FoldOptions options;
  options.numHeads = 1;
  options.ranks = {1};
  options.wStd = {{{0.81}}};
  options.wRec = {{{0.25}}};
  must(repack(folder.path("in"), folder.path("out"), {}, {}, options));
  Expected<Safetensors> out = Safetensors::open(folder.path("out"));
  ASSERT_TRUE(out) << out.message();
  const std::vector<double> folded = out->get("qkv.weight")->readAsDoubles();
  const std::vector<double> expected = {
      0.9, 1.8, 2.7, 3.6, 4.5, 5.4, 35,  40, // q: 0.9 Wq, last row 0.5 Wk
      9,   18,  27,  36,  45,  54,  3.5, 4,  // k: 0.9 Wk, last row 0.5 Wq
      -1,  -2,  -3,  -4,  -5,  -6,  -7,  -8};
  ASSERT_EQ(folded.size(), expected.size());
  for (size_t i = 0; i < expected.size(); ++i)
    EXPECT_FLOAT_EQ(static_cast<float>(folded[i]),
                    static_cast<float>(expected[i]))
        << i;
  const std::vector<double> foldedBias = out->get("qkv.bias")->readAsDoubles();
  const std::vector<double> expectedBias = {0.9, 1.8, 2.7, 20, 9,  18,
                                            27,  2,   -1,  -2, -3, -4};
  for (size_t i = 0; i < expectedBias.size(); ++i)
    EXPECT_FLOAT_EQ(static_cast<float>(foldedBias[i]),
                    static_cast<float>(expectedBias[i]));
  // The original rows of q and k, v is not there twice.
  EXPECT_EQ(out->get("qkv.weight.ra_raw")->shape(), (Shape{8, 2}));
  EXPECT_EQ(out->get("qkv.bias.ra_raw")->shape(), (Shape{8}));
  Expected<Recipe> recipe = readRecipe(*out);
  ASSERT_TRUE(recipe) << recipe.message();
  EXPECT_EQ(recipe->layers.front().sourceSha256,
            *sha256OfFile(folder.path("in")));
  EXPECT_EQ(recipe->layers.front().scale, 0.5);
}

/// Everything that is not attention passes through, whatever its type.
TEST(Repack, OtherTensorsPassThroughByteForByte) {
  TempFolder folder;
  Checkpoint checkpoint;
  checkpoint.before = {
      {"ids", *Tensor::fromDoubles({3}, ElementType::I64, {1, -2, 3})},
      {"flag", *Tensor::fromDoubles({}, ElementType::I1, {1})},
      {"none", *Tensor::create({0, 4}, ElementType::BF16)}};
  checkpoint.after = {{"odd", *Tensor::fromDoubles({1}, ElementType::U8, {7})},
                      {"nan", *Tensor::fromDoubles({2}, ElementType::F16,
                                                   {std::nan(""), -0.0})}};
  write(checkpoint, folder.path("in"), {{"format", "pt"}, {"note", "\"é"}});
  must(repack(folder.path("in"), folder.path("out"), {}, {},
              optionsFor(checkpoint)));
  Expected<Safetensors> in = Safetensors::open(folder.path("in"));
  Expected<Safetensors> out = Safetensors::open(folder.path("out"));
  ASSERT_TRUE(in && out);
  EXPECT_EQ(out->metadata().at("note"), "\"é");
  size_t passed = 0;
  for (const TensorEntry &entry : in->entries()) {
    if (entry.name.find("qkv") != std::string::npos)
      continue;
    const TensorEntry *other = out->find(entry.name);
    ASSERT_TRUE(other) << entry.name;
    EXPECT_EQ(std::string_view(in->bytesOf(entry), entry.end - entry.begin),
              std::string_view(out->bytesOf(*other), other->end - other->begin))
        << entry.name;
    ++passed;
  }
  EXPECT_EQ(passed, 9u);
  EXPECT_NE(
      std::string_view(in->bytesOf(*in->find("blocks.0.attn.qkv.weight")), 64),
      std::string_view(out->bytesOf(*out->find("blocks.0.attn.qkv.weight")),
                       64));
}

//===----------------------------------------------------------------------===//
// Round trips
//===----------------------------------------------------------------------===//

/// A random checkpoint and conversion that the rules allow.
struct RandomConversion {
  Checkpoint checkpoint;
  FoldOptions options;

  explicit RandomConversion(uint64_t seed) {
    std::mt19937_64 random(seed);
    auto below = [&](uint64_t count) {
      return static_cast<int64_t>(random() % count);
    };
    auto coin = [&] { return random() % 2 == 0; };
    const WeightFamily families[] = {WeightFamily::Gpt2, WeightFamily::Linear,
                                     WeightFamily::Llama, WeightFamily::Bert};
    const ElementType types[] = {ElementType::F32, ElementType::F16,
                                 ElementType::BF16, ElementType::F64};
    checkpoint.family = families[below(4)];
    checkpoint.type = types[below(4)];
    checkpoint.layers = 1 + below(3);
    checkpoint.channels = 1 + below(40);
    checkpoint.kvHeads = 1 + below(3);
    const int64_t group = 1 + below(3);
    checkpoint.heads = checkpoint.kvHeads * group;
    checkpoint.headDim = 2 + below(9);
    checkpoint.biases = {coin(), coin(), coin()};
    checkpoint.seed = seed;
    options = optionsFor(checkpoint, below(checkpoint.headDim));
    options.grouped = coin() ? GroupedMode::Slots : GroupedMode::Mean;
    options.gateSplit = coin() ? GateSplit::Query : GateSplit::Symmetric;
    options.wStd = gates(random);
    options.wRec = gates(random);
    if (below(3) == 0)
      options.dtype = types[below(4)];
    const int64_t kind = below(4);
    options.lowPart = kind == 0   ? LowPart::Random
                      : kind == 1 ? LowPart::Svd
                                  : LowPart::Last;
    options.seed = below(1000);
  }

  /// Gates that every split takes: positive, equal in groups, rows by layer.
  GateTable gates(std::mt19937_64 &random) const {
    GateTable table;
    const int64_t rows = random() % 2 == 0 ? 1 : checkpoint.layers;
    for (int64_t row = 0; row < rows; ++row) {
      std::vector<double> values;
      for (int64_t head = 0; head < checkpoint.heads; ++head) {
        const int64_t group = checkpoint.heads / checkpoint.kvHeads;
        values.push_back(head % group != 0
                             ? values.back()
                             : 0.1 + static_cast<double>(random() % 1000) /
                                         1000.0);
      }
      if (random() % 3 == 0)
        values.resize(1);
      table.rows.push_back(values);
    }
    return table;
  }
};

class RoundTrip : public ::testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(Seeds, RoundTrip, ::testing::Range(0, 60));

/// From kept rows: the originals come back bit for bit; new gates are what
/// repacking with them gives, whatever came between.
TEST_P(RoundTrip, IsExactAndDoesNotDrift) {
  const char *first = std::getenv("RA_SEED");
  const uint64_t seed = (first ? std::strtoull(first, nullptr, 10) : 4000) +
                        static_cast<uint64_t>(GetParam());
  SCOPED_TRACE("RA_SEED=" + std::to_string(seed));
  const RandomConversion random(seed);
  TempFolder folder;
  const std::string in = folder.path("in"), out = folder.path("out"),
                    back = folder.path("back"), other = folder.path("other");
  write(random.checkpoint, in);
  must(repack(in, out, random.checkpoint.family, {}, random.options));
  must(unpack(out, back));
  EXPECT_TRUE(sameFiles(in, back));

  std::mt19937_64 source(seed + 1);
  FoldOptions next = random.options;
  next.wStd = random.gates(source);
  next.wRec = random.gates(source);
  must(repack(in, folder.path("direct"), random.checkpoint.family, {}, next));
  must(rebake(out, other, {}, next.wStd, next.wRec));
  EXPECT_TRUE(sameFiles(folder.path("direct"), other));
  must(unpack(other, back));
  EXPECT_TRUE(sameFiles(in, back));
  // Over and over, onto itself.
  for (int i = 0; i < 5; ++i)
    must(rebake(other, other, {}, random.gates(source), random.gates(source)));
  must(rebake(other, other, {}, random.options.wStd, random.options.wRec));
  EXPECT_TRUE(sameFiles(out, other));
}

TEST(Unpack, WithoutOriginalRowsWithinTheStatedRounding) {
  for (uint64_t seed = 0; seed < 80; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    RandomConversion random(seed);
    random.options.keepRaw = false;
    random.options.dtype.reset();
    const bool groups = random.checkpoint.heads != random.checkpoint.kvHeads;
    if (random.options.lowPart == LowPart::Random)
      random.options.lowPart = LowPart::Last;
    if (groups)
      random.options.grouped = GroupedMode::Slots;
    TempFolder folder;
    write(random.checkpoint, folder.path("in"));
    must(repack(folder.path("in"), folder.path("out"), random.checkpoint.family,
                {}, random.options));
    ConversionReport report =
        must(unpack(folder.path("out"), folder.path("back")));
    ASSERT_FALSE(report.notes.empty());
    EXPECT_TRUE(says(report.notes[0], "2 roundings"));
    Expected<Safetensors> in = Safetensors::open(folder.path("in"));
    Expected<Safetensors> back = Safetensors::open(folder.path("back"));
    ASSERT_TRUE(in && back);
    const ElementType type = random.checkpoint.type;
    const double unit = type == ElementType::F64    ? 0x1p-53
                        : type == ElementType::F32  ? 0x1p-24
                        : type == ElementType::BF16 ? 0x1p-8
                                                    : 0x1p-11;
    // A basis mixes dims, and a row's rounding is relative to its own size.
    const bool basis = random.options.lowPart == LowPart::Svd;
    for (const TensorEntry &entry : in->entries()) {
      const std::vector<double> a = in->get(entry.name)->readAsDoubles();
      Expected<Tensor> tensor = back->get(entry.name);
      ASSERT_TRUE(tensor) << tensor.message();
      const std::vector<double> b = tensor->readAsDoubles();
      double scale = 0.0;
      for (double value : a)
        scale = std::max(scale, std::abs(value));
      for (size_t i = 0; i < a.size(); ++i) {
        const double bound =
            basis ? 400 * unit * scale
                  : 2 * unit * std::abs(a[i]) * (1 + 4 * unit) +
                        (type == ElementType::F16 ? 0x1p-22 : 0.0);
        EXPECT_LE(std::abs(a[i] - b[i]), bound) << entry.name << " " << i;
      }
    }
  }
}

TEST(Unpack, RefusesWhereRowsAreGone) {
  Checkpoint checkpoint;
  TempFolder folder;
  const std::string in = folder.path("in"), out = folder.path("out"),
                    back = folder.path("back");
  write(checkpoint, in);
  FoldOptions options = optionsFor(checkpoint);
  options.keepRaw = false;
  options.wRec = {{{0.1, 0.0, 0.1, 0.1}}};
  must(repack(in, out, {}, {}, options));
  EXPECT_EQ(refusalOf(unpack(out, back)).rule, Rule::Gate);
  options.wRec = {{{0.1}}};
  options.lowPart = LowPart::Random;
  must(repack(in, out, {}, {}, options));
  EXPECT_EQ(refusalOf(unpack(out, back)).rule, Rule::Affine);
  options.lowPart = LowPart::Last;
  checkpoint.kvHeads = options.numKvHeads = 2;
  write(checkpoint, in);
  must(repack(in, out, {}, {}, options));
  EXPECT_EQ(refusalOf(unpack(out, back)).rule, Rule::Grouped);
  EXPECT_EQ(folder.count(), 2u) << "a refusal writes nothing";
  // A query split with gates of 0 loses the query rows only, but loses them.
  options.numKvHeads = checkpoint.kvHeads = 4;
  options.gateSplit = GateSplit::Query;
  options.wStd = {{{0.0}}};
  write(checkpoint, in);
  must(repack(in, out, {}, {}, options));
  EXPECT_EQ(refusalOf(unpack(out, back)).rule, Rule::Gate);
}

TEST(Rebake, WithoutOriginalRowsOnceAndSayingSo) {
  Checkpoint checkpoint;
  TempFolder folder;
  const std::string in = folder.path("in"), out = folder.path("out"),
                    once = folder.path("once");
  write(checkpoint, in);
  FoldOptions options = optionsFor(checkpoint);
  options.keepRaw = false;
  must(repack(in, out, {}, {}, options));
  ConversionReport report = must(rebake(out, once, {}, {{{0.5}}}, {{{0.3}}}));
  ASSERT_EQ(report.notes.size(), 2u);
  EXPECT_TRUE(says(report.notes[0], "this rounding changed values by at most"));

  // What the exact way gives, but for the roundings.
  options.wStd = {{{0.5}}};
  options.wRec = {{{0.3}}};
  must(repack(in, folder.path("exact"), {}, {}, options));
  Expected<Safetensors> a = Safetensors::open(once);
  Expected<Safetensors> b = Safetensors::open(folder.path("exact"));
  ASSERT_TRUE(a && b);
  const std::string name = "blocks.0.attn.qkv.weight";
  const std::vector<double> x = a->get(name)->readAsDoubles(),
                            y = b->get(name)->readAsDoubles();
  for (size_t i = 0; i < x.size(); ++i)
    EXPECT_NEAR(x[i], y[i], 3 * 0x1p-24 * std::abs(y[i]));
  EXPECT_TRUE(says(refusalText(refusalOf(
                       rebake(once, folder.path("twice"), {}, {{{1}}}, {}))),
                   "changed once without original rows"));
  // Three roundings on the way back now.
  report = must(unpack(once, folder.path("back")));
  EXPECT_TRUE(says(report.notes[0], "3 roundings"));
}

TEST(Rebake, RefusesRowsThatAGateOfZeroDestroyed) {
  Checkpoint checkpoint;
  TempFolder folder;
  const std::string in = folder.path("in"), out = folder.path("out"),
                    next = folder.path("next");
  write(checkpoint, in);
  FoldOptions options = optionsFor(checkpoint);
  options.keepRaw = false;
  options.wRec = {{{0.0}}};
  must(repack(in, out, {}, {}, options));
  const Refusal refusal = refusalOf(rebake(out, next, {}, {}, {{{0.1}}}));
  EXPECT_EQ(refusal.rule, Rule::Gate);
  EXPECT_TRUE(says(refusal.reason, "gate of 0 destroyed rows"));
  EXPECT_TRUE(says(refusal.legal, "keeps its original rows"));
  must(rebake(out, next, {}, {{{0.7}}}, {})); // the zeros stay zeros
  // With rows there is nothing to destroy.
  options.keepRaw = true;
  must(repack(in, out, {}, {}, options));
  must(rebake(out, next, {}, {}, {{{0.1}}}));
}

TEST(Rebake, RulesHoldForNewGatesToo) {
  Checkpoint checkpoint;
  checkpoint.kvHeads = 2;
  TempFolder folder;
  write(checkpoint, folder.path("in"));
  must(repack(folder.path("in"), folder.path("out"), {}, {},
              optionsFor(checkpoint)));
  const std::string out = folder.path("out"), next = folder.path("next");
  EXPECT_EQ(refusalOf(rebake(out, next, {}, {{{-0.5}}}, {})).rule, Rule::Gate);
  EXPECT_EQ(refusalOf(rebake(out, next, {}, {{{1, 2, 3, 4}}}, {})).rule,
            Rule::Grouped);
  EXPECT_EQ(refusalOf(rebake(out, next, {}, {{{1, 2, 3}}}, {})).rule,
            Rule::Gate);
  EXPECT_EQ(folder.count(), 2u);
  EXPECT_TRUE(says(rebake(out, next, {5}, {{{1}}}, {}).message(),
                   "layer 5 is not converted"));
}

//===----------------------------------------------------------------------===//
// Refusals and options
//===----------------------------------------------------------------------===//

/// Adds `extra` to a checkpoint and expects one rule to refuse it.
struct Illegal {
  const char *name;
  Rule rule;
  void (*change)(Checkpoint &, FoldOptions &);
};

class RepackRefuses : public ::testing::TestWithParam<Illegal> {};

TEST_P(RepackRefuses, ByRuleAndWritesNothing) {
  Checkpoint checkpoint;
  checkpoint.family = WeightFamily::Llama;
  checkpoint.headDim = 8;
  FoldOptions options = optionsFor(checkpoint);
  GetParam().change(checkpoint, options);
  TempFolder folder;
  write(checkpoint, folder.path("in"));
  Expected<ConversionReport> result =
      repack(folder.path("in"), folder.path("out"), {}, {}, options);
  ASSERT_TRUE(result) << result.message();
  ASSERT_FALSE(result->refusals.empty());
  EXPECT_EQ(result->refusals[0].refusal.rule, GetParam().rule)
      << refusalText(result->refusals[0].refusal);
  EXPECT_FALSE(result->refusals[0].refusal.legal.empty());
  EXPECT_EQ(folder.count(), 1u);
}

Tensor vectorOf(double value, int64_t count = 1) {
  return *Tensor::fromDoubles(
      {count}, ElementType::F32,
      std::vector<double>(static_cast<size_t>(count), value));
}

const Illegal kIllegal[] = {
    {"HalfPairs", Rule::Rotary,
     [](Checkpoint &, FoldOptions &o) {
       o.rope = RotarySpec{RopeStyle::Half, 0};
     }},
    {"LlamaIsRotaryUnlessSaidOtherwise", Rule::Rotary,
     [](Checkpoint &, FoldOptions &o) { o.rope.reset(); }},
    {"ProjectionUnderRotary", Rule::Rotary,
     [](Checkpoint &, FoldOptions &o) {
       o.rope = RotarySpec{RopeStyle::Half, 0};
       o.lowPart = LowPart::Random;
     }},
    {"OddRankUnderSvd", Rule::Rotary,
     [](Checkpoint &, FoldOptions &o) {
       o.rope = RotarySpec{RopeStyle::Interleaved, 0};
       o.lowPart = LowPart::Svd;
       o.ranks = {3};
     }},
    {"Norm", Rule::Norm,
     [](Checkpoint &c, FoldOptions &) {
       c.after.push_back(
           {"model.layers.0.self_attn.q_norm.weight", vectorOf(1)});
     }},
    {"Adapter", Rule::Affine,
     [](Checkpoint &c, FoldOptions &) {
       c.after.push_back(
           {"model.layers.0.self_attn.q_proj.lora_A.weight", vectorOf(1)});
     }},
    {"RankTooLarge", Rule::Affine,
     [](Checkpoint &, FoldOptions &o) { o.ranks = {8}; }},
    {"DimsOutOfRange", Rule::Affine,
     [](Checkpoint &, FoldOptions &o) {
       o.ranks = {};
       o.recDims = {7, 8};
     }},
    {"UnequalGatesInAGroup", Rule::Grouped,
     [](Checkpoint &c, FoldOptions &o) {
       c.kvHeads = o.numKvHeads = 2;
       o.wStd = {{{0.9, 0.8, 0.9, 0.9}}};
     }},
    {"ProjectionPerHeadInAGroup", Rule::Grouped,
     [](Checkpoint &c, FoldOptions &o) {
       c.kvHeads = o.numKvHeads = 2;
       o.lowPart = LowPart::Given;
       o.projection = *Tensor::create({4, 8, 2}, ElementType::F32);
     }},
    {"NegativeGate", Rule::Gate,
     [](Checkpoint &, FoldOptions &o) { o.wRec = {{{-0.1}}}; }},
    {"GatesForOtherHeads", Rule::Gate,
     [](Checkpoint &, FoldOptions &o) { o.wRec = {{{0.1, 0.2}}}; }},
    {"DifferentScales", Rule::Quantised,
     [](Checkpoint &c, FoldOptions &) {
       c.layers = 0;
       for (const char *name : {"q", "k", "v"}) {
         const std::string p =
             std::string("layers.0.self_attn.") + name + "_proj.";
         c.after.push_back(
             {p + "weight", *Tensor::create({32, 12}, ElementType::I8)});
         c.after.push_back(
             {p + "weight_scale", vectorOf(name[0] == 'q' ? 0.1 : 0.2)});
       }
     }},
    {"Latents", Rule::SameSource,
     [](Checkpoint &c, FoldOptions &) {
       c.layers = 0;
       for (const char *name : {"q_b_proj", "kv_b_proj", "kv_a_proj_with_mqa"})
         c.after.push_back(
             {std::string("layers.0.self_attn.") + name + ".weight",
              *Tensor::create({32, 12}, ElementType::F32)});
     }},
    {"CrossAttentionByName", Rule::SameSource,
     [](Checkpoint &c, FoldOptions &) {
       c.layers = 0;
       for (const char *name : {"q", "k", "v"})
         c.after.push_back(
             {std::string("layers.0.encoder_attn.") + name + "_proj.weight",
              *Tensor::create({32, 12}, ElementType::F32)});
     }},
    {"DifferentInputs", Rule::SameSource,
     [](Checkpoint &c, FoldOptions &) {
       c.layers = 0;
       for (const char *name : {"q", "k", "v"})
         c.after.push_back(
             {std::string("layers.0.attn.") + name + "_proj.weight",
              *Tensor::create({32, name[0] == 'q' ? 12 : 20},
                              ElementType::F32)});
     }},
};

INSTANTIATE_TEST_SUITE_P(Rules, RepackRefuses, ::testing::ValuesIn(kIllegal),
                         [](const auto &info) {
                           return std::string(info.param.name);
                         });

TEST(Repack, LayersGatesByLayerAndASecondTime) {
  Checkpoint checkpoint;
  checkpoint.layers = 12;
  TempFolder folder;
  const std::string in = folder.path("in"), out = folder.path("out");
  write(checkpoint, in);
  FoldOptions options = optionsFor(checkpoint);
  options.wStd = {{{0.1}, {0.2}, {0.3, 0.4, 0.5, 0.6}}};
  EXPECT_EQ(must(repack(in, out, {}, {1, 10, 11}, options)).layers, 3);
  Expected<Safetensors> file = Safetensors::open(out);
  ASSERT_TRUE(file);
  Expected<Recipe> recipe = readRecipe(*file);
  ASSERT_TRUE(recipe);
  ASSERT_EQ(recipe->layers.size(), 3u);
  EXPECT_EQ(recipe->layers[0].tensors.layer, 1);
  EXPECT_EQ(recipe->layers[1].wStd, std::vector<double>{0.2});
  EXPECT_EQ(recipe->layers[2].tensors.layer, 11);
  EXPECT_EQ(recipe->layers[2].wStd.size(), 4u);

  // More layers of the same file, and what cannot be.
  options.wStd = {{{0.9}}};
  options.ranks = {3};
  must(repack(out, out, {}, {0}, options));
  EXPECT_TRUE(says(repack(out, out, {}, {0}, options).message(),
                   "is converted already"));
  EXPECT_TRUE(says(repack(in, out, {}, {12}, options).message(),
                   "no layer 12; there are 0, 1"));
  options.wStd = {{{1}, {2}}};
  EXPECT_TRUE(says(repack(in, out, {}, {1, 2, 3}, options).message(),
                   "w_std has rows for 2 layers, 3 are converted"));
  must(unpack(out, folder.path("back")));
  EXPECT_TRUE(sameFiles(in, folder.path("back")));
}

TEST(Repack, ABiasThatCrossesOverAppears) {
  Checkpoint checkpoint;
  checkpoint.family = WeightFamily::Bert;
  checkpoint.biases = {true, false, false};
  TempFolder folder;
  write(checkpoint, folder.path("in"));
  must(repack(folder.path("in"), folder.path("out"), {}, {},
              optionsFor(checkpoint)));
  Expected<Safetensors> in = Safetensors::open(folder.path("in"));
  Expected<Safetensors> out = Safetensors::open(folder.path("out"));
  ASSERT_TRUE(in && out);
  const std::string p = "encoder.layer.0.attention.self.";
  Expected<Tensor> key = out->get(p + "key.bias");
  ASSERT_TRUE(key) << key.message();
  // Head 0, rank 2 of 6 dims: rows 4 and 5 carry sqrt(0.1) of the query's.
  EXPECT_EQ(key->at(3), 0.0);
  EXPECT_FLOAT_EQ(
      static_cast<float>(key->at(4)),
      static_cast<float>(std::sqrt(0.1) * in->get(p + "query.bias")->at(4)));
  EXPECT_FALSE(out->contains(p + "value.bias"));
}

TEST(Repack, NotesAlignment) {
  Checkpoint checkpoint; // head dim 6
  TempFolder folder;
  write(checkpoint, folder.path("in"));
  const ConversionReport report = must(repack(
      folder.path("in"), folder.path("out"), {}, {}, optionsFor(checkpoint)));
  ASSERT_EQ(report.notes.size(), 1u);
  EXPECT_TRUE(says(report.notes[0], "tensor-core-alignment: the folded head "
                                    "dim is 6"));
}

TEST(Init, IsXavierAndBakedAndReproducible) {
  TempFolder folder;
  FoldOptions options;
  options.numHeads = 4;
  options.ranks = {4};
  const InitShape shape{2, 64, 0};
  for (WeightFamily family : {WeightFamily::Gpt2, WeightFamily::Linear,
                              WeightFamily::Llama, WeightFamily::Bert}) {
    options.rope = RotarySpec();
    must(initWeights(folder.path("a"), family, shape, 7, options));
    must(initWeights(folder.path("b"), family, shape, 7, options));
    EXPECT_TRUE(sameFiles(folder.path("a"), folder.path("b")));
    must(initWeights(folder.path("b"), family, shape, 8, options));
    EXPECT_FALSE(sameFiles(folder.path("a"), folder.path("b")));
    Expected<StoredLayer> layer = readStoredLayer(folder.path("a"), 1);
    ASSERT_TRUE(layer) << layer.message();
    double largest = 0.0, sum = 0.0;
    const std::vector<double> values = layer->original[0].readAsDoubles();
    for (double value : values) {
      largest = std::max(largest, std::abs(value));
      sum += value * value;
    }
    const double bound = std::sqrt(6.0 / (64 + 64));
    EXPECT_LE(largest, bound);
    EXPECT_GT(largest, 0.99 * bound);
    EXPECT_NEAR(sum / static_cast<double>(values.size()), bound * bound / 3,
                0.1 * bound * bound / 3);
    // Row 15 of q is the last of head 0: sqrt(0.1) of the key's.
    EXPECT_FLOAT_EQ(
        static_cast<float>(layer->folded[0].at(15 * 64)),
        static_cast<float>(std::sqrt(0.1) * layer->original[1].at(15 * 64)));
    EXPECT_FLOAT_EQ(
        static_cast<float>(layer->folded[1].at(0)),
        static_cast<float>(std::sqrt(0.9) * layer->original[1].at(0)));
  }
  options.ranks = {16};
  EXPECT_EQ(refusalOf(initWeights(folder.path("c"), WeightFamily::Linear, shape,
                                  7, options))
                .rule,
            Rule::Affine);
}

TEST(Init, RandomProjectionHasItsScale) {
  TempFolder folder;
  FoldOptions options;
  options.numHeads = 2;
  options.ranks = {16};
  options.lowPart = LowPart::Random;
  options.seed = 3;
  must(initWeights(folder.path("a"), WeightFamily::Linear, {1, 128, 64}, 3,
                   options));
  Expected<StoredLayer> layer = readStoredLayer(folder.path("a"), {});
  ASSERT_TRUE(layer) << layer.message();
  ASSERT_TRUE(layer->spec.projection);
  EXPECT_EQ(layer->spec.projection->shape(), (Shape{64, 16}));
  double sum = 0.0;
  for (double value : layer->spec.projection->readAsDoubles())
    sum += value * value;
  EXPECT_NEAR(std::sqrt(sum / (64 * 16)), 0.02 / 4, 0.0005);
}

/// A write that cannot finish leaves what was there.
TEST(Repack, AFullDiskLeavesNothing) {
  Checkpoint checkpoint;
  TempFolder folder;
  write(checkpoint, folder.path("in"));
  EXPECT_TRUE(says(
      repack(folder.path("in"), "/dev/full", {}, {}, optionsFor(checkpoint))
          .message(),
      "not a regular file"));
  EXPECT_TRUE(says(repack(folder.path("in"), folder.path("no/out"), {}, {},
                          optionsFor(checkpoint))
                       .message(),
                   "cannot write in folder"));
  EXPECT_EQ(folder.count(), 1u);
}

/// Files cut at any byte are errors of every command, not crashes.
TEST(Repack, TruncatedFilesAreErrors) {
  Checkpoint checkpoint;
  checkpoint.layers = 1;
  TempFolder folder;
  write(checkpoint, folder.path("in"));
  FoldOptions options = optionsFor(checkpoint);
  must(repack(folder.path("in"), folder.path("out"), {}, {}, options));
  const std::string bytes = folder.read("out");
  for (size_t size = 0; size < bytes.size(); size += 97) {
    const std::string cut = folder.write("cut", bytes.substr(0, size));
    EXPECT_FALSE(unpack(cut, folder.path("x")));
    EXPECT_FALSE(rebake(cut, folder.path("x"), {}, {{{1}}}, {}));
    EXPECT_FALSE(repack(cut, folder.path("x"), {}, {}, options));
  }
  EXPECT_EQ(folder.count(), 3u);
}

/// A recipe that does not fit the tensors of its file is refused.
TEST(Repack, RecipesThatDoNotFitTheirFileAreErrors) {
  Checkpoint checkpoint;
  checkpoint.layers = 1;
  TempFolder folder;
  write(checkpoint, folder.path("in"));
  FoldOptions options = optionsFor(checkpoint);
  must(repack(folder.path("in"), folder.path("out"), {}, {}, options));
  Expected<Safetensors> file = Safetensors::open(folder.path("out"));
  ASSERT_TRUE(file);
  Expected<Recipe> recipe = readRecipe(*file);
  ASSERT_TRUE(recipe);
  auto attempt = [&](const Recipe &changed, const std::string &missing) {
    std::vector<NamedTensor> tensors;
    for (const TensorEntry &entry : file->entries())
      if (entry.name != missing)
        tensors.push_back({entry.name, *file->get(entry.name)});
    const std::string path = folder.path("changed");
    EXPECT_TRUE(
        writeSafetensors(path, tensors, {{"ra.recipe", recipeText(changed)}})
            .ok());
    Expected<ConversionReport> result = unpack(path, folder.path("x"));
    return result ? std::string() : result.message();
  };
  EXPECT_EQ(attempt(*recipe, "nothing"), "");
  EXPECT_TRUE(says(attempt(*recipe, "blocks.0.attn.qkv.weight.ra_raw"),
                   "no tensor 'blocks.0.attn.qkv.weight.ra_raw'"));
  EXPECT_TRUE(says(attempt(*recipe, "blocks.0.attn.qkv.weight"),
                   "no tensor 'blocks.0.attn.qkv.weight'"));
  Recipe changed = *recipe;
  changed.layers[0].shape.headDim = 8;
  EXPECT_TRUE(says(attempt(changed, ""), "needs floating point of shape"));
  changed = *recipe;
  changed.layers[0].raw = RawRows::All;
  EXPECT_TRUE(says(attempt(changed, ""), "needs floating point of shape"));
  changed = *recipe;
  changed.layers[0].lowPart = LowPart::Random;
  EXPECT_TRUE(says(attempt(changed, ""), "ra_projection"));
}

} // namespace
