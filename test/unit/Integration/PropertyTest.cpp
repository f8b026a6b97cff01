//===- PropertyTest.cpp - Random blocks at every stage against the reference
//---===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// A seed decides a block: shapes, dtype, mask, ranks, splits, grouped modes,
// layouts, rotary embedding. Every stage of the ladder must agree with the f64
// reference within the tolerance of section 8 of the design. RA_SEED sets the
// first of twelve seeds; a failure prints its own.
//
//===----------------------------------------------------------------------===//

#include "BlockBuilder.h"
#include "Compile.h"

#include "ra/Reference/Compare.h"
#include "ra/Reference/Interpreter.h"
#include "ra/Runtime/FoldRules.h"

#include <cstdlib>
#include <random>

using namespace ra;
using namespace ra::test;

static uint64_t firstSeed() {
  const char *text = std::getenv("RA_SEED");
  return text ? std::strtoull(text, nullptr, 10) : 20261;
}

static BlockConfig randomBlock(uint64_t seed) {
  std::mt19937_64 random(seed);
  auto pick = [&](auto... values) {
    std::common_type_t<decltype(values)...> all[] = {values...};
    return all[random() % sizeof...(values)];
  };
  auto chance = [&](int percent) {
    return static_cast<int>(random() % 100) < percent;
  };
  BlockConfig block;
  block.batch = pick(1, 2, 3);
  block.length = pick(1, 2, 17, 33, 64, 77, 130);
  block.channels = pick(24, 32, 48, 65);
  block.headDim = pick(8, 16, 24, 32, 40);
  int64_t group = pick(1, 1, 2, 3);
  block.kvHeads = pick(1, 2, 3);
  block.heads = block.kvHeads * group;
  block.type = pick("f32", "f32", "f16", "bf16");
  block.mask = pick("none", "causal", "causal", "window(5)",
                    "causal, bottom_right", "window(40)");
  block.softcap = chance(25) ? 5.0 : 0.0;
  block.packed = chance(40);
  block.bias = chance(50);
  block.dynamic = chance(50);
  block.transposes = chance(60);
  block.sharedGates = chance(30);
  block.outputProjection = chance(30);
  block.gqa = group > 1 && chance(50) ? "slots" : "mean";
  block.split =
      group > 1 && !block.sharedGates ? "query" : pick("symmetric", "query");
  block.rope = pick("", "", "half", "interleaved");
  int64_t rank = 2 * pick(1, 2, 3);
  if (rank >= block.headDim)
    rank = 2;
  block.rank = {rank};
  if (!block.rope.empty()) {
    // Whole pairs mostly; sometimes what the weight fold must refuse.
    if (chance(75))
      block.recDims = *runtime::legalRotaryDims(
          block.rope == "half" ? runtime::RopeStyle::Half
                               : runtime::RopeStyle::Interleaved,
          block.headDim, rank);
    return block;
  }
  if (chance(25)) {
    block.projection = true;
    return block;
  }
  if (chance(40)) {
    block.recDims = {1, block.headDim / 2, block.headDim - 1};
    block.rank = {3};
    return block;
  }
  if (chance(50) && block.gqa == "mean") {
    // Ranks per head, in contiguous ranges; equal in a group or, rarely, not.
    block.rank.assign(block.heads, rank);
    int64_t ordinary = static_cast<int64_t>(random() % (block.kvHeads + 1));
    for (int64_t head = 0; head < ordinary * group; ++head)
      block.rank[head] = 0;
    if (chance(20))
      block.rank[0] = rank;
  }
  return block;
}

class Property : public testing::TestWithParam<int> {};

TEST_P(Property, EveryStageAgreesWithTheReference) {
  uint64_t seed = firstSeed() + static_cast<uint64_t>(GetParam());
  BlockConfig block = randomBlock(seed);
  SCOPED_TRACE("RA_SEED=" + std::to_string(seed) + "  " + block.summary());
  Compile compile;
  auto module = compile.parse(block.text());
  ASSERT_TRUE(module);
  std::vector<runtime::Tensor> inputs = makeInputs(block, seed);
  auto entry = module->lookupSymbol<mlir::func::FuncOp>("block");
  auto exact = reference::evaluate(entry, inputs);
  reference::InterpreterOptions storage;
  storage.precision = reference::Precision::Storage;
  auto yardstick = reference::evaluate(entry, inputs, storage);
  ASSERT_TRUE(mlir::succeeded(exact) && mlir::succeeded(yardstick));
  auto own = reference::compareTensors((*yardstick)[0], (*exact)[0]);
  ASSERT_TRUE(static_cast<bool>(own));
  for (Stage stage :
       {Stage::OpenCoded, Stage::Folded, Stage::Baked, Stage::Direct}) {
    SCOPED_TRACE(stageName(stage).str());
    auto results = compile
                       .compile(*module, stage,
                                /*threads=*/stage == Stage::Direct ? 2 : 1,
                                /*optLevel=*/1)
                       .run(inputs);
    ASSERT_EQ(results.size(), 1u);
    auto error = reference::compareTensors(results[0], (*exact)[0]);
    ASSERT_TRUE(static_cast<bool>(error)) << error.message();
    reference::Verdict verdict = reference::judge(*error, *own);
    EXPECT_TRUE(verdict.pass)
        << verdict.reason << "\nmax error " << error->maxError << " at "
        << reference::indexString(results[0].shape(), error->maxIndex)
        << ", yardstick " << own->maxError << "\n"
        << block.text();
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, Property, testing::Range(0, 12));
