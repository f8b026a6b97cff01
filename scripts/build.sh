#!/usr/bin/env bash
# scripts/build.sh [PRESET] [CMAKE OPTION...]   sets up and builds; PRESET is
# release (default), debug or asan. The result is in build/PRESET/bin.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

case "${1:-}" in
-h | --help)
  sed -n '2,3s/^# //p' "${BASH_SOURCE[0]}"
  exit 0
  ;;
esac
preset=release
if [ "$#" -gt 0 ] && [ "${1#-}" = "$1" ]; then
  preset="$1"
  shift
fi

"$RA_ROOT/scripts/setup.sh"

launcher=()
if command -v ccache >/dev/null 2>&1; then
  # One cache for every checkout and build folder. What includes a precompiled
  # header is reused only if ccache may overlook macros and times in it.
  export CCACHE_BASEDIR="${CCACHE_BASEDIR:-$(dirname "$RA_ROOT")}" CCACHE_NOHASHDIR=1
  export CCACHE_SLOPPINESS="${CCACHE_SLOPPINESS:-pch_defines,time_macros}"
  launcher=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache -DCMAKE_C_COMPILER_LAUNCHER=ccache)
fi
ra_step "Configuring ($preset)"
cd "$RA_ROOT"
log="$(mktemp)"
trap 'rm -f "$log"' EXIT
# MLIR's CMake files say much that is of no interest unless something is wrong.
if ! cmake --preset "$preset" "${launcher[@]}" "$@" >"$log" 2>&1; then
  cat "$log" >&2
  ra_fail "cmake --preset $preset"
fi
grep -E '^-- MLIR |CMake Warning' "$log" || true

ra_step "Building ($preset)"
targets=(all)
if [ -n "${RA_TARGETS:-}" ]; then
  read -ra targets <<<"$RA_TARGETS"
elif grep -q '^RA_BUILD_TESTS:BOOL=ON' "build/$preset/CMakeCache.txt"; then
  targets+=(ra-test-depends)
fi
ninja -C "build/$preset" ${RA_JOBS:+-j "$RA_JOBS"} "${targets[@]}"
