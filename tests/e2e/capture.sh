#!/bin/sh
# twopoint-capture on real interfaces: what it records, beside tcpdump; files, rotation, conversion, triggers; and that
# it is confined. Losses and faults are in capture_faults.sh.
. tests/e2e/common.sh.inc
. tests/e2e/namespaces.sh.inc
lab_can || exit 77
. tests/e2e/capture.sh.inc
trap 'lab_down >/dev/null 2>&1; rm -rf "$work"' EXIT
trap 'exit 1' INT TERM HUP
lab_up || exit 1

dump() { # file, length, filter...: tcpdump beside it, on c0
    file=$1 length=$2
    shift 2
    : >"$work/dump.log"
    timeout -s INT 60 ip netns exec "$lab-c" tcpdump -q -i c0 -B 16384 -s "$length" --time-stamp-precision=nano -w "$file" "$@" 2>"$work/dump.log" &
    dumper=$!
    lab_wait listening "$work/dump.log"
}
dump_end() {
    sleep 1.3 # tcpdump reads its ring once a second
    kill -INT $dumper
    wait $dumper
    grep -q '^0 packets dropped by kernel' "$work/dump.log" || fail "tcpdump dropped packets"
}
replay() { # on the router's end of c0's cable
    lab_in r python3 tests/e2e/replay.py rc "$@"
}
bytes_of() { # every packet with its stamp and bytes, whatever the format
    tcpdump -r "$1" --time-stamp-precision=nano -w "$2" 2>/dev/null
}

# ---- the command line ----
refuses() { # pattern, arguments: exit status 2 and a message that says what to do
    pattern=$1
    shift
    what="refusal: $*"
    timeout 10 "$capture" "$@" >"$work/out" 2>"$work/err"
    [ $? = 2 ] || fail "it was not refused"
    says err "$pattern"
}
refuses 'no interface: say which with -i' -o "$work/x"
refuses 'no output folder: say where with -o' -i lo
refuses 'there is no interface "nosuch0" here: twopoint-capture -D lists them' -i nosuch0 -o "$work/x"
refuses 'the filter "tcp prot 80" is none:.*pcap-filter' -i lo -o "$work/x" tcp prot 80
refuses 'there is no user "nosuch"' -i lo -o "$work/x" -Z nosuch
refuses 'root is root: name a user' -i lo -o "$work/x" -Z root
refuses 'lo has no stamps of type adapter' -i lo -o "$work/x" -j adapter
[ ! -e "$work/x" ] || fail "a refused run left its folder"
echo text >"$work/file"
refuses 'is no folder: name a folder' -i lo -o "$work/file"
ln -s /tmp "$work/link"
refuses 'is a symbolic link' -i lo -o "$work/link"
mkdir "$work/taken" && cp "$work/file" "$work/taken/notes"
refuses 'holds other things' -i lo -o "$work/taken"
[ "$(stat -c %u "$work/taken")" = 0 ] || fail "a folder with other things changed hands"
what="listing"
lab_in c "$capture" -D >"$work/out" && says out 'c0 .*up' && says out 'any'
"$capture" -i lo -J >"$work/out" && says out 'host'
"$capture" --version >"$work/out" && says out '^twopoint-capture [0-9]'
what="no permission"
chmod 755 "$work"
install -m 755 "$capture" "$work/agent-copy"
setpriv --reuid=65534 --clear-groups "$work/agent-copy" -i lo -o "$work/nobody" 2>"$work/err"
[ $? = 2 ] || fail "it was not refused"
says err 'not permitted: run it with sudo, or.*setcap cap_net_raw'

