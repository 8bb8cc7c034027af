#!/usr/bin/env python3
"""Write docs/gallery.md: every finding as the text report prints it, over a pair that has it.

    gallery.py [--check] GENERATE CORRELATE FINDINGS.md GALLERY.md

The pairs are twopoint-generate's; a few are edited afterwards, where it knows no words for what is wanted. The kinds are
those of FINDINGS.md: the script fails when one of them has no pair, or its pair no longer has it. --check compares
instead of writing.
"""
import os
import re
import struct
import subprocess
import sys
import tempfile

HEAD = """# Gallery

What each finding looks like in the text report: its test and threshold are in [findings.md](findings.md). `make golden`
writes this page from generated pairs (`twopoint-generate`, the words and the seed stand with each); a test compares it
with what is printed.
"""


# ---- edits: a list of packets (bytearrays of whole pcapng blocks) in, one out ----

def checksum(data):
    if len(data) % 2:
        data = data + b"\0"
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


class Packet:
    """An Ethernet frame with IPv4 and TCP in a packet block."""

    def __init__(self, block):
        self.block = block

    def at(self, offset):
        return 28 + offset

    def get(self, offset):
        return self.block[self.at(offset)]

    def put(self, offset, value):
        self.block[self.at(offset)] = value
        self.block[self.at(24):self.at(26)] = b"\0\0"
        self.block[self.at(24):self.at(26)] = struct.pack(">H", checksum(bytes(self.block[self.at(14):self.at(34)])))

    def seconds(self):
        high, low = struct.unpack("<II", self.block[12:20])
        return (high << 32 | low) / 1e9

    def from_client(self):
        return self.block[self.at(26):self.at(30)] == bytes([192, 168, 1, 10])

    def payload(self):
        return struct.unpack(">H", self.block[self.at(16):self.at(18)])[0] - 20 - (self.get(46) >> 4) * 4

    def port(self):
        return min(struct.unpack(">HH", self.block[self.at(34):self.at(38)]))

    def set_flags(self, flags):
        end = self.at(14) + struct.unpack(">H", self.block[self.at(16):self.at(18)])[0]
        self.block[self.at(47)] = flags
        self.block[self.at(50):self.at(52)] = b"\0\0"
        segment = bytes(self.block[self.at(34):end])
        pseudo = bytes(self.block[self.at(26):self.at(34)]) + struct.pack(">HH", 6, len(segment))
        self.block[self.at(50):self.at(52)] = struct.pack(">H", checksum(pseudo + segment))


def edit(path, change):
    """Apply `change`, which takes a Packet and its number and tells whether it stays, to every packet of a file."""
    with open(path, "rb") as file:
        data = file.read()
    out, at, number = bytearray(), 0, 0
    while at < len(data):
        kind, size = struct.unpack_from("<II", data, at)
        block = bytearray(data[at:at + size])
        if kind == 6:
            number += 1
            if not change(Packet(block), number):
                block = b""
        out += block
        at += size
    with open(path, "wb") as file:
        file.write(out)


def raise_ttl():
    edit("server.pcapng", lambda p, n: p.put(22, 255) is None)


def lose_by_dscp():
    counter = {"n": 0}

    def mark(p, _):
        if p.port() == 443:
            p.put(15, 46 << 2)
        return True

    def drop(p, n):
        mark(p, n)
        sent = p.port() == 443 and p.from_client()
        counter["n"] += sent
        return not (sent and counter["n"] % 3 == 0)

    edit("client.pcapng", mark)
    edit("server.pcapng", drop)


def lose_for_a_while():
    start = []

    def drop(p, n):
        start.append(p.seconds())
        return not start[0] + 0.2 <= p.seconds() <= start[0] + 1.2

    edit("server.pcapng", drop)


def record_one_direction_from_the_step_on():
    for path in ("client.pcapng", "server.pcapng"):
        total = []
        edit(path, lambda p, n, total=total: total.append(n) is None)
        edit(path, lambda p, n, total=total: n < 0.45 * len(total) or p.from_client())


