"""run_session.py FILE.md FOLDER

Runs the ```shell-session blocks of a Markdown file one after another, in FOLDER, which
starts empty, so that a command finds the files of those before it (```console blocks,
each on its own in the sources, are check_docs.py's business). Lines that start with
`$ ` are commands (a backslash at the end continues them), the lines after one are what
it must print. In an expected line, `...` stands for anything; as a line of its own for
any number of lines. A command that is not followed by output may print what it likes;
every command must succeed unless a line `[exit N]` ends its output.
"""

import pathlib
import re
import shutil
import subprocess
import sys

BLOCK = re.compile(r"^```shell-session\n(.*?)^```", re.M | re.S)


def steps(block):
    """(command, expected lines) of a block."""
    lines = block.splitlines()
    result = []
    while lines:
        line = lines.pop(0)
        if not line.startswith("$ "):
            result[-1][1].append(line)
            continue
        command = line[2:]
        while command.endswith("\\"):
            command = command[:-1] + lines.pop(0).strip()
        result.append((command, []))
    return result


def matches(expected, actual):
    """Whether the lines `actual` are what the lines `expected` describe."""
    if not expected:
        return not actual
    if expected[0] == "...":
        return any(matches(expected[1:], actual[i:]) for i in range(len(actual) + 1))
    if not actual:
        return False
    pattern = ".*".join(re.escape(part) for part in expected[0].rstrip().split("..."))
    return bool(re.fullmatch(pattern, actual[0].rstrip())) and matches(expected[1:], actual[1:])


page, folder = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
shutil.rmtree(folder, ignore_errors=True)
folder.mkdir(parents=True)
count = 0
for block in BLOCK.findall(page.read_text()):
    for command, expected in steps(block):
        count += 1
        status = 0
        if expected and (found := re.fullmatch(r"\[exit (\d+)\]", expected[-1])):
            status = int(found.group(1))
            expected = expected[:-1]
        result = subprocess.run(
            command, shell=True, cwd=folder, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )
        actual = result.stdout.splitlines()
        if result.returncode != status or (expected and not matches(expected, actual)):
            print(f"{page}: $ {command}\nexit status {result.returncode}, expected {status}")
            print("--- expected ---", *expected, "--- printed ---", *actual, sep="\n")
            sys.exit(1)
print(f"{page.name}: {count} commands, as described")
sys.exit(count == 0)
