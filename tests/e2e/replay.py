#!/usr/bin/env python3
"""Put TCP segments on an interface, each told from all others by its sequence number.

  replay.py IFACE COUNT [LENGTH [PAUSE_S [FIRST]]]     LENGTH: of each frame (100); PAUSE_S after every 100 (0)
  REPLAY_RANDOM=1: their payload does not compress; REPLAY_ONCE=1: what is refused is not sent again
  replay.py IFACE odd          one of each: a VLAN tag, IPv6 extensions, VXLAN, a fragment, ICMP errors, UDP ...
"""
import errno
import os
import socket
import struct
import sys
import time

ETHERNET = bytes.fromhex("020000000002" "020000000001")


def ip4(protocol, payload, fragment=0, source="10.9.0.1", destination="10.9.0.2"):
    header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 7, fragment, 64, protocol, 0,
                         socket.inet_aton(source), socket.inet_aton(destination))
    total = sum(struct.unpack("!10H", header))
    total = (total >> 16) + (total & 0xffff)
    total += total >> 16
    return header[:10] + struct.pack("!H", ~total & 0xffff) + header[12:] + payload


def ip6(protocol, payload):
    a = socket.inet_pton(socket.AF_INET6, "2001:db8::1")
    return struct.pack("!IHBB", 6 << 28, len(payload), protocol, 64) + a + a[:15] + b"\2" + payload


def tcp(seq, payload=b"", options=b"", flags=0x10):
    return struct.pack("!HHIIBBHHH", 40000, 443, seq, 1, (20 + len(options)) // 4 << 4, flags, 100, 0, 0) + options + payload


def odd():
    """(what, frame, bytes that -s headers keeps)"""
    secret = b"secret payload, personal data " * 8
    stamps = bytes.fromhex("0101080a0000000100000002")
    segment = tcp(1, secret, stamps)
    plain = ip4(6, segment)
    udp = lambda port, payload: struct.pack("!HHHH", 50000, port, 8 + len(payload), 0) + payload
    inner = ETHERNET + b"\x08\x00" + plain
    error = ip4(1, bytes([3, 4, 0, 0, 0, 0, 5, 0]) + plain[:120])
    error6 = ip6(58, bytes([1, 4, 0, 0, 0, 0, 0, 0]) + ip6(6, segment)[:200])
    hop = bytes([60, 0]) + b"\1\4\0\0\0\0" + bytes([6, 0]) + b"\1\4\0\0\0\0"
    made = [
        ("plain", b"\x08\x00" + plain, 14 + 20 + 32),
        ("one tag", b"\x81\x00\x00\x05\x08\x00" + plain, 14 + 4 + 20 + 32),
        ("two tags", b"\x88\xa8\x00\x05\x81\x00\x00\x06\x08\x00" + plain, 14 + 8 + 20 + 32),
        ("IPv6", b"\x86\xdd" + ip6(6, segment), 14 + 40 + 32),
        ("IPv6 with extensions", b"\x86\xdd" + ip6(0, hop + segment), 14 + 40 + 16 + 32),
        ("VXLAN", b"\x08\x00" + ip4(17, udp(4789, b"\x08\0\0\0\0\0\1\0" + inner)), 14 + 20 + 8 + 8 + 14 + 20 + 32),
        ("GRE", b"\x08\x00" + ip4(47, b"\0\0\x08\0" + plain), 14 + 20 + 4 + 20 + 32),
        ("ICMP error", b"\x08\x00" + error, 14 + len(error)),
        ("ICMPv6 error", b"\x86\xdd" + error6, 14 + len(error6)),
        ("later fragment", b"\x08\x00" + ip4(6, secret, 100), 14 + 20),
        ("UDP", b"\x08\x00" + ip4(17, udp(53, secret)), 14 + 20 + 8),
        ("padded", b"\x08\x00" + ip4(6, tcp(1)) + bytes(6), 14 + 20 + 20),
    ]
    return [(what, ETHERNET + frame, kept) for what, frame, kept in made]


def main(arguments):
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    s.bind((arguments[0], 0))
    if arguments[1] == "odd":
        for _, frame, kept in odd():
            s.send(frame)
            print(len(frame), kept)
        return
    count = int(arguments[1])
    length = int(arguments[2]) if len(arguments) > 2 else 100
    pause = float(arguments[3]) if len(arguments) > 3 else 0
    first = int(arguments[4]) if len(arguments) > 4 else 0
    scramble = os.environ.get("REPLAY_RANDOM")
    frame = bytearray(ETHERNET + b"\x08\x00" + ip4(6, tcp(0, b"x" * (length - 54))))
    for i in range(first, first + count):
        frame[38:42] = struct.pack("!I", i)
        if scramble:
            frame[54:] = os.urandom(length - 54)
        while True:
            try:
                s.send(frame)
                break
            except OSError as error:
                if error.errno not in (errno.ENOBUFS, errno.EAGAIN):
                    raise
                if os.environ.get("REPLAY_ONCE"):
                    break
                time.sleep(0.001)
        if pause and i % 100 == 99:
            time.sleep(pause)


if __name__ == "__main__":
    main(sys.argv[1:])
