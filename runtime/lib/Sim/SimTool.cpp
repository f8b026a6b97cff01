//===- SimTool.cpp - The tool ra-sim, as a library -----------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ra/Runtime/Sim/SimTool.h"

#include "../Text.h"
#include "ra/Runtime/InputSpec.h"
#include "ra/Runtime/MappedFile.h"
#include "ra/Runtime/Npy.h"
#include "ra/Runtime/Safetensors.h"

#include <charconv>
#include <cstdio>
#include <cstring>

using namespace ra::runtime;
using namespace ra::runtime::sim;

//===----------------------------------------------------------------------===//
// Arguments
//===----------------------------------------------------------------------===//

static constexpr const char *kArgumentForms =
    "write u32=5, 64x64xf16=0.5, @file.npy, @file.safetensors#name, "
    "64x64xf16:normal(0,1) or out:1024xf32";

/// "64x64xf16"
static Expected<std::pair<Shape, ElementType>>
parseShapedType(std::string_view text) {
  const auto bad = [&] {
    return fail(quoted(text) + " is not a shape and a type such as 64x64xf16");
  };
  Shape shape;
  std::string_view rest = text;
  while (!rest.empty() && rest[0] >= '0' && rest[0] <= '9') {
    int64_t extent = 0;
    const auto [end, error] =
        std::from_chars(rest.data(), rest.data() + rest.size(), extent);
    if (error != std::errc() || end == rest.data() + rest.size() || *end != 'x')
      return bad();
    shape.push_back(extent);
    rest.remove_prefix(static_cast<size_t>(end + 1 - rest.data()));
  }
  const std::optional<ElementType> type = parseElementType(rest);
  if (!type || shape.empty())
    return bad();
  return std::pair(shape, *type);
}

static Expected<Tensor> fromFile(const InputSpec &spec) {
  if (spec.cast)
    return fail("':cast' needs a type to convert to; leave it out");
  if (spec.kind == InputSpec::Kind::Npy)
    return readNpy(spec.path, {/*voidIsBF16=*/true});
  Expected<Safetensors> file = Safetensors::open(spec.path);
  if (!file)
    return file.takeFailure();
  return file->get(spec.tensorName);
}

static Expected<ArgumentSpec> make(std::string_view text, RandomStream random) {
  ArgumentSpec argument;
  const auto keep = [&](Expected<Tensor> tensor) -> Expected<ArgumentSpec> {
    if (!tensor)
      return tensor.takeFailure();
    argument.data = std::move(*tensor);
    return argument;
  };
  if (text.substr(0, 4) == "out:") {
    auto shaped = parseShapedType(text.substr(4));
    if (!shaped)
      return shaped.takeFailure();
    Expected<Tensor> tensor = Tensor::create(shaped->first, shaped->second);
    if (tensor && tensor->byteSize() != 0)
      std::memset(tensor->mutableData(), 0xFF, tensor->byteSize());
    return keep(std::move(tensor));
  }
  const size_t colon = text.find(':');
  if (text.substr(0, 1) != "@" && colon != std::string_view::npos) {
    auto shaped = parseShapedType(text.substr(0, colon));
    if (!shaped)
      return shaped.takeFailure();
    Expected<InputSpec> spec = parseInputSpec(text.substr(colon + 1));
    if (!spec)
      return spec.takeFailure();
    if (spec->kind != InputSpec::Kind::Normal &&
        spec->kind != InputSpec::Kind::Uniform)
      return fail("normal(mean,std) or uniform(lo,hi) is expected after ':'");
    return keep(materialise(*spec, shaped->second, shaped->first, random));
  }
  Expected<InputSpec> spec = parseInputSpec(text);
  if (!spec)
    return spec.takeFailure();
  switch (spec->kind) {
  case InputSpec::Kind::Npy:
  case InputSpec::Kind::Safetensors:
    return keep(fromFile(*spec));
  case InputSpec::Kind::Literal:
    argument.isScalar = spec->shape.empty();
    return keep(materialise(*spec, spec->type, spec->shape, random));
  default:
    return fail("random numbers need a shape and a type: 64x64xf16:" +
                std::string(text));
  }
}

