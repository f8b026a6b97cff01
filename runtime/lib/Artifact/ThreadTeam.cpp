//===- ThreadTeam.cpp - Threads of the kernels of artifacts ---------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ThreadTeam.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <pthread.h>
#include <sched.h>
#include <thread>

using namespace ra::runtime;

unsigned ra::runtime::availableProcessors() {
#ifdef CPU_COUNT
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof(set), &set) == 0)
    return std::max(1, CPU_COUNT(&set));
#endif
  return std::max(1u, std::thread::hardware_concurrency());
}

namespace {

constexpr int kMaxArguments = 8;
/// More would only be a mistake.
constexpr unsigned kMaxThreads = 1024;

/// The outlined region: thread numbers by address, then its arguments.
using Microtask = void (*)(int32_t *, int32_t *, void *, void *, void *, void *,
                           void *, void *, void *, void *);

struct Region {
  Microtask microtask = nullptr;
  void *arguments[kMaxArguments] = {};
  unsigned size = 1;
};

/// The calling thread's place in the region that it is in.
thread_local unsigned myNumber = 0, myTeamSize = 1;
/// The next iteration of that region's shared loop, counted from 0.
thread_local std::atomic<uint64_t> *myNextTrip = nullptr;
/// The shared loop as every thread of the region announced it.
struct SharedLoop {
  uint64_t lower = 0, trips = 0, step = 1, chunk = 1;
};
thread_local SharedLoop myLoop;
/// What ThreadScope set.
thread_local unsigned wantedThreads = 1;

void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

/// Threads that wait for regions. A region of a few microseconds is over before
/// a sleeping thread wakes up, so waiting starts with watching; regions of one
/// call follow each other closely.
class Team {
public:
  static Team &get() {
    // Never destroyed: threads may outlive main().
    static Team *team = new Team;
    return *team;
  }

  void grow(unsigned threads) {
    threads = std::min(threads, kMaxThreads);
    std::lock_guard<std::mutex> lock(mutex);
    while (numWorkers + 1 < threads) {
      auto *start = new Start{this, numWorkers + 1, generation.load()};
      pthread_t thread;
      // Where the system allows no more threads, fewer will do.
      if (pthread_create(&thread, nullptr, &Team::main, start) != 0) {
        delete start;
        return;
      }
      pthread_detach(thread);
      ++numWorkers;
    }
  }

  void run(const Region &wanted) {
    // Regions inside of regions, and of two threads at a time, run alone.
    bool isFree = false;
    if (wanted.size == 1 || myTeamSize != 1 ||
        !busy.compare_exchange_strong(isFree, true)) {
      Region alone = wanted;
      alone.size = 1;
      std::atomic<uint64_t> trip{0};
      enter(alone, 0, trip);
      return;
    }
    region = wanted;
    region.size = std::min(wanted.size, numWorkers.load() + 1);
    pending.store(region.size - 1, std::memory_order_relaxed);
    arrived.store(0, std::memory_order_relaxed);
    nextTrip.store(0, std::memory_order_relaxed);
    {
      std::lock_guard<std::mutex> lock(mutex);
      uint64_t next = (generation.load() >> kSizeBits) + 1;
      generation.store(next << kSizeBits | region.size,
                       std::memory_order_release);
    }
    wake.notify_all();
    enter(region, 0, nextTrip);
    wait([this] { return pending.load(std::memory_order_acquire) == 0; });
    busy.store(false, std::memory_order_release);
  }

  void barrier() {
    if (myTeamSize == 1)
      return;
    unsigned phase = barrierPhase.load(std::memory_order_acquire);
    if (arrived.fetch_add(1, std::memory_order_acq_rel) + 1 == myTeamSize) {
      arrived.store(0, std::memory_order_relaxed);
      barrierPhase.fetch_add(1, std::memory_order_release);
      return;
    }
    wait([&] { return barrierPhase.load(std::memory_order_acquire) != phase; });
  }

private:
  template <typename Fn> static void wait(Fn isDone) {
    for (unsigned turn = 0; !isDone(); ++turn) {
      pause();
      // With fewer processors than threads the others need this one.
      if (turn > 2000)
        std::this_thread::yield();
    }
  }

  static void enter(const Region &region, unsigned number,
                    std::atomic<uint64_t> &trip) {
    unsigned numberBefore = myNumber, sizeBefore = myTeamSize;
    std::atomic<uint64_t> *tripBefore = myNextTrip;
    SharedLoop loopBefore = myLoop;
    myNextTrip = &trip;
    myNumber = number;
    myTeamSize = region.size;
    auto global = static_cast<int32_t>(number), bound = global;
    void *const *a = region.arguments;
    region.microtask(&global, &bound, a[0], a[1], a[2], a[3], a[4], a[5], a[6],
                     a[7]);
    myNumber = numberBefore;
    myTeamSize = sizeBefore;
    myNextTrip = tripBefore;
    myLoop = loopBefore;
  }

