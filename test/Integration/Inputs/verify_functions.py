"""verify_functions.py FILE [DIM...]: ra-run verify on each function of a module
alone. Prints a line per function: its name, kernels, and verdict. DIM is
FUNCTION:ARG.DIM=EXTENT for a dynamic dim."""

import re
import subprocess
import sys

path, dims = sys.argv[1], sys.argv[2:]
failed = False
for name in re.findall(r"^func\.func @(\w+)", open(path).read(), re.M):
    alone = subprocess.run(
        ["ra-opt", path, f"--symbol-privatize=exclude={name}", "--symbol-dce"],
        check=True,
        capture_output=True,
    ).stdout
    extents = [d.split(":")[1] for d in dims if d.split(":")[0] == name]
    run = subprocess.run(
        ["ra-run", "verify", "-", *(f"--dim={e}" for e in extents)],
        input=alone,
        capture_output=True,
    )
    output = (run.stdout + run.stderr).decode()
    kernels = re.search(r"(\d+) kernels", output)
    print(f"{name}: {kernels.group(1) if kernels else '?'} kernels,", "ok" if run.returncode == 0 else "FAILED")
    if run.returncode != 0:
        failed = True
        print(output)
sys.exit(failed)
