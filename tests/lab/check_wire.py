#!/usr/bin/env python3
"""Does the wire do what its truth says? Real connections go through it while tcpdump records both its neighbours' ports.

  check_wire.py WIRE [NAME...]

Of every scenario: the frames that tcpdump saw are those of the truth, byte for byte and in order; each truth line's fields
and changes are what another reader (this file) finds in those frames; and the harm itself shows in the captures. Exit
status 0, or 1 with what is wrong.
"""
import collections
import concurrent.futures
import itertools
import json
import os
import socket
import struct
import sys
import tempfile
import time
import zlib

import topology

HERE = os.path.dirname(os.path.abspath(__file__))
FLAGS = ("FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR")
FILTER = "tcp or icmp or (icmp6 and ip6[40] < 5)"
AT_ONCE = 3  # scenarios mostly wait
# fields of a packet in the truth that are not compared by name: sums and digests are, by themselves
DERIVED = ("sum", "body", "hash")


# ---- captures ----


def read_pcap(path):
    """[(nanoseconds, bytes)] of a nanosecond pcap of this machine."""
    with open(path, "rb") as file:
        data = file.read()
    if struct.unpack_from("=I", data)[0] != 0xA1B23C4D:
        raise ValueError(f"{path}: no nanosecond pcap")
    frames, at = [], 24
    while at < len(data):
        seconds, nanoseconds, size, whole = struct.unpack_from("=IIII", data, at)
        if size != whole:
            raise ValueError(f"{path}: cut frames")
        frames.append((seconds * 10**9 + nanoseconds, data[at + 16:at + 16 + size]))
        at += 16 + size
    return frames


def words(data):
    if len(data) % 2:
        data += b"\0"
    return sum(struct.unpack(f"!{len(data) // 2}H", data))


def folded(total):
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def read_ip(frame):
    """Fields of the IP header, the payload, and the pseudo header."""
    ip = frame[14:]
    if frame[12:14] == b"\x08\x00":
        header = (ip[0] & 15) * 4
        total = struct.unpack_from("!H", ip, 2)[0]
        ip = ip[:total]
        fields = {"v": 4, "src": socket.inet_ntop(socket.AF_INET, ip[12:16]), "dst": socket.inet_ntop(socket.AF_INET, ip[16:20]),
                  "ip_id": struct.unpack_from("!H", ip, 4)[0], "ttl": ip[8], "dscp": ip[1] >> 2, "ecn": ip[1] & 3}
        assert folded(words(ip[:header])) == 0xFFFF, "the IPv4 header's sum is wrong"
        pseudo, proto = ip[12:20], ip[9]
    else:
        header = 40
        ip = ip[:40 + struct.unpack_from("!H", ip, 4)[0]]
        traffic_class = (ip[0] & 15) << 4 | ip[1] >> 4
        fields = {"v": 6, "src": socket.inet_ntop(socket.AF_INET6, ip[8:24]), "dst": socket.inet_ntop(socket.AF_INET6, ip[24:40]),
                  "ip_id": None, "ttl": ip[7], "dscp": traffic_class >> 2, "ecn": traffic_class & 3}
        pseudo, proto = ip[8:40], ip[6]
    fields["hash"] = zlib.crc32(ip)
    return fields, proto, ip[header:], pseudo + struct.pack("!II", len(ip) - header, proto)


def read_options(options):
    found = {"mss": None, "wscale": None, "sackok": False, "tsval": None, "tsecr": None, "sack": []}
    while options and options[0] != 0:
        if options[0] == 1:
            options = options[1:]
            continue
        kind, size = options[0], options[1]
        body, options = options[2:size], options[size:]
        if kind == 2:
            found["mss"] = struct.unpack("!H", body)[0]
        elif kind == 3:
            found["wscale"] = body[0]
        elif kind == 4:
            found["sackok"] = True
        elif kind == 5:
            found["sack"] = [list(struct.unpack_from("!II", body, i)) for i in range(0, len(body), 8)]
        elif kind == 8:
            found["tsval"], found["tsecr"] = struct.unpack("!II", body)
    return found


