"""Between an endpoint's capture and the wire's own: which captured frame holds which wire segment.

Both legs (endpoint, router, wire) lose nothing and keep the order within a flow, so that this needs no guessing. A capture's
frame may hold many wire segments (segmentation offload on the way out, GRO on the way in), never the reverse:

    capture   |----------- seq 1000, len 4344 -----------|--- ack ---|
    wire      |- 1000, 1448 -|- 2448, 1448 -|- 3896, 1448 -|--- ack ---|

Each wire frame takes the first frame of its flow, in the order of the capture, that has these bytes and has not given them away
yet. (Not strictly the next: a frame with a bad checksum passes those that GRO still holds.) What stays over on either side
is the leg's own doing: nothing in a scenario without rules on its routers.
"""
import collections

from frames import FIN, PSH, SYN, distance
from ledger import Seen

AHEAD = 512  # frames of a flow that one may be ahead of another


class Leg:
    """What became of one leg: `seen` maps the wire's frame number to a Seen in the capture."""

    def __init__(self):
        self.seen, self.lost, self.made = {}, [], []


def untranslate(captured, wire):
    """Wire flow -> [(time, captured flow)] for flows that a router between translates, learned from SYNs."""
    known = {f.flow for f in captured}
    syns, table = collections.defaultdict(list), collections.defaultdict(list)
    for f in captured:
        if f.flags & SYN:
            syns[f.seq, f.tsval, f.ack, f.flags].append(f)
    for w in wire:
        if w.flags & SYN and w.flow not in known:
            like = syns.get((w.seq, w.tsval, w.ack, w.flags))
            if like:
                f = like.pop(0) if len(like) > 1 else like[0]
                table[w.flow].append((w.t, f.flow))
    return table


def other_way(table):
    """The same table for the reverse direction."""
    return {(flow[2], flow[3], flow[0], flow[1]): [(t, (f[2], f[3], f[0], f[1])) for t, f in entries]
            for flow, entries in table.items()}


def merged(one, other):
    """Both tables, in order of time: a SYN may get no SYN-ACK, where ports are used again."""
    return {flow: sorted(one.get(flow, []) + other.get(flow, [])) for flow in {**one, **other}}


def translated_flow(table, flow, at):
    found = None
    for since, captured in table.get(flow, ()):
        if since <= at or found is None:
            found = captured
    return found or flow


def fits(frame, offset, w):
    """Whether the wire frame is the next part of the captured one."""
    if w.tsval != frame.tsval or w.ack != frame.ack or (w.flags ^ frame.flags) & ~(FIN | PSH):
        return False
    if w.len == 0 or frame.len == 0:
        return w.len == frame.len and w.seq == frame.seq and w.flags == frame.flags and w.window == frame.window
    return distance(w.seq, (frame.seq + offset) & 0xFFFFFFFF) == 0 and w.len <= frame.len - offset


def match_leg(captured, wire, table):
    """One leg, one direction. `table` from untranslate (or {})."""
    leg, flows = Leg(), collections.defaultdict(list)
    for f in captured:
        f.pieces = []
        flows[f.flow].append([f, 0])
    heads = collections.defaultdict(int)
    for w in wire:
        flow = translated_flow(table, w.flow, w.t)
        if flow not in flows and w.flow in flows:
            flow = w.flow
        waiting = flows.get(flow, [])
        at = heads[flow]
        while at < len(waiting) and waiting[at] is None:
            at += 1
        heads[flow] = at
        for index in range(at, min(at + AHEAD, len(waiting))):
            entry = waiting[index]
            if entry is None or not fits(entry[0], entry[1], w):
                continue
            frame, offset = entry
            leg.seen[w.number] = Seen(frame, offset)
            frame.pieces.append(w)
            entry[1] += w.len
            if entry[1] >= frame.len:
                waiting[index] = None
            break
        else:
            leg.made.append(w)
    for waiting in flows.values():
        leg.lost += [(frame, offset) for frame, offset in filter(None, waiting)]
    return leg
