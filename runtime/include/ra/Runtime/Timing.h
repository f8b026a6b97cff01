//===- Timing.h - Interleaved measurements ----------------------*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RA_RUNTIME_TIMING_H
#define RA_RUNTIME_TIMING_H

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

namespace ra::runtime {

/// Seconds of the steady clock since some fixed point.
double steadySeconds();

/// Processor time that this process has used, all threads, in seconds.
double processSeconds();

/// One sample of one configuration: `iterations` calls in a row.
struct TimingSample {
  /// Wall-clock and processor seconds of one call: the sample's time over its
  /// iterations.
  double seconds = 0, processSeconds = 0;
  int64_t iterations = 0;
};

struct TimingOptions {
  /// Seconds that each configuration is measured for, all rounds together.
  double minTime = 0.5;
  /// Seconds that each configuration runs before the first round, at least one
  /// call.
  double warmup = 0.1;
  /// Seconds of the shortest sample; more calls are made until they take this.
  double sampleTime = 2e-3;
  int minRounds = 10, maxRounds = 1000;
};

/// Measures configurations against each other: one sample of each per round, so
/// that what disturbs the machine for longer than a round disturbs them all,
/// and ratios within a round hold. Every second round runs in reverse order, so
/// that none always follows the same other.
class InterleavedTimer {
public:
  using Workload = std::function<void()>;

  InterleavedTimer(std::vector<Workload> workloads,
                   const TimingOptions &options);

  /// Runs each configuration for the time of the warm-up and chooses how many
  /// calls make a sample. Call it once, before the first round.
  void warmUp();

  /// One sample of every configuration, of at least the given seconds; 0: of
  /// TimingOptions::sampleTime.
  void runRound(double sampleTime = 0);

  /// True when every configuration has its minimum of rounds and time, or the
  /// most rounds there may be.
  bool isDone() const;

  /// How far that is, in [0, 1].
  double progress() const;

  size_t numRounds() const { return rounds; }

  /// For each configuration, one sample per round.
  const std::vector<std::vector<TimingSample>> &samples() const {
    return measured;
  }

private:
  TimingSample take(size_t index, double sampleTime);

  std::vector<Workload> workloads;
  TimingOptions options;
  /// Seconds of one call, as seen last.
  std::vector<double> callSeconds;
  std::vector<double> spent;
  std::vector<std::vector<TimingSample>> measured;
  size_t rounds = 0;
};

} // namespace ra::runtime

#endif // RA_RUNTIME_TIMING_H
