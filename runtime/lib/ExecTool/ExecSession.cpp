//===- ExecSession.cpp - One entry of an artifact, ready to run -----------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ExecSession.h"
#include "../Text.h"
#include "ra/Runtime/BenchOptions.h"
#include "ra/Runtime/DefaultInput.h"
#include "ra/Runtime/InputSpec.h"
#include "ra/Runtime/MappedFile.h"

#include <map>

using namespace ra::runtime;

ExecSession::~ExecSession() {
  for (DeviceAddress address : allocations)
    (void)device().free(address);
}

Expected<TensorRef> ExecSession::allocate(ElementType type, const Shape &shape,
                                          const std::string &label) {
  Expected<size_t> bytes = checkedByteSize(shape, type);
  if (!bytes)
    return bytes.takeFailure();
  Expected<DeviceAddress> address = device().allocate(*bytes, label);
  if (!address)
    return address.takeFailure();
  allocations.push_back(*address);
  if (Status status = device().fill(*address, 0xFF, *bytes); !status.ok())
    return status.takeFailure();
  shapes.push_back(shape);
  return TensorRef{*address, type, shapes.back().data(), shape.size()};
}

Status ExecSession::runPart(Program::Part part) {
  Program::Call call;
  call.entry = entryIndex;
  call.part = part;
  call.arguments = arguments.data();
  call.numArguments = arguments.size();
  bool isMain = part == Program::Part::Main;
  if (isMain) {
    call.prepared = prepared.data();
    call.numPrepared = prepared.size();
  }
  std::vector<TensorRef> &results = isMain ? resultRefs : prepared;
  if (results.empty()) {
    Expected<std::vector<Shape>> inferred = program->inferResults(call);
    if (!inferred)
      return inferred.takeFailure();
    const std::vector<ArtifactTensor> &types =
        isMain ? entry().main.results : entry().prepare.results;
    for (size_t i = 0; i < types.size(); ++i) {
      Expected<TensorRef> tensor = allocate(
          types[i].elementType, (*inferred)[i],
          (isMain ? "result " : "prepared tensor ") + std::to_string(i));
      if (!tensor)
        return tensor.takeFailure();
      results.push_back(*tensor);
    }
    Expected<size_t> bytes = program->workspaceBytes(call);
    if (!bytes)
      return bytes.takeFailure();
    Expected<TensorRef> memory = allocate(
        ElementType::U8, {static_cast<int64_t>(*bytes)}, "the workspace");
    if (!memory)
      return memory.takeFailure();
    workspace = memory->address;
    workspaceBytes = *bytes;
  }
  call.results = results.data();
  call.numResults = results.size();
  return program->run(call, workspace, workspaceBytes);
}

Status ExecSession::prepare(const std::vector<Tensor> &inputs) {
  for (size_t i = 0; i < inputs.size(); ++i) {
    const Tensor &input = inputs[i];
    bool isUsed =
        program->usesArgument(entryIndex, Program::Part::Main, i) ||
        (entry().hasPrepare &&
         program->usesArgument(entryIndex, Program::Part::Prepare, i));
    if (!isUsed) {
      shapes.push_back(input.shape());
      arguments.push_back(
          {0, input.elementType(), shapes.back().data(), input.shape().size()});
      continue;
    }
    Expected<TensorRef> tensor = allocate(input.elementType(), input.shape(),
                                          "argument " + std::to_string(i));
    if (!tensor)
      return tensor.takeFailure();
    if (Status status = device().copyToDevice(tensor->address, input.data(),
                                              input.byteSize());
        !status.ok())
      return status;
    arguments.push_back(*tensor);
  }
  // Inputs may go when this returns.
  if (Status status = device().synchronize(); !status.ok())
    return status;
  return entry().hasPrepare ? runPart(Program::Part::Prepare)
                            : Status::success();
}

Status ExecSession::run() { return runPart(Program::Part::Main); }

Expected<std::vector<Tensor>> ExecSession::results() {
  std::vector<Tensor> tensors;
  for (const TensorRef &result : resultRefs) {
    Expected<Tensor> tensor = Tensor::create(
        Shape(result.shape, result.shape + result.rank), result.elementType);
    if (!tensor)
      return tensor.takeFailure();
    if (Status status = device().copyToHost(tensor->mutableData(),
                                            result.address, tensor->byteSize());
        !status.ok())
      return status.takeFailure();
    tensors.push_back(std::move(*tensor));
  }
  if (Status status = device().synchronize(); !status.ok())
    return status.takeFailure();
  return tensors;
}

//===----------------------------------------------------------------------===//
// What the options ask for
//===----------------------------------------------------------------------===//

ExecError ra::runtime::readProgramFile(const std::string &file,
                                       Artifact &artifact) {
  Expected<std::shared_ptr<const MappedFile>> mapped = MappedFile::open(file);
  if (!mapped)
    return {ExecUsageError, mapped.message()};
  Expected<Artifact> parsed =
      parseArtifact((*mapped)->data(), (*mapped)->size(), *mapped, file);
  if (!parsed)
    return {ExecArtifactError, parsed.message()};
  artifact = std::move(*parsed);
  return {};
}

