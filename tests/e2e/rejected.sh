#!/bin/sh
# A router that rejects a transfer in its midst, and two bare tcpdumps: it swallows data and answers in the client's name.
. tests/e2e/common.sh.inc
. tests/e2e/namespaces.sh.inc
lab_can || exit 77
command -v curl >/dev/null || skip "needs curl"
trap 'lab_down >/dev/null 2>&1; rm -rf "$work"' EXIT
trap 'exit 1' INT TERM HUP
# All on one processor: on two, a cable between namespaces does reorder acknowledgements, which is found, and proven.
python3 -c 'import os; os.sched_setaffinity(os.getppid(), {min(os.sched_getaffinity(0))})' || exit 1
lab_up || exit 1
for end in c:c0 r:rc r:rs s:s0; do # a frame a segment
    lab_in "${end%:*}" ethtool -K "${end#*:}" tso off gso off gro off >/dev/null 2>&1 || skip "ethtool cannot do that here"
done
lab_filter ip saddr 10.77.2.2 tcp sport 8080 meta length '>' 500 ct bytes '>' 8000000 reject with tcp reset

mkdir "$work/www"
head -c 30000000 /dev/zero >"$work/www/export.csv"
: >"$work/server.log"
timeout 60 ip netns exec "$lab-s" python3 -u -m http.server --directory "$work/www" 8080 >"$work/server.log" 2>&1 &
lab_wait 'Serving HTTP' "$work/server.log" || fail "no server"
lab_capture -s 128 || fail "tcpdump did not start"
# What comes in behind the reset while the server still writes is discarded, unanswered: then only a probe finds out.
timeout 30 ip netns exec "$lab-c" curl -sS --keepalive-time 1 -o "$work/got.csv" http://10.77.2.2:8080/export.csv 2>"$work/client.log"
what="curl"
says client.log 'Connection reset by peer'
what="the server"
lab_wait 'Connection reset by peer' "$work/server.log" || fail "it was not reset"
# Losses count only inside both captures for sure: both go on for longer than the clocks are unsure of each other.
timeout 30 ip netns exec "$lab-c" python3 -c 'import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.connect(("10.77.2.2", 9))
s.send(b"")
try: s.recv(1)
except ConnectionRefusedError: pass' || fail "no ICMP error came back"
lab_capture_stop || fail "tcpdump dropped packets"

run 1 "$lab_dir/client.pcap" "$lab_dir/server.pcap" --capture-drops client=0 --capture-drops server=0 \
    --json "$work/r.json" --events "$work/e.ndjson" --pcapng "$work/merged.pcapng" \
    --markdown "$work/ticket.md"
head -n 2 "$work/out" | tr '\n' ' ' | grep -Eq \
    '^[0-9]+ resets? came in at server that client never sent \([^)]*server frames? [^)]+\): something between the taps sent (them|it), proven' ||
    fail "the answer is another: $(head -n 3 "$work/out")"
says out '^    server: frame.number in \{'
says out 'injected \*- RST seq'
says out 'lost x--- '
says out 'server no longer knew the connection, and answered a segment'
expect 'finding("resets-injected")["level"] == "proven"' 'count("injected") == count("injected", "proven")' \
    'count("lost") > 0' 'not [e for e in events if e["event"] not in ("lost", "injected")]'
what="the merged capture"
for kind in lost injected; do
    wanted=$(grep -c "\"event\":\"$kind\"" "$work/e.ndjson")
    shown=$(tshark -r "$work/merged.pcapng" -Y "frame.comment contains \"$kind\"" 2>/dev/null | wc -l)
    [ "$wanted" = "$shown" ] || fail "$shown packets are said to be $kind, $wanted were"
done
what="the ticket"
says ticket.md '^\*\*[0-9]+ resets? came in at server that client never sent'
finish
