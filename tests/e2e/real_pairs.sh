#!/bin/sh
# Real pairs, captured by others, come out as their README says.
. tests/e2e/common.sh.inc
pairs=../shared/pairs
[ -d $pairs ] || skip "$pairs is not there"

both() { # status, client, server
    wanted=$1 client=$pairs/$2 server=$pairs/$3
    shift 3
    run "$wanted" "$client" "$server" --json "$work/r.json" --events "$work/e.ndjson" "$@"
}

# An MTU black hole: three segments of 1460 bytes lost, once each, the same bytes arriving later in smaller ones.
both 1 slowfile-clientside.pcapng slowfile-serverside.pcapng
expect 'count("lost") == 3 and count("injected") == 0 and count("duplicated") == 0 and count("altered") == 0' \
    '[(e["seen_at"], e["frame"], e["len"]) for e in events if e["event"] == "lost"] == [("server", f, 1460) for f in (5, 8, 9)]' \
    'finding("size-dependent-loss")' \
    'finding("mss-clamped")' \
    'any(c["translation"]["mss"] and "1460" in str(c["translation"]["mss"]) and "1432" in str(c["translation"]["mss"]) for c in r["connections"])' \
    'any(not c["reference"] and 410.2e9 < abs(c["offset_ns"]) < 410.4e9 for c in r["clocks"])' \
    'r["summary"]["compared"] == 1'
says out 'lost'

# A NAT that keeps ports: every segment on both sides.
both 0 NAT_home_side.pcap NAT_ISP_side.pcap
expect 'not events' \
    'sum(h["sent"] for h in hops) == 117 and sum(h["arrived"] for h in hops) == 117' \
    'r["summary"]["compared"] == 6 and r["summary"]["paired"]["translated"] == 6' \
    'finding("address-translated")' \
    'any(not c["reference"] and 0.4e9 < abs(c["offset_ns"]) < 0.44e9 for c in r["clocks"])'

# Something between terminated the connection: nothing may be claimed across it.
both 3 proxied-client.pcap proxied-server.pcap
expect 'count("lost") == 0 and count("injected") == 0 and count("altered") == 0 and count("corrupted") == 0' \
    'r["summary"]["paired"]["terminated_between"] == 1' \
    'finding("terminated-between")'

# The points in the wrong order are noticed, and no verdict changes.
both 1 slowfile-serverside.pcapng slowfile-clientside.pcapng
expect 'count("lost") == 3' 'finding("points-swapped")'
finish
