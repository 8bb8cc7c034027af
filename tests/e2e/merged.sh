#!/bin/sh
# The merged capture: what Wireshark's tools show of it, and what we say of it ourselves.
. tests/e2e/common.sh.inc
c3=fixtures/case-three/client.pcapng.zst s3=fixtures/case-three/server.pcapng.zst
m=$work/m.pcapng
for tool in tshark capinfos editcap; do
    command -v $tool >/dev/null || skip "$tool is not installed"
done

# merge STATUS POINT POINT ARGUMENT...: correlate and merge, look at the merged file, and correlate that again
merge() {
    run "$@" --quiet --names client,server --pcapng "$m" --events "$work/e.ndjson" || return 1
    silent out
    python3 tests/e2e/check_merged.py "$m" "$work/e.ndjson" >"$work/seen" 2>&1 || { fail "tshark shows something else"; cat "$work/seen"; }
    capinfos "$m" >"$work/info" 2>"$work/err" || fail "capinfos refuses it"
    grep -v "^Running as user" "$work/err" && fail "capinfos complains"
    again=$what
    run "$1" "$m#client" "$m#server" --quiet --names client,server --events "$work/e2.ndjson"
    silent err
    what="$again, correlated again"
    python3 tests/e2e/same_events.py "$work/e.ndjson" "$work/e2.ndjson" || fail "other events"
}

