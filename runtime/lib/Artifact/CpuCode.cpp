//===- CpuCode.cpp - Code of an artifact for the CPU ----------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ra/Runtime/CpuCode.h"
#include "../Device/SharedObject.h"
#include "../Text.h"
#include "ThreadTeam.h"
#include "ra/Runtime/HostFeatures.h"

#include <algorithm>
#include <cmath>
#include <cstring>

using namespace ra::runtime;

//===----------------------------------------------------------------------===//
// Imports
//===----------------------------------------------------------------------===//

namespace {

float f32FromF16(uint32_t bits) {
  return f16ToFloat(static_cast<uint16_t>(bits));
}
uint32_t f16FromF32(float value) { return f16FromFloat(value); }
uint32_t f16FromF64(double value) { return f16FromDouble(value); }
uint32_t bf16FromF32(float value) { return bf16FromFloat(value); }
uint32_t bf16FromF64(double value) { return bf16FromDouble(value); }

struct Import {
  const char *name;
  void *address;
};

template <typename Result, typename... Args>
void *addressOf(Result (*function)(Args...)) {
  return reinterpret_cast<void *>(function);
}
using F32x1 = float (*)(float);
using F64x1 = double (*)(double);
using F32x2 = float (*)(float, float);
using F64x2 = double (*)(double, double);

// The function of one or two arguments in both precisions.
#define RA_UNARY(name)                                                         \
  {#name, addressOf(static_cast<F64x1>(&::name))}, {                           \
    #name "f", addressOf(static_cast<F32x1>(&::name##f))                       \
  }
#define RA_BINARY(name)                                                        \
  {#name, addressOf(static_cast<F64x2>(&::name))}, {                           \
    #name "f", addressOf(static_cast<F32x2>(&::name##f))                       \
  }

const std::vector<Import> &imports() {
  static const std::vector<Import> table = {
      {"memcpy", addressOf(static_cast<void *(*)(void *, const void *, size_t)>(
                     &::memcpy))},
      {"memmove",
       addressOf(
           static_cast<void *(*)(void *, const void *, size_t)>(&::memmove))},
      {"memset",
       addressOf(static_cast<void *(*)(void *, int, size_t)>(&::memset))},
      RA_UNARY(exp),
      RA_UNARY(exp2),
      RA_UNARY(expm1),
      RA_UNARY(log),
      RA_UNARY(log2),
      RA_UNARY(log10),
      RA_UNARY(log1p),
      RA_UNARY(sin),
      RA_UNARY(cos),
      RA_UNARY(tan),
      RA_UNARY(asin),
      RA_UNARY(acos),
      RA_UNARY(atan),
      RA_UNARY(sinh),
      RA_UNARY(cosh),
      RA_UNARY(tanh),
      RA_UNARY(asinh),
      RA_UNARY(acosh),
      RA_UNARY(atanh),
      RA_UNARY(erf),
      RA_UNARY(erfc),
      RA_UNARY(cbrt),
      RA_UNARY(sqrt),
      RA_UNARY(floor),
      RA_UNARY(ceil),
      RA_UNARY(trunc),
      RA_UNARY(round),
      RA_UNARY(rint),
      RA_UNARY(nearbyint),
      RA_BINARY(pow),
      RA_BINARY(atan2),
      RA_BINARY(fmod),
      RA_BINARY(fmin),
      RA_BINARY(fmax),
      {"fma",
       addressOf(static_cast<double (*)(double, double, double)>(&::fma))},
      {"fmaf", addressOf(static_cast<float (*)(float, float, float)>(&::fmaf))},
      {"ra_f32_from_f16", addressOf(&f32FromF16)},
      {"ra_f16_from_f32", addressOf(&f16FromF32)},
      {"ra_f16_from_f64", addressOf(&f16FromF64)},
      {"ra_bf16_from_f32", addressOf(&bf16FromF32)},
      {"ra_bf16_from_f64", addressOf(&bf16FromF64)},
      {"__kmpc_fork_call", reinterpret_cast<void *>(&forkCall)},
      {"__kmpc_global_thread_num", addressOf(&globalThreadNumber)},
      {"__kmpc_barrier", addressOf(&barrier)},
      {"__kmpc_for_static_init_8u", addressOf(&staticInit8u)},
      {"__kmpc_for_static_fini", addressOf(&staticFini)},
      {"__kmpc_dispatch_init_8u", addressOf(&dispatchInit8u)},
      {"__kmpc_dispatch_next_8u", addressOf(&dispatchNext8u)},
      {"__kmpc_dispatch_deinit", addressOf(&dispatchDeinit)}};
  return table;
}
#undef RA_UNARY
#undef RA_BINARY

} // namespace

void *ra::runtime::findCpuImport(const std::string &name) {
  for (const Import &import : imports())
    if (name == import.name)
      return import.address;
  return nullptr;
}

//===----------------------------------------------------------------------===//
// Loading
//===----------------------------------------------------------------------===//

Expected<std::shared_ptr<const CpuCode>>
CpuCode::load(const ArtifactImage &image) {
  if (image.target != hostArchitecture())
    return fail("the code is for " + quoted(image.target) +
                " CPUs, this machine is " + hostArchitecture());
  std::vector<std::string> available = hostCpuFeatures();
  std::string missing;
  for (const std::string &feature : image.features)
    if (std::find(available.begin(), available.end(), feature) ==
        available.end())
      missing += (missing.empty() ? "" : ", ") + feature;
  if (!missing.empty())
    return fail("the code needs a processor with " + missing +
                ", which this one does not have; compile the module for less: "
                "ra-run compile --cpu=generic, or --cpu=x86-64-v3");
  std::vector<void *> addresses;
  for (const std::string &name : image.imports) {
    addresses.push_back(findCpuImport(name));
    if (!addresses.back())
      return fail("the code calls " + quoted(name) +
                  ", which this runtime does not offer");
  }
  Expected<SharedObject> object =
      SharedObject::load(image.data, image.size, "the artifact");
  if (!object)
    return object.takeFailure();
  void *functions = object->find(kCpuFunctionTable);
  void *table = object->find(kCpuImportTable);
  if (!functions || !table)
    return fail("the code has no table of functions");
  if (!addresses.empty())
    std::memcpy(table, static_cast<const void *>(addresses.data()),
                addresses.size() * sizeof(void *));
  auto code = std::make_shared<CpuCode>();
  code->object = std::make_shared<SharedObject>(std::move(*object));
  code->functions = static_cast<Function const *>(functions);
  return std::shared_ptr<const CpuCode>(std::move(code));
}

void CpuCode::call(uint32_t function, void **descriptors,
                   unsigned threads) const {
  ThreadScope scope(threads);
  functions[function](descriptors);
}
