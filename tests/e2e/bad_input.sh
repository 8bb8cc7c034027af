#!/bin/sh
# Whatever is given: a clear message, the right exit status, and what could be read is reported. Never a crash.
. tests/e2e/common.sh.inc
c3=fixtures/case-three/client.pcapng.zst s3=fixtures/case-three/server.pcapng.zst

# What of two files may come out of anything: a verdict or a refusal with a message, but no crash and no hang.
survives() {
    what="$*"
    timeout 60 "$correlate" "$@" --quiet --json "$work/r.json" --events "$work/e.ndjson" >"$work/out" 2>"$work/err"
    status=$?
    case $status in
    0 | 1 | 3) ;;
    2) [ -s "$work/err" ] || fail "refused without a word" ;;
    *) fail "ended with status $status"; head -n 20 "$work/err" ;;
    esac
}

# ---- files that are no captures ----
: >"$work/empty"
echo "this is no capture, it is a text that someone mistook for one" >"$work/text.pcap"
head -c 100000 /dev/zero >"$work/zeros"
zstd -q -o "$work/text.zst" <"$work/text.pcap"
for bad_file in empty text.pcap zeros text.zst; do
    run 2 "$work/$bad_file" $s3
    says err "$bad_file"
    silent out
done
ln -s /nowhere "$work/dangling"
run 2 "$work/dangling" $s3
says err "dangling: No such file"
mkdir "$work/empty-folder"
run 2 "$work/empty-folder" $s3
says err "holds no file"
cp "$c3" "$work/locked"
chmod 0 "$work/locked"
if [ "$(id -u)" = 0 ]; then
    what="a file that may not be read"
    setpriv --reuid=65534 --clear-groups true 2>/dev/null && chmod 755 "$work" &&
        setpriv --reuid=65534 --clear-groups "$(readlink -f "$correlate")" "$work/locked" "$PWD/$s3" >"$work/out" 2>"$work/err"
    [ $? = 126 ] || says err "locked: Permission denied|failed to execute"
else
    run 2 "$work/locked" $s3
    says err "locked: Permission denied"
fi

# ---- a folder with a foreign file in it: passed over, and said so ----
mkdir "$work/folder"
cp $c3 "$work/folder/"
cp "$work/text.pcap" "$work/folder/notes.txt"
run 1 "$work/folder" $s3 --events "$work/e.ndjson" --json "$work/r.json"
says err "notes.txt"
expect 'count("lost") == 95'

# ---- a link type that nobody knows: read, counted and named ----
zstd -dcq $c3 >"$work/whole.pcapng"
python3 - "$work/whole.pcapng" "$work/linktype.pcapng" <<'PY'
import struct, sys
data = bytearray(open(sys.argv[1], "rb").read())
at = 0
while at + 12 <= len(data):
    kind, length = struct.unpack_from("<II", data, at)
    if kind == 1:
        struct.pack_into("<H", data, at + 8, 147)
    at += length
open(sys.argv[2], "wb").write(data)
PY
run 3 "$work/linktype.pcapng" $s3 --json "$work/r.json"
expect 'any("link type" in reason for reason in r["points"][0]["undecoded"])'

# ---- captures that have nothing to do with each other, twice the same, the wrong way round, at other times ----
run 3 fixtures/clean/client.pcapng.zst $s3 --json "$work/r.json" --events "$work/e.ndjson"
expect 'r["summary"]["compared"] == 0' 'not [e for e in events if e["level"] == "proven"]'
run 3 $c3 $c3
says out "same"
cp $c3 "$work/copy.pcapng.zst"
run 3 $c3 "$work/copy.pcapng.zst"
says out "same"
run 1 $s3 $c3 --json "$work/r.json" --events "$work/e.ndjson"
expect 'finding("points-swapped")' 'count("lost") == 95' 'all(e["from"] == "server" for e in events if e["event"] == "lost")'
editcap -F pcapng -c 480 "$work/whole.pcapng" "$work/half.pcapng" && {
    zstd -dcq $s3 >"$work/server.pcapng"
    editcap -F pcapng -c 480 "$work/server.pcapng" "$work/later.pcapng"
    first=$(ls "$work"/half_00000_* | head -n 1)
    last=$(ls "$work"/later_0000[1-9]_* | tail -n 1)
    run 3 "$first" "$last" --json "$work/r.json" --events "$work/e.ndjson"
    expect 'count("lost") + count("injected") == 0'
}

# ---- cut anywhere: read as far as it goes, and never a loss of what the file no longer holds ----
size=$(wc -c <"$work/whole.pcapng") packed=$(wc -c <$s3)
zstd -dcq $s3 >"$work/server.pcapng"
for k in $(seq 1 30); do
    head -c $((size * k * 997 / 30000)) "$work/whole.pcapng" >"$work/cut.pcapng"
    survives "$work/cut.pcapng" "$work/server.pcapng"
    [ $status = 2 ] || expect 'count("injected", "proven") == 0'
    head -c $((packed * k * 997 / 30000)) $s3 >"$work/cut.zst"
    survives $c3 "$work/cut.zst"
    [ $status = 2 ] || expect 'all("RST" in e["flags"] for e in events if e["event"] == "lost")'
done
head -c $((size * 2 / 3 + 1)) "$work/whole.pcapng" >"$work/cut.pcapng"
survives "$work/cut.pcapng" "$work/server.pcapng"
expect 'r["points"][0]["files"][0]["truncated"]'
says err "cut.pcapng"
printf 'xx' | dd of="$work/cut.pcapng" bs=1 conv=notrunc 2>/dev/null
run 2 "$work/cut.pcapng" "$work/server.pcapng"

# ---- a flipped byte anywhere: in the packets, and within zstd ----
flip() { # from, to, offset
    python3 -c 'import sys
data = bytearray(open(sys.argv[1], "rb").read())
data[int(sys.argv[3]) % len(data)] ^= 0x55
open(sys.argv[2], "wb").write(data)' "$@"
}
for k in $(seq 1 30); do
    flip "$work/server.pcapng" "$work/flipped.pcapng" $((k * 104729))
    survives "$work/whole.pcapng" "$work/flipped.pcapng"
    flip $s3 "$work/flipped.zst" $((k * 104729))
    survives $c3 "$work/flipped.zst"
done
for k in 0 4 8 12 20 28 40 60; do
    flip "$work/server.pcapng" "$work/flipped.pcapng" $k
    survives "$work/whole.pcapng" "$work/flipped.pcapng"
done

# ---- nothing at all on standard input, and a reader that goes away ----
run 2 - $s3
says err "."
"$correlate" $c3 $s3 --verbose 2>"$work/err" | head -n 1 >/dev/null
silent err
finish
