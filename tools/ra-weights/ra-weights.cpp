//===- ra-weights.cpp - Converts checkpoints ------------------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "../Version.h"
#include "ra/Runtime/Npy.h"
#include "ra/Runtime/Repack.h"
#include "ra/Runtime/WeightsReport.h"
#include "ra/Runtime/WeightsText.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/raw_ostream.h"

#include <chrono>
#include <csignal>

namespace cl = llvm::cl;
using namespace ra::runtime;

/// What the process returns; docs/exit-codes.md.
enum ExitCode : int { Success = 0, Refused = 1, UsageError = 2 };

static cl::SubCommand repackCommand("repack",
                                    "fold the attentions of a checkpoint");
static cl::SubCommand initCommand("init", "make new folded weights (Xavier)");
static cl::SubCommand unpackCommand("unpack", "give the originals back");
static cl::SubCommand rebakeCommand("rebake", "change the gates");
static cl::SubCommand statsCommand("stats",
                                   "gates, and what exchanged dims weigh");
static cl::SubCommand
    compareCommand("compare",
                   "error of the attentions of B against those of A");
static cl::OptionCategory category("ra-weights options");
static cl::SubCommandGroup writes({&repackCommand, &initCommand, &unpackCommand,
                                   &rebakeCommand});
static cl::SubCommandGroup folds({&repackCommand, &initCommand});
static cl::SubCommandGroup gated({&repackCommand, &initCommand,
                                  &rebakeCommand});
static cl::SubCommandGroup reads({&repackCommand, &unpackCommand,
                                  &rebakeCommand, &statsCommand,
                                  &compareCommand});
static cl::SubCommandGroup selects({&repackCommand, &rebakeCommand,
                                    &statsCommand, &compareCommand});
static cl::SubCommandGroup reports({&statsCommand, &compareCommand});

static cl::list<std::string> files(cl::Positional, cl::desc("FILES"),
                                   cl::sub(reads), cl::cat(category));
static cl::opt<std::string> output("o", cl::desc("The file to write"),
                                   cl::value_desc("OUT.safetensors"),
                                   cl::sub(writes), cl::cat(category));
static cl::opt<std::string>
    family("family",
           cl::desc("gpt2, linear, llama, bert, or auto (default: "
                    "auto; init: linear)"),
           cl::value_desc("FAMILY"), cl::sub(folds), cl::cat(category));
static cl::opt<int64_t> heads("heads", cl::desc("Query heads"),
                              cl::value_desc("H"), cl::sub(folds),
                              cl::cat(category));
static cl::opt<int64_t>
    kvHeads("kv-heads",
            cl::desc("Key and value heads (default: what the shapes say)"),
            cl::value_desc("K"), cl::sub(folds), cl::cat(category));
static cl::opt<std::string> rank("rank", cl::desc("Dims that each head gives"),
                                 cl::value_desc("R"), cl::sub(folds),
                                 cl::cat(category));
static cl::opt<std::string> ranks("ranks", cl::desc("The same, one per head"),
                                  cl::value_desc("r0,r1,..."), cl::sub(folds),
                                  cl::cat(category));
static cl::opt<std::string>
    recDims("rec-dims", cl::desc("Which dims (default: the last R)"),
            cl::value_desc("28-31,60-63"), cl::sub(folds), cl::cat(category));
static cl::opt<std::string>
    wStd("w-std",
         cl::desc("Gates of the standard term: one, one per head, or "
                  "@file.npy or @file.txt by layer and head (default: 0.9)"),
         cl::value_desc("X"), cl::sub(gated), cl::cat(category));
static cl::opt<std::string>
    wRec("w-rec", cl::desc("Gates of the reciprocal term (default: 0.1)"),
         cl::value_desc("X"), cl::sub(gated), cl::cat(category));
static cl::opt<std::string> projection(
    "projection",
    cl::desc("What stands in for the dims given: last (themselves), random "
             "(P, seeded, scaled 0.02/sqrt(R)), @P.npy ([D, R] or [H, D, R]), "
             "svd (the last dims of a basis in which they carry least)"),
    cl::init("last"), cl::sub(folds), cl::cat(category));
static cl::opt<std::string>
    activations("activations",
                cl::desc("Inputs of the layers, [T, C] or [B, T, C]; compare: "
                         "or [L, B, T, C]"),
                cl::value_desc("@x.npy"), cl::sub(repackCommand),
                cl::sub(compareCommand), cl::cat(category));
