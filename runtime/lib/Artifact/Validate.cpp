//===- Validate.cpp - What the numbers in an artifact may be --------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "../Text.h"
#include "ra/Runtime/Artifact.h"

#include <algorithm>
#include <cmath>
#include <set>

using namespace ra::runtime;

//===----------------------------------------------------------------------===//
// Small questions
//===----------------------------------------------------------------------===//

bool ArtifactTensor::accepts(ElementType type, const Shape &actual) const {
  return type == elementType && actual.size() == shape.size() &&
         std::equal(actual.begin(), actual.end(), shape.begin(),
                    [](int64_t extent, int64_t expected) {
                      return extent >= 0 &&
                             (expected < 0 || extent == expected);
                    });
}

std::string ArtifactImage::description() const {
  const char *names[] = {"cpu", "ptx", "cubin"};
  return names[static_cast<size_t>(kind)] + (" " + target);
}

const ArtifactImplementation *
ArtifactFunction::findImplementation(uint32_t image) const {
  for (const ArtifactImplementation &implementation : implementations)
    if (implementation.image == image)
      return &implementation;
  return nullptr;
}

const ArtifactEntry *Artifact::findEntry(const std::string &name) const {
  for (const ArtifactEntry &entry : entries)
    if (entry.name == name)
      return &entry;
  return nullptr;
}

Expected<std::vector<Shape>>
ArtifactFunction::inferResults(const std::vector<Shape> &argumentShapes) const {
  for (const ArtifactCondition &condition : conditions) {
    Expected<int64_t> left = condition.left.evaluate(argumentShapes);
    if (!left)
      return left.takeFailure();
    Expected<int64_t> right = condition.right.evaluate(argumentShapes);
    if (!right)
      return right.takeFailure();
    if (*left != *right)
      return fail("the shapes of the arguments do not fit together: " +
                  condition.text + " must be equal, got " +
                  std::to_string(*left) + " and " + std::to_string(*right));
  }
  std::vector<Shape> shapes;
  size_t next = 0;
  for (const ArtifactTensor &result : results) {
    shapes.push_back(result.shape);
    for (int64_t &extent : shapes.back()) {
      if (extent >= 0)
        continue;
      Expected<int64_t> value = extents[next++].evaluate(argumentShapes);
      if (!value)
        return value.takeFailure();
      if (*value < 0)
        return fail("the shapes of the arguments give a result a negative "
                    "extent, " +
                    std::to_string(*value));
      extent = *value;
    }
    if (Expected<size_t> bytes =
            checkedByteSize(shapes.back(), result.elementType);
        !bytes)
      return bytes.takeFailure();
  }
  return shapes;
}

//===----------------------------------------------------------------------===//
// Everything at once
//===----------------------------------------------------------------------===//

namespace {

constexpr size_t kMaxRank = 32;

/// Names are printed and looked up: no control characters, no broken UTF-8.
bool isName(const std::string &text) {
  for (size_t i = 0; i < text.size();) {
    size_t length = utf8SequenceLength(std::string_view(text).substr(i));
    if (length == 0 || (length == 1 && (text[i] < 0x20 || text[i] == 0x7f)))
      return false;
    i += length;
  }
  return text.size() <= 4096;
}

class Validator {
public:
  explicit Validator(const Artifact &artifact) : artifact(artifact) {}

  Status run() {
    require(isName(artifact.producer), "the producer is not printable");
    require(!artifact.entries.empty(), "there is no entry");
    require(!artifact.images.empty(), "there is no code");
    images();
    std::set<std::string> names;
    for (const ArtifactEntry &entry : artifact.entries) {
      where = "entry " + quoted(entry.name);
      require(isName(entry.name) && !entry.name.empty(),
              "the name is not printable");
      require(names.insert(entry.name).second, "the name is there twice");
      this->entry(entry);
    }
    checks();
    if (!problem.empty())
      return fail(problem);
    return Status::success();
  }

private:
  bool require(bool condition, const std::string &text) {
    if (!condition && problem.empty())
      problem = (where.empty() ? "" : where + ": ") + text;
    return condition;
  }

