//===- Device.cpp - Devices by their names --------------------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ra/Runtime/Device.h"
#include "../Text.h"

#include <cstring>

using namespace ra::runtime;

Device::~Device() = default;

void KernelArguments::addBytes(const void *data, size_t size) {
  Argument argument;
  std::memcpy(argument.bytes.data(), data, size);
  argument.size = size;
  arguments.push_back(std::move(argument));
}

OpenedDevice ra::runtime::openDevice(const std::string &name) {
  OpenedDevice result;
  if (name == "cpu" || name == "auto") {
    result.device = createCpuDevice();
    return result;
  }
  result.isUnknown = true;
  result.message = "there is no device " + quoted(name) + "; there is cpu";
  return result;
}
