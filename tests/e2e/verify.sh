#!/bin/sh
# Capture sets on disk: what is written can be read by everybody, and what was changed afterwards is found.
#   tests/e2e/verify.sh BUILD [KILLS [SEED]]
. tests/e2e/common.sh.inc
verify=$1/twopoint-verify write=$1/e2e/write_set flip=$1/e2e/flip_set
kills=${2:-100} seed=${3:-1}

state() { # wanted state, exit status, arguments of twopoint-verify...
    wanted_state=$1 wanted=$2
    shift 2
    timeout 60 "$verify" "$@" >"$work/out" 2>"$work/err"
    status=$?
    last=$(tail -n 1 "$work/out")
    [ "$status" = "$wanted" ] && [ "$last" = "$wanted_state" ] && return
    fail "$last and exit status $status, not $wanted_state and $wanted"
    head -n 8 "$work/out" "$work/err"
}
made() { # folder, options of write_set: a set of its own
    rm -rf "${work:?}/$1" && mkdir "$work/$1" && folder=$work/$1
    shift
    "$write" "$folder" "$@" >"$work/written" 2>&1 || fail "write_set: $(cat "$work/written")"
}
again() { rm -rf "$work/set" && cp -a "$work/origin" "$work/set"; } # a fresh copy to be harmed
nth() { ls "$work/set" | grep "$2\$" | sed -n "$1p" | sed "s|^|$work/set/|"; } # path of the n-th file with this ending
size() { stat -c %s "$1"; }

