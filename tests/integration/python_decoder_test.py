#!/usr/bin/env python3
"""The decoder in clients/python/ reads a log as the program does: the same lines, and damage at the same place."""

from __future__ import annotations

import contextlib
import json
import random
import shutil
import subprocess
import sys
import unittest
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from stoa_process import ROOT, Case, environment, run_program

CLIENT = ROOT / "clients" / "python"
sys.path[:0] = [str(CLIENT), str(CLIENT / "tests")]

import golden  # noqa: E402
import journal_builder  # noqa: E402

SIMULATED_SECONDS = 240
SEGMENT_BYTES = 1 << 20
DAMAGES = 8


def run_decoder(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Runs `python3 -m stoa` to its end."""
    command = [sys.executable, "-m", "stoa", *map(str, arguments)]
    env = environment() | {"PYTHONPATH": str(CLIENT), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=env)


def without_words(report: dict[str, Any]) -> dict[str, Any]:
    """A report of `verify`, where what is wrong is a place and not a sentence."""
    return report | {"damage": [{key: one[key] for key in ("segment", "offset", "lsn")} for one in report["damage"]]}


@contextlib.contextmanager
def flipped_bit(path: Path, at: int) -> Iterator[None]:
    """A file with one bit of byte `at` wrong, for a while."""
    with path.open("r+b") as file:
        file.seek(at)
        (byte,) = file.read(1)

        def write(value: int) -> None:
            file.seek(at)
            file.write(bytes([value]))
            file.flush()

        write(byte ^ 4)
        try:
            yield
        finally:
            write(byte)


class PythonDecoderTest(Case):
    def compare_dumps(self, data: Path) -> list[str]:
        """The lines that both write."""
        ours = run_program("journal", "dump", data, "-o", "json", seconds=120)
        theirs = run_decoder("dump", data)
        self.assertEqual(theirs.returncode, ours.returncode, theirs.stderr + ours.stderr)
        for decoded, dumped in zip(theirs.stdout.splitlines(), ours.stdout.splitlines(), strict=False):
            self.assertEqual(decoded, dumped)
        self.assertTrue(theirs.stdout == ours.stdout, "one dump has more lines than the other")
        return ours.stdout.splitlines()

    def compare_reports(self, data: Path) -> dict[str, Any]:
        ours = run_program("journal", "verify", data, "-o", "json")
        theirs = run_decoder("verify", data)
        self.assertEqual(theirs.returncode, ours.returncode, theirs.stderr + ours.stderr)
        report = json.loads(ours.stdout)
        self.assertEqual(without_words(json.loads(theirs.stdout)), without_words(report))
        return report

    def test_the_log_of_a_run_reads_the_same(self) -> None:
        data = self.dir / "run"
        flags = ("--speed", "max", "--duration", str(SIMULATED_SECONDS), "--sync", "none", "--seed", "7")
        run = self.finish(data, "--market-source", "sim", *flags, "--set", f"wal.segment_bytes={SEGMENT_BYTES}")
        lines = self.compare_dumps(data)
        self.assertEqual(len(lines), run["records"])
        self.assertGreater(len(lines), 100)
        self.assertTrue(self.compare_reports(data)["intact"])

        whole = self.compare_reports(data)["segments"]
        self.assertGreater(len(whole), 1)
        chance = random.Random(7)
        for _ in range(DAMAGES):
            segment = chance.choice(whole)
            at = chance.choice((chance.randrange(segment["end_offset"]), chance.randrange(SEGMENT_BYTES)))
            with self.subTest(segment=segment["name"], at=at), flipped_bit(data / "wal" / segment["name"], at):
                damaged = self.compare_reports(data)
                self.assertNotEqual(damaged["segments"] if damaged["intact"] else None, whole)
        self.assertTrue(self.compare_reports(data)["intact"], "the damage was not mended")

        with flipped_bit(data / "wal" / whole[0]["name"], whole[0]["end_offset"] // 2):
            self.assertLess(len(self.compare_dumps(data)), whole[0]["records"])

    def test_a_journal_written_by_hand_reads_the_same(self) -> None:
        messages = [entry.data for entry in golden.read("native_messages.txt") if not entry.data[7] & 4]
        builder = journal_builder.Builder(segment_bytes=16 * 4096, epoch=3)
        for number, message in enumerate(messages):
            if number % 20 == 19:
                builder.roll(epoch=3 + number)
            builder.append(message, sync_point=number % 3 == 0)
        whole = builder.write(self.dir / "golden")
        self.assertEqual(len(self.compare_dumps(whole)), len(messages))
        self.assertTrue(self.compare_reports(whole)["intact"])

        names = sorted(builder.files)
        for removed in names[1:-1]:
            data = self.dir / f"without-{removed}"
            shutil.copytree(whole, data)
            (data / removed).unlink()
            self.assertFalse(self.compare_reports(data)["intact"])
            self.assertLess(len(self.compare_dumps(data)), len(messages))


if __name__ == "__main__":
    unittest.main()
