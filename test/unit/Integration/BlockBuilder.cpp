//===- BlockBuilder.cpp - Attention blocks as text, for tests ---===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "BlockBuilder.h"

#include "ra/Runtime/Random.h"

#include <cmath>
#include <sstream>

using namespace ra::test;
using ra::runtime::ElementType;
using ra::runtime::Tensor;

namespace {
/// tensor<AxBx..xTYPE>, negative extents dynamic.
std::string tensorType(std::vector<int64_t> shape, const std::string &type) {
  std::ostringstream os;
  os << "tensor<";
  for (int64_t extent : shape)
    os << (extent < 0 ? "?" : std::to_string(extent)) << "x";
  os << type << ">";
  return os.str();
}

std::string list(const std::vector<int64_t> &values) {
  std::string text;
  for (int64_t value : values)
    text += (text.empty() ? "" : ", ") + std::to_string(value);
  return "array<i64: " + text + ">";
}
} // namespace

std::string BlockConfig::summary() const {
  std::ostringstream os;
  os << "B=" << batch << " T=" << length << " C=" << channels << " H=" << heads
     << "/" << kvHeads << " D=" << headDim << " " << type << " mask=" << mask
     << " rope=" << (rope.empty() ? "none" : rope) << " split=" << split
     << " gqa=" << gqa << " softcap=" << softcap << " rank=" << list(rank)
     << " recDims=" << list(recDims) << (packed ? " packed" : "")
     << (bias ? " bias" : "") << (dynamic ? " dynamic" : "")
     << (transposes ? " transposes" : " maps") << (projection ? " P" : "")
     << (sharedGates ? " shared-gates" : "");
  return os.str();
}