  void images() {
    for (size_t i = 0; i < artifact.images.size(); ++i) {
      const ArtifactImage &image = artifact.images[i];
      where = "image " + std::to_string(i);
      require(isName(image.target) && !image.target.empty(),
              "the target is not printable");
      require(image.size != 0, "there are no bytes");
      for (const auto *list : {&image.features, &image.imports})
        for (const std::string &name : *list)
          require(isName(name) && !name.empty(), "a name is not printable");
      bool isCpu = image.kind == ArtifactImage::Kind::CpuSharedObject;
      require(isCpu || (image.features.empty() && image.imports.empty() &&
                        image.numFunctions == 0 && !image.isParallel),
              "only code for a CPU has features, imports and functions");
      if (image.kind == ArtifactImage::Kind::Ptx)
        require(std::find(image.data, image.data + image.size, '\0') ==
                    image.data + image.size,
                "PTX is text, without zero bytes");
    }
  }

  /// With `isStatic`, -1 is not an extent.
  void tensor(const ArtifactTensor &type, bool isStatic = false) {
    if (!require(type.shape.size() <= kMaxRank, "a tensor's rank is above 32"))
      return;
    Shape least = type.shape;
    for (int64_t &extent : least)
      if (extent == -1 && !isStatic)
        extent = 1;
    Expected<size_t> bytes = checkedByteSize(least, type.elementType);
    require(static_cast<bool>(bytes),
            type.toString() + (bytes ? "" : ": " + bytes.message()));
  }

  void entry(const ArtifactEntry &entry) {
    for (const ArtifactArgument &argument : entry.arguments) {
      tensor(argument.type);
      require(isName(argument.input), "an input is not printable");
    }
    function(entry, entry.main, true);
    if (entry.hasPrepare) {
      where += ", prepare";
      function(entry, entry.prepare, false);
    }
  }

  void function(const ArtifactEntry &entry, const ArtifactFunction &function,
                bool isMain) {
    ranks.clear();
    for (const ArtifactTensor &argument : function.arguments) {
      tensor(argument);
      ranks.push_back(argument.shape.size());
    }
    if (!require(function.sources.size() == function.arguments.size(),
                 "not every argument has a source"))
      return;
    for (size_t i = 0; i < function.sources.size(); ++i) {
      int64_t source = function.sources[i];
      auto numArguments = static_cast<int64_t>(entry.arguments.size());
      auto numPrepared = static_cast<int64_t>(
          entry.hasPrepare && isMain ? entry.prepare.results.size() : 0);
      if (!require(source < numArguments && -1 - source < numPrepared,
                   "argument " + std::to_string(i) +
                       " comes from where there is nothing"))
        return;
      const ArtifactTensor &type = source >= 0
                                       ? entry.arguments[source].type
                                       : entry.prepare.results[-1 - source];
      require(type == function.arguments[i],
              "argument " + std::to_string(i) + " is not of its source's type");
    }
    for (uint32_t constant : function.constants)
      require(constant < artifact.constants.size(),
              "there is no constant " + std::to_string(constant));
    size_t numDynamic = 0;
    for (const ArtifactTensor &result : function.results) {
      tensor(result);
      numDynamic += std::count_if(result.shape.begin(), result.shape.end(),
                                  [](int64_t extent) { return extent < 0; });
    }
    require(function.extents.size() == numDynamic,
            "not every dynamic extent of a result has an expression");
    for (const DimExpr &extent : function.extents)
      expression(extent);
    for (const ArtifactCondition &condition : function.conditions) {
      expression(condition.left);
      expression(condition.right);
      require(isName(condition.text), "a condition is not printable");
    }
    std::set<uint32_t> seen;
    for (const ArtifactImplementation &item : function.implementations) {
      if (!require(item.image < artifact.images.size(),
                   "there is no image " + std::to_string(item.image)))
        return;
      require(seen.insert(item.image).second,
              "two implementations for one image");
      implementation(function, item);
    }
  }

  void expression(const DimExpr &expression) {
    require(expression.isValid(ranks),
            "a malformed expression, or one of extents that do not exist");
  }