Expected<ArgumentSpec> ra::runtime::sim::makeArgument(std::string_view text,
                                                      uint64_t seed,
                                                      uint64_t index) {
  Expected<ArgumentSpec> made = make(text, {seed, index});
  if (!made)
    return fail("argument " + std::to_string(index) + ", " + quoted(text) +
                ": " + made.message() + "; " + kArgumentForms);
  return made;
}

//===----------------------------------------------------------------------===//
// Options
//===----------------------------------------------------------------------===//

std::string ra::runtime::sim::simToolHelp() {
  return "ra-sim FILE.ptx --entry=KERNEL --grid=X[,Y,Z] --block=X[,Y,Z] "
         "--arg=SPEC...\n"
         "Executes a PTX kernel on the host, with checks.\n\n"
         "  --entry=KERNEL       the kernel (default: the only one)\n"
         "  --grid=X[,Y,Z]       blocks (default: 1)\n"
         "  --block=X[,Y,Z]      threads of a block (default: its .reqntid)\n"
         "  --shared=BYTES       dynamic shared memory\n"
         "  --arg=SPEC           the next argument: u32=5, 64x64xf16=0.5, "
         "@x.npy,\n"
         "                       @m.safetensors#name, 64x64xf16:normal(0,1), "
         "or a buffer\n"
         "                       to fill, out:1024xf32\n"
         "  --output=N:FILE.npy  write argument N, from 0, after the run\n"
         "  --async=MODE         eager (default), lazy, or both, which must "
         "agree\n"
         "  --check=LIST         all (default), none, or some of "
         "uninitialized,race,\n"
         "                       async\n"
         "  --schedule=WHICH     greedy (default), round-robin or random\n"
         "  --seed=N             of random arguments and schedules\n"
         "  --budget=N           warp instructions of one block\n"
         "  --threads=N          blocks at a time (default: one per core)\n"
         "  --counters[=json]    print what was counted\n"
         "  --chip=NAME          lower bounds of the time on a chip; counts "
         "too:\n"
         "                       " +
         chipNames() +
         "\n"
         "  --list               print the kernels and their parameters\n"
         "  --help, --version\n\n"
         "Exit status: 0 done, 1 the PTX does not load, 2 usage, 3 findings.\n";
}

static Status parseUnsigned(std::string_view text, uint64_t most,
                            uint64_t &value) {
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() ||
      end != text.data() + text.size() || value > most)
    return fail(quoted(text) + " is not a number from 0 to " +
                std::to_string(most));
  return Status::success();
}

static Status parseDim(std::string_view text, Dim3 &dim) {
  uint32_t *const parts[] = {&dim.x, &dim.y, &dim.z};
  for (uint32_t *part : parts) {
    const size_t comma = text.find(',');
    uint64_t value = 0;
    Status status = parseUnsigned(text.substr(0, comma), INT32_MAX, value);
    if (!status.ok())
      return status;
    *part = static_cast<uint32_t>(value);
    if (comma == std::string_view::npos)
      return Status::success();
    text.remove_prefix(comma + 1);
  }
  return fail("more than three extents");
}

static Status parseChecks(std::string_view text, uint32_t &checks) {
  if (text == "all" || text == "none") {
    checks = text == "all" ? kCheckAll : kCheckNone;
    return Status::success();
  }
  checks = 0;
  while (true) {
    const size_t comma = text.find(',');
    const std::string_view name = text.substr(0, comma);
    if (name == "uninitialized")
      checks |= kCheckUninitialized;
    else if (name == "race")
      checks |= kCheckRaces;
    else if (name == "async")
      checks |= kCheckAsync;
    else
      return fail(
          quoted(name) +
          " is not a check; write all, none, uninitialized, race or async");
    if (comma == std::string_view::npos)
      return Status::success();
    text.remove_prefix(comma + 1);
  }
}

