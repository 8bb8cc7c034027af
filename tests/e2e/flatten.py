#!/usr/bin/env python3
"""Print a report.json so that two of them can be compared: an element a line, without what differs from run to run."""
import json
import sys


def main(path):
    with open(path, encoding="utf-8") as text:
        report = json.load(text)
    report.pop("created", None)
    report.pop("created_ns", None)
    for key, value in report.items():
        if isinstance(value, list):
            for number, element in enumerate(value):
                print(f"{key}[{number}] {json.dumps(element)}")
        else:
            print(f"{key} {json.dumps(value)}")


if __name__ == "__main__":
    main(sys.argv[1])