# ---- the same packets as tcpdump, byte for byte; stamps, too, of what comes from outside a TCP of this kernel ----
what="full capture beside tcpdump"
if agent c full -i c0 -s 0 --exact-filter tcp && dump "$work/full.pcap" 0 tcp; then
    replay 5000 300 0.002
    dump_end
    agent_end full 0
    packets "$work/full"
    bytes_of "$work/all.pcapng" "$work/ours.pcap"
    bytes_of "$work/full.pcap" "$work/theirs.pcap"
    [ "$(count "$work/full.pcap")" = 5000 ] || fail "tcpdump has $(count "$work/full.pcap") packets, not 5000"
    cmp "$work/ours.pcap" "$work/theirs.pcap" || fail "not the packets that tcpdump saw"
fi
what="kernel TCP beside tcpdump"
if agent c sent -i c0 -s 96 -Q out --exact-filter tcp && dump "$work/sent.pcap" 96 -Q out tcp; then
    lab_talk exchange
    lab_talk abort
    dump_end
    agent_end sent 0
    packets "$work/sent"
    bytes_of "$work/all.pcapng" "$work/ours.pcap"
    bytes_of "$work/sent.pcap" "$work/theirs.pcap"
    [ "$(count "$work/ours.pcap")" -gt 20 ] || fail "only $(count "$work/ours.pcap") packets"
    listing "$work/ours.pcap" >"$work/ours.txt"
    listing "$work/theirs.pcap" >"$work/theirs.txt"
    diff "$work/ours.txt" "$work/theirs.txt" >"$work/diff" || { fail "not the packets that tcpdump saw"; head -n 5 "$work/diff"; }
