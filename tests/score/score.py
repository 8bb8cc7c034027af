#!/usr/bin/env python3
"""Compare a correlator's events with the truth of a generated pair, one to one.

    score.py TRUTH EVENTS [--report report.json] [--json] [--quiet]

A truth item and an event belong together when kind, point and frame agree and their byte ranges overlap; where packets
look alike (a group in the truth, one_of in the event) any member of the group stands for any other, but one event for
one item only. Exit status: 0 no false proven, 1 some, 2 unreadable input.
"""
import argparse
import collections
import json
import sys

SCORED = ("lost", "injected", "duplicated", "corrupted", "altered", "reordered", "missed")
LEVELS = ("proven", "supported")


def read_lines(path):
    with open(path, encoding="utf-8") as lines:
        return [json.loads(line) for line in lines if line.strip()]


class Truth:
    """The truth file, indexed by what an event can name."""

    def __init__(self, lines):
        self.header = next(t for t in lines if t["truth"] == "header")
        self.items = [t for t in lines if t["truth"] in SCORED + ("held",)]
        self.resets = [t for t in lines if t["truth"] == "resets"]
        self.hops = [t for t in lines if t["truth"] == "hop"]
        self.groups = {t["id"]: t for t in lines if t["truth"] == "group"}
        self.by_frame = collections.defaultdict(list)
        self.by_group = collections.defaultdict(list)
        self.groups_at = collections.defaultdict(set)
        for group in self.groups.values():
            for frame in group["frames"]:
                self.groups_at[group["seen_at"], frame].add(group["id"])
        for number, item in enumerate(self.items):
            item["number"] = number
            self.by_frame[item["truth"], item["seen_at"], item["frame"]].append(item)
            self.by_group[item["truth"], item["group"]].append(item)


def distance(a, b):
    """a - b in sequence space."""
    return (a - b + 2**31) % 2**32 - 2**31


def overlaps(item, event):
    """Same bytes; a packet without payload needs only the same place (SYN and FIN take a number of their own)."""
    if event.get("seq") is None:
        return True
    length = event.get("len") or 0
    start = distance(event["seq"], item["seq"])
    if length == 0 or item["len"] == 0:
        return -1 <= start <= item["len"] + 1
    return start < item["len"] and -start < length


def frames_of(event):
    frames = [(event["seen_at"], event["frame"])]
    frames += [(f["point"], f["frame"]) for f in event.get("one_of") or ()]
    return frames


def candidates(truth, event, kind):
    """Items that the event may stand for, exact ones first."""
    exact = truth.by_frame[kind, event["seen_at"], event["frame"]]
    found = [item for item in exact if overlaps(item, event)]
    places = frames_of(event)
    if event.get("one_of"):
        for place in places:
            found += [item for item in truth.by_frame[(kind,) + place] if overlaps(item, event)]
    for group in set().union(*(truth.groups_at.get(place, ()) for place in places)):
        found += [item for item in truth.by_group[kind, group] if overlaps(item, event)]
    return list({item["number"]: item for item in found}.values())


def place(event):
    return event["event"], event["seen_at"], event["frame"]


