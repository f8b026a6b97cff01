//===- BenchFiles.cpp - Files of measurements -----------------------------===//
//
// Part of the ra project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "NumberText.h"
#include "ra/Runtime/BenchReport.h"

#include <cmath>
#include <ctime>

using namespace ra;
using namespace ra::runtime;

//===----------------------------------------------------------------------===//
// JSON
//===----------------------------------------------------------------------===//

namespace {

/// Writes one JSON value, indented, member by member.
class JsonWriter {
public:
  void beginObject(const char *key = nullptr) { open(key, '{'); }
  void endObject() { close('}'); }
  void beginArray(const char *key = nullptr) { open(key, '['); }
  void endArray() { close(']'); }
  void string(const char *key, const std::string &value) {
    item(key);
    quote(value);
  }
  void number(const char *key, double value) {
    item(key);
    text += exact(value);
  }
  void integer(const char *key, int64_t value) {
    item(key);
    text += std::to_string(value);
  }
  void boolean(const char *key, bool value) {
    item(key);
    text += value ? "true" : "false";
  }
  std::string take() { return std::move(text) + "\n"; }

private:
  void item(const char *key) {
    if (!first)
      text += ',';
    if (depth != 0)
      text += "\n" + std::string(2 * static_cast<size_t>(depth), ' ');
    first = false;
    if (key) {
      quote(key);
      text += ": ";
    }
  }
  void open(const char *key, char bracket) {
    item(key);
    text += bracket;
    ++depth;
    first = true;
  }
  void close(char bracket) {
    --depth;
    text += "\n" + std::string(2 * static_cast<size_t>(depth), ' ') + bracket;
    first = false;
  }
  void quote(const std::string &value) {
    static constexpr char digits[] = "0123456789abcdef";
    text += '"';
    for (char c : value) {
      if (c == '"' || c == '\\')
        (text += '\\') += c;
      else if (static_cast<unsigned char>(c) < 0x20)
        ((text += "\\u00") += digits[c >> 4]) += digits[c & 15];
      else
        text += c;
    }
    text += '"';
  }

  std::string text;
  int depth = 0;
  bool first = true;
};

/// What an aggregate line says.
struct Aggregate {
  const char *name;
  bool isPercentage;
  double real, cpu;
};

} // namespace

static double mean(const std::vector<double> &values) {
  double sum = 0;
  for (double value : values)
    sum += value;
  return sum / static_cast<double>(values.size());
}

static double deviation(const std::vector<double> &values) {
  if (values.size() < 2)
    return 0;
  double center = mean(values), sum = 0;
  for (double value : values)
    sum += (value - center) * (value - center);
  return std::sqrt(sum / static_cast<double>(values.size() - 1));
}

static std::string timestamp() {
  std::time_t now = std::time(nullptr);
  std::tm parts;
  char text[32] = "";
  if (gmtime_r(&now, &parts))
    std::strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S+00:00", &parts);
  return text;
}

static void writeContext(JsonWriter &json, const BenchReport &report) {
  json.beginObject("context");
  json.string("date", timestamp());
  json.string("executable", "ra-run");
  json.integer("num_cpus", report.machine.processors);
  json.integer("mhz_per_cpu",
               static_cast<int64_t>(std::llround(report.machine.megahertz)));
  json.beginArray("caches");
  for (const CacheLevel &cache : report.machine.caches) {
    json.beginObject();
    json.string("type", cache.type);
    json.integer("level", cache.level);
    json.integer("size", cache.bytes);
    json.integer("num_sharing", cache.sharing);
    json.endObject();
  }
  json.endArray();
#ifdef NDEBUG
  json.string("library_build_type", "release");
#else
  json.string("library_build_type", "debug");
#endif
  json.string("cpu", report.machine.cpu);
  json.string("isa", report.machine.isa);
  json.integer("threads", report.threads);
  json.integer("seed", static_cast<int64_t>(report.seed));
  json.string("baseline", report.baseline);
  json.integer("peak_resident_bytes", report.peakResidentBytes);
  for (const auto &[key, value] : report.context)
    json.string(key.c_str(), value);
  json.endObject();
}

/// What every line of one configuration says.
static void writeNames(JsonWriter &json, const BenchReport &report,
                       const std::string &run, const char *suffix,
                       size_t family, size_t instance, size_t repetitions,
                       bool isAggregate) {
  json.beginObject();
  json.string("name", run + suffix);
  json.integer("family_index", static_cast<int64_t>(family));
  json.integer("per_family_instance_index", static_cast<int64_t>(instance));
  json.string("run_name", run);
  json.string("run_type", isAggregate ? "aggregate" : "iteration");
  json.integer("repetitions", static_cast<int64_t>(repetitions));
  json.integer("threads", report.threads);
}

