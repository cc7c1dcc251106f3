#!/usr/bin/env python3
"""Are the C++ sources formatted as clang-format 19 wants them (.clang-format)? --fix rewrites them."""

import pathlib
import subprocess
import sys

import tree

FOLDERS = {"src", "bench", "fuzz", "tests"}
BATCH = 64


def sources(root: pathlib.Path) -> list[pathlib.Path]:
    return [p for p in tree.tracked_files(root)
            if p.suffix in {".h", ".cc", ".cpp"} and p.parts[0] in FOLDERS and "third_party" not in p.parts]


def main() -> int:
    parser = tree.arguments(__doc__)
    parser.add_argument("--fix", action="store_true")
    options = parser.parse_args()
    files = sources(options.root)
    mode = ["-i"] if options.fix else ["--dry-run", "--Werror"]
    findings: list[str] = []
    for first in range(0, len(files), BATCH):
        batch = [str(p) for p in files[first:first + BATCH]]
        done = subprocess.run(["clang-format-19", "--style=file", *mode, *batch], cwd=options.root,
                              capture_output=True, text=True)
        findings += [line for line in done.stderr.splitlines() if ": error:" in line]
        if done.returncode != 0 and not findings:
            findings.append(done.stderr)
    files_wrong = sorted({line.split(":", 1)[0] for line in findings})
    report = [f"{name}: not formatted; run ./dev format" for name in files_wrong]
    return tree.finish("check_format", report, f"{len(files)} files")


if __name__ == "__main__":
    sys.exit(main())
