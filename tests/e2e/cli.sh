#!/bin/sh
# Every option and every exit status of twopoint-correlate.
. tests/e2e/common.sh.inc
c3=fixtures/case-three/client.pcapng.zst s3=fixtures/case-three/server.pcapng.zst
c0=fixtures/clean/client.pcapng.zst s0=fixtures/clean/server.pcapng.zst
esc=$(printf '\033')

# ---- exit status ----
run 0 $c0 $s0
run 1 $c3 $s3
silent err
run 3 fixtures/proxied/client.pcapng.zst fixtures/proxied/server.pcapng.zst
run 2 $c3 "$work/absent"
says err "absent: No such file"
silent out

# ---- usage errors: 2, a sentence that names the option, the way to help, and nothing on standard output ----
usage() { # pattern, arguments
    pattern=$1
    shift
    run 2 "$@"
    says err "^twopoint-correlate: .*$pattern"
    says err "--help"
    silent out
}
usage "two POINTs are wanted"
usage "two POINTs are wanted" $c3
usage "one too many" $c3 $s3 $c3
usage "no option --what" --what $c3 $s3
usage "no option -x" -x $c3 $s3
usage "empty string" "" $s3
usage "--names: .*two names" --names a $c3 $s3
usage "--names: .*both points" --names a,a $c3 $s3
usage "--names: .*no name" --names 'a b,c' $c3 $s3
usage "--names: .*meaning of its own" --names path,c $c3 $s3
usage "--top: a number" --top many $c3 $s3
usage "--top: a number" --top=-1 $c3 $s3
usage "--color: " --color blue $c3 $s3
usage "--from: .*no time" --from yesterday $c3 $s3
usage "--to: .*no time" --to 2026-13-01T00:00:00Z $c3 $s3
usage "--from is later than --to" --from 2000 --to 1000 $c3 $s3
usage "--fail-on: " --fail-on some $c3 $s3
usage "POINT=N is wanted" --capture-drops 3 $c3 $s3
usage "no point is named" --capture-drops middle=3 $c3 $s3
usage "--capture-drops: a number" --capture-drops client=x $c3 $s3
usage "given twice" --capture-drops client=1 --capture-drops client=2 $c3 $s3
usage "--quiet takes no value" --quiet=yes $c3 $s3
usage "--quiet and --verbose" --quiet --verbose $c3 $s3
usage "cannot both go to standard output" --json - --events - $c3 $s3
usage "same file" --json "$work/x" --events "$work/x" $c3 $s3
usage "both POINTs are standard input" - -
usage "--threads: a number" --threads 0 $c3 $s3
usage "--json wants a value" $c3 $s3 --json
run 2 --filter 'tcp prot 5' $c3 $s3
says err "filter"

# ---- help, version ----
run 0 --help
says out "^Usage: twopoint-correlate"
for option in json events markdown pcapng html names filter from to capture-drops fail-on redact top quiet verbose color threads help version; do
    says out "^  --$option"
done
silent err
run 0 --version
says out '^twopoint-correlate [0-9]+\.[0-9]+\.[0-9]+$'

# ---- the faces ----
run 1 $c3 $s3 --json "$work/r.json" --events "$work/e.ndjson"
says out "[a-z]"
expect 'r["schema"] == "twopoint-report/1"' 'events' 'count("lost") == 95' \
    'any(t["case"] == 3 and t["level"] == "proven" and t["sent_by"] == "client" for t in resets)' \
    'finding("resets-lost")["level"] == "proven"' 'not [e for e in events if e["event"] != "lost"]'
run 1 $c3 $s3 --quiet --json "$work/r.json"
silent out
silent err
run 1 $c3 $s3 --json -
says out '^\{'
python3 -m json.tool "$work/out" >/dev/null || fail "standard output is no JSON"
run 1 --events=- $c3 -- $s3
says out '^\{"event": ?"header"'
[ "$(wc -l <"$work/out")" = 96 ] || fail "95 events and a header wanted"
run 1 $c3 $s3 --html -
says out '^<!DOCTYPE html>'
says out '^</html>'
run 1 $c3 $s3
awk 'length($0) > 80 {exit 1}' "$work/out" || fail "a line has more than 80 columns"
cp "$work/out" "$work/plain"
grep -q "$esc" "$work/plain" && fail "colour where there is no terminal"
run 1 $c3 $s3 --color always
grep -q "$esc" "$work/out" || fail "no colour with --color always"
run 1 $c3 $s3 --color never
cmp -s "$work/out" "$work/plain" || fail "--color never differs from no terminal"
NO_COLOR=1 timeout 60 "$correlate" $c3 $s3 --color always >"$work/out" 2>&1
grep -q "$esc" "$work/out" && fail "colour though NO_COLOR is set"
run 1 $c3 $s3 --threads 1
cmp -s "$work/out" "$work/plain" || fail "one thread finds something else"
run 1 $c3 $s3 --verbose
[ "$(wc -l <"$work/out")" -gt "$(wc -l <"$work/plain")" ] || fail "--verbose says no more"
run 1 $c3 $s3 --top 0
[ "$(wc -l <"$work/out")" -lt "$(wc -l <"$work/plain")" ] || fail "--top 0 says no less"

