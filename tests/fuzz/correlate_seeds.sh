#!/bin/sh
# Make the seeds of fuzz_correlate anew: small generated pairs, not compressed, so that a mutation hits a field.
#   tests/fuzz/correlate_seeds.sh GENERATE [FOLDER]
set -eu
generate=$1 to=${2:-tests/fuzz/seeds/correlate}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$to"
while read -r name words; do
    rm -rf "$work/pair"
    "$generate" --out "$work/pair" --seed 1 --scenario "$words,headers,alone,bulk=5000"
    python3 -c 'import glob, struct, sys
first, second = (open(glob.glob(sys.argv[1] + f"/{side}.*")[0], "rb").read() for side in ("client", "server"))
open(sys.argv[2], "wb").write(struct.pack(">I", len(first)) + first + second)' "$work/pair" "$to/$name"
done <<PAIRS
case-three case3,connections=1,counted
loss-gro-tso loss-heavy,tso,gro,connections=2
nat-seq-random nat-port,seq-random,scrub,loss,connections=2
injected inject-both,connections=2,ipv6
copies dup,reorder,corrupt,connections=2
blocked case1-blocked,connections=3
proxied proxy,connections=1
thinned thin,loss,no-timestamps,no-sack,id-zero,connections=2,pcap
PAIRS
