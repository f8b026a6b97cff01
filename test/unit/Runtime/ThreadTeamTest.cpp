//===- ThreadTeamTest.cpp - Threads of the kernels of artifacts -----------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "../../../runtime/lib/Artifact/ThreadTeam.h"
#include "gtest/gtest.h"

#include <atomic>
#include <thread>
#include <vector>

using namespace ra::runtime;

namespace {

/// A loop from `lower` to `upper`, both included, as compiled code runs it.
struct Loop {
  uint64_t lower, upper;
  int64_t step;
  std::vector<std::atomic<int>> visits;
  std::atomic<int> last{0}, threads{0};
  std::vector<std::atomic<int>> afterBarrier;

  Loop(uint64_t lower, uint64_t upper, int64_t step, size_t size)
      : lower(lower), upper(upper), step(step), visits(size),
        afterBarrier(size) {}
};

void body(int32_t *, int32_t *, Loop *loop) {
  ++loop->threads;
  uint64_t lower = loop->lower, upper = loop->upper;
  int64_t stride = 0;
  int32_t isLast = 0, me = globalThreadNumber(nullptr);
  staticInit8u(nullptr, me, 34, &isLast, &lower, &upper, &stride, loop->step,
               0);
  for (uint64_t i = lower; i <= upper; i += static_cast<uint64_t>(loop->step))
    ++loop->visits[i];
  staticFini(nullptr, me);
  loop->last += isLast;
  barrier(nullptr, me);
  // What any thread did before, every thread sees.
  int total = 0;
  for (const std::atomic<int> &count : loop->visits)
    total += count.load(std::memory_order_relaxed);
  loop->afterBarrier[static_cast<size_t>(me)] = total;
  barrier(nullptr, me);
}

/// The same, each thread taking the next two iterations when it is free.
void dynamicBody(int32_t *, int32_t *, Loop *loop) {
  ++loop->threads;
  uint64_t lower = 0, upper = 0;
  int64_t stride = 0;
  int32_t isLast = 0, me = globalThreadNumber(nullptr);
  dispatchInit8u(nullptr, me, 35, loop->lower, loop->upper, loop->step, 2);
  while (dispatchNext8u(nullptr, me, &isLast, &lower, &upper, &stride)) {
    for (uint64_t i = lower; i <= upper; i += static_cast<uint64_t>(stride))
      ++loop->visits[i];
    loop->last += isLast;
  }
  dispatchDeinit(nullptr, me);
  barrier(nullptr, me);
  int total = 0;
  for (const std::atomic<int> &count : loop->visits)
    total += count.load(std::memory_order_relaxed);
  loop->afterBarrier[static_cast<size_t>(me)] = total;
  barrier(nullptr, me);
}

using Body = void (*)(int32_t *, int32_t *, Loop *);

void run(Loop &loop, Body of = &body) {
  forkCall(nullptr, 1, reinterpret_cast<void *>(of), &loop);
}

class ThreadTeamLoops : public testing::TestWithParam<Body> {};

TEST_P(ThreadTeamLoops, EveryIterationOnce) {
  for (unsigned threads : {1u, 2u, 3u, 7u}) {
    ThreadScope scope(threads);
    for (auto [lower, upper, step] :
         {std::tuple<uint64_t, uint64_t, int64_t>(0, 0, 1),
          {0, 1, 1},
          {0, 99, 1},
          {5, 17, 3},
          {5, 18, 3},
          {2, 2, 4},
          {0, 6, 7}}) {
      Loop loop(lower, upper, step, 100);
      run(loop, GetParam());
      int expected = 0;
      for (uint64_t i = 0; i < 100; ++i) {
        int wanted = i >= lower && i <= upper &&
                     (i - lower) % static_cast<uint64_t>(step) == 0;
        EXPECT_EQ(loop.visits[i], wanted) << threads << " " << i;
        expected += wanted;
      }
      EXPECT_EQ(loop.last, 1);
      EXPECT_EQ(loop.threads, static_cast<int>(threads));
      for (unsigned thread = 0; thread < threads; ++thread)
        EXPECT_EQ(loop.afterBarrier[thread], expected);
    }
    // An empty range, as compiled code gives it: the end is before the begin.
    Loop loop(1, 0, 1, 10);
    run(loop, GetParam());
    EXPECT_EQ(loop.afterBarrier[0], 0);
    EXPECT_EQ(loop.last, 0);
  }
}

INSTANTIATE_TEST_SUITE_P(Schedules, ThreadTeamLoops,
                         testing::Values(&body, &dynamicBody));

TEST(ThreadTeam, OneRegionAtATime) {
  std::vector<std::thread> callers;
  std::atomic<int> wrong{0};
  for (unsigned caller = 0; caller < 4; ++caller)
    callers.emplace_back([&, caller] {
      ThreadScope scope(2 + caller);
      for (int turn = 0; turn < 300; ++turn) {
        Loop loop(0, 50, 1, 51);
        run(loop);
        for (const std::atomic<int> &count : loop.visits)
          wrong += count != 1;
        wrong += loop.last != 1;
      }
    });
  for (std::thread &caller : callers)
    caller.join();
  EXPECT_EQ(wrong, 0);
}

TEST(ThreadTeam, RegionsInsideOfRegionsHaveOneThread) {
  ThreadScope scope(3);
  struct Inner {
    static void outer(int32_t *, int32_t *, std::atomic<int> *wrong) {
      Loop loop(0, 9, 1, 10);
      run(loop);
      *wrong += loop.threads != 1 || loop.last != 1;
      // And the region around is as it was.
      barrier(nullptr, 0);
    }
  };
  std::atomic<int> wrong{0};
  forkCall(nullptr, 1, reinterpret_cast<void *>(&Inner::outer), &wrong);
  EXPECT_EQ(wrong, 0);
}

} // namespace