std::string BlockConfig::text() const {
  int64_t b = dynamic ? -1 : batch, t = dynamic ? -1 : length;
  int64_t qRows = heads * headDim, kRows = kvHeads * headDim;
  int64_t gates = sharedGates ? 1 : heads;
  std::string x = tensorType({b, t, channels}, type);
  std::ostringstream os;
  os << "#bthd = affine_map<(b, h, t, d) -> (b, t, h, d)>\n"
     << "func.func @block(%x: " << x;
  auto parameter = [&](const std::string &name, std::vector<int64_t> shape,
                       const std::string &element) {
    os << ", %" << name << ": " << tensorType(shape, element)
       << " {ra.parameter}";
  };
  if (packed) {
    parameter("w", {qRows + 2 * kRows, channels}, type);
    if (bias)
      parameter("b", {qRows + 2 * kRows}, type);
  } else {
    parameter("wq", {qRows, channels}, type);
    parameter("wk", {kRows, channels}, type);
    parameter("wv", {kRows, channels}, type);
    if (bias) {
      parameter("bq", {qRows}, type);
      parameter("bk", {kRows}, type);
      parameter("bv", {kRows}, type);
    }
  }
  parameter("gs", {gates}, "f32");
  parameter("gr", {gates}, "f32");
  if (projection)
    parameter("p", {headDim, rank[0]}, type);
  if (!rope.empty()) {
    os << ", %cos: " << tensorType({t, headDim / 2}, "f32");
    os << ", %sin: " << tensorType({t, headDim / 2}, "f32");
  }
  if (outputProjection)
    parameter("wo", {channels, qRows}, type);
  int64_t resultChannels = outputProjection ? channels : qRows;
  os << ") -> " << tensorType({b, t, resultChannels}, type) << " {\n";

  os << "  %c0 = arith.constant 0 : index\n  %c1 = arith.constant 1 : index\n";
  std::string bName = std::to_string(batch), tName = std::to_string(length);
  std::string dims;
  if (dynamic) {
    os << "  %b_ = tensor.dim %x, %c0 : " << x << "\n"
       << "  %t_ = tensor.dim %x, %c1 : " << x << "\n";
    bName = "%b_";
    tName = "%t_";
    dims = "%b_, %t_";
  }
  auto empty = [&](const std::string &name, const std::string &tensor) {
    os << "  %" << name << " = tensor.empty(" << dims << ") : " << tensor
       << "\n";
  };
  auto linear = [&](const std::string &name, const std::string &input,
                    const std::string &inputType, const std::string &weight,
                    int64_t rows, int64_t inputs, const std::string &biasName) {
    std::string result = tensorType({b, t, rows}, type);
    empty(name + "_e", result);
    os << "  %" << name << " = ra.linear ins(%" << input << ", %" << weight
       << " : " << inputType << ", " << tensorType({rows, inputs}, type) << ")";
    if (!biasName.empty())
      os << " bias(%" << biasName << " : " << tensorType({rows}, type) << ")";
    os << " outs(%" << name << "_e : " << result << ") -> " << result << "\n";
  };
  if (packed) {
    int64_t total = qRows + 2 * kRows;
    linear("qkv", "x", x, "w", total, channels, bias ? "b" : "");
    int64_t offset = 0;
    for (auto [name, rows] :
         {std::make_pair("q", qRows), std::make_pair("k", kRows),
          std::make_pair("v", kRows)}) {
      os << "  %" << name << " = tensor.extract_slice %qkv[0, 0, " << offset
         << "] [" << bName << ", " << tName << ", " << rows
         << "] [1, 1, 1] : " << tensorType({b, t, total}, type) << " to "
         << tensorType({b, t, rows}, type) << "\n";
      offset += rows;
    }
  } else {
    linear("q", "x", x, "wq", qRows, channels, bias ? "bq" : "");
    linear("k", "x", x, "wk", kRows, channels, bias ? "bk" : "");
    linear("v", "x", x, "wv", kRows, channels, bias ? "bv" : "");
  }

  // [B, T, H, D], and by choice transposed to [B, H, T, D].
  auto headsOf = [&](const std::string &name, int64_t count) {
    std::string split = tensorType({b, t, count, headDim}, type);
    os << "  %" << name << "h = tensor.expand_shape %" << name
       << " [[0], [1], [2, 3]] output_shape [" << bName << ", " << tName << ", "
       << count << ", " << headDim
       << "] : " << tensorType({b, t, count * headDim}, type) << " into "
       << split << "\n";
    std::string last = name + "h", lastType = split;
    if (!rope.empty() && name != "v") {
      empty(name + "r_e", split);
      std::string table = tensorType({t, headDim / 2}, "f32");
      os << "  %" << name << "r = ra.rope {style = #ra.rope_style<" << rope
         << ">, indexing_maps = [#bthd, #bthd]} ins(%" << last
         << ", %cos, %sin : " << split << ", " << table << ", " << table
         << ") outs(%" << name << "r_e : " << split << ") -> " << split << "\n";
      last = name + "r";
    }
    if (transposes) {
      lastType = tensorType({b, count, t, headDim}, type);
      empty(name + "t_e", lastType);
      os << "  %" << name << "t = linalg.transpose ins(%" << last << " : "
         << split << ") outs(%" << name << "t_e : " << lastType
         << ") permutation = [0, 2, 1, 3]\n";
      last = name + "t";
    }
    return std::make_pair("%" + last, lastType);
  };
  auto [q, qType] = headsOf("q", heads);
  auto [k, kType] = headsOf("k", kvHeads);
  auto [v, vType] = headsOf("v", kvHeads);

  empty("o_e", qType);
  os << "  %o = ra." << (reciprocal ? "reciprocal_attention" : "attention")
     << " {mask = #ra.mask<" << mask << ">";
  if (softcap > 0)
    os << ", softcap = " << std::scientific << softcap << std::defaultfloat
       << " : f64";
  if (!transposes)
    os << ", indexing_maps = [#bthd, #bthd, #bthd, #bthd]";
  if (reciprocal) {
    os << ", gate_split = #ra.gate_split<" << split << ">, gqa = #ra.gqa<"
       << gqa << ">";
    if (!recDims.empty())
      os << ", rec_dims = " << list(recDims);
    if (recDims.empty() || rank.size() > 1)
      os << ", rank = " << list(rank);
  }
  os << "} ins(" << q << ", " << k << ", " << v << " : " << qType << ", "
     << kType << ", " << vType << ")";
  if (reciprocal) {
    std::string gate = tensorType({gates}, "f32");
    os << " w_std(%gs : " << gate << ") w_rec(%gr : " << gate << ")";
    if (projection)
      os << " projection(%p : " << tensorType({headDim, rank[0]}, type) << ")";
  }
  os << " outs(%o_e : " << qType << ") -> " << qType << "\n";

  std::string merged = "o";
  std::string headsLast = tensorType({b, t, heads, headDim}, type);
  if (transposes) {
    empty("ot_e", headsLast);
    os << "  %ot = linalg.transpose ins(%o : " << qType
       << ") outs(%ot_e : " << headsLast << ") permutation = [0, 2, 1, 3]\n";
    merged = "ot";
  }
  std::string flat = tensorType({b, t, qRows}, type);
  os << "  %m = tensor.collapse_shape %" << merged
     << " [[0], [1], [2, 3]] : " << headsLast << " into " << flat << "\n";
  std::string result = "m";
  if (outputProjection) {
    linear("y", "m", flat, "wo", channels, qRows, "");
    result = "y";
  }
  os << "  return %" << result << " : "
     << tensorType({b, t, resultChannels}, type) << "\n}\n";
  return os.str();
}

