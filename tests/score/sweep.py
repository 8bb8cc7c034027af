#!/usr/bin/env python3
"""Generate pairs over seeds and scenarios, correlate each, score it, and add it all up.

    sweep.py --generate BIN --correlate BIN --seeds 1-200 [--scenarios all|NAME[,NAME...]] [--jobs 2] [--keep DIR]

A scenario here is a row of SCENARIOS, or any list of the generator's words joined by '+'. Exit status 1 where any run
crashed, proved something false, or missed the clock. Failing runs are kept in DIR.
"""
import argparse
import collections
import concurrent.futures
import glob
import json
import os
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import score  # noqa: E402  pylint: disable=wrong-import-position

SCENARIOS = [
    "clean", "clean+counted", "clean+headers+tso+gro+zstd", "loss", "loss+counted", "loss+headers", "loss+snap96+us+pcap",
    "loss+tso+gro", "loss+no-timestamps", "loss+no-sack+no-timestamps", "loss+id-zero", "loss+id-random+no-timestamps",
    "loss+id-zero+no-timestamps+no-sack", "loss+coarse-timestamps+fixed-window", "loss+fixed-window+id-zero+no-timestamps+no-sack+no-delay",
    "dup+reorder+fixed-window+id-zero+no-timestamps+no-sack", "ack-loss+fixed-window+scrub+no-timestamps", "loss+scrub+nat", "loss+ipv6", "loss+wrap+tso", "loss+jitter+far",
    "loss-heavy", "bursts", "bursts+tso+gro+bulk", "ack-loss", "outage", "outage-up", "mtu", "mtu-icmp+tso",
    "drop-rst+abort", "drop-syn", "drop-port+many",
    "dup", "dup+id-zero", "dup+gro", "dup-close", "dup-late", "dup-late+loss+no-timestamps", "reorder", "reorder+tso+gro", "held", "dup+reorder+loss",
    "corrupt", "corrupt+tso+gro", "corrupt+headers", "alter", "alter+tso+gro", "alter+nat",
    "inject-client", "inject-server", "inject-both+counted", "inject-both+inject-id0+inject-ttl", "inject-window",
    "inject-outside", "inject-both+swallow", "inject-data",
    "case1-refused", "case1-blocked", "case2", "case3", "case3+drop-rst-half", "abort+drop-rst-half+jitter", "case3+counted", "case3+headers+tso+gro", "case3+nat-port+scrub",
    "abort", "normal-reset", "half-close", "keepalive", "keepalive+loss", "zero-window", "zero-window+loss", "reuse",
    "duplex+loss+tso+gro", "duplex+loss+counted+tso", "duplex+loss+ipv6+no-timestamps+tso", "duplex+thin+tso+gro",
    "reuse+loss", "open", "one-way+loss", "nat", "nat-port+loss", "nat-port+nat-server+loss", "seq-random+loss", "seq-random-sack+loss",
    "seq-random+nat-port+scrub+loss", "scrub-zero+loss", "mss-clamp+loss", "strip-ts+loss", "strip-sack+loss",
    "dscp+loss", "proxy", "proxy+loss", "thin", "thin+loss", "thin-client+loss", "thin-server+loss",
    "thin+counted+loss", "thin+dup+inject-both", "thin+reorder+corrupt", "thin+case3", "miss-client+loss",
    "miss-server+loss", "miss-server+counted+loss", "thin+tso+gro+loss", "thin+id-zero+no-timestamps+loss",
    "late-server+loss", "late-client+loss", "early-server+loss", "early-client+loss", "late-server+nat-port+loss",
    "alone+loss", "alone+case3", "doubled-client+loss", "doubled-server+loss",
    "offset+loss", "days+drift+loss", "drift+step+loss", "step+case3", "us+near+loss", "many+loss", "mix",
]


def run(command, seconds):
    """Exit status and what it said on standard error; None for a timeout."""
    try:
        done = subprocess.run(command, capture_output=True, timeout=seconds, text=True, errors="replace", check=False)
    except subprocess.TimeoutExpired:
        return None, "", "timeout"
    return done.returncode, done.stdout, done.stderr


def one(task):
    """Returns (scenario, seed, summary or None, what went wrong)."""
    arguments, scenario, seed = task
    folder = tempfile.mkdtemp(prefix="twopoint-sweep-", dir="/tmp")
    events, report = os.path.join(folder, "events.ndjson"), os.path.join(folder, "report.json")
    trouble, summary = None, None
    status, _, text = run([arguments.generate, "--out", folder, "--seed", str(seed), "--scenario",
                           scenario.replace("+", ",")], 120)
    if status != 0:
        trouble = f"generate: {status} {text[:200]}"
    else:
        captures = glob.glob(os.path.join(folder, "client.*")) + glob.glob(os.path.join(folder, "server.*"))
        status, _, text = run([arguments.correlate, *captures, "--names", "client,server", "--events", events, "--json",
                               report, "--quiet"], arguments.timeout)
        if status not in (0, 1, 3):
            trouble = f"correlate: {status} {text[-300:]}"
    if trouble is None:
        try:
            with open(report, encoding="utf-8") as text:
                summary = score.summarize(score.Truth(score.read_lines(os.path.join(folder, "truth.ndjson"))),
                                          score.read_lines(events), json.load(text))
        except (OSError, ValueError, KeyError, TypeError) as error:
            trouble = f"score: {type(error).__name__}: {error}"
    bad = trouble or summary["false_proven"] or summary["clock_wrong"] or (
        arguments.keep_supported and (summary["false_supported"] or summary["not_found"]))
    if bad and arguments.keep:
        place = os.path.join(arguments.keep, f"{scenario}-{seed}")
        shutil.rmtree(place, ignore_errors=True)
        shutil.move(folder, place)
    else:
        shutil.rmtree(folder, ignore_errors=True)
    return scenario, seed, summary, trouble


