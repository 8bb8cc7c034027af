#!/bin/sh
# Bytes changed on the way where the taps cut the stream differently (TSO at the one, GRO at the other), also with losses
# in between; and the same from standard input, which has to be read twice for it.
. tests/e2e/common.sh.inc
for harm in alter alter,loss; do
    what="$harm"
    "$generate" --out "$work/g" --seed 5 --scenario bulk,tso,gro,$harm || fail "nothing generated"
    c=$(ls "$work"/g/client.*) s=$(ls "$work"/g/server.*)
    run 1 "$c" "$s" --json "$work/r.json" --events "$work/e.ndjson"
    expect "count('altered', 'proven') > 0"
    python3 tests/score/score.py "$work/g/truth.ndjson" "$work/e.ndjson" --report "$work/r.json" >"$work/score" ||
        { fail "something false was called proven"; head -n 20 "$work/score"; }
    for point in "cat $c | $correlate - $s" "$correlate $c - <$s"; do
        what="$harm: $point"
        sh -c "$point --quiet --events $work/again.ndjson"
        cmp -s "$work/e.ndjson" "$work/again.ndjson" || fail "other events than from files"
    done
done
finish
