"""The files that the checks look at, and the way they report."""

import argparse
import pathlib
import subprocess
import sys

_SKIPPED_FOLDERS = {".git", "build", "node_modules", "dist", "__pycache__"}


def tracked_files(root: pathlib.Path) -> list[pathlib.Path]:
    """Files below root that git tracks or would add, relative to root; every file where root is no repository."""
    if (root / ".git").exists():
        listed = subprocess.run(
            ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            check=True, capture_output=True).stdout
        paths = {pathlib.Path(p.decode()) for p in listed.split(b"\0") if p}
    else:
        paths = {p.relative_to(root) for p in root.rglob("*") if not _SKIPPED_FOLDERS & set(p.relative_to(root).parts)}
    return sorted(p for p in paths if (root / p).is_file())


def text_of(path: pathlib.Path) -> str | None:
    """The file as text, or None for a binary file."""
    data = path.read_bytes()
    if b"\0" in data:
        return None
    return data.decode("utf-8", errors="replace")


def arguments(description: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--root", type=pathlib.Path, default=pathlib.Path(__file__).resolve().parent.parent,
                        help="the tree to look at (default: this one)")
    return parser


def finish(name: str, findings: list[str], looked_at: str) -> int:
    """Prints the findings; the exit code is 3 (looked and found a fault) when there are any."""
    for finding in findings:
        print(finding)
    if findings:
        print(f"{name}: {len(findings)} finding{'s' if len(findings) != 1 else ''}", file=sys.stderr)
        return 3
    print(f"{name}: {looked_at}, nothing to say")
    return 0
