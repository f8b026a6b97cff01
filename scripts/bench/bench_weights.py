"""Measures ra-weights and writes docs/benchmarks/weights.md; see bench-weights.sh."""

import argparse
import array
import json
import os
import pathlib
import platform
import random
import shutil
import statistics
import struct
import subprocess
import sys
import time

PIECE = 1 << 20


def gpt2_shapes():
    """Names and shapes of GPT-2 (124M)."""
    yield "wte.weight", (50257, 768)
    yield "wpe.weight", (1024, 768)
    for layer in range(12):
        prefix = f"h.{layer}."
        yield prefix + "ln_1.weight", (768,)
        yield prefix + "ln_1.bias", (768,)
        yield prefix + "attn.c_attn.weight", (768, 2304)
        yield prefix + "attn.c_attn.bias", (2304,)
        yield prefix + "attn.c_proj.weight", (768, 768)
        yield prefix + "attn.c_proj.bias", (768,)
        yield prefix + "ln_2.weight", (768,)
        yield prefix + "ln_2.bias", (768,)
        yield prefix + "mlp.c_fc.weight", (768, 3072)
        yield prefix + "mlp.c_fc.bias", (3072,)
        yield prefix + "mlp.c_proj.weight", (3072, 768)
        yield prefix + "mlp.c_proj.bias", (768,)
    yield "ln_f.weight", (768,)
    yield "ln_f.bias", (768,)


def count_of(shape):
    count = 1
    for extent in shape:
        count *= extent
    return count


def write_gpt2(path):
    """The checkpoint, of a million random numbers from varying places."""
    source = random.Random(1)
    values = array.array("f", (source.gauss(0, 0.02) for _ in range(PIECE))).tobytes()
    header, offset, parameters = {"__metadata__": {"format": "pt"}}, 0, 0
    for name, shape in gpt2_shapes():
        size = 4 * count_of(shape)
        parameters += count_of(shape)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for _, shape in gpt2_shapes():
            left = 4 * count_of(shape)
            while left:
                start = 4 * source.randrange(PIECE)
                piece = values[start : start + left]
                file.write(piece)
                left -= len(piece)
    return parameters


def timed(command):
    """Seconds, and peak resident bytes, of a command that must succeed."""
    start = time.monotonic()
    pid = os.posix_spawnp(
        command[0], command, os.environ,
        file_actions=[(os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0)],
    )
    _, status, usage = os.wait4(pid, 0)
    seconds = time.monotonic() - start
    if status:
        sys.exit(f"{' '.join(command)}: failed")
    return seconds, usage.ru_maxrss * 1024


def spread(values, digits):
    low, high = min(values), max(values)
    return f"{statistics.median(values):.{digits}f} ({low:.{digits}f}-{high:.{digits}f})"


def measure(root, folder, rounds):
    weights = str(root / "build/release/bin/ra-weights")
    source, out = str(folder / "gpt2.safetensors"), str(folder / "out.safetensors")
    parameters = write_gpt2(source)
    base = [weights, "repack", source, "-o", str(folder / "kept.safetensors"), "--heads=12", "--rank=4"]
    timed(base)
    kept = str(folder / "kept.safetensors")
    fold = ["--heads=12", "--rank=4"]
    commands = {
        "`cp`, for comparison": (["cp", source, out], source),
        "`repack`": ([weights, "repack", source, "-o", out, *fold], source),
        "`repack --no-keep-raw`": ([weights, "repack", source, "-o", out, *fold, "--no-keep-raw"], source),
        "`repack --dtype=f16`": ([weights, "repack", source, "-o", out, *fold, "--dtype=f16"], source),
        "`repack --projection=svd`": ([weights, "repack", source, "-o", out, *fold, "--projection=svd"], source),
        "`unpack`": ([weights, "unpack", kept, "-o", out], kept),
        "`rebake`": ([weights, "rebake", kept, "-o", out, "--w-std=0.8", "--w-rec=0.2"], kept),
    }
    seconds = {name: [] for name in commands}
    peak = dict.fromkeys(commands, 0)
    written = {}
    for _ in range(rounds):
        for name, (command, _) in commands.items():
            pathlib.Path(out).unlink(missing_ok=True)
            took, resident = timed(command)
            seconds[name].append(took)
            peak[name] = max(peak[name], resident)
            written[name] = os.path.getsize(out)
    lines = [
        "| command | seconds | MB written | MB/s written | peak resident MB |",
        "|---|---:|---:|---:|---:|",
    ]
    for name in commands:
        size = written[name] / 1e6
        lines.append(
            f"| {name} | {spread(seconds[name], 2)} | {size:.0f} | "
            f"{size / statistics.median(seconds[name]):.0f} | {peak[name] / 1e6:.0f} |"
        )
    return parameters, os.path.getsize(source), lines