# ---- what is compared, and under which names ----
run 1 $c3 $s3 --names paris,oslo --json "$work/r.json" --capture-drops oslo=0
says out "paris"
expect '[p["name"] for p in r["points"]] == ["paris", "oslo"]' 'r["points"][1]["capture_drops"] == 0'
port=$(sed -n 's/.*"truth":"connection","connection":1,.*"at_client":\["[0-9.]*:\([0-9]*\)".*/\1/p' fixtures/case-three/truth.ndjson)
run 1 $c3 $s3 --filter "tcp port $port" --json "$work/r.json"
expect 'r["summary"]["connections"] == 1'
run 3 $c3 $s3 --filter "tcp port 1" --json "$work/r.json"
expect 'r["summary"]["connections"] == 0'
run 0 $c3 $s3 --to 2023-11-14T22:15:37Z --json "$work/r.json" --events "$work/e.ndjson"
expect 'not [e for e in events if e["event"] == "lost"]' 'r["window"]["last_ns"] <= 1700000137000000000'
run 3 $c3 $s3 --from 2024-01-01T00:00:00Z
run 1 $c3 $s3 --from 1700000137 --json "$work/r.json"
expect 'r["window"]["first_ns"] >= 1700000137000000000'
c4=fixtures/case-three-uncounted/client.pcapng.zst s4=fixtures/case-three-uncounted/server.pcapng.zst
run 1 $c4 $s4 --capture-drops server=1000 --json "$work/r.json" --events "$work/e.ndjson"
expect 'r["points"][1]["capture_drops"] == 1000' 'count("lost", "proven") == 0'
run 1 $c4 $s4 --fail-on any
run 1 $c3 $s3 --fail-on proven

# ---- redaction: no address or path in any output ----
address=$(sed -n 's/.*"at_client":\["\([0-9.]*\):.*/\1/p' fixtures/case-three/truth.ndjson | head -n 1)
run 1 $c3 $s3 --redact --verbose --json "$work/r.json" --events "$work/e.ndjson" --html "$work/r.html"
grep -qF -e "$address" -e "case-three" "$work/out" "$work/r.json" "$work/e.ndjson" "$work/r.html" && fail "--redact shows $address or a path"
python3 tests/validate.py report "$work/r.json" || fail "the redacted report is not valid"

# ---- points: standard input, one interface of a file, folders ----
what="standard input"
for way in cat "zstd -dc"; do
    $way $s3 | timeout 60 "$correlate" $c3 - --quiet --events "$work/piped.ndjson"
    [ $? = 1 ] || fail "exit status of $way | ... -"
done
run 1 $c3 $s3 --quiet --events "$work/e.ndjson"
cmp -s "$work/e.ndjson" "$work/piped.ndjson" || fail "other events than from the file"
run 1 "$c3#eth0" $s3 --quiet
run 2 "$c3#wlan7" $s3
says err "wlan7"
mkdir "$work/c" "$work/s"
zstd -dcq $c3 >"$work/c/all.pcapng"
cp $s3 "$work/s/"
editcap -c 300 "$work/c/all.pcapng" "$work/c/part.pcapng" 2>/dev/null && rm "$work/c/all.pcapng"
run 1 "$work/c" "$work/s/" --quiet --json "$work/r.json" --events "$work/e.ndjson"
expect 'len(r["points"][0]["files"]) > 1' 'count("lost") == 95' 'not [e for e in events if e["event"] != "lost"]'

# ---- files are written whole or not at all ----
for option in --json --events --html; do
    run 2 $c3 $s3 --quiet $option /dev/full
    says err "/dev/full: cannot write: No space left"
    run 2 $c3 $s3 --quiet $option "$work/no/such/folder"
    says err "cannot write"
done
what="a full standard output"
timeout 60 "$correlate" $c3 $s3 >/dev/full 2>"$work/err"
[ $? = 2 ] || fail "exit status $?"
says err "cannot write"
if [ "$(id -u)" = 0 ] && mkdir "$work/small" && mount -t tmpfs -o size=16k none "$work/small" 2>/dev/null; then
    run 2 $c3 $s3 --quiet --json "$work/small/r.json" --html "$work/small/r.html"
    says err "r.json: cannot write: No space left"
    says err "r.html: cannot write: No space left"
    [ -z "$(ls "$work/small")" ] || fail "something is left on the full disk"
    umount "$work/small"
fi
finish
