//===- Report.cpp - Findings, counters and rooflines as text -------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ra/Runtime/Sim/Report.h"

#include <algorithm>
#include <cinttypes>
#include <cstdarg>
#include <cstdio>

using namespace ra::runtime::sim;

std::string_view ra::runtime::sim::checkName(CheckKind kind) {
  static constexpr std::string_view kNames[kCheckKinds] = {
      "out-of-bounds", "misaligned",    "deadlock", "budget",  "trap",
      "invalid",       "uninitialized", "race",     "barrier", "async-wait"};
  return kNames[static_cast<size_t>(kind)];
}

std::string_view ra::runtime::sim::opClassName(OpClass opClass) {
  static constexpr std::string_view kNames[kOpClasses] = {
      "integer",      "logic",       "f32",          "f64",    "half",
      "special",      "convert",     "compare",      "move",   "global-load",
      "global-store", "shared-load", "shared-store", "local",  "constant",
      "atomic",       "async-copy",  "matrix-load",  "matrix", "warp",
      "barrier",      "branch"};
  return kNames[static_cast<size_t>(opClass)];
}

static std::string format(const char *pattern, ...)
    __attribute__((format(printf, 1, 2)));
static std::string format(const char *pattern, ...) {
  char text[256];
  va_list arguments;
  va_start(arguments, pattern);
  std::vsnprintf(text, sizeof(text), pattern, arguments);
  va_end(arguments);
  return text;
}

std::string Finding::toString() const {
  std::string where =
      format("kernel %s, block (%u, %u, %u), warp %u, lanes 0x%08x",
             kernel.c_str(), block[0], block[1], block[2], warp, lanes);
  std::string text(checkName(kind));
  text += ": " + message + "\n  " + where + "\n  line " + std::to_string(line) +
          ": " + this->text;
  if (!source.empty())
    text += "\n  from " + source;
  if (count > 1)
    text += "\n  " + std::to_string(count) + " times at this line";
  return text;
}

void Counters::add(const Counters &other) {
  instructions += other.instructions;
  for (size_t i = 0; i < kOpClasses; ++i)
    byClass[i] += other.byClass[i];
  tensorFlops += other.tensorFlops;
  scalarFlops += other.scalarFlops;
  globalLoads += other.globalLoads;
  globalLoadSectors += other.globalLoadSectors;
  globalLoadBytes += other.globalLoadBytes;
  globalStores += other.globalStores;
  globalStoreSectors += other.globalStoreSectors;
  globalStoreBytes += other.globalStoreBytes;
  sharedRequests += other.sharedRequests;
  sharedPasses += other.sharedPasses;
  sharedIdealPasses += other.sharedIdealPasses;
  sharedBytes += other.sharedBytes;
  barriers += other.barriers;
  divergentBranches += other.divergentBranches;
}

namespace {

struct Row {
  const char *name;
  uint64_t value;
};

} // namespace

static std::array<Row, 15> rowsOf(const Counters &c) {
  return {{{"instructions", c.instructions},
           {"tensor-flops", c.tensorFlops},
           {"scalar-flops", c.scalarFlops},
           {"global-loads", c.globalLoads},
           {"global-load-sectors", c.globalLoadSectors},
           {"global-load-bytes", c.globalLoadBytes},
           {"global-stores", c.globalStores},
           {"global-store-sectors", c.globalStoreSectors},
           {"global-store-bytes", c.globalStoreBytes},
           {"shared-requests", c.sharedRequests},
           {"shared-passes", c.sharedPasses},
           {"bank-conflicts", c.bankConflicts()},
           {"shared-bytes", c.sharedBytes},
           {"barriers", c.barriers},
           {"divergent-branches", c.divergentBranches}}};
}

