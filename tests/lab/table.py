"""One table of a whole run, and what it must show."""
import collections
import json

KINDS = ("lost", "injected", "corrupted", "altered", "duplicated")  # of each of these, 99.5 % of what is decidable must be found
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
        self.n.update(clock=case.summary["clock_checked"], clock_wrong=len(case.summary["clock_wrong"]), unshown=case.summary["unshown"])

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
    """Prints the tables; whether all is as it must be. Shares are a matter of the whole lab: in a few scenarios one false
    `supported` among some hundred is shown, and fails nothing, and what is found counts for all kinds together."""
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
    show_kinds(everything)
    return targets(everything, whole) and good


def show_kinds(everything):
    """All cases added up, by kind of event."""
    print(f"\n{'kind':<12}{'decidable':>10}{'found':>8}{'%':>8}{'others found':>14}{'proven':>8}{'supported':>11}{'false proven':>14}"
          f"{'false supp.':>13}{'%':>8}")
    for kind in KINDS + OTHERS:
        k = everything.kinds[kind]
        told = k["found_supported"] + k["false_supported"]
        print(f"{kind:<12}{k['decidable']:>10}{k['found']:>8}{percent(k['found'], k['decidable']):>8}{k['undecidable_found']:>14}"
              f"{k['found_proven']:>8}{k['found_supported']:>11}{k['false_proven']:>14}{k['false_supported']:>13}"
              f"{percent(k['false_supported'], told):>8}")
    print(f"\n{everything.n['unshown']} arrivals that one capture missed were told lost, as supported, where both captures would be the same had "
          "they been: not counted as false")
    print(f"\n{'unresolved because':<34}{sum(everything.unresolved.values()):>8}")
    for reason, count in everything.unresolved.most_common():
        print(f"  {reason:<32}{count:>8}")
    print(f"\n{'reset trains':<22}{'of':>6}{'right':>7}{'wrong':>7}{'open':>7}")
    for which in ("decidable", "undecidable"):
        for field in ("sent_by", "fate", "cause"):
            right, wrong, unknown = (everything.resets[f"{which}_{field}_{how}"] for how in ("right", "wrong", "unknown"))
            print(f"{which + ', ' + field:<22}{right + wrong + unknown:>6}{right:>7}{wrong:>7}{unknown:>7}")
        print(f"{which + ', not told':<22}{everything.resets[which]:>6}{'':>14}{everything.resets[which + '_not_reported']:>7}")
    print()


def targets(everything, whole_lab):
    """The numbers that all cases together must reach."""
    every, resets = KINDS + OTHERS, everything.resets
    false = everything.total("false_supported", every)
    told = everything.total("found_supported", every) + false
    causes = resets["decidable_cause_right"]
    wrong = resets["decidable_cause_wrong"] + resets["decidable_cause_unknown"]
    bad_resets = resets["decidable_not_reported"] + sum(resets[f"decidable_{field}_{how}"] for field in ("sent_by", "fate")
                                                        for how in ("wrong", "unknown"))
    lines = []
    for kinds in [(kind,) for kind in KINDS] if whole_lab else [KINDS]:
        found, of = everything.total("found", kinds), everything.total("decidable", kinds)
        lines.append((f"found of the decidable {', '.join(kinds)}", found, of, found * 100 >= of * RECALL))
    lines += [
        ("false among the supported", false, told, false * 100 <= told * FALSE_SUPPORTED or not whole_lab),
        ("false among the proven", everything.total("false_proven", every), everything.total("found_proven", every),
         not everything.total("false_proven", every)),
        ("clock intervals without the truth", everything.n["clock_wrong"], everything.n["clock"], not everything.n["clock_wrong"]),
        ("decidable reset trains whose sender or fate is wrong or open", bad_resets, resets["decidable"], not bad_resets),
        ("right causes of decidable reset trains", causes, causes + wrong, causes * 100 >= (causes + wrong) * CAUSES),
    ]
    for what, part, whole, good in lines:
        print(f"{'ok  ' if good else 'FAIL'}  {what}: {part} of {whole} ({percent(part, whole)} %)")
    return all(line[3] for line in lines)
