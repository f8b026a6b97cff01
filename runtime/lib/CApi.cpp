//===- CApi.cpp - Running artifacts from C --------------------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ra/Runtime/Program.h"
#include "ra/ra_artifact.h"

#include <array>

using namespace ra::runtime;
using Part = Program::Part;

/// Tensors of one kind that a call can have; Program's own bound is no higher.
static constexpr size_t kMaxTensors = 256;

struct ra_artifact {
  std::shared_ptr<const Program> program;
  int32_t deviceType = kDLCPU;
  int32_t deviceId = 0;

  const ArtifactEntry *entry(int32_t index) const {
    const auto &entries = program->artifact().entries;
    if (index < 0 || static_cast<size_t>(index) >= entries.size())
      return nullptr;
    return &entries[static_cast<size_t>(index)];
  }
};

static thread_local std::string lastError;

static ra_status failed(ra_status status, std::string message) {
  lastError = std::move(message);
  return status;
}

//===----------------------------------------------------------------------===//
// DLPack
//===----------------------------------------------------------------------===//

static DLDataType toDLPack(ElementType type) {
  auto bits = static_cast<uint8_t>(8 * elementSize(type));
  uint8_t code = kDLUInt;
  if (type == ElementType::BF16)
    code = kDLBfloat;
  else if (isFloat(type))
    code = kDLFloat;
  else if (type == ElementType::I1)
    code = kDLBool;
  else if (type == ElementType::I64 || type == ElementType::I32 ||
           type == ElementType::I16 || type == ElementType::I8)
    code = kDLInt;
  return {code, bits, 1};
}

static bool fromDLPack(DLDataType dtype, ElementType &type) {
  for (ElementType candidate :
       {ElementType::F64, ElementType::F32, ElementType::F16, ElementType::BF16,
        ElementType::I64, ElementType::I32, ElementType::I16, ElementType::I8,
        ElementType::U64, ElementType::U32, ElementType::U16, ElementType::U8,
        ElementType::I1}) {
    DLDataType known = toDLPack(candidate);
    if (known.code == dtype.code && known.bits == dtype.bits &&
        dtype.lanes == 1) {
      type = candidate;
      return true;
    }
  }
  return false;
}

/// An empty message when `tensor` is one that a program can take.
static std::string convert(const ra_artifact &artifact, const DLTensor &tensor,
                           TensorRef &ref) {
  if (!fromDLPack(tensor.dtype, ref.elementType))
    return "an element type that artifacts do not have";
  if (tensor.ndim < 0 || (tensor.ndim != 0 && !tensor.shape))
    return "no shape";
  ref.rank = static_cast<size_t>(tensor.ndim);
  ref.shape = tensor.shape;
  ref.address = 0;
  if (!tensor.data)
    return "";
  if (tensor.device.device_type != artifact.deviceType ||
      tensor.device.device_id != artifact.deviceId)
    return "data on another device than the artifact's";
  ref.address = reinterpret_cast<uintptr_t>(tensor.data) + tensor.byte_offset;
  if (ref.address % elementSize(ref.elementType) != 0)
    return "data that is not aligned for its type";
  if (!tensor.strides)
    return "";
  int64_t expected = 1;
  for (size_t axis = ref.rank; axis-- > 0;) {
    // The stride of an extent of 1 is never used, nor any of an empty tensor.
    if (tensor.shape[axis] > 1 && tensor.strides[axis] != expected)
      return "data that is not contiguous and row-major";
    if (__builtin_mul_overflow(expected, tensor.shape[axis], &expected))
      return "a shape that overflows";
    if (tensor.shape[axis] == 0)
      return "";
  }
  return "";
}

namespace {
/// The tensors of one kind of a call; on the stack.
struct Tensors {
  std::array<TensorRef, kMaxTensors> refs;
  size_t count = 0;

  ra_status fill(const ra_artifact &artifact, const char *what,
                 const DLTensor *tensors, int32_t number) {
    if (number < 0 || static_cast<size_t>(number) > kMaxTensors ||
        (number != 0 && !tensors))
      return failed(RA_ERROR_ARGUMENT,
                    std::string("no array of that many tensors: ") + what);
    count = static_cast<size_t>(number);
    for (size_t i = 0; i < count; ++i) {
      std::string problem = convert(artifact, tensors[i], refs[i]);
      if (!problem.empty())
        return failed(RA_ERROR_ARGUMENT, std::string(what) + " " +
                                             std::to_string(i) + " has " +
                                             problem);
    }
    return RA_OK;
  }
};
} // namespace

//===----------------------------------------------------------------------===//
// Artifacts
//===----------------------------------------------------------------------===//

int32_t ra_artifact_abi_version(void) { return RA_ARTIFACT_ABI_VERSION; }

const char *ra_last_error(void) { return lastError.c_str(); }

