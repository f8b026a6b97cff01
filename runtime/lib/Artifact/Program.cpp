//===- Program.cpp - An artifact that can run -----------------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ra/Runtime/Program.h"
#include "../Text.h"
#include "ThreadTeam.h"

#include <algorithm>
#include <array>

using namespace ra::runtime;

/// Bounds that keep everything that a call needs on the stack.
static constexpr size_t kMaxOperands = 256;
static constexpr size_t kMaxBuffers = 256;
static constexpr size_t kMaxDescriptorWords = 4096;
static constexpr size_t kAlignment = 64;

/// The arguments of a function, with their shapes.
struct Program::Operands {
  std::array<TensorRef, kMaxOperands> tensors;
  std::array<const int64_t *, kMaxOperands> shapes;
  size_t count = 0;
};

/// Where buffers are in the workspace.
struct Program::Layout {
  std::array<int64_t, kMaxBuffers> offsets, bytes;
  size_t total = 0;
};

//===----------------------------------------------------------------------===//
// Loading
//===----------------------------------------------------------------------===//

Program::~Program() {
  for (DeviceAddress address : constants)
    (void)target->free(address);
}

static size_t descriptorWords(size_t rank) { return 3 + 2 * rank; }

/// Whether calls of `function` fit into the bounds above.
static bool isWithinBounds(const ArtifactFunction &function,
                           const Artifact &artifact) {
  size_t operands = function.arguments.size() + function.constants.size() +
                    function.results.size();
  size_t words = 2 * descriptorWords(1);
  for (const auto *list : {&function.arguments, &function.results})
    for (const ArtifactTensor &tensor : *list)
      words += descriptorWords(tensor.shape.size());
  for (uint32_t constant : function.constants)
    words += descriptorWords(artifact.constants[constant].shape().size());
  for (const ArtifactImplementation &item : function.implementations)
    if (item.buffers.size() > kMaxBuffers)
      return false;
  return operands + 2 <= kMaxOperands && words <= kMaxDescriptorWords;
}

/// "sm_90a" to 90 and whether it is for that architecture only; 0 for anything
/// else.
static int parseTarget(const std::string &target, bool &isSpecific) {
  isSpecific = !target.empty() && target.back() == 'a';
  std::string digits = target.substr(std::min<size_t>(3, target.size()));
  if (isSpecific && !digits.empty())
    digits.pop_back();
  if (target.compare(0, 3, "sm_") != 0 || digits.empty() || digits.size() > 4 ||
      digits.find_first_not_of("0123456789") != std::string::npos)
    return 0;
  return std::stoi(digits);
}

/// How well an image suits a device; 0: not at all. A cubin runs on its own and
/// later minor versions, PTX on all later architectures.
static int rankImage(const ArtifactImage &image, const std::string &device,
                     const DeviceFacts &facts) {
  if (image.kind == ArtifactImage::Kind::CpuSharedObject)
    return device == "cpu" ? 1 : 0;
  if (device == "cpu")
    return 0;
  bool isSpecific = false;
  int target = parseTarget(image.target, isSpecific);
  int own = 10 * facts.computeMajor + facts.computeMinor;
  bool isCubin = image.kind == ArtifactImage::Kind::Cubin;
  bool runs = isSpecific ? target == own
              : isCubin  ? target / 10 == own / 10 && target <= own
                         : target <= own;
  if (target == 0 || !runs)
    return 0;
  return 4 * target + 2 * isSpecific + isCubin;
}