def read_frame(frame):
    """(fields as the truth names them, payload)"""
    fields, proto, segment, pseudo = read_ip(frame)
    if proto != socket.IPPROTO_TCP:
        fields.update(proto=proto, len=len(segment), type=segment[0], code=segment[1])
        return fields, segment
    sport, dport, seq, ack, offset, flags, window = struct.unpack_from("!HHIIBBH", segment)
    payload = segment[(offset >> 4) * 4:]
    fields.update(sport=sport, dport=dport, seq=seq, ack=ack, window=window, len=len(payload), body=zlib.crc32(payload),
                  flags=",".join(name for i, name in enumerate(FLAGS) if flags & 1 << i))
    fields.update(read_options(segment[20:(offset >> 4) * 4]))
    fields["sum"] = "good" if folded(words(pseudo) + words(segment)) == 0xFFFF else "bad"
    if fields["sum"] == "bad" and folded(words(pseudo)) == struct.unpack_from("!H", segment, 16)[0]:
        fields["sum"] = "partial"
    return fields, payload


# ---- a run ----


class Run:
    """What one scenario left: truth lines, and each line's frame as tcpdump saw it."""

    def __init__(self, folder):
        self.wrong = []
        with open(os.path.join(folder, "wire.ndjson"), encoding="utf-8") as text:
            self.lines = [json.loads(line) for line in text]
        self.end = self.lines[-1]
        self.ins = {line["n"]: line for line in self.lines if line["wire"] == "in"}
        self.outs = [line for line in self.lines if line["wire"] == "out"]
        self.by_in = collections.defaultdict(list)
        for line in self.outs:
            self.by_in[line["of"]].append(line)
        self.frames = {}
        self.link(folder, "client", "a1")
        self.link(folder, "server", "b1")

    def link(self, folder, side, device):
        """tcpdump's frames at a neighbour's port: those that it sent came into the wire, in this order; the others left it."""
        own = bytes.fromhex(topology.DEVICES[device][3].replace(":", ""))
        seen = read_pcap(os.path.join(folder, device + ".pcap"))
        for way, frames in (("in", [f for f in seen if f[1][6:12] == own]), ("out", [f for f in seen if f[1][6:12] != own])):
            name = f"{side}-{way}"
            lines = [line for line in self.lines if line.get("pcap") == name]
            kept = read_pcap(os.path.join(folder, name + ".pcap"))
            self.expect([f[1] for f in frames[:len(kept)]] == [f[1] for f in kept], f"{name}: tcpdump saw {len(frames)} frames, the "
                        f"wire's own capture has {len(kept)}, and they differ")
            # what was sent to the wire while it stopped
            self.expect(all(f[0] > self.end["time_ns"] - 10**7 for f in frames[len(kept):]), f"{name}: the truth lacks frames that "
                        "tcpdump saw")
            self.expect([line["frame"] for line in lines] == list(range(1, len(kept) + 1)), f"{name}: frame numbers")
            self.expect([line["time_ns"] for line in lines] == [f[0] for f in kept], f"{name}: stamps")
            for line, frame in zip(lines, frames):
                late = frame[0] - line["time_ns"]
                self.expect(late >= 0 if way == "out" else late <= 0, f"line {line['n']}: tcpdump's stamp is {late} ns off")
                self.frames[line["n"]] = frame

    def expect(self, holds, text):
        if not holds:
            self.wrong.append(text)

    def check(self):
        """What holds in every scenario."""
        self.expect(self.end["whole"], f"the truth is not whole: {self.end}")
        self.expect(self.end["in"] == len(self.ins) and self.end["out"] == len(self.outs), "sums of the end line")
        self.expect(all(self.end["hits"]), f"a rule found nothing to do: {self.end['hits']}")
        if self.wrong:
            return
        for line in list(self.ins.values()) + self.outs:
            self.check_fields(line)
        for line in self.outs:
            if line["of"] is not None:
                self.check_changes(self.ins[line["of"]], line)
        for n, line in self.ins.items():
            self.expect((line["fate"] == "passed") == bool(self.by_in[n]), f"line {n}: {line['fate']}, {len(self.by_in[n])} left")

    def check_fields(self, line):
        fields, _ = read_frame(self.frames[line["n"]][1])
        for name, value in line["packet"].items():
            if name in fields:
                self.expect(fields[name] == value, f"line {line['n']}: {name} is {value}, the frame has {fields[name]}")
            else:
                self.expect(name in ("icmp", "quotes"), f"line {line['n']}: {name} is no field")

    def check_changes(self, before, after):
        first, payload = read_frame(self.frames[before["n"]][1])
        second, changed_payload = read_frame(self.frames[after["n"]][1])
        changed = {name: [first[name], second[name]] for name in first if name not in DERIVED and first[name] != second[name]}
        if payload != changed_payload and "sport" in first:
            at = next(i for i in range(len(payload)) if payload[i] != changed_payload[i])
            changed["payload"] = [at, payload[at], changed_payload[at]]
            self.expect(payload[at + 1:] == changed_payload[at + 1:], f"line {after['n']}: more than one byte differs")
        if first.get("sum") != second.get("sum") and second["sum"] != "partial":
            changed["sum"] = [first["sum"], second["sum"]]
        told = {name: value for name, value in after["changed"].items() if name != "quoted_seq"}
        self.expect(changed == told, f"line {after['n']}: changed is {told}, the frames say {changed}")

    # ---- for the scenarios ----

    def hit(self, act):
        """`in` lines on which the action hit."""
        return [line for line in self.ins.values() if any(a["act"] == act for a in line["acts"])]

    def delay(self, after):
        """Between tcpdump's two stamps."""
        return self.frames[after["n"]][0] - self.frames[after["of"]][0]

    def same_elsewhere(self, line):
        """How often the very IP packet of an `in` line arrived on the other side (its TTL too: the wire takes nothing off)."""
        packet = self.frames[line["n"]][1][14:]
        return sum(1 for o in self.outs if o["from"] == line["from"] and self.frames[o["n"]][1][14:] == packet)

    def made(self, what):
        return [line for line in self.outs if (line["injected"] or {}).get("what") == what]