ra_status ra_artifact_open(const char *path, const char *device,
                           uint32_t threads, ra_artifact **artifact) {
  if (!path || !device || !artifact || threads > 1024)
    return failed(RA_ERROR_ARGUMENT,
                  "ra_artifact_open: a null pointer, or above 1024 threads");
  *artifact = nullptr;
  OpenedDevice opened = openDevice(device);
  if (!opened.device)
    return failed(opened.isUnknown ? RA_ERROR_ARGUMENT : RA_ERROR_DEVICE,
                  opened.message);
  Expected<Artifact> content = readArtifact(path);
  if (!content)
    return failed(RA_ERROR_ARTIFACT, content.message());
  ProgramOptions options;
  options.threads = threads;
  Expected<std::shared_ptr<const Program>> program =
      Program::load(*content, opened.device, options);
  if (!program && std::string(device) == "auto" &&
      opened.device->name() != "cpu")
    program = Program::load(std::move(*content), createCpuDevice(), options);
  if (!program)
    return failed(RA_ERROR_DEVICE, path + (": " + program.message()));
  auto *result = new ra_artifact;
  result->program = *program;
  const std::string name = result->program->device().name();
  if (name.rfind("cuda:", 0) == 0) {
    result->deviceType = kDLCUDA;
    result->deviceId = std::stoi(name.substr(5));
  }
  *artifact = result;
  return RA_OK;
}

void ra_artifact_close(ra_artifact *artifact) { delete artifact; }

int32_t ra_artifact_num_entries(const ra_artifact *artifact) {
  return static_cast<int32_t>(artifact->program->artifact().entries.size());
}

const char *ra_artifact_entry_name(const ra_artifact *artifact, int32_t entry) {
  const ArtifactEntry *found = artifact->entry(entry);
  return found ? found->name.c_str() : nullptr;
}

int32_t ra_artifact_find_entry(const ra_artifact *artifact, const char *name) {
  for (int32_t i = 0; i < ra_artifact_num_entries(artifact); ++i)
    if (name && artifact->entry(i)->name == name)
      return i;
  return -1;
}

int32_t ra_artifact_num_tensors(const ra_artifact *artifact, int32_t entry,
                                ra_tensor_kind kind) {
  const ArtifactEntry *found = artifact->entry(entry);
  if (!found)
    return -1;
  switch (kind) {
  case RA_ARGUMENT:
    return static_cast<int32_t>(found->arguments.size());
  case RA_PREPARED:
    return static_cast<int32_t>(found->prepare.results.size());
  case RA_RESULT:
    return static_cast<int32_t>(found->main.results.size());
  }
  return -1;
}

ra_status ra_artifact_tensor(const ra_artifact *artifact, int32_t entry,
                             ra_tensor_kind kind, int32_t index,
                             ra_tensor_info *info) {
  int32_t count = ra_artifact_num_tensors(artifact, entry, kind);
  if (count < 0 || index < 0 || index >= count || !info)
    return failed(RA_ERROR_ARGUMENT,
                  "ra_artifact_tensor: there is no such tensor");
  const ArtifactEntry &item = *artifact->entry(entry);
  auto place = static_cast<size_t>(index);
  const ArtifactTensor &type = kind == RA_ARGUMENT ? item.arguments[place].type
                               : kind == RA_PREPARED
                                   ? item.prepare.results[place]
                                   : item.main.results[place];
  *info = ra_tensor_info();
  info->dtype = toDLPack(type.elementType);
  info->ndim = static_cast<int32_t>(type.shape.size());
  info->shape = type.shape.data();
  if (kind != RA_ARGUMENT)
    return RA_OK;
  info->is_parameter = item.arguments[place].isParameter;
  auto entryIndex = static_cast<size_t>(entry);
  info->used_by_run =
      artifact->program->usesArgument(entryIndex, Part::Main, place);
  info->used_by_prepare =
      item.hasPrepare &&
      artifact->program->usesArgument(entryIndex, Part::Prepare, place);
  return RA_OK;
}

//===----------------------------------------------------------------------===//
// Calls
//===----------------------------------------------------------------------===//

/// Writes shapes to tensors that have room for them.
static ra_status writeShapes(const std::vector<Shape> &shapes,
                             const std::vector<ArtifactTensor> &types,
                             DLTensor *tensors) {
  for (size_t i = 0; tensors && i < shapes.size(); ++i) {
    if (static_cast<size_t>(tensors[i].ndim) != shapes[i].size() ||
        (!shapes[i].empty() && !tensors[i].shape))
      return failed(RA_ERROR_ARGUMENT,
                    "ra_artifact_infer: a tensor has no room for " +
                        std::to_string(shapes[i].size()) + " extents");
    for (size_t axis = 0; axis < shapes[i].size(); ++axis)
      tensors[i].shape[axis] = shapes[i][axis];
    tensors[i].dtype = toDLPack(types[i].elementType);
  }
  return RA_OK;
}

