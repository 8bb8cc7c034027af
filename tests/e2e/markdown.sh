#!/bin/sh
# The text report's other form, filters that tshark understands, and strings of a hostile capture in all that people read.
. tests/e2e/common.sh.inc
c3=fixtures/case-three/client.pcapng.zst s3=fixtures/case-three/server.pcapng.zst

# ---- where it goes ----
run 1 $c3 $s3 --markdown "$work/r.md"
says out '^95 resets left client'
says r.md '^\*\*95 resets left client'
run 1 $c3 $s3 --markdown -
cmp -s "$work/out" "$work/r.md" || fail "another on standard output than in a file"
run 1 $c3 $s3 --markdown - --color always
cmp -s "$work/out" "$work/r.md" || fail "colour in Markdown"
run 2 $c3 $s3 --markdown - --json -
says err "--json and --markdown cannot both go to standard output"
run 2 $c3 $s3 --quiet --markdown /dev/full
says err "cannot write"
run 1 $c3 $s3 --markdown "$work/redacted.md" --redact --verbose
grep -q -e '192\.168\.1\.10' -e case-three "$work/redacted.md" && fail "--redact shows an address or a path"

# ---- the same words: every sentence of the text stands in it ----
for pair in fixtures/*/; do
    [ -e "$pair/truth.ndjson" ] || continue
    timeout 60 "$correlate" "$pair"/client.* "$pair"/server.* --markdown "$work/p.md" >"$work/p.txt"
    what=$pair
    python3 - "$work/p.txt" "$work/p.md" <<'PY' || fail "the two reports differ"
import re, sys
def words(text):
    text = re.sub(r"(?m)^#+ |^- |^```.*$|^\| ---.*$|^\s*\|  \|", " ", text)
    text = re.sub(r"\\(.)", r"\1", text)
    return re.sub(r"[-:\s|*`\[\]]+", "", text)
plain, marked = (words(open(path).read()) for path in sys.argv[1:])
if plain != marked:
    at = next(i for i in range(len(plain)) if plain[i] != marked[i:i + 1])
    print(plain[at - 40:at + 60], "\n", marked[at - 40:at + 60])
sys.exit(plain != marked)
PY
done

# ---- a filter can be copied into tshark, and names the frames that it counts ----
if command -v tshark >/dev/null; then
    for pair in case-three case-two injected altered loss-gro-tso; do
        timeout 60 "$correlate" fixtures/$pair/client.* fixtures/$pair/server.* --verbose --markdown - >"$work/p.md"
        for point in client server; do
            what="a filter of $pair at $point"
            sed -n "s/^- $point: \`\(.*\)\`.*/\1/p" "$work/p.md" | sort -u >"$work/filters"
            [ -s "$work/filters" ] || fail "there is none"
            while read -r filter; do
                wanted=$(echo "$filter" | sed 's/.*{//; s/}//' | tr -d ' ' | tr ',' '\n' |
                    awk -F'[.][.]' '{for (n = $1; n <= (NF == 2 ? $2 : $1); n++) print n}' | sort -un)
                shown=$(tshark -r fixtures/$pair/$point.pcapng.zst -Y "$filter" -T fields -e frame.number 2>/dev/null </dev/null)
                [ -n "$wanted" ] && [ "$wanted" = "$shown" ] || fail "$filter shows frames $shown"
            done <"$work/filters"
        done
    done
fi

# ---- hostile strings: the interface's name, its description and filter, comments, the file's name, a journal's ----
zstd -dcq $c3 >"$work/plain.pcapng"
evil="$work/$(printf 'a`@root` <img src=x> [l](http:\\\\e.example) **b** |\033]0;pwned\007\n# x\342\200\256')"
mkdir "$evil"
cp $s3 "$evil/server.pcapng.zst"
python3 tests/e2e/hostile.py "$work/plain.pcapng" "$evil/client.pcapng" || fail "no hostile capture"
printf '{"type":"start","schema":"twopoint-journal/1","point":"\\u001b[31m<b>@root","time":"x"}\n\033[31m<b>@root`\n' \
    >"$evil/server.journal.ndjson"
run 1 "$evil/client.pcapng" "$evil/server.pcapng.zst" --verbose --markdown "$work/e.md" --json "$work/r.json" \
    --pcapng "$work/e.pcapng"
python3 - "$work/out" "$work/err" "$work/e.md" <<'PY' || fail "something hostile came through"
import re, sys
bad = 0
for path in sys.argv[1:]:
    raw = open(path, "rb").read()
    text = raw.decode("utf-8")
    controls = sorted({c for c in text if ord(c) < 32 and c != "\n" or ord(c) == 127 or c in "\u202e\u200b"})
    if controls:
        print(path, "has", controls)
        bad = 1
    if path.endswith(".md"):
        outside = re.sub(r"`[^`\n]*`", "", re.sub(r"(?ms)^```text\n.*?^```$", "", text))
        for found in re.findall(r"(?<!\\)<\w|(?<!\\)@\w|(?<!\\)\]\(|\w://", outside):
            print(path, "has", found)
            bad = 1
    if not re.search(r"pwned", text):
        print(path, "does not name the hostile file at all")
        bad = 1
sys.exit(bad)
PY
grep -q '^# ' "$work/e.md" && fail "a line of Markdown became a heading"
if command -v tshark >/dev/null; then
    what="the merged file of a hostile capture"
    [ "$(tshark -r "$work/e.pcapng" -Y 'frame.comment contains "lost"' 2>/dev/null | wc -l)" = 95 ] || fail "not 95 lost"
    [ "$(tshark -r "$work/e.pcapng" -Y 'frame.comment contains "pwned"' 2>/dev/null | wc -l)" = 0 ] || fail "a foreign comment"
    capinfos "$work/e.pcapng" 2>/dev/null | grep -qF '\x1B]0;pwned' || fail "the description is not escaped"
fi
finish
