#!/usr/bin/env python3
"""The decoder in clients/python/ reads a log as the program does: the same lines, and damage at the same place."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
import unittest
from pathlib import Path
from typing import Any

from stoa_process import ROOT, Case, environment, run_program

CLIENT = ROOT / "clients" / "python"
sys.path[:0] = [str(CLIENT), str(CLIENT / "tests")]

import golden  # noqa: E402
import journal_builder  # noqa: E402

SIMULATED_SECONDS = 3
HEADER_BYTES = 128
DAMAGES = 8


def run_decoder(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Runs `python3 -m stoa` to its end."""
    command = [sys.executable, "-m", "stoa", *map(str, arguments)]
    env = environment() | {"PYTHONPATH": str(CLIENT), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=env)


def without_words(report: dict[str, Any]) -> dict[str, Any]:
    """A report of `verify`, where what is wrong is a place and not a sentence."""
    return report | {"damage": [{key: one[key] for key in ("segment", "offset", "lsn")} for one in report["damage"]]}


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
        run = self.finish(data, "--market-source", "sim", *flags)
        lines = self.compare_dumps(data)
        self.assertEqual(len(lines), run["records"])
        self.assertGreater(len(lines), 100)
        self.assertTrue(self.compare_reports(data)["intact"])

        segment = next((data / "wal").glob("*.seg"))
        end_offset = self.compare_reports(data)["segments"][0]["end_offset"]
        chance = random.Random(7)
        found = 0
        for at in (0, HEADER_BYTES, *(chance.randrange(end_offset) for _ in range(DAMAGES)), end_offset + 4096):
            with segment.open("r+b") as file, self.subTest(at=at):
                file.seek(at)
                (byte,) = file.read(1)
                file.seek(at)
                file.write(bytes([byte ^ 1 << chance.randrange(8)]))
                file.flush()
                found += not self.compare_reports(data)["intact"]
                file.seek(at)
                file.write(bytes([byte]))
        self.assertGreater(found, DAMAGES // 2)
        self.assertTrue(self.compare_reports(data)["intact"], "the damage was not mended")

        with segment.open("r+b") as file:
            file.seek(end_offset // 2)
            file.write(b"\xa5" * 16)
        self.assertLess(len(self.compare_dumps(data)), len(lines))

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
