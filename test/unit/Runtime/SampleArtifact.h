//===- SampleArtifact.h - An artifact that has everything -------*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RA_TEST_UNIT_RUNTIME_SAMPLEARTIFACT_H
#define RA_TEST_UNIT_RUNTIME_SAMPLEARTIFACT_H

#include "ra/Runtime/Artifact.h"

#include <cstring>

namespace ra::runtime::test {

inline ArtifactImage makeImage(ArtifactImage::Kind kind,
                               const std::string &target,
                               const std::string &bytes) {
  ArtifactImage image;
  image.kind = kind;
  image.target = target;
  auto owner = std::make_shared<const std::string>(bytes);
  image.data = owner->data();
  image.size = owner->size();
  image.owner = owner;
  return image;
}

/// Two images, two constants, an entry with a prepare function and buffers, a
/// launch with every kind of argument, a check. Nothing in it can run.
inline Artifact makeSampleArtifact() {
  using Op = DimExpr::Op;
  Artifact artifact;
  artifact.producer = "a test";
  ArtifactImage cpu =
      makeImage(ArtifactImage::Kind::CpuSharedObject, "x86_64", "not really");
  cpu.features = {"avx2", "fma"};
  cpu.imports = {"memcpy"};
  cpu.numFunctions = 2;
  cpu.isParallel = true;
  artifact.images = {
      cpu, makeImage(ArtifactImage::Kind::Ptx, "sm_80", ".version 7.0\n")};
  artifact.constants = {
      *Tensor::fromDoubles({3}, ElementType::F32, {1, 2, 3}),
      *Tensor::fromDoubles({2, 2}, ElementType::BF16, {4, 5, 6, 7})};

  DimExpr length = DimExpr::dim(0, 0);
  ArtifactEntry entry;
  entry.name = "block";
  entry.arguments = {{{ElementType::F32, {-1, 4}}, false, "normal(0,1)"},
                     {{ElementType::F16, {4}}, true, "uniform(-1,1)"}};
  entry.hasPrepare = true;
  entry.prepare.arguments = {entry.arguments[1].type};
  entry.prepare.sources = {1};
  entry.prepare.results = {{ElementType::F16, {8}}};
  ArtifactImplementation prepareOnCpu;
  prepareOnCpu.function = 1;
  entry.prepare.implementations = {prepareOnCpu};

  entry.main.arguments = {entry.arguments[0].type, entry.prepare.results[0]};
  entry.main.sources = {0, -1};
  entry.main.constants = {1, 0};
  entry.main.results = {{ElementType::F32, {2, -1}}};
  entry.main.extents = {DimExpr::binary(Op::CeilDiv, length, 2)};
  entry.main.conditions = {
      {length, DimExpr::binary(Op::Max, length, 1), "an extent and itself"}};
  ArtifactImplementation onCpu;
  onCpu.buffers = {{DimExpr::binary(Op::Mul, length, 16), 0, 3},
                   {DimExpr(64), 2, 2}};
  ArtifactImplementation onGpu;
  onGpu.image = 1;
  onGpu.buffers = {{DimExpr(256), 0, 0}};
  ArtifactLaunch launch;
  launch.kernel = "k";
  launch.grid = {DimExpr::binary(Op::CeilDiv, length, 64), DimExpr(1),
                 DimExpr(1)};
  launch.block = {DimExpr(128), DimExpr(1), DimExpr(1)};
  launch.sharedBytes = DimExpr(1024);
  launch.isProgrammatic = true;
  using Kind = ArtifactLaunchArgument::Kind;
  ArtifactLaunchArgument pointer, integer, wide, number, map;
  pointer.operand = {ArtifactOperand::Kind::Buffer, 0};
  pointer.value = DimExpr(128);
  integer.kind = Kind::Int32;
  integer.value = length;
  wide.kind = Kind::Int64;
  wide.value = DimExpr(int64_t(1) << 40);
  number.kind = Kind::Float32;
  number.number = 0.125;
  map.kind = Kind::TensorMap;
  map.map.extents = {DimExpr(4), length};
  map.map.strides = {DimExpr(16)};
  map.map.box = {4, 64};
  map.map.elementStrides = {1, 1};
  map.map.elementType = ElementType::F32;
  map.map.swizzle = 3;
  map.map.l2Promotion = 2;
  launch.arguments = {pointer, integer, wide, number, map};
  onGpu.launches = {launch};
  entry.main.implementations = {onCpu, onGpu};
  artifact.entries = {entry};

  ArtifactCheck check;
  check.seed = 7;
  check.shapes = {{5, 4}, {4}};
  check.results = {{{2, 3}, {0, 5}, {0.5, -0.25}, 1e-5}};
  artifact.checks = {check};
  return artifact;
}

} // namespace ra::runtime::test

#endif // RA_TEST_UNIT_RUNTIME_SAMPLEARTIFACT_H