std::vector<Tensor> ra::test::makeInputs(const BlockConfig &config,
                                         uint64_t seed, double wStd,
                                         double wRec) {
  std::vector<Tensor> inputs;
  ElementType storage = *ra::runtime::parseElementType(config.type);
  auto add = [&](std::vector<int64_t> shape, ElementType type, bool normal,
                 double a, double b) {
    int64_t count = 1;
    for (int64_t extent : shape)
      count *= extent;
    std::vector<double> values(count);
    ra::runtime::RandomStream stream{seed, inputs.size()};
    if (normal)
      stream.normal(a, b, 0, count, values.data());
    else
      stream.uniform(a, b, 0, count, values.data());
    inputs.push_back(*Tensor::fromDoubles(shape, type, values));
  };
  int64_t qRows = config.heads * config.headDim;
  int64_t kRows = config.kvHeads * config.headDim;
  double bound = 1.0 / std::sqrt(static_cast<double>(config.channels));
  add({config.batch, config.length, config.channels}, storage, true, 0, 1);
  std::vector<int64_t> parts = {qRows, kRows, kRows};
  if (config.packed)
    parts = {qRows + 2 * kRows};
  for (int64_t rows : parts)
    add({rows, config.channels}, storage, false, -bound, bound);
  for (int64_t rows : parts)
    if (config.bias)
      add({rows}, storage, false, -bound, bound);
  int64_t gates = config.sharedGates ? 1 : config.heads;
  for (double gate : {wStd, wRec})
    add({gates}, ElementType::F32, false, gate < 0 ? 0.05 : gate,
        gate < 0 ? 1.0 : gate);
  if (config.projection)
    add({config.headDim, config.rank[0]}, storage, true, 0,
        1 / std::sqrt(static_cast<double>(config.headDim)));
  if (!config.rope.empty())
    for (bool cosine : {true, false}) {
      int64_t half = config.headDim / 2;
      std::vector<double> values(config.length * half);
      for (int64_t i = 0; i < config.length * half; ++i) {
        int64_t position = i / half;
        double angle = static_cast<double>(position) *
                       std::pow(10000.0, -static_cast<double>(i % half) / half);
        values[i] = cosine ? std::cos(angle) : std::sin(angle);
      }
      inputs.push_back(*Tensor::fromDoubles({config.length, half},
                                            ElementType::F32, values));
    }
  if (config.outputProjection) {
    double outBound = 1.0 / std::sqrt(static_cast<double>(qRows));
    add({config.channels, qRows}, storage, false, -outBound, outBound);
  }
  return inputs;
}
