#!/bin/sh
# docs/tutorial.md: its commands, run as they stand there, and what it shows against what comes out.
#   tutorial.sh --regenerate BUILD    put what comes out into the document, and its picture
regenerate=
[ "$1" = --regenerate ] && { regenerate=$1; shift; }
. tests/e2e/common.sh.inc
for tool in tshark jq curl ss nstat; do
    command -v $tool >/dev/null || skip "needs $tool"
done
timeout 300 python3 tests/e2e/tutorial.py $regenerate "$1" docs/tutorial.md || exit $?
[ -n "$regenerate" ] || finish
build=$(cd "$1" && pwd)
node tests/e2e/page/picture.js "$build/node/node_modules" "$(command -v chromium)" "$build/tutorial/report.html" "$work/page.png" &&
    pngquant --force --output docs/tutorial-page.png 64 "$work/page.png"
