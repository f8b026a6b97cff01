//===- MiniLMTable.cpp - What converting a real model costs ---------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// ra-minilm-table MODEL.safetensors TEXTS.safetensors   prints the tables of
// docs/benchmarks/minilm.md: the error of each converted attention layer on the
// activations that it sees, and of the model with all of them converted.
//
//===----------------------------------------------------------------------===//

#include "BertEncoder.h"

#include "ra/Runtime/Basis.h"
#include "ra/Runtime/FoldWeights.h"

#include <cmath>
#include <cstdio>
#include <numeric>

using namespace ra::benchmarks;
using namespace ra::runtime;

namespace {

constexpr int64_t kHeads = 12;

/// Which dims are given up.
enum class Choice { Last, Weights, Activations };
constexpr Choice kChoices[] = {Choice::Last, Choice::Weights,
                               Choice::Activations};
constexpr int64_t kRanks[] = {2, 4, 8};

struct Gates {
  double wStd, wRec;
};
constexpr Gates kGates[] = {{1.0, 0.0}, {0.9, 0.1}};

/// A layer's query and key after a conversion, in the type of the model.
struct Converted {
  FoldedWeights folded;

  AttentionWeights in(AttentionWeights weights) const {
    weights.wq = &folded.qWeight;
    weights.wk = &folded.kWeight;
    weights.bq = &*folded.qBias;
    weights.bk = &*folded.kBias;
    return weights;
  }
};

Expected<Converted> convert(const BertEncoder &encoder, int64_t layer,
                            int64_t rank, Choice choice, Gates gates,
                            const Tensor &sample) {
  const AttentionWeights w = encoder.attention(layer);
  FoldSpec spec;
  spec.numHeads = spec.numKvHeads = kHeads;
  spec.headDim = encoder.channels() / kHeads;
  spec.wStd = {gates.wStd};
  spec.wRec = {gates.wRec};
  std::vector<int64_t> last(static_cast<size_t>(rank));
  std::iota(last.begin(), last.end(), spec.headDim - rank);
  spec.recDims.assign(kHeads, last);
  if (choice != Choice::Last) {
    BasisSpec basisSpec;
    basisSpec.numHeads = basisSpec.numKvHeads = kHeads;
    basisSpec.headDim = spec.headDim;
    basisSpec.ranks = {rank};
    Expected<Basis> basis =
        chooseBasis(basisSpec, *w.wq, *w.wk, w.bq, w.bk,
                    choice == Choice::Activations ? &sample : nullptr);
    if (!basis)
      return basis.takeFailure();
    spec.basisQ = basis->basisQ;
    spec.basisK = basis->basisK;
    spec.recDims = basis->recDims;
  }
  Expected<FoldedWeights> folded = foldWeights(spec, *w.wq, *w.wk, w.bq, w.bk);
  if (!folded)
    return folded.takeFailure();
  return Converted{std::move(*folded)};
}

/// Inputs of every layer, and the last one's output.
Expected<std::vector<Tensor>> states(const BertEncoder &encoder,
                                     const Tensor &tokens) {
  Expected<Tensor> x = encoder.embed(tokens);
  std::vector<Tensor> all;
  for (int64_t layer = 0; x && layer < encoder.layers(); ++layer) {
    all.push_back(*x);
    x = encoder.runLayer(layer, *x, encoder.attention(layer));
  }
  if (!x)
    return x.takeFailure();
  all.push_back(*x);
  return all;
}

/// The mean over the tokens of one text: the model's embedding.
std::vector<double> pooled(const Tensor &x, int64_t text) {
  const int64_t length = x.dim(1), c = x.dim(2);
  std::vector<double> mean(static_cast<size_t>(c), 0.0);
  for (int64_t i = 0; i < length * c; ++i)
    mean[static_cast<size_t>(i % c)] += x.at(text * length * c + i);
  return mean;
}

double cosine(const std::vector<double> &a, const std::vector<double> &b) {
  const double ab = std::inner_product(a.begin(), a.end(), b.begin(), 0.0),
               aa = std::inner_product(a.begin(), a.end(), a.begin(), 0.0),
               bb = std::inner_product(b.begin(), b.end(), b.begin(), 0.0);
  return ab / std::sqrt(aa * bb);
}

/// The encoder gives the similarities that the model's documentation gives
/// (https://sbert.net, "Quickstart"), to all their digits.
Status checkPublished(const BertEncoder &encoder, const Safetensors &texts) {
  std::vector<std::vector<double>> embeddings;
  for (const char *name : {"weather", "sunny", "stadium"}) {
    Expected<Tensor> tokens = texts.get(name);
    if (!tokens)
      return tokens.takeFailure();
    Expected<std::vector<Tensor>> all = states(encoder, *tokens);
    if (!all)
      return all.takeFailure();
    embeddings.push_back(pooled(all->back(), 0));
  }
  std::printf("## Tables\n\nSimilarities of the documentation's three "
              "sentences:");
  bool agree = true;
  for (const auto &[i, j, published] :
       {std::tuple(0, 1, 0.6660), std::tuple(0, 2, 0.1046),
        std::tuple(1, 2, 0.1411)}) {
    const double here = cosine(embeddings[i], embeddings[j]);
    std::printf(" %.4f", here);
    agree &= std::abs(here - published) < 6e-5;
  }
  std::printf(" (published: 0.6660 0.1046 0.1411).\n");
  if (!agree)
    return fail("they are not those published, 0.6660 0.1046 0.1411: this is "
                "another model, or the encoder is wrong");
  return Status::success();
}

void printHead(const char *first) {
  std::printf("| %s |", first);
  for (int64_t rank : kRanks)
    std::printf(" R = %d: last dims | SVD | SVD, text |",
                static_cast<int>(rank));
  std::printf("\n|---|");
  for (size_t i = 0; i < std::size(kRanks) * std::size(kChoices); ++i)
    std::printf("---|");
  std::printf("\n");
}

/// The error of one converted layer. The output bias is left out: it is the
/// same on both sides, and the error is of what is not.
Expected<AttentionError> layerError(const BertEncoder &encoder, int64_t layer,
                                    int64_t rank, Choice choice, Gates gates,
                                    const std::vector<Tensor> &calibration,
                                    const std::vector<Tensor> &evaluation) {
  const auto at = static_cast<size_t>(layer);
  Expected<Converted> converted =
      convert(encoder, layer, rank, choice, gates, calibration[at]);
  if (!converted)
    return converted.takeFailure();
  AttentionWeights original = encoder.attention(layer);
  original.bo = nullptr;
  return compareAttention(encoder.attentionSpec(), converted->in(original),
                          original, evaluation[at]);
}

Status printLayers(const BertEncoder &encoder, Gates gates,
                   const std::vector<Tensor> &calibration,
                   const std::vector<Tensor> &evaluation) {
  std::printf("\n### Each layer, gates (%g, %g)\n\nError before / after the "
              "output projection.",
              gates.wStd, gates.wRec);
  const auto layers = static_cast<double>(encoder.layers());
  if (gates.wStd != 1.0) {
    double before = 0, after = 0;
    for (int64_t layer = 0; layer < encoder.layers(); ++layer) {
      Expected<AttentionError> error =
          layerError(encoder, layer, /*rank=*/0, Choice::Last, gates,
                     calibration, evaluation);
      if (!error)
        return error.takeFailure();
      before += error->layer.relative / layers;
      after += error->projected->relative / layers;
    }
    std::printf(" The gate of the standard scores alone (R = 0) makes %.3f / "
                "%.3f on average.",
                before, after);
  }
  std::printf("\n\n");
  printHead("layer");
  constexpr size_t columns = std::size(kRanks) * std::size(kChoices);
  std::vector<double> before(columns, 0.0), after(columns, 0.0);
  for (int64_t layer = 0; layer < encoder.layers(); ++layer) {
    std::printf("| %d |", static_cast<int>(layer));
    size_t column = 0;
    for (int64_t rank : kRanks)
      for (Choice choice : kChoices) {
        Expected<AttentionError> error = layerError(
            encoder, layer, rank, choice, gates, calibration, evaluation);
        if (!error)
          return error.takeFailure();
        std::printf(" %.3f / %.3f |", error->layer.relative,
                    error->projected->relative);
        before[column] += error->layer.relative / layers;
        after[column++] += error->projected->relative / layers;
      }
    std::printf("\n");
  }
  std::printf("| mean |");
  for (size_t column = 0; column < columns; ++column)
    std::printf(" %.3f / %.3f |", before[column], after[column]);
  std::printf("\n");
  return Status::success();
}

Status printModel(const BertEncoder &encoder,
                  const std::vector<Tensor> &calibration,
                  const std::vector<Tensor> &evaluation) {
  std::printf("\n### The model, all layers converted\n\nError of the last "
              "hidden state / 1 - cosine of the embeddings, mean of the "
              "passages.\n\n");
  printHead("gates");
  for (Gates gates : kGates) {
    std::printf("| (%g, %g) |", gates.wStd, gates.wRec);
    for (int64_t rank : kRanks)
      for (Choice choice : kChoices) {
        Tensor x = evaluation[0];
        for (int64_t layer = 0; layer < encoder.layers(); ++layer) {
          Expected<Converted> converted =
              convert(encoder, layer, rank, choice, gates,
                      calibration[static_cast<size_t>(layer)]);
          if (!converted)
            return converted.takeFailure();
          Expected<Tensor> next = encoder.runLayer(
              layer, x, converted->in(encoder.attention(layer)));
          if (!next)
            return next.takeFailure();
          x = *next;
        }
        const Tensor &original = evaluation.back();
        double difference = 0, size = 0, angle = 0;
        for (int64_t i = 0; i < x.numElements(); ++i) {
          difference += std::abs(x.at(i) - original.at(i));
          size += std::abs(original.at(i));
        }
        for (int64_t text = 0; text < x.dim(0); ++text)
          angle += (1.0 - cosine(pooled(x, text), pooled(original, text))) /
                   static_cast<double>(x.dim(0));
        std::printf(" %.3f / %.4f |", difference / size, angle);
      }
    std::printf("\n");
  }
  return Status::success();
}

Status run(const char *model, const char *textFile) {
  Expected<BertEncoder> encoder = BertEncoder::open(model, kHeads);
  if (!encoder)
    return encoder.takeFailure();
  Expected<Safetensors> texts = Safetensors::open(textFile);
  if (!texts)
    return texts.takeFailure();
  Status status = checkPublished(*encoder, *texts);
  if (!status.ok())
    return status;
  std::vector<std::vector<Tensor>> sets;
  for (const char *name : {"calibration", "evaluation"}) {
    Expected<Tensor> tokens = texts->get(name);
    if (!tokens)
      return tokens.takeFailure();
    Expected<std::vector<Tensor>> all = states(*encoder, *tokens);
    if (!all)
      return all.takeFailure();
    sets.push_back(std::move(*all));
  }
  for (Gates gates : kGates) {
    status = printLayers(*encoder, gates, sets[0], sets[1]);
    if (!status.ok())
      return status;
  }
  return printModel(*encoder, sets[0], sets[1]);
}

} // namespace

int main(int argc, char **argv) {
  if (argc != 3) {
    std::fprintf(stderr,
                 "usage: ra-minilm-table MODEL.safetensors TEXTS.safetensors; "
                 "scripts/minilm-table.sh fetches both\n");
    return 2;
  }
  const Status status = run(argv[1], argv[2]);
  if (status.ok())
    return 0;
  std::fprintf(stderr, "error: %s\n", status.message().c_str());
  return 1;
}
