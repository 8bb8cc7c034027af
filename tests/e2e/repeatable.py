"""Runs every shipped pair RUNS times, on one to four threads, and compares what is written, byte for byte but for the
time of writing."""

import glob
import os
import re
import subprocess
import sys
import tempfile

RUNS = 20
CREATED = re.compile(rb'"created[a-z_]*": ?[^,]*,')


def outputs(correlate, pair, work, threads):
    client, server = (glob.glob(f"{pair}/{side}*")[0] for side in ("client", "server"))
    json, events = f"{work}/report.json", f"{work}/events.ndjson"
    text = subprocess.run([correlate, client, server, "--threads", str(threads), "--json", json, "--events", events],
                          capture_output=True, timeout=60).stdout
    return [text] + [CREATED.sub(b"", open(path, "rb").read()) for path in (json, events)]


def main():
    correlate = sys.argv[1]
    pairs = [os.path.dirname(path) for path in sorted(glob.glob("fixtures/*/client*") + glob.glob("fixtures/lab/*/client*"))]
    wrong = []
    with tempfile.TemporaryDirectory() as work:
        for pair in pairs:
            first = outputs(correlate, pair, work, 1)
            if any(outputs(correlate, pair, work, 1 + run % 4) != first for run in range(1, RUNS)):
                wrong.append(pair)
    for pair in wrong:
        print(f"{pair}: {RUNS} runs do not give one report")
    print(f"{len(pairs)} pairs, {RUNS} runs each")
    sys.exit(bool(wrong) or not pairs)


main()
