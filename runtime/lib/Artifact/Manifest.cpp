//===- Manifest.cpp - The bytes that describe an artifact -----------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Reading and writing run through the same description of the fields, so that
// they cannot disagree. Numbers are little-endian; a text is its length and its
// bytes, a list its length and its items.
//
//===----------------------------------------------------------------------===//

#include "Manifest.h"

#include <cstring>
#include <type_traits>

using namespace ra::runtime;

namespace {

constexpr uint32_t kMaxText = 4096;
/// Objects in memory are up to fifty times as large as their bytes.
constexpr size_t kMaxManifest = size_t(16) << 20;

class ManifestWriter {
public:
  static constexpr bool kReads = false;

  template <typename T> void number(T &value) {
    if constexpr (std::is_same_v<T, double>) {
      uint64_t bits;
      std::memcpy(&bits, &value, sizeof(bits));
      number(bits);
    } else {
      auto bits = static_cast<uint64_t>(value);
      for (size_t i = 0; i < sizeof(T); ++i)
        bytes += static_cast<char>(bits >> (8 * i) & 0xff);
    }
  }
  template <typename T> void enumeration(T &value, uint8_t) {
    auto number8 = static_cast<uint8_t>(value);
    number(number8);
  }
  void text(std::string &value) {
    auto size = static_cast<uint32_t>(value.size());
    number(size);
    bytes += value;
  }
  template <typename T> void size(std::vector<T> &list, size_t) {
    auto size = static_cast<uint32_t>(list.size());
    number(size);
  }
  static bool ok() { return true; }

  std::string bytes;
};

class ManifestReader {
public:
  static constexpr bool kReads = true;

  ManifestReader(const char *data, size_t size) : next(data), left(size) {}

  template <typename T> void number(T &value) {
    if (!need(sizeof(T)))
      return;
    uint64_t bits = 0;
    for (size_t i = 0; i < sizeof(T); ++i)
      bits |= static_cast<uint64_t>(static_cast<unsigned char>(next[i]))
              << (8 * i);
    skip(sizeof(T));
    if constexpr (std::is_same_v<T, double>) {
      std::memcpy(&value, &bits, sizeof(value));
    } else if constexpr (std::is_same_v<T, bool>) {
      if (bits > 1)
        failed = "a flag that is neither 0 nor 1";
      value = bits != 0;
    } else {
      value = static_cast<T>(bits);
    }
  }
  template <typename T> void enumeration(T &value, uint8_t count) {
    uint8_t number8 = 0;
    number(number8);
    if (number8 >= count)
      failed = "an unknown kind, " + std::to_string(number8);
    else
      value = static_cast<T>(number8);
  }
  void text(std::string &value) {
    uint32_t size = 0;
    number(size);
    if (size > kMaxText)
      failed = "a text of " + std::to_string(size) + " bytes";
    if (!need(size))
      return;
    value.assign(next, size);
    skip(size);
  }
  /// Every item takes at least `itemBytes`, so a length that cannot be true is
  /// found before memory is allocated for it.
  template <typename T> void size(std::vector<T> &list, size_t itemBytes) {
    uint32_t size = 0;
    number(size);
    if (ok() && size > left / itemBytes)
      failed = "a list that is longer than the rest";
    if (ok())
      list.resize(size);
  }
  bool ok() const { return failed.empty(); }

  bool need(size_t size) {
    if (ok() && size > left)
      failed = "the end in the middle of a field";
    return ok();
  }
  void skip(size_t size) {
    next += size;
    left -= size;
  }