ra_status ra_artifact_infer(const ra_artifact *artifact, int32_t entry,
                            const DLTensor *arguments, int32_t num_arguments,
                            DLTensor *prepared, DLTensor *results,
                            size_t *prepare_workspace, size_t *run_workspace) {
  const ArtifactEntry *item = artifact->entry(entry);
  if (!item)
    return failed(RA_ERROR_ARGUMENT, "there is no such entry");
  Tensors given;
  if (ra_status status =
          given.fill(*artifact, "argument", arguments, num_arguments))
    return status;
  const Program &program = *artifact->program;
  Program::Call call;
  call.entry = static_cast<size_t>(entry);
  call.arguments = given.refs.data();
  call.numArguments = given.count;
  std::vector<TensorRef> preparedRefs;
  std::vector<Shape> preparedShapes;
  size_t bytes = 0;
  if (item->hasPrepare) {
    call.part = Part::Prepare;
    Expected<std::vector<Shape>> shapes = program.inferResults(call);
    if (!shapes)
      return failed(RA_ERROR_ARGUMENT, shapes.message());
    preparedShapes = std::move(*shapes);
    Expected<size_t> workspace = program.workspaceBytes(call);
    if (!workspace)
      return failed(RA_ERROR_ARGUMENT, workspace.message());
    bytes = *workspace;
    for (size_t i = 0; i < preparedShapes.size(); ++i)
      preparedRefs.push_back({0, item->prepare.results[i].elementType,
                              preparedShapes[i].data(),
                              preparedShapes[i].size()});
    if (ra_status status =
            writeShapes(preparedShapes, item->prepare.results, prepared))
      return status;
  }
  if (prepare_workspace)
    *prepare_workspace = bytes;
  call.part = Part::Main;
  call.prepared = preparedRefs.data();
  call.numPrepared = preparedRefs.size();
  Expected<std::vector<Shape>> shapes = program.inferResults(call);
  if (!shapes)
    return failed(RA_ERROR_ARGUMENT, shapes.message());
  Expected<size_t> workspace = program.workspaceBytes(call);
  if (!workspace)
    return failed(RA_ERROR_ARGUMENT, workspace.message());
  if (run_workspace)
    *run_workspace = *workspace;
  return writeShapes(*shapes, item->main.results, results);
}

ra_status ra_artifact_prepare(const ra_artifact *artifact, int32_t entry,
                              const DLTensor *arguments, int32_t num_arguments,
                              const DLTensor *prepared, int32_t num_prepared,
                              void *workspace, size_t workspace_bytes,
                              void *stream) {
  Tensors given, made;
  if (!artifact->entry(entry))
    return failed(RA_ERROR_ARGUMENT, "there is no such entry");
  if (ra_status status =
          given.fill(*artifact, "argument", arguments, num_arguments))
    return status;
  if (ra_status status =
          made.fill(*artifact, "prepared tensor", prepared, num_prepared))
    return status;
  Program::Call call;
  call.entry = static_cast<size_t>(entry);
  call.part = Part::Prepare;
  call.arguments = given.refs.data();
  call.numArguments = given.count;
  call.results = made.refs.data();
  call.numResults = made.count;
  Status status = artifact->program->run(
      call, reinterpret_cast<uintptr_t>(workspace), workspace_bytes,
      {reinterpret_cast<uintptr_t>(stream)});
  return status.ok() ? RA_OK : failed(RA_ERROR_ARGUMENT, status.message());
}

ra_status ra_artifact_run(const ra_artifact *artifact, int32_t entry,
                          const DLTensor *arguments, int32_t num_arguments,
                          const DLTensor *prepared, int32_t num_prepared,
                          const DLTensor *results, int32_t num_results,
                          void *workspace, size_t workspace_bytes,
                          void *stream) {
  Tensors given, made, out;
  const ArtifactEntry *item = artifact->entry(entry);
  if (!item)
    return failed(RA_ERROR_ARGUMENT, "there is no such entry");
  if (ra_status status =
          given.fill(*artifact, "argument", arguments, num_arguments))
    return status;
  if (ra_status status =
          made.fill(*artifact, "prepared tensor", prepared, num_prepared))
    return status;
  if (made.count != item->prepare.results.size())
    return failed(RA_ERROR_ARGUMENT,
                  "@" + item->name + " has " +
                      std::to_string(item->prepare.results.size()) +
                      " prepared tensors, got " + std::to_string(made.count));
  if (ra_status status = out.fill(*artifact, "result", results, num_results))
    return status;
  Program::Call call;
  call.entry = static_cast<size_t>(entry);
  call.arguments = given.refs.data();
  call.numArguments = given.count;
  call.prepared = made.refs.data();
  call.numPrepared = made.count;
  call.results = out.refs.data();
  call.numResults = out.count;
  Status status = artifact->program->run(
      call, reinterpret_cast<uintptr_t>(workspace), workspace_bytes,
      {reinterpret_cast<uintptr_t>(stream)});
  return status.ok() ? RA_OK : failed(RA_ERROR_ARGUMENT, status.message());
}
