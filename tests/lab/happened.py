"""Did it happen? A scenario that did nothing, or an ageing that took nothing away, proves nothing."""
import collections
import json

import age
import frames
from ledger import LOST, POINTS


def played(scenario, run, notes):
    """What of a run did not happen, though the scenario is about it."""
    wrong = []
    if notes["wire_status"] != 0 or not run.end.get("whole"):
        wrong.append(f"the wire's truth is not whole: status {notes['wire_status']}, {json.dumps(run.end)}")
    for point in POINTS:
        if notes["tcpdump"][point] != 0:
            wrong.append(f"tcpdump at the {point} dropped {notes['tcpdump'][point]}")
    wrong += notes["failed"]
    rules = run.header["rules"]
    wrong += [f"rule {i} ({rules[i]}) harmed nothing" for i, hits in enumerate(run.end["hits"])
              if hits == 0 and i not in scenario.idle]
    if not (scenario.lossy or scenario.relay or scenario.routers):
        odd = run.anomalies()
        if odd:
            wrong.append(f"a leg lost or made {len(odd)} frames: {'; '.join(odd[:3])}")
    wrong += [f"{name}: {what}" for name in scenario.must if (what := HAPPENED[name](run))]
    return wrong


def several(sides, ends=(0, 1)):
    """What is missing of frames that hold several wire segments."""
    count = [sum(1 for f in side if len(f.pieces) > 1) for side in sides]
    return None if all(count[end] for end in ends) else f"{count[0]} at the client, {count[1]} at the server"


def lost_dsacks(run):
    """Acknowledgements that reported a duplicate, and were lost."""
    lost = {(line["pcap"], line["frame"]) for line in run.lines if line["wire"] == "in" and line["fate"] == "dropped"}
    return sum(1 for name in ("client-in", "server-in") for f in run.wire[name]
               if (name, f.number) in lost and f.sack and frames.distance(f.sack[0][0], f.ack) < 0)


def reused(run):
    """How many connections began on addresses and ports that one had used before."""
    isns = collections.defaultdict(set)
    for f in run.sent[0]:
        if f.flags & (frames.SYN | frames.ACK) == frames.SYN:
            isns[f.flow].add(f.seq)
    return sum(len(s) - 1 for s in isns.values())


def resets(run):
    return sum(1 for side in run.captured for f in side if f.flags & frames.RST)


HAPPENED = {  # None, or what it is that did not
    "supers": lambda run: several(run.sent),
    "merged": lambda run: several(run.came),
    "merged-server": lambda run: several(run.came, (1,)),
    "fragments": lambda run: None if any(len(f.parts) > 1 for side in run.came for f in side) else "no segment came in fragments",
    "reused": lambda run: None if reused(run) else "no addresses and ports were used again",
    "resets": lambda run: None if resets(run) else "no reset was captured",
    "tunnelled": lambda run: None if any(f.tunnel or f.vlan for f in run.came[1]) else "no frame came to the server in a tunnel",
    "partial-sums": lambda run: None if any(o["packet"].get("sum") == "partial" for o in run.lines if o["wire"] == "out")
    else "all sums were complete",
    "lost-dsack": lambda run: None if lost_dsacks(run) else "no report of a duplicate was lost",
}


def aged(scenario, ledger, pair):
    """What of an ageing did not happen."""
    words = age.parse(pair.words) if pair.words else {}
    wrong = []
    if {"thin", "burst", "miss"} & set(words) and not any(view.missed for view in pair.views):
        wrong.append(f"{pair.words}: no frame was missed")
    if "again" in words and "again" in scenario.must_miss and not again_after_loss(ledger, pair.views):
        wrong.append("no retransmission of what was lost was missed by its sender's capture")
    return wrong


def again_after_loss(ledger, views):
    """Losses whose repetition the sender's capture missed."""
    lost, count = collections.defaultdict(set), 0
    for t in ledger.items:
        if not t.sent or not t.len or t.by_path:
            continue
        way = t.connection, t.sender
        count += t.sent.seq in lost[way] and not views[t.sender].frame(t.sent)
        if t.fate == LOST and views[t.sender].frame(t.sent):
            lost[way].add(t.sent.seq)
    return count
