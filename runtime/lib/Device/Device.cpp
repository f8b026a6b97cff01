//===- Device.cpp - Devices by their names --------------------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ra/Runtime/Device.h"
#include "../Text.h"
#include "CudaDevice.h"

#include <cstring>

using namespace ra::runtime;

Device::~Device() = default;

void KernelArguments::addBytes(const void *data, size_t size) {
  Argument argument;
  std::memcpy(argument.bytes.data(), data, size);
  argument.size = size;
  arguments.push_back(std::move(argument));
}

/// The number in "cuda" or "cuda:N"; -1 for anything else.
static int cudaNumber(const std::string &name) {
  constexpr std::string_view prefix = "cuda";
  if (name.compare(0, prefix.size(), prefix) != 0)
    return -1;
  if (name.size() == prefix.size())
    return 0;
  std::string digits = name.substr(prefix.size() + 1);
  bool isNumber = name[prefix.size()] == ':' && !digits.empty() &&
                  digits.size() <= 4 &&
                  digits.find_first_not_of("0123456789") == std::string::npos;
  return isNumber ? std::stoi(digits) : -1;
}

OpenedDevice ra::runtime::openDevice(const std::string &name) {
  OpenedDevice result;
  int number = name == "auto" ? 0 : cudaNumber(name);
  if (number >= 0) {
    Expected<std::shared_ptr<Device>> device = createCudaDevice(number);
    if (device)
      result.device = *device;
    else
      result.message = device.message();
  }
  if (name == "cpu" || (name == "auto" && !result.device))
    result.device = createCpuDevice();
  if (!result.device && number < 0) {
    result.isUnknown = true;
    result.message = "there is no device " + quoted(name) +
                     "; there are auto, cpu and cuda[:N]";
  }
  return result;
}
