#!/usr/bin/env python3
"""grow.py IN.pcapng OUT.pcap: give every packet of a headers-only capture the payload that it had, of bytes that do not
compress, so that it can be replayed as it was on the wire (1514 bytes at most)."""
import os
import struct
import sys

data = open(sys.argv[1], "rb").read()
noise = os.urandom(1 << 20)
with open(sys.argv[2], "wb") as out:
    out.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 262144, 1))
    at = n = 0
    while at < len(data):
        kind, length = struct.unpack_from("<II", data, at)
        if kind == 6:
            kept, wire = struct.unpack_from("<II", data, at + 20)
            wire = min(max(wire, kept), 1514)
            place = n * 7919 % (len(noise) - 1600)
            frame = data[at + 28:at + 28 + kept][:wire] + noise[place:place + wire - kept]
            out.write(struct.pack("<IIII", n // 1000000, n % 1000000, len(frame), len(frame)) + frame)
            n += 1
        at += length
