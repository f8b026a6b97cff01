//===- CpuDevice.cpp - The host as a device -------------------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "../Text.h"
#include "SharedObject.h"
#include "ra/Runtime/Device.h"
#include "ra/Runtime/HostFeatures.h"

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <map>

using namespace ra::runtime;

namespace {

template <typename T> T *toPointer(DeviceAddress address) {
  // NOLINTNEXTLINE(performance-no-int-to-ptr): here addresses are numbers.
  return reinterpret_cast<T *>(static_cast<uintptr_t>(address));
}

class CpuDevice : public Device {
public:
  ~CpuDevice() override {
    for (auto &[address, bytes] : allocations)
      std::free(toPointer<void>(address));
  }

  std::string name() const override { return "cpu"; }

  Expected<DeviceFacts> facts() override {
    DeviceFacts facts;
    facts.target = hostArchitecture();
    facts.name = facts.target + " CPU";
    return facts;
  }

  Expected<DeviceAddress> allocate(size_t bytes,
                                   const std::string &label) override {
    void *data = nullptr;
    constexpr size_t alignment = 256;
    if (posix_memalign(&data, alignment, bytes == 0 ? 1 : bytes) != 0)
      return fail("cpu: no memory for the " + std::to_string(bytes) +
                  " bytes of " + label);
    auto address = reinterpret_cast<uintptr_t>(data);
    allocations[address] = bytes;
    return DeviceAddress(address);
  }

  Status free(DeviceAddress address) override {
    if (allocations.erase(address) == 0)
      return fail("cpu: freed what was not allocated");
    std::free(toPointer<void>(address));
    return Status::success();
  }

  Status copyToDevice(DeviceAddress to, const void *from, size_t bytes,
                      DeviceStream) override {
    if (bytes != 0)
      std::memcpy(toPointer<void>(to), from, bytes);
    return Status::success();
  }
  Status copyToHost(void *to, DeviceAddress from, size_t bytes,
                    DeviceStream) override {
    if (bytes != 0)
      std::memcpy(to, toPointer<void>(from), bytes);
    return Status::success();
  }
  Status copyOnDevice(DeviceAddress to, DeviceAddress from, size_t bytes,
                      DeviceStream) override {
    if (bytes != 0)
      std::memmove(toPointer<void>(to), toPointer<void>(from), bytes);
    return Status::success();
  }
  Status fill(DeviceAddress to, uint8_t value, size_t bytes,
              DeviceStream) override {
    if (bytes != 0)
      std::memset(toPointer<void>(to), value, bytes);
    return Status::success();
  }

  Expected<DeviceModule> loadModule(const ModuleSource &source) override {
    if (source.kind != ModuleSource::Kind::SharedObject)
      return fail(source.name + ": the device cpu runs shared objects, not "
                                "code for a GPU");
    Expected<SharedObject> object =
        SharedObject::load(source.data, source.size, source.name);
    if (!object)
      return object.takeFailure();
    modules.push_back(std::move(*object));
    return DeviceModule{modules.size()};
  }

  Expected<DeviceKernel> findKernel(DeviceModule module,
                                    const std::string &name) override {
    if (module.id == 0 || module.id > modules.size())
      return fail("cpu: no such module");
    void *symbol = modules[module.id - 1].find(name);
    if (!symbol)
      return fail("cpu: the module has no kernel " + quoted(name));
    return DeviceKernel{reinterpret_cast<uintptr_t>(symbol)};
  }

  Status launch(DeviceKernel kernel, const LaunchOptions &options,
                const KernelArguments &arguments) override {
    for (const LaunchDims &dims : {options.grid, options.cluster})
      if (dims.x != 1 || dims.y != 1 || dims.z != 1)
        return fail("cpu: a launch is one call; the grid must be 1 1 1");
    if (kernel.id == 0)
      return fail("cpu: no such kernel");
    std::vector<void *> pointers;
    pointers.reserve(arguments.size());
    for (size_t i = 0; i < arguments.size(); ++i)
      pointers.push_back(
          const_cast<unsigned char *>(arguments[i].bytes.data()));
    // NOLINTNEXTLINE(performance-no-int-to-ptr): handles are numbers.
    reinterpret_cast<CpuKernel>(static_cast<uintptr_t>(kernel.id))(
        pointers.data());
    return Status::success();
  }

  Status encode(TensorMap &) override {
    return fail("cpu: there are no tensor maps");
  }

  Expected<DeviceStream> createStream() override {
    return DeviceStream{++lastStream};
  }
  Status destroy(DeviceStream) override { return Status::success(); }
  Status synchronize(DeviceStream) override { return Status::success(); }

  Expected<DeviceEvent> createEvent() override {
    events.push_back(-1);
    return DeviceEvent{events.size()};
  }
  Status destroy(DeviceEvent event) override {
    return isEvent(event) ? Status::success() : fail("cpu: no such event");
  }
  Status record(DeviceEvent event, DeviceStream) override {
    if (!isEvent(event))
      return fail("cpu: no such event");
    events[event.id - 1] =
        std::chrono::duration<double, std::milli>(
            std::chrono::steady_clock::now().time_since_epoch())
            .count();
    return Status::success();
  }
  Expected<double> elapsedMilliseconds(DeviceEvent begin,
                                       DeviceEvent end) override {
    if (!isEvent(begin) || !isEvent(end) || events[begin.id - 1] < 0 ||
        events[end.id - 1] < 0)
      return fail("cpu: an event that was not recorded");
    return events[end.id - 1] - events[begin.id - 1];
  }

  Status beginCapture(DeviceStream) override { return noGraphs(); }
  Expected<DeviceGraph> endCapture(DeviceStream) override { return noGraphs(); }
  Status launch(DeviceGraph, DeviceStream) override { return noGraphs(); }
  Status destroy(DeviceGraph) override { return noGraphs(); }

private:
  static Failure noGraphs() { return fail("cpu: there are no graphs"); }
  bool isEvent(DeviceEvent event) const {
    return event.id != 0 && event.id <= events.size();
  }

  std::map<DeviceAddress, size_t> allocations;
  std::vector<SharedObject> modules;
  /// When they were recorded, in milliseconds of the steady clock.
  std::vector<double> events;
  uint64_t lastStream = 0;
};

} // namespace

std::shared_ptr<Device> ra::runtime::createCpuDevice() {
  return std::make_shared<CpuDevice>();
}

DeviceKernel ra::runtime::makeCpuKernel(CpuKernel function) {
  return {reinterpret_cast<uintptr_t>(function)};
}
