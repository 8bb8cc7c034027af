"""Arrivals that a capture missed and that something shows all the same (docs/truth.md, "as if lost").

Followed is what each host sent on a connection, as it did, against what the capture beside it recorded of what came in:

    came in    A      [B]           C        B was missed; C acknowledges no less
    sent          s1       s2   s3           s2 and s3 are what may show that B came

A segment shows it where it would not have been that without B: it echoes a time stamp that nothing recorded had
brought; it carries data beyond the window, or beyond what a sender in slow start, from ten segments on, has in flight
by the acknowledgements that were recorded (after a repetition: beyond what it had in flight before); it repeats what
had not been acknowledged; it acknowledges nothing that came in since; it is a reset. And silence shows it, where B
acknowledged what nothing recorded did within five seconds: had it not come, the host would have sent that again.
"""
import collections

from frames import FIN, MASK, RST, SYN, distance

TEN_SEGMENTS = 14600
REPEATS_NS = 5 * 10**9  # no host waits longer for an acknowledgement, but where it has waited long before


def window_scale(options):
    """The factor of a SYN's window scale option, None where it has none."""
    at = 0
    while at + 1 < len(options) and options[at + 1] >= 2:
        if options[at] == 3:
            return 1 << options[at + 2]
        at += options[at + 1]
    return None


class Host:
    """What one end of a connection had heard, by what its capture recorded, and had sent."""

    def __init__(self):
        self.acked = self.edge = self.sent = self.scale = None
        self.stamps = set()
        self.flight, self.since, self.again = TEN_SEGMENTS, 0, False  # the most in flight; acknowledged since; repeated
        self.alive, self.owing, self.said = True, False, None

    def hear(self, t):
        frame = t.arrivals[0].frame
        self.owing = self.owing or span(t) > 0
        if frame.flags & RST:
            self.alive = False
            return
        if frame.tsval is not None:
            self.stamps.add(frame.tsval)
        if frame.flags & SYN:
            self.scale = window_scale(frame.options)
        if not frame.flags & 16:
            return
        if self.acked is not None and distance(frame.ack, self.acked) > 0 and not self.again:
            self.since += distance(frame.ack, self.acked)
        if self.acked is None or distance(frame.ack, self.acked) > 0:
            self.acked = frame.ack
        edge = (frame.ack + frame.window * (1 if frame.flags & SYN else self.scale or 1)) & MASK
        if self.edge is None or distance(edge, self.edge) > 0:
            self.edge = edge

    def shows(self, t):
        """Whether this segment would be another, or not there, without what was not recorded."""
        frame, end = t.sent.frame, (t.sent.seq + span(t)) & MASK
        if frame.flags & RST:
            return True
        if frame.tsecr and self.stamps and frame.tsecr not in self.stamps:
            return True
        if not span(t):  # an acknowledgement of nothing new, with nothing changed, answers something
            return not self.owing and (frame.ack, frame.window) == self.said
        return self.acked is not None and (self.sent is not None and distance(t.sent.seq, self.sent) < 0 or
                                           distance(end, self.acked) > self.flight + self.since or
                                           self.scale is not None and distance(end, self.edge) > 0)

    def send(self, t, heard_all):
        length, end = span(t), (t.sent.seq + span(t)) & MASK
        self.alive = self.alive and not t.flags & RST
        if length and self.sent is not None and distance(t.sent.seq, self.sent) < 0:
            self.flight, self.since, self.again = 0, 0, True
        elif length and heard_all and self.acked is not None and distance(end, self.acked) > self.flight + self.since:
            self.flight, self.since = distance(end, self.acked), 0
        if self.sent is None or distance(end, self.sent) > 0:
            self.sent = end
        self.owing, self.said = False, (t.sent.frame.ack, t.sent.frame.window)

    def awaits(self, ack):
        """Whether this acknowledges what nothing recorded did."""
        return self.acked is not None and self.sent is not None and distance(ack, self.acked) > 0 and \
            distance(self.sent, self.acked) > 0


def span(t):
    return t.len + bool(t.flags & (SYN | FIN))


def follow(seen, recorded, last):
    """Numbers of the missed arrivals of one end that something shows. `seen`: (time, transmission, it came in), in time;
    `last`: the end of the capture."""
    host, found, waiting = Host(), set(), []  # waiting: (number, flags, ack, when, it is awaited)

    def settle(now):
        found.update(w[0] for w in waiting if w[4] and host.alive and now - w[3] > REPEATS_NS)
    for when, t, came in seen:
        if came:
            frame = t.arrivals[0].frame
            settle(when)
            waiting = [w for w in waiting if w[1] & (FIN | RST) or distance(frame.ack, w[2]) < 0]
            if recorded(t):
                host.hear(t)
            else:
                waiting.append((t.number, t.flags, frame.ack, when, host.awaits(frame.ack)))
            continue
        if waiting and (host.shows(t) or any(w[1] & (FIN | RST) for w in waiting)):
            found.update(w[0] for w in waiting)
            waiting = []
        host.send(t, not waiting)
    settle(last)
    return found


def shown(ledger, views):
    """Numbers of the arrivals that their receiver's capture missed and that something shows."""
    ways, found = collections.defaultdict(list), set()
    for t in ledger.items:
        if t.arrivals:
            ways[t.connection, 1 - t.sender].append((t.arrivals[0].frame.t, t, True))
        if t.sent and not t.by_path:
            ways[t.connection, t.sender].append((t.sent.frame.t, t, False))
    for (_, side), seen in ways.items():
        view = views[side]
        if view.first is not None:
            seen.sort(key=lambda entry: entry[0])
            found |= follow(seen, lambda t, view=view: view.frame(t.arrivals[0]) is not None, view.last)
    return found