/// Loads the module, looks up every kernel that a plan names, and uploads the
/// constants.
Status Program::loadForGpu() {
  ModuleSource source;
  source.kind = image().kind == ArtifactImage::Kind::Ptx
                    ? ModuleSource::Kind::Ptx
                    : ModuleSource::Kind::Cubin;
  source.data = image().data;
  source.size = image().size;
  source.name = "the artifact's " + image().description();
  Expected<DeviceModule> module = target->loadModule(source);
  if (!module)
    return module.takeFailure();
  for (const ArtifactEntry &entry : content.entries)
    for (const ArtifactFunction *function : {&entry.main, &entry.prepare})
      if (const ArtifactImplementation *item =
              function->findImplementation(imageIndex))
        for (const ArtifactLaunch &launch : item->launches) {
          if (kernels.count(launch.kernel) != 0)
            continue;
          Expected<DeviceKernel> kernel =
              target->findKernel(*module, launch.kernel);
          if (!kernel)
            return kernel.takeFailure();
          kernels[launch.kernel] = *kernel;
        }
  for (size_t i = 0; i < content.constants.size(); ++i) {
    const Tensor &constant = content.constants[i];
    Expected<DeviceAddress> address =
        target->allocate(constant.byteSize(), "constant " + std::to_string(i));
    if (!address)
      return address.takeFailure();
    constants.push_back(*address);
    if (Status status = target->copyToDevice(*address, constant.data(),
                                             constant.byteSize());
        !status.ok())
      return status;
  }
  return target->synchronize();
}

Expected<std::shared_ptr<const Program>>
Program::load(Artifact artifact, std::shared_ptr<Device> device,
              const ProgramOptions &options) {
  std::shared_ptr<Program> program(new Program);
  program->content = std::move(artifact);
  program->target = std::move(device);
  program->options = options;
  const Artifact &content = program->content;
  for (const ArtifactEntry &entry : content.entries)
    if (!isWithinBounds(entry.main, content) ||
        (entry.hasPrepare && !isWithinBounds(entry.prepare, content)))
      return fail("entry " + quoted(entry.name) +
                  " has more arguments or buffers than this program takes");

  Expected<DeviceFacts> facts = program->target->facts();
  if (!facts)
    return facts.takeFailure();
  std::string present, problem;
  int best = 0;
  for (uint32_t i = 0; i < content.images.size(); ++i) {
    const ArtifactImage &image = content.images[i];
    present += (present.empty() ? "" : ", ") + image.description();
    int suitability = rankImage(image, program->target->name(), *facts);
    if (suitability <= best)
      continue;
    if (image.kind == ArtifactImage::Kind::CpuSharedObject) {
      Expected<std::shared_ptr<const CpuCode>> code = CpuCode::load(image);
      if (!code) {
        problem = code.message();
        continue;
      }
      program->cpu = *code;
    }
    best = suitability;
    program->imageIndex = i;
  }
  if (best == 0)
    return fail(!problem.empty()
                    ? problem
                    : "there is no code for the device " +
                          program->target->name() + " (" + facts->target +
                          "); there is " + present);
  for (const ArtifactEntry &entry : content.entries)
    if (!entry.main.findImplementation(program->imageIndex) ||
        (entry.hasPrepare &&
         !entry.prepare.findImplementation(program->imageIndex)))
      return fail("entry " + quoted(entry.name) +
                  " has no implementation for " +
                  program->image().description());
  if (!program->cpu) {
    if (Status status = program->loadForGpu(); !status.ok())
      return status.takeFailure();
  } else if (program->image().isParallel)
    startThreads(options.threads == 0 ? availableProcessors()
                                      : options.threads);
  return std::shared_ptr<const Program>(std::move(program));
}

//===----------------------------------------------------------------------===//
// Arguments
//===----------------------------------------------------------------------===//

const ArtifactFunction &Program::function(const Call &call) const {
  const ArtifactEntry &entry = content.entries[call.entry];
  return call.part == Part::Main ? entry.main : entry.prepare;
}

bool Program::usesArgument(size_t entry, Part part, size_t argument) const {
  const ArtifactEntry &item = content.entries[entry];
  const ArtifactFunction &function =
      part == Part::Main ? item.main : item.prepare;
  return std::find(function.sources.begin(), function.sources.end(),
                   static_cast<int64_t>(argument)) != function.sources.end();
}

static bool fits(const TensorRef &tensor, const ArtifactTensor &type) {
  if (tensor.elementType != type.elementType ||
      tensor.rank != type.shape.size())
    return false;
  for (size_t i = 0; i < tensor.rank; ++i)
    if (tensor.shape[i] < 0 ||
        (type.shape[i] >= 0 && tensor.shape[i] != type.shape[i]))
      return false;
  return true;
}

