#!/usr/bin/env bash
# scripts/demo.sh [--offline]   sets up, builds and runs the main job: attention
# with reciprocal terms, folded with proof, compiled, executed, and verified
# against an interpreter in double precision. --offline fetches nothing.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

offline=
case "${1:-}" in
'') ;;
--offline) offline=1 ;;
-h | --help)
  sed -n '2,4s/^# //p' "${BASH_SOURCE[0]}"
  exit 0
  ;;
*) ra_fail "unknown option $1; see scripts/demo.sh --help" ;;
esac
started="$(date +%s)"
cd "$RA_ROOT"
RA_TARGETS="ra-opt ra-run" scripts/build.sh release

bin=build/release/bin
examples=python-free-examples
# Shows a command as a user would type it, then runs it.
show() {
  printf '\n   $ %s\n' "$*" | sed "s|$bin/||"
  "$bin/$1" "${@:2}" 2>&1 | sed 's/^/     /'
  echo
}

ra_step "1. The block as a researcher writes it: two score products, scores in memory"
ra_note "Recognised by its form, folded into the weights; the reference is the block as written."
show ra-run verify $examples/attention_open_coded.mlir --dim=0.0=2 --dim=0.1=128

ra_step "2. The same mathematics as one op, folded into the weights, and its baseline"
ra_note "Same kernels, same buffers: the reciprocal terms cost nothing at run time."
show ra-run verify $examples/reciprocal_block.mlir --dim=0.0=2 --dim=0.1=128
show ra-run verify $examples/baseline_block.mlir --dim=0.0=2 --dim=0.1=128

ra_step "3. Where the fold would be wrong it is refused, by name, with what would be legal"
printf '\n   $ ra-opt --ra-fold-weights --remarks-filter-missed=ra-fold-weights %s/rope_refused.mlir\n' "$examples"
"$bin/ra-opt" --ra-fold-weights --remarks-filter-missed=ra-fold-weights \
  "$examples/rope_refused.mlir" 2>&1 >/dev/null | grep 'remark:' | fold -s -w 90 | sed 's/^/     /'
ra_note "The terms are then assembled at run time: right, but not free."
show ra-run verify $examples/rope_refused.mlir
ra_note "With whole rotation pairs the fold is legal."
show ra-run verify $examples/rope_legal.mlir

ra_step "4. One attention layer of a real pretrained model (all-MiniLM-L6-v2, layer 0)"
weights=build/models/minilm-layer0.safetensors
status=0
if [ -z "$offline" ]; then
  python3 scripts/fetch-minilm.py || status=$?
elif [ ! -f "$weights" ]; then
  status=3
fi
if [ "$status" -eq 0 ]; then
  inputs=()
  for name in h wq bq wk bk wv bv; do
    inputs+=("--input=@$weights#$name")
  done
  ra_note "Weights and biases as published, on the tokens of a sentence; 12 heads of 32,"
  ra_note "the last 4 dims of each made reciprocal."
  show ra-run verify $examples/minilm_layer.mlir "${inputs[@]}"
  inputs[0]="--input=@$weights#x"
  ra_note "And on plain rows of the embedding table:"
  show ra-run verify $examples/minilm_layer.mlir "${inputs[@]}"
elif [ "$status" -eq 3 ]; then
  ra_note "The package index cannot be reached, so no real weights: instead the block at"
  ra_note "the size that the published figures are for, B=8 T=1024 H=12 D=64 R=4."
  show ra-run verify $examples/reciprocal_block.mlir --dim=0.0=8 --dim=0.1=1024
else
  ra_fail "scripts/fetch-minilm.py"
fi

ra_step "All verified, in $(($(date +%s) - started)) s. Next: README.md, $examples/"
