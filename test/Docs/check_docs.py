"""Checks that the documentation is true.

  examples   Every ```mlir block of the descriptions under include/ and of the
             hand-written Markdown (README.md, docs/*.md) goes through ra-opt. A
             block is a module. If its first line is `// ra-opt OPTIONS...`, it is
             run with them; otherwise it must survive a round trip unchanged. If
             it holds CHECK lines, FileCheck has the last word. A block that
             follows one with options and starts with `// becomes` must be what
             those options made of it.
             A block that starts with `$ COMMAND` (```console, or ```mlir with the
             line as a comment) is an excerpt of what the command prints: lines in
             their order, wherever they are broken, where a line `...` stands for
             lines left out and `...` in a line for a part of it. The command is
             cat or a tool of ra, and runs in the root of the sources.
  coverage   Every op and pass has a summary and a description with an example
             that uses it, every pass option says what it does, some test names
             it, and the numbered constraints of an op are those that
             invalid*.mlir breaks.
  links      Relative links in Markdown files lead somewhere.
"""

import argparse
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile

FENCE = re.compile(r"^([ ]*)```(?:mlir|console)\n(.*?)^[ ]*```", re.M | re.S)
# `$ COMMAND`, perhaps continued on lines after a backslash.
COMMAND = re.compile(r"(?://\s*)?\$\s+((?:.*\\\n)*.*)\n")


class Report:
    """Counts checks and remembers what failed."""

    def __init__(self):
        self.checked = 0
        self.failures = []

    def check(self, holds, where, message):
        self.checked += 1
        if not holds:
            self.failures.append(f"{where}: {message}")

    def finish(self, what):
        for failure in self.failures:
            print(f"error: {failure}")
        print(f"{self.checked} {what} checked, {len(self.failures)} failed")
        # Nothing checked means that the search went wrong.
        sys.exit(1 if self.failures or not self.checked else 0)


def blocks(text):
    """(line number, text) of every block of IR or output, indentation removed."""
    for match in FENCE.finditer(text):
        indent = len(match.group(1))
        lines = [line[indent:] for line in match.group(2).splitlines()]
        yield text.count("\n", 0, match.start()) + 2, "\n".join(lines) + "\n"


def run(command, text=None, cwd=None):
    return subprocess.run(
        command, input=text, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def excerpt_pattern(text):
    """What a text must match that `text` is an excerpt of."""
    chunks = [[]]
    for line in text.splitlines():
        if line.strip() in ("...", "// ..."):
            chunks.append([])
        else:
            chunks[-1] += line.split()
    words = [[re.escape(word).replace(r"\.\.\.", ".*?") for word in chunk] for chunk in chunks]
    # Lines left out are whole lines.
    lines = [r"^\s*" + r"\s+".join(chunk) + r"[ \t]*$" for chunk in words if chunk]
    # No line at all is no excerpt.
    return re.compile(r"(?:.*\n)*?".join(lines) or r"(?!)", re.M)


def check_excerpt(args, report, where, command, text):
    words = shlex.split(re.sub(r"\\\n\s*(?://)?", "", command))
    if not re.fullmatch(r"cat|ra-[a-z-]+", words[0]):
        report.check(False, where, f"{words[0]} is not cat or a tool of ra")
        return
    if words[0] == "ra-opt":
        words[0] = args.ra_opt
    result = run(words, cwd=args.source)
    output = result.stdout + result.stderr
    report.check(
        result.returncode == 0 and excerpt_pattern(text).search(output),
        where,
        f"is not an excerpt of what the command prints:\n{output}",
    )


def documents(source):
    yield from sorted((source / "include").rglob("*.td"))
    # The generated reference repeats what include/ says.
    if (source / "docs").is_dir():
        yield from sorted((source / "docs").glob("*.md"))
    if (source / "README.md").exists():
        yield source / "README.md"


def check_examples(args, report):
    for path in documents(args.source):
        name = path.relative_to(args.source)
        previous = None
        for line, text in blocks(path.read_text()):
            previous = check_block(args, report, f"{name}:{line}", text, previous)


def check_block(args, report, where, text, previous):
    """Runs one block; returns what its options made of it, if it has any."""
    command = COMMAND.match(text)
    if command:
        check_excerpt(args, report, where, command.group(1), text[command.end() :])
        return None
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "example.mlir"
        path.write_text(text)
        first = text.split("\n", 1)[0]
        options = re.match(r"//\s*ra-opt\s+(.*)", first)
        command = [args.ra_opt, str(path)]
        if options:
            command += options.group(1).split()
        result = run(command)
        if result.returncode != 0:
            report.check(False, where, f"ra-opt fails:\n{result.stderr}")
            return None
        if "// CHECK" in text:
            verdict = run([args.filecheck, str(path)], result.stdout + result.stderr)
            report.check(verdict.returncode == 0, where, f"FileCheck fails:\n{verdict.stderr}")
            return result.stdout if options else None
        if options:
            report.check(True, where, "")
            return result.stdout
        again = run([args.ra_opt], result.stdout)
        report.check(
            again.returncode == 0 and again.stdout == result.stdout,
            where,
            f"does not survive a round trip:\n{again.stderr}",
        )
        if re.match(r"//\s*becomes\b", first):
            report.check(
                previous == result.stdout,
                where,
                "is not what the options of the block before it give:\n" + (previous or "nothing"),
            )
        return None


def check_coverage(args, report):
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent.parent / "scripts"))
    sys.dont_write_bytecode = True
    import reference

    tests = {
        path: path.read_text()
        for suffix in ("*.mlir", "*.test")
        for path in (args.source / "test").rglob(suffix)
        if "Docs" not in path.relative_to(args.source / "test").parts
    }
    everything = "\n".join(tests.values())
    run_lines = "\n".join(re.findall(r"RUN:.*", everything))
    check_example_files(args, report, run_lines)
    for one in reference.definitions(args.source, args.llvm_tools, args.mlir_include):
        where = one.path.relative_to(args.source)
        for op in one.ops:
            name = one.name_of(op)
            report.check(op["summary"], where, f"{name} has no summary")
            examples = [text for _, text in blocks(op["description"] or "")]
            report.check(
                any(re.search(rf"\b{re.escape(name)}\b", text) for text in examples),
                where,
                f"the description of {name} has no ```mlir example that uses it",
            )
            report.check(
                re.search(rf"\b{re.escape(name)}\b", everything), where, f"no test uses {name}"
            )
            check_constraints(args, report, where, name, op["description"] or "")
        for record in one.passes:
            name = record["argument"]
            report.check(record["summary"], where, f"--{name} has no summary")
            examples = [text for _, text in blocks(record["description"] or "")]
            report.check(
                any(re.match(rf"//\s*ra-opt\b.*-{re.escape(name)}\b", text) for text in examples),
                where,
                f"the description of --{name} has no ```mlir example that starts with"
                f" `// ra-opt --{name}`",
            )
            report.check(
                re.search(rf"(?<![\w-])(--?)?{re.escape(name)}(?![\w-])", run_lines),
                where,
                f"no RUN line of a test names --{name}",
            )
        for record in one.options:
            report.check(
                record["description"], where, f"option {record['argument']} has no description"
            )