static std::string describe(const TensorRef &tensor) {
  return shapeString(Shape(tensor.shape, tensor.shape + tensor.rank),
                     tensor.elementType);
}

/// Checks the arguments of the entry and collects those of the function.
Status Program::bind(const Call &call, Operands &operands) const {
  if (call.entry >= content.entries.size())
    return fail("there is no entry " + std::to_string(call.entry));
  const ArtifactEntry &entry = content.entries[call.entry];
  if (call.part == Part::Prepare && !entry.hasPrepare)
    return fail("@" + entry.name + " has nothing to prepare");
  if (call.numArguments != entry.arguments.size())
    return fail("@" + entry.name + " takes " +
                std::to_string(entry.arguments.size()) + " arguments, got " +
                std::to_string(call.numArguments));
  for (size_t i = 0; i < call.numArguments; ++i)
    if (!fits(call.arguments[i], entry.arguments[i].type))
      return fail("@" + entry.name + ": argument " + std::to_string(i) +
                  " is " + describe(call.arguments[i]) + ", the entry takes " +
                  entry.arguments[i].type.toString());
  const ArtifactFunction &function = this->function(call);
  operands.count = function.sources.size();
  for (size_t i = 0; i < function.sources.size(); ++i) {
    int64_t source = function.sources[i];
    if (source >= 0) {
      operands.tensors[i] = call.arguments[source];
    } else {
      auto index = static_cast<size_t>(-1 - source);
      const ArtifactTensor &type = entry.prepare.results[index];
      if (call.numPrepared == 0) {
        // A question about shapes. A dynamic one depends on parameters.
        operands.tensors[i] = {0, type.elementType, type.shape.data(),
                               type.shape.size()};
        for (int64_t extent : type.shape)
          if (extent < 0)
            return fail("@" + entry.name + ": prepared tensor " +
                        std::to_string(index) + " is " + type.toString() +
                        "; pass it, its extents matter");
      } else {
        if (call.numPrepared != entry.prepare.results.size())
          return fail("@" + entry.name + " has " +
                      std::to_string(entry.prepare.results.size()) +
                      " prepared tensors, got " +
                      std::to_string(call.numPrepared));
        if (!fits(call.prepared[index], type))
          return fail("@" + entry.name + ": prepared tensor " +
                      std::to_string(index) + " is " +
                      describe(call.prepared[index]) + ", the entry takes " +
                      type.toString());
        operands.tensors[i] = call.prepared[index];
      }
    }
    operands.shapes[i] = operands.tensors[i].shape;
  }
  return Status::success();
}

Expected<std::vector<Shape>> Program::inferResults(const Call &call) const {
  Operands operands;
  if (Status status = bind(call, operands); !status.ok())
    return status.takeFailure();
  std::vector<Shape> shapes;
  shapes.reserve(operands.count);
  for (size_t i = 0; i < operands.count; ++i)
    shapes.emplace_back(operands.shapes[i],
                        operands.shapes[i] + operands.tensors[i].rank);
  Expected<std::vector<Shape>> results = function(call).inferResults(shapes);
  if (!results)
    return fail("@" + content.entries[call.entry].name + ": " +
                results.message());
  return results;
}

/// What inferResults() finds, compared instead of returned.
Status Program::checkResults(const Call &call, const Operands &operands) const {
  const ArtifactEntry &entry = content.entries[call.entry];
  const ArtifactFunction &function = this->function(call);
  for (const ArtifactCondition &condition : function.conditions) {
    Expected<int64_t> left = condition.left.evaluate(operands.shapes.data());
    Expected<int64_t> right = condition.right.evaluate(operands.shapes.data());
    if (!left || !right || *left != *right)
      return fail("@" + entry.name +
                  ": the shapes of the arguments do not fit together: " +
                  condition.text + " must be equal");
  }
  if (call.numResults != function.results.size())
    return fail("@" + entry.name + " has " +
                std::to_string(function.results.size()) + " results, got " +
                std::to_string(call.numResults));
  size_t next = 0;
  for (size_t i = 0; i < call.numResults; ++i) {
    const ArtifactTensor &type = function.results[i];
    const TensorRef &result = call.results[i];
    bool good = fits(result, type);
    for (size_t axis = 0; axis < type.shape.size(); ++axis) {
      if (type.shape[axis] >= 0)
        continue;
      Expected<int64_t> extent =
          function.extents[next++].evaluate(operands.shapes.data());
      if (!extent)
        return extent.takeFailure();
      good = good && result.shape[axis] == *extent;
    }
    if (!good)
      return fail("@" + entry.name + ": result " + std::to_string(i) + " is " +
                  describe(result) +
                  ", which is not its type and shape for these arguments (" +
                  type.toString() + ")");
  }
  return Status::success();
}

