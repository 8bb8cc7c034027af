#!/bin/sh
# docs/gallery.md has every finding of docs/findings.md, as it is really printed.
#   gallery.sh [--regenerate] BUILD
check=--check
[ "$1" = --regenerate ] && { check=; shift; }
. tests/e2e/common.sh.inc
what=docs/gallery.md
# shellcheck disable=SC2086
python3 tests/e2e/gallery.py $check "$generate" "$correlate" docs/findings.md docs/gallery.md ||
    fail "a finding without a pair, or another report than the page shows"
finish
