"""same_events.py A B: exit 0 when two events files tell the same but for what the merged capture changes: clock, file
and frame. Prints the first few that only one of them has."""
import collections
import json
import sys


def read(path):
    kept = collections.Counter()
    with open(path) as lines:
        for line in lines:
            e = json.loads(line)
            if e["event"] == "header":
                continue
            e["one_of"] = len(e["one_of"])
            e["evidence"] = [v["rule"] for v in e["evidence"]]
            for field in ("id", "time_ns", "time", "file", "frame", "late_ns"):
                e.pop(field)
            kept[json.dumps(e, sort_keys=True)] += 1
    return kept


a, b = read(sys.argv[1]), read(sys.argv[2])
for name, only in ((sys.argv[1], a - b), (sys.argv[2], b - a)):
    for event in list(only)[:3]:
        print("only in", name, event)
sys.exit(a != b)
