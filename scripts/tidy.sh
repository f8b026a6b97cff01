#!/usr/bin/env bash
# scripts/tidy.sh [FILE...]   clang-tidy 22 over the compiled sources (all, or
# those given). Needs a build: scripts/build.sh.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

build="$RA_ROOT/build/${RA_PRESET:-release}"
[ -f "$build/compile_commands.json" ] ||
  ra_fail "$build/compile_commands.json is not there; run scripts/build.sh first"
tidy="$(ra_llvm_tool clang-tidy)"
cd "$RA_ROOT"
if [ "$#" -gt 0 ]; then
  files=("$@")
else
  # Only what is compiled: a source without a command would be guessed at.
  mapfile -t files < <(ra_sources '*.cpp' | while read -r file; do
    grep -q "/$file\"" "$build/compile_commands.json" && echo "$file"
  done)
fi
ra_step "clang-tidy over ${#files[@]} files"
printf '%s\n' "${files[@]}" |
  xargs -r -n 1 -P "${RA_JOBS:-$(nproc)}" "$tidy" -p "$build" --quiet