//===----------------------------------------------------------------------===//
// Buffers
//===----------------------------------------------------------------------===//

/// Buffers in use at a time do not overlap: each goes to the lowest place that
/// is free for as long as it lives.
Status Program::plan(const Call &call, const Operands &operands,
                     Layout &layout) const {
  const std::vector<ArtifactBuffer> &buffers =
      function(call).findImplementation(imageIndex)->buffers;
  constexpr int64_t most = int64_t(1) << 62;
  layout.total = 0;
  for (size_t i = 0; i < buffers.size(); ++i) {
    Expected<int64_t> bytes = buffers[i].bytes.evaluate(operands.shapes.data());
    if (!bytes)
      return bytes.takeFailure();
    if (*bytes < 0 || *bytes > most / static_cast<int64_t>(kMaxBuffers))
      return fail("a buffer of " + std::to_string(*bytes) + " bytes");
    int64_t size = (*bytes + static_cast<int64_t>(kAlignment) - 1) /
                   static_cast<int64_t>(kAlignment) *
                   static_cast<int64_t>(kAlignment);
    auto conflicts = [&](size_t other, int64_t offset) {
      return buffers[other].first <= buffers[i].last &&
             buffers[i].first <= buffers[other].last &&
             layout.offsets[other] < offset + size &&
             offset < layout.offsets[other] + layout.bytes[other];
    };
    // The lowest place is 0 or where another one ends.
    int64_t best = most;
    for (size_t candidate = 0; candidate <= i; ++candidate) {
      int64_t offset =
          candidate == i ? 0
                         : layout.offsets[candidate] + layout.bytes[candidate];
      bool isFree = offset < best;
      for (size_t other = 0; isFree && other < i; ++other)
        isFree = !conflicts(other, offset);
      if (isFree)
        best = offset;
    }
    layout.offsets[i] = best;
    layout.bytes[i] = size;
    layout.total = std::max(layout.total, static_cast<size_t>(best + size));
  }
  return Status::success();
}

Expected<size_t> Program::workspaceBytes(const Call &call) const {
  Operands operands;
  if (Status status = bind(call, operands); !status.ok())
    return status.takeFailure();
  Layout layout;
  if (Status status = plan(call, operands, layout); !status.ok())
    return status.takeFailure();
  return layout.total;
}

//===----------------------------------------------------------------------===//
// Running
//===----------------------------------------------------------------------===//

static bool isEmpty(const TensorRef &tensor) {
  return std::find(tensor.shape, tensor.shape + tensor.rank, 0) !=
         tensor.shape + tensor.rank;
}