fi
what="headers only"
if agent c odd -i c0; then
    replay odd >"$work/lengths"
    sleep 0.3
    agent_end odd 0
    packets "$work/odd"
    tshark -nr "$work/all.pcapng" -T fields -e frame.len -e frame.cap_len -E separator=' ' eth.src==02:00:00:00:00:01 2>/dev/null >"$work/kept"
    diff "$work/lengths" "$work/kept" || fail "not cut where the headers end"
    ! grep -aq 'personal data' "$work/odd"/* || fail "payload was kept"
    journal_has "$work/odd" 'of("start")[0]["snaplen"] == "headers"' 'of("start")[0]["mtu"] == 1500' \
        'of("start")[0]["offload"]["gro"] is not None' 'of("start")[0]["mac"]'
fi
what="the filter's additions"
if agent c filtered -i c0 tcp port 443 && agent c exact -i c0 --exact-filter tcp port 443; then
    replay odd >/dev/null
    sleep 0.3
    agent_end filtered 0
    agent_end exact 0
    packets "$work/filtered"
    [ "$(count "$work/all.pcapng")" = 8 ] || fail "$(count "$work/all.pcapng") packets, not 8"
    packets "$work/exact"
    [ "$(count "$work/all.pcapng")" = 4 ] || fail "$(count "$work/all.pcapng") packets, not 4"
    journal_has "$work/filtered" 'of("start")[0]["filter"] == "tcp port 443"' '"vlan" in of("start")[0]["effective_filter"]'
    journal_has "$work/exact" 'of("start")[0]["effective_filter"] == "tcp port 443"'
fi

# ---- confined, and files that belong to whom they should ----
what="confinement"
export SUDO_GID=4242 SUDO_UID=4242
if agent c confined -i c0; then
    unset SUDO_GID SUDO_UID
    for task in /proc/"$pid_confined"/task/*; do
        for wanted in 'CapInh:.0*$' 'CapPrm:.0*$' 'CapEff:.0*$' 'CapBnd:.0*$' 'CapAmb:.0*$' 'NoNewPrivs:.1$' 'Seccomp:.2$'; do
            grep -qE "^$wanted" "$task/status" || fail "$(cat "$task/comm"): not $wanted: $(grep "${wanted%%:*}" "$task/status")"
        done
        grep -qE '^Uid:.0' "$task/status" && fail "it is still root"
    done
    [ "$(ls /proc/"$pid_confined"/task | wc -l)" -ge 4 ] || fail "the threads are not there"
    kill -USR1 "$pid_confined"
    lab_wait 'packets captured' "$work/confined.log" || fail "SIGUSR1 printed nothing"
    agent_end confined 0 TERM
    journal_has "$work/confined" '"SIGTERM" in of("end")[0]["reason"]'
    [ "$(stat -c %a:%g "$work"/confined/*.zst)" = 640:4242 ] || fail "the file is $(stat -c %a:%g "$work"/confined/*.zst)"
    [ "$(stat -c %a:%g "$work/confined")" = 2750:4242 ] || fail "the folder is $(stat -c %a:%g "$work/confined")"
    verified "$work/confined" consistent
fi

# ---- both ends, resets dropped on the way: case three, proven, with the journals as proof ----
what="case three"
"$capture" --keygen "$work/key" >/dev/null || fail "--keygen"
if agent c client -i c0 --sign "$work/key" tcp port $lab_port && agent s server -i s0 tcp port $lab_port; then
    lab_filter tcp flags \& rst == rst counter drop
    lab_talk abort
    lab_talk exchange
    lab_unfilter
    agent_end client 0
    agent_end server 0
    verified "$work/client" consistent
    verified "$work/server" consistent
    "$verify" "$work/client" --pubkey "$work/key.pub" | grep -q authentic || fail "the signatures do not hold"
    run 1 "$work/client" "$work/server" --json "$work/r.json" --events "$work/e.ndjson" --pubkey "client=$work/key.pub"
    expect "sum(t['count'] for t in resets) == $lab_packets and $lab_packets > 2" "count('lost') == $lab_packets" \
        "[f['journal'] for p in r['points'] for f in p['files']] == ['authentic', 'consistent']" \
        "[p['name'] for p in r['points']] == ['client', 'server']" "[p['capture_drops'] for p in r['points']] == [0, 0]" \
        "all(e['event'] == 'lost' and e['level'] == 'proven' for e in events)" \
        "any(t['case'] == 3 and t['level'] == 'proven' and t['segments_after'] > 2 for t in resets)"
fi

# ---- files: by packets, on request, by time; the ring ----
what="rotation"
if agent c rotated -i c0 --rotate-packets 300 -s 0 --exact-filter tcp port 443; then
    replay 1000 200 0.001
    sleep 0.3 # what the kernel still holds belongs before it
    kill -HUP "$pid_rotated"
    sleep 0.3
    replay 100 200 0 1000
    sleep 0.3
    agent_end rotated 0
    verified "$work/rotated" consistent
    packets "$work/rotated"
    [ "$(count "$work/all.pcapng")" = 1100 ] || fail "$(count "$work/all.pcapng") packets, not 1100"
    replayed "$work/all.pcapng" | cut -d' ' -f1 >"$work/numbers"
    seq 0 1099 | diff -q - "$work/numbers" >/dev/null || fail "the packets are not all, in order"
    journal_has "$work/rotated" '[e["packets"] for e in of("end")] == [300, 300, 300, 100, 100]' \
        '[s["file"] for s in of("start")] == [1, 2, 3, 4, 5]' '[e["reason"] for e in of("end")][:4] == ["rotated"] * 4'
fi
what="a ring of two files, by time"
if agent c ring -i c0 -G 1 --align -W 2 --exact-filter tcp port 443; then
    for i in 0 1 2 3; do
        replay 50 100 0 $((50 * i))
        sleep 1
    done
    agent_end ring 0
    [ "$(ls "$work"/ring/*.zst | wc -l)" -le 2 ] || fail "$(ls "$work"/ring/*.zst | wc -l) files are left"
    verified "$work/ring" consistent
    packets "$work/ring"
    journal_has "$work/ring" 'of("deleted")' 'all(c["first_ns"] // 10**9 == c["last_ns"] // 10**9 for c in of("chunk") if c["packets"])'
fi
what="the end by count"
if agent c counted -i c0 -c 777 --exact-filter tcp port 443; then
    replay 1000
    wait "$wrapper_counted" || fail "it ended with $?"
    packets "$work/counted"
    [ "$(count "$work/all.pcapng")" = 777 ] || fail "$(count "$work/all.pcapng") packets, not 777"
    journal_has "$work/counted" 'of("end")[0]["packets"] == 777' 'of("end")[0]["time_ns"] == max(c["last_ns"] or 0 for c in of("chunk"))'
fi

# ---- --trigger: what surrounds a reset stays, the rest goes ----
what="trigger"
if agent c triggered -i c0 --trigger rst --before 1s --after 1s tcp; then
    replay 10 100 0 1000000
    sleep 3
    lab_talk exchange
    lab_talk abort
    sleep 3
    replay 10 100 0 2000000
    sleep 1.5
    agent_end triggered 0
    packets "$work/triggered"
    tshark -nr "$work/all.pcapng" -T fields -e tcp.seq_raw 'tcp.flags.reset == 1' 2>/dev/null | grep -q . || fail "the resets are gone"
    replayed "$work/all.pcapng" | grep -q '^100000[0-9] ' && fail "what was long before is still there"
    verified "$work/triggered" consistent
    journal_has "$work/triggered" 'of("deleted")'
fi

# ---- "any", several interfaces, -r ----
what="several interfaces"
if agent r both -i rc -i rs -i any --exact-filter tcp port $lab_port; then
    lab_talk exchange
    sleep 0.3
    agent_end both 0
    [ "$(ls "$work"/both/*.zst | wc -l)" = 3 ] || fail "$(ls "$work/both")"
    for i in rc rs any; do
        [ "$(count "$work"/both/*-$i-0001.pcapng.zst)" -gt 20 ] || fail "$i has $(count "$work"/both/*-$i-0001.pcapng.zst) packets"
    done
    [ "$(count "$work"/both/*-any-0001.pcapng.zst)" = $(($(count "$work"/both/*-rc-0001.pcapng.zst) + $(count "$work"/both/*-rs-0001.pcapng.zst))) ] ||
        fail "any has not what both have"
    packets "$work/both"
fi
what="conversion"
for input in "$work/full.pcap" fixtures/case-three/client.pcapng.zst; do
    rm -rf "$work/converted"
    timeout 20 "$capture" -q -r "$input" -o "$work/converted" --rotate-packets 400 2>"$work/err" || fail "$input: $(cat "$work/err")"
    packets "$work/converted"
    verified "$work/converted" consistent
    case $input in *.zst) zstdcat "$input" >"$work/input.pcapng" ;; *) cp "$input" "$work/input.pcapng" ;; esac
    bytes_of "$work/all.pcapng" "$work/ours.pcap"
    bytes_of "$work/input.pcapng" "$work/theirs.pcap"
    cmp "$work/ours.pcap" "$work/theirs.pcap" || fail "$input changed"
done
# a journal of a conversion counts nothing: it proves no more than the file did
timeout 20 "$capture" -q -r fixtures/case-three/server.pcapng.zst -o "$work/converted-server" 2>"$work/err" || fail "$(cat "$work/err")"
timeout 20 "$capture" -q -r "$work/full.pcap" -o "$work/bare" 2>"$work/err"
run 1 "$work/converted" "$work/converted-server" --json "$work/r.json"
run 3 "$work/bare" "$work/bare" --json "$work/r2.json"
python3 -c "
import json, sys
points = json.load(open('$work/r2.json'))['points']
sys.exit(any(p['capture_drops'] is not None for p in points))" || fail "a converted capture passes for a counted one"
head -c 3000 "$work/full.pcap" >"$work/cut.pcap"
timeout 20 "$capture" -q -r "$work/cut.pcap" -o "$work/cut" 2>"$work/err"
[ $? = 2 ] || fail "a file that breaks off is converted without a word"
verified "$work/cut" consistent
finish