class Totals:
    """What the runs of one scenario came to."""

    def __init__(self):
        self.runs = 0
        self.kinds = collections.defaultdict(collections.Counter)
        self.unresolved = collections.Counter()
        self.resets = collections.Counter()
        self.clock = collections.Counter()
        self.hops = collections.Counter()

    def add(self, summary):
        self.runs += 1
        for kind, row in summary["kinds"].items():
            self.kinds[kind].update(row)
        self.unresolved.update(summary["unresolved"])
        self.resets.update(summary["resets"])
        self.hops.update(summary["hops"])
        self.clock.update(checked=summary["clock_checked"], wrong=len(summary["clock_wrong"]))

    def sum(self, field, kinds=("lost", "injected", "duplicated", "corrupted", "altered")):
        return sum(self.kinds[kind][field] for kind in kinds)


def recall(found, decidable):
    return f"{100 * found / decidable:.2f}" if decidable else "-"


def print_table(totals, crashes):
    kinds = ("lost", "injected", "duplicated", "corrupted", "altered", "reordered", "missed")
    print(f"{'scenario':<56}{'runs':>5}{'fail':>5}" + "".join(f"{k[:9]:>11}" for k in kinds) +
          f"{'f.proven':>10}{'f.supp':>8}{'clock':>7}{'unres':>7}")
    everything = Totals()
    for scenario in totals:
        for_all = totals[scenario]
        everything.runs += for_all.runs
        everything.clock.update(for_all.clock)
        everything.resets.update(for_all.resets)
        everything.hops.update(for_all.hops)
        everything.unresolved.update(for_all.unresolved)
        for kind in kinds:
            everything.kinds[kind].update(for_all.kinds[kind])
        print_row(scenario, for_all, crashes[scenario], kinds)
    print_row("all", everything, sum(crashes.values()), kinds)
    decided = sum(everything.sum(f, kinds) for f in ("found_supported", "false_supported"))
    false = everything.sum("false_supported", kinds)
    print(f"decidable lost, injected, duplicated, corrupted, altered: {everything.sum('decidable')}, found "
          f"{everything.sum('found')} ({recall(everything.sum('found'), everything.sum('decidable'))} %)")
    print(f"supported: {decided}, false among them {false} ({100 * false / decided if decided else 0:.3f} %)")
    print("unresolved:", json.dumps(dict(everything.unresolved.most_common(12))))
    print("resets:", json.dumps(dict(sorted(everything.resets.items()))))
    print("hop counts:", json.dumps(dict(sorted(everything.hops.items()))))


def print_row(name, total, crashed, kinds):
    cells = "".join(f"{recall(total.kinds[k]['found'], total.kinds[k]['decidable']):>11}" for k in kinds)
    print(f"{name:<56}{total.runs:>5}{crashed:>5}{cells}{total.sum('false_proven', kinds):>10}"
          f"{total.sum('false_supported', kinds):>8}{total.clock['wrong']:>7}{sum(total.unresolved.values()):>7}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--generate", required=True)
    parser.add_argument("--correlate", required=True)
    parser.add_argument("--seeds", default="1-5", help="N or A-B")
    parser.add_argument("--scenarios", default="all")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--timeout", type=float, default=60, help="seconds for one run of the correlator")
    parser.add_argument("--keep", help="folder for the runs that failed")
    parser.add_argument("--keep-supported", action="store_true", help="keep runs with a false supported or a miss too")
    parser.add_argument("--verbose", action="store_true", help="print each false or missed item")
    arguments = parser.parse_args()
    first, _, last = arguments.seeds.partition("-")
    seeds = range(int(first), int(last or first) + 1)
    names = SCENARIOS if arguments.scenarios == "all" else arguments.scenarios.split(",")
    if arguments.keep:
        os.makedirs(arguments.keep, exist_ok=True)
    totals, crashes, bad = {name: Totals() for name in names}, collections.Counter(), 0
    with concurrent.futures.ProcessPoolExecutor(arguments.jobs) as pool:
        for scenario, seed, summary, trouble in pool.map(
                one, [(arguments, name, seed) for name in names for seed in seeds], chunksize=4):
            if trouble:
                crashes[scenario] += 1
                print(f"{scenario} seed {seed}: {trouble}")
                continue
            totals[scenario].add(summary)
            bad += len(summary["false_proven"]) + len(summary["clock_wrong"])
            shown = summary["false_proven"] + summary["clock_wrong"]
            if arguments.verbose:
                shown += summary["false_supported"] + summary["not_found"] + summary["resets_wrong"]
            for item in shown[:5]:
                print(f"{scenario} seed {seed}: {json.dumps(item)}")
    print_table(totals, crashes)
    return 1 if bad or crashes else 0


if __name__ == "__main__":
    sys.exit(main())
