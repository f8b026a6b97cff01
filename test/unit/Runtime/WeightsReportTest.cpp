//===- WeightsReportTest.cpp - What a conversion is and costs -------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ra/Runtime/WeightsReport.h"
#include "Checkpoints.h"
#include "TestFiles.h"
#include "ra/Runtime/Repack.h"

using namespace ra::runtime;
using namespace ra::runtime::test;

namespace {

/// Ordinary attention in f64 by its definition, on the original weights of
/// layer 0, the output projection included.
struct Reference {
  int64_t heads, kvHeads, dim, channels;
  std::vector<double> wq, wk, wv, bq, bk, bv, wo;

  /// Heads' outputs [T, H * D].
  std::vector<double> run(const std::vector<double> &x, int64_t length,
                          bool causal) const {
    auto project = [&](const std::vector<double> &w,
                       const std::vector<double> &b, int64_t rows) {
      std::vector<double> y(static_cast<size_t>(length * rows));
      for (int64_t t = 0; t < length; ++t)
        for (int64_t o = 0; o < rows; ++o) {
          double sum = b.empty() ? 0.0 : b[o];
          for (int64_t c = 0; c < channels; ++c)
            sum += w[o * channels + c] * x[t * channels + c];
          y[t * rows + o] = sum;
        }
      return y;
    };
    const int64_t qRows = heads * dim, kRows = kvHeads * dim;
    const auto q = project(wq, bq, qRows), k = project(wk, bk, kRows),
               v = project(wv, bv, kRows);
    std::vector<double> out(static_cast<size_t>(length * qRows));
    for (int64_t h = 0; h < heads; ++h) {
      const int64_t g = h / (heads / kvHeads);
      for (int64_t i = 0; i < length; ++i) {
        const int64_t seen = causal ? i + 1 : length;
        std::vector<double> p(static_cast<size_t>(seen));
        double sum = 0.0;
        for (int64_t j = 0; j < seen; ++j) {
          double score = 0.0;
          for (int64_t d = 0; d < dim; ++d)
            score += q[i * qRows + h * dim + d] * k[j * kRows + g * dim + d];
          p[j] = std::exp(score / std::sqrt(static_cast<double>(dim)));
          sum += p[j];
        }
        for (int64_t j = 0; j < seen; ++j)
          for (int64_t d = 0; d < dim; ++d)
            out[i * qRows + h * dim + d] +=
                p[j] / sum * v[j * kRows + g * dim + d];
      }
    }
    return out;
  }
};

double relative(const std::vector<double> &a, const std::vector<double> &b) {
  double difference = 0.0, size = 0.0;
  for (size_t i = 0; i < a.size(); ++i) {
    difference += std::abs(a[i] - b[i]);
    size += std::abs(b[i]);
  }
  return difference / size;
}

/// A query split with gates (2, 1) and rank 0 doubles the scores: the compared
/// error is that of attention with a doubled Wq, computed here.
TEST(CompareFiles, IsTheErrorByItsDefinition) {
  for (WeightFamily family : {WeightFamily::Gpt2, WeightFamily::Bert}) {
    Checkpoint checkpoint;
    checkpoint.family = family;
    checkpoint.layers = 1;
    TempFolder folder;
    write(checkpoint, folder.path("in"));
    FoldOptions options;
    options.numHeads = 4;
    options.ranks = {0};
    options.gateSplit = GateSplit::Query;
    options.wStd = {{{2}}};
    Expected<ConversionReport> report =
        repack(folder.path("in"), folder.path("out"), {}, {}, options);
    ASSERT_TRUE(report && report->refusals.empty());
    const Tensor x = randomTensor({5, 12}, ElementType::F64, 9, 0, 1.0);
    Expected<std::vector<LayerComparison>> result =
        compareFiles(folder.path("in"), folder.path("out"), x, {});
    ASSERT_TRUE(result) << result.message();

    Safetensors in = *Safetensors::open(folder.path("in"));
    Reference reference{4, 4, 6, 12, {}, {}, {}, {}, {}, {}, {}};
    const auto names = projectionNames(family, 0);
    if (family == WeightFamily::Gpt2) {
      const auto all = in.get(names[0] + "weight")->readAsDoubles();
      const auto bias = in.get(names[0] + "bias")->readAsDoubles();
      for (int64_t o = 0; o < 72; ++o) {
        auto &w = o < 24 ? reference.wq : o < 48 ? reference.wk : reference.wv;
        auto &b = o < 24 ? reference.bq : o < 48 ? reference.bk : reference.bv;
        for (int64_t c = 0; c < 12; ++c)
          w.push_back(all[c * 72 + o]);
        b.push_back(bias[o]);
      }
    } else {
      reference.wq = in.get(names[0] + "weight")->readAsDoubles();
      reference.wk = in.get(names[1] + "weight")->readAsDoubles();
      reference.wv = in.get(names[2] + "weight")->readAsDoubles();
      reference.bq = in.get(names[0] + "bias")->readAsDoubles();
      reference.bk = in.get(names[1] + "bias")->readAsDoubles();
      reference.bv = in.get(names[2] + "bias")->readAsDoubles();
    }
    const bool causal = family != WeightFamily::Bert;
    const auto base = reference.run(x.readAsDoubles(), 5, causal);
    for (auto *values : {&reference.wq, &reference.bq})
      for (double &value : *values)
        value *= 2;
    const auto doubled = reference.run(x.readAsDoubles(), 5, causal);
    const double expected = relative(doubled, base);
    EXPECT_GT(expected, 1e-3);
    EXPECT_NEAR((*result)[0].error.layer.relative, expected, 1e-6);
    EXPECT_EQ((*result)[0].error.heads.size(), 4u);

    const auto wo = in.get(outputName(family, 0))->readAsDoubles();
    auto after = [&](const std::vector<double> &heads) {
      std::vector<double> y(5 * 12);
      for (int64_t t = 0; t < 5; ++t)
        for (int64_t o = 0; o < 12; ++o)
          for (int64_t c = 0; c < 24; ++c)
            y[t * 12 + o] += heads[t * 24 + c] * (family == WeightFamily::Gpt2
                                                      ? wo[c * 12 + o]
                                                      : wo[o * 24 + c]);
      return y;
    };
    ASSERT_TRUE((*result)[0].error.projected.has_value());
    EXPECT_NEAR((*result)[0].error.projected->relative,
                relative(after(doubled), after(base)), 1e-6);
  }
}

TEST(CompareFiles, GatesOfOneAndNothingAreTheOriginal) {
  Checkpoint checkpoint;
  checkpoint.kvHeads = 2;
  TempFolder folder;
  write(checkpoint, folder.path("in"));
  FoldOptions options;
  options.numHeads = 4;
  options.numKvHeads = 2;
  options.ranks = {0};
  options.wStd = {{{1}}};
  ASSERT_TRUE(repack(folder.path("in"), folder.path("out"), {}, {}, options));
  const Tensor x = randomTensor({2, 2, 3, 12}, ElementType::F32, 9, 0, 1.0);
  auto result = compareFiles(folder.path("in"), folder.path("out"), x, {});
  ASSERT_TRUE(result) << result.message();
  ASSERT_EQ(result->size(), 2u);
  for (const LayerComparison &layer : *result)
    EXPECT_LT(layer.error.layer.maximum, 1e-15);
  // The other way round, and a file with itself.
  EXPECT_TRUE(compareFiles(folder.path("out"), folder.path("in"), x, {}));
  EXPECT_TRUE(compareFiles(folder.path("out"), folder.path("out"), x, {0, 1}));

  auto message = [&](const std::string &b, const Tensor &inputs,
                     const std::vector<int64_t> &layers) {
    auto result =
        compareFiles(folder.path("in"), folder.path(b), inputs, layers);
    return result ? std::string() : result.message();
  };
  EXPECT_TRUE(says(message("in", x, {}), "neither has a converted layer"));
  EXPECT_TRUE(says(message("out", x, {0}), "or [1 layers, B, T, C]"));
  EXPECT_TRUE(says(message("out", x, {5, 0}), "layer 5 is converted in "
                                              "neither"));
  EXPECT_FALSE(
      message("out", *Tensor::create({3, 13}, ElementType::F32), {}).empty());
  EXPECT_FALSE(
      message("out", *Tensor::create({0, 12}, ElementType::F32), {}).empty());
}

TEST(FileStatistics, GatesOverLayersAndHeads) {
  Checkpoint checkpoint;
  TempFolder folder;
  write(checkpoint, folder.path("in"));
  FoldOptions options;
  options.numHeads = 4;
  options.ranks = {2};
  options.wStd = {{{1, 2, 3, 4}, {5}}};
  options.wRec = {{{0.5}}};
  ASSERT_TRUE(repack(folder.path("in"), folder.path("out"), {}, {}, options));
  auto statistics = fileStatistics(folder.path("out"), {});
  ASSERT_TRUE(statistics) << statistics.message();
  ASSERT_EQ(statistics->size(), 2u);
  EXPECT_EQ((*statistics)[0].energies.size(), 4u);
  const std::string json = statisticsJson(*statistics);
  // 1, 2, 3, 4: mean 2.5, std sqrt(5/3); all eight: mean 3.75.
  EXPECT_TRUE(says(json, "\"w_std\":{\"mean\":2.5,\"min\":1,\"max\":4,"
                         "\"std\":1.290994448735805"));
  EXPECT_TRUE(says(json, "],\"w_std\":{\"mean\":3.75,\"min\":1,\"max\":5,"));
  EXPECT_TRUE(says(json, "\"w_rec\":{\"mean\":0.5,\"min\":0.5,\"max\":0.5,"
                         "\"std\":0}"));
  EXPECT_TRUE(says(statisticsText(*statistics),
                   "0      w_std  4      2.5        1          4          "
                   "1.29099\n"));

  // From folded rows alone the energies are the same but for rounding, or not
  // to be had.
  options.keepRaw = false;
  ASSERT_TRUE(repack(folder.path("in"), folder.path("bare"), {}, {}, options));
  auto bare = fileStatistics(folder.path("bare"), {1});
  ASSERT_TRUE(bare) << bare.message();
  for (size_t head = 0; head < 4; ++head)
    EXPECT_NEAR((*bare)[0].energies[head].lowShare,
                (*statistics)[1].energies[head].lowShare, 1e-5);
  options.wRec = {{{0}}};
  ASSERT_TRUE(repack(folder.path("in"), folder.path("bare"), {}, {}, options));
  bare = fileStatistics(folder.path("bare"), {1});
  ASSERT_TRUE(bare) << bare.message();
  EXPECT_TRUE((*bare)[0].energies.empty());
  EXPECT_TRUE(says(statisticsText(*bare), "not to be had: a gate of 0"));
  EXPECT_TRUE(says(fileStatistics(folder.path("in"), {}).message(),
                   "it has no recipe"));
}

} // namespace
