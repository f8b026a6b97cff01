//===- DeviceTest.cpp - The CPU and CUDA devices --------------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ra/Runtime/Device.h"
#include "../../../runtime/lib/Device/CudaDevice.h"
#include "../../../runtime/lib/Device/CudaDriver.h"
#include "FakeCuda.h"
#include "SampleArtifact.h"
#include "TestFiles.h"
#include "ra/Runtime/Program.h"
#include "gtest/gtest.h"

#include <functional>

// Where CUDA is installed, what the runtime declares is compared with it.
#if __has_include(<cuda.h>)
#include <cuda.h>
namespace cuda = ra::runtime::cuda;
static_assert(sizeof(cuda::LaunchConfig) == sizeof(CUlaunchConfig));
static_assert(offsetof(cuda::LaunchConfig, attributes) ==
              offsetof(CUlaunchConfig, attrs));
static_assert(offsetof(cuda::LaunchConfig, stream) ==
              offsetof(CUlaunchConfig, hStream));
static_assert(sizeof(cuda::LaunchAttribute) == sizeof(CUlaunchAttribute));
static_assert(offsetof(cuda::LaunchAttribute, value) ==
              offsetof(CUlaunchAttribute, value));
static_assert(sizeof(cuda::TensorMapBytes) == sizeof(CUtensorMap));
static_assert(cuda::ClusterDimension ==
              int(CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION));
static_assert(cuda::ProgrammaticStreamSerialization ==
              int(CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION));
static_assert(cuda::MaxSharedMemoryPerBlockOptin ==
              int(CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN));
static_assert(cuda::kMaxDynamicSharedSizeBytes ==
              int(CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES));
static_assert(cuda::ErrorLogBuffer == int(CU_JIT_ERROR_LOG_BUFFER));
#endif

using namespace ra::runtime;
using ra::runtime::test::says;

namespace {

/// The fake driver, freshly reset.
class CudaDevice : public ::testing::Test {
protected:
  void SetUp() override { fakeCudaReset(); }
  void TearDown() override {
    EXPECT_EQ(fakeCudaNumAlive(), 0);
    EXPECT_EQ(fakeCudaNumWithoutContext(), 0);
  }

