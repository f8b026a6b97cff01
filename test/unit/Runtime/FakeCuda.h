//===- FakeCuda.h - A CUDA driver that only pretends ------------*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The shared library behind this interface stands in for libcuda.so.1: it logs
// calls, fails where it is told to, and keeps device memory on the host. A
// kernel named "k_8_4" has parameters of 8 and 4 bytes; "double_8_8_4" also
// does something: out[i] = 2 in[i] for i < n. It is written from the driver's
// documentation and shares no declaration with the runtime.
//
//===----------------------------------------------------------------------===//

#ifndef RA_TEST_UNIT_RUNTIME_FAKECUDA_H
#define RA_TEST_UNIT_RUNTIME_FAKECUDA_H

extern "C" {
/// Forgets the log, failures and missing functions.
void fakeCudaReset();
/// What was called since, one line each, without cuCtxSetCurrent.
const char *fakeCudaLog();
/// Lets every call of `function` ("cuMemAlloc") fail with 700.
void fakeCudaFail(const char *function);
/// Lets cuGetProcAddress not know `function`.
void fakeCudaHide(const char *function);
/// What cuDeviceGetAttribute says to compute capability.
void fakeCudaSetCapability(int major, int minor);
/// Objects that were made and not destroyed, memory included.
int fakeCudaNumAlive();
/// Threads' calls outside of the current context.
int fakeCudaNumWithoutContext();
/// Makes another context current, as another library would.
void fakeCudaLoseContext();
}

#endif // RA_TEST_UNIT_RUNTIME_FAKECUDA_H