def ignore_reset():
    """One of the client's acknowledgements, in the middle of a transfer, becomes a reset: it arrived, nobody cared."""
    chosen = []

    def choose(p, _):
        if p.payload() == 0 and p.get(47) == 0x10 and p.from_client():
            chosen.append(bytes(p.block[p.at(38):p.at(46)]))
        return True

    edit("client.pcapng", choose)
    wanted = chosen[len(chosen) // 4]

    def reset(p, _):
        if p.payload() == 0 and p.get(47) == 0x10 and bytes(p.block[p.at(38):p.at(46)]) == wanted:
            p.set_flags(0x04)
        return True

    edit("client.pcapng", reset)
    edit("server.pcapng", reset)


def lose_the_middle():
    os.mkdir("client")
    with open("client.pcapng", "rb") as file:
        data = file.read()
    for name, keep in (("client/1.pcapng", lambda n: n <= 100), ("client/2.pcapng", lambda n: n > 900)):
        with open(name, "wb") as file:
            file.write(data)
        edit(name, lambda p, n, keep=keep: keep(n))
    return ["client", "server.pcapng"]


def keep_apart():
    edit("client.pcapng", lambda p, n: n <= 20)
    edit("server.pcapng", lambda p, n: n > 120)


def count_in_the_card():
    tool = os.path.join(os.path.dirname(os.path.abspath(__file__)), "write_journal.py")
    subprocess.run([sys.executable, tool, "client.pcapng", "--point", "client", "--card",
                    "1700000003.0,1700000006.0,7"], check=True)


def swap():
    return ["server.pcapng", "client.pcapng"]


# ---- the pairs: kind, words, seed, edit ----
PAIRS = [
    ("resets-lost", "case3,counted", 1, None),
    ("resets-injected", "inject-both,counted", 1, None),
    ("reset-ignored", "inject-outside", 1, None),
    ("arrived-ignored", "clean,bulk,far,connections=1", 1, ignore_reset),
    ("syn-blocked", "case1-blocked", 1, None),
    ("syn-lost", "drop-syn", 1, None),
    ("loss", "loss,counted", 1, None),
    ("loss-bursts", "bursts,bulk", 1, None),
    ("ack-loss", "ack-loss,bulk", 1, None),
    ("outage", "one-way,many", 1, lose_for_a_while),
    ("size-dependent-loss", "mtu-icmp", 1, None),
    ("icmp-drop", "mtu-icmp", 1, None),
    ("path-dependent-loss", "drop-rst,abort", 1, None),
    ("dscp-dependent-loss", "one-way,connections=12", 1, lose_by_dscp),
    ("flag-dependent-loss", "drop-syn", 1, None),
    ("host-drop", "loss", 1, count_in_the_card),
    ("corruption", "corrupt", 1, None),
    ("payload-altered", "alter", 1, None),
    ("reordering", "reorder", 1, None),
    ("duplication", "dup", 1, None),
    ("spurious-retransmission", "held", 1, None),
    ("address-translated", "nat-port,nat-server", 1, None),
    ("sequence-rewritten", "seq-random", 1, None),
    ("ip-id-rewritten", "scrub", 1, None),
    ("mss-clamped", "mss-clamp", 1, None),
    ("options-stripped", "strip-ts", 1, None),
    ("dscp-rewritten", "dscp", 1, None),
    ("ttl-changed", "clean", 1, raise_ttl),
    ("terminated-between", "proxy", 1, None),
    ("no-overlap", "clean", 1, keep_apart),
    ("one-sided", "one-way,loss", 1, None),
    ("points-swapped", "clean", 1, swap),
    ("capture-missed", "thin,loss", 1, None),
    ("capture-gap", "clean", 1, lose_the_middle),
    ("capture-doubled", "doubled-server", 1, None),
    ("clock-stepped", "step,offset", 1, None),
    ("offset-one-direction", "one-way,loss", 1, None),
    ("clock-unbounded", "step,offset", 1, record_one_direction_from_the_step_on),
]
WITH_RESETS = ("resets-lost", "resets-injected", "reset-ignored", "arrived-ignored", "syn-blocked")


def report(generate, correlate, words, seed, change):
    with tempfile.TemporaryDirectory(prefix="twopoint-gallery-") as folder:
        subprocess.run([generate, "--out", folder, "--seed", str(seed), "--scenario", words], check=True,
                       stdout=subprocess.DEVNULL, timeout=120)
        here = os.getcwd()
        os.chdir(folder)
        try:
            points = (change() if change else None) or ["client.pcapng", "server.pcapng"]
            done = subprocess.run([correlate, *points], capture_output=True, text=True, timeout=120, check=False)
        finally:
            os.chdir(here)
    return done.stdout


def block(text, pattern):
    """From the line that matches to the next empty one."""
    found = re.search(rf"(?ms)^{pattern}.*?(?=^\n|\Z)", text)
    return found.group(0) if found else None


def main(arguments):
    check = arguments[:1] == ["--check"]
    generate, correlate, findings, gallery = arguments[-4:]
    generate, correlate = os.path.abspath(generate), os.path.abspath(correlate)
    with open(findings, encoding="utf-8") as file:
        kinds = re.findall(r"(?m)^\| `([a-z-]+)` \|", file.read())
    page, wrong, told = HEAD, [], {}
    rows = {row[0]: row for row in PAIRS}
    for kind in kinds:
        if kind not in rows:
            wrong.append(f"no pair has {kind}")
            continue
        _, words, seed, change = rows[kind]
        key = (words, seed, change)
        if key not in told:
            told[key] = report(generate, correlate, words, seed, change)
        shown = block(told[key], rf"\[[a-z]+\] {kind}, ")
        if not shown:
            wrong.append(f"{words}, seed {seed}, has no {kind}; it begins {told[key][:200]!r}")
            continue
        if "As above." in shown:
            shown = told[key][:told[key].index("\n\n")] + "\n...\n\n" + shown
        page += f"\n## {kind}\n\n`{words}`, seed {seed}" + (", edited" if change else "") + f"\n\n```text\n{shown}```\n"
        resets = block(told[key], r"[0-9]+ resets?, ") if kind in WITH_RESETS else None
        if resets:
            page += f"\nIts first train of resets:\n\n```text\n{resets}```\n"
    for line in wrong:
        print(line)
    if check and not wrong:
        with open(gallery, encoding="utf-8") as file:
            old = file.read()
        if old != page:
            print(f"{gallery} is not what is printed (make golden)")
            wrong.append(gallery)
    elif not check:
        with open(gallery, "w", encoding="utf-8") as file:
            file.write(page)
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
