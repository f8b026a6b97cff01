//===- Device.h - Where kernels run -----------------------------*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// One interface for all devices: memory, modules, launches, streams, events and
// graphs. docs/devices.md says what each device makes of them. Whatever a
// driver refuses is an error with the driver's own words.
//
// A device is for one thread at a time.
//
//===----------------------------------------------------------------------===//

#ifndef RA_RUNTIME_DEVICE_H
#define RA_RUNTIME_DEVICE_H

#include "ra/Runtime/ElementType.h"
#include "ra/Runtime/Status.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace ra::runtime {

/// An address in the memory of a device; on the CPU, a pointer's value.
using DeviceAddress = uint64_t;

/// Handles are what a device gave; 0 is none. Stream 0 is the default stream.
struct DeviceModule {
  uint64_t id = 0;
};
struct DeviceKernel {
  uint64_t id = 0;
};
struct DeviceStream {
  uint64_t id = 0;
};
struct DeviceEvent {
  uint64_t id = 0;
};
struct DeviceGraph {
  uint64_t id = 0;
};

/// Extents of a grid, a block or a cluster.
struct LaunchDims {
  uint32_t x = 1, y = 1, z = 1;
};

/// What a device is; 0 or empty where it does not say.
struct DeviceFacts {
  std::string name;   ///< "NVIDIA H100 80GB HBM3", "x86_64 CPU"
  std::string target; ///< "x86_64"; of a GPU "sm_90"
  int computeMajor = 0, computeMinor = 0;
  int multiprocessors = 0;
  int clockMHz = 0, memoryClockMHz = 0;
  size_t memoryBytes = 0, l2Bytes = 0, sharedBytesPerBlock = 0;
  std::string driver; ///< "13.0"
};

/// A tensor map: the fields that it is made of, and what the device made of
/// them. The fields are the decoded shadow of the opaque bytes, which nobody
/// else can read.
struct TensorMap {
  ElementType elementType = ElementType::F16;
  DeviceAddress address = 0;
  uint32_t rank = 1;
  /// Innermost first; strides in bytes, strides[i] of dim i + 1.
  std::array<uint64_t, 5> extents = {};
  std::array<uint64_t, 4> strides = {};
  std::array<uint32_t, 5> box = {};
  std::array<uint32_t, 5> elementStrides = {1, 1, 1, 1, 1};
  /// CUtensorMapSwizzle: 0 none, 1 32 B, 2 64 B, 3 128 B.
  uint32_t swizzle = 0;
  /// CUtensorMapL2promotion: 0 none, 1 64 B, 2 128 B, 3 256 B.
  uint32_t l2Promotion = 0;
  /// False: zeros outside of the tensor; true: NaN that no arithmetic makes.
  bool fillWithNaN = false;
  /// Filled by Device::encode().
  alignas(64) std::array<unsigned char, 128> opaque = {};
};

/// The arguments of a launch, by value, in order.
class KernelArguments {
public:
  struct Argument {
    alignas(64) std::array<unsigned char, 128> bytes = {};
    size_t size = 0;
    /// The decoded shadow, for tensor maps.
    std::shared_ptr<const TensorMap> map;
  };

  /// A scalar of the size that the kernel declares.
  template <typename T> void add(T value) {
    static_assert(std::is_arithmetic_v<T>, "scalars only");
    addBytes(&value, sizeof(value));
  }
  void addAddress(DeviceAddress address) { add<uint64_t>(address); }
  /// A pointer of the host, for the CPU.
  void addPointer(const void *pointer) {
    add<uint64_t>(reinterpret_cast<uintptr_t>(pointer));
  }
  /// A map that Device::encode() has filled.
  void add(const TensorMap &map) {
    addBytes(map.opaque.data(), map.opaque.size());
    arguments.back().map = std::make_shared<const TensorMap>(map);
  }

  size_t size() const { return arguments.size(); }
  const Argument &operator[](size_t index) const { return arguments[index]; }

private:
  void addBytes(const void *data, size_t size);

  /// Addresses stay: launches take pointers to the bytes.
  std::deque<Argument> arguments;
};

