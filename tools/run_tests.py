#!/usr/bin/env python3
"""Runs tools/*_test.py and writes the counts as a JUnit file for test_totals.py."""

import argparse
import pathlib
import sys
import unittest
from xml.etree import ElementTree


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--junit", type=pathlib.Path)
    options = parser.parse_args()
    here = str(pathlib.Path(__file__).resolve().parent)
    suite = unittest.defaultTestLoader.discover(here, pattern="*_test.py", top_level_dir=here)
    result = unittest.TextTestRunner(verbosity=1, stream=sys.stdout).run(suite)
    if options.junit:
        options.junit.parent.mkdir(parents=True, exist_ok=True)
        failures = len(result.failures) + len(result.errors) + len(result.unexpectedSuccesses)
        ElementTree.ElementTree(ElementTree.Element("testsuite", {
            "name": "tools", "tests": str(result.testsRun), "failures": str(failures),
            "skipped": str(len(result.skipped))})).write(options.junit)
    return 0 if result.wasSuccessful() and result.testsRun > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
