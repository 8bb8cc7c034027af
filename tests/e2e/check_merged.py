"""check_merged.py MERGED EVENTS: what tshark shows of a merged capture must be what the events say.

Every lost event's frame, and no other, has a comment with the word "lost"; every event's frame has a comment; in each
cluster (frame.packet_id) the frame that left stands before those that arrived. Exit status 1 and what is wrong, else 0.
"""
import collections
import json
import re
import subprocess
import sys

FIELDS = ["frame.number", "frame.interface_name", "frame.packet_id", "frame.comment"]
OWN = re.compile(r"In its own file: (\S+)(?: file (\d+))? frame (\d+)")


def main(merged, events):
    shown = subprocess.run(["tshark", "-r", merged, "-T", "fields", "-E", "separator=/t", "-E", "aggregator=|",
                            *[w for f in FIELDS for w in ("-e", f)]], capture_output=True, text=True, check=True)
    complaint = [line for line in shown.stderr.splitlines() if "Running as user" not in line]
    wrong = [f"tshark: {complaint[0]}"] if complaint else []
    lost, told, clusters = set(), set(), collections.defaultdict(list)
    for line in shown.stdout.splitlines():
        number, point, packet, comment = (line.split("\t") + [""] * 4)[:4]
        if packet:
            clusters[packet].append((int(number), point))
        for own in OWN.finditer(comment):
            told.add((own.group(1), int(own.group(2) or 0), int(own.group(3))))
        if "lost" in comment:
            lost.add(int(number))
    wanted, all_events = set(), set()
    with open(events, encoding="utf-8") as lines:
        for e in map(json.loads, lines):
            if e["event"] == "header":
                continue
            frame = (e["seen_at"], e["file"], e["frame"])
            all_events.add(frame)
            if e["event"] == "lost":
                wanted.add(frame)
    if len(lost) != len(wanted):
        wrong.append(f"{len(lost)} frames are said to be lost, {len(wanted)} were")
    if told != all_events:
        wrong.append(f"comments of {len(told)} frames, events of {len(all_events)}")
    for packet, frames in clusters.items():
        sender = ("client", "server")[(int(packet) - 1) & 1]
        sent = [n for n, point in frames if point == sender]
        arrived = [n for n, point in frames if point != sender]
        if sent and arrived and min(arrived) < min(sent):
            wrong.append(f"cluster {packet}: frame {min(arrived)} arrived before it left in frame {min(sent)}")
    for line in wrong[:5]:
        print(line)
    both = sum(1 for frames in clusters.values() if len({point for _, point in frames}) > 1)
    print(f"{len(clusters)} clusters, {both} seen at both points")
    return bool(wrong)


sys.exit(main(*sys.argv[1:]))
