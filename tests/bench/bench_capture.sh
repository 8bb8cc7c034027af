#!/bin/bash
# What capturing costs: the same packets replayed at full speed onto a veth, recorded by twopoint-capture, by tcpdump piped
# into zstd at the same level, and by dumpcap without compression (docs/performance.md).
#   tests/bench/bench_capture.sh BUILD
# BENCH_PACKETS=500000 packets a run, BENCH_RUNS=5 runs each, of which the median counts; BENCH_SNAPS="headers 96 0". Needs
# root.
# Processor time is user and system time of all threads and processes of the capture, the shell between them left out;
# that of receiving a packet belongs to whoever sends it, here tcpreplay, and is the same for all three. It is divided by the
# packets that were captured: where some are dropped, who drops more does less. What decides is the ratio of the medians of
# runs that take turns, so that what else the machine does meets all. TMPDIR says onto which disk.
set -eu
capture=$1/twopoint-capture generate=$1/twopoint-generate
packets=${BENCH_PACKETS:-500000} runs=${BENCH_RUNS:-5}
work=$(mktemp -d "${TMPDIR:-/tmp}/twopoint-bench-XXXXXX")
chmod 711 "$work"
a=tpb$$a b=tpb$$b
trap 'ip netns del $a 2>/dev/null; ip netns del $b 2>/dev/null; rm -rf "$work"' EXIT
[ "$(id -u)" = 0 ] || { echo "needs root"; exit 1; }
ip netns add $a
ip netns add $b
ip link add v0 netns $a type veth peer name v1 netns $b
ip -n $a link set v0 up
ip -n $b link set v1 up

median() { sort -n | awk '{v[NR] = $1} END {print v[int((NR + 1) / 2)]}'; }

# TCP as generated (headers only), grown to what they were on the wire by payload that does not compress: as TLS.
"$generate" --out "$work" --seed 1 --bench "packets=$packets,connections=1000"
zstdcat "$work/client.pcapng.zst" >"$work/client.pcapng"
python3 tests/bench/grow.py "$work/client.pcapng" "$work/in.pcap"
rm "$work"/client.* "$work"/server.*
count=$(capinfos -Mcr -T "$work/in.pcap" | cut -f2)

replay() { ip netns exec $a tcpreplay -q -t -K -i v0 "$work/in.pcap" >"$work/replay" 2>&1; }
wait_for() { for _ in $(seq 100); do grep -q "$1" "$2" && return; sleep 0.1; done; cat "$2"; exit 1; }

