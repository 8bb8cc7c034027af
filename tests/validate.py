#!/usr/bin/python3
"""Validate what the programs write against docs/schema: validate.py report|events|journal FILE...

Events and journals are taken line by line. "-" is standard input. Beyond the
schemas it checks what they cannot say: ids count from 1, references resolve, events stand in time order, counts add
up. Exit status 0: all valid; 1: not, and each fault is printed; 2: usage.
"""
import json
import pathlib
import sys

import jsonschema

SCHEMAS = pathlib.Path(__file__).resolve().parent.parent / "docs" / "schema"
FAULTS_SHOWN = 20


def strict(pairs):
    """An object, refusing a key that stands twice."""
    keys = [key for key, _ in pairs]
    if len(set(keys)) != len(keys):
        raise ValueError(f"a key stands twice among {keys}")
    return dict(pairs)


def refuse_constant(text):
    raise ValueError(f"{text} is no JSON number")


def parse(text):
    return json.loads(text, object_pairs_hook=strict, parse_constant=refuse_constant)


def schema_faults(validator, value, where):
    for error in validator.iter_errors(value):
        path = "/".join(str(part) for part in error.absolute_path)
        yield f"{where}: at /{path}: {error.message[:300]}"


def hop_faults(hops, where):
    for hop in hops:
        parts = hop["arrived"] + hop["lost"] + hop["corrupted"] + hop["unresolved"]
        if hop["sent"] != parts:
            yield f"{where}: {hop['from']} > {hop['to']}: sent {hop['sent']} is not {parts}, the sum of its parts"
        if hop["lost_proven"] > hop["lost"]:
            yield f"{where}: more proven losses than losses"


def report_faults(report):
    for name in ("findings", "resets", "connections"):
        ids = [item["id"] for item in report[name]]
        if ids != list(range(1, len(ids) + 1)):
            yield f"{name}: ids do not count from 1"
    last = len(report["connections"])
    if report["summary"]["connections"] != last:
        yield "summary: another number of connections than there are"
    for finding in report["findings"]:
        if any(number > last for number in finding["connections"]):
            yield f"finding {finding['id']}: names a connection that is not there"
    for reset in report["resets"]:
        if reset["connection"] > last:
            yield f"reset {reset['id']}: names a connection that is not there"
    yield from hop_faults(report["summary"]["hops"], "summary")
    for connection in report["connections"]:
        yield from hop_faults(connection["hops"], f"connection {connection['id']}")


def event_faults(lines):
    if not lines or lines[0].get("event") != "header":
        yield "the first line is no header"
        return
    before = None
    for number, event in enumerate(lines[1:], 1):
        if event.get("event") == "header":
            yield f"line {number + 1}: a second header"
            continue
        if event["id"] != number:
            yield f"line {number + 1}: id {event['id']} is not {number}"
        if before is not None and event["time_ns"] < before:
            yield f"line {number + 1}: earlier than the line before"
        before = event["time_ns"]


def check(kind, text):
    schema = parse((SCHEMAS / f"{kind}.schema.json").read_text())
    validator = jsonschema.Draft7Validator(schema)
    if kind == "report":
        report = parse(text)
        faults = list(schema_faults(validator, report, "report"))
        return faults or list(report_faults(report))
    lines = [parse(line) for line in text.splitlines()]
    faults = [fault for number, line in enumerate(lines, 1) for fault in schema_faults(validator, line, f"line {number}")]
    return faults or (list(event_faults(lines)) if kind == "events" else [])


def main(arguments):
    if len(arguments) < 2 or arguments[0] not in ("report", "events", "journal"):
        print(__doc__, file=sys.stderr)
        return 2
    bad = False
    for name in arguments[1:]:
        text = sys.stdin.read() if name == "-" else pathlib.Path(name).read_text(encoding="utf-8")
        try:
            faults = check(arguments[0], text)
        except ValueError as error:
            faults = [str(error)]
        for fault in faults[:FAULTS_SHOWN]:
            print(f"{name}: {fault}")
        bad = bad or bool(faults)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