  static std::shared_ptr<Device> open() {
    Expected<std::shared_ptr<Device>> device =
        createCudaDevice(0, RA_FAKE_CUDA);
    EXPECT_TRUE(device) << device.message();
    return device ? *device : nullptr;
  }
  static std::string openMessage(int number = 0) {
    Expected<std::shared_ptr<Device>> device =
        createCudaDevice(number, RA_FAKE_CUDA);
    return device ? "opened" : device.message();
  }
  static ModuleSource ptx(const char *text) {
    return {ModuleSource::Kind::Ptx, text, std::strlen(text), "k.ptx"};
  }
};

TEST(OpenDevice, NamesAndMessages) {
  EXPECT_EQ(openDevice("cpu").device->name(), "cpu");
  for (const char *name :
       {"tpu", "", "cuda:", "cuda:x", "cuda0", "cuda:99999"}) {
    OpenedDevice opened = openDevice(name);
    EXPECT_FALSE(opened.device) << name;
    EXPECT_TRUE(opened.isUnknown) << name;
    EXPECT_TRUE(says(opened.message, "there are auto, cpu and cuda[:N]"));
  }
  Expected<std::shared_ptr<Device>> none =
      createCudaDevice(0, "/nowhere/libcuda.so.1");
  ASSERT_FALSE(none);
  EXPECT_TRUE(says(none.message(), "no CUDA driver: /nowhere/libcuda.so.1"));
  EXPECT_TRUE(says(none.message(), "RA_CUDA_DRIVER can name another file"));
  // A library, but not a driver.
  none = createCudaDevice(0, "libc.so.6");
  ASSERT_FALSE(none);
  EXPECT_TRUE(says(none.message(), "is older than CUDA 12"));
}

TEST(OpenDevice, ByEnvironment) {
  fakeCudaReset();
  setenv("RA_CUDA_DRIVER", RA_FAKE_CUDA, 1);
  EXPECT_EQ(openDevice("cuda").device->name(), "cuda:0");
  EXPECT_EQ(openDevice("cuda:1").device->name(), "cuda:1");
  EXPECT_EQ(openDevice("auto").device->name(), "cuda:0");
  OpenedDevice opened = openDevice("cuda:2");
  EXPECT_FALSE(opened.device);
  EXPECT_FALSE(opened.isUnknown);
  EXPECT_EQ(opened.message, "there is no GPU 2; the CUDA driver sees 2");
  setenv("RA_CUDA_DRIVER", "/nowhere/libcuda.so.1", 1);
  EXPECT_EQ(openDevice("auto").device->name(), "cpu");
  EXPECT_FALSE(openDevice("cuda").device);
  EXPECT_FALSE(openDevice("cuda").isUnknown);
  unsetenv("RA_CUDA_DRIVER");
}

TEST(CpuDevice, CopiesAndCalls) {
  std::shared_ptr<Device> device = createCpuDevice();
  Expected<DeviceAddress> memory = device->allocate(8, "a test");
  ASSERT_TRUE(memory);
  EXPECT_EQ(*memory % 256, 0u);
  int32_t numbers[2] = {3, 4}, back[2] = {};
  EXPECT_TRUE(device->fill(*memory, 0xFF, 8).ok());
  EXPECT_TRUE(device->copyToDevice(*memory, numbers, 8).ok());
  DeviceKernel kernel = makeCpuKernel([](void *const *arguments) {
    auto *data = *static_cast<int32_t *const *>(arguments[0]);
    data[1] += *static_cast<const int32_t *>(arguments[1]);
  });
  KernelArguments arguments;
  arguments.addAddress(*memory);
  arguments.add(int32_t(10));
  LaunchOptions options;
  EXPECT_TRUE(device->launch(kernel, options, arguments).ok());
  EXPECT_TRUE(device->copyToHost(back, *memory, 8).ok());
  EXPECT_EQ(back[0], 3);
  EXPECT_EQ(back[1], 14);
  options.grid.x = 2;
  EXPECT_FALSE(device->launch(kernel, options, arguments).ok());
  EXPECT_FALSE(device->launch(DeviceKernel(), {}, arguments).ok());
  Expected<DeviceEvent> begin = device->createEvent();
  Expected<DeviceEvent> end = device->createEvent();
  EXPECT_FALSE(device->elapsedMilliseconds(*begin, *end));
  EXPECT_TRUE(device->record(*begin).ok());
  EXPECT_TRUE(device->record(*end).ok());
  EXPECT_GE(*device->elapsedMilliseconds(*begin, *end), 0.0);
  EXPECT_FALSE(device->beginCapture({}).ok());
  const char text[] = "not ELF";
  Expected<DeviceModule> module = device->loadModule(
      {ModuleSource::Kind::SharedObject, text, sizeof(text), "x.so"});
  ASSERT_FALSE(module);
  EXPECT_TRUE(says(module.message(), "x.so: its code cannot be loaded: "));
  EXPECT_TRUE(device->free(*memory).ok());
  EXPECT_FALSE(device->free(*memory).ok());
}

TEST_F(CudaDevice, Facts) {
  Expected<DeviceFacts> facts = open()->facts();
  ASSERT_TRUE(facts) << facts.message();
  EXPECT_EQ(facts->name, "Fake GPU 40");
  EXPECT_EQ(facts->target, "sm_90");
  EXPECT_EQ(facts->multiprocessors, 132);
  EXPECT_EQ(facts->clockMHz, 1980);
  // Not told, and no error.
  EXPECT_EQ(facts->memoryClockMHz, 0);
  EXPECT_EQ(facts->memoryBytes, size_t(80) << 30);
  EXPECT_EQ(facts->l2Bytes, size_t(50) << 20);
  EXPECT_EQ(facts->sharedBytesPerBlock, size_t(227) << 10);
  EXPECT_EQ(facts->driver, "13.1");
}

TEST_F(CudaDevice, DriversThatWillNotDo) {
  fakeCudaHide("cuLaunchKernelEx");
  EXPECT_TRUE(
      says(openMessage(),
           "has no cuLaunchKernelEx of the form of CUDA version 11060"));
  fakeCudaReset();
  fakeCudaFail("cuInit");
  EXPECT_EQ(openMessage(),
            "no CUDA device: cuInit: CUDA_ERROR_ILLEGAL_ADDRESS (700): an "
            "illegal memory access was encountered");
  fakeCudaReset();
  EXPECT_EQ(openMessage(5), "there is no GPU 5; the CUDA driver sees 2");
  fakeCudaFail("cuDevicePrimaryCtxRetain");
  EXPECT_TRUE(says(openMessage(), "cuda:0: cuDevicePrimaryCtxRetain: CUDA_"));
}

TEST_F(CudaDevice, LaunchesAsAsked) {
  std::shared_ptr<Device> device = open();
  Expected<DeviceModule> module = device->loadModule(ptx(".version 8.0\n..."));
  ASSERT_TRUE(module) << module.message();
  Expected<DeviceKernel> kernel = device->findKernel(*module, "k_8_4_4_8_128");
  ASSERT_TRUE(kernel) << kernel.message();
  Expected<DeviceAddress> memory = device->allocate(1024, "x");
  ASSERT_TRUE(memory);
  Expected<DeviceStream> stream = device->createStream();
  ASSERT_TRUE(stream);
  TensorMap map;
  map.elementType = ElementType::BF16;
  map.address = *memory;
  map.rank = 3;
  map.extents = {64, 100, 8};
  map.strides = {128, 12800};
  map.box = {64, 32, 1};
  map.swizzle = 3;
  map.l2Promotion = 2;
  map.fillWithNaN = true;
  Status encoded = device->encode(map);
  ASSERT_TRUE(encoded.ok()) << encoded.message();
  KernelArguments arguments;
  arguments.addAddress(*memory);
  arguments.add(int32_t(-2));
  arguments.add(0.5f);
  arguments.add(int64_t(7));
  arguments.add(map);
  ASSERT_TRUE(arguments[4].map);
  EXPECT_EQ(arguments[4].map->box[1], 32u);
  EXPECT_EQ(arguments[4].map->extents[1], 100u);
  LaunchOptions options;
  options.grid = {10, 2, 3};
  options.block = {128, 1, 1};
  options.cluster = {2, 1, 1};
  options.isProgrammatic = true;
  options.dynamicSharedBytes = 100 << 10;
  options.stream = *stream;
  fakeCudaLoseContext();
  Status status = device->launch(*kernel, options, arguments);
  ASSERT_TRUE(status.ok()) << status.message();
  // Allowed once is enough; within 48 KiB nothing is asked.
  EXPECT_TRUE(device->launch(*kernel, options, arguments).ok());
  options = LaunchOptions();
  EXPECT_TRUE(device->launch(*kernel, options, arguments).ok());
  std::string launch = " address fffffffe 3f000000 7 1001\n";
  EXPECT_EQ(
      std::string(fakeCudaLog()),
      "retain 40\nload .version 8.0\nalloc 1024\nstream 1\n"
      "map type 9 64/64/1 100/32/1 8/1/1 stride 128 stride 12800 0 3 2 1\n"
      "attribute 8 = 102400\n"
      "launch k_8_4_4_8_128 grid 10 2 3 block 128 1 1 shared 102400 stream "
      "attribute 4(2 1 1) attribute 6(1)" +
          launch +
          "launch k_8_4_4_8_128 grid 10 2 3 block 128 1 1 shared 102400 stream "
          "attribute 4(2 1 1) attribute 6(1)" +
          launch + "launch k_8_4_4_8_128 grid 1 1 1 block 1 1 1 shared 0" +
          launch);
}

TEST_F(CudaDevice, ModulesThatDoNotLoad) {
  std::shared_ptr<Device> device = open();
  Expected<DeviceModule> module = device->loadModule(ptx("nonsense"));
  ASSERT_FALSE(module);
  EXPECT_EQ(
      module.message(),
      "k.ptx: cuda:0: cuModuleLoadDataEx: CUDA_ERROR_INVALID_PTX (218): a "
      "PTX JIT compilation failed; the assembler says: ptxas fatal: line "
      "7: syntax error");
  module = device->loadModule(ptx("good"));
  ASSERT_TRUE(module);
  Expected<DeviceKernel> kernel = device->findKernel(*module, "missing");
  ASSERT_FALSE(kernel);
  EXPECT_TRUE(says(kernel.message(), "kernel 'missing': cuda:0: "
                                     "cuModuleGetFunction: "
                                     "CUDA_ERROR_NOT_FOUND (500)"));
  EXPECT_FALSE(
      device->loadModule({ModuleSource::Kind::SharedObject, "x", 1, "x.so"}));
}

TEST_F(CudaDevice, MemoryEventsAndGraphs) {
  std::shared_ptr<Device> device = open();
  DeviceAddress a = *device->allocate(16, "a"), b = *device->allocate(0, "b");
  char text[16] = "fifteen letters", back[16] = {};
  EXPECT_TRUE(device->copyToDevice(a, text, 16).ok());
  DeviceAddress c = *device->allocate(16, "c");
  EXPECT_TRUE(device->copyOnDevice(c, a, 16).ok());
  EXPECT_TRUE(device->fill(c, 'x', 3).ok());
  EXPECT_TRUE(device->copyToHost(back, c, 16).ok());
  EXPECT_STREQ(back, "xxxteen letters");
  EXPECT_TRUE(device->free(b).ok());
  EXPECT_FALSE(device->free(b).ok());
  DeviceEvent begin = *device->createEvent(), end = *device->createEvent();
  EXPECT_TRUE(device->record(begin).ok());
  EXPECT_TRUE(device->record(end).ok());
  EXPECT_DOUBLE_EQ(*device->elapsedMilliseconds(begin, end), 1.5);
  DeviceStream stream = *device->createStream();
  EXPECT_TRUE(device->beginCapture(stream).ok());
  Expected<DeviceGraph> graph = device->endCapture(stream);
  ASSERT_TRUE(graph) << graph.message();
  EXPECT_TRUE(device->launch(*graph, stream).ok());
  EXPECT_TRUE(device->synchronize(stream).ok());
  EXPECT_TRUE(device->destroy(*graph).ok());
  EXPECT_FALSE(device->destroy(*graph).ok());
  EXPECT_EQ(std::string(fakeCudaLog()),
            "retain 40\nalloc 16\nalloc 1\ncuMemcpyHtoDAsync 16\nalloc 16\n"
            "cuMemcpyDtoDAsync 16\nmemset 3\ncuMemcpyDtoHAsync 16\ncuMemFree\n"
            "record\nrecord\nwait for event\nstream 1\ncapture 1\ncaptured\n"
            "instantiate 0\ncuGraphDestroy\nlaunch graph stream\n"
            "synchronize stream\ncuGraphExecDestroy\n");
}

/// Whatever fails, the message has the function and the driver's words.
TEST_F(CudaDevice, EveryErrorComesOut) {
  std::shared_ptr<Device> device = open();
  DeviceAddress memory = *device->allocate(16, "x");
  DeviceModule module = *device->loadModule(ptx("good"));
  DeviceKernel kernel = *device->findKernel(module, "k_8");
  DeviceStream stream = *device->createStream();
  DeviceEvent event = *device->createEvent();
  (void)device->record(event);
  DeviceGraph graph = *device->endCapture(stream);
  KernelArguments arguments;
  arguments.addAddress(memory);
  LaunchOptions large;
  large.dynamicSharedBytes = 64 << 10;
  TensorMap map;
  map.address = memory;
  char bytes[16] = {};
  auto message = [](auto result) {
    if constexpr (std::is_same_v<decltype(result), Status>)
      return result.ok() ? std::string("success") : result.message();
    else
      return result ? std::string("success") : result.message();
  };
  const std::pair<const char *, std::function<std::string()>> cases[] = {
      {"cuDeviceGetName", [&] { return message(device->facts()); }},
      {"cuDeviceGetAttribute", [&] { return message(device->facts()); }},
      {"cuMemAlloc", [&] { return message(device->allocate(8, "y")); }},
      {"cuMemFree",
       [&] { return message(device->free(*device->allocate(1, "z"))); }},
      {"cuMemcpyHtoDAsync",
       [&] { return message(device->copyToDevice(memory, bytes, 16)); }},
      {"cuMemcpyDtoHAsync",
       [&] { return message(device->copyToHost(bytes, memory, 16)); }},
      {"cuMemcpyDtoDAsync",
       [&] { return message(device->copyOnDevice(memory, memory, 16)); }},
      {"cuMemsetD8Async", [&] { return message(device->fill(memory, 0, 1)); }},
      {"cuModuleLoadDataEx",
       [&] { return message(device->loadModule(ptx("good"))); }},
      {"cuModuleGetFunction",
       [&] { return message(device->findKernel(module, "k_8")); }},
      {"cuFuncSetAttribute",
       [&] {
         large.dynamicSharedBytes += 1024;
         return message(device->launch(kernel, large, arguments));
       }},
      {"cuLaunchKernelEx",
       [&] { return message(device->launch(kernel, {}, arguments)); }},
      {"cuTensorMapEncodeTiled", [&] { return message(device->encode(map)); }},
      {"cuStreamCreate", [&] { return message(device->createStream()); }},
      {"cuStreamSynchronize", [&] { return message(device->synchronize()); }},
      {"cuEventCreate", [&] { return message(device->createEvent()); }},
      {"cuEventRecord", [&] { return message(device->record(event)); }},
      {"cuEventSynchronize",
       [&] { return message(device->elapsedMilliseconds(event, event)); }},
      {"cuEventElapsedTime",
       [&] { return message(device->elapsedMilliseconds(event, event)); }},
      {"cuStreamBeginCapture",
       [&] { return message(device->beginCapture(stream)); }},
      {"cuStreamEndCapture",
       [&] { return message(device->endCapture(stream)); }},
      {"cuGraphInstantiateWithFlags",
       [&] { return message(device->endCapture(stream)); }},
      {"cuGraphLaunch", [&] { return message(device->launch(graph, stream)); }},
      {"cuCtxSetCurrent", [&] { return message(device->synchronize()); }}};
  for (const auto &[function, action] : cases) {
    fakeCudaReset();
    EXPECT_EQ(action(), "success") << function;
    fakeCudaFail(function);
    EXPECT_TRUE(says(action(), "cuda:0: " + std::string(function) +
                                   ": CUDA_ERROR_ILLEGAL_ADDRESS (700): an "
                                   "illegal memory access was encountered"));
  }
  // Its free failed, above; the context takes it along.
  fakeCudaReset();
}

/// An artifact whose plan has one launch: y = 2 (x + constants are not used).
Artifact doublingArtifact() {
  Artifact artifact;
  artifact.producer = "a test";
  artifact.images = {
      test::makeImage(ArtifactImage::Kind::Ptx, "sm_80", "ptx 80"),
      test::makeImage(ArtifactImage::Kind::Ptx, "sm_90a", "ptx 90a"),
      test::makeImage(ArtifactImage::Kind::Cubin, "sm_86", "cubin 86")};
  ArtifactEntry entry;
  entry.name = "twice";
  entry.arguments = {{{ElementType::F32, {-1}}, false, "normal(0,1)"}};
  entry.main.arguments = {entry.arguments[0].type};
  entry.main.sources = {0};
  entry.main.results = {{ElementType::F32, {-1}}};
  DimExpr length = DimExpr::dim(0, 0);
  entry.main.extents = {length};
  using Kind = ArtifactLaunchArgument::Kind;
  ArtifactLaunchArgument in, out, middle, count;
  in.operand = {ArtifactOperand::Kind::Argument, 0};
  out.operand = {ArtifactOperand::Kind::Result, 0};
  middle.operand = {ArtifactOperand::Kind::Buffer, 0};
  count.kind = Kind::Int32;
  count.value = length;
  ArtifactLaunch first;
  first.kernel = "double_8_8_4";
  first.grid = {DimExpr::binary(DimExpr::Op::CeilDiv, length, 64), DimExpr(1),
                DimExpr(1)};
  first.block = {DimExpr(64), DimExpr(1), DimExpr(1)};
  first.arguments = {middle, in, count};
  ArtifactLaunch second = first;
  second.arguments = {out, middle, count};
  second.isProgrammatic = true;
  for (uint32_t image = 0; image < 3; ++image) {
    ArtifactImplementation item;
    item.image = image;
    item.buffers = {{DimExpr::binary(DimExpr::Op::Mul, length, 4), 0, 1}};
    item.launches = {first, second};
    entry.main.implementations.push_back(item);
  }
  artifact.entries = {entry};
  EXPECT_TRUE(validateArtifact(artifact).ok());
  return artifact;
}

TEST_F(CudaDevice, ChoosesTheImageThatSuits) {
  auto choice = [&](int major, int minor) {
    fakeCudaSetCapability(major, minor);
    auto program = Program::load(doublingArtifact(), open());
    return program ? (*program)->image().description() : program.message();
  };
  EXPECT_EQ(choice(9, 0), "ptx sm_90a");
  EXPECT_EQ(choice(8, 6), "cubin sm_86");
  EXPECT_EQ(choice(8, 9), "cubin sm_86");
  EXPECT_EQ(choice(8, 0), "ptx sm_80");
  EXPECT_EQ(choice(12, 0), "ptx sm_80");
  EXPECT_EQ(choice(7, 5), "there is no code for the device cuda:0 (sm_75); "
                          "there is ptx sm_80, ptx sm_90a, cubin sm_86");
}

TEST_F(CudaDevice, RunsThePlanOfAnArtifact) {
  std::shared_ptr<Device> device = open();
  Expected<std::shared_ptr<const Program>> program =
      Program::load(doublingArtifact(), device);
  ASSERT_TRUE(program) << program.message();
  std::vector<float> x(100), y(100);
  for (size_t i = 0; i < x.size(); ++i)
    x[i] = static_cast<float>(i);
  int64_t shape[] = {100};
  TensorRef in = {*device->allocate(400, "x"), ElementType::F32, shape, 1};
  TensorRef out = {*device->allocate(400, "y"), ElementType::F32, shape, 1};
  ASSERT_TRUE(device->copyToDevice(in.address, x.data(), 400).ok());
  Program::Call call;
  call.arguments = &in;
  call.numArguments = 1;
  call.results = &out;
  call.numResults = 1;
  Expected<size_t> bytes = (*program)->workspaceBytes(call);
  ASSERT_TRUE(bytes) << bytes.message();
  EXPECT_EQ(*bytes, 448u);
  DeviceAddress workspace = *device->allocate(*bytes, "workspace");
  fakeCudaReset();
  Status status = (*program)->run(call, workspace, *bytes);
  ASSERT_TRUE(status.ok()) << status.message();
  EXPECT_EQ(std::string(fakeCudaLog()),
            "launch double_8_8_4 grid 2 1 1 block 64 1 1 shared 0 address "
            "address 64\n"
            "launch double_8_8_4 grid 2 1 1 block 64 1 1 shared 0 attribute "
            "6(1) address address 64\n");
  ASSERT_TRUE(device->copyToHost(y.data(), out.address, 400).ok());
  for (size_t i = 0; i < x.size(); ++i)
    ASSERT_EQ(y[i], 4 * x[i]);
  // An empty tensor launches nothing.
  shape[0] = 0;
  fakeCudaReset();
  EXPECT_TRUE((*program)->run(call, workspace, *bytes).ok());
  EXPECT_STREQ(fakeCudaLog(), "");
  shape[0] = 100;
  fakeCudaFail("cuLaunchKernelEx");
  status = (*program)->run(call, workspace, *bytes);
  ASSERT_FALSE(status.ok());
  EXPECT_TRUE(says(status.message(), "kernel 'double_8_8_4': cuda:0: "
                                     "cuLaunchKernelEx: CUDA_ERROR_"));
}

/// The same interface on a real GPU.
TEST(CudaHardware, CopiesThere) {
  Expected<std::shared_ptr<Device>> opened = createCudaDevice(0);
  if (!opened)
    GTEST_SKIP() << opened.message();
  Device &device = **opened;
  Expected<DeviceFacts> facts = device.facts();
  ASSERT_TRUE(facts) << facts.message();
  EXPECT_GE(facts->computeMajor, 5);
  Expected<DeviceAddress> memory = device.allocate(1 << 20, "a test");
  ASSERT_TRUE(memory) << memory.message();
  std::vector<char> text(1 << 20, 'a'), back(1 << 20);
  EXPECT_TRUE(device.copyToDevice(*memory, text.data(), text.size()).ok());
  EXPECT_TRUE(device.fill(*memory + 1, 'b', 1).ok());
  EXPECT_TRUE(device.copyToHost(back.data(), *memory, back.size()).ok());
  EXPECT_TRUE(device.synchronize().ok());
  text[1] = 'b';
  EXPECT_EQ(back, text);
}

/// A kernel there, from PTX, captured into a graph and timed.
TEST(CudaHardware, RunsPtxThere) {
  Expected<std::shared_ptr<Device>> opened = createCudaDevice(0);
  if (!opened)
    GTEST_SKIP() << opened.message();
  Device &device = **opened;
  const std::string text = R"(
.version 7.0
.target sm_80
.address_size 64
.visible .entry store(.param .u64 p, .param .u32 v) {
  .reg .u64 %a<3>; .reg .u32 %r<3>;
  ld.param.u64 %a0, [p];
  cvta.to.global.u64 %a0, %a0;
  ld.param.u32 %r0, [v];
  mov.u32 %r1, %tid.x;
  mul.wide.u32 %a1, %r1, 4;
  add.u64 %a2, %a0, %a1;
  add.u32 %r2, %r0, %r1;
  st.global.u32 [%a2], %r2;
  ret;
}
)";
  Expected<DeviceModule> module = device.loadModule(
      {ModuleSource::Kind::Ptx, text.data(), text.size(), "store.ptx"});
  ASSERT_TRUE(module) << module.message();
  Expected<DeviceKernel> kernel = device.findKernel(*module, "store");
  ASSERT_TRUE(kernel) << kernel.message();
  Expected<DeviceAddress> memory = device.allocate(128, "a test");
  ASSERT_TRUE(memory) << memory.message();
  Expected<DeviceStream> stream = device.createStream();
  ASSERT_TRUE(stream) << stream.message();
  KernelArguments arguments;
  arguments.addAddress(*memory);
  arguments.add(uint32_t(100));
  LaunchOptions options;
  options.block.x = 32;
  options.stream = *stream;
  ASSERT_TRUE(device.beginCapture(*stream).ok());
  Status status = device.launch(*kernel, options, arguments);
  EXPECT_TRUE(status.ok()) << status.message();
  Expected<DeviceGraph> graph = device.endCapture(*stream);
  ASSERT_TRUE(graph) << graph.message();
  DeviceEvent begin = *device.createEvent(), end = *device.createEvent();
  EXPECT_TRUE(device.record(begin, *stream).ok());
  EXPECT_TRUE(device.launch(*graph, *stream).ok());
  EXPECT_TRUE(device.record(end, *stream).ok());
  EXPECT_GT(*device.elapsedMilliseconds(begin, end), 0.0);
  uint32_t back[32] = {};
  EXPECT_TRUE(device.copyToHost(back, *memory, 128, *stream).ok());
  EXPECT_TRUE(device.synchronize(*stream).ok());
  for (uint32_t i = 0; i < 32; ++i)
    EXPECT_EQ(back[i], 100 + i);
}

} // namespace
