#!/bin/bash
# twopoint-capture for an hour at moderate load: its memory, its descriptors and its ring must not grow, and the set must
# verify.
#   tests/bench/soak.sh BUILD SECONDS
# Needs root. About 20,000 packets a second; the ring holds 64 MiB.
set -eu
capture=$1/twopoint-capture verify=$1/twopoint-verify seconds=${2:-3600}
work=$(mktemp -d "${TMPDIR:-/tmp}/twopoint-soak-XXXXXX")
chmod 711 "$work"
a=tps$$a b=tps$$b
trap 'ip netns pids $a 2>/dev/null | xargs -r kill 2>/dev/null; ip netns del $a 2>/dev/null; ip netns del $b 2>/dev/null; rm -rf "$work"' EXIT
[ "$(id -u)" = 0 ] || { echo "needs root"; exit 1; }
ip netns add $a
ip netns add $b
ip link add v0 netns $a type veth peer name v1 netns $b
ip -n $a link set v0 up
ip -n $b link set v1 up

ip netns exec $b "$capture" -i v1 -o "$work/set" --name soak -q -s 200 -C 4M --ring-size 64M --duration "$seconds" 2>"$work/log" &
agent=$!
(while REPLAY_RANDOM=1 ip netns exec $a python3 tests/e2e/replay.py v0 200000 300 0.004; do :; done) >/dev/null 2>&1 &
sender=$!
sample() { # seconds, resident KiB, descriptors, files of the ring, their MiB
    printf '%6d %8d %4d %4d %6d\n' $((SECONDS - started)) "$(sed -n 's/VmRSS:[^0-9]*\([0-9]*\).*/\1/p' /proc/$agent/status)" \
        "$(ls /proc/$agent/fd | wc -l)" "$(ls "$work"/set/*.zst* | wc -l)" "$(du -sm "$work/set" | cut -f1)"
}
started=$SECONDS
every=$((seconds / 40 > 2 ? seconds / 40 : 2))
sleep 5
while kill -0 $agent 2>/dev/null && [ -e /proc/$agent/fd ]; do
    sample >>"$work/samples" 2>/dev/null || true
    sleep "$every"
done
kill $sender 2>/dev/null || true
status=0
wait $agent || status=$?
echo "seconds  KiB resident  descriptors  files  MiB on disk (first, then every tenth of $(wc -l <"$work/samples"))"
awk -v n="$(wc -l <"$work/samples")" 'BEGIN {k = int(n / 10); if (k < 1) k = 1} NR % k == 1 || k == 1' "$work/samples"
cat "$work/log"
"$verify" "$work/set" | tail -n 1
echo "ended with $status; packets: $(sed -n 's/.*"type":"end".*"packets":\([0-9]*\).*/\1/p' "$work"/set/*.ndjson | awk '{n += $1} END {print n}') in the files that are left"
# The second half against the end of the first: buffers are touched for the first time in the beginning.
awk -v ring=64 '{m[NR] = $2; d[NR] = $3; f[NR] = $5} END {
    half = int(NR / 2); bad = NR < 8
    for (i = half; i <= NR - 1; i++) {
        if (m[i] > m[half] * 1.05 + 1024) {bad = 1; print "memory grew: " m[half] " to " m[i] " KiB"}
        if (d[i] > d[half] + 2) {bad = 1; print "descriptors grew: " d[half] " to " d[i]}
        if (f[i] > ring + 8) {bad = 1; print "the ring grew to " f[i] " MiB"}
    }
    print bad ? "MISSED" : "met: memory flat, ring bounded, no descriptor leaked"
    exit bad}' "$work/samples"
[ $status -le 1 ]