std::string Counters::toString() const {
  std::string text;
  for (const Row &row : rowsOf(*this))
    text += format("%-22s %16" PRIu64 "\n", row.name, row.value);
  for (size_t i = 0; i < kOpClasses; ++i)
    if (byClass[i] != 0)
      text += format("  %-20s %16" PRIu64 "\n",
                     std::string(opClassName(static_cast<OpClass>(i))).c_str(),
                     byClass[i]);
  return text;
}

std::string Counters::toJson() const {
  std::string text = "{";
  for (const Row &row : rowsOf(*this))
    text += format("\"%s\": %" PRIu64 ", ", row.name, row.value);
  text += "\"by-class\": {";
  bool first = true;
  for (size_t i = 0; i < kOpClasses; ++i)
    if (byClass[i] != 0) {
      text += format("%s\"%s\": %" PRIu64, first ? "" : ", ",
                     std::string(opClassName(static_cast<OpClass>(i))).c_str(),
                     byClass[i]);
      first = false;
    }
  return text + "}}";
}

//===----------------------------------------------------------------------===//
// Rooflines. docs/simulator.md names where the numbers come from.
//===----------------------------------------------------------------------===//

static constexpr Chip kChips[] = {
    // name, SMs, GHz, GB/s, tensor FLOP / clock / SM, f32 lanes, special, issue
    {"a100-40gb", 108, 1.410, 1555, 2048, 64, 16, 4},
    {"a100-80gb", 108, 1.410, 2039, 2048, 64, 16, 4},
    {"a10g", 80, 1.710, 600, 512, 128, 16, 4},
    {"l4", 58, 2.040, 300, 1024, 128, 16, 4},
    {"h100-sxm", 132, 1.830, 3350, 4096, 128, 16, 4},
    {"h100-pcie", 114, 1.755, 2039, 4096, 128, 16, 4}};

const Chip *ra::runtime::sim::findChip(std::string_view name) {
  for (const Chip &chip : kChips)
    if (chip.name == name)
      return &chip;
  return nullptr;
}

std::string ra::runtime::sim::chipNames() {
  std::string names;
  for (const Chip &chip : kChips)
    names += (names.empty() ? "" : ", ") + std::string(chip.name);
  return names;
}

Roofline ra::runtime::sim::roofline(const Counters &counters,
                                    const Chip &chip) {
  const double clocksPerMicrosecond =
      chip.clockGHz * 1e3 * chip.multiprocessors;
  const auto of = [&](OpClass opClass) {
    return static_cast<double>(counters.byClass[static_cast<size_t>(opClass)]);
  };
  Roofline result;
  result.tensor = static_cast<double>(counters.tensorFlops) /
                  (chip.tensorFlopsPerClock * clocksPerMicrosecond);
  result.special = 32 * of(OpClass::Special) /
                   (chip.specialLanesPerClock * clocksPerMicrosecond);
  result.issue = static_cast<double>(counters.instructions) /
                 (chip.issuePerClock * clocksPerMicrosecond);
  result.shared =
      static_cast<double>(counters.sharedPasses) / clocksPerMicrosecond;
  result.dram = 32.0 *
                static_cast<double>(counters.globalLoadSectors +
                                    counters.globalStoreSectors) /
                (chip.dramGBps * 1e3);
  return result;
}

double Roofline::bound() const {
  return std::max({tensor, special, issue, shared, dram});
}

std::string Roofline::toString(const Chip &chip) const {
  return format("lower bounds on %s, in us: tensor %.3f, special %.3f, issue "
                "%.3f, shared %.3f, dram (no cache) %.3f\n",
                std::string(chip.name).c_str(), tensor, special, issue, shared,
                dram);
}

std::string Roofline::toJson(const Chip &chip) const {
  return format("{\"chip\": \"%s\", \"tensor-us\": %.6g, \"special-us\": %.6g, "
                "\"issue-us\": %.6g, \"shared-us\": %.6g, \"dram-us\": %.6g}",
                std::string(chip.name).c_str(), tensor, special, issue, shared,
                dram);
}
