#!/usr/bin/env python3
"""Ask the journals of a capture set: journal_expect.py FOLDER EXPRESSION... Exit status 1 when one is not true.

An expression knows lines (of all files, in order), of(TYPE), files (a list of lists of lines), kernel and queue (sums of
the drops lines), card(NAME), inside(FILE): every stamp that stands in FILE, one a line, lies within a drops line.
"""
import json
import pathlib
import sys


def main(arguments):
    files = [[json.loads(line) for line in path.read_text().splitlines()]
             for path in sorted(pathlib.Path(arguments[0]).glob("*.journal.ndjson"))]
    lines = [line for file in files for line in file]
    of = lambda kind: [line for line in lines if line["type"] == kind]
    drops = of("drops")

    def inside(path, slack=0):
        stamps = [int(float(s[:-9]) * 10**9) + int(s[-9:]) if "." not in s else
                  int(s.split(".")[0]) * 10**9 + int(s.split(".")[1].ljust(9, "0")[:9])
                  for s in pathlib.Path(path).read_text().split()]
        losses = [d for d in drops if d["kernel"] or d["queue"]]
        outside = [s for s in stamps if not any(d["from_ns"] - slack <= s <= d["to_ns"] + slack for d in losses)]
        if outside:
            print(f"{len(outside)} of {len(stamps)} stamps lie outside, the first {outside[0]}; intervals:",
                  [(d["from_ns"], d["to_ns"]) for d in losses][:8])
        return not outside

    known = {"lines": lines, "of": of, "files": files, "inside": inside, "drops": drops,
             "kernel": sum(d["kernel"] for d in drops), "queue": sum(d["queue"] for d in drops),
             "card": lambda name: sum(d["interface"][name] for d in drops)}
    bad = 0
    for expression in arguments[1:]:
        if not eval(expression, known):  # pylint: disable=eval-used
            print("not true:", expression)
            bad = 1
    if bad:
        for line in lines:
            if line["type"] not in ("chunk", "clock"):
                print(json.dumps(line)[:400])
    return bad


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
