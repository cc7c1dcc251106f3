#!/usr/bin/env python3
"""Backups of an engine under order flow: killed, restored elsewhere, replayed to the same state.

    backup_test.py                     as a test
    backup_test.py --rounds 20         more kills and restores
"""

from __future__ import annotations

import argparse
import http.client
import json
import random
import shutil
import subprocess
import sys
import threading
import time
import unittest
from pathlib import Path
from typing import Any

from stoa_process import Case, Engine, environment, program, run_program, wait_for

ROUNDS_IN_TEST = 3
SMALL_SEGMENTS = ("--set", "wal.segment_bytes=1048576")


class Flow(threading.Thread):
    """Places and cancels orders until the engine is gone."""

    def __init__(self, engine: Engine, name: str) -> None:
        super().__init__(daemon=True)
        self._engine, self._name = engine, name
        self.answers = 0

    def run(self) -> None:
        client = self._engine.client()
        try:
            for number in range(1_000_000):
                order = f"{self._name}-{number}"
                client.place(order, symbol="BTCUSDT", side="buy", type="limit", price="100", quantity="0.001")
                client.call("DELETE", f"/api/v1/orders/{order}")
                self.answers += 1
        except (OSError, http.client.HTTPException, ValueError):
            client.close()


class BackupTest(Case):
    rounds = ROUNDS_IN_TEST
    seed = 1

    def command(self, *words: str | Path, code: int = 0, seconds: float = 60) -> Any:
        done = run_program(*words, "-o", "json", seconds=seconds)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return json.loads(done.stdout) if done.stdout else None

    def save(self, data: Path, target: Path) -> dict[str, Any]:
        return self.command("journal", "backup", data, target)

    def state_hash(self, data: Path, to: str) -> str:
        """Of the state after a record, every decision derived again."""
        report = self.command("replay", "verify", "--data", data, "--to", to)
        self.assertEqual(report["mismatches"], 0, report["first_mismatch"])
        return report["state_hash"]

    def check_restored(self, data: Path, target: Path, place: Path, to: str | None = None) -> str:
        """Restores beside, and compares state and records with the log that was saved."""
        words = ("--to", to) if to else ()
        report = self.command("journal", "restore", target, place / "wal", *words)
        last = report["last_lsn"]
        self.assertEqual(report["mismatches"], 0)
        self.assertEqual(report["state_hash"], self.state_hash(data, last))
        self.assertEqual(report["state_hash"], self.state_hash(place, last))
        records = [run_program("journal", "dump", where, "--to", last).stdout for where in (data, place)]
        self.assertEqual(records[0], records[1])
        return last

    def test_saved_in_a_loop_killed_and_restored_to_the_same_state(self) -> None:
        choice = random.Random(self.seed)
        data, target = self.dir / "data", self.dir / "saved"
        last = 0
        for round_number in range(self.rounds):
            engine = self.ready(data, *SMALL_SEGMENTS)
            flows = [Flow(engine, f"r{round_number}-{i}") for i in range(4)]
            for flow in flows:
                flow.start()
            for _ in range(4):
                wanted = sum(flow.answers for flow in flows) + 50
                wait_for("orders", lambda: sum(f.answers for f in flows) >= wanted, 60)
                report = self.save(data, target)
                self.assertGreater(int(report["last_lsn"]), last)
                last = int(report["last_lsn"])
            engine.kill()
            for flow in flows:
                flow.join(30)
            self.assertTrue(self.command("journal", "backup", "verify", target)["intact"])
            restored = self.dir / f"restored-{round_number}"
            restored.mkdir()
            self.assertEqual(int(self.check_restored(data, target, restored)), last)
            # And to a record of somewhere before.
            earlier = self.dir / f"earlier-{round_number}"
            earlier.mkdir()
            self.check_restored(data, target, earlier, str(choice.randrange(1, last)))
        # What was restored is a log that an engine starts on and goes on with.
        engine = self.ready(restored, *SMALL_SEGMENTS)
        self.assertEqual(engine.stop(), 0, engine.stderr)
        self.assertGreater(int(self.verify_journal(restored)["last_lsn"]), last)
        self.verify_replay(restored)

    def test_a_backup_that_is_killed_leaves_the_one_before(self) -> None:
        choice = random.Random(self.seed)
        data, target = self.dir / "data", self.dir / "saved"
        engine = self.ready(data, *SMALL_SEGMENTS)
        flow = Flow(engine, "o")
        flow.start()
        wait_for("orders", lambda: flow.answers >= 20, 60)
        last = int(self.save(data, target)["last_lsn"])
        killed = 0
        for _ in range(12):
            wanted = flow.answers + 10
            wait_for("orders", lambda: flow.answers >= wanted, 60)
            process = subprocess.Popen(
                [str(program()), "journal", "backup", str(data), str(target)],
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment(),
            )
            time.sleep(choice.uniform(0, 0.05))  # a random moment; no check rests on it
            process.kill()
            killed += process.wait(30) != 0
            report = self.command("journal", "backup", "verify", target)
            self.assertTrue(report["intact"], report)
            self.assertGreaterEqual(int(report["last_lsn"]), last)
            last = int(report["last_lsn"])
        self.assertGreater(killed, 0, "no run was caught at work")
        engine.kill()
        flow.join(30)
        self.save(data, target)
        place = self.dir / "restored"
        place.mkdir()
        self.check_restored(data, target, place)

    def test_a_damaged_log_is_mended_from_its_backup(self) -> None:
        data, target = self.dir / "data", self.dir / "saved"
        engine = self.ready(data, *SMALL_SEGMENTS)
        flow = Flow(engine, "o")
        flow.start()
        wait_for("orders", lambda: flow.answers >= 100, 60)
        self.assertEqual(engine.stop(), 0, engine.stderr)
        flow.join(30)
        last = self.save(data, target)["last_lsn"]
        before = self.state_hash(data, last)
        segment = min((data / "wal").glob("*.seg"))
        bytes_ = bytearray(segment.read_bytes())
        bytes_[4000] ^= 1
        segment.write_bytes(bytes_)
        looked = run_program("journal", "verify", data)
        self.assertEqual(looked.returncode, 3)
        self.assertIn("look for a backup", looked.stderr)
        self.assertEqual(run_program("journal", "repair", data).returncode, 2, "nobody said yes")
        kept = self.dir / "copy"
        shutil.copytree(data, kept)
        # One way: what is left after a repair. It starts, and it is shorter.
        mended = self.command("journal", "repair", data, "--yes")
        self.assertTrue(mended["intact"])
        self.assertLess(int(mended["keep_last_lsn"]), int(last))
        self.assertEqual(self.ready(data, *SMALL_SEGMENTS).stop(), 0)
        self.verify_replay(data)
        # The better way: the backup, into the place of the log.
        shutil.move(kept / "wal", kept / "wal.damaged")
        report = self.command("journal", "restore", target, kept / "wal")
        self.assertEqual((report["last_lsn"], report["state_hash"]), (last, before))
        self.assertEqual(self.ready(kept, *SMALL_SEGMENTS).stop(), 0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=ROUNDS_IN_TEST, help=f"kills (default {ROUNDS_IN_TEST})")
    parser.add_argument("--seed", type=int, default=1, help="of the moments (default 1)")
    arguments, rest = parser.parse_known_args()
    BackupTest.rounds, BackupTest.seed = arguments.rounds, arguments.seed
    unittest.main(argv=[sys.argv[0], *rest])


if __name__ == "__main__":
    main()
