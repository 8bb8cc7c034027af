#!/bin/sh
# twopoint-capture itself, killed at random moments while it converts a file and while it captures: what was flushed is
# there after the next start, and verifies.
#   tests/e2e/kill_capture.sh BUILD [KILLS [SEED]]
. tests/e2e/common.sh.inc
# Of the sanitizers' builds: as in capture.sh.inc.
export ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0"
verify=$1/twopoint-verify capture=$1/twopoint-capture
kills=${2:-25} seed=${3:-1}
[ -x "$capture" ] || skip "there is no twopoint-capture"
chmod 755 "$work" # its user must get to the folder below
"$generate" --out "$work/pair" --seed 1 --scenario 'loss,connections=20,bulk=2000000' >/dev/null 2>&1 ||
    skip "twopoint-generate failed"
file=$(ls "$work"/pair/client.*)

what="killed while it converts a file"
mkdir "$work/converted"
python3 tests/e2e/kill_set.py "$verify" "$work/converted" "$kills" 0.4 "$seed" "$capture" -r "$file" -o "$work/converted" \
    --name client -q --rotate-packets 2000 >"$work/out" 2>&1 || fail "$(cat "$work/out")"
cat "$work/out"
python3 tests/validate.py journal "$work"/converted/*.ndjson || fail "the journals break their schema"
for f in $(ls "$work"/converted/*.zst | sed -n '1p;$p'); do
    tshark -r "$f" >/dev/null 2>"$work/err" || fail "tshark cannot read $f: $(cat "$work/err")"
    capinfos "$f" >/dev/null 2>"$work/err" || fail "capinfos cannot read $f: $(cat "$work/err")"
done

what="killed while it captures"
if [ "$(id -u)" = 0 ] && unshare -n true 2>/dev/null; then
    mkdir "$work/live"
    "$capture" --keygen "$work/key" >/dev/null || fail "--keygen"
    # packets over the loopback of a namespace of its own
    unshare -n sh -c '
        ip link set lo up || exit 77
        python3 tests/e2e/loop_traffic.py &
        traffic=$!
        python3 tests/e2e/kill_set.py "$@" -- -- --duration 1s
        status=$?
        kill "$traffic"
        exit "$status"' sh "$verify" "$work/live" "$kills" 0.6 "$seed" "$capture" -i lo -o "$work/live" --name client -q \
        -s 0 --rotate-packets 3000 -W 5 --sign "$work/key" >"$work/out" 2>&1 || fail "$(cat "$work/out")"
    cat "$work/out"
    "$verify" --quiet --pubkey "$work/key.pub" "$work/live" >"$work/out" || fail "$(cat "$work/out")"
    python3 tests/validate.py journal "$work"/live/*.ndjson || fail "the journals break their schema"
else
    echo "no namespace: not killed while it captures"
fi
finish
