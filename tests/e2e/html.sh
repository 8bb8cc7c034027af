#!/bin/sh
# The page in headless Chromium: what it draws against report.json and events.ndjson, how it is used, hostile names, a
# report of 100,000 connections. Pictures and times are kept in BUILD/page. Needs node, chromium and playwright-core.
. tests/e2e/common.sh.inc
build=$(cd "$1" && pwd)
command -v node >/dev/null || skip "needs node"
browser=$(command -v chromium || command -v chromium-browser) || skip "needs chromium"
modules=
for folder in "$build" "$build/.." "$build/../.."; do
    [ -d "$folder/node/node_modules/playwright-core" ] && { modules=$folder/node/node_modules; break; }
done
[ -n "$modules" ] || skip "needs playwright-core (make deps-dev installs it into the build's folder, by npm)"
shots=$build/page
mkdir -p "$shots"

page() { # client, server, name, options
    what="the page of $1"
    client=$1 server=$2 name=$3
    shift 3
    timeout 120 "$correlate" "$client" "$server" --verbose --html "$work/$name.html" --json "$work/$name.json" \
        --events "$work/$name.ndjson" --markdown "$work/$name.md" "$@" >/dev/null || [ $? -ne 2 ] || fail "it did not run"
}

names="case-three case-one-blocked injected altered loss-gro-tso nat-seq-random proxied clean"
for name in $names; do
    page fixtures/$name/client.* fixtures/$name/server.* $name
done
# One that is drawn in part: everything about which there is something to tell is.
what="a long connection"
timeout 120 "$generate" --out "$work/long" --bench packets=100000,connections=1,loss=0.005,plain || fail "no pair"
page "$work"/long/client.* "$work"/long/server.* long
what="what is drawn"
# shellcheck disable=SC2086
timeout 300 node tests/e2e/page/counts.js "$modules" "$browser" "$shots" "$work" long+ $names || fail "see above"

c3=fixtures/case-three/client.pcapng.zst s3=fixtures/case-three/server.pcapng.zst
evil="$work/$(printf '<script>alert(2)<\033[31m\n# `@root` "')"
mkdir "$evil"
zstd -dcq $c3 >"$work/plain.pcapng"
python3 tests/e2e/hostile.py "$work/plain.pcapng" "$evil/<img src=x onerror=alert(1)>.pcapng" || fail "no hostile capture"
cp $s3 "$evil/$(printf 'gnp\342\200\256.pcapng').zst"
printf '{"type":"start","schema":"twopoint-journal/1","point":"<b>\\u001b[31m</script><b>","time":"x"}\n' \
    >"$evil/$(printf 'gnp\342\200\256.journal').ndjson"
page "$evil/<img src=x onerror=alert(1)>.pcapng" "$evil/$(printf 'gnp\342\200\256.pcapng').zst" hostile
page $c3 $s3 redacted --redact

what="a report of 100,000 connections"
timeout 300 "$generate" --out "$work/large" --bench packets=2400000,connections=100000,loss=0.01,plain ||
    fail "the pair could not be made"
timeout 120 "$correlate" "$work"/large/client.* "$work"/large/server.* --html "$work/large.html" >"$work/large.txt" ||
    [ $? -ne 2 ] || fail "it did not run"
rm -r "$work/large"
connections=$(sed -n 's/^  traffic \([0-9,]*\) connections, .*/\1/p' "$work/large.txt")
lost=$(sed -n 's/^  lost  .* \([1-9][0-9,]*\)$/\1/p' "$work/large.txt")
what="the page in use"
timeout 400 node tests/e2e/page/use.js "$modules" "$browser" "$shots" "$work/case-three.html" "$work/hostile.html" \
    "$work/redacted.html" "$work/large.html" "$connections" "$lost" >"$work/used" || fail "see below"
cat "$work/used"
grep '^large:' "$work/used" >"$shots/measured.txt"
finish
