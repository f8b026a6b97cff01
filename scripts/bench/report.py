"""The benchmark page from its data: cpu.md and the plots beside cpu.json.

Every number is computed here from times per round. Ratios are taken within a
round; medians and the 5th and 95th percentile are over rounds.
"""

import json
import math
import pathlib

# Processors that something else may use while a case is measured, unmentioned.
BUSY = 0.1

TITLES = {
    "ra": "ra",
    "ra-baseline": "ra, ordinary attention",
    "naive": "naive C++",
    "openblas": "OpenBLAS",
    "torch": "PyTorch",
    "torch-compile": "PyTorch, torch.compile",
    "torch-ra": "PyTorch, RA open-coded",
    "torch-ra-compile": "PyTorch, RA open-coded, torch.compile",
    "jax": "JAX",
    "onnxruntime": "ONNX Runtime",
    "onnxruntime-opset": "ONNX Runtime, opset Attention",
    "iree": "IREE",
}
# Okabe and Ito's colours, one per system.
COLOURS = {
    "ra": "#d55e00", "ra-baseline": "#e69f00", "naive": "#7f7f7f", "openblas": "#000000",
    "torch": "#0072b2", "torch-compile": "#56b4e9", "torch-ra": "#0072b2",
    "torch-ra-compile": "#56b4e9", "jax": "#009e73", "onnxruntime": "#cc79a7",
    "onnxruntime-opset": "#9467bd", "iree": "#8c6d31",
}


def quantile(values, q):
    """Linear between order statistics, as NumPy's default."""
    ordered = sorted(values)
    position = q * (len(ordered) - 1)
    below = int(position)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (position - below) * (ordered[above] - ordered[below])


def summary(values):
    return quantile(values, 0.5), quantile(values, 0.05), quantile(values, 0.95)


def digits(value, count=3):
    """`count` significant digits, without an exponent."""
    if value == 0 or not math.isfinite(value):
        return str(value)
    return f"{value:.{max(0, count - 1 - math.floor(math.log10(abs(value))))}f}"


def useful_flops(case):
    """Multiplications and additions that the result needs; causal counts half."""
    if case["kind"] == "linear":
        return 2 * case["M"] * case["N"] * case["K"]
    scores = case["B"] * case["H"] * case["T"] ** 2
    causal = case.get("causal", True)
    products = 4 * scores * case["D"] // (2 if causal else 1)
    if case["kind"] == "attention":
        return products
    return products + 2 * case["B"] * case["T"] * case["C"] * 4 * case["C"]


def timed(case):
    """The systems that have times, ra first."""
    systems = {n: s for n, s in case["systems"].items() if "ms" in s and s["ms"] and n != "peak"}
    return dict(sorted(systems.items(), key=lambda item: not item[0].startswith("ra")))


def peak(case):
    """GFLOP/s of fused multiply-adds, by round; None when not measured."""
    system = case["systems"].get("peak", {})
    return [system["flops"] / ms / 1e6 for ms in system["ms"]] if system.get("ms") else None


def gflops(case, name):
    return [useful_flops(case) / ms / 1e6 for ms in case["systems"][name]["ms"]]


def ratios(case, name, base="ra"):
    """Times of `name` over those of ra, by round."""
    return [a / b for a, b in zip(case["systems"][name]["ms"], case["systems"][base]["ms"])]


def share_of_peak(case, name):
    top = peak(case)
    return [a / b for a, b in zip(gflops(case, name), top)] if top else None


# ----------------------------------------------------------------------------
# Tables
# ----------------------------------------------------------------------------


def table(header, rows):
    lines = ["| " + " | ".join(header) + " |", "|---" + "|---:" * (len(header) - 1) + "|"]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows]) + "\n"


