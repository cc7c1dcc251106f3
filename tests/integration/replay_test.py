#!/usr/bin/env python3
"""Eleven minutes of a real market, played as fast as they can be read, come out exactly as they were."""

from __future__ import annotations

import unittest
from collections import Counter
from pathlib import Path
from typing import Any

import accounting
from stoa_process import RECORDINGS, Case, dump, segments

FILES = [RECORDINGS / "binance" / "spot" / f"btcusdt_{day}.gz" for day in ("20240808", "20240809")]
FLAGS = [word for file in FILES for word in ("--recording", str(file))]


def missing() -> str:
    absent = [str(file) for file in FILES if not file.is_file()]
    return f"no recording at {', '.join(absent)}; STOA_RECORDINGS names the folder" if absent else ""


@unittest.skipIf(missing(), missing())
class ReplayTest(Case):
    def play(self, name: str) -> tuple[Path, dict[str, Any]]:
        data = self.dir / name
        # Of the log's bytes nothing depends on when they are synced.
        return data, self.finish(data, *FLAGS, "--speed", "max", "--exit-when-done", "--sync", "none", seconds=300)

    def test_recordings_play_without_a_gap_twice_the_same(self) -> None:
        first, report = self.play("first")
        self.assertEqual(report["frames"], 99_574)
        self.assertEqual(report["gaps"], 0)
        self.assertEqual(report["crossed"], 0)
        self.assertEqual(report["bad_lines"], 0)
        self.assertEqual(report["top_of_book_compared"], 5_736)
        self.assertEqual(report["top_of_book_equal"], 5_734)
        self.assertEqual(self.verify_replay(first)["state_hash"], report["state_hash"])

        second, second_report = self.play("second")
        self.assertEqual(second_report["state_hash"], report["state_hash"])
        # Not assertEqual: its text of a difference would be as long as the logs.
        self.assertTrue(segments(first) == segments(second), "two plays of one recording differ")

    def test_strategies_trade_it_and_the_money_adds_up(self) -> None:
        data, report = self.play("traded")
        names = {
            record["message"]["body"]["strategy"]: record["message"]["body"]["name"]
            for record in dump(data, "StrategyCommand")
        }
        orders = Counter(names.get(record["message"]["body"]["strategy"]) for record in dump(data, "OrderIntent"))
        self.assertGreater(orders["mm_btc"], 0, orders)
        self.assertGreater(orders["cross_btc"], 0, orders)

        engine = self.ready(data, *FLAGS, "--speed", "1")
        client = engine.client()
        fills, positions, account = accounting.read_moment(client)
        self.assertGreaterEqual(len(fills), report["fills"])
        self.assertEqual(len({fill["exec_id"] for fill in fills}), len(fills))
        self.assertEqual(accounting.faults(fills, positions, account), [])
        client.close()
        self.assertEqual(engine.stop(), 0, engine.stderr)


if __name__ == "__main__":
    unittest.main()
