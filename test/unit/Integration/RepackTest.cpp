//===- RepackTest.cpp - Converted layers against their originals ----------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The claim of a conversion: ordinary attention, compiled, on the folded
// weights of the file is ra.reciprocal_attention, by its definition in f64, on
// the original ones. For every family, split, grouped mode, rotary case and
// type; within the tolerance of section 8 of the design. And what is illegal is
// refused by the tool's library and by the pass under one name.
//
//===----------------------------------------------------------------------===//

#include "Compile.h"

#include "../Runtime/TestFiles.h"
#include "ra/Reference/Compare.h"
#include "ra/Reference/Interpreter.h"
#include "ra/Runtime/Random.h"
#include "ra/Runtime/Repack.h"
#include "ra/Tools/WeightsModule.h"

#include <cmath>

using namespace ra;
using namespace ra::test;
using runtime::ElementType;
using runtime::FoldOptions;
using runtime::GateSplit;
using runtime::GroupedMode;
using runtime::LowPart;
using runtime::NamedTensor;
using runtime::RopeStyle;
using runtime::Tensor;
using runtime::WeightFamily;

namespace {

struct RepackCase {
  std::string name;
  WeightFamily family = WeightFamily::Linear;
  int64_t heads = 4, kvHeads = 4, headDim = 8, channels = 24;
  ElementType type = ElementType::F32;
  bool biases = true;
  FoldOptions options = {};

