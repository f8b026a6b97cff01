"""Measures ra beside other systems on this machine's CPU and writes
docs/benchmarks/cpu.md; run through scripts/bench-cpu.sh, which says how.

A *case* is one computation at one shape, storage type and number of threads. Each
system runs in a process of its own (worker.py, native_worker.cpp, or ra-run bench
--paced), confined to as many processors as the case has threads and checked
against f64 on a small shape first. Then they take turns: in each round every
system runs for a short time while the others wait, so that ratios are taken
within a round.
"""

import argparse
import datetime
import fnmatch
import glob
import json
import os
import pathlib
import re
import selectors
import shutil
import subprocess
import sys
import time

import report

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
WORK = ROOT / "build" / "bench"
EXAMPLES = ROOT / "python-free-examples"

NATIVE = ("naive", "openblas")
PYTHON_PEERS = {
    "attention": ("torch", "jax", "onnxruntime", "onnxruntime-opset", "iree"),
    "linear": ("torch", "jax", "onnxruntime", "iree"),
    "block": ("torch", "torch-compile", "torch-ra", "torch-ra-compile", "jax", "onnxruntime", "iree"),
}
# What a worker of n > 1 threads may still do when it has answered: OpenMP threads
# wait busily for up to 200 ms.
SPIN_SECONDS = 0.25
# A system whose call takes longer than this takes part in the first rounds only.
SLOW_SECONDS, SLOW_ROUNDS = 2.0, 3


def make_cases():
    cases = []

    def add(kind, dtype, threads, name, **shape):
        case_id = f"{kind}-{name}-{dtype}-{threads}t"
        cases.append(dict(id=case_id, kind=kind, dtype=dtype, threads=threads, **shape))

    for threads in (1, 2):
        for causal in (True, False):
            for t in (256, 512, 1024, 2048, 4096):
                # Two threads are of interest at two lengths.
                if threads == 1 or t in (1024, 4096):
                    name = f"{'causal' if causal else 'full'}-T{t}"
                    add("attention", "f32", threads, name, B=1, H=12, T=t, D=64, causal=causal)
        for n in (2304, 768):
            add("linear", "f32", threads, f"8192x{n}x768", M=8192, N=n, K=768)
        add("block", "f32", threads, "B8-T1024", B=8, T=1024, C=768, H=12, D=64, R=4)
    for dtype in ("f16", "bf16"):
        add("attention", dtype, 1, "causal-T1024", B=1, H=12, T=1024, D=64, causal=True)
        add("linear", dtype, 1, "8192x2304x768", M=8192, N=2304, K=768)
        add("block", dtype, 1, "B8-T1024", B=8, T=1024, C=768, H=12, D=64, R=4)
    add("attention", "f32", 1, "packed-T1024", B=1, H=12, T=1024, D=64, causal=True, packed=True)
    add("block", "f32", 1, "B1-T128", B=1, T=128, C=768, H=12, D=64, R=4)
    add("block", "f32", 1, "B1-T512", B=1, T=512, C=768, H=12, D=64, R=4)
    return cases


def make_ladders():
    """Runs of ra-run bench alone: the stages against each other."""
    block = ["--dim=B=8", "--dim=T=1024"]
    lengths = ["--dim=B=1", "--axis=T=64,128,256,512,1024,2048"]
    return [
        dict(id="ladder-B8-T1024-f32-1t", dtype="f32", threads=1, options=block),
        dict(id="ladder-B8-T1024-f32-2t", dtype="f32", threads=2, options=block),
        dict(id="ladder-B8-T1024-f16-1t", dtype="f16", threads=1, options=block),
        dict(id="ladder-B8-T1024-bf16-1t", dtype="bf16", threads=1, options=block),
        dict(id="ladder-lengths-f32-1t", dtype="f32", threads=1, options=lengths),
    ]


def shrink(case):
    """The case for --quick: the same computation, smaller."""
    limits = {"T": 256, "B": 1, "M": 512}
    return {key: min(value, limits[key]) if key in limits else value for key, value in case.items()}


# ----------------------------------------------------------------------------
# ra
# ----------------------------------------------------------------------------


