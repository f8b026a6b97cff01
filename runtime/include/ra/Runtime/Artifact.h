//===- Artifact.h - Compiled modules as files -------------------*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// An artifact is one file with all that a compiled module needs where there is
// no compiler: code for one or more machines, constants, and for every entry
// its signature, the shapes of its results, its buffers, what to launch, and
// optionally reference results. docs/artifacts.md describes the bytes.
//
//===----------------------------------------------------------------------===//

#ifndef RA_RUNTIME_ARTIFACT_H
#define RA_RUNTIME_ARTIFACT_H

#include "ra/Runtime/DimExpr.h"
#include "ra/Runtime/Status.h"
#include "ra/Runtime/Tensor.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace ra::runtime {

/// An argument's or result's type: -1 stands for an extent that is known only
/// at run time.
struct ArtifactTensor {
  ElementType elementType = ElementType::F32;
  Shape shape;

  /// "2x?xf32".
  std::string toString() const { return shapeString(shape, elementType); }
  /// Whether a tensor of this type and shape may be passed.
  bool accepts(ElementType type, const Shape &actual) const;
  bool operator==(const ArtifactTensor &other) const {
    return elementType == other.elementType && shape == other.shape;
  }
};

/// An argument of an entry.
struct ArtifactArgument {
  ArtifactTensor type;
  /// It does not change between calls.
  bool isParameter = false;
  /// What it is filled with when nobody says: a random spec of InputSpec.h, or
  /// "rotary-cos", "rotary-sin" (see makeDefaultInput()).
  std::string input;
};

/// Code for one kind of machine.
struct ArtifactImage {
  enum class Kind : uint8_t {
    CpuSharedObject, ///< an ELF shared object with the two tables of CpuCode.h
    Ptx,             ///< text
    Cubin            ///< an ELF file of the GPU's assembler
  };
  static constexpr uint8_t kNumKinds = 3;
  Kind kind = Kind::CpuSharedObject;
  /// "x86_64", or the GPU architecture: "sm_80", "sm_90a".
  std::string target;
  /// CPU: features that the machine must have, as the compiler calls them.
  std::vector<std::string> features;
  /// CPU: the functions that the code calls, in the order of its import table.
  std::vector<std::string> imports;
  /// CPU: length of its function table.
  uint32_t numFunctions = 0;
  /// CPU: whether kernels run on several threads.
  bool isParallel = false;
  /// The code. `owner` keeps it alive.
  const char *data = nullptr;
  size_t size = 0;
  std::shared_ptr<const void> owner;

  /// "cpu x86_64", "ptx sm_80".
  std::string description() const;
};

/// A buffer that an implementation needs while it runs.
struct ArtifactBuffer {
  DimExpr bytes;
  /// It is in use from step `first` to step `last`, both included. On the CPU
  /// these count operations of the compiled function.
  uint32_t first = 0, last = 0;
};

/// What a kernel's argument refers to.
struct ArtifactOperand {
  enum class Kind : uint8_t { Argument, Constant, Result, Buffer };
  static constexpr uint8_t kNumKinds = 4;
  Kind kind = Kind::Argument;
  uint32_t index = 0;
};

/// How a tensor map is encoded; the fields of cuTensorMapEncodeTiled.
struct ArtifactTensorMap {
  ElementType elementType = ElementType::F16;
  /// Innermost first; strides in bytes, of all dims but the innermost.
  std::vector<DimExpr> extents, strides;
  std::vector<uint32_t> box, elementStrides;
  /// CUtensorMapSwizzle: 0 none, 1 32 B, 2 64 B, 3 128 B.
  uint8_t swizzle = 0;
  /// CUtensorMapL2promotion: 0 none, 1 64 B, 2 128 B, 3 256 B.
  uint8_t l2Promotion = 0;
};

/// An argument of a kernel launch.
struct ArtifactLaunchArgument {
  enum class Kind : uint8_t {
    Pointer,  ///< the address of `operand` plus `value` bytes
    Int32,    ///< `value`
    Int64,    ///< `value`
    Float32,  ///< `number`
    TensorMap ///< `map` on the address of `operand` plus `value` bytes
  };
  static constexpr uint8_t kNumKinds = 5;
  Kind kind = Kind::Pointer;
  ArtifactOperand operand;
  DimExpr value;
  double number = 0;
  ArtifactTensorMap map;
};

