"""What two captures suffice to tell (docs/truth.md): decided from the truth and from what was recorded, never from a
correlator's output. The rules are those of fixtures/generate/decide.c.

A loss is decidable where its frame was recorded at its sender, and the receiver's capture ran, missing nothing, from
before its earliest to after its latest arrival:

    sent - rtt + least delay  ...  sent + most delay + rtt + 1 ms

Transmissions that look alike, closer together than delays differ, form a group; where fates in it differ, any member may
stand for another.
"""
import bisect
import collections

import unshown
from frames import RST, SYN, distance
from ledger import CORRUPTED, LOST

NEAR_NS = 10 * 10**9  # a capture's misses spoil what lies nearer than this ...
FEW = 10  # ... or than so many times their mean distance
MARGIN_NS = 10**6
MOTLEY = 2  # per cent of a direction's packets that may deviate from the others' marks or options
DOUBLED_NS = 500_000  # two copies nearer than this the capture may have made itself
AGAIN_NS = 150 * 10**6  # what comes again so late may as well be a host's repetition (they wait 200 ms)


class View:
    """What one aged capture holds of the full one: `keep` maps a frame's number to its new one, `cut` bounds the bytes
    kept of a frame (0: no payload; None: all), `first` and `last` are the true times that it covers, `missed` the true times of
    frames that it lacks, `gap` the true times between the last frame of a file and the first of the next (a bare file ends at
    its last frame); `counted`: its drops are stated."""

    def __init__(self, keep, cut, first, last, missed, gap=None, counted=False):
        self.keep, self.cut, self.first, self.last, self.missed = keep, cut, first, last, sorted(missed)
        self.gap, self.counted = gap, counted
        self.reach = max(NEAR_NS, FEW * (last - first) // len(missed)) if missed and first is not None else NEAR_NS

    def frame(self, seen):
        if not seen or any(part not in self.keep for part in seen.frame.parts):
            return None
        return self.keep[seen.frame.number]

    def holds(self, seen, offset):
        """Whether the payload byte `offset` of this segment was kept."""
        at = seen.frame.payload + seen.offset + offset
        return at < (seen.frame.caplen if self.cut is None else min(seen.frame.caplen, self.cut))

    def missed_near(self, start, end):
        at = bisect.bisect_right(self.missed, start - self.reach)
        return at < len(self.missed) and self.missed[at] < end + self.reach

    def whole(self, start, end):
        if self.first is None or start < self.first or end > self.last:
            return "outside the capture's window"
        if self.gap and end > self.gap[0] and start < self.gap[1]:
            return "between two files"
        return "capture missing packets" if self.missed_near(start, end) else None


class Group:
    """Transmissions that look alike."""

    def __init__(self, number, members, arrived):
        self.number, self.members, self.arrived = number, members, arrived
        self.mixed = self.incomplete = self.confused = False


class Decide:
    """Decidability of every item of a ledger under two views."""

    def __init__(self, ledger, views):
        self.ledger, self.views = ledger, views
        self.measure_delays()
        self.paired = {t.connection for t in ledger.items
                       if t.flags & 2 and self.sent(t) and t.arrivals and self.arrived(t)}
        self.find_late()
        self.find_unshown()
        self.find_marked()
        self.groups = []
        self.group_sent = self.find_groups([(t.identity, t.sent.frame.t, t.number) for t in ledger.items
                                            if t.sent and not t.by_path], False)
        self.group_arrived = self.find_groups([(t.identity_arrived, t.arrivals[0].frame.t, t.number)
                                               for t in ledger.items if t.arrivals], True)

    def sent(self, t):
        return self.views[t.sender].frame(t.sent)

    def arrived(self, t, copy=0):
        return self.views[1 - t.sender].frame(t.arrivals[copy]) if copy < len(t.arrivals) else None

    def measure_delays(self):
        self.least, self.most, self.spread = [None, None], [None, None], [MARGIN_NS, MARGIN_NS]
        latest = [0, 0]
        for t in self.ledger.items:
            if t.by_path or not self.sent(t) or not self.arrived(t):
                continue
            side = t.sender
            delays = [a.frame.t - t.sent.frame.t for a in t.arrivals]
            self.least[side] = min(delays[0], self.least[side]) if self.least[side] is not None else delays[0]
            self.most[side] = max(delays[0], self.most[side] or 0)
            latest[side] = max([latest[side]] + delays)
        for side in (0, 1):
            if latest[side] > 0:
                self.spread[side] = latest[side] - self.least[side] + MARGIN_NS
        one_way = None in self.most
        self.rtt = 0 if one_way else self.least[0] + self.least[1]

    def find_late(self):
        """RFC 4737, between the taps (the kernels' own queues reorder, too): numbered by order of transmission within a
        connection's direction. 1 late, 2 late but overtaken by nothing whole."""
        self.late = {}
        latest, latest_good = {}, {}
        crossed = [t for t in self.ledger.items if not t.by_path and t.arrivals and t.sent]
        for t in sorted(crossed, key=lambda t: t.arrivals[0].place):
            way, good, sent = (t.connection, t.sender), not t.corrupted, t.sent.place
            if sent < latest.get(way, sent):
                self.late[t.number] = 1 if good and sent < latest_good.get(way, sent) else 2
            latest[way] = max(latest.get(way, sent), sent)
            if good:
                latest_good[way] = max(latest_good.get(way, sent), sent)

    def find_unshown(self):
        """By capture, all that it missed: (true time, the transmission whose arrival it was and which nothing shows, or None)."""
        self.gone, hanging = [[], []], unshown.shown(self.ledger, self.views)
        for t in self.ledger.items:
            if t.sent and self.left_out(t.sender, t.sent):
                self.gone[t.sender].append((t.sent.frame.t, None))
            for arrival in t.arrivals:
                if self.left_out(1 - t.sender, arrival):
                    alone = len(t.arrivals) == 1 and t.sent and not t.len and not t.flags & SYN and t.number not in hanging
                    self.gone[1 - t.sender].append((arrival.frame.t, t.number if alone else None))

    def left_out(self, side, seen):
        view = self.views[side]
        return view.first is not None and view.first <= seen.frame.t <= view.last and view.frame(seen) is None

    def as_if_lost(self, t):
        """Whether both captures would be the same had it been lost: it came in corrupted; or nothing shows it (unshown.py), and
        what else the receiver's capture missed near it nothing shows either, nor does a counter. Or whether it came too late
        to be of use, its bytes having been delivered by another transmission."""
        if not self.sent(t) or not t.arrivals or self.arrived(t):
            return False
        if t.fate == CORRUPTED and len(t.arrivals) == 1:  # dropped by the receiver's kernel, without a trace
            return "corrupted"
        if t.len and len(t.arrivals) == 1 and self.came_after_its_bytes(t):
            return "late"
        if self.views[1 - t.sender].counted:
            return False
        at = t.arrivals[0].frame.t
        near = [number for when, number in self.gone[1 - t.sender] if abs(when - at) < self.views[1 - t.sender].reach]
        return t.number in near and None not in near

    def came_after_its_bytes(self, t):
        """Whether all its bytes had come in before, by other transmissions."""
        at, missing = t.arrivals[0].frame.t, {(0, t.len)}
        for other in self.ledger.items:
            if other is t or other.by_path or other.connection != t.connection or other.sender != t.sender or not other.len or \
                    other.corrupted or not other.arrivals or other.arrivals[0].frame.t >= at or not other.sent:
                continue
            low = distance(other.sent.seq, t.sent.seq)
            high = low + other.len
            missing = {part for a, b in missing for part in ((a, min(b, max(a, low))), (max(a, min(b, high)), b)) if part[0] < part[1]}
        return not missing

    def find_marked(self):
        """Directions of connections in which so many packets were marked otherwise that neither value is the rule."""
        marked, all_of = collections.Counter(), collections.Counter()
        for t in self.ledger.items:
            if t.arrivals and not t.by_path:
                all_of[t.connection, t.sender] += 1
                marked[t.connection, t.sender] += None in t.altered
        self.motley = {way for way, count in marked.items() if count * 100 > all_of[way] * MOTLEY}

    def find_groups(self, looks, arrived):
        found, chain = {}, []
        looks.sort(key=lambda look: (hash(look[0]), look[1], look[2]))
        for look in looks + [(None, 0, None)]:
            if chain and (look[0] != chain[-1][0] or look[1] - chain[-1][1] >
                          self.spread[self.ledger.items[look[2]].sender]):
                if len(chain) > 1:
                    self.close_group([self.ledger.items[number] for _, _, number in chain], arrived, found)
                chain = []
            chain.append(look)
        return found

    def close_group(self, members, arrived, found):
        group = Group(len(self.groups) + 1, members, arrived)
        self.groups.append(group)

        def fate(t):
            return t.fate, t.by_path, bool(t.altered), len(t.arrivals) > 1, self.late.get(t.number)
        group.mixed = any(fate(t) != fate(members[0]) for t in members)
        lost = any(t.fate == LOST for t in members)
        group.confused = lost and any(len(t.arrivals) > 1 or t.by_path for t in members)
        group.incomplete = any(not (self.arrived(t) if arrived else self.sent(t)) for t in members)
        for t in members:
            found[t.number] = group

    def mixed_group(self, t, arrived=False):
        group = (self.group_arrived if arrived else self.group_sent).get(t.number)
        return group.number if group and group.mixed else None

    def comparable(self, t):
        if self.most[t.sender] is None:
            return "nothing arrived in this direction"
        if self.ledger.translated and t.connection not in self.paired:
            return "connection without a common SYN under translation"
        return None

    def mistakable(self, t):
        """Whether a copy that the sender's capture missed could stand for what the receiver's recorded."""
        group = self.group_sent.get(t.number)
        if group and (group.confused or (group.mixed and group.incomplete)):
            return True
        return not self.known(t) and bool(self.views[t.sender].missed)

    @staticmethod
    def known(t):
        """Whether an IP ID or a timestamp tells it from a repetition."""
        return t.has_id or (t.has_time and not t.flags & RST)

    def lost(self, t):
        why = self.comparable(t)
        if not why and self.mistakable(t):
            why = "a copy that looks the same may stand for it"
        if why:
            return why
        sent, side = t.sent.frame.t, t.sender
        return self.views[1 - side].whole(sent + self.least[side] - self.rtt - MARGIN_NS,
                                          sent + self.most[side] + self.rtt + MARGIN_NS)

    def sender_whole(self, t, arrived_ns):
        why = self.comparable(t)
        if why:
            return why
        side = t.sender
        return self.views[side].whole(arrived_ns - self.most[side] - self.rtt - MARGIN_NS,
                                      arrived_ns - self.least[side] + self.rtt + MARGIN_NS)

    def injected(self, t):
        group = self.group_arrived.get(t.number)
        if group and group.mixed and group.incomplete:
            return "a copy that looks the same was not recorded"
        return self.sender_whole(t, t.arrivals[0].frame.t)

    def duplicated(self, t):
        apart = t.arrivals[1].frame.t - t.arrivals[0].frame.t
        if abs(apart) < DOUBLED_NS:
            return "copies too close: the capture may have doubled it"
        group = self.group_sent.get(t.number)
        if group and group.confused:
            return "a lost one looks the same"
        if abs(apart) > AGAIN_NS and not self.known(t) and not self.views[t.sender].counted:
            return "it may be a repetition that the sender's capture missed"
        return self.sender_whole(t, t.arrivals[1].frame.t)

    def corrupted(self, t):
        if t.len and not self.views[1 - t.sender].holds(t.arrivals[0], t.len - 1):
            return "frame cut: the checksum cannot be checked"
        return self.comparable(t)

    def altered(self, t):
        if t.corrupted:
            return "corrupted as well: a wrong checksum tells no more"
        for at in t.altered:
            if at is not None and not (self.views[t.sender].holds(t.sent, at) and
                                       self.views[1 - t.sender].holds(t.arrivals[0], at)):
                return "frame cut before the changed byte"
        if None in t.altered and (t.connection, t.sender) in self.motley:
            return "too many are marked otherwise"
        return self.comparable(t)

    def missed(self, t):
        side, at = (1 - t.sender, t.arrivals[0].frame.t) if self.sent(t) else (t.sender, t.sent.frame.t)
        view = self.views[side]
        if view.first is None or not view.first <= at <= view.last:
            return "outside the capture's window"
        if t.len == 0:
            return "nothing acknowledges it"
        if self.sent_again[t.connection, t.sender, t.sent.seq] > 1:
            return "sent more than once"
        return self.comparable(t)

    def reordered(self, t):
        if t.number in self.group_sent or t.number in self.group_arrived:
            return "looks like another"
        if self.late.get(t.number) != 1:
            return "corrupted" if t.fate == CORRUPTED else "overtaken by nothing whole, or a copy of it was"
        for view in self.views:
            if view.missed_near(t.sent.frame.t, t.arrivals[0].frame.t):
                return "capture missing packets"
        return self.sender_whole(t, t.arrivals[0].frame.t)

    @property
    def sent_again(self):
        if not hasattr(self, "_sent_again"):
            self._sent_again = collections.Counter((t.connection, t.sender, t.sent.seq) for t in self.ledger.items
                                                   if t.sent and not t.by_path and t.len)
        return self._sent_again
