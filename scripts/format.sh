#!/usr/bin/env bash
# scripts/format.sh [--fix]   checks (or makes) the formatting of the C++ and
# C sources, with clang-format 22 and no other.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

mode=(--dry-run -Werror)
case "${1:-}" in
'') ;;
--fix) mode=(-i) ;;
*) ra_fail "unknown option $1; usage: scripts/format.sh [--fix]" ;;
esac
format="$(ra_llvm_tool clang-format)"
cd "$RA_ROOT"
ra_sources '*.h' '*.cpp' '*.c' | xargs -r "$format" "${mode[@]}"
