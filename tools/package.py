#!/usr/bin/env python3
"""Packs the release: one archive with the program and its papers, and a file with its SHA-256.

The same input gives the same bytes: names are sorted, times and owners fixed.
"""

import argparse
import gzip
import hashlib
import io
import pathlib
import platform
import re
import subprocess
import sys
import tarfile

PAPERS = ["LICENSE", "NOTICE", "README.md", "CHANGELOG.md", "SECURITY.md"]


def pack(root: pathlib.Path, program: pathlib.Path, out: pathlib.Path, version: str, epoch: int) -> pathlib.Path:
    name = f"stoa-{version}-linux-{platform.machine()}"
    members = sorted([(f"{name}/bin/stoa", program, 0o755),
                      *((f"{name}/{paper}", root / paper, 0o644) for paper in PAPERS)])
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for member, path, mode in members:
            data = path.read_bytes()
            info = tarfile.TarInfo(member)
            info.size, info.mode, info.mtime = len(data), mode, epoch
            archive.addfile(info, io.BytesIO(data))
    out.mkdir(parents=True, exist_ok=True)
    target = out / f"{name}.tar.gz"
    target.write_bytes(gzip.compress(raw.getvalue(), mtime=epoch))
    digest = hashlib.sha256(target.read_bytes()).hexdigest()
    target.with_name(target.name + ".sha256").write_text(f"{digest}  {target.name}\n")
    return target


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    options = parser.parse_args()
    root = pathlib.Path(__file__).resolve().parent.parent
    version = re.search(r"project\(stoa VERSION ([\d.]+)", (root / "CMakeLists.txt").read_text())
    if version is None:
        print("package: CMakeLists.txt states no version", file=sys.stderr)
        return 1
    commit_time = subprocess.run(["git", "-C", str(root), "log", "-1", "--format=%ct"], capture_output=True, text=True)
    epoch = int(commit_time.stdout.strip() or 0)
    print(pack(root, options.program, options.out, version[1], epoch))
    return 0


if __name__ == "__main__":
    sys.exit(main())
