//===- ControlFlow.cpp - Immediate postdominators ------------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Decode.h"

using namespace ra::runtime::sim;

/// Cooper, Harvey and Kennedy, "A simple, fast dominance algorithm", on the
/// reversed graph. The node n, one past the last instruction, is the exit.
void ra::runtime::sim::findReconvergence(
    Code &code, const std::vector<std::vector<uint32_t>> &successors) {
  const auto n = static_cast<uint32_t>(successors.size());
  std::vector<std::vector<uint32_t>> predecessors(n + 1);
  for (uint32_t i = 0; i < n; ++i)
    for (const uint32_t next : successors[i])
      predecessors[next].push_back(i);

  // Postorder of the reversed graph, from the exit.
  std::vector<uint32_t> order, number(n + 1, kNoTarget);
  std::vector<std::pair<uint32_t, size_t>> work = {{n, 0}};
  std::vector<bool> seen(n + 1);
  seen[n] = true;
  while (!work.empty()) {
    auto &[node, at] = work.back();
    if (at == predecessors[node].size()) {
      number[node] = static_cast<uint32_t>(order.size());
      order.push_back(node);
      work.pop_back();
      continue;
    }
    const uint32_t next = predecessors[node][at++];
    if (!seen[next]) {
      seen[next] = true;
      work.emplace_back(next, 0);
    }
  }

  std::vector<uint32_t> dominator(n + 1, kNoTarget);
  dominator[n] = n;
  bool changed = true;
  while (changed) {
    changed = false;
    for (size_t i = order.size(); i-- > 0;) {
      const uint32_t node = order[i];
      if (node == n)
        continue;
      uint32_t meet = kNoTarget;
      for (const uint32_t next : successors[node]) {
        if (dominator[next] == kNoTarget)
          continue;
        if (meet == kNoTarget) {
          meet = next;
          continue;
        }
        uint32_t a = next;
        while (a != meet) {
          while (number[a] < number[meet])
            a = dominator[a];
          while (number[meet] < number[a])
            meet = dominator[meet];
        }
      }
      if (dominator[node] != meet) {
        dominator[node] = meet;
        changed = true;
      }
    }
  }
  // Lanes that only meet at the exit, or never, do not wait for each other.
  code.reconverge.assign(n, kNoTarget);
  for (uint32_t i = 0; i < n; ++i)
    if (dominator[i] != n)
      code.reconverge[i] = dominator[i];
}