static cl::opt<GateSplit>
    gateSplit("gate-split", cl::desc("Where a gate goes"),
              cl::init(GateSplit::Symmetric),
              cl::values(clEnumValN(GateSplit::Symmetric, "symmetric",
                                    "its root on both sides (default)"),
                         clEnumValN(GateSplit::Query, "query",
                                    "on the query side, any sign")),
              cl::sub(folds), cl::cat(category));
static cl::opt<GroupedMode>
    gqa("gqa", cl::desc("What grouped heads exchange"),
        cl::init(GroupedMode::Mean),
        cl::values(clEnumValN(GroupedMode::Mean, "mean",
                              "the mean of the group (default)"),
                   clEnumValN(GroupedMode::Slots, "slots",
                              "each its own, exact, head dim D - R + G R")),
        cl::sub(folds), cl::cat(category));
static cl::opt<std::string> layers("layers", cl::desc("Layers (default: all)"),
                                   cl::value_desc("0-3,7"), cl::sub(selects),
                                   cl::cat(category));
static cl::opt<RopeStyle>
    rope("rope",
         cl::desc("Rotary embedding (default: half for llama, else none)"),
         cl::init(RopeStyle::None),
         cl::values(clEnumValN(RopeStyle::None, "none", "none"),
                    clEnumValN(RopeStyle::Half, "half", "pairs f, f + N/2"),
                    clEnumValN(RopeStyle::Interleaved, "interleaved",
                               "pairs 2f, 2f + 1")),
         cl::sub(folds), cl::cat(category));
static cl::opt<int64_t>
    rotaryDim("rotary-dim", cl::desc("Dims it turns (default: the head dim)"),
              cl::value_desc("N"), cl::sub(folds), cl::cat(category));
static cl::opt<double>
    ropeBase("rope-base", cl::desc("Its base, for verification and comparison"),
             cl::init(10000.0), cl::sub(folds), cl::cat(category));
static cl::opt<AttentionMask>
    mask("mask",
         cl::desc("Mask, for verification and comparison (default: none for "
                  "bert, else causal)"),
         cl::init(AttentionMask::Causal),
         cl::values(clEnumValN(AttentionMask::None, "none", "none"),
                    clEnumValN(AttentionMask::Causal, "causal", "causal")),
         cl::sub(folds), cl::cat(category));
static cl::opt<double> scale("scale",
                             cl::desc("Factor on scores (default: 1/sqrt(D))"),
                             cl::sub(folds), cl::cat(category));
static cl::opt<std::string>
    dtype("dtype",
          cl::desc("Type of the folded weights: f32, f16, bf16 "
                   "(default: that of the source; init: f32)"),
          cl::value_desc("TYPE"), cl::sub(folds), cl::cat(category));
static cl::opt<bool> noKeepRaw(
    "no-keep-raw",
    cl::desc("Do not keep the original rows; unpack and rebake then round"),
    cl::sub(folds), cl::cat(category));
static cl::opt<std::string>
    shape("shape",
          cl::desc("Layers x channels [x head dim] of the new weights"),
          cl::value_desc("LxC[xD]"), cl::sub(initCommand), cl::cat(category));
static cl::opt<int64_t> seed("seed",
                             cl::desc("Seed of a random P and of new weights"),
                             cl::init(0), cl::sub(folds), cl::cat(category));
static cl::opt<bool> json("json", cl::desc("Print one JSON object"),
                          cl::sub(reports), cl::cat(category));

static ExitCode usage(const llvm::Twine &message) {
  llvm::errs() << "ra-weights: error: " << message << "\n";
  return UsageError;
}

/// Moves the value of an option's parser to its place; says which option it is
/// otherwise.
template <typename T, typename Place>
static bool take(const char *option, Expected<T> value, Place &place) {
  if (!value) {
    usage(llvm::Twine("--") + option + ": " + value.message());
    return false;
  }
  place = std::move(*value);
  return true;
}

static bool takeLayers(std::vector<int64_t> &place) {
  return layers.empty() || take("layers", parseIndices(layers), place);
}

/// The array behind an option `@FILE.npy`.
static bool takeArray(const char *option, llvm::StringRef text,
                      std::optional<Tensor> &place) {
  if (!text.consume_front("@")) {
    usage(llvm::Twine("--") + option + "=" + text + ": expected @FILE.npy");
    return false;
  }
  return take(option, readNpy(text.str()), place);
}