class Score:
    """The assignment and what came of it."""

    def __init__(self, truth, events):
        self.truth = truth
        self.taken = {}
        self.false = []
        self.split = self.unshown = 0
        self.claimed = collections.defaultdict(list)
        self.unresolved = collections.Counter()
        self.unresolved_frames = set()
        pending = []
        for event in events:
            if event["event"] == "unresolved":
                self.unresolved[event.get("reason") or "no reason"] += 1
                self.unresolved_frames.add((event["seen_at"], event["frame"]))
            elif event["event"] in SCORED:
                pending.append(event)
        self.assign(pending)

    def assign(self, events):
        # Exact frames first, so that a member of a group does not take what another event names outright.
        rest = []
        for event in events:
            exact = [i for i in self.truth.by_frame[event["event"], event["seen_at"], event["frame"]]
                     if overlaps(i, event) and i["number"] not in self.taken]
            if exact and not event.get("one_of"):
                self.take(event, exact)
            else:
                rest.append(event)
        waiting = {}
        for index, event in enumerate(rest):
            waiting[index] = [i["number"] for i in candidates(self.truth, event, event["event"])]
        for index, number in match(waiting, set(self.taken)).items():
            self.taken[number] = rest[index]
            waiting.pop(index)
            self.take_along(rest[index], self.truth.items[number])
        for index in waiting:
            if self.as_if_lost(rest[index]):
                self.unshown += 1
            elif self.within_truth(rest[index]):
                self.split += 1
                self.claimed[place(rest[index])].append(rest[index])
            else:
                self.false.append(rest[index])

    def take_along(self, event, item):
        """An event on several wire segments of one frame stands for all of them, whichever of the frames alike it is."""
        for other in self.truth.by_frame[item["truth"], item["seen_at"], item["frame"]]:
            if other["number"] not in self.taken and (event.get("len") or 0) > item["len"] and overlaps(other, event) and \
                    (other["seq"], other["len"]) != (item["seq"], item["len"]):
                self.taken[other["number"]] = event

    def as_if_lost(self, event):
        """Told lost where both captures would be the same had it been lost (the lab's truth says so): as supported, or also as proven where
        it was corrupted, so that the host never had it and says so."""
        return event["event"] == "lost" and any(
            overlaps(item, event) and (item.get("as_if_lost") == "corrupted" or item.get("as_if_lost") and event["level"] == "supported")
            for item in self.truth.by_frame["missed", event["seen_at"], event["frame"]])

    def within_truth(self, event):
        """A piece of a super-segment cut at another place than the wire's: the bytes are right, the count is not."""
        length = event.get("len") or 0
        parts = [(distance(i["seq"], event["seq"]), i["len"]) for i in self.truth.by_frame[place(event)]]
        at = 0
        for start, size in sorted(parts):
            if start <= at < start + size:
                at = start + size
        twice = any(overlaps(other, event) for other in self.claimed[place(event)])
        return 0 < length <= at and not twice

    def take(self, event, items):
        """An event on a part of a super-segment stands for every wire segment in it, and for nothing more: of two items of the
        same bytes (two copies of one packet) for one."""
        items = list({(item["seq"], item["len"]): item for item in reversed(items)}.values())
        for item in items:
            self.taken[item["number"]] = event
        fits = self.within_truth(event)
        self.claimed[place(event)].append(event)
        if (event.get("len") or 0) > sum(item["len"] for item in items) and not fits:
            self.false.append(event)

    def table(self):
        rows = {}
        for kind in SCORED:
            items = [i for i in self.truth.items if i["truth"] == kind]
            decidable = [i for i in items if i["decidable"]]
            found = [i for i in decidable if i["number"] in self.taken]
            row = {
                "decidable": len(decidable),
                "found": len(found),
                "missed": len(decidable) - len(found),
                "undecidable": len(items) - len(decidable),
                "undecidable_found": sum(1 for i in items if not i["decidable"] and i["number"] in self.taken),
            }
            for level in LEVELS:
                row["found_" + level] = sum(1 for i in items if self.level(i) == level)
                row["false_" + level] = sum(1 for e in self.false if e["event"] == kind and e["level"] == level)
            rows[kind] = row
        return rows

    def level(self, item):
        event = self.taken.get(item["number"])
        return event["level"] if event else None

    def not_found(self):
        return [i for i in self.truth.items
                if i["truth"] in SCORED and i["decidable"] and i["number"] not in self.taken]


def match(wanted, used):
    """Maximum matching by augmenting paths (iterative); wanted: event -> items. Returns event -> item."""
    owner, chosen = {}, {}
    for start in wanted:
        previous, queue, seen, end = {}, collections.deque([start]), set(), None
        while queue and end is None:
            event = queue.popleft()
            for number in wanted[event]:
                if number in seen or number in used:
                    continue
                seen.add(number)
                previous[number] = event
                if number not in owner:
                    end = number
                    break
                queue.append(owner[number])
        while end is not None:
            event = previous[end]
            owner[end], chosen[event], end = event, end, chosen.get(event)
    return chosen


