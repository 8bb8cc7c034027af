#!/usr/bin/env python3
"""The lab's own arithmetic: reading frames, tying captures to the wire, ageing, deciding what can be decided."""
import json
import os
import struct
import subprocess
import sys
import tempfile
import types
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import age  # noqa: E402
import cut  # noqa: E402
import decide  # noqa: E402
import frames  # noqa: E402
import legs  # noqa: E402
import scenarios  # noqa: E402
import unshown  # noqa: E402
from ledger import Ledger, Seen, Transmission  # noqa: E402

CLIENT, SERVER = bytes([10, 77, 1, 2]), bytes([10, 77, 2, 2])
STAMPS = b"\x01\x01\x08\x0a" + struct.pack("!II", 7, 9)


def packet(seq, length, flags=frames.ACK, options=b"", total=None, src=CLIENT, sport=40000, tag=b"", v6=False, ipid=5):
    """An Ethernet frame with a TCP segment; `total` overrides the IP header's length."""
    tcp = struct.pack("!HHIIHHHH", sport, 8000, seq, 1, (5 + len(options) // 4) << 12 | flags, 100, 0, 0) + options
    body = tcp + bytes(length)
    if v6:
        ip = struct.pack("!IHBB", 6 << 28, len(body), 6, 60) + bytes(12) + src + bytes(12) + SERVER
        return bytes(12) + tag + b"\x86\xdd" + ip + body
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body) if total is None else total, ipid, 0x4000, 60, 6, 0)
    return bytes(12) + tag + b"\x08\x00" + ip + src + SERVER + body


def taken(number, data, stamp=0):
    return frames.decode(number, stamp, data, len(data))


class Reading(unittest.TestCase):
    def test_header(self):
        f = taken(3, packet(1000, 50, frames.ACK | frames.PSH, STAMPS))
        self.assertEqual((f.number, f.seq, f.len, f.flags, f.tsval, f.tsecr, f.ipid, f.ttl), (3, 1000, 50, 24, 7, 9, 5, 60))
        self.assertEqual(f.kept, 50)

    def test_sack(self):
        f = taken(1, packet(1, 0, options=b"\x01\x01\x05\x0a" + struct.pack("!II", 100, 200)))
        self.assertEqual(f.sack, ((100, 200),))

    def test_super_segment_without_length(self):
        self.assertEqual(taken(1, packet(1, 9000, total=0)).len, 9000)

    def test_padding_is_no_payload(self):
        self.assertEqual(taken(1, packet(1, 0) + bytes(6)).len, 0)

    def test_tag_and_ipv6(self):
        f = taken(1, packet(1, 10, tag=b"\x81\x00\x00\x4d", v6=True))
        self.assertEqual((f.vlan, f.len, f.ipid), (77, 10, None))

    def test_tunnel(self):
        inner = packet(77, 10)
        udp = struct.pack("!HHHH", 1, frames.VXLAN_PORT, 16 + len(inner), 0) + b"\x08\0\0\0\0\0\x4d\0" + inner
        ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(udp), 1, 0, 60, 17, 0) + bytes(8)
        f = taken(1, bytes(12) + b"\x08\x00" + ip + udp)
        self.assertEqual((f.tunnel, f.seq, f.len, f.src), (77, 77, 10, CLIENT))

    def test_not_tcp_or_cut_short(self):
        self.assertIsNone(taken(1, packet(1, 0)[:30]))
        self.assertIsNone(taken(1, bytes(12) + b"\x08\x06" + bytes(28)))

    def test_pcap_there_and_back(self):
        with tempfile.NamedTemporaryFile() as file:
            frames.write_pcap(file.name, [(1700000000123456789, b"abc", 9)])
            self.assertEqual(frames.read_pcap(file.name)[1], [(1700000000123456789, b"abc", 9)])


    def test_fragments(self):
        whole = packet(1000, 100)
        first = whole[:18] + struct.pack("!HH", 5, 0x2000) + whole[22:14 + 20 + 64]
        first = first[:16] + struct.pack("!H", 20 + 64) + first[18:]
        rest = whole[:16] + struct.pack("!HHH", 20 + 56, 5, 8) + whole[22:34] + whole[34 + 64:]
        for order, found in (((first, rest), [1000]), ((rest, first), []), ((first,), []), ((first, whole, rest), [1000, 1000])):
            fragments = frames.Fragments()
            taken_in = [fragments.add(n + 1, n, data, len(data)) for n, data in enumerate(order)]
            self.assertEqual([f.seq for f in taken_in if f], found)
        f = taken_in[2]
        self.assertEqual((f.number, f.parts, f.len, f.ipid), (3, (1, 3), 100, 5))


