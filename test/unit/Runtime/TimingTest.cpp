//===- TimingTest.cpp - Interleaved measurements --------------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ra/Runtime/Timing.h"
#include "ra/Runtime/Machine.h"
#include "gtest/gtest.h"

#include <chrono>
#include <string>
#include <thread>

using namespace ra::runtime;

namespace {
/// Names of the workloads in the order in which they ran.
struct Log {
  std::string text;
  InterleavedTimer::Workload workload(char name, int milliseconds = 0) {
    return [this, name, milliseconds] {
      text += name;
      std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
    };
  }
};
} // namespace

static TimingOptions oneCallPerSample(int rounds) {
  TimingOptions options;
  options.minTime = options.warmup = options.sampleTime = 0;
  options.minRounds = rounds;
  return options;
}

TEST(Timing, RoundsAreInterleavedAndTurnRound) {
  Log log;
  InterleavedTimer timer(
      {log.workload('a'), log.workload('b'), log.workload('c')},
      oneCallPerSample(3));
  timer.warmUp();
  EXPECT_EQ(log.text, "abc");
  log.text.clear();
  while (!timer.isDone())
    timer.runRound();
  EXPECT_EQ(log.text, "abc"
                      "cba"
                      "abc");
  EXPECT_EQ(timer.numRounds(), 3u);
  for (const std::vector<TimingSample> &samples : timer.samples())
    EXPECT_EQ(samples.size(), 3u);
}

TEST(Timing, TimesAreThoseOfTheWorkload) {
  Log log;
  TimingOptions options = oneCallPerSample(2);
  InterleavedTimer timer({log.workload('a', 2), log.workload('b', 20)},
                         options);
  timer.warmUp();
  timer.runRound();
  const TimingSample &quick = timer.samples()[0][0],
                     &slow = timer.samples()[1][0];
  EXPECT_GE(quick.seconds, 2e-3);
  EXPECT_GE(slow.seconds, 20e-3);
  // Sleeping takes no processor time.
  EXPECT_LT(slow.processSeconds, slow.seconds);
}

TEST(Timing, ShortCallsAreRepeated) {
  Log log;
  TimingOptions options = oneCallPerSample(1);
  options.warmup = 5e-3;
  InterleavedTimer timer({log.workload('a')}, options);
  timer.warmUp();
  log.text.clear();
  timer.runRound(10e-3);
  EXPECT_GE(log.text.size(), 2u);
  const TimingSample &sample = timer.samples()[0][0];
  EXPECT_EQ(sample.iterations, static_cast<int64_t>(log.text.size()));
}

TEST(Timing, MinimumTimeNeedsMoreRounds) {
  Log log;
  TimingOptions options = oneCallPerSample(1);
  options.minTime = 10e-3;
  InterleavedTimer timer({log.workload('a', 3)}, options);
  timer.warmUp();
  EXPECT_FALSE(timer.isDone());
  EXPECT_EQ(timer.progress(), 0);
  while (!timer.isDone())
    timer.runRound();
  double sum = 0;
  for (const TimingSample &sample : timer.samples()[0])
    sum += sample.seconds;
  EXPECT_GE(sum, 10e-3);
}

TEST(Timing, MostRoundsEndIt) {
  Log log;
  TimingOptions options = oneCallPerSample(1);
  options.minTime = 1e6;
  options.maxRounds = 2;
  InterleavedTimer timer({log.workload('a')}, options);
  timer.warmUp();
  while (!timer.isDone())
    timer.runRound();
  EXPECT_EQ(timer.numRounds(), 2u);
}

TEST(Machine, SaysWhatItRunsOn) {
  Machine machine = describeMachine();
  EXPECT_GE(machine.processors, 1);
  int64_t largest = 0;
  for (const CacheLevel &cache : machine.caches) {
    EXPECT_GT(cache.bytes, 0);
    EXPECT_GE(cache.sharing, 1);
    largest = std::max(largest, cache.bytes);
  }
  EXPECT_EQ(machine.lastLevelCacheBytes(), largest);
  // This test alone needs more than a page.
  EXPECT_GT(peakResidentBytes(), 4096);
}
