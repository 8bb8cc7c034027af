"""From the wire's truth and two full captures to a ledger, and from a ledger and two aged captures to a truth file of the
generator's own schema (docs/truth.md), so that tests/score/score.py scores both alike."""
import collections
import ipaddress
import json
import os

import frames
import legs
from decide import Decide
from ledger import CORRUPTED, LOST, POINTS, Ledger, Seen, Transmission

UNDER_WAY_NS = 50 * 10**6  # from an endpoint to the wire, at most
FREE = ("share=", "burst=", "count=", "nth=", "every=", "time=", "size", "hash=")  # conditions that pick single packets


def read_lines(path):
    with open(path, encoding="utf-8") as text:
        return [json.loads(line) for line in text if line.strip()]


class Run:
    """Everything that one run of a scenario left in its folder."""

    def __init__(self, folder, addresses):
        self.folder = folder
        self.lines = read_lines(os.path.join(folder, "wire.ndjson"))
        self.header, self.end = self.lines[0], self.lines[-1]
        self.records, self.captured = [], []
        for point in POINTS:
            records, taken = frames.load(os.path.join(folder, point + ".pcap"))
            self.records.append(records)
            self.captured.append(taken)
        self.wire = {name: frames.load(os.path.join(folder, name + ".pcap"))[1]
                     for name in ("client-in", "client-out", "server-in", "server-out")}
        own = [{ipaddress.ip_address(a).packed for a in side} for side in addresses]
        self.sent = [[f for f in self.captured[side] if f.src in own[side]] for side in (0, 1)]
        self.came = [[f for f in self.captured[side] if f.src not in own[side]] for side in (0, 1)]
        self.legs_out, self.legs_in = [None, None], [None, None]
        self.translated = False
        for side, name in enumerate(POINTS):
            out = legs.untranslate(self.sent[side], self.wire[name + "-in"])
            back = legs.untranslate(self.came[side], self.wire[name + "-out"])
            table = legs.merged(legs.other_way(back), out)
            self.legs_out[side] = legs.match_leg(self.sent[side], self.wire[name + "-in"], table)
            self.legs_in[side] = legs.match_leg(self.came[side], self.wire[name + "-out"],
                                                legs.merged(legs.other_way(out), back))
            self.translated |= bool(table)

        self.last = [records[-1][0] if records else 0 for records in self.records]

    def anomalies(self):
        """What the legs lost or made; nothing, in a run that can be trusted to the frame. What crossed the wire when a capture
        had ended is none."""
        found = []
        for side, point in enumerate(POINTS):
            for leg, way in ((self.legs_out[side], "out of"), (self.legs_in[side], "into")):
                found += [f"{way} {point}: frame {f.number} lost from byte {o}" for f, o in leg.lost
                          if f.t < self.last[side] - UNDER_WAY_NS]
                found += [f"{way} {point}: wire frame {w.number} has no captured frame" for w in leg.made
                          if w.t <= self.last[side]]
        return found

    def ended(self, side, wire_frame):
        """Whether this point's capture had ended when the frame crossed the wire."""
        return wire_frame.t > self.last[side]


def single_out(rule):
    """Whether a rule picks single packets, so that what it rewrites deviates from what the path always does."""
    return any(word.startswith(FREE) for word in rule.split(" when ", 1)[1].split()) if " when " in rule else False


class Life:
    """One connection among those that used the same addresses and ports."""

    def __init__(self, number):
        self.number, self.isn = number, [None, None]

    def too_late(self, frame, side):
        """Whether a frame is of the connection before this one: it stands, or acknowledges, before this one's beginning."""
        own, other = self.isn[side], self.isn[1 - side]
        if own is not None and frames.distance(frame.seq, own) < 0 and not (frame.flags & frames.RST and frame.seq == 0):
            return True
        if frame.flags & frames.ACK and other is not None:
            return frames.distance(frame.ack, other) <= 0
        return own is None and side == 1


