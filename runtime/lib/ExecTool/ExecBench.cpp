//===- ExecBench.cpp - ra-exec bench --------------------------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "../Text.h"
#include "ExecSession.h"
#include "ra/Runtime/BenchOptions.h"
#include "ra/Runtime/Machine.h"
#include "ra/Runtime/Statistics.h"

#include <algorithm>
#include <cstdio>
#include <optional>

using namespace ra::runtime;

namespace {

/// Measures with the device's own events.
class Timer {
public:
  Timer(Device &device, ExecSession &session)
      : device(device), session(session) {}
  ~Timer() {
    (void)device.destroy(begin);
    (void)device.destroy(end);
    if (flushed)
      (void)device.free(*flushed);
  }
  Timer(const Timer &) = delete;
  Timer &operator=(const Timer &) = delete;

  /// With `cold`, twice the largest cache is overwritten before each sample.
  Status start(bool cold) {
    for (DeviceEvent *event : {&begin, &end}) {
      Expected<DeviceEvent> created = device.createEvent();
      if (!created)
        return created.takeFailure();
      *event = *created;
    }
    if (!cold)
      return Status::success();
    Expected<DeviceFacts> facts = device.facts();
    if (!facts)
      return facts.takeFailure();
    flushBytes =
        facts->l2Bytes != 0
            ? facts->l2Bytes
            : static_cast<size_t>(describeMachine().lastLevelCacheBytes());
    constexpr size_t least = size_t(32) << 20;
    flushBytes = 2 * std::max(flushBytes, least);
    Expected<DeviceAddress> memory =
        device.allocate(flushBytes, "what empties the caches");
    if (!memory)
      return memory.takeFailure();
    flushed = *memory;
    return Status::success();
  }

  /// Milliseconds of `calls` calls.
  Expected<double> sample(int64_t calls) {
    if (flushed)
      if (Status status = device.fill(*flushed, 1, flushBytes); !status.ok())
        return status.takeFailure();
    if (Status status = device.record(begin); !status.ok())
      return status.takeFailure();
    for (int64_t i = 0; i < calls; ++i)
      if (Status status = session.run(); !status.ok())
        return status.takeFailure();
    if (Status status = device.record(end); !status.ok())
      return status.takeFailure();
    if (Status status = device.synchronize(); !status.ok())
      return status.takeFailure();
    return device.elapsedMilliseconds(begin, end);
  }

private:
  Device &device;
  ExecSession &session;
  DeviceEvent begin, end;
  std::optional<DeviceAddress> flushed;
  size_t flushBytes = 0;
};

} // namespace

ExecError ra::runtime::runBench(const ExecOptions &options) {
  Expected<double> minTime = parseDuration(options.minTime);
  if (!minTime)
    return {ExecUsageError, "--min-time: " + minTime.message()};
  Expected<double> warmup = parseDuration(options.warmup);
  if (!warmup)
    return {ExecUsageError, "--warmup: " + warmup.message()};
  Artifact artifact;
  size_t index = 0;
  if (ExecError error = readProgramFile(options.file, artifact))
    return error;
  if (ExecError error = findEntry(options, artifact, index))
    return error;
  const ArtifactEntry entry = artifact.entries[index];
  Expected<std::vector<Tensor>> inputs = makeInputs(options, entry);
  if (!inputs)
    return {ExecUsageError, inputs.message()};
  std::shared_ptr<const Program> program;
  if (ExecError error = loadProgram(options, std::move(artifact), program))
    return error;
  ExecSession session(program, index);
  if (Status status = session.prepare(*inputs); !status.ok())
    return {ExecUsageError, status.message()};
  Timer timer(program->device(), session);
  if (Status status = timer.start(options.cold); !status.ok())
    return {ExecArtifactError, status.message()};

  double spent = 0, last = 0;
  do {
    Expected<double> sample = timer.sample(1);
    if (!sample)
      return {ExecUsageError, sample.message()};
    last = *sample;
    spent += std::max(last, 1e-3);
  } while (spent < *warmup * 1e3);
  // Samples that are long beside what a clock resolves.
  constexpr double sampleMilliseconds = 2.0;
  int64_t calls =
      options.cold
          ? 1
          : std::max<int64_t>(1, static_cast<int64_t>(sampleMilliseconds /
                                                      std::max(last, 1e-4)));
  constexpr size_t leastSamples = 10, mostSamples = 1000;
  std::vector<double> samples;
  for (spent = 0; samples.size() < leastSamples ||
                  (spent < *minTime * 1e3 && samples.size() < mostSamples);) {
    Expected<double> sample = timer.sample(calls);
    if (!sample)
      return {ExecArtifactError, sample.message()};
    spent += *sample;
    samples.push_back(*sample / static_cast<double>(calls));
  }
  Summary summary = summarise(samples);
  std::printf("@%s  device %s  seed %llu  %s\n", entry.name.c_str(),
              program->device().name().c_str(),
              static_cast<unsigned long long>(options.seed),
              options.cold ? "cold caches" : "warm caches");
  std::printf(
      "median %.4f ms  p5 %.4f  p95 %.4f  (%zu samples of %lld calls)\n",
      summary.median, summary.p5, summary.p95, summary.count,
      static_cast<long long>(calls));
  return {};
}
