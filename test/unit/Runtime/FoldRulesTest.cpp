//===- FoldRulesTest.cpp - When a reciprocal fold is legal ----------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ra/Runtime/FoldRules.h"
#include "TestFiles.h"
#include "gtest/gtest.h"

#include <limits>

using namespace ra::runtime;
using ra::runtime::test::says;

namespace {

std::vector<int64_t> range(int64_t begin, int64_t end) {
  std::vector<int64_t> dims;
  for (int64_t dim = begin; dim < end; ++dim)
    dims.push_back(dim);
  return dims;
}

/// Four heads of dim 64 that exchange the last four dims; legal.
FoldFacts plain(int64_t kvHeads = 4) {
  FoldFacts facts;
  facts.numHeads = 4;
  facts.numKvHeads = kvHeads;
  facts.headDim = 64;
  facts.recDims.assign(4, range(60, 64));
  facts.wStd = std::vector<double>{0.9};
  facts.wRec = std::vector<double>{0.1};
  facts.wStdShared = facts.wRecShared = true;
  return facts;
}

/// Rank 0 everywhere: gates alone.
FoldFacts scaled() {
  FoldFacts facts = plain();
  facts.recDims.assign(4, {});
  return facts;
}

void ones(FoldFacts &facts) {
  facts.wStd = std::vector<double>{1.0};
  facts.wRec = std::vector<double>{1.0};
}

void rope(FoldFacts &facts, RopeStyle style, int64_t dim) {
  facts.qRope = facts.kRope = style;
  facts.qRotaryDim = facts.kRotaryDim = dim;
}

void legal(const FoldFacts &facts) {
  for (const Refusal &refusal : checkFold(facts))
    ADD_FAILURE() << refusalText(refusal);
}

/// Refused by exactly this rule; reason and legal say these things.
void refused(const FoldFacts &facts, Rule rule, const std::string &reason,
             const std::string &instead) {
  const std::vector<Refusal> refusals = checkFold(facts);
  ASSERT_EQ(refusals.size(), 1u) << reason;
  EXPECT_EQ(refusals[0].rule, rule) << refusalText(refusals[0]);
  EXPECT_TRUE(says(refusals[0].reason, reason));
  EXPECT_TRUE(says(refusals[0].legal, instead));
}

TEST(FoldRules, Names) {
  const std::pair<Rule, const char *> names[] = {
      {Rule::SameSource, "same-source"},
      {Rule::Affine, "affine"},
      {Rule::Rotary, "rotary"},
      {Rule::Norm, "norm"},
      {Rule::Clamp, "clamp"},
      {Rule::Grouped, "grouped"},
      {Rule::Scale, "scale"},
      {Rule::Quantised, "quantised"},
      {Rule::Gate, "gate"}};
  for (const auto &[rule, name] : names)
    EXPECT_EQ(ruleName(rule), name);
}

TEST(FoldRules, PlainAndUnknownGatesAreLegal) {
  legal(plain());
  FoldFacts facts = plain();
  facts.wStd.reset();
  facts.wRec.reset();
  facts.wStdShared = facts.wRecShared = false;
  legal(facts);
  facts.hasProjection = facts.hasBasis = true;
  legal(facts);
  facts = plain();
  facts.recDims = {{}, range(60, 64), range(10, 12), {}};
  legal(facts);
}

TEST(FoldRules, SameSource) {
  FoldFacts facts = plain();
  facts.sameSource = false;
  facts.sourceNote = "q comes from %a, k from %b";
  refused(facts, Rule::SameSource, "q comes from %a, k from %b", "rank 0");
  // Gates alone may differ in their source.
  facts = scaled();
  facts.sameSource = false;
  legal(facts);
}

TEST(FoldRules, Affine) {
  FoldFacts facts = plain();
  facts.nonAffine = "math.tanh";
  refused(facts, Rule::Affine, "math.tanh", "ra-fold-reciprocal");
  facts = scaled();
  facts.nonAffine = "math.tanh";
  refused(facts, Rule::Affine, "math.tanh", "unit-gate");
  ones(facts); // nothing to fold
  legal(facts);
}

TEST(FoldRules, RotaryHalf) {
  FoldFacts facts = plain();
  rope(facts, RopeStyle::Half, 64);
  refused(facts, Rule::Rotary, "{60..63}", "rec_dims = {30, 31, 62, 63}");
  facts.recDims.assign(4, {30, 31, 62, 63});
  legal(facts);
  facts.recDims[2] = {}; // rank per head
  legal(facts);
  facts.recDims[3] = {0, 32}; // any whole pair
  legal(facts);
  facts.recDims[3] = {0, 33};
  refused(facts, Rule::Rotary, "head 3 exchanges {0, 33}",
          "rec_dims = {31, 63}");
}

TEST(FoldRules, RotaryLegalTextComputesTheDims) {
  FoldFacts facts = plain();
  rope(facts, RopeStyle::Half, 64);
  facts.recDims.assign(4, range(48, 64));
  refused(facts, Rule::Rotary, "f with f + 32", "rec_dims = {24..31, 56..63}");
  facts.recDims.assign(4, range(61, 64));
  refused(facts, Rule::Rotary, "{61..63}",
          "R must be even to hold whole pairs, for example R = 4 with "
          "rec_dims = {30, 31, 62, 63}");
  // Part of the head is not rotated.
  rope(facts, RopeStyle::Half, 32);
  facts.recDims.assign(4, range(28, 32));
  refused(facts, Rule::Rotary, "rotary dim 32",
          "rec_dims = {14, 15, 30, 31}; or dims that are not rotated: "
          "{60..63}");
  facts.recDims.assign(4, range(60, 64));
  legal(facts);
  facts.recDims.assign(4, {15, 31, 50}); // a pair and a free dim
  legal(facts);
}

TEST(FoldRules, RotaryInterleaved) {
  FoldFacts facts = plain();
  rope(facts, RopeStyle::Interleaved, 64);
  legal(facts); // {60..63} are two whole pairs
  facts.recDims.assign(4, range(59, 63));
  refused(facts, Rule::Rotary, "2f with 2f + 1", "rec_dims = {60..63}");
}

TEST(FoldRules, RotarySidesMustAgree) {
  FoldFacts facts = plain();
  rope(facts, RopeStyle::Interleaved, 64);
  facts.kRope = RopeStyle::None;
  refused(facts, Rule::Rotary, "k not at all", "both sides");
  rope(facts, RopeStyle::Interleaved, 64);
  facts.qRope = RopeStyle::Half;
  refused(facts, Rule::Rotary, "q is rotated half over 64", "both sides");
  rope(facts, RopeStyle::Interleaved, 64);
  facts.kRotaryDim = 32;
  refused(facts, Rule::Rotary, "k interleaved over 32 dims", "both sides");
  rope(facts, RopeStyle::Interleaved, 64);
  facts.ropeTablesShared = false;
  refused(facts, Rule::Rotary, "different tables", "one pair of tables");
  facts.ropeTablesShared = true;
  rope(facts, RopeStyle::Interleaved, 63);
  refused(facts, Rule::Rotary, "rotary dim 63", "even");
  rope(facts, RopeStyle::Interleaved, 66);
  refused(facts, Rule::Rotary, "rotary dim 66", "at most the head dim");
}

TEST(FoldRules, RotaryWithProjectionOrBasis) {
  FoldFacts facts = plain();
  rope(facts, RopeStyle::Interleaved, 64);
  facts.hasProjection = true;
  refused(facts, Rule::Rotary, "projection P", "without P");
  facts.hasProjection = false;
  facts.hasBasis = true;
  refused(facts, Rule::Rotary, "basis", "mixes only dims that are not rotated");
  facts.basisCommutes = true;
  legal(facts);
  // An absent rope is no rope.
  facts.hasProjection = true;
  rope(facts, RopeStyle::Half, 0);
  legal(facts);
  // Rank 0 commutes with any rope, a basis does not.
  facts = scaled();
  facts.qRope = RopeStyle::Half;
  facts.qRotaryDim = 64;
  facts.ropeTablesShared = false;
  legal(facts);
  facts.hasBasis = true;
  refused(facts, Rule::Rotary, "basis", "mixes only dims that are not rotated");
}

TEST(FoldRules, RotaryWithSlots) {
  FoldFacts facts = plain(2);
  facts.grouped = GroupedMode::Slots;
  rope(facts, RopeStyle::Interleaved, 64);
  refused(facts, Rule::Rotary, "slots lie where nothing rotates", "gqa = mean");
  facts.grouped = GroupedMode::Mean;
  legal(facts);
  facts.grouped = GroupedMode::Slots;
  rope(facts, RopeStyle::Interleaved, 60);
  legal(facts); // {60..63} are not rotated
  facts.recDims.assign(4, range(58, 62));
  refused(facts, Rule::Rotary, "{58..61}", "for example {60..63}");
  // One head per group: slots are in place.
  facts = plain(4);
  facts.grouped = GroupedMode::Slots;
  rope(facts, RopeStyle::Interleaved, 64);
  legal(facts);
}

TEST(FoldRules, Norm) {
  FoldFacts facts = plain();
  facts.norm = true;
  facts.normNote = "an RMS norm of q";
  refused(facts, Rule::Norm, "an RMS norm of q", "ra-fold-reciprocal");
  ones(facts); // even then: rows change sides
  refused(facts, Rule::Norm, "change sides", "rank 0");
  facts = scaled();
  facts.norm = true;
  refused(facts, Rule::Norm, "undo a gate", "norm's scale");
  ones(facts);
  legal(facts);
}

TEST(FoldRules, Clamp) {
  const FoldFacts::Bounds bounds{-8.0, 8.0};
  FoldFacts facts = plain();
  facts.qClamp = facts.kClamp = bounds;
  refused(facts, Rule::Clamp, "not known to be 1", "w_std = w_rec = 1");
  ones(facts);
  legal(facts);
  facts.kClamp = FoldFacts::Bounds{-8.0, 4.0};
  refused(facts, Rule::Clamp, "q is clamped to [-8, 8], k to [-8, 4]",
          "equal bounds");
  facts.kClamp = FoldFacts::Bounds{-4.0, 8.0};
  refused(facts, Rule::Clamp, "k to [-4, 8]", "equal bounds");
  facts.kClamp.reset();
  refused(facts, Rule::Clamp, "k to none", "equal bounds");
  facts.kClamp = bounds;
  facts.wRec.reset(); // unknown is not 1
  refused(facts, Rule::Clamp, "not known to be 1", "no clamp");
  ones(facts);
  facts.hasProjection = true;
  refused(facts, Rule::Clamp, "projection P", "without a basis or P");
  facts.hasProjection = false;
  facts.hasBasis = true;
  refused(facts, Rule::Clamp, "basis", "without a basis or P");

  facts = scaled();
  facts.qClamp = bounds;
  refused(facts, Rule::Clamp, "not known to be 1", "no clamp");
  ones(facts);
  legal(facts);

  facts = plain(2);
  ones(facts);
  facts.qClamp = facts.kClamp = bounds;
  refused(facts, Rule::Clamp, "mean", "gqa = slots");
  facts.grouped = GroupedMode::Slots;
  legal(facts);
  facts.qClamp = facts.kClamp = FoldFacts::Bounds{1.0, 2.0};
  refused(facts, Rule::Clamp, "empty slots", "contain 0");
}

TEST(FoldRules, GroupedRanks) {
  FoldFacts facts = plain(2);
  facts.recDims = {range(60, 64), range(60, 64), range(50, 52), range(50, 52)};
  legal(facts);
  facts.grouped = GroupedMode::Slots;
  refused(facts, Rule::Grouped, "heads 0 and 2", "for every head");
  facts.recDims.assign(4, range(60, 64));
  legal(facts);
  facts.grouped = GroupedMode::Mean;
  facts.recDims[1] = range(61, 64);
  refused(facts, Rule::Grouped, "heads 0 and 1 exchange {60..63} and {61..63}",
          "all 2 heads of a group");
}

TEST(FoldRules, GroupedGates) {
  FoldFacts facts = plain(2);
  facts.wStdShared = facts.wRecShared = false;
  facts.wStd = std::vector<double>{0.9, 0.9, 0.5, 0.5};
  facts.wRec = std::vector<double>{0.1, 0.1, 0.2, 0.2};
  legal(facts);
  facts.wStd = std::vector<double>{0.9, 0.8, 0.5, 0.5};
  refused(facts, Rule::Grouped, "heads 0 and 1 of a group have 0.9 and 0.8",
          "gate_split = query");
  facts.gateSplit = GateSplit::Query;
  legal(facts);
  facts.gateSplit = GateSplit::Symmetric;
  facts.wStd = std::vector<double>{0.9};
  facts.wRec = std::vector<double>{0.1, 0.1, 0.2, 0.3};
  refused(facts, Rule::Grouped, "w_rec", "gate_split = query");
  facts.grouped = GroupedMode::Slots; // each head has its own rows
  legal(facts);

  facts = plain(2);
  facts.wStd.reset();
  facts.wRec.reset();
  legal(facts); // one unknown number for all
  facts.wStdShared = false;
  refused(facts, Rule::Grouped, "w_std", "gate_split = query");
  facts.wRecShared = false;
  EXPECT_EQ(checkFold(facts).size(), 2u);
  facts.gateSplit = GateSplit::Query;
  legal(facts);

  // Rank 0 still scales shared rows.
  facts = scaled();
  facts.numKvHeads = 2;
  facts.wStd = std::vector<double>{0.9, 0.8, 0.5, 0.5};
  facts.wRec = std::vector<double>{0.1, 0.2, 0.3, 0.4};
  refused(facts, Rule::Grouped, "w_std", "gate_split = query");
}

TEST(FoldRules, Scale) {
  FoldFacts facts = plain();
  facts.qScale = 0.5;
  facts.kScale = 0.5;
  refused(facts, Rule::Scale, "q by 0.5", "multiply scale by 0.25");
  facts.qScale = facts.kScale = 1.0;
  legal(facts);
  facts.biasDependsOnScores = true;
  refused(facts, Rule::Scale, "depends on q or k", "neither q nor k");
}

TEST(FoldRules, Quantised) {
  FoldFacts facts = plain();
  facts.qQuant = facts.kQuant = QuantKind::PerRow;
  facts.qQuantScale = 0.5; // says nothing: the rows have their own
  legal(facts);
  facts.qQuant = QuantKind::None;
  refused(facts, Rule::Quantised, "not quantised", "per-row scales");
  facts.qQuant = facts.kQuant = QuantKind::PerTensor;
  refused(facts, Rule::Quantised, "per tensor with scale 0.5",
          "one per-tensor scale");
  facts.kQuantScale = 0.5;
  legal(facts);
  facts = scaled();
  facts.qQuant = QuantKind::PerTensor;
  legal(facts); // no row moves
}

TEST(FoldRules, Gate) {
  FoldFacts facts = plain();
  facts.wRec = std::vector<double>{0.1, -0.2, 0.1, 0.1};
  refused(facts, Rule::Gate, "w_rec = -0.2 of head 1", "gate_split = query");
  facts.gateSplit = GateSplit::Query;
  legal(facts);
  facts.gateSplit = GateSplit::Symmetric;
  facts.recDims[1] = {}; // then w_rec of head 1 is not used
  legal(facts);
  facts = scaled();
  facts.wStd = std::vector<double>{-1.0};
  refused(facts, Rule::Gate, "w_std = -1", "gate_split = query");
  facts.wStd = std::vector<double>{0.0};
  legal(facts);
  facts.wStd = std::vector<double>{std::numeric_limits<double>::quiet_NaN()};
  facts.gateSplit = GateSplit::Query;
  refused(facts, Rule::Gate, "not a finite number", "finite");
}

TEST(FoldRules, SeveralRefusalsComeInOrder) {
  FoldFacts facts = plain();
  facts.sameSource = false;
  facts.norm = true;
  facts.wStd = std::vector<double>{-1.0};
  const std::vector<Refusal> refusals = checkFold(facts);
  ASSERT_EQ(refusals.size(), 3u);
  EXPECT_EQ(refusals[0].rule, Rule::SameSource);
  EXPECT_EQ(refusals[1].rule, Rule::Norm);
  EXPECT_EQ(refusals[2].rule, Rule::Gate);
  EXPECT_TRUE(says(refusalText(refusals[0]), "same-source: "));
  EXPECT_TRUE(says(refusalText(refusals[0]), "; legal: "));
}

TEST(FoldRules, FactsThatContradictEachOther) {
  FoldFacts facts = plain();
  facts.numKvHeads = 3;
  refused(facts, Rule::Grouped, "3 key heads", "dividing");
  facts.numKvHeads = 0;
  refused(facts, Rule::Grouped, "0 key heads", "positive");
  facts = plain();
  facts.recDims.pop_back();
  refused(facts, Rule::Affine, "3 heads of 4", "one set per query head");
  facts = plain();
  facts.recDims[1] = {63, 64};
  refused(facts, Rule::Affine, "head 1", "sorted unique");
  facts.recDims[1] = {5, 5};
  refused(facts, Rule::Affine, "head 1", "sorted unique");
  facts.recDims[1] = {-1};
  refused(facts, Rule::Affine, "head 1", "sorted unique");
  facts.recDims[1] = range(0, 64);
  refused(facts, Rule::Affine, "no dim for the standard term", "63 dims");
  facts = plain();
  facts.wStd = std::vector<double>{1.0, 2.0};
  refused(facts, Rule::Gate, "2 numbers for 4 heads", "one per query head");
  facts = plain();
  facts.hasProjection = true;
  facts.recDims.assign(4, {30, 31, 62, 63});
  refused(facts, Rule::Affine, "last R dims", "{60..63}");
  facts = plain();
  facts.headDim = 0;
  refused(facts, Rule::Affine, "head dim 0", "positive");
}

TEST(FoldRules, WholePairsByDefinition) {
  // Against the definition, for every subset of a small head.
  const int64_t headDim = 8;
  for (int64_t rotary = 0; rotary <= headDim; rotary += 2)
    for (unsigned set = 0; set < 256; ++set) {
      std::vector<int64_t> dims;
      for (int64_t d = 0; d < headDim; ++d)
        if (set >> d & 1)
          dims.push_back(d);
      bool half = true, interleaved = true;
      for (int64_t f = 0; f < rotary / 2; ++f) {
        half &= (set >> f & 1) == (set >> (f + rotary / 2) & 1);
        interleaved &= (set >> (2 * f) & 1) == (set >> (2 * f + 1) & 1);
      }
      EXPECT_EQ(isWholeRotaryPairs(dims, RopeStyle::Half, rotary), half);
      EXPECT_EQ(isWholeRotaryPairs(dims, RopeStyle::Interleaved, rotary),
                interleaved);
      EXPECT_TRUE(isWholeRotaryPairs(dims, RopeStyle::None, rotary));
    }
}

TEST(FoldRules, LegalRotaryDims) {
  using Dims = std::vector<int64_t>;
  EXPECT_EQ(legalRotaryDims(RopeStyle::Half, 64, 4), (Dims{30, 31, 62, 63}));
  EXPECT_EQ(legalRotaryDims(RopeStyle::Interleaved, 64, 4),
            (Dims{60, 61, 62, 63}));
  EXPECT_EQ(legalRotaryDims(RopeStyle::Half, 64, 0), Dims{});
  EXPECT_EQ(legalRotaryDims(RopeStyle::Half, 4, 4), (Dims{0, 1, 2, 3}));
  EXPECT_FALSE(legalRotaryDims(RopeStyle::Half, 64, 3));
  EXPECT_FALSE(legalRotaryDims(RopeStyle::Half, 4, 6));
  EXPECT_FALSE(legalRotaryDims(RopeStyle::None, 64, 4));
  for (RopeStyle style : {RopeStyle::Half, RopeStyle::Interleaved})
    for (int64_t rank = 0; rank <= 32; rank += 2) {
      auto dims = legalRotaryDims(style, 32, rank);
      ASSERT_TRUE(dims);
      EXPECT_EQ(dims->size(), static_cast<size_t>(rank));
      EXPECT_TRUE(isWholeRotaryPairs(*dims, style, 32));
    }
}

TEST(FoldRules, DimsText) {
  EXPECT_EQ(dimsString({}), "{}");
  EXPECT_EQ(dimsString({3}), "{3}");
  EXPECT_EQ(dimsString({3, 4}), "{3, 4}");
  EXPECT_EQ(dimsString({1, 2, 3, 7, 9, 10}), "{1..3, 7, 9, 10}");
}

} // namespace