static Status parseOne(std::string_view name, std::string_view value,
                       SimToolOptions &options) {
  uint64_t number = 0;
  if (name == "--entry") {
    options.entry = value;
    return Status::success();
  }
  if (name == "--grid")
    return parseDim(value, options.grid);
  if (name == "--block") {
    options.hasBlock = true;
    return parseDim(value, options.block);
  }
  if (name == "--arg") {
    options.arguments.emplace_back(value);
    return Status::success();
  }
  if (name == "--output") {
    const size_t colon = value.find(':');
    if (colon == std::string_view::npos)
      return fail("write N:FILE.npy, N the number of an argument");
    Status status = parseUnsigned(value.substr(0, colon), 4096, number);
    if (status.ok())
      options.outputs.emplace_back(static_cast<unsigned>(number),
                                   value.substr(colon + 1));
    return status;
  }
  if (name == "--async") {
    options.eager = value == "eager" || value == "both";
    options.lazy = value == "lazy" || value == "both";
    if (!options.eager && !options.lazy)
      return fail("write eager, lazy or both");
    return Status::success();
  }
  if (name == "--check")
    return parseChecks(value, options.launch.checks);
  if (name == "--schedule") {
    if (value == "greedy")
      options.launch.schedule = Schedule::Greedy;
    else if (value == "round-robin")
      options.launch.schedule = Schedule::RoundRobin;
    else if (value == "random")
      options.launch.schedule = Schedule::Random;
    else
      return fail("write greedy, round-robin or random");
    return Status::success();
  }
  if (name == "--counters") {
    if (value != "json" && value != "text")
      return fail("write --counters or --counters=json");
    options.counters = value == "json" ? SimToolOptions::Print::Json
                                       : SimToolOptions::Print::Text;
    return Status::success();
  }
  if (name == "--chip") {
    if (!findChip(value))
      return fail("known are " + chipNames());
    options.chip = value;
    return Status::success();
  }
  const bool isShared = name == "--shared", isThreads = name == "--threads";
  if (!isShared && !isThreads && name != "--seed" && name != "--budget")
    return fail("no such option; see --help");
  Status status = parseUnsigned(value,
                                isShared    ? uint64_t(1) << 30
                                : isThreads ? 256
                                            : UINT64_MAX,
                                number);
  if (!status.ok())
    return status;
  if (isShared)
    options.shared = number;
  else if (isThreads)
    options.launch.threads = static_cast<unsigned>(number);
  else if (name == "--seed")
    options.launch.seed = number;
  else
    options.launch.budget = number;
  return Status::success();
}

Expected<SimToolOptions> ra::runtime::sim::parseSimToolOptions(
    const std::vector<std::string> &arguments) {
  SimToolOptions options;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string &text = arguments[i];
    if (text.empty() || text[0] != '-') {
      if (!options.file.empty())
        return fail("two files: " + quoted(options.file) + " and " +
                    quoted(text));
      options.file = text;
    } else if (text == "--list") {
      options.list = true;
    } else if (text == "--help") {
      options.help = true;
    } else if (text == "--version") {
      options.version = true;
    } else if (text == "--counters") {
      options.counters = SimToolOptions::Print::Text;
    } else {
      const size_t equals = text.find('=');
      std::string value;
      if (equals != std::string::npos)
        value = text.substr(equals + 1);
      else if (i + 1 < arguments.size())
        value = arguments[++i];
      else
        return fail(quoted(text) + ": no such option, or its value is missing; "
                                   "see --help");
      Status status = parseOne(text.substr(0, equals), value, options);
      if (!status.ok())
        return fail(quoted(text) + ": " + status.message());
    }
  }
  if (options.file.empty() && !options.help && !options.version)
    return fail("a PTX file is needed; see --help");
  if (!options.chip.empty() || options.counters != SimToolOptions::Print::No)
    options.launch.counters = true;
  return options;
}

