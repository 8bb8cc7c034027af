#!/bin/sh
# What is written is what docs/schema says, of every shipped pair and of the real ones.
. tests/e2e/common.sh.inc
python3 -c 'import jsonschema' 2>/dev/null || skip "needs python3-jsonschema"

valid() { # client, server
    what="$1 $2"
    timeout 60 "$correlate" "$1" "$2" --quiet --json "$work/r.json" --events "$work/e.ndjson" || [ $? -ne 2 ] || fail "it did not run"
    python3 tests/validate.py report "$work/r.json" || fail "report.json"
    python3 tests/validate.py events "$work/e.ndjson" || fail "events.ndjson"
}

for truth in fixtures/*/truth.ndjson; do
    pair=${truth%/*}
    valid "$pair"/client.* "$pair"/server.*
done
pairs=../shared/pairs
if [ -d $pairs ]; then
    valid $pairs/slowfile-clientside.pcapng $pairs/slowfile-serverside.pcapng
    valid $pairs/NAT_home_side.pcap $pairs/NAT_ISP_side.pcap
    valid $pairs/proxied-client.pcap $pairs/proxied-server.pcap
    valid $pairs/NAT_home_side.pcap $pairs/proxied-server.pcap
fi
finish
