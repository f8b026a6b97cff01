"""check_bench_files.py JSON CSV SVG: what ra-run bench wrote for stages baseline
and direct at T = 8 and 16, with seed 3 and one thread."""

import csv
import json
import statistics
import sys
import xml.etree.ElementTree

with open(sys.argv[1]) as file:
    report = json.load(file)
context = report["context"]
for key in ("date", "num_cpus", "mhz_per_cpu", "caches", "library_build_type"):
    assert key in context, key
assert context["seed"] == 3 and context["threads"] == 1
assert context["ir_hash"].startswith("sha256:") and len(context["ir_hash"]) == 7 + 64
assert context["llvm_version"].startswith("22.") and context["ra_version"]
assert "--axis=T=8,16" in context["command"]

# The fields of Google Benchmark's console and of its comparison script.
runs = {}
for line in report["benchmarks"]:
    for key in ("name", "run_name", "run_type", "repetitions", "threads", "iterations"):
        assert key in line, key
    assert line["time_unit"] == "ms"
    runs.setdefault(line["run_name"], []).append(line)
assert sorted(runs) == [f"block/{stage}/T:{t}" for stage in ("baseline", "direct") for t in (16, 8)]
medians = {}
for name, lines in runs.items():
    rounds = [line for line in lines if line["run_type"] == "iteration"]
    assert [line["repetition_index"] for line in rounds] == list(range(10))
    aggregates = {l["aggregate_name"]: l for l in lines if l["run_type"] == "aggregate"}
    assert sorted(aggregates) == ["cv", "mean", "median", "stddev"]
    times = [line["real_time"] for line in rounds]
    for key in ("mean", "median", "stdev"):
        mine = getattr(statistics, key)(times)
        theirs = aggregates[key.replace("stdev", "stddev")]["real_time"]
        assert abs(mine - theirs) < 1e-9 * max(times), (name, key, mine, theirs)
    medians[name] = aggregates["median"]

# One packed product of 2304 rows, the output's of 768, and half of two products
# of 12 heads of 64: 2*T*C*(3C+C) + 2*2*12*64*T*T/2.
for t in (8, 16):
    flops = 2 * t * 768 * 4 * 768 + 2 * 12 * 64 * t * t
    assert medians[f"block/direct/T:{t}"]["useful_flops"] == flops

with open(sys.argv[2], newline="") as file:
    rows = list(csv.DictReader(file))
assert [(row["configuration"], row["value"]) for row in rows] == [
    ("baseline", "8"), ("direct", "8"), ("baseline", "16"), ("direct", "16")
]
for row in rows:
    median = medians[f"block/{row['configuration']}/T:{row['value']}"]
    assert abs(float(row["ms"]) / median["real_time"] - 1) < 1e-6
    assert abs(float(row["vs_baseline"]) / median["vs_baseline"] - 1) < 1e-6
    assert row["kernels"] == "3" and row["copies"] == "0"

root = xml.etree.ElementTree.parse(sys.argv[3]).getroot()
texts = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
for text in ("@block over T", "Baseline compiled", "RA direct layout", "8", "16"):
    assert text in texts, text