Status Program::run(const Call &call, DeviceAddress workspace,
                    size_t workspaceBytes, DeviceStream stream) const {
  Operands operands;
  if (Status status = bind(call, operands); !status.ok())
    return status;
  if (Status status = checkResults(call, operands); !status.ok())
    return status;
  const ArtifactEntry &entry = content.entries[call.entry];
  for (size_t i = 0; i < operands.count; ++i)
    if (operands.tensors[i].address == 0 && !isEmpty(operands.tensors[i])) {
      int64_t source = function(call).sources[i];
      return fail("@" + entry.name + ": " +
                  (source >= 0
                       ? "argument " + std::to_string(source)
                       : "prepared tensor " + std::to_string(-1 - source)) +
                  " has no data");
    }
  for (size_t i = 0; i < call.numResults; ++i)
    if (call.results[i].address == 0 && !isEmpty(call.results[i]))
      return fail("@" + entry.name + ": result " + std::to_string(i) +
                  " has no memory");
  Layout layout;
  if (Status status = plan(call, operands, layout); !status.ok())
    return status;
  if (layout.total != 0 && (workspace == 0 || workspaceBytes < layout.total ||
                            workspace % kAlignment != 0))
    return fail("@" + entry.name + " needs " + std::to_string(layout.total) +
                " bytes of workspace at a multiple of " +
                std::to_string(kAlignment) + ", got " +
                std::to_string(workspaceBytes));
  if (!cpu)
    return runOnGpu(call, operands, layout, workspace, stream);
  runOnCpu(call, operands, layout, workspace);
  return Status::success();
}

namespace {
/// Evaluates expressions of one call until one fails.
class Evaluator {
public:
  explicit Evaluator(const int64_t *const *shapes) : shapes(shapes) {}

  /// The value, which must be in [low, high]; 0 after a failure.
  int64_t operator()(const DimExpr &expression, int64_t low, int64_t high,
                     const char *what) {
    if (!status.ok())
      return 0;
    Expected<int64_t> value = expression.evaluate(shapes);
    if (!value) {
      status = value.takeFailure();
      return 0;
    }
    if (*value < low || *value > high) {
      status = fail(std::string(what) + " of " + std::to_string(*value) +
                    ", from " + expression.toString());
      return 0;
    }
    return *value;
  }

  Status status;

private:
  const int64_t *const *shapes;
};
} // namespace

static constexpr int64_t kMostInt32 = 0x7fffffff;
static constexpr int64_t kMostInt64 = 0x7fffffffffffffff;

/// The fields of a tensor map for one call.
static TensorMap makeTensorMap(const ArtifactTensorMap &plan,
                               DeviceAddress address, Evaluator &evaluate) {
  TensorMap map;
  map.elementType = plan.elementType;
  map.address = address;
  map.rank = static_cast<uint32_t>(plan.extents.size());
  for (size_t i = 0; i < plan.extents.size(); ++i) {
    map.extents[i] = static_cast<uint64_t>(
        evaluate(plan.extents[i], 1, int64_t(1) << 32, "an extent"));
    map.box[i] = plan.box[i];
    map.elementStrides[i] = plan.elementStrides[i];
  }
  for (size_t i = 0; i < plan.strides.size(); ++i)
    map.strides[i] = static_cast<uint64_t>(
        evaluate(plan.strides[i], 0, int64_t(1) << 40, "a stride"));
  map.swizzle = plan.swizzle;
  map.l2Promotion = plan.l2Promotion;
  return map;
}