# ---- the scenarios: rules, traffic, what must show ----


def drops(run):
    for line in run.hit("drop"):
        run.expect(line["fate"] == "dropped" and run.same_elsewhere(line) == 0, f"line {line['n']} was dropped, but arrived")


def bursts(run):
    drops(run)
    fates = [line["fate"] for line in run.ins.values() if line["from"] == "server" and line["packet"]["len"]]
    run.expect(any(a == b == "dropped" for a, b in zip(fates, fates[1:])), "no two in a row")


def big_ones(run):
    for line in run.ins.values():
        size = line["packet"]["len"]
        run.expect((line["fate"] == "dropped") == (line["from"] == "server" and size > 1000), f"line {line['n']}: {size} bytes {line['fate']}")


def copies(run):
    for line in run.hit("copy"):
        times = sorted(run.frames[o["n"]][0] for o in run.by_in[line["n"]])
        run.expect(len(times) == 3 and run.same_elsewhere(line) == 3, f"line {line['n']}: {len(times)} arrived")
        run.expect(times[-1] - times[0] >= 4_000_000, f"line {line['n']}: copies {times[-1] - times[0]} ns apart")


def held(run):
    for line in run.hit("hold"):
        after = run.by_in[line["n"]][0]
        run.expect(run.delay(after) >= 22_000_000 and after["late_ns"] >= 20_000_000, f"line {line['n']}: {run.delay(after)} ns")
    usual = [run.delay(o) for o in run.outs if o["of"] and not o["late_ns"]]
    run.expect(min(usual) >= 2_000_000, f"delay of 2 ms: {min(usual)}")