  const char *next;
  size_t left;
  std::string failed;
};

template <typename Stream, typename T, typename Fn>
void list(Stream &stream, std::vector<T> &items, size_t itemBytes, Fn item) {
  stream.size(items, itemBytes);
  for (T &value : items) {
    if (!stream.ok())
      return;
    item(stream, value);
  }
}

/// For items that are numbers.
template <typename Stream, typename T>
void numbers(Stream &stream, std::vector<T> &items) {
  list(stream, items, sizeof(T), [](Stream &s, T &value) { s.number(value); });
}

template <typename Stream>
void texts(Stream &stream, std::vector<std::string> &items) {
  list(stream, items, 4, [](Stream &s, std::string &value) { s.text(value); });
}

constexpr auto kNumElementTypes = static_cast<uint8_t>(ElementType::I1) + 1;

template <typename Stream> void tensor(Stream &stream, ArtifactTensor &value) {
  stream.enumeration(value.elementType, kNumElementTypes);
  numbers(stream, value.shape);
}

template <typename Stream> void expression(Stream &stream, DimExpr &value) {
  std::vector<DimExpr::Node> nodes;
  if (!Stream::kReads)
    nodes = value.getNodes();
  list(stream, nodes, 1, [](Stream &s, DimExpr::Node &node) {
    s.enumeration(node.op, DimExpr::kNumOps);
    if (node.op == DimExpr::Op::Constant)
      s.number(node.value);
    if (node.op == DimExpr::Op::Dim) {
      s.number(node.argument);
      s.number(node.axis);
    }
  });
  if (Stream::kReads)
    value = DimExpr::fromNodes(std::move(nodes));
}

template <typename Stream>
void expressions(Stream &stream, std::vector<DimExpr> &items) {
  list(stream, items, 4, expression<Stream>);
}

template <typename Stream> void launch(Stream &stream, ArtifactLaunch &value) {
  stream.text(value.kernel);
  for (auto *three : {&value.grid, &value.block, &value.cluster})
    for (DimExpr &extent : *three)
      expression(stream, extent);
  expression(stream, value.sharedBytes);
  stream.number(value.isProgrammatic);
  list(stream, value.arguments, 5,
       [](Stream &s, ArtifactLaunchArgument &argument) {
         using Kind = ArtifactLaunchArgument::Kind;
         s.enumeration(argument.kind, ArtifactLaunchArgument::kNumKinds);
         if (argument.kind == Kind::Float32) {
           s.number(argument.number);
           return;
         }
         expression(s, argument.value);
         if (argument.kind != Kind::Pointer && argument.kind != Kind::TensorMap)
           return;
         s.enumeration(argument.operand.kind, ArtifactOperand::kNumKinds);
         s.number(argument.operand.index);
         if (argument.kind == Kind::Pointer)
           return;
         ArtifactTensorMap &map = argument.map;
         s.enumeration(map.elementType, kNumElementTypes);
         expressions(s, map.extents);
         expressions(s, map.strides);
         numbers(s, map.box);
         numbers(s, map.elementStrides);
         s.number(map.swizzle);
         s.number(map.l2Promotion);
       });
}

template <typename Stream>
void function(Stream &stream, ArtifactFunction &value) {
  list(stream, value.arguments, 5, tensor<Stream>);
  numbers(stream, value.sources);
  numbers(stream, value.constants);
  list(stream, value.results, 5, tensor<Stream>);
  expressions(stream, value.extents);
  list(stream, value.conditions, 12, [](Stream &s, ArtifactCondition &item) {
    expression(s, item.left);
    expression(s, item.right);
    s.text(item.text);
  });
  list(stream, value.implementations, 16,
       [](Stream &s, ArtifactImplementation &item) {
         s.number(item.image);
         list(s, item.buffers, 12, [](Stream &inner, ArtifactBuffer &buffer) {
           expression(inner, buffer.bytes);
           inner.number(buffer.first);
           inner.number(buffer.last);
         });
         s.number(item.function);
         list(s, item.launches, 45, launch<Stream>);
       });
}

template <typename Stream>
void manifest(Stream &stream, Artifact &artifact, ConstantTypes &constants) {
  stream.text(artifact.producer);
  list(stream, artifact.entries, 37, [](Stream &s, ArtifactEntry &entry) {
    s.text(entry.name);
    list(s, entry.arguments, 10, [](Stream &inner, ArtifactArgument &argument) {
      tensor(inner, argument.type);
      inner.number(argument.isParameter);
      inner.text(argument.input);
    });
    function(s, entry.main);
    s.number(entry.hasPrepare);
    if (entry.hasPrepare)
      function(s, entry.prepare);
  });
  list(stream, constants, 5, tensor<Stream>);
  list(stream, artifact.images, 10, [](Stream &s, ArtifactImage &image) {
    s.enumeration(image.kind, ArtifactImage::kNumKinds);
    s.text(image.target);
    texts(s, image.features);
    texts(s, image.imports);
    s.number(image.numFunctions);
    s.number(image.isParallel);
  });
  list(stream, artifact.checks, 20, [](Stream &s, ArtifactCheck &check) {
    s.number(check.entry);
    s.number(check.seed);
    list(s, check.shapes, 4, numbers<Stream, int64_t>);
    list(s, check.results, 20, [](Stream &inner, ArtifactCheckResult &result) {
      numbers(inner, result.shape);
      numbers(inner, result.positions);
      numbers(inner, result.values);
      inner.number(result.tolerance);
    });
  });
}

} // namespace

std::string ra::runtime::writeManifest(const Artifact &artifact) {
  ConstantTypes constants;
  for (const Tensor &constant : artifact.constants)
    constants.push_back({constant.elementType(), constant.shape()});
  ManifestWriter writer;
  // One description serves both ways; this way it changes nothing.
  manifest(writer, const_cast<Artifact &>(artifact), constants);
  return std::move(writer.bytes);
}

Status ra::runtime::readManifest(const char *data, size_t size,
                                 Artifact &artifact, ConstantTypes &constants) {
  if (size > kMaxManifest)
    return fail("the manifest has " + std::to_string(size) +
                " bytes, more than any module needs");
  ManifestReader reader(data, size);
  manifest(reader, artifact, constants);
  if (reader.ok() && reader.left != 0)
    reader.failed = std::to_string(reader.left) + " bytes after the last field";
  if (!reader.ok())
    return fail("the manifest has " + reader.failed + " (byte " +
                std::to_string(size - reader.left) + " of " +
                std::to_string(size) + ")");
  return Status::success();
}
