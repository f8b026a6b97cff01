//===- CudaDevice.h - A GPU through the CUDA driver -------------*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RA_RUNTIME_LIB_DEVICE_CUDADEVICE_H
#define RA_RUNTIME_LIB_DEVICE_CUDADEVICE_H

#include "ra/Runtime/Device.h"

namespace ra::runtime {

/// GPU `number` through the driver in `library`; empty as for Driver::load().
/// Fails when there is no driver, no such GPU, or no context on it.
Expected<std::shared_ptr<Device>>
createCudaDevice(int number, const std::string &library = "");

} // namespace ra::runtime

#endif // RA_RUNTIME_LIB_DEVICE_CUDADEVICE_H