def ra_module(case):
    """The module of a case and how ra-run is told its shape."""
    e = case["dtype"]
    if case["kind"] == "block":
        text = (EXAMPLES / "reciprocal_block.mlir").read_text().replace("xf32>", f"x{e}>")
        return text, [f"--dim=B={case['B']}", f"--dim=T={case['T']}"]
    if case["kind"] == "linear":
        x, w, y = (
            f"tensor<{case[a]}x{case[b]}x{e}>" for a, b in (("M", "K"), ("N", "K"), ("M", "N"))
        )
        return f"""
func.func @linear(%x: {x}, %w: {w} {{ra.parameter}}) -> {y} {{
  %e = tensor.empty() : {y}
  %y = ra.linear ins(%x, %w : {x}, {w}) outs(%e : {y}) -> {y}
  return %y : {y}
}}
""", []
    if case.get("packed"):
        return packed_attention(case), []
    t = "tensor<{B}x{H}x{T}x{D}x{dtype}>".format(**case)
    mask = "{mask = #ra.mask<causal>}" if case["causal"] else ""
    return f"""
func.func @attention(%q: {t}, %k: {t}, %v: {t}) -> {t} {{
  %e = tensor.empty() : {t}
  %o = ra.attention {mask} ins(%q, %k, %v : {t}, {t}, {t}) outs(%e : {t}) -> {t}
  return %o : {t}
}}
""", []


def packed_attention(case):
    """Query, key and value as slices of a packed projection's rows."""
    width = case["H"] * case["D"]
    rows = "tensor<{B}x{T}x{0}x{dtype}>".format(3 * width, **case)
    part = "tensor<{B}x{T}x{0}x{dtype}>".format(width, **case)
    heads = "tensor<{B}x{T}x{H}x{D}x{dtype}>".format(**case)
    slices = "".join(f"""
  %{name}s = tensor.extract_slice %x[0, 0, {index * width}] [{case['B']}, {case['T']}, {width}] [1, 1, 1]
      : {rows} to {part}
  %{name} = tensor.expand_shape %{name}s [[0], [1], [2, 3]]
      output_shape [{case['B']}, {case['T']}, {case['H']}, {case['D']}] : {part} into {heads}"""
        for index, name in enumerate("qkv"))
    mask = ", mask = #ra.mask<causal>" if case["causal"] else ""
    return f"""
#bthd = affine_map<(b, h, t, d) -> (b, t, h, d)>
func.func @attention(%x: {rows}) -> {heads} {{{slices}
  %e = tensor.empty() : {heads}
  %o = ra.attention {{indexing_maps = [#bthd, #bthd, #bthd, #bthd]{mask}}}
      ins(%q, %k, %v : {heads}, {heads}, {heads}) outs(%e : {heads}) -> {heads}
  return %o : {heads}
}}
"""


def ra_command(ra_run, case, folder):
    text, options = ra_module(case)
    path = folder / f"{case['id']}.mlir"
    path.write_text(text)
    stages = "baseline,direct" if case["kind"] == "block" else "direct"
    return [
        str(ra_run), "bench", str(path), f"--threads={case['threads']}", f"--stages={stages}",
        "--paced", *options,
    ]


# ----------------------------------------------------------------------------
# Workers
# ----------------------------------------------------------------------------


class WorkerError(Exception):
    pass


class Worker:
    """A system in a process of its own; answers lines with lines of JSON."""

    def __init__(self, name, command, case, environment):
        self.name = name
        self.is_slow = False
        processors = sorted(os.sched_getaffinity(0))[: case["threads"]]
        self.errors = open(WORK / f"{case['id']}.{name}.log", "w+")
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors,
            text=True, env=environment, cwd=WORK,
            preexec_fn=lambda: os.sched_setaffinity(0, processors),
        )
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.process.stdout, selectors.EVENT_READ)

    def read(self, timeout):
        """The next answer. A process that ended or takes too long is an error."""
        if not self.selector.select(timeout):
            raise WorkerError(f"gave no answer in {timeout} s")
        line = self.process.stdout.readline()
        if not line:
            self.process.wait()
            self.errors.seek(0)
            said = [text for text in self.errors.read().splitlines() if text.strip()]
            raise WorkerError(said[-1][:160] if said else f"ended with {self.process.returncode}")
        return json.loads(line)

    def round(self, duration):
        try:
            self.process.stdin.write(f"{duration}\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # read() says why.
        times = self.read(timeout=180)["ms"]
        self.is_slow = max(times.values()) > SLOW_SECONDS * 1e3
        return times

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()
        self.errors.close()


def busy_seconds():
    """Processor seconds that the machine has spent working, and that its host has
    kept from it."""
    fields = [int(n) for n in pathlib.Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]]
    user, nice, system, _, _, irq, softirq, steal = fields[:8]
    tick = os.sysconf("SC_CLK_TCK")
    return (user + nice + system + irq + softirq) / tick, steal / tick


