#!/usr/bin/env bash
# scripts/bench-weights.sh [ROUNDS]   measures ra-weights on a checkpoint of GPT-2's
# size (124M parameters, random) and the errors of conversions, and writes
# docs/benchmarks/weights.md. Needs build/release (scripts/build.sh), 4 GB of disk,
# and nothing else running. ROUNDS: of each command, interleaved (default 7).
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

case "${1:-}" in
-h | --help)
  sed -n '2,5s/^# //p' "${BASH_SOURCE[0]}"
  exit 0
  ;;
esac
[ -x "$RA_ROOT/build/release/bin/ra-weights" ] || ra_fail "build/release/bin/ra-weights is not there: run scripts/build.sh"
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 "$RA_ROOT/scripts/bench/bench_weights.py" --root "$RA_ROOT" --folder "$folder" --rounds "${1:-7}"
