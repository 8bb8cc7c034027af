#!/bin/sh
# Two kernels' TCP stacks with a router between them that drops what it is told to: what the report says must be what
# the router counted.
. tests/e2e/common.sh.inc
. tests/e2e/namespaces.sh.inc
lab_can || exit 77
# On one processor: two may each hold a packet between the tap and the wire, and so let one overtake the other.
taskset -cp 0 $$ >/dev/null
trap 'lab_down >/dev/null 2>&1; rm -rf "$work"' EXIT
trap 'exit 1' INT TERM HUP
only_lost_resets='all(e["event"] == "lost" and "RST" in e["flags"] for e in events)'

compare() { # status, extra options
    wanted=$1
    shift
    run "$wanted" "$lab_dir/client.pcap" "$lab_dir/server.pcap" --json "$work/r.json" --events "$work/e.ndjson" "$@"
}

record() { # what, KIND...: capture these conversations; false when the captures themselves lost packets
    what=$1
    shift
    lab_capture || { fail "tcpdump did not start: $(cat "$lab_dir/client.log" "$lab_dir/server.log")"; return 1; }
    for kind in "$@"; do
        case $kind in
        filter:*) lab_filter "${kind#filter:}" ;;
        unfilter) lab_unfilter ;;
        *) lab_talk "$kind" ;;
        esac
    done
    lab_capture_stop || { fail "tcpdump dropped packets"; return 1; }
}

lab_up || exit 1

# Case three: every reset dropped on the way; the exchange afterwards shows that the captures went on.
if record "case three" "filter:tcp flags & rst == rst counter drop" abort exchange unfilter; then
    n=$lab_packets
    [ "$n" -gt 2 ] || fail "the client sent only $n resets"
    for counted in '' '--capture-drops client=0 --capture-drops server=0'; do
        # shellcheck disable=SC2086
        compare 1 $counted
        expect "sum(t['count'] for t in resets) == $n and sum(t['lost'] for t in resets) == $n" \
            "count('lost') == $n" "$only_lost_resets" \
            'all(t["sent_by"] == "client" and t["fate"] == "lost" for t in resets)' \
            'any(t["case"] == 3 and t["level"] == "proven" and t["segments_after"] > 2 for t in resets)' \
            'finding("resets-lost")["level"] == "proven"'
        [ -z "$counted" ] || expect 'all(e["level"] == "proven" for e in events)'
    done
fi

# Nothing dropped: super-segments at the sender, merged ones at the receiver, and nothing to tell of.
if record "a clean exchange" exchange; then
    compare 0
    expect 'not events' 'all(h["lost"] == 0 and h["sent"] == h["arrived"] for h in hops)' 'hops[1]["bytes_sent"] == 200000'
fi

# A refused port: the server's own reset.
if record "a refused port" exchange refused exchange; then
    compare 0
    expect 'not events' \
        '[(t["sent_by"], t["fate"], t["case"], t["stage"]) for t in resets if t["cause"] == "refused"] == [("server", "arrived", 1, "syn")]'
fi

# SYNs that vanish, between exchanges that do not.
if record "lost SYNs" exchange "filter:tcp flags & (syn | ack) == syn counter drop" refused unfilter exchange; then
    n=$lab_packets
    compare 1
    expect 'finding("syn-lost")' "count('lost') == $n" 'all(e["event"] == "lost" and e["flags"] == "SYN" for e in events)'
fi

# Random loss of data: to the byte what the router dropped (52 bytes of headers a packet).
for attempt in 1 2 3; do
    record "random loss" "filter:ip saddr 10.77.2.2 meta length > 500 numgen random mod 100 < 3 counter drop" bulk unfilter || break
    [ "$lab_packets" -gt 0 ] || continue
    compare 1
    expect "lost_bytes('server') == $((lab_bytes - 52 * lab_packets))" 'hops[0]["lost"] == 0' \
        'not [e for e in events if e["event"] in ("injected", "altered", "corrupted", "duplicated")]'
    break
done
finish
