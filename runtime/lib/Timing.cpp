//===- Timing.cpp - Interleaved measurements ------------------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ra/Runtime/Timing.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <ctime>

using namespace ra;
using namespace ra::runtime;

double runtime::steadySeconds() {
  return std::chrono::duration<double>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

double runtime::processSeconds() {
  timespec now;
  if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now) != 0)
    return 0;
  return static_cast<double>(now.tv_sec) +
         1e-9 * static_cast<double>(now.tv_nsec);
}

InterleavedTimer::InterleavedTimer(std::vector<Workload> loads,
                                   const TimingOptions &options)
    : workloads(std::move(loads)), options(options),
      callSeconds(workloads.size(), 0), spent(workloads.size(), 0),
      measured(workloads.size()) {}

void InterleavedTimer::warmUp() {
  for (size_t i = 0; i < workloads.size(); ++i) {
    double start = steadySeconds(), fastest = INFINITY;
    do {
      double before = steadySeconds();
      workloads[i]();
      fastest = std::min(fastest, steadySeconds() - before);
    } while (steadySeconds() - start < options.warmup);
    callSeconds[i] = fastest;
  }
}

TimingSample InterleavedTimer::take(size_t index, double sampleTime) {
  TimingSample sample;
  double wanted = std::ceil(sampleTime / std::max(callSeconds[index], 1e-9));
  sample.iterations = std::max<int64_t>(1, static_cast<int64_t>(wanted));
  double cpu = runtime::processSeconds(), start = steadySeconds();
  for (int64_t i = 0; i < sample.iterations; ++i)
    workloads[index]();
  double wall = steadySeconds() - start;
  cpu = runtime::processSeconds() - cpu;
  spent[index] += wall;
  auto calls = static_cast<double>(sample.iterations);
  sample.seconds = wall / calls;
  sample.processSeconds = cpu / calls;
  callSeconds[index] = sample.seconds;
  return sample;
}

void InterleavedTimer::runRound(double sampleTime) {
  if (sampleTime <= 0)
    sampleTime = options.sampleTime;
  for (size_t i = 0; i < workloads.size(); ++i) {
    size_t index = rounds % 2 == 0 ? i : workloads.size() - 1 - i;
    measured[index].push_back(take(index, sampleTime));
  }
  ++rounds;
}

bool InterleavedTimer::isDone() const { return progress() >= 1; }

double InterleavedTimer::progress() const {
  auto done = static_cast<double>(rounds);
  double all = done / std::max(options.maxRounds, 1);
  double least = done / std::max(options.minRounds, 1);
  for (double seconds : spent)
    least = std::min(least, options.minTime > 0 ? seconds / options.minTime
                                                : INFINITY);
  return std::min(1.0, std::max(all, least));
}
