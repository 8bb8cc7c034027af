"""Judges one run: for each ageing of its captures, what did the correlator make of it?"""
import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "score"))
import age  # noqa: E402
import causes  # noqa: E402
import happened  # noqa: E402
import score  # noqa: E402
import truth  # noqa: E402
from ledger import POINTS  # noqa: E402

CONSTANT = {"address-translated", "sequence-rewritten", "ip-id-rewritten", "mss-clamped", "options-stripped",
            "dscp-rewritten", "ttl-changed"}


class Case:
    """What came of one aged pair."""

    def __init__(self, name, words):
        self.name, self.words = name, words
        self.trouble, self.summary, self.verdict, self.kept = [], None, "", None

    @property
    def title(self):
        return f"{self.name} [{self.words or 'as taken'}]"

    def imperfect(self):
        return self.summary and any(self.summary[k] for k in ("false_supported", "not_found", "resets_wrong"))


def fold(entry):
    """Frame numbers of a point's later files, counted as age.py does."""
    if isinstance(entry, list):
        return [fold(one) for one in entry]
    if not isinstance(entry, dict):
        return entry
    entry = {key: fold(value) for key, value in entry.items()}
    if entry.get("frame") is not None and not isinstance(entry["frame"], dict) and entry.get("file"):
        entry["frame"] += age.FILE * entry["file"]
    return entry


def correlate(binary, aged, folder):
    """(events, report, trouble) of one run of the correlator."""
    events, report = os.path.join(folder, "events.ndjson"), os.path.join(folder, "report.json")
    command = [binary, *aged.files, "--names", "client,server", "--events", events, "--json", report, "--quiet"]
    try:
        done = subprocess.run(command + aged.options, capture_output=True, timeout=120, text=True, check=False)
    except subprocess.TimeoutExpired:
        return None, None, "the correlator took more than 120 s"
    if done.returncode not in (0, 1, 3):
        return None, None, f"the correlator ended with {done.returncode}: {done.stderr[-300:]}"
    with open(report, encoding="utf-8") as text:
        return fold(score.read_lines(events)), fold(json.load(text)), None


def untroubled(events, report, reordered):
    """What a clean run leaves open, or finds, though nothing happened. (False events count anyway; the kernels' own queues
    may reorder.)"""
    wrong = [f"{e['event']} of a clean run: {e.get('reason')} {e['seen_at']} frame {e['frame']} seq {e['seq']} len {e['len']}"
             for e in events if e["event"] == "unresolved"]
    wrong += [f"finding {f['finding']}: {f['text'][:160]}" for f in report["findings"]
              if f["finding"] not in CONSTANT and f["severity"] != "note" and not (f["finding"] == "reordering" and reordered)]
    return wrong[:10]


def judge(scenario, run, builder, words, folder, binary, seed):
    """One Case; its files stay in `folder`."""
    case = Case(scenario.name, words)
    aged = age.Aged(run, words, folder, seed)
    writer = truth.Writer(builder, aged.views, aged.header(seed, scenario.name))
    lines = writer.lines()
    with open(os.path.join(folder, "truth.ndjson"), "w", encoding="utf-8") as out:
        out.writelines(json.dumps(line) + "\n" for line in lines)
    events, report, trouble = correlate(binary, aged, folder)
    if trouble:
        case.trouble.append(trouble)
        return case
    case.summary = score.summarize(score.Truth(lines), events, report)
    case.verdict = report["summary"]["verdict"]
    case.trouble += happened.aged(scenario, builder.ledger, aged)
    examine(case, scenario, events, report, words)
    with open(os.path.join(folder, "wrong.json"), "w", encoding="utf-8") as out:
        json.dump({"trouble": case.trouble, **case.summary}, out, indent=1)
    return case


def examine(case, scenario, events, report, words):
    """Adds to the case what fails it."""
    s = case.summary
    case.trouble += [f"false proven: {json.dumps(e)}" for e in s["false_proven"]]
    case.trouble += [f"clock: {json.dumps(c)}" for c in s["clock_wrong"]]
    case.trouble += [f"reset: {json.dumps(r)}" for r in s["resets_wrong"] if r["field"] in ("sent_by", "fate")]
    unknown = {k: v for k, v in s["resets"].items() if k in ("decidable_sent_by_unknown", "decidable_fate_unknown",
                                                            "decidable_not_reported") and v}
    if unknown:
        case.trouble.append(f"decidable resets not decided: {json.dumps(unknown)}")
    if scenario.clean and words in ("", "counted"):
        case.trouble += [f"false supported: {json.dumps(e)}" for e in s["false_supported"]]
        reordered = s["kinds"]["reordered"]
        case.trouble += untroubled(events, report, reordered["decidable"] + reordered["undecidable"])


def prepare(folder, scenario):
    """(run, builder, notes) of a played run."""
    with open(os.path.join(folder, "run.json"), encoding="utf-8") as text:
        notes = json.load(text)
    run = truth.Run(folder, notes["addresses"])
    builder = truth.Builder(run)
    builder.build()
    run.agent = scenario.agent
    if scenario.relay:
        builder.terminated.update(builder.ledger.connections)
    causes.attach(builder.ledger, folder)
    return run, builder, notes