  struct Start {
    Team *team;
    unsigned number;
    uint64_t seen;
  };
  static void *main(void *argument) {
    auto *start = static_cast<Start *>(argument);
    Start copy = *start;
    delete start;
    copy.team->work(copy.number, copy.seen);
    return nullptr;
  }

  void work(unsigned number, uint64_t seen) {
    for (;;) {
      auto isNew = [&] {
        return generation.load(std::memory_order_acquire) != seen;
      };
      for (unsigned turn = 0; turn < 20000 && !isNew(); ++turn)
        pause();
      if (!isNew()) {
        std::unique_lock<std::mutex> lock(mutex);
        wake.wait(lock, isNew);
      }
      seen = generation.load(std::memory_order_acquire);
      // Nobody waits for a thread that is not in the region, so it must not
      // look at it: the caller may be at the next one.
      if (number >= (seen & ((1u << kSizeBits) - 1)))
        continue;
      enter(region, number, nextTrip);
      pending.fetch_sub(1, std::memory_order_release);
    }
  }

  /// The number of the region, and in the lowest bits its size.
  static constexpr unsigned kSizeBits = 16;
  std::mutex mutex;
  std::condition_variable wake;
  std::atomic<uint64_t> generation{0};
  std::atomic<bool> busy{false};
  std::atomic<unsigned> pending{0}, arrived{0}, barrierPhase{0};
  std::atomic<uint64_t> nextTrip{0};
  std::atomic<unsigned> numWorkers{0};
  Region region;
};

} // namespace

ThreadScope::ThreadScope(unsigned threads) : before(wantedThreads) {
  wantedThreads = threads == 0 ? availableProcessors() : threads;
  startThreads(wantedThreads);
}
ThreadScope::~ThreadScope() { wantedThreads = before; }

void ra::runtime::startThreads(unsigned threads) {
  if (threads > 1)
    Team::get().grow(threads);
}

void ra::runtime::forkCall(void *, int32_t numArguments, void *microtask, ...) {
  if (numArguments > kMaxArguments) {
    // Compiled code has no way to report this; LLVM packs all into one.
    std::fputs("ra: a parallel region with more arguments than there may be\n",
               stderr);
    std::abort();
  }
  Region region;
  region.microtask = reinterpret_cast<Microtask>(microtask);
  va_list list;
  va_start(list, microtask);
  for (int32_t i = 0; i < numArguments; ++i)
    region.arguments[i] = va_arg(list, void *);
  va_end(list);
  region.size = wantedThreads;
  Team::get().run(region);
}

int32_t ra::runtime::globalThreadNumber(void *) {
  return static_cast<int32_t>(myNumber);
}

void ra::runtime::barrier(void *, int32_t) { Team::get().barrier(); }

void ra::runtime::staticInit8u(void *, int32_t, int32_t, int32_t *isLast,
                               uint64_t *lower, uint64_t *upper,
                               int64_t *stride, int64_t increment, int64_t) {
  // Both ends belong to the range, in steps of `increment`, which is positive.
  // Threads get neighbouring iterations, as many each as there can be.
  auto step = static_cast<uint64_t>(increment);
  bool isEmpty = *upper < *lower;
  uint64_t trips = isEmpty ? 0 : (*upper - *lower) / step + 1;
  uint64_t size = myTeamSize, number = myNumber;
  uint64_t each = trips / size, extra = trips % size;
  uint64_t first = number * each + std::min(number, extra);
  uint64_t count = each + (number < extra ? 1 : 0);
  *stride = static_cast<int64_t>(trips * step);
  *isLast = count != 0 && first + count == trips;
  if (count == 0) {
    // An empty range; no wrap-around, whatever the ends were.
    *lower = 1;
    *upper = 0;
    return;
  }
  *lower += first * step;
  *upper = *lower + (count - 1) * step;
}

void ra::runtime::staticFini(void *, int32_t) {}

void ra::runtime::dispatchInit8u(void *, int32_t, int32_t, uint64_t lower,
                                 uint64_t upper, int64_t increment,
                                 int64_t chunk) {
  auto step = static_cast<uint64_t>(increment);
  myLoop = {lower, upper < lower ? 0 : (upper - lower) / step + 1, step,
            static_cast<uint64_t>(std::max<int64_t>(chunk, 1))};
}

int32_t ra::runtime::dispatchNext8u(void *, int32_t, int32_t *isLast,
                                    uint64_t *lower, uint64_t *upper,
                                    int64_t *stride) {
  const SharedLoop &loop = myLoop;
  uint64_t first = myNextTrip->fetch_add(loop.chunk, std::memory_order_relaxed);
  if (first >= loop.trips)
    return 0;
  uint64_t count = std::min(loop.chunk, loop.trips - first);
  *isLast = first + count == loop.trips;
  *lower = loop.lower + first * loop.step;
  *upper = *lower + (count - 1) * loop.step;
  *stride = static_cast<int64_t>(loop.step);
  return 1;
}

void ra::runtime::dispatchDeinit(void *, int32_t) {}