Status Program::runOnGpu(const Call &call, const Operands &operands,
                         const Layout &layout, DeviceAddress workspace,
                         DeviceStream stream) const {
  using Kind = ArtifactLaunchArgument::Kind;
  const ArtifactFunction &function = this->function(call);
  const ArtifactImplementation &item = *function.findImplementation(imageIndex);
  Evaluator evaluate(operands.shapes.data());
  auto addressOf = [&](const ArtifactOperand &operand) -> DeviceAddress {
    switch (operand.kind) {
    case ArtifactOperand::Kind::Argument:
      return operands.tensors[operand.index].address;
    case ArtifactOperand::Kind::Constant:
      return constants[function.constants[operand.index]];
    case ArtifactOperand::Kind::Result:
      return call.results[operand.index].address;
    case ArtifactOperand::Kind::Buffer:
      break;
    }
    return workspace + static_cast<uint64_t>(layout.offsets[operand.index]);
  };
  for (const ArtifactLaunch &launch : item.launches) {
    LaunchOptions options;
    options.stream = stream;
    options.isProgrammatic = launch.isProgrammatic;
    bool isEmpty = false;
    auto dims = [&](const std::array<DimExpr, 3> &plan, int64_t low,
                    const char *what) {
      LaunchDims result;
      uint32_t *extents[] = {&result.x, &result.y, &result.z};
      for (size_t i = 0; i < 3; ++i) {
        *extents[i] =
            static_cast<uint32_t>(evaluate(plan[i], low, kMostInt32, what));
        isEmpty = isEmpty || *extents[i] == 0;
      }
      return result;
    };
    options.block = dims(launch.block, 1, "a block");
    options.cluster = dims(launch.cluster, 1, "a cluster");
    options.grid = dims(launch.grid, 0, "a grid");
    options.dynamicSharedBytes = static_cast<size_t>(
        evaluate(launch.sharedBytes, 0, kMostInt32, "shared memory"));
    if (!evaluate.status.ok())
      return fail("kernel " + quoted(launch.kernel) + ": " +
                  evaluate.status.message());
    // No blocks are no launch; drivers refuse it.
    if (isEmpty)
      continue;
    KernelArguments arguments;
    for (const ArtifactLaunchArgument &argument : launch.arguments) {
      if (argument.kind == Kind::Float32) {
        arguments.add(static_cast<float>(argument.number));
      } else if (argument.kind == Kind::Int32) {
        arguments.add(static_cast<int32_t>(
            evaluate(argument.value, -kMostInt32 - 1, kMostInt32, "an i32")));
      } else if (argument.kind == Kind::Int64) {
        arguments.add(
            evaluate(argument.value, -kMostInt64 - 1, kMostInt64, "an i64"));
      } else {
        DeviceAddress address =
            addressOf(argument.operand) +
            static_cast<uint64_t>(
                evaluate(argument.value, 0, kMostInt64, "an offset"));
        if (argument.kind == Kind::Pointer) {
          arguments.addAddress(address);
          continue;
        }
        TensorMap map = makeTensorMap(argument.map, address, evaluate);
        if (!evaluate.status.ok())
          break;
        if (Status status = target->encode(map); !status.ok())
          return status;
        arguments.add(map);
      }
    }
    if (!evaluate.status.ok())
      return fail("kernel " + quoted(launch.kernel) + ": " +
                  evaluate.status.message());
    if (Status status =
            target->launch(kernels.at(launch.kernel), options, arguments);
        !status.ok())
      return fail("kernel " + quoted(launch.kernel) + ": " + status.message());
  }
  return Status::success();
}

/// Memref descriptors: two pointers, an offset, the extents, the strides.
void Program::runOnCpu(const Call &call, const Operands &operands,
                       const Layout &layout, DeviceAddress workspace) const {
  std::array<int64_t, kMaxDescriptorWords> words;
  std::array<void *, kMaxOperands> descriptors;
  size_t next = 0, count = 0;
  auto add = [&](DeviceAddress address, const int64_t *shape, size_t rank) {
    int64_t *descriptor = &words[next];
    descriptors[count++] = descriptor;
    next += descriptorWords(rank);
    descriptor[0] = descriptor[1] = static_cast<int64_t>(address);
    descriptor[2] = 0;
    int64_t stride = 1;
    for (size_t dim = rank; dim-- > 0;) {
      descriptor[3 + dim] = shape[dim];
      descriptor[3 + rank + dim] = stride;
      stride *= shape[dim];
    }
  };
  const ArtifactFunction &function = this->function(call);
  const ArtifactImplementation &item = *function.findImplementation(imageIndex);
  for (size_t i = 0; i < operands.count; ++i)
    add(operands.tensors[i].address, operands.tensors[i].shape,
        operands.tensors[i].rank);
  for (uint32_t index : function.constants) {
    const Tensor &constant = content.constants[index];
    add(reinterpret_cast<uintptr_t>(constant.data()), constant.shape().data(),
        constant.shape().size());
  }
  for (size_t i = 0; i < call.numResults; ++i)
    add(call.results[i].address, call.results[i].shape, call.results[i].rank);
  auto total = static_cast<int64_t>(layout.total);
  auto numBuffers = static_cast<int64_t>(item.buffers.size());
  add(workspace, &total, 1);
  add(reinterpret_cast<uintptr_t>(layout.offsets.data()), &numBuffers, 1);
  cpu->call(item.function, descriptors.data(), options.threads);
}
