"""Why each reset was sent, from what the traffic programs say that they did, and what the wire says that it made."""
import collections
import ipaddress
import json
import os

import frames

POINTS = ("client", "server")


def statements(folder):
    """[by point] (local address, local port) and remote port -> [(start, causes)] in time order."""
    told = [collections.defaultdict(list), collections.defaultdict(list)]
    path = os.path.join(folder, "traffic.ndjson")
    with open(path, encoding="utf-8") as text:
        lines = [json.loads(line) for line in text if line.strip()]
    for line in lines:
        side = POINTS.index(line["end"])
        ends = [(ipaddress.ip_address(line[e][0].split("%")[0]).packed, line[e][1]) for e in ("local", "remote")]
        told[side][ends[0] + ends[1]].append((line["start_ns"], line["causes"]))
        if line.get("peer_causes"):
            told[1 - side][ends[1] + ends[0]].append((line["start_ns"], line["peer_causes"]))
    for side in told:
        for entries in side.values():
            entries.sort(key=lambda e: e[0])
    return told


def cause_of(entries, at, first, flags):
    """The cause of one reset that its own host sent: the first of a connection is what its program did, the others answer
    what still came in; so does one that no program asked for."""
    causes = []
    for start, said in entries:
        if start <= at:
            causes = said
    if first and causes:
        return causes[0]
    if not flags & frames.ACK or "late-segment" in causes:
        return "late-segment"
    return causes[0] if causes else "unknown"


def attach(ledger, folder):
    told = statements(folder)
    seen, closed, sent, acked = set(), set(), {}, {}
    for t in ledger.items:
        key = t.connection, t.sender
        if t.by_path or t.sent is None:
            continue
        if not t.flags & frames.RST:
            sent[key] = (t.sent.seq + t.len + bool(t.flags & frames.FIN)) & frames.MASK
            if t.arrivals:
                acked[t.connection, 1 - t.sender] = t.arrivals[0].frame.ack
            if t.flags & frames.FIN:
                closed.add(key)
            continue
        frame = t.sent.frame
        first = key not in seen
        seen.add(key)
        t.cause = cause_of(told[t.sender].get(frame.flow, []), frame.t, first, t.flags)
        if t.cause == "close":  # a program that just closes: with unread data the kernel aborts, else data comes after the FIN
            t.cause = "data-after-close" if key in closed else "abort"
        t.either = complete(sent.get(key), acked.get(key)) != (t.cause == "abort-after-complete")


def complete(sent, acked):
    """Whether the last that a host sent was acknowledged by what had come back."""
    return sent is not None and acked is not None and frames.distance(acked, sent) >= 0