def case_table(case):
    """One case: every system with its spread."""
    rows = []
    for name, system in timed(case).items():
        ms, low, high = summary(system["ms"])
        share = share_of_peak(case, name)
        ratio = "1" if name == "ra" else ""
        if name != "ra" and "ra" in timed(case):
            middle, p5, p95 = summary(ratios(case, name))
            ratio = f"{middle:.2f} ({p5:.2f}-{p95:.2f})"
        rows.append([
            TITLES[name], digits(ms, 4), f"{digits(low, 4)}-{digits(high, 4)}",
            digits(summary(gflops(case, name))[0]),
            f"{100 * summary(share)[0]:.0f} %" if share else "-", ratio,
            f"{system['max_error']:.1e}",
        ])
    header = ["", "ms", "p5-p95", "GFLOP/s", "of peak", "time / ra's (p5-p95)", "max err"]
    return table(header, rows)


def names_in(cases):
    """Systems of several cases in the order of TITLES."""
    found = {name for case in cases for name in timed(case)}
    return [name for name in TITLES if name in found]


def overview(cases, label):
    """Several cases: GFLOP/s of each system, a column each."""
    names = names_in(cases)
    rows = []
    for case in cases:
        row = [label(case)]
        for name in names:
            if name not in timed(case):
                row.append("-")
                continue
            text = digits(summary(gflops(case, name))[0])
            if name == "ra":
                share = share_of_peak(case, name)
                text = f"**{text}**" + (f" ({100 * summary(share)[0]:.0f} %)" if share else "")
            else:
                text += f" ({summary(ratios(case, name))[0]:.2f})"
            row.append(text)
        rows.append(row)
    return table([""] + [TITLES[name] for name in names], rows)


def ladder_table(ladder):
    rows = ladder["rows"]
    title = {
        "baseline-as-written": "Baseline as written", "baseline": "Baseline compiled",
        "open-coded": "RA open-coded", "folded": "RA folded", "baked": "RA baked",
        "direct": "RA direct layout",
    }
    base = next((row for row in rows if row["name"].split("/")[1] == "baseline"), None)
    lines = []
    for row in rows:
        ms, low, high = summary(row["ms"])
        versus = [a / b for a, b in zip(row["ms"], base["ms"])] if base else [float("nan")]
        lines.append([
            title[row["name"].split("/")[1]], digits(ms, 4), f"{digits(low, 4)}-{digits(high, 4)}",
            f"{summary(versus)[0]:.3f}", digits(row["useful_flops"] / ms / 1e6),
            str(row["kernels"]), str(row["copies"]),
            f"{row['intermediate_bytes'] / 2**20:.2f}", f"{row['max_error']:.1e}",
        ])
    return table(
        ["Configuration", "ms/iter", "p5-p95", "vs Baseline", "GFLOP/s", "kernels", "copies",
         "MiB intermediates", "max err"], lines)


def ladder_notes(ladder):
    """Best against best, compile times and memory of a ladder at one shape."""
    rows = {row["name"].split("/")[1]: row for row in ladder["rows"]}
    text = ""
    if "direct" in rows and "baseline" in rows:
        versus = [a / b for a, b in zip(rows["direct"]["ms"], rows["baseline"]["ms"])]
        middle, low, high = summary(versus)
        text += (f"RA direct layout / baseline compiled: **{middle:.3f}** (p5-p95 {low:.3f}-{high:.3f}, "
                 f"{len(versus)} paired rounds). ")
    any_row = next(iter(rows.values()))
    mib = lambda count: f"{count / 2**20:.1f}"
    best = rows.get("direct", any_row)
    compiled = ", ".join(f"{name} {row['compile_seconds']:.2f} s" for name, row in rows.items())
    text += (
        f"Compiled in {compiled}. "
        f"Memory in MiB: inputs {mib(any_row['input_bytes'])}, outputs {mib(any_row['output_bytes'])}, "
        f"weights {mib(any_row['weight_bytes'])}, prepared weights {mib(best['prepared_bytes'])}, "
        f"intermediates {mib(best['intermediate_bytes'])} in {best['allocations']} buffers, "
        f"scratch {best['scratch_bytes'] / 1024:.0f} KiB for each thread; peak resident, "
        f"with compiler and reference, {mib(ladder['context']['peak_resident_bytes'])}."
    )
    return text + "\n"


# ----------------------------------------------------------------------------
# Plots
# ----------------------------------------------------------------------------


