#!/bin/sh
# Interesting, so 1: reciprocal attention with gates of the standard term.
grep -q 'ra.reciprocal_attention .* w_std(' "$1" && exit 1
exit 0