  void implementation(const ArtifactFunction &function,
                      const ArtifactImplementation &item) {
    const ArtifactImage &image = artifact.images[item.image];
    bool isCpu = image.kind == ArtifactImage::Kind::CpuSharedObject;
    for (const ArtifactBuffer &buffer : item.buffers) {
      expression(buffer.bytes);
      require(buffer.first <= buffer.last, "a buffer that ends before it "
                                           "begins");
      require(isCpu || buffer.last < item.launches.size(),
              "a buffer in use after the last launch");
    }
    require(isCpu ? item.function < image.numFunctions && item.launches.empty()
                  : item.function == 0,
            "there is no such function in the code");
    for (const ArtifactLaunch &launch : item.launches)
      this->launch(function, item, launch);
  }

  void launch(const ArtifactFunction &function,
              const ArtifactImplementation &item,
              const ArtifactLaunch &launch) {
    using Kind = ArtifactLaunchArgument::Kind;
    require(isName(launch.kernel) && !launch.kernel.empty(),
            "a kernel's name is not printable");
    for (const auto *three : {&launch.grid, &launch.block, &launch.cluster})
      for (const DimExpr &extent : *three)
        expression(extent);
    expression(launch.sharedBytes);
    for (const ArtifactLaunchArgument &argument : launch.arguments) {
      if (argument.kind == Kind::Float32)
        continue;
      expression(argument.value);
      if (argument.kind == Kind::Int32 || argument.kind == Kind::Int64)
        continue;
      const size_t counts[] = {function.arguments.size(),
                               function.constants.size(),
                               function.results.size(), item.buffers.size()};
      require(argument.operand.index <
                  counts[static_cast<size_t>(argument.operand.kind)],
              "a kernel's argument refers to what does not exist");
      if (argument.kind != Kind::TensorMap)
        continue;
      const ArtifactTensorMap &map = argument.map;
      size_t rank = map.extents.size();
      require(rank >= 1 && rank <= 5 && map.strides.size() == rank - 1 &&
                  map.box.size() == rank && map.elementStrides.size() == rank &&
                  map.swizzle <= 3 && map.l2Promotion <= 3,
              "a malformed tensor map");
      for (const auto *list : {&map.extents, &map.strides})
        for (const DimExpr &number : *list)
          expression(number);
    }
  }

  void checks() {
    for (size_t i = 0; i < artifact.checks.size(); ++i) {
      const ArtifactCheck &check = artifact.checks[i];
      where = "check " + std::to_string(i);
      if (!require(check.entry < artifact.entries.size(),
                   "there is no such entry"))
        return;
      const ArtifactEntry &entry = artifact.entries[check.entry];
      if (!require(check.shapes.size() == entry.arguments.size() &&
                       check.results.size() == entry.main.results.size(),
                   "it does not fit its entry"))
        return;
      for (size_t k = 0; k < check.shapes.size(); ++k) {
        const ArtifactTensor &type = entry.arguments[k].type;
        require(type.accepts(type.elementType, check.shapes[k]),
                "a shape that its argument cannot have");
        tensor({type.elementType, check.shapes[k]}, true);
      }
      for (size_t k = 0; k < check.results.size(); ++k) {
        const ArtifactCheckResult &result = check.results[k];
        const ArtifactTensor &type = entry.main.results[k];
        require(type.accepts(type.elementType, result.shape),
                "a shape that its result cannot have");
        tensor({type.elementType, result.shape}, true);
        Expected<int64_t> count = checkedNumElements(result.shape);
        if (!count)
          return;
        require(result.positions.size() == result.values.size(),
                "not every element has a value");
        int64_t last = -1;
        for (int64_t position : result.positions) {
          if (!require(position > last && position < *count,
                       "positions are not ascending or not inside"))
            return;
          last = position;
        }
        require(std::isfinite(result.tolerance) && result.tolerance >= 0,
                "the tolerance is not a number");
      }
    }
  }

  const Artifact &artifact;
  std::string where, problem;
  std::vector<size_t> ranks;
};

} // namespace

Status ra::runtime::validateArtifact(const Artifact &artifact) {
  return Validator(artifact).run();
}