class Builder:
    """Turns a run into its ledger."""

    def __init__(self, run):
        self.run, self.ledger = run, Ledger()
        self.rules = run.header["rules"]
        self.frames = {name: {f.number: f for f in taken} for name, taken in run.wire.items()}
        self.lives = {}
        self.of = {}
        self.terminated = set()  # connections that a proxy ended between: no items
        self.shielded = set()  # whose handshake a SYN proxy did: nothing need be told of them
        self.ledger.translated = run.translated or any(r.split()[1] in ("seq", "synproxy") for r in self.rules)

    def connection(self, frame, side):
        """The number of the connection that a wire frame belongs to: its addresses and ports, anew with each ISN of the
        client's. What comes late belongs to the one before."""
        key = frame.flow if side == 0 else (frame.dst, frame.dport, frame.src, frame.sport)
        lives = self.lives.setdefault(key, [])
        opens = frame.flags & frames.SYN and not frame.flags & frames.ACK and side == 0
        if not lives or (opens and lives[-1].isn[0] not in (None, frame.seq)):
            lives.append(Life(len(self.ledger.connections) + 1))
            self.ledger.connections[lives[-1].number] = {"flow": key, "first_ns": frame.t}
        life = lives[-1]
        if frame.flags & frames.SYN:
            life.isn[side] = frame.seq
        elif len(lives) > 1 and life.too_late(frame, side):
            life = lives[-2]
        return life.number

    def build(self):
        for line in self.run.lines:
            if line["wire"] == "in":
                self.came_in(line)
            elif line["wire"] == "out":
                self.went_out(line)
        for side in (0, 1):
            self.scrub_dropped(side)
            self.add_strays(side)
        return self.ledger

    def scrub_dropped(self, side):
        """What never came out had no ID or time stamp to be known by where the path takes them from what does."""
        mine = [(t, frame) for t, _, frame in self.of.values() if t.sender == side]
        out = [(t, frame) for t, frame in mine if t.came_out]
        no_id = sum(1 for t, frame in out if frame.ipid and not t.has_id) * 2 > sum(1 for _, frame in out if frame.ipid)
        no_time = sum(1 for t, frame in out if frame.tsval is not None and not t.has_time) * 2 > sum(
            1 for _, frame in out if frame.tsval is not None)
        for t, frame in mine:
            if not t.came_out:
                t.has_time &= not no_time
                if no_id:
                    t.has_id = False
                    t.identity = look(frame, False)

    def new(self, side, frame):
        t = Transmission(len(self.ledger.items), side)
        t.len, t.flags, t.connection = frame.len, frame.flags, self.connection(frame, side)
        self.ledger.items.append(t)
        return t

    def came_in(self, line):
        frame = self.frames[line["pcap"]].get(line["frame"])
        if frame is None:  # not TCP
            return
        side = POINTS.index(line["from"])
        t = self.new(side, frame)
        t.sent = self.run.legs_out[side].seen.get(frame.number)
        t.under_way = t.sent is None and self.run.ended(side, frame)
        if t.sent is None and not t.under_way:
            t.by_path, t.cause = True, "injected"
        t.has_id, t.has_time = bool(frame.ipid), frame.tsval is not None
        t.identity = look(frame, t.has_id)
        acts = [a["act"] for a in line["acts"]]
        t.why = "+".join(acts) or "made by a router" * t.by_path
        if "synproxy" in acts:
            self.shielded.add(t.connection)
        self.of[line["n"]] = (t, line, frame)

    def went_out(self, line):
        frame = self.frames[line["pcap"]].get(line["frame"])
        if frame is None:
            return
        side = POINTS.index(line["from"])
        seen = self.run.legs_in[1 - side].seen.get(frame.number)
        if line["of"] is None:
            self.made(line, frame, side, seen)
            return
        t, entry, before = self.of[line["of"]]
        t.came_out = True
        changed = line["changed"]
        if "ip_id" in changed:
            t.has_id = False
            t.identity = look(before, False)
        t.has_time &= frame.tsval is not None
        if line["copy"] == 0:
            t.identity_arrived = look(frame, t.has_id)
            t.held_ns = line["late_ns"]
            t.altered, t.corrupted = alterations(entry, changed, self.rules)
        if seen:
            t.arrivals.append(seen)
        elif self.run.ended(1 - side, frame):
            t.under_way = True

    def made(self, line, frame, side, seen):
        t = self.new(side, frame)
        if line["injected"]["what"] == "synproxy":
            self.shielded.add(t.connection)
        t.by_path, t.has_id, t.has_time = True, bool(frame.ipid), frame.tsval is not None
        t.identity_arrived = look(frame, t.has_id)
        t.cause = "blocked" if line["injected"]["what"] == "refusal" else "injected"
        t.why = line["injected"]["what"]
        if seen:
            t.arrivals.append(seen)

    def add_strays(self, side):
        """What a router on the way dropped (it left the endpoint) or made (it arrived)."""
        for frame, offset in self.run.legs_out[side].lost:
            t = self.new(side, frame)
            t.sent, t.len, t.why = Seen(frame, offset), frame.len - offset, "dropped by a router"
            t.has_id, t.has_time = bool(frame.ipid), frame.tsval is not None
            t.identity = look(frame, t.has_id)
        for frame, offset in self.run.legs_in[1 - side].lost:
            t = self.new(side, frame)
            t.by_path, t.cause, t.why = True, "injected", "made by a router"
            t.arrivals, t.len = [Seen(frame, offset)], frame.len - offset
            t.has_id, t.has_time = bool(frame.ipid), frame.tsval is not None
            t.identity_arrived = look(frame, t.has_id)