  RepackCase &with(void (*change)(FoldOptions &)) {
    change(options);
    return *this;
  }
};

/// One layer of `test` in `path`, random; every bias is far from 0.
void writeCheckpoint(const RepackCase &test, const std::string &path) {
  std::vector<NamedTensor> tensors;
  uint64_t stream = 0;
  auto add = [&](const std::string &name, const runtime::Shape &shape) {
    int64_t count = 1;
    for (int64_t extent : shape)
      count *= extent;
    std::vector<double> values(static_cast<size_t>(count));
    runtime::RandomStream{11, stream++}.uniform(-0.5, 0.5, 0, values.size(),
                                                values.data());
    tensors.push_back({name, *Tensor::fromDoubles(shape, test.type, values)});
  };
  const int64_t q = test.heads * test.headDim, k = test.kvHeads * test.headDim;
  const int64_t all = q + 2 * k, c = test.channels;
  switch (test.family) {
  case WeightFamily::Gpt2:
    add("h.0.attn.c_attn.weight", {c, all});
    if (test.biases)
      add("h.0.attn.c_attn.bias", {all});
    break;
  case WeightFamily::Linear:
    add("blocks.0.attn.qkv.weight", {all, c});
    if (test.biases)
      add("blocks.0.attn.qkv.bias", {all});
    break;
  case WeightFamily::Llama:
  case WeightFamily::Bert: {
    const bool llama = test.family == WeightFamily::Llama;
    const std::string prefix =
        llama ? "model.layers.0.self_attn." : "layer.0.attention.self.";
    const std::string names[] = {llama ? "q_proj." : "query.",
                                 llama ? "k_proj." : "key.",
                                 llama ? "v_proj." : "value."};
    for (int i = 0; i < 3; ++i)
      add(prefix + names[i] + "weight", {i == 0 ? q : k, c});
    for (int i = 0; test.biases && i < 3; ++i)
      add(prefix + names[i] + "bias", {i == 0 ? q : k});
    break;
  }
  }
  runtime::Status status = runtime::writeSafetensors(path, tensors);
  ASSERT_TRUE(status.ok()) << status.message();
}

std::vector<RepackCase> legalCases() {
  std::vector<RepackCase> cases;
  auto add = [&](const std::string &name, WeightFamily family) -> RepackCase & {
    RepackCase test;
    test.name = name;
    test.family = family;
    test.options.numHeads = test.heads;
    test.options.ranks = {2};
    test.options.wStd = {{{0.8}}};
    test.options.wRec = {{{0.6}}};
    cases.push_back(test);
    return cases.back();
  };
  auto group = [](RepackCase &test) -> RepackCase & {
    test.kvHeads = test.options.numKvHeads = 2;
    return test;
  };
  add("Gpt2", WeightFamily::Gpt2);
  add("Gpt2QueryNegative", WeightFamily::Gpt2).with([](FoldOptions &o) {
    o.gateSplit = GateSplit::Query;
    o.wStd = {{{0.9, -0.4, 0.0, 1.2}}};
    o.wRec = {{{-0.7, 0.1, 1.0, 0.0}}};
  });
  add("LinearNoBias", WeightFamily::Linear).biases = false;
  add("LinearRanksPerHead", WeightFamily::Linear).with([](FoldOptions &o) {
    o.ranks = {0, 3, 3, 0};
    o.wStd = {{{0.9, 0.8, 0.7, 0.6}}};
    o.wRec = {{{0.1, 0.2, 0.3, 0.4}}};
  });
  add("BertRecDims", WeightFamily::Bert).with([](FoldOptions &o) {
    o.ranks = {};
    o.recDims = {0, 3, 5};
  });
  add("BertSvd", WeightFamily::Bert).with([](FoldOptions &o) {
    o.lowPart = LowPart::Svd;
  });
  add("Gpt2RandomP", WeightFamily::Gpt2).with([](FoldOptions &o) {
    o.lowPart = LowPart::Random;
    o.seed = 5;
  });
  add("LinearGivenP", WeightFamily::Linear).with([](FoldOptions &o) {
    o.lowPart = LowPart::Given;
    o.ranks = {};
    std::vector<double> values(4 * 8 * 2);
    runtime::RandomStream{3, 9}.normal(0, 0.5, 0, values.size(), values.data());
    o.projection = *Tensor::fromDoubles({4, 8, 2}, ElementType::F32, values);
  });
  add("LlamaHalf", WeightFamily::Llama).with([](FoldOptions &o) {
    o.ranks = {};
    o.recDims = {2, 3, 6, 7};
  });
  add("LlamaInterleavedBase", WeightFamily::Llama).with([](FoldOptions &o) {
    o.rope = runtime::RotarySpec{RopeStyle::Interleaved, 8, 500.0};
    o.ranks = {4}; // the last two pairs
  });
  add("LlamaPartialRotary", WeightFamily::Llama).with([](FoldOptions &o) {
    o.rope = runtime::RotarySpec{RopeStyle::Half, 4, 10000.0};
    o.ranks = {3}; // dims that are not rotated
  });
  group(add("LlamaMean", WeightFamily::Llama)).with([](FoldOptions &o) {
    o.ranks = {};
    o.recDims = {3, 7};
  });
  group(add("LlamaSlotsPartialRotary", WeightFamily::Llama))
      .with([](FoldOptions &o) {
        o.rope = runtime::RotarySpec{RopeStyle::Half, 4, 10000.0};
        o.grouped = GroupedMode::Slots;
      });
  group(add("LinearSlotsQuery", WeightFamily::Linear)).with([](FoldOptions &o) {
    o.grouped = GroupedMode::Slots;
    o.gateSplit = GateSplit::Query;
    o.wStd = {{{0.9, 0.5, -0.3, 1.0}}};
    o.wRec = {{{0.3, 0.4, 0.5, -0.6}}};
  });
  group(add("Gpt2MeanSvd", WeightFamily::Gpt2)).with([](FoldOptions &o) {
    o.lowPart = LowPart::Svd;
  });
  add("LlamaSvdPartialRotary", WeightFamily::Llama).with([](FoldOptions &o) {
    o.lowPart = LowPart::Svd;
    o.rope = runtime::RotarySpec{RopeStyle::Half, 4, 10000.0};
  });
  add("Gpt2F16", WeightFamily::Gpt2).type = ElementType::F16;
  add("BertBF16", WeightFamily::Bert).type = ElementType::BF16;
  add("BertF32ToF16", WeightFamily::Bert).with([](FoldOptions &o) {
    o.dtype = ElementType::F16;
  });
  add("Gpt2F16ToBF16Svd", WeightFamily::Gpt2).with([](FoldOptions &o) {
    o.dtype = ElementType::BF16;
    o.lowPart = LowPart::Svd;
  });
  cases.back().type = ElementType::F16;
  add("LinearF64ToF32", WeightFamily::Linear).with([](FoldOptions &o) {
    o.dtype = ElementType::F32;
  });
  cases.back().type = ElementType::F64;
  return cases;
}

class Repack : public testing::TestWithParam<RepackCase> {};

} // namespace