class Svg:
    """A picture under construction; lengths are pixels."""

    def __init__(self, width, height, title, subtitle):
        self.width, self.height = width, height
        self.parts = []
        self.text(20, 28, title, size=16, weight=600)
        self.text(20, 48, subtitle, size=12, colour="#666666")

    def text(self, x, y, text, anchor="start", size=13, colour="#222222", weight=400, turn=False):
        text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        rotate = f' transform="rotate(-90 {x:.1f} {y:.1f})"' if turn else ""
        self.parts.append(
            f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" '
            f'fill="{colour}" font-weight="{weight}"{rotate}>{text}</text>'
        )

    def line(self, x1, y1, x2, y2, colour="#222222", width=1.0):
        self.parts.append(
            f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" '
            f'stroke-width="{width}"/>'
        )

    def rectangle(self, x, y, width, height, colour):
        self.parts.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{colour}"/>'
        )

    def polyline(self, points, colour, width):
        text = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        self.parts.append(
            f'<polyline fill="none" stroke="{colour}" stroke-width="{width}" points="{text}"/>'
        )
        for x, y in points:
            self.parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{2 + width / 2}" fill="{colour}"/>')

    def __str__(self):
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{self.width:.0f}" height="{self.height:.0f}" '
            f'viewBox="0 0 {self.width:.0f} {self.height:.0f}" '
            f"font-family=\"system-ui, 'DejaVu Sans', Arial, sans-serif\">\n"
            f'<rect width="{self.width:.0f}" height="{self.height:.0f}" fill="#ffffff"/>\n'
            + "\n".join(self.parts) + "\n</svg>\n"
        )


def round_steps(highest, count=5):
    rough = highest / count
    power = 10 ** math.floor(math.log10(rough))
    step = next(f * power for f in (1, 2, 5, 10) if f * power >= rough)
    return [i * step for i in range(math.ceil(highest / step) + 1)]


def plot_lengths(cases, title, subtitle):
    """GFLOP/s over the length, a line per system, the peak above."""
    names = names_in(cases)
    left, top, width, height = 76, 68, 520, 320
    lengths = sorted({case["T"] for case in cases})
    peaks = {case["T"]: summary(peak(case))[0] for case in cases if peak(case)}
    highest = max([summary(gflops(c, n))[2] for c in cases for n in timed(c)] + list(peaks.values()))
    steps = round_steps(highest)
    picture = Svg(left + width + 280, top + height + 64, title, subtitle)
    to_y = lambda value: top + height * (1 - value / steps[-1])
    span = math.log(lengths[-1] / lengths[0]) or 1
    to_x = lambda t: left + 30 + (width - 60) * math.log(t / lengths[0]) / span
    for step in steps:
        picture.line(left, to_y(step), left + width, to_y(step), "#d9d9d9")
        picture.text(left - 8, to_y(step) + 4, f"{step:g}", "end", 12)
    for t in lengths:
        picture.line(to_x(t), top + height, to_x(t), top + height + 5)
        picture.text(to_x(t), top + height + 20, str(t), "middle", 12)
    picture.line(left, top, left, top + height)
    picture.line(left, top + height, left + width, top + height)
    picture.text(left + width / 2, top + height + 44, "Sequence length T (tokens)", "middle")
    picture.text(24, top + height / 2, "GFLOP/s of useful FLOPs", "middle", turn=True)
    entries = []
    if peaks:
        picture.polyline([(to_x(t), to_y(v)) for t, v in sorted(peaks.items())], "#bbbbbb", 1.5)
        entries.append(("measured FMA peak", "#bbbbbb", 1.5))
    for name in reversed(names):
        points = []
        for case in sorted(cases, key=lambda case: case["T"]):
            if name in timed(case):
                middle, low, high = summary(gflops(case, name))
                points.append((to_x(case["T"]), to_y(middle)))
                picture.line(points[-1][0], to_y(low), points[-1][0], to_y(high), COLOURS[name], 1.5)
        picture.polyline(points, COLOURS[name], 3 if name == "ra" else 2)
    entries += [(TITLES[name], COLOURS[name], 3 if name == "ra" else 2) for name in names]
    for index, (label, colour, weight) in enumerate(entries):
        y = top + 12 + 24 * index
        picture.polyline([(left + width + 24, y), (left + width + 52, y)], colour, weight)
        picture.text(left + width + 64, y + 4.5, label)
    return str(picture)


