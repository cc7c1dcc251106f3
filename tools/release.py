#!/usr/bin/env python3
"""Makes a release folder of a program: the program without its symbols, and a manifest that names every file's digest.

    tools/release.py --program build/release/stoa --out build/releases [--name NAME]
"""

from __future__ import annotations

import argparse
import datetime
import hashlib
import json
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]


def wire() -> dict[str, int]:
    """Which versions of the wire format this tree reads and writes: N, and one before it."""
    text = (ROOT / "src/protocol/native/version.h").read_text()
    version = int(re.search(r"kVersion = (\d+);", text).group(1))
    return {"reads_from": max(1, version - 1), "reads_to": version, "writes": version}


def make(program: pathlib.Path, out: pathlib.Path, name: str | None) -> pathlib.Path:
    said = json.loads(subprocess.run([program, "version", "-o", "json"], capture_output=True, check=True).stdout)
    name = name or said["version"]
    folder = out / name
    passing = out / f".{name}.new"
    shutil.rmtree(passing, ignore_errors=True)
    passing.mkdir(parents=True)
    subprocess.run(["strip", "-o", passing / "stoa", program], check=True)
    (passing / "stoa").chmod(0o755)
    manifest = {
        "name": name,
        "version": said["version"],
        "commit": said["commit"],
        "wire": wire(),
        "built": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "files": {"stoa": hashlib.sha256((passing / "stoa").read_bytes()).hexdigest()},
    }
    (passing / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")
    shutil.rmtree(folder, ignore_errors=True)
    passing.rename(folder)
    return folder


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--program", type=pathlib.Path, required=True)
    options.add_argument("--out", type=pathlib.Path, required=True)
    options.add_argument("--name")
    given = options.parse_args()
    print(make(given.program, given.out, given.name))
    return 0


if __name__ == "__main__":
    sys.exit(main())
