"""hostile.py PCAPNG OUT: the same capture, with strings that want to be markup, commands of a terminal, or more than a line:
its interface's name, description and filter, the section's hardware, system, application and comment, each packet's
comment; and it breaks off in the midst of a block."""
import struct
import sys

EVIL = (b"\x1b]0;pwned\x07`@root`<script>alert(1)</script>'\"><img src=x onerror=alert(2)>[l](http://e.example)**b**|\r\n# lost"
        b" \xe2\x80\xae\xe2\x80\xa8\xff")


def option(code, value):
    return struct.pack("<HH", code, len(value)) + value + bytes(-len(value) % 4)


def block(kind, body):
    return struct.pack("<II", kind, len(body) + 12) + body + struct.pack("<I", len(body) + 12)


def main(source, target):
    with open(source, "rb") as file:
        data = file.read()
    out, at = bytearray(), 0
    while at < len(data):
        kind, total = struct.unpack_from("<II", data, at)
        whole = data[at:at + total]
        if kind == 0x0a0d0d0a:
            whole = block(kind, whole[8:24] + b"".join(option(code, EVIL) for code in (1, 2, 3, 4)) + option(0, b""))
        elif kind == 1:
            whole = block(kind, whole[8:16] + option(2, EVIL[:60]) + option(3, EVIL) + option(11, b"\0" + EVIL) + option(9, b"\x09") +
                          option(0, b""))
        elif kind == 6:
            captured = struct.unpack_from("<I", whole, 20)[0]
            whole = block(kind, whole[8:28 + (captured + 3) // 4 * 4] + option(1, EVIL) + option(0, b""))
        out += whole
        at += total
    with open(target, "wb") as file:
        file.write(out + b"\x06\0\0\0 broken off")


main(*sys.argv[1:])
