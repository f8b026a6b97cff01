"""exits.py STATUS COMMAND...   succeeds if COMMAND exits with exactly STATUS.

In RUN lines: %exits 2 ra-run --no-such-option
"""

import subprocess
import sys

wanted = int(sys.argv[1])
status = subprocess.run(sys.argv[2:]).returncode
if status != wanted:
    print(f"exits.py: status {status}, expected {wanted}: {' '.join(sys.argv[2:])}", file=sys.stderr)
sys.exit(status != wanted)
