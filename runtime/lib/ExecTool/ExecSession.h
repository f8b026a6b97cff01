//===- ExecSession.h - One entry of an artifact, ready to run ---*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RA_RUNTIME_LIB_EXECTOOL_EXECSESSION_H
#define RA_RUNTIME_LIB_EXECTOOL_EXECSESSION_H

#include "ra/Runtime/ExecTool.h"
#include "ra/Runtime/Program.h"

#include <deque>

namespace ra::runtime {

/// The options of all commands.
struct ExecOptions {
  std::string file, entry, device = "auto";
  std::vector<std::string> inputs, dims, outputs;
  uint64_t seed = 0, threads = 0;
  std::string minTime = "0.5s", warmup = "0.1s";
  bool cold = false;
};

/// A status of ExecTool.h and its message, or success.
struct ExecError {
  int code = ExecSuccess;
  std::string message;
  explicit operator bool() const { return code != ExecSuccess; }
};

/// Tensors of one entry on a device: uploaded, prepared, with results and
/// workspace. Memory that the program does not write first is filled with NaN
/// bytes.
class ExecSession {
public:
  ExecSession(std::shared_ptr<const Program> program, size_t entry)
      : program(std::move(program)), entryIndex(entry) {}
  ~ExecSession();
  ExecSession(const ExecSession &) = delete;
  ExecSession &operator=(const ExecSession &) = delete;

  /// Uploads the inputs that the entry uses and runs its prepare function.
  Status prepare(const std::vector<Tensor> &inputs);
  /// One call; returns when it has been put into the default stream.
  Status run();
  /// Waits for it and fetches the results.
  Expected<std::vector<Tensor>> results();

  size_t workspaceSize() const { return workspaceBytes; }

private:
  Expected<TensorRef> allocate(ElementType type, const Shape &shape,
                               const std::string &label);
  Status runPart(Program::Part part);

  Device &device() const { return program->device(); }
  const ArtifactEntry &entry() const {
    return program->artifact().entries[entryIndex];
  }

  std::shared_ptr<const Program> program;
  size_t entryIndex;
  std::vector<DeviceAddress> allocations;
  /// Shapes that the tensors refer to.
  std::deque<Shape> shapes;
  std::vector<TensorRef> arguments, prepared, resultRefs;
  DeviceAddress workspace = 0;
  size_t workspaceBytes = 0;
};

/// Reads `file`.
ExecError readProgramFile(const std::string &file, Artifact &artifact);
/// Opens the device and loads the artifact to it.
ExecError loadProgram(const ExecOptions &options, Artifact artifact,
                      std::shared_ptr<const Program> &program);
/// The place of the entry that the options name, or of the only one.
ExecError findEntry(const ExecOptions &options, const Artifact &artifact,
                    size_t &entry);
/// The inputs that the options ask for.
Expected<std::vector<Tensor>> makeInputs(const ExecOptions &options,
                                         const ArtifactEntry &entry);

/// The commands.
ExecError runInfo(const ExecOptions &options);
ExecError runEntry(const ExecOptions &options);
ExecError runVerify(const ExecOptions &options);
ExecError runBench(const ExecOptions &options);

} // namespace ra::runtime

#endif // RA_RUNTIME_LIB_EXECTOOL_EXECSESSION_H
