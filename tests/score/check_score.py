#!/usr/bin/env python3
"""The scorer itself: what it must credit and what it must call false."""
import copy
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import score  # noqa: E402  pylint: disable=wrong-import-position

HEADER = {"truth": "header", "seed": 1, "scenario": "x", "points": ["client", "server"], "quantum_ns": 1,
          "terminated_between": False, "missed": [0, 0],
          "clock": [{"from_ns": 0, "offset_ns": 100, "skew_ppm": 10}, {"from_ns": 10**9, "offset_ns": 500, "skew_ppm": 10}]}


def item(frame, seq=1000, length=100, kind="lost", group=None, decidable=True):
    return {"truth": kind, "from": "client", "to": "server", "decidable": decidable, "why_not": None,
            "seen_at": "client", "file": 0, "frame": frame, "seq": seq, "len": length, "flags": "ACK", "connection": 1,
            "group": group, "late_ns": 0}


def event(frame, seq=1000, length=100, kind="lost", level="proven", one_of=()):
    return {"event": kind, "level": level, "seen_at": "client", "frame": frame, "seq": seq, "len": length,
            "flags": "ACK", "connection": 1, "id": 1, "reason": "a gap",
            "one_of": [{"point": "client", "file": 0, "frame": f} for f in one_of]}


def outcome(truth, events, report=None):
    return score.summarize(score.Truth([copy.deepcopy(t) for t in [HEADER] + truth]), events, report)


class Scoring(unittest.TestCase):
    def expect(self, truth, events, found, proven, supported=0):
        result = outcome(truth, events)
        self.assertEqual(sum(r["found"] for r in result["kinds"].values()), found)
        self.assertEqual(len(result["false_proven"]), proven)
        self.assertEqual(len(result["false_supported"]), supported)

    def test_exact(self):
        self.expect([item(5)], [event(5)], 1, 0)

    def test_wrong_frame_kind_bytes(self):
        self.expect([item(5)], [event(6)], 0, 1)
        self.expect([item(5)], [event(5, kind="injected")], 0, 1)
        self.expect([item(5)], [event(5, seq=5000)], 0, 1)
        self.expect([item(5)], [event(5, seq=1100, level="supported")], 0, 0, 1)

    def test_one_event_one_item(self):
        self.expect([item(5)], [event(5), event(5)], 1, 1)

    def test_two_copies_of_one_packet(self):
        copies = [item(5, kind="duplicated"), item(5, kind="duplicated")]
        self.expect(copies, [event(5, kind="duplicated"), event(5, kind="duplicated")], 2, 0)
        self.expect(copies, [event(5, kind="duplicated")], 1, 0)

    def test_part_of_a_super_segment(self):
        parts = [item(5, 1000, 100), item(5, 1100, 100)]
        self.expect(parts, [event(5, 1000, 200)], 2, 0)
        self.expect(parts, [event(5, 1000, 100), event(5, 1100, 100)], 2, 0)
        self.expect(parts[:1], [event(5, 1000, 300)], 1, 1)

    def test_cut_elsewhere(self):
        parts = [item(5, 1000, 100), item(5, 1100, 100)]
        pieces = [event(5, 1000, 80), event(5, 1080, 80), event(5, 1160, 40)]
        self.expect(parts, pieces, 2, 0)
        self.assertEqual(outcome(parts, pieces)["split"], 1)
        self.expect(parts, [event(5, 1000, 150), event(5, 1150, 150)], 2, 1)
        self.expect(parts[:1], [event(5, 1000, 80), event(5, 1080, 20)], 1, 0)
        self.expect(parts[:1], [event(5, 1000, 80), event(5, 1070, 30)], 1, 1)

    def test_wrapped_sequence_numbers(self):
        self.expect([item(5, 2**32 - 50, 100)], [event(5, 2**32 - 50, 100)], 1, 0)
        self.expect([item(5, 50, 100)], [event(5, 2**32 - 50, 200)], 1, 1)

    def test_groups(self):
        group = {"truth": "group", "id": 3, "seen_at": "client", "frames": [5, 6, 7]}
        truth = [item(5, group=3), item(6, group=3), group]
        self.expect(truth, [event(7), event(6)], 2, 0)
        self.expect(truth, [event(5, one_of=(5, 6, 7)), event(5, one_of=(5, 6, 7))], 2, 0)
        self.expect(truth, [event(f) for f in (5, 6, 7)], 2, 1)
        self.expect(truth, [event(8)], 0, 1)

    def test_one_of_several_segments(self):
        parts = [item(5, 1000, 100), item(5, 1100, 100)]
        self.expect(parts, [event(5, 1000, 200, one_of=(5, 6))], 2, 0)
        self.expect(parts, [event(6, 1000, 200, one_of=(5, 6))] + 2 * [event(6, 1000, 100, one_of=(5, 6))], 2, 1)
        self.expect([item(5, 1000, 100), item(6, 1000, 100)], [event(5, 1000, 200, one_of=(5, 6))], 1, 0)

    def test_as_if_lost(self):
        truth = [{**item(5, kind="missed"), "as_if_lost": True}]
        self.expect(truth, [event(5, level="supported")], 0, 0)
        self.assertEqual(outcome(truth, [event(5, level="supported")])["unshown"], 1)
        self.expect(truth, [event(5)], 0, 1)
        self.expect([{**item(5, kind="missed"), "as_if_lost": "corrupted"}], [event(5)], 0, 0)
        self.expect([item(5, kind="missed")], [event(5, level="supported")], 0, 0, 1)

    def test_undecidable_is_true_all_the_same(self):
        self.expect([item(5, decidable=False)], [event(5)], 0, 0)

    def test_unresolved_is_neither(self):
        result = outcome([item(5)], [event(5, kind="unresolved", level="undecided")])
        self.assertEqual(result["unresolved"], {"a gap": 1})
        self.assertEqual(result["kinds"]["lost"]["missed"], 1)
        self.assertTrue(result["not_found"][0]["unresolved"])
        self.assertEqual(result["false_proven"] + result["false_supported"], [])

    def test_clock(self):
        def clock(at_ns, low, high):
            part = {"from_ns": at_ns, "offset_ns": low, "offset_low_ns": low, "offset_high_ns": high,
                    "skew_low_ppm": -200, "skew_high_ppm": 200}
            return {"window": {"first_ns": None}, "resets": [],
                    "clocks": [{"point": "server", "reference": False, "segments": [part]}]}
        self.assertEqual(outcome([], [], clock(0, 90, 110))["clock_wrong"], [])
        self.assertEqual(outcome([], [], clock(2 * 10**9, 10000, 11000))["clock_wrong"], [])
        self.assertEqual(len(outcome([], [], clock(0, 110, 120))["clock_wrong"]), 1)
        self.assertEqual(len(outcome([], [], clock(2 * 10**9, 90, 110))["clock_wrong"]), 1)


if __name__ == "__main__":
    unittest.main()
