//===- Machine.cpp - What a measurement ran on ----------------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ra/Runtime/Machine.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <fstream>
#include <sched.h>
#include <sstream>
#include <sys/resource.h>
#include <thread>

using namespace ra;
using namespace ra::runtime;

int64_t Machine::lastLevelCacheBytes() const {
  int64_t largest = 0;
  for (const CacheLevel &cache : caches)
    largest = std::max(largest, cache.bytes);
  return largest;
}

static std::string firstLine(const std::string &path) {
  std::string line;
  std::ifstream file(path);
  std::getline(file, line);
  return line;
}

/// The number that `text` starts with; 0 when it starts with none.
static int leadingNumber(const std::string &text) {
  int value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

/// The number of processors in "0-3,8": what /sys says.
static int countList(const std::string &list) {
  int count = 0;
  std::stringstream ranges(list);
  std::string range;
  while (std::getline(ranges, range, ',')) {
    size_t dash = range.find('-');
    int first = leadingNumber(range);
    int last = dash == std::string::npos
                   ? first
                   : leadingNumber(range.substr(dash + 1));
    count += last - first + 1;
  }
  return std::max(count, 1);
}

/// What follows the colon of "name : text".
static std::string valueOf(const std::string &line) {
  size_t colon = line.find(':');
  size_t start = colon == std::string::npos
                     ? std::string::npos
                     : line.find_first_not_of(" \t", colon + 1);
  return start == std::string::npos ? std::string() : line.substr(start);
}

static bool startsWith(const std::string &text, const char *prefix) {
  return text.rfind(prefix, 0) == 0;
}

static std::string describeVectorExtensions(const std::string &flags) {
  struct Extension {
    const char *flag, *name;
  };
  static constexpr Extension extensions[] = {
      {"avx512f", "AVX-512"}, {"avx2", "AVX2"},  {"fma", "FMA"},
      {"f16c", "F16C"},       {"asimd", "NEON"}, {"sve", "SVE"}};
  std::string text, padded = " " + flags + " ";
  for (const Extension &extension : extensions)
    if (padded.find(std::string(" ") + extension.flag + " ") !=
        std::string::npos)
      text += (text.empty() ? "" : " ") + std::string(extension.name);
  return text;
}

Machine runtime::describeMachine() {
  Machine machine;
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    if (startsWith(line, "model name") && machine.cpu.empty())
      machine.cpu = valueOf(line);
    else if (startsWith(line, "cpu MHz") && machine.megahertz == 0)
      machine.megahertz = std::strtod(valueOf(line).c_str(), nullptr);
    else if ((startsWith(line, "flags") || startsWith(line, "Features")) &&
             machine.isa.empty())
      machine.isa = describeVectorExtensions(valueOf(line));
  }

  machine.processors = static_cast<int>(std::thread::hardware_concurrency());
#ifdef __linux__
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof(allowed), &allowed) == 0)
    machine.processors = CPU_COUNT(&allowed);
#endif

  for (int index = 0;; ++index) {
    std::string folder = "/sys/devices/system/cpu/cpu0/cache/index" +
                         std::to_string(index) + "/";
    std::string size = firstLine(folder + "size");
    if (size.empty())
      break;
    CacheLevel cache;
    cache.level = leadingNumber(firstLine(folder + "level"));
    cache.type = firstLine(folder + "type");
    char *unit = nullptr;
    cache.bytes = std::strtoll(size.c_str(), &unit, 10);
    if (*unit == 'K')
      cache.bytes *= 1024;
    else if (*unit == 'M')
      cache.bytes *= 1024 * 1024;
    cache.sharing = countList(firstLine(folder + "shared_cpu_list"));
    machine.caches.push_back(cache);
  }
  return machine;
}

int64_t runtime::peakResidentBytes() {
  rusage usage;
  if (getrusage(RUSAGE_SELF, &usage) != 0)
    return 0;
#ifdef __APPLE__
  return usage.ru_maxrss;
#else
  return static_cast<int64_t>(usage.ru_maxrss) * 1024;
#endif
}
