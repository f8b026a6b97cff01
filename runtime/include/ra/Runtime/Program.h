//===- Program.h - An artifact that can run ---------------------*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RA_RUNTIME_PROGRAM_H
#define RA_RUNTIME_PROGRAM_H

#include "ra/Runtime/Artifact.h"
#include "ra/Runtime/CpuCode.h"
#include "ra/Runtime/Device.h"

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace ra::runtime {

/// A contiguous row-major tensor somewhere on a device.
struct TensorRef {
  DeviceAddress address = 0;
  ElementType elementType = ElementType::F32;
  const int64_t *shape = nullptr;
  size_t rank = 0;
};

struct ProgramOptions {
  /// Threads of a kernel on the CPU, 0 for one per processor.
  unsigned threads = 0;
};

/// An artifact, loaded to a device. The caller owns all memory: arguments,
/// prepared tensors, results, and a workspace for what lies in between. run()
/// allocates nothing, waits for nothing (a GPU's work goes into the stream),
/// and may be called from several threads at a time where the device may.
class Program {
public:
  /// Chooses the image that suits the device best and loads it. Fails when no
  /// image does, and says what there is.
  static Expected<std::shared_ptr<const Program>>
  load(Artifact artifact, std::shared_ptr<Device> device,
       const ProgramOptions &options = {});
  ~Program();

  const Artifact &artifact() const { return content; }
  Device &device() const { return *target; }
  const ArtifactImage &image() const { return content.images[imageIndex]; }

  /// Which function of an entry.
  enum class Part { Main, Prepare };

  /// One call. Main reads the arguments that it uses and the prepared tensors,
  /// and writes the results; Prepare reads the arguments that it uses and
  /// writes the prepared tensors, which are its results.
  struct Call {
    size_t entry = 0;
    Part part = Part::Main;
    /// All of the entry's arguments. Those that the part does not use may have
    /// address 0 - which are used, usesArgument() says - but need their shapes.
    const TensorRef *arguments = nullptr;
    size_t numArguments = 0;
    const TensorRef *prepared = nullptr;
    size_t numPrepared = 0;
    const TensorRef *results = nullptr;
    size_t numResults = 0;
  };

  bool usesArgument(size_t entry, Part part, size_t argument) const;

  /// The shapes of the results of a call with these argument shapes. The
  /// prepared tensors of Main may be left out (numPrepared 0): their shapes
  /// follow. Fails when arguments do not fit the entry or each other.
  Expected<std::vector<Shape>> inferResults(const Call &call) const;

  /// Bytes of workspace that run() needs.
  Expected<size_t> workspaceBytes(const Call &call) const;

  /// Runs it. Checks everything first: types, shapes, null addresses, and that
  /// `workspace` has the bytes that it needs and starts at a multiple of 64.
  Status run(const Call &call, DeviceAddress workspace, size_t workspaceBytes,
             DeviceStream stream = {}) const;

private:
  struct Operands;
  struct Layout;

  Program() = default;
  const ArtifactFunction &function(const Call &call) const;
  Status bind(const Call &call, Operands &operands) const;
  Status plan(const Call &call, const Operands &operands, Layout &layout) const;
  Status checkResults(const Call &call, const Operands &operands) const;
  Status loadForGpu();
  Status runOnGpu(const Call &call, const Operands &operands,
                  const Layout &layout, DeviceAddress workspace,
                  DeviceStream stream) const;
  void runOnCpu(const Call &call, const Operands &operands,
                const Layout &layout, DeviceAddress workspace) const;

  Artifact content;
  std::shared_ptr<Device> target;
  ProgramOptions options;
  uint32_t imageIndex = 0;
  std::shared_ptr<const CpuCode> cpu;
  /// On a GPU: kernels by name, and where the constants are.
  std::map<std::string, DeviceKernel> kernels;
  std::vector<DeviceAddress> constants;
};

} // namespace ra::runtime

#endif // RA_RUNTIME_PROGRAM_H
