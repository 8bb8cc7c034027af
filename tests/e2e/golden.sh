#!/bin/sh
# What the correlator says about each shipped pair, word for word, and whether it is true: expected.txt beside the pair.
#   golden.sh [--regenerate] BUILD      with --regenerate the expectations are written anew, to be looked at as a diff
[ "$1" = --regenerate ] && { regenerate=1; shift; }
. tests/e2e/common.sh.inc

for truth in fixtures/*/truth.ndjson; do
    pair=${truth%/*}
    what="$pair"
    timeout 60 "$correlate" "$pair"/client.* "$pair"/server.* >"$work/said" 2>&1
    echo "exit status $?" >>"$work/said"
    timeout 60 "$correlate" "$pair"/client.* "$pair"/server.* --quiet --json "$work/r.json" --events "$work/e.ndjson"
    python3 tests/e2e/flatten.py "$work/r.json" >>"$work/said" || fail "no report"
    if [ -n "$regenerate" ]; then
        cp "$work/said" "$pair/expected.txt"
    else
        diff -u "$pair/expected.txt" "$work/said" >"$work/diff" || { fail "another report than expected"; head -n 40 "$work/diff"; }
    fi
    python3 tests/score/score.py "$truth" "$work/e.ndjson" --report "$work/r.json" --json >"$work/score" ||
        fail "something false was called proven"
    python3 - "$work/score" <<'PY' || fail "a clock's interval does not contain the truth, or something false was claimed"
import json, sys
score = json.load(open(sys.argv[1]))
wrong = score["clock_wrong"] + score["false_proven"] + score["false_supported"]
for one in wrong[:5]:
    print(one)
sys.exit(1 if wrong else 0)
PY
done

# The README shows case three as it really prints.
what=README.md
pair=fixtures/case-three
timeout 60 "$correlate" $pair/client.pcapng.zst $pair/server.pcapng.zst >"$work/said"
if [ -n "$regenerate" ]; then
    python3 tests/e2e/embed.py README.md "$work/said" || fail "its example could not be written"
else
    python3 tests/e2e/embed.py --check README.md "$work/said" || fail "its example is not what is printed"
fi
finish
