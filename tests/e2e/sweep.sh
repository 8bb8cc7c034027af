#!/bin/sh
# A few seeds of every scenario: nothing false may be called proven, and no clock's interval may miss the truth.
# `make score` takes hundreds of them.
. tests/e2e/common.sh.inc
what="the sweep"
timeout 300 python3 tests/score/sweep.py --generate "$generate" --correlate "$correlate" --seeds "${SWEEP_SEEDS:-1-4}" \
    --scenarios all --jobs 2 >"$work/sweep" 2>&1 || { fail "status $?"; grep -vE '^[a-z0-9+-]+ +[0-9]+ +0 ' "$work/sweep" | head -n 40; }
tail -n 5 "$work/sweep"
finish
