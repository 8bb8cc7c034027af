#!/usr/bin/env python3
"""Of each frame that replay.py sent: its number (which is its sequence number) and its stamp in seconds. Reads a pcap
with nanoseconds from standard input, as tcpdump -r FILE --time-stamp-precision=nano -w - writes it: much faster than
tshark, which follows every connection."""
import struct
import sys

data = sys.stdin.buffer.read()
at = 24
while at < len(data):
    seconds, nanoseconds, kept, _ = struct.unpack_from("<IIII", data, at)
    frame = data[at + 16:at + 16 + kept]
    if frame[6:12] == b"\2\0\0\0\0\1" and frame[12:14] == b"\x08\0" and frame[23] == 6:
        print(struct.unpack_from("!I", frame, 38)[0], f"{seconds}.{nanoseconds:09d}")
    at += 16 + kept
