#!/usr/bin/env python3
"""Put a report into README.md, between the lines that mark its place: embed.py [--check] README TEXT."""
import sys

BEGIN, END = "<!-- make golden writes this -->\n```\n", "```\n<!-- until here -->\n"


def main(arguments):
    check = arguments[:1] == ["--check"]
    readme, text = arguments[-2:]
    with open(readme, encoding="utf-8") as file:
        page = file.read()
    with open(text, encoding="utf-8") as file:
        report = file.read()
    before, _, rest = page.partition(BEGIN)
    shown, _, after = rest.partition(END)
    if not rest or not after:
        print(f"{readme}: the place for the example is not marked")
        return 1
    if check:
        return 0 if shown == report else 1
    with open(readme, "w", encoding="utf-8") as file:
        file.write(before + BEGIN + report + END + after)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
