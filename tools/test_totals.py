#!/usr/bin/env python3
"""Adds up the JUnit files of a folder and prints one plain closing line."""

import pathlib
import sys
from xml.etree import ElementTree


def totals(folder: pathlib.Path) -> tuple[int, int, int]:
    """Passed, failed, skipped over every *.xml; a file that cannot be read counts as one failure."""
    passed = failed = skipped = 0
    for path in sorted(folder.glob("*.xml")):
        try:
            root = ElementTree.parse(path).getroot()
        except ElementTree.ParseError:
            failed += 1
            continue
        # Counts stand on the outermost element that has them; inner suites repeat them.
        suites = [root] if root.get("tests") is not None else root.findall("testsuite")
        for suite in suites:
            def number(name: str, suite: ElementTree.Element = suite) -> int:
                return int(suite.get(name) or 0)
            suite_failed = number("failures") + number("errors")
            # vitest leaves "skipped" to the inner suites of its root element; ctest adds disabled tests
            suite_skipped = number("skipped") + number("disabled")
            if suite.get("skipped") is None:
                suite_skipped += sum(int(inner.get("skipped") or 0) for inner in suite.findall("testsuite"))
            failed += suite_failed
            skipped += suite_skipped
            passed += number("tests") - suite_failed - suite_skipped
    return passed, failed, skipped


def main() -> int:
    passed, failed, skipped = totals(pathlib.Path(sys.argv[1]))
    print(f"total: {passed} passed, {failed} failed, {skipped} skipped")
    return 0


if __name__ == "__main__":
    sys.exit(main())