class Legs(unittest.TestCase):
    def match(self, captured, wire):
        return legs.match_leg([taken(i + 1, p) for i, p in enumerate(captured)], [taken(i + 1, p) for i, p in enumerate(wire)], {})

    def test_super_segment(self):
        leg = self.match([packet(1000, 300), packet(1300, 0)], [packet(1000, 100), packet(1100, 100), packet(1200, 100), packet(1300, 0)])
        self.assertEqual([(leg.seen[n].frame.number, leg.seen[n].offset) for n in (1, 2, 3, 4)], [(1, 0), (1, 100), (1, 200), (2, 0)])
        self.assertEqual((leg.lost, leg.made), ([], []))

    def test_a_retransmission_takes_its_own_frame(self):
        leg = self.match([packet(1000, 100), packet(1000, 100)], [packet(1000, 100), packet(1000, 100)])
        self.assertEqual([leg.seen[n].frame.number for n in (1, 2)], [1, 2])

    def test_lost_and_made(self):
        leg = self.match([packet(1000, 200), packet(1200, 50)], [packet(1000, 100), packet(1200, 50), packet(5000, 10)])
        self.assertEqual([(f.number, o) for f, o in leg.lost], [(1, 100)])
        self.assertEqual([w.number for w in leg.made], [3])

    def test_another_stamp_is_another_packet(self):
        leg = self.match([packet(1, 10, options=STAMPS)], [packet(1, 10)])
        self.assertEqual(len(leg.made), 1)

    def test_translated_ports(self):
        inside = [taken(1, packet(500, 0, frames.SYN)), taken(2, packet(501, 10))]
        outside = [taken(1, packet(500, 0, frames.SYN, sport=7)), taken(2, packet(501, 10, sport=7))]
        table = legs.untranslate(inside, outside)
        leg = legs.match_leg(inside, outside, table)
        self.assertEqual(leg.seen[2].frame.number, 2)
        self.assertEqual(legs.untranslate(inside, inside), {})


    def test_ports_of_an_older_connection_used_again(self):
        """The first connection of a port was answered, the second one was not: each way of telling it knows one."""
        forth = {("c", 7, "s", 8000): [(1, ("c", 101, "s", 8000)), (9, ("c", 102, "s", 8000))]}
        back = {("s", 8000, "c", 7): [(2, ("s", 8000, "c", 101))]}
        table = legs.merged(legs.other_way(forth), back)
        self.assertEqual(legs.translated_flow(table, ("s", 8000, "c", 7), 5), ("s", 8000, "c", 101))
        self.assertEqual(legs.translated_flow(table, ("s", 8000, "c", 7), 10), ("s", 8000, "c", 102))


def run_of(stamps):
    """What age.Aged reads of a run: the same frames on both sides."""
    records = [[(t, packet(100 * i, 100), 154) for i, t in enumerate(stamps)] for _ in (0, 1)]
    captured = [[frames.decode(i + 1, *r) for i, r in enumerate(side)] for side in records]
    return types.SimpleNamespace(records=records, captured=captured, sent=[captured[0], []], agent=None)


