"""Captures made old: clocks that differ, packets missed, windows that start late, end early or have holes, frames cut.

An ageing is a few words joined by '+', each NAME or NAME=VALUE or NAME=SIDE:VALUE:

    offset=SECONDS     the server's clock minus the client's
    drift=PPM          and how it runs away
    step=SECONDS       the server's clock is set by so much, in the middle
    thin=SIDE:SHARE    a capture misses this share of its frames, at random
    burst=SIDE:N       ... N frames in a row, at three places
    again=SIDE:SHARE   ... this share of the retransmissions that leave there
    miss=SIDE:FLAGS    ... every frame with these flags (rst, syn, fin) that leaves there
    late=SIDE:SHARE    a capture starts after this share of the traffic's time
    early=SIDE:SHARE   ... ends so much before the end
    hole=SIDE:SHARE    ... has a hole of this share in the middle, within one file
    rotate=SIDE:SHARE  ... the same between two files, so that the hole can be seen
    cut=BYTES          both captures keep so many bytes of a frame
    headers            both captures keep Ethernet, IP and TCP headers, and nothing behind them
    micro              microsecond stamps
    counted            drops are stated as none (or, of a thinned capture, as what was taken out)

What was removed is known exactly: each capture's View says which frame became which.
"""
import os
import random
import shutil

import frames
from decide import View
from ledger import POINTS

FILE = 10**9  # a frame of a point's second file counts from here, so that a number is enough


def parse(words):
    """{name: value} and {name: [value, value]} by side."""
    spec = {}
    for word in words.split("+"):
        name, _, value = word.partition("=")
        side, colon, amount = value.partition(":")
        if colon:
            for index in [0, 1] if side == "both" else [POINTS.index(side)]:
                spec.setdefault(name, [None, None])[index] = amount
        else:
            spec[name] = value or True
    return spec


def number(spec, name, side):
    value = spec.get(name, [None, None])[side]
    if value is None:
        return 0.0
    return float(value[:-1]) / 100 if value.endswith("%") else float(value)


def retransmissions(taken, own):
    """Numbers of this end's own data frames that begin below what it had sent before on these addresses and ports."""
    highest, found = {}, []
    for f in taken:
        if f.number in own and f.flags & frames.SYN:
            highest.pop(f.flow, None)
        if f.number not in own or not f.len:
            continue
        end = (f.seq + f.len) & frames.MASK
        if f.flow in highest and frames.distance(f.seq, highest[f.flow]) < 0:
            found.append(f.number)
        if f.flow not in highest or frames.distance(end, highest[f.flow]) > 0:
            highest[f.flow] = end
    return found


def chosen(records, taken, own, spec, side, rnd):
    """Numbers of the frames that this capture misses while it runs."""
    gone = set()
    share = number(spec, "thin", side)
    if share:
        gone |= {n + 1 for n in range(len(records)) if rnd.random() < share} or {rnd.randrange(len(records)) + 1}
    run = int(number(spec, "burst", side))
    for _ in range(3 if run else 0):
        start = rnd.randrange(max(1, len(records) - run))
        gone |= set(range(start + 1, start + 1 + run))
    share = number(spec, "again", side)
    if share:
        gone |= {n for n in retransmissions(taken, own) if rnd.random() < share}
    flag = spec.get("miss", [None, None])[side]
    if flag:
        bit = {"rst": frames.RST, "syn": frames.SYN, "fin": frames.FIN}[flag]
        gone |= {f.number for f in taken if f.flags & bit and f.number in own}
    return gone