def check_example_files(args, report, tests):
    """Every file or project among the examples is named by a test."""
    folder = args.source / "python-free-examples"
    for path in sorted(folder.glob("*")) if folder.is_dir() else []:
        report.check(
            f"%ra_examples/{path.name}" in tests, path.relative_to(args.source),
            f"no test runs %ra_examples/{path.name}",
        )


def check_constraints(args, report, where, name, description):
    """(Cn) in the description against the sections of invalid*.mlir."""
    stated = re.findall(r"^\s*\* \(C(\d+)\)", description, re.M)
    first = int(stated[0]) if stated else 1
    report.check(
        [int(number) for number in stated] == list(range(first, first + len(stated))),
        where,
        f"constraints of {name} are not numbered in order: {', '.join(stated)}",
    )
    broken = set()
    dialect = args.source / "test" / "Dialect" / name.split(".")[0].upper()
    for path in dialect.glob("invalid*.mlir"):
        for section in path.read_text().split("// -----"):
            heading = re.search(rf"^// {re.escape(name)} \(C(\d+)\)", section, re.M)
            if heading and "expected-error" in section:
                broken.add(heading.group(1))
    for number in stated:
        report.check(
            number in broken, where, f"no section of invalid*.mlir breaks (C{number}) of {name}"
        )


def check_links(args, report):
    pages = sorted((args.source / "docs").rglob("*.md"))
    pages += [path for path in (args.source / "README.md",) if path.exists()]
    for page in pages:
        text = re.sub(r"```.*?```", "", page.read_text(), flags=re.S)
        report.check(True, page, "")
        for target in re.findall(r"\]\(([^)\s]+)\)", text):
            if re.match(r"[a-z]+:", target) or target.startswith("#"):
                continue
            path = page.parent / target.split("#")[0]
            report.check(
                path.exists(), page.relative_to(args.source), f"link to {target} leads nowhere"
            )


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("mode", choices=["examples", "coverage", "links"])
    parser.add_argument("--source", type=pathlib.Path, required=True)
    parser.add_argument("--ra-opt", default="ra-opt")
    parser.add_argument("--filecheck", default="FileCheck")
    parser.add_argument("--llvm-tools", type=pathlib.Path, default="/usr/lib/llvm-22/bin")
    parser.add_argument("--mlir-include", type=pathlib.Path, default="/usr/lib/llvm-22/include")
    args = parser.parse_args()
    args.source = args.source.resolve()
    report = Report()
    if args.mode == "examples":
        check_examples(args, report)
        report.finish("examples")
    if args.mode == "coverage":
        check_coverage(args, report)
        report.finish("claims")
    check_links(args, report)
    report.finish("links")


if __name__ == "__main__":
    main()