class Ageing(unittest.TestCase):
    STAMPS = [10**9 * i for i in range(1, 12)]

    def aged(self, words):
        with tempfile.TemporaryDirectory() as folder:
            aged = age.Aged(run_of(self.STAMPS), words, folder, 1)
            files = [[f] if f.endswith(".pcap") else [os.path.join(f, n) for n in sorted(os.listdir(f))] for f in aged.files]
            return aged, [[frames.read_pcap(f)[1] for f in side] for side in files]

    def test_as_taken(self):
        aged, files = self.aged("")
        self.assertEqual([t for t, _, _ in files[1][0]], self.STAMPS)
        self.assertEqual(aged.views[0].keep, {n: n for n in range(1, 12)})

    def test_clock(self):
        aged, files = self.aged("offset=3600+drift=100+step=-0.5")
        self.assertEqual([t for t, _, _ in files[0][0]], self.STAMPS)
        self.assertEqual(files[1][0][0][0], self.STAMPS[0] + 3600 * 10**9)
        self.assertEqual(files[1][0][-1][0], self.STAMPS[-1] + 3600 * 10**9 + 10**6 - 5 * 10**8)
        self.assertEqual([c["offset_ns"] for c in aged.clock], [3600 * 10**9, 3599500500000])

    def test_late_early_hole(self):
        self.assertEqual(len(self.aged("late=client:30%")[1][0][0]), 8)
        self.assertEqual(len(self.aged("early=server:30%")[1][1][0]), 8)
        aged, files = self.aged("rotate=server:25%")
        self.assertEqual([len(f) for f in files[1]], [4, 4])
        self.assertEqual(aged.views[1].keep[8], age.FILE + 1)
        self.assertEqual(len(aged.views[1].missed), 3)

    def test_missed_and_stated(self):
        aged, files = self.aged("thin=server:50%+counted")
        missing = 11 - len(files[1][0])
        self.assertGreater(missing, 0)
        self.assertEqual(aged.options[-1], f"server={missing}")
        self.assertEqual(len(aged.views[1].missed), missing)

    def test_cut(self):
        self.assertEqual({len(d) for _, d, _ in self.aged("cut=60")[1][0][0]}, {60})
        aged, files = self.aged("headers")
        self.assertEqual({len(d) for _, d, _ in files[0][0]}, {54})
        seen = Seen(frames.decode(1, 0, packet(0, 100), 154), 0)
        self.assertFalse(aged.views[0].holds(seen, 0))

    def test_retransmissions(self):
        f = [taken(i + 1, p) for i, p in enumerate((packet(1, 100), packet(101, 100), packet(1, 100), packet(201, 0)))]
        self.assertEqual(age.retransmissions(f, {1, 2, 3, 4}), [3])


class Cutting(unittest.TestCase):
    def test_frames_and_truth(self):
        with tempfile.TemporaryDirectory() as case, tempfile.TemporaryDirectory() as pair:
            records = [(n, packet(100 * n, 100, sport=40000 + n % 2), 154) for n in range(1, 9)]
            for point in ("client", "server"):
                frames.write_pcap(os.path.join(case, point + ".pcap"), records)
            truth = [{"truth": "header"}, {"truth": "hop"}, {"truth": "group", "id": 1, "seen_at": "client", "frames": [3, 5, 4]}]
            truth += [{"truth": "lost", "seen_at": "client", "frame": n, "decidable": True, "why_not": None} for n in (3, 4, 7)]
            with open(os.path.join(case, "truth.ndjson"), "w", encoding="utf-8") as out:
                out.writelines(json.dumps(line) + "\n" for line in truth)
            arguments = types.SimpleNamespace(ports={40001}, client=(2, 6), server=None, bytes=60)
            taken_in = {point: cut.cut_point(case, pair, point, arguments) for point in ("client", "server")}
            self.assertEqual(taken_in["client"], {3: (0, 1), 5: (0, 2)})
            self.assertEqual(len(taken_in["server"]), 4)
            left = cut.cut_truth(case, taken_in)
            self.assertEqual([line["truth"] for line in left], ["header", "group", "lost"])
            self.assertEqual((left[1]["frames"], left[2]["frame"], left[2]["decidable"]), ([1, 2], 1, False))
            plain = subprocess.run(["zstd", "-dcq", os.path.join(pair, "client.pcapng.zst")], capture_output=True, check=True)
            self.assertEqual(plain.stdout[:4], b"\x0a\x0d\x0d\x0a")