struct LaunchOptions {
  LaunchDims grid, block;
  /// Blocks of a cluster; 1 1 1 is no cluster.
  LaunchDims cluster;
  size_t dynamicSharedBytes = 0;
  /// May start before the launch before it has ended (programmatic dependent
  /// launch; the kernel waits by itself).
  bool isProgrammatic = false;
  DeviceStream stream;
};

/// Code for loadModule().
struct ModuleSource {
  enum class Kind { Ptx, Cubin, SharedObject };
  Kind kind = Kind::Ptx;
  const char *data = nullptr;
  size_t size = 0;
  /// Stands for the file in messages.
  std::string name;
};

class Device {
public:
  virtual ~Device();

  /// "cpu", "cuda:0".
  virtual std::string name() const = 0;
  virtual Expected<DeviceFacts> facts() = 0;

  /// `bytes` bytes at a multiple of 256, with any contents; 0 bytes give an
  /// address that may only be freed. `label` names the buffer where a device
  /// reports on memory.
  virtual Expected<DeviceAddress> allocate(size_t bytes,
                                           const std::string &label) = 0;
  virtual Status free(DeviceAddress address) = 0;

  /// Copies and fills are ordered in `stream`. Host memory must stay until the
  /// stream is synchronised.
  virtual Status copyToDevice(DeviceAddress to, const void *from, size_t bytes,
                              DeviceStream stream = {}) = 0;
  virtual Status copyToHost(void *to, DeviceAddress from, size_t bytes,
                            DeviceStream stream = {}) = 0;
  virtual Status copyOnDevice(DeviceAddress to, DeviceAddress from,
                              size_t bytes, DeviceStream stream = {}) = 0;
  virtual Status fill(DeviceAddress to, uint8_t value, size_t bytes,
                      DeviceStream stream = {}) = 0;

  /// Modules, kernels and what follows live as long as the device.
  virtual Expected<DeviceModule> loadModule(const ModuleSource &source) = 0;
  virtual Expected<DeviceKernel> findKernel(DeviceModule module,
                                            const std::string &name) = 0;
  virtual Status launch(DeviceKernel kernel, const LaunchOptions &options,
                        const KernelArguments &arguments) = 0;
  /// Fills `map.opaque` from the other fields.
  virtual Status encode(TensorMap &map) = 0;

  virtual Expected<DeviceStream> createStream() = 0;
  virtual Status destroy(DeviceStream stream) = 0;
  /// Waits for all work in the stream. Errors of kernels come out here.
  virtual Status synchronize(DeviceStream stream = {}) = 0;

  virtual Expected<DeviceEvent> createEvent() = 0;
  virtual Status destroy(DeviceEvent event) = 0;
  virtual Status record(DeviceEvent event, DeviceStream stream = {}) = 0;
  /// Waits for `end`; both have been recorded.
  virtual Expected<double> elapsedMilliseconds(DeviceEvent begin,
                                               DeviceEvent end) = 0;

  /// What is put into `stream` in between becomes a graph instead of running.
  virtual Status beginCapture(DeviceStream stream) = 0;
  /// Also instantiates the graph.
  virtual Expected<DeviceGraph> endCapture(DeviceStream stream) = 0;
  virtual Status launch(DeviceGraph graph, DeviceStream stream = {}) = 0;
  virtual Status destroy(DeviceGraph graph) = 0;
};

/// A failed openDevice(): whether the device is not there (tools exit with 4)
/// or `name` names none (2).
struct OpenedDevice {
  std::shared_ptr<Device> device;
  std::string message;
  bool isUnknown = false;
};

/// Opens a device by its name:
///
///   cpu        the host
///   cuda[:N]   GPU N, 0 if not said, through the driver's library
///   auto       cuda if there is one, else cpu
///
/// The message of a failure says what was looked for and what there is.
OpenedDevice openDevice(const std::string &name);

/// The host as a device. Streams are in order and done at once; there are no
/// graphs. A module is a shared object for this machine; its kernels are
/// `void kernel(void *const *arguments)`, called once per launch with pointers
/// to the arguments' bytes, and the grid is 1 1 1.
using CpuKernel = void (*)(void *const *arguments);
std::shared_ptr<Device> createCpuDevice();
/// A kernel of the CPU device from a function of this program.
DeviceKernel makeCpuKernel(CpuKernel function);

} // namespace ra::runtime

#endif // RA_RUNTIME_DEVICE_H
