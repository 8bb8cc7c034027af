#!/usr/bin/env python3
"""Ask a report: expect.py REPORT EVENTS EXPRESSION... Exit status 1 when an expression is not true.

An expression knows r (the report), events (without the header), hops (of the summary), kinds (of all findings),
finding(KIND) (the first of that kind), count(EVENT[, level]) and lost_bytes(FROM).
"""
import json
import sys


def read(path):
    try:
        with open(path, encoding="utf-8") as text:
            return text.read()
    except FileNotFoundError:
        return ""


def main(arguments):
    report, lines = read(arguments[0]), read(arguments[1]).splitlines()
    r = json.loads(report) if report else {}
    events = [e for e in map(json.loads, lines) if e["event"] != "header"]
    known = {
        "r": r,
        "events": events,
        "hops": r["summary"]["hops"] if r else [],
        "resets": r.get("resets"),
        "kinds": [f["finding"] for f in r.get("findings", ())],
        "finding": lambda kind: next((f for f in r["findings"] if f["finding"] == kind), None),
        "count": lambda kind, level=None: sum(
            e["segments"] for e in events if e["event"] == kind and level in (None, e["level"])),
        "lost_bytes": lambda point: sum(e["len"] for e in events if e["event"] == "lost" and e["from"] == point),
    }
    bad = 0
    for expression in arguments[2:]:
        try:
            if eval(expression, known):  # pylint: disable=eval-used
                continue
            print("not true:", expression)
        except (TypeError, KeyError, IndexError) as error:
            print("not true:", expression, f"({error})")
        bad = 1
    if bad and r:
        print("verdict:", r["summary"]["verdict"])
        print("events:", json.dumps([[e["event"], e["level"], e["seen_at"], e["frame"], e["len"], e["flags"], e["reason"]]
                                     for e in events[:8]]))
        print("findings:", json.dumps([[f["finding"], f["level"], f["count"]] for f in r["findings"]]))
        print("resets:", json.dumps([{k: t[k] for k in ("sent_by", "count", "lost", "fate", "level", "cause", "case")}
                                     for t in r["resets"][:5]]))
        print("hops:", json.dumps([{k: v for k, v in h.items() if isinstance(v, int) and v} for h in r["summary"]["hops"]]))
    return bad


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