TEST_P(Repack, CompiledFoldedAttentionIsReciprocalAttentionOnTheOriginals) {
  const RepackCase &test = GetParam();
  runtime::test::TempFolder folder;
  writeCheckpoint(test, folder.path("in"));
  auto report = runtime::repack(folder.path("in"), folder.path("out"), {}, {},
                                test.options);
  ASSERT_TRUE(static_cast<bool>(report)) << report.message();
  ASSERT_TRUE(report->refusals.empty())
      << refusalText(report->refusals.front().refusal);
  auto layer = tools::readWeightsModule(folder.path("out"), std::nullopt);
  ASSERT_TRUE(static_cast<bool>(layer)) << layer.message();

  constexpr int64_t batch = 2, length = 21;
  // The reference takes the file's tensors as they are, a kernel its own type.
  std::vector<Tensor> inputs, rounded;
  const ElementType type = test.options.dtype.value_or(test.type);
  const bool rotary = layer->folded.find("ra.rope") != std::string::npos;
  for (size_t i = 0; i < layer->parameters.size(); ++i) {
    if (layer->parameters[i]) {
      const Tensor &tensor = *layer->parameters[i];
      const bool gate = tensor.rank() == 1 && tensor.dim(0) <= test.heads;
      inputs.push_back(tensor);
      rounded.push_back(*tensor.convertTo(gate ? ElementType::F32 : type));
      continue;
    }
    if (i == 0) {
      std::vector<double> values(batch * length * test.channels);
      runtime::RandomStream{17, 0}.normal(0, 1, 0, values.size(),
                                          values.data());
      inputs.push_back(
          *Tensor::fromDoubles({batch, length, test.channels}, type, values));
      rounded.push_back(inputs.back());
      continue;
    }
    ASSERT_TRUE(rotary);
    // Tables of the recipe's embedding: cos, then sin.
    const int64_t rot =
        test.options.rope ? test.options.rope->rotaryDim : test.headDim;
    const bool cosine = i + 2 == layer->parameters.size();
    std::vector<double> values;
    for (int64_t t = 0; t < length; ++t)
      for (int64_t f = 0; f < rot / 2; ++f) {
        const double angle =
            static_cast<double>(t) *
            std::pow(layer->ropeBase,
                     -2.0 * static_cast<double>(f) / static_cast<double>(rot));
        values.push_back(cosine ? std::cos(angle) : std::sin(angle));
      }
    inputs.push_back(
        *Tensor::fromDoubles({length, rot / 2}, ElementType::F32, values));
    rounded.push_back(inputs.back());
  }

  Compile compile;
  auto original = compile.parse(layer->original);
  auto folded = compile.parse(layer->folded);
  ASSERT_TRUE(original && folded);
  auto entry = original->lookupSymbol<mlir::func::FuncOp>("layer");
  auto exact = reference::evaluate(entry, inputs);
  reference::InterpreterOptions storage;
  storage.precision = reference::Precision::Storage;
  auto yardstick = reference::evaluate(entry, inputs, storage);
  ASSERT_TRUE(mlir::succeeded(exact) && mlir::succeeded(yardstick));
  CompiledBlock block = compile.compile(*folded, Stage::Direct, 1, 1);
  ASSERT_TRUE(block.engine);
  auto results = block.engine->run("layer", rounded);
  ASSERT_TRUE(static_cast<bool>(results)) << results.message();
  auto error = reference::compareTensors((*results)[0], (*exact)[0]);
  auto own = reference::compareTensors((*yardstick)[0], (*exact)[0]);
  ASSERT_TRUE(error && own);
  reference::Verdict verdict = reference::judge(*error, *own);
  EXPECT_TRUE(verdict.pass)
      << verdict.reason << ": max error " << error->maxError << ", yardstick "
      << own->maxError << "\n"
      << layer->original << layer->folded;
}

INSTANTIATE_TEST_SUITE_P(Cases, Repack, testing::ValuesIn(legalCases()),
                         [](const testing::TestParamInfo<RepackCase> &info) {
                           return info.param.name;
                         });
