#!/bin/sh
# Run all tests of a build: every unit test program, then every end-to-end script. Prints one line each and the sum.
#   tests/run.sh [--unit] BUILD
# An end-to-end script gets the build's folder as its argument and says what it did: exit 0 passed, 77 skipped (its last
# line says why), anything else failed.
set -u
only_unit=
[ "$1" = --unit ] && { only_unit=1; shift; }
build=$1
passed=0 failed=0 skipped=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT

for t in "$build"/unit/check_*; do
    [ -x "$t" ] || continue
    case $t in *.d | *.o) continue ;; esac
    CK_DEFAULT_TIMEOUT=120 "$t" >"$log" 2>&1
    status=$?
    checks=$(sed -n 's/.*Checks: \([0-9]*\), Failures: \([0-9]*\), Errors: \([0-9]*\).*/\1 \2 \3/p' "$log" |
        awk '{c += $1; f += $2 + $3} END {print c + 0, f + 0}')
    n=${checks% *} bad=${checks#* }
    [ "$status" != 0 ] && [ "$bad" = 0 ] && bad=1
    [ "$n" = 0 ] && bad=1
    [ "$n" -lt "$bad" ] && n=$bad
    passed=$((passed + n - bad)) failed=$((failed + bad))
    if [ "$bad" = 0 ]; then
        printf '  ok    %-28s %s checks\n' "$(basename "$t")" "$n"
    else
        printf '  FAIL  %-28s %s of %s\n' "$(basename "$t")" "$bad" "$n"
        tail -n 30 "$log"
    fi
done

for t in tests/e2e/*.sh; do
    [ -n "$only_unit" ] && break
    start=$(date +%s)
    sh "$t" "$build" >"$log" 2>&1
    status=$?
    name=$(basename "$t" .sh)
    case $status in
    0) passed=$((passed + 1)); printf '  ok    %-28s %ss\n' "$name" $(($(date +%s) - start)) ;;
    77) skipped=$((skipped + 1)); printf '  skip  %-28s %s\n' "$name" "$(tail -n 1 "$log")" ;;
    *) failed=$((failed + 1)); printf '  FAIL  %-28s status %s\n' "$name" "$status"; tail -n 40 "$log" ;;
    esac
done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
