//===- AttentionTest.cpp - Both attention ops against the formula ---------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TestSupport.h"

#include <gtest/gtest.h>
#include <numeric>
#include <sstream>

using namespace ra;
using namespace ra::test;

namespace {

/// How an attention is written down, beside what it computes.
struct Spelling {
  std::string element = "f32";
  std::string query = "bhtd", key = "bhtd", value = "bhtd", output = "bhtd";
  bool outputF32 = false;
  bool lse = false;
  bool dynamic = false;
  /// Operands are slices of one packed [b, t, n, h, d] argument (equal heads
  /// and dims; the layouts above are not used).
  bool packed = false;
  /// Gates are operands; otherwise the op's defaults.
  bool gates = true;
  unsigned threads = 1;
  /// The register tile; the host's by default.
  std::optional<VectorShape> vectorShape;
};

std::string number(double value) {
  std::ostringstream text;
  text.precision(17);
  text << std::scientific << value;
  return text.str();
}

/// The module's text: @f(query, key, value [, bias] [, w_std, w_rec]), or
/// @f(packed ...).
std::string moduleText(const AttentionShape &s, const Spelling &w) {
  bool reciprocal = !s.recDims.empty();
  int64_t b = w.dynamic ? -1 : s.batch, tq = w.dynamic ? -1 : s.queries,
          tk = w.dynamic ? -1 : s.keys;
  std::string outElement = w.outputF32 ? "f32" : w.element;
  std::string order = w.packed ? "bthd" : "";
  Layout query{"bhtd", w.packed ? order : w.query},
      key{"bhtd", w.packed ? order : w.key},
      value{"bhtd", w.packed ? order : w.value}, output{"bhtd", w.output};
  std::string qt =
      tensorType(query.physical({b, s.heads, tq, s.dim}), w.element);
  std::string kt =
      tensorType(key.physical({b, s.kvHeads, tk, s.dim}), w.element);
  std::string vt =
      tensorType(value.physical({b, s.kvHeads, tk, s.valueDim}), w.element);
  std::string ot =
      tensorType(output.physical({b, s.heads, tq, s.valueDim}), outElement);
  std::string lt = tensorType({b, s.heads, tq}, "f32");
  std::string bt =
      tensorType({s.biasBatch == 1 ? 1 : b, s.biasHeads, tq, tk}, w.element);
  std::string pt = tensorType({b, tq, 3, s.heads, s.dim}, w.element);
  std::string text = "func.func @f(";
  text += w.packed ? "%p: " + pt : "%q: " + qt + ", %k: " + kt + ", %v: " + vt;
  if (s.biasBatch)
    text += ", %bias: " + bt;
  if (reciprocal && w.gates)
    text += ", %ws: " + tensorType({(int64_t)s.standardGate.size()}, "f32") +
            ", %wr: " + tensorType({(int64_t)s.reciprocalGate.size()}, "f32");
  text += ") -> (" + ot + (w.lse ? ", " + lt : "") + ") {\n";
  // Dynamic extents: b and tq of the query.
  std::string source = w.packed ? "%p" : "%q", sourceType = w.packed ? pt : qt;
  auto dim = [&](const std::string &name, int64_t position) {
    text += "  %c" + name + " = arith.constant " + std::to_string(position) +
            " : index\n  %" + name + " = tensor.dim " + source + ", %c" + name +
            " : " + sourceType + "\n";
  };
  if (w.dynamic) {
    dim("nb", w.packed ? 0 : query.order.find('b'));
    dim("nt", w.packed ? 1 : query.order.find('t'));
  }
  std::string nb = w.dynamic ? "%nb" : std::to_string(s.batch);
  std::string nt = w.dynamic ? "%nt" : std::to_string(s.queries);
  if (w.packed)
    for (int64_t i = 0; i < 3; ++i)
      text += "  %" + std::string(1, "qkv"[i]) +
              " = tensor.extract_slice %p[0, 0, " + std::to_string(i) +
              ", 0, 0] [" + nb + ", " + nt + ", 1, " + std::to_string(s.heads) +
              ", " + std::to_string(s.dim) + "] [1, 1, 1, 1, 1] : " + pt +
              " to " + qt + "\n";
  auto empty = [&](const std::string &name, const std::string &type,
                   const std::string &letters) {
    std::string sizes;
    if (w.dynamic)
      for (char letter : letters)
        if (letter == 'b' || letter == 't')
          sizes += (sizes.empty() ? "" : ", ") + std::string("%n") + letter;
    text += "  " + name + " = tensor.empty(" + sizes + ") : " + type + "\n";
  };
  empty("%o", ot, output.order);
  if (w.lse)
    empty("%l", lt, "bht");
  if (s.offset)
    text +=
        "  %off = arith.constant " + std::to_string(s.offset) + " : index\n";
  text += std::string("  %r") + (w.lse ? ":2" : "") + " = ra." +
          (reciprocal ? "reciprocal_attention" : "attention") + " {";
  text += "mask = #ra.mask<" + s.mask;
  if (s.mask == "window")
    text += "(" + std::to_string(s.window) + ")";
  if (s.bottomRight)
    text += ", bottom_right";
  text += ">, scale = " + number(s.scale) + " : f64";
  if (s.softcap > 0)
    text += ", softcap = " + number(s.softcap) + " : f64";
  text += ", indexing_maps = [" + query.map() + ", " + key.map() + ", " +
          value.map() + ", " + output.map() + "]";
  if (reciprocal) {
    // The dims as a list, and ranks of 0 where a head has none; or ranks alone
    // where every list is the last dims.
    bool last = true;
    std::vector<int64_t> longest;
    std::string ranks;
    for (const std::vector<int64_t> &dims : s.recDims) {
      last &= dims.empty() ||
              dims.front() == s.dim - static_cast<int64_t>(dims.size());
      if (dims.size() > longest.size())
        longest = dims;
      ranks += (ranks.empty() ? "" : ", ") + std::to_string(dims.size());
    }
    text += ", rank = array<i64: " + ranks + ">";
    if (!last) {
      std::string list;
      for (int64_t d : longest)
        list += (list.empty() ? "" : ", ") + std::to_string(d);
      text += ", rec_dims = array<i64: " + list + ">";
    }
    text +=
        std::string(", gqa = #ra.gqa<") + (s.slots ? "slots" : "mean") + ">";
  }
  text += "} ins(%q, %k, %v : " + qt + ", " + kt + ", " + vt + ")";
  if (reciprocal && w.gates)
    text +=
        " w_std(%ws : " + tensorType({(int64_t)s.standardGate.size()}, "f32") +
        ") w_rec(%wr : " +
        tensorType({(int64_t)s.reciprocalGate.size()}, "f32") + ")";
  if (s.biasBatch)
    text += " bias(%bias : " + bt + ")";
  if (s.offset)
    text += " offset(%off)";
  text += " outs(%o : " + ot + ")" + (w.lse ? " lse(%l : " + lt + ")" : "") +
          " -> " + ot + (w.lse ? ", " + lt : "") + "\n";
  text += std::string("  return ") + (w.lse ? "%r#0, %r#1" : "%r") + " : " +
          ot + (w.lse ? ", " + lt : "") + "\n}\n";
  return text;
}

std::string describe(const AttentionShape &s, const Spelling &w) {
  std::ostringstream text;
  text << "B=" << s.batch << " Hq=" << s.heads << " Hkv=" << s.kvHeads
       << " Tq=" << s.queries << " Tk=" << s.keys << " D=" << s.dim
       << " Dv=" << s.valueDim << " threads=" << w.threads << "\n"
       << moduleText(s, w);
  return text.str();
}

/// Runs one problem on random operands and compares.
void check(Engine &engine, const AttentionShape &s, const Spelling &w,
           std::mt19937_64 &generator) {
  SCOPED_TRACE(describe(s, w));
  ElementType type = *runtime::parseElementType(w.element);
  Layout query{"bhtd", w.query}, key{"bhtd", w.key}, value{"bhtd", w.value},
      output{"bhtd", w.output};
  runtime::Shape qs = {s.batch, s.heads, s.queries, s.dim};
  runtime::Shape ks = {s.batch, s.kvHeads, s.keys, s.dim};
  runtime::Shape vs = {s.batch, s.kvHeads, s.keys, s.valueDim};
  runtime::Shape os = {s.batch, s.heads, s.queries, s.valueDim};
  llvm::SmallVector<Tensor> arguments;
  AttentionData data;
  if (w.packed) {
    arguments.push_back(guardedNormal({s.batch, s.queries, 3, s.heads, s.dim},
                                      type, generator));
    Layout packed{"nbhtd", "btnhd"};
    std::vector<double> all = packed.logicalValues(
        arguments[0], {3, s.batch, s.heads, s.queries, s.dim});
    auto third = all.begin() + all.size() / 3, rest = third + all.size() / 3;
    data.query.assign(all.begin(), third);
    data.key.assign(third, rest);
    data.value.assign(rest, all.end());
  } else {
    arguments.push_back(guardedNormal(query.physical(qs), type, generator));
    arguments.push_back(guardedNormal(key.physical(ks), type, generator));
    arguments.push_back(guardedNormal(value.physical(vs), type, generator));
    data.query = query.logicalValues(arguments[0], qs);
    data.key = key.logicalValues(arguments[1], ks);
    data.value = value.logicalValues(arguments[2], vs);
  }
  if (s.biasBatch) {
    arguments.push_back(guardedNormal(
        {s.biasBatch, s.biasHeads, s.queries, s.keys}, type, generator));
    data.bias = arguments.back().readAsDoubles();
  }
  if (!s.recDims.empty() && w.gates)
    for (const std::vector<double> &gate : {s.standardGate, s.reciprocalGate})
      arguments.push_back(
          *Tensor::fromDoubles({(int64_t)gate.size()}, ElementType::F32, gate));
  auto results = engine.run("f", arguments);
  ASSERT_TRUE(static_cast<bool>(results)) << results.message();
  ElementType storage = w.outputF32 ? ElementType::F32 : type;
  AttentionResult exact = attentionByFormula<double>(s, data, ElementType::F64);
  AttentionResult yardstick = attentionByFormula<float>(s, data, storage);
  ASSERT_EQ((*results)[0].shape(), output.physical(os));
  expectClose(output.logicalValues((*results)[0], os), exact.output,
              yardstick.output, "output");
  if (w.lse)
    expectClose((*results)[1].readAsDoubles(), exact.lse, yardstick.lse, "lse");
}

void compileAndCheck(const AttentionShape &s, const Spelling &w,
                     std::mt19937_64 &generator) {
  EngineOptions options;
  options.threads = w.threads;
  options.vectorShape = w.vectorShape;
  options.poisonAllocations = true;
  Program program(moduleText(s, w), options);
  ASSERT_TRUE(program.engine) << program.messages << describe(s, w);
  check(*program.engine, s, w, generator);
}

class AttentionLengths : public testing::TestWithParam<int64_t> {};

/// Every length with every head dim: one dynamic module per head dim.
TEST_P(AttentionLengths, AnyLength) {
  std::mt19937_64 generator(testSeed());
  AttentionShape s;
  s.heads = s.kvHeads = 2;
  s.dim = s.valueDim = GetParam();
  s.scale = 1.0 / std::sqrt(double(s.dim));
  s.mask = "causal";
  Spelling w;
  w.dynamic = true;
  w.lse = true;
  EngineOptions options;
  options.poisonAllocations = true;
  Program program(moduleText(s, w), options);
  ASSERT_TRUE(program.engine) << program.messages;
  for (int64_t length : {1, 2, 17, 63, 64, 65, 77, 1000}) {
    s.batch = length < 1000 ? 2 : 1;
    s.queries = s.keys = length;
    check(*program.engine, s, w, generator);
  }
}
INSTANTIATE_TEST_SUITE_P(HeadDims, AttentionLengths,
                         testing::Values(8, 17, 40, 64, 80, 128, 256));

TEST(Attention, MasksAndAlignments) {
  std::mt19937_64 generator(testSeed());
  for (bool bottomRight : {false, true})
    for (const char *mask : {"none", "causal", "window"}) {
      if (bottomRight && mask == std::string("none"))
        continue;
      AttentionShape s;
      s.heads = s.kvHeads = 2;
      s.dim = s.valueDim = 16;
      s.mask = mask;
      s.window = s.mask == "window" ? 70 : 0;
      s.bottomRight = bottomRight;
      Spelling w;
      w.dynamic = w.lse = true;
      EngineOptions options;
      Program program(moduleText(s, w), options);
      ASSERT_TRUE(program.engine) << program.messages;
      // More keys than queries and the other way round: rows that see nothing.
      for (auto [queries, keys] : {std::pair<int64_t, int64_t>{5, 200},
                                   {200, 5},
                                   {130, 130},
                                   {1, 300},
                                   {300, 1},
                                   {64, 129}}) {
        s.queries = queries;
        s.keys = keys;
        check(*program.engine, s, w, generator);
      }
    }
}

TEST(Attention, WindowSizesAndOffsets) {
  std::mt19937_64 generator(testSeed());
  for (int64_t window : {1, 2, 64, 65, 1000})
    for (int64_t offset : {0, 37, -20}) {
      AttentionShape s;
      s.heads = s.kvHeads = 1;
      s.queries = 150;
      s.keys = 160;
      s.dim = s.valueDim = 8;
      s.mask = "window";
      s.window = window;
      s.offset = offset;
      Spelling w;
      w.lse = true;
      compileAndCheck(s, w, generator);
    }
}

TEST(Attention, LargeScoresDoNotOverflow) {
  std::mt19937_64 generator(testSeed());
  AttentionShape s;
  s.queries = s.keys = 130;
  s.dim = s.valueDim = 64;
  s.scale = 40.0;
  s.mask = "causal";
  Spelling w;
  w.lse = true;
  compileAndCheck(s, w, generator);
}

TEST(Attention, HiddenKeysDoNotMatter) {
  // NaN in keys and values that the mask hides must not show.
  AttentionShape s;
  s.queries = s.keys = 100;
  s.dim = s.valueDim = 16;
  s.mask = "causal";
  Spelling w;
  Program program(moduleText(s, w));
  ASSERT_TRUE(program.engine) << program.messages;
  std::mt19937_64 generator(testSeed());
  runtime::Shape shape = {1, 1, 100, 16};
  llvm::SmallVector<Tensor> arguments;
  for (int i = 0; i < 3; ++i)
    arguments.push_back(
        *guardedNormal(shape, ElementType::F32, generator).clone());
  auto before = program.engine->run("f", arguments);
  ASSERT_TRUE(static_cast<bool>(before)) << before.message();
  for (int64_t i = 70 * 16; i < 100 * 16; ++i)
    for (int tensor : {1, 2})
      arguments[tensor].set(i, 1e30);
  auto after = program.engine->run("f", arguments);
  ASSERT_TRUE(static_cast<bool>(after)) << after.message();
  for (int64_t i = 0; i < 70 * 16; ++i)
    ASSERT_EQ((*before)[0].at(i), (*after)[0].at(i)) << i;
}

TEST(Attention, NaNShows) {
  AttentionShape s;
  s.queries = s.keys = 70;
  Spelling w;
  Program program(moduleText(s, w));
  ASSERT_TRUE(program.engine) << program.messages;
  std::mt19937_64 generator(testSeed());
  llvm::SmallVector<Tensor> arguments;
  for (int i = 0; i < 3; ++i)
    arguments.push_back(
        *guardedNormal({1, 1, 70, 8}, ElementType::F32, generator).clone());
  arguments[0].set(3 * 8, std::nan(""));
  auto results = program.engine->run("f", arguments);
  ASSERT_TRUE(static_cast<bool>(results)) << results.message();
  EXPECT_TRUE(std::isnan((*results)[0].at(3 * 8)));
  EXPECT_FALSE(std::isnan((*results)[0].at(4 * 8)));
}

TEST(Attention, BiasOfMinusInfinityGivesZeros) {
  AttentionShape s;
  s.queries = 3;
  s.keys = 70;
  s.biasBatch = s.biasHeads = 1;
  Spelling w;
  w.lse = true;
  Program program(moduleText(s, w));
  ASSERT_TRUE(program.engine) << program.messages;
  std::mt19937_64 generator(testSeed());
  llvm::SmallVector<Tensor> arguments;
  arguments.push_back(guardedNormal({1, 1, 3, 8}, ElementType::F32, generator));
  for (int i = 0; i < 2; ++i)
    arguments.push_back(
        guardedNormal({1, 1, 70, 8}, ElementType::F32, generator));
  arguments.push_back(*Tensor::create({1, 1, 3, 70}, ElementType::F32));
  for (int64_t j = 0; j < 70; ++j)
    arguments[3].set(70 + j, -std::numeric_limits<double>::infinity());
  auto results = program.engine->run("f", arguments);
  ASSERT_TRUE(static_cast<bool>(results)) << results.message();
  for (int64_t d = 0; d < 8; ++d) {
    EXPECT_EQ((*results)[0].at(8 + d), 0.0);
    EXPECT_NE((*results)[0].at(d), 0.0);
  }
  EXPECT_EQ((*results)[1].at(1), -std::numeric_limits<double>::infinity());
}

/// A random problem of either op in a random spelling.
void randomProblem(std::mt19937_64 &generator, bool reciprocal,
                   AttentionShape &s, Spelling &w) {
  auto pick = [&](auto first, auto... others) {
    std::initializer_list<decltype(first)> list = {first, others...};
    return *(list.begin() + std::uniform_int_distribution<size_t>(
                                0, list.size() - 1)(generator));
  };
  auto upTo = [&](int64_t most) {
    return std::uniform_int_distribution<int64_t>(0, most)(generator);
  };
  s = AttentionShape();
  w = Spelling();
  w.packed = upTo(4) == 0;
  s.batch = 1 + upTo(2);
  s.kvHeads = 1 + upTo(2);
  s.heads = w.packed ? s.kvHeads : s.kvHeads * (1 + upTo(2));
  s.dim = pick(8, 17, 20, 40, 64, 80);
  s.valueDim =
      w.packed ? s.dim : pick(s.dim, int64_t(8), int64_t(13), int64_t(32));
  s.queries = pick(1, 2, 5, 17, 31, 63, 64, 65, 77, 128, 200);
  s.keys = reciprocal || w.packed || upTo(2) ? s.queries : 1 + upTo(180);
  s.mask = pick("none", "causal", "window");
  if (s.mask == "window")
    s.window = 1 + upTo(100);
  s.bottomRight = s.mask != "none" && upTo(1);
  if (s.mask != "none" && upTo(3) == 0)
    s.offset = upTo(60) - 20;
  s.scale = pick(0.25, 0.125, 1.0 / std::sqrt(double(s.dim)), -0.2);
  s.softcap = pick(0.0, 0.0, 1.5, 30.0);
  if (upTo(2) == 0) {
    s.biasBatch = pick(int64_t(1), s.batch);
    s.biasHeads = pick(int64_t(1), s.heads);
  }
  w.element = pick("f32", "f32", "f16", "bf16");
  w.outputF32 = upTo(3) == 0;
  w.lse = upTo(1);
  w.dynamic = upTo(1);
  w.threads = 1 + upTo(1);
  // What AVX-512, AVX2 and lesser machines use, and an odd one.
  w.vectorShape = pick(VectorShape{16, 6, 4}, VectorShape{8, 6, 2},
                       VectorShape{8, 3, 1}, VectorShape{8, 5, 3});
  for (std::string *layout : {&w.query, &w.key, &w.value, &w.output})
    *layout = pick("bhtd", "bthd", "bhdt", "tbhd", "hbtd");
  if (!reciprocal)
    return;
  w.gates = upTo(4) != 0;
  s.slots = upTo(1);
  int64_t rank = 1 + upTo(std::min<int64_t>(s.dim - 2, 16));
  std::vector<int64_t> all(s.dim), dims;
  std::iota(all.begin(), all.end(), 0);
  if (upTo(1)) {
    std::shuffle(all.begin(), all.end(), generator);
    dims.assign(all.begin(), all.begin() + rank);
    std::sort(dims.begin(), dims.end());
  } else {
    dims.assign(all.end() - rank, all.end());
  }
  bool last = dims.front() == s.dim - rank;
  for (int64_t h = 0; h < s.heads; ++h) {
    s.recDims.push_back(dims);
    if (upTo(3) == 0)
      s.recDims.back().clear();
    else if (last && upTo(2) == 0)
      s.recDims.back().erase(s.recDims.back().begin());
  }
  // At least one head says which dims.
  s.recDims.back() = dims;
  std::normal_distribution<double> normal;
  for (std::vector<double> *gate : {&s.standardGate, &s.reciprocalGate}) {
    int64_t count = upTo(1) ? 1 : s.heads;
    for (int64_t i = 0; i < count; ++i)
      gate->push_back(float(upTo(5) ? normal(generator) : 0.0));
  }
  if (!w.gates) {
    s.standardGate = {0.9};
    s.reciprocalGate = {0.1};
  }
}

class RandomAttention : public testing::TestWithParam<std::tuple<int, int>> {};

TEST_P(RandomAttention, MatchesTheFormula) {
  auto [reciprocal, number] = GetParam();
  uint64_t seed = testSeed() + 1000 * number + reciprocal;
  std::mt19937_64 generator(seed);
  AttentionShape s;
  Spelling w;
  randomProblem(generator, reciprocal, s, w);
  SCOPED_TRACE("seed " + std::to_string(seed));
  compileAndCheck(s, w, generator);
}
INSTANTIATE_TEST_SUITE_P(Seeds, RandomAttention,
                         testing::Combine(testing::Values(0, 1),
                                          testing::Range(0, 40)));

} // namespace
