#!/bin/sh
# Style and static checks. Every one of them runs over every file; the script fails when any of them found something.
#   tests/lint.sh 'SOURCES' 'HEADERS' VERSION
set -u
sources=$1 headers=$2 version=$3
bad=0
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
flags="-std=c11 -D_POSIX_C_SOURCE=200809L -I. -DTWOPOINT_VERSION='\"$version\"'"
warnings='-Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wwrite-strings -Wvla -Wno-unused-parameter'
# Of clang-tidy's checks of this family, those left out cry at what is meant: arithmetic of widths that the wire gives,
# arguments of one type, strcmp as a truth value, reallocation by sizeof *pointer, keys that are no strings. A function
# may have 80 lines.
tidy='-*,bugprone-*,readability-function-size,-bugprone-easily-swappable-parameters,-bugprone-narrowing-conversions,-bugprone-implicit-widening-of-multiplication-result,-bugprone-reserved-identifier,-bugprone-macro-parentheses,-bugprone-branch-clone,-bugprone-assignment-in-if-condition,-bugprone-suspicious-include,-bugprone-not-null-terminated-result,-bugprone-sizeof-expression,-bugprone-suspicious-string-compare'
options='{CheckOptions: [{key: readability-function-size.LineThreshold, value: "80"}]}'

step() {
    name=$1
    shift
    if "$@" >"$tmp/log" 2>&1; then
        echo "  ok    $name"
    else
        echo "  FAIL  $name"
        grep -v 'warnings\{0,1\} generated' "$tmp/log" | head -n 60
        bad=1
    fi
}
no_banned() {
    ! grep -nE '\b(strcpy|strcat|sprintf|vsprintf|strtok|atoi|atol|localtime|gmtime|gets|system|popen)\(' $sources $headers
}
no_long_file() {
    wc -l $sources $headers | awk '$2 != "total" && $1 > 500 {print $2 ": " $1 " lines"; n++} END {exit n > 0}'
}
no_dead_target() { # a name that .PHONY lists without a rule is one that make takes and does nothing for
    for target in $(sed -n 's/^\.PHONY: //p' Makefile); do
        grep -qE "^$target:" Makefile || { echo "Makefile: no rule for $target"; dead=1; }
    done
    [ -z "${dead:-}" ]
}
each() { # command: for all sources, two at a time
    printf '%s\n' $sources | xargs -P 2 -n 8 sh -c "status=0; for f; do $1 || status=1; done; exit \$status" each
}
# shellcheck disable=SC2086
{
    step "clang-format" clang-format --dry-run -Werror $sources $headers
    step "banned calls" no_banned
    step "files of at most 500 lines" no_long_file
    step "a rule for every target" no_dead_target
    step "gcc -Werror" each "gcc $flags -O1 -pthread -fsyntax-only $warnings -Werror \"\$f\""
    step "clang -Werror" each "clang $flags -O1 -pthread -fsyntax-only $warnings -Werror \"\$f\""
    # nullPointerRedundantCheck: libcheck's ck_assert_ptr_nonnull ends the test. memleakOnRealloc: `array` there is a
    # copy of the caller's pointer, which stays valid and is freed by him.
    step "cppcheck" cppcheck -q -j2 --std=c11 --enable=warning,portability --inline-suppr --error-exitcode=1 \
        --suppress=missingIncludeSystem --suppress=nullPointerRedundantCheck \
        '--suppress=memleakOnRealloc:correlate/assemble.c' '--suppress=memleakOnRealloc:correlate/load*.c' -I. $sources
    step "clang-tidy" each "clang-tidy --quiet -p none --checks='$tidy' --config='$options' --warnings-as-errors='*' \"\$f\" -- $flags"
    step "man pages" mandoc -Tlint -Wwarning docs/*.1
}
[ "$bad" = 0 ]