def true_offset(header, at_ns):
    """The server's clock minus the client's at the client's time at_ns."""
    segments = header["clock"]
    current = segments[0]
    for segment in segments[1:]:
        if at_ns >= segment["from_ns"]:
            current = segment
    return current["offset_ns"] + current["skew_ppm"] * 1e-6 * (at_ns - current["from_ns"])


def contains(low, high, value, slack):
    return (low is None or low - slack <= value) and (high is None or value <= high + slack)


def check_clock(truth, report):
    """Intervals of the report that do not contain the truth, widened by the stamps' quantum."""
    wrong, checked = [], 0
    slack = truth.header["quantum_ns"] + 2
    steps = [s["from_ns"] for s in truth.header["clock"][1:]]
    for clock in report.get("clocks") or ():
        if clock.get("reference") or clock["point"] != truth.header["points"][1]:
            continue
        segments = clock.get("segments") or ()
        begin = report["window"].get("first_ns")
        if steps and segments and begin is not None:  # a step before the first packet that both captures hold cannot be known
            begin = max(begin, segments[0]["from_ns"])
        parts = [(begin, clock)] + [(s["from_ns"], s) for s in segments]
        for at_ns, part in parts:
            if at_ns is None or part.get("offset_ns") is None:
                continue
            checked += 1
            value = true_offset(truth.header, at_ns)
            if not contains(part.get("offset_low_ns"), part.get("offset_high_ns"), value, slack):
                wrong.append({"what": "offset", "at_ns": at_ns, "truth_ns": value, "near_step": any(
                    abs(at_ns - s) < 10**9 for s in steps), "low_ns": part.get("offset_low_ns"),
                    "high_ns": part.get("offset_high_ns")})
            skew = truth.header["clock"][0]["skew_ppm"]
            if not contains(part.get("skew_low_ppm"), part.get("skew_high_ppm"), skew, 1e-3):
                wrong.append({"what": "skew", "at_ns": at_ns, "truth_ppm": skew, "low_ppm": part.get("skew_low_ppm"),
                              "high_ppm": part.get("skew_high_ppm")})
    return checked, wrong


def check_resets(truth, report):
    """Trains of the truth against those of the report that share a frame; counts what agrees. A report may count the
    answers to late segments with the abort that came before them, as one train ("merged")."""
    result, wrong = collections.Counter(), []
    by_frame, trains = {}, collections.defaultdict(list)
    for train in report.get("resets") or ():
        for frame in train["frames"]:
            by_frame[frame["point"], frame["frame"]] = train
    for train in truth.resets:
        trains[train["connection"], train["sent_by"]].append(train)
    for train in truth.resets:
        found = by_frame.get((train["seen_at"], train["frame"]))
        which = "decidable" if train["decidable"] else "undecidable"
        result[which] += 1
        if not found:
            result[which + "_not_reported"] += 1
            continue
        others = [t for t in trains[train["connection"], train["sent_by"]] if t is not train and
                  by_frame.get((t["seen_at"], t["frame"])) is found]
        if others and found["cause"] != train["cause"] and any(t["cause"] == found["cause"] for t in others):
            result[which + "_merged"] += 1
            continue
        for field in ("sent_by", "fate", "cause"):
            if found[field] in [train[field], *train.get(field + "_too", ())] or (field == "fate" and others):
                result[f"{which}_{field}_right"] += 1
            elif found[field] in ("unknown", "unresolved"):
                result[f"{which}_{field}_unknown"] += 1
            else:
                result[f"{which}_{field}_wrong"] += 1
                wrong.append({"field": field, "truth": train[field], "report": found[field], "frame": train["frame"],
                              "seen_at": train["seen_at"], "connection": train["connection"]})
    return result, wrong


