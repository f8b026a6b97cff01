//===- TestSupport.cpp - Modules, tensors and f64 loops for tests ---------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TestSupport.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/Parser/Parser.h"
#include "ra/InitAll.h"
#include "llvm/Support/raw_ostream.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <sys/mman.h>
#include <unistd.h>

using namespace ra::test;

ra::test::Program::Program(const std::string &text, EngineOptions options) {
  mlir::DialectRegistry registry;
  mlir::registerAllDialects(registry);
  mlir::registerAllExtensions(registry);
  ra::registerAllDialects(registry);
  context = std::make_unique<mlir::MLIRContext>(registry);
  context->getDiagEngine().registerHandler(
      [this](mlir::Diagnostic &diagnostic) {
        messages += diagnostic.str() + "\n";
        return mlir::success();
      });
  module = mlir::parseSourceString<mlir::ModuleOp>(text, context.get());
  if (!module)
    return;
  auto compiled = Engine::compile(*module, options);
  if (mlir::succeeded(compiled))
    engine = std::move(*compiled);
}

uint64_t ra::test::testSeed() {
  const char *text = std::getenv("RA_TEST_SEED");
  return text ? std::strtoull(text, nullptr, 10) : 20240601;
}

Tensor ra::test::guardedNormal(runtime::Shape shape, ElementType type,
                               std::mt19937_64 &generator, double scale) {
  auto bytes = runtime::checkedByteSize(shape, type);
  EXPECT_TRUE(static_cast<bool>(bytes));
  size_t page = sysconf(_SC_PAGESIZE);
  size_t body = (*bytes + page - 1) / page * page;
  void *memory = mmap(nullptr, body + page, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  EXPECT_NE(memory, MAP_FAILED);
  char *start = static_cast<char *>(memory) + body - *bytes;
  std::normal_distribution<double> normal(0.0, scale);
  int64_t count = *bytes / runtime::elementSize(type);
  for (int64_t i = 0; i < count; ++i)
    runtime::storeFromDouble(type, start + i * runtime::elementSize(type),
                             normal(generator));
  // Inputs are read-only, too.
  mprotect(memory, body, PROT_READ);
  mprotect(static_cast<char *>(memory) + body, page, PROT_NONE);
  std::shared_ptr<const void> owner(memory, [body, page](const void *address) {
    munmap(const_cast<void *>(address), body + page);
  });
  auto tensor = Tensor::view(std::move(shape), type, start, *bytes, owner);
  EXPECT_TRUE(static_cast<bool>(tensor));
  return *tensor;
}

std::string ra::test::tensorType(const runtime::Shape &shape,
                                 const std::string &element) {
  std::string text = "tensor<";
  for (int64_t extent : shape)
    text += (extent < 0 ? "?" : std::to_string(extent)) + "x";
  return text + element + ">";
}

std::string ra::test::Layout::map() const {
  auto list = [](const std::string &letters) {
    std::string text;
    for (char letter : letters)
      text += (text.empty() ? "" : ", ") + std::string(1, letter);
    return "(" + text + ")";
  };
  return "affine_map<" + list(dims) + " -> " + list(order) + ">";
}

ra::runtime::Shape
ra::test::Layout::physical(const runtime::Shape &logical) const {
  runtime::Shape result;
  for (char letter : order)
    result.push_back(logical[dims.find(letter)]);
  return result;
}

std::vector<double>
ra::test::Layout::logicalValues(const Tensor &tensor,
                                const runtime::Shape &logical) const {
  // The stride in memory of each logical dim.
  std::vector<int64_t> strides(dims.size());
  int64_t stride = 1;
  for (size_t i = order.size(); i-- > 0;) {
    size_t dim = dims.find(order[i]);
    strides[dim] = stride;
    stride *= logical[dim];
  }
  std::vector<double> values(stride);
  for (int64_t i = 0; i < stride; ++i) {
    int64_t rest = i, offset = 0;
    for (size_t dim = dims.size(); dim-- > 0;) {
      offset += rest % logical[dim] * strides[dim];
      rest /= logical[dim];
    }
    values[i] = tensor.at(offset);
  }
  return values;
}

double ra::test::maxError(const std::vector<double> &a,
                          const std::vector<double> &b) {
  double error = 0.0;
  if (a.size() != b.size())
    return std::numeric_limits<double>::infinity();
  for (size_t i = 0; i < a.size(); ++i) {
    if (a[i] == b[i])
      continue;
    double difference = std::abs(a[i] - b[i]);
    if (std::isnan(difference))
      return std::numeric_limits<double>::infinity();
    error = std::max(error, difference);
  }
  return error;
}

void ra::test::expectClose(const std::vector<double> &actual,
                           const std::vector<double> &exact,
                           const std::vector<double> &yardstick,
                           const std::string &what) {
  EXPECT_LE(maxError(actual, exact), 2.0 * maxError(yardstick, exact) + 1e-5)
      << what << "; the yardstick's error is " << maxError(yardstick, exact);
}

template <typename T>
AttentionResult ra::test::attentionByFormula(const AttentionShape &s,
                                             const AttentionData &data,
                                             ElementType storage) {
  AttentionResult result;
  int64_t group = s.heads / s.kvHeads;
  auto q = [&](int64_t b, int64_t h, int64_t i, int64_t d) {
    return T(data.query[((b * s.heads + h) * s.queries + i) * s.dim + d]);
  };
  auto k = [&](int64_t b, int64_t g, int64_t j, int64_t d) {
    return T(data.key[((b * s.kvHeads + g) * s.keys + j) * s.dim + d]);
  };
  int64_t delta = s.bottomRight ? s.keys - s.queries : 0;
  std::vector<T> scores(s.keys), sums(s.valueDim);
  for (int64_t b = 0; b < s.batch; ++b)
    for (int64_t h = 0; h < s.heads; ++h)
      for (int64_t i = 0; i < s.queries; ++i) {
        int64_t g = h / group;
        T top = -std::numeric_limits<T>::infinity();
        for (int64_t j = 0; j < s.keys; ++j) {
          T standard = 0, reciprocal = 0;
          for (int64_t d = 0; d < s.dim; ++d) {
            bool low = !s.recDims.empty() &&
                       std::count(s.recDims[h].begin(), s.recDims[h].end(), d);
            if (!low) {
              standard += q(b, h, i, d) * k(b, g, j, d);
              continue;
            }
            T asked = 0;
            if (s.slots) {
              asked = q(b, h, j, d);
            } else {
              for (int64_t n = g * group; n < (g + 1) * group; ++n)
                asked += q(b, n, j, d);
              asked /= T(group);
            }
            reciprocal += k(b, g, i, d) * asked;
          }
          if (!s.recDims.empty()) {
            standard *= T(s.standardGate[s.standardGate.size() == 1 ? 0 : h]);
            reciprocal *=
                T(s.reciprocalGate[s.reciprocalGate.size() == 1 ? 0 : h]);
          }
          T score = T(s.scale) * (standard + reciprocal);
          if (s.softcap > 0)
            score = T(s.softcap) * std::tanh(score / T(s.softcap));
          if (s.biasBatch)
            score += T(data.bias[(((s.biasBatch == 1 ? 0 : b) * s.biasHeads +
                                   (s.biasHeads == 1 ? 0 : h)) *
                                      s.queries +
                                  i) *
                                     s.keys +
                                 j]);
          int64_t position = i + delta + s.offset;
          bool visible = s.mask == "none" ||
                         (j <= position &&
                          (s.mask == "causal" || position - s.window < j));
          scores[j] = visible ? score : -std::numeric_limits<T>::infinity();
          top = std::max(top, scores[j]);
        }
        T sum = 0;
        std::fill(sums.begin(), sums.end(), T(0));
        for (int64_t j = 0; j < s.keys; ++j) {
          if (std::isinf(scores[j]))
            continue;
          T weight = std::exp(scores[j] - top);
          sum += weight;
          for (int64_t d = 0; d < s.valueDim; ++d)
            sums[d] +=
                weight *
                T(data.value[((b * s.kvHeads + g) * s.keys + j) * s.valueDim +
                             d]);
        }
        for (int64_t d = 0; d < s.valueDim; ++d)
          result.output.push_back(runtime::roundToType(
              storage, sum == 0 ? 0.0 : double(sums[d] / sum)));
        result.lse.push_back(sum == 0 ? -std::numeric_limits<double>::infinity()
                                      : double(top + std::log(sum)));
      }
  return result;
}
template AttentionResult
ra::test::attentionByFormula<double>(const AttentionShape &,
                                     const AttentionData &, ElementType);
template AttentionResult
ra::test::attentionByFormula<float>(const AttentionShape &,
                                    const AttentionData &, ElementType);
