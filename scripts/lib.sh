# What the scripts share; sourced, not run. Bash.
#
# RA_LLVM_BIN  folder of the LLVM 22 tools, default /usr/lib/llvm-22/bin
# RA_JOBS      parallel jobs, default: ninja's own choice
# RA_TARGETS   what scripts/build.sh builds, default: everything

set -euo pipefail

RA_ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
RA_LLVM_BIN="${RA_LLVM_BIN:-/usr/lib/llvm-22/bin}"

ra_step() { printf '\n== %s\n' "$*"; }
ra_note() { printf '   %s\n' "$*"; }
ra_fail() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

# Prints the path of an LLVM 22 tool, whatever the distribution calls it.
ra_llvm_tool() {
  local name="$1" candidate
  for candidate in "$RA_LLVM_BIN/$name" "$name-22" "$name"; do
    if command -v "$candidate" >/dev/null 2>&1 &&
      "$candidate" --version 2>/dev/null | grep -Eq 'version 22\.|lit 22\.'; then
      command -v "$candidate"
      return 0
    fi
  done
  printf 'error: %s of LLVM 22 was not found; scripts/setup.sh says how to get it\n' "$name" >&2
  return 1
}

# Tracked and new source files of the project, from inside its root. Outside a
# checkout (a release archive), all of them.
ra_sources() {
  if git -C "$RA_ROOT" rev-parse --is-inside-work-tree >/dev/null 2>&1; then
    git -C "$RA_ROOT" ls-files --cached --others --exclude-standard -- "$@"
  else
    (cd "$RA_ROOT" && find . -path ./build -prune -o -type f -print | sed 's|^\./||' |
      grep -E "$(printf '%s\n' "$@" | sed 's|\.|\\.|g; s|\*|.*|g; s|$|$|' | paste -sd'|')")
  fi
}