def check_hops(truth, report):
    """Counts per direction against the truth, where both captures recorded everything."""
    result = collections.Counter()
    told = {(h["from"], h["to"]): h for h in (report.get("summary") or {}).get("hops") or ()}
    complete = truth.header["missed"] == [0, 0] and not truth.header["terminated_between"] and all(
        h.get("unrecorded", 1) == 0 for h in truth.hops) and not any(i["truth"] == "missed" for i in truth.items)
    for hop in truth.hops if complete else ():
        found = told.get((hop["from"], hop["to"]))
        for field in ("sent", "lost", "corrupted", "altered", "injected", "duplicated", "reordered"):
            outside = found.get("outside") or 0 if found and field == "sent" else 0
            right = found and (found.get(field) or 0) + outside == hop[field]
            result[f"{field}_{'right' if right else 'wrong'}"] += 1
    return result


def describe(event):
    return {k: event.get(k) for k in ("event", "level", "seen_at", "frame", "seq", "len", "flags", "connection", "id")}


def summarize(truth, events, report):
    score = Score(truth, events)
    checked, wrong = check_clock(truth, report) if report else (0, [])
    resets, resets_wrong = check_resets(truth, report) if report else ({}, [])
    return {
        "seed": truth.header["seed"],
        "scenario": truth.header["scenario"],
        "kinds": score.table(),
        "false_proven": [describe(e) for e in score.false if e["level"] == "proven"],
        "false_supported": [describe(e) for e in score.false if e["level"] != "proven"],
        "not_found": [{**{k: i[k] for k in ("truth", "seen_at", "frame", "seq", "len", "flags", "connection")},
                       "unresolved": (i["seen_at"], i["frame"]) in score.unresolved_frames}
                      for i in score.not_found()],
        "unresolved": dict(score.unresolved),
        "split": score.split,
        "unshown": score.unshown,
        "clock_checked": checked,
        "clock_wrong": wrong,
        "resets": dict(resets),
        "resets_wrong": resets_wrong,
        "hops": dict(check_hops(truth, report)) if report else {},
    }


def print_text(summary, top):
    print(f"scenario {summary['scenario']}, seed {summary['seed']}")
    print(f"{'kind':<12}{'decidable':>10}{'found':>7}{'missed':>8}{'other':>7}{'found':>7}"
          f"{'false proven':>14}{'supported':>11}")
    for kind, row in summary["kinds"].items():
        print(f"{kind:<12}{row['decidable']:>10}{row['found']:>7}{row['missed']:>8}{row['undecidable']:>7}"
              f"{row['undecidable_found']:>7}{row['false_proven']:>14}{row['false_supported']:>11}")
    for name in ("false_proven", "false_supported", "not_found", "resets_wrong"):
        for one in summary[name][:top]:
            print(name.replace("_", " ") + ":", json.dumps(one))
    print("unresolved:", json.dumps(summary["unresolved"]))
    print("clock:", summary["clock_checked"], "intervals,", len(summary["clock_wrong"]), "wrong",
          json.dumps(summary["clock_wrong"][:3]) if summary["clock_wrong"] else "")
    print("resets:", json.dumps(summary["resets"]))
    print("hop counts:", json.dumps(summary["hops"]))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("truth")
    parser.add_argument("events")
    parser.add_argument("--report", help="report.json of the same run: clocks and resets are compared too")
    parser.add_argument("--json", action="store_true", help="print one line of JSON instead of the table")
    parser.add_argument("--top", type=int, default=10, help="examples of each failure to print")
    arguments = parser.parse_args()
    try:
        truth, events = Truth(read_lines(arguments.truth)), read_lines(arguments.events)
        report = None
        if arguments.report:
            with open(arguments.report, encoding="utf-8") as text:
                report = json.load(text)
    except (OSError, ValueError, StopIteration) as error:
        print(f"score.py: {error}", file=sys.stderr)
        return 2
    summary = summarize(truth, events, report)
    if arguments.json:
        print(json.dumps(summary))
    else:
        print_text(summary, arguments.top)
    return 1 if summary["false_proven"] else 0


if __name__ == "__main__":
    sys.exit(main())
