"""Captures as the lab needs them: nanosecond pcap in and out, and the TCP headers of each frame.

Only what the lab's own taps write is read here: classic pcap, Ethernet, 802.1Q, VXLAN, IPv4 and IPv6, fragments of IPv4.
The correlator's reader is not used on purpose: the truth may not rest on the code that it judges.
"""
import struct

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
FLAG_NAMES = ((1, "FIN"), (2, "SYN"), (4, "RST"), (8, "PSH"), (16, "ACK"), (32, "URG"))
VXLAN_PORT = 4789
MASK = 0xFFFFFFFF


def flags_name(flags):
    return ",".join(name for bit, name in FLAG_NAMES if flags & bit)


def distance(a, b):
    """a - b in sequence space."""
    return (a - b + 2**31) % 2**32 - 2**31


class Frame:
    """One TCP segment as a capture holds it; `number` counts all frames of the file from 1. One that came in fragments has
    the number and the stamp of that which completed it; `parts` are the numbers of all."""

    __slots__ = ("number", "t", "caplen", "wirelen", "src", "dst", "sport", "dport", "seq", "ack", "flags", "window",
                 "ipid", "ttl", "tos", "len", "options", "tsval", "tsecr", "sack", "payload", "vlan", "tunnel", "data", "pieces",
                 "parts")

    @property
    def kept(self):
        """Bytes of payload that the capture holds."""
        return max(0, self.caplen - self.payload)

    @property
    def flow(self):
        return self.src, self.sport, self.dst, self.dport


def read_pcap(path):
    """Header and records (stamp in ns, bytes, length on the wire) of a pcap file; a cut last record is left out."""
    with open(path, "rb") as file:
        raw = file.read()
    order, unit = {b"\xd4\xc3\xb2\xa1": ("<", 1000), b"\x4d\x3c\xb2\xa1": ("<", 1), b"\xa1\xb2\xc3\xd4": (">", 1000),
                   b"\xa1\xb2\x3c\x4d": (">", 1)}[raw[:4]]
    at, records = 24, []
    header = struct.Struct(order + "IIII")
    while at + 16 <= len(raw):
        seconds, part, kept, length = header.unpack_from(raw, at)
        if at + 16 + kept > len(raw):
            break
        records.append((seconds * 10**9 + part * unit, raw[at + 16:at + 16 + kept], length))
        at += 16 + kept
    return raw[:24], records


def write_pcap(path, records, snaplen=262144):
    """Records (stamp in ns, bytes, length on the wire) as a nanosecond pcap of Ethernet frames."""
    with open(path, "wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, snaplen, 1))
        for stamp, data, length in records:
            file.write(struct.pack("<IIII", stamp // 10**9, stamp % 10**9, len(data), length) + data)


def options_of(data, at, end):
    """Option bytes without padding, TSval, TSecr, SACK blocks."""
    kept, tsval, tsecr, sack = [], None, None, ()
    while at < end:
        kind = data[at]
        if kind == 0:
            break
        if kind == 1:
            at += 1
            continue
        if at + 1 >= end or data[at + 1] < 2 or at + data[at + 1] > end:
            break
        size = data[at + 1]
        kept.append(bytes(data[at:at + size]))
        if kind == 8 and size == 10:
            tsval, tsecr = struct.unpack_from("!II", data, at + 2)
        elif kind == 5:
            edges = struct.unpack_from("!%dI" % ((size - 2) // 4), data, at + 2)
            sack = tuple(zip(edges[::2], edges[1::2]))
        at += size
    return b"".join(kept), tsval, tsecr, sack


def network_header(data, at):
    """(ethertype, offset, vlan) behind an Ethernet header and its tags."""
    kind, vlan = struct.unpack_from("!H", data, at + 12)[0], None
    at += 14
    while kind in (0x8100, 0x88A8) and at + 4 <= len(data):
        vlan, kind = struct.unpack_from("!HH", data, at)
        vlan &= 0xFFF
        at += 4
    return kind, at, vlan


def decode(number, stamp, data, length):
    """The frame's TCP segment, or None where it holds none."""
    frame = Frame()
    frame.number, frame.t, frame.caplen, frame.wirelen, frame.data = number, stamp, len(data), length, data
    frame.tunnel, frame.pieces, frame.parts = None, [], (number,)
    try:
        return frame if fill(frame, data, 0) else None
    except (struct.error, IndexError):
        return None


def fill(frame, data, at):
    kind, at, vlan = network_header(data, at)
    frame.vlan = vlan
    if kind == 0x0800:
        head = (data[at] & 15) * 4
        frame.tos, total, frame.ipid, fragment = struct.unpack_from("!xBHHH", data, at)
        if fragment & 0x3FFF:
            return False
        frame.ttl, protocol = data[at + 8], data[at + 9]
        frame.src, frame.dst = data[at + 12:at + 16], data[at + 16:at + 20]
        inside = (total or frame.wirelen - at) - head
    elif kind == 0x86DD:
        head, frame.ipid = 40, None
        frame.tos = struct.unpack_from("!H", data, at)[0] >> 4 & 255
        total, protocol, frame.ttl = struct.unpack_from("!HBB", data, at + 4)
        frame.src, frame.dst = data[at + 8:at + 24], data[at + 24:at + 40]
        inside = total or frame.wirelen - at - head
    else:
        return False
    at += head
    if protocol == 17 and struct.unpack_from("!H", data, at + 2)[0] == VXLAN_PORT:
        frame.tunnel = int.from_bytes(data[at + 12:at + 15], "big")
        return fill(frame, data, at + 16)
    if protocol != 6:
        return False
    frame.sport, frame.dport, frame.seq, frame.ack, bits, frame.window = struct.unpack_from("!HHIIHH", data, at)
    frame.flags = bits & 0x3F
    size = (bits >> 12) * 4
    frame.len = inside - size
    frame.payload = at + size
    frame.options, frame.tsval, frame.tsecr, frame.sack = options_of(data, at + 20, min(at + size, len(data)))
    return True


class Fragments:
    """Datagrams of IPv4 that a router cut in pieces, put together again. They come in order, or not at all."""

    def __init__(self):
        self.waiting = {}

    def add(self, number, stamp, data, length):
        """The TCP segment that this frame completes, the one that it holds whole, or None."""
        kind, at, _ = network_header(data, 0)
        if kind != 0x0800 or len(data) < at + 20 or not struct.unpack_from("!H", data, at + 6)[0] & 0x3FFF:
            return decode(number, stamp, data, length)
        total, ident, place = struct.unpack_from("!HHH", data, at + 2)
        key = ident, data[at + 9], data[at + 12:at + 20]
        head, offset = (data[at] & 15) * 4, (place & 0x1FFF) * 8
        if offset == 0:
            whole, parts = data[:at + head], ()
        else:
            whole, parts = self.waiting.pop(key, (b"", ()))
        if len(whole) != at + head + offset:
            return None
        whole, parts = whole + data[at + head:at + total], parts + (number,)
        if place & 0x2000:
            self.waiting[key] = whole, parts
            return None
        whole = whole[:at + 2] + struct.pack("!HHH", len(whole) - at, ident, 0) + whole[at + 8:]
        frame = decode(number, stamp, whole, len(whole))
        if frame:
            frame.parts = parts
        return frame


def load(path):
    """(records, TCP frames) of a capture."""
    _, records = read_pcap(path)
    fragments = Fragments()
    return records, [f for f in (fragments.add(n + 1, *r) for n, r in enumerate(records)) if f]
