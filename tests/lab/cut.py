#!/usr/bin/env python3
"""Cuts a case that the lab kept down to a pair for fixtures/lab: some connections, some frames, some bytes of each.

    cut.py CASE PAIR [--ports P,...] [--client LOW-HIGH] [--server LOW-HIGH] [--bytes N]

--ports keeps frames that have one of these ports, at either end; --client and --server keep that capture's frames in a range
of numbers, as the case has them (a second file's count on from the first's); --bytes cuts what is behind.

PAIR gets client.pcapng.zst and server.pcapng.zst (one folder of files where the case has several), and truth.ndjson with what
is left of the truth, by the new numbers. What happened does not change by recording less of it; what is decidable does, so
that this is not said any more. Prints old and new numbers, for the statements in PAIR/said.json (tests/e2e/lab_pairs.py).
"""
import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import age  # noqa: E402
import frames  # noqa: E402
from ledger import POINTS  # noqa: E402


def span(text):
    low, _, high = text.partition("-")
    return int(low), int(high)


def ports_of(data, length):
    """Ports of a frame's TCP segment, or of the one that an ICMP error quotes: of other frames none."""
    frame = frames.decode(1, 0, data, length)
    return {frame.sport, frame.dport} if frame else set()


def parts_of(case, point):
    """The case's capture files of a point, in order."""
    path = os.path.join(case, point)
    if os.path.isdir(path):
        return [os.path.join(path, name) for name in sorted(os.listdir(path))]
    return [path + ".pcap"]


def cut(records, first, ports, bounds, size):
    """(records that stay, old number -> new number) of a file whose first frame has the number `first`."""
    kept, place = [], {}
    for index, (stamp, data, length) in enumerate(records):
        number = first + index
        if ports and not ports & ports_of(data, length):
            continue
        if bounds and not bounds[0] <= number <= bounds[1]:
            continue
        kept.append((stamp, data[:size] if size else data, length))
        place[number] = len(kept)
    return kept, place


def store(path, records):
    """A capture as pcapng, compressed."""
    with tempfile.TemporaryDirectory() as folder:
        plain, packed = os.path.join(folder, "plain"), os.path.join(folder, "packed")
        frames.write_pcap(plain, records)
        subprocess.run(["editcap", "-F", "pcapng", plain, packed], check=True, timeout=60)
        subprocess.run(["zstd", "-19", "-qf", packed, "-o", path], check=True, timeout=60)


def cut_point(case, pair, point, arguments):
    """Writes what stays of one capture; old frame number -> (file, new number)."""
    taken, first, files = {}, 1, []
    bounds = getattr(arguments, point)
    paths = parts_of(case, point)
    for path in paths:
        records = frames.read_pcap(path)[1]
        kept, place = cut(records, first, arguments.ports, bounds, arguments.bytes)
        taken.update({number: (len(files), new) for number, new in place.items()})
        first += len(records)
        if kept:
            files.append(kept)
    if len(files) == 1:
        store(os.path.join(pair, point + ".pcapng.zst"), files[0])
    else:
        os.makedirs(os.path.join(pair, point))
        for index, kept in enumerate(files):
            store(os.path.join(pair, point, f"{index}.pcapng.zst"), kept)
    return taken


def old_number(case, point, number):
    """A frame's number counted on over a point's files, from the lab's, where a second file begins at age.FILE."""
    if number is None or number < age.FILE:
        return number
    return len(frames.read_pcap(parts_of(case, point)[0])[1]) + number - age.FILE


def cut_truth(case, taken):
    """The truth's lines that are left, by the new numbers."""
    left = []

    def new(point, number):
        place = taken[point].get(old_number(case, point, number))
        return None if place is None else place[0] * age.FILE + place[1]

    with open(os.path.join(case, "truth.ndjson"), encoding="utf-8") as lines:
        for line in map(json.loads, lines):
            if line["truth"] == "hop":
                continue
            if line["truth"] == "group":
                line["frames"] = [n for n in (new(line["seen_at"], f) for f in line["frames"]) if n is not None]
                if not line["frames"]:
                    continue
            elif line["truth"] != "header":
                line["frame"] = new(line["seen_at"], line["frame"])
                if line["frame"] is None:
                    continue
                line = {key: value for key, value in line.items() if key not in ("why_not", "file", "late_ns")}
                line["decidable"] = False
            left.append(line)
    return left


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("case")
    parser.add_argument("pair")
    parser.add_argument("--ports", type=lambda text: {int(p) for p in text.split(",")})
    parser.add_argument("--client", type=span)
    parser.add_argument("--server", type=span)
    parser.add_argument("--bytes", type=int)
    arguments = parser.parse_args()
    for name in POINTS:
        shutil.rmtree(os.path.join(arguments.pair, name), ignore_errors=True)
    os.makedirs(arguments.pair, exist_ok=True)
    taken = {point: cut_point(arguments.case, arguments.pair, point, arguments) for point in POINTS}
    with open(os.path.join(arguments.pair, "truth.ndjson"), "w", encoding="utf-8") as out:
        out.writelines(json.dumps(line, separators=(",", ":")) + "\n" for line in cut_truth(arguments.case, taken))
    for point in POINTS:
        print(point, " ".join(f"{old}:{file * age.FILE + new if file else new}" for old, (file, new) in taken[point].items()))


if __name__ == "__main__":
    main()