ExecError ra::runtime::loadProgram(const ExecOptions &options,
                                   Artifact artifact,
                                   std::shared_ptr<const Program> &program) {
  OpenedDevice opened = openDevice(options.device);
  if (!opened.device)
    return {opened.isUnknown ? ExecUsageError : ExecNoDevice,
            "--device=" + options.device + ": " + opened.message};
  ProgramOptions programOptions;
  programOptions.threads = static_cast<unsigned>(options.threads);
  Expected<std::shared_ptr<const Program>> loaded =
      Program::load(artifact, opened.device, programOptions);
  // The GPU is only a preference: code for the CPU will do.
  if (!loaded && options.device == "auto" && opened.device->name() != "cpu")
    loaded =
        Program::load(std::move(artifact), createCpuDevice(), programOptions);
  if (!loaded)
    return {ExecNoDevice, options.file + ": " + loaded.message()};
  program = *loaded;
  return {};
}

ExecError ra::runtime::findEntry(const ExecOptions &options,
                                 const Artifact &artifact, size_t &entry) {
  std::string names;
  for (size_t i = 0; i < artifact.entries.size(); ++i) {
    const std::string &name = artifact.entries[i].name;
    if (name == options.entry ||
        (options.entry.empty() && artifact.entries.size() == 1)) {
      entry = i;
      return {};
    }
    names += (names.empty() ? "@" : ", @") + name;
  }
  return {ExecUsageError, options.entry.empty()
                              ? "choose one with --entry=NAME: " + names
                              : "--entry=" + options.entry +
                                    ": there is no such entry; there is " +
                                    names};
}

/// "N:rest" to N and rest.
static bool splitIndex(std::string &text, size_t &index) {
  size_t digits = text.find_first_not_of("0123456789");
  if (digits == 0 || digits == std::string::npos || digits > 6 ||
      text[digits] != ':')
    return false;
  index = std::stoul(text.substr(0, digits));
  text = text.substr(digits + 1);
  return true;
}

/// Sets the dynamic extents that --dim gives.
static Status applyDims(const ExecOptions &options, const ArtifactEntry &entry,
                        std::vector<Shape> &shapes) {
  for (const std::string &text : options.dims) {
    Expected<DimAxis> dim = parseDimAxis(text);
    if (!dim)
      return fail("--dim=" + text + ": " + dim.message());
    if (dim->extents.size() != 1)
      return fail("--dim=" + text + ": one extent at a time");
    for (const DimPlace &place : dim->places) {
      if (!place.name.empty())
        return fail("--dim=" + text +
                    ": an artifact does not know which dims are " + place.name +
                    "; name them, as in --dim=0.1=128");
      if (place.argument >= shapes.size() ||
          place.axis >= shapes[place.argument].size())
        return fail("--dim=" + text + ": @" + entry.name +
                    " has no such argument or axis");
      int64_t &extent = shapes[place.argument][place.axis];
      if (extent >= 0 && extent != dim->extents[0])
        return fail("--dim=" + text + ": that extent is " +
                    std::to_string(extent));
      extent = dim->extents[0];
    }
  }
  return Status::success();
}

Expected<std::vector<Tensor>>
ra::runtime::makeInputs(const ExecOptions &options,
                        const ArtifactEntry &entry) {
  std::map<size_t, std::string> specs;
  size_t next = 0;
  for (const std::string &input : options.inputs) {
    size_t index = next;
    std::string spec = input;
    splitIndex(spec, index);
    if (index >= entry.arguments.size())
      return fail("--input=" + input + ": @" + entry.name + " has " +
                  std::to_string(entry.arguments.size()) +
                  " arguments, there is no argument " + std::to_string(index));
    if (!specs.emplace(index, spec).second)
      return fail("--input=" + input + ": argument " + std::to_string(index) +
                  " has an input already");
    next = index + 1;
  }
  std::vector<Shape> shapes;
  for (const ArtifactArgument &argument : entry.arguments)
    shapes.push_back(argument.type.shape);
  if (Status status = applyDims(options, entry, shapes); !status.ok())
    return status.takeFailure();

  std::vector<Tensor> inputs;
  for (size_t i = 0; i < entry.arguments.size(); ++i) {
    const ArtifactArgument &argument = entry.arguments[i];
    std::string where =
        "argument " + std::to_string(i) + " (" + argument.type.toString() + ")";
    RandomStream random{options.seed, i};
    auto given = specs.find(i);
    std::string missing;
    for (size_t axis = 0; axis < shapes[i].size(); ++axis)
      if (shapes[i][axis] < 0)
        missing +=
            " --dim=" + std::to_string(i) + "." + std::to_string(axis) + "=N";
    Expected<Tensor> tensor = fail("");
    if (given != specs.end()) {
      Expected<InputSpec> spec = parseInputSpec(given->second);
      if (!spec)
        return fail("--input: " + spec.message());
      bool isRandom = spec->kind == InputSpec::Kind::Normal ||
                      spec->kind == InputSpec::Kind::Uniform;
      if (isRandom && !missing.empty())
        return fail(where + " has dynamic dims; add" + missing);
      tensor = materialise(*spec, argument.type.elementType, shapes[i], random);
    } else if (!missing.empty()) {
      return fail(where + " has dynamic dims; add" + missing +
                  ", or an --input with data");
    } else {
      tensor = makeDefaultInput(argument.input, argument.type.elementType,
                                shapes[i], random);
    }
    if (!tensor)
      return fail(where + ": " + tensor.message());
    inputs.push_back(std::move(*tensor));
  }
  return inputs;
}