# ---- every shipped pair ----
for truth in fixtures/*/truth.ndjson; do
    pair=${truth%/*}
    timeout 60 "$correlate" "$pair"/client.* "$pair"/server.* --quiet
    merge $? "$pair"/client.* "$pair"/server.*
done

# ---- what is in it ----
merge 1 $c3 $s3
says info 'Number of packets: +1915'
says info 'Name = client'
says info 'Name = server'
says info 'Capture comment: +95 resets left client'
says info 'Strict time order: +True'
says info 'Number of stat entries = [1-9]'
tshark -r "$m" -Y 'frame.comment contains "lost"' -T fields -e frame.interface_name -e tcp.flags.reset 2>/dev/null |
    sort | uniq -c | grep -q '^ *95 client	\(1\|True\)$' || fail "not 95 resets of the client have a comment of loss"
tshark -r "$m" -Y 'frame.comment' -T fields -e frame.comment 2>/dev/null |
    grep -q '^lost client > server, proven: .*In its own file: client frame 147; event 1$' || fail "the first comment"

# ---- through zstd, one frame with a checksum; to standard output ----
run 1 $c3 $s3 --quiet --pcapng "$work/z.pcapng.zst"
zstd -tq "$work/z.pcapng.zst" || fail "zstd -t"
zstd -lv "$work/z.pcapng.zst" 2>&1 | grep -q 'XXH64' || fail "no checksum"
zstd -dcq "$work/z.pcapng.zst" | cmp -s - "$m" || fail "the compressed one is another"
timeout 60 "$correlate" $c3 $s3 --pcapng - 2>"$work/err" | cmp -s - "$m" || fail "standard output is another"
silent err
run 1 $c3 $s3 --quiet --pcapng "$work/one.pcapng" --threads 1
cmp -s "$work/one.pcapng" "$m" || fail "one thread writes another"
what="the merged pair from standard input"
timeout 60 "$correlate" $c3 - --quiet --pcapng "$work/piped.pcapng" <$s3
[ "$(tshark -r "$work/piped.pcapng" 2>/dev/null | wc -l)" = 1915 ] || fail "not 1915 packets"

# ---- a point of several files, of two link types, one of them cut ----
mkdir "$work/c"
zstd -dcq fixtures/loss-nat-offload/client.pcapng.zst >"$work/all.pcapng"
editcap -c 100 "$work/all.pcapng" "$work/c/part.pcapng"
for part in "$work"/c/*_0000[13]_*; do
    editcap -C 14 -L -T rawip "$part" "$part.raw" && rm "$part"
done
merge 1 "$work/c" fixtures/loss-nat-offload/server.pcapng.zst
says info 'Number of interfaces in file: 3'
says info 'Encapsulation = Raw IP'
says info 'and [1-9] more'
zstd -dcq $s3 | head -c 60000 >"$work/cut.pcapng"
run 1 $c3 "$work/cut.pcapng" --quiet --pcapng "$m"
says err "cut.pcapng: .*(ends|cut|breaks)"
capinfos "$m" >"$work/info" 2>&1 || fail "capinfos refuses the merged file of a cut one"
run 1 "$m#client" "$m#server" --quiet
silent err

# ---- what the captures did not record is not taken for lost when the merged file is read again ----
for words in loss,thin-server,counted loss,early-server drift,step,loss one-way,loss late-client,loss,us,pcap; do
    "$generate" --out "$work/g" --seed 4 --scenario "$words" >/dev/null || fail "generate $words"
    timeout 60 "$correlate" "$work"/g/client.* "$work"/g/server.* --quiet
    case $words in
    *step*) run $? "$work"/g/client.* "$work"/g/server.* --quiet --pcapng "$m" ;; # connections near a step may be in another order
    *) merge $? "$work"/g/client.* "$work"/g/server.* ;;
    esac
    rm -rf "$work/g"
done
mkdir "$work/gap"
editcap -r "$work/all.pcapng" "$work/gap/1.pcapng" 1-100
editcap "$work/all.pcapng" "$work/gap/2.pcapng" 1-345
run 1 "$work/gap" fixtures/loss-nat-offload/server.pcapng.zst --quiet --names client,server --pcapng "$m" --events "$work/e.ndjson"
run 1 "$m#client" "$m#server" --quiet --names client,server --events "$work/e2.ndjson"
python3 - "$work/e.ndjson" "$work/e2.ndjson" <<'PY' || fail "a gap between files became a loss"
import collections, json, sys
def count(path):
    events = [e for e in map(json.loads, open(path)) if e["event"] != "header"]
    return collections.Counter((e["event"], e["level"], e["reason"] and e["reason"].replace("capture-losing-packets", "gap"))
                               for e in events)
first, again = count(sys.argv[1]), count(sys.argv[2])
sys.exit(first != again or not first["unresolved", "undecided", "gap"])
PY

# ---- of a filtered comparison, the connections that were kept ----
run 1 $c3 $s3 --quiet --filter 'tcp port 443' --pcapng "$m"
[ "$(tshark -r "$m" -Y 'tcp and not tcp.port == 443' 2>/dev/null | wc -l)" = 0 ] || fail "others are in it"
[ "$(tshark -r "$m" -Y 'frame.comment contains "lost"' 2>/dev/null | wc -l)" = 95 ] || fail "not 95 lost"

# ---- refused, or not to be written ----
run 2 $c3 $s3 --redact --pcapng "$work/no.pcapng"
says err "--redact and --pcapng contradict"
[ ! -e "$work/no.pcapng" ] || fail "it was written all the same"
run 2 $c3 $s3 --pcapng - --json -
says err "--json and --pcapng cannot both go to standard output"
run 2 $c3 $s3 --pcapng "$work/x" --events "$work/x"
says err "--events and --pcapng name the same file"
for full in /dev/full "$work/no/such/folder"; do
    run 2 $c3 $s3 --quiet --pcapng "$full"
    says err "cannot write"
done
cp $s3 "$work/own.pcapng.zst"
for option in --pcapng --json --events; do
    run 2 $c3 "$work/own.pcapng.zst" --quiet $option "$work/own.pcapng.zst"
    says err "own.pcapng.zst: it is one of the captures"
    cmp -s $s3 "$work/own.pcapng.zst" || fail "the capture was overwritten"
done
if [ "$(id -u)" = 0 ] && mkdir "$work/small" && mount -t tmpfs -o size=16k none "$work/small" 2>/dev/null; then
    run 2 $c3 $s3 --quiet --pcapng "$work/small/m.pcapng"
    says err "No space left"
    [ -z "$(ls "$work/small")" ] || fail "something is left on the full disk"
    umount "$work/small"
fi
finish