def overtaken(run):
    """`overtaken` by counting, in the order in which tcpdump saw them arrive."""
    for direction in ("client", "server"):
        flows = collections.defaultdict(list)
        for o in run.outs:
            if o["from"] == direction and o["of"] and not o["copy"] and "sport" in o["packet"]:
                flows[o["packet"]["sport"], o["packet"]["dport"]].append(o)
        for left in flows.values():
            for i, o in enumerate(left):
                count = sum(1 for earlier in left[:i] if earlier["of"] > o["of"])
                run.expect(count == o["overtaken"], f"line {o['n']}: overtaken {o['overtaken']}, by the captures {count}")
    run.expect(all(run.by_in[line["n"]][0]["overtaken"] >= 2 for line in run.hit("swap") if not is_tail(run, line)), "swapped by less than two")


def is_tail(run, line):
    """Nothing came after it that could go first."""
    return run.by_in[line["n"]][0]["late_ns"] >= 190_000_000


def broken(run):
    for line in run.hit("corrupt"):
        after = run.by_in[line["n"]][0]
        run.expect(after["packet"]["sum"] == "bad", f"line {line['n']}: corrupted, with a good sum")
    for line in run.hit("alter"):
        after = run.by_in[line["n"]][0]
        run.expect(after["packet"]["sum"] == "good" and "payload" in after["changed"], f"line {line['n']}: not altered, or not mended")
    run.expect(all(o["packet"].get("sum", "good") == "good" for o in run.outs if not o["changed"]), "a sum is bad on its own")


def resets(run):
    made = run.made("reset")
    run.expect({o["injected"]["towards"] for o in made} == {"client", "server"}, "not towards both")
    for o in made:
        cause = run.ins[o["injected"]["cause_n"]]["packet"]
        along = o["injected"]["towards"] != run.ins[o["injected"]["cause_n"]]["from"]
        exact = cause["seq"] + cause["len"] if along else cause["ack"]
        run.expect((o["packet"]["seq"] - exact) % 2**32 == (700 if along else 0), f"line {o['n']}: seq {o['packet']['seq']}, exact {exact}")
        run.expect("RST" in o["packet"]["flags"] and o["packet"]["ttl"] == 57, f"line {o['n']}: {o['packet']}")
        run.expect(o["packet"]["v"] == 6 or o["packet"]["ip_id"] == 4711, f"line {o['n']}: {o['packet']}")


def refusals(run):
    for o in run.made("refusal"):
        cause = run.ins[o["injected"]["cause_n"]]
        run.expect(cause["fate"] == "swallowed" and run.same_elsewhere(cause) == 0, f"line {o['n']}: the SYN went on")
        run.expect(o["packet"]["ack"] == (cause["packet"]["seq"] + 1) % 2**32 and o["packet"]["flags"] == "RST,ACK", f"line {o['n']}")


def errors(run):
    for o in run.made("icmp"):
        cause = run.ins[o["injected"]["quotes_n"]]["packet"]
        quote = o["packet"]["quotes"]
        run.expect([quote[k] for k in ("src", "sport", "dst", "dport", "seq")] == [cause[k] for k in ("src", "sport", "dst", "dport", "seq")],
                   f"line {o['n']}: quotes {quote}")
    sizes = {line["packet"]["len"] for line in run.ins.values() if line["from"] == "server" and line["fate"] == "passed"}
    run.expect(max(sizes) <= 1300, f"the sender did not heed the error: {max(sizes)} bytes")


def rewritten(run):
    for o in run.outs:
        if not o["of"] or "sport" not in o["packet"]:
            continue
        p = o["packet"]
        run.expect(p["dscp"] == 12 and (p["mss"] or 0) <= 1200 and p["tsval"] is None, f"line {o['n']}: {p}")
        run.expect(p["v"] == 6 or "SYN" in p["flags"] or (p["ip_id"] == 0) == (o["from"] == "client"), f"line {o['n']}: {p}")
    run.expect(all(max(o["packet"]["len"] for o in run.outs if o["from"] == side) <= 1200 for side in ("client", "server")), "MSS not heeded")


