//===- CudaDevice.cpp - A GPU through the CUDA driver ---------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "CudaDevice.h"
#include "../Text.h"
#include "CudaDriver.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <set>

using namespace ra::runtime;
using cuda::Driver;

// Calls the driver, in the device's context, and returns its error.
#define RA_CUDA(function, ...)                                                 \
  do {                                                                         \
    if (Status status_ = call(#function, driver->function, __VA_ARGS__);       \
        !status_.ok())                                                         \
      return status_.takeFailure();                                            \
  } while (false)

namespace {

template <typename Handle> uint64_t toId(Handle handle) {
  return reinterpret_cast<uintptr_t>(handle);
}
template <typename Handle> Handle toHandle(uint64_t id) {
  // NOLINTNEXTLINE(performance-no-int-to-ptr): handles are numbers.
  return reinterpret_cast<Handle>(static_cast<uintptr_t>(id));
}

/// CUtensorMapDataType.
bool tensorMapType(ElementType type, int &code) {
  static constexpr std::pair<ElementType, int> codes[] = {
      {ElementType::U8, 0},  {ElementType::I8, 0},  {ElementType::I1, 0},
      {ElementType::U16, 1}, {ElementType::I16, 1}, {ElementType::U32, 2},
      {ElementType::I32, 3}, {ElementType::U64, 4}, {ElementType::I64, 5},
      {ElementType::F16, 6}, {ElementType::F32, 7}, {ElementType::F64, 8},
      {ElementType::BF16, 9}};
  for (const auto &[candidate, value] : codes)
    if (candidate == type) {
      code = value;
      return true;
    }
  return false;
}

class CudaDevice : public Device {
public:
  CudaDevice(std::shared_ptr<const Driver> driver, int number,
             cuda::DeviceNumber device)
      : driver(std::move(driver)), number(number), device(device) {}

  /// What is still there goes; errors have nobody to go to.
  ~CudaDevice() override {
    if (!context)
      return;
    driver->CtxSetCurrent(context);
    for (cuda::GraphExec graph : graphs)
      driver->GraphExecDestroy(graph);
    for (cuda::Event event : events)
      driver->EventDestroy(event);
    for (cuda::Stream stream : streams)
      driver->StreamDestroy(stream);
    for (cuda::DevicePointer address : allocations)
      driver->MemFree(address);
    for (cuda::Module module : modules)
      driver->ModuleUnload(module);
    driver->DevicePrimaryCtxRelease(device);
  }

  Status open() {
    return check("DevicePrimaryCtxRetain",
                 driver->DevicePrimaryCtxRetain(&context, device));
  }

  std::string name() const override { return "cuda:" + std::to_string(number); }

  Expected<DeviceFacts> facts() override {
    DeviceFacts facts;
    char text[256] = {};
    RA_CUDA(DeviceGetName, text, static_cast<int>(sizeof(text)) - 1, device);
    facts.name = text;
    RA_CUDA(DeviceTotalMem, &facts.memoryBytes, device);
    int version = 0;
    RA_CUDA(DriverGetVersion, &version);
    facts.driver = std::to_string(version / 1000) + "." +
                   std::to_string(version % 1000 / 10);
    for (auto [attribute, value] :
         {std::pair(cuda::ComputeCapabilityMajor, &facts.computeMajor),
          {cuda::ComputeCapabilityMinor, &facts.computeMinor},
          {cuda::MultiprocessorCount, &facts.multiprocessors}})
      RA_CUDA(DeviceGetAttribute, value, attribute, device);
    // What a driver may have given up telling.
    auto attribute = [&](int which) {
      int value = 0;
      return driver->DeviceGetAttribute(&value, which, device) == 0 ? value : 0;
    };
    facts.clockMHz = attribute(cuda::ClockRate) / 1000;
    facts.memoryClockMHz = attribute(cuda::MemoryClockRate) / 1000;
    facts.l2Bytes = static_cast<size_t>(attribute(cuda::L2CacheSize));
    facts.sharedBytesPerBlock =
        static_cast<size_t>(attribute(cuda::MaxSharedMemoryPerBlockOptin));
    facts.target = "sm_" + std::to_string(facts.computeMajor) +
                   std::to_string(facts.computeMinor);
    return facts;
  }

  Expected<DeviceAddress> allocate(size_t bytes,
                                   const std::string &label) override {
    cuda::DevicePointer address = 0;
    Status status = call("MemAlloc", driver->MemAlloc, &address,
                         std::max<size_t>(bytes, 1));
    if (!status.ok())
      return fail(status.message() + ", for the " + std::to_string(bytes) +
                  " bytes of " + label);
    allocations.insert(address);
    return DeviceAddress(address);
  }

  Status free(DeviceAddress address) override {
    return release("MemFree", driver->MemFree, cuda::DevicePointer(address),
                   allocations);
  }

  Status copyToDevice(DeviceAddress to, const void *from, size_t bytes,
                      DeviceStream stream) override {
    return bytes == 0 ? Status::success()
                      : call("MemcpyHtoDAsync", driver->MemcpyHtoDAsync, to,
                             from, bytes, toStream(stream));
  }
  Status copyToHost(void *to, DeviceAddress from, size_t bytes,
                    DeviceStream stream) override {
    return bytes == 0 ? Status::success()
                      : call("MemcpyDtoHAsync", driver->MemcpyDtoHAsync, to,
                             from, bytes, toStream(stream));
  }
  Status copyOnDevice(DeviceAddress to, DeviceAddress from, size_t bytes,
                      DeviceStream stream) override {
    return bytes == 0 ? Status::success()
                      : call("MemcpyDtoDAsync", driver->MemcpyDtoDAsync, to,
                             from, bytes, toStream(stream));
  }
  Status fill(DeviceAddress to, uint8_t value, size_t bytes,
              DeviceStream stream) override {
    return bytes == 0 ? Status::success()
                      : call("MemsetD8Async", driver->MemsetD8Async, to, value,
                             bytes, toStream(stream));
  }

  Expected<DeviceModule> loadModule(const ModuleSource &source) override {
    if (source.kind == ModuleSource::Kind::SharedObject)
      return fail(source.name + ": the device " + name() +
                  " runs PTX and cubins, not shared objects");
    // PTX is text and needs its end.
    std::string bytes(source.data, source.size);
    std::string log(16384, '\0');
    int options[] = {cuda::ErrorLogBuffer, cuda::ErrorLogBufferSizeBytes};
    void *values[] = {log.data(), toHandle<void *>(log.size() - 1)};
    cuda::Module module = nullptr;
    Status status =
        call("ModuleLoadDataEx", driver->ModuleLoadDataEx, &module,
             static_cast<const void *>(bytes.c_str()), 2u, options, values);
    if (!status.ok()) {
      log.resize(std::strlen(log.c_str()));
      return fail(source.name + ": " + status.message() +
                  (log.empty() ? "" : "; the assembler says: " + log));
    }
    modules.push_back(module);
    return DeviceModule{toId(module)};
  }

  Expected<DeviceKernel> findKernel(DeviceModule module,
                                    const std::string &kernel) override {
    cuda::Function function = nullptr;
    Status status =
        call("ModuleGetFunction", driver->ModuleGetFunction, &function,
             toHandle<cuda::Module>(module.id), kernel.c_str());
    if (!status.ok())
      return fail("kernel " + quoted(kernel) + ": " + status.message());
    return DeviceKernel{toId(function)};
  }

  Status launch(DeviceKernel kernel, const LaunchOptions &options,
                const KernelArguments &arguments) override {
    auto function = toHandle<cuda::Function>(kernel.id);
    // Above what a kernel has without asking.
    constexpr size_t defaultShared = size_t(48) << 10;
    size_t &allowed = sharedBytes[kernel.id];
    if (options.dynamicSharedBytes > std::max(allowed, defaultShared)) {
      RA_CUDA(FuncSetAttribute, function, cuda::kMaxDynamicSharedSizeBytes,
              static_cast<int>(options.dynamicSharedBytes));
      allowed = options.dynamicSharedBytes;
    }
    cuda::LaunchAttribute attributes[2];
    cuda::LaunchConfig config;
    config.attributes = attributes;
    const LaunchDims &cluster = options.cluster;
    if (cluster.x != 1 || cluster.y != 1 || cluster.z != 1) {
      cuda::LaunchAttribute &attribute = attributes[config.numAttributes++];
      attribute.id = cuda::ClusterDimension;
      attribute.value.cluster = {cluster.x, cluster.y, cluster.z};
    }
    if (options.isProgrammatic) {
      cuda::LaunchAttribute &attribute = attributes[config.numAttributes++];
      attribute.id = cuda::ProgrammaticStreamSerialization;
      attribute.value.programmaticStreamSerialization = 1;
    }
    config.gridX = options.grid.x;
    config.gridY = options.grid.y;
    config.gridZ = options.grid.z;
    config.blockX = options.block.x;
    config.blockY = options.block.y;
    config.blockZ = options.block.z;
    config.sharedBytes = static_cast<unsigned>(options.dynamicSharedBytes);
    config.stream = toStream(options.stream);
    // The driver reads as many bytes of each as the kernel declares.
    std::vector<void *> pointers;
    pointers.reserve(arguments.size());
    for (size_t i = 0; i < arguments.size(); ++i)
      pointers.push_back(
          const_cast<unsigned char *>(arguments[i].bytes.data()));
    return call("LaunchKernelEx", driver->LaunchKernelEx, &config, function,
                pointers.data(), static_cast<void **>(nullptr));
  }

  Status encode(TensorMap &map) override {
    if (!driver->TensorMapEncodeTiled)
      return fail(name() + ": the driver is older than CUDA 12 and has no "
                           "tensor maps");
    int type = 0;
    if (map.rank < 1 || map.rank > 5 || !tensorMapType(map.elementType, type))
      return fail(name() + ": a tensor map has one to five dims");
    cuda::TensorMapBytes bytes = {};
    Status status = call(
        "TensorMapEncodeTiled", driver->TensorMapEncodeTiled, &bytes, type,
        map.rank, toHandle<void *>(map.address), map.extents.data(),
        map.strides.data(), map.box.data(), map.elementStrides.data(),
        /*interleave=*/0, static_cast<int>(map.swizzle),
        static_cast<int>(map.l2Promotion), static_cast<int>(map.fillWithNaN));
    if (status.ok())
      std::memcpy(map.opaque.data(), &bytes, sizeof(bytes));
    return status;
  }

  Expected<DeviceStream> createStream() override {
    // Work in it does not wait for the default stream.
    constexpr unsigned nonBlocking = 1;
    cuda::Stream stream = nullptr;
    RA_CUDA(StreamCreate, &stream, nonBlocking);
    streams.insert(stream);
    return DeviceStream{toId(stream)};
  }
  Status destroy(DeviceStream stream) override {
    return release("StreamDestroy", driver->StreamDestroy, toStream(stream),
                   streams);
  }
  Status synchronize(DeviceStream stream) override {
    return call("StreamSynchronize", driver->StreamSynchronize,
                toStream(stream));
  }

  Expected<DeviceEvent> createEvent() override {
    cuda::Event event = nullptr;
    RA_CUDA(EventCreate, &event, 0u);
    events.insert(event);
    return DeviceEvent{toId(event)};
  }
  Status destroy(DeviceEvent event) override {
    return release("EventDestroy", driver->EventDestroy,
                   toHandle<cuda::Event>(event.id), events);
  }
  Status record(DeviceEvent event, DeviceStream stream) override {
    return call("EventRecord", driver->EventRecord,
                toHandle<cuda::Event>(event.id), toStream(stream));
  }
  Expected<double> elapsedMilliseconds(DeviceEvent begin,
                                       DeviceEvent end) override {
    RA_CUDA(EventSynchronize, toHandle<cuda::Event>(end.id));
    float milliseconds = 0;
    RA_CUDA(EventElapsedTime, &milliseconds, toHandle<cuda::Event>(begin.id),
            toHandle<cuda::Event>(end.id));
    return static_cast<double>(milliseconds);
  }

  Status beginCapture(DeviceStream stream) override {
    return call("StreamBeginCapture", driver->StreamBeginCapture,
                toStream(stream), cuda::kCaptureThreadLocal);
  }
  Expected<DeviceGraph> endCapture(DeviceStream stream) override {
    cuda::Graph graph = nullptr;
    RA_CUDA(StreamEndCapture, toStream(stream), &graph);
    cuda::GraphExec instance = nullptr;
    Status status =
        call("GraphInstantiateWithFlags", driver->GraphInstantiateWithFlags,
             &instance, graph, 0ull);
    // The instance has all that it needs.
    Status destroyed = call("GraphDestroy", driver->GraphDestroy, graph);
    if (!status.ok())
      return status.takeFailure();
    graphs.insert(instance);
    if (!destroyed.ok())
      return destroyed.takeFailure();
    return DeviceGraph{toId(instance)};
  }
  Status launch(DeviceGraph graph, DeviceStream stream) override {
    return call("GraphLaunch", driver->GraphLaunch,
                toHandle<cuda::GraphExec>(graph.id), toStream(stream));
  }
  Status destroy(DeviceGraph graph) override {
    return release("GraphExecDestroy", driver->GraphExecDestroy,
                   toHandle<cuda::GraphExec>(graph.id), graphs);
  }

private:
  static cuda::Stream toStream(DeviceStream stream) {
    return toHandle<cuda::Stream>(stream.id);
  }

  Status check(const char *function, cuda::Result result) const {
    Status status = driver->check(function, result);
    return status.ok() ? status : fail(name() + ": " + status.message());
  }

  /// The context is the thread's, and other libraries set it, too.
  template <typename... Parameters, typename... Arguments>
  Status call(const char *function, cuda::Result (*entry)(Parameters...),
              Arguments... arguments) const {
    if (Status status = check("CtxSetCurrent", driver->CtxSetCurrent(context));
        !status.ok())
      return status;
    return check(function, entry(arguments...));
  }

  /// What the driver did not let go stays ours until the device goes.
  template <typename Handle>
  Status release(const char *function, cuda::Result (*entry)(Handle),
                 Handle handle, std::set<Handle> &known) {
    if (known.count(handle) == 0)
      return fail(name() + ": " + function +
                  ": not one of this device's, or "
                  "gone already");
    Status status = call(function, entry, handle);
    if (status.ok())
      known.erase(handle);
    return status;
  }

  std::shared_ptr<const Driver> driver;
  int number;
  cuda::DeviceNumber device;
  cuda::Context context = nullptr;
  std::set<cuda::DevicePointer> allocations;
  std::vector<cuda::Module> modules;
  std::set<cuda::Stream> streams;
  std::set<cuda::Event> events;
  std::set<cuda::GraphExec> graphs;
  /// Dynamic shared memory that a kernel was allowed, by its handle.
  std::map<uint64_t, size_t> sharedBytes;
};

} // namespace

Expected<std::shared_ptr<Device>>
ra::runtime::createCudaDevice(int number, const std::string &library) {
  Expected<std::shared_ptr<const Driver>> loaded = Driver::load(library);
  if (!loaded)
    return loaded.takeFailure();
  const Driver &driver = **loaded;
  int count = 0;
  if (Status status =
          driver.check("DeviceGetCount", driver.DeviceGetCount(&count));
      !status.ok())
    return status.takeFailure();
  if (number >= count)
    return fail("there is no GPU " + std::to_string(number) +
                "; the CUDA driver sees " + std::to_string(count));
  cuda::DeviceNumber device = 0;
  if (Status status =
          driver.check("DeviceGet", driver.DeviceGet(&device, number));
      !status.ok())
    return status.takeFailure();
  auto result = std::make_shared<CudaDevice>(*loaded, number, device);
  if (Status status = result->open(); !status.ok())
    return status.takeFailure();
  return std::shared_ptr<Device>(std::move(result));
}
