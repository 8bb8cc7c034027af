#!/bin/sh
# Style and static checks. Every one of them runs; the script fails when any of them found something.
#   tests/lint.sh 'SOURCES' 'HEADERS' VERSION
set -u
sources=$1 headers=$2 version=$3
bad=0
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
step() {
    name=$1
    shift
    if "$@" >"$tmp/log" 2>&1; then
        echo "  ok    $name"
    else
        echo "  FAIL  $name"
        head -n 40 "$tmp/log"
        bad=1
    fi
}
no_banned() { # tests may start programs
    ! grep -nE '\b(strcpy|strcat|sprintf|vsprintf|strtok|atoi|atol|localtime|gmtime|gets)\(' $sources $headers &&
        ! grep -nE '\b(system|popen)\(' $(echo $sources $headers | tr ' ' '\n' | grep -v '^tests/')
}
no_long_file() {
    wc -l $sources $headers | awk '$2 != "total" && $1 > 500 {print $2 ": " $1 " lines"; n++}
        END {exit n > 0}'
}
compile() { # compiler
    for f in $sources; do
        $1 -std=c11 -D_POSIX_C_SOURCE=200809L -I. -DTWOPOINT_VERSION="\"$version\"" -O1 -pthread -fsyntax-only -Wall -Wextra -Wshadow \
            -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wwrite-strings -Wvla -Wno-unused-parameter -Werror "$f" || return 1
    done
}
# shellcheck disable=SC2086
{
    step "clang-format" clang-format --dry-run -Werror $sources $headers
    step "banned calls" no_banned
    step "no long files" no_long_file
    step "gcc -Werror" compile gcc
    step "clang -Werror" compile clang
    step "cppcheck" cppcheck -q -j2 --std=c11 --enable=warning,portability --inline-suppr --error-exitcode=1 \
        --suppress=missingIncludeSystem --suppress=nullPointerRedundantCheck --suppress=uninitvar \
        --suppress=memleakOnRealloc --suppress=memleak:correlate/compare.c --suppress=memleak:fixtures/generate/queue.c \
        --suppress=unknownMacro --suppress=preprocessorErrorDirective -I. $sources
    step "clang-tidy" clang-tidy --quiet -p none --checks='-*,bugprone-*,-bugprone-easily-swappable-parameters,-bugprone-narrowing-conversions,-bugprone-implicit-widening-of-multiplication-result,-bugprone-reserved-identifier,-bugprone-macro-parentheses,-bugprone-branch-clone,-bugprone-assignment-in-if-condition,-bugprone-suspicious-include,-bugprone-sizeof-expression,-bugprone-suspicious-string-compare,-bugprone-not-null-terminated-result' \
        --warnings-as-errors='*' $sources -- -std=c11 -D_POSIX_C_SOURCE=200809L -I. -DTWOPOINT_VERSION="\"$version\""
    step "man pages" mandoc -Tlint -Wwarning docs/*.1
}
[ "$bad" = 0 ]