def own_seconds(workers):
    """Processor seconds of the workers, which are all alive."""
    total = 0
    for worker in workers:
        text = pathlib.Path(f"/proc/{worker.process.pid}/stat").read_text()
        total += sum(int(n) for n in text.rsplit(")", 1)[1].split()[11:13])
    return total / os.sysconf("SC_CLK_TCK")


def commands_of(case, options):
    """(name, command) of every system that takes part."""
    python = options.python
    wanted = options.peers

    def takes_part(name):
        return wanted is None or name in wanted

    yield "ra", ra_command(options.ra_run, case, WORK)
    native = {
        "attention": "{B} {H} {T} {D}", "linear": "{M} {N} {K}",
    }.get(case["kind"])
    yield "peak", [str(WORK / "native_naive"), "peak", str(case["threads"])]
    if native and case["dtype"] == "f32" and not case.get("packed"):
        shape = native.format(**case).split()
        if case["kind"] == "attention":
            shape.append(str(int(case["causal"])))
        for name in NATIVE:
            if takes_part(name):
                command = [str(WORK / f"native_{name}"), name, str(case["threads"]), case["kind"]]
                yield name, command + shape
    for name in PYTHON_PEERS[case["kind"]]:
        if takes_part(name):
            yield name, [str(python), str(HERE / "worker.py"), name, json.dumps(case)]


def measure(case, options, environment):
    """One case: who took part, what they are, and their times by round."""
    print(f"{case['id']}: starting", file=sys.stderr, flush=True)
    systems, workers = {}, []
    started = [
        Worker(name, command, case, environment) for name, command in commands_of(case, options)
    ]
    for worker in started:
        try:
            ready = worker.read(timeout=400)
            if not ready.get("ready"):
                raise WorkerError(ready.get("reason", "did not say why"))
            systems[worker.name] = dict(
                version=ready.get("version", ""), max_error=ready["max_error"], ms=[]
            )
            for key in ("flops", "useful_flops"):
                if key in ready:
                    systems[worker.name][key] = ready[key]
            workers.append(worker)
        except WorkerError as reason:
            systems[worker.name] = dict(missing=str(reason))
            worker.close()
    own, (busy, stolen), start = own_seconds(workers), busy_seconds(), time.monotonic()
    lost = 0
    try:
        for round_index in range(options.rounds + 1):
            for worker in list(workers[:: -1 if round_index % 2 else 1]):
                if round_index > SLOW_ROUNDS and worker.is_slow:
                    continue
                try:
                    times = worker.round(options.seconds)
                except WorkerError as reason:
                    systems[worker.name] = dict(missing=str(reason))
                    lost += own_seconds([worker]) if worker.process.poll() is None else 0
                    workers.remove(worker)
                    worker.close()
                    continue
                # The first round warms up.
                if round_index > 0:
                    systems[worker.name]["ms"].append(times)
                if case["threads"] > 1:
                    time.sleep(SPIN_SECONDS)
            print(f"{case['id']}: round {round_index} of {options.rounds}", file=sys.stderr)
        own = own_seconds(workers) + lost - own
        busy, stolen = (after - before for after, before in zip(busy_seconds(), (busy, stolen)))
        others = max(0.0, busy - own + stolen) / (time.monotonic() - start)
        if others > report.BUSY:
            print(f"{case['id']}: something else used {others:.2f} processors meanwhile", file=sys.stderr)
    finally:
        for worker in workers:
            worker.close()
    return dict(case, others=others, systems=flatten(systems))


def flatten(systems):
    """A system per name that was timed: ra at a block is two."""
    result = {}
    for name, system in systems.items():
        if "missing" in system:
            result[name] = system
            continue
        rounds = system.pop("ms")
        for key in rounds[0] if rounds else []:
            entry = dict(system, ms=[times[key] for times in rounds])
            if isinstance(entry["max_error"], dict):
                entry["max_error"] = entry["max_error"][key]
            full = name
            if name == "ra" and len(rounds[0]) > 1:
                full = "ra-baseline" if key == "baseline" else "ra"
            result[full] = entry
    return result


