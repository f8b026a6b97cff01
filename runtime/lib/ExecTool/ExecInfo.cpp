//===- ExecInfo.cpp - ra-exec info ----------------------------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ExecSession.h"

#include <cstdio>

using namespace ra::runtime;

static std::string join(const std::vector<std::string> &words) {
  std::string text;
  for (const std::string &word : words)
    text += (text.empty() ? "" : " ") + word;
  return text.empty() ? "none" : text;
}

static void printFunction(const char *title, const Artifact &artifact,
                          const ArtifactFunction &function) {
  std::printf("  %s\n", title);
  for (size_t i = 0; i < function.arguments.size(); ++i) {
    int64_t source = function.sources[i];
    std::printf("    a%zu  %-18s %s %lld\n", i,
                function.arguments[i].toString().c_str(),
                source >= 0 ? "argument" : "prepared",
                static_cast<long long>(source >= 0 ? source : -1 - source));
  }
  for (uint32_t constant : function.constants)
    std::printf("    constant %u\n", constant);
  size_t next = 0;
  for (size_t i = 0; i < function.results.size(); ++i) {
    std::printf("    result %zu  %s", i,
                function.results[i].toString().c_str());
    for (int64_t extent : function.results[i].shape)
      if (extent < 0)
        std::printf("  %s", function.extents[next++].toString().c_str());
    std::printf("\n");
  }
  for (const ArtifactCondition &condition : function.conditions)
    std::printf("    condition  %s == %s  (%s)\n",
                condition.left.toString().c_str(),
                condition.right.toString().c_str(), condition.text.c_str());
  for (const ArtifactImplementation &item : function.implementations) {
    std::printf("    on %s\n",
                artifact.images[item.image].description().c_str());
    for (const ArtifactBuffer &buffer : item.buffers)
      std::printf("      buffer of %s bytes, steps %u to %u\n",
                  buffer.bytes.toString().c_str(), buffer.first, buffer.last);
    for (const ArtifactLaunch &launch : item.launches)
      std::printf("      launch %s, grid (%s, %s, %s), block (%s, %s, %s)\n",
                  launch.kernel.c_str(), launch.grid[0].toString().c_str(),
                  launch.grid[1].toString().c_str(),
                  launch.grid[2].toString().c_str(),
                  launch.block[0].toString().c_str(),
                  launch.block[1].toString().c_str(),
                  launch.block[2].toString().c_str());
  }
}

ExecError ra::runtime::runInfo(const ExecOptions &options) {
  Artifact artifact;
  if (ExecError error = readProgramFile(options.file, artifact))
    return error;
  std::printf("%s\n", artifact.producer.c_str());
  for (const ArtifactImage &image : artifact.images) {
    std::printf("image  %s  %zu bytes", image.description().c_str(),
                image.size);
    if (image.kind == ArtifactImage::Kind::CpuSharedObject)
      std::printf("  %s\n  needs %s\n  calls %s",
                  image.isParallel ? "any number of threads" : "one thread",
                  join(image.features).c_str(), join(image.imports).c_str());
    std::printf("\n");
  }
  for (size_t i = 0; i < artifact.constants.size(); ++i)
    std::printf("constant %zu  %s\n", i,
                shapeString(artifact.constants[i].shape(),
                            artifact.constants[i].elementType())
                    .c_str());
  for (const ArtifactEntry &entry : artifact.entries) {
    std::printf("entry @%s\n", entry.name.c_str());
    for (size_t i = 0; i < entry.arguments.size(); ++i)
      std::printf("  argument %zu  %-18s %s%s\n", i,
                  entry.arguments[i].type.toString().c_str(),
                  entry.arguments[i].input.c_str(),
                  entry.arguments[i].isParameter ? "  parameter" : "");
    if (entry.hasPrepare)
      printFunction("prepare", artifact, entry.prepare);
    printFunction("main", artifact, entry.main);
  }
  for (const ArtifactCheck &check : artifact.checks) {
    size_t elements = 0;
    for (const ArtifactCheckResult &result : check.results)
      elements += result.positions.size();
    std::printf("check  @%s  seed %llu  %zu elements\n",
                artifact.entries[check.entry].name.c_str(),
                static_cast<unsigned long long>(check.seed), elements);
  }
  return {};
}
