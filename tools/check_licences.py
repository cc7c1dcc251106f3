#!/usr/bin/env python3
"""Is every library that the build finds named in NOTICE with a licence that we may ship?"""

import pathlib
import re
import sys

import tree

# Licences that put no condition on the program beyond attribution.
_ACCEPTED = {"Apache-2.0", "MIT", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "Zlib", "ISC", "blessing"}
# Found by CMake, but part of the system or never in the shipped program.
_NOT_SHIPPED = {"Threads", "Python3", "GTest", "benchmark"}
_ROW = re.compile(r"^- (?P<name>[\w+. -]+?) \((?P<package>[\w+.-]+)\): (?P<licence>[\w.+-]+)", re.M)


def check(root: pathlib.Path) -> list[str]:
    notice = (root / "NOTICE").read_text()
    rows = {row["package"]: row["licence"] for row in _ROW.finditer(notice)}
    findings = [f"NOTICE: {package} has licence {licence}, which is not one that we ship"
                for package, licence in rows.items() if licence not in _ACCEPTED]
    found: set[str] = set()
    for path in tree.tracked_files(root):
        # Benches compare with peers that nobody ships.
        if path.parts[0] == "bench" or not (path.name == "CMakeLists.txt" or path.suffix == ".cmake"):
            continue
        text = re.sub(r"#[^\n]*", "", (root / path).read_text())
        found |= set(re.findall(r"find_package\(\s*([\w+-]+)", text))
    for name in sorted(found - _NOT_SHIPPED - rows.keys()):
        findings.append(f"NOTICE: find_package({name}) is not listed")
    return findings


def main() -> int:
    options = tree.arguments(__doc__).parse_args()
    return tree.finish("check_licences", check(options.root), "every library named")


if __name__ == "__main__":
    sys.exit(main())
