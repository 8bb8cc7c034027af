"""One table of a whole run, and what it must show."""
import collections
import json

KINDS = ("lost", "injected", "corrupted", "altered", "duplicated")  # of these, 99.5 % of what is decidable must be found
OTHERS = ("reordered", "missed")
RECALL, FALSE_SUPPORTED, CAUSES = 99.5, 0.1, 98.0


def percent(part, whole):
    return f"{100 * part / whole:.2f}" if whole else "-"


class Sum:
    """Cases added up."""

    def __init__(self):
        self.kinds = collections.defaultdict(collections.Counter)
        self.resets, self.unresolved, self.n = collections.Counter(), collections.Counter(), collections.Counter()

    def add(self, case):
        self.n["cases"] += 1
        self.n["failed"] += bool(case.trouble)
        if not case.summary:
            return
        for kind, row in case.summary["kinds"].items():
            self.kinds[kind].update(row)
        self.resets.update(case.summary["resets"])
        self.unresolved.update(case.summary["unresolved"])
        self.n.update(clock=case.summary["clock_checked"], clock_wrong=len(case.summary["clock_wrong"]))

    def total(self, field, kinds=KINDS):
        return sum(self.kinds[kind][field] for kind in kinds)

    def row(self, name):
        recall = "".join(f"{percent(self.kinds[k]['found'], self.kinds[k]['decidable']):>9}" for k in KINDS + OTHERS)
        every = KINDS + OTHERS
        proven = percent(self.total("found_proven", every), self.total("found_proven", every) + self.total("found_supported", every))
        return (f"{name:<30}{self.n['cases']:>5}{self.n['failed']:>5}{self.total('decidable'):>8}{recall}{proven:>8}"
                f"{self.total('false_proven', every):>7}{self.total('false_supported', every):>7}"
                f"{sum(self.unresolved.values()):>8}{self.n['clock_wrong']:>6}{self.wrong_resets():>7}")

    def wrong_resets(self):
        return sum(v for k, v in self.resets.items() if k.endswith(("sent_by_wrong", "fate_wrong", "cause_wrong")))


def heading():
    names = "".join(f"{k[:8]:>9}" for k in KINDS + OTHERS)
    return (f"{'scenario':<30}{'cases':>5}{'fail':>5}{'decid.':>8}{names}{'proven':>8}{'f.prov':>7}{'f.supp':>7}{'unres.':>8}"
            f"{'clock':>6}{'resets':>7}")


def show_result(result, verbose):
    name, failed, cases = result
    for what in failed:
        print(f"{name}: {what}")
    for case in cases:
        for what in case.trouble[:None if verbose else 3]:
            print(f"{case.title}: {what}")
        if case.trouble and case.kept:
            print(f"{case.title}: kept in {case.kept}")
        if verbose and case.summary:
            for key in ("false_supported", "not_found", "resets_wrong"):
                for one in case.summary[key][:5]:
                    print(f"{case.title}: {key.replace('_', ' ')}: {json.dumps(one)}")


def show(results, whole):
    """Prints the table; whether all is as it must be. Shares are a matter of the whole lab: in a few scenarios one false
    `supported` among some hundred is shown, and counts for nothing."""
    print(heading())
    everything, good = Sum(), True
    for name, failed, cases in results:
        one = Sum()
        for case in cases:
            one.add(case)
            everything.add(case)
        print(one.row(name) + ("  DID NOT HAPPEN" if failed else ""))
        good &= not failed and not one.n["failed"]
    print(everything.row("all"))
    return targets(everything, whole) and good


def targets(everything, whole_lab):
    """The numbers that all cases together must reach."""
    every = KINDS + OTHERS
    recall = everything.total("found"), everything.total("decidable")
    false = everything.total("false_supported", every)
    told = everything.total("found_supported", every) + false
    causes = everything.resets["decidable_cause_right"]
    wrong = everything.resets["decidable_cause_wrong"] + everything.resets["decidable_cause_unknown"]
    lines = [
        ("found of the decidable lost, injected, corrupted, altered, duplicated", *recall, recall[0] * 100 >= recall[1] * RECALL),
        ("false among the supported", false, told, false * 100 <= told * FALSE_SUPPORTED or not whole_lab),
        ("false among the proven", everything.total("false_proven", every), everything.total("found_proven", every),
         not everything.total("false_proven", every)),
        ("clock intervals without the truth", everything.n["clock_wrong"], everything.n["clock"], not everything.n["clock_wrong"]),
        ("right causes of decidable reset trains", causes, causes + wrong, causes * 100 >= (causes + wrong) * CAUSES),
    ]
    for what, part, whole, good in lines:
        print(f"{'ok  ' if good else 'FAIL'}  {what}: {part} of {whole} ({percent(part, whole)} %)")
    print("unresolved:", json.dumps(dict(everything.unresolved.most_common())))
    print("resets:", json.dumps(dict(sorted(everything.resets.items()))))
    return all(line[3] for line in lines)
