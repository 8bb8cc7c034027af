#!/bin/sh
# Put a package of npm's into a folder, unless it is there in that version: npm.sh FOLDER NAME@VERSION. Without npm or a
# network it says so and that is all: the tests that need it skip.
set -u
folder=$1 name=${2%@*} version=${2##*@}
file=$folder/node_modules/$name/package.json
[ -r "$file" ] && grep -q "\"version\": \"$version\"" "$file" && exit 0
mkdir -p "$folder" || exit 1
command -v npm >/dev/null || { echo "npm is not there: no $name, the page will not be tested in a browser"; exit 0; }
echo "installing: $name@$version"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
timeout 120 npm install --prefix "$folder" --ignore-scripts --no-audit --no-fund --no-save "$name@$version" >"$log" 2>&1 || {
    tail -n 3 "$log"
    echo "$name could not be installed: the page will not be tested in a browser"
}