class Deciding(unittest.TestCase):
    """Ten packets, a second apart, 10 ms under way; the fifth is lost."""

    def decided(self, views=None):
        ledger = Ledger()
        for i in range(10):
            t = Transmission(i, 0)
            t.connection, t.len = 1, 100
            t.sent = Seen(taken(i + 1, packet(100 * i, 100), i * 10**9), 0)
            t.identity = t.identity_arrived = i
            if i != 4:
                t.arrivals = [Seen(taken(i + 1, packet(100 * i, 100), i * 10**9 + 10**7), 0)]
            ledger.items.append(t)
        self.lost = ledger.items[4]
        return decide.Decide(ledger, views or [self.view(), self.view()])

    @staticmethod
    def view(first=-10**9, last=2 * 10**10, missed=()):
        return decide.View({n: n for n in range(1, 11)}, None, first, last, missed)

    def test_whole(self):
        self.assertIsNone(self.decided().lost(self.lost))

    def test_ends_before_it_could_arrive(self):
        d = self.decided([self.view(), self.view(last=4 * 10**9 + 5 * 10**6)])
        self.assertEqual(d.lost(self.lost), "outside the capture's window")

    def test_capture_missed_packets(self):
        d = self.decided([self.view(), self.view(missed=[9 * 10**9])])
        self.assertEqual(d.lost(self.lost), "capture missing packets")

    def test_look_alike(self):
        d = self.decided()
        for t in d.ledger.items[4:6]:
            t.identity = "same"
            t.sent.frame.t = 4 * 10**9
        d = decide.Decide(d.ledger, d.views)
        self.assertIsNotNone(d.mixed_group(self.lost))
        self.assertEqual(d.mixed_group(self.lost), d.mixed_group(d.ledger.items[5]))

    def test_reordered_between_the_taps(self):
        d = self.decided()
        one, two = d.ledger.items[6:8]
        one.arrivals[0].frame.number, two.arrivals[0].frame.number = 8, 7
        d = decide.Decide(d.ledger, d.views)
        self.assertEqual(d.late, {6: 1})


    def test_between_two_files(self):
        d = self.decided([self.view(), decide.View({n: n for n in range(1, 11)}, None, -10**9, 2 * 10**10, (), (4 * 10**9, 5 * 10**9))])
        self.assertEqual(d.lost(self.lost), "between two files")

    def unshown(self, answered, missed=(), counted=False):
        """The eighth, an acknowledgement, arrives, and the receiver's capture misses it."""
        ledger = self.decided().ledger
        one = ledger.items[7]
        one.len = 0
        keep = {n: n for n in range(1, 11) if n != 8 and n not in missed}
        for i in (6, 7) if answered else ():  # what came in the first time asked for it
            t = Transmission(4 + i, 1)
            t.connection, t.len, t.identity = 1, 0, f"answer {i}"
            t.sent = Seen(taken(5 + i, packet(1, 0), i * 10**9 + 2 * 10**7), 0)
            ledger.items.append(t)
            keep[5 + i] = 5 + i
        d = decide.Decide(ledger, [self.view(), decide.View(keep, None, -10**9, 2 * 10**10, [7 * 10**9], counted=counted)])
        return d.as_if_lost(one)

    def test_as_if_lost(self):
        self.assertTrue(self.unshown(False))
        self.assertFalse(self.unshown(True))
        self.assertFalse(self.unshown(False, missed=(3,)))
        self.assertFalse(self.unshown(False, counted=True))


