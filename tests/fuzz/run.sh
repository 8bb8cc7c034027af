#!/bin/sh
# Run every fuzzer for SECONDS over its committed seeds; what it finds beyond them stays in BUILD.
#   tests/fuzz/run.sh FOLDER-OF-FUZZERS SECONDS
set -u
bad=0
for f in "$1"/fuzz_*; do
    [ -x "$f" ] || continue
    name=$(basename "$f") kind=${f##*fuzz_}
    mkdir -p "$1/corpus/$kind"
    if "$f" -max_total_time="$2" -timeout=20 -rss_limit_mb=3000 -print_final_stats=1 -artifact_prefix="$1/$name-" \
        "$1/corpus/$kind" "tests/fuzz/seeds/$kind" >"$1/$name.log" 2>&1; then
        echo "  ok    $name $(sed -n 's/.*number_of_executed_units: */runs /p' "$1/$name.log")"
    else
        echo "  FAIL  $name, see $1/$name.log"
        tail -n 20 "$1/$name.log"
        bad=1
    fi
done
[ "$bad" = 0 ]