//===----------------------------------------------------------------------===//
// The run
//===----------------------------------------------------------------------===//

namespace {

int complain(SimToolStatus status, const std::string &message) {
  std::fprintf(stderr, "ra-sim: %s\n", message.c_str());
  return status;
}

/// One run on fresh copies of the arguments.
struct Run {
  LaunchResult result;
  std::vector<Tensor> after; ///< The buffers; scalars as they were.
};

} // namespace

static void printKernels(const Simulator &sim, unsigned module) {
  for (const std::string &name : sim.kernelNames(module)) {
    const KernelInfo info = Simulator::info(**sim.findKernel(module, name));
    std::printf("%s: %zu bytes of static shared memory", name.c_str(),
                info.staticSharedBytes);
    if (info.requiredThreads.x != 0)
      std::printf(", .reqntid %u, %u, %u", info.requiredThreads.x,
                  info.requiredThreads.y, info.requiredThreads.z);
    if (info.maximumThreads != 0)
      std::printf(", at most %u threads", info.maximumThreads);
    std::printf("\n");
    for (const ParameterInfo &parameter : info.parameters)
      std::printf("  .%s %s, %zu bytes\n", parameter.type.c_str(),
                  parameter.name.c_str(), parameter.bytes);
  }
}

static Expected<Run> runOnce(Simulator &sim, const Kernel &kernel,
                             const SimToolOptions &options,
                             const std::vector<ArgumentSpec> &arguments,
                             Dim3 block, AsyncMode mode) {
  const KernelInfo info = Simulator::info(kernel);
  std::vector<std::vector<uint8_t>> bytes;
  std::vector<uint64_t> addresses;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const Tensor &data = arguments[i].data;
    const auto *from = static_cast<const uint8_t *>(data.data());
    addresses.push_back(0);
    if (arguments[i].isScalar) {
      bytes.emplace_back(from, from + data.byteSize());
      continue;
    }
    const std::string name = i < info.parameters.size()
                                 ? info.parameters[i].name
                                 : "argument " + std::to_string(i);
    Expected<uint64_t> address = sim.allocate(data.byteSize(), name);
    if (!address)
      return address.takeFailure();
    addresses[i] = *address;
    Status status = sim.copyToDevice(*address, from, data.byteSize());
    if (!status.ok())
      return status.takeFailure();
    std::vector<uint8_t> pointer(sizeof(uint64_t));
    std::memcpy(pointer.data(), &*address, sizeof(uint64_t));
    bytes.push_back(std::move(pointer));
  }
  LaunchOptions launch = options.launch;
  launch.async = mode;
  Expected<LaunchResult> result =
      sim.launch(kernel, options.grid, block, options.shared, bytes, launch);
  if (!result)
    return result.takeFailure();
  Run run = {std::move(*result), {}};
  for (size_t i = 0; i < arguments.size(); ++i) {
    Expected<Tensor> after = arguments[i].data.clone();
    if (!after)
      return after.takeFailure();
    if (!arguments[i].isScalar) {
      Status status =
          sim.copyToHost(after->mutableData(), addresses[i], after->byteSize());
      if (status.ok())
        status = sim.free(addresses[i]);
      if (!status.ok())
        return status.takeFailure();
    }
    run.after.push_back(std::move(*after));
  }
  return run;
}

static void printCounters(const SimToolOptions &options,
                          const Counters &counters) {
  const Chip *chip = options.chip.empty() ? nullptr : findChip(options.chip);
  if (options.counters == SimToolOptions::Print::Json) {
    std::printf("{\"counters\": %s", counters.toJson().c_str());
    if (chip)
      std::printf(", \"roofline\": %s",
                  roofline(counters, *chip).toJson(*chip).c_str());
    std::printf("}\n");
    return;
  }
  if (options.counters == SimToolOptions::Print::Text)
    std::printf("%s", counters.toString().c_str());
  if (chip)
    std::printf("%s", roofline(counters, *chip).toString(*chip).c_str());
}