static void writeResult(JsonWriter &json, const BenchReport &report,
                        const BenchPoint &point, size_t family,
                        size_t instance) {
  const BenchResult &result = point.results[family];
  std::string run = report.name + "/" + result.name;
  if (!report.axis.empty())
    run += "/" + report.axis + ":" +
           std::to_string(static_cast<int64_t>(point.axisValue));

  size_t rounds = result.samples.size();
  std::vector<double> real, cpu;
  for (size_t i = 0; i < rounds; ++i) {
    const TimingSample &sample = result.samples[i];
    real.push_back(sample.seconds * 1e3);
    cpu.push_back(sample.processSeconds * 1e3);
    writeNames(json, report, run, "", family, instance, rounds, false);
    json.integer("repetition_index", static_cast<int64_t>(i));
    json.integer("iterations", sample.iterations);
    json.number("real_time", real.back());
    json.number("cpu_time", cpu.back());
    json.string("time_unit", "ms");
    json.endObject();
  }
  if (rounds == 0)
    return;

  double realMean = mean(real), cpuMean = mean(cpu);
  double realDeviation = deviation(real), cpuDeviation = deviation(cpu);
  const Aggregate aggregates[] = {
      {"mean", false, realMean, cpuMean},
      {"median", false, summarise(real).median, summarise(cpu).median},
      {"stddev", false, realDeviation, cpuDeviation},
      {"cv", true, realDeviation / realMean,
       cpuMean > 0 ? cpuDeviation / cpuMean : 0}};
  for (const Aggregate &aggregate : aggregates) {
    std::string suffix = std::string("_") + aggregate.name;
    writeNames(json, report, run, suffix.c_str(), family, instance, rounds,
               true);
    json.string("aggregate_name", aggregate.name);
    json.string("aggregate_unit",
                aggregate.isPercentage ? "percentage" : "time");
    json.integer("iterations", static_cast<int64_t>(rounds));
    json.number("real_time", aggregate.real);
    json.number("cpu_time", aggregate.cpu);
    json.string("time_unit", "ms");
    if (std::string(aggregate.name) == "median") {
      json.number("p5", summarise(real).p5);
      json.number("p95", summarise(real).p95);
      int baseline = point.find(report.baseline);
      if (baseline >= 0)
        json.number("vs_baseline",
                    summariseRatio(result, point.results[baseline], report.seed)
                        .spread.median);
      json.number("flops_per_second", static_cast<double>(point.usefulFlops) /
                                          (aggregate.real * 1e-3));
      json.integer("useful_flops", point.usefulFlops);
      json.integer("flops", result.flops);
      json.integer("kernels", result.kernels);
      json.integer("copies", result.copies);
      json.integer("allocations", result.allocations);
      json.integer("intermediate_bytes", result.intermediateBytes);
      json.integer("input_bytes", point.inputBytes);
      json.integer("output_bytes", point.outputBytes);
      json.integer("weight_bytes", point.weightBytes);
      json.integer("prepared_bytes", result.preparedBytes);
      json.integer("scratch_bytes", result.scratchBytes);
      json.number("max_error", result.maxError);
      json.number("tolerance", result.tolerance);
      json.number("compile_seconds", result.compileSeconds);
      json.number("prepare_seconds", result.prepareSeconds);
    }
    json.endObject();
  }
}

std::string runtime::formatJson(const BenchReport &report) {
  JsonWriter json;
  json.beginObject();
  writeContext(json, report);
  json.beginArray("benchmarks");
  for (size_t point = 0; point < report.points.size(); ++point)
    for (size_t i = 0; i < report.points[point].results.size(); ++i)
      writeResult(json, report, report.points[point], i, point);
  json.endArray();
  json.endObject();
  return json.take();
}

//===----------------------------------------------------------------------===//
// CSV
//===----------------------------------------------------------------------===//

std::string runtime::formatCsv(const BenchReport &report) {
  std::string text =
      "entry,configuration,axis,value,threads,rounds,ms,p5_ms,p95_ms,"
      "vs_baseline,vs_baseline_low,vs_baseline_high,gflops,kernels,copies,"
      "allocations,intermediate_bytes,prepared_bytes,scratch_bytes,max_error,"
      "tolerance,"
      "compile_s\n";
  for (const BenchPoint &point : report.points) {
    int baseline = point.find(report.baseline);
    for (const BenchResult &result : point.results) {
      Summary time = summarise(result.milliseconds());
      std::string ratio = ",,";
      if (baseline >= 0) {
        RatioSummary summary =
            summariseRatio(result, point.results[baseline], report.seed);
        ratio = compact(summary.spread.median) + "," +
                compact(summary.interval.low) + "," +
                compact(summary.interval.high);
      }
      std::string value =
          report.axis.empty()
              ? ""
              : std::to_string(static_cast<int64_t>(point.axisValue));
      const std::string cells[] = {
          report.name,
          result.name,
          report.axis,
          value,
          std::to_string(report.threads),
          std::to_string(result.samples.size()),
          compact(time.median),
          compact(time.p5),
          compact(time.p95),
          ratio,
          compact(static_cast<double>(point.usefulFlops) / (time.median * 1e6)),
          std::to_string(result.kernels),
          std::to_string(result.copies),
          std::to_string(result.allocations),
          std::to_string(result.intermediateBytes),
          std::to_string(result.preparedBytes),
          std::to_string(result.scratchBytes),
          compact(result.maxError),
          compact(result.tolerance),
          compact(result.compileSeconds)};
      for (const std::string &cell : cells)
        text += (&cell == cells ? "" : ",") + cell;
      text += "\n";
    }
  }
  return text;
}
