#!/usr/bin/env python3
"""Adds up test results and prints them, the sum alone on the last line.

Fails if a test failed, if a runner left no results, or if nothing ran.
"""

import argparse
import pathlib
import sys
import xml.etree.ElementTree as xml


def read(path):
    """(passed, failed, skipped, names of failures) of a JUnit file."""
    passed = failed = skipped = 0
    names = []
    for case in xml.parse(path).getroot().iter("testcase"):
        # CTest says in an attribute what others say in elements.
        status = case.get("status", "")
        name = "/".join(filter(None, [case.get("classname"), case.get("name")]))
        if case.find("skipped") is not None or status in ("notrun", "disabled"):
            skipped += 1
        elif case.find("failure") is not None or case.find("error") is not None or status == "fail":
            failed += 1
            names.append(name)
        else:
            passed += 1
    return passed, failed, skipped, names


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--one", action="append", default=[], metavar="NAME=passed|failed|skipped")
    parser.add_argument("files", nargs="*", metavar="NAME=JUNIT.xml")
    args = parser.parse_args()

    rows, failures, broken = [], [], False
    for entry in args.files:
        name, _, path = entry.partition("=")
        try:
            passed, failed, skipped, names = read(pathlib.Path(path))
        except (OSError, xml.ParseError) as error:
            print(f"error: no results of {name}: {error}")
            broken = True
            continue
        rows.append((name, passed, failed, skipped))
        failures += names
    for entry in args.one:
        name, _, outcome = entry.partition("=")
        if outcome not in ("passed", "failed", "skipped"):
            parser.error(f"{entry}: expects passed, failed or skipped")
        rows.append((name, outcome == "passed", outcome == "failed", outcome == "skipped"))
        if outcome == "failed":
            failures.append(name)

    for failure in failures:
        print(f"   failed: {failure}")
    for name, *counts in rows:
        print("   {:24} {:5d} passed {:5d} failed {:5d} skipped".format(name, *map(int, counts)))
    passed, failed, skipped = (sum(row[i] for row in rows) for i in (1, 2, 3))
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    sys.exit(1 if failed or broken or not passed else 0)


if __name__ == "__main__":
    main()
