#!/usr/bin/env bash
# scripts/bench-cpu.sh [OPTION...]   measures ra beside other systems on this
# machine's CPU and writes docs/benchmarks/cpu.md, its data (cpu.json) and plots.
# Builds ra-run, and installs the other systems (PyTorch, JAX, ONNX Runtime, IREE,
# OpenBLAS; about 6 GB) into build/bench/venv, never globally. Where the package
# index cannot be reached, the page says which are missing. A full run takes about
# 40 minutes on a machine that should do nothing else. Options: --help.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$RA_ROOT"

build=1 install=1
for argument in "$@"; do
  case "$argument" in
  --no-build) build= ;;
  --no-install) install= ;;
  # These measure nothing.
  -h | --help | --list | --report) build='' install='' ;;
  esac
done

[ -z "$build" ] || RA_TARGETS=ra-run scripts/build.sh release

venv="$RA_ROOT/build/bench/venv"
if [ -n "$install" ]; then
  ra_step "Other systems (build/bench/venv)"
  [ -x "$venv/bin/python" ] || python3 -m venv "$venv" ||
    ra_note "no virtual environment (Debian: apt-get install python3-venv): no other systems"
  while read -r package; do
    case "$package" in '' | '#'*) continue ;; esac
    [ -x "$venv/bin/python" ] || break
    "$venv/bin/pip" install --quiet --disable-pip-version-check "$package" ||
      ra_note "$package could not be installed; the page will say so"
  done <scripts/bench/requirements.txt
fi

exec env PYTHONDONTWRITEBYTECODE=1 python3 scripts/bench/bench_cpu.py "$@"
