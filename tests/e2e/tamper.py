"""Harm a journal in ways that take more than a shell: tamper.py HOW JOURNAL PACKETS [ARGUMENT].

  count                 print the number of lines
  remove N              take line N (from 1) away
  swap N                exchange lines N and N + 1
  forge                 change a packet byte and write the chain anew, without signatures
  forge-named KEY       the same, and keep the public key; signatures by KEY (PEM), with the openssl program
"""
import base64
import hashlib
import json
import pathlib
import re
import subprocess
import sys
import tempfile

TAIL = re.compile(rb',"digest":"[0-9a-f]{64}","signature":(null|"[A-Za-z0-9+/=]+")}\n$')


def sign(key, digest):
    with tempfile.NamedTemporaryFile() as message:
        message.write(digest)
        message.flush()
        command = ["openssl", "pkeyutl", "-sign", "-rawin", "-inkey", key, "-in", message.name]
        return base64.b64encode(subprocess.run(command, check=True, capture_output=True).stdout).decode()


def forge(lines, packets, key):
    """The chain as a forger writes it, who knows everything but the key."""
    chain, covered, text, done = bytes(32), b"", b"", 0
    for line in lines:
        value = json.loads(line)
        if value["type"] == "start" and not key:
            line = re.sub(rb'"pubkey":"[0-9a-f]{64}"', b'"pubkey":null', line)
        if not TAIL.search(line):
            text, covered = text + line, covered + line
            continue
        body = TAIL.sub(b"", line)
        to = value.get("to", value.get("bytes"))
        chain = hashlib.sha256(chain + packets[done:to] + covered + body).digest()
        signature = b'"%s"' % sign(key, chain).encode() if key else b"null"
        text += body + b',"digest":"%s","signature":%s}\n' % (chain.hex().encode(), signature)
        covered, done = b"", to
    return text


def main(how, journal, packets, argument=None):
    journal, packets = pathlib.Path(journal), pathlib.Path(packets)
    lines = journal.read_bytes().splitlines(keepends=True)
    if how == "count":
        print(len(lines))
    elif how == "remove":
        del lines[int(argument) - 1]
        journal.write_bytes(b"".join(lines))
    elif how == "swap":
        n = int(argument)
        lines[n - 1], lines[n] = lines[n], lines[n - 1]
        journal.write_bytes(b"".join(lines))
    else:
        raw = bytearray(packets.read_bytes())
        raw[len(raw) // 2] ^= 1
        packets.write_bytes(raw)
        journal.write_bytes(forge(lines, bytes(raw), argument))


main(*sys.argv[1:])