class Unshown(unittest.TestCase):
    """A host sends 3000 bytes; an acknowledgement of 1000, one of 2000 that its capture misses, then what a test says."""

    @staticmethod
    def frame(seq, ack, length, stamps=(7, 9)):
        f = taken(1, packet(seq, length, options=b"\x01\x01\x08\x0a" + struct.pack("!II", *stamps)))
        f.ack = ack
        return f

    def told(self, *then, last=4900):
        """Whether the second acknowledgement is shown; `then`: (milliseconds, it comes in, seq, ack, length, stamps)."""
        seen, missed = [], None
        for number, (ms, came, seq, ack, length, stamps) in enumerate((
                (0, False, 0, 1, 3000, (5, 6)), (10, True, 1, 1000, 0, (7, 5)), (20, True, 1, 2000, 0, (8, 5)), *then)):
            t = Transmission(number, int(not came))
            t.len, t.flags, t.sent = length, frames.ACK, Seen(self.frame(seq, ack, length, stamps), 0)
            t.arrivals = [t.sent] if came else []
            missed = t if number == 2 else missed
            seen.append((ms * 10**6, t, came))
        return unshown.follow(seen, lambda t: t is not missed, last * 10**6) == {2}

    def test_nothing_shows_it(self):
        self.assertFalse(self.told((30, True, 1, 3000, 0, (9, 5))))
        self.assertFalse(self.told((25, False, 3000, 1, 1000, (6, 7)), (30, True, 1, 3000, 0, (9, 5))))

    def test_what_the_host_sends(self):
        for sent in ((25, False, 3000, 1, 1000, (6, 8)),  # echoes what only the missed one had brought
                     (25, False, 3000, 1, 15000, (6, 7)),  # beyond what was in flight, and what was acknowledged
                     (25, False, 1000, 1, 1000, (6, 7)),  # repeats what the missed one did not acknowledge
                     (25, False, 3000, 1, 0, (6, 7))):  # acknowledges nothing new; the first time it was the first
            then = [sent] if sent[4] else [(15, False, 3000, 1, 0, (6, 7)), sent]
            self.assertTrue(self.told(*sorted(then), (30, True, 1, 3000, 0, (9, 5))), sent)

    def test_silence(self):
        self.assertTrue(self.told(last=6000))
        self.assertTrue(self.told((5500, True, 1, 3000, 0, (9, 5))))
        self.assertFalse(self.told())


class Scenarios(unittest.TestCase):
    """All that the wire can do is used by some scenario."""

    def test_language(self):
        rules = [rule.split() for s in scenarios.SCENARIOS for rule in s.rules]
        actions = {r[1] for r in rules if r[0] in ("up", "down", "both")}
        self.assertEqual(actions, {"drop", "copy", "hold", "swap", "corrupt", "alter", "reset", "refuse", "icmp", "mss", "strip",
                                   "dscp", "ecn", "ttl", "ipid", "seq", "synproxy"})
        conditions = {word.replace("<", "=").replace(">", "=").split("=")[0] for r in rules if "when" in r for word in r[r.index("when") + 1:]}
        self.assertEqual(conditions, {"share", "burst", "count", "nth", "every", "time", "phase", "size", "data", "nodata", "flags",
                                      "only", "hash", "port", "any", "v4", "v6", "dscp"})
        for word in ("time-exceeded", "too-big", "prohibited", "zero", "random", "count", "sack=keep", "partial", "header"):
            self.assertTrue(any(word in r for r in rules), word)

    def test_names(self):
        names = [s.name for s in scenarios.SCENARIOS]
        self.assertEqual(len(set(names)), len(names))
        self.assertGreaterEqual(len(names), 50)


if __name__ == "__main__":
    unittest.main()