def shifted(run):
    """One constant for each connection and direction, taken back in the other's acknowledgements and blocks."""
    shifts = collections.defaultdict(set)
    for o in run.outs:
        if o["of"] and "sport" in o["packet"]:
            before = run.ins[o["of"]]["packet"]
            ports = frozenset((before["sport"], before["dport"]))
            shifts[ports, o["from"]].add((o["packet"]["seq"] - before["seq"]) % 2**32)
            if "ACK" in before["flags"]:
                other = "server" if o["from"] == "client" else "client"
                shifts[ports, other].add((before["ack"] - o["packet"]["ack"]) % 2**32)
                for old, new in zip(before["sack"], o["packet"]["sack"]):
                    shifts[ports, other].add((old[0] - new[0]) % 2**32)
    run.expect(shifts and all(len(s) == 1 and 0 not in s for s in shifts.values()), f"shifts: {dict(shifts)}")
    run.expect(any(line["packet"].get("sack") for line in run.ins.values()), "no SACK was seen")


def proxied(run):
    syns = [line for line in run.ins.values() if line["packet"].get("flags") == "SYN"]
    run.expect(syns and all(line["fate"] == "swallowed" for line in syns), "a SYN went through")
    run.expect(len(run.made("synproxy")) >= 4 * len({line["packet"]["sport"] for line in syns}), "too few frames of its own")


def queued(run):
    """At 10 Mbit/s, 1,514 bytes take 1.211 ms; the jitter is up to 1 ms."""
    times = [run.frames[o["n"]][0] for o in run.outs if o["from"] == "server" and o["packet"].get("len") == 1448]
    run.expect(len(times) > 50 and times[50] - times[0] >= 50 * 1_211_000 - 1_000_000, "faster than its rate")
    run.expect(all(a["of"] < b["of"] for a, b in zip(run.outs, run.outs[1:]) if a["of"] and b["of"] and a["from"] == b["from"]), "jitter reordered")


def paths(run):
    """A connection is hit in both directions or in none."""
    fates = collections.defaultdict(set)
    for line in run.ins.values():
        fates[frozenset((line["packet"]["sport"], line["packet"]["dport"]))].add(line["packet"]["dscp"] == run.by_in[line["n"]][0]["packet"]["dscp"])
    run.expect(all(len(f) == 1 for f in fates.values()) and len(set(map(frozenset, fates.values()))) == 2, "not by connection")


def partial(run):
    run.expect(all(o["packet"]["sum"] == "partial" for o in run.outs if "sport" in o["packet"]), "complete sums")


def phases(run):
    phase = 0
    for line in run.lines:
        phase = line["phase"] if line["wire"] == "phase" else phase
        if line["wire"] == "in":
            run.expect((line["fate"] == "dropped") == (phase == 1), f"line {line['n']}: {line['fate']} in phase {phase}")
    drops(run)


BULK = ["get --size 200000", "v6 put --size 100000"]
SCENARIOS = {
    "drop": (["both drop when share=3%", "up drop when flags=fin count=1"], BULK, drops),
    "burst": (["down drop when data burst=2%/4"], ["get --size 600000"], bursts),
    "size": (["down drop when size>1052"], ["chat --rounds 3", "get --size 5000 --patience 1"], big_ones),
    "copy": (["both copy times=2 gap=2ms when share=5%"], BULK, copies),
    "hold": (["delay both 2ms", "both hold 20ms when share=4%"], BULK, held),
    "swap": (["delay both 2ms", "both swap 2 when share=4%"], BULK, overtaken),
    "break": (["both corrupt when data share=4%", "both alter when data share=4%"], BULK, broken),
    "reset": (["down reset to=server ttl=57 id=4711 when nth=9 data", "down reset to=client seq=+700 ttl=57 id=4711 when nth=5 data"],
              ["get --size 200000", "v6 get --size 200000"], resets),
    "refuse": (["up refuse"], ["short", "v6 short"], refusals),
    "icmp": (["down icmp too-big mtu=1300 when size>1300"], ["get --size 50000", "v6 get --size 50000"], errors),
    "rewrite": (["both dscp 12", "both mss 1200", "both strip timestamps", "up ipid zero"], BULK, rewritten),
    "shift": (["up seq", "down seq", "both drop when data share=2%"], BULK, shifted),
    "proxy": (["up synproxy"], BULK, proxied),
    "queue": (["delay down 1ms", "jitter both 1ms", "rate down 10mbit", "both ttl -1"], ["get --size 200000"], queued),
    "path": (["both dscp 20 when hash=1/3"], ["short --times 30 --parallel 5"], paths),
    "partial": (["sums partial", "both ecn ce when share=1%"], BULK, partial),
    "phase": (["both drop when phase=1"], ["short", "phase 1", "short --patience 0.5", "phase 0", "short"], phases),
}


