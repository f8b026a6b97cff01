//===- FakeCuda.cpp - A CUDA driver that only pretends --------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "FakeCuda.h"

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace {

std::string logText;
std::set<std::string> failing, hidden;
std::set<void *> alive;
int capability[2] = {9, 0};
int withoutContext = 0;
int contextObject = 0;
void *current = nullptr;
bool initialised = false;
float clockNow = 0;

struct Kernel {
  std::string name;
  std::vector<size_t> sizes;
};
std::map<std::string, Kernel> kernels;

void log(const std::string &line) { logText += line + "\n"; }
std::string text(unsigned long long number) { return std::to_string(number); }

/// The status that a call returns; `needsContext` for all that work on one.
int enter(const char *name, bool needsContext = true) {
  if (!initialised && std::strcmp(name, "cuInit") != 0)
    return 3;
  if (needsContext && current != &contextObject)
    ++withoutContext;
  return failing.count(name) != 0 ? 700 : 0;
}

void *make() {
  void *object = std::malloc(16);
  alive.insert(object);
  return object;
}
int drop(const char *name, void *object) {
  if (int status = enter(name))
    return status;
  log(name);
  if (alive.erase(object) == 0)
    return 400;
  std::free(object);
  return 0;
}

int Init(unsigned) {
  int status = enter("cuInit", false);
  initialised = status == 0;
  return status;
}
int DriverGetVersion(int *version) {
  *version = 13010;
  return enter("cuDriverGetVersion", false);
}
int GetErrorName(int status, const char **name) {
  *name = status == 700   ? "CUDA_ERROR_ILLEGAL_ADDRESS"
          : status == 400 ? "CUDA_ERROR_INVALID_HANDLE"
          : status == 500 ? "CUDA_ERROR_NOT_FOUND"
          : status == 218 ? "CUDA_ERROR_INVALID_PTX"
                          : nullptr;
  return *name ? 0 : 1;
}
int GetErrorString(int status, const char **words) {
  *words = status == 700   ? "an illegal memory access was encountered"
           : status == 400 ? "invalid resource handle"
           : status == 500 ? "named symbol not found"
           : status == 218 ? "a PTX JIT compilation failed"
                           : nullptr;
  return *words ? 0 : 1;
}
int DeviceGetCount(int *count) {
  *count = 2;
  return enter("cuDeviceGetCount", false);
}
int DeviceGet(int *device, int number) {
  *device = 40 + number;
  return enter("cuDeviceGet", false);
}
int DeviceGetName(char *name, int size, int device) {
  std::snprintf(name, static_cast<size_t>(size), "Fake GPU %d", device);
  return enter("cuDeviceGetName", false);
}
int DeviceGetAttribute(int *value, int attribute, int) {
  if (attribute == 75)
    *value = capability[0];
  else if (attribute == 76)
    *value = capability[1];
  else if (attribute == 16)
    *value = 132;
  else if (attribute == 13)
    *value = 1980000;
  else if (attribute == 38)
    *value = 50 << 20;
  else if (attribute == 97)
    *value = 227 << 10;
  else
    return 1;
  return enter("cuDeviceGetAttribute", false);
}
int DeviceTotalMem(size_t *bytes, int) {
  *bytes = size_t(80) << 30;
  return enter("cuDeviceTotalMem", false);
}
int DevicePrimaryCtxRetain(void **context, int device) {
  if (int status = enter("cuDevicePrimaryCtxRetain", false))
    return status;
  log("retain " + text(static_cast<unsigned>(device)));
  alive.insert(&contextObject);
  *context = &contextObject;
  return 0;
}
int DevicePrimaryCtxRelease(int) {
  log("release");
  alive.erase(&contextObject);
  return 0;
}
int CtxSetCurrent(void *context) {
  current = context;
  return enter("cuCtxSetCurrent", false);
}
int MemAlloc(unsigned long long *address, size_t bytes) {
  if (int status = enter("cuMemAlloc"))
    return status;
  log("alloc " + text(bytes));
  void *memory = nullptr;
  if (posix_memalign(&memory, 512, bytes) != 0)
    return 2;
  alive.insert(memory);
  *address = reinterpret_cast<uintptr_t>(memory);
  return 0;
}
int MemFree(unsigned long long address) {
  return drop("cuMemFree", reinterpret_cast<void *>(address));
}
int copy(const char *name, void *to, const void *from, size_t bytes,
         void *stream) {
  if (int status = enter(name))
    return status;
  log(std::string(name) + " " + text(bytes) + (stream ? " stream" : ""));
  std::memcpy(to, from, bytes);
  return 0;
}
int MemcpyHtoD(unsigned long long to, const void *from, size_t n, void *s) {
  return copy("cuMemcpyHtoDAsync", reinterpret_cast<void *>(to), from, n, s);
}
int MemcpyDtoH(void *to, unsigned long long from, size_t n, void *s) {
  return copy("cuMemcpyDtoHAsync", to, reinterpret_cast<void *>(from), n, s);
}
int MemcpyDtoD(unsigned long long to, unsigned long long from, size_t n,
               void *s) {
  return copy("cuMemcpyDtoDAsync", reinterpret_cast<void *>(to),
              reinterpret_cast<void *>(from), n, s);
}
int MemsetD8(unsigned long long to, unsigned char value, size_t n, void *) {
  if (int status = enter("cuMemsetD8Async"))
    return status;
  log("memset " + text(n));
  std::memset(reinterpret_cast<void *>(to), value, n);
  return 0;
}
int ModuleLoadDataEx(void **module, const void *image, unsigned count,
                     int *options, void **values) {
  if (int status = enter("cuModuleLoadDataEx"))
    return status;
  // Text, which ends by itself.
  std::string source = static_cast<const char *>(image);
  log("load " + source.substr(0, source.find('\n')));
  if (source.find("nonsense") == std::string::npos) {
    *module = make();
    return 0;
  }
  char *buffer = nullptr;
  size_t size = 0;
  for (unsigned i = 0; i < count; ++i) {
    if (options[i] == 5)
      buffer = static_cast<char *>(values[i]);
    if (options[i] == 6)
      size = reinterpret_cast<uintptr_t>(values[i]);
  }
  std::snprintf(buffer, size, "ptxas fatal: line 7: syntax error");
  return 218;
}
int ModuleUnload(void *module) { return drop("cuModuleUnload", module); }
int ModuleGetFunction(void **function, void *, const char *name) {
  if (int status = enter("cuModuleGetFunction"))
    return status;
  if (!std::strchr(name, '_'))
    return 500;
  Kernel &kernel = kernels[name];
  kernel = {name, {}};
  for (const char *at = std::strchr(name, '_'); at; at = std::strchr(at, '_'))
    kernel.sizes.push_back(static_cast<size_t>(std::atoi(++at)));
  *function = &kernel;
  return 0;
}
int FuncSetAttribute(void *, int attribute, int value) {
  if (int status = enter("cuFuncSetAttribute"))
    return status;
  log("attribute " + std::to_string(attribute) + " = " + std::to_string(value));
  return 0;
}

// As the driver's documentation lays them out.
struct Attribute {
  int id;
  int padding;
  unsigned value[16];
};
struct Config {
  unsigned grid[3], block[3], shared;
  void *stream;
  Attribute *attributes;
  unsigned numAttributes;
};

int LaunchKernelEx(const Config *config, void *function, void **parameters,
                   void **extra) {
  if (int status = enter("cuLaunchKernelEx"))
    return status;
  const Kernel &kernel = *static_cast<Kernel *>(function);
  std::string line = "launch " + kernel.name + " grid";
  for (unsigned extent : config->grid)
    line += " " + text(extent);
  line += " block";
  for (unsigned extent : config->block)
    line += " " + text(extent);
  line += " shared " + text(config->shared);
  if (config->stream)
    line += " stream";
  for (unsigned i = 0; i < config->numAttributes; ++i) {
    const Attribute &attribute = config->attributes[i];
    line += " attribute " + std::to_string(attribute.id) + "(" +
            text(attribute.value[0]);
    if (attribute.id == 4)
      line += " " + text(attribute.value[1]) + " " + text(attribute.value[2]);
    line += ")";
  }
  line += extra ? " extra" : "";
  for (size_t i = 0; i < kernel.sizes.size(); ++i) {
    uint64_t value = 0;
    if (kernel.sizes[i] <= 8)
      std::memcpy(&value, parameters[i], kernel.sizes[i]);
    else
      std::memcpy(&value, static_cast<char *>(parameters[i]) + 8, 8);
    char hex[32];
    std::snprintf(hex, sizeof(hex), " %llx",
                  static_cast<unsigned long long>(value));
    // Addresses differ from run to run.
    line +=
        kernel.sizes[i] == 8 && value > 0xffffffffffff / 256 ? " address" : hex;
  }
  log(line);
  if (kernel.name.rfind("double", 0) == 0) {
    auto *out = *static_cast<float **>(parameters[0]);
    const auto *in = *static_cast<const float **>(parameters[1]);
    int n = *static_cast<int *>(parameters[2]);
    for (int i = 0; i < n; ++i)
      out[i] = 2 * in[i];
  }
  return 0;
}
int TensorMapEncodeTiled(uint64_t *map, int type, unsigned rank, void *address,
                         const uint64_t *extents, const uint64_t *strides,
                         const uint32_t *box, const uint32_t *elementStrides,
                         int interleave, int swizzle, int l2, int fill) {
  if (int status = enter("cuTensorMapEncodeTiled"))
    return status;
  if (reinterpret_cast<uintptr_t>(map) % 64 != 0 ||
      reinterpret_cast<uintptr_t>(address) % 16 != 0)
    return 1;
  std::string line = "map type " + std::to_string(type);
  for (unsigned i = 0; i < rank; ++i)
    line += " " + text(extents[i]) + "/" + text(box[i]) + "/" +
            text(elementStrides[i]);
  for (unsigned i = 0; i + 1 < rank; ++i)
    line += " stride " + text(strides[i]);
  for (int number : {interleave, swizzle, l2, fill})
    line += " " + std::to_string(number);
  log(line);
  for (int i = 0; i < 16; ++i)
    map[i] = 0x1000u + static_cast<unsigned>(i);
  return 0;
}
int StreamCreate(void **stream, unsigned flags) {
  if (int status = enter("cuStreamCreate"))
    return status;
  log("stream " + text(flags));
  *stream = make();
  return 0;
}
int StreamDestroy(void *stream) { return drop("cuStreamDestroy", stream); }
int StreamSynchronize(void *stream) {
  if (int status = enter("cuStreamSynchronize"))
    return status;
  log(std::string("synchronize") + (stream ? " stream" : ""));
  return 0;
}
int EventCreate(void **event, unsigned) {
  if (int status = enter("cuEventCreate"))
    return status;
  *event = make();
  return 0;
}
int EventDestroy(void *event) { return drop("cuEventDestroy", event); }
int EventRecord(void *event, void *) {
  if (int status = enter("cuEventRecord"))
    return status;
  log("record");
  clockNow += 1.5f;
  std::memcpy(event, &clockNow, sizeof(clockNow));
  return 0;
}
int EventSynchronize(void *) {
  log("wait for event");
  return enter("cuEventSynchronize");
}
int EventElapsedTime(float *milliseconds, void *begin, void *end) {
  float from, to;
  std::memcpy(&from, begin, sizeof(from));
  std::memcpy(&to, end, sizeof(to));
  *milliseconds = to - from;
  return enter("cuEventElapsedTime");
}
int StreamBeginCapture(void *, int mode) {
  if (int status = enter("cuStreamBeginCapture"))
    return status;
  log("capture " + std::to_string(mode));
  return 0;
}
int StreamEndCapture(void *, void **graph) {
  if (int status = enter("cuStreamEndCapture"))
    return status;
  log("captured");
  *graph = make();
  return 0;
}
int GraphInstantiate(void **instance, void *, unsigned long long flags) {
  if (int status = enter("cuGraphInstantiateWithFlags"))
    return status;
  log("instantiate " + text(flags));
  *instance = make();
  return 0;
}
int GraphLaunch(void *, void *stream) {
  if (int status = enter("cuGraphLaunch"))
    return status;
  log(std::string("launch graph") + (stream ? " stream" : ""));
  return 0;
}
int GraphExecDestroy(void *instance) {
  return drop("cuGraphExecDestroy", instance);
}
int GraphDestroy(void *graph) { return drop("cuGraphDestroy", graph); }

struct Entry {
  const char *name;
  /// The versions that have this form: from the first to the last.
  int first, last;
  void *address;
};
template <typename... Args> void *address(int (*function)(Args...)) {
  return reinterpret_cast<void *>(function);
}
constexpr int kLatest = 1000000;
const Entry entries[] = {
    {"cuInit", 2000, kLatest, address(&Init)},
    {"cuDriverGetVersion", 2020, kLatest, address(&DriverGetVersion)},
    {"cuGetErrorName", 6000, kLatest, address(&GetErrorName)},
    {"cuGetErrorString", 6000, kLatest, address(&GetErrorString)},
    {"cuDeviceGetCount", 2000, kLatest, address(&DeviceGetCount)},
    {"cuDeviceGet", 2000, kLatest, address(&DeviceGet)},
    {"cuDeviceGetName", 2000, kLatest, address(&DeviceGetName)},
    {"cuDeviceGetAttribute", 2000, kLatest, address(&DeviceGetAttribute)},
    {"cuDeviceTotalMem", 3020, kLatest, address(&DeviceTotalMem)},
    {"cuDevicePrimaryCtxRetain", 7000, kLatest,
     address(&DevicePrimaryCtxRetain)},
    {"cuDevicePrimaryCtxRelease", 11000, kLatest,
     address(&DevicePrimaryCtxRelease)},
    {"cuCtxSetCurrent", 4000, kLatest, address(&CtxSetCurrent)},
    {"cuMemAlloc", 3020, kLatest, address(&MemAlloc)},
    {"cuMemFree", 3020, kLatest, address(&MemFree)},
    {"cuMemcpyHtoDAsync", 3020, kLatest, address(&MemcpyHtoD)},
    {"cuMemcpyDtoHAsync", 3020, kLatest, address(&MemcpyDtoH)},
    {"cuMemcpyDtoDAsync", 3020, kLatest, address(&MemcpyDtoD)},
    {"cuMemsetD8Async", 3020, kLatest, address(&MemsetD8)},
    {"cuModuleLoadDataEx", 2010, kLatest, address(&ModuleLoadDataEx)},
    {"cuModuleUnload", 2000, kLatest, address(&ModuleUnload)},
    {"cuModuleGetFunction", 2000, kLatest, address(&ModuleGetFunction)},
    {"cuFuncSetAttribute", 9000, kLatest, address(&FuncSetAttribute)},
    {"cuLaunchKernelEx", 11060, kLatest, address(&LaunchKernelEx)},
    {"cuTensorMapEncodeTiled", 12000, kLatest, address(&TensorMapEncodeTiled)},
    {"cuStreamCreate", 2000, kLatest, address(&StreamCreate)},
    {"cuStreamDestroy", 4000, kLatest, address(&StreamDestroy)},
    {"cuStreamSynchronize", 2000, kLatest, address(&StreamSynchronize)},
    {"cuEventCreate", 2000, kLatest, address(&EventCreate)},
    {"cuEventDestroy", 4000, kLatest, address(&EventDestroy)},
    {"cuEventRecord", 2000, kLatest, address(&EventRecord)},
    {"cuEventSynchronize", 2000, kLatest, address(&EventSynchronize)},
    {"cuEventElapsedTime", 2000, 12079, address(&EventElapsedTime)},
    {"cuStreamBeginCapture", 10010, kLatest, address(&StreamBeginCapture)},
    {"cuStreamEndCapture", 10000, kLatest, address(&StreamEndCapture)},
    {"cuGraphInstantiateWithFlags", 11040, kLatest, address(&GraphInstantiate)},
    {"cuGraphLaunch", 10000, kLatest, address(&GraphLaunch)},
    {"cuGraphExecDestroy", 10000, kLatest, address(&GraphExecDestroy)},
    {"cuGraphDestroy", 10000, kLatest, address(&GraphDestroy)}};

} // namespace

extern "C" int cuGetProcAddress_v2(const char *name, void **address,
                                   int version, uint64_t flags, int *status) {
  *address = nullptr;
  if (flags != 0)
    return 1;
  for (const Entry &entry : entries)
    if (hidden.count(name) == 0 && std::strcmp(entry.name, name) == 0 &&
        version >= entry.first && version <= entry.last) {
      *address = entry.address;
      *status = 0;
      return 0;
    }
  *status = 1;
  return 500;
}

void fakeCudaReset() {
  logText.clear();
  failing.clear();
  hidden.clear();
  withoutContext = 0;
  capability[0] = 9;
  capability[1] = 0;
}
const char *fakeCudaLog() { return logText.c_str(); }
void fakeCudaFail(const char *function) { failing.insert(function); }
void fakeCudaHide(const char *function) { hidden.insert(function); }
void fakeCudaSetCapability(int major, int minor) {
  capability[0] = major;
  capability[1] = minor;
}
int fakeCudaNumAlive() { return static_cast<int>(alive.size()); }
int fakeCudaNumWithoutContext() { return withoutContext; }
void fakeCudaLoseContext() { current = nullptr; }