def run_ladder(ladder, options):
    """ra-run bench by itself: its JSON and its picture."""
    print(f"{ladder['id']}: running", file=sys.stderr, flush=True)
    module = WORK / f"{ladder['id']}.mlir"
    text = (EXAMPLES / "reciprocal_block.mlir").read_text()
    module.write_text(text.replace("xf32>", f"x{ladder['dtype']}>"))
    shape = ladder["options"]
    if options.quick:
        shape = [re.sub(r"B=8", "B=1", re.sub(r"(T=)[\d,]+", r"\g<1>64", o)) for o in shape]
    output = WORK / f"{ladder['id']}.json"
    command = [
        str(options.ra_run), "bench", module.name, f"--threads={ladder['threads']}", *shape,
        f"--min-time={'50ms' if options.quick else '1s'}",
        f"--json={output}", f"--plot={options.output.resolve() / ('cpu-' + ladder['id'] + '.svg')}",
    ]
    done = subprocess.run(command, cwd=WORK, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        print(f"{ladder['id']}: {done.stderr.strip()}", file=sys.stderr)
        return dict(ladder, missing=(done.stderr.strip().splitlines() or ["?"])[-1])
    full = json.loads(output.read_text())
    for key in ("command", "executable"):
        full["context"].pop(key, None)
    rows = {}
    for line in full["benchmarks"]:
        row = rows.setdefault(line["run_name"], dict(name=line["run_name"], ms=[]))
        if line["run_type"] == "iteration":
            row["ms"].append(line["real_time"])
        elif line["aggregate_name"] == "median":
            for key in (
                "useful_flops", "flops", "kernels", "copies", "allocations", "intermediate_bytes",
                "input_bytes", "output_bytes", "weight_bytes", "prepared_bytes", "scratch_bytes", "max_error",
                "tolerance", "compile_seconds", "prepare_seconds",
            ):
                row[key] = line[key]
    shown = ["ra-run", "bench", "reciprocal_block.mlir", f"--threads={ladder['threads']}", *shape]
    return dict(
        id=ladder["id"], dtype=ladder["dtype"], threads=ladder["threads"],
        command=" ".join(shown), context=full["context"], rows=list(rows.values()),
    )


# ----------------------------------------------------------------------------
# Set-up
# ----------------------------------------------------------------------------


def find_openblas(python):
    """OpenBLAS of the virtual environment, else the system's: path and prefix of
    its symbols. Whether either is there, its worker says."""
    folder = python.parent.parent / "lib"
    found = glob.glob(str(folder / "python3*/site-packages/scipy_openblas32/lib/libscipy_openblas.so"))
    return (found[0], "scipy_") if found else ("libopenblas.so.0", "")


def build_native():
    source = HERE / "native_worker.cpp"
    compiler = shutil.which("g++")
    if not compiler:
        print("g++ is not here: no C++ peers and no peak", file=sys.stderr)
        return
    for name in NATIVE:
        output = WORK / f"native_{name}"
        if output.exists() and output.stat().st_mtime > source.stat().st_mtime:
            continue
        # exp becomes a vector function only under -ffast-math. The naive version
        # and the peak stay as the language has them, but for contraction.
        fast = ["-ffast-math"] if name == "openblas" else []
        subprocess.run(
            [compiler, "-std=gnu++17", "-O3", "-march=native", *fast, "-fopenmp",
             str(source), "-o", str(output), "-ldl"],
            check=True,
        )


def describe_machine():
    """What a reader needs, and no names."""
    info = pathlib.Path("/proc/cpuinfo").read_text()

    def field(name):
        found = re.search(rf"^{name}\s*:\s*(.*)$", info, re.M)
        return found.group(1).strip() if found else ""

    flags = field("flags").split()
    caches = []
    for folder in sorted(glob.glob("/sys/devices/system/cpu/cpu0/cache/index*")):
        read = lambda name: (pathlib.Path(folder) / name).read_text().strip()
        if read("type") != "Instruction":
            caches.append(f"L{read('level')} {read('size')}")
    return dict(
        cpu=field("model name"),
        isa=[flag for flag in ("avx2", "fma", "avx512f", "avx512_bf16", "avx512_fp16", "amx_tile") if flag in flags],
        processors=len(os.sched_getaffinity(0)),
        virtual="hypervisor" in flags,
        caches=caches,
    )


def parse_arguments(arguments):
    parser = argparse.ArgumentParser(
        prog="scripts/bench-cpu.sh", description="Regenerates docs/benchmarks/cpu.md, its data and plots.",
    )
    add = parser.add_argument
    add("--quick", action="store_true", help="small shapes and few rounds, to see that all works; "
        "writes to build/bench/quick")
    add("--only", metavar="PATTERN", action="append", help="measure only the cases and ladders whose "
        "names fit, as in 'attention-*-1t', and add them to what was measured before on this machine")
    add("--peers", metavar="NAME,...", help="only these of: " + ", ".join(NATIVE + tuple(
        dict.fromkeys(name for names in PYTHON_PEERS.values() for name in names))))
    add("--list", action="store_true", help="print the names of cases and ladders")
    add("--report", action="store_true", help="measure nothing; write the page from its data")
    add("--rounds", type=int, help="rounds of a case (default 10; 3 with --quick)")
    add("--output", metavar="FOLDER", type=pathlib.Path, help="folder of the page")
    add("--no-install", action="store_true", help="install no peers; those that are missing are named")
    add("--no-build", action="store_true", help="use build/release/bin/ra-run as it is")
    options = parser.parse_args(arguments)
    if options.rounds is not None and options.rounds < 1:
        parser.error("--rounds: at least one round is needed")
    if options.peers is not None:
        options.peers = options.peers.split(",")
        known = {name for names in PYTHON_PEERS.values() for name in names} | set(NATIVE)
        for name in options.peers:
            if name not in known:
                parser.error(f"--peers: there is no peer '{name}'; --help lists them")
    options.rounds = options.rounds or (3 if options.quick else 10)
    options.seconds = 0.05 if options.quick else 0.2
    if options.output is None:
        options.output = WORK / "quick" if options.quick else ROOT / "docs" / "benchmarks"
    options.ra_run = ROOT / "build" / "release" / "bin" / "ra-run"
    options.python = WORK / "venv" / "bin" / "python"
    return options


def select(items, patterns):
    chosen = [i for i in items if not patterns or any(fnmatch.fnmatch(i["id"], p) for p in patterns)]
    return chosen


def open_data(path, options):
    """The page's data to add to: what was measured before on this machine, if this
    is to be added to it, else nothing."""
    fresh = dict(
        machine=describe_machine(), rounds=options.rounds, seconds=options.seconds,
        quick=options.quick, planned=[item["id"] for item in make_cases() + make_ladders()],
        cases=[], ladders=[],
    )
    if not options.only or not path.exists():
        return fresh
    before = json.loads(path.read_text())
    for key in ("machine", "rounds", "seconds", "quick"):
        if before.get(key) != fresh[key]:
            print(f"{path} was measured with another {key}: it is replaced", file=sys.stderr)
            return fresh
    return before


def add(data, kind, item, path):
    """Puts a measurement in its place and writes the data: what was measured is not
    lost when a later case fails."""
    item["date"] = datetime.date.today().isoformat()
    order = [known["id"] for known in make_cases() + make_ladders()]
    kept = [other for other in data[kind] if other["id"] != item["id"]]
    data[kind] = sorted(kept + [item], key=lambda other: order.index(other["id"]))
    temporary = path.with_suffix(".new")
    temporary.write_text(report.compact_json(data))
    temporary.replace(path)


def main(arguments):
    options = parse_arguments(arguments)
    cases = select(make_cases(), options.only)
    ladders = select(make_ladders(), options.only)
    if not cases and not ladders:
        print(f"error: no case fits --only={','.join(options.only)}; --list names them", file=sys.stderr)
        return 2
    if options.list:
        print("\n".join(item["id"] for item in cases + ladders))
        return 0
    data_path = options.output / "cpu.json"
    if options.report:
        if not data_path.exists():
            print(f"error: {data_path} is not there; measure first", file=sys.stderr)
            return 2
        report.write(json.loads(data_path.read_text()), options.output)
        return 0
    if not options.ra_run.exists():
        print("error: build/release/bin/ra-run is not there; leave out --no-build", file=sys.stderr)
        return 2

    options.output.mkdir(parents=True, exist_ok=True)
    WORK.mkdir(parents=True, exist_ok=True)
    build_native()
    library, prefix = find_openblas(options.python)
    environment = dict(os.environ, RA_BENCH_OPENBLAS=library, RA_BENCH_OPENBLAS_PREFIX=prefix)
    if not options.python.exists():
        options.python = pathlib.Path(sys.executable)
    data = open_data(data_path, options)
    for case in cases:
        shape = shrink(case) if options.quick else case
        add(data, "cases", measure(shape, options, environment), data_path)
    for ladder in ladders:
        add(data, "ladders", run_ladder(ladder, options), data_path)
    report.write(json.loads(data_path.read_text()), options.output)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