int ra::runtime::sim::runSimTool(const SimToolOptions &options) {
  Expected<std::shared_ptr<const MappedFile>> file =
      MappedFile::open(options.file);
  if (!file)
    return complain(kSimUsage, file.message());
  Simulator sim;
  Expected<unsigned> module = sim.loadModule(
      std::string((*file)->data(), (*file)->size()), options.file);
  if (!module)
    return complain(kSimModule, module.message());
  if (options.list) {
    printKernels(sim, *module);
    return kSimDone;
  }
  std::string entry = options.entry;
  const std::vector<std::string> names = sim.kernelNames(*module);
  if (entry.empty() && names.size() == 1)
    entry = names[0];
  Expected<const Kernel *> kernel = sim.findKernel(*module, entry);
  if (!kernel)
    return complain(kSimUsage, kernel.message() + "; choose one with --entry");
  Dim3 block = options.block;
  const KernelInfo info = Simulator::info(**kernel);
  if (!options.hasBlock) {
    if (info.requiredThreads.x == 0)
      return complain(kSimUsage, "the kernel has no .reqntid; give --block");
    block = info.requiredThreads;
  }
  std::vector<ArgumentSpec> arguments;
  for (const std::string &text : options.arguments) {
    Expected<ArgumentSpec> argument =
        makeArgument(text, options.launch.seed, arguments.size());
    if (!argument)
      return complain(kSimUsage, argument.message());
    arguments.push_back(std::move(*argument));
  }
  for (const auto &[index, path] : options.outputs)
    if (index >= arguments.size() || arguments[index].isScalar)
      return complain(kSimUsage, "--output=" + std::to_string(index) + ":" +
                                     path + ": argument " +
                                     std::to_string(index) +
                                     " is not a buffer");

  std::vector<Run> runs;
  bool clean = true;
  for (const AsyncMode mode : {AsyncMode::Eager, AsyncMode::Lazy}) {
    const bool isLazy = mode == AsyncMode::Lazy;
    if (isLazy ? !options.lazy : !options.eager)
      continue;
    Expected<Run> run = runOnce(sim, **kernel, options, arguments, block, mode);
    if (!run)
      return complain(kSimUsage, run.message());
    const LaunchResult &result = run->result;
    for (const Finding &finding : result.findings)
      std::fprintf(stderr, "%s\n", finding.toString().c_str());
    if (result.findingsDropped != 0)
      std::fprintf(stderr, "%llu more findings are not shown\n",
                   static_cast<unsigned long long>(result.findingsDropped));
    std::fprintf(stderr, "%s, %s: %llu warp instructions, %zu finding%s\n",
                 entry.c_str(), isLazy ? "lazy" : "eager",
                 static_cast<unsigned long long>(result.counters.instructions),
                 result.findings.size(),
                 result.findings.size() == 1 ? "" : "s");
    clean &= result.clean();
    runs.push_back(std::move(*run));
  }
  if (runs.size() == 2)
    for (size_t i = 0; i < arguments.size(); ++i)
      if (std::memcmp(runs[0].after[i].data(), runs[1].after[i].data(),
                      runs[0].after[i].byteSize()) != 0) {
        std::fprintf(stderr,
                     "argument %zu differs between eager and lazy copies: a "
                     "wait is missing\n",
                     i);
        clean = false;
      }
  if (options.launch.counters)
    printCounters(options, runs[0].result.counters);
  if (!clean)
    return kSimFindings;
  for (const auto &[index, path] : options.outputs) {
    Status status = writeNpy(path, runs[0].after[index]);
    if (!status.ok())
      return complain(kSimUsage, status.message());
  }
  return kSimDone;
}
