#!/bin/bash
# How fast the correlator is, beside what others need for the same packets, all in one run (docs/performance.md).
#   tests/bench/bench.sh BUILD
# BENCH_PACKETS=1000000 packets a side, BENCH_RUNS=3 runs each, of which the median counts; BENCH_BIG=1 takes in ten
# million packets a side, 100,000 connections, one connection of ten million packets, and colliding ports.
set -eu
correlate=$1/twopoint-correlate generate=$1/twopoint-generate
packets=${BENCH_PACKETS:-1000000} runs=${BENCH_RUNS:-3}
work=$(mktemp -d "${TMPDIR:-/tmp}/twopoint-bench-XXXXXX")
trap 'rm -rf "$work"' EXIT

median() { sort -n | awk '{v[NR] = $1} END {print v[int((NR + 1) / 2)]}'; }

once() { # file for "seconds KiB cpu cpu", command: its wall time, peak memory and processor time
    local to=$1 status=0
    shift
    /usr/bin/time -o "$work/time" -f '%e %M %U %S' "$@" >/dev/null 2>"$work/said" || status=$?
    if [ "$status" -gt 3 ] || [ "$status" = 2 ]; then
        echo "ended with $status: $*" >&2
        cat "$work/said" >&2
        exit 1
    fi
    tail -n 1 "$work/time" >>"$to"
}
seconds() { cut -d' ' -f1 "$1" | median; }
memory() { cut -d' ' -f2 "$1" | median; }
processor() { awk '{print $3 + $4}' "$1" | median; }

pair() { # name, words
    "$generate" --out "$work/$1" --seed 1 --bench "$2"
}
count() { # packets of both files
    capinfos -c -M -T -r "$work/$1"/client.pcapng.zst "$work/$1"/server.pcapng.zst | awk -F'\t' '{n += $2} END {print n}'
}
floor_of() { # both files decompressed, one after the other
    zstd -dcq "$1/client.pcapng.zst" >/dev/null
    zstd -dcq "$1/server.pcapng.zst" >/dev/null
}
export -f floor_of
tcptrace_of() {
    tcptrace -n "$1/client.pcap"
    tcptrace -n "$1/server.pcap"
}
export -f tcptrace_of
tshark_of() {
    for side in client server; do
        tshark -n -r "$1/$side.pcapng.zst" -T fields -e frame.number -e frame.time_epoch -e ip.src -e ip.dst -e tcp.srcport \
            -e tcp.dstport -e tcp.seq -e tcp.ack -e tcp.flags -e tcp.len
    done
}
export -f tshark_of

row() { # name, file of times, packets
    awk -v name="$1" -v s="$(seconds "$2")" -v m="$(memory "$2")" -v c="$(processor "$2")" -v n="$3" 'BEGIN {
        printf "%-34s %7.2f s %7.2f s of processor %6.2f M packets/s %6.0f MiB %6.1f bytes/packet\n", name, s, c,
            n / s / 1e6, m / 1024, m * 1024 / n}'
}

echo "$(nproc) cores, $(sed -n 's/model name.*: //p' /proc/cpuinfo | head -n 1), load $(cut -d' ' -f1 /proc/loadavg), $runs runs, medians"
pair main "packets=$packets,connections=1000"
n=$(count main)
echo "$n packets, headers only, $(du -ch "$work"/main/*.zst | tail -n 1 | cut -f1) in zstd"
for side in client server; do # tcptrace reads neither zstd nor pcapng: converted beforehand, and not timed
    zstd -dcq "$work/main/$side.pcapng.zst" >"$work/$side.pcapng"
    editcap -F pcap "$work/$side.pcapng" "$work/main/$side.pcap"
    rm "$work/$side.pcapng"
done
for _ in $(seq "$runs"); do
    once "$work/floor" bash -c "floor_of $work/main"
    once "$work/ours" "$correlate" "$work/main/client.pcapng.zst" "$work/main/server.pcapng.zst"
    once "$work/tcptrace" bash -c "tcptrace_of $work/main"
done
once "$work/tshark" bash -c "tshark_of $work/main"
row "twopoint-correlate" "$work/ours" "$n"
row "zstd -dc (the floor)" "$work/floor" "$n"
row "tcptrace -n" "$work/tcptrace" "$n"
row "tshark -T fields (once)" "$work/tshark" "$n"
awk -v us="$(seconds "$work/ours")" -v floor="$(seconds "$work/floor")" -v tcptrace="$(seconds "$work/tcptrace")" \
    -v tshark="$(seconds "$work/tshark")" -v kib="$(memory "$work/ours")" -v n="$n" 'BEGIN {
    limit = 4 * floor > 0.7 * tcptrace ? 4 * floor : 0.7 * tcptrace
    printf "%.1f x the floor, %.2f x tcptrace: %s (at most %.2f s wanted)\n", us / floor, us / tcptrace, (us <= limit ? "met" : "MISSED"), limit
    printf "%.0f x faster than tshark: %s (50 wanted)\n", tshark / us, (tshark >= 50 * us ? "met" : "MISSED")
    room = 100 * n + 64 * 1048576
    printf "%.0f MiB: %s (at most %.0f wanted)\n", kib / 1024, (kib * 1024 <= room ? "met" : "MISSED"), room / 1048576}'
rm -rf "$work/main"

[ -n "${BENCH_BIG:-}" ] || exit 0
big() { # name, words: how time and memory a packet change with the shape
    pair big "$2"
    rm -f "$work/big-time"
    once "$work/big-time" "$correlate" "$work/big/client.pcapng.zst" "$work/big/server.pcapng.zst"
    row "$1" "$work/big-time" "$(count big)"
    rm -rf "$work/big"
}
big "10 million a side" packets=10000000,connections=10000
big "100,000 connections" packets=1000000,connections=100000
big "one connection, 1 million a side" packets=1000000,connections=1
big "one connection, 10 million a side" packets=10000000,connections=1
big "colliding ports" packets=1000000,connections=100000,colliding
