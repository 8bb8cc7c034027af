#!/bin/sh
# Write a C source that holds the page's parts: embed.sh FOLDER D3_JS. Fails when D3 is not version 5, or when a part
# holds what would end the element that it stands in.
set -eu
folder=$1 d3=$2
[ -r "$d3" ] || { echo "$d3: not there; D3 5 comes with Debian's node-d3 (make deps), or say D3_JS=FILE" >&2; exit 1; }
head -c 200 "$d3" | grep -q 'd3js.org v5\.' || { echo "$d3: this is not D3 version 5" >&2; exit 1; }
app="time data ui ladder sequence path findings table main"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
{
    echo '(function () {'
    echo '"use strict";'
    for part in $app; do cat "$folder/$part.js"; done
    echo '})();'
} >"$tmp/app"
cp "$d3" "$tmp/d3"
cp "$folder/page.css" "$tmp/style"
cp "$folder/page.html" "$tmp/page"
cp "$folder/d3-licence.txt" "$tmp/licence"
for part in app d3 style licence; do
    if grep -qiE '</(script|style)|<!--' "$tmp/$part" || grep -q "$(printf '\r')" "$tmp/$part"; then
        echo "$part: holds the end of a script or style, the start of a comment, or a carriage return" >&2
        exit 1
    fi
done
echo '#include "correlate/report/html_assets.h"'
for part in page style d3 licence app; do
    echo "static const unsigned char ${part}_bytes[] = {"
    od -An -v -tu1 "$tmp/$part" | sed 's/  */,/g; s/^,//; s/$/,/'
    echo '};'
    echo "const struct html_asset html_asset_$part = {${part}_bytes, sizeof ${part}_bytes};"
done