def plot_bars(case, title, subtitle):
    """Time of each system over ra's, with the spread."""
    systems = timed(case)
    names = sorted(systems, key=lambda name: summary(systems[name]["ms"])[0])
    spread = {name: summary(ratios(case, name)) for name in names}
    # One that is far behind would squeeze the others together.
    limit = max(min(max(s[0] for s in spread.values()), 6.0), 1.2)
    steps = round_steps(limit)
    left, top, width, row = 20 + 7.6 * max(len(TITLES[name]) for name in names) + 12, 68, 460, 32
    bottom = top + 12 + row * len(names)
    picture = Svg(left + width + 150, bottom + 58, title, subtitle)
    to_x = lambda value: left + width * min(value / steps[-1], 1)
    for step in steps:
        picture.line(to_x(step), top, to_x(step), bottom, "#d9d9d9")
        picture.text(to_x(step), bottom + 18, f"{step:g}", "middle", 12)
    for index, name in enumerate(names):
        y = top + 6 + row * (index + 0.5)
        middle, low, high = spread[name]
        picture.rectangle(left, y - 10, to_x(middle) - left, 20, COLOURS[name])
        if name != "ra":
            picture.line(to_x(low), y, to_x(high), y, "#ffffff", 4)
            picture.line(to_x(low), y, to_x(high), y, "#666666", 2)
        picture.text(left - 10, y + 4.5, TITLES[name], "end")
        ms = digits(summary(systems[name]["ms"])[0], 3)
        picture.text(left + width + 12, y + 4.5, f"{middle:.2f} ({ms} ms)")
    picture.line(to_x(1), top, to_x(1), bottom, "#222222", 1.5)
    picture.line(left, top, left, bottom)
    picture.text(left + width / 2, bottom + 42, "Time / time of ra (ratio within each round)", "middle")
    return str(picture)


# ----------------------------------------------------------------------------
# The page
# ----------------------------------------------------------------------------


def pick(data, kind, **wanted):
    return [
        case for case in data["cases"]
        if case["kind"] == kind and all(case.get(key) == value for key, value in wanted.items())
        and "ra" in timed(case)
    ]


def thread_text(count):
    return f"{count} thread" + ("" if count == 1 else "s")


def describe_machine(data):
    machine = data["machine"]
    text = f"{machine['cpu']}, {machine['processors']} processors"
    text += " of a virtual machine" if machine["virtual"] else ""
    text += f"; {', '.join(machine['isa'])}; caches {', '.join(machine['caches'])}"
    peaks = {}
    for case in data["cases"]:
        if peak(case):
            peaks.setdefault(case["threads"], []).extend(peak(case))
    for threads, values in sorted(peaks.items()):
        middle, low, high = summary(values)
        text += (f"; measured FMA peak in f32, {thread_text(threads)}: {middle:.0f} GFLOP/s "
                 f"(p5-p95 {low:.0f}-{high:.0f})")
    return text


def describe_versions(data):
    versions = {}
    for case in data["cases"]:
        for name, system in case["systems"].items():
            if name not in ("ra", "ra-baseline", "peak") and system.get("version"):
                versions[TITLES[name].split(",")[0]] = system["version"]
    for ladder in data["ladders"]:
        if "context" in ladder:
            versions["ra"] = f"ra {ladder['context']['ra_version']}, LLVM {ladder['context']['llvm_version']}"
    return versions


def disturbed(data):
    """Cases during which the machine was not ours alone."""
    lines = [
        f"* {case['id']}: something else used {case['others']:.1f} processors meanwhile.\n"
        for case in data["cases"] if case.get("others", 0) > BUSY
    ]
    return "".join(lines)


def missing_systems(data):
    """What did not take part, why, and where; the same reason once."""
    reasons = {}
    for case in data["cases"]:
        for name, system in case["systems"].items():
            if "missing" in system:
                reasons.setdefault((name, system["missing"]), []).append(case["id"])
    lines = []
    for (name, reason), ids in reasons.items():
        shown = ", ".join(ids) if len(ids) < 4 else f"{', '.join(ids[:3])} and {len(ids) - 3} more"
        lines.append(f"* {TITLES.get(name, name)} {reason} ({shown}).\n")
    for ladder in data["ladders"]:
        if "missing" in ladder:
            lines.append(f"* {ladder['id']}: {ladder['missing']}\n")
    return "".join(lines) or "Every system took part in every case.\n"


