#!/usr/bin/env python3
"""Write a journal (twopoint-journal/1) beside packet files, as the agent would: a chain over all the files given.

    write_journal.py [options] FILE.pcapng...
      --point NAME --interface NAME
      --start S --end S           seconds (decimals) since 1970 of the run's start and end; else 0.5 s around each file
      --drop FROM,TO,KERNEL       a drops line: seconds since 1970, packets; in the file whose time it falls into
      --card FROM,TO,RX_MISSED    a drops line of the interface's own counter
      --hidden N                  kernel drops that only the end line tells
      --no-end                    the agent died: no end line
Only plain pcapng with enhanced packet blocks of one interface is read, in nanoseconds or microseconds."""
import argparse, hashlib, json, struct, subprocess, time

def packets(path):
    """The stamps of its packets, in nanoseconds."""
    data = subprocess.run(["zstd", "-dcq", path], stdout=subprocess.PIPE, check=True).stdout if path.endswith(".zst") \
        else open(path, "rb").read()
    at, unit, stamps = 0, 1000, []
    order = "<" if data[8:12] == b"\x4d\x3c\x2b\x1a" else ">"
    while at + 12 <= len(data):
        kind, length = struct.unpack_from(order + "II", data, at)
        if kind == 1:
            option = at + 16
            while option + 4 < at + length - 4:
                code, size = struct.unpack_from(order + "HH", data, option)
                if code == 9:
                    unit = 10 ** (9 - data[option + 4])
                option += 4 + (size + 3) // 4 * 4
        if kind == 6:
            high, low = struct.unpack_from(order + "II", data, at + 12)
            stamps.append((high << 32 | low) * unit)
        at += length
    return stamps

def journal_path(path):
    for ending in (".zst", ".gz", ".lz4"):
        path = path.removesuffix(ending)
    for ending in (".pcapng", ".pcap"):
        path = path.removesuffix(ending)
    return path + ".journal.ndjson"

def ns(seconds):
    whole, _, part = seconds.partition(".")
    return int(whole) * 10**9 + int((part + "000000000")[:9])

class Journal:
    def __init__(self, path, chain):
        self.raw, self.text, self.covered, self.chain = open(path, "rb").read(), b"", 0, chain
        self.covered_packets = 0

    def members(self, kind, when, fields):
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(when // 10**9)) + ".%09dZ" % (when % 10**9)
        return json.dumps({"type": kind, "time": stamp, "time_ns": when} | fields).encode()

    def line(self, kind, when, **fields):
        self.text += self.members(kind, when, fields) + b"\n"

    def seal(self, kind, when, to, fields):
        self.text += self.members(kind, when, fields)[:-1]
        hashed = self.chain + self.raw[self.covered_packets:to] + self.text[self.covered:]
        self.chain = hashlib.sha256(hashed).digest()
        self.text += b', "digest": "%s", "signature": null}\n' % self.chain.hex().encode()
        self.covered, self.covered_packets = len(self.text), to

def main():
    p = argparse.ArgumentParser()
    p.add_argument("files", nargs="+")
    p.add_argument("--point", default="client")
    p.add_argument("--interface", default="eth0")
    p.add_argument("--start", type=ns)
    p.add_argument("--end", type=ns)
    p.add_argument("--drop", action="append", default=[])
    p.add_argument("--card", action="append", default=[])
    p.add_argument("--hidden", type=int, default=0)
    p.add_argument("--no-end", action="store_true")
    o = p.parse_args()
    chain = bytes(32)
    drops = [(*[ns(x) for x in d.split(",")[:2]], int(d.split(",")[2]), "kernel") for d in o.drop]
    drops += [(*[ns(x) for x in d.split(",")[:2]], int(d.split(",")[2]), "card") for d in o.card]
    for number, path in enumerate(o.files, 1):
        stamps = packets(path)
        first, last = min(stamps), max(stamps)
        start = o.start if o.start and number == 1 else first - (500_000_000 if number == 1 else 0)
        end = o.end if o.end and number == len(o.files) else last + (500_000_000 if number == len(o.files) else 0)
        j = Journal(path, chain)
        j.line("start", start, schema="twopoint-journal/1", version="0.1.0", point=o.point, host=o.point + "-host",
               kernel="6.1", interface=o.interface, mac=None, link_type=1, mtu=1500, offload={}, filter="tcp",
               effective_filter="tcp or icmp", snaplen="headers", buffer=33554432, timestamp_source="host", file=number,
               previous=chain.hex() if number > 1 else None, pubkey=None)
        kernel = o.hidden
        for begin, to, count, what in drops:
            if first <= begin <= last:
                kernel += count if what == "kernel" else 0
                card = dict.fromkeys(("rx_missed", "rx_fifo", "rx_crc", "rx_dropped", "tx_dropped", "tx_carrier", "softnet"), 0)
                card["rx_missed"] = count if what == "card" else 0
                j.line("drops", to, from_ns=begin, to_ns=to, kernel=count if what == "kernel" else 0, queue=0, interface=card)
        size = len(j.raw)
        j.seal("chunk", last, size, {"from": 0, "to": size, "packets": len(stamps), "first_ns": first, "last_ns": last,
                                     "received": len(stamps)})
        if not o.no_end:
            j.seal("end", end, size, {"packets": len(stamps), "bytes": size, "kernel_drops": kernel, "queue_drops": 0,
                                      "reason": "asked"})
        chain = j.chain
        with open(journal_path(path), "wb") as f:
            f.write(j.text)

main()