def start_captures(t, folder):
    dumps = []
    for ns, device in (("a", "a1"), ("b", "b1")):
        log = os.path.join(folder, device + ".log")
        with open(log, "w", encoding="utf-8") as errors:
            dumps.append((log, t.start(ns, ["tcpdump", "-Z", "root", "-i", device, "-B", "16384", "-s", "2000", "--immediate-mode",
                                            "--time-stamp-precision=nano", "-w", os.path.join(folder, device + ".pcap"), FILTER],
                                       stderr=errors)))
    for log, process in dumps:
        while "listening" not in open(log, encoding="utf-8").read():
            if process.poll() is not None:
                raise topology.LabError(f"tcpdump: {open(log, encoding='utf-8').read()}")
            time.sleep(0.01)
    return dumps


def stop_captures(dumps):
    """In immediate mode what has passed has been read, but for what is just being written."""
    time.sleep(0.2)
    for log, process in dumps:
        process.terminate()
        process.wait(10)
        text = open(log, encoding="utf-8").read()
        if "\n0 packets dropped by kernel" not in text:
            raise topology.LabError(f"tcpdump lost packets: {text}")


def talk(t, wire, words):
    """One step of a scenario's traffic: a phase, or a call of traffic.py."""
    if words[0] == "phase":
        wire.phase(int(words[1]))
        return
    address = t.server6 if words[0] == "v6" else t.server
    t.run("c", [sys.executable, os.path.join(HERE, "traffic.py"), "connect", address] + [w for w in words if w != "v6"], timeout=60)


def play(program, name, folder, processor):
    rules, traffic, _ = SCENARIOS[name]
    # All of a scenario on one processor. A cable between namespaces is a queue for each processor: of two frames that two
    # of them send at once, tcpdump on one end and the wire on the other may see either first, and each would be right.
    os.sched_setaffinity(0, {processor})  # of this thread, and of what it starts
    scenario = os.path.join(folder, "scenario")
    with open(scenario, "w", encoding="utf-8") as text:
        text.write("seed 77\n" + "\n".join(rules) + "\n")
    with topology.Topology(f"tpw{os.getpid()}{name}", wire_program=program) as t:
        t.offload("c", gro=True)
        t.offload("s", gro=True)
        dumps = start_captures(t, folder)
        wire = t.wire(scenario, folder)
        t.start_ready("s", [sys.executable, os.path.join(HERE, "traffic.py"), "serve"])
        for step in traffic:
            talk(t, wire, step.split())
        time.sleep(0.2)  # last acknowledgements
        wire.stop()
        stop_captures(dumps)


def check(program, name, processor):
    """Play it and look. The run, whose `wrong` is empty when all is well."""
    with tempfile.TemporaryDirectory() as folder:
        play(program, name, folder, processor)
        run = Run(folder)
    run.check()
    if not run.wrong:
        SCENARIOS[name][2](run)
    return run


def main():
    program, names = sys.argv[1], sys.argv[2:] or list(SCENARIOS)
    reason = topology.can_run()
    if reason:
        print(reason)
        return 77
    bad, processors = 0, itertools.cycle(sorted(os.sched_getaffinity(0)))
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        for name, run in zip(names, pool.map(lambda name, cpu: check(program, name, cpu), names, processors)):
            print(f"{name}: {len(run.ins)} frames, {sum(run.end['hits'])} hits, {'WRONG' if run.wrong else 'ok'}", flush=True)
            for text in run.wrong[:5]:
                print("   ", text)
            bad += bool(run.wrong)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