static bool takeFold(FoldOptions &options) {
  options.numHeads = heads;
  options.numKvHeads = kvHeads;
  if (heads.getNumOccurrences() == 0 || heads <= 0 || kvHeads < 0) {
    usage("say the number of query heads, --heads=H, and of key heads where it "
          "differs, --kv-heads=K; both are positive");
    return false;
  }
  if (!rank.empty() && !ranks.empty()) {
    usage("--rank and --ranks exclude each other");
    return false;
  }
  if ((!rank.empty() &&
       !take("rank", parseWholeNumbers(rank), options.ranks)) ||
      (!ranks.empty() &&
       !take("ranks", parseWholeNumbers(ranks), options.ranks)) ||
      (!recDims.empty() &&
       !take("rec-dims", parseIndices(recDims), options.recDims)) ||
      (!wStd.empty() && !take("w-std", parseGates(wStd), options.wStd)) ||
      (!wRec.empty() && !take("w-rec", parseGates(wRec), options.wRec)) ||
      (!activations.empty() &&
       !takeArray("activations", activations, options.activations)))
    return false;
  if (!rank.empty() && options.ranks.size() != 1) {
    usage("--rank is one number; --ranks is one per head");
    return false;
  }
  if (projection == "random") {
    options.lowPart = LowPart::Random;
  } else if (projection == "svd") {
    options.lowPart = LowPart::Svd;
  } else if (projection != "last") {
    options.lowPart = LowPart::Given;
    if (!llvm::StringRef(projection).starts_with("@")) {
      usage("--projection=" + projection +
            ": known are last, random, @P.npy, svd");
      return false;
    }
    if (!takeArray("projection", projection, options.projection))
      return false;
  }
  if (options.activations && options.lowPart != LowPart::Svd) {
    usage("--activations choose the basis of --projection=svd");
    return false;
  }
  options.seed = seed;
  options.gateSplit = gateSplit;
  options.grouped = gqa;
  if (rope.getNumOccurrences() != 0 || rotaryDim.getNumOccurrences() != 0 ||
      ropeBase.getNumOccurrences() != 0) {
    if (rope.getNumOccurrences() == 0) {
      usage("--rotary-dim and --rope-base need --rope");
      return false;
    }
    options.rope = RotarySpec{rope, rotaryDim, ropeBase};
  }
  if (mask.getNumOccurrences() != 0)
    options.mask = mask;
  if (scale.getNumOccurrences() != 0)
    options.scale = scale;
  if (!dtype.empty()) {
    options.dtype = parseElementType(dtype.getValue());
    if (!options.dtype || !isFloat(*options.dtype)) {
      usage("--dtype=" + dtype + ": known are f32, f16, bf16, f64");
      return false;
    }
  }
  options.keepRaw = !noKeepRaw;
  return true;
}

/// Prints notes and refusals; what became of the file.
static ExitCode report(const char *verb, Expected<ConversionReport> result,
                       std::chrono::steady_clock::time_point start) {
  if (!result)
    return usage(result.message());
  // A rule usually refuses all layers for one reason: it is told once.
  for (size_t i = 0; i < result->refusals.size(); ++i) {
    const LayerRefusal &refusal = result->refusals[i];
    const std::string text = refusalText(refusal.refusal);
    bool told = false;
    size_t same = 0;
    for (size_t j = 0; j < result->refusals.size(); ++j)
      if (refusalText(result->refusals[j].refusal) == text) {
        told |= j < i;
        ++same;
      }
    if (told)
      continue;
    llvm::errs() << "ra-weights: error: layer " << refusal.layer << " ('"
                 << refusal.prefix << "')";
    if (same > 1)
      llvm::errs() << " and " << same - 1 << " more";
    llvm::errs() << ": " << text << "\n";
  }
  if (!result->refusals.empty())
    return Refused;
  for (const std::string &note : result->notes)
    llvm::outs() << "note: " << note << "\n";
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start)
          .count();
  const double megabytes = static_cast<double>(result->bytes) / 1e6;
  llvm::outs() << llvm::format(
      "%s %lld layers: wrote %s, %.1f MB in %.2f s (%.0f MB/s)\n", verb,
      static_cast<long long>(result->layers), output.c_str(), megabytes,
      seconds, megabytes / seconds);
  return Success;
}

static bool takeFiles(size_t count, const char *what) {
  if (files.size() == count)
    return true;
  usage(llvm::Twine("expected ") + what + ", got " + llvm::Twine(files.size()) +
        " files");
  return false;
}

static ExitCode runInit() {
  FoldOptions options;
  InitShape sizes;
  if (!takeFold(options))
    return UsageError;
  llvm::SmallVector<llvm::StringRef> parts;
  llvm::StringRef(shape).split(parts, 'x');
  int64_t *places[] = {&sizes.layers, &sizes.channels, &sizes.headDim};
  bool good = parts.size() == 2 || parts.size() == 3;
  for (size_t i = 0; good && i < parts.size(); ++i)
    good = !parts[i].getAsInteger(10, *places[i]) && *places[i] > 0;
  if (!good)
    return usage("--shape=" + shape +
                 ": expected layers x channels, or layers x channels x head "
                 "dim, as in --shape=12x768");
  const std::string name = family.empty() ? "linear" : family.getValue();
  std::optional<WeightFamily> known = parseWeightFamily(name);
  if (!known)
    return usage("--family=" + name + ": known are gpt2, linear, llama, bert");
  const auto start = std::chrono::steady_clock::now();
  return report("made", initWeights(output, *known, sizes, seed, options),
                start);
}