# ---- others read it ----
what="a set of three files"
made origin --files 3 --chunks 4 --packets 200
state consistent 0 "$folder"
python3 tests/validate.py journal "$folder"/*.ndjson || fail "the journals break their schema"
for f in "$folder"/*.zst; do
    zstd -qt "$f" || fail "zstd -t"
    [ "$(zstd -lv "$f" 2>/dev/null | sed -n 's/.*Zstandard Frames: //p')" = 1 ] || fail "not one frame"
    zstd -lv "$f" 2>/dev/null | grep -q 'Check: XXH64' || fail "no checksum"
    [ "$(tshark -r "$f" -T fields -e frame.number 2>/dev/null | wc -l)" = 800 ] || fail "tshark does not count 800 frames"
    [ "$(zstdcat "$f" | tcpdump -nr - 2>/dev/null | wc -l)" = 800 ] || fail "tcpdump does not count 800 packets"
    capinfos -Mc "$f" 2>/dev/null | grep -q 'packets: *800$' || fail "capinfos does not count 800 packets"
done
for f in "$folder"/*.zst; do state consistent 0 "$f"; done
run 3 "$folder" "$folder"
what="what cannot be verified"
mkdir "$work/empty"
for arguments in "$work/empty" "$work/nothing" "--pubkey $work/nothing $folder" "--pubkey" "--wrong $folder" "" "a b"; do
    timeout 60 "$verify" $arguments >"$work/out" 2>"$work/err"
    [ $? = 2 ] || fail "exit status $? of \"$arguments\""
    [ -s "$work/err" ] || fail "not a word about \"$arguments\""
done
"$verify" --help | grep -q '^Usage: twopoint-verify' || fail "--help"
"$verify" --version | grep -q '^twopoint-verify [0-9]' || fail "--version"

# ---- what was changed ----
what="truncated packets"
again && truncate -s -1 "$(nth 3 .zst)" && state broken 1 "$work/set"
again && truncate -s 0 "$(nth 1 .zst)" && state broken 1 "$work/set"
what="bytes appended"
again && echo >>"$(nth 2 .zst)" && state broken 1 "$work/set"
again && echo >>"$(nth 2 .ndjson)" && state broken 1 "$work/set"
what="truncated journal"
again && truncate -s -1 "$(nth 3 .ndjson)" && state broken 1 "$work/set"
again && truncate -s 100 "$(nth 2 .ndjson)" && state broken 1 "$work/set"
for k in 1 2 3; do
    what="file $k removed"
    again && rm "$(nth $k .zst)" "$(nth $k .ndjson)" && state broken 1 "$work/set"
    says out 'number [123] of its run, is missing'
    what="packets of file $k removed"
    again && rm "$(nth $k .zst)" && state broken 1 "$work/set"
    says out 'its packets are missing'
    what="journal of file $k removed"
    again && rm "$(nth $k .ndjson)" && state absent 1 "$work/set"
done
what="two files exchanged"
again && mv "$(nth 1 .zst)" "$work/x" && mv "$(nth 2 .zst)" "$(nth 1 .ndjson | sed 's/journal.ndjson/pcapng.zst/')" &&
    mv "$work/x" "$(nth 2 .ndjson | sed 's/journal.ndjson/pcapng.zst/')" && state broken 1 "$work/set"
what="a journal that cannot be read"
again && ln -s "$work/nothing" "$work/set/x.journal.ndjson" && : >"$work/set/x.pcapng.zst" && state broken 2 "$work/set"
what="a file twice"
again && cp "$(nth 2 .zst)" "$work/set/copy.pcapng.zst" && cp "$(nth 2 .ndjson)" "$work/set/copy.journal.ndjson" &&
    state broken 1 "$work/set"
lines=$(python3 tests/e2e/tamper.py count "$work/origin"/*0002.journal.ndjson x)
for k in $(seq "$lines"); do
    what="line $k of $lines removed"
    again && python3 tests/e2e/tamper.py remove "$(nth 2 .ndjson)" x "$k" && state broken 1 "$work/set"
    [ "$k" = "$lines" ] && break
    what="lines $k and $((k + 1)) exchanged"
    again && python3 tests/e2e/tamper.py swap "$(nth 2 .ndjson)" x "$k" && state broken 1 "$work/set"
done
what="every bit"
made bits --files 1 --chunks 1 --packets 2
"$flip" "$folder" >"$work/out" 2>&1 || fail "$(tail -n 5 "$work/out")"
cat "$work/out"

# ---- keys ----
"$write" --keygen "$work/key" "$work/pub" && "$write" --keygen "$work/other" "$work/other.pub" || fail "keygen"
[ "$(stat -c %a "$work/key" "$work/pub" | tr '\n' ' ')" = "600 644 " ] || fail "modes of the keys"
openssl pkey -in "$work/key" -pubout 2>/dev/null | cmp -s - "$work/pub" || fail "OpenSSL makes another public key of it"
what="a signed set"
made origin --files 2 --chunks 2 --packets 20 --sign "$work/key"
state authentic 0 --pubkey "$work/pub" "$folder"
state consistent 0 "$folder"
state broken 1 --pubkey="$work/other.pub" "$folder"
says out 'another key'
python3 tests/validate.py journal "$folder"/*.ndjson || fail "the journals break their schema"
what="the report's states"
run 3 "$folder" "$folder" --pubkey client="$work/pub" --pubkey server="$work/other.pub"
says out 'journal: authentic'
says out 'journal: broken, line 1: it is signed with another key'
run 3 "$folder" "$folder" --json "$work/r.json"
says out 'journal: consistent'
run 2 "$folder" "$folder" --pubkey client="$work/nothing"
says err 'No such file'
what="a rewritten chain"
made origin --files 1 --chunks 2 --packets 20 --sign "$work/key"
again && python3 tests/e2e/tamper.py forge "$(nth 1 .ndjson)" "$(nth 1 .zst)"
state consistent 0 "$work/set"
state broken 1 --pubkey "$work/pub" "$work/set"
says out 'not signed'
what="a forged signature"
again && python3 tests/e2e/tamper.py forge-named "$(nth 1 .ndjson)" "$(nth 1 .zst)" "$work/other"
state broken 1 "$work/set"
state broken 1 --pubkey "$work/pub" "$work/set"
says out 'signature does not hold'
what="every bit of a signed set"
made bits --files 1 --chunks 1 --packets 2 --sign "$work/key"
"$flip" "$folder" "$work/pub" >"$work/out" 2>&1 || fail "$(tail -n 5 "$work/out")"
cat "$work/out"

# ---- the ring ----
what="a ring of three files"
made origin --files 7 --chunks 1 --packets 5 --ring 3
[ "$(ls "$folder" | wc -l)" = 6 ] || fail "there are $(ls "$folder")"
state consistent 0 "$folder"
what="the oldest of a ring removed"
again && rm "$(nth 1 .zst)" "$(nth 1 .ndjson)" && state broken 1 "$work/set"
what="a ring that keeps a file"
made origin --files 12 --chunks 1 --packets 5 --ring 3 --keep 4
ls "$folder" | grep -q 'eth0-0004' || fail "file 4 was not kept"
state consistent 0 "$folder"
what="the kept file removed"
again && rm "$(nth 1 .zst)" "$(nth 1 .ndjson)" && state broken 1 "$work/set"

# ---- a crash ----
what="unended"
made origin --files 2 --chunks 2 --packets 20 --unended
state incomplete 1 "$folder"
what="recovered"
again && "$write" "$work/set" --recover --interface eth1 >"$work/out" || fail "recovery failed"
says out '^recovered .*-0002.pcapng.zst kept [0-9]+ cut 0'
state incomplete 0 "$work/set"
for f in "$work"/set/*.zst; do zstd -qt "$f" || fail "zstd -t"; done
what="the end of a recovered file cut off at a chunk, frame and journal in order"
python3 - "$work/set" <<'P' || fail "no harm done"
import json, pathlib, subprocess, sys
folder = pathlib.Path(sys.argv[1])
journal, = folder.glob("*eth0-0002.journal.ndjson")
lines = journal.read_bytes().splitlines(keepends=True)
last = max(i for i, line in enumerate(lines) if json.loads(line)["type"] == "chunk")
before = max(i for i, line in enumerate(lines[:last]) if json.loads(line)["type"] == "chunk")
journal.write_bytes(b"".join(lines[:before + 1]))
packets, = folder.glob("*eth0-0002.pcapng.zst")
raw = packets.read_bytes()[:json.loads(lines[before])["to"]] + b"\1\0\0"
for name in (journal, packets):  # as a crash leaves them: the recovery writes the right checksum
    name.rename(f"{name}.part")
pathlib.Path(f"{packets}.part").write_bytes(raw[:-3])
P
"$write" "$work/set" --recover --interface eth2 >"$work/out" || fail "recovery failed"
state broken 1 "$work/set"
says out 'bytes of its packets were kept, not'
what="every bit of a recovered set"
made bits --files 1 --chunks 1 --packets 1 --unended
"$write" "$folder" --recover --files 1 --chunks 0 --interface eth1 >/dev/null || fail "recovery failed"
"$flip" "$folder" >"$work/out" 2>&1 || fail "$(tail -n 5 "$work/out")"
cat "$work/out"
what="a run that lives"
mkdir "$work/live"
"$write" "$work/live" --chunks 1000000 --packets 5 --forever >"$work/ready" &
living=$!
for _ in $(seq 100); do [ -s "$work/ready" ] && break; sleep 0.05; done
"$write" "$work/live" --recover --interface eth1 >"$work/out" || fail "recovery failed"
grep -q recovered "$work/out" && fail "it took the living run's file: $(cat "$work/out")"
ls "$work/live" | grep -q 'eth0-0001.pcapng.zst.part' || fail "the living run's file is gone"
kill -9 "$living"
wait "$living" 2>/dev/null
"$write" "$work/live" --recover --interface eth2 >"$work/out" || fail "recovery failed"
says out '^recovered .*eth0-0001'
state incomplete 0 "$work/live"

# ---- killed, again and again ----
what="killed"
mkdir "$work/killed" "$work/ringed"
python3 tests/e2e/kill_set.py "$verify" "$work/killed" "$kills" 0.15 "$seed" \
    "$write" "$work/killed" --recover --chunks 3 --packets 100 -- --forever >"$work/out" 2>&1 ||
    fail "$(cat "$work/out")"
cat "$work/out"
for f in $(ls "$work"/killed/*.zst | sed -n '1p;$p'); do
    tshark -r "$f" >/dev/null 2>"$work/err" || fail "tshark cannot read $f: $(cat "$work/err")"
    capinfos "$f" >/dev/null 2>"$work/err" || fail "capinfos cannot read $f: $(cat "$work/err")"
done
what="killed, with a ring and a key"
python3 tests/e2e/kill_set.py "$verify" "$work/ringed" "$((kills / 4))" 0.15 "$seed" \
    "$write" "$work/ringed" --recover --chunks 2 --packets 50 --ring 3 --sign "$work/key" -- --forever >"$work/out" 2>&1 ||
    fail "$(cat "$work/out")"
cat "$work/out"
finish