def fate_of(arrived, count):
    return "arrived" if arrived == count else "partly" if arrived else "lost"


def look(frame, with_id):
    """All that could tell a packet from another."""
    return (frame.flow, frame.seq, frame.len, frame.ack, frame.flags, frame.window, frame.options, frame.tos,
            frame.ipid if with_id else None)


def alterations(entry, changed, rules):
    """(offsets of altered bytes, None for the header; whether it was corrupted) of one packet."""
    altered, acts = [], {a["act"]: a["rule"] for a in entry["acts"]}
    corrupted = "corrupt" in acts
    if "alter" in acts and "payload" in changed:
        altered.append(changed["payload"][0])
    for act, keys in (("dscp", ("dscp",)), ("strip", ("sack", "tsval", "mss", "wscale", "sackok")), ("mss", ("mss",))):
        if act in acts and single_out(rules[acts[act]]) and any(k in changed for k in keys):
            altered.append(None)
    return tuple(altered), corrupted


class Writer:
    """A truth file for one ledger under two views."""

    def __init__(self, builder, views, header):
        self.ledger, self.views, self.terminated, self.shielded = builder.ledger, views, builder.terminated, builder.shielded
        self.decide = Decide(self.ledger, views)
        self.header, self.out = header, []
        self.hops = [collections.Counter(), collections.Counter()]

    def lines(self):
        everything = bool(self.ledger.connections) and self.terminated.issuperset(self.ledger.connections)
        self.out.append({"truth": "header", "schema": "twopoint-truth/1", "points": list(POINTS),
                         "terminated_between": everything, **self.header})
        for t in self.ledger.items:
            if t.connection not in self.terminated and not t.under_way:
                self.write(t)
        self.groups()
        self.trains()
        for side, point in enumerate(POINTS):
            fields = ("sent", "arrived", "lost", "corrupted", "altered", "injected", "duplicated", "reordered", "unrecorded")
            self.out.append({"truth": "hop", "from": point, "to": POINTS[1 - side],
                             **{f: self.hops[side][f] for f in fields}})
        return self.out

    def item(self, kind, t, arrival, why, group=None):
        side = 1 - t.sender if arrival else t.sender
        why = "a SYN proxy stands between" if t.connection in self.shielded else why
        seen = t.arrivals[0] if arrival else t.sent
        self.out.append({"truth": kind, "from": POINTS[t.sender], "to": POINTS[1 - t.sender], "decidable": why is None,
                         "why_not": why, "seen_at": POINTS[side], "file": 0, "frame": self.views[side].frame(seen),
                         "seq": seen.seq, "len": t.len, "flags": frames.flags_name(t.flags),
                         "connection": t.connection, "group": group, "late_ns": t.held_ns,
                         **({"as_if_lost": self.decide.as_if_lost(t)} if kind == "missed" and self.decide.as_if_lost(t) else {})})

    def write(self, t):
        d, count = self.decide, self.hops[t.sender]
        sent, came = d.sent(t), d.arrived(t)
        if t.by_path:
            count["injected"] += 1
            if came:
                self.item("injected", t, True, d.injected(t), d.mixed_group(t, True))
            return
        count["sent"] += 1
        if t.fate != LOST:
            self.write_arrived(t, sent, came)
            return
        count["lost"] += 1
        count["unrecorded"] += not sent
        if sent:
            self.item("lost", t, False, d.lost(t), d.mixed_group(t))

    def write_arrived(self, t, sent, came):
        d, count, group = self.decide, self.hops[t.sender], self.decide.mixed_group(t)
        copy_only = not came and bool(d.arrived(t, 1))
        if copy_only:  # the capture holds the path's copy alone
            t.arrivals[0], t.arrivals[1] = t.arrivals[1], t.arrivals[0]
            came = d.arrived(t)
        if t.fate == CORRUPTED:
            count["corrupted"] += 1
            if sent and came:
                self.item("corrupted", t, False, d.corrupted(t), group)
        else:
            count["arrived"] += 1
        if not sent or not came:
            count["unrecorded"] += not sent and not came
            if sent or came:
                self.item("missed", t, bool(came), d.missed(t) if t.sent else "left unseen")
        if t.altered and sent and came:
            self.item("altered", t, False, d.altered(t), group)
        count["altered"] += bool(t.altered)
        self.write_copies(t, sent, came, copy_only, group)
        if t.number in d.late or copy_only:
            count["reordered"] += t.number in d.late
            if sent and came:
                self.item("reordered", t, False, d.reordered(t), group)
        if t.held_ns > 0 and sent:
            self.item("held", t, False, "not an event of its own", group)
        if copy_only:
            t.arrivals[0], t.arrivals[1] = t.arrivals[1], t.arrivals[0]

    def write_copies(self, t, sent, came, copy_only, group):
        for extra in range(1, len(t.arrivals)):
            self.hops[t.sender]["duplicated"] += 1
            if sent and came and self.decide.arrived(t, extra) and not copy_only:
                self.item("duplicated", t, False, self.decide.duplicated(t), group)
            elif came:
                self.item("duplicated", t, not sent, "a copy was not recorded", group)

    def groups(self):
        for group in self.decide.groups:
            if not group.mixed:
                continue
            places = collections.defaultdict(set)
            for t in group.members:
                frame = self.decide.arrived(t) if group.arrived else self.decide.sent(t)
                if frame:
                    places[1 - t.sender if group.arrived else t.sender].add(frame)
            for side, numbers in places.items():
                self.out.append({"truth": "group", "id": group.number, "seen_at": POINTS[side],
                                 "frames": sorted(numbers)})

    def trains(self):
        """One sender, one connection, one cause."""
        trains = collections.defaultdict(list)
        for t in self.ledger.items:
            if t.flags & frames.RST and t.connection not in self.terminated and not t.under_way:
                trains[t.connection, t.cause, t.by_path, t.sender].append(t)
        for (connection, cause, by_path, sender), members in trains.items():
            self.train(connection, cause, by_path, sender, members)

    def cause_too(self, t):
        """Whether all that its sender had sent was acknowledged is a matter of microseconds: what the program did fits either
        name then."""
        names = ("abort", "abort-after-complete")
        return [names[1 - names.index(t.cause)]] if t.cause in names and t.either else []

    def fates(self, recorded, members):
        """What may be said of the fate of those that were recorded where they are seen to leave (or, made by the path, to arrive):
        of others no capture knows, unless they were seen at the other end."""
        d = self.decide
        seen = [t for t in members if t in recorded or d.sent(t) or d.arrived(t)]
        fates = [fate_of(sum(1 for t in those if t.fate == "arrived"), len(those)) for those in (recorded, seen)]
        if any(not t.by_path and d.as_if_lost(t) for t in recorded):
            fates.append(fate_of(sum(1 for t in recorded if t.fate == "arrived" and not d.as_if_lost(t)), len(recorded)))
        return list(dict.fromkeys(fates))

    def train(self, connection, cause, by_path, sender, members):
        d = self.decide
        place = d.arrived if by_path else d.sent
        recorded = [t for t in members if place(t)]
        if not recorded:
            return
        decidable = len(recorded) == len(members) and not any(d.injected(t) if by_path else d.lost(t) for t in members)
        arrived = sum(1 for t in recorded if t.fate == "arrived")
        fates = self.fates(recorded, members)
        self.out.append({
            "truth": "resets", "connection": connection, "sent_by": "path" if by_path else POINTS[sender],
            "from": POINTS[sender], "to": POINTS[1 - sender], "cause": cause, "fate": fates[0], "fate_too": fates[1:],
            "count": len(members), "arrived": arrived, "lost": len(recorded) - arrived, "recorded": len(recorded),
            "decidable": decidable and connection not in self.shielded, "cause_too": self.cause_too(members[0]),
            "seen_at": POINTS[1 - sender if by_path else sender],
            "frame": place(recorded[0])})