# Each: start, replay, stop; then a line "microseconds-a-packet dropped bytes KiB" into $work/NAME-SNAP.
row_of() { # name snap dropped file-or-folder
    awk -v d="$3" -v n="$count" -v b="$(du -sb --apparent-size "$4" | cut -f1)" \
        '{c += $1 + $2; if ($3 > m) m = $3} END {printf "%.4f %d %d %d\n", c * 1e6 / (n > d ? n - d : 1), d, b, m}' \
        "$work/time" >>"$work/$1-$2"
}
run_ours() {
    rm -rf "$work/out" && : >"$work/log" >"$work/time"
    ip netns exec $b /usr/bin/time -qao "$work/time" -f '%U %S %M' "$capture" -i v1 -o "$work/out" --name b -s "$1" -q 2>"$work/log" &
    local time=$!
    for _ in $(seq 100); do [ -e "$work/out" ] && ls "$work/out" | grep -q part && break; sleep 0.1; done
    sleep 0.3
    replay
    sleep 0.5
    kill -INT "$(pgrep -P $time)"
    wait $time || true
    row_of ours "$1" "$(sed -n 's/.*"type":"end".*"kernel_drops":\([0-9]*\),"queue_drops":\([0-9]*\).*/\1 \2/p' "$work"/out/*.ndjson | awk '{n += $1 + $2} END {print n + 0}')" "$work/out"
}
run_tcpdump() {
    local snap=$1
    [ "$1" = headers ] && snap=96
    : >"$work/log" >"$work/time" >"$work/time2"
    mkfifo "$work/pipe"
    /usr/bin/time -qao "$work/time2" -f '%U %S %M' zstd -q -T1 -1 <"$work/pipe" >"$work/out.zst" &
    local zstd=$!
    ip netns exec $b /usr/bin/time -qao "$work/time" -f '%U %S %M' tcpdump -i v1 -B 32768 -s "$snap" -w - >"$work/pipe" 2>"$work/log" &
    local time=$!
    wait_for listening "$work/log"
    sleep 0.3
    replay
    sleep 1.5
    kill -INT "$(pgrep -P $time)"
    wait $time $zstd || true
    rm "$work/pipe"
    cat "$work/time2" >>"$work/time"
    row_of tcpdump "$1" "$(sed -n 's/^\([0-9]*\) packets dropped by kernel.*/\1/p' "$work/log")" "$work/out.zst"
}
run_dumpcap() {
    local snap=$1
    [ "$1" = headers ] && snap=96
    : >"$work/log" >"$work/time"
    rm -f "$work/out.pcapng"
    ip netns exec $b /usr/bin/time -qao "$work/time" -f '%U %S %M' dumpcap -i v1 -B 32 -s "$snap" -w "$work/out.pcapng" 2>"$work/log" &
    local time=$!
    wait_for File: "$work/log"
    sleep 0.3
    replay
    sleep 1.5
    kill -INT "$(pgrep -P $time)"
    wait $time || true
    row_of dumpcap "$1" "$(sed -n "s/.*received\/dropped on interface.*: [0-9]*\/\([0-9]*\).*/\1/p" "$work/log")" "$work/out.pcapng"
}

echo "$(nproc) cores, $(sed -n 's/model name.*: //p' /proc/cpuinfo | head -n 1), load $(cut -d' ' -f1 /proc/loadavg), $count packets, $runs runs, medians"
missed=0
for snap in ${BENCH_SNAPS:-headers 96 0}; do
    for _ in $(seq "$runs"); do
        run_ours $snap
        run_tcpdump $snap
        run_dumpcap $snap
    done
    echo "snaplen $snap; replayed at $(sed -n 's/.* \([0-9.]*\) pps.*/\1/p' "$work/replay" | tail -n 1) packets a second"
    for who in ours tcpdump dumpcap; do
        printf '  %-12s %6.3f s a million packets, %7d dropped, %11d bytes, %4d MiB\n' $who \
            "$(cut -d' ' -f1 "$work/$who-$snap" | median)" "$(cut -d' ' -f2 "$work/$who-$snap" | median)" \
            "$(cut -d' ' -f3 "$work/$who-$snap" | median)" $(($(cut -d' ' -f4 "$work/$who-$snap" | median) / 1024))
    done
    ratio=$(echo "$(cut -d' ' -f1 "$work/ours-$snap" | median) $(cut -d' ' -f1 "$work/tcpdump-$snap" | median)" | awk '{print $1 / $2}')
    drops=$(cut -d' ' -f2 "$work/ours-$snap" | median) theirs=$(cut -d' ' -f2 "$work/tcpdump-$snap" | median)
    memory=$(cut -d' ' -f4 "$work/ours-$snap" | median)
    awk -v r="$ratio" -v d="$drops" -v t="$theirs" -v m="$memory" 'BEGIN {
        printf "  %.2f x tcpdump | zstd: %s (0.80 wanted); drops %s; memory %s (128 MiB wanted)\n", r,
            (r <= 0.8 ? "met" : "MISSED"), (d <= t ? "met" : "MISSED"), (m < 131072 ? "met" : "MISSED")
        exit r > 0.8 || d > t || m >= 131072}' || missed=1
    echo "  load $(cut -d' ' -f1-3 /proc/loadavg)"
done
exit $missed