class Aged:
    """One aged pair: its files, its views, the clock's truth, and what to tell the correlator."""

    def __init__(self, run, words, folder, seed):
        self.words, self.folder = words, folder
        spec = parse(words) if words else {}
        self.views, self.files, self.removed = [], [], [0, 0]
        self.start = min(r[0][0] for r in run.records if r)
        self.stop = max(r[-1][0] for r in run.records if r)
        self.quantum = 1000 if "micro" in spec else 1
        for side in (0, 1):
            rnd = random.Random(f"{seed} {words} {side}")
            own = {f.number for f in run.sent[side]}
            gone = chosen(run.records[side], run.captured[side], own, spec, side, rnd)
            self.write(run.records[side], spec, side, gone, run.captured[side])
        self.options = []
        if "counted" in spec:
            for side, point in enumerate(POINTS):
                self.options += ["--capture-drops", f"{point}={self.removed[side]}"]
        self.clock = [{"from_ns": self.start, "offset_ns": self.offset(self.start, spec),
                       "skew_ppm": float(spec.get("drift", 0))}]
        if "step" in spec:
            at = (self.start + self.stop) // 2
            self.clock.append({"from_ns": at, "offset_ns": self.offset(at, spec), "skew_ppm": float(spec.get("drift", 0))})
        self.counted = "counted" in spec
        if run.agent and not words:  # as the agent left it, with its journal
            self.files = [shutil.copytree(os.path.join(run.folder, point), os.path.join(folder, point)) for point in POINTS]
            self.counted = True

    def offset(self, at, spec):
        """The server's clock minus the client's, at true time `at` (the client's clock is the truth)."""
        offset = int(float(spec.get("offset", 0)) * 10**9)
        offset += int((at - self.start) * float(spec.get("drift", 0)) * 1e-6)
        if "step" in spec and at >= (self.start + self.stop) // 2:
            offset += int(float(spec["step"]) * 10**9)
        return offset

    def write(self, records, spec, side, gone, taken):
        length = self.stop - self.start
        first = self.start + int(length * number(spec, "late", side))
        last = self.stop - int(length * number(spec, "early", side))
        hole = number(spec, "hole", side) or number(spec, "rotate", side)
        middle = (self.start + self.stop) / 2
        pit = (middle - length * hole / 2, middle + length * hole / 2)
        heads = {f.number: f.payload for f in taken} if "headers" in spec else {}
        cut = int(spec["cut"]) if "cut" in spec else None
        parts, keep, missed, place = [[]], {}, [], {}
        for index, (stamp, data, size) in enumerate(records):
            if not first <= stamp <= last:
                continue
            if index + 1 in gone or (hole and pit[0] <= stamp < pit[1]):
                missed.append(stamp)
                continue
            if number(spec, "rotate", side) and stamp >= pit[1] and len(parts) == 1:
                parts.append([])
            shown = stamp + self.offset(stamp, spec) if side else stamp
            shown -= shown % self.quantum
            bound = heads.get(index + 1, cut) if heads else cut
            parts[-1].append((shown, data[:bound] if bound else data, size))
            keep[index + 1] = (len(parts) - 1) * FILE + len(parts[-1])
            place[index + 1] = stamp
        self.removed[side] = sum(1 for stamp in missed if not (hole and pit[0] <= stamp < pit[1]))
        self.files.append(self.store(POINTS[side], parts))
        bounds = (min(place.values()), max(place.values())) if place else (None, None)
        gap = None
        if len(parts) > 1 and parts[0] and parts[1]:
            gap = (max(place[n] for n in keep if keep[n] < FILE), min(place[n] for n in keep if keep[n] >= FILE))
        self.views.append(View(keep, 0 if heads else cut, *bounds, missed, gap, "counted" in spec))

    def store(self, point, parts):
        if len(parts) == 1:
            path = os.path.join(self.folder, point + ".pcap")
            frames.write_pcap(path, parts[0])
            return path
        path = os.path.join(self.folder, point)
        os.makedirs(path)
        for index, part in enumerate(parts):
            frames.write_pcap(os.path.join(path, f"{index}.pcap"), part)
        return path

    def header(self, seed, name):
        return {"seed": seed, "scenario": f"{name} {self.words}", "quantum_ns": self.quantum, "counted": self.counted,
                "missed": [len(v.missed) for v in self.views], "clock": self.clock}