def errors(root, folder):
    """The table of expected errors: conversions of random layers, by compare."""
    weights = str(root / "build/release/bin/ra-weights")
    make = str(root / "test/Tools/ra-weights/Inputs/checkpoint.py")
    rows = {
        "(1, 0)": ["--w-std=1", "--w-rec=0"],
        "(0.9, 0.1)": ["--w-std=0.9", "--w-rec=0.1"],
        "(1, 1)": ["--w-std=1", "--w-rec=1"],
        "(1, 0), SVD basis": ["--w-std=1", "--w-rec=0", "--projection=svd"],
    }
    found = {name: [] for name in rows}
    for seed in range(4):
        model, x, out = (str(folder / name) for name in ("model", "x.npy", "converted"))
        subprocess.run(
            [sys.executable, make, model, "gpt2", "1", "768", "12", "12", "64",
             f"seed={seed}", "bias=0", f"x={x}", "length=128"], check=True)
        for name, options in rows.items():
            subprocess.run(
                [weights, "repack", model, "-o", out, "--heads=12", "--rank=4", *options],
                check=True, stdout=subprocess.DEVNULL)
            result = subprocess.run(
                [weights, "compare", model, out, f"--activations=@{x}", "--json"],
                check=True, stdout=subprocess.PIPE)
            layer = json.loads(result.stdout)["layers"][0]
            found[name].append((layer["error"], layer["error_after"]))
    lines = [
        "| gates (w_std, w_rec) | before the output projection | after it |",
        "|---|---|---|",
    ]
    for name, pairs in found.items():
        before, after = zip(*pairs)
        lines.append(
            f"| {name} | {min(before):.3f} - {max(before):.3f} | {min(after):.3f} - {max(after):.3f} |")
    return lines


def cpu_name():
    try:
        for line in open("/proc/cpuinfo"):
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=pathlib.Path, required=True)
    parser.add_argument("--folder", type=pathlib.Path, required=True)
    parser.add_argument("--rounds", type=int, default=7)
    args = parser.parse_args()
    if shutil.disk_usage(args.folder).free < 4e9:
        sys.exit(f"{args.folder}: less than 4 GB free")
    parameters, size, table = measure(args.root, args.folder, args.rounds)
    expected = errors(args.root, args.folder)
    page = args.root / "docs/benchmarks/weights.md"
    page.write_text(f"""# ra-weights: time, memory, and errors to expect

Made by `scripts/bench-weights.sh`; do not edit.

## A checkpoint of GPT-2's size

{parameters / 1e6:.1f}M parameters of f32 in {size / 1e6:.0f} MB, random; 12 layers of 12 heads of 64, rank 4. {cpu_name()},
{os.cpu_count()} processors. Medians (lowest-highest) of {args.rounds} rounds, commands interleaved; the source is in the page cache
(it fits), output goes to the page cache and is not flushed. The largest tensor has {50257 * 768 * 4 / 1e6:.0f} MB, the largest of a layer's
attention {768 * 2304 * 4 / 1e6:.0f} MB. `repack` reads the source twice, once for its SHA-256.

{chr(10).join(table)}

Peak resident memory includes pages of the mapped source.

## Errors to expect

C = 768, 12 heads of 64, rank 4, T = 128, B = 2, causal; weights uniform in +-1/sqrt(C), inputs N(0, 1); mean |out - base| / mean |base|
of `ra-weights compare`, lowest and highest of four seeds.

{chr(10).join(expected)}
""")
    print(page)


if __name__ == "__main__":
    main()
