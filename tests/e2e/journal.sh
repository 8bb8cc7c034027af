#!/bin/sh
# Journals beside the packet files: what they prove, what they take away, and what a broken or missing one is worth.
. tests/e2e/common.sh.inc
pair=fixtures/case-three-uncounted
mkdir "$work/c" "$work/s"
restore() { # packets without journals
    rm -rf "$work"/c/* "$work"/s/*
    zstd -dcq $pair/client.pcapng.zst >"$work/c/one.pcapng"
    zstd -dcq $pair/server.pcapng.zst >"$work/s/one.pcapng"
}
journal() { python3 tests/e2e/write_journal.py "$@" || fail "write_journal.py $*"; }
compare() { # STATUS ARGUMENT...
    status=$1
    shift
    rm -f "$work/r.json" "$work/e.ndjson"
    run "$status" "$work/c" "$work/s" --json "$work/r.json" --events "$work/e.ndjson" "$@"
}

# ---- none ----
restore
compare 1
expect "[f['journal'] for p in r['points'] for f in p['files']] == ['absent', 'absent']" \
    "[p['capture_drops'] for p in r['points']] == [None, None]" "count('lost', 'supported') > 0"

# ---- both whole: every loss is proven, the points have the journals' names ----
journal "$work/c/one.pcapng" --point alpha
journal "$work/s/one.pcapng" --point beta
compare 1
silent err
expect "[f['journal'] for p in r['points'] for f in p['files']] == ['consistent', 'consistent']" \
    "[p['name'] for p in r['points']] == ['alpha', 'beta']" "[p['capture_drops'] for p in r['points']] == [0, 0]" \
    "count('lost') == 99" "count('lost', 'supported') == 0" "count('unresolved') == 0"

# ---- names that cannot be one, or are one and the same ----
journal "$work/c/one.pcapng" --point path
journal "$work/s/one.pcapng" --point 'a b/../c'
compare 1
expect "[p['name'] for p in r['points']] == ['client', 'server']"
journal "$work/c/one.pcapng" --point same
journal "$work/s/one.pcapng" --point same
compare 1
expect "[p['name'] for p in r['points']] == ['client', 'server']"
# what is stated for a name goes to the point that bears it
journal "$work/c/one.pcapng" --point server
journal "$work/s/one.pcapng" --point client
compare 1 --capture-drops client=5
expect "[(p['name'], p['capture_drops']) for p in r['points']] == [('server', 0), ('client', 5)]"

# ---- drops at the receiver while the resets were sent: their absence proves nothing ----
journal "$work/c/one.pcapng"
journal "$work/s/one.pcapng" --point server --drop 1700000145.6,1700000210,200
compare 1
says out "lost 200 packets itself"
expect "r['points'][1]['capture_drops'] == 200" "count('unresolved') > 0" "'capture-missed' in kinds"
# only the end line tells them: they may lie anywhere
journal "$work/s/one.pcapng" --point server --hidden 7
compare 1
expect "r['points'][1]['capture_drops'] == 7" "count('unresolved') > 0"

# ---- the receiver's own card lost some: its capture is whole, the network is not blamed alone ----
journal "$work/s/one.pcapng" --point server --card 1700000145.6,1700000210,5
compare 1
expect "count('lost') == 99" "count('unresolved') == 0" "'host-drop' in kinds" "r['points'][1]['capture_drops'] == 0"

# ---- the agent died: counted up to its last chunk, and not beyond ----
journal "$work/s/one.pcapng" --point server --no-end
compare 1
expect "r['points'][1]['files'][0]['journal'] == 'incomplete'" "r['points'][1]['capture_drops'] is None" \
    "count('lost', 'proven') > 0"

# ---- a flipped bit: broken, said so, and no proof any more ----
journal "$work/s/one.pcapng" --point server
python3 - "$work/s/one.pcapng" <<'PY'
import sys
with open(sys.argv[1], "r+b") as f:
    f.seek(-30, 2)
    byte = f.read(1)
    f.seek(-1, 1)
    f.write(bytes([byte[0] ^ 4]))
PY
compare 1
says err "one.pcapng: its journal is broken"
says out "journal: broken"
expect "r['points'][1]['files'][0]['journal'] == 'broken'" "r['points'][1]['capture_drops'] is None" \
    "count('lost', 'supported') > 0"

# ---- a run of three files, its middle one gone: a gap ----
restore
python3 - "$work/s/one.pcapng" "$work/s" <<'PY'
import struct, sys
data = open(sys.argv[1], "rb").read()
blocks, at = [], 0
while at < len(data):
    kind, length = struct.unpack_from("<II", data, at)
    blocks.append((kind, data[at:at + length]))
    at += length
head = b"".join(b for k, b in blocks if k in (0x0A0D0D0A, 1))
frames = [b for k, b in blocks if k == 6]
third = len(frames) // 3
for i in range(3):
    with open(f"{sys.argv[2]}/run-000{i + 1}.pcapng", "wb") as f:
        f.write(head + b"".join(frames[i * third:(i + 1) * third if i < 2 else None]))
PY
rm "$work/s/one.pcapng"
journal "$work/c/one.pcapng"
journal "$work/s/run-0001.pcapng" "$work/s/run-0002.pcapng" "$work/s/run-0003.pcapng" --point server
compare 1
silent err
expect "len(r['points'][1]['files']) == 3" "'capture-gap' not in kinds" "count('lost', 'supported') == 0" \
    "count('lost') == 99" "r['points'][1]['capture_drops'] == 0"
rm "$work"/s/run-0002*
compare 1
expect "len(r['points'][1]['files']) == 2" "'capture-gap' in kinds" "count('unresolved') > 0"
finish
