"""Reads tests/golden/: entries of a title, hex bytes in indented lines, and other lines before or behind them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

GOLDEN = Path(__file__).resolve().parents[3] / "tests" / "golden"


@dataclass(frozen=True)
class Entry:
    """One of a golden file's examples; `said` is its meaning, or the answer that a decoder gives."""

    title: str
    said: str
    data: bytes


def _is_hex(line: str) -> bool:
    return line.startswith("  ") and all(letter in "0123456789abcdef" for letter in line.strip())


def read(name: str) -> list[Entry]:
    entries = []
    for block in (GOLDEN / name).read_text(encoding="utf-8").split("\n\n")[1:]:
        title, *rest = block.strip("\n").split("\n")
        data = bytes.fromhex("".join(line.strip() for line in rest if _is_hex(line)))
        (said,) = (line.strip() for line in rest if not _is_hex(line))
        entries.append(Entry(title, said, data))
    return entries
