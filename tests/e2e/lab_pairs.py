#!/usr/bin/env python3
"""Pairs on which the correlator was once wrong: fixtures/lab/NAME, cut from real kernels' traffic in the lab.

    lab_pairs.py CORRELATE [FOLDER...]        all of fixtures/lab by default

Each has two captures, truth.ndjson (what happened to these packets) and said.json: what was wrong (`fault`), the commit whose
correlator was seen to fail on the pair as it stands (`seen_with`), what the correlator is told beside the files (`options`),
and what has to be said now (`statements`). Of every pair: nothing false by the truth, proven or supported, no
sender or fate of a reset but the true one, no clock interval without the truth. And each statement, which names a frame:

    {"at": "client", "frame": 9, "is": "lost"}       such an event is told of this frame ("level", "len", "seq" as well, where given)
    {"at": "server", "frame": 4, "not": "injected"}  no such event is ("level": only not at this level)
    {"at": "client", "frame": 3, "fate": ["lost"]}   of the train that has this reset ("cause", "sent_by" likewise)

Exit status 0, or 1 with what was said instead.
"""
import json
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "score"), os.path.join(HERE, "..", "lab")]
import score  # noqa: E402
from judge import fold  # noqa: E402


def correlate(binary, pair, options, folder):
    """(events, report) of one pair."""
    points = [next(path for path in (os.path.join(pair, point + ".pcapng.zst"), os.path.join(pair, point)) if os.path.exists(path))
              for point in ("client", "server")]
    events, report = os.path.join(folder, "events.ndjson"), os.path.join(folder, "report.json")
    command = [binary, *points, "--names", "client,server", "--events", events, "--json", report, "--quiet", *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode not in (0, 1, 3):
        raise SystemExit(f"{' '.join(command)}: status {done.returncode}: {done.stderr}")
    with open(report, encoding="utf-8") as text:
        return fold(score.read_lines(events)), fold(json.load(text))


def names(event, point, frame):
    return (point, frame) in score.frames_of(event)


def event_holds(statement, events):
    """Whether what is said of one frame is as the statement has it."""
    wanted = {key: statement[key] for key in ("level", "len", "seq") if key in statement}
    kind = statement.get("is") or statement["not"]
    found = any(event["event"] == kind and names(event, statement["at"], statement["frame"]) and
                all(event.get(key) == value for key, value in wanted.items()) for event in events if event["event"] != "header")
    return found == ("is" in statement)


def reset_holds(statement, report):
    for train in report["resets"]:
        if any((f["point"], f["frame"]) == (statement["at"], statement["frame"]) for f in train["frames"]):
            return all(train[key] in statement[key] for key in ("fate", "cause", "sent_by") if key in statement)
    return False


def check(binary, pair):
    """What is wrong with what is said of a pair."""
    with open(os.path.join(pair, "said.json"), encoding="utf-8") as text:
        said = json.load(text)
    with tempfile.TemporaryDirectory() as folder:
        events, report = correlate(binary, pair, said["options"], folder)
    summary = score.summarize(score.Truth(score.read_lines(os.path.join(pair, "truth.ndjson"))), events, report)
    wrong = [f"false: {json.dumps(e)}" for e in summary["false_proven"] + summary["false_supported"]]
    wrong += [f"clock: {json.dumps(c)}" for c in summary["clock_wrong"]]
    wrong += [f"reset: {json.dumps(r)}" for r in summary["resets_wrong"] if r["field"] in ("sent_by", "fate")]
    for statement in said["statements"]:
        holds = event_holds(statement, events) if {"is", "not"} & set(statement) else reset_holds(statement, report)
        if not holds:
            about = [{key: e[key] for key in ("event", "level", "seq", "len", "reason")} for e in events
                     if e["event"] != "header" and names(e, statement["at"], statement["frame"])]
            wrong.append(f"statement: {json.dumps(statement)}; said: {json.dumps(about)}")
    return wrong


def main():
    binary = sys.argv[1]
    home = os.path.join(HERE, "..", "..", "fixtures", "lab")
    pairs = sys.argv[2:] or sorted(os.path.join(home, name) for name in os.listdir(home) if os.path.isdir(os.path.join(home, name)))
    bad = 0
    for pair in pairs:
        wrong = check(binary, pair)
        for text in wrong[:5]:
            print(f"WRONG: {os.path.basename(os.path.normpath(pair))}: {text}")
        bad += bool(wrong)
    if not pairs:
        print("WRONG: no pairs")
    return 1 if bad or not pairs else 0


if __name__ == "__main__":
    sys.exit(main())
