#!/bin/sh
# Interesting, so 1: ra-fold-weights refuses by the rule of its first argument.
ra-opt "$2" --ra-fold-weights --remarks-filter-missed=ra-fold-weights 2>&1 >/dev/null |
  grep -q "\[Missed\] $1 " && exit 1
exit 0