/// One kernel launch.
struct ArtifactLaunch {
  std::string kernel;
  std::array<DimExpr, 3> grid, block,
      cluster = {DimExpr(1), DimExpr(1), DimExpr(1)};
  DimExpr sharedBytes;
  /// May start before the launch before it has ended (the kernel waits itself).
  bool isProgrammatic = false;
  std::vector<ArtifactLaunchArgument> arguments;
};

/// How a function runs on the machines of one image.
struct ArtifactImplementation {
  uint32_t image = 0;
  std::vector<ArtifactBuffer> buffers;
  /// CPU: the place in the function table.
  uint32_t function = 0;
  /// GPU: in order.
  std::vector<ArtifactLaunch> launches;
};

/// Two numbers that must be equal for a call to make sense.
struct ArtifactCondition {
  DimExpr left, right;
  /// "ra.attention: batch of query and key".
  std::string text;
};

/// An entry's main or prepare function. Expressions are over its own arguments.
struct ArtifactFunction {
  std::vector<ArtifactTensor> arguments;
  /// Where each comes from: an argument of the entry, or -1-k for result k of
  /// the prepare function.
  std::vector<int64_t> sources;
  /// Indexes of constants, which follow the arguments.
  std::vector<uint32_t> constants;
  std::vector<ArtifactTensor> results;
  /// The dynamic extents of the results, in order.
  std::vector<DimExpr> extents;
  std::vector<ArtifactCondition> conditions;
  std::vector<ArtifactImplementation> implementations;

  /// Checks the conditions and computes the shapes of all results. The shapes
  /// given are those of the arguments and fit their types.
  Expected<std::vector<Shape>>
  inferResults(const std::vector<Shape> &argumentShapes) const;

  /// The one for `image`, or null.
  const ArtifactImplementation *findImplementation(uint32_t image) const;
};

struct ArtifactEntry {
  std::string name;
  std::vector<ArtifactArgument> arguments;
  ArtifactFunction main;
  /// Work on parameters alone, done once for each binding of them.
  bool hasPrepare = false;
  ArtifactFunction prepare;
};

/// What the reference gave for one result: some elements, and how far off they
/// may be.
struct ArtifactCheckResult {
  Shape shape;
  /// Row-major positions, ascending.
  std::vector<int64_t> positions;
  std::vector<double> values;
  /// The most that an element may differ.
  double tolerance = 0;
};

/// A call with known results: the inputs are the entry's default ones.
struct ArtifactCheck {
  uint32_t entry = 0;
  uint64_t seed = 0;
  /// Of every argument.
  std::vector<Shape> shapes;
  std::vector<ArtifactCheckResult> results;
};

struct Artifact {
  /// Who wrote it: "ra 0.1.0, stage direct".
  std::string producer;
  std::vector<ArtifactEntry> entries;
  std::vector<Tensor> constants;
  std::vector<ArtifactImage> images;
  std::vector<ArtifactCheck> checks;

  /// Null when there is none of that name.
  const ArtifactEntry *findEntry(const std::string &name) const;
};

/// The version of the format that is written, and the only one that is read.
inline constexpr uint32_t kArtifactVersion = 1;

/// Whether all indexes, types, expressions and limits are as the format wants
/// them; the message says which are not.
Status validateArtifact(const Artifact &artifact);

/// Reads the file `path`. Code and constants stay in the mapped file. Anything
/// that is not exactly an artifact of this version - sizes, order, checksums,
/// references - is an error that names the file and the place.
Expected<Artifact> readArtifact(const std::string &path);

/// The same on bytes in memory, kept alive by `owner`; `name` stands for the
/// path in messages. `data` is aligned to 64 bytes, or constants are copied.
Expected<Artifact> parseArtifact(const char *data, size_t size,
                                 const std::shared_ptr<const void> &owner,
                                 const std::string &name);

/// Writes `artifact` to `path`, whole or not at all. Fails on what
/// validateArtifact() refuses.
Status writeArtifact(const std::string &path, const Artifact &artifact);

/// CRC-32 (polynomial 0xEDB88320, as zlib's and PNG's), continued from `crc`.
uint32_t crc32(const void *data, size_t size, uint32_t crc = 0);

} // namespace ra::runtime

#endif // RA_RUNTIME_ARTIFACT_H