static ExitCode runRepack() {
  FoldOptions options;
  std::vector<int64_t> selected;
  if (!takeFiles(1, "one file to repack") || !takeFold(options) ||
      !takeLayers(selected))
    return UsageError;
  std::optional<WeightFamily> known;
  if (!family.empty() && family != "auto") {
    known = parseWeightFamily(family.getValue());
    if (!known)
      return usage("--family=" + family +
                   ": known are gpt2, linear, llama, bert, auto");
  }
  const auto start = std::chrono::steady_clock::now();
  return report("repacked", repack(files[0], output, known, selected, options),
                start);
}

static ExitCode runUnpack() {
  if (!takeFiles(1, "one file to unpack"))
    return UsageError;
  const auto start = std::chrono::steady_clock::now();
  return report("unpacked", unpack(files[0], output), start);
}

static ExitCode runRebake() {
  GateTable standard, reciprocal;
  std::vector<int64_t> selected;
  if (!takeFiles(1, "one file to rebake") || !takeLayers(selected) ||
      (!wStd.empty() && !take("w-std", parseGates(wStd), standard)) ||
      (!wRec.empty() && !take("w-rec", parseGates(wRec), reciprocal)))
    return UsageError;
  if (wStd.empty() && wRec.empty())
    return usage("say the new gates: --w-std=X, --w-rec=X, or both");
  const auto start = std::chrono::steady_clock::now();
  return report("rebaked",
                rebake(files[0], output, selected, standard, reciprocal),
                start);
}

static ExitCode runStats() {
  std::vector<int64_t> selected;
  if (!takeFiles(1, "one converted file") || !takeLayers(selected))
    return UsageError;
  Expected<std::vector<LayerStatistics>> statistics =
      fileStatistics(files[0], selected);
  if (!statistics)
    return usage(statistics.message());
  llvm::outs() << (json ? statisticsJson(*statistics) + "\n"
                        : statisticsText(*statistics));
  return Success;
}

static ExitCode runCompare() {
  std::vector<int64_t> selected;
  std::optional<Tensor> inputs;
  if (!takeFiles(2, "two files, the original and the converted one") ||
      !takeLayers(selected))
    return UsageError;
  if (activations.empty())
    return usage("say the inputs of the layers: --activations=@x.npy, [T, C], "
                 "[B, T, C] or [L, B, T, C]");
  if (!takeArray("activations", activations, inputs))
    return UsageError;
  Expected<std::vector<LayerComparison>> comparisons =
      compareFiles(files[0], files[1], *inputs, selected);
  if (!comparisons)
    return usage(comparisons.message());
  llvm::outs() << (json ? comparisonJson(*comparisons) + "\n"
                        : comparisonText(*comparisons, /*heads=*/true));
  return Success;
}

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  // A limit on the size of files is an error of a write, as a full disk is.
  std::signal(SIGXFSZ, SIG_IGN);
  ra::setVersionPrinter("ra-weights");
  cl::SubCommand *commands[] = {&repackCommand, &initCommand,  &unpackCommand,
                                &rebakeCommand, &statsCommand, &compareCommand};
  for (cl::SubCommand *command : commands)
    cl::HideUnrelatedOptions(category, *command);
  cl::HideUnrelatedOptions(category);
  std::string errors;
  llvm::raw_string_ostream errorStream(errors);
  if (!cl::ParseCommandLineOptions(
          argc, argv,
          "ra-weights: checkpoints with reciprocal attention folded in\n",
          &errorStream)) {
    llvm::errs() << errors;
    return UsageError;
  }
  for (const cl::SubCommand *command :
       {&repackCommand, &initCommand, &unpackCommand, &rebakeCommand})
    if (*command && output.empty())
      return usage("say what to write: -o OUT.safetensors");
  if (repackCommand)
    return runRepack();
  if (initCommand)
    return runInit();
  if (unpackCommand)
    return runUnpack();
  if (rebakeCommand)
    return runRebake();
  if (statsCommand)
    return runStats();
  if (compareCommand)
    return runCompare();
  return usage("say what to do: repack, init, unpack, rebake, stats or compare "
               "(--help lists them; ra-weights repack --help the options)");
}
