"""kill.py COMMAND...   runs COMMAND again and again, killing it ever later, until
it once ends by itself; then removes its output, the argument after -o. What was
there at any kill is an error."""

import os
import pathlib
import subprocess
import sys
import time

command = sys.argv[1:]
output = pathlib.Path(command[command.index("-o") + 1])
before = set(os.listdir(output.parent))
delay = 0.0
while True:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    time.sleep(delay)
    process.kill()
    if process.wait() == 0:
        break
    left = set(os.listdir(output.parent)) - before
    # Killed between its end and ours, the file is there, whole.
    if left and left != {output.name}:
        sys.exit(f"killed after {delay:.3f} s: {left} left behind")
    if left:
        output.unlink()
    delay += 0.004
output.unlink()