def behind(data):
    """Every case in which another system was faster, the same algorithm or not."""
    lines = []
    for case in data["cases"]:
        systems = timed(case)
        if "ra" not in systems:
            continue
        for name in systems:
            if name.startswith("ra"):
                continue
            middle, low, high = summary(ratios(case, name))
            if middle < 1:
                lines.append(
                    f"* {case['id']}: {TITLES[name]} takes {middle:.2f} (p5-p95 {low:.2f}-{high:.2f}) "
                    f"of ra's time.\n"
                )
    return "".join(lines) or "By medians, in no case. A range of time over ra's that reaches below 1 is a lead within noise.\n"


def write(data, folder):
    """cpu.md and its plots."""
    folder = pathlib.Path(folder)
    page = []
    say = lambda text: page.append(text.rstrip("\n") + "\n")

    def plot(name, svg, text):
        (folder / name).write_text(svg)
        say(f"![{text}]({name})")

    say("# Speed on a CPU")
    if data["quick"]:
        say("**This is the page of a quick run: shapes are small and rounds few. Only to see that the "
            "script works.**")
    dates = sorted({item["date"] for item in data["cases"] + data["ladders"]})
    when = " to ".join(dict.fromkeys(dates[:1] + dates[-1:])) or "never"
    say(f"Written by `scripts/bench-cpu.sh`; measured {when}; from [cpu.json](cpu.json), which has the time "
        "of every round. Run it to have the page of your machine.")
    say(f"**Machine:** {describe_machine(data)}.")
    say("**Systems:** " + "; ".join(v for _, v in sorted(describe_versions(data).items())) + ".")
    say(f"""**Method.** Every system runs in a process of its own, confined to as many processors as the case has threads. Each is first
compared with f64 on a small, ragged shape (`max err`; `ra` on the very shape that is timed, every element). Then they take turns:
in each of {data['rounds']} rounds every system makes calls for at least {data['seconds']:g} s while the others wait, in alternating order, after one round that
is not counted{" and with a pause in which threads stop spinning" if any(c["threads"] > 1 for c in data["cases"]) else ""}. Ratios are taken within a round; tables have medians and, in parentheses or as p5-p95, the 5th and 95th percentile of
the rounds. Inputs are random and warm: each call reads and writes the same buffers. GFLOP/s count the FLOPs that the result needs; causal attention
half of full. Each system gets its own preferred layout, transposed before the clock starts: [B, H, T, D] for `ra`, C++, PyTorch and IREE, [B, T, H, D] for JAX,
[B, T, H*D] for ONNX Runtime's own operator. Weights are constants, packed in advance by those that do that. A system that takes more than 2 s for a
call takes part in three rounds only, one that takes more than 4 s in none.""")

    say("## Where another system is faster")
    say(behind(data))

    if disturbed(data):
        say("## Measured while the machine was busy")
        say("Ratios hold, times and shares of the peak less so.")
        say(disturbed(data))

    single = [l for l in data["ladders"] if "rows" in l and "lengths" not in l["id"]]
    if single:
        say("## The stages of the block")
        say("`ra-run bench` on [reciprocal_block.mlir](../../python-free-examples/reciprocal_block.mlir), the block as published: "
            "C=768 H=12 D=64 R=4, causal, with biases. The baseline is ordinary attention; its best form is what RA is held against.")
    for ladder in single:
        say(f"### {ladder['dtype']}, {thread_text(ladder['threads'])}")
        say(f"    {ladder['command']}")
        say(ladder_table(ladder))
        say(ladder_notes(ladder))
        if (folder / f"cpu-{ladder['id']}.svg").exists():
            say(f"![stages, {ladder['dtype']}, {thread_text(ladder['threads'])}](cpu-{ladder['id']}.svg)")
    for ladder in data["ladders"]:
        if "rows" in ladder and "lengths" in ladder["id"]:
            say("### Over the length")
            say(f"    {ladder['command']}")
            if (folder / f"cpu-{ladder['id']}.svg").exists():
                say(f"![stages over the length](cpu-{ladder['id']}.svg)")

    blocks = pick(data, "block")
    if blocks:
        say("## The block beside other systems")
        say("The others compute the *baseline*, ordinary attention, with one packed projection; the open-coded ones compute RA as a "
            "researcher writes it, with two score products.")
    for case in blocks:
        say("### B={B} T={T}, {dtype}, ".format(**case) + thread_text(case["threads"]))
        say(case_table(case))
        plot(f"cpu-{case['id']}.svg", plot_bars(
            case, "Attention block, B={B} T={T} C={C}, {dtype}".format(**case),
            thread_text(case["threads"]) + "; medians, whiskers p5-p95; bars end at the edge of the plot"),
            "the block beside other systems")

    attention = pick(data, "attention", dtype="f32", packed=None)
    if attention:
        say("## Attention alone")
        say("B=1 H=12 D=64. GFLOP/s; in parentheses `ra`'s share of the FMA peak, and the others' time over `ra`'s.")
    for threads in (1, 2):
        for causal in (True, False):
            cases = pick(data, "attention", dtype="f32", threads=threads, causal=causal, packed=None)
            if not cases:
                continue
            mask = "causal" if causal else "full"
            say(f"### f32, {mask}, {thread_text(threads)}")
            say(overview(cases, lambda case: f"T={case['T']}"))
            if len(cases) > 2:
                plot(f"cpu-attention-{mask}-{threads}t.svg", plot_lengths(
                    cases, f"Attention, {mask}, f32, B=1 H=12 D=64",
                    thread_text(threads) + "; medians, whiskers p5-p95"), f"attention, {mask}")

    for case in pick(data, "attention", packed=True):
        say("### {dtype}, causal, T={T}, packed, ".format(**case) + thread_text(case["threads"]))
        say("Query, key and value are read where a packed projection leaves them, as [B, T, 3, H, D].")
        say(case_table(case))

    linear = pick(data, "linear", dtype="f32")
    if linear:
        say("## Matrix products")
        say("y = x W^T with a constant W, as M x N x K.")
    for case in linear:
        say("### {M} x {N} x {K}, ".format(**case) + thread_text(case["threads"]))
        say(case_table(case))

    narrow = [case for kind in ("attention", "linear") for d in ("f16", "bf16") for case in pick(data, kind, dtype=d)]
    if narrow:
        say("## 16-bit storage")
        say("f32 arithmetic on 16-bit inputs and outputs; the peak is that of f32. `ra`'s errors are those on the timed shape.")
    for case in narrow:
        shape = "{M} x {N} x {K}" if case["kind"] == "linear" else "B={B} H={H} T={T} D={D}, causal"
        say(f"### {case['kind']} {shape.format(**case)}, {case['dtype']}, {thread_text(case['threads'])}")
        say(case_table(case))

    say("## What did not take part")
    say(missing_systems(data))
    done = {item["id"] for item in data["cases"] + data["ladders"]}
    left = [name for name in data.get("planned", []) if name not in done]
    if left:
        say("## Not measured")
        say(f"{len(left)} of {len(data['planned'])} cases: {', '.join(left)}.")
    (folder / "cpu.md").write_text("\n".join(page))


def compact_json(data):
    """One line per case, times rounded to what was measured: the file is for
    reading differences, too."""

    def rounded(value):
        if isinstance(value, float):
            return float(f"{value:.5g}")
        if isinstance(value, dict):
            return {key: rounded(item) for key, item in value.items()}
        return [rounded(item) for item in value] if isinstance(value, list) else value

    lines = []
    for key, value in data.items():
        if key in ("cases", "ladders"):
            items = ",\n".join("  " + json.dumps(rounded(item)) for item in value)
            lines.append(f' "{key}": [\n{items}\n ]')
        else:
            lines.append(f' "{key}": {json.dumps(rounded(value))}')
    return "{\n" + ",\n".join(lines) + "\n}\n"
