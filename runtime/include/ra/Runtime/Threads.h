//===- Threads.h - Work on several threads ----------------------*- C++ -*-===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RA_RUNTIME_THREADS_H
#define RA_RUNTIME_THREADS_H

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

namespace ra::runtime {

/// Calls `work(task)` for every task in [0, tasks), in any order, on up to
/// `threads` threads (0 counts as 1), and returns when all are done.
template <typename Fn>
void parallelFor(int64_t tasks, unsigned threads, Fn work) {
  const int64_t workers = std::min<int64_t>(tasks, std::max(threads, 1u));
  const int64_t helpers = std::max<int64_t>(workers - 1, 0);
  std::atomic<int64_t> next{0};
  auto loop = [&] {
    for (int64_t task; (task = next.fetch_add(1)) < tasks;)
      work(task);
  };
  std::vector<std::thread> pool;
  pool.reserve(static_cast<size_t>(helpers));
  for (int64_t i = 0; i < helpers; ++i)
    pool.emplace_back(loop);
  loop();
  for (std::thread &thread : pool)
    thread.join();
}

} // namespace ra::runtime

#endif // RA_RUNTIME_THREADS_H
